//! Differences between two groups taken apart: by regressors and coefficients, by rates and composition.

use serde_json::{Map, Value as Json};

use crate::explain::kitagawa::{CellPart, Kitagawa, TwoGroups};
use crate::explain::oaxaca::Oaxaca;
use crate::result::{Estimate, Reference};

use super::data_table::DataTable;
use super::document::{Block, Cell, Document, Grid, Row};
use super::explained::{self, About, Explained, Line, share};
use super::notes::percent_level;
use super::number::{count, counted, rounded};
use super::options::RenderOptions;

/// The decompositions of one outcome.
#[derive(Debug)]
pub struct Twofold {
    /// What they are about.
    pub about: About,
    /// The groups' names.
    pub groups: TwoGroups,
    /// Rows in neither group.
    pub rows_neither: usize,
    /// By regression.
    pub oaxaca: Option<(&'static str, Oaxaca)>,
    /// By cells of each effect, with the labels of the cells.
    pub kitagawa: Vec<(Kitagawa, Vec<String>)>,
}

/// Everything to show; cells one by one if asked for.
pub fn document(
    found: &[Twofold],
    cells: bool,
    note: Option<&str>,
    sources: &[String],
    options: &RenderOptions,
) -> Document {
    let mut blocks = Vec::new();
    for one in found {
        if let Some((reference, oaxaca)) = &one.oaxaca {
            blocks.push(Block::Grid(oaxaca_grid(one, reference, oaxaca, options)));
        }
        for (kitagawa, labels) in &one.kitagawa {
            blocks.push(Block::Grid(kitagawa_grid(one, kitagawa, options)));
            if cells {
                blocks.push(Block::Grid(cells_grid(one, kitagawa, labels, options)));
            }
        }
    }
    explained::document(blocks, note, sources)
}

fn header(about: &About) -> Vec<String> {
    let level = percent_level(about.conf_level);
    let (low, high) = (format!("{level} low"), format!("{level} high"));
    ["Estimate", "Std. error", "t value", "p value", &low, &high, "Share"].map(str::to_owned).to_vec()
}

/// How errors were made, and rows of neither group.
fn error_notes(found: &Twofold) -> Vec<String> {
    let df = match found.about.reference {
        Reference::StudentT(df) => format!("t({})", count(df as usize)),
        Reference::Normal => String::from("the normal distribution"),
    };
    let by = match &found.about.cluster {
        Some(cluster) => format!("clustered by `{cluster}`, whose members may be in both groups"),
        None => String::from("robust, by row"),
    };
    let mut notes = vec![format!(
        "errors by influence {by}, sampling of the composition included, factor G/(G - 1); p-values and intervals from {df}"
    )];
    if found.rows_neither > 0 {
        notes.push(format!("{} in neither group left out", counted(found.rows_neither, "row", "rows")));
    }
    notes
}

fn sample_of(about: &About) -> String {
    if about.sample == "all" { String::new() } else { format!(", sample `{}`", about.sample) }
}

fn oaxaca_grid(found: &Twofold, reference: &str, oaxaca: &Oaxaca, options: &RenderOptions) -> Grid {
    let total = &oaxaca.total;
    let row = |name: &str, value: &Estimate, of: Option<f64>| Row::new(name, explained::cells(value, of, options));
    let [a, b] = &found.groups.labels;
    let mut first = vec![row(b, &oaxaca.means[1], None), row(a, &oaxaca.means[0], None)];
    first.push(row("difference", total, share(total, total)));
    let overall = [&oaxaca.explained, &oaxaca.unexplained].map(|value| row(&value.term, value, share(value, total)));
    let part = |title: &str, rows: Vec<Row>| {
        let mut all = vec![Row::title(title)];
        all.extend(rows);
        all
    };
    let explained = oaxaca.variables.iter().filter(|variable| variable.name != "(Intercept)");
    let explained = explained.map(|v| row(&v.name, &v.explained, share(&v.explained, total))).collect();
    let unexplained = oaxaca.variables.iter().map(|v| row(&v.name, &v.unexplained, share(&v.unexplained, total)));
    let mut notes = vec![
        format!("Oaxaca (1973), Blinder (1973), twofold; reference coefficients: {reference}"),
        String::from(
            "levels of factors are normalised (Yun 2005): no part depends on a reference level; where zero is in a number's scale does move its unexplained part to the intercept and back",
        ),
        format!("rows: {} ({a}), {} ({b})", count(oaxaca.rows[0]), count(oaxaca.rows[1])),
    ];
    notes.extend(error_notes(found));
    Grid {
        caption: format!("Difference of means: `{}`{}", found.about.formula, sample_of(&found.about)),
        corner: found.about.outcome.clone(),
        header: vec![header(&found.about)],
        sections: vec![first, overall.into(), part("explained", explained), part("unexplained", unexplained.collect())],
        notes,
    }
}

fn kitagawa_grid(found: &Twofold, kitagawa: &Kitagawa, options: &RenderOptions) -> Grid {
    let total = &kitagawa.total;
    let [a, b] = &found.groups.labels;
    let of_row = |name: String, value: &Estimate| Row::new(name, explained::cells(value, share(value, total), options));
    let mut rows = vec![
        of_row(kitagawa.rate.term.clone(), &kitagawa.rate),
        of_row(kitagawa.composition.term.clone(), &kitagawa.composition),
    ];
    for (g, alone) in kitagawa.alone.iter().enumerate() {
        rows.extend(alone.as_ref().map(|value| of_row(format!("cells of {} only", found.groups.labels[g]), value)));
    }
    rows.push(of_row(total.term.clone(), total));
    let mut notes = vec![format!(
        "Kitagawa (1955), symmetric weights: {} for {b} (n = {}) less {} for {a} (n = {})",
        rounded(kitagawa.sizes[1].mean, options.digits),
        count(kitagawa.sizes[1].rows),
        rounded(kitagawa.sizes[0].mean, options.digits),
        count(kitagawa.sizes[0].rows)
    )];
    let alone: Vec<String> = (0..2)
        .filter(|&g| kitagawa.sizes[g].rows_alone > 0)
        .map(|g| format!("{} of {}", counted(kitagawa.sizes[g].rows_alone, "row", "rows"), found.groups.labels[g]))
        .collect();
    if !alone.is_empty() {
        notes.push(format!("in cells that the other group does not have: {}", alone.join(", ")));
    }
    notes.extend(error_notes(found));
    Grid {
        caption: format!(
            "Difference of rates by `{}`: `{}`{}",
            kitagawa.by,
            found.about.formula,
            sample_of(&found.about)
        ),
        corner: found.about.outcome.clone(),
        header: vec![header(&found.about)],
        sections: vec![rows],
        notes,
    }
}

fn cells_grid(found: &Twofold, kitagawa: &Kitagawa, labels: &[String], options: &RenderOptions) -> Grid {
    let [a, b] = &found.groups.labels;
    let header = [format!("Share, {a}"), format!("Share, {b}"), format!("Rate, {a}"), format!("Rate, {b}")];
    let mut header = header.to_vec();
    header.extend(["Rates", "Composition"].map(str::to_owned));
    let shown = |value: f64| if value.is_nan() { Cell::Empty } else { Cell::number(rounded(value, options.digits)) };
    let row = |(cell, label): (&CellPart, &String)| {
        let numbers =
            [cell.shares[0], cell.shares[1], cell.rates[0], cell.rates[1], cell.rate, cell.composition].map(shown);
        Row::new(label.clone(), numbers.to_vec())
    };
    Grid {
        caption: format!("Cells of `{}`", kitagawa.by),
        corner: kitagawa.by.clone(),
        header: vec![header],
        sections: vec![kitagawa.cells.iter().zip(labels).map(row).collect()],
        notes: vec![String::from(
            "a cell's part of the composition: its change of share times how far its rate is from the mean",
        )],
    }
}

fn lines(found: &Twofold) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((_, oaxaca)) = &found.oaxaca {
        let rows = oaxaca.rows[0] + oaxaca.rows[1];
        let total = &oaxaca.total;
        let line = |kind, term: &str, part: Option<&str>, value: &Estimate| {
            let of = share(value, total);
            Line { share: of, ..Line::tested(kind, term, part, value, rows) }
        };
        for g in [0, 1] {
            let kind = if g == 0 { "mean_a" } else { "mean_b" };
            lines.push(Line::tested(kind, &found.groups.labels[g], None, &oaxaca.means[g], oaxaca.rows[g]));
        }
        lines.push(line("difference", "", None, total));
        lines.push(line("explained", "", None, &oaxaca.explained));
        lines.push(line("unexplained", "", None, &oaxaca.unexplained));
        for variable in &oaxaca.variables {
            if variable.name != "(Intercept)" {
                lines.push(line("explained_by", "", Some(&variable.name), &variable.explained));
            }
            lines.push(line("unexplained_by", "", Some(&variable.name), &variable.unexplained));
        }
    }
    for (kitagawa, labels) in &found.kitagawa {
        let rows = kitagawa.sizes[0].rows + kitagawa.sizes[1].rows;
        let by = kitagawa.by.as_str();
        let line = |kind, value: &Estimate, rows: usize| {
            let of = share(value, &kitagawa.total);
            Line { share: of, ..Line::tested(kind, by, None, value, rows) }
        };
        lines.push(Line::plain(
            "mean_a",
            by,
            Some(&found.groups.labels[0]),
            kitagawa.sizes[0].mean,
            kitagawa.sizes[0].rows,
        ));
        lines.push(Line::plain(
            "mean_b",
            by,
            Some(&found.groups.labels[1]),
            kitagawa.sizes[1].mean,
            kitagawa.sizes[1].rows,
        ));
        lines.push(line("difference", &kitagawa.total, rows));
        lines.push(line("rates", &kitagawa.rate, rows));
        lines.push(line("composition", &kitagawa.composition, rows));
        for (g, kind) in [(0, "cells_of_a_only"), (1, "cells_of_b_only")] {
            lines.extend(kitagawa.alone[g].as_ref().map(|value| line(kind, value, kitagawa.sizes[g].rows_alone)));
        }
        for (cell, label) in kitagawa.cells.iter().zip(labels) {
            let part = Some(label.as_str());
            let one_sided = || Some(String::from("only one group has rows in this cell"));
            let plain = |kind, value: f64| {
                let line = Line::plain(kind, by, part, value, rows);
                Line { note: if value.is_nan() { one_sided() } else { None }, ..line }
            };
            lines.push(plain("cell_share_a", cell.shares[0]));
            lines.push(plain("cell_share_b", cell.shares[1]));
            lines.push(plain("cell_rate_a", cell.rates[0]));
            lines.push(plain("cell_rate_b", cell.rates[1]));
            lines.push(plain("cell_rates", cell.rate));
            lines.push(plain("cell_composition", cell.composition));
        }
    }
    lines
}

fn explained(found: &[Twofold]) -> Vec<Explained> {
    let one = |found: &Twofold| Explained {
        about: found.about.clone(),
        analysis: if found.oaxaca.is_some() { "oaxaca" } else { "kitagawa" },
        composition: None,
        lines: lines(found),
        more: Map::from_iter([
            (String::from("groups"), Json::from(found.groups.labels.to_vec())),
            (String::from("reference"), Json::from(found.oaxaca.as_ref().map(|(reference, _)| *reference))),
            (String::from("rows_neither"), Json::from(found.rows_neither)),
        ]),
    };
    found.iter().map(one).collect()
}

/// One row per number.
pub fn table(found: &[Twofold], note: Option<&str>) -> DataTable {
    explained::table(&explained(found), note)
}

/// The same as records.
pub fn json(found: &[Twofold], note: Option<&str>, sources: &[String]) -> Json {
    explained::json(&explained(found), note, sources)
}
