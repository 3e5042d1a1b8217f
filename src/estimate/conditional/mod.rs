//! Conditional logit: the likelihood of 0/1 outcomes given their sum in every stratum.
//!
//! Strata are the combinations of the levels of all absorbed effects. Conditioning on the sums removes the strata's
//! intercepts from the likelihood, so they bring no bias however few rows a stratum has (Andersen 1970; Chamberlain 1980), and the
//! likelihood is exact ([`strata`]). Strata of zeros or ones alone say nothing and are left out.
//!
//! Errors: the inverse information, or its sandwich with the score of each row (y_i - E[y_i | sum]) (x_i - c_s),
//! c_s the mean of x in the stratum with weights v_i = E_i (1 - E_i). Within a stratum the first factors sum to zero, so c_s matters
//! only where clusters cut through strata; it makes the scores independent of the origin of x in each stratum, and in large
//! strata those of a logit with a dummy per stratum.

mod strata;

use super::doubts;
use super::{FitError, Fitted, Options, check_outcome};
use crate::aggregate::{Aggregator, Grouping, Records, Rows, ScoreQuery};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::inference::intervals::estimate;
use crate::linalg::Cholesky;
use crate::linalg::cholesky::COLLINEARITY_TOLERANCE;
use crate::rates::overlap::effect_cells;
use crate::result::*;
use crate::vcov::clustered_meat;
use crate::vcov::multiway::settle;
use crate::vcov::small_sample::{Sizes, reference, small_sample};
use rayon::prelude::*;
use strata::{LARGEST, Moments, Pattern, moments};

/// Newton decrement at which iteration stops, and relative change of the likelihood that must be reached as well.
const TOLERANCE: f64 = 1e-18;
/// Steps allowed.
const MAX_ITERATIONS: usize = 60;
/// Times that step-halving is tried.
const MAX_HALVINGS: usize = 30;
/// Spread of the linear predictor within a stratum beyond which a coefficient counts as infinite.
const CERTAIN: f64 = 40.0;

/// Refuses what has no conditional likelihood here.
pub fn check(sample: &Sample, options: &Options) -> Result<(), FitError> {
    let refuse = |reason| Err(FitError::NoConditional { reason });
    if sample.effects.is_empty() {
        return refuse("it conditions on the cells of the fixed effects, and the formula has none");
    }
    if sample.has_slopes() {
        return refuse("slopes by level cannot be conditioned on");
    }
    if sample.weights.is_some() {
        return refuse("the exact likelihood has no weights: a row is in a choice or not");
    }
    if sample.rates.is_some() || options.margins {
        return refuse("rates and effects on the outcome need the intercepts of the cells, which conditioning removes");
    }
    if options.diagnostics {
        return refuse(
            "leverage is that of a linear predictor with the intercepts of the cells, which conditioning removes",
        );
    }
    if options.keep_effects || options.keep_fitted || options.r2_steps {
        return refuse("fitted values need the intercepts of the cells, which conditioning removes");
    }
    if options.vcov.uses_leverage() {
        let reason = String::from("has no form for a conditional likelihood: use `cr1` or `hc1`");
        return Err(FitError::NoVcov { kind: options.vcov, reason });
    }
    if options.bias_correction || options.firth {
        return refuse("it has no bias of many effects to correct");
    }
    Ok(())
}

/// A stratum with both outcomes.
struct Stratum {
    /// Its estimation cells, in the layout.
    cells: Vec<u32>,
    /// Rows of each cell.
    rows: Vec<usize>,
    /// Ones among all of its rows.
    ones: usize,
    /// Ones of each cell.
    cell_ones: Vec<f64>,
}

impl Stratum {
    fn n(&self) -> usize {
        self.rows.iter().sum()
    }
}

/// The problem on its kept columns.
struct Conditional<'a> {
    layout: &'a Layout,
    strata: Vec<Stratum>,
    /// Kept regressor columns (standardised), layout cells x `p`.
    x: Vec<f64>,
    p: usize,
}

/// Likelihood and derivatives at some coefficients.
struct State {
    log_likelihood: f64,
    score: Vec<f64>,
    information: Vec<f64>,
    /// E[y | sum] of a row of each layout cell.
    mean: Vec<f64>,
    /// Widest range of the linear predictor in a stratum.
    spread: f64,
}

/// Fits every outcome.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let rows = Rows::new(sample);
    let (stratum, n_strata) = effect_cells(sample, rows.cells());
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, options.family)?;
            one(sample, options, &rows, o, (&stratum, n_strata))
        })
        .collect()
}

