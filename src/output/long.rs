//! The long table: one row per estimate with everything needed to read it alone.
//!
//! The columns, their order and their meaning are fixed by [`SCHEMA_VERSION`]; see `docs/output.md`.

use crate::result::{ContrastRow, DegreesOfFreedom, DroppedTerm, Estimate, ModelFit, R2Step, RateRow, Rates, Run};

use super::data_table::{DataTable, Value};
use super::names;

/// Version of the long table and of the JSON document.
///
/// It grows when a column or key is renamed, removed or changes its meaning; additions at the end leave it alone.
pub const SCHEMA_VERSION: usize = 1;

/// Columns of the long table, in order.
pub const COLUMNS: [&str; 30] = [
    "schema_version",
    "spec_id",
    "model",
    "outcome",
    "sample",
    "estimator",
    "kind",
    "term",
    "level",
    "contrast",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "conf_low",
    "conf_high",
    "conf_level",
    "scale",
    "se_type",
    "cluster",
    "n_obs",
    "n_clusters",
    "n_cells",
    "target",
    "note",
    "composition",
    "level_n_obs",
    "level_n_clusters",
    "raw_rate",
];

/// What varies from row to row within one fit.
#[derive(Default)]
struct Part {
    kind: &'static str,
    term: Option<String>,
    level: Option<String>,
    contrast: Option<String>,
    numbers: Numbers,
    scale: Option<String>,
    /// Target rows and composition.
    rates: Option<(usize, &'static str)>,
    /// Rows, clusters and unadjusted mean of the level.
    level_counts: Option<(usize, Option<usize>, f64)>,
    note: Option<String>,
    /// Degrees of freedom of its own.
    df: Option<f64>,
}

/// The six numbers of an estimate; `NaN` where there is none.
struct Numbers {
    estimate: f64,
    std_error: f64,
    statistic: f64,
    p_value: f64,
    conf_low: f64,
    conf_high: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        let none = f64::NAN;
        Numbers { estimate: none, std_error: none, statistic: none, p_value: none, conf_low: none, conf_high: none }
    }
}

/// The long table of all fits of a run.
pub fn long_table(run: &Run) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for fit in &run.fits {
        let parts = fit
            .coefficients
            .iter()
            .enumerate()
            .map(|(j, estimate)| coefficient(fit, estimate, j))
            .chain(fit.dropped_terms.iter().map(dropped_term))
            .chain(fit.rates.iter().flat_map(|rates| {
                let own = move |of: fn(&DegreesOfFreedom) -> &[f64], at: usize| Some(of(fit.df.as_ref()?)[at]);
                let levels = rates.levels.iter().enumerate();
                let levels =
                    levels.map(move |(k, level)| Part { df: own(|df| &df.rates, k), ..rate(fit, rates, level) });
                let contrasts = rates.contrasts.iter().enumerate();
                levels.chain(
                    contrasts.map(move |(c, row)| Part { df: own(|df| &df.contrasts, c), ..contrast(rates, row) }),
                )
            }))
            .chain(fit.r2_steps.iter().map(r2_step))
            .chain(fit.flow.dropped.iter().map(|step| dropped_rows(&step.reason, step.rows)));
        table.rows.extend(parts.map(|part| row(fit, part)));
    }
    table.with_data_note(run.data_note.as_deref())
}

fn coefficient(fit: &ModelFit, estimate: &Estimate, j: usize) -> Part {
    Part {
        df: fit.df.as_ref().map(|df| df.coefficients[j]),
        kind: "coefficient",
        term: Some(estimate.term.clone()),
        level: factor_level(&estimate.term),
        numbers: Numbers {
            estimate: estimate.estimate,
            std_error: estimate.std_error,
            statistic: estimate.statistic,
            p_value: estimate.p_value,
            conf_low: estimate.conf_low,
            conf_high: estimate.conf_high,
        },
        scale: Some(names::coefficient_scale(fit.family).to_owned()),
        note: missing_note(&[("estimate", estimate.estimate), ("std_error", estimate.std_error)]),
        ..Part::default()
    }
}

