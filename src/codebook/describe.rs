//! The codebook as text for people.

use super::Codebook;

impl Codebook {
    /// The TOML text of the embedded codebook.
    pub fn embedded_text() -> &'static str {
        super::EMBEDDED
    }

    /// Variables with their levels, derived variables with their expressions, settings with their values.
    pub fn describe(&self) -> String {
        let mut out = String::from("Variables (columns of the table)\n\n");
        for variable in self.variables() {
            let required = if variable.required { ", required" } else { "" };
            out += &format!("{} ({}{required})\n    {}\n", variable.name, variable.kind.name(), variable.meaning);
            if !variable.levels.is_empty() {
                let label = |level: &super::Level| match &level.label {
                    Some(label) => format!("{} = {label}", level.level),
                    None => level.level.clone(),
                };
                let levels: Vec<String> = variable.levels.iter().map(label).collect();
                out += &format!("    levels: {}\n", levels.join("; "));
            }
            for abstention in &variable.abstain {
                out += &format!("    `{}` counts as missing: {}\n", abstention.level, abstention.reason);
            }
            if !variable.columns.is_empty() {
                out += &format!("    also called: {}\n", variable.columns.join(", "));
            }
            out += &place(&variable.source);
        }
        out += "\nDerived variables\n\n";
        for derived in self.derived() {
            out += &format!("{}\n    {}\n    = {}\n", derived.name, derived.meaning, derived.expression);
            if let (Some(condition), Some(reason)) = (&derived.missing_when, &derived.reason) {
                out += &format!("    missing where {condition} ({reason})\n");
            }
            out += &place(&derived.source);
        }
        out += "\nSettings (change with --set NAME=VALUE)\n\n";
        for (name, value) in self.settings().iter() {
            out += &format!("{name} = {value}\n");
        }
        out
    }
}

/// The place in the report that defines a variable.
fn place(source: &str) -> String {
    if source.is_empty() { String::new() } else { format!("    defined in the report: {source}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_of_table_2_are_complete_and_say_so() {
        let text = Codebook::embedded().describe();
        for (name, expression) in [
            ("at_least_partial_success", "outcome in [\"Succeeded\", \"Partially Succeeded\"]"),
            ("judged_success", "outcome == \"Succeeded\""),
            ("verified_success", "outcome == \"Succeeded\" and success_signal >= hard_signal"),
            ("judged_failure", "outcome == \"Failed\""),
            ("verified_failure", "outcome == \"Failed\" and failure_signal >= hard_signal"),
        ] {
            let start = text.find(&format!("\n{name}\n")).unwrap_or_else(|| panic!("{name}"));
            let entry: Vec<&str> = text[start + 1..].lines().take(5).collect();
            assert_eq!(entry[2], format!("    = {expression}"), "{name}");
            assert!(entry[3].contains("no clear goal") && entry[4].ends_with("table 2"), "{entry:?}");
        }
        assert!(text.contains("hard_signal = 4") && text.contains("trouble_threshold = 3"));
    }
}
