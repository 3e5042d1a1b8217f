//! Cells: rows with the same design, counted once.
//!
//! All-categorical designs (and numeric regressors with few distinct values) repeat their rows; the estimator works on
//! the distinct ones with weights `n_c = sum w` and sums `s_c = sum w y`. A design with a continuous regressor has one
//! cell per row, and the same code serves it.
//! Cells ascend by the level of the *absorbed* effect (the one with most levels), so that its groups are contiguous.

use super::codes::{code_numbers, combine, sort_by_code};
use super::{Outcome, Sample};
use crate::linalg::double_double::Double2;
use std::sync::Arc;

/// Distinct values up to which a numeric regressor is coded.
const CODED_VALUES: usize = 256;

/// The distinct designs of a sample.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Cell of each row.
    pub of_row: Vec<u32>,
    /// A row of each cell: anything constant within cells is looked up there.
    pub row: Vec<u32>,
    /// Rows in each cell.
    pub rows: Vec<u32>,
    /// Sum of weights in each cell.
    pub weight: Vec<f64>,
    /// Position in [`Sample::effects`] of the effect that cells are sorted by: the largest that has intercepts.
    pub absorbed: Option<usize>,
    /// Level of each effect in each cell.
    pub effect_codes: Vec<Vec<u32>>,
    /// Level of the rates factor in each cell; empty without one.
    pub rates_level: Vec<u32>,
    /// Share of each cell in the target of adjusted rates.
    pub target: Vec<f64>,
}

/// An outcome, cell by cell.
#[derive(Debug, Clone)]
pub struct CellOutcome {
    /// What was subtracted from every value before summing: keeps the digits of outcomes far from zero.
    pub shift: f64,
    /// Weighted mean of the shifted outcome in each cell.
    pub mean: Vec<f64>,
    /// Weighted sum of squared deviations from that mean in each cell.
    pub within: Vec<f64>,
}

impl Cells {
    /// Finds the cells of a sample.
    pub fn new(sample: &Sample) -> Self {
        let absorbed = absorbed(sample);
        let (of_row, n_cells) = number_rows(sample, absorbed, sample.n_rows);
        let mut row = vec![0u32; n_cells];
        let mut rows = vec![0u32; n_cells];
        let mut weight = vec![0.0; n_cells];
        for i in (0..sample.n_rows).rev() {
            row[of_row[i] as usize] = i as u32;
        }
        for (i, &cell) in of_row.iter().enumerate() {
            rows[cell as usize] += 1;
            weight[cell as usize] += sample.weight(i);
        }
        Cells::complete(sample, absorbed, of_row, row, rows, weight)
    }

    /// The cells of a sample without weights whose rows are the same within finer cells.
    pub fn coarser(sample: &Sample, fine: &FineCells) -> Self {
        let absorbed = absorbed(sample);
        let (of_fine, n_cells) = number_rows(&fine.representatives(sample), absorbed, sample.n_rows);
        let mut row = vec![u32::MAX; n_cells];
        let mut rows = vec![0u32; n_cells];
        for ((&cell, &first), &count) in of_fine.iter().zip(&fine.row).zip(&fine.rows) {
            row[cell as usize] = row[cell as usize].min(first);
            rows[cell as usize] += count;
        }
        let of_row = fine.of_row.iter().map(|&cell| of_fine[cell as usize]).collect();
        let weight = rows.iter().map(|&count| f64::from(count)).collect();
        Cells::complete(sample, absorbed, of_row, row, rows, weight)
    }

