//! Iterative absorption for designs with two or more huge effects.
//!
//! The effect with most levels is eliminated exactly; the coefficients `a` of the others solve the Schur system
//! D'W M D a = D'W M v (M = group-demeaning), by conjugate gradients with the diagonal of D'WD as preconditioner.
//! The system is singular but consistent, and conjugate gradients stay in its range.
//! The stopping rule is the residual of the normal equations relative to the right-hand side, both in the
//! preconditioner's norm: free of units, and a bound on the error rather than on the last step.

use super::{NotConverged, Projection};
use crate::design::layout::Layout;
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};
use rayon::prelude::*;

/// Relative residual of the normal equations at which a column counts as absorbed.
const TOLERANCE: f64 = 1e-13;
/// Residual that is still accepted when rounding stalls the iteration.
const ACCEPTED: f64 = 1e-11;
/// Iterations allowed per column.
const MAX_ITERATIONS: usize = 20_000;

/// Residualised regressors and their factorised cross-product.
#[derive(Debug, Clone)]
pub struct IterativeSolver<'a> {
    layout: &'a Layout,
    effects: String,
    weight: Vec<f64>,
    group_inverse: Vec<f64>,
    /// 1 / diagonal of D'WD, one vector per remaining effect.
    preconditioner: Vec<Vec<f64>>,
    /// Residualised regressors, one vector per column.
    residual: Vec<Vec<f64>>,
    factor: Cholesky,
    absorbed: Vec<bool>,
    /// Most iterations any column took.
    pub iterations: usize,
}

impl<'a> IterativeSolver<'a> {
    /// Absorbs the effects from every regressor.
    ///
    /// # Errors
    /// [`NotConverged`] naming the effects.
    pub fn new(layout: &'a Layout, weight: &[f64], effects: &str) -> Result<Self, NotConverged> {
        let mut group_inverse = vec![0.0; layout.starts.len() - 1];
        layout.for_groups(|group, cells| {
            let sum: f64 = weight[cells].iter().sum();
            group_inverse[group] = if sum > 0.0 { 1.0 / sum } else { 0.0 };
        });
        let preconditioner = layout
            .other_effects
            .iter()
            .map(|codes| {
                let mut sums = vec![0.0; codes.iter().max().map_or(0, |&code| code as usize + 1)];
                codes.iter().zip(weight).for_each(|(&code, w)| sums[code as usize] += w);
                sums.iter().map(|&sum| if sum > 0.0 { 1.0 / sum } else { 0.0 }).collect()
            })
            .collect();
        let p = layout.p();
        let mut solver = IterativeSolver {
            layout,
            effects: effects.to_owned(),
            weight: weight.to_vec(),
            group_inverse,
            preconditioner,
            residual: Vec::new(),
            factor: Cholesky::new(&[], 0, &[], COLLINEARITY_TOLERANCE),
            absorbed: vec![false; p],
            iterations: 0,
        };
        let columns: Vec<Vec<f64>> = (0..p).map(|j| layout.regressor(j)).collect();
        let scale: Vec<f64> = columns.iter().map(|x| solver.inner(x, x)).collect();
        let absorbed: Result<Vec<_>, _> = columns.into_par_iter().map(|column| solver.absorb(column)).collect();
        for (residual, iterations) in absorbed? {
            solver.iterations = solver.iterations.max(iterations);
            solver.residual.push(residual);
        }
        let mut cross = vec![0.0; p * p];
        for j in 0..p {
            for i in 0..=j {
                cross[j * p + i] = solver.inner(&solver.residual[j], &solver.residual[i]);
            }
            solver.absorbed[j] = cross[j * p + j] <= COLLINEARITY_TOLERANCE * scale[j];
        }
        solver.factor = Cholesky::new(&cross, p, &scale, COLLINEARITY_TOLERANCE);
        Ok(solver)
    }

    /// See [`super::Solver::regress`].
    ///
    /// # Errors
    /// [`NotConverged`] if `v` could not be absorbed.
    pub fn regress(&self, v: &[f64]) -> Result<Projection, NotConverged> {
        let (absorbed, _) = self.absorb(v.to_vec())?;
        let mut coef: Vec<f64> = self.residual.iter().map(|x| self.inner(x, &absorbed)).collect();
        let mut forward = coef.clone();
        self.factor.forward(&mut forward);
        let explained = forward.iter().map(|x| x * x).sum();
        self.factor.solve(&mut coef);
        let mut fitted: Vec<f64> = v.iter().zip(&absorbed).map(|(v, residual)| v - residual).collect();
        for (x, b) in self.residual.iter().zip(&coef) {
            fitted.iter_mut().zip(x).for_each(|(fitted, x)| *fitted += b * x);
        }
        Ok(Projection { coef, fitted, explained })
    }

