//! What can go wrong between a resolved specification and its fits.

use crate::estimate::FitError;
use crate::explain::ExplainError;
use crate::model::{ModelError, Origin};
use crate::spec::{Resolved, SourceError};
use crate::standardise::CellsError;

/// An error with the specification it belongs to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The formula and the table do not fit together.
    #[error("{context}{error}")]
    Model {
        /// `model `(2)` of `table_a1`: `, empty for a single formula.
        context: String,
        /// What is wrong.
        error: Box<ModelError>,
        /// The place in the formula or filter, if it is about one.
        source_text: Option<Box<SourceError>>,
    },
    /// Levels could not be compared within cells.
    #[error("{context}{error}")]
    Cells {
        /// As above.
        context: String,
        /// What is wrong.
        error: Box<CellsError>,
    },
    /// An estimate could not be explained.
    #[error("{context}{error}")]
    Explain {
        /// As above.
        context: String,
        /// What is wrong.
        error: Box<ExplainError>,
    },
    /// The estimation failed.
    #[error("{context}{error}{}", place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default())]
    Fit {
        /// As above.
        context: String,
        /// What is wrong.
        error: Box<FitError>,
        /// File and row, if it is about one.
        place: Option<String>,
    },
}

impl RunError {
    /// What is wrong, without the specification it is about.
    pub fn reason(&self) -> String {
        let (RunError::Model { context, .. }
        | RunError::Cells { context, .. }
        | RunError::Explain { context, .. }
        | RunError::Fit { context, .. }) = self;
        let text = self.to_string();
        text.strip_prefix(context.as_str()).unwrap_or(&text).to_owned()
    }

    /// Whether the input is at fault, rather than the estimation.
    pub fn is_input(&self) -> bool {
        match self {
            RunError::Model { error, .. } => !matches!(**error, ModelError::NoRows { .. }),
            RunError::Cells { error, .. } => !matches!(**error, CellsError::NoOverlap { .. }),
            RunError::Explain { error, .. } => error.is_input(),
            RunError::Fit { error, .. } => {
                matches!(
                    **error,
                    FitError::NotBinary { .. }
                        | FitError::Negative { .. }
                        | FitError::RatesNotInModel { .. }
                        | FitError::NoBiasCorrection { .. }
                        | FitError::NoEffects { .. }
                        | FitError::NoWeights { .. }
                        | FitError::NoMargins { .. }
                        | FitError::NoFirth { .. }
                        | FitError::NoConditional { .. }
                        | FitError::NoVcov { .. }
                        | FitError::NoLeverage { .. }
                        | FitError::Slopes { .. }
                )
            }
        }
    }

    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            RunError::Model { error, .. } => error.hint(),
            RunError::Cells { error, .. } => error.hint(),
            RunError::Explain { error, .. } => error.hint(),
            RunError::Fit { error, .. } => fit_hint(error),
        }
    }

    pub(super) fn model(spec: &Resolved, sample: &str, error: ModelError) -> Self {
        let source_text = error.span().and_then(|span| {
            let message = format!("{}{error}", context(spec, sample));
            let (role, expected) = match &error {
                ModelError::Expression { error, origin } => (*origin, error.expected().map(str::to_owned)),
                _ => (Origin::Formula, None),
            };
            let (origin, text) = source_text(spec, sample, role)?;
            text.get(span.clone())?;
            Some(Box::new(SourceError { origin, text, span, message, expected, hint: error.hint() }))
        });
        RunError::Model { context: context(spec, sample), error: Box::new(error), source_text }
    }

    pub(super) fn cells(spec: &Resolved, sample: &str, error: CellsError) -> Self {
        RunError::Cells { context: context(spec, sample), error: Box::new(error) }
    }

    /// A variable that does not fit the table, beside the formula's own.
    pub fn model_of(spec: &Resolved, error: ModelError) -> Self {
        RunError::model(spec, "all", error.of(Origin::Other))
    }

    /// A failure to explain an estimate; that of a fit stays one.
    pub fn explain(spec: &Resolved, sample: &str, error: ExplainError) -> Self {
        match error {
            ExplainError::Fit(error) => RunError::fit(spec, sample, error, None),
            error => RunError::Explain { context: context(spec, sample), error: Box::new(error) },
        }
    }

    pub(super) fn fit(spec: &Resolved, sample: &str, error: FitError, place: Option<String>) -> Self {
        RunError::Fit { context: context(spec, sample), error: Box::new(error), place }
    }
}

