//! Estimates specifications: designs that several share are prepared once, and influence is summed while it is there.

use super::groups::Groups;
use super::record::RatePoint;
use crate::aggregate::Rows;
use crate::design::cells::{Cells, FineCells};
use crate::estimate::{Fitted, Options, SumRequest, fit, fit_on};
use crate::expr::Expr;
use crate::inference::intervals::estimate;
use crate::model::{Frame, Prepared, Request, Workspace, plain_name, prepare};
use crate::result::{ContrastKind, Estimate, ModelFit, Rates, Reference};
use crate::standardise::{CellOptions, estimators};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Estimator {
    /// The regression of the options.
    Regression,
    /// Common weights within the cells of all controls.
    CommonWeights,
    /// Direct standardisation over the cells of all controls.
    DirectStandardisation,
}

/// The effect of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectOf {
    /// The adjusted rate of one level less that of another.
    Rates {
        /// Level.
        high: String,
        /// Level it is compared with.
        low: String,
    },
    /// A coefficient.
    Coefficient(String),
}

/// A specification ready for rows.
#[derive(Debug, Clone)]
pub struct Job {
    /// The regression; its formula has one outcome.
    pub request: Request,
    /// Estimator options.
    pub options: Options,
    /// What is estimated.
    pub estimator: Estimator,
    /// The effect of interest.
    pub effect: EffectOf,
    /// Jobs with the same number have the same request but for the outcome.
    pub design: usize,
}

/// What a specification gave, before it is set beside the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimated {
    /// The effect.
    pub effect: Estimate,
    /// Adjusted rates.
    pub rates: Vec<RatePoint>,
    /// Estimation rows.
    pub rows: usize,
    /// Clusters.
    pub users: usize,
    /// Cells of the effects.
    pub cells: usize,
    /// Share of target rows in cells with two levels or more; not a number where it is not known.
    pub overlap: f64,
    /// Reference distribution of the effect.
    pub reference: Reference,
    /// Influence by group of the effect and of every rate, in the order of [`Runner::numbers`]; empty without.
    pub sums: Vec<Option<Vec<f64>>>,
    /// Covariance of the effect with that of the baseline, without small-sample factors; not a number without.
    pub with_baseline: f64,
    /// Sum of the squared influence of the effect: its variance without the small-sample factor.
    pub bare_variance: f64,
    /// Sentences the reader must see.
    pub warnings: Vec<String>,
}

/// What all jobs share.
#[derive(Clone)]
pub struct Runner<'a> {
    /// Cluster variable of joint statements; jobs with another have none.
    pub cluster: Option<String>,
    /// Its groups.
    pub groups: Groups,
    /// Levels whose rates are kept, in order.
    pub levels: Vec<String>,
    /// Influence of the baseline's effect, by the table's number of the cluster.
    pub baseline: Option<Vec<f64>>,
    /// Display label of a level of a factor.
    pub labels: &'a (dyn Fn(&str, &str) -> String + Sync),
}

/// Influence of the numbers of one specification, a row per cluster of its sample.
struct Influences {
    /// Effect, then rates of [`Runner::levels`]; `None` where the specification has none.
    columns: Vec<Option<Vec<f64>>>,
}

