//! The one sequence: table → workspace → samples → fits → [`Run`].

mod counts;
mod error;
mod jobs;
mod saved;

pub use counts::sample_counts;
pub use error::RunError;
pub use jobs::{Labels, fit_and_save, fit_models};
pub use saved::{Saved, SavedCovariance, SavedLevel, SavedRow};