    fn complete(
        sample: &Sample,
        absorbed: Option<usize>,
        of_row: Vec<u32>,
        row: Vec<u32>,
        rows: Vec<u32>,
        weight: Vec<f64>,
    ) -> Self {
        // looked up once: representative rows are scattered
        let of_cells = |codes: &[u32]| row.iter().map(|&row| codes[row as usize]).collect();
        let effect_codes = sample.effects.iter().map(|effect| of_cells(&effect.codes)).collect();
        let rates_level = sample.rates.as_ref().map_or_else(Vec::new, |rates| of_cells(&rates.codes));
        let multiplier = |cell: usize| sample.target_multiplier(row[cell] as usize);
        let mut target: Vec<f64> = weight.iter().enumerate().map(|(cell, w)| w * multiplier(cell)).collect();
        let total: f64 = target.iter().sum();
        target.iter_mut().for_each(|share| *share /= total);
        Cells { of_row, row, rows, weight, absorbed, effect_codes, rates_level, target }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Means and within-cell sums of squares of an outcome.
    pub fn outcome(&self, sample: &Sample, outcome: &Outcome) -> CellOutcome {
        let binary = is_binary(&outcome.values);
        // without a constant the level of the outcome is part of what is explained
        let has_constant = sample.intercept || sample.absorbs_constant();
        let shift = if binary || !has_constant { 0.0 } else { exact_shift(&outcome.values) };
        let mut mean = vec![0.0; self.len()];
        for (i, &cell) in self.of_row.iter().enumerate() {
            mean[cell as usize] += sample.weight(i) * (outcome.values[i] - shift);
        }
        mean.iter_mut().zip(&self.weight).for_each(|(sum, weight)| *sum /= weight);
        if binary {
            let within = mean.iter().zip(&self.weight).map(|(mean, weight)| weight * mean * (1.0 - mean)).collect();
            return CellOutcome { shift, mean, within };
        }
        let mut within = vec![0.0; self.len()];
        if self.len() < sample.n_rows {
            // the corrected two-pass algorithm (Chan, Golub and LeVeque 1983): what deviations from a rounded mean sum to
            // corrects it; squares with their rounding carried along (Neumaier 1974)
            let mut sums = vec![[0.0; 3]; self.len()];
            for (i, &cell) in self.of_row.iter().enumerate() {
                let [rest, square, low] = &mut sums[cell as usize];
                let deviation = outcome.values[i] - shift - mean[cell as usize];
                let weighted = sample.weight(i) * deviation;
                *rest += weighted;
                let added = Double2::sum(*square, weighted * deviation);
                *square = added.high;
                *low += added.low;
            }
            for (cell, [rest, square, low]) in sums.into_iter().enumerate() {
                let correction = rest / self.weight[cell];
                mean[cell] += correction;
                within[cell] = (square + (low - rest * correction)).max(0.0);
            }
        }
        CellOutcome { shift, mean, within }
    }
}

/// Position of the effect that cells are sorted by: the largest that has intercepts.
fn absorbed(sample: &Sample) -> Option<usize> {
    let constant = (0..sample.effects.len()).filter(|&i| sample.effects[i].constant);
    constant.max_by_key(|&i| (sample.effects[i].n_levels, std::cmp::Reverse(i)))
}

/// Rows that agree in every variable of several designs.
#[derive(Debug, Clone)]
pub struct FineCells {
    /// Cell of each row.
    pub of_row: Vec<u32>,
    /// First row of each cell.
    pub row: Vec<u32>,
    /// Rows in each cell.
    pub rows: Vec<u32>,
}

impl FineCells {
    /// Counts the rows of cells numbered `0..n`.
    pub fn new(of_row: Vec<u32>, n: usize) -> Self {
        let (mut row, mut rows) = (vec![0u32; n], vec![0u32; n]);
        for (i, &cell) in of_row.iter().enumerate().rev() {
            row[cell as usize] = i as u32;
            rows[cell as usize] += 1;
        }
        FineCells { of_row, row, rows }
    }

