//! Every refusal: the words on standard error, the exit code, nothing on standard output, no file left behind.

use crate::support::{Folder, Ran, SMALL, csv};

/// The formula that fits [`SMALL`].
const GOOD: &str = "y ~ x | g";

/// Checks a refusal's exit code and that it left nothing, then its words against the snapshot `name`.
#[track_caller]
fn refuses(name: &str, code: i32, folder: &Folder, arguments: &[&str]) {
    let err = refused(code, folder, arguments, "");
    snapshot(name, code, arguments, &err);
}

/// As [`refuses`] without the snapshot; returns standard error.
#[track_caller]
fn refused(code: i32, folder: &Folder, arguments: &[&str], input: &str) -> String {
    let before = folder.files();
    let Ran { code: found, out, err } = folder.run_with(arguments, input);
    assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}\n{err}");
    if arguments[0] == "fit" && !arguments.contains(&"--output") {
        let with_output: Vec<&str> = arguments.iter().copied().chain(["--output", "out.json"]).collect();
        assert_eq!(folder.run_with(&with_output, input).code, code);
    }
    assert_eq!(folder.files(), before, "files left behind");
    err
}

fn snapshot(name: &str, code: i32, arguments: &[&str], err: &str) {
    let quoted = |argument: &&str| {
        if argument.contains([' ', '(', '`', '"', '*', '&']) || argument.is_empty() {
            format!("'{argument}'")
        } else {
            String::from(*argument)
        }
    };
    let line = arguments.iter().map(quoted).collect::<Vec<_>>().join(" ");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, format!("$ metier {line}\n{err}exit code {code}"));
    });
}

/// `metier fit` of a formula on `s.csv`, with more arguments.
fn fit<'a>(formula: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["fit", formula, "--data", "s.csv"].into_iter().chain(more.iter().copied()).collect()
}

fn small() -> Folder {
    Folder::new().with("s.csv", SMALL)
}

#[test]
fn files() {
    refuses("missing_file", 2, &small(), &["fit", GOOD, "--data", "s.cvs"]);
    refuses("missing_file_far_from_any", 2, &small(), &["fit", GOOD, "--data", "elsewhere/sessions.parquet"]);
    refuses("pattern_without_files", 2, &small(), &["fit", GOOD, "--data", "*.parquet"]);
    refuses("empty_file", 2, &Folder::new().with("s.csv", ""), &fit(GOOD, &[]));
    refuses("header_only", 2, &Folder::new().with("s.csv", "id,y,x,g\n"), &fit(GOOD, &[]));
    refuses("unknown_format", 2, &Folder::new().with("s.xlsx", [0u8, 1, 2]), &["fit", GOOD, "--data", "s.xlsx"]);
    refuses("not_parquet", 2, &Folder::new().with("s.parquet", SMALL), &["fit", GOOD, "--data", "s.parquet"]);
    refuses(
        "unreadable_parquet",
        2,
        &Folder::new().with("s.parquet", b"PAR1 and no more"),
        &["fit", GOOD, "--data", "s.parquet"],
    );
    let truncated = {
        let folder = Folder::new();
        folder.run(&["simulate", "--sessions", "2000", "--out", "s.parquet", "--quiet"]).ok();
        let bytes = std::fs::read(folder.path("s.parquet")).unwrap();
        Folder::new().with("s.parquet", &bytes[..bytes.len() / 2])
    };
    refuses("truncated_parquet", 2, &truncated, &["fit", GOOD, "--data", "s.parquet"]);
    refuses("ragged_row", 2, &Folder::new().with("s.csv", "y,x,g\n1,2,a\n0,1\n"), &fit(GOOD, &[]));
    refuses("open_quote", 2, &Folder::new().with("s.csv", "y,x,g\n1,2,a\n0,1,\"b\n1,2,c\n"), &fit(GOOD, &[]));
    refuses("not_utf8", 2, &Folder::new().with("s.csv", b"y,x,g\n1,2,a\n0,1,\xff\n"), &fit(GOOD, &[]));
    refuses(
        "bad_json",
        2,
        &Folder::new().with("s.ndjson", "{\"y\":1,\"x\":2,\"g\":\"a\"}\n{\"y\":0,\"x\":}\n"),
        &["fit", GOOD, "--data", "s.ndjson"],
    );
    refuses("duplicate_header", 2, &Folder::new().with("s.csv", "y,x,x,g\n1,2,3,a\n"), &fit(GOOD, &[]));
    let two = Folder::new().with("t/a.csv", "y,x,g\n1,2,a\n").with("t/b.csv", "y,xx,g\n1,2,a\n");
    refuses("column_missing_in_one_file", 2, &two, &["fit", GOOD, "--data", "t"]);
    let mixed = Folder::new().with("t/a.csv", "y,x,g\n1,2,a\n").with("t/b.ndjson", "{\"y\":1}\n");
    refuses("folder_of_several_formats", 2, &mixed, &["fit", GOOD, "--data", "t"]);
    refuses("empty_standard_input", 2, &small(), &["fit", GOOD, "--data", "-"]);
}

