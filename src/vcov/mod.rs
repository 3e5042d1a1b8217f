//! Covariance of estimates from summed influence functions.
//!
//! With phi_g the summed influence of cluster g on a vector of numbers, the cluster-robust covariance is
//! q sum_g phi_g phi_g' (Liang and Zeger 1986), and multiway clustering adds and subtracts the covariances of all
//! intersections (Cameron, Gelbach and Miller 2011). q is the [`small_sample`] factor by a [`convention`].

pub mod convention;
pub mod correct;
pub mod delete;
pub mod jackknife;
pub mod leverage;
pub mod multiway;
pub mod partial;
pub mod programs;
pub mod satterthwaite;
pub mod small_sample;

use crate::aggregate::Meat;
use crate::result::{ClusterInfo, Family, SmallSample, VcovKind};
use convention::Rule;
use multiway::Multiway;
use nalgebra::DMatrix;
use small_sample::{Sizes, Term};

/// The terms of a clustered covariance, by every subset of the cluster variables it needs.
#[derive(Debug, Clone)]
pub struct ClusteredMeat {
    /// Single variables first, then intersections with alternating signs.
    pub terms: Vec<Term>,
    /// Numbers, L of an L x L matrix.
    l: usize,
    /// Terms the covariance is made of; further ones are there to be reported.
    used: usize,
}

/// A covariance of coefficients without its factor, and what factors are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Bare {
    /// Its terms, on the scale of the data; one term for a covariance that is not clustered.
    pub terms: Vec<Term>,
    /// Rows, and parameters by the convention of the fit.
    pub sizes: Sizes,
    /// Estimated coefficients.
    pub coefficients: usize,
    /// The absorbed effects.
    pub effects: Vec<small_sample::AbsorbedEffect>,
}

/// Sums influence of L numbers by every subset of the cluster variables `names`; `meat_of` sums by one of them, single
/// variables first. With [`Multiway::Sum`] intersections are left out, unless `all` are wanted.
pub fn clustered_meat(
    names: &[&str],
    l: usize,
    rule: Multiway,
    all: bool,
    mut meat_of: impl FnMut(&[usize]) -> Meat,
) -> ClusteredMeat {
    let n_variables = names.len();
    let mut subsets: Vec<Vec<usize>> =
        (1u32..1 << n_variables).map(|mask| (0..n_variables).filter(|&v| mask & (1 << v) != 0).collect()).collect();
    subsets.sort_by_key(Vec::len);
    let used = if rule == Multiway::Sum { n_variables } else { subsets.len() };
    if !all {
        subsets.truncate(used);
    }
    let mut terms = Vec::new();
    for subset in subsets {
        let Meat { groups, matrix } = meat_of(&subset);
        let sign = if subset.len() % 2 == 1 { 1.0 } else { -1.0 };
        let name = subset.iter().map(|&v| names[v]).collect::<Vec<_>>().join(":");
        terms.push(Term { name, sign, groups, matrix });
    }
    ClusteredMeat { terms, l, used }
}

impl ClusteredMeat {
    /// The first variable (or intersection) with fewer than two clusters.
    pub fn too_few(&self) -> Option<&Term> {
        self.terms.iter().find(|term| term.groups < 2)
    }

    /// Smallest number of clusters.
    pub fn smallest(&self) -> usize {
        self.terms[..self.used].iter().map(|term| term.groups).min().unwrap_or(0)
    }

    /// Every term with its number of clusters.
    pub fn clusters(&self) -> Vec<ClusterInfo> {
        self.terms[..self.used].iter().map(|term| ClusterInfo { name: term.name.clone(), count: term.groups }).collect()
    }

    /// The signed sum of the terms without factors, L x L, row-major.
    pub fn bare(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.l * self.l];
        for term in &self.terms[..self.used] {
            matrix.iter_mut().zip(&term.matrix).for_each(|(sum, value)| *sum += term.sign * value);
        }
        matrix
    }

    /// The factor and the sum of the terms times it, L x L, row-major.
    pub fn combined(&self, rule: &Rule, family: Family, kind: VcovKind, sizes: &Sizes) -> (SmallSample, Vec<f64>) {
        let terms = &self.terms[..self.used];
        let factor = small_sample::small_sample(rule, family, kind, sizes, terms);
        let matrix = multiway::combine(terms, &factor, self.l);
        (factor, matrix)
    }
}

/// `C V C'`, row-major, for `combinations` (rows of C) of `l` numbers with covariance V.
pub fn combine_linear(combinations: &[Vec<f64>], vcov: &[f64], l: usize) -> Vec<f64> {
    let c = DMatrix::from_fn(combinations.len(), l, |row, column| combinations[row][column]);
    let combined = &c * DMatrix::from_row_slice(l, l, vcov) * c.transpose();
    combined.transpose().as_slice().to_vec()
}
