//! From cells to records: rates and contrasts of every estimator, their covariance, and what separates them.

use super::jackknife::{Jackknife, Standardised, jackknife};
use super::partial::{Setting, partial};
use super::table::CellTable;
use super::wald::{WaldTest, wald};
use super::weights::{CellWeights, Pair};
use super::{CellOptions, CellsError, CommonWeights};
use crate::aggregate::{Aggregator, CellPart, Grouping, Meat, Records, Rows, ScoreQuery};
use crate::design::cells::{CellOutcome, is_binary};
use crate::design::singletons::{Exact, mark_singletons};
use crate::design::{RatesFactor, Sample};
use crate::estimate::{FitError, Options, fit};
use crate::inference::intervals::{estimate, logit_interval};
use crate::rates::contrasts;
use crate::result::{
    ClusterInfo, Composition, Estimate, Family, ModelFit, RateRow, Rates, Reference, SmallSample, VcovKind,
};
use crate::vcov::clustered_meat;
use crate::vcov::convention::{KFactor, Rule};
use crate::vcov::multiway::settle;
use crate::vcov::small_sample::{Sizes, by_definition};

/// Share of the standard error of a contrast below which a difference of estimators is zero by construction: what rounding of
/// their covariance leaves is its square root.
const ZERO_SHARE: f64 = 1e-6;

/// All estimators of one outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimators {
    /// Least squares on all rows, with its adjusted rates.
    pub fit: ModelFit,
    /// How far levels meet within cells.
    pub overlap: CellOverlap,
    /// Common weights.
    pub common: CellRates,
    /// v of the common weights.
    pub common_weights: CommonWeights,
    /// Direct standardisation.
    pub direct: CellRates,
    /// One level at a time against the reference.
    pub pairs: Vec<PairContrast>,
    /// Contrasts of least squares taken apart, and differences between estimators.
    pub parts: Vec<Part>,
    /// Joint test that least squares on the rows of common weights has the same contrasts; `None` if they are the same
    /// numbers by construction.
    pub test: Option<WaldTest>,
    /// Cluster dimensions of the cell estimators.
    pub clusters: Vec<ClusterInfo>,
    /// Reference distribution of the cell estimators.
    pub reference: Reference,
    /// G/(G - 1), or what the convention has instead; 1 without clusters, not a number where terms have their own.
    pub g_factor: f64,
    /// Sentences the reader must see.
    pub warnings: Vec<String>,
}

/// Rows and cells by the levels they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct CellOverlap {
    /// Control cells.
    pub cells: usize,
    /// Cells with every level: what common weights and direct standardisation use.
    pub cells_used: usize,
    /// Rows.
    pub rows: usize,
    /// Rows in cells with every level.
    pub rows_used: usize,
    /// Rows in cells with two levels or more.
    pub rows_two_levels: usize,
    /// Rows that are alone at their level of a cell in use: they have no residual there.
    pub rows_alone: usize,
    /// Of each level.
    pub levels: Vec<LevelCells>,
}

/// One level.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelCells {
    /// Level.
    pub level: String,
    /// Its display label.
    pub label: String,
    /// Its rows.
    pub rows: usize,
    /// Its rows in cells with every level.
    pub rows_used: usize,
    /// Cells that hold it.
    pub cells: usize,
}

/// Rates of one cell estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct CellRates {
    /// Rates, contrasts, covariance.
    pub rates: Rates,
    /// Jackknife covariance of the rates, if computed.
    pub jackknife: Option<Vec<f64>>,
    /// Summed influence of every cluster of the first variable, clusters x levels, if kept.
    pub influence: Option<Vec<f64>>,
}

/// A contrast with the reference, one level at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct PairContrast {
    /// Level.
    pub level: String,
    /// Contrast, `k - reference`.
    pub contrast: Estimate,
    /// Jackknife error, if computed.
    pub jackknife: Option<f64>,
    /// Cells that hold both.
    pub cells: usize,
    /// Rows at the two levels in them.
    pub rows: usize,
}

/// What a [`Part`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Least squares on the rows in cells with every level.
    Overlap,
    /// Its part from effects of the level itself.
    Own,
    /// Its part from effects of other levels: contamination bias.
    Contamination,
    /// Its part from differences between cells at the reference level; zero where the cells are absorbed.
    Between,
    /// Least squares on these rows minus common weights.
    MinusCommon,
    /// Least squares on these rows minus direct standardisation.
    MinusDirect,
    /// Least squares on all rows minus one at a time.
    MinusPair,
    /// Least squares on all rows minus that on the rows in cells with every level.
    AllMinusOverlap,
}

