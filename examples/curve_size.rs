//! How often the joint statements of a curve reject when nothing is there, and intervals of differences hold the truth.
//!
//! `cargo run --release --no-default-features --example curve_size -- USERS PANELS SEED`: panels of users with heavy-tailed
//! numbers of sessions and a factor without effect, given to the user or drawn anew for each session. Controls are
//! independent of the factor, so the true difference between any two specifications is zero too. Recorded in
//! `docs/curves.md`.

#[path = "../benches/support/random.rs"]
mod random;

use metier::curve::assemble::assemble;
use metier::curve::groups::Groups;
use metier::curve::joint::DrawOptions;
use metier::curve::run::{EffectOf, Estimator, Job, Runner};
use metier::estimate::Options;
use metier::expr::parse;
use metier::formula::Formula;
use metier::model::{MissingCluster, MissingControl, Request, Workspace};
use metier::table::{Column, Factor, Table};
use random::Random;
use rayon::prelude::*;

/// Specifications of a panel: two outcomes, every set of three controls.
const CONTROLS: [&str; 8] = ["", "a", "b", "c", "a + b", "a + c", "b + c", "a^b + c"];

/// Users with 1 to 50 sessions (Pareto, index 1.5), a user's own propensity, and a factor without effect.
fn panel(users: usize, by_user: bool, random: &mut Random) -> (Table, usize) {
    let mut columns: Vec<Vec<u32>> = vec![Vec::new(); 5];
    let mut outcomes: [Vec<f64>; 2] = Default::default();
    for user in 0..users {
        let sessions = (random.uniform().powf(-1.0 / 1.5) as usize).clamp(1, 50);
        let (propensity, own) = (0.25 + 0.5 * random.uniform(), random.level(3, 1.0));
        for _ in 0..sessions {
            let values = [user as u32, if by_user { own } else { random.level(3, 1.0) }];
            let controls = [random.level(2, 1.0), random.level(3, 1.0), random.level(4, 1.0)];
            let p = propensity + 0.1 * f64::from(controls[0]) - 0.05 * f64::from(controls[1]);
            columns.iter_mut().zip(values.into_iter().chain(controls)).for_each(|(column, value)| column.push(value));
            let hit = random.uniform() < p;
            outcomes[0].push(f64::from(hit));
            outcomes[1].push(f64::from(hit && random.uniform() < 0.6));
        }
    }
    let rows = columns[0].len();
    let mut table = Table::new(rows);
    for (name, codes) in ["user", "x", "a", "b", "c"].iter().zip(columns) {
        let n = codes.iter().max().map_or(0, |&most| most as usize + 1);
        table.insert(Column::factor(*name, Factor::new(codes, (0..n).map(|k| k.to_string()).collect())));
    }
    for (name, values) in ["y", "z"].iter().zip(outcomes) {
        table.insert(Column::number(*name, values));
    }
    (table, rows)
}

fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    for (design, controls) in CONTROLS.iter().enumerate() {
        for outcome in ["y", "z"] {
            let bar = if controls.is_empty() { "" } else { " | " };
            let request = Request {
                formula: Formula::parse(&format!("{outcome} ~ i(x, ref = 0){bar}{controls}")).expect("a formula"),
                filter: None,
                sample: None,
                clusters: vec![vec![parse("user").expect("a name")]],
                weights: None,
                missing_control: MissingControl::Level,
                missing_cluster: MissingCluster::Refuse,
                min_users: 0,
                rates: Some(String::from("x")),
                target: None,
                shares: None,
            };
            let effect = EffectOf::Rates { high: String::from("2"), low: String::from("0") };
            let options = Options::default();
            jobs.push(Job { request, options, estimator: Estimator::Regression, effect, design });
        }
    }
    jobs
}

/// Rejections at 5 %: any specification, median, share, mean; any specification without adjustment; coverage of differences.
fn one(users: usize, by_user: bool, seed: u64) -> [f64; 6] {
    let mut random = Random(seed);
    let (table, _) = panel(users, by_user, &mut random);
    let workspace = Workspace::new(&table);
    let labels = |_: &str, level: &str| level.to_owned();
    let groups = Groups::new(users, 4096);
    let levels = (0..3).map(|k| k.to_string()).collect();
    let mut runner =
        Runner { cluster: Some(String::from("user")), groups: groups.clone(), levels, baseline: None, labels: &labels };
    let jobs = jobs();
    runner.baseline = runner.influence_of(&workspace, &jobs[0]).map(|(influence, _)| influence);
    let results = runner.run(&workspace, &jobs, &|_| {});
    let joined = assemble(results, 0, &groups, 4, 0.95, DrawOptions { draws: 499, seed, alpha: 0.05 });
    let found: Vec<_> = joined.outcomes.iter().flatten().collect();
    let smallest = |of: fn(&metier::curve::Outcome) -> f64| found.iter().map(|one| of(one)).fold(1.0, f64::min);
    let rejects = |p: f64| f64::from(p <= 0.05);
    let joint = joined.joint.expect("several specifications");
    let differences: Vec<f64> = found
        .iter()
        .filter(|one| one.difference.std_error.is_finite() && one.effect.term == "2 - 0")
        .step_by(2)
        .map(|one| f64::from(one.difference.conf_low <= 0.0 && 0.0 <= one.difference.conf_high))
        .collect();
    [
        rejects(smallest(|one| one.family_p_value)),
        rejects(joint.statements[0].p_value),
        rejects(joint.statements[1].p_value),
        rejects(joint.statements[2].p_value),
        rejects(smallest(|one| one.effect.p_value)),
        differences.iter().sum::<f64>() / differences.len() as f64,
    ]
}

fn main() {
    let number =
        |at: usize, default: u64| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (users, panels, seed) = (number(1, 300) as usize, number(2, 1000), number(3, 1));
    println!(
        "| users | factor of | panels | any, step-down | median | share | mean | any, unadjusted | coverage of differences |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for by_user in [false, true] {
        let all: Vec<[f64; 6]> = (0..panels)
            .into_par_iter()
            .map(|at| one(users, by_user, seed << 32 | at << 1 | u64::from(by_user)))
            .collect();
        let mean = |k: usize| 100.0 * all.iter().map(|found| found[k]).sum::<f64>() / panels as f64;
        let of = if by_user { "user" } else { "session" };
        let cells: Vec<String> = (0..6).map(|k| format!("{:.1}", mean(k))).collect();
        println!("| {users} | {of} | {panels} | {} |", cells.join(" | "));
    }
}
