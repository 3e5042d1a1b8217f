//! Tests of the estimation core against other software; see `tests/oracles/README.md`.

mod absorb;
mod bias;
mod brute;
mod cells;
mod conditional;
mod distributions;
mod effects;
mod firth;
mod fixest;
mod glm;
mod invariance;
mod margins;
mod properties;
mod public;
mod separation;
mod slopes;
mod support;
