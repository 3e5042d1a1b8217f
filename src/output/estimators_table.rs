//! Cell estimators as a document, a table for scripts and JSON.

use serde_json::{Value as Json, json};

use crate::result::{ContrastKind, ContrastRow, Estimate, Rates, VcovKind};
use crate::standardise::{CellRates, CommonWeights, Estimators, Part, PartKind};

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::long::{SCHEMA_VERSION, missing_note};
use super::names;
use super::notes::estimation_notes;
use super::number::{count, p_value, percent, rounded};
use super::options::RenderOptions;

/// Columns of the table for scripts.
const COLUMNS: [&str; 25] = [
    "schema_version",
    "spec_id",
    "model",
    "outcome",
    "sample",
    "factor",
    "estimator",
    "kind",
    "level",
    "contrast",
    "estimate",
    "std_error",
    "jackknife_std_error",
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
    "n_cells",
    "note",
];

/// Everything to show.
pub fn document(
    found: &[Estimators],
    data_note: Option<&str>,
    sources: &[String],
    options: &RenderOptions,
) -> Document {
    let mut blocks: Vec<Block> = Vec::new();
    for one in found {
        let grids = [rates_grid(one, options), contrasts_grid(one, options), parts_grid(one, options), cells_grid(one)];
        blocks.extend(grids.map(Block::Grid));
        if !one.warnings.is_empty() {
            let lines = one.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
            blocks.push(Block::Lines { heading: String::from("Cells"), lines });
        }
    }
    if !sources.is_empty() {
        let sources: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
        blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    }
    let notices = data_note.map(|note| format!("Data: {note}")).into_iter().collect();
    Document { title: String::new(), notices, blocks }
}

/// A value, its error, and its jackknife error.
type Triple = (f64, f64, Option<f64>);

/// Lines of values, of errors in parentheses and of jackknife errors in brackets.
fn lines(stub: String, values: &[Triple], options: &RenderOptions) -> Vec<Row> {
    let shown = |value: f64| rounded(value, options.digits);
    let mut rows = vec![
        Row::new(stub, values.iter().map(|value| Cell::number(shown(value.0))).collect()),
        Row::new("", values.iter().map(|value| Cell::Error(shown(value.1))).collect()),
    ];
    if values.iter().any(|value| value.2.is_some()) {
        let cell = |value: &Triple| value.2.map_or(Cell::Empty, |error| Cell::number(format!("[{}]", shown(error))));
        rows.push(Row::new("", values.iter().map(cell).collect()));
    }
    rows
}

/// `, sample `x``, if it is not the whole.
fn sample_of(found: &Estimators) -> String {
    if found.fit.sample == "all" { String::new() } else { format!(", sample `{}`", found.fit.sample) }
}

fn rates_of(found: &Estimators) -> Option<&Rates> {
    found.fit.rates.as_ref()
}

fn jackknife_error(rates: &CellRates, k: usize) -> Option<f64> {
    let n = rates.rates.levels.len();
    rates.jackknife.as_ref().map(|vcov| vcov[k * n + k].sqrt())
}

/// Jackknife error of a level minus the reference.
fn jackknife_contrast(rates: &CellRates, k: usize) -> Option<f64> {
    let n = rates.rates.levels.len();
    let base = rates.rates.levels.iter().position(|row| row.level == rates.rates.reference_level)?;
    let vcov = rates.jackknife.as_ref()?;
    Some((vcov[k * n + k] + vcov[base * n + base] - 2.0 * vcov[k * n + base]).max(0.0).sqrt())
}

/// Levels but the reference, with their positions.
fn others(found: &Estimators) -> impl Iterator<Item = usize> + '_ {
    let rates = &found.common.rates;
    (0..rates.levels.len()).filter(|&k| rates.levels[k].level != rates.reference_level)
}

/// Contrasts with the reference, in the order of levels.
fn reference_contrasts(rates: &Rates) -> Vec<&ContrastRow> {
    rates.contrasts.iter().filter(|row| row.kind == ContrastKind::Reference).collect()
}

fn stub(level: &str, label: &str) -> String {
    if level == label { level.to_owned() } else { format!("{level} {label}") }
}

