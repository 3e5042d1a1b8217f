//! Statistics of fit.

use super::assemble::{Counts, Point, Problem};
use super::link::Glm;
use super::outcome::RowConstants;
use crate::design::cells::CellOutcome;
use crate::design::layout::Layout;
use crate::linalg::double_double::Double2;
use crate::result::FitStats;

/// R2 and its relatives, likelihood, and what is left of the normal (score) equations.
pub fn fit_statistics(
    problem: Problem,
    layout: &Layout,
    outcome: &CellOutcome,
    point: &Point,
    counts: &Counts,
    constants: &RowConstants,
) -> FitStats {
    let Problem { sample, options, .. } = problem;
    let weight = &layout.weight;
    let total: f64 = weight.iter().sum();
    let value = |i: usize| outcome.mean[layout.cell[i] as usize];
    let mean = compensated((0..layout.n()).map(|i| weight[i] * value(i))) / total;
    // what is left of the normal equations: the next Newton step
    let p = layout.p();
    let mut step = vec![0.0; p];
    let mut size = vec![0.0; p];
    for (i, weight) in weight.iter().enumerate() {
        let residual = weight * (value(i) - point.fitted[i]);
        for j in 0..p {
            step[j] += residual * point.influence[i * p + j];
            size[j] += residual * point.influence[i * p + j] * residual * point.influence[i * p + j];
        }
    }
    let residual =
        step.iter().zip(&size).filter(|(_, s)| **s > 0.0).map(|(d, s)| d.abs() / s.sqrt()).fold(0.0, f64::max);
    let mut stats = FitStats {
        r2: f64::NAN,
        adj_r2: f64::NAN,
        within_r2: f64::NAN,
        pseudo_r2: f64::NAN,
        sigma: f64::NAN,
        f_statistic: f64::NAN,
        log_likelihood: f64::NAN,
        deviance: f64::NAN,
        mean_outcome: mean + outcome.shift,
        iterations: point.iterations,
        residual,
    };
    let n = counts.n as f64;
    match Glm::of(options.family) {
        None => {
            let within = compensated(layout.cell.iter().map(|&cell| outcome.within[cell as usize]));
            let square = |f: &dyn Fn(usize) -> f64| {
                compensated((0..layout.n()).map(|i| {
                    let value = f(i);
                    weight[i] * value * value
                }))
            };
            let rss = within + square(&|i| value(i) - point.fitted[i]);
            // without a constant nothing was subtracted from the outcome, and its squares are about zero
            let centre = if layout.has_groups() { mean } else { 0.0 };
            let tss = within + square(&|i| value(i) - centre);
            // the smaller of the two parts of tss is the one that keeps its digits
            let explained = if rss < 0.5 * tss { tss - rss } else { square(&|i| point.fitted[i] - centre) };
            stats.deviance = rss;
            stats.r2 = if rss < 0.5 * tss { 1.0 - rss / tss } else { explained / tss };
            let constant = if layout.has_groups() { 1.0 } else { 0.0 };
            stats.adj_r2 = 1.0 - (rss / (n - counts.k_all as f64)) / (tss / (n - constant));
            if !sample.effects.is_empty() {
                stats.within_r2 = point.explained / (point.explained + rss);
            }
            let explaining = counts.k_all as f64 - constant;
            if explaining > 0.0 {
                stats.f_statistic = (explained / explaining) / (rss / (n - counts.k_all as f64));
            }
            stats.sigma = (rss / (n - counts.k_all as f64)).sqrt();
            if sample.weights.is_none() {
                stats.log_likelihood = -0.5 * n * ((2.0 * std::f64::consts::PI * rss / n).ln() + 1.0);
            }
        }
        Some(glm) => {
            let eta = point.eta.unwrap_or(&[]);
            let sum = |f: &dyn Fn(usize) -> f64| (0..layout.n()).map(|i| weight[i] * f(i)).sum::<f64>();
            let log_likelihood = sum(&|i| glm.log_likelihood(eta[i], value(i)));
            let null = total * glm.log_likelihood_at_mean(mean);
            let constant = constants.log_likelihood;
            stats.log_likelihood = log_likelihood + constant;
            stats.deviance = sum(&|i| glm.at(eta[i], value(i)).deviance) + constants.deviance;
            stats.pseudo_r2 = 1.0 - (log_likelihood + constant) / (null + constant);
        }
    }
    stats
}

/// Sum with the rounding of every addition carried along (Neumaier 1974).
fn compensated(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut rest) = (0.0, 0.0);
    for value in values {
        let added = Double2::sum(sum, value);
        sum = added.high;
        rest += added.low;
    }
    sum + rest
}
