//! `metier simulate`.

use super::args::SimulateArguments;
use super::source::SYNTHETIC_COLUMN;
use super::{Failure, exit, printer};
use crate::output::write::check_target;
use crate::sessions;
use crate::simulate::{Calibration, SimulateOptions, simulate};
use crate::table::Column;

/// Draws a table and writes it.
///
/// # Errors
/// Sizes that cannot be drawn, a file that cannot be written.
pub fn run(arguments: &SimulateArguments) -> Result<u8, Failure> {
    check_target(Some(&arguments.out))?;
    let options = SimulateOptions { sessions: arguments.sessions, users: arguments.users, seed: arguments.seed };
    let mut table = simulate(&options, &Calibration::published()).map_err(|error| Failure::input(&error, None))?;
    // whoever analyses the file later is told
    table.insert(Column::number(SYNTHETIC_COLUMN, vec![1.0; table.n_rows()]));
    sessions::write(&table, &arguments.out)?;
    if !arguments.quiet {
        let path = arguments.out.display();
        printer::note(&format!("wrote {} synthetic sessions (seed {}) to {path}", table.n_rows(), arguments.seed));
    }
    Ok(exit::DONE)
}
