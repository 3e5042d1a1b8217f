//! How the information on a number is spread over clusters.
//!
//! A number with influence weights h_i (estimate = sum w h y) has the partial leverage L_g = sum_{i in g} w h^2 / sum w h^2
//! in cluster g (MacKinnon, Nielsen and Webb 2023, section 7.2: the share of the residualised regressor's squares). It
//! is also the share of g in the variance under independent errors, so that
//!
//! ```text
//! G* = G / (1 + CV^2 of L) = 1 / sum L_g^2
//! ```
//!
//! is the effective number of clusters of Carter, Schnepel and Steigerwald (2017) with independent errors within
//! clusters. With errors correlated at rho within clusters L_g is the share of g in
//!
//! ```text
//! gamma_g = (1 - rho) sum_{i in g} r_i^2 + rho (sum_{i in g} r_i)^2,     r_i = h_i sqrt(w_i) (sd of a unit of weight)
//! ```
//!
//! (theirs, equation 8, is rho = 1, which is 0/0 where an effect is nested in the clusters). [`effective`] takes rho = 1/2:
//! it sees clusters that are large, and is defined everywhere.

use super::jackknife::Scoring;
use crate::aggregate::{ClusterCells, Records};
use crate::linalg::blocks::sum_blocks_of;
use rayon::prelude::*;

/// Clusters per parallel task.
const BLOCK: usize = 1 << 12;

/// The spread of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Clusters with a row in the estimation.
    pub clusters: usize,
    /// G*.
    pub effective: f64,
    /// Largest L_g.
    pub largest: f64,
    /// Coefficient of variation of L.
    pub variation: f64,
}

/// Correlation within clusters that [`effective`] assumes.
pub const CORRELATION: f64 = 0.5;

/// Clusters, and how many of equal size say as much about one number after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Clusters with a row in the estimation.
    pub clusters: usize,
    /// G* of each number; `NaN` where it rests on no row.
    pub numbers: Vec<f64>,
    /// The same with independent errors.
    pub independent: Vec<f64>,
}

/// Effective clusters of `width` numbers with errors correlated at [`CORRELATION`].
///
/// Cluster g has the rows `bounds[g]..bounds[g + 1]`, positions in `order` if there is one. `add` adds r of a row to the
/// first slice and its square to the second; it says whether the row is in the estimation.
pub fn effective(
    bounds: &[u32],
    order: Option<&[u32]>,
    width: usize,
    add: impl Fn(usize, &mut [f64], &mut [f64]) -> bool + Sync,
) -> Effective {
    let totals = sum_blocks_of(BLOCK, bounds.len() - 1, 4 * width + 1, |clusters| {
        let mut totals = vec![0.0; 4 * width + 1];
        let mut sums = vec![0.0; 2 * width];
        let (sum, square) = sums.split_at_mut(width);
        for g in clusters {
            sum.fill(0.0);
            square.fill(0.0);
            let mut present = false;
            for at in bounds[g] as usize..bounds[g + 1] as usize {
                present |= add(order.map_or(at, |order| order[at] as usize), sum, square);
            }
            for ((total, sum), square) in totals[1..].chunks_exact_mut(4).zip(&*sum).zip(&*square) {
                let own = (1.0 - CORRELATION) * square + CORRELATION * sum * sum;
                total[0] += own;
                total[1] += own * own;
                total[2] += square;
                total[3] += square * square;
            }
            totals[0] += f64::from(u8::from(present));
        }
        totals
    });
    let of = |at: usize| totals[1..].chunks_exact(4).map(|total| total[at] * total[at] / total[at + 1]).collect();
    Effective { clusters: totals[0] as usize, numbers: of(0), independent: of(2) }
}

/// Spreads of linear combinations of the functionals; `estimated` says which cells are in the estimation.
pub fn spreads(
    table: &ClusterCells,
    records: &Records,
    scoring: Option<Scoring>,
    estimated: impl Fn(usize) -> bool + Sync,
    combinations: &[Vec<f64>],
) -> Vec<Spread> {
    let n = combinations.len();
    let sums_of = |block: usize| {
        let mut sums = Sums { clusters: 0, first: vec![0.0; n], second: vec![0.0; n], largest: vec![0.0; n] };
        for g in block * BLOCK..((block + 1) * BLOCK).min(table.len()) {
            let mut own = vec![0.0; n];
            let mut present = false;
            for entry in table.entries(g).filter(|&entry| estimated(table.cell[entry] as usize)) {
                present = true;
                let cell = table.cell[entry] as usize;
                let (information, slope) = Scoring::at(&scoring, cell);
                let weight = table.weight[entry] * slope * slope / information;
                for (own, combination) in own.iter_mut().zip(combinations) {
                    let h: f64 = records.slope(cell).iter().zip(combination).map(|(h, c)| h * c).sum();
                    *own += weight * h * h;
                }
            }
            sums.clusters += usize::from(present);
            for (j, own) in own.into_iter().enumerate() {
                sums.first[j] += own;
                sums.second[j] += own * own;
                sums.largest[j] = sums.largest[j].max(own);
            }
        }
        sums
    };
    let blocks: Vec<Sums> = (0..table.len().div_ceil(BLOCK)).into_par_iter().map(sums_of).collect();
    let clusters: usize = blocks.iter().map(|sums| sums.clusters).sum();
    let spread = |j: usize| {
        let first: f64 = blocks.iter().map(|sums| sums.first[j]).sum();
        let second: f64 = blocks.iter().map(|sums| sums.second[j]).sum();
        let effective = first * first / second;
        let variation = (clusters as f64 / effective - 1.0).max(0.0).sqrt();
        let largest = blocks.iter().map(|sums| sums.largest[j]).fold(0.0, f64::max) / first;
        Spread { clusters, effective, largest, variation }
    };
    (0..n).map(spread).collect()
}

/// Sums over some clusters.
struct Sums {
    clusters: usize,
    first: Vec<f64>,
    second: Vec<f64>,
    largest: Vec<f64>,
}
