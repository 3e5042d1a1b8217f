//! `metier curve`: many specifications at once.

use super::args::{EntryArguments, OutputFormat, SourceArguments};
use super::fit::{format_of, sources, toml_failure};
use super::progress::Progress;
use super::source::{SYNTHETIC, SYNTHETIC_SOURCE, label_of};
use super::{Failure, exit, printer};
use crate::curve::Curve;
use crate::curve::joint::DrawOptions;
use crate::explorer;
use crate::figure::{curve_figure, png};
use crate::grid::{
    Draft, EMBEDDED_GRIDS, Expanded, GridError, GridFile, Plan, StepwiseRequest, embedded_grid, expand, stepwise_grid,
};
use crate::lock::hash::{of_file, of_json};
use crate::lock::readme::shell;
use crate::model::Workspace;
use crate::nearest::nearest_name;
use crate::output::write::{check_target, write, write_atomic};
use crate::output::{Format, RenderOptions, curve_table, json_text, render_document};
use crate::pipeline::curve::{CurveRun, Ready};
use crate::pipeline::curve_state;
use crate::spec::{ModelEntry, ModelFile, Resolved};
use crate::table::Table;
use clap::Args;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// `metier curve`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CurveArguments {
    /// A grid (a TOML file, or an embedded one such as `curve_fig5`), or a formula with sw(), csw() and their kind
    pub grid: String,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run", num_args = 1..)]
    pub data: Vec<String>,
    /// The effect of interest: `5 - 1` for a difference of adjusted rates, or a coefficient; the grid's if left out
    #[arg(long, value_name = "EFFECT")]
    pub effect: Option<String>,
    /// Estimate every specification on the rows that all of them can use
    #[arg(long)]
    pub common_sample: bool,
    /// Most specifications, instead of the grid's or 5,000
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
    /// Say how many specifications there are, and what they are, without reading a table
    #[arg(long)]
    pub dry_run: bool,
    /// Sign flips for joint statements; 0 for none
    #[arg(long, default_value_t = 1999)]
    pub draws: u32,
    /// Seed of the sign flips
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Plan that was locked before the outcomes were read: marks what it does not name as exploratory
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Folder to write: the table of specifications, rates, JSON, pictures, the explorer
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Format of what is printed; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub source: SourceArguments,
}

const HELP: &str = "\
Examples:
  metier curve curve_fig5 --data synthetic --out curve
  metier curve 'verified_success ~ expertise | csw0(work_mode, month, task_occupation)' --data s.csv --cluster user_id";

/// Estimates and writes.
///
/// # Errors
/// Whatever is wrong with the grid or the table; specifications that cannot be estimated are part of the result.
pub fn run(arguments: &CurveArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    check_target(arguments.output.as_deref())?;
    let file = grid_of(arguments)?;
    let expanded = expand(&file)?;
    let format = format_of(arguments.format, arguments.output.as_deref());
    if arguments.dry_run {
        let text = list(&file, &expanded, format);
        write(arguments.output.as_deref(), text.as_bytes())?;
        return Ok(exit::DONE);
    }
    if !arguments.source.quiet {
        printer::note(&format!("{} specifications, at most {}", expanded.drafts.len(), most(&file)));
    }
    let plan = arguments.plan.as_deref().map(super::plan::read).transpose()?;
    if let Some(folder) = &arguments.out {
        make_folder(folder)?;
    }
    let mut progress = Progress::new(arguments.source.quiet);
    let mut curve = compute(arguments, &file, &expanded, &mut progress)?;
    if let Some(plan) = &plan {
        mark(&mut curve, plan);
        let run: HashSet<&str> = curve.specifications.iter().map(|one| one.id.as_str()).collect();
        let left = plan.ids().iter().filter(|id| !run.contains(*id)).count();
        if left > 0 && !arguments.source.quiet {
            printer::note(&format!("{left} specifications of the plan are not in this grid"));
        }
    }
    if let Some(folder) = &arguments.out {
        progress.stage("write");
        for (name, bytes) in files(&curve)? {
            write_atomic(&folder.join(name), &bytes)?;
        }
        // a finished curve needs no batches; what is left of them does no harm
        let _ = std::fs::remove_dir_all(folder.join(STATE));
    }
    progress.finish();
    let options = RenderOptions {
        ansi: !arguments.source.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = match format {
        Format::Csv => curve_table::specifications(&curve).to_csv(),
        Format::Json => json_text::indented(&curve_table::json(&curve)),
        readable => render_document(&curve_table::document(&curve), readable, &options),
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    let estimated = curve.specifications.iter().any(|one| one.outcome.is_ok());
    Ok(if estimated { exit::DONE } else { exit::ESTIMATION })
}

/// Makes a folder, before the work.
fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::input(format!("cannot make the folder `{}`: {error}", folder.display()), None))
}

