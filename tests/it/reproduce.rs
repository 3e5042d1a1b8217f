//! The main job on a small synthetic table: every file, every published number, the same numbers from a file.

use crate::support::{Folder, root, run_in};
use std::collections::BTreeSet;

/// Enough sessions for every model, few enough for a build without optimisation.
pub const SESSIONS: &str = "20000";

const FILES: [&str; 89] = [
    "comparison.csv",
    "comparison.md",
    "figure1.csv",
    "figure1.md",
    "figure1.pdf",
    "figure1.png",
    "figure1.svg",
    "figure1.tex",
    "figure2.csv",
    "figure2.md",
    "figure2.pdf",
    "figure2.png",
    "figure2.svg",
    "figure2.tex",
    "figure3.csv",
    "figure3.md",
    "figure3.pdf",
    "figure3.png",
    "figure3.svg",
    "figure3.tex",
    "figure3_fits.csv",
    "figure3_tests.csv",
    "figure4.csv",
    "figure4.md",
    "figure4.pdf",
    "figure4.png",
    "figure4.svg",
    "figure4.tex",
    "figure4_tests.csv",
    "figure5.csv",
    "figure5.md",
    "figure5.pdf",
    "figure5.png",
    "figure5.svg",
    "figure5.tex",
    "figure5_fits.csv",
    "figure5_fits.json",
    "figure5_fits.md",
    "figure5_fits.tex",
    "figure5_logit_fits.csv",
    "figure5_logit_fits.json",
    "figure5_logit_fits.md",
    "figure5_logit_fits.tex",
    "figure6.csv",
    "figure6.md",
    "figure6.pdf",
    "figure6.png",
    "figure6.svg",
    "figure6.tex",
    "figure6_fits.csv",
    "figure6_tests.csv",
    "figure_a1.csv",
    "figure_a1.md",
    "figure_a1.pdf",
    "figure_a1.png",
    "figure_a1.svg",
    "figure_a1.tex",
    "figure_a2.csv",
    "figure_a2.md",
    "figure_a2.pdf",
    "figure_a2.png",
    "figure_a2.svg",
    "figure_a2.tex",
    "figure_a2_tests.csv",
    "label_checks.csv",
    "label_checks.md",
    "label_checks.pdf",
    "label_checks.png",
    "label_checks.svg",
    "label_checks.tex",
    "metier.lock.json",
    "report.html",
    "report.pdf",
    "results.csv",
    "results.json",
    "table_a1.csv",
    "table_a1.json",
    "table_a1.md",
    "table_a1.pdf",
    "table_a1.png",
    "table_a1.svg",
    "table_a1.tex",
    "table_a2.csv",
    "table_a2.json",
    "table_a2.md",
    "table_a2.pdf",
    "table_a2.png",
    "table_a2.svg",
    "table_a2.tex",
];

/// The first five fields name a number, in the published table and in the comparison.
fn names_of(csv: &str, figures: &[&str]) -> BTreeSet<String> {
    let rows = csv.lines().skip(1).filter(|row| figures.iter().any(|figure| row.starts_with(&format!("{figure},"))));
    rows.map(|row| row.split(',').take(5).collect::<Vec<_>>().join(",")).collect()
}

#[test]
fn the_main_job_and_the_same_from_a_file() {
    let folder = Folder::new();
    let ran = folder.run(&["reproduce", "--sessions", SESSIONS, "--out", "a"]);
    let summary = ran.ok();
    assert!(summary.contains("synthetic") && summary.contains("report.html"), "{summary}");
    let expected: BTreeSet<String> = FILES.iter().map(|name| format!("a/{name}")).collect();
    assert_eq!(folder.files(), expected);

    for name in FILES.iter().filter(|name| [".md", ".tex", ".svg", ".html"].iter().any(|end| name.ends_with(end))) {
        assert!(folder.read(&format!("a/{name}")).contains("synthetic"), "{name} does not say that it is synthetic");
    }
    let results: serde_json::Value = serde_json::from_str(&folder.read("a/results.json")).unwrap();
    assert!(results["data_note"].as_str().unwrap().contains("synthetic"));
    assert!(std::fs::read(folder.path("a/figure5.png")).unwrap().starts_with(b"\x89PNG"));
    let pdf = std::fs::read(folder.path("a/report.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF") && String::from_utf8_lossy(&pdf).matches("/MediaBox").count() == 11);

    let figures = ["Figure 5", "Table A1", "Table A2"];
    let published = std::fs::read_to_string(root().join("data/published.csv")).unwrap();
    let compared = folder.read("a/comparison.csv");
    let (published, ours) = (names_of(&published, &figures), names_of(&compared, &figures));
    assert!(published.len() > 60, "{}", published.len());
    assert_eq!(published, ours);

    // the same table by way of a text file: floating-point numbers round trip
    folder.run(&["simulate", "--sessions", SESSIONS, "--out", "s.csv", "--quiet"]).ok();
    let ran = folder.run(&["reproduce", "--data", "s.csv", "--out", "b", "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    for name in FILES.iter().filter(|name| name.ends_with(".csv")) {
        assert!(folder.read(&format!("a/{name}")) == folder.read(&format!("b/{name}")), "{name} differs");
    }
    // the file is marked as synthetic, and so is what is made from it
    assert!(folder.read("b/table_a1.md").contains("synthetic"));
}

#[test]
fn a_seed_is_a_table() {
    let folder = Folder::new();
    let draw = |seed: &str, name: &str| {
        folder.run(&["simulate", "--sessions", "3000", "--seed", seed, "--out", name, "--quiet"]).ok();
        folder.read(name)
    };
    let first = draw("7", "a.csv");
    assert!(first == draw("7", "b.csv") && first != draw("8", "c.csv"));
    assert_eq!(first.lines().count(), 3001);
    let ran = folder.run(&["simulate", "--sessions", "3000", "--out", "d.ndjson"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(ran.err, "wrote 3000 synthetic sessions (seed 1) to d.ndjson\n");
}

#[test]
fn check_tells_good_from_bad() {
    let folder = Folder::new();
    folder.run(&["simulate", "--sessions", "3000", "--out", "good.csv", "--quiet"]).ok();
    let good = folder.run(&["check", "good.csv"]);
    assert_eq!((good.code, good.err.as_str()), (0, ""), "{}", good.out);
    let text = folder.read("good.csv");
    assert!(text.contains(",Build,"));
    let folder = folder.with("bad.csv", text.replacen(",Build,", ",Bild,", 2));
    let bad = folder.run(&["check", "bad.csv"]);
    assert_eq!((bad.code, bad.err.as_str()), (1, ""));
    for part in ["work_mode", "`Bild`", "did you mean `Build`?", "bad.csv, row "] {
        assert!(bad.out.contains(part), "{part} is not in\n{}", bad.out);
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("metier"));
    command.arg("schema").stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    // and a usage error outside any folder of data is one line of words, not a trace
    assert_eq!(run_in(root(), &["models", "nothing"], "").code, 2);
}
