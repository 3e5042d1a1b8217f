//! Metier
pub mod table;
