//! A folder for replication, laid out as data editors in the social sciences ask for it.

use super::hash::{of_bytes, of_json};
use super::{DataFile, Lock, LockError, Specification, SpecificationFile, readme};
use crate::output::{Format, RenderOptions, read, render};
use crate::result::Run;
use serde_json::Value;
use std::collections::BTreeSet;

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Path in the folder, parts joined by `/`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A data file that is copied into the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCopy {
    /// The file as locked.
    pub file: String,
    /// Where it goes.
    pub path: String,
}

/// A folder before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Files made here; the manifest is the last of them, once [`Package::finish`] ran.
    pub files: Vec<PackageFile>,
    /// Data files, by name; copied if the author wants that.
    pub data: Vec<DataCopy>,
    /// The lock with the paths of the folder.
    pub lock: Lock,
}

/// Name of the list of checksums.
pub const MANIFEST: &str = "MANIFEST.sha256";

/// The file with a table of the results, and the format it is in.
pub const RESULTS: [(&str, Format); 4] = [
    ("results.json", Format::Json),
    ("results.csv", Format::Csv),
    ("tables.md", Format::Markdown),
    ("tables.tex", Format::Latex),
];

/// Lays out the folder of a lock.
///
/// # Errors
/// Results in the lock that cannot be read.
pub fn package(lock: &Lock, title: &str, with_data: bool) -> Result<Package, LockError> {
    let specification = specification_paths(&lock.specification.files);
    let all: Vec<DataFile> = lock.data.files.iter().chain(&lock.data.targets).cloned().collect();
    let data = data_paths(&all);
    let moved = moved(lock, &specification, &data);
    let saved = read::document(&moved.results).map_err(|error| LockError::NotOurs(error.to_string()))?;
    let mut files: Vec<PackageFile> = Vec::new();
    let mut add =
        |path: &str, text: String| files.push(PackageFile { path: path.to_owned(), bytes: text.into_bytes() });
    add("README.md", readme::text(&moved, &saved.run, title, with_data));
    add("metier.lock.json", moved.to_text());
    for (file, path) in moved.specification.files.iter().zip(&specification) {
        add(path, file.text.clone().unwrap_or_else(|| readme::specification_text(file)));
    }
    if let Some(map) = moved.specification.options["map"].as_object().filter(|map| !map.is_empty()) {
        let lines = map.iter().map(|(name, column)| format!("{} = {column}\n", serde_json::Value::from(name.as_str())));
        add(MAPPING, lines.collect());
    }
    if !saved.run.fits.is_empty() {
        for (name, format) in RESULTS {
            add(&format!("results/{name}"), render(&run_of(&saved.run), format, &RenderOptions::default()));
        }
    }
    for exhibit in &moved.exhibits {
        add(&format!("results/{}", exhibit.file), exhibit.to_csv());
    }
    if !data.is_empty() {
        let lines =
            moved.data.files.iter().chain(&moved.data.targets).map(|file| format!("{}  {}\n", file.sha256, file.file));
        add("data.sha256", lines.collect());
    }
    add("run.sh", readme::script(&moved));
    Ok(Package { files, data, lock: moved })
}

/// The mapping of columns, if there is one.
const MAPPING: &str = "specification/map.toml";

/// The fits as they are written again: timings are of the machine.
fn run_of(run: &Run) -> Run {
    Run { timings: Vec::new(), ..run.clone() }
}

impl Package {
    /// Adds the list of checksums, of the files made here and of those copied.
    pub fn finish(&mut self, copied: &[(String, String)]) {
        let made = self.files.iter().map(|file| (of_bytes(&file.bytes), file.path.clone()));
        let copied = copied.iter().map(|(path, sha256)| (sha256.clone(), path.clone()));
        let mut lines: Vec<(String, String)> = made.chain(copied).collect();
        lines.sort_by(|a, b| a.1.cmp(&b.1));
        let text: String = lines.iter().map(|(sha256, path)| format!("{sha256}  {path}\n")).collect();
        self.files.push(PackageFile { path: MANIFEST.to_owned(), bytes: text.into_bytes() });
    }
}

