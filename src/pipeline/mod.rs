//! The one sequence: table → workspace → samples → fits → [`Run`].

mod error;
mod jobs;

pub use error::RunError;
pub use jobs::{Labels, fit_models};
