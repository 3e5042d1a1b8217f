//! Cell estimators of every sample of every specification, in order.

use super::RunError;
use super::jobs::{Labels, complete, place_of, samples};
use crate::expr::Expr;
use crate::model::{Request, Workspace, plain_name, prepare};
use crate::spec::Resolved;
use crate::standardise::{CellOptions, CellsError, Estimators, estimators};
use rayon::prelude::*;

/// Estimates all specifications; results come in the order of specifications, samples, outcomes.
///
/// # Errors
/// The first error in that order.
pub fn estimate_cells(
    workspace: &Workspace,
    specs: &[Resolved],
    labels: Labels,
    options: CellOptions,
) -> Result<Vec<Estimators>, RunError> {
    let mut jobs: Vec<(&Resolved, String, Option<Expr>)> = Vec::new();
    for spec in specs {
        jobs.extend(samples(workspace, spec)?.into_iter().map(|(name, filter)| (spec, name, filter)));
    }
    let found: Vec<Result<Vec<Estimators>, RunError>> = jobs
        .par_iter()
        .map(|(spec, name, filter)| {
            let sample = filter.clone().map(|filter| (name.clone(), filter));
            let request = Request { sample, ..spec.request.clone() };
            one_job(workspace, spec, &request, name, labels, options)
        })
        .collect();
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn one_job(
    workspace: &Workspace,
    spec: &Resolved,
    request: &Request,
    sample: &str,
    labels: Labels,
    options: CellOptions,
) -> Result<Vec<Estimators>, RunError> {
    let mut all = Vec::new();
    for mut group in prepare(workspace, request).map_err(|error| RunError::model(spec, sample, error))? {
        group.label(&labels);
        for found in estimators(&group.sample, &spec.options, options) {
            let mut found = found.map_err(|error| match error {
                CellsError::Fit(error) => {
                    let place = place_of(workspace, &group, &error);
                    RunError::fit(spec, sample, error, place)
                }
                error => RunError::cells(spec, sample, error),
            })?;
            found.fit = complete(found.fit, spec, request, sample, &group);
            all.push(found);
        }
    }
    // groups of outcomes with the same missing rows come together: restore the formula's order
    let order: Vec<String> = request.formula.outcomes.iter().map(plain_name).collect();
    all.sort_by_key(|found: &Estimators| order.iter().position(|name| *name == found.fit.outcome));
    Ok(all)
}
