//! A table already in memory, as if it had been loaded: the codebook applied, derived variables computed.

use super::finish::adopt_factor;
use super::{LoadError, derive, only_wanted};
use crate::codebook::{Codebook, CodebookMode, Mapping, Settings};
use crate::table::{ColumnData, Table};

/// Takes the columns and derived variables `names` of a table in memory.
///
/// # Errors
/// As [`super::load`]: unknown names, values the codebook does not know.
pub fn adopt(mut drawn: Table, names: &[String], settings: &Settings) -> Result<Table, LoadError> {
    let codebook = Codebook::embedded();
    let available: Vec<String> = drawn.names().map(str::to_owned).collect();
    let plan = codebook.plan(names, &available, &Mapping::default(), settings, CodebookMode::Auto)?;
    let mut table = Table::new(drawn.n_rows());
    table.sources = std::mem::take(&mut drawn.sources);
    for planned in &plan.columns {
        let Some(column) = drawn.get(&planned.source) else { continue };
        let mut column = column.clone();
        column.name = planned.name.clone();
        let variable = codebook.variable(&planned.name).filter(|variable| planned.in_codebook && variable.is_closed());
        if let (Some(variable), ColumnData::Factor(factor)) = (variable, &column.data) {
            column = adopt_factor(factor, &planned.name, &planned.source, variable, &|row| table.locate(row))?;
        }
        table.insert(column);
    }
    derive(&mut table, &plan)?;
    Ok(only_wanted(table, &plan))
}
