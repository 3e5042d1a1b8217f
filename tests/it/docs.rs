//! Every command of the documentation runs, ends with the code it says, and prints what is shown below it.

use crate::support::{Folder, root, run_in};
use std::collections::BTreeMap;

/// A command of a `console` block.
#[derive(Debug)]
struct Example {
    place: String,
    arguments: Vec<String>,
    code: i32,
    /// The lines shown below it; none if the document does not show any.
    shown: Vec<String>,
}

/// README and every page of `docs`, with their names.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md")];
    paths.extend(std::fs::read_dir(root().join("docs")).into_iter().flatten().map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md") && path.exists());
    paths.sort();
    let name = |path: &std::path::PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The words of a command line; single and double quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    assert_eq!(quote, None, "open quote: {line}");
    words.extend(word);
    words
}

fn examples_of(name: &str, text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut inside, mut shows) = (false, false);
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.starts_with("```") {
            (inside, shows) = (line == "```console", false);
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            let mut command = command.to_owned();
            while let Some(start) = command.strip_suffix('\\') {
                command = format!("{start}{}", lines.next().map_or("", |(_, line)| line.trim_start()));
            }
            shows = command.starts_with("metier ");
            if !shows {
                continue;
            }
            let (command, code) = match command.rsplit_once("# exits ") {
                Some((command, code)) => (command.trim_end().to_owned(), code.trim().parse().expect("an exit code")),
                None => (command, 0),
            };
            let arguments = words(&command).into_iter().skip(1).collect();
            examples.push(Example { place: format!("{name}:{}", number + 1), arguments, code, shown: Vec::new() });
        } else if let (true, true, Some(example)) = (inside, shows, examples.last_mut()) {
            example.shown.push(line.trim_end().to_owned());
        }
    }
    examples
}

/// Whether lines start as shown; a shown `...` stands for any lines.
fn agrees(shown: &[&str], found: &[&str]) -> bool {
    match shown.split_first().map(|(first, rest)| (first.trim_start_matches(' '), first, rest)) {
        None => true,
        Some(("..." | "…", _, rest)) => (0..=found.len()).any(|skip| agrees(rest, &found[skip..])),
        Some((_, first, rest)) => found.split_first().is_some_and(|(line, below)| line == first && agrees(rest, below)),
    }
}

/// A folder that looks like the repository to the commands, but may be written to.
fn checkout() -> Folder {
    let folder = Folder::new();
    for part in ["data", "models", "tests/data", "tests/data/nist"] {
        std::fs::create_dir_all(folder.path(part)).unwrap();
        for entry in std::fs::read_dir(root().join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, folder.path(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    folder
}

#[test]
fn commands_do_what_the_pages_say() {
    // each command once, in the order of the pages: one may need what another wrote
    let mut distinct: Vec<Vec<Example>> = Vec::new();
    let mut place: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for (name, text) in pages() {
        for example in examples_of(&name, &text) {
            let at = *place.entry(example.arguments.clone()).or_insert_with(|| {
                distinct.push(Vec::new());
                distinct.len() - 1
            });
            distinct[at].push(example);
        }
    }
    let folder = checkout();
    let mut faults = String::new();
    for examples in distinct {
        let arguments: Vec<&str> = examples[0].arguments.iter().map(String::as_str).collect();
        let ran = run_in(&folder.path(""), &arguments, "");
        for example in examples {
            if ran.code != example.code {
                faults += &format!("{}: exits {} instead of {}\n{}\n", example.place, ran.code, example.code, ran.err);
            }
            let text = if ran.code >= 2 { &ran.err } else { &ran.out };
            let found: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
            let mut shown: Vec<&str> = example.shown.iter().map(String::as_str).collect();
            while shown.last() == Some(&"") {
                shown.pop();
            }
            if !shown.is_empty() && !agrees(&shown, &found) {
                faults += &format!("{}: prints\n{}\ninstead of\n{}\n", example.place, text, shown.join("\n"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn the_readme_says_how_to_run_and_to_test() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap_or_default();
    for command in ["cargo run --release -- reproduce", "cargo test"] {
        assert!(readme.contains(command), "README.md lacks `{command}`");
    }
}

#[test]
fn blocks_are_read_as_a_shell_would() {
    let page = "```console\n$ metier fit 'y ~ x' \\\n    --data \"a b.csv\"\nout\n$ cargo test\nno\n$ metier check x # exits 1\n```\n```\n$ metier no\n```\n";
    let examples = examples_of("p.md", page);
    let read: Vec<_> = examples.iter().map(|e| (e.arguments.join("|"), e.code, e.shown.join("|"))).collect();
    let expected = [("fit|y ~ x|--data|a b.csv", 0, "out"), ("check|x", 1, "")];
    assert_eq!(read, expected.map(|(arguments, code, shown)| (arguments.to_owned(), code, shown.to_owned())));
    assert!(agrees(&["a", " ...", "d"], &["a", "b", "c", "d", "e"]) && !agrees(&["a", "..."], &["b"]));
}
