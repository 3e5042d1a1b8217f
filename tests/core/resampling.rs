//! Bootstraps against brute-force refits (`resampling.py`), and what must hold of any bootstrap.
//!
//! Tolerance of a drawn statistic: 1e-10 relative to the largest; of the end of an interval: 1e-8 standard errors.

use crate::support::{Model, close, floats, json, model, sample, sessions};
use metier::design::Sample;
use metier::resampling::weights::Weights;
use metier::resampling::{
    ClusterTest, Exchange, Null, PValue, PermuteOptions, ResamplingError, Scheme, UserOptions, WildOptions, permute,
    score, users, wild,
};
use metier::result::{Family, VcovKind};
use serde_json::Value;

fn case_model(case: &Value) -> Model {
    let texts = |key: &str| -> Vec<String> {
        case[key].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let terms: Vec<String> = texts("x")
        .into_iter()
        .map(|x| if x == "expertise" { String::from("i(expertise, ref = 1)") } else { x })
        .collect();
    let effect = |parts: &Value| -> String {
        parts.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>().join("^")
    };
    let effects: Vec<String> = case["effects"].as_array().unwrap().iter().map(effect).collect();
    let bar = if effects.is_empty() { String::new() } else { format!(" | {}", effects.join(" + ")) };
    let mut model = model(&format!("{} ~ {}{bar}", case["outcome"].as_str().unwrap(), terms.join(" + ")));
    model.cluster = vec![match case["cluster"].as_str().unwrap() {
        "month" => "month",
        _ => "user_id",
    }];
    model.weights = case["weight"].as_str().map(|_| "weight");
    model
}

fn case_sample(case: &Value) -> (Sample, Model) {
    let model = case_model(case);
    (sample(&sessions(case["rows"].as_u64().unwrap() as usize), &model), model)
}

fn run(sample: &Sample, model: &Model, term: &str, null: f64, how: &WildOptions) -> ClusterTest {
    let nulls = [Null { term: term.to_owned(), value: null }];
    wild(sample, &model.options, &nulls, how, &|_| {}).expect("bootstrap").1.remove(0)
}

#[track_caller]
fn same_draws(what: &str, ours: &[f64], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let largest = expected.iter().filter(|t| t.is_finite()).fold(1.0, |a: f64, t| a.max(t.abs()));
    ours.iter()
        .zip(expected)
        .enumerate()
        .for_each(|(b, (a, e))| close(&format!("{what} draw {b}"), *a, *e, 1e-10, largest));
}

#[test]
fn every_enumerated_draw_equals_a_refit() {
    let reference = json("resampling.json");
    for name in ["plain", "weights", "additive", "interacted", "nested"] {
        let case = &reference["wild"][name];
        let (sample, model) = case_sample(case);
        for (term, expected) in case["terms"].as_object().unwrap() {
            for (kind, restricted) in [("restricted", true), ("unrestricted", false)] {
                let what = format!("{name} {term} {kind}");
                let expected = &expected[kind];
                let how = WildOptions { restricted, keep_draws: true, conf_level: Some(0.9), ..WildOptions::default() };
                let test = run(&sample, &model, term, 0.0, &how);
                assert!(test.enumerated && test.draws == 128 && test.without_statistic == 0, "{what}");
                assert_eq!(test.clusters as u64, case["clusters"].as_u64().unwrap(), "{what}");
                same_draws(&what, &test.statistics, &floats(&expected["draws"]));
                assert_eq!(test.p_value, expected["p"].as_f64().unwrap(), "{what}");
                if let Some(theirs) = expected.get("wildboottest_p").and_then(Value::as_f64) {
                    // wildboottest counts ties as larger or not as rounding has it
                    let ties = expected["ties"].as_f64().unwrap() / 128.0;
                    assert!((test.p_value - theirs).abs() <= ties + 1e-12, "{what}: {theirs}");
                }
                let equal_tail = WildOptions { p_value: PValue::EqualTail, conf_level: Some(0.8), ..how.clone() };
                let tails = run(&sample, &model, term, 0.0, &equal_tail);
                close(&what, tails.p_value, expected["p_equal_tail"].as_f64().unwrap(), 1e-12, 1.0);
                same_interval(&what, &test, &expected["interval_90"]);
                same_interval(&what, &tails, &expected["interval_80_equal_tail"]);
                // without an interval the draws are made at the null value
                let alone = run(&sample, &model, term, 0.0, &WildOptions { conf_level: None, ..how.clone() });
                same_draws(&what, &alone.statistics, &test.statistics);
                if let Some(draws) = expected.get("draws_at_0.1") {
                    let moved = run(&sample, &model, term, 0.1, &how);
                    same_draws(&format!("{what} at 0.1"), &moved.statistics, &floats(draws));
                }
            }
        }
    }
}

#[track_caller]
fn same_interval(what: &str, test: &ClusterTest, expected: &Value) {
    let Some(ends) = expected.as_array() else { return };
    for (ours, (end, side)) in [test.interval.0, test.interval.1].into_iter().zip(ends.iter().zip([-1.0, 1.0])) {
        match end.as_f64() {
            Some(end) => {
                let off = (ours - end).abs() / test.std_error;
                assert!(off < 1e-8, "{what}: end {ours:.12} is not {end:.12}, {off:.1e} standard errors away");
            }
            None => assert_eq!(ours, side * f64::INFINITY, "{what}"),
        }
    }
}

#[test]
fn random_draws_of_every_distribution_equal_refits() {
    let reference = json("resampling.json");
    let case = &reference["wild"]["random"];
    let (sample, model) = case_sample(case);
    let kinds = [("rademacher", Weights::Rademacher), ("webb", Weights::Webb), ("mammen", Weights::Mammen)];
    for (name, weights) in kinds {
        for (kind, restricted) in [("restricted", true), ("unrestricted", false)] {
            let (seed, draws) = (case["seed"].as_u64().unwrap(), 150);
            let how = WildOptions { draws, seed, weights, restricted, keep_draws: true, ..WildOptions::default() };
            let test = run(&sample, &model, case["term"].as_str().unwrap(), case["null"].as_f64().unwrap(), &how);
            assert_eq!(test.clusters as u64, case["clusters"].as_u64().unwrap());
            same_draws(&format!("{name} {kind}"), &test.statistics, &floats(&case["draws"][name][kind]));
        }
    }
}

fn large(rows: usize) -> (Sample, Model) {
    let mut model = model("verified ~ i(expertise, ref = 1) + software | work_mode + month + task_occupation");
    model.weights = Some("weight");
    (sample(&sessions(rows), &model), model)
}

/// The estimate and error are those of `fit`, and the way of quadratic forms (few columns, many rows) gives the draws that
/// the way of two passes gives, which the refits above confirm.
#[test]
fn a_table_of_many_rows_has_the_fits_errors() {
    let (sample, model) = large(24_000);
    let how = WildOptions { draws: 299, keep_draws: true, ..WildOptions::default() };
    let (fit, tests) = wild(&sample, &model.options, &[], &how, &|_| {}).unwrap();
    assert_eq!(tests.len(), 5);
    for (test, row) in tests.iter().zip(&fit.coefficients) {
        assert_eq!(test.term, row.term);
        close(&row.term, test.estimate, row.estimate, 1e-11, 0.0);
        close(&row.term, test.std_error, row.std_error, 1e-10, 0.0);
        close(&row.term, test.statistic, row.statistic, 1e-10, 0.0);
        // with thousands of clusters the interval is near the one of the t distribution: Monte Carlo error of 299 draws
        let width = (test.interval.1 - test.interval.0) / (row.conf_high - row.conf_low);
        assert!((0.8..1.25).contains(&width), "{}: {width}", row.term);
    }
}

#[test]
fn draws_do_not_depend_on_threads_or_the_order_of_rows() {
    let (sample, model) = large(12_000);
    let two = ["expertise::2", "software"].map(|term| Null { term: term.to_owned(), value: 0.0 });
    for weights in [Weights::Rademacher, Weights::Webb] {
        let how = WildOptions { draws: 140, keep_draws: true, weights, ..WildOptions::default() };
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| wild(&sample, &model.options, &two, &how, &|_| {}).unwrap().1)
        };
        let one = with_threads(1);
        assert!([2, 8].iter().all(|&threads| with_threads(threads) == one), "{weights:?}");
        let reversed = crate::support::sample(&reversed(12_000), &model);
        let other = wild(&reversed, &model.options, &two, &how, &|_| {}).unwrap().1;
        for (a, b) in one.iter().zip(&other) {
            same_draws(&a.term, &b.statistics, &a.statistics);
        }
        let seeded = WildOptions { seed: 2, ..how.clone() };
        let other = wild(&sample, &model.options, &two, &seeded, &|_| {}).unwrap().1;
        assert!(one[0].statistics != other[0].statistics);
    }
}

