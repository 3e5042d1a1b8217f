//! Tests of the estimation core against other software; see `tests/oracles/README.md`.

mod absorb;
mod bias;
mod brute;
mod describe;
mod distributions;
mod effects;
mod fixest;
mod glm;
mod invariance;
mod properties;
mod public;
mod separation;
mod slopes;
mod support;
