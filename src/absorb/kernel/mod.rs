//! The absorption kernel: residuals of many columns on any number of fixed effects.
//!
//! The effect with most levels is eliminated exactly; the coefficients `a` of the others solve the Schur system
//! `S a = D'W (I - P) v` (see [`operator`]). By structure:
//!
//! * no other effect: one pass of group means;
//! * few other levels: S is written out and factorised densely ([`small`]);
//! * else conjugate gradients with the diagonal as preconditioner ([`gradients`]); when they contract slowly, S is
//!   written out and its sparse Cholesky factor ([`schur`]) takes the diagonal's place, unless it would be too full
//!   (then the graph mixes well, and the gradients go on).
//!
//! Every solution ends with a pass that evaluates the normal equations on the columns themselves. If they are not met,
//! what is left of the columns is absorbed again.

pub mod columns;
pub mod gradients;
pub mod incidence;
mod map;
pub mod operator;
pub mod rank;
mod schur;
mod small;
pub mod varying;

use super::{Method, NotConverged};
use crate::linalg::cholesky::Cholesky;
use columns::{Columns, with_block};
use gradients::{Rule, SPANNED, Solved, System, solve};
use incidence::{Incidence, Merged, Twins};
use operator::Operator;
use schur::Factor;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Norm of the error of a residual column, relative to the column, at which it counts as absorbed. Coefficients are
/// wrong by its square, standard errors by itself.
pub const TOLERANCE: f64 = 1e-9;
/// Error that is still accepted when rounding ends the progress.
const ACCEPTED: f64 = 1e-7;
/// Steps per column at most.
const LIMIT: usize = 20_000;
/// Steps after which slow progress is noticed.
const PATIENCE: usize = 5;
/// Further steps that are worth less than a factorisation, at least.
const AFFORDABLE: usize = 25;
/// What a factorisation costs for each level, in looks at a level of a row: measured on worker-firm panels.
const FACTOR_LOOKS: usize = 1_250;
/// What a step costs for each level, in the same unit.
const STEP_LOOKS: usize = 5;
/// Times that what is left is absorbed again.
const ROUNDS: usize = 4;

/// What an absorption took and left.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// Most steps any block took.
    pub iterations: usize,
    /// Largest residual of the normal equations of the effects, relative to the column left.
    pub residual: f64,
}

/// A design prepared for absorption.
#[derive(Debug)]
pub struct Kernel<'a> {
    rows: Incidence<'a>,
    weight: Option<Cow<'a, [f64]>>,
    merged: Option<(Merged, Vec<f64>)>,
    twins: Option<Twins>,
    diagonal: Vec<f64>,
    method: Method,
    effects: String,
    factor: OnceLock<Option<Preconditioner>>,
}

/// What stands for the inverse of S.
#[derive(Debug)]
enum Preconditioner {
    Dense(Cholesky),
    Sparse(Box<Factor>),
}

/// S of one block of columns.
struct Schur<'k, const C: usize> {
    operator: Operator<'k>,
    scratch: Vec<[f64; C]>,
    diagonal: &'k [f64],
    preconditioner: Option<&'k Preconditioner>,
}

impl<const C: usize> System<C> for Schur<'_, C> {
    fn apply(&mut self, v: &[[f64; C]], out: &mut [[f64; C]]) {
        self.operator.apply(v, out, &mut self.scratch);
    }

    fn precondition(&self, r: &[[f64; C]], z: &mut [[f64; C]]) {
        match self.preconditioner {
            None => {
                for ((z, r), &d) in z.iter_mut().zip(r).zip(self.diagonal) {
                    let inverse = if d > 0.0 { 1.0 / d } else { 0.0 };
                    (0..C).for_each(|c| z[c] = r[c] * inverse);
                }
            }
            Some(Preconditioner::Sparse(factor)) => factor.solve(r, z),
            Some(Preconditioner::Dense(factor)) => {
                let mut column = vec![0.0; r.len()];
                for c in 0..C {
                    column.iter_mut().zip(r).for_each(|(value, r)| *value = r[c]);
                    factor.solve(&mut column);
                    z.iter_mut().zip(&column).for_each(|(z, value)| z[c] = *value);
                }
            }
        }
    }
}

impl<'a> Kernel<'a> {
    /// Prepares a design; `effects` names it in messages.
    pub fn new(rows: Incidence<'a>, weight: Option<Cow<'a, [f64]>>, method: Method, effects: &str) -> Self {
        let merged = if rows.q > 0 { rows.merge() } else { None };
        let twins = if rows.q > 0 && merged.is_none() && weight.is_none() { rows.twins() } else { None };
        let mut kernel = Kernel {
            rows,
            weight: None,
            twins,
            merged: merged.map(|merged| (merged, Vec::new())),
            diagonal: Vec::new(),
            method,
            effects: effects.to_owned(),
            factor: OnceLock::new(),
        };
        kernel.set_weights(weight);
        kernel
    }