fn one(
    sample: &Sample,
    options: &Options,
    rows: &Rows,
    o: usize,
    (stratum, n_strata): (&[u32], usize),
) -> Result<Fitted, FitError> {
    let cells = rows.cells();
    let name = &sample.outcomes[o].name;
    let outcome = rows.outcome(o);
    let (mut of_rows, mut of_ones) = (vec![0usize; n_strata], vec![0.0; n_strata]);
    for (cell, &s) in stratum.iter().enumerate() {
        of_rows[s as usize] += cells.rows[cell] as usize;
        of_ones[s as usize] += f64::from(cells.rows[cell]) * outcome.mean[cell];
    }
    let ones = |s: usize| of_ones[s].round() as usize;
    let informs = |s: usize| ones(s) > 0 && ones(s) < of_rows[s];
    let mark = |&s: &u32| if informs(s as usize) { Exact::No } else { Exact::Separated };
    let exact: Vec<Exact> = stratum.iter().map(mark).collect();
    let layout = Layout::new(sample, cells, &exact);
    if layout.n() == 0 {
        return Err(FitError::NoRows { outcome: name.clone(), exact: sample.n_rows });
    }
    let mut number = vec![u32::MAX; n_strata];
    let mut strata: Vec<Stratum> = Vec::new();
    for (i, &cell) in layout.cell.iter().enumerate() {
        let (cell, s) = (cell as usize, stratum[cell as usize] as usize);
        if number[s] == u32::MAX {
            number[s] = strata.len() as u32;
            strata.push(Stratum { cells: Vec::new(), rows: Vec::new(), ones: ones(s), cell_ones: Vec::new() });
        }
        let known = &mut strata[number[s] as usize];
        known.cells.push(i as u32);
        known.rows.push(cells.rows[cell] as usize);
        known.cell_ones.push(f64::from(cells.rows[cell]) * outcome.mean[cell]);
    }
    if strata.iter().any(|s| (s.n() + 1) * (s.ones.min(s.n() - s.ones) + 1) > LARGEST) {
        let reason =
            "a stratum has more than 20 million rows times ones: use `--family logit`, which large strata do not bias";
        return Err(FitError::NoConditional { reason });
    }
    let (problem, kept, dropped) = columns(sample, &layout, strata);
    if problem.p == 0 {
        let reasons: Vec<String> = dropped.iter().map(|d| format!("`{}` ({})", d.term, d.reason)).collect();
        return Err(FitError::NothingEstimable { outcome: name.clone(), reasons: reasons.join(", ") });
    }
    let null = problem.state(&vec![0.0; problem.p]);
    let (coef, state, iterations) = maximise(&problem, options, name)?;
    let n: usize = problem.strata.iter().map(Stratum::n).sum();
    if n <= problem.p {
        return Err(FitError::NoDegreesOfFreedom { outcome: name.clone(), rows: n, parameters: problem.p });
    }
    let record = Record { sample, options, rows, o, layout: &layout, exact: &exact, problem: &problem, kept: &kept };
    record.assemble(coef, &state, &null, dropped, iterations, (n, n_strata))
}

/// The regressor columns that vary within strata, independent of each other.
fn columns<'a>(
    sample: &Sample,
    layout: &'a Layout,
    strata: Vec<Stratum>,
) -> (Conditional<'a>, Vec<usize>, Vec<DroppedTerm>) {
    let all = layout.p();
    let (n, first) = (layout.n(), layout.n_effect_columns);
    let mut x = vec![0.0; n * all];
    for i in 0..n {
        let slots = layout.slots(i).filter(|&(column, _)| (first..layout.k).contains(&column));
        slots.for_each(|(column, value)| x[i * all + column - first] += value);
    }
    // squares within strata tell columns without variation, and those that others span
    let mut within = vec![0.0; all * all];
    let mut length = vec![0.0; all];
    for s in &strata {
        let total = s.n() as f64;
        let mut mean = vec![0.0; all];
        for (&i, &rows) in s.cells.iter().zip(&s.rows) {
            let x = &x[i as usize * all..(i as usize + 1) * all];
            mean.iter_mut().zip(x).for_each(|(mean, x)| *mean += rows as f64 * x / total);
            length.iter_mut().zip(x).for_each(|(length, x)| *length += rows as f64 * x * x);
        }
        for (&i, &rows) in s.cells.iter().zip(&s.rows) {
            let x = &x[i as usize * all..(i as usize + 1) * all];
            for a in 0..all {
                (0..=a).for_each(|b| within[a * all + b] += rows as f64 * (x[a] - mean[a]) * (x[b] - mean[b]));
            }
        }
    }
    let factor = Cholesky::new(&within, all, &length, COLLINEARITY_TOLERANCE);
    let kept: Vec<usize> = (0..all).filter(|&j| !factor.dropped[j]).collect();
    let dropped = (0..all).filter(|&j| factor.dropped[j]).map(|j| {
        let constant = within[j * all + j] <= COLLINEARITY_TOLERANCE * length[j] || length[j] == 0.0;
        let reason = if constant { "constant within the strata" } else { "collinear with the terms before it" };
        DroppedTerm { term: layout.names[j].clone(), reason: reason.to_owned() }
    });
    let dropped = dropped.collect();
    debug_assert!(!sample.effects.is_empty());
    let p = kept.len();
    let picked = (0..n).flat_map(|i| kept.iter().map(move |j| (i, *j))).map(|(i, j)| x[i * all + j]).collect();
    (Conditional { layout, strata, x: picked, p }, kept, dropped)
}

