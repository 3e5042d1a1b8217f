//! The loader from outside: every format reads the same table, ranges and blocks change nothing, every fault is an
//! error that names its place.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use metier::codebook::CodebookMode;
use metier::sessions::{LoadError, LoadRequest, Wanted, load, schema_of, write};
use metier::table::{Column, ColumnData, Factor, Table};
use tempfile::TempDir;

const CSV: &str = "\
session_id,user,work_mode,expertise,outcome,success_signal,task_value,lines_added,note,created_at
s1,u2,Build,5,Succeeded,4,250.5,10,\"a, b\",2026-01-03T10:00:00
s2,u1,fix,Novice,Failed,NONE,,0,\"say \"\"hi\"\"\",2025-12-31T23:59:59
s3,u2,Test,Unclear,No clear goal,5,1000,NA,\"two
lines\",2026-01-01T00:00:00
s4,u3,Plan,3.0,partially_succeeded,2,5000,7,é,
";

fn new_folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn error(request: &LoadRequest) -> LoadError {
    load(request).map(|table| panic!("{table:?}")).unwrap_err()
}

fn error_of(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> LoadError {
    error(&LoadRequest::new(file(folder, name, content)))
}

/// Message and hint without the folder.
fn words(error: &LoadError, folder: &TempDir) -> String {
    let hint = error.hint().map(|hint| format!(" | {hint}")).unwrap_or_default();
    format!("{error}{hint}").replace(&format!("{}/", folder.path().display()), "")
}

fn factor<'t>(table: &'t Table, name: &str) -> &'t Factor {
    match &table.get(name).unwrap().data {
        ColumnData::Factor(factor) => factor,
        ColumnData::Number(_) => panic!("{name} is a number"),
    }
}

fn number<'t>(table: &'t Table, name: &str) -> &'t [f64] {
    match &table.get(name).unwrap().data {
        ColumnData::Number(values) => values,
        ColumnData::Factor(_) => panic!("{name} is a factor"),
    }
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    let column = table.get(name).unwrap();
    (0..table.n_rows()).map(|row| column.text(row).unwrap_or_else(|| "-".into())).collect()
}

/// Values only: the files differ in name.
fn same(a: &Table, b: &Table) {
    let names = |table: &Table| table.names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    for name in a.names() {
        assert_eq!(texts(a, name), texts(b, name), "{name}");
        assert_eq!(
            std::mem::discriminant(&a.get(name).unwrap().data),
            std::mem::discriminant(&b.get(name).unwrap().data),
            "{name}"
        );
    }
}

const NAMES: [&str; 10] = [
    "user_id",
    "work_mode",
    "expertise",
    "outcome",
    "success_signal",
    "value_band",
    "verified_success",
    "wrote_code",
    "month",
    "note",
];

#[test]
fn csv_with_codebook_and_derived_variables() {
    let folder = new_folder();
    let table = load(&LoadRequest::new(file(&folder, "a.csv", CSV)).with_names(NAMES)).unwrap();
    assert_eq!(table.n_rows(), 4);
    assert_eq!(texts(&table, "user_id"), ["u2", "u1", "u2", "u3"]);
    assert_eq!(texts(&table, "work_mode"), ["Build", "Fix", "Test", "Plan"]);
    assert_eq!(factor(&table, "work_mode").levels.len(), 9);
    assert_eq!(texts(&table, "expertise"), ["5", "1", "-", "3"]);
    assert_eq!(table.get("expertise").unwrap().missing_reason(2), "unclear expertise");
    assert_eq!(texts(&table, "outcome")[3], "Partially Succeeded");
    assert_eq!(number(&table, "success_signal"), [4.0, 0.0, 5.0, 2.0]);
    assert_eq!(texts(&table, "value_band"), ["200-1000", "-", "1000-5000", ">=5000"]);
    assert_eq!(texts(&table, "verified_success"), ["1", "0", "-", "0"]);
    assert_eq!(table.get("verified_success").unwrap().missing_reason(2), "no clear goal");
    assert_eq!(texts(&table, "wrote_code"), ["1", "0", "-", "1"]);
    assert_eq!(table.get("wrote_code").unwrap().missing_reason(2), "missing lines_added");
    assert_eq!(texts(&table, "month"), ["2026-01", "2025-12", "2026-01", "-"]);
    assert_eq!(texts(&table, "note"), ["a, b", "say \"hi\"", "two\nlines", "é"]);
}

