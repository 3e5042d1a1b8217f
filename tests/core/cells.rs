//! Cell estimators against the long way on rows with dense dummies (`cells.py`): propensity scores, interacted regressions,
//! influence as derivatives in the weight of each row, brute-force jackknife; and what they equal by construction.
//!
//! Tolerance: 1e-9 relative to the largest entry of each vector; the script works in double precision through normal
//! equations.

use crate::support::{Model, close, floats, json, matrix, model, prepared, sessions};
use metier::result::{Composition, VcovKind};
use metier::standardise::{CellOptions, CellsError, CommonWeights, Estimators, PartKind, estimators};
use metier::table::{Column, Factor, Table};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

#[track_caller]
fn all_close(what: &str, ours: &[f64], expected: &[f64], floor: f64) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(floor, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, TOLERANCE, scale);
    }
}

fn estimate_all(table: &Table, spec: &Model, options: CellOptions) -> Vec<Result<Estimators, CellsError>> {
    prepared(table, spec).iter().flat_map(|group| estimators(&group.sample, &spec.options, options)).collect()
}

fn estimate(table: &Table, spec: &Model, options: CellOptions) -> Estimators {
    estimate_all(table, spec, options).remove(0).expect("estimated")
}

/// Every number of one case by its name in the oracle.
fn numbers(found: &Estimators, error: bool) -> Vec<(&'static str, Vec<f64>)> {
    let rates = |rates: &metier::result::Rates| -> Vec<f64> {
        rates.levels.iter().map(|row| if error { row.std_error } else { row.estimate }).collect()
    };
    let contrasts = |rates: &metier::result::Rates| -> Vec<f64> {
        let rows = rates.contrasts.iter().filter(|row| row.kind == metier::result::ContrastKind::Reference);
        rows.map(|row| if error { row.std_error } else { row.estimate }).collect()
    };
    let mut out = vec![
        ("cw", rates(&found.common.rates)),
        ("ds", rates(&found.direct.rates)),
        ("cw_contrast", contrasts(&found.common.rates)),
        ("ds_contrast", contrasts(&found.direct.rates)),
        (
            "ew",
            found.pairs.iter().map(|row| if error { row.contrast.std_error } else { row.contrast.estimate }).collect(),
        ),
    ];
    for (name, kind) in [
        ("pl", PartKind::Overlap),
        ("own", PartKind::Own),
        ("contamination", PartKind::Contamination),
        ("between", PartKind::Between),
        ("pl_minus_cw", PartKind::MinusCommon),
        ("pl_minus_ds", PartKind::MinusDirect),
        ("pl_minus_ew", PartKind::MinusPair),
        ("all_minus_overlap", PartKind::AllMinusOverlap),
    ] {
        out.push((name, part(found, kind, error)));
    }
    out
}

fn part(found: &Estimators, kind: PartKind, error: bool) -> Vec<f64> {
    let rows = found.parts.iter().filter(|part| part.kind == kind);
    rows.map(|part| if error { part.value.std_error } else { part.value.estimate }).collect()
}

fn spec_of(case: &Value) -> (Model, CellOptions) {
    let mut spec = model(case["formula"].as_str().unwrap());
    spec.rates = Some("expertise");
    if case["weights"].as_bool().unwrap() {
        spec.weights = Some("weight");
    }
    let uniform = case["uniform"].as_bool().unwrap();
    let common = if uniform { CommonWeights::Uniform } else { CommonWeights::Shares };
    (spec, CellOptions { common, ..CellOptions::default() })
}

