//! Results of `metier bootstrap`: tables for readers, and exact rectangles for scripts.

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::json_text;
use super::long::SCHEMA_VERSION;
use super::notes::percent_level;
use super::number::{count, counted, p_value, rounded};
use crate::resampling::{ClusterTest, PermutationTest, Permuted, Resampled, UserBootstrap};
use crate::result::{ModelFit, Reference};
use serde_json::json;

/// How everything was resampled, in the words of the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `wild`, `wild_unrestricted`, `score`, `users`, `permute`.
    pub method: &'static str,
    /// Weights of clusters, scheme of users, or who exchanges levels.
    pub drawn_by: &'static str,
    /// Kind of p-value; none for the bootstrap of users.
    pub p_value: Option<&'static str>,
    /// Draws asked for.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Level of the intervals, if there are any.
    pub conf_level: Option<f64>,
}

/// What was found for one outcome of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampling {
    /// The fit.
    pub fit: ModelFit,
    /// The rest.
    pub body: Body,
}

/// Results of a method.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Wild and score bootstraps.
    Tests(Vec<ClusterTest>),
    /// Bootstrap of users.
    Users(Box<UserBootstrap>),
    /// Permutations of a variable.
    Permuted(String, Box<PermutationTest>),
}

/// Everything of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How.
    pub settings: Settings,
    /// By sample and outcome.
    pub results: Vec<Resampling>,
    /// Sentence that every output carries when the table is simulated.
    pub data_note: Option<String>,
    /// Files read.
    pub sources: Vec<String>,
}

impl Resampling {
    /// Sentences the reader must see.
    fn warnings(&self, settings: &Settings) -> Vec<String> {
        let mut warnings = self.fit.warnings.clone();
        let failed = |what: &str, (count, reason): &(usize, Option<String>)| {
            reason.as_ref().map(|reason| {
                format!("{} of {what} could not be fitted; the first: {reason}", counted(*count, "draw", "draws"))
            })
        };
        match &self.body {
            Body::Tests(tests) => {
                for test in tests.iter().filter(|test| test.without_statistic > 0) {
                    warnings.push(format!(
                        "`{}`: {} without a statistic, because the standard error is zero, count nowhere",
                        test.term,
                        counted(test.without_statistic, "draw", "draws")
                    ));
                }
                let random = tests.iter().any(|test| !test.enumerated);
                warnings.extend(settings.conf_level.filter(|_| random).and_then(|level| whole(settings.draws, level)));
                if let Some(test) = tests.first().filter(|test| test.clusters < 10 && settings.drawn_by == "rademacher")
                {
                    warnings.push(format!(
                        "{} have {} sign vectors, each with its opposite: p-values are coarse (`--weights-type webb` has more)",
                        counted(test.clusters, "cluster", "clusters"),
                        count(1 << test.clusters),
                    ));
                }
            }
            Body::Users(drawn) => {
                warnings.extend(failed("the users", &drawn.failed));
                let fewer = drawn.numbers.iter().filter(|number| number.draws + drawn.failed.0 < drawn.draws);
                warnings.extend(fewer.map(|number| {
                    let missing = drawn.draws - drawn.failed.0 - number.draws;
                    format!("`{}` could not be estimated in {}", number.name, counted(missing, "draw", "draws"))
                }));
                warnings.extend(settings.conf_level.and_then(|level| whole(settings.draws, level)));
            }
            Body::Permuted(_, test) => {
                warnings.extend(failed("the permutations", &test.failed).map(|text| text + "; they count as extreme"));
                if test.movable < test.fit.flow.rows_used {
                    let fixed = test.fit.flow.rows_used.saturating_sub(test.movable);
                    warnings.push(format!("{} alone in their cell keep their level", counted(fixed, "row", "rows")));
                }
            }
        }
        warnings
    }
}

/// A warning if the level falls between two draws.
fn whole(draws: usize, conf_level: f64) -> Option<String> {
    let rank = (draws as f64 + 1.0) * (1.0 - conf_level);
    let off = (rank - rank.round()).abs() > 1e-6;
    off.then(|| {
        format!(
            "({} + 1) x {} is no whole number: a test at this level is not exact; 999, 9999 or 99999 draws are",
            count(draws),
            rounded(1.0 - conf_level, 3)
        )
    })
}

