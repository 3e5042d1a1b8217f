//! Influence of chosen numbers by groups of clusters.

use super::{InfluenceSums, SumRequest};
use crate::aggregate::{Aggregator, Grouped, Records, Rows, ScoreQuery};

/// Sums by group of the numbers of a request; `names` and `combinations` are what the fit has, in terms of the
/// functionals of `query`.
pub fn sums(
    rows: &Rows,
    query: &ScoreQuery,
    request: &SumRequest,
    names: &[String],
    combinations: &[&[f64]],
) -> InfluenceSums {
    let l = query.records.len();
    let wanted: Vec<Option<Vec<f64>>> = request
        .numbers
        .iter()
        .map(|number| {
            let mut sum = vec![0.0; l];
            for (name, times) in number {
                let at = names.iter().position(|known| known == name)?;
                sum.iter_mut().zip(combinations[at]).for_each(|(sum, c)| *sum += times * c);
            }
            Some(sum)
        })
        .collect();
    let found: Vec<&Vec<f64>> = wanted.iter().flatten().collect();
    let records = reduced(query.records, &found, rows.cells().len());
    let by = Grouped {
        groups: &request.groups,
        n_groups: request.n_groups,
        other: request.other.as_ref().map(|other| other.as_slice()),
    };
    if found.is_empty() {
        return InfluenceSums { columns: vec![None; wanted.len()], square: f64::NAN, cross: f64::NAN };
    }
    let summed = rows.grouped(&ScoreQuery { records: &records, ..query.clone() }, by);
    let width = found.len();
    let mut columns = (0..width).map(|j| summed.sums.iter().skip(j).step_by(width).copied().collect::<Vec<f64>>());
    let has_first = wanted.first().is_some_and(Option::is_some);
    InfluenceSums {
        columns: wanted.iter().map(|number| number.as_ref().and_then(|_| columns.next())).collect(),
        square: if has_first { summed.square } else { f64::NAN },
        cross: if has_first { summed.cross } else { f64::NAN },
    }
}

/// Records of combinations of functionals.
fn reduced(records: &Records, combinations: &[&Vec<f64>], n_cells: usize) -> Records {
    let first = records.first_constant();
    let mut out = Records::new(n_cells, combinations.len(), 0);
    for cell in 0..n_cells {
        out.set_fitted(cell, records.fitted(cell));
        let (slope, constant) = (records.slope(cell), records.constant(cell));
        for (j, combination) in combinations.iter().enumerate() {
            out.slope_mut(cell)[j] = combination.iter().zip(slope).map(|(c, h)| c * h).sum();
            out.constant_mut(cell)[j] = combination[first..].iter().zip(constant).map(|(c, t)| c * t).sum();
        }
    }
    out
}
