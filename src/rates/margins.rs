//! Average marginal effects of every term, with exact influence.
//!
//! For a column x_j of numbers the average of F'(eta) b_j, for a level of a factor the average of the change that setting
//! the factor to it makes against the reference (Bartus 2005; Williams 2012). Both are averages over the target rows
//! (those of adjusted rates) of a function of eta and b, so the auxiliary regression of the rates serves them as well
//! ([`super::functionals`]): with e_i = dm_i/deta_i, d = (1/W) sum_i w_i dm_i/db and h the fit of e_i w_i / (W w_i I_i),
//!
//! ```text
//! theta  = (1/W) sum_i w_i m_i
//! phi_i  = w_i (y_i - mu_i) [kappa_i h_i + d'q_i]  +  w_i (m_i - theta) / W       the last where the target is sampled
//!
//! numbers:  m = F'(eta) b_j             e = F''(eta) b_j            dm/db = F'(eta) e_j
//! levels:   m = F(eta_k) - F(eta_0)     e = F'(eta_k) - F'(eta_0)   dm/db = F'(eta_k) (x(k) - x) - F'(eta_0) (x(0) - x)
//! ```
//!
//! with eta_k the predictor of the row with the factor at level k. In a linear model F is the identity.
//! Rows that the effects fit exactly do not move in a binary model, move by b in a linear one, and in a Poisson in
//! proportion to their outcome, as in the rates.
//! A column `f::l:x`, a slope at one level, is averaged over the rows at this level.

use super::functionals::{FittedCells, Functionals, Scoring};
use crate::absorb::{NotConverged, Solver};
use crate::aggregate::Records;
use crate::design::cells::Cells;
use crate::design::{NO_COLUMN, Sample, Term};
use crate::result::{Composition, MarginKind};

/// One average effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Coefficient it belongs to.
    pub term: String,
    /// What is averaged.
    pub kind: MarginKind,
    /// Its average.
    pub value: f64,
    /// Target rows averaged over.
    pub rows: usize,
}

/// Factors that are a term of their own and crossed with another one: a level of theirs is not one column.
pub fn crossed_factor(sample: &Sample) -> Option<&str> {
    let factors = || sample.terms.iter().filter_map(|term| Some(term.levels.as_ref()?.factor.as_str()));
    factors().find(|name| factors().any(|other| other != *name && other.split(':').any(|part| part == *name)))
}

/// What a regressor column stands for.
struct Column {
    /// Column of the design.
    at: usize,
    /// Term.
    term: usize,
    /// Level code, if it is one of a factor.
    code: Option<usize>,
}

