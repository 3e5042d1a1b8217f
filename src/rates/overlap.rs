//! How far the levels of a factor meet in the same cells, and what weights the adjusted rates put on rows.

use crate::design::Sample;
use crate::design::cells::Cells;
use crate::design::codes::combine;
use crate::result::Overlap;

/// Share of rows in cells with every level below which a warning is given.
const ALL_LEVEL_SHARE: f64 = 0.8;
/// Effective rows of a level below which a warning is given.
const EFFECTIVE_ROWS: f64 = 200.0;
/// Absorbed parameters per row above which a warning is given.
const PARAMETERS_PER_ROW: f64 = 0.1;

/// Combination of all effects' levels of each design cell, and how many there are.
pub fn effect_cells(sample: &Sample, cells: &Cells) -> (Vec<u32>, usize) {
    let effects = cells.effect_codes.iter().zip(&sample.effects);
    let inputs: Vec<(&[u32], usize)> = effects.map(|(codes, effect)| (codes.as_slice(), effect.n_levels)).collect();
    combine(&inputs, cells.len())
}

/// Counts the target rows by how many levels their cell (`group`, one of `n_groups`) holds.
pub fn count(sample: &Sample, cells: &Cells, group: &[u32], n_groups: usize) -> Overlap {
    let in_target = || (0..cells.len()).filter(|&cell| cells.target[cell] > 0.0);
    let target_rows = in_target().map(|cell| cells.rows[cell] as usize).sum();
    let mut overlap = Overlap { target_rows, ..Overlap::default() };
    let Some(factor) = &sample.rates else { return overlap };
    let words = factor.levels.len().div_ceil(64);
    let mut seen = vec![0u64; n_groups * words];
    let mut rows = vec![0usize; n_groups];
    for (cell, &g) in group.iter().enumerate() {
        // the levels that inform a cell are those of the whole sample
        let level = cells.rates_level[cell] as usize;
        seen[g as usize * words + level / 64] |= 1 << (level % 64);
    }
    in_target().for_each(|cell| rows[group[cell] as usize] += cells.rows[cell] as usize);
    overlap.cells = rows.iter().filter(|&&rows| rows > 0).count();
    for g in 0..n_groups {
        let levels: u32 = seen[g * words..(g + 1) * words].iter().map(|word| word.count_ones()).sum();
        overlap.rows_in_singleton_cells += if rows[g] == 1 { 1 } else { 0 };
        overlap.rows_in_two_level_cells += if levels >= 2 { rows[g] } else { 0 };
        overlap.rows_in_all_level_cells += if levels as usize == factor.levels.len() { rows[g] } else { 0 };
    }
    overlap
}

/// What the implied weights of one rate add up to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Implied {
    sum: f64,
    squares: f64,
    rows: f64,
    negative_rows: f64,
    negative_sum: f64,
}

impl Implied {
    /// Adds `rows` rows that weigh `weight` each.
    pub fn add(&mut self, rows: f64, weight: f64) {
        self.sum += rows * weight;
        self.squares += rows * weight * weight;
        self.rows += rows;
        if weight < 0.0 {
            self.negative_rows += rows;
            self.negative_sum += rows * weight;
        }
    }

    /// (sum h)^2 / sum h^2.
    pub fn effective_rows(&self) -> f64 {
        self.sum * self.sum / self.squares
    }

    /// Folds the negative weights into the overlap block, which holds the worst over levels.
    pub fn report(&self, overlap: &mut Overlap) {
        overlap.negative_weight_share = overlap.negative_weight_share.max(self.negative_rows / self.rows);
        overlap.negative_weight_sum = overlap.negative_weight_sum.min(self.negative_sum);
    }
}

/// Sentences on what to be wary of.
pub fn warnings(overlap: &Overlap, effective: &[f64], levels: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    if overlap.parameters_per_row > PARAMETERS_PER_ROW {
        out.push(format!(
            "{:.0} % as many absorbed parameters as rows: clustered errors rest on few rows per cell",
            100.0 * overlap.parameters_per_row
        ));
    }
    let share = overlap.rows_in_all_level_cells as f64 / overlap.target_rows.max(1) as f64;
    if share < ALL_LEVEL_SHARE {
        out.push(format!(
            "only {:.0} % of rows lie in cells that hold every level: other cells rely on the model's additivity",
            100.0 * share
        ));
    }
    for (level, rows) in levels.iter().zip(effective).filter(|(_, rows)| **rows < EFFECTIVE_ROWS) {
        out.push(format!("the rate of level `{level}` rests on {rows:.0} effective rows"));
    }
    out
}
