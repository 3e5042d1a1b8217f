//! Maximum likelihood of one-parameter families (logit, probit, Poisson) with absorbed effects, by Fisher scoring on
//! cells (iteratively reweighted least squares).
//!
//! Cells hold a weight n_c and an outcome mean. A step regresses the working response on the design with the
//! information as weights; both come from [`super::link`]. For logit and Poisson scoring is Newton's method.
//! Rows that leave the likelihood without a maximum are dropped with a certificate ([`super::separation`]); what is left
//! has one.

use super::assemble::{Extra, Point, Problem, assemble_with};
use super::incidental;
use super::link::Glm;
use super::outcome::{plain_outcome, row_constants};
use super::separation::{self, Direction};
use super::shared::Shared;
use super::{FitError, Fitted, Options, check_outcome, effect_names, leveraged, slopes};
use crate::absorb::Solver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::{Exact, mark_separated, mark_singletons};
use crate::result::Separation;
use rayon::prelude::*;

/// Relative change of the deviance at which iteration stops; one more step then reduces the remaining error.
const DEVIANCE_TOLERANCE: f64 = 1e-10;
/// Newton decrement (squared step in standard-error units) that must be reached as well.
const DECREMENT_TOLERANCE: f64 = 1e-16;
/// The same where scoring is not Newton's method: steps then shrink by a factor, and the last must be small itself.
const SCORING_DECREMENT_TOLERANCE: f64 = 1e-24;
/// Ratio of two decrements above which rounding is all that is left.
const STALLED: f64 = 0.25;
/// Steps allowed.
const MAX_ITERATIONS: usize = 60;
/// Steps allowed where they shrink by a factor only.
const MAX_SCORING_ITERATIONS: usize = 200;
/// Times that step-halving is tried.
const MAX_HALVINGS: usize = 30;

/// Fits every outcome. Outcomes without separated rows share one layout.
pub fn fit(sample: &Sample, options: &Options, glm: Glm, rows: &Rows) -> Vec<Result<Fitted, FitError>> {
    let mut singletons = vec![Exact::No; rows.cells().len()];
    if options.drop_singletons {
        mark_singletons(sample, rows.cells(), &mut singletons);
    }
    let shared = Shared::new(sample, rows, options.count_clusters);
    let layout = Layout::new(sample, rows.cells(), &singletons);
    if let Err(error) =
        slopes::check(sample, options, &layout).and_then(|()| leveraged::check(sample, options, &layout))
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, options.family)?;
            let problem = Problem { sample, options, rows, shared: &shared, o };
            fit_one(problem, glm, &singletons, &layout)
        })
        .collect()
}

/// Fits one outcome.
pub(super) fn fit_outcome(sample: &Sample, options: &Options, glm: Glm, o: usize) -> Result<Fitted, FitError> {
    let mut alone = sample.clone();
    alone.outcomes = vec![sample.outcomes[o].clone()];
    fit(&alone, options, glm, &Rows::new(&alone)).swap_remove(0)
}

/// Linear predictors beyond which a prediction counts as certain.
pub(super) fn certain(glm: Glm, unit: f64) -> (f64, f64) {
    let certain = Certain::new(glm, unit);
    (certain.below, certain.above)
}

