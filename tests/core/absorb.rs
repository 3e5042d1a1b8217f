//! Regressions with many absorbed levels against the full dummy design in 80-bit arithmetic (`absorb.py`): badly connected
//! graphs, ties between effects, nesting, levels of one or two rows, slopes by level, small and large units.
//!
//! Tolerances: 1e-8 for coefficients, 1e-7 for standard errors and fit statistics. An iterative absorption leaves that
//! much in the worst of these designs (condition number 1e6); a direct one is far below.

use crate::support::{close, floats, json};
use metier::absorb::Method;
use metier::absorb::kernel::rank::{MAX_REMAINING, rank};
use metier::design::{Cluster, Effect, Outcome, Sample, Slope, Term};
use metier::estimate::{Options, fit};
use metier::result::{Family, ModelFit, VcovKind};
use serde_json::Value;
use std::sync::Arc;

const COEF_TOLERANCE: f64 = 1e-8;
const ERROR_TOLERANCE: f64 = 1e-7;

/// Every way to absorb effects.
const METHODS: [Method; 5] = [Method::Auto, Method::Cells, Method::Schur, Method::Cg, Method::Map];

/// A column in the order of rows, and codes as the estimator wants them.
struct Columns<'a> {
    case: &'a Value,
    order: Vec<usize>,
}

impl<'a> Columns<'a> {
    /// Rows sorted by the first cluster variable.
    fn new(case: &'a Value) -> Self {
        let first = floats(&case["columns"][case["spec"]["clusters"][0].as_str().unwrap()]);
        let mut order: Vec<usize> = (0..first.len()).collect();
        order.sort_by(|&a, &b| first[a].total_cmp(&first[b]));
        Columns { case, order }
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let raw = floats(&self.case["columns"][name]);
        self.order.iter().map(|&i| raw[i]).collect()
    }

