//! `metier figure`: pictures, numbers, suppression, tables that lack something, and tables that are odd.

use crate::support::{Folder, csv, root};
use std::collections::BTreeMap;

/// Rows of a CSV by column names; fields may be quoted.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let fields = |line: &str| {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                other => field.push(other),
            }
        }
        fields.push(field);
        fields
    };
    let mut lines = text.lines();
    let header = fields(lines.next().expect("a header"));
    lines.map(|line| header.iter().cloned().zip(fields(line)).collect()).collect()
}

fn of<'a>(rows: &'a [BTreeMap<String, String>], panel: &str) -> Vec<&'a BTreeMap<String, String>> {
    rows.iter().filter(|row| row["panel"] == panel).collect()
}

fn drawn(sessions: &str) -> Folder {
    let folder = Folder::new();
    folder.run(&["simulate", "--sessions", sessions, "--out", "s.csv", "--quiet"]).ok();
    folder
}

/// Every picture of a run is complete: the format is right and no number is missing in it.
fn check_pictures(folder: &Folder, out: &str) -> usize {
    let pictures: Vec<String> =
        folder.files().into_iter().filter(|name| name.starts_with(out) && name.ends_with(".svg")).collect();
    for name in &pictures {
        let text = folder.read(name);
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"), "{name}");
        assert!(
            !text.contains("NaN") && !text.contains("\"inf") && !text.contains("\"-inf"),
            "{name} holds a number that does not exist"
        );
        let png = std::fs::read(folder.path(&name.replace(".svg", ".png"))).expect("a picture");
        assert!(png.starts_with(b"\x89PNG"), "{name}");
    }
    pictures.len()
}

#[test]
fn all_figures_from_one_table() {
    let folder = drawn("6000");
    let out = folder.run(&["figure", "all", "--data", "s.csv", "--out", "f"]).ok();
    assert!(out.contains("Data: synthetic") && out.contains("figure6_fits.csv") && !out.contains("left out"), "{out}");
    assert_eq!(check_pictures(&folder, "f/"), 8);

    // shares and counts of Figure 1 by counting lines
    let sessions = rows(&folder.read("s.csv"));
    let shares = rows(&folder.read("f/figure1.csv"));
    let modes = of(&shares, "modes");
    assert_eq!(modes.len(), 9);
    for row in &modes {
        let found = sessions.iter().filter(|session| session["work_mode"] == row["position"]);
        let users: std::collections::BTreeSet<&String> = found.clone().map(|session| &session["user_id"]).collect();
        let n = found.count();
        assert_eq!((row["n_sessions"].clone(), row["n_users"].clone()), (n.to_string(), users.len().to_string()));
        assert!((row["value"].parse::<f64>().unwrap() - n as f64 / 6000.0).abs() < 1e-15);
        let [low, value, high] = ["conf_low", "value", "conf_high"].map(|name| row[name].parse::<f64>().unwrap());
        assert!(0.0 < low && low < value && value < high);
    }
    // largest first
    let values: Vec<f64> = modes.iter().map(|row| row["value"].parse().unwrap()).collect();
    assert!(values.is_sorted_by(|a, b| a >= b));

    // what stands in the picture is what stands in the table
    let picture = folder.read("f/figure1.svg");
    for row in &shares {
        let value: f64 = row["value"].parse().unwrap();
        assert!(picture.contains(&format!(">{:.0}%<", 100.0 * value)) || value < 0.0095, "{row:?}");
    }

    // the gap by month is the difference of the two lines
    let (cells, tests) = (rows(&folder.read("f/figure6.csv")), rows(&folder.read("f/figure6_tests.csv")));
    let months = of(&cells, "months");
    let rate = |series: &str, month: &str| -> f64 {
        let found = months.iter().find(|row| row["series"] == series && row["position"] == month);
        found.expect("a month")["value"].parse().unwrap()
    };
    for test in tests.iter().filter(|test| test["test"] == "gap") {
        let expected = rate("software", &test["from"]) - rate("other", &test["from"]);
        assert!((test["estimate"].parse::<f64>().unwrap() - expected).abs() < 1e-14);
    }
    assert_eq!(tests.iter().filter(|test| test["test"] == "trend of gap").count(), 1);
    assert!(cells.iter().any(|row| row["statistic"] == "adjusted_rate" && !row["value"].is_empty()));

    // the first month is the base of changes
    let changes = rows(&folder.read("f/figure4.csv"));
    let first: Vec<_> = of(&changes, "value").into_iter().filter(|row| row["position"] == "2025-10").collect();
    assert!(first.len() == 5 && first.iter().all(|row| row["value"].parse::<f64>().unwrap() == 0.0));
}

