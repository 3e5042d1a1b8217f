//! What must not matter: threads, order of rows, reference level, scale, weights that count rows twice, how effects
//! are absorbed.

use crate::support::{close, model, run, sessions};
use metier::absorb::Method;
use metier::result::{Composition, Family, ModelFit, Rates};
use metier::table::{Column, ColumnData, Factor, Table};

/// The table with its rows in another order.
pub fn permuted(table: &Table, order: &[usize]) -> Table {
    let mut out = Table::new(order.len());
    for column in table.columns() {
        out.insert(match &column.data {
            ColumnData::Number(values) => Column::number(&column.name, order.iter().map(|&i| values[i]).collect()),
            ColumnData::Factor(factor) => {
                let codes = order.iter().map(|&i| factor.codes[i]).collect();
                Column::factor(&column.name, Factor::new(codes, factor.levels.clone()))
            }
        });
    }
    out
}

fn rates(fit: &ModelFit) -> &Rates {
    fit.rates.as_ref().expect("rates")
}

#[track_caller]
fn same(what: &str, a: &ModelFit, b: &ModelFit, tolerance: f64) {
    for (x, y) in a.coefficients.iter().zip(&b.coefficients) {
        assert_eq!(x.term, y.term, "{what}");
        close(&format!("{what} {}", x.term), x.estimate, y.estimate, tolerance, 0.0);
        close(&format!("{what} se {}", x.term), x.std_error, y.std_error, tolerance, 0.0);
    }
    for (x, y) in rates(a).levels.iter().zip(&rates(b).levels) {
        close(&format!("{what} rate {}", x.level), x.estimate, y.estimate, tolerance, 0.0);
        close(&format!("{what} rate se {}", x.level), x.std_error, y.std_error, tolerance, 0.0);
    }
}

const DESIGNS: [&str; 4] = [
    "verified ~ i(expertise, ref = 1) | work_mode + band + month + task_occupation + software",
    "verified ~ i(expertise, ref = 1) | work_mode^band^month^task_occupation^software",
    "verified ~ i(expertise, ref = 1) + log(prompts) | user_id + month",
    "verified ~ i(expertise, ref = 1) + prompts",
];

const FAMILIES: [Family; 4] = [Family::Ols, Family::Logit, Family::Poisson, Family::Probit];

fn each_design(mut check: impl FnMut(&str, crate::support::Model)) {
    for formula in DESIGNS {
        for family in FAMILIES {
            // a likelihood with a dummy per user is a case of its own
            if family != Family::Ols && formula.contains("user_id") {
                continue;
            }
            let mut spec = model(formula);
            spec.rates = Some("expertise");
            spec.options.family = family;
            check(&format!("{family:?} {formula}"), spec);
        }
    }
}

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    let table = sessions(usize::MAX);
    each_design(|what, spec| {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            // through the debug form, where every bit of a number shows
            pool.install(|| format!("{:?}", run(&table, &spec).fit))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(8), "{what}");
    });
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let table = sessions(usize::MAX);
    let n = table.n_rows();
    // a fixed permutation: multiplication by a number coprime to n
    let order: Vec<usize> = (0..n).map(|i| (i * 7919 + 13) % n).collect();
    let shuffled = permuted(&table, &order);
    each_design(|what, spec| same(what, &run(&table, &spec).fit, &run(&shuffled, &spec).fit, 1e-12));
}

#[test]
fn rates_do_not_depend_on_the_reference_level() {
    let table = sessions(8000);
    each_design(|what, spec| {
        let mut other = spec.clone();
        other.formula = other.formula.replace("ref = 1", "ref = 4");
        let (a, b) = (run(&table, &spec).fit, run(&table, &other).fit);
        for (x, y) in rates(&a).levels.iter().zip(&rates(&b).levels) {
            close(&format!("{what} rate"), x.estimate, y.estimate, 1e-11, 0.0);
            close(&format!("{what} rate se"), x.std_error, y.std_error, 1e-10, 0.0);
        }
    });
}

