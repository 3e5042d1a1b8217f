//! Inference by resampling clusters: wild cluster bootstrap ([`wild`]).
//!
//! Draws are a function of (seed, draw, cluster) ([`philox`]), so results do not depend on threads or on the order of
//! rows, and nothing of the size clusters x draws is stored.

mod error;
mod inversion;
pub mod philox;
mod problem;
pub mod weights;
pub mod wild;

pub use error::ResamplingError;
pub use inversion::PValue;
pub use wild::{Null, WildOptions, WildTest, wild};

use crate::result::ModelFit;

/// The hypotheses given, or every coefficient but the intercept against zero.
fn nulls_or_all(nulls: &[Null], fit: &ModelFit) -> Vec<Null> {
    if !nulls.is_empty() {
        return nulls.to_vec();
    }
    let terms = fit.coefficients.iter().map(|estimate| &estimate.term).filter(|term| *term != "(Intercept)");
    terms.map(|term| Null { term: term.clone(), value: 0.0 }).collect()
}
