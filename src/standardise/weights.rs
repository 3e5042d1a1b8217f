//! Weights of the control cells, and what estimators make of them: values and influence.
//!
//! With n_ck the weight of control cell c at level k and m_ck the mean outcome there, a rate is
//! R_k = sum_c h_c m_ck / sum_c h_c with one weight per cell for all levels, zero where a level is missing:
//!
//! * direct standardisation: h_c = n_c, the weight of the cell;
//! * common weights: h_c = 1 / sum_k (v_k / n_ck), which minimise the variance of a weighted average of the contrasts of a
//!   random pair of levels under equal error variance, v_k = pi_k (1 - pi_k) with pi the shares of the levels
//!   (Goldsmith-Pinkham, Hull and Kolesar 2024, section 4), or v_k = 1.
//!
//! One at a time, level k is compared with the reference in the cells that hold both, each with weight
//! n_ck n_c0 / (n_ck + n_c0): least squares on these two levels with a dummy per cell.
//!
//! Influence of row i in cell c at level l on R_k, with H = sum h:
//! phi_i = 1{l = k} (h_c/H) w_i (y_i - m_ck) a_ck / n_ck  +  (w_i/H) (m_ck - R_k) dh_c/dn_cl,
//! the second part where the composition is sampled; v is held fixed.

use super::table::CellTable;

/// Weights of the control cells and their derivatives.
#[derive(Debug, Clone)]
pub struct CellWeights {
    /// h_c.
    pub h: Vec<f64>,
    /// H, their sum.
    pub total: f64,
    /// dh_c / dn_cl, `n_cells x n_levels`.
    pub slope: Vec<f64>,
}

/// h_c of one cell that holds every level; `v` is `None` for direct standardisation.
#[inline]
pub fn weight_of(v: Option<&[f64]>, n: &[f64]) -> f64 {
    match v {
        None => n.iter().sum(),
        Some(v) => 1.0 / v.iter().zip(n).map(|(v, n)| v / n).sum::<f64>(),
    }
}

impl CellWeights {
    /// Weights of direct standardisation (`v` is `None`) or common weights.
    pub fn new(table: &CellTable, v: Option<&[f64]>) -> Self {
        let mut weights =
            CellWeights { h: vec![0.0; table.n_cells], total: 0.0, slope: vec![0.0; table.n_cells * table.n_levels] };
        for c in (0..table.n_cells).filter(|&c| table.overlap[c]) {
            let n = table.cell(c);
            let h = weight_of(v, n);
            weights.h[c] = h;
            for (l, slope) in weights.slope[c * table.n_levels..(c + 1) * table.n_levels].iter_mut().enumerate() {
                *slope = v.map_or(1.0, |v| h * h * v[l] / (n[l] * n[l]));
            }
        }
        weights.total = weights.h.iter().sum();
        weights
    }

    /// R_k for each level.
    pub fn rates(&self, table: &CellTable, mean: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; table.n_levels];
        for (c, h) in self.h.iter().enumerate().filter(|(_, h)| **h > 0.0) {
            sums.iter_mut().zip(&mean[c * table.n_levels..]).for_each(|(sum, m)| *sum += h * m);
        }
        sums.iter().map(|sum| sum / self.total).collect()
    }

    /// Equally weighted rows with the same variance behind the rate of level `k`: 1 / sum_i omega_i^2.
    pub fn effective_rows(&self, table: &CellTable, k: usize) -> f64 {
        let squares: f64 = (0..table.n_cells)
            .filter(|&c| self.h[c] > 0.0)
            .map(|c| {
                let at = c * table.n_levels + k;
                let per_weight = self.h[c] / (self.total * table.weight[at]);
                per_weight * per_weight * table.squares[at]
            })
            .sum();
        1.0 / squares
    }
}

/// A contrast of two levels, one cell at a time.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Level.
    pub level: usize,
    /// Reference level.
    pub base: usize,
    /// Weighted mean of the cells' differences; not a number where no cell holds both levels.
    pub estimate: f64,
    /// Sum of the cells' weights.
    pub total: f64,
    /// Cells that hold both levels.
    pub cells: usize,
    /// Rows at the two levels in these cells.
    pub rows: usize,
}

/// n_k n_0 / (n_k + n_0), zero if one is missing.
#[inline]
pub fn pair_weight(n: f64, n_base: f64) -> f64 {
    if n > 0.0 && n_base > 0.0 { n * n_base / (n + n_base) } else { 0.0 }
}

impl Pair {
    /// The contrast of `level` with `base`.
    pub fn new(table: &CellTable, mean: &[f64], level: usize, base: usize) -> Self {
        let mut pair = Pair { level, base, estimate: f64::NAN, total: 0.0, cells: 0, rows: 0 };
        let mut sum = 0.0;
        for c in 0..table.n_cells {
            let (at, at_base) = (c * table.n_levels + level, c * table.n_levels + base);
            let weight = pair_weight(table.weight[at], table.weight[at_base]);
            if weight > 0.0 {
                sum += weight * (mean[at] - mean[at_base]);
                pair.total += weight;
                pair.cells += 1;
                pair.rows += (table.rows[at] + table.rows[at_base]) as usize;
            }
        }
        pair.estimate = sum / pair.total;
        pair
    }

    /// Slope and constant of the influence of a row of cell `c` at level `l`.
    pub fn influence(&self, table: &CellTable, mean: &[f64], factor: &[f64], c: usize, l: usize) -> (f64, f64) {
        if l != self.level && l != self.base {
            return (0.0, 0.0);
        }
        let (at, at_base) = (c * table.n_levels + self.level, c * table.n_levels + self.base);
        let weight = pair_weight(table.weight[at], table.weight[at_base]);
        if weight <= 0.0 {
            return (0.0, 0.0);
        }
        let own = c * table.n_levels + l;
        let sign = if l == self.level { 1.0 } else { -1.0 };
        let other = weight / table.weight[own]; // share of the other level in the two
        let deviation = mean[at] - mean[at_base] - self.estimate;
        (sign * weight * factor[own] / (table.weight[own] * self.total), other * other * deviation / self.total)
    }
}
