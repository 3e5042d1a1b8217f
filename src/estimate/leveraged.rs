//! Covariances that weigh residuals by their leverage: HC2, HC3, CR2, CR3, CR3J.
//!
//! They need the hat matrix of the whole design, absorbed effects included, so the dense factor of the cells path.

use super::assemble::{Counts, Extra, Point, Problem};
use super::variance::{Unidentified, Variance};
use super::{FitError, Options};
use crate::absorb::exact::ExactSolver;
use crate::absorb::{DENSE_LIMIT, Method, Solver};
use crate::aggregate::{Aggregator, Grouping, Rows, ScoreQuery};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::linalg::blocks::sum_blocks_of;
use crate::rates::counterfactual::Counterfactual;
use crate::result::*;
use crate::vcov::correct::{Corrected, Inputs, LARGEST, TooLarge};
use crate::vcov::jackknife::{Deviations, Numbers, RatesTarget, Scoring, Target};
use crate::vcov::leverage::{CENTRES, Leverage};
use crate::vcov::multiway::Multiway;
use crate::vcov::satterthwaite::Satterthwaite;

/// Refuses a design whose hat matrix cannot be had, before any work is done on it.
///
/// # Errors
/// [`FitError::NoVcov`], [`FitError::NoLeverage`].
pub fn check(sample: &Sample, options: &Options, layout: &Layout) -> Result<(), FitError> {
    let kind = options.vcov;
    if !kind.uses_leverage() {
        return Ok(());
    }
    let refused = match (kind, sample.clusters.len()) {
        _ if options.firth => "has no form for a penalised likelihood: use `cr1` or `hc1`",
        (_, 0) if kind.is_clustered() => "needs a cluster variable",
        (VcovKind::Cr2, _) if options.family != Family::Ols => {
            "is for least squares: use `cr3`, one step of a jackknife"
        }
        (VcovKind::Cr2, 2..) => "has one cluster variable: use `cr3`, or cluster by the one with fewer clusters",
        _ => "",
    };
    if !refused.is_empty() {
        return Err(FitError::NoVcov { kind, reason: refused.to_owned() });
    }
    let columns = layout.n_effect_columns;
    let groups = layout.starts.len().saturating_sub(1);
    let reason = match options.method {
        Method::Auto if columns > DENSE_LIMIT => format!(
            "the effects have {columns} levels beside those of the largest, more than the {DENSE_LIMIT} that are \
             factorised densely"
        ),
        Method::Schur | Method::Cg | Method::Map if columns > 0 => {
            String::from("the method asked for absorbs effects without it")
        }
        _ if groups.saturating_mul(layout.k) > CENTRES => {
            format!("{groups} levels of the largest effect and {} further columns do not fit in memory", layout.k)
        }
        _ => return Ok(()),
    };
    Err(FitError::NoLeverage { kind, reason })
}

/// What these covariances need beyond the influence of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Design<'a> {
    pub layout: &'a Layout,
    pub solver: &'a Solver<'a>,
    pub n_coef: usize,
    /// Functionals of rates, after those of the coefficients.
    pub n_rates: usize,
    /// Reported position of each regressor column.
    pub position: &'a [Option<usize>],
    /// Reported numbers as combinations of the functionals.
    pub combinations: &'a [Vec<f64>],
    /// Counterfactuals of the adjusted rates, and their number of levels, if asked for.
    pub setting: Option<(&'a Counterfactual<'a>, usize)>,
}

/// Local weights of a likelihood on all cells: information per unit of weight, and f.
pub(super) struct Local {
    information: Vec<f64>,
    slope: Vec<f64>,
}

impl Local {
    pub fn new(layout: &Layout, point: &Point, extra: &Extra, n_cells: usize) -> Option<Local> {
        extra.glm?;
        let (mut information, mut slope) = (vec![1.0; n_cells], vec![1.0; n_cells]);
        for (i, &cell) in layout.cell.iter().enumerate() {
            let per_unit = point.information[i] / layout.weight[i];
            information[cell as usize] = per_unit;
            slope[cell as usize] = per_unit / extra.factor(i);
        }
        Some(Local { information, slope })
    }

