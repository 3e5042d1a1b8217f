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
use crate::vcov::small_sample::small_sample;

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
    let family = fit.options.family;
    match fit.options.vcov {
        // `rowwise::applies` leaves these to the cells
        kind @ (VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j) => {
            Err(FitError::NoLeverage { kind, reason: String::from("the effects are absorbed row by row") })
        }
        VcovKind::Cr1 => {
            let names: Vec<&str> = fit.sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            // the first subset is the first variable, whose sums the pass over residuals may have made
            let meat = clustered_meat(&names, m, |subset| first.take().unwrap_or_else(|| scores.by_clusters(subset)));
            if let Some(few) = meat.clusters.iter().find(|cluster| cluster.count < 2) {
                return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.count });
            }
            let factor = small_sample(family, VcovKind::Cr1, counts.n, counts.k, meat.smallest);
            let matrix = sandwich(bread, &meat.matrix, m, factor.factor);
            Ok(Variance {
                matrix,
                clusters: meat.clusters,
                smallest: meat.smallest,
                small_sample: factor,
                unidentified: Vec::new(),
                df: Vec::new(),
            })
        }
        VcovKind::Hc1 => {
            let factor = small_sample(family, VcovKind::Hc1, counts.n, counts.k, 0);
            let matrix = sandwich(bread, &scores.by_row(), m, factor.factor);
            Ok(Variance {
                matrix,
                clusters: Vec::new(),
                smallest: 0,
                small_sample: factor,
                unidentified: Vec::new(),
                df: Vec::new(),
            })
        }
        VcovKind::Iid => {
            let factor = small_sample(family, VcovKind::Iid, counts.n, counts.k, 0);
            let matrix = bread.iter().map(|entry| entry * sigma2 * factor.factor).collect();
            Ok(Variance {
                matrix,
                clusters: Vec::new(),
                smallest: 0,
                small_sample: factor,
                unidentified: Vec::new(),
                df: Vec::new(),
            })
        }
    }
}

/// `q B M B`.
fn sandwich(bread: &[f64], meat: &[f64], m: usize, q: f64) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..m * m).map(|at| (0..m).map(|k| a[at / m * m + k] * b[k * m + at % m]).sum()).collect()
    };
    let mut matrix = product(&product(bread, meat), bread);
    matrix.iter_mut().for_each(|entry| *entry *= q);
    mirror(matrix, m)
}
