//! One JSON object per line: blocks of whole lines go to polars as text columns; numbers are recognised afterwards.
//! Lists and objects inside become their JSON text.

use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::*;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde_json::Value;

use super::accumulator::Accumulator;
use super::blocks::{Blocks, last_line_end};
use super::error::LoadError;
use super::input::Input;
use super::reader::{Reader, fault_error};

/// Lines looked at for column names.
const NAMED_LINES: usize = 10_000;

/// An opened table of JSON lines.
pub(super) struct NdjsonTable {
    input: Input,
    names: Vec<String>,
    blocks: Blocks,
    first: Vec<u8>,
}

impl NdjsonTable {
    /// Reads the first block and collects the keys of its first lines.
    pub(super) fn open(input: Input, block_bytes: usize) -> Result<Self, LoadError> {
        let mut blocks = Blocks::open(&input, block_bytes)?;
        let Some(first) = blocks.next_block(last_line_end)? else {
            return Err(LoadError::NoRows { file: input.name });
        };
        let mut names = Vec::new();
        let mut seen = FxHashSet::default();
        for (row, line) in lines(&first).take(NAMED_LINES).enumerate() {
            for key in parse_line(&input.name, row, line)?.keys() {
                if seen.insert(key.clone()) {
                    names.push(key.clone());
                }
            }
        }
        Ok(NdjsonTable { input, names, blocks, first })
    }

    fn parse(&self, block: &[u8], columns: &[(usize, &mut Accumulator)]) -> PolarsResult<DataFrame> {
        let schema: Schema =
            columns.iter().map(|(place, _)| Field::new(self.names[*place].as_str().into(), DataType::String)).collect();
        JsonReader::new(Cursor::new(block))
            .with_json_format(JsonFormat::JsonLines)
            .with_schema(Arc::new(schema))
            .set_rechunk(false)
            .finish()
    }

    /// Finds the line polars could not read.
    fn parse_error(&self, block: &[u8], first_row: usize, error: &PolarsError) -> LoadError {
        let bad =
            lines(block).enumerate().find_map(|(row, line)| parse_line(&self.input.name, first_row + row, line).err());
        bad.unwrap_or_else(|| self.input.broken(format!("rows from {}: {error}", first_row + 1)))
    }

    fn read_block(
        &self,
        block: &[u8],
        first_row: usize,
        columns: &mut [(usize, &mut Accumulator)],
    ) -> Result<usize, LoadError> {
        let rows = lines(block).count();
        let failed = |error: PolarsError| self.parse_error(block, first_row, &error);
        let frame = self.parse(block, columns).map_err(failed)?;
        if frame.height() != rows {
            return Err(failed(polars_err!(ComputeError: "found {} records in {rows} lines", frame.height())));
        }
        let (input, names) = (&self.input, &self.names);
        columns.par_iter_mut().try_for_each(|(place, accumulator)| {
            let column = frame.column(&names[*place]).map_err(|error| input.broken(error.to_string()))?;
            accumulator
                .push(column.as_materialized_series(), true)
                .map_err(|fault| fault_error(&input.name, &accumulator.column, first_row, fault))
        })?;
        Ok(rows)
    }
}

impl Reader for NdjsonTable {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, columns: &mut [(usize, &mut Accumulator)]) -> Result<usize, LoadError> {
        let first = std::mem::take(&mut self.first);
        let mut rows = self.read_block(&first, 0, columns)?;
        drop(first);
        while let Some(block) = self.blocks.next_block(last_line_end)? {
            rows += self.read_block(&block, rows, columns)?;
        }
        Ok(rows)
    }
}

/// Lines that are not blank.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace))
}

fn parse_line(file: &str, row: usize, line: &[u8]) -> Result<serde_json::Map<String, Value>, LoadError> {
    let bad = |message: String| LoadError::BadRow { file: file.to_owned(), row: row + 1, message };
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(bad(String::from("the line is JSON, but no object"))),
        Err(error) => Err(bad(format!("the line cannot be read as JSON ({error})"))),
    }
}
