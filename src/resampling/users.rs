//! Bootstrap of users: clusters drawn with replacement, and everything estimated anew.
//!
//! Rows that share a design and an outcome are one row with the sum of their drawn weights, so a draw costs one pass over the
//! rows and a fit of what is distinct in them. Coefficients and adjusted rates come from the same fit.
//! Pairs bootstrap: Cameron and Miller (2015), section III.D; weights from the exponential distribution: Rubin (1981); Poisson
//! weights: Hanley and MacGibbon (2006).

use super::ResamplingError;
use super::philox::{Purpose, philox, uniform};
use super::problem::{one_cluster, reference_fit};
use crate::aggregate::{Aggregator, Rows};
use crate::design::codes::{code_numbers, combine};
use crate::design::{Outcome, Sample};
use crate::estimate::{Options, fit};
use crate::result::{Family, ModelFit, VcovKind};
use rayon::prelude::*;

/// How often a cluster is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// As many clusters as there are, with replacement.
    #[default]
    Multinomial,
    /// Weights from the standard exponential distribution (Bayesian bootstrap): no cluster is ever left out.
    Exponential,
    /// Independent Poisson counts of mean one.
    Poisson,
}

/// How a bootstrap of users is made.
#[derive(Debug, Clone, PartialEq)]
pub struct UserOptions {
    /// Draws.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// How often a cluster is drawn.
    pub scheme: Scheme,
    /// Level of the intervals.
    pub conf_level: f64,
    /// Whether the numbers of every draw are returned.
    pub keep_draws: bool,
}

impl Default for UserOptions {
    fn default() -> Self {
        UserOptions { draws: 999, seed: 1, scheme: Scheme::Multinomial, conf_level: 0.95, keep_draws: false }
    }
}

/// A number with its bootstrap distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// Coefficient, or `rate::<level>`.
    pub name: String,
    /// Estimate of the fit.
    pub estimate: f64,
    /// Standard error of the fit.
    pub std_error: f64,
    /// Standard deviation over the draws.
    pub bootstrap_error: f64,
    /// Mean over the draws less the estimate.
    pub bias: f64,
    /// Percentile interval: quantiles of the draws.
    pub percentile: (f64, f64),
    /// Basic interval: quantiles reflected at the estimate.
    pub basic: (f64, f64),
    /// Draws with this number.
    pub draws: usize,
    /// The draws in order, if asked for; `NaN` where there is none.
    pub values: Vec<f64>,
}

/// Bootstrap of all coefficients and rates of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct UserBootstrap {
    /// The fit itself.
    pub fit: ModelFit,
    /// Every number.
    pub numbers: Vec<Resampled>,
    /// Draws made.
    pub draws: usize,
    /// Draws whose fit failed, and why the first of them did.
    pub failed: (usize, Option<String>),
    /// Clusters.
    pub clusters: usize,
}

