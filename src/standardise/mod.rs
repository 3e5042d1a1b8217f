//! Estimators that compare levels of a factor within cells, beside least squares: direct standardisation, common weights,
//! and one level at a time; and what least squares adds to them.
//!
//! A regression with a factor of several levels and flexible controls is a weighted average of the effects in each cell,
//! but its coefficient of one level also picks up effects of the others wherever these differ across cells
//! (*contamination*; Goldsmith-Pinkham, Hull and Kolesar 2024). The estimators here have no such term: they are averages
//! of differences within cells of all controls, with weights that are never negative. `docs/estimators.md` derives the
//! formulas; [`weights`] and [`partial`] have them in short.
//!
//! Errors are sums of influence by cluster like all others ([`crate::aggregate`]), with the residuals of each cell
//! multiplied by sqrt(n/(n - 1)) for the mean that was taken out of them ([`table::CellTable::leverage_factors`]), and
//! the factor G/(G - 1); the exact delete-one-cluster [`jackknife`](mod@jackknife) stands beside them.

pub mod jackknife;
pub mod partial;
mod report;
pub mod table;
pub mod wald;
pub mod weights;

pub use report::{CellOverlap, CellRates, Estimators, LevelCells, PairContrast, Part, PartKind};
pub use wald::WaldTest;

use crate::design::{RatesFactor, Sample};
use crate::estimate::{FitError, Options};
use crate::result::{Family, VcovKind};

/// v of the common weights 1 / sum_k (v_k / n_ck).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommonWeights {
    /// pi_k (1 - pi_k), pi_k the share of level k: pairs of levels count as often as they are drawn.
    #[default]
    Shares,
    /// One: every pair of levels counts the same.
    Uniform,
}

/// What to compute, apart from the regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellOptions {
    /// v of the common weights.
    pub common: CommonWeights,
    /// Whether residuals of a cell are scaled for the mean taken out of them.
    pub corrected: bool,
    /// Whether the jackknife is computed.
    pub jackknife: bool,
    /// Whether least squares is taken apart.
    pub parts: bool,
    /// Whether the summed influence of every cluster is returned.
    pub keep_influence: bool,
}

impl Default for CellOptions {
    fn default() -> Self {
        CellOptions {
            common: CommonWeights::Shares,
            corrected: true,
            jackknife: true,
            parts: true,
            keep_influence: false,
        }
    }
}

/// Why levels could not be compared within cells.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CellsError {
    /// No factor.
    #[error("cell estimators compare the levels of a factor, and none is named")]
    NoFactor,
    /// One level.
    #[error("`{factor}` has one level in these rows: there is nothing to compare")]
    OneLevel {
        /// Factor.
        factor: String,
    },
    /// The factor is a number, has slopes, or is not in the formula.
    #[error("cell estimators need `{factor}` once and as levels, `i({factor})`")]
    NotLevels {
        /// Factor.
        factor: String,
    },
    /// Slopes by level of an effect.
    #[error("cell estimators have no slopes by level: `{effect}`")]
    Slopes {
        /// Effect.
        effect: String,
    },
    /// A likelihood.
    #[error("cell estimators are averages of differences of means: they have no link function")]
    Family,
    /// Errors that have no formula here.
    #[error("cell estimators have no errors under equal variance")]
    Iid,
    /// Errors that weigh residuals by their leverage.
    #[error("cell estimators have no {} errors", .0.name())]
    Leverage(VcovKind),
    /// No cell with every level.
    #[error(
        "no cell of the controls holds every level of `{factor}` ({cells} cells, {rows_in_pairs} of {rows} rows in cells with two levels or more)"
    )]
    NoOverlap {
        /// Factor.
        factor: String,
        /// Cells.
        cells: usize,
        /// Rows in cells with two levels or more.
        rows_in_pairs: usize,
        /// Rows.
        rows: usize,
    },
    /// The regression failed.
    #[error(transparent)]
    Fit(#[from] FitError),
}

impl CellsError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            CellsError::NoFactor => String::from("add `--rates FACTOR`"),
            CellsError::OneLevel { .. } => String::from("check the filter"),
            CellsError::NotLevels { factor } => {
                format!("write `i({factor})` once in the formula, without slopes of its own")
            }
            CellsError::Slopes { .. } => {
                String::from("use `metier fit`, or put a `cut()` of the variable into the cells")
            }
            CellsError::Family => String::from("leave out `--family`, or use `metier fit`"),
            CellsError::Leverage(kind) if kind.is_clustered() => String::from("use `--vcov cr1`"),
            CellsError::Iid | CellsError::Leverage(_) => String::from("use `--vcov hc1`, or `--cluster`"),
            CellsError::NoOverlap { .. } => {
                String::from("use fewer or coarser controls (`cut()` numbers), or merge levels of the factor")
            }
            CellsError::Fit(_) => return None,
        })
    }
}

/// Every estimator of the contrasts and rates of the sample's factor, one result per outcome.
///
/// The rows must be free of missing values and sorted by the first cluster variable.
pub fn estimators(
    sample: &Sample,
    options: &Options,
    cell_options: CellOptions,
) -> Vec<Result<Estimators, CellsError>> {
    match check(sample, options) {
        Ok(factor) => report::all(sample, factor, options, cell_options),
        Err(error) => sample.outcomes.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Refuses designs without cell estimators.
fn check<'a>(sample: &'a Sample, options: &Options) -> Result<&'a RatesFactor, CellsError> {
    let factor = sample.rates.as_ref().ok_or(CellsError::NoFactor)?;
    if options.family != Family::Ols {
        return Err(CellsError::Family);
    }
    if options.vcov == VcovKind::Iid {
        return Err(CellsError::Iid);
    }
    if options.vcov.uses_leverage() {
        return Err(CellsError::Leverage(options.vcov));
    }
    if let Some(effect) = sample.effects.iter().find(|effect| !effect.slopes.is_empty() || !effect.constant) {
        return Err(CellsError::Slopes { effect: effect.name.clone() });
    }
    let uses = |term: &&crate::design::Term| {
        term.variable.as_deref() == Some(&factor.name)
            || term.levels.as_ref().is_some_and(|levels| levels.factor == factor.name)
    };
    let mut using = sample.terms.iter().filter(uses);
    match (using.next(), using.next()) {
        (Some(term), None) if term.levels.is_some() && term.values.is_none() => {}
        _ => return Err(CellsError::NotLevels { factor: factor.name.clone() }),
    }
    if factor.levels.len() < 2 {
        return Err(CellsError::OneLevel { factor: factor.name.clone() });
    }
    Ok(factor)
}