#[test]
fn estimates_and_errors_equal_derivatives_on_rows() {
    for (id, case) in json("cells.json")["cases"].as_object().unwrap() {
        let (spec, options) = spec_of(case);
        let table = sessions(case["rows_read"].as_u64().unwrap() as usize);
        let found = estimate(&table, &spec, options);
        let count = |key: &str| case[key].as_u64().unwrap() as usize;
        assert_eq!(found.overlap.rows, count("rows"), "{id}");
        assert_eq!(found.overlap.rows_used, count("rows_used"), "{id}");
        assert_eq!(found.overlap.cells, count("cells"), "{id}");
        assert_eq!(found.overlap.cells_used, count("cells_used"), "{id}");
        assert_eq!(found.clusters[0].count, count("G"), "{id}");
        for (name, ours) in numbers(&found, false) {
            all_close(&format!("{id} {name}"), &ours, &floats(&case["estimate"][name]), 1e-2);
        }
        let corrected = |key: &str, found: &Estimators| {
            for (name, ours) in numbers(found, true) {
                all_close(&format!("{id} {key} {name}"), &ours, &floats(&case[key][name]), 1e-2);
            }
        };
        corrected("sampled", &found);
        corrected("plain", &estimate(&table, &spec, CellOptions { corrected: false, ..options }));
        let mut robust = spec.clone();
        robust.options.vcov = VcovKind::Hc1;
        corrected("hc", &estimate(&table, &robust, options));
        all_close(&format!("{id} vcov"), &found.common.rates.vcov, &matrix(&case["cw_vcov"]), 0.0);
        let test = found.test.expect("a test");
        close(&format!("{id} wald"), test.statistic, case["wald"].as_f64().unwrap(), 1e-8, 0.0);
        assert_eq!(test.df1, 4);

        let mut fixed = spec.clone();
        fixed.options.composition = Composition::Fixed;
        // parts and differences count the composition as sampled in any case
        for (name, ours) in numbers(&estimate(&table, &fixed, options), true) {
            let key =
                if ["cw", "ds", "ew", "cw_contrast", "ds_contrast"].contains(&name) { "fixed" } else { "sampled" };
            all_close(&format!("{id} fixed {name}"), &ours, &floats(&case[key][name]), 1e-2);
        }
    }
}

#[test]
fn the_jackknife_equals_estimates_without_each_user() {
    for (id, case) in json("cells.json")["cases"].as_object().unwrap() {
        let (spec, options) = spec_of(case);
        let found = estimate(&sessions(case["rows_read"].as_u64().unwrap() as usize), &spec, options);
        let root = |vcov: &[f64]| -> Vec<f64> { (0..5).map(|k| vcov[k * 6].sqrt()).collect() };
        let (common, direct) = (found.common.jackknife.as_ref().unwrap(), found.direct.jackknife.as_ref().unwrap());
        all_close(&format!("{id} cw"), &root(common), &floats(&case["jackknife"]["cw"]), 0.0);
        all_close(&format!("{id} ds"), &root(direct), &floats(&case["jackknife"]["ds"]), 0.0);
        let contrast: Vec<f64> = (1..5).map(|k| (common[k * 6] + common[0] - 2.0 * common[k]).sqrt()).collect();
        all_close(&format!("{id} cw contrast"), &contrast, &floats(&case["jackknife"]["cw_contrast"]), 0.0);
        let pairs: Vec<f64> = found.pairs.iter().map(|pair| pair.jackknife.unwrap()).collect();
        all_close(&format!("{id} ew"), &pairs, &floats(&case["jackknife"]["ew"]), 0.0);
    }
}

/// The formula of a saturated design, with rates by `factor`.
fn saturated(factor: &str, reference: &str, cells: &str) -> Model {
    let mut spec = model(&format!("verified ~ i({factor}, ref = {reference}){cells}"));
    spec.rates = Some(if factor == "expertise" { "expertise" } else { "expert" });
    spec
}

/// Sessions with a factor of two levels, and those without a label left out.
fn two_levels(first: usize) -> Table {
    let mut table = sessions(first);
    let labels: Vec<Option<&str>> = match &table.get("expertise").unwrap().data {
        metier::table::ColumnData::Number(values) => values
            .iter()
            .map(|&level| if level.is_nan() { None } else { Some(if level >= 4.0 { "yes" } else { "no" }) })
            .collect(),
        metier::table::ColumnData::Factor(_) => panic!("numeric"),
    };
    table.insert(Column::factor("expert", Factor::from_labels(&labels)));
    table
}

