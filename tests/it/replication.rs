//! Lock files: the same run, and every way in which one may not be the same.

use crate::support::{Folder, Ran};

const MODEL: &str = "name = \"m\"\n[defaults]\ncluster = \"user_id\"\nrates = \"expertise\"\n[[model]]\nname = \"A\"\nformula = \"verified ~ i(expertise, ref = 1) | work_mode\"\n";

/// A folder with a table, a model file and the lock of its run.
fn locked() -> Folder {
    let folder = Folder::with_sessions().with("m.toml", MODEL);
    folder.run(&["fit", "--model", "m.toml", "--data", "s.csv", "--lock", "l.json", "--output", "r.json"]).ok();
    folder
}

fn verify(folder: &Folder, more: &[&str]) -> Ran {
    folder.run(&["verify", "l.json"].iter().chain(more).copied().collect::<Vec<_>>())
}

#[track_caller]
fn says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{}", ran.out);
    // lines are broken where the width of the text ends
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(text.contains(part), "{part}\n{}", ran.out);
    }
}

#[test]
fn the_same_run_is_the_same_bit_by_bit() {
    let folder = locked();
    says(&verify(&folder, &[]), 0, &["The results are as locked", "the same bytes", "specification: as locked"]);
    says(&verify(&folder, &["--threads", "3"]), 0, &["The results are as locked"]);
    let lock: serde_json::Value = serde_json::from_str(&folder.read("l.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(lock["results"]["models"], results["models"]);
    assert_eq!(lock["flow"][0]["rows_used"], results["models"][0]["n_obs"]);
}

#[test]
fn one_changed_value_is_found_with_what_it_changes() {
    let folder = locked();
    let mut lines: Vec<String> = folder.read("s.csv").lines().map(str::to_owned).collect();
    let header: Vec<&str> = lines[0].split(',').collect();
    let at = header.iter().position(|name| *name == "verified").expect("an outcome");
    let mut fields: Vec<String> = lines[7].split(',').map(str::to_owned).collect();
    fields[at] = String::from(if fields[at] == "1" { "0" } else { "1" });
    lines[7] = fields.join(",");
    let folder = folder.with("s.csv", lines.join("\n") + "\n");
    let ran = verify(&folder, &[]);
    says(
        &ran,
        1,
        &["not as locked", "values changed, in 300 rows", "coefficients[expertise::2].estimate", "other bytes"],
    );
    let exact = verify(&folder, &["--format", "json"]);
    assert_eq!(exact.code, 1);
    let rows: serde_json::Value = serde_json::from_str(&exact.out).unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["kind"] == "result" && row["agreeing_digits"].is_u64()));
}

#[test]
fn rows_in_another_order_are_told_from_changed_values() {
    let folder = locked();
    let text = folder.read("s.csv");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    let reversed = lines.join("\n") + "\n";
    let folder = folder.with("reversed.csv", reversed);
    let ran = verify(&folder, &["--data", "reversed.csv", "--digits", "9"]);
    says(&ran, 0, &["the rows are in another order", "to 9 significant digits"]);
    // a column that no model uses
    let more: String = text
        .lines()
        .enumerate()
        .map(|(at, line)| format!("{line},{}\n", if at == 0 { "extra" } else { "1" }))
        .collect();
    let folder = folder.with("more.csv", more);
    says(&verify(&folder, &["--data", "more.csv"]), 0, &["the files differ elsewhere"]);
}

#[test]
fn a_changed_model_file_is_named_by_its_key() {
    let folder = locked().with("m.toml", MODEL.replace("| work_mode", "| month"));
    let ran = verify(&folder, &[]);
    says(&ran, 1, &["specification: `m` A: `formula` is `verified ~ i(expertise, ref = 1) | month`, locked with"]);
    // comments and spaces are no change
    let folder = folder.with("m.toml", format!("# a comment\n{MODEL}"));
    says(&verify(&folder, &[]), 0, &["specification: as locked"]);
}

