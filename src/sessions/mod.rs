//! The loader: files to a [`Table`].
//!
//! ```text
//! sources ─► input (files, formats) ─► reader (parquet, arrow, csv, ndjson) ─► accumulator (codes, numbers)
//!         ─► finish (missing spellings, codebook levels) ─► derived variables ─► Table
//! ```
//!
//! Only the needed columns are decoded, in bounded ranges of rows, one task per column. Invariants: this is the only
//! module that names polars, and no type of polars leaves it; the table does not depend on ranges, blocks or threads.

mod accumulator;
mod adopt;
mod arrow;
mod blocks;
mod csv;
mod dates;
mod duplicates;
mod error;
mod finish;
mod input;
mod interner;
mod ndjson;
mod parquet;
mod reader;
#[cfg(test)]
mod tests;
mod threads;
mod types;
mod write;

use std::sync::Arc;

use rayon::prelude::*;

pub use adopt::adopt;
pub use error::{BadValue, LoadError};
pub use input::Format;
pub(crate) use input::nearest_file;
pub use threads::set_threads;
pub use write::write;

use accumulator::{Accumulator, Purpose};
use input::Input;
use reader::{Bounds, Reader};

use crate::codebook::{Codebook, CodebookMode, LoadPlan, Mapping, Settings, evaluate};
use crate::nearest::nearest_name;
use crate::table::{Column, MISSING, Table};

/// Which columns a table should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Every column of the files.
    All,
    /// These columns and derived variables.
    Names(Vec<String>),
}

/// What to load and how.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// Files, folders, patterns, or `-` for standard input; all together are one table.
    pub sources: Vec<String>,
    /// The columns the table should have.
    pub wanted: Wanted,
    /// Columns that stand for other names.
    pub mapping: Mapping,
    /// Thresholds of derived variables.
    pub settings: Settings,
    /// Whether the codebook applies.
    pub codebook: CodebookMode,
    /// Whether a session may occur twice.
    pub allow_duplicates: bool,
    /// The format, where names and content do not tell.
    pub input_format: Option<Format>,
    /// Rows of a Parquet range.
    #[doc(hidden)]
    pub range_rows: usize,
    /// Bytes of a text block.
    #[doc(hidden)]
    pub block_bytes: usize,
    /// Standard input, for tests.
    #[doc(hidden)]
    pub stdin: Option<Arc<Vec<u8>>>,
}

impl LoadRequest {
    /// Loads every column of one source with the usual settings.
    pub fn new(source: impl Into<String>) -> Self {
        LoadRequest {
            sources: vec![source.into()],
            wanted: Wanted::All,
            mapping: Mapping::default(),
            settings: Settings::default(),
            codebook: CodebookMode::Auto,
            allow_duplicates: false,
            input_format: None,
            range_rows: 250_000,
            block_bytes: 16 << 20,
            stdin: None,
        }
    }

    /// The same request for these columns and derived variables.
    pub fn with_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.wanted = Wanted::Names(names.into_iter().map(Into::into).collect());
        self
    }

    /// Reads standard input, if it is a source, and keeps it, so that the request can be used more than once.
    ///
    /// # Errors
    /// If standard input cannot be read.
    pub fn keep_standard_input(&mut self) -> Result<(), LoadError> {
        if self.stdin.is_none() && self.sources.iter().any(|source| source == "-") {
            self.stdin = Some(input::read_standard_input()?);
        }
        Ok(())
    }

    fn bounds(&self) -> Bounds {
        Bounds { rows: self.range_rows.max(1), bytes: self.block_bytes }
    }
}

/// Loads a table.
///
/// # Errors
/// If a source cannot be read, a name is found nowhere, a value does not fit, or a session occurs twice.
pub fn load(request: &LoadRequest) -> Result<Table, LoadError> {
    let inputs = input::resolve(&request.sources, request.input_format, request.stdin.as_ref())?;
    let first = reader::open(&inputs[0], request.bounds())?;
    let plan = plan_for(request, first.names())?;
    let (mut accumulators, mut table) = read_all(request, &inputs, first, &plan)?;
    let hashed = accumulators.split_off(plan.columns.len());
    let (unique, columns) = rayon::join(
        || check_duplicates(request, &inputs, &plan, hashed.first(), &table),
        || finish_all(&table, accumulators, &plan),
    );
    let columns = columns?;
    unique?;
    columns.into_iter().for_each(|column| table.insert(column));
    derive(&mut table, &plan)?;
    Ok(only_wanted(table, &plan))
}

/// Computes the derived variables of a plan, in its order.
fn derive(table: &mut Table, plan: &LoadPlan) -> Result<(), LoadError> {
    for derived in &plan.derived {
        let column = evaluate(derived, table).map_err(|source| LoadError::Derived {
            name: derived.name.clone(),
            expression: derived.expression.to_string(),
            source: Box::new(source),
        })?;
        table.insert(column);
    }
    Ok(())
}

/// Column names of a source, of the first file if there are several. Standard input is used up by this: for `-`, keep
/// it ([`LoadRequest::keep_standard_input`]) and ask [`columns_of`].
///
/// # Errors
/// If the source cannot be read.
pub fn schema_of(source: &str, input_format: Option<Format>) -> Result<Vec<String>, LoadError> {
    columns_of(&LoadRequest { input_format, ..LoadRequest::new(source) })
}

/// Column names of the sources of a request, of the first file if there are several.
///
/// # Errors
/// If the sources cannot be read.
pub fn columns_of(request: &LoadRequest) -> Result<Vec<String>, LoadError> {
    let inputs = input::resolve(&request.sources, request.input_format, request.stdin.as_ref())?;
    Ok(reader::open(&inputs[0], Bounds { rows: 1, bytes: 1 << 20 })?.names().to_vec())
}

