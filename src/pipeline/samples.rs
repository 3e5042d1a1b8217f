//! The samples of a specification, for what is done with them besides fitting.

use super::RunError;
use super::jobs::{Labels, samples};
use crate::estimate::FitError;
use crate::formula::Formula;
use crate::model::{Prepared, Request, Workspace, plain_name, prepare};
use crate::result::ModelFit;
use crate::spec::Resolved;

/// A sample of a specification: its rows, by groups of outcomes that are missing in the same rows.
#[derive(Debug)]
pub struct SampleOf {
    /// Name of the sample.
    pub name: String,
    /// Its groups.
    pub groups: Vec<Prepared>,
}

/// Prepares every sample of a specification, in order.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_samples(workspace: &Workspace, spec: &Resolved, labels: Labels) -> Result<Vec<SampleOf>, RunError> {
    let named = samples(workspace, spec)?.into_iter().map(|(name, filter)| {
        let sample = filter.map(|filter| (name.clone(), filter));
        let request = Request { sample, ..spec.request.clone() };
        let mut groups = prepare(workspace, &request).map_err(|error| RunError::model(spec, &name, error))?;
        groups.iter_mut().for_each(|group| group.label(&labels));
        Ok(SampleOf { name, groups })
    });
    named.collect()
}

/// Position of an outcome in the formula.
pub fn outcome_position(formula: &Formula, outcome: &str) -> Option<usize> {
    formula.outcomes.iter().position(|expr| plain_name(expr) == outcome)
}

/// Fills in the names of a fit and its flow of rows before estimation.
pub fn name_fit(fit: &mut ModelFit, spec: &Resolved, sample: &str, group: &Prepared) {
    let mut formula = spec.request.formula.clone();
    formula.outcomes.retain(|outcome| plain_name(outcome) == fit.outcome);
    fit.spec_id = spec.spec_id.clone();
    fit.model = spec.model.clone();
    fit.sample = sample.to_owned();
    fit.formula = formula.to_string();
    fit.weights = spec.weights_text.clone();
    fit.dropped_terms.extend(group.absent.iter().cloned());
    fit.flow.rows_read = group.flow.rows_read;
    let before = group.flow.dropped.iter().cloned();
    fit.flow.dropped = before.chain(std::mem::take(&mut fit.flow.dropped)).collect();
}

/// The failure of a fit, with its specification.
pub fn fit_failure(spec: &Resolved, sample: &str, error: FitError) -> RunError {
    RunError::fit(spec, sample, error, None)
}
