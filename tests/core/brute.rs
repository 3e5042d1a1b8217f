//! Full dummy expansion in 80-bit arithmetic (`brute.py`): coefficients, every covariance, adjusted rates with both
//! compositions, contrasts.
//!
//! Tolerance: 1e-10 relative to the largest entry of each vector or matrix, for rates and their covariance too.

use crate::support::{close, floats, json, matrix, model, run, sessions, Model};
use metier::result::{Composition, ContrastKind, Family, Rates, VcovKind};
use metier::table::Table;
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;

fn all_close(what: &str, ours: &[f64], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, TOLERANCE, scale);
    }
}

/// The model a case describes: `verified ~ i(expertise, ref=1) | effects ; cluster user_id ; ...`.
fn read_spec(case: &Value) -> Model {
    let text = case["spec"].as_str().unwrap();
    let mut spec = model(text.split(" ; ").next().unwrap());
    spec.rates = Some("expertise");
    if text.contains("weights weight") {
        spec.weights = Some("weight");
    }
    if case["family"] == "logit" {
        spec.options.family = Family::Logit;
    }
    spec
}

fn rates_of(id: &str, spec: &Model, composition: Composition, table: &Table) -> Rates {
    let mut spec = spec.clone();
    spec.options.composition = composition;
    let fit = run(table, &spec).fit;
    fit.rates.unwrap_or_else(|| panic!("{id}: no rates"))
}

fn contrasts(rates: &Rates, kind: ContrastKind, value: impl Fn(&metier::result::ContrastRow) -> f64) -> Vec<f64> {
    rates.contrasts.iter().filter(|row| row.kind == kind).map(value).collect()
}

#[test]
fn coefficients_and_covariances_equal_dummy_expansion() {
    let reference = json("brute.json");
    for (id, case) in reference["cases"].as_object().unwrap() {
        let rows = case["rows_read"].as_u64().unwrap() as usize;
        let spec = read_spec(case);
        let table = sessions(rows);
        let cluster = run(&table, &spec).fit;
        assert_eq!(cluster.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
        assert_eq!(cluster.flow.users as u64, case["G"].as_u64().unwrap(), "{id}");
        assert_eq!(cluster.small_sample.k as u64, case["K"].as_u64().unwrap(), "{id}");
        let names: Vec<&str> = cluster.coefficients.iter().map(|c| c.term.as_str()).collect();
        let expected: Vec<&str> = case["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        assert_eq!(names, expected, "{id}");
        let coef: Vec<f64> = cluster.coefficients.iter().map(|c| c.estimate).collect();
        all_close(&format!("{id} coef"), &coef, &floats(&case["coef"]));
        all_close(&format!("{id} vcov"), &cluster.vcov, &matrix(&case["vcov_cluster"]));
        for (kind, key) in [(VcovKind::Iid, "vcov_iid"), (VcovKind::Hc1, "vcov_hc1")] {
            let mut spec = spec.clone();
            spec.options.vcov = kind;
            all_close(&format!("{id} {key}"), &run(&table, &spec).fit.vcov, &matrix(&case[key]));
        }
        if case.get("vcov_two_way").is_some() {
            let mut spec = spec.clone();
            spec.cluster = vec!["user_id", "task_occupation"];
            all_close(&format!("{id} two-way"), &run(&table, &spec).fit.vcov, &matrix(&case["vcov_two_way"]));
        }
    }
}

#[test]
fn adjusted_rates_and_their_covariance_equal_dummy_expansion() {
    let reference = json("brute.json");
    for (id, case) in reference["cases"].as_object().unwrap() {
        let rows = case["rows_read"].as_u64().unwrap() as usize;
        let spec = read_spec(case);
        let table = sessions(rows);
        for (composition, key) in [(Composition::Fixed, "fixed"), (Composition::Sampled, "sampled")] {
            let rates = rates_of(id, &spec, composition, &table);
            assert_eq!(rates.target_rows as u64, case["n_target"].as_u64().unwrap(), "{id}");
            let estimates: Vec<f64> = rates.levels.iter().map(|row| row.estimate).collect();
            all_close(&format!("{id} rates"), &estimates, &floats(&case["rates"]));
            all_close(&format!("{id} rates vcov {key}"), &rates.vcov, &matrix(&case["rates_vcov"][key]));
            let reference_rows = contrasts(&rates, ContrastKind::Reference, |row| row.std_error);
            all_close(&format!("{id} vs_ref {key}"), &reference_rows, &floats(&case["vs_ref"][format!("se_{key}")]));
            let adjacent = contrasts(&rates, ContrastKind::Adjacent, |row| row.std_error);
            all_close(&format!("{id} adjacent {key}"), &adjacent, &floats(&case["adjacent"][format!("se_{key}")]));
            let ratio = contrasts(&rates, ContrastKind::Ratio, |row| row.estimate);
            all_close(&format!("{id} ratio {key}"), &ratio, &floats(&case["ratio"]["est"]));
            let ratio = contrasts(&rates, ContrastKind::Ratio, |row| row.std_error);
            all_close(&format!("{id} log ratio {key}"), &ratio, &floats(&case["ratio"][format!("log_se_{key}")]));
            for (kind, suffix) in [(VcovKind::Hc1, "hc1"), (VcovKind::Iid, "iid")] {
                if let Some(expected) = case["rates_vcov"].get(format!("{key}_{suffix}")) {
                    let mut spec = spec.clone();
                    spec.options.vcov = kind;
                    let rates = rates_of(id, &spec, composition, &table);
                    all_close(&format!("{id} rates vcov {key} {suffix}"), &rates.vcov, &matrix(expected));
                }
            }
            if let Some(expected) = case["rates_vcov"].get(format!("{key}_two_way")) {
                let mut spec = spec.clone();
                spec.cluster = vec!["user_id", "task_occupation"];
                all_close(&format!("{id} two-way {key}"), &rates_of(id, &spec, composition, &table).vcov, &matrix(expected));
            }
        }
    }
}

/// The influence-function error against a real delete-one-user jackknife: the same number up to the jackknife's
/// conservatism, which is large here because Kd/n is. This is a sanity check, not an identity.
#[test]
fn rates_errors_are_near_the_delete_one_user_jackknife() {
    let reference = json("brute.json");
    for id in ["lpm_additive_2k", "lpm_cell_2k"] {
        let case = &reference["cases"][id];
        let rates = rates_of(id, &read_spec(case), Composition::Sampled, &sessions(2000));
        for (row, jackknife) in rates.levels.iter().zip(floats(&case["jackknife"]["rates"]["se_cv3"])) {
            let ratio = jackknife / row.std_error;
            assert!((0.97..1.15).contains(&ratio), "{id} level {}: {ratio}", row.level);
        }
    }
}