/// Drops separated rows until the likelihood has a maximum, and assembles the fit there.
fn fit_one(problem: Problem, glm: Glm, singletons: &[Exact], common: &Layout) -> Result<Fitted, FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let name = &sample.outcomes[o].name;
    let outcome = plain_outcome(sample, rows, o, glm);
    let mut exact = singletons.to_vec();
    let mut separations: Vec<Separation> = Vec::new();
    loop {
        drop_exact(problem, glm, &outcome.mean, &mut exact, &mut separations)?;
        let own;
        let layout = if exact == singletons {
            common
        } else {
            own = Layout::new(sample, rows.cells(), &exact);
            &own
        };
        if layout.n() == 0 {
            return Err(match separations.last() {
                Some(last) => FitError::separated(name, last, None),
                None => FitError::NoRows { outcome: name.clone(), exact: sample.n_rows },
            });
        }
        let mean: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
        match maximise(problem, glm, layout, &mean)? {
            Search::Separated(direction) => {
                let found = direction.record(sample, rows.cells(), layout);
                separation::refuse_rates(sample, layout, &direction, name, &found)?;
                direction.mark(layout, &mut exact);
                separations.push(found);
            }
            Search::Maximum(best) => {
                let solver = Solver::new(layout, &best.state.information, options.method, &effect_names(sample))?;
                let mut influence = solver.influence();
                let eta = &best.state.eta;
                let fitted: Vec<f64> = eta.iter().map(|&eta| glm.mean(eta)).collect();
                let correction = options
                    .bias_correction
                    .then(|| incidental::correction(glm, rows.cells(), layout, &best.state, &influence));
                let factor = (glm == Glm::Probit).then(|| scale_by_score(glm, eta, &mut influence, layout.p()));
                let point = Point {
                    coef: best.coef,
                    intercept: None,
                    fitted: &fitted,
                    eta: Some(eta),
                    information: &best.state.information,
                    explained: best.explained,
                    influence: &influence,
                    iterations: best.iterations,
                };
                let constants = row_constants(sample, rows, o, glm, &exact, &outcome);
                let extra = Extra { glm: Some(glm), factor: factor.as_deref(), correction, separations, constants };
                return assemble_with(problem, &outcome, &exact, layout, &solver, point, extra);
            }
        }
    }
}

/// Marks what effects and single levels fit exactly, until nothing more is.
fn drop_exact(
    problem: Problem,
    glm: Glm,
    mean: &[f64],
    exact: &mut [Exact],
    separations: &mut Vec<Separation>,
) -> Result<(), FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let cells = rows.cells();
    loop {
        let before = exact.to_vec();
        mark_separated(sample, cells, mean, glm.is_binary(), exact);
        separation::drop_separated_levels(sample, cells, mean, glm, exact, separations)
            .map_err(|found| FitError::separated(&sample.outcomes[o].name, &found, sample.rates.as_ref()))?;
        if exact == before {
            return Ok(());
        }
        if options.drop_singletons {
            mark_singletons(sample, cells, exact);
        }
    }
}

/// Multiplies the influence rows by k = f / V, and returns k.
fn scale_by_score(glm: Glm, eta: &[f64], influence: &mut [f64], p: usize) -> Vec<f64> {
    let factor: Vec<f64> = eta.iter().map(|&eta| glm.score_factor(eta)).collect();
    for (row, k) in influence.chunks_exact_mut(p.max(1)).zip(&factor) {
        row.iter_mut().for_each(|h| *h *= k);
    }
    factor
}

/// Everything at the current linear predictor, cell by cell.
pub(super) struct State {
    pub eta: Vec<f64>,
    pub deviance: f64,
    /// n_c f^2 / V.
    pub information: Vec<f64>,
    /// eta + (mean - mu) / f.
    pub working: Vec<f64>,
}

impl State {
    fn new(glm: Glm, eta: Vec<f64>, mean: &[f64], weight: &[f64]) -> Self {
        let (mut information, mut working) = (vec![0.0; eta.len()], vec![0.0; eta.len()]);
        let deviance = glm.step(&eta, mean, weight, &mut information, &mut working);
        State { eta, deviance, information, working }
    }
}

/// The end of a search for the maximum.
enum Search {
    /// It was found.
    Maximum(Maximum),
    /// There is none: the likelihood rises along this direction for ever.
    Separated(Direction),
}

/// A maximum of the likelihood.
struct Maximum {
    coef: Vec<f64>,
    state: State,
    explained: f64,
    iterations: usize,
}