/// The tables for readers.
pub fn document(report: &Report, digits: usize) -> Document {
    let mut blocks = Vec::new();
    for result in &report.results {
        blocks.push(Block::Grid(grid(result, &report.settings, digits)));
        let lines = result.warnings(&report.settings);
        if !lines.is_empty() {
            blocks.push(Block::Lines { heading: String::from("Notes"), lines });
        }
    }
    if !report.sources.is_empty() {
        let sources: Vec<String> = report.sources.iter().map(|source| format!("`{source}`")).collect();
        blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    }
    let notices = report.data_note.iter().map(|note| format!("Data: {note}")).collect();
    Document { title: String::new(), notices, blocks }
}

fn grid(result: &Resampling, settings: &Settings, digits: usize) -> Grid {
    let fit = &result.fit;
    let of_sample = if fit.sample == "all" { String::new() } else { format!(", sample `{}`", fit.sample) };
    let caption = |what: &str| format!("{what} of `{}`{of_sample}", fit.formula);
    let level = settings.conf_level.map_or_else(String::new, percent_level);
    let cluster = fit.clusters.first().map_or("", |cluster| cluster.name.as_str());
    let number = |value: f64| Cell::number(rounded(value, digits));
    let ends = |(low, high): (f64, f64)| [end(low, digits), end(high, digits)];
    let text = |header: &[&str]| header.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let mut note = vec![format!("{} rows, {}", count(fit.flow.rows_used), format_args!("seed {}", settings.seed))];
    match &result.body {
        Body::Tests(tests) => {
            let rows = tests.iter().map(|test| {
                let mut cells =
                    vec![number(test.estimate), number(test.std_error), Cell::number(rounded(test.statistic, 2))];
                cells.push(Cell::number(p_value(test.p_value)));
                cells.push(Cell::number(p_value(asymptotic(fit, test, settings))));
                if settings.conf_level.is_some() {
                    cells.extend(ends(test.interval));
                }
                let stub = if test.null == 0.0 { test.term.clone() } else { format!("{} = {}", test.term, test.null) };
                Row::new(stub, cells)
            });
            let statistic = if settings.method == "score" { "Score z" } else { "t value" };
            let mut header = text(&["Estimate", "Std. error", statistic, "Bootstrap p", "Asymptotic p"]);
            if settings.conf_level.is_some() {
                header.extend([format!("{level} low"), format!("{level} high")]);
            }
            let (draws, enumerated, clusters) =
                tests.first().map_or((0, false, 0), |t| (t.draws, t.enumerated, t.clusters));
            let drawn = match enumerated {
                true => format!("all {} sign vectors", count(draws)),
                false => format!("{} draws of {} weights", count(draws), capital(settings.drawn_by)),
            };
            note.insert(0, format!("{drawn} for {} clusters of `{cluster}`", count(clusters)));
            note.push(match settings.p_value {
                Some("equal_tail") => {
                    String::from("p: twice the smaller share of draws beyond t; intervals invert this test")
                }
                _ if settings.conf_level.is_some() => {
                    String::from("p: share of draws with |t*| > |t|; intervals are the null values it does not reject")
                }
                _ => String::from("p: share of draws with |t*| > |t|"),
            });
            let what = match settings.method {
                "wild" => "Wild cluster bootstrap with the null imposed (WCR)",
                "wild_unrestricted" => "Wild cluster bootstrap without the null imposed (WCU)",
                _ => "Score bootstrap",
            };
            let caption = caption(what);
            Grid {
                caption,
                corner: fit.outcome.clone(),
                header: vec![header],
                sections: vec![rows.collect()],
                notes: note,
            }
        }
        Body::Users(drawn) => {
            let row = |number_of: &Resampled| {
                let mut cells = [number_of.estimate, number_of.std_error, number_of.bootstrap_error, number_of.bias]
                    .map(number)
                    .to_vec();
                cells.extend(ends(number_of.percentile));
                cells.extend(ends(number_of.basic));
                Row::new(number_of.name.clone(), cells)
            };
            let mut header = text(&["Estimate", "Std. error", "Bootstrap SE", "Bias"]);
            header.extend(["low", "high"].map(|side| format!("{level} {side}")));
            header.extend(["low", "high"].map(|side| format!("basic {side}")));
            let scheme = match settings.drawn_by {
                "multinomial" => "drawn with replacement",
                "exponential" => "weighted by the exponential distribution",
                _ => "drawn Poisson(1) times",
            };
            note.insert(
                0,
                format!("{} draws, {} clusters of `{cluster}` {scheme}", count(drawn.draws), count(drawn.clusters)),
            );
            note.push(String::from(
                "intervals: quantiles of the draws (percentile), and the same reflected at the estimate (basic)",
            ));
            let (rates, coefficients): (Vec<_>, Vec<_>) =
                drawn.numbers.iter().partition(|n| n.name.starts_with("rate::"));
            let sections = [coefficients, rates].into_iter().filter(|section| !section.is_empty());
            let sections = sections.map(|section| section.into_iter().map(row).collect()).collect();
            let caption = caption("Bootstrap of users");
            Grid { caption, corner: fit.outcome.clone(), header: vec![header], sections, notes: note }
        }
        Body::Permuted(factor, test) => {
            let row = |of: &Permuted| {
                let cells = vec![
                    number(of.estimate),
                    number(of.std_error),
                    Cell::number(rounded(of.statistic, 2)),
                    Cell::number(p_value(of.p_value)),
                ];
                Row::new(of.name.clone(), cells)
            };
            let header = text(&["Estimate", "Std. error", "Statistic", "Permutation p"]);
            let who = match settings.drawn_by {
                "users" => "whole sequences exchanged between users",
                _ if fit.effects.is_empty() => "levels exchanged between rows",
                _ => "levels exchanged between rows of a cell of the fixed effects",
            };
            note.insert(0, format!("{} permutations of `{factor}`, {who}", count(settings.draws)));
            note.push(String::from(
                "p: (1 + permutations with |t*| >= |t|) / (1 + permutations); Wald: all coefficients at once",
            ));
            let sections = vec![test.tests.iter().map(row).collect()];
            let caption = caption("Permutation test");
            Grid { caption, corner: fit.outcome.clone(), header: vec![header], sections, notes: note }
        }
    }
}

