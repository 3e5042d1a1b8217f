//! Small-sample conventions against the programs they are named after (`conventions.py`), and against published numbers.
//!
//! Tolerance: 1e-9 relative for standard errors of linear models, 1e-8 for those of a logit (where the iterations of
//! the programs end), 1e-6 for pyfixest's (it evaluates the information one step before its last); p-values to 1e-6.

use crate::support::{close, csv, json, model, run};
use metier::estimate::Fitted;
use metier::result::{Estimate, Family, ModelFit, Reference, VcovKind};
use metier::vcov::convention::Ssc;
use metier::vcov::multiway::Multiway;
use metier::vcov::programs::{Report, reports};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

/// Fits a case of the oracle by a convention.
fn fitted(case: &Value, ssc: &str, multiway: Multiway) -> ModelFit {
    fitted_with(case, ssc, multiway).fit
}

/// The same with the covariance before its factor.
fn fitted_with(case: &Value, ssc: &str, multiway: Multiway) -> Fitted {
    let texts = |key: &str| -> Vec<String> {
        case[key].as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let mut formula = case["formula"].as_str().unwrap().to_owned();
    if !texts("effects").is_empty() {
        formula += &format!(" | {}", texts("effects").join(" + "));
    }
    let mut spec = model(&formula);
    spec.cluster = texts("cluster").into_iter().map(|name| &*name.leak()).collect();
    spec.options.vcov = if spec.cluster.is_empty() { VcovKind::Hc1 } else { VcovKind::Cr1 };
    spec.options.family = if case["family"] == "logit" { Family::Logit } else { Family::Ols };
    spec.options.drop_singletons = false;
    spec.options.ssc = Ssc::parse(ssc).unwrap();
    spec.options.multiway = multiway;
    spec.options.keep_bare = true;
    run(&csv(case["data"].as_str().unwrap(), usize::MAX), &spec)
}

fn term<'a>(fit: &'a ModelFit, name: &str) -> &'a Estimate {
    let plain = |text: &str| text.trim_matches(|c| c == '(' || c == ')').to_owned();
    fit.coefficients.iter().find(|c| plain(&c.term) == plain(name)).unwrap_or_else(|| panic!("no term {name}"))
}

/// Compares every standard error, and p-values and degrees of freedom where the program has them.
fn compare(id: &str, fit: &ModelFit, expected: &Value) -> usize {
    let tolerance = match (fit.family, id.contains("pyfixest")) {
        (Family::Ols, _) => TOLERANCE,
        (_, true) => 1e-6,
        _ => 1e-8,
    };
    let mut compared = 0;
    for (name, se) in expected["se"].as_object().unwrap() {
        let ours = term(fit, name);
        let Some(se) = se.as_f64() else {
            assert!(ours.std_error.is_nan(), "{id}: {name} has a standard error, and there it has none");
            continue;
        };
        close(&format!("{id} se {name}"), ours.std_error, se, tolerance, 0.0);
        if let Some(p) = expected["p"][name].as_f64() {
            // a program's own tail has few digits far out
            close(&format!("{id} p {name}"), ours.p_value, p, if tolerance > 1e-7 { 1e-4 } else { 1e-6 }, 1e-9);
        }
        compared += 1;
    }
    if let Some(df) = expected["df"].as_f64() {
        assert_eq!(fit.reference, Reference::StudentT(df), "{id}");
    }
    compared
}

