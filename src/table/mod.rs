//! Named columns of equal length: what the loader hands to the design, and the only table type of the core.
//!
//! A column is numbers (`f64`, `NaN` = missing) or a [`Factor`] (dense `u32` codes over named levels).
//! A column may say *why* its missing rows are missing ([`Column::missing_reason`]); the flow of rows prints it.
//! The rows of a column are behind an [`Arc`]: samples share them where they use them as they are.

pub mod coding;

use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Code of a missing value in a [`Factor`].
pub const MISSING: u32 = u32::MAX;

/// A categorical column: `codes[row]` indexes `levels`, or is [`MISSING`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Factor {
    /// One code per row.
    pub codes: Arc<Vec<u32>>,
    /// Labels in level order: the codebook's order, else sorted (numbers by value, text by code point).
    pub levels: Vec<String>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnData {
    /// Numbers; `NaN` is missing. Truth values are 0 and 1.
    Number(Arc<Vec<f64>>),
    /// Labels.
    Factor(Factor),
}

/// Named reasons for missing values: `codes[row] == 0` means no named reason, else `names[code - 1]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingReasons {
    /// One code per row.
    pub codes: Vec<u8>,
    /// The reasons, e.g. `no clear goal`.
    pub names: Vec<String>,
}

/// One named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in formulas.
    pub name: String,
    /// Its values.
    pub data: ColumnData,
    /// Why rows are missing, where more is known than that they are.
    pub reasons: Option<MissingReasons>,
}

/// Columns of equal length, with the places the rows came from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    n_rows: usize,
    columns: Vec<Column>,
    index: FxHashMap<String, usize>,
    /// `(file name, first row)` of each part, in row order; for messages.
    pub sources: Vec<(String, usize)>,
}

impl Factor {
    /// A factor of codes over labels.
    pub fn new(codes: Vec<u32>, levels: Vec<String>) -> Self {
        Factor { codes: Arc::new(codes), levels }
    }

    /// Builds a factor from labels; `None` is missing. Levels are sorted: numbers by value when every label is a number.
    pub fn from_labels<S: AsRef<str>>(labels: &[Option<S>]) -> Self {
        let mut first_seen: FxHashMap<&str, u32> = FxHashMap::default();
        let mut levels: Vec<String> = Vec::new();
        let codes: Vec<u32> = labels
            .iter()
            .map(|label| match label {
                None => MISSING,
                Some(text) => *first_seen.entry(text.as_ref()).or_insert_with(|| {
                    levels.push(text.as_ref().to_owned());
                    (levels.len() - 1) as u32
                }),
            })
            .collect();
        let mut factor = Factor::new(codes, levels);
        factor.sort_levels();
        factor
    }

    /// Builds a factor from numbers; `NaN` is missing, levels ascend, labels are the shortest decimal form.
    pub fn from_numbers(values: &[f64]) -> Self {
        let coded = coding::code(values);
        Factor { codes: Arc::new(coded.codes), levels: coded.values.iter().map(f64::to_string).collect() }
    }

    /// Number of levels.
    pub fn n_levels(&self) -> usize {
        self.levels.len()
    }

    /// Code of a level by its label.
    pub fn code_of(&self, label: &str) -> Option<u32> {
        self.levels.iter().position(|level| level == label).map(|code| code as u32)
    }

    /// Puts the levels in the field's usual order and renumbers the codes.
    pub fn sort_levels(&mut self) {
        let numbers: Option<Vec<f64>> =
            self.levels.iter().map(|level| level.parse::<f64>().ok().filter(|v| v.is_finite())).collect();
        let mut order: Vec<u32> = (0..self.levels.len() as u32).collect();
        match numbers {
            Some(values) => order.sort_by(|&a, &b| {
                values[a as usize]
                    .total_cmp(&values[b as usize])
                    .then_with(|| self.levels[a as usize].cmp(&self.levels[b as usize]))
            }),
            None => order.sort_by(|&a, &b| self.levels[a as usize].cmp(&self.levels[b as usize])),
        }
        let codes: &mut Vec<u32> = Arc::make_mut(&mut self.codes);
        renumber(codes, &order);
        self.levels = order.iter().map(|&old| std::mem::take(&mut self.levels[old as usize])).collect();
    }
}

