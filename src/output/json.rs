//! The JSON document of a run: everything an output can print, in full precision; see `docs/output.md`.
//!
//! A number that does not exist is null, and a `note` beside it says so. Numbers are in their shortest exact form.

use serde_json::{Value, json};

use crate::result::{
    ClusterDiagnostics, ContrastRow, Estimate, FitStats, Flow, ModelFit, Overlap, R2Step, RateRow, Rates, Run,
    Separation,
};

use super::json_text;
use super::long::{SCHEMA_VERSION, missing_note};
use super::names;

/// All fits of a run as one indented JSON document, ending in a line feed.
pub fn render(run: &Run) -> String {
    json_text::indented(&document(run))
}

/// All fits of a run as a JSON value.
pub fn document(run: &Run) -> Value {
    let timings: Vec<Value> =
        run.timings.iter().map(|(stage, seconds)| json!({"stage": stage, "seconds": seconds})).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": run.data_note,
        "sources": run.sources,
        "timings": timings,
        "models": run.fits.iter().map(model).collect::<Vec<_>>(),
    })
}

fn model(fit: &ModelFit) -> Value {
    let terms: Vec<&str> = fit.coefficients.iter().map(|estimate| estimate.term.as_str()).collect();
    let clusters: serde_json::Map<String, Value> =
        fit.clusters.iter().map(|cluster| (cluster.name.clone(), Value::from(cluster.count))).collect();
    let rates = fit.rates.as_ref();
    json!({
        "spec_id": fit.spec_id,
        "model": fit.model,
        "outcome": fit.outcome,
        "sample": fit.sample,
        "family": names::estimator(fit.family),
        "formula": fit.formula,
        "weights": fit.weights,
        "n_obs": fit.flow.rows_used,
        "n_clusters": names::first_cluster_count(fit),
        "clusters": clusters,
        "n_cells": fit.flow.cells,
        "se_type": names::se_type(fit.vcov_kind),
        "reference": match names::degrees_of_freedom(fit.reference) {
            Some(df) => json!({"distribution": "t", "df": df}),
            None => json!({"distribution": "normal", "df": null}),
        },
        "conf_level": fit.conf_level,
        "small_sample": {
            "convention": fit.small_sample.convention,
            "n": fit.small_sample.n,
            "k": fit.small_sample.k,
            "k_factor": fit.small_sample.k_factor,
            "g_factor": fit.small_sample.g_factor,
            "factor": fit.small_sample.factor,
            "terms": fit.small_sample.terms.iter()
                .map(|term| json!({
                    "name": term.name,
                    "sign": term.sign,
                    "n_clusters": term.groups,
                    "g_factor": term.g_factor,
                    "factor": term.factor,
                }))
                .collect::<Vec<_>>(),
        },
        "coefficients": fit.coefficients.iter().enumerate()
            .map(|(j, row)| with_df(coefficient(row), fit.df.as_ref().map(|df| df.coefficients[j])))
            .collect::<Vec<_>>(),
        "vcov": matrix("terms", &terms, &fit.vcov),
        "dropped_terms": fit.dropped_terms.iter()
            .map(|dropped| json!({"term": dropped.term, "reason": dropped.reason}))
            .collect::<Vec<_>>(),
        "effects": fit.effects.iter()
            .map(|effect| json!({
                "name": effect.name,
                "levels": effect.levels,
                "counted": effect.counted,
                "nested_in": effect.nested_in,
                "redundant": effect.redundant,
            }))
            .collect::<Vec<_>>(),
        "absorbed_rank": fit.absorbed_rank.map(|absorbed| json!({
            "rank": absorbed.rank,
            "exact": absorbed.exact,
            "counted": absorbed.counted,
            "in_k": absorbed.in_k,
        })),
        "rates": rates.map_or_else(Vec::new, |rates| {
            let rows = rates.levels.iter().map(level).enumerate();
            rows.map(|(k, row)| with_df(row, fit.df.as_ref().map(|df| df.rates[k]))).collect()
        }),
        "rates_info": rates.map(rates_info),
        "contrasts": rates.map_or_else(Vec::new, |rates| {
            let rows = rates.contrasts.iter().map(contrast).enumerate();
            rows.map(|(c, row)| with_df(row, fit.df.as_ref().map(|df| df.contrasts[c]))).collect()
        }),
        "rates_vcov": rates.map(|rates| {
            let levels: Vec<&str> = rates.levels.iter().map(|row| row.level.as_str()).collect();
            matrix("levels", &levels, &rates.vcov)
        }),
        "flow": flow(&fit.flow),
        "overlap": fit.overlap.as_ref().map(overlap),
        "fit": statistics(&fit.fit, &fit.r2_steps),
        "penalised_log_likelihood": fit.penalty.map(|penalty| fit.fit.log_likelihood + penalty),
        "warnings": fit.warnings,
        "diagnostics": fit.diagnostics.iter().map(diagnostics).collect::<Vec<_>>(),
        "separations": fit.separations.iter().map(separation).collect::<Vec<_>>(),
        "penalty": fit.penalty,
    })
}

