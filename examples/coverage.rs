//! The study behind `docs/coverage.md` without the program around it: `metier coverage` calls the same function.
//!
//! ```text
//! cargo run --release --no-default-features --example coverage -- DESIGN CLUSTERS DRAWS SEED [METHOD ...]
//! ```
//!
//! Prints one line per number, separated by commas.

use metier::coverage::methods::Method;
use metier::coverage::population::Design;
use metier::coverage::{Study, run};
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [design, clusters, draws, seed, methods @ ..] = arguments.as_slice() else {
        eprintln!("usage: coverage DESIGN CLUSTERS DRAWS SEED [METHOD ...]");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("`{text}` is not a number"));
    let design = Design::ALL.into_iter().find(|known| known.name() == design).expect("a known design");
    let study = Study {
        design,
        clusters: number(clusters) as usize,
        draws: number(draws),
        seed: number(seed),
        conf_level: 0.95,
        methods: Method::ALL
            .into_iter()
            .filter(|m| methods.is_empty() || methods.iter().any(|n| n == m.name()))
            .collect(),
    };
    let done = AtomicU64::new(0);
    let rows = run(&study, &|| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(100) {
            eprintln!("{done} of {}", study.draws);
        }
    });
    for row in rows {
        println!(
            "{},{},{:?},{},{},{},{},{},{:.5},{:.5},{:.5},{:.3},{:.4},{:.4},{:.4}",
            row.design.name(),
            row.clusters,
            row.family,
            row.method.name(),
            row.quantity.name(),
            row.term,
            row.draws,
            row.failed,
            row.bias,
            row.bias_error,
            row.std_deviation,
            row.ratio(),
            row.coverage,
            row.coverage_error,
            row.switched
        );
    }
}
