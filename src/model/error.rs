//! What can be wrong between a formula and a table.

use crate::expr::{ExprError, Span};
use crate::result::Flow;

/// Which text of a specification an expression was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The formula.
    #[default]
    Formula,
    /// The filter of the model.
    Filter,
    /// The filter of a sample.
    Sample,
    /// The weights.
    Weights,
    /// The target of adjusted rates.
    Target,
    /// Clusters, the split, the factor of the rates: names, most of the time.
    Other,
}

/// An error that names the variable, the row or the place in the text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// An expression that cannot be evaluated on this table.
    #[error("{error}")]
    Expression {
        /// What is wrong, with its place in the text it was parsed from.
        error: ExprError,
        /// That text.
        origin: Origin,
    },
    /// A reference or kept level that the factor does not have.
    #[error("`{level}` is not a level of `{factor}`")]
    UnknownLevel {
        /// Factor.
        factor: String,
        /// As written.
        level: String,
        /// Bytes of the formula.
        span: Span,
        /// Levels there are.
        accepted: Vec<String>,
    },
    /// A target without rows.
    #[error("the target `{target}` keeps no row of the sample `{sample}`{}", if *.in_table == 0 { String::new() } else { format!(": its {in_table} rows of the table were dropped before") })]
    EmptyTarget {
        /// As written.
        target: String,
        /// Sample.
        sample: String,
        /// Rows of the table that it keeps.
        in_table: usize,
    },
    /// A share of a level that the table does not have.
    #[error("`{target}` has a share of `{level}`, which is not a level of `{factor}` in the table")]
    UnknownShare {
        /// Where the shares come from.
        target: String,
        /// Variable.
        factor: String,
        /// Level.
        level: String,
        /// Levels there are.
        accepted: Vec<String>,
    },
    /// Shares of combinations that no row of the sample has.
    #[error("{:.2}% of the target `{target}` lie where the sample has no row ({cells} combinations, the first `{first}`)", 100.0 * share)]
    Uncovered {
        /// Where the shares come from.
        target: String,
        /// Combinations.
        cells: usize,
        /// Their share.
        share: f64,
        /// The first of them.
        first: String,
    },
    /// A reference level without rows.
    #[error("the reference level `{level}` of `{factor}` has no rows in the sample `{sample}`")]
    EmptyReference {
        /// Factor.
        factor: String,
        /// Level.
        level: String,
        /// Sample.
        sample: String,
    },
    /// Text where numbers are needed.
    #[error("{role} `{name}` must be numbers, but {}", match place {
        Some(place) => format!("`{example}` in {place} is text"),
        None => String::from("it has no value"),
    })]
    NotNumeric {
        /// `the outcome`, `the weights`.
        role: &'static str,
        /// Variable.
        name: String,
        /// A level that is no number.
        example: String,
        /// File and row of the first, `None` if there is no value at all.
        place: Option<String>,
        /// Whether other levels are numbers.
        mixed: bool,
    },
    /// A weight below zero.
    #[error("weights must not be negative, but `{name}` is {value} in {place}")]
    NegativeWeight {
        /// Variable.
        name: String,
        /// Value.
        value: f64,
        /// File and row.
        place: String,
    },
    /// Rows without a cluster.
    #[error("`{name}` is missing in {rows} row{}, first in {place}: clustered errors need a cluster for every row", if *.rows == 1 { "" } else { "s" })]
    MissingCluster {
        /// Cluster variable.
        name: String,
        /// How many rows.
        rows: usize,
        /// File and row of the first.
        place: String,
    },
    /// No row left.
    #[error("no rows are left for `{outcome}` in the sample `{sample}`")]
    NoRows {
        /// Outcome.
        outcome: String,
        /// Sample.
        sample: String,
        /// Where they went.
        flow: Flow,
    },
    /// A rates factor with text and numbers mixed up, or not in the table.
    #[error(
        "adjusted rates by `{factor}` need a factor of the table, or a number with at most {limit} values: it has {found}"
    )]
    TooManyRateLevels {
        /// Variable.
        factor: String,
        /// Values found.
        found: usize,
        /// Values allowed.
        limit: usize,
    },
    /// The factor of the rates is also absorbed.
    #[error("`{factor}` is absorbed by the fixed effect `{effect}`: its rates are not identified")]
    RatesAbsorbed {
        /// Factor.
        factor: String,
        /// Effect.
        effect: String,
    },
    /// The factor of the rates is interacted with another factor.
    #[error("adjusted rates by `{factor}` are not available while it is interacted in `{term}`")]
    RatesInteracted {
        /// Factor.
        factor: String,
        /// Term.
        term: String,
    },
}

