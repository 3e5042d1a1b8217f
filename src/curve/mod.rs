//! Specification curves: the same question under many specifications, with what joins them.
//!
//! Every specification is a fit of its own. What joins them is the influence of clusters: summed over groups of clusters
//! and stacked side by side, it gives the covariance of any two numbers of any two specifications, and from that
//! differences, simultaneous p-values and statements about the whole curve, without fitting anything again.

pub mod assemble;
pub mod groups;
pub mod joint;
pub mod record;
pub mod run;
pub mod stack;

pub use record::{Choice, ChoiceOption, Curve, Failure, Outcome, RatePoint, Specification};
