//! The program and its loader from outside: the real binary, real files, what people read and what machines read.

mod docs;
mod fit;
mod loader;
mod refusals;
mod report;
mod reproduce;
mod schema;
mod support;
mod variance;