impl From<ExprError> for ModelError {
    fn from(error: ExprError) -> Self {
        ModelError::Expression { error, origin: Origin::Formula }
    }
}

impl ModelError {
    /// The same error, in another text than the formula.
    #[must_use]
    pub fn of(self, origin: Origin) -> Self {
        match self {
            ModelError::Expression { error, .. } => ModelError::Expression { error, origin },
            other => other,
        }
    }

    /// Bytes of the formula or expression the error is about, if it is about its text.
    pub fn span(&self) -> Option<Span> {
        match self {
            ModelError::Expression { error, .. } => Some(error.span()),
            ModelError::UnknownLevel { span, .. } => Some(span.clone()),
            _ => None,
        }
    }

    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            ModelError::Expression { error, .. } => error.hint(),
            ModelError::UnknownLevel { accepted, level, .. } => {
                let nearest = crate::nearest::nearest_name(level, accepted.iter().map(String::as_str));
                let list = if accepted.len() > 30 {
                    format!("{} levels, such as {}", accepted.len(), accepted[..10].join(", "))
                } else {
                    accepted.join(", ")
                };
                Some(match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`? levels are: {list}"),
                    None => format!("levels are: {list}"),
                })
            }
            ModelError::EmptyReference { factor, .. } => {
                Some(format!("choose another one: `i({factor}, ref = \"...\")`, or leave this sample out"))
            }
            ModelError::UnknownShare { level, accepted, .. } => {
                let nearest = crate::nearest::nearest_name(level, accepted.iter().map(String::as_str));
                Some(match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("its levels are {}", accepted.join(", ")),
                })
            }
            ModelError::Uncovered { .. } => Some(String::from(
                "merge or leave out combinations, or give the shares of fewer variables: nothing is known of the rates there",
            )),
            ModelError::EmptyTarget { in_table: 0, .. } => {
                Some(String::from("loosen the condition, or check the labels"))
            }
            ModelError::EmptyTarget { .. } => {
                Some(String::from("a target is made of rows of the sample: loosen `--where`, or the split"))
            }
            ModelError::NotNumeric { place: None, .. } => Some(String::from("check that the column is the right one")),
            ModelError::NotNumeric { mixed: true, .. } => {
                Some(String::from("leave the value empty in the file if it is missing"))
            }
            ModelError::NotNumeric { role: "the outcome", name, example, .. } => {
                Some(format!("write a comparison as outcome, e.g. `({name} == \"{example}\")`"))
            }
            ModelError::NotNumeric { role: "the slope variable", name, .. } => {
                Some(format!("a factor is joined to the effect, as in `f^{name}`; only numbers have slopes"))
            }
            ModelError::NotNumeric { .. } => Some(String::from("name a column of numbers")),
            ModelError::NegativeWeight { .. } => Some(String::from("leave such rows out with `--where`")),
            ModelError::MissingCluster { .. } => {
                Some(String::from("drop these rows with `--missing-cluster drop`, or cluster by another variable"))
            }
            ModelError::NoRows { flow, .. }
                if flow.dropped.iter().any(|step| step.reason.starts_with("cell below")) =>
            {
                Some(String::from("lower `--min-users` (`min_users` in a model file), or use coarser fixed effects"))
            }
            ModelError::NoRows { .. } => Some(String::from(
                "see the flow of rows above; loosen the filter or check the labels with `metier check`",
            )),
            ModelError::TooManyRateLevels { .. } => {
                Some(String::from("name a factor, or cut the number into bands with `cut(x, ...)`"))
            }
            ModelError::RatesAbsorbed { factor, .. } => Some(format!("take `{factor}` out of the fixed effects")),
            ModelError::RatesInteracted { .. } => {
                Some(String::from("use slopes by level, `i(factor, x)`, or fit the samples apart with `--split`"))
            }
        }
    }
}
