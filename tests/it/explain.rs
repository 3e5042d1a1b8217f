//! `metier decompose`, `leave-out` and `sensitivity` from the command line.

use crate::support::{Folder, root};
use serde_json::Value;

const LEVELS: &str = "verified ~ i(expertise, ref = 1) | work_mode + month";

/// The first rows of the sessions.
fn folder(rows: usize) -> Folder {
    let all = std::fs::read_to_string(root().join("tests/data/sessions.csv")).unwrap();
    Folder::new().with("s.csv", all.lines().take(rows + 1).flat_map(|line| [line, "\n"]).collect::<String>())
}

fn arguments<'a>(verb: &[&'a str], formula: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = ["--data", "s.csv", "--codebook", "off", "--cluster", "user_id"];
    verb.iter().copied().chain([formula]).chain(common).chain(more.iter().copied()).collect()
}

fn numbers(document: &Value) -> Vec<Value> {
    document["explanations"][0]["numbers"].as_array().unwrap().clone()
}

fn oracle() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("tests/oracles/explain.json")).unwrap()).unwrap()
}

/// The number of a kind, term and part.
#[track_caller]
fn of(numbers: &[Value], kind: &str, term: &str, part: Option<&str>) -> f64 {
    let is = |row: &&Value| row["kind"] == kind && row["term"] == term && row["part"].as_str() == part;
    numbers.iter().find(is).unwrap_or_else(|| panic!("{kind} {term} {part:?}"))["estimate"].as_f64().unwrap()
}

#[test]
fn every_format_has_every_explanation() {
    let folder = folder(1500);
    let groups = ["--groups", "software == 1"];
    let cases: [(&[&str], &str, &[&str], &str); 5] = [
        (&["decompose", "gelbach"], LEVELS, &[], "short regression"),
        (&["decompose", "oaxaca"], "verified ~ log(prompts) + i(expertise) | work_mode", &groups, "unexplained"),
        (&["decompose", "kitagawa"], "verified ~ 1 | work_mode + work_mode^month", &groups, "composition"),
        (&["leave-out"], LEVELS, &["--drop", "control", "--drop", "users", "--of", "expertise::5"], "without work"),
        (&["sensitivity"], LEVELS, &["--rates", "expertise"], "E-value"),
    ];
    for (verb, formula, more, word) in cases {
        let with = |format: &str| {
            let more: Vec<&str> = more.iter().copied().chain(["--format", format]).collect();
            folder.run(&arguments(verb, formula, &more)).ok()
        };
        for format in ["text", "markdown", "html", "typst"] {
            let text = with(format);
            assert!(text.contains(word) || text.contains(&word.replace('-', "\\-")), "{verb:?} {format}:\n{text}");
        }
        assert!(with("latex").contains("\\begin{tabular"), "{verb:?}");
        let document: Value = serde_json::from_str(&with("json")).unwrap();
        let csv = with("csv");
        assert_eq!(csv.lines().count(), numbers(&document).len() + 1, "{verb:?}");
        assert!(csv.starts_with("schema_version,spec_id,model,outcome,sample,analysis,kind,term,part,estimate"));
    }
}

#[test]
fn parts_add_to_the_movement_between_two_fits() {
    let folder = folder(3000);
    let more = ["--format", "json", "--group", "all=work_mode+month"];
    let one = numbers(&folder.run(&arguments(&["decompose", "gelbach"], LEVELS, &more)).json());
    let many = numbers(&folder.run(&arguments(&["decompose", "gelbach"], LEVELS, &more[..2])).json());
    let fit = |formula: &str| {
        let document = folder.run(&arguments(&["fit"], formula, &["--format", "json"])).json();
        let rows = document["models"][0]["coefficients"].as_array().unwrap().clone();
        rows.iter().find(|row| row["term"] == "expertise::5").unwrap()["estimate"].as_f64().unwrap()
    };
    let moved = fit("verified ~ i(expertise, ref = 1)") - fit(LEVELS);
    let part = |name: &str| of(&many, "part", "expertise::5", Some(name));
    assert!((part("work_mode") + part("month") - moved).abs() < 1e-12);
    assert!((of(&one, "part", "expertise::5", Some("all")) - moved).abs() < 1e-12);
}

