//! The table as a document: headings, lines with their errors beneath, statistics, notes; panels under each other.

use super::lines::{Content, Line, Numbers, all_lines, check_patterns, chosen};
use super::statistics::{Fact, FactLine, fact_lines};
use super::{AutoNotes, Column, Errors, Panel, PaperError, PaperOptions};
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::notes::{estimation_notes, percent_level};
use crate::output::number::{MISSING, count, p_value, rounded};
use crate::output::options::RenderOptions;
use crate::output::regression_table::{distinct, family_name};
use crate::result::{Composition, ModelFit};

/// A panel with its lines chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Laid {
    /// The panel.
    pub panel: Panel,
    /// Terms or levels.
    pub lines: Vec<Line>,
    /// Statistics.
    pub facts: Vec<FactLine>,
}

/// Chooses the lines of every panel.
///
/// # Errors
/// Rates of models that have none, patterns and labels without a term, tables without a line.
pub fn lay(panels: Vec<Panel>, options: &PaperOptions) -> Result<Vec<Laid>, PaperError> {
    let columns = || panels.iter().flat_map(|panel| &panel.columns);
    if options.rates && columns().all(|column| column.fit.rates.is_none()) {
        return Err(PaperError::new(
            "no model has adjusted rates",
            "fit the models with `--rates FACTOR`, or leave out `--rates`",
        ));
    }
    if options.rates && matches!(options.errors, Errors::T | Errors::P) {
        return Err(PaperError::new(
            "an adjusted rate has no test of its own",
            "use `--errors se`, `ci` or `both`; tests are of differences between rates",
        ));
    }
    if options.percent && !options.rates {
        return Err(PaperError::new("`--percent` is for adjusted rates", "add `--rates`, or leave it out"));
    }
    let all: Vec<Vec<Line>> = panels.iter().map(|panel| all_lines(&panel.columns, options)).collect();
    let every: Vec<Line> = all.iter().flatten().cloned().collect();
    check_patterns(&every, options)?;
    check_labels(columns(), &every, options)?;
    let laid: Vec<Laid> = panels
        .iter()
        .zip(all)
        .map(|(panel, lines)| Laid {
            lines: chosen(lines, options),
            facts: fact_lines(&panel.columns, options.statistics.as_deref(), &options.labels),
            panel: panel.clone(),
        })
        .collect();
    match laid.iter().find(|laid| laid.lines.is_empty()) {
        None => Ok(laid),
        Some(empty) => {
            let place = if empty.panel.title.is_empty() { "the table" } else { &empty.panel.title };
            Err(PaperError::new(format!("no term is left in {place}"), "loosen `--keep` and `--drop`"))
        }
    }
}

/// Refuses labels of names that are nowhere in the table.
fn check_labels<'a>(
    columns: impl Iterator<Item = &'a Column>,
    lines: &[Line],
    options: &PaperOptions,
) -> Result<(), PaperError> {
    let mut names: Vec<String> = lines.iter().map(|line| line.term.clone()).collect();
    names.extend(lines.iter().flat_map(|line| line.term.split(':').map(str::to_owned)));
    for column in columns {
        let fit = &column.fit;
        names.extend([fit.outcome.clone(), fit.sample.clone()]);
        names.extend(fit.coefficients.iter().map(|row| row.term.clone()));
        for joined in fit.effects.iter().map(|effect| &effect.name).chain(fit.clusters.iter().map(|c| &c.name)) {
            names.push(joined.clone());
            names.extend(joined.split(['^', ':']).map(str::to_owned));
        }
    }
    names.extend(<super::Statistic as clap::ValueEnum>::value_variants().iter().map(|known| known.name().to_owned()));
    match options.labels.unused(&names).first() {
        None => Ok(()),
        Some(unused) => {
            let terms = distinct(lines.iter().map(|line| line.term.as_str()));
            let nearest = crate::nearest::nearest_name(unused, terms.iter().copied());
            let list = format!("terms are: {}", terms.join(", "));
            Err(PaperError::new(
                format!("`--rename` names `{unused}`, which is no term, effect, outcome or cluster of the models"),
                nearest.map_or_else(|| list.clone(), |nearest| format!("did you mean `{nearest}`? {list}")),
            ))
        }
    }
}

/// The table of some panels, with notices that every reader must see.
pub fn document(laid: &[Laid], notices: Vec<String>, options: &PaperOptions) -> Document {
    Document { title: String::new(), notices, blocks: vec![Block::Grid(grid(laid, options))] }
}

