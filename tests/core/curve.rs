//! Specification curves: every specification is the fit alone, joint numbers are those of stacked influence, and thirty
//! random specifications are what pyfixest and statsmodels give (`curve.py`).
//!
//! Tolerances: 1e-10 against the fit alone (the same sums in another order); 1e-8 against pyfixest and statsmodels, whose
//! iterations end there.

use crate::support::{close, json, sessions};
use metier::curve::assemble::assemble;
use metier::curve::groups::Groups;
use metier::curve::joint::DrawOptions;
use metier::curve::run::{EffectOf, Estimated, Estimator, Job, Runner};
use metier::estimate::{Fitted, Options, fit};
use metier::expr::parse;
use metier::formula::Formula;
use metier::hypothesis::parameters::{Kind, Parameters, Source};
use metier::model::{MissingCluster, MissingControl, Request, Workspace, prepare};
use metier::result::Family;
use metier::table::Table;

const EFFECTS: [&str; 6] =
    ["", "work_mode", "work_mode + month", "work_mode^band", "month + work_mode^band", "work_mode^month^band"];

fn rates() -> EffectOf {
    EffectOf::Rates { high: String::from("5"), low: String::from("1") }
}

fn request(formula: &str, filter: Option<&str>, rates: bool) -> Request {
    Request {
        formula: Formula::parse(formula).unwrap(),
        filter: filter.map(|text| parse(text).unwrap()),
        sample: None,
        clusters: vec![vec![parse("user_id").unwrap()]],
        weights: None,
        missing_control: MissingControl::Level,
        missing_cluster: MissingCluster::Refuse,
        min_users: 0,
        rates: rates.then(|| String::from("expertise")),
        target: None,
        shares: None,
    }
}

/// Outcomes, samples, estimators, codings and controls multiplied.
fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut design = 0;
    for filter in [None, Some("month >= \"2026-01\"")] {
        for term in ["i(expertise, ref = 1)", "expertise"] {
            for effects in EFFECTS {
                for family in [Family::Ols, Family::Logit] {
                    for outcome in ["verified", "partial"] {
                        let bar = if effects.is_empty() { "" } else { " | " };
                        jobs.push(Job {
                            request: request(&format!("{outcome} ~ {term}{bar}{effects}"), filter, true),
                            options: Options { family, ..Options::default() },
                            estimator: Estimator::Regression,
                            effect: rates(),
                            design,
                        });
                    }
                }
                for estimator in [Estimator::CommonWeights, Estimator::DirectStandardisation] {
                    if term == "expertise" {
                        continue;
                    }
                    let bar = if effects.is_empty() { "" } else { " | " };
                    jobs.push(Job {
                        request: request(&format!("partial ~ {term}{bar}{effects}"), filter, true),
                        options: Options::default(),
                        estimator,
                        effect: rates(),
                        design,
                    });
                }
                design += 1;
            }
        }
    }
    jobs
}

fn runner<'a>(table: &Table, most: usize, labels: &'a (dyn Fn(&str, &str) -> String + Sync)) -> Runner<'a> {
    let clusters = Workspace::new(table).levels(&[parse("user_id").unwrap()]).unwrap().n_levels;
    Runner {
        cluster: Some(String::from("user_id")),
        groups: Groups::new(clusters, most),
        levels: (1..=5).map(|level| level.to_string()).collect(),
        baseline: None,
        labels,
    }
}

fn label(_: &str, level: &str) -> String {
    level.to_owned()
}

fn estimated(table: &Table, jobs: &[Job], most: usize) -> Vec<Result<Estimated, String>> {
    let workspace = Workspace::new(table);
    let mut runner = runner(table, most, &label);
    runner.baseline = runner.influence_of(&workspace, &jobs[0]).map(|(influence, _)| influence);
    assert!(runner.baseline.is_some());
    runner.run(&workspace, jobs, &|_| {})
}

fn alone(table: &Table, job: &Job) -> Fitted {
    let workspace = Workspace::new(table);
    let prepared = prepare(&workspace, &job.request).unwrap().remove(0);
    let options = Options { keep_influence: true, ..job.options.clone() };
    fit(&prepared.sample, &options).remove(0).unwrap()
}