#[test]
fn columns_and_levels() {
    refuses("missing_column", 2, &small(), &fit("y ~ xx | g", &[]));
    refuses("missing_column_in_filter", 2, &small(), &fit(GOOD, &["--where", "grup == 1"]));
    refuses("missing_column_for_derived", 2, &small(), &fit("verified_success ~ x | g", &[]));
    refuses("missing_cluster_column", 2, &small(), &fit(GOOD, &["--cluster", "usr"]));
    refuses("missing_rates_column", 2, &small(), &fit(GOOD, &["--rates", "gg"]));
    refuses("missing_mapped_column", 2, &small(), &fit("y ~ expertise", &["--map", "expertise=xy"]));
    refuses("mapping_without_equals", 2, &small(), &fit("y ~ expertise", &["--map", "expertise"]));
    let foreign = Folder::new().with("s.csv", csv(&["y,work_mode", "1,Build", "0,Bild", "1,Test"]));
    refuses("unknown_level_in_table", 2, &foreign, &fit("y ~ work_mode", &[]));
    let foreign = Folder::new().with("s.csv", csv(&["y,expertise", "1,3", "0,7", "1,2"]));
    refuses("unknown_expertise_in_table", 2, &foreign, &fit("y ~ expertise", &[]));
    refuses("unknown_level_in_filter", 2, &small(), &fit(GOOD, &["--where", "g == \"c\""]));
    refuses("unknown_level_in_list", 2, &small(), &fit(GOOD, &["--where", "user in [\"u1\", \"v2\"]"]));
    refuses("unknown_reference", 2, &small(), &fit("y ~ i(user, ref = \"u9\")", &[]));
    refuses("unknown_kept_level", 2, &small(), &fit("y ~ i(user, keep = c(\"u1\", 7))", &[]));
    refuses(
        "reference_absent_from_sample",
        2,
        &small(),
        &fit("y ~ i(user, ref = \"u1\")", &["--where", "user != \"u1\""]),
    );
    refuses("text_outcome", 2, &small(), &fit("note ~ x", &[]));
    refuses("text_weights", 2, &small(), &fit(GOOD, &["--weights", "note"]));
    refuses("text_slope", 2, &small(), &fit("y ~ x | g[note]", &[]));
    refuses("text_in_arithmetic", 2, &small(), &fit("y ~ log(note)", &[]));
    refuses("number_as_filter", 2, &small(), &fit(GOOD, &["--where", "x"]));
}

#[test]
fn values() {
    let duplicate = Folder::new().with("s.csv", csv(&["session_id,y,x", "a,1,2", "b,0,1", "a,1,4"]));
    refuses("duplicate_session", 2, &duplicate, &fit("y ~ x", &[]));
    let infinite = Folder::new().with("s.csv", csv(&["y,x", "1,2", "0,inf", "1,3"]));
    refuses("infinite_number", 2, &infinite, &fit("y ~ x", &[]));
    let infinite = Folder::new().with("s.ndjson", "{\"y\":1,\"x\":1e400}\n{\"y\":0,\"x\":2}\n");
    refuses("infinite_number_in_json", 2, &infinite, &["fit", "y ~ x", "--data", "s.ndjson"]);
    let infinite = Folder::new().with("s.csv", csv(&["y,x", "1,2", "0,1e999", "1,3"]));
    refuses("overflowing_number", 2, &infinite, &fit("y ~ x", &[]));
    let negative = SMALL.replace("3,u2,1,0.75,3,b,1,m", "3,u2,1,0.75,3,b,-1,m");
    refuses("negative_weight", 2, &Folder::new().with("s.csv", negative), &fit(GOOD, &["--weights", "w"]));
    let nobody = SMALL.replace("3,u2,", "3,,");
    refuses("missing_cluster", 2, &Folder::new().with("s.csv", nobody), &fit(GOOD, &["--cluster", "user"]));
    refuses("logit_outcome", 2, &small(), &fit("z ~ x", &["--family", "logit", "--cluster", "user"]));
    refuses("probit_outcome", 2, &small(), &fit("x ~ y", &["--family", "probit"]));
    refuses("negative_count", 2, &small(), &fit("(x - 3) ~ y", &["--family", "poisson"]));
    refuses("bias_of_ols", 2, &small(), &fit("y ~ x | g", &["--bias-correction"]));
    refuses("bias_of_poisson", 2, &small(), &fit("y ~ x | g", &["--family", "poisson", "--bias-correction"]));
    let text = Folder::new().with("s.csv", csv(&["y,x", "1,2", "0,n.a. ?", "1,3"]));
    refuses("text_in_outcome", 2, &text, &fit("x ~ y", &[]));
}