/// Appends the effects of all estimated columns to the functionals, and returns their values.
///
/// # Errors
/// [`NotConverged`] if the auxiliary regressions are absorbed iteratively and fail.
pub fn extend(
    sample: &Sample,
    cells: &Cells,
    fit: &FittedCells,
    composition: Composition,
    solver: &Solver,
    scoring: Option<Scoring>,
    functionals: &mut Functionals,
) -> Result<Vec<Effect>, NotConverged> {
    let columns: Vec<Column> = columns(sample).into_iter().filter(|column| fit.position[column.at].is_some()).collect();
    let before = functionals.records.len();
    let sampled = composition == Composition::Sampled;
    let mut records = widened(&functionals.records, fit.n_cells, columns.len(), sampled);
    let mut effects = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        let local = Local::new(sample, cells, fit, scoring, column);
        let total: f64 = (0..fit.n_cells).filter(|&cell| local.is_target(cell)).map(|cell| fit.weight[cell]).sum();
        let mut value = 0.0;
        let mut delta = vec![0.0; fit.coef.len()];
        let mut ratio = vec![0.0; fit.cell.len()];
        let mut moves = vec![0.0; fit.cell.len()];
        let mut in_estimation = vec![false; fit.n_cells];
        for (i, &cell) in fit.cell.iter().enumerate() {
            let cell = cell as usize;
            in_estimation[cell] = true;
            if !local.is_target(cell) {
                continue;
            }
            let share = fit.weight[cell] / total;
            let row = local.row(cell, fit.eta.map_or(fit.fitted[i], |eta| eta[i]));
            moves[i] = row.effect;
            value += share * row.effect;
            let information = scoring.map_or(fit.weight[cell], |scoring| scoring.information[i]);
            ratio[i] = if information > 0.0 { share * row.slope / information } else { 0.0 };
            local.gradient(cell, &row, |j, change| delta[j] += share * change);
        }
        let exact: Vec<(usize, Exactly)> = (0..fit.n_cells)
            .filter(|&cell| !in_estimation[cell] && local.is_target(cell))
            .map(|cell| (cell, local.exact(cell)))
            .collect();
        for (cell, found) in &exact {
            let share = fit.weight[*cell] / total;
            // a Poisson's effect is in proportion to the outcome
            let outcome = if found.of_outcome { fit.mean[*cell] } else { 1.0 };
            value += share * found.row.effect * outcome;
            local.gradient(*cell, &found.row, |j, change| delta[j] += share * change * outcome);
        }
        let projected = if ratio.iter().all(|&value| value == 0.0) { None } else { Some(solver.project(&ratio)?) };
        let mut through = vec![0.0; fit.n_coef];
        delta.iter().enumerate().for_each(|(j, d)| {
            if let Some(at) = fit.position[j] {
                through[at] += d;
            }
        });
        let at = before + position;
        for (i, &cell) in fit.cell.iter().enumerate() {
            let cell = cell as usize;
            let q = &fit.slope[i * fit.n_coef..(i + 1) * fit.n_coef];
            let factor = scoring.and_then(|scoring| scoring.factor).map_or(1.0, |factor| factor[i]);
            let h = projected.as_ref().map_or(0.0, |projected| factor * projected[i]);
            records.slope_mut(cell)[at] = h + q.iter().zip(&through).map(|(q, d)| q * d).sum::<f64>();
            if sampled && local.is_target(cell) {
                let first = records.first_constant();
                records.constant_mut(cell)[at - first] = (moves[i] - value) / total;
            }
        }
        if sampled {
            for (cell, found) in &exact {
                let first = records.first_constant();
                if found.of_outcome {
                    records.slope_mut(*cell)[at] = found.row.effect / total;
                    records.constant_mut(*cell)[at - first] = -value / total;
                } else {
                    records.constant_mut(*cell)[at - first] = (found.row.effect - value) / total;
                }
            }
        }
        let rows = (0..fit.n_cells).filter(|&cell| local.is_target(cell)).map(|cell| cells.rows[cell] as usize).sum();
        let term = &sample.terms[column.term];
        let within = column.at - first_column(sample, column.term);
        effects.push(Effect { term: term.names[within].clone(), kind: local.kind(), value, rows });
    }
    functionals.records = records;
    functionals.combination.iter_mut().for_each(|combination| combination.resize(before + columns.len(), 0.0));
    Ok(effects)
}

/// Every column with its term and level.
fn columns(sample: &Sample) -> Vec<Column> {
    let mut out = Vec::new();
    for (t, term) in sample.terms.iter().enumerate() {
        let first = first_column(sample, t);
        for j in 0..term.n_columns() {
            let of = |levels: &crate::design::TermLevels| {
                levels.column_of_level.iter().position(|&column| column as usize == j && column != NO_COLUMN)
            };
            out.push(Column { at: first + j, term: t, code: term.levels.as_ref().and_then(of) });
        }
    }
    out
}

fn first_column(sample: &Sample, term: usize) -> usize {
    sample.terms[..term].iter().map(Term::n_columns).sum()
}

/// The records with room for `extra` functionals; all of these have a constant where the target is sampled.
fn widened(records: &Records, n_cells: usize, extra: usize, sampled: bool) -> Records {
    let len = records.len();
    let first = if sampled { records.first_constant() } else { len + extra };
    let mut wide = Records::new(n_cells, len + extra, first);
    for cell in 0..n_cells {
        wide.set_fitted(cell, records.fitted(cell));
        wide.slope_mut(cell)[..len].copy_from_slice(records.slope(cell));
        let constants = records.constant(cell);
        wide.constant_mut(cell)[..constants.len()].copy_from_slice(constants);
    }
    wide
}

/// Effect of one row, its derivative in eta, and what the gradient needs.
struct RowEffect {
    effect: f64,
    slope: f64,
    /// F' at the row itself, or with the factor at the level.
    at_level: f64,
    /// F' with the factor at the reference.
    at_base: f64,
}

/// Effect of a row that the absorbed effects fit exactly.
struct Exactly {
    row: RowEffect,
    /// Whether it is per unit of the outcome.
    of_outcome: bool,
}

/// The effect of one column, row by row.
struct Local<'a> {
    sample: &'a Sample,
    cells: &'a Cells,
    fit: &'a FittedCells<'a>,
    scoring: Option<Scoring<'a>>,
    column: &'a Column,
    /// Terms that use the factor, with their first column; empty for numbers.
    touched: Vec<(usize, usize)>,
    /// Level code of the reference.
    base: usize,
}