    /// A sample with one row of each cell, without outcomes and clusters.
    fn representatives(&self, sample: &Sample) -> Sample {
        let codes = |codes: &[u32]| self.row.iter().map(|&row| codes[row as usize]).collect::<Vec<u32>>();
        let numbers = |values: &Arc<Vec<f64>>| Arc::new(self.row.iter().map(|&row| values[row as usize]).collect());
        let mut few = Sample { outcomes: Vec::new(), clusters: Vec::new(), weights: None, ..sample.clone() };
        few.n_rows = self.row.len();
        for term in &mut few.terms {
            if let Some(levels) = &mut term.levels {
                levels.codes = codes(&levels.codes);
            }
            term.values = term.values.as_ref().map(numbers);
        }
        few.effects.iter_mut().for_each(|effect| effect.codes = Arc::new(codes(&effect.codes)));
        if let Some(rates) = &mut few.rates {
            rates.codes = codes(&rates.codes);
        }
        if let Some(target) = &mut few.target {
            target.codes = codes(&target.codes);
        }
        few
    }
}

/// A value near all others that can be subtracted from them without rounding: the first, if every value lies between its half
/// and its double (Sterbenz 1974). Values that spread wider are not far from zero, and nothing is subtracted.
fn exact_shift(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or(0.0);
    let near = values.iter().all(|&value| {
        let ratio = value / first;
        (0.5..=2.0).contains(&ratio)
    });
    if near { first } else { 0.0 }
}

/// Whether every value is 0 or 1.
pub fn is_binary(values: &[f64]) -> bool {
    // blocks without an exit in between: the compiler takes several values at a time
    let of_block = |block: &[f64]| block.iter().fold(true, |all, &value| all & ((value == 0.0) | (value == 1.0)));
    values.chunks(256).all(of_block)
}

/// Cell of each row, ascending by the absorbed effect.
/// `n_rows` are the rows behind them: what is worth compressing is judged by those.
fn number_rows(sample: &Sample, absorbed: Option<usize>, n_rows: usize) -> (Vec<u32>, usize) {
    let mut coded: Vec<(Vec<u32>, usize)> = Vec::new();
    // a huge effect leaves nothing to compress
    let mut compressible = absorbed.is_none_or(|i| sample.effects[i].n_levels < n_rows / 3);
    let slopes = sample.effects.iter().flat_map(|effect| &effect.slopes).map(|slope| &slope.values);
    let mut numbers: Vec<&Arc<Vec<f64>>> = Vec::new();
    for values in sample.terms.iter().filter_map(|term| term.values.as_ref()).chain(slopes) {
        if !numbers.iter().any(|known| Arc::ptr_eq(known, values)) {
            numbers.push(values);
        }
    }
    for values in numbers {
        if !compressible {
            break;
        }
        match code_numbers(values, CODED_VALUES.min(n_rows / 4)) {
            Some((codes, distinct)) => coded.push((codes, distinct.len())),
            None => compressible = false,
        }
    }
    if !compressible {
        return match absorbed {
            None => ((0..sample.n_rows as u32).collect(), sample.n_rows),
            Some(i) => {
                let (order, _) = sort_by_code(&sample.effects[i].codes, sample.effects[i].n_levels);
                let mut of_row = vec![0u32; sample.n_rows];
                order.iter().enumerate().for_each(|(cell, &row)| of_row[row as usize] = cell as u32);
                (of_row, sample.n_rows)
            }
        };
    }
    let mut keys: Vec<(&[u32], usize)> = Vec::new();
    if let Some(i) = absorbed {
        keys.push((&sample.effects[i].codes, sample.effects[i].n_levels));
    }
    let others = sample.effects.iter().enumerate().filter(|(i, _)| Some(*i) != absorbed);
    keys.extend(others.map(|(_, effect)| (effect.codes.as_slice(), effect.n_levels)));
    let mut seen: Vec<&str> = Vec::new();
    for levels in sample.terms.iter().filter_map(|term| term.levels.as_ref()) {
        if !seen.contains(&levels.factor.as_str()) {
            seen.push(&levels.factor);
            keys.push((&levels.codes, levels.column_of_level.len()));
        }
    }
    if let Some(rates) = sample.rates.as_ref().filter(|rates| !seen.contains(&rates.name.as_str())) {
        keys.push((&rates.codes, rates.levels.len()));
    }
    keys.extend(coded.iter().map(|(codes, n)| (codes.as_slice(), *n)));
    keys.extend(sample.target.iter().map(|target| (target.codes.as_slice(), target.multipliers.len())));
    combine(&keys, sample.n_rows)
}
