//! `metier leave-out`.

use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::expr::parse;
use crate::model::Workspace;
use crate::output::leave_out_table::{document, json, table};
use crate::pipeline::{Drop, LeaveOutPlan, leave_out};
use crate::spec::SourceError;
use clap::Args;

/// `metier leave-out`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct LeaveOutArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// What is left out, one at a time: `control`, a variable whose levels are (`month`, `level:month`), `users`; repeat
    #[arg(long, value_name = "WHAT", default_values_t = [String::from("control")])]
    pub drop: Vec<String>,
    /// Numbers to look at: a coefficient, `rate 5 - rate 1`; by default the first regressor's coefficients, or with
    /// `--rates` the last level less the first
    #[arg(long, value_name = "NUMBER")]
    pub of: Vec<String>,
    /// Most users that `--drop users` removes, as a share of all
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, allow_negative_numbers = true)]
    pub max_share: f64,
    /// Users that `--drop users` lists by their influence
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    pub list: usize,
}

const HELP: &str = "\
Examples:
  metier leave-out 'verified_success ~ i(expertise, ref = 1) | work_mode + month' --data synthetic --cluster user_id \\
         --rates expertise --drop control --drop month
  metier leave-out 'verified_success ~ i(expertise, ref = 1) | work_mode' --data s.csv --cluster user_id \\
         --of expertise::5 --drop users";

/// What is left out, and whether users are.
fn drops(texts: &[String]) -> Result<(Vec<Drop>, bool), Failure> {
    let (mut drops, mut users) = (Vec::new(), false);
    for text in texts {
        match text.as_str() {
            "control" => drops.push(Drop::Control),
            "users" => users = true,
            other => {
                let variable = other.strip_prefix("level:").unwrap_or(other);
                let expr = parse(variable).map_err(|error| {
                    let source = SourceError::expression("--drop", variable, &error);
                    Failure { source: Some(Box::new(source)), ..Failure::input(&error, error.hint()) }
                })?;
                drops.push(Drop::Level(expr));
            }
        }
    }
    Ok((drops, users))
}

/// Fits, leaves out and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &LeaveOutArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let (drops, users) = drops(&arguments.drop)?;
    if !(arguments.max_share > 0.0 && arguments.max_share < 1.0) {
        let hint = Some(String::from("e.g. `--max-share 0.1`"));
        return Err(Failure::input("`--max-share` is a share between 0 and 1", hint));
    }
    let columns: Vec<String> = drops
        .iter()
        .flat_map(|drop| match drop {
            Drop::Control => Vec::new(),
            Drop::Level(variable) => variable.names(),
        })
        .collect();
    let plan = LeaveOutPlan {
        drops,
        numbers: arguments.of.clone(),
        users,
        max_share: arguments.max_share,
        n_largest: arguments.list,
    };
    let loaded = verb.load_with("leave-out", &mut progress, &columns, |spec| {
        // changes are made of influence, and have no jackknife
        spec.options.few_clusters = None;
        Ok(())
    })?;
    let workspace = Workspace::new(&loaded.table);
    let mut found = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("leave out {name}"));
        for spec in specs {
            found.extend(leave_out(&workspace, spec, &label_of, &plan)?);
        }
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
