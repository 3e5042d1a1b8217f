//! `metier margins`.

use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::model::Workspace;
use crate::output::margins_table::{document, json, table};
use crate::pipeline::fit_and_save;
use clap::Args;

/// `metier margins`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct MarginsArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
}

const HELP: &str = "\
Example:
  metier margins 'verified_success ~ i(expertise, ref = 1) + log(prompts) | work_mode' --data synthetic \\
         --family logit --cluster user_id

A number's effect is the average slope of the mean, a level's the average change from the reference.
Terms are taken as they are written: the effect of `log(prompts)` is per unit of the logarithm.";

/// Fits and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &MarginsArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let loaded = verb.load("margins", &mut progress, |spec| {
        verb.refuse_target("margins", spec)?;
        spec.options.margins = true;
        Ok(())
    })?;
    let workspace = Workspace::new(&loaded.table);
    let mut fits = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("fit {name}"));
        let found = fit_and_save(&workspace, specs, &label_of, &|_| {})?;
        fits.extend(found.into_iter().filter_map(|(fit, saved)| Some((fit, saved.margins?))));
    }
    progress.finish();
    let note = loaded.data_note.as_deref();
    verb.print(
        |options| document(&fits, note, &loaded.sources, options),
        || table(&fits, note),
        || json(&fits, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}
