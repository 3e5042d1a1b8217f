//! The texts of a folder for replication: README in the order of the social science data editors' template, script.

use super::package::RESULTS;
use super::{DataFile, Lock, SpecificationFile};
use crate::output::document::{Cell, Grid, Row};
use crate::output::markdown;
use crate::output::number::{count, counted};
use crate::result::Run;

/// The README.
pub fn text(lock: &Lock, run: &Run, title: &str, with_data: bool) -> String {
    let parts = [
        format!("# {}", if title.is_empty() { "Replication package" } else { title }),
        overview(lock, run),
        availability(lock, with_data),
        datasets(lock, with_data),
        requirements(lock),
        programs(lock),
        instructions(lock, with_data),
        list(lock, run),
        String::from("## References\n\n[To be filled in: the data and programs cited above.]"),
    ];
    parts.join("\n\n") + "\n"
}

fn overview(lock: &Lock, run: &Run) -> String {
    let exhibits = match lock.exhibits.len() {
        0 => String::new(),
        n => {
            format!(", makes the {} of figures and published tables", counted(n, "file of numbers", "files of numbers"))
        }
    };
    let mut text = format!(
        "## Overview\n\nThe code in this folder fits {}{exhibits} with Metier {} and compares every number with `metier.lock.json`.\nOne script, `run.sh`, runs all of it.",
        counted(run.fits.len(), "regression", "regressions"),
        lock.metier_version
    );
    if let Some(note) = &run.data_note {
        text += &format!("\n\n> Data: {note}");
    }
    text
}

fn availability(lock: &Lock, with_data: bool) -> String {
    let mut text = String::from("## Data availability and provenance statements\n\n");
    if let Some(drawn) = &lock.data.drawn {
        text += &format!("The table is drawn by the program: {drawn}.\nNo other data are used.\n\n");
        text += "### Statement about rights\n\nNo data of others are used.";
        return text;
    }
    text +=
        "[To be filled in: where the data come from, who may have them, how, at what cost, and how to cite them.]\n\n";
    text += "### Statement about rights\n\n- [ ] I certify that the authors have legitimate access to and permission to use the data.\n- [ ] I certify that the authors have permission to redistribute the data in this folder.\n\n";
    text += "### Summary of availability\n\n";
    text += if with_data {
        "All data are in this folder."
    } else {
        "The data are not in this folder; their checksums in `data.sha256` tell whether a copy is the one used."
    };
    text
}

fn datasets(lock: &Lock, with_data: bool) -> String {
    let content = &lock.data.content;
    let mut text = String::from("## Dataset list\n\n");
    let row = |file: &DataFile| {
        let provided = if with_data { "yes" } else { "no" };
        let cells = [count(file.rows), file.bytes.to_string(), format!("`{}`", file.sha256), provided.to_owned()];
        Row::new(format!("`{}`", file.file), cells.map(Cell::Text).to_vec())
    };
    if !lock.data.files.is_empty() || !lock.data.targets.is_empty() {
        text += &markdown::table(&Grid {
            corner: String::from("Data file"),
            header: vec![["Rows", "Bytes", "SHA-256", "Provided"].map(str::to_owned).to_vec()],
            sections: vec![lock.data.files.iter().chain(&lock.data.targets).map(row).collect()],
            ..Grid::default()
        });
        text += "\n\n";
    }
    let names: Vec<String> =
        content.variables.iter().map(|variable| format!("`{}` ({})", variable.name, variable.kind)).collect();
    text += &format!(
        "Variables used, in {}: {}.\n\nContent regardless of the order of rows and columns and of the format of files: `{}`.",
        counted(content.rows, "row", "rows"),
        names.join(", "),
        content.sum
    );
    text
}

