//! What a sample shares with its table, what it gathers, and its effects with slopes.

use super::{MissingCluster, MissingControl, ModelError, Prepared, Request, Rows, Workspace, prepare};
use crate::expr::parse;
use crate::formula::Formula;
use crate::table::{Column, ColumnData, Factor, Table};
use std::sync::Arc;

/// Six rows, sorted by `id`; `firm` are labels, `year` and `id` numbers.
fn table() -> Table {
    let mut table = Table::new(6);
    table.insert(Column::number("y", vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    table.insert(Column::number("x", vec![0.5, 0.25, -1.0, 2.0, 8.0, 7.0]));
    table.insert(Column::number("gap", vec![0.5, f64::NAN, -1.0, 2.0, 8.0, 7.0]));
    table.insert(Column::number("id", vec![10.0, 10.0, 20.0, 20.0, 20.0, 40.0]));
    table.insert(Column::number("year", vec![2001.0, 2002.0, 2001.0, 2002.0, 2004.0, 2001.0]));
    let firms = ["b", "a", "a", "b", "a", "b"].map(Some);
    table.insert(Column::factor("firm", Factor::from_labels(&firms)));
    table.insert(Column::factor("note", Factor::from_labels(&[Some("n"), None, Some("n"), None, None, None])));
    table
}

fn request(formula: &str, cluster: &str) -> Request {
    Request {
        formula: Formula::parse(formula).expect("a formula"),
        filter: None,
        sample: None,
        clusters: vec![cluster.split('^').map(|part| parse(part).expect("a name")).collect()],
        weights: None,
        missing_control: MissingControl::Level,
        missing_cluster: MissingCluster::Refuse,
        min_users: 0,
        target: None,
        shares: None,
        rates: None,
    }
}

fn one(table: &Table, request: &Request) -> Prepared {
    prepare(&Workspace::new(table), request).unwrap_or_else(|error| panic!("{error}")).remove(0)
}

fn numbers<'t>(table: &'t Table, name: &str) -> &'t Arc<Vec<f64>> {
    match &table.get(name).expect("a column").data {
        ColumnData::Number(values) => values,
        ColumnData::Factor(_) => panic!("{name} is text"),
    }
}

#[test]
fn rows_in_order_are_shared_with_the_table() {
    let table = table();
    let prepared = one(&table, &request("y ~ x | id + firm[x] + year", "id"));
    let sample = &prepared.sample;
    assert_eq!(prepared.rows, Rows::All(6));
    assert!(Arc::ptr_eq(&sample.outcomes[0].values, numbers(&table, "y")));
    assert!(Arc::ptr_eq(sample.terms[0].values.as_ref().unwrap(), numbers(&table, "x")));
    assert!(Arc::ptr_eq(&sample.effects[1].slopes[0].values, numbers(&table, "x")));
    assert!(Arc::ptr_eq(&sample.effects[0].codes, &sample.clusters[0].codes));
    let ColumnData::Factor(firm) = &table.get("firm").unwrap().data else { panic!("labels") };
    assert!(Arc::ptr_eq(&sample.effects[1].codes, &firm.codes));
    assert_eq!((&*sample.effects[0].codes, sample.effects[0].n_levels), (&vec![0, 0, 1, 1, 1, 2], 3));
    assert_eq!((&*sample.effects[2].codes, sample.effects[2].n_levels), (&vec![0, 1, 0, 1, 2, 0], 3));
    let joined = one(&table, &request("y ~ x | id^firm", "id"));
    assert_eq!(*joined.sample.effects[0].codes, [1, 0, 2, 3, 2, 4]);
}