#[test]
fn the_content_hash_is_that_of_the_documented_definition() {
    let data = std::fs::read_to_string(crate::support::root().join("data/fatalities.csv")).unwrap();
    let folder = Folder::new().with("f.csv", data);
    folder.run(&["fit", "frate ~ beertax | state", "--data", "f.csv", "--lock", "l.json"]).ok();
    let lock: serde_json::Value = serde_json::from_str(&folder.read("l.json")).unwrap();
    let oracle = std::fs::read_to_string(crate::support::root().join("tests/oracles/content_hash.json")).unwrap();
    let oracle: serde_json::Value = serde_json::from_str(&oracle).unwrap();
    for key in ["rows", "sum", "ordered"] {
        assert_eq!(lock["data"]["content"][key], oracle["fatalities"][key], "{key}");
    }
}

#[test]
fn a_folder_for_replication_runs_by_itself() {
    let folder = locked();
    let ran = folder.run(&["package", "l.json", "--out", "p", "--with-data", "--title", "A study", "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    let files: Vec<String> =
        folder.files().into_iter().filter_map(|name| Some(name.strip_prefix("p/")?.to_owned())).collect();
    let expected = [
        "MANIFEST.sha256",
        "README.md",
        "data.sha256",
        "data/s.csv",
        "metier.lock.json",
        "results/results.csv",
        "results/results.json",
        "results/tables.md",
        "results/tables.tex",
        "run.sh",
        "specification/m.toml",
    ];
    assert_eq!(files, expected);
    let inside = Folder::new();
    for name in &files {
        let path = inside.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(folder.path("p").join(name), path).unwrap();
    }
    says(&inside.run(&["verify", "metier.lock.json"]), 0, &["The results are as locked"]);
    if cfg!(target_os = "linux") {
        let program = assert_cmd::cargo::cargo_bin!("metier");
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let done = std::process::Command::new("sh").arg(inside.path("run.sh")).env("PATH", path).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let first: serde_json::Value = serde_json::from_str(&inside.read("results/results.json")).unwrap();
        let again: serde_json::Value = serde_json::from_str(&inside.read("rerun/results.json")).unwrap();
        assert_eq!(first["models"], again["models"]);
        assert_eq!(inside.read("results/tables.tex"), inside.read("rerun/tables.tex"));
        let sums = std::process::Command::new("sha256sum")
            .args(["--quiet", "-c", "MANIFEST.sha256"])
            .current_dir(inside.path(""))
            .output()
            .unwrap();
        assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    }
}

#[test]
fn figures_are_locked_with_their_numbers() {
    let folder = Folder::new();
    folder.run(&["simulate", "--sessions", "600", "--out", "s.csv", "--quiet"]).ok();
    folder
        .run(&["figure", "figure1", "figure_a1", "--data", "s.csv", "--out", "f", "--lock", "l.json", "--quiet"])
        .ok();
    let lock: serde_json::Value = serde_json::from_str(&folder.read("l.json")).unwrap();
    let files: Vec<&str> =
        lock["exhibits"].as_array().unwrap().iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["figure1.csv", "figure_a1.csv"]);
    says(&verify(&folder, &[]), 0, &["The results are as locked", "specification: as locked"]);
    if cfg!(target_os = "linux") {
        let sum = std::process::Command::new("sha256sum").arg(folder.path("f/figure1.csv")).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        assert_eq!(lock["exhibits"][0]["sha256"].as_str(), sum.split(' ').next());
    }

    let ran = folder.run(&["package", "l.json", "--out", "p", "--with-data", "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let readme = folder.read("p/README.md");
    assert!(readme.contains("`results/figure1.csv`") && readme.contains("Figure 1: What people do"), "{readme}");
    assert_eq!(folder.read("p/results/figure1.csv"), folder.read("f/figure1.csv"));
    let inside = Folder::new();
    for name in folder.files().iter().filter_map(|name| name.strip_prefix("p/")) {
        std::fs::create_dir_all(inside.path(name).parent().unwrap()).unwrap();
        std::fs::copy(folder.path("p").join(name), inside.path(name)).unwrap();
    }
    says(&inside.run(&["verify", "metier.lock.json"]), 0, &["The results are as locked"]);

    // one session more of one kind
    let text = folder.read("s.csv");
    let folder = folder.with("s.csv", text.replacen(",Fix,", ",Build,", 1));
    says(&verify(&folder, &[]), 1, &["figure1.csv: modes / Fix", "n_sessions", "not as locked"]);
}

#[test]
fn what_is_no_lock_is_refused() {
    let folder = locked();
    let lock = folder.read("l.json");
    let at = lock.find("\"std_error\": ").expect("a number") + "\"std_error\": ".len();
    let changed = format!("{}1{}", &lock[..at], &lock[at..]);
    let folder = folder
        .with("changed.json", changed)
        .with("newer.json", lock.replacen("\"lock_version\": 1", "\"lock_version\": 7", 1))
        .with("other.json", lock.replacen("\"fit\",", "\"models\",", 1));
    for (arguments, expected) in [
        (&["verify", "r.json"][..], "this is no lock file"),
        (&["verify", "none.json"], "cannot read the lock file `none.json`"),
        (&["verify", "newer.json"], "the lock file has version 7"),
        (&["verify", "changed.json"], "not those it was written with"),
        (&["verify", "other.json"], "the command in the lock file is n"),
        (&["package", "l.json", "--out", "."], "is not empty"),
        (&["fit", "verified ~ i(expertise)", "--data", "-", "--lock", "x.json"], "standard input cannot be locked"),
    ] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(expected), "{arguments:?}\n{}", ran.err);
    }
    let folder = folder.with("s.csv", "changed,table\n1,2\n");
    let ran = folder.run(&["package", "l.json", "--out", "q", "--with-data"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is not the file that was locked"), "{}", ran.err);
    assert!(!folder.path("q").exists());
}

#[test]
fn the_file_of_a_target_is_locked_and_named_when_it_changes() {
    let folder = Folder::with_sessions();
    let modes: std::collections::BTreeSet<String> = {
        let text = folder.read("s.csv");
        let at = text.lines().next().unwrap().split(',').position(|name| name == "work_mode").unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
    };
    // equal shares of the modes that the table has
    let n = modes.len() as f64;
    let shares: String = modes.iter().map(|mode| format!("{mode},{}\n", 1.0 / n)).collect();
    let folder = folder.with("shares.csv", format!("work_mode,share\n{shares}"));
    let formula = "verified ~ i(expertise, ref = 1) | work_mode";
    let words =
        ["fit", formula, "--rates", "expertise", "--target", "shares.csv", "--data", "s.csv", "--lock", "l.json"];
    folder.run(&words).ok();
    let lock: serde_json::Value = serde_json::from_str(&folder.read("l.json")).unwrap();
    assert_eq!(lock["data"]["targets"][0]["file"], "shares.csv");
    assert_eq!(lock["data"]["targets"][0]["rows"], modes.len());
    says(&verify(&folder, &[]), 0, &["target shares.csv: the same bytes"]);

    // the folder for replication has it, and runs
    let ran = folder.run(&["package", "l.json", "--out", "p", "--with-data", "--title", "A study", "--quiet"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(folder.read("p/run.sh").contains("--target data/shares.csv"), "{}", folder.read("p/run.sh"));
    assert_eq!(folder.read("p/data/shares.csv"), folder.read("shares.csv"));
    assert!(folder.read("p/data.sha256").contains("data/shares.csv"));
    let there = crate::support::run_in(&folder.path("p"), &["verify", "metier.lock.json"], "");
    assert_eq!((there.code, there.err.as_str()), (0, ""), "{}", there.out);

    // other shares: the file is named, and the rates that it moved
    let folder = folder.with("shares.csv", other_shares(&modes));
    says(&verify(&folder, &[]), 1, &["target shares.csv: other bytes", "rates"]);
}

/// Twice as much of the first mode as of every other.
fn other_shares(modes: &std::collections::BTreeSet<String>) -> String {
    let unit = 1.0 / (modes.len() as f64 + 1.0);
    let share = |at: usize| if at == 0 { 2.0 * unit } else { unit };
    let lines: String = modes.iter().enumerate().map(|(at, mode)| format!("{mode},{}\n", share(at))).collect();
    format!("work_mode,share\n{lines}")
}
