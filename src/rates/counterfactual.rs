//! Design rows with one factor set to another level.

use crate::design::cells::Cells;
use crate::design::{NO_COLUMN, RatesFactor, Sample};

/// The terms that change when the factor is set, and the change they make.
#[derive(Debug)]
pub struct Counterfactual<'a> {
    sample: &'a Sample,
    cells: &'a Cells,
    factor: &'a RatesFactor,
    /// `(term, first column)` of every term that uses the factor.
    touched: Vec<(usize, usize)>,
    /// Number of regressor columns.
    p: usize,
}

impl<'a> Counterfactual<'a> {
    /// Finds the terms that use the factor, as levels or as a number.
    pub fn new(sample: &'a Sample, cells: &'a Cells, factor: &'a RatesFactor) -> Self {
        let mut touched = Vec::new();
        let mut first = 0;
        for (t, term) in sample.terms.iter().enumerate() {
            let as_levels = term.levels.as_ref().is_some_and(|levels| levels.factor == factor.name);
            if as_levels || term.variable.as_deref() == Some(&factor.name) {
                touched.push((t, first));
            }
            first += term.n_columns();
        }
        Counterfactual { sample, cells, factor, touched, p: first }
    }

    /// Whether any regressor uses the factor.
    pub fn is_used(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Whether setting the factor moves every row's prediction to the same place, so that
    /// (x(k) - x)'b - mean over rows does not depend on k. Fails when the factor has its own slopes.
    pub fn is_common(&self) -> bool {
        self.touched.iter().all(|&(t, _)| {
            let term = &self.sample.terms[t];
            !(term.levels.is_some() && term.values.is_some())
        })
    }

    /// Calls `f(column, change)` for every design column of `cell` that changes when the factor is set to level `k`.
    #[inline]
    pub fn changes(&self, cell: usize, k: usize, mut f: impl FnMut(usize, f64)) {
        let row = self.cells.row[cell] as usize;
        for &(t, first) in &self.touched {
            let term = &self.sample.terms[t];
            let value = term.values.as_ref().map(|values| values[row]);
            match &term.levels {
                Some(levels) => {
                    let value = value.unwrap_or(1.0);
                    let mut put = |level: usize, change: f64| {
                        let column = levels.column_of_level[level];
                        if column != NO_COLUMN {
                            f(first + column as usize, change);
                        }
                    };
                    put(self.factor.term_codes[k] as usize, value);
                    put(levels.codes[row] as usize, -value);
                }
                None => f(first, self.factor.numbers[k] - value.unwrap_or(0.0)),
            }
        }
    }

    /// Change of the linear predictor of every cell at each of the first `n_levels` levels: (x(k) - x)'b.
    pub fn shifts(&self, n_levels: usize, coef: &[f64]) -> Shifts {
        let change = |cell: usize, k: usize| {
            let mut sum = 0.0;
            self.changes(cell, k, |column, change| sum += change * coef[column]);
            sum
        };
        let by_level = self.depends_on_level_only();
        let key: Vec<u32> =
            if by_level { self.cells.rates_level.clone() } else { (0..self.cells.len() as u32).collect() };
        let n_keys = if by_level { self.factor.levels.len() } else { self.cells.len() };
        let mut table = vec![0.0; n_keys * n_levels];
        let mut done = vec![false; n_keys];
        for (cell, &key) in key.iter().enumerate() {
            if !std::mem::replace(&mut done[key as usize], true) {
                let slots = &mut table[key as usize * n_levels..(key as usize + 1) * n_levels];
                slots.iter_mut().enumerate().for_each(|(k, slot)| *slot = change(cell, k));
            }
        }
        Shifts { key, table, n_levels }
    }

    /// Whether the change of a row depends on its own level and nothing else of it.
    fn depends_on_level_only(&self) -> bool {
        self.touched
            .iter()
            .all(|&(t, _)| self.sample.terms[t].levels.is_some() && self.sample.terms[t].values.is_none())
    }

    /// Weighted sum over `cells` of the change of every column at level `k`.
    pub fn sum_changes(&self, k: usize, cells: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
        let mut sums = vec![0.0; self.p];
        if !self.depends_on_level_only() {
            cells.for_each(|(cell, w)| self.changes(cell, k, |column, change| sums[column] += w * change));
            return sums;
        }
        // one cell stands for all of its level
        let mut of_level: Vec<(f64, usize)> = vec![(0.0, 0); self.factor.levels.len()];
        for (cell, w) in cells {
            let slot = &mut of_level[self.cells.rates_level[cell] as usize];
            *slot = (slot.0 + w, cell);
        }
        for (w, cell) in of_level.into_iter().filter(|(w, _)| *w != 0.0) {
            self.changes(cell, k, |column, change| sums[column] += w * change);
        }
        sums
    }
}

/// Changes of the linear predictor, looked up by cell and level.
#[derive(Debug)]
pub struct Shifts {
    /// Row of the table for each cell.
    key: Vec<u32>,
    table: Vec<f64>,
    n_levels: usize,
}

impl Shifts {
    /// (x(k) - x)'b of a cell.
    #[inline]
    pub fn at(&self, cell: usize, k: usize) -> f64 {
        self.table[self.key[cell] as usize * self.n_levels + k]
    }
}
