//! The whole study as one page: every figure and table, methods in words, the flow of rows, the comparison.
//!
//! [`Report`] is what the page shows; [`page`] lays it out. The page needs no other file and no network.

pub mod exhibits;
pub mod files;
pub mod methods;
pub mod page;
pub mod sections;

use crate::output::data_table::DataTable;
use crate::output::document::Document;
use serde::Serialize;

/// One figure or table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Exhibit {
    /// Anchor, and the stem of its files.
    pub id: String,
    /// `Figure 5`, `Table A1`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// A sentence before it; empty for none.
    pub lead: String,
    /// SVG of the page, if it is drawn there.
    pub picture: Option<String>,
    /// Its values as HTML tables.
    pub table: String,
    /// SVG of the folder: that of the page, or a table as a picture.
    #[serde(skip)]
    pub drawing: Option<String>,
    /// Its values for readers.
    #[serde(skip)]
    pub document: Document,
    /// Its values in full, by the end of the file's name: none for the exhibit itself, `_tests` for its tests.
    #[serde(skip)]
    pub data: Vec<(&'static str, DataTable)>,
    /// Whether its data go to JSON too.
    #[serde(skip)]
    pub has_json: bool,
    /// Notes under it.
    pub notes: Vec<String>,
    /// Its files in the folder.
    pub files: Vec<String>,
    /// The command that makes it alone; empty for none.
    pub command: String,
    /// Why it was not made.
    pub missing: Option<String>,
}

/// A part of the page without a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Section {
    /// Anchor.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Content.
    pub html: String,
}

/// A number of the page's head.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The number, rounded for readers.
    pub value: String,
}

/// The page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Title.
    pub title: String,
    /// Sentences that stand first: simulated data, what is missing.
    pub notices: Vec<String>,
    /// Numbers of the head.
    pub facts: Vec<Fact>,
    /// Figures and tables in order.
    pub exhibits: Vec<Exhibit>,
    /// What stands behind them.
    pub sections: Vec<Section>,
    /// The command line that made the page.
    pub command: String,
}
