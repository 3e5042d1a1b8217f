//! The estimation cells laid out for the solver: groups of the absorbed effect, and sparse rows over dense columns.
//!
//! Each cell has one *slot* per remaining effect, per slope by level and per term; a slot holds the column that is one in this cell (or has
//! the slot's numeric value). Columns of the remaining effects come first, then the regressors, so that a regressor
//! spanned by the effects is the one dropped. Numeric columns are standardised; coefficients are scaled back at the end.

use super::cells::Cells;
use super::singletons::Exact;
use super::slopes::by_level;
use super::{NO_COLUMN, Sample};
use crate::linalg::double_double::Double2;
use std::sync::Arc;

/// The layout; `n` estimation cells, `k` dense columns.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Index of each estimation cell in [`Cells`].
    pub cell: Vec<u32>,
    /// Weight of each estimation cell.
    pub weight: Vec<f64>,
    /// Start of each group of the absorbed effect (`groups + 1` entries); two entries if only an intercept is absorbed,
    /// one if nothing is.
    pub starts: Vec<u32>,
    /// Slots per cell.
    pub n_slots: usize,
    /// Column of each slot (`n x n_slots`, row-major); `k` stands for none.
    pub column: Vec<u32>,
    /// Value of each slot, or `None` if all are one.
    pub value: Option<Vec<f64>>,
    /// The table's values behind each slot, by row, where it has some of its own.
    source: Vec<Option<Arc<Vec<f64>>>>,
    /// A row of each estimation cell, to look those up.
    row: Vec<u32>,
    /// Dense columns of the remaining effects and of all slopes: `0..n_effect_columns`.
    pub n_effect_columns: usize,
    /// All dense columns.
    pub k: usize,
    /// Names of the regressor columns (`k - n_effect_columns` of them).
    pub names: Vec<String>,
    /// Mean subtracted from each regressor column (zero unless numeric and a constant is absorbed).
    pub centre: Vec<f64>,
    /// Factor each regressor column was divided by.
    pub scale: Vec<f64>,
    /// Whether each regressor column holds numbers, rather than zeros and ones.
    pub numeric: Vec<bool>,
    /// Distinct levels of each effect among the estimation cells.
    pub effect_levels: Vec<usize>,
    /// Codes of each effect but the absorbed one, compact, per estimation cell (for iterative absorption).
    pub other_effects: Vec<Vec<u32>>,
}

impl Layout {
    /// Lays out the cells not marked as fitted exactly.
    pub fn new(sample: &Sample, cells: &Cells, exact: &[Exact]) -> Self {
        let cell: Vec<u32> = (0..cells.len() as u32).filter(|&c| exact[c as usize] == Exact::No).collect();
        let weight: Vec<f64> = cell.iter().map(|&c| cells.weight[c as usize]).collect();
        let row = |i: usize| cells.row[cell[i] as usize] as usize;
        let n = cell.len();

        let mut effect_levels = vec![0; sample.effects.len()];
        let starts = match cells.absorbed {
            Some(e) => group_starts(n, |i| cells.effect_codes[e][cell[i] as usize]),
            None if sample.intercept => vec![0, n as u32],
            None => vec![0],
        };
        let mut other_effects = Vec::new();
        let mut slots: Vec<(Vec<u32>, Option<Vec<f64>>)> = Vec::new();
        let mut next = 0u32;
        for (e, effect) in sample.effects.iter().enumerate() {
            let mut number = vec![NO_COLUMN; effect.n_levels];
            let code = |i: usize| cells.effect_codes[e][cell[i] as usize] as usize;
            (0..n).for_each(|i| number[code(i)] = 0);
            let present = number.iter_mut().filter(|slot| **slot == 0);
            effect_levels[e] = present.enumerate().map(|(position, slot)| *slot = position as u32).count();
            let codes: Vec<u32> = (0..n).map(|i| number[code(i)]).collect();
            let mut add = |values: Option<Vec<f64>>| {
                slots.push((codes.iter().map(|&code| next + code).collect(), values));
                next += effect_levels[e] as u32;
            };
            if effect.constant && Some(e) != cells.absorbed {
                add(None);
            }
            for slope in &effect.slopes {
                let raw: Vec<f64> = (0..n).map(|i| slope.values[row(i)]).collect();
                add(Some(by_level(&codes, effect_levels[e], &raw, &weight, effect.constant)));
            }
            if Some(e) != cells.absorbed {
                other_effects.push(codes);
            }
        }
        let n_effect_columns = next as usize;

        let constant = starts.len() > 1;
        let (mut names, mut centre, mut scale, mut numeric) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut source = vec![None; slots.len()];
        for term in &sample.terms {
            let columns = match &term.levels {
                None => vec![next; n],
                Some(levels) => (0..n)
                    .map(|i| match levels.column_of_level[levels.codes[row(i)] as usize] {
                        NO_COLUMN => NO_COLUMN,
                        column => next + column,
                    })
                    .collect(),
            };
            let values = term.values.as_ref().map(|values| {
                let raw: Vec<f64> = (0..n).map(|i| values[row(i)]).collect();
                let (mean, deviation) = moments(&raw, &weight, constant && term.levels.is_none());
                centre.extend(std::iter::repeat_n(mean, term.n_columns()));
                scale.extend(std::iter::repeat_n(deviation, term.n_columns()));
                raw.iter().map(|value| (value - mean) / deviation).collect::<Vec<f64>>()
            });
            if values.is_none() {
                centre.extend(std::iter::repeat_n(0.0, term.n_columns()));
                scale.extend(std::iter::repeat_n(1.0, term.n_columns()));
            }
            numeric.extend(std::iter::repeat_n(values.is_some(), term.n_columns()));
            source.push(term.values.clone());
            slots.push((columns, values));
            names.extend(term.names.iter().cloned());
            next += term.n_columns() as u32;
        }
        let k = next as usize;
        let rows = (0..n).map(|i| row(i) as u32).collect();
        let (column, value) = interleave(&slots, n, k as u32);
        Layout {
            cell,
            weight,
            starts,
            n_slots: slots.len(),
            column,
            value,
            source,
            row: rows,
            n_effect_columns,
            k,
            names,
            centre,
            scale,
            numeric,
            effect_levels,
            other_effects,
        }
    }

