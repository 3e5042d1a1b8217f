//! Score bootstrap (Kline and Santos 2012): draws of cluster scores at the restricted estimate, no refits.
//!
//! With the regressor tested left out (or fixed at its null value), mu the fitted means, W the weights of the last
//! least-squares problem and x~ the regressor, W-residual of the others and the effects, the effective score of a cluster is
//! psi_g = sum_{i in g} w x~_i k_i (y_i - mu_i), k the score factor (one for logit and Poisson). The others' scores sum to zero
//! and drop out. T = sum psi_g / sqrt(sum psi_g^2) is compared with
//! T* = sum v_g psi_g / sqrt(sum v_g^2 psi_g^2): a draw costs one number per cluster.

use super::problem::{Design, Linear, column_of, family_name, one_cluster, reference_fit};
use super::weights::{BLOCK, Codes, Drawn, LANES, PASSES, Pass, Signs, Source};
use super::wild::{ClusterTest, Null, WildOptions, check_draws};
use super::{ResamplingError, nulls_or_all};
use crate::absorb::exact::ExactSolver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::singletons::Exact;
use crate::design::{NO_COLUMN, Sample};
use crate::estimate::link::Glm;
use crate::estimate::{Options, fit};
use crate::result::{ModelFit, VcovKind};
use rayon::prelude::*;

