//! Fitted regressions side by side: estimates with their standard errors beneath, what was absorbed, how many rows.

use crate::result::{Estimate, Family, ModelFit};

use super::document::{Cell, Grid, Row};
use super::notes::{self, estimation_notes};
use super::number::{MISSING, count, p_value, rounded};
use super::options::RenderOptions;

/// The regressions as columns of one table.
pub fn regression_table(fits: &[ModelFit], options: &RenderOptions) -> Grid {
    let mut notes = estimation_notes(fits);
    notes.insert(0, String::from("standard errors in parentheses"));
    notes.extend(options.stars_note());
    Grid {
        caption: String::from("Regressions"),
        corner: String::new(),
        header: header(fits),
        sections: non_empty(vec![coefficient_rows(fits, options), effect_rows(fits), statistic_rows(fits, options)]),
        notes,
    }
}

/// One regression with a column for each number of an estimate.
pub fn coefficient_table(fit: &ModelFit, options: &RenderOptions) -> Grid {
    let level = notes::percent_level(fit.conf_level);
    let statistic = if notes::is_t(fit) { "t value" } else { "z value" };
    let (low, high) = (format!("{level} low"), format!("{level} high"));
    let mut header = vec!["Estimate", "Std. error", statistic, "p value", &low, &high];
    if fit.df.is_some() {
        header.insert(3, "df");
    }
    let shown = |value| Cell::number(rounded(value, options.digits));
    let estimated = fit.coefficients.iter().enumerate().map(|(j, row)| {
        let mut cells = vec![
            starred(row, options),
            shown(row.std_error),
            Cell::number(rounded(row.statistic, 2)),
            Cell::number(p_value(row.p_value)),
            shown(row.conf_low),
            shown(row.conf_high),
        ];
        if let Some(df) = &fit.df {
            cells.insert(3, Cell::number(rounded(df.coefficients[j], 1)));
        }
        Row::new(&row.term, cells)
    });
    let dropped = fit.dropped_terms.iter().map(|term| {
        let mut cells = vec![Cell::Text(String::from("dropped"))];
        cells.resize(header.len(), Cell::Empty);
        Row::new(&term.term, cells)
    });
    let mut notes = estimation_notes(std::slice::from_ref(fit));
    notes.extend(options.stars_note());
    Grid {
        caption: format!("{} `{}`", family_name(fit.family), fit.formula),
        corner: fit.outcome.clone(),
        header: vec![header.iter().map(|name| (*name).to_owned()).collect()],
        sections: non_empty(vec![estimated.chain(dropped).collect()]),
        notes,
    }
}

/// What was absorbed and how well it fits, as a table of one column per regression.
pub fn statistics_table(fits: &[ModelFit], options: &RenderOptions) -> Grid {
    Grid {
        caption: String::from("Sample and fit"),
        corner: String::new(),
        header: header(fits),
        sections: non_empty(vec![effect_rows(fits), statistic_rows(fits, options)]),
        notes: Vec::new(),
    }
}

/// Model, outcome and, where it is not `all` everywhere, sample of each column.
pub(super) fn header(fits: &[ModelFit]) -> Vec<Vec<String>> {
    let line = |text: fn(&ModelFit) -> &String| fits.iter().map(|fit| text(fit).clone()).collect::<Vec<_>>();
    let mut lines = vec![line(|fit| &fit.model), line(|fit| &fit.outcome)];
    if fits.iter().any(|fit| fit.sample != "all") {
        lines.push(line(|fit| &fit.sample));
    }
    lines
}

/// Sections that hold rows.
pub(super) fn non_empty(sections: Vec<Vec<Row>>) -> Vec<Vec<Row>> {
    sections.into_iter().filter(|rows| !rows.is_empty()).collect()
}

fn starred(row: &Estimate, options: &RenderOptions) -> Cell {
    Cell::Number { text: rounded(row.estimate, options.digits), stars: options.stars_of(row.p_value) }
}

/// Names in order of first appearance, each once.
pub fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

fn coefficient_rows(fits: &[ModelFit], options: &RenderOptions) -> Vec<Row> {
    let estimated = fits.iter().flat_map(|fit| fit.coefficients.iter().map(|row| row.term.as_str()));
    let dropped = fits.iter().flat_map(|fit| fit.dropped_terms.iter().map(|row| row.term.as_str()));
    let mut rows = Vec::new();
    for term in distinct(estimated.chain(dropped)) {
        let mut values = Vec::with_capacity(fits.len());
        let mut errors = Vec::with_capacity(fits.len());
        for fit in fits {
            if let Some(row) = fit.coefficients.iter().find(|row| row.term == term) {
                values.push(starred(row, options));
                errors.push(Cell::Error(rounded(row.std_error, options.digits)));
            } else {
                let dropped = fit.dropped_terms.iter().any(|row| row.term == term);
                values.push(if dropped { Cell::Text(String::from("dropped")) } else { Cell::Empty });
                errors.push(Cell::Empty);
            }
        }
        rows.push(Row::new(term, values));
        if errors.iter().any(|cell| *cell != Cell::Empty) {
            rows.push(Row::new("", errors));
        }
    }
    rows
}

fn effect_rows(fits: &[ModelFit]) -> Vec<Row> {
    let names = fits.iter().flat_map(|fit| fit.effects.iter().map(|effect| effect.name.as_str()));
    let absorbs = |fit: &ModelFit, name: &str| fit.effects.iter().any(|effect| effect.name == name);
    distinct(names)
        .into_iter()
        .map(|name| {
            let cells = fits.iter().map(|fit| Cell::Text(String::from(if absorbs(fit, name) { "Yes" } else { "No" })));
            Row::new(format!("Fixed effects: {name}"), cells.collect())
        })
        .collect()
}