    /// Number of estimation cells.
    pub fn n(&self) -> usize {
        self.cell.len()
    }

    /// Number of regressor columns.
    pub fn p(&self) -> usize {
        self.k - self.n_effect_columns
    }

    /// Whether an effect (or the intercept) is absorbed, so that constants cost nothing.
    pub fn has_groups(&self) -> bool {
        self.starts.len() > 1
    }

    /// Columns and values of one cell's slots; the column `k` stands for none.
    pub fn slots(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        (i * self.n_slots..(i + 1) * self.n_slots)
            .map(|at| (self.column[at] as usize, self.value.as_ref().map_or(1.0, |value| value[at])))
    }

    /// One regressor column, dense.
    pub fn regressor(&self, j: usize) -> Vec<f64> {
        let target = self.n_effect_columns + j;
        (0..self.n()).map(|i| self.slots(i).filter(|&(c, _)| c == target).map(|(_, v)| v).sum()).collect()
    }

    /// Centre and scale of a dense column: regressors are standardised, effects and their slopes are as they are.
    pub fn standardised(&self, column: usize) -> (f64, f64) {
        match column.checked_sub(self.n_effect_columns) {
            Some(j) => (self.centre[j], self.scale[j]),
            None => (0.0, 1.0),
        }
    }

    /// A dense column, standardised without the rounding of [`Self::value`].
    pub fn precise_column(&self, target: usize) -> Vec<Double2> {
        let (centre, scale) = self.standardised(target);
        let slot =
            |i: usize| (i * self.n_slots..(i + 1) * self.n_slots).position(|at| self.column[at] as usize == target);
        (0..self.n())
            .map(|i| match slot(i) {
                None => Double2::default(),
                Some(s) => match &self.source[s] {
                    Some(values) => Double2::sum(values[self.row[i] as usize], -centre) / Double2::from(scale),
                    None => self.value.as_ref().map_or(1.0, |value| value[i * self.n_slots + s]).into(),
                },
            })
            .collect()
    }

    /// Calls `f` with each group's range of cells.
    pub fn for_groups(&self, mut f: impl FnMut(usize, std::ops::Range<usize>)) {
        for (group, pair) in self.starts.windows(2).enumerate() {
            f(group, pair[0] as usize..pair[1] as usize);
        }
    }
}

/// Starts of the runs of equal codes.
fn group_starts(n: usize, code: impl Fn(usize) -> u32) -> Vec<u32> {
    let mut starts: Vec<u32> = (0..n).filter(|&i| i == 0 || code(i) != code(i - 1)).map(|i| i as u32).collect();
    starts.push(n as u32);
    starts
}

/// Weighted mean (if `centred`, else 0) and root mean square about it (1 if that is 0).
fn moments(values: &[f64], weight: &[f64], centred: bool) -> (f64, f64) {
    let total: f64 = weight.iter().sum();
    let first = values.first().copied().unwrap_or(0.0);
    let weighted = |f: &dyn Fn(f64) -> f64| values.iter().zip(weight).map(|(v, w)| w * f(*v)).sum::<f64>() / total;
    let mean = if centred { first + weighted(&|v| v - first) } else { 0.0 };
    let deviation = weighted(&|v| (v - mean) * (v - mean)).sqrt();
    (mean, if deviation > 1e-14 * mean.abs() && deviation > 0.0 { deviation } else { 1.0 })
}

/// Slot columns and values, row by row.
fn interleave(slots: &[(Vec<u32>, Option<Vec<f64>>)], n: usize, k: u32) -> (Vec<u32>, Option<Vec<f64>>) {
    let width = slots.len();
    let mut column = vec![0u32; n * width];
    let mut value = slots.iter().any(|(_, values)| values.is_some()).then(|| vec![1.0; n * width]);
    for (s, (columns, values)) in slots.iter().enumerate() {
        for i in 0..n {
            column[i * width + s] = columns[i].min(k);
        }
        if let (Some(all), Some(values)) = (value.as_mut(), values) {
            for i in 0..n {
                all[i * width + s] = values[i];
            }
        }
    }
    (column, value)
}