#[test]
fn in_one_cell_every_rate_is_the_plain_mean() {
    let table = sessions(3000);
    let found = estimate(&table, &saturated("expertise", "1", ""), CellOptions::default());
    assert_eq!((found.overlap.cells, found.overlap.rows_used), (1, found.overlap.rows));
    for (k, fitted) in found.fit.rates.as_ref().unwrap().levels.iter().enumerate() {
        for row in [&found.common.rates.levels[k], &found.direct.rates.levels[k]] {
            close("rate", row.estimate, row.raw_rate, 1e-13, 0.0);
            close("least squares", row.estimate, fitted.estimate, 1e-12, 0.0);
            assert_eq!(row.effective_n.round() as usize, row.n_obs);
        }
    }
    for kind in [PartKind::Contamination, PartKind::Between, PartKind::MinusCommon, PartKind::MinusPair] {
        assert_eq!(part(&found, kind, false), [0.0; 4], "{kind:?}");
    }
    assert_eq!(found.test, None);
}

#[test]
fn with_two_levels_common_weights_are_least_squares() {
    let table = two_levels(8000);
    for weights in [None, Some("weight")] {
        let mut spec = saturated("expert", "\"no\"", " | work_mode^band^month");
        spec.weights = weights;
        let found = estimate(&table, &spec, CellOptions { corrected: false, ..CellOptions::default() });
        let contrast = &found.fit.rates.as_ref().unwrap().contrasts[0];
        close("common weights", found.common.rates.contrasts[0].estimate, contrast.estimate, 1e-11, 0.0);
        close("one at a time", found.pairs[0].contrast.estimate, contrast.estimate, 1e-11, 0.0);
        close("own", part(&found, PartKind::Own, false)[0], contrast.estimate, 1e-11, 0.0);
        // the same influence; the regression's factor counts parameters
        let g_only = found.fit.small_sample.factor / found.g_factor;
        for error in [found.common.rates.contrasts[0].std_error, found.pairs[0].contrast.std_error] {
            // clusters with singletons only are not counted by the regression, nor are those without overlap here
            close("error", error, contrast.std_error / g_only.sqrt(), 1e-4, 0.0);
        }
        for kind in [PartKind::Contamination, PartKind::MinusCommon, PartKind::MinusPair] {
            assert_eq!(part(&found, kind, false), [0.0], "{kind:?}");
        }
        assert_eq!(found.test, None, "a difference of nothing is not tested");
    }
}

fn cells_spec() -> Model {
    saturated("expertise", "1", " | work_mode^band")
}

#[track_caller]
fn same(what: &str, a: &Estimators, b: &Estimators, error: bool, tolerance: f64) {
    for ((name, a), (_, b)) in numbers(a, error).iter().zip(&numbers(b, error)) {
        for (x, y) in a.iter().zip(b) {
            close(&format!("{what} {name}"), *x, *y, tolerance, 1e-3);
        }
    }
}

#[test]
fn order_threads_and_reference_do_not_matter() {
    let table = sessions(6000);
    let one = estimate(&table, &cells_spec(), CellOptions::default());
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| format!("{:?}", estimate(&table, &cells_spec(), CellOptions::default())))
    };
    assert!(with(1) == with(2) && with(1) == with(7));

    let n = table.n_rows();
    let order: Vec<usize> = (0..n).map(|i| (i * 7919 + 13) % n).collect();
    let shuffled = estimate(&crate::invariance::permuted(&table, &order), &cells_spec(), CellOptions::default());
    same("order", &one, &shuffled, false, 1e-11);
    same("order", &one, &shuffled, true, 1e-10);

    let other = estimate(&table, &saturated("expertise", "4", " | work_mode^band"), CellOptions::default());
    for (a, b) in [(&one.common.rates, &other.common.rates), (&one.direct.rates, &other.direct.rates)] {
        for (x, y) in a.levels.iter().zip(&b.levels) {
            close("reference", x.estimate, y.estimate, 1e-13, 0.0);
            close("reference", x.std_error, y.std_error, 1e-13, 0.0);
        }
    }
    close("reference", one.test.unwrap().statistic, other.test.unwrap().statistic, 1e-8, 0.0);
}

