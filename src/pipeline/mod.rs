//! The one sequence: table → workspace → samples → fits → [`Run`].

mod cells;
mod counts;
mod error;
mod jobs;
mod possible;
mod samples;
mod saved;

pub use cells::estimate_cells;
pub use counts::sample_counts;
pub use error::RunError;
pub use jobs::{Labels, fit_and_save, fit_models};
pub use possible::fit_possible;
pub use samples::{SampleOf, fit_failure, name_fit, outcome_position, prepare_samples};
pub use saved::{Saved, SavedCovariance, SavedLevel, SavedRow};
