//! Wild cluster bootstrap of a linear regression with absorbed effects (Cameron, Gelbach and Miller 2008).
//!
//! To test b_j = r, residuals of the restricted regression are u_i(r) = u_i + (b_j - r) x~_i: x~ is the regressor, residual of
//! all others and the effects (Frisch-Waugh-Lovell). A draw multiplies them by a weight v_g per cluster and refits.
//! With a = x~ / x~'Wx~, sums over rows weighted by w, and A the normal matrix of all columns z with effects:
//!
//! ```text
//! P_g = sum_{i in g} a_i u_i       r_g = sum_{i in g} z_i u_i       q_g = sum_{i in g} a_i z_i
//! b* - r = sum_g v_g P_g           d* = A^- sum_g v_g r_g           s*_g = v_g P_g - q_g'd*
//! t*^2   = (b* - r)^2 / sum_g s*_g^2     against     t^2 = (b_j - r)^2 / sum_g (sum_{i in g} a_i u_i(b_j))^2
//! ```
//!
//! The small-sample factor is in both t and cancels. Everything is linear in u, hence in delta = b_j - r: five numbers per
//! draw (two of the numerator, three of the squared error) give its t* for every null value, and the interval is
//! found without drawing again. Unrestricted draws (WCU) are those at delta = 0.
//! Algorithm in the spirit of Roodman, MacKinnon, Nielsen and Webb (2019), which stores clusters x draws; here draws are
//! made sixteen at a time from counters and nothing of that size exists.

mod apart;
mod dense;
mod direct;
mod forms;

use super::ResamplingError;
use super::inversion::{Curve, PValue, interval};
use super::problem::{Design, Linear, column_of, reference_fit};
use super::weights::{BLOCK, Drawn, LANES, PASSES, Source, Weights};
use crate::design::Sample;
use crate::estimate::Options;
use crate::result::{Family, ModelFit};
pub use forms::Draw;
use forms::{Bases, Forms};
use rayon::prelude::*;

/// How a wild bootstrap is made.
#[derive(Debug, Clone, PartialEq)]
pub struct WildOptions {
    /// Draws.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Distribution of the weights.
    pub weights: Weights,
    /// Whether the null hypothesis is imposed on the draws (WCR) or not (WCU).
    pub restricted: bool,
    /// Two-sided p-value and interval.
    pub p_value: PValue,
    /// Level of the interval; `None` for none, which takes half the time where the null is imposed.
    pub conf_level: Option<f64>,
    /// Whether the statistic of every draw is returned.
    pub keep_draws: bool,
}

impl Default for WildOptions {
    fn default() -> Self {
        WildOptions {
            draws: 9_999,
            seed: 1,
            weights: Weights::Rademacher,
            restricted: true,
            p_value: PValue::Symmetric,
            conf_level: Some(0.95),
            keep_draws: false,
        }
    }
}

/// A hypothesis: a coefficient and its value under the null.
#[derive(Debug, Clone, PartialEq)]
pub struct Null {
    /// Term.
    pub term: String,
    /// Value.
    pub value: f64,
}

/// A hypothesis tested by a bootstrap.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterTest {
    /// Term.
    pub term: String,
    /// Value under the null.
    pub null: f64,
    /// Estimate.
    pub estimate: f64,
    /// Cluster-robust standard error of the fit.
    pub std_error: f64,
    /// t statistic.
    pub statistic: f64,
    /// Bootstrap p-value; `NaN` if no draw has a statistic.
    pub p_value: f64,
    /// Ends of the interval; infinite if nothing on that side is rejected, `NaN` if not asked for.
    pub interval: (f64, f64),
    /// Draws made.
    pub draws: usize,
    /// Draws without a statistic, because their standard error is zero; they count nowhere.
    pub without_statistic: usize,
    /// Whether the draws are all sign vectors, once each.
    pub enumerated: bool,
    /// Clusters.
    pub clusters: usize,
    /// t* of every draw, in their order, if asked for; `NaN` without a statistic.
    pub statistics: Vec<f64>,
}

