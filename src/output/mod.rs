//! From results to files: what a [`Run`](crate::result::Run) looks like as text, Markdown, LaTeX, HTML, CSV and JSON.

pub mod csv;
pub mod data_table;
#[cfg(test)]
pub(crate) mod fixture;
pub mod json;
pub mod json_text;
pub mod long;
pub mod names;
pub mod number;
