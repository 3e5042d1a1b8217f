//! Published numbers that a table of sessions cannot speak to, and why.

use super::csv_reader::records;
use super::published::{Published, PublishedError};

/// The table that ships inside the program.
pub const SCOPE_CSV: &str = include_str!("../../data/published_scope.csv");

/// A published number that is not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfScope {
    /// The five names of the number, as in the published table.
    pub names: [String; 5],
    /// Why it is not compared.
    pub reason: String,
}

impl OutOfScope {
    /// Whether it is this number.
    pub fn is_about(&self, row: &Published) -> bool {
        let names = [&row.figure, &row.panel, &row.outcome, &row.group, &row.statistic];
        self.names.iter().eq(names)
    }
}

/// Reads the table of numbers out of scope; pass [`SCOPE_CSV`] for that of the report.
///
/// # Errors
/// If a column is missing.
pub fn parse_scope(text: &str) -> Result<Vec<OutOfScope>, PublishedError> {
    let records = records(text)?;
    let Some((header, rows)) = records.split_first() else { return Ok(Vec::new()) };
    let mut places = [0; 6];
    for (place, name) in places.iter_mut().zip(["figure", "panel", "outcome", "group", "statistic", "reason"]) {
        *place = header.iter().position(|title| title == name).ok_or(PublishedError::NoColumn(name))?;
    }
    let field = |row: &Vec<String>, at: usize| row.get(places[at]).cloned().unwrap_or_default();
    let read =
        |row: &Vec<String>| OutOfScope { names: [0, 1, 2, 3, 4].map(|at| field(row, at)), reason: field(row, 5) };
    Ok(rows.iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{COMPARED, PUBLISHED_CSV, parse_published};
    use super::*;

    #[test]
    fn every_published_number_is_compared_or_says_why_not() {
        let (published, scope) = (parse_published(PUBLISHED_CSV).unwrap(), parse_scope(SCOPE_CSV).unwrap());
        for row in &published {
            let out = scope.iter().filter(|out| out.is_about(row)).count();
            let is_compared = COMPARED.contains(&row.figure.as_str());
            assert!(out == 1 || (out == 0 && is_compared), "{row:?}");
        }
        for out in &scope {
            assert!(!out.reason.is_empty() && published.iter().any(|row| out.is_about(row)), "{out:?}");
        }
    }
}