#[test]
fn the_numbers_drawn() {
    let folder = drawn("2000");
    folder.run(&["figure", "figure1", "figure3", "--data", "s.csv", "--out", "f", "--round", "4", "--quiet"]).ok();
    let texts = |name: &str| -> String {
        let picture = folder.read(name);
        let inside = picture.split("<text").skip(1).filter_map(|part| part.split_once('>')?.1.split_once("</text>"));
        inside.map(|(text, _)| format!("{text}\n")).collect()
    };
    insta::assert_snapshot!("figure1_data", folder.read("f/figure1.csv"));
    insta::assert_snapshot!("figure1_texts", texts("f/figure1.svg"));
    insta::assert_snapshot!("figure3_data", folder.read("f/figure3.csv"));
    insta::assert_snapshot!("figure3_texts", texts("f/figure3.svg"));
}

#[test]
fn cells_that_are_too_small_cannot_be_found_out() {
    let folder = drawn("1500");
    folder.run(&["figure", "figure1", "figure4", "--data", "s.csv", "--min-users", "40", "--out", "f"]).ok();
    let shares = rows(&folder.read("f/figure1.csv"));
    let (modes, groups) = (of(&shares, "modes"), of(&shares, "groups"));
    let is_gone = |row: &&&BTreeMap<String, String>| row["suppressed"] == "true";
    let gone = modes.iter().filter(is_gone).count();
    assert!(gone >= 2, "one empty cell would follow from the sum: {modes:?}");
    for row in shares.iter().filter(|row| row["suppressed"] == "true") {
        for column in ["value", "std_error", "conf_low", "conf_high", "n_sessions", "n_users", "n_total"] {
            assert_eq!(row[column], "", "{row:?}");
        }
    }
    for row in shares.iter().filter(|row| row["suppressed"] == "false") {
        assert!(row["n_users"].parse::<usize>().unwrap() >= 40, "{row:?}");
    }
    // a group of modes that is shown must not leave a single mode of it open
    let members = [
        ("writing_code", ["Build", "Fix", "Test", "Orchestrate"].as_slice()),
        ("operating", ["Operate"].as_slice()),
        ("planning", ["Plan", "Understand"].as_slice()),
        ("analysis", ["Analyze", "Communicate"].as_slice()),
    ];
    for (group, members) in members {
        let shown = groups.iter().any(|row| row["position"] == group && row["suppressed"] == "false");
        let open = modes.iter().filter(|row| members.contains(&row["position"].as_str())).filter(is_gone).count();
        assert!(!shown || open != 1, "{group}: {modes:?}");
    }
    // every month, and every mode over the months, has no or several empty cells
    let composition = rows(&folder.read("f/figure4.csv"));
    let composition = of(&composition, "composition");
    for column in ["position", "series"] {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        composition.iter().filter(is_gone).for_each(|row| *counts.entry(&row[column]).or_default() += 1);
        assert!(!counts.is_empty() && counts.values().all(|count| *count > 1), "{counts:?}");
    }
    assert!(folder.read("f/figure1.svg").contains("suppressed"));
    check_pictures(&folder, "f/");
}

#[test]
fn what_a_table_lacks_is_said() {
    let folder = Folder::new();
    std::fs::copy(root().join("data/example_sessions.csv"), folder.path("e.csv")).unwrap();
    let map = ["--map", "expertise=exp_rating", "--map", "task_value=price"];
    let run = |figure: &str| {
        let mut arguments = vec!["figure", figure, "--data", "e.csv", "--out", "f"];
        arguments.extend(map);
        folder.run(&arguments)
    };
    let out = run("figure1").ok();
    assert!(out.contains("left out panel `codebase`: there is no column `codebase_context`"), "{out}");
    assert!(folder.read("f/figure1.svg").contains("codebase_context"));
    let none = run("figure2");
    assert_eq!(none.code, 2);
    assert!(none.err.contains("planning_share"), "{}", none.err);
    let out = run("all").ok();
    assert!(out.contains("left out the regressions"), "{out}");
    check_pictures(&folder, "f/");
}