/// Paths of the model files; one made of a formula gets a file too, for readers.
fn specification_paths(files: &[SpecificationFile]) -> Vec<String> {
    // a figure names its models by a path from where it stands
    let is_named = |path: &String| files.iter().flat_map(|file| &file.models).any(|model| model["models"] == **path);
    let is_inside = |path: &&String| !path.starts_with('/') && !path.split('/').any(|part| part == "..");
    let name = |file: &SpecificationFile| match file.path.as_ref().filter(|path| is_named(path)).filter(is_inside) {
        Some(path) if path.ends_with(".toml") => path.clone(),
        _ => format!("{}.toml", plain(&file.name)),
    };
    let names: Vec<String> = files.iter().map(name).collect();
    unique(&names).into_iter().map(|name| format!("specification/{name}")).collect()
}

fn data_paths(files: &[DataFile]) -> Vec<DataCopy> {
    let name = |file: &DataFile| file.file.rsplit(['/', '\\']).next().unwrap_or(&file.file).to_owned();
    let names: Vec<String> = files.iter().map(name).collect();
    let copy = |(file, name): (&DataFile, String)| DataCopy { file: file.file.clone(), path: format!("data/{name}") };
    files.iter().zip(unique(&names)).map(copy).collect()
}

/// Letters, digits, and what is safe in the name of a file.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

/// Names with numbers before those that occur twice.
fn unique(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let mut candidate = name.clone();
        let mut number = 2;
        while !seen.insert(candidate.clone()) {
            candidate = format!("{number}_{name}");
            number += 1;
        }
        found.push(candidate);
    }
    found
}

/// The lock with the paths of the folder, and a command without what it wrote.
fn moved(lock: &Lock, specification: &[String], data: &[DataCopy]) -> Lock {
    let mut moved = lock.clone();
    for (file, path) in moved.specification.files.iter_mut().zip(specification) {
        file.path = file.path.as_ref().map(|_| path.clone());
    }
    for (file, copy) in moved.data.files.iter_mut().chain(&mut moved.data.targets).zip(data) {
        file.file.clone_from(&copy.path);
    }
    let (tables, targets) = data.split_at(lock.data.files.len());
    if !tables.is_empty() {
        moved.results["sources"] = tables.iter().map(|copy| copy.path.as_str()).collect();
    }
    if !targets.is_empty() {
        for file in &mut moved.specification.files {
            file.models.iter_mut().for_each(|model| rename(model, targets));
            let quoted = |name: &str| format!("\"{name}\"");
            let renamed = |text: String| {
                targets.iter().fold(text, |text, copy| text.replace(&quoted(&copy.file), &quoted(&copy.path)))
            };
            file.text = file.text.take().map(renamed);
        }
        moved.specification = Specification::new(moved.specification.files, moved.specification.options);
        rename(&mut moved.results["models"], targets);
        moved.results_sha256 = of_json(&moved.results["models"]);
    }
    let own: Vec<Vec<String>> = lock.exhibits.iter().map(|exhibit| command(&exhibit.command, lock, &moved)).collect();
    moved.exhibits.iter_mut().zip(own).for_each(|(exhibit, own)| exhibit.command = own);
    moved.command = command(&lock.command, lock, &moved);
    moved
}

