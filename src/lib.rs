//! Metier
pub mod table;
#[cfg(feature = "cli")]
pub mod simulate;