fn grid(laid: &[Laid], options: &PaperOptions) -> Grid {
    let headers: Vec<Vec<(&str, Vec<String>)>> = laid.iter().map(|laid| header(&laid.panel, options)).collect();
    // lines that all panels share stand above the table, others under the title of their panel
    let shared = |name: &str| {
        let of = |header: &[(&str, Vec<String>)]| {
            header.iter().find(|(known, _)| *known == name).map(|(_, texts)| texts.clone())
        };
        headers.iter().all(|header| of(header) == of(&headers[0]))
    };
    let top = headers.first().map_or_else(Vec::new, |header| {
        let shown = header.iter().filter(|(name, _)| shared(name));
        shown.map(|(_, texts)| texts.clone()).collect::<Vec<_>>()
    });
    let mut sections = Vec::new();
    for (laid, header) in laid.iter().zip(&headers) {
        let mut rows = Vec::new();
        if !laid.panel.title.is_empty() {
            rows.push(Row::title(&laid.panel.title));
        }
        rows.extend(
            header
                .iter()
                .filter(|(name, _)| !shared(name))
                .map(|(name, texts)| Row::new(*name, texts.iter().map(|text| Cell::Text(text.clone())).collect())),
        );
        rows.extend(laid.lines.iter().flat_map(|line| line_rows(line, options)));
        sections.push(rows);
        sections.push(laid.facts.iter().map(|line| fact_row(line, options)).collect());
    }
    sections.retain(|rows: &Vec<Row>| !rows.is_empty());
    let fits: Vec<ModelFit> =
        laid.iter().flat_map(|laid| &laid.panel.columns).map(|column| renamed(column, laid.len() > 1)).collect();
    let columns = laid.first().map_or(0, |laid| laid.panel.columns.len());
    let header = if top.is_empty() { vec![vec![String::new(); columns]] } else { top };
    Grid { caption: options.caption.clone(), corner: String::new(), header, sections, notes: notes(&fits, options) }
}

/// The fit under the name it has in the table, so that notes name it so.
fn renamed(column: &Column, in_panels: bool) -> ModelFit {
    let mut fit = column.fit.clone();
    if !in_panels {
        fit.model = column.heading.clone();
    }
    fit
}

/// Lines above the columns, with what each is.
fn header(panel: &Panel, options: &PaperOptions) -> Vec<(&'static str, Vec<String>)> {
    let line = |of: &dyn Fn(&Column) -> String| panel.columns.iter().map(of).collect::<Vec<_>>();
    let mut lines = vec![
        ("Model", line(&|column| column.heading.clone())),
        ("Outcome", line(&|column| options.labels.of(&column.fit.outcome))),
    ];
    if panel.columns.iter().any(|column| column.fit.sample != "all") {
        lines.push(("Sample", line(&|column| options.labels.of(&column.fit.sample))));
    }
    lines
}

/// An estimate and what stands under it.
fn line_rows(line: &Line, options: &PaperOptions) -> Vec<Row> {
    let digits = options.digits;
    let limits = RenderOptions { stars: options.stars.clone(), ..RenderOptions::default() };
    let estimate = |numbers: &Numbers| Cell::Number {
        text: rounded(numbers.estimate, digits),
        stars: limits.stars_of(numbers.p_value),
    };
    let under: &[Errors] = match &options.errors {
        Errors::Both => &[Errors::Se, Errors::Ci],
        Errors::None => &[],
        one => std::slice::from_ref(one),
    };
    let cells = |of: &dyn Fn(&Numbers) -> Cell, dropped: Cell| {
        let one = |content: &Content| match content {
            Content::Numbers(numbers) if options.percent => of(&numbers.percent()),
            Content::Numbers(numbers) => of(numbers),
            Content::Dropped => dropped.clone(),
            Content::Absent => Cell::Empty,
        };
        line.cells.iter().map(one).collect::<Vec<_>>()
    };
    let mut rows = vec![Row::new(&line.label, cells(&estimate, Cell::Text(String::from("dropped"))))];
    let estimated = line.cells.iter().any(|content| matches!(content, Content::Numbers(_)));
    let row = |kind: &Errors| Row::new("", cells(&|numbers| error_cell(*kind, numbers, digits), Cell::Empty));
    rows.extend(under.iter().filter(|_| estimated).map(row));
    rows
}

