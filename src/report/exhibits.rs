//! Figures and tables as exhibits of the page.

use super::Exhibit;
use crate::chart::{Figure, cells_table, page, tests_table};
use crate::figure::{PanelFigure, svg};
use crate::output::data_table::{DataTable, Value};
use crate::output::document::{Cell, Grid, Row};
use crate::output::html;
use crate::output::number::{MISSING, count, rounded};
use crate::study::StudyTable;

/// Decimals of the values under a figure.
const DIGITS: usize = 4;

/// A table of the report.
pub fn of_table(id: &str, name: &str, title: &str, table: &StudyTable, command: String) -> Exhibit {
    let missing = table.grid.sections.iter().all(Vec::is_empty).then(|| not_made(name));
    Exhibit {
        id: id.to_owned(),
        name: name.to_owned(),
        title: title.to_owned(),
        table: html::table(&table.grid),
        files: ["md", "tex", "csv", "json"].map(|extension| format!("{id}.{extension}")).to_vec(),
        command,
        missing,
        ..Exhibit::default()
    }
}

/// A figure of panels with its values.
pub fn of_figure(id: &str, name: &str, figure: &PanelFigure, data: &DataTable, command: String) -> Exhibit {
    let missing = data.rows.is_empty().then(|| not_made(name));
    Exhibit {
        id: id.to_owned(),
        name: name.to_owned(),
        title: figure.title.clone(),
        picture: missing.is_none().then(|| svg(figure)),
        table: html::table(&values(data)),
        files: ["svg", "png", "csv"].map(|extension| format!("{id}.{extension}")).to_vec(),
        command,
        missing,
        ..Exhibit::default()
    }
}

/// A figure made from a figure file: its cells, and its tests below them.
pub fn of_chart(figure: &Figure, data_note: Option<&str>, command: String) -> Exhibit {
    let file = &figure.file;
    let tests = tests_table(figure, data_note);
    let mut table = html::table(&values(&cells_table(figure, data_note)));
    let mut files = ["svg", "png", "csv"].map(|extension| format!("{}.{extension}", file.name)).to_vec();
    if !tests.rows.is_empty() {
        let grid = Grid { caption: String::from("Differences, trends, effects"), ..values(&tests) };
        table = format!("{table}\n{}", html::table(&grid));
        files.push(format!("{}_tests.csv", file.name));
    }
    let left_out = figure.left_out.iter().map(|(what, why)| format!("Left out: {what}: {why}"));
    let is_drawn = !figure.panels.is_empty();
    let missing = (!is_drawn).then(|| {
        let reasons: Vec<String> = figure.left_out.iter().map(|(what, why)| format!("{what}: {why}")).collect();
        format!("Not made: {}", reasons.join("; "))
    });
    Exhibit {
        id: file.name.clone(),
        name: name_of(&file.name),
        title: file.title.clone(),
        picture: is_drawn.then(|| page(figure, data_note).svg()),
        table,
        notes: if is_drawn { left_out.collect() } else { Vec::new() },
        files,
        command,
        missing,
        ..Exhibit::default()
    }
}

/// `figure_a1` is Figure A1, `label_checks` Label checks.
fn name_of(id: &str) -> String {
    match id.strip_prefix("figure") {
        Some(number) => format!("Figure {}", number.trim_matches('_').to_uppercase()),
        None => {
            let words = id.replace('_', " ");
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// Figures by number, those of the appendix after them, then tables, then the rest.
pub fn in_order(exhibits: &mut [Exhibit]) {
    let rank = |exhibit: &Exhibit| match exhibit.name.split_once(' ') {
        Some(("Figure", number)) => (usize::from(number.starts_with('A')), number.to_owned()),
        Some(("Table", number)) => (2, number.to_owned()),
        _ => (3, exhibit.name.clone()),
    };
    exhibits.sort_by_key(rank);
}

fn not_made(name: &str) -> String {
    format!("{name} could not be made from this table; what is missing is said above.")
}

/// Columns that say the same in every row are left to the notes.
const LEFT_OUT: [&str; 1] = ["data_note"];

/// Exact values as a table for readers: numbers rounded, counts grouped, empty columns left out.
pub fn values(data: &DataTable) -> Grid {
    let shown: Vec<usize> = (0..data.columns.len())
        .filter(|&column| !LEFT_OUT.contains(&data.columns[column].as_ref()))
        .filter(|&column| data.rows.iter().any(|row| row[column] != Value::Null))
        .collect();
    let Some((&stub, cells)) = shown.split_first() else { return Grid::default() };
    let cell = |value: &Value| match value {
        Value::Text(text) => Cell::Text(text.clone()),
        Value::Count(number) => Cell::number(count(*number)),
        Value::Number(number) => match rounded(*number, DIGITS) {
            text if text == MISSING => Cell::Text(text),
            text => Cell::number(text),
        },
        Value::Null => Cell::Empty,
    };
    let heading = |column: usize| data.columns[column].replace('_', " ");
    let line =
        |row: &Vec<Value>| Row::new(cell(&row[stub]).plain(), cells.iter().map(|&column| cell(&row[column])).collect());
    Grid {
        caption: String::new(),
        corner: heading(stub),
        header: vec![cells.iter().map(|&column| heading(column)).collect()],
        sections: vec![data.rows.iter().map(line).collect()],
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_and_empty_columns_go() {
        let mut data = DataTable::new(&["level", "n", "rate", "note"]);
        data.rows = vec![
            vec!["1".into(), 1234usize.into(), 0.123456.into(), Value::Null],
            vec!["2".into(), 5usize.into(), f64::NAN.into(), Value::Null],
        ];
        let grid = values(&data.with_data_note(Some("simulated")));
        assert_eq!(grid.header, vec![vec![String::from("n"), String::from("rate")]]);
        assert_eq!(grid.sections[0][0].cells[0].plain(), "1,234");
        assert_eq!(grid.sections[0][0].cells[1].plain(), "0.1235");
        assert_eq!(grid.sections[0][1].cells[1].plain(), MISSING);
    }

    #[test]
    fn exhibits_stand_in_the_order_of_the_report() {
        let names = ["label_checks", "figure_a2", "figure6", "figure1", "figure_a1"];
        let mut exhibits: Vec<Exhibit> =
            names.iter().map(|id| Exhibit { name: name_of(id), ..Exhibit::default() }).collect();
        exhibits.push(Exhibit { name: String::from("Table A1"), ..Exhibit::default() });
        in_order(&mut exhibits);
        let names: Vec<&str> = exhibits.iter().map(|exhibit| exhibit.name.as_str()).collect();
        assert_eq!(names, ["Figure 1", "Figure 6", "Figure A1", "Figure A2", "Table A1", "Label checks"]);
    }

    #[test]
    fn an_exhibit_without_values_says_that_it_was_not_made() {
        let empty = of_figure("f", "Figure 9", &PanelFigure::default(), &DataTable::new(&["a"]), String::new());
        assert!(empty.picture.is_none() && empty.missing.is_some());
    }
}
