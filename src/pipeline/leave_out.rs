//! A specification without one control, or without the rows of one level, beside the whole.
//!
//! Each variant is fitted as if it were asked for alone. The difference from the whole has an error of its own: both have
//! influence by cluster, and clusters that both have are the same ([`crate::hypothesis::parameters`]).

use super::RunError;
use super::explain::WorkError;
use super::jobs::{Labels, fit_and_save, samples};
use super::samples::prepare_samples;
use super::saved::Saved;
use crate::explain::ExplainError;
use crate::explain::influential::{Influential, influential};
use crate::explain::number::Combination;
use crate::explain::summed::Tests;
use crate::expr::{BinaryOp, Expr, ExprKind, parse};
use crate::formula::FormulaTerm;
use crate::hypothesis::{Parameters, Source};
use crate::model::{Origin, Workspace};
use crate::result::{Estimate, ModelFit};
use crate::spec::Resolved;
use crate::table::MISSING;
use rayon::prelude::*;

/// What is left out, one at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Drop {
    /// Each control of the formula: every fixed effect, every regressor that the numbers are not about.
    Control,
    /// The rows at each level of a variable.
    Level(Expr),
}

/// One thing left out.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// `control`, or the variable.
    pub kind: String,
    /// The control, or the level; `(missing)` for rows without a value.
    pub part: String,
    /// Estimation rows left; 0 if the fit failed.
    pub rows: usize,
    /// By number: its value and the difference from the whole, or why there is none.
    pub numbers: Vec<Result<Change, String>>,
}

/// A number of the fit without something.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The number.
    pub value: Estimate,
    /// Less that of the whole; without error where fits have no joint covariance.
    pub change: Estimate,
}

/// A fit with everything that was left out of it, one at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOut {
    /// The whole.
    pub full: ModelFit,
    /// Its numbers.
    pub numbers: Vec<Estimate>,
    /// Without one thing each.
    pub left: Vec<LeftOut>,
    /// Why changes have no error, if so.
    pub unlinked: Option<String>,
    /// The users that carry each number, if asked for.
    pub users: Vec<Influential>,
    /// Names of the clusters in [`Self::users`].
    pub user_names: Vec<String>,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOutPlan {
    /// What is left out.
    pub drops: Vec<Drop>,
    /// The numbers, as text; if empty the coefficients of the first regressor, or with rates the last level less the first.
    pub numbers: Vec<String>,
    /// Whether the most influential users are looked for.
    pub users: bool,
    /// Most users removed, as a share.
    pub max_share: f64,
    /// Users listed by their influence.
    pub n_largest: usize,
}

/// A way to leave something out, and the specification without it.
struct Variant {
    kind: String,
    part: String,
    spec: Resolved,
}

/// Leaves out what is asked for, for every sample and outcome of a specification.
///
/// # Errors
/// If the whole cannot be fitted, or a number or variable is unknown. A variant that cannot be fitted is part of the result.
pub fn leave_out(
    workspace: &Workspace,
    spec: &Resolved,
    labels: Labels,
    plan: &LeaveOutPlan,
) -> Result<Vec<LeaveOut>, RunError> {
    let mut all = Vec::new();
    for (name, filter) in samples(workspace, spec)? {
        for outcome in &spec.request.formula.outcomes {
            let mut one = spec.clone();
            one.split = None;
            one.samples =
                if name == "all" && filter.is_none() { Vec::new() } else { vec![(name.clone(), filter.clone())] };
            one.request.formula.outcomes = vec![outcome.clone()];
            one.options.keep_influence = true;
            all.push(of_outcome(workspace, &one, &name, labels, plan)?);
        }
    }
    Ok(all)
}

fn of_outcome(
    workspace: &Workspace,
    spec: &Resolved,
    sample: &str,
    labels: Labels,
    plan: &LeaveOutPlan,
) -> Result<LeaveOut, RunError> {
    let (full, saved) = fit_one(workspace, spec, labels)?;
    let explain = |error: ExplainError| RunError::explain(spec, sample, error);
    let numbers = numbers_of(spec, &full, plan).map_err(explain)?;
    let joint = saved.covariance.as_ref().map(|covariance| covariance.joint.clone()).unwrap_or_default();
    let whole: Vec<Estimate> = numbers.iter().filter_map(|number| number.estimate(&full, &joint).ok()).collect();
    let mut variants = Vec::new();
    for drop in &plan.drops {
        match drop {
            Drop::Control => variants.extend(without_controls(spec, &numbers)),
            Drop::Level(variable) => variants.extend(without_levels(workspace, spec, sample, labels, variable)?),
        }
    }
    let source = (&full, &saved);
    let left: Vec<(LeftOut, Option<String>)> =
        variants.par_iter().map(|variant| compare(workspace, variant, labels, source, &numbers)).collect();
    let unlinked = left.iter().find_map(|(_, reason)| reason.clone());
    let (mut users, mut user_names) = (Vec::new(), Vec::new());
    if plan.users {
        (users, user_names) =
            users_of(workspace, spec, labels, plan, &numbers).map_err(|error| error.of(spec, sample))?;
    }
    let left = left.into_iter().map(|(left, _)| left).collect();
    Ok(LeaveOut { full, numbers: whole, left, unlinked, users, user_names })
}

