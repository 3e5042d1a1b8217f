//! What can be wrong with a codebook, a mapping, a setting or a name.

use thiserror::Error;

use crate::expr::ExprError;

/// An error of the codebook; [`CodebookError::hint`] says the way out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CodebookError {
    /// A codebook file that does not parse.
    #[error("the codebook does not parse: {message}")]
    Toml {
        /// What is wrong.
        message: String,
    },
    /// Two variables, columns or levels of one name.
    #[error("`{name}` is named twice in the codebook")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// An expression of a derived variable that does not parse.
    #[error("the expression of `{name}` does not parse: {source}")]
    Expression {
        /// The derived variable.
        name: String,
        /// Its expression.
        expression: String,
        /// What is wrong.
        source: Box<ExprError>,
    },
    /// Derived variables that need each other.
    #[error("`{name}` is derived from itself")]
    Cycle {
        /// One of them.
        name: String,
    },
    /// A setting that does not exist.
    #[error("there is no setting `{name}`")]
    UnknownSetting {
        /// As written.
        name: String,
        /// Nearest names.
        nearest: Vec<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A value that does not fit a setting.
    #[error("`{value}` does not fit the setting `{name}`, which is {expected}")]
    BadSetting {
        /// The setting.
        name: String,
        /// As written.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// A name that is neither a column nor a derived variable.
    #[error("there is no column `{name}`{}", needed_by.as_ref().map(|by| format!(", which `{by}` is derived from")).unwrap_or_default())]
    UnknownName {
        /// As written.
        name: String,
        /// The derived variable that needs it.
        needed_by: Option<String>,
        /// Nearest columns of the file.
        columns: Vec<String>,
        /// Nearest variables of the codebook that the file could supply.
        derived: Vec<String>,
        /// Columns the file has.
        available: Vec<String>,
    },
    /// A mapping to a column that does not exist.
    #[error("the mapping `{name}={column}` names no column of the file")]
    UnknownMapped {
        /// Left side.
        name: String,
        /// Right side.
        column: String,
        /// Nearest columns.
        nearest: Vec<String>,
    },
    /// A mapping that cannot be read.
    #[error("`{text}` is no mapping")]
    BadMapping {
        /// As written.
        text: String,
    },
}

impl CodebookError {
    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            CodebookError::Expression { source, .. } => source.hint(),
            CodebookError::UnknownSetting { nearest, known, .. } => {
                Some(did_you_mean(nearest).unwrap_or_else(|| format!("settings: {}", quoted(known))))
            }
            CodebookError::UnknownName { name, needed_by, columns, derived, available } => {
                Some(unknown_name_hint(name, needed_by.as_deref(), columns, derived, available))
            }
            CodebookError::UnknownMapped { nearest, .. } => did_you_mean(nearest),
            CodebookError::BadMapping { .. } => {
                Some(String::from("write `--map name=column`, for instance `--map expertise=exp_rating`"))
            }
            _ => None,
        }
    }
}

fn unknown_name_hint(
    name: &str,
    needed_by: Option<&str>,
    columns: &[String],
    derived: &[String],
    available: &[String],
) -> String {
    const SHOWN: usize = 20;
    let nearest: Vec<String> = columns.iter().chain(derived).cloned().collect();
    let mut parts = Vec::new();
    if let Some(question) = did_you_mean(&nearest) {
        parts.push(question);
    } else if available.len() <= SHOWN {
        parts.push(format!("columns: {}", quoted(available)));
    }
    if needed_by.is_some() {
        parts.push(format!("name the column with `--map {name}=COLUMN`"));
    }
    if parts.is_empty() {
        parts.push(format!("the file has {} columns; `metier check FILE` lists them", available.len()));
    }
    parts.join("; ")
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(nearest: &[String]) -> Option<String> {
    let list: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    (!list.is_empty()).then(|| format!("did you mean {}?", list.join(" or ")))
}
