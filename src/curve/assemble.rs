//! Sets specifications side by side: covariances, differences from the baseline, statements about all of them.

use super::groups::Groups;
use super::joint::{DrawOptions, Entry, joint};
use super::record::{Failure, Joint, Outcome};
use super::run::Estimated;
use super::stack::Stack;
use crate::inference::intervals::estimate;
use crate::result::Estimate;
use crate::standardise::wald::wald;

/// Share of the standard error below which a difference has none: rounding leaves its root.
const ZERO_SHARE: f64 = 1e-6;

/// What joins the specifications of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// Outcomes of the specifications, in order.
    pub outcomes: Vec<Result<Outcome, Failure>>,
    /// [`super::Curve::covariances`].
    pub covariances: Vec<Vec<f64>>,
    /// Statements about the whole curve.
    pub joint: Option<Joint>,
}

/// Joins the results of a runner. `baseline` is the position of the specification that others are compared with;
/// `numbers` counts the effect and the rates.
pub fn assemble(
    results: Vec<Result<Estimated, String>>,
    baseline: usize,
    groups: &Groups,
    numbers: usize,
    conf_level: f64,
    options: DrawOptions,
) -> Assembled {
    let base = results.get(baseline).and_then(|result| result.as_ref().ok()).cloned();
    let ok: Vec<&Estimated> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    // one number at a time: all columns at once would double the memory
    let covariances = (0..numbers).map(|number| stack(&ok, number, groups).covariances()).collect();
    let (statements, family) = statements(&ok, &stack(&ok, 0, groups), groups, options);
    let mut outcomes = Vec::with_capacity(results.len());
    let mut position = 0;
    for result in results {
        outcomes.push(result.map_err(|reason| Failure { reason }).map(|found| {
            let at = position;
            position += 1;
            let difference = difference(&found, base.as_ref(), conf_level);
            let hausman_p_value = base.as_ref().map_or(f64::NAN, |base| hausman(&found, base));
            Outcome {
                difference,
                hausman_p_value,
                family_p_value: family[at],
                position: at,
                effect: found.effect,
                rates: found.rates,
                rows: found.rows,
                users: found.users,
                cells: found.cells,
                overlap: found.overlap,
                warnings: found.warnings,
            }
        }));
    }
    Assembled { outcomes, covariances, joint: statements }
}

/// Influence of one number under all specifications.
fn stack(found: &[&Estimated], number: usize, groups: &Groups) -> Stack {
    let sums: Vec<Option<&[f64]>> =
        found.iter().map(|one| one.sums.get(number).and_then(|sums| sums.as_deref())).collect();
    let error = |one: &&Estimated| match number {
        0 => one.effect.std_error,
        // rates are in the order of their sums, but a sample may lack a level
        _ => {
            let present = |k: &usize| one.sums.get(*k).is_some_and(Option::is_some);
            let before = (1..number).filter(present).count();
            one.rates.get(before).map_or(f64::NAN, |rate| rate.std_error)
        }
    };
    let errors: Vec<f64> = found.iter().map(error).collect();
    Stack::new(groups.count(), &sums, &errors)
}

/// Statements about the specifications that have influence, and the family p-value of all.
fn statements(
    found: &[&Estimated],
    effects: &Stack,
    groups: &Groups,
    options: DrawOptions,
) -> (Option<Joint>, Vec<f64>) {
    let with: Vec<usize> = (0..found.len()).filter(|&s| effects.errors()[s].is_finite()).collect();
    let mut family = vec![f64::NAN; found.len()];
    if with.len() < 2 || options.draws == 0 {
        return (None, family);
    }
    let columns: Vec<Option<&[f64]>> = with.iter().map(|&s| Some(effects.column(s))).collect();
    let errors: Vec<f64> = with.iter().map(|&s| effects.errors()[s]).collect();
    let entries: Vec<Entry> = with
        .iter()
        .map(|&s| Entry {
            estimate: found[s].effect.estimate,
            statistic: found[s].effect.statistic,
            p_value: found[s].effect.p_value,
            critical: found[s].reference.critical(1.0 - options.alpha),
        })
        .collect();
    let stack = Stack::new(groups.count(), &columns, &errors);
    let (joint, p_values) = joint(&stack, &entries, groups.are_clusters(), options);
    with.iter().zip(p_values).for_each(|(&s, p)| family[s] = p);
    (Some(joint), family)
}

/// The effect less that of the baseline; the covariance is summed over clusters, also where rows overlap in part.
fn difference(found: &Estimated, base: Option<&Estimated>, conf_level: f64) -> Estimate {
    let none = |value: f64| Estimate {
        term: String::from("difference"),
        estimate: value,
        std_error: f64::NAN,
        statistic: f64::NAN,
        p_value: f64::NAN,
        conf_low: f64::NAN,
        conf_high: f64::NAN,
    };
    let Some(base) = base else { return none(f64::NAN) };
    let value = found.effect.estimate - base.effect.estimate;
    let (a, b) = (found.effect.std_error, base.effect.std_error);
    // small-sample factors are those of the errors: cov = sqrt(q_a q_b) sum phi_a phi_b
    let correlation = found.with_baseline / (found.bare_variance * base.bare_variance).sqrt();
    let variance = a * a + b * b - 2.0 * correlation * a * b;
    if variance.is_nan() || variance.max(0.0).sqrt() < ZERO_SHARE * (a + b) {
        return none(value);
    }
    let reference = if found.reference.df() < base.reference.df() { found.reference } else { base.reference };
    estimate(String::from("difference"), value, variance.sqrt(), reference, reference.critical(conf_level))
}

/// Hausman's (1978) test with a covariance from influence, so that neither estimator need be efficient: are all contrasts
/// of the rates with the first level those of the baseline?
fn hausman(found: &Estimated, base: &Estimated) -> f64 {
    let common: Vec<usize> = (1..found.sums.len().min(base.sums.len()))
        .filter(|&k| found.sums[k].is_some() && base.sums[k].is_some())
        .collect();
    if common.len() < 2 || found.rates.len() != base.rates.len() || common.len() != found.rates.len() {
        return f64::NAN;
    }
    let scaled = |one: &Estimated| -> Vec<Vec<f64>> {
        let of = |position: usize, k: usize| {
            let sums = one.sums[k].as_deref().unwrap_or_default();
            let length = sums.iter().map(|v| v * v).sum::<f64>().sqrt();
            let factor = one.rates[position].std_error / length;
            sums.iter().map(|v| v * factor).collect::<Vec<f64>>()
        };
        common.iter().enumerate().map(|(position, &k)| of(position, k)).collect()
    };
    let (left, right) = (scaled(found), scaled(base));
    let change = |k: usize| found.rates[k].estimate - base.rates[k].estimate;
    let d: Vec<f64> = (1..common.len()).map(|k| change(k) - change(0)).collect();
    let influence: Vec<Vec<f64>> = (1..common.len())
        .map(|k| (0..left[0].len()).map(|j| left[k][j] - right[k][j] - (left[0][j] - right[0][j])).collect())
        .collect();
    let own: Vec<f64> =
        (1..common.len()).map(|k| left[k].iter().zip(&left[0]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let vcov: Vec<f64> = influence.iter().flat_map(|a| influence.iter().map(move |b| dot(a, b))).collect();
    let df = found.reference.df().min(base.reference.df());
    wald(&d, &vcov, &own, df).map_or(f64::NAN, |test| test.p_value)
}
