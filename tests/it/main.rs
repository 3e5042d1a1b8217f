//! The program and its loader from outside: the real binary, real files, what people read and what machines read.

mod bootstrap;
mod coverage;
mod docs;
mod estimators;
mod explain;
mod explain_se;
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
