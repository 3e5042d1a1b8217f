//! The explorer: a specification curve as one HTML file that opens from disk and answers by itself.
//!
//! Rust writes the numbers, the words and the frame; the script beside the templates draws what the reader chooses. The
//! page loads nothing, keeps its state in its address, and has every number that it draws in a table too.

mod data;
mod page;
mod pairs;
mod words;

pub use page::{ExplorerError, page};
