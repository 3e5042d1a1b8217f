//! Ordinary and weighted least squares.

use super::assemble::{Point, Problem, assemble};
use super::shared::Shared;
use super::{FitError, Fitted, Options, check_outcome, effect_names, leveraged, slopes};
use crate::absorb::Solver;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::layout::Layout;
use crate::design::singletons::{Exact, mark_singletons};
use crate::result::Family;
use rayon::prelude::*;

/// Fits every outcome on one factorisation.
pub fn fit(sample: &Sample, options: &Options, rows: &Rows) -> Vec<Result<Fitted, FitError>> {
    let mut exact = vec![Exact::No; rows.cells().len()];
    if options.drop_singletons {
        mark_singletons(sample, rows.cells(), &mut exact);
    }
    let layout = Layout::new(sample, rows.cells(), &exact);
    if let Err(error) =
        slopes::check(sample, options, &layout).and_then(|()| leveraged::check(sample, options, &layout))
    {
        return sample.outcomes.iter().map(|_| Err(error.clone())).collect();
    }
    let solver = match Solver::careful(&layout, &layout.weight, options.method, &effect_names(sample)) {
        Ok(solver) => solver,
        Err(error) => return sample.outcomes.iter().map(|_| Err(error.clone().into())).collect(),
    };
    let influence = solver.influence();
    let shared = Shared::new(sample, rows, options.count_clusters);
    (0..sample.outcomes.len())
        .into_par_iter()
        .map(|o| {
            check_outcome(sample, o, Family::Ols)?;
            if layout.n() == 0 {
                let outcome = sample.outcomes[o].name.clone();
                return Err(FitError::NoRows { outcome, exact: sample.n_rows });
            }
            let outcome = rows.outcome(o);
            let values: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
            let projection = solver.regress(&values)?;
            let point = Point {
                coef: projection.coef,
                intercept: projection.intercept.as_ref(),
                fitted: &projection.fitted,
                eta: None,
                information: &layout.weight,
                explained: projection.explained,
                influence: &influence,
                iterations: solver.iterations(),
            };
            assemble(Problem { sample, options, rows, shared: &shared, o }, &outcome, &exact, &layout, &solver, point)
        })
        .collect()
}
