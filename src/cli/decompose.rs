//! `metier decompose`.

use super::Failure;
use super::exit;
use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use crate::explain::gelbach::Roles;
use crate::explain::gelbach::gelbach;
use crate::explain::roles::{NamedGroup, split_names};
use crate::model::Workspace;
use crate::output::gelbach_table;
use crate::pipeline::explain_outcomes;
use crate::result::VcovKind;
use crate::spec::Resolved;
use clap::{Args, Subcommand};

/// `metier decompose`.
#[derive(Debug, Args)]
pub struct DecomposeArguments {
    /// Which decomposition.
    #[command(subcommand)]
    pub way: Way,
}

/// Decompositions.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one of them in a run
pub enum Way {
    /// What each control moved a coefficient, in no order (Gelbach 2016)
    Gelbach(GelbachArguments),
    /// A difference of means by a regression in each group (Oaxaca 1973, Blinder 1973)
    Oaxaca(super::twofold::OaxacaArguments),
    /// A difference of rates: within cells, and by composition (Kitagawa 1955)
    Kitagawa(super::twofold::KitagawaArguments),
}

/// `metier decompose gelbach`.
#[derive(Debug, Args)]
#[command(after_help = GELBACH_HELP)]
pub struct GelbachArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// Regressors whose coefficients are explained: `a+b`; the first of the formula if left out
    #[arg(long, value_name = "NAMES")]
    pub focal: Option<String>,
    /// What stays in both regressions: regressors and fixed effects, `a+b`
    #[arg(long, value_name = "NAMES")]
    pub base: Option<String>,
    /// Controls that count together: `task=work_mode+occupation`; repeat for several
    #[arg(long, value_name = "NAME=NAMES")]
    pub group: Vec<String>,
}

const GELBACH_HELP: &str = "\
Example:
  metier decompose gelbach 'verified_success ~ i(expertise, ref = 1) | work_mode + month' --data synthetic --cluster user_id

The short regression has the focal regressors and `--base`, the long one the whole formula, both on the same rows.
With `--composition fixed` the errors hold the regressors fixed.";

/// Decomposes and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &DecomposeArguments) -> Result<u8, Failure> {
    match &arguments.way {
        Way::Gelbach(arguments) => run_gelbach(arguments),
        Way::Oaxaca(arguments) => super::twofold::run_oaxaca(arguments),
        Way::Kitagawa(arguments) => super::twofold::run_kitagawa(arguments),
    }
}

/// Errors by row where there are no clusters: there is no sum of influence under equal variance. CR1 where there are: parts
/// are made of influence, and have no jackknife.
pub(super) fn robust(verb: &VerbArguments, name: &str, spec: &mut Resolved) -> Result<(), Failure> {
    verb.refuse_target(name, spec)?;
    spec.options.few_clusters = None;
    if spec.options.vcov == VcovKind::Iid && verb.entry.vcov.is_none() {
        spec.options.vcov = VcovKind::Hc1;
    }
    Ok(())
}

/// `name=a+b` of every `--group`.
pub(super) fn groups(texts: &[String]) -> Result<Vec<NamedGroup>, Failure> {
    let one = |text: &String| match text.split_once('=') {
        Some((name, members)) if !name.trim().is_empty() && !split_names(members).is_empty() => {
            Ok((name.trim().to_owned(), split_names(members)))
        }
        _ => {
            let hint = String::from("write `--group NAME=a+b`");
            Err(Failure::input(format!("`{text}` names no group of controls"), Some(hint)))
        }
    };
    texts.iter().map(one).collect()
}

/// Names joined by `+`; none if left out.
pub(super) fn names(text: &Option<String>) -> Vec<String> {
    text.as_deref().map(split_names).unwrap_or_default()
}

fn run_gelbach(arguments: &GelbachArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let (focal, base) = (names(&arguments.focal), names(&arguments.base));
    let groups = groups(&arguments.group)?;
    let loaded = verb.load("decompose", &mut progress, |spec| robust(verb, "decompose", spec))?;
    let workspace = Workspace::new(&loaded.table);
    let mut found = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("decompose {name}"));
        for spec in specs {
            found.extend(explain_outcomes(
                &workspace,
                spec,
                &label_of,
                |group, outcome, _| {
                    let roles = Roles::from_names(&group.sample, &focal, &base, &groups)?;
                    Ok(gelbach(&group.sample, outcome, &spec.options, &roles, spec.options.composition)?)
                },
                |found| vec![&mut found.long, &mut found.short],
            )?);
        }
    }
    progress.finish();
    let note = loaded.data_note.as_deref();
    verb.print(
        |options| gelbach_table::document(&found, note, &loaded.sources, options),
        || gelbach_table::table(&found, note),
        || gelbach_table::json(&found, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}
