//! Absorption of effects with slopes by level: the kernel with a value beside every level.
//!
//! The eliminated effect projects within its groups on intercept and slopes; every other effect has a component for its
//! intercept and one for each slope. All of an effect's components are orthonormal within its levels ([`basis`]), so that
//! the diagonal of D'WD is one and conjugate gradients need no other scale. With B the basis of the groups,
//!
//! S = D'W (I - P) D,   P v = B B'W v within every group.

mod basis;
#[cfg(test)]
mod tests;

use super::super::NotConverged;
use super::columns::{Columns, with_block};
use super::gradients::{Rule, SPANNED, System, solve};
use super::incidence::Incidence;
use super::{ACCEPTED, LIMIT, ROUNDS, Report};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

pub use basis::Sloped;

/// A design with slopes prepared for absorption.
#[derive(Debug)]
pub struct Varying<'a> {
    own: Sloped<'a>,
    others: Vec<Sloped<'a>>,
    effects: String,
    /// Groups, and a level for each component of each other effect.
    incidence: Incidence<'a>,
    /// Value of each component, like the levels.
    values: Vec<f64>,
    /// Basis of the groups, `own.width()` numbers per row.
    basis: Vec<f64>,
    /// One for levels with information, else zero.
    diagonal: Vec<f64>,
    weight: Option<Cow<'a, [f64]>>,
}

/// What a pass over the rows leaves.
struct Sums<const C: usize> {
    levels: Vec<[f64; C]>,
    squares: [f64; C],
}

/// S of a block of columns.
struct Schur<'k, 'a, const C: usize> {
    varying: &'k Varying<'a>,
    parts: &'k [Range<usize>],
    rows: Vec<[f64; C]>,
}

