//! Named thresholds and choices of derived variables.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Codebook, CodebookError};
use crate::expr::{Expr, ExprKind};
use crate::nearest::nearest_names;

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// Several numbers, e.g. cut points.
    Numbers(Vec<f64>),
    /// One of a few words.
    Text(String),
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Setting::Number(value) => write!(f, "{value}"),
            Setting::Text(text) => f.write_str(text),
            Setting::Numbers(values) => {
                let list: Vec<String> = values.iter().map(f64::to_string).collect();
                write!(f, "[{}]", list.join(", "))
            }
        }
    }
}

/// All settings with their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
    choices: BTreeMap<String, Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Codebook::embedded().settings().clone()
    }
}

impl Settings {
    pub(super) fn new(values: BTreeMap<String, Setting>, choices: BTreeMap<String, Vec<String>>) -> Self {
        Settings { values, choices }
    }

    /// Names and values in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.get(name)
    }

    /// Sets a value from its text: `3`, `[200, 1000]` or `200,1000`, `quantiles`.
    ///
    /// # Errors
    /// If there is no such setting, or the value does not fit it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), CodebookError> {
        let bad = |expected: &str| CodebookError::BadSetting {
            name: name.to_owned(),
            value: text.to_owned(),
            expected: expected.to_owned(),
        };
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let value = match self.values.get(name) {
            None => return Err(self.unknown(name)),
            Some(Setting::Number(_)) => Setting::Number(number(text).ok_or_else(|| bad("a number"))?),
            Some(Setting::Numbers(_)) => {
                let inside = text.trim().trim_start_matches('[').trim_end_matches(']');
                let expected = "a list of ascending numbers such as `200,1000,5000`";
                let values =
                    inside.split(',').map(number).collect::<Option<Vec<f64>>>().ok_or_else(|| bad(expected))?;
                if values.windows(2).any(|pair| pair[0] >= pair[1]) {
                    return Err(bad(expected));
                }
                Setting::Numbers(values)
            }
            Some(Setting::Text(_)) => match self.choices.get(name) {
                Some(choices) if !choices.iter().any(|choice| choice == text) => {
                    return Err(bad(&format!("one of {}", choices.join(", "))));
                }
                _ => Setting::Text(text.to_owned()),
            },
        };
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// Sets values from a TOML table of settings.
    ///
    /// # Errors
    /// If the text is no table, or as [`Settings::set`].
    pub fn set_from_toml(&mut self, text: &str) -> Result<(), CodebookError> {
        let table: BTreeMap<String, Setting> =
            toml::from_str(text).map_err(|error| CodebookError::Toml { message: error.to_string() })?;
        table.iter().try_for_each(|(name, value)| self.set(name, &value.to_string()))
    }

    fn unknown(&self, name: &str) -> CodebookError {
        let nearest = nearest_names(name, self.values.keys().map(String::as_str), 2);
        CodebookError::UnknownSetting {
            name: name.to_owned(),
            nearest: nearest.into_iter().map(str::to_owned).collect(),
            known: self.values.keys().cloned().collect(),
        }
    }

    /// Puts the values in the place of the names; a list becomes several arguments.
    pub(super) fn substitute(&self, expr: &mut Expr) {
        if let ExprKind::Name(name) = &expr.kind {
            match self.get(name) {
                Some(Setting::Number(value)) => expr.kind = ExprKind::Number(*value),
                Some(Setting::Text(text)) => expr.kind = ExprKind::Text(text.clone()),
                _ => {}
            }
        }
        let list_of = |argument: &Expr| match &argument.kind {
            ExprKind::Name(name) => match self.get(name) {
                Some(Setting::Numbers(values)) => Some(values.clone()),
                _ => None,
            },
            _ => None,
        };
        if let ExprKind::Call(_, arguments) | ExprKind::In { list: arguments, .. } = &mut expr.kind {
            let old = std::mem::take(arguments);
            for argument in old {
                match list_of(&argument) {
                    Some(values) => {
                        let number = |value| Expr { kind: ExprKind::Number(value), span: argument.span.clone() };
                        arguments.extend(values.into_iter().map(number));
                    }
                    None => arguments.push(argument),
                }
            }
        }
        for child in expr.children_mut() {
            self.substitute(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_substituted() {
        let mut settings = Settings::default();
        settings.set("trouble_threshold", "4").unwrap();
        settings.set("value_band_cuts", "[10, 20]").unwrap();
        let mut expr =
            crate::expr::parse("failure_signal >= trouble_threshold or cut(x, value_band_cuts) == 'a'").unwrap();
        settings.substitute(&mut expr);
        assert_eq!(expr.to_string(), "failure_signal >= 4 or cut(x, 10, 20) == \"a\"");
        let unknown = settings.set("trouble_treshold", "4").unwrap_err();
        assert_eq!(unknown.hint().unwrap(), "did you mean `trouble_threshold`?");
        for (name, value) in
            [("trouble_threshold", "many"), ("value_band_cuts", "5,1"), ("value_band_method", "thirds")]
        {
            assert!(matches!(settings.set(name, value), Err(CodebookError::BadSetting { .. })), "{name}");
        }
        settings.set_from_toml("value_band_cuts = [1, 2]\nvalue_band_method = 'quantiles'").unwrap();
        assert_eq!(settings.get("value_band_cuts").unwrap().to_string(), "[1, 2]");
    }
}
