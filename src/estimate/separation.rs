//! Separation of a logit by its regressors: a combination of columns that is zero where outcomes are mixed, and points
//! the right way wherever they are all zero or all one. The likelihood then has no maximum.
//!
//! Separation by the effects alone is handled before (see [`crate::design::singletons`]). Single factor levels are
//! tested directly; the general case by the iterative rectifier of Correia, Guimaraes and Zylkin (2021), applied to both
//! sides of the outcome.

use super::FitError;
use crate::absorb::{Method, NotConverged, Solver};
use crate::design::Sample;
use crate::design::cells::Cells;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;

/// Weight of the rows that a separating direction must not touch, relative to the others.
const INTERIOR_WEIGHT: f64 = 1e6;
/// Size below which a fitted direction counts as zero.
const ZERO: f64 = 1e-5;
/// Rectifier iterations.
const MAX_ITERATIONS: usize = 500;

/// Refuses factor levels of the regressors whose outcome is all zero or all one.
///
/// # Errors
/// [`FitError::Separated`] naming the level.
pub fn refuse_separated_levels(
    sample: &Sample,
    cells: &Cells,
    exact: &[Exact],
    mean: &[f64],
    outcome: &str,
) -> Result<(), FitError> {
    for term in sample.terms.iter().filter(|term| term.values.is_none()) {
        let Some(levels) = &term.levels else { continue };
        let mut sums = vec![(0.0, 0.0, 0usize); levels.column_of_level.len()];
        for cell in (0..cells.len()).filter(|&cell| exact[cell] == Exact::No) {
            let slot = &mut sums[levels.codes[cells.row[cell] as usize] as usize];
            slot.0 += cells.weight[cell];
            slot.1 += cells.weight[cell] * mean[cell];
            slot.2 += cells.rows[cell] as usize;
        }
        for (level, (weight, sum, rows)) in sums.into_iter().enumerate() {
            if rows > 0 && (sum <= 0.0 || sum >= weight * (1.0 - 1e-14)) {
                let column = levels.column_of_level[level] as usize;
                let direction = match term.names.get(column) {
                    Some(name) => format!("`{name}`"),
                    None => format!("the reference level of `{}`", levels.factor),
                };
                return Err(FitError::Separated { outcome: outcome.to_owned(), direction, single: true, rows });
            }
        }
    }
    Ok(())
}

/// Looks for a separating direction; `Ok(None)` if there is none.
///
/// # Errors
/// [`NotConverged`] if an iterative absorption fails.
pub fn find_separation(
    sample: &Sample,
    cells: &Cells,
    layout: &Layout,
    mean: &[f64],
    method: Method,
    effects: &str,
    outcome: &str,
) -> Result<Option<FitError>, NotConverged> {
    let side: Vec<f64> = mean.iter().map(|&m| f64::from(m >= 1.0) - f64::from(m <= 0.0)).collect();
    let weight: Vec<f64> = side.iter().map(|&s| if s == 0.0 { INTERIOR_WEIGHT } else { 1.0 }).collect();
    let solver = Solver::new(layout, &weight, method, effects)?;
    let mut target = side.clone();
    for _ in 0..MAX_ITERATIONS {
        let projection = solver.regress(&target)?;
        let fitted = &projection.fitted;
        let consistent = fitted.iter().zip(&side).all(|(f, s)| if *s == 0.0 { f.abs() < ZERO } else { f * s > -ZERO });
        if consistent {
            let rows: usize = fitted
                .iter()
                .zip(&side)
                .zip(&layout.cell)
                .filter(|((f, s), _)| *f * *s > ZERO)
                .map(|(_, &cell)| cells.rows[cell as usize] as usize)
                .sum();
            let terms: Vec<String> = layout
                .names
                .iter()
                .zip(&projection.coef)
                .filter(|(_, b)| b.abs() > ZERO)
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            if rows == 0 {
                return Ok(None);
            }
            let direction = if terms.is_empty() {
                format!("the fixed effects {}", crate::estimate::effect_names(sample))
            } else {
                terms.join(" with ")
            };
            let single = terms.len() == 1;
            return Ok(Some(FitError::Separated { outcome: outcome.to_owned(), direction, single, rows }));
        }
        target = fitted.iter().zip(&side).map(|(f, s)| if *s == 0.0 { 0.0 } else { s * (f * s).max(0.0) }).collect();
    }
    Ok(None)
}
