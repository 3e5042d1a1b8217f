//! Estimates without one cluster (or row), for every cluster: coefficients and adjusted rates, and their covariance.
//!
//! CR3 is (G - 1)/G sum_g d_g d_g' with d_g = theta(-g) - theta (Bell and McCaffrey 2002; MacKinnon, Nielsen and Webb
//! 2023), CR3J the same about the mean of theta(-g). HC3 drops rows and has no factor (MacKinnon and White 1985, in the
//! form of Davidson and MacKinnon 1993).
//!
//! With e_i = y_i - z_i'b(-g) from [`super::delete`] and influence w_i (y_i - mu_i) h_i + w_i t_i of a number
//! ([`crate::aggregate`]), coefficients change by D = -sum_g w e h. A rate is a mean over the target rows, those of the
//! cluster excepted if the composition is sampled. With W the weight of the target, x(k) - x the change of the regressors
//! and d(k) its mean, the mean over the rows left of prediction, at level k, is
//!
//! ```text
//! R_k(-g) - R_k = d(k)'D + [ -W sum_g w e h - W sum_g w t - sum_g w (u - e) + sum_g w (d(k) - (x(k) - x))'D ] / (W - W_g)
//! ```
//!
//! where sums run over the cluster's rows in the target, and u, e are zero in those that the effects fit exactly. The
//! bracket is the deviation of the rate's own functional; d(k)'D comes from the coefficients, so that differences of rates
//! have exactly the errors of coefficients. With a fixed composition the bracket is -sum_g w e h, over W no more.
//!
//! In a likelihood b(-g) is one step of scoring from b, with weights and residuals of its last least-squares problem
//! (MacKinnon, Nielsen and Webb 2024 for logit), and rates move with the first derivative and with the rows that go,
//! -sum_g w e h - W sum_g w t / (W - W_g): a linearisation in both.

use super::delete::{Deletion, Piece};
use super::leverage::Leverage;
use crate::aggregate::{ClusterCells, Records};
use crate::linalg::blocks::sum_blocks_of;
use crate::rates::counterfactual::Counterfactual;
use rayon::prelude::*;
use std::ops::Range;

/// Share of a coefficient's own length in a direction that the cluster alone identifies, beyond which it is not identified.
const UNIDENTIFIED: f64 = 1e-7;

/// The numbers whose deletion is asked for.
#[derive(Debug)]
pub struct Numbers<'a> {
    /// mu, h and t of every cell: coefficients, then functionals of rates.
    pub records: &'a Records,
    /// Number of coefficients.
    pub n_coef: usize,
    /// Local weights of a likelihood; `None` for least squares.
    pub scoring: Option<Scoring<'a>>,
    /// What averages over rows need beyond; `None` without any.
    pub target: Option<Target<'a>>,
}

/// The last least-squares problem of a likelihood, by cell (anything outside the estimation).
#[derive(Debug, Clone, Copy)]
pub struct Scoring<'a> {
    /// f^2 / V per unit of weight.
    pub information: &'a [f64],
    /// f, the derivative of the mean.
    pub slope: &'a [f64],
}

/// The rows that rates are means over.
#[derive(Debug)]
pub struct Target<'a> {
    /// Their weight.
    pub total: f64,
    /// Whether the composition is sampled.
    pub sampled: bool,
    /// Adjusted rates, if there are any.
    pub rates: Option<RatesTarget<'a>>,
    /// Reported position of each regressor column.
    pub position: &'a [Option<usize>],
}

/// What adjusted rates need.
#[derive(Debug)]
pub struct RatesTarget<'a> {
    /// Changes of the regressors when the factor is set.
    pub setting: &'a Counterfactual<'a>,
    /// d(k), by regressor column, of every level.
    pub change: Vec<Vec<f64>>,
    /// Number of their functionals, which follow the coefficients and stand for the first levels.
    pub functionals: usize,
}

/// theta(-g) - theta of every cluster.
#[derive(Debug, Clone)]
pub struct Deviations {
    /// Clusters x functionals, row-major.
    pub values: Vec<f64>,
    /// Number of functionals.
    pub len: usize,
    /// Clusters with a row in the estimation.
    pub clusters: usize,
    /// Clusters without which each coefficient, then each level's rate, is not identified.
    pub unidentified: Vec<usize>,
}

impl Scoring<'_> {
    /// Information per unit of weight, and f.
    pub(crate) fn at(scoring: &Option<Scoring>, cell: usize) -> (f64, f64) {
        scoring.map_or((1.0, 1.0), |scoring| (scoring.information[cell], scoring.slope[cell]))
    }
}

