//! `metier explain-se`.

use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::model::Workspace;
use crate::nearest::nearest_name;
use crate::output::explain::{Explained, document, json, table};
use crate::pipeline::fit_and_save;
use clap::Args;

/// `metier explain-se`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ExplainArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// Coefficient whose errors are compared in the tables; the first one but the intercept if left out. CSV and JSON have all
    #[arg(long, value_name = "TERM")]
    pub term: Option<String>,
}

const HELP: &str = "\
Example:
  metier explain-se 'frate ~ beertax | state + year' --data fatalities.csv --cluster state

Prints every part of the small-sample factor, and what fixest, reghdfe, Stata, statsmodels, linearmodels, sandwich and
clubSandwich report for the same regression: computed from the same sandwich, nothing is fitted again.";

/// Fits and explains.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation; a term that is not in a model.
pub fn run(arguments: &ExplainArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let loaded = verb.load("explain-se", &mut progress, |spec| {
        spec.options.keep_bare = true;
        // rates have the same factor
        spec.request.rates = None;
        Ok(())
    })?;
    let workspace = Workspace::new(&loaded.table);
    let mut explained = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("fit {name}"));
        for (fit, saved) in fit_and_save(&workspace, specs, &label_of, &|_| {})? {
            let Some(bare) = saved.bare else {
                let hint = String::from("ask for `--vcov cr1`, `hc1` or `iid`: their factors are conventions");
                return Err(Failure::input("the factor of this covariance is part of its definition", Some(hint)));
            };
            if let Some(term) = &arguments.term {
                check_term(term, fit.coefficients.iter().map(|coefficient| coefficient.term.as_str()))?;
            }
            explained.push(Explained::new(fit, bare));
        }
    }
    progress.finish();
    let (note, term) = (loaded.data_note.as_deref(), arguments.term.as_deref());
    verb.print(
        |options| document(&explained, term, note, options),
        || table(&explained, note),
        || json(&explained, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}

/// Refuses a term that is not a coefficient.
fn check_term<'a>(term: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<(), Failure> {
    if names.clone().any(|name| name == term) {
        return Ok(());
    }
    let known: Vec<&str> = names.clone().collect();
    let nearest = nearest_name(term, names).map(|name| format!("did you mean `{name}`? "));
    let hint = format!("{}its coefficients are {}", nearest.unwrap_or_default(), known.join(", "));
    Err(Failure::input(format!("the model has no coefficient `{term}`"), Some(hint)))
}
