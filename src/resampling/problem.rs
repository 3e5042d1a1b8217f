//! A linear regression laid out for resampling: what every hypothesis of it shares.

use super::ResamplingError;
use crate::absorb::DENSE_LIMIT;
use crate::absorb::exact::ExactSolver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::{Exact, mark_singletons};
use crate::estimate::{Options, fit};
use crate::nearest::nearest_name;
use crate::result::{Family, ModelFit, VcovKind};

/// Clusters of the estimation rows.
#[derive(Debug, Clone)]
pub struct Clusters {
    /// What each cluster is: its level in the cluster variable, ascending.
    pub identity: Vec<u32>,
    /// Start of each cluster's entries in [`Entries`], and the end.
    pub starts: Vec<u32>,
}

impl Clusters {
    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.identity.len()
    }
}

/// Rows of one cluster in one cell, counted once; sorted by cluster, then cell.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    /// Position of the cell among the estimation cells.
    pub cell: Vec<u32>,
    /// Sum of weights.
    pub weight: Vec<f64>,
    /// Weighted sum of the outcome (shifted).
    pub total: Vec<f64>,
}

/// Cells with clusters, and where each outcome's entries are.
#[derive(Debug)]
pub struct Design<'a> {
    /// The sample, with one outcome.
    pub sample: &'a Sample,
    /// Its rows.
    pub rows: Rows<'a>,
    /// Estimation cells.
    pub layout: Layout,
}

impl<'a> Design<'a> {
    /// Finds the cells of a sample with one cluster variable.
    ///
    /// # Errors
    /// Not exactly one cluster variable, or effects too large to factorise.
    pub fn new(sample: &'a Sample, options: &Options) -> Result<Self, ResamplingError> {
        one_cluster(sample)?;
        let rows = Rows::new(sample);
        let mut exact = vec![Exact::No; rows.cells().len()];
        if options.drop_singletons {
            mark_singletons(sample, rows.cells(), &mut exact);
        }
        Design::of(sample, rows, exact)
    }

    /// The same with the cells outside the estimation given.
    ///
    /// # Errors
    /// Effects too large to factorise.
    pub fn of(sample: &'a Sample, rows: Rows<'a>, exact: Vec<Exact>) -> Result<Self, ResamplingError> {
        let layout = Layout::new(sample, rows.cells(), &exact);
        if layout.n_effect_columns > DENSE_LIMIT {
            return Err(ResamplingError::TooManyEffects { columns: layout.n_effect_columns, limit: DENSE_LIMIT });
        }
        Ok(Design { sample, rows, layout })
    }

    /// Position of each cell among the estimation cells, `u32::MAX` outside.
    fn places(&self) -> Vec<u32> {
        let mut place = vec![u32::MAX; self.rows.cells().len()];
        self.layout.cell.iter().enumerate().for_each(|(i, &cell)| place[cell as usize] = i as u32);
        place
    }

    /// The rows by cluster and cell, for the outcome with `shift` subtracted.
    ///
    /// # Errors
    /// Fewer than two clusters with rows of the estimation.
    pub fn entries(&self, shift: f64) -> Result<(Clusters, Entries), ResamplingError> {
        let (cluster, cells) = (&self.sample.clusters[0], self.rows.cells());
        let (codes, values) = (&cluster.codes, &self.sample.outcomes[0].values);
        let place = self.places();
        let mut clusters = Clusters { identity: Vec::new(), starts: Vec::new() };
        let mut entries = Entries::default();
        let mut own: Vec<(u32, f64, f64)> = Vec::new();
        let mut row = 0;
        while row < self.sample.n_rows {
            let code = codes[row];
            own.clear();
            while row < self.sample.n_rows && codes[row] == code {
                let cell = place[cells.of_row[row] as usize];
                if cell != u32::MAX {
                    let weight = self.sample.weight(row);
                    own.push((cell, weight, weight * (values[row] - shift)));
                }
                row += 1;
            }
            if own.is_empty() {
                continue;
            }
            // sums within a cell in an order that does not depend on that of the rows
            own.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
            clusters.identity.push(code);
            clusters.starts.push(entries.cell.len() as u32);
            for (at, &(cell, weight, total)) in own.iter().enumerate() {
                if at > 0 && own[at - 1].0 == cell {
                    let last = entries.cell.len() - 1;
                    entries.weight[last] += weight;
                    entries.total[last] += total;
                } else {
                    entries.cell.push(cell);
                    entries.weight.push(weight);
                    entries.total.push(total);
                }
            }
        }
        clusters.starts.push(entries.cell.len() as u32);
        if clusters.len() < 2 {
            return Err(ResamplingError::TooFewClusters { cluster: cluster.name.clone(), count: clusters.len() });
        }
        Ok((clusters, entries))
    }
}

