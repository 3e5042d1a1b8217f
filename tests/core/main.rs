//! Tests of the estimation core against other software; see `tests/oracles/README.md`.

mod absorb;
mod bias;
mod brute;
mod distributions;
mod effects;
mod fixest;
mod glm;
mod hypotheses;
mod invariance;
mod properties;
mod public;
mod separation;
mod slopes;
mod support;
mod targets;
