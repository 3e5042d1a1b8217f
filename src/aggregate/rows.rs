//! The in-memory aggregator: rows sorted by the first cluster variable.

use super::by_cluster::{self, ClusterCells, Partition};
use super::{Aggregator, CellPart, Grouping, Meat, ScoreQuery};
use crate::design::cells::{CellOutcome, Cells};
use crate::design::codes::{combine, sort_by_code};
use crate::design::singletons::Exact;
use crate::design::{Cluster, Effect, Outcome, Sample};
use crate::linalg::blocks::sum_blocks;
use crate::vcov::partial::{self, Effective};

/// Rows looked ahead in the row pass: their records (one or two cache lines each) fit the first-level cache.
const WINDOW: usize = 64;

/// Rows in memory.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    pub(super) sample: &'a Sample,
    pub(super) cells: Cells,
    /// First row of each cluster of the first variable, and the end.
    pub(super) bounds: Vec<u32>,
}

impl<'a> Rows<'a> {
    /// Finds the cells of a sample whose rows are sorted by the first cluster variable.
    pub fn new(sample: &'a Sample) -> Self {
        Rows::with_cells(sample, Cells::new(sample))
    }

    /// The same with cells that are known.
    pub fn with_cells(sample: &'a Sample, cells: Cells) -> Self {
        let bounds = match sample.clusters.first() {
            None => Vec::new(),
            Some(cluster) => {
                let codes = &cluster.codes;
                debug_assert!(codes.is_sorted(), "rows are sorted by the first cluster variable");
                let starts = (0..codes.len()).filter(|&i| i == 0 || codes[i] != codes[i - 1]).map(|i| i as u32);
                starts.chain(std::iter::once(codes.len() as u32)).collect()
            }
        };
        Rows { sample, cells, bounds }
    }