/// The oracle's errors are of stacked regressions with dummies, in doubles.
#[test]
fn changes_have_the_errors_of_stacked_regressions() {
    let folder = folder(4000);
    let more = ["--of", "expertise::5", "--drop", "control", "--drop", "month", "--format", "json"];
    let found = numbers(&folder.run(&arguments(&["leave-out"], LEVELS, &more)).json());
    let expected = oracle();
    let expected = expected["leave_out"].as_array().unwrap();
    assert_eq!(found.iter().filter(|row| row["kind"] == "change").count(), expected.len());
    for case in expected {
        let row = |kind: &str| found.iter().find(|row| row["kind"] == kind && row["part"] == case["left"]).unwrap();
        let close = |ours: &Value, name: &str| {
            let (ours, expected) = (ours.as_f64().unwrap(), case[name].as_f64().unwrap());
            assert!((ours - expected).abs() <= 1e-8 * expected.abs().max(1e-3), "{} {name}: {ours}", case["left"]);
        };
        close(&row("without")["estimate"], "estimate");
        close(&row("change")["estimate"], "change");
        close(&row("change")["std_error"], "se");
    }
    // sorted by the size of the change
    let sizes: Vec<f64> =
        found.iter().filter(|row| row["kind"] == "change").map(|row| row["estimate"].as_f64().unwrap().abs()).collect();
    assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[test]
fn a_fit_that_fails_is_listed_with_its_reason() {
    let folder = folder(1500);
    let formula = "verified ~ i(expertise, ref = 1) | work_mode";
    let more = ["--of", "expertise::5", "--drop", "expertise", "--format", "json"];
    let found = numbers(&folder.run(&arguments(&["leave-out"], formula, &more)).json());
    let failed: Vec<&Value> = found.iter().filter(|row| row["estimate"].is_null()).collect();
    let part = |row: &&Value| row["part"].as_str().unwrap().to_owned();
    assert_eq!(failed.iter().map(part).collect::<Vec<_>>(), ["expertise:1", "expertise:5"]);
    assert!(failed.iter().all(|row| !row["note"].as_str().unwrap().is_empty()));
}

#[test]
fn users_are_found_and_named() {
    let folder = folder(1500);
    let more = ["--drop", "users", "--list", "3", "--format", "json"];
    let found = numbers(&folder.run(&arguments(&["leave-out"], "verified ~ prompts | work_mode", &more)).json());
    let expected = oracle();
    let goals = &expected["insignificant"]["goals"];
    for goal in ["sign", "significant"] {
        let first = goals[goal]["first"].as_f64().unwrap();
        assert_eq!(of(&found, "users_by_refit", "prompts", Some(goal)), first);
    }
    let named: Vec<&str> =
        found.iter().filter(|row| row["kind"] == "user_change").map(|row| row["part"].as_str().unwrap()).collect();
    assert_eq!(named.len(), 3);
    // the order towards a goal starts with one of those
    assert!(named.iter().all(|name| name.starts_with('u')));
}

#[test]
fn what_cannot_be_explained_is_an_error_with_a_way_out() {
    let folder = folder(1500);
    let refused = |verb: &[&str], formula: &str, more: &[&str]| folder.run(&arguments(verb, formula, more));
    let logit = refused(&["decompose", "gelbach"], LEVELS, &["--family", "logit"]);
    assert!(logit.code == 2 && logit.err.contains("collapse") && logit.err.contains("--rates"), "{}", logit.err);
    let unknown = refused(&["decompose", "gelbach"], LEVELS, &["--base", "software"]);
    assert!(unknown.code == 2 && unknown.err.contains("`work_mode`"), "{}", unknown.err);
    let repeated = refused(&["decompose", "gelbach"], "verified ~ i(expertise) | work_mode + work_mode^month", &[]);
    assert!(repeated.code == 3 && repeated.err.contains("--group"), "{}", repeated.err);
    let two = refused(&["decompose", "gelbach"], LEVELS, &["--cluster", "user_id+month"]);
    assert!(two.code == 2, "{}", two.err);
    let groups = refused(&["decompose", "kitagawa"], "verified ~ 1 | work_mode", &["--groups", "software == 7"]);
    assert!(groups.code == 2 && groups.err.contains("no rows"), "{}", groups.err);
    let cells = refused(&["decompose", "kitagawa"], "verified ~ 1", &["--groups", "software == 1"]);
    assert!(cells.code == 2 && cells.err.contains("fixed effects"), "{}", cells.err);
    let one_sided = refused(
        &["decompose", "oaxaca"],
        "verified ~ prompts | work_mode^month^task_occupation",
        &["--groups", "software == 1"],
    );
    assert!(one_sided.code == 3 && one_sided.err.contains("kitagawa"), "{}", one_sided.err);
    let r2 = refused(&["sensitivity"], LEVELS, &["--r-max", "0.0001"]);
    assert!(r2.code == 2 && r2.err.contains("--r-max"), "{}", r2.err);
    let share = refused(&["leave-out"], LEVELS, &["--max-share", "2"]);
    assert!(share.code == 2 && share.err.contains("share"), "{}", share.err);
    let number = refused(&["leave-out"], LEVELS, &["--of", "expertise::9"]);
    assert!(number.code == 2 && number.err.contains("expertise::9"), "{}", number.err);
    let logit = refused(&["sensitivity"], LEVELS, &["--family", "logit"]);
    assert!(logit.code == 2, "{}", logit.err);
}
