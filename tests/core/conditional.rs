//! Conditional logit against R's survival (`clogit.R`): textbook data, strata of 2 to 40 rows, clusters that cut through strata;
//! and what it equals by construction. Tolerance 1e-9: survival stops at a relative change of 1e-14 of the likelihood, which is
//! about the square of the error of its coefficients.

use crate::support::{Model, close, csv, floats, json, model, run, run_all, sessions};
use metier::estimate::FitError;
use metier::result::{Family, ModelFit, VcovKind};
use metier::table::{Column, Factor, Table};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

fn clogit(formula: &str, cluster: Option<&'static str>) -> Model {
    let mut spec = model(formula);
    spec.cluster = cluster.into_iter().collect();
    spec.options.family = Family::Clogit;
    spec.options.vcov = if cluster.is_some() { VcovKind::Cr1 } else { VcovKind::Iid };
    spec
}

#[track_caller]
fn all_close(what: &str, ours: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, tolerance, scale);
    }
}

fn coef(fit: &ModelFit) -> Vec<f64> {
    fit.coefficients.iter().map(|row| row.estimate).collect()
}

fn errors(fit: &ModelFit) -> Vec<f64> {
    fit.coefficients.iter().map(|row| row.std_error).collect()
}

/// Errors with the factor (n - 1)/(n - K) taken out.
fn bare(fit: &ModelFit) -> Vec<f64> {
    errors(fit).iter().map(|error| error / fit.small_sample.factor.sqrt()).collect()
}

#[test]
fn infertility_after_abortion() {
    let table = csv("infert.csv", usize::MAX);
    let fit = run(&table, &clogit("case ~ spontaneous + induced | stratum", None)).fit;
    let case = &json("clogit.json")["infert"];
    all_close("coef", &coef(&fit), &floats(&case["coef"]), TOLERANCE);
    all_close("se", &bare(&fit), &floats(&case["se"]), TOLERANCE);
    close("log likelihood", fit.fit.log_likelihood, case["log_likelihood"].as_f64().unwrap(), 1e-12, 0.0);
    let pseudo = 1.0 - case["log_likelihood"].as_f64().unwrap() / case["null"].as_f64().unwrap();
    close("pseudo R2", fit.fit.pseudo_r2, pseudo, 1e-11, 0.0);
    // published with R's documentation of the data
    close("spontaneous", fit.coefficients[0].estimate, 1.98587551668, 1e-10, 0.0);
    close("induced", fit.coefficients[1].estimate, 1.40901163188, 1e-10, 0.0);
}

/// The strata that the script drew.
fn strata(case: &Value, whole: bool) -> Table {
    let data = &case["data"];
    let x = floats(&data["x"]);
    let mut table = Table::new(x.len());
    let labels: Vec<Option<&str>> = data["user"].as_array().unwrap().iter().map(Value::as_str).collect();
    table.insert(Column::factor("user", Factor::from_labels(&labels)));
    for name in ["stratum", "z", "y"] {
        table.insert(Column::number(name, floats(&data[name])));
    }
    // R rounds half to even
    table.insert(Column::number("x", if whole { x.iter().map(|x| x.round_ties_even()).collect() } else { x }));
    table
}

#[test]
fn strata_of_many_sizes_with_and_without_clusters() {
    let reference = json("clogit.json");
    for (id, whole) in [("strata", false), ("classes", true)] {
        let case = &reference[id];
        let table = strata(&reference["strata"], whole);
        let formula = "y ~ x + i(z) | stratum";
        let fit = run(&table, &clogit(formula, None)).fit;
        assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
        assert_eq!(fit.flow.cells as u64, case["strata"].as_u64().unwrap(), "{id}");
        all_close(&format!("{id} coef"), &coef(&fit), &floats(&case["coef"]), TOLERANCE);
        all_close(&format!("{id} se"), &bare(&fit), &floats(&case["se"]), TOLERANCE);
        close(id, fit.fit.log_likelihood, case["log_likelihood"].as_f64().unwrap(), 1e-12, 0.0);
        let clustered = run(&table, &clogit(formula, Some("user"))).fit;
        assert_eq!(clustered.flow.users as u64, case["G"].as_u64().unwrap(), "{id}");
        all_close(&format!("{id} cluster"), &errors(&clustered), &floats(&case["cluster"]), TOLERANCE);
        let mut robust = clogit(formula, None);
        robust.options.vcov = VcovKind::Hc1;
        all_close(&format!("{id} hc1"), &errors(&run(&table, &robust).fit), &floats(&case["hc"]), TOLERANCE);
    }
}

