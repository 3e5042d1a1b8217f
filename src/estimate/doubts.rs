//! When CR1 is not to be trusted, and what takes its place where nobody asked for it by name.
//!
//! CR1 squares residuals that the fit has pulled towards the clusters that matter. It is too small, and too variable, where
//! few of them matter, however many there are, and where parameters take much of the residuals. The thresholds come from the
//! coverage study (`docs/coverage.md`): below 20 effective clusters its 95% intervals hold the truth less than 93.5 times
//! in a hundred, and those of the jackknife CR3 94 to 96 times.

use super::assemble::{Counts, Extra, Point, Problem};
use super::leveraged::{self, Design, Local};
use super::variance::{Variance, variance};
use super::{FitError, Options, sums};
use crate::aggregate::{Aggregator, ScoreQuery};
use crate::design::singletons::Exact;
use crate::result::{Family, VcovKind};
use crate::vcov::convention::{EffectsInK, KFactor, Rule, Shared};
use crate::vcov::jackknife::Scoring;
use crate::vcov::partial::Effective;
use crate::vcov::small_sample::count_effects;
use std::cmp::Ordering;

/// Effective clusters ([`crate::vcov::partial::effective`]) below which CR1 is not to be trusted.
pub const FEW_EFFECTIVE: f64 = 20.0;
/// Effective clusters with independent errors from which CR1 is trusted all the same: no cluster pulls the fit.
pub const MANY_INDEPENDENT: f64 = 500.0;
/// Clusters of any of several cluster variables below which it is not.
pub const FEW_CLUSTERS: usize = 50;
/// Parameters per row above which it is not; effects nested in the clusters take nothing from them and do not count.
pub const PARAMETERS_PER_ROW: f64 = 0.1;

/// One reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doubt {
    /// Too many parameters.
    Parameters { k: usize, n: usize },
    /// A cluster variable of several with few clusters.
    Clusters { variable: String, clusters: usize },
    /// A number that rests on few clusters.
    Effective { number: String, variable: String, clusters: usize, effective: f64 },
}

impl Doubt {
    fn sentence(&self) -> String {
        match self {
            Doubt::Parameters { k, n } => {
                format!("{k} parameters for {n} rows are more than {PARAMETERS_PER_ROW} per row")
            }
            Doubt::Clusters { variable, clusters } => {
                format!("`{variable}` has {clusters} clusters, fewer than {FEW_CLUSTERS}")
            }
            Doubt::Effective { number, variable, clusters, effective } => format!(
                "`{number}` rests on {effective:.1} effective clusters of `{variable}` ({clusters} in all), fewer than \
                 {FEW_EFFECTIVE}"
            ),
        }
    }
}

/// Doubts that counts alone raise: parameters, and clusters where they are of several kinds.
pub(super) fn of_counts(counts: &Counts, n_coef: usize, clusters: &[(&str, usize)]) -> Vec<Doubt> {
    let rule = Options::default().rule();
    let rule = Rule { k: KFactor::NMinusOne, effects: EffectsInK::Nonnested, df: Shared::Nominal, ..rule };
    let (n, k) = (counts.n, n_coef + count_effects(&counts.facts, &rule).iter().sum::<usize>());
    let mut doubts = Vec::new();
    if k as f64 > PARAMETERS_PER_ROW * n as f64 {
        doubts.push(Doubt::Parameters { k, n });
    }
    if clusters.len() > 1 {
        doubts.extend(of_clusters(clusters.iter().copied()));
    }
    doubts
}

/// Doubts about cluster variables with few clusters.
pub(super) fn of_clusters<'a>(clusters: impl Iterator<Item = (&'a str, usize)>) -> Vec<Doubt> {
    let few = clusters.filter(|(_, count)| *count < FEW_CLUSTERS);
    few.map(|(name, clusters)| Doubt::Clusters { variable: name.to_owned(), clusters }).collect()
}

