//! Covariances by several cluster variables: which terms, and what happens when they are not positive.
//!
//! V_a + V_b - V_{a:b} (Cameron, Gelbach and Miller 2011, eq. 2.11) need not be positive semi-definite. Their remedy
//! (sect. 2.3) sets the negative eigenvalues to zero: V = U max(Lambda, 0) U'. The sum V_a + V_b is never negative and,
//! where the number of clusters grows in every direction, at least as large (Davezies, D'Haultfoeuille and Guyonvarch
//! 2021; Chiang, Hansen and Sasaki 2024).

use super::small_sample::Term;
use crate::result::SmallSample;
use nalgebra::DMatrix;

/// How terms of several cluster variables become one covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiway {
    /// V_a + V_b - V_{a:b}, and what is negative has no standard error.
    Cgm,
    /// The same with negative eigenvalues set to zero.
    #[default]
    Eigen,
    /// V_a + V_b, never negative.
    Sum,
}

/// Eigenvalues of a correlation-like matrix above this are rounding.
const ROUNDING: f64 = -1e-12;
/// What is left of a negative variance counts as zero below this share.
const NOTHING: f64 = 1e-10;

/// What became of a covariance that is not positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// Its smallest eigenvalue.
    pub smallest: f64,
    /// Its largest.
    pub largest: f64,
    /// How many were negative.
    pub negative: usize,
}

/// The terms times their factors, summed: `l x l`, row-major.
pub fn combine(terms: &[Term], small_sample: &SmallSample, l: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; l * l];
    // one factor for all terms is taken once, after they cancelled
    let common = Some(small_sample.factor).filter(|factor| factor.is_finite());
    for (term, part) in terms.iter().zip(&small_sample.terms) {
        let factor = term.sign * common.map_or(part.factor, |_| 1.0);
        matrix.iter_mut().zip(&term.matrix).for_each(|(sum, value)| *sum += factor * value);
    }
    if let Some(factor) = common {
        matrix.iter_mut().for_each(|entry| *entry *= factor);
    }
    matrix
}

/// Sets the negative eigenvalues of an `m x m` covariance to zero, if it has any beyond rounding.
///
/// Whether it has is judged on the matrix scaled to a unit diagonal, the remedy works on the matrix as it is. A variance
/// of which nothing is left becomes `NaN`: an estimate is not known without error.
pub fn repair(matrix: &mut [f64], m: usize) -> Option<Repair> {
    let diagonal: Vec<f64> = (0..m).map(|a| matrix[a * m + a]).collect();
    if diagonal.iter().any(|v| v.is_nan()) {
        return None;
    }
    let scaled = DMatrix::from_fn(m, m, |a, b| {
        let scale = (diagonal[a].abs() * diagonal[b].abs()).sqrt();
        if scale > 0.0 { matrix[a * m + b] / scale } else { 0.0 }
    });
    let positive = scaled.symmetric_eigen().eigenvalues.iter().all(|&value| value >= ROUNDING * m as f64);
    if positive {
        return None;
    }
    let eigen = DMatrix::from_row_slice(m, m, matrix).symmetric_eigen();
    let values = &eigen.eigenvalues;
    let (smallest, largest) = (values.min(), values.max());
    let negative = values.iter().filter(|&&value| value < 0.0).count();
    let kept = values.map(|value| value.max(0.0));
    let repaired = &eigen.eigenvectors * DMatrix::from_diagonal(&kept) * eigen.eigenvectors.transpose();
    for a in 0..m {
        for b in 0..m {
            matrix[a * m + b] = 0.5 * (repaired[(a, b)] + repaired[(b, a)]);
        }
    }
    for (a, before) in diagonal.iter().enumerate() {
        if matrix[a * m + a] <= NOTHING * before.abs() {
            (0..m).for_each(|b| (matrix[a * m + b], matrix[b * m + a]) = (f64::NAN, f64::NAN));
        }
    }
    Some(Repair { smallest, largest, negative })
}

/// Applies the rule to the covariance of `names`, by several cluster variables; sentences on what happened.
pub fn settle(rule: Multiway, what: &str, names: &[&str], matrix: &mut [f64]) -> Vec<String> {
    let m = names.len();
    let before: Vec<f64> = (0..m).map(|a| matrix[a * m + a]).collect();
    let mut notes = Vec::new();
    if rule == Multiway::Eigen
        && let Some(Repair { smallest, largest, negative }) = repair(matrix, m)
    {
        let values = match negative {
            1 => format!("a negative eigenvalue, {smallest:.3e} (the largest is {largest:.3e}): it was"),
            _ => format!(
                "{negative} negative eigenvalues, the smallest {smallest:.3e} (the largest is {largest:.3e}): they were"
            ),
        };
        notes.push(format!(
            "the multiway covariance of the {what} has {values} set to zero (Cameron, Gelbach and Miller 2011)"
        ));
    }
    for (a, name) in names.iter().enumerate() {
        let value = matrix[a * m + a];
        if value.is_nan() && before[a] < 0.0 {
            notes.push(format!(
                "the multiway variance of `{name}` is negative ({:.3e}) and nothing is left of it without the negative \
                 eigenvalue: no standard error; the sum of the one-way variances (`sum`) is never negative",
                before[a]
            ));
        } else if value < 0.0 {
            notes.push(format!(
                "the multiway variance of `{name}` is negative ({value:.3e}): no standard error; the rules `eigen` and \
                 `sum` give one"
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_eigenvalue_goes_and_the_rest_stays() {
        // eigenvalues 3 and -1 with vectors (1, 1) and (1, -1)
        let mut matrix = vec![1.0, 2.0, 2.0, 1.0];
        let repair = repair(&mut matrix, 2).unwrap();
        assert!((repair.smallest + 1.0).abs() < 1e-14 && repair.negative == 1);
        assert!(matrix.iter().all(|value| (value - 1.5).abs() < 1e-14), "{matrix:?}");
    }

    #[test]
    fn a_positive_matrix_stays_bit_for_bit_and_rounding_is_no_reason() {
        for matrix in [vec![4.0, 1.0, 1.0, 2.0], vec![1e-12, 1e-2, 1e-2, 1e8], vec![1.0, 1.0 + 1e-15, 1.0 + 1e-15, 1.0]]
        {
            let mut same = matrix.clone();
            assert!(repair(&mut same, 2).is_none());
            assert_eq!(matrix, same);
        }
    }

    #[test]
    fn a_single_negative_variance_has_no_error_and_a_reason() {
        let mut matrix = vec![-0.25];
        let notes = settle(Multiway::Eigen, "coefficients", &["x"], &mut matrix);
        assert!(matrix[0].is_nan() && notes.len() == 2 && notes[1].contains("-2.500e-1"), "{notes:?}");
        let mut matrix = vec![-0.25];
        let notes = settle(Multiway::Cgm, "coefficients", &["x"], &mut matrix);
        assert!(matrix[0] == -0.25 && notes.len() == 1, "{notes:?}");
    }
}
