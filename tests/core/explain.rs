//! Decompositions, leave-out and sensitivity against brute force with dummies.

use crate::support::{close, floats, json, model, prepared, sample, sessions};
use metier::design::Sample;
use metier::estimate::{Options, fit};
use metier::explain::gelbach::{Group, Roles, gelbach};
use metier::explain::influential::{Goal, influential};
use metier::explain::kitagawa::{TwoGroups, kitagawa};
use metier::explain::number::Combination;
use metier::explain::oaxaca::{ReferenceCoefficients, oaxaca};
use metier::explain::sensitivity::{Questions, sensitivity};
use metier::explain::{ExplainError, term_name};
use metier::model::Prepared;
use metier::result::{Composition, Family, VcovKind};
use metier::table::Table;

/// Groups by name.
type Named<'a> = &'a [(&'a str, &'a [&'a str])];

/// Roles by names: focal terms, base, groups.
fn roles(sample: &Sample, focal: &[&str], base: &[&str], groups: Named) -> Roles {
    let group = |name: &str, parts: &[&str]| Group {
        name: name.to_owned(),
        terms: (0..sample.terms.len()).filter(|&t| parts.contains(&term_name(&sample.terms[t]).as_str())).collect(),
        effects: (0..sample.effects.len()).filter(|&e| parts.contains(&sample.effects[e].name.as_str())).collect(),
    };
    Roles {
        focal: group("", focal).terms,
        base: group("", base),
        groups: groups.iter().map(|(name, parts)| group(name, parts)).collect(),
    }
}

/// Coefficients of the oracle are solved in 80-bit floats; its standard errors in doubles with a numeric Jacobian.
const COEFFICIENTS: f64 = 1e-9;
const ERRORS: f64 = 1e-8;

#[test]
fn movements_are_those_of_stacked_regressions() {
    let reference = json("gelbach.json");
    let cases: [(&str, usize, &str, &[&str], Named); 3] = [
        (
            "effects",
            4000,
            "verified ~ i(expertise, ref = 1) | work_mode + month + task_occupation",
            &[],
            &[("work_mode", &["work_mode"]), ("month", &["month"]), ("task_occupation", &["task_occupation"])],
        ),
        (
            "grouped",
            3000,
            "verified ~ i(expertise, ref = 1) + log(prompts) | work_mode + month + band",
            &["month"],
            &[("log(prompts)", &["log(prompts)"]), ("task", &["work_mode", "band"])],
        ),
        (
            "numbers",
            2500,
            "prompts ~ expertise + software + actions + partial",
            &["software"],
            &[("actions", &["actions"]), ("partial", &["partial"])],
        ),
    ];
    for (id, rows, formula, base, groups) in cases {
        let case = &reference["cases"][id];
        let table = sessions(rows);
        let mut spec = model(formula);
        spec.weights = (id == "grouped").then_some("weight");
        if id == "numbers" {
            spec.cluster = vec![];
            spec.options.vcov = VcovKind::Hc1;
        }
        let sample = sample(&table, &spec);
        let roles = roles(&sample, &["expertise"], base, groups);
        let sampled = gelbach(&sample, 0, &spec.options, &roles, Composition::Sampled).unwrap();
        let fixed = gelbach(&sample, 0, &spec.options, &roles, Composition::Fixed).unwrap();
        assert_eq!(sampled.long.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
        assert_eq!(sampled.long.small_sample.k as u64, case["K"].as_u64().unwrap(), "{id}");
        let (short, long, total) = (floats(&case["short"]), floats(&case["long"]), floats(&case["total_se"]));
        for (j, row) in sampled.movements.iter().enumerate() {
            close(&format!("{id} short"), row.short.estimate, short[j], COEFFICIENTS, 0.0);
            close(&format!("{id} long"), row.long.estimate, long[j], COEFFICIENTS, 0.0);
            close(&format!("{id} total se"), row.total.std_error, total[j], ERRORS, 0.0);
            for (g, part) in row.parts.iter().enumerate() {
                let what = format!("{id} {} {}", row.term, part.term);
                close(&what, part.estimate, floats(&case["parts"][g])[j], COEFFICIENTS, 0.0);
                close(&what, part.std_error, floats(&case["se"][g])[j], ERRORS, 0.0);
                close(&what, fixed.movements[j].parts[g].std_error, floats(&case["fixed"][g])[j], ERRORS, 0.0);
            }
            let sum: f64 = row.parts.iter().map(|part| part.estimate).sum();
            assert!((sum - row.total.estimate).abs() < 1e-13, "{id}: {sum} is not {}", row.total.estimate);
        }
    }
}

#[test]
fn the_order_of_controls_does_not_matter() {
    let table = sessions(3000);
    let one = sample(&table, &model("verified ~ i(expertise) | work_mode + task_occupation + month"));
    let two = sample(&table, &model("verified ~ i(expertise) | month + task_occupation + work_mode"));
    let names: [(&str, &[&str]); 3] =
        [("work_mode", &["work_mode"]), ("month", &["month"]), ("task_occupation", &["task_occupation"])];
    let options = model("").options;
    let of = |sample: &Sample| {
        let found = gelbach(sample, 0, &options, &roles(sample, &["expertise"], &[], &names), Composition::Sampled);
        found.unwrap().movements
    };
    for (a, b) in of(&one).iter().zip(of(&two)) {
        for (a, b) in a.parts.iter().zip(b.parts) {
            close(&a.term, a.estimate, b.estimate, 1e-10, 1e-6);
            close(&a.term, a.std_error, b.std_error, 1e-9, 0.0);
        }
    }
}

#[test]
fn what_is_not_in_the_data_is_refused() {
    let table = sessions(3000);
    let nested = sample(&table, &model("verified ~ i(expertise) | work_mode + work_mode^month"));
    let mut options = model("").options;
    let apart: [(&str, &[&str]); 2] = [("mode", &["work_mode"]), ("cell", &["work_mode^month"])];
    let parts = roles(&nested, &["expertise"], &[], &apart);
    let refused = gelbach(&nested, 0, &options, &parts, Composition::Sampled).unwrap_err();
    assert!(matches!(refused, ExplainError::NotSeparate { .. }), "{refused}");
    let joined = roles(&nested, &["expertise"], &[], &[("both", &["work_mode", "work_mode^month"])]);
    let one = gelbach(&nested, 0, &options, &joined, Composition::Sampled).unwrap();
    assert!((one.movements[0].parts[0].estimate - one.movements[0].total.estimate).abs() < 1e-12);
    options.family = Family::Logit;
    let refused = gelbach(&nested, 0, &options, &joined, Composition::Sampled).unwrap_err();
    assert!(refused.to_string().contains("collapse") && refused.hint().unwrap().contains("rates"), "{refused}");
    let absorbed = sample(&table, &model("verified ~ software | task_occupation^software"));
    let parts = roles(&absorbed, &["software"], &[], &[("occupation", &["task_occupation^software"])]);
    let refused = gelbach(&absorbed, 0, &model("").options, &parts, Composition::Sampled).unwrap_err();
    assert!(matches!(refused, ExplainError::Dropped { regression: "long", .. } | ExplainError::Fit(_)), "{refused}");
}

/// Oracle in doubles: differences of sums of squares lose some digits.
const DIFFERENCES: f64 = 1e-8;

#[test]
fn robustness_and_selection_are_those_of_partialled_variables() {
    let reference = json("explain.json");
    for (id, rows, formula, base, weights) in [
        ("effects", 4000, "verified ~ i(expertise, ref = 1) | work_mode + month + task_occupation", vec![], None),
        (
            "weighted",
            3000,
            "verified ~ i(expertise, ref = 1) + log(prompts) | month + band",
            vec![String::from("month")],
            Some("weight"),
        ),
    ] {
        let table = sessions(rows);
        let mut spec = model(formula);
        spec.weights = weights;
        let sample = sample(&table, &spec);
        let roles = Roles::from_names(&sample, &[], &base, &[]).unwrap();
        let half = Questions { delta: 0.5, ..Questions::default() };
        let found = sensitivity(&sample, 0, &spec.options, &roles, &Questions::default()).unwrap();
        let found_half = sensitivity(&sample, 0, &spec.options, &roles, &half).unwrap();
        for ((one, half), expected) in found.iter().zip(&found_half).zip(reference[id].as_array().unwrap()) {
            let number = |name: &str| expected[name].as_f64().unwrap();
            let what = |name: &str| format!("{id} {} {name}", one.value.term);
            close(&what("estimate"), one.value.estimate, number("estimate"), 1e-9, 0.0);
            close(&what("iid"), one.iid_error, number("iid_se"), 1e-9, 0.0);
            close(&what("df"), one.df, number("df"), 0.0, 0.0);
            close(&what("partial"), one.partial_r2, number("partial_r2"), DIFFERENCES, 0.0);
            close(&what("rv"), one.robustness, number("rv"), DIFFERENCES, 0.0);
            close(&what("rv alpha"), one.robustness_alpha, number("rv_alpha"), DIFFERENCES, 0.0);
            let marks = expected["benchmarks"].as_array().unwrap();
            assert_eq!(one.benchmarks.len(), marks.len());
            for (found, expected) in one.benchmarks.iter().zip(marks) {
                assert_eq!(found.group, expected["group"].as_str().unwrap());
                let pairs = [
                    (found.r2_regressor, "r2_regressor"),
                    (found.r2_outcome, "r2_outcome"),
                    (found.adjusted.estimate, "estimate"),
                    (found.adjusted.std_error, "se"),
                ];
                for (ours, name) in pairs {
                    close(&what(name), ours, expected[name].as_f64().unwrap(), DIFFERENCES, 1e-3);
                }
            }
            let oster = &one.oster;
            close(&what("short"), oster.selection.beta_short, number("beta_short"), 1e-9, 0.0);
            close(&what("short r2"), oster.selection.r2_short, number("r2_short"), DIFFERENCES, 0.0);
            close(&what("r max"), oster.r_max, number("r_max"), 1e-9, 0.0);
            close(&what("delta"), oster.delta, number("delta"), 1e-6, 0.0);
            for (found, name) in [(oster, "roots_1"), (&half.oster, "roots_half")] {
                let mut roots = found.adjusted.clone();
                roots.sort_by(f64::total_cmp);
                let expected = floats(&expected[name]);
                assert_eq!(roots.len(), expected.len(), "{}", what(name));
                for (ours, expected) in roots.iter().zip(expected) {
                    close(&what(name), *ours, expected, 1e-6, 0.0);
                }
            }
        }
    }
}

#[test]
fn the_users_that_carry_a_number_are_found_by_refits() {
    let reference = json("explain.json");
    let table = sessions(1500);
    for (id, formula, number) in [
        ("influential", "verified ~ expertise | work_mode", "expertise"),
        ("insignificant", "verified ~ prompts | work_mode", "prompts"),
    ] {
        let spec = model(formula);
        let sample = sample(&table, &spec);
        let options = Options { keep_influence: true, ..spec.options };
        let fitted = fit(&sample, &options).remove(0).unwrap();
        let number = Combination::coefficient(number);
        let found = influential(&sample, &options, &fitted, &number, 0.5, 5).unwrap();
        let expected = &reference[id];
        assert_eq!(found.users as u64, expected["users"].as_u64().unwrap());
        close(id, found.number.std_error, expected["se"].as_f64().unwrap(), 1e-9, 0.0);
        for one in &found.fragility {
            let Some(expected) = expected["goals"].get(one.goal.name()) else {
                assert_eq!(one.goal, Goal::Opposite);
                continue;
            };
            let predicted = one.predicted.as_ref().unwrap();
            let (verified, refit) = (one.verified.as_ref().unwrap(), predicted.refit.as_ref().unwrap());
            assert_eq!(predicted.users as u64, expected["predicted"].as_u64().unwrap(), "{id} {:?}", one.goal);
            assert_eq!(predicted.confirmed, expected["confirmed"].as_bool().unwrap());
            let values = floats(&expected["refit"]);
            close(id, refit.estimate, values[0], 1e-9, 0.0);
            close(id, refit.std_error, values[1], 1e-9, 0.0);
            assert_eq!(verified.users as u64, expected["first"].as_u64().unwrap(), "{id} {:?}", one.goal);
            let refit = verified.refit.as_ref().unwrap();
            close(id, refit.estimate, floats(&expected["first_refit"])[0], 1e-9, 1e-3);
            assert!(verified.confirmed && one.clusters.len() == verified.users);
        }
        let opposite = &found.fragility[2];
        let reached = opposite.verified.as_ref().and_then(|without| without.refit.as_ref()).unwrap();
        assert!(reached.estimate * found.number.estimate < 0.0 && reached.p_value < 0.05);
    }
}

/// Groups by a column of zeros and ones, or by two levels of a factor.
fn groups(table: &Table, prepared: &Prepared, of: impl Fn(&Table, usize) -> Option<bool>) -> (Sample, TwoGroups) {
    let group: Vec<Option<bool>> =
        (0..prepared.sample.n_rows).map(|at| of(table, prepared.rows.get(at).unwrap())).collect();
    let kept: Vec<u32> = (0..group.len() as u32).filter(|&at| group[at as usize].is_some()).collect();
    let is_b = group.into_iter().flatten().collect();
    (prepared.sample.subset(&kept), TwoGroups { labels: ["a".into(), "b".into()], is_b })
}

fn software(table: &Table, row: usize) -> Option<bool> {
    table.get("software")?.text(row).map(|text| text == "1")
}

fn months(table: &Table, row: usize) -> Option<bool> {
    match table.get("month")?.text(row)?.as_str() {
        "2026-04" => Some(true),
        "2025-10" => Some(false),
        _ => None,
    }
}

/// The oracle's numbers are derivatives by complex steps, in doubles.
const STEPS: f64 = 1e-8;

#[test]
fn means_differ_by_regressors_and_coefficients() {
    let reference = json("twofold.json");
    let table = sessions(700);
    for (id, coefficients) in [
        ("a", ReferenceCoefficients::A),
        ("b", ReferenceCoefficients::B),
        ("pooled", ReferenceCoefficients::Pooled),
        ("dummy", ReferenceCoefficients::PooledWithDummy),
        ("weighted", ReferenceCoefficients::PooledWithDummy),
    ] {
        // the reference level of a factor changes nothing
        for level in [1, 4] {
            let formula = format!("verified ~ log(prompts) + i(expertise, ref = {level}) | work_mode + month");
            let mut spec = model(&formula);
            spec.weights = (id == "weighted").then_some("weight");
            let prepared = prepared(&table, &spec).swap_remove(0);
            let (sample, two) = groups(&table, &prepared, software);
            let found = oaxaca(&sample, 0, &two, coefficients, Family::Ols, 0.95).unwrap();
            let mut ours = vec![&found.explained, &found.unexplained];
            ours.extend(found.variables.iter().flat_map(|variable| [&variable.explained, &variable.unexplained]));
            let (values, errors) = (floats(&reference["oaxaca"][id]["values"]), floats(&reference["oaxaca"][id]["se"]));
            assert_eq!(ours.len(), values.len(), "{id}");
            for (ours, (value, error)) in ours.iter().zip(values.iter().zip(errors)) {
                close(&format!("{id} {}", ours.term), ours.estimate, *value, STEPS, 1e-4);
                close(&format!("{id} {} se", ours.term), ours.std_error, error, STEPS, 1e-4);
            }
            assert!((found.total.estimate - found.explained.estimate - found.unexplained.estimate).abs() < 1e-12);
        }
    }
}

#[test]
fn rates_differ_within_cells_and_by_composition() {
    let reference = json("twofold.json");
    for (id, rows, effect) in
        [("mode", 700, "work_mode"), ("cells", 700, "work_mode^band^month"), ("months", 1500, "work_mode^band")]
    {
        let table = sessions(rows);
        let mut spec = model(&format!("verified ~ i(expertise) | {effect}"));
        spec.weights = (id == "cells").then_some("weight");
        let prepared = prepared(&table, &spec).swap_remove(0);
        let (sample, two) = groups(&table, &prepared, if id == "months" { months } else { software });
        let found = kitagawa(&sample, 0, &two, &sample.effects[0], 0.95).unwrap();
        let case = &reference["kitagawa"][id];
        assert_eq!(found.cells.len() as u64, case["cells"].as_u64().unwrap(), "{id}");
        let (values, errors) = (floats(&case["values"]), floats(&case["se"]));
        let parts = [Some(&found.total), Some(&found.rate), Some(&found.composition)];
        let alone = found.alone.iter().map(Option::as_ref);
        for (part, (value, error)) in parts.into_iter().chain(alone).zip(values.iter().zip(errors)) {
            let Some(part) = part else {
                assert!(value.abs() < 1e-12, "{id}: {value}");
                continue;
            };
            close(&format!("{id} {}", part.term), part.estimate, *value, STEPS, 1e-4);
            close(&format!("{id} {} se", part.term), part.std_error, error, STEPS, 1e-4);
        }
        let sum: f64 = found.alone.iter().flatten().map(|part| part.estimate).sum();
        let parts = found.rate.estimate + found.composition.estimate + sum;
        assert!((parts - found.total.estimate).abs() < 1e-12);
        let cells = |part: fn(&metier::explain::kitagawa::CellPart) -> f64| -> f64 {
            found.cells.iter().map(part).filter(|value| value.is_finite()).sum()
        };
        assert!((cells(|cell| cell.rate) - found.rate.estimate).abs() < 1e-12, "{id}");
        assert!((cells(|cell| cell.composition) - found.composition.estimate).abs() < 1e-12, "{id}");
    }
}

#[test]
fn levels_of_one_group_are_refused_with_their_number() {
    let table = sessions(700);
    let spec = model("verified ~ i(expertise) | work_mode^band^month");
    let prepared = prepared(&table, &spec).swap_remove(0);
    let (sample, two) = groups(&table, &prepared, software);
    let refused = oaxaca(&sample, 0, &two, ReferenceCoefficients::A, Family::Ols, 0.95).unwrap_err();
    assert!(matches!(refused, ExplainError::OneSided { .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("kitagawa"));
    let empty = TwoGroups { is_b: vec![true; sample.n_rows], ..two };
    let refused = oaxaca(&sample, 0, &empty, ReferenceCoefficients::A, Family::Ols, 0.95).unwrap_err();
    assert!(matches!(refused, ExplainError::EmptyGroup { .. }), "{refused}");
}