impl Runner<'_> {
    /// Estimates all jobs; results are in their order. `done` hears of every design with its number of jobs.
    pub fn run(
        &self,
        workspace: &Workspace,
        jobs: &[Job],
        done: &(dyn Fn(usize) + Sync),
    ) -> Vec<Result<Estimated, String>> {
        let designs = by_design(jobs);
        let frames = self.frames(workspace, jobs, &designs);
        let found: Vec<Vec<(usize, Result<Estimated, String>)>> = designs
            .par_iter()
            .map(|members| {
                let request = joint_request(jobs, members);
                let frame = Frame::can_hold(&request).then(|| frames.get(&Frame::key(&request))).flatten();
                let found = match frame {
                    Some(frame) => self.framed(workspace, jobs, members, &request, frame),
                    None => self.design(workspace, jobs, members),
                };
                done(members.len());
                found
            })
            .collect();
        let mut results: Vec<Option<Result<Estimated, String>>> = vec![None; jobs.len()];
        found.into_iter().flatten().for_each(|(at, result)| results[at] = Some(result));
        let missing = || Err(String::from("the outcome is not among those estimated"));
        results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
    }

    /// Rows that several designs share, selected once for all their outcomes; those that cannot be are left to each design.
    fn frames(&self, workspace: &Workspace, jobs: &[Job], designs: &[Vec<usize>]) -> BTreeMap<String, SharedRows> {
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for members in designs {
            let request = &jobs[members[0]].request;
            if Frame::can_hold(request) {
                by_key.entry(Frame::key(request)).or_default().extend(members);
            }
        }
        let shared = by_key.into_par_iter().filter_map(|(key, members)| {
            let request = joint_request(jobs, &members);
            let mut seen = BTreeSet::new();
            let parts =
                members.iter().flat_map(|&at| &jobs[at].request.formula.effects).flat_map(|effect| &effect.parts);
            let effects: Vec<Expr> = parts.filter(|part| seen.insert(part.to_string())).cloned().collect();
            let frame = Frame::new(workspace, &request, &effects).ok()?;
            let clusters = frame.groups().map(|group| self.clusters(workspace, &request, group)).collect();
            Some((key, SharedRows { frame, clusters }))
        });
        shared.collect::<Vec<_>>().into_iter().collect()
    }

    /// Estimates a design on shared rows.
    fn framed(
        &self,
        workspace: &Workspace,
        jobs: &[Job],
        members: &[usize],
        request: &Request,
        shared: &SharedRows,
    ) -> Vec<(usize, Result<Estimated, String>)> {
        let names: Vec<String> = members.iter().map(|&at| outcome_name(&jobs[at])).collect();
        match shared.frame.design(workspace, request, &names) {
            Ok(groups) => groups
                .into_iter()
                .flat_map(|(at, mut group)| {
                    self.group(jobs, members, &mut group, shared.clusters[at].as_ref(), shared.frame.fine(at))
                })
                .collect(),
            Err(error) => members.iter().map(|&at| (at, Err(error.to_string()))).collect(),
        }
    }

    /// Influence of the effect of one job, by the table's number of the cluster, and what the reader must know of its
    /// errors, which is looked for in this one alone; `None` if it has none.
    pub fn influence_of(&self, workspace: &Workspace, job: &Job) -> Option<(Vec<f64>, Vec<String>)> {
        let mut groups = prepare(workspace, &job.request).ok()?;
        let group = groups.first_mut()?;
        let (estimated, influences) = self.estimate_all(group, std::slice::from_ref(job), None, None).pop()?.ok()?;
        let effect = influences?.columns.swap_remove(0)?;
        let ids = self.cluster_ids(workspace, &job.request, group)?;
        let mut by_id = vec![0.0; workspace.levels(job.request.clusters.first()?).ok()?.n_levels];
        ids.iter().zip(effect).for_each(|(&id, value)| by_id[id as usize] = value);
        Some((by_id, estimated.warnings))
    }

    fn design(
        &self,
        workspace: &Workspace,
        jobs: &[Job],
        members: &[usize],
    ) -> Vec<(usize, Result<Estimated, String>)> {
        let request = joint_request(jobs, members);
        match prepare(workspace, &request) {
            Ok(groups) => groups
                .into_iter()
                .flat_map(|mut group| {
                    let clusters = self.clusters(workspace, &request, &group);
                    self.group(jobs, members, &mut group, clusters.as_ref(), None)
                })
                .collect(),
            Err(error) if request.formula.outcomes.len() == 1 => {
                members.iter().map(|&at| (at, Err(error.to_string()))).collect()
            }
            // one outcome may be at fault: each alone
            Err(_) => {
                let alone = |outcome: &Expr| {
                    let text = outcome.to_string();
                    let own = members.iter().filter(|&&at| jobs[at].request.formula.outcomes[0].to_string() == text);
                    own.copied().collect::<Vec<usize>>()
                };
                request.formula.outcomes.iter().flat_map(|o| self.design(workspace, jobs, &alone(o))).collect()
            }
        }
    }

    /// The jobs whose outcomes a prepared sample holds.
    fn group(
        &self,
        jobs: &[Job],
        members: &[usize],
        group: &mut Prepared,
        clusters: Option<&Clusters>,
        fine: Option<&FineCells>,
    ) -> Vec<(usize, Result<Estimated, String>)> {
        group.label(&self.labels);
        let holds = |at: &&usize| group.sample.outcomes.iter().any(|outcome| outcome.name == outcome_name(&jobs[**at]));
        let own: Vec<usize> = members.iter().filter(holds).copied().collect();
        // every kind of estimate once for all outcomes
        let mut kinds: Vec<Vec<usize>> = Vec::new();
        for &at in &own {
            let same = |other: &Job| {
                other.options == jobs[at].options
                    && other.effect == jobs[at].effect
                    && is_regression(other.estimator) == is_regression(jobs[at].estimator)
            };
            match kinds.iter_mut().find(|kind| same(&jobs[kind[0]])) {
                Some(kind) => kind.push(at),
                None => kinds.push(vec![at]),
            }
        }
        let mut found = Vec::new();
        // one set of cells for every estimator
        let regressions = own.iter().any(|&at| is_regression(jobs[at].estimator));
        let cells = fine.filter(|_| regressions).map(|fine| Cells::coarser(&group.sample, fine));
        for kind in kinds {
            let of_kind: Vec<Job> = kind.iter().map(|&at| jobs[at].clone()).collect();
            let results = self.estimate_all(group, &of_kind, clusters, cells.as_ref());
            for (at, result) in kind.into_iter().zip(results) {
                let complete = |(mut estimated, influences): (Estimated, Option<Influences>)| {
                    estimated
                        .warnings
                        .extend(group.absent.iter().map(|term| format!("`{}`: {}", term.term, term.reason)));
                    if let (Some(influences), Some(clusters)) = (influences, clusters) {
                        self.sum(&mut estimated, &influences, clusters);
                    }
                    estimated
                };
                found.push((at, result.map(complete)));
            }
        }
        found
    }

    /// Estimates jobs that differ in their outcome alone. With `clusters` influence is summed on the way where that is possible;
    /// what comes back by cluster is still to be summed.
    fn estimate_all(
        &self,
        group: &Prepared,
        jobs: &[Job],
        clusters: Option<&Clusters>,
        cells: Option<&Cells>,
    ) -> Vec<Result<(Estimated, Option<Influences>), String>> {
        let sample = &group.sample;
        let keep = !sample.clusters.is_empty();
        let position = |job: &Job| sample.outcomes.iter().position(|outcome| outcome.name == outcome_name(job));
        let Some(first) = jobs.first() else { return Vec::new() };
        if is_regression(first.estimator) {
            let sums = clusters.map(|clusters| self.request(&first.effect, clusters));
            let keep_influence = keep && sums.is_none();
            let options = Options { keep_influence, sums, count_clusters: false, ..first.options.clone() };
            let mut fits = match cells {
                Some(cells) => fit_on(&Rows::with_cells(sample, cells.clone()), &options),
                None => fit(sample, &options),
            };
            if options.sums.is_some() && fits.iter().flatten().any(|fitted| fitted.sums.is_none()) {
                // fits on rows have influence by cluster only
                fits = fit(sample, &Options { keep_influence: keep, sums: None, ..options });
            }
            let one = |job: &Job| {
                let at = position(job).ok_or_else(|| String::from("the outcome has no rows"))?;
                let fitted = fits[at].as_ref().map_err(ToString::to_string)?;
                self.regression(job, fitted)
            };
            return jobs.iter().map(one).collect();
        }
        let cell_options =
            CellOptions { jackknife: false, parts: false, keep_influence: keep, ..CellOptions::default() };
        let all = estimators(sample, &first.options, cell_options);
        let one = |job: &Job| {
            let at = position(job).ok_or_else(|| String::from("the outcome has no rows"))?;
            let found = all[at].as_ref().map_err(ToString::to_string)?;
            let of = if job.estimator == Estimator::CommonWeights { &found.common } else { &found.direct };
            let mut warnings = found.warnings.clone();
            warnings.extend(found.fit.warnings.iter().filter(|text| text.contains("level")).cloned());
            let critical = found.reference.critical(first.options.conf_level);
            let effect = of_rates(&of.rates, job, found.reference, critical)?;
            let estimated = Estimated {
                effect,
                rates: points(&of.rates),
                rows: found.overlap.rows_used,
                users: found.clusters.first().map_or(0, |cluster| cluster.count),
                cells: found.overlap.cells_used,
                overlap: found.overlap.rows_two_levels as f64 / found.overlap.rows as f64,
                reference: found.reference,
                sums: Vec::new(),
                with_baseline: f64::NAN,
                bare_variance: f64::NAN,
                warnings,
            };
            let levels: Vec<&str> = of.rates.levels.iter().map(|row| row.level.as_str()).collect();
            let influences = of.influence.as_ref().map(|values| {
                let column = |k: usize| values.iter().skip(k).step_by(levels.len()).copied().collect::<Vec<f64>>();
                self.influences(job, |name| levels.iter().position(|level| *level == name).map(column), |_| None)
            });
            Ok((estimated, influences))
        };
        jobs.iter().map(one).collect()
    }

    fn regression(&self, job: &Job, fitted: &Fitted) -> Result<(Estimated, Option<Influences>), String> {
        let fit = &fitted.fit;
        let effect = match &job.effect {
            EffectOf::Coefficient(term) => match fit.coefficients.iter().find(|row| row.term == *term) {
                Some(row) => row.clone(),
                None => return Err(no_term(fit, term)),
            },
            EffectOf::Rates { .. } => {
                let rates =
                    fit.rates.as_ref().ok_or_else(|| String::from("the specification has no adjusted rates"))?;
                of_rates(rates, job, fit.reference, fit.reference.critical(fit.conf_level))?
            }
        };
        let overlap = fit
            .overlap
            .as_ref()
            .map_or(f64::NAN, |overlap| overlap.rows_in_two_level_cells as f64 / overlap.target_rows as f64);
        let estimated = Estimated {
            effect,
            rates: fit.rates.as_ref().map_or_else(Vec::new, points),
            rows: fit.flow.rows_used,
            users: fit.flow.users,
            cells: fit.flow.cells,
            overlap,
            reference: fit.reference,
            sums: fitted.sums.as_ref().map_or_else(Vec::new, |sums| sums.columns.clone()),
            with_baseline: fitted.sums.as_ref().map_or(f64::NAN, |sums| sums.cross),
            bare_variance: fitted.sums.as_ref().map_or(f64::NAN, |sums| sums.square),
            warnings: fit.warnings.clone(),
        };
        let influences = fitted.influence.as_ref().map(|influence| {
            let width = influence.names.len();
            let column = |name: &str| {
                let at = influence.names.iter().position(|known| known == name)?;
                Some(influence.values.iter().skip(at).step_by(width).copied().collect::<Vec<f64>>())
            };
            self.influences(job, |level| column(&format!("rate::{level}")), column)
        });
        Ok((estimated, influences))
    }

    /// Asks a fit for the sums of the effect and of every rate.
    fn request(&self, effect: &EffectOf, clusters: &Clusters) -> SumRequest {
        let rate = |level: &String, times: f64| (format!("rate::{level}"), times);
        let of_effect = match effect {
            EffectOf::Coefficient(term) => vec![(term.clone(), 1.0)],
            EffectOf::Rates { high, low } => vec![rate(high, 1.0), rate(low, -1.0)],
        };
        let numbers = std::iter::once(of_effect).chain(self.levels.iter().map(|level| vec![rate(level, 1.0)]));
        SumRequest {
            numbers: numbers.collect(),
            groups: Arc::clone(&clusters.groups),
            n_groups: self.groups.count(),
            other: clusters.baseline.clone(),
            only: true,
        }
    }

    /// Columns of the effect and of every rate.
    fn influences(
        &self,
        job: &Job,
        rate: impl Fn(&str) -> Option<Vec<f64>>,
        coefficient: impl Fn(&str) -> Option<Vec<f64>>,
    ) -> Influences {
        let effect = match &job.effect {
            EffectOf::Coefficient(term) => coefficient(term),
            EffectOf::Rates { high, low } => rate(high).zip(rate(low)).map(|(mut high, low)| {
                high.iter_mut().zip(low).for_each(|(high, low)| *high -= low);
                high
            }),
        };
        let columns = std::iter::once(effect).chain(self.levels.iter().map(|level| rate(level))).collect();
        Influences { columns }
    }

    /// Clusters of a sample; `None` if it has other clusters than the curve.
    fn clusters(&self, workspace: &Workspace, request: &Request, group: &Prepared) -> Option<Clusters> {
        let ids = self.cluster_ids(workspace, request, group)?;
        let of_baseline = |baseline: &Vec<f64>| Arc::new(ids.iter().map(|&id| baseline[id as usize]).collect());
        Some(Clusters {
            groups: Arc::new(ids.iter().map(|&id| self.groups.of(id as usize) as u32).collect()),
            baseline: self.baseline.as_ref().map(of_baseline),
        })
    }

    /// The table's number of every cluster of a sample.
    fn cluster_ids(&self, workspace: &Workspace, request: &Request, group: &Prepared) -> Option<Vec<u32>> {
        let cluster = group.sample.clusters.first()?;
        if self.cluster.as_ref() != Some(&cluster.name) || group.sample.clusters.len() > 1 {
            return None;
        }
        group.cluster_ids(workspace, request).ok()
    }

    /// Sums influence by group, and with the baseline.
    fn sum(&self, estimated: &mut Estimated, influences: &Influences, clusters: &Clusters) {
        let by_group = |column: &Vec<f64>| {
            let mut sums = vec![0.0; self.groups.count()];
            clusters.groups.iter().zip(column).for_each(|(&group, value)| sums[group as usize] += value);
            sums
        };
        estimated.sums = influences.columns.iter().map(|column| column.as_ref().map(by_group)).collect();
        if let Some(effect) = &influences.columns[0] {
            estimated.bare_variance = effect.iter().map(|value| value * value).sum();
            if let Some(baseline) = &clusters.baseline {
                estimated.with_baseline = effect.iter().zip(baseline.iter()).map(|(value, other)| value * other).sum();
            }
        }
    }
}