impl PartKind {
    /// All of them, in the order of tables.
    pub const ALL: [PartKind; 8] = [
        PartKind::Overlap,
        PartKind::Own,
        PartKind::Contamination,
        PartKind::Between,
        PartKind::MinusCommon,
        PartKind::MinusDirect,
        PartKind::MinusPair,
        PartKind::AllMinusOverlap,
    ];
}

/// A part of a contrast, or a difference of two estimators.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Level, compared with the reference.
    pub level: String,
    /// Which part.
    pub kind: PartKind,
    /// Its value; the statistic is not a number where the part is zero by construction.
    pub value: Estimate,
}

/// Everything that outcomes share.
struct Context<'a> {
    sample: &'a Sample,
    factor: &'a RatesFactor,
    options: &'a Options,
    cell_options: CellOptions,
    rows: Rows<'a>,
    table: CellTable,
    /// Marks design cells in control cells without every level.
    outside: Vec<Exact>,
    /// Levels but the reference.
    others: Vec<usize>,
    v: Vec<f64>,
    common: CellWeights,
    direct: CellWeights,
    /// Factor of the residuals of each entry.
    scale: Vec<f64>,
}

/// Estimates every outcome of a sample whose design has been checked.
pub fn all(
    sample: &Sample,
    factor: &RatesFactor,
    options: &Options,
    cell_options: CellOptions,
) -> Vec<Result<Estimators, CellsError>> {
    let rows = Rows::new(sample);
    let table = CellTable::new(sample, &rows);
    if !table.overlap.contains(&true) {
        let error = CellsError::NoOverlap {
            factor: factor.name.clone(),
            cells: table.n_cells,
            rows_in_pairs: table.rows_in(|c| levels_in(&table, c) > 1),
            rows: sample.n_rows,
        };
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    let used = |cell: usize| table.overlap[table.of[cell] as usize];
    let mark = |cell: usize| if used(cell) { Exact::No } else { Exact::Singleton };
    let outside: Vec<Exact> = (0..rows.cells().len()).map(mark).collect();
    let v: Vec<f64> = match cell_options.common {
        CommonWeights::Shares => table.overlap_shares().iter().map(|share| share * (1.0 - share)).collect(),
        CommonWeights::Uniform => vec![1.0; table.n_levels],
    };
    let context = Context {
        sample,
        factor,
        options,
        cell_options,
        outside,
        others: (0..table.n_levels).filter(|&k| k != factor.reference).collect(),
        common: CellWeights::new(&table, Some(&v)),
        direct: CellWeights::new(&table, None),
        v,
        scale: if cell_options.corrected { table.leverage_factors() } else { vec![1.0; table.weight.len()] },
        rows,
        table,
    };
    let fits = fit(sample, options);
    fits.into_iter().enumerate().map(|(o, fitted)| one(&context, o, fitted?.fit)).collect()
}

/// Levels that a control cell holds.
fn levels_in(table: &CellTable, c: usize) -> usize {
    table.cell_rows(c).iter().filter(|&&rows| rows > 0).count()
}

/// One outcome.
fn one(context: &Context, o: usize, fit: ModelFit) -> Result<Estimators, CellsError> {
    let Context { sample, factor, options, table, rows, others, .. } = context;
    let outcome = rows.outcome(o);
    let mean = table.means(rows, &outcome);
    let common = context.common.rates(table, &mean);
    let direct = context.direct.rates(table, &mean);
    let pairs: Vec<Pair> = others.iter().map(|&k| Pair::new(table, &mean, k, factor.reference)).collect();
    let of_cells = Point { outcome: &outcome, mean: &mean, common: &common, direct: &direct, pairs: &pairs };

    let stack = cell_records(context, &of_cells, options.composition, 0);
    let rows_used = table.rows_in(|c| table.overlap[c]);
    let cells_used = table.overlap.iter().filter(|&&used| used).count();
    let Covariance { matrix: variance, clusters, factor: g, smallest } =
        covariance(context, o, &outcome, &stack, rows_used)?;
    let (n, m) = (table.n_levels, others.len());
    let df = match smallest {
        Some(groups) => groups as f64 - 1.0,
        None => rows_used.saturating_sub(cells_used * n).max(1) as f64,
    };
    let reference = Reference::StudentT(df);
    let critical = reference.critical(options.conf_level);
    let l = stack.len();
    let block = |first: usize, len: usize| -> Vec<f64> {
        let entries = (0..len).flat_map(|a| (0..len).map(move |b| (first + a) * l + first + b));
        entries.map(|at| variance[at]).collect()
    };
    let jackknifed = context.cell_options.jackknife.then(|| {
        let estimators = [
            Standardised { v: Some(&context.v), weights: &context.common, rates: &common },
            Standardised { v: None, weights: &context.direct, rates: &direct },
        ];
        jackknife(rows, (o, &outcome), table, &mean, &estimators, &pairs)
    });
    let kept = (context.cell_options.keep_influence && !sample.clusters.is_empty()).then(|| {
        let query = ScoreQuery { outcome: o, shift: outcome.shift, records: &stack };
        rows.influence(&query, 0)
    });
    let counts = LevelCounts::new(context, o, &outcome, &mean);
    let several = clusters.len() > 1;
    let levels: Vec<&str> = factor.levels.iter().map(String::as_str).collect();
    let mut settled = Vec::new();
    let mut cell_rates = |which: usize, values: &[f64], weights: &CellWeights| {
        let mut vcov = block(which * n, n);
        if several {
            settled.extend(settle(options.multiway, "rates within cells", &levels, &mut vcov));
        }
        let rates = rates_record(context, o, &outcome, values, vcov, weights, &counts, reference, critical);
        let of_levels = |sums: &Vec<f64>| sums.chunks(l).flat_map(|sums| sums[which * n..][..n].to_vec()).collect();
        CellRates {
            rates,
            jackknife: jackknifed.as_ref().map(|found| found.rates[which].clone()),
            influence: kept.as_ref().map(of_levels),
        }
    };
    let pair_variance = block(2 * n, m);
    let pair_rows = pairs.iter().enumerate().map(|(at, pair)| PairContrast {
        level: factor.levels[pair.level].clone(),
        contrast: estimate(
            contrast_name(factor, pair.level),
            pair.estimate,
            if pair.cells > 0 { pair_variance[at * m + at].sqrt() } else { f64::NAN },
            reference,
            critical,
        ),
        jackknife: jackknifed.as_ref().map(|found: &Jackknife| found.pairs[at].sqrt()),
        cells: pair.cells,
        rows: pair.rows,
    });
    let pair_rows: Vec<PairContrast> = pair_rows.collect();
    let (parts, test) = match context.cell_options.parts {
        true => parts(context, o, &of_cells, rows_used, reference, critical)?,
        false => (Vec::new(), None),
    };
    let overlap = CellOverlap {
        cells: table.n_cells,
        cells_used,
        rows: sample.n_rows,
        rows_used,
        rows_two_levels: table.rows_in(|c| levels_in(table, c) > 1),
        rows_alone: (0..table.n_cells)
            .filter(|&c| table.overlap[c])
            .map(|c| table.cell_rows(c).iter().filter(|&&rows| rows == 1).count())
            .sum(),
        levels: counts.levels(context),
    };
    let (common, direct) = (cell_rates(0, &common, &context.common), cell_rates(1, &direct, &context.direct));
    settled.extend(warnings(&overlap, factor, &pairs));
    Ok(Estimators {
        common,
        direct,
        common_weights: context.cell_options.common,
        pairs: pair_rows,
        parts,
        test,
        clusters,
        reference,
        g_factor: g.factor,
        warnings: settled,
        overlap,
        fit,
    })
}

/// Estimates of one outcome, on the shifted scale.
struct Point<'a> {
    outcome: &'a CellOutcome,
    mean: &'a [f64],
    common: &'a [f64],
    direct: &'a [f64],
    pairs: &'a [Pair],
}