    /// Changes the weights. What was found about the structure is kept; numbers are refilled in place.
    pub fn set_weights(&mut self, weight: Option<Cow<'a, [f64]>>) {
        self.weight = weight;
        if self.weight.is_some() {
            self.twins = None; // twins may have different weights
        }
        if let Some((merged, sums)) = &mut self.merged {
            sums.clear();
            sums.resize(merged.incidence.n_rows(), 0.0);
            match &self.weight {
                None => merged.of_row.iter().filter(|&&p| p != u32::MAX).for_each(|&p| sums[p as usize] += 1.0),
                Some(weight) => {
                    let pairs = merged.of_row.iter().zip(weight.iter()).filter(|(p, _)| **p != u32::MAX);
                    pairs.for_each(|(&p, w)| sums[p as usize] += w);
                }
            }
        }
        self.diagonal = if self.rows.q == 0 { Vec::new() } else { self.row_operator(1).diagonal() };
        match self.factor.take() {
            Some(Some(Preconditioner::Sparse(mut factor))) => {
                let (incidence, weight) = self.system();
                // a factor that fails for these weights is made anew when it is missed
                if factor.refill(incidence, weight, &self.diagonal) {
                    self.factor = OnceLock::from(Some(Preconditioner::Sparse(factor)));
                }
            }
            // too full for one set of weights is too full for all
            Some(None) => self.factor = OnceLock::from(None),
            Some(Some(Preconditioner::Dense(_))) | None => {}
        }
    }