#[test]
fn estimation() {
    refuses("all_rows_dropped", 3, &small(), &fit(GOOD, &["--where", "x > 100"]));
    let holes = csv(&["user,y,x,g", "u1,1,,a", "u2,,3,b", "u3,1,,a", "u4,0,5,"]);
    let holes = Folder::new().with("s.csv", holes);
    refuses("all_rows_dropped_for_many_reasons", 3, &holes, &fit(GOOD, &["--na", "drop"]));
    refuses("all_rows_suppressed", 3, &small(), &fit(GOOD, &["--cluster", "user", "--min-users", "9"]));
    refuses("singletons_only", 3, &small(), &fit("y ~ x | id", &["--cluster", "user"]));
    refuses("constant_outcome", 3, &small(), &fit(GOOD, &["--where", "y == 1"]));
    refuses("constant_in_one_row", 3, &small(), &fit("y ~ x", &["--where", "id == 1"]));
    refuses("one_cluster", 3, &small(), &fit("y ~ x", &["--cluster", "user", "--where", "user == \"u2\""]));
    refuses("absorbed_alone", 3, &small(), &fit("z ~ g | g", &[]));
    refuses("no_degrees_of_freedom", 3, &small(), &fit("z ~ x", &["--where", "id <= 2"]));
    let separated = csv(&["y,g,x", "1,a,1", "0,a,2", "1,b,3", "0,b,4", "1,c,5", "1,c,6", "1,c,7", "1,a,9"]);
    let separated = Folder::new().with("s.csv", separated);
    let level = fit("y ~ i(g, ref = \"a\")", &["--family", "logit", "--rates", "g"]);
    refuses("separated_by_a_level", 3, &separated, &level);
    refuses("separated_by_a_number", 3, &small(), &fit("(x > 4) ~ x", &["--family", "logit"]));
    refuses("rates_of_another_variable", 2, &small(), &fit("y ~ x", &["--rates", "g"]));
    refuses("rates_absorbed", 2, &small(), &fit("y ~ x | g", &["--rates", "g"]));
    refuses(
        "rates_of_many_values",
        2,
        &Folder::with_sessions(),
        &fit("verified ~ task_value", &["--rates", "task_value"]),
    );
    refuses("rates_interacted", 2, &small(), &fit("y ~ i(g, i.note)", &["--rates", "g"]));
}