/// The number with the fewest effective clusters, if they are too few.
pub(super) fn of_spread(found: &Effective, variable: &str, names: &[String]) -> Option<Doubt> {
    let numbers = found.numbers.iter().zip(&found.independent).zip(names);
    let pulled = numbers.filter(|((effective, all), _)| effective.is_finite() && **all < MANY_INDEPENDENT);
    let (effective, number) = pulled.map(|((&e, _), name)| (e, name)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (effective < FEW_EFFECTIVE).then(|| Doubt::Effective {
        number: number.clone(),
        variable: variable.to_owned(),
        clusters: found.clusters,
        effective,
    })
}

/// Effective clusters of each cluster variable for the first combinations, as many as there are `names`.
pub(super) fn effective(
    problem: Problem,
    query: &ScoreQuery,
    exact: &[Exact],
    design: Design,
    point: &Point,
    extra: &Extra,
    width: usize,
) -> Vec<Effective> {
    let r = weights_of_rows(problem, query, design, point, extra, width);
    (0..problem.sample.clusters.len()).map(|v| problem.rows.effective(v, &r, width, exact)).collect()
}

/// r of each cell for the first combinations, cells x width; zero outside the estimation.
fn weights_of_rows(
    problem: Problem,
    query: &ScoreQuery,
    design: Design,
    point: &Point,
    extra: &Extra,
    width: usize,
) -> Vec<f64> {
    let n_cells = problem.rows.cells().len();
    let local = Local::new(design.layout, point, extra, n_cells);
    let scoring = local.as_ref().map(Local::scoring);
    let combinations = &design.combinations[..width];
    let mut r = vec![0.0; n_cells * width];
    for &cell in &design.layout.cell {
        let cell = cell as usize;
        let (information, slope) = Scoring::at(&scoring, cell);
        let scale = slope / information.sqrt();
        let h = query.records.slope(cell);
        for (r, combination) in r[cell * width..(cell + 1) * width].iter_mut().zip(combinations) {
            *r = scale * h.iter().zip(combination).map(|(h, c)| h * c).sum::<f64>();
        }
    }
    r
}

/// Numbers that may rest on fewer than [`MANY_INDEPENDENT`] clusters with independent errors, by a bound that needs cells
/// only: sum_g (sum a_i)^2 <= sum_g n_g sum a_i^2 with a_i = w r^2.
fn may_be_few(problem: Problem, r: &[f64], width: usize) -> Vec<usize> {
    let crowding = problem.shared.crowding.get_or_init(|| problem.rows.crowding());
    let weight = &problem.rows.cells().weight;
    let bound = |j: usize| {
        let squares = || r.iter().skip(j).step_by(width).map(|r| r * r);
        let sum: f64 = squares().zip(weight).map(|(square, w)| w * square).sum();
        sum * sum / squares().zip(crowding).map(|(square, p)| p * square * square).sum::<f64>()
    };
    // a number without any row has no bound, and is looked at
    (0..width)
        .filter(|&j| !matches!(bound(j).partial_cmp(&MANY_INDEPENDENT), Some(Ordering::Greater | Ordering::Equal)))
        .collect()
}

/// All doubts about CR1 of the numbers `names`, which are the first of the design's combinations.
fn find(
    problem: Problem,
    query: &ScoreQuery,
    exact: &[Exact],
    design: Design,
    (point, counts, extra): (&Point, &Counts, &Extra),
    names: &[String],
) -> Vec<Doubt> {
    let clusters = &problem.sample.clusters;
    if let [cluster] = clusters.as_slice() {
        let width = names.len();
        let r = weights_of_rows(problem, query, design, point, extra, width);
        let few = may_be_few(problem, &r, width);
        let mut doubts = of_counts(counts, design.n_coef, &[]);
        if !few.is_empty() {
            let own: Vec<f64> = r.chunks(width).flat_map(|r| few.iter().map(|&j| r[j])).collect();
            let names: Vec<String> = few.iter().map(|&j| names[j].clone()).collect();
            doubts.extend(of_spread(&problem.rows.effective(0, &own, few.len(), exact), &cluster.name, &names));
        }
        return doubts;
    }
    let found = effective(problem, query, exact, design, point, extra, names.len());
    let sizes: Vec<(&str, usize)> =
        clusters.iter().zip(&found).map(|(cluster, found)| (cluster.name.as_str(), found.clusters)).collect();
    let mut doubts = of_counts(counts, design.n_coef, &sizes);
    doubts.extend(clusters.iter().zip(&found).filter_map(|(cluster, found)| of_spread(found, &cluster.name, names)));
    doubts
}

/// The covariance of the functionals, by another estimator than CR1 where that is doubtful and was not asked for by name.
///
/// Returns what was taken, and what the reader must know.
///
/// # Errors
/// As [`variance`].
pub(super) fn trusted(
    problem: Problem,
    query: &ScoreQuery,
    exact: &[Exact],
    design: Design,
    facts: (&Point, &Counts, &Extra),
    sigma: f64,
    names: &[String],
) -> Result<(Variance, VcovKind, Option<String>), FitError> {
    let (options, (point, counts, extra)) = (problem.options, facts);
    let by =
        |options: &Options| variance(Problem { options, ..problem }, query, exact, design, point, counts, sigma, extra);
    // what is wanted in bulk is looked at once elsewhere
    let in_bulk = sums::only_rates(problem.sample, options);
    if options.vcov != VcovKind::Cr1 || problem.sample.clusters.is_empty() || in_bulk {
        return Ok((by(options)?, options.vcov, None));
    }
    let doubts = find(problem, query, exact, design, facts, names);
    let other = |kind: VcovKind| Options { vcov: kind, few_clusters: None, ..options.clone() };
    let (variance, kind, note) = take(options, problem.sample.clusters.len(), &doubts, |kind| {
        let other = other(kind);
        leveraged::check(problem.sample, &other, design.layout)?;
        by(&other)
    });
    match variance {
        Some(variance) => Ok((variance, kind, note)),
        None => Ok((by(options)?, kind, note)),
    }
}

/// Decides: another covariance by `make`, or none, with the kind that is reported and the sentence that goes with it.
pub(super) fn take<T>(
    options: &Options,
    n_variables: usize,
    doubts: &[Doubt],
    make: impl FnOnce(VcovKind) -> Result<T, FitError>,
) -> (Option<T>, VcovKind, Option<String>) {
    let kept = options.vcov;
    if doubts.is_empty() {
        return (None, kept, None);
    }
    let what = doubts.iter().map(Doubt::sentence).collect::<Vec<_>>().join("; ");
    let Some(kind) = options.few_clusters else {
        let instead = match (options.family == Family::Ols, n_variables) {
            _ if options.firth || options.family == Family::Clogit => "and nothing else can be had here",
            (true, 1) => "`--vcov cr2` or `cr3` or `metier bootstrap` are not",
            _ => "`--vcov cr3` or `metier bootstrap` are not",
        };
        return (None, kept, Some(format!("{what}: CR1 tends to be too small then, {instead}")));
    };
    let name = kind.name();
    if options.keep_bare {
        let note = format!("{what}: the default is {name} then, whose factor is part of its definition; this is CR1");
        return (None, kept, Some(note));
    }
    match make(kind) {
        Ok(made) => (Some(made), kind, Some(format!("{what}: the default is {name} then, `--vcov cr1` is CR1"))),
        Err(error) => {
            let error = error.to_string();
            let reason = error.split(": use ").next().unwrap_or_default();
            (None, kept, Some(format!("{what}: CR1 tends to be too small then, but {reason}")))
        }
    }
}
