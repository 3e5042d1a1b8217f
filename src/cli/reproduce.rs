//! `metier report` and `metier reproduce`: figures and tables of the study, on a page and in files, beside the published
//! numbers.

use super::args::ReproduceArguments;
use super::fit::parse_model;
use super::lock::{Inputs, specification_file};
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of, synthetic};
use super::study_files::{page, render_files, summary};
use super::{Failure, commands, exit, figure, printer};
use crate::chart;
use crate::codebook::{Codebook, CodebookError, Settings};
use crate::compare::published::{PUBLISHED_CSV, parse_published};
use crate::compare::{Comparison, Lookup, SCOPE_CSV, SampleCounts, compare, parse_scope};
use crate::expr::{Expr, ExprKind};
use crate::lock::Lock;
use crate::model::Workspace;
use crate::output::write::write_atomic;
use crate::pipeline::{fit_possible, prepare_samples, sample_counts};
use crate::report::Exhibit;
use crate::report::exhibits::{in_order, of_chart, of_figure_5, of_table};
use crate::report::page::html;
use crate::result::{ModelFit, NotFitted, Run, grouped_reasons};
use crate::sessions::{self, Wanted};
use crate::simulate::SimulateOptions;
use crate::spec::{EMBEDDED, ModelEntry, REPRODUCED, Resolved};
use crate::study::protect::{LevelRows, hidden, hide};
use crate::study::{table_a1, table_a2};
use crate::table::MISSING;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Columns the sample counts need besides those of the models.
const COUNTED: [&str; 5] = ["user_id", "month", "clear_goal", "user_occupation", "expertise"];

/// Fits everything, then writes the folder and prints a summary.
///
/// # Errors
/// Whatever is wrong with the table, the estimation or the folder.
pub fn run(arguments: &ReproduceArguments, verb: &str) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    let default = if verb == "reproduce" { "results" } else { "report" };
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from(default));
    let is_new = !out.exists();
    create_folder(&out)?;
    let done = fill(arguments, &out, &commands::whole(arguments, verb));
    if is_new && done.is_err() {
        // nothing is written before everything is computed: the folder is empty
        let _ = std::fs::remove_dir(&out);
    }
    done
}

fn fill(arguments: &ReproduceArguments, out: &Path, command: &str) -> Result<u8, Failure> {
    let mut progress = Progress::new(arguments.source.quiet);
    let study = compute(arguments, &mut progress)?;
    progress.stage("draw");
    let mut files = render_files(&study)?;
    let text = html(&page(&study, command)).map_err(|error| Failure::input(format!("report.html: {error}"), None))?;
    files.push((String::from("report.html"), text.into_bytes()));
    progress.stage("write");
    for (name, bytes) in &files {
        write_atomic(&out.join(name), bytes)?;
    }
    let n_files = files.len() + 1;
    let mut text = summary(&study, out, n_files);
    let notices = study.notices();
    let lock = study.lock(super::lock::command_line()).to_text();
    write_atomic(&out.join("metier.lock.json"), lock.as_bytes())?;
    progress.finish();
    if !arguments.source.quiet {
        notices.iter().for_each(|sentence| printer::note(sentence));
        let seconds: f64 = progress.timings.iter().map(|(_, seconds)| seconds).sum();
        text = text.replacen("[seconds]", &format!("{seconds:.1} s"), 1);
        printer::data(&text);
    }
    Ok(exit::DONE)
}

/// Everything the study found.
pub struct Study {
    /// The fits of the tables and of Figure 5, without what may not be shown.
    pub run: Run,
    /// The other figures.
    pub drawn: Vec<figure::Drawn>,
    /// Figures and tables in the order of the page.
    pub exhibits: Vec<Exhibit>,
    /// Words of the command of each exhibit.
    commands: Vec<(String, Vec<String>)>,
    /// Published numbers and ours.
    pub comparisons: Vec<Comparison>,
    /// Regressions that do not exist.
    pub not_fitted: Vec<NotFitted>,
    /// Distinct users that a cell needs.
    pub min_users: usize,
    /// Decimals of printed numbers.
    pub round: Option<usize>,
    inputs: Inputs,
}

impl Study {
    /// Whether full digits and single levels stay out of the folder.
    pub fn is_protected(&self) -> bool {
        self.min_users > 1 || self.round.is_some()
    }

    /// Sentences on what was left out and is no exhibit of its own.
    pub fn notices(&self) -> Vec<String> {
        let sentence = |row: &NotFitted| format!("left out {} of `{}`: {}", row.name(), row.spec_id, row.reason);
        grouped_reasons(&self.not_fitted).iter().map(sentence).collect()
    }

