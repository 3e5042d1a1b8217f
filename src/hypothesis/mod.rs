//! Linear hypotheses about fitted regressions, written as text.
//!
//! ```text
//! expertise::3 = expertise::2          two coefficients          level 2 = level 3          two adjusted rates
//! 2*x - z = 0.5, log(prompts) = 0      jointly                   (1):x = (5):x              across models
//! all, expertise, adjacent, pairs, trend, linear, increasing, decreasing, rates             shorthands
//! ```
//!
//! [`Parameters`] hold estimates of one or several fits with their joint covariance; [`text`] reads statements about
//! them, [`shorthands`] writes common ones out, [`wald`] tests one, [`family`] adjusts many for each other, and
//! [`test()`] does all of it. `docs/hypotheses.md` states every rule.

pub mod draws;
mod error;
pub mod family;
pub mod monotone;
pub mod parameters;
pub mod shorthands;
mod test;
pub mod text;
pub mod wald;

pub use error::HypothesisError;
pub use family::{Adjustment, Simultaneous};
pub use parameters::{FitName, Kind, Parameters, Source};
pub use test::{Family, Joint, Restriction, TestOptions, TestRun, Tested, test};
