//! Tables of numbers that a run wrote, as they are kept in a lock file: what a figure draws, what a table prints.

use super::difference::{Difference, compare_rows};
use super::hash::of_bytes;
use crate::output::data_table::{DataTable, quoted};
use crate::output::number;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The numbers of an exhibit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockedExhibit {
    /// The file they are written to, e.g. `figure1.csv`.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Arguments of the command that makes it alone.
    pub command: Vec<String>,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Its rows, one value for each column: text, number or null.
    pub rows: Vec<Vec<Value>>,
}

impl LockedExhibit {
    /// A table as it is written to `file`.
    pub fn new(file: String, title: String, command: Vec<String>, table: &DataTable) -> Self {
        LockedExhibit {
            file,
            title,
            command,
            sha256: of_bytes(table.to_csv().as_bytes()),
            columns: table.columns.iter().map(ToString::to_string).collect(),
            rows: table.rows.iter().map(|row| row.iter().map(|value| value.to_json()).collect()).collect(),
        }
    }

    /// The file again.
    pub fn to_csv(&self) -> String {
        let field = |value: &Value| match value {
            Value::String(text) => quoted(text),
            Value::Number(value) if value.is_f64() => value.as_f64().and_then(number::exact).unwrap_or_default(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let rows = self.rows.iter().map(|row| row.iter().map(field).collect::<Vec<_>>().join(",") + "\n");
        std::iter::once(self.columns.join(",") + "\n").chain(rows).collect()
    }

    /// What a row is about: its texts, without those that every row has.
    fn name_of(&self, row: &[Value]) -> String {
        let is_common = |at: usize| self.rows.len() > 1 && self.rows.iter().all(|other| other.get(at) == row.get(at));
        let texts = row.iter().enumerate().filter(|(at, _)| !is_common(*at)).filter_map(|(_, value)| value.as_str());
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty() && !matches!(*text, "true" | "false")).collect();
        texts.join(" / ")
    }

    /// The values of a row by their columns.
    fn record(&self, row: &[Value]) -> Value {
        self.columns.iter().cloned().zip(row.iter().cloned()).collect()
    }
}

/// How many numbers the tables hold.
pub fn count_numbers(exhibits: &[LockedExhibit]) -> usize {
    exhibits.iter().flat_map(|exhibit| &exhibit.rows).flatten().filter(|value| value.is_number()).count()
}

/// Every number that differs, table by table.
pub fn differences(locked: &[LockedExhibit], now: &[LockedExhibit], digits: Option<usize>) -> Vec<Difference> {
    let missing = |file: &str, locked: &str, now: &str| Difference {
        place: file.to_owned(),
        locked: locked.to_owned(),
        now: now.to_owned(),
        digits: None,
    };
    let mut found = Vec::new();
    for before in locked {
        let Some(after) = now.iter().find(|other| other.file == before.file) else {
            found.push(missing(&before.file, "a table", "missing"));
            continue;
        };
        if before.sha256 == after.sha256 {
            continue;
        }
        let rows = |exhibit: &LockedExhibit| -> Vec<(String, Value)> {
            exhibit.rows.iter().map(|row| (exhibit.name_of(row), exhibit.record(row))).collect()
        };
        found.extend(compare_rows(&before.file, &rows(before), &rows(after), digits));
    }
    let is_new = |exhibit: &&LockedExhibit| locked.iter().all(|other| other.file != exhibit.file);
    found.extend(now.iter().filter(is_new).map(|exhibit| missing(&exhibit.file, "missing", "a table")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(value: f64) -> DataTable {
        let mut table = DataTable::new(&["panel", "position", "label", "value", "n_sessions", "suppressed"]);
        table.rows = vec![
            vec![
                "modes".into(),
                "Fix".into(),
                "Fixing, a \"thing\"".into(),
                value.into(),
                7usize.into(),
                "false".into(),
            ],
            vec!["modes".into(), "Build".into(), "Build".into(), f64::NAN.into(), 9usize.into(), "false".into()],
        ];
        table
    }

    fn exhibit(value: f64) -> LockedExhibit {
        LockedExhibit::new(String::from("figure1.csv"), String::new(), Vec::new(), &table(value))
    }

    #[test]
    fn the_file_comes_back_byte_for_byte_and_its_hash_is_that_of_the_file() {
        let text = table(0.1 + 0.2).to_csv();
        let kept = exhibit(0.1 + 0.2);
        assert_eq!(kept.to_csv(), text);
        assert_eq!(kept.sha256, of_bytes(text.as_bytes()));
        let read: LockedExhibit = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert_eq!(read.to_csv(), text);
    }

    #[test]
    fn a_number_that_differs_is_named_with_its_first_digit() {
        let (before, after) = (exhibit(0.3), exhibit(0.3 + 1e-9));
        assert!(differences(std::slice::from_ref(&before), std::slice::from_ref(&before), None).is_empty());
        let one = std::slice::from_ref::<LockedExhibit>;
        let found = differences(one(&before), one(&after), None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "figure1.csv: Fix / Fixing, a \"thing\": value");
        assert_eq!(found[0].digits, Some(8));
        assert!(differences(one(&before), one(&after), Some(8)).is_empty());
        let gone = differences(&[before], &[], None);
        assert_eq!((gone[0].place.as_str(), gone[0].now.as_str()), ("figure1.csv", "missing"));
    }

    #[test]
    fn rows_that_come_and_go_are_named() {
        let (before, mut after) = (exhibit(0.3), exhibit(0.3));
        after.rows.remove(1);
        after.sha256 = String::from("other");
        let found = differences(&[before], &[after], None);
        assert!(found.iter().any(|row| row.place.contains("Build") && row.now == "missing"), "{found:?}");
    }
}
