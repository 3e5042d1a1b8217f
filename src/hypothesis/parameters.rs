//! Estimates of one or several fits, their names, and their joint covariance.
//!
//! Estimates of different fits are correlated as far as they share clusters. With phi_g the influence of cluster g on the
//! estimates of a fit and q its small-sample factor, the covariance of two fits is
//!
//! ```text
//! Cov(a, b) = sqrt(q_a q_b) sum_g phi_g(a) phi_g(b)'       g: clusters that both fits have
//! ```
//!
//! which is the cross block of the sandwich of the stacked scores (White 1982; Weesie 1999, `suest`). The blocks of the
//! fits themselves are their own covariances, q_a sum_g phi_g phi_g', so the whole matrix is D (sum_g phi_g phi_g') D
//! with D = diag(sqrt(q)): positive semidefinite, and every fit keeps the standard errors of its own table.

use crate::estimate::Influence;
use crate::linalg::blocks::sum_blocks;
use crate::result::{ModelFit, Reference, VcovKind};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A coefficient.
    Coefficient,
    /// An adjusted rate.
    Rate,
}

/// The names of a fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitName {
    /// Model.
    pub model: String,
    /// Outcome.
    pub outcome: String,
    /// Sample.
    pub sample: String,
}

/// A fit with what connects it to others.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The record.
    pub fit: &'a ModelFit,
    /// Covariance of coefficients and rates, [`crate::estimate::Fitted::joint`].
    pub joint: &'a [f64],
    /// Summed influence by cluster; `None` without clusters.
    pub influence: Option<&'a Influence>,
    /// Identity of each cluster of the influence, the same number in every fit that has it.
    pub cluster_ids: &'a [u32],
}

/// One number that hypotheses may be about.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Coefficient or rate.
    pub kind: Kind,
    /// Term, or level.
    pub name: String,
    /// Display label of a level; the name of a coefficient.
    pub label: String,
    /// Estimate.
    pub estimate: f64,
}

/// The adjusted rates of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct RatesBlock {
    /// The factor.
    pub factor: String,
    /// First of the rates among all parameters.
    pub first: usize,
    /// Score of each level: its number, or 1, 2, ... where a level is no number.
    pub scores: Vec<f64>,
    /// Whether scores are the numbers of the levels.
    pub scores_are_levels: bool,
    /// Scale of their intervals: `logit`, `log` or `identity`.
    pub scale: &'static str,
}

/// A fit's part of the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct FitBlock {
    /// Its names.
    pub name: FitName,
    /// Its parameters, coefficients first.
    pub range: Range<usize>,
    /// Number of coefficients.
    pub n_coef: usize,
    /// Its rates.
    pub rates: Option<RatesBlock>,
    /// Reference distribution.
    pub reference: Reference,
    /// Level of its intervals.
    pub conf_level: f64,
    /// Smallest number of clusters of any dimension; `None` without clusters.
    pub clusters: Option<usize>,
}

/// Parameters of all fits with their joint covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The fits.
    pub fits: Vec<FitBlock>,
    /// All parameters, fit by fit.
    pub list: Vec<Parameter>,
    /// Covariance, row-major; blocks between fits are zero where `linked` is an error.
    pub vcov: Vec<f64>,
    /// Why estimates of different fits have no joint covariance, if they do not.
    pub linked: Result<(), String>,
}

impl Parameters {
    /// Collects the parameters of fits, and the covariance between them if there is a way to it.
    pub fn new(sources: &[Source]) -> Self {
        let mut list = Vec::new();
        let fits: Vec<FitBlock> = sources.iter().map(|source| block(source.fit, &mut list)).collect();
        let n = list.len();
        let mut vcov = vec![0.0; n * n];
        for (block, source) in fits.iter().zip(sources) {
            let width = block.range.len();
            for (row, values) in block.range.clone().zip(source.joint.chunks(width.max(1))) {
                vcov[row * n + block.range.start..][..width].copy_from_slice(values);
            }
        }
        let linked = if sources.len() > 1 { can_link(sources) } else { Ok(()) };
        if linked.is_ok() {
            for (a, first) in sources.iter().enumerate() {
                for (b, second) in sources.iter().enumerate().skip(a + 1) {
                    let cross = cross_covariance(first, second);
                    let width = fits[b].range.len();
                    for (at, value) in cross.into_iter().enumerate() {
                        let (i, j) = (fits[a].range.start + at / width, fits[b].range.start + at % width);
                        vcov[i * n + j] = value;
                        vcov[j * n + i] = value;
                    }
                }
            }
        }
        Parameters { fits, list, vcov, linked }
    }

    /// The parameter of a fit with this name.
    pub fn find(&self, fit: usize, kind: Kind, name: &str) -> Option<usize> {
        self.fits[fit].range.clone().find(|&at| self.list[at].kind == kind && self.list[at].name == name)
    }

    /// The fit of a parameter.
    pub fn fit_of(&self, parameter: usize) -> usize {
        self.fits.partition_point(|block| block.range.end <= parameter)
    }

