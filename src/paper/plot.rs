//! Figures from saved fits: coefficients as dots with whiskers, adjusted rates as lines.

use super::lines::Content;
use super::table::Laid;
use super::{Column, Labels};
use crate::figure::PanelFigure;
use crate::figure::dots::{Band, Dot, DotFigure};
use crate::figure::of_rates::rates_figure;
use crate::output::names::{cluster, coefficient_scale, se_type};
use crate::output::notes::percent_level;
use crate::output::number::count;
use crate::output::regression_table::distinct;
use crate::result::{ModelFit, Run};

/// Texts around a figure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    /// Title; empty for none.
    pub title: String,
    /// Sentences of the author under it.
    pub notes: Vec<String>,
    /// What the data are, if they are simulated.
    pub data_notes: Vec<String>,
}

/// The coefficients of one panel.
pub fn coefficients(laid: &Laid, labels: &Labels, texts: &Texts) -> DotFigure {
    let columns = &laid.panel.columns;
    let bands = laid.lines.iter().map(|line| {
        let dots = line.cells.iter().enumerate().filter_map(|(model, content)| match content {
            Content::Numbers(numbers) => {
                Some(Dot { model, x: numbers.estimate, lo: numbers.conf_low, hi: numbers.conf_high })
            }
            Content::Dropped | Content::Absent => None,
        });
        Band { label: line.label.clone(), dots: dots.collect() }
    });
    let scales = distinct(columns.iter().map(|column| coefficient_scale(column.fit.family)));
    let unit = match scales.as_slice() {
        ["identity"] => String::new(),
        ["logit"] => String::from(" (log odds)"),
        ["log"] => String::from(" (log points)"),
        [only] => format!(" ({only} scale)"),
        _ => String::from(" (the models' scales differ)"),
    };
    let outcomes: Vec<String> = columns.iter().map(|column| labels.of(&column.fit.outcome)).collect();
    let outcomes = distinct(outcomes.iter().map(String::as_str)).join(", ");
    DotFigure {
        title: texts.title.clone(),
        note: note(columns, texts, "Outcome: ", &outcomes),
        x_title: format!("Estimate and interval{unit}"),
        models: headings(columns),
        // a term that no model estimates has nothing to draw
        bands: bands.filter(|band| !band.dots.is_empty()).collect(),
    }
}

/// Headings, with outcome and sample where these tell models apart.
fn headings(columns: &[Column]) -> Vec<String> {
    let name = |column: &Column| {
        let twins = || columns.iter().filter(|other| other.heading == column.heading);
        let mut name = column.heading.clone();
        if twins().any(|other| other.fit.outcome != column.fit.outcome) {
            name += &format!(" {}", column.fit.outcome);
        }
        if twins().any(|other| other.fit.sample != column.fit.sample) {
            name += &format!(" {}", column.fit.sample);
        }
        name
    };
    columns.iter().map(name).collect()
}

/// Data, rows, what whiskers are.
fn note(columns: &[Column], texts: &Texts, before: &str, outcomes: &str) -> String {
    let mut notes: Vec<String> = texts.data_notes.iter().map(|note| format!("Data: {note}.")).collect();
    notes.extend(texts.notes.iter().cloned());
    notes.push(format!("{before}{outcomes}."));
    let names = headings(columns);
    let rows: Vec<String> = columns.iter().map(|column| count(column.fit.flow.rows_used)).collect();
    notes.push(match distinct(rows.iter().map(String::as_str)).as_slice() {
        [only] => format!("Rows: {only}."),
        _ => {
            let each: Vec<String> = names.iter().zip(&rows).map(|(name, rows)| format!("{name} {rows}")).collect();
            format!("Rows: {}.", each.join(", "))
        }
    });
    let whiskers: Vec<String> = columns.iter().map(|column| whisker(&column.fit)).collect();
    match distinct(whiskers.iter().map(String::as_str)).as_slice() {
        [only] => notes.push(format!("Whiskers: {only}.")),
        _ => {
            let each = names.iter().zip(&whiskers).map(|(name, whisker)| format!("{name}: {whisker}"));
            notes.push(format!("Whiskers: {}.", each.collect::<Vec<_>>().join("; ")));
        }
    }
    notes.join(" ")
}

