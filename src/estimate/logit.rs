//! Binomial maximum likelihood with the logit link, by Newton steps on cells (iteratively reweighted least squares).
//!
//! Cells hold n_c trials (weights) and s_c successes. A step regresses the working response
//! eta + (s - n mu) / (n mu (1 - mu)) on the design with weights n mu (1 - mu).

use super::assemble::{Point, Problem, assemble};
use super::separation::{find_separation, refuse_separated_levels};
use super::shared::Shared;
use super::{FitError, Fitted, Options, check_outcome, effect_names};
use crate::absorb::Solver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::cells::CellOutcome;
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

/// Fits every outcome. Outcomes without separated levels share one layout.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let rows = Rows::new(sample);
    let mut singletons = vec![Exact::No; rows.cells().len()];
    if options.drop_singletons {
        mark_singletons(sample, rows.cells(), &mut singletons);
    }
    let shared = Shared::new(sample, &rows);
    let layout = Layout::new(sample, rows.cells(), &singletons);
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, Family::Logit)?;
            let outcome = rows.outcome(o);
            let mut exact = singletons.clone();
            mark_separated(sample, rows.cells(), &outcome.mean, &mut exact);
            if exact == singletons {
                return fit_one(
                    Problem { sample, options, rows: &rows, shared: &shared, o },
                    &outcome,
                    &exact,
                    &layout,
                );
            }
            let layout = Layout::new(sample, rows.cells(), &exact);
            fit_one(Problem { sample, options, rows: &rows, shared: &shared, o }, &outcome, &exact, &layout)
        })
        .collect()
}

/// Everything at the current linear predictor, cell by cell.
struct State {
    eta: Vec<f64>,
    deviance: f64,
    /// n mu (1 - mu).
    information: Vec<f64>,
    /// eta + (mean - mu) / (mu (1 - mu)).
    working: Vec<f64>,
}

impl State {
    /// One exponential and one logarithm per cell serve deviance, information and working response.
    fn new(eta: Vec<f64>, mean: &[f64], weight: &[f64]) -> Self {
        let n = eta.len();
        let (mut information, mut working) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut deviance = 0.0;
        for ((&eta, &mean), &weight) in eta.iter().zip(mean).zip(weight) {
            let e = (-eta.abs()).exp();
            let inverse = 1.0 / (1.0 + e);
            let mu = if eta >= 0.0 { inverse } else { e * inverse };
            let variance = (e * inverse * inverse).max(1e-300);
            information.push(weight * variance);
            working.push(eta + (mean - mu) / variance);
            // log(1 + e^eta) = max(eta, 0) + log1p(e^-|eta|)
            deviance += weight * (eta.max(0.0) + e.ln_1p() - mean * eta);
        }
        State { eta, deviance: 2.0 * deviance, information, working }
    }
}

fn fit_one(problem: Problem, outcome: &CellOutcome, exact: &[Exact], layout: &Layout) -> Result<Fitted, FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let name = &sample.outcomes[o].name;
    if layout.n() == 0 {
        return Err(FitError::NoRows { outcome: name.clone(), exact: sample.n_rows });
    }
    refuse_separated_levels(sample, rows.cells(), exact, &outcome.mean, name)?;
    let mean: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
    let effects = effect_names(sample);
    let separation = || find_separation(sample, rows.cells(), layout, &mean, options.method, &effects, name);
    let total: f64 = layout.weight.iter().sum();

    let mut state = State::new(start(layout, &mean, options, &effects)?, &mean, &layout.weight);
    let mut iterations = 1;
    loop {
        let solver = Solver::new(layout, &state.information, options.method, &effects)?;
        let mut next = State::new(solver.project(&state.working)?, &mean, &layout.weight);
        let mut halvings = 0;
        // a deviance that is no number is worse as well
        while !is_no_worse(next.deviance, state.deviance) && halvings < 30 {
            let eta = next.eta.iter().zip(&state.eta).map(|(next, old)| 0.5 * (next + old)).collect();
            next = State::new(eta, &mean, &layout.weight);
            halvings += 1;
        }
        let moves = next.eta.iter().zip(&state.eta).zip(&state.information);
        let decrement: f64 = moves.map(|((new, old), w)| w * (new - old) * (new - old)).sum();
        let change = (state.deviance - next.deviance).abs() / (0.1 + next.deviance.abs());
        state = next;
        iterations += 1;
        if change < DEVIANCE_TOLERANCE && decrement < DECREMENT_TOLERANCE * total {
            break;
        }
        let diverging = change < DEVIANCE_TOLERANCE && state.eta.iter().any(|eta| eta.abs() > 2.0 * CERTAIN);
        if iterations == MAX_ITERATIONS || diverging {
            return Err(separation()?.unwrap_or(FitError::NotConverged { outcome: name.clone(), iterations, change }));
        }
    }
    // the last step is refined, and errors are taken at its end
    let projection = Solver::new(layout, &state.information, options.method, &effects)?.regress(&state.working)?;
    if suspicious(&projection.fitted, &mean)
        && let Some(error) = separation()?
    {
        return Err(error);
    }
    let last = State::new(projection.fitted, &mean, &layout.weight);
    let solver = Solver::new(layout, &last.information, options.method, &effects)?;
    let influence = solver.influence();
    let fitted: Vec<f64> = last.eta.iter().map(|&eta| logistic(eta)).collect();
    let point = Point {
        coef: projection.coef,
        fitted: &fitted,
        eta: Some(&last.eta),
        information: &last.information,
        explained: projection.explained,
        influence: &influence,
        iterations: iterations + 1,
    };
    assemble(problem, outcome, exact, layout, &solver, point)
}

/// Whether a deviance does not rise beyond rounding.
fn is_no_worse(next: f64, last: f64) -> bool {
    next <= last * (1.0 + 1e-12) + 1e-12
}

/// First linear predictor: the Newton step from mu = (y + 1/2)/2 in every row, where R's `glm` starts.
///
/// There eta = +-ln 3 and the information is 3/16 in every row, so a row's working response is +-(ln 3 + 4/3), and a
/// cell's is that times (2 mean - 1). A common start at the overall mean overshoots in cells far from it.
fn start(layout: &Layout, mean: &[f64], options: &Options, effects: &str) -> Result<Vec<f64>, FitError> {
    let step = 3.0_f64.ln() + 4.0 / 3.0;
    let working: Vec<f64> = mean.iter().map(|m| step * (2.0 * m - 1.0)).collect();
    let information: Vec<f64> = layout.weight.iter().map(|w| w * 3.0 / 16.0).collect();
    Ok(Solver::new(layout, &information, options.method, effects)?.project(&working)?)
}

/// Whether a cell that is all zero or all one is predicted with certainty.
fn suspicious(eta: &[f64], mean: &[f64]) -> bool {
    eta.iter().zip(mean).any(|(&eta, &mean)| (mean <= 0.0 && eta < -CERTAIN) || (mean >= 1.0 && eta > CERTAIN))
}
