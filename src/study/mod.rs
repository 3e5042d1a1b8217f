//! The tables and the figure of the June 2026 report, laid out as published but with our numbers.

pub mod figure_5;
pub mod protect;
pub mod table_a1;
pub mod table_a2;

#[cfg(test)]
pub(crate) mod fixture;

use crate::output::data_table::DataTable;
use crate::output::document::Grid;
use crate::output::{html, json_text, latex, markdown};
use crate::result::ModelFit;

pub use figure_5::{figure_5, figure_5_data, figure_5_document};
pub use table_a1::table_a1;
pub use table_a2::table_a2;

/// A table of the report: rounded for readers and exact for scripts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudyTable {
    /// The table as published.
    pub grid: Grid,
    /// The same numbers in full precision.
    pub data: DataTable,
}

impl StudyTable {
    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        markdown::table(&self.grid) + "\n"
    }

    /// The table as LaTeX that needs only the package `booktabs`.
    pub fn latex(&self) -> String {
        format!("% needs \\usepackage{{booktabs}}\n{}\n", latex::table(&self.grid))
    }

    /// The table as a part of an HTML page.
    pub fn html(&self) -> String {
        html::table(&self.grid) + "\n"
    }

    /// The exact numbers as CSV.
    pub fn csv(&self) -> String {
        self.data.to_csv()
    }

    /// The exact numbers as JSON records.
    pub fn json(&self) -> String {
        json_text::indented(&self.data.to_json())
    }
}

/// Notes under a table of the report: how rows were lost, then a sentence on simulated data.
fn closing_notes(fits: &[ModelFit], data_note: Option<&str>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for fit in fits {
        let steps: Vec<String> = fit
            .flow
            .dropped
            .iter()
            .map(|step| format!("{} {}", crate::output::number::count(step.rows), step.reason))
            .collect();
        let read = crate::output::number::counted(fit.flow.rows_read, "row", "rows");
        let text = if steps.is_empty() {
            format!("nothing dropped of {read}")
        } else {
            format!("dropped of {read}: {}", steps.join(", "))
        };
        match reasons.iter_mut().find(|(found, _)| *found == text) {
            Some((_, models)) => models.push(&fit.model),
            None => reasons.push((text, vec![&fit.model])),
        }
    }
    let everywhere = reasons.len() == 1;
    let notes = reasons.into_iter().map(|(text, models)| match everywhere {
        true => text,
        false => format!("{}: {text}", models.join(", ")),
    });
    notes.chain(data_note.map(|note| format!("data: {note}"))).collect()
}
