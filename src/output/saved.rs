//! Files of estimated effects, of fitted values and of implied weights: long tables with the fit that each row belongs to.

use crate::pipeline::{Saved, SavedLevel, SavedRow, SavedWeights};
use crate::result::ModelFit;

use super::data_table::{DataTable, Value};
use super::json_text;

/// What stands for the variable of an intercept.
const CONSTANT: &str = "(constant)";

/// Estimates of absorbed effects.
pub fn effects_table(fits: &[(ModelFit, Saved)], data_note: Option<&str>) -> DataTable {
    let columns = ["model", "outcome", "sample", "effect", "variable", "level", "component", "estimate", "rows"];
    let row = |level: &SavedLevel| -> Vec<Value> {
        let labels: Vec<&str> = level.labels.iter().map(|label| label.as_deref().unwrap_or("NA")).collect();
        vec![
            level.effect.as_str().into(),
            level.variable.as_deref().unwrap_or(CONSTANT).into(),
            labels.join("^").into(),
            level.component.into(),
            level.estimate.into(),
            level.rows.into(),
        ]
    };
    table(&columns, fits, |saved| saved.effects.iter().map(row).collect(), data_note)
}

/// Fitted values of estimation rows.
pub fn fitted_table(fits: &[(ModelFit, Saved)], data_note: Option<&str>) -> DataTable {
    let columns = ["model", "outcome", "sample", "row", "value", "fitted", "linear", "predictor", "residual", "weight"];
    let row = |row: &SavedRow| -> Vec<Value> {
        let numbers = [row.outcome, row.fitted, row.linear, row.predictor, row.residual, row.weight];
        std::iter::once(row.row.into()).chain(numbers.map(Value::from)).collect()
    };
    table(&columns, fits, |saved| saved.rows.iter().map(row).collect(), data_note)
}

/// Weights that linear models give to outcomes: a row of the table, a number, and its weight there.
pub fn weights_table(fits: &[(ModelFit, Saved)], data_note: Option<&str>) -> DataTable {
    let columns = ["model", "outcome", "sample", "row", "value", "number", "implied_weight"];
    let rows = |saved: &SavedWeights| -> Vec<Vec<Value>> {
        let width = saved.names.len();
        let of_row = saved.rows.iter().zip(saved.values.chunks_exact(width.max(1)));
        of_row
            .flat_map(|(&(row, outcome), weights)| {
                let line = move |(name, weight): (&String, &f64)| {
                    vec![row.into(), outcome.into(), name.as_str().into(), (*weight).into()]
                };
                saved.names.iter().zip(weights).map(line)
            })
            .collect()
    };
    table(&columns, fits, |saved| saved.weights.as_ref().map_or_else(Vec::new, rows), data_note)
}

/// Rows of all fits behind the names of their fit.
fn table(
    columns: &[&'static str],
    fits: &[(ModelFit, Saved)],
    rows: impl Fn(&Saved) -> Vec<Vec<Value>>,
    data_note: Option<&str>,
) -> DataTable {
    let mut table = DataTable::new(columns);
    for (fit, saved) in fits {
        let names = || [&fit.model, &fit.outcome, &fit.sample].map(|name| Value::from(name.as_str()));
        table.rows.extend(rows(saved).into_iter().map(|row| names().into_iter().chain(row).collect()));
    }
    table.with_data_note(data_note)
}

/// The table as JSON or CSV, by the name of the file.
pub fn text_for(table: &DataTable, is_json: bool) -> String {
    if is_json { json_text::indented(&table.to_json()) } else { table.to_csv() }
}
