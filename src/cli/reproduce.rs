//! `metier report` and `metier reproduce`: figures and tables of the study, on a page and in files, beside the published
//! numbers.

use super::args::ReproduceArguments;
use super::fit::parse_model;
use super::lock::Inputs;
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of, synthetic};
use super::{Failure, exit, figure, printer};
use crate::chart;
use crate::codebook::{Codebook, Settings};
use crate::compare::published::{PUBLISHED_CSV, parse_published};
use crate::compare::render::{comparison_csv, comparison_markdown};
use crate::compare::{COMPARED, Comparison, Lookup, SCOPE_CSV, Verdict, compare, count, parse_scope};
use crate::figure::{draw::svg, png::png};
use crate::model::Workspace;
use crate::output::number::count as grouped;
use crate::output::write::write_atomic;
use crate::output::{Format, RenderOptions, render};
use crate::pipeline::{fit_models, sample_counts};
use crate::report::exhibits::{in_order, of_chart, of_figure, of_table};
use crate::report::page::html;
use crate::report::sections::{of_comparison, of_flow, of_methods, of_overlap};
use crate::report::{Exhibit, Fact, Report};
use crate::result::{ModelFit, Run};
use crate::sessions::{self, Wanted};
use crate::simulate::SimulateOptions;
use crate::spec::{EMBEDDED, ModelEntry, REPRODUCED, Resolved};
use crate::study::{figure_5, figure_5_data, table_a1, table_a2};
use crate::table::Table;
use std::path::{Path, PathBuf};

/// Columns the sample counts need besides those of the models.
const COUNTED: [&str; 5] = ["user_id", "month", "clear_goal", "user_occupation", "expertise"];

/// Why some published numbers cannot be met together; goes into the comparison.
const CONFLICTS: &str = include_str!("../../data/conflicts.md");

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
    let done = fill(arguments, &out, &command_line(arguments, verb));
    if is_new && done.is_err() {
        // nothing is written before everything is computed: the folder is empty
        let _ = std::fs::remove_dir(&out);
    }
    done
}

/// The arguments that decide the numbers, as a command.
fn command_line(arguments: &ReproduceArguments, verb: &str) -> String {
    let mut words = vec![String::from("metier"), verb.to_owned()];
    match arguments.data.is_empty() {
        true => words.push(format!("--sessions {} --seed {}", arguments.sessions, arguments.seed)),
        false => words.push(data_words(arguments)),
    }
    words.extend(setting_words(arguments));
    words.extend(arguments.min_users.map(|n| format!("--min-users {n}")));
    words.join(" ")
}

/// The command that makes one part alone.
fn alone(arguments: &ReproduceArguments, what: &str) -> String {
    let mut words = vec![format!("metier {what}"), data_words(arguments)];
    words.extend(setting_words(arguments));
    let drawn = drawn_first(arguments).map_or_else(String::new, |draw| format!("{draw} && "));
    drawn + &words.join(" ")
}

/// Name of the file of a synthetic table that is not the embedded one.
const DRAWN: &str = "sessions.parquet";

/// The command that draws the table, if it is not the embedded one.
fn drawn_first(arguments: &ReproduceArguments) -> Option<String> {
    let (sessions, seed) = (arguments.sessions, arguments.seed);
    let is_embedded = (sessions, seed) == (SimulateOptions::EMBEDDED.sessions, SimulateOptions::EMBEDDED.seed);
    (arguments.data.is_empty() && !is_embedded)
        .then(|| format!("metier simulate --sessions {sessions} --seed {seed} --out {DRAWN}"))
}

fn data_words(arguments: &ReproduceArguments) -> String {
    match (arguments.data.is_empty(), drawn_first(arguments)) {
        (true, None) => String::from("--data synthetic"),
        (true, Some(_)) => format!("--data {DRAWN}"),
        (false, _) => {
            format!("--data {}", arguments.data.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" "))
        }
    }
}

fn setting_words(arguments: &ReproduceArguments) -> Vec<String> {
    let maps = arguments.source.map.iter().map(|text| format!("--map {}", quoted(text)));
    maps.chain(arguments.source.set.iter().map(|text| format!("--set {}", quoted(text)))).collect()
}

