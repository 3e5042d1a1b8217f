//! Parquet files: only the needed columns, in bounded ranges of rows, one task per column.

use std::fs::File;
use std::io::Cursor;
use std::sync::Arc;

use polars::io::mmap::MmapBytesReader;
use polars::prelude::*;
use rayon::prelude::*;

use super::accumulator::Accumulator;
use super::error::LoadError;
use super::input::{Input, Place, SharedBytes};
use super::reader::{Reader, fault_error};
use super::types::refuse_type;

/// An opened Parquet file.
pub(super) struct ParquetTable {
    input: Input,
    schema: Arc<ArrowSchema>,
    metadata: FileMetadataRef,
    names: Vec<String>,
    range_rows: usize,
}

impl ParquetTable {
    /// Reads the metadata.
    pub(super) fn open(input: Input, range_rows: usize) -> Result<Self, LoadError> {
        let mut reader = ParquetReader::new(open_bytes(&input)?);
        let schema = reader.schema().map_err(|error| schema_error(&input, &error))?;
        let metadata = reader.get_metadata().map_err(|error| input.broken(error.to_string()))?.clone();
        let names = schema.iter_names().map(|name| name.to_string()).collect();
        Ok(ParquetTable { input, schema, metadata, names, range_rows })
    }

    /// One column of a range of rows of one row group.
    fn read_range(&self, group: &FileMetadataRef, column: usize, start: usize, rows: usize) -> PolarsResult<DataFrame> {
        let bytes = open_bytes(&self.input).map_err(|error| polars_err!(ComputeError: "{error}"))?;
        let mut reader = ParquetReader::new(bytes)
            .with_projection(Some(vec![column]))
            .read_parallel(ParallelStrategy::None)
            .with_slice(Some((start, rows)));
        reader.set_metadata(Arc::clone(group));
        reader.finish()
    }
}

impl Reader for ParquetTable {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, columns: &mut [(usize, &mut Accumulator)]) -> Result<usize, LoadError> {
        for (place, accumulator) in columns.iter() {
            let dtype = self.schema.get_at_index(*place).map(|(_, field)| field.dtype());
            refuse_type(&self.input.name, &accumulator.column, dtype)?;
        }
        let mut first_row = 0;
        for group in &self.metadata.row_groups {
            let rows = group.num_rows();
            // a file of this row group only: polars would otherwise walk over all the others
            let alone = FileMetadata { num_rows: rows, row_groups: vec![group.clone()], ..(*self.metadata).clone() };
            let alone: FileMetadataRef = Arc::new(alone);
            for start in (0..rows).step_by(self.range_rows) {
                let count = self.range_rows.min(rows - start);
                columns.par_iter_mut().try_for_each(|(place, accumulator)| {
                    let frame = self
                        .read_range(&alone, *place, start, count)
                        .map_err(|error| self.input.broken(format!("column `{}`: {error}", accumulator.column)))?;
                    let series = frame.columns()[0].as_materialized_series();
                    accumulator
                        .push(series, false)
                        .map_err(|fault| fault_error(&self.input.name, &accumulator.column, first_row + start, fault))
                })?;
            }
            first_row += rows;
        }
        Ok(first_row)
    }
}

fn open_bytes(input: &Input) -> Result<Box<dyn MmapBytesReader>, LoadError> {
    Ok(match &input.place {
        Place::File(path) => Box::new(File::open(path).map_err(|source| input.unreadable(source))?),
        Place::Memory(bytes) => Box::new(Cursor::new(SharedBytes(Arc::clone(bytes)))),
    })
}

fn schema_error(input: &Input, error: &PolarsError) -> LoadError {
    match error {
        PolarsError::Duplicate(message) => {
            let text = message.to_string();
            let column = text.split(['\'', '"', '`']).nth(1).unwrap_or(&text).to_owned();
            LoadError::DuplicateColumn { file: input.name.clone(), column }
        }
        other => input.broken(other.to_string()),
    }
}
