//! From a table and a formula to samples ready for estimation, with the flow of rows.
//!
//! [`Workspace`] evaluates every variable once for the whole table; [`prepare`] then selects the rows of one sample,
//! counts what is dropped and why, and gathers codes and numbers in cluster order. If all rows are kept and sorted
//! already, nothing is gathered: the sample shares the columns of the table.

mod absorbed;
mod error;
mod frame;
mod gather;
mod rates;
mod route;
mod rows;
mod selection;
mod target;
mod terms;
#[cfg(test)]
mod tests;
mod variables;

pub use error::{ModelError, Origin};
pub use frame::Frame;
pub use gather::{Listing, Rows};
pub use rows::{Prepared, plain_name, prepare};
pub use target::{ShareCell, Shares};
pub use variables::{CodedVariable, Codes, NumberVariable, Workspace};

use crate::expr::Expr;
use crate::formula::Formula;

/// What happens to a missing control (a variable of the absorbed effects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingControl {
    /// It is a level of its own.
    #[default]
    Level,
    /// The row is dropped.
    Drop,
}

/// What happens to a row whose cluster is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingCluster {
    /// Refuse: a session that belongs to nobody is a mistake of the table.
    #[default]
    Refuse,
    /// The row is dropped and counted.
    Drop,
}

/// A regression as asked for, before it meets rows.
#[derive(Debug, Clone)]
pub struct Request {
    /// Outcomes, regressors, effects.
    pub formula: Formula,
    /// Rows to keep, with the text for messages.
    pub filter: Option<Expr>,
    /// Rows of this sample, with its name.
    pub sample: Option<(String, Expr)>,
    /// Cluster variables; each may be an interaction of columns.
    pub clusters: Vec<Vec<Expr>>,
    /// Weights.
    pub weights: Option<Expr>,
    /// Missing controls.
    pub missing_control: MissingControl,
    /// Missing clusters.
    pub missing_cluster: MissingCluster,
    /// Distinct clusters (of the first variable) below which a cell of the effects is left out.
    pub min_users: usize,
    /// Factor for adjusted rates.
    pub rates: Option<String>,
    /// Rows of the sample that adjusted rates are averaged over; all if left out.
    pub target: Option<Expr>,
    /// Shares that the sample is reweighted to for adjusted rates, instead of a condition.
    pub shares: Option<Shares>,
}
