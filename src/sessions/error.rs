//! What can go wrong between files and a table.

use std::path::PathBuf;

use thiserror::Error;

use crate::codebook::CodebookError;
use crate::expr::ExprError;

/// An error of the loader. The message says what happened, with file, row, column and value where they are known;
/// [`LoadError::hint`] says the way out.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file that does not exist.
    #[error("there is no file `{}`", path.display())]
    NoSuchFile {
        /// As asked for.
        path: PathBuf,
        /// The nearest name in the same folder.
        nearest: Option<String>,
    },
    /// A pattern or folder without a table.
    #[error("`{source_name}` names no table")]
    NoTables {
        /// The pattern or folder.
        source_name: String,
    },
    /// Files of several formats read as one table.
    #[error("`{source_name}` holds tables of several formats: {formats}")]
    SeveralFormats {
        /// The folder or pattern.
        source_name: String,
        /// The formats with their numbers of files.
        formats: String,
    },
    /// The operating system refused.
    #[error("cannot {action} `{file}`: {source}")]
    Io {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A format that is not known.
    #[error("cannot tell the format of `{file}`")]
    UnknownFormat {
        /// Which file.
        file: String,
    },
    /// A file name that does not say in which format to write.
    #[error("cannot write a table to `{file}`: the name says no format")]
    UnknownOutput {
        /// Which file.
        file: String,
    },
    /// A file to write in a folder that does not exist.
    #[error("cannot write `{file}`: there is no folder `{folder}`")]
    NoFolder {
        /// The file asked for.
        file: String,
        /// Its folder.
        folder: String,
    },
    /// Content that is not what the format demands.
    #[error("`{file}` is not a readable {format} file: {message}")]
    Unreadable {
        /// Which file.
        file: String,
        /// `Parquet`, `CSV`, ...
        format: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A table without columns.
    #[error("`{file}` has no columns")]
    NoColumns {
        /// Which file.
        file: String,
    },
    /// No row at all.
    #[error("`{file}` has no rows")]
    NoRows {
        /// Which file, or the sources.
        file: String,
    },
    /// Two columns of one name.
    #[error("`{file}` has two columns named `{column}`")]
    DuplicateColumn {
        /// Which file.
        file: String,
        /// The name.
        column: String,
    },
    /// A row with more or fewer fields than the header.
    #[error("{file}, row {row}: {found} fields, but the header has {expected}")]
    RaggedRow {
        /// Which file.
        file: String,
        /// Data row, from 1.
        row: usize,
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A row that cannot be parsed.
    #[error("{file}, row {row}: {message}")]
    BadRow {
        /// Which file.
        file: String,
        /// Data row, from 1.
        row: usize,
        /// What is wrong.
        message: String,
    },
    /// A column that a file of several lacks.
    #[error("`{file}` has no column `{column}`, which the other files have")]
    MissingInFile {
        /// Which file.
        file: String,
        /// Which column.
        column: String,
        /// The nearest column it has.
        nearest: Option<String>,
    },
    /// A column of a type that cannot be used.
    #[error("{file}: column `{column}` is of type {found}, which cannot be used")]
    UnsupportedType {
        /// Which file.
        file: String,
        /// Which column.
        column: String,
        /// The type in the file.
        found: String,
    },
    /// A column of different types in two files.
    #[error("{file}: column `{column}` holds {found}, but {expected} before")]
    TypesDiffer {
        /// Which file.
        file: String,
        /// Which column.
        column: String,
        /// What it holds there.
        found: &'static str,
        /// What it held in earlier files.
        expected: &'static str,
    },
    /// A value that is not what the column demands.
    #[error(transparent)]
    BadValue(Box<BadValue>),
    /// Two rows with one session id.
    #[error("session `{id}` occurs twice: {first} and {second}")]
    DuplicateSession {
        /// The id.
        id: String,
        /// `file, row n` of the first.
        first: String,
        /// `file, row n` of the second.
        second: String,
    },
    /// More rows than a factor can count.
    #[error("the table has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// A fault of the codebook, of the mapping or of a name.
    #[error(transparent)]
    Codebook(Box<CodebookError>),
    /// A fault in the expression of a derived variable.
    #[error("cannot derive `{name}`: {source}")]
    Derived {
        /// The derived variable.
        name: String,
        /// Its expression.
        expression: String,
        /// What is wrong.
        source: Box<ExprError>,
    },
}

/// A value that is not what its column demands.
#[derive(Debug, Error)]
#[error("{file}, row {row}, column `{column}`: {found} is not {expected}")]
pub struct BadValue {
    /// Which file.
    pub file: String,
    /// Data row, from 1.
    pub row: usize,
    /// Which column.
    pub column: String,
    /// The value.
    pub found: String,
    /// What it should be.
    pub expected: String,
    /// The way out.
    pub hint: String,
}

impl From<BadValue> for LoadError {
    fn from(value: BadValue) -> Self {
        LoadError::BadValue(Box::new(value))
    }
}

impl From<CodebookError> for LoadError {
    fn from(error: CodebookError) -> Self {
        LoadError::Codebook(Box::new(error))
    }
}

impl LoadError {
    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            LoadError::NoSuchFile { path, nearest } => match (nearest, path.parent()) {
                (Some(name), _) => Some(format!("did you mean `{name}`?")),
                (None, Some(folder)) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                    Some(format!("there is no folder `{}`", folder.display()))
                }
                _ => None,
            },
            LoadError::MissingInFile { nearest, .. } => Some(nearest.as_ref().map_or_else(
                || String::from("add it to that file, or leave the file out"),
                |name| format!("did you mean `{name}`?"),
            )),
            LoadError::NoTables { .. } => Some(String::from(
                "tables end in .parquet, .csv, .tsv, .txt, .ndjson, .jsonl, .arrow, .ipc or .feather, text also in .gz or .zst",
            )),
            LoadError::SeveralFormats { .. } => {
                Some(String::from("choose one format with a pattern such as `folder/*.parquet`"))
            }
            LoadError::UnknownFormat { .. } => {
                Some(String::from("name it with `--input-format parquet|csv|ndjson|arrow`"))
            }
            LoadError::UnknownOutput { .. } => {
                Some(String::from("end the name in .parquet, .csv, .tsv, .ndjson or .arrow"))
            }
            LoadError::NoFolder { .. } => Some(String::from("choose a folder that exists and may be written to")),
            LoadError::Unreadable { .. } => Some(String::from(
                "it may be incomplete, or of another format: `--input-format parquet|csv|ndjson|arrow` says which",
            )),
            LoadError::NoRows { .. } => Some(String::from("check that it was written completely")),
            LoadError::RaggedRow { .. } => {
                Some(String::from("a field that holds the delimiter or a line break must be in double quotes"))
            }
            LoadError::UnsupportedType { .. } => {
                Some(String::from("store it as text or as a number (for instance a 64-bit float)"))
            }
            LoadError::BadValue(value) => Some(value.hint.clone()),
            LoadError::DuplicateSession { .. } => {
                Some(String::from("remove one of the rows, or keep both with `--allow-duplicates`"))
            }
            LoadError::DuplicateColumn { .. } => Some(String::from("rename one of them in the file")),
            LoadError::Codebook(error) => error.hint(),
            LoadError::Derived { source, .. } => source.hint(),
            _ => None,
        }
    }
}
