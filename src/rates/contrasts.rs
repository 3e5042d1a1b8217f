//! Differences and ratios of adjusted rates, from their covariance.

use crate::result::{ContrastKind, ContrastRow, Reference};

/// Derivatives of each row of [`all`] with respect to the rates (of the logarithm, for ratios), in its order.
pub fn gradients(rates: &[f64], base: usize) -> Vec<(ContrastKind, Vec<f64>)> {
    let n = rates.len();
    let others = || (0..n).filter(move |&k| k != base);
    let row = |kind: ContrastKind, a: usize, b: usize| {
        let slope = |k: usize| match kind {
            ContrastKind::Reference | ContrastKind::Adjacent => 1.0,
            ContrastKind::Ratio => 1.0 / rates[k],
            ContrastKind::OddsRatio => 1.0 / (rates[k] * (1.0 - rates[k])),
        };
        let mut gradient = vec![0.0; n];
        gradient[a] += slope(a);
        gradient[b] -= slope(b);
        (kind, gradient)
    };
    let mut rows: Vec<_> = others().map(|k| row(ContrastKind::Reference, k, base)).collect();
    rows.extend((1..n).map(|k| row(ContrastKind::Adjacent, k, k - 1)));
    rows.extend(others().map(|k| row(ContrastKind::Ratio, k, base)));
    if rates.iter().all(|&rate| rate > 0.0 && rate < 1.0) {
        rows.extend(others().map(|k| row(ContrastKind::OddsRatio, k, base)));
    }
    rows
}

/// Puts every contrast on a t distribution of its own, with these degrees of freedom.
pub fn refer(rows: &mut [ContrastRow], df: &[f64], conf_level: f64) {
    for (row, &df) in rows.iter_mut().zip(df) {
        let reference = Reference::StudentT(df);
        let half = reference.critical(conf_level) * row.std_error;
        row.p_value = reference.p_value(row.statistic);
        (row.conf_low, row.conf_high) = match row.kind {
            ContrastKind::Reference | ContrastKind::Adjacent => (row.estimate - half, row.estimate + half),
            ContrastKind::Ratio | ContrastKind::OddsRatio => {
                let log = row.estimate.ln();
                ((log - half).exp(), (log + half).exp())
            }
        };
    }
}

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