#[test]
fn formulas() {
    let faults = [
        ("empty", ""),
        ("blank", "   "),
        ("no_tilde", "y"),
        ("no_tilde_but_terms", "y + x | g"),
        ("no_outcome", "~ x"),
        ("no_regressors", "y ~"),
        ("no_regressors_but_effects", "y ~ | g"),
        ("two_tildes", "y ~ x ~ z"),
        ("two_bars", "y ~ x | g | note"),
        ("nothing_after_bar", "y ~ x |"),
        ("plus_at_the_end", "y ~ x + "),
        ("two_plus", "y ~ x + + z"),
        ("unknown_function", "y ~ lgo(x)"),
        ("open_parenthesis", "y ~ log(x"),
        ("closing_parenthesis", "y ~ x)"),
        ("wrong_argument_count", "y ~ log(x, z, w)"),
        ("level_without_quotes", "y ~ i(g, ref = a)"),
        ("wrong_argument_of_i", "y ~ i(g, reff = \"a\")"),
        ("ref2_without_factor", "y ~ i(g, ref2 = \"a\")"),
        ("empty_i", "y ~ i()"),
        ("slopes_before_the_bar", "y ~ x + g[z]"),
        ("slopes_of_nothing", "y ~ x | g[]"),
        ("slopes_of_a_number", "y ~ x | g[1]"),
        ("open_bracket", "y ~ x | g[z"),
        ("one_bracket_missing", "y ~ x | g[[z] + f"),
        ("stepwise", "y ~ csw(x, z"),
        ("power_of_regressors", "y ~ x^z"),
        ("open_quote", "y ~ i(g, ref = \"a)"),
        ("open_backtick", "y ~ `x | g"),
        ("number_with_letters", "y ~ 2x"),
        ("strange_character", "y ~ x § z"),
        ("curly_quotes", "y ~ i(g, ref = “a”)"),
        ("unicode_before_the_fault", "ergebnis_für_größe ~ x + ) "),
        ("emoji", "y ~ 😀"),
        ("comparison_outside_parentheses", "y >= 1 ~ x"),
        ("constant_regressor", "y ~ 2"),
        ("minus_a_variable", "y ~ x - z"),
        ("several_lines", "y ~ x +\n  lgo(z) |\n  g"),
    ];
    let mut all = String::new();
    for (name, formula) in faults {
        let err = refused(2, &small(), &fit(formula, &[]), "");
        all += &format!("---- {}: {formula:?}\n{err}", name.replace('_', " "));
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("formulas", all);
    });
}

#[test]
fn conditions_and_other_texts() {
    let faults: [&[&str]; 25] = [
        &["--where", ""],
        &["--where", "g = \"a\""],
        &["--where", "g == a"],
        &["--where", "x > 1 &"],
        &["--where", "1 < x < 5"],
        &["--where", "x in g"],
        &["--where", "x == \"ü"],
        &["--where", "x > \"a\""],
        &["--where", "not"],
        &["--where", "x +"],
        &["--cluster", ""],
        &["--cluster", "user é"],
        &["--cluster", "user + "],
        &["--cluster", "user^"],
        &["--cluster", "user:g"],
        &["--weights", "w w"],
        &["--weights", ""],
        &["--split", "gg"],
        &["--split", "g +"],
        &["--split", ""],
        &["--rates", ""],
        &["--rates", "g +"],
        &["--conf-level", "95"],
        &["--conf-level", "nan"],
        &["--vcov", "cr1"],
    ];
    let mut all = String::new();
    for more in faults {
        let err = refused(2, &small(), &fit("y ~ i(g)", more), "");
        all += &format!("---- {more:?}\n{err}");
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("conditions", all);
    });
}

#[test]
fn model_files() {
    let faults = [
        ("unknown key", "name = \"m\"\n[[model]]\nformulla = \"y ~ x\"\n"),
        ("unknown key of the file", "name = \"m\"\nmodels = 1\n"),
        ("unknown value", "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\nfamily = \"tobit\"\n"),
        ("value of another type", "name = \"m\"\n[[model]]\nformula = 1\n"),
        ("negative number", "name = \"m\"\n[defaults]\nmin_users = -3\n[[model]]\nformula = \"y ~ x\"\n"),
        ("cluster of another type", "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\ncluster = 3\n"),
        ("syntax", "name = \"m\"\n[[model]\nformula = \"y ~ x\"\n"),
        ("open text", "name = \"m\"\n[[model]]\nformula = \"y ~ x\n"),
        ("key twice", "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\nformula = \"z ~ x\"\n"),
        ("no name", "[[model]]\nformula = \"y ~ x\"\n"),
        ("empty", ""),
        ("no model", "name = \"m\"\n"),
        ("no formula", "name = \"m\"\n[[model]]\nname = \"(1)\"\n"),
        ("fault in the formula", "name = \"m\"\n[[model]]\nname = \"(1)\"\nformula = \"y ~ x +\"\n"),
        (
            "fault in a sample",
            "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\nsamples = [{ name = \"s\", where = \"x >\" }]\n",
        ),
        (
            "unknown level in a sample",
            "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\nsamples = [{ name = \"s\", where = \"g == 'z'\" }]\n",
        ),
        (
            "split and samples",
            "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\nsplit = \"g\"\nsamples = [{ name = \"s\" }]\n",
        ),
        ("unknown setting", "name = \"m\"\n[settings]\ntrouble = 3\n[[model]]\nformula = \"y ~ x\"\n"),
        ("missing column", "name = \"m\"\n[[model]]\nname = \"(1)\"\nformula = \"y ~ x2\"\n"),
        ("unknown reference", "name = \"m\"\n[[model]]\nname = \"(1)\"\nformula = \"y ~ i(g, ref = 'z')\"\n"),
    ];
    let mut all = String::new();
    for (name, text) in faults {
        let folder = small().with("m.toml", text);
        let err = refused(2, &folder, &["fit", "--model", "m.toml", "--data", "s.csv"], "");
        all += &format!("---- {name}\n{err}");
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("model_files", all);
    });
    let folder = small().with("models/first.toml", "");
    refuses("missing_model_file", 2, &folder, &["fit", "--model", "models/frist.toml", "--data", "s.csv"]);
    refuses("missing_embedded_model", 2, &folder, &["fit", "--model", "table_a3", "--data", "s.csv"]);
    refuses("model_is_a_folder", 2, &folder, &["fit", "--model", "models", "--data", "s.csv"]);
    refuses("model_estimation_fails", 3, &small().with("m.toml", "name = \"m\"\n[[model]]\nname = \"(1)\"\nformula = \"z ~ g | g\"\nsamples = [{ name = \"late\", where = \"x > 2\" }]\n"), &[
        "fit", "--model", "m.toml", "--data", "s.csv",
    ]);
}