/// Influence of common weights (K), direct standardisation (K) and pairs (K - 1), with room for `extra` numbers after
/// them.
fn cell_records(context: &Context, point: &Point, composition: Composition, extra: usize) -> Records {
    let Context { table, scale, others, .. } = context;
    let n = table.n_levels;
    let sampled = composition == Composition::Sampled;
    let mut records = Records::new(table.of.len(), 2 * n + others.len() + extra, 0);
    let standardised = [(&context.common, point.common), (&context.direct, point.direct)];
    for cell in 0..table.of.len() {
        let (c, l, entry) = (table.of[cell] as usize, table.level[cell] as usize, table.entry(cell));
        records.set_fitted(cell, point.mean[entry]);
        for (which, (weights, rates)) in standardised.iter().enumerate().filter(|_| table.overlap[c]) {
            let total = weights.total;
            records.slope_mut(cell)[which * n + l] = weights.h[c] / total * scale[entry] / table.weight[entry];
            if sampled {
                let slope = weights.slope[entry] / total;
                let constants = &mut records.constant_mut(cell)[which * n..(which + 1) * n];
                constants.iter_mut().enumerate().for_each(|(k, t)| *t = (point.mean[c * n + k] - rates[k]) * slope);
            }
        }
        for (position, pair) in point.pairs.iter().enumerate().filter(|(_, pair)| pair.cells > 0) {
            let (slope, constant) = pair.influence(table, point.mean, scale, c, l);
            records.slope_mut(cell)[2 * n + position] = slope;
            records.constant_mut(cell)[2 * n + position] = if sampled { constant } else { 0.0 };
        }
    }
    records
}

