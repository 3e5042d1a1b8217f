//! Lock files: what a run read, what it was asked, and what it found, so that anyone can tell later whether the same
//! comes out, and if not, why.
//!
//! [`hash`] and [`content`] say what is hashed and how; `docs/replication.md` says it for other programs. [`difference`]
//! compares two sets of results digit by digit, [`verdict`] what stands before them, [`package`] lays out a folder for
//! replication.

pub mod content;
pub mod difference;
pub mod exhibit;
pub mod hash;
pub mod package;
pub mod readme;
pub mod verdict;

use crate::result::{FlowStep, Run};
use exhibit::LockedExhibit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of lock files.
pub const LOCK_VERSION: usize = 1;

/// Everything a lock file holds, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// Version of this layout.
    pub lock_version: usize,
    /// Version of the program.
    pub metier_version: String,
    /// Arguments of the command, without the program's name.
    pub command: Vec<String>,
    /// What was asked.
    pub specification: Specification,
    /// What was read.
    pub data: Data,
    /// Seeds of random draws, by what they are for.
    pub seeds: Vec<Seed>,
    /// Rows at each filter, by model.
    pub flow: Vec<ModelFlow>,
    /// SHA-256 of the canonical text of `results.models`.
    pub results_sha256: String,
    /// The JSON document of the run, without timings.
    pub results: Value,
    /// What figures draw and tables print.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exhibits: Vec<LockedExhibit>,
}

/// The models asked for, and what changes how they read a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Specification {
    /// SHA-256 of the canonical text of `models` and `options`, without the texts of files.
    pub sha256: String,
    /// Models by file.
    pub files: Vec<SpecificationFile>,
    /// Settings of derived variables, mapping of columns, use of the codebook.
    pub options: Value,
}

/// The models of a file, or of the command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecificationFile {
    /// Its name in outputs: `fit` for a formula on the command line.
    pub name: String,
    /// The file or embedded model, as given; null for the command line.
    pub path: Option<String>,
    /// Text of the file; null for the command line.
    pub text: Option<String>,
    /// Every key of every model, flags over the model's own over the file's defaults.
    pub models: Vec<Value>,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Files in the order they were read; empty for the embedded table.
    pub files: Vec<DataFile>,
    /// Files that targets of adjusted rates are, each once; left out of the lock where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<DataFile>,
    /// What the table is if it was not read from files.
    pub drawn: Option<String>,
    /// The variables that the models use.
    pub content: content::Content,
}

/// A data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Name as given or found.
    pub file: String,
    /// Bytes.
    pub bytes: u64,
    /// Rows read from it.
    pub rows: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// What is drawn.
    pub what: String,
    /// The seed.
    pub seed: u64,
}

/// The flow of rows of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFlow {
    /// Specification, model, outcome and sample.
    pub model: String,
    /// Rows of the table.
    pub rows_read: usize,
    /// `reason: rows`, in order.
    pub dropped: Vec<(String, usize)>,
    /// Rows that entered the estimation.
    pub rows_used: usize,
}

/// A lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The text is no lock file.
    #[error("this is no lock file: {0}")]
    NotOurs(String),
    /// A lock file of another version.
    #[error("the lock file has version {0}, this program reads {LOCK_VERSION}")]
    Version(String),
    /// Its results are not those it was written with.
    #[error("the results in the lock file are not those it was written with")]
    Changed,
    /// A data file that cannot be read again.
    #[error("cannot read `{file}` again: {reason}")]
    Data {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}

impl LockError {
    /// The way out.
    pub fn hint(&self) -> String {
        String::from(match self {
            LockError::NotOurs(_) => {
                "`metier fit ... --lock FILE`, `metier figure ... --lock FILE`, `metier report` and `metier reproduce` write lock files"
            }
            LockError::Version(_) => "use the version of Metier that wrote it, or write it again",
            LockError::Changed => "the file was changed by hand: take the one that was published, or write it again",
            LockError::Data { .. } => "lock files hold hashes of files: save the table as a file, and name that",
        })
    }
}

