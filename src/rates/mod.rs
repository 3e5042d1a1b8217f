//! Adjusted rates: the mean prediction over the target rows with everyone set to level k, with exact influence.
//!
//! The target is the estimation rows and the rows that the effects fit exactly (singletons, separated cells).
//! `docs/adjusted-rates.md` derives the formulas used here.

pub mod contrasts;
pub mod counterfactual;
pub mod functionals;
pub mod margins;
pub mod overlap;
