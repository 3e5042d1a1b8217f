//! From results to files: what a [`Run`] looks like as text, Markdown, LaTeX, HTML, Typst, CSV and JSON.
//!
//! Scripts read the exact forms: the [long table](long) as CSV and the [JSON document](json). Readers get rounded
//! tables: [`report`] arranges them once as a [`Document`](document::Document), and one renderer per format lays
//! that out. Nothing here computes a statistic.

pub mod bootstrap;
pub mod coverage_table;
pub mod csv;
pub mod curve_table;
pub mod data_table;
mod diagnostics_table;
pub mod document;
pub mod estimators_table;
pub mod explain;
pub mod explained;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flow_table;
pub mod gelbach_table;
pub mod html;
pub mod json;
pub mod json_text;
pub mod latex;
pub mod leave_out_table;
pub mod long;
pub mod margins_table;
pub mod markdown;
pub mod names;
pub mod notes;
pub mod number;
pub mod options;
pub mod rates_table;
pub mod read;
pub mod regression_table;
pub mod report;
pub mod saved;
pub mod sensitivity_table;
pub mod tests_table;
pub mod text;
pub mod twofold_table;
pub mod typst;
pub mod write;

pub use options::{Format, RenderOptions};
pub use write::{WriteError, write, write_atomic};

use crate::result::Run;
use document::Document;

/// All results of a run in a format.
pub fn render(run: &Run, format: Format, options: &RenderOptions) -> String {
    match format {
        Format::Csv => csv::render(run),
        Format::Json => json::render(run),
        Format::Text => text::render(&fitting_report(run, options), options.width, options.ansi),
        readable => render_document(&report::report(run, options), readable, options),
    }
}

/// A document in one of the readable formats; CSV and JSON have no place for one and give text.
pub fn render_document(document: &Document, format: Format, options: &RenderOptions) -> String {
    match format {
        Format::Markdown => markdown::render(document),
        Format::Latex => latex::render_as(document, &latex::Style { siunitx: options.siunitx, label: &options.label }),
        Format::Html => html::render(document),
        Format::Typst => typst::render(document, &options.label),
        Format::Text | Format::Csv | Format::Json => text::render(document, options.width, options.ansi),
    }
}

/// The report with as many specifications side by side as the width of the text allows.
fn fitting_report(run: &Run, options: &RenderOptions) -> Document {
    let mut options = options.clone();
    loop {
        let document = report::report(run, &options);
        if options.columns_per_table <= 1 || text::widest_table(&document) <= options.width {
            return document;
        }
        options.columns_per_table = options.columns_per_table.min(run.fits.len().max(2)) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::sample_run;
    use super::*;

    fn shown(format: Format) -> String {
        render(&sample_run(), format, &RenderOptions::default())
    }

    #[test]
    fn text() {
        insta::assert_snapshot!(shown(Format::Text));
    }

    #[test]
    fn markdown() {
        insta::assert_snapshot!(shown(Format::Markdown));
    }

    #[test]
    fn latex() {
        insta::assert_snapshot!(shown(Format::Latex));
    }

    #[test]
    fn html() {
        insta::assert_snapshot!(shown(Format::Html));
    }

    #[test]
    fn typst() {
        insta::assert_snapshot!(shown(Format::Typst));
    }

    #[test]
    fn text_of_one_fit() {
        let mut run = sample_run();
        run.fits.truncate(1);
        insta::assert_snapshot!(render(&run, Format::Text, &RenderOptions::default()));
    }

    #[test]
    fn many_specifications_are_split_to_fit_the_width() {
        let mut run = sample_run();
        run.fits = (0..9).map(|_| run.fits[0].clone()).collect();
        let document = fitting_report(&run, &RenderOptions { width: 100, ..RenderOptions::default() });
        assert!(text::widest_table(&document) <= 100);
    }

    #[test]
    fn nothing_to_show_is_not_an_error() {
        for (_, format) in Format::NAMES {
            let _ = render(&Run::default(), format, &RenderOptions::default());
        }
    }
}
