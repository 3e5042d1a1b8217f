//! From a sample to fitted regressions: OLS, logit, probit and Poisson with absorbed effects, clustered errors and adjusted rates.
//!
//! [`fit`] is the one entry point. Outcomes share the design, and for OLS its factorisation.

mod adjusted;
mod assemble;
mod conditional;
mod diagnostics;
mod doubts;
pub mod effects;
mod firth;
mod glm;
pub mod implied;
mod incidental;
mod leveraged;
pub mod link;
mod ols;
mod outcome;
mod parameters;
mod r2_steps;
mod rowwise;
mod separation;
mod shared;
mod slopes;
mod statistics;
mod sums;
mod variance;

use crate::absorb::{Method, NotConverged};
use crate::aggregate::Rows;
use crate::design::cells::is_binary;
use crate::design::{RatesFactor, Sample};
use crate::rates::margins::crossed_factor;
use crate::result::{Composition, Family, Margins, ModelFit, Separation, VcovKind};
use crate::vcov::Bare;
use crate::vcov::convention::{Rule, Shared, Ssc};
use crate::vcov::multiway::Multiway;
pub use doubts::{FEW_CLUSTERS, FEW_EFFECTIVE, PARAMETERS_PER_ROW};
use effects::{EffectEstimates, FittedRows};
use implied::ImpliedWeights;
use link::Glm;
use std::sync::Arc;

/// What to fit, apart from the design.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Estimator.
    pub family: Family,
    /// Covariance of the coefficients.
    pub vcov: VcovKind,
    /// What takes the place of [`VcovKind::Cr1`] where few clusters matter or parameters are many; `None` to warn only.
    pub few_clusters: Option<VcovKind>,
    /// Small-sample convention.
    pub ssc: Ssc,
    /// How terms of several cluster variables become one covariance.
    pub multiway: Multiway,
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
    /// Whether the bias that absorbed effects give the coefficients of a logit or probit is corrected.
    pub bias_correction: bool,
    /// Whether K counts the exact rank of the absorbed effects, rather than their levels less one for each effect but
    /// the first.
    pub exact_df: bool,
    /// Whether the fitted values of all estimation rows are returned.
    pub keep_fitted: bool,
    /// Whether the estimates of the absorbed effects are returned.
    pub keep_effects: bool,
    /// Whether the weights that a linear model gives to outcomes are returned.
    pub keep_weights: bool,
    /// Whether the terms of the covariance are returned without factors, and every count of the effects.
    pub keep_bare: bool,
    /// Whether a logit maximises Firth's penalised likelihood.
    pub firth: bool,
    /// Whether average marginal effects are computed.
    pub margins: bool,
    /// Whether the R2 is taken apart by the effects added.
    pub r2_steps: bool,
    /// Whether it is said what clustered errors rest on: sizes, leverage and influence of clusters.
    pub diagnostics: bool,
    /// Whether clusters at each level of the rates' factor are counted, and the share of the largest.
    pub count_clusters: bool,
    /// Numbers whose influence is summed by groups of clusters; fits on cells alone have the sums.
    pub sums: Option<SumRequest>,
}

/// Which numbers' influence is summed by groups of clusters of the first variable.
#[derive(Debug, Clone, PartialEq)]
pub struct SumRequest {
    /// Each number as a combination of names as [`Influence`] has them; one that names what the fit has not is left out.
    pub numbers: Vec<Vec<(String, f64)>>,
    /// Group of each cluster of the sample.
    pub groups: Arc<Vec<u32>>,
    /// Number of groups.
    pub n_groups: usize,
    /// Influence of another estimate on each cluster of the sample.
    pub other: Option<Arc<Vec<f64>>>,
    /// Whether nothing else is wanted: if all numbers are adjusted rates, the coefficients then have no errors.
    pub only: bool,
}

/// Influence of several numbers by groups of clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct InfluenceSums {
    /// One per number asked for, `None` for those the fit has not.
    pub columns: Vec<Option<Vec<f64>>>,
    /// Sum over clusters of the squared influence of the first number; not a number if the fit has not got it.
    pub square: f64,
    /// Sum over clusters of its product with the other estimate's influence.
    pub cross: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            family: Family::Ols,
            vcov: VcovKind::Cr1,
            few_clusters: None,
            ssc: Ssc::default(),
            multiway: Multiway::default(),
            method: Method::Auto,
            drop_singletons: true,
            composition: Composition::Sampled,
            conf_level: 0.95,
            keep_influence: false,
            bias_correction: false,
            exact_df: false,
            keep_fitted: false,
            keep_effects: false,
            keep_weights: false,
            keep_bare: false,
            firth: false,
            margins: false,
            r2_steps: false,
            diagnostics: false,
            count_clusters: true,
            sums: None,
        }
    }
}

