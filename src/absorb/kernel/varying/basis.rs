//! Intercept and slopes of an effect as columns that are orthonormal within every level, in the metric of the weights.
//!
//! Gram and Schmidt, each column twice against those before it. A column of which nothing but rounding is left in a level
//! is zero there: a variable that does not vary, or that the ones before it determine.

use crate::linalg::cholesky::COLLINEARITY_TOLERANCE;
use std::borrow::Cow;

/// Size within a level, relative to the largest value there, that is rounding.
const ROUNDING: f64 = 1e-13;

/// What an effect has at each of its levels.
#[derive(Debug, Clone)]
pub struct Sloped<'a> {
    /// Level of each row.
    pub codes: Cow<'a, [u32]>,
    /// Number of levels.
    pub n_levels: usize,
    /// Whether levels have intercepts.
    pub constant: bool,
    /// Variables with a slope at each level, one value per row.
    pub slopes: Vec<Cow<'a, [f64]>>,
}

impl Sloped<'_> {
    /// Columns of an effect: its intercept and its slopes.
    pub fn width(&self) -> usize {
        usize::from(self.constant) + self.slopes.len()
    }

    /// Writes the columns to `out`, where those of a row stand `stride` apart from those of the next, and returns which
    /// levels have information in each column.
    pub fn orthonormal(&self, weight: Option<&[f64]>, out: &mut [f64], stride: usize) -> Vec<Vec<bool>> {
        let n = self.codes.len();
        let w = |row: usize| weight.map_or(1.0, |weight| weight[row]);
        let level = |row: usize| self.codes[row] as usize;
        let mut there = Vec::with_capacity(self.width());
        let columns = self.constant.then_some(None).into_iter().chain(self.slopes.iter().map(Some));
        let mut total = vec![0.0; self.n_levels];
        (0..n).for_each(|row| total[level(row)] += w(row));
        let mut sums = vec![0.0; self.n_levels];
        for (j, column) in columns.enumerate() {
            let mut z: Vec<f64> = column.map_or_else(|| vec![1.0; n], |values| values.to_vec());
            // squares below which nothing but rounding is left
            let mut floor = vec![0.0f64; self.n_levels];
            (0..n).for_each(|row| floor[level(row)] = floor[level(row)].max((ROUNDING * z[row]).powi(2)));
            floor.iter_mut().zip(&total).for_each(|(floor, total)| *floor *= total);
            // the variable beside the intercept is what it is measured against after the other slopes
            let mut measure = |z: &[f64]| {
                let squares = self.squares(z, &w);
                floor.iter_mut().zip(squares).for_each(|(floor, s)| *floor = floor.max(COLLINEARITY_TOLERANCE * s));
            };
            if !self.constant {
                measure(&z);
            }
            for round in 0..2 {
                for i in 0..j {
                    sums.fill(0.0);
                    (0..n).for_each(|row| sums[level(row)] += w(row) * out[row * stride + i] * z[row]);
                    (0..n).for_each(|row| z[row] -= sums[level(row)] * out[row * stride + i]);
                    if round == 0 && i == 0 && self.constant {
                        measure(&z);
                    }
                }
            }
            let squares = self.squares(&z, &w);
            let is_there = |l: usize| squares[l] > floor[l] && squares[l] > 0.0;
            let inverse: Vec<f64> =
                (0..self.n_levels).map(|l| if is_there(l) { 1.0 / squares[l].sqrt() } else { 0.0 }).collect();
            (0..n).for_each(|row| out[row * stride + j] = z[row] * inverse[level(row)]);
            there.push((0..self.n_levels).map(is_there).collect());
        }
        there
    }

    /// Weighted squares by level.
    fn squares(&self, z: &[f64], w: &impl Fn(usize) -> f64) -> Vec<f64> {
        let mut squares = vec![0.0; self.n_levels];
        self.codes.iter().zip(z).enumerate().for_each(|(row, (&l, z))| squares[l as usize] += w(row) * z * z);
        squares
    }
}
