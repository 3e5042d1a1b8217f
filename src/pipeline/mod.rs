//! The one sequence: table → workspace → samples → fits → [`Run`].

mod cells;
mod counts;
pub mod curve;
pub mod curve_state;
mod error;
mod explain;
mod groups;
mod jobs;
mod leave_out;
mod possible;
mod samples;
mod saved;

pub use cells::estimate_cells;
pub use counts::sample_counts;
pub use error::RunError;
pub use explain::{WorkError, explain_outcomes, formula_of};
pub use groups::{Grouped, grouped};
pub use jobs::{Labels, fit_and_save, fit_models};
pub use leave_out::{Change, Drop, LeaveOut, LeaveOutPlan, LeftOut, leave_out};
pub use possible::fit_possible;
pub use samples::{SampleOf, fit_failure, name_fit, outcome_position, prepare_samples};
pub use saved::{Saved, SavedCovariance, SavedLevel, SavedRow, SavedWeights};
