//! Adjusted rates as tables: the rate of each level, contrasts between levels, and how far levels are compared at all.

use crate::result::{Composition, ContrastKind, ContrastRow, ModelFit, Overlap, Rates};

use super::document::{Block, Cell, Grid, Row};
use super::notes::percent_level;
use super::number::{count, counted, p_value, percent, rounded};
use super::options::RenderOptions;
use super::regression_table::non_empty;

/// The rates of a fit, their contrasts and the overlap they rest on; nothing for a fit without rates.
pub fn rates_blocks(fit: &ModelFit, options: &RenderOptions) -> Vec<Block> {
    let Some(rates) = &fit.rates else { return Vec::new() };
    let mut blocks = vec![Block::Grid(rates_table(fit, rates, options))];
    if !rates.contrasts.is_empty() {
        blocks.push(Block::Grid(contrasts_table(fit, rates, options)));
    }
    if let Some(overlap) = &fit.overlap {
        blocks.push(Block::Lines { heading: format!("Overlap, {}", name(fit)), lines: overlap_lines(overlap) });
    }
    blocks
}

/// `(5)`, or `(5), trouble` on a sample.
fn name(fit: &ModelFit) -> String {
    if fit.sample == "all" { fit.model.clone() } else { format!("{}, sample `{}`", fit.model, fit.sample) }
}

fn rates_table(fit: &ModelFit, rates: &Rates, options: &RenderOptions) -> Grid {
    let clustered = fit.clusters.first();
    let level = percent_level(fit.conf_level);
    let mut header = vec![String::from("Rows")];
    header.extend(clustered.map(|_| String::from("Clusters")));
    header.extend(["Unadjusted", "Adjusted", "Std. error"].map(str::to_owned));
    header.extend([format!("{level} low"), format!("{level} high"), String::from("Effective n")]);
    let rows = rates.levels.iter().map(|row| {
        let stub = if row.label == row.level { row.level.clone() } else { format!("{} {}", row.level, row.label) };
        let mut cells = vec![Cell::number(count(row.n_obs))];
        cells.extend(clustered.map(|_| Cell::number(count(row.n_clusters))));
        let shown = [row.raw_rate, row.estimate, row.std_error, row.conf_low, row.conf_high];
        cells.extend(shown.map(|value| Cell::number(rounded(value, options.digits))));
        cells.push(Cell::number(rounded(row.effective_n, 0)));
        Row::new(stub, cells)
    });
    Grid {
        caption: format!("Adjusted rates of `{}` by `{}`, {}", fit.outcome, rates.factor, name(fit)),
        corner: rates.factor.clone(),
        header: vec![header],
        sections: non_empty(vec![rows.collect()]),
        notes: rates_notes(fit, rates),
    }
}

fn rates_notes(fit: &ModelFit, rates: &Rates) -> Vec<String> {
    let composition = match rates.composition {
        Composition::Sampled => "standard errors count the target rows as a sample too",
        Composition::Fixed => "standard errors hold the target rows fixed",
    };
    let clusters = match fit.clusters.first() {
        Some(cluster) => format!("; clusters by `{}`", cluster.name),
        None => String::new(),
    };
    let target = rates.target.as_ref().map_or(String::new(), |target| match rates.composition {
        // shares come from a file, and are always held fixed
        Composition::Fixed if target.contains('.') && !target.contains(' ') => {
            format!(", reweighted to the shares of `{target}`")
        }
        _ => format!(" where `{target}`"),
    });
    let mut notes = vec![
        format!(
            "mean prediction over {}{target} with everyone set to the level; {composition}",
            counted(rates.target_rows, "target row", "target rows")
        ),
        format!("intervals on the {} scale{clusters}", rates.scale),
    ];
    let of_levels = rates.levels.iter().filter_map(|row| Some((row, row.note.as_ref()?)));
    notes.extend(of_levels.map(|(row, note)| format!("`{}`: {note}", row.level)));
    notes
}