    fn codes(&self, name: &str) -> (Vec<u32>, usize) {
        let codes: Vec<u32> = self.numbers(name).into_iter().map(|value| value as u32).collect();
        let n_levels = codes.iter().max().map_or(0, |&last| last as usize + 1);
        (codes, n_levels)
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn sample(case: &Value, outcome: &str) -> Sample {
    let spec = &case["spec"];
    let columns = Columns::new(case);
    let term = |name: String| Term {
        names: vec![name.clone()],
        levels: None,
        values: Some(Arc::new(columns.numbers(&name))),
        variable: Some(name),
    };
    let effect = |value: &Value| {
        let name = value["name"].as_str().unwrap();
        let (codes, n_levels) = columns.codes(name);
        let mut effect = Effect::new(name, codes, n_levels);
        effect.constant = value["constant"].as_bool().unwrap();
        effect.slopes = texts(&value["slopes"])
            .into_iter()
            .map(|name| Slope { values: Arc::new(columns.numbers(&name)), name })
            .collect();
        effect
    };
    let cluster = |name: String| {
        let (codes, n_clusters) = columns.codes(&name);
        Cluster { name, codes: Arc::new(codes), n_clusters }
    };
    Sample {
        n_rows: columns.order.len(),
        terms: texts(&spec["x"]).into_iter().map(term).collect(),
        intercept: true,
        effects: spec["effects"].as_array().unwrap().iter().map(effect).collect(),
        weights: spec["weights"].as_str().map(|name| columns.numbers(name)),
        clusters: texts(&spec["clusters"]).into_iter().map(cluster).collect(),
        outcomes: vec![Outcome { name: outcome.to_owned(), values: Arc::new(columns.numbers(outcome)) }],
        ..Sample::default()
    }
}

#[track_caller]
fn one(id: &str, sample: &Sample, family: Family, vcov: VcovKind, method: Method) -> ModelFit {
    let options = Options { family, vcov, method, ..Options::default() };
    match fit(sample, &options).remove(0) {
        Ok(fitted) => fitted.fit,
        Err(error) => panic!("{id}: {error}"),
    }
}

/// Compares one fit, absorbed in one way.
#[track_caller]
fn compare(id: &str, sample: &Sample, family: Family, method: Method, expected: &Value) {
    let id = format!("{id} {family:?} {method:?}");
    let ours = one(&id, sample, family, VcovKind::Cr1, method);
    let iid = one(&id, sample, family, VcovKind::Iid, method);
    assert_eq!(ours.flow.rows_used as u64, expected["n"].as_u64().unwrap(), "{id}: rows");
    let names: Vec<String> = ours.coefficients.iter().map(|c| c.term.clone()).collect();
    assert_eq!(names, texts(&expected["names"]), "{id}: terms");
    let dropped: Vec<String> = ours.dropped_terms.iter().map(|d| d.term.clone()).collect();
    assert_eq!(dropped, texts(&expected["dropped"]), "{id}: dropped terms");
    let levels: Vec<u64> = ours.effects.iter().map(|effect| effect.levels as u64).collect();
    assert_eq!(levels, floats(&expected["levels"]).iter().map(|&l| l as u64).collect::<Vec<_>>(), "{id}: levels");
    assert_eq!(ours.small_sample.k as u64, expected["k"].as_u64().unwrap(), "{id}: K");
    assert_eq!(iid.small_sample.k as u64, expected["k_iid"].as_u64().unwrap(), "{id}: K, iid");
    for (cluster, count) in ours.clusters.iter().zip(floats(&expected["clusters"])) {
        assert_eq!(cluster.count, count as usize, "{id}: clusters of {}", cluster.name);
    }
    if sample.effects.iter().all(|effect| effect.slopes.is_empty()) {
        exact_parameters(&id, sample, family, method, expected, &iid);
    }
    let (coef, cluster, independent) =
        (floats(&expected["coef"]), floats(&expected["se_cluster"]), floats(&expected["se_iid"]));
    for (j, estimate) in ours.coefficients.iter().enumerate() {
        let what = format!("{id} {}", estimate.term);
        close(&what, estimate.estimate, coef[j], COEF_TOLERANCE, 0.0);
        close(&format!("{what}: clustered error"), estimate.std_error, cluster[j], ERROR_TOLERANCE, 0.0);
        close(&format!("{what}: iid error"), iid.coefficients[j].std_error, independent[j], ERROR_TOLERANCE, 0.0);
    }
    if family == Family::Ols {
        close(&format!("{id} rss"), ours.fit.deviance, expected["rss"].as_f64().unwrap(), ERROR_TOLERANCE, 0.0);
        let within = expected["within_r2"].as_f64().unwrap();
        close(&format!("{id} within R2"), ours.fit.within_r2, within, ERROR_TOLERANCE, 0.0);
    } else {
        let deviance = expected["deviance"].as_f64().unwrap();
        close(&format!("{id} deviance"), ours.fit.deviance, deviance, ERROR_TOLERANCE, 0.0);
    }
}

/// The rank of the effects, as it is reported and as it is counted in K.
#[track_caller]
fn exact_parameters(id: &str, sample: &Sample, family: Family, method: Method, expected: &Value, iid: &ModelFit) {
    let absorbed = iid.absorbed_rank.unwrap();
    let rank = expected["rank_effects"].as_u64().unwrap() as usize;
    assert!(absorbed.exact && !absorbed.in_k, "{id}");
    assert_eq!((absorbed.rank, absorbed.counted), (rank, rank), "{id}: rank of the effects");
    let left = iid.effects.iter().map(|effect| effect.levels - effect.redundant.unwrap()).sum::<usize>();
    assert_eq!(left, rank, "{id}: redundant levels");
    let exact = Options { family, vcov: VcovKind::Iid, method, exact_df: true, ..Options::default() };
    let exact = fit(sample, &exact).remove(0).unwrap().fit;
    assert_eq!(exact.small_sample.k as u64, expected["rank_all"].as_u64().unwrap(), "{id}: exact K");
    let counted: usize = exact.effects.iter().map(|effect| effect.counted).sum();
    assert_eq!(counted, rank, "{id}: counted");
    // the variance is RSS/(n - K) for OLS, and has the factor (n - 1)/(n - K) for a likelihood
    let n = iid.small_sample.n as f64;
    let factor = ((n - iid.small_sample.k as f64) / (n - exact.small_sample.k as f64)).sqrt();
    for (ours, nominal) in exact.coefficients.iter().zip(&iid.coefficients) {
        close(&format!("{id} exact error"), ours.std_error, factor * nominal.std_error, ERROR_TOLERANCE, 0.0);
    }
}

#[test]
fn exact_parameters_leave_nested_effects_out() {
    let reference = json("absorb.json");
    let options = Options { exact_df: true, ..Options::default() };
    // clustered by f: thirty levels of g are left
    let one = fit(&sample(&reference["cases"]["disconnected"], "y"), &options).remove(0).unwrap().fit;
    assert_eq!((one.small_sample.k, one.absorbed_rank.unwrap().counted), (31, 30));
    assert_eq!(one.absorbed_rank.unwrap().rank, 85);
    // nothing else to count: one parameter for the constant
    let mut alone = sample(&reference["cases"]["disconnected"], "y");
    alone.effects.truncate(1);
    let one = fit(&alone, &options).remove(0).unwrap().fit;
    assert_eq!((one.small_sample.k, one.absorbed_rank.unwrap().counted), (2, 1));
}

#[test]
fn slopes_have_no_exact_count() {
    let reference = json("absorb.json");
    let case = reference["cases"].as_object().unwrap().values().find(|case| has_slopes(case)).unwrap();
    let sample = sample(case, "y");
    let nominal = fit(&sample, &Options::default()).remove(0).unwrap().fit;
    let exact = fit(&sample, &Options { exact_df: true, ..Options::default() }).remove(0).unwrap().fit;
    assert_eq!(exact.small_sample, nominal.small_sample);
    assert_eq!(exact.absorbed_rank, None);
    assert!(exact.warnings.iter().any(|warning| warning.contains("no exact count")), "{:?}", exact.warnings);
}

fn has_slopes(case: &Value) -> bool {
    let has = |e: &Value| e["constant"] == false || e["slopes"].as_array().is_some_and(|slopes| !slopes.is_empty());
    case["spec"]["effects"].as_array().unwrap().iter().any(has)
}

/// Compares all cases of a family, and says how many there were.
fn every_case(name: &str, family: Family, outcome: &str, slopes: bool) -> usize {
    let reference = json("absorb.json");
    let mut checked = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        if has_slopes(case) != slopes {
            continue;
        }
        let fits = case["fits"].as_array().unwrap();
        let Some(expected) = fits.iter().find(|fit| fit["family"] == name) else { continue };
        let sample = sample(case, outcome);
        // alternating projections need more sweeps than anyone would wait for along a path or a ring of 500 levels
        let is_long = ["path", "ring"].contains(&id.as_str());
        // slopes have no factor of their own
        let skipped = |method: Method| match method {
            Method::Map => is_long || slopes,
            Method::Schur => slopes,
            Method::Auto | Method::Cells | Method::Cg => false,
        };
        METHODS
            .iter()
            .filter(|&&method| !skipped(method))
            .for_each(|&method| compare(id, &sample, family, method, expected));
        checked += 1;
    }
    checked
}

#[test]
fn linear_models_equal_dummy_expansion() {
    assert_eq!(every_case("ols", Family::Ols, "y", false), 13);
}

#[test]
fn logits_equal_dummy_expansion() {
    assert_eq!(every_case("logit", Family::Logit, "binary", false), 4);
}

#[test]
fn poisson_models_equal_dummy_expansion() {
    assert_eq!(every_case("poisson", Family::Poisson, "count", false), 4);
}

#[test]
fn slopes_by_level_equal_dummy_expansion() {
    assert_eq!(every_case("ols", Family::Ols, "y", true), 2);
}

/// Rows left when levels of a single row are dropped until none is.
fn without_singletons(effects: &[Vec<u32>]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..effects[0].len()).collect();
    loop {
        let before = kept.len();
        for codes in effects {
            let rows = |level: u32| kept.iter().filter(|&&row| codes[row] == level).count();
            let several: Vec<usize> = kept.iter().copied().filter(|&row| rows(codes[row]) > 1).collect();
            kept = several;
        }
        if kept.len() == before {
            return kept;
        }
    }
}