fn ndjson() -> String {
    let mut lines = String::new();
    for (id, user, mode, expertise, outcome, signal, value, lines_added, note, time) in [
        ("s1", "u2", "Build", "5", "Succeeded", "4", "250.5", "10", "a, b", "\"2026-01-03T10:00:00\""),
        (
            "s2",
            "u1",
            "fix",
            "\"Novice\"",
            "Failed",
            "\"NONE\"",
            "null",
            "0",
            "say \\\"hi\\\"",
            "\"2025-12-31T23:59:59\"",
        ),
        (
            "s3",
            "u2",
            "Test",
            "\"Unclear\"",
            "No clear goal",
            "5",
            "1000",
            "null",
            "two\\nlines",
            "\"2026-01-01T00:00:00\"",
        ),
        ("s4", "u3", "Plan", "3.0", "partially_succeeded", "2", "5000", "7", "é", "null"),
    ] {
        lines += &format!(
            "{{\"session_id\":\"{id}\",\"user\":\"{user}\",\"work_mode\":\"{mode}\",\"expertise\":{expertise},\"outcome\":\"{outcome}\",\"success_signal\":{signal},\"task_value\":{value},\"lines_added\":{lines_added},\"note\":\"{note}\",\"created_at\":{time}}}\n"
        );
    }
    lines
}

/// The same table in every format.
fn every_format(folder: &TempDir) -> Vec<String> {
    let csv = file(folder, "a.csv", CSV);
    let plain = load(&LoadRequest { codebook: CodebookMode::Off, ..LoadRequest::new(&csv) }).unwrap();
    let mut sources = vec![csv, file(folder, "a.ndjson", ndjson())];
    sources.push(file(
        folder,
        "crlf.csv",
        CSV.replace("two\nlines", "two~lines").replace('\n', "\r\n").replace('~', "\n"),
    ));
    sources.push(file(folder, "bom.csv", format!("\u{feff}{CSV}")));
    sources.push(file(folder, "semicolon.csv", CSV.replace("a, b", "a~ b").replace(',', ";").replace('~', ",")));
    for name in ["a.parquet", "a.arrow", "written.csv", "written.tsv", "written.jsonl"] {
        let path = folder.path().join(name);
        write(&plain, &path).unwrap();
        sources.push(path.display().to_string());
    }
    for (name, content) in [("a.csv", CSV.to_owned()), ("a.ndjson", ndjson())] {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(content.as_bytes()).unwrap();
        sources.push(file(folder, &format!("{name}.gz"), gz.finish().unwrap()));
        let zst = zstd::encode_all(content.as_bytes(), 1).unwrap();
        sources.push(file(folder, &format!("{name}.zst"), zst));
    }
    sources
}

#[test]
fn every_format_reads_the_same_table() {
    let folder = new_folder();
    let sources = every_format(&folder);
    let expected = load(&LoadRequest::new(&sources[0]).with_names(NAMES)).unwrap();
    for source in &sources {
        let table = load(&LoadRequest::new(source).with_names(NAMES)).unwrap_or_else(|e| panic!("{source}: {e}"));
        same(&expected, &table);
    }
}

#[test]
fn small_ranges_and_blocks_change_nothing() {
    let folder = new_folder();
    for source in every_format(&folder) {
        let expected = load(&LoadRequest::new(&source).with_names(NAMES)).unwrap();
        for (range_rows, block_bytes) in [(1, 16), (3, 100), (2, 201)] {
            let request = LoadRequest { range_rows, block_bytes, ..LoadRequest::new(&source).with_names(NAMES) };
            let table = load(&request).unwrap_or_else(|e| panic!("{source}: {e}"));
            same(&expected, &table);
            assert_eq!(table.sources, expected.sources);
        }
    }
}

#[test]
fn standard_input_in_every_format() {
    let folder = new_folder();
    let expected = load(&LoadRequest::new(file(&folder, "a.csv", CSV)).with_names(NAMES)).unwrap();
    for source in every_format(&folder) {
        if source.contains(".tsv") {
            continue;
        }
        let stdin = Some(Arc::new(std::fs::read(&source).unwrap()));
        let table = load(&LoadRequest { stdin, ..LoadRequest::new("-").with_names(NAMES) });
        same(&expected, &table.unwrap_or_else(|e| panic!("{source}: {e}")));
    }
}