#[test]
fn doubled_rows_with_half_weights_are_the_same_table() {
    let mut table = sessions(5000);
    let n = table.n_rows();
    table.insert(Column::number("half", vec![0.5; n]));
    let twice: Vec<usize> = (0..2 * n).map(|i| i / 2).collect();
    let doubled = crate::invariance::permuted(&table, &twice);
    let mut halved = cells_spec();
    halved.weights = Some("half");
    let plain = CellOptions { corrected: false, ..CellOptions::default() };
    let (a, b) = (estimate(&table, &cells_spec(), plain), estimate(&doubled, &halved, plain));
    same("doubled", &a, &b, false, 1e-11);
    same("doubled", &a, &b, true, 1e-11);
    for (x, y) in a.common.jackknife.as_ref().unwrap().iter().zip(b.common.jackknife.as_ref().unwrap()) {
        close("jackknife", *x, *y, 1e-9, 1e-6);
    }
}

#[test]
fn what_has_no_cells_is_refused() {
    let table = sessions(2000);
    let refused = |spec: &Model| estimate_all(&table, spec, CellOptions::default()).remove(0).unwrap_err();
    let mut spec = cells_spec();
    spec.rates = None;
    assert_eq!(refused(&spec), CellsError::NoFactor);
    let mut spec = cells_spec();
    spec.options.family = metier::result::Family::Logit;
    assert_eq!(refused(&spec), CellsError::Family);
    let mut spec = cells_spec();
    spec.options.vcov = VcovKind::Iid;
    assert_eq!(refused(&spec), CellsError::Iid);
    for formula in ["verified ~ expertise | work_mode", "verified ~ i(expertise) + i(expertise, prompts) | work_mode"] {
        let mut spec = model(formula);
        spec.rates = Some("expertise");
        assert_eq!(refused(&spec), CellsError::NotLevels { factor: String::from("expertise") }, "{formula}");
    }
    let mut spec = model("verified ~ i(expertise) | work_mode[prompts]");
    spec.rates = Some("expertise");
    assert!(matches!(refused(&spec), CellsError::Slopes { .. }));
    let mut spec = model("verified ~ i(expertise) + log(task_value) | work_mode");
    spec.rates = Some("expertise");
    let error = refused(&spec);
    assert!(matches!(error, CellsError::NoOverlap { rows_in_pairs, .. } if rows_in_pairs < 2000), "{error}");
    assert!(error.hint().unwrap().contains("cut()"));
}

/// A stream of uniform numbers: xorshift, enough for a simulation.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick(&mut self, shares: &[f64]) -> usize {
        let mut left = self.next() * shares.iter().sum::<f64>();
        shares.iter().position(|share| (left -= share, left < 0.0).1).unwrap_or(shares.len() - 1)
    }
}

