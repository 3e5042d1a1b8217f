//! From coefficients and scores to a [`ModelFit`].

use super::super::assemble::Counts;
use super::super::doubts::{self, Doubt};
use super::super::effects::FittedRows;
use super::super::link::Glm;
use super::super::parameters::{Absorbed, Ranks};
use super::super::variance::Variance;
use super::super::{FitError, Fitted, Influence, Options, fit_outcomes, incidental};
use super::absorber::gather;
use super::design::{Design, Kept, Scaling};
use super::scores::Scores;
use super::variance::{bread, variance};
use crate::absorb::kernel::Report;
use crate::absorb::kernel::columns::Columns;
use crate::aggregate::Meat;
use crate::design::{Cluster, Effect, Sample};
use crate::inference::intervals::estimate;
use crate::linalg::blocks::sum_blocks;
use crate::linalg::cholesky::Cholesky;
use crate::result::*;
use crate::vcov::multiway::settle;
use std::sync::{Arc, OnceLock};

/// Clusters up to which effective clusters are counted.
const QUICK_CLUSTERS: usize = 10_000;
/// Rows up to which they are.
const QUICK_ROWS: usize = 1_000_000;
/// Rows up to which a fit is made again on cells for the sake of its covariance.
const MOST_ROWS: usize = 200_000;

/// What the outcomes of a fit share.
pub struct Fit<'a> {
    pub sample: &'a Sample,
    pub options: &'a Options,
    pub design: &'a Design<'a>,
    pub kept: &'a Kept,
    /// Regressors residual of the effects, then outcomes.
    pub columns: &'a Columns,
    /// Factor of the regressors' cross-products.
    pub factor: &'a Cholesky,
    /// Whether the effects span a regressor.
    pub absorbed: Vec<bool>,
    /// How the regressors were standardised.
    pub scaling: &'a [Scaling],
    pub report: Report,
    /// Ranks of the effects, found with the first outcome.
    pub ranks: OnceLock<Ranks>,
}

/// What a likelihood brings beside its coefficients.
pub struct Likelihood {
    pub glm: Glm,
    /// Linear predictor.
    pub eta: Vec<f64>,
    /// w k (y - mu).
    pub score: Vec<f64>,
    pub iterations: usize,
}

/// Least squares: `coef` on the standardised scale, `left` the weighted square of the outcome's residual on the effects.
pub fn finish(
    fit: &Fit,
    o: usize,
    column: usize,
    coef: Vec<f64>,
    left: f64,
    outcome: Scaling,
) -> Result<Fitted, FitError> {
    let design = fit.design;
    let e = |i: usize, row: &[f64]| {
        let fitted: f64 = row.iter().zip(&coef).map(|(x, b)| x * b).sum();
        design.weight(i) * (row[column] - fitted)
    };
    let kept = kept(fit);
    let square = |i: usize, e: f64| e * e / design.weight(i);
    let scores = Scores { design, columns: fit.columns, kept: &kept, e, square };
    let facts = scores.facts(fit.options.vcov.is_clustered());
    let (rss, residual) = (facts.square, facts.residual);
    let counts = count(fit)?;
    let n = counts.n as f64;
    let scale = outcome.scale;
    let tss = outcome.raw;
    let sigma = (rss / (n - counts.k_all as f64)).sqrt();
    let stats = FitStats {
        r2: 1.0 - rss / tss,
        adj_r2: 1.0 - (rss / (n - counts.k_all as f64)) / (tss / (n - 1.0)),
        within_r2: 1.0 - rss / left,
        pseudo_r2: f64::NAN,
        sigma: sigma * scale,
        f_statistic: (tss - rss) / (counts.k_all as f64 - 1.0) / (sigma * sigma),
        log_likelihood: match fit.sample.weights {
            Some(_) => f64::NAN,
            None => -0.5 * n * ((2.0 * std::f64::consts::PI * rss * scale * scale / n).ln() + 1.0),
        },
        deviance: rss * scale * scale,
        mean_outcome: outcome.centre,
        iterations: fit.report.iterations,
        residual: residual.max(fit.report.residual),
    };
    let mut fitted = record(fit, o, &coef, &scores, facts.meat, counts, sigma * sigma, scale, stats)?;
    if fit.options.keep_fitted {
        let values = &fit.sample.outcomes[o].values;
        let mut predictor: Vec<f64> = (0..design.n).map(|i| values[design.row(i)]).collect();
        fit.columns.for_rows(0..design.n, |i, row| predictor[i] -= scale * (scores.e)(i, row) / design.weight(i));
        fitted.rows = Some(fitted_rows(fit, &coef, scale, predictor));
    }
    Ok(fitted)
}

