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