/// Fits a specification of one sample and outcome.
fn fit_one(workspace: &Workspace, spec: &Resolved, labels: Labels) -> Result<(ModelFit, Saved), RunError> {
    let mut fits = fit_and_save(workspace, std::slice::from_ref(spec), labels, &|_| {})?;
    // one sample and one outcome are one fit
    Ok(fits.swap_remove(0))
}

/// The numbers asked for, or the default ones.
fn numbers_of(spec: &Resolved, full: &ModelFit, plan: &LeaveOutPlan) -> Result<Vec<Combination>, ExplainError> {
    if !plan.numbers.is_empty() {
        let accepted = crate::explain::number::names(full);
        let unknown = |name: String| ExplainError::Unknown { name, accepted: accepted.clone() };
        return plan.numbers.iter().map(|text| Combination::parse(text, full).map_err(unknown)).collect();
    }
    if let Some(contrast) = Combination::top_less_bottom(full) {
        return Ok(vec![contrast]);
    }
    let first = spec.request.formula.terms.first().map(term_variable);
    let own = |term: &str| first.as_deref().is_some_and(|name| term == name || of_factor(term, name));
    let found: Vec<Combination> =
        full.coefficients.iter().filter(|row| own(&row.term)).map(|row| Combination::coefficient(&row.term)).collect();
    if found.is_empty() { Err(ExplainError::NoFocal) } else { Ok(found) }
}

/// Whether a coefficient is a level of a factor.
fn of_factor(term: &str, factor: &str) -> bool {
    term.strip_prefix(factor).is_some_and(|rest| rest.starts_with("::"))
}

/// What the coefficients of a regressor are called by.
fn term_variable(term: &FormulaTerm) -> String {
    let plain = |expr: &Expr| if let ExprKind::Name(name) = &expr.kind { name.clone() } else { expr.to_string() };
    match term {
        FormulaTerm::Plain(expr) => plain(expr),
        FormulaTerm::Levels(levels) => plain(&levels.factor),
        FormulaTerm::Product(parts) => parts.iter().map(term_variable).collect::<Vec<_>>().join(":"),
    }
}

/// The specification without each fixed effect, and without each regressor that no number is about.
fn without_controls(spec: &Resolved, numbers: &[Combination]) -> Vec<Variant> {
    let formula = &spec.request.formula;
    let is_focal = |term: &FormulaTerm| {
        let name = term_variable(term);
        let about = |weight: &String| *weight == name || of_factor(weight, &name) || weight.starts_with("rate::");
        let rates = spec.request.rates.as_deref() == Some(name.as_str());
        numbers.iter().flat_map(|number| &number.weights).any(|(weight, _)| match weight.starts_with("rate::") {
            true => rates,
            false => about(weight),
        })
    };
    let mut variants = Vec::new();
    for (at, term) in formula.terms.iter().enumerate().filter(|(_, term)| !is_focal(term)) {
        let mut without = spec.clone();
        without.request.formula.terms.remove(at);
        variants.push(Variant { kind: String::from("control"), part: term_variable(term), spec: without });
    }
    for (at, effect) in formula.effects.iter().enumerate() {
        let mut without = spec.clone();
        without.request.formula.effects.remove(at);
        variants.push(Variant { kind: String::from("control"), part: effect.to_string(), spec: without });
    }
    variants
}

/// The specification without the rows at each level that a variable has in the sample.
fn without_levels(
    workspace: &Workspace,
    spec: &Resolved,
    sample: &str,
    labels: Labels,
    variable: &Expr,
) -> Result<Vec<Variant>, RunError> {
    let coded = workspace.coded(variable).map_err(|error| RunError::model(spec, sample, error.of(Origin::Other)))?;
    let factor = &coded.factor;
    let mut present = vec![false; factor.n_levels()];
    let mut missing = false;
    for group in prepare_samples(workspace, spec, labels)?.iter().flat_map(|sample| &sample.groups) {
        for row in (0..group.sample.n_rows).filter_map(|at| group.rows.get(at)) {
            match factor.codes[row] {
                MISSING => missing = true,
                code => present[code as usize] = true,
            }
        }
    }
    let numeric = factor.levels.iter().all(|level| level.parse::<f64>().is_ok());
    let is_missing = parse(&format!("is_missing({variable})")).ok();
    let node = |kind| Expr { kind, span: variable.span.clone() };
    let binary = |op, a: Expr, b: Expr| node(ExprKind::Binary(op, Box::new(a), Box::new(b)));
    let without = |part: String, condition: Expr| {
        let mut without = spec.clone();
        without.request.filter = Some(match without.request.filter.take() {
            None => condition,
            Some(filter) => binary(BinaryOp::And, filter, condition),
        });
        Variant { kind: variable.to_string(), part, spec: without }
    };
    let mut variants = Vec::new();
    for (level, _) in factor.levels.iter().zip(&present).filter(|(_, present)| **present) {
        let literal = match level.parse::<f64>() {
            Ok(value) if numeric => ExprKind::Number(value),
            _ => ExprKind::Text(level.clone()),
        };
        let other = binary(BinaryOp::NotEqual, variable.clone(), node(literal));
        // rows without a value stay
        let condition = match &is_missing {
            Some(is_missing) => binary(BinaryOp::Or, is_missing.clone(), other),
            None => other,
        };
        variants.push(without(level.clone(), condition));
    }
    if let (true, Ok(condition)) = (missing, parse(&format!("not is_missing({variable})"))) {
        variants.push(without(String::from("(missing)"), condition));
    }
    Ok(variants)
}

