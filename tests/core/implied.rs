//! Implied weights: outcomes times weights are the estimates, of any outcome.

use crate::support::{Model, close, model, run_all, sample, sessions};
use metier::estimate::FitError;
use metier::result::Family;

/// Models with singletons, weights, targets, several and no effects, numbers beside the factor.
fn models() -> Vec<Model> {
    let mut all = Vec::new();
    for formula in [
        "verified + partial ~ i(expertise, ref=1) | work_mode^band^month",
        "verified + partial ~ i(expertise, ref=1) + log(prompts) | work_mode + month",
        "verified + partial ~ i(expertise, ref=1) + log(prompts)",
    ] {
        for (weights, target) in [(None, None), (Some("weight"), None), (None, Some("month == \"2026-03\""))] {
            let mut spec = model(formula);
            (spec.weights, spec.target, spec.rates) = (weights, target, Some("expertise"));
            spec.options.keep_weights = true;
            all.push(spec);
        }
    }
    all
}

#[test]
fn weights_of_one_outcome_give_the_estimates_of_every_other() {
    let table = sessions(700);
    for spec in models() {
        let prepared = sample(&table, &spec);
        let fits: Vec<_> = run_all(&table, &spec).into_iter().map(Result::unwrap).collect();
        let weights = fits[0].weights.as_ref().unwrap();
        let width = weights.names.len();
        assert_eq!(weights.values.len(), prepared.n_rows * width);
        for fitted in &fits {
            let outcome = prepared.outcomes.iter().find(|outcome| outcome.name == fitted.fit.outcome).unwrap();
            let rates = &fitted.fit.rates.as_ref().unwrap().levels;
            let expected = fitted.fit.coefficients.iter().map(|c| (c.term.clone(), c.estimate));
            let expected: Vec<(String, f64)> =
                expected.chain(rates.iter().map(|row| (format!("rate::{}", row.level), row.estimate))).collect();
            assert_eq!(expected.len(), width);
            for (j, (name, estimate)) in expected.iter().enumerate() {
                assert_eq!(&weights.names[j], name);
                let sum: f64 =
                    (0..prepared.n_rows).map(|row| weights.values[row * width + j] * outcome.values[row]).sum();
                let what = format!("{} {name} of {}", spec.formula, outcome.name);
                close(&what, sum, *estimate, 1e-10, 1.0);
            }
        }
        // a rate is a mean, and the weights of a coefficient of a level sum to one at the level
        for (j, name) in weights.names.iter().enumerate() {
            let sum: f64 = (0..prepared.n_rows).map(|row| weights.values[row * width + j]).sum();
            let is_mean = name.starts_with("rate::") || name == "(Intercept)";
            close(&format!("{} {name}", spec.formula), sum, f64::from(u8::from(is_mean)), 1e-10, 1.0);
        }
        let factor = prepared.rates.as_ref().unwrap();
        let j = weights.names.iter().position(|name| name == "expertise::3").unwrap();
        let at = factor.levels.iter().position(|level| level == "3").unwrap() as u32;
        let of_level = (0..prepared.n_rows).filter(|&row| factor.codes[row] == at);
        close("own level", of_level.map(|row| weights.values[row * width + j]).sum(), 1.0, 1e-10, 1.0);
    }
}

#[test]
fn a_likelihood_has_none() {
    let mut spec = model("verified ~ i(expertise, ref=1) | work_mode");
    spec.options.keep_weights = true;
    spec.options.family = Family::Logit;
    let error = run_all(&sessions(400), &spec).remove(0).unwrap_err();
    assert!(matches!(error, FitError::NoWeights { .. }), "{error}");
}
