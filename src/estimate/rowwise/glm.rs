//! Maximum likelihood on rows by Fisher scoring: every step absorbs what is left of the regressors and the working
//! residual.
//!
//! Near the maximum both are almost free of the effects already, under the new weights too: a step then costs few
//! iterations, however tight its tolerance (the warm start of Correia, Guimaraes and Zylkin 2020). Early steps are loose.
//! Where rows drift towards certainty the fit is left to the cells, which look for a separating combination.

use super::super::glm::is_no_worse;
use super::super::link::Glm;
use super::super::{FitError, Fitted, Options, check_outcome, effect_names};
use super::absorber::Absorber;
use super::design::{Design, Kept, Scaling};
use super::finish::{Fit, Likelihood, finish_likelihood};
use super::ols::{cross_products, squares};
use crate::absorb::Method;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::kernel::{Report, TOLERANCE};
use crate::design::Sample;
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Relative change of the deviance at which iteration stops.
const DEVIANCE_TOLERANCE: f64 = 1e-10;
/// Squared step in standard-error units that must be reached as well.
const DECREMENT_TOLERANCE: f64 = 1e-17;
/// Steps allowed.
const MAX_ITERATIONS: usize = 200;
/// Times that step-halving is tried.
const MAX_HALVINGS: usize = 30;
/// Tolerance of the first absorptions.
const LOOSE: f64 = 1e-2;
/// Step of a certain prediction that gives a separation away.
const DRIFT: f64 = 0.01;
/// Multiple of the linear predictor of certainty from which nothing can be told by the step.
const FAR: f64 = 1.75;
/// Rows per task.
const CHUNK: usize = 1 << 14;

/// Fits every outcome.
pub fn fit(sample: &Sample, options: &Options, glm: Glm) -> Vec<Result<Fitted, FitError>> {
    (0..sample.outcomes.len())
        .map(|o| {
            check_outcome(sample, o, options.family)?;
            match fit_one(sample, options, glm, o)? {
                Some(fitted) => Ok(fitted),
                // certain predictions: the cells look for a certificate
                None if sample.has_slopes() => {
                    let options = Options { method: Method::Auto, ..options.clone() };
                    super::super::glm::fit_outcome(sample, &options, glm, o)
                }
                None => super::super::glm::fit_outcome(sample, options, glm, o),
            }
        })
        .collect()
}

/// Rows at a linear predictor.
struct State {
    eta: Vec<f64>,
    deviance: f64,
    information: Vec<f64>,
    /// (y - mu) / f.
    residual: Vec<f64>,
}

fn fit_one(sample: &Sample, options: &Options, glm: Glm, o: usize) -> Result<Option<Fitted>, FitError> {
    let values = &sample.outcomes[o].values;
    let kept = Kept::new(sample, options.drop_singletons, Some((glm, values)));
    let design = Design::new(sample, &kept);
    let name = || sample.outcomes[o].name.clone();
    if design.n == 0 {
        return Err(FitError::NoRows { outcome: name(), exact: sample.n_rows });
    }
    let y: Cow<[f64]> = match design.is_whole() {
        true => Cow::Borrowed(values.as_slice()),
        false => Cow::Owned((0..design.n).map(|i| values[design.row(i)]).collect()),
    };
    let mean = y.iter().enumerate().map(|(i, y)| design.weight(i) * y).sum::<f64>() / design.total;
    let unit = if glm.is_binary() { 1.0 } else { mean };
    let p = design.regressors.len();
    let mut columns = Columns::new(design.n, p + 1, design.incidence.n_levels);
    let scaling: Vec<Scaling> = (0..p).map(|j| design.standardise_regressor(&mut columns, j)).collect();
    let mut kernel = Absorber::new(&design, options.method, &effect_names(sample));

    let mut state = start(glm, &design, &y);
    let mut coef = vec![0.0; p];
    let mut tolerance = LOOSE;
    let mut first_raw: Vec<f64> = Vec::new();
    let mut first_dropped: Option<Vec<bool>> = None;
    let mut last = f64::INFINITY;
    let mut iterations = 0;
    loop {
        iterations += 1;
        kernel.set_weights(Some(Cow::Owned(std::mem::take(&mut state.information))));
        let residual = &state.residual;
        columns.fill(p, |i| residual[i]);
        let raw = squares(&design, &columns, p + 1, |i| kernel.weight(i));
        if first_raw.is_empty() {
            first_raw = raw.clone();
        }
        // weights that vanish along a separation can stop the kernel: the cells then find the combination, or the error
        let Ok(report) = kernel.absorb(&mut columns, &raw, tolerance) else { return Ok(None) };
        let cross = cross_products(&design, &columns, p + 1, |i| kernel.weight(i));
        let square: Vec<f64> = (0..p).flat_map(|j| cross[j * (p + 1)..j * (p + 1) + p].to_vec()).collect();
        let factor = Cholesky::new(&square, p, &raw[..p], COLLINEARITY_TOLERANCE);
        // a regressor that loses its information on the way separates rows, whose weights vanish
        if *first_dropped.get_or_insert_with(|| factor.dropped.clone()) != factor.dropped {
            return Ok(None);
        }
        let mut step: Vec<f64> = (0..p).map(|j| cross[p * (p + 1) + j]).collect();
        factor.solve(&mut step);
        let (next, moved, decrement, share) = advance(glm, &design, &kernel, &columns, &y, &state, &step, unit);
        coef.iter_mut().zip(&step).for_each(|(b, step)| *b += share * step);
        let change = (state.deviance - next.deviance).abs() / (0.1 * unit + next.deviance.abs());
        state = next;
        let size = decrement / (design.total * unit);
        let tight = tolerance <= TOLERANCE;
        let stalled = size < 1e-13 && decrement > 0.25 * last;
        if tight && change < DEVIANCE_TOLERANCE && (size < DECREMENT_TOLERANCE || stalled) {
            if is_drifting(glm, &state.eta, &moved, &y, unit) {
                return Ok(None);
            }
            let score: Vec<f64> = (0..design.n)
                .into_par_iter()
                .map(|i| {
                    let eta = state.eta[i];
                    design.weight(i) * glm.score_factor(eta) * (y[i] - glm.mean(eta))
                })
                .collect();
            let absorbed = (0..p).map(|j| square[j * p + j] <= COLLINEARITY_TOLERANCE * first_raw[j]).collect();
            let fit = Fit {
                sample,
                options,
                design: &design,
                kept: &kept,
                columns: &columns,
                factor: &factor,
                absorbed,
                scaling: &scaling,
                report: Report { residual: report.residual, iterations },
                ranks: OnceLock::new(),
            };
            let at = Likelihood { glm, eta: state.eta, score, iterations };
            return finish_likelihood(&fit, o, coef, &at).map(Some);
        }
        last = decrement;
        if iterations == MAX_ITERATIONS || !state.deviance.is_finite() {
            return Ok(None);
        }
        tolerance = (0.1 * size).clamp(TOLERANCE, LOOSE);
    }
}

