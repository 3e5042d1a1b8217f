//! Estimation on rows, for designs whose rows do not repeat: huge effects, continuous regressors.
//!
//! Cells ([`crate::design::cells`]) have nothing to count there. Regressors and outcomes are residualised on the effects by
//! the kernel ([`crate::absorb::kernel`]) and regressed; nothing of the size of the table is made but those columns.
//! Adjusted rates need the design's cells: fits with rates take the other path, with the same kernel below.

mod absorber;
mod design;
mod finish;
mod glm;
mod ols;
mod scores;
mod variance;

use super::{FitError, Fitted, Options};
use crate::absorb::precise::is_cheap;
use crate::absorb::{DENSE_LIMIT, Method};
use crate::design::Sample;
use crate::estimate::link::Glm;
use crate::result::Family;

/// Share of rows that the levels of one effect may be before rows count as not repeating.
const LEVELS_PER_ROW: usize = 3;
/// Combinations of levels per row beyond which rows count as not repeating.
const COMBINATIONS_PER_ROW: f64 = 16.0;
/// Distinct values from which a number is taken for continuous, among the first [`PROBED`] rows.
const CONTINUOUS: usize = 256;
/// Rows looked at.
const PROBED: usize = 4096;

/// Whether a fit is made on rows.
pub fn applies(sample: &Sample, options: &Options) -> bool {
    let is_whole = sample.absorbs_constant()
        && sample.rates.is_none()
        && !options.bias_correction
        && !options.margins
        && !options.keep_weights
        && !options.firth
        && !options.diagnostics
        && !options.vcov.uses_leverage();
    if options.method == Method::Cells || !is_whole {
        return false;
    }
    if sample.has_slopes() {
        // the dense factor on cells is best as long as it is small
        return match options.method {
            Method::Auto => slope_columns(sample) > DENSE_LIMIT,
            method => method == Method::Cg,
        };
    }
    if options.method != Method::Auto {
        return true;
    }
    // what takes milliseconds either way is solved with all digits
    if options.family == Family::Ols && is_cheap(sample.n_rows, dense_columns(sample)) {
        return false;
    }
    let levels = || sample.effects.iter().map(|effect| effect.n_levels);
    let largest = levels().max().unwrap_or(0);
    let others = levels().sum::<usize>() - largest;
    let of_terms = sample.terms.iter().filter_map(|term| term.levels.as_ref());
    let combinations: f64 =
        levels().chain(of_terms.map(|levels| levels.column_of_level.len())).map(|n| n as f64).product();
    largest >= sample.n_rows / LEVELS_PER_ROW
        || others > DENSE_LIMIT
        || combinations > COMBINATIONS_PER_ROW * sample.n_rows as f64
        || sample.terms.iter().filter_map(|term| term.values.as_ref()).any(|values| is_continuous(values))
}

/// Columns beside the intercepts of the largest effect.
fn slope_columns(sample: &Sample) -> usize {
    let largest = sample.effects.iter().filter(|effect| effect.constant).map(|effect| effect.n_levels).max();
    let columns = sample.effects.iter().map(|e| e.n_levels * (usize::from(e.constant) + e.slopes.len()));
    columns.sum::<usize>() - largest.unwrap_or(0)
}

/// Columns of a dense factor: levels of all effects but the largest, and regressors.
fn dense_columns(sample: &Sample) -> usize {
    let levels = || sample.effects.iter().map(|effect| effect.n_levels);
    let regressors: usize = sample.terms.iter().map(|term| term.n_columns()).sum();
    levels().sum::<usize>() - levels().max().unwrap_or(0) + regressors
}

fn is_continuous(values: &[f64]) -> bool {
    let mut first: Vec<u64> = values.iter().take(PROBED).map(|value| value.to_bits()).collect();
    first.sort_unstable();
    first.dedup();
    first.len() > CONTINUOUS
}

/// Fits every outcome; see [`super::fit`].
pub fn fit(sample: &Sample, options: &Options) -> Vec<Result<Fitted, FitError>> {
    match Glm::of(options.family) {
        None => ols::fit(sample, options),
        Some(family) => glm::fit(sample, options, family),
    }
}
