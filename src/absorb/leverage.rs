//! Leverages and determinants of a factorised problem.

use super::Solver;
use super::exact::ExactSolver;
use rayon::prelude::*;

/// Cells that one task works on; results do not depend on it.
const BLOCK: usize = 1 << 10;

impl Solver<'_> {
    /// Weight of each cell times the quadratic form of its design row in the inverse of the whole information matrix,
    /// effects included: the cell's leverage, summed over its rows. `None` of other solvers than the exact one.
    pub fn leverages(&self) -> Option<Vec<f64>> {
        match self {
            Solver::Exact(solver) => Some(solver.leverages()),
            Solver::Precise(_) | Solver::Iterative(_) => None,
        }
    }

    /// Log determinant of the information of all parameters, effects included, on the scale of the data. `None` if effects
    /// are not absorbed by the exact solver.
    pub fn log_determinant(&self) -> Option<f64> {
        match self {
            Solver::Exact(solver) => Some(solver.log_determinant()),
            Solver::Precise(_) | Solver::Iterative(_) => None,
        }
    }
}

impl ExactSolver<'_> {
    /// h_c = w_c (|L^-1 (z_c - t_e/w_e)|^2 + 1/w_e): the inverse of the partitioned information, with e the group of c.
    fn leverages(&self) -> Vec<f64> {
        let layout = self.layout;
        let (n, k) = (layout.n(), layout.k);
        let mut group_of = vec![usize::MAX; n];
        let mut means = vec![0.0; self.group_inverse.len() * (k + 1)];
        layout.for_groups(|group, cells| {
            let mean = &mut means[group * (k + 1)..(group + 1) * (k + 1)];
            for i in cells {
                group_of[i] = group;
                let share = self.weight[i] * self.group_inverse[group];
                layout.slots(i).for_each(|(column, value)| mean[column] += share * value);
            }
        });
        let mut out = vec![0.0; n];
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            let mut v = vec![0.0; k + 1];
            for (at, h) in out.iter_mut().enumerate() {
                let i = block * BLOCK + at;
                v.fill(0.0);
                layout.slots(i).for_each(|(column, value)| v[column] += value);
                let mut own = 0.0;
                if group_of[i] != usize::MAX {
                    let mean = &means[group_of[i] * (k + 1)..(group_of[i] + 1) * (k + 1)];
                    v.iter_mut().zip(mean).for_each(|(v, mean)| *v -= mean);
                    own = self.group_inverse[group_of[i]];
                }
                self.factor.forward(&mut v[..k]);
                *h = self.weight[i] * (v[..k].iter().map(|v| v * v).sum::<f64>() + own);
            }
        });
        out
    }

    /// Determinant of a partitioned matrix: groups times their Schur complement. Standardised columns count in their own
    /// units; a centre changes nothing.
    fn log_determinant(&self) -> f64 {
        let layout = self.layout;
        let groups: f64 =
            self.group_inverse.iter().filter(|inverse| **inverse > 0.0).map(|inverse| -inverse.ln()).sum();
        let kept = (0..layout.p()).filter(|&j| !self.factor.dropped[layout.n_effect_columns + j]);
        groups + self.factor.log_determinant() + 2.0 * kept.map(|j| layout.scale[j].ln()).sum::<f64>()
    }
}