    pub fn scoring(&self) -> Scoring<'_> {
        Scoring { information: &self.information, slope: &self.slope }
    }
}

/// Covariance of the functionals of `query`.
///
/// # Errors
/// Too few clusters, or a covariance that does not exist for this estimator or design.
pub(super) fn variance(
    problem: Problem,
    query: &ScoreQuery,
    design: Design,
    point: &Point,
    counts: &Counts,
    extra: &Extra,
) -> Result<Variance, FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let own = double_factor(design, point);
    let Some(solver) = own.as_ref().or(double_of(design.solver)) else {
        let reason = String::from("there is no dense factor of the effects and regressors in double precision");
        return Err(FitError::NoLeverage { kind: options.vcov, reason });
    };
    let leverage = Leverage::new(solver, rows.cells().len());
    let local = Local::new(design.layout, point, extra, rows.cells().len());
    let records = query.records;
    let numbers = numbers(problem, query, design, local.as_ref().map(Local::scoring));
    match options.vcov {
        VcovKind::Hc2 => {
            let (corrected, _) = correct(problem, query, &leverage, &numbers, Grouping::Rows)?;
            let matrix = outer(&corrected.values, corrected.len);
            Ok(Variance::defined(options, counts, matrix, Vec::new(), 1.0))
        }
        VcovKind::Cr2 => {
            let (corrected, name) = correct(problem, query, &leverage, &numbers, Grouping::Clusters(&[0]))?;
            let count = corrected.clusters;
            if count < 2 {
                return Err(FitError::TooFewClusters { cluster: name, count });
            }
            let matrix = outer(&corrected.values, corrected.len);
            let satterthwaite = Satterthwaite::new(&corrected.weights, &leverage, corrected.len);
            let df = design.combinations.iter().map(|combination| satterthwaite.df(combination)).collect();
            Ok(Variance { df, ..Variance::defined(options, counts, matrix, vec![ClusterInfo { name, count }], 1.0) })
        }
        VcovKind::Hc3 => {
            let table = rows.by_cluster(o, query.shift, Grouping::Rows, false);
            let deviations = Deviations::new(&table, &leverage, &numbers);
            let unidentified = unidentified(&deviations, "");
            let matrix = deviations.outer(false);
            Ok(Variance { unidentified, ..Variance::defined(options, counts, matrix, Vec::new(), 1.0) })
        }
        kind => {
            let (mut clusters, mut missing) = (Vec::new(), Vec::new());
            let mut matrix = vec![0.0; records.len() * records.len()];
            for (subset, name, sign) in subsets(sample) {
                if options.multiway == Multiway::Sum && subset.len() > 1 {
                    break;
                }
                let table = rows.by_cluster(o, query.shift, Grouping::Clusters(&subset), false);
                let deviations = Deviations::new(&table, &leverage, &numbers);
                let count = deviations.clusters;
                if count < 2 {
                    return Err(FitError::TooFewClusters { cluster: name, count });
                }
                let factor = sign * (count as f64 - 1.0) / count as f64;
                let part = deviations.outer(kind == VcovKind::Cr3j);
                matrix.iter_mut().zip(&part).for_each(|(sum, value)| *sum += factor * value);
                missing.extend(unidentified(&deviations, &name));
                clusters.push(ClusterInfo { name, count });
            }
            let smallest = clusters.iter().map(|cluster| cluster.count).min().unwrap_or(0) as f64;
            let factor = (smallest - 1.0) / smallest;
            Ok(Variance { unidentified: missing, ..Variance::defined(options, counts, matrix, clusters, factor) })
        }
    }
}

/// Every subset of the cluster variables with its name and sign; single variables first.
fn subsets(sample: &Sample) -> Vec<(Vec<usize>, String, f64)> {
    let n = sample.clusters.len();
    let mut subsets: Vec<Vec<usize>> =
        (1u32..1 << n).map(|mask| (0..n).filter(|&v| mask & (1 << v) != 0).collect()).collect();
    subsets.sort_by_key(Vec::len);
    let describe = |subset: Vec<usize>| {
        let name = subset.iter().map(|&v| sample.clusters[v].name.as_str()).collect::<Vec<_>>().join(":");
        let sign = if subset.len() % 2 == 1 { 1.0 } else { -1.0 };
        (subset, name, sign)
    };
    subsets.into_iter().map(describe).collect()
}

