//! The absorption kernel on the designs of fixest's published benchmark (simple, difficult) and a worker-firm panel.
//!
//! `cargo bench --bench absorption --no-default-features`; `METIER_BENCH_ROWS=10000000` for other sizes. From a table of
//! numbers in memory: coding, preparation and fit are all inside, as in the timings of other software.

use criterion::{Criterion, criterion_group, criterion_main};
use metier::estimate::{Options, fit};
use metier::formula::Formula;
use metier::model::{MissingCluster, MissingControl, Request, Workspace, prepare};
use metier::result::Family;
use metier::table::{Column, Table};
use std::hint::black_box;

/// A small deterministic generator (splitmix64): benchmarks need no statistical quality.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// About normal: twelve uniforms.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Which firm a worker is at.
#[derive(Clone, Copy, PartialEq)]
enum Design {
    /// Drawn anew every year.
    Simple,
    /// In the order of rows: a ring of firms.
    Difficult,
    /// Rare moves, mostly within a market of 50 firms.
    Akm,
}

/// `n` rows of `indiv, firm, year, x, y, binary, count`, sorted by individual.
fn table(design: Design, n: usize) -> Table {
    let mut random = Random(11);
    let years = if design == Design::Akm { 6 } else { 10 };
    let individuals = n / years;
    let firms = if design == Design::Akm { (n / 60).max(50) } else { (individuals / 23).max(2) };
    let (mut indiv, mut firm, mut year) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..individuals {
        let mut current = random.below(firms);
        for t in 0..years {
            current = match design {
                Design::Simple => random.below(firms),
                Design::Difficult => (i * years + t) % firms,
                Design::Akm if t > 0 && random.uniform() < 0.15 => {
                    let kind = random.uniform();
                    let market = current / 50;
                    let market = if kind < 0.9 { market } else { (market + 1) % (firms / 50).max(1) };
                    if kind < 0.998 { (market * 50 + random.below(50)).min(firms - 1) } else { random.below(firms) }
                }
                Design::Akm => current,
            };
            indiv.push(i as f64);
            firm.push(current as f64);
            year.push(t as f64);
        }
    }
    let rows = indiv.len();
    let of_indiv: Vec<f64> = (0..individuals).map(|_| random.normal()).collect();
    let of_firm: Vec<f64> = (0..firms).map(|_| random.normal()).collect();
    let x: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let mean: Vec<f64> = (0..rows)
        .map(|i| x[i] + 0.05 * x[i] * x[i] + of_indiv[indiv[i] as usize] + of_firm[firm[i] as usize])
        .collect();
    let y: Vec<f64> = mean.iter().map(|mean| mean + random.normal()).collect();
    let binary = y.iter().map(|&y| f64::from(u8::from(y > 0.0))).collect();
    let count = mean
        .iter()
        .map(|mean| {
            // Poisson by multiplication of uniforms
            let limit = (-(0.5 * mean).clamp(-20.0, 4.0).exp()).exp();
            let mut product = random.uniform();
            let mut count = 0.0;
            while product > limit {
                product *= random.uniform();
                count += 1.0;
            }
            count
        })
        .collect();
    let columns = [("indiv", indiv), ("firm", firm), ("year", year), ("x", x), ("y", y), ("binary", binary)];
    let mut table = Table::new(rows);
    for (name, values) in columns.into_iter().chain([("count", count)]) {
        table.insert(Column::number(name, values));
    }
    table
}

/// Prepares and fits, from the table.
fn run(table: &Table, formula: &str, family: Family) -> f64 {
    let request = Request {
        formula: Formula::parse(formula).unwrap(),
        filter: None,
        sample: None,
        clusters: vec![vec![metier::expr::parse("indiv").unwrap()]],
        weights: None,
        missing_control: MissingControl::Level,
        missing_cluster: MissingCluster::Refuse,
        min_users: 0,
        rates: None,
        target: None,
        shares: None,
    };
    let workspace = Workspace::new(table);
    let prepared = prepare(&workspace, &request).unwrap();
    let options = Options { family, ..Options::default() };
    let fitted = fit(&prepared[0].sample, &options).remove(0).unwrap().fit;
    if std::env::var("METIER_BENCH_SHOW").is_ok() {
        let c = &fitted.coefficients[0];
        eprintln!(
            "{formula}: {:.12} ({:.12}), {} iterations, residual {:.1e}",
            c.estimate, c.std_error, fitted.fit.iterations, fitted.fit.residual
        );
    }
    fitted.coefficients[0].estimate
}

fn benches(criterion: &mut Criterion) {
    let rows: usize = std::env::var("METIER_BENCH_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let mut group = criterion.benchmark_group(format!("{rows} rows"));
    group.sample_size(10);
    for (name, design) in [("simple", Design::Simple), ("difficult", Design::Difficult), ("akm", Design::Akm)] {
        let table = table(design, rows);
        let mut bench = |job: &str, formula: &str, family: Family| {
            group.bench_function(format!("{name}, {job}"), |b| b.iter(|| run(black_box(&table), formula, family)));
        };
        bench("OLS, 2 effects", "y ~ x | indiv + firm", Family::Ols);
        bench("OLS, 3 effects", "y ~ x | indiv + firm + year", Family::Ols);
        if design != Design::Akm {
            bench("logit, 3 effects", "binary ~ x | indiv + firm + year", Family::Logit);
            bench("Poisson, 3 effects", "count ~ x | indiv + firm + year", Family::Poisson);
        }
    }
    group.finish();
}

criterion_group!(absorption, benches);
criterion_main!(absorption);
