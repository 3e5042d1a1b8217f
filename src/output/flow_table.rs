//! From the rows of the file to those of the estimate, reason by reason.

use crate::result::ModelFit;

use super::document::{Cell, Grid, Row};
use super::number::count;
use super::regression_table::{distinct, header};

/// The flow of rows of each fit as a column.
pub fn flow_table(fits: &[ModelFit]) -> Grid {
    let counts = |of: &dyn Fn(&ModelFit) -> usize| fits.iter().map(|fit| Cell::number(count(of(fit)))).collect();
    let reasons = distinct(fits.iter().flat_map(|fit| fit.flow.dropped.iter().map(|step| step.reason.as_str())));
    let dropped = reasons.into_iter().map(|reason| {
        let cell = |fit: &ModelFit| {
            let steps = fit.flow.dropped.iter().filter(|step| step.reason == reason);
            match steps.map(|step| step.rows).sum::<usize>() {
                0 => Cell::Empty,
                rows => Cell::number(count(rows)),
            }
        };
        Row::new(format!("Dropped: {reason}"), fits.iter().map(cell).collect())
    });
    let mut sections = vec![vec![Row::new("Rows read", counts(&|fit| fit.flow.rows_read))]];
    sections[0].extend(dropped);
    let mut used = vec![Row::new("Rows used", counts(&|fit| fit.flow.rows_used))];
    if fits.iter().any(|fit| !fit.clusters.is_empty()) {
        used.push(Row::new("Clusters among them", counts(&|fit| fit.flow.users)));
    }
    if fits.iter().any(|fit| fit.flow.cells > 0) {
        used.push(Row::new("Cells among them", counts(&|fit| fit.flow.cells)));
    }
    sections.push(used);
    Grid {
        caption: String::from("From the rows read to the rows used"),
        corner: String::new(),
        header: header(fits),
        sections,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    #[test]
    fn reasons_of_all_fits_are_rows_once() {
        let grid = flow_table(&sample_run().fits);
        let stubs: Vec<&str> = grid.sections[0].iter().map(|row| row.stub.as_str()).collect();
        assert_eq!(
            stubs,
            [
                "Rows read",
                "Dropped: no clear goal",
                "Dropped: missing expertise",
                "Dropped: singleton",
                "Dropped: separated cell"
            ]
        );
        assert_eq!(grid.sections[0][4].cells[0], Cell::Empty);
        assert_eq!(grid.sections[1][0].cells[1].plain(), "1,920");
    }
}
