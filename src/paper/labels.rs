//! Names for people: terms, fixed effects, outcomes and cluster variables by the rules of the author.

use super::PaperError;
use super::pattern::{captured, is_pattern, split_label};

/// Rules `name = label`, the first that fits counts; a `*` in the label stands for what the pattern's `*` took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    rules: Vec<(String, String)>,
}

impl Labels {
    /// Adds `name=label`.
    ///
    /// # Errors
    /// A text without `=`, or without a name.
    pub fn add(&mut self, text: &str) -> Result<(), PaperError> {
        match split_label(text) {
            Some((name, label)) if !name.is_empty() => {
                self.rules.push((name.to_owned(), label.to_owned()));
                Ok(())
            }
            _ => Err(PaperError::new(
                format!("`{text}` gives no label"),
                "write `--rename 'expertise::2=Beginner'`, or name a TOML file of such lines",
            )),
        }
    }

    /// Adds the lines `"name" = "label"` of a TOML text, in their order.
    ///
    /// # Errors
    /// TOML that is something else.
    pub fn add_toml(&mut self, text: &str) -> Result<(), PaperError> {
        let hint = "write lines such as `\"expertise::2\" = \"Beginner\"`";
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| PaperError::new(error.message().to_owned(), hint))?;
        // a table is sorted by name: exact names come before patterns, so that order does not matter
        let (patterns, exact): (Vec<_>, Vec<_>) = table.into_iter().partition(|(name, _)| is_pattern(name));
        for (name, value) in exact.into_iter().chain(patterns) {
            let toml::Value::String(label) = value else {
                return Err(PaperError::new(format!("the label of `{name}` is no text"), hint));
            };
            self.rules.push((name, label));
        }
        Ok(())
    }

    /// The label of a name, if a rule gives one.
    pub fn find(&self, name: &str) -> Option<String> {
        self.rules.iter().find_map(|(pattern, label)| {
            if pattern == name {
                return Some(label.clone());
            }
            let mut parts = captured(pattern, name)?.into_iter();
            let pieces: Vec<&str> = label.split('*').collect();
            let mut text = pieces[0].to_owned();
            for piece in &pieces[1..] {
                text += parts.next().unwrap_or("*");
                text += piece;
            }
            Some(text)
        })
    }

    /// The label of a name, or the name.
    pub fn of(&self, name: &str) -> String {
        self.find(name).unwrap_or_else(|| name.to_owned())
    }

    /// The label of names joined by a sign, e.g. `a^b`: of the whole, else of each part.
    pub fn of_joined(&self, name: &str, sign: char, shown: &str) -> String {
        self.find(name).unwrap_or_else(|| {
            let parts: Vec<String> = name.split(sign).map(|part| self.of(part)).collect();
            let renamed = name.split(sign).zip(&parts).any(|(part, label)| part != label);
            if renamed { parts.join(shown) } else { name.to_owned() }
        })
    }

    /// Names of rules that fit none of these names.
    pub fn unused<'a>(&'a self, names: &[String]) -> Vec<&'a str> {
        let fits = |pattern: &str| names.iter().any(|name| super::pattern::matches(pattern, name));
        self.rules.iter().map(|(pattern, _)| pattern.as_str()).filter(|pattern| !fits(pattern)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_exact_or_carry_what_the_star_took() {
        let mut labels = Labels::default();
        labels.add("expertise::5=Expert").unwrap();
        labels.add("expertise::*=Level *").unwrap();
        labels.add("month=Month").unwrap();
        assert_eq!(labels.of("expertise::5"), "Expert");
        assert_eq!(labels.of("expertise::2"), "Level 2");
        assert_eq!(labels.of("z"), "z");
        assert_eq!(labels.of_joined("work_mode^month", '^', " × "), "work_mode × Month");
        assert_eq!(labels.of_joined("a^b", '^', " × "), "a^b");
        assert_eq!(labels.unused(&[String::from("expertise::5")]), ["month"]);
        assert!(labels.add("nothing").is_err());
    }

    #[test]
    fn a_file_of_labels() {
        let mut labels = Labels::default();
        labels.add_toml("\"a*\" = \"All *\"\n\"ab\" = \"Both\"\n").unwrap();
        assert_eq!((labels.of("ab"), labels.of("ac")), (String::from("Both"), String::from("All c")));
        assert_eq!(labels.add_toml("a = 1").unwrap_err().message, "the label of `a` is no text");
        assert!(labels.add_toml("a = ").is_err());
    }
}
