//! The Schur complement written out, and its sparse Cholesky factor.
//!
//! Column j of S is summed from the groups that level j meets:
//! S_jz = sum_{rows with j and z} w - sum_groups (w of j in the group)(w of z in the group) / (w of the group).
//! The pattern is found once and refilled as weights change; the symbolic factorisation is kept as well.
//! S is scaled to a unit diagonal of D'WD. It is singular (constants of connected components, tied levels): a pivot
//! below [`NULL_PIVOT`] is replaced by one, which removes its direction; the conjugate gradients around the factor
//! correct what that changes.

use super::incidence::Incidence;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::cholesky as sparse;
use faer::sparse::{SparseColMatRef, SymbolicSparseColMat};
use faer::{Conj, Mat, Par, Side};
use rayon::prelude::*;

/// Pivot of the scaled matrix below which a level has no information of its own.
const NULL_PIVOT: f64 = 1e-11;
/// Entries per row of the design that the pattern may have.
const ENTRIES_PER_ROW: usize = 6;
/// Entries that are affordable whatever the design.
const ENTRIES: usize = 2_000_000;
/// Entries of the factor, per entry of the pattern, that are affordable whatever the design.
const FACTOR_ENTRIES: usize = 8_000_000;
/// Levels per task when columns are summed.
const CHUNK: usize = 256;

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
        let budget = if forced { usize::MAX / 4 } else { ENTRIES.max(ENTRIES_PER_ROW * n) };
        let pattern = Pattern::new(incidence, budget)?;
        let k = incidence.n_levels;
        let structure = SymbolicSparseColMat::new_checked(k, k, pattern.starts.clone(), None, pattern.rows.clone());
        let params = sparse::CholeskySymbolicParams::default();
        let symbolic =
            sparse::factorize_symbolic_cholesky(structure.as_ref(), Side::Lower, Default::default(), params).ok()?;
        if !forced && symbolic.len_val() > FACTOR_ENTRIES.max(4 * n) {
            return None;
        }
        let mut factor = Factor { pattern, symbolic, structure, values: Vec::new(), scale: Vec::new() };
        factor.refill(incidence, weight, diagonal).then_some(factor)
    }

    /// Entries of the factor.
    pub fn entries(&self) -> usize {
        self.values.len()
    }

    /// Sums and factorises anew for other weights; false if that failed.
    pub fn refill(&mut self, incidence: &Incidence, weight: Option<&[f64]>, diagonal: &[f64]) -> bool {
        self.scale = diagonal.iter().map(|&d| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 }).collect();
        let values = self.pattern.values(incidence, weight, &self.scale);
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
    }

    /// `z = S^{-1} r`, up to the directions removed.
    pub fn solve<const C: usize>(&self, r: &[[f64; C]], z: &mut [[f64; C]]) {
        let mut right = Mat::<f64>::from_fn(r.len(), C, |i, c| r[i][c] * self.scale[i]);
        let factor = sparse::LltRef::new(&self.symbolic, &self.values);
        let mut memory = MemBuffer::new(self.symbolic.solve_in_place_scratch::<f64>(C, Par::Seq));
        factor.solve_in_place_with_conj(Conj::No, right.as_mut(), Par::Seq, MemStack::new(&mut memory));
        for c in 0..C {
            for (i, value) in right.col(c).iter().enumerate() {
                z[i][c] = value * self.scale[i];
            }
        }
    }
}

impl Pattern {
    /// Finds the pattern; `None` if it has more than `budget` entries.
    fn new(incidence: &Incidence, budget: usize) -> Option<Self> {
        let (q, k, n) = (incidence.q, incidence.n_levels, incidence.n_rows());
        let mut level_starts = vec![0u32; k + 1];
        incidence.levels.iter().for_each(|&level| level_starts[level as usize + 1] += 1);
        (0..k).for_each(|level| level_starts[level + 1] += level_starts[level]);
        let mut next = level_starts.clone();
        let mut level_rows = vec![0u32; n * q];
        let mut group = vec![0u32; n];
        for g in 0..incidence.n_groups() {
            for row in incidence.rows(g) {
                group[row] = g as u32;
                for &level in &incidence.levels[row * q..row * q + q] {
                    level_rows[next[level as usize] as usize] = row as u32;
                    next[level as usize] += 1;
                }
            }
        }
        let mut pattern = Pattern { starts: vec![0], rows: Vec::new(), level_starts, level_rows, group };
        // a sample of columns first: a matrix that is nearly full should not be written out to find that out
        let probe = (k / 64).max(1);
        let mut probed = Columns::new(k);
        let (mut entries, mut work) = (0usize, 0usize);
        for (i, j) in (0..k).step_by(probe).enumerate() {
            entries += pattern.column(incidence, j, &mut probed, None, &mut work);
            if entries * probe > 4 * budget && i >= 8 {
                return None;
            }
        }
        if entries.saturating_mul(probe) > 2 * budget {
            return None;
        }
        let chunks: Vec<(Vec<usize>, Vec<usize>)> = (0..k.div_ceil(CHUNK))
            .into_par_iter()
            .map_init(
                || Columns::new(k),
                |columns, chunk| {
                    let (mut rows, mut ends, mut work) = (Vec::new(), Vec::new(), 0);
                    for j in chunk * CHUNK..((chunk + 1) * CHUNK).min(k) {
                        pattern.column(incidence, j, columns, None, &mut work);
                        columns.touched.sort_unstable();
                        rows.extend(columns.touched.iter().map(|&z| z as usize));
                        ends.push(rows.len());
                    }
                    (rows, ends)
                },
            )
            .collect();
        for (rows, ends) in chunks {
            let base = pattern.rows.len();
            pattern.starts.extend(ends.iter().map(|end| base + end));
            pattern.rows.extend(rows);
        }
        (pattern.rows.len() <= budget).then_some(pattern)
    }