/// Pairs: the likelihood is that of a logit in differences, without intercept.
#[test]
fn pairs_are_a_logit_of_differences() {
    let x: Vec<f64> = (0..400).map(|i| f64::from((i * 37 % 101) as u32) / 50.0).collect();
    let y: Vec<f64> = (0..400).map(|i| f64::from(u32::from((i * 53 + i / 7) % 5 < 2))).collect();
    let mut pairs = Table::new(400);
    pairs.insert(Column::number("x", x.clone()));
    pairs.insert(Column::number("y", y.clone()));
    pairs.insert(Column::number("pair", (0..400).map(|i| f64::from(i / 2)).collect()));
    let conditional = run(&pairs, &clogit("y ~ x | pair", None)).fit;
    let discordant: Vec<usize> = (0..200).filter(|&s| y[2 * s] != y[2 * s + 1]).collect();
    let mut differences = Table::new(discordant.len());
    differences.insert(Column::number("d", discordant.iter().map(|&s| x[2 * s] - x[2 * s + 1]).collect()));
    differences.insert(Column::number("first", discordant.iter().map(|&s| y[2 * s]).collect()));
    let mut spec = model("first ~ 0 + d");
    spec.cluster = vec![];
    spec.options.family = Family::Logit;
    spec.options.vcov = VcovKind::Iid;
    let plain = run(&differences, &spec).fit;
    close("coefficient", coef(&conditional)[0], coef(&plain)[0], 1e-10, 0.0);
    close("error", bare(&conditional)[0], bare(&plain)[0], 1e-9, 0.0);
    assert_eq!(conditional.flow.rows_used, 2 * discordant.len());
}

#[test]
fn large_strata_are_near_the_logit_with_dummies_and_threads_do_not_matter() {
    let table = sessions(3000);
    let formula = "verified ~ i(expertise, ref = 1) + log(prompts) | work_mode";
    let conditional = clogit(formula, Some("user_id"));
    let found = run(&table, &conditional).fit;
    let mut spec = model(formula);
    spec.options.family = Family::Logit;
    let logit = run(&table, &spec).fit;
    for (a, b) in found.coefficients.iter().zip(&logit.coefficients) {
        close(&a.term, a.estimate, b.estimate, 2e-2, 0.1);
        close(&a.term, a.std_error, b.std_error, 2e-2, 0.0);
    }
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| format!("{:?}", run(&table, &conditional).fit))
    };
    assert!(with(1) == with(3));
}

#[test]
fn what_has_no_conditional_likelihood_is_refused() {
    let table = sessions(3000);
    let refused = |spec: &Model| run_all(&table, spec).remove(0).unwrap_err();
    let conditional = |error: FitError| matches!(error, FitError::NoConditional { .. });
    assert!(conditional(refused(&clogit("verified ~ i(expertise)", None))));
    let mut spec = clogit("verified ~ i(expertise) | month", None);
    spec.rates = Some("expertise");
    assert!(conditional(refused(&spec)));
    let mut spec = clogit("verified ~ i(expertise) | month", None);
    spec.weights = Some("weight");
    assert!(conditional(refused(&spec)));
    assert!(conditional(refused(&clogit("verified ~ log(prompts) + verified | month", None))), "infinite");
    let constant = refused(&clogit("verified ~ software | month^software", None));
    assert!(
        matches!(&constant, FitError::NothingEstimable { reasons, .. } if reasons.contains("constant within")),
        "{constant}"
    );
    assert!(matches!(refused(&clogit("prompts ~ i(expertise) | month", None)), FitError::NotBinary { .. }));
}
