//! `metier bootstrap` from outside: every method, every output, refusals, and what an interrupted run leaves.

use crate::support::{Folder, SMALL};
use serde_json::Value;

const FORMULA: &str = "verified ~ i(expertise, ref = 1) | work_mode";

fn arguments<'a>(formula: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["bootstrap", formula, "--data", "s.csv", "--cluster", "user_id"].into_iter().chain(more.iter().copied()).collect()
}

fn run(folder: &Folder, more: &[&str]) -> Value {
    let more: Vec<&str> = more.iter().copied().chain(["--format", "json"]).collect();
    folder.run(&arguments(FORMULA, &more)).json()
}

fn results(document: &Value) -> &Vec<Value> {
    document["results"].as_array().expect("results")
}

#[test]
fn every_method_prints_its_table_and_the_fits_estimates() {
    let folder = Folder::with_sessions();
    let words = ["fit", FORMULA, "--data", "s.csv", "--cluster", "user_id", "--vcov", "cr1", "--format", "json"];
    let fit = folder.run(&words).json();
    let expected = fit["models"][0]["coefficients"].as_array().unwrap().clone();
    for (method, heading, draws) in [
        ("wild", "(WCR)", "199"),
        ("wild-unrestricted", "(WCU)", "199"),
        ("score", "Score bootstrap", "199"),
        ("users", "Bootstrap of users", "39"),
        ("permute", "Permutation test", "19"),
    ] {
        let more = ["--method", method, "--draws", draws];
        let text = folder.run(&arguments(FORMULA, &more)).ok();
        assert!(text.contains(heading) && text.contains("expertise::5"), "{text}");
        let document = run(&folder, &more);
        assert_eq!(document["method"], method.replace('-', "_"));
        for (row, coefficient) in results(&document).iter().zip(&expected) {
            assert_eq!(row["name"], coefficient["term"], "{method}");
            for key in ["estimate", "std_error"] {
                let (ours, theirs) = (row[key].as_f64().unwrap(), coefficient[key].as_f64().unwrap());
                assert!((ours / theirs - 1.0).abs() < 1e-9, "{method} {key}: {ours} {theirs}");
            }
            let p = row["p_value"].as_f64();
            assert!(method == "users" || p.is_some_and(|p| (0.0..=1.0).contains(&p)), "{method}");
        }
        // what a reader's formats and the scripts' formats have in common
        for format in ["csv", "markdown", "latex", "html"] {
            let more = ["--method", method, "--draws", draws, "--format", format];
            assert!(folder.run(&arguments(FORMULA, &more)).ok().contains("expertise::5"), "{method} {format}");
        }
    }
}

#[test]
fn hypotheses_are_chosen_and_draws_saved() {
    let folder = Folder::with_sessions();
    let more = ["--draws", "199", "--null", "expertise::5 = 0.1", "--term", "expertise::2", "--save-draws", "d.csv"];
    let document = run(&folder, &more);
    let chosen: Vec<(&str, f64)> = results(&document)
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["null_value"].as_f64().unwrap()))
        .collect();
    assert_eq!(chosen, [("expertise::2", 0.0), ("expertise::5", 0.1)]);
    let row = &results(&document)[1];
    let (low, high) = (row["conf_low"].as_f64().unwrap(), row["conf_high"].as_f64().unwrap());
    // a value is outside the interval exactly if its p-value is no larger than the level
    for (value, inside) in [(low - 1e-4, false), (low + 1e-4, true), (high - 1e-4, true), (high + 1e-4, false)] {
        let null = format!("expertise::5 = {value}");
        let p = results(&run(&folder, &["--draws", "199", "--null", &null]))[0]["p_value"].as_f64().unwrap();
        assert_eq!(p > 0.05, inside, "{value}: {p}");
    }
    let saved = folder.read("d.csv");
    assert_eq!(saved.lines().count(), 1 + 2 * 199);
    assert!(saved.starts_with("model,outcome,sample,name,null_value,draw,value,data_note\n"));
    // p-value from the file: the share of draws beyond the statistic
    let statistic = results(&document)[0]["statistic"].as_f64().unwrap().abs();
    let drawn = saved.lines().filter(|line| line.contains(",expertise::2,"));
    let beyond = drawn.filter(|line| line.split(',').nth(6).unwrap().parse::<f64>().unwrap().abs() > statistic).count();
    assert!((results(&document)[0]["p_value"].as_f64().unwrap() - beyond as f64 / 199.0).abs() < 1e-12);
}

