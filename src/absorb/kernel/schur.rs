//! The Schur complement written out, and its sparse Cholesky factor.
//!
//! Column j of S is summed from the groups that level j meets:
//! S_jz = sum_{rows with j and z} w - sum_groups (w of j in the group)(w of z in the group) / (w of the group).
//! The pattern is found once and refilled as weights change; the symbolic factorisation is kept as well.
//! S is scaled to a unit diagonal of D'WD. It is singular (constants of connected components, tied levels): a pivot
//! below [`NULL_PIVOT`] is replaced by one, which removes its direction; the conjugate gradients around the factor
//! correct what that changes.

use super::incidence::Incidence;
use super::small;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::cholesky as sparse;
use faer::sparse::{SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, Mat, Par, Side};
use rayon::prelude::*;

/// Pivot of the scaled matrix below which a level has no information of its own.
const NULL_PIVOT: f64 = 1e-11;
/// Entries per level that the pattern may have: a fuller graph mixes well, and conjugate gradients need few steps.
const ENTRIES_PER_LEVEL: usize = 120;
/// Entries that are affordable whatever the design.
const ENTRIES: usize = 500_000;
/// Entries of the factor, per entry of the pattern, that are affordable whatever the design.
const FACTOR_ENTRIES: usize = 40_000_000;
/// Added to the diagonal of the scaled matrix, which is singular: the gradients correct it in a step or two.
const SHIFT: f64 = 1e-9;
/// Levels per task when columns are summed.
const CHUNK: usize = 256;
/// Levels that effects of few levels have together at most.
const FEW: usize = 96;

/// The pattern of the lower triangle and how to refill it.
#[derive(Debug)]
pub struct Pattern {
    /// Scaled columns start here.
    starts: Vec<usize>,
    rows: Vec<usize>,
    /// Rows of the design with each level, level after level.
    level_starts: Vec<u32>,
    level_rows: Vec<u32>,
    /// Group of each row of the design.
    group: Vec<u32>,
    /// Levels from here on belong to effects of few levels: their rows of S are stored in full.
    tail: usize,
}

/// Weights of rows, and what a group's rows are multiplied by.
struct Numbers<'a> {
    weight: Option<&'a [f64]>,
    /// 1 / weight of each group.
    inverse: Vec<f64>,
}

/// A factorised Schur complement.
pub struct Factor {
    pattern: Pattern,
    symbolic: sparse::SymbolicCholesky<usize>,
    structure: SymbolicSparseColMat<usize>,
    values: Vec<f64>,
    scale: Vec<f64>,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factor").field("entries", &self.values.len()).finish_non_exhaustive()
    }
}

impl Factor {
    /// Writes out and factorises S; `None` if it (or its factor) would be too full to pay.
    pub fn new(incidence: &Incidence, weight: Option<&[f64]>, diagonal: &[f64], forced: bool) -> Option<Self> {
        let n = incidence.n_rows();
        let budget = if forced { usize::MAX / 4 } else { ENTRIES.max(ENTRIES_PER_LEVEL * incidence.n_levels) };
        let scale: Vec<f64> = diagonal.iter().map(|&d| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 }).collect();
        let (pattern, values) = Pattern::new(incidence, weight, &scale, budget)?;
        let k = incidence.n_levels;
        let structure = SymbolicSparseColMat::new_checked(k, k, pattern.starts.clone(), None, pattern.rows.clone());
        let params = sparse::CholeskySymbolicParams::default();
        let symbolic =
            sparse::factorize_symbolic_cholesky(structure.as_ref(), Side::Lower, Default::default(), params).ok()?;
        if !forced && symbolic.len_val() > FACTOR_ENTRIES.max(4 * n) {
            return None;
        }
        let mut factor = Factor { pattern, symbolic, structure, values: Vec::new(), scale };
        factor.factorise(&values).then_some(factor)
    }

    /// Sums and factorises anew for other weights; false if that failed.
    pub fn refill(&mut self, incidence: &Incidence, weight: Option<&[f64]>, diagonal: &[f64]) -> bool {
        self.scale = diagonal.iter().map(|&d| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 }).collect();
        let values = self.pattern.refill(incidence, weight, &self.scale);
        self.factorise(&values)
    }

    fn factorise(&mut self, values: &[f64]) -> bool {
        let mut values = values.to_vec();
        // a column's first entry is its diagonal
        (0..self.scale.len()).for_each(|j| values[self.pattern.starts[j]] += SHIFT);
        self.values.resize(self.symbolic.len_val(), 0.0);
        let matrix = SparseColMatRef::new(self.structure.as_ref(), &values);
        // one thread: the bits of a factor made by several depend on their number
        let (par, params) = (Par::Seq, Default::default());
        let mut memory = MemBuffer::new(self.symbolic.factorize_numeric_llt_scratch::<f64>(par, params));
        let regularization =
            LltRegularization { dynamic_regularization_delta: 1.0, dynamic_regularization_epsilon: NULL_PIVOT };
        let stack = MemStack::new(&mut memory);
        self.symbolic
            .factorize_numeric_llt(&mut self.values, matrix, Side::Lower, regularization, par, stack, params)
            .is_ok()
            && self.values.iter().all(|value| value.is_finite())
    }

    /// `z = S^{-1} r`, up to the directions removed.
    pub fn solve<const C: usize>(&self, r: &[[f64; C]], z: &mut [[f64; C]]) {
        let mut right = Mat::<f64>::from_fn(r.len(), C, |i, c| r[i][c] * self.scale[i]);
        let factor = sparse::LltRef::new(&self.symbolic, &self.values);
        let mut memory = MemBuffer::new(self.symbolic.solve_in_place_scratch::<f64>(C, Par::Seq));
        factor.solve_in_place_with_conj(Conj::No, right.as_mut(), Par::Seq, MemStack::new(&mut memory));
        for (i, (z, scale)) in z.iter_mut().zip(&self.scale).enumerate() {
            *z = std::array::from_fn(|c| right[(i, c)] * scale);
        }
    }
}

