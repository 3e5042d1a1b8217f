//! Covariance of coefficients and rates from the influence of rows on cells: the meat by cluster, by row or from the
//! model, times the small-sample factor.

use super::FitError;
use super::assemble::{Counts, Extra, Point, Problem};
use super::leveraged::{self, Design};
use crate::aggregate::{Aggregator, Grouping, ScoreQuery};
use crate::design::singletons::Exact;
use crate::result::*;
use crate::vcov::clustered_meat;
use crate::vcov::small_sample::small_sample;

/// A number that is not identified without some cluster.
pub(super) struct Unidentified {
    /// Position among coefficients, then levels of the rates.
    pub position: usize,
    /// Number of such clusters.
    pub clusters: usize,
    /// Cluster variable; empty for rows.
    pub variable: String,
}

/// Covariance of the functionals, with what it was built from.
pub(super) struct Variance {
    pub matrix: Vec<f64>,
    pub clusters: Vec<ClusterInfo>,
    pub smallest: usize,
    pub small_sample: SmallSample,
    /// Numbers that a cluster alone identifies: they have no error.
    pub unidentified: Vec<Unidentified>,
    /// Degrees of freedom of [`Design::combinations`], where each has its own.
    pub df: Vec<f64>,
}

impl Variance {
    /// Without clusters, and with the matrix to be filled.
    pub fn of_rows(small_sample: SmallSample) -> Self {
        let (matrix, clusters, unidentified, df) = Default::default();
        Variance { matrix, clusters, smallest: 0, small_sample, unidentified, df }
    }

    /// Blanks the rows and columns of numbers without an error; `vcov` is that of the numbers at `positions`.
    pub fn mask(&self, vcov: &mut [f64], positions: std::ops::Range<usize>) {
        let n = positions.len();
        for found in self.unidentified.iter().filter(|found| positions.contains(&found.position)) {
            let j = found.position - positions.start;
            for other in 0..n {
                vcov[j * n + other] = f64::NAN;
                vcov[other * n + j] = f64::NAN;
            }
        }
    }

    /// Degrees of freedom as records, if numbers have their own.
    pub fn degrees_of_freedom(&self, n_coef: usize, n_levels: usize) -> Option<DegreesOfFreedom> {
        let (coefficients, rest) = self.df.split_at_checked(n_coef).filter(|_| !self.df.is_empty())?;
        let (rates, contrasts) = rest.split_at(n_levels);
        let (coefficients, rates, contrasts) = (coefficients.to_vec(), rates.to_vec(), contrasts.to_vec());
        Some(DegreesOfFreedom { coefficients, rates, contrasts })
    }

    /// Why a number has no error, if so.
    pub fn reason(&self, position: usize, kind: VcovKind) -> Option<String> {
        let found = self.unidentified.iter().find(|found| found.position == position)?;
        let of = match (found.variable.as_str(), found.clusters) {
            ("", 1) => String::from("one row"),
            ("", n) => format!("{n} single rows"),
            (variable, 1) => format!("one cluster of `{variable}`"),
            (variable, n) => format!("{n} single clusters of `{variable}`"),
        };
        let instead = if kind.is_clustered() { "cr1" } else { "hc1" };
        Some(format!("is not identified without {of}: {} has no standard error for it (`{instead}` has)", kind.name()))
    }
}

/// Covariance of the functionals of `query`.
///
/// # Errors
/// Too few clusters.
#[allow(clippy::too_many_arguments)]
pub(super) fn variance(
    problem: Problem,
    query: &ScoreQuery,
    exact: &[Exact],
    design: Design,
    point: &Point,
    counts: &Counts,
    sigma: f64,
    extra: &Extra,
) -> Result<Variance, FitError> {
    let Problem { sample, options, rows, .. } = problem;
    let layout = design.layout;
    let l = query.records.len();
    match options.vcov {
        VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j => {
            leveraged::variance(problem, query, design, point, counts, extra)
        }
        VcovKind::Cr1 => {
            let names: Vec<&str> = sample.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            let meat = clustered_meat(&names, l, |subset| rows.meat(query, Grouping::Clusters(subset), exact));
            if let Some(few) = meat.clusters.iter().find(|cluster| cluster.count < 2) {
                return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.count });
            }
            let factor = small_sample(options.family, VcovKind::Cr1, counts.n, counts.k, meat.smallest);
            let matrix = meat.matrix.iter().map(|entry| entry * factor.factor).collect();
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
            let factor = small_sample(options.family, VcovKind::Hc1, counts.n, counts.k, 0);
            let meat = rows.meat(query, Grouping::Rows, exact);
            let matrix = meat.matrix.iter().map(|entry| entry * factor.factor).collect();
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