/// One of the things that stand under an estimate.
fn error_cell(kind: Errors, numbers: &Numbers, digits: usize) -> Cell {
    match kind {
        Errors::Se => Cell::Error(rounded(numbers.std_error, digits)),
        Errors::T => Cell::Error(rounded(numbers.statistic, 2)),
        Errors::P => Cell::Error(p_value(numbers.p_value)),
        Errors::Ci | Errors::Both => {
            Cell::Interval(rounded(numbers.conf_low, digits), rounded(numbers.conf_high, digits))
        }
        Errors::None => Cell::Empty,
    }
}

/// Fewest decimals of a statistic: an R2 needs them, whatever the estimates are in.
const FEWEST_DIGITS: usize = 3;

fn fact_row(line: &FactLine, options: &PaperOptions) -> Row {
    let cell = |fact: &Fact| match fact {
        Fact::Words(words) => Cell::Text(words.clone()),
        Fact::Count(value) => Cell::number(count(*value)),
        Fact::Number(value) => Cell::number(rounded(*value, options.digits.max(FEWEST_DIGITS))),
        Fact::Absent => Cell::Text(MISSING.to_owned()),
    };
    Row::new(&line.label, line.facts.iter().map(cell).collect())
}

/// The author's notes, what stands in parentheses, how the numbers came about.
fn notes(fits: &[ModelFit], options: &PaperOptions) -> Vec<String> {
    let mut notes = options.notes.clone();
    notes.extend(parentheses(fits, options));
    let stars = RenderOptions { stars: options.stars.clone(), ..RenderOptions::default() }.stars_note();
    notes.extend(stars.filter(|_| !options.rates));
    if options.auto_notes == AutoNotes::None {
        return notes;
    }
    let families = distinct(fits.iter().map(|fit| family_name(fit.family)));
    if let ([only], false) = (families.as_slice(), options.statistics.is_some()) {
        notes.push(format!("estimator: {only}"));
    }
    if options.rates {
        notes.extend(rates_notes(fits, options));
    }
    let full = options.auto_notes == AutoNotes::Full;
    let short = |note: &String| {
        let body = note.split_once(": ").map_or(note.as_str(), |(_, body)| body);
        let small = |text: &str| text.starts_with("small-sample factor") || text.starts_with("error variance RSS");
        !small(note)
            && !small(body)
            && !note.contains("does not count in K")
            && !note.contains("the fixed effects have")
    };
    notes.extend(estimation_notes(fits).into_iter().filter(|note| full || short(note)));
    notes
}

/// What stands under the estimates.
fn parentheses(fits: &[ModelFit], options: &PaperOptions) -> Option<String> {
    let levels: Vec<String> = fits.iter().map(|fit| percent_level(fit.conf_level)).collect();
    let level = match distinct(levels.iter().map(String::as_str)).as_slice() {
        [only] => format!("{only} confidence intervals"),
        _ => String::from("confidence intervals"),
    };
    Some(match options.errors {
        Errors::Se => String::from("standard errors in parentheses"),
        Errors::T => String::from("t or z statistics in parentheses"),
        Errors::P => String::from("p-values in parentheses"),
        Errors::Ci => format!("{level} in brackets"),
        Errors::Both => format!("standard errors in parentheses, {level} in brackets"),
        Errors::None => return None,
    })
}

/// What the rates are.
fn rates_notes(fits: &[ModelFit], options: &PaperOptions) -> Vec<String> {
    let rates: Vec<_> = fits.iter().filter_map(|fit| fit.rates.as_ref()).collect();
    let factors = distinct(rates.iter().map(|rates| rates.factor.as_str()));
    let labels: Vec<String> = factors.iter().map(|factor| format!("`{}`", options.labels.of(factor))).collect();
    let unit = if options.percent { ", in percent" } else { "" };
    let mut notes = vec![format!(
        "adjusted rates: mean predictions with every row set to the level of {}{unit}",
        labels.join(", ")
    )];
    let targets = distinct(rates.iter().filter_map(|rates| rates.target.as_deref()));
    notes
        .extend(targets.into_iter().map(|target| format!("rates are averaged over the rows of the target `{target}`")));
    let composition = |composition| match composition {
        Composition::Sampled => "standard errors of rates count the target rows as a sample too",
        Composition::Fixed => "standard errors of rates hold the target rows fixed",
    };
    notes.extend(distinct(rates.iter().map(|rates| composition(rates.composition))).into_iter().map(str::to_owned));
    notes
}

#[cfg(test)]
mod tests {
    use super::super::{Labels, SavedFit, Statistic, data, panels};
    use super::*;
    use crate::output::fixture::sample_run;
    use crate::output::{Format, render_document};

