//! What does not depend on the outcome: cells of the effects, rows and clusters per level, overlap of the levels.

use super::parameters::Ranks;
use crate::aggregate::{Aggregator, Rows};
use crate::design::Sample;
use crate::rates::overlap::{self, Implied};
use crate::result::Overlap;
use std::sync::OnceLock;

/// Facts about a sample, counted once for all outcomes.
#[derive(Debug)]
pub struct Shared {
    /// Combination of the effects' levels of each design cell.
    pub effect_cell: Vec<u32>,
    /// Number of combinations.
    pub n_effect_cells: usize,
    /// Target rows at each level of the rates factor.
    pub level_rows: Vec<usize>,
    /// Distinct clusters of the first variable at each level.
    pub level_clusters: Vec<usize>,
    /// Counts of rows by the levels their cell holds.
    pub overlap: Overlap,
    /// Implied weights of a linear model: the same for every outcome, and computed with the first.
    pub implied: OnceLock<Vec<Implied>>,
    /// Ranks of the effects of a linear model, counted with the first outcome.
    pub ranks: OnceLock<Ranks>,
    /// [`Rows::crowding`], counted with the first outcome.
    pub crowding: OnceLock<Vec<f64>>,
}

impl Shared {
    /// Counts.
    pub fn new(sample: &Sample, rows: &Rows, count_clusters: bool) -> Self {
        let cells = rows.cells();
        let (effect_cell, n_effect_cells) = if sample.effects.is_empty() {
            (vec![0; cells.len()], usize::from(!cells.is_empty()))
        } else {
            overlap::effect_cells(sample, cells)
        };
        let Some(factor) = &sample.rates else {
            let (level_rows, level_clusters, overlap) = Default::default();
            let (implied, ranks, crowding) = Default::default();
            return Shared {
                effect_cell,
                n_effect_cells,
                level_rows,
                level_clusters,
                overlap,
                implied,
                ranks,
                crowding,
            };
        };
        let mut level_rows = vec![0usize; factor.levels.len()];
        for cell in (0..cells.len()).filter(|&cell| cells.target[cell] > 0.0) {
            level_rows[cells.rates_level[cell] as usize] += cells.rows[cell] as usize;
        }
        let level_clusters = if count_clusters { rows.level_clusters() } else { vec![0; factor.levels.len()] };
        let mut overlap = overlap::count(sample, cells, &effect_cell, n_effect_cells);
        overlap.largest_cluster_share = if count_clusters { rows.largest_cluster_share() } else { f64::NAN };
        let (implied, ranks, crowding) = Default::default();
        Shared { effect_cell, n_effect_cells, level_rows, level_clusters, overlap, implied, ranks, crowding }
    }
}