/// What clustered errors rest on.
fn diagnostics(found: &ClusterDiagnostics) -> Value {
    let numbers = found.numbers.iter().map(|number| {
        json!({
            "name": number.name,
            "largest_leverage": number.largest_leverage,
            "leverage_variation": number.leverage_variation,
            "effective_clusters": number.effective_clusters,
            "effective_correlated": number.effective_correlated,
            "df": number.df,
            "largest_change": number.largest_change,
            "change_in_errors": number.change_in_errors,
        })
    });
    json!({
        "cluster": found.cluster,
        "clusters": found.clusters,
        "rows": {
            "smallest": found.smallest, "median": found.median, "mean": found.mean, "largest": found.largest,
        },
        "numbers": numbers.collect::<Vec<_>>(),
    })
}

fn separation(found: &Separation) -> Value {
    let terms: Vec<Value> =
        found.terms.iter().map(|(term, value)| json!({"term": term, "coefficient": value})).collect();
    json!({
        "combination": found.combination(),
        "terms": terms,
        "involves_effects": found.involves_effects,
        "side": names::separated_side(found.side),
        "rows": found.rows,
    })
}

/// A row with its own degrees of freedom, if it has them.
fn with_df(mut row: Value, df: Option<f64>) -> Value {
    if let Some(df) = df {
        row["df"] = json!(df);
    }
    row
}

fn coefficient(row: &Estimate) -> Value {
    json!({
        "term": row.term,
        "estimate": row.estimate,
        "std_error": row.std_error,
        "statistic": row.statistic,
        "p_value": row.p_value,
        "conf_low": row.conf_low,
        "conf_high": row.conf_high,
        "note": missing_note(&[("estimate", row.estimate), ("std_error", row.std_error)]),
    })
}

fn level(row: &RateRow) -> Value {
    let note = row.note.clone().or_else(|| missing_note(&[("estimate", row.estimate), ("std_error", row.std_error)]));
    json!({
        "level": row.level,
        "label": row.label,
        "estimate": row.estimate,
        "std_error": row.std_error,
        "conf_low": row.conf_low,
        "conf_high": row.conf_high,
        "n_obs": row.n_obs,
        "n_clusters": row.n_clusters,
        "raw_rate": row.raw_rate,
        "effective_n": row.effective_n,
        "note": note,
    })
}

fn rates_info(rates: &Rates) -> Value {
    json!({
        "factor": rates.factor,
        "reference_level": rates.reference_level,
        "composition": names::composition(rates.composition),
        "scale": rates.scale,
        "target": rates.target,
        "target_rows": rates.target_rows,
    })
}

fn contrast(row: &ContrastRow) -> Value {
    json!({
        "contrast": row.contrast,
        "kind": names::contrast(row.kind),
        "scale": names::contrast_scale(row.kind),
        "estimate": row.estimate,
        "std_error": row.std_error,
        "statistic": row.statistic,
        "p_value": row.p_value,
        "conf_low": row.conf_low,
        "conf_high": row.conf_high,
        "note": missing_note(&[("estimate", row.estimate), ("std_error", row.std_error)]),
    })
}