/// A likelihood at its maximum.
pub fn finish_likelihood(fit: &Fit, o: usize, coef: Vec<f64>, at: &Likelihood) -> Result<Fitted, FitError> {
    let design = fit.design;
    let values = &fit.sample.outcomes[o].values;
    let glm = at.glm;
    let e = |i: usize, _: &[f64]| at.score[i];
    let kept = kept(fit);
    let scores = Scores { design, columns: fit.columns, kept: &kept, e, square: |_, _| 0.0 };
    let facts = scores.facts(fit.options.vcov.is_clustered());
    let sums = sum_blocks(design.n, 4, |rows| {
        let mut sums = vec![0.0; 4];
        for i in rows {
            let (w, y) = (design.weight(i), values[design.row(i)]);
            sums[0] += w * y;
            sums[1] += w * glm.log_likelihood(at.eta[i], y);
            sums[2] += w * glm.at(at.eta[i], y).deviance;
            sums[3] += w * glm.likelihood_constant(y);
        }
        sums
    });
    let mean = sums[0] / design.total;
    let null = design.total * glm.log_likelihood_at_mean(mean);
    let stats = FitStats {
        r2: f64::NAN,
        adj_r2: f64::NAN,
        within_r2: f64::NAN,
        pseudo_r2: 1.0 - (sums[1] + sums[3]) / (null + sums[3]),
        sigma: f64::NAN,
        f_statistic: f64::NAN,
        log_likelihood: sums[1] + sums[3],
        deviance: sums[2],
        mean_outcome: mean,
        iterations: at.iterations,
        residual: facts.residual.max(fit.report.residual),
    };
    let mut fitted = record(fit, o, &coef, &scores, facts.meat, count(fit)?, 1.0, 1.0, stats)?;
    fitted.rows = fit.options.keep_fitted.then(|| fitted_rows(fit, &coef, 1.0, at.eta.clone()));
    Ok(fitted)
}

/// The rows with what regressors alone predict.
fn fitted_rows(fit: &Fit, coef: &[f64], scale: f64, predictor: Vec<f64>) -> FittedRows {
    let design = fit.design;
    let kept: Vec<usize> = (0..coef.len()).filter(|&j| !fit.factor.dropped[j]).collect();
    let linear = |i: usize| -> f64 {
        kept.iter().map(|&j| coef[j] * scale / fit.scaling[j].scale * design.regressor(j, i)).sum()
    };
    FittedRows {
        row: (0..design.n).map(|i| design.row(i) as u32).collect(),
        linear: (0..design.n).map(linear).collect(),
        predictor,
    }
}

/// Regressors that are kept.
fn kept(fit: &Fit) -> Vec<usize> {
    (0..fit.scaling.len()).filter(|&j| !fit.factor.dropped[j]).collect()
}

