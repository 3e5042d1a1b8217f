//! Covariance of coefficients and rates from the influence of rows on cells: the meat by cluster, by row or from the
//! model, times the small-sample factor.

use super::assemble::{Counts, Extra, Point};
use super::{FitError, Options};
use crate::aggregate::{Aggregator, Grouping, Rows, ScoreQuery};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::result::*;
use crate::vcov::clustered_meat;
use crate::vcov::small_sample::small_sample;

/// Covariance of the functionals, with what it was built from.
pub(super) struct Variance {
    pub matrix: Vec<f64>,
    pub clusters: Vec<ClusterInfo>,
    pub smallest: usize,
    pub small_sample: SmallSample,
}

/// Covariance of the functionals of `query`.
///
/// # Errors
/// Too few clusters.
#[allow(clippy::too_many_arguments)]
pub(super) fn variance(
    sample: &Sample,
    options: &Options,
    rows: &Rows,
    query: &ScoreQuery,
    exact: &[Exact],
    layout: &Layout,
    point: &Point,
    counts: &Counts,
    sigma: f64,
    extra: &Extra,
) -> Result<Variance, FitError> {
    let l = query.records.len();
    match options.vcov {
        VcovKind::Cr1 => {
            let names: Vec<&str> = sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            let meat = clustered_meat(&names, l, |subset| rows.meat(query, Grouping::Clusters(subset), exact));
            if let Some(few) = meat.clusters.iter().find(|cluster| cluster.count < 2) {
                return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.count });
            }
            let factor = small_sample(options.family, VcovKind::Cr1, counts.n, counts.k, meat.smallest);
            let matrix = meat.matrix.iter().map(|entry| entry * factor.factor).collect();
            Ok(Variance { matrix, clusters: meat.clusters, smallest: meat.smallest, small_sample: factor })
        }
        VcovKind::Hc1 => {
            let factor = small_sample(options.family, VcovKind::Hc1, counts.n, counts.k, 0);
            let meat = rows.meat(query, Grouping::Rows, exact);
            let matrix = meat.matrix.iter().map(|entry| entry * factor.factor).collect();
            Ok(Variance { matrix, clusters: Vec::new(), smallest: 0, small_sample: factor })
        }
        VcovKind::Iid => {
            // model-based part: w^2 Var(y) is w sigma^2, or w V, the information over the squared score factor in h
            let scale = if options.family == Family::Ols { sigma * sigma } else { 1.0 };
            let mut matrix = vec![0.0; l * l];
            let mut add = |cell: usize, w: f64| {
                let h = query.records.slope(cell);
                for a in 0..l {
                    (0..l).for_each(|b| matrix[a * l + b] += w * h[a] * h[b]);
                }
            };
            for (i, (&cell, w)) in layout.cell.iter().zip(point.information).enumerate() {
                add(cell as usize, scale * w / (extra.factor(i) * extra.factor(i)));
            }
            if options.family == Family::Ols {
                // a singleton's effect has the variance of its row
                let singletons = (0..exact.len()).filter(|&cell| exact[cell] != Exact::No);
                singletons.for_each(|cell| add(cell, scale * rows.cells().weight[cell]));
            }
            let factor = small_sample(options.family, VcovKind::Iid, counts.n, counts.k, 0);
            matrix.iter_mut().for_each(|entry| *entry *= factor.factor);
            if query.records.first_constant() < l {
                // composition part: rows of the target as draws, with the model's part switched off
                let mut records = query.records.clone();
                layout.cell.iter().for_each(|&cell| records.slope_mut(cell as usize).fill(0.0));
                let part = rows.meat(&ScoreQuery { records: &records, ..query.clone() }, Grouping::Rows, exact);
                matrix.iter_mut().zip(&part.matrix).for_each(|(sum, value)| *sum += value);
            }
            Ok(Variance { matrix, clusters: Vec::new(), smallest: 0, small_sample: factor })
        }
    }
}
