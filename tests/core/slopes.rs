//! Slopes by level against the same columns as regressors: coefficients, errors and likelihoods must not know where a
//! column stands.

use crate::support::close;
use metier::absorb::Method;
use metier::design::{Cluster, Effect, NO_COLUMN, Outcome, Sample, Slope, Term, TermLevels};
use metier::estimate::{FitError, Options, fit};
use metier::result::{Family, ModelFit, VcovKind};
use std::sync::Arc;

/// Rounding of two different factorisations.
const TOLERANCE: f64 = 1e-9;
/// What an iterative absorption leaves.
const ITERATIVE_TOLERANCE: f64 = 1e-7;
const N: usize = 240;
const N_F: usize = 6;

/// Numbers between -1 and 1 without a pattern.
fn noise(i: usize, seed: u64) -> f64 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD134_2543_DE82_EF95);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn column(seed: u64) -> Vec<f64> {
    (0..N).map(|i| noise(i, seed)).collect()
}

fn codes(n_levels: usize, seed: u64) -> Vec<u32> {
    (0..N).map(|i| ((noise(i, seed) + 1.0) * 0.5 * n_levels as f64) as u32).collect()
}

fn number(name: &str, values: Vec<f64>) -> Term {
    Term { names: vec![name.into()], levels: None, values: Some(Arc::new(values)), variable: Some(name.into()) }
}

/// `i(factor, x)`, or `i(factor)` without its first level.
fn by_level(factor: &str, codes: &[u32], n_levels: usize, values: Option<Vec<f64>>) -> Term {
    let first = u32::from(values.is_none());
    Term {
        names: (first..n_levels as u32).map(|level| format!("{factor}::{level}")).collect(),
        levels: Some(TermLevels {
            factor: factor.into(),
            codes: codes.to_vec(),
            column_of_level: (0..n_levels as u32).map(|l| if l < first { NO_COLUMN } else { l - first }).collect(),
        }),
        values: values.map(Arc::new),
        variable: None,
    }
}

struct Design {
    f: Vec<u32>,
    g: Vec<u32>,
    z: Vec<f64>,
    base: Sample,
}

fn design(weighted: bool) -> Design {
    let (f, g, z) = (codes(N_F, 1), codes(4, 2), column(3).iter().map(|v| 5.0 + v).collect::<Vec<_>>());
    let x: Vec<f64> = (0..N).map(|i| noise(i, 4) + 0.5 * z[i] * f64::from(f[i])).collect();
    let index: Vec<f64> =
        (0..N).map(|i| 0.7 * x[i] - 0.2 * z[i] * f64::from(f[i]) + 0.4 * f64::from(g[i]) + noise(i, 5) - 1.0).collect();
    let outcome = |name: &str, values: Vec<f64>| Outcome { name: name.into(), values: Arc::new(values) };
    let cluster = codes(30, 6);
    let mut order: Vec<usize> = (0..N).collect();
    order.sort_by_key(|&i| cluster[i]);
    let put = |v: &[f64]| order.iter().map(|&i| v[i]).collect::<Vec<f64>>();
    let put_codes = |v: &[u32]| order.iter().map(|&i| v[i]).collect::<Vec<u32>>();
    let base = Sample {
        n_rows: N,
        terms: vec![number("x", put(&x))],
        intercept: true,
        weights: weighted.then(|| put(&column(8).iter().map(|v| 1.2 + v).collect::<Vec<_>>())),
        clusters: vec![Cluster { name: "c".into(), codes: Arc::new(put_codes(&cluster)), n_clusters: 30 }],
        outcomes: vec![
            outcome("y", put(&index.iter().map(|v| 100.0 + v).collect::<Vec<_>>())),
            outcome("binary", put(&index.iter().map(|v| f64::from(*v > 0.0)).collect::<Vec<_>>())),
            outcome("count", put(&index.iter().map(|v| (0.5 * v).exp().floor()).collect::<Vec<_>>())),
        ],
        ..Sample::default()
    };
    Design { f: put_codes(&f), g: put_codes(&g), z: put(&z), base }
}

fn effect(name: &str, codes: &[u32], n_levels: usize, constant: bool, slopes: &[&Vec<f64>]) -> Effect {
    let mut effect = Effect::new(name, codes.to_vec(), n_levels);
    effect.constant = constant;
    effect.slopes = slopes.iter().map(|z| Slope { name: "z".into(), values: Arc::new(z.to_vec()) }).collect();
    effect
}