    /// Groups of rows and their levels.
    pub fn rows(&self) -> &Incidence<'a> {
        &self.rows
    }

    /// Weight of a row.
    #[inline]
    pub fn weight(&self, row: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |weight| weight[row])
    }

    /// Weights, if they are not one each.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weight.as_deref()
    }

    /// The rows that make up S: merged where that pays.
    fn system(&self) -> (&Incidence<'_>, Option<&[f64]>) {
        match (&self.merged, &self.twins) {
            (Some((merged, weight)), _) => (&merged.incidence, Some(weight)),
            (None, Some(twins)) => (&twins.incidence, Some(&twins.weight)),
            (None, None) => (&self.rows, self.weight.as_deref()),
        }
    }

    fn row_operator(&self, columns: usize) -> Operator<'_> {
        Operator::new(&self.rows, self.weight.as_deref(), columns)
    }

    /// Replaces every column by its residual on the effects.
    ///
    /// `raw` holds each column's weighted sum of squares before anything was taken out of it: a column that is shorter
    /// than rounding of that is spanned by the effects, and becomes zero. `coefficients`, if wanted, gets the
    /// coefficients of the levels of all effects but the eliminated one, column by column.
    ///
    /// # Errors
    /// [`NotConverged`] naming the effects.
    pub fn absorb(
        &self,
        columns: &mut Columns,
        raw: &[f64],
        tolerance: f64,
        mut coefficients: Option<&mut Vec<Vec<f64>>>,
    ) -> Result<Report, NotConverged> {
        let mut report = Report::default();
        let mut first = 0;
        for block in &mut columns.blocks {
            let part = with_block!(block, rows => {
                let mut a = coefficients.as_ref().map(|_| vec![[0.0; _]; self.rows.n_levels]);
                let part = self.absorb_block(rows, &raw[first..], tolerance, a.as_mut())?;
                if let (Some(all), Some(a)) = (coefficients.as_mut(), a) {
                    let width = a.first().map_or(0, |a| a.len());
                    (0..width).for_each(|c| all.push(a.iter().map(|a| a[c]).collect()));
                }
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
        mut coefficients: Option<&mut Vec<[f64; C]>>,
    ) -> Result<Report, NotConverged> {
        let raw: [f64; C] = std::array::from_fn(|c| raw[c]);
        let operator = self.row_operator(C);
        let mut sums = operator.residual(x, None, self.rows.q > 0);
        let mut report = Report::default();
        if self.rows.q == 0 {
            self.clear_spanned(x, &sums.squares, &raw);
            return Ok(report);
        }
        if self.method == Method::Map {
            report = map::absorb(&operator, &self.diagonal, x, &raw, tolerance, &self.effects)?;
            sums = operator.residual(x, None, true);
            self.clear_spanned(x, &sums.squares, &raw);
            report.residual = self.residual(&sums.levels, &sums.squares, &raw);
            return Ok(report);
        }
        for round in 0..ROUNDS {
            let squares = sums.squares;
            let solved = self.solve(sums.levels, squares, raw, tolerance);
            report.iterations += solved.iterations;
            sums = operator.residual(x, Some(&solved.a), true);
            if let Some(total) = coefficients.as_mut() {
                for (total, a) in total.iter_mut().zip(&solved.a) {
                    (0..C).for_each(|c| total[c] += a[c]);
                }
            }
            report.residual = self.residual(&sums.levels, &sums.squares, &raw);
            let error = solved
                .error
                .iter()
                .copied()
                .fold(0.0, |worst: f64, next| if next.is_nan() { f64::INFINITY } else { worst.max(next) });
            if solved.converged && report.residual <= 10.0 * tolerance {
                break;
            }
            // written so that what is no number fails too
            let accepted =
                report.residual <= ACCEPTED.max(100.0 * tolerance) && error <= ACCEPTED.max(100.0 * tolerance);
            if round + 1 == ROUNDS && !accepted {
                let (iterations, residual) = (report.iterations, report.residual.max(error));
                return Err(NotConverged { effects: self.effects.clone(), iterations, residual });
            }
        }
        self.clear_spanned(x, &sums.squares, &raw);
        Ok(report)
    }

    /// Solves the Schur system, changing the preconditioner when the diagonal is too slow.
    fn solve<const C: usize>(&self, rhs: Vec<[f64; C]>, squares: [f64; C], raw: [f64; C], tolerance: f64) -> Solved<C> {
        let (incidence, weight) = self.system();
        let operator = Operator::new(incidence, weight, C);
        let scratch = operator.scratch::<C>();
        let direct = match self.method {
            Method::Cg => None,
            Method::Auto if self.rows.n_levels > small::FEW_LEVELS => self.factor.get().and_then(Option::as_ref),
            _ => self.factor(),
        };
        let mut schur = Schur { operator, scratch, diagonal: &self.diagonal, preconditioner: direct };
        // a factor may be asked for while the gradients have not stalled yet; asked and refused, they go on
        let may_switch = self.method == Method::Auto && direct.is_none() && self.factor.get().is_none();
        let patience = if may_switch { PATIENCE } else { usize::MAX };
        let (incidence, _) = self.system();
        let step = incidence.n_rows() * incidence.q + STEP_LOOKS * incidence.n_levels;
        let affordable = (FACTOR_LOOKS * incidence.n_levels / step.max(1)).max(AFFORDABLE);
        let mut rule = Rule { tolerance, squares, raw, limit: LIMIT, patience, affordable };
        let mut solved = solve(&mut schur, rhs.clone(), &rule);
        if may_switch && !solved.converged {
            schur.preconditioner = self.factor();
            rule.patience = usize::MAX;
            let again = solve(&mut schur, rhs.clone(), &rule);
            solved = Solved { iterations: again.iterations + solved.iterations, ..again };
        }
        if !solved.converged && schur.preconditioner.is_some() {
            // a factor of no use: the diagonal is slow, but sure
            schur.preconditioner = None;
            let again = solve(&mut schur, rhs, &rule);
            solved = Solved { iterations: again.iterations + solved.iterations, ..again };
        }
        solved
    }

    /// The factor of S, made on first use; `None` if it would be too full.
    fn factor(&self) -> Option<&Preconditioner> {
        let make = || {
            let (incidence, weight) = self.system();
            if incidence.n_levels <= small::FEW_LEVELS {
                return Some(Preconditioner::Dense(small::factorise(incidence, weight, &self.diagonal)));
            }
            let forced = self.method == Method::Schur;
            Factor::new(incidence, weight, &self.diagonal, forced).map(|f| Preconditioner::Sparse(Box::new(f)))
        };
        self.factor.get_or_init(make).as_ref()
    }

    /// Largest residual of the normal equations in the diagonal's norm, relative to the column.
    fn residual<const C: usize>(&self, sums: &[[f64; C]], squares: &[f64; C], raw: &[f64; C]) -> f64 {
        let mut total = [0.0; C];
        for (sums, &d) in sums.iter().zip(&self.diagonal) {
            if d > 0.0 {
                (0..C).for_each(|c| total[c] += sums[c] * sums[c] / d);
            }
        }
        let relative = |c: usize| match squares[c] <= SPANNED * raw[c] {
            true => 0.0,
            false => (total[c] / squares[c]).sqrt(),
        };
        (0..C).map(relative).fold(0.0, |worst, next| if next.is_nan() { f64::INFINITY } else { worst.max(next) })
    }

    /// Zeros in place of the rounding that is left of columns that the effects span.
    fn clear_spanned<const C: usize>(&self, x: &mut [[f64; C]], squares: &[f64; C], raw: &[f64; C]) {
        for c in (0..C).filter(|&c| squares[c] <= SPANNED * raw[c]) {
            x.iter_mut().for_each(|row| row[c] = 0.0);
        }
    }
}
