//! What a lock file says of a run's specification and data.

use super::Failure;
use super::args::{CodebookChoice, SourceArguments};
use super::fit::model_text;
use crate::codebook::Settings;
use crate::lock::content::content;
use crate::lock::exhibit::LockedExhibit;
use crate::lock::{Data, DataFile, Lock, LockError, Seed, Specification, SpecificationFile, hash};
use crate::result::Run;
use crate::spec::{ModelEntry, ModelFile, Resolved};
use crate::table::Table;
use serde_json::{Value, json};

/// Specification and data of a run.
#[derive(Debug, Clone)]
pub struct Inputs {
    specification: Specification,
    data: Data,
    seeds: Vec<Seed>,
}

/// The arguments of this process.
pub fn command_line() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Failure::input(&error, Some(error.hint()))
    }
}

impl Inputs {
    /// Collects and hashes what a run is made from; `paths` are the model files as given, `None` for the command line,
    /// `models` what they mean, and `drawn` are sessions and seed of a table that was drawn.
    ///
    /// # Errors
    /// Files that cannot be read again.
    #[allow(clippy::too_many_arguments)] // everything that a run is made from
    pub fn of<'a>(
        source: &SourceArguments,
        files: &[ModelFile],
        paths: &[Option<&str>],
        flags: &ModelEntry,
        models: impl Iterator<Item = &'a Resolved>,
        settings: &Settings,
        table: &Table,
        drawn: Option<(usize, u64)>,
    ) -> Result<Self, Failure> {
        let files = files.iter().zip(paths).map(|(file, path)| specification_file(file, *path, flags));
        Self::of_files(source, files.collect::<Result<_, _>>()?, models, settings, table, drawn)
    }

    /// The same with what was asked as files.
    ///
    /// # Errors
    /// As [`Inputs::of`].
    pub fn of_files<'a>(
        source: &SourceArguments,
        files: Vec<SpecificationFile>,
        models: impl Iterator<Item = &'a Resolved>,
        settings: &Settings,
        table: &Table,
        drawn: Option<(usize, u64)>,
    ) -> Result<Self, Failure> {
        let specification = Specification::new(files, options(source, settings)?);
        let data = Data {
            files: data_files(table)?,
            targets: target_files(models)?,
            drawn: drawn.map(|(sessions, seed)| format!("synthetic table of {sessions} sessions, seed {seed}")),
            content: content(table),
        };
        let seed = |(_, seed)| Seed { what: String::from("the synthetic table"), seed };
        Ok(Inputs { specification, data, seeds: drawn.map(seed).into_iter().collect() })
    }

    /// The lock of a run.
    pub fn lock(self, command: Vec<String>, run: &Run) -> Lock {
        Lock::new(command, self.specification, self.data, self.seeds, run)
    }

    /// The lock of a run that made exhibits.
    pub fn lock_with(self, command: Vec<String>, run: &Run, exhibits: Vec<LockedExhibit>) -> Lock {
        Lock { exhibits, ..self.lock(command, run) }
    }
}

/// The models of a file, or of the command line.
///
/// # Errors
/// A file that cannot be read again.
pub fn specification_file(
    file: &ModelFile,
    path: Option<&str>,
    flags: &ModelEntry,
) -> Result<SpecificationFile, Failure> {
    let models = file.model.iter().map(|entry| {
        // plain records of texts and numbers always have a JSON form
        serde_json::to_value(flags.over(&entry.over(&file.defaults))).unwrap_or(Value::Null)
    });
    Ok(SpecificationFile {
        name: file.name.clone(),
        path: path.map(str::to_owned),
        text: path.map(|path| model_text(path).map(|(_, text)| text)).transpose()?,
        models: models.collect(),
    })
}

/// What changes how the table is read.
fn options(source: &SourceArguments, settings: &Settings) -> Result<Value, Failure> {
    let settings: serde_json::Map<String, Value> =
        settings.iter().map(|(name, value)| (name.to_owned(), Value::from(value.to_string()))).collect();
    let mapping = source.mapping()?;
    let mapping: serde_json::Map<String, Value> =
        mapping.iter().map(|(name, column)| (name.to_owned(), Value::from(column))).collect();
    let codebook = match source.codebook {
        CodebookChoice::Auto => "auto",
        CodebookChoice::Off => "off",
    };
    Ok(json!({
        "settings": settings,
        "map": mapping,
        "codebook": codebook,
        "allow_duplicates": source.allow_duplicates,
    }))
}

/// The files that targets are, each once.
fn target_files<'a>(models: impl Iterator<Item = &'a Resolved>) -> Result<Vec<DataFile>, Failure> {
    let mut found: Vec<DataFile> = Vec::new();
    for model in models {
        let (Some(file), Some(shares)) = (&model.target_file, &model.request.shares) else { continue };
        if found.iter().all(|known| known.file != file.path) {
            let (sha256, bytes) = hash::of_file(file.path.as_ref())
                .map_err(|error| LockError::Data { file: file.path.clone(), reason: error.to_string() })?;
            found.push(DataFile { file: file.path.clone(), bytes, rows: shares.rows, sha256 });
        }
    }
    Ok(found)
}

fn data_files(table: &Table) -> Result<Vec<DataFile>, Failure> {
    let ends = table.sources.iter().skip(1).map(|(_, first)| *first).chain([table.n_rows()]);
    let file = |((file, first), end): (&(String, usize), usize)| {
        let (sha256, bytes) = hash::of_file(file.as_ref())
            .map_err(|error| LockError::Data { file: file.clone(), reason: error.to_string() })?;
        Ok(DataFile { file: file.clone(), bytes, rows: end - first, sha256 })
    };
    table.sources.iter().zip(ends).map(file).collect()
}