#[track_caller]
fn one(sample: &Sample, outcome: usize, family: Family, vcov: VcovKind) -> ModelFit {
    one_by(Method::Auto, sample, outcome, family, vcov)
}

#[track_caller]
fn one_by(method: Method, sample: &Sample, outcome: usize, family: Family, vcov: VcovKind) -> ModelFit {
    let options = Options { family, vcov, method, ..Options::default() };
    let mut sample = sample.clone();
    sample.outcomes = vec![sample.outcomes[outcome].clone()];
    match fit(&sample, &options).remove(0) {
        Ok(fitted) => fitted.fit,
        Err(error) => panic!("{error}"),
    }
}

/// Compares the coefficients that `absorbed` reports with those of the same names in `written`.
#[track_caller]
fn compare(absorbed: &Sample, written: &Sample) {
    compare_by(Method::Auto, absorbed, written, TOLERANCE);
    if absorbed.absorbs_constant() {
        compare_by(Method::Cg, absorbed, written, ITERATIVE_TOLERANCE);
    }
}

#[track_caller]
fn compare_by(method: Method, absorbed: &Sample, written: &Sample, tolerance: f64) {
    let families = [(0, Family::Ols), (1, Family::Logit), (1, Family::Probit), (2, Family::Poisson)];
    for (outcome, family) in families {
        for vcov in [VcovKind::Cr1, VcovKind::Iid, VcovKind::Hc1] {
            let (ours, theirs) = (one_by(method, absorbed, outcome, family, vcov), one(written, outcome, family, vcov));
            assert!(!ours.coefficients.is_empty());
            for estimate in &ours.coefficients {
                let what = format!("{method:?} {family:?} {vcov:?} {}", estimate.term);
                let other = theirs.coefficients.iter().find(|c| c.term == estimate.term).expect(&what);
                close(&what, estimate.estimate, other.estimate, tolerance, 1e-3);
                // the factors count parameters differently
                let bare = |fit: &ModelFit, se: f64| match (family, vcov) {
                    (Family::Ols, VcovKind::Iid) => se / fit.fit.sigma,
                    _ => se / fit.small_sample.factor.sqrt(),
                };
                let (a, b) = (bare(&ours, estimate.std_error), bare(&theirs, other.std_error));
                close(&format!("{what}: error"), a, b, tolerance, 1e-3);
            }
            close(&format!("{family:?} deviance"), ours.fit.deviance, theirs.fit.deviance, tolerance, 1e-3);
        }
    }
}

#[test]
fn slopes_equal_regressors() {
    for weighted in [false, true] {
        let Design { f, g, z, base } = design(weighted);
        let slopes = by_level("fz", &f, N_F, Some(z.clone()));
        let levels_f = || by_level("f", &f, N_F, None);
        let written = |terms: Vec<Term>, effects: Vec<Effect>| {
            let mut sample = base.clone();
            sample.terms.extend(terms);
            sample.effects = effects;
            sample
        };
        let plain_g = || effect("g", &g, 4, true, &[]);
        // the effect with slopes is the largest one, or not
        compare(
            &written(vec![], vec![effect("f[z]", &f, N_F, true, &[&z]), plain_g()]),
            &written(vec![slopes.clone()], vec![effect("f", &f, N_F, true, &[]), plain_g()]),
        );
        compare(
            &written(vec![], vec![plain_g(), effect("f[[z]]", &f, N_F, false, &[&z])]),
            &written(vec![slopes.clone()], vec![plain_g()]),
        );
        // no effect has intercepts: the model's own is reported
        let only = vec![effect("f[[z]]", &f, N_F, false, &[&z])];
        compare(&written(vec![levels_f()], only.clone()), &written(vec![slopes.clone(), levels_f()], vec![]));
        let (mut bare, mut bare_written) = (written(vec![], only), written(vec![slopes], vec![]));
        (bare.intercept, bare_written.intercept) = (false, false);
        compare(&bare, &bare_written);
    }
}

#[test]
fn a_regressor_that_slopes_span_is_dropped() {
    let Design { f, g, z, mut base } = design(false);
    base.terms.push(number("z", z.clone()));
    base.effects = vec![effect("g", &g, 4, true, &[]), effect("f[[z]]", &f, N_F, false, &[&z])];
    let ours = one(&base, 0, Family::Ols, VcovKind::Cr1);
    assert_eq!(ours.dropped_terms.len(), 1);
    assert_eq!((ours.dropped_terms[0].term.as_str(), ours.effects[1].levels), ("z", N_F));
    assert_eq!(ours.dropped_terms[0].reason, "absorbed by the fixed effects");
    assert_eq!((ours.effects[0].counted, ours.effects[1].counted, ours.small_sample.k), (4, N_F, 1 + 4 + N_F));
}

