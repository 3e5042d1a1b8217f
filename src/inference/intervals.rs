//! Tests and confidence intervals of single numbers, on the plain and on transformed scales.

use super::distributions::{normal_quantile_upper, normal_tail, student_quantile_upper, student_tail};
use crate::result::{Estimate, Reference};

impl Reference {
    /// Two-sided p-value of a statistic.
    pub fn p_value(self, statistic: f64) -> f64 {
        let z = statistic.abs();
        match self {
            Reference::StudentT(df) => 2.0 * student_tail(z, df),
            Reference::Normal => 2.0 * normal_tail(z),
        }
    }

    /// The two-sided critical value at a confidence level.
    pub fn critical(self, conf_level: f64) -> f64 {
        let tail = 0.5 * (1.0 - conf_level);
        match self {
            Reference::StudentT(df) => student_quantile_upper(tail, df),
            Reference::Normal => normal_quantile_upper(tail),
        }
    }

    /// Degrees of freedom, infinite for the normal.
    pub fn df(self) -> f64 {
        match self {
            Reference::StudentT(df) => df,
            Reference::Normal => f64::INFINITY,
        }
    }
}

/// A coefficient with its test and symmetric interval.
pub fn estimate(term: String, value: f64, std_error: f64, reference: Reference, critical: f64) -> Estimate {
    let statistic = value / std_error;
    Estimate {
        term,
        estimate: value,
        std_error,
        statistic,
        p_value: reference.p_value(statistic),
        conf_low: value - critical * std_error,
        conf_high: value + critical * std_error,
    }
}

/// Interval of a rate on the logit scale, back-transformed: stays inside (0, 1).
///
/// Half-width on the logit scale is `critical * std_error / (rate (1 - rate))`.
pub fn logit_interval(rate: f64, std_error: f64, critical: f64) -> (f64, f64) {
    let centre = (rate / (1.0 - rate)).ln();
    let half = critical * std_error / (rate * (1.0 - rate));
    let back = |x: f64| 1.0 / (1.0 + (-x).exp());
    (back(centre - half), back(centre + half))
}

/// Interval of a positive mean on the log scale, back-transformed: stays positive.
///
/// Half-width on the log scale is `critical * std_error / mean`.
pub fn log_interval(mean: f64, std_error: f64, critical: f64) -> (f64, f64) {
    let half = critical * std_error / mean;
    (mean * (-half).exp(), mean * half.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logit_interval_stays_inside_and_agrees_to_first_order() {
        let (low, high) = logit_interval(0.04, 0.02, 1.96);
        assert!(low > 0.0 && high < 1.0 && low < 0.04 && high > 0.04);
        let (low, high) = logit_interval(0.4, 1e-6, 1.96);
        assert!((low - (0.4 - 1.96e-6)).abs() < 1e-11 && (high - (0.4 + 1.96e-6)).abs() < 1e-11);
    }
}
