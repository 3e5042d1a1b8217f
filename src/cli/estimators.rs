//! `metier estimators`.

use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::model::Workspace;
use crate::output::estimators_table::{document, json, table};
use crate::pipeline::estimate_cells;
use crate::result::VcovKind;
use crate::standardise::{CellOptions, CommonWeights};
use clap::{Args, ValueEnum};

/// `metier estimators`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct EstimatorsArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// Common weights 1/Σ_k(v_k/n_k): v_k of the levels' shares, or one
    #[arg(long, value_enum, default_value = "shares")]
    pub common_weights: CommonWeightsName,
    /// Leave out the jackknife
    #[arg(long)]
    pub no_jackknife: bool,
}

/// v of the common weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CommonWeightsName {
    /// π(1 - π), π the share of a level: pairs of levels count as often as they are drawn
    Shares,
    /// One: every pair of levels counts the same
    Uniform,
}

const HELP: &str = "\
Example:
  metier estimators 'verified_success ~ i(expertise, ref = 1) | work_mode^month' --data synthetic --cluster user_id \\
         --rates expertise

Cells are the combinations of all fixed effects and other terms; the factor of `--rates` is compared within them.";

/// Estimates and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &EstimatorsArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let loaded = verb.load("estimators", &mut progress, |spec| {
        verb.refuse_target("estimators", spec)?;
        // without clusters every row is its own: there are no errors under equal variance here
        spec.options.few_clusters = None;
        if spec.options.vcov == VcovKind::Iid && verb.entry.vcov.is_none() {
            spec.options.vcov = VcovKind::Hc1;
        }
        Ok(())
    })?;
    let options = CellOptions {
        common: match arguments.common_weights {
            CommonWeightsName::Shares => CommonWeights::Shares,
            CommonWeightsName::Uniform => CommonWeights::Uniform,
        },
        corrected: true,
        jackknife: !arguments.no_jackknife,
        ..CellOptions::default()
    };
    let workspace = Workspace::new(&loaded.table);
    let mut found = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("estimate {name}"));
        found.extend(estimate_cells(&workspace, specs, &label_of, options)?);
    }
    progress.finish();
    let note = loaded.data_note.as_deref();
    verb.print(
        |options| document(&found, note, &loaded.sources, options),
        || table(&found, note),
        || json(&found, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}