/// Influence corrected for leverage, and the name of the clusters.
fn correct(
    problem: Problem,
    query: &ScoreQuery,
    leverage: &Leverage,
    numbers: &Numbers,
    grouping: Grouping,
) -> Result<(Corrected, String), FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let table = rows.by_cluster(o, query.shift, grouping, true);
    let inputs = Inputs { table: &table, leverage, records: query.records, scoring: numbers.scoring };
    let corrected = Corrected::new(inputs).map_err(|TooLarge(size)| FitError::NoVcov {
        kind: options.vcov,
        reason: format!(
            "needs the roots of a matrix of order {size} for one cluster, more than {LARGEST}: use `cr3`, which does not"
        ),
    })?;
    let name = sample.clusters.first().map_or_else(String::new, |cluster| cluster.name.clone());
    Ok((corrected, name))
}

/// Sum of outer products of rows of length `len`.
fn outer(values: &[f64], len: usize) -> Vec<f64> {
    sum_blocks_of(1 << 14, values.len() / len.max(1), len * len, |rows| {
        let mut sums = vec![0.0; len * len];
        for row in values[rows.start * len..rows.end * len].chunks_exact(len) {
            for (a, x) in row.iter().enumerate() {
                sums[a * len..(a + 1) * len].iter_mut().zip(row).for_each(|(sum, y)| *sum += x * y);
            }
        }
        sums
    })
}

/// The dense factor in double precision, if that is what was solved with.
pub(super) fn double_of<'a>(solver: &'a Solver<'a>) -> Option<&'a ExactSolver<'a>> {
    match solver {
        Solver::Exact(solver) => Some(solver),
        Solver::Precise(_) | Solver::Iterative(_) => None,
    }
}

/// The dense factor of what was solved with more digits, if it keeps the same columns.
pub(super) fn double_factor<'a>(design: Design<'a>, point: &Point) -> Option<ExactSolver<'a>> {
    let Solver::Precise(precise) = design.solver else { return None };
    let solver = ExactSolver::new(design.layout, point.information);
    let kept = |dropped: Vec<Option<bool>>| dropped.iter().map(Option::is_none).collect::<Vec<_>>();
    (kept(precise.dropped()) == kept(solver.dropped())).then_some(solver)
}

/// The numbers that are deleted from.
pub(super) fn numbers<'a>(
    problem: Problem,
    query: &'a ScoreQuery,
    design: Design<'a>,
    scoring: Option<Scoring<'a>>,
) -> Numbers<'a> {
    let averages = query.records.len() > design.n_coef;
    let target = averages.then(|| target(problem.options, problem.rows, design));
    Numbers { records: query.records, n_coef: design.n_coef, scoring, target }
}

/// The target of rates and other averages.
fn target<'a>(options: &Options, rows: &Rows, design: Design<'a>) -> Target<'a> {
    let weight = &rows.cells().weight;
    let total: f64 = weight.iter().sum();
    let shares = || weight.iter().map(|weight| weight / total).enumerate();
    Target {
        total,
        sampled: options.composition == Composition::Sampled,
        rates: design.setting.map(|(setting, n_levels)| RatesTarget {
            setting,
            change: (0..n_levels).map(|k| setting.sum_changes(k, shares())).collect(),
            functionals: design.n_rates,
        }),
        position: design.position,
    }
}

/// Numbers that some cluster alone identifies.
fn unidentified(deviations: &Deviations, cluster: &str) -> Vec<Unidentified> {
    let each = deviations.unidentified.iter().enumerate().filter(|(_, count)| **count > 0);
    each.map(|(position, &clusters)| Unidentified { position, clusters, variable: cluster.to_owned() }).collect()
}
