//! The Schur complement as an operator: `S = D'W (I - P) D`, with P the (weighted) means of the eliminated effect's
//! groups and D the dummies of the other effects, never formed.
//!
//! Columns come in blocks of `C`, so that a level is looked up once for all of them. Every part of the groups sums into
//! a table of its own, and the tables are added in order: the same bits for any number of threads.

use super::incidence::Incidence;
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a group kept on the stack between its mean and its deviations.
const STACK_ROWS: usize = 32;

/// One pass over groups: weights, and where the sums of a group's weights are taken from.
#[derive(Debug)]
pub struct Operator<'a> {
    /// Groups and levels.
    pub incidence: &'a Incidence<'a>,
    /// Weight of each row; `None` for one each.
    pub weight: Option<&'a [f64]>,
    parts: Vec<Range<usize>>,
}

/// What a pass over the rows of columns leaves.
#[derive(Debug)]
pub struct Sums<const C: usize> {
    /// `D'W v` of the columns after the pass.
    pub levels: Vec<[f64; C]>,
    /// Weighted sum of squares of each column after the pass.
    pub squares: [f64; C],
    /// Largest absolute group sum of each column after the pass.
    pub group: [f64; C],
}

impl<'a> Operator<'a> {
    /// Prepares passes of `columns` columns.
    pub fn new(incidence: &'a Incidence<'a>, weight: Option<&'a [f64]>, columns: usize) -> Self {
        Operator { incidence, weight, parts: incidence.parts(columns) }
    }

    /// Tables that [`Self::apply`] sums into.
    pub fn scratch<const C: usize>(&self) -> Vec<[f64; C]> {
        vec![[0.0; C]; self.parts.len() * self.incidence.n_levels]
    }

    /// `out = S v`.
    pub fn apply<const C: usize>(&self, v: &[[f64; C]], out: &mut [[f64; C]], scratch: &mut [[f64; C]]) {
        match (self.incidence.q, self.weight.is_some()) {
            (1, false) => self.apply_fixed::<C, 1, false>(v, out, scratch),
            (1, true) => self.apply_fixed::<C, 1, true>(v, out, scratch),
            (2, false) => self.apply_fixed::<C, 2, false>(v, out, scratch),
            (2, true) => self.apply_fixed::<C, 2, true>(v, out, scratch),
            (_, false) => self.apply_fixed::<C, 0, false>(v, out, scratch),
            (_, true) => self.apply_fixed::<C, 0, true>(v, out, scratch),
        }
    }

    /// [`Self::apply`] for `Q` effects (0: as many as there are) and weights or none.
    fn apply_fixed<const C: usize, const Q: usize, const W: bool>(
        &self,
        v: &[[f64; C]],
        out: &mut [[f64; C]],
        scratch: &mut [[f64; C]],
    ) {
        let n_levels = self.incidence.n_levels;
        let q = if Q == 0 { self.incidence.q } else { Q };
        let levels: &[u32] = &self.incidence.levels;
        let weight = self.weight.unwrap_or(&[]);
        self.parts.par_iter().zip(scratch.par_chunks_mut(n_levels.max(1))).for_each(|(groups, table)| {
            table.fill([0.0; C]);
            let mut stack = [[0.0; C]; STACK_ROWS];
            let mut heap: Vec<[f64; C]> = Vec::new();
            for group in groups.clone() {
                let rows = self.incidence.rows(group);
                let buffer = if rows.len() <= STACK_ROWS {
                    &mut stack[..rows.len()]
                } else {
                    heap.resize(rows.len(), [0.0; C]);
                    &mut heap[..rows.len()]
                };
                let own = &levels[rows.start * q..rows.end * q];
                let own_weight = if W { &weight[rows.clone()] } else { weight };
                let mut mean = [0.0; C];
                let mut total = 0.0;
                for (i, (value, codes)) in buffer.iter_mut().zip(own.chunks_exact(q)).enumerate() {
                    let mut sum = [0.0; C];
                    for &code in codes {
                        let level = &v[code as usize];
                        (0..C).for_each(|c| sum[c] += level[c]);
                    }
                    *value = sum;
                    if W {
                        total += own_weight[i];
                        (0..C).for_each(|c| mean[c] += own_weight[i] * sum[c]);
                    } else {
                        (0..C).for_each(|c| mean[c] += sum[c]);
                    }
                }
                let total = if W { total } else { rows.len() as f64 };
                let inverse = if total > 0.0 { 1.0 / total } else { 0.0 };
                mean.iter_mut().for_each(|m| *m *= inverse);
                for (i, (value, codes)) in buffer.iter().zip(own.chunks_exact(q)).enumerate() {
                    let w = if W { own_weight[i] } else { 1.0 };
                    for &code in codes {
                        let sum = &mut table[code as usize];
                        (0..C).for_each(|c| sum[c] += w * (value[c] - mean[c]));
                    }
                }
            }
        });
        add_tables(scratch, n_levels, out);
    }

