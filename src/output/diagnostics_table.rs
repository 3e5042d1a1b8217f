//! What clustered errors rest on: clusters and their sizes, and for each number its leverage and largest influence.

use crate::result::{ClusterDiagnostics, ModelFit};

use super::document::{Block, Cell, Grid, Row};
use super::number::{count, rounded};
use super::options::RenderOptions;

/// A table for each cluster variable; none unless they were asked for.
pub fn diagnostics_blocks(fit: &ModelFit, options: &RenderOptions) -> Vec<Block> {
    fit.diagnostics.iter().map(|found| Block::Grid(table(fit, found, options))).collect()
}

fn table(fit: &ModelFit, found: &ClusterDiagnostics, options: &RenderOptions) -> Grid {
    let has_df = found.numbers.iter().any(|number| number.df.is_some());
    let mut header =
        vec!["Effective clusters", "Correlated", "Largest leverage", "Variation", "Largest change", "In std. errors"];
    if has_df {
        header.insert(2, "df");
    }
    let rows = found.numbers.iter().map(|number| {
        let shown = |value: f64, digits: usize| Cell::number(rounded(value, digits));
        let mut cells = vec![
            shown(number.effective_clusters, 1),
            shown(number.effective_correlated, 1),
            shown(number.largest_leverage, 4),
            shown(number.leverage_variation, 2),
            shown(number.largest_change, options.digits),
            shown(number.change_in_errors, 2),
        ];
        if has_df {
            cells.insert(2, number.df.map_or(Cell::Empty, |df| shown(df, 1)));
        }
        Row::new(&number.name, cells)
    });
    Grid {
        caption: format!("What the errors of `{}` rest on, clusters `{}`", fit.outcome, found.cluster),
        corner: found.cluster.clone(),
        header: vec![header.into_iter().map(str::to_owned).collect()],
        sections: vec![rows.collect()],
        notes: vec![
            format!(
                "{} clusters of {} to {} rows (median {}, mean {})",
                count(found.clusters),
                count(found.smallest),
                count(found.largest),
                rounded(found.median, 1),
                rounded(found.mean, 1),
            ),
            String::from(
                "leverage: share of a cluster in the squares of the influence weights; effective clusters \
                 G/(1 + variation^2), with errors independent within clusters and correlated at 1/2; change: of the estimate, when one cluster is left out",
            ),
        ],
    }
}
