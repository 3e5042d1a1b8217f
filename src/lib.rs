//! Metier
pub mod result;
pub mod table;
