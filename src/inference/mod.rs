//! From estimates and standard errors to statements: distributions, intervals, transformed scales.

pub mod distributions;
pub mod intervals;
