//! Firth's penalised likelihood against R's brglm2 (`firth.R`): the textbook separation, and logits with absorbed effects against
//! dummies, with weights, with clusters. Tolerance 1e-9: the script iterates to steps of 1e-14.

use crate::support::{Model, close, csv, floats, json, model, run, run_all, sessions};
use metier::estimate::FitError;
use metier::result::{Family, ModelFit, VcovKind};

const TOLERANCE: f64 = 1e-9;

fn firth(formula: &str, clustered: bool) -> Model {
    let mut spec = model(formula);
    spec.options.family = Family::Logit;
    spec.options.firth = true;
    if !clustered {
        spec.cluster = vec![];
        spec.options.vcov = VcovKind::Iid;
    }
    spec
}

#[track_caller]
fn all_close(what: &str, ours: &[f64], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, TOLERANCE, scale);
    }
}

fn coef(fit: &ModelFit) -> Vec<f64> {
    fit.coefficients.iter().map(|row| row.estimate).collect()
}

fn errors(fit: &ModelFit) -> Vec<f64> {
    fit.coefficients.iter().map(|row| row.std_error).collect()
}

fn bare(fit: &ModelFit) -> Vec<f64> {
    errors(fit).iter().map(|error| error / fit.small_sample.factor.sqrt()).collect()
}

#[test]
fn endometrial_cancer_has_a_finite_coefficient_of_neovascularisation() {
    let table = csv("endometrial.csv", usize::MAX);
    let fit = run(&table, &firth("HG ~ NV + PI + EH", false)).fit;
    let case = &json("firth.json")["endometrial"];
    all_close("coef", &coef(&fit), &floats(&case["coef"]));
    all_close("se", &bare(&fit), &floats(&case["se"]));
    let penalised = fit.fit.log_likelihood + fit.penalty.expect("a penalty");
    close("penalised", penalised, case["penalised"].as_f64().unwrap(), 1e-11, 0.0);
    close("log likelihood", fit.fit.log_likelihood, case["log_likelihood"].as_f64().unwrap(), 1e-11, 0.0);
    // Heinze and Schemper (2002) print 2.929 with an error of 1.551
    close("NV", fit.coefficients[1].estimate, 2.929, 2e-4, 0.0);
    close("NV", bare(&fit)[1], 1.551, 2e-4, 0.0);
    assert!(fit.separations.is_empty());
    assert_eq!(fit.flow.rows_used, 79);
    assert!(fit.fit.residual < 1e-9, "{}", fit.fit.residual);
}

#[test]
fn absorbed_effects_equal_dummies() {
    let reference = json("firth.json");
    for (id, effects, weights) in [
        ("additive", "work_mode + month", None),
        ("cells", "work_mode^month", None),
        ("weighted", "work_mode", Some("weight")),
    ] {
        let case = &reference[id];
        let formula = format!("verified ~ i(expertise, ref = 1) + log(prompts) | {effects}");
        let mut spec = firth(&formula, false);
        spec.weights = weights;
        let table = sessions(1200);
        let fit = run(&table, &spec).fit;
        assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}: every row stays");
        all_close(&format!("{id} coef"), &coef(&fit), &floats(&case["coef"]));
        all_close(&format!("{id} se"), &bare(&fit), &floats(&case["se"]));
        let penalised = fit.fit.log_likelihood + fit.penalty.expect("a penalty");
        close(id, penalised, case["penalised"].as_f64().unwrap(), 1e-11, 0.0);
        let mut clustered = firth(&formula, true);
        clustered.weights = weights;
        let fit = run(&table, &clustered).fit;
        assert_eq!(fit.small_sample.k as u64, case["K"].as_u64().unwrap(), "{id}");
        all_close(&format!("{id} cluster"), &errors(&fit), &floats(&case["cluster"]));
    }
}

#[test]
fn what_the_penalty_would_mislead_about_is_refused() {
    let table = sessions(1000);
    let refused = |spec: &Model| {
        let error = run_all(&table, spec).remove(0).unwrap_err();
        assert!(matches!(error, FitError::NoFirth { .. }), "{error}");
    };
    let mut spec = firth("verified ~ i(expertise) | month", true);
    spec.options.family = Family::Probit;
    refused(&spec);
    let mut spec = firth("verified ~ i(expertise) | month", true);
    spec.rates = Some("expertise");
    refused(&spec);
    let mut spec = firth("verified ~ i(expertise) | month", true);
    spec.options.margins = true;
    refused(&spec);
    let mut spec = firth("verified ~ i(expertise) | month", true);
    spec.options.bias_correction = true;
    refused(&spec);
}