impl Conditional<'_> {
    /// Moments of every stratum at `b`, put together in order.
    fn state(&self, b: &[f64]) -> State {
        let p = self.p;
        let of_stratum = |s: &Stratum| -> (Moments, f64, f64) {
            let row = |&i: &u32| &self.x[i as usize * p..(i as usize + 1) * p];
            let eta = |i: &u32| row(i).iter().zip(b).map(|(x, b)| x * b).sum::<f64>();
            let patterns: Vec<Pattern> =
                s.cells.iter().zip(&s.rows).map(|(i, &rows)| Pattern { eta: eta(i), rows }).collect();
            let values: Vec<f64> = s.cells.iter().flat_map(|i| row(i).iter().copied()).collect();
            let observed: f64 = patterns.iter().zip(&s.cell_ones).map(|(c, ones)| c.eta * ones).sum();
            let high = patterns.iter().map(|c| c.eta).fold(f64::NEG_INFINITY, f64::max);
            let low = patterns.iter().map(|c| c.eta).fold(f64::INFINITY, f64::min);
            (moments(&patterns, s.ones, &values, p), observed, high - low)
        };
        let found: Vec<(Moments, f64, f64)> = self.strata.par_iter().map(of_stratum).collect();
        let mut state = State {
            log_likelihood: 0.0,
            score: vec![0.0; p],
            information: vec![0.0; p * p],
            mean: vec![0.0; self.layout.n()],
            spread: 0.0,
        };
        for (s, (moments, observed, spread)) in self.strata.iter().zip(found) {
            state.log_likelihood += observed - moments.log_sum;
            state.spread = state.spread.max(spread);
            for (at, &i) in s.cells.iter().enumerate() {
                let i = i as usize;
                state.mean[i] = moments.mean[at];
                let rows = s.rows[at] as f64;
                let residual = s.cell_ones[at] - rows * moments.mean[at];
                let x = &self.x[i * p..(i + 1) * p];
                let row = &moments.covariance[at * p..(at + 1) * p];
                for (a, x) in x.iter().enumerate() {
                    state.score[a] += residual * x;
                    (0..p).for_each(|c| state.information[a * p + c] += rows * x * row[c]);
                }
            }
        }
        // sums in another order on either side of the diagonal
        for a in 0..p {
            for c in 0..a {
                let mean = 0.5 * (state.information[a * p + c] + state.information[c * p + a]);
                state.information[a * p + c] = mean;
                state.information[c * p + a] = mean;
            }
        }
        state
    }

    fn factor(&self, state: &State) -> Cholesky {
        let diagonal: Vec<f64> = (0..self.p).map(|j| state.information[j * self.p + j]).collect();
        Cholesky::new(&state.information, self.p, &diagonal, 1e-13)
    }
}

