//! Delete-one-cluster jackknife of the cell estimators: exact, and as cheap as one pass over the rows.
//!
//! Leaving a cluster out changes the control cells that it has rows in and no other, so every estimate without it is the
//! estimate with these cells exchanged. Cells that lose a level leave the comparison, as they would in a new estimation;
//! the v of common weights is held fixed. V = (G - 1)/G sum_g (theta_(g) - theta)(theta_(g) - theta)' about the estimate
//! itself (CV3; MacKinnon, Nielsen and Webb 2023, equation 16).

use super::table::CellTable;
use super::weights::{CellWeights, Pair, pair_weight, weight_of};
use crate::aggregate::{Aggregator, CellPart, Rows};
use crate::design::cells::CellOutcome;

/// A standardised estimator to be jackknifed.
#[derive(Debug)]
pub struct Standardised<'a> {
    /// v of common weights; `None` for direct standardisation.
    pub v: Option<&'a [f64]>,
    /// Its weights.
    pub weights: &'a CellWeights,
    /// Its rates.
    pub rates: &'a [f64],
}

/// Jackknife covariances.
#[derive(Debug, Clone, PartialEq)]
pub struct Jackknife {
    /// Of the rates of each standardised estimator, K x K.
    pub rates: Vec<Vec<f64>>,
    /// Variances of the contrasts.
    pub pairs: Vec<f64>,
    /// Clusters (or rows) that some cell with every level holds.
    pub groups: usize,
}

/// Numerators and denominators that lose and gain cells.
#[derive(Debug, Clone)]
struct Running {
    total: f64,
    sums: Vec<f64>,
    /// Cells with a weight.
    cells: usize,
}

/// Jackknifes over the clusters of the first variable, or over rows where there is none. An entry is not a number where
/// some estimate does not exist without some cluster.
pub fn jackknife(
    rows: &Rows,
    outcome: (usize, &CellOutcome),
    table: &CellTable,
    mean: &[f64],
    estimators: &[Standardised],
    pairs: &[Pair],
) -> Jackknife {
    let k = table.n_levels;
    let full: Vec<Running> = estimators
        .iter()
        .map(|estimator| {
            let total = estimator.weights.total;
            let cells = estimator.weights.h.iter().filter(|h| **h > 0.0).count();
            Running { total, sums: estimator.rates.iter().map(|rate| rate * total).collect(), cells }
        })
        .collect();
    let mut out =
        Jackknife { rates: vec![vec![0.0; k * k]; estimators.len()], pairs: vec![0.0; pairs.len()], groups: 0 };
    let mut touched: Vec<u32> = Vec::new();
    let mut slot = vec![u32::MAX; table.n_cells];
    let mut lost: Vec<(u32, f64, f64)> = Vec::new(); // rows, weight and sum that leave, per touched cell and level
    rows.each_cluster(outcome.0, outcome.1.shift, &mut |parts: &[CellPart]| {
        for part in parts {
            let c = table.of[part.cell as usize] as usize;
            if slot[c] == u32::MAX {
                slot[c] = touched.len() as u32;
                touched.push(c as u32);
                lost.resize(touched.len() * k, (0, 0.0, 0.0));
            }
            let at = slot[c] as usize * k + table.level[part.cell as usize] as usize;
            let entry = &mut lost[at];
            *entry = (entry.0 + part.rows, entry.1 + part.weight, entry.2 + part.sum);
        }
        out.groups += usize::from(touched.iter().any(|&c| table.overlap[c as usize]));
        let left = |position: usize, c: usize, l: usize| {
            let (rows, weight, sum) = lost[position * k + l];
            let at = c * k + l;
            match rows {
                0 => (table.weight[at], mean[at]),
                rows if rows == table.rows[at] => (0.0, 0.0),
                _ => {
                    let n = table.weight[at] - weight;
                    (n, (table.weight[at] * mean[at] - sum) / n)
                }
            }
        };
        for ((estimator, full), variance) in estimators.iter().zip(&full).zip(&mut out.rates) {
            let mut without = full.clone();
            for (position, &c) in touched.iter().enumerate().filter(|(_, c)| table.overlap[**c as usize]) {
                let c = c as usize;
                let h = estimator.weights.h[c];
                without.total -= h;
                (0..k).for_each(|l| without.sums[l] -= h * mean[c * k + l]);
                let (n, m): (Vec<f64>, Vec<f64>) = (0..k).map(|l| left(position, c, l)).unzip();
                if n.iter().all(|&n| n > 0.0) {
                    let h = weight_of(estimator.v, &n);
                    without.total += h;
                    (0..k).for_each(|l| without.sums[l] += h * m[l]);
                } else {
                    without.cells -= 1;
                }
            }
            let exists = without.cells > 0;
            let change = |l: usize| {
                if exists { without.sums[l] / without.total - estimator.rates[l] } else { f64::NAN }
            };
            let change: Vec<f64> = (0..k).map(change).collect();
            for a in 0..k {
                (0..k).for_each(|b| variance[a * k + b] += change[a] * change[b]);
            }
        }
        for (pair, variance) in pairs.iter().zip(&mut out.pairs) {
            let (mut total, mut sum, mut cells) = (pair.total, pair.total * pair.estimate, pair.cells);
            for (position, &c) in touched.iter().enumerate() {
                let c = c as usize;
                let (at, base) = (c * k + pair.level, c * k + pair.base);
                let before = pair_weight(table.weight[at], table.weight[base]);
                if before > 0.0 {
                    let ((n, m), (n_base, m_base)) = (left(position, c, pair.level), left(position, c, pair.base));
                    let after = pair_weight(n, n_base);
                    total += after - before;
                    sum += after * (m - m_base) - before * (mean[at] - mean[base]);
                    cells -= usize::from(after <= 0.0);
                }
            }
            let change = if cells > 0 { sum / total - pair.estimate } else { f64::NAN };
            *variance += change * change;
        }
        touched.drain(..).for_each(|c| slot[c as usize] = u32::MAX);
        lost.clear();
    });
    let groups = out.groups as f64;
    let scale = (groups - 1.0) / groups;
    out.rates.iter_mut().flatten().chain(&mut out.pairs).for_each(|entry| *entry *= scale);
    out
}
