//! The comparison as a Markdown page and as a CSV table.

use crate::output::data_table::{DataTable, Value};
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::markdown;
use crate::output::number::count as shown_count;

use super::{COMPARED, Comparison, Published, Verdict, count};

/// Columns of `comparison.csv`.
const COLUMNS: [&str; 14] = [
    "figure",
    "panel",
    "outcome",
    "group",
    "statistic",
    "published",
    "lo",
    "hi",
    "ours",
    "difference",
    "precision",
    "tolerance",
    "verdict",
    "note",
];

/// The comparison as CSV, exact or with numbers of ours of so many decimals.
pub fn comparison_csv(comparisons: &[Comparison], data_note: Option<&str>, round: Option<usize>) -> String {
    let mut table = DataTable::new(&COLUMNS);
    table.rows = comparisons
        .iter()
        .map(|row| {
            let published = &row.published;
            vec![
                published.figure.as_str().into(),
                published.panel.as_str().into(),
                published.outcome.as_str().into(),
                published.group.as_str().into(),
                published.statistic.as_str().into(),
                published.value.into(),
                published.lo.into(),
                published.hi.into(),
                row.ours.into(),
                row.difference.into(),
                published.precision.into(),
                row.tolerance.into(),
                Value::from(row.verdict.name()),
                row.note.clone().into(),
            ]
        })
        .collect();
    let published = ["published", "lo", "hi", "precision", "tolerance"];
    table.with_data_note(data_note).rounded(round, &published).to_csv()
}

/// The comparison as a Markdown page.
///
/// `notices` stand first, e.g. that the sessions are simulated; `conflicts` are the sentences of the section on what
/// cannot be met together and why.
pub fn comparison_markdown(comparisons: &[Comparison], notices: &[String], conflicts: &[String]) -> String {
    markdown::render(&document(comparisons, notices, conflicts))
}

/// The comparison as a document for any readable format.
pub fn document(comparisons: &[Comparison], notices: &[String], conflicts: &[String]) -> Document {
    let mut blocks = vec![Block::Grid(summary(comparisons)), Block::Paragraph(legend())];
    if !conflicts.is_empty() {
        blocks.push(Block::Heading(String::from("What cannot be met together, and why")));
        blocks.extend(conflicts.iter().map(|sentence| Block::Paragraph(sentence.clone())));
    }
    for figure in COMPARED {
        let rows: Vec<&Comparison> = comparisons.iter().filter(|row| row.published.figure == figure).collect();
        if !rows.is_empty() {
            blocks.push(Block::Heading(heading(figure).to_owned()));
            blocks.push(Block::Grid(table(&rows)));
        }
    }
    Document { title: String::from("Published numbers and ours"), notices: notices.to_vec(), blocks }
}

fn heading(figure: &str) -> &str {
    match figure {
        "sample" => "Sample frame",
        "text sec 2.1" => "Text, section 2.1",
        "text sec 2.2" => "Text, section 2.2",
        "text fn 6" => "Text, footnote 6",
        "text sec 4.2" => "Text, section 4.2",
        "key findings" => "Key findings",
        other => other,
    }
}

fn legend() -> String {
    String::from(
        "A number is a `match` if it equals the published one within its printed rounding, `close` if it lies within \
         the tolerance of its table (column `tolerance`), and `differs` otherwise. For a published range ours is the \
         level furthest outside it.",
    )
}

fn summary(comparisons: &[Comparison]) -> Grid {
    let line = |name: &str, rows: &[Comparison]| {
        let counts = Verdict::ALL.map(|verdict| Cell::number(shown_count(count(rows, verdict))));
        let mut cells = counts.to_vec();
        cells.push(Cell::number(shown_count(rows.len())));
        Row::new(name, cells)
    };
    let mut rows: Vec<Row> = Vec::new();
    for figure in COMPARED {
        let part: Vec<Comparison> = comparisons.iter().filter(|row| row.published.figure == figure).cloned().collect();
        if !part.is_empty() {
            rows.push(line(heading(figure), &part));
        }
    }
    let mut header: Vec<String> = Verdict::ALL.map(|verdict| verdict.name().to_owned()).to_vec();
    header.push(String::from("all"));
    Grid {
        caption: String::from("Verdicts"),
        header: vec![header],
        sections: vec![rows, vec![line("All", comparisons)]],
        ..Grid::default()
    }
}