fn rates_grid(found: &Estimators, options: &RenderOptions) -> Grid {
    let header = ["Rows compared", "Unadjusted", "Least squares", "Common weights", "Standardised"];
    let section = |k: usize| {
        let (common, direct) = (&found.common.rates.levels[k], &found.direct.rates.levels[k]);
        let least = rates_of(found)
            .map_or((f64::NAN, f64::NAN, None), |rates| (rates.levels[k].estimate, rates.levels[k].std_error, None));
        let values = [
            least,
            (common.estimate, common.std_error, jackknife_error(&found.common, k)),
            (direct.estimate, direct.std_error, jackknife_error(&found.direct, k)),
        ];
        let mut rows = lines(stub(&common.level, &common.label), &values, options);
        for (at, row) in rows.iter_mut().enumerate() {
            let front = match at {
                0 => [Cell::number(count(common.n_obs)), Cell::number(rounded(common.raw_rate, options.digits))],
                _ => [Cell::Empty, Cell::Empty],
            };
            row.cells.splice(0..0, front);
        }
        rows
    };
    let overlap = &found.overlap;
    let mut notes = vec![format!(
        "common weights and standardisation compare {} of {} rows ({}%): those in cells with every level, as are the rows and the unadjusted rate of a level; least squares has all rows",
        count(overlap.rows_used),
        count(overlap.rows),
        percent(overlap.rows_used as f64 / overlap.rows.max(1) as f64, 1)
    )];
    notes.extend(error_notes(found));
    notes.extend(
        estimation_notes(std::slice::from_ref(&found.fit)).into_iter().map(|note| format!("least squares: {note}")),
    );
    Grid {
        caption: format!(
            "Adjusted rates of `{}` by `{}`: `{}`{}",
            found.fit.outcome,
            found.common.rates.factor,
            found.fit.formula,
            sample_of(found)
        ),
        corner: found.common.rates.factor.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![(0..found.common.rates.levels.len()).flat_map(section).collect()],
        notes,
    }
}

/// How the errors of the cell estimators were made.
fn error_notes(found: &Estimators) -> Vec<String> {
    let clusters: Vec<String> = found
        .clusters
        .iter()
        .filter(|cluster| !cluster.name.contains(':'))
        .map(|cluster| format!("`{}` ({})", cluster.name, count(cluster.count)))
        .collect();
    let by = if clusters.is_empty() {
        String::from(
            "in parentheses heteroskedasticity-robust errors, with residuals of a cell scaled by sqrt(n/(n - 1))",
        )
    } else {
        format!(
            "in parentheses errors clustered by {}, with residuals of a cell scaled by sqrt(n/(n - 1)) and the factor G/(G - 1) = {:.6}",
            clusters.join(" and "),
            found.g_factor
        )
    };
    let mut notes = vec![by];
    if found.common.jackknife.is_some() {
        let unit = found.clusters.first().map_or_else(|| String::from("row"), |cluster| format!("`{}`", cluster.name));
        notes.push(format!("in brackets the jackknife that leaves out one {unit} at a time"));
    }
    if found.common_weights == CommonWeights::Uniform {
        notes.push(String::from("common weights count every pair of levels the same"));
    }
    notes
}

fn contrasts_grid(found: &Estimators, options: &RenderOptions) -> Grid {
    let header = ["Least squares", "One at a time", "Common weights", "Standardised"];
    let least = rates_of(found).map(reference_contrasts).unwrap_or_default();
    let (common, direct) = (reference_contrasts(&found.common.rates), reference_contrasts(&found.direct.rates));
    let mut rows = Vec::new();
    for (at, k) in others(found).enumerate() {
        let of = |row: &ContrastRow, jackknife: Option<f64>| (row.estimate, row.std_error, jackknife);
        let pair = &found.pairs[at];
        let values = [
            least.get(at).map_or((f64::NAN, f64::NAN, None), |row| of(row, None)),
            (pair.contrast.estimate, pair.contrast.std_error, pair.jackknife),
            of(common[at], jackknife_contrast(&found.common, k)),
            of(direct[at], jackknife_contrast(&found.direct, k)),
        ];
        rows.extend(lines(common[at].contrast.clone(), &values, options));
    }
    Grid {
        caption: format!("Differences to level `{}`, `{}`", found.common.rates.reference_level, found.fit.outcome),
        corner: found.common.rates.factor.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![rows],
        notes: vec![String::from("one at a time compares two levels in all cells that hold both")],
    }
}