    /// The lock of the study.
    pub fn lock(self, words: Vec<String>) -> Lock {
        let command = |id: &str| self.commands.iter().find(|(known, _)| known == id).map(|(_, words)| words.clone());
        let exhibits = self
            .exhibits
            .iter()
            .flat_map(|exhibit| figure::locked(exhibit, command(&exhibit.id).unwrap_or_default()))
            .collect();
        let fits = if self.is_protected() { Vec::new() } else { self.run.fits };
        self.inputs.lock_with(words, &Run { fits, ..self.run }, exhibits)
    }
}

/// Reads or draws the table, fits every model and computes every figure.
///
/// # Errors
/// As [`run`].
pub fn compute(arguments: &ReproduceArguments, progress: &mut Progress) -> Result<Study, Failure> {
    let flags = ModelEntry::default();
    let mut groups: Vec<(String, Vec<Resolved>)> = Vec::new();
    let mut specification = Vec::new();
    for (name, text) in EMBEDDED.into_iter().filter(|(name, _)| REPRODUCED.contains(name)) {
        let mut file = parse_model(name, text)?;
        if let (Some(min_users), "table_a1") = (arguments.min_users, name) {
            file.defaults.min_users = Some(min_users);
        }
        groups.push((name.to_owned(), arguments.source.resolve(&file, &flags)?));
        specification.push(specification_file(&file, Some(name), &flags)?);
    }
    let settings = arguments.source.settings(&[])?;
    let is_synthetic = arguments.data.is_empty();
    let mut counted: Vec<String> = COUNTED.iter().map(|&name| name.to_owned()).collect();
    let mut figures = figure::all(&arguments.source)?;
    specification.extend(figure::specification(&figures)?);
    let mut not_fitted = Vec::new();
    if !is_synthetic {
        let mut error = leave_out(arguments, &settings, &mut groups, &mut counted, &mut not_fitted)?;
        let first = figure::leave_out(&arguments.source, &arguments.data, &settings, &mut figures)?;
        error = error.or(first);
        let is_nothing =
            groups.iter().all(|(_, specs)| specs.is_empty()) && figures.iter().all(figure::Loaded::is_empty);
        if let Some(error) = error.filter(|_| is_nothing) {
            return Err(error.into());
        }
    }
    let mut names: Vec<String> = groups.iter().flat_map(|(_, specs)| specs).flat_map(Resolved::names).collect();
    names.extend(counted);
    names.extend(figure::names_of(&figures)?);
    names.sort();
    names.dedup();

    progress.stage(if is_synthetic { "simulate" } else { "read" });
    let (table, is_marked) = if is_synthetic {
        let options = SimulateOptions { sessions: arguments.sessions, users: None, seed: arguments.seed };
        (synthetic(&options, &names, &settings)?, true)
    } else {
        let specs = groups.iter().flat_map(|(_, specs)| specs);
        arguments.source.table(&arguments.data, names, settings.clone(), specs)?
    };
    let options = chart::Options {
        min_users: arguments.min_users.unwrap_or(0),
        round: arguments.round.map(usize::from),
        ..chart::Options::default()
    };
    let data_note = is_marked.then(|| SYNTHETIC.to_owned());
    let workspace = Workspace::new(&table);
    let mut fits = Vec::new();
    for (name, specs) in &groups {
        progress.stage(&format!("fit {name}"));
        let (found, failed) = fit_possible(&workspace, specs, &label_of);
        fits.extend(found);
        not_fitted.extend(failed);
    }
    if options.min_users > 1 {
        protect(&workspace, &groups, &mut fits, &mut not_fitted, options.min_users);
    }
    progress.stage("describe");
    let drawn_from = is_synthetic.then_some((arguments.sessions, arguments.seed));
    let (inputs, drawn) = rayon::join(
        || {
            let models = groups.iter().flat_map(|(_, specs)| specs);
            Inputs::of_files(&arguments.source, specification, models, &settings, &table, drawn_from)
        },
        || draw(&figures, &workspace, &options, data_note.as_deref(), arguments),
    );
    let (inputs, drawn) = (inputs?, drawn?);
    drop(workspace);
    let sources = match is_synthetic {
        true => vec![format!("synthetic ({} sessions, seed {})", arguments.sessions, arguments.seed)],
        false => table.sources.iter().map(|(file, _)| file.clone()).collect(),
    };
    let run = Run { fits, data_note, sources, ..Run::default() };
    progress.stage("compare");
    let charts: Vec<chart::Figure> = drawn.iter().map(|drawn| drawn.figure.clone()).collect();
    let counts = shown_counts(sample_counts(&table), options.min_users);
    let comparisons = comparisons(&run.fits, &not_fitted, counts, &charts)?;
    let (exhibits, commands) = exhibits(arguments, &run, &drawn, &not_fitted, options.round);
    let (min_users, round) = (options.min_users, options.round);
    Ok(Study { run, drawn, exhibits, commands, comparisons, not_fitted, min_users, round, inputs })
}

