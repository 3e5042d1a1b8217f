//! Firth's penalised likelihood of a logit.
//!
//! Maximises l(theta) + log|I(theta)| / 2 over all parameters, absorbed effects included (Firth 1993; for separation Heinze and
//! Schemper 2002). The score of the linear predictor of a cell with weight n, mean y and leverage H (the sum over its rows)
//! is n (y - mu) + H (1/2 - mu), so scoring is least squares on the working response
//! eta + [n (y - mu) + H (1/2 - mu)] / (n mu (1 - mu)), weighted by the information. All rows stay: the penalty keeps every
//! parameter finite, also where an effect or a combination of terms predicts perfectly.
//!
//! Errors: the inverse information at the estimate, as in R's brglm2 and logistf; or its sandwich with the modified score of
//! each row, w [(y - mu) + (H/n) (1/2 - mu)] z, which sums to zero over the sample.
//! Rates are refused: the penalty draws every prediction to one half, and with many effects far (Puhr, Heinze, Nold, Lusa
//! and Geroldinger 2017).

use super::assemble::{Extra, Point, Problem, assemble_with};
use super::link::Glm;
use super::outcome::RowConstants;
use super::shared::Shared;
use super::{FitError, Fitted, Options, check_outcome, effect_names};
use crate::absorb::{DENSE_LIMIT, Method, Solver};
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::result::Family;
use rayon::prelude::*;

/// Newton decrement, per unit of weight, at which iteration stops: steps shrink by a factor, so the last must be small.
const DECREMENT_TOLERANCE: f64 = 1e-25;
/// The same where rounding is all that is left: steps no longer shrink.
const STALLED_TOLERANCE: f64 = 1e-18;
/// Steps allowed.
const MAX_ITERATIONS: usize = 500;
/// Times that step-halving is tried.
const MAX_HALVINGS: usize = 30;

/// Refuses what has no penalised likelihood here.
pub fn check(sample: &Sample, options: &Options) -> Result<(), FitError> {
    let refuse = |reason| Err(FitError::NoFirth { reason });
    if options.family != Family::Logit {
        return refuse("it is for `--family logit`");
    }
    if options.bias_correction {
        return refuse("it already removes the bias that `--bias-correction` is about");
    }
    if sample.rates.is_some() || options.margins {
        return refuse(
            "it draws every predicted probability to one half, so rates and effects made of them are biased",
        );
    }
    if sample.has_slopes() {
        return refuse("slopes by level have no leverages here");
    }
    Ok(())
}

/// Fits every outcome.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let rows = Rows::new(sample);
    let exact = vec![Exact::No; rows.cells().len()];
    let shared = Shared::new(sample, &rows, options.count_clusters);
    let layout = Layout::new(sample, rows.cells(), &exact);
    if layout.n_effect_columns > DENSE_LIMIT {
        let reason = "leverages need a dense factor of all effects but the largest, and these are too many";
        return sample.outcomes.iter().map(|_| Err(FitError::NoFirth { reason })).collect();
    }
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, Family::Logit)?;
            one(Problem { sample, options, rows: &rows, shared: &shared, o }, &layout, &exact)
        })
        .collect()
}

/// Everything at one linear predictor.
struct State<'a> {
    eta: Vec<f64>,
    mu: Vec<f64>,
    information: Vec<f64>,
    solver: Solver<'a>,
    /// (H/n) (1/2 - mu): what the penalty adds to each residual.
    adjustment: Vec<f64>,
    /// l + log|I| / 2.
    penalised: f64,
    /// log|I| / 2.
    penalty: f64,
}

