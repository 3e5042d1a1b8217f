//! Tests of a panel's numbers, and effects of the models of a figure.

use super::cells::{PanelCells, Value};
use super::spec::{EffectSpec, TestName};
use crate::describe::{Number, trend};
use crate::result::ModelFit;

/// One test or effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// Panel; `model` for effects.
    pub panel: String,
    /// Series, or the outcome of a model.
    pub series: String,
    /// `step`, `trend`, `gap`, `trend of gap`, or `effect`.
    pub test: String,
    /// Position or model compared from; the first one of a trend.
    pub from: String,
    /// Position compared to; the last one of a trend.
    pub to: String,
    /// `log` where differences are of logarithms, else `plain`.
    pub scale: &'static str,
    /// Difference, slope per unit of the position, or coefficient.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Their ratio.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Lower end of the interval.
    pub conf_low: f64,
    /// Upper end.
    pub conf_high: f64,
    /// Degrees of freedom of Student's t; infinite for the normal.
    pub df: f64,
    /// exp(estimate) - 1 on the log scale.
    pub relative: f64,
    /// Its standard error by the delta method.
    pub relative_std_error: f64,
    /// Whether a number behind it may not be shown.
    pub suppressed: bool,
}

/// The number that tests of a value are about: geometric means are compared on the log scale.
fn tested_number(value: &Value) -> Option<(Number, &'static str)> {
    let number = value.number.as_ref().filter(|number| number.value.is_finite())?;
    Some(if value.statistic == "geometric_mean" {
        (number.map(number.value.ln(), 1.0 / number.value), "log")
    } else {
        (number.clone(), "plain")
    })
}

/// All tests of a panel, in the order of its series.
pub fn tests_of(panel: &PanelCells, conf_level: f64) -> Vec<Tested> {
    let mut all = Vec::new();
    let number = |series: usize, position: usize| {
        let cell = panel.cells.iter().find(|cell| cell.series == series && cell.position == position)?;
        tested_number(cell.values.first()?)
    };
    let level = |position: usize| panel.positions[position].0.clone();
    let n = panel.positions.len();
    let row = |series: String, test: &str, from: usize, to: usize, found: Option<(Number, &'static str)>| {
        tested(&panel.spec.name, series, test, (level(from), level(to)), found, conf_level)
    };
    for test in &panel.spec.tests {
        match test {
            TestName::Steps => {
                for series in 0..panel.series.len() {
                    all.extend((1..n).map(|to| {
                        let pair = number(series, to - 1).zip(number(series, to));
                        let step = pair.map(|((a, scale), (b, _))| (b.minus(&a), scale));
                        row(panel.series[series].0.clone(), "step", to - 1, to, step)
                    }));
                }
            }
            TestName::Trend => {
                for series in 0..panel.series.len() {
                    let known: Vec<_> = (0..n).filter_map(|at| Some((at, number(series, at)?))).collect();
                    let (from, to) = ends(known.iter().map(|(at, _)| *at), n);
                    all.extend(
                        (n > 1).then(|| row(panel.series[series].0.clone(), "trend", from, to, slope(panel, &known))),
                    );
                }
            }
            TestName::Gap if panel.series.len() >= 2 => {
                let name = format!("{} minus {}", panel.series[0].0, panel.series[1].0);
                let gaps: Vec<Option<(Number, &'static str)>> = (0..n)
                    .map(|at| number(0, at).zip(number(1, at)).map(|((a, scale), (b, _))| (a.minus(&b), scale)))
                    .collect();
                let known: Vec<_> = gaps.iter().cloned().enumerate().filter_map(|(at, gap)| Some((at, gap?))).collect();
                all.extend(gaps.into_iter().enumerate().map(|(at, gap)| row(name.clone(), "gap", at, at, gap)));
                let (from, to) = ends(known.iter().map(|(at, _)| *at), n);
                all.extend((n > 1).then(|| row(name, "trend of gap", from, to, slope(panel, &known))));
            }
            TestName::Gap => {}
        }
    }
    all
}

/// First and last of the positions that are known.
fn ends(mut known: impl DoubleEndedIterator<Item = usize>, n: usize) -> (usize, usize) {
    let first = known.next();
    let last = known.next_back().or(first);
    (first.unwrap_or(0), last.unwrap_or(n.saturating_sub(1)))
}

/// The slope over the positions that are known: per unit of their levels if these are numbers, else per position.
fn slope(panel: &PanelCells, known: &[(usize, (Number, &'static str))]) -> Option<(Number, &'static str)> {
    let levels: Option<Vec<f64>> = known
        .iter()
        .map(|(at, _)| panel.positions[*at].0.parse::<f64>().ok().filter(|level| level.is_finite()))
        .collect();
    let scores = levels.unwrap_or_else(|| known.iter().map(|(at, _)| *at as f64).collect());
    let numbers: Vec<&Number> = known.iter().map(|(_, (number, _))| number).collect();
    Some((trend(&numbers, &scores)?, known.first()?.1.1))
}

fn tested(
    panel: &str,
    series: String,
    test: &str,
    (from, to): (String, String),
    found: Option<(Number, &'static str)>,
    conf_level: f64,
) -> Tested {
    let suppressed = found.is_none();
    let (number, scale) = found.unwrap_or_else(|| (Number::missing(0, 0), "plain"));
    let result = number.test(conf_level);
    let (relative, relative_std_error) = relative(result.estimate, result.std_error, scale == "log");
    Tested {
        panel: panel.to_owned(),
        series,
        test: test.to_owned(),
        from,
        to,
        scale,
        estimate: result.estimate,
        std_error: result.std_error,
        statistic: result.statistic,
        p_value: result.p_value,
        conf_low: result.conf_low,
        conf_high: result.conf_high,
        df: if suppressed { f64::NAN } else { result.df },
        relative,
        relative_std_error,
        suppressed,
    }
}

/// exp(b) - 1 and its standard error exp(b) se.
fn relative(estimate: f64, std_error: f64, is_log: bool) -> (f64, f64) {
    if is_log { (estimate.exp_m1(), estimate.exp() * std_error) } else { (f64::NAN, f64::NAN) }
}

/// The effects of a figure from the fits of its models; those without a fit are left out.
pub fn effects_of(effects: &[EffectSpec], fits: &[ModelFit]) -> Vec<Tested> {
    let mut all = Vec::new();
    for effect in effects {
        let fit = fits.iter().find(|fit| fit.model == effect.model && fit.outcome == effect.outcome);
        let Some(row) = fit.and_then(|fit| fit.coefficients.iter().find(|row| row.term == effect.term)) else {
            continue;
        };
        let (relative, relative_std_error) = relative(row.estimate, row.std_error, effect.relative);
        all.push(Tested {
            panel: String::from("model"),
            series: effect.label.clone(),
            test: String::from("effect"),
            from: effect.model.clone(),
            to: effect.term.clone(),
            scale: if effect.relative { "log" } else { "plain" },
            estimate: row.estimate,
            std_error: row.std_error,
            statistic: row.statistic,
            p_value: row.p_value,
            conf_low: row.conf_low,
            conf_high: row.conf_high,
            df: fit.map_or(f64::NAN, |fit| fit.reference.df()),
            relative,
            relative_std_error,
            suppressed: false,
        });
    }
    all
}
