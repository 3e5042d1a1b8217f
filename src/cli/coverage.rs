//! `metier coverage`.

use super::args::OutputFormat;
use super::fit::format_of;
use super::progress::Progress;
use super::{Failure, exit, printer};
use crate::coverage::methods::Method;
use crate::coverage::population::Design;
use crate::coverage::{Row, Study, run as study};
use crate::output::coverage_table::{coverage_document, coverage_table};
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, json_text, render_document};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Most draws: beyond, the study answers nothing that it did not before.
const MOST_DRAWS: u64 = 10_000_000;
/// Fewest users: each of the five levels needs some.
const FEWEST_CLUSTERS: usize = 10;
/// Most users: a panel is held in memory for every thread.
const MOST_CLUSTERS: usize = 10_000_000;

/// `metier coverage`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CoverageArguments {
    /// How panels are drawn
    #[arg(long, value_enum, value_delimiter = ',', default_value = "heavy-tailed")]
    pub design: Vec<DesignName>,
    /// Users per panel
    #[arg(long, value_name = "G", value_delimiter = ',', default_value = "30,300,3000", allow_negative_numbers = true)]
    pub clusters: Vec<usize>,
    /// Panels per design and number of users
    #[arg(long, value_name = "N", default_value_t = 1000, allow_negative_numbers = true)]
    pub draws: u64,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    pub seed: u64,
    /// Level of the confidence intervals
    #[arg(long, value_name = "LEVEL", default_value_t = 0.95, allow_negative_numbers = true)]
    pub conf_level: f64,
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

const HELP: &str = "\
Examples:
  metier coverage --draws 200                              a first look: a minute
  metier coverage --design heavy-tailed,fine-cells --clusters 300 --draws 4000 --output coverage.csv

A share of 0.95 among N panels has a Monte Carlo error of 0.22 / sqrt(N): 0.007 for 1000, 0.0034 for 4000.";

/// Designs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DesignName {
    /// Sessions per user with a Pareto tail, 20 cells
    HeavyTailed,
    /// Six sessions for every user
    Balanced,
    /// Heavy-tailed, with one level of expertise for all sessions of a user
    UserLevel,
    /// Heavy-tailed, with a cell for every other user
    FineCells,
}

impl From<DesignName> for Design {
    fn from(name: DesignName) -> Self {
        match name {
            DesignName::HeavyTailed => Design::HeavyTailed,
            DesignName::Balanced => Design::Balanced,
            DesignName::UserLevel => Design::UserLevel,
            DesignName::FineCells => Design::FineCells,
        }
    }
}

/// Runs the study and prints the table.
///
/// # Errors
/// Numbers out of range, a file that cannot be written.
pub fn run(arguments: &CoverageArguments) -> Result<u8, Failure> {
    super::source::apply_threads(arguments.threads)?;
    check(arguments)?;
    check_target(arguments.output.as_deref())?;
    let mut progress = Progress::new(arguments.quiet);
    let mut rows: Vec<Row> = Vec::new();
    for &design in &arguments.design {
        for &clusters in &arguments.clusters {
            let design = Design::from(design);
            let one = Study {
                design,
                clusters,
                draws: arguments.draws,
                seed: arguments.seed,
                conf_level: arguments.conf_level,
                methods: Method::ALL.to_vec(),
            };
            progress.stage(&format!("{}, {clusters} users", one.design.name()));
            let counter = progress.counter(usize::try_from(one.draws).unwrap_or(usize::MAX));
            rows.extend(study(&one, &|| counter(1)));
        }
    }
    progress.finish();
    let options = RenderOptions {
        ansi: !arguments.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = match format_of(arguments.format, arguments.output.as_deref()) {
        Format::Csv => coverage_table(&rows, arguments.seed, arguments.conf_level).to_csv(),
        Format::Json => json_text::indented(&coverage_table(&rows, arguments.seed, arguments.conf_level).to_json()),
        readable => {
            render_document(&coverage_document(&rows, arguments.seed, arguments.conf_level), readable, &options)
        }
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

fn check(arguments: &CoverageArguments) -> Result<(), Failure> {
    let refuse = |message: String, hint: &str| Err(Failure::input(message, Some(hint.to_owned())));
    if !(2..=MOST_DRAWS).contains(&arguments.draws) {
        return refuse(
            format!("{} draws are out of range", arguments.draws),
            "use 2 to 10,000,000, e.g. `--draws 1000`",
        );
    }
    if let Some(few) = arguments.clusters.iter().find(|&&g| !(FEWEST_CLUSTERS..=MOST_CLUSTERS).contains(&g)) {
        return refuse(format!("{few} users are out of range"), "use 10 to 10,000,000, e.g. `--clusters 30,300`");
    }
    let level = arguments.conf_level;
    if !(level > 0.0 && level < 1.0) {
        return refuse(format!("the confidence level {level} is not between 0 and 1"), "e.g. `--conf-level 0.95`");
    }
    Ok(())
}