/// Every figure, in parallel and in order.
fn draw(
    figures: &[figure::Loaded],
    workspace: &Workspace,
    options: &chart::Options,
    data_note: Option<&str>,
    arguments: &ReproduceArguments,
) -> Result<Vec<figure::Drawn>, Failure> {
    figures
        .par_iter()
        .map(|loaded| {
            let (figure, fits) = figure::make(loaded, workspace, options)?;
            let command = commands::alone(arguments, &["figure", &figure.file.name]);
            let exhibit = of_chart(&figure, data_note, commands::text(arguments, &command));
            Ok(figure::Drawn { figure, fits, exhibit })
        })
        .collect()
}

/// Figures and tables as the page shows them, and the words of their commands.
fn exhibits(
    arguments: &ReproduceArguments,
    run: &Run,
    drawn: &[figure::Drawn],
    not_fitted: &[NotFitted],
    round: Option<usize>,
) -> (Vec<Exhibit>, Vec<(String, Vec<String>)>) {
    let note = run.data_note.as_deref();
    let words = |id: &str| match id {
        "figure5" | "table_a1" | "table_a2" => commands::alone(arguments, &["fit", "--model", id]),
        figure => commands::alone(arguments, &["figure", figure]),
    };
    let command = |id: &str| commands::text(arguments, &words(id));
    let reasons = |id: &str| -> Vec<String> {
        let own = grouped_reasons(not_fitted).into_iter().filter(|row| row.spec_id == id);
        own.map(|row| format!("{}: {}", row.name(), row.reason)).collect()
    };
    let a1 = "verified success by expertise under cumulative controls";
    let a2 = "verified success by level of expertise";
    let mut exhibits: Vec<Exhibit> = drawn.iter().map(|drawn| drawn.exhibit.clone()).collect();
    exhibits.extend([
        of_figure_5(run, command("figure5"), &reasons("figure5")),
        of_table("table_a1", "Table A1", a1, &table_a1(&run.fits, note), command("table_a1"), &reasons("table_a1")),
        of_table("table_a2", "Table A2", a2, &table_a2(&run.fits, note), command("table_a2"), &reasons("table_a2")),
    ]);
    for exhibit in
        exhibits.iter_mut().filter(|exhibit| ["figure5", "table_a1", "table_a2"].contains(&exhibit.id.as_str()))
    {
        for (_, table) in &mut exhibit.data {
            *table = std::mem::take(table).rounded(round, &["statistic", "p_value", "conf_level"]);
        }
    }
    in_order(&mut exhibits);
    let commands = exhibits.iter().map(|exhibit| (exhibit.id.clone(), words(&exhibit.id))).collect();
    (exhibits, commands)
}

/// Leaves out fits of too few users, and takes from the others the levels that may not be shown.
fn protect(
    workspace: &Workspace,
    groups: &[(String, Vec<Resolved>)],
    fits: &mut Vec<ModelFit>,
    not_fitted: &mut Vec<NotFitted>,
    min_users: usize,
) {
    fits.retain(|fit| {
        let is_small = fit.flow.users < min_users;
        if is_small {
            not_fitted.push(NotFitted {
                spec_id: fit.spec_id.clone(),
                model: fit.model.clone(),
                outcome: fit.outcome.clone(),
                sample: fit.sample.clone(),
                reason: format!("suppressed: it rests on fewer than {min_users} users"),
            });
        }
        !is_small
    });
    let rows: Vec<LevelRows> =
        groups.iter().flat_map(|(_, specs)| specs).flat_map(|spec| level_rows(workspace, spec)).collect();
    let hidden = hidden(&rows, min_users);
    for fit in fits.iter_mut().filter(|fit| fit.rates.is_some()) {
        let is_it = |rows: &&LevelRows| {
            rows.spec_id == fit.spec_id
                && rows.model == fit.model
                && rows.sample == fit.sample
                && rows.outcomes.contains(&fit.outcome)
        };
        match rows.iter().position(|rows| is_it(&rows)) {
            Some(at) => hide(fit, &hidden[at]),
            // rows that are not known cannot be protected
            None => hide(fit, &vec![true; fit.rates.as_ref().map_or(0, |rates| rates.levels.len())]),
        }
    }
}

