//! Adjusted rates as records: intervals, contrasts, rows behind each level, overlap.

use super::assemble::{Counts, Problem};
use crate::aggregate::{Aggregator, Rows};
use crate::design::RatesFactor;
use crate::design::cells::{CellOutcome, is_binary};
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::inference::intervals::{log_interval, logit_interval};
use crate::rates::contrasts;
use crate::rates::functionals::Functionals;
use crate::rates::overlap::{Implied, warnings};
use crate::result::{ContrastKind, DegreesOfFreedom, Family, Overlap, RateRow, Rates, Reference};

/// What turns a rate and its error into statements.
#[derive(Debug, Clone, Copy)]
pub struct Scale<'a> {
    /// The outcome, for its shift and raw means.
    pub outcome: &'a CellOutcome,
    /// Reference distribution.
    pub reference: Reference,
    /// Two-sided critical value.
    pub critical: f64,
    /// Degrees of freedom of each number, where each has its own.
    pub df: Option<&'a DegreesOfFreedom>,
}

/// Root of a variance. One that cancelled to a rounding of the largest is zero; a negative one has no root.
fn std_error(variance: f64, largest: f64) -> f64 {
    if variance < 0.0 && variance >= -1e-12 * largest { 0.0 } else { variance.sqrt() }
}

/// The adjusted rates of one outcome; `vcov` is their covariance.
pub fn adjusted_rates(
    problem: Problem,
    factor: &RatesFactor,
    functionals: &Functionals,
    vcov: Vec<f64>,
    scale: Scale,
) -> Rates {
    let n = factor.levels.len();
    let shared = problem.shared;
    // the mean of a Poisson is positive and nothing else, whatever values its outcome takes
    let is_count = problem.options.family == Family::Poisson;
    let is_probability = !is_count && is_binary(&problem.sample.outcomes[problem.o].values);
    let estimates: Vec<f64> = functionals.rates.iter().map(|rate| rate + scale.outcome.shift).collect();
    let raw = raw_rates(problem.rows, factor, scale.outcome);
    let largest = (0..n).map(|k| vcov[k * n + k]).fold(0.0, f64::max);
    let level = |k: usize| {
        let (rate, std_error) = (estimates[k], std_error(vcov[k * n + k], largest));
        let inside = rate > 0.0 && rate < 1.0;
        let own = |df: &DegreesOfFreedom| Reference::StudentT(df.rates[k]).critical(problem.options.conf_level);
        let critical = scale.df.map_or(scale.critical, own);
        let (conf_low, conf_high) = if is_probability && inside {
            logit_interval(rate, std_error, critical)
        } else if is_count && rate > 0.0 {
            log_interval(rate, std_error, critical)
        } else {
            (rate - critical * std_error, rate + critical * std_error)
        };
        let outside = is_probability && !inside;
        RateRow {
            level: factor.levels[k].clone(),
            label: factor.labels[k].clone(),
            estimate: rate,
            std_error,
            conf_low,
            conf_high,
            n_obs: shared.level_rows[k],
            n_clusters: shared.level_clusters[k],
            raw_rate: raw[k],
            effective_n: f64::NAN,
            note: outside.then(|| String::from("the adjusted rate lies outside 0 and 1: interval on the plain scale")),
        }
    };
    let mut contrasts =
        contrasts::all(&estimates, &vcov, &factor.levels, factor.reference, scale.reference, scale.critical);
    if is_count {
        contrasts.retain(|row| row.kind != ContrastKind::OddsRatio);
    }
    if let Some(df) = scale.df {
        contrasts::refer(&mut contrasts, &df.contrasts, problem.options.conf_level);
    }
    Rates {
        factor: factor.name.clone(),
        reference_level: factor.levels[factor.reference].clone(),
        composition: problem.options.composition,
        scale: match (is_probability, is_count) {
            (true, _) => "logit",
            (_, true) => "log",
            _ => "identity",
        },
        target: problem.sample.target.as_ref().map(|target| target.name.clone()),
        target_rows: shared.overlap.target_rows,
        levels: (0..n).map(level).collect(),
        contrasts,
        vcov,
    }
}

/// Unadjusted mean of each level in the target.
fn raw_rates(rows: &Rows, factor: &RatesFactor, outcome: &CellOutcome) -> Vec<f64> {
    let cells = rows.cells();
    let (mut weight, mut sum) = (vec![0.0; factor.levels.len()], vec![0.0; factor.levels.len()]);
    for cell in 0..cells.len() {
        let level = cells.rates_level[cell] as usize;
        weight[level] += cells.target[cell];
        sum[level] += cells.target[cell] * outcome.mean[cell];
    }
    sum.iter().zip(&weight).map(|(sum, weight)| sum / weight + outcome.shift).collect()
}

/// Fills the effective rows of each rate, and the overlap block.
pub fn describe_overlap(
    problem: Problem,
    factor: &RatesFactor,
    functionals: &Functionals,
    rates: &mut Rates,
    exact: &[Exact],
    layout: &Layout,
    counts: &Counts,
) -> Overlap {
    let compute = || implied_weights(problem, factor, functionals, exact);
    let own;
    let implied = match problem.options.family {
        Family::Ols => problem.shared.implied.get_or_init(compute),
        Family::Logit | Family::Poisson | Family::Probit | Family::Clogit => {
            own = compute();
            &own
        }
    };
    let mut overlap = problem.shared.overlap.clone();
    let effective: Vec<f64> = implied.iter().map(Implied::effective_rows).collect();
    rates.levels.iter_mut().zip(&effective).for_each(|(row, rows)| row.effective_n = *rows);
    implied.iter().for_each(|sums| sums.report(&mut overlap));
    overlap.rows_separated = counts.n_separated;
    let of_level = |e: usize| usize::from(problem.sample.effects[e].constant) + problem.sample.effects[e].slopes.len();
    let absorbed: usize = layout.effect_levels.iter().enumerate().map(|(e, levels)| levels * of_level(e)).sum();
    overlap.parameters_per_row = absorbed as f64 / counts.n.max(1) as f64;
    overlap.warnings = warnings(&overlap, &effective, &factor.levels);
    overlap
}

/// What the implied weights of each level's rate add up to.
fn implied_weights(problem: Problem, factor: &RatesFactor, functionals: &Functionals, exact: &[Exact]) -> Vec<Implied> {
    let cells = problem.rows.cells();
    let mut implied = vec![Implied::default(); factor.levels.len()];
    for (cell, mark) in exact.iter().enumerate() {
        let rows = f64::from(cells.rows[cell]);
        let per_row = cells.weight[cell] / rows;
        let slope = functionals.records.slope(cell);
        for (sums, combination) in implied.iter_mut().zip(&functionals.combination) {
            let weight = match mark {
                Exact::No => slope.iter().zip(combination).map(|(h, c)| h * c).sum(),
                _ => cells.target[cell] / cells.weight[cell],
            };
            sums.add(rows, per_row * weight);
        }
    }
    implied
}
