//! The boundary between what touches rows and what never does.
//!
//! An [`Aggregator`] holds rows and answers with small results: cell tables and sums of outer products of per-cluster
//! influence. The estimator works on those alone. [`Rows`] is the in-memory aggregator; a distributed one would
//! fill the same trait (cells are a GROUP BY, meats a join on the cluster and a GROUP BY).
//!
//! The influence of row i on a vector of L numbers (coefficients, adjusted rates) is, in every estimator here,
//! linear in the outcome given the cell c: phi_i = w_i [ (y_i - mu_c) h_c + t_c ].

mod by_cluster;
mod grouped;
mod records;
mod rows;

pub use by_cluster::ClusterCells;
pub use grouped::{Grouped, GroupedSums};
pub use records::Records;
pub use rows::Rows;

use crate::design::cells::{CellOutcome, Cells};
use crate::design::singletons::Exact;
use crate::vcov::partial::Effective;

/// Whose influence is summed: an outcome, and the ingredients of every cell.
#[derive(Debug, Clone)]
pub struct ScoreQuery<'a> {
    /// Position of the outcome in [`crate::design::Sample::outcomes`].
    pub outcome: usize,
    /// What was subtracted from the outcome before fitting.
    pub shift: f64,
    /// mu_c, h_c and t_c of every cell, on the shifted scale.
    pub records: &'a Records,
}

/// Which rows are summed before squaring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping<'a> {
    /// None: every row on its own.
    Rows,
    /// Rows that share all of these cluster variables (positions in [`crate::design::Sample::clusters`]).
    Clusters(&'a [usize]),
}

/// A sum of outer products of summed influence.
#[derive(Debug, Clone, PartialEq)]
pub struct Meat {
    /// Number of groups with at least one estimation row.
    pub groups: usize,
    /// sum_g phi_g phi_g', L x L, row-major.
    pub matrix: Vec<f64>,
}

/// What the rows of one group add to one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellPart {
    /// The cell.
    pub cell: u32,
    /// Rows.
    pub rows: u32,
    /// Their weight.
    pub weight: f64,
    /// Weighted sum of the outcome, less the shift of [`Aggregator::outcome`].
    pub sum: f64,
}

/// What an estimator may ask of rows.
pub trait Aggregator: Sync {
    /// The cells.
    fn cells(&self) -> &Cells;
    /// Cell means of an outcome.
    fn outcome(&self, outcome: usize) -> CellOutcome;
    /// Outer products of summed influence. `exact` marks the cells outside the estimation.
    fn meat(&self, query: &ScoreQuery, grouping: Grouping, exact: &[Exact]) -> Meat;
    /// The cluster variable that each effect is nested in (each of its levels lies in one cluster), if any, judged on the
    /// estimation rows.
    fn nesting(&self, exact: &[Exact]) -> Vec<Option<String>>;
    /// Distinct clusters of the first variable at each level of the rates factor, in the target.
    fn level_clusters(&self) -> Vec<usize>;
    /// Share of the target's total weight that the heaviest cluster of the first variable holds; 0 without clusters.
    fn largest_cluster_share(&self) -> f64;
    /// Weight and outcome mean of every cluster in each of its cells. With `split_weights` rows of different weights are
    /// counted apart.
    fn by_cluster(&self, outcome: usize, shift: f64, grouping: Grouping, split_weights: bool) -> ClusterCells;
    /// Summed influence of every cluster of one variable, `n_clusters x L`.
    fn influence(&self, query: &ScoreQuery, cluster: usize) -> Vec<f64>;
    /// Effective clusters of one variable for numbers whose rows weigh `sqrt(w) r_c`; `r` is cells x `width`, and zero in
    /// cells outside the estimation, which `exact` marks.
    fn effective(&self, cluster: usize, r: &[f64], width: usize, exact: &[Exact]) -> Effective;
    /// Sum of squared weights in each cell.
    fn squared_weights(&self) -> Vec<f64>;
    /// Calls `f` with what each cluster of the first variable (each row, without clusters) adds to cells, in the order of
    /// its rows; a cell may come several times. `shift` is subtracted from the outcome.
    fn each_cluster(&self, outcome: usize, shift: f64, f: &mut dyn FnMut(&[CellPart]));
}
