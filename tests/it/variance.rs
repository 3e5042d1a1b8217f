//! Covariances by leverage from the command line: names and aliases, degrees of freedom, diagnostics, refusals.

use crate::support::Folder;

const FORMULA: &str = "verified ~ i(expertise, ref = 1) | work_mode";

fn run(folder: &Folder, more: &[&str]) -> crate::support::Ran {
    let line = ["fit", FORMULA, "--data", "s.csv"];
    folder.run(&line.iter().chain(more).copied().collect::<Vec<_>>())
}

#[test]
fn every_name_and_alias_is_taken() {
    let folder = Folder::with_sessions();
    let fit = |vcov: &str| {
        let document = run(&folder, &["--cluster", "user_id", "--vcov", vcov, "--format", "json"]).json();
        let fit = document["models"][0].clone();
        (fit["se_type"].as_str().unwrap().to_owned(), fit["coefficients"][0]["std_error"].as_f64().unwrap())
    };
    for (name, alias, shown) in
        [("cr1", "cv1", "CR1"), ("cr2", "cv2", "CR2"), ("cr3", "cv3", "CR3"), ("cr3j", "cv3j", "CR3J")]
    {
        let (kind, error) = fit(name);
        assert_eq!((kind.as_str(), error), (shown, fit(alias).1));
    }
    assert_eq!(fit("hc2").0, "HC2");
    assert_eq!(fit("hc3").0, "HC3");
}

#[test]
fn every_number_of_cr2_has_its_degrees_of_freedom() {
    let folder = Folder::with_sessions();
    let more = ["--cluster", "month", "--vcov", "cr2", "--rates", "expertise"];
    let document = run(&folder, &[&more[..], &["--format", "json"]].concat()).json();
    let fit = &document["models"][0];
    for list in ["coefficients", "rates", "contrasts"] {
        let rows = fit[list].as_array().unwrap();
        assert!(rows.iter().all(|row| row["df"].as_f64().is_some_and(|df| df > 0.9 && df < 7.0)), "{list}");
    }
    // a difference to the reference is the coefficient
    assert_eq!(
        fit["contrasts"][0]["df"].as_f64().unwrap() as f32,
        fit["coefficients"][0]["df"].as_f64().unwrap() as f32
    );
    let text = run(&folder, &more).out;
    assert!(text.contains("Bell-McCaffrey") && text.contains("  df  "), "{text}");
}

#[test]
fn diagnostics_say_what_errors_rest_on() {
    let folder = Folder::with_sessions();
    let more = ["--cluster", "user_id+month", "--vcov", "cr3", "--rates", "expertise", "--diagnostics"];
    let document = run(&folder, &[&more[..], &["--format", "json"]].concat()).json();
    let found = document["models"][0]["diagnostics"].as_array().unwrap();
    assert_eq!(found.iter().map(|d| d["cluster"].as_str().unwrap()).collect::<Vec<_>>(), ["user_id", "month"]);
    for of_variable in found {
        let clusters = of_variable["clusters"].as_f64().unwrap();
        for number in of_variable["numbers"].as_array().unwrap() {
            let of = |key: &str| number[key].as_f64().unwrap();
            assert!(of("effective_clusters") >= 1.0 && of("effective_clusters") <= clusters, "{number}");
            assert!(of("largest_leverage") >= 1.0 / clusters && of("largest_change") > 0.0, "{number}");
        }
    }
    let text = run(&folder, &more).out;
    assert!(text.contains("Effective clusters") && text.contains("rate::5"), "{text}");
}

#[test]
fn few_clusters_are_warned_of_with_the_way_out() {
    let folder = Folder::with_sessions();
    // lines are broken where the width of the text ends
    let said = |more: &[&str]| run(&folder, more).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = said(&["--cluster", "month"]);
    for part in ["effective clusters of `month`", "the default is CR3 then, `--vcov cr1` is CR1", "errors (CR3)"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for named in [["--vcov", "cr1"], ["--ssc", "fixest"], ["--df", "exact"]] {
        let text = said(&[&["--cluster", "month"], &named[..]].concat());
        for part in ["errors (CR1)", "effective clusters of `month`", "CR1 tends to be too small then, `--vcov cr2`"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
    let text = run(&folder, &["--cluster", "month", "--vcov", "cr2"]).out;
    assert!(!text.contains("effective clusters of"), "{text}");
}

#[test]
fn a_jackknife_over_clusters_needs_clusters() {
    let folder = Folder::with_sessions();
    let ran = run(&folder, &["--vcov", "cr3"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`cr3` needs a cluster variable"), "{}", ran.err);
    let ran = run(&folder, &["--vcov", "cr2", "--cluster", "user_id", "--family", "logit"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("CR2 is for least squares"), "{}", ran.err);
}
