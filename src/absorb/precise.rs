//! The exact solver in double-double arithmetic: for regressions that are small, or so nearly collinear that the squares in
//! the normal equations would eat the digits.
//!
//! The equations are those of [`super::exact`], formed from the table's own values rather than from rounded standardised
//! ones. With 32 digits the squared condition number costs nothing that a double could show: coefficients and standard
//! errors have the digits that the data have. It also tells a term that is nearly collinear from one that is: what is left
//! of the latter is the rounding of its own values, 1e-15 of its length.
//!
//! All columns are held dense and demeaned, so this is for `n k^2` of moderate size ([`is_cheap`], [`is_possible`]).

use super::Projection;
use crate::design::layout::Layout;
use crate::linalg::cholesky::Cholesky;
use crate::linalg::double_double::Double2;
use rayon::prelude::*;
use std::ops::Range;

/// Share of a column's length that must be its own, beside effects and earlier columns, for it to stay.
///
/// What doubles leave of a collinear column is about 1e-15; NIST's hardest polynomial (Filip) has 6e-8.
pub const LENGTH_TOLERANCE: f64 = 1e-9;

/// Share of a column's squared length below which doubles lose too many digits of it.
pub const SUSPECT: f64 = 1e-6;

/// Products that take milliseconds.
const CHEAP: usize = 1 << 18;
/// Products that take seconds, and columns of a few hundred megabytes.
const POSSIBLE: usize = 1 << 28;
const POSSIBLE_VALUES: usize = 1 << 24;

/// Whether `n` cells with `k` columns are solved so in any case.
pub fn is_cheap(n: usize, k: usize) -> bool {
    n.saturating_mul((k + 1) * (k + 1)) <= CHEAP
}

/// Whether they can be.
pub fn is_possible(n: usize, k: usize) -> bool {
    n.saturating_mul((k + 1) * (k + 1)) <= POSSIBLE && n.saturating_mul(k) <= POSSIBLE_VALUES
}

/// A factorised problem.
#[derive(Debug, Clone)]
pub struct PreciseSolver<'a> {
    layout: &'a Layout,
    weight: Vec<f64>,
    /// Sum of weights of each group.
    total: Vec<Double2>,
    /// Demeaned columns.
    columns: Vec<Vec<Double2>>,
    /// Mean of each column about the data's zero, on the standardised scale, where all rows are one group.
    origin: Option<Vec<Double2>>,
    factor: Cholesky<Double2>,
    absorbed: Vec<bool>,
}

/// What only this solver knows about an intercept.
#[derive(Debug, Clone)]
pub struct Intercept {
    /// The prediction where all columns are zero.
    pub value: Double2,
    /// Its influence weights, one per cell.
    pub influence: Vec<f64>,
}

impl<'a> PreciseSolver<'a> {
    /// Forms and factorises the normal equations.
    pub fn new(layout: &'a Layout, weight: &[f64]) -> Self {
        let n_groups = layout.starts.len() - 1;
        let mut total = vec![Double2::default(); n_groups];
        layout.for_groups(|g, cells| total[g] = Double2::total(weight[cells].iter().copied()));
        let raw: Vec<Vec<Double2>> = (0..layout.k).into_par_iter().map(|j| layout.precise_column(j)).collect();
        let scale: Vec<f64> = raw.par_iter().map(|column| inner(weight, column, column).high).collect();
        let demeaned: Vec<(Vec<Double2>, Option<Double2>)> =
            raw.into_par_iter().map(|column| demean(layout, weight, &total, column)).collect();
        let origin = (n_groups == 1).then(|| {
            let at_zero = |j: usize| {
                let (centre, scale) = layout.standardised(j);
                Double2::from(centre) / Double2::from(scale)
            };
            demeaned.iter().enumerate().map(|(j, (_, mean))| mean.unwrap_or_default() + at_zero(j)).collect()
        });
        let columns: Vec<Vec<Double2>> = demeaned.into_iter().map(|(column, _)| column).collect();
        let k = layout.k;
        let entry = |at: usize| match at / k >= at % k {
            true => inner(weight, &columns[at / k], &columns[at % k]),
            false => Double2::default(),
        };
        let a: Vec<Double2> = (0..k * k).into_par_iter().map(entry).collect();
        let tolerance = LENGTH_TOLERANCE * LENGTH_TOLERANCE;
        let factor = Cholesky::new(&a, k, &scale, tolerance);
        let effects = layout.n_effect_columns;
        let absorbed = (effects..k)
            .map(|j| {
                let mut row = a[j * k..j * k + effects].to_vec();
                row.resize(k, Double2::default());
                factor.forward(&mut row);
                let left = row[..effects].iter().fold(a[j * k + j], |left, &x| left - x * x);
                left.high <= tolerance * scale[j]
            })
            .collect();
        PreciseSolver { layout, weight: weight.to_vec(), total, columns, origin, factor, absorbed }
    }

