//! A synthetic session table whose analysis gives the published numbers.
//!
//! The table is a draw from a fixed process, not a copy of anybody's sessions: [`Calibration`] holds its parameters,
//! each with its source. The steps, each of which sees only what the former ones made:
//!
//! ```text
//! users    how many sessions each has, and their lasting traits
//! labels   month, work mode, value, occupations, codebase; who is rated, at which level
//! outcomes verified success, outcome, failure and success signals
//! telemetry prompts, calls, words, lines, model, decision shares
//! table    codes and numbers to named columns
//! ```
//!
//! The same seed gives the same bits on every machine and for every number of threads (see [`random`]).
//! Counts are exact at the published size and proportional at others (see [`quota`]).
//! `docs/synthetic-data.md` says how the parameters were found and what cannot be matched.

mod calibration;
mod columns;
mod labels;
mod outcomes;
pub mod quota;
pub mod random;
mod telemetry;
mod users;

pub use calibration::*;

use crate::table::Table;

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulateOptions {
    /// Number of sessions, at least one.
    pub sessions: usize,
    /// Number of users; by default in the published proportion.
    pub users: Option<usize>,
    /// Seed of every random number.
    pub seed: u64,
}

impl SimulateOptions {
    /// The table that the program calls `synthetic`: the published size, the first seed.
    pub const EMBEDDED: SimulateOptions = SimulateOptions { sessions: 398_198, users: None, seed: 1 };
}

/// Why no table can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// Nothing to draw.
    #[error("a table needs at least one session")]
    NoSessions,
    /// Row numbers would not fit.
    #[error("a table holds at most {limit} sessions, {sessions} are asked for")]
    TooManySessions {
        /// Sessions asked for.
        sessions: usize,
        /// Largest number.
        limit: usize,
    },
    /// Every user has at least one session.
    #[error(
        "{users} users cannot have {sessions} sessions: every user has at least one, and there is at least one user"
    )]
    Users {
        /// Users asked for.
        users: usize,
        /// Sessions asked for.
        sessions: usize,
    },
    /// The parameters are not valid TOML, or not these parameters.
    #[error("the parameters cannot be read: {0}")]
    Parameters(#[from] toml::de::Error),
    /// A list of parameters has the wrong length.
    #[error("the parameter `{parameter}` needs {expected} entries, not {found}")]
    Length {
        /// Name of the parameter.
        parameter: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// A parameter names something that is not listed.
    #[error("the parameters name the {parameter} `{name}`, which they do not define")]
    Name {
        /// What kind of thing.
        parameter: &'static str,
        /// The name.
        name: String,
    },
}

/// Draws a session table.
///
/// # Errors
/// If there is no session, more users than sessions, or more sessions than a row number holds.
///
/// # Example
/// ```
/// use metier::simulate::{Calibration, SimulateOptions, simulate};
///
/// let options = SimulateOptions { sessions: 1_000, users: None, seed: 1 };
/// let table = simulate(&options, &Calibration::published())?;
/// assert_eq!(table.n_rows(), 1_000);
/// assert_eq!(table, simulate(&options, &Calibration::published())?);
/// # Ok::<(), metier::simulate::SimulateError>(())
/// ```
pub fn simulate(options: &SimulateOptions, calibration: &Calibration) -> Result<Table, SimulateError> {
    let sessions = options.sessions;
    let limit = u32::MAX as usize - 1;
    if sessions == 0 {
        return Err(SimulateError::NoSessions);
    }
    if sessions > limit {
        return Err(SimulateError::TooManySessions { sessions, limit });
    }
    let users = options.users.unwrap_or_else(|| default_users(sessions, &calibration.size));
    if users == 0 || users > sessions {
        return Err(SimulateError::Users { users, sessions });
    }
    let counts = users::session_counts(calibration, users, sessions);
    let (rows, sessions_of_user) = users::assign_rows(&counts, options.seed);
    let users = users::draw_users(calibration, &sessions_of_user, options.seed);
    let sessions = labels::draw_sessions(calibration, &users, &rows, options.seed);
    let outcomes = outcomes::draw_outcomes(calibration, &users, &sessions, options.seed);
    let counts = telemetry::draw_counts(calibration, &users, &sessions, &outcomes, options.seed);
    Ok(columns::to_table(calibration, users.len(), &sessions, &outcomes, &counts))
}

/// Users in the published proportion, at least one.
fn default_users(sessions: usize, size: &Size) -> usize {
    let users = (sessions as u128 * size.users as u128 + size.sessions as u128 / 2) / size.sessions as u128;
    (users as usize).clamp(1, sessions)
}

#[cfg(test)]
mod tests;
