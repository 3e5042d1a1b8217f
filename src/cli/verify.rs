//! `metier verify`: repeats a run from its lock file.

use super::args::{Arguments, Command, FitArguments, OutputFormat, ReproduceArguments};
use super::figure::FigureArguments;
use super::fit::format_of;
use super::progress::Progress;
use super::{Failure, exit, figure, fit, printer, reproduce};
use crate::lock::Lock;
use crate::lock::verdict::verification;
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, json_text, render_document};
use clap::{Args, Parser};
use std::path::{Path, PathBuf};

/// `metier verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct VerifyArguments {
    /// Lock file
    #[arg(value_name = "FILE")]
    pub lock: PathBuf,
    /// Files to read instead of those that were locked
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub data: Vec<String>,
    /// Significant digits that must agree; all bits if left out
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=17))]
    pub digits: Option<u8>,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Number of threads; results do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
}

const VERIFY_HELP: &str = "\
Example:
  metier fit 'y ~ x | fe' --data s.csv --lock metier.lock.json
  metier verify metier.lock.json
  metier verify metier.lock.json --data elsewhere/s.parquet --digits 10

Exit codes: 0 the same, 1 something differs, 2 usage or input, 3 estimation failed";

/// A command that a lock file can hold.
enum Locked {
    Fit(Box<FitArguments>),
    Reproduce(Box<ReproduceArguments>),
    Figure(Box<FigureArguments>),
}

/// Repeats the run and says what differs.
///
/// # Errors
/// A file that is no lock file, and whatever the run itself may say.
pub fn run(arguments: &VerifyArguments) -> Result<u8, Failure> {
    check_target(arguments.output.as_deref())?;
    let locked = read_lock(&arguments.lock)?;
    let command = command_of(&locked, arguments)?;
    let mut progress = Progress::new(arguments.quiet);
    let now = repeat(&command, &locked, &mut progress)?;
    progress.finish();
    let found = verification(&locked, &now, arguments.digits.map(usize::from));
    let text = match format_of(arguments.format, arguments.output.as_deref()) {
        Format::Csv => found.data().to_csv(),
        Format::Json => json_text::indented(&found.data().to_json()),
        readable => {
            let ansi = arguments.output.is_none() && printer::stdout_ansi();
            let title = format!("`{}`", arguments.lock.display());
            render_document(&found.document(&title), readable, &RenderOptions { ansi, ..RenderOptions::default() })
        }
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(if found.agrees() { exit::DONE } else { exit::FINDINGS })
}

/// Reads a lock file.
///
/// # Errors
/// A file that cannot be read, or is none.
pub fn read_lock(path: &Path) -> Result<Lock, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let nearest = crate::sessions::nearest_file(path).map(|name| format!("did you mean `{name}`?"));
        Failure::input(format!("cannot read the lock file `{}`: {error}", path.display()), nearest)
    })?;
    Lock::parse(&text).map_err(|error| Failure::input(format!("`{}`: {error}", path.display()), Some(error.hint())))
}

/// The locked command with the files and threads of this one.
fn command_of(locked: &Lock, arguments: &VerifyArguments) -> Result<Locked, Failure> {
    let words = std::iter::once("metier").chain(locked.command.iter().map(String::as_str));
    let parsed = Arguments::try_parse_from(words).map_err(|error| {
        let first = error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let hint = String::from("use the version of Metier that wrote the lock file");
        Failure::input(format!("the command in the lock file is none of this version: {first}"), Some(hint))
    })?;
    match parsed.command {
        Command::Fit(mut fit) => {
            if !arguments.data.is_empty() {
                fit.data.clone_from(&arguments.data);
            }
            fit.source.threads = arguments.threads.or(fit.source.threads);
            fit.source.apply_threads()?;
            Ok(Locked::Fit(Box::new(fit)))
        }
        Command::Reproduce(mut reproduce) | Command::Report(mut reproduce) => {
            if !arguments.data.is_empty() {
                reproduce.data.clone_from(&arguments.data);
            }
            reproduce.source.threads = arguments.threads.or(reproduce.source.threads);
            reproduce.source.apply_threads()?;
            Ok(Locked::Reproduce(Box::new(reproduce)))
        }
        Command::Figure(mut figure) => {
            if !arguments.data.is_empty() {
                figure.data.clone_from(&arguments.data);
            }
            figure.source.threads = arguments.threads.or(figure.source.threads);
            figure.source.apply_threads()?;
            Ok(Locked::Figure(Box::new(figure)))
        }
        _ => Err(Failure::input(
            "the command in the lock file is none of `fit`, `figure`, `report` and `reproduce`",
            Some(String::from("these are the commands that write lock files")),
        )),
    }
}

fn repeat(command: &Locked, locked: &Lock, progress: &mut Progress) -> Result<Lock, Failure> {
    let words = locked.command.clone();
    match command {
        Locked::Fit(arguments) => {
            let fit::Computed { fits, mut run, inputs } = fit::compute(arguments, progress, true)?;
            run.fits = fits.into_iter().map(|(fit, _)| fit).collect();
            let inputs = inputs.ok_or_else(|| Failure::input("the run kept no inputs", None))?;
            Ok(inputs.lock(words, &run))
        }
        Locked::Reproduce(arguments) => Ok(reproduce::compute(arguments, progress)?.lock(words)),
        Locked::Figure(arguments) => figure::compute_all(arguments, progress, true)?.lock(words),
    }
}
