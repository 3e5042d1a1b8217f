//! Sums of scores by cluster, and their outer products.
//!
//! The score of row i on the coefficients is e_i x~_i, with x~ the regressors residual of the effects and e the weighted
//! residual (times f / V in a likelihood).

use super::design::Design;
use crate::absorb::kernel::columns::Columns;
use crate::design::Cluster;
use crate::design::codes::combine;
use crate::linalg::blocks::sum_blocks;
use std::sync::Arc;

/// What scores are made of.
pub struct Scores<'a, E> {
    /// The rows.
    pub design: &'a Design<'a>,
    /// Regressors, and whatever `e` needs.
    pub columns: &'a Columns,
    /// The regressors that are kept.
    pub kept: &'a [usize],
    /// e of a row, from its number and its values of all columns.
    pub e: E,
}

/// Outer products of summed scores.
#[derive(Debug)]
pub struct Meat {
    /// Number of groups.
    pub groups: usize,
    /// `p x p`, row-major.
    pub matrix: Vec<f64>,
}

impl<E: Fn(usize, &[f64]) -> f64 + Sync> Scores<'_, E> {
    /// Adds the scores of rows to `sum`.
    #[inline]
    fn add(&self, rows: std::ops::Range<usize>, sum: &mut [f64]) {
        self.columns.for_rows(rows, |i, row| {
            let e = (self.e)(i, row);
            sum.iter_mut().zip(self.kept).for_each(|(sum, &j)| *sum += e * row[j]);
        });
    }

    /// Every row on its own.
    pub fn by_row(&self) -> Vec<f64> {
        self.runs(self.design.n, |i| i..i + 1)
    }

    /// By the clusters that share all of some variables.
    pub fn by_clusters(&self, variables: &[usize]) -> Meat {
        let clusters = &self.design.sample.clusters;
        if let [v] = variables {
            if let Some(bounds) = self.bounds(&clusters[*v]) {
                let matrix = self.runs(bounds.len() - 1, |g| bounds[g] as usize..bounds[g + 1] as usize);
                return Meat { groups: bounds.len() - 1, matrix };
            }
        }
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

    /// Outer products over runs of rows.
    fn runs(&self, n_runs: usize, run: impl Fn(usize) -> std::ops::Range<usize> + Sync) -> Vec<f64> {
        let p = self.kept.len();
        let total = sum_blocks(n_runs, p * p, |runs| {
            let mut total = vec![0.0; p * p];
            let mut sum = vec![0.0; p];
            for g in runs {
                sum.fill(0.0);
                self.add(run(g), &mut sum);
                add_outer(&sum, &mut total);
            }
            total
        });
        mirror(total, p)
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