/// Rows that several designs share.
struct SharedRows {
    frame: Frame,
    /// Clusters of each group of outcomes.
    clusters: Vec<Option<Clusters>>,
}

/// What the runner knows of each cluster of a sample.
struct Clusters {
    /// Its group.
    groups: Arc<Vec<u32>>,
    /// Influence of the baseline's effect.
    baseline: Option<Arc<Vec<f64>>>,
}

/// The request of jobs that differ in their outcomes, for all of them.
fn joint_request(jobs: &[Job], members: &[usize]) -> Request {
    let mut request = jobs[members[0]].request.clone();
    request.formula.outcomes.clear();
    let mut seen = BTreeSet::new();
    for outcome in members.iter().map(|&at| &jobs[at].request.formula.outcomes[0]) {
        if seen.insert(outcome.to_string()) {
            request.formula.outcomes.push(outcome.clone());
        }
    }
    request
}

/// Positions of the jobs of every design, in the order of first use.
fn by_design(jobs: &[Job]) -> Vec<Vec<usize>> {
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    let mut designs: Vec<Vec<usize>> = Vec::new();
    for (at, job) in jobs.iter().enumerate() {
        let position = *place.entry(job.design).or_insert_with(|| {
            designs.push(Vec::new());
            designs.len() - 1
        });
        designs[position].push(at);
    }
    designs
}

