//! Sums of influence by groups of clusters together with the meat, in one pass over rows.

use super::rows::Same;
use super::{Grouping, Meat, Records, Rows, ScoreQuery};
use crate::aggregate::Aggregator;
use crate::design::singletons::Exact;

/// Which group each cluster of a sample belongs to, and another estimate by cluster to multiply with.
#[derive(Debug, Clone, Copy)]
pub struct Grouped<'a> {
    /// Group of each cluster of the first variable.
    pub groups: &'a [u32],
    /// Number of groups.
    pub n_groups: usize,
    /// Influence of another estimate on each cluster.
    pub other: Option<&'a [f64]>,
}

/// What the pass finds.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupedSums {
    /// Sums by group, groups x L.
    pub sums: Vec<f64>,
    /// Sum over clusters of the product with the other estimate's influence, L numbers; not numbers without one.
    pub cross: Vec<f64>,
    /// Outer products by cluster.
    pub meat: Meat,
}

impl Rows<'_> {
    /// Sums the influence of `query` by groups of clusters of the first variable, and its outer products by cluster.
    /// `exact` marks the cells outside the estimation.
    pub fn grouped(&self, query: &ScoreQuery, by: Grouped, exact: &[Exact]) -> GroupedSums {
        // the usual numbers: an effect and the rates of two to seven levels
        match query.records.len() {
            1 => self.grouped_width::<1>(query, by, exact),
            2 => self.grouped_width::<2>(query, by, exact),
            3 => self.grouped_width::<3>(query, by, exact),
            4 => self.grouped_width::<4>(query, by, exact),
            5 => self.grouped_width::<5>(query, by, exact),
            6 => self.grouped_width::<6>(query, by, exact),
            7 => self.grouped_width::<7>(query, by, exact),
            8 => self.grouped_width::<8>(query, by, exact),
            _ => self.grouped_any(query, by, exact),
        }
    }

    fn grouped_width<const L: usize>(&self, query: &ScoreQuery, by: Grouped, exact: &[Exact]) -> GroupedSums {
        let values = &self.sample.outcomes[query.outcome].values;
        let cells = Packed::<L>::new(query.records, self.cells.len());
        let mut sums = vec![[0.0; L]; by.n_groups];
        let (mut total, mut cross) = ([[0.0; L]; L], [0.0; L]);
        let mut groups = 0usize;
        // the influence of a cluster of one row that is the same as the one before is known
        let (mut last, mut sum, mut estimation, mut repeats) = (Same::default(), [0.0; L], false, 0.0);
        let mut add = |sum: &[f64; L], times: f64| {
            for (row, x) in total.iter_mut().zip(sum) {
                (0..L).for_each(|j| row[j] += times * (x * sum[j]));
            }
        };
        for (g, run) in self.bounds.windows(2).enumerate() {
            let rows = run[0] as usize..run[1] as usize;
            let this = Same::of(self, values, &rows);
            if !(this.is_some() && this == last) {
                if repeats > 0.0 {
                    add(&sum, repeats);
                }
                (last, sum, estimation, repeats) = (this, [0.0; L], false, 0.0);
                for row in rows {
                    let at = self.cells.of_row[row] as usize;
                    let cell = &cells.of[at];
                    let weight = self.sample.weight(row);
                    let residual = values[row] - query.shift - cell.fitted;
                    (0..L).for_each(|j| sum[j] += weight * (residual * cell.slope[j] + cell.constant[j]));
                    estimation |= exact[at] == Exact::No;
                }
            }
            repeats += 1.0;
            groups += usize::from(estimation);
            if let Some(other) = by.other {
                (0..L).for_each(|j| cross[j] += sum[j] * other[g]);
            }
            let group = &mut sums[by.groups[g] as usize];
            (0..L).for_each(|j| group[j] += sum[j]);
        }
        add(&sum, repeats);
        let cross = if by.other.is_some() { cross } else { [f64::NAN; L] };
        let meat = Meat { groups, matrix: total.into_iter().flatten().collect() };
        GroupedSums { sums: sums.into_iter().flatten().collect(), cross: cross.to_vec(), meat }
    }

    fn grouped_any(&self, query: &ScoreQuery, by: Grouped, exact: &[Exact]) -> GroupedSums {
        let l = query.records.len();
        let values = &self.sample.outcomes[query.outcome].values;
        let mut sums = vec![0.0; by.n_groups * l];
        let mut cross = vec![if by.other.is_some() { 0.0 } else { f64::NAN }; l];
        let mut sum = vec![0.0; l];
        for (g, run) in self.bounds.windows(2).enumerate() {
            sum.fill(0.0);
            (run[0] as usize..run[1] as usize).for_each(|row| self.add_row(query, values, row, &mut sum));
            if let Some(other) = by.other {
                cross.iter_mut().zip(&sum).for_each(|(cross, value)| *cross += value * other[g]);
            }
            let group = &mut sums[by.groups[g] as usize * l..][..l];
            group.iter_mut().zip(&sum).for_each(|(group, value)| *group += value);
        }
        GroupedSums { sums, cross, meat: self.meat(query, Grouping::Clusters(&[0]), exact) }
    }
}

/// Records of a width the compiler knows.
struct Packed<const L: usize> {
    of: Vec<PackedCell<L>>,
}

struct PackedCell<const L: usize> {
    fitted: f64,
    slope: [f64; L],
    constant: [f64; L],
}

impl<const L: usize> Packed<L> {
    fn new(records: &Records, n_cells: usize) -> Self {
        let first = records.first_constant().min(L);
        let of = (0..n_cells).map(|cell| {
            let mut packed = PackedCell { fitted: records.fitted(cell), slope: [0.0; L], constant: [0.0; L] };
            packed.slope.copy_from_slice(records.slope(cell));
            packed.constant[first..].copy_from_slice(records.constant(cell));
            packed
        });
        Packed { of: of.collect() }
    }
}