impl Deviations {
    /// Deletes every cluster of `table` in turn.
    pub fn new(table: &ClusterCells, leverage: &Leverage, numbers: &Numbers) -> Self {
        let len = numbers.records.len();
        let limits = numbers.limits(table, leverage);
        let mut values = vec![0.0; table.len() * len];
        let block = block_size(table);
        let counts: Vec<(usize, Vec<usize>)> = values
            .par_chunks_mut((block * len).max(1))
            .enumerate()
            .map(|(b, values)| {
                let mut worker = Worker::new(table, leverage, numbers, &limits);
                let clusters = b * block..((b + 1) * block).min(table.len());
                clusters.zip(values.chunks_exact_mut(len.max(1))).for_each(|(g, out)| worker.delete(g, out));
                (worker.clusters, worker.unidentified)
            })
            .collect();
        let mut all = Deviations { values, len, clusters: 0, unidentified: vec![0; numbers.n_checked()] };
        for (clusters, unidentified) in counts {
            all.clusters += clusters;
            all.unidentified.iter_mut().zip(unidentified).for_each(|(sum, count)| *sum += count);
        }
        all
    }

    /// sum_g d_g d_g', about the mean over estimated clusters if `centred`; `len x len`, row-major. Numbers that are not
    /// identified without some cluster take part with the solution of [`super::delete`].
    pub fn outer(&self, centred: bool) -> Vec<f64> {
        let l = self.len;
        let sums = sum_blocks_of(1 << 14, self.values.len() / l.max(1), l * l + l, |clusters| {
            let mut sums = vec![0.0; l * l + l];
            let (square, line) = sums.split_at_mut(l * l);
            for d in self.values[clusters.start * l..clusters.end * l].chunks_exact(l) {
                for (a, x) in d.iter().enumerate() {
                    line[a] += x;
                    square[a * l..(a + 1) * l].iter_mut().zip(d).for_each(|(sum, y)| *sum += x * y);
                }
            }
            sums
        });
        let (square, line) = sums.split_at(l * l);
        let centre = |at: usize| if centred { line[at / l] * line[at % l] / self.clusters as f64 } else { 0.0 };
        (0..l * l).map(|at| square[at] - centre(at)).collect()
    }
}

/// Clusters per parallel task: about as many as hold 16,384 entries.
fn block_size(table: &ClusterCells) -> usize {
    let per_cluster = table.cell.len().div_ceil(table.len().max(1)).max(1);
    ((1 << 14) / per_cluster).max(1)
}

impl Numbers<'_> {
    /// Coefficients and levels.
    fn n_checked(&self) -> usize {
        let rates = self.target.as_ref().and_then(|target| target.rates.as_ref());
        self.n_coef + rates.map_or(0, |rates| rates.change.len())
    }

    /// Lengths of the coefficients' influence rows beyond which a share in a null direction says "not identified".
    fn limits(&self, table: &ClusterCells, leverage: &Leverage) -> Vec<f64> {
        let entries = 0..table.cell.len();
        let n = self.n_coef;
        let sums = sum_blocks_of(1 << 16, entries.len(), n, |entries| {
            let mut sums = vec![0.0; n];
            for a in entries {
                let cell = table.cell[a] as usize;
                if leverage.is_estimated(cell) {
                    let (information, slope) = Scoring::at(&self.scoring, cell);
                    let weight = table.weight[a] * slope * slope / information;
                    let h = &self.records.slope(cell)[..n];
                    sums.iter_mut().zip(h).for_each(|(sum, h)| *sum += weight * h * h);
                }
            }
            sums
        });
        sums.iter().map(|sum| UNIDENTIFIED * sum.sqrt()).collect()
    }
}

/// Deletes clusters one after the other.
struct Worker<'a> {
    table: &'a ClusterCells,
    leverage: &'a Leverage<'a>,
    numbers: &'a Numbers<'a>,
    limits: &'a [f64],
    piece: Piece,
    deletion: Deletion,
    /// Entries of the table that the piece holds.
    entries: Vec<usize>,
    clusters: usize,
    unidentified: Vec<usize>,
}

impl<'a> Worker<'a> {
    fn new(table: &'a ClusterCells, leverage: &'a Leverage<'a>, numbers: &'a Numbers<'a>, limits: &'a [f64]) -> Self {
        Worker {
            table,
            leverage,
            numbers,
            limits,
            piece: Piece::default(),
            deletion: Deletion::default(),
            entries: Vec::new(),
            clusters: 0,
            unidentified: vec![0; numbers.n_checked()],
        }
    }

    /// Fills theta(-g) - theta.
    fn delete(&mut self, g: usize, out: &mut [f64]) {
        let range = self.table.entries(g);
        let records = self.numbers.records;
        self.gather(range.clone());
        if !self.entries.is_empty() {
            self.clusters += 1;
            self.deletion.delete(self.leverage, &self.piece);
            if !self.deletion.null.is_empty() {
                self.count_unidentified(range.clone());
            }
        }
        for (at, &entry) in self.entries.iter().enumerate() {
            let cell = self.table.cell[entry] as usize;
            let (_, slope) = Scoring::at(&self.numbers.scoring, cell);
            let weighted = self.table.weight[entry] * slope * self.deletion.residual[at];
            out.iter_mut().zip(records.slope(cell)).for_each(|(d, h)| *d -= weighted * h);
        }
        if let Some(target) = self.numbers.target.as_ref().filter(|target| target.sampled) {
            self.recompose(target, range, out);
        }
    }

