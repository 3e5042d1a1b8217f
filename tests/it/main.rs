//! The program and its loader from outside: the real binary, real files, what people read and what machines read.

// the curve made by hand is shared with the unit tests, and names things by their place in the crate
use metier::{curve, result};

mod bootstrap;
mod coverage;
#[path = "../../src/curve/fixture.rs"]
mod curve_fixture;
mod curves;
mod docs;
mod estimators;
mod explain;
mod explain_se;
mod explorer;
mod figure;
mod fit;
mod hypotheses;
mod loader;
mod paper;
mod refusals;
mod replication;
mod report;
mod reproduce;
mod schema;
mod support;
mod targets;
mod variance;