#[test]
fn ranks_equal_singular_values() {
    let reference = json("absorb.json");
    let mut checked = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        let fits = case["fits"].as_array().unwrap();
        let Some(expected) = fits.iter().find(|fit| fit["family"] == "ols").filter(|_| !has_slopes(case)) else {
            continue;
        };
        let columns = Columns::new(case);
        let effects: Vec<(Vec<u32>, usize)> = case["spec"]["effects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|effect| columns.codes(effect["name"].as_str().unwrap()))
            .collect();
        let kept = without_singletons(&effects.iter().map(|effect| effect.0.clone()).collect::<Vec<_>>());
        assert_eq!(kept.len() as u64, expected["n"].as_u64().unwrap(), "{id}: rows");
        let kept_codes: Vec<Vec<u32>> =
            effects.iter().map(|(codes, _)| kept.iter().map(|&row| codes[row]).collect()).collect();
        let borrowed: Vec<(&[u32], usize)> =
            kept_codes.iter().zip(&effects).map(|(codes, effect)| (codes.as_slice(), effect.1)).collect();
        let found = rank(&borrowed, kept.len(), MAX_REMAINING);
        assert!(found.exact, "{id}");
        assert_eq!(found.rank as u64, expected["rank_effects"].as_u64().unwrap(), "{id}: rank");
        checked += 1;
    }
    assert_eq!(checked, 13);
}