/// Marks what a plan names.
fn mark(curve: &mut Curve, plan: &Plan) {
    let ids = plan.ids();
    curve.specifications.iter_mut().for_each(|one| one.planned = Some(ids.contains(one.id.as_str())));
}

fn most(file: &GridFile) -> usize {
    file.max.unwrap_or(crate::grid::MOST)
}

/// The grid named or written as a formula, with the flags laid over it.
///
/// # Errors
/// A missing file, TOML that is no grid, a formula that cannot be read.
pub fn grid_of(arguments: &CurveArguments) -> Result<GridFile, Failure> {
    let flags = arguments.entry.entry();
    let mut file = if arguments.grid.contains('~') {
        let (formula, effect) = (arguments.grid.clone(), arguments.effect.clone());
        stepwise_grid(&StepwiseRequest { formula, entry: flags, effect })?
    } else {
        let mut file = named_grid(&arguments.grid)?;
        file.defaults = flags.over(&file.defaults);
        file
    };
    file.effect = arguments.effect.clone().or(file.effect);
    file.max = arguments.max.or(file.max);
    file.common_sample |= arguments.common_sample;
    Ok(file)
}

/// Reads a grid file, or an embedded one by its name.
///
/// # Errors
/// A missing file, TOML that is no grid.
pub fn named_grid(path: &str) -> Result<GridFile, Failure> {
    let (origin, text) = match std::fs::read_to_string(path) {
        Ok(text) => (path.to_owned(), text),
        Err(error) => match embedded_grid(path).filter(|_| !Path::new(path).exists()) {
            Some((name, text)) => (format!("models/{name}.toml"), text.to_owned()),
            None if error.kind() == std::io::ErrorKind::NotFound => {
                let known: Vec<&str> = EMBEDDED_GRIDS.iter().map(|(name, _)| *name).collect();
                let nearest = crate::sessions::nearest_file(Path::new(path))
                    .filter(|name| name.ends_with(".toml"))
                    .or_else(|| nearest_name(path, known.iter().copied()).map(str::to_owned));
                let hint = match nearest {
                    Some(name) => format!("did you mean `{name}`? embedded grids are: {}", known.join(", ")),
                    None => format!("embedded grids are: {}; a formula has a `~`", known.join(", ")),
                };
                return Err(Failure::input(format!("there is no grid `{path}`"), Some(hint)));
            }
            None => return Err(Failure::input(format!("cannot read the grid `{path}`: {error}"), None)),
        },
    };
    toml::from_str(&text)
        .map_err(|error| toml_failure(&origin, &text, &error, "docs/curves.md lists the keys of a grid"))
}

