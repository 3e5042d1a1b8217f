//! The program and its loader from outside: the real binary, real files, what people read and what machines read.

mod docs;
mod figure;
mod fit;
mod loader;
mod refusals;
mod reproduce;
mod schema;
mod support;