/// A square matrix with the names of its rows: `{"<axis>": [...], "matrix": [[...], ...]}`.
fn matrix(axis: &str, names: &[&str], entries: &[f64]) -> Value {
    let rows: Vec<&[f64]> = entries.chunks(names.len().max(1)).collect();
    json!({axis: names, "matrix": rows})
}

fn flow(flow: &Flow) -> Value {
    json!({
        "rows_read": flow.rows_read,
        "dropped": flow.dropped.iter()
            .map(|step| json!({"reason": step.reason, "rows": step.rows}))
            .collect::<Vec<_>>(),
        "rows_used": flow.rows_used,
        "users": flow.users,
        "cells": flow.cells,
    })
}

fn overlap(overlap: &Overlap) -> Value {
    json!({
        "cells": overlap.cells,
        "target_rows": overlap.target_rows,
        "rows_in_singleton_cells": overlap.rows_in_singleton_cells,
        "rows_in_two_level_cells": overlap.rows_in_two_level_cells,
        "rows_in_all_level_cells": overlap.rows_in_all_level_cells,
        "negative_weight_share": overlap.negative_weight_share,
        "negative_weight_sum": overlap.negative_weight_sum,
        "largest_cluster_share": overlap.largest_cluster_share,
        "rows_separated": overlap.rows_separated,
        "parameters_per_row": overlap.parameters_per_row,
        "warnings": overlap.warnings,
    })
}

fn statistics(fit: &FitStats, steps: &[R2Step]) -> Value {
    json!({
        "r2": fit.r2,
        "adj_r2": fit.adj_r2,
        "within_r2": fit.within_r2,
        "pseudo_r2": fit.pseudo_r2,
        "sigma": fit.sigma,
        "f_statistic": fit.f_statistic,
        "log_likelihood": fit.log_likelihood,
        "deviance": fit.deviance,
        "mean_outcome": fit.mean_outcome,
        "iterations": fit.iterations,
        "residual": fit.residual,
        "r2_steps": steps.iter().map(|step| json!({ "added": step.added, "r2": step.r2 })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    #[test]
    fn snapshot() {
        let text = render(&sample_run()).replace(env!("CARGO_PKG_VERSION"), "[version]");
        insta::assert_snapshot!(text);
    }

    /// The number that follows `"key": ` for the n-th time.
    fn nth_number(text: &str, key: &str, nth: usize) -> f64 {
        let after = text.split(&format!("\"{key}\": ")).nth(nth + 1).unwrap();
        after.split([',', '\n']).next().unwrap().parse().unwrap()
    }

    #[test]
    fn numbers_parse_back_to_the_same_bits() {
        let run = sample_run();
        let text = render(&run);
        for (position, row) in run.fits[0].coefficients.iter().enumerate() {
            assert_eq!(nth_number(&text, "estimate", position).to_bits(), row.estimate.to_bits());
            assert_eq!(nth_number(&text, "std_error", position).to_bits(), row.std_error.to_bits());
            assert_eq!(nth_number(&text, "p_value", position).to_bits(), row.p_value.to_bits());
        }
    }

    #[test]
    fn a_missing_number_is_null_with_a_note() {
        let mut run = sample_run();
        run.fits[0].coefficients[0].std_error = f64::NAN;
        let document = document(&run);
        let row = &document["models"][0]["coefficients"][0];
        assert!(row["std_error"].is_null());
        assert_eq!(row["note"], "not a finite number: `std_error`");
    }

    #[test]
    fn clusters_are_counted_by_variable_and_the_first_alone() {
        let document = document(&sample_run());
        assert_eq!(document["models"][0]["n_clusters"], 1_204);
        assert_eq!(document["models"][0]["clusters"]["user"], 1_204);
    }

    #[test]
    fn a_matrix_carries_its_names() {
        let value = matrix("terms", &["a", "b"], &[1.0, 2.0, 2.0, 4.0]);
        assert_eq!(value, json!({"terms": ["a", "b"], "matrix": [[1.0, 2.0], [2.0, 4.0]]}));
    }
}
