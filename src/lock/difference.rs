//! Two sets of results, number by number: which differ, and from which digit on.

use serde_json::Value;

/// What is the same or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where, e.g. `fit / (1) / y / all: coefficients[expertise::2].estimate`.
    pub place: String,
    /// The value in the lock file.
    pub locked: String,
    /// The value now.
    pub now: String,
    /// Significant digits that agree; `None` for what is no number.
    pub digits: Option<usize>,
}

/// Most significant digits of a 64-bit number.
const ALL_DIGITS: usize = 17;

/// Every difference between the models of two documents; with `digits`, numbers need to agree to so many only.
///
/// Without `digits` numbers must be the same bits. With them, entries of covariances are compared at the size of their
/// rows' and columns' variances, and `fit.residual` is not compared: both may be nothing but rounding.
pub fn differences(locked: &Value, now: &Value, digits: Option<usize>) -> Vec<Difference> {
    let none = Vec::new();
    let (before, after) = (locked.as_array().unwrap_or(&none), now.as_array().unwrap_or(&none));
    let mut found = Vec::new();
    let mut matched = vec![false; after.len()];
    let mut walk = Walk { digits, found: &mut found };
    for model in before {
        let name = name_of(model);
        let twin = (0..after.len()).find(|&at| !matched[at] && name_of(&after[at]) == name);
        match twin {
            Some(at) => {
                matched[at] = true;
                walk.compare(&format!("{name}: "), model, &after[at], None);
            }
            None => walk.add(&name, "a model", "missing", None),
        }
    }
    for (model, _) in after.iter().zip(&matched).filter(|(_, matched)| !**matched) {
        walk.add(&name_of(model), "missing", "a model", None);
    }
    found
}

/// How many numbers the models hold.
pub fn count_numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(items) => items.iter().map(count_numbers).sum(),
        Value::Object(entries) => entries.values().map(count_numbers).sum(),
        _ => 0,
    }
}

/// Specification, model, outcome and sample.
pub fn name_of(model: &Value) -> String {
    let part = |key: &str| model[key].as_str().unwrap_or("?").to_owned();
    ["spec_id", "model", "outcome", "sample"].map(part).join(" / ")
}

/// Significant digits to which two numbers agree: the largest k with |a - b| of at most half a unit of the k-th digit of
/// the larger one; 17 for equal numbers.
pub fn agreeing_digits(a: f64, b: f64, scale: Option<f64>) -> usize {
    if a.to_bits() == b.to_bits() || a == b {
        return ALL_DIGITS;
    }
    let size = scale.unwrap_or(0.0).max(a.abs()).max(b.abs());
    if !size.is_finite() || size == 0.0 {
        return 0;
    }
    let leading = size.log10().floor();
    let gap = (a - b).abs();
    (1..ALL_DIGITS).rev().find(|&k| gap <= 0.5 * 10f64.powf(leading + 1.0 - k as f64)).unwrap_or(0)
}

/// The keys by which items of a list are called.
const ITEM_NAMES: [&str; 7] = ["term", "level", "contrast", "name", "reason", "added", "combination"];

/// Every difference between the rows of a table; rows have names, which may repeat.
pub(super) fn compare_rows(
    file: &str,
    locked: &[(String, Value)],
    now: &[(String, Value)],
    digits: Option<usize>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut walk = Walk { digits, found: &mut found };
    let mut matched = vec![false; now.len()];
    for (name, before) in locked {
        match (0..now.len()).find(|&at| !matched[at] && now[at].0 == *name) {
            Some(at) => {
                matched[at] = true;
                walk.compare(&format!("{file}: {name}: "), before, &now[at].1, None);
            }
            None => walk.add(&format!("{file}: {name}"), "a row", "missing", None),
        }
    }
    for ((name, _), _) in now.iter().zip(&matched).filter(|(_, matched)| !**matched) {
        walk.add(&format!("{file}: {name}"), "missing", "a row", None);
    }
    found
}

