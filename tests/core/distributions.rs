//! Distribution functions against 40-digit references (`distributions.py`), extremes included.

use crate::support::{close, json};
use metier::inference::distributions::{
    chi_square_tail, f_tail, normal_quantile_upper, normal_tail, student_quantile_upper, student_tail,
};
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
        close(
            &format!("t quantile {:e} df {}", row[0], row[1]),
            student_quantile_upper(row[0], row[1]),
            row[2],
            tolerance,
            0.0,
        );
    }
    for row in rows("normal_quantile") {
        close(&format!("normal quantile {}", row[0]), normal_quantile_upper(row[0]), row[1], 1e-14, 0.0);
    }
}

/// Of chi-square and F: a few thousand terms of a fraction and an exponent of up to 700 cost a digit more.
const TOLERANCE_OF_SUMS: f64 = 1e-12;

#[test]
fn chi_square_tails() {
    for row in rows("chi2_tail").iter().chain(&rows("chi2_far_tail")) {
        let found = chi_square_tail(row[0], row[1]);
        close(&format!("chi-square tail {} df {}", row[0], row[1]), found, row[2], TOLERANCE_OF_SUMS, 0.0);
    }
    // the tail at a quantile is the probability: quantiles of doubles carry their own rounding, times the slope
    for row in rows("chi2_quantile") {
        close(&format!("chi-square {} df {}", row[0], row[1]), chi_square_tail(row[2], row[1]), row[0], 1e-11, 0.0);
    }
}

#[test]
fn f_tails() {
    for row in rows("f_tail").iter().chain(&rows("f_far_tail")) {
        let what = format!("F tail {} df {} {}", row[0], row[1], row[2]);
        close(&what, f_tail(row[0], row[1], row[2]), row[3], TOLERANCE_OF_SUMS, 0.0);
    }
    for row in rows("f_quantile") {
        let what = format!("F {} df {} {}", row[0], row[1], row[2]);
        close(&what, f_tail(row[3], row[1], row[2]), row[0], 1e-11, 0.0);
    }
}

#[test]
fn the_distributions_agree_where_they_meet() {
    for x in [0.01, 0.7, 3.0, 40.0] {
        close("F(1, df) is t squared", f_tail(x * x, 1.0, 17.0), 2.0 * student_tail(x, 17.0), 1e-15, 0.0);
        close("F(q, inf) is chi-square / q", f_tail(x, 3.0, f64::INFINITY), chi_square_tail(3.0 * x, 3.0), 1e-15, 0.0);
        close("chi-square of 2 is exponential", chi_square_tail(x, 2.0), (-0.5 * x).exp(), 1e-14, 0.0);
    }
    assert!(chi_square_tail(1.0, 0.0).is_nan() && f_tail(f64::NAN, 1.0, 1.0).is_nan());
    assert_eq!((chi_square_tail(-1.0, 3.0), f_tail(0.0, 2.0, 5.0)), (1.0, 1.0));
    assert_eq!((chi_square_tail(f64::INFINITY, 3.0), f_tail(f64::INFINITY, 2.0, 5.0)), (0.0, 0.0));
}
