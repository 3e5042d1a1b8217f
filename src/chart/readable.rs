//! A figure as tables for readers: what is drawn, and the tests, panel by panel.

use super::cells::{Cell as Drawn, PanelCells, Value};
use super::data::rounded;
use super::layout::note;
use super::spec::{ChartName, UnitName};
use super::{Figure, Tested};
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::notes::percent_level;
use crate::output::number::{MISSING, count, p_value};

/// What stands in the place of a number that may not be shown.
const SUPPRESSED: &str = "suppressed";

/// The figure's numbers as a document: one table for each panel, one for the tests, and what stands under the picture.
pub fn readable(figure: &Figure, data_note: Option<&str>) -> Document {
    let mut blocks: Vec<Block> = Vec::new();
    for panel in &figure.panels {
        blocks.push(Block::Grid(grid(figure, panel)));
    }
    if !figure.tests.is_empty() {
        blocks.push(Block::Grid(tests(figure)));
    }
    blocks.push(Block::Paragraph(note(figure, None)));
    let notices = data_note.iter().map(|note| format!("Data: {note}")).collect();
    Document { title: figure.file.title.clone(), notices, blocks }
}

fn grid(figure: &Figure, panel: &PanelCells) -> Grid {
    let spec = &panel.spec;
    let is_box = spec.chart == ChartName::Boxes;
    let level = percent_level(figure.options.conf_level);
    let of = panel.cells.iter().chain(&panel.mean).any(|cell| !cell.suppressed && cell.n_total != cell.n_rows);
    let mut header = vec![heading(panel), format!("{level} low"), format!("{level} high")];
    if is_box {
        header.extend(["5th", "25th", "50th", "75th", "95th"].map(|name| format!("{name} percentile")));
    }
    header.extend([String::from("Sessions"), String::from("Users")]);
    header.extend(of.then(|| String::from("Of sessions")));
    let width = header.len();
    let line = |cell: &Drawn, label: &str| {
        if cell.suppressed {
            let mut cells = vec![Cell::Text(SUPPRESSED.to_owned())];
            cells.resize(width, Cell::Empty);
            return Row::new(label, cells);
        }
        let shown = |value: f64| shown(value, spec.unit, figure.options.round);
        let mut cells: Vec<Cell> = match cell.values.first() {
            Some(Value { estimate, conf_low, conf_high, .. }) => [*estimate, *conf_low, *conf_high].map(shown).to_vec(),
            None => vec![Cell::Empty; 3],
        };
        if is_box {
            let more = cell.values.iter().skip(1).map(|value| shown(value.estimate));
            cells.extend(more.chain(std::iter::repeat(Cell::Empty)).take(5));
        }
        cells.extend([Cell::number(count(cell.n_rows)), Cell::number(count(cell.users.len()))]);
        cells.extend(of.then(|| Cell::number(count(cell.n_total))));
        Row::new(label, cells)
    };
    let sections = (0..panel.series.len()).map(|series| {
        let title = Some(&panel.series[series].1).filter(|label| !label.is_empty()).map(Row::title);
        let cells = panel.cells.iter().filter(|cell| cell.series == series);
        let rows = cells.map(|cell| line(cell, &panel.positions[cell.position].1));
        title.into_iter().chain(rows).chain(panel.mean.iter().map(|mean| line(mean, "Mean"))).collect()
    });
    Grid {
        caption: spec.title.clone(),
        corner: spec.x_title.clone(),
        header: vec![header],
        sections: sections.collect(),
        notes: Vec::new(),
    }
}

/// The axis' words with the unit of the numbers below them.
fn heading(panel: &PanelCells) -> String {
    let spec = &panel.spec;
    let name = match spec.y_title.as_str() {
        "" => spec.statistic.name().replace('_', " "),
        title => title.trim_end_matches(" (log scale)").to_owned(),
    };
    let name = if spec.chart == ChartName::Boxes { format!("{name}, geometric mean") } else { name };
    match spec.unit {
        UnitName::Percent | UnitName::Change => format!("{name}, %"),
        UnitName::Number => name,
    }
}

/// A number as it is printed: shares and changes in percent, other numbers with four significant digits.
fn shown(value: f64, unit: UnitName, round: Option<usize>) -> Cell {
    if !value.is_finite() {
        return Cell::Text(MISSING.to_owned());
    }
    let value = rounded(value, round);
    Cell::number(match unit {
        UnitName::Percent | UnitName::Change => {
            let percent = 100.0 * value;
            // rare things need their decimals
            let decimals = if percent != 0.0 && percent.abs() < 0.95 { 2 } else { 1 };
            format!("{percent:.decimals$}")
        }
        UnitName::Number if value.abs() >= 9_999.5 => {
            let size = count(value.abs().round() as usize);
            if value < 0.0 { format!("-{size}") } else { size }
        }
        UnitName::Number => {
            let digits = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
            format!("{value:.*}", (3 - digits).clamp(0, 8) as usize)
        }
    })
}

fn tests(figure: &Figure) -> Grid {
    let level = percent_level(figure.options.conf_level);
    let header = ["Estimate", "(SE)", &format!("{level} low"), &format!("{level} high"), "p", "Relative, %"];
    let number = |value: f64| match value.is_finite() {
        true => Cell::number(format!("{:.4}", rounded(value, figure.options.round))),
        false => Cell::Text(MISSING.to_owned()),
    };
    let line = |test: &Tested| {
        if test.suppressed {
            let mut cells = vec![Cell::Text(String::from("not shown"))];
            cells.resize(header.len(), Cell::Empty);
            return Row::new(test_name(figure, test), cells);
        }
        let error = match test.std_error.is_finite() {
            true => Cell::Error(format!("{:.4}", rounded(test.std_error, figure.options.round))),
            false => Cell::Text(MISSING.to_owned()),
        };
        let relative = match test.relative.is_finite() {
            true => Cell::number(format!("{:.1}", 100.0 * test.relative)),
            false => Cell::Empty,
        };
        let cells = vec![
            number(test.estimate),
            error,
            number(test.conf_low),
            number(test.conf_high),
            Cell::number(p_value(test.p_value)),
            relative,
        ];
        Row::new(test_name(figure, test), cells)
    };
    Grid {
        caption: String::from("Differences, trends, effects"),
        corner: String::new(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![figure.tests.iter().map(line).collect()],
        notes: vec![String::from("not shown: a number behind it does not exist, or may not be shown")]
            .into_iter()
            .filter(|_| figure.tests.iter().any(|test| test.suppressed))
            .collect(),
    }
}

fn test_name(figure: &Figure, test: &Tested) -> String {
    let panel = figure.panels.iter().find(|panel| panel.spec.name == test.panel);
    let label = |level: &str| {
        let found = panel.and_then(|panel| panel.positions.iter().find(|(name, _)| name == level));
        found.map_or_else(|| level.to_owned(), |(_, label)| label.clone())
    };
    let what = match test.test.as_str() {
        "effect" => return format!("{}, `{}` of model `{}`", test.series, test.to, test.from),
        "gap" => format!("gap at {}", label(&test.from)),
        "step" => format!("{} to {}", label(&test.from), label(&test.to)),
        name => format!("{name}, {} to {}", label(&test.from), label(&test.to)),
    };
    let series = panel.and_then(|panel| panel.series.iter().find(|(name, _)| *name == test.series));
    let series = series.map_or(test.series.as_str(), |(_, label)| label);
    let title = panel.map_or("", |panel| panel.spec.title.as_str());
    if series.is_empty() { format!("{title}: {what}") } else { format!("{title}, {series}: {what}") }
}
