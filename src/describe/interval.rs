//! Confidence intervals of numbers on the scale where they are best behaved.

use super::Number;
use crate::inference::intervals::{log_interval, logit_interval};

/// The scale of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Symmetric around the number.
    Plain,
    /// Symmetric on the logit scale, for shares: inside 0 and 1.
    Logit,
    /// Symmetric on the log scale, for positive quantities such as geometric means.
    Log,
}

impl Scale {
    /// The two-sided interval of a number.
    ///
    /// A share of exactly 0 or 1 has a standard error of 0 and no logit. Its other end is then the exact binomial bound
    /// (Clopper and Pearson 1934) with distinct users as trials: 1 - (alpha/2)^(1/G), or (alpha/2)^(1/G).
    pub(super) fn interval(self, number: &Number, conf_level: f64) -> (f64, f64) {
        let (value, std_error) = (number.value, number.std_error());
        let critical = number.reference().critical(conf_level);
        match self {
            Scale::Logit if value == 0.0 || value == 1.0 => {
                let bound = (0.5 * (1.0 - conf_level)).powf(1.0 / number.n_users as f64);
                if value == 0.0 { (0.0, 1.0 - bound) } else { (bound, 1.0) }
            }
            _ if !std_error.is_finite() => (f64::NAN, f64::NAN),
            Scale::Plain => (value - critical * std_error, value + critical * std_error),
            Scale::Logit => logit_interval(value, std_error, critical),
            Scale::Log if value > 0.0 => log_interval(value, std_error, critical),
            Scale::Log => (f64::NAN, f64::NAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_has_an_upper_bound() {
        // three in n: 1 - 0.025^(1/100) for 100 users without a single success
        let none = Number::from_rows(0.0, (0..100).map(|user| (user, 0.0)));
        let (low, high) = none.interval(Scale::Logit, 0.95);
        assert!(low == 0.0 && (high - 0.036_216_7).abs() < 1e-6, "{high}");
        let all = Number::from_rows(1.0, (0..100).map(|user| (user, 0.0)));
        assert!((all.interval(Scale::Logit, 0.95).0 + high - 1.0).abs() < 1e-15);
    }

    #[test]
    fn one_user_has_no_interval() {
        let one = Number::from_rows(2.0, [(0, 0.5), (0, -0.5)].into_iter());
        assert!(one.interval(Scale::Plain, 0.95).0.is_nan());
    }
}