#[test]
fn every_program_agrees_with_the_convention_of_its_name() {
    let reference = json("conventions.json");
    // what a program was asked for, and what that is here
    let conventions = [
        ("pyfixest", "fixest"),
        ("pyfixest(g=each)", "fixest(g = each)"),
        ("pyfixest(effects=full)", "fixest(effects = full)"),
        ("pyfixest(effects=none)", "fixest(effects = none)"),
        ("pyfixest(g=none)", "fixest(g = none)"),
        ("pyfixest(k=none)", "fixest(k = none)"),
        ("statsmodels", "statsmodels"),
        ("linearmodels", "linearmodels"),
        ("linearmodels(group_debias)", "linearmodels(k = n-1, g = each)"),
        ("sandwich", "sandwich"),
    ];
    let mut compared = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        for (program, ssc) in conventions {
            let programs = &case["programs"];
            // pyfixest's HC1 is n/(n-K) or nothing; R's fixest has (n-1)/(n-K) and n/(n-1), which can go one by one
            let apart = case["cluster"].is_null() && ["pyfixest(g=none)", "pyfixest(k=none)"].contains(&program);
            if programs[program].is_null() || apart {
                continue;
            }
            // these programs leave negative variances as they are
            let fit = fitted(case, ssc, Multiway::Cgm);
            assert!(fit.small_sample.convention.starts_with(ssc.split('(').next().unwrap()));
            compared += compare(&format!("{id} {program}"), &fit, &programs[program]);
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn clubsandwich_has_stata_and_the_factor_of_groups_alone() {
    let reference = json("conventions.json");
    let mut compared = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        for (program, ssc) in [("CR1", "custom(k = none, g = each, t = g)"), ("CR1S", "stata")] {
            if !case["programs"][program].is_null() {
                let fit = fitted(case, ssc, Multiway::Cgm);
                compared += compare(&format!("{id} {program}"), &fit, &case["programs"][program]);
            }
        }
    }
    assert!(compared >= 38, "{compared}");
}

/// What is said of other programs without fitting again, whatever convention the fit had, is what they say.
#[test]
fn reports_of_other_programs_are_theirs() {
    let reference = json("conventions.json");
    let mut compared = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        for ssc in ["fixest", "custom(k = none, g = none, t = z)"] {
            let fitted = fitted_with(case, ssc, Multiway::Sum);
            let (fit, bare) = (&fitted.fit, fitted.bare.as_ref().unwrap());
            let has_intercept = fit.coefficients[0].term == "(Intercept)";
            let found = reports(bare, fit.family, fit.vcov_kind, has_intercept);
            for (program, name) in [
                ("pyfixest", "pyfixest"),
                ("statsmodels", "statsmodels"),
                ("linearmodels", "linearmodels PanelOLS"),
                ("linearmodels(group_debias)", "linearmodels PanelOLS, group_debias"),
                ("sandwich", "R sandwich"),
                ("CR1", "R clubSandwich CR1"),
                ("CR1S", "R clubSandwich CR1S"),
                ("CR1p", "R clubSandwich CR1p"),
            ] {
                let expected = &case["programs"][program];
                if expected.is_null() {
                    continue;
                }
                let is_it = |report: &&Report| {
                    let prefix = ["statsmodels", "R sandwich"].contains(&name) && report.program.starts_with(name);
                    report.program == name || prefix
                };
                let report = found.iter().find(is_it).unwrap_or_else(|| panic!("{id}: no {name}"));
                let mut theirs = fit.clone();
                theirs.reference = report.reference;
                for (coefficient, &se) in theirs.coefficients.iter_mut().zip(&report.std_errors) {
                    coefficient.std_error = se;
                    coefficient.p_value = report.reference.p_value(coefficient.estimate / se);
                }
                compared += compare(&format!("{id} {program} from {ssc}"), &theirs, expected);
            }
        }
    }
    assert!(compared > 250, "{compared}");
}

/// A convention given as the way to get a program's numbers here gives them.
#[test]
fn the_way_to_get_a_report_here_leads_there() {
    let reference = json("conventions.json");
    for (id, case) in reference["cases"].as_object().unwrap() {
        let fitted = fitted_with(case, "fixest", Multiway::Cgm);
        let (fit, bare) = (&fitted.fit, fitted.bare.as_ref().unwrap());
        let has_intercept = fit.coefficients[0].term == "(Intercept)";
        for report in reports(bare, fit.family, fit.vcov_kind, has_intercept) {
            let Some(ssc) = &report.ssc else { continue };
            if report.notes.iter().any(|note| note.contains("eigenvalues")) {
                continue;
            }
            let ours = self::fitted(case, ssc, Multiway::Cgm);
            assert_eq!(ours.reference, report.reference, "{id} {}", report.program);
            assert_eq!(ours.small_sample.k, report.small_sample.k, "{id} {}", report.program);
            for (ours, theirs) in ours.coefficients.iter().zip(&report.std_errors) {
                if theirs.is_nan() {
                    assert!(ours.std_error.is_nan());
                } else {
                    close(&format!("{id} {}", report.program), ours.std_error, *theirs, 1e-13, 0.0);
                }
            }
        }
    }
}

/// Values of Stata's `regress`, `areg`, `xtreg`, `logit` and of reghdfe, and Petersen's table.
#[test]
fn published_values_under_the_convention_they_have() {
    let reference = json("conventions.json");
    let se = |id: &str, ssc: &str, name: &str| {
        let fit = fitted(&reference["cases"][id], ssc, Multiway::Eigen);
        term(&fit, name).std_error
    };
    // Petersen (2009), test data page: all digits it prints
    for (id, printed) in [("petersen_firm", 0.0506), ("petersen_year", 0.0334), ("petersen_two_way", 0.0536)] {
        let ours = se(id, "stata", "x");
        assert!((ours - printed).abs() <= 0.5e-4, "{id}: {ours}");
    }
    for (id, ssc, name, expected) in [
        ("petersen_two_way", "stata", "x", 0.053_558_022_944_9),
        ("petersen_two_way", "reghdfe", "x", 0.055_297_390_635_354_2),
        ("petersen_firm_fe", "reghdfe", "x", 0.030_144_988_644_3),
        ("petersen_firm_fe", "stata", "x", 0.031_772_782_800_1),
        ("mroz_logit", "stata", "kidslt6", 0.167_731_004_815_681_5),
        ("mroz_logit", "statsmodels", "kidslt6", 0.168_517_160_468_096_9),
        // Stock and Watson, table 10.1, column 3: -0.64 (0.36)
        ("fatalities", "reghdfe", "beertax", 0.357_078_345_548),
    ] {
        close(&format!("{id} {ssc}"), se(id, ssc, name), expected, 1e-8, 0.0);
    }
}