/// Heading of a part in the table.
fn part_heading(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Overlap => "Least squares",
        PartKind::Own => "Own effect",
        PartKind::Contamination => "Contamination",
        PartKind::Between => "Between cells",
        PartKind::MinusCommon => "- common weights",
        PartKind::MinusDirect => "- standardised",
        PartKind::MinusPair => "All rows - one at a time",
        PartKind::AllMinusOverlap => "All rows - compared",
    }
}

/// Name of a part for scripts.
fn part_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Overlap => "contrast",
        PartKind::Own => "own_effect",
        PartKind::Contamination => "contamination",
        PartKind::Between => "between_cells",
        PartKind::MinusCommon => "minus_common_weights",
        PartKind::MinusDirect => "minus_direct_standardisation",
        PartKind::MinusPair => "all_rows_minus_one_at_a_time",
        PartKind::AllMinusOverlap => "all_rows_minus_overlap",
    }
}

fn parts_grid(found: &Estimators, options: &RenderOptions) -> Grid {
    let of_kind = |kind: PartKind| found.parts.iter().filter(move |part| part.kind == kind);
    // a part that is zero for every level needs no column
    let has = |kind: &PartKind| match kind {
        PartKind::Between => of_kind(*kind).any(|part| part.value.std_error > 0.0),
        kind => of_kind(*kind).next().is_some(),
    };
    let kinds: Vec<PartKind> = PartKind::ALL.into_iter().filter(has).collect();
    let mut rows = Vec::new();
    for part in of_kind(PartKind::Overlap) {
        let values: Vec<Triple> = kinds
            .iter()
            .map(|&kind| {
                let part = of_kind(kind).find(|other| other.level == part.level);
                part.map_or((f64::NAN, f64::NAN, None), |part| (part.value.estimate, part.value.std_error, None))
            })
            .collect();
        rows.extend(lines(part.value.term.clone(), &values, options));
    }
    let mut notes = vec![String::from(
        "least squares on the rows compared = own effect + contamination by effects of other levels (+ between cells); then what remains after another estimator is subtracted; errors by the influence of all of them together, cells scaled as above, the composition sampled",
    )];
    notes.push(match &found.test {
        Some(test) => format!(
            "joint test that least squares and common weights have the same contrasts: F({}, {}) = {}, p = {}",
            test.df1,
            rounded(test.df2, 0),
            rounded(test.statistic, 2),
            p_value(test.p_value)
        ),
        None => String::from("least squares and common weights are the same number here: nothing to test"),
    });
    Grid {
        caption: format!("Contamination of least squares, `{}`", found.fit.outcome),
        corner: found.common.rates.factor.clone(),
        header: vec![kinds.into_iter().map(|kind| part_heading(kind).to_owned()).collect()],
        sections: vec![rows],
        notes,
    }
}

fn cells_grid(found: &Estimators) -> Grid {
    let overlap = &found.overlap;
    let header = ["Rows", "Rows compared", "Cells", "Effective n, common weights", "Effective n, standardised"]
        .map(str::to_owned);
    let rows = overlap.levels.iter().enumerate().map(|(k, level)| {
        let cells = vec![
            Cell::number(count(level.rows)),
            Cell::number(count(level.rows_used)),
            Cell::number(count(level.cells)),
            Cell::number(rounded(found.common.rates.levels[k].effective_n, 0)),
            Cell::number(rounded(found.direct.rates.levels[k].effective_n, 0)),
        ];
        Row::new(stub(&level.level, &level.label), cells)
    });
    let without = overlap.rows - overlap.rows_used;
    let share = |rows: usize| format!("{} ({}%)", count(rows), percent(rows as f64 / overlap.rows.max(1) as f64, 1));
    Grid {
        caption: format!("Rows and cells, `{}`", found.fit.outcome),
        corner: found.common.rates.factor.clone(),
        header: vec![header.to_vec()],
        sections: vec![rows.collect()],
        notes: vec![
            format!("{} of {} cells hold every level", count(overlap.cells_used), count(overlap.cells)),
            format!("rows in cells without every level, left out of the comparison: {}", share(without)),
            format!("rows in cells with two levels or more: {}", share(overlap.rows_two_levels)),
            format!("rows alone at their level of a cell compared: {}", share(overlap.rows_alone)),
        ],
    }
}

