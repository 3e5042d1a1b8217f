//! Adjusted rates for other targets than the sample against full dummy expansion (`targets.py`).
//!
//! Tolerance: 1e-10 relative to the largest entry of each vector or matrix.

use crate::support::{close, floats, json, matrix, model, run, sessions};
use metier::result::{Composition, Family};

#[test]
fn rates_and_their_covariance_equal_dummy_expansion() {
    for case in json("targets.json")["cases"].as_array().unwrap() {
        let text = |key: &str| -> &'static str { String::leak(case[key].as_str().unwrap().to_owned()) };
        let table = sessions(case["first"].as_u64().unwrap() as usize);
        let mut spec = model(text("formula"));
        spec.rates = Some("expertise");
        spec.target = Some(text("target"));
        spec.weights = case["weighted"].as_bool().unwrap().then_some("weight");
        if case["family"] == "logit" {
            spec.options.family = Family::Logit;
        }
        let id = format!("{} {} {}", text("formula"), text("family"), text("target"));
        for (composition, key) in [(Composition::Fixed, "fixed"), (Composition::Sampled, "sampled")] {
            spec.options.composition = composition;
            let fit = run(&table, &spec).fit;
            assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
            assert_eq!(fit.small_sample.k as u64, case["k"].as_u64().unwrap(), "{id}");
            let rates = fit.rates.unwrap();
            assert_eq!(rates.target_rows as u64, case["target_rows"].as_u64().unwrap(), "{id}");
            assert_eq!(rates.target.as_deref(), Some(text("target")));
            for (row, expected) in rates.levels.iter().zip(floats(&case["rates"])) {
                close(&format!("{id} rate {}", row.level), row.estimate, expected, 1e-10, 0.0);
            }
            let expected = matrix(&case[key]);
            let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            for (at, (found, expected)) in rates.vcov.iter().zip(&expected).enumerate() {
                close(&format!("{id} {key} {at}"), *found, *expected, 1e-10, scale);
            }
        }
    }
}

#[test]
fn parts_of_the_sample_average_to_the_whole() {
    let table = sessions(6000);
    let rates = |target: Option<&'static str>, family| {
        let mut spec = model("verified ~ i(expertise, ref = 1) | work_mode^band + month");
        spec.options.family = family;
        spec.rates = Some("expertise");
        spec.target = target;
        run(&table, &spec).fit.rates.unwrap()
    };
    for family in [Family::Ols, Family::Logit, Family::Poisson] {
        let (all, every) = (rates(None, family), rates(Some("prompts >= 0"), family));
        let (few, many) = (rates(Some("prompts < 4"), family), rates(Some("prompts >= 4"), family));
        assert_eq!(few.target_rows + many.target_rows, all.target_rows);
        let share = few.target_rows as f64 / all.target_rows as f64;
        for k in 0..5 {
            let mean = share * few.levels[k].estimate + (1.0 - share) * many.levels[k].estimate;
            close("mean of the parts", mean, all.levels[k].estimate, 1e-12, 0.0);
            close("all rows as a target", every.levels[k].std_error, all.levels[k].std_error, 1e-9, 0.0);
            assert_eq!(few.levels[k].n_obs + many.levels[k].n_obs, all.levels[k].n_obs);
        }
    }
}

/// Shares of months, and the months of the table.
fn months(table: &metier::table::Table) -> Vec<String> {
    let column = table.columns().iter().find(|column| column.name == "month").unwrap();
    let metier::table::ColumnData::Factor(factor) = &column.data else { panic!("month is a factor") };
    factor.levels.to_vec()
}

fn of_month(name: &str, shares: &[(&str, f64)]) -> metier::model::Shares {
    let cells = shares.iter().map(|(month, share)| (vec![Some((*month).to_owned())], *share)).collect();
    metier::model::Shares {
        name: name.to_owned(),
        rows: shares.len(),
        variables: vec![metier::expr::parse("month").unwrap()],
        cells,
    }
}