impl<'a> Local<'a> {
    fn new(
        sample: &'a Sample,
        cells: &'a Cells,
        fit: &'a FittedCells<'a>,
        scoring: Option<Scoring<'a>>,
        column: &'a Column,
    ) -> Self {
        let term = &sample.terms[column.term];
        let is_change = column.code.is_some() && term.values.is_none();
        let factor = term.levels.as_ref().filter(|_| is_change);
        let uses = |t: &usize| {
            factor.is_some_and(|own| sample.terms[*t].levels.as_ref().is_some_and(|other| other.factor == own.factor))
        };
        let touched = (0..sample.terms.len()).filter(uses).map(|t| (t, first_column(sample, t))).collect();
        let mut base = 0;
        if let Some(levels) = factor {
            let mut present = vec![false; levels.column_of_level.len()];
            cells.row.iter().for_each(|&row| present[levels.codes[row as usize] as usize] = true);
            let reference = |code: &usize| present[*code] && levels.column_of_level[*code] == NO_COLUMN;
            let any = (0..present.len()).find(|&code| present[code]);
            base = (0..present.len()).find(reference).or(any).unwrap_or(0);
        }
        Local { sample, cells, fit, scoring, column, touched, base }
    }

    fn kind(&self) -> MarginKind {
        match (self.column.code, self.touched.is_empty()) {
            (None, _) => MarginKind::Slope,
            (Some(_), true) => MarginKind::SlopeAtLevel,
            (Some(_), false) => MarginKind::Change,
        }
    }

    fn code(&self, term: usize, cell: usize) -> Option<usize> {
        let row = self.cells.row[cell] as usize;
        self.sample.terms[term].levels.as_ref().map(|levels| levels.codes[row] as usize)
    }

    /// Whether a cell is averaged over: all of the target, or the rows at the level of a slope.
    fn is_target(&self, cell: usize) -> bool {
        self.kind() != MarginKind::SlopeAtLevel || self.code(self.column.term, cell) == self.column.code
    }

    /// Calls `f(column, change)` for the columns that change when the factor is set to a level.
    fn changes(&self, cell: usize, code: usize, mut f: impl FnMut(usize, f64)) {
        let row = self.cells.row[cell] as usize;
        for &(t, first) in &self.touched {
            let term = &self.sample.terms[t];
            let Some(levels) = &term.levels else { continue };
            let value = term.values.as_ref().map_or(1.0, |values| values[row]);
            for (code, value) in [(code, value), (levels.codes[row] as usize, -value)] {
                let column = levels.column_of_level[code];
                if column != NO_COLUMN {
                    f(first + column as usize, value);
                }
            }
        }
    }

    fn shift(&self, cell: usize, code: usize) -> f64 {
        let mut sum = 0.0;
        self.changes(cell, code, |j, change| sum += change * self.fit.coef[j]);
        sum
    }

    fn mean_and_slope(&self, eta: f64) -> (f64, f64) {
        self.scoring.map_or((eta, 1.0), |scoring| scoring.glm.mean_and_slope(eta))
    }

    fn row(&self, cell: usize, eta: f64) -> RowEffect {
        if self.kind() == MarginKind::Change {
            let code = self.column.code.unwrap_or(self.base);
            let (level, base) = (self.shift(cell, code), self.shift(cell, self.base));
            let ((m, f), (m_base, f_base)) = (self.mean_and_slope(eta + level), self.mean_and_slope(eta + base));
            // the shifts themselves in a linear model: nothing cancels
            let effect = if self.scoring.is_none() { level - base } else { m - m_base };
            return RowEffect { effect, slope: f - f_base, at_level: f, at_base: f_base };
        }
        let b = self.fit.coef[self.column.at];
        let slope = self.mean_and_slope(eta).1;
        let curvature = self.scoring.map_or(0.0, |scoring| scoring.glm.curvature(eta));
        RowEffect { effect: slope * b, slope: curvature * b, at_level: slope, at_base: 0.0 }
    }

    /// dm/db of a row.
    fn gradient(&self, cell: usize, row: &RowEffect, mut f: impl FnMut(usize, f64)) {
        if self.kind() == MarginKind::Change {
            self.changes(cell, self.column.code.unwrap_or(self.base), |j, change| f(j, row.at_level * change));
            self.changes(cell, self.base, |j, change| f(j, -row.at_base * change));
        } else {
            f(self.column.at, row.at_level);
        }
    }

    fn exact(&self, cell: usize) -> Exactly {
        match self.scoring.map(|scoring| scoring.glm) {
            None => Exactly { row: self.row(cell, 0.0), of_outcome: false },
            Some(glm) if glm.is_binary() => {
                let row = RowEffect { effect: 0.0, slope: 0.0, at_level: 0.0, at_base: 0.0 };
                Exactly { row, of_outcome: false }
            }
            // exp(eta + shift) with exp(eta) replaced by the outcome
            Some(_) => Exactly { row: self.row(cell, 0.0), of_outcome: true },
        }
    }
}