    /// The sample.
    pub fn sample(&self) -> &'a Sample {
        self.sample
    }

    /// For each cell the sum over its rows of the squared weight times the rows of the row's cluster of the first variable:
    /// with r_c^4 it bounds the squares of what clusters add (Cauchy-Schwarz).
    pub fn crowding(&self) -> Vec<f64> {
        let mut crowding = vec![0.0; self.cells.len()];
        for run in self.bounds.windows(2) {
            let size = f64::from(run[1] - run[0]);
            for row in run[0] as usize..run[1] as usize {
                let weight = self.sample.weight(row);
                crowding[self.cells.of_row[row] as usize] += size * weight * weight;
            }
        }
        crowding
    }

    fn values(&self, query: &ScoreQuery) -> &[f64] {
        let outcome: &Outcome = &self.sample.outcomes[query.outcome];
        &outcome.values
    }

    /// Adds a row's influence to `sum`.
    #[inline]
    pub(super) fn add_row(&self, query: &ScoreQuery, values: &[f64], row: usize, sum: &mut [f64]) {
        let records = query.records;
        let cell = self.cells.of_row[row] as usize;
        let weight = self.sample.weight(row);
        let residual = weight * (values[row] - query.shift - records.fitted(cell));
        sum.iter_mut().zip(records.slope(cell)).for_each(|(sum, h)| *sum += residual * h);
        let constants = sum[records.first_constant()..].iter_mut().zip(records.constant(cell));
        constants.for_each(|(sum, t)| *sum += weight * t);
    }

    /// Outer products over contiguous runs of rows, `run(g)` for g in `0..n_runs`.
    fn meat_of_runs(
        &self,
        query: &ScoreQuery,
        n_runs: usize,
        run: impl Fn(usize) -> std::ops::Range<usize> + Sync,
        exact: &[Exact],
    ) -> Meat {
        // widths of the common designs get a loop the compiler can unroll
        macro_rules! dispatch {
            ($($width:literal)*) => {
                match query.records.len() {
                    $($width => self.fixed_width::<$width>(query, n_runs, run, exact),)*
                    _ => self.any_width(query, n_runs, run, exact),
                }
            };
        }
        let total = dispatch!(1 2 3 4 5 6 7 8 9 10 11 12);
        finish(total, query.records.len())
    }

    fn any_width(
        &self,
        query: &ScoreQuery,
        n_runs: usize,
        run: impl Fn(usize) -> std::ops::Range<usize> + Sync,
        exact: &[Exact],
    ) -> Vec<f64> {
        let l = query.records.len();
        let values = self.values(query);
        sum_blocks(n_runs, l * l + 1, |runs| {
            let mut total = vec![0.0; l * l + 1];
            let mut sum = vec![0.0; l];
            for g in runs {
                sum.fill(0.0);
                let mut estimation = false;
                for row in run(g) {
                    self.add_row(query, values, row, &mut sum);
                    estimation |= exact[self.cells.of_row[row] as usize] == Exact::No;
                }
                add_outer(&sum, &mut total);
                total[l * l] += f64::from(estimation);
            }
            total
        })
    }

    /// [`Self::any_width`] for a known number of functionals.
    fn fixed_width<const L: usize>(
        &self,
        query: &ScoreQuery,
        n_runs: usize,
        run: impl Fn(usize) -> std::ops::Range<usize> + Sync,
        exact: &[Exact],
    ) -> Vec<f64> {
        let values = self.values(query);
        let records = query.records;
        let first = records.first_constant().min(L);
        sum_blocks(n_runs, L * L + 1, |runs| {
            let mut total = [[0.0; L]; L];
            let mut groups = 0.0;
            let end = if runs.is_empty() { 0 } else { run(runs.end - 1).end };
            // residual and first slope of a window of rows: a tight loop meets the cells' records first, so that their
            // cache misses overlap; the loop below then finds them near
            let mut ahead = [(0.0, 0.0); WINDOW];
            let (mut base, mut filled) = (0, run(runs.start).start);
            // clusters of one row that are the same as the one before are added at once
            let mut last = Same::default();
            let (mut pending, mut repeats) = ([0.0; L], 0.0);
            let mut add = |sum: &[f64; L], times: f64| {
                for (row, x) in total.iter_mut().zip(sum) {
                    (0..L).for_each(|j| row[j] += times * (x * sum[j]));
                }
            };
            for g in runs {
                let rows = run(g);
                let this = Same::of(self, values, &rows);
                if this.is_some() && this == last {
                    repeats += 1.0;
                    groups += f64::from(last.estimation(exact));
                    continue;
                }
                if repeats > 0.0 {
                    add(&pending, repeats);
                }
                let mut sum = [0.0; L];
                let mut estimation = false;
                for row in rows {
                    if row >= filled {
                        base = row;
                        filled = (row + WINDOW).min(end);
                        for (row, slot) in (row..filled).zip(&mut ahead) {
                            let (slope, fitted, _) = records.parts::<L>(self.cells.of_row[row] as usize);
                            *slot = (self.sample.weight(row) * (values[row] - query.shift - fitted), slope[0]);
                        }
                    }
                    let cell = self.cells.of_row[row] as usize;
                    let weight = self.sample.weight(row);
                    let (slope, _, constant) = records.parts::<L>(cell);
                    let (residual, first_slope) = ahead[row - base];
                    sum[0] += residual * first_slope;
                    (1..L).for_each(|j| sum[j] += residual * slope[j]);
                    sum[first..].iter_mut().zip(constant).for_each(|(sum, t)| *sum += weight * t);
                    estimation |= exact[cell] == Exact::No;
                }
                (last, pending, repeats) = (this, sum, 1.0);
                groups += f64::from(estimation);
            }
            add(&pending, repeats);
            total.into_iter().flatten().chain([groups]).collect()
        })
    }

    /// Outer products over groups given by codes in any order.
    fn meat_of_codes(&self, query: &ScoreQuery, codes: &[u32], n_groups: usize, exact: &[Exact]) -> Meat {
        let l = query.records.len();
        let sums = self.sums_by(query, codes, n_groups);
        let mut estimation = vec![false; n_groups];
        for (row, &code) in codes.iter().enumerate() {
            estimation[code as usize] |= exact[self.cells.of_row[row] as usize] == Exact::No;
        }
        let mut total = sum_blocks(n_groups, l * l + 1, |groups| {
            let mut total = vec![0.0; l * l + 1];
            groups.for_each(|g| add_outer(&sums[g * l..(g + 1) * l], &mut total));
            total
        });
        total[l * l] = estimation.iter().filter(|&&present| present).count() as f64;
        finish(total, l)
    }

    fn sums_by(&self, query: &ScoreQuery, codes: &[u32], n_groups: usize) -> Vec<f64> {
        let l = query.records.len();
        let values = self.values(query);
        let mut sums = vec![0.0; n_groups * l];
        for (row, &code) in codes.iter().enumerate() {
            self.add_row(query, values, row, &mut sums[code as usize * l..(code as usize + 1) * l]);
        }
        sums
    }
}

