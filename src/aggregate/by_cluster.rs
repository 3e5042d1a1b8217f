//! Rows counted by cluster and cell: what a jackknife needs of them.

use super::Rows;
use crate::design::codes::{combine, sort_by_code};
use crate::linalg::blocks::BLOCK;
use rayon::prelude::*;
use std::ops::Range;

/// The cells of every cluster; entries of a cluster stand together, ascending by cell.
#[derive(Debug, Clone)]
pub struct ClusterCells {
    /// First entry of each cluster, and the end.
    pub bounds: Vec<u32>,
    /// Cell of each entry.
    pub cell: Vec<u32>,
    /// Weight of the cluster's rows in that cell.
    pub weight: Vec<f64>,
    /// Weighted mean of their outcome (shifted).
    pub mean: Vec<f64>,
    /// Rows behind each entry; all of one weight where that was asked for.
    pub rows: Vec<u32>,
}

impl ClusterCells {
    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Whether there is no cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of a cluster.
    #[inline]
    pub fn entries(&self, cluster: usize) -> Range<usize> {
        self.bounds[cluster] as usize..self.bounds[cluster + 1] as usize
    }
}

/// The groups of rows to count: in which order rows come, and where each group starts.
pub(super) struct Partition {
    order: Option<Vec<u32>>,
    bounds: Option<Vec<u32>>,
    n_rows: usize,
}

impl Partition {
    /// Every row on its own.
    pub fn rows(n_rows: usize) -> Self {
        Partition { order: None, bounds: None, n_rows }
    }

    /// Groups of equal codes; codes below `n_levels` that no row has make no group.
    pub fn codes(inputs: &[(&[u32], usize)], n_rows: usize) -> Self {
        let owned;
        let (codes, n_levels) = match inputs {
            [(codes, n)] => (*codes, *n),
            _ => {
                owned = combine(inputs, n_rows);
                (owned.0.as_slice(), owned.1)
            }
        };
        if codes.is_sorted() {
            let starts = (0..n_rows).filter(|&i| i == 0 || codes[i] != codes[i - 1]).map(|i| i as u32);
            return Partition { order: None, bounds: Some(starts.chain([n_rows as u32]).collect()), n_rows };
        }
        let (order, mut starts) = sort_by_code(codes, n_levels);
        starts.dedup();
        Partition { order: Some(order), bounds: Some(starts), n_rows }
    }

    fn len(&self) -> usize {
        self.bounds.as_ref().map_or(self.n_rows, |bounds| bounds.len() - 1)
    }

    fn positions(&self, group: usize) -> Range<usize> {
        match &self.bounds {
            None => group..group + 1,
            Some(bounds) => bounds[group] as usize..bounds[group + 1] as usize,
        }
    }

    fn row(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position] as usize)
    }
}

/// Entries of some clusters, in order.
#[derive(Default)]
struct Part {
    counts: Vec<u32>,
    cell: Vec<u32>,
    weight: Vec<f64>,
    mean: Vec<f64>,
    rows: Vec<u32>,
}

impl Part {
    fn add(&mut self, cell: u32, weight: f64, sum: f64, rows: u32) {
        self.cell.push(cell);
        self.weight.push(weight);
        self.mean.push(sum / weight);
        self.rows.push(rows);
    }
}

/// Counts the rows of each group by cell; with `split_weights`, by cell and weight.
pub(super) fn count(rows: &Rows, values: &[f64], shift: f64, groups: &Partition, split_weights: bool) -> ClusterCells {
    let of_row = &rows.cells.of_row;
    let weight = |row: usize| rows.sample.weight(row);
    let fill = |range: Range<usize>| {
        let mut part = Part::default();
        let mut keys: Vec<(u32, u64, u32)> = Vec::new();
        for group in range {
            let before = part.cell.len();
            let positions = groups.positions(group);
            if positions.len() == 1 {
                let row = groups.row(positions.start);
                let weight = weight(row);
                part.add(of_row[row], weight, weight * (values[row] - shift), 1);
                part.counts.push(1);
                continue;
            }
            keys.clear();
            // positive numbers ascend with their bits
            let by_weight = |row: usize| if split_weights { weight(row).to_bits() } else { 0 };
            keys.extend(positions.map(|at| groups.row(at)).map(|row| (of_row[row], by_weight(row), row as u32)));
            keys.sort_unstable();
            for run in keys.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
                let (mut total, mut sum) = (0.0, 0.0);
                for &(_, _, row) in run {
                    let weight = weight(row as usize);
                    total += weight;
                    sum += weight * (values[row as usize] - shift);
                }
                part.add(run[0].0, total, sum, run.len() as u32);
            }
            part.counts.push((part.cell.len() - before) as u32);
        }
        part
    };
    let n = groups.len();
    let blocks = n.div_ceil(BLOCK);
    let parts: Vec<Part> = (0..blocks).into_par_iter().map(|b| fill(b * BLOCK..((b + 1) * BLOCK).min(n))).collect();
    let mut all = ClusterCells { bounds: vec![0], cell: vec![], weight: vec![], mean: vec![], rows: vec![] };
    let mut end = 0;
    for part in parts {
        all.bounds.extend(part.counts.iter().map(|count| {
            end += count;
            end
        }));
        all.cell.extend(part.cell);
        all.weight.extend(part.weight);
        all.mean.extend(part.mean);
        all.rows.extend(part.rows);
    }
    all
}
