//! `metier check`.

use super::args::CheckArguments;
use super::{Failure, exit, printer};
use crate::sessions::Wanted;

/// Prints what is found, and exits with 1 if anything is wrong.
///
/// # Errors
/// A table that cannot be read at all.
pub fn run(arguments: &CheckArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    let settings = arguments.source.settings(&[])?;
    let request = arguments.source.request(&arguments.data, Wanted::All, settings)?;
    let report = crate::check::check(&request)?;
    printer::data(&report.to_string());
    Ok(if report.is_clean() { exit::DONE } else { exit::FINDINGS })
}