/// Tests hypotheses by draws of scores; all coefficients against zero if none is given. The interval of `how` is not made.
///
/// # Errors
/// [`ResamplingError`]; a likelihood tests against zero only.
pub fn score(
    sample: &Sample,
    options: &Options,
    nulls: &[Null],
    how: &WildOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<(ModelFit, Vec<ClusterTest>), ResamplingError> {
    one_cluster(sample)?;
    if !how.restricted {
        let family = family_name(options.family);
        return Err(ResamplingError::WrongFamily {
            method: "draws without the null",
            fits: "the wild bootstrap",
            family,
        });
    }
    let full = reference_fit(sample, options)?;
    let nulls = nulls_or_all(nulls, &full);
    let tests = match Glm::of(options.family) {
        None => {
            let design = Design::new(sample, options)?;
            let linear = Linear::new(&design)?;
            let test = |null: &Null| {
                let column = column_of(&design.layout, &full, &null.term)?;
                let (identity, scores) = linear_scores(&linear, column, null.value);
                make(&full, null, &identity, &scores, how, done)
            };
            nulls.iter().map(test).collect::<Result<Vec<_>, _>>()?
        }
        Some(glm) => {
            let names: Vec<String> = sample.terms.iter().flat_map(|term| term.names.iter().cloned()).collect();
            let test = |null: &Null| {
                let column = super::problem::find_column(&names, &full, &null.term)?;
                if null.value != 0.0 {
                    return Err(ResamplingError::NullValue { term: null.term.clone(), value: null.value });
                }
                let (identity, scores) = likelihood_scores(sample, options, glm, column)?;
                make(&full, null, &identity, &scores, how, done)
            };
            nulls.iter().map(test).collect::<Result<Vec<_>, _>>()?
        }
    };
    Ok((full, tests))
}

/// psi_g of a linear model at a null value: residuals are linear in it.
fn linear_scores(linear: &Linear, column: usize, null: f64) -> (Vec<u32>, Vec<f64>) {
    let (regressor, _) = linear.partial(column);
    let delta = linear.coef[column] - null;
    let entries = &linear.entries;
    let of = |i: usize| {
        let x = regressor[entries.cell[i] as usize];
        x * (linear.residual[i] + delta * entries.weight[i] * x)
    };
    let runs = linear.clusters.starts.windows(2);
    let scores = runs.map(|run| (run[0] as usize..run[1] as usize).map(of).sum()).collect();
    (linear.clusters.identity.clone(), scores)
}

/// psi_g of a likelihood without the column.
fn likelihood_scores(
    sample: &Sample,
    options: &Options,
    glm: Glm,
    column: usize,
) -> Result<(Vec<u32>, Vec<f64>), ResamplingError> {
    let restricted = without_column(sample, column);
    let settings = Options {
        vcov: VcovKind::Cr1,
        few_clusters: None,
        keep_fitted: true,
        keep_weights: false,
        keep_effects: false,
        keep_influence: false,
        bias_correction: false,
        ..options.clone()
    };
    let fitted = fit(&restricted, &settings).swap_remove(0)?;
    // cells of the whole design are finer than those of the restricted one: its predictor is constant in them
    let rows = Rows::new(sample);
    let mut predictor = vec![f64::NAN; rows.cells().len()];
    let kept = fitted.rows.iter().flat_map(|rows| rows.row.iter().zip(&rows.predictor));
    kept.for_each(|(&row, &eta)| predictor[rows.cells().of_row[row as usize] as usize] = eta);
    let exact = predictor.iter().map(|eta| if eta.is_nan() { Exact::Separated } else { Exact::No }).collect();
    let design = Design::of(sample, rows, exact)?;
    let layout = &design.layout;
    let eta: Vec<f64> = layout.cell.iter().map(|&cell| predictor[cell as usize]).collect();
    let information: Vec<f64> =
        eta.iter().zip(&layout.weight).map(|(&eta, weight)| weight * glm.information(eta)).collect();
    let solver = ExactSolver::new(layout, &information);
    if solver.dropped()[column].is_some() {
        let reason = String::from("absorbed by the fixed effects or collinear under the null");
        return Err(ResamplingError::DroppedTerm { term: layout.names[column].clone(), reason });
    }
    let mut unit = vec![0.0; layout.k];
    unit[layout.n_effect_columns + column] = 1.0;
    let regressor = solver.combination(&unit);
    let (clusters, entries) = design.entries(0.0)?;
    let of = |i: usize| {
        let cell = entries.cell[i] as usize;
        regressor[cell] * glm.score_factor(eta[cell]) * (entries.total[i] - entries.weight[i] * glm.mean(eta[cell]))
    };
    let runs = clusters.starts.windows(2);
    let scores = runs.map(|run| (run[0] as usize..run[1] as usize).map(of).sum()).collect();
    Ok((clusters.identity, scores))
}

/// The sample without one regressor column; the rows of its level join those of the reference.
fn without_column(sample: &Sample, column: usize) -> Sample {
    let mut restricted = sample.clone();
    restricted.rates = None;
    let mut first = 0;
    let Some(at) = restricted.terms.iter().position(|term| {
        let here = (first..first + term.n_columns()).contains(&column);
        first += if here { 0 } else { term.n_columns() };
        here
    }) else {
        return restricted;
    };
    let term = &mut restricted.terms[at];
    let local = column - first;
    if term.n_columns() == 1 {
        restricted.terms.remove(at);
        return restricted;
    }
    term.names.remove(local);
    if let Some(levels) = &mut term.levels {
        for slot in levels.column_of_level.iter_mut().filter(|slot| **slot != NO_COLUMN) {
            match (*slot as usize).cmp(&local) {
                std::cmp::Ordering::Equal => *slot = NO_COLUMN,
                std::cmp::Ordering::Greater => *slot -= 1,
                std::cmp::Ordering::Less => {}
            }
        }
    }
    restricted
}

/// Draws from the scores of the clusters.
fn make(
    fit: &ModelFit,
    null: &Null,
    identity: &[u32],
    scores: &[f64],
    how: &WildOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<ClusterTest, ResamplingError> {
    let (source, draws) = Source::new(how.weights, how.seed, how.draws, identity.len());
    check_draws(how.conf_level, draws, source.enumerate)?;
    let square: f64 = scores.iter().map(|score| score * score).sum();
    let statistic = scores.iter().sum::<f64>() / square.sqrt();
    let blocks: Vec<Vec<f64>> = (0..draws.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let wanted = (draws - block * BLOCK).min(BLOCK);
            let drawn = source.block(block, identity);
            let mut all = Vec::with_capacity(BLOCK);
            for pass in 0..PASSES.min(wanted.div_ceil(LANES)) {
                all.extend(match &drawn {
                    Drawn::Signs(bits) => draw(scores, square, &Signs(&bits[pass])),
                    Drawn::Codes { codes, values } => draw(scores, square, &Codes(&codes[pass], values)),
                });
            }
            all.truncate(wanted);
            done(wanted);
            all
        })
        .collect();
    let statistics: Vec<f64> = blocks.into_iter().flatten().collect();
    let (p_value, with) = how.p_value.of(statistic, statistics.iter().copied());
    let row = fit.coefficients.iter().find(|row| row.term == null.term);
    Ok(ClusterTest {
        term: null.term.clone(),
        null: null.value,
        estimate: row.map_or(f64::NAN, |row| row.estimate),
        std_error: row.map_or(f64::NAN, |row| row.std_error),
        statistic,
        p_value,
        interval: (f64::NAN, f64::NAN),
        draws,
        without_statistic: draws - with,
        enumerated: source.enumerate,
        clusters: identity.len(),
        statistics: if how.keep_draws { statistics } else { Vec::new() },
    })
}

/// T* of sixteen draws.
#[allow(clippy::needless_range_loop)] // three vectors side by side
fn draw<P: Pass>(scores: &[f64], square: f64, weights: &P) -> [f64; LANES] {
    let (mut sum, mut squares) = ([0.0; LANES], [0.0; LANES]);
    for (cluster, score) in scores.iter().enumerate() {
        let v = weights.lanes(cluster);
        for lane in 0..LANES {
            let drawn = v[lane] * score;
            sum[lane] += drawn;
            if !P::UNIT {
                squares[lane] += drawn * drawn;
            }
        }
    }
    std::array::from_fn(|lane| {
        let square = if P::UNIT { square } else { squares[lane] };
        if square > 0.0 { sum[lane] / square.sqrt() } else { f64::NAN }
    })
}
