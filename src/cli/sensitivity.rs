//! `metier sensitivity`.

use super::decompose::{groups, names};
use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::estimate::fit;
use crate::explain::ExplainError;
use crate::explain::gelbach::Roles;
use crate::explain::sensitivity::{Questions, Sensitivities, e_values, sensitivity};
use crate::model::Workspace;
use crate::output::sensitivity_table::{document, json, table};
use crate::pipeline::explain_outcomes;
use crate::result::Family;
use clap::Args;

/// `metier sensitivity`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct SensitivityArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// Regressors whose coefficients are looked at: `a+b`; the first of the formula if left out
    #[arg(long, value_name = "NAMES")]
    pub focal: Option<String>,
    /// What stays in Oster's short regression and is no benchmark: `a+b`
    #[arg(long, value_name = "NAMES")]
    pub base: Option<String>,
    /// Controls that are one benchmark: `task=work_mode+occupation`; repeat for several
    #[arg(long, value_name = "NAME=NAMES")]
    pub group: Vec<String>,
    /// Share of the estimate to be explained away
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, allow_negative_numbers = true)]
    pub q: f64,
    /// Significance level
    #[arg(long, value_name = "LEVEL", default_value_t = 0.05, allow_negative_numbers = true)]
    pub alpha: f64,
    /// Confounders as many times as strong as each control
    #[arg(long, value_name = "TIMES", value_delimiter = ',', default_values_t = [1.0, 2.0, 3.0], allow_negative_numbers = true)]
    pub kd: Vec<f64>,
    /// The same for the outcome, one per `--kd`; `--kd` if left out
    #[arg(long, value_name = "TIMES", value_delimiter = ',', allow_negative_numbers = true)]
    pub ky: Vec<f64>,
    /// Oster: largest R2; 1.3 times that of the formula, at most 1, if left out
    #[arg(long, value_name = "R2", allow_negative_numbers = true)]
    pub r_max: Option<f64>,
    /// Oster: selection on unobserved relative to observed controls
    #[arg(long, value_name = "DELTA", default_value_t = 1.0, allow_negative_numbers = true)]
    pub delta: f64,
    /// Oster: the coefficient that delta is for
    #[arg(long, value_name = "BETA", default_value_t = 0.0, allow_negative_numbers = true)]
    pub beta: f64,
}

const HELP: &str = "\
Example:
  metier sensitivity 'verified_success ~ i(expertise, ref = 1) | work_mode + month' --data synthetic --cluster user_id \\
         --rates expertise

With `--rates` there are E-values of the ratios of rates too; they are all there is for a likelihood (`--family logit`).";

/// What is asked.
fn questions(arguments: &SensitivityArguments) -> Result<Questions, Failure> {
    let refuse = |message: &str, hint: &str| Err(Failure::input(message, Some(hint.to_owned())));
    if arguments.q.is_nan() || arguments.q <= 0.0 {
        return refuse("`--q` is a share above 0", "`--q 1` asks for an estimate of zero, `--q 0.5` for half of it");
    }
    if !(arguments.alpha > 0.0 && arguments.alpha < 1.0) {
        return refuse("`--alpha` is a level between 0 and 1", "e.g. `--alpha 0.05`");
    }
    if !arguments.ky.is_empty() && arguments.ky.len() != arguments.kd.len() {
        return refuse(
            "`--ky` has another number of values than `--kd`",
            "give one for each, e.g. `--kd 1,2 --ky 1,1`",
        );
    }
    if arguments.kd.iter().chain(&arguments.ky).any(|k| !(*k >= 0.0 && k.is_finite())) {
        return refuse("a confounder is 0 or more times as strong as a control", "e.g. `--kd 1,2,3`");
    }
    if !(arguments.delta.is_finite() && arguments.beta.is_finite()) {
        return refuse("`--delta` and `--beta` are numbers", "e.g. `--delta 1 --beta 0`");
    }
    let ky = if arguments.ky.is_empty() { &arguments.kd } else { &arguments.ky };
    Ok(Questions {
        q: arguments.q,
        alpha: arguments.alpha,
        strengths: arguments.kd.iter().copied().zip(ky.iter().copied()).collect(),
        r_max: arguments.r_max,
        delta: arguments.delta,
        beta: arguments.beta,
    })
}

/// Fits, asks and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run(arguments: &SensitivityArguments) -> Result<u8, Failure> {
    let verb = &arguments.verb;
    let mut progress = Progress::new(verb.source.quiet);
    let questions = questions(arguments)?;
    let (focal, base) = (names(&arguments.focal), names(&arguments.base));
    let groups = groups(&arguments.group)?;
    let loaded = verb.load("sensitivity", &mut progress, |_| Ok(()))?;
    let workspace = Workspace::new(&loaded.table);
    let mut found = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("look at {name}"));
        for spec in specs {
            let rates_alone = spec.options.family != Family::Ols && spec.request.rates.is_some();
            found.extend(explain_outcomes(
                &workspace,
                spec,
                &label_of,
                |group, outcome, _| {
                    let sample = &group.sample;
                    let coefficients = match rates_alone {
                        true => Vec::new(),
                        false => {
                            let roles = Roles::from_names(sample, &focal, &base, &groups)?;
                            sensitivity(sample, outcome, &spec.options, &roles, &questions)?
                        }
                    };
                    let fitted = fit(sample, &spec.options).swap_remove(outcome).map_err(ExplainError::from)?;
                    Ok(Sensitivities { e_values: e_values(&fitted.fit), fit: fitted.fit, coefficients })
                },
                |found| vec![&mut found.fit],
            )?);
        }
    }
    progress.finish();
    let note = loaded.data_note.as_deref();
    verb.print(
        |options| document(&found, &questions, note, &loaded.sources, options),
        || table(&found, &questions, note),
        || json(&found, &questions, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}