/// The plan of a request for a table with these columns.
fn plan_for(request: &LoadRequest, available: &[String]) -> Result<LoadPlan, LoadError> {
    let names = match &request.wanted {
        Wanted::Names(names) => names.clone(),
        Wanted::All => {
            let mapped: Vec<&str> = request.mapping.iter().map(|(_, column)| column).collect();
            let own = available.iter().filter(|name| !mapped.contains(&name.as_str())).cloned();
            request.mapping.iter().map(|(name, _)| name.to_owned()).chain(own).collect()
        }
    };
    Ok(Codebook::embedded().plan(&names, available, &request.mapping, &request.settings, request.codebook)?)
}

/// Reads the planned columns of all files; the table that is returned has no columns yet.
fn read_all(
    request: &LoadRequest,
    inputs: &[Input],
    first: Box<dyn Reader>,
    plan: &LoadPlan,
) -> Result<(Vec<Accumulator>, Table), LoadError> {
    let mut accumulators: Vec<Accumulator> = plan
        .columns
        .iter()
        .map(|column| {
            let purpose = if column.month_only { Purpose::Month } else { Purpose::Values };
            Accumulator::new(&column.source, purpose)
        })
        .collect();
    if let Some(id) = plan.session_id.as_ref().filter(|_| !request.allow_duplicates) {
        accumulators.push(Accumulator::new(id, Purpose::Duplicates));
    }
    let count_only = accumulators.is_empty();
    if count_only {
        // nothing is asked for but the number of rows
        accumulators.push(Accumulator::new(&first.names()[0], Purpose::Duplicates));
    }
    let mut sources = Vec::new();
    let mut rows = 0;
    let mut opened = Some(first);
    for input in inputs {
        let mut reader = match opened.take() {
            Some(reader) => reader,
            None => reader::open(input, request.bounds())?,
        };
        sources.push((input.name.clone(), rows));
        rows += read_one(input, &mut *reader, &mut accumulators)?;
    }
    if rows == 0 {
        return Err(LoadError::NoRows { file: request.sources.join(", ") });
    }
    if rows >= MISSING as usize {
        return Err(LoadError::TooManyRows { limit: MISSING as usize - 1 });
    }
    if count_only {
        accumulators.clear();
    }
    let mut table = Table::new(rows);
    table.sources = sources;
    Ok((accumulators, table))
}

fn read_one(input: &Input, reader: &mut dyn Reader, accumulators: &mut [Accumulator]) -> Result<usize, LoadError> {
    let names = reader.names();
    let mut columns = Vec::with_capacity(accumulators.len());
    for accumulator in accumulators {
        let place = names.iter().position(|name| *name == accumulator.column);
        let place = place.ok_or_else(|| LoadError::MissingInFile {
            file: input.name.clone(),
            column: accumulator.column.clone(),
            nearest: nearest_name(&accumulator.column, names.iter().map(String::as_str)).map(str::to_owned),
        })?;
        columns.push((place, accumulator));
    }
    reader.read(&mut columns)
}

/// Finishes the columns; of several faults, that of the first column counts.
fn finish_all(table: &Table, accumulators: Vec<Accumulator>, plan: &LoadPlan) -> Result<Vec<Column>, LoadError> {
    let locate = |row: usize| table.locate(row);
    let codebook = Codebook::embedded();
    let finished: Vec<Result<Column, LoadError>> = accumulators
        .into_par_iter()
        .zip(&plan.columns)
        .map(|(accumulator, planned)| {
            let variable = codebook.variable(&planned.name).filter(|_| planned.in_codebook);
            finish::finish(accumulator, &planned.name, variable, &locate)
        })
        .collect();
    finished.into_iter().collect()
}

/// An error if a session occurs twice.
fn check_duplicates(
    request: &LoadRequest,
    inputs: &[Input],
    plan: &LoadPlan,
    hashed: Option<&Accumulator>,
    table: &Table,
) -> Result<(), LoadError> {
    let Some(hashed) = hashed else { return Ok(()) };
    let Some(column) = plan.session_id.as_ref().filter(|_| duplicates::equal_hashes(hashed)) else {
        return Ok(());
    };
    // two hashes are equal; whether two ids are is decided by reading them
    let mut ids = vec![Accumulator::new(column, Purpose::Values)];
    for input in inputs {
        read_one(input, &mut *reader::open(input, request.bounds())?, &mut ids)?;
    }
    let ids =
        finish::finish(ids.remove(0), column, Codebook::embedded().variable("session_id"), &|row| table.locate(row))?;
    let factor = ids.to_factor();
    match duplicates::equal_codes(&factor.codes, MISSING) {
        None => Ok(()),
        Some((first, second)) => {
            let place = |row: usize| {
                let (file, row) = table.locate(row);
                format!("{file}, row {row}")
            };
            let id = factor.levels[factor.codes[second] as usize].clone();
            Err(LoadError::DuplicateSession { id, first: place(first), second: place(second) })
        }
    }
}

/// The columns that were asked for, in the order asked.
fn only_wanted(table: Table, plan: &LoadPlan) -> Table {
    let mut result = Table::new(table.n_rows());
    result.sources = table.sources.clone();
    let place = |name: &str| plan.wanted.iter().position(|wanted| wanted == name);
    let placed = table.into_columns().into_iter().filter_map(|column| Some((place(&column.name)?, column)));
    let mut columns: Vec<(usize, Column)> = placed.collect();
    columns.sort_by_key(|(place, _)| *place);
    columns.into_iter().for_each(|(_, column)| result.insert(column));
    result
}
