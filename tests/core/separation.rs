//! Separated rows: constructed tables where the certificate is known, and the fit of what is left.
//!
//! The coefficients after dropping equal those of the same regression on the other rows alone, to 1e-9.

use crate::support::{Model, close, model, run, run_all};
use metier::estimate::FitError;
use metier::result::{Family, ModelFit, SeparatedSide};
use metier::table::{Column, Factor, Table};

/// A small linear congruential generator (constants of Knuth's MMIX): the draws are part of the test.
pub struct Draws(pub u64);

impl Draws {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

pub fn table(numbers: &[(&str, Vec<f64>)], factors: &[(&str, Vec<usize>)]) -> Table {
    let mut table = Table::new(numbers[0].1.len());
    for (name, values) in numbers {
        table.insert(Column::number(*name, values.clone()));
    }
    for (name, codes) in factors {
        let labels: Vec<Option<String>> = codes.iter().map(|code| Some(format!("l{code}"))).collect();
        table.insert(Column::factor(*name, Factor::from_labels(&labels)));
    }
    table
}

fn spec(formula: &str, family: Family) -> Model {
    let mut spec = model(formula);
    spec.options.family = family;
    spec
}

/// Columns of a table of 400 rows without anything separated.
struct Base {
    y: Vec<f64>,
    binary: Vec<f64>,
    x: Vec<f64>,
    z: Vec<f64>,
    w: Vec<f64>,
    f: Vec<usize>,
    user: Vec<usize>,
}

fn base(n: usize) -> Base {
    let mut draws = Draws(7);
    let mut out = Base {
        y: vec![],
        binary: vec![],
        x: vec![],
        z: vec![],
        w: vec![],
        f: vec![],
        user: (0..n).map(|i| i / 5).collect(),
    };
    for _ in 0..n {
        let (z, w, f) = (draws.below(4) as f64, draws.uniform(), draws.below(6));
        let mean = (0.2 * z + 0.5 * w + 0.1 * f as f64).exp();
        out.y.push((mean * 2.0 * draws.uniform()).round());
        out.binary.push(f64::from(draws.uniform() < mean / (2.0 + mean)));
        out.x.push(2.0 * z);
        out.z.push(z);
        out.w.push(w);
        out.f.push(f);
    }
    out
}

impl Base {
    fn table(&self, extra: &[(&str, Vec<f64>)]) -> Table {
        let mut numbers = vec![
            ("y", self.y.clone()),
            ("b", self.binary.clone()),
            ("x", self.x.clone()),
            ("z", self.z.clone()),
            ("w", self.w.clone()),
        ];
        numbers.extend(extra.iter().cloned());
        table(&numbers, &[("f", self.f.clone()), ("user_id", self.user.clone())])
    }