/// What varies from row to row within one set of estimators.
#[derive(Default)]
struct Line<'a> {
    estimator: &'static str,
    kind: &'static str,
    level: Option<&'a str>,
    contrast: Option<&'a str>,
    estimate: f64,
    std_error: f64,
    jackknife: Option<f64>,
    statistic: f64,
    p_value: f64,
    conf_low: f64,
    conf_high: f64,
    df: Option<f64>,
    rows: usize,
    cells: Option<usize>,
}

fn line_of<'a>(estimator: &'static str, kind: &'static str, value: &'a Estimate) -> Line<'a> {
    Line {
        estimator,
        kind,
        contrast: Some(&value.term),
        estimate: value.estimate,
        std_error: value.std_error,
        statistic: value.statistic,
        p_value: value.p_value,
        conf_low: value.conf_low,
        conf_high: value.conf_high,
        ..Line::default()
    }
}

/// Rates and contrasts of one estimator.
fn lines_of_rates<'a>(
    estimator: &'static str,
    rates: &'a Rates,
    jackknife: Option<&CellRates>,
    df: Option<f64>,
    cells: Option<usize>,
) -> Vec<Line<'a>> {
    let rows = rates.target_rows;
    let level = |(k, row): (usize, &'a crate::result::RateRow)| Line {
        estimator,
        kind: "rate",
        level: Some(&row.level),
        estimate: row.estimate,
        std_error: row.std_error,
        jackknife: jackknife.and_then(|rates| jackknife_error(rates, k)),
        statistic: f64::NAN,
        p_value: f64::NAN,
        conf_low: row.conf_low,
        conf_high: row.conf_high,
        df,
        rows,
        cells,
        ..Line::default()
    };
    let reference = rates.reference_level.as_str();
    let others: Vec<usize> = (0..rates.levels.len()).filter(|&k| rates.levels[k].level != reference).collect();
    let mut differences = 0;
    let mut out: Vec<Line> = rates.levels.iter().enumerate().map(level).collect();
    for row in &rates.contrasts {
        let mut jackknifed = None;
        if row.kind == ContrastKind::Reference {
            jackknifed = jackknife.and_then(|rates| jackknife_contrast(rates, others[differences]));
            differences += 1;
        }
        out.push(Line {
            estimator,
            kind: names::contrast(row.kind),
            contrast: Some(&row.contrast),
            estimate: row.estimate,
            std_error: row.std_error,
            jackknife: jackknifed,
            statistic: row.statistic,
            p_value: row.p_value,
            conf_low: row.conf_low,
            conf_high: row.conf_high,
            df,
            rows,
            cells,
            ..Line::default()
        });
    }
    out
}

fn all_lines(found: &Estimators) -> Vec<Line<'_>> {
    let overlap = &found.overlap;
    let df = names::degrees_of_freedom(found.reference);
    let mut out = Vec::new();
    if let Some(rates) = rates_of(found) {
        out.extend(lines_of_rates(
            "pl",
            rates,
            None,
            names::degrees_of_freedom(found.fit.reference),
            Some(overlap.cells),
        ));
    }
    let used = Some(overlap.cells_used);
    out.extend(lines_of_rates("cw", &found.common.rates, Some(&found.common), df, used));
    out.extend(lines_of_rates("ds", &found.direct.rates, Some(&found.direct), df, used));
    out.extend(found.pairs.iter().map(|pair| Line {
        jackknife: pair.jackknife,
        level: Some(&pair.level),
        rows: pair.rows,
        cells: Some(pair.cells),
        df,
        ..line_of("ew", "contrast_reference", &pair.contrast)
    }));
    out.extend(found.parts.iter().map(|part: &Part| Line {
        level: Some(&part.level),
        rows: overlap.rows_used,
        cells: used,
        df,
        ..line_of("pl_overlap", part_name(part.kind), &part.value)
    }));
    out
}

