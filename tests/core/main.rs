//! Tests of the estimation core against other software; see `tests/oracles/README.md`.

mod absorb;
mod brute;
mod distributions;
mod fixest;
mod invariance;
mod properties;
mod public;
mod support;
