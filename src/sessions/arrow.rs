//! Arrow IPC files (Feather version 2): only the needed columns, one at a time per thread.

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

/// An opened Arrow file.
pub(super) struct ArrowTable {
    input: Input,
    schema: Arc<ArrowSchema>,
    names: Vec<String>,
}

impl ArrowTable {
    /// Reads the schema.
    pub(super) fn open(input: Input) -> Result<Self, LoadError> {
        let schema = IpcReader::new(open_bytes(&input)?).schema().map_err(|error| input.broken(error.to_string()))?;
        let names = schema.iter_names().map(|name| name.to_string()).collect();
        Ok(ArrowTable { input, schema, names })
    }
}

impl Reader for ArrowTable {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, columns: &mut [(usize, &mut Accumulator)]) -> Result<usize, LoadError> {
        for (place, accumulator) in columns.iter() {
            let dtype = self.schema.get_at_index(*place).map(|(_, field)| field.dtype());
            refuse_type(&self.input.name, &accumulator.column, dtype)?;
        }
        let read_column = |(place, accumulator): &mut (usize, &mut Accumulator)| -> Result<usize, LoadError> {
            let frame = IpcReader::new(open_bytes(&self.input)?)
                .with_projection(Some(vec![*place]))
                .set_rechunk(false)
                .finish()
                .map_err(|error| self.input.broken(format!("column `{}`: {error}", accumulator.column)))?;
            let series = frame.columns()[0].as_materialized_series();
            accumulator
                .push(series, false)
                .map_err(|fault| fault_error(&self.input.name, &accumulator.column, 0, fault))?;
            Ok(series.len())
        };
        let rows = columns.par_iter_mut().map(read_column).collect::<Result<Vec<usize>, LoadError>>()?;
        Ok(rows.first().copied().unwrap_or(0))
    }
}

fn open_bytes(input: &Input) -> Result<Box<dyn MmapBytesReader>, LoadError> {
    Ok(match &input.place {
        Place::File(path) => Box::new(File::open(path).map_err(|source| input.unreadable(source))?),
        Place::Memory(bytes) => Box::new(Cursor::new(SharedBytes(Arc::clone(bytes)))),
    })
}
