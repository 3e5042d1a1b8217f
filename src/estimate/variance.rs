//! Covariance of coefficients and rates from the influence of rows on cells: the meat by cluster, by row or from the
//! model, times the small-sample factor.

use super::assemble::{Counts, Extra, Point, Problem};
use super::leveraged::{self, Design};
use super::{FitError, Options, sums};
use crate::aggregate::{Aggregator, GroupedSums, Grouping, ScoreQuery};
use crate::design::singletons::Exact;
use crate::result::*;
use crate::vcov::small_sample::{Term, by_definition, reference, small_sample};
use crate::vcov::{Bare, ClusteredMeat, clustered_meat};

/// A number that is not identified without some cluster.
pub(super) struct Unidentified {
    /// Position among coefficients, then levels of the rates.
    pub position: usize,
    /// Number of such clusters.
    pub clusters: usize,
    /// Cluster variable; empty for rows.
    pub variable: String,
}

/// A covariance, with what it was built from.
pub(super) struct Variance {
    pub matrix: Vec<f64>,
    pub clusters: Vec<ClusterInfo>,
    pub small_sample: SmallSample,
    pub reference: Reference,
    /// Its terms without factors, if they are to be kept.
    pub terms: Vec<Term>,
    /// Numbers that a cluster alone identifies: they have no error.
    pub unidentified: Vec<Unidentified>,
    /// Degrees of freedom of [`Design::combinations`], where each has its own.
    pub df: Vec<f64>,
    /// Sums by groups of clusters from the same pass, if that gave them.
    pub grouped: Option<GroupedSums>,
}

impl Variance {
    /// A covariance by clusters.
    ///
    /// # Errors
    /// Too few clusters.
    pub fn clustered(options: &Options, counts: &Counts, meat: ClusteredMeat) -> Result<Self, FitError> {
        if let Some(few) = meat.too_few() {
            return Err(FitError::TooFewClusters { cluster: few.name.clone(), count: few.groups });
        }
        let rule = options.rule();
        let (factor, matrix) = meat.combined(&rule, options.family, options.vcov, &counts.sizes());
        let small_sample = SmallSample { convention: options.ssc.to_string(), ..factor };
        let reference = reference(&rule, &counts.sizes(), Some(meat.smallest()));
        let clusters = meat.clusters();
        let terms = if options.keep_bare { meat.terms } else { Vec::new() };
        let (unidentified, df, grouped) = Default::default();
        Ok(Variance { matrix, clusters, small_sample, reference, terms, unidentified, df, grouped })
    }

    /// A covariance without clusters; `bare` is multiplied by the factor.
    pub fn unclustered(options: &Options, counts: &Counts, bare: Vec<f64>) -> Self {
        let (rule, sizes) = (options.rule(), counts.sizes());
        let factor = small_sample(&rule, options.family, options.vcov, &sizes, &[]);
        let small_sample = SmallSample { convention: options.ssc.to_string(), ..factor };
        let matrix = bare.iter().map(|entry| entry * small_sample.factor).collect();
        let terms = if options.keep_bare {
            vec![Term { name: String::from("rows"), sign: 1.0, groups: sizes.n, matrix: bare }]
        } else {
            Vec::new()
        };
        let reference = reference(&rule, &sizes, None);
        let (clusters, unidentified, df, grouped) = Default::default();
        Variance { matrix, clusters, small_sample, reference, terms, unidentified, df, grouped }
    }

    /// A covariance whose factor is part of its definition and in the matrix, by `clusters` or (without) by rows.
    pub fn defined(
        options: &Options,
        counts: &Counts,
        matrix: Vec<f64>,
        clusters: Vec<ClusterInfo>,
        factor: f64,
    ) -> Self {
        let sizes = counts.sizes();
        let smallest = clusters.iter().map(|cluster| cluster.count).min();
        let (terms, unidentified, df, grouped) = Default::default();
        Variance {
            matrix,
            clusters,
            small_sample: SmallSample {
                convention: options.ssc.to_string(),
                g_factor: factor,
                ..by_definition(sizes.n, sizes.k, factor)
            },
            reference: reference(&options.rule(), &sizes, smallest),
            terms,
            unidentified,
            df,
            grouped,
        }
    }

    /// Blanks the rows and columns of numbers without an error; `vcov` is that of the numbers at `positions`.
    pub fn mask(&self, vcov: &mut [f64], positions: std::ops::Range<usize>) {
        let n = positions.len();
        for found in self.unidentified.iter().filter(|found| positions.contains(&found.position)) {
            blank(vcov, n, found.position - positions.start);
        }
    }

    /// Degrees of freedom as records, if numbers have their own.
    pub fn degrees_of_freedom(&self, n_coef: usize, n_levels: usize, n_margins: usize) -> Option<DegreesOfFreedom> {
        let (coefficients, rest) = self.df.split_at_checked(n_coef).filter(|_| !self.df.is_empty())?;
        let (rates, rest) = rest.split_at(n_levels);
        let (contrasts, margins) = rest.split_at(rest.len() - n_margins);
        Some(DegreesOfFreedom {
            coefficients: coefficients.to_vec(),
            rates: rates.to_vec(),
            contrasts: contrasts.to_vec(),
            margins: margins.to_vec(),
        })
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

    /// What other conventions need, for `coefficients` of them; `matrix_of` gives a term on the scale of the data.
    pub fn bare(&self, counts: &Counts, coefficients: usize, matrix_of: impl Fn(&[f64]) -> Vec<f64>) -> Option<Bare> {
        let scaled = |term: &Term| Term { matrix: matrix_of(&term.matrix), ..term.clone() };
        (!self.terms.is_empty()).then(|| Bare {
            terms: self.terms.iter().map(scaled).collect(),
            sizes: counts.sizes(),
            coefficients,
            effects: counts.facts.clone(),
        })
    }
}

/// Takes the row and the column of a number out of an `n x n` covariance.
pub(super) fn blank(vcov: &mut [f64], n: usize, j: usize) {
    for other in 0..n {
        vcov[j * n + other] = f64::NAN;
        vcov[other * n + j] = f64::NAN;
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
            if let Some(request) = options.sums.as_ref().filter(|_| sums::only_rates(sample, options)) {
                let grouped = sums::grouped(rows, query, request, exact);
                let meat = clustered_meat(&names, l, options.multiway, false, |_| grouped.meat.clone());
                return Ok(Variance { grouped: Some(grouped), ..Variance::clustered(options, counts, meat)? });
            }
            let meat_of = |subset: &[usize]| rows.meat(query, Grouping::Clusters(subset), exact);
            let meat = clustered_meat(&names, l, options.multiway, options.keep_bare, meat_of);
            Variance::clustered(options, counts, meat)
        }
        VcovKind::Hc1 => {
            let meat = rows.meat(query, Grouping::Rows, exact);
            Ok(Variance::unclustered(options, counts, meat.matrix))
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
            let mut variance = Variance::unclustered(options, counts, matrix);
            if query.records.first_constant() < l {
                // composition part: rows of the target as draws, with the model's part switched off
                let mut records = query.records.clone();
                layout.cell.iter().for_each(|&cell| records.slope_mut(cell as usize).fill(0.0));
                let part = rows.meat(&ScoreQuery { records: &records, ..query.clone() }, Grouping::Rows, exact);
                variance.matrix.iter_mut().zip(&part.matrix).for_each(|(sum, value)| *sum += value);
            }
            Ok(variance)
        }
    }
}
