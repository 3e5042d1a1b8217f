//! Metier
pub mod inference;
pub mod linalg;
pub mod result;
pub mod table;
pub mod absorb;
pub mod design;
pub mod aggregate;
pub mod estimate;
pub mod rates;
pub mod vcov;