/// R's `vcovCL(fix = TRUE)` and an eigendecomposition of the coefficients' covariance in R.
#[test]
fn negative_eigenvalues_become_zero_and_are_told() {
    let reference = json("conventions.json");
    for id in ["mtcars_negative", "mtcars_indefinite"] {
        let case = &reference["cases"][id];
        let fit = fitted(case, "sandwich", Multiway::Eigen);
        for key in ["eigen_se", "vcovCL_fix_se"] {
            for (name, expected) in case["programs"][key].as_object().unwrap() {
                let name = name.trim_matches(|c| c == '(' || c == ')');
                close(&format!("{id} {key} {name}"), term(&fit, name).std_error, expected.as_f64().unwrap(), 1e-8, 0.0);
            }
        }
        let smallest = case["programs"]["eigenvalues"].as_array().unwrap().last().unwrap().as_f64().unwrap();
        let told = fit.warnings.iter().filter(|w| w.contains("negative eigenvalue")).collect::<Vec<_>>();
        assert!(told.len() == 1 && told[0].contains(&format!("{smallest:.3e}")), "{id} {smallest}: {:?}", fit.warnings);
    }
    // as it is, the variance has no root, and the warning has the variance
    let fit = fitted(&reference["cases"]["mtcars_negative"], "sandwich", Multiway::Cgm);
    assert!(term(&fit, "hp").std_error.is_nan());
    assert!(
        fit.warnings.iter().any(|w| w.contains("`hp` is negative (-2.5") && w.contains("`sum`")),
        "{:?}",
        fit.warnings
    );
}

#[test]
fn the_sum_of_one_way_variances_is_never_negative() {
    let reference = json("conventions.json");
    for id in ["mtcars_negative", "mtcars_indefinite", "petersen_two_way"] {
        let case = &reference["cases"][id];
        let sum = fitted(case, "statsmodels", Multiway::Sum);
        let mut expected = vec![0.0; sum.vcov.len()];
        for cluster in case["cluster"].as_array().unwrap() {
            let mut one = case.clone();
            one["cluster"] = serde_json::json!([cluster]);
            let fit = fitted(&one, "statsmodels", Multiway::Cgm);
            expected.iter_mut().zip(&fit.vcov).for_each(|(sum, value)| *sum += value);
        }
        for (ours, expected) in sum.vcov.iter().zip(&expected) {
            close(id, *ours, *expected, 1e-12, 0.0);
        }
        assert_eq!(sum.clusters.len(), 2);
        assert!(sum.warnings.iter().all(|warning| !warning.contains("negative")), "{:?}", sum.warnings);
    }
}

/// The factor is on everything: rates and contrasts keep the ratio of the coefficients.
#[test]
fn rates_and_contrasts_have_the_same_factor() {
    let table = crate::support::sessions(2_000);
    let mut spec = model("verified ~ i(expertise) | work_mode");
    spec.rates = Some("expertise");
    let base = run(&table, &spec).fit;
    for ssc in ["stata", "none", "linearmodels", "custom(k = n, effects = none, g = none, t = z)"] {
        spec.options.ssc = Ssc::parse(ssc).unwrap();
        let other = run(&table, &spec).fit;
        let ratio = (other.small_sample.factor / base.small_sample.factor).sqrt();
        let (a, b) = (base.rates.as_ref().unwrap(), other.rates.as_ref().unwrap());
        for (a, b) in base.coefficients.iter().zip(&other.coefficients) {
            close(ssc, b.std_error, a.std_error * ratio, 1e-12, 0.0);
        }
        for (a, b) in a.levels.iter().zip(&b.levels) {
            close(ssc, b.std_error, a.std_error * ratio, 1e-12, 0.0);
        }
        for (a, b) in a.contrasts.iter().zip(&b.contrasts) {
            close(ssc, b.std_error, a.std_error * ratio, 1e-12, 0.0);
        }
    }
}
