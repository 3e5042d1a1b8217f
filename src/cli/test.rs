//! `metier test`.

use super::args::{EntryArguments, OutputFormat, SourceArguments};
use super::fit::{format_of, model_files, sources};
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of};
use super::{Failure, exit, printer};
use crate::hypothesis::{Adjustment, HypothesisError, Parameters, Source, TestOptions, test};
use crate::model::Workspace;
use crate::output::tests_table::{self, Report};
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, json_text, render_document};
use crate::pipeline::{Saved, fit_and_save};
use crate::result::ModelFit;
use crate::spec::{Resolved, SourceError};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `metier test`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct TestArguments {
    /// Formula: `y1 + y2 ~ x + log(z) + i(level, ref = "1") | fe1 + fe2^fe3`
    pub formula: Option<String>,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub data: Vec<String>,
    /// Model files, or names of embedded ones; flags override what they say
    #[arg(long, value_name = "FILE")]
    pub model: Vec<String>,
    /// What to test: equations, joined by commas if jointly, or a shorthand; repeat for several
    #[arg(short = 'H', long = "hypothesis", value_name = "HYPOTHESIS")]
    pub hypothesis: Vec<String>,
    /// How p-values are adjusted for all restrictions of the run
    #[arg(long, value_enum, default_value = "none")]
    pub adjust: AdjustName,
    /// Bands that hold for all restrictions of the run at once
    #[arg(long)]
    pub simultaneous: bool,
    /// Draws from the joint distribution of all restrictions
    #[arg(long, value_name = "N", default_value_t = 200_000, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1000..=100_000_000))]
    pub draws: u32,
    /// Seed of the draws; the same seed gives the same numbers anywhere
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Decimals of printed tables
    #[arg(long, default_value_t = 4, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub digits: u8,
    #[command(flatten)]
    pub source: SourceArguments,
}

/// Adjustments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AdjustName {
    /// Each p-value for itself
    None,
    /// Step down with Bonferroni bounds
    Holm,
    /// Step down with the joint distribution
    RomanoWolf,
    /// Times the number of restrictions
    Bonferroni,
}

const HELP: &str = "\
Examples:
  metier test 'verified_success ~ i(expertise, ref = 1) | work_mode^month' --data s.csv --cluster user_id \\
         --rates expertise -H 'expertise::3 = expertise::2' -H adjacent -H trend -H increasing --simultaneous
  metier test --model table_a1 --data s.csv -H '(1):expertise = (5):expertise'

Equations: `x = 0`, `2*x - z = 0.5`, `level 2 = level 3, level 4 = level 5`, `rate 2 - rate 1 = 0.05`, `FIT:x = FIT:x`
Shorthands: all, FACTOR; with --rates: adjacent, pairs, trend, linear, increasing (monotone), decreasing, rates";

/// Fits, tests and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table, the estimation or the hypotheses.
pub fn run(arguments: &TestArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    if arguments.hypothesis.is_empty() {
        let hint = "e.g. `-H 'x = 0'`, `-H all`, or with `--rates FACTOR` `-H trend`";
        return Err(Failure::input("no hypothesis is given", Some(hint.to_owned())));
    }
    let files = model_files("test", arguments.formula.as_deref(), &arguments.model)?;
    let flags = arguments.entry.entry();
    let mut groups: Vec<(String, Vec<Resolved>)> = files
        .iter()
        .map(|file| Ok((file.name.clone(), arguments.source.resolve(file, &flags)?)))
        .collect::<Result<_, Failure>>()?;
    groups.iter_mut().flat_map(|(_, specs)| specs).for_each(|spec| spec.options.keep_influence = true);
    let settings: Vec<_> = files.iter().map(|file| file.settings.clone()).collect();
    let settings = arguments.source.settings(&settings)?;
    check_target(arguments.output.as_deref())?;

    let mut progress = Progress::new(arguments.source.quiet);
    progress.stage("read");
    let mut names: Vec<String> = groups.iter().flat_map(|(_, specs)| specs).flat_map(Resolved::names).collect();
    names.sort();
    names.dedup();
    let specs = || groups.iter().flat_map(|(_, specs)| specs);
    let (table, is_synthetic) = arguments.source.table(&arguments.data, names, settings, specs())?;
    let workspace = Workspace::new(&table);
    let mut fits: Vec<(ModelFit, Saved)> = Vec::new();
    for (name, specs) in &groups {
        progress.stage(&format!("fit {name}"));
        fits.extend(fit_and_save(&workspace, specs, &label_of, &|_| {})?);
    }
    progress.stage("test");
    let parts = fits.iter().filter_map(|(fit, saved)| {
        let covariance = saved.covariance.as_ref()?;
        let (influence, cluster_ids) = (covariance.influence.as_ref(), covariance.cluster_ids.as_slice());
        Some(Source { fit, joint: &covariance.joint, influence, cluster_ids })
    });
    let parameters = Parameters::new(&parts.collect::<Vec<_>>());
    let options = TestOptions {
        adjustment: match arguments.adjust {
            AdjustName::None => Adjustment::None,
            AdjustName::Holm => Adjustment::Holm,
            AdjustName::RomanoWolf => Adjustment::RomanoWolf,
            AdjustName::Bonferroni => Adjustment::Bonferroni,
        },
        simultaneous: arguments.simultaneous,
        draws: arguments.draws as usize,
        seed: arguments.seed,
    };
    let run = test(&arguments.hypothesis, &parameters, &options).map_err(|error| failure(error, arguments))?;
    progress.finish();

    let fits: Vec<ModelFit> = fits.into_iter().map(|(fit, _)| fit).collect();
    let sources = sources(&table, &arguments.data);
    let report = Report {
        run: &run,
        parameters: &parameters,
        fits: &fits,
        adjustment: options.adjustment,
        data_note: is_synthetic.then_some(SYNTHETIC),
        sources: &sources,
    };
    let render = RenderOptions {
        digits: usize::from(arguments.digits),
        ansi: !arguments.source.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = match format_of(arguments.format, arguments.output.as_deref()) {
        Format::Csv => tests_table::data_table(&report).to_csv(),
        Format::Json => json_text::indented(&tests_table::json(&report)),
        readable => render_document(&tests_table::document(&report, &render), readable, &render),
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

/// An error with its place in the hypothesis.
fn failure(error: HypothesisError, arguments: &TestArguments) -> Failure {
    let text = arguments.hypothesis.get(error.position).cloned().unwrap_or_default();
    let origin = match arguments.hypothesis.len() {
        1 => String::from("the hypothesis"),
        _ => format!("hypothesis {}", error.position + 1),
    };
    let source = (!error.span.is_empty() || error.expected.is_some()).then(|| {
        Box::new(SourceError {
            origin,
            text,
            span: error.span.clone(),
            message: error.message.clone(),
            expected: error.expected.clone(),
            hint: None,
        })
    });
    Failure { source, ..Failure::input(&error.message, error.hint) }
}
