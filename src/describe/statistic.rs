//! Shares, means, ratios and geometric means of a sample.

use super::{Number, Sample};

/// The mean of numbers; rows whose number is missing (`NaN`) do not count.
pub fn mean(sample: &Sample, values: &[f64]) -> Number {
    of_rows(sample, |row| values[row])
}

/// The share of rows that `is` says; `None` is missing and does not count.
pub fn share(sample: &Sample, is: impl Fn(usize) -> Option<bool>) -> Number {
    of_rows(sample, |row| is(row).map_or(f64::NAN, |is| f64::from(u8::from(is))))
}

/// The mean of natural logarithms; numbers that are missing or not positive do not count.
pub fn mean_log(sample: &Sample, values: &[f64]) -> Number {
    of_rows(sample, |row| if values[row] > 0.0 { values[row].ln() } else { f64::NAN })
}

/// The geometric mean: the exponential of the mean logarithm. Zero has no logarithm and does not count.
pub fn geometric_mean(sample: &Sample, values: &[f64]) -> Number {
    mean_log(sample, values).exp()
}

/// The sum of `numerators` by the sum of `denominators`, linearised (Cochran 1977, 6.3): weighted means and totals per
/// total. Rows where one is missing do not count; a sum of zero has no ratio.
pub fn ratio(sample: &Sample, numerators: &[f64], denominators: &[f64]) -> Number {
    let there = |row: &(usize, u32)| !numerators[row.0].is_nan() && !denominators[row.0].is_nan();
    let sum = |of: &[f64]| sample.entries().filter(there).map(|(row, _)| of[row]).sum::<f64>();
    let below = sum(denominators);
    let value = if below == 0.0 { f64::NAN } else { sum(numerators) / below };
    let phi = |(row, user): (usize, u32)| (user, (numerators[row] - value * denominators[row]) / below);
    Number::from_rows(value, sample.entries().filter(there).map(phi))
}

fn of_rows(sample: &Sample, value: impl Fn(usize) -> f64) -> Number {
    let entries: Vec<(u32, f64)> =
        sample.entries().map(|(row, user)| (user, value(row))).filter(|(_, y)| !y.is_nan()).collect();
    let n = entries.len() as f64;
    let mean = entries.iter().map(|(_, y)| y).sum::<f64>() / n;
    Number::from_rows(mean, entries.into_iter().map(|(user, y)| (user, (y - mean) / n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        Sample::of(vec![2, 0, 1, 3, 4], vec![0, 1, 1, 2, 3])
    }

    #[test]
    fn missing_rows_and_zeros_do_not_count() {
        let values = [4.0, f64::NAN, 1.0, 0.0, 16.0];
        assert_eq!(mean(&sample(), &values).value, 5.25);
        let geometric = geometric_mean(&sample(), &values);
        assert!((geometric.value - 4.0).abs() < 1e-15, "{}", geometric.value);
        assert_eq!((geometric.n_rows, geometric.n_users), (3, 3));
        assert_eq!(share(&sample(), |row| Some(row > 2)).value, 0.4);
    }

    #[test]
    fn a_mean_is_the_ratio_to_ones_and_nothing_has_no_mean() {
        let values = [4.0, 2.0, 1.0, 0.0, 16.0];
        let (a, b) = (mean(&sample(), &values), ratio(&sample(), &values, &[1.0; 5]));
        assert!((a.value - b.value).abs() < 1e-15 && (a.std_error() - b.std_error()).abs() < 1e-15);
        assert!(mean(&Sample::default(), &values).value.is_nan());
        assert!(ratio(&sample(), &values, &[0.0; 5]).value.is_nan());
    }
}
