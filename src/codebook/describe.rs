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
        }
        out += "\nDerived variables\n\n";
        for derived in self.derived() {
            out += &format!("{}\n    {}\n    = {}\n", derived.name, derived.meaning, derived.expression);
            if let (Some(condition), Some(reason)) = (&derived.missing_when, &derived.reason) {
                out += &format!("    missing where {condition} ({reason})\n");
            }
        }
        out += "\nSettings (change with --set NAME=VALUE)\n\n";
        for (name, value) in self.settings().iter() {
            out += &format!("{name} = {value}\n");
        }
        out
    }
}
