//! The numbers that the report of June 2026 published, one row each, with the rounding they were printed at.

use super::csv_reader::{CsvError, records};

/// The table that ships inside the program.
pub const PUBLISHED_CSV: &str = include_str!("../../data/published.csv");

/// One published number, or a range where the report gives one.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Figure or table, e.g. `Table A1`.
    pub figure: String,
    /// Panel within it.
    pub panel: String,
    /// Outcome or quantity.
    pub outcome: String,
    /// Level, column or group.
    pub group: String,
    /// What the number is, e.g. `adjusted_rate`.
    pub statistic: String,
    /// The number; `None` for a range.
    pub value: Option<f64>,
    /// Lower end of a range or interval.
    pub lo: Option<f64>,
    /// Upper end of a range or interval.
    pub hi: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Half a unit of the last printed digit.
    pub precision: f64,
}

/// A table of published numbers that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishedError {
    /// The text is not comma-separated values.
    #[error("the published numbers are not a CSV table")]
    Csv(#[from] CsvError),
    /// A column is missing.
    #[error("the published numbers have no column `{0}`")]
    NoColumn(&'static str),
    /// A field should hold a number.
    #[error("row {row} of the published numbers: `{text}` in column `{column}` is not a number")]
    NotANumber {
        /// Data row, from 1.
        row: usize,
        /// Column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
}

/// Reads published numbers from CSV text; pass [`PUBLISHED_CSV`] for those of the report.
///
/// # Errors
/// If a column is missing or a number cannot be read.
pub fn parse_published(text: &str) -> Result<Vec<Published>, PublishedError> {
    let records = records(text)?;
    let Some((header, rows)) = records.split_first() else { return Ok(Vec::new()) };
    let column =
        |name: &'static str| header.iter().position(|title| title == name).ok_or(PublishedError::NoColumn(name));
    let texts = ["figure", "panel", "outcome", "group", "statistic", "unit"].map(column);
    let [figure, panel, outcome, group, statistic, unit] = texts;
    let (figure, panel, outcome, group, statistic, unit) = (figure?, panel?, outcome?, group?, statistic?, unit?);
    let (value, lo, hi, precision) = (column("value")?, column("lo")?, column("hi")?, column("precision")?);
    let empty = String::new();
    rows.iter()
        .enumerate()
        .map(|(position, row)| {
            let text = |at: usize| row.get(at).unwrap_or(&empty).clone();
            let number = |at: usize, column| match text(at) {
                blank if blank.is_empty() => Ok(None),
                text => match text.parse::<f64>() {
                    Ok(value) => Ok(Some(value)),
                    Err(_) => Err(PublishedError::NotANumber { row: position + 1, column, text }),
                },
            };
            Ok(Published {
                figure: text(figure),
                panel: text(panel),
                outcome: text(outcome),
                group: text(group),
                statistic: text(statistic),
                value: number(value, "value")?,
                lo: number(lo, "lo")?,
                hi: number(hi, "hi")?,
                unit: text(unit),
                precision: number(precision, "precision")?.unwrap_or(0.0),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_can_be_read() {
        let rows = parse_published(PUBLISHED_CSV).unwrap();
        let slope = rows.iter().find(|row| row.figure == "Table A1" && row.group == "column 5").unwrap();
        assert_eq!((slope.value, slope.precision), (Some(0.0379), 5e-5));
        let range = rows.iter().find(|row| row.statistic == "adjusted_rate_range").unwrap();
        assert_eq!((range.value, range.lo, range.hi), (None, Some(0.28), Some(0.33)));
    }

    #[test]
    fn a_bad_number_names_its_place() {
        let text = "figure,panel,outcome,group,statistic,value,lo,hi,unit,source,precision\nF,p,o,g,s,x,,,u,,\n";
        let message = parse_published(text).unwrap_err().to_string();
        assert_eq!(message, "row 1 of the published numbers: `x` in column `value` is not a number");
        assert_eq!(parse_published("a,b\n"), Err(PublishedError::NoColumn("figure")));
    }
}
