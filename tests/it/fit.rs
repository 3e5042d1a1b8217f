//! Fits from the command line: every output, every way to give the rows, the same numbers from each.

use crate::support::{Folder, SMALL, csv, sessions_csv};
use serde_json::Value;

const FORMULA: &str = "verified ~ i(expertise, ref = 1) + log(actions + 1) | work_mode + month";

fn arguments<'a>(formula: &'a str, data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["fit", formula, "--data", data].into_iter().chain(more.iter().copied()).collect()
}

/// The document of a fit of the fixture, without what differs between runs.
#[track_caller]
fn fit(folder: &Folder, formula: &str, more: &[&str]) -> Value {
    let more: Vec<&str> = more.iter().copied().chain(["--format", "json"]).collect();
    without_timings(folder.run(&arguments(formula, "s.csv", &more)).json())
}

fn without_timings(mut document: Value) -> Value {
    document["timings"] = Value::Null;
    document["metier_version"] = Value::Null;
    document
}

/// Eight digits of long numbers: the last ones are the machine's.
fn short(field: &str) -> String {
    match field.parse::<f64>() {
        Ok(number) if field.len() > 10 => format!("{number:.7e}").parse::<f64>().unwrap().to_string(),
        _ => field.to_owned(),
    }
}

fn rounded(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| {
                // what rounding left of zero
                let value = if key == "residual" { Value::Null } else { rounded(value) };
                (key, value)
            })
            .collect(),
        Value::Number(number) if number.is_f64() => short(&number.to_string()).parse::<f64>().unwrap().into(),
        other => other,
    }
}

fn models(document: &Value) -> &Vec<Value> {
    document["models"].as_array().expect("models")
}

/// Estimates by term.
fn estimates(model: &Value) -> Vec<(String, f64)> {
    let rows = model["coefficients"].as_array().expect("coefficients").iter();
    rows.map(|row| (row["term"].as_str().unwrap().to_owned(), row["estimate"].as_f64().unwrap())).collect()
}

fn steps(model: &Value) -> Vec<(String, u64)> {
    let rows = model["flow"]["dropped"].as_array().expect("flow").iter();
    rows.map(|row| (row["reason"].as_str().unwrap().to_owned(), row["rows"].as_u64().unwrap())).collect()
}

#[test]
fn every_format() {
    let folder = Folder::with_sessions();
    let common = ["--cluster", "user_id", "--rates", "expertise"];
    for format in ["text", "json", "csv", "markdown", "latex", "html"] {
        let more: Vec<&str> = common.into_iter().chain(["--format", format]).collect();
        let ran = folder.run(&arguments(FORMULA, "s.csv", &more));
        assert_eq!(ran.err, "");
        let mut text = ran.ok();
        if format == "json" {
            let document: Value = serde_json::from_str(&text).unwrap();
            text = serde_json::to_string_pretty(&rounded(without_timings(document))).unwrap();
        } else if format == "csv" {
            text = text.lines().map(|line| line.split(',').map(short).collect::<Vec<_>>().join(",") + "\n").collect();
        }
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("fit_{format}"), text);
        });
    }
}

#[test]
fn the_document_has_its_keys() {
    let document = fit(&Folder::with_sessions(), FORMULA, &["--cluster", "user_id", "--rates", "expertise"]);
    let documented = std::fs::read_to_string(crate::support::root().join("docs/output.md")).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let model = &models(&document)[0];
    let (coefficient, rate, contrast) = (&model["coefficients"][0], &model["rates"][0], &model["contrasts"][0]);
    for part in [&document, model, coefficient, rate, contrast, &model["flow"], &model["overlap"], &model["fit"]] {
        for key in keys(part) {
            let known = documented.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == key);
            assert!(known, "`{key}` is not in docs/output.md");
        }
    }
    assert_eq!(document["data_note"], Value::Null);
    assert_eq!(document["sources"], serde_json::json!(["s.csv"]));
    assert_eq!(model["rates"].as_array().unwrap().len(), 5);
}