#[test]
fn odd_tables_are_drawn_or_refused_with_a_reason() {
    let folder = drawn("4000");
    let text = folder.read("s.csv");
    let header = text.lines().next().unwrap();
    let all: Vec<&str> = text.lines().skip(1).collect();
    let place = |name: &str| header.split(',').position(|column| column == name).unwrap();
    // fields before these hold no quoted commas except occupations, which stand later
    let table = |keep: &dyn Fn(&BTreeMap<String, String>) -> bool, most: usize| {
        let parsed = rows(&text);
        let kept = all.iter().zip(&parsed).filter(|(_, row)| keep(row)).take(most);
        let lines: Vec<&str> = std::iter::once(header).chain(kept.map(|(line, _)| *line)).collect();
        csv(&lines)
    };
    assert!(place("work_mode") > 0);
    let tables = [
        ("sixty", table(&|_| true, 60)),
        ("month", table(&|row| row["month"] == "2026-01", 4000)),
        ("occupation", table(&|row| row["user_occupation"] == "Legal" || row["user_occupation"] == "Unclear", 4000)),
        ("level", table(&|row| row["expertise"] != "3" && row["work_mode"] != "Fix", 4000)),
    ];
    for (name, content) in tables {
        std::fs::write(folder.path(&format!("{name}.csv")), content).unwrap();
        let ran = folder.run(&["figure", "all", "--data", &format!("{name}.csv"), "--out", name]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        assert_eq!(check_pictures(&folder, &format!("{name}/")), 8, "{name}");
        let strict =
            folder.run(&["figure", "all", "--data", &format!("{name}.csv"), "--out", "x", "--min-users", "15"]);
        assert_eq!(strict.code, 0, "{name}: {}", strict.err);
        check_pictures(&folder, "x/");
    }
    let levels = rows(&folder.read("level/figure3.csv"));
    assert!(levels.iter().all(|row| row["position"] != "3") && levels.iter().any(|row| row["position"] == "4"));
    let steps = rows(&folder.read("level/figure3_tests.csv"));
    assert!(steps.iter().any(|row| row["from"] == "2" && row["to"] == "4"));
}

const OWN: &str = r#"
name = "own"
title = "Länge nach Gruppe – 長さ"
user = "wer"

[[panel]]
name = "laenge"
title = "Mittlere Länge <m>"
chart = "dots"
statistic = "mean"
variable = "länge"
by = "gruppe"
tests = ["steps"]
unit = "number"
y_title = "Länge (m)"
"#;

#[test]
fn figures_of_ones_own() {
    let table =
        "wer,gruppe,länge\na,größer & mehr,2.5\nb,größer & mehr,3.5\nc,小さい,1\nd,小さい,2\nd,小さい,3\ne,,9\n";
    let folder = Folder::new().with("t.csv", table).with("own.toml", OWN);
    folder.run(&["figure", "own.toml", "--data", "t.csv", "--out", "f"]).ok();
    let cells = rows(&folder.read("f/own.csv"));
    let value = |level: &str| cells.iter().find(|row| row["position"] == level).unwrap()["value"].clone();
    assert_eq!((value("größer & mehr"), value("小さい")), (String::from("3.0"), String::from("2.0")));
    let picture = folder.read("f/own.svg");
    assert!(
        picture.contains("größer &amp; mehr")
            && picture.contains("Länge &lt;m&gt;")
            && picture.contains("5 sessions of 4 users")
    );
    check_pictures(&folder, "f/");

    for (change, to, message) in [
        ("statistic = \"mean\"", "statistic = \"average\"", "unknown variant `average`"),
        ("variable = \"länge\"", "variable = \"länge +\"", "`variable` of panel `laenge`"),
        ("variable = \"länge\"\n", "", "needs a `variable`"),
        ("by = \"gruppe\"\n", "", "exactly one of `by`, `bins` and `group`"),
        ("unit = \"number\"", "units = \"number\"", "unknown key `units`"),
        ("variable = \"länge\"", "variable = \"gruppe\"", "must be numbers"),
    ] {
        let folder = Folder::new().with("t.csv", table).with("own.toml", OWN.replace(change, to));
        let ran = folder.run(&["figure", "own.toml", "--data", "t.csv", "--out", "f"]);
        assert_eq!(ran.code, 2, "{to}: {}", ran.out);
        assert!(ran.err.contains(message), "{to}: {}", ran.err);
        assert!(!folder.path("f").exists());
    }
}

#[test]
fn names_and_numbers_that_mean_nothing() {
    let folder = drawn("300");
    let list = folder.run(&["figure", "--list"]).ok();
    assert!(list.lines().count() == 8 && list.contains("figure_a1"), "{list}");
    assert!(folder.run(&["figure", "--schema"]).json()["title"].as_str().unwrap().contains("figure file"));
    let wrong = folder.run(&["figure", "figre3", "--data", "s.csv"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `figure3`?"), "{}", wrong.err);
    let level = folder.run(&["figure", "figure1", "--data", "s.csv", "--conf-level", "95"]);
    assert!(level.code == 2 && level.err.contains("95 is no confidence level"), "{}", level.err);
    let nobody = folder.run(&["figure", "figure1"]);
    assert_eq!(nobody.code, 2);
}
