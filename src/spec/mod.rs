//! Model specifications: what a TOML file or the command line says, then what it means.
//!
//! A file holds `[defaults]` and one `[[model]]` per regression; both have the keys of [`ModelEntry`], which are also the
//! flags of `metier fit`. [`resolve`] lays flags over the model, the model over the defaults, and fills the rest.

mod embedded;
mod resolve;
mod vocabulary;

pub use embedded::{EMBEDDED, REPRODUCED, embedded};
pub use resolve::{Resolved, SourceError, SpecError, TargetFile, resolve};

use crate::result::VcovKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file of model specifications.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Metier model file")]
pub struct ModelFile {
    /// Identifier of the file's models in every output, e.g. `table_a1`.
    pub name: String,
    /// Title for people.
    pub title: Option<String>,
    /// Where the specification comes from.
    pub source: Option<String>,
    /// What a reader should know.
    pub notes: Option<String>,
    /// Settings of the codebook, e.g. `trouble_threshold = 3`.
    #[serde(default)]
    pub settings: std::collections::BTreeMap<String, serde_json::Value>,
    /// Keys that hold for every model unless it says otherwise.
    #[serde(default)]
    pub defaults: ModelEntry,
    /// The regressions.
    #[serde(default)]
    pub model: Vec<ModelEntry>,
}

/// One regression, or the defaults of a file. Every key is optional.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct ModelEntry {
    /// Short name, the column head of tables, e.g. `(5)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Formula: `y1 + y2 ~ x + i(level, ref = "1") | a + b^c`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// Estimator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<FamilyName>,
    /// Cluster variables: `user_id`, or `["user_id", "month"]` for two ways; `a^b` clusters by combinations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<OneOrMany>,
    /// Covariance; without it `iid`, and with clusters `cr1`, or `cr3` where few of them matter or parameters are many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcov: Option<VcovName>,
    /// Parameters that fixed effects count in K: nominal, or exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub df: Option<DfName>,
    /// Small-sample convention: `fixest` (default), `stata`, `reghdfe`, `statsmodels`, `linearmodels`, `sandwich`, `none`, one of
    /// them with parts changed, `stata(g = min)`, or `custom(k = n-1, effects = full, g = each, t = g)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssc: Option<String>,
    /// Several cluster variables: negative eigenvalues set to zero, left as they are, or the sum of the one-way variances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiway: Option<MultiwayName>,
    /// Weight variable or expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Rows to keep: a condition on the columns.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// One fit for every level of this variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Named samples, one fit for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<Vec<SampleEntry>>,
    /// Missing controls: a level of their own, or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub na: Option<NaName>,
    /// Rows without a cluster: refused, or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_cluster: Option<MissingClusterName>,
    /// Singletons: dropped (iterated) or kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub singletons: Option<SingletonsName>,
    /// Cells of the fixed effects with fewer distinct clusters are left out before estimation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_users: Option<usize>,
    /// Factor for adjusted rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<String>,
    /// What adjusted rates are averaged over: rows by a condition on the columns, a file of shares, or another table; all
    /// rows of the sample if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Variables whose shares are taken from another table as target, e.g. `work_mode + month`; those of the fixed effects
    /// if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_by: Option<String>,
    /// Whether the target rows are a sample too, or held fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composition: Option<CompositionName>,
    /// Level of the confidence intervals, e.g. 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conf_level: Option<f64>,
    /// How fixed effects are absorbed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absorb: Option<AbsorbName>,
    /// Whether coefficients of a logit or probit are corrected for the bias that the fixed effects give them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias_correction: Option<bool>,
    /// Whether a logit maximises Firth's penalised likelihood, which is finite where regressors separate rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firth: Option<bool>,
    /// Whether R2 is given after each fixed effect added in the formula's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2_steps: Option<bool>,
    /// Whether it is said what clustered errors rest on: sizes, leverage and influence of clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<bool>,
}

/// A named sample.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleEntry {
    /// Its name in outputs.
    pub name: String,
    /// Its rows; all if left out.
    #[serde(rename = "where")]
    pub filter: Option<String>,
}

/// A name, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a name, or a list of names")]
pub enum OneOrMany {
    /// One; `a+b` means two.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// An enum of names that serde, clap and the JSON Schema agree on.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    };
}

names! {
    /// Estimators.
    FamilyName {
        /// Least squares; for a 0/1 outcome the linear probability model
        Ols,
        /// Binomial likelihood with the logit link
        Logit,
        /// Poisson likelihood with the log link, for outcomes of 0 or more
        Poisson,
        /// Binomial likelihood with the probit link
        Probit,
        /// Conditional logit: given the number of ones in every cell of the fixed effects
        Clogit,
    }
}
names! {
    /// Covariances.
    VcovName {
        /// Homoskedastic errors
        Iid,
        /// Heteroskedasticity-robust, factor n/(n-K)
        Hc1,
        /// Heteroskedasticity-robust, squared residuals over 1 - leverage
        Hc2,
        /// Heteroskedasticity-robust, every row left out in turn
        Hc3,
        /// Clustered, factor G/(G-1) (n-1)/(n-K)
        #[serde(alias = "cv1")]
        #[value(alias = "cv1")]
        Cr1,
        /// Clustered, residuals corrected for leverage, Bell-McCaffrey degrees of freedom (OLS)
        #[serde(alias = "cv2")]
        #[value(alias = "cv2")]
        Cr2,
        /// Clustered, every cluster left out in turn, squares about the estimate
        #[serde(alias = "cv3")]
        #[value(alias = "cv3")]
        Cr3,
        /// The same about the mean of the estimates without one cluster
        #[serde(alias = "cv3j")]
        #[value(alias = "cv3j")]
        Cr3j,
    }
}

