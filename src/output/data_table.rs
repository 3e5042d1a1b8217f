//! A rectangle of exact values for scripts: the one source of every CSV file and of JSON records.

use serde_json::{Map, Value as Json};
use std::borrow::Cow;

use super::number;

/// One value of a [`DataTable`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number in full precision; not finite means null.
    Number(f64),
    /// A count.
    Count(usize),
    /// No value.
    Null,
}

impl Value {
    /// The value in a CSV file: numbers in their shortest exact form, null as the empty field.
    pub fn to_csv(&self) -> String {
        match self {
            Value::Text(text) => quoted(text),
            Value::Number(value) => number::exact(*value).unwrap_or_default(),
            Value::Count(count) => count.to_string(),
            Value::Null => String::new(),
        }
    }

    /// The value in a JSON document.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Number(value) => Json::from(*value), // not finite becomes null
            Value::Count(count) => Json::from(*count),
            Value::Null => Json::Null,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Number(value)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Value::Count(count)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Named columns and rows of values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataTable {
    /// Column names.
    pub columns: Vec<Cow<'static, str>>,
    /// One value per column in each row.
    pub rows: Vec<Vec<Value>>,
}

impl DataTable {
    /// An empty table with these columns.
    pub fn new(columns: &[&'static str]) -> Self {
        DataTable { columns: columns.iter().map(|&name| Cow::Borrowed(name)).collect(), rows: Vec::new() }
    }

    /// The same table with a last column `data_note`: every row says if its data are simulated.
    pub fn with_data_note(mut self, note: Option<&str>) -> Self {
        self.columns.push(Cow::Borrowed("data_note"));
        self.rows.iter_mut().for_each(|row| row.push(note.into()));
        self
    }

    /// The same table with numbers of so many decimals; counts and the columns `but` stay.
    pub fn rounded(mut self, decimals: Option<usize>, but: &[&str]) -> Self {
        let Some(decimals) = decimals else { return self };
        let rounds: Vec<bool> = self.columns.iter().map(|column| !but.contains(&column.as_ref())).collect();
        for (value, _) in
            self.rows.iter_mut().flat_map(|row| row.iter_mut().zip(&rounds)).filter(|(_, rounds)| **rounds)
        {
            if let Value::Number(number) = value {
                *number = number::with_decimals(*number, decimals);
            }
        }
        self
    }

    /// The table as CSV with a header line; lines end in `\n`.
    pub fn to_csv(&self) -> String {
        let mut text = self.columns.join(",");
        text.push('\n');
        for row in &self.rows {
            for (position, value) in row.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&value.to_csv());
            }
            text.push('\n');
        }
        text
    }

    /// The table as an array of objects, one per row, every column present.
    pub fn to_json(&self) -> Json {
        let record = |row: &Vec<Value>| -> Map<String, Json> {
            self.columns.iter().zip(row).map(|(column, value)| (column.clone().into_owned(), value.to_json())).collect()
        };
        Json::Array(self.rows.iter().map(|row| Json::Object(record(row))).collect())
    }
}

/// A CSV field, quoted where it must be.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_only_where_needed_and_null_is_empty() {
        let mut table = DataTable::new(&["a", "b", "c"]);
        table.rows.push(vec!["x, \"y\"".into(), f64::NAN.into(), Value::Null]);
        table.rows.push(vec!["plain".into(), 0.1.into(), 3_usize.into()]);
        assert_eq!(table.to_csv(), "a,b,c\n\"x, \"\"y\"\"\",,\nplain,0.1,3\n");
        assert_eq!(table.to_json().to_string(), r#"[{"a":"x, \"y\"","b":null,"c":null},{"a":"plain","b":0.1,"c":3}]"#);
    }
}
