//! What can go wrong between a resolved specification and its fits.

use crate::estimate::FitError;
use crate::model::ModelError;
use crate::spec::{Resolved, SourceError};

/// An error with the specification it belongs to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The formula and the table do not fit together.
    #[error("{context}{error}")]
    Model {
        /// `model `(2)` of `table_a1`: `, empty for a single formula.
        context: String,
        /// What is wrong.
        error: ModelError,
        /// The place in the formula or filter, if it is about one.
        source_text: Option<Box<SourceError>>,
    },
    /// The estimation failed.
    #[error("{context}{error}")]
    Fit {
        /// As above.
        context: String,
        /// What is wrong.
        error: FitError,
        /// File and row, if it is about one.
        place: Option<String>,
    },
}

impl RunError {
    /// Whether the input is at fault, rather than the estimation.
    pub fn is_input(&self) -> bool {
        match self {
            RunError::Model { error, .. } => !matches!(error, ModelError::NoRows { .. }),
            RunError::Fit { error, .. } => {
                matches!(error, FitError::NotBinary { .. } | FitError::RatesNotInModel { .. })
            }
        }
    }

    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            RunError::Model { error, .. } => error.hint(),
            RunError::Fit { error, place, .. } => fit_hint(error, place.as_deref()),
        }
    }

    pub(super) fn model(spec: &Resolved, sample: &str, error: ModelError) -> Self {
        let source_text = error.span().and_then(|span| {
            let texts = source_texts(spec);
            // the expression that is wrong knows only its span: the text that holds it is the one it was parsed from
            let message = error.to_string();
            let (origin, text) = texts.into_iter().find(|(_, text)| {
                text.get(span.clone()).is_some_and(|part| !part.is_empty() && mentions(&error, part))
            })?;
            let expected = match &error {
                ModelError::Expression { error } => error.expected().map(str::to_owned),
                _ => None,
            };
            Some(Box::new(SourceError { origin, text, span, message, expected, hint: error.hint() }))
        });
        RunError::Model { context: context(spec, sample), error, source_text }
    }

    pub(super) fn fit(spec: &Resolved, sample: &str, error: FitError, place: Option<String>) -> Self {
        RunError::Fit { context: context(spec, sample), error, place }
    }
}

/// Every text of a specification with its name.
fn source_texts(spec: &Resolved) -> Vec<(String, String)> {
    let mut texts = vec![(String::from("the formula"), spec.formula_text.clone())];
    texts.extend(spec.filter_text.iter().map(|text| (String::from("the filter"), text.clone())));
    texts.extend(spec.sample_texts.iter().map(|(name, text)| (format!("sample `{name}`"), text.clone())));
    texts.extend(spec.weights_text.iter().map(|text| (String::from("the weights"), text.clone())));
    texts
}

/// Whether a part of a text is what an error talks about.
fn mentions(error: &ModelError, part: &str) -> bool {
    use crate::expr::ExprError;
    match error {
        ModelError::Expression { error: ExprError::UnknownColumn { name, .. } } => part.contains(name.as_str()),
        ModelError::Expression { error: ExprError::UnknownLevel { value, .. } } => {
            part.contains(value.trim_matches(['"', '\'', '`']))
        }
        ModelError::UnknownLevel { factor, .. } => part.contains(factor.as_str()),
        _ => true,
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

fn fit_hint(error: &FitError, place: Option<&str>) -> Option<String> {
    Some(match error {
        FitError::NoRows { exact, .. } if *exact > 0 => format!(
            "the fixed effects fit all {exact} rows exactly (every cell holds one row, or one outcome); use coarser effects"
        ),
        FitError::NoRows { .. } => String::from("loosen the filter"),
        FitError::ConstantOutcome { .. } => String::from("check the outcome and the filter"),
        FitError::NotBinary { .. } => format!(
            "it is in {}; write a comparison as outcome, e.g. `(y >= 1)`, or use `--family ols`",
            place.unwrap_or("the table")
        ),
        FitError::TooFewClusters { cluster, .. } => {
            format!("cluster by a variable with more values than `{cluster}`, or use `--vcov hc1`")
        }
        FitError::NoDegreesOfFreedom { .. } => String::from("use fewer regressors or coarser fixed effects"),
        FitError::NothingEstimable { .. } => {
            String::from("take out the fixed effect that determines it, or choose a regressor that varies within its cells")
        }
        FitError::Separated { .. } => {
            String::from("merge or drop these levels, or use `--family ols`; a finite number here would be an artefact")
        }
        FitError::NotConverged { .. } => {
            String::from("look for nearly separated levels with `metier check`, or use `--family ols`")
        }
        FitError::RatesNotInModel { factor } => format!("add `i({factor})` to the formula, or leave out `--rates`"),
        FitError::Absorption(_) => String::from("use coarser effects, or `--absorb exact` if memory allows"),
    })
}