/// What makes two clusters of one row the same: cell, outcome and weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Same(Option<(u32, u64, u64)>);

impl Same {
    #[inline]
    pub fn of(rows: &Rows, values: &[f64], run: &std::ops::Range<usize>) -> Self {
        let single = run.len() == 1;
        let key = |row: usize| (rows.cells.of_row[row], values[row].to_bits(), rows.sample.weight(row).to_bits());
        Same(single.then(|| key(run.start)))
    }

    #[inline]
    pub fn is_some(self) -> bool {
        self.0.is_some()
    }

    fn estimation(self, exact: &[Exact]) -> bool {
        self.0.is_some_and(|(cell, _, _)| exact[cell as usize] == Exact::No)
    }
}

/// Adds `sum sum'` to the lower triangle of the leading `l x l` entries.
#[inline]
fn add_outer(sum: &[f64], total: &mut [f64]) {
    let l = sum.len();
    for (a, &x) in sum.iter().enumerate() {
        let row = &mut total[a * l..a * l + a + 1];
        row.iter_mut().zip(sum).for_each(|(entry, y)| *entry += x * y);
    }
}

/// Mirrors the lower triangle and splits off the count.
fn finish(mut total: Vec<f64>, l: usize) -> Meat {
    let groups = total[l * l] as usize;
    total.truncate(l * l);
    for a in 0..l {
        for b in 0..a {
            total[b * l + a] = total[a * l + b];
        }
    }
    Meat { groups, matrix: total }
}

