//! Covariance of the coefficients from scores: bread, meat, small-sample factor.

use super::super::FitError;
use super::super::assemble::Counts;
use super::super::variance::Variance;
use super::finish::Fit;
use super::scores::{Scores, mirror};
use crate::aggregate::Meat;
use crate::linalg::cholesky::Cholesky;
use crate::result::*;
use crate::vcov::clustered_meat;

/// Inverse of the cross-products of the regressors kept.
pub(super) fn bread(factor: &Cholesky, kept: &[usize]) -> Vec<f64> {
    let columns = kept.iter().map(|&j| factor.inverse_column(j));
    columns.flat_map(|column| kept.iter().map(|&i| column[i]).collect::<Vec<_>>()).collect()
}

/// Covariance on the standardised scale.
///
/// # Errors
/// Too few clusters.
pub(super) fn variance(
    fit: &Fit,
    scores: &Scores<impl Fn(usize, &[f64]) -> f64 + Sync, impl Fn(usize, f64) -> f64 + Sync>,
    mut first: Option<Meat>,
    bread: &[f64],
    counts: &Counts,
    sigma2: f64,
) -> Result<Variance, FitError> {
    let m = scores.kept.len();
    let options = fit.options;
    match options.vcov {
        // `rowwise::applies` leaves these to the cells
        kind @ (VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j) => {
            Err(FitError::NoLeverage { kind, reason: String::from("the effects are absorbed row by row") })
        }
        VcovKind::Cr1 => {
            let names: Vec<&str> = fit.sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            // the first subset is the first variable, whose sums the pass over residuals may have made
            let meat_of = |subset: &[usize]| {
                let meat = first.take().unwrap_or_else(|| scores.by_clusters(subset));
                Meat { matrix: sandwich(bread, &meat.matrix, m), ..meat }
            };
            Variance::clustered(
                options,
                counts,
                clustered_meat(&names, m, options.multiway, options.keep_bare, meat_of),
            )
        }
        VcovKind::Hc1 => Ok(Variance::unclustered(options, counts, sandwich(bread, &scores.by_row(), m))),
        VcovKind::Iid => {
            let bare = bread.iter().map(|entry| entry * sigma2).collect();
            Ok(Variance::unclustered(options, counts, bare))
        }
    }
}

/// `B M B`.
fn sandwich(bread: &[f64], meat: &[f64], m: usize) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..m * m).map(|at| (0..m).map(|k| a[at / m * m + k] * b[k * m + at % m]).sum()).collect()
    };
    mirror(product(&product(bread, meat), bread), m)
}
