//! `metier test` from outside: tables, records, several fits, and refusals with the place in the hypothesis.

use crate::support::{Folder, SMALL};
use serde_json::Value;

const FORMULA: &str = "verified ~ i(expertise, ref = 1) + log(prompts) | work_mode";

fn arguments<'a>(formula: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["test", formula, "--data", "s.csv"].into_iter().chain(more.iter().copied()).collect()
}

fn records(text: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(text).unwrap();
    document["tests"].as_array().unwrap().clone()
}

#[test]
fn readable_formats_show_the_tables() {
    let folder = Folder::with_sessions();
    let more = ["--cluster", "user_id", "--rates", "expertise", "-H", "expertise::3 = expertise::2"];
    let more = [&more[..], &["-H", "adjacent", "-H", "increasing", "--simultaneous", "--adjust", "holm"]].concat();
    let more = [&more[..], &["--draws", "20000"]].concat();
    let text = folder.run(&arguments(FORMULA, &more)).ok();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("test_text", text);
    });
    for format in ["markdown", "latex", "html"] {
        let text = folder.run(&arguments(FORMULA, &[&more[..], &["--format", format]].concat())).ok();
        assert!(text.contains("Joint tests") && text.contains("Monotony"), "{format}");
    }
}

#[test]
fn records_have_the_columns_of_the_page() {
    let folder = Folder::with_sessions();
    let more = ["--cluster", "user_id", "--rates", "expertise", "-H", "pairs", "-H", "decreasing", "--simultaneous"];
    let json = folder.run(&arguments(FORMULA, &[&more[..], &["--adjust", "romano-wolf", "--format", "json"]].concat()));
    let json = json.ok();
    let page = std::fs::read_to_string(crate::support::root().join("docs/hypotheses.md")).unwrap();
    let records = records(&json);
    for key in records[0].as_object().unwrap().keys() {
        let known = page.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == key);
        assert!(known, "`{key}` is not in docs/hypotheses.md");
    }
    let kinds: Vec<&str> = records.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "restriction").count(), 14);
    assert_eq!(&kinds[10..11], ["joint"]);
    assert_eq!(&kinds[15..], ["strict_everywhere", "violated_somewhere"]);
    assert_eq!((&records[10]["df1"], &records[10]["distribution"]), (&Value::from(4), &Value::from("F")));
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["family"]["restrictions"], 10);
    let csv = folder.run(&arguments(FORMULA, &[&more[..], &["--format", "csv"]].concat())).ok();
    assert_eq!(csv.lines().count(), records.len() + 1);
    assert!(csv.starts_with("schema_version,position,hypothesis,fits,kind,combination,null_value,estimate"));
}

#[test]
fn across_outcomes_samples_and_models() {
    let folder = Folder::with_sessions().with(
        "m.toml",
        "name = \"m\"\n[defaults]\ncluster = \"user_id\"\n[[model]]\nname = \"(1)\"\nformula = \"verified ~ expertise\"\n\
         [[model]]\nname = \"(2)\"\nformula = \"verified ~ expertise | work_mode\"\n",
    );
    let models = ["test", "--model", "m.toml", "--data", "s.csv", "--format", "json", "-H"];
    let run = |hypothesis: &str| folder.run(&[&models[..], &[hypothesis]].concat()).ok();
    let records_of = |hypothesis: &str| records(&run(hypothesis));
    let across = records_of("(1):expertise = (2):expertise");
    assert_eq!(across[0]["fits"], "(1)/verified/all and (2)/verified/all");
    assert_eq!(across[0]["combination"], "(1):expertise - (2):expertise");
    let alone: Vec<f64> = records_of("expertise")
        .iter()
        .filter(|row| row["kind"] == "restriction")
        .map(|row| row["estimate"].as_f64().unwrap())
        .collect();
    assert!((across[0]["estimate"].as_f64().unwrap() - (alone[0] - alone[1])).abs() < 1e-15);
    // only one of the models has an intercept
    let document: Value = serde_json::from_str(&run("(Intercept) = 0")).unwrap();
    assert!(document["notes"][0].as_str().unwrap().contains("not tested in (2)"), "{document}");
    let two = ["--cluster", "user_id", "--split", "software", "--format", "json"];
    let hypothesis = "verified/1:expertise = partial/1:expertise, verified/0:expertise = partial/0:expertise";
    let found =
        folder.run(&arguments("verified + partial ~ expertise", &[&two[..], &["-H", hypothesis]].concat())).ok();
    assert_eq!(records(&found).last().unwrap()["df1"], 2);
}

#[test]
fn refusals_point_into_the_hypothesis() {
    let folder = Folder::new().with("s.csv", SMALL);
    let more: [(&str, &[&str]); 7] = [
        ("test_unknown_name", &["-H", "x = 0", "-H", "x = zz"]),
        ("test_no_rates", &["-H", "trend"]),
        ("test_contradiction", &["-H", "x = 0, x = 1"]),
        ("test_not_linear", &["-H", "x * z = 0"]),
        ("test_nothing", &[]),
        ("test_too_many_for_the_clusters", &["-H", "all", "--cluster", "w", "--vcov", "cr1"]),
        ("test_levels_without_rates", &["-H", "level a = level b"]),
    ];
    for (name, more) in more {
        let ran = folder.run(&arguments("y ~ x + z", more));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}: {}", ran.err);
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, ran.err);
        });
    }
}
