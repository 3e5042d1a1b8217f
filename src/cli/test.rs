//! `metier test`.

use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::hypothesis::{Adjustment, HypothesisError, Parameters, Source, TestOptions, test};
use crate::model::Workspace;
use crate::output::tests_table::{self, Report};
use crate::pipeline::{Saved, fit_and_save};
use crate::result::ModelFit;
use crate::spec::{Resolved, SourceError};
use clap::{Args, ValueEnum};

/// `metier test`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct TestArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
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
    if arguments.hypothesis.is_empty() {
        let hint = "e.g. `-H 'x = 0'`, `-H all`, or with `--rates FACTOR` `-H trend`";
        return Err(Failure::input("no hypothesis is given", Some(hint.to_owned())));
    }
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let mut loaded = verb.load("test", &mut progress, |spec| {
        spec.options.keep_influence = true;
        Ok(())
    })?;
    let specs = || loaded.groups.iter().flat_map(|(_, specs)| specs);
    let count = |spec: &Resolved| spec.request.formula.outcomes.len() * spec.samples.len().max(1);
    if specs().map(count).sum::<usize>() > 1 || specs().any(|spec| spec.split.is_some()) {
        // only CR1 has a covariance between fits
        loaded.groups.iter_mut().flat_map(|(_, specs)| specs).for_each(|spec| spec.options.few_clusters = None);
    }
    let workspace = Workspace::new(&loaded.table);
    let mut fits: Vec<(ModelFit, Saved)> = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("fit {name}"));
        fits.extend(fit_and_save(&workspace, specs, &label_of, &|_| {})?);
    }
    progress.stage("test");
    if let Some((fit, _)) = fits.iter().find(|(_, saved)| saved.covariance.is_none()) {
        let hint = String::from("use another estimator for this model");
        return Err(Failure::input(
            format!("the estimates of model `{}` have no covariance to test with", fit.model),
            Some(hint),
        ));
    }
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
    let report = Report {
        run: &run,
        parameters: &parameters,
        fits: &fits,
        adjustment: options.adjustment,
        data_note: loaded.data_note.as_deref(),
        sources: &loaded.sources,
    };
    verb.print(
        |options| tests_table::document(&report, options),
        || tests_table::data_table(&report),
        || tests_table::json(&report),
    )?;
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
