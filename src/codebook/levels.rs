//! Spellings of levels to canonical levels.

use rustc_hash::FxHashMap;

use super::{CodebookError, Variable};
use crate::nearest::nearest_name;

/// What a spelling stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canonical {
    /// The level at this place.
    Level(usize),
    /// The abstention at this place.
    Abstained(usize),
}

/// Spellings without case and punctuation.
pub(super) type Lookup = FxHashMap<String, Canonical>;

impl Variable {
    /// What a spelling stands for; letter case, punctuation and spaces do not matter, `3.0` is `3`.
    pub fn canonical(&self, spelling: &str) -> Option<Canonical> {
        let found = self.lookup.get(&plain(spelling)).copied();
        found.or_else(|| {
            let number = spelling.trim().parse::<f64>().ok()?;
            self.lookup.get(&plain(&number.to_string())).copied()
        })
    }

    /// Levels and abstentions as they are accepted, for a message.
    pub fn accepted(&self) -> Vec<&str> {
        let levels = self.levels.iter().map(|level| level.level.as_str());
        levels.chain(self.abstain.iter().map(|abstention| abstention.level.as_str())).collect()
    }

    /// The accepted spelling nearest to a wrong one.
    pub fn nearest_level(&self, spelling: &str) -> Option<&str> {
        let labels = self.levels.iter().filter_map(|level| level.label.as_deref());
        nearest_name(spelling, self.accepted().into_iter().chain(labels))
    }

    /// The label a report prints for a level.
    pub fn label_of(&self, level: &str) -> String {
        let found = self.levels.iter().find(|known| known.level == level);
        found.and_then(|known| known.label.clone()).unwrap_or_else(|| level.to_owned())
    }

    pub(super) fn build_lookup(&mut self) -> Result<(), CodebookError> {
        let mut lookup = Lookup::default();
        let name = &self.name;
        let mut add = |spelling: &str, canonical| match lookup.insert(plain(spelling), canonical) {
            Some(other) if other != canonical => Err(CodebookError::NameTwice { name: format!("{name}: {spelling}") }),
            _ => Ok(()),
        };
        for (place, level) in self.levels.iter().enumerate() {
            let spellings = std::iter::once(&level.level).chain(&level.label).chain(&level.aliases);
            spellings.into_iter().try_for_each(|spelling| add(spelling, Canonical::Level(place)))?;
        }
        for (place, abstention) in self.abstain.iter().enumerate() {
            let spellings = std::iter::once(&abstention.level).chain(&abstention.aliases);
            spellings.into_iter().try_for_each(|spelling| add(spelling, Canonical::Abstained(place)))?;
        }
        self.lookup = lookup;
        Ok(())
    }
}

/// Lower case, `&` as `and`, every run of other characters than letters and digits one space.
pub(super) fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() {
            result.extend(character.to_lowercase());
        } else if character == '&' {
            result.push_str(if result.ends_with(' ') || result.is_empty() { "and " } else { " and " });
        } else if !result.is_empty() && !result.ends_with(' ') {
            result.push(' ');
        }
    }
    result.truncate(result.trim_end().len());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codebook::Codebook;

    #[test]
    fn spellings_meet_their_level() {
        let codebook = Codebook::embedded();
        let level = |variable: &str, spelling: &str| match codebook.variable(variable).unwrap().canonical(spelling) {
            Some(Canonical::Level(place)) => codebook.variable(variable).unwrap().levels[place].level.clone(),
            other => format!("{other:?}"),
        };
        for spelling in ["15-0000", "15", "Computer and Mathematical Occupations", "computer_and_mathematical"] {
            assert_eq!(level("user_occupation", spelling), "Computer and Mathematical");
        }
        assert_eq!(level("task_occupation", "Food Preparation and Serving"), "Food Preparation and Serving Related");
        assert_eq!(level("task_occupation", "Legal Occupations"), "Legal");
        assert_eq!(level("user_occupation", "unclear"), "Unclear");
        assert_eq!(level("expertise", "Expert"), "5");
        assert_eq!(level("expertise", "3.0"), "3");
        assert_eq!(level("outcome", "partially_succeeded"), "Partially Succeeded");
        assert_eq!(level("success_signal", "NONE"), "0");
        let expertise = codebook.variable("expertise").unwrap();
        assert_eq!(expertise.canonical("Unclear"), Some(Canonical::Abstained(0)));
        assert_eq!(expertise.canonical("6"), None);
        assert_eq!(expertise.nearest_level("exprt"), Some("Expert"));
        assert_eq!(expertise.label_of("1"), "Novice");
    }

    #[test]
    fn plain_spelling() {
        assert_eq!(plain("  Life, Physical, and  Social_Science "), "life physical and social science");
    }
}
