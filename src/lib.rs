//! Metier
#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod codebook;
pub mod expr;
pub mod nearest;
#[cfg(feature = "cli")]
pub mod sessions;
pub mod table;
