//! Numbers with influence summed by cluster: their covariance and tests.

use crate::inference::intervals::estimate;
use crate::linalg::blocks::sum_blocks;
use crate::result::{Estimate, ModelFit, Reference};

/// Influence of each cluster (each row, without clusters) on some numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summed {
    /// Numbers, L.
    pub len: usize,
    /// Clusters x L, row-major.
    pub values: Vec<f64>,
}

/// How errors become tests: small-sample factor, reference distribution, level of the intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tests {
    /// What the sum of squared influence is multiplied by.
    pub factor: f64,
    /// Distribution of statistics.
    pub reference: Reference,
    /// Level of the intervals.
    pub conf_level: f64,
}

impl Tests {
    /// Those of a fit.
    pub fn of(fit: &ModelFit) -> Self {
        Tests { factor: fit.small_sample.factor, reference: fit.reference, conf_level: fit.conf_level }
    }

    /// A number with its test and interval.
    pub fn number(&self, name: impl Into<String>, value: f64, std_error: f64) -> Estimate {
        estimate(name.into(), value, std_error, self.reference, self.reference.critical(self.conf_level))
    }
}

impl Summed {
    /// q sum_g phi_g phi_g', L x L, row-major.
    pub fn covariance(&self, factor: f64) -> Vec<f64> {
        let l = self.len;
        let mut sum = sum_blocks(self.values.len() / l.max(1), l * l, |clusters| {
            let mut sum = vec![0.0; l * l];
            for phi in clusters.map(|g| &self.values[g * l..][..l]) {
                for (row, &a) in sum.chunks_mut(l).zip(phi) {
                    row.iter_mut().zip(phi).for_each(|(entry, b)| *entry += a * b);
                }
            }
            sum
        });
        sum.iter_mut().for_each(|entry| *entry *= factor);
        sum
    }

    /// Influence on linear combinations of the numbers, one per row of `combinations`.
    pub fn combined(&self, combinations: &[Vec<f64>]) -> Summed {
        let of = |phi: &[f64], row: &Vec<f64>| row.iter().zip(phi).map(|(c, phi)| c * phi).sum::<f64>();
        let values =
            self.values.chunks(self.len.max(1)).flat_map(|phi| combinations.iter().map(move |row| of(phi, row)));
        Summed { len: combinations.len(), values: values.collect() }
    }
}

/// Square root of a diagonal entry of an L x L matrix; zero for rounding below zero.
pub fn std_error(covariance: &[f64], len: usize, at: usize) -> f64 {
    covariance[at * len + at].max(0.0).sqrt()
}
