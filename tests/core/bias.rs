//! The bias of many fixed effects, by simulation with fixed draws, and its analytic correction.
//!
//! With 8 rows per level a logit is about a sixth too far from zero; the correction leaves a fraction of that.

use crate::separation::{Draws, table};
use crate::support::{Model, model, run, run_all};
use metier::estimate::FitError;
use metier::result::Family;
use metier::table::Table;

/// A panel of `levels` x `rows` rows: the effect goes along with the regressor, the slope is one.
fn panel(draws: &mut Draws, levels: usize, rows: usize, probit: bool, two_way: bool) -> Table {
    let mut normal = || (0..12).map(|_| draws.uniform()).sum::<f64>() - 6.0;
    let times: Vec<f64> = (0..rows).map(|_| if two_way { 0.5 * normal() } else { 0.0 }).collect();
    let (mut y, mut x, mut id, mut t) = (vec![], vec![], vec![], vec![]);
    for level in 0..levels {
        let effect = 0.5 * normal();
        for (row, time) in times.iter().enumerate() {
            let value = 0.8 * normal() + 0.5 * effect + 0.3 * time;
            let noise = if probit {
                normal()
            } else {
                let u = normal();
                // a normal draw through its distribution function is uniform; the logistic is its log odds
                let p = 1.0 - metier::inference::distributions::normal_tail(u);
                (p / (1.0 - p)).ln()
            };
            y.push(f64::from(value + effect + time + noise > 0.0));
            x.push(value);
            id.push(level);
            t.push(row);
        }
    }
    table(&[("y", y), ("x", x)], &[("id", id.clone()), ("t", t), ("user_id", id)])
}

fn spec(formula: &str, family: Family, corrected: bool) -> Model {
    let mut spec = model(formula);
    spec.options.family = family;
    spec.options.bias_correction = corrected;
    spec
}

#[test]
fn the_correction_takes_out_most_of_the_bias() {
    for (family, formula, levels, rows, replications) in [
        (Family::Logit, "y ~ x | id", 400, 8, 40),
        (Family::Probit, "y ~ x | id", 400, 8, 40),
        (Family::Logit, "y ~ x | id + t", 24, 24, 60),
    ] {
        let mut draws = Draws(5);
        let (mut plain, mut corrected) = (0.0, 0.0);
        for _ in 0..replications {
            let data = panel(&mut draws, levels, rows, family == Family::Probit, formula.contains("+ t"));
            let estimate = |correct| run(&data, &spec(formula, family, correct)).fit.coefficients[0].estimate;
            plain += estimate(false) / f64::from(replications);
            corrected += estimate(true) / f64::from(replications);
        }
        let (before, after) = (plain - 1.0, corrected - 1.0);
        println!("{family:?} {formula}: {before:.4} {after:.4}");
        assert!(before > 0.05, "{family:?} {formula}: {before}");
        assert!(after.abs() < before / 4.0, "{family:?} {formula}: {before} {after}");
    }
}

#[test]
fn what_is_reported_with_and_without_a_correction() {
    let data = panel(&mut Draws(3), 200, 8, false, false);
    let plain = run(&data, &spec("y ~ x | id", Family::Logit, false)).fit;
    let corrected = run(&data, &spec("y ~ x | id", Family::Logit, true)).fit;
    assert!(corrected.coefficients[0].estimate.abs() < plain.coefficients[0].estimate.abs());
    // one is fitted on cells, the other on rows
    let (a, b) = (corrected.coefficients[0].std_error, plain.coefficients[0].std_error);
    assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
    assert!(plain.warnings.iter().any(|text| text.contains("Kd/n") && text.contains("--bias-correction")));
    assert!(corrected.warnings.iter().any(|text| text.contains("are corrected for the bias")));
    // with many rows per level there is nothing to say
    let long = panel(&mut Draws(3), 10, 200, false, false);
    let warnings = run(&long, &spec("y ~ x | id", Family::Logit, false)).fit.warnings;
    assert!(warnings.iter().all(|text| !text.contains("Kd/n")), "{warnings:?}");
}

#[test]
fn a_correction_without_a_bias_is_refused() {
    let data = panel(&mut Draws(3), 20, 8, false, false);
    for (formula, family, reason) in [
        ("y ~ x | id", Family::Poisson, "a Poisson regression with one or two fixed effects has no such bias"),
        ("y ~ x | id", Family::Ols, "least squares has no such bias"),
        ("y ~ x", Family::Logit, "the formula has no fixed effects"),
    ] {
        let error = run_all(&data, &spec(formula, family, true)).remove(0).unwrap_err();
        assert_eq!(error, FitError::NoBiasCorrection { reason });
    }
}
