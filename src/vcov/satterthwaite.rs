//! Degrees of freedom of a CR2 variance by matching two moments (Satterthwaite 1946; Bell and McCaffrey 2002).
//!
//! The variance of a number is sum_g (a_g'u_g)^2, a quadratic form of the outcome with eigenvalues of the clusters x
//! clusters matrix P, P_gh = a_g' [Phi (g = h) - K_gh] a_h in the notation of [`super::correct`]; df = (tr P)^2 / tr P^2
//! (Pustejovsky and Tipton 2018, section 2.3). P is the diagonal as_g = a_g'Phi_g a_g less B B', with rows
//! B_g = sum_i a_i (v_i, 1/sqrt(w_e)), so that with |B'B| the Frobenius norm
//!
//! ```text
//! tr P = sum as - sum |B_g|^2,     tr P^2 = sum as^2 - 2 sum as_g |B_g|^2 + |B'B|^2
//! ```
//!
//! and nothing of clusters x clusters is made. The part of B for the eliminated effect is sparse.

use super::correct::Weights;
use super::leverage::Leverage;
use crate::design::codes::sort_by_code;
use crate::linalg::blocks::sum_blocks_of;
use rayon::prelude::*;
use std::ops::Range;

/// Clusters per parallel task.
const BLOCK: usize = 1 << 10;

/// Levels of the eliminated effect that each cluster meets.
#[derive(Debug)]
pub struct Satterthwaite<'a> {
    weights: &'a Weights,
    leverage: &'a Leverage<'a>,
    len: usize,
    /// First meeting of each cluster, and the end.
    met_bounds: Vec<u32>,
    /// Level of each meeting.
    level: Vec<u32>,
    /// Cluster of each meeting.
    cluster: Vec<u32>,
    /// Meetings by level, and where each level starts.
    by_level: (Vec<u32>, Vec<u32>),
}

impl<'a> Satterthwaite<'a> {
    /// Prepares for combinations of `len` functionals.
    pub fn new(weights: &'a Weights, leverage: &'a Leverage<'a>, len: usize) -> Self {
        let (mut met_bounds, mut level, mut cluster) = (vec![0], Vec::new(), Vec::new());
        for (g, bounds) in weights.bounds.windows(2).enumerate() {
            let mut last = None;
            for &cell in &weights.cell[bounds[0]..bounds[1]] {
                let group = leverage.group(cell as usize);
                if leverage.n_groups() > 0 && last != Some(group) {
                    level.push(group);
                    cluster.push(g as u32);
                    last = Some(group);
                }
            }
            met_bounds.push(level.len() as u32);
        }
        let by_level = sort_by_code(&level, leverage.n_groups());
        Satterthwaite { weights, leverage, len, met_bounds, level, cluster, by_level }
    }

    /// Degrees of freedom of the variance of a linear combination of functionals.
    pub fn df(&self, combination: &[f64]) -> f64 {
        let n_clusters = self.weights.bounds.len() - 1;
        let rank = self.leverage.rank();
        let parts: Vec<Part> = (0..n_clusters.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| self.part(block * BLOCK..((block + 1) * BLOCK).min(n_clusters), combination))
            .collect();
        let (mut dense, mut sparse, mut traces) = (Vec::new(), Vec::new(), [0.0; 2]);
        for part in parts {
            dense.extend(part.dense);
            sparse.extend(part.sparse);
            traces.iter_mut().zip(part.traces).for_each(|(sum, value)| *sum += value);
        }
        let mut square = traces[1] + gram_square(&dense, n_clusters, rank);
        if !sparse.is_empty() {
            square += 2.0 * self.mixed_square(&dense, &sparse) + self.sparse_square(&sparse);
        }
        traces[0] * traces[0] / square
    }

    /// as and B of some clusters.
    fn part(&self, clusters: Range<usize>, combination: &[f64]) -> Part {
        let rank = self.leverage.rank();
        let mut part = Part::default();
        let mut v = vec![0.0; rank];
        for g in clusters {
            let mut dense = vec![0.0; rank];
            let first = part.sparse.len();
            let (mut own, mut last) = (0.0, None);
            for entry in self.weights.bounds[g]..self.weights.bounds[g + 1] {
                let values = &self.weights.values[entry * self.len..(entry + 1) * self.len];
                let a: f64 = values.iter().zip(combination).map(|(x, c)| x * c).sum();
                own += a * a / self.weights.weight[entry];
                let scaled = a * self.weights.rows[entry].sqrt();
                let cell = self.weights.cell[entry] as usize;
                self.leverage.write(cell, &mut v);
                dense.iter_mut().zip(&v).for_each(|(sum, v)| *sum += scaled * v);
                let group = self.leverage.group(cell);
                if self.leverage.n_groups() > 0 {
                    if last != Some(group) {
                        part.sparse.push(0.0);
                        last = Some(group);
                    }
                    if let Some(sum) = part.sparse.last_mut() {
                        *sum += scaled * self.leverage.group_inverse(group).sqrt();
                    }
                }
            }
            let length: f64 = dense.iter().chain(&part.sparse[first..]).map(|x| x * x).sum();
            part.traces[0] += own - length;
            part.traces[1] += own * own - 2.0 * own * length;
            part.dense.extend(dense);
        }
        part
    }