/// Name of a statistic and where it stands.
type Statistic = (&'static str, fn(&ModelFit) -> f64);

fn statistic_rows(fits: &[ModelFit], options: &RenderOptions) -> Vec<Row> {
    let counts = |of: &dyn Fn(&ModelFit) -> usize| fits.iter().map(|fit| Cell::number(count(of(fit)))).collect();
    let mut rows = vec![
        Row::new("Observations", counts(&|fit| fit.flow.rows_used)),
        Row::new("Rows dropped", counts(&|fit| fit.flow.rows_read - fit.flow.rows_used.min(fit.flow.rows_read))),
    ];
    let clusters = fits.iter().flat_map(|fit| fit.clusters.iter().map(|cluster| cluster.name.as_str()));
    for name in distinct(clusters) {
        let of = |fit: &ModelFit| fit.clusters.iter().find(|cluster| cluster.name == name).map(|found| found.count);
        let cells = fits.iter().map(|fit| of(fit).map_or(Cell::Empty, |found| Cell::number(count(found))));
        rows.push(Row::new(format!("Clusters ({name})"), cells.collect()));
    }
    if fits.iter().any(|fit| fit.flow.cells > 0) {
        rows.push(Row::new("Cells", counts(&|fit| fit.flow.cells)));
    }
    let statistics: [Statistic; 4] = [
        ("Mean of outcome", |fit| fit.fit.mean_outcome),
        ("R2", |fit| fit.fit.r2),
        ("Within R2", |fit| if fit.effects.is_empty() { f64::NAN } else { fit.fit.within_r2 }),
        ("Pseudo R2", |fit| fit.fit.pseudo_r2),
    ];
    for (name, of) in statistics {
        if fits.iter().any(|fit| of(fit).is_finite()) {
            let shown = |value: f64| match rounded(value, options.digits) {
                text if text == MISSING => Cell::Text(text),
                text => Cell::number(text),
            };
            rows.push(Row::new(name, fits.iter().map(|fit| shown(of(fit))).collect()));
        }
    }
    for (position, name) in distinct_steps(fits) {
        let of = |fit: &ModelFit| fit.r2_steps.get(position).filter(|step| step.added == name).map(|step| step.r2);
        let cells = fits.iter().map(|fit| of(fit).map_or(Cell::Empty, |r2| Cell::number(rounded(r2, options.digits))));
        let sign = if position == 0 { "" } else { "+ " };
        rows.push(Row::new(format!("R2 by steps: {sign}{name}"), cells.collect()));
    }
    let words = |of: &dyn Fn(&ModelFit) -> String| fits.iter().map(|fit| Cell::Text(of(fit))).collect();
    rows.push(Row::new("Estimator", words(&|fit| family_name(fit.family).to_owned())));
    rows.push(Row::new("Standard errors", words(&|fit| super::names::se_type(fit.vcov_kind).to_owned())));
    rows
}

/// Steps of the R2 that any fit has: position and what is added there.
fn distinct_steps(fits: &[ModelFit]) -> Vec<(usize, &str)> {
    let longest = fits.iter().map(|fit| fit.r2_steps.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|at| {
            let added = fits.iter().filter_map(move |fit| Some(fit.r2_steps.get(at)?.added.as_str()));
            distinct(added).into_iter().map(move |name| (at, name))
        })
        .collect()
}

/// `OLS`, `Logit`, `Poisson`, `Probit` or `Conditional logit`.
pub fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ols => "OLS",
        Family::Logit => "Logit",
        Family::Poisson => "Poisson",
        Family::Probit => "Probit",
        Family::Clogit => "Conditional logit",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    fn stubs(grid: &Grid) -> Vec<String> {
        grid.sections.iter().flatten().map(|row| row.stub.clone()).collect()
    }

    #[test]
    fn every_specification_states_rows_clusters_and_what_was_dropped() {
        let grid = regression_table(&sample_run().fits, &RenderOptions::default());
        let stubs = stubs(&grid);
        for wanted in ["Observations", "Rows dropped", "Clusters (user)", "Cells", "Mean of outcome", "Pseudo R2"] {
            assert!(stubs.iter().any(|stub| stub == wanted), "{wanted} in {stubs:?}");
        }
        assert!(grid.notes.iter().any(|note| note.contains("`log(prompts)` dropped")), "{:?}", grid.notes);
        assert!(grid.sections.iter().flatten().all(|row| row.cells.len() == 2));
    }

    #[test]
    fn the_standard_error_stands_under_its_estimate() {
        let grid = regression_table(&sample_run().fits, &RenderOptions::default());
        assert_eq!(grid.sections[0][0].cells[0].plain(), "0.0641");
        assert_eq!(grid.sections[0][1].cells[0].plain(), "(0.0071)");
        assert_eq!(grid.sections[0][0].cells[1], Cell::Empty);
    }

    #[test]
    fn stars_and_digits_follow_the_options() {
        let options = RenderOptions { digits: 2, stars: Some(vec![0.05, 0.01, 0.001]), ..RenderOptions::default() };
        let grid = coefficient_table(&sample_run().fits[0], &options);
        assert_eq!(grid.sections[0][0].cells[0].plain(), "0.06***");
        assert!(grid.notes.iter().any(|note| note.contains("*** p < 0.001")));
    }
}