/// The p-value without a bootstrap.
fn asymptotic(fit: &ModelFit, test: &ClusterTest, settings: &Settings) -> f64 {
    let reference = if settings.method == "score" { Reference::Normal } else { fit.reference };
    reference.p_value(test.statistic)
}

/// The end of an interval; one without end says so.
fn end(value: f64, digits: usize) -> Cell {
    if value.is_infinite() {
        Cell::number(if value > 0.0 { "inf" } else { "-inf" })
    } else {
        Cell::number(rounded(value, digits))
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const COLUMNS: [&str; 25] = [
    "schema_version",
    "method",
    "drawn_by",
    "model",
    "outcome",
    "sample",
    "name",
    "null_value",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "p_kind",
    "conf_level",
    "conf_low",
    "conf_high",
    "basic_low",
    "basic_high",
    "bootstrap_error",
    "bias",
    "draws",
    "draws_used",
    "enumerated",
    "n_clusters",
    "seed",
];

/// Exact numbers, a row each; columns are those of `docs/bootstrap.md`.
pub fn data_table(report: &Report) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for result in &report.results {
        table.rows.extend(records(result, &report.settings));
    }
    table.with_data_note(report.data_note.as_deref())
}

/// What the rows of a table differ in.
#[derive(Default)]
struct Record<'a> {
    name: &'a str,
    null: Option<f64>,
    estimate: f64,
    std_error: f64,
    statistic: Option<f64>,
    p_value: Option<f64>,
    interval: Option<(f64, f64)>,
    basic: Option<(f64, f64)>,
    bootstrap_error: Option<f64>,
    bias: Option<f64>,
    draws: usize,
    used: usize,
    enumerated: bool,
    clusters: Option<usize>,
}