#[test]
fn rows_out_of_order_or_left_out_are_gathered() {
    let table = table();
    let prepared = one(&table, &request("y ~ x | id + year[x]", "firm"));
    let sample = &prepared.sample;
    assert_eq!(prepared.rows, Rows::from(vec![1, 2, 4, 0, 3, 5]));
    assert_eq!(*sample.clusters[0].codes, [0, 0, 0, 1, 1, 1]);
    assert_eq!(*sample.outcomes[0].values, [2.0, 3.0, 5.0, 1.0, 4.0, 6.0]);
    assert_eq!(*sample.effects[0].codes, [0, 1, 1, 0, 1, 2]);
    assert_eq!(*sample.effects[1].slopes[0].values, [0.25, -1.0, 8.0, 0.5, 2.0, 7.0]);

    let mut request = request("y ~ x | id + firm", "id");
    request.filter = Some(parse("id != 20").unwrap());
    let prepared = one(&table, &request);
    let sample = &prepared.sample;
    assert_eq!((prepared.rows.clone(), prepared.flow.rows_used), (Rows::from(vec![0, 1, 5]), 3));
    assert_eq!((&*sample.clusters[0].codes, sample.clusters[0].n_clusters), (&vec![0, 0, 1], 2));
    assert!(Arc::ptr_eq(&sample.effects[0].codes, &sample.clusters[0].codes));
    assert_eq!(sample.effects[0].n_levels, 2);
    assert_eq!(*sample.effects[1].codes, [1, 0, 1]);
}

#[test]
fn joined_clusters_and_missing_levels_keep_their_order() {
    let table = table();
    let prepared = one(&table, &request("y ~ x | note", "firm^year"));
    let sample = &prepared.sample;
    assert_eq!(prepared.rows, Rows::from(vec![2, 1, 4, 0, 5, 3]));
    assert_eq!((&*sample.clusters[0].codes, sample.clusters[0].n_clusters), (&vec![0, 1, 2, 3, 3, 4], 5));
    assert_eq!((&*sample.effects[0].codes, sample.effects[0].n_levels), (&vec![0, 1, 1, 0, 1, 1], 2));
}

#[test]
fn effects_have_their_slopes() {
    let table = table();
    let prepared = one(&table, &request("y ~ x | firm[[gap]] + id^year[x, log(x + 2)] + id", "id"));
    let [slopes, both, plain] = prepared.sample.effects.as_slice() else { panic!("three effects") };
    assert_eq!((slopes.name.as_str(), slopes.constant, slopes.slopes.len()), ("firm[[gap]]", false, 1));
    assert_eq!((both.name.as_str(), both.constant, both.slopes.len()), ("id^year[x, log(x + 2)]", true, 2));
    assert_eq!((plain.name.as_str(), plain.slopes.len()), ("id", 0));
    // the row where a slope variable is missing is out, with its reason
    assert_eq!(prepared.rows, Rows::from(vec![0, 2, 3, 4, 5]));
    assert_eq!(prepared.flow.dropped[0].reason, "missing gap");
    assert_eq!(*slopes.slopes[0].values, [0.5, -1.0, 2.0, 8.0, 7.0]);
    assert_eq!(both.slopes[1].name, "log(x + 2)");
    assert_eq!(both.slopes[1].values[1], 0.0);
    assert_eq!(*both.codes, [0, 1, 2, 3, 4]);
}

#[test]
fn slopes_of_text_and_rates_of_slopes_are_refused() {
    let table = table();
    let workspace = Workspace::new(&table);
    let error = prepare(&workspace, &request("y ~ x | id[firm]", "id")).unwrap_err();
    assert_eq!(error.to_string(), "the slope variable `firm` must be numbers, but `b` in table, row 1 is text");
    assert_eq!(error.hint().unwrap(), "a factor is joined to the effect, as in `f^firm`; only numbers have slopes");
    let mut request = request("y ~ x | firm[year]", "id");
    request.rates = Some(String::from("year"));
    let error = prepare(&workspace, &request).unwrap_err();
    assert!(matches!(error, ModelError::RatesAbsorbed { effect, .. } if effect == "firm[year]"));
}
