//! `metier figure`: one figure or all of them, from one table.

use super::args::SourceArguments;
use super::fit::read_model;
use super::progress::Progress;
use super::source::{SYNTHETIC, SYNTHETIC_SOURCE, label_of};
use super::{Failure, exit, printer};
use crate::chart::{
    ChartError, FIGURES, Figure, FigureFile, Options, cells_table, compute, effects_of, embedded, page, plan, tests_of,
    tests_table,
};
use crate::codebook::{Codebook, CodebookError, Settings};
use crate::figure::png;
use crate::model::Workspace;
use crate::output::write::write_atomic;
use crate::output::{Format, RenderOptions, render};
use crate::pipeline::fit_models;
use crate::result::{ModelFit, Run};
use crate::sessions::{self, Wanted};
use crate::spec::{ModelEntry, Resolved};
use clap::Args;
use std::path::{Path, PathBuf};

/// `metier figure`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct FigureArguments {
    /// Names of embedded figures, figure files, or `all` (`--list` names them)
    #[arg(value_name = "NAME|FILE", required_unless_present_any = ["list", "schema"])]
    pub figures: Vec<String>,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present_any = ["list", "schema"])]
    pub data: Vec<String>,
    /// Folder for pictures and tables
    #[arg(long, value_name = "FOLDER", default_value = "figures")]
    pub out: PathBuf,
    /// List the embedded figures
    #[arg(long)]
    pub list: bool,
    /// Print the JSON Schema of figure files
    #[arg(long)]
    pub schema: bool,
    /// Distinct users a cell needs to be shown
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min_users: usize,
    /// Round printed numbers to so many decimals
    #[arg(long, value_name = "DECIMALS", value_parser = clap::value_parser!(u8).range(..=17))]
    pub round: Option<u8>,
    /// Level of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub conf_level: f64,
    #[command(flatten)]
    pub source: SourceArguments,
}

const HELP: &str = "\
Examples:
  metier figure --list
  metier figure figure1 --data sessions.csv --out figures
  metier figure all --data sessions.csv --min-users 15 --round 3
  metier figure my-figure.toml --data sessions.csv

Written for each figure: NAME.svg, NAME.png, NAME.csv (what is drawn), NAME_tests.csv (differences, trends, effects),
and NAME_fits.csv where it has regressions. Figure files are described in docs/figures.md.";

/// A figure file with its models.
pub struct Loaded {
    file: FigureFile,
    models: Vec<Resolved>,
    /// What the table lacks: panel or models, and why.
    left_out: Vec<(String, String)>,
}

/// Makes the figures.
///
/// # Errors
/// Whatever is wrong with the files, the table or the estimation.
pub fn run(arguments: &FigureArguments) -> Result<u8, Failure> {
    if arguments.list {
        for (name, text) in FIGURES {
            printer::data(&format!("{name:<16} {}\n", parse_figure(name, text)?.title));
        }
        return Ok(exit::DONE);
    }
    if arguments.schema {
        printer::data(&crate::chart::json_schema());
        return Ok(exit::DONE);
    }
    if !(arguments.conf_level > 0.0 && arguments.conf_level < 1.0) {
        let hint = Some(String::from("use a share, e.g. `--conf-level 0.95`"));
        return Err(Failure::input(format!("{} is no confidence level", arguments.conf_level), hint));
    }
    arguments.source.apply_threads()?;
    let mut loaded = load(arguments)?;
    let settings: Vec<_> = loaded.iter().map(|figure| figure.file.settings.clone()).collect();
    let settings = arguments.source.settings(&settings)?;
    let options = Options {
        min_users: arguments.min_users,
        round: arguments.round.map(usize::from),
        conf_level: arguments.conf_level,
    };
    let lacking = leave_out(&arguments.source, &arguments.data, &settings, &mut loaded)?;
    if let Some(error) = lacking.filter(|_| loaded.iter().all(|figure| figure.file.panels.is_empty())) {
        return Err(error.into());
    }

    let mut progress = Progress::new(arguments.source.quiet);
    progress.stage("read");
    let names = names_of(&loaded)?;
    let specs = || loaded.iter().flat_map(|figure| &figure.models);
    let (table, is_marked) = arguments.source.table(&arguments.data, names, settings, specs())?;
    let workspace = Workspace::new(&table);
    let data_note = is_marked.then(|| SYNTHETIC.to_owned());
    let mut files = Vec::new();
    let mut summary = String::new();
    for figure in &loaded {
        if figure.file.panels.is_empty() {
            summary += &format!("{}: not made\n", figure.file.title);
            let reasons = figure.left_out.iter().map(|(what, why)| format!("  left out {what}: {why}\n"));
            summary += &reasons.collect::<String>();
            continue;
        }
        progress.stage(&format!("draw {}", figure.file.name));
        let (made, fits) = make(figure, &workspace, &options)?;
        let rendered = render_files(&made, &fits, data_note.as_deref())?;
        let names: Vec<&str> = rendered.iter().map(|(name, _)| name.as_str()).collect();
        summary += &format!("{}\n  {}\n", made.file.title, names.join("  "));
        summary += &made.left_out.iter().map(|(what, why)| format!("  left out {what}: {why}\n")).collect::<String>();
        files.extend(rendered);
    }
    progress.stage("write");
    std::fs::create_dir_all(&arguments.out).map_err(|error| {
        Failure::input(
            format!("cannot create the output folder `{}`: {error}", arguments.out.display()),
            Some(String::from("choose another one with `--out FOLDER`")),
        )
    })?;
    for (name, bytes) in &files {
        write_atomic(&arguments.out.join(name), bytes)?;
    }
    progress.finish();
    if !arguments.source.quiet {
        data_note.iter().for_each(|note| printer::data(&format!("Data: {note}\n\n")));
        printer::data(&summary);
        printer::data(&format!("\n{} files in {}\n", files.len(), arguments.out.display()));
    }
    Ok(exit::DONE)
}

