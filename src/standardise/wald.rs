//! A joint test that several numbers are zero.

use crate::inference::distributions::f_tail;
use crate::linalg::Cholesky;

/// Pivot, relative to the variances that a difference is made of, below which it is taken as zero by construction.
const ZERO_VARIANCE: f64 = 1e-12;

/// A Wald test in its F form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaldTest {
    /// d'V^-1 d / rank.
    pub statistic: f64,
    /// Numbers that are free of each other: the rank of V.
    pub df1: usize,
    /// Degrees of freedom of the reference distribution; infinite for the chi-square over its degrees.
    pub df2: f64,
    /// P(F > statistic).
    pub p_value: f64,
}

/// Tests that `d` is zero; `scale` are the variances that pivots are compared with. `None` if all are zero by construction.
pub fn wald(d: &[f64], vcov: &[f64], scale: &[f64], df2: f64) -> Option<WaldTest> {
    if d.iter().chain(vcov).any(|value| !value.is_finite()) {
        return None;
    }
    let factor = Cholesky::new(vcov, d.len(), scale, ZERO_VARIANCE);
    let rank = factor.rank();
    if rank == 0 {
        return None;
    }
    let mut z = d.to_vec();
    factor.forward(&mut z);
    let statistic = z.iter().map(|z| z * z).sum::<f64>() / rank as f64;
    Some(WaldTest { statistic, df1: rank, df2, p_value: f_tail(statistic, rank as f64, df2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_without_variance_are_not_tested() {
        assert_eq!(wald(&[1e-18, 2e-18], &[1e-36, 0.0, 0.0, 1e-36], &[1e-4, 1e-4], 50.0), None);
        let one = wald(&[0.2, 1e-18], &[0.01, 0.0, 0.0, 1e-36], &[1e-2, 1e-4], 50.0).unwrap();
        assert_eq!(one.df1, 1);
        assert!((one.statistic - 4.0).abs() < 1e-12);
    }
}
