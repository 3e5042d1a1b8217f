//! The influence of many estimates side by side.

use nalgebra::DMatrix;
use rayon::prelude::*;

/// Columns that one task multiplies; results do not depend on it.
const BLOCK: usize = 64;

/// Influence by group of one number under every specification, each column of length one.
///
/// A column is what remains of an estimate's influence once its standard error is taken out: products of columns are
/// correlations, whatever small-sample factor the error carries.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Groups x specifications; zero where a specification lacks the number.
    columns: DMatrix<f64>,
    /// Standard errors, not a number where there is none.
    errors: Vec<f64>,
}

impl Stack {
    /// From the sums by group of every specification, `None` where it lacks the number, and standard errors.
    pub fn new(groups: usize, sums: &[Option<&[f64]>], errors: &[f64]) -> Self {
        let mut columns = DMatrix::zeros(groups, sums.len());
        let mut kept = errors.to_vec();
        for (s, sums) in sums.iter().enumerate() {
            let length = sums.map_or(0.0, |sums| sums.iter().map(|v| v * v).sum::<f64>().sqrt());
            match sums.filter(|_| length > 0.0 && length.is_finite()) {
                Some(sums) => columns.column_mut(s).iter_mut().zip(sums).for_each(|(to, v)| *to = v / length),
                None => kept[s] = f64::NAN,
            }
        }
        Stack { columns, errors: kept }
    }

    /// Number of specifications.
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Groups.
    pub fn groups(&self) -> usize {
        self.columns.nrows()
    }

    /// Standard errors.
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// Influence by group of a specification, of length one.
    pub fn column(&self, specification: usize) -> &[f64] {
        let groups = self.columns.nrows();
        &self.columns.as_slice()[specification * groups..][..groups]
    }

    /// Covariances between specifications, lower triangle with diagonal, row by row.
    pub fn covariances(&self) -> Vec<f64> {
        let n = self.len();
        let blocks: Vec<Vec<Vec<f64>>> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
                let left = self.columns.columns(rows.start, rows.len());
                let product = left.transpose() * self.columns.columns(0, rows.end);
                rows.clone()
                    .map(|a| {
                        let of = |b: usize| {
                            let correlation = if a == b { 1.0 } else { product[(a - rows.start, b)].clamp(-1.0, 1.0) };
                            correlation * self.errors[a] * self.errors[b]
                        };
                        (0..=a).map(of).collect()
                    })
                    .collect()
            })
            .collect();
        blocks.into_iter().flatten().flatten().collect()
    }

    /// Sums of the columns with a sign for every group: one row per draw, one column per specification.
    pub fn signed(&self, signs: &DMatrix<f64>) -> DMatrix<f64> {
        signs * &self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariances_are_those_of_the_sums() {
        let sums = [vec![1.0, 2.0, -1.0], vec![0.5, 0.0, 2.0], vec![3.0, -1.0, 0.25]];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let errors: Vec<f64> = sums.iter().map(|s| dot(s, s).sqrt()).collect();
        let columns: Vec<Option<&[f64]>> = sums.iter().map(|s| Some(s.as_slice())).collect();
        let found = Stack::new(3, &columns, &errors).covariances();
        let mut at = 0;
        for a in 0..3 {
            for b in 0..=a {
                assert!((found[at] - dot(&sums[a], &sums[b])).abs() < 1e-14);
                at += 1;
            }
        }
        let missing = Stack::new(3, &[None, columns[1]], &errors[..2]);
        assert!(missing.covariances()[0].is_nan() && missing.errors()[1] == errors[1]);
    }
}