/// The figures asked for, each once.
fn load(arguments: &FigureArguments) -> Result<Vec<Loaded>, Failure> {
    let mut files: Vec<FigureFile> = Vec::new();
    for name in &arguments.figures {
        let more = match name.as_str() {
            "all" => FIGURES.into_iter().map(|(name, text)| parse_figure(name, text)).collect::<Result<Vec<_>, _>>()?,
            name => vec![read_figure(name)?],
        };
        for file in more {
            if !files.iter().any(|known| known.name == file.name) {
                files.push(file);
            }
        }
    }
    files.into_iter().map(|file| with_models(&arguments.source, file)).collect()
}

/// A figure file with its models resolved.
///
/// # Errors
/// A model file that cannot be read or means nothing.
pub fn with_models(source: &SourceArguments, file: FigureFile) -> Result<Loaded, Failure> {
    let models = match &file.models {
        Some(name) => source.resolve(&read_model(name)?, &ModelEntry::default())?,
        None => Vec::new(),
    };
    Ok(Loaded { file, models, left_out: Vec::new() })
}

/// Reads a figure file, or an embedded one by its name.
fn read_figure(path: &str) -> Result<FigureFile, Failure> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return parse_figure(path, &text);
    }
    match embedded(path).filter(|_| !Path::new(path).exists()) {
        Some((name, text)) => parse_figure(name, text),
        None => {
            let known: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
            let nearest = crate::nearest::nearest_name(path, known.iter().copied());
            let list = format!("embedded figures are: {}", known.join(", "));
            let hint = nearest.map_or_else(|| list.clone(), |nearest| format!("did you mean `{nearest}`? {list}"));
            Err(Failure::input(format!("there is no figure `{path}`"), Some(hint)))
        }
    }
}

fn parse_figure(origin: &str, text: &str) -> Result<FigureFile, Failure> {
    FigureFile::from_toml(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let message = message.replace("unknown field", "unknown key").replace("missing field", "missing key");
        Failure {
            code: exit::INPUT,
            message: message.clone(),
            source: Some(Box::new(crate::spec::SourceError {
                origin: origin.to_owned(),
                text: text.to_owned(),
                span: error.span().unwrap_or(0..0),
                message,
                expected: None,
                hint: None,
            })),
            flow: None,
            hint: Some(String::from("`metier figure --schema` prints the keys a figure file may have")),
            unknown_name: None,
        }
    })
}

impl From<ChartError> for Failure {
    fn from(error: ChartError) -> Self {
        Failure::input(&error, error.hint())
    }
}

