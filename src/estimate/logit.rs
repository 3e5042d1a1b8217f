//! Binomial maximum likelihood with the logit link, by Newton steps on cells (iteratively reweighted least squares).
//!
//! Cells hold n_c trials (weights) and s_c successes. A step regresses the working response
//! eta + (s - n mu) / (n mu (1 - mu)) on the design with weights n mu (1 - mu).

use super::assemble::{Point, assemble};
use super::separation::{find_separation, refuse_separated_levels};
use super::{FitError, Fitted, Options, check_outcome, effect_names};
use crate::absorb::Solver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::{Exact, mark_separated, mark_singletons};
use crate::rates::functionals::logistic;
use crate::result::Family;
use rayon::prelude::*;

/// Relative change of the deviance at which iteration stops; one more Newton step then squares the remaining error.
const DEVIANCE_TOLERANCE: f64 = 1e-10;
/// Newton decrement (squared step in standard-error units) that must be reached as well.
const DECREMENT_TOLERANCE: f64 = 1e-16;
/// Newton steps allowed.
const MAX_ITERATIONS: usize = 60;
/// Linear predictor beyond which a prediction counts as certain: exp(-18) is 1.5e-8.
const CERTAIN: f64 = 18.0;

/// Fits every outcome; separation differs between outcomes, so each has its own layout.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let rows = Rows::new(sample);
    let mut singletons = vec![Exact::No; rows.cells().len()];
    if options.drop_singletons {
        mark_singletons(sample, rows.cells(), &mut singletons);
    }
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, Family::Logit)?;
            fit_one(sample, options, &rows, o, singletons.clone())
        })
        .collect()
}

fn fit_one(
    sample: &Sample,
    options: &Options,
    rows: &Rows,
    o: usize,
    mut exact: Vec<Exact>,
) -> Result<Fitted, FitError> {
    let outcome = rows.outcome(o);
    mark_separated(sample, rows.cells(), &outcome.mean, &mut exact);
    let layout = Layout::new(sample, rows.cells(), &exact);
    let name = &sample.outcomes[o].name;
    if layout.n() == 0 {
        return Err(FitError::NoRows { outcome: name.clone(), exact: sample.n_rows });
    }
    refuse_separated_levels(sample, rows.cells(), &exact, &outcome.mean, name)?;
    let mean: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
    let effects = effect_names(sample);

    let mut eta = start(&layout, &mean, options, &effects)?;
    let mut deviance = deviance_of(&eta, &mean, &layout.weight);
    let mut iterations = 1;
    let mut last_step = false;
    loop {
        let (information, working) = working_response(&eta, &mean, &layout.weight);
        let solver = Solver::new(&layout, &information, options.method, &effects)?;
        let projection = solver.regress(&working)?;
        if last_step {
            let separated = suspicious(&projection.fitted, &mean)
                .then(|| find_separation(sample, rows.cells(), &layout, &mean, options.method, &effects, name))
                .transpose()?
                .flatten();
            if let Some(error) = separated {
                return Err(error);
            }
            // errors at the final linear predictor
            let (information, _) = working_response(&projection.fitted, &mean, &layout.weight);
            let solver = Solver::new(&layout, &information, options.method, &effects)?;
            let influence = solver.influence();
            let fitted: Vec<f64> = projection.fitted.iter().map(|&eta| logistic(eta)).collect();
            let point = Point {
                coef: projection.coef,
                fitted: &fitted,
                eta: Some(&projection.fitted),
                information: &information,
                explained: projection.explained,
                influence: &influence,
                iterations: iterations + 1,
            };
            return assemble(sample, options, rows, o, &outcome, &exact, &layout, &solver, point);
        }
        let mut next = projection.fitted;
        let mut next_deviance = deviance_of(&next, &mean, &layout.weight);
        let mut halvings = 0;
        while !(next_deviance <= deviance * (1.0 + 1e-12) + 1e-12) && halvings < 30 {
            next.iter_mut().zip(&eta).for_each(|(next, old)| *next = 0.5 * (*next + old));
            next_deviance = deviance_of(&next, &mean, &layout.weight);
            halvings += 1;
        }
        let decrement: f64 =
            next.iter().zip(&eta).zip(&information).map(|((new, old), w)| w * (new - old) * (new - old)).sum();
        let change = (deviance - next_deviance).abs() / (0.1 + next_deviance.abs());
        (eta, deviance) = (next, next_deviance);
        iterations += 1;
        last_step = change < DEVIANCE_TOLERANCE && decrement < DECREMENT_TOLERANCE * layout_rows(&layout);
        let diverging = change < DEVIANCE_TOLERANCE && eta.iter().any(|eta| eta.abs() > 2.0 * CERTAIN);
        if iterations == MAX_ITERATIONS || diverging {
            return Err(find_separation(sample, rows.cells(), &layout, &mean, options.method, &effects, name)?
                .unwrap_or(FitError::NotConverged { outcome: name.clone(), iterations, change }));
        }
    }
}

/// Total weight: the scale of the decrement.
fn layout_rows(layout: &Layout) -> f64 {
    layout.weight.iter().sum()
}

/// First linear predictor: the Newton step from mu = (y + 1/2)/2 in every row, where R's `glm` starts.
///
/// There eta = +-ln 3 and the information is 3/16 in every row, so a row's working response is +-(ln 3 + 4/3), and a
/// cell's is that times (2 mean - 1). A common start at the overall mean overshoots in cells far from it.
fn start(layout: &Layout, mean: &[f64], options: &Options, effects: &str) -> Result<Vec<f64>, FitError> {
    let step = 3.0_f64.ln() + 4.0 / 3.0;
    let working: Vec<f64> = mean.iter().map(|m| step * (2.0 * m - 1.0)).collect();
    let information: Vec<f64> = layout.weight.iter().map(|w| w * 3.0 / 16.0).collect();
    Ok(Solver::new(layout, &information, options.method, effects)?.regress(&working)?.fitted)
}

/// Information n mu (1 - mu) and working response of each cell.
fn working_response(eta: &[f64], mean: &[f64], weight: &[f64]) -> (Vec<f64>, Vec<f64>) {
    eta.iter()
        .zip(mean)
        .zip(weight)
        .map(|((&eta, &mean), &weight)| {
            let mu = logistic(eta);
            // 1 - mu without cancellation
            let variance = (mu * logistic(-eta)).max(1e-300);
            (weight * variance, eta + (mean - mu) / variance)
        })
        .unzip()
}

/// -2 log likelihood up to the binomial coefficients, of cell means.
fn deviance_of(eta: &[f64], mean: &[f64], weight: &[f64]) -> f64 {
    // log(1 + e^eta) = max(eta, 0) + log1p(e^-|eta|)
    let terms = eta.iter().zip(mean).zip(weight);
    terms.map(|((&eta, &mean), &w)| 2.0 * w * (eta.max(0.0) + (-eta.abs()).exp().ln_1p() - mean * eta)).sum()
}

/// Whether a cell that is all zero or all one is predicted with certainty.
fn suspicious(eta: &[f64], mean: &[f64]) -> bool {
    eta.iter().zip(mean).any(|(&eta, &mean)| (mean <= 0.0 && eta < -CERTAIN) || (mean >= 1.0 && eta > CERTAIN))
}
