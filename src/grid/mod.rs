//! Grids of specifications: choices and their options as TOML, or a stepwise formula, to a list of specifications with
//! stable ids and the command that estimates each alone.
//!
//! ```text
//! GridFile ─► combinations (product of the choices, include and exclude rules)
//!          ─► drafts (formula, filter, settings, estimator; the same ones once) ─► pipeline::curve
//! ```

mod draft;
mod embedded;
mod expand;
mod formula;
mod plan;

pub use draft::{Draft, EffectText};
pub use embedded::{EMBEDDED_GRIDS, embedded_grid};
pub use expand::{Expanded, expand};
pub use formula::{StepwiseRequest, stepwise_grid};
pub use plan::{Plan, PlanError, Planned};

use crate::spec::{
    CompositionName, MissingClusterName, ModelEntry, NaName, OneOrMany, SingletonsName, SpecError, VcovName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Specifications above which a grid must say how many it may have.
pub const MOST: usize = 5000;

/// Combinations above which a grid is refused before its rules are looked at.
pub const MOST_COMBINATIONS: usize = 2_000_000;

/// A file of choices.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Metier grid of specifications")]
pub struct GridFile {
    /// Identifier of the grid in outputs, e.g. `curve_fig5`.
    pub name: String,
    /// Title for people.
    pub title: Option<String>,
    /// Where the question comes from.
    pub source: Option<String>,
    /// What a reader should know.
    pub notes: Option<String>,
    /// The factor of interest, e.g. `expertise`: adjusted rates are by its levels.
    pub focal: String,
    /// The effect of interest: `5 - 1` for a difference of adjusted rates, else the name of a coefficient.
    pub effect: Option<String>,
    /// The effect in words.
    pub effect_label: Option<String>,
    /// Settings of the codebook that hold for every specification.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Keys of a model that hold unless a choice says otherwise.
    #[serde(default)]
    pub defaults: ModelEntry,
    /// The choices.
    #[serde(default)]
    pub choice: Vec<ChoiceEntry>,
    /// Control variables: each is a choice of its own.
    #[serde(default)]
    pub control: Vec<ControlEntry>,
    /// Option of each choice in the baseline; the first option where a choice is left out.
    #[serde(default)]
    pub baseline: BTreeMap<String, String>,
    /// Conditions on choices, e.g. `estimator == "logit"`: combinations that satisfy none of them are left out.
    #[serde(default)]
    pub include: Vec<String>,
    /// Conditions on choices: combinations that satisfy any of them are left out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Most specifications; 5,000 if left out.
    pub max: Option<usize>,
    /// Whether every specification is estimated on the rows that all of them can use.
    #[serde(default)]
    pub common_sample: bool,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceEntry {
    /// Name, a word: conditions and columns use it.
    pub name: String,
    /// Name for people.
    pub label: Option<String>,
    /// The options.
    pub options: Vec<OptionEntry>,
}

/// An option of a choice: what it sets.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionEntry {
    /// Name.
    pub name: String,
    /// Name for people.
    pub label: Option<String>,
    /// Outcome.
    pub outcome: Option<String>,
    /// Coding of the focal factor: the term of the formula, e.g. `i(expertise, ref = 1)` or `expertise`.
    pub term: Option<String>,
    /// The effect of interest under this option.
    pub effect: Option<String>,
    /// Estimator.
    pub estimator: Option<EstimatorName>,
    /// Rows to keep; those of several choices are joined by `and`.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Settings of the codebook, e.g. `{ trouble_threshold = 4 }`.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Cells of the fixed effects with fewer distinct clusters are left out.
    pub min_users: Option<usize>,
    /// Weight variable or expression; `none` for none.
    pub weights: Option<String>,
    /// Cluster variables.
    pub cluster: Option<OneOrMany>,
    /// Covariance.
    pub vcov: Option<VcovName>,
    /// Missing controls.
    pub na: Option<NaName>,
    /// Rows without a cluster.
    pub missing_cluster: Option<MissingClusterName>,
    /// Singletons.
    pub singletons: Option<SingletonsName>,
    /// What adjusted rates are averaged over: a condition.
    pub target: Option<String>,
    /// Whether the target rows are a sample too.
    pub composition: Option<CompositionName>,
    /// Whether coefficients of a logit are corrected for the bias of many fixed effects.
    pub bias_correction: Option<bool>,
    /// Fixed effects that this option adds to those of the controls.
    pub effects: Option<String>,
    /// Regressors that this option adds.
    pub regressors: Option<String>,
}

/// A control variable.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlEntry {
    /// Name of the choice, a word.
    pub name: String,
    /// Name for people.
    pub label: Option<String>,
    /// The control as a fixed effect, e.g. `work_mode` or `cut(task_value, 100, 1000)`.
    pub effect: Option<String>,
    /// The control as a regressor, e.g. `log(human_turns)`.
    pub regressor: Option<String>,
    /// How it may enter: `out`, `additive`, or the name of a cell: controls in the same cell are interacted.
    pub states: Option<Vec<String>>,
}

/// Estimators of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EstimatorName {
    /// Least squares: for a 0/1 outcome the linear probability model.
    Lpm,
    /// Binomial likelihood with the logit link.
    Logit,
    /// Binomial likelihood with the probit link.
    Probit,
    /// Poisson likelihood with the log link.
    Poisson,
    /// Common weights within cells of all controls.
    Cw,
    /// Direct standardisation over cells of all controls.
    Ds,
}

/// A grid that means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GridError {
    /// A text with an error in it.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Something else.
    #[error("{message}")]
    Plain {
        /// What is wrong.
        message: String,
        /// The way out.
        hint: String,
    },
}

impl GridError {
    fn plain(message: impl Into<String>, hint: impl Into<String>) -> Self {
        GridError::Plain { message: message.into(), hint: hint.into() }
    }
}

/// The JSON Schema of [`GridFile`], for editors.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(GridFile);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