fn whisker(fit: &ModelFit) -> String {
    let level = percent_level(fit.conf_level);
    match (fit.vcov_kind, cluster(fit)) {
        (kind, Some(cluster)) if kind.is_clustered() => {
            format!("{level} intervals, standard errors clustered by {cluster}")
        }
        (kind, _) => format!("{level} intervals, {} standard errors", se_type(kind)),
    }
}

/// The adjusted rates of all panels, with the names the author gave.
pub fn rates(laid: &[Laid], labels: &Labels, texts: &Texts) -> PanelFigure {
    let mut fits = Vec::new();
    for laid in laid {
        for (column, name) in laid.panel.columns.iter().zip(headings(&laid.panel.columns)) {
            let mut fit = column.fit.clone();
            fit.model = name;
            fit.outcome = labels.of(&fit.outcome);
            fit.sample = if laid.panel.title.is_empty() { labels.of(&fit.sample) } else { laid.panel.title.clone() };
            if let Some(rates) = &mut fit.rates {
                let shown = |level: &str| {
                    let term = format!("{}::{level}", rates.factor);
                    laid.lines.iter().find(|line| line.term == term).map(|line| line.label.clone())
                };
                let kept: Vec<_> = rates
                    .levels
                    .iter()
                    .filter_map(|row| Some(crate::result::RateRow { label: shown(&row.level)?, ..row.clone() }))
                    .collect();
                rates.levels = kept;
                rates.factor = labels.of(&rates.factor);
            }
            fits.push(fit);
        }
    }
    let data_note = (!texts.data_notes.is_empty()).then(|| texts.data_notes.join("; "));
    let mut figure = rates_figure(&Run { fits, data_note, ..Run::default() }, &texts.title);
    figure.note = texts.notes.iter().cloned().chain([figure.note]).collect::<Vec<_>>().join(" ");
    figure
}

#[cfg(test)]
mod tests {
    use super::super::{PaperOptions, SavedFit, panels, table::lay};
    use super::*;
    use crate::figure;
    use crate::output::fixture::sample_run;

    fn laid(options: &PaperOptions) -> Vec<Laid> {
        let saved = |fit| SavedFit { file: String::from("a.json"), fit };
        lay(panels(sample_run().fits.into_iter().map(saved).collect(), &[], &[]).unwrap(), options).unwrap()
    }

    #[test]
    fn dots_are_the_estimates_and_say_what_they_are() {
        let texts = Texts { data_notes: vec![String::from("simulated")], ..Texts::default() };
        let drawn = coefficients(&laid(&PaperOptions::default())[0], &Labels::default(), &texts);
        assert_eq!((drawn.bands.len(), drawn.models.len()), (5, 2)); // the dropped term has no dot
        assert_eq!(drawn.bands[0].dots[0].x, sample_run().fits[0].coefficients[0].estimate);
        assert!(drawn.x_title.contains("differ"));
        for part in ["Data: simulated.", "(5) 1,960, logit 1,920", "Whiskers: 95% intervals"] {
            assert!(drawn.note.contains(part), "{part}: {}", drawn.note);
        }
        assert!(figure::png(&figure::dots::svg(&drawn), 1.0).is_ok());
    }

    #[test]
    fn rates_have_the_labels_and_levels_that_are_left() {
        let mut options = PaperOptions { rates: true, drop: vec![String::from("*::1")], ..PaperOptions::default() };
        options.labels.add("expertise::5=Top").unwrap();
        let figure = rates(&laid(&options), &options.labels, &Texts::default());
        let labels: Vec<&str> = figure.panels[0].series[0].points.iter().map(|point| point.label.as_str()).collect();
        assert_eq!(labels, ["Beginner", "Intermediate", "Advanced", "Top"]);
    }
}
