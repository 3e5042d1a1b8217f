//! What a likelihood needs of an outcome beyond its cells: means on the plain scale, and the terms of rows alone.
//!
//! Both are sums over rows in memory, of the kind that [`Aggregator`] answers; a binary outcome needs neither.

use super::link::Glm;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::cells::CellOutcome;
use crate::design::singletons::Exact;

/// Terms of deviance and likelihood that hold no parameter, summed over the estimation rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RowConstants {
    /// What the deviance of the rows has beyond that of the cells; see [`Glm::saturated`].
    pub deviance: f64,
    /// sum w [`Glm::likelihood_constant`].
    pub log_likelihood: f64,
}

/// The outcome with nothing subtracted: a mean of zero must be exactly zero, and a logarithm needs the plain scale.
pub fn plain_outcome(sample: &Sample, rows: &Rows, outcome: usize, glm: Glm) -> CellOutcome {
    if glm.is_binary() {
        return rows.outcome(outcome);
    }
    let cells = rows.cells();
    let values = &sample.outcomes[outcome].values;
    let mut mean = vec![0.0; cells.len()];
    for (row, &cell) in cells.of_row.iter().enumerate() {
        mean[cell as usize] += sample.weight(row) * values[row];
    }
    mean.iter_mut().zip(&cells.weight).for_each(|(sum, weight)| *sum /= weight);
    CellOutcome { shift: 0.0, within: vec![0.0; mean.len()], mean }
}

/// Sums the terms of rows alone.
pub fn row_constants(
    sample: &Sample,
    rows: &Rows,
    outcome: usize,
    glm: Glm,
    exact: &[Exact],
    of_cells: &CellOutcome,
) -> RowConstants {
    if glm.is_binary() {
        return RowConstants::default();
    }
    let cells = rows.cells();
    let values = &sample.outcomes[outcome].values;
    let mut constants = RowConstants::default();
    // most rows of a count repeat a few values: a cell's mean is taken off row by row, so that nothing large cancels
    let of_mean: Vec<f64> = of_cells.mean.iter().map(|&mean| glm.saturated(mean)).collect();
    for (row, &cell) in cells.of_row.iter().enumerate().filter(|(_, cell)| exact[**cell as usize] == Exact::No) {
        let (weight, y) = (sample.weight(row), values[row]);
        constants.deviance += 2.0 * weight * (glm.saturated(y) - of_mean[cell as usize]);
        constants.log_likelihood += weight * glm.likelihood_constant(y);
    }
    constants
}