fn dropped_term(dropped: &DroppedTerm) -> Part {
    Part {
        kind: "coefficient",
        term: Some(dropped.term.clone()),
        level: factor_level(&dropped.term),
        note: Some(format!("dropped: {}", dropped.reason)),
        ..Part::default()
    }
}

/// R2 after an effect, or the regressors, were added.
fn r2_step(step: &R2Step) -> Part {
    Part {
        kind: "r2_step",
        term: Some(step.added.clone()),
        numbers: Numbers { estimate: step.r2, ..Numbers::default() },
        ..Part::default()
    }
}

/// A reason for dropped rows: `estimate` is their number.
fn dropped_rows(reason: &str, rows: usize) -> Part {
    Part {
        kind: "dropped_rows",
        term: Some(reason.to_owned()),
        numbers: Numbers { estimate: rows as f64, ..Numbers::default() },
        ..Part::default()
    }
}

fn rate(fit: &ModelFit, rates: &Rates, level: &RateRow) -> Part {
    Part {
        kind: "rate",
        term: Some(rates.factor.clone()),
        level: Some(level.level.clone()),
        numbers: Numbers {
            estimate: level.estimate,
            std_error: level.std_error,
            conf_low: level.conf_low,
            conf_high: level.conf_high,
            ..Numbers::default()
        },
        scale: Some(rates.scale.to_owned()),
        rates: Some((rates.target_rows, names::composition(rates.composition))),
        level_counts: Some((level.n_obs, (!fit.clusters.is_empty()).then_some(level.n_clusters), level.raw_rate)),
        note: level
            .note
            .clone()
            .or_else(|| missing_note(&[("estimate", level.estimate), ("std_error", level.std_error)])),
        ..Part::default()
    }
}

fn contrast(rates: &Rates, contrast: &ContrastRow) -> Part {
    Part {
        kind: names::contrast(contrast.kind),
        term: Some(rates.factor.clone()),
        contrast: Some(contrast.contrast.clone()),
        numbers: Numbers {
            estimate: contrast.estimate,
            std_error: contrast.std_error,
            statistic: contrast.statistic,
            p_value: contrast.p_value,
            conf_low: contrast.conf_low,
            conf_high: contrast.conf_high,
        },
        scale: Some(names::contrast_scale(contrast.kind).to_owned()),
        rates: Some((rates.target_rows, names::composition(rates.composition))),
        note: missing_note(&[("estimate", contrast.estimate), ("std_error", contrast.std_error)]),
        ..Part::default()
    }
}

/// The level of a factor's indicator, `2` of `expertise::2`.
fn factor_level(term: &str) -> Option<String> {
    match term.split_once("::") {
        Some((_, level)) if !level.contains(':') => Some(level.to_owned()),
        _ => None,
    }
}

/// Says which of these numbers do not exist; `None` if all do.
pub(super) fn missing_note(numbers: &[(&str, f64)]) -> Option<String> {
    let missing: Vec<String> =
        numbers.iter().filter(|(_, value)| !value.is_finite()).map(|(name, _)| format!("`{name}`")).collect();
    (!missing.is_empty()).then(|| format!("not a finite number: {}", missing.join(", ")))
}

