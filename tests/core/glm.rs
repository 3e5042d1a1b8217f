//! Probit and Poisson by full dummy expansion (`glm.py`, checked there against R glm with sandwich and statsmodels);
//! invariances, and what is refused.
//!
//! Tolerance: 1e-9 relative to the largest entry of each vector or matrix; the script works in double precision, and its
//! own gap to R is of that size for standard errors.

use crate::support::{Model, close, csv, floats, json, matrix, model, run, run_all, sessions};
use metier::estimate::FitError;
use metier::result::{Composition, ContrastKind, Family, Reference, VcovKind};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

fn all_close(what: &str, ours: &[f64], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, TOLERANCE, scale);
    }
}

fn read_spec(case: &Value) -> Model {
    let mut spec = model(case["formula"].as_str().unwrap());
    spec.rates = Some("expertise");
    if case["weighted"].as_bool().unwrap() {
        spec.weights = Some("weight");
    }
    spec.options.family = if case["family"] == "probit" { Family::Probit } else { Family::Poisson };
    spec
}

#[test]
fn coefficients_errors_and_rates_equal_dummy_expansion() {
    for (id, case) in json("glm.json")["cases"].as_object().unwrap() {
        let table = sessions(case["rows_read"].as_u64().unwrap() as usize);
        let mut spec = read_spec(case);
        let fit = run(&table, &spec).fit;
        assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
        assert_eq!(fit.small_sample.k as u64, case["K"].as_u64().unwrap(), "{id}");
        assert_eq!(fit.flow.users as u64, case["G"].as_u64().unwrap(), "{id}");
        assert_eq!(fit.reference, Reference::Normal, "{id}");
        let coef: Vec<f64> = fit.coefficients.iter().map(|c| c.estimate).collect();
        all_close(&format!("{id} coef"), &coef, &floats(&case["coef"]));
        all_close(&format!("{id} vcov"), &fit.vcov, &matrix(&case["vcov_cluster"]));
        close(&format!("{id} deviance"), fit.fit.deviance, case["deviance"].as_f64().unwrap(), TOLERANCE, 0.0);
        let log_likelihood = case["log_likelihood"].as_f64().unwrap();
        close(&format!("{id} likelihood"), fit.fit.log_likelihood, log_likelihood, TOLERANCE, 0.0);
        for (composition, key) in [(Composition::Sampled, "sampled"), (Composition::Fixed, "fixed")] {
            spec.options.composition = composition;
            let rates = run(&table, &spec).fit.rates.unwrap();
            assert_eq!(rates.target_rows as u64, case["n_target"].as_u64().unwrap(), "{id}");
            let estimates: Vec<f64> = rates.levels.iter().map(|row| row.estimate).collect();
            all_close(&format!("{id} rates"), &estimates, &floats(&case["rates"]));
            all_close(&format!("{id} rates {key}"), &rates.vcov, &matrix(&case["rates_vcov"][key]));
        }
        if case.get("coef_corrected").is_some() {
            let mut spec = spec.clone();
            spec.options.bias_correction = true;
            let coef: Vec<f64> = run(&table, &spec).fit.coefficients.iter().map(|c| c.estimate).collect();
            all_close(&format!("{id} corrected"), &coef, &floats(&case["coef_corrected"]));
        }
        for (kind, key) in [(VcovKind::Iid, "vcov_iid"), (VcovKind::Hc1, "vcov_hc1")] {
            spec.options.vcov = kind;
            all_close(&format!("{id} {key}"), &run(&table, &spec).fit.vcov, &matrix(&case[key]));
        }
    }
}

