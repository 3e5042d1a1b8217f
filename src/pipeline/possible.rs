//! Fits what can be fitted: for a study, in which one regression that does not exist must not take the others with it.

use super::jobs::{Labels, fit_models, one_job, samples};
use crate::model::{Request, Workspace, plain_name};
use crate::result::{ModelFit, NotFitted};
use crate::spec::Resolved;
use rayon::prelude::*;

/// Fits every regression that exists, and says of the others why they do not.
///
/// Where one of a specification fails, each of its samples and outcomes is fitted alone.
pub fn fit_possible(workspace: &Workspace, specs: &[Resolved], labels: Labels) -> (Vec<ModelFit>, Vec<NotFitted>) {
    if let Ok(fits) = fit_models(workspace, specs, labels, &|_| {}) {
        return (fits, Vec::new());
    }
    let (mut fits, mut failed) = (Vec::new(), Vec::new());
    for spec in specs {
        match fit_models(workspace, std::slice::from_ref(spec), labels, &|_| {}) {
            Ok(found) => fits.extend(found),
            Err(_) => piece_by_piece(workspace, spec, labels, &mut fits, &mut failed),
        }
    }
    (fits, failed)
}

fn piece_by_piece(
    workspace: &Workspace,
    spec: &Resolved,
    labels: Labels,
    fits: &mut Vec<ModelFit>,
    failed: &mut Vec<NotFitted>,
) {
    let not_fitted = |outcome: &str, sample: &str, reason: String| NotFitted {
        spec_id: spec.spec_id.clone(),
        model: spec.model.clone(),
        outcome: outcome.to_owned(),
        sample: sample.to_owned(),
        reason,
    };
    let samples = match samples(workspace, spec) {
        Ok(samples) => samples,
        Err(error) => return failed.push(not_fitted("", "", error.reason())),
    };
    let pieces: Vec<(String, String, Request)> = samples
        .into_iter()
        .flat_map(|(name, filter)| {
            spec.request.formula.outcomes.iter().map(move |outcome| {
                let mut request = spec.request.clone();
                request.formula.outcomes = vec![outcome.clone()];
                request.sample = filter.clone().map(|filter| (name.clone(), filter));
                (name.clone(), plain_name(outcome), request)
            })
        })
        .collect();
    let done: Vec<_> = pieces
        .par_iter()
        .map(|(sample, _, request)| one_job(workspace, spec, request, sample, labels).map_err(|error| error.reason()))
        .collect();
    for ((sample, outcome, _), done) in pieces.iter().zip(done) {
        match done {
            Ok(found) => fits.extend(found.into_iter().map(|(fit, _)| fit)),
            Err(reason) => failed.push(not_fitted(outcome, sample, reason)),
        }
    }
}
