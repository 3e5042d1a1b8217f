//! The parts behind the exhibits: methods, rows, overlap, comparison.

use super::{Section, methods};
use crate::compare::Comparison;
use crate::compare::render::document;
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::flow_table::flow_table;
use crate::output::html::{body, table};
use crate::output::number::{count, rounded};
use crate::result::{ModelFit, Overlap};

/// Fits side by side in a table of rows.
const COLUMNS: usize = 6;

/// Methods in words.
pub fn of_methods(fits: &[ModelFit]) -> Section {
    let blocks = methods::paragraphs(fits)
        .into_iter()
        .flat_map(|(names, text)| [Block::Lines { heading: names, lines: Vec::new() }, Block::Paragraph(text)]);
    section("methods", "Methods, as run", blocks.collect())
}

/// From rows read to rows used, one table for each flow that differs.
pub fn of_flow(fits: &[ModelFit]) -> Section {
    let mut distinct: Vec<ModelFit> = Vec::new();
    for fit in fits {
        if !distinct.iter().any(|other| other.flow == fit.flow && other.spec_id == fit.spec_id) {
            distinct.push(fit.clone());
        }
    }
    let tables = distinct.chunks(COLUMNS).map(|fits| Block::Grid(flow_table(fits)));
    section("rows", "Rows, from the file to the estimates", tables.collect())
}

/// How far levels are compared within cells.
pub fn of_overlap(fits: &[ModelFit]) -> Option<Section> {
    let found: Vec<(&ModelFit, &Overlap)> = fits.iter().filter_map(|fit| Some((fit, fit.overlap.as_ref()?))).collect();
    let share = |part: usize, overlap: &Overlap| {
        Cell::number(format!("{}%", rounded(100.0 * part as f64 / overlap.target_rows.max(1) as f64, 1)))
    };
    let line = |(fit, overlap): &(&ModelFit, &Overlap)| {
        let cells = vec![
            Cell::number(count(overlap.target_rows)),
            Cell::number(count(overlap.cells)),
            share(overlap.rows_in_all_level_cells, overlap),
            share(overlap.rows_in_two_level_cells, overlap),
            share(overlap.rows_in_singleton_cells, overlap),
            Cell::number(format!("{}%", rounded(100.0 * overlap.negative_weight_share, 1))),
            Cell::number(format!("{}%", rounded(100.0 * overlap.largest_cluster_share, 2))),
            Cell::number(rounded(overlap.parameters_per_row, 4)),
        ];
        Row::new(format!("{} {} {}", fit.model, fit.outcome, fit.sample), cells)
    };
    let header = [
        "Target rows",
        "Cells",
        "In cells with all levels",
        "With two or more",
        "Alone in a cell",
        "Negative implied weight",
        "Largest cluster",
        "Parameters per row",
    ];
    let grid = Grid {
        caption: String::from("Overlap of the levels within cells"),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![found.iter().map(line).collect()],
        notes: found.iter().flat_map(|(_, overlap)| overlap.warnings.clone()).fold(Vec::new(), |mut notes, note| {
            if !notes.contains(&note) {
                notes.push(note);
            }
            notes
        }),
        ..Grid::default()
    };
    (!found.is_empty()).then(|| Section {
        id: String::from("overlap"),
        title: String::from("Overlap"),
        html: table(&grid),
    })
}

/// Published numbers and ours.
pub fn of_comparison(comparisons: &[Comparison], conflicts: &[String]) -> Section {
    let document = document(comparisons, &[], conflicts);
    section("comparison", &document.title, document.blocks)
}

fn section(id: &str, title: &str, blocks: Vec<Block>) -> Section {
    let html = body(&Document { title: String::new(), notices: Vec::new(), blocks });
    // the page's own headings are of the second order
    let html = html.replace("<h3>", "<h4>").replace("</h3>", "</h4>").replace("<h2>", "<h3>").replace("</h2>", "</h3>");
    Section { id: id.to_owned(), title: title.to_owned(), html }
}
