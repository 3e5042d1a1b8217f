//! From source arguments to a table.

use super::Failure;
use super::args::{CodebookChoice, InputFormat, SourceArguments};
use crate::codebook::{Codebook, CodebookError, CodebookMode, Mapping, Settings};
use crate::sessions::{self, Format, LoadError, LoadRequest, Wanted};
use crate::simulate::{Calibration, SimulateOptions, simulate};
use crate::spec::{ModelEntry, ModelFile, Resolved, SourceError, resolve};
use crate::table::Table;
use std::collections::BTreeMap;

/// The sentence every output of simulated sessions carries.
pub const SYNTHETIC: &str = "synthetic sessions, drawn to resemble the published numbers; not real sessions";

/// Most threads that may be asked for.
const MOST_THREADS: usize = 1024;

/// The column that marks a written synthetic table.
pub const SYNTHETIC_COLUMN: &str = "is_synthetic";

/// The name of the embedded table as a source.
pub const SYNTHETIC_SOURCE: &str = "synthetic";

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Codebook(error) => (*error).into(),
            error => Failure::input(&error, error.hint()),
        }
    }
}

impl From<CodebookError> for Failure {
    fn from(error: CodebookError) -> Self {
        let unknown_name = match &error {
            CodebookError::UnknownName { name, needed_by, .. } => Some(needed_by.as_ref().unwrap_or(name).clone()),
            _ => None,
        };
        Failure { unknown_name, ..Failure::input(&error, error.hint()) }
    }
}

impl Failure {
    /// Shows the place of an unknown name, if a formula or a condition uses it.
    fn placed<'a>(mut self, specs: impl Iterator<Item = &'a Resolved>) -> Self {
        let Some(name) = &self.unknown_name else { return self };
        let found = specs.into_iter().find_map(|spec| Some((spec, spec.place_of(name)?)));
        if let Some((spec, (what, text, span))) = found {
            let whose = match spec.spec_id.as_str() {
                "fit" => String::new(),
                file => format!(" of model `{}` of `{file}`", spec.model),
            };
            if what != "the formula"
                && let Some(hint) = &mut self.hint
            {
                *hint += &format!("; a text goes in quotes: \"{name}\"");
            }
            let (message, origin) = (self.message.clone(), format!("{what}{whose}"));
            self.source = Some(Box::new(SourceError { origin, text, span, message, expected: None, hint: None }));
        }
        self
    }
}

impl SourceArguments {
    /// Sets the number of threads before anything runs in parallel.
    ///
    /// # Errors
    /// If it is zero.
    pub fn apply_threads(&self) -> Result<(), Failure> {
        apply_threads(self.threads)
    }

    /// The models of a file with the flags laid over them, and the codebook's words understood unless it is off.
    ///
    /// # Errors
    /// Specifications that mean nothing.
    pub fn resolve(&self, file: &ModelFile, flags: &ModelEntry) -> Result<Vec<Resolved>, Failure> {
        let mut resolved = resolve(file, flags)?;
        if self.codebook == CodebookChoice::Auto {
            resolved.iter_mut().for_each(|model| model.use_codebook(Codebook::embedded()));
        }
        for model in &mut resolved {
            model.request.shares = super::target::shares(self, model)?;
        }
        Ok(resolved)
    }