/// Newton's method with step-halving.
fn maximise(problem: &Conditional, options: &Options, name: &str) -> Result<(Vec<f64>, State, usize), FitError> {
    let mut b = vec![0.0; problem.p];
    let mut state = problem.state(&b);
    let mut change = f64::INFINITY;
    let failed = |iterations, change| FitError::NotConverged {
        family: options.family,
        outcome: name.to_owned(),
        iterations,
        change,
    };
    for iteration in 1..=MAX_ITERATIONS {
        let mut step = state.score.clone();
        problem.factor(&state).solve(&mut step);
        let decrement: f64 = step.iter().zip(&state.score).map(|(step, score)| step * score).sum();
        if decrement < TOLERANCE * (1.0 + state.log_likelihood.abs()) {
            return Ok((b, state, iteration));
        }
        let mut next_b: Vec<f64> = b.iter().zip(&step).map(|(b, step)| b + step).collect();
        let mut next = problem.state(&next_b);
        let mut halvings = 0;
        let slack = 1e-12 * (1.0 + state.log_likelihood.abs());
        let is_worse =
            |next: &State| next.log_likelihood.is_nan() || next.log_likelihood < state.log_likelihood - slack;
        while is_worse(&next) && halvings < MAX_HALVINGS {
            next_b = next_b.iter().zip(&b).map(|(next, b)| 0.5 * (next + b)).collect();
            next = problem.state(&next_b);
            halvings += 1;
        }
        change = (next.log_likelihood - state.log_likelihood).abs() / (0.1 + next.log_likelihood.abs());
        (b, state) = (next_b, next);
        if state.spread > CERTAIN && change < 1e-6 || !state.log_likelihood.is_finite() {
            return Err(FitError::NoConditional {
                reason: "it has no maximum: a combination of terms orders the outcomes of every stratum that it tells apart, and its coefficient is infinite",
            });
        }
    }
    Err(failed(MAX_ITERATIONS, change))
}

/// A covariance with its factor, its clusters, their factor, and the smallest number of them.
type Sandwich = (Vec<f64>, Vec<ClusterInfo>, SmallSample, Option<usize>);

/// What a fit is put together from.
struct Record<'a> {
    sample: &'a Sample,
    options: &'a Options,
    rows: &'a Rows<'a>,
    o: usize,
    layout: &'a Layout,
    exact: &'a [Exact],
    problem: &'a Conditional<'a>,
    /// Layout column of each kept column.
    kept: &'a [usize],
}