#[test]
fn two_copies_at_half_weight_are_the_table() {
    // 6,000 rows: weights of 1/2 on every row twice give the same estimates and the same sandwich, but n doubles and
    // singletons become pairs, so singletons are kept and the factor of the errors is taken out
    let table = sessions(6000);
    let n = table.n_rows();
    let order: Vec<usize> = (0..n).chain(0..n).collect();
    let mut doubled = permuted(&table, &order);
    doubled.insert(Column::number("half", vec![0.5; 2 * n]));
    for formula in [DESIGNS[0], DESIGNS[3]] {
        for family in FAMILIES {
            let mut spec = model(formula);
            spec.rates = Some("expertise");
            spec.options.family = family;
            spec.options.drop_singletons = false;
            let mut weighted = spec.clone();
            weighted.weights = Some("half");
            let (a, b) = (run(&table, &spec).fit, run(&doubled, &weighted).fit);
            for (x, y) in a.coefficients.iter().zip(&b.coefficients) {
                close(&format!("{formula} {}", x.term), x.estimate, y.estimate, 1e-10, 0.0);
                let bare = |se: f64, fit: &ModelFit| se / fit.small_sample.factor.sqrt();
                close(&format!("{formula} se {}", x.term), bare(x.std_error, &a), bare(y.std_error, &b), 1e-10, 0.0);
            }
        }
    }
}

#[test]
fn scaling_the_outcome_and_a_regressor_scales_the_answer() {
    let mut table = sessions(8000);
    let scaled = |name: &str, factor: f64| match &table.get(name).unwrap().data {
        ColumnData::Number(values) => Column::number(format!("{name}_s"), values.iter().map(|v| v * factor).collect()),
        ColumnData::Factor(_) => panic!("numeric"),
    };
    let (y, x) = (scaled("verified", 1e-6), scaled("prompts", 1e6));
    table.insert(y);
    table.insert(x);
    for effects in ["", " | work_mode + month", " | user_id + month"] {
        let plain = run(&table, &model(&format!("verified ~ expertise + prompts{effects}"))).fit;
        let scaled = run(&table, &model(&format!("verified_s ~ expertise + prompts_s{effects}"))).fit;
        let last = plain.coefficients.len() - 1;
        for (what, i, factor) in [("expertise", last - 1, 1e-6), ("prompts", last, 1e-12)] {
            let (a, b) = (&plain.coefficients[i], &scaled.coefficients[i]);
            close(what, b.estimate, a.estimate * factor, 1e-11, 0.0);
            close(&format!("{what} se"), b.std_error, a.std_error * factor, 1e-11, 0.0);
        }
    }
}

#[test]
fn weights_scale_free_and_complement_of_the_outcome() {
    let mut table = sessions(8000);
    let ColumnData::Number(weights) = &table.get("weight").unwrap().data else { panic!("numeric") };
    let thousand = Column::number("weight_k", weights.iter().map(|w| w * 1000.0).collect());
    table.insert(thousand);
    let mut spec = model(DESIGNS[0]);
    spec.rates = Some("expertise");
    spec.weights = Some("weight");
    let mut heavy = spec.clone();
    heavy.weights = Some("weight_k");
    same("weights x 1000", &run(&table, &spec).fit, &run(&table, &heavy).fit, 1e-11);

    for family in [Family::Ols, Family::Logit, Family::Probit] {
        let mut spec = model(DESIGNS[0]);
        spec.rates = Some("expertise");
        spec.options.family = family;
        let mut complement = spec.clone();
        complement.formula = complement.formula.replacen("verified", "(1 - verified)", 1);
        let (a, b) = (run(&table, &spec).fit, run(&table, &complement).fit);
        for (x, y) in rates(&a).levels.iter().zip(&rates(&b).levels) {
            close("1 - rate", x.estimate, 1.0 - y.estimate, 1e-11, 0.0);
            close("se of 1 - rate", x.std_error, y.std_error, 1e-9, 0.0);
        }
    }
}

#[test]
fn iterative_absorption_equals_the_exact_solution() {
    let table = sessions(usize::MAX);
    for formula in [DESIGNS[0], DESIGNS[2]] {
        for (family, composition) in [
            (Family::Ols, Composition::Sampled),
            (Family::Logit, Composition::Fixed),
            (Family::Poisson, Composition::Sampled),
            (Family::Probit, Composition::Sampled),
        ] {
            if family != Family::Ols && formula.contains("user_id") {
                continue;
            }
            let mut spec = model(formula);
            spec.rates = Some("expertise");
            spec.options.family = family;
            spec.options.composition = composition;
            let exact = run(&table, &spec).fit;
            spec.options.method = Method::Cg;
            same(formula, &run(&table, &spec).fit, &exact, 1e-9);
        }
    }
}