/// The rows behind the rates of a specification, by sample and by outcomes that are missing in the same rows.
fn level_rows(workspace: &Workspace, spec: &Resolved) -> Vec<LevelRows> {
    let Some(factor) = &spec.request.rates else { return Vec::new() };
    let Some(user) = spec.request.clusters.first().and_then(|parts| parts.first()) else { return Vec::new() };
    let name = Expr { kind: ExprKind::Name(factor.clone()), span: 0..0 };
    let (Ok(samples), Ok(levels), Ok(users)) =
        (prepare_samples(workspace, spec, &label_of), workspace.coded(&name), workspace.codes(user))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (sample, group) in samples.iter().flat_map(|sample| sample.groups.iter().map(move |group| (sample, group))) {
        let Some(rates) = &group.sample.rates else { continue };
        let mut rows: Vec<Vec<(u32, u32)>> = vec![Vec::new(); rates.levels.len()];
        for row in (0..group.rows.len()).filter_map(|at| group.rows.get(at)) {
            let code = levels.factor.codes[row];
            let label = levels.factor.levels.get(code as usize).filter(|_| code != MISSING);
            if let Some(at) = label.and_then(|label| rates.levels.iter().position(|level| level == label)) {
                rows[at].push((row as u32, users.codes[row]));
            }
        }
        rows.iter_mut().for_each(|rows| rows.sort_unstable());
        found.push(LevelRows {
            spec_id: spec.spec_id.clone(),
            model: spec.model.clone(),
            sample: sample.name.clone(),
            outcomes: group.sample.outcomes.iter().map(|outcome| outcome.name.clone()).collect(),
            levels: rows,
        });
    }
    found
}

/// Counts of the sample frame that may be shown: none of fewer users than the minimum.
fn shown_counts(counts: SampleCounts, min_users: usize) -> SampleCounts {
    let enough = |count: Option<usize>| count.filter(|count| *count == 0 || *count >= min_users);
    if counts.users.is_some_and(|users| users < min_users) {
        return SampleCounts::default();
    }
    SampleCounts {
        users_gt1: enough(counts.users_gt1),
        users_gt5: enough(counts.users_gt5),
        users_gt10: enough(counts.users_gt10),
        ..counts
    }
}

/// Takes out the models and counts whose columns the table does not have, and says which.
///
/// # Errors
/// A table that cannot be read.
fn leave_out(
    arguments: &ReproduceArguments,
    settings: &Settings,
    groups: &mut [(String, Vec<Resolved>)],
    counted: &mut Vec<String>,
    not_fitted: &mut Vec<NotFitted>,
) -> Result<Option<CodebookError>, Failure> {
    let request = arguments.source.request(&arguments.data, Wanted::All, settings.clone())?;
    let Some(source) = arguments.data.first().filter(|source| *source != "-") else { return Ok(None) };
    let available = sessions::schema_of(source, request.input_format)?;
    let plan = |names: &[String]| {
        Codebook::embedded().plan(names, &available, &request.mapping, settings, request.codebook).map(|_| ())
    };
    counted.retain(|name| plan(std::slice::from_ref(name)).is_ok());
    let mut first_error = None;
    for (_, specs) in groups.iter_mut() {
        specs.retain(|spec| match plan(&spec.names()) {
            Ok(()) => true,
            Err(error) => {
                not_fitted.push(NotFitted {
                    spec_id: spec.spec_id.clone(),
                    model: spec.model.clone(),
                    reason: error.to_string(),
                    ..NotFitted::default()
                });
                first_error.get_or_insert(error);
                false
            }
        });
    }
    Ok(first_error)
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::input(
            format!("cannot create the output folder `{}`: {error}", folder.display()),
            Some(String::from("choose another one with `--out FOLDER`")),
        )
    })
}

fn comparisons(
    fits: &[ModelFit],
    not_fitted: &[NotFitted],
    counts: SampleCounts,
    figures: &[chart::Figure],
) -> Result<Vec<Comparison>, Failure> {
    let published = parse_published(PUBLISHED_CSV).map_err(|error| Failure::input(&error, None))?;
    let scope = parse_scope(SCOPE_CSV).map_err(|error| Failure::input(&error, None))?;
    Ok(compare(&published, &scope, Lookup { fits, not_fitted, counts, figures }))
}
