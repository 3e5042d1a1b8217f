//! Cells of the controls crossed with the levels of a factor: the one group-by that every cell estimator works on.

use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::design::cells::CellOutcome;
use crate::design::codes::{code_numbers, combine};

/// Totals of every control cell c at every level k. Tables are `n_cells x n_levels`, row-major.
#[derive(Debug, Clone)]
pub struct CellTable {
    /// Control cell of each design cell.
    pub of: Vec<u32>,
    /// Level of each design cell.
    pub level: Vec<u32>,
    /// Control cells.
    pub n_cells: usize,
    /// Levels of the factor.
    pub n_levels: usize,
    /// n_ck, the weight.
    pub weight: Vec<f64>,
    /// Rows.
    pub rows: Vec<u32>,
    /// Sum of squared weights.
    pub squares: Vec<f64>,
    /// Whether a control cell holds every level.
    pub overlap: Vec<bool>,
}

impl CellTable {
    /// Groups the design cells of a sample with a rates factor by all of their controls: effects, and terms without it.
    pub fn new(sample: &Sample, rows: &Rows) -> Self {
        let cells = rows.cells();
        let (of, n_cells) = control_cells(sample, rows);
        let n_levels = sample.rates.as_ref().map_or(1, |factor| factor.levels.len());
        let level = if cells.rates_level.is_empty() { vec![0; cells.len()] } else { cells.rates_level.clone() };
        let mut table = CellTable {
            of,
            level,
            n_cells,
            n_levels,
            weight: vec![0.0; n_cells * n_levels],
            rows: vec![0; n_cells * n_levels],
            squares: vec![0.0; n_cells * n_levels],
            overlap: Vec::new(),
        };
        let squares = rows.squared_weights();
        for (cell, square) in squares.iter().enumerate() {
            let at = table.entry(cell);
            table.weight[at] += cells.weight[cell];
            table.rows[at] += cells.rows[cell];
            table.squares[at] += square;
        }
        table.overlap = table.rows.chunks(n_levels).map(|rows| rows.iter().all(|&rows| rows > 0)).collect();
        table
    }

    /// Entry of a design cell.
    #[inline]
    pub fn entry(&self, cell: usize) -> usize {
        self.of[cell] as usize * self.n_levels + self.level[cell] as usize
    }

    /// Mean outcome of every entry (shifted); zero where there is no row.
    pub fn means(&self, rows: &Rows, outcome: &CellOutcome) -> Vec<f64> {
        let mut sums = vec![0.0; self.weight.len()];
        for (cell, weight) in rows.cells().weight.iter().enumerate() {
            sums[self.entry(cell)] += weight * outcome.mean[cell];
        }
        sums.iter().zip(&self.weight).map(|(sum, weight)| if *weight > 0.0 { sum / weight } else { 0.0 }).collect()
    }

    /// Totals of one control cell.
    pub fn cell(&self, c: usize) -> &[f64] {
        &self.weight[c * self.n_levels..(c + 1) * self.n_levels]
    }

    /// Share of the weight at each level, over the cells that hold every level.
    pub fn overlap_shares(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_levels];
        for c in (0..self.n_cells).filter(|&c| self.overlap[c]) {
            sums.iter_mut().zip(self.cell(c)).for_each(|(sum, weight)| *sum += weight);
        }
        let total: f64 = sums.iter().sum();
        sums.iter().map(|sum| sum / total).collect()
    }

    /// Factor of the residuals of every entry: sqrt(N/(N - 1)) with N = (sum w)^2 / sum w^2, which is the number of rows
    /// without weights. It makes the variance of a cell's mean unbiased when its rows are independent (HC2 of a design
    /// of cells; MacKinnon and White 1985). One where a single row leaves no residual.
    pub fn leverage_factors(&self) -> Vec<f64> {
        let factor = |at: usize| {
            let effective = self.weight[at] * self.weight[at] / self.squares[at];
            if self.rows[at] > 1 && effective > 1.0 { (effective / (effective - 1.0)).sqrt() } else { 1.0 }
        };
        (0..self.weight.len()).map(factor).collect()
    }

    /// Rows of the cells for which `f` holds.
    pub fn rows_in(&self, f: impl Fn(usize) -> bool) -> usize {
        (0..self.n_cells)
            .filter(|&c| f(c))
            .map(|c| self.cell_rows(c).iter().map(|&rows| rows as usize).sum::<usize>())
            .sum()
    }

    /// Rows of one control cell at each level.
    pub fn cell_rows(&self, c: usize) -> &[u32] {
        &self.rows[c * self.n_levels..(c + 1) * self.n_levels]
    }
}

/// Combination of all controls in each design cell.
fn control_cells(sample: &Sample, rows: &Rows) -> (Vec<u32>, usize) {
    let cells = rows.cells();
    let factor = sample.rates.as_ref().map(|factor| factor.name.as_str());
    let at = |values: &[f64]| cells.row.iter().map(|&row| values[row as usize]).collect::<Vec<f64>>();
    let mut coded: Vec<(Vec<u32>, usize)> = Vec::new();
    for term in &sample.terms {
        if let Some(levels) = term.levels.as_ref().filter(|levels| Some(levels.factor.as_str()) != factor) {
            let codes = cells.row.iter().map(|&row| levels.codes[row as usize]).collect();
            coded.push((codes, levels.column_of_level.len()));
        }
        if let Some(values) = term.values.as_ref().filter(|_| term.variable.as_deref() != factor || factor.is_none())
            && let Some((codes, distinct)) = code_numbers(&at(values), usize::MAX)
        {
            coded.push((codes, distinct.len()));
        }
    }
    let effects = cells.effect_codes.iter().zip(&sample.effects);
    let mut inputs: Vec<(&[u32], usize)> = effects.map(|(codes, effect)| (codes.as_slice(), effect.n_levels)).collect();
    inputs.extend(coded.iter().map(|(codes, n)| (codes.as_slice(), *n)));
    if inputs.is_empty() {
        return (vec![0; cells.len()], usize::from(!cells.is_empty()));
    }
    combine(&inputs, cells.len())
}
