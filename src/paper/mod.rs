//! Tables for papers from saved fits: models of any runs as columns, terms chosen, ordered and labelled.
//!
//! ```text
//! saved runs ─► columns (which models, their names) ─► panels ─► lines (terms, rates) ─► grid, exact data
//!    output::read     columns                           panels      lines, pattern           table, data
//! ```
//!
//! Nothing here computes a statistic: every number is one that a fit saved.

pub mod columns;
pub mod data;
pub mod labels;
pub mod lines;
pub mod pattern;
pub mod plot;
pub mod statistics;
pub mod table;

pub use columns::{Column, Panel, SavedFit, panels};
pub use labels::Labels;
pub use statistics::Statistic;

/// What stands under an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Errors {
    /// The standard error, in parentheses
    #[default]
    Se,
    /// The confidence interval, in brackets
    Ci,
    /// The standard error and the interval
    Both,
    /// The t (or z) statistic, in parentheses
    T,
    /// The p-value, in parentheses
    P,
    /// Nothing
    None,
}

/// What the notes say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum AutoNotes {
    /// What stands in parentheses, how the errors were computed, what was dropped
    #[default]
    Short,
    /// Everything that `metier fit` says of its numbers
    Full,
    /// Nothing but what stands in parentheses and what stars mean
    None,
}

/// What a table shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PaperOptions {
    /// Terms that come first, by name or pattern.
    pub order: Vec<String>,
    /// Terms that stay; all if empty.
    pub keep: Vec<String>,
    /// Terms that go.
    pub drop: Vec<String>,
    /// Names for people.
    pub labels: Labels,
    /// What stands under estimates.
    pub errors: Errors,
    /// p-value limits of the stars; `None` prints none.
    pub stars: Option<Vec<f64>>,
    /// Decimals of estimates.
    pub digits: usize,
    /// Statistics under the estimates; `None` for the usual ones that any model has.
    pub statistics: Option<Vec<Statistic>>,
    /// Adjusted rates instead of coefficients.
    pub rates: bool,
    /// Rates as percentages.
    pub percent: bool,
    /// Sentences of the author under the table.
    pub notes: Vec<String>,
    /// What the table says of itself.
    pub auto_notes: AutoNotes,
    /// Caption; empty for none.
    pub caption: String,
}

/// A table that cannot be made of these models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PaperError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl PaperError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        PaperError { message: message.into(), hint: hint.into() }
    }
}