#[test]
fn globs_folders_and_lists_are_one_table() {
    let folder = new_folder();
    let (head, body) = CSV.split_once('\n').unwrap();
    let rows: Vec<&str> = vec![
        &body[..body.find("s2").unwrap()],
        &body[body.find("s2").unwrap()..body.find("s3").unwrap()],
        &body[body.find("s3").unwrap()..],
    ];
    let parts: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(place, rows)| file(&folder, &format!("part-{place}.csv"), format!("{head}\n{rows}")))
        .collect();
    let other = new_folder();
    let whole = load(&LoadRequest::new(file(&other, "a.csv", CSV)).with_names(NAMES)).unwrap();
    let pattern = format!("{}/part-*.csv", folder.path().display());
    let inside = folder.path().display().to_string();
    for sources in [vec![pattern], vec![inside], parts.clone()] {
        let table = load(&LoadRequest { sources, ..LoadRequest::new("").with_names(NAMES) }).unwrap();
        same(&whole, &table);
        assert_eq!(table.locate(3), (parts[2].clone(), 2));
    }
    assert_eq!(schema_of(&parts[0], None).unwrap()[1], "user");
}

#[test]
fn columns_of_several_files_must_agree() {
    let folder = new_folder();
    file(&folder, "a.csv", "x,y\n1,2\n");
    file(&folder, "b.csv", "y,x\n3,4\n");
    let all = |names: &[&str]| LoadRequest::new(folder.path().display().to_string()).with_names(names.to_vec());
    assert_eq!(number(&load(&all(&["x"])).unwrap(), "x"), [1.0, 4.0]);
    file(&folder, "c.csv", "y,z\n3,4\n");
    assert_eq!(
        words(&error(&all(&["x"])), &folder),
        "`c.csv` has no column `x`, which the other files have | add it to that file, or leave the file out"
    );
    std::fs::write(folder.path().join("d.ndjson"), "{\"x\":1}\n").unwrap();
    let several = words(&error(&all(&["x"])), &folder);
    assert!(several.contains("several formats: 3 CSV, 1 NDJSON"), "{several}");
}

#[test]
fn plain_tables_need_no_codebook() {
    let folder = new_folder();
    let source =
        file(&folder, "a.csv", "g,x,flag,id\nb,1,true,9007199254740993\na,2.5,FALSE,9007199254740992\n,NA,,1\n");
    let table = load(&LoadRequest::new(source)).unwrap();
    assert_eq!(factor(&table, "g").levels, ["a", "b"]);
    assert_eq!(texts(&table, "g"), ["b", "a", "-"]);
    assert!(number(&table, "x")[2].is_nan());
    assert_eq!(number(&table, "flag")[..2], [1.0, 0.0]);
    assert_eq!(texts(&table, "id"), ["9007199254740993", "9007199254740992", "1"]);
}

#[test]
fn the_mapping_names_columns() {
    let folder = new_folder();
    let source = file(&folder, "a.csv", "rating,who\nExpert,a\n2,b\n");
    let mut request = LoadRequest::new(&source).with_names(["expertise", "person"]);
    request.mapping.add("expertise=rating").unwrap();
    request.mapping.add("person=who").unwrap();
    let table = load(&request).unwrap();
    assert_eq!(texts(&table, "expertise"), ["5", "2"]);
    assert_eq!(texts(&table, "person"), ["a", "b"]);
    request.wanted = Wanted::All;
    assert_eq!(load(&request).unwrap().names().collect::<Vec<_>>(), ["expertise", "person"]);
}

#[test]
fn settings_change_derived_variables() {
    let folder = new_folder();
    let source = file(&folder, "a.csv", "failure_signal\n3\n4\n");
    let mut request = LoadRequest::new(source).with_names(["trouble"]);
    assert_eq!(number(&load(&request).unwrap(), "trouble"), [1.0, 1.0]);
    request.settings.set("trouble_threshold", "4").unwrap();
    assert_eq!(number(&load(&request).unwrap(), "trouble"), [0.0, 1.0]);
}

#[test]
fn a_column_of_the_file_wins_over_a_derived_variable() {
    let folder = new_folder();
    let source = file(&folder, "a.csv", "verified_success,software\n0.5,7\n");
    let table = load(&LoadRequest::new(source).with_names(["verified_success", "software"])).unwrap();
    assert_eq!((number(&table, "verified_success")[0], number(&table, "software")[0]), (0.5, 7.0));
}