    /// See [`super::Solver::regress`].
    pub fn regress(&self, v: &[f64]) -> Projection {
        let values: Vec<Double2> = v.iter().map(|&v| v.into()).collect();
        let (centred, mean) = demean(self.layout, &self.weight, &self.total, values);
        let mut coef = self.cross(&centred);
        let mut forward = coef.clone();
        self.factor.forward(&mut forward);
        let explained = forward[self.layout.n_effect_columns..].iter().fold(Double2::default(), |sum, &x| sum + x * x);
        self.factor.solve(&mut coef);
        let fitted: Vec<f64> =
            (0..v.len()).map(|i| (Double2::from(v[i]) - centred[i] + self.linear(&coef, i)).high).collect();
        let intercept = self.origin.as_ref().zip(mean).map(|(origin, mean)| {
            let value = coef.iter().zip(origin).fold(mean, |value, (&b, &x)| value - b * x);
            Intercept { value, influence: self.origin_influence(origin) }
        });
        let coef = coef[self.layout.n_effect_columns..].iter().map(|b| b.high).collect();
        Projection { coef, fitted, explained: explained.high, intercept }
    }

    /// See [`super::Solver::project`].
    pub fn project(&self, v: &[f64]) -> Vec<f64> {
        self.regress(v).fitted
    }

    /// See [`super::Solver::influence`].
    pub fn influence(&self) -> Vec<f64> {
        let (n, p) = (self.layout.n(), self.layout.p());
        let mut rows = vec![0.0; n * p];
        for j in 0..p {
            let column = self.factor.inverse_column(self.layout.n_effect_columns + j);
            (0..n).for_each(|i| rows[i * p + j] = self.linear(&column, i).high);
        }
        rows
    }

    /// See [`super::Solver::combination`].
    pub fn combination(&self, m: &[f64]) -> Vec<f64> {
        let mut coef: Vec<Double2> = m.iter().map(|&m| m.into()).collect();
        self.factor.solve(&mut coef);
        (0..self.layout.n()).map(|i| self.linear(&coef, i).high).collect()
    }

    /// See [`super::Solver::inverse`].
    pub fn inverse(&self) -> Vec<f64> {
        let first = self.layout.n_effect_columns;
        let columns = (first..self.layout.k).map(|j| self.factor.inverse_column(j));
        columns.flat_map(|column| column[first..].iter().map(|x| x.high).collect::<Vec<_>>()).collect()
    }

    /// See [`super::Solver::dropped`].
    pub fn dropped(&self) -> Vec<Option<bool>> {
        let flags = &self.factor.dropped[self.layout.n_effect_columns..];
        flags.iter().zip(&self.absorbed).map(|(&dropped, &absorbed)| dropped.then_some(absorbed)).collect()
    }

    /// See [`super::Solver::left`].
    pub fn left(&self) -> &[f64] {
        &self.factor.left[self.layout.n_effect_columns..]
    }

    /// `1/W - origin' A^{-1} z_i`, the influence weights of the intercept.
    fn origin_influence(&self, origin: &[Double2]) -> Vec<f64> {
        let mut coef = origin.to_vec();
        self.factor.solve(&mut coef);
        let share = Double2::from(1.0) / self.total[0];
        (0..self.layout.n()).map(|i| (share - self.linear(&coef, i)).high).collect()
    }

    /// `Z'W v` for a demeaned `v`.
    fn cross(&self, v: &[Double2]) -> Vec<Double2> {
        self.columns.par_iter().map(|column| inner(&self.weight, column, v)).collect()
    }

    /// A row of the demeaned `Z` times coefficients.
    fn linear(&self, coef: &[Double2], i: usize) -> Double2 {
        self.columns.iter().zip(coef).fold(Double2::default(), |sum, (column, &b)| sum + column[i] * b)
    }
}

/// Weighted inner product.
fn inner(weight: &[f64], a: &[Double2], b: &[Double2]) -> Double2 {
    let terms = weight.iter().zip(a).zip(b);
    terms.fold(Double2::default(), |sum, ((&w, &a), &b)| sum + a * b * Double2::from(w))
}

/// Takes the groups' weighted means out, and returns the mean of the last group with weight.
fn demean(
    layout: &Layout,
    weight: &[f64],
    total: &[Double2],
    mut column: Vec<Double2>,
) -> (Vec<Double2>, Option<Double2>) {
    let mut last = None;
    layout.for_groups(|group, cells: Range<usize>| {
        if total[group].high <= 0.0 {
            return;
        }
        let products = column[cells.clone()].iter().zip(&weight[cells.clone()]);
        let sum = products.fold(Double2::default(), |sum, (&v, &w)| sum + v * Double2::from(w));
        let mean = sum / total[group];
        column[cells].iter_mut().for_each(|value| *value -= mean);
        last = Some(mean);
    });
    (column, last)
}
