//! The lines of a table: terms or levels, what each model says of them, chosen and ordered.

use super::pattern::{is_pattern, matches};
use super::{Column, Labels, PaperError, PaperOptions};
use crate::nearest::nearest_name;
use crate::result::{Estimate, RateRow};

/// What a model says of a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Content {
    /// Its numbers.
    Numbers(Numbers),
    /// It could not be estimated.
    Dropped,
    /// The model does not have it.
    Absent,
}

/// The numbers of an estimate; `NaN` where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers {
    /// Estimate.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// Test statistic.
    pub statistic: f64,
    /// p-value.
    pub p_value: f64,
    /// Lower end of the interval.
    pub conf_low: f64,
    /// Upper end of the interval.
    pub conf_high: f64,
}

/// A term or a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the models.
    pub term: String,
    /// Its name in the table.
    pub label: String,
    /// One for each column.
    pub cells: Vec<Content>,
}

impl From<&Estimate> for Numbers {
    fn from(row: &Estimate) -> Self {
        Numbers {
            estimate: row.estimate,
            std_error: row.std_error,
            statistic: row.statistic,
            p_value: row.p_value,
            conf_low: row.conf_low,
            conf_high: row.conf_high,
        }
    }
}

impl From<&RateRow> for Numbers {
    fn from(row: &RateRow) -> Self {
        Numbers {
            estimate: row.estimate,
            std_error: row.std_error,
            statistic: f64::NAN,
            p_value: f64::NAN,
            conf_low: row.conf_low,
            conf_high: row.conf_high,
        }
    }
}

impl Numbers {
    /// The same in percent.
    pub fn percent(self) -> Self {
        Numbers {
            estimate: 100.0 * self.estimate,
            std_error: 100.0 * self.std_error,
            conf_low: 100.0 * self.conf_low,
            conf_high: 100.0 * self.conf_high,
            ..self
        }
    }
}

/// All lines of some columns, before any is chosen.
pub fn all_lines(columns: &[Column], options: &PaperOptions) -> Vec<Line> {
    let names = columns.iter().flat_map(|column| if options.rates { levels(column) } else { terms(column) });
    let mut lines: Vec<Line> = Vec::new();
    for (term, own_label) in names {
        if lines.iter().any(|line| line.term == term) {
            continue;
        }
        let cells = columns.iter().map(|column| content(column, &term, options)).collect();
        lines.push(Line { label: label(&options.labels, &term, own_label), term, cells });
    }
    lines
}

/// Names of a model's terms.
fn terms(column: &Column) -> Vec<(String, Option<String>)> {
    let estimated = column.fit.coefficients.iter().map(|row| row.term.clone());
    let dropped = column.fit.dropped_terms.iter().map(|row| row.term.clone());
    estimated.chain(dropped).map(|term| (term, None)).collect()
}

/// Names of the levels of a model's rates, as terms, with their labels.
fn levels(column: &Column) -> Vec<(String, Option<String>)> {
    let Some(rates) = &column.fit.rates else { return Vec::new() };
    let name = |row: &RateRow| format!("{}::{}", rates.factor, row.level);
    rates.levels.iter().map(|row| (name(row), Some(row.label.clone()))).collect()
}

/// The author's label, the level's own, or the name; interactions by their parts.
fn label(labels: &Labels, term: &str, own: Option<String>) -> String {
    if let Some(label) = labels.find(term).or(own) {
        return label;
    }
    // a single colon joins the parts of an interaction, two stand before a level
    let guarded = term.replace("::", "\u{1}");
    let parts: Vec<String> = guarded.split(':').map(|part| part.replace('\u{1}', "::")).collect();
    let labelled: Vec<String> = parts.iter().map(|part| labels.of(part)).collect();
    if labelled == parts { term.to_owned() } else { labelled.join(" × ") }
}

fn content(column: &Column, term: &str, options: &PaperOptions) -> Content {
    let fit = &column.fit;
    if options.rates {
        let Some(rates) = &fit.rates else { return Content::Absent };
        let level = term.strip_prefix(rates.factor.as_str()).and_then(|rest| rest.strip_prefix("::"));
        let found = rates.levels.iter().find(|row| Some(row.level.as_str()) == level);
        return found.map_or(Content::Absent, |row| Content::Numbers(row.into()));
    }
    if let Some(row) = fit.coefficients.iter().find(|row| row.term == term) {
        Content::Numbers(row.into())
    } else if fit.dropped_terms.iter().any(|row| row.term == term) {
        Content::Dropped
    } else {
        Content::Absent
    }
}

