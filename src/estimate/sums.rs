//! Influence of chosen numbers by groups of clusters.

use super::{InfluenceSums, Options, SumRequest};
use crate::aggregate::{Aggregator, Grouped, GroupedSums, Records, Rows, ScoreQuery};
use crate::design::Sample;
use crate::design::singletons::Exact;
use crate::rates::functionals::Functionals;
use crate::result::VcovKind;

/// Whether the covariance of the adjusted rates is all that is wanted, so that one pass over rows gives it with the sums.
pub fn only_rates(sample: &Sample, options: &Options) -> bool {
    let of_rates = |request: &SumRequest| {
        let names = request.numbers.iter().flatten().map(|(name, _)| name);
        request.only && names.into_iter().all(|name| name.starts_with("rate::"))
    };
    options.sums.as_ref().is_some_and(of_rates)
        && options.vcov == VcovKind::Cr1
        && sample.clusters.len() == 1
        && sample.rates.is_some()
        && !(options.margins || options.diagnostics || options.keep_influence || options.keep_bare)
}

/// Functionals that are the rates themselves.
pub fn rates_alone(functionals: Functionals, n_cells: usize) -> Functionals {
    let combinations: Vec<&[f64]> = functionals.combination.iter().map(Vec::as_slice).collect();
    let records = reduced(&functionals.records, &combinations, n_cells);
    let n = combinations.len();
    let unit = |j: usize| (0..n).map(|m| f64::from(m == j)).collect();
    Functionals { records, rates: functionals.rates, combination: (0..n).map(unit).collect() }
}

/// Sums of all functionals of a query.
pub fn grouped(rows: &Rows, query: &ScoreQuery, request: &SumRequest, exact: &[Exact]) -> GroupedSums {
    let other = request.other.as_ref().map(|other| other.as_slice());
    rows.grouped(query, Grouped { groups: &request.groups, n_groups: request.n_groups, other }, exact)
}

/// The numbers of a request from sums of functionals; `names` and `combinations` are what the fit has, in terms of those.
pub fn chosen(
    summed: &GroupedSums,
    request: &SumRequest,
    names: &[String],
    combinations: &[Vec<f64>],
) -> InfluenceSums {
    let l = summed.cross.len();
    let wanted: Vec<Option<Vec<f64>>> =
        request.numbers.iter().map(|number| combination(number, names, combinations, l)).collect();
    let column =
        |c: &Vec<f64>| summed.sums.chunks(l).map(|sums| sums.iter().zip(c).map(|(s, c)| s * c).sum()).collect();
    let quadratic = |c: &Vec<f64>| -> f64 {
        let pairs = (0..l).flat_map(|i| (0..l).map(move |j| (i, j)));
        pairs.map(|(i, j)| c[i] * c[j] * summed.meat.matrix[i * l + j]).sum()
    };
    let first = wanted.first().and_then(Option::as_ref);
    InfluenceSums {
        columns: wanted.iter().map(|number| number.as_ref().map(column)).collect(),
        square: first.map_or(f64::NAN, quadratic),
        cross: first.map_or(f64::NAN, |c| summed.cross.iter().zip(c).map(|(cross, c)| cross * c).sum()),
    }
}

/// The numbers of a request in a pass of their own.
pub fn sums(
    rows: &Rows,
    query: &ScoreQuery,
    request: &SumRequest,
    names: &[String],
    combinations: &[Vec<f64>],
    exact: &[Exact],
) -> InfluenceSums {
    let l = query.records.len();
    let has = |number: &&Vec<(String, f64)>| combination(number, names, combinations, l).is_some();
    let found: Vec<Vec<f64>> =
        request.numbers.iter().filter_map(|number| combination(number, names, combinations, l)).collect();
    if found.is_empty() {
        return InfluenceSums { columns: vec![None; request.numbers.len()], square: f64::NAN, cross: f64::NAN };
    }
    let slices: Vec<&[f64]> = found.iter().map(Vec::as_slice).collect();
    let records = reduced(query.records, &slices, rows.cells().len());
    let summed = grouped(rows, &ScoreQuery { records: &records, ..query.clone() }, request, exact);
    let width = found.len();
    let mut columns = (0..width).map(|j| summed.sums.iter().skip(j).step_by(width).copied().collect::<Vec<f64>>());
    let has_first = request.numbers.first().filter(has).is_some();
    InfluenceSums {
        columns: request.numbers.iter().map(|number| Some(number).filter(has).and_then(|_| columns.next())).collect(),
        square: if has_first { summed.meat.matrix[0] } else { f64::NAN },
        cross: if has_first { summed.cross[0] } else { f64::NAN },
    }
}

/// A number as a combination of functionals; `None` if it names what the fit has not.
fn combination(number: &[(String, f64)], names: &[String], combinations: &[Vec<f64>], l: usize) -> Option<Vec<f64>> {
    let mut sum = vec![0.0; l];
    for (name, times) in number {
        let at = names.iter().position(|known| known == name)?;
        sum.iter_mut().zip(&combinations[at]).for_each(|(sum, c)| *sum += times * c);
    }
    Some(sum)
}

/// Records of combinations of functionals.
fn reduced(records: &Records, combinations: &[&[f64]], n_cells: usize) -> Records {
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