#[test]
fn cells_tell_values_of_slopes_apart() {
    // three values of z: rows repeat, and the cells must not merge different ones
    let Design { f, g, z, base } = design(false);
    let z: Vec<f64> = z.iter().map(|v| (v * 1.5).round()).collect();
    let mut absorbed = base.clone();
    absorbed.terms = vec![by_level("g", &g, 4, None)];
    absorbed.effects = vec![effect("f[z]", &f, N_F, true, &[&z])];
    let mut written = base;
    written.terms = vec![by_level("g", &g, 4, None), by_level("fz", &f, N_F, Some(z))];
    written.effects = vec![effect("f", &f, N_F, true, &[])];
    compare(&absorbed, &written);
}

#[test]
fn what_slopes_cannot_have_is_refused() {
    let Design { f, z, mut base, .. } = design(false);
    base.effects = vec![effect("f[z]", &f, N_F, true, &[&z])];
    base.outcomes = vec![base.outcomes[1].clone()];
    let refused = |options: Options| match fit(&base, &options).remove(0) {
        Err(error @ FitError::Slopes { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let logit = Options { family: Family::Logit, bias_correction: true, ..Options::default() };
    assert_eq!(refused(logit), "the slopes of `f[z]` have no bias correction");
    let map = Options { method: Method::Map, ..Options::default() };
    assert_eq!(refused(map), "the slopes of `f[z]` cannot be absorbed by the method asked for");
}

#[test]
fn a_line_through_the_origin() {
    let mut base = design(true).base;
    (base.intercept, base.terms) = (false, vec![base.terms[0].clone()]);
    let ours = one(&base, 0, Family::Ols, VcovKind::Hc1);
    let (x, y) = (base.terms[0].values.clone().unwrap(), &base.outcomes[0].values);
    let sum = |f: &dyn Fn(usize) -> f64| (0..N).map(|i| base.weight(i) * f(i)).sum::<f64>();
    let expected = sum(&|i| x[i] * y[i]) / sum(&|i| x[i] * x[i]);
    close("slope", ours.coefficients[0].estimate, expected, TOLERANCE, 0.0);
}

/// More columns than the dense factor takes by itself: the kernel for slopes against the factor, where it is forced.
#[test]
fn many_slopes_equal_a_dense_factor() {
    let (n, n_f, n_g) = (4_000, 620, 700);
    let draw = |seed: u64| (0..n).map(|i| noise(i, seed)).collect::<Vec<f64>>();
    let code = |levels: usize, seed| draw(seed).iter().map(|v| ((v + 1.0) * 0.5 * levels as f64) as u32).collect();
    let (f, g): (Vec<u32>, Vec<u32>) = (code(n_f, 11), code(n_g, 12));
    let z: Vec<f64> = draw(13).iter().map(|v| 2000.0 + 10.0 * v).collect();
    let x: Vec<f64> = (0..n).map(|i| noise(i, 14) + 0.01 * z[i] * f64::from(f[i] % 7)).collect();
    let y: Vec<f64> = (0..n).map(|i| 0.3 * x[i] + noise(i, 15) + f64::from(g[i] % 5)).collect();
    let sample = Sample {
        n_rows: n,
        terms: vec![number("x", x)],
        effects: vec![effect("f[z]", &f, n_f, true, &[&z]), effect("g", &g, n_g, true, &[])],
        outcomes: vec![Outcome { name: "y".into(), values: Arc::new(y) }],
        ..Sample::default()
    };
    let ours = one(&sample, 0, Family::Ols, VcovKind::Hc1);
    let dense = one_by(Method::Cells, &sample, 0, Family::Ols, VcovKind::Hc1);
    assert!(ours.fit.iterations > 0 && dense.fit.iterations == 0);
    assert_eq!((ours.small_sample.k, ours.flow.rows_used), (dense.small_sample.k, dense.flow.rows_used));
    let (a, b) = (&ours.coefficients[0], &dense.coefficients[0]);
    close("x", a.estimate, b.estimate, ITERATIVE_TOLERANCE, 0.0);
    close("x: error", a.std_error, b.std_error, ITERATIVE_TOLERANCE, 0.0);
    close("within R2", ours.fit.within_r2, dense.fit.within_r2, ITERATIVE_TOLERANCE, 0.0);
}
