//! The codebook: one description of every variable of a table of labeled sessions.
//!
//! A variable has a kind, its levels in order, other spellings of levels and of column names, and a meaning. Derived
//! variables are expressions over variables, with thresholds as named [`Settings`]. Nothing here is a fence: formulas
//! work on any column of any table, and a codebook applies only to columns that carry a codebook name.

mod derived;
mod describe;
mod error;
mod levels;
mod mapping;
mod plan;
mod settings;
mod vocabulary;

use std::sync::LazyLock;

use serde::Deserialize;

pub use derived::evaluate;
pub use error::CodebookError;
pub use levels::Canonical;
pub use mapping::Mapping;
pub use plan::{LoadPlan, PlannedColumn, PlannedDerived};
pub use settings::{Setting, Settings};

/// The codebook that is part of the program.
const EMBEDDED: &str = include_str!("../../data/codebook.toml");

/// Whether columns with codebook names are checked against the codebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodebookMode {
    /// Columns that carry a codebook name must have its levels.
    #[default]
    Auto,
    /// Columns are what the file says; no derived variables.
    Off,
}

/// What the values of a variable are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Names something: a session, a user.
    Id,
    /// Labels without order.
    Category,
    /// Labels with an order.
    Ordered,
    /// Whole numbers from zero.
    Count,
    /// Numbers from zero.
    Amount,
    /// Numbers from 0 to 1.
    Share,
    /// Dates and times.
    Timestamp,
    /// Months such as `2025-10`.
    Month,
    /// Labels without a fixed list.
    Text,
}

impl Kind {
    /// The kind in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Id => "id",
            Kind::Category => "category",
            Kind::Ordered => "ordered",
            Kind::Count => "count",
            Kind::Amount => "amount",
            Kind::Share => "share",
            Kind::Timestamp => "timestamp",
            Kind::Month => "month",
            Kind::Text => "text",
        }
    }
}

/// A level of a categorical variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The canonical spelling.
    pub level: String,
    /// How reports print it, if not as it is.
    pub label: Option<String>,
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A label that means "could not be rated": the value is missing, for a named reason.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abstention {
    /// The spelling.
    pub level: String,
    /// The reason, e.g. `unclear expertise`.
    pub reason: String,
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name in formulas.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Whether a table of sessions must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether the levels are numbers to calculate with.
    #[serde(default)]
    pub numeric: bool,
    /// Levels in order.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// Labels that mean missing.
    #[serde(default)]
    pub abstain: Vec<Abstention>,
    /// Other names of the column.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What it is, in one line.
    pub meaning: String,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    #[serde(skip)]
    lookup: levels::Lookup,
}

impl Variable {
    /// Whether the loader reads it as numbers.
    pub fn is_number(&self) -> bool {
        self.numeric || matches!(self.kind, Kind::Count | Kind::Amount | Kind::Share)
    }

    /// Whether only the listed levels are accepted.
    pub fn is_closed(&self) -> bool {
        !self.levels.is_empty()
    }
}

/// A variable computed from others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// Its name in formulas.
    pub name: String,
    /// How it is computed.
    pub expression: String,
    /// Where it is missing, whatever the expression says.
    pub missing_when: Option<String>,
    /// The reason for that, e.g. `no clear goal`.
    pub reason: Option<String>,
    /// The setting that chooses between fixed cut points (`tiers`) and `quantiles`.
    pub method: Option<String>,
    /// What it is, in one line.
    pub meaning: String,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodebookFile {
    settings: std::collections::BTreeMap<String, Setting>,
    #[serde(default)]
    choices: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default)]
    variable: Vec<Variable>,
    #[serde(default)]
    derived: Vec<Derived>,
}

/// Variables, derived variables and settings.
#[derive(Debug, Clone)]
pub struct Codebook {
    variables: Vec<Variable>,
    derived: Vec<Derived>,
    settings: Settings,
}

impl Codebook {
    /// The codebook that is part of the program.
    pub fn embedded() -> &'static Codebook {
        static CODEBOOK: LazyLock<Codebook> =
            LazyLock::new(|| Codebook::from_toml(EMBEDDED).expect("the embedded codebook is parsed in a test"));
        &CODEBOOK
    }

    /// Reads a codebook.
    ///
    /// # Errors
    /// If the text is not a codebook, an expression does not parse, or two variables share a name or spelling.
    pub fn from_toml(text: &str) -> Result<Self, CodebookError> {
        let file: CodebookFile =
            toml::from_str(text).map_err(|error| CodebookError::Toml { message: error.to_string() })?;
        let mut variables = file.variable;
        for variable in &mut variables {
            variable.build_lookup()?;
        }
        let codebook =
            Codebook { variables, derived: file.derived, settings: Settings::new(file.settings, file.choices) };
        codebook.check_names()?;
        for derived in &codebook.derived {
            codebook.expressions_of(derived, &codebook.settings)?;
        }
        Ok(codebook)
    }

    /// All variables in order.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// All derived variables in order.
    pub fn derived(&self) -> &[Derived] {
        &self.derived
    }

    /// The settings with their default values.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A variable by its name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// A derived variable by its name.
    pub fn derived_variable(&self, name: &str) -> Option<&Derived> {
        self.derived.iter().find(|derived| derived.name == name)
    }

    fn check_names(&self) -> Result<(), CodebookError> {
        let twice = |names: Vec<&str>| {
            let place = (1..names.len()).find(|place| names[..*place].contains(&names[*place]));
            place.map(|place| CodebookError::NameTwice { name: names[place].to_owned() })
        };
        let columns = self.variables.iter().flat_map(|v| std::iter::once(&v.name).chain(&v.columns));
        let derived = self.derived.iter().map(|derived| derived.name.as_str());
        match twice(columns.map(String::as_str).collect()).or_else(|| twice(derived.collect())) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_codebook_is_whole() {
        let codebook = Codebook::from_toml(EMBEDDED).unwrap();
        assert_eq!(codebook.variable("work_mode").unwrap().levels.len(), 9);
        assert_eq!(codebook.variable("user_occupation").unwrap().levels.len(), 24);
        assert_eq!(codebook.variable("task_occupation").unwrap().levels.len(), 23);
        assert_eq!(codebook.variable("expertise").unwrap().levels.len(), 5);
        assert!(codebook.variable("success_signal").unwrap().is_number());
        assert!(codebook.derived_variable("verified_success").is_some());
        assert!(codebook.variables().iter().all(|variable| !variable.meaning.is_empty()));
    }

    #[test]
    fn faults_of_a_codebook_are_errors() {
        let cases = [
            ("[settings]\nx = 1\n[[variable]]\nname = 'a'\nkind = 'colour'\nmeaning = ''", "unknown variant"),
            ("[settings]\n[[variable]]\nname = 'a'\nkind = 'text'\nmeaning = ''\nlevls = []", "unknown field"),
            ("[settings]\n[[derived]]\nname = 'a'\nexpression = 'x +'\nmeaning = ''", "found the end"),
            (
                "[settings]\n[[variable]]\nname = 'a'\nkind = 'text'\nmeaning = ''\n[[variable]]\nname = 'b'\ncolumns = ['a']\nkind = 'text'\nmeaning = ''",
                "`a` is named twice",
            ),
        ];
        for (text, message) in cases {
            let error = Codebook::from_toml(text).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}
