//! Figure 5: adjusted rates of success and failure by level of expertise, over all sessions and over troubled ones.

use crate::figure::of_rates::{sample_note, series_of, whisker_note};
use crate::figure::{Panel, PanelFigure, Unit};
use crate::output::data_table::DataTable;
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::names::belongs_to;
use crate::output::number::{count, percent};
use crate::result::{ModelFit, RateRow, Run};
use crate::study::protect::is_suppressed;

/// A panel: title, sample, and its outcomes with their labels.
type PanelPlan = (&'static str, &'static str, [(&'static str, &'static str); 3]);

/// The panels of the published figure.
const PANELS: [PanelPlan; 3] = [
    (
        "All sessions",
        "all",
        [
            ("at_least_partial_success", "At least partial success"),
            ("judged_success", "Judged success"),
            ("verified_success", "Verified success"),
        ],
    ),
    (
        "Sessions that hit trouble: still succeed",
        "trouble",
        [
            ("at_least_partial_success", "At least partial success"),
            ("judged_success", "Judged success"),
            ("verified_success", "Verified success"),
        ],
    ),
    (
        "Sessions that hit trouble: end in failure",
        "trouble",
        [("judged_failure", "Judged failure"), ("verified_failure", "Verified failure"), ("abandoned", "Abandoned")],
    ),
];

/// Columns of the figure's data.
const COLUMNS: [&str; 17] = [
    "panel",
    "outcome",
    "sample",
    "level",
    "label",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "conf_level",
    "raw_rate",
    "level_n_obs",
    "level_n_clusters",
    "n_obs",
    "n_clusters",
    "n_cells",
    "note",
];

/// The fit behind a series.
fn fit_of<'a>(fits: &'a [ModelFit], sample: &str, outcome: &str) -> Option<&'a ModelFit> {
    let wanted = |fit: &&ModelFit| belongs_to(fit, "figure5") && fit.sample == sample && fit.outcome == outcome;
    fits.iter().find(wanted).filter(|fit| fit.rates.is_some())
}

/// The figure from the fits of model file `figure5`; series without a fit are left out and named in the note.
pub fn figure_5(run: &Run) -> PanelFigure {
    let mut missing: Vec<String> = Vec::new();
    let panels = PANELS.map(|(title, sample, outcomes)| {
        let series = outcomes.into_iter().filter_map(|(outcome, label)| {
            let found = fit_of(&run.fits, sample, outcome).and_then(|fit| series_of(fit, label));
            if found.is_none() {
                missing.push(format!("{} ({sample})", label.to_lowercase()));
            }
            found
        });
        Panel { title: title.to_owned(), series: series.collect() }
    });
    let of = |sample: &str| run.fits.iter().find(|fit| belongs_to(fit, "figure5") && fit.sample == sample);
    let mut notes: Vec<String> = run.data_note.iter().map(|note| format!("Data: {note}.")).collect();
    notes.extend(of("all").map(|fit| sample_note("All sessions", "sessions", fit)));
    notes.extend(of("trouble").map(|fit| sample_note("Hit trouble (failure signal 3 or higher)", "sessions", fit)));
    notes.extend(of("all").or_else(|| of("trouble")).map(whisker_note));
    if !missing.is_empty() {
        notes.push(format!("Not drawn, no fit: {}.", missing.join(", ")));
    }
    let rows = || run.fits.iter().filter(|fit| belongs_to(fit, "figure5")).flat_map(|fit| &fit.rates);
    if rows().flat_map(|rates| &rates.levels).any(is_suppressed) {
        notes.push(String::from("Levels with too few users are not drawn, nor those that would give one away."));
    }
    PanelFigure {
        title: String::from("Success and failure by the user's expertise in the task"),
        subtitle: String::from(
            "Adjusted rates: everyone set to the level, within work mode × value band × month × task subject × \
             software-related or not; sessions without a clear goal left out",
        ),
        note: notes.join(" "),
        x_title: String::from("Expertise in the task"),
        y_title: String::from("Adjusted rate (% of sessions)"),
        unit: Unit::Percent,
        panels: panels.to_vec(),
    }
}

