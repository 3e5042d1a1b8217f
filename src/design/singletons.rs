//! Rows that the absorbed effects fit exactly, whatever the regressors: singletons, and separated levels of a likelihood.
//!
//! Such rows carry no information on the coefficients. They are left out of the estimation (as fixest and reghdfe do)
//! and counted, but stay in the target of adjusted rates.

use super::cells::Cells;
use super::{Effect, Sample};

/// Why the effects fit a cell exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// It is part of the estimation.
    No,
    /// A level of an effect holds this row only (found iteratively).
    Singleton,
    /// The likelihood predicts it perfectly: a level of an effect holds only zeros or only ones (found iteratively), or
    /// a combination of regressors and effects does it.
    Separated,
}

/// Marks singleton rows, iterating until no level holds a single remaining row.
pub fn mark_singletons(sample: &Sample, cells: &Cells, exact: &mut [Exact]) {
    let of = |effect: &Effect, cell: usize| {
        effect.constant || effect.slopes.iter().any(|slope| slope.values[cells.row[cell] as usize] != 0.0)
    };
    iterate(sample, cells, exact, Exact::Singleton, |rows, _, _| rows == 1, None, of);
}

/// Marks cells of levels whose outcome is all zero (or, on two sides, all one), iterating until none is left.
///
/// `mean` is the outcome's mean in each cell. A binary likelihood separates on two sides, a Poisson at zero only.
pub fn mark_separated(sample: &Sample, cells: &Cells, mean: &[f64], two_sided: bool, exact: &mut [Exact]) {
    let test = |_: u32, weight: f64, sum: f64| is_separated(weight, sum, two_sided);
    // what slopes alone separate depends on their values: the general search for separation finds it
    iterate(sample, cells, exact, Exact::Separated, test, Some(mean), |effect, _| effect.constant);
}

/// Whether rows of this weight and sum of outcomes are all zero or (on two sides) all one.
pub fn is_separated(weight: f64, sum: f64, two_sided: bool) -> bool {
    sum <= 0.0 || (two_sided && sum >= weight * (1.0 - 1e-14))
}

/// Applies a per-level test (rows, weight, sum of outcome) to every effect until nothing changes, to the cells of a level
/// where the effect `applies`.
fn iterate(
    sample: &Sample,
    cells: &Cells,
    exact: &mut [Exact],
    mark: Exact,
    test: impl Fn(u32, f64, f64) -> bool,
    mean: Option<&[f64]>,
    applies: impl Fn(&Effect, usize) -> bool,
) {
    let mut changed = !sample.effects.is_empty();
    while changed {
        changed = false;
        for (effect, codes) in sample.effects.iter().zip(&cells.effect_codes) {
            let mut rows = vec![0u32; effect.n_levels];
            let mut sums = vec![(0.0, 0.0); if mean.is_some() { effect.n_levels } else { 0 }];
            for cell in (0..cells.len()).filter(|&cell| exact[cell] == Exact::No) {
                let level = codes[cell] as usize;
                rows[level] += cells.rows[cell];
                if let Some(mean) = mean {
                    sums[level].0 += cells.weight[cell];
                    sums[level].1 += cells.weight[cell] * mean[cell];
                }
            }
            for cell in 0..cells.len() {
                if exact[cell] != Exact::No {
                    continue;
                }
                let level = codes[cell] as usize;
                let (weight, sum) = sums.get(level).copied().unwrap_or((0.0, 0.0));
                if test(rows[level], weight, sum) && applies(effect, cell) {
                    exact[cell] = mark;
                    changed = true;
                }
            }
        }
        if sample.effects.len() == 1 {
            break; // one pass finds all
        }
    }
}