#[test]
fn foreign_levels_name_their_place_and_the_way_out() {
    let folder = new_folder();
    let source = file(&folder, "a.csv", "work_mode,x\nBuild,1\nBild,2\n");
    let mut request = LoadRequest::new(source);
    let text = words(&error(&request), &folder);
    assert!(
        text.starts_with("a.csv, row 2, column `work_mode`: `Bild` is not a level of work_mode: Plan, Build,"),
        "{text}"
    );
    assert!(text.contains("did you mean `Build`?") && text.contains("--codebook off"), "{text}");
    request.codebook = CodebookMode::Off;
    assert_eq!(factor(&load(&request).unwrap(), "work_mode").levels, ["Bild", "Build"]);
    let text = words(&error_of(&folder, "b.csv", "lines_added\n1\nmany\n"), &folder);
    assert!(text.starts_with("b.csv, row 2, column `lines_added`: `many` is not a number"), "{text}");
}

#[test]
fn duplicates_are_found_across_files_and_ranges() {
    let folder = new_folder();
    file(&folder, "a.csv", "session_id,x\ns1,1\ns2,2\n");
    file(&folder, "b.csv", "session_id,x\ns3,1\ns2,2\n");
    let mut request = LoadRequest::new(folder.path().display().to_string()).with_names(["x"]);
    let text = words(&error(&request), &folder);
    assert!(text.starts_with("session `s2` occurs twice: a.csv, row 2 and b.csv, row 2 |"), "{text}");
    assert!(text.contains("--allow-duplicates"), "{text}");
    request.allow_duplicates = true;
    assert_eq!(load(&request).unwrap().n_rows(), 4);
    request.allow_duplicates = false;
    request.codebook = CodebookMode::Off;
    assert_eq!(load(&request).unwrap().n_rows(), 4);
}

#[test]
fn faults_of_files() {
    let folder = new_folder();
    let cases: [(&str, &[u8], &str); 16] = [
        ("empty.csv", b"", "`empty.csv` has no rows"),
        ("header.csv", b"a,b\n", "`header.csv` has no rows"),
        ("blank.csv", b"\n\n", "`blank.csv` has no columns"),
        ("two.csv", b"a,b,a\n1,2,3\n", "`two.csv` has two columns named `a`"),
        ("short.csv", b"a,b\n1,2\n3\n", "short.csv, row 2: 1 fields, but the header has 2"),
        ("long.csv", b"a,b\n1,2\n\n3,4,5\n", "long.csv, row 2: 3 fields, but the header has 2"),
        ("quote.csv", b"a,b\n1,\"2\n3,4\n", "quote.csv, row 1: a double quote is never closed"),
        ("latin.csv", b"a,b\n1,2\n3,\xe9\n", "latin.csv, row 2: the text is not UTF-8"),
        ("utf16.csv", b"\xff\xfea\0,\0b\0\n\0", "`utf16.csv` is not a readable CSV file: it is in UTF-16"),
        ("inf.csv", b"a\n1\ninf\n", "inf.csv, row 2, column `a`: `inf` is not a finite number"),
        ("bad.ndjson", b"{\"a\":1}\n{\"a\":\n", "bad.ndjson, row 2: the line cannot be read as JSON"),
        ("list.ndjson", b"[1]\n", "list.ndjson, row 1: the line is JSON, but no object"),
        ("cut.parquet", b"PAR1abcdef", "`cut.parquet` is not a readable Parquet file: "),
        ("none.parquet", b"hello, this is no parquet file", "`none.parquet` is not a readable Parquet file: "),
        ("cut.arrow", b"ARROW1\0\0abc", "`cut.arrow` is not a readable Arrow file: "),
        ("bytes.dat", b"\0\x01\x02\x03", "cannot tell the format of `bytes.dat`"),
    ];
    for (name, content, expected) in cases {
        let text = words(&error_of(&folder, name, content), &folder);
        assert!(text.starts_with(expected), "{name}: {text}");
    }
    let broken_gz = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], b"nonsense"].concat();
    assert!(matches!(error_of(&folder, "bad.csv.gz", broken_gz), LoadError::Io { .. }));
}