impl Record<'_> {
    fn assemble(
        &self,
        coef: Vec<f64>,
        state: &State,
        null: &State,
        dropped_terms: Vec<DroppedTerm>,
        iterations: usize,
        (n, n_strata): (usize, usize),
    ) -> Result<Fitted, FitError> {
        let Record { sample, options, layout, problem, kept, .. } = self;
        let p = problem.p;
        let factor = problem.factor(state);
        let inverse: Vec<f64> = (0..p).flat_map(|j| factor.inverse_column(j)).collect();
        let scale = |a: usize| layout.scale[kept[a]];
        let (rule, sizes) = (options.rule(), Sizes { n, k: p, k_all: p, any_nested: false });
        let (mut vcov, clusters, factor, smallest) = match options.vcov {
            VcovKind::Iid => {
                let factor = small_sample(&rule, options.family, VcovKind::Iid, &sizes, &[]);
                (inverse.iter().map(|entry| entry * factor.factor).collect::<Vec<f64>>(), Vec::new(), factor, None)
            }
            kind => self.sandwich(state, &inverse, kind, &sizes)?,
        };
        let small_sample = SmallSample { convention: options.ssc.to_string(), ..factor };
        for a in 0..p {
            (0..p).for_each(|b| vcov[a * p + b] /= scale(a) * scale(b));
        }
        let names: Vec<&str> = kept.iter().map(|&j| layout.names[j].as_str()).collect();
        let several = clusters.len() > 1;
        let settled = if several { settle(options.multiway, "coefficients", &names, &mut vcov) } else { Vec::new() };
        let reference = reference(&rule, &sizes, smallest);
        let critical = reference.critical(options.conf_level);
        let coefficient = |a: usize| {
            let error = vcov[a * p + a].sqrt();
            estimate(layout.names[kept[a]].clone(), coef[a] / scale(a), error, reference, critical)
        };
        let mut flow = Flow { rows_read: sample.n_rows, rows_used: n, cells: problem.strata.len(), ..Flow::default() };
        if n < sample.n_rows {
            let reason = String::from("stratum with one outcome only");
            flow.dropped.push(FlowStep { reason, rows: sample.n_rows - n });
        }
        flow.users = clusters.first().map_or(0, |cluster: &ClusterInfo| cluster.count);
        let doubts = match options.vcov {
            VcovKind::Cr1 => doubts::of_clusters(clusters.iter().map(|c: &ClusterInfo| (c.name.as_str(), c.count))),
            _ => Vec::new(),
        };
        let (_, _, doubt) = doubts::take(options, clusters.len(), &doubts, |kind| {
            let reason = String::from("has no form for a conditional likelihood");
            Err::<(), _>(FitError::NoVcov { kind, reason })
        });
        let ones: usize = problem.strata.iter().map(|s| s.ones).sum();
        let informative = problem.strata.len();
        let largest = problem.strata.iter().map(Stratum::n).max().unwrap_or(0);
        let none = f64::NAN;
        let residual =
            state.score.iter().enumerate().map(|(a, s)| s.abs() * inverse[a * p + a].sqrt()).fold(0.0, f64::max);
        let fit = ModelFit {
            spec_id: String::new(),
            model: String::new(),
            outcome: sample.outcomes[self.o].name.clone(),
            sample: String::from("all"),
            family: options.family,
            formula: String::new(),
            coefficients: (0..p).map(coefficient).collect(),
            vcov,
            dropped_terms,
            separations: Vec::new(),
            vcov_kind: options.vcov,
            clusters,
            small_sample,
            reference,
            df: None,
            conf_level: options.conf_level,
            weights: None,
            effects: self.effects(),
            absorbed_rank: None,
            rates: None,
            flow,
            overlap: None,
            fit: FitStats {
                r2: none,
                adj_r2: none,
                within_r2: none,
                pseudo_r2: 1.0 - state.log_likelihood / null.log_likelihood,
                sigma: none,
                log_likelihood: state.log_likelihood,
                deviance: -2.0 * state.log_likelihood,
                mean_outcome: ones as f64 / n as f64,
                iterations,
                residual,
                f_statistic: none,
            },
            r2_steps: Vec::new(),
            penalty: None,
            diagnostics: Vec::new(),
            warnings: [format!(
                "{informative} of {n_strata} strata have both outcomes, the largest of them {largest} rows"
            )]
            .into_iter()
            .chain(settled)
            .chain(doubt)
            .collect(),
        };
        Ok(Fitted {
            fit,
            influence: None,
            joint: None,
            rows: None,
            effects: None,
            bare: None,
            margins: None,
            sums: None,
            weights: None,
        })
    }

    /// The effects, of which nothing is counted: they are conditioned on.
    fn effects(&self) -> Vec<EffectInfo> {
        let levels = self.sample.effects.iter().zip(&self.layout.effect_levels);
        levels
            .map(|(effect, &levels)| EffectInfo {
                name: effect.name.clone(),
                levels,
                counted: 0,
                nested_in: None,
                redundant: None,
            })
            .collect()
    }

    /// Outer products of the scores by cluster or row, between two inverses.
    fn sandwich(&self, state: &State, inverse: &[f64], kind: VcovKind, sizes: &Sizes) -> Result<Sandwich, FitError> {
        let Record { sample, options, layout, problem, .. } = self;
        let rule = options.rule();
        let p = problem.p;
        let mut records = Records::new(self.exact.len(), p, p);
        for s in &problem.strata {
            let weight = |at: usize| {
                let mean = state.mean[s.cells[at] as usize];
                s.rows[at] as f64 * mean * (1.0 - mean)
            };
            let total: f64 = (0..s.cells.len()).map(weight).sum();
            let mut centre = vec![0.0; p];
            for (at, &i) in s.cells.iter().enumerate() {
                let x = &problem.x[i as usize * p..(i as usize + 1) * p];
                centre.iter_mut().zip(x).for_each(|(centre, x)| *centre += weight(at) * x / total);
            }
            for &i in &s.cells {
                let i = i as usize;
                let cell = layout.cell[i] as usize;
                let x = &problem.x[i * p..(i + 1) * p];
                records.set_fitted(cell, state.mean[i]);
                for (a, slope) in records.slope_mut(cell).iter_mut().enumerate() {
                    *slope = (0..p).map(|b| inverse[a * p + b] * (x[b] - centre[b])).sum();
                }
            }
        }
        // the outcome of a binary family is not shifted
        let query = ScoreQuery { outcome: self.o, shift: 0.0, records: &records };
        if kind == VcovKind::Hc1 {
            let factor = small_sample(&rule, options.family, kind, sizes, &[]);
            let meat = self.rows.meat(&query, Grouping::Rows, self.exact);
            return Ok((meat.matrix.iter().map(|entry| entry * factor.factor).collect(), Vec::new(), factor, None));
        }
        let names: Vec<&str> = sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let by = |subset: &[usize]| self.rows.meat(&query, Grouping::Clusters(subset), self.exact);
        let meat = clustered_meat(&names, p, options.multiway, false, by);
        if let Some(few) = meat.too_few() {
            return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.groups });
        }
        let (factor, matrix) = meat.combined(&rule, options.family, VcovKind::Cr1, sizes);
        Ok((matrix, meat.clusters(), factor, Some(meat.smallest())))
    }
}