/// A covariance by clusters, or by rows, with its factor.
struct Covariance {
    matrix: Vec<f64>,
    clusters: Vec<ClusterInfo>,
    factor: SmallSample,
    smallest: Option<usize>,
}

/// Outer products of influence with the factor of clusters that the convention has; parameters are in the cells' own factors.
fn covariance(
    context: &Context,
    o: usize,
    outcome: &CellOutcome,
    records: &Records,
    rows_used: usize,
) -> Result<Covariance, FitError> {
    let Context { sample, options, .. } = context;
    let query = ScoreQuery { outcome: o, shift: outcome.shift, records };
    let by = |grouping: Grouping| -> Meat { context.rows.meat(&query, grouping, &context.outside) };
    let sizes = Sizes { n: rows_used, k: 0, k_all: 0, any_nested: false };
    if sample.clusters.is_empty() || options.vcov == VcovKind::Hc1 {
        let (matrix, factor) = (by(Grouping::Rows).matrix, by_definition(rows_used, 0, 1.0));
        return Ok(Covariance { matrix, clusters: Vec::new(), factor, smallest: None });
    }
    let names: Vec<&str> = sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let meat_of = |subset: &[usize]| by(Grouping::Clusters(subset));
    let meat = clustered_meat(&names, records.len(), options.multiway, false, meat_of);
    if let Some(few) = meat.too_few() {
        return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.groups });
    }
    let rule = Rule { k: KFactor::None, ..options.rule() };
    let (factor, matrix) = meat.combined(&rule, Family::Ols, VcovKind::Cr1, &sizes);
    Ok(Covariance { matrix, clusters: meat.clusters(), factor, smallest: Some(meat.smallest()) })
}

/// `k - reference`.
fn contrast_name(factor: &RatesFactor, level: usize) -> String {
    format!("{} - {}", factor.levels[level], factor.levels[factor.reference])
}

