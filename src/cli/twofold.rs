//! `metier decompose oaxaca` and `metier decompose kitagawa`.

use super::decompose::robust;
use super::progress::Progress;
use super::source::label_of;
use super::verb::VerbArguments;
use super::{Failure, exit};
use crate::explain::ExplainError;
use crate::explain::kitagawa::kitagawa;
use crate::explain::oaxaca::{ReferenceCoefficients, oaxaca};
use crate::expr::{Expr, parse};
use crate::model::Workspace;
use crate::output::explained::About;
use crate::output::twofold_table::{Twofold, document, json, table};
use crate::pipeline::{Grouped, RunError, WorkError, explain_outcomes, formula_of, grouped};
use crate::result::{Reference, VcovKind};
use crate::spec::{Resolved, SourceError};
use crate::table::MISSING;
use clap::{Args, ValueEnum};

/// `metier decompose oaxaca`.
#[derive(Debug, Args)]
#[command(after_help = OAXACA_HELP)]
pub struct OaxacaArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// The groups: a condition (where it holds less where not), or a variable (last less first level)
    #[arg(long, value_name = "CONDITION|VARIABLE")]
    pub groups: String,
    /// Reference coefficients
    #[arg(long, value_enum, default_value = "a")]
    pub reference: ReferenceName,
}

/// `metier decompose kitagawa`.
#[derive(Debug, Args)]
#[command(after_help = KITAGAWA_HELP)]
pub struct KitagawaArguments {
    #[command(flatten)]
    pub verb: VerbArguments,
    /// The groups: a condition (where it holds less where not), or a variable (last less first level)
    #[arg(long, value_name = "CONDITION|VARIABLE")]
    pub groups: String,
    /// Print every cell
    #[arg(long)]
    pub cells: bool,
}

/// Reference coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReferenceName {
    /// Those of the group that is subtracted (the condition does not hold, the first level)
    A,
    /// Those of the other group
    B,
    /// Both groups together (Neumark)
    Pooled,
    /// Both groups together with a dummy of the group
    PooledDummy,
}

const OAXACA_HELP: &str = "\
Example:
  metier decompose oaxaca 'verified_success ~ log(prompts) | work_mode + expertise' --data synthetic --cluster user_id \\
         --groups 'month >= \"2026-01\"'

Regressors and fixed effects of the formula are the variables of the detailed decomposition.";

const KITAGAWA_HELP: &str = "\
Example:
  metier decompose kitagawa 'verified_success ~ 1 | work_mode + work_mode^value_band' --data synthetic --cluster user_id \\
         --groups month

Each fixed effect of the formula is one decomposition by its cells; `a^b` has their combinations.";

/// The condition or variable of `--groups`.
fn groups_of(text: &str) -> Result<Expr, Failure> {
    parse(text).map_err(|error| {
        let source = SourceError::expression("--groups", text, &error);
        Failure { source: Some(Box::new(source)), ..Failure::input(&error, error.hint()) }
    })
}

/// Makes something of the two groups of every outcome.
fn run(
    verb: &VerbArguments,
    groups: &str,
    check: impl Fn(&Resolved) -> Result<(), ExplainError>,
    work: impl Fn(&Workspace, &Resolved, &Grouped, usize) -> Result<Twofold, WorkError>,
    cells: bool,
) -> Result<u8, Failure> {
    let by = groups_of(groups)?;
    let mut progress = Progress::new(verb.source.quiet);
    let loaded = verb.load_with("decompose", &mut progress, &by.names(), |spec| robust(verb, "decompose", spec))?;
    let workspace = Workspace::new(&loaded.table);
    let mut found = Vec::new();
    for (name, specs) in &loaded.groups {
        progress.stage(&format!("decompose {name}"));
        for spec in specs {
            check(spec).map_err(|error| RunError::explain(spec, "all", error))?;
            found.extend(explain_outcomes(
                &workspace,
                spec,
                &label_of,
                |group, outcome, sample| {
                    let mut grouped = grouped(&workspace, spec, sample, group, &by)?;
                    if !spec.options.vcov.is_clustered() {
                        grouped.sample.clusters.clear();
                    }
                    let mut one = work(&workspace, spec, &grouped, outcome)?;
                    one.about.sample = sample.to_owned();
                    Ok(one)
                },
                |_| Vec::new(),
            )?);
        }
    }
    progress.finish();
    let note = loaded.data_note.as_deref();
    verb.print(
        |options| document(&found, cells, note, &loaded.sources, options),
        || table(&found, note),
        || json(&found, note, &loaded.sources),
    )?;
    Ok(exit::DONE)
}

