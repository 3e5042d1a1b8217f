//! What a clustered covariance rests on: sizes of clusters, partial leverage, effective clusters, the largest influence.

use super::Options;
use super::assemble::{Counts, Extra, Point, Problem};
use super::doubts::{self, PARAMETERS_PER_ROW};
use super::leveraged::{Design, Local, double_factor, double_of, numbers};
use crate::absorb::Solver;
use crate::aggregate::{Aggregator, ClusterCells, Grouping, ScoreQuery};
use crate::design::singletons::Exact;
use crate::result::{ClusterDiagnostics, NumberDiagnostics, VcovKind};
use crate::vcov::jackknife::Deviations;
use crate::vcov::leverage::Leverage;
use crate::vcov::partial::spreads;

/// A number that is reported, and its standard error.
pub(super) struct Reported {
    pub name: String,
    pub std_error: f64,
    /// Its combination of the functionals.
    pub combination: Vec<f64>,
    /// Degrees of freedom of its own.
    pub df: Option<f64>,
}

/// Diagnostics by each cluster variable.
pub(super) fn diagnose(
    problem: Problem,
    query: &ScoreQuery,
    exact: &[Exact],
    design: Design,
    point: &Point,
    extra: &Extra,
    reported: &[Reported],
) -> Vec<ClusterDiagnostics> {
    let Problem { sample, rows, o, .. } = problem;
    let n_cells = rows.cells().len();
    let local = Local::new(design.layout, point, extra, n_cells);
    let scoring = local.as_ref().map(Local::scoring);
    let combinations: Vec<Vec<f64>> = reported.iter().map(|number| number.combination.clone()).collect();
    let own = double_factor(design, point);
    let leverage = own.as_ref().or(double_of(design.solver)).map(|solver| Leverage::new(solver, n_cells));
    let correlated = doubts::effective(problem, query, exact, design, point, extra, reported.len());
    let of_variable = |v: usize| {
        let table = rows.by_cluster(o, query.shift, Grouping::Clusters(&[v]), false);
        let spreads = spreads(&table, query.records, scoring, |cell| exact[cell] == Exact::No, &combinations);
        let changes = leverage.as_ref().map(|leverage| {
            let numbers = numbers(problem, query, design, scoring);
            largest_changes(&Deviations::new(&table, leverage, &numbers), &combinations)
        });
        let sizes = sizes(&table, exact);
        let row = |(j, number): (usize, &Reported)| {
            let largest_change = changes.as_ref().map_or(f64::NAN, |changes| changes[j]);
            let missing = number.std_error.is_nan() && problem.options.vcov.uses_leverage();
            NumberDiagnostics {
                name: number.name.clone(),
                largest_leverage: spreads[j].largest,
                leverage_variation: spreads[j].variation,
                effective_clusters: spreads[j].effective,
                effective_correlated: correlated[v].numbers[j],
                df: number.df,
                largest_change: if missing { f64::NAN } else { largest_change },
                change_in_errors: largest_change / number.std_error,
            }
        };
        ClusterDiagnostics {
            cluster: sample.clusters[v].name.clone(),
            clusters: sizes.len(),
            smallest: sizes.first().copied().unwrap_or(0),
            median: median(&sizes),
            mean: sizes.iter().sum::<usize>() as f64 / sizes.len() as f64,
            largest: sizes.last().copied().unwrap_or(0),
            numbers: reported.iter().enumerate().map(row).collect(),
        }
    };
    (0..sample.clusters.len()).map(of_variable).collect()
}

/// Estimation rows of each cluster that has any, ascending.
fn sizes(table: &ClusterCells, exact: &[Exact]) -> Vec<usize> {
    let of = |g: usize| -> usize {
        let entries = table.entries(g).filter(|&entry| exact[table.cell[entry] as usize] == Exact::No);
        entries.map(|entry| table.rows[entry] as usize).sum()
    };
    let mut sizes: Vec<usize> = (0..table.len()).map(of).filter(|&size| size > 0).collect();
    sizes.sort_unstable();
    sizes
}

fn median(sorted: &[usize]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2] as f64,
        n => 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]) as f64,
    }
}

/// Largest change of each combination when one cluster goes.
fn largest_changes(deviations: &Deviations, combinations: &[Vec<f64>]) -> Vec<f64> {
    let mut largest = vec![0.0f64; combinations.len()];
    for d in deviations.values.chunks_exact(deviations.len.max(1)) {
        for (largest, combination) in largest.iter_mut().zip(combinations) {
            *largest = largest.max(d.iter().zip(combination).map(|(d, c)| d * c).sum::<f64>().abs());
        }
    }
    largest
}

/// What HC1 leans on too much, and what to use.
pub(super) fn warning(options: &Options, design: Design, counts: &Counts, n_coef: usize) -> Option<String> {
    let per_row = (counts.k_all - n_coef.min(counts.k_all)) as f64 / counts.n as f64;
    let leans = options.vcov == VcovKind::Hc1 && !options.firth && per_row > PARAMETERS_PER_ROW;
    (leans && !matches!(design.solver, Solver::Iterative(_))).then(|| {
        format!(
            "{per_row:.2} absorbed parameters per row: HC1 makes up for them with one factor, `--vcov hc3` row by row"
        )
    })
}
