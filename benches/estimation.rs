//! The estimation core on a table of the study's shape: 400,000 rows, 235,000 users, six factors, four outcomes.
//!
//! `cargo bench --bench estimation --no-default-features`. Figures are for comparing versions on one machine; ratios to
//! other software come from `benches/peers/run.py`.

#[path = "support/random.rs"]
mod random;

use criterion::{Criterion, criterion_group, criterion_main};
use metier::design::cells::Cells;
use metier::design::{Cluster, Effect, NO_COLUMN, Outcome, RatesFactor, Sample, Term, TermLevels};
use metier::estimate::{Options, fit};
use metier::result::{Family, VcovKind};
use random::Random;
use std::hint::black_box;

const ROWS: usize = 400_000;
const USERS: usize = 235_000;

/// The rows, sorted by user; effects as five factors or as one interaction.
fn sample(interacted: bool, rates: bool) -> Sample {
    let mut random = Random(7);
    let mut users: Vec<u32> = (0..ROWS).map(|i| if i < USERS { i as u32 } else { random.level(USERS, 1.5) }).collect();
    users.sort_unstable();
    let widths = [9, 10, 7, 30, 2];
    let factors: Vec<Vec<u32>> =
        widths.iter().map(|&width| (0..ROWS).map(|_| random.level(width, 1.5)).collect()).collect();
    let expertise: Vec<u32> = (0..ROWS).map(|_| random.level(5, 1.5)).collect();
    let outcomes = (0..4)
        .map(|o| {
            let draw = |i: usize, u: f64| {
                let score = f64::from(expertise[i]) * 0.08 + f64::from(factors[0][i]) * 0.02 + 0.05 * f64::from(o);
                f64::from(u < 0.2 + score)
            };
            Outcome {
                name: format!("y{o}"),
                values: (0..ROWS).map(|i| draw(i, random.uniform())).collect::<Vec<f64>>().into(),
            }
        })
        .collect();
    let names = ["mode", "value", "month", "subject", "software"];
    let effects = if interacted {
        let inputs: Vec<(&[u32], usize)> = factors.iter().zip(widths).map(|(f, w)| (f.as_slice(), w)).collect();
        let (codes, n_levels) = metier::design::codes::combine(&inputs, ROWS);
        vec![Effect::new(names.join("^"), codes, n_levels)]
    } else {
        let each = factors.iter().zip(widths).zip(names);
        each.map(|((codes, n_levels), name)| Effect::new(name, codes.clone(), n_levels)).collect()
    };
    let levels: Vec<String> = (1..=5).map(|level| level.to_string()).collect();
    Sample {
        n_rows: ROWS,
        terms: vec![Term {
            names: levels[1..].iter().map(|level| format!("expertise::{level}")).collect(),
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
        outcomes,
        rates: rates.then(|| RatesFactor {
            name: String::from("expertise"),
            labels: levels.clone(),
            numbers: vec![1.0, 2.0, 3.0, 4.0, 5.0],
            levels,
            codes: expertise,
            term_codes: (0..5).collect(),
            reference: 0,
        }),
        target: None,
    }
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("400k rows, 235k users");
    group.sample_size(10);
    let additive = sample(false, true);
    let interacted = sample(true, true);
    group.bench_function("cells, additive", |b| b.iter(|| Cells::new(black_box(&additive))));
    group.bench_function("cells, interacted", |b| b.iter(|| Cells::new(black_box(&interacted))));
    let ols = Options::default();
    let logit = Options { family: Family::Logit, ..Options::default() };
    group.bench_function("4 OLS with rates, additive", |b| b.iter(|| fit(black_box(&additive), &ols)));
    group.bench_function("4 OLS with rates, interacted", |b| b.iter(|| fit(black_box(&interacted), &ols)));
    group.bench_function("4 logits with rates, additive", |b| b.iter(|| fit(black_box(&additive), &logit)));
    group.bench_function("4 logits with rates, interacted", |b| b.iter(|| fit(black_box(&interacted), &logit)));
    // one regression, its coefficients and rates: the jackknife over users beside the sandwich
    for (name, table) in [("additive", &additive), ("interacted", &interacted)] {
        let table = Sample { outcomes: table.outcomes[..1].to_vec(), ..heavy_tailed(table) };
        for (kind, vcov) in [("CR1", VcovKind::Cr1), ("CR3", VcovKind::Cr3), ("CR2", VcovKind::Cr2)] {
            let options = Options { vcov, ..Options::default() };
            group.bench_function(format!("OLS with rates, {name}, {kind}"), |b| {
                b.iter(|| fit(black_box(&table), &options));
            });
        }
    }
    group.finish();
}

/// The same rows with users of whom the largest has hundreds.
fn heavy_tailed(sample: &Sample) -> Sample {
    let mut random = Random(11);
    let extra = |random: &mut Random| (random.uniform().powi(2) * USERS as f64) as u32;
    let mut users: Vec<u32> = (0..ROWS).map(|i| if i < USERS { i as u32 } else { extra(&mut random) }).collect();
    users.sort_unstable();
    Sample {
        clusters: vec![Cluster { name: String::from("user"), codes: users.into(), n_clusters: USERS }],
        ..sample.clone()
    }
}

criterion_group!(estimation, benches);
criterion_main!(estimation);