/// Resolves, reads a table for every set of settings, estimates.
///
/// # Errors
/// A table that cannot be read.
pub fn compute(
    arguments: &CurveArguments,
    file: &GridFile,
    expanded: &Expanded,
    progress: &mut Progress,
) -> Result<Curve, Failure> {
    let words = source_words(arguments);
    let commands = expanded.drafts.iter().map(|draft| command(draft, &words)).collect();
    let mut run = CurveRun::new(expanded, &label_of);
    let mut by_settings: BTreeMap<String, Vec<Ready>> = BTreeMap::new();
    let mut first = None;
    for (at, draft) in expanded.drafts.iter().enumerate() {
        let key = serde_json::to_string(&draft.settings).unwrap_or_default();
        if at == expanded.baseline {
            first = Some(key.clone());
        }
        match resolve(arguments, file, draft) {
            Ok(resolved) => by_settings.entry(key).or_default().push(Ready { at, resolved }),
            Err(failure) => run.fail(at, failure.message),
        }
    }
    // the table of the baseline comes first: the others are compared with it
    let mut tables: Vec<(String, Vec<Ready>)> = by_settings.into_iter().collect();
    tables.sort_by_key(|(key, _)| Some(key) != first.as_ref());
    let (mut is_synthetic, mut read) = (false, Vec::new());
    let mut started = false;
    for (_, mut ready) in tables {
        progress.stage("read");
        let Some((table, synthetic)) = table(arguments, expanded, &mut ready, &mut run)? else { continue };
        (is_synthetic, read) = (is_synthetic | synthetic, sources(&table, &arguments.data));
        let workspace = Workspace::new(&table);
        progress.stage("estimate");
        if !started {
            run.start(&workspace, &ready, &file.focal);
            started = true;
        }
        let fingerprint = arguments.out.as_ref().and_then(|_| fingerprint(&arguments.data, &table, expanded));
        let state = arguments.out.as_ref().zip(fingerprint).map(|(out, print)| (out.join(STATE), print));
        if let Some((folder, print)) = &state {
            restore(folder, print, expanded, &mut run);
        }
        ready.retain(|one| !run.has(one.at));
        let done = progress.counter(ready.len());
        // rows are selected once per batch: several only where they are saved
        let parts = if state.is_some() { batches(&ready, expanded) } else { vec![ready] };
        for (number, batch) in parts.into_iter().enumerate() {
            run.run(&workspace, &batch, &done);
            if let Some((folder, print)) = &state {
                let estimated: Vec<_> = batch
                    .iter()
                    .filter_map(|one| Some((expanded.drafts[one.at].id.as_str(), run.result(one.at)?)))
                    .collect();
                let name = format!("{}-{number}.batch", batch.first().map_or("", |one| &expanded.drafts[one.at].id));
                make_folder(folder)?;
                curve_state::save(&folder.join(name), print, &estimated)?;
            }
        }
    }
    progress.stage("join");
    let options = DrawOptions { draws: arguments.draws as usize, seed: arguments.seed, alpha: 0.05 };
    let mut curve = run.finish(file, commands, options);
    curve.data_note = is_synthetic.then(|| SYNTHETIC.to_owned());
    curve.sources = read;
    curve.command = format!("metier {}", shell(&super::lock::command_line()));
    Ok(curve)
}

/// Folder of batches within the folder of a curve.
const STATE: &str = "unfinished";

/// Specifications after which what was estimated is saved.
const BATCH: usize = 500;

/// Specifications in batches; those of one design stay together.
fn batches(ready: &[Ready], expanded: &Expanded) -> Vec<Vec<Ready>> {
    let mut designs: Vec<(String, Vec<Ready>)> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for one in ready {
        let key = expanded.drafts[one.at].design_key();
        let at = *place.entry(key.clone()).or_insert_with(|| {
            designs.push((key, Vec::new()));
            designs.len() - 1
        });
        designs[at].1.push(one.clone());
    }
    let mut batches: Vec<Vec<Ready>> = Vec::new();
    for (_, members) in designs {
        match batches.last_mut().filter(|batch| batch.len() < BATCH) {
            Some(batch) => batch.extend(members),
            None => batches.push(members),
        }
    }
    batches
}

/// What an unfinished run must share with this one; `None` for a table that cannot be read again.
fn fingerprint(data: &[String], table: &Table, expanded: &Expanded) -> Option<String> {
    let mut files = Vec::new();
    for file in data.iter().filter(|file| *file != SYNTHETIC_SOURCE) {
        files.push(serde_json::json!([file, of_file(Path::new(file)).ok()?]));
    }
    let value = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "files": files, "rows": table.n_rows(),
        "baseline": expanded.drafts[expanded.baseline].id, "specifications": expanded.drafts.len(),
    });
    Some(of_json(&value))
}

/// Takes over what an unfinished run estimated.
fn restore(folder: &Path, fingerprint: &str, expanded: &Expanded, run: &mut CurveRun) {
    let place: HashMap<&str, usize> = expanded.drafts.iter().enumerate().map(|(at, d)| (d.id.as_str(), at)).collect();
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for (id, estimated) in files.filter_map(|file| curve_state::load(&file.path(), fingerprint)).flatten() {
        if let Some(&at) = place.get(id.as_str()).filter(|&&at| !run.has(at)) {
            run.restore(at, estimated);
        }
    }
}

fn resolve(arguments: &CurveArguments, file: &GridFile, draft: &Draft) -> Result<Resolved, Failure> {
    let entry = ModelEntry { name: Some(draft.id.clone()), ..draft.entry.clone() };
    let models = ModelFile { name: file.name.clone(), model: vec![entry], ..ModelFile::default() };
    let mut resolved = arguments.source.resolve(&models, &ModelEntry::default())?;
    match (resolved.pop(), resolved.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(Failure::input("an option has a stepwise term", Some(String::from("make every step an option")))),
    }
}

