//! What is done with every outcome of every sample of a specification, besides fitting.

use super::RunError;
use super::jobs::Labels;
use super::samples::{name_fit, outcome_position, prepare_samples};
use crate::explain::ExplainError;
use crate::model::{Prepared, Workspace, plain_name};
use crate::result::ModelFit;
use crate::spec::Resolved;

/// Why an outcome could not be explained.
#[derive(Debug)]
pub enum WorkError {
    /// The explanation failed.
    Explain(ExplainError),
    /// Something of the specification did.
    Run(Box<RunError>),
}

impl From<ExplainError> for WorkError {
    fn from(error: ExplainError) -> Self {
        WorkError::Explain(error)
    }
}

impl From<RunError> for WorkError {
    fn from(error: RunError) -> Self {
        WorkError::Run(Box::new(error))
    }
}

impl WorkError {
    /// The error with its specification.
    pub fn of(self, spec: &Resolved, sample: &str) -> RunError {
        match self {
            WorkError::Explain(error) => RunError::explain(spec, sample, error),
            WorkError::Run(error) => *error,
        }
    }
}

/// The formula with one outcome.
pub fn formula_of(spec: &Resolved, outcome: &str) -> String {
    let mut formula = spec.request.formula.clone();
    formula.outcomes.retain(|expr| plain_name(expr) == outcome);
    formula.to_string()
}

/// Explains every outcome of every sample, in the order of samples and outcomes. `fits` lists the fits of a result, whose
/// names are filled in; the first is the one that its outcome is taken from.
///
/// # Errors
/// The first in that order.
pub fn explain_outcomes<T>(
    workspace: &Workspace,
    spec: &Resolved,
    labels: Labels,
    work: impl Fn(&Prepared, usize, &str) -> Result<T, WorkError>,
    fits: impl Fn(&mut T) -> Vec<&mut ModelFit>,
) -> Result<Vec<T>, RunError> {
    let mut all = Vec::new();
    for sample in prepare_samples(workspace, spec, labels)? {
        let mut of_sample: Vec<(Option<usize>, T)> = Vec::new();
        for group in &sample.groups {
            for (o, outcome) in group.sample.outcomes.iter().enumerate() {
                let mut found = work(group, o, &sample.name).map_err(|error| error.of(spec, &sample.name))?;
                fits(&mut found).into_iter().for_each(|fit| name_fit(fit, spec, &sample.name, group));
                of_sample.push((outcome_position(&spec.request.formula, &outcome.name), found));
            }
        }
        of_sample.sort_by_key(|(position, _)| *position);
        all.extend(of_sample.into_iter().map(|(_, found)| found));
    }
    Ok(all)
}
