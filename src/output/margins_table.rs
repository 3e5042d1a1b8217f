//! Average marginal effects as a document, a table for scripts and JSON.

use serde_json::{Value as Json, json};

use crate::result::{Composition, MarginKind, MarginRow, Margins, ModelFit};

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::long::{SCHEMA_VERSION, missing_note};
use super::names;
use super::notes::{estimation_notes, is_t, percent_level};
use super::number::{count, counted, p_value, rounded};
use super::options::RenderOptions;

/// Columns of the table for scripts.
const COLUMNS: [&str; 23] = [
    "schema_version",
    "spec_id",
    "model",
    "outcome",
    "sample",
    "estimator",
    "kind",
    "term",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "conf_low",
    "conf_high",
    "conf_level",
    "se_type",
    "cluster",
    "composition",
    "n_obs",
    "n_clusters",
    "target",
    "note",
];

/// `slope`, `slope_at_level` or `change`.
fn kind(kind: MarginKind) -> &'static str {
    match kind {
        MarginKind::Slope => "slope",
        MarginKind::SlopeAtLevel => "slope_at_level",
        MarginKind::Change => "change",
    }
}

/// Everything to show.
pub fn document(
    fits: &[(ModelFit, Margins)],
    data_note: Option<&str>,
    sources: &[String],
    options: &RenderOptions,
) -> Document {
    let mut blocks: Vec<Block> = fits.iter().map(|(fit, margins)| Block::Grid(grid(fit, margins, options))).collect();
    if !sources.is_empty() {
        let sources: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
        blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    }
    let notices = data_note.map(|note| format!("Data: {note}")).into_iter().collect();
    Document { title: String::new(), notices, blocks }
}

fn grid(fit: &ModelFit, margins: &Margins, options: &RenderOptions) -> Grid {
    let level = percent_level(fit.conf_level);
    let statistic = if is_t(fit) { "t value" } else { "z value" };
    let header =
        ["Effect", "Std. error", statistic, "p value", &format!("{level} low"), &format!("{level} high"), "Rows"];
    let row = |row: &MarginRow| {
        let shown = |value: f64| Cell::number(rounded(value, options.digits));
        let value = &row.value;
        let cells = vec![
            shown(value.estimate),
            shown(value.std_error),
            Cell::number(rounded(value.statistic, 2)),
            Cell::number(p_value(value.p_value)),
            shown(value.conf_low),
            shown(value.conf_high),
            Cell::number(count(row.rows)),
        ];
        let what = match row.kind {
            MarginKind::Slope => "",
            MarginKind::SlopeAtLevel => ", at the level",
            MarginKind::Change => ", change",
        };
        Row::new(format!("{}{what}", value.term), cells)
    };
    let composition = match margins.composition {
        Composition::Sampled => "standard errors count the target rows as a sample too",
        Composition::Fixed => "standard errors hold the target rows fixed",
    };
    let mut notes = vec![format!(
        "averages over the target rows of the slope of the mean in a number (per unit of the term as written), and of its change from the reference to a level; {composition}"
    )];
    let target = margins.rows.iter().map(|row| row.rows).max().unwrap_or(0);
    if target > fit.flow.rows_used {
        notes.push(format!(
            "{} that the fixed effects fit exactly are among the target rows",
            counted(target - fit.flow.rows_used, "row", "rows")
        ));
    }
    notes.extend(estimation_notes(std::slice::from_ref(fit)));
    let sample = if fit.sample == "all" { String::new() } else { format!(", sample `{}`", fit.sample) };
    Grid {
        caption: format!("Average marginal effects, {} `{}`{sample}", names::estimator(fit.family), fit.formula),
        corner: fit.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![margins.rows.iter().map(row).collect()],
        notes,
    }
}

/// One row per effect.
pub fn table(fits: &[(ModelFit, Margins)], data_note: Option<&str>) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for (fit, margins) in fits {
        table.rows.extend((0..margins.rows.len()).map(|at| record(fit, margins, at)));
    }
    table.with_data_note(data_note)
}

fn record(fit: &ModelFit, margins: &Margins, at: usize) -> Vec<Value> {
    let row = &margins.rows[at];
    let value = &row.value;
    let own = fit.df.as_ref().and_then(|df| df.margins.get(at).copied());
    vec![
        SCHEMA_VERSION.into(),
        fit.spec_id.as_str().into(),
        fit.model.as_str().into(),
        fit.outcome.as_str().into(),
        fit.sample.as_str().into(),
        names::estimator(fit.family).into(),
        kind(row.kind).into(),
        value.term.as_str().into(),
        value.estimate.into(),
        value.std_error.into(),
        value.statistic.into(),
        own.or(names::degrees_of_freedom(fit.reference)).into(),
        value.p_value.into(),
        value.conf_low.into(),
        value.conf_high.into(),
        fit.conf_level.into(),
        names::se_type(fit.vcov_kind).into(),
        names::cluster(fit).into(),
        names::composition(margins.composition).into(),
        fit.flow.rows_used.into(),
        names::first_cluster_count(fit).into(),
        row.rows.into(),
        missing_note(&[("estimate", value.estimate), ("std_error", value.std_error)]).into(),
    ]
}

/// Effects and their covariance.
pub fn json(fits: &[(ModelFit, Margins)], data_note: Option<&str>, sources: &[String]) -> Json {
    let one = |(fit, margins): &(ModelFit, Margins)| {
        let mut table = DataTable::new(&COLUMNS);
        table.rows = (0..margins.rows.len()).map(|at| record(fit, margins, at)).collect();
        let terms: Vec<&str> = margins.rows.iter().map(|row| row.value.term.as_str()).collect();
        let matrix: Vec<&[f64]> = margins.vcov.chunks(terms.len().max(1)).collect();
        json!({
            "spec_id": fit.spec_id,
            "model": fit.model,
            "outcome": fit.outcome,
            "sample": fit.sample,
            "family": names::estimator(fit.family),
            "formula": fit.formula,
            "effects": table.to_json(),
            "vcov": {"terms": terms, "matrix": matrix},
            "warnings": fit.warnings,
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": data_note,
        "sources": sources,
        "margins": fits.iter().map(one).collect::<Vec<_>>(),
    })
}