/// A word as a shell reads it.
fn quoted(text: &str) -> String {
    match text.chars().all(|c| c.is_alphanumeric() || "._-/=,:+".contains(c)) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn fill(arguments: &ReproduceArguments, out: &Path, command: &str) -> Result<u8, Failure> {
    let mut progress = Progress::new(arguments.source.quiet);
    let Reproduced { run, table, missing, inputs, figures } = compute(arguments, &mut progress)?;
    progress.stage("describe");
    let workspace = Workspace::new(&table);
    let options = chart::Options { min_users: arguments.min_users.unwrap_or(0), ..chart::Options::default() };
    let made = figures.iter().map(|figure| figure::make(figure, &workspace, &options));
    let made: Vec<(chart::Figure, Vec<ModelFit>)> = made.collect::<Result<_, Failure>>()?;
    progress.stage("compare and draw");
    let comparisons = comparisons(&run.fits, &table, made.iter().map(|(figure, _)| figure.clone()).collect())?;
    let mut files = render_files(&run, &comparisons, &missing)?;
    for (figure, fits) in &made {
        files.extend(figure::render_files(figure, fits, run.data_note.as_deref())?);
    }
    let page = report(arguments, &run, &made, &comparisons, &missing, command);
    let text = html(&page).map_err(|error| Failure::input(format!("report.html: {error}"), None))?;
    files.push((String::from("report.html"), text.into_bytes()));
    let lock = inputs.lock(super::lock::command_line(), &run).to_text();
    files.push((String::from("metier.lock.json"), lock.into_bytes()));
    progress.stage("write");
    for (name, bytes) in &files {
        write_atomic(&out.join(name), bytes)?;
    }
    progress.finish();
    if !arguments.source.quiet {
        missing.iter().for_each(|sentence| printer::note(sentence));
        printer::data(&summary(&run, &comparisons, out, files.len(), &progress));
    }
    Ok(exit::DONE)
}

/// The models of the report, fitted.
pub struct Reproduced {
    /// The fits.
    pub run: Run,
    /// The table.
    pub table: Table,
    /// Sentences on models left out.
    pub missing: Vec<String>,
    /// What a lock file says of specification and data.
    pub inputs: Inputs,
    /// Figures that the table has columns for.
    pub figures: Vec<figure::Loaded>,
}

/// Reads or draws the table, and fits every model.
///
/// # Errors
/// As [`run`].
pub fn compute(arguments: &ReproduceArguments, progress: &mut Progress) -> Result<Reproduced, Failure> {
    let flags = ModelEntry::default();
    let mut groups: Vec<(String, Vec<Resolved>)> = Vec::new();
    let mut model_files = Vec::new();
    for (name, text) in EMBEDDED.into_iter().filter(|(name, _)| REPRODUCED.contains(name)) {
        let mut file = parse_model(name, text)?;
        if let (Some(min_users), "table_a1") = (arguments.min_users, name) {
            file.defaults.min_users = Some(min_users);
        }
        groups.push((name.to_owned(), arguments.source.resolve(&file, &flags)?));
        model_files.push(file);
    }
    let settings = arguments.source.settings(&[])?;
    let is_synthetic = arguments.data.is_empty();
    let mut counted: Vec<String> = COUNTED.iter().map(|&name| name.to_owned()).collect();
    let missing = if is_synthetic { Vec::new() } else { leave_out(arguments, &settings, &mut groups, &mut counted)? };
    let mut figures = figure::all(&arguments.source)?;
    if !is_synthetic {
        figure::leave_out(&arguments.source, &arguments.data, &settings, &mut figures)?;
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
    let workspace = Workspace::new(&table);
    let mut run = Run {
        data_note: is_marked.then(|| SYNTHETIC.to_owned()),
        sources: if is_synthetic {
            vec![format!("synthetic ({} sessions, seed {})", arguments.sessions, arguments.seed)]
        } else {
            table.sources.iter().map(|(file, _)| file.clone()).collect()
        },
        ..Run::default()
    };
    for (name, specs) in &groups {
        progress.stage(&format!("fit {name}"));
        run.fits.extend(fit_models(&workspace, specs, &label_of, &|_| {})?);
    }
    drop(workspace);
    progress.stage("hash");
    let drawn = is_synthetic.then_some((arguments.sessions, arguments.seed));
    let paths: Vec<Option<&str>> = REPRODUCED.iter().map(|name| Some(*name)).collect();
    let specs = groups.iter().flat_map(|(_, specs)| specs);
    let inputs = Inputs::of(&arguments.source, &model_files, &paths, &flags, specs, &settings, &table, drawn)?;
    Ok(Reproduced { run, table, missing, inputs, figures })
}

/// Takes out the models and counts whose columns the table does not have, and says which.
///
/// # Errors
/// A table that cannot be read, or that no model fits.
fn leave_out(
    arguments: &ReproduceArguments,
    settings: &Settings,
    groups: &mut [(String, Vec<Resolved>)],
    counted: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    let request = arguments.source.request(&arguments.data, Wanted::All, settings.clone())?;
    let Some(source) = arguments.data.first().filter(|source| *source != "-") else { return Ok(Vec::new()) };
    let available = sessions::schema_of(source, request.input_format)?;
    let plan = |names: &[String]| {
        Codebook::embedded().plan(names, &available, &request.mapping, settings, request.codebook).map(|_| ())
    };
    counted.retain(|name| plan(std::slice::from_ref(name)).is_ok());
    let mut missing = Vec::new();
    let mut first_error = None;
    for (name, specs) in groups.iter_mut() {
        specs.retain(|spec| match plan(&spec.names()) {
            Ok(()) => true,
            Err(error) => {
                missing.push(format!("left out model `{}` of `{name}`: {error}", spec.model));
                first_error.get_or_insert(error);
                false
            }
        });
    }
    match first_error {
        Some(error) if groups.iter().all(|(_, specs)| specs.is_empty()) => Err(error.into()),
        _ => Ok(missing),
    }
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::input(
            format!("cannot create the output folder `{}`: {error}", folder.display()),
            Some(String::from("choose another one with `--out FOLDER`")),
        )
    })
}

