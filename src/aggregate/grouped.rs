//! Sums of influence by groups of clusters, in one pass over rows.

use super::{Records, Rows, ScoreQuery};

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
    /// Sum over clusters of the squared influence on the first number.
    pub square: f64,
    /// Sum over clusters of the product of the first number's influence and the other estimate's; not a number without.
    pub cross: f64,
}

impl Rows<'_> {
    /// Sums the influence of `query` by groups of clusters of the first variable.
    pub fn grouped(&self, query: &ScoreQuery, by: Grouped) -> GroupedSums {
        // the usual numbers: an effect and the rates of two to six levels
        match query.records.len() {
            1 => self.grouped_width::<1>(query, by),
            2 => self.grouped_width::<2>(query, by),
            3 => self.grouped_width::<3>(query, by),
            4 => self.grouped_width::<4>(query, by),
            5 => self.grouped_width::<5>(query, by),
            6 => self.grouped_width::<6>(query, by),
            7 => self.grouped_width::<7>(query, by),
            _ => self.grouped_any(query, by),
        }
    }

    fn grouped_width<const L: usize>(&self, query: &ScoreQuery, by: Grouped) -> GroupedSums {
        let values = &self.sample.outcomes[query.outcome].values;
        let cells = Packed::<L>::new(query.records, self.cells.len());
        let mut sums = vec![[0.0; L]; by.n_groups];
        let (mut square, mut cross) = (0.0, 0.0);
        for (g, run) in self.bounds.windows(2).enumerate() {
            let mut sum = [0.0; L];
            for row in run[0] as usize..run[1] as usize {
                let cell = &cells.of[self.cells.of_row[row] as usize];
                let weight = self.sample.weight(row);
                let residual = values[row] - query.shift - cell.fitted;
                (0..L).for_each(|j| sum[j] += weight * (residual * cell.slope[j] + cell.constant[j]));
            }
            square += sum[0] * sum[0];
            cross += by.other.map_or(0.0, |other| sum[0] * other[g]);
            let group = &mut sums[by.groups[g] as usize];
            (0..L).for_each(|j| group[j] += sum[j]);
        }
        let cross = if by.other.is_some() { cross } else { f64::NAN };
        GroupedSums { sums: sums.into_iter().flatten().collect(), square, cross }
    }

    fn grouped_any(&self, query: &ScoreQuery, by: Grouped) -> GroupedSums {
        let l = query.records.len();
        let values = &self.sample.outcomes[query.outcome].values;
        let mut sums = vec![0.0; by.n_groups * l];
        let (mut square, mut cross) = (0.0, 0.0);
        let mut sum = vec![0.0; l];
        for (g, run) in self.bounds.windows(2).enumerate() {
            sum.fill(0.0);
            for row in run[0] as usize..run[1] as usize {
                self.add_row(query, values, row, &mut sum);
            }
            square += sum[0] * sum[0];
            cross += by.other.map_or(0.0, |other| sum[0] * other[g]);
            let group = &mut sums[by.groups[g] as usize * l..][..l];
            group.iter_mut().zip(&sum).for_each(|(group, value)| *group += value);
        }
        GroupedSums { sums, square, cross: if by.other.is_some() { cross } else { f64::NAN } }
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