impl<'a> Numbers<'a> {
    fn new(incidence: &Incidence, weight: Option<&'a [f64]>) -> Self {
        let inverse = |group: usize| {
            let total: f64 = match weight {
                None => incidence.rows(group).len() as f64,
                Some(weight) => weight[incidence.rows(group)].iter().sum(),
            };
            if total > 0.0 { 1.0 / total } else { 0.0 }
        };
        Numbers { weight, inverse: (0..incidence.n_groups()).map(inverse).collect() }
    }

    #[inline]
    fn weight(&self, row: usize) -> f64 {
        self.weight.map_or(1.0, |weight| weight[row])
    }
}

impl Pattern {
    /// Finds the pattern and its scaled entries; `None` if there are more than `budget`.
    fn new(incidence: &Incidence, weight: Option<&[f64]>, scale: &[f64], budget: usize) -> Option<(Self, Vec<f64>)> {
        let (k, tail) = (incidence.n_levels, incidence.tail(FEW));
        let mut pattern = Pattern::empty(incidence, tail);
        let numbers = Numbers::new(incidence, weight);
        // a sample of columns first: a matrix that is nearly full should not be written out to find that out
        let probe = (tail / 64).max(1);
        let mut probed = Column::new(tail, k);
        let mut entries = 0usize;
        for j in (0..tail).step_by(probe) {
            entries += pattern.column(incidence, &numbers, j, &mut probed);
        }
        if entries.saturating_mul(probe) > 2 * budget {
            return None;
        }
        let chunks: Vec<(Vec<usize>, Vec<f64>, Vec<usize>)> = (0..tail.div_ceil(CHUNK))
            .into_par_iter()
            .map_init(
                || Column::new(tail, k),
                |column, chunk| {
                    let (mut rows, mut values, mut ends) = (Vec::new(), Vec::new(), Vec::new());
                    for j in chunk * CHUNK..((chunk + 1) * CHUNK).min(tail) {
                        pattern.column(incidence, &numbers, j, column);
                        column.touched.sort_unstable();
                        rows.extend(column.touched.iter().map(|&z| z as usize));
                        rows.extend(tail..k);
                        values.extend(
                            column
                                .touched
                                .iter()
                                .map(|&z| z as usize)
                                .chain(tail..k)
                                .map(|z| column.sum[z] * scale[j] * scale[z]),
                        );
                        ends.push(rows.len());
                    }
                    (rows, values, ends)
                },
            )
            .collect();
        let mut values = Vec::new();
        for (rows, part, ends) in chunks {
            let base = pattern.rows.len();
            pattern.starts.extend(ends.iter().map(|end| base + end));
            pattern.rows.extend(rows);
            values.extend(part);
        }
        for j in tail..k {
            pattern.rows.extend(j..k);
            pattern.starts.push(pattern.rows.len());
        }
        values.resize(pattern.rows.len(), 0.0);
        pattern.fill_tail(incidence, weight, scale, &mut values);
        (pattern.rows.len() <= budget).then_some((pattern, values))
    }