fn maximise(problem: Problem, glm: Glm, layout: &Layout, mean: &[f64]) -> Result<Search, FitError> {
    let Problem { sample, options, o, .. } = problem;
    let effects = effect_names(sample);
    let weight = &layout.weight;
    let total: f64 = weight.iter().sum();
    // a Poisson mean may have any unit: what is small is judged in it
    let unit = if glm.is_binary() { 1.0 } else { mean.iter().zip(weight).map(|(m, w)| m * w).sum::<f64>() / total };
    let (tolerance, allowed) = match glm {
        Glm::Logit | Glm::Poisson => (DECREMENT_TOLERANCE, MAX_ITERATIONS),
        Glm::Probit => (SCORING_DECREMENT_TOLERANCE, MAX_SCORING_ITERATIONS),
    };
    let certain = Certain::new(glm, unit);
    // the rectifier is asked once: it has the same answer at every step
    let mut asked = false;
    let mut separated = |state: &State, regardless: bool| {
        if asked || !(regardless || certain.is_reached(&state.eta, mean)) {
            return Ok(None);
        }
        asked = true;
        separation::find_direction(glm, layout, mean, options.method, &effects)
    };

    let mut state = State::new(glm, start(glm, layout, mean, options, &effects)?, mean, weight);
    let mut iterations = 1;
    let mut last_decrement = f64::INFINITY;
    loop {
        let solver = Solver::new(layout, &state.information, options.method, &effects)?;
        let mut next = State::new(glm, solver.project(&state.working)?, mean, weight);
        let mut halvings = 0;
        // a deviance that is no number is worse as well
        while !is_no_worse(next.deviance, state.deviance, unit) && halvings < MAX_HALVINGS {
            let eta = next.eta.iter().zip(&state.eta).map(|(next, old)| 0.5 * (next + old)).collect();
            next = State::new(glm, eta, mean, weight);
            halvings += 1;
        }
        let moves = next.eta.iter().zip(&state.eta).zip(&state.information);
        let decrement: f64 = moves.map(|((new, old), w)| w * (new - old) * (new - old)).sum();
        let change = (state.deviance - next.deviance).abs() / (0.1 * unit + next.deviance.abs());
        state = next;
        iterations += 1;
        let small = decrement < tolerance * total * unit;
        let stalled = decrement < DECREMENT_TOLERANCE * total * unit && decrement > STALLED * last_decrement;
        if change < DEVIANCE_TOLERANCE && (small || stalled) {
            break;
        }
        last_decrement = decrement;
        let failed = iterations == allowed || !state.deviance.is_finite();
        if let Some(direction) = separated(&state, failed)? {
            return Ok(Search::Separated(direction));
        }
        if failed {
            return Err(FitError::NotConverged {
                family: options.family,
                outcome: sample.outcomes[o].name.clone(),
                iterations,
                change,
            });
        }
    }
    if let Some(direction) = separated(&state, false)? {
        return Ok(Search::Separated(direction));
    }
    // the last step is refined, and errors are taken at its end
    let projection = Solver::new(layout, &state.information, options.method, &effects)?.regress(&state.working)?;
    let state = State::new(glm, projection.fitted, mean, weight);
    Ok(Search::Maximum(Maximum {
        coef: projection.coef,
        state,
        explained: projection.explained,
        iterations: iterations + 1,
    }))
}

/// Whether a deviance does not rise beyond rounding.
pub(super) fn is_no_worse(next: f64, last: f64, unit: f64) -> bool {
    next <= last * (1.0 + 1e-12) + 1e-12 * unit
}

/// First linear predictor: the step from where R's `glm` starts ([`Glm::start`]).
fn start(glm: Glm, layout: &Layout, mean: &[f64], options: &Options, effects: &str) -> Result<Vec<f64>, FitError> {
    let (information, working): (Vec<f64>, Vec<f64>) = mean
        .iter()
        .zip(&layout.weight)
        .map(|(&mean, weight)| {
            let (information, working) = glm.start(mean);
            (weight * information, working)
        })
        .unzip();
    Ok(Solver::new(layout, &information, options.method, effects)?.project(&working)?)
}

/// Linear predictors beyond which a prediction counts as certain.
struct Certain {
    below: f64,
    above: f64,
}

impl Certain {
    /// A mean within about 1e-8 of the end of its range, in units of the average for a Poisson.
    fn new(glm: Glm, unit: f64) -> Self {
        match glm {
            Glm::Logit => Certain { below: -18.0, above: 18.0 },
            Glm::Probit => Certain { below: -5.5, above: 5.5 },
            Glm::Poisson => Certain { below: unit.ln() - 18.0, above: f64::INFINITY },
        }
    }

    /// Whether a cell that is all zero or all one is predicted with certainty.
    fn is_reached(&self, eta: &[f64], mean: &[f64]) -> bool {
        let mut cells = eta.iter().zip(mean);
        cells.any(|(&eta, &mean)| (mean <= 0.0 && eta < self.below) || (mean >= 1.0 && eta > self.above))
    }
}