    /// Replaces the columns `x` (row-major blocks of C) by `(I - P)(x - D a)`, and sums the result by level.
    ///
    /// `sums` says whether the sums by level are wanted: they cost a second look at every level.
    pub fn residual<const C: usize>(&self, x: &mut [[f64; C]], a: Option<&[[f64; C]]>, sums: bool) -> Sums<C> {
        let n_levels = self.incidence.n_levels;
        let q = self.incidence.q;
        let levels: &[u32] = &self.incidence.levels;
        let mut table = if sums { self.scratch::<C>() } else { vec![[0.0; C]; self.parts.len()] };
        let width = if sums { n_levels } else { 1 };
        let mut pieces: Vec<&mut [[f64; C]]> = Vec::with_capacity(self.parts.len());
        let mut rest = x;
        for groups in &self.parts {
            let len = (self.incidence.starts[groups.end] - self.incidence.starts[groups.start]) as usize;
            let (piece, tail) = rest.split_at_mut(len);
            pieces.push(piece);
            rest = tail;
        }
        let facts: Vec<([f64; C], [f64; C])> = self
            .parts
            .par_iter()
            .zip(pieces)
            .zip(table.par_chunks_mut(width.max(1)))
            .map(|((groups, piece), table)| {
                let offset = self.incidence.starts[groups.start] as usize;
                let (mut squares, mut largest) = ([0.0; C], [0.0f64; C]);
                for group in groups.clone() {
                    let rows = self.incidence.rows(group);
                    let own = &levels[rows.start * q..rows.end * q];
                    let weight = self.weight.map(|w| &w[rows.clone()]);
                    let values = &mut piece[rows.start - offset..rows.end - offset];
                    if let Some(a) = a {
                        for (value, codes) in values.iter_mut().zip(own.chunks_exact(q.max(1))) {
                            for &code in codes {
                                (0..C).for_each(|c| value[c] -= a[code as usize][c]);
                            }
                        }
                    }
                    let mut mean = [0.0; C];
                    let mut total = 0.0;
                    for (i, value) in values.iter().enumerate() {
                        let w = weight.map_or(1.0, |w| w[i]);
                        total += w;
                        (0..C).for_each(|c| mean[c] += w * value[c]);
                    }
                    let inverse = if total > 0.0 { 1.0 / total } else { 0.0 };
                    mean.iter_mut().for_each(|m| *m *= inverse);
                    let mut left = [0.0; C];
                    for (i, value) in values.iter_mut().enumerate() {
                        let w = weight.map_or(1.0, |w| w[i]);
                        for c in 0..C {
                            value[c] -= mean[c];
                            left[c] += w * value[c];
                            squares[c] += w * value[c] * value[c];
                        }
                        if sums {
                            for &code in &own[i * q..i * q + q] {
                                (0..C).for_each(|c| table[code as usize][c] += w * value[c]);
                            }
                        }
                    }
                    (0..C).for_each(|c| largest[c] = largest[c].max(left[c].abs()));
                }
                (squares, largest)
            })
            .collect();
        let mut out = Sums { levels: Vec::new(), squares: [0.0; C], group: [0.0; C] };
        for (squares, largest) in facts {
            for c in 0..C {
                out.squares[c] += squares[c];
                out.group[c] = out.group[c].max(largest[c]);
            }
        }
        if sums {
            out.levels = vec![[0.0; C]; n_levels];
            add_tables(&table, n_levels, &mut out.levels);
        }
        out
    }

    /// `D'W D`'s diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        let (n_levels, q) = (self.incidence.n_levels, self.incidence.q);
        let mut table = self.scratch::<1>();
        self.parts.par_iter().zip(table.par_chunks_mut(n_levels.max(1))).for_each(|(groups, table)| {
            let rows = self.incidence.starts[groups.start] as usize..self.incidence.starts[groups.end] as usize;
            let own = &self.incidence.levels[rows.start * q..rows.end * q];
            match self.weight {
                None => own.iter().for_each(|&code| table[code as usize][0] += 1.0),
                Some(weight) => {
                    for (w, codes) in weight[rows].iter().zip(own.chunks_exact(q)) {
                        codes.iter().for_each(|&code| table[code as usize][0] += w);
                    }
                }
            }
        });
        let mut out = vec![[0.0; 1]; n_levels];
        add_tables(&table, n_levels, &mut out);
        out.into_iter().map(|[d]| d).collect()
    }
}

/// Adds tables of `n_levels` entries in order.
fn add_tables<const C: usize>(tables: &[[f64; C]], n_levels: usize, out: &mut [[f64; C]]) {
    if n_levels == 0 {
        return;
    }
    let add = |first: usize, out: &mut [[f64; C]]| {
        out.fill([0.0; C]);
        for table in tables.chunks_exact(n_levels) {
            for (sum, value) in out.iter_mut().zip(&table[first..]) {
                (0..C).for_each(|c| sum[c] += value[c]);
            }
        }
    };
    if n_levels < PART_LEVELS {
        add(0, out);
    } else {
        out.par_chunks_mut(PART_LEVELS).enumerate().for_each(|(i, out)| add(i * PART_LEVELS, out));
    }
}

/// Levels per task when tables are added.
const PART_LEVELS: usize = 1 << 13;
