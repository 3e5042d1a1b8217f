//! Model files: the schema in the repository is the program's own, and every file in `models` means something.

use crate::support::{Folder, root};

#[test]
fn the_schema_file_is_what_the_program_prints() {
    let printed = Folder::new().run(&["schema"]).ok();
    let file = std::fs::read_to_string(root().join("models/model-file.schema.json")).unwrap();
    assert!(printed == file, "write it anew: cargo run -- schema > models/model-file.schema.json");
}

#[test]
fn every_model_file_parses_and_resolves() {
    let mut found = 0;
    for entry in std::fs::read_dir(root().join("models")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("curve_")) {
            let listed = Folder::new().with("g.toml", &text).run(&["curve", "g.toml", "--dry-run"]).ok();
            assert!(listed.contains("specifications, at most"), "{listed}");
            continue;
        }
        // no table is needed to find out: the file is read and resolved before the data
        let folder = Folder::new().with("m.toml", &text);
        let ran = folder.run(&["fit", "--model", "m.toml", "--data", "absent.csv"]);
        assert_eq!((ran.code, ran.err.lines().next()), (2, Some("error: there is no file `absent.csv`")), "{path:?}");
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(&format!("name = \"{stem}\"")), "{path:?} has another name than its file");
        found += 1;
    }
    assert!(found >= 4, "{found} model files");
}

#[test]
fn embedded_model_files_are_those_of_the_repository() {
    let folder = Folder::new();
    for line in folder.run(&["models"]).ok().lines() {
        let name = line.split_whitespace().next().unwrap();
        let file = std::fs::read_to_string(root().join(format!("models/{name}.toml"))).unwrap();
        assert_eq!(folder.run(&["models", name]).ok(), file);
    }
}
