//! A thousand specifications on a table of the study's shape: 400,000 rows, 235,000 users, five controls.
//!
//! `cargo bench --bench curve --no-default-features`: seconds for all, and for the joint statements. Every control is out,
//! additive or in a common cell; two outcomes; linear probability models and logits. `METIER_BENCH_THREADS` sets the
//! number of threads, `METIER_BENCH_FAMILY` one estimator (`ols` or `logit`).

#[path = "support/random.rs"]
mod random;

use metier::curve::assemble::assemble;
use metier::curve::groups::Groups;
use metier::curve::joint::DrawOptions;
use metier::curve::run::{EffectOf, Estimator, Job, Runner};
use metier::estimate::Options;
use metier::expr::parse;
use metier::formula::Formula;
use metier::model::{MissingCluster, MissingControl, Request, Workspace};
use metier::result::Family;
use metier::table::{Column, Factor, Table};
use random::Random;
use std::time::Instant;

const ROWS: usize = 400_000;
const USERS: usize = 235_000;
const CONTROLS: [(&str, usize); 5] = [("mode", 9), ("value", 4), ("month", 7), ("subject", 23), ("software", 2)];

fn factor(name: &str, codes: Vec<u32>, n: usize) -> Column {
    Column::factor(name, Factor::new(codes, (0..n).map(|k| format!("{k:02}")).collect()))
}

/// Sorted by user, as a table usually is not: the order is shuffled.
fn table() -> Table {
    let mut random = Random(7);
    let mut table = Table::new(ROWS);
    let users: Vec<u32> = (0..ROWS).map(|i| if i < USERS { i as u32 } else { random.level(USERS, 1.7) }).collect();
    let mut order: Vec<usize> = (0..ROWS).collect();
    (1..ROWS).rev().for_each(|i| order.swap(i, (random.uniform() * (i + 1) as f64) as usize));
    table.insert(factor("user", order.iter().map(|&i| users[i]).collect(), USERS));
    let controls: Vec<Vec<u32>> =
        CONTROLS.iter().map(|&(_, n)| (0..ROWS).map(|_| random.level(n, 1.7)).collect::<Vec<u32>>()).collect();
    let expertise: Vec<u32> = (0..ROWS).map(|_| random.level(5, 1.7)).collect();
    for (at, outcome) in ["success", "verified"].iter().enumerate() {
        let values = (0..ROWS).map(|i| {
            let missing = random.uniform() < 0.05;
            let p = 0.3 - 0.1 * at as f64 + 0.05 * f64::from(expertise[i]) + 0.02 * f64::from(controls[0][i] % 4);
            if missing { f64::NAN } else { f64::from(random.uniform() < p) }
        });
        table.insert(Column::number(*outcome, values.collect()));
    }
    for ((name, n), codes) in CONTROLS.iter().zip(controls) {
        table.insert(factor(name, codes, *n));
    }
    table.insert(factor("expertise", expertise, 5));
    table
}

/// Effects of every state of the controls: 0 out, 1 additive, 2 in the cell; a cell of one is left to the additive state.
fn effects() -> Vec<String> {
    let mut all = Vec::new();
    for state in 0..3usize.pow(5) {
        let of = |c: usize| state / 3usize.pow(c as u32) % 3;
        let names = |wanted: usize| (0..5).filter(|&c| of(c) == wanted).map(|c| CONTROLS[c].0).collect::<Vec<_>>();
        let (additive, cell) = (names(1), names(2));
        if cell.len() == 1 || (!cell.is_empty() && !additive.is_empty() && additive.len() > 2) {
            continue;
        }
        let mut parts: Vec<String> = additive.iter().map(|name| (*name).to_owned()).collect();
        parts.extend((!cell.is_empty()).then(|| cell.join("^")));
        all.push(parts.join(" + "));
    }
    all
}

fn main() {
    if let Some(threads) = std::env::var("METIER_BENCH_THREADS").ok().and_then(|text| text.parse().ok()) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("threads are set once");
    }
    let only = std::env::var("METIER_BENCH_FAMILY").unwrap_or_default();
    let table = table();
    let workspace = Workspace::new(&table);
    let families = [("ols", Family::Ols), ("logit", Family::Logit)];
    let mut jobs = Vec::new();
    for (design, effects) in effects().into_iter().enumerate() {
        for (_, family) in families.iter().filter(|(name, _)| only.is_empty() || *name == only) {
            for outcome in ["success", "verified"] {
                let bar = if effects.is_empty() { "" } else { " | " };
                let formula = format!("{outcome} ~ i(expertise, ref = 00){bar}{effects}");
                let request = Request {
                    formula: Formula::parse(&formula).expect("the formula is right"),
                    filter: None,
                    sample: None,
                    clusters: vec![vec![parse("user").expect("a name")]],
                    weights: None,
                    missing_control: MissingControl::Level,
                    missing_cluster: MissingCluster::Refuse,
                    min_users: 0,
                    rates: Some(String::from("expertise")),
                    target: None,
                    shares: None,
                };
                jobs.push(Job {
                    request,
                    options: Options { family: *family, ..Options::default() },
                    estimator: Estimator::Regression,
                    effect: EffectOf::Rates { high: String::from("04"), low: String::from("00") },
                    design,
                });
            }
        }
    }
    let groups = Groups::new(USERS, Groups::most(jobs.len(), 6));
    let levels = (0..5).map(|k| format!("{k:02}")).collect();
    let labels = |_: &str, level: &str| level.to_owned();
    let mut runner =
        Runner { cluster: Some(String::from("user")), groups: groups.clone(), levels, baseline: None, labels: &labels };
    runner.baseline = runner.influence_of(&workspace, &jobs[0]).map(|(influence, _)| influence);
    let start = Instant::now();
    let results = runner.run(&workspace, &jobs, &|_| {});
    let fitted = start.elapsed().as_secs_f64();
    let failed = results.iter().filter(|result| result.is_err()).count();
    let start = Instant::now();
    let joined = assemble(results, 0, &groups, 6, 0.95, DrawOptions { draws: 1999, seed: 1, alpha: 0.05 });
    let joint = start.elapsed().as_secs_f64();
    println!("| specifications | failed | estimate, s | per specification, ms | joint, s | groups |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    println!(
        "| {} | {failed} | {fitted:.2} | {:.2} | {joint:.2} | {} |",
        jobs.len(),
        1e3 * fitted / jobs.len() as f64,
        joined.joint.map_or(0, |joint| joint.groups)
    );
}