struct Walk<'a> {
    digits: Option<usize>,
    found: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn add(&mut self, place: &str, locked: &str, now: &str, digits: Option<usize>) {
        let (place, locked, now) = (place.to_owned(), locked.to_owned(), now.to_owned());
        self.found.push(Difference { place, locked, now, digits });
    }

    fn compare(&mut self, place: &str, locked: &Value, now: &Value, scale: Option<f64>) {
        match (locked, now) {
            (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
                let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
                let agreeing = agreeing_digits(a, b, scale.filter(|_| self.digits.is_some()));
                let same = match self.digits {
                    None => a.to_bits() == b.to_bits(),
                    Some(digits) => agreeing >= digits.min(ALL_DIGITS),
                };
                if !same {
                    self.add(place, &format!("{a:?}"), &format!("{b:?}"), Some(agreeing));
                }
            }
            (Value::Array(a), Value::Array(b)) => self.lists(place, a, b),
            (Value::Object(a), Value::Object(b)) => {
                if let (Some(Value::Array(a)), Some(Value::Array(b))) = (a.get("matrix"), b.get("matrix"))
                    && a.len() == b.len()
                {
                    self.matrices(place, a, b);
                    return;
                }
                for (key, value) in a {
                    let path = if place.ends_with(": ") { format!("{place}{key}") } else { format!("{place}.{key}") };
                    if self.digits.is_some() && path.ends_with(": fit.residual") {
                        continue;
                    }
                    match b.get(key) {
                        Some(other) => self.compare(&path, value, other, None),
                        None => self.add(&path, &short(value), "missing", None),
                    }
                }
                // a key that only the newer version writes is no difference of results
            }
            (a, b) if a == b => {}
            (a, b) => self.add(place, &short(a), &short(b), None),
        }
    }

    /// Lists of named items by their names, others by position.
    fn lists(&mut self, place: &str, a: &[Value], b: &[Value]) {
        let name = |item: &Value| {
            let named = ITEM_NAMES.iter().filter_map(|key| item.get(key)?.as_str()).next()?;
            let kind = item.get("kind").and_then(Value::as_str).map_or_else(String::new, |kind| format!(" {kind}"));
            Some(format!("{named}{kind}"))
        };
        if !a.is_empty() && !b.is_empty() && a.iter().chain(b).all(|item| name(item).is_some()) {
            for item in a {
                let path = format!("{place}[{}]", name(item).unwrap_or_default());
                match b.iter().find(|other| name(other) == name(item)) {
                    Some(other) => self.compare(&path, item, other, None),
                    None => self.add(&path, "there", "missing", None),
                }
            }
            for item in b.iter().filter(|item| a.iter().all(|other| name(other) != name(item))) {
                self.add(&format!("{place}[{}]", name(item).unwrap_or_default()), "missing", "there", None);
            }
            return;
        }
        if a.len() != b.len() {
            return self.add(place, &format!("{} items", a.len()), &format!("{} items", b.len()), None);
        }
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            self.compare(&format!("{place}[{at}]"), a, b, None);
        }
    }

    /// Covariances, entry by entry at the size of the variances.
    fn matrices(&mut self, place: &str, a: &[Value], b: &[Value]) {
        let deviation = |at: usize| a[at].get(at).and_then(Value::as_f64).map_or(0.0, |variance| variance.abs().sqrt());
        for (row, (a, b)) in a.iter().zip(b).enumerate() {
            let none = Vec::new();
            let (a, b) = (a.as_array().unwrap_or(&none), b.as_array().unwrap_or(&none));
            for (column, (a, b)) in a.iter().zip(b).enumerate() {
                let scale = deviation(row) * deviation(column);
                self.compare(&format!("{place}[{row}][{column}]"), a, b, Some(scale));
            }
        }
    }
}

/// A value in a few characters.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() > 60 { text.chars().take(57).collect::<String>() + "..." } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;
    use crate::output::json;

    fn models() -> Value {
        json::document(&sample_run())["models"].take()
    }

    #[test]
    fn digits_are_counted_in_the_larger_number() {
        assert_eq!(agreeing_digits(1.0, 1.0, None), 17);
        assert_eq!(agreeing_digits(0.123_456, 0.123_457, None), 5);
        assert_eq!(agreeing_digits(1.0, 2.0, None), 0);
        assert_eq!(agreeing_digits(1.0, -1.0, None), 0);
        assert_eq!(agreeing_digits(1e-20, -1e-20, Some(1.0)), 16);
        assert_eq!(agreeing_digits(0.1 + 0.2, 0.3, None), 15);
    }

    #[test]
    fn one_bit_is_a_difference_and_is_named() {
        let (locked, mut now) = (models(), models());
        assert!(differences(&locked, &now, None).is_empty());
        let value = now[0]["coefficients"][1]["estimate"].as_f64().unwrap();
        now[0]["coefficients"][1]["estimate"] = value.next_up().into();
        let found = differences(&locked, &now, None);
        assert_eq!(found.len(), 1);
        let place = "table_a2 / (5) / verified_success / all: coefficients[expertise::3].estimate";
        assert_eq!((found[0].place.as_str(), found[0].digits), (place, Some(16)));
        assert!(differences(&locked, &now, Some(12)).is_empty());
    }

    #[test]
    fn models_terms_and_texts_that_are_gone_are_named() {
        let locked = models();
        let mut now = models();
        now.as_array_mut().unwrap().remove(1);
        now[0]["formula"] = "y ~ z".into();
        now[0]["coefficients"].as_array_mut().unwrap().remove(0);
        now[0]["vcov"] = Value::Null;
        let places: Vec<String> = differences(&locked, &now, Some(6)).into_iter().map(|row| row.place).collect();
        let of = |part: &str| places.iter().any(|place| place.ends_with(part));
        assert!(of(": formula") && of("coefficients[expertise::2]") && of("fit / logit / verified_success / all"));
    }

    #[test]
    fn covariances_are_compared_at_the_size_of_variances_and_counts_exactly() {
        let (mut locked, mut now) = (models(), models());
        locked[0]["vcov"]["matrix"][0][1] = 1e-22.into();
        now[0]["vcov"]["matrix"][0][1] = (-1e-22).into();
        now[0]["fit"]["residual"] = 3e-14.into();
        assert!(differences(&locked, &now, Some(10)).is_empty());
        assert_eq!(differences(&locked, &now, None).len(), 2);
        now[0]["flow"]["rows_used"] = 1_961.into();
        assert_eq!(differences(&locked, &now, Some(2)).len(), 1);
        now[1]["coefficients"][0]["p_value"] = Value::Null;
        assert_eq!(differences(&locked, &now, Some(2)).len(), 2);
    }

    #[test]
    fn keys_of_a_newer_version_are_no_difference() {
        let (locked, mut now) = (models(), models());
        now[0]["something_new"] = 1.into();
        assert!(differences(&locked, &now, None).is_empty());
        assert!(count_numbers(&locked) > 100);
    }
}