/// A text of a specification with its name.
fn source_text(spec: &Resolved, sample: &str, role: Origin) -> Option<(String, String)> {
    match role {
        Origin::Formula => Some((String::from("the formula"), spec.formula_text.clone())),
        Origin::Filter => Some((String::from("the filter"), spec.filter_text.clone()?)),
        Origin::Weights => Some((String::from("the weights"), spec.weights_text.clone()?)),
        Origin::Target => Some((String::from("the target"), spec.target_text.clone()?)),
        Origin::Sample => {
            let (name, text) = spec.sample_texts.iter().find(|(name, _)| name == sample)?;
            Some((format!("sample `{name}`"), text.clone()))
        }
        Origin::Other => None,
    }
}

fn context(spec: &Resolved, sample: &str) -> String {
    let sample = if sample == "all" { String::new() } else { format!(", sample `{sample}`") };
    match (spec.spec_id.as_str(), sample.is_empty()) {
        ("fit", true) => String::new(),
        ("fit", false) => format!("{}: ", sample.trim_start_matches(", ")),
        (file, _) => format!("model `{}` of `{file}`{sample}: ", spec.model),
    }
}

fn fit_hint(error: &FitError) -> Option<String> {
    Some(match error {
        FitError::NoRows { exact, .. } if *exact > 0 => format!(
            "the fixed effects fit all {exact} rows exactly (every cell holds one row, or one outcome); use coarser effects"
        ),
        FitError::NoRows { .. } => String::from("loosen the filter"),
        FitError::ConstantOutcome { .. } => String::from("check the outcome and the filter"),
        FitError::NotBinary { outcome, .. } => {
            format!("write a comparison as outcome, e.g. `({outcome} >= 1)`, or use `--family ols`")
        }
        FitError::Negative { .. } => String::from("leave these rows out, or use `--family ols`"),
        FitError::TooFewClusters { cluster, .. } => {
            format!("cluster by a variable with more values than `{cluster}`, or use `--vcov hc1`")
        }
        FitError::NoDegreesOfFreedom { .. } => String::from("use fewer regressors or coarser fixed effects"),
        FitError::NothingEstimable { .. } => String::from(
            "take out the fixed effect that determines it, or choose a regressor that varies within its cells",
        ),
        FitError::Separated { factor: Some(factor), .. } => format!(
            "leave out `--rates`, merge or drop the levels of `{factor}`, or use `--family ols`; a rate of exactly 0 or 1 has no error"
        ),
        FitError::NoVcov { kind, .. } | FitError::NoLeverage { kind, .. } => String::from(match kind.is_clustered() {
            true => "`--vcov cr1`, or `metier bootstrap`",
            false => "`--vcov hc1`",
        }),
        FitError::NoEffects { .. } => String::from("leave out `--save-effects`"),
        FitError::NoWeights { .. } => {
            String::from("leave out `--save-weights`, or fit the linear model: `--family ols`")
        }
        FitError::NoConditional { reason } if reason.contains("intercepts") => String::from(
            "take slopes from `--family clogit`, and rates from `--family logit --bias-correction` or `--family ols`",
        ),
        FitError::NoConditional { reason } if reason.contains("infinite") => String::from(
            "take these terms out, merge or drop their levels; `--family logit` names the separating combination",
        ),
        FitError::NoConditional { .. } => String::from("use `--family logit`"),
        FitError::NoFirth { .. } => String::from("leave out `--firth`"),
        FitError::NoMargins { reason } if reason.contains("bias") => String::from("leave out `--bias-correction`"),
        FitError::NoMargins { .. } => {
            String::from("use adjusted rates (`metier fit --rates`), or a factor of the combinations alone")
        }
        FitError::NoBiasCorrection { .. } => String::from("leave out `--bias-correction`"),
        FitError::Separated { .. } => String::from(
            "take these terms out, merge or drop their levels, or use `--family ols`; a finite number here would be an artefact",
        ),
        FitError::Slopes { reason, .. } => match reason.as_str() {
            "have no bias correction" => String::from("leave out `--bias-correction`"),
            _ => String::from("use coarser effects, or let fewer of them have slopes"),
        },
        FitError::NotConverged { .. } => {
            String::from("look for nearly separated levels with `metier check`, or use `--family ols`")
        }
        FitError::RatesNotInModel { factor } => format!("add `i({factor})` to the formula, or leave out `--rates`"),
        FitError::Absorption(_) => String::from("use coarser effects, or `--absorb cells` if memory allows"),
    })
}
