//! Metier
#[cfg(feature = "cli")]
pub mod simulate;
pub mod table;
