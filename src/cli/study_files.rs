//! The folder and the page of the study, and what the terminal says of it.

use super::Failure;
use super::reproduce::Study;
use crate::compare::render::{comparison_csv, comparison_markdown};
use crate::compare::{COMPARED, Comparison, Verdict, count};
use crate::figure::{Picture, pdf};
use crate::output::number::count as grouped;
use crate::output::{Format, RenderOptions, render};
use crate::report::files::{files_of, names_of};
use crate::report::sections::{of_comparison, of_flow, of_methods, of_overlap};
use crate::report::{Exhibit, Fact, Report};
use crate::result::{ModelFit, Run, grouped_reasons};
use crate::study::protect::is_suppressed;
use rayon::prelude::*;
use std::path::Path;

/// Why some published numbers cannot be met together; goes into the comparison.
const CONFLICTS: &str = include_str!("../../data/conflicts.md");

/// A file and its content.
type File = (String, Vec<u8>);

/// Every file of the folder but the page and the lock, complete before the first is written.
///
/// # Errors
/// A picture that cannot be drawn.
pub fn render_files(study: &Study) -> Result<Vec<File>, Failure> {
    let run = &study.run;
    let note = run.data_note.as_deref();
    let one = |exhibit: &Exhibit| -> Result<Vec<File>, Failure> {
        match study.drawn.iter().find(|drawn| drawn.exhibit.id == exhibit.id) {
            Some(drawn) => drawn.render(note),
            None => files_of(exhibit).map_err(|error| Failure::input(format!("{}: {error}", exhibit.id), None)),
        }
    };
    let (each, whole) = rayon::join(
        || study.exhibits.par_iter().map(one).collect::<Result<Vec<Vec<File>>, Failure>>(),
        || {
            let drawings = study.exhibits.iter().filter_map(|exhibit| exhibit.drawing.as_deref());
            let pages: Vec<Picture> = drawings
                .map(Picture::new)
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::input(format!("report.pdf: {error}"), None))?;
            Ok::<Vec<u8>, Failure>(pdf(&pages.iter().collect::<Vec<_>>()))
        },
    );
    let mut files: Vec<File> = each?.into_iter().flatten().collect();
    if study.exhibits.iter().any(|exhibit| exhibit.drawing.is_some()) {
        files.push((String::from("report.pdf"), whole?));
    }
    let mut add = |name: String, text: String| files.push((name, text.into_bytes()));
    add(String::from("comparison.csv"), comparison_csv(&study.comparisons, note, study.round));
    let notices: Vec<String> = run.data_note.iter().cloned().chain(study.notices()).collect();
    add(String::from("comparison.md"), comparison_markdown(&study.comparisons, &notices, &conflicts()));
    if study.is_protected() {
        return Ok(files);
    }
    let options = RenderOptions::default();
    for spec in ["figure5", "figure5_logit"] {
        let part = Run { fits: of_spec(run, spec), ..run.clone() };
        if part.fits.is_empty() {
            continue;
        }
        for (end, format) in
            [("md", Format::Markdown), ("tex", Format::Latex), ("json", Format::Json), ("csv", Format::Csv)]
        {
            add(format!("{spec}_fits.{end}"), render(&part, format, &options));
        }
    }
    add(String::from("results.json"), render(run, Format::Json, &options));
    add(String::from("results.csv"), render(run, Format::Csv, &options));
    Ok(files)
}

/// The page.
pub fn page(study: &Study, command: &str) -> Report {
    let run = &study.run;
    let mut exhibits = study.exhibits.clone();
    for exhibit in &mut exhibits {
        exhibit.files = names_of(exhibit);
    }
    let of_figures = study.drawn.iter().flat_map(|drawn| &drawn.fits);
    let fits: Vec<ModelFit> = run.fits.iter().chain(of_figures).cloned().collect();
    let mut sections = Vec::new();
    if !fits.is_empty() {
        sections.extend([of_methods(&fits), of_flow(&fits)]);
    }
    sections.extend(of_overlap(&run.fits));
    sections.push(of_comparison(&study.comparisons, &conflicts()));
    let shown = |found: Option<usize>| found.filter(|count| *count >= study.min_users);
    let rows = shown(fits.iter().map(|fit| fit.flow.rows_read).max());
    let users = shown(fits.iter().map(|fit| fit.flow.users).max());
    let fact = |name: &str, value: usize| Fact { name: name.to_owned(), value: grouped(value) };
    let mut facts: Vec<Fact> = rows.map(|rows| fact("Sessions read", rows)).into_iter().collect();
    facts.extend(users.map(|users| fact("Users in the largest sample", users)));
    facts.push(fact("Regressions", fits.len()));
    facts
        .extend(Verdict::ALL.map(|verdict| {
            fact(&format!("Published numbers: {}", verdict.name()), count(&study.comparisons, verdict))
        }));
    Report {
        title: String::from("Expertise and success in coding-agent sessions"),
        notices: notices(study),
        facts,
        exhibits,
        sections,
        command: command.to_owned(),
    }
}

/// Sentences that stand first; what is left out of an exhibit stands there.
fn notices(study: &Study) -> Vec<String> {
    let mut notices: Vec<String> = study.run.data_note.iter().map(|note| format!("Data: {note}")).collect();
    if study.min_users > 1 {
        notices.push(format!(
            "Cells of fewer than {} distinct users are suppressed, and those that would give one away.",
            study.min_users
        ));
    }
    let missing: Vec<&str> = study
        .exhibits
        .iter()
        .filter(|exhibit| exhibit.missing.is_some())
        .map(|exhibit| exhibit.name.as_str())
        .collect();
    if !missing.is_empty() {
        notices.push(format!("Not made from this table: {}. Each says why.", missing.join(", ")));
    }
    let is_shown = |spec: &str| study.exhibits.iter().any(|exhibit| exhibit.id == spec);
    let others = grouped_reasons(&study.not_fitted).into_iter().filter(|row| !is_shown(&row.spec_id));
    notices.extend(others.map(|row| format!("Left out {} of `{}`: {}", row.name(), row.spec_id, row.reason)));
    notices
}

/// What of the published numbers cannot be met together.
fn conflicts() -> Vec<String> {
    CONFLICTS.split("\n\n").map(|text| text.trim().to_owned()).collect()
}

fn of_spec(run: &Run, spec: &str) -> Vec<ModelFit> {
    run.fits.iter().filter(|fit| fit.spec_id == spec).cloned().collect()
}

/// What a person reads at a glance.
pub fn summary(study: &Study, out: &Path, n_files: usize) -> String {
    let Study { run, comparisons, .. } = study;
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
    if a2.is_none() {
        text += "  no fit\n";
    }
    for row in a2.iter().flat_map(|fit| fit.rates.iter()).flat_map(|rates| &rates.levels) {
        if is_suppressed(row) {
            text += &format!("  {:<14} suppressed\n", format!("{} {}", row.level, row.label));
            continue;
        }
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
    text += if cells.is_empty() { "no fit" } else { "" };
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
    text += &format!("\n{n_files} files in {}: start with report.html ([seconds])\n", out.display());
    text
}
