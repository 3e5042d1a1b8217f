//! The tables of a run in reading order: regressions, adjusted rates with contrasts and overlap, flow of rows.

use crate::result::{ModelFit, Run};

use super::diagnostics_table::diagnostics_blocks;
use super::document::{Block, Document};
use super::flow_table::flow_table;
use super::options::RenderOptions;
use super::rates_table::rates_blocks;
use super::regression_table::{coefficient_table, regression_table, statistics_table};

/// Everything a run has to show.
pub fn report(run: &Run, options: &RenderOptions) -> Document {
    let mut blocks = Vec::new();
    if let [only] = run.fits.as_slice() {
        blocks.push(Block::Grid(coefficient_table(only, options)));
        blocks.push(Block::Grid(statistics_table(&run.fits, options)));
    } else {
        let tables = columns(&run.fits, options).map(|fits| Block::Grid(regression_table(fits, options)));
        blocks.extend(tables);
    }
    blocks.extend(run.fits.iter().flat_map(|fit| rates_blocks(fit, options)));
    blocks.extend(run.fits.iter().flat_map(|fit| diagnostics_blocks(fit, options)));
    blocks.extend(columns(&run.fits, options).map(|fits| Block::Grid(flow_table(fits))));
    if !run.sources.is_empty() {
        let sources: Vec<String> = run.sources.iter().map(|source| format!("`{source}`")).collect();
        blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    }
    let notices = run.data_note.iter().map(|note| format!("Data: {note}")).collect();
    Document { title: String::new(), notices, blocks }
}

/// The fits in groups that stand side by side.
fn columns<'a>(fits: &'a [ModelFit], options: &RenderOptions) -> impl Iterator<Item = &'a [ModelFit]> {
    fits.chunks(options.columns_per_table.max(1))
}