fn record(found: &Estimators, line: &Line) -> Vec<Value> {
    let fit = &found.fit;
    // least squares on all rows has the covariance asked for
    let se_type = match (line.estimator, found.clusters.is_empty(), fit.vcov_kind) {
        ("pl", _, kind) => names::se_type(kind),
        (_, true, _) | (_, _, VcovKind::Hc1) => "cell_hc2",
        _ => "cell_cr",
    };
    let clusters: Vec<&str> =
        found.clusters.iter().map(|cluster| cluster.name.as_str()).filter(|name| !name.contains(':')).collect();
    let cluster = (!clusters.is_empty()).then(|| clusters.join(" + "));
    vec![
        SCHEMA_VERSION.into(),
        fit.spec_id.as_str().into(),
        fit.model.as_str().into(),
        fit.outcome.as_str().into(),
        fit.sample.as_str().into(),
        found.common.rates.factor.as_str().into(),
        line.estimator.into(),
        line.kind.into(),
        line.level.into(),
        line.contrast.into(),
        line.estimate.into(),
        line.std_error.into(),
        line.jackknife.into(),
        line.statistic.into(),
        line.df.into(),
        line.p_value.into(),
        line.conf_low.into(),
        line.conf_high.into(),
        fit.conf_level.into(),
        se_type.into(),
        cluster.into(),
        names::composition(found.common.rates.composition).into(),
        line.rows.into(),
        line.cells.into(),
        missing_note(&[("estimate", line.estimate), ("std_error", line.std_error)]).into(),
    ]
}

/// One row per number.
pub fn table(found: &[Estimators], data_note: Option<&str>) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for one in found {
        table.rows.extend(all_lines(one).iter().map(|line| record(one, line)));
    }
    table.with_data_note(data_note)
}

/// The same numbers with overlap, test and covariances.
pub fn json(found: &[Estimators], data_note: Option<&str>, sources: &[String]) -> Json {
    let one = |found: &Estimators| {
        let mut table = DataTable::new(&COLUMNS);
        table.rows = all_lines(found).iter().map(|line| record(found, line)).collect();
        let overlap = &found.overlap;
        let levels: Vec<&str> = overlap.levels.iter().map(|level| level.level.as_str()).collect();
        let matrix = |entries: &[f64]| -> Json {
            json!({"levels": levels, "matrix": entries.chunks(levels.len().max(1)).collect::<Vec<_>>()})
        };
        let cell_rates = |rates: &CellRates| {
            json!({
                "effective_n": rates.rates.levels.iter().map(|row| row.effective_n).collect::<Vec<_>>(),
                "raw_rate": rates.rates.levels.iter().map(|row| row.raw_rate).collect::<Vec<_>>(),
                "vcov": matrix(&rates.rates.vcov),
                "jackknife_vcov": rates.jackknife.as_deref().map(matrix),
            })
        };
        json!({
            "spec_id": found.fit.spec_id,
            "model": found.fit.model,
            "outcome": found.fit.outcome,
            "sample": found.fit.sample,
            "formula": found.fit.formula,
            "factor": found.common.rates.factor,
            "reference_level": found.common.rates.reference_level,
            "common_weights": match found.common_weights {
                CommonWeights::Shares => "shares",
                CommonWeights::Uniform => "uniform",
            },
            "numbers": table.to_json(),
            "overlap": {
                "cells": overlap.cells,
                "cells_used": overlap.cells_used,
                "rows": overlap.rows,
                "rows_used": overlap.rows_used,
                "rows_two_levels": overlap.rows_two_levels,
                "rows_alone": overlap.rows_alone,
                "levels": overlap.levels.iter().map(|level| json!({
                    "level": level.level,
                    "label": level.label,
                    "rows": level.rows,
                    "rows_used": level.rows_used,
                    "cells": level.cells,
                })).collect::<Vec<_>>(),
            },
            "common": cell_rates(&found.common),
            "direct": cell_rates(&found.direct),
            "test": found.test.map(|test| json!({
                "statistic": test.statistic,
                "df1": test.df1,
                "df2": test.df2,
                "p_value": test.p_value,
            })),
            "clusters": found.clusters.iter()
                .map(|cluster| (cluster.name.clone(), Json::from(cluster.count)))
                .collect::<serde_json::Map<String, Json>>(),
            "g_factor": found.g_factor,
            "warnings": found.warnings.iter().chain(&found.fit.warnings).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": data_note,
        "sources": sources,
        "estimators": found.iter().map(one).collect::<Vec<_>>(),
    })
}
