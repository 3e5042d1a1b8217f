//! A table as a picture: for slides, and for documents that join pictures.

use super::plots::{INK, LABEL, NOTE, TITLE, line_height, lines};
use super::surface::{Anchor, Surface, TextStyle};
use super::text_width::{Weight, text_width, wrap};
use crate::output::document::{Cell, Grid};

const MARGIN: f64 = 28.0;
/// Room between columns.
const GAP: f64 = 22.0;
const ROW: f64 = 20.0;
const NARROWEST: f64 = 520.0;
/// Widest heading before it is broken.
const HEADING: f64 = 92.0;

const HEAD: TextStyle = TextStyle { weight: Weight::Bold, ..LABEL };

/// The table as an SVG document, with rules as in print and its notes below.
pub fn grid_svg(grid: &Grid) -> String {
    let n = grid.n_columns();
    let rows: Vec<&crate::output::document::Row> = grid.sections.iter().flatten().collect();
    let headings: Vec<Vec<String>> = (0..n)
        .map(|column| {
            let text: Vec<&str> = grid.header.iter().filter_map(|line| line.get(column)).map(String::as_str).collect();
            wrap(&literal(&text.join(" ")), HEADING, HEAD.size, HEAD.weight)
        })
        .collect();
    let width_of = |text: &str, style: TextStyle| text_width(text, style.size, style.weight);
    let stub = rows
        .iter()
        .filter(|row| !row.is_title())
        .map(|row| width_of(&literal(&row.stub), LABEL))
        .chain([width_of(&literal(&grid.corner), HEAD)])
        .fold(0.0, f64::max);
    let widths: Vec<f64> = (0..n)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column)).map(|cell| width_of(&shown(cell), LABEL));
            cells.chain(headings[column].iter().map(|line| width_of(line, HEAD))).fold(0.0, f64::max)
        })
        .collect();
    let titles = rows.iter().filter(|row| row.is_title()).map(|row| width_of(&literal(&row.stub), HEAD));
    let table = (stub + widths.iter().map(|width| width + GAP).sum::<f64>()).max(titles.fold(0.0, f64::max));
    let inner = table.max(NARROWEST);
    let caption = wrap(&literal(&grid.caption), inner, TITLE.size, TITLE.weight);
    let notes: Vec<String> =
        grid.notes.iter().flat_map(|note| wrap(&literal(note), inner, NOTE.size, NOTE.weight)).collect();
    let head_lines = headings.iter().map(Vec::len).max().unwrap_or(0).max(1) as f64;
    let head_height = head_lines * line_height(HEAD) + 8.0;
    let body: f64 = grid.sections.iter().map(|rows| rows.len() as f64 * ROW + 10.0).sum();
    let top = MARGIN + caption.len() as f64 * line_height(TITLE) + 8.0;
    let height = top + head_height + body + 14.0 + notes.len() as f64 * line_height(NOTE) + MARGIN;

    let mut page = Surface::new((inner + 2.0 * MARGIN).ceil(), height.ceil());
    lines(&mut page, (MARGIN, MARGIN + TITLE.size * 0.8), &caption, TITLE);
    let (left, right) = (MARGIN, MARGIN + table);
    let column_end = |column: usize| left + stub + widths[..=column].iter().map(|width| width + GAP).sum::<f64>();
    let rule = |page: &mut Surface, at: f64, width: f64| page.line((left, at), (right, at), INK, width);
    rule(&mut page, top, 1.6);
    let head_bottom = top + head_height;
    page.text((left, head_bottom - 7.0), &literal(&grid.corner), HEAD);
    for (column, heading) in headings.iter().enumerate() {
        let first = head_bottom - 7.0 - (heading.len().max(1) - 1) as f64 * line_height(HEAD);
        place(&mut page, grid, column, (column_end(column), widths[column]), first, heading, HEAD);
    }
    let mut at = head_bottom;
    for rows in &grid.sections {
        rule(&mut page, at, 0.7);
        at += 5.0;
        for row in rows {
            let baseline = at + ROW * 0.7;
            page.text((left, baseline), &literal(&row.stub), if row.is_title() { HEAD } else { LABEL });
            for (column, cell) in row.cells.iter().enumerate().take(n) {
                let text = [shown(cell)];
                place(&mut page, grid, column, (column_end(column), widths[column]), baseline, &text, LABEL);
            }
            at += ROW;
        }
        at += 5.0;
    }
    rule(&mut page, at, 1.6);
    lines(&mut page, (left, at + 8.0 + NOTE.size), &notes, NOTE);
    page.finish(&literal(&grid.caption), &literal(&grid.notes.join(" ")))
}

/// Lines of a column: words begin at its left edge, numbers end at its right one.
fn place(
    page: &mut Surface,
    grid: &Grid,
    column: usize,
    (end, width): (f64, f64),
    baseline: f64,
    text: &[String],
    style: TextStyle,
) {
    let (x, anchor) = if grid.holds_words(column) { (end - width, Anchor::Start) } else { (end, Anchor::End) };
    lines(page, (x, baseline), text, TextStyle { anchor, ..style });
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Number { text, stars } => format!("{}{stars}", minus(text)),
        Cell::Error(text) => format!("({})", minus(text)),
        Cell::Interval(low, high) => format!("[{}, {}]", minus(low), minus(high)),
        Cell::Text(text) => literal(text),
        Cell::Empty => String::new(),
    }
}

fn minus(text: &str) -> String {
    text.strip_prefix('-').map_or_else(|| text.to_owned(), |size| format!("\u{2212}{size}"))
}

/// Text without the backticks around literals, which have no face of their own here.
fn literal(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::png;
    use crate::study::fixture::study_fits;
    use crate::study::{table_a1, table_a2};

    #[test]
    fn every_cell_of_a_table_is_in_its_picture() {
        for table in [table_a1(&study_fits(), Some("simulated sessions")), table_a2(&study_fits(), None)] {
            let svg = grid_svg(&table.grid);
            for row in table.grid.sections.iter().flatten() {
                for cell in row.cells.iter().map(shown).filter(|text| !text.is_empty()) {
                    assert!(svg.contains(&format!(">{cell}</text>")), "{cell}");
                }
            }
            assert!(png(&svg, 1.0).is_ok());
        }
        assert!(png(&grid_svg(&Grid::default()), 1.0).is_ok());
    }
}
