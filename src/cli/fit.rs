//! `metier fit`.

use super::args::{FitArguments, OutputFormat};
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of};
use super::{Failure, exit, printer};
use crate::model::Workspace;
use crate::output::write::write;
use crate::output::{Format, RenderOptions, render};
use crate::pipeline::fit_models;
use crate::result::Run;
use crate::spec::{ModelEntry, ModelFile, Resolved, embedded, resolve};
use std::path::Path;

/// Fits and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &FitArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    let files = model_files(arguments)?;
    let flags = arguments.entry.entry();
    let groups: Vec<(String, Vec<Resolved>)> = files
        .iter()
        .map(|file| Ok((file.name.clone(), resolve(file, &flags)?)))
        .collect::<Result<_, Failure>>()?;
    let settings: Vec<_> = files.iter().map(|file| file.settings.clone()).collect();
    let settings = arguments.source.settings(&settings)?;
    let format = format_of(arguments);

    let mut progress = Progress::new(arguments.source.quiet);
    progress.stage("read");
    let mut names: Vec<String> = groups.iter().flat_map(|(_, specs)| specs).flat_map(Resolved::names).collect();
    names.sort();
    names.dedup();
    let (table, is_synthetic) = arguments.source.table(&arguments.data, names, settings)?;
    let workspace = Workspace::new(&table);
    let mut run = Run {
        data_note: is_synthetic.then(|| SYNTHETIC.to_owned()),
        sources: if is_synthetic { vec![String::from("synthetic")] } else { sources(&table, &arguments.data) },
        ..Run::default()
    };
    for (name, specs) in &groups {
        progress.stage(&format!("fit {name}"));
        run.fits.extend(fit_models(&workspace, specs, &label_of, &|_| {})?);
    }
    progress.finish();
    run.timings = std::mem::take(&mut progress.timings);

    let options = RenderOptions {
        digits: arguments.digits,
        stars: arguments.stars.clone(),
        ansi: !arguments.source.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = render(&run, format, &options);
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

fn sources(table: &crate::table::Table, data: &[String]) -> Vec<String> {
    if table.sources.is_empty() { data.to_vec() } else { table.sources.iter().map(|(file, _)| file.clone()).collect() }
}

/// The model files named, or one made of the formula.
fn model_files(arguments: &FitArguments) -> Result<Vec<ModelFile>, Failure> {
    match (&arguments.formula, arguments.model.as_slice()) {
        (None, []) => Err(Failure::input(
            "neither a formula nor a model file is given",
            Some(String::from("`metier fit 'y ~ x | fe' --data FILE`, or `--model FILE`")),
        )),
        (Some(_), [_, ..]) => Err(Failure::input(
            "both a formula and a model file are given",
            Some(String::from("give one of them")),
        )),
        (Some(formula), []) => {
            let model = ModelEntry { formula: Some(formula.clone()), ..ModelEntry::default() };
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
    let (origin, text) = match std::fs::read_to_string(path) {
        Ok(text) => (path.to_owned(), text),
        Err(error) => match embedded(path).filter(|_| !Path::new(path).exists()) {
            Some((name, text)) => (format!("models/{name}.toml"), text.to_owned()),
            None => {
                let known: Vec<&str> = crate::spec::EMBEDDED.iter().map(|(name, _)| *name).collect();
                return Err(Failure::input(
                    format!("cannot read the model file `{path}`: {error}"),
                    Some(format!("embedded models are: {}", known.join(", "))),
                ));
            }
        },
    };
    parse_model(&origin, &text)
}

/// Parses a model file.
///
/// # Errors
/// TOML that is no model file, with its place.
pub fn parse_model(origin: &str, text: &str) -> Result<ModelFile, Failure> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        Failure {
            code: exit::INPUT,
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
            hint: Some(String::from("`metier schema` prints the keys a model file may have")),
        }
    })
}

fn format_of(arguments: &FitArguments) -> Format {
    match arguments.format {
        Some(OutputFormat::Text) => Format::Text,
        Some(OutputFormat::Json) => Format::Json,
        Some(OutputFormat::Csv) => Format::Csv,
        Some(OutputFormat::Markdown) => Format::Markdown,
        Some(OutputFormat::Latex) => Format::Latex,
        Some(OutputFormat::Html) => Format::Html,
        None => arguments.output.as_deref().and_then(Format::from_extension).unwrap_or(Format::Text),
    }
}
