//! What every format offers: column names, and the wanted columns read piece by piece.

use super::accumulator::{Accumulator, Fault};
use super::arrow::ArrowTable;
use super::csv::CsvTable;
use super::error::{BadValue, LoadError};
use super::input::{Format, Input};
use super::ndjson::NdjsonTable;
use super::parquet::ParquetTable;

/// How much is read at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Rows of a Parquet range.
    pub(super) rows: usize,
    /// Bytes of a text block.
    pub(super) bytes: usize,
}

/// An opened table.
pub(super) trait Reader {
    /// Column names in order.
    fn names(&self) -> &[String];

    /// Adds all rows to the accumulators of the columns (by their place in [`Reader::names`]) and returns their number.
    fn read(&mut self, columns: &mut [(usize, &mut Accumulator)]) -> Result<usize, LoadError>;
}

/// Opens a table of any format.
pub(super) fn open(input: &Input, bounds: Bounds) -> Result<Box<dyn Reader>, LoadError> {
    let reader: Box<dyn Reader> = match input.format {
        Format::Parquet => Box::new(ParquetTable::open(input.clone(), bounds.rows)?),
        Format::Arrow => Box::new(ArrowTable::open(input.clone())?),
        Format::Csv => Box::new(CsvTable::open(input.clone(), bounds.bytes)?),
        Format::Ndjson => Box::new(NdjsonTable::open(input.clone(), bounds.bytes)?),
    };
    if reader.names().is_empty() {
        return Err(LoadError::NoColumns { file: input.name.clone() });
    }
    Ok(reader)
}

/// The error of a piece that starts at row `first_row` (from 0) of its file.
pub(super) fn fault_error(file: &str, column: &str, first_row: usize, fault: Fault) -> LoadError {
    match fault {
        Fault::Infinite { row, value } => BadValue {
            file: file.to_owned(),
            row: first_row + row + 1,
            column: column.to_owned(),
            found: format!("`{value}`"),
            expected: String::from("a finite number"),
            hint: String::from("leave the value empty if it is missing"),
        }
        .into(),
        Fault::Types { found, expected } => {
            LoadError::TypesDiffer { file: file.to_owned(), column: column.to_owned(), found, expected }
        }
        Fault::Unsupported(found) => {
            LoadError::UnsupportedType { file: file.to_owned(), column: column.to_owned(), found }
        }
        Fault::Engine(message) => LoadError::Unreadable {
            file: file.to_owned(),
            format: "table",
            message: format!("column `{column}`: {message}"),
        },
    }
}
