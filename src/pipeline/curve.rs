//! From the drafts of a grid to a curve: resolved, sorted by the settings they need, estimated, set side by side.

use crate::curve::assemble::assemble;
use crate::curve::groups::Groups;
use crate::curve::joint::DrawOptions;
use crate::curve::run::{EffectOf, Estimated, Estimator, Job, Runner};
use crate::curve::{Curve, Specification};
use crate::formula::effect_name;
use crate::grid::{Draft, EffectText, EstimatorName, Expanded, GridFile};
use crate::model::Workspace;
use crate::pipeline::Labels;
use crate::result::VcovKind;
use crate::spec::Resolved;
use std::collections::BTreeMap;

/// A draft that could be resolved, with its place among the specifications.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Position among the drafts.
    pub at: usize,
    /// The specification.
    pub resolved: Resolved,
}

/// What estimates the specifications of a grid, one table at a time.
pub struct CurveRun<'a> {
    expanded: &'a Expanded,
    labels: Labels<'a>,
    results: Vec<Option<Result<Estimated, String>>>,
    groups: Option<Groups>,
    cluster: Option<String>,
    baseline: Option<Vec<f64>>,
    warnings: Vec<String>,
    levels: Vec<String>,
    conf_level: f64,
}

impl<'a> CurveRun<'a> {
    /// Nothing estimated yet.
    pub fn new(expanded: &'a Expanded, labels: Labels<'a>) -> Self {
        CurveRun {
            expanded,
            labels,
            results: vec![None; expanded.drafts.len()],
            groups: None,
            cluster: None,
            baseline: None,
            warnings: Vec::new(),
            levels: Vec::new(),
            conf_level: 0.95,
        }
    }

    /// Notes that a specification cannot be estimated.
    pub fn fail(&mut self, at: usize, reason: String) {
        self.results[at] = Some(Err(reason));
    }

    /// Takes what an earlier run estimated.
    pub fn restore(&mut self, at: usize, estimated: Estimated) {
        self.results[at] = Some(Ok(estimated));
    }

    /// Whether a specification has its result.
    pub fn has(&self, at: usize) -> bool {
        self.results[at].is_some()
    }

    /// The result of a specification, if it was estimated.
    pub fn result(&self, at: usize) -> Option<&Estimated> {
        self.results[at].as_ref()?.as_ref().ok()
    }

    /// Meets the first table: what all specifications are compared by. The baseline, if it can be estimated, is among `ready`.
    pub fn start(&mut self, workspace: &Workspace, ready: &[Ready], focal: &str) {
        let baseline = ready.iter().find(|one| one.at == self.expanded.baseline).or(ready.first());
        let Some(baseline) = baseline else { return };
        self.conf_level = baseline.resolved.options.conf_level;
        let as_name = crate::expr::parse(focal).ok();
        if let Some(coded) = as_name.and_then(|expr| workspace.coded(&expr).ok()) {
            self.levels = coded.factor.levels.clone();
        }
        let request = &baseline.resolved.request;
        if let ([parts], true) = (request.clusters.as_slice(), baseline.resolved.options.vcov == VcovKind::Cr1)
            && let Ok(levels) = workspace.levels(parts)
        {
            let most = Groups::most(self.results.len(), 1 + self.levels.len());
            self.groups = Some(Groups::new(levels.n_levels, most));
            self.cluster = Some(effect_name(parts));
        }
        if self.groups.is_some() && baseline.at == self.expanded.baseline {
            let job = job(&self.expanded.drafts[baseline.at], &baseline.resolved, 0);
            if let Some((influence, warnings)) = self.runner().influence_of(workspace, &job) {
                (self.baseline, self.warnings) = (Some(influence), warnings);
            }
        }
    }

    /// Estimates specifications on one table.
    pub fn run(&mut self, workspace: &Workspace, ready: &[Ready], done: &(dyn Fn(usize) + Sync)) {
        let mut designs: BTreeMap<String, usize> = BTreeMap::new();
        let jobs: Vec<Job> = ready
            .iter()
            .map(|one| {
                let draft = &self.expanded.drafts[one.at];
                let count = designs.len();
                let design = *designs.entry(draft.design_key()).or_insert(count);
                job(draft, &one.resolved, design)
            })
            .collect();
        let results = self.runner().run(workspace, &jobs, done);
        ready.iter().zip(results).for_each(|(one, result)| self.results[one.at] = Some(result));
    }

    fn runner(&self) -> Runner<'a> {
        Runner {
            cluster: self.cluster.clone(),
            groups: self.groups.clone().unwrap_or_else(|| Groups::new(0, 1)),
            levels: self.levels.clone(),
            baseline: self.baseline.clone(),
            labels: self.labels,
        }
    }

    /// Sets all results side by side. `commands` estimate the specifications alone.
    pub fn finish(self, file: &GridFile, commands: Vec<String>, options: DrawOptions) -> Curve {
        let missing = || Err(String::from("it was not reached"));
        let mut results: Vec<Result<Estimated, String>> =
            self.results.into_iter().map(|result| result.unwrap_or_else(missing)).collect();
        if let Ok(baseline) = &mut results[self.expanded.baseline] {
            let known = baseline.warnings.clone();
            baseline.warnings.extend(self.warnings.into_iter().filter(|text| !known.contains(text)));
        }
        let groups = self.groups.unwrap_or_else(|| Groups::new(0, 1));
        let numbers = 1 + self.levels.len();
        let baseline = self.expanded.baseline;
        let joined = assemble(results, baseline, &groups, numbers, self.conf_level, options);
        let drafts = self.expanded.drafts.iter().zip(commands).zip(joined.outcomes);
        let effect = file.effect.clone().unwrap_or_default();
        Curve {
            name: file.name.clone(),
            title: file.title.clone().unwrap_or_else(|| file.name.clone()),
            focal: file.focal.clone(),
            effect_label: file.effect_label.clone().unwrap_or(effect),
            choices: self.expanded.choices.clone(),
            specifications: drafts
                .map(|((draft, command), outcome)| Specification {
                    id: draft.id.clone(),
                    options: draft.options.clone(),
                    formula: draft.entry.formula.clone().unwrap_or_default(),
                    planned: None,
                    command,
                    outcome,
                })
                .collect(),
            duplicates: self.expanded.duplicates,
            baseline,
            numbers: std::iter::once(String::from("effect"))
                .chain(self.levels.iter().map(|level| format!("rate::{level}")))
                .collect(),
            covariances: joined.covariances,
            joint: joined.joint,
            data_note: None,
            sources: Vec::new(),
            command: String::new(),
        }
    }
}

fn job(draft: &Draft, resolved: &Resolved, design: usize) -> Job {
    Job {
        request: resolved.request.clone(),
        options: resolved.options.clone(),
        estimator: match draft.estimator {
            EstimatorName::Cw => Estimator::CommonWeights,
            EstimatorName::Ds => Estimator::DirectStandardisation,
            _ => Estimator::Regression,
        },
        effect: match &draft.effect {
            EffectText::Rates { high, low } => EffectOf::Rates { high: high.clone(), low: low.clone() },
            EffectText::Coefficient(term) => EffectOf::Coefficient(term.clone()),
        },
        design,
    }
}
