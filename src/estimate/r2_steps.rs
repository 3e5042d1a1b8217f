//! How much of the outcome each absorbed effect explains, added one after the other in the formula's order.
//!
//! Step e is the R2 (for a likelihood McFadden's pseudo R2) of the regression on the first e effects alone, on the
//! estimation rows of the full model; the last step adds the regressors and is the R2 of the model. The order matters, as
//! in every sequential decomposition.

use super::effects::FittedRows;
use super::{FitError, Options, fit_outcomes};
use crate::design::{Effect, Outcome, Sample, Slope};
use crate::result::{Family, FitStats, R2Step, VcovKind};

/// The R2 that a family has.
fn r2(family: Family, stats: &FitStats) -> f64 {
    if family == Family::Ols { stats.r2 } else { stats.pseudo_r2 }
}

/// R2 after each effect, and with the regressors.
///
/// # Errors
/// If the effects could not be absorbed.
pub fn steps(
    sample: &Sample,
    options: &Options,
    outcome: usize,
    rows: &FittedRows,
    full: &FitStats,
) -> Result<Vec<R2Step>, FitError> {
    let options = Options {
        family: options.family,
        method: options.method,
        vcov: VcovKind::Iid,
        drop_singletons: false,
        ..Options::default()
    };
    let mut part = estimation_rows(sample, outcome, rows);
    let effects = std::mem::take(&mut part.effects);
    let mut steps = Vec::with_capacity(effects.len() + 1);
    for effect in effects {
        let added = effect.name.clone();
        part.effects.push(effect);
        let fitted = fit_outcomes(&part, &options).remove(0)?;
        steps.push(R2Step { added, r2: r2(options.family, &fitted.fit.fit) });
    }
    steps.push(R2Step { added: String::from("regressors"), r2: r2(options.family, full) });
    Ok(steps)
}

/// The rows of a fit without regressors, clusters and rates.
fn estimation_rows(sample: &Sample, outcome: usize, rows: &FittedRows) -> Sample {
    let numbers = |values: &[f64]| -> Vec<f64> { rows.row.iter().map(|&row| values[row as usize]).collect() };
    let effect = |effect: &Effect| {
        let codes: Vec<u32> = rows.row.iter().map(|&row| effect.codes[row as usize]).collect();
        let slope = |slope: &Slope| Slope { name: slope.name.clone(), values: numbers(&slope.values).into() };
        let slopes = effect.slopes.iter().map(slope).collect();
        Effect { constant: effect.constant, slopes, ..Effect::new(effect.name.clone(), codes, effect.n_levels) }
    };
    let own = &sample.outcomes[outcome];
    Sample {
        n_rows: rows.row.len(),
        intercept: sample.intercept,
        effects: sample.effects.iter().map(effect).collect(),
        weights: sample.weights.as_ref().map(|weights| numbers(weights)),
        outcomes: vec![Outcome { name: own.name.clone(), values: numbers(&own.values).into() }],
        ..Sample::default()
    }
}
