//! Average marginal effects against full dummy expansion (`margins.py`): effects of numbers, levels, slopes at a level;
//! with separated rows and singletons in the target, clustered, composition fixed and sampled, model-based; statsmodels on
//! textbook data.
//!
//! Tolerance: 1e-9 relative to the largest entry of each vector; the script works in double precision.

use crate::support::{Model, close, csv, floats, json, model, run, run_all, sessions};
use metier::estimate::FitError;
use metier::result::{Composition, ContrastKind, Family, MarginKind, Margins, VcovKind};
use metier::table::{Column, ColumnData, Table};

const TOLERANCE: f64 = 1e-9;

#[track_caller]
fn all_close(what: &str, ours: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, tolerance, scale);
    }
}

fn family(name: &str) -> Family {
    match name {
        "ols" => Family::Ols,
        "logit" => Family::Logit,
        "probit" => Family::Probit,
        _ => Family::Poisson,
    }
}

/// The sessions with `tens`, a tenth of the actions.
fn table(first: usize) -> Table {
    let mut table = sessions(first);
    let ColumnData::Number(actions) = &table.get("actions").unwrap().data else { panic!("numeric") };
    let tens = actions.iter().map(|value| value / 10.0).collect();
    table.insert(Column::number("tens", tens));
    table
}

fn margins(table: &Table, spec: &Model) -> Margins {
    run(table, spec).margins.expect("asked for")
}

fn values(margins: &Margins) -> Vec<f64> {
    margins.rows.iter().map(|row| row.value.estimate).collect()
}

fn errors(margins: &Margins) -> Vec<f64> {
    margins.rows.iter().map(|row| row.value.std_error).collect()
}

#[test]
fn effects_and_errors_equal_dummy_expansion() {
    for (id, case) in json("margins.json")["cases"].as_object().unwrap() {
        let table = table(case["rows_read"].as_u64().unwrap() as usize);
        let mut spec = model(case["formula"].as_str().unwrap());
        spec.options.family = family(case["family"].as_str().unwrap());
        spec.options.margins = true;
        spec.weights = case["weights"].as_bool().unwrap().then_some("weight");
        let fitted = run(&table, &spec);
        assert_eq!(fitted.fit.small_sample.n as u64, case["n"].as_u64().unwrap(), "{id}");
        assert_eq!(fitted.fit.small_sample.k as u64, case["K"].as_u64().unwrap(), "{id}");
        assert_eq!(fitted.fit.flow.users as u64, case["G"].as_u64().unwrap(), "{id}");
        let sampled = fitted.margins.unwrap();
        let kinds: Vec<MarginKind> = sampled.rows.iter().map(|row| row.kind).collect();
        let mut expected = vec![MarginKind::Change; 4];
        expected.extend([MarginKind::Slope, MarginKind::SlopeAtLevel, MarginKind::SlopeAtLevel]);
        assert_eq!(kinds, expected, "{id}");
        all_close(&format!("{id} effect"), &values(&sampled), &floats(&case["effect"]), TOLERANCE);
        all_close(&format!("{id} sampled"), &errors(&sampled), &floats(&case["sampled"]), TOLERANCE);
        spec.options.composition = Composition::Fixed;
        all_close(&format!("{id} fixed"), &errors(&margins(&table, &spec)), &floats(&case["fixed"]), TOLERANCE);
        spec.options.vcov = VcovKind::Iid;
        all_close(&format!("{id} iid"), &errors(&margins(&table, &spec)), &floats(&case["iid"]), TOLERANCE);
    }
}

/// statsmodels' `get_margeff` has the bare inverse information; ours is that times (n - 1)/(n - K).
#[test]
fn labour_force_participation_has_the_effects_of_statsmodels() {
    let table = csv("mroz.csv", usize::MAX);
    let reference = json("margins.json");
    for (name, case) in reference["mroz"].as_object().unwrap() {
        let mut spec = model("inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6");
        spec.cluster = vec![];
        spec.options.family = family(name);
        spec.options.vcov = VcovKind::Iid;
        spec.options.composition = Composition::Fixed;
        spec.options.margins = true;
        let found = margins(&table, &spec);
        all_close(name, &values(&found), &floats(&case["effect"]), TOLERANCE);
        let factor = (752.0_f64 / 745.0).sqrt();
        let bare: Vec<f64> = errors(&found).iter().map(|error| error / factor).collect();
        all_close(name, &bare, &floats(&case["bare"]), TOLERANCE);
        if name == "logit" {
            close("kidslt6", found.rows[5].value.estimate, -0.2577536552, 1e-9, 0.0);
            close("kidslt6", bare[5], 0.0319416215, 1e-8, 0.0);
        }
    }
}

#[test]
fn the_effect_of_a_level_is_the_difference_of_its_adjusted_rates() {
    let table = sessions(6000);
    for family in [Family::Ols, Family::Logit, Family::Probit, Family::Poisson] {
        let mut spec = model("verified ~ i(expertise, ref = 1) + log(prompts) | work_mode^band^month");
        spec.rates = Some("expertise");
        spec.options.family = family;
        spec.options.margins = true;
        let fitted = run(&table, &spec);
        let contrasts = fitted.fit.rates.unwrap().contrasts;
        let differences = contrasts.iter().filter(|row| row.kind == ContrastKind::Reference);
        for (row, difference) in fitted.margins.unwrap().rows.iter().zip(differences) {
            close(&row.value.term, row.value.estimate, difference.estimate, 1e-11, 0.0);
            close(&row.value.term, row.value.std_error, difference.std_error, 1e-9, 0.0);
        }
    }
}

#[test]
fn linear_effects_are_coefficients_and_huge_effects_are_absorbed_alike() {
    let table = sessions(8000);
    let mut spec = model("verified ~ i(expertise, ref = 1) + log(prompts) | user_id + month");
    let plain = run(&table, &spec).fit;
    spec.options.margins = true;
    let found = margins(&table, &spec);
    for (row, coefficient) in found.rows.iter().zip(&plain.coefficients) {
        close(&row.value.term, row.value.estimate, coefficient.estimate, 1e-8, 0.0);
        close(&row.value.term, row.value.std_error, coefficient.std_error, 1e-7, 0.0);
    }
}

#[test]
fn effects_that_would_mislead_are_refused() {
    let table = sessions(2000);
    let mut spec = model("verified ~ i(expertise) + i(expertise, i.work_mode) | month");
    spec.options.margins = true;
    let error = run_all(&table, &spec).remove(0).unwrap_err();
    assert!(matches!(error, FitError::NoMargins { .. }), "{error}");
    let mut spec = model("verified ~ i(expertise) | work_mode^month");
    spec.options.margins = true;
    spec.options.family = Family::Logit;
    spec.options.bias_correction = true;
    let error = run_all(&table, &spec).remove(0).unwrap_err();
    assert!(matches!(error, FitError::NoMargins { .. }), "{error}");
}