/// Refuses a sample without exactly one cluster variable.
pub fn one_cluster(sample: &Sample) -> Result<(), ResamplingError> {
    match sample.clusters.as_slice() {
        [] => Err(ResamplingError::NoCluster),
        [_] => Ok(()),
        several => Err(ResamplingError::SeveralClusters(several.iter().map(|c| c.name.clone()).collect())),
    }
}

/// A sample with one of its outcomes.
pub fn with_outcome(sample: &Sample, outcome: usize) -> Sample {
    let mut alone = sample.clone();
    alone.outcomes = vec![sample.outcomes[outcome].clone()];
    alone
}

/// The regression with one-way clustered errors.
///
/// # Errors
/// As the fit.
pub fn reference_fit(sample: &Sample, options: &Options) -> Result<ModelFit, ResamplingError> {
    let options = Options {
        vcov: VcovKind::Cr1,
        few_clusters: None,
        keep_influence: false,
        keep_fitted: false,
        keep_weights: false,
        keep_effects: false,
        ..options.clone()
    };
    Ok(fit(sample, &options).swap_remove(0)?.fit)
}

/// Finds the regressor column of a term.
///
/// # Errors
/// A term that does not exist or was dropped, or the intercept.
pub fn column_of(layout: &Layout, fit: &ModelFit, term: &str) -> Result<usize, ResamplingError> {
    find_column(&layout.names, fit, term)
}

/// The same among names.
///
/// # Errors
/// As [`column_of`].
pub fn find_column(names: &[String], fit: &ModelFit, term: &str) -> Result<usize, ResamplingError> {
    if let Some(dropped) = fit.dropped_terms.iter().find(|dropped| dropped.term == term) {
        return Err(ResamplingError::DroppedTerm { term: term.to_owned(), reason: dropped.reason.clone() });
    }
    if term == "(Intercept)" && fit.coefficients.iter().any(|estimate| estimate.term == term) {
        return Err(ResamplingError::Intercept);
    }
    names.iter().position(|name| name == term).ok_or_else(|| {
        let nearest = nearest_name(term, names.iter().map(String::as_str)).map(str::to_owned);
        ResamplingError::UnknownTerm { term: term.to_owned(), nearest, known: names.to_vec() }
    })
}

/// A solved linear regression.
#[derive(Debug)]
pub struct Linear<'d> {
    /// Estimation cells.
    pub layout: &'d Layout,
    /// Factorised normal equations.
    pub solver: ExactSolver<'d>,
    /// Clusters of the estimation rows.
    pub clusters: Clusters,
    /// Rows by cluster and cell.
    pub entries: Entries,
    /// Weighted sum of residuals of each entry.
    pub residual: Vec<f64>,
    /// Coefficients of the regressor columns on the scale of the data.
    pub coef: Vec<f64>,
}

impl<'d> Linear<'d> {
    /// Solves the regression of a design's outcome.
    ///
    /// # Errors
    /// Fewer than two clusters.
    pub fn new(design: &'d Design) -> Result<Self, ResamplingError> {
        let layout = &design.layout;
        let outcome = design.rows.outcome(0);
        let (clusters, entries) = design.entries(outcome.shift)?;
        let solver = ExactSolver::new(layout, &layout.weight);
        let mean: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
        let projection = solver.regress(&mean);
        let of_cell = |i: usize| projection.fitted[entries.cell[i] as usize];
        let residual = (0..entries.cell.len()).map(|i| entries.total[i] - entries.weight[i] * of_cell(i)).collect();
        let coef = projection.coef.iter().zip(&layout.scale).map(|(g, scale)| g / scale).collect();
        Ok(Linear { layout, solver, clusters, entries, residual, coef })
    }

    /// The regressor column `j`, residual of all others and the effects, on the scale of the data, and its weighted sum
    /// of squares.
    pub fn partial(&self, j: usize) -> (Vec<f64>, f64) {
        let layout = self.layout;
        let at = layout.n_effect_columns + j;
        let mut unit = vec![0.0; layout.k];
        unit[at] = 1.0;
        let weights = self.solver.combination(&unit); // (x~ / x~'Wx~) of the standardised column
        unit.fill(0.0);
        unit[at] = 1.0;
        self.solver.solve(&mut unit);
        let length = 1.0 / unit[at]; // x~'Wx~
        let scale = layout.scale[j];
        (weights.iter().map(|a| a * length * scale).collect(), length * scale * scale)
    }
}

/// The family in a sentence.
pub fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ols => "linear model",
        Family::Logit => "logit",
        Family::Poisson => "Poisson regression",
        Family::Probit => "probit",
        Family::Clogit => "conditional logit",
    }
}