    /// The reference distribution of a statement about some fits: that with the fewest degrees of freedom.
    pub fn reference(&self, fits: &[usize]) -> Reference {
        let references = fits.iter().map(|&fit| self.fits[fit].reference);
        references.min_by(|a, b| a.df().total_cmp(&b.df())).unwrap_or(Reference::Normal)
    }

    /// The level of intervals: the highest of any fit.
    pub fn conf_level(&self) -> f64 {
        self.fits.iter().map(|block| block.conf_level).fold(0.0, f64::max)
    }

    /// How texts name a fit, e.g. `(1)` or `(1)/success/all`: the shortest names that no other fit has.
    pub fn fit_label(&self, fit: usize) -> String {
        let ways = self.fits[fit].name.ways();
        let unique = |way: &&String| self.fits.iter().filter(|other| other.name.ways().contains(way)).count() == 1;
        ways.iter().find(unique).or(ways.last()).cloned().unwrap_or_default()
    }
}

impl FitName {
    /// Every way a text may name the fit, short ones first.
    pub fn ways(&self) -> Vec<String> {
        let (m, o, s) = (&self.model, &self.outcome, &self.sample);
        let mut ways = vec![m.clone(), o.clone(), s.clone()];
        ways.extend([format!("{m}/{o}"), format!("{m}/{s}"), format!("{o}/{s}"), format!("{m}/{o}/{s}")]);
        ways
    }
}

fn block(fit: &ModelFit, list: &mut Vec<Parameter>) -> FitBlock {
    let first = list.len();
    list.extend(fit.coefficients.iter().map(|c| Parameter {
        kind: Kind::Coefficient,
        name: c.term.clone(),
        label: c.term.clone(),
        estimate: c.estimate,
    }));
    let n_coef = list.len() - first;
    let rates = fit.rates.as_ref().map(|rates| {
        let at = list.len();
        list.extend(rates.levels.iter().map(|row| Parameter {
            kind: Kind::Rate,
            name: row.level.clone(),
            label: row.label.clone(),
            estimate: row.estimate,
        }));
        let numbers: Option<Vec<f64>> = rates.levels.iter().map(|row| row.level.parse().ok()).collect();
        let numbers = numbers.filter(|scores| scores.windows(2).all(|pair| pair[0] < pair[1]));
        RatesBlock {
            factor: rates.factor.clone(),
            first: at,
            scores_are_levels: numbers.is_some(),
            scores: numbers.unwrap_or_else(|| (1..=rates.levels.len()).map(|k| k as f64).collect()),
            scale: rates.scale,
        }
    });
    FitBlock {
        name: FitName { model: fit.model.clone(), outcome: fit.outcome.clone(), sample: fit.sample.clone() },
        range: first..list.len(),
        n_coef,
        rates,
        reference: fit.reference,
        conf_level: fit.conf_level,
        clusters: fit.clusters.iter().map(|cluster| cluster.count).min(),
    }
}

/// Whether the fits have a joint covariance.
fn can_link(sources: &[Source]) -> Result<(), String> {
    let first = sources[0];
    for source in sources {
        if !source.fit.vcov_kind.is_clustered() || source.influence.is_none() {
            return Err(String::from("the errors are not clustered"));
        }
        if source.fit.vcov_kind != VcovKind::Cr1 {
            return Err(format!(
                "the errors are {}, and only CR1 has a covariance between models",
                source.fit.vcov_kind.name()
            ));
        }
        if source.fit.clusters.len() > 1 {
            return Err(String::from("the errors are clustered in several ways"));
        }
        if source.influence.map(|influence| &influence.cluster) != first.influence.map(|influence| &influence.cluster) {
            return Err(String::from("the models have different cluster variables"));
        }
    }
    Ok(())
}

/// sqrt(q_a q_b) sum over shared clusters of phi(a) phi(b)', row-major.
fn cross_covariance(a: &Source, b: &Source) -> Vec<f64> {
    let (Some(left), Some(right)) = (a.influence, b.influence) else { return Vec::new() };
    let (l, r) = (left.names.len(), right.names.len());
    let place: FxHashMap<u32, usize> = a.cluster_ids.iter().enumerate().map(|(at, &id)| (id, at)).collect();
    let q = (a.fit.small_sample.factor * b.fit.small_sample.factor).sqrt();
    let mut cross = sum_blocks(b.cluster_ids.len(), l * r, |clusters| {
        let mut sum = vec![0.0; l * r];
        for g in clusters {
            let Some(&at) = place.get(&b.cluster_ids[g]) else { continue };
            let (x, y) = (&left.values[at * l..][..l], &right.values[g * r..][..r]);
            for (row, x) in sum.chunks_mut(r).zip(x) {
                row.iter_mut().zip(y).for_each(|(entry, y)| *entry += x * y);
            }
        }
        sum
    });
    cross.iter_mut().for_each(|entry| *entry *= q);
    cross
}
