//! The command `metier`: parse, run, exit.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(metier::cli::run(metier::cli::Arguments::parse()))
}