fn records(result: &Resampling, settings: &Settings) -> Vec<Vec<Value>> {
    let full = |record: Record| -> Vec<Value> {
        vec![
            SCHEMA_VERSION.into(),
            settings.method.into(),
            settings.drawn_by.into(),
            result.fit.model.as_str().into(),
            result.fit.outcome.as_str().into(),
            result.fit.sample.as_str().into(),
            record.name.into(),
            record.null.into(),
            record.estimate.into(),
            record.std_error.into(),
            record.statistic.into(),
            record.p_value.into(),
            settings.p_value.into(),
            settings.conf_level.into(),
            // JSON has no infinity: an end that does not exist is text in both forms
            end_value(record.interval.map(|ends| ends.0)),
            end_value(record.interval.map(|ends| ends.1)),
            record.basic.map(|ends| ends.0).into(),
            record.basic.map(|ends| ends.1).into(),
            record.bootstrap_error.into(),
            record.bias.into(),
            record.draws.into(),
            record.used.into(),
            if record.enumerated { "true" } else { "false" }.into(),
            record.clusters.into(),
            settings.seed.to_string().into(),
        ]
    };
    match &result.body {
        Body::Tests(tests) => tests
            .iter()
            .map(|test| {
                full(Record {
                    name: &test.term,
                    null: Some(test.null),
                    estimate: test.estimate,
                    std_error: test.std_error,
                    statistic: Some(test.statistic),
                    p_value: Some(test.p_value),
                    interval: settings.conf_level.map(|_| test.interval),
                    draws: test.draws,
                    used: test.draws - test.without_statistic,
                    enumerated: test.enumerated,
                    clusters: Some(test.clusters),
                    ..Record::default()
                })
            })
            .collect(),
        Body::Users(drawn) => drawn
            .numbers
            .iter()
            .map(|number| {
                full(Record {
                    name: &number.name,
                    estimate: number.estimate,
                    std_error: number.std_error,
                    interval: Some(number.percentile),
                    basic: Some(number.basic),
                    bootstrap_error: Some(number.bootstrap_error),
                    bias: Some(number.bias),
                    draws: drawn.draws,
                    used: number.draws,
                    clusters: Some(drawn.clusters),
                    ..Record::default()
                })
            })
            .collect(),
        Body::Permuted(_, test) => test
            .tests
            .iter()
            .map(|of| {
                full(Record {
                    name: &of.name,
                    estimate: of.estimate,
                    std_error: of.std_error,
                    statistic: Some(of.statistic),
                    p_value: Some(of.p_value),
                    draws: settings.draws,
                    used: of.draws,
                    clusters: result.fit.clusters.first().map(|cluster| cluster.count),
                    ..Record::default()
                })
            })
            .collect(),
    }
}

fn end_value(end: Option<f64>) -> Value {
    match end {
        Some(end) if end.is_infinite() => if end > 0.0 { "inf" } else { "-inf" }.into(),
        end => end.into(),
    }
}

/// Everything as a JSON document.
pub fn json(report: &Report) -> String {
    let settings = &report.settings;
    let models: Vec<_> = report
        .results
        .iter()
        .map(|result| {
            json!({
                "outcome": result.fit.outcome,
                "sample": result.fit.sample,
                "formula": result.fit.formula,
                "n_obs": result.fit.flow.rows_used,
                "warnings": result.warnings(settings),
            })
        })
        .collect();
    json_text::indented(&json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": report.data_note,
        "sources": report.sources,
        "method": settings.method,
        "drawn_by": settings.drawn_by,
        "p_kind": settings.p_value,
        "draws": settings.draws,
        "seed": settings.seed,
        "conf_level": settings.conf_level,
        "models": models,
        "results": data_table(report).to_json(),
    }))
}

/// Every draw: t*, score, coefficient, rate, or permuted statistic.
pub fn draws_table(report: &Report) -> DataTable {
    let mut table = DataTable::new(&["model", "outcome", "sample", "name", "null_value", "draw", "value"]);
    for result in &report.results {
        let mut put = |name: &str, null: Option<f64>, values: &[f64]| {
            for (draw, &value) in values.iter().enumerate() {
                let names =
                    [&result.fit.model, &result.fit.outcome, &result.fit.sample].map(|text| Value::from(text.as_str()));
                let rest = [Value::from(name), null.into(), (draw + 1).into(), value.into()];
                table.rows.push(names.into_iter().chain(rest).collect());
            }
        };
        match &result.body {
            Body::Tests(tests) => tests.iter().for_each(|test| put(&test.term, Some(test.null), &test.statistics)),
            Body::Users(drawn) => drawn.numbers.iter().for_each(|number| put(&number.name, None, &number.values)),
            Body::Permuted(_, test) => test.tests.iter().for_each(|of| put(&of.name, None, &of.statistics)),
        }
    }
    table.with_data_note(report.data_note.as_deref())
}
