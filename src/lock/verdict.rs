//! What a repetition found: the numbers that differ, and what stands before them that does.

use super::difference::{Difference, count_numbers, differences};
use super::{DataFile, Lock, Specification, exhibit};
use crate::output::data_table::{DataTable, Value};
use crate::output::document::{Block, Cell, Document, Grid, Row};
use crate::output::number::counted;
use serde_json::Value as Json;

/// How a part of the run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Same,
    /// Not the same, but of a kind that leaves the content as it is: another order, other bytes, another version.
    Harmless,
    /// Not the same.
    Differs,
}

/// A part of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: String,
    /// How it compares.
    pub verdict: Verdict,
    /// In words.
    pub words: String,
}

/// What a repetition found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Program, specification, data, in this order.
    pub findings: Vec<Finding>,
    /// Results that differ.
    pub differences: Vec<Difference>,
    /// Numbers compared.
    pub numbers: usize,
    /// Digits that had to agree; `None` for all bits.
    pub digits: Option<usize>,
}

/// Most differences listed for readers; exact formats have all.
const LISTED: usize = 40;

/// Compares a lock with one of a repetition.
pub fn verification(locked: &Lock, now: &Lock, digits: Option<usize>) -> Verification {
    let mut findings = vec![version(locked, now)];
    findings.extend(specification(&locked.specification, &now.specification));
    findings.extend(files("file", &locked.data.files, &now.data.files, Verdict::Harmless));
    findings.extend(files("target", &locked.data.targets, &now.data.targets, Verdict::Differs));
    findings.push(content(locked, now));
    if locked.seeds != now.seeds {
        let words = String::from("the seeds differ");
        findings.push(Finding { subject: String::from("seeds"), verdict: Verdict::Differs, words });
    }
    let mut found = differences(&locked.results["models"], &now.results["models"], digits);
    found.extend(exhibit::differences(&locked.exhibits, &now.exhibits, digits));
    let numbers = count_numbers(&locked.results["models"]) + exhibit::count_numbers(&locked.exhibits);
    Verification { findings, differences: found, numbers, digits }
}

fn version(locked: &Lock, now: &Lock) -> Finding {
    let subject = String::from("program");
    if locked.metier_version == now.metier_version {
        let words = format!("version {}, as locked", now.metier_version);
        return Finding { subject, verdict: Verdict::Same, words };
    }
    let words = format!("version {}, locked with {}", now.metier_version, locked.metier_version);
    Finding { subject, verdict: Verdict::Harmless, words }
}

fn specification(locked: &Specification, now: &Specification) -> Vec<Finding> {
    let subject = || String::from("specification");
    if locked.sha256 == now.sha256 {
        let words = String::from("as locked");
        return vec![Finding { subject: subject(), verdict: Verdict::Same, words }];
    }
    let mut changes = Vec::new();
    for file in &locked.files {
        match now.files.iter().find(|other| other.name == file.name) {
            None => changes.push(format!("`{}` is missing", file.name)),
            Some(other) if file.models.len() != other.models.len() => changes.push(format!(
                "`{}` has {}, locked with {}",
                file.name,
                counted(other.models.len(), "model", "models"),
                file.models.len()
            )),
            Some(other) => {
                for (at, (before, after)) in file.models.iter().zip(&other.models).enumerate() {
                    let model = before["name"].as_str().map_or_else(|| format!("({})", at + 1), str::to_owned);
                    changes.extend(changed_keys(&format!("`{}` {model}", file.name), before, after));
                }
            }
        }
    }
    let added = now.files.iter().filter(|file| locked.files.iter().all(|other| other.name != file.name));
    changes.extend(added.map(|file| format!("`{}` is new", file.name)));
    changes.extend(changed_keys("options", &locked.options, &now.options));
    let finding = |change: String| Finding { subject: subject(), verdict: Verdict::Differs, words: change };
    changes.into_iter().map(finding).collect()
}

