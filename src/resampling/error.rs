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
            ResamplingError::WrongFamily { .. } => String::from("choose another `--method`, or another `--family`"),
        })
    }
}
