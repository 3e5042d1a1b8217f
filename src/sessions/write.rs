//! Tables to files: Parquet, CSV or NDJSON by the extension, complete or not at all.

use std::path::Path;

use polars::prelude::*;

use super::error::LoadError;
use super::input::{Format, write_atomically};
use crate::table::{self, ColumnData, Table};

/// Writes a table. Labels are written as text, missing values as nulls (empty in CSV).
///
/// # Errors
/// If the extension names no format that can be written, or the file cannot be written.
pub fn write(table: &Table, path: &Path) -> Result<(), LoadError> {
    let file = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let format: Format = extension.parse().map_err(|_| LoadError::UnknownOutput { file: file.clone() })?;
    let failed = |error: PolarsError| LoadError::Io {
        action: "write",
        file: file.clone(),
        source: std::io::Error::other(error.to_string()),
    };
    let mut frame = frame_of(table).map_err(failed)?;
    let separator = if matches!(extension.to_ascii_lowercase().as_str(), "tsv" | "tab") { b'\t' } else { b',' };
    write_atomically(path, |out| match format {
        Format::Parquet => {
            let zstd = ParquetCompression::Zstd(None);
            ParquetWriter::new(out).with_compression(zstd).finish(&mut frame).map(|_| ()).map_err(failed)
        }
        Format::Csv => CsvWriter::new(out).with_separator(separator).finish(&mut frame).map_err(failed),
        Format::Ndjson => {
            JsonWriter::new(out).with_json_format(JsonFormat::JsonLines).finish(&mut frame).map_err(failed)
        }
        Format::Arrow => IpcWriter::new(out).finish(&mut frame).map_err(failed),
    })
}

fn frame_of(table: &Table) -> PolarsResult<DataFrame> {
    let columns = table.columns().iter().map(|column| {
        let name = PlSmallStr::from(column.name.as_str());
        match &column.data {
            ColumnData::Number(values) if values.iter().all(|v| v.is_nan() || (v.fract() == 0.0 && v.abs() < 1e15)) => {
                let values: Int64Chunked = values.iter().map(|v| (!v.is_nan()).then_some(*v as i64)).collect();
                values.with_name(name).into_series().into_column()
            }
            ColumnData::Number(values) => {
                let values: Float64Chunked = values.iter().map(|v| (!v.is_nan()).then_some(*v)).collect();
                values.with_name(name).into_series().into_column()
            }
            ColumnData::Factor(factor) => {
                let label = |&code: &u32| (code != table::MISSING).then(|| factor.levels[code as usize].as_str());
                let labels: StringChunked = factor.codes.iter().map(label).collect();
                labels.with_name(name).into_series().into_column()
            }
        }
    });
    DataFrame::new(table.n_rows(), columns.collect())
}
