//! Small tables from CSV without the loader, models from one line, comparisons that say what differs.

use metier::design::Sample;
use metier::estimate::{FitError, Fitted, Options, fit};
use metier::expr::parse;
use metier::formula::Formula;
use metier::model::{MissingCluster, MissingControl, Prepared, Request, Workspace, prepare};
use metier::result::{Family, VcovKind};
use metier::table::{Column, Factor, Table};
use serde_json::Value;

pub fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

pub fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(path(&format!("oracles/{name}"))).expect("oracle file");
    serde_json::from_str(&text).expect("oracle JSON")
}

/// Reads a plain comma-separated file; a column is numeric when every value is. `first` limits the rows.
pub fn csv(name: &str, first: usize) -> Table {
    let text = std::fs::read_to_string(path(&format!("data/{name}"))).expect("data file");
    let mut lines = text.lines();
    let header: Vec<String> =
        lines.next().expect("header").split(',').map(|h| h.trim_matches('"').to_owned()).collect();
    let rows: Vec<Vec<&str>> =
        lines.take(first).map(|line| line.split(',').map(|v| v.trim_matches('"')).collect()).collect();
    let mut table = Table::new(rows.len());
    for (j, name) in header.into_iter().enumerate() {
        let values: Vec<Option<&str>> =
            rows.iter().map(|row| Some(row[j]).filter(|value| !["", "NA"].contains(value))).collect();
        let numbers: Option<Vec<f64>> =
            values.iter().map(|v| v.map_or(Some(f64::NAN), |v| v.parse::<f64>().ok())).collect();
        table.insert(match numbers {
            Some(numbers) => Column::number(name, numbers),
            None => Column::factor(name, Factor::from_labels(&values)),
        });
    }
    table
}

/// The sessions table with its value band.
pub fn sessions(first: usize) -> Table {
    let mut table = csv("sessions.csv", first);
    let band = parse("cut(task_value, 200, 1000, 5000)").unwrap().eval_column("band", &table).unwrap();
    table.insert(band);
    table
}

#[derive(Clone)]
pub struct Model {
    pub formula: String,
    pub cluster: Vec<&'static str>,
    pub weights: Option<&'static str>,
    pub rates: Option<&'static str>,
    pub target: Option<&'static str>,
    pub options: Options,
    pub shares: Option<metier::model::Shares>,
}

pub fn model(formula: &str) -> Model {
    Model {
        formula: formula.to_owned(),
        cluster: vec!["user_id"],
        weights: None,
        rates: None,
        target: None,
        shares: None,
        options: Options { family: Family::Ols, vcov: VcovKind::Cr1, ..Options::default() },
    }
}

/// The sample of a model with one group of outcomes.
pub fn sample(table: &Table, model: &Model) -> Sample {
    prepared(table, model).swap_remove(0).sample
}

/// Fits every outcome of a model.
pub fn run_all(table: &Table, model: &Model) -> Vec<Result<Fitted, FitError>> {
    prepared(table, model).iter().flat_map(|prepared| fit(&prepared.sample, &model.options)).collect()
}

/// The samples of a model.
pub fn prepared(table: &Table, model: &Model) -> Vec<Prepared> {
    try_prepared(table, model).expect("prepared")
}

/// The samples of a model, or why there are none.
pub fn try_prepared(table: &Table, model: &Model) -> Result<Vec<Prepared>, metier::model::ModelError> {
    let workspace = Workspace::new(table);
    let request = Request {
        formula: Formula::parse(&model.formula).expect("formula"),
        filter: None,
        sample: None,
        clusters: model.cluster.iter().map(|name| vec![parse(name).unwrap()]).collect(),
        weights: model.weights.map(|name| parse(name).unwrap()),
        missing_control: MissingControl::Level,
        missing_cluster: MissingCluster::Refuse,
        min_users: 0,
        rates: model.rates.map(str::to_owned),
        target: model.target.map(|text| parse(text).unwrap()),
        shares: model.shares.clone(),
    };
    prepare(&workspace, &request)
}

pub fn run(table: &Table, model: &Model) -> Fitted {
    run_all(table, model).remove(0).expect("fitted")
}

/// Asserts closeness relative to the larger of the expected value and `floor`.
#[track_caller]
pub fn close(what: &str, ours: f64, expected: f64, tolerance: f64, floor: f64) {
    let error = if ours == expected { 0.0 } else { (ours - expected).abs() / expected.abs().max(floor) };
    assert!(error <= tolerance, "{what}: {ours:.17} is not {expected:.17} (relative error {error:.2e})");
}

pub fn floats(value: &Value) -> Vec<f64> {
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.parse().ok()).expect("number");
    value.as_array().expect("array").iter().map(number).collect()
}

/// A matrix as one row-major vector.
pub fn matrix(value: &Value) -> Vec<f64> {
    value.as_array().expect("matrix").iter().flat_map(floats).collect()
}