    /// Collects the entries that are in the estimation.
    fn gather(&mut self, range: Range<usize>) {
        let piece = &mut self.piece;
        piece.cell.clear();
        piece.weight.clear();
        piece.residual.clear();
        self.entries.clear();
        for entry in range {
            let cell = self.table.cell[entry] as usize;
            if self.leverage.is_estimated(cell) {
                let (information, slope) = Scoring::at(&self.numbers.scoring, cell);
                piece.cell.push(cell as u32);
                piece.weight.push(self.table.weight[entry] * information);
                piece.residual.push((self.table.mean[entry] - self.numbers.records.fitted(cell)) / slope);
                self.entries.push(entry);
            }
        }
    }

    /// Counts what moves in a direction n of the design that only this cluster identifies: coefficients with n_j != 0, and
    /// rates with sum (x(k) - x)'n != 0 over the rows left.
    fn count_unidentified(&mut self, range: Range<usize>) {
        let n_coef = self.numbers.n_coef;
        let mut found = vec![false; self.unidentified.len()];
        for vector in &self.deletion.null {
            let mut direction = vec![0.0; n_coef];
            for ((&entry, x), root) in self.entries.iter().zip(vector).zip(&self.deletion.root) {
                let cell = self.table.cell[entry] as usize;
                let (information, slope) = Scoring::at(&self.numbers.scoring, cell);
                let scaled = root * x * slope / information;
                direction.iter_mut().zip(self.numbers.records.slope(cell)).for_each(|(sum, h)| *sum += scaled * h);
            }
            for (j, n) in direction.iter_mut().enumerate() {
                let moves = n.abs() > self.limits[j];
                found[j] |= moves;
                *n = if moves { *n } else { 0.0 };
            }
            let Some(target) = &self.numbers.target else { continue };
            let Some(rates) = &target.rates else { continue };
            if direction.iter().all(|n| *n == 0.0) {
                continue;
            }
            for (k, found) in found[n_coef..].iter_mut().enumerate() {
                let along = |column: usize| target.position[column].map_or(0.0, |position| direction[position]);
                let (mut sum, mut size) = (0.0, 0.0);
                let mut add = |change: f64| (sum, size) = (sum + change, size + change.abs());
                rates.change[k].iter().enumerate().for_each(|(column, d)| add(target.total * d * along(column)));
                for entry in if target.sampled { range.clone() } else { 0..0 } {
                    let (cell, w) = (self.table.cell[entry] as usize, self.table.weight[entry]);
                    rates.setting.changes(cell, k, |column, change| add(-w * change * along(column)));
                }
                *found |= sum.abs() > UNIDENTIFIED * size;
            }
        }
        self.unidentified.iter_mut().zip(found).for_each(|(count, found)| *count += usize::from(found));
    }

    /// Takes the cluster's rows out of the target of the rates.
    fn recompose(&self, target: &Target, range: Range<usize>, out: &mut [f64]) {
        let Numbers { records, n_coef, .. } = *self.numbers;
        let (coef, averages) = out.split_at_mut(n_coef);
        let is_linear = self.numbers.scoring.is_none();
        // rates of a linear model are exact, other averages move with their influence
        let exact = target.rates.as_ref().filter(|_| is_linear);
        let weight: f64 = self.table.weight[range.clone()].iter().sum();
        let mut moved = 0.0; // sum w (u - e)
        if exact.is_some() {
            for (at, &entry) in self.entries.iter().enumerate() {
                moved += self.table.weight[entry] * (self.piece.residual[at] - self.deletion.residual[at]);
            }
        }
        for (x, rate) in averages.iter_mut().enumerate() {
            let exact = exact.filter(|rates| x < rates.functionals);
            let mut sum = if exact.is_some() { target.total * *rate - moved } else { (target.total - weight) * *rate };
            for entry in range.clone() {
                let (cell, w) = (self.table.cell[entry] as usize, self.table.weight[entry]);
                sum -= target.total * w * records.constant(cell)[n_coef + x - records.first_constant()];
                if let Some(rates) = exact {
                    let through = |column: usize, change: f64| {
                        if let Some(position) = target.position[column] {
                            sum -= w * change * coef[position];
                        }
                    };
                    rates.setting.changes(cell, x, through);
                } else if !self.leverage.is_estimated(cell) {
                    // the whole outcome of a row that the effects fit exactly is composition
                    let u = self.table.mean[entry] - records.fitted(cell);
                    sum -= target.total * w * u * records.slope(cell)[n_coef + x];
                }
            }
            if let Some(rates) = exact {
                let through = |(column, change): (usize, &f64)| target.position[column].map(|at| change * coef[at]);
                sum += weight * rates.change[x].iter().enumerate().filter_map(through).sum::<f64>();
            }
            *rate = sum / (target.total - weight);
        }
    }
}