/// Parts of the contrasts of least squares, differences to the cell estimators, and the joint test.
fn parts(
    context: &Context,
    o: usize,
    point: &Point,
    rows_used: usize,
    reference: Reference,
    critical: f64,
) -> Result<(Vec<Part>, Option<WaldTest>), CellsError> {
    let Context { sample, factor, options, rows, table, scale, others, .. } = context;
    let (n, m) = (table.n_levels, others.len());
    let setting = Setting { sample, factor, options, rows, table, mean: point.mean, outcome: point.outcome };
    let mut singletons = vec![Exact::No; table.of.len()];
    if options.drop_singletons {
        mark_singletons(sample, rows.cells(), &mut singletons);
    }
    let everywhere = partial(setting, &singletons, false).map_err(FitError::from)?;
    let inside = partial(setting, &context.outside, true).map_err(FitError::from)?;

    // columns: common K, direct K, pairs m | least squares on all rows m | on the rows inside m, own m, between m
    let first = 2 * n + m;
    let mut records = cell_records(context, point, Composition::Sampled, 4 * m);
    for cell in 0..table.of.len() {
        let factor = scale[table.entry(cell)];
        for (at, influence) in [(first, &everywhere.influence), (first + m, &inside.influence)] {
            let from = cell * influence.len;
            for j in 0..influence.len {
                records.slope_mut(cell)[at + j] = factor * influence.slope[from + j];
                records.constant_mut(cell)[at + j] = influence.constant[from + j];
            }
        }
    }
    let variance = covariance(context, o, point.outcome, &records, rows_used)?.matrix;
    let l = records.len();
    let of = |combination: &[(usize, f64)], other: &[(usize, f64)]| -> f64 {
        let pairs = combination.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
        pairs.map(|((i, a), (j, b))| a * b * variance[i * l + j]).sum::<f64>()
    };
    let base = factor.reference;
    let complete = table.overlap.iter().all(|&used| used);
    let mut parts = Vec::new();
    let (mut differences, mut combinations, mut scales) = (Vec::new(), Vec::new(), Vec::new());
    for (at, &k) in others.iter().enumerate() {
        let (pl, own, between) = (inside.contrast[at], inside.own[at], inside.between[at]);
        let column = |block: usize| first + block * m + at;
        let common = [(k, -1.0), (base, 1.0)];
        let direct = [(n + k, -1.0), (n + base, 1.0)];
        let minus_common = [(column(1), 1.0), common[0], common[1]];
        let values = [
            (PartKind::Overlap, pl, vec![(column(1), 1.0)]),
            (PartKind::Own, own, vec![(column(2), 1.0)]),
            (PartKind::Contamination, pl - own - between, vec![(column(1), 1.0), (column(2), -1.0), (column(3), -1.0)]),
            (PartKind::Between, between, vec![(column(3), 1.0)]),
            (PartKind::MinusCommon, pl - (point.common[k] - point.common[base]), minus_common.to_vec()),
            (
                PartKind::MinusDirect,
                pl - (point.direct[k] - point.direct[base]),
                vec![(column(1), 1.0), direct[0], direct[1]],
            ),
            (
                PartKind::MinusPair,
                everywhere.contrast[at] - point.pairs[at].estimate,
                vec![(column(0), 1.0), (2 * n + at, -1.0)],
            ),
            (PartKind::AllMinusOverlap, everywhere.contrast[at] - pl, vec![(column(0), 1.0), (column(1), -1.0)]),
        ];
        let pl_error = of(&[(column(1), 1.0)], &[(column(1), 1.0)]).sqrt();
        for (kind, value, combination) in values {
            if kind == PartKind::AllMinusOverlap && complete {
                continue;
            }
            let error = of(&combination, &combination).max(0.0).sqrt();
            let is_zero = error < ZERO_SHARE * pl_error && value.abs() < 1e-3 * ZERO_SHARE * (pl_error + pl.abs());
            let (value, error) = if is_zero { (0.0, 0.0) } else { (value, error) };
            let value = estimate(contrast_name(factor, k), value, error, reference, critical);
            parts.push(Part { level: factor.levels[k].clone(), kind, value });
        }
        differences.push(pl - (point.common[k] - point.common[base]));
        scales.push(of(&[(column(1), 1.0)], &[(column(1), 1.0)]) + of(&common, &common));
        combinations.push(minus_common);
    }
    let vcov: Vec<f64> = combinations.iter().flat_map(|a| combinations.iter().map(|b| of(a, b))).collect();
    Ok((parts, wald(&differences, &vcov, &scales, reference.df())))
}

/// Rows and clusters of each level in the cells in use, and their plain means.
struct LevelCounts {
    rows: Vec<usize>,
    clusters: Vec<usize>,
    raw: Vec<f64>,
}

impl LevelCounts {
    fn new(context: &Context, o: usize, outcome: &CellOutcome, mean: &[f64]) -> Self {
        let table = &context.table;
        let n = table.n_levels;
        let (mut rows, mut weight, mut sum) = (vec![0; n], vec![0.0; n], vec![0.0; n]);
        for c in (0..table.n_cells).filter(|&c| table.overlap[c]) {
            for k in 0..n {
                let at = c * n + k;
                rows[k] += table.rows[at] as usize;
                weight[k] += table.weight[at];
                sum[k] += table.weight[at] * mean[at];
            }
        }
        let mut clusters = vec![0; n];
        if !context.sample.clusters.is_empty() {
            let mut last = vec![usize::MAX; n];
            let mut g = 0;
            context.rows.each_cluster(o, outcome.shift, &mut |parts: &[CellPart]| {
                for part in parts.iter().filter(|part| table.overlap[table.of[part.cell as usize] as usize]) {
                    let level = table.level[part.cell as usize] as usize;
                    if last[level] != g {
                        last[level] = g;
                        clusters[level] += 1;
                    }
                }
                g += 1;
            });
        }
        let raw = sum.iter().zip(&weight).map(|(sum, weight)| sum / weight + outcome.shift).collect();
        LevelCounts { rows, clusters, raw }
    }

