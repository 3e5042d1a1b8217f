//! A joint test that several numbers are zero.

use crate::inference::distributions::beta_fraction;
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

/// P(F > f) of the F distribution: I_x(b, a) with a = df1/2, b = df2/2, x = df2 / (df2 + df1 f) (Abramowitz and Stegun
/// 26.6.2).
fn f_tail(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    // more degrees than a table has clusters: the limit to all digits that matter
    let df2 = df2.min(1e12);
    let (a, b) = (0.5 * df1, 0.5 * df2);
    let ratio = df1 * f / df2;
    let (x, y) = (1.0 / (1.0 + ratio), ratio / (1.0 + ratio));
    let log_x = -ratio.ln_1p();
    let log_y = y.ln();
    let log_beta = libm::lgamma(a) - log_gamma_ratio(b, a);
    let power = (b * log_x + a * log_y - log_beta).exp();
    // the fraction converges fast below the mean of the beta distribution
    if x <= b / (a + b) { power * beta_fraction(b, a, x, y) } else { 1.0 - power * beta_fraction(a, b, y, x) }
}

/// ln Gamma(b + a) - ln Gamma(b), by Stirling's series where b is large and the two would cancel.
fn log_gamma_ratio(b: f64, a: f64) -> f64 {
    if b < 1e3 {
        return libm::lgamma(b + a) - libm::lgamma(b);
    }
    let series = |x: f64| (1.0 / 12.0 - 1.0 / (360.0 * x * x)) / x;
    (b + a - 0.5) * (a / b).ln_1p() + a * b.ln() - a + series(b + a) - series(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_f() {
        // scipy.stats.f.sf
        for (f, a, b, expected) in [
            (2.5, 4.0, 99.0, 0.047_308_690_305_325_515),
            (0.3, 2.0, 10.0, 0.747_258_172_866_057_2),
            (12.0, 4.0, 9_000.0, 1.000_809_489_177_987e-9),
            (1.1, 30.0, 40.0, 0.384_399_682_923_306_3),
        ] {
            let ours = f_tail(f, a, b);
            assert!((ours / expected - 1.0).abs() < 1e-10, "F({a},{b}) at {f}: {ours} is not {expected}");
        }
        assert!(
            (f_tail(2.0, 1.0, 7.0) - 2.0 * crate::inference::distributions::student_tail(2f64.sqrt(), 7.0)).abs()
                < 1e-14
        );
    }

    #[test]
    fn differences_without_variance_are_not_tested() {
        assert_eq!(wald(&[1e-18, 2e-18], &[1e-36, 0.0, 0.0, 1e-36], &[1e-4, 1e-4], 50.0), None);
        let one = wald(&[0.2, 1e-18], &[0.01, 0.0, 0.0, 1e-36], &[1e-2, 1e-4], 50.0).unwrap();
        assert_eq!(one.df1, 1);
        assert!((one.statistic - 4.0).abs() < 1e-12);
    }
}