/// The figure's numbers, one row per point in drawing order.
pub fn figure_5_data(run: &Run) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for (panel, sample, outcomes) in PANELS {
        for (outcome, _) in outcomes {
            let Some(fit) = fit_of(&run.fits, sample, outcome) else { continue };
            let levels = fit.rates.iter().flat_map(|rates| &rates.levels);
            table.rows.extend(levels.map(|row| {
                let counted = |count: usize| Some(count).filter(|_| !is_suppressed(row)).into();
                vec![
                    panel.into(),
                    outcome.into(),
                    sample.into(),
                    row.level.as_str().into(),
                    row.label.as_str().into(),
                    row.estimate.into(),
                    row.std_error.into(),
                    row.conf_low.into(),
                    row.conf_high.into(),
                    fit.conf_level.into(),
                    row.raw_rate.into(),
                    counted(row.n_obs),
                    counted(row.n_clusters),
                    fit.flow.rows_used.into(),
                    fit.flow.users.into(),
                    fit.flow.cells.into(),
                    row.note.clone().into(),
                ]
            }));
        }
    }
    table.with_data_note(run.data_note.as_deref())
}

/// The figure's numbers for readers: one table for each panel.
pub fn figure_5_document(run: &Run) -> Document {
    let mut blocks = Vec::new();
    let share = |value: f64| Cell::number(percent(value, 1));
    for (panel, sample, outcomes) in PANELS {
        let series = outcomes.into_iter().filter_map(|(outcome, label)| {
            let levels = &fit_of(&run.fits, sample, outcome)?.rates.as_ref()?.levels;
            let line = |row: &RateRow| {
                let name = format!("{} {}", row.level, row.label);
                if is_suppressed(row) {
                    let mut cells = vec![Cell::Text(String::from("suppressed"))];
                    cells.resize(SHOWN.len(), Cell::Empty);
                    return Row::new(name, cells);
                }
                let rates = [row.estimate, row.conf_low, row.conf_high, row.raw_rate].map(share);
                let counts = [row.n_obs, row.n_clusters].map(|n| Cell::number(count(n)));
                Row::new(name, rates.into_iter().chain(counts).collect())
            };
            Some(std::iter::once(Row::title(label)).chain(levels.iter().map(line)).collect::<Vec<Row>>())
        });
        let sections: Vec<Vec<Row>> = series.collect();
        if !sections.is_empty() {
            blocks.push(Block::Grid(Grid {
                caption: panel.to_owned(),
                corner: String::from("Expertise in the task"),
                header: vec![SHOWN.map(str::to_owned).to_vec()],
                sections,
                notes: Vec::new(),
            }));
        }
    }
    let figure = figure_5(run);
    blocks.push(Block::Paragraph(figure.subtitle));
    blocks.push(Block::Paragraph(figure.note));
    let notices = run.data_note.iter().map(|note| format!("Data: {note}")).collect();
    Document { title: figure.title, notices, blocks }
}

/// Columns for readers.
const SHOWN: [&str; 6] = ["Adjusted, %", "Low", "High", "Unadjusted, %", "Sessions", "Users"];

#[cfg(test)]
mod tests {
    use super::super::fixture::study_fits;
    use super::*;
    use crate::figure;

    fn run() -> Run {
        Run { fits: study_fits(), data_note: Some(String::from("simulated sessions")), ..Run::default() }
    }

    #[test]
    fn the_note_names_the_data_the_sample_and_the_whiskers() {
        let figure = figure_5(&run());
        assert_eq!(figure.panels.len(), 3);
        assert_eq!(figure.panels[0].series.len(), 3);
        assert_eq!(figure.panels[2].series.len(), 2);
        for wanted in ["Data: simulated", "1,960 sessions of 1,204 users", "95%", "no fit: abandoned (trouble)"] {
            assert!(figure.note.contains(wanted), "{wanted}: {}", figure.note);
        }
        assert!(figure::png(&figure::svg(&figure), 1.0).is_ok());
    }

    #[test]
    fn readers_find_every_level_or_that_it_is_suppressed() {
        let mut run = run();
        let fit = run.fits.iter_mut().find(|fit| belongs_to(fit, "figure5")).unwrap();
        crate::study::protect::hide(fit, &[true, true, false, false, false]);
        let text = crate::output::markdown::render(&figure_5_document(&run));
        assert_eq!(text.matches(" suppressed |").count(), 2, "{text}");
        assert_eq!(text.matches("| 5 Expert ").count(), 8, "{text}");
    }

    #[test]
    fn every_point_has_a_row() {
        let table = figure_5_data(&run());
        assert_eq!(table.rows.len(), 8 * 5);
        assert!(table.rows.iter().all(|row| row.len() == COLUMNS.len() + 1)); // and the data note
    }
}