#[test]
fn a_truncated_parquet_file_is_an_error() {
    let folder = new_folder();
    let mut table = Table::new(1000);
    table.insert(Column::number("x", (0..1000).map(f64::from).collect()));
    let path = folder.path().join("a.parquet");
    write(&table, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in [4, 8, 12, bytes.len() / 2, bytes.len() - 1] {
        let text = words(&error_of(&folder, "cut.parquet", &bytes[..length]), &folder);
        assert!(text.starts_with("`cut.parquet` is not a readable Parquet file: "), "{length}: {text}");
    }
}

#[test]
fn missing_files_and_patterns() {
    let folder = new_folder();
    file(&folder, "sessions.csv", CSV);
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let ask = |path: &Path| words(&error(&LoadRequest::new(path.display().to_string())), &folder);
    assert_eq!(ask(&at("session.csv")), "there is no file `session.csv` | did you mean `sessions.csv`?");
    assert!(ask(&at("x*.csv")).starts_with("`x*.csv` names no table | tables end in"));
    std::fs::create_dir(at("void")).unwrap();
    assert!(ask(&at("void")).starts_with("`void` names no table"));
    let request = LoadRequest::new(at("sessions.csv").display().to_string()).with_names(["expertize"]);
    assert_eq!(words(&error(&request), &folder), "there is no column `expertize` | did you mean `expertise`?");
}

#[test]
fn written_tables_come_back() {
    let folder = new_folder();
    let mut table = Table::new(3);
    table.insert(Column::number("x", vec![0.1, f64::NAN, 1e-300]));
    table.insert(Column::factor("g", Factor::from_labels(&[Some("b,\"c\""), None, Some("a")])));
    for name in ["t.parquet", "t.csv", "t.ndjson", "t.tsv", "t.arrow"] {
        let path = folder.path().join(name);
        write(&table, &path).unwrap();
        let back = load(&LoadRequest::new(path.display().to_string())).unwrap();
        same(&table, &back);
        assert_eq!(number(&back, "x")[0], 0.1, "{name}");
    }
    assert!(matches!(write(&table, &folder.path().join("t.xlsx")), Err(LoadError::UnknownOutput { .. })));
    assert!(matches!(write(&table, Path::new("/nowhere/t.csv")), Err(LoadError::NoFolder { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn check_collects_everything() {
    use metier::check::{Origin, Severity, check};
    let folder = new_folder();
    let source = file(
        &folder,
        "a.csv",
        "session_id,user,work_mode,exp_rating,outcome,success_signal,lines_added,planning_share,task_value,extra\n\
         s1,u1,Build,5,Succeeded,4,10,0.5,100,x\n\
         s2,,Bild,Unclear,Succeeded,,-1,1.5,inf,y\n\
         s1,u2,Bilt,2,No clear goal,NONE,0,0,5,z\n\
         s4,u2,Test,2,Failed,NONE,0.5,,5,z\n",
    );
    let report = check(&LoadRequest::new(&source)).unwrap();
    let text = report.to_string().replace(&format!("{}/", folder.path().display()), "");
    for expected in [
        "a.csv: 4 rows",
        "`Bild` is not a level of work_mode (1 row, first: a.csv, row 2, column `work_mode`)",
        "`Bilt` is not a level of work_mode (1 row, first: a.csv, row 3",
        "rows without a user belong to no cluster: a clustered fit refuses them, or drops them with `--missing-cluster drop` (1 row, first: a.csv, row 2, column `user`)",
        "sessions occur more than once, first `s1` (1 row, first: a.csv, row 3",
        "lines_added is negative (1 row",
        "lines_added is a count, but not whole (1 row, first: a.csv, row 4",
        "planning_share is a share, but not between 0 and 1",
        "`inf` is not a finite number",
        "note: sessions succeeded, but have no success signal",
        "expertise          ordered    from `exp_rating`",
        "Other columns: task_value, extra",
        "-1  no clear goal",
        "-1  missing user_id",
        "2  kept",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(!report.is_clean());
    assert_eq!(report.findings.iter().filter(|finding| finding.severity == Severity::Problem).count(), 8);
    let month = report.variables.iter().find(|variable| variable.name == "month").unwrap();
    assert_eq!(month.origin, Origin::Absent(None));
    let clean = check(&LoadRequest::new(file(&folder, "b.csv", CSV))).unwrap();
    assert!(clean.is_clean(), "{clean}");
    assert_eq!((clean.kept, clean.dropped), (Some(3), vec![("no clear goal".into(), 1)]));
}