    fn levels(&self, context: &Context) -> Vec<LevelCells> {
        let Context { table, factor, .. } = context;
        let rows_of = |k: usize| (0..table.n_cells).map(move |c| table.cell_rows(c)[k] as usize);
        (0..table.n_levels)
            .map(|k| LevelCells {
                level: factor.levels[k].clone(),
                label: factor.labels[k].clone(),
                rows: rows_of(k).sum(),
                rows_used: self.rows[k],
                cells: rows_of(k).filter(|&rows| rows > 0).count(),
            })
            .collect()
    }
}

/// Rates of one estimator with intervals and contrasts, as [`crate::estimate`] makes them.
#[allow(clippy::too_many_arguments)]
fn rates_record(
    context: &Context,
    o: usize,
    outcome: &CellOutcome,
    shifted: &[f64],
    vcov: Vec<f64>,
    weights: &CellWeights,
    counts: &LevelCounts,
    reference: Reference,
    critical: f64,
) -> Rates {
    let Context { sample, factor, options, table, .. } = context;
    let n = table.n_levels;
    let is_probability = is_binary(&sample.outcomes[o].values);
    let estimates: Vec<f64> = shifted.iter().map(|rate| rate + outcome.shift).collect();
    let level = |k: usize| {
        let (rate, std_error) = (estimates[k], vcov[k * n + k].max(0.0).sqrt());
        let inside = rate > 0.0 && rate < 1.0;
        let (conf_low, conf_high) = if is_probability && inside {
            logit_interval(rate, std_error, critical)
        } else {
            (rate - critical * std_error, rate + critical * std_error)
        };
        let at_end = is_probability && !inside;
        RateRow {
            level: factor.levels[k].clone(),
            label: factor.labels[k].clone(),
            estimate: rate,
            std_error,
            conf_low,
            conf_high,
            n_obs: counts.rows[k],
            n_clusters: counts.clusters[k],
            raw_rate: counts.raw[k],
            effective_n: weights.effective_rows(table, k),
            note: at_end.then(|| String::from("the rate is 0 or 1 in every cell: interval on the plain scale")),
        }
    };
    Rates {
        factor: factor.name.clone(),
        reference_level: factor.levels[factor.reference].clone(),
        composition: options.composition,
        scale: if is_probability { "logit" } else { "identity" },
        target: None,
        target_rows: counts.rows.iter().sum(),
        levels: (0..n).map(level).collect(),
        contrasts: contrasts::all(&estimates, &vcov, &factor.levels, factor.reference, reference, critical),
        vcov,
    }
}

/// Share of rows in cells with every level below which a warning is given.
const LITTLE_OVERLAP: f64 = 0.5;
/// Share of rows alone at their level of a cell above which a warning is given.
const ROWS_ALONE: f64 = 0.05;

fn warnings(overlap: &CellOverlap, factor: &RatesFactor, pairs: &[Pair]) -> Vec<String> {
    let mut out = Vec::new();
    let share = overlap.rows_used as f64 / overlap.rows.max(1) as f64;
    if share < LITTLE_OVERLAP {
        out.push(format!(
            "only {:.0} % of rows lie in cells that hold every level: common weights and direct standardisation describe these alone",
            100.0 * share
        ));
    }
    let alone = overlap.rows_alone as f64 / overlap.rows_used.max(1) as f64;
    if alone > ROWS_ALONE {
        out.push(format!(
            "{} rows are the only one at their level of their cell: the errors cannot see their variance, the jackknife does",
            overlap.rows_alone
        ));
    }
    for pair in pairs.iter().filter(|pair| pair.cells == 0) {
        out.push(format!("no cell holds `{}` and `{}`", factor.levels[pair.level], factor.levels[pair.base]));
    }
    out
}