impl Options {
    /// What the small-sample convention means here.
    pub fn rule(&self) -> Rule {
        let ssc = if self.exact_df { self.ssc.with_df(Shared::Exact) } else { self.ssc };
        ssc.rule(self.family, self.vcov)
    }
}

/// A fitted regression and, if asked for, the influence of every cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The regression. Names of specification and sample are the caller's to fill.
    pub fit: ModelFit,
    /// Summed influence by the first cluster variable.
    pub influence: Option<Influence>,
    /// Covariance of coefficients and rates together, with the names and order of [`Influence`], row-major; kept with the
    /// influence, and without clusters too.
    pub joint: Option<Vec<f64>>,
    /// Fitted values of the estimation rows, if asked for (or needed for the effects).
    pub rows: Option<FittedRows>,
    /// Estimates of the absorbed effects, if asked for.
    pub effects: Option<EffectEstimates>,
    /// The terms of the covariance of the coefficients without factors, if asked for.
    pub bare: Option<Bare>,
    /// Average marginal effects, if asked for.
    pub margins: Option<Margins>,
    /// Influence by groups of clusters, if asked for.
    pub sums: Option<InfluenceSums>,
    /// Implied weights of all rows of the sample, if asked for.
    pub weights: Option<ImpliedWeights>,
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
    /// A logit or probit outcome that is not 0/1.
    #[error("a {} needs outcomes 0 and 1, but `{outcome}` is {value}", estimator(*.family))]
    NotBinary {
        /// Estimator.
        family: Family,
        /// Outcome.
        outcome: String,
        /// First offending value.
        value: f64,
        /// Its row in the sample.
        row: usize,
    },
    /// A negative outcome of a Poisson regression.
    #[error("a Poisson regression needs outcomes of 0 or more, but `{outcome}` is {value}")]
    Negative {
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
    /// Regressors that separate every row, or make a coefficient of the rates' factor infinite.
    #[error(
        "{}: `{direction}` {prediction}",
        match factor {
            Some(factor) => format!("adjusted rates by `{factor}` do not exist, one of its coefficients is infinite"),
            None => format!("the likelihood of `{outcome}` has no maximum"),
        }
    )]
    Separated {
        /// Outcome.
        outcome: String,
        /// The separating combination.
        direction: String,
        /// What it says of the outcome.
        prediction: String,
        /// Factor of the rates, if it is about that.
        factor: Option<String>,
    },
    /// Scoring did not converge.
    #[error(
        "the {} of `{outcome}` did not converge in {iterations} iterations (relative change of the deviance {change:.1e})",
        estimator(*.family)
    )]
    NotConverged {
        /// Estimator.
        family: Family,
        /// Outcome.
        outcome: String,
        /// Iterations.
        iterations: usize,
        /// Last relative change of the deviance.
        change: f64,
    },
    /// A bias correction where there is no bias.
    #[error("there is nothing to correct: {reason}")]
    NoBiasCorrection {
        /// Why not.
        reason: &'static str,
    },
    /// A conditional likelihood that does not exist, or has no such result.
    #[error("conditional logit: {reason}")]
    NoConditional {
        /// Why not.
        reason: &'static str,
    },
    /// A penalised likelihood that does not exist, or whose results would mislead.
    #[error("Firth's penalised likelihood: {reason}")]
    NoFirth {
        /// Why not.
        reason: &'static str,
    },
    /// Marginal effects that would not be what they seem.
    #[error("there are no marginal effects here: {reason}")]
    NoMargins {
        /// Why not.
        reason: String,
    },
    /// No effects to save.
    #[error("the fixed effects cannot be saved: {reason}")]
    NoEffects {
        /// Why not.
        reason: String,
    },
    /// No implied weights.
    #[error("there are no implied weights: {reason}")]
    NoWeights {
        /// Why not.
        reason: &'static str,
    },
    /// Slopes by level that cannot be absorbed as asked for.
    #[error("the slopes of `{effect}` {reason}")]
    Slopes {
        /// Effect, as written.
        effect: String,
        /// What stands in the way.
        reason: String,
    },
    /// The factor of the rates is not a regressor.
    #[error("adjusted rates by `{factor}` need a regressor `i({factor})` or `{factor}` in the formula")]
    RatesNotInModel {
        /// Factor.
        factor: String,
    },
    /// A covariance that does not exist here.
    #[error("{} {reason}", kind.name())]
    NoVcov {
        /// Covariance asked for.
        kind: VcovKind,
        /// Why not, and what to use.
        reason: String,
    },
    /// A covariance that needs leverage, where it cannot be had.
    #[error(
        "{} needs the leverage of every row, and {reason}: use `{}`, which needs none",
        kind.name(),
        if kind.is_clustered() { "cr1" } else { "hc1" }
    )]
    NoLeverage {
        /// Covariance asked for.
        kind: VcovKind,
        /// Why not.
        reason: String,
    },
    /// Absorption failed.
    #[error(transparent)]
    Absorption(#[from] NotConverged),
}

