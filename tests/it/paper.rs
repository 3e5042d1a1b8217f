//! Tables and figures from saved fits, by the program as users run it.

use crate::support::{Folder, SMALL};

/// Three saved models of two files.
fn saved() -> Folder {
    let folder = Folder::with_sessions();
    let fit = |formula: &str, family: &str, output: &str| {
        let common = ["--data", "s.csv", "--cluster", "user_id", "--rates", "expertise", "--output", output];
        let first = ["fit", formula, "--family", family];
        folder.run(&first.into_iter().chain(common).collect::<Vec<_>>()).ok();
    };
    fit("verified ~ i(expertise, ref = 1) | work_mode", "ols", "a.json");
    fit("verified ~ i(expertise, ref = 1) + log(actions + 1) | month", "ols", "b.json");
    folder
}

#[test]
fn models_of_two_files_stand_side_by_side_in_every_format() {
    let folder = saved();
    for (name, start) in [
        ("t.txt", "Results\n"),
        ("t.md", "**Results**"),
        ("t.tex", "% needs \\usepackage{booktabs}"),
        ("t.html", "<!doctype html>"),
        ("t.typ", "#figure("),
        ("t.csv", "panel,column,heading,file,"),
        ("t.json", "[\n"),
    ] {
        folder.run(&["table", "a.json", "b.json", "--caption", "Results", "--output", name]).ok();
        let text = folder.read(name);
        assert!(text.starts_with(start), "{name}: {text}");
        assert!(text.contains("log(actions + 1)"), "{name}");
    }
    // both files have a model (1): they are numbered through
    let text = folder.read("t.txt");
    let header = text.lines().nth(2).unwrap();
    assert!(header.contains("(1)") && header.contains("(2)"), "{header}");
}

#[test]
fn the_numbers_of_the_table_are_those_of_the_fits() {
    let folder = saved();
    let exact = folder.run(&["table", "a.json", "b.json", "--format", "json"]).json();
    for (column, file) in [(1, "a.json"), (2, "b.json")] {
        let document: serde_json::Value = serde_json::from_str(&folder.read(file)).unwrap();
        for coefficient in document["models"][0]["coefficients"].as_array().unwrap() {
            let row =
                exact.as_array().unwrap().iter().find(|row| {
                    row["column"] == column && row["kind"] == "estimate" && row["term"] == coefficient["term"]
                });
            for key in ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"] {
                assert_eq!(row.unwrap()[key], coefficient[key], "{file} {key}");
            }
        }
    }
}

#[test]
fn terms_and_models_are_chosen_ordered_and_named() {
    let folder = saved().with("labels.toml", "\"expertise::*\" = \"Level *\"\nverified = \"Verified success\"\n");
    let arguments = [
        "table",
        "a.json",
        "b.json",
        "--models",
        "b=Within months",
        "--models",
        "a=Within modes",
        "--keep",
        "expertise::*",
        "--drop",
        "expertise::2",
        "--order",
        "*::5",
        "--rename",
        "labels.toml",
        "--errors",
        "ci",
        "--statistics",
        "n,fe",
        "--notes",
        "A note of the author",
        "--stars",
        "0.05",
    ];
    let text = folder.run(&arguments).ok();
    let stubs: Vec<&str> = text.lines().filter(|line| line.starts_with("Level")).map(|line| &line[..7]).collect();
    assert_eq!(stubs, ["Level 5", "Level 3", "Level 4"]);
    for part in ["Within months", "Verified success", "A note of the author", "95% confidence intervals in brackets"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let rates = folder.run(&["table", "a.json", "--rates", "--percent", "--digits", "1"]).ok();
    assert!(rates.contains("in percent"), "{rates}");
    let panels = folder.run(&["table", "a.json", "b.json", "--panel", "a=Modes", "--panel", "b=Months"]).ok();
    assert!(panels.contains("\nModes\n") && panels.contains("\nMonths\n"), "{panels}");
}

#[test]
fn a_document_may_come_from_standard_input_or_a_lock() {
    let folder = saved();
    let piped = folder.run_with(&["table", "-"], folder.read("a.json")).ok();
    assert_eq!(piped, folder.run(&["table", "a.json"]).ok());
    let fit = ["fit", "verified ~ i(expertise, ref = 1) | work_mode", "--data", "s.csv", "--cluster", "user_id"];
    let lock = ["--rates", "expertise", "--lock", "l.json"];
    folder.run(&fit.into_iter().chain(lock).collect::<Vec<_>>()).ok();
    assert_eq!(folder.run(&["table", "l.json"]).ok(), piped);
}

#[test]
fn figures_are_drawn_from_the_same_files() {
    let folder = saved();
    folder.run(&["plot", "a.json", "b.json", "--keep", "expertise::*", "--output", "c.svg"]).ok();
    let svg = folder.read("c.svg");
    assert!(svg.starts_with("<svg") && svg.contains("expertise::5") && svg.contains("Whiskers: 95% intervals"));
    folder.run(&["plot", "a.json", "--rates", "--output", "r.png", "--scale", "1"]).ok();
    assert!(std::fs::read(folder.path("r.png")).unwrap().starts_with(b"\x89PNG"));
    let drawn = folder.run(&["plot", "a.json", "--format", "csv"]).ok();
    assert_eq!(drawn.lines().count(), 1 + 4, "{drawn}");
}

/// Standard error of a refusal.
#[track_caller]
fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let before = folder.files();
    let ran = folder.run(arguments);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}\n{}", ran.err);
    assert_eq!(folder.files(), before);
    ran.err
}

#[test]
fn what_makes_no_table_is_refused() {
    let folder = saved().with("no.json", "{\"a\": 1}").with("bad.json", "{").with("s2.csv", SMALL);
    let newer = folder.read("a.json").replacen("\"schema_version\": 1", "\"schema_version\": 9", 1);
    let folder = folder.with("newer.json", newer);
    for (arguments, expected) in [
        (&["table", "no.json"][..], "`no.json`: this is JSON, but not a document of fitted models"),
        (&["table", "bad.json"], "`bad.json`: this is no JSON"),
        (&["table", "s2.csv"], "`s2.csv`: this is no JSON"),
        (&["table", "newer.json"], "schema version 9, this program reads 1"),
        (&["table", "c.json"], "there is no file `c.json`"),
        (&["table", "a.json", "a.json"], "`a.json` is given twice"),
        (&["table", "a.json", "--models", "logit"], "no model matches `logit`"),
        (&["table", "a.json", "b.json", "--models", "(1)=Both"], "`(1)` is the name of 2 models"),
        (&["table", "a.json", "b.json", "--models", "a=X", "--models", "b=X"], "two models are called `X`"),
        (&["table", "a.json", "--keep", "expertize::2"], "no term matches `expertize::2`"),
        (&["table", "a.json", "--rename", "nothing=X"], "`--rename` names `nothing`"),
        (&["table", "a.json", "--siunitx"], "`--siunitx` is for LaTeX"),
        (&["table", "a.json", "--stars", "5"], "5 is no p-value"),
        (&["table", "a.json", "--output", "no/t.tex"], "there is no folder"),
        (&["plot", "a.json", "--output", "f.gif"], "tells no format of a figure"),
        (&["plot", "a.json", "--scale", "0"], "the scale is 0"),
    ] {
        let err = refused(&folder, arguments);
        assert!(err.contains(expected), "{arguments:?}\n{err}");
    }
}