fn table(rows: &[&Comparison]) -> Grid {
    let header = ["Group", "What", "Published", "Ours", "Difference", "Tolerance", "Verdict", "Note"];
    let line = |row: &&Comparison| {
        let published = &row.published;
        let shown = |value: Option<f64>| value.map_or(Cell::Empty, |value| Cell::number(number(value, published)));
        let difference = row.difference.map_or(Cell::Empty, |value| Cell::number(signed(value, published)));
        let cells = vec![
            Cell::Text(published.group.clone()),
            Cell::Text(published.statistic.replace('_', " ")),
            Cell::number(published_text(published)),
            shown(row.ours),
            difference,
            row.tolerance.filter(|limit| *limit > 0.0).map_or(Cell::Empty, |limit| Cell::number(tolerance(limit))),
            Cell::Text(row.verdict.name().to_owned()),
            Cell::Text(row.note.clone().unwrap_or_default()),
        ];
        Row::new(stub(published), cells)
    };
    let mut titles = header.map(str::to_owned).to_vec();
    let mut lines: Vec<Row> = rows.iter().map(line).collect();
    if rows.iter().all(|row| row.note.is_none()) {
        titles.pop();
        lines.iter_mut().for_each(|line| {
            line.cells.pop();
        });
    }
    Grid { corner: String::from("Panel and outcome"), header: vec![titles], sections: vec![lines], ..Grid::default() }
}

/// What a row is about: panel and outcome, once where they are the same.
fn stub(published: &Published) -> String {
    if published.panel == published.outcome || published.panel == "frame" {
        published.outcome.clone()
    } else {
        format!("{}, {}", published.panel, published.outcome)
    }
}

/// A difference with its sign, unless it rounds to nothing.
fn signed(value: f64, published: &Published) -> String {
    let size = number(value.abs(), published);
    let sign = match value {
        _ if size.chars().all(|c| matches!(c, '0' | '.')) => "",
        value if value < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{size}")
}

fn published_text(published: &Published) -> String {
    let shown = |value: f64| plain(value, decimals(published));
    match (published.value, published.lo, published.hi) {
        (Some(value), _, _) => shown(value),
        (None, Some(lo), Some(hi)) => format!("{} to {}", shown(lo), shown(hi)),
        (None, Some(lo), None) => format!("at least {}", shown(lo)),
        (None, None, Some(hi)) => format!("at most {}", shown(hi)),
        (None, None, None) => String::new(),
    }
}

/// Ours with one decimal more than was published.
fn number(value: f64, published: &Published) -> String {
    let decimals = decimals(published);
    plain(value, if decimals == 0 { 0 } else { decimals + 1 })
}

fn tolerance(limit: f64) -> String {
    if limit >= 1.0 { plain(limit, 0) } else { format!("{limit}") }
}

/// Decimals of a published number, from half a unit of its last digit.
fn decimals(published: &Published) -> usize {
    let unit = 2.0 * published.precision;
    if unit >= 0.5 || unit <= 0.0 { whole_or(published) } else { (-unit.log10()).round().clamp(0.0, 9.0) as usize }
}

/// No decimals for whole numbers, four otherwise.
fn whole_or(published: &Published) -> usize {
    if published.value.is_none_or(|value| value.fract() == 0.0) { 0 } else { 4 }
}

fn plain(value: f64, decimals: usize) -> String {
    if decimals == 0 && value.abs() < 1e15 {
        let grouped = shown_count(value.abs().round() as usize);
        return if value <= -0.5 { format!("-{grouped}") } else { grouped };
    }
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::super::{Lookup, PUBLISHED_CSV, SCOPE_CSV, SampleCounts, compare, parse_published, parse_scope};
    use super::*;
    use crate::output::fixture::sample_run;

    fn comparisons() -> Vec<Comparison> {
        let run = sample_run();
        let counts = SampleCounts {
            sessions: Some(398_198),
            users: Some(234_700),
            no_clear_goal_share: Some(0.0771),
            ..SampleCounts::default()
        };
        let scope = parse_scope(SCOPE_CSV).unwrap();
        compare(
            &parse_published(PUBLISHED_CSV).unwrap(),
            &scope,
            Lookup { fits: &run.fits, not_fitted: &[], counts, figures: &[] },
        )
    }

    #[test]
    fn page() {
        let notices = [String::from("Data: simulated sessions, not the report's")];
        let conflicts = [String::from("Slopes of columns 2 to 6 depend on unpublished compositions")];
        insta::assert_snapshot!(comparison_markdown(&comparisons(), &notices, &conflicts));
    }

    #[test]
    fn table() {
        insta::assert_snapshot!(comparison_csv(&comparisons(), Some("simulated"), None));
    }

    #[test]
    fn numbers_show_the_decimals_of_the_published_one() {
        let row = comparisons().into_iter().find(|row| row.published.statistic == "adjusted_rate").unwrap();
        assert_eq!(published_text(&row.published), "0.77");
        assert_eq!(number(0.7654, &row.published), "0.765");
    }
}
