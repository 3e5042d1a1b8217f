//! `metier figure`: one figure or all of them, from one table.

use super::args::SourceArguments;
use super::fit::read_model;
use super::lock::{Inputs, specification_file};
use super::progress::Progress;
use super::source::{SYNTHETIC, SYNTHETIC_SOURCE, label_of};
use super::{Failure, exit, printer};
use crate::chart::{ChartError, FIGURES, Figure, FigureFile, Options, compute, effects_of, embedded, plan, tests_of};
use crate::codebook::{Codebook, CodebookError, Settings};
use crate::lock::exhibit::LockedExhibit;
use crate::lock::{Lock, SpecificationFile};
use crate::model::Workspace;
use crate::output::data_table::DataTable;
use crate::output::write::write_atomic;
use crate::output::{Format, RenderOptions, render};
use crate::pipeline::fit_possible;
use crate::report::Exhibit;
use crate::report::exhibits::of_chart;
use crate::report::files::files_of;
use crate::result::{ModelFit, Run, grouped_reasons};
use crate::sessions::{self, Wanted};
use crate::simulate::SimulateOptions;
use crate::spec::{ModelEntry, Resolved};
use clap::Args;
use rayon::prelude::*;
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
    /// Lock file to write: what was read, asked and drawn, for `metier verify`
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
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

Written for each figure: NAME.svg, NAME.png and NAME.pdf, NAME.csv (what is drawn), NAME_tests.csv (differences, trends,
effects), NAME.md and NAME.tex (both for readers), and NAME_fits.csv where it has regressions. Figure files are described in docs/figures.md.";

/// A figure file with its models.
pub struct Loaded {
    file: FigureFile,
    /// Where it was read, as given.
    path: String,
    text: String,
    model_path: Option<String>,
    models: Vec<Resolved>,
    /// What the table lacks: panel or models, and why.
    left_out: Vec<(String, String)>,
}

impl Loaded {
    /// Whether the table lacks something of every panel.
    pub fn is_empty(&self) -> bool {
        self.file.panels.is_empty()
    }
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
    let mut progress = Progress::new(arguments.source.quiet);
    let done = compute_all(arguments, &mut progress, arguments.lock.is_some())?;
    progress.stage("draw");
    let rendered: Vec<Vec<(String, Vec<u8>)>> =
        done.drawn.par_iter().map(|drawn| drawn.render(done.data_note.as_deref())).collect::<Result<_, Failure>>()?;
    progress.stage("write");
    std::fs::create_dir_all(&arguments.out).map_err(|error| {
        Failure::input(
            format!("cannot create the output folder `{}`: {error}", arguments.out.display()),
            Some(String::from("choose another one with `--out FOLDER`")),
        )
    })?;
    for (name, bytes) in rendered.iter().flatten() {
        write_atomic(&arguments.out.join(name), bytes)?;
    }
    let summary = summary(&done, &rendered);
    if let Some(path) = &arguments.lock {
        let words = super::lock::command_line();
        write_atomic(path, done.lock(words)?.to_text().as_bytes())?;
    }
    progress.finish();
    if !arguments.source.quiet {
        printer::data(&summary);
        let n = rendered.iter().map(Vec::len).sum::<usize>();
        printer::data(&format!("\n{n} files in {}\n", arguments.out.display()));
    }
    Ok(exit::DONE)
}

/// A figure with the fits behind it.
pub struct Drawn {
    /// The figure.
    pub figure: Figure,
    /// Its fits.
    pub fits: Vec<ModelFit>,
    /// The figure as it is written.
    pub exhibit: Exhibit,
}

impl Drawn {
    /// Its files, names with contents.
    ///
    /// # Errors
    /// A picture that cannot be drawn.
    pub fn render(&self, data_note: Option<&str>) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let id = &self.exhibit.id;
        let mut files = files_of(&self.exhibit).map_err(|error| Failure::input(format!("{id}: {error}"), None))?;
        let options = self.figure.options;
        // rates and coefficients of single levels would tell what the figure does not show
        let tells_levels = options.min_users > 1 && self.fits.iter().any(|fit| fit.rates.is_some());
        if !self.fits.is_empty() && !tells_levels && options.round.is_none() {
            let run = Run { fits: self.fits.clone(), data_note: data_note.map(str::to_owned), ..Run::default() };
            files.push((format!("{id}_fits.csv"), render(&run, Format::Csv, &RenderOptions::default()).into_bytes()));
        }
        Ok(files)
    }
}

