//! Cholesky factorisation that finds the columns without independent information.
//!
//! Columns are taken in the order given, so that "drop the later one" is a rule a user can predict.
//! A column whose pivot falls below a tolerance times its own scale is left out: its row and column of the factor are
//! zero, and its coefficient is zero. nalgebra's factorisation only refuses non-positive pivots and would let
//! near-collinear columns pass, hence our own.

use super::double_double::Real;

/// Smallest pivot, relative to the column's scale, that counts as independent information.
///
/// fixest uses 1e-9 on its Cholesky for the same purpose (`collin.tol`).
pub const COLLINEARITY_TOLERANCE: f64 = 1e-9;

/// A rank-revealing Cholesky factor `A = L L'` of a symmetric positive semidefinite matrix, in doubles or
/// [`Double2`](super::double_double::Double2).
#[derive(Debug, Clone)]
pub struct Cholesky<T = f64> {
    k: usize,
    /// Lower triangle, row-major `k x k`.
    lower: Vec<T>,
    /// Pivot over scale of each column, dropped or not: the share of its squared length that earlier columns leave.
    pub left: Vec<f64>,
    /// Whether a column was left out.
    pub dropped: Vec<bool>,
}

impl<T: Real> Cholesky<T> {
    /// Factorises the lower triangle of `a` (row-major `k x k`).
    ///
    /// `scale[j]` is the column's squared length before anything was projected out of it: pivots are compared with
    /// `tolerance * scale[j]`.
    pub fn new(a: &[T], k: usize, scale: &[f64], tolerance: f64) -> Self {
        let mut lower = vec![T::default(); k * k];
        let mut dropped = vec![false; k];
        let mut left = vec![0.0; k];
        for j in 0..k {
            let (above, rest) = lower.split_at_mut(j * k);
            let row = &mut rest[..k];
            for i in 0..j {
                if dropped[i] {
                    continue;
                }
                let other = &above[i * k..i * k + i];
                row[i] = (a[j * k + i] - dot(&row[..i], other)) / above[i * k + i];
            }
            let pivot = a[j * k + j] - dot(&row[..j], &row[..j]);
            let size = pivot.double();
            left[j] = if scale[j] > 0.0 { size / scale[j] } else { 0.0 };
            if size.is_nan() || size <= tolerance * scale[j] || size <= 0.0 {
                dropped[j] = true;
                row[..=j].fill(T::default());
            } else {
                row[j] = pivot.root();
            }
        }
        Cholesky { k, lower, left, dropped }
    }

    /// Logarithm of the determinant of the columns kept.
    pub fn log_determinant(&self) -> f64 {
        let kept = (0..self.k).filter(|&j| !self.dropped[j]);
        2.0 * kept.map(|j| self.lower[j * self.k + j].double().ln()).sum::<f64>()
    }

    /// Number of columns kept.
    pub fn rank(&self) -> usize {
        self.dropped.iter().filter(|&&dropped| !dropped).count()
    }

    /// Solves `L z = b` in place; entries of dropped columns become zero.
    pub fn forward(&self, b: &mut [T]) {
        for i in 0..self.k {
            if self.dropped[i] {
                b[i] = T::default();
                continue;
            }
            let row = &self.lower[i * self.k..i * self.k + i + 1];
            b[i] = (b[i] - dot(&row[..i], b)) / row[i];
        }
    }

    /// Solves `L' x = z` in place.
    pub fn backward(&self, z: &mut [T]) {
        for i in (0..self.k).rev() {
            if self.dropped[i] {
                z[i] = T::default();
                continue;
            }
            let value = z[i] / self.lower[i * self.k + i];
            z[i] = value;
            let row = &self.lower[i * self.k..i * self.k + i];
            for (target, &factor) in z[..i].iter_mut().zip(row) {
                *target -= factor * value;
            }
        }
    }

    /// Solves `A x = b` in place; coefficients of dropped columns are zero.
    pub fn solve(&self, b: &mut [T]) {
        self.forward(b);
        self.backward(b);
    }

    /// Column `j` of the (generalised) inverse; zero if the column was dropped.
    pub fn inverse_column(&self, j: usize) -> Vec<T> {
        let mut unit = vec![T::default(); self.k];
        if !self.dropped[j] {
            unit[j] = T::from(1.0);
            self.solve(&mut unit);
        }
        unit
    }
}

/// Inner product over the shorter of two vectors.
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::default(), |sum, (&x, &y)| sum + x * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collinear_column_is_dropped_and_the_rest_solved() {
        // columns x, 2x + tiny, z: x'x = 4, z'z = 9
        let a = [4.0, 0.0, 0.0, 8.0, 16.0, 0.0, 0.0, 0.0, 9.0];
        let factor = Cholesky::new(&a, 3, &[4.0, 16.0, 9.0], COLLINEARITY_TOLERANCE);
        assert_eq!(factor.dropped, [false, true, false]);
        let mut b = [8.0, 16.0, 18.0];
        factor.solve(&mut b);
        assert_eq!(b, [2.0, 0.0, 2.0]);
    }

    #[test]
    fn inverse_columns_invert() {
        let a = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let factor = Cholesky::new(&a, 3, &[4.0, 3.0, 2.0], COLLINEARITY_TOLERANCE);
        for j in 0..3 {
            let column = factor.inverse_column(j);
            for i in 0..3 {
                let entry: f64 = (0..3).map(|m| a[i * 3 + m] * column[m]).sum();
                assert!((entry - f64::from(i == j)).abs() < 1e-15);
            }
        }
    }
}