impl Aggregator for Rows<'_> {
    fn cells(&self) -> &Cells {
        &self.cells
    }

    fn outcome(&self, outcome: usize) -> CellOutcome {
        self.cells.outcome(self.sample, &self.sample.outcomes[outcome])
    }

    fn meat(&self, query: &ScoreQuery, grouping: Grouping, exact: &[Exact]) -> Meat {
        match grouping {
            Grouping::Rows => self.meat_of_runs(query, self.sample.n_rows, |row| row..row + 1, exact),
            Grouping::Clusters([0]) => {
                let bounds = &self.bounds;
                self.meat_of_runs(query, bounds.len() - 1, |g| bounds[g] as usize..bounds[g + 1] as usize, exact)
            }
            Grouping::Clusters(variables) => {
                let inputs: Vec<(&[u32], usize)> = variables
                    .iter()
                    .map(|&v| (self.sample.clusters[v].codes.as_slice(), self.sample.clusters[v].n_clusters))
                    .collect();
                let (codes, n_groups) = combine(&inputs, self.sample.n_rows);
                self.meat_of_codes(query, &codes, n_groups, exact)
            }
        }
    }

    fn nesting(&self, exact: &[Exact]) -> Vec<Option<String>> {
        let is_nested = |effect: &Effect, cluster: &Cluster| {
            let mut owner = vec![u32::MAX; effect.n_levels];
            (0..self.sample.n_rows).filter(|&row| exact[self.cells.of_row[row] as usize] == Exact::No).all(|row| {
                let slot = &mut owner[effect.codes[row] as usize];
                if *slot == u32::MAX {
                    *slot = cluster.codes[row];
                }
                *slot == cluster.codes[row]
            })
        };
        let clusters = &self.sample.clusters;
        let nest =
            |effect| clusters.iter().find(|cluster| is_nested(effect, cluster)).map(|cluster| cluster.name.clone());
        self.sample.effects.iter().map(nest).collect()
    }

    fn level_clusters(&self) -> Vec<usize> {
        let Some(factor) = &self.sample.rates else { return Vec::new() };
        let mut count = vec![0usize; factor.levels.len()];
        let Some(cluster) = self.sample.clusters.first() else { return count };
        // rows are sorted by this variable: a level meets a cluster anew when its last one changes
        let mut last = vec![u32::MAX; factor.levels.len()];
        for (row, (&code, &level)) in cluster.codes.iter().zip(&factor.codes).enumerate() {
            if last[level as usize] != code && self.sample.target_multiplier(row) > 0.0 {
                last[level as usize] = code;
                count[level as usize] += 1;
            }
        }
        count
    }

    fn largest_cluster_share(&self) -> f64 {
        let of_row = |row| self.sample.weight(row) * self.sample.target_multiplier(row);
        let weight = |rows: std::ops::Range<usize>| rows.map(of_row).sum::<f64>();
        let total = weight(0..self.sample.n_rows);
        self.bounds.windows(2).map(|run| weight(run[0] as usize..run[1] as usize) / total).fold(0.0, f64::max)
    }

    fn by_cluster(&self, outcome: usize, shift: f64, grouping: Grouping, split_weights: bool) -> ClusterCells {
        let n = self.sample.n_rows;
        let groups = match grouping {
            Grouping::Rows => Partition::rows(n),
            Grouping::Clusters(variables) => {
                let clusters = variables.iter().map(|&v| &self.sample.clusters[v]);
                let inputs: Vec<(&[u32], usize)> = clusters.map(|c| (c.codes.as_slice(), c.n_clusters)).collect();
                Partition::codes(&inputs, n)
            }
        };
        let split = split_weights && self.sample.weights.is_some();
        by_cluster::count(self, &self.sample.outcomes[outcome].values, shift, &groups, split)
    }

    fn influence(&self, query: &ScoreQuery, cluster: usize) -> Vec<f64> {
        let cluster = &self.sample.clusters[cluster];
        self.sums_by(query, &cluster.codes, cluster.n_clusters)
    }

    fn effective(&self, cluster: usize, r: &[f64], width: usize, exact: &[Exact]) -> Effective {
        let weights = self.sample.weights.as_deref();
        let add = |row: usize, sum: &mut [f64], square: &mut [f64]| {
            let cell = self.cells.of_row[row] as usize;
            let (r, root) = (&r[cell * width..(cell + 1) * width], weights.map_or(1.0, |weights| weights[row].sqrt()));
            for ((sum, square), r) in sum.iter_mut().zip(square).zip(r) {
                let own = root * r;
                *sum += own;
                *square += own * own;
            }
            exact[cell] == Exact::No
        };
        if cluster == 0 {
            return partial::effective(&self.bounds, None, width, add);
        }
        let cluster = &self.sample.clusters[cluster];
        let (order, bounds) = sort_by_code(&cluster.codes, cluster.n_clusters);
        partial::effective(&bounds, Some(&order), width, add)
    }

    fn squared_weights(&self) -> Vec<f64> {
        let mut squares = vec![0.0; self.cells.len()];
        for (row, &cell) in self.cells.of_row.iter().enumerate() {
            squares[cell as usize] += self.sample.weight(row) * self.sample.weight(row);
        }
        squares
    }

    fn each_cluster(&self, outcome: usize, shift: f64, f: &mut dyn FnMut(&[CellPart])) {
        let values = &self.sample.outcomes[outcome].values;
        let part = |row: usize| {
            let weight = self.sample.weight(row);
            CellPart { cell: self.cells.of_row[row], rows: 1, weight, sum: weight * (values[row] - shift) }
        };
        if self.bounds.is_empty() {
            return (0..self.sample.n_rows).for_each(|row| f(&[part(row)]));
        }
        let mut parts = Vec::new();
        for run in self.bounds.windows(2) {
            parts.clear();
            parts.extend((run[0] as usize..run[1] as usize).map(part));
            f(&parts);
        }
    }
}
