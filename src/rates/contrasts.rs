//! Differences and ratios of adjusted rates, from their covariance.

use crate::result::{ContrastKind, ContrastRow, Reference};

/// Contrasts against the reference level, adjacent steps, ratios and odds ratios against the reference.
///
/// `vcov` is the covariance of `rates`, row-major. Ratios are inferred on the log scale:
/// phi(log R_k/R_0) = phi(k)/R_k - phi(0)/R_0; odds ratios with R(1-R) for R.
pub fn all(
    rates: &[f64],
    vcov: &[f64],
    levels: &[String],
    base: usize,
    reference: Reference,
    critical: f64,
) -> Vec<ContrastRow> {
    let n = rates.len();
    let mut rows = Vec::new();
    let others = || (0..n).filter(move |&k| k != base);
    let variance = |a: usize, b: usize, ca: f64, cb: f64| {
        let parts = [ca * ca * vcov[a * n + a], cb * cb * vcov[b * n + b], 2.0 * ca * cb * vcov[a * n + b]];
        let sum = parts[0] + parts[1] + parts[2];
        // what cancelled to rounding is zero, a negative variance has no root
        let rounding = 1e-12 * parts.iter().fold(0.0, |a: f64, part| a.max(part.abs()));
        if sum < 0.0 && sum >= -rounding { 0.0 } else { sum }
    };
    let mut difference = |kind, a: usize, b: usize| {
        let estimate = rates[a] - rates[b];
        let std_error = variance(a, b, 1.0, -1.0).sqrt();
        let statistic = estimate / std_error;
        rows.push(ContrastRow {
            contrast: format!("{} - {}", levels[a], levels[b]),
            kind,
            estimate,
            std_error,
            statistic,
            p_value: reference.p_value(statistic),
            conf_low: estimate - critical * std_error,
            conf_high: estimate + critical * std_error,
        });
    };
    others().for_each(|k| difference(ContrastKind::Reference, k, base));
    (1..n).for_each(|k| difference(ContrastKind::Adjacent, k, k - 1));
    let mut ratio = |kind: ContrastKind, a: usize, odds: bool| {
        let value = |k: usize| if odds { rates[k] / (1.0 - rates[k]) } else { rates[k] };
        let slope = |k: usize| if odds { 1.0 / (rates[k] * (1.0 - rates[k])) } else { 1.0 / rates[k] };
        let estimate = value(a) / value(base);
        let possible = value(a) > 0.0 && value(base) > 0.0;
        let std_error = if possible { variance(a, base, slope(a), -slope(base)).sqrt() } else { f64::NAN };
        let log = if possible { estimate.ln() } else { f64::NAN };
        let statistic = log / std_error;
        rows.push(ContrastRow {
            contrast: format!("{} / {}", levels[a], levels[base]),
            kind,
            estimate: if possible { estimate } else { f64::NAN },
            std_error,
            statistic,
            p_value: reference.p_value(statistic),
            conf_low: (log - critical * std_error).exp(),
            conf_high: (log + critical * std_error).exp(),
        });
    };
    others().for_each(|k| ratio(ContrastKind::Ratio, k, false));
    if rates.iter().all(|&rate| rate > 0.0 && rate < 1.0) {
        others().for_each(|k| ratio(ContrastKind::OddsRatio, k, true));
    }
    rows
}