#[test]
fn outputs_are_files_in_the_format_of_their_name() {
    let folder = Folder::with_sessions();
    for (name, start) in [
        ("o.json", "{"),
        ("o.csv", "schema_version,"),
        ("o.md", "**OLS"),
        ("o.tex", "% needs"),
        ("o.html", "<!doctype html>"),
        ("o.txt", "OLS"),
        ("o.unknown", "OLS"),
    ] {
        let ran = folder.run(&arguments("verified ~ expertise", "s.csv", &["--output", name]));
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{name}");
        let text = folder.read(name);
        assert!(text.to_lowercase().starts_with(&start.to_lowercase()), "{name}: {}", &text[..60.min(text.len())]);
    }
    // a format asked for wins over the name, and a failed run leaves the old file
    folder.run(&arguments("verified ~ expertise", "s.csv", &["-o", "o.txt", "--format", "json"])).ok();
    let before = folder.read("o.txt");
    assert!(before.starts_with('{'));
    let files = folder.files();
    assert_eq!(folder.run(&arguments("verified ~ expertize", "s.csv", &["-o", "o.txt"])).code, 2);
    assert_eq!((folder.read("o.txt"), folder.files()), (before, files));
    let out = folder.run(&arguments("verified ~ expertise", "s.csv", &["-o", "-"])).ok();
    assert!(out.starts_with("OLS"));
}