/// What a pass begins with.
#[derive(Debug, Clone, Copy)]
enum Start<'v, const C: usize> {
    /// The columns as they are.
    AsIs,
    /// The columns less `D a`.
    Less(&'v [[f64; C]]),
    /// `D a`, whatever the columns are.
    Only(&'v [[f64; C]]),
}

impl<const C: usize> System<C> for Schur<'_, '_, C> {
    fn apply(&mut self, v: &[[f64; C]], out: &mut [[f64; C]]) {
        let sums = self.varying.pass(self.parts, &mut self.rows, Start::Only(v));
        out.copy_from_slice(&sums.levels);
    }

    fn precondition(&self, r: &[[f64; C]], z: &mut [[f64; C]]) {
        for ((z, r), d) in z.iter_mut().zip(r).zip(&self.varying.diagonal) {
            (0..C).for_each(|c| z[c] = r[c] * d);
        }
    }
}

impl<'a> Varying<'a> {
    /// Prepares rows in groups of `own` (its codes ascend) with the `others`; `effects` names all of them in messages.
    ///
    /// Every effect may have slopes; `own` should have intercepts.
    pub fn new(own: Sloped<'a>, others: Vec<Sloped<'a>>, weight: Option<Cow<'a, [f64]>>, effects: &str) -> Self {
        let n = own.codes.len();
        let q: usize = others.iter().map(Sloped::width).sum();
        let mut levels = vec![0u32; n * q];
        let (mut slot, mut first) = (0, 0);
        let mut firsts = Vec::with_capacity(q);
        for other in &others {
            for _ in 0..other.width() {
                firsts.push(first as usize);
                other.codes.iter().enumerate().for_each(|(row, &code)| levels[row * q + slot] = first + code);
                slot += 1;
                first += other.n_levels as u32;
            }
        }
        let mut starts: Vec<u32> =
            (0..n).filter(|&i| i == 0 || own.codes[i] != own.codes[i - 1]).map(|i| i as u32).collect();
        starts.push(n as u32);
        let incidence =
            Incidence { q, starts: starts.into(), levels: levels.into(), n_levels: first as usize, first: firsts };
        let (values, basis) = (vec![0.0; n * q], vec![0.0; n * own.width()]);
        let effects = effects.to_owned();
        let mut varying =
            Varying { own, others, effects, incidence, values, basis, diagonal: Vec::new(), weight: None };
        varying.set_weights(weight);
        varying
    }

    /// Changes the weights: every basis is made anew.
    pub fn set_weights(&mut self, weight: Option<Cow<'a, [f64]>>) {
        self.weight = weight;
        let weight = self.weight.as_deref();
        self.own.orthonormal(weight, &mut self.basis, self.own.width());
        self.diagonal.clear();
        let mut slot = 0;
        for other in &self.others {
            let there = other.orthonormal(weight, &mut self.values[slot..], self.incidence.q);
            self.diagonal.extend(there.into_iter().flatten().map(f64::from));
            slot += other.width();
        }
    }

    /// Weight of a row.
    #[inline]
    pub fn weight(&self, row: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |weight| weight[row])
    }

    /// Levels of all components beside the eliminated effect's.
    pub fn n_levels(&self) -> usize {
        self.incidence.n_levels
    }

    /// Replaces every column by its residual on effects and slopes; `raw` and `solved` as for [`super::Kernel::absorb`],
    /// with the coefficients of the orthonormal columns of the other effects as levels.
    ///
    /// # Errors
    /// [`NotConverged`] naming the effects.
    pub fn absorb(
        &self,
        columns: &mut Columns,
        raw: &[f64],
        tolerance: f64,
        mut solved: Option<&mut Vec<Vec<f64>>>,
    ) -> Result<Report, NotConverged> {
        let mut report = Report::default();
        let mut first = 0;
        for block in &mut columns.blocks {
            let part = with_block!(block, rows => {
                let part = self.absorb_block(rows, &raw[first..], tolerance, solved.as_deref_mut())?;
                first += rows.first().map_or(0, |row| row.len());
                part
            });
            report.iterations = report.iterations.max(part.iterations);
            report.residual = report.residual.max(part.residual);
        }
        Ok(report)
    }

    fn absorb_block<const C: usize>(
        &self,
        x: &mut [[f64; C]],
        raw: &[f64],
        tolerance: f64,
        solved: Option<&mut Vec<Vec<f64>>>,
    ) -> Result<Report, NotConverged> {
        let raw: [f64; C] = std::array::from_fn(|c| raw[c]);
        let parts = self.incidence.parts(C);
        let mut report = Report::default();
        // the second pass takes out what rounding left of the first
        self.pass(&parts, x, Start::AsIs);
        let mut sums = self.pass(&parts, x, Start::AsIs);
        let mut schur = Schur { varying: self, parts: &parts, rows: vec![[0.0; C]; x.len()] };
        let mut total = vec![[0.0; C]; self.incidence.n_levels];
        for round in 0..ROUNDS {
            let squares = sums.squares;
            let rule = Rule { tolerance, squares, raw, limit: LIMIT, patience: usize::MAX, affordable: usize::MAX };
            let step = solve(&mut schur, sums.levels, &rule);
            report.iterations += step.iterations;
            sums = self.pass(&parts, x, Start::Less(&step.a));
            for (total, step) in total.iter_mut().zip(&step.a) {
                (0..C).for_each(|c| total[c] += step[c]);
            }
            report.residual = residual(&sums, &raw);
            let error = step.error.iter().copied().fold(0.0, f64::max);
            if step.converged && report.residual <= 10.0 * tolerance {
                break;
            }
            if round + 1 == ROUNDS && (report.residual > ACCEPTED.max(100.0 * tolerance) || error > ACCEPTED) {
                let (iterations, residual) = (report.iterations, report.residual.max(error));
                return Err(NotConverged { effects: self.effects.clone(), iterations, residual });
            }
        }
        for c in (0..C).filter(|&c| sums.squares[c] <= SPANNED * raw[c]) {
            x.iter_mut().for_each(|row| row[c] = 0.0);
        }
        if let Some(solved) = solved {
            solved.extend((0..C).map(|c| total.iter().map(|level| level[c]).collect()));
        }
        Ok(report)
    }

    /// Replaces `x` by `(I - P)` of what it starts with, and sums the result: `D'W x` and squares.
    ///
    /// Every part of the groups sums into a table of its own, and the tables are added in order.
    fn pass<const C: usize>(&self, parts: &[Range<usize>], x: &mut [[f64; C]], start: Start<C>) -> Sums<C> {
        let mut pieces = Vec::with_capacity(parts.len());
        let mut rest = x;
        for groups in parts {
            let rows = self.rows(groups);
            let (piece, tail) = rest.split_at_mut(rows.len());
            pieces.push((groups.clone(), piece));
            rest = tail;
        }
        let tables: Vec<Sums<C>> =
            pieces.into_par_iter().map(|(groups, piece)| self.pass_part(groups, piece, start)).collect();
        let mut tables = tables.into_iter();
        let mut total = tables.next().unwrap_or(Sums { levels: Vec::new(), squares: [0.0; C] });
        for table in tables {
            for (sum, value) in total.levels.iter_mut().zip(&table.levels) {
                (0..C).for_each(|c| sum[c] += value[c]);
            }
            (0..C).for_each(|c| total.squares[c] += table.squares[c]);
        }
        total
    }

    fn pass_part<const C: usize>(&self, groups: Range<usize>, x: &mut [[f64; C]], start: Start<C>) -> Sums<C> {
        let (q, m) = (self.incidence.q, self.own.width());
        let mut sums = Sums { levels: vec![[0.0; C]; self.incidence.n_levels], squares: [0.0; C] };
        let offset = self.incidence.rows(groups.start).start;
        let mut inner = vec![[0.0; C]; m];
        for group in groups {
            let rows = self.incidence.rows(group);
            let x = &mut x[rows.start - offset..rows.end - offset];
            let weight = |i: usize| self.weight.as_ref().map_or(1.0, |weight| weight[rows.start + i]);
            let levels = &self.incidence.levels[rows.start * q..rows.end * q];
            let values = &self.values[rows.start * q..rows.end * q];
            let basis = &self.basis[rows.start * m..rows.end * m];
            inner.fill([0.0; C]);
            for (i, x) in x.iter_mut().enumerate() {
                let (a, sign) = match start {
                    Start::AsIs => (None, 0.0),
                    Start::Less(a) => (Some(a), -1.0),
                    Start::Only(a) => {
                        *x = [0.0; C];
                        (Some(a), 1.0)
                    }
                };
                if let Some(a) = a {
                    for (&level, value) in levels[i * q..i * q + q].iter().zip(&values[i * q..i * q + q]) {
                        (0..C).for_each(|c| x[c] += sign * value * a[level as usize][c]);
                    }
                }
                for (inner, b) in inner.iter_mut().zip(&basis[i * m..i * m + m]) {
                    (0..C).for_each(|c| inner[c] += weight(i) * b * x[c]);
                }
            }
            for (i, x) in x.iter_mut().enumerate() {
                for (inner, b) in inner.iter().zip(&basis[i * m..i * m + m]) {
                    (0..C).for_each(|c| x[c] -= b * inner[c]);
                }
                let w = weight(i);
                (0..C).for_each(|c| sums.squares[c] += w * x[c] * x[c]);
                for (&level, value) in levels[i * q..i * q + q].iter().zip(&values[i * q..i * q + q]) {
                    let sum = &mut sums.levels[level as usize];
                    (0..C).for_each(|c| sum[c] += w * value * x[c]);
                }
            }
        }
        sums
    }

    /// Rows of a range of groups.
    fn rows(&self, groups: &Range<usize>) -> Range<usize> {
        self.incidence.starts[groups.start] as usize..self.incidence.starts[groups.end] as usize
    }
}

/// Largest residual of the normal equations relative to the column; the diagonal of D'WD is one.
fn residual<const C: usize>(sums: &Sums<C>, raw: &[f64; C]) -> f64 {
    let relative = |c: usize| match sums.squares[c] > SPANNED * raw[c] {
        true => (sums.levels.iter().map(|level| level[c] * level[c]).sum::<f64>() / sums.squares[c]).sqrt(),
        false => 0.0,
    };
    (0..C).map(relative).fold(0.0, f64::max)
}