/// The table of some settings; specifications that need a column it lacks fail alone. `None` if none is left.
fn table(
    arguments: &CurveArguments,
    expanded: &Expanded,
    ready: &mut Vec<Ready>,
    run: &mut CurveRun,
) -> Result<Option<(Table, bool)>, Failure> {
    let Some(first) = ready.first() else { return Ok(None) };
    let settings = match arguments.source.settings(&[expanded.drafts[first.at].settings.clone()]) {
        Ok(settings) => settings,
        Err(failure) => {
            ready.drain(..).for_each(|one| run.fail(one.at, failure.message.clone()));
            return Ok(None);
        }
    };
    loop {
        let mut names: Vec<String> = ready.iter().flat_map(|one| one.resolved.names()).collect();
        names.sort();
        names.dedup();
        let specs = ready.iter().map(|one| &one.resolved);
        match arguments.source.table(&arguments.data, names, settings.clone(), specs) {
            Ok(found) => return Ok(Some(found)),
            Err(failure) => {
                let Some(name) = failure.unknown_name.clone() else { return Err(failure) };
                let before = ready.len();
                ready.retain(|one| {
                    let uses = one.resolved.names().contains(&name);
                    if uses {
                        run.fail(one.at, failure.message.clone());
                    }
                    !uses
                });
                if ready.len() == before || (ready.is_empty() && before == expanded.drafts.len()) {
                    return Err(failure);
                }
                if ready.is_empty() {
                    return Ok(None);
                }
            }
        }
    }
}

/// Words that name the table and how it is read.
fn source_words(arguments: &CurveArguments) -> Vec<String> {
    let mut words = vec![String::from("--data")];
    words.extend(arguments.data.iter().cloned());
    words.extend(arguments.source.map.iter().flat_map(|text| [String::from("--map"), text.clone()]));
    words.extend(arguments.source.set.iter().flat_map(|text| [String::from("--set"), text.clone()]));
    if arguments.source.codebook == super::args::CodebookChoice::Off {
        words.extend([String::from("--codebook"), String::from("off")]);
    }
    if arguments.source.allow_duplicates {
        words.push(String::from("--allow-duplicates"));
    }
    words
}

fn command(draft: &Draft, words: &[String]) -> String {
    format!("metier {}", shell(&draft.command(words)))
}

/// Every file of the folder.
///
/// # Errors
/// A picture that cannot be drawn.
fn files(curve: &Curve) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let options = RenderOptions::default();
    let summary = render_document(&curve_table::document(curve), Format::Markdown, &options);
    let picture = curve_figure(curve);
    let pixels = png(&picture, 2.0).map_err(|error| Failure::input(format!("curve.png: {error}"), None))?;
    let explorer = explorer::page(curve).map_err(|error| Failure::input(&error, None))?;
    Ok(vec![
        (String::from("explorer.html"), explorer.into_bytes()),
        (String::from("curve.svg"), picture.into_bytes()),
        (String::from("curve.png"), pixels),
        (String::from("specifications.csv"), curve_table::specifications(curve).to_csv().into_bytes()),
        (String::from("rates.csv"), curve_table::rates(curve).to_csv().into_bytes()),
        (String::from("curve.json"), json_text::indented(&curve_table::json(curve)).into_bytes()),
        (String::from("summary.md"), summary.into_bytes()),
    ])
}

/// How many specifications, and which.
fn list(file: &GridFile, expanded: &Expanded, format: Format) -> String {
    let ids =
        || expanded.drafts.iter().map(|draft| (draft.id.clone(), draft.entry.formula.clone().unwrap_or_default()));
    match format {
        Format::Json => {
            let specifications: Vec<_> =
                ids().map(|(id, formula)| serde_json::json!({ "id": id, "formula": formula })).collect();
            json_text::indented(&serde_json::json!({
                "name": file.name, "combinations": expanded.combinations, "excluded": expanded.excluded,
                "duplicates": expanded.duplicates, "max": most(file), "specifications": specifications,
            }))
        }
        _ => {
            let choices: Vec<String> = expanded
                .choices
                .iter()
                .map(|choice| {
                    let options: Vec<&str> = choice.options.iter().map(|option| option.name.as_str()).collect();
                    format!("  {:<16} {}\n", choice.name, options.join(", "))
                })
                .collect();
            format!(
                "{} specifications, at most {}\n{} combinations: {} excluded by rules, {} the same as another\n{}",
                expanded.drafts.len(),
                most(file),
                expanded.combinations,
                expanded.excluded,
                expanded.duplicates,
                choices.concat(),
            )
        }
    }
}

impl From<GridError> for Failure {
    fn from(error: GridError) -> Self {
        match error {
            GridError::Spec(error) => error.into(),
            GridError::Plain { message, hint } => Failure::input(message, Some(hint)),
        }
    }
}
