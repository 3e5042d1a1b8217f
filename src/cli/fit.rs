//! `metier fit`.

use super::args::{FitArguments, OutputFormat};
use super::lock::Inputs;
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of};
use super::table::check_stars;
use super::{Failure, exit, printer};
use crate::model::Workspace;
use crate::output::data_table::DataTable;
use crate::output::saved::{effects_table, fitted_table, text_for, weights_table};
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, render};
use crate::pipeline::{Saved, fit_and_save};
use crate::result::{ModelFit, Run};
use crate::simulate::SimulateOptions;
use crate::spec::{ModelEntry, ModelFile, Resolved, embedded};
use std::path::Path;

/// Fits and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &FitArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    check_stars(arguments.stars.as_deref())?;
    let format = format_of(arguments.format, arguments.output.as_deref());
    check_targets(arguments)?;
    let mut progress = Progress::new(arguments.source.quiet);
    let computed = compute(arguments, &mut progress, arguments.lock.is_some())?;
    let Computed { fits, mut run, inputs } = computed;
    let note = run.data_note.as_deref();
    save(arguments.save_effects.as_deref(), || effects_table(&fits, note))?;
    save(arguments.save_fitted.as_deref(), || fitted_table(&fits, note))?;
    save(arguments.save_weights.as_deref(), || weights_table(&fits, note))?;
    run.fits.extend(fits.into_iter().map(|(fit, _)| fit));
    if let (Some(path), Some(inputs)) = (&arguments.lock, inputs) {
        write(Some(path), inputs.lock(super::lock::command_line(), &run).to_text().as_bytes())?;
    }
    progress.finish();
    run.timings = std::mem::take(&mut progress.timings);

    let options = RenderOptions {
        digits: usize::from(arguments.digits),
        stars: arguments.stars.clone(),
        ansi: !arguments.source.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = render(&run, format, &options);
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

/// A run before its results are written.
pub struct Computed {
    /// The fits, with what is saved beside them.
    pub fits: Vec<(ModelFit, Saved)>,
    /// Where they came from; without the fits.
    pub run: Run,
    /// What a lock file says of specification and data, if asked for.
    pub inputs: Option<Inputs>,
}

/// Reads and fits.
///
/// # Errors
/// As [`run`].
pub fn compute(arguments: &FitArguments, progress: &mut Progress, lock: bool) -> Result<Computed, Failure> {
    let files = model_files("fit", arguments.formula.as_deref(), &arguments.model)?;
    let flags = arguments.entry.entry();
    let mut groups: Vec<(String, Vec<Resolved>)> = files
        .iter()
        .map(|file| Ok((file.name.clone(), arguments.source.resolve(file, &flags)?)))
        .collect::<Result<_, Failure>>()?;
    for spec in groups.iter_mut().flat_map(|(_, specs)| specs) {
        spec.options.keep_effects = arguments.save_effects.is_some();
        spec.options.keep_fitted = arguments.save_fitted.is_some();
        spec.options.keep_weights = arguments.save_weights.is_some();
    }
    let settings: Vec<_> = files.iter().map(|file| file.settings.clone()).collect();
    let settings = arguments.source.settings(&settings)?;

    progress.stage("read");
    let mut names: Vec<String> = groups.iter().flat_map(|(_, specs)| specs).flat_map(Resolved::names).collect();
    names.sort();
    names.dedup();
    let specs = || groups.iter().flat_map(|(_, specs)| specs);
    let (table, is_synthetic) = arguments.source.table(&arguments.data, names, settings.clone(), specs())?;
    let workspace = Workspace::new(&table);
    let run = Run {
        data_note: is_synthetic.then(|| SYNTHETIC.to_owned()),
        sources: sources(&table, &arguments.data),
        ..Run::default()
    };
    let mut fits = Vec::new();
    for (name, specs) in &groups {
        progress.stage(&format!("fit {name}"));
        fits.extend(fit_and_save(&workspace, specs, &label_of, &|_| {})?);
    }
    let inputs = if lock {
        progress.stage("hash");
        let drawn =
            table.sources.is_empty().then_some((SimulateOptions::EMBEDDED.sessions, SimulateOptions::EMBEDDED.seed));
        let paths: Vec<Option<&str>> = match arguments.model.as_slice() {
            [] => vec![None],
            paths => paths.iter().map(|path| Some(path.as_str())).collect(),
        };
        Some(Inputs::of(&arguments.source, &files, &paths, &flags, specs(), &settings, &table, drawn)?)
    } else {
        None
    };
    Ok(Computed { fits, run, inputs })
}

/// Refuses files that could not be written, before the work.
fn check_targets(arguments: &FitArguments) -> Result<(), Failure> {
    let saved = [
        ("--save-effects", &arguments.save_effects),
        ("--save-fitted", &arguments.save_fitted),
        ("--save-weights", &arguments.save_weights),
    ];
    let mut targets: Vec<&Path> = arguments.output.as_deref().into_iter().collect();
    check_target(arguments.output.as_deref())?;
    let locked = arguments.lock.as_deref();
    if locked.is_some() && arguments.data.iter().any(|source| source == "-") {
        let hint = Some(String::from("save the table as a file, and name that with `--data`"));
        return Err(Failure::input("standard input cannot be locked: nobody could read it again", hint));
    }
    if let Some(path) = locked {
        if targets.contains(&path) {
            let hint = Some(String::from("give every file a name of its own"));
            return Err(Failure::input(format!("`{}` would be written twice", path.display()), hint));
        }
        check_target(Some(path))?;
        targets.push(path);
    }
    for (flag, path) in saved.iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?))) {
        if !matches!(path.extension().and_then(|extension| extension.to_str()), Some("csv" | "json")) {
            let hint = format!("e.g. `{flag} {}.csv`", flag.trim_start_matches("--save-"));
            return Err(Failure::input(format!("`{}` is neither .csv nor .json", path.display()), Some(hint)));
        }
        if targets.contains(&path) {
            let hint = Some(String::from("give every file a name of its own"));
            return Err(Failure::input(format!("`{}` would be written twice", path.display()), hint));
        }
        check_target(Some(path))?;
        targets.push(path);
    }
    Ok(())
}

