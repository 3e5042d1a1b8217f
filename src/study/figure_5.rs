//! Figure 5: adjusted rates of success and failure by level of expertise, over all sessions and over troubled ones.

use crate::figure::of_rates::{sample_note, series_of, whisker_note};
use crate::figure::{Panel, PanelFigure, Unit};
use crate::output::data_table::DataTable;
use crate::output::names::belongs_to;
use crate::result::{ModelFit, Run};

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
                    row.n_obs.into(),
                    row.n_clusters.into(),
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
    fn every_point_has_a_row() {
        let table = figure_5_data(&run());
        assert_eq!(table.rows.len(), 8 * 5);
        assert!(table.rows.iter().all(|row| row.len() == COLUMNS.len() + 1)); // and the data note
    }
}
