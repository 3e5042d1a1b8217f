//! Absorption by the kernel for the cells of a design with huge effects: what [`super::Solver`] asks, answered from
//! residualised regressors.

use super::kernel::columns::Columns;
use super::kernel::incidence::Incidence;
use super::kernel::{Kernel, TOLERANCE};
use super::{Method, NotConverged, Projection};
use crate::design::layout::Layout;
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};

/// Tolerance of every absorption: fitted values are wanted to many digits here, not only coefficients.
const TIGHT: f64 = TOLERANCE * 1e-3;

/// Residualised regressors and their factorised cross-product.
#[derive(Debug)]
pub struct IterativeSolver<'a> {
    layout: &'a Layout,
    kernel: Kernel<'a>,
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
    pub fn new(layout: &'a Layout, weight: &[f64], method: Method, effects: &str) -> Result<Self, NotConverged> {
        let kernel = Kernel::new(incidence(layout), Some(weight.to_vec().into()), method, effects);
        let p = layout.p();
        let mut columns = Columns::new(layout.n(), p, kernel.rows().n_levels);
        for j in 0..p {
            let regressor = layout.regressor(j);
            columns.fill(j, |i| regressor[i]);
        }
        let scale: Vec<f64> = (0..p).map(|j| inner(weight, &columns.column(j), &columns.column(j))).collect();
        let report = kernel.absorb(&mut columns, &scale, TIGHT, None)?;
        let residual: Vec<Vec<f64>> = (0..p).map(|j| columns.column(j)).collect();
        let mut cross = vec![0.0; p * p];
        for j in 0..p {
            (0..=j).for_each(|i| cross[j * p + i] = inner(weight, &residual[j], &residual[i]));
        }
        let absorbed = (0..p).map(|j| cross[j * p + j] <= COLLINEARITY_TOLERANCE * scale[j]).collect();
        let factor = Cholesky::new(&cross, p, &scale, COLLINEARITY_TOLERANCE);
        Ok(IterativeSolver { layout, kernel, residual, factor, absorbed, iterations: report.iterations })
    }

    /// See [`super::Solver::regress`].
    ///
    /// # Errors
    /// [`NotConverged`] if `v` could not be absorbed.
    pub fn regress(&self, v: &[f64]) -> Result<Projection, NotConverged> {
        let weight = self.kernel.weights().unwrap_or(&[]);
        let mut column = Columns::new(v.len(), 1, self.kernel.rows().n_levels);
        column.fill(0, |i| v[i]);
        self.kernel.absorb(&mut column, &[inner(weight, v, v)], TIGHT, None)?;
        let absorbed = column.column(0);
        let mut coef: Vec<f64> = self.residual.iter().map(|x| inner(weight, x, &absorbed)).collect();
        let mut forward = coef.clone();
        self.factor.forward(&mut forward);
        let explained = forward.iter().map(|x| x * x).sum();
        self.factor.solve(&mut coef);
        let mut fitted: Vec<f64> = v.iter().zip(&absorbed).map(|(v, residual)| v - residual).collect();
        for (x, b) in self.residual.iter().zip(&coef) {
            fitted.iter_mut().zip(x).for_each(|(fitted, x)| *fitted += b * x);
        }
        Ok(Projection { coef, fitted, explained, intercept: None })
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
        let flags = self.factor.dropped.iter().zip(&self.absorbed);
        flags.map(|(&dropped, &absorbed)| dropped.then_some(absorbed)).collect()
    }

    /// See [`super::Solver::left`].
    pub fn left(&self) -> &[f64] {
        &self.factor.left
    }
}

/// The layout's groups and levels, as the kernel numbers them.
fn incidence(layout: &Layout) -> Incidence<'static> {
    let q = layout.other_effects.len();
    let mut levels = vec![0u32; layout.n() * q];
    let (mut first, mut firsts) = (0, Vec::new());
    for (k, codes) in layout.other_effects.iter().enumerate() {
        firsts.push(first as usize);
        codes.iter().enumerate().for_each(|(i, &code)| levels[i * q + k] = first + code);
        first += codes.iter().max().map_or(0, |&code| code + 1);
    }
    Incidence {
        q,
        starts: layout.starts.clone().into(),
        levels: levels.into(),
        n_levels: first as usize,
        first: firsts,
    }
}

fn inner(weight: &[f64], a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).zip(weight).map(|((a, b), w)| a * b * w).sum()
}
