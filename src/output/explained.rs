//! What explanations of estimates share: one long table and one JSON record for all of them.

use serde_json::{Value as Json, json};

use crate::result::{Composition, Estimate, ModelFit, Reference};

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document};
use super::long::{SCHEMA_VERSION, missing_note};
use super::names;
use super::number::{p_value, percent, rounded};
use super::options::RenderOptions;

/// Columns of the table for scripts.
const COLUMNS: [&str; 23] = [
    "schema_version",
    "spec_id",
    "model",
    "outcome",
    "sample",
    "analysis",
    "kind",
    "term",
    "part",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "conf_low",
    "conf_high",
    "conf_level",
    "share",
    "se_type",
    "cluster",
    "composition",
    "n_obs",
    "note",
];

/// One number of an explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is, in one word.
    pub kind: &'static str,
    /// The coefficient or rate it is about.
    pub term: String,
    /// The control, level, variable it belongs to.
    pub part: Option<String>,
    /// The number with its test.
    pub value: Estimate,
    /// Whether it has an error at all: a missing one is then said.
    pub tested: bool,
    /// Its share of the whole.
    pub share: Option<f64>,
    /// Rows.
    pub rows: usize,
    /// What a reader must know.
    pub note: Option<String>,
}

impl Line {
    /// A number with its error.
    pub fn tested(kind: &'static str, term: &str, part: Option<&str>, value: &Estimate, rows: usize) -> Self {
        let part = part.map(str::to_owned);
        Line { kind, term: term.to_owned(), part, value: value.clone(), tested: true, share: None, rows, note: None }
    }

    /// A number without error.
    pub fn plain(kind: &'static str, term: &str, part: Option<&str>, value: f64, rows: usize) -> Self {
        let nan = f64::NAN;
        let value = Estimate {
            term: String::new(),
            estimate: value,
            std_error: nan,
            statistic: nan,
            p_value: nan,
            conf_low: nan,
            conf_high: nan,
        };
        let part = part.map(str::to_owned);
        Line { kind, term: term.to_owned(), part, value, tested: false, share: None, rows, note: None }
    }
}

/// What numbers are about.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Identifier of the specification.
    pub spec_id: String,
    /// Model.
    pub model: String,
    /// Outcome.
    pub outcome: String,
    /// Sample.
    pub sample: String,
    /// Formula.
    pub formula: String,
    /// Distribution of statistics.
    pub reference: Reference,
    /// Level of the intervals.
    pub conf_level: f64,
    /// Kind of errors.
    pub se_type: &'static str,
    /// Cluster variables.
    pub cluster: Option<String>,
    /// What a reader must see.
    pub warnings: Vec<String>,
}

impl About {
    /// A fit.
    pub fn fit(fit: &ModelFit) -> Self {
        About {
            spec_id: fit.spec_id.clone(),
            model: fit.model.clone(),
            outcome: fit.outcome.clone(),
            sample: fit.sample.clone(),
            formula: fit.formula.clone(),
            reference: fit.reference,
            conf_level: fit.conf_level,
            se_type: names::se_type(fit.vcov_kind),
            cluster: names::cluster(fit),
            warnings: fit.warnings.clone(),
        }
    }
}

/// The numbers of one fit.
#[derive(Debug)]
pub struct Explained {
    /// What they are about.
    pub about: About,
    /// Name of the analysis.
    pub analysis: &'static str,
    /// Whether errors count the design as a sample, where that differs.
    pub composition: Option<Composition>,
    /// The numbers.
    pub lines: Vec<Line>,
    /// Further keys of the JSON record.
    pub more: serde_json::Map<String, Json>,
}

fn record(of: &Explained, line: &Line) -> Vec<Value> {
    let value = &line.value;
    let tested = |entry: Value| if line.tested { entry } else { Value::Null };
    let missing = match line.tested {
        true => missing_note(&[("estimate", value.estimate), ("std_error", value.std_error)]),
        false => missing_note(&[("estimate", value.estimate)]),
    };
    vec![
        SCHEMA_VERSION.into(),
        of.about.spec_id.as_str().into(),
        of.about.model.as_str().into(),
        of.about.outcome.as_str().into(),
        of.about.sample.as_str().into(),
        of.analysis.into(),
        line.kind.into(),
        line.term.as_str().into(),
        line.part.as_deref().into(),
        value.estimate.into(),
        value.std_error.into(),
        value.statistic.into(),
        tested(names::degrees_of_freedom(of.about.reference).into()),
        value.p_value.into(),
        value.conf_low.into(),
        value.conf_high.into(),
        tested(of.about.conf_level.into()),
        line.share.into(),
        tested(of.about.se_type.into()),
        tested(of.about.cluster.clone().into()),
        tested(of.composition.map(names::composition).into()),
        line.rows.into(),
        line.note.clone().or(missing).into(),
    ]
}

fn table_of<'a>(all: impl IntoIterator<Item = &'a Explained>) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    table.rows = all.into_iter().flat_map(|of| of.lines.iter().map(|line| record(of, line))).collect();
    table
}

/// One row per number.
pub fn table(all: &[Explained], data_note: Option<&str>) -> DataTable {
    table_of(all).with_data_note(data_note)
}

/// The same as records.
pub fn json(all: &[Explained], data_note: Option<&str>, sources: &[String]) -> Json {
    let one = |of: &Explained| {
        let mut found = json!({
            "spec_id": of.about.spec_id,
            "model": of.about.model,
            "outcome": of.about.outcome,
            "sample": of.about.sample,
            "formula": of.about.formula,
            "analysis": of.analysis,
            "numbers": table_of([of]).to_json(),
            "warnings": of.about.warnings,
        });
        if let Json::Object(map) = &mut found {
            map.extend(of.more.clone());
        }
        found
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": data_note,
        "sources": sources,
        "explanations": all.iter().map(one).collect::<Vec<_>>(),
    })
}

/// A document of these blocks, with what it was read from.
pub fn document(mut blocks: Vec<Block>, data_note: Option<&str>, sources: &[String]) -> Document {
    if !sources.is_empty() {
        let sources: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
        blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    }
    let notices = data_note.map(|note| format!("Data: {note}")).into_iter().collect();
    Document { title: String::new(), notices, blocks }
}

/// `, sample `x``, if it is not the whole.
pub fn sample_of(fit: &ModelFit) -> String {
    if fit.sample == "all" { String::new() } else { format!(", sample `{}`", fit.sample) }
}

/// Cells of a number with its test, and its share of the whole.
pub fn cells(value: &Estimate, share: Option<f64>, options: &RenderOptions) -> Vec<Cell> {
    let shown = |value: f64| Cell::number(rounded(value, options.digits));
    vec![
        shown(value.estimate),
        shown(value.std_error),
        Cell::number(rounded(value.statistic, 2)),
        Cell::number(p_value(value.p_value)),
        shown(value.conf_low),
        shown(value.conf_high),
        share.map_or(Cell::Empty, |share| Cell::number(format!("{}%", percent(share, 1)))),
    ]
}

/// Share of a part in the whole; none of a whole of zero.
pub fn share(part: &Estimate, whole: &Estimate) -> Option<f64> {
    Some(part.estimate / whole.estimate).filter(|share| share.is_finite())
}
