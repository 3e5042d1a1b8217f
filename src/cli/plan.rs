//! `metier plan`: specifications written down before outcomes are looked at.

use super::curve::named_grid;
use super::{Failure, exit, printer};
use crate::grid::{Plan, expand, json_schema};
use crate::output::write::{check_target, write};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// `metier plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// What to do with the plan.
    #[command(subcommand)]
    pub command: PlanCommand,
}

/// The verbs of plans.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Write down and seal the specifications of a grid, without reading a table
    Lock(LockArguments),
    /// Print the JSON Schema of grids, for editors
    Schema,
}

/// `metier plan lock`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  metier plan lock curve_fig5 --output plan.json\n  metier curve curve_fig5 --data s.parquet --plan plan.json"
)]
pub struct LockArguments {
    /// A grid: a TOML file, or an embedded one such as `curve_fig5`
    pub grid: String,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Runs.
///
/// # Errors
/// A grid that means nothing, a file that cannot be written.
pub fn run(arguments: &PlanArguments) -> Result<u8, Failure> {
    let PlanCommand::Lock(lock) = &arguments.command else {
        printer::data(&json_schema());
        return Ok(exit::DONE);
    };
    check_target(lock.output.as_deref())?;
    let file = named_grid(&lock.grid)?;
    let expanded = expand(&file)?;
    let plan = Plan::lock(&file, &expanded, SystemTime::now());
    write(lock.output.as_deref(), plan.to_text().as_bytes())?;
    if lock.output.is_some() {
        printer::note(&format!("{} specifications locked at {}", plan.specifications.len(), plan.locked));
    }
    Ok(exit::DONE)
}

/// Reads a plan.
///
/// # Errors
/// A file that cannot be read, or is no plan.
pub fn read(path: &Path) -> Result<Plan, Failure> {
    let hint = || Some(String::from("`metier plan lock GRID --output FILE` writes one"));
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("cannot read the plan `{}`: {error}", path.display()), hint()))?;
    Plan::read(&text).map_err(|error| Failure::input(format!("`{}`: {error}", path.display()), hint()))
}