#[test]
fn every_specification_is_the_fit_alone() {
    let (table, jobs) = (sessions(6000), jobs());
    let found = estimated(&table, &jobs, 4096);
    let mut compared = 0;
    for (job, found) in jobs.iter().zip(&found).filter(|(job, _)| job.estimator == Estimator::Regression) {
        let found = found.as_ref().unwrap();
        let what = format!("{} {:?}", job.request.formula, job.options.family);
        let fit = alone(&table, job).fit;
        let rates = fit.rates.as_ref().unwrap();
        let contrast = rates.contrasts.iter().find(|row| row.contrast == "5 - 1").unwrap();
        close(&what, found.effect.estimate, contrast.estimate, 1e-10, 1e-3);
        close(&what, found.effect.std_error, contrast.std_error, 1e-10, 1e-3);
        close(&what, found.effect.p_value, contrast.p_value, 1e-9, 1e-3);
        for (ours, theirs) in found.rates.iter().zip(&rates.levels) {
            close(&what, ours.estimate, theirs.estimate, 1e-10, 1e-3);
            close(&what, ours.std_error, theirs.std_error, 1e-10, 1e-3);
            close(&what, ours.conf_low, theirs.conf_low, 1e-10, 1e-3);
        }
        assert_eq!(
            (found.rows, found.users, found.cells),
            (fit.flow.rows_used, fit.flow.users, fit.flow.cells),
            "{what}"
        );
        compared += 1;
    }
    assert_eq!(compared, 96);
}

#[test]
fn cell_estimators_are_those_of_their_own_verb() {
    let (table, jobs) = (sessions(6000), jobs());
    let cells: Vec<Job> = jobs.into_iter().filter(|job| job.estimator != Estimator::Regression).collect();
    let results = estimated(&table, &cells, 4096);
    for (job, found) in cells.iter().zip(&results) {
        let workspace = Workspace::new(&table);
        let prepared = prepare(&workspace, &job.request).unwrap().remove(0);
        let theirs = metier::standardise::estimators(&prepared.sample, &job.options, Default::default()).remove(0);
        let (Ok(found), Ok(theirs)) = (found, &theirs) else {
            assert_eq!(found.is_err(), theirs.is_err());
            continue;
        };
        let theirs = if job.estimator == Estimator::CommonWeights { &theirs.common } else { &theirs.direct };
        let contrast = theirs.rates.contrasts.iter().find(|row| row.contrast == "5 - 1").unwrap();
        close("estimate", found.effect.estimate, contrast.estimate, 1e-12, 1e-3);
        close("error", found.effect.std_error, contrast.std_error, 1e-12, 1e-3);
        // the sums by cluster are those of the covariance
        let effect = found.sums[0].as_ref().unwrap();
        let clusters = found.users as f64;
        let variance: f64 = effect.iter().map(|sum| sum * sum).sum::<f64>() * clusters / (clusters - 1.0);
        close("variance", variance.sqrt(), contrast.std_error, 1e-10, 1e-3);
    }
}

#[test]
fn differences_are_those_of_stacked_influence() {
    let (table, jobs) = (sessions(6000), jobs());
    let results = estimated(&table, &jobs, 100_000);
    let groups = runner(&table, 100_000, &label).groups;
    assert!(groups.are_clusters());
    let joined = assemble(results, 0, &groups, 6, 0.95, DrawOptions { draws: 99, seed: 1, alpha: 0.05 });
    let baseline = alone(&table, &jobs[0]);
    let id = |job: &Job| -> Vec<u32> {
        let workspace = Workspace::new(&table);
        let prepared = prepare(&workspace, &job.request).unwrap().remove(0);
        let levels = workspace.levels(&[parse("user_id").unwrap()]).unwrap();
        let cluster = &prepared.sample.clusters[0];
        let mut ids = vec![0; cluster.n_clusters];
        let rows = cluster.codes.iter().enumerate();
        rows.for_each(|(at, &code)| ids[code as usize] = levels.codes[prepared.rows.get(at).unwrap()]);
        ids
    };
    let base_ids = id(&jobs[0]);
    let places = |outcome: usize| joined.outcomes[outcome].as_ref().unwrap();
    for at in [1, 6, 7, 8, 30, 31, 60, 90] {
        if jobs[at].estimator != Estimator::Regression {
            continue;
        }
        let (other, ids) = (alone(&table, &jobs[at]), id(&jobs[at]));
        let mut renamed = other.fit.clone();
        renamed.model = String::from("other");
        let source = |fit, fitted: &'_ Fitted, ids| Source {
            fit,
            joint: Vec::leak(fitted.joint.clone().unwrap()),
            influence: Some(Box::leak(Box::new(fitted.influence.clone().unwrap()))),
            cluster_ids: ids,
        };
        let parameters =
            Parameters::new(&[source(&baseline.fit, &baseline, &base_ids), source(&renamed, &other, &ids)]);
        assert!(parameters.linked.is_ok());
        let n = parameters.list.len();
        let rate = |fit: usize, level: &str| parameters.find(fit, Kind::Rate, level).unwrap();
        let mut weights = vec![0.0; n];
        (weights[rate(1, "5")], weights[rate(1, "1")]) = (1.0, -1.0);
        (weights[rate(0, "5")], weights[rate(0, "1")]) = (-1.0, 1.0);
        let value: f64 = parameters.list.iter().zip(&weights).map(|(p, w)| p.estimate * w).sum();
        let variance: f64 =
            (0..n).map(|i| (0..n).map(|j| weights[i] * weights[j] * parameters.vcov[i * n + j]).sum::<f64>()).sum();
        let found = &places(at).difference;
        close("difference", found.estimate, value, 1e-9, 1e-3);
        close("its error", found.std_error, variance.sqrt(), 1e-8, 1e-4);
        // and from the covariances that the explorer reads
        let (a, b) = (places(0).position, places(at).position);
        let entry = |i: usize, j: usize| joined.covariances[0][i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        let from_groups = entry(a, a) + entry(b, b) - 2.0 * entry(a, b);
        close("from covariances", from_groups.sqrt(), variance.sqrt(), 1e-8, 1e-4);
    }
    assert!(places(0).difference.std_error.is_nan() && places(0).difference.estimate == 0.0);
}