#[test]
fn a_poisson_has_no_unit() {
    let table = sessions(6000);
    let mut spec = model("actions ~ i(expertise, ref=1) + log(prompts) | work_mode + month");
    spec.options.family = Family::Poisson;
    spec.rates = Some("expertise");
    let one = run(&table, &spec).fit;
    for factor in ["1e-7", "1e6"] {
        spec.formula = format!("(actions * {factor}) ~ i(expertise, ref=1) + log(prompts) | work_mode + month");
        let other = run(&table, &spec).fit;
        let scale: f64 = factor.parse().unwrap();
        for (a, b) in one.coefficients.iter().zip(&other.coefficients) {
            close(&a.term, b.estimate, a.estimate, 1e-9, 0.0);
            close(&a.term, b.std_error, a.std_error, 1e-9, 0.0);
        }
        let rates = |fit: &metier::result::ModelFit| fit.rates.clone().unwrap();
        for (a, b) in rates(&one).levels.iter().zip(&rates(&other).levels) {
            close(&a.level, b.estimate / scale, a.estimate, 1e-9, 0.0);
            close(&a.level, b.conf_high / scale, a.conf_high, 1e-9, 0.0);
        }
        close("deviance", other.fit.deviance / scale, one.fit.deviance, 1e-9, 0.0);
    }
    let rates = one.rates.unwrap();
    assert_eq!(rates.scale, "log");
    assert!(rates.levels.iter().all(|row| row.conf_low > 0.0 && row.conf_low < row.estimate));
    assert!(rates.contrasts.iter().all(|row| row.kind != ContrastKind::OddsRatio));
}

#[test]
fn the_complement_of_a_probit_changes_signs_only() {
    let table = sessions(6000);
    let mut spec = model("verified ~ i(expertise, ref=1) | work_mode^band");
    spec.options.family = Family::Probit;
    spec.rates = Some("expertise");
    let one = run(&table, &spec).fit;
    spec.formula = String::from("(1 - verified) ~ i(expertise, ref=1) | work_mode^band");
    let other = run(&table, &spec).fit;
    for (a, b) in one.coefficients.iter().zip(&other.coefficients) {
        close(&a.term, -b.estimate, a.estimate, 1e-10, 1.0);
        close(&a.term, b.std_error, a.std_error, 1e-10, 0.0);
    }
    for (a, b) in one.rates.unwrap().levels.iter().zip(&other.rates.unwrap().levels) {
        close(&a.level, 1.0 - b.estimate, a.estimate, 1e-10, 0.0);
        close(&a.level, b.std_error, a.std_error, 1e-10, 0.0);
    }
}

/// A Poisson with an indicator alone is a ratio of means, whatever the outcome's distribution.
#[test]
fn a_poisson_of_an_indicator_is_a_ratio_of_means() {
    let table = csv("mtcars.csv", usize::MAX);
    let mut spec = model("hp ~ i(am, ref=0)");
    spec.cluster.clear();
    spec.options.vcov = VcovKind::Hc1;
    spec.options.family = Family::Poisson;
    let fit = run(&table, &spec).fit;
    spec.formula = String::from("hp ~ i(am)");
    spec.options.family = Family::Ols;
    let means = run(&table, &spec).fit;
    let mean = |k: usize| means.coefficients[0].estimate + if k == 1 { means.coefficients[1].estimate } else { 0.0 };
    close("intercept", fit.coefficients[0].estimate, mean(0).ln(), 1e-12, 0.0);
    close("slope", fit.coefficients[1].estimate, (mean(1) / mean(0)).ln(), 1e-12, 0.0);
}

#[test]
fn outcomes_out_of_range_are_refused() {
    let table = sessions(500);
    let error = |formula: &str, family: Family| {
        let mut spec = model(formula);
        spec.options.family = family;
        run_all(&table, &spec).remove(0).unwrap_err()
    };
    let negative = error("(actions - 3) ~ log(prompts)", Family::Poisson);
    assert!(matches!(&negative, FitError::Negative { value, .. } if *value < 0.0), "{negative}");
    assert!(negative.to_string().starts_with("a Poisson regression needs outcomes of 0 or more"), "{negative}");
    let counts = error("actions ~ log(prompts)", Family::Probit);
    assert!(counts.to_string().starts_with("a probit needs outcomes 0 and 1"), "{counts}");
    let zero = error("(0 * actions) ~ log(prompts)", Family::Poisson);
    assert!(matches!(zero, FitError::ConstantOutcome { .. }), "{zero}");
}
