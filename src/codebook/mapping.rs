//! Which column of the file stands for which name.

use std::collections::BTreeMap;

use super::CodebookError;

/// Names and the columns of the file that stand for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    columns: BTreeMap<String, String>,
}

impl Mapping {
    /// Adds `name=column` from the command line.
    ///
    /// # Errors
    /// If the text is not of this form.
    pub fn add(&mut self, text: &str) -> Result<(), CodebookError> {
        let bad = || CodebookError::BadMapping { text: text.to_owned() };
        let (name, column) = text.split_once('=').ok_or_else(bad)?;
        let (name, column) = (name.trim(), column.trim());
        if name.is_empty() || column.is_empty() {
            return Err(bad());
        }
        self.insert(name, column);
        Ok(())
    }

    /// Maps a name to a column.
    pub fn insert(&mut self, name: impl Into<String>, column: impl Into<String>) {
        self.columns.insert(name.into(), column.into());
    }

    /// Reads a TOML table of `name = "column"`.
    ///
    /// # Errors
    /// If the text is not such a table.
    pub fn from_toml(text: &str) -> Result<Self, CodebookError> {
        let columns = toml::from_str(text).map_err(|error| CodebookError::Toml { message: error.to_string() })?;
        Ok(Mapping { columns })
    }

    /// The column that stands for a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.columns.get(name).map(String::as_str)
    }

    /// Names and columns in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_and_file() {
        let mut mapping = Mapping::default();
        mapping.add("expertise = exp_rating").unwrap();
        assert_eq!(mapping.get("expertise"), Some("exp_rating"));
        for bad in ["expertise", "=x", "x="] {
            assert!(mapping.add(bad).is_err(), "{bad}");
        }
        assert_eq!(Mapping::from_toml("expertise = 'exp_rating'").unwrap(), mapping);
        assert!(Mapping::from_toml("expertise = 1").is_err());
    }
}