fn requirements(lock: &Lock) -> String {
    let seeds = match lock.seeds.as_slice() {
        [] => String::from("No random numbers are drawn."),
        seeds => {
            let each: Vec<String> = seeds.iter().map(|seed| format!("{} ({})", seed.seed, seed.what)).collect();
            format!("Seeds: {}; they are part of the command.", each.join(", "))
        }
    };
    format!(
        "## Computational requirements\n\n### Software\n\n- Metier {}, built with Rust 1.90 or newer (`cargo install --path .` in its source).\n- A POSIX shell and `sha256sum` for `run.sh`.\n\n### Controlled randomness\n\n{seeds}\nResults are the same bits for any number of threads.\n\n### Memory, runtime, storage\n\n[To be filled in: minutes and memory on which machine.]\nThis folder was made on {} {}.",
        lock.metier_version,
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn programs(lock: &Lock) -> String {
    let mut lines = vec![
        String::from("`run.sh`: checks the files, repeats the run, writes all results to `rerun/`."),
        String::from(
            "`metier.lock.json`: the command, the specification, hashes of the data, rows at each filter, results.",
        ),
    ];
    for file in &lock.specification.files {
        let is_figure = file.models.iter().any(|model| model.get("panel").is_some());
        let models =
            if is_figure { String::from("a figure") } else { counted(file.models.len(), "regression", "regressions") };
        lines.push(match &file.path {
            Some(path) => format!("`{path}`: {models}."),
            None => format!("`specification/{}.toml`: {models} of the command line, for readers.", file.name),
        });
    }
    let lines: Vec<String> = lines.into_iter().map(|line| format!("- {line}")).collect();
    format!("## Description of programs\n\n{}", lines.join("\n"))
}

fn instructions(lock: &Lock, with_data: bool) -> String {
    let mut steps = vec![String::from("Install Metier, so that `metier --version` works.")];
    let has_files = !lock.data.files.is_empty() || !lock.data.targets.is_empty();
    if has_files && !with_data {
        steps.push(String::from("Put the data files into `data/` under the names of the dataset list."));
    }
    steps.push(String::from("Run `sh run.sh`; it ends with an error if a checksum or a result differs."));
    steps.push(String::from(
        "Or compare alone: `metier verify metier.lock.json`, with `--digits 10` on other processors.",
    ));
    let lines: Vec<String> = steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
    format!("## Instructions to replicators\n\n{}", lines.join("\n"))
}

fn list(lock: &Lock, run: &Run) -> String {
    let mut rows: Vec<Row> = Vec::new();
    let command = |words: &[String]| format!("`metier {}`", shell(words));
    if lock.command.first().is_some_and(|verb| verb == "fit") {
        rows.extend(RESULTS.map(|(name, format)| {
            let what = match format {
                crate::output::Format::Json => "All results, every digit",
                crate::output::Format::Csv => "All results, one row per number",
                _ => "Tables of all regressions",
            };
            let words: Vec<String> =
                lock.command.iter().cloned().chain(["--output".to_owned(), format!("rerun/{name}")]).collect();
            Row::new(format!("`results/{name}`"), vec![Cell::Text(what.to_owned()), Cell::Text(command(&words))])
        }));
    } else {
        let into = |words: &[String]| -> String {
            let words: Vec<String> = words.iter().cloned().chain(["--out", "rerun"].map(str::to_owned)).collect();
            command(&words)
        };
        let what = String::from("All tables and figures, in `rerun/`");
        rows.push(Row::new("Tables and figures", vec![Cell::Text(what), Cell::Text(into(&lock.command))]));
        rows.extend(lock.exhibits.iter().map(|exhibit| {
            // a model that is fitted alone has no folder
            let is_fit = exhibit.command.first().is_some_and(|verb| verb == "fit");
            let own = if is_fit { command(&exhibit.command) } else { into(&exhibit.command) };
            Row::new(format!("`results/{}`", exhibit.file), vec![Cell::Text(exhibit.title.clone()), Cell::Text(own)])
        }));
    }
    let models = run.fits.iter().map(|fit| {
        let sample = if fit.sample == "all" { String::new() } else { format!(", sample `{}`", fit.sample) };
        let what = format!("{} of `{}`: `{}`{sample}", fit.model, fit.spec_id, fit.formula);
        format!("- {what}: {} rows", count(fit.flow.rows_used))
    });
    let table = markdown::table(&Grid {
        corner: String::from("File"),
        header: vec![["Content", "Command"].map(str::to_owned).to_vec()],
        sections: vec![rows],
        ..Grid::default()
    });
    let mut text =
        format!("## List of tables and programs\n\nEvery table and figure is made by one command:\n\n{table}");
    let models: Vec<String> = models.collect();
    if !models.is_empty() {
        text += &format!("\n\nThe regressions:\n\n{}", models.join("\n"));
    }
    text
}

/// Words as a shell reads them.
pub fn shell(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty()
            && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ',' | '+' | ':'))
    };
    let quoted =
        |word: &String| if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The script that runs everything again.
pub fn script(lock: &Lock) -> String {
    let mut lines = vec![
        String::from("#!/bin/sh"),
        String::from("# Repeats every result of this folder and compares it with metier.lock.json."),
        String::from("set -eu"),
        String::from("cd \"$(dirname \"$0\")\""),
        String::new(),
    ];
    if !lock.data.files.is_empty() || !lock.data.targets.is_empty() {
        lines.push(String::from("# the data are those that were used"));
        lines.push(String::from("sha256sum -c data.sha256"));
    }
    lines.push(String::from("# the results are those in the lock file"));
    lines.push(String::from("metier verify metier.lock.json"));
    lines.push(String::from("# every table and figure"));
    lines.push(String::from("mkdir -p rerun"));
    let run = shell(&lock.command);
    if lock.command.first().is_some_and(|verb| verb == "fit") {
        lines.extend(RESULTS.map(|(name, _)| format!("metier {run} --output rerun/{name}")));
    } else {
        lines.push(format!("metier {run} --out rerun"));
    }
    lines.join("\n") + "\n"
}

/// The models of a command line as a model file.
pub fn specification_text(file: &SpecificationFile) -> String {
    let document = serde_json::json!({"name": file.name, "model": file.models});
    toml::to_string(&document).unwrap_or_else(|_| document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        let words = ["fit", "y ~ x", "it's", "a/b.csv"].map(str::to_owned);
        assert_eq!(shell(&words), "fit 'y ~ x' 'it'\\''s' a/b.csv");
    }

    #[test]
    fn a_formula_becomes_a_model_file() {
        let models = vec![serde_json::json!({"formula": "y ~ x", "cluster": "g"})];
        let file = SpecificationFile { name: String::from("fit"), path: None, text: None, models };
        let parsed: crate::spec::ModelFile = toml::from_str(&specification_text(&file)).unwrap();
        assert_eq!(parsed.model[0].formula.as_deref(), Some("y ~ x"));
    }
}
