//! A sample as the estimator sees it: coded regressors, absorbed effects, clusters, outcomes.
//!
//! Everything here is slices of numbers and codes; where they come from (files, formulas) is the caller's business.
//! Long columns are shared, not copied: an effect that is also the cluster is one vector.
//! Rows that share all codes are one [`cells::Cells`] entry: one pass over the rows then serves every outcome and
//! every further specification.

pub mod buckets;
pub mod cells;
pub mod codes;
pub mod layout;
pub mod singletons;
pub mod slopes;
mod subset;

use std::sync::Arc;

/// Column index of a level that has no column (the reference level).
pub const NO_COLUMN: u32 = u32::MAX;

/// A set of design columns that come from one term of the formula.
#[derive(Debug, Clone)]
pub struct Term {
    /// Coefficient names, one per column.
    pub names: Vec<String>,
    /// One-hot part: a column per level that has one. `None` for a purely numeric term (a single column).
    pub levels: Option<TermLevels>,
    /// Numeric part, one value per row: multiplies the one-hot part, or is the column itself.
    pub values: Option<Arc<Vec<f64>>>,
    /// The numeric variable when the term is exactly that variable: adjusted rates may then set it.
    pub variable: Option<String>,
}

/// The one-hot part of a [`Term`].
#[derive(Debug, Clone)]
pub struct TermLevels {
    /// The factor's name, to find the terms that adjusted rates set.
    pub factor: String,
    /// Level code of each row.
    pub codes: Vec<u32>,
    /// Column (within the term) of each level, or [`NO_COLUMN`].
    pub column_of_level: Vec<u32>,
}

/// An absorbed fixed effect: codes `0..n_levels`, one per row.
#[derive(Debug, Clone)]
pub struct Effect {
    /// As written, e.g. `work_mode^month` or `user[hours]`.
    pub name: String,
    /// Level of each row.
    pub codes: Arc<Vec<u32>>,
    /// Number of levels that codes may take.
    pub n_levels: usize,
    /// Whether each level has an intercept: not with `f[[x]]`.
    pub constant: bool,
    /// Variables with a slope at each level: `f[x]`.
    pub slopes: Vec<Slope>,
}

/// A variable whose coefficient differs by the levels of an effect.
#[derive(Debug, Clone)]
pub struct Slope {
    /// Its name.
    pub name: String,
    /// One finite value per row.
    pub values: Arc<Vec<f64>>,
}

impl Effect {
    /// An effect without slopes.
    pub fn new(name: impl Into<String>, codes: impl Into<Arc<Vec<u32>>>, n_levels: usize) -> Self {
        Effect { name: name.into(), codes: codes.into(), n_levels, constant: true, slopes: Vec::new() }
    }
}

/// A cluster variable: codes `0..n_clusters`, one per row.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Cluster of each row.
    pub codes: Arc<Vec<u32>>,
    /// Number of clusters that codes may take.
    pub n_clusters: usize,
}

/// An outcome variable.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// One finite value per row.
    pub values: Arc<Vec<f64>>,
}

/// The factor whose adjusted rates are wanted.
#[derive(Debug, Clone)]
pub struct RatesFactor {
    /// Its name; terms with this factor or numeric variable are set to each level in turn.
    pub name: String,
    /// Level labels in order.
    pub levels: Vec<String>,
    /// Display labels in order.
    pub labels: Vec<String>,
    /// The number each level stands for, where the model uses the variable as a number.
    pub numbers: Vec<f64>,
    /// Level of each row.
    pub codes: Vec<u32>,
    /// Code of each level in the terms that use the factor: [`TermLevels::codes`] may know levels without rows.
    pub term_codes: Vec<u32>,
    /// Reference level of contrasts.
    pub reference: usize,
}

/// The rows of one sample, ready for estimation: nothing missing, nothing infinite.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Number of rows.
    pub n_rows: usize,
    /// Regressors in formula order, without the intercept.
    pub terms: Vec<Term>,
    /// Whether the model has an intercept (ignored when an effect has a constant: it spans the intercept).
    pub intercept: bool,
    /// Absorbed effects.
    pub effects: Vec<Effect>,
    /// Positive weights, or `None` for one each.
    pub weights: Option<Vec<f64>>,
    /// Cluster variables. Rows are sorted by the first one.
    pub clusters: Vec<Cluster>,
    /// Outcomes sharing this design.
    pub outcomes: Vec<Outcome>,
    /// Factor for adjusted rates.
    pub rates: Option<RatesFactor>,
    /// Rows that adjusted rates are averaged over; `None` for all, by their weights.
    pub target: Option<Target>,
}

/// Another target of adjusted rates than the sample: rows by their weight in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// As written.
    pub name: String,
    /// Group of each row.
    pub codes: Vec<u32>,
    /// What the weight of the rows of each group is multiplied by, 0 or more; some row counts.
    pub multipliers: Vec<f64>,
}

impl Sample {
    /// What the weight of a row is multiplied by in the target of adjusted rates.
    pub fn target_multiplier(&self, row: usize) -> f64 {
        self.target.as_ref().map_or(1.0, |target| target.multipliers[target.codes[row] as usize])
    }

    /// Weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Whether an effect has an intercept at each level, so that a constant is absorbed.
    pub fn absorbs_constant(&self) -> bool {
        self.effects.iter().any(|effect| effect.constant)
    }

    /// Whether the model estimates an intercept of its own.
    pub fn has_intercept(&self) -> bool {
        self.intercept && !self.absorbs_constant()
    }

    /// Whether an effect has slopes.
    pub fn has_slopes(&self) -> bool {
        self.effects.iter().any(|effect| !effect.slopes.is_empty())
    }
}

impl Term {
    /// Number of design columns.
    pub fn n_columns(&self) -> usize {
        self.names.len()
    }
}
