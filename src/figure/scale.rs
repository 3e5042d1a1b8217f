//! From data to the page: a linear scale with round ticks.

/// A linear scale between data and page coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Data at the start of the page range.
    pub data_min: f64,
    /// Data at its end.
    pub data_max: f64,
    /// Page coordinate of `data_min`.
    pub page_min: f64,
    /// Page coordinate of `data_max`.
    pub page_max: f64,
}

impl Scale {
    /// Page coordinate of a value.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.data_min) / (self.data_max - self.data_min);
        self.page_min + share * (self.page_max - self.page_min)
    }
}

/// Most ticks wanted on an axis.
const TICKS: f64 = 6.0;

/// Round ticks that cover `low..high`; the first and last are the ends of the axis.
pub fn ticks(low: f64, high: f64) -> Vec<f64> {
    let (low, high) = match (low.is_finite() && high.is_finite(), low < high) {
        (true, true) => (low, high),
        (true, false) => (low - 0.5, low + 0.5),
        (false, _) => (0.0, 1.0),
    };
    let raw = (high - low) / TICKS;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step + 1e-9).floor() as i64;
    let last = (high / step - 1e-9).ceil() as i64;
    (first..=last).map(|position| position as f64 * step).collect()
}

/// How far beyond the points an axis may go for their intervals, in widths of the points' range.
const REACH: f64 = 1.5;

/// The range of an axis for points with intervals: all points and zero, and the intervals as far as they leave the
/// points readable. An interval of three sessions on a log scale may be a million times as long as anything else.
pub fn range_of_points(points: &[f64], ends: &[f64]) -> (f64, f64) {
    let bounds = |values: &[f64]| {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        finite.fold((0.0f64, 0.0f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (low, high) = bounds(points);
    let (lowest, highest) = bounds(ends);
    let size = points.iter().filter(|value| value.is_finite()).fold(0.0f64, |size, value| size.max(value.abs()));
    let reach = REACH * if high > low { high - low } else { size.max(highest - lowest) };
    (low.min(lowest.max(low - reach)), high.max(highest.min(high + reach)))
}

/// A tick with the decimals its neighbours need.
pub fn tick_label(value: f64, step: f64) -> String {
    let decimals = (0..6).find(|decimals| {
        let shifted = step * 10f64.powi(*decimals);
        (shifted - shifted.round()).abs() < 1e-6
    });
    let text = format!("{value:.*}", decimals.unwrap_or(6) as usize);
    text.replace('-', "\u{2212}")
}

/// Ticks of a logarithmic axis that covers `low..high`: powers of ten, with their 2 and 5 fold where there is room.
///
/// The axis runs from the first to the last; `low` must be positive.
pub fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (low, high) = if low > 0.0 && low.is_finite() && high.is_finite() { (low, high) } else { (1.0, 10.0) };
    let factors: &[f64] = if (high / low).log10() > 3.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let (first, last) = ((low.log10() - 1e-9).floor() as i32, (high.log10() + 1e-9).ceil() as i32);
    let all: Vec<f64> =
        (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power))).collect();
    let start = all.iter().rposition(|tick| *tick <= low * (1.0 + 1e-9)).unwrap_or(0);
    let end = all.iter().position(|tick| *tick >= high * (1.0 - 1e-9)).unwrap_or(all.len() - 1);
    all[start..=end.max(start + 1).min(all.len() - 1)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_data() {
        assert_eq!(ticks(0.0, 92.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let around = ticks(1.9, 3.1);
        assert!(around[0] <= 1.9 && around[around.len() - 1] >= 3.1, "{around:?}");
        assert!(ticks(3.0, 3.0).len() > 2);
        assert!(ticks(f64::INFINITY, f64::NEG_INFINITY).len() > 2);
    }

    #[test]
    fn ticks_of_logarithms_cover_the_data() {
        assert_eq!(log_ticks(1.2, 80.0), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(log_ticks(3.0, 90_000.0), [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!(log_ticks(5.0, 5.0).len() >= 2 && log_ticks(f64::NAN, 1.0).len() >= 2);
    }

    #[test]
    fn an_interval_does_not_blow_up_the_axis() {
        assert_eq!(range_of_points(&[0.2, 0.5], &[0.1, 0.7]), (0.0, 0.7));
        assert_eq!(range_of_points(&[-0.5, 0.5], &[-0.6, 1e9]), (-0.6, 2.0));
        assert_eq!(range_of_points(&[f64::NAN], &[f64::INFINITY]), (0.0, 0.0));
    }

    #[test]
    fn labels_show_the_decimals_of_the_step() {
        assert_eq!(tick_label(0.6000000000000001, 0.2), "0.6");
        assert_eq!(tick_label(-20.0, 20.0), "\u{2212}20");
        assert_eq!(tick_label(2.5, 0.25), "2.50");
    }

    #[test]
    fn the_scale_may_run_downwards() {
        let scale = Scale { data_min: 0.0, data_max: 100.0, page_min: 400.0, page_max: 0.0 };
        assert_eq!(scale.at(25.0), 300.0);
    }
}