/// The sessions with their rows in the opposite order.
fn reversed(rows: usize) -> metier::table::Table {
    let table = sessions(rows);
    let order: Vec<usize> = (0..table.n_rows()).rev().collect();
    crate::invariance::permuted(&table, &order)
}

#[test]
fn what_cannot_be_resampled_is_refused() {
    let (sample, model) = large(2_000);
    let how = WildOptions { draws: 99, ..WildOptions::default() };
    let refused = |sample: &Sample, nulls: &[Null], how: &WildOptions| {
        let error = wild(sample, &model.options, nulls, how, &|_| {}).expect_err("refused");
        assert!(error.hint().is_some(), "{error}");
        error
    };
    let few = refused(&sample, &[], &WildOptions { draws: 18, ..how.clone() });
    assert!(matches!(few, ResamplingError::TooFewDraws { needed: 19, .. }), "{few:?}");
    assert!(wild(&sample, &model.options, &[], &WildOptions { draws: 19, ..how.clone() }, &|_| {}).is_ok());
    let term = |term: &str| [Null { term: term.to_owned(), value: 0.0 }];
    let unknown = refused(&sample, &term("expertise::55"), &how);
    assert!(
        matches!(&unknown, ResamplingError::UnknownTerm { nearest: Some(n), .. } if n == "expertise::5"),
        "{unknown:?}"
    );
    let mut alone = sample.clone();
    alone.clusters.clear();
    assert_eq!(refused(&alone, &[], &how), ResamplingError::NoCluster);
    let mut two = sample.clone();
    two.clusters.push(two.clusters[0].clone());
    assert!(matches!(refused(&two, &[], &how), ResamplingError::SeveralClusters(names) if names.len() == 2));
    let logit = metier::estimate::Options { family: metier::result::Family::Logit, ..model.options.clone() };
    let error = wild(&sample, &logit, &[], &how, &|_| {}).expect_err("refused");
    assert!(matches!(error, ResamplingError::WrongFamily { .. }));
}

