//! Bias of a likelihood with many absorbed effects (incidental parameters): when to warn, and its leading term.
//!
//! Every level's effect rests on the rows of that level, and its error enters the scores of the coefficients through
//! their curvature. With h = f / V the score factor, f' = d2mu/deta2, Omega = f^2 / V the information and x~ the regressors
//! residual of the effects with weights Omega, the maximum likelihood estimate b has a bias that
//!
//! ```text
//! b + H^-1 B        B = 1/2 sum over effects, over levels l of (sum_{i in l} w h f' x~_i) / (sum_{i in l} w Omega_i)
//! ```
//!
//! takes out up to the next order in rows per level (Hahn and Newey 2004; Fernandez-Val 2009; for several effects
//! Fernandez-Val and Weidner 2016). Regressors are taken as strictly exogenous. H^-1 x~_i is the influence row of i.
//! A Poisson has h f' = Omega, x~ sums to zero with these weights, and B = 0: there is nothing to correct.

use super::FitError;
use super::assemble::Counts;
use super::glm::State;
use super::link::Glm;
use crate::design::Sample;
use crate::design::cells::Cells;
use crate::design::layout::Layout;
use crate::result::Family;

/// Mean rows per level of the largest effect from which no warning is given.
const ROWS_PER_LEVEL: f64 = 30.0;
/// Absorbed parameters per row up to which no warning is given.
const PARAMETERS_PER_ROW: f64 = 0.03;

/// Refuses a correction of what has no such bias.
///
/// # Errors
/// [`FitError::NoBiasCorrection`] with the reason.
pub fn check(sample: &Sample, family: Family) -> Result<(), FitError> {
    let reason = match family {
        Family::Ols => "least squares has no such bias",
        Family::Poisson => "a Poisson regression with one or two fixed effects has no such bias",
        Family::Clogit => "a conditional logit has no such bias",
        Family::Logit | Family::Probit if sample.effects.is_empty() => "the formula has no fixed effects",
        Family::Logit | Family::Probit => return Ok(()),
    };
    Err(FitError::NoBiasCorrection { reason })
}

/// What is added to the coefficients of the layout's columns (standardised scale).
///
/// `influence` holds the rows H^-1 x~_i, estimation cells x p, not yet scaled by the score factor.
pub(super) fn correction(glm: Glm, cells: &Cells, layout: &Layout, state: &State, influence: &[f64]) -> Vec<f64> {
    let p = layout.p();
    let numerator: Vec<f64> = state
        .eta
        .iter()
        .zip(&layout.weight)
        .map(|(&eta, weight)| weight * glm.score_factor(eta) * glm.curvature(eta))
        .collect();
    let mut sum = vec![0.0; p];
    for codes in &cells.effect_codes {
        let level = |i: usize| codes[layout.cell[i] as usize] as usize;
        let mut omega = vec![0.0; codes.iter().max().map_or(0, |&code| code as usize + 1)];
        (0..layout.n()).for_each(|i| omega[level(i)] += state.information[i]);
        for (i, numerator) in numerator.iter().enumerate() {
            let ratio = 0.5 * numerator / omega[level(i)];
            sum.iter_mut().zip(&influence[i * p..(i + 1) * p]).for_each(|(sum, h)| *sum += ratio * h);
        }
    }
    sum
}

/// The sentence the reader must see, if the bias may matter or was corrected.
pub fn note(family: Family, corrected: bool, counts: &Counts) -> Option<String> {
    let estimator = match family {
        Family::Logit => "logit",
        Family::Probit => "probit",
        Family::Ols | Family::Poisson | Family::Clogit => return None,
    };
    if corrected {
        return Some(format!(
            "coefficients are corrected for the bias that the fixed effects give a {estimator}, standard errors are \
             not changed by it"
        ));
    }
    let (levels, absorbed) = (counts.most_levels()?, counts.absorbed());
    let n = counts.n as f64;
    let (per_level, share) = (n / levels.1 as f64, absorbed as f64 / n);
    (per_level < ROWS_PER_LEVEL && share > PARAMETERS_PER_ROW).then(|| {
        format!(
            "{absorbed} fixed effects for {} rows (Kd/n = {share:.3}, {per_level:.1} rows per level of `{}`): \
             coefficients of a {estimator} lean away from zero; `--bias-correction` takes out the leading term",
            counts.n, levels.0
        )
    })
}
