//! The numbers of a figure as tables for scripts.

use super::Figure;
use super::cells::Cell;
use crate::output::data_table::{DataTable, Value as Field};
use crate::output::number::with_decimals;

/// Columns of the numbers drawn.
const COLUMNS: [&str; 18] = [
    "figure",
    "panel",
    "series",
    "series_label",
    "position",
    "label",
    "statistic",
    "variable",
    "value",
    "std_error",
    "conf_low",
    "conf_high",
    "conf_level",
    "n_sessions",
    "n_users",
    "n_total",
    "suppressed",
    "min_users",
];

/// Columns of the tests.
const TESTS: [&str; 18] = [
    "figure",
    "panel",
    "series",
    "test",
    "from",
    "to",
    "scale",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "df",
    "relative",
    "relative_std_error",
    "conf_level",
    "suppressed",
];

/// A number with so many decimals.
pub fn rounded(value: f64, decimals: Option<usize>) -> f64 {
    decimals.map_or(value, |decimals| with_decimals(value, decimals))
}

fn flag(is: bool) -> Field {
    Field::from(if is { "true" } else { "false" })
}

/// Every number drawn, one row each; a row that may not be shown has no number and no counts.
pub fn cells_table(figure: &Figure, data_note: Option<&str>) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    let round = |value: f64| Field::from(rounded(value, figure.options.round));
    for panel in &figure.panels {
        let spec = &panel.spec;
        let mut add = |cell: &Cell, position: &str, label: &str| {
            let series = &panel.series[cell.series];
            let own = spec.series.get(cell.series).and_then(|series| series.variable.as_ref());
            let count = |count: usize| if cell.suppressed { Field::Null } else { Field::Count(count) };
            for value in &cell.values {
                table.rows.push(vec![
                    figure.file.name.as_str().into(),
                    spec.name.as_str().into(),
                    series.0.as_str().into(),
                    series.1.as_str().into(),
                    position.into(),
                    label.into(),
                    value.statistic.as_str().into(),
                    own.or(spec.variable.as_ref()).cloned().into(),
                    round(value.estimate),
                    round(value.std_error),
                    round(value.conf_low),
                    round(value.conf_high),
                    figure.options.conf_level.into(),
                    count(cell.n_rows),
                    count(cell.users.len()),
                    count(cell.n_total),
                    flag(cell.suppressed),
                    figure.options.min_users.into(),
                ]);
            }
        };
        for cell in &panel.cells {
            let (level, label) = &panel.positions[cell.position];
            add(cell, level, label);
        }
        if let Some(mean) = &panel.mean {
            add(mean, "all", "all");
        }
    }
    table.with_data_note(data_note)
}

/// Every test and effect of a figure, one row each.
pub fn tests_table(figure: &Figure, data_note: Option<&str>) -> DataTable {
    let mut table = DataTable::new(&TESTS);
    let round = |value: f64| Field::from(rounded(value, figure.options.round));
    for test in &figure.tests {
        table.rows.push(vec![
            figure.file.name.as_str().into(),
            test.panel.as_str().into(),
            test.series.as_str().into(),
            test.test.as_str().into(),
            test.from.as_str().into(),
            test.to.as_str().into(),
            test.scale.into(),
            round(test.estimate),
            round(test.std_error),
            test.statistic.into(),
            test.p_value.into(),
            round(test.conf_low),
            round(test.conf_high),
            test.df.into(),
            round(test.relative),
            round(test.relative_std_error),
            figure.options.conf_level.into(),
            flag(test.suppressed),
        ]);
    }
    table.with_data_note(data_note)
}
