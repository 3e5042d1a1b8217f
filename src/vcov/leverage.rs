//! The hat matrix of the whole design, absorbed effects included, without ever forming it.
//!
//! With the largest effect eliminated and A = L L' the factorised Schur complement of the dense columns
//! ([`crate::absorb::exact`]), rows i and j of design cells c and d have
//!
//! ```text
//! z_i' (Z'WZ)^{-1} z_j = v_c'v_d + [same level e of the eliminated effect] / w_e,     v_c = L^{-1} (z_c - mean of z in e)
//! ```
//!
//! (Frisch-Waugh-Lovell), so that one vector v_c for each cell holds all. It is the leverage of a row per unit of weight
//! where i = j.

use crate::absorb::exact::ExactSolver;
use crate::design::layout::Layout;
use rayon::prelude::*;

/// Cells per parallel task.
const CELLS: usize = 1 << 12;
/// Entries of the table of v_c up to which it is kept: 256 MB. Beyond, rows are made when they are asked for.
const TABLE: usize = 1 << 25;
/// Entries of the table of group means that can be held: 1.6 GB.
pub const CENTRES: usize = 200_000_000;
/// A group of the eliminated effect in which a cell does not lie.
pub const NO_GROUP: u32 = u32::MAX;

/// Whitened design of the estimation cells.
#[derive(Debug)]
pub struct Leverage<'a> {
    layout: &'a Layout,
    rank: usize,
    /// Column j of L^{-1} (kept rows only), at `j * rank`; the row of `k` (no column) is zero.
    inverse: Vec<f64>,
    /// L^{-1} of the mean of z in each group.
    centre: Vec<f64>,
    /// v_c of each estimation cell; empty if the table would be too large.
    table: Vec<f64>,
    /// Position of each cell in the layout; [`NO_GROUP`] outside the estimation.
    place: Vec<u32>,
    /// Group of each cell.
    group: Vec<u32>,
    /// 1 / w_e of each group.
    group_inverse: &'a [f64],
    /// z'(Z'WZ)^{-1} z of each cell.
    own: Vec<f64>,
}

impl<'a> Leverage<'a> {
    /// Whitens the cells of a solved problem; `n_cells` counts all cells, in the estimation or not.
    pub fn new(solver: &'a ExactSolver<'a>, n_cells: usize) -> Self {
        let layout = solver.layout();
        let (rank, inverse) = solver.whitening();
        let mut place = vec![NO_GROUP; n_cells];
        let mut group = vec![NO_GROUP; n_cells];
        layout.cell.iter().enumerate().for_each(|(i, &cell)| place[cell as usize] = i as u32);
        layout.for_groups(|e, cells| cells.for_each(|i| group[layout.cell[i] as usize] = e as u32));
        let mut leverage = Leverage {
            layout,
            rank,
            inverse,
            centre: Vec::new(),
            table: Vec::new(),
            place,
            group,
            group_inverse: solver.group_inverse(),
            own: Vec::new(),
        };
        leverage.centre = leverage.centres(solver.weight());
        let n = layout.n();
        if n * rank <= TABLE {
            let mut table = vec![0.0; n * rank];
            table.par_chunks_mut(CELLS * rank.max(1)).enumerate().for_each(|(block, rows)| {
                let rows = rows.chunks_exact_mut(rank.max(1)).enumerate();
                rows.for_each(|(at, row)| leverage.whiten(block * CELLS + at, row));
            });
            leverage.table = table;
        }
        leverage.own = leverage.own_leverage(n_cells);
        leverage
    }

    /// Number of independent dense columns: the length of v_c.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Whether a cell is part of the estimation.
    #[inline]
    pub fn is_estimated(&self, cell: usize) -> bool {
        self.place[cell] != NO_GROUP
    }

    /// Group of the eliminated effect of a cell; [`NO_GROUP`] if none is eliminated.
    #[inline]
    pub fn group(&self, cell: usize) -> u32 {
        self.group[cell]
    }

    /// 1 / w_e of a group; zero for [`NO_GROUP`].
    #[inline]
    pub fn group_inverse(&self, group: u32) -> f64 {
        if group == NO_GROUP { 0.0 } else { self.group_inverse[group as usize] }
    }

    /// Number of groups of the eliminated effect.
    pub fn n_groups(&self) -> usize {
        self.group_inverse.len()
    }

    /// z'(Z'WZ)^{-1} z of a cell: its leverage per unit of weight.
    #[inline]
    pub fn own(&self, cell: usize) -> f64 {
        self.own[cell]
    }

    /// Writes v_c of an estimation cell.
    pub fn write(&self, cell: usize, v: &mut [f64]) {
        let i = self.place[cell] as usize;
        if self.table.is_empty() {
            self.whiten(i, v);
        } else {
            v.copy_from_slice(&self.table[i * self.rank..(i + 1) * self.rank]);
        }
    }

    /// v of the estimation cell at position `i` of the layout.
    fn whiten(&self, i: usize, v: &mut [f64]) {
        match self.group[self.layout.cell[i] as usize] {
            NO_GROUP => v.fill(0.0),
            group => {
                let centre = &self.centre[group as usize * self.rank..][..self.rank];
                v.iter_mut().zip(centre).for_each(|(v, centre)| *v = -centre);
            }
        }
        self.add(i, 1.0, v);
    }

    /// Adds `factor L^{-1} z` of a cell.
    fn add(&self, i: usize, factor: f64, v: &mut [f64]) {
        for (column, value) in self.layout.slots(i) {
            let scaled = factor * value;
            let inverse = &self.inverse[column * self.rank..(column + 1) * self.rank];
            v.iter_mut().zip(inverse).for_each(|(v, entry)| *v += scaled * entry);
        }
    }

    /// L^{-1} of the weighted mean of z in each group.
    fn centres(&self, weight: &[f64]) -> Vec<f64> {
        let (rank, starts) = (self.rank, &self.layout.starts);
        let mut centre = vec![0.0; self.group_inverse.len() * rank];
        centre.par_chunks_mut(rank.max(1)).enumerate().for_each(|(group, centre)| {
            let cells = starts[group] as usize..starts[group + 1] as usize;
            cells.for_each(|i| self.add(i, weight[i] * self.group_inverse[group], centre));
        });
        centre
    }

    fn own_leverage(&self, n_cells: usize) -> Vec<f64> {
        let mut own = vec![0.0; n_cells];
        own.par_chunks_mut(CELLS).enumerate().for_each(|(block, own)| {
            let mut v = vec![0.0; self.rank];
            for (at, own) in own.iter_mut().enumerate() {
                let cell = block * CELLS + at;
                if self.is_estimated(cell) {
                    self.write(cell, &mut v);
                    *own = v.iter().map(|x| x * x).sum::<f64>() + self.group_inverse(self.group[cell]);
                }
            }
        });
        own
    }
}