    /// See [`super::Solver::influence`].
    pub fn influence(&self) -> Vec<f64> {
        let (n, p) = (self.layout.n(), self.layout.p());
        let inverse = self.inverse();
        let mut rows = vec![0.0; n * p];
        for i in 0..n {
            for j in 0..p {
                rows[i * p + j] = (0..p).map(|m| inverse[j * p + m] * self.residual[m][i]).sum();
            }
        }
        rows
    }

    /// See [`super::Solver::inverse`].
    pub fn inverse(&self) -> Vec<f64> {
        (0..self.layout.p()).flat_map(|j| self.factor.inverse_column(j)).collect()
    }

    /// See [`super::Solver::dropped`].
    pub fn dropped(&self) -> Vec<Option<bool>> {
        self.factor.dropped.iter().zip(&self.absorbed).map(|(&dropped, &absorbed)| dropped.then_some(absorbed)).collect()
    }

    fn inner(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(&self.weight).map(|((a, b), w)| a * b * w).sum()
    }

    fn demean(&self, v: &mut [f64]) {
        self.layout.for_groups(|group, cells| {
            let sum: f64 = cells.clone().map(|i| self.weight[i] * v[i]).sum();
            let mean = sum * self.group_inverse[group];
            v[cells].iter_mut().for_each(|value| *value -= mean);
        });
    }

    /// `D'W v` over the remaining effects.
    fn scatter(&self, v: &[f64]) -> Vec<Vec<f64>> {
        let weighted: Vec<f64> = v.iter().zip(&self.weight).map(|(v, w)| v * w).collect();
        let sums = self.layout.other_effects.iter().zip(&self.preconditioner);
        sums.map(|(codes, diagonal)| {
            let mut sums = vec![0.0; diagonal.len()];
            codes.iter().zip(&weighted).for_each(|(&code, v)| sums[code as usize] += v);
            sums
        })
        .collect()
    }

    /// Group-demeaned `D a`.
    fn gather(&self, a: &[Vec<f64>]) -> Vec<f64> {
        let mut v = vec![0.0; self.layout.n()];
        for (codes, a) in self.layout.other_effects.iter().zip(a) {
            v.iter_mut().zip(codes).for_each(|(v, &code)| *v += a[code as usize]);
        }
        self.demean(&mut v);
        v
    }

    /// Residual of `v` on all effects, and the iterations it took.
    fn absorb(&self, mut v: Vec<f64>) -> Result<(Vec<f64>, usize), NotConverged> {
        self.demean(&mut v);
        let dot = |a: &[Vec<f64>], b: &[Vec<f64>]| -> f64 {
            a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
        };
        let precondition = |r: &[Vec<f64>]| -> Vec<Vec<f64>> {
            r.iter().zip(&self.preconditioner).map(|(r, d)| r.iter().zip(d).map(|(r, d)| r * d).collect()).collect()
        };
        let mut r = self.scatter(&v);
        let mut z = precondition(&r);
        let mut rz = dot(&r, &z);
        // the residual is compared with the length of v itself: a column the effects leave untouched is done at once
        let target = self.inner(&v, &v);
        let mut direction = z.clone();
        let mut iterations = 0;
        let mut best = f64::INFINITY;
        let mut stalled = 0;
        while rz > TOLERANCE * TOLERANCE * target && target > 0.0 {
            if iterations == MAX_ITERATIONS || stalled > 200 {
                let residual = (rz / target).sqrt();
                if residual <= ACCEPTED {
                    break;
                }
                return Err(NotConverged { effects: self.effects.clone(), iterations, residual });
            }
            let step = self.gather(&direction);
            let curvature = self.inner(&step, &step);
            if curvature <= 0.0 {
                break;
            }
            let length = rz / curvature;
            v.iter_mut().zip(&step).for_each(|(v, s)| *v -= length * s);
            r = self.scatter(&v);
            z = precondition(&r);
            let next = dot(&r, &z);
            stalled = if next < 0.999 * best { 0 } else { stalled + 1 };
            best = best.min(next);
            let ratio = next / rz;
            rz = next;
            for (direction, z) in direction.iter_mut().zip(&z) {
                direction.iter_mut().zip(z).for_each(|(d, z)| *d = z + ratio * *d);
            }
            iterations += 1;
        }
        Ok((v, iterations))
    }
}
