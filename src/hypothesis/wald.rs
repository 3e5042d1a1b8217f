//! Wald tests of linear restrictions R theta = r.
//!
//! W = d' (R V R')^-1 d with d = R theta - r. For least squares W / q refers to F(q, df) with the degrees of freedom of
//! the t tests (G - 1 with clusters), for likelihoods W to chi-square(q).

use crate::inference::distributions::{chi_square_tail, f_tail};
use crate::linalg::Cholesky;
use crate::result::Reference;

/// Share of a row's length below which it repeats the rows before it.
const REDUNDANT: f64 = 1e-9;

/// Share of a variance that must be left beside the restrictions before, for a restriction to have information of its own.
const SINGULAR: f64 = 1e-10;

/// Share of its terms that a variance must exceed to be more than their rounding.
const ROUNDING: f64 = 1e-13;

/// Restrictions R theta = r.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Linear {
    /// Rows of R: parameters and their factors.
    pub rows: Vec<Vec<(usize, f64)>>,
    /// Right sides.
    pub values: Vec<f64>,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Wald {
    /// W / q for F, W for chi-square.
    pub statistic: f64,
    /// Restrictions that count.
    pub df: usize,
    /// Degrees of freedom of the denominator; `None` for chi-square.
    pub df_denominator: Option<f64>,
    /// p-value.
    pub p_value: f64,
    /// Restrictions that say nothing beyond those before them (positions).
    pub redundant: Vec<usize>,
}

/// Why restrictions cannot be tested.
#[derive(Debug, Clone, PartialEq)]
pub enum NoTest {
    /// Restriction (position) that contradicts the others, or itself.
    Contradiction(usize),
    /// Nothing is left: all restrictions hold whatever the parameters are.
    Empty,
    /// Restrictions that the data cannot move apart: rank of the covariance, restrictions.
    Singular(usize, usize),
    /// A variance that is negative or does not exist.
    NoVariance(usize),
}

impl Linear {
    /// R theta of one row.
    pub fn estimate(&self, row: usize, theta: impl Fn(usize) -> f64) -> f64 {
        self.rows[row].iter().map(|&(at, factor)| factor * theta(at)).sum()
    }

    /// R V R', row-major.
    pub fn covariance(&self, vcov: &[f64], n: usize) -> Vec<f64> {
        let m = self.rows.len();
        let mut out = vec![0.0; m * m];
        for a in 0..m {
            for b in 0..=a {
                let mut sum = 0.0;
                for &(i, x) in &self.rows[a] {
                    for &(j, y) in &self.rows[b] {
                        sum += x * y * vcov[i * n + j];
                    }
                }
                out[a * m + b] = sum;
                out[b * m + a] = sum;
            }
        }
        out
    }

    /// Standard error of every row: zero where a variance is rounding of an identity, `NaN` where it is negative.
    pub fn errors(&self, vcov: &[f64], n: usize) -> Vec<f64> {
        let error = |row: &Vec<(usize, f64)>| {
            let (mut variance, mut gross) = (0.0, 0.0);
            for &(i, x) in row {
                for &(j, y) in row {
                    variance += x * y * vcov[i * n + j];
                    gross += (x * y * vcov[i * n + j]).abs();
                }
            }
            if variance.abs() <= ROUNDING * gross { 0.0 } else { variance.sqrt() }
        };
        self.rows.iter().map(error).collect()
    }

    /// Positions of the rows that are independent of those before, and of those that are not.
    ///
    /// # Errors
    /// [`NoTest::Contradiction`] where a dependent row asks for another value.
    fn independent(&self) -> Result<(Vec<usize>, Vec<usize>), NoTest> {
        let n = self.rows.iter().flatten().map(|&(at, _)| at + 1).max().unwrap_or(0);
        // orthonormal rows with their right sides
        let mut basis: Vec<(Vec<f64>, f64)> = Vec::new();
        let (mut kept, mut redundant) = (Vec::new(), Vec::new());
        for (position, row) in self.rows.iter().enumerate() {
            let mut rest = vec![0.0; n];
            row.iter().for_each(|&(at, factor)| rest[at] += factor);
            let mut value = self.values[position];
            let length = norm(&rest);
            let mut size = value.abs();
            // twice: once leaves rounding errors of the size of the row
            for _ in 0..2 {
                for (direction, side) in &basis {
                    let along: f64 = rest.iter().zip(direction).map(|(x, e)| x * e).sum();
                    rest.iter_mut().zip(direction).for_each(|(x, e)| *x -= along * e);
                    value -= along * side;
                    size = size.max((along * side).abs());
                }
            }
            let left = norm(&rest);
            if left > REDUNDANT * length && left > 0.0 {
                rest.iter_mut().for_each(|x| *x /= left);
                basis.push((rest, value / left));
                kept.push(position);
            } else if value.abs() > REDUNDANT * size {
                return Err(NoTest::Contradiction(position));
            } else {
                redundant.push(position);
            }
        }
        Ok((kept, redundant))
    }