/// Writes a table where it was asked for.
fn save(path: Option<&Path>, table: impl FnOnce() -> DataTable) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    write(Some(path), text_for(&table(), is_json).as_bytes())?;
    Ok(())
}

pub(super) fn sources(table: &crate::table::Table, data: &[String]) -> Vec<String> {
    if table.sources.is_empty() { data.to_vec() } else { table.sources.iter().map(|(file, _)| file.clone()).collect() }
}

/// The model files named, or one made of the formula.
///
/// # Errors
/// Neither, or both, or a file that is none.
pub(super) fn model_files(verb: &str, formula: Option<&str>, models: &[String]) -> Result<Vec<ModelFile>, Failure> {
    match (formula, models) {
        (None, []) => Err(Failure::input(
            "neither a formula nor a model file is given",
            Some(format!("`metier {verb} 'y ~ x | fe' --data FILE`, or `--model FILE`")),
        )),
        (Some(_), [_, ..]) => {
            Err(Failure::input("both a formula and a model file are given", Some(String::from("give one of them"))))
        }
        (Some(formula), []) => {
            let model = ModelEntry { formula: Some(formula.to_owned()), ..ModelEntry::default() };
            Ok(vec![ModelFile { name: String::from("fit"), model: vec![model], ..ModelFile::default() }])
        }
        (None, paths) => paths.iter().map(|path| read_model(path)).collect(),
    }
}

/// Reads a model file, or an embedded one by its name.
///
/// # Errors
/// A missing file, or TOML that is no model file, with its place.
pub fn read_model(path: &str) -> Result<ModelFile, Failure> {
    let (origin, text) = model_text(path)?;
    parse_model(&origin, &text)
}

/// Name and text of a model file, or of an embedded one.
///
/// # Errors
/// A missing file.
pub fn model_text(path: &str) -> Result<(String, String), Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_owned(), text)),
        Err(error) => match embedded(path).filter(|_| !Path::new(path).exists()) {
            Some((name, text)) => Ok((format!("models/{name}.toml"), text.to_owned())),
            None => Err(no_model_file(path, &error)),
        },
    }
}

/// The failure for a model file that cannot be read, with the nearest name.
fn no_model_file(path: &str, error: &std::io::Error) -> Failure {
    if error.kind() != std::io::ErrorKind::NotFound {
        return Failure::input(format!("cannot read the model file `{path}`: {error}"), None);
    }
    let known: Vec<&str> = crate::spec::EMBEDDED.iter().map(|(name, _)| *name).collect();
    let nearest = crate::sessions::nearest_file(Path::new(path))
        .filter(|name| name.ends_with(".toml"))
        .or_else(|| crate::nearest::nearest_name(path, known.iter().copied()).map(str::to_owned));
    let embedded = format!("embedded models are: {}", known.join(", "));
    let hint = nearest.map_or_else(|| embedded.clone(), |name| format!("did you mean `{name}`? {embedded}"));
    Failure::input(format!("there is no model file `{path}`"), Some(hint))
}

/// Parses a model file.
///
/// # Errors
/// TOML that is no model file, with its place.
pub fn parse_model(origin: &str, text: &str) -> Result<ModelFile, Failure> {
    let way_out = "`metier schema` prints the keys a model file may have, and their values";
    toml::from_str(text).map_err(|error| toml_failure(origin, text, &error, way_out))
}

/// The failure for TOML that is not what it should be, with its place; `way_out` where no name is near.
pub(super) fn toml_failure(origin: &str, text: &str, error: &toml::de::Error, way_out: &str) -> Failure {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    // the words of this program, not those of the parser
    let message = message
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("unknown variant", "unknown value")
        .replace("expected usize", "expected a whole number, 0 or more");
    Failure {
        code: exit::INPUT,
        hint: Some(toml_hint(&message, way_out)),
        message: message.clone(),
        source: Some(Box::new(crate::spec::SourceError {
            origin: origin.to_owned(),
            text: text.to_owned(),
            span,
            message,
            expected: None,
            hint: None,
        })),
        flow: None,
        unknown_name: None,
    }
}

/// The way out of an error in a model file: the nearest of the names it lists.
fn toml_hint(message: &str, way_out: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next().unwrap_or_default();
    if message.starts_with("missing key `name`") {
        return String::from("start the file with `name = \"...\"`: the outputs call its models by it");
    }
    match crate::nearest::nearest_name(wrong, names).filter(|_| message.starts_with("unknown")) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => way_out.to_owned(),
    }
}

/// The format asked for, by name or by the extension of the output.
pub(super) fn format_of(format: Option<OutputFormat>, output: Option<&Path>) -> Format {
    match format {
        Some(OutputFormat::Text) => Format::Text,
        Some(OutputFormat::Json) => Format::Json,
        Some(OutputFormat::Csv) => Format::Csv,
        Some(OutputFormat::Markdown) => Format::Markdown,
        Some(OutputFormat::Latex) => Format::Latex,
        Some(OutputFormat::Html) => Format::Html,
        Some(OutputFormat::Typst) => Format::Typst,
        None => output.and_then(Format::from_extension).unwrap_or(Format::Text),
    }
}
