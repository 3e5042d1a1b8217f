//! What stands in the way of a bootstrap.

use crate::estimate::FitError;

/// Why nothing was resampled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResamplingError {
    /// The regression itself failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// No cluster variable.
    #[error("a bootstrap of clusters needs a cluster variable")]
    NoCluster,
    /// Several cluster variables.
    #[error("clusters are resampled by one variable, but {} are given: {}", .0.len(), .0.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))]
    SeveralClusters(Vec<String>),
    /// Fewer than two clusters with rows of the estimation.
    #[error("a bootstrap needs at least two clusters, but `{cluster}` has {count} among the rows of the estimation")]
    TooFewClusters {
        /// Variable.
        cluster: String,
        /// Clusters.
        count: usize,
    },
    /// Draws that cannot reach the level.
    #[error("{draws} draws cannot give an interval at the level {conf_level}: the smallest p-value step is 1/{}", draws + 1)]
    TooFewDraws {
        /// Draws.
        draws: usize,
        /// Level of the interval.
        conf_level: f64,
        /// Draws from which it works.
        needed: usize,
    },
    /// A null hypothesis on a term that is not there.
    #[error("there is no coefficient `{term}` to test")]
    UnknownTerm {
        /// As written.
        term: String,
        /// The nearest name.
        nearest: Option<String>,
        /// Terms that can be tested.
        known: Vec<String>,
    },
    /// A null hypothesis on a term that was dropped.
    #[error("`{term}` cannot be tested: it was dropped from the regression ({reason})")]
    DroppedTerm {
        /// Term.
        term: String,
        /// Why.
        reason: String,
    },
    /// The intercept.
    #[error("the intercept is absorbed before the bootstrap and cannot be tested")]
    Intercept,
    /// A design whose effects would have to be absorbed anew in each draw.
    #[error(
        "the fixed effects leave {columns} columns after the largest is absorbed, more than the {limit} that a bootstrap factorises once"
    )]
    TooManyEffects {
        /// Columns.
        columns: usize,
        /// Most.
        limit: usize,
    },
    /// A null value that would need an offset.
    #[error("the score bootstrap of a likelihood tests against zero, not `{term} = {value}`")]
    NullValue {
        /// Term.
        term: String,
        /// Value.
        value: f64,
    },
    /// A factor to permute that is not a regressor.
    #[error("`{factor}` is no regressor of the formula that could be permuted")]
    UnknownFactor {
        /// As written.
        factor: String,
        /// The nearest name.
        nearest: Option<String>,
        /// Variables that can be permuted.
        known: Vec<String>,
    },
    /// Several regressors, and none named.
    #[error("{} could be permuted", if known.is_empty() { String::from("no regressor of the formula") } else { format!("several regressors ({})", known.join(", ")) })]
    WhichFactor {
        /// Variables that can be permuted.
        known: Vec<String>,
    },
    /// Blocks of one.
    #[error("no row can exchange its level of `{factor}` with another: every cell of the fixed effects holds one")]
    NothingToExchange {
        /// Factor.
        factor: String,
    },
    /// A method for other families.
    #[error("{method} is for {fits}, not for a {family}")]
    WrongFamily {
        /// Method.
        method: &'static str,
        /// What it is for.
        fits: &'static str,
        /// Family asked for.
        family: &'static str,
    },
}

impl ResamplingError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ResamplingError::Fit(_) => return None,
            ResamplingError::NoCluster => String::from("name it, e.g. `--cluster user_id`"),
            ResamplingError::SeveralClusters(names) => {
                format!("give the coarsest one, e.g. `--cluster {}`", names.first().map_or("user_id", String::as_str))
            }
            ResamplingError::TooFewClusters { .. } => String::from("cluster by a variable with more values"),
            ResamplingError::TooFewDraws { needed, .. } => {
                format!("use `--draws {needed}` or more (9999 is the default), or a lower `--conf-level`")
            }
            ResamplingError::UnknownTerm { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            ResamplingError::UnknownTerm { known, .. } => format!("the coefficients are: {}", known.join(", ")),
            ResamplingError::DroppedTerm { .. } => String::from("test a term that was estimated"),
            ResamplingError::Intercept => {
                String::from("test a slope, or write the model without an intercept (`- 1`) and with all levels")
            }
            ResamplingError::TooManyEffects { .. } => String::from(
                "use coarser effects, join them with `^` into one, or `--method score`, which needs no refit per draw",
            ),
            ResamplingError::NullValue { term, .. } => {
                format!("test `{term} = 0`, or use `--family ols --method wild`, which tests any value")
            }
            ResamplingError::UnknownFactor { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            ResamplingError::UnknownFactor { known, .. } if known.is_empty() => {
                String::from("write it as `i(factor)` or as a plain variable")
            }
            ResamplingError::UnknownFactor { known, .. } => format!("the regressors are: {}", known.join(", ")),
            ResamplingError::WhichFactor { known } => match known.first() {
                Some(first) => format!("name the one of interest, e.g. `--permute {first}`"),
                None => String::from("write the regressor as `i(factor)` or as a plain variable"),
            },
            ResamplingError::NothingToExchange { .. } => {
                String::from("use coarser fixed effects, or exchange users: `--exchange users`")
            }
            ResamplingError::WrongFamily { .. } => String::from("choose another `--method`, or another `--family`"),
        })
    }
}
