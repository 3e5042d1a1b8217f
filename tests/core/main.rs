//! Tests of the estimation core against other software; see `tests/oracles/README.md`.

mod absorb;
mod accuracy;
mod bias;
mod brute;
mod cells;
mod conditional;
mod conventions;
mod describe;
mod distributions;
mod effects;
mod firth;
mod fixest;
mod glm;
mod hypotheses;
mod implied;
mod invariance;
mod margins;
mod properties;
mod public;
mod resampling;
mod separation;
mod slopes;
mod support;
mod targets;
mod textbook;
mod variance;