/// Figures made from one table.
pub struct Done {
    /// The figures in the order asked for.
    pub drawn: Vec<Drawn>,
    data_note: Option<String>,
    sources: Vec<String>,
    inputs: Option<Inputs>,
}

impl Done {
    /// The lock of these figures.
    ///
    /// # Errors
    /// If the inputs were not kept.
    pub fn lock(self, words: Vec<String>) -> Result<Lock, Failure> {
        let exhibits = self.drawn.iter().flat_map(|drawn| locked(&drawn.exhibit, words.clone())).collect();
        let run = Run { data_note: self.data_note, sources: self.sources, ..Run::default() };
        let inputs = self.inputs.ok_or_else(|| Failure::input("the run kept no inputs", None))?;
        Ok(inputs.lock_with(words, &run, exhibits))
    }
}

/// The tables of an exhibit as a lock file keeps them.
pub fn locked(exhibit: &Exhibit, command: Vec<String>) -> Vec<LockedExhibit> {
    let title = |end: &str| match end {
        "" => format!("{}: {}", exhibit.name, exhibit.title),
        _ => format!("{}: differences, trends, effects", exhibit.name),
    };
    let keep = |(end, table): &(&'static str, DataTable)| {
        LockedExhibit::new(format!("{}{end}.csv", exhibit.id), title(end), command.clone(), table)
    };
    exhibit.data.iter().map(keep).collect()
}

/// Reads the table and computes every figure.
///
/// # Errors
/// Whatever is wrong with the files, the table or the figures.
pub fn compute_all(arguments: &FigureArguments, progress: &mut Progress, lock: bool) -> Result<Done, Failure> {
    let mut loaded = load(arguments)?;
    let files = specification(&loaded)?;
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
    progress.stage("read");
    let names = names_of(&loaded)?;
    let specs = || loaded.iter().flat_map(|figure| &figure.models);
    let (table, is_marked) = arguments.source.table(&arguments.data, names, settings.clone(), specs())?;
    let data_note = is_marked.then(|| SYNTHETIC.to_owned());
    progress.stage("describe");
    let workspace = Workspace::new(&table);
    let drawn: Vec<Drawn> = loaded
        .par_iter()
        .map(|figure| {
            let (figure, fits) = make(figure, &workspace, &options)?;
            let exhibit = of_chart(&figure, data_note.as_deref(), String::new());
            Ok(Drawn { figure, fits, exhibit })
        })
        .collect::<Result<_, Failure>>()?;
    drop(workspace);
    if let Some(first) = drawn.first().filter(|_| drawn.iter().all(|drawn| drawn.exhibit.missing.is_some())) {
        let why = first.exhibit.missing.clone().unwrap_or_default().replacen("Not made", "not made", 1);
        let hint = String::from("a figure needs sessions in at least one of its panels");
        return Err(Failure::input(format!("`{}` was {why}", first.exhibit.id), Some(hint)));
    }
    let inputs = if lock {
        progress.stage("hash");
        let embedded = (SimulateOptions::EMBEDDED.sessions, SimulateOptions::EMBEDDED.seed);
        let is_drawn = table.sources.is_empty().then_some(embedded);
        Some(Inputs::of_files(&arguments.source, files, std::iter::empty(), &settings, &table, is_drawn)?)
    } else {
        None
    };
    let sources = table.sources.iter().map(|(file, _)| file.clone()).collect();
    Ok(Done { drawn, data_note, sources, inputs })
}

/// What was made and what was left out, for the terminal.
fn summary(done: &Done, rendered: &[Vec<(String, Vec<u8>)>]) -> String {
    let mut text = done.data_note.iter().map(|note| format!("Data: {note}\n\n")).collect::<String>();
    for (drawn, files) in done.drawn.iter().zip(rendered) {
        let title = &drawn.figure.file.title;
        if drawn.exhibit.missing.is_some() {
            text += &format!("{title}: not made\n");
        } else {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            text += &format!("{title}\n  {}\n", names.join("  "));
        }
        let left_out = drawn.figure.left_out.iter().map(|(what, why)| format!("  left out {what}: {why}\n"));
        text += &left_out.collect::<String>();
    }
    text
}

