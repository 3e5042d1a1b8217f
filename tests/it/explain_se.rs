//! `metier explain-se` and `--ssc`, `--multiway` from the command line: published numbers, every format, refusals.

use crate::support::{Folder, Ran, root, run_in};
use serde_json::Value;

const FATALITIES: [&str; 6] =
    ["frate ~ beertax | state + year", "--data", "data/fatalities.csv", "--cluster", "state", "--quiet"];

/// Runs a verb with the fatalities in the root of the repository.
fn with_fatalities(verb: &str, more: &[&str]) -> Ran {
    let arguments: Vec<&str> = [verb].into_iter().chain(FATALITIES).chain(more.iter().copied()).collect();
    run_in(root(), &arguments, "")
}

fn program<'a>(model: &'a Value, name: &str) -> &'a Value {
    let programs = model["programs"].as_array().expect("programs");
    programs.iter().find(|row| row["program"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn close(value: &Value, expected: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{value} is not {expected}");
}

#[test]
fn parts_and_programs_of_a_published_regression() {
    let document = with_fatalities("explain-se", &["--format", "json"]).json();
    let model = &document["models"][0];
    let parts = &model["parts"];
    assert_eq!((parts["n"].as_u64(), parts["p"].as_u64(), parts["k"].as_u64()), (Some(336), Some(1), Some(8)));
    assert_eq!(parts["effects"][0]["nested_in"], "state");
    assert_eq!((parts["effects"][0]["counted"].as_u64(), parts["effects"][1]["counted"].as_u64()), (Some(0), Some(7)));
    close(&parts["factor"], 48.0 / 47.0 * 335.0 / 328.0);
    assert_eq!(parts["df"].as_f64(), Some(47.0));
    // pyfixest, linearmodels and sandwich said so (tests/oracles/conventions.json)
    for (name, expected) in [
        ("Metier, as asked", 0.357_078_345_548_092_3),
        ("fixest", 0.357_078_345_548_092_3),
        ("reghdfe", 0.357_078_345_548_092_3),
        ("Stata regress, dummies", 0.385_786_721_792_345_6),
        ("linearmodels PanelOLS", 0.382_316_305_944_544_5),
        ("R clubSandwich CR1", 0.353_327_981_384_811_4),
    ] {
        close(&program(model, name)["std_error"], expected);
    }
    assert_eq!(program(model, "linearmodels PanelOLS")["df"].as_f64(), Some(281.0));
    assert_eq!(program(model, "reghdfe")["ssc"], "reghdfe");
    // the table for scripts has the same records
    let table = with_fatalities("explain-se", &["--format", "csv"]).ok();
    assert_eq!(table.lines().count(), 1 + model["programs"].as_array().unwrap().len());
    assert!(
        table.starts_with("schema_version,spec_id,model,outcome,sample,estimator,se_type,cluster,term,program,ssc,")
    );
}

#[test]
fn what_is_explained_is_what_fit_prints() {
    for ssc in
        ["fixest", "stata", "statsmodels", "linearmodels", "none", "custom(k = n, effects = full, g = min, t = n)"]
    {
        let explained = with_fatalities("explain-se", &["--format", "json", "--ssc", ssc]).json();
        let fitted = with_fatalities("fit", &["--format", "json", "--ssc", ssc]).json();
        let (ours, fit) = (program(&explained["models"][0], "Metier, as asked"), &fitted["models"][0]);
        for key in ["std_error", "p_value", "conf_low"] {
            assert_eq!(ours[key], fit["coefficients"][0][key], "{ssc}: {key}");
        }
        assert_eq!(ours["k"], fit["small_sample"]["k"]);
        assert_eq!(fit["small_sample"]["convention"], ssc);
    }
}

#[test]
fn every_readable_format_shows_parts_and_programs() {
    let text = with_fatalities("explain-se", &[]).ok();
    for line in [
        "`state`                0  48 levels, nested in `state`: does not count",
        "`year`                 7  7 levels: all count",
        "K                      8  p and the parameters of the fixed effects",
        "factor of K     1.021341  (n - 1)/(n - K)",
        "critical value  2.011741  of 95% intervals",
        "fixest                                 0.357078   1.043072   8   0.0795  t(47)   fixest",
        "linearmodels PanelOLS                  0.382316   1.195730  55   0.0953  t(281)  linearmodels",
    ] {
        assert!(text.lines().any(|found| found.trim_end() == line), "{line}\n{text}");
    }
    for format in ["markdown", "latex", "html"] {
        let shown = with_fatalities("explain-se", &["--format", format]).ok();
        assert!(shown.contains("1.043072") && shown.contains("reghdfe") && shown.contains("0.385787"), "{shown}");
    }
}

#[test]
fn several_ways_have_a_factor_for_each_term() {
    let table = std::fs::read_to_string(root().join("tests/data/mtcars.csv")).unwrap();
    let folder = Folder::new().with("cars.csv", table);
    let fit = |more: &[&str]| {
        let base = ["fit", "mpg ~ wt + hp", "--data", "cars.csv", "--cluster", "cyl+carb"];
        folder.run(&base.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let text = fit(&["--ssc", "stata"]).ok();
    assert!(text.contains("each term its own G: `cyl`") && text.contains("negative eigenvalue"), "{text}");
    let cgm = fit(&["--ssc", "stata", "--multiway", "cgm", "--format", "json"]).json();
    let hp = &cgm["models"][0]["coefficients"][2];
    assert!(hp["std_error"].is_null() && hp["note"].is_string(), "{hp}");
    assert!(cgm["models"][0]["warnings"].to_string().contains("is negative"), "{}", cgm["models"][0]["warnings"]);
    let sum = fit(&["--multiway", "sum", "--format", "json"]).json();
    assert!(sum["models"][0]["coefficients"][2]["std_error"].as_f64().unwrap() > 0.0);
    let explained =
        folder.run(&["explain-se", "mpg ~ wt + hp", "--data", "cars.csv", "--cluster", "cyl+carb", "--term", "hp"]);
    let text = explained.ok().split_whitespace().collect::<Vec<_>>().join(" ");
    for note in [
        "fixest, reghdfe, Stata regress: negative eigenvalues set to zero",
        "linearmodels PanelOLS, group_debias, R sandwich vcovCL (lm), bare sandwich: a negative variance has no standard error",
        "R clubSandwich CR1, R clubSandwich CR1S, R clubSandwich CR1p: clusters one way only",
    ] {
        assert!(text.contains(note), "{note}\n{text}");
    }
}

#[test]
fn what_means_nothing_is_refused_with_a_way_out() {
    for (arguments, message, hint) in [
        (vec!["--ssc", "fixst"], "`fixst` is no small-sample convention", "did you mean `fixest`?"),
        (vec!["--ssc", "custom"], "`custom` needs its parts k, g and t", "custom(k = n-1"),
        (vec!["--ssc", "custom(k = none, effects = full, g = min, t = g)"], "nothing to count", "leave out"),
        (vec!["--ssc", "stata(g = all)"], "`all` is no value of `g`", "none, each, min"),
        (vec!["--ssc", "linearmodels", "--family", "poisson"], "linear models only", "--ssc statsmodels"),
        (vec!["--multiway", "both"], "both", "eigen"),
    ] {
        for verb in ["fit", "explain-se"] {
            let ran = with_fatalities(verb, &arguments);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.err);
            assert!(ran.err.contains(message) && ran.err.contains(hint), "{arguments:?}: {}", ran.err);
        }
    }
    let ran = with_fatalities("explain-se", &["--term", "bertax"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no coefficient `bertax`") && ran.err.contains("did you mean `beertax`?"), "{}", ran.err);
}

#[test]
fn the_factor_of_cr1_is_explained_where_the_default_is_cr3() {
    let folder = Folder::with_sessions();
    let more = ["verified ~ i(expertise, ref = 1) | work_mode", "--data", "s.csv", "--cluster", "month"];
    let text = folder.run(&[&["explain-se"], &more[..]].concat()).ok();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "the default is CR3 then, whose factor is part of its definition; this is CR1";
    assert!(text.contains("Standard errors (CR1)") && text.contains(said), "{text}");
}
