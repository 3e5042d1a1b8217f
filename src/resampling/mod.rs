//! Inference by resampling: wild cluster bootstrap of linear models ([`wild`]), bootstrap of scores ([`score`]), of users
//! ([`users`]), and permutation tests ([`permute`]).
//!
//! Draws are a function of (seed, draw, cluster) ([`philox`]), so results do not depend on threads or on the order of
//! rows, and nothing of the size clusters x draws is stored.

mod error;
mod inversion;
pub mod permute;
pub mod philox;
mod problem;
pub mod score;
pub mod users;
pub mod weights;
pub mod wild;

pub use error::ResamplingError;
pub use inversion::PValue;
pub use permute::{Exchange, PermutationTest, PermuteOptions, Permuted, permute};
pub use problem::with_outcome;
pub use score::score;
pub use users::{Resampled, Scheme, UserBootstrap, UserOptions, users};
pub use wild::{ClusterTest, Null, WildOptions, wild};

use crate::result::ModelFit;

/// The hypotheses given, or every coefficient but the intercept against zero.
fn nulls_or_all(nulls: &[Null], fit: &ModelFit) -> Vec<Null> {
    if !nulls.is_empty() {
        return nulls.to_vec();
    }
    let terms = fit.coefficients.iter().map(|estimate| &estimate.term).filter(|term| *term != "(Intercept)");
    terms.map(|term| Null { term: term.clone(), value: 0.0 }).collect()
}
