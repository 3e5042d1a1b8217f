//! What an estimate rests on: what moved it, and what could.
//!
//! * [`gelbach`]: from a short regression to a long one, what each control moved, in no order (Gelbach 2016).
//! * [`sensitivity`]: how strong what is not observed would have to be (Cinelli and Hazlett 2020; Oster 2019, [`oster`];
//!   VanderWeele and Ding 2017).
//! * [`influential`]: the fewest users whose removal changes a conclusion.

pub mod error;
pub mod gelbach;
pub mod influential;
pub mod kitagawa;
pub mod number;
pub mod oaxaca;
pub mod oster;
pub mod roles;
pub mod sensitivity;
pub mod summed;

pub use error::ExplainError;

use crate::design::{Sample, Term};
use crate::estimate::{FitError, Fitted, Options, fit};
use crate::result::{Family, VcovKind};

/// The name of a term: its variable, the factor of `i()`, or the product as written without levels.
pub fn term_name(term: &Term) -> String {
    let first = term.names.first().cloned().unwrap_or_default();
    let Some(levels) = &term.levels else { return first };
    if term.values.is_none() {
        return levels.factor.clone();
    }
    // `f::level:x` is the product of `f` and `x`
    match first.rsplit_once(':') {
        Some((_, variable)) => format!("{}:{variable}", levels.factor),
        None => first,
    }
}

/// A least-squares fit of one outcome with its estimation rows as a sample of their own.
#[derive(Debug)]
pub struct OnRows {
    /// The fit.
    pub fitted: Fitted,
    /// Its estimation rows, with this outcome alone.
    pub rows: Sample,
}

/// Fits one outcome of a sample by least squares, with errors that are sums of influence, and keeps its estimation rows.
///
/// # Errors
/// [`ExplainError`] for another estimator, errors that have no sum by cluster here, slopes by level; or if the fit fails.
pub fn fit_rows(
    sample: &Sample,
    outcome: usize,
    options: &Options,
    what: &'static str,
) -> Result<OnRows, ExplainError> {
    check_linear(sample, options, what)?;
    if !matches!(options.vcov, VcovKind::Cr1 | VcovKind::Hc1) {
        return Err(ExplainError::Vcov { what, kind: options.vcov });
    }
    if options.vcov == VcovKind::Cr1 && sample.clusters.len() != 1 {
        let clusters = sample.clusters.iter().map(|cluster| cluster.name.clone()).collect();
        return Err(ExplainError::Multiway { what, clusters });
    }
    let clusters = if options.vcov == VcovKind::Cr1 { sample.clusters.clone() } else { Vec::new() };
    let outcomes = vec![sample.outcomes[outcome].clone()];
    let one = Sample { outcomes, clusters, rates: None, target: None, ..sample.clone() };
    keep_rows(one, options)
}

/// Refuses other estimators than least squares, and slopes by level.
fn check_linear(sample: &Sample, options: &Options, what: &'static str) -> Result<(), ExplainError> {
    if options.family != Family::Ols {
        return Err(ExplainError::NotLinear { what, family: options.family });
    }
    match sample.effects.iter().find(|effect| !effect.slopes.is_empty()) {
        Some(effect) => Err(ExplainError::Slopes { what, effect: effect.name.clone() }),
        None => Ok(()),
    }
}

/// Fits the only outcome of a sample and keeps its estimation rows.
fn keep_rows(one: Sample, options: &Options) -> Result<OnRows, ExplainError> {
    let mut fitted = fit(&one, &Options { keep_fitted: true, ..options.clone() }).remove(0)?;
    let mut rows = fitted.rows.take().map(|rows| rows.row).unwrap_or_default();
    rows.sort_unstable();
    if rows.is_empty() {
        return Err(FitError::NoRows { outcome: one.outcomes[0].name.clone(), exact: one.n_rows }.into());
    }
    let rows = if rows.len() == one.n_rows { one } else { one.subset(&rows) };
    Ok(OnRows { fitted, rows })
}