impl Lock {
    /// A lock of a run.
    pub fn new(command: Vec<String>, specification: Specification, data: Data, seeds: Vec<Seed>, run: &Run) -> Self {
        let mut results = crate::output::json::document(run);
        if let Some(keys) = results.as_object_mut() {
            keys.shift_remove("timings");
        }
        Lock {
            lock_version: LOCK_VERSION,
            metier_version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            specification,
            data,
            seeds,
            flow: run.fits.iter().map(flow_of).collect(),
            results_sha256: hash::of_json(&results["models"]),
            results,
            exhibits: Vec::new(),
        }
    }

    /// The lock file's text.
    pub fn to_text(&self) -> String {
        // plain records of texts and numbers always have a JSON form
        crate::output::json_text::indented(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// A text that is none, another version, results that were changed.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let value: Value = serde_json::from_str(text).map_err(|error| LockError::NotOurs(error.to_string()))?;
        let Some(version) = value.get("lock_version") else {
            return Err(LockError::NotOurs(String::from("the key `lock_version` is missing")));
        };
        if version.as_u64() != Some(LOCK_VERSION as u64) {
            return Err(LockError::Version(version.to_string()));
        }
        let lock: Lock = serde_json::from_value(value).map_err(|error| LockError::NotOurs(error.to_string()))?;
        let is_changed = |exhibit: &LockedExhibit| hash::of_bytes(exhibit.to_csv().as_bytes()) != exhibit.sha256;
        if hash::of_json(&lock.results["models"]) != lock.results_sha256 || lock.exhibits.iter().any(is_changed) {
            return Err(LockError::Changed);
        }
        Ok(lock)
    }
}

impl Specification {
    /// A specification with its hash.
    pub fn new(files: Vec<SpecificationFile>, options: Value) -> Self {
        let models: Vec<Value> =
            files.iter().map(|file| serde_json::json!({"name": file.name, "models": file.models})).collect();
        let sha256 = hash::of_json(&serde_json::json!({"files": models, "options": options}));
        Specification { sha256, files, options }
    }
}

fn flow_of(fit: &crate::result::ModelFit) -> ModelFlow {
    let dropped = |step: &FlowStep| (step.reason.clone(), step.rows);
    ModelFlow {
        model: format!("{} / {} / {} / {}", fit.spec_id, fit.model, fit.outcome, fit.sample),
        rows_read: fit.flow.rows_read,
        dropped: fit.flow.dropped.iter().map(dropped).collect(),
        rows_used: fit.flow.rows_used,
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;
    use crate::output::fixture::sample_run;

    /// A lock of the sample run, of a file that does not exist.
    pub(crate) fn lock() -> Lock {
        let command = ["fit", "y ~ x", "--data", "data/s.csv", "--model", "m.toml"].map(str::to_owned).to_vec();
        let file = SpecificationFile {
            name: String::from("m"),
            path: Some(String::from("m.toml")),
            text: Some(String::from("name = \"m\"\n")),
            models: vec![serde_json::json!({"formula": "y ~ x"})],
        };
        let content = content::Content {
            rows: 2_200,
            variables: vec![content::Variable { name: String::from("y"), kind: String::from("number") }],
            sum: "0".repeat(64),
            ordered: "1".repeat(64),
        };
        let files = vec![DataFile { file: String::from("data/s.csv"), bytes: 12, rows: 2_200, sha256: "2".repeat(64) }];
        let data = Data { files, targets: Vec::new(), drawn: None, content };
        Lock::new(command, Specification::new(vec![file], serde_json::json!({})), data, Vec::new(), &sample_run())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reads_back_and_notices_changes() {
        let lock = fixture::lock();
        let text = lock.to_text();
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        let changed = text.replacen("0.06412345678901234", "0.06412345678901235", 1);
        assert!(matches!(Lock::parse(&changed), Err(LockError::Changed)));
        let version = text.replacen("\"lock_version\": 1", "\"lock_version\": 2", 1);
        assert!(matches!(Lock::parse(&version), Err(LockError::Version(_))));
        assert!(matches!(Lock::parse("{}"), Err(LockError::NotOurs(_))));
        assert!(lock.results.get("timings").is_none());
    }
}
