//! Table A1: the slope of expertise on verified success under controls that are added column by column.

use crate::output::data_table::DataTable;
use crate::output::document::{Cell, Grid, Row};
use crate::output::names::{belongs_to, first_cluster_count};
use crate::output::notes::estimation_notes;
use crate::output::number::{count, rounded};
use crate::result::{Estimate, ModelFit};

use super::{StudyTable, closing_notes};

/// The term whose coefficient the table shows.
const TERM: &str = "expertise";

/// Decimals of the published table.
const DIGITS: usize = 4;

/// Decimals of its R2.
const R2_DIGITS: usize = 3;

/// A row of the published table and the variables that mean it.
struct Control {
    label: &'static str,
    /// One of these parts of a variable's name is enough.
    variables: &'static [&'static str],
}

/// The controls in the published order.
const CONTROLS: [Control; 6] = [
    Control { label: "Work mode x value band", variables: &["work_mode", "value"] },
    Control { label: "Month", variables: &["month"] },
    Control { label: "Task occupation", variables: &["task"] },
    Control { label: "User occupation", variables: &["user_occ", "software"] },
    Control { label: "Model tier x session length band", variables: &["tier", "length"] },
    Control { label: "ln(model calls), ln(human turns)", variables: &["calls", "turns", "prompts"] },
];

/// Columns of the exact table.
const COLUMNS: [&str; 22] = [
    "model",
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "work_mode_value_band",
    "month",
    "task_occupation",
    "user_occupation",
    "model_tier_length",
    "log_calls_turns",
    "n_obs",
    "n_clusters",
    "n_cells",
    "r2",
    "within_r2",
    "mean_outcome",
    "rows_read",
    "note",
];

/// Table A1 from the fits of model file `table_a1`, in their order.
pub fn table_a1(fits: &[ModelFit], data_note: Option<&str>) -> StudyTable {
    let fits: Vec<ModelFit> = fits.iter().filter(|fit| belongs_to(fit, "table_a1")).cloned().collect();
    StudyTable { grid: grid(&fits, data_note), data: data(&fits).with_data_note(data_note) }
}

fn slope(fit: &ModelFit) -> Option<&Estimate> {
    fit.coefficients.iter().find(|row| row.term == TERM)
}

/// Whether a regression holds a control, absorbed or as a regressor.
fn holds(fit: &ModelFit, control: &Control) -> bool {
    let effects = fit.effects.iter().map(|effect| effect.name.as_str());
    let terms = fit.coefficients.iter().map(|row| row.term.as_str()).filter(|term| *term != TERM);
    effects.chain(terms).any(|name| control.variables.iter().any(|variable| name.contains(variable)))
}

fn grid(fits: &[ModelFit], data_note: Option<&str>) -> Grid {
    let slopes =
        fits.iter().map(|fit| slope(fit).map_or(Cell::Empty, |row| Cell::number(rounded(row.estimate, DIGITS))));
    let errors =
        fits.iter().map(|fit| slope(fit).map_or(Cell::Empty, |row| Cell::Error(rounded(row.std_error, DIGITS))));
    let controls = CONTROLS.iter().map(|control| {
        let cells = fits.iter().map(|fit| Cell::Text(String::from(if holds(fit, control) { "Yes" } else { "No" })));
        Row::new(control.label, cells.collect())
    });
    let counts = |of: &dyn Fn(&ModelFit) -> Option<usize>| {
        fits.iter().map(|fit| of(fit).map_or(Cell::Empty, |found| Cell::number(count(found)))).collect::<Vec<_>>()
    };
    let shares = |digits: usize, of: &dyn Fn(&ModelFit) -> f64| {
        fits.iter().map(|fit| Cell::number(rounded(of(fit), digits))).collect::<Vec<_>>()
    };
    let sample = vec![
        Row::new("Sessions", counts(&|fit| Some(fit.flow.rows_used))),
        Row::new("Users", counts(&first_cluster_count)),
        Row::new("Fixed-effect cells", counts(&|fit| Some(fit.flow.cells).filter(|cells| *cells > 0))),
        Row::new("R2", shares(R2_DIGITS, &|fit| fit.fit.r2)),
        Row::new("Mean of verified success", shares(R2_DIGITS, &|fit| fit.fit.mean_outcome)),
    ];
    let mut notes = vec![
        String::from("linear probability model of verified success; expertise from 1 Novice to 5 Expert"),
        String::from("standard errors in parentheses; R2 counts the fixed effects"),
    ];
    notes.extend(estimation_notes(fits));
    notes.extend(closing_notes(fits, data_note));
    Grid {
        caption: String::from("Table A1. Verified success by expertise under cumulative controls"),
        corner: String::new(),
        header: vec![fits.iter().map(|fit| fit.model.clone()).collect()],
        sections: vec![
            vec![Row::new("Expertise, per level", slopes.collect()), Row::new("", errors.collect())],
            controls.collect(),
            sample,
        ],
        notes,
    }
}

fn data(fits: &[ModelFit]) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for fit in fits {
        let slope = slope(fit);
        let number = |of: fn(&Estimate) -> f64| slope.map_or(f64::NAN, of);
        let mut row = vec![
            fit.model.as_str().into(),
            TERM.into(),
            number(|row| row.estimate).into(),
            number(|row| row.std_error).into(),
            number(|row| row.statistic).into(),
            number(|row| row.p_value).into(),
            number(|row| row.conf_low).into(),
            number(|row| row.conf_high).into(),
        ];
        row.extend(CONTROLS.iter().map(|control| if holds(fit, control) { "yes".into() } else { "no".into() }));
        row.extend([
            fit.flow.rows_used.into(),
            first_cluster_count(fit).into(),
            fit.flow.cells.into(),
            fit.fit.r2.into(),
            fit.fit.within_r2.into(),
            fit.fit.mean_outcome.into(),
            fit.flow.rows_read.into(),
            slope.is_none().then(|| format!("the fit has no term `{TERM}`")).into(),
        ]);
        table.rows.push(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::fixture::study_fits;
    use super::*;

    #[test]
    fn snapshot() {
        let table = table_a1(&study_fits(), Some("simulated sessions"));
        insta::assert_snapshot!([table.markdown(), table.latex(), table.csv()].join("\n"));
    }

    #[test]
    fn the_controls_of_the_exact_table_are_its_columns() {
        assert_eq!((COLUMNS[8], COLUMNS[13]), ("work_mode_value_band", "log_calls_turns"));
        assert_eq!(COLUMNS[8..14].len(), CONTROLS.len());
        assert!(data(&study_fits()).rows.iter().all(|row| row.len() == COLUMNS.len()));
    }

    #[test]
    fn no_fits_give_an_empty_table() {
        let table = table_a1(&[], None);
        assert_eq!(table.data.rows.len(), 0);
        assert!(!table.markdown().is_empty() && !table.latex().is_empty());
    }
}