#[test]
fn usage() {
    let model = small().with("m.toml", "name = \"m\"\n[[model]]\nformula = \"y ~ x\"\n");
    refuses("formula_and_model", 2, &model, &fit(GOOD, &["--model", "m.toml"]));
    refuses("neither_formula_nor_model", 2, &model, &["fit", "--data", "s.csv"]);
    refuses("no_data", 2, &model, &["fit", GOOD]);
    refuses("no_arguments", 2, &model, &["fit"]);
    refuses("unknown_flag", 2, &model, &fit(GOOD, &["--clusters", "user"]));
    refuses("unknown_verb", 2, &model, &["fti"]);
    refuses("bad_family", 2, &model, &fit(GOOD, &["--family", "tobit"]));
    refuses("no_threads", 2, &model, &fit(GOOD, &["--threads", "0"]));
    refuses("too_many_threads", 2, &model, &fit(GOOD, &["--threads", "18446744073709551615"]));
    refuses("too_many_digits", 2, &model, &fit(GOOD, &["--digits", "100000"]));
    refuses("negative_stars", 2, &model, &fit(GOOD, &["--stars", "-1"]));
    refuses("unknown_setting", 2, &model, &fit(GOOD, &["--set", "truoble_threshold=4"]));
    refuses("setting_without_value", 2, &model, &fit(GOOD, &["--set", "trouble_threshold"]));
    refuses("setting_of_another_type", 2, &model, &fit(GOOD, &["--set", "trouble_threshold=many"]));
    refuses("bad_min_users", 2, &model, &fit(GOOD, &["--min-users", "-1"]));
    refuses("bad_stars", 2, &model, &fit(GOOD, &["--stars", "0.1,x"]));
    refuses("unknown_embedded_model", 2, &model, &["models", "tabel_a1"]);
}

#[test]
fn outputs() {
    let folder = small().with("file", "");
    refuses("output_in_missing_folder", 2, &folder, &fit(GOOD, &["--output", "no/out.json"]));
    refuses("output_is_a_folder", 2, &small().with("out/x", ""), &fit(GOOD, &["--output", "out"]));
    refuses("reproduce_into_a_file", 2, &folder, &["reproduce", "--sessions", "2000", "--out", "file"]);
    refuses("reproduce_below_a_file", 2, &folder, &["reproduce", "--sessions", "2000", "--out", "file/results"]);
    let reproduce = ["reproduce", "--data", "file", "--out", "new"];
    refuses("reproduce_from_nothing", 2, &folder, &reproduce);
    assert!(!folder.path("new").exists(), "an empty folder left behind");
    refuses("simulate_into_missing_folder", 2, &folder, &["simulate", "--sessions", "100", "--out", "no/s.csv"]);
    refuses("simulate_unknown_format", 2, &folder, &["simulate", "--sessions", "100", "--out", "s.xlsx"]);
    refuses("simulate_no_sessions", 2, &folder, &["simulate", "--sessions", "0", "--out", "s2.csv"]);
    refuses("check_missing_file", 2, &folder, &["check", "t.csv"]);
}