/// A dummy that whole levels of the largest effect add up to: what is left of it after demeaning is rounding, which
/// conjugate gradients must not blow up into a regressor.
#[test]
fn a_regressor_that_is_rounding_is_dropped() {
    let n = 13;
    let codes = |codes: [u32; 13], n_levels: usize| (Arc::new(codes.to_vec()), n_levels);
    let (f, n_f) = codes([1, 6, 0, 1, 6, 2, 2, 3, 4, 1, 1, 1, 3], 7);
    let (g, n_g) = codes([1, 2, 0, 2, 0, 0, 1, 1, 0, 0, 0, 0, 1], 3);
    let term = |name: &str, values: Vec<f64>| Term {
        names: vec![name.to_owned()],
        levels: None,
        values: Some(Arc::new(values)),
        variable: Some(name.to_owned()),
    };
    // levels 3 and 6 of f
    let spanned: Vec<f64> = f.iter().map(|&level| f64::from(level == 3 || level == 6)).collect();
    let sample = Sample {
        n_rows: n,
        terms: vec![term("x", (0..n).map(|i| f64::from(i == 11)).collect()), term("spanned", spanned)],
        intercept: true,
        effects: vec![Effect::new("f", f, n_f), Effect::new("g", g, n_g)],
        weights: Some(vec![
            0.2,
            1.9902666180386335,
            0.2,
            0.2,
            1.9876400875293994,
            2.4591204103966477,
            0.30382724635978947,
            0.2767480063599931,
            0.2,
            0.2,
            0.8046416498665988,
            0.5405985393853429,
            2.5753931454591736,
        ]),
        outcomes: vec![Outcome { name: "y".into(), values: Arc::new((0..n).map(|i| (i as f64).sin()).collect()) }],
        ..Sample::default()
    };
    for method in METHODS {
        let ours = one(&format!("{method:?}"), &sample, Family::Ols, VcovKind::Iid, method);
        let dropped: Vec<&str> = ours.dropped_terms.iter().map(|d| d.term.as_str()).collect();
        assert_eq!(dropped, ["spanned"], "{method:?}: {:?}", ours.coefficients);
    }
}
