//! Figures from fitted adjusted rates: one panel per sample, one line per outcome.

use crate::output::names::{cluster, se_type};
use crate::output::notes::percent_level;
use crate::output::number::count;
use crate::result::{ModelFit, Run, VcovKind};

use super::{Panel, PanelFigure, Point, Series, Unit};

/// The rates of a fit as a line; `None` without rates.
pub fn series_of(fit: &ModelFit, name: &str) -> Option<Series> {
    let points = fit.rates.as_ref()?.levels.iter().map(|level| Point {
        label: level.label.clone(),
        y: level.estimate,
        lo: level.conf_low,
        hi: level.conf_high,
    });
    Some(Series { name: name.to_owned(), points: points.collect() })
}

/// The rates of every fit of a run: panels are samples, lines are outcomes (with the model where several share one).
pub fn rates_figure(run: &Run, title: &str) -> PanelFigure {
    let fits: Vec<&ModelFit> = run.fits.iter().filter(|fit| fit.rates.is_some()).collect();
    let mut panels: Vec<Panel> = Vec::new();
    for fit in &fits {
        let shared = fits.iter().filter(|other| other.outcome == fit.outcome && other.sample == fit.sample).count() > 1;
        let outcome = fit.outcome.replace('_', " ");
        let name = if shared { format!("{outcome} {}", fit.model) } else { outcome };
        let sample = sample_title(fit);
        let Some(series) = series_of(fit, &name) else { continue };
        match panels.iter_mut().find(|panel| panel.title == sample) {
            Some(panel) => panel.series.push(series),
            None => panels.push(Panel { title: sample, series: vec![series] }),
        }
    }
    let shares = fits.iter().filter_map(|fit| fit.rates.as_ref()).flat_map(|rates| &rates.levels);
    let unit =
        if shares.clone().all(|level| (0.0..=1.0).contains(&level.raw_rate)) { Unit::Percent } else { Unit::Number };
    let mut notes: Vec<String> = run.data_note.iter().map(|note| format!("Data: {note}.")).collect();
    for panel in &panels {
        let of_panel = fits.iter().find(|fit| sample_title(fit) == panel.title);
        notes.extend(of_panel.map(|fit| sample_note(&panel.title, "rows", fit)));
    }
    notes.extend(fits.first().map(|fit| whisker_note(fit)));
    let factor = fits.first().and_then(|fit| fit.rates.as_ref()).map_or("", |rates| rates.factor.as_str());
    PanelFigure {
        title: title.to_owned(),
        subtitle: String::new(),
        note: notes.join(" "),
        x_title: factor.replace('_', " "),
        y_title: String::from(if unit == Unit::Percent { "Adjusted rate (% of rows)" } else { "Adjusted mean" }),
        unit,
        panels,
    }
}

/// Title of the panel of a sample.
fn sample_title(fit: &ModelFit) -> String {
    if fit.sample == "all" { String::from("All rows") } else { fit.sample.replace('_', " ") }
}

/// How many rows and clusters a sample holds, e.g. `All sessions: 359,586 sessions of 220,114 users.`
pub fn sample_note(name: &str, rows: &str, fit: &ModelFit) -> String {
    let used = count(fit.flow.rows_used);
    match fit.clusters.first() {
        Some(first) => {
            let noun = first.name.strip_suffix("_id").unwrap_or(&first.name).replace('_', " ");
            format!("{name}: {used} {rows} of {} {noun}s.", count(first.count))
        }
        None => format!("{name}: {used} {rows}."),
    }
}

/// What the whiskers are.
pub fn whisker_note(fit: &ModelFit) -> String {
    let level = percent_level(fit.conf_level);
    let errors = match (fit.vcov_kind, cluster(fit)) {
        (VcovKind::Cr1, Some(cluster)) => format!("standard errors clustered by {cluster}"),
        (kind, Some(cluster)) if kind.is_clustered() => {
            format!("standard errors ({}) clustered by {cluster}", kind.name())
        }
        (kind, _) => format!("{} standard errors", se_type(kind)),
    };
    format!("Whiskers: {level} intervals of the adjusted rates, {errors}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    #[test]
    fn any_run_with_rates_can_be_drawn() {
        let mut run = sample_run();
        let mut other = run.fits[0].clone();
        other.sample = String::from("in_trouble");
        run.fits.push(other);
        let figure = rates_figure(&run, "Rates");
        let titles: Vec<&str> = figure.panels.iter().map(|panel| panel.title.as_str()).collect();
        assert_eq!(titles, ["All rows", "in trouble"]);
        assert_eq!(figure.panels[0].series[0].points.len(), 5);
        assert!(figure.note.contains("clustered by user"), "{}", figure.note);
    }

    #[test]
    fn rates_of_a_quantity_are_plain_numbers() {
        let mut run = sample_run();
        if let Some(rates) = &mut run.fits[0].rates {
            rates.levels.iter_mut().for_each(|level| level.raw_rate = 7.5);
        }
        assert_eq!(rates_figure(&run, "").unit, Unit::Number);
    }
}
