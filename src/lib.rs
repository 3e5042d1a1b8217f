//! Metier
pub mod absorb;
pub mod aggregate;
pub mod design;
pub mod estimate;
pub mod expr;
pub mod formula;
pub mod inference;
pub mod linalg;
pub mod model;
pub mod nearest;
pub mod rates;
pub mod result;
pub mod table;
pub mod vcov;

#[cfg(feature = "cli")]
pub mod compare;
#[cfg(feature = "cli")]
pub mod figure;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "cli")]
pub mod study;