/// Replaces the names of files by those of their copies, wherever they stand.
fn rename(value: &mut Value, copies: &[DataCopy]) {
    match value {
        Value::String(text) => {
            if let Some(copy) = copies.iter().find(|copy| copy.file == *text) {
                text.clone_from(&copy.path);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename(value, copies)),
        Value::Object(keys) => keys.values_mut().for_each(|value| rename(value, copies)),
        _ => {}
    }
}

/// Options that name what is written or how it looks, with a value.
const WRITING: [&str; 11] = [
    "--output",
    "-o",
    "--format",
    "--lock",
    "--save-effects",
    "--save-fitted",
    "--save-weights",
    "--out",
    "--digits",
    "--stars",
    "--threads",
];

/// A command with the paths of the folder.
fn command(command: &[String], lock: &Lock, moved: &Lock) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    // figures are named without a flag
    let is_figure = command.first().is_some_and(|verb| verb == "figure");
    let figure = |word: &str| {
        let files = lock.specification.files.iter().zip(&moved.specification.files);
        let mut named = files.filter(|(old, _)| is_figure && old.path.as_deref() == Some(word));
        named.find_map(|(_, new)| new.path.clone())
    };
    let mut rest = command.iter().flat_map(|word| match word.split_once('=') {
        Some((flag @ ("--data" | "--model" | "--map" | "--target"), value)) => vec![flag.to_owned(), value.to_owned()],
        _ => vec![word.clone()],
    });
    let mut specifications = moved.specification.files.iter().filter_map(|file| file.path.clone());
    let mut in_data = false;
    while let Some(word) = rest.next() {
        let is_flag = word.starts_with('-') && word.len() > 1;
        in_data = in_data && !is_flag;
        match word.as_str() {
            "--quiet" | "-q" => {}
            flag if WRITING.contains(&flag) => drop(rest.next()),
            flag if WRITING.iter().any(|known| flag.starts_with(&format!("{known}="))) => {}
            "--model" => {
                rest.next();
                words.push(word);
                words.extend(specifications.next());
            }
            "--map" => {
                let value = rest.next().unwrap_or_default();
                let is_pair = value.contains('=');
                words.push(word);
                words.push(if is_pair { value } else { MAPPING.to_owned() });
            }
            "--target" => {
                let value = rest.next().unwrap_or_default();
                let at = lock.data.targets.iter().position(|file| file.file == value.trim());
                words.push(word);
                words.push(at.map_or(value, |at| moved.data.targets[at].file.clone()));
            }
            "--data" if !moved.data.files.is_empty() => {
                words.push(word);
                words.extend(moved.data.files.iter().map(|file| file.file.clone()));
                in_data = true;
            }
            _ if in_data => {}
            _ => words.push(figure(&word).unwrap_or(word)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::fixture::lock;
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_command_has_the_paths_of_the_folder() {
        let mut lock = lock();
        lock.command =
            words("fit --data a/*.csv b.csv --model=m.toml -o x.tex --map c.toml --map y=z --format json -q");
        let package = package(&lock, "T", false).unwrap();
        let expected = "fit --data data/s.csv --model specification/m.toml --map specification/map.toml --map y=z";
        assert_eq!(package.lock.command, words(expected));
        assert_eq!(package.data, [DataCopy { file: String::from("data/s.csv"), path: String::from("data/s.csv") }]);
        // the hash of the specification is of what is asked, not of where it stands
        assert_eq!(package.lock.specification.sha256, lock.specification.sha256);
    }

    #[test]
    fn the_manifest_lists_every_other_file() {
        let mut package = package(&lock(), "T", false).unwrap();
        package.finish(&[(String::from("data/s.csv"), String::from("abc"))]);
        let manifest = String::from_utf8(package.files.last().unwrap().bytes.clone()).unwrap();
        assert_eq!(manifest.lines().count(), package.files.len());
        assert!(manifest.contains("abc  data/s.csv\n") && manifest.contains("  README.md\n"));
    }

    #[test]
    fn the_folder_as_a_reader_finds_it() {
        let package = package(&lock(), "A study", false).unwrap();
        let of = |path: &str| {
            let file = package.files.iter().find(|file| file.path == path).unwrap();
            String::from_utf8(file.bytes.clone()).unwrap()
        };
        let texts = [of("README.md"), of("run.sh"), of("data.sha256")];
        insta::assert_snapshot!(
            texts.join("\n=====\n").replace(std::env::consts::OS, "[os]").replace(std::env::consts::ARCH, "[arch]")
        );
    }

    #[test]
    fn files_of_one_name_are_told_apart() {
        assert_eq!(unique(&[String::from("a"), String::from("a"), String::from("b")]), ["a", "2_a", "b"]);
        assert_eq!(plain("a b/c"), "a_b_c");
    }
}
