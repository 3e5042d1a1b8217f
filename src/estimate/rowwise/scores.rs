//! Sums of scores by cluster, and their outer products.
//!
//! The score of row i on the coefficients is e_i x~_i, with x~ the regressors residual of the effects and e the weighted
//! residual (times f / V in a likelihood).

use super::design::Design;
use crate::absorb::kernel::columns::Columns;
use crate::aggregate::Meat;
use crate::design::Cluster;
use crate::design::codes::{combine, sort_by_code};
use crate::linalg::blocks::{BLOCK, sum_blocks, sum_blocks_of};
use crate::vcov::partial::{Effective, effective};
use std::ops::Range;
use std::sync::Arc;

/// Rows per run where no cluster says how long runs are.
const RUN: usize = 64;

/// A pass over the residuals.
#[derive(Debug)]
pub struct Facts {
    /// Sum of [`Scores::square`].
    pub square: f64,
    /// What is left of the regressors' normal equations: the largest sum of scores over their root sum of squares.
    pub residual: f64,
    /// Outer products by the first cluster variable, if rows are in its order.
    pub meat: Option<Meat>,
}

/// What scores are made of.
pub struct Scores<'a, E, S> {
    /// The rows.
    pub design: &'a Design<'a>,
    /// Regressors, and whatever `e` needs.
    pub columns: &'a Columns,
    /// The regressors that are kept.
    pub kept: &'a [usize],
    /// e of a row, from its number and its values of all columns.
    pub e: E,
    /// What a row adds to the sum of squares, from its number and e.
    pub square: S,
}