#[test]
fn score_draws_equal_those_of_full_designs() {
    let reference = json("resampling.json");
    for (name, family) in [("logit", Family::Logit), ("probit", Family::Probit), ("poisson", Family::Poisson)] {
        let case = &reference["score"][name];
        let (sample, mut model) = case_sample(case);
        model.options.family = family;
        for (term, expected) in case["terms"].as_object().unwrap() {
            let how = WildOptions { keep_draws: true, ..WildOptions::default() };
            let nulls = [Null { term: term.clone(), value: 0.0 }];
            let test = score(&sample, &model.options, &nulls, &how, &|_| {}).expect("bootstrap").1.remove(0);
            assert!(test.enumerated && test.draws == 128);
            close(&format!("{name} {term}"), test.statistic, expected["t"].as_f64().unwrap(), 1e-9, 1.0);
            let draws = floats(&expected["draws"]);
            let pairs = test.statistics.iter().zip(&draws);
            pairs.for_each(|(a, b)| close(&format!("{name} {term}"), *a, *b, 1e-9, 1.0));
            assert_eq!(test.p_value, expected["p"].as_f64().unwrap(), "{name} {term}");
        }
        let wrong = [Null { term: String::from("prompts"), value: 0.2 }];
        let error = score(&sample, &model.options, &wrong, &WildOptions::default(), &|_| {}).expect_err("refused");
        assert!(matches!(error, ResamplingError::NullValue { .. }));
    }
}

/// The score bootstrap of a linear model draws the numerators of the wild bootstrap.
#[test]
fn score_and_wild_bootstraps_of_a_linear_model_agree_with_many_clusters() {
    let (sample, model) = large(2_000);
    let how = WildOptions { draws: 499, keep_draws: true, ..WildOptions::default() };
    let nulls = [Null { term: String::from("software"), value: 0.01 }];
    let by_scores = score(&sample, &model.options, &nulls, &how, &|_| {}).unwrap().1.remove(0);
    let by_refits = wild(&sample, &model.options, &nulls, &how, &|_| {}).unwrap().1.remove(0);
    let product: f64 = by_scores.statistics.iter().zip(&by_refits.statistics).map(|(a, b)| a * b).sum();
    let length = |t: &[f64]| t.iter().map(|t| t * t).sum::<f64>().sqrt();
    assert!(product / length(&by_scores.statistics) / length(&by_refits.statistics) > 0.99);
    assert!((by_scores.p_value - by_refits.p_value).abs() < 0.03);
}

#[test]
fn a_draw_of_users_is_the_regression_weighted_by_counts() {
    let reference = json("resampling.json");
    for (name, family) in [("ols", Family::Ols), ("logit", Family::Logit)] {
        let case = &reference["users"][name];
        let (sample, mut model) = case_sample(case);
        model.options.family = family;
        for (key, scheme) in
            [("multinomial", Scheme::Multinomial), ("exponential", Scheme::Exponential), ("poisson", Scheme::Poisson)]
        {
            let how = UserOptions { draws: 4, seed: 7, scheme, keep_draws: true, conf_level: 0.5 };
            let drawn = users(&sample, &model.options, &how, &|_| {}).expect("bootstrap");
            assert_eq!(drawn.failed, (0, None));
            for (draw, expected) in case["draws"][key].as_array().unwrap().iter().enumerate() {
                for (number, expected) in drawn.numbers.iter().zip(floats(expected)) {
                    let what = format!("{name} {key} draw {draw} {}", number.name);
                    close(&what, number.values[draw], expected, 1e-9, 0.1);
                }
            }
        }
    }
}