fn contrasts_table(fit: &ModelFit, rates: &Rates, options: &RenderOptions) -> Grid {
    let level = percent_level(fit.conf_level);
    let header = ["Estimate", "Std. error", "Statistic", "p value", &format!("{level} low"), &format!("{level} high")];
    let row = |row: &ContrastRow| {
        let shown = |value| Cell::number(rounded(value, options.digits));
        let estimate =
            Cell::Number { text: rounded(row.estimate, options.digits), stars: options.stars_of(row.p_value) };
        let statistic = Cell::number(rounded(row.statistic, 2));
        let p = Cell::number(p_value(row.p_value));
        let stub = format!("{}, {}", row.contrast, kind_name(row.kind));
        Row::new(stub, vec![estimate, shown(row.std_error), statistic, p, shown(row.conf_low), shown(row.conf_high)])
    };
    let kinds = [ContrastKind::Reference, ContrastKind::Adjacent, ContrastKind::Ratio, ContrastKind::OddsRatio];
    let section = |kind| rates.contrasts.iter().filter(|contrast| contrast.kind == kind).map(row).collect();
    let mut notes = vec![format!("reference level `{}`", rates.reference_level)];
    if rates.contrasts.iter().any(|row| matches!(row.kind, ContrastKind::Ratio | ContrastKind::OddsRatio)) {
        notes.push(String::from("the standard error of a ratio is that of its logarithm"));
    }
    notes.extend(options.stars_note());
    Grid {
        caption: format!("Contrasts of the adjusted rates of `{}`, {}", fit.outcome, name(fit)),
        corner: rates.factor.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: non_empty(kinds.map(section).to_vec()),
        notes,
    }
}

fn kind_name(kind: ContrastKind) -> &'static str {
    match kind {
        ContrastKind::Reference => "difference",
        ContrastKind::Adjacent => "step",
        ContrastKind::Ratio => "ratio",
        ContrastKind::OddsRatio => "odds ratio",
    }
}

/// How far levels are compared within cells, in words.
pub fn overlap_lines(overlap: &Overlap) -> Vec<String> {
    let share = |rows: usize| match overlap.target_rows {
        0 => count(rows),
        target => format!("{} ({}%)", count(rows), percent(rows as f64 / target as f64, 1)),
    };
    let mut lines = vec![
        format!(
            "{} hold the {}",
            counted(overlap.cells, "cell", "cells"),
            counted(overlap.target_rows, "target row", "target rows")
        ),
        format!("rows in cells with every level: {}", share(overlap.rows_in_all_level_cells)),
        format!("rows in cells with two levels or more: {}", share(overlap.rows_in_two_level_cells)),
        format!("rows alone in their cell: {}", share(overlap.rows_in_singleton_cells)),
        format!(
            "negative implied weights: on at most {}% of the rows of a level's rate, summing to {} at worst",
            percent(overlap.negative_weight_share, 1),
            rounded(overlap.negative_weight_sum, 3)
        ),
        format!("largest cluster's share of the weight: {}%", percent(overlap.largest_cluster_share, 2)),
        format!("absorbed parameters per row: {}", rounded(overlap.parameters_per_row, 3)),
    ];
    if overlap.rows_separated > 0 {
        lines.push(format!("rows in separated cells: {}", share(overlap.rows_separated)));
    }
    lines.extend(overlap.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    #[test]
    fn a_fit_without_rates_has_no_blocks() {
        assert!(rates_blocks(&sample_run().fits[1], &RenderOptions::default()).is_empty());
    }

    #[test]
    fn every_level_carries_its_rows_and_clusters() {
        let blocks = rates_blocks(&sample_run().fits[0], &RenderOptions::default());
        let Block::Grid(grid) = &blocks[0] else { panic!("a table first") };
        let cells: Vec<String> = grid.sections[0][0].cells.iter().map(Cell::plain).collect();
        assert_eq!(grid.sections[0][0].stub, "1 Novice");
        assert_eq!(cells[..4], ["33", "30", "0.1320", "0.1450"]);
        assert!(grid.notes.contains(&String::from("`1`: fewer than 50 rows")));
    }

    #[test]
    fn contrasts_come_in_sections_by_kind() {
        let blocks = rates_blocks(&sample_run().fits[0], &RenderOptions::default());
        let Block::Grid(grid) = &blocks[1] else { panic!("contrasts second") };
        assert_eq!(grid.sections.len(), 4);
        assert_eq!(grid.sections[2][0].stub, "5 / 1, ratio");
    }
}