    fn saved() -> Vec<SavedFit> {
        sample_run().fits.into_iter().map(|fit| SavedFit { file: String::from("runs/a.json"), fit }).collect()
    }

    fn labels() -> Labels {
        let mut labels = Labels::default();
        labels.add("expertise::2=Beginner & more").unwrap();
        labels.add("verified_success=Verified success").unwrap();
        labels
    }

    fn options() -> PaperOptions {
        PaperOptions {
            digits: 3,
            labels: labels(),
            stars: Some(vec![0.05, 0.01]),
            caption: String::from("Main results"),
            notes: vec![String::from("Sessions of two months.")],
            ..PaperOptions::default()
        }
    }

    fn laid(options: &PaperOptions, titles: &[&str]) -> Result<Vec<Laid>, PaperError> {
        let titles: Vec<String> = titles.iter().map(|&title| title.to_owned()).collect();
        lay(panels(saved(), &[], &titles)?, options)
    }

    fn shown(options: &PaperOptions, titles: &[&str], format: Format, siunitx: bool) -> String {
        let document = document(&laid(options, titles).unwrap(), vec![String::from("simulated data")], options);
        let style = RenderOptions { siunitx, label: String::from("tab:main"), ..RenderOptions::default() };
        render_document(&document, format, &style)
    }

    #[test]
    fn text() {
        insta::assert_snapshot!(shown(&options(), &[], Format::Text, false));
    }

    #[test]
    fn markdown() {
        insta::assert_snapshot!(shown(&options(), &[], Format::Markdown, false));
    }

    #[test]
    fn latex() {
        insta::assert_snapshot!(shown(&options(), &[], Format::Latex, false));
    }

    #[test]
    fn siunitx() {
        insta::assert_snapshot!(shown(&options(), &[], Format::Latex, true));
    }

    #[test]
    fn html() {
        let page = shown(&options(), &[], Format::Html, false);
        insta::assert_snapshot!(page.split("</style>").nth(1).unwrap());
    }

    #[test]
    fn typst() {
        insta::assert_snapshot!(shown(&options(), &[], Format::Typst, false));
    }

    #[test]
    fn panels_and_intervals_in_every_format() {
        let options = PaperOptions {
            errors: Errors::Both,
            statistics: Some(vec![Statistic::N, Statistic::PseudoR2, Statistic::Fe]),
            auto_notes: AutoNotes::None,
            ..options()
        };
        let titles = ["(5)=Panel A. Linear", "logit=Panel B. Logit"];
        let formats = [Format::Text, Format::Markdown, Format::Latex, Format::Typst];
        let texts = formats.map(|format| shown(&options, &titles, format, false));
        insta::assert_snapshot!(texts.join("\n=====\n"));
    }

    #[test]
    fn rates_and_exact_data() {
        let options = PaperOptions { rates: true, percent: true, digits: 1, ..options() };
        let laid = laid(&PaperOptions { labels: Labels::default(), ..options.clone() }, &[]).unwrap();
        let text = render_document(&document(&laid, Vec::new(), &options), Format::Text, &RenderOptions::default());
        insta::assert_snapshot!([text, data::table(&laid).to_csv()].join("\n"));
    }

    #[test]
    fn what_makes_no_table_is_refused() {
        let message = |change: &dyn Fn(&mut PaperOptions)| {
            let mut options = options();
            change(&mut options);
            laid(&options, &[]).unwrap_err().message
        };
        assert_eq!(message(&|o| o.percent = true), "`--percent` is for adjusted rates");
        assert_eq!(message(&|o| (o.rates, o.errors) = (true, Errors::P)), "an adjusted rate has no test of its own");
        assert_eq!(message(&|o| o.drop = vec![String::from("*")]), "no term is left in the table");
        assert!(message(&|o| o.labels.add("expertize=X").unwrap()).starts_with("`--rename` names `expertize`"));
        let mut without = saved();
        without.remove(0);
        let rates = PaperOptions { rates: true, ..PaperOptions::default() };
        let error = lay(panels(without, &[], &[]).unwrap(), &rates).unwrap_err();
        assert_eq!(error.message, "no model has adjusted rates");
    }

    #[test]
    fn every_rounded_number_is_the_fits_own() {
        let laid = laid(&PaperOptions { digits: 17, ..PaperOptions::default() }, &[]).unwrap();
        let fit = &sample_run().fits[0];
        for (line, row) in laid[0].lines.iter().zip(&fit.coefficients) {
            assert_eq!(line.cells[0], Content::Numbers(row.into()));
        }
    }
}
