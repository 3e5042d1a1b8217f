//! Figure files: what a figure needs, the numbers it draws, and the drawing.
//!
//! ```text
//! TOML ─► spec ─► plan (names, what a table lacks) ─► cells (numbers, suppression) ─► tests
//!                                                          └─► data (CSV)  └─► layout ─► figure::Page ─► SVG, PNG
//! ```
//!
//! What is drawn is what is in the CSV: the layout sees the same rows as the file.

mod cells;
mod data;
mod embedded;
mod error;
mod layout;
mod plan;
mod protect;
mod readable;
mod spec;
mod tested;

pub use cells::{Cell, PanelCells, Value, compute};
pub use data::{cells_table, rounded, tests_table};
pub use embedded::{FIGURES, embedded};
pub use error::ChartError;
pub use layout::page;
pub use plan::{PanelPlan, Plan, SeriesPlan, plan};
pub use readable::readable;
pub use spec::{
    ChartName, EffectSpec, FigureFile, GroupSpec, PanelSpec, SeriesSpec, StatisticName, TestName, UnitName, json_schema,
};
pub use tested::{Tested, effects_of, tests_of};

/// Display label of a level of a variable.
pub type Labels<'a> = &'a (dyn Fn(&str, &str) -> String + Sync);

/// What does not stand in the file: how to print.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Distinct users a cell needs to be printed; 0 and 1 print everything.
    pub min_users: usize,
    /// Decimals of printed numbers; all if `None`.
    pub round: Option<usize>,
    /// Level of the intervals.
    pub conf_level: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_users: 0, round: None, conf_level: 0.95 }
    }
}

/// A figure with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was asked for.
    pub file: FigureFile,
    /// The numbers of every panel that could be made.
    pub panels: Vec<PanelCells>,
    /// Tests of the panels and effects of the models.
    pub tests: Vec<Tested>,
    /// Panels that could not be made: name and why.
    pub left_out: Vec<(String, String)>,
    /// How it was printed.
    pub options: Options,
}
