//! The command line: arguments, verbs, messages, exit codes. No numerics.

mod args;
mod bootstrap;
mod check;
mod commands;
mod coverage;
mod curve;
mod decompose;
mod diagnostic;
mod estimators;
mod explain_se;
mod figure;
mod fit;
mod leave_out;
mod list;
mod lock;
mod margins;
mod package;
mod plan;
mod plot;
mod printer;
mod progress;
mod reproduce;
mod sensitivity;
mod simulate;
mod source;
mod study_files;
mod table;
mod target;
mod test;
mod twofold;
mod verb;
mod verify;

pub use args::{Arguments, Command};
pub use diagnostic::Failure;

/// Exit codes of the program.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Done, with findings (`check`, `verify`).
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
        Command::ExplainSe(ref explain) => explain_se::run(explain),
        Command::Test(ref test) => test::run(test),
        Command::Bootstrap(ref bootstrap) => bootstrap::run(bootstrap),
        Command::Estimators(ref estimators) => estimators::run(estimators),
        Command::Margins(ref margins) => margins::run(margins),
        Command::Decompose(ref decompose) => decompose::run(decompose),
        Command::LeaveOut(ref leave_out) => leave_out::run(leave_out),
        Command::Sensitivity(ref sensitivity) => sensitivity::run(sensitivity),
        Command::Curve(ref curve) => curve::run(curve),
        Command::Plan(ref plan) => plan::run(plan),
        Command::Report(ref report) => reproduce::run(report, "report"),
        Command::Reproduce(ref reproduce) => reproduce::run(reproduce, "reproduce"),
        Command::Table(ref table) => table::run(table),
        Command::Plot(ref plot) => plot::run(plot),
        Command::Verify(ref verify) => verify::run(verify),
        Command::Package(ref package) => package::run(package),
        Command::Figure(ref figure) => figure::run(figure),
        Command::Check(ref check) => check::run(check),
        Command::Simulate(ref simulate) => simulate::run(simulate),
        Command::Coverage(ref coverage) => coverage::run(coverage),
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
