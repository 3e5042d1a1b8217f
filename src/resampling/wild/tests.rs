//! The ways of a pass give the same draws.

use super::super::problem::{Design, Linear};
use super::super::weights::{Codes, Drawn, Signs, Source, Weights};
use super::forms::{Bases, Draw, Forms, How};
use crate::design::{Cluster, Effect, NO_COLUMN, Outcome, Sample, Term, TermLevels};
use crate::estimate::Options;

/// A table of 400 rows, 60 clusters, a factor, a number, two effects, weights.
fn sample(constant: bool) -> Sample {
    let n = 400usize;
    let level = |i: usize, salt: usize, n: usize| ((i * 7919 + salt * 104_729) % 1009 % n) as u32;
    let codes: Vec<u32> = (0..n).map(|i| level(i, 1, 4)).collect();
    let number: Vec<f64> = (0..n).map(|i| f64::from(level(i, 2, 11)) + 0.25).collect();
    let factor = Term {
        names: (1..4).map(|l| format!("f::{l}")).collect(),
        levels: Some(TermLevels { factor: String::from("f"), codes, column_of_level: vec![NO_COLUMN, 0, 1, 2] }),
        values: None,
        variable: None,
    };
    let numeric = Term { names: vec![String::from("x")], levels: None, values: Some(number.into()), variable: None };
    let effect = |salt: usize, levels: usize| {
        let codes: Vec<u32> = (0..n).map(|i| level(i, salt, levels)).collect();
        Effect::new(format!("e{salt}"), codes, levels)
    };
    Sample {
        n_rows: n,
        terms: vec![factor, numeric],
        intercept: constant,
        effects: if constant { vec![effect(3, 9), effect(4, 5)] } else { Vec::new() },
        weights: Some((0..n).map(|i| 0.5 + f64::from(level(i, 5, 7))).collect()),
        clusters: vec![Cluster {
            name: String::from("g"),
            codes: (0..n).map(|i| (i * 60 / n) as u32).collect::<Vec<u32>>().into(),
            n_clusters: 60,
        }],
        outcomes: vec![Outcome {
            name: String::from("y"),
            values: (0..n).map(|i| f64::from(level(i, 6, 13)) - 3.0).collect::<Vec<f64>>().into(),
        }],
        rates: None,
        target: None,
    }
}

#[test]
fn quadratic_forms_and_a_second_pass_give_the_same_draws() {
    for constant in [true, false] {
        let sample = sample(constant);
        let design = Design::new(&sample, &Options::default()).unwrap();
        let linear = Linear::new(&design).unwrap();
        for bases in [Bases::Both, Bases::At(0.0), Bases::At(0.7)] {
            for column in [0, 3] {
                let (regressor, length) = linear.partial(column);
                let ways = [How::Dense, How::Direct].map(|how| Forms::with(&linear, &regressor, length, bases, how));
                for weights in [Weights::Rademacher, Weights::Webb] {
                    let source = Source { weights, seed: 5, enumerate: false };
                    let drawn = source.block(0, &linear.clusters.identity);
                    let [dense, direct] = ways.each_ref().map(|way| match &drawn {
                        Drawn::Signs(bits) => way.pass(&Signs(&bits[3]), &mut way.scratch()),
                        Drawn::Codes { codes, values } => way.pass(&Codes(&codes[3], values), &mut way.scratch()),
                    });
                    for (a, b) in dense.iter().zip(&direct) {
                        for delta in [0.0, -1.3] {
                            let (a, b) = (a.statistic(delta), b.statistic(delta));
                            assert!((a - b).abs() < 1e-10 * b.abs().max(1.0), "{bases:?} {weights:?}: {a} {b}");
                        }
                        // the numerators are the same sums in another order
                        (0..2).for_each(|i| assert!((a.n[i] - b.n[i]).abs() < 1e-12 * b.n[i].abs().max(1.0)));
                    }
                }
            }
        }
    }
}

/// Clusters of one row, of several and of two rows in one cell; weights of one where `weighted` is false.
fn many_clusters(weighted: bool) -> Sample {
    let mut sample = sample(true);
    let mut code = 0;
    let codes: Vec<u32> = (0..sample.n_rows)
        .map(|i| {
            code += u32::from(i > 0 && (i % 3 != 0 || i % 7 == 0 || i > 300));
            code
        })
        .collect();
    sample.clusters[0].codes = codes.into();
    sample.clusters[0].n_clusters = code as usize + 1;
    sample.weights = sample.weights.filter(|_| weighted);
    // the number takes few values, so that cells repeat
    if let Some(values) = sample.terms[1].values.take() {
        sample.terms[1].values = Some(values.iter().map(|x| (x / 4.0).floor()).collect::<Vec<f64>>().into());
    }
    sample
}

#[test]
fn clusters_of_one_entry_apart_give_the_same_draws() {
    for weighted in [false, true] {
        let sample = many_clusters(weighted);
        let design = Design::new(&sample, &Options::default()).unwrap();
        let linear = Linear::new(&design).unwrap();
        let single = linear.clusters.starts.windows(2).filter(|run| run[1] - run[0] == 1).count();
        assert!(single > 150 && linear.clusters.len() - single > 40, "{single} of {}", linear.clusters.len());
        for (bases, column) in [(Bases::Both, 0), (Bases::At(0.0), 3), (Bases::At(0.7), 1)] {
            let (regressor, length) = linear.partial(column);
            let ways = [How::Apart, How::Direct].map(|how| Forms::with(&linear, &regressor, length, bases, how));
            for weights in [Weights::Rademacher, Weights::Webb, Weights::Mammen] {
                let source = Source { weights, seed: 5, enumerate: false };
                let [apart, direct]: [[Draw; 16]; 2] =
                    ways.each_ref().map(|way| match &source.block(2, way.identity()) {
                        Drawn::Signs(bits) => way.pass(&Signs(&bits[3]), &mut way.scratch()),
                        Drawn::Codes { codes, values } => way.pass(&Codes(&codes[3], values), &mut way.scratch()),
                    });
                for (a, b) in apart.iter().zip(&direct) {
                    for delta in [0.0, -1.3] {
                        let (a, b) = (a.statistic(delta), b.statistic(delta));
                        assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{bases:?} {weights:?}: {a} {b}");
                    }
                    let values = |draw: &Draw| [draw.n[0], draw.n[1], draw.v[0], draw.v[1], draw.v[2]];
                    for (a, b) in values(a).into_iter().zip(values(b)) {
                        assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{bases:?} {weights:?}: {a} {b}");
                    }
                }
            }
        }
    }
}