/// Figure files and their model files as a lock file keeps them.
///
/// # Errors
/// A file that cannot be read again.
pub fn specification(figures: &[Loaded]) -> Result<Vec<SpecificationFile>, Failure> {
    let mut files: Vec<SpecificationFile> = Vec::new();
    for figure in figures {
        let model = serde_json::to_value(&figure.file).unwrap_or_default();
        files.push(SpecificationFile {
            name: format!("figures/{}", figure.file.name),
            path: Some(figure.path.clone()),
            text: Some(figure.text.clone()),
            models: vec![model],
        });
        let Some(path) = &figure.model_path else { continue };
        if files.iter().all(|file| file.path.as_ref() != Some(path)) {
            files.push(specification_file(&read_model(path)?, Some(path), &ModelEntry::default())?);
        }
    }
    Ok(files)
}

/// The figures asked for, each once.
fn load(arguments: &FigureArguments) -> Result<Vec<Loaded>, Failure> {
    let mut loaded: Vec<Loaded> = Vec::new();
    for name in &arguments.figures {
        let more = match name.as_str() {
            "all" => all(&arguments.source)?,
            name => vec![with_models(&arguments.source, name, figure_text(name)?)?],
        };
        for figure in more {
            if !loaded.iter().any(|known| known.file.name == figure.file.name) {
                loaded.push(figure);
            }
        }
    }
    Ok(loaded)
}

/// A figure file with its models resolved; these are embedded ones, or stand beside it or where we are.
///
/// # Errors
/// A figure or model file that cannot be read or means nothing.
fn with_models(source: &SourceArguments, path: &str, text: String) -> Result<Loaded, Failure> {
    let file = parse_figure(path, &text)?;
    let beside = |name: &String| {
        let beside = Path::new(path).parent().map(|folder| folder.join(name)).filter(|beside| beside.is_file());
        beside.and_then(|beside| beside.to_str().map(str::to_owned)).unwrap_or_else(|| name.clone())
    };
    let model_path = file.models.as_ref().map(beside);
    let models = match &model_path {
        Some(name) => source.resolve(&read_model(name)?, &ModelEntry::default())?,
        None => Vec::new(),
    };
    Ok(Loaded { file, path: path.to_owned(), text, model_path, models, left_out: Vec::new() })
}

/// Text of a figure file, or of an embedded one by its name.
fn figure_text(path: &str) -> Result<String, Failure> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(text);
    }
    match embedded(path).filter(|_| !Path::new(path).exists()) {
        Some((_, text)) => Ok(text.to_owned()),
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
    FIGURES.into_iter().map(|(name, text)| with_models(source, name, text.to_owned())).collect()
}

/// The numbers of a figure and the fits behind them. A regression that cannot be estimated on this table is left out
/// with what is drawn from it, and the figure says so.
///
/// # Errors
/// What is wrong between the figure and the table.
pub fn make(figure: &Loaded, workspace: &Workspace, options: &Options) -> Result<(Figure, Vec<ModelFit>), Failure> {
    let mut left_out = figure.left_out.clone();
    let (mut fits, failed) = fit_possible(workspace, &figure.models, &label_of);
    left_out.extend(grouped_reasons(&failed).into_iter().map(|row| (format!("regression {}", row.name()), row.reason)));
    fits.retain(|fit| {
        let is_small = fit.flow.users < options.min_users;
        if is_small {
            let why = format!("it rests on fewer than {} users", options.min_users);
            left_out.push((format!("regression `{}`", fit.model), why));
        }
        !is_small
    });
    let mut file = figure.file.clone();
    if fits.iter().all(|fit| fit.rates.is_none()) {
        let (adjusted, others): (Vec<_>, Vec<_>) = file.panels.into_iter().partition(|panel| panel.adjusted);
        file.panels = others;
        let without =
            |name: String| (format!("panel `{name}`"), String::from("there is no regression to draw it from"));
        left_out.extend(adjusted.into_iter().map(|panel| without(panel.name)));
    }
    let planned = plan(&file, Some(Codebook::embedded()))?;
    let mut panels = compute(&planned, workspace, &fits, &label_of, options)?;
    panels.retain(|panel| {
        let why = match panel {
            panel if panel.n_rows == 0 || panel.cells.is_empty() => "no session belongs to it",
            panel if panel.spec.change && panel.positions.len() < 2 => "a change needs two positions",
            _ => return true,
        };
        left_out.push((format!("panel `{}`", panel.spec.name), why.to_owned()));
        false
    });
    let mut tests: Vec<_> = panels.iter().flat_map(|panel| tests_of(panel, options.conf_level)).collect();
    tests.extend(effects_of(&file.effects, &fits));
    Ok((Figure { file, panels, tests, left_out, options: *options }, fits))
}