/// Refuses covariances that are no sums of influence.
fn check_vcov(spec: &Resolved) -> Result<(), ExplainError> {
    match spec.options.vcov {
        VcovKind::Cr1 | VcovKind::Hc1 => Ok(()),
        kind => Err(ExplainError::Vcov { what: "the decomposition", kind }),
    }
}

/// The groups without decompositions.
fn blank(spec: &Resolved, grouped: &Grouped, outcome: usize) -> Twofold {
    let sample = &grouped.sample;
    let outcome = sample.outcomes[outcome].name.clone();
    let cluster = sample.clusters.first();
    let units = cluster.map_or(sample.n_rows, |cluster| cluster.n_clusters);
    let about = About {
        spec_id: spec.spec_id.clone(),
        model: spec.model.clone(),
        sample: String::from("all"),
        formula: formula_of(spec, &outcome),
        outcome,
        reference: Reference::StudentT(units as f64 - 1.0),
        conf_level: spec.options.conf_level,
        se_type: if cluster.is_some() { "CR1" } else { "HC1" },
        cluster: cluster.map(|cluster| cluster.name.clone()),
        warnings: Vec::new(),
    };
    let (groups, rows_neither) = (grouped.groups.clone(), grouped.rows_neither);
    Twofold { about, groups, rows_neither, oaxaca: None, kitagawa: Vec::new() }
}

/// Decomposes a difference of means by regressions and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run_oaxaca(arguments: &OaxacaArguments) -> Result<u8, Failure> {
    let (reference, name) = match arguments.reference {
        ReferenceName::A => (ReferenceCoefficients::A, "group a (subtracted)"),
        ReferenceName::B => (ReferenceCoefficients::B, "group b"),
        ReferenceName::Pooled => (ReferenceCoefficients::Pooled, "pooled (Neumark 1988)"),
        ReferenceName::PooledDummy => (ReferenceCoefficients::PooledWithDummy, "pooled with a dummy of the group"),
    };
    let work = |_: &Workspace, spec: &Resolved, grouped: &Grouped, outcome: usize| {
        let (family, conf_level) = (spec.options.family, spec.options.conf_level);
        let found = oaxaca(&grouped.sample, outcome, &grouped.groups, reference, family, conf_level)?;
        Ok(Twofold { oaxaca: Some((name, found)), ..blank(spec, grouped, outcome) })
    };
    run(&arguments.verb, &arguments.groups, check_vcov, work, false)
}

/// Decomposes a difference of rates by cells and prints.
///
/// # Errors
/// Whatever is wrong with the specification, the table or the estimation.
pub fn run_kitagawa(arguments: &KitagawaArguments) -> Result<u8, Failure> {
    let check = |spec: &Resolved| {
        check_vcov(spec)?;
        if spec.request.formula.effects.is_empty() { Err(ExplainError::NoCells) } else { Ok(()) }
    };
    let work = |workspace: &Workspace, spec: &Resolved, grouped: &Grouped, outcome: usize| {
        let mut found = blank(spec, grouped, outcome);
        for (term, effect) in spec.request.formula.effects.iter().zip(&grouped.sample.effects) {
            let one = kitagawa(&grouped.sample, outcome, &grouped.groups, effect, spec.options.conf_level)?;
            let parts = term.parts.iter().map(|part| workspace.coded(part)).collect::<Result<Vec<_>, _>>();
            let parts = parts.map_err(|error| RunError::model_of(spec, error))?;
            let mut example = vec![0; effect.n_levels];
            effect.codes.iter().zip(&grouped.rows).for_each(|(&code, &row)| example[code as usize] = row);
            let label = |code: u32| {
                let row = example[code as usize];
                let part = |factor: &crate::table::Factor| match factor.codes[row] {
                    MISSING => String::from("(missing)"),
                    code => factor.levels[code as usize].clone(),
                };
                parts.iter().map(|coded| part(&coded.factor)).collect::<Vec<_>>().join(" ^ ")
            };
            let labels = one.cells.iter().map(|cell| label(cell.code)).collect();
            found.kitagawa.push((one, labels));
        }
        Ok(found)
    };
    run(&arguments.verb, &arguments.groups, check, work, arguments.cells)
}