    fn without(&self, gone: impl Fn(usize) -> bool) -> Base {
        let keep = |v: &[f64]| v.iter().enumerate().filter(|(i, _)| !gone(*i)).map(|(_, v)| *v).collect();
        let codes = |v: &[usize]| v.iter().enumerate().filter(|(i, _)| !gone(*i)).map(|(_, v)| *v).collect();
        Base {
            y: keep(&self.y),
            binary: keep(&self.binary),
            x: keep(&self.x),
            z: keep(&self.z),
            w: keep(&self.w),
            f: codes(&self.f),
            user: codes(&self.user),
        }
    }
}

#[track_caller]
fn same(full: &ModelFit, reduced: &ModelFit) {
    assert_eq!(
        full.coefficients.len(),
        reduced.coefficients.len(),
        "{:?} {:?}",
        full.dropped_terms,
        reduced.dropped_terms
    );
    for (a, b) in full.coefficients.iter().zip(&reduced.coefficients) {
        assert_eq!(a.term, b.term);
        close(&a.term, a.estimate, b.estimate, 1e-9, 1e-3);
        close(&a.term, a.std_error, b.std_error, 1e-9, 1e-3);
    }
    close("deviance", full.fit.deviance, reduced.fit.deviance, 1e-10, 0.0);
    let gone: usize = full.separations.iter().map(|found| found.rows).sum();
    assert_eq!(full.flow.rows_used + gone, full.flow.rows_read);
    assert_eq!(full.flow.rows_used, reduced.flow.rows_used);
    for found in &full.separations {
        let reason = format!("separated by `{}`", found.combination());
        assert!(
            full.flow.dropped.iter().any(|step| step.reason == reason && step.rows == found.rows),
            "{:?}",
            full.flow
        );
        assert!(full.warnings.iter().any(|text| text.contains(&found.combination())), "{:?}", full.warnings);
    }
}

/// In the manner of Correia, Guimaraes and Zylkin: two regressors are proportional wherever the outcome is positive.
#[test]
fn a_combination_of_regressors_separates_a_poisson() {
    for n in [400, 20_000] {
        let mut base = base(n);
        for i in (0..12).map(|i| i * 7) {
            base.y[i] = 0.0;
            base.x[i] = 2.0 * base.z[i] + 1.0 + (i % 3) as f64;
        }
        for effects in ["", " | f"] {
            let spec = spec(&format!("y ~ x + w + z{effects}"), Family::Poisson);
            let full = run(&base.table(&[]), &spec).fit;
            let reduced = run(&base.without(|i| i % 7 == 0 && i < 84).table(&[]), &spec).fit;
            same(&full, &reduced);
            let found = &full.separations[0];
            assert_eq!((found.rows, found.side), (12, SeparatedSide::Zero), "{found:?}");
            assert_eq!(found.combination(), "x - 2 z");
            assert!(!found.involves_effects);
            assert_eq!(full.warnings[0], "`x - 2 z` predicts `y` = 0 perfectly in 12 rows: left out");
            assert_eq!(full.dropped_terms[0].term, "z");
            assert!(full.dropped_terms[0].reason.starts_with("separated: "), "{:?}", full.dropped_terms);
        }
    }
}

#[test]
fn effects_and_a_regressor_separate_together() {
    for (family, y) in [(Family::Poisson, "y"), (Family::Logit, "b"), (Family::Probit, "b")] {
        let mut base = base(400);
        // d is one in some rows of one level, and its other rows are all zero
        let d: Vec<f64> = (0..400).map(|i| f64::from(base.f[i] == 3 && i % 2 == 0)).collect();
        let gone = |f: &[usize], i: usize| f[i] == 3 && i % 2 == 1;
        for i in (0..400).filter(|&i| gone(&base.f, i)) {
            (base.y[i], base.binary[i]) = (0.0, 0.0);
        }
        let full = run(&base.table(&[("d", d)]), &spec(&format!("{y} ~ w + d | f"), family)).fit;
        let reduced = run(&base.without(|i| gone(&base.f, i)).table(&[]), &spec(&format!("{y} ~ w | f"), family)).fit;
        same(&full, &reduced);
        assert_eq!(full.separations[0].combination(), "d + fixed effects");
        assert_eq!(full.separations[0].side, SeparatedSide::Zero);
        assert_eq!(full.dropped_terms[0].term, "d");
    }
}

#[test]
fn a_number_separates_both_sides_of_a_binary_outcome() {
    for family in [Family::Logit, Family::Probit] {
        let mut base = base(400);
        let v: Vec<f64> = (0..400).map(|i| if i % 40 == 3 { f64::from(i as u32) - 200.0 } else { 0.0 }).collect();
        for i in (0..400).filter(|&i| v[i] != 0.0) {
            base.binary[i] = f64::from(v[i] > 0.0);
        }
        let gone: Vec<bool> = v.iter().map(|&v| v != 0.0).collect();
        let full = run(&base.table(&[("v", v)]), &spec("b ~ v + w | f", family)).fit;
        let reduced = run(&base.without(|i| gone[i]).table(&[]), &spec("b ~ w | f", family)).fit;
        same(&full, &reduced);
        assert_eq!(full.separations[0].side, SeparatedSide::Both);
        assert_eq!(full.warnings[0], "`v` predicts `b` perfectly in 10 rows: left out");
        assert_eq!(full.dropped_terms[0].reason, "separated: predicts the outcome perfectly");
    }
}

#[test]
fn a_level_of_a_factor_separates_and_its_rates_are_refused() {
    let mut base = base(400);
    let g: Vec<usize> = (0..400).map(|i| (i / 3) % 4).collect();
    (0..400).filter(|&i| g[i] == 2).for_each(|i| base.binary[i] = 1.0);
    let mut table_with = base.table(&[]);
    let labels: Vec<Option<String>> = g.iter().map(|g| Some(format!("g{g}"))).collect();
    table_with.insert(Column::factor("g", Factor::from_labels(&labels)));
    let mut logit = spec("b ~ i(g) + w + i(f)", Family::Logit);
    let full = run(&table_with, &logit).fit;
    let reduced_base = base.without(|i| g[i] == 2);
    let mut reduced_table = reduced_base.table(&[]);
    let labels: Vec<Option<String>> = g.iter().filter(|g| **g != 2).map(|g| Some(format!("g{g}"))).collect();
    reduced_table.insert(Column::factor("g", Factor::from_labels(&labels)));
    same(&full, &run(&reduced_table, &logit).fit);
    assert_eq!(full.separations[0].combination(), "g::g2");
    assert_eq!(full.separations[0].side, SeparatedSide::One);
    assert_eq!(full.dropped_terms[0].reason, "separated: predicts the outcome perfectly");

    // other rates count the rows that were left out, as what they are
    logit.rates = Some("f");
    let rates = run(&table_with, &logit).fit.rates.unwrap();
    assert_eq!(rates.target_rows, 400);
    let of_rest = run(&reduced_table, &logit).fit.rates.unwrap();
    let gone = full.separations[0].rows as f64;
    for (row, rest) in rates.levels.iter().zip(&of_rest.levels) {
        close(&row.level, row.estimate, ((400.0 - gone) * rest.estimate + gone) / 400.0, 1e-10, 0.0);
    }
    logit.rates = Some("g");
    let error = run_all(&table_with, &logit).remove(0).unwrap_err();
    assert!(matches!(&error, FitError::Separated { factor: Some(factor), .. } if factor == "g"), "{error}");

    // the reference level as well: the constant stands for it
    (0..400).for_each(|i| base.binary[i] = if g[i] == 2 { f64::from(i % 5 < 2) } else { base.binary[i] });
    (0..400).filter(|&i| g[i] == 0).for_each(|i| base.binary[i] = 0.0);
    let mut table_with = base.table(&[]);
    let labels: Vec<Option<String>> = g.iter().map(|g| Some(format!("g{g}"))).collect();
    table_with.insert(Column::factor("g", Factor::from_labels(&labels)));
    logit.rates = None;
    let full = run(&table_with, &logit).fit;
    assert_eq!(full.separations[0].combination(), "1 - g::g1 - g::g2 - g::g3");
    assert_eq!(full.flow.rows_used, 400 - full.separations[0].rows);
    assert_eq!(full.dropped_terms[0].term, "g::g3");
    assert_eq!(full.dropped_terms[0].reason, "separated: predicts the outcome perfectly with other terms");

    // a Poisson separates at zero only
    let ones = spec("b ~ i(g) + w", Family::Poisson);
    let fit = run(&table_with, &ones).fit;
    assert_eq!(fit.separations.len(), 1);
}

#[test]
fn a_separation_can_reveal_another() {
    let mut base = base(400);
    // f = 5 and f = 4 differ from the rest by two numbers; where the first is on, the outcome is 0, and without those
    // rows the second is on only where it is 0 too
    let (mut first, mut second) = (vec![0.0; 400], vec![0.0; 400]);
    for i in 0..400 {
        match i % 20 {
            0 => (first[i], second[i], base.y[i]) = (1.0, -1.0, 0.0),
            10 => (second[i], base.y[i]) = (2.5, 0.0),
            _ => {}
        }
    }
    let gone = |i: usize| i.is_multiple_of(10);
    let full = run(&base.table(&[("p", first), ("q", second)]), &spec("y ~ p + q + w | f", Family::Poisson)).fit;
    same(&full, &run(&base.without(gone).table(&[]), &spec("y ~ w | f", Family::Poisson)).fit);
}

#[test]
fn nothing_is_dropped_without_a_certificate() {
    let mut base = base(400);
    // as above, but one row in which the outcome is positive spoils the combination
    for i in (0..12).map(|i| i * 7) {
        base.y[i] = f64::from(i == 70);
        base.x[i] = 2.0 * base.z[i] + 1.0;
    }
    let fit = run(&base.table(&[]), &spec("y ~ x + w + z | f", Family::Poisson)).fit;
    assert!(fit.separations.is_empty() && fit.dropped_terms.is_empty(), "{:?}", fit.warnings);
    // strong, but not perfect
    let v: Vec<f64> = (0..400).map(|i| 30.0 * (base.binary[i] - 0.5) * f64::from(i != 5 && i != 17)).collect();
    let error = run_all(&base.table(&[("v", v.clone())]), &spec("b ~ v", Family::Logit)).remove(0);
    let fit = error.unwrap().fit;
    assert!(fit.flow.rows_used == 2 || fit.separations.is_empty(), "{:?}", fit.separations);
}

#[test]
fn what_is_separated_entirely_is_refused() {
    let base = base(400);
    for family in [Family::Logit, Family::Probit] {
        let v: Vec<f64> = (0..400).map(|i| base.w[i] + 2.0 * base.binary[i]).collect();
        let error = run_all(&base.table(&[("v", v)]), &spec("b ~ v", family)).remove(0).unwrap_err();
        assert!(matches!(&error, FitError::Separated { factor: None, .. }), "{error}");
        assert!(error.to_string().starts_with("the likelihood of `b` has no maximum: `v"), "{error}");
    }
}

/// Small designs are separated often: each is fitted with finite numbers, or refused with a reason.
#[test]
fn small_designs_never_diverge() {
    let mut draws = Draws(11);
    let (mut fitted, mut dropped) = (0, 0);
    for _ in 0..400 {
        let n = 12 + draws.below(20);
        let mut number = |m: usize| (0..n).map(|_| draws.below(m) as f64).collect::<Vec<f64>>();
        let numbers = [("y", number(3)), ("b", number(2)), ("u", number(4)), ("v", number(2)), ("t", number(2))];
        let f: Vec<usize> = number(3).iter().map(|&v| v as usize).collect();
        let g: Vec<usize> = number(4).iter().map(|&v| v as usize).collect();
        let data = table(&numbers, &[("f", f.clone()), ("g", g.clone()), ("user_id", (0..n).map(|i| i / 2).collect())]);
        for (y, family) in [("y", Family::Poisson), ("b", Family::Poisson), ("b", Family::Logit), ("b", Family::Probit)]
        {
            for right in ["u + v + t", "u + i(g) + v | f", "u + v + t | f + g"] {
                match run_all(&data, &spec(&format!("{y} ~ {right}"), family)).remove(0) {
                    Ok(found) => {
                        let wild =
                            found.fit.coefficients.iter().any(|row| row.estimate.is_nan() || row.estimate.abs() > 40.0);
                        assert!(!wild, "{family:?} {y} ~ {right}: {:?}", found.fit.coefficients);
                        fitted += 1;
                        dropped += usize::from(!found.fit.separations.is_empty());
                    }
                    Err(error @ (FitError::NotConverged { .. } | FitError::Absorption(_))) => {
                        panic!("{family:?} {y} ~ {right}: {error}\n{numbers:?} {f:?} {g:?}")
                    }
                    Err(_) => {}
                }
            }
        }
    }
    assert!(fitted > 2000 && dropped > 200, "{fitted} {dropped}");
}
