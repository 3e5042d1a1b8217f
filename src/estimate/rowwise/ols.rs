//! Least squares on rows: regressors and all outcomes are absorbed together, then regressed.

use super::super::{FitError, Fitted, Options, check_outcome, effect_names};
use super::absorber::Absorber;
use super::design::{Design, Kept, Scaling};
use super::finish::{Fit, finish};
use crate::absorb::Method;
use crate::absorb::kernel::TOLERANCE;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::precise::{SUSPECT, is_possible};
use crate::design::Sample;
use crate::linalg::blocks::sum_blocks;
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};
use crate::result::Family;
use std::sync::OnceLock;

/// Fits every outcome.
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    let checks: Vec<Result<(), FitError>> =
        (0..sample.outcomes.len()).map(|o| check_outcome(sample, o, Family::Ols)).collect();
    let good: Vec<usize> = (0..checks.len()).filter(|&o| checks[o].is_ok()).collect();
    let mut fitted = fit_good(sample, options, &good).into_iter();
    checks
        .into_iter()
        .map(|check| match check {
            Ok(()) => fitted.next().unwrap_or(Err(FitError::NoRows { outcome: String::new(), exact: 0 })),
            Err(error) => Err(error),
        })
        .collect()
}

/// Fits the outcomes that can be.
fn fit_good(sample: &Sample, options: &Options, outcomes: &[usize]) -> Vec<Result<Fitted, FitError>> {
    let kept = Kept::new(sample, options.drop_singletons, None);
    let design = Design::new(sample, &kept);
    if design.n == 0 {
        let name = |&o: &usize| sample.outcomes[o].name.clone();
        return outcomes.iter().map(|o| Err(FitError::NoRows { outcome: name(o), exact: sample.n_rows })).collect();
    }
    let p = design.regressors.len();
    let mut columns = Columns::new(design.n, p + outcomes.len(), design.incidence.n_levels);
    let mut scaling: Vec<Scaling> = (0..p).map(|j| design.standardise_regressor(&mut columns, j)).collect();
    for (at, &o) in outcomes.iter().enumerate() {
        scaling.push(design.standardise_values(&mut columns, p + at, &sample.outcomes[o].values));
    }
    let raw: Vec<f64> = scaling.iter().map(|scaling| scaling.raw).collect();
    let kernel = Absorber::new(&design, options.method, &effect_names(sample));
    let report = match kernel.absorb(&mut columns, &raw, TOLERANCE) {
        Ok(report) => report,
        Err(error) => return outcomes.iter().map(|_| Err(error.clone().into())).collect(),
    };
    let width = p + outcomes.len();
    let cross = cross_products(&design, &columns, width, |i| design.weight(i));
    let square: Vec<f64> = (0..p).flat_map(|j| cross[j * width..j * width + p].to_vec()).collect();
    let factor = Cholesky::new(&square, p, &raw[..p], COLLINEARITY_TOLERANCE);
    let absorbed: Vec<bool> =
        (0..p).map(|j| square[j * p + j] <= COLLINEARITY_TOLERANCE * raw[j] || raw[j] == 0.0).collect();
    // squares have lost too many digits to tell nearly collinear from collinear: again on cells, with twice as many
    let numeric = |j: usize| sample.terms[design.regressors[j].0].values.is_some();
    let suspect = (0..p).any(|j| numeric(j) && !absorbed[j] && factor.left[j] < SUSPECT);
    if suspect && options.method == Method::Auto && is_possible(design.n, design.incidence.n_levels + p) {
        let mut fits: Vec<Option<_>> = super::super::ols::fit(sample, options, &crate::aggregate::Rows::new(sample))
            .into_iter()
            .map(Some)
            .collect();
        return outcomes.iter().filter_map(|&o| fits[o].take()).collect();
    }
    let shared = Fit {
        sample,
        options,
        design: &design,
        kept: &kept,
        columns: &columns,
        factor: &factor,
        absorbed,
        scaling: &scaling[..p],
        report,
        ranks: OnceLock::new(),
    };
    outcomes
        .iter()
        .enumerate()
        .map(|(at, &o)| {
            let mut coef: Vec<f64> = (0..p).map(|j| cross[(p + at) * width + j]).collect();
            factor.solve(&mut coef);
            finish(&shared, o, p + at, coef, cross[(p + at) * width + p + at], scaling[p + at])
        })
        .collect()
}

/// Cross-products of all columns, `width x width`, the lower triangle.
pub fn cross_products(
    design: &Design,
    columns: &Columns,
    width: usize,
    weight: impl Fn(usize) -> f64 + Sync,
) -> Vec<f64> {
    sum_blocks(design.n, width * width, |rows| {
        let mut table = vec![0.0; width * width];
        columns.for_rows(rows, |i, row| {
            let w = weight(i);
            for (a, value) in row.iter().enumerate() {
                let scaled = w * value;
                let line = &mut table[a * width..a * width + a + 1];
                line.iter_mut().zip(row).for_each(|(sum, value)| *sum += scaled * value);
            }
        });
        table
    })
}

/// Weighted sum of squares of every column.
pub fn squares(design: &Design, columns: &Columns, width: usize, weight: impl Fn(usize) -> f64 + Sync) -> Vec<f64> {
    sum_blocks(design.n, width, |rows| {
        let mut sums = vec![0.0; width];
        columns.for_rows(rows, |i, row| {
            let w = weight(i);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += w * value * value);
        });
        sums
    })
}
