//! Levels of effects with slopes, from the sums that they have in every row.
//!
//! The kernel solves for coefficients of columns that are orthonormal within each level, Q = Z R^-1 with Z the intercept
//! and the slopes' variables. The coefficients of Z follow by back substitution in R, level by level. A variable that a
//! level's rows do not determine (it does not vary there) has the coefficient zero.

use super::{ACCURATE, Compact, ROUNDING, ROUNDS};
use crate::absorb::NotConverged;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::kernel::varying::{Sloped, Varying};
use crate::design::Sample;
use crate::design::codes::sort_by_code;

/// Values by effect, variable (the intercept first, where there is one) and level.
pub type Values = Vec<Vec<Vec<f64>>>;

/// One effect on the estimation rows, in groups of the eliminated one, with its orthonormal columns.
struct Basis<'a> {
    effect: Sloped<'a>,
    /// `width` numbers per row.
    columns: Vec<f64>,
    /// By variable and level: whether the rows determine it.
    there: Vec<Vec<bool>>,
    /// `width x width` of every level, the upper triangle: entry (j, k) is column j times variable k.
    triangle: Vec<f64>,
}

impl<'a> Basis<'a> {
    fn new(effect: Sloped<'a>) -> Self {
        let (n, width) = (effect.codes.len(), effect.width());
        let mut columns = vec![0.0; n * width];
        let there = effect.orthonormal(None, &mut columns, width);
        let mut triangle = vec![0.0; effect.n_levels * width * width];
        for row in 0..n {
            let own = &mut triangle[effect.codes[row] as usize * width * width..][..width * width];
            for k in 0..width {
                let value = variable(&effect, k, row);
                (0..=k).for_each(|j| own[j * width + k] += columns[row * width + j] * value);
            }
        }
        Basis { effect, columns, there, triangle }
    }

    /// Adds to `values` the coefficients of the variables that `gamma`, coefficients of the orthonormal columns, stand for.
    fn add(&self, gamma: impl Fn(usize, usize) -> f64, values: &mut [Vec<f64>]) {
        let width = self.effect.width();
        let mut own = vec![0.0; width];
        for level in 0..self.effect.n_levels {
            let triangle = &self.triangle[level * width * width..][..width * width];
            for j in (0..width).rev() {
                let later: f64 = (j + 1..width).map(|k| triangle[j * width + k] * own[k]).sum();
                let found = self.there[j][level];
                own[j] = if found { (gamma(j, level) - later) / triangle[j * width + j] } else { 0.0 };
            }
            values.iter_mut().zip(&own).for_each(|(values, own)| values[level] += own);
        }
    }

    /// Sums of the orthonormal columns times `rest`, by column and level.
    fn project(&self, rest: &[f64]) -> Vec<Vec<f64>> {
        let width = self.effect.width();
        let mut sums = vec![vec![0.0; self.effect.n_levels]; width];
        for (row, rest) in rest.iter().enumerate() {
            let level = self.effect.codes[row] as usize;
            sums.iter_mut().enumerate().for_each(|(j, sums)| sums[level] += self.columns[row * width + j] * rest);
        }
        sums
    }
}

/// Variable `k` of an effect in a row: one for the intercept.
fn variable(effect: &Sloped, k: usize, row: usize) -> f64 {
    match k.checked_sub(usize::from(effect.constant)) {
        None => 1.0,
        Some(slope) => effect.slopes[slope][row],
    }
}

/// Solves for all levels; also returns how many slopes their levels do not determine.
///
/// # Errors
/// If conjugate gradients do not converge.
pub fn solve(
    sample: &Sample,
    effects: &[Compact],
    rows: &[u32],
    sums: &[f64],
) -> Result<(Values, usize), NotConverged> {
    let n = sums.len();
    let best = (0..effects.len()).max_by_key(|&e| (sample.effects[e].constant, effects[e].len(), std::cmp::Reverse(e)));
    let own = best.unwrap_or(0);
    let (order, _) = sort_by_code(&effects[own].codes, effects[own].len());
    let sloped = |e: usize| Sloped {
        codes: order.iter().map(|&i| effects[e].codes[i as usize]).collect(),
        n_levels: effects[e].len(),
        constant: sample.effects[e].constant,
        slopes: sample.effects[e]
            .slopes
            .iter()
            .map(|slope| order.iter().map(|&i| slope.values[rows[i as usize] as usize]).collect())
            .collect(),
    };
    let bases: Vec<Basis> = (0..effects.len()).map(|e| Basis::new(sloped(e))).collect();
    let others: Vec<usize> = (0..effects.len()).filter(|&e| e != own).collect();
    let kernel = Varying::new(sloped(own), others.iter().map(|&e| sloped(e)).collect(), None, "the effects to save");

    let target: Vec<f64> = order.iter().map(|&i| sums[i as usize]).collect();
    let largest = target.iter().fold(0.0f64, |most, sum| most.max(sum.abs()));
    let mut values: Values =
        bases.iter().map(|basis| vec![vec![0.0; basis.effect.n_levels]; basis.effect.width()]).collect();
    let mut rest = target.clone();
    for _ in 0..ROUNDS {
        let mut columns = Columns::new(n, 1, kernel.n_levels());
        columns.fill(0, |i| rest[i]);
        let mut solved = Vec::new();
        kernel.absorb(&mut columns, &[inner(&rest)], ACCURATE, Some(&mut solved))?;
        let mut first = 0;
        for &e in &others {
            let n_levels = bases[e].effect.n_levels;
            bases[e].add(|j, level| solved[0][first + j * n_levels + level], &mut values[e]);
            first += bases[e].effect.width() * n_levels;
        }
        let gamma = bases[own].project(&left(&bases, &values, &target));
        bases[own].add(|j, level| gamma[j][level], &mut values[own]);
        rest = left(&bases, &values, &target);
        if rest.iter().all(|value| value.abs() <= ROUNDING * largest) {
            break;
        }
    }
    let slopes = |basis: &Basis| {
        let there = basis.there[usize::from(basis.effect.constant)..].iter().flatten();
        there.filter(|&&there| !there).count()
    };
    Ok((values, bases.iter().map(slopes).sum()))
}

fn inner(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// What all levels leave of the sums.
fn left(bases: &[Basis], values: &Values, sums: &[f64]) -> Vec<f64> {
    let of = |basis: &Basis, values: &[Vec<f64>], row: usize| -> f64 {
        let level = basis.effect.codes[row] as usize;
        values.iter().enumerate().map(|(k, values)| values[level] * variable(&basis.effect, k, row)).sum()
    };
    let fitted = |row: usize| bases.iter().zip(values).map(|(basis, values)| of(basis, values, row)).sum::<f64>();
    sums.iter().enumerate().map(|(row, sum)| sum - fitted(row)).collect()
}
