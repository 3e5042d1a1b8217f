//! p-values as functions of the null value, and the interval of values that are not rejected.

use super::wild::Draw;

/// Which draws count against the null hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PValue {
    /// Share of draws with |t*| > |t|.
    #[default]
    Symmetric,
    /// Twice the smaller of the shares with t* > t and with t* < t.
    EqualTail,
}

/// Statistics closer than this, relative to their size, are equal: ties are not "larger".
const TIE: f64 = 1e-9;
/// Precision of the ends of an interval, relative to the standard error.
const PRECISION: f64 = 1e-9;
/// Steps of half a standard error, growing, after which an interval counts as without end.
const MOST_STEPS: usize = 80;

impl PValue {
    /// p-value of a statistic among draws, and the number of draws that have one. `NaN` draws count nowhere.
    pub fn of(self, statistic: f64, draws: impl Iterator<Item = f64>) -> (f64, usize) {
        let (mut above, mut below, mut beyond, mut with) = (0usize, 0usize, 0usize, 0usize);
        let tolerance = TIE * statistic.abs();
        for t in draws.filter(|t| !t.is_nan()) {
            with += 1;
            beyond += usize::from(t.abs() > statistic.abs() + tolerance);
            above += usize::from(t > statistic + tolerance);
            below += usize::from(t < statistic - tolerance);
        }
        let share = |count: usize| count as f64 / with as f64;
        let p = match self {
            PValue::Symmetric => share(beyond),
            PValue::EqualTail => (2.0 * share(above.min(below))).min(1.0),
        };
        (p, with)
    }
}

/// The p-value at every null value.
#[derive(Debug)]
pub struct Curve<'a> {
    /// Standard error without small-sample factor.
    pub error: f64,
    /// Draws.
    pub draws: &'a [Draw],
    /// Whether t* moves with the null value, which the draws impose.
    pub imposed: bool,
    /// Kind of p-value.
    pub kind: PValue,
}

impl Curve<'_> {
    /// p-value at the null value `estimate - delta`, and the number of draws with a statistic.
    pub fn p_value(&self, delta: f64) -> (f64, usize) {
        let at = if self.imposed { delta } else { 0.0 };
        self.kind.of(delta / self.error, self.draws.iter().map(|draw| draw.statistic(at)))
    }
}

/// The null values around the estimate with a p-value above `alpha`: ends infinite if none is rejected on that side,
/// `NaN` if the estimate itself is.
///
/// p is a step function of the null value; from the estimate outwards in growing steps to the first value rejected, then by
/// bisection to the place where it steps over `alpha`.
pub fn interval(curve: &Curve, estimate: f64, alpha: f64) -> (f64, f64) {
    let kept = |delta: f64| curve.p_value(delta).0 > alpha;
    if !kept(0.0) {
        return (f64::NAN, f64::NAN);
    }
    let end = |side: f64| -> f64 {
        let (mut inside, mut step) = (0.0, 0.5);
        for _ in 0..MOST_STEPS {
            let outside = inside + side * step * curve.error;
            if !kept(outside) {
                return bisect(inside, outside, PRECISION * curve.error, kept);
            }
            inside = outside;
            step *= 1.25;
        }
        side * f64::INFINITY
    };
    // the null value falls as delta grows
    (estimate - end(1.0), estimate - end(-1.0))
}

/// Where `kept` ends between a point inside and one outside.
fn bisect(mut inside: f64, mut outside: f64, precision: f64, kept: impl Fn(f64) -> bool) -> f64 {
    while (outside - inside).abs() > precision {
        let middle = 0.5 * (inside + outside);
        if middle == inside || middle == outside {
            break;
        }
        if kept(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    0.5 * (inside + outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_not_larger_and_missing_statistics_count_nowhere() {
        let draws = [2.0, -2.0, 2.0 + 1e-12, 3.0, -3.5, 0.1, f64::NAN];
        assert_eq!(PValue::Symmetric.of(2.0, draws.into_iter()), (2.0 / 6.0, 6));
        assert_eq!(PValue::Symmetric.of(-2.0, draws.into_iter()), (2.0 / 6.0, 6));
        assert_eq!(PValue::EqualTail.of(2.0, draws.into_iter()), (2.0 / 6.0, 6));
        assert!(PValue::Symmetric.of(2.0, std::iter::empty()).0.is_nan());
    }

    #[test]
    fn an_unrestricted_interval_is_the_estimate_and_quantiles_of_the_draws() {
        let draw = |t: f64| Draw { n: [t, 0.0], v: [1.0, 0.0, 0.0], scale: [1.0, 0.0, 0.0] };
        let draws: Vec<Draw> =
            (1..=999).map(|i| draw(if i % 2 == 0 { 1.0 } else { -1.0 } * i as f64 / 100.0)).collect();
        let curve = Curve { error: 2.0, draws: &draws, imposed: false, kind: PValue::Symmetric };
        // p(delta) > 0.05 while more than 49.95 draws exceed |delta|/2, that is below 9.5
        let (low, high) = interval(&curve, 1.0, 0.05);
        assert!((low - (1.0 - 19.0)).abs() < 1e-7 && (high - (1.0 + 19.0)).abs() < 1e-7, "{low} {high}");
    }

    #[test]
    fn nothing_rejected_is_an_interval_without_end() {
        let draws = vec![Draw { n: [1.0, 1e9], v: [1.0, 0.0, 0.0], scale: [1.0, 0.0, 0.0] }; 20];
        let curve = Curve { error: 1.0, draws: &draws, imposed: true, kind: PValue::Symmetric };
        assert_eq!(interval(&curve, 0.0, 0.05), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
