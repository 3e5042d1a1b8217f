//! Textbook panels against dummies written out in 80-bit arithmetic (`textbook.py`, which also checks them against R, pyfixest
//! and the books).
//!
//! Tolerance: 1e-10 relative; crime4's effects and logs cost about two digits of the sixteen, STAR's 79 schools one.

use crate::support::{Model, close, csv, json, model, run};
use metier::result::{ModelFit, VcovKind};
use metier::table::{Column, ColumnData, Factor, Table};
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;

fn with(formula: &str, weights: Option<&'static str>, cluster: Option<&'static str>, vcov: VcovKind) -> Model {
    let mut spec = model(formula);
    (spec.cluster, spec.weights, spec.options.vcov) = (cluster.into_iter().collect(), weights, vcov);
    spec
}

fn check(
    id: &str,
    table: &Table,
    formula: &str,
    weights: Option<&'static str>,
    cluster: &'static str,
) -> Vec<ModelFit> {
    let reference = json("textbook.json");
    let case: &Value = &reference["cases"][id];
    let mut fits = Vec::new();
    for (kind, errors) in case["se"].as_object().unwrap() {
        let (cluster, vcov) = match kind.as_str() {
            "iid" => (None, VcovKind::Iid),
            "hc1" => (None, VcovKind::Hc1),
            _ => (Some(cluster), VcovKind::Cr1),
        };
        let fit = run(table, &with(formula, weights, cluster, vcov)).fit;
        let expected = case["coef"].as_object().unwrap();
        assert_eq!(fit.coefficients.len(), expected.len(), "{id}");
        assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
        for ours in &fit.coefficients {
            let coef = expected[&ours.term].as_f64().unwrap();
            close(&format!("{id} {}", ours.term), ours.estimate, coef, TOLERANCE, 0.0);
            let error = errors[&ours.term].as_f64().unwrap();
            close(&format!("{id} {kind} {}", ours.term), ours.std_error, error, TOLERANCE, 0.0);
        }
        if let Some(r2) = case.get("r2") {
            close(&format!("{id} R2"), fit.fit.r2, r2.as_f64().unwrap(), TOLERANCE, 0.0);
        }
        fits.push(fit);
    }
    fits
}

#[test]
fn production_of_states() {
    let formula = "log(gsp) ~ log(pcap) + log(pc) + log(emp) + unemp | state";
    check("produc", &csv("produc.csv", usize::MAX), formula, None, "state");
}

#[test]
fn training_grants_as_printed() {
    let table = csv("jtrain.csv", usize::MAX);
    let fits = check("jtrain", &table, "lscrap ~ grant + grant_1 | fcode + year", None, "fcode");
    // Wooldridge, Introductory Econometrics, Table 14.1: three decimals, homoskedastic errors
    let reference = json("textbook.json");
    let printed = &reference["cases"]["jtrain"]["published"];
    let iid = fits.iter().find(|fit| fit.vcov_kind == VcovKind::Iid).unwrap();
    for ours in &iid.coefficients {
        for (value, text) in [ours.estimate, ours.std_error].iter().zip(printed[&ours.term].as_array().unwrap()) {
            let printed: f64 = text.as_str().unwrap().parse().unwrap();
            assert!((value - printed).abs() <= 0.0005, "{}: {value} is not {printed}", ours.term);
        }
    }
}

#[test]
fn crime_in_counties() {
    let formula = "lcrmrte ~ lprbarr + lprbconv + lprbpris + lavgsen + lpolpc | county + year";
    check("crime4", &csv("crime4.csv", usize::MAX), formula, None, "county");
}

#[test]
fn class_size_in_kindergarten() {
    let mut table = csv("star.csv", usize::MAX);
    // schools are numbers in the file and names in the model
    let ColumnData::Number(school) = &table.columns().iter().find(|c| c.name == "school").unwrap().data else {
        panic!("numbers")
    };
    let labels: Vec<String> = school.iter().map(|code| code.to_string()).collect();
    let labels: Vec<Option<&str>> = labels.iter().map(|label| Some(label.as_str())).collect();
    table.insert(Column::factor("school", Factor::from_labels(&labels)));
    check("star", &table, "read ~ i(class, ref = \"regular\") | school", None, "school");
}

#[test]
fn castle_doctrine_with_and_without_population_weights() {
    let table = csv("castle.csv", usize::MAX);
    check("castle", &table, "l_homicide ~ post | sid + year", None, "sid");
    check("castle_weighted", &table, "l_homicide ~ post | sid + year", Some("popwt"), "sid");
}