/// Draws users and fits anew.
///
/// # Errors
/// [`ResamplingError`]. A draw whose fit fails is counted, not an error.
pub fn users(
    sample: &Sample,
    options: &Options,
    how: &UserOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<UserBootstrap, ResamplingError> {
    one_cluster(sample)?;
    super::wild::check_draws(Some(how.conf_level), how.draws, false)?;
    let fitted = reference_fit(sample, options)?;
    let compact = Compact::new(sample, options.family);
    let settings = Options {
        vcov: VcovKind::Hc1,
        // a level that is left with one row of sums is no singleton
        drop_singletons: false,
        exact_df: false,
        keep_influence: false,
        keep_fitted: false,
        keep_weights: false,
        keep_effects: false,
        ..options.clone()
    };
    let names = names_of(&fitted);
    let clusters = sample.clusters[0].n_clusters;
    let drawn: Vec<Result<Vec<f64>, String>> = (0..how.draws)
        .into_par_iter()
        .map(|draw| {
            let counts = counts(how, draw, clusters);
            let result = match fit(&compact.drawn(sample, &counts), &settings).swap_remove(0) {
                Ok(fitted) => Ok(values_of(&fitted.fit, &names)),
                Err(error) => Err(error.to_string()),
            };
            done(1);
            result
        })
        .collect();
    let failures: Vec<&String> = drawn.iter().filter_map(|draw| draw.as_ref().err()).collect();
    let failed = (failures.len(), failures.first().map(|reason| (*reason).clone()));
    let estimates = values_of(&fitted, &names);
    let numbers = names.iter().enumerate().map(|(at, (name, std_error))| {
        let values: Vec<f64> = drawn.iter().map(|draw| draw.as_ref().map_or(f64::NAN, |values| values[at])).collect();
        summarise(name, estimates[at], *std_error, values, how)
    });
    Ok(UserBootstrap { numbers: numbers.collect(), draws: how.draws, failed, clusters, fit: fitted })
}

/// Names of all numbers of a fit with their standard errors.
fn names_of(fit: &ModelFit) -> Vec<(String, f64)> {
    let mut names: Vec<(String, f64)> = fit.coefficients.iter().map(|row| (row.term.clone(), row.std_error)).collect();
    let levels = fit.rates.iter().flat_map(|rates| &rates.levels);
    names.extend(levels.map(|row| (format!("rate::{}", row.level), row.std_error)));
    names
}

/// The numbers of a fit under these names.
fn values_of(fit: &ModelFit, names: &[(String, f64)]) -> Vec<f64> {
    let coefficient = |name: &str| fit.coefficients.iter().find(|row| row.term == name).map(|row| row.estimate);
    let rate = |name: &str| {
        let level = name.strip_prefix("rate::")?;
        fit.rates.iter().flat_map(|rates| &rates.levels).find(|row| row.level == level).map(|row| row.estimate)
    };
    names.iter().map(|(name, _)| coefficient(name).or_else(|| rate(name)).unwrap_or(f64::NAN)).collect()
}

/// How often each cluster is drawn.
fn counts(how: &UserOptions, draw: usize, clusters: usize) -> Vec<f64> {
    let bits = |item: usize| philox(how.seed, [item as u32, draw as u32, Purpose::Count as u32, 0]);
    match how.scheme {
        Scheme::Multinomial => {
            let mut counts = vec![0.0; clusters];
            for item in 0..clusters {
                let [a, b, ..] = bits(item);
                let wide = u128::from((u64::from(a) << 32) | u64::from(b)) * clusters as u128;
                counts[(wide >> 64) as usize] += 1.0;
            }
            counts
        }
        Scheme::Exponential => (0..clusters).map(|item| -uniform(bits(item)[0], bits(item)[1]).ln()).collect(),
        Scheme::Poisson => (0..clusters).map(|item| poisson(uniform(bits(item)[0], bits(item)[1]))).collect(),
    }
}

/// The Poisson count of mean one with distribution function first above `u`.
fn poisson(u: f64) -> f64 {
    let (mut count, mut term) = (0.0, (-1.0_f64).exp());
    let mut below = term;
    while u > below && count < 30.0 {
        count += 1.0;
        term /= count;
        below += term;
    }
    count
}

/// Rows that share design and outcome.
struct Compact {
    /// Class of each row.
    of_row: Vec<u32>,
    /// A row of each class.
    row: Vec<usize>,
}

impl Compact {
    fn new(sample: &Sample, family: Family) -> Self {
        let rows = Rows::new(sample);
        let cells = rows.cells();
        let values = &sample.outcomes[0].values;
        // outcomes of few values make classes; others leave every row on its own
        let limit = if family == Family::Ols || family == Family::Poisson { 64 } else { 2 };
        let (of_row, n) = match code_numbers(values, limit) {
            Some((codes, distinct)) => {
                combine(&[(cells.of_row.as_slice(), cells.len()), (codes.as_slice(), distinct.len())], sample.n_rows)
            }
            None => ((0..sample.n_rows as u32).collect(), sample.n_rows),
        };
        let mut row = vec![0; n];
        (0..sample.n_rows).rev().for_each(|i| row[of_row[i] as usize] = i);
        Compact { of_row, row }
    }

    /// The classes that were drawn, as a sample of their own.
    fn drawn(&self, sample: &Sample, counts: &[f64]) -> Sample {
        let codes = &sample.clusters[0].codes;
        let mut weight = vec![0.0; self.row.len()];
        for (row, &class) in self.of_row.iter().enumerate() {
            weight[class as usize] += counts[codes[row] as usize] * sample.weight(row);
        }
        let kept: Vec<usize> = (0..weight.len()).filter(|&class| weight[class] > 0.0).collect();
        let at = |values: &[f64]| -> Vec<f64> { kept.iter().map(|&class| values[self.row[class]]).collect() };
        let code = |codes: &[u32]| -> Vec<u32> { kept.iter().map(|&class| codes[self.row[class]]).collect() };
        let mut drawn = Sample {
            n_rows: kept.len(),
            terms: sample.terms.clone(),
            intercept: sample.intercept,
            effects: sample.effects.clone(),
            weights: Some(kept.iter().map(|&class| weight[class]).collect()),
            clusters: Vec::new(),
            outcomes: vec![Outcome {
                name: sample.outcomes[0].name.clone(),
                values: at(&sample.outcomes[0].values).into(),
            }],
            rates: sample.rates.clone(),
            target: sample.target.clone(),
        };
        for term in &mut drawn.terms {
            if let Some(levels) = &mut term.levels {
                levels.codes = code(&levels.codes);
            }
            term.values = term.values.as_ref().map(|values| at(values).into());
        }
        for effect in &mut drawn.effects {
            effect.codes = code(&effect.codes).into();
            effect.slopes.iter_mut().for_each(|slope| slope.values = at(&slope.values).into());
        }
        if let Some(target) = &mut drawn.target {
            target.codes = code(&target.codes);
        }
        if let Some(rates) = &mut drawn.rates {
            rates.codes = code(&rates.codes);
        }
        drawn
    }
}

fn summarise(name: &str, estimate: f64, std_error: f64, values: Vec<f64>, how: &UserOptions) -> Resampled {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let square = sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let tail = 0.5 * (1.0 - how.conf_level);
    let (low, high) = (quantile(&sorted, tail), quantile(&sorted, 1.0 - tail));
    Resampled {
        name: name.to_owned(),
        estimate,
        std_error,
        bootstrap_error: if n > 1.0 { (square / (n - 1.0)).sqrt() } else { f64::NAN },
        bias: mean - estimate,
        percentile: (low, high),
        basic: (2.0 * estimate - high, 2.0 * estimate - low),
        draws: sorted.len(),
        values: if how.keep_draws { values } else { Vec::new() },
    }
}

/// The value at rank p (n + 1), between neighbours in proportion (Davison and Hinkley 1997, section 5.2).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    // rounding must not move an integer rank
    let exact = p * (sorted.len() as f64 + 1.0);
    let rank = if (exact - exact.round()).abs() < 1e-9 { exact.round() } else { exact };
    let below = (rank.floor() as usize).clamp(1, sorted.len());
    let above = (below + 1).min(sorted.len());
    let share = (rank - below as f64).clamp(0.0, 1.0);
    sorted[below - 1] + share * (sorted[above - 1] - sorted[below - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_moments_of_their_schemes() {
        for (scheme, variance) in [(Scheme::Multinomial, 1.0), (Scheme::Exponential, 1.0), (Scheme::Poisson, 1.0)] {
            let how = UserOptions { scheme, ..UserOptions::default() };
            let all: Vec<f64> = (0..20).flat_map(|draw| counts(&how, draw, 5_000)).collect();
            let n = all.len() as f64;
            let mean = all.iter().sum::<f64>() / n;
            let second = all.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / n;
            // five standard errors of 100,000 numbers
            assert!((mean - 1.0).abs() < 0.016 && (second - variance).abs() < 0.05, "{scheme:?} {mean} {second}");
            assert!(all.iter().all(|count| *count >= 0.0));
            let whole: f64 = counts(&how, 3, 5_000).iter().sum();
            assert!(scheme != Scheme::Multinomial || whole == 5_000.0);
        }
        assert_eq!([0.1, 0.36, 0.37, 0.74, 0.92].map(poisson), [0.0, 0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn quantiles_are_order_statistics_at_whole_ranks() {
        let sorted: Vec<f64> = (1..=199).map(f64::from).collect();
        assert_eq!((quantile(&sorted, 0.025), quantile(&sorted, 0.975)), (5.0, 195.0));
        assert_eq!(quantile(&sorted, 0.0275), 5.5);
        assert_eq!(quantile(&[2.0], 0.5), 2.0);
    }
}
