//! The method of alternating projections: the plain way, kept as an independent check and for the curious.
//!
//! Each sweep takes the means of one effect after the other out of the columns, forth and back (symmetric). It stops when
//! the normal equations of all effects hold, not when the last sweep moved little.

use super::super::NotConverged;
use super::Report;
use super::operator::Operator;

/// Sweeps allowed.
const LIMIT: usize = 100_000;

/// Absorbs the effects from the columns `x`, which are already free of the eliminated effect.
pub fn absorb<const C: usize>(
    operator: &Operator,
    diagonal: &[f64],
    x: &mut [[f64; C]],
    raw: &[f64; C],
    tolerance: f64,
    effects: &str,
) -> Result<Report, NotConverged> {
    let q = operator.incidence.q;
    let mut residual = f64::INFINITY;
    for sweep in 1..=LIMIT {
        for k in (0..q).chain((0..q).rev().skip(1)) {
            let mut means = vec![[0.0; C]; diagonal.len()];
            for (row, value) in x.iter().enumerate() {
                let w = operator.weight.map_or(1.0, |weight| weight[row]);
                let sum = &mut means[operator.incidence.levels[row * q + k] as usize];
                (0..C).for_each(|c| sum[c] += w * value[c]);
            }
            for (mean, &d) in means.iter_mut().zip(diagonal) {
                (0..C).for_each(|c| mean[c] = if d > 0.0 { mean[c] / d } else { 0.0 });
            }
            for (row, value) in x.iter_mut().enumerate() {
                let mean = &means[operator.incidence.levels[row * q + k] as usize];
                (0..C).for_each(|c| value[c] -= mean[c]);
            }
        }
        let sums = operator.residual(x, None, true);
        residual = 0.0f64;
        for c in 0..C {
            let total: f64 =
                sums.levels.iter().zip(diagonal).filter(|(_, d)| **d > 0.0).map(|(s, d)| s[c] * s[c] / d).sum();
            if sums.squares[c] > super::SPANNED * raw[c] {
                residual = residual.max((total / sums.squares[c]).sqrt());
            }
        }
        if residual <= 0.01 * tolerance {
            return Ok(Report { iterations: sweep, residual });
        }
    }
    Err(NotConverged { effects: effects.to_owned(), iterations: LIMIT, residual })
}