/// Sessions of users with a level, a habit (their mean) and a favourite cell; effects of levels differ by cell.
fn drawn(seed: u64, users: usize, n_cells: usize) -> Table {
    let mut random = Uniform(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..20 {
        random.next();
    }
    let (mut user, mut level, mut cell, mut y) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for u in 0..users {
        let own = random.pick(&[0.06, 0.22, 0.24, 0.34, 0.14]);
        let habit = random.next() - 0.5;
        // most have one or two sessions, a few have dozens
        let sessions = 1 + (0.7 / (random.next() + 0.012)) as usize;
        let favourite = (random.next() * n_cells as f64) as usize;
        for _ in 0..sessions {
            let c = if random.next() < 0.4 { favourite } else { (random.next() * n_cells as f64) as usize };
            let slope = 0.04 + 0.05 * (c % 5) as f64 / 4.0;
            let mean = 0.2 + 0.3 * (c % 7) as f64 / 6.0 + slope * own as f64 + 0.3 * habit;
            user.push(format!("u{u:06}"));
            level.push(format!("l{own}"));
            cell.push(format!("c{c:04}"));
            y.push(f64::from(u8::from(random.next() < mean)));
        }
    }
    let mut table = Table::new(y.len());
    for (name, labels) in [("user_id", user), ("expertise", level), ("cell", cell)] {
        let labels: Vec<Option<String>> = labels.into_iter().map(Some).collect();
        table.insert(Column::factor(name, Factor::from_labels(&labels)));
    }
    table.insert(Column::number("verified", y));
    table
}

/// The study behind the table in `docs/estimators.md`: mean standard error over the spread of the estimates.
/// `cargo test --release --no-default-features --test core errors_in_simulations -- --ignored --nocapture`
#[test]
#[ignore = "minutes; the table in docs/estimators.md"]
fn errors_in_simulations() {
    const DRAWS: u64 = 400;
    let mut spec = model("verified ~ i(expertise, ref = \"l0\") | cell");
    spec.rates = Some("expertise");
    let names = ["cw", "ds", "ew"];
    let mut sums = vec![[0.0; 5]; 15]; // value, square, plain, corrected, jackknife
    let mut used = 0.0;
    for seed in 1..=DRAWS {
        let table = drawn(seed, 1500, 60);
        let found = estimate(&table, &spec, CellOptions::default());
        let plain =
            estimate(&table, &spec, CellOptions { corrected: false, jackknife: false, ..CellOptions::default() });
        used += found.overlap.rows_used as f64 / found.overlap.rows as f64 / DRAWS as f64;
        let numbers = |found: &Estimators, error: bool| -> Vec<f64> {
            let all = numbers(found, error);
            names.iter().flat_map(|name| all.iter().find(|(known, _)| known == name).unwrap().1.clone()).collect()
        };
        let jackknife = |found: &Estimators| -> Vec<f64> {
            let root = |vcov: &[f64]| (0..5).map(|k| vcov[k * 6].sqrt()).collect::<Vec<f64>>();
            let rates = [&found.common, &found.direct].map(|rates| root(rates.jackknife.as_ref().unwrap()));
            let pairs = found.pairs.iter().map(|pair| pair.jackknife.unwrap());
            rates.concat().into_iter().chain(pairs).collect()
        };
        let parts = [numbers(&plain, true), numbers(&found, true), jackknife(&found)];
        for (at, value) in numbers(&found, false).into_iter().enumerate() {
            sums[at][0] += value;
            sums[at][1] += value * value;
            parts.iter().enumerate().for_each(|(which, errors)| sums[at][2 + which] += errors[at]);
        }
    }
    println!("rows compared {used:.3}; plain, corrected, jackknife over the standard deviation of {DRAWS} draws");
    for (at, [sum, squares, errors @ ..]) in sums.iter().enumerate().take(14) {
        let draws = DRAWS as f64;
        let spread = ((squares - sum * sum / draws) / (draws - 1.0)).sqrt();
        let ratios = errors.map(|error| error / draws / spread);
        let name = names[(at / 5).min(2)];
        println!("{name} {}: {:.3} {:.3} {:.3}", at - 5 * (at / 5).min(2), ratios[0], ratios[1], ratios[2]);
        // at a level with few rows per cell the first two are too small, the jackknife is not
        assert!((0.95..1.3).contains(&ratios[2]) && ratios[1] > ratios[0], "{name}");
    }
}
