//! `metier simulate`.

use super::args::SimulateArguments;
use super::{Failure, exit, printer};
use crate::sessions;
use crate::simulate::{Calibration, SimulateOptions, simulate};

/// Draws a table and writes it.
///
/// # Errors
/// Sizes that cannot be drawn, a file that cannot be written.
pub fn run(arguments: &SimulateArguments) -> Result<u8, Failure> {
    let options = SimulateOptions { sessions: arguments.sessions, users: arguments.users, seed: arguments.seed };
    let table = simulate(&options, &Calibration::published()).map_err(|error| Failure::input(&error, None))?;
    sessions::write(&table, &arguments.out)?;
    if !arguments.quiet {
        let path = arguments.out.display();
        printer::note(&format!("wrote {} synthetic sessions (seed {}) to {path}", table.n_rows(), arguments.seed));
    }
    Ok(exit::DONE)
}
