//! Values of single columns, and of columns that must agree.

use super::{Finding, Origin, Report, Severity, VariableReport, n_missing};
use crate::codebook::{Canonical, Kind, Variable};
use crate::table::{Column, ColumnData, Factor, MISSING, Table};

/// Compares a column with its variable; `source` is its name in the file.
pub(super) fn examine(variable: &Variable, source: &str, table: &Table, report: &mut Report) -> VariableReport {
    let mut entry = VariableReport {
        origin: Origin::Column(source.to_owned()),
        ..super::absent(&variable.name, Some(variable.kind), variable.required)
    };
    let Some(column) = table.get(&variable.name) else { return entry };
    entry.n_missing = n_missing(&column.data);
    if variable.is_closed() {
        entry.levels = closed_levels(variable, source, column, table, report);
    } else if variable.is_number() {
        match &column.data {
            ColumnData::Number(values) => {
                entry.range = range(values);
                impossible_values(variable, source, values, table, report);
            }
            ColumnData::Factor(factor) => not_numbers(variable, source, factor, table, report),
        }
    } else {
        entry.n_distinct = Some(column.to_factor().n_levels());
    }
    if variable.name == "user_id" && entry.n_missing > 0 {
        let missing = |row: usize| column.is_missing(row);
        let message = String::from(
            "rows without a user belong to no cluster: a clustered fit refuses them, or drops them with `--missing-cluster drop`",
        );
        add(report, Severity::Problem, source, message, table, missing, None);
    }
    if variable.name == "session_id" {
        duplicates(source, column, table, report);
    }
    entry
}

/// Adds a finding about the rows that satisfy a condition, if there is one.
fn add(
    report: &mut Report,
    severity: Severity,
    source: &str,
    message: String,
    table: &Table,
    concerns: impl Fn(usize) -> bool,
    hint: Option<String>,
) {
    let mut rows = (0..table.n_rows()).filter(|&row| concerns(row));
    let Some(first) = rows.next() else { return };
    report.findings.push(Finding {
        severity,
        column: Some(source.to_owned()),
        message,
        rows: 1 + rows.count(),
        first: Some(table.locate(first)),
        hint,
    });
}

/// Counts of the levels of the codebook, and a finding for every other one.
fn closed_levels(
    variable: &Variable,
    source: &str,
    column: &Column,
    table: &Table,
    report: &mut Report,
) -> Vec<(String, usize)> {
    let factor = column.to_factor();
    let mut counts = vec![0usize; factor.n_levels()];
    factor.codes.iter().filter(|code| **code != MISSING).for_each(|code| counts[*code as usize] += 1);
    let known = variable.levels.iter().map(|level| level.level.clone());
    let mut levels: Vec<(String, usize)> = known.map(|level| (level, 0)).collect();
    let n_known = levels.len();
    levels.extend(variable.abstain.iter().map(|abstention| (abstention.level.clone(), 0)));
    for (code, label) in factor.levels.iter().enumerate() {
        match variable.canonical(label) {
            Some(Canonical::Level(place)) => levels[place].1 += counts[code],
            Some(Canonical::Abstained(place)) => levels[n_known + place].1 += counts[code],
            None => {
                let hint = variable.nearest_level(label).map(|level| format!("did you mean `{level}`?"));
                let message = format!("`{label}` is not a level of {}", variable.name);
                let concerns = |row: usize| factor.codes[row] as usize == code;
                add(report, Severity::Problem, source, message, table, concerns, hint);
            }
        }
    }
    levels
}

fn not_numbers(variable: &Variable, source: &str, factor: &Factor, table: &Table, report: &mut Report) {
    for (code, label) in factor.levels.iter().enumerate().filter(|(_, label)| label.trim().parse::<f64>().is_err()) {
        let message = format!("`{label}` is not a number, as {} demands", variable.name);
        add(report, Severity::Problem, source, message, table, |row| factor.codes[row] as usize == code, None);
    }
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let mut present = values.iter().copied().filter(|value| !value.is_nan());
    let first = present.next()?;
    Some(present.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}

fn impossible_values(variable: &Variable, source: &str, values: &[f64], table: &Table, report: &mut Report) {
    let name = &variable.name;
    let mut problem = |message: String, concerns: &dyn Fn(f64) -> bool| {
        add(report, Severity::Problem, source, message, table, |row| concerns(values[row]), None);
    };
    match variable.kind {
        Kind::Share => problem(format!("{name} is a share, but not between 0 and 1"), &|v| {
            !(0.0..=1.0).contains(&v) && !v.is_nan()
        }),
        Kind::Count | Kind::Amount => problem(format!("{name} is negative"), &|v| v < 0.0),
        _ => {}
    }
    if variable.kind == Kind::Count {
        problem(format!("{name} is a count, but not whole"), &|v| v.fract() != 0.0 && !v.is_nan());
    }
}

fn duplicates(source: &str, column: &Column, table: &Table, report: &mut Report) {
    let factor = column.to_factor();
    let mut seen = vec![false; factor.n_levels()];
    let mut again = vec![false; factor.codes.len()];
    for (row, &code) in factor.codes.iter().enumerate().filter(|(_, code)| **code != MISSING) {
        again[row] = std::mem::replace(&mut seen[code as usize], true);
    }
    let Some(row) = again.iter().position(|again| *again) else { return };
    let message = format!("sessions occur more than once, first `{}`", factor.levels[factor.codes[row] as usize]);
    let hint = Some(String::from("remove the rows, or keep them with `--allow-duplicates`"));
    add(report, Severity::Problem, source, message, table, |row| again[row], hint);
}

/// Findings about columns that must agree.
pub(super) fn relations(table: &Table, report: &mut Report) {
    let (Some(outcome), Some(signal)) = (table.get("outcome"), table.get("success_signal")) else { return };
    let outcome = outcome.to_factor();
    let succeeded: Vec<bool> = outcome.levels.iter().map(|level| is_success(level)).collect();
    let concerns = |row: usize| {
        let code = outcome.codes[row];
        code != MISSING && succeeded[code as usize] && signal.is_missing(row)
    };
    let message = String::from("sessions succeeded, but have no success signal: verified success is missing there");
    let hint = Some(String::from("`NONE` or 0 is the signal of a session without evidence"));
    add(report, Severity::Note, "success_signal", message, table, concerns, hint);
}

fn is_success(level: &str) -> bool {
    let outcome = crate::codebook::Codebook::embedded().variable("outcome");
    outcome.is_some_and(|outcome| outcome.canonical(level) == outcome.canonical("Succeeded"))
}
