//! A statistic with its influence by user, and arithmetic on such numbers.

use super::interval::Scale;
use crate::result::Reference;

/// A statistic: its value, how each user moves it, and how many rows and users it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// The value; `NaN` if it does not exist.
    pub value: f64,
    /// Rows it is computed from; of several groups, all of them together.
    pub n_rows: usize,
    /// Distinct users; of several groups the fewest.
    pub n_users: usize,
    /// Users in ascending order with the sum of their rows' influence, small-sample factor included.
    influence: Vec<(u32, f64)>,
}

/// A number beside zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The number.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Their ratio.
    pub statistic: f64,
    /// Two-sided p-value by Student's t.
    pub p_value: f64,
    /// Lower end of the interval.
    pub conf_low: f64,
    /// Upper end of the interval.
    pub conf_high: f64,
    /// Degrees of freedom.
    pub df: f64,
}

impl Number {
    /// A statistic of rows: `entries` has the user and the influence of every row, in the order of users.
    ///
    /// The factor sqrt(G / (G - 1)) is that of a cluster-robust regression on a constant, where (n-1)/(n-K) is one.
    pub fn from_rows(value: f64, entries: impl Iterator<Item = (u32, f64)>) -> Self {
        let mut influence: Vec<(u32, f64)> = Vec::new();
        let mut n_rows = 0;
        for (user, phi) in entries {
            n_rows += 1;
            match influence.last_mut() {
                Some((last, sum)) if *last == user => *sum += phi,
                _ => influence.push((user, phi)),
            }
        }
        let n_users = influence.len();
        let groups = n_users as f64;
        let factor = (groups / (groups - 1.0)).sqrt();
        influence.iter_mut().for_each(|(_, phi)| *phi *= factor);
        Number { value, n_rows, n_users, influence }
    }

    /// A number that does not exist, of this many rows and users.
    pub fn missing(n_rows: usize, n_users: usize) -> Self {
        Number { value: f64::NAN, n_rows, n_users, influence: Vec::new() }
    }

    /// Its variance; `NaN` with fewer than two users.
    pub fn variance(&self) -> f64 {
        self.covariance(self)
    }

    /// Its standard error; `NaN` with fewer than two users.
    pub fn std_error(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The covariance of two numbers: users they share move both.
    pub fn covariance(&self, other: &Number) -> f64 {
        if self.n_users < 2 || other.n_users < 2 || !self.value.is_finite() || !other.value.is_finite() {
            return f64::NAN;
        }
        let (mut a, mut b) = (0, 0);
        let mut sum = 0.0;
        while let (Some(x), Some(y)) = (self.influence.get(a), other.influence.get(b)) {
            if x.0 == y.0 {
                sum += x.1 * y.1;
            }
            a += usize::from(x.0 <= y.0);
            b += usize::from(y.0 <= x.0);
        }
        sum
    }

    /// The distribution tests refer to.
    pub fn reference(&self) -> Reference {
        Reference::StudentT(self.n_users.saturating_sub(1) as f64)
    }

    /// The interval at a confidence level on a scale.
    pub fn interval(&self, scale: Scale, conf_level: f64) -> (f64, f64) {
        scale.interval(self, conf_level)
    }

    /// The number against zero.
    pub fn test(&self, conf_level: f64) -> Test {
        let (std_error, reference) = (self.std_error(), self.reference());
        let statistic = self.value / std_error;
        let (conf_low, conf_high) = self.interval(Scale::Plain, conf_level);
        Test {
            estimate: self.value,
            std_error,
            statistic,
            p_value: reference.p_value(statistic),
            conf_low,
            conf_high,
            df: reference.df(),
        }
    }

    /// A differentiable function of the number, by its value and derivative there (delta method).
    pub fn map(&self, value: f64, derivative: f64) -> Number {
        let influence = self.influence.iter().map(|&(user, phi)| (user, derivative * phi)).collect();
        Number { value, influence, ..*self }
    }

    /// A linear combination with given coefficients.
    pub fn linear(parts: &[(f64, &Number)]) -> Number {
        let value = parts.iter().map(|(factor, part)| factor * part.value).sum();
        Number::combined(value, parts)
    }

    /// A differentiable function of several numbers, by its value and its derivatives (delta method).
    ///
    /// A part with derivative 0 counts for rows and users like any other.
    pub fn combined(value: f64, parts: &[(f64, &Number)]) -> Number {
        let mut all: Vec<(u32, f64)> = parts
            .iter()
            .flat_map(|(factor, part)| part.influence.iter().map(move |&(user, phi)| (user, factor * phi)))
            .collect();
        // stable: a user's parts are added in the order of `parts`
        all.sort_by_key(|(user, _)| *user);
        let influence: Vec<(u32, f64)> =
            all.chunk_by(|a, b| a.0 == b.0).map(|run| (run[0].0, run.iter().map(|(_, phi)| phi).sum())).collect();
        Number {
            value,
            n_rows: parts.iter().map(|(_, part)| part.n_rows).sum(),
            n_users: parts.iter().map(|(_, part)| part.n_users).min().unwrap_or(0),
            influence,
        }
    }

    /// `self - other`.
    pub fn minus(&self, other: &Number) -> Number {
        Number::linear(&[(1.0, self), (-1.0, other)])
    }

    /// `self / other - 1`: the relative change from `other` to `self`.
    pub fn relative_to(&self, other: &Number) -> Number {
        let ratio = self.value / other.value;
        Number::combined(ratio - 1.0, &[(1.0 / other.value, self), (-ratio / other.value, other)])
    }

    /// The exponential.
    pub fn exp(&self) -> Number {
        let value = self.value.exp();
        self.map(value, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[(u32, f64)]) -> Number {
        let n = values.len() as f64;
        let mean = values.iter().map(|(_, y)| y).sum::<f64>() / n;
        Number::from_rows(mean, values.iter().map(|&(user, y)| (user, (y - mean) / n)))
    }

    #[test]
    fn with_one_row_per_user_it_is_the_textbook_error_of_a_mean() {
        let values = [1.0, 2.0, 4.0, 9.0];
        let rows: Vec<(u32, f64)> = values.iter().enumerate().map(|(user, y)| (user as u32, *y)).collect();
        let found = mean(&rows);
        let variance = values.iter().map(|y| (y - 4.0) * (y - 4.0)).sum::<f64>() / 3.0;
        assert!((found.std_error() - (variance / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!((found.n_rows, found.n_users), (4, 4));
    }

    #[test]
    fn a_number_minus_itself_is_certain_and_shared_users_covary() {
        let a = mean(&[(0, 1.0), (1, 5.0), (2, 2.0)]);
        let b = mean(&[(0, 2.0), (1, 4.0), (7, 1.0)]);
        assert_eq!(a.minus(&a).std_error(), 0.0);
        let variance = a.variance() + b.variance() - 2.0 * a.covariance(&b);
        assert!((a.minus(&b).variance() - variance).abs() < 1e-15);
        assert!(a.covariance(&b) > 0.0);
    }

    #[test]
    fn one_user_has_no_error() {
        let found = mean(&[(3, 1.0), (3, 2.0)]);
        assert!(found.std_error().is_nan() && found.test(0.95).p_value.is_nan());
        assert_eq!(found.value, 1.5);
    }
}
