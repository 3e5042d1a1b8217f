//! `metier estimators`, `metier margins`, and the likelihoods beside the logit, from the command line.

use crate::support::Folder;
use serde_json::Value;

const CELLS: &str = "verified ~ i(expertise, ref = 2) | work_mode";

fn arguments<'a>(verb: &'a str, formula: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [verb, formula, "--data", "s.csv", "--cluster", "user_id"].into_iter().chain(more.iter().copied()).collect()
}

fn field(header: &str, row: &str, name: &str) -> String {
    let at = header.split(',').position(|column| column == name).unwrap_or_else(|| panic!("{name} in {header}"));
    row.split(',').nth(at).unwrap().to_owned()
}

#[test]
fn every_format_has_the_estimators() {
    let folder = Folder::with_sessions();
    let with = |format: &str| {
        let more = ["--rates", "expertise", "--format", format];
        folder.run(&arguments("estimators", CELLS, &more)).ok()
    };
    for format in ["text", "markdown", "latex", "html"] {
        let text = with(format);
        for word in ["Common weights", "Contamination", "One at a time", "left out of the comparison"] {
            assert!(text.contains(word), "{format} has no {word}:\n{text}");
        }
    }
    let csv = with("csv");
    let header = csv.lines().next().unwrap();
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    let document: Value = serde_json::from_str(&with("json")).unwrap();
    let numbers = document["estimators"][0]["numbers"].as_array().unwrap();
    assert_eq!(rows.len(), numbers.len());
    for (row, number) in rows.iter().zip(numbers) {
        assert_eq!(field(header, row, "estimate").parse::<f64>().ok(), number["estimate"].as_f64());
    }
    for estimator in ["pl", "cw", "ds", "ew", "pl_overlap"] {
        assert!(rows.iter().any(|row| field(header, row, "estimator") == estimator), "{estimator}");
    }
    let own = |kind: &str| -> f64 {
        let row = rows.iter().find(|row| field(header, row, "kind") == kind).unwrap();
        field(header, row, "estimate").parse().unwrap()
    };
    let parts = own("own_effect") + own("contamination") + own("between_cells");
    let contrast = rows
        .iter()
        .find(|row| field(header, row, "estimator") == "pl_overlap" && field(header, row, "kind") == "contrast");
    let contrast: f64 = field(header, contrast.unwrap(), "estimate").parse().unwrap();
    assert!((parts - contrast).abs() < 1e-12);
    let overlap = &document["estimators"][0]["overlap"];
    assert!(overlap["rows_used"].as_u64() <= overlap["rows"].as_u64());
}

#[test]
fn least_squares_is_that_of_fit() {
    let folder = Folder::with_sessions();
    let more = ["--rates", "expertise", "--format", "json"];
    let estimators = folder.run(&arguments("estimators", CELLS, &more)).json();
    let fit = folder.run(&arguments("fit", CELLS, &[&more[..], &["--vcov", "cr1"]].concat())).json();
    let least = estimators["estimators"][0]["numbers"].as_array().unwrap().iter();
    let ours: Vec<&Value> = least.filter(|row| row["estimator"] == "pl" && row["kind"] == "rate").collect();
    for (ours, rate) in ours.iter().zip(fit["models"][0]["rates"].as_array().unwrap()) {
        assert_eq!((&ours["estimate"], &ours["std_error"]), (&rate["estimate"], &rate["std_error"]));
    }
}

#[test]
fn what_cannot_be_compared_is_an_error_with_a_way_out() {
    let folder = Folder::with_sessions();
    let none = folder.run(&arguments("estimators", CELLS, &[]));
    assert_eq!(none.code, 2);
    assert!(none.err.contains("--rates"), "{}", none.err);
    let formula = "verified ~ i(expertise) + task_value | work_mode";
    let fine = folder.run(&arguments("estimators", formula, &["--rates", "expertise"]));
    assert_eq!(fine.code, 3);
    assert!(fine.err.contains("cut()"), "{}", fine.err);
    let family = folder.run(&arguments("estimators", CELLS, &["--rates", "expertise", "--family", "logit"]));
    assert_eq!(family.code, 2);
}

#[test]
fn marginal_effects_in_every_format() {
    let folder = Folder::with_sessions();
    let formula = "verified ~ i(expertise, ref = 2) + log(prompts) | work_mode";
    for family in ["ols", "logit", "probit", "poisson"] {
        let document = folder.run(&arguments("margins", formula, &["--family", family, "--format", "json"])).json();
        let effects = document["margins"][0]["effects"].as_array().unwrap();
        let kinds: Vec<&str> = effects.iter().map(|row| row["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.last(), Some(&"slope"), "{family}");
        assert!(kinds[..kinds.len() - 1].iter().all(|kind| *kind == "change"), "{family}");
        let csv = folder.run(&arguments("margins", formula, &["--family", family, "--format", "csv"])).ok();
        assert_eq!(csv.lines().count(), effects.len() + 1);
        for format in ["text", "markdown", "latex", "html"] {
            let text = folder.run(&arguments("margins", formula, &["--family", family, "--format", format])).ok();
            assert!(text.contains("Average marginal effects"), "{text}");
        }
    }
    let refused = folder.run(&arguments("margins", formula, &["--family", "logit", "--bias-correction"]));
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--bias-correction"), "{}", refused.err);
}

#[test]
fn firth_and_conditional_logit() {
    let folder = Folder::with_sessions();
    let formula = "verified ~ log(prompts) | work_mode";
    let firth = folder.run(&arguments("fit", formula, &["--family", "logit", "--firth", "--format", "json"])).json();
    let model = &firth["models"][0];
    assert!(model["penalised_log_likelihood"].as_f64() > model["fit"]["log_likelihood"].as_f64());
    let text = folder.run(&arguments("fit", formula, &["--family", "logit", "--firth"])).ok();
    assert!(text.contains("Firth's penalised likelihood"), "{text}");
    let strata = folder.run(&arguments("fit", formula, &["--family", "clogit"])).ok();
    assert!(strata.contains("strata have both outcomes"), "{strata}");
    let refused = folder.run(&arguments("fit", formula, &["--firth"]));
    assert_eq!(refused.code, 2);
    let rates = "verified ~ i(expertise) | work_mode";
    let refused = folder.run(&arguments("fit", rates, &["--family", "clogit", "--rates", "expertise"]));
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--bias-correction"), "{}", refused.err);
}