/// Replaces old codes by their position in `order`.
fn renumber(codes: &mut [u32], order: &[u32]) {
    let mut position = vec![0u32; order.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old as usize] = new as u32;
    }
    for code in codes.iter_mut().filter(|code| **code != MISSING) {
        *code = position[*code as usize];
    }
}

impl Column {
    /// A numeric column.
    pub fn number(name: impl Into<String>, values: Vec<f64>) -> Self {
        Column { name: name.into(), data: ColumnData::Number(Arc::new(values)), reasons: None }
    }

    /// A categorical column.
    pub fn factor(name: impl Into<String>, factor: Factor) -> Self {
        Column { name: name.into(), data: ColumnData::Factor(factor), reasons: None }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.data {
            ColumnData::Number(values) => values.len(),
            ColumnData::Factor(factor) => factor.codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the value of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.data {
            ColumnData::Number(values) => values[row].is_nan(),
            ColumnData::Factor(factor) => factor.codes[row] == MISSING,
        }
    }

    /// The named reason why a row is missing, or `missing <column>`.
    pub fn missing_reason(&self, row: usize) -> String {
        match &self.reasons {
            Some(reasons) if reasons.codes[row] > 0 => reasons.names[reasons.codes[row] as usize - 1].clone(),
            _ => format!("missing {}", self.name),
        }
    }

    /// The column as a factor; numbers become levels in ascending order.
    pub fn to_factor(&self) -> Factor {
        match &self.data {
            ColumnData::Number(values) => Factor::from_numbers(values),
            ColumnData::Factor(factor) => factor.clone(),
        }
    }

    /// The value of a row as text, `None` if missing.
    pub fn text(&self, row: usize) -> Option<String> {
        match &self.data {
            ColumnData::Number(values) if values[row].is_nan() => None,
            ColumnData::Number(values) => Some(values[row].to_string()),
            ColumnData::Factor(factor) if factor.codes[row] == MISSING => None,
            ColumnData::Factor(factor) => Some(factor.levels[factor.codes[row] as usize].clone()),
        }
    }
}

impl Table {
    /// An empty table of `n_rows` rows.
    pub fn new(n_rows: usize) -> Self {
        Table { n_rows, ..Table::default() }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a column, or replaces the one of that name.
    ///
    /// # Panics
    /// If the length differs from the table's: that is a programming error, never one of the user's data.
    pub fn insert(&mut self, column: Column) {
        assert_eq!(column.len(), self.n_rows, "column `{}` has another length than its table", column.name);
        match self.index.get(&column.name) {
            Some(&at) => self.columns[at] = column,
            None => {
                self.index.insert(column.name.clone(), self.columns.len());
                self.columns.push(column);
            }
        }
    }

    /// A column by its name.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.index.get(name).map(|&at| &self.columns[at])
    }

    /// All columns in order of insertion.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Column names in order of insertion.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Takes the table apart.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// File name and 1-based data row within it, for messages.
    pub fn locate(&self, row: usize) -> (String, usize) {
        match self.sources.iter().rev().find(|(_, first)| *first <= row) {
            Some((file, first)) => (file.clone(), row - first + 1),
            None => (String::from("table"), row + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_sorted_by_value_or_text_and_codes_follow() {
        let factor = Factor::from_labels(&[Some("10"), Some("9"), None, Some("10")]);
        assert_eq!(factor.levels, ["9", "10"]);
        assert_eq!(*factor.codes, [1, 0, MISSING, 1]);
        assert_eq!(Factor::from_labels(&[Some("b"), Some("a")]).levels, ["a", "b"]);
    }

    #[test]
    fn numbers_become_levels_and_minus_zero_is_zero() {
        let factor = Factor::from_numbers(&[2.5, -0.0, 0.0, f64::NAN]);
        assert_eq!(factor.levels, ["0", "2.5"]);
        assert_eq!(*factor.codes, [1, 0, 0, MISSING]);
    }

    #[test]
    fn rows_are_located_in_their_file() {
        let mut table = Table::new(5);
        table.sources = vec![("a.csv".into(), 0), ("b.csv".into(), 3)];
        assert_eq!(table.locate(2), ("a.csv".into(), 3));
        assert_eq!(table.locate(3), ("b.csv".into(), 1));
    }
}