#[test]
fn bootstrap_errors_are_near_those_of_the_influence() {
    let mut model = model("verified ~ i(expertise, ref = 1) | work_mode");
    model.rates = Some("expertise");
    let sample = sample(&sessions(2_000), &model);
    let how = UserOptions { draws: 400, ..UserOptions::default() };
    let drawn = users(&sample, &model.options, &how, &|_| {}).unwrap();
    assert_eq!(drawn.numbers.len(), 9);
    for number in &drawn.numbers {
        // the deviation of 400 draws has a relative error of 3.5 %: three of them, and a few per cent of the bootstrap's own
        let ratio = number.bootstrap_error / number.std_error;
        assert!((0.86..1.15).contains(&ratio), "{}: {ratio}", number.name);
        assert!(number.bias.abs() < 0.2 * number.std_error, "{}: {}", number.name, number.bias);
        let (low, high) = number.percentile;
        assert!(low < number.estimate && number.estimate < high);
        close(&number.name, number.basic.0, 2.0 * number.estimate - high, 1e-14, 1.0);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    let other = pool.install(|| users(&sample, &model.options, &how, &|_| {})).unwrap();
    // as text: a number that does not exist is not equal to itself
    assert!(format!("{other:?}") == format!("{drawn:?}"));
}

#[test]
fn permutation_p_values_are_those_of_all_assignments() {
    let case = &json("resampling.json")["permutation"];
    let block: Vec<String> = floats(&case["block"]).iter().map(f64::to_string).collect();
    let labels: Vec<Option<&str>> = block.iter().map(|label| Some(label.as_str())).collect();
    let mut table = metier::table::Table::new(12);
    table.insert(metier::table::Column::number("y", floats(&case["y"])));
    table.insert(metier::table::Column::number("d", floats(&case["d"])));
    table.insert(metier::table::Column::factor("block", metier::table::Factor::from_labels(&labels)));
    let mut model = model("y ~ d | block");
    model.cluster = Vec::new();
    model.options.vcov = VcovKind::Hc1;
    let sample = sample(&table, &model);
    let how = PermuteOptions { draws: 4_000, seed: 1, exchange: Exchange::Rows, keep_draws: true };
    let test = permute(&sample, &model.options, "d", &how, &|_| {}).unwrap();
    assert_eq!((test.tests.len(), test.movable), (1, 12));
    let ours = &test.tests[0];
    close("t", ours.statistic, case["t"].as_f64().unwrap(), 1e-11, 1.0);
    // each drawn statistic is that of an assignment
    let all = floats(&case["statistics"]);
    assert!(ours.statistics.iter().all(|t| all.iter().any(|a| (a - t).abs() < 1e-9)));
    // five standard deviations of 4,000 permutations
    let p = case["p"].as_f64().unwrap();
    assert!((ours.p_value - p).abs() < 5.0 * (p * (1.0 - p) / 4_000.0).sqrt(), "{} {p}", ours.p_value);
    let error = permute(&sample, &model.options, "e", &how, &|_| {}).expect_err("no such factor");
    assert!(matches!(error, ResamplingError::UnknownFactor { .. }) && error.hint().is_some());
}

#[test]
fn permuting_levels_or_users_leaves_effects_and_their_cells_alone() {
    let model = model("verified ~ i(expertise, ref = 1) | work_mode");
    let sample = sample(&sessions(1_000), &model);
    for exchange in [Exchange::Rows, Exchange::Users] {
        let how = PermuteOptions { draws: 19, seed: 4, exchange, keep_draws: true };
        let test = permute(&sample, &model.options, "expertise", &how, &|_| {}).unwrap();
        let names: Vec<&str> = test.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["expertise::2", "expertise::3", "expertise::4", "expertise::5", "Wald"]);
        for test in &test.tests {
            let extreme = test.statistics.iter().filter(|t| t.abs() >= test.statistic.abs()).count();
            assert_eq!(test.p_value, (1 + extreme) as f64 / 20.0);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let other = pool.install(|| permute(&sample, &model.options, "expertise", &how, &|_| {})).unwrap();
        assert!(format!("{:?}", other.tests) == format!("{:?}", test.tests));
    }
}