/// Tests hypotheses on an outcome's coefficients; all coefficients against zero if none is given.
///
/// `done` hears how many draws were made.
///
/// # Errors
/// [`ResamplingError`].
pub fn wild(
    sample: &Sample,
    options: &Options,
    nulls: &[Null],
    how: &WildOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<(ModelFit, Vec<ClusterTest>), ResamplingError> {
    if options.family != Family::Ols {
        let family = super::problem::family_name(options.family);
        return Err(ResamplingError::WrongFamily { method: "the wild bootstrap", fits: "linear models", family });
    }
    let design = Design::new(sample, options)?;
    let fit = reference_fit(sample, options)?;
    let linear = Linear::new(&design)?;
    let (source, draws) = Source::new(how.weights, how.seed, how.draws, linear.clusters.len());
    check_draws(how.conf_level, draws, source.enumerate)?;
    let nulls = super::nulls_or_all(nulls, &fit);
    let tests = nulls.iter().map(|null| {
        let column = column_of(&design.layout, &fit, &null.term)?;
        Ok(test(&linear, &fit, null, column, how, source, draws, done))
    });
    let tests = tests.collect::<Result<Vec<_>, ResamplingError>>()?;
    Ok((fit, tests))
}

/// Refuses draws too few for the level of the interval.
pub fn check_draws(conf_level: Option<f64>, draws: usize, enumerated: bool) -> Result<(), ResamplingError> {
    let Some(conf_level) = conf_level else { return Ok(()) };
    let alpha = 1.0 - conf_level;
    if !enumerated && alpha * (draws as f64 + 1.0) < 1.0 - 1e-9 {
        let needed = (1.0 / alpha - 1e-9).ceil() as usize - 1;
        return Err(ResamplingError::TooFewDraws { draws, conf_level, needed });
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)] // one hypothesis of one bootstrap
fn test(
    linear: &Linear,
    fit: &ModelFit,
    null: &Null,
    column: usize,
    how: &WildOptions,
    source: Source,
    draws: usize,
    done: &(dyn Fn(usize) + Sync),
) -> ClusterTest {
    let estimate = linear.coef[column];
    let (regressor, length) = linear.partial(column);
    let delta = estimate - null.value;
    let bases = match (how.restricted, how.conf_level) {
        (true, Some(_)) => Bases::Both,
        (true, None) => Bases::At(delta),
        (false, _) => Bases::At(0.0),
    };
    let forms = Forms::new(linear, &regressor, length, bases);
    let drawn = run(&forms, source, draws, done);
    // without an interval, draws are at the null value already
    let curve = Curve { error: forms.error, draws: &drawn, imposed: matches!(bases, Bases::Both), kind: how.p_value };
    let statistics: Vec<f64> =
        drawn.iter().map(|draw| draw.statistic(if curve.imposed { delta } else { 0.0 })).collect();
    let (p_value, with) = curve.p_value(delta);
    let interval = how.conf_level.map_or((f64::NAN, f64::NAN), |level| interval(&curve, estimate, 1.0 - level));
    let scale = fit.small_sample.factor.sqrt();
    ClusterTest {
        term: null.term.clone(),
        null: null.value,
        estimate,
        std_error: scale * forms.error,
        statistic: delta / (scale * forms.error),
        p_value,
        interval,
        draws,
        without_statistic: draws - with,
        enumerated: source.enumerate,
        clusters: linear.clusters.len(),
        statistics: if how.keep_draws { statistics } else { Vec::new() },
    }
}

/// Makes the draws, blocks of them in parallel; each block's results are its own.
fn run(forms: &Forms, source: Source, draws: usize, done: &(dyn Fn(usize) + Sync)) -> Vec<Draw> {
    let identity = forms.identity();
    let blocks: Vec<Vec<Draw>> = (0..draws.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let wanted = (draws - block * BLOCK).min(BLOCK);
            let drawn = source.block(block, identity);
            let mut scratch = forms.scratch();
            let mut results = Vec::with_capacity(BLOCK);
            for pass in 0..PASSES.min(wanted.div_ceil(LANES)) {
                results.extend(match &drawn {
                    Drawn::Signs(bits) => forms.pass(&super::weights::Signs(&bits[pass]), &mut scratch),
                    Drawn::Codes { codes, values } => {
                        forms.pass(&super::weights::Codes(&codes[pass], values), &mut scratch)
                    }
                });
            }
            results.truncate(wanted);
            done(wanted);
            results
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