    /// Tests all rows jointly.
    ///
    /// # Errors
    /// [`NoTest`].
    pub fn test(&self, theta: &[f64], vcov: &[f64], reference: Reference) -> Result<Wald, NoTest> {
        let (kept, mut redundant) = self.independent()?;
        if kept.is_empty() {
            return Err(NoTest::Empty);
        }
        let part = Linear {
            rows: kept.iter().map(|&row| self.rows[row].clone()).collect(),
            values: kept.iter().map(|&row| self.values[row]).collect(),
        };
        let m = kept.len();
        let s = part.covariance(vcov, theta.len());
        let scale = part.errors(vcov, theta.len());
        if let Some(bad) = scale.iter().position(|scale| scale.is_nan()) {
            return Err(NoTest::NoVariance(kept[bad]));
        }
        let by = |a: usize| if scale[a] > 0.0 { scale[a] } else { 1.0 };
        let correlation: Vec<f64> = (0..m * m)
            .map(|at| if scale[at / m] * scale[at % m] > 0.0 { s[at] / (by(at / m) * by(at % m)) } else { 0.0 })
            .collect();
        let factor = Cholesky::new(&correlation, m, &vec![1.0; m], SINGULAR);
        let d: Vec<f64> = (0..m).map(|a| (part.estimate(a, |at| theta[at]) - part.values[a]) / by(a)).collect();
        let mut z = d.clone();
        factor.forward(&mut z);
        if factor.dropped.contains(&true) {
            // an identity of the estimates, such as a rate difference that is a coefficient: fine if it holds
            let mut solved = d.clone();
            factor.solve(&mut solved);
            for a in (0..m).filter(|&a| factor.dropped[a]) {
                let implied: f64 = (0..m).map(|b| correlation[a * m + b] * solved[b]).sum();
                let terms = part.rows[a].iter().map(|&(at, factor)| (factor * theta[at]).abs() / by(a));
                let size = terms.fold(part.values[a].abs() / by(a), f64::max).max(implied.abs());
                if (d[a] - implied).abs() > 1e-8 * size {
                    return Err(NoTest::Singular(factor.rank(), m));
                }
                redundant.push(kept[a]);
            }
            redundant.sort_unstable();
        }
        let df = factor.rank();
        if df == 0 {
            return Err(NoTest::Empty);
        }
        let w: f64 = z.iter().map(|z| z * z).sum();
        Ok(match reference {
            Reference::StudentT(denominator) => {
                let statistic = w / df as f64;
                let p_value = f_tail(statistic, df as f64, denominator);
                Wald { statistic, df, df_denominator: Some(denominator), p_value, redundant }
            }
            Reference::Normal => {
                let p_value = chi_square_tail(w, df as f64);
                Wald { statistic: w, df, df_denominator: None, p_value, redundant }
            }
        })
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THETA: [f64; 3] = [1.0, 2.0, 4.0];
    const VCOV: [f64; 9] = [1.0, 0.5, 0.0, 0.5, 2.0, 0.0, 0.0, 0.0, 4.0];

    fn linear(rows: &[(&[(usize, f64)], f64)]) -> Linear {
        Linear {
            rows: rows.iter().map(|(row, _)| row.to_vec()).collect(),
            values: rows.iter().map(|(_, value)| *value).collect(),
        }
    }

    #[test]
    fn a_joint_test_by_hand() {
        // S = [[1, .5], [.5, 2]], d = (1, 2): d'S^-1 d = (2 - 2 + 4) / 1.75
        let test = linear(&[(&[(0, 1.0)], 0.0), (&[(1, 1.0)], 0.0)]).test(&THETA, &VCOV, Reference::Normal).unwrap();
        assert!((test.statistic - 4.0 / 1.75).abs() < 1e-14 && test.df == 2 && test.redundant.is_empty());
        assert!((test.p_value - (-0.5 * test.statistic).exp()).abs() < 1e-15);
        let f = linear(&[(&[(0, 1.0)], 0.0), (&[(1, 1.0)], 0.0)]).test(&THETA, &VCOV, Reference::StudentT(7.0));
        assert!((f.unwrap().statistic - 2.0 / 1.75).abs() < 1e-14);
    }

    #[test]
    fn redundant_restrictions_count_once_and_contradictions_are_refused() {
        let rows: [(&[(usize, f64)], f64); 3] =
            [(&[(0, 1.0), (1, -1.0)], 0.0), (&[(1, 1.0), (2, -1.0)], 1.0), (&[(0, 2.0), (2, -2.0)], 2.0)];
        let test = linear(&rows).test(&THETA, &VCOV, Reference::Normal).unwrap();
        assert_eq!((test.df, test.redundant), (2, vec![2]));
        let mut wrong = rows;
        wrong[2].1 = 2.1;
        assert_eq!(linear(&wrong).test(&THETA, &VCOV, Reference::Normal), Err(NoTest::Contradiction(2)));
        assert_eq!(linear(&[(&[], 0.0)]).test(&THETA, &VCOV, Reference::Normal), Err(NoTest::Empty));
        assert_eq!(linear(&[(&[], 1.0)]).test(&THETA, &VCOV, Reference::Normal), Err(NoTest::Contradiction(0)));
    }

    #[test]
    fn an_identity_of_the_estimates_is_redundant_if_it_holds() {
        // the second parameter is twice the first, with certainty
        let vcov = [1.0, 2.0, 2.0, 4.0];
        let test = |theta: [f64; 2], value: f64| {
            linear(&[(&[(0, 1.0)], 0.0), (&[(1, 1.0)], value)]).test(&theta, &vcov, Reference::Normal)
        };
        assert_eq!(test([1.0, 2.0], 0.0).unwrap().redundant, vec![1]);
        assert_eq!(test([1.0, 2.0], 0.3), Err(NoTest::Singular(1, 2)));
    }
}
