//! Fits every sample of every specification, in parallel and in order.

use super::RunError;
use super::saved::{Saved, save};
use crate::estimate::{FitError, fit};
use crate::expr::{BinaryOp, Expr, ExprKind};
use crate::formula::effect_name;
use crate::model::{Origin, Prepared, Request, Workspace, plain_name, prepare};
use crate::result::ModelFit;
use crate::spec::Resolved;
use crate::table::MISSING;
use rayon::prelude::*;

/// Display label of a level of a variable.
pub type Labels<'a> = &'a (dyn Fn(&str, &str) -> String + Sync);

/// Fits all specifications; results come in the order of specifications, samples, outcomes.
///
/// # Errors
/// The first error in that order.
pub fn fit_models(
    workspace: &Workspace,
    specs: &[Resolved],
    labels: Labels,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<ModelFit>, RunError> {
    Ok(fit_and_save(workspace, specs, labels, done)?.into_iter().map(|(fit, _)| fit).collect())
}

/// The same with what the options of a specification keep beside the records.
///
/// # Errors
/// As [`fit_models`].
pub fn fit_and_save(
    workspace: &Workspace,
    specs: &[Resolved],
    labels: Labels,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<(ModelFit, Saved)>, RunError> {
    let mut jobs: Vec<(&Resolved, Request, String)> = Vec::new();
    for spec in specs {
        for (name, filter) in samples(workspace, spec)? {
            let sample = filter.map(|filter| (name.clone(), filter));
            jobs.push((spec, Request { sample, ..spec.request.clone() }, name));
        }
    }
    // variables that every job needs are evaluated once, before the jobs race for them
    let fits: Vec<Result<Vec<(ModelFit, Saved)>, RunError>> = jobs
        .par_iter()
        .map(|(spec, request, sample)| {
            let fits = one_job(workspace, spec, request, sample, labels);
            done(1);
            fits
        })
        .collect();
    let nested: Vec<Vec<(ModelFit, Saved)>> = fits.into_iter().collect::<Result<_, _>>()?;
    Ok(nested.into_iter().flatten().collect())
}

/// Names and filters of a specification's samples.
pub(super) fn samples(workspace: &Workspace, spec: &Resolved) -> Result<Vec<(String, Option<Expr>)>, RunError> {
    let Some(split) = &spec.split else {
        return Ok(if spec.samples.is_empty() { vec![(String::from("all"), None)] } else { spec.samples.clone() });
    };
    let variable = workspace.coded(split).map_err(|error| RunError::model(spec, "all", error.of(Origin::Other)))?;
    let factor = &variable.factor;
    let mut present = vec![false; factor.n_levels()];
    factor.codes.iter().filter(|&&code| code != MISSING).for_each(|&code| present[code as usize] = true);
    let numeric = factor.levels.iter().all(|level| level.parse::<f64>().is_ok());
    let levels = factor.levels.iter().zip(present).filter(|(_, present)| *present);
    Ok(levels
        .map(|(level, _)| {
            let literal = match level.parse::<f64>() {
                Ok(value) if numeric => ExprKind::Number(value),
                _ => ExprKind::Text(level.clone()),
            };
            let node = |kind| Expr { kind, span: split.span.clone() };
            let equal = ExprKind::Binary(BinaryOp::Equal, Box::new(split.clone()), Box::new(node(literal)));
            (level.clone(), Some(node(equal)))
        })
        .collect())
}

pub(super) fn one_job(
    workspace: &Workspace,
    spec: &Resolved,
    request: &Request,
    sample: &str,
    labels: Labels,
) -> Result<Vec<(ModelFit, Saved)>, RunError> {
    let prepared = prepare(workspace, request).map_err(|error| RunError::model(spec, sample, error))?;
    let mut fits: Vec<(ModelFit, Saved)> = Vec::new();
    for mut group in prepared {
        group.label(&labels);
        for fitted in fit(&group.sample, &spec.options) {
            let fitted = fitted.map_err(|error| {
                let place = place_of(workspace, &group, &error);
                RunError::fit(spec, sample, error, place)
            })?;
            let saved = save(workspace, request, &group, &fitted, spec.options.keep_fitted)
                .map_err(|error| RunError::model(spec, sample, error))?;
            fits.push((complete(fitted.fit, spec, request, sample, &group), saved));
        }
    }
    // groups of outcomes with the same missing rows come together: restore the formula's order
    let order: Vec<String> = request.formula.outcomes.iter().map(plain_name).collect();
    fits.sort_by_key(|(fit, _)| order.iter().position(|name| *name == fit.outcome));
    Ok(fits)
}

pub(super) fn place_of(workspace: &Workspace, group: &Prepared, error: &FitError) -> Option<String> {
    let (FitError::NotBinary { row, .. } | FitError::Negative { row, .. }) = error else { return None };
    let (file, row) = workspace.table.locate(group.rows.get(*row)?);
    Some(format!("{file}, row {row}"))
}

/// Adds the names and the flow of rows before estimation.
pub(super) fn complete(
    mut fit: ModelFit,
    spec: &Resolved,
    request: &Request,
    sample: &str,
    group: &Prepared,
) -> ModelFit {
    let mut formula = request.formula.clone();
    formula.outcomes.retain(|outcome| plain_name(outcome) == fit.outcome);
    fit.spec_id = spec.spec_id.clone();
    fit.model = spec.model.clone();
    fit.sample = sample.to_owned();
    fit.formula = formula.to_string();
    fit.weights = spec.weights_text.clone();
    fit.dropped_terms.extend(group.absent.iter().cloned());
    if !fit.vcov_kind.is_clustered() && !request.clusters.is_empty() {
        let names: Vec<String> = request.clusters.iter().map(|parts| format!("`{}`", effect_name(parts))).collect();
        fit.warnings
            .push(format!("the errors are not clustered by {}: another covariance was asked for", names.join(", ")));
    }
    if group.target_outside > 0 {
        let rows = group.target_outside;
        fit.warnings.push(format!(
            "{rows} rows of the table belong to the target, but not to the sample: rates are without them"
        ));
    }
    fit.flow.rows_read = group.flow.rows_read;
    let before = group.flow.dropped.iter().cloned();
    fit.flow.dropped = before.chain(std::mem::take(&mut fit.flow.dropped)).collect();
    fit
}
