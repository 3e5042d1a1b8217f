//! The only writer to standard output and standard error.

use super::Failure;
use std::io::{IsTerminal, Write};

/// Whether colours are wanted on a stream.
fn ansi(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none()
}

/// Whether standard output shows colours.
pub fn stdout_ansi() -> bool {
    ansi(std::io::stdout().is_terminal())
}

/// Prints a failure to standard error.
pub fn failure(failure: &Failure) {
    let _ = write!(std::io::stderr(), "{}", failure.render(ansi(std::io::stderr().is_terminal())));
}

/// Prints data to standard output; a closed pipe is no failure.
pub fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line for people to standard error.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
