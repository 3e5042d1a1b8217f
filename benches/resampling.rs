//! Restricted wild cluster bootstrap on a table of the study's shape: 400,000 rows, 235,000 users, 9,999 draws.
//!
//! `cargo bench --bench resampling --no-default-features`: seconds and peak memory, one run each, with the interval (two
//! sets of draws at once) and without. `METIER_BENCH_THREADS` sets the number of threads.

#[path = "support/random.rs"]
mod random;

use metier::design::{Cluster, Effect, NO_COLUMN, Outcome, Sample, Term, TermLevels};
use metier::estimate::Options;
use metier::resampling::{Null, WildOptions, wild};
use random::Random;
use std::time::Instant;

const ROWS: usize = 400_000;
const USERS: usize = 235_000;
const DRAWS: usize = 9_999;

/// The rows, sorted by user; effects as five factors or as one interaction.
fn sample(interacted: bool) -> Sample {
    let mut random = Random(7);
    let mut users: Vec<u32> = (0..ROWS).map(|i| if i < USERS { i as u32 } else { random.level(USERS, 1.5) }).collect();
    users.sort_unstable();
    let widths = [9, 10, 7, 30, 2];
    let factors: Vec<Vec<u32>> =
        widths.iter().map(|&width| (0..ROWS).map(|_| random.level(width, 1.5)).collect()).collect();
    let expertise: Vec<u32> = (0..ROWS).map(|_| random.level(5, 1.5)).collect();
    let score = |i: usize| 0.2 + f64::from(expertise[i]) * 0.08 + f64::from(factors[0][i]) * 0.02;
    let outcome: Vec<f64> = (0..ROWS).map(|i| f64::from(random.uniform() < score(i))).collect();
    let names = ["mode", "value", "month", "subject", "software"];
    let effects = if interacted {
        let inputs: Vec<(&[u32], usize)> = factors.iter().zip(widths).map(|(f, w)| (f.as_slice(), w)).collect();
        let (codes, n_levels) = metier::design::codes::combine(&inputs, ROWS);
        vec![Effect::new(names.join("^"), codes, n_levels)]
    } else {
        let each = factors.iter().zip(widths).zip(names);
        each.map(|((codes, n_levels), name)| Effect::new(name, codes.clone(), n_levels)).collect()
    };
    Sample {
        n_rows: ROWS,
        terms: vec![Term {
            names: (2..=5).map(|level| format!("expertise::{level}")).collect(),
            levels: Some(TermLevels {
                factor: String::from("expertise"),
                codes: expertise.clone(),
                column_of_level: vec![NO_COLUMN, 0, 1, 2, 3],
            }),
            values: None,
            variable: None,
        }],
        intercept: true,
        effects,
        weights: None,
        clusters: vec![Cluster { name: String::from("user"), codes: users.into(), n_clusters: USERS }],
        outcomes: vec![Outcome { name: String::from("y"), values: outcome.into() }],
        rates: None,
        target: None,
    }
}

/// Peak memory of the process in MiB, where the system tells.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Seconds of processor time of the process, where the system tells.
fn processor() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

fn main() {
    if let Some(threads) = std::env::var("METIER_BENCH_THREADS").ok().and_then(|text| text.parse().ok()) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool");
    }
    println!("{ROWS} rows, {USERS} users, {DRAWS} draws, {} threads", rayon::current_num_threads());
    for interacted in [false, true] {
        let sample = sample(interacted);
        for conf_level in [None, Some(0.95)] {
            let how = WildOptions { draws: DRAWS, conf_level, ..WildOptions::default() };
            let nulls = [Null { term: String::from("expertise::5"), value: 0.0 }];
            let (start, before) = (Instant::now(), processor());
            let (_, tests) = wild(&sample, &Options::default(), &nulls, &how, &|_| {}).expect("bootstrap");
            let seconds = start.elapsed().as_secs_f64();
            let work = processor().zip(before).map_or(f64::NAN, |(now, before)| now - before);
            println!(
                "{:<11} {:<13} {seconds:6.2} s, {work:6.2} s of processors, peak {:.0} MiB (p {:.4})",
                if interacted { "interacted," } else { "additive," },
                if conf_level.is_some() { "with interval" } else { "p-value only" },
                peak().unwrap_or(f64::NAN),
                tests[0].p_value,
            );
        }
    }
}
