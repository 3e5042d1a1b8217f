//! From a sample to fitted regressions: OLS and logit with absorbed effects, clustered errors and adjusted rates.
//!
//! [`fit`] is the one entry point. Outcomes share the design, and for OLS its factorisation.

mod adjusted;
mod assemble;
pub mod link;
mod logit;
mod ols;
mod separation;
mod shared;
mod statistics;

use crate::absorb::{Method, NotConverged};
use crate::design::Sample;
use crate::design::cells::is_binary;
use crate::result::{Composition, Family, ModelFit, VcovKind};

/// What to fit, apart from the design.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Estimator.
    pub family: Family,
    /// Covariance of the coefficients.
    pub vcov: VcovKind,
    /// How effects are absorbed.
    pub method: Method,
    /// Whether singletons leave the estimation (they stay in the target of rates).
    pub drop_singletons: bool,
    /// Which uncertainty adjusted rates carry.
    pub composition: Composition,
    /// Level of the intervals.
    pub conf_level: f64,
    /// Whether the summed influence of every cluster is returned.
    pub keep_influence: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            family: Family::Ols,
            vcov: VcovKind::Cr1,
            method: Method::Auto,
            drop_singletons: true,
            composition: Composition::Sampled,
            conf_level: 0.95,
            keep_influence: false,
        }
    }
}

/// A fitted regression and, if asked for, the influence of every cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The regression. Names of specification and sample are the caller's to fill.
    pub fit: ModelFit,
    /// Summed influence by the first cluster variable.
    pub influence: Option<Influence>,
}

/// Summed influence: estimate - truth is about the sum of a column over clusters.
///
/// Rates, contrasts, bootstraps and comparisons across specifications need nothing else of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// Cluster variable.
    pub cluster: String,
    /// Names of the columns: coefficients, then `rate::<level>`.
    pub names: Vec<String>,
    /// One row per cluster, row-major.
    pub values: Vec<f64>,
}

/// Why a regression could not be estimated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// No row left.
    #[error("no rows are left to estimate `{outcome}`")]
    NoRows {
        /// Outcome.
        outcome: String,
        /// Rows that the effects fit exactly.
        exact: usize,
    },
    /// A constant outcome.
    #[error("the outcome `{outcome}` is {value} in {}: there is nothing to explain", if *.rows == 1 { String::from("the only row") } else { format!("all {rows} rows") })]
    ConstantOutcome {
        /// Outcome.
        outcome: String,
        /// Its value.
        value: f64,
        /// Rows.
        rows: usize,
    },
    /// A logit outcome that is not 0/1.
    #[error("a logit needs outcomes 0 and 1, but `{outcome}` is {value}")]
    NotBinary {
        /// Outcome.
        outcome: String,
        /// First offending value.
        value: f64,
        /// Its row in the sample.
        row: usize,
    },
    /// Fewer than two clusters.
    #[error("cluster-robust errors need at least two clusters, but `{cluster}` has {count}")]
    TooFewClusters {
        /// Variable.
        cluster: String,
        /// Clusters.
        count: usize,
    },
    /// As many parameters as rows.
    #[error("`{outcome}`: {parameters} parameters for {rows} rows leave no degrees of freedom")]
    NoDegreesOfFreedom {
        /// Outcome.
        outcome: String,
        /// Rows.
        rows: usize,
        /// Parameters.
        parameters: usize,
    },
    /// Every regressor dropped.
    #[error("no regressor of `{outcome}` can be estimated: {reasons}")]
    NothingEstimable {
        /// Outcome.
        outcome: String,
        /// `term (reason)` of each.
        reasons: String,
    },
    /// Regressors that separate zeros from ones.
    #[error("the likelihood of `{outcome}` has no maximum: {direction} predict{} it perfectly in {rows} rows", if *.single { "s" } else { "" })]
    Separated {
        /// Outcome.
        outcome: String,
        /// The terms of the separating direction.
        direction: String,
        /// Whether it is one term.
        single: bool,
        /// Rows separated.
        rows: usize,
    },
    /// IRLS did not converge.
    #[error(
        "the logit of `{outcome}` did not converge in {iterations} iterations (relative change of the deviance {change:.1e})"
    )]
    NotConverged {
        /// Outcome.
        outcome: String,
        /// Iterations.
        iterations: usize,
        /// Last relative change of the deviance.
        change: f64,
    },
    /// The factor of the rates is not a regressor.
    #[error("adjusted rates by `{factor}` need a regressor `i({factor})` or `{factor}` in the formula")]
    RatesNotInModel {
        /// Factor.
        factor: String,
    },
    /// Absorption failed.
    #[error(transparent)]
    Absorption(#[from] NotConverged),
}

/// Fits every outcome of a sample.
///
/// The rows must be free of missing and infinite values and sorted by the first cluster variable.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    match options.family {
        Family::Ols => ols::fit(sample, options),
        Family::Logit => logit::fit(sample, options),
    }
}

/// Refuses outcomes that cannot be fitted.
fn check_outcome(sample: &Sample, outcome: usize, family: Family) -> Result<(), FitError> {
    let outcome = &sample.outcomes[outcome];
    if sample.n_rows == 0 {
        return Err(FitError::NoRows { outcome: outcome.name.clone(), exact: 0 });
    }
    if family == Family::Logit && !is_binary(&outcome.values) {
        let row = outcome.values.iter().position(|&v| v != 0.0 && v != 1.0).unwrap_or(0);
        return Err(FitError::NotBinary { outcome: outcome.name.clone(), value: outcome.values[row], row });
    }
    let first = outcome.values[0];
    if outcome.values.iter().all(|&value| value == first) {
        return Err(FitError::ConstantOutcome { outcome: outcome.name.clone(), value: first, rows: sample.n_rows });
    }
    if let Some(cluster) = sample.clusters.iter().find(|cluster| cluster.n_clusters < 2) {
        return Err(FitError::TooFewClusters { cluster: cluster.name.clone(), count: cluster.n_clusters });
    }
    Ok(())
}

/// The effects as one phrase for messages.
fn effect_names(sample: &Sample) -> String {
    sample.effects.iter().map(|effect| effect.name.as_str()).collect::<Vec<_>>().join(" + ")
}