fn is_regression(estimator: Estimator) -> bool {
    estimator == Estimator::Regression
}

fn outcome_name(job: &Job) -> String {
    plain_name(&job.request.formula.outcomes[0])
}

/// The contrast of two rates, as the fit's own table has it, or made from their covariance.
fn of_rates(rates: &Rates, job: &Job, reference: Reference, critical: f64) -> Result<Estimate, String> {
    let EffectOf::Rates { high, low } = &job.effect else {
        return Err(String::from("cell estimators have no coefficients: name two levels as the effect"));
    };
    let name = format!("{high} - {low}");
    let is_difference = |kind: ContrastKind| matches!(kind, ContrastKind::Reference | ContrastKind::Adjacent);
    if let Some(row) = rates.contrasts.iter().find(|row| is_difference(row.kind) && row.contrast == name) {
        return Ok(Estimate {
            term: name,
            estimate: row.estimate,
            std_error: row.std_error,
            statistic: row.statistic,
            p_value: row.p_value,
            conf_low: row.conf_low,
            conf_high: row.conf_high,
        });
    }
    let n = rates.levels.len();
    let at = |level: &String| {
        let found = rates.levels.iter().position(|row| row.level == *level);
        found.ok_or_else(|| format!("`{level}` is no level of `{}` in this sample", rates.factor))
    };
    let (h, l) = (at(high)?, at(low)?);
    let value = rates.levels[h].estimate - rates.levels[l].estimate;
    let variance = rates.vcov[h * n + h] + rates.vcov[l * n + l] - 2.0 * rates.vcov[h * n + l];
    Ok(estimate(name, value, variance.max(0.0).sqrt(), reference, critical))
}

fn no_term(fit: &ModelFit, term: &str) -> String {
    match fit.dropped_terms.iter().find(|dropped| dropped.term == term) {
        Some(dropped) => format!("`{term}` was dropped: {}", dropped.reason),
        None => format!("the specification has no coefficient `{term}`"),
    }
}

fn points(rates: &Rates) -> Vec<RatePoint> {
    let point = |row: &crate::result::RateRow| RatePoint {
        level: row.level.clone(),
        label: row.label.clone(),
        estimate: row.estimate,
        std_error: row.std_error,
        conf_low: row.conf_low,
        conf_high: row.conf_high,
    };
    rates.levels.iter().map(point).collect()
}