/// Keys of two objects that differ, in words.
fn changed_keys(whose: &str, before: &Json, after: &Json) -> Vec<String> {
    let none = serde_json::Map::new();
    let (before, after) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    let mut keys: Vec<&String> = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))).collect();
    keys.retain(|key| before.get(*key) != after.get(*key));
    let shown =
        |value: Option<&Json>| value.map_or_else(|| String::from("nothing"), |value| format!("`{}`", text_of(value)));
    keys.into_iter()
        .map(|key| format!("{whose}: `{key}` is {}, locked with {}", shown(after.get(key)), shown(before.get(key))))
        .collect()
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Files of a kind, by name and bytes; `other` is what other bytes mean.
fn files(kind: &str, locked: &[DataFile], now: &[DataFile], other: Verdict) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, file) in locked.iter().enumerate() {
        let subject = format!("{kind} {}", file.file);
        let (verdict, words) = match now.get(at) {
            None => (other, String::from("not read now")),
            Some(found) if found.sha256 == file.sha256 && found.file == file.file => {
                (Verdict::Same, String::from("the same bytes"))
            }
            Some(found) if found.sha256 == file.sha256 => {
                (Verdict::Same, format!("the same bytes, now in {}", found.file))
            }
            Some(found) => {
                let place = if found.file == file.file { String::new() } else { format!(" in {}", found.file) };
                let size = |file: &DataFile| format!("{} bytes, {} rows", file.bytes, file.rows);
                (other, format!("other bytes{place}: {}; locked with {}", size(found), size(file)))
            }
        };
        findings.push(Finding { subject, verdict, words });
    }
    findings.extend(now.iter().skip(locked.len()).map(|file| Finding {
        subject: format!("{kind} {}", file.file),
        verdict: other,
        words: String::from("not read when locked"),
    }));
    findings
}

/// The content of the table, with the reason for other bytes.
fn content(locked: &Lock, now: &Lock) -> Finding {
    let (before, after) = (&locked.data.content, &now.data.content);
    let subject = String::from("content of the table");
    let hashes = |lock: &Lock| lock.data.files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
    let finding = |verdict, words: String| Finding { subject: subject.clone(), verdict, words };
    if before.sum == after.sum && before.variables == after.variables {
        let words = match (before.ordered == after.ordered, hashes(locked) == hashes(now)) {
            (true, true) => "as locked",
            (true, false) => {
                "every value that the models use is as locked, in the same order; the files differ elsewhere"
            }
            (false, _) => "every value that the models use is as locked, but the rows are in another order",
        };
        let verdict = if before.ordered == after.ordered { Verdict::Same } else { Verdict::Harmless };
        return finding(verdict, words.to_owned());
    }
    let names = |lock: &Lock| -> Vec<String> {
        lock.data.content.variables.iter().map(|variable| format!("{} ({})", variable.name, variable.kind)).collect()
    };
    let (old, new) = (names(locked), names(now));
    let mut words = if before.rows == after.rows {
        format!("values changed, in {} as locked", counted(after.rows, "row", "rows"))
    } else {
        format!("{}, locked with {}", counted(after.rows, "row", "rows"), before.rows)
    };
    let gone: Vec<String> = old.iter().filter(|name| !new.contains(name)).cloned().collect();
    let come: Vec<String> = new.iter().filter(|name| !old.contains(name)).cloned().collect();
    if !gone.is_empty() || !come.is_empty() {
        words += &format!("; variables no longer used: {}; new: {}", list(&gone), list(&come));
    }
    finding(Verdict::Differs, words)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { String::from("none") } else { names.join(", ") }
}

