//! Table A2: verified success by level of expertise, unadjusted and adjusted.

use crate::output::data_table::DataTable;
use crate::output::document::{Cell, Grid, Row};
use crate::output::names::belongs_to;
use crate::output::notes::{estimation_notes, percent_level};
use crate::output::number::{MISSING, count, percent};
use crate::result::{Estimate, ModelFit, RateRow, Rates};

use super::protect::{SUPPRESSED, is_suppressed};
use super::{StudyTable, closing_notes};

/// Decimals of the published percentages.
const DIGITS: usize = 1;

/// Columns of the exact table.
const COLUMNS: [&str; 13] = [
    "level",
    "label",
    "n_obs",
    "n_clusters",
    "raw_rate",
    "coefficient",
    "coefficient_std_error",
    "adjusted_rate",
    "std_error",
    "conf_low",
    "conf_high",
    "effective_n",
    "note",
];

/// Table A2 from the first fit of model file `table_a2`; empty if there is none with rates.
pub fn table_a2(fits: &[ModelFit], data_note: Option<&str>) -> StudyTable {
    let found = fits.iter().filter(|fit| belongs_to(fit, "table_a2")).find_map(|fit| Some((fit, fit.rates.as_ref()?)));
    match found {
        Some((fit, rates)) => {
            StudyTable { grid: grid(fit, rates, data_note), data: data(fit, rates).with_data_note(data_note) }
        }
        None => StudyTable { grid: Grid::default(), data: DataTable::new(&COLUMNS) },
    }
}

fn coefficient<'a>(fit: &'a ModelFit, rates: &Rates, level: &RateRow) -> Option<&'a Estimate> {
    let term = format!("{}::{}", rates.factor, level.level);
    fit.coefficients.iter().find(|row| row.term == term)
}

fn grid(fit: &ModelFit, rates: &Rates, data_note: Option<&str>) -> Grid {
    let level = percent_level(fit.conf_level);
    let header = [
        "Sessions",
        "Users",
        "Unadjusted, %",
        &format!("Coefficient vs {}, pp", reference_label(rates)),
        "(SE)",
        "Adjusted, %",
        &format!("{level} low"),
        &format!("{level} high"),
    ];
    let rows = rates.levels.iter().map(|row| {
        if is_suppressed(row) {
            let mut cells = vec![Cell::Text(String::from("suppressed"))];
            cells.resize(header.len(), Cell::Empty);
            return Row::new(format!("{} {}", row.level, row.label), cells);
        }
        let share = |value: f64| Cell::number(percent(value, DIGITS));
        let (estimate, error) = match coefficient(fit, rates, row) {
            Some(found) => {
                let size = percent(found.estimate, DIGITS);
                let signed = if size.starts_with('-') { size } else { format!("+{size}") };
                (Cell::number(signed), Cell::Error(percent(found.std_error, DIGITS)))
            }
            None => (Cell::number(MISSING), Cell::Empty),
        };
        let cells = vec![
            Cell::number(count(row.n_obs)),
            Cell::number(count(row.n_clusters)),
            share(row.raw_rate),
            estimate,
            error,
            share(row.estimate),
            share(row.conf_low),
            share(row.conf_high),
        ];
        Row::new(format!("{} {}", row.level, row.label), cells)
    });
    let hides = rates.levels.iter().any(is_suppressed);
    let sum = if hides { rates.target_rows } else { rates.levels.iter().map(|row| row.n_obs).sum() };
    let mut total = vec![Cell::number(count(sum))];
    total.resize(header.len(), Cell::Empty);
    let mut notes = vec![
        String::from("linear probability model of verified success with the fixed effects of column 5 of Table A1"),
        format!(
            "adjusted rates: mean prediction over {} sessions with everyone set to the level",
            count(rates.target_rows)
        ),
        format!("intervals on the {} scale; users of a level may also stand in another", rates.scale),
    ];
    notes.extend(hides.then(|| SUPPRESSED.to_owned()));
    notes.extend(estimation_notes(std::slice::from_ref(fit)));
    notes.extend(closing_notes(std::slice::from_ref(fit), data_note));
    Grid {
        caption: String::from("Table A2. Verified success by level of expertise"),
        corner: String::from("Expertise"),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![rows.collect(), vec![Row::new("Sum", total)]],
        notes,
    }
}

/// Label of the level that coefficients are measured from.
fn reference_label(rates: &Rates) -> &str {
    let found = rates.levels.iter().find(|row| row.level == rates.reference_level);
    found.map_or(rates.reference_level.as_str(), |row| row.label.as_str())
}

fn data(fit: &ModelFit, rates: &Rates) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    table.rows = rates
        .levels
        .iter()
        .map(|row| {
            let coefficient = coefficient(fit, rates, row);
            let counted = |count: usize| Some(count).filter(|_| !is_suppressed(row)).into();
            vec![
                row.level.as_str().into(),
                row.label.as_str().into(),
                counted(row.n_obs),
                counted(row.n_clusters),
                row.raw_rate.into(),
                coefficient.map(|found| found.estimate).into(),
                coefficient.map(|found| found.std_error).into(),
                row.estimate.into(),
                row.std_error.into(),
                row.conf_low.into(),
                row.conf_high.into(),
                row.effective_n.into(),
                row.note.clone().into(),
            ]
        })
        .collect();
    table
}

#[cfg(test)]
mod tests {
    use super::super::fixture::study_fits;
    use super::*;

    #[test]
    fn snapshot() {
        let table = table_a2(&study_fits(), Some("simulated sessions"));
        insta::assert_snapshot!([table.markdown(), table.csv(), table.json()].join("\n"));
    }

    #[test]
    fn without_a_fit_the_exact_table_has_its_header() {
        assert!(table_a2(&[], None).csv().starts_with("level,label,n_obs"));
    }
}