/// The lines that `keep` and `drop` leave, those of `order` first.
pub fn chosen(lines: Vec<Line>, options: &PaperOptions) -> Vec<Line> {
    let fits = |patterns: &[String], line: &Line| patterns.iter().position(|pattern| names_it(pattern, line));
    let mut left: Vec<Line> = lines
        .into_iter()
        .filter(|line| options.keep.is_empty() || fits(&options.keep, line).is_some())
        .filter(|line| fits(&options.drop, line).is_none())
        .collect();
    left.sort_by_key(|line| fits(&options.order, line).unwrap_or(options.order.len()));
    left
}

fn names_it(pattern: &str, line: &Line) -> bool {
    matches(pattern, &line.term) || matches(pattern, &line.label)
}

/// Refuses patterns that fit no line of any panel: a slip of the pen would otherwise show too much or too little.
///
/// # Errors
/// The first such pattern, with the nearest name.
pub fn check_patterns(lines: &[Line], options: &PaperOptions) -> Result<(), PaperError> {
    let asked = [("--keep", &options.keep), ("--drop", &options.drop), ("--order", &options.order)];
    for (flag, pattern) in asked.iter().flat_map(|(flag, patterns)| patterns.iter().map(move |text| (flag, text))) {
        if lines.iter().any(|line| names_it(pattern, line)) {
            continue;
        }
        let names: Vec<&str> = lines.iter().map(|line| line.term.as_str()).collect();
        let nearest = nearest_name(pattern, names.iter().copied()).filter(|_| !is_pattern(pattern));
        let list = format!("terms are: {}", names.join(", "));
        return Err(PaperError::new(
            format!("no term matches `{pattern}` of `{flag}`"),
            nearest.map_or_else(|| list.clone(), |nearest| format!("did you mean `{nearest}`? {list}")),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    fn columns() -> Vec<Column> {
        let fits = sample_run().fits;
        fits.into_iter().map(|fit| Column { file: String::from("a.json"), heading: fit.model.clone(), fit }).collect()
    }

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn terms_of_all_models_once_in_order_of_appearance() {
        let lines = all_lines(&columns(), &PaperOptions::default());
        let terms: Vec<&str> = lines.iter().map(|line| line.term.as_str()).collect();
        let levels = ["expertise::2", "expertise::3", "expertise::4", "expertise::5"];
        assert_eq!(terms, [&levels[..], &["expertise", "log(prompts)"]].concat());
        assert_eq!(lines[5].cells, [Content::Absent, Content::Dropped]);
    }

    #[test]
    fn lines_are_kept_dropped_and_ordered_by_pattern_or_label() {
        let mut options = PaperOptions {
            keep: texts(&["expertise::*", "Slope"]),
            drop: texts(&["expertise::3"]),
            order: texts(&["Slope", "*::5"]),
            ..PaperOptions::default()
        };
        options.labels.add("expertise=Slope").unwrap();
        let lines = all_lines(&columns(), &options);
        check_patterns(&lines, &options).unwrap();
        let labels: Vec<String> = chosen(lines, &options).into_iter().map(|line| line.label).collect();
        assert_eq!(labels, ["Slope", "expertise::5", "expertise::2", "expertise::4"]);
    }

    #[test]
    fn a_pattern_without_a_term_is_refused() {
        let options = PaperOptions { drop: texts(&["expertise::9"]), ..PaperOptions::default() };
        let error = check_patterns(&all_lines(&columns(), &options), &options).unwrap_err();
        assert_eq!(error.message, "no term matches `expertise::9` of `--drop`");
        assert!(error.hint.starts_with("did you mean `expertise::"), "{}", error.hint);
    }

    #[test]
    fn rates_are_lines_by_level_and_may_be_percentages() {
        let options = PaperOptions { rates: true, ..PaperOptions::default() };
        let lines = all_lines(&columns(), &options);
        assert_eq!((lines.len(), lines[4].term.as_str(), lines[4].label.as_str()), (5, "expertise::5", "Expert"));
        let Content::Numbers(numbers) = lines[4].cells[0] else { panic!("a rate") };
        assert_eq!((numbers.estimate, numbers.percent().estimate), (0.329_4, 100.0 * 0.329_4));
        assert_eq!(lines[4].cells[1], Content::Absent);
    }

    #[test]
    fn interactions_are_labelled_by_their_parts() {
        let mut labels = Labels::default();
        labels.add("expertise::2=Beginner").unwrap();
        labels.add("z=Size").unwrap();
        assert_eq!(label(&labels, "expertise::2:z", None), "Beginner × Size");
        assert_eq!(label(&labels, "a:b", None), "a:b");
    }
}
