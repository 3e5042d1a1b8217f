//! Targets that are files: shares, and other tables.

use crate::support::Folder;

const FORMULA: &str = "verified ~ i(expertise, ref = 1) | work_mode + month";

fn rates(folder: &Folder, more: &[&str]) -> Vec<(f64, f64)> {
    let base = ["fit", FORMULA, "--data", "s.csv", "--cluster", "user_id", "--rates", "expertise", "--format", "json"];
    let document = folder.run(&[&base[..], more].concat()).json();
    let rows = document["models"][0]["rates"].as_array().unwrap();
    rows.iter().map(|row| (row["estimate"].as_f64().unwrap(), row["std_error"].as_f64().unwrap())).collect()
}

#[test]
fn one_kind_of_work_is_the_same_as_a_condition_a_share_and_a_table() {
    let folder = Folder::with_sessions()
        .with("share.csv", "work_mode,share\nFix,1\nBuild,0\n")
        .with("other.csv", "id,work_mode\na,Fix\nb,Fix\nc,Fix\n");
    let condition = rates(&folder, &["--target", "work_mode == \"Fix\"", "--composition", "fixed"]);
    let share = rates(&folder, &["--target", "share.csv"]);
    let other = rates(&folder, &["--target", "other.csv", "--target-by", "work_mode"]);
    for ((condition, share), other) in condition.iter().zip(&share).zip(&other) {
        assert!(
            (condition.0 - share.0).abs() < 1e-12 && (condition.1 - share.1).abs() < 1e-10,
            "{condition:?} {share:?}"
        );
        assert!(
            (condition.0 - other.0).abs() < 1e-12 && (condition.1 - other.1).abs() < 1e-10,
            "{condition:?} {other:?}"
        );
    }
    // the variables of the fixed effects, if none are named
    let ran = folder.run(&["fit", FORMULA, "--data", "s.csv", "--rates", "expertise", "--target", "other.csv"]);
    assert!(ran.code == 2 && ran.err.contains("month"), "{}", ran.err);
}

#[test]
fn files_that_are_no_target_are_refused_with_the_way_out() {
    let folder = Folder::with_sessions()
        .with("sum.csv", "work_mode,share\nFix,0.5\nBuild,0.4\n")
        .with("twice.csv", "work_mode,share\nFix,0.5\nFix,0.5\n")
        .with("unknown.csv", "work_mode,share\nFix,0.5\nSleep,0.5\n")
        .with("negative.csv", "work_mode,share\nFix,1.5\nBuild,-0.5\n")
        .with("good.csv", "work_mode,share\nFix,0.5\nBuild,0.5\n");
    let refuse = |more: &[&str], wanted: &[&str]| {
        let base = ["fit", FORMULA, "--data", "s.csv", "--cluster", "user_id", "--rates", "expertise"];
        let ran = folder.run(&[&base[..], more].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more:?}: {}", ran.err);
        wanted.iter().for_each(|text| assert!(ran.err.contains(text), "{more:?}: {text} in {}", ran.err));
    };
    refuse(&["--target", "sum.csv"], &["sum to 0.9", "divide them"]);
    refuse(&["--target", "twice.csv"], &["twice.csv, row 2", "row 1 again"]);
    refuse(&["--target", "unknown.csv"], &["`Sleep`"]);
    refuse(&["--target", "negative.csv"], &["negative.csv, row 1", "1.5"]);
    refuse(&["--target", "good.csv", "--target-by", "month"], &["`share`", "--target-by"]);
    refuse(&["--target", "good.csv", "--composition", "sampled"], &["good.csv", "held fixed"]);
    refuse(&["--target", "missing.csv"], &["missing.csv"]);
    refuse(&["--target-by", "month"], &["--target"]);
    for verb in ["estimators", "margins"] {
        let ran = folder.run(&[
            verb,
            FORMULA,
            "--data",
            "s.csv",
            "--cluster",
            "user_id",
            "--rates",
            "expertise",
            "--target",
            "good.csv",
        ]);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains("`good.csv`"), "{verb}: {}", ran.err);
    }
    assert_eq!(rates(&folder, &["--target", "good.csv"]).len(), 5);
}