#[test]
fn outcomes_splits_and_filters() {
    let folder = Folder::with_sessions();
    let two = fit(&folder, "verified + partial ~ expertise", &[]);
    let outcomes: Vec<&str> = models(&two).iter().map(|model| model["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["verified", "partial"]);
    let alone = fit(&folder, "partial ~ expertise", &[]);
    assert_eq!(models(&two)[1]["coefficients"], models(&alone)[0]["coefficients"]);

    let split = fit(&folder, "verified ~ expertise", &["--split", "software"]);
    let samples: Vec<(&str, u64)> = models(&split)
        .iter()
        .map(|model| (model["sample"].as_str().unwrap(), model["n_obs"].as_u64().unwrap()))
        .collect();
    assert_eq!(samples.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["0", "1"]);
    let only = fit(&folder, "verified ~ expertise", &["--where", "software == 1"]);
    assert_eq!(models(&split)[1]["coefficients"], models(&only)[0]["coefficients"]);
    let all = fit(&folder, "verified ~ expertise", &[]);
    assert_eq!(samples.iter().map(|(_, n)| n).sum::<u64>(), models(&all)[0]["n_obs"].as_u64().unwrap());
    let (reason, rows) = &steps(&models(&only)[0])[0];
    assert_eq!((reason.as_str(), *rows + samples[1].1), ("filter software == 1", 300 - missing_expertise("1")));
}

/// Sessions of the fixture with some value of `software` and no expertise.
fn missing_expertise(software: &str) -> u64 {
    let rows = sessions_csv();
    let rows = rows.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    rows.filter(|row| row[6] == software && ["", "NA"].contains(&row[7])).count() as u64
}

#[test]
fn clusters_weights_and_covariances() {
    let folder = Folder::with_sessions();
    let formula = "verified ~ expertise | work_mode";
    let one = fit(&folder, formula, &["--cluster", "user_id", "--vcov", "cr1"]);
    let two = fit(&folder, formula, &["--cluster", "user_id+month"]);
    let cells = fit(&folder, formula, &["--cluster", "user_id^month"]);
    let weighted = fit(&folder, formula, &["--cluster", "user_id", "--weights", "weight"]);
    let plain = fit(&folder, formula, &[]);
    let of = |document: &Value, key: &str| models(document)[0][key].clone();
    assert_eq!(estimates(&models(&one)[0]), estimates(&models(&two)[0]));
    assert_eq!(estimates(&models(&one)[0]), estimates(&models(&plain)[0]));
    assert_ne!(estimates(&models(&one)[0]), estimates(&models(&weighted)[0]));
    assert_eq!((of(&plain, "se_type"), of(&one, "se_type")), ("iid".into(), "CR1".into()));
    let counts = of(&two, "clusters");
    assert!(counts["user_id"].as_u64() > counts["month"].as_u64(), "{counts}");
    assert!(of(&cells, "n_clusters").as_u64() > of(&one, "n_clusters").as_u64());
    assert_ne!(of(&one, "vcov"), of(&two, "vcov"));
}

#[test]
fn rows_that_leave_are_counted() {
    // a control and a user missing, a cell of one row
    let table = SMALL.replace("4,u2,0,1.5,4,b,2,n", "4,,0,1.5,4,,2,n") + "9,u5,1,9,9,c,1,n\n";
    let folder = Folder::new().with("s.csv", table);
    let formula = "z ~ x | g";
    let level = fit(&folder, formula, &["--singletons", "keep"]);
    assert_eq!((models(&level)[0]["n_obs"].as_u64(), steps(&models(&level)[0])), (Some(9), vec![]));
    let dropped = fit(&folder, formula, &["--singletons", "keep", "--na", "drop"]);
    assert_eq!(steps(&models(&dropped)[0]), [(String::from("missing g"), 1)]);
    let singletons = fit(&folder, formula, &[]);
    assert_eq!(steps(&models(&singletons)[0]).iter().map(|(_, rows)| rows).sum::<u64>(), 2);
    assert_eq!(models(&singletons)[0]["n_obs"], 7);
    let users = fit(&folder, formula, &["--cluster", "user", "--missing-cluster", "drop"]);
    assert_eq!(steps(&models(&users)[0])[0], (String::from("missing user"), 1));
    let enough = fit(&folder, formula, &["--cluster", "user", "--missing-cluster", "drop", "--min-users", "2"]);
    let step = (String::from("cell below 2 users"), 1);
    assert!(steps(&models(&enough)[0]).contains(&step), "{:?}", steps(&models(&enough)[0]));
}

#[test]
fn words_for_missing_values_are_missing() {
    let rows = ["1,NaN", "0,nan", "1,NA", "0,", "1,null", "1,2", "0,3", "1,4", "0,6"];
    let folder = Folder::new().with("s.csv", csv(&[&["y,x"][..], &rows].concat()));
    let document = fit(&folder, "y ~ x", &[]);
    assert_eq!(steps(&models(&document)[0]), [(String::from("missing x"), 5)]);
}

#[test]
fn terms_that_leave_are_named() {
    let folder = Folder::new().with("s.csv", SMALL);
    let dropped = |formula: &str, more: &[&str]| {
        let document = fit(&folder, formula, more);
        let rows = models(&document)[0]["dropped_terms"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| format!("{}: {}", row["term"].as_str().unwrap(), row["reason"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_debug_snapshot!("dropped_terms", [
            ("absorbed", dropped("z ~ x + note | note", &[])),
            ("collinear", dropped("z ~ x + I(2 * x) + w", &[])),
            ("constant", dropped("z ~ x + w", &["--where", "w == 1"])),
            ("level without rows", dropped("z ~ i(user, ref = \"u1\")", &["--where", "user != \"u4\""])),
        ]);
    });
}

#[test]
fn every_family_reads_the_same_flags_and_file() {
    let folder = Folder::with_sessions().with("m.toml", "name = \"m\"\n[[model]]\nformula = \"verified ~ log(prompts) | work_mode\"\nfamily = \"probit\"\nbias_correction = true\n");
    let formula = "verified ~ log(prompts) | work_mode";
    for (family, scale) in [("ols", "identity"), ("logit", "logit"), ("poisson", "log"), ("probit", "probit")] {
        let text = folder.run(&["fit", formula, "--data", "s.csv", "--family", family, "--format", "csv"]).ok();
        let row = text.lines().nth(1).unwrap().to_owned();
        assert!(row.contains(&format!(",{family},coefficient,")) && row.contains(&format!(",{scale},iid,")), "{row}");
    }
    let flags = fit(&folder, formula, &["--family", "probit", "--bias-correction"]);
    let file = folder.run(&["fit", "--model", "m.toml", "--data", "s.csv", "--format", "json"]).ok();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(estimates(&models(&flags)[0]), estimates(&models(&file)[0]));
    assert!(models(&file)[0]["warnings"][0].as_str().unwrap().contains("corrected for the bias"));
}

#[test]
fn separated_rows_leave_with_a_certificate() {
    let rows = ["1,a,1", "0,a,2", "1,b,3", "0,b,4", "1,c,5", "1,c,6", "1,c,7", "1,a,9"];
    let folder = Folder::new().with("s.csv", csv(&[&["y,g,x"][..], &rows].concat()));
    let document = fit(&folder, "y ~ i(g, ref = \"a\")", &["--family", "logit"]);
    let found = &models(&document)[0];
    assert_eq!(found["separations"][0]["combination"], "g::c");
    assert_eq!(found["separations"][0]["side"], "one");
    assert_eq!(found["separations"][0]["terms"][0]["coefficient"], 1.0);
    assert_eq!(steps(found), [(String::from("separated by `g::c`"), 3)]);
    assert_eq!(found["dropped_terms"][0]["reason"], "separated: predicts the outcome perfectly");
    assert_eq!(found["warnings"][0], "`g::c` predicts `y` = 1 perfectly in 3 rows: left out");
}

#[test]
fn names_of_any_kind() {
    let table = "\u{feff}Größe,odd name,a`b,x y,z\n1,2,3,A,1\n0,1,2,ß,2\n1,5,4,A,4\n0,3,9,ß,3\n1,1,1,ß,7\n";
    let folder = Folder::new().with("s.csv", table);
    let document = fit(&folder, "Größe ~ `odd name` + i(`x y`, ref = \"ß\")", &["--where", "`a\\`b` > 0"]);
    let terms: Vec<String> = estimates(&models(&document)[0]).into_iter().map(|(term, _)| term).collect();
    assert_eq!(terms, ["(Intercept)", "odd name", "x y::A"]);
    assert_eq!(models(&document)[0]["outcome"], "Größe");
    // a formula as printed is a formula again
    let printed = models(&document)[0]["formula"].as_str().unwrap().to_owned();
    assert_eq!(estimates(&models(&fit(&folder, &printed, &[]))[0]), estimates(&models(&document)[0]));
    let mapped =
        fit(&folder, "y ~ x + i(g, ref = \"ß\")", &["--map", "y=Größe", "--map", "x=odd name", "--map", "g=x y"]);
    let numbers = |document: &Value| estimates(&models(document)[0]).into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    assert_eq!(numbers(&mapped), numbers(&document));
    let file = folder.with("m.toml", "y = \"Größe\"\nx = \"odd name\"\ng = \"x y\"\n");
    assert_eq!(numbers(&fit(&file, "y ~ x + i(g, ref = \"ß\")", &["--map", "m.toml"])), numbers(&document));
}

#[test]
fn the_same_rows_from_anywhere() {
    use std::io::Write;
    let text = sessions_csv();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let half = rows.match_indices('\n').nth(149).unwrap().0 + 1;
    let folder = Folder::with_sessions()
        .with("s.csv.gz", gz.finish().unwrap())
        .with("s.tsv", text.replace(',', "\t"))
        .with("parts/1.csv", format!("{header}\n{}", &rows[..half]))
        .with("parts/2.csv", format!("{header}\n{}", &rows[half..]));
    let mut request = metier::sessions::LoadRequest::new(folder.path("s.csv").display().to_string());
    request.codebook = metier::codebook::CodebookMode::Off;
    let table = metier::sessions::load(&request).unwrap();
    for name in ["s.parquet", "s.ndjson", "s.arrow"] {
        metier::sessions::write(&table, &folder.path(name)).unwrap();
    }
    let more = ["--cluster", "user_id", "--rates", "expertise", "--format", "json"];
    let expected = fit(&folder, FORMULA, &more[..4])["models"].clone();
    for data in ["s.csv.gz", "s.tsv", "s.parquet", "s.ndjson", "s.arrow", "parts", "parts/*.csv"] {
        let document = folder.run(&arguments(FORMULA, data, &more)).json();
        assert_eq!(document["models"], expected, "{data}");
    }
    let piped = folder.run_with(&arguments(FORMULA, "-", &more), text).json();
    assert_eq!((&piped["models"], &piped["sources"][0]), (&expected, &"standard input".into()));
    let both: Vec<&str> = ["fit", FORMULA, "--data", "parts/1.csv", "parts/2.csv"].into_iter().chain(more).collect();
    assert_eq!(folder.run(&both).json()["models"], expected);
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::with_sessions();
    let bytes = |threads: &str| {
        let more = ["--cluster", "user_id", "--rates", "expertise", "--format", "json", "--threads", threads];
        let text = folder
            .run(&arguments("verified + partial ~ i(expertise, ref = 1) | work_mode + month", "s.csv", &more))
            .ok();
        let (start, rest) = text.split_once("\"timings\"").unwrap();
        let (_, end) = rest.split_once("\"models\"").unwrap();
        format!("{start}{end}")
    };
    assert_eq!(bytes("1"), bytes("2"));
}

#[test]
fn model_files_and_flags() {
    let toml = "name = \"m\"\n[defaults]\ncluster = \"user_id\"\nvcov = \"cr1\"\n[[model]]\nname = \"a\"\nformula = \"verified ~ expertise\"\n\
                [[model]]\nname = \"b\"\nformula = \"verified ~ expertise | work_mode\"\n\
                samples = [{ name = \"all\" }, { name = \"soft\", where = \"software == 1\" }]\n";
    let folder = Folder::with_sessions().with("m.toml", toml);
    let run = |more: &[&str]| {
        let line = ["fit", "--model", "m.toml", "--data", "s.csv", "--format", "json"];
        folder.run(&line.iter().chain(more).copied().collect::<Vec<_>>()).json()
    };
    let document = run(&[]);
    let names: Vec<String> =
        models(&document).iter().map(|m| format!("{} {} {}", m["spec_id"], m["model"], m["sample"])).collect();
    assert_eq!(names, ["\"m\" \"a\" \"all\"", "\"m\" \"b\" \"all\"", "\"m\" \"b\" \"soft\""]);
    assert!(models(&document).iter().all(|model| model["se_type"] == "CR1"));
    let robust = run(&["--vcov", "hc1", "--conf-level", "0.9"]);
    assert!(models(&robust).iter().all(|model| model["se_type"] == "HC1" && model["conf_level"] == 0.9));
}

#[test]
fn effects_and_fitted_values_are_files() {
    let folder = Folder::with_sessions();
    let flags = ["--save-effects", "e.csv", "--save-fitted", "f.csv", "--singletons", "keep", "--format", "json"];
    let formula = "verified ~ prompts | work_mode + expertise";
    let fit = &folder.run(&arguments(formula, "s.csv", &flags)).json()["models"][0];
    let (effects, fitted) = (folder.read("e.csv"), folder.read("f.csv"));
    let used = fit["n_obs"].as_u64().unwrap() as usize;
    assert_eq!(fitted.lines().count(), used + 1);
    let levels: u64 = fit["effects"].as_array().unwrap().iter().map(|effect| effect["levels"].as_u64().unwrap()).sum();
    assert_eq!(effects.lines().count() as u64, levels + 1);
    // the first level of the later effect is zero
    let zero = effects.lines().find(|line| line.contains(",expertise,(constant),")).unwrap();
    assert!(zero.contains(",1,0.0,"), "{zero}");
    for line in fitted.lines().skip(1) {
        let of: Vec<f64> = line.split(',').skip(3).take(7).map(|field| field.parse().unwrap()).collect();
        let (value, fitted, predictor, residual) = (of[1], of[2], of[4], of[5]);
        assert!((value - fitted - residual).abs() < 1e-12 && fitted == predictor, "{line}");
    }
    // the same as JSON; a logit is on its own scale
    folder.run(&arguments(formula, "s.csv", &["--save-effects", "e.json", "--family", "logit", "-q"])).ok();
    assert!(folder.read("e.json").contains("\"level\""));
}

#[test]
fn a_refused_save_leaves_no_file() {
    let folder = Folder::with_sessions();
    let before = folder.files();
    for (formula, flags, words) in [
        ("verified ~ prompts", &["--save-effects", "e.csv", "--save-fitted", "f.csv"][..], "the formula has none"),
        ("verified ~ prompts | work_mode", &["--save-effects", "e.txt"], "is neither .csv nor .json"),
        ("verified ~ prompts | work_mode", &["--save-fitted", "no/f.csv"], "there is no folder"),
        ("verified ~ prompts | work_mode", &["--save-effects", "a.csv", "--save-fitted", "a.csv"], "written twice"),
    ] {
        let ran = folder.run(&arguments(formula, "s.csv", flags));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{formula} {flags:?}");
        assert!(ran.err.contains(words), "{formula} {flags:?}: {}", ran.err);
        assert_eq!(folder.files(), before, "{formula} {flags:?}");
    }
}