fn comparisons(fits: &[ModelFit], table: &Table, figures: Vec<chart::Figure>) -> Result<Vec<Comparison>, Failure> {
    let published = parse_published(PUBLISHED_CSV).map_err(|error| Failure::input(&error, None))?;
    let scope = parse_scope(SCOPE_CSV).map_err(|error| Failure::input(&error, None))?;
    Ok(compare(&published, &scope, Lookup { fits, counts: sample_counts(table), figures: &figures }))
}

/// Every file of the folder, complete before the first is written.
fn render_files(run: &Run, comparisons: &[Comparison], missing: &[String]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let note = run.data_note.as_deref();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, text: String| files.push((name.to_owned(), text.into_bytes()));
    for (stem, table) in [("table_a1", table_a1(&run.fits, note)), ("table_a2", table_a2(&run.fits, note))] {
        add(&format!("{stem}.md"), table.markdown());
        add(&format!("{stem}.tex"), table.latex());
        add(&format!("{stem}.csv"), table.csv());
        add(&format!("{stem}.json"), table.json());
    }
    let options = RenderOptions::default();
    for stem in ["figure5", "figure5_logit"] {
        let part = Run { fits: of_spec(run, stem), ..run.clone() };
        add(&format!("{stem}.md"), render(&part, Format::Markdown, &options));
        add(&format!("{stem}.tex"), render(&part, Format::Latex, &options));
        add(&format!("{stem}.json"), render(&part, Format::Json, &options));
        add(&format!("{stem}_fits.csv"), render(&part, Format::Csv, &options));
    }
    let data = figure_5_data(run);
    add("figure5.csv", data.to_csv());
    let picture = svg(&figure_5(run));
    add("figure5.svg", picture.clone());
    add("comparison.csv", comparison_csv(comparisons, note));
    let notices: Vec<String> = run.data_note.iter().chain(missing).cloned().collect();
    add("comparison.md", comparison_markdown(comparisons, &notices, &conflicts()));
    add("results.json", render(run, Format::Json, &options));
    add("results.csv", render(run, Format::Csv, &options));
    let picture = png(&picture, 2.0).map_err(|error| Failure::input(format!("figure5.png: {error}"), None))?;
    files.push((String::from("figure5.png"), picture));
    Ok(files)
}

/// The page.
fn report(
    arguments: &ReproduceArguments,
    run: &Run,
    figures: &[(chart::Figure, Vec<ModelFit>)],
    comparisons: &[Comparison],
    missing: &[String],
    command: &str,
) -> Report {
    let note = run.data_note.as_deref();
    let model = |name: &str| alone(arguments, &format!("fit --model {name}"));
    let mut exhibits: Vec<Exhibit> = figures
        .iter()
        .map(|(figure, _)| of_chart(figure, note, alone(arguments, &format!("figure {}", figure.file.name))))
        .collect();
    exhibits.extend([
        of_figure("figure5", "Figure 5", &figure_5(run), &figure_5_data(run), model("figure5")),
        of_table(
            "table_a1",
            "Table A1",
            "verified success by expertise under cumulative controls",
            &table_a1(&run.fits, note),
            model("table_a1"),
        ),
        of_table(
            "table_a2",
            "Table A2",
            "verified success by level of expertise",
            &table_a2(&run.fits, note),
            model("table_a2"),
        ),
    ]);
    in_order(&mut exhibits);
    let fits: Vec<ModelFit> = run.fits.iter().chain(figures.iter().flat_map(|(_, fits)| fits)).cloned().collect();
    let mut sections = vec![of_methods(&fits), of_flow(&fits)];
    sections.extend(of_overlap(&run.fits));
    sections.push(of_comparison(comparisons, &conflicts()));
    let rows = run.fits.iter().map(|fit| fit.flow.rows_read).max().unwrap_or(0);
    let users = run.fits.iter().map(|fit| fit.flow.users).max().unwrap_or(0);
    let fact = |name: &str, value: usize| Fact { name: name.to_owned(), value: grouped(value) };
    let mut facts = vec![
        fact("Sessions read", rows),
        fact("Users in the largest sample", users),
        fact("Regressions", run.fits.len()),
    ];
    facts.extend(
        Verdict::ALL
            .map(|verdict| fact(&format!("Published numbers: {}", verdict.name()), count(comparisons, verdict))),
    );
    Report {
        title: String::from("Expertise and success in coding-agent sessions"),
        notices: run.data_note.iter().map(|note| format!("Data: {note}")).chain(missing.iter().cloned()).collect(),
        facts,
        exhibits,
        sections,
        command: command.to_owned(),
    }
}

