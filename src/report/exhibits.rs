//! Figures and tables as exhibits of the page.

use super::Exhibit;
use crate::chart::{Figure, cells_table, page, readable, tests_table};
use crate::figure::{grid_svg, svg};
use crate::output::document::{Block, Document};
use crate::output::html;
use crate::result::Run;
use crate::study::{StudyTable, figure_5, figure_5_data, figure_5_document};

/// A table of the report.
pub fn of_table(id: &str, name: &str, title: &str, table: &StudyTable, command: String, reasons: &[String]) -> Exhibit {
    let is_made = table.grid.sections.iter().any(|rows| !rows.is_empty()) && !table.data.rows.is_empty();
    let document = Document { blocks: vec![Block::Grid(table.grid.clone())], ..Document::default() };
    Exhibit {
        id: id.to_owned(),
        name: name.to_owned(),
        title: title.to_owned(),
        table: html::table(&table.grid),
        drawing: is_made.then(|| grid_svg(&table.grid)),
        document,
        data: vec![("", table.data.clone())],
        has_json: true,
        command,
        ..Exhibit::default()
    }
    .made(is_made, reasons)
}

/// Figure 5 with its values.
pub fn of_figure_5(run: &Run, command: String, reasons: &[String]) -> Exhibit {
    let (figure, data) = (figure_5(run), figure_5_data(run));
    let is_made = !data.rows.is_empty();
    let picture = is_made.then(|| svg(&figure));
    let document = figure_5_document(run);
    Exhibit {
        id: String::from("figure5"),
        name: String::from("Figure 5"),
        title: figure.title.clone(),
        picture: picture.clone(),
        table: html::body(&Document { title: String::new(), notices: Vec::new(), ..document.clone() }),
        drawing: picture,
        document,
        data: vec![("", data)],
        command,
        ..Exhibit::default()
    }
    .made(is_made, reasons)
}

/// A figure made from a figure file: its cells, and its tests below them.
pub fn of_chart(figure: &Figure, data_note: Option<&str>, command: String) -> Exhibit {
    let file = &figure.file;
    let reasons: Vec<String> = figure.left_out.iter().map(|(what, why)| format!("{what}: {why}")).collect();
    let is_made = !figure.panels.is_empty();
    let picture = is_made.then(|| page(figure, data_note).svg());
    let document = readable(figure, data_note);
    let mut data = vec![("", cells_table(figure, data_note))];
    data.extend((!figure.tests.is_empty()).then(|| ("_tests", tests_table(figure, data_note))));
    Exhibit {
        id: file.name.clone(),
        name: name_of(&file.name),
        title: file.title.clone(),
        picture: picture.clone(),
        table: html::body(&Document { title: String::new(), notices: Vec::new(), ..document.clone() }),
        drawing: picture,
        document,
        data,
        command,
        ..Exhibit::default()
    }
    .made(is_made, &reasons)
}

impl Exhibit {
    /// Says what was left out, or that nothing could be made and why.
    fn made(mut self, is_made: bool, reasons: &[String]) -> Self {
        if is_made {
            self.notes = reasons.iter().map(|reason| format!("Left out: {reason}")).collect();
            return self;
        }
        let why = if reasons.is_empty() { String::from("the table does not allow it") } else { reasons.join("; ") };
        self.missing = Some(format!("Not made: {why}"));
        (self.picture, self.drawing, self.table) = (None, None, String::new());
        (self.data, self.document) = (Vec::new(), Document::default());
        self
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_exhibit_without_values_says_that_it_was_not_made_and_why() {
        let empty = of_figure_5(&Run::default(), String::new(), &[String::from("no rows are left")]);
        assert!(empty.picture.is_none() && empty.data.is_empty());
        assert_eq!(empty.missing.as_deref(), Some("Not made: no rows are left"));
        let table = of_table("t", "Table", "", &StudyTable::default(), String::new(), &[]);
        assert!(table.missing.is_some() && table.drawing.is_none());
    }
}