    /// Square of the norm of B_v'B_e, one row of it for each level.
    fn mixed_square(&self, dense: &[f64], sparse: &[f64]) -> f64 {
        let rank = self.leverage.rank();
        let (order, starts) = &self.by_level;
        let sums = sum_blocks_of(BLOCK, self.leverage.n_groups(), 1, |levels| {
            let mut total = 0.0;
            for level in levels {
                let mut row = vec![0.0; rank];
                for &meeting in &order[starts[level] as usize..starts[level + 1] as usize] {
                    let g = self.cluster[meeting as usize] as usize;
                    let of_cluster = &dense[g * rank..(g + 1) * rank];
                    row.iter_mut().zip(of_cluster).for_each(|(sum, v)| *sum += sparse[meeting as usize] * v);
                }
                total += row.iter().map(|x| x * x).sum::<f64>();
            }
            vec![total]
        });
        sums[0]
    }

    /// Square of the norm of B_e'B_e, or of B_e B_e', which is the same: whichever takes fewer products.
    fn sparse_square(&self, sparse: &[f64]) -> f64 {
        let (order, starts) = &self.by_level;
        let n_clusters = self.met_bounds.len() - 1;
        let of_level =
            |level: usize| order[starts[level] as usize..starts[level + 1] as usize].iter().map(|&m| m as usize);
        let of_cluster = |g: usize| self.met_bounds[g] as usize..self.met_bounds[g + 1] as usize;
        let squares = |lengths: &mut dyn Iterator<Item = usize>| lengths.map(|n| (n as f64).powi(2)).sum::<f64>();
        let by_clusters = squares(&mut (0..n_clusters).map(|g| of_cluster(g).len()));
        let by_levels = squares(&mut (0..self.leverage.n_groups()).map(|e| of_level(e).len()));
        if by_clusters <= by_levels {
            product_square(self.leverage.n_groups(), self.leverage.n_groups(), |level, add| {
                for m in of_level(level) {
                    for other in of_cluster(self.cluster[m] as usize) {
                        add(self.level[other] as usize, sparse[m] * sparse[other]);
                    }
                }
            })
        } else {
            product_square(n_clusters, n_clusters, |g, add| {
                for m in of_cluster(g) {
                    for other in of_level(self.level[m] as usize) {
                        add(self.cluster[other] as usize, sparse[m] * sparse[other]);
                    }
                }
            })
        }
    }
}

#[derive(Default)]
struct Part {
    /// B_g over the whitened columns.
    dense: Vec<f64>,
    /// B_g over the levels that the cluster meets.
    sparse: Vec<f64>,
    /// sum as - sum |B|^2, and sum as^2 - 2 sum as |B|^2.
    traces: [f64; 2],
}

/// Sum of squares of a sparse matrix whose rows are sums of contributions `(column, value)`.
fn product_square(n_rows: usize, n_columns: usize, row: impl Fn(usize, &mut dyn FnMut(usize, f64)) + Sync) -> f64 {
    let sums = sum_blocks_of(BLOCK, n_rows, 1, |rows| {
        let mut sums = vec![0.0; n_columns];
        let mut touched: Vec<usize> = Vec::new();
        let mut total = 0.0;
        for r in rows {
            row(r, &mut |column, value| {
                touched.push(column);
                sums[column] += value;
            });
            for column in touched.drain(..) {
                // a column met twice is zero the second time
                total += sums[column] * sums[column];
                sums[column] = 0.0;
            }
        }
        vec![total]
    });
    sums[0]
}

/// Square of the norm of B'B (or B B', the same) of a dense `n x rank` matrix.
fn gram_square(b: &[f64], n: usize, rank: usize) -> f64 {
    if rank == 0 {
        return 0.0;
    }
    if n < rank {
        let row = |g: usize| &b[g * rank..(g + 1) * rank];
        let product = |g: usize, h: usize| row(g).iter().zip(row(h)).map(|(x, y)| x * y).sum::<f64>();
        return (0..n).flat_map(|g| (0..n).map(move |h| (g, h))).map(|(g, h)| product(g, h).powi(2)).sum();
    }
    let square = sum_blocks_of(BLOCK, n, rank * rank, |clusters| {
        let mut square = vec![0.0; rank * rank];
        for row in b[clusters.start * rank..clusters.end * rank].chunks_exact(rank) {
            for (j, x) in row.iter().enumerate() {
                square[j * rank..j * rank + j + 1].iter_mut().zip(row).for_each(|(sum, y)| *sum += x * y);
            }
        }
        square
    });
    let twice = |at: usize| if at / rank == at % rank { 1.0 } else { 2.0 };
    square.iter().enumerate().map(|(at, x)| twice(at) * x * x).sum()
}
