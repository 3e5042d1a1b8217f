//! Quantiles with Woodruff's intervals.

use super::{Number, Sample};
use crate::result::Reference;

/// A quantile with its interval, which is not symmetric.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// The quantile; its standard error is the length of the interval by twice the critical value.
    pub number: Number,
    /// Lower end.
    pub conf_low: f64,
    /// Upper end.
    pub conf_high: f64,
}

/// The quantile of a sample at probability `p`.
///
/// The value interpolates between order statistics at 1 + (n - 1) p (Hyndman and Fan 1996, type 7; the default of R and
/// numpy). The interval is Woodruff's (1952): the quantiles at p plus and minus the critical value times the clustered
/// standard error of the share of rows at or below the quantile. Influence is that share's, scaled so that the standard
/// error is the length of the interval by twice the critical value (Särndal, Swensson and Wretman 1992, 5.11).
pub fn quantile(sample: &Sample, values: &[f64], p: f64, conf_level: f64) -> Quantile {
    quantile_of_mixture(&[(1.0, sample)], values, p, conf_level)
}

/// The quantile of a mixture of samples with given weights, each sample's rows sharing its weight evenly: what the
/// quantile would be under another composition. The weights are held fixed.
///
/// The order statistics y_k with weights w_k stand at (C_k - w_k/2 - w_1/2) / (C_n - w_n/2 - w_1/2), C_k = w_1 + ... + w_k,
/// which is type 7 for equal weights.
pub fn quantile_of_mixture(parts: &[(f64, &Sample)], values: &[f64], p: f64, conf_level: f64) -> Quantile {
    let rows = |sample: &Sample| sample.entries().filter(|(row, _)| !values[*row].is_nan()).count();
    let counts: Vec<usize> = parts.iter().map(|(_, sample)| rows(sample)).collect();
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(counts.iter().sum());
    for ((weight, sample), count) in parts.iter().zip(&counts) {
        let each = weight / *count as f64;
        points.extend(sample.entries().map(|(row, _)| (values[row], each)).filter(|(y, _)| !y.is_nan()));
    }
    // an empty part leaves the composition undefined
    if points.is_empty() || counts.contains(&0) {
        let (conf_low, conf_high) = (f64::NAN, f64::NAN);
        return Quantile { number: Number::missing(points.len(), 0), conf_low, conf_high };
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let value = quantile_of_sorted(&points, p);
    let below: Vec<Number> =
        parts.iter().map(|(_, sample)| super::share(sample, |row| at_most(values[row], value))).collect();
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let weighted: Vec<(f64, &Number)> =
        parts.iter().zip(&below).map(|((weight, _), share)| (weight / total, share)).collect();
    let share = Number::linear(&weighted);
    let spread = share.std_error();
    let critical = Reference::StudentT(share.n_users.saturating_sub(1) as f64).critical(conf_level);
    let end = |sign: f64| quantile_of_sorted(&points, p + sign * critical * spread);
    let (conf_low, conf_high) = (end(-1.0), end(1.0));
    let std_error = (conf_high - conf_low) / (2.0 * critical);
    let scale = if std_error == 0.0 { 0.0 } else { -std_error / spread };
    Quantile { number: share.map(value, scale), conf_low, conf_high }
}

fn at_most(value: f64, limit: f64) -> Option<bool> {
    (!value.is_nan()).then_some(value <= limit)
}

/// The quantile of `(value, weight)` in ascending order of values; `NaN` for `p` = `NaN`, the ends outside (0, 1).
pub fn quantile_of_sorted(points: &[(f64, f64)], p: f64) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return f64::NAN };
    if p.is_nan() {
        return f64::NAN;
    }
    let total: f64 = points.iter().map(|(_, weight)| weight).sum();
    let target = p.clamp(0.0, 1.0) * (total - 0.5 * (first.1 + last.1));
    let mut place = 0.0;
    for pair in points.windows(2) {
        let step = 0.5 * (pair[0].1 + pair[1].1);
        if place + step >= target {
            let share = if step > 0.0 { ((target - place) / step).clamp(0.0, 1.0) } else { 0.0 };
            return pair[0].0 + share * (pair[1].0 - pair[0].0);
        }
        place += step;
    }
    last.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_are_type_seven() {
        let points: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0, 16.0].map(|y| (y, 0.2)).to_vec();
        for (p, expected) in [(0.0, 1.0), (0.25, 2.0), (0.3, 2.4), (0.5, 4.0), (0.95, 14.4), (1.0, 16.0)] {
            assert!((quantile_of_sorted(&points, p) - expected).abs() < 1e-12, "{p}");
        }
    }

    #[test]
    fn a_mixture_with_its_own_weights_is_the_whole() {
        let values: Vec<f64> = (0..40).map(|i| f64::from((i * 17) % 41)).collect();
        let whole = Sample::of((0..40).collect(), (0..40).map(|row| row / 2).collect());
        let (small, large) = (whole.keep(|row| row % 4 == 0), whole.keep(|row| row % 4 != 0));
        let mixed = quantile_of_mixture(&[(0.25, &small), (0.75, &large)], &values, 0.5, 0.95);
        let plain = quantile(&whole, &values, 0.5, 0.95);
        assert!((mixed.number.value - plain.number.value).abs() < 1e-12);
        assert!(plain.conf_low < plain.number.value && plain.number.value < plain.conf_high);
    }

    #[test]
    fn nothing_has_no_quantile_and_one_value_is_certain() {
        assert!(quantile(&Sample::default(), &[], 0.5, 0.95).number.value.is_nan());
        let sample = Sample::of(vec![0, 1, 2], vec![0, 1, 2]);
        let same = quantile(&sample, &[3.0; 3], 0.5, 0.95);
        assert_eq!((same.number.value, same.conf_low, same.conf_high), (3.0, 3.0, 3.0));
    }
}
