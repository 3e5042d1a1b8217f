//! Covariance of estimates from summed influence functions.
//!
//! With phi_g the summed influence of cluster g on a vector of numbers, the cluster-robust covariance is
//! q sum_g phi_g phi_g' (Liang and Zeger 1986), and multiway clustering adds and subtracts the covariances of all
//! intersections (Cameron, Gelbach and Miller 2011). q is the [`small_sample`] factor.

pub mod correct;
pub mod delete;
pub mod jackknife;
pub mod leverage;
pub mod satterthwaite;
pub mod small_sample;

use crate::aggregate::Meat;
use crate::result::ClusterInfo;
use nalgebra::DMatrix;

/// A combined meat and the cluster counts it came from.
#[derive(Debug, Clone)]
pub struct ClusteredMeat {
    /// Signed sum over all non-empty subsets of the cluster variables, L x L, row-major.
    pub matrix: Vec<f64>,
    /// Every subset with its number of clusters; single variables first.
    pub clusters: Vec<ClusterInfo>,
    /// Smallest number of clusters of any subset.
    pub smallest: usize,
}

/// Sums influence of L numbers by every subset of the cluster variables `names`; `meat_of` sums by one of them, single
/// variables first.
pub fn clustered_meat(names: &[&str], l: usize, mut meat_of: impl FnMut(&[usize]) -> Meat) -> ClusteredMeat {
    let n_variables = names.len();
    let mut subsets: Vec<Vec<usize>> =
        (1u32..1 << n_variables).map(|mask| (0..n_variables).filter(|&v| mask & (1 << v) != 0).collect()).collect();
    subsets.sort_by_key(Vec::len);
    let mut matrix = vec![0.0; l * l];
    let mut clusters = Vec::new();
    for subset in subsets {
        let Meat { groups, matrix: part } = meat_of(&subset);
        let sign = if subset.len() % 2 == 1 { 1.0 } else { -1.0 };
        matrix.iter_mut().zip(&part).for_each(|(sum, value)| *sum += sign * value);
        let name = subset.iter().map(|&v| names[v]).collect::<Vec<_>>().join(":");
        clusters.push(ClusterInfo { name, count: groups });
    }
    let smallest = clusters.iter().map(|cluster| cluster.count).min().unwrap_or(0);
    ClusteredMeat { matrix, clusters, smallest }
}

/// `C V C'`, row-major, for `combinations` (rows of C) of `l` numbers with covariance V.
pub fn combine_linear(combinations: &[Vec<f64>], vcov: &[f64], l: usize) -> Vec<f64> {
    let c = DMatrix::from_fn(combinations.len(), l, |row, column| combinations[row][column]);
    let combined = &c * DMatrix::from_row_slice(l, l, vcov) * c.transpose();
    combined.transpose().as_slice().to_vec()
}
