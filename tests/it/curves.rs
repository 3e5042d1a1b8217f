//! `metier curve`, `metier plan` and stepwise formulas, from the command line.

use crate::support::Folder;
use serde_json::Value;

const GRID: &str = r#"
name = "small"
focal = "expertise"
effect = "5 - 1"
[defaults]
cluster = "user_id"
[[choice]]
name = "outcome"
options = [{ name = "verified", outcome = "verified" }, { name = "odd", outcome = "no_such_column" }]
[[choice]]
name = "sample"
options = [{ name = "all" }, { name = "none", where = 'task_value > 1e12' }]
[[choice]]
name = "estimator"
options = [{ name = "lpm", estimator = "lpm" }, { name = "logit", estimator = "logit" }, { name = "cw", estimator = "cw" }]
[[choice]]
name = "coding"
options = [{ name = "levels", term = "i(expertise, ref = 1)" }, { name = "linear", term = "expertise" }]
[[control]]
name = "mode"
effect = "work_mode"
[[control]]
name = "month"
effect = "month"
states = ["out", "cell"]
"#;

fn specifications(json: &Value) -> Vec<Value> {
    json["specifications"].as_array().unwrap().clone()
}

/// The words of a command in quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

#[test]
fn the_command_of_a_specification_gives_its_numbers() {
    let folder = Folder::with_sessions().with("grid.toml", GRID);
    let curve = folder.run(&["curve", "grid.toml", "--data", "s.csv", "--format", "json", "--draws", "99"]).json();
    let all = specifications(&curve);
    let estimated: Vec<&Value> = all.iter().filter(|one| one["status"] == "estimated").collect();
    assert!(estimated.len() >= 10, "{all:?}");
    for one in estimated.iter().step_by(2) {
        let mut arguments = words(one["command"].as_str().unwrap());
        assert_eq!(arguments.remove(0), "metier");
        arguments.extend([String::from("--format"), String::from("json")]);
        let alone = folder.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).json();
        let text = alone.to_string();
        // the difference of the rates is somewhere in the document, to 1e-10
        let (estimate, error) = (one["estimate"].as_f64().unwrap(), one["std_error"].as_f64().unwrap());
        assert!(holds(&alone, "5 - 1", estimate, error), "{} {estimate} {error}\n{text}", one["command"]);
    }
}

/// Whether an object of the document is about `name`, with this estimate and error.
fn holds(value: &Value, name: &str, estimate: f64, error: f64) -> bool {
    let near = |found: &Value, wanted: f64| found.as_f64().is_some_and(|found| (found - wanted).abs() < 1e-10);
    match value {
        Value::Array(all) => all.iter().any(|value| holds(value, name, estimate, error)),
        Value::Object(map) => {
            let named = map.values().any(|value| value == name);
            let of = |key: &str, wanted: f64| map.get(key).is_some_and(|found| near(found, wanted));
            (named && of("estimate", estimate) && of("std_error", error))
                || map.values().any(|value| holds(value, name, estimate, error))
        }
        _ => false,
    }
}

#[test]
fn what_cannot_be_estimated_has_its_reason_and_the_rest_runs() {
    let folder = Folder::with_sessions().with("grid.toml", GRID);
    let curve = folder.run(&["curve", "grid.toml", "--data", "s.csv", "--format", "json", "--draws", "0"]).json();
    let reasons = |choice: &str, option: &str| -> Vec<String> {
        let of = |one: &Value| one[format!("choice_{choice}")] == option && one["status"] == "failed";
        specifications(&curve).iter().filter(|one| of(one)).map(|one| one["reason"].to_string()).collect()
    };
    let odd = reasons("outcome", "odd");
    assert!(!odd.is_empty() && odd.iter().all(|reason| reason.contains("no_such_column")), "{odd:?}");
    assert!(reasons("sample", "none").iter().any(|reason| reason.contains("no rows")));
    assert!(reasons("coding", "linear").iter().any(|reason| reason.contains("i(expertise)")));
    let text = folder.run(&["curve", "grid.toml", "--data", "s.csv", "--draws", "99"]).ok();
    assert!(text.contains("Not estimated") && text.contains("could not be estimated"), "{text}");
}

#[test]
fn a_folder_has_every_file_and_plans_mark_what_they_name() {
    let folder = Folder::with_sessions()
        .with("grid.toml", GRID)
        .with("less.toml", GRID.replace(", { name = \"linear\", term = \"expertise\" }", ""));
    folder.run(&["plan", "lock", "less.toml", "--output", "plan.json"]).ok();
    let arguments = ["curve", "grid.toml", "--data", "s.csv", "--plan", "plan.json", "--draws", "99", "--out", "curve"];
    let first = folder.run(&arguments).ok();
    for file in ["specifications.csv", "rates.csv", "curve.json", "summary.md"] {
        assert!(folder.path(&format!("curve/{file}")).exists(), "{file}");
    }
    assert!(!folder.path("curve/unfinished").exists());
    let table = folder.read("curve/specifications.csv");
    let planned = table.lines().filter(|line| line.contains(",true,") && line.contains("levels")).count();
    assert!(
        planned > 0 && table.lines().any(|line| line.contains("linear") && line.contains(",false,false,")),
        "{table}"
    );
    assert_eq!(first, folder.run(&arguments).ok());
    let changed = folder.read("plan.json").replace("small", "large");
    std::fs::write(folder.path("plan.json"), changed).unwrap();
    let refused = folder.run(&arguments);
    assert!(refused.code == 2 && refused.err.contains("changed after it was locked"), "{}", refused.err);
}

#[test]
fn mistakes_in_grids_are_explained() {
    let folder = Folder::with_sessions()
        .with("key.toml", GRID.replace("outcome = \"verified\" }", "outcom = \"verified\" }"))
        .with("rule.toml", GRID.replace("[defaults]", "exclude = ['estimator == \"logti\"']\n[defaults]"))
        .with("grid.toml", GRID);
    let refused = |arguments: &[&str]| {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{}", ran.err);
        ran.err
    };
    let error = refused(&["curve", "key.toml", "--data", "s.csv"]);
    assert!(error.contains("outcom") && error.contains("did you mean `outcome`"), "{error}");
    let error = refused(&["curve", "rule.toml", "--data", "s.csv"]);
    assert!(error.contains("did you mean `logit`"), "{error}");
    let error = refused(&["curve", "gird.toml", "--data", "s.csv"]);
    assert!(error.contains("did you mean `grid.toml`"), "{error}");
    let error = refused(&["curve", "grid.toml", "--data", "s.csv", "--max", "3"]);
    assert!(error.contains("more than 3"), "{error}");
    let error = refused(&["curve", "y ~ sw(a, b", "--data", "s.csv"]);
    assert!(error.contains("a bracket is not closed"), "{error}");
}

#[test]
fn stepwise_formulas_work_in_fit() {
    let folder = Folder::with_sessions();
    let formula = "verified ~ expertise | csw0(work_mode, ^month)";
    let run = folder.run(&["fit", formula, "--data", "s.csv", "--cluster", "user_id", "--format", "json"]).json();
    let models = run["models"].as_array().unwrap();
    let formulas: Vec<&str> = models.iter().map(|model| model["formula"].as_str().unwrap()).collect();
    let expected =
        ["verified ~ expertise", "verified ~ expertise | work_mode", "verified ~ expertise | work_mode^month"];
    assert_eq!(formulas, expected);
    assert_eq!(models[2]["model"], "(3)");
}