impl Verification {
    /// Whether results, specification and content are as locked.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && self.findings.iter().all(|finding| finding.verdict != Verdict::Differs)
    }

    /// Fewest digits to which any number agrees that differs.
    fn fewest_digits(&self) -> Option<usize> {
        self.differences.iter().filter_map(|difference| difference.digits).min()
    }

    /// The first sentence.
    fn summary(&self) -> String {
        let numbers = counted(self.numbers, "number", "numbers");
        let wanted = match self.digits {
            None => String::from("bit by bit"),
            Some(digits) => format!("to {}", counted(digits, "significant digit", "significant digits")),
        };
        match (self.differences.len(), self.agrees()) {
            (0, true) => format!("The results are as locked: {numbers}, {wanted}"),
            (0, false) => format!("The results are as locked ({numbers}, {wanted}), but not what they are made from"),
            (n, _) => {
                let fewest = self.fewest_digits().map_or_else(String::new, |digits| {
                    format!("; the worst agrees to {}", counted(digits, "digit", "digits"))
                });
                format!("{} of {numbers} not as locked, {wanted}{fewest}", counted(n, "result", "results"))
            }
        }
    }

    /// The report for readers.
    pub fn document(&self, title: &str) -> Document {
        let mark = |verdict| match verdict {
            Verdict::Same => "same",
            Verdict::Harmless => "note",
            Verdict::Differs => "differs",
        };
        let line = |finding: &Finding| format!("{}: {} ({})", finding.subject, finding.words, mark(finding.verdict));
        let mut blocks = vec![
            Block::Paragraph(self.summary()),
            Block::Lines {
                heading: String::from("What the results are made from"),
                lines: self.findings.iter().map(line).collect(),
            },
        ];
        if !self.differences.is_empty() {
            blocks.push(Block::Grid(self.grid()));
        }
        Document { title: title.to_owned(), notices: Vec::new(), blocks }
    }

    fn grid(&self) -> Grid {
        let row = |difference: &Difference| {
            let digit = match difference.digits {
                Some(digits) => Cell::number((digits + 1).to_string()),
                None => Cell::Empty,
            };
            let text = |text: &str| Cell::Text(text.to_owned());
            Row::new(&difference.place, vec![digit, text(&difference.locked), text(&difference.now)])
        };
        let rest = self.differences.len().saturating_sub(LISTED);
        let notes =
            if rest == 0 { Vec::new() } else { vec![format!("{rest} more: `--format csv` or `json` lists all")] };
        Grid {
            caption: String::from("Results that differ"),
            corner: String::from("Result"),
            header: vec![["First digit", "Locked", "Now"].map(str::to_owned).to_vec()],
            sections: vec![self.differences.iter().take(LISTED).map(row).collect()],
            notes,
        }
    }

    /// Everything, for scripts.
    pub fn data(&self) -> DataTable {
        let mut table = DataTable::new(&["kind", "subject", "verdict", "locked", "now", "agreeing_digits", "note"]);
        let word = |verdict| match verdict {
            Verdict::Same => "same",
            Verdict::Harmless => "note",
            Verdict::Differs => "differs",
        };
        table.rows.extend(self.findings.iter().map(|finding| {
            let mut row: Vec<Value> =
                vec!["input".into(), finding.subject.as_str().into(), word(finding.verdict).into()];
            row.extend([Value::Null, Value::Null, Value::Null, finding.words.as_str().into()]);
            row
        }));
        table.rows.extend(self.differences.iter().map(|difference| {
            vec![
                "result".into(),
                difference.place.as_str().into(),
                "differs".into(),
                difference.locked.as_str().into(),
                difference.now.as_str().into(),
                difference.digits.into(),
                Value::Null,
            ]
        }));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::lock;
    use super::*;

    fn words(verification: &Verification) -> String {
        verification.findings.iter().map(|finding| format!("{}: {}\n", finding.subject, finding.words)).collect()
    }

    #[test]
    fn the_same_is_the_same() {
        let found = verification(&lock(), &lock(), None);
        assert!(found.agrees() && found.findings.iter().all(|finding| finding.verdict == Verdict::Same));
        assert!(found.summary().starts_with("The results are as locked: "), "{}", found.summary());
    }

    #[test]
    fn reordered_rows_and_other_columns_are_no_change_of_content() {
        let mut now = lock();
        now.data.files[0].sha256 = "3".repeat(64);
        let found = verification(&lock(), &now, None);
        assert!(found.agrees() && words(&found).contains("the files differ elsewhere"), "{}", words(&found));
        now.data.content.ordered = "4".repeat(64);
        let found = verification(&lock(), &now, None);
        assert!(found.agrees() && words(&found).contains("the rows are in another order"), "{}", words(&found));
        now.data.content.sum = "5".repeat(64);
        let found = verification(&lock(), &now, None);
        assert!(!found.agrees() && words(&found).contains("values changed, in 2,200 rows as locked"));
        now.data.content.rows = 2_199;
        assert!(words(&verification(&lock(), &now, None)).contains("2,199 rows, locked with 2200"));
    }

    #[test]
    fn a_changed_specification_is_named_by_its_key() {
        let mut now = lock();
        let mut file = now.specification.files[0].clone();
        file.models[0] = serde_json::json!({"formula": "y ~ x + z", "cluster": "g"});
        now.specification = Specification::new(vec![file], serde_json::json!({"settings": {}}));
        let found = verification(&lock(), &now, None);
        let text = words(&found);
        assert!(text.contains("`m` (1): `formula` is `y ~ x + z`, locked with `y ~ x`"), "{text}");
        assert!(text.contains("`cluster` is `g`, locked with nothing") && text.contains("options: `settings`"));
        assert!(!found.agrees());
        now.metier_version = String::from("0.0.9");
        assert!(words(&verification(&lock(), &now, None)).contains("locked with 0.1.0"));
    }

    #[test]
    fn differences_are_listed_with_their_first_digit() {
        let mut now = lock();
        now.results["models"][0]["coefficients"][0]["estimate"] = 0.065.into();
        let found = verification(&lock(), &now, None);
        insta::assert_snapshot!(crate::output::text::render(&found.document("metier.lock.json"), 100, false));
        assert_eq!(found.data().rows.len(), found.findings.len() + 1);
    }
}