/// What of the published numbers cannot be met together.
fn conflicts() -> Vec<String> {
    CONFLICTS.split("\n\n").map(|text| text.trim().to_owned()).collect()
}

fn of_spec(run: &Run, spec: &str) -> Vec<ModelFit> {
    run.fits.iter().filter(|fit| fit.spec_id == spec).cloned().collect()
}

/// What a person reads at a glance.
fn summary(run: &Run, comparisons: &[Comparison], out: &Path, n_files: usize, progress: &Progress) -> String {
    let mut text = String::new();
    if let Some(note) = &run.data_note {
        text += &format!("Data: {note}\n\n");
    }
    text += "Verified success, adjusted rate by expertise (Table A2, published in brackets)\n";
    let published = |level: &str| {
        let found = comparisons.iter().find(|row| {
            let p = &row.published;
            p.figure == "Table A2" && p.statistic == "adjusted_rate" && p.group == level
        });
        found.and_then(|row| row.published.value)
    };
    let a2 = run.fits.iter().find(|fit| fit.spec_id == "table_a2");
    for row in a2.iter().flat_map(|fit| fit.rates.iter()).flat_map(|rates| &rates.levels) {
        text += &format!(
            "  {:<14}{:>6.1} %  [{:>5.1}, {:>5.1}]   ({})\n",
            format!("{} {}", row.level, row.label),
            100.0 * row.estimate,
            100.0 * row.conf_low,
            100.0 * row.conf_high,
            published(&row.level).map_or_else(|| String::from("not published"), |p| format!("{:.1} %", 100.0 * p)),
        );
    }
    if let Some(fit) = a2 {
        text += &format!(
            "  {} of {} sessions, {} users, {} cells; 95% intervals clustered by user\n",
            grouped(fit.flow.rows_used),
            grouped(fit.flow.rows_read),
            grouped(fit.flow.users),
            grouped(fit.flow.cells)
        );
    }
    text += "\nExpertise per level in Table A1 (published in brackets)\n  ";
    let columns = run.fits.iter().filter(|fit| fit.spec_id == "table_a1");
    let cells: Vec<String> = columns
        .filter_map(|fit| {
            let term = fit.coefficients.iter().find(|coef| coef.term == "expertise")?;
            let group = format!("column {}", fit.model.trim_matches(['(', ')']));
            let known = comparisons.iter().find(|row| {
                let p = &row.published;
                p.figure == "Table A1"
                    && p.statistic == "coefficient"
                    && p.panel == "verified success"
                    && p.group == group
            });
            let known = known.and_then(|row| row.published.value).map_or_else(String::new, |p| format!(" ({p:.4})"));
            Some(format!("{} {:.4}{known}", fit.model, term.estimate))
        })
        .collect();
    text += &cells.join("  ");
    text += "\n\nAgainst the published numbers\n";
    for figure in COMPARED {
        let rows: Vec<Comparison> = comparisons.iter().filter(|row| row.published.figure == figure).cloned().collect();
        let verdicts: Vec<String> = Verdict::ALL
            .into_iter()
            .map(|verdict| (count(&rows, verdict), verdict.name()))
            .filter(|(n, _)| *n > 0)
            .map(|(n, name)| format!("{n} {name}"))
            .collect();
        if !rows.is_empty() {
            text += &format!("  {figure:<13} {}\n", verdicts.join(", "));
        }
    }
    let seconds: f64 = progress.timings.iter().map(|(_, seconds)| seconds).sum();
    text += &format!("\n{n_files} files in {}: start with report.html ({seconds:.1} s)\n", out.display());
    text
}