/// Rows, parameters and the flow.
fn count(fit: &Fit) -> Result<Counts, FitError> {
    let Fit { sample, options, design, .. } = *fit;
    let clustered = options.vcov.is_clustered();
    let nest = |effect: &Effect| sample.clusters.iter().find(|c| is_nested(design, effect, c)).map(|c| c.name.clone());
    let nested_in: Vec<Option<String>> =
        sample.effects.iter().map(|effect| if clustered { nest(effect) } else { None }).collect();
    let codes = |e: usize| gather(design, &sample.effects[e].codes);
    let (levels, nested_in) = (design.effect_levels.as_slice(), nested_in.as_slice());
    let parameters = Absorbed { sample, options, levels, nested_in, n: design.n, codes }.count(&fit.ranks);
    let mut flow = Flow { rows_read: sample.n_rows, rows_used: design.n, ..Flow::default() };
    let mut dropped = |reason: &str, rows: usize| {
        if rows > 0 {
            flow.dropped.push(FlowStep { reason: reason.to_owned(), rows });
        }
    };
    dropped("singleton", fit.kept.singletons);
    dropped("separated (outcome constant within an effect)", fit.kept.separated);
    if let [levels] = design.effect_levels.as_slice() {
        flow.cells = *levels;
    }
    let n_coef = fit.factor.rank();
    Ok(Counts {
        n: design.n,
        facts: parameters.facts,
        k: n_coef + parameters.counted,
        k_all: n_coef + parameters.counted_all,
        effects: parameters.effects,
        rank: parameters.rank,
        warning: parameters.warning,
        flow,
        n_separated: fit.kept.separated,
    })
}

/// Whether every level of an effect lies in one cluster.
fn is_nested(design: &Design, effect: &Effect, cluster: &Cluster) -> bool {
    if Arc::ptr_eq(&effect.codes, &cluster.codes) {
        return true;
    }
    let mut owner = vec![u32::MAX; effect.n_levels];
    (0..design.n).all(|i| {
        let row = design.row(i);
        let slot = &mut owner[effect.codes[row] as usize];
        if *slot == u32::MAX {
            *slot = cluster.codes[row];
        }
        *slot == cluster.codes[row]
    })
}

#[allow(clippy::too_many_arguments)]
fn record(
    fit: &Fit,
    o: usize,
    coef: &[f64],
    scores: &Scores<impl Fn(usize, &[f64]) -> f64 + Sync, impl Fn(usize, f64) -> f64 + Sync>,
    meat: Option<Meat>,
    counts: Counts,
    sigma2: f64,
    scale: f64,
    stats: FitStats,
) -> Result<Fitted, FitError> {
    let Fit { sample, options, design, .. } = *fit;
    let name = &sample.outcomes[o].name;
    let p = fit.scaling.len();
    let kept = scores.kept;
    let dropped: Vec<DroppedTerm> = (0..p).filter(|&j| fit.factor.dropped[j]).map(|j| dropped_term(fit, j)).collect();
    if kept.is_empty() && !dropped.is_empty() {
        let reasons: Vec<String> = dropped.iter().map(|d| format!("`{}` ({})", d.term, d.reason)).collect();
        return Err(FitError::NothingEstimable { outcome: name.clone(), reasons: reasons.join(", ") });
    }
    if counts.n <= counts.k {
        return Err(FitError::NoDegreesOfFreedom { outcome: name.clone(), rows: counts.n, parameters: counts.k });
    }
    let bread = bread(fit.factor, kept);
    let variance = variance(fit, scores, meat, &bread, &counts, sigma2)?;
    let doubts = doubts(fit, scores, &bread, &counts, &variance);
    let (other, _, doubt) =
        doubts::take(options, sample.clusters.len(), &doubts, |kind| on_cells(sample, options, o, kind));
    if let Some(mut fitted) = other {
        fitted.fit.warnings.extend(doubt);
        return Ok(fitted);
    }
    let reference = variance.reference;
    let critical = reference.critical(options.conf_level);
    let unit: Vec<f64> = kept.iter().map(|&j| scale / fit.scaling[j].scale).collect();
    let m = kept.len();
    let scaled =
        |matrix: &[f64]| -> Vec<f64> { (0..m * m).map(|at| matrix[at] * unit[at / m] * unit[at % m]).collect() };
    let mut vcov = scaled(&variance.matrix);
    let bare = variance.bare(&counts, m, scaled);
    let mut warnings: Vec<String> = incidental::note(options.family, false, &counts).into_iter().collect();
    warnings.extend(counts.warning.clone());
    warnings.extend(doubt);
    if variance.clusters.len() > 1 {
        let names: Vec<&str> = kept.iter().map(|&j| design.name(j)).collect();
        warnings.extend(settle(options.multiway, "coefficients", &names, &mut vcov));
    }
    let mut coefficients = Vec::with_capacity(m);
    for (a, &j) in kept.iter().enumerate() {
        let se = vcov[a * m + a].sqrt();
        coefficients.push(estimate(design.name(j).to_owned(), coef[j] * unit[a], se, reference, critical));
    }
    let influence = (options.keep_influence && !sample.clusters.is_empty()).then(|| {
        let cluster = &sample.clusters[0];
        let (sums, _) = scores.sums(&cluster.codes, cluster.n_clusters);
        let phi = |s: &[f64], a: usize| (0..m).map(|b| bread[a * m + b] * s[b]).sum::<f64>() * unit[a];
        let values = sums.chunks(m.max(1)).flat_map(|s| (0..m).map(move |a| phi(s, a)).collect::<Vec<_>>()).collect();
        let names = kept.iter().map(|&j| design.name(j).to_owned()).collect();
        Influence { cluster: cluster.name.clone(), names, values }
    });
    let joint = options.keep_influence.then(|| vcov.clone());
    let mut flow = counts.flow;
    flow.users = variance.clusters.first().map_or(0, |cluster| cluster.count);
    let fit = ModelFit {
        spec_id: String::new(),
        model: String::new(),
        outcome: name.clone(),
        sample: String::from("all"),
        family: options.family,
        formula: String::new(),
        coefficients,
        vcov,
        dropped_terms: dropped,
        separations: Vec::new(),
        vcov_kind: options.vcov,
        clusters: variance.clusters,
        small_sample: variance.small_sample,
        reference,
        df: None,
        conf_level: options.conf_level,
        weights: None,
        effects: counts.effects,
        absorbed_rank: counts.rank,
        rates: None,
        flow,
        overlap: None,
        fit: stats,
        r2_steps: Vec::new(),
        penalty: None,
        diagnostics: Vec::new(),
        warnings,
    };
    Ok(Fitted { fit, influence, joint, rows: None, effects: None, bare, margins: None, weights: None, sums: None })
}