    /// Rows of each level and groups of rows.
    fn empty(incidence: &Incidence, tail: usize) -> Self {
        let (q, n) = (incidence.q, incidence.n_rows());
        let mut level_starts = vec![0u32; tail + 1];
        let early = |level: &&u32| (**level as usize) < tail;
        incidence.levels.iter().filter(early).for_each(|&level| level_starts[level as usize + 1] += 1);
        (0..tail).for_each(|level| level_starts[level + 1] += level_starts[level]);
        let mut next = level_starts.clone();
        let mut level_rows = vec![0u32; level_starts[tail] as usize];
        let mut group = vec![0u32; n];
        for g in 0..incidence.n_groups() {
            for row in incidence.rows(g) {
                group[row] = g as u32;
                for &level in incidence.levels[row * q..row * q + q].iter().filter(early) {
                    level_rows[next[level as usize] as usize] = row as u32;
                    next[level as usize] += 1;
                }
            }
        }
        Pattern { starts: vec![0], rows: Vec::new(), level_starts, level_rows, group, tail }
    }

    /// The scaled entries for other weights.
    fn refill(&self, incidence: &Incidence, weight: Option<&[f64]>, scale: &[f64]) -> Vec<f64> {
        let (k, tail) = (incidence.n_levels, self.tail);
        let numbers = Numbers::new(incidence, weight);
        let mut values = vec![0.0; self.rows.len()];
        let mut pieces = Vec::new();
        let mut rest = values.as_mut_slice();
        for chunk in 0..tail.div_ceil(CHUNK) {
            let (first, end) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(tail));
            let (piece, others) = rest.split_at_mut(self.starts[end] - self.starts[first]);
            pieces.push((first..end, piece));
            rest = others;
        }
        pieces.into_par_iter().for_each_init(
            || Column::new(tail, k),
            |column, (levels, piece)| {
                let base = self.starts[levels.start];
                for j in levels {
                    self.column(incidence, &numbers, j, column);
                    let entries = self.starts[j]..self.starts[j + 1];
                    let own = &mut piece[entries.start - base..entries.end - base];
                    own.iter_mut().zip(&self.rows[entries]).for_each(|(value, &z)| {
                        *value = column.sum[z] * scale[j] * scale[z];
                    });
                }
            },
        );
        self.fill_tail(incidence, weight, scale, &mut values);
        values
    }

    /// Fills the entries among the last effects.
    fn fill_tail(&self, incidence: &Incidence, weight: Option<&[f64]>, scale: &[f64], values: &mut [f64]) {
        let (k, tail) = (incidence.n_levels, self.tail);
        if tail == k {
            return;
        }
        let table = small::table(incidence, weight, tail);
        for j in tail..k {
            for (value, z) in values[self.starts[j]..self.starts[j + 1]].iter_mut().zip(j..k) {
                *value = table[(z - tail) * (k - tail) + j - tail] * scale[j] * scale[z];
            }
        }
    }

    /// Sums column j: levels z >= j that it meets, and all of the tail; returns how many entries that is.
    fn column(&self, incidence: &Incidence, numbers: &Numbers, j: usize, column: &mut Column) -> usize {
        let q = incidence.q;
        column.start();
        column.add(j, 0.0);
        let rows = &self.level_rows[self.level_starts[j] as usize..self.level_starts[j + 1] as usize];
        let mut at = 0;
        while at < rows.len() {
            let group = self.group[rows[at] as usize];
            let mut own = 0.0;
            while at < rows.len() && self.group[rows[at] as usize] == group {
                let row = rows[at] as usize;
                let w = numbers.weight(row);
                own += w;
                column.add_row(&incidence.levels[row * q..row * q + q], j, w);
                at += 1;
            }
            let share = own * numbers.inverse[group as usize];
            for row in incidence.rows(group as usize) {
                column.add_row(&incidence.levels[row * q..row * q + q], j, -share * numbers.weight(row));
            }
        }
        column.touched.len() + column.sum.len() - self.tail
    }
}

/// One column being summed.
struct Column {
    sum: Vec<f64>,
    seen: Vec<u32>,
    stamp: u32,
    tail: usize,
    touched: Vec<u32>,
}

impl Column {
    fn new(tail: usize, k: usize) -> Self {
        Column { sum: vec![0.0; k], seen: vec![0; tail], stamp: 0, tail, touched: Vec::new() }
    }

    fn start(&mut self) {
        self.stamp += 1;
        self.touched.clear();
        self.sum[self.tail..].fill(0.0);
    }

    /// Adds a row's levels from j on.
    #[inline]
    fn add_row(&mut self, levels: &[u32], j: usize, value: f64) {
        for &z in levels {
            if z as usize >= j {
                self.add(z as usize, value);
            }
        }
    }

    #[inline]
    fn add(&mut self, z: usize, value: f64) {
        if z >= self.tail {
            self.sum[z] += value;
        } else if self.seen[z] != self.stamp {
            self.seen[z] = self.stamp;
            self.sum[z] = value;
            self.touched.push(z as u32);
        } else {
            self.sum[z] += value;
        }
    }
}