/// Takes out panels and models whose columns the table does not have, and remembers why.
///
/// # Errors
/// A table that cannot be read.
pub fn leave_out(
    source: &SourceArguments,
    data: &[String],
    settings: &Settings,
    figures: &mut [Loaded],
) -> Result<Option<CodebookError>, Failure> {
    if data.len() == 1 && data[0] == SYNTHETIC_SOURCE {
        return Ok(None);
    }
    let Some(first) = data.first().filter(|source| *source != "-") else { return Ok(None) };
    let request = source.request(data, Wanted::All, settings.clone())?;
    let available = sessions::schema_of(first, request.input_format)?;
    let lacks = |names: &[String]| {
        Codebook::embedded().plan(names, &available, &request.mapping, settings, request.codebook).err()
    };
    let mut first_error = None;
    for figure in figures.iter_mut() {
        let planned = plan(&figure.file, Some(Codebook::embedded()))?;
        let mut kept = Vec::new();
        for panel in planned.panels {
            match lacks(&panel.names(&planned.user)) {
                None => kept.push(panel.spec),
                Some(error) => {
                    figure.left_out.push((format!("panel `{}`", panel.spec.name), error.to_string()));
                    first_error.get_or_insert(error);
                }
            }
        }
        figure.file.panels = kept;
        let error = figure.models.iter().find_map(|spec| lacks(&spec.names()));
        if let Some(error) = error {
            figure.left_out.push((String::from("the regressions"), error.to_string()));
            figure.models.clear();
        }
    }
    Ok(first_error)
}

/// Every column that the figures and their models need.
///
/// # Errors
/// Texts of a figure that are no expressions.
pub fn names_of(figures: &[Loaded]) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for figure in figures {
        let planned = plan(&figure.file, Some(Codebook::embedded()))?;
        names.extend(planned.panels.iter().flat_map(|panel| panel.names(&planned.user)));
        names.extend(figure.models.iter().flat_map(Resolved::names));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Every embedded figure.
///
/// # Errors
/// None that a user can cause.
pub fn all(source: &SourceArguments) -> Result<Vec<Loaded>, Failure> {
    FIGURES.into_iter().map(|(name, text)| with_models(source, parse_figure(name, text)?)).collect()
}

/// The numbers of a figure and the fits behind them. A regression that cannot be estimated on this table is left out
/// with what is drawn from it, and the figure says so.
///
/// # Errors
/// What is wrong between the figure and the table.
pub fn make(figure: &Loaded, workspace: &Workspace, options: &Options) -> Result<(Figure, Vec<ModelFit>), Failure> {
    let mut left_out = figure.left_out.clone();
    let mut fits: Vec<ModelFit> = Vec::new();
    for spec in &figure.models {
        match fit_models(workspace, std::slice::from_ref(spec), &label_of, &|_| {}) {
            Ok(found) => fits.extend(found),
            Err(error) => left_out.push((format!("regression `{}`", spec.model), error.to_string())),
        }
    }
    let mut file = figure.file.clone();
    if fits.iter().all(|fit| fit.rates.is_none()) {
        let (adjusted, others): (Vec<_>, Vec<_>) = file.panels.into_iter().partition(|panel| panel.adjusted);
        file.panels = others;
        let without =
            |name: String| (format!("panel `{name}`"), String::from("there is no regression to draw it from"));
        left_out.extend(adjusted.into_iter().map(|panel| without(panel.name)));
    }
    let planned = plan(&file, Some(Codebook::embedded()))?;
    let panels = compute(&planned, workspace, &fits, &label_of, options)?;
    let mut tests: Vec<_> = panels.iter().flat_map(|panel| tests_of(panel, options.conf_level)).collect();
    tests.extend(effects_of(&file.effects, &fits));
    Ok((Figure { file, panels, tests, left_out, options: *options }, fits))
}

/// The files of a figure, names with contents.
///
/// # Errors
/// A picture that is too large.
pub fn render_files(
    figure: &Figure,
    fits: &[ModelFit],
    data_note: Option<&str>,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let name = &figure.file.name;
    let svg = page(figure, data_note).svg();
    let picture = png(&svg, 2.0).map_err(|error| Failure::input(format!("{name}.png: {error}"), None))?;
    let mut files = vec![
        (format!("{name}.svg"), svg.into_bytes()),
        (format!("{name}.png"), picture),
        (format!("{name}.csv"), cells_table(figure, data_note).to_csv().into_bytes()),
    ];
    if !figure.tests.is_empty() {
        files.push((format!("{name}_tests.csv"), tests_table(figure, data_note).to_csv().into_bytes()));
    }
    // rates and coefficients of single levels would tell what the figure does not show
    let tells_levels = figure.options.min_users > 1 && fits.iter().any(|fit| fit.rates.is_some());
    if !fits.is_empty() && !tells_levels {
        let run = Run { fits: fits.to_vec(), data_note: data_note.map(str::to_owned), ..Run::default() };
        files.push((format!("{name}_fits.csv"), render(&run, Format::Csv, &RenderOptions::default()).into_bytes()));
    }
    Ok(files)
}
