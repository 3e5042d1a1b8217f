//! Metier
pub mod result;
pub mod table;

#[cfg(feature = "cli")]
pub mod compare;
#[cfg(feature = "cli")]
pub mod figure;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "cli")]
pub mod study;
