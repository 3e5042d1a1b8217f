//! Why an estimate could not be explained, and the way out.

use crate::absorb::NotConverged;
use crate::estimate::FitError;
use crate::result::{Family, VcovKind};

/// Why an estimate could not be explained.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExplainError {
    /// Not least squares.
    #[error(
        "{what} is for least squares: the coefficients of a {} also change with a control that is unrelated to the regressor (they do not collapse), so their movement is no confounding",
        family_name(*.family)
    )]
    NotLinear {
        /// What was asked for.
        what: &'static str,
        /// Estimator.
        family: Family,
    },
    /// Errors that are no sum of influence.
    #[error("{what} has errors clustered one way (cr1) or robust by row (hc1), not {}", kind.name())]
    Vcov {
        /// What was asked for.
        what: &'static str,
        /// Covariance.
        kind: VcovKind,
    },
    /// Several cluster variables, or none.
    #[error("{what} has errors clustered by one variable, not by {}", listed(.clusters))]
    Multiway {
        /// What was asked for.
        what: &'static str,
        /// Cluster variables.
        clusters: Vec<String>,
    },
    /// Slopes by level.
    #[error("{what} has no slopes by level: `{effect}`")]
    Slopes {
        /// What was asked for.
        what: &'static str,
        /// Effect.
        effect: String,
    },
    /// Too many levels to solve for.
    #[error("{what} solves for every level of the effects but the largest: {columns} of them are more than {limit}")]
    TooWide {
        /// What was asked for.
        what: &'static str,
        /// Levels.
        columns: usize,
        /// Most levels.
        limit: usize,
    },
    /// A name that is no part of the formula.
    #[error("`{name}` is no regressor or fixed effect of the formula")]
    Unknown {
        /// Name.
        name: String,
        /// What there is.
        accepted: Vec<String>,
    },
    /// An absorbed effect where a regressor is needed.
    #[error("`{name}` is absorbed: it has no coefficient that could move")]
    NoCoefficient {
        /// Name.
        name: String,
        /// Regressors.
        accepted: Vec<String>,
    },
    /// A part with two roles.
    #[error("`{name}` is {first} and {second}")]
    Twice {
        /// Name.
        name: String,
        /// One role.
        first: String,
        /// Another.
        second: String,
    },
    /// Nothing left to explain by.
    #[error("the formula has no control: every part of it stays in both regressions")]
    NoControl,
    /// No focal regressor.
    #[error("the formula has no regressor whose coefficients could be explained")]
    NoFocal,
    /// A regressor that the long or short regression cannot estimate.
    #[error("`{term}` cannot be estimated in the {regression} regression: {reason}")]
    Dropped {
        /// Column.
        term: String,
        /// `short` or `long`.
        regression: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Groups whose contributions the data do not tell apart.
    #[error("the data do not say what `{group}` moved alone: its levels repeat those of other parts of the formula")]
    NotSeparate {
        /// Group.
        group: String,
    },
    /// No cells to compare within.
    #[error("the formula has no cells to compare rates within")]
    NoCells,
    /// A group without rows.
    #[error("group `{group}` has no rows")]
    EmptyGroup {
        /// Group.
        group: String,
    },
    /// Groups that share no cell.
    #[error("the groups have no level of `{by}` in common: rates cannot be compared within any")]
    NoCommonCell {
        /// Effect.
        by: String,
    },
    /// Levels that only one group has.
    #[error(
        "`{name}` has {levels} levels that only one of the groups has ({rows} rows): their coefficients exist in one regression only"
    )]
    OneSided {
        /// Variable.
        name: String,
        /// Levels.
        levels: usize,
        /// Rows at them.
        rows: usize,
    },
    /// A variable that a group does not identify.
    #[error("the coefficients of `{name}` cannot be estimated in group `{group}`: other variables determine it there")]
    NotIdentified {
        /// Variable.
        name: String,
        /// Group.
        group: String,
    },
    /// A product of variables.
    #[error("the decomposition has parts for variables, and `{term}` is a product")]
    Product {
        /// Term.
        term: String,
    },
    /// A largest R2 that is none.
    #[error("the largest R2 is between that of the long regression, {r2:.4}, and 1, not {r_max}")]
    RMax {
        /// As asked for.
        r_max: f64,
        /// Of the long regression.
        r2: f64,
    },
    /// A fit failed.
    #[error(transparent)]
    Fit(#[from] FitError),
}

impl From<NotConverged> for ExplainError {
    fn from(error: NotConverged) -> Self {
        ExplainError::Fit(error.into())
    }
}

impl ExplainError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ExplainError::NotLinear { .. } => String::from(
                "leave out `--family`: least squares on the 0/1 outcome explains differences of rates; or compare the adjusted rates of the two fits (`metier fit --rates`)",
            ),
            ExplainError::Vcov { .. } => String::from("use `--cluster USER`, or `--vcov hc1`"),
            ExplainError::Multiway { .. } => String::from("give one cluster variable, or its combinations: `a^b`"),
            ExplainError::Slopes { .. } => String::from("put a `cut()` of the variable into the fixed effects"),
            ExplainError::TooWide { .. } => String::from("use coarser effects, or join them into one with `a^b`"),
            ExplainError::Unknown { accepted, .. } => {
                format!("there is {}", listed(accepted))
            }
            ExplainError::NoCoefficient { accepted, .. } => format!("regressors are {}", listed(accepted)),
            ExplainError::Twice { .. } => String::from("give each part of the formula one role"),
            ExplainError::NoControl => String::from("add controls to the formula, or name fewer in `--base`"),
            ExplainError::NoFocal => String::from("add a regressor, e.g. `y ~ i(level) | control`"),
            ExplainError::Dropped { .. } => {
                String::from("take it out of the formula, or the part of the formula that determines it")
            }
            ExplainError::NotSeparate { group } => {
                format!("join the parts that repeat each other: `--group NAME={group}+...`, or take one out")
            }
            ExplainError::NoCells => String::from("name them as fixed effects: `y ~ 1 | work_mode + month`"),
            ExplainError::EmptyGroup { .. } => String::from(
                "`--groups` takes a condition that holds in some rows and not in others, or a variable (last less first level)",
            ),
            ExplainError::NoCommonCell { .. } => String::from("use coarser cells"),
            ExplainError::OneSided { name, .. } => {
                format!(
                    "leave these rows out with `--where`, merge levels of `{name}`, or use `metier decompose kitagawa`, which reports such cells"
                )
            }
            ExplainError::NotIdentified { name, .. } => format!("take `{name}` out of the formula"),
            ExplainError::Product { .. } => {
                String::from("write the combinations of factors as one effect: `y ~ x | a^b`")
            }
            ExplainError::RMax { .. } => String::from("leave out `--r-max`: 1.3 times the R2, at most 1"),
            ExplainError::Fit(_) => return None,
        })
    }

    /// Whether the input is at fault, rather than the estimation.
    pub fn is_input(&self) -> bool {
        !matches!(
            self,
            ExplainError::Fit(_)
                | ExplainError::NotSeparate { .. }
                | ExplainError::Dropped { .. }
                | ExplainError::NoCommonCell { .. }
                | ExplainError::OneSided { .. }
                | ExplainError::NotIdentified { .. }
        )
    }
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ols => "linear model",
        Family::Logit => "logit",
        Family::Poisson => "Poisson regression",
        Family::Probit => "probit",
        Family::Clogit => "conditional logit",
    }
}

/// Names as one phrase.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return String::from("none");
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