impl<'a> State<'a> {
    fn new(layout: &'a Layout, mean: &[f64], eta: Vec<f64>, effects: &str) -> Result<Self, FitError> {
        let mu: Vec<f64> = eta.iter().map(|&eta| Glm::Logit.mean(eta)).collect();
        let information: Vec<f64> =
            eta.iter().zip(&layout.weight).map(|(&eta, weight)| weight * Glm::Logit.information(eta)).collect();
        let solver = Solver::new(layout, &information, Method::Cells, effects)?;
        // cells are absorbed exactly: both exist
        let leverages = solver.leverages().unwrap_or_default();
        let penalty = 0.5 * solver.log_determinant().unwrap_or(f64::NAN);
        let adjustment = leverages.iter().zip(&layout.weight).zip(&mu).map(|((h, n), mu)| h / n * (0.5 - mu)).collect();
        let likelihood = |i: usize| layout.weight[i] * Glm::Logit.log_likelihood(eta[i], mean[i]);
        let penalised = (0..eta.len()).map(likelihood).sum::<f64>() + penalty;
        Ok(State { eta, mu, information, solver, adjustment, penalised, penalty })
    }

    fn working(&self, mean: &[f64], weight: &[f64]) -> Vec<f64> {
        let residual = |i: usize| mean[i] - self.mu[i] + self.adjustment[i];
        (0..mean.len()).map(|i| self.eta[i] + weight[i] * residual(i) / self.information[i]).collect()
    }
}

fn one(problem: Problem, layout: &Layout, exact: &[Exact]) -> Result<Fitted, FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let effects = effect_names(sample);
    let outcome = rows.outcome(o);
    let mean: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
    let total: f64 = layout.weight.iter().sum();
    let start = layout.weight.iter().zip(&mean).map(|(weight, &mean)| {
        let (information, working) = Glm::Logit.start(mean);
        (weight * information, working)
    });
    let (information, working): (Vec<f64>, Vec<f64>) = start.unzip();
    let eta = Solver::new(layout, &information, Method::Cells, &effects)?.project(&working)?;
    let mut state = State::new(layout, &mean, eta, &effects)?;
    let mut last = f64::INFINITY;
    let mut iterations = 1;
    loop {
        let target = state.solver.project(&state.working(&mean, &layout.weight))?;
        let mut next = State::new(layout, &mean, target, &effects)?;
        let mut halvings = 0;
        let slack = 1e-11 * (1.0 + state.penalised.abs());
        // a value that is no number is worse as well
        let is_worse = |next: &State| next.penalised.is_nan() || next.penalised < state.penalised - slack;
        while is_worse(&next) && halvings < MAX_HALVINGS {
            let eta = next.eta.iter().zip(&state.eta).map(|(next, old)| 0.5 * (next + old)).collect();
            next = State::new(layout, &mean, eta, &effects)?;
            halvings += 1;
        }
        let moves = next.eta.iter().zip(&state.eta).zip(&state.information);
        let decrement: f64 = moves.map(|((new, old), w)| w * (new - old) * (new - old)).sum::<f64>() / total;
        let change = (next.penalised - state.penalised).abs() / (0.1 + next.penalised.abs());
        state = next;
        iterations += 1;
        let stalled = decrement < STALLED_TOLERANCE && decrement > 0.9 * last;
        if decrement < DECREMENT_TOLERANCE || stalled {
            break;
        }
        if iterations == MAX_ITERATIONS || !state.penalised.is_finite() {
            let outcome = sample.outcomes[o].name.clone();
            return Err(FitError::NotConverged { family: options.family, outcome, iterations, change });
        }
        last = decrement;
    }
    // coefficients of the linear predictor itself, at which errors are taken
    let projection = state.solver.regress(&state.eta)?;
    let influence = state.solver.influence();
    // every score has the adjustment: a residual from the fitted mean less it
    let fitted: Vec<f64> = state.mu.iter().zip(&state.adjustment).map(|(mu, adjustment)| mu - adjustment).collect();
    let point = Point {
        coef: projection.coef,
        intercept: None,
        fitted: &fitted,
        eta: Some(&state.eta),
        information: &state.information,
        explained: projection.explained,
        influence: &influence,
        iterations,
    };
    let extra = Extra { glm: Some(Glm::Logit), constants: RowConstants::default(), ..Extra::default() };
    let mut assembled = assemble_with(problem, &outcome, exact, layout, &state.solver, point, extra)?;
    assembled.fit.penalty = Some(state.penalty);
    Ok(assembled)
}