#[test]
fn samples_outcomes_and_rates_are_resampled_in_order() {
    let folder = Folder::with_sessions();
    let formula = "verified + partial ~ i(expertise, ref = 1)";
    let more =
        ["--draws", "39", "--method", "users", "--rates", "expertise", "--split", "software", "--format", "json"];
    let document = folder.run(&arguments(formula, &more)).json();
    let found: Vec<(&str, &str)> = results(&document)
        .iter()
        .filter(|row| row["name"] == "rate::3")
        .map(|row| (row["sample"].as_str().unwrap(), row["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("0", "verified"), ("0", "partial"), ("1", "verified"), ("1", "partial")]);
}

#[test]
fn what_cannot_be_done_is_refused_with_the_way_out() {
    let folder = Folder::with_sessions().with("small.csv", SMALL);
    let refused = |code: i32, arguments: &[&str], words: [&str; 2]| {
        let before = folder.files();
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{}", ran.err);
        assert!(words.iter().all(|word| ran.err.contains(word)), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
        assert_eq!(folder.files(), before);
    };
    let with = |more: &[&'static str]| arguments(FORMULA, more);
    refused(2, &with(&["--draws", "10"]), ["10 draws", "--draws 19"]);
    refused(2, &with(&["--draws", "0"]), ["0 draws", "--draws 9999"]);
    refused(2, &with(&["--term", "expertise::6"]), ["no coefficient `expertise::6`", "did you mean"]);
    refused(2, &with(&["--null", "expertise::5"]), ["no hypothesis", "expertise::5 = 0.1"]);
    refused(2, &with(&["--null", "expertise::5 = x"]), ["no hypothesis", "expertise::5 = 0.1"]);
    refused(2, &with(&["--family", "logit"]), ["linear models", "--method"]);
    refused(2, &with(&["--method", "users", "--weights-type", "webb"]), ["no meaning", "`score`"]);
    refused(
        2,
        &with(&["--method", "score", "--family", "logit", "--null", "expertise::3 = 1"]),
        ["against zero", "ols"],
    );
    refused(2, &with(&["--method", "permute", "--permute", "expertize"]), ["no regressor", "did you mean `expertise`"]);
    refused(2, &with(&["--vcov", "hc1"]), ["cluster-robust", "--vcov"]);
    refused(2, &with(&["--save-draws", "d.txt"]), ["neither .csv nor .json", "draws.csv"]);
    let plain = ["bootstrap", FORMULA, "--data", "s.csv"];
    refused(2, &plain, ["needs a cluster variable", "--cluster user_id"]);
    let two = ["bootstrap", FORMULA, "--data", "s.csv", "--cluster", "user_id+month"];
    refused(2, &two, ["one variable", "--cluster user_id"]);
    let one = ["bootstrap", "y ~ x", "--data", "small.csv", "--cluster", "user", "--where", "user == \"u1\""];
    refused(3, &one, ["two clusters", "user"]);
}

/// The output is written once, to a temporary file that is renamed: a run that is killed leaves nothing, and what was there
/// before stays as it was.
#[test]
fn an_interrupted_run_leaves_no_half_file() {
    let folder = Folder::with_sessions().with("out.json", "before");
    let before = folder.files();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("metier"));
    command.current_dir(folder.path("")).args(arguments(
        FORMULA,
        &["--method", "users", "--draws", "1000000", "--output", "out.json", "--save-draws", "d.csv"],
    ));
    let mut child = command.spawn().expect("the program runs");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(child.try_wait().expect("state").is_none(), "still at work");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!((folder.files(), folder.read("out.json").as_str()), (before, "before"));
}