fn row(fit: &ModelFit, part: Part) -> Vec<Value> {
    // intervals, covariance and reference belong to estimates, not to counts of rows
    let estimated = part.kind != "dropped_rows";
    let if_estimated = |value: Value| if estimated { value } else { Value::Null };
    vec![
        SCHEMA_VERSION.into(),
        fit.spec_id.as_str().into(),
        fit.model.as_str().into(),
        fit.outcome.as_str().into(),
        fit.sample.as_str().into(),
        names::estimator(fit.family).into(),
        part.kind.into(),
        part.term.into(),
        part.level.into(),
        part.contrast.into(),
        part.numbers.estimate.into(),
        part.numbers.std_error.into(),
        part.numbers.statistic.into(),
        if_estimated(part.df.or(names::degrees_of_freedom(fit.reference)).into()),
        part.numbers.p_value.into(),
        part.numbers.conf_low.into(),
        part.numbers.conf_high.into(),
        if_estimated(fit.conf_level.into()),
        part.scale.into(),
        if_estimated(names::se_type(fit.vcov_kind).into()),
        if_estimated(names::cluster(fit).into()),
        fit.flow.rows_used.into(),
        names::first_cluster_count(fit).into(),
        fit.flow.cells.into(),
        part.rates.map(|(target, _)| target).into(),
        part.note.into(),
        part.rates.map(|(_, composition)| composition).into(),
        part.level_counts.map(|(rows, _, _)| rows).into(),
        part.level_counts.and_then(|(_, clusters, _)| clusters).into(),
        part.level_counts.map(|(_, _, raw)| raw).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    fn at(row: &[Value], column: &str) -> Value {
        row[COLUMNS.iter().position(|name| *name == column).unwrap()].clone()
    }

    fn of_kind(table: &DataTable, kind: &str) -> Vec<Vec<Value>> {
        table.rows.iter().filter(|row| at(row, "kind") == kind.into()).cloned().collect()
    }

    #[test]
    fn every_row_fills_every_column() {
        let table = long_table(&sample_run());
        assert!(table.rows.iter().all(|row| row.len() == COLUMNS.len() + 1)); // and the data note
    }

    #[test]
    fn every_estimate_carries_its_rows_clusters_and_cells() {
        let table = long_table(&sample_run());
        let rates = of_kind(&table, "rate");
        assert_eq!(rates.len(), 5);
        assert_eq!(at(&rates[0], "level"), "1".into());
        assert_eq!(at(&rates[0], "n_obs"), 1_960_usize.into());
        assert_eq!(at(&rates[0], "n_clusters"), 1_204_usize.into());
        assert_eq!(at(&rates[0], "n_cells"), 88_usize.into());
        assert_eq!(at(&rates[0], "target"), 1_964_usize.into());
        assert_eq!(at(&rates[0], "level_n_obs"), 33_usize.into());
    }

    #[test]
    fn what_was_dropped_has_a_row_with_the_reason() {
        let table = long_table(&sample_run());
        let coefficients = of_kind(&table, "coefficient");
        let dropped = coefficients.iter().find(|row| at(row, "term") == "log(prompts)".into()).unwrap();
        assert_eq!(at(dropped, "estimate").to_csv(), "");
        assert_eq!(at(dropped, "note"), "dropped: collinear with the terms before it".into());
        assert_eq!(at(&of_kind(&table, "dropped_rows")[0], "term"), "no clear goal".into());
    }

    #[test]
    fn the_normal_reference_has_no_degrees_of_freedom() {
        let table = long_table(&sample_run());
        let logit: Vec<_> = table.rows.iter().filter(|row| at(row, "estimator") == "logit".into()).collect();
        assert_eq!(at(logit[0], "df"), Value::Null);
        assert_eq!(at(logit[0], "scale"), "logit".into());
    }

    const DOCUMENTATION: &str = include_str!("../../docs/output.md");

    #[test]
    fn every_column_is_documented() {
        for column in COLUMNS {
            assert!(DOCUMENTATION.contains(&format!("`{column}`")), "{column}");
        }
    }

    #[test]
    fn the_documented_example_is_what_is_written() {
        let shown = [
            "kind",
            "term",
            "level",
            "contrast",
            "estimate",
            "std_error",
            "p_value",
            "conf_low",
            "conf_high",
            "scale",
            "n_obs",
            "n_clusters",
            "target",
        ];
        let table = long_table(&sample_run());
        for (kind, nth) in [("coefficient", 0), ("rate", 0), ("ratio", 0), ("dropped_rows", 0)] {
            let row = &of_kind(&table, kind)[nth];
            let fields: Vec<String> = shown.iter().map(|column| at(row, column).to_csv()).collect();
            let line = fields.join(",");
            assert!(DOCUMENTATION.lines().any(|documented| documented == line), "{line}");
        }
    }
}