impl<E: Fn(usize, &[f64]) -> f64 + Sync, S: Fn(usize, f64) -> f64 + Sync> Scores<'_, E, S> {
    /// Adds the scores of rows to `sum`.
    #[inline]
    fn add(&self, rows: Range<usize>, sum: &mut [f64]) {
        self.columns.for_rows(rows, |i, row| {
            let e = (self.e)(i, row);
            sum.iter_mut().zip(self.kept).for_each(|(sum, &j)| *sum += e * row[j]);
        });
    }

    /// Squares and normal equations, and with them the outer products by the first cluster variable, if `clustered` and
    /// rows are in its order.
    pub fn facts(&self, clustered: bool) -> Facts {
        let bounds = self.design.sample.clusters.first().filter(|_| clustered).and_then(|cluster| self.bounds(cluster));
        let p = self.kept.len();
        let total = match &bounds {
            Some(bounds) => self.pass(bounds.len() - 1, |g| bounds[g] as usize..bounds[g + 1] as usize),
            None => self.pass(self.design.n.div_ceil(RUN), |g| g * RUN..((g + 1) * RUN).min(self.design.n)),
        };
        let (square, rest) = (total[0], &total[1..]);
        let size = |j: usize| rest[p + j].sqrt();
        let residual = (0..p).filter(|&j| size(j) > 0.0).map(|j| rest[j].abs() / size(j)).fold(0.0, f64::max);
        let meat = bounds.map(|bounds| Meat { groups: bounds.len() - 1, matrix: mirror(rest[2 * p..].to_vec(), p) });
        Facts { square, residual, meat }
    }

    /// `[square | sums of scores | their squares | outer products by run]`.
    fn pass(&self, n_runs: usize, run: impl Fn(usize) -> Range<usize> + Sync) -> Vec<f64> {
        // common numbers of regressors get loops the compiler can unroll
        match self.kept.len() {
            1 => self.pass_fixed::<1>(n_runs, run),
            2 => self.pass_fixed::<2>(n_runs, run),
            3 => self.pass_fixed::<3>(n_runs, run),
            4 => self.pass_fixed::<4>(n_runs, run),
            _ => self.pass_any(n_runs, run),
        }
    }

    fn pass_fixed<const P: usize>(&self, n_runs: usize, run: impl Fn(usize) -> Range<usize> + Sync) -> Vec<f64> {
        let kept: [usize; P] = std::array::from_fn(|a| self.kept[a]);
        sum_blocks_of(self.block(n_runs), n_runs, 1 + 2 * P + P * P, |runs| {
            let (mut square, mut sums, mut squares, mut outer) = (0.0, [0.0; P], [0.0; P], [0.0; P].map(|_| [0.0; P]));
            for g in runs {
                let mut own = [0.0; P];
                self.columns.for_rows(run(g), |i, row| {
                    let e = (self.e)(i, row);
                    square += (self.square)(i, e);
                    for a in 0..P {
                        let score = e * row[kept[a]];
                        own[a] += score;
                        squares[a] += score * score;
                    }
                });
                for a in 0..P {
                    sums[a] += own[a];
                    (0..P).for_each(|b| outer[a][b] += own[a] * own[b]);
                }
            }
            let parts = std::iter::once(square).chain(sums).chain(squares);
            parts.chain(outer.into_iter().flatten()).collect()
        })
    }

    fn pass_any(&self, n_runs: usize, run: impl Fn(usize) -> Range<usize> + Sync) -> Vec<f64> {
        let p = self.kept.len();
        sum_blocks_of(self.block(n_runs), n_runs, 1 + 2 * p + p * p, |runs| {
            let mut total = vec![0.0; 1 + 2 * p + p * p];
            let mut own = vec![0.0; p];
            for g in runs {
                own.fill(0.0);
                self.columns.for_rows(run(g), |i, row| {
                    let e = (self.e)(i, row);
                    total[0] += (self.square)(i, e);
                    for (a, &j) in self.kept.iter().enumerate() {
                        let score = e * row[j];
                        own[a] += score;
                        total[1 + p + a] += score * score;
                    }
                });
                own.iter().enumerate().for_each(|(a, own)| total[1 + a] += own);
                add_outer(&own, &mut total[1 + 2 * p..]);
            }
            total
        })
    }

    /// Runs per block: about as many rows as a block has elsewhere.
    fn block(&self, n_runs: usize) -> usize {
        (BLOCK * n_runs / self.design.n.max(1)).max(1)
    }

    /// Every row on its own.
    pub fn by_row(&self) -> Vec<f64> {
        let p = self.kept.len();
        mirror(self.pass(self.design.n, |i| i..i + 1)[1 + 2 * p..].to_vec(), p)
    }

    /// By the clusters that share all of some variables.
    pub fn by_clusters(&self, variables: &[usize]) -> Meat {
        let clusters = &self.design.sample.clusters;
        let inputs: Vec<(&[u32], usize)> =
            variables.iter().map(|&v| (clusters[v].codes.as_slice(), clusters[v].n_clusters)).collect();
        let (codes, n_groups) = match inputs.as_slice() {
            [(codes, n)] => (std::borrow::Cow::Borrowed(*codes), *n),
            _ => {
                let (codes, n) = combine(&inputs, self.design.sample.n_rows);
                (std::borrow::Cow::Owned(codes), n)
            }
        };
        let (sums, present) = self.sums(&codes, n_groups);
        let p = self.kept.len();
        let matrix = sum_blocks(n_groups, p * p, |groups| {
            let mut total = vec![0.0; p * p];
            groups.for_each(|g| add_outer(&sums[g * p..(g + 1) * p], &mut total));
            total
        });
        Meat { groups: present, matrix: mirror(matrix, p) }
    }

    /// Summed scores of every cluster, `n_groups x p`, by codes of the sample's rows, and how many have rows.
    pub fn sums(&self, codes: &[u32], n_groups: usize) -> (Vec<f64>, usize) {
        let p = self.kept.len();
        let mut sums = vec![0.0; n_groups * p];
        let mut present = vec![false; n_groups];
        for i in 0..self.design.n {
            let g = codes[self.design.row(i)] as usize;
            present[g] = true;
            self.add(i..i + 1, &mut sums[g * p..(g + 1) * p]);
        }
        (sums, present.into_iter().filter(|&there| there).count())
    }

    /// Effective clusters of one variable for every coefficient; rows weigh sqrt(w) h, in a likelihood too.
    pub fn effective(&self, variable: usize, bread: &[f64]) -> Effective {
        let (design, p) = (self.design, self.kept.len());
        let add = |i: usize, sum: &mut [f64], square: &mut [f64]| {
            let root = design.weight(i).sqrt();
            self.columns.for_rows(i..i + 1, |_, row| {
                for (a, (sum, square)) in sum.iter_mut().zip(square.iter_mut()).enumerate() {
                    let line = &bread[a * p..(a + 1) * p];
                    let r = root * line.iter().zip(self.kept).map(|(b, &j)| b * row[j]).sum::<f64>();
                    *sum += r;
                    *square += r * r;
                }
            });
            true
        };
        let cluster = &design.sample.clusters[variable];
        let codes: Vec<u32> = (0..design.n).map(|i| cluster.codes[design.row(i)]).collect();
        let (order, bounds) = sort_by_code(&codes, cluster.n_clusters);
        effective(&bounds, Some(&order), p, add)
    }

    /// First row of each cluster, if rows are in the order of clusters.
    fn bounds(&self, cluster: &Cluster) -> Option<Vec<u32>> {
        let design = self.design;
        if Arc::ptr_eq(&cluster.codes, &design.sample.effects[design.eliminated].codes) {
            return Some(design.incidence.starts.to_vec());
        }
        let code = |i: usize| cluster.codes[design.row(i)];
        let mut bounds = Vec::new();
        for i in 0..design.n {
            if i == 0 || code(i) != code(i - 1) {
                if i > 0 && code(i) < code(i - 1) {
                    return None;
                }
                bounds.push(i as u32);
            }
        }
        bounds.push(design.n as u32);
        Some(bounds)
    }
}

/// Adds `sum sum'` to the lower triangle.
#[inline]
fn add_outer(sum: &[f64], total: &mut [f64]) {
    let p = sum.len();
    for (a, &x) in sum.iter().enumerate() {
        let line = &mut total[a * p..a * p + a + 1];
        line.iter_mut().zip(sum).for_each(|(entry, y)| *entry += x * y);
    }
}

/// Copies the lower triangle to the upper one.
pub fn mirror(mut matrix: Vec<f64>, p: usize) -> Vec<f64> {
    for a in 0..p {
        for b in 0..a {
            matrix[b * p + a] = matrix[a * p + b];
        }
    }
    matrix
}
