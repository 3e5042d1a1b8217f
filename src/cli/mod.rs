//! The command line: arguments, verbs, messages, exit codes. No numerics.

mod args;
mod check;
mod diagnostic;
mod figure;
mod fit;
mod list;
mod printer;
mod progress;
mod reproduce;
mod simulate;
mod source;

pub use args::{Arguments, Command};
pub use diagnostic::Failure;

/// Exit codes of the program.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Done, with findings (`check`).
    pub const FINDINGS: u8 = 1;
    /// Usage or input.
    pub const INPUT: u8 = 2;
    /// The estimation failed.
    pub const ESTIMATION: u8 = 3;
}

/// Runs a command and returns its exit code; failures are printed here.
pub fn run(arguments: Arguments) -> u8 {
    let outcome = match arguments.command {
        Command::Fit(ref fit) => fit::run(fit),
        Command::Reproduce(ref reproduce) => reproduce::run(reproduce),
        Command::Figure(ref figure) => figure::run(figure),
        Command::Check(ref check) => check::run(check),
        Command::Simulate(ref simulate) => simulate::run(simulate),
        Command::Models(ref models) => list::models(models),
        Command::Codebook(ref codebook) => list::codebook(codebook),
        Command::Schema => list::schema(),
        Command::Completions(ref completions) => list::completions(completions),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            printer::failure(&failure);
            failure.code
        }
    }
}