/// Doubts about CR1; clusters of single coefficients are looked at where that takes milliseconds.
fn doubts(
    fit: &Fit,
    scores: &Scores<impl Fn(usize, &[f64]) -> f64 + Sync, impl Fn(usize, f64) -> f64 + Sync>,
    bread: &[f64],
    counts: &Counts,
    variance: &Variance,
) -> Vec<Doubt> {
    let clusters = &fit.sample.clusters;
    if fit.options.vcov != VcovKind::Cr1 || clusters.is_empty() {
        return Vec::new();
    }
    let sizes: Vec<(&str, usize)> =
        variance.clusters[..clusters.len()].iter().map(|cluster| (cluster.name.as_str(), cluster.count)).collect();
    let mut doubts = doubts::of_counts(counts, scores.kept.len(), &sizes);
    if fit.design.n <= QUICK_ROWS {
        let names: Vec<String> = scores.kept.iter().map(|&j| fit.design.name(j).to_owned()).collect();
        let quick = clusters.iter().enumerate().filter(|(_, cluster)| cluster.n_clusters <= QUICK_CLUSTERS);
        doubts.extend(
            quick.filter_map(|(v, cluster)| doubts::of_spread(&scores.effective(v, bread), &cluster.name, &names)),
        );
    }
    doubts
}

/// The same regression on cells, with a covariance that needs them.
fn on_cells(sample: &Sample, options: &Options, o: usize, vcov: VcovKind) -> Result<Fitted, FitError> {
    if sample.n_rows > MOST_ROWS {
        let reason = String::from("the effects are absorbed row by row");
        return Err(FitError::NoLeverage { kind: vcov, reason });
    }
    let sample = Sample { outcomes: vec![sample.outcomes[o].clone()], ..sample.clone() };
    fit_outcomes(&sample, &Options { vcov, few_clusters: None, ..options.clone() }).remove(0)
}

fn dropped_term(fit: &Fit, j: usize) -> DroppedTerm {
    let reason = match fit.absorbed[j] {
        true => "absorbed by the fixed effects",
        false => "collinear with the terms before it",
    };
    DroppedTerm { term: fit.design.name(j).to_owned(), reason: reason.to_owned() }
}