impl FitError {
    /// A separation that leaves nothing to report.
    fn separated(outcome: &str, found: &Separation, rates: Option<&RatesFactor>) -> Self {
        FitError::Separated {
            outcome: outcome.to_owned(),
            direction: found.combination(),
            prediction: found.prediction(outcome),
            factor: rates.map(|rates| rates.name.clone()),
        }
    }
}

/// A family in a sentence.
fn estimator(family: Family) -> &'static str {
    match family {
        Family::Ols => "linear model",
        Family::Logit => "logit",
        Family::Poisson => "Poisson regression",
        Family::Probit => "probit",
        Family::Clogit => "conditional logit",
    }
}

/// Fits every outcome of a sample.
///
/// The rows must be free of missing and infinite values and sorted by the first cluster variable.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    if options.bias_correction
        && let Err(error) = incidental::check(sample, options.family)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if options.family == Family::Clogit
        && let Err(error) = conditional::check(sample, options)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if options.firth
        && let Err(error) = firth::check(sample, options)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if options.margins
        && let Err(error) = check_margins(sample, options)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if options.keep_weights
        && let Err(error) = implied::check(options)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if options.keep_effects
        && let Err(error) = effects::check(sample, options)
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    if !options.keep_effects && !options.r2_steps {
        return fit_outcomes(sample, options);
    }
    let fits = fit_outcomes(sample, &Options { keep_fitted: true, ..options.clone() });
    fits.into_iter().enumerate().map(|(o, fitted)| with_rows(sample, options, o, fitted?)).collect()
}

/// Refuses marginal effects that would not be what they seem.
fn check_margins(sample: &Sample, options: &Options) -> Result<(), FitError> {
    let reason = if options.bias_correction {
        String::from("effects at bias-corrected coefficients have no formula yet")
    } else if let Some(factor) = crossed_factor(sample) {
        format!("`{factor}` is crossed with another factor, so no column is the effect of one level")
    } else {
        return Ok(());
    };
    Err(FitError::NoMargins { reason })
}

fn fit_outcomes(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    if options.family == Family::Clogit {
        return conditional::fit(sample, options);
    }
    if rowwise::applies(sample, options) {
        return rowwise::fit(sample, options);
    }
    match Glm::of(options.family) {
        None => ols::fit(sample, options, &Rows::new(sample)),
        Some(_) if options.firth => firth::fit(sample, options),
        Some(glm) => glm::fit(sample, options, glm, &Rows::new(sample)),
    }
}

/// [`fit`] for a sample whose cells are known, where nothing is asked for that needs more than those.
pub fn fit_on(rows: &Rows, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let sample = rows.sample();
    let plain = !options.bias_correction && !options.margins && !options.keep_effects && !options.r2_steps;
    match Glm::of(options.family) {
        None if plain => ols::fit(sample, options, rows),
        Some(glm) if plain && !options.firth => glm::fit(sample, options, glm, rows),
        _ => fit(sample, options),
    }
}

/// Adds what is made from the fitted rows: estimates of the effects, steps of the R2.
fn with_rows(sample: &Sample, options: &Options, outcome: usize, mut fitted: Fitted) -> Result<Fitted, FitError> {
    let Some(rows) = &fitted.rows else { return Ok(fitted) };
    if options.keep_effects {
        let effects = effects::recover(sample, rows)?;
        fitted.fit.warnings.extend(effects.warnings());
        fitted.effects = Some(effects);
    }
    if options.r2_steps {
        fitted.fit.r2_steps = r2_steps::steps(sample, options, outcome, rows, &fitted.fit.fit)?;
    }
    if !options.keep_fitted && !options.keep_effects {
        fitted.rows = None;
    }
    Ok(fitted)
}

/// Refuses outcomes that cannot be fitted.
fn check_outcome(sample: &Sample, outcome: usize, family: Family) -> Result<(), FitError> {
    let outcome = &sample.outcomes[outcome];
    if sample.n_rows == 0 {
        return Err(FitError::NoRows { outcome: outcome.name.clone(), exact: 0 });
    }
    if matches!(family, Family::Logit | Family::Probit | Family::Clogit) && !is_binary(&outcome.values) {
        let row = outcome.values.iter().position(|&v| v != 0.0 && v != 1.0).unwrap_or(0);
        return Err(FitError::NotBinary { family, outcome: outcome.name.clone(), value: outcome.values[row], row });
    }
    if family == Family::Poisson
        && let Some(row) = outcome.values.iter().position(|&value| value < 0.0)
    {
        return Err(FitError::Negative { outcome: outcome.name.clone(), value: outcome.values[row], row });
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
