//! `metier coverage`: tiny studies, whose tables have their shape and whose bits have no threads.

use crate::support::Folder;

const TINY: [&str; 7] = ["coverage", "--clusters", "60", "--draws", "4", "--seed", "9"];

fn tiny(more: &[&str]) -> Vec<String> {
    TINY.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn run(folder: &Folder, more: &[&str]) -> crate::support::Ran {
    let words = tiny(more);
    folder.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_method_has_its_line_and_its_rows() {
    let folder = Folder::new();
    let text = run(&folder, &[]).ok();
    for line in ["heavy-tailed, 60 users", "ols: default: cr1 or cr3", "logit: iid", "4 panels, seed 9"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let records = run(&folder, &["--format", "json"]).json();
    let rows = records.as_array().unwrap();
    // coefficients 4, rates 5, steps 4, ratios 4; a fixed composition has no coefficients of its own
    let fits = 2 * (5 * 17 + 2 * 13);
    let of = |method: &str| rows.iter().filter(|row| row["method"] == method).count();
    assert!(rows.len() >= fits, "{} rows", rows.len());
    assert_eq!([of("default"), of("cr1_fixed_composition"), of("iid"), of("wild_bootstrap")], [34, 26, 34, 4]);
    let default = |row: &&serde_json::Value| row["method"] == "default" && row["family"] == "ols";
    for row in rows.iter().filter(default) {
        let coverage = row["coverage"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&coverage), "{row}");
        assert!(row["std_deviation"].as_f64().unwrap() > 0.0 && row["mean_std_error"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["draws"].as_u64().unwrap() + row["failed"].as_u64().unwrap(), 4);
    }
}

#[test]
fn the_bits_do_not_depend_on_threads_and_the_seed_matters() {
    let folder = Folder::new();
    let one = run(&folder, &["--format", "csv", "--threads", "1"]).ok();
    assert_eq!(one, run(&folder, &["--format", "csv", "--threads", "3"]).ok());
    let words = ["coverage", "--clusters", "60", "--draws", "4", "--seed", "10", "--format", "csv"];
    assert_ne!(one, folder.run(&words).ok());
    run(&folder, &["--output", "c.csv"]).ok();
    assert_eq!(one, folder.read("c.csv"));
}

#[test]
fn numbers_out_of_range_are_refused_with_the_way_out() {
    let folder = Folder::new();
    for (words, said) in [
        (["--draws", "1"], "1 draws are out of range"),
        (["--clusters", "4"], "4 users are out of range"),
        (["--conf-level", "1.5"], "is not between 0 and 1"),
        (["--threads", "0"], "the number of threads is 0"),
    ] {
        let ran = folder.run(&["coverage", words[0], words[1]]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains("hint:") && ran.out.is_empty(), "{}", ran.err);
    }
    assert!(folder.files().is_empty());
}
