//! The coverage study as a document, and as exact values.

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row as Line};
use super::number;
use crate::coverage::Row;
use crate::coverage::methods::{Method, Quantity};
use crate::result::Family;

/// One row per number, with everything that a reader may want to recompute.
pub fn coverage_table(rows: &[Row], seed: u64, conf_level: f64) -> DataTable {
    let mut table = DataTable::new(&[
        "design",
        "clusters",
        "family",
        "method",
        "quantity",
        "term",
        "truth",
        "draws",
        "failed",
        "bias",
        "bias_error",
        "std_deviation",
        "mean_std_error",
        "ratio",
        "coverage",
        "coverage_error",
        "mean_width",
        "switched",
        "conf_level",
        "seed",
    ]);
    for row in rows {
        let count = |value: u64| Value::from(usize::try_from(value).unwrap_or(usize::MAX));
        table.rows.push(vec![
            row.design.name().into(),
            row.clusters.into(),
            super::names::estimator(row.family).into(),
            row.method.name().into(),
            row.quantity.name().into(),
            row.term.clone().into(),
            row.truth.into(),
            count(row.draws),
            count(row.failed),
            row.bias.into(),
            row.bias_error.into(),
            row.std_deviation.into(),
            row.mean_std_error.into(),
            row.ratio().into(),
            row.coverage.into(),
            row.coverage_error.into(),
            row.mean_width.into(),
            row.switched.into(),
            conf_level.into(),
            count(seed),
        ]);
    }
    table
}

/// One table per design and number of users: coverage and SE/SD of every method, averaged over the terms of a kind.
pub fn coverage_document(rows: &[Row], seed: u64, conf_level: f64) -> Document {
    let mut settings: Vec<_> = rows.iter().map(|row| (row.design, row.clusters)).collect();
    settings.dedup();
    let blocks = settings
        .into_iter()
        .map(|setting| {
            let own: Vec<&Row> = rows.iter().filter(|row| (row.design, row.clusters) == setting).collect();
            Block::Grid(grid(&own, seed, conf_level))
        })
        .collect();
    let percent = number::percent(conf_level, 0);
    Document { title: format!("Coverage of {percent}% intervals"), notices: Vec::new(), blocks }
}

fn grid(rows: &[&Row], seed: u64, conf_level: f64) -> Grid {
    let first = rows[0];
    let kinds = Quantity::ALL;
    let mut names: Vec<String> = kinds.iter().map(|kind| capital(kind.name())).collect();
    names.extend(kinds.iter().map(|kind| format!("SE/SD {}", kind.name())));
    let sections = [Family::Ols, Family::Logit].map(|family| section(rows, family));
    let draws = rows.iter().map(|row| row.draws).max().unwrap_or(0);
    let failed = rows.iter().map(|row| row.failed).max().unwrap_or(0);
    let error = (conf_level * (1.0 - conf_level) / draws.max(1) as f64).sqrt();
    let mut notes = vec![
        format!(
            "coverage in percent, averaged over levels; {draws} panels, seed {seed}; Monte Carlo error of one number about {}",
            number::percent(error, 1)
        ),
        String::from(
            "SE/SD: mean standard error over the standard deviation of the estimates; ratios on the log scale",
        ),
    ];
    for family in [Family::Ols, Family::Logit] {
        let default = rows.iter().find(|row| (row.family, row.method) == (family, Method::Default));
        if let Some(row) = default.filter(|row| row.switched > 0.0) {
            let share = number::percent(row.switched, 1);
            notes.push(format!("{}: the default is cr3 in {share} of the panels", super::names::estimator(family)));
        }
    }
    if failed > 0 {
        notes.push(format!("up to {failed} panels without an estimate of every level are left out"));
    }
    Grid {
        caption: format!(
            "{}, {} users: {}",
            first.design.name(),
            number::count(first.clusters),
            first.design.describe()
        ),
        corner: String::from("intervals"),
        header: vec![names],
        sections: sections.into_iter().filter(|section| !section.is_empty()).collect(),
        notes,
    }
}

fn section(rows: &[&Row], of: Family) -> Vec<Line> {
    let line = |&method: &Method| {
        let own = |kind: Quantity| {
            rows.iter().filter(move |row| (row.family, row.method, row.quantity) == (of, method, kind))
        };
        let mean = |kind: Quantity, f: &dyn Fn(&Row) -> f64| {
            let values: Vec<f64> = own(kind).map(|row| f(row)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let cell = |text: Option<String>| text.map_or(Cell::Empty, Cell::number);
        let coverage = |kind| cell(mean(kind, &|row| row.coverage).map(|share| number::percent(share, 1)));
        let ratio = |kind| cell(mean(kind, &Row::ratio).map(|ratio| number::rounded(ratio, 2)));
        let cells: Vec<Cell> = Quantity::ALL.map(coverage).into_iter().chain(Quantity::ALL.map(ratio)).collect();
        let any = Quantity::ALL.into_iter().any(|kind| own(kind).next().is_some());
        any.then(|| Line::new(format!("{}: {}", super::names::estimator(of), method.label(of)), cells))
    };
    Method::ALL.iter().filter_map(line).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::population::Design;

    fn row(method: Method, term: &str, coverage: f64) -> Row {
        Row {
            design: Design::Balanced,
            clusters: 300,
            family: Family::Ols,
            method,
            quantity: Quantity::Rate,
            term: String::from(term),
            truth: 0.25,
            draws: 100,
            failed: 2,
            bias: 0.001,
            bias_error: 0.002,
            std_deviation: 0.02,
            mean_std_error: 0.019,
            coverage,
            coverage_error: 0.02,
            mean_width: 0.08,
            switched: 0.25,
        }
    }

    #[test]
    fn terms_of_a_kind_are_averaged_and_kept_apart_in_the_long_table() {
        let rows = [row(Method::Default, "1", 0.94), row(Method::Default, "2", 0.96), row(Method::Iid, "1", 0.5)];
        let text = crate::output::text::render(&coverage_document(&rows, 7, 0.95), 160, false);
        assert!(text.contains("ols: default: cr1 or cr3") && text.contains("95.0") && text.contains("50.0"), "{text}");
        assert!(text.contains("seed 7") && text.contains("up to 2 panels"), "{text}");
        let table = coverage_table(&rows, 7, 0.95);
        assert_eq!(table.rows.len(), 3);
        assert!(table.to_csv().contains(
            "balanced,300,ols,default,rate,2,0.25,100,2,0.001,0.002,0.02,0.019,0.95,0.96,0.02,0.08,0.25,0.95,7"
        ));
    }
}