impl From<VcovName> for VcovKind {
    fn from(name: VcovName) -> Self {
        match name {
            VcovName::Iid => VcovKind::Iid,
            VcovName::Hc1 => VcovKind::Hc1,
            VcovName::Hc2 => VcovKind::Hc2,
            VcovName::Hc3 => VcovKind::Hc3,
            VcovName::Cr1 => VcovKind::Cr1,
            VcovName::Cr2 => VcovKind::Cr2,
            VcovName::Cr3 => VcovKind::Cr3,
            VcovName::Cr3j => VcovKind::Cr3j,
        }
    }
}
names! {
    /// Parameters of fixed effects in K.
    DfName {
        /// One less than levels for each effect but the first, as fixest does
        Nominal,
        /// The rank of the effects
        Exact,
    }
}
names! {
    /// Covariances by several cluster variables.
    MultiwayName {
        /// V_a + V_b - V_ab with negative eigenvalues set to zero, and a warning
        Eigen,
        /// V_a + V_b - V_ab as it is; a negative variance has no standard error
        Cgm,
        /// V_a + V_b, never negative
        Sum,
    }
}
names! {
    /// Missing controls.
    NaName {
        /// A level of their own
        Level,
        /// Dropped, and counted in the flow of rows
        Drop,
    }
}
names! {
    /// Rows without a cluster.
    MissingClusterName {
        /// An error
        Refuse,
        /// Dropped, and counted in the flow of rows
        Drop,
    }
}
names! {
    /// Singletons.
    SingletonsName {
        /// Left out of the estimation, iterated; kept in the target of rates
        Drop,
        /// Kept
        Keep,
    }
}
names! {
    /// Composition of the target.
    CompositionName {
        /// The target rows are a sample: unconditional errors
        Sampled,
        /// The target rows are held fixed: conditional errors
        Fixed,
    }
}
names! {
    /// Absorption.
    AbsorbName {
        /// By the structure of the design
        Auto,
        /// Count cells, eliminate the largest effect and factorise the rest
        Cells,
        /// Eliminate the largest effect and factorise the Schur complement of the rest
        Schur,
        /// Eliminate the largest effect, and conjugate gradients on the rest
        Cg,
        /// Alternating projections: slow, for comparison
        Map,
    }
}

impl ModelEntry {
    /// Every key of `self`, and of `below` where `self` is silent.
    pub fn over(&self, below: &ModelEntry) -> ModelEntry {
        let pick = |above: &Option<String>, below: &Option<String>| above.clone().or_else(|| below.clone());
        ModelEntry {
            name: pick(&self.name, &below.name),
            formula: pick(&self.formula, &below.formula),
            family: self.family.or(below.family),
            cluster: self.cluster.clone().or_else(|| below.cluster.clone()),
            vcov: self.vcov.or(below.vcov),
            df: self.df.or(below.df),
            ssc: pick(&self.ssc, &below.ssc),
            multiway: self.multiway.or(below.multiway),
            weights: pick(&self.weights, &below.weights),
            filter: pick(&self.filter, &below.filter),
            split: pick(&self.split, &below.split),
            samples: self.samples.clone().or_else(|| below.samples.clone()),
            na: self.na.or(below.na),
            missing_cluster: self.missing_cluster.or(below.missing_cluster),
            singletons: self.singletons.or(below.singletons),
            min_users: self.min_users.or(below.min_users),
            rates: pick(&self.rates, &below.rates),
            target: pick(&self.target, &below.target),
            target_by: pick(&self.target_by, &below.target_by),
            composition: self.composition.or(below.composition),
            conf_level: self.conf_level.or(below.conf_level),
            absorb: self.absorb.or(below.absorb),
            bias_correction: self.bias_correction.or(below.bias_correction),
            firth: self.firth.or(below.firth),
            r2_steps: self.r2_steps.or(below.r2_steps),
            diagnostics: self.diagnostics.or(below.diagnostics),
        }
    }
}

impl OneOrMany {
    /// The names, `a+b` taken apart.
    pub fn names(&self) -> Vec<String> {
        let parts = |text: &String| text.split('+').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        match self {
            OneOrMany::One(text) => parts(text),
            OneOrMany::Many(texts) => texts.iter().flat_map(parts).collect(),
        }
    }
}

/// The JSON Schema of [`ModelFile`], for editors.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(ModelFile);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