/// Fits a variant and compares its numbers with those of the whole; and why the changes have no error, if so.
fn compare(
    workspace: &Workspace,
    variant: &Variant,
    labels: Labels,
    (full, saved): (&ModelFit, &Saved),
    numbers: &[Combination],
) -> (LeftOut, Option<String>) {
    let failed = |reason: String| {
        let numbers = numbers.iter().map(|_| Err(reason.clone())).collect();
        let (kind, part) = (variant.kind.clone(), variant.part.clone());
        (LeftOut { kind, part, rows: 0, numbers }, None)
    };
    let (fit, own) = match fit_one(workspace, &variant.spec, labels) {
        Ok(found) => found,
        Err(error) => return failed(error.to_string()),
    };
    let (Some(before), Some(after)) = (&saved.covariance, &own.covariance) else {
        return failed(String::from("the estimates have no covariance"));
    };
    let source = |fit, covariance| -> Source {
        let covariance: &super::SavedCovariance = covariance;
        Source {
            fit,
            joint: &covariance.joint,
            influence: covariance.influence.as_ref(),
            cluster_ids: &covariance.cluster_ids,
        }
    };
    let parameters = Parameters::new(&[source(full, before), source(&fit, after)]);
    let n_full = parameters.fits[0].range.len();
    let tests = Tests::of(&fit);
    let change = |number: &Combination| -> Result<Change, String> {
        let missing = |name: String| format!("the fit has no `{name}`");
        let value = number.estimate(&fit, &after.joint).map_err(missing)?;
        let (first, second) = (number.vector(full).map_err(missing)?, number.vector(&fit).map_err(missing)?);
        let difference = value.estimate - number.value(full).map_err(missing)?;
        let mut vector: Vec<f64> = first.iter().map(|weight| -weight).collect();
        debug_assert_eq!(vector.len(), n_full);
        vector.extend(second);
        let std_error = match &parameters.linked {
            Ok(()) => crate::explain::number::quadratic(&vector, &parameters.vcov).max(0.0).sqrt(),
            Err(_) => f64::NAN,
        };
        Ok(Change { change: tests.number(number.label.clone(), difference, std_error), value })
    };
    let numbers = numbers.iter().map(change).collect();
    let (kind, part) = (variant.kind.clone(), variant.part.clone());
    (LeftOut { kind, part, rows: fit.flow.rows_used, numbers }, parameters.linked.err())
}

/// The most influential users for each number, and the names of all clusters.
fn users_of(
    workspace: &Workspace,
    spec: &Resolved,
    labels: Labels,
    plan: &LeaveOutPlan,
    numbers: &[Combination],
) -> Result<(Vec<Influential>, Vec<String>), WorkError> {
    let mut samples = prepare_samples(workspace, spec, labels)?;
    let group = samples.swap_remove(0).groups.swap_remove(0);
    let fitted = crate::estimate::fit(&group.sample, &spec.options).remove(0);
    let fitted = fitted.map_err(ExplainError::from)?;
    let search = |number: &Combination| {
        influential(&group.sample, &spec.options, &fitted, number, plan.max_share, plan.n_largest)
    };
    let found = numbers.iter().map(search).collect::<Result<Vec<_>, _>>()?;
    let mut names = Vec::new();
    if let (Some(cluster), Some(parts)) = (group.sample.clusters.first(), spec.request.clusters.first()) {
        names = vec![String::new(); cluster.n_clusters];
        let parts = parts.iter().map(|part| workspace.coded(part)).collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|error| RunError::model(spec, "all", error))?;
        for (at, &code) in cluster.codes.iter().enumerate() {
            if let (true, Some(row)) = (names[code as usize].is_empty(), group.rows.get(at)) {
                let label = |factor: &crate::table::Factor| match factor.codes[row] {
                    MISSING => String::from("(missing)"),
                    code => factor.levels[code as usize].clone(),
                };
                names[code as usize] = parts.iter().map(|part| label(&part.factor)).collect::<Vec<_>>().join("^");
            }
        }
    }
    Ok((found, names))
}
