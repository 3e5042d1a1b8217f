//! The one sequence: table → workspace → samples → fits → [`Run`].

mod counts;
mod error;
mod jobs;

pub use counts::sample_counts;
pub use error::RunError;
pub use jobs::{Labels, fit_models};