/// The step from where R's `glm` starts: eta = 0 with the working response there as residual.
fn start(glm: Glm, design: &Design, y: &[f64]) -> State {
    let (information, residual) = y
        .par_iter()
        .enumerate()
        .map(|(i, &y)| {
            let (information, working) = glm.start(y);
            (design.weight(i) * information, working)
        })
        .unzip();
    State { eta: vec![0.0; design.n], deviance: f64::INFINITY, information, residual }
}

/// Moves the linear predictor by what effects and regressors explain of the working residual, halving the step while
/// the deviance rises; returns the squared step in standard-error units, and the share of it that was made.
#[allow(clippy::too_many_arguments)]
fn advance(
    glm: Glm,
    design: &Design,
    kernel: &Absorber,
    columns: &Columns,
    y: &[f64],
    state: &State,
    step: &[f64],
    unit: f64,
) -> (State, Vec<f64>, f64, f64) {
    let (n, p) = (design.n, step.len());
    let mut moved = vec![0.0; n];
    moved.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, moved)| {
        let first = chunk * CHUNK;
        columns.for_rows(first..first + moved.len(), |i, row| {
            let fitted: f64 = row.iter().zip(step).map(|(x, b)| x * b).sum();
            moved[i - first] = state.residual[i] - row[p] + fitted;
        });
    });
    let sums = crate::linalg::blocks::sum_blocks(n, 1, |rows| {
        vec![rows.map(|i| kernel.weight(i) * moved[i] * moved[i]).sum::<f64>()]
    });
    let mut share = 1.0;
    let mut next = evaluate(glm, design, y, &state.eta, &moved, share);
    let mut halvings = 0;
    while !is_no_worse(next.deviance, state.deviance, unit) && halvings < MAX_HALVINGS {
        share *= 0.5;
        next = evaluate(glm, design, y, &state.eta, &moved, share);
        halvings += 1;
    }
    (next, moved, sums[0] * share * share, share)
}

/// Everything at `eta + share * moved`.
fn evaluate(glm: Glm, design: &Design, y: &[f64], eta: &[f64], moved: &[f64], share: f64) -> State {
    let n = design.n;
    let mut state = State { eta: vec![0.0; n], deviance: 0.0, information: vec![0.0; n], residual: vec![0.0; n] };
    let ones = vec![1.0; CHUNK.min(n)];
    let deviances: Vec<f64> = state
        .eta
        .par_chunks_mut(CHUNK)
        .zip(state.information.par_chunks_mut(CHUNK))
        .zip(state.residual.par_chunks_mut(CHUNK))
        .enumerate()
        .map(|(chunk, ((new, information), residual))| {
            let rows = chunk * CHUNK..chunk * CHUNK + new.len();
            for (new, (old, moved)) in new.iter_mut().zip(eta[rows.clone()].iter().zip(&moved[rows.clone()])) {
                *new = old + share * moved;
            }
            let weight = match &design.weight {
                None => &ones[..rows.len()],
                Some(weight) => &weight[rows.clone()],
            };
            let deviance = glm.step(new, &y[rows], weight, information, residual);
            // the step leaves working responses
            residual.iter_mut().zip(new.iter()).for_each(|(working, eta)| *working -= eta);
            deviance
        })
        .collect();
    state.deviance = deviances.iter().sum();
    state
}

/// Whether a row at the end of the outcome's range is predicted with certainty and still moves: along a separating
/// combination the likelihood rises for ever, and every step is about as long as the one before.
fn is_drifting(glm: Glm, eta: &[f64], moved: &[f64], y: &[f64], unit: f64) -> bool {
    let (below, above) = super::super::glm::certain(glm, unit);
    let certain = |eta: f64, y: f64| (y <= 0.0 && eta < below) || (y >= 1.0 && eta > above);
    // far beyond certainty the weights are too small for a step to mean anything
    let far = |eta: f64, y: f64| certain(eta / FAR, y);
    eta.iter().zip(moved).zip(y).any(|((&eta, moved), &y)| far(eta, y) || (moved.abs() > DRIFT && certain(eta, y)))
}
