//! The weights that a linear model gives to outcomes (Chattopadhyay and Zubizarreta 2023).
//!
//! A coefficient or an adjusted rate of least squares is a weighted sum of outcomes, sum_i omega_i y_i with omega_i = w_i h_c(i)
//! ([`crate::aggregate`]), and h depends on the design alone: what is compared with what, which rows count for how much, and
//! whether some count negatively, is known before any outcome is seen. Weights of a difference are differences of weights.

use super::{FitError, Options};
use crate::aggregate::Records;
use crate::design::Sample;
use crate::design::cells::Cells;
use crate::result::Family;

/// Implied weights of every row of a sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImpliedWeights {
    /// Coefficients, then `rate::<level>`.
    pub names: Vec<String>,
    /// Rows of the sample x names.
    pub values: Vec<f64>,
}

/// Refuses weights of what is no weighted sum.
///
/// # Errors
/// [`FitError::NoWeights`] for a likelihood.
pub fn check(options: &Options) -> Result<(), FitError> {
    match options.family {
        Family::Ols => Ok(()),
        _ => Err(FitError::NoWeights {
            reason: "the estimates of a likelihood are no weighted sums of outcomes: its weights would depend on them",
        }),
    }
}

/// Weights of the numbers `names`, which are these combinations of the functionals.
pub(super) fn weights(
    sample: &Sample,
    cells: &Cells,
    records: &Records,
    names: Vec<String>,
    combinations: &[Vec<f64>],
) -> ImpliedWeights {
    let width = names.len();
    let h: Vec<f64> = (0..cells.len())
        .flat_map(|cell| {
            let slope = records.slope(cell);
            combinations[..width].iter().map(|c| c.iter().zip(slope).map(|(c, h)| c * h).sum()).collect::<Vec<f64>>()
        })
        .collect();
    let of_row = cells.of_row.iter().enumerate().flat_map(|(row, &cell)| {
        let own = &h[cell as usize * width..(cell as usize + 1) * width];
        own.iter().map(move |h| sample.weight(row) * h)
    });
    ImpliedWeights { values: of_row.collect(), names }
}