#[test]
fn shares_mix_the_rates_of_their_parts() {
    let table = sessions(6000);
    let months = months(&table);
    let (first, last) = (months[0].as_str(), months[months.len() - 1].as_str());
    for family in [Family::Ols, Family::Logit] {
        let mut spec = model("verified ~ i(expertise, ref = 1) | work_mode^band + month");
        spec.options.family = family;
        spec.options.composition = Composition::Fixed;
        spec.options.keep_influence = true;
        spec.rates = Some("expertise");
        let of = |month: &str| {
            let target: &'static str = String::leak(format!("month == \"{month}\""));
            run(&table, &crate::support::Model { target: Some(target), ..spec.clone() })
        };
        let (early, late) = (of(first), of(last));
        let mixed = run(
            &table,
            &crate::support::Model { shares: Some(of_month("s.csv", &[(first, 0.3), (last, 0.7)])), ..spec.clone() },
        );
        let rates = mixed.fit.rates.as_ref().unwrap();
        assert_eq!(rates.target.as_deref(), Some("s.csv"));
        // rates and, with the target held fixed, their influence are linear in the target
        let column = |fitted: &metier::estimate::Fitted, k: usize| -> Vec<f64> {
            let influence = fitted.influence.as_ref().unwrap();
            let width = influence.names.len();
            let at = influence.names.iter().position(|name| *name == format!("rate::{}", k + 1)).unwrap();
            influence.values.chunks(width).map(|row| row[at]).collect()
        };
        for k in 0..5 {
            let level = |fitted: &metier::estimate::Fitted| fitted.fit.rates.as_ref().unwrap().levels[k].estimate;
            let expected = 0.3 * level(&early) + 0.7 * level(&late);
            close(&format!("{family:?} {k}"), rates.levels[k].estimate, expected, 1e-12, 0.0);
            let parts = column(&early, k).into_iter().zip(column(&late, k));
            let square: f64 = parts.map(|(a, b)| (0.3 * a + 0.7 * b).powi(2)).sum();
            let error = (mixed.fit.small_sample.factor * square).sqrt();
            close(&format!("{family:?} {k} error"), rates.levels[k].std_error, error, 1e-9, 0.0);
        }
        // all in one month is that month
        let alone =
            run(&table, &crate::support::Model { shares: Some(of_month("s.csv", &[(last, 1.0)])), ..spec.clone() });
        let (alone, late) = (alone.fit.rates.unwrap(), late.fit.rates.unwrap());
        for (ours, expected) in alone.vcov.iter().zip(&late.vcov) {
            close("one month", *ours, *expected, 1e-10, 1e-6);
        }
        assert_eq!(alone.target_rows, late.target_rows);
    }
}

#[test]
fn shares_that_the_sample_cannot_have_are_refused() {
    let table = sessions(2000);
    let months = months(&table);
    let prepared = |shares| {
        let mut spec = model("verified ~ i(expertise, ref = 1) | work_mode");
        spec.rates = Some("expertise");
        spec.shares = Some(shares);
        crate::support::try_prepared(&table, &spec).unwrap_err()
    };
    let unknown = prepared(of_month("s.csv", &[(&months[0], 0.5), ("2031-01", 0.5)]));
    assert!(unknown.to_string().contains("`s.csv` has a share of `2031-01`"), "{unknown}");
    assert!(unknown.hint().is_some());
    let cells = vec![
        (vec![Some(months[0].clone()), Some(String::from("Fix"))], 0.75),
        (vec![None, Some(String::from("Fix"))], 0.25),
    ];
    let variables = ["month", "work_mode"].map(|name| metier::expr::parse(name).unwrap()).to_vec();
    let uncovered = prepared(metier::model::Shares { name: String::from("s.csv"), rows: 1, variables, cells });
    let text = uncovered.to_string();
    assert!(text.contains("25.00% of the target `s.csv`") && text.contains("month = NA, work_mode = Fix"), "{text}");
}