    /// The entries of the lower triangle in the pattern's order, scaled.
    fn values(&self, incidence: &Incidence, weight: Option<&[f64]>, scale: &[f64]) -> Vec<f64> {
        let k = incidence.n_levels;
        let mut values = vec![0.0; self.rows.len()];
        let inverse: Vec<f64> = (0..incidence.n_groups())
            .map(|group| {
                let total: f64 = match weight {
                    None => incidence.rows(group).len() as f64,
                    Some(weight) => weight[incidence.rows(group)].iter().sum(),
                };
                if total > 0.0 { 1.0 / total } else { 0.0 }
            })
            .collect();
        let mut pieces = Vec::new();
        let mut rest = values.as_mut_slice();
        for chunk in 0..k.div_ceil(CHUNK) {
            let (first, end) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(k));
            let (piece, tail) = rest.split_at_mut(self.starts[end] - self.starts[first]);
            pieces.push((first..end, piece));
            rest = tail;
        }
        pieces.into_par_iter().for_each_init(
            || Columns::new(k),
            |columns, (levels, piece)| {
                let base = self.starts[levels.start];
                let mut work = 0;
                for j in levels {
                    self.column(incidence, j, columns, Some((weight, &inverse)), &mut work);
                    let entries = self.starts[j]..self.starts[j + 1];
                    for (value, &z) in
                        piece[entries.start - base..entries.end - base].iter_mut().zip(&self.rows[entries])
                    {
                        *value = columns.sum[z] * scale[j] * scale[z];
                    }
                }
            },
        );
        values
    }

    /// Sums column j (levels z >= j) into `columns`, weighted by `numbers = (weights, 1 / group weights)` or by ones;
    /// returns how many entries it has.
    fn column(
        &self,
        incidence: &Incidence,
        j: usize,
        columns: &mut Columns,
        numbers: Option<(Option<&[f64]>, &[f64])>,
        work: &mut usize,
    ) -> usize {
        let q = incidence.q;
        columns.touched.clear();
        columns.stamp = columns.stamp.wrapping_add(1);
        columns.touch(j);
        let rows = &self.level_rows[self.level_starts[j] as usize..self.level_starts[j + 1] as usize];
        let of = |row: usize| numbers.and_then(|(weight, _)| weight).map_or(1.0, |weight| weight[row]);
        let mut at = 0;
        while at < rows.len() {
            let group = self.group[rows[at] as usize] as usize;
            let mut own = 0.0;
            while at < rows.len() && self.group[rows[at] as usize] as usize == group {
                let row = rows[at] as usize;
                let w = of(row);
                own += w;
                for &z in incidence.levels[row * q..row * q + q].iter().filter(|&&z| z as usize >= j) {
                    columns.add(z as usize, w);
                }
                at += 1;
            }
            let share = numbers.map_or(0.0, |(_, inverse)| own * inverse[group]);
            let all = incidence.rows(group);
            *work += all.len();
            for row in all {
                let w = share * of(row);
                for &z in incidence.levels[row * q..row * q + q].iter().filter(|&&z| z as usize >= j) {
                    columns.add(z as usize, -w);
                }
            }
        }
        columns.touched.len()
    }
}

/// One column being summed.
struct Columns {
    sum: Vec<f64>,
    seen: Vec<u32>,
    stamp: u32,
    touched: Vec<u32>,
}

impl Columns {
    fn new(k: usize) -> Self {
        Columns { sum: vec![0.0; k], seen: vec![0; k], stamp: 0, touched: Vec::new() }
    }

    #[inline]
    fn touch(&mut self, z: usize) {
        if self.seen[z] != self.stamp {
            self.seen[z] = self.stamp;
            self.sum[z] = 0.0;
            self.touched.push(z as u32);
        }
    }

    #[inline]
    fn add(&mut self, z: usize, value: f64) {
        self.touch(z);
        self.sum[z] += value;
    }
}
