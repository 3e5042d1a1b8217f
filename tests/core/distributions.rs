//! Distribution functions against 40-digit references (`distributions.py`), extremes included.

use crate::support::{close, json};
use metier::inference::distributions::{normal_quantile_upper, normal_tail, student_quantile_upper, student_tail};
use serde_json::Value;

/// Relative error allowed: a few hundred units in the last place, what the far tails lose in exp() of large exponents.
const TOLERANCE: f64 = 2e-13;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn rows(key: &str) -> Vec<Vec<f64>> {
    let rows = json("distributions.json")[key].as_array().unwrap().clone();
    rows.iter().map(|row| row.as_array().unwrap().iter().map(number).collect()).collect()
}

#[test]
fn tails() {
    // numbers below the smallest normal double have no digits to compare
    for row in rows("t_tail").iter().filter(|row| row[2] > 1e-300) {
        close(&format!("t tail {} df {}", row[0], row[1]), student_tail(row[0], row[1]), row[2], TOLERANCE, 0.0);
    }
    for row in rows("normal_tail").iter().filter(|row| row[1] > 1e-300) {
        close(&format!("normal tail {}", row[0]), normal_tail(row[0]), row[1], TOLERANCE, 0.0);
    }
}

#[test]
fn quantiles() {
    for row in rows("t_quantile").iter().filter(|row| row[2].is_finite()) {
        // the logarithm of a tiny probability carries its own rounding: eps |ln p|, over df in the quantile
        let tolerance = 1e-14 + 2.0 * f64::EPSILON * row[0].ln().abs();
        close(&format!("t quantile {:e} df {}", row[0], row[1]), student_quantile_upper(row[0], row[1]), row[2], tolerance, 0.0);
    }
    for row in rows("normal_quantile") {
        close(&format!("normal quantile {}", row[0]), normal_quantile_upper(row[0]), row[1], 1e-14, 0.0);
    }
}
