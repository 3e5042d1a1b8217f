//! Metier
pub mod expr;
pub mod nearest;
pub mod table;