    /// Settings of the codebook: model files first, then `--set`.
    ///
    /// # Errors
    /// Unknown settings and values that do not fit.
    pub fn settings(&self, files: &[BTreeMap<String, serde_json::Value>]) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for (name, value) in files.iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            settings.set(name, &text)?;
        }
        for text in &self.set {
            let Some((name, value)) = text.split_once('=') else {
                let hint = String::from("write `--set trouble_threshold=4`");
                return Err(Failure::input(format!("`{text}` is no setting"), Some(hint)));
            };
            settings.set(name.trim(), value.trim())?;
        }
        Ok(settings)
    }

    /// Columns that stand for other names.
    ///
    /// # Errors
    /// Mappings that mean nothing.
    pub fn mapping(&self) -> Result<Mapping, Failure> {
        let mut mapping = Mapping::default();
        for text in &self.map {
            if text.contains('=') {
                mapping.add(text)?;
                continue;
            }
            let content = std::fs::read_to_string(text).map_err(|error| {
                Failure::input(
                    format!("cannot read the mapping `{text}`: {error}"),
                    Some(String::from("give `--map name=column`, or a TOML file with lines `name = \"column\"`")),
                )
            })?;
            for (name, column) in Mapping::from_toml(&content)?.iter() {
                mapping.insert(name, column);
            }
        }
        Ok(mapping)
    }

    /// The request for some files.
    ///
    /// # Errors
    /// Mappings that mean nothing.
    pub fn request(&self, data: &[String], wanted: Wanted, settings: Settings) -> Result<LoadRequest, Failure> {
        let mut request = LoadRequest::new("");
        request.sources = data.to_vec();
        request.wanted = wanted;
        request.mapping = self.mapping()?;
        request.settings = settings;
        request.codebook = match self.codebook {
            CodebookChoice::Auto => CodebookMode::Auto,
            CodebookChoice::Off => CodebookMode::Off,
        };
        request.allow_duplicates = self.allow_duplicates;
        request.input_format = self.input_format.map(|format| match format {
            InputFormat::Parquet => Format::Parquet,
            InputFormat::Csv => Format::Csv,
            InputFormat::Ndjson => Format::Ndjson,
            InputFormat::Arrow => Format::Arrow,
        });
        Ok(request)
    }

    /// The columns `names` of the files, or of the embedded table if the source is `synthetic`.
    ///
    /// # Errors
    /// Whatever is wrong with files, names or values.
    pub fn table<'a>(
        &self,
        data: &[String],
        names: Vec<String>,
        settings: Settings,
        specs: impl Iterator<Item = &'a Resolved>,
    ) -> Result<(Table, bool), Failure> {
        if data.len() == 1 && data[0] == SYNTHETIC_SOURCE {
            let drawn = synthetic(&SimulateOptions::EMBEDDED, &names, &settings);
            return Ok((drawn.map_err(|failure| failure.placed(specs))?, true));
        }
        let request = self.request(data, Wanted::Names(names), settings)?;
        let table = sessions::load(&request).map_err(|error| Failure::from(error).placed(specs))?;
        let marked = data.iter().filter(|source| *source != "-").any(|source| {
            sessions::schema_of(source, request.input_format)
                .is_ok_and(|names| names.iter().any(|name| name == SYNTHETIC_COLUMN))
        });
        Ok((table, marked))
    }
}

/// Draws the synthetic table and derives what is asked for.
///
/// # Errors
/// Sizes that cannot be drawn, unknown names.
pub fn synthetic(options: &SimulateOptions, names: &[String], settings: &Settings) -> Result<Table, Failure> {
    let drawn = simulate(options, &Calibration::published()).map_err(|error| Failure::input(&error, None))?;
    Ok(sessions::adopt(drawn, names, settings)?)
}

/// Display label of a level.
pub fn label_of(factor: &str, level: &str) -> String {
    match Codebook::embedded().variable(factor) {
        Some(variable) => variable.label_of(level),
        None => level.to_owned(),
    }
}

/// Sets the number of threads before anything runs in parallel.
///
/// # Errors
/// None, or more than any machine runs well.
pub fn apply_threads(threads: Option<usize>) -> Result<(), Failure> {
    match threads {
        Some(0) => Err(Failure::input("the number of threads is 0", Some(String::from("use `--threads 1` or more")))),
        Some(threads) if threads > MOST_THREADS => Err(Failure::input(
            format!("{threads} threads are more than any machine runs well"),
            Some(format!("use at most `--threads {MOST_THREADS}`; one per core is best")),
        )),
        Some(threads) => {
            sessions::set_threads(threads);
            Ok(())
        }
        None => Ok(()),
    }
}
