//! The numbers of a table in full precision: one row for every term or statistic of every column.

use super::lines::{Content, Numbers};
use super::statistics::Fact;
use super::table::Laid;
use crate::output::data_table::{DataTable, Value};

/// Columns of the exact table.
const COLUMNS: [&str; 18] = [
    "panel",
    "column",
    "heading",
    "file",
    "model",
    "outcome",
    "sample",
    "kind",
    "term",
    "label",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "text",
    "note",
];

const NONE: Numbers = Numbers {
    estimate: f64::NAN,
    std_error: f64::NAN,
    statistic: f64::NAN,
    p_value: f64::NAN,
    conf_low: f64::NAN,
    conf_high: f64::NAN,
};

/// What stands in a table; statistics have their value in `estimate` or `text`.
pub fn table(laid: &[Laid]) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for laid in laid {
        for (at, column) in laid.panel.columns.iter().enumerate() {
            let fit = &column.fit;
            let mut add = |kind: Value, term: &str, label: &str, numbers: Numbers, text: Value, note: Value| {
                let names = [&column.heading, &column.file, &fit.model, &fit.outcome, &fit.sample];
                let mut row =
                    vec![Some(laid.panel.title.clone()).filter(|title| !title.is_empty()).into(), (at + 1).into()];
                row.extend(names.map(|name| Value::from(name.as_str())));
                row.extend([kind, term.into(), label.into()]);
                let Numbers { estimate, std_error, statistic, p_value, conf_low, conf_high } = numbers;
                row.extend([estimate, std_error, statistic, p_value, conf_low, conf_high].map(Value::from));
                row.extend([text, note]);
                table.rows.push(row);
            };
            for line in &laid.lines {
                match &line.cells[at] {
                    Content::Numbers(numbers) => {
                        add("estimate".into(), &line.term, &line.label, *numbers, Value::Null, Value::Null);
                    }
                    Content::Dropped => {
                        add("estimate".into(), &line.term, &line.label, NONE, Value::Null, "dropped".into());
                    }
                    Content::Absent => {}
                }
            }
            for line in &laid.facts {
                let term = line.about.as_deref().unwrap_or_default();
                let (number, text) = match &line.facts[at] {
                    Fact::Absent => continue,
                    Fact::Words(words) => (f64::NAN, Value::from(words.as_str())),
                    Fact::Count(count) => (*count as f64, Value::Null),
                    Fact::Number(number) => (*number, Value::Null),
                };
                add(line.statistic.into(), term, &line.label, Numbers { estimate: number, ..NONE }, text, Value::Null);
            }
        }
    }
    table
}