#[test]
fn random_groups_are_near_the_truth_and_bits_do_not_depend_on_threads() {
    let (table, jobs) = (sessions(24_000), jobs());
    let of = |most: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let results = pool.install(|| estimated(&table, &jobs[..20], most));
        let groups = runner(&table, most, &label).groups;
        let options = DrawOptions { draws: 499, seed: 3, alpha: 0.05 };
        pool.install(|| assemble(results, 0, &groups, 6, 0.95, options))
    };
    let (exact, few) = (of(1 << 20, 1), of(1024, 1));
    assert_eq!(format!("{few:?}"), format!("{:?}", of(1024, 3)));
    let n = exact.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let difference = |joined: &metier::curve::assemble::Assembled, a: usize, b: usize| {
        let entry = |i: usize, j: usize| joined.covariances[0][i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        (entry(a, a) + entry(b, b) - 2.0 * entry(a, b)).sqrt()
    };
    for a in 0..n {
        for b in 0..a {
            // 1/sqrt(2 * 1024) = 2.2 %: five of those, over all pairs
            close("random groups", difference(&few, a, b), difference(&exact, a, b), 0.12, 1e-6);
        }
    }
}

#[test]
fn thirty_random_specifications_are_those_of_other_programs() {
    let table = sessions(usize::MAX);
    let oracle = json("curve.json");
    let cases = oracle["cases"].as_array().unwrap();
    let text = |case: &serde_json::Value, key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let jobs: Vec<Job> = cases
        .iter()
        .enumerate()
        .map(|(design, case)| {
            let effects: Vec<&str> = case["effects"].as_array().unwrap().iter().filter_map(|e| e.as_str()).collect();
            let levels = case["coding"] == "levels";
            let term = if levels { "i(expertise, ref = 1)" } else { "expertise" };
            let bar = if effects.is_empty() { "" } else { " | " };
            let formula = format!("{} ~ {term}{bar}{}", text(case, "outcome"), effects.join(" + "));
            let logit = case["estimator"] == "logit";
            Job {
                request: request(&formula, case["where"].as_str(), false),
                options: Options { family: if logit { Family::Logit } else { Family::Ols }, ..Options::default() },
                estimator: Estimator::Regression,
                effect: EffectOf::Coefficient(String::from(if levels { "expertise::5" } else { "expertise" })),
                design,
            }
        })
        .collect();
    let found = estimated(&table, &jobs, 4096);
    for ((case, job), found) in cases.iter().zip(&jobs).zip(&found) {
        let found = found.as_ref().unwrap();
        let what = format!("{} {:?}", job.request.formula, job.options.family);
        assert_eq!(found.rows as u64, case["rows"].as_u64().unwrap(), "{what}");
        close(&what, found.effect.estimate, case["estimate"].as_f64().unwrap(), 1e-8, 1e-3);
        close(&what, found.effect.std_error, case["std_error"].as_f64().unwrap(), 1e-8, 1e-3);
    }
    assert_eq!(cases.len(), 30);
}
