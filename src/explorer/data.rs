//! What the page's script knows: the curve as compact JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::pairs::Packed;
use crate::curve::{Curve, Joint, Outcome, Specification};
use crate::result::Estimate;

/// A level of the factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Its name.
    pub name: String,
    /// Its display label.
    pub label: String,
    /// Position in [`Curve::numbers`], if it has covariances.
    pub number: Option<usize>,
}

/// The levels that any specification has a rate of: first those of the covariances, in their order.
pub fn levels(curve: &Curve) -> Vec<Level> {
    let numbered = curve.numbers.iter().enumerate();
    let mut levels: Vec<Level> = numbered
        .filter_map(|(number, name)| {
            let name = name.strip_prefix("rate::")?;
            Some(Level { name: name.to_owned(), label: name.to_owned(), number: Some(number) })
        })
        .collect();
    let mut labelled = vec![false; levels.len()];
    for point in outcomes(curve).flat_map(|outcome| &outcome.rates) {
        match levels.iter().position(|level| level.name == point.level) {
            Some(at) if labelled[at] => {}
            Some(at) => {
                levels[at].label.clone_from(&point.label);
                labelled[at] = true;
            }
            None => {
                levels.push(Level { name: point.level.clone(), label: point.label.clone(), number: None });
                labelled.push(true);
            }
        }
    }
    levels
}

/// What the specifications gave, failures left out.
pub fn outcomes(curve: &Curve) -> impl Iterator<Item = &Outcome> {
    curve.specifications.iter().filter_map(|specification| specification.outcome.as_ref().ok())
}

/// The curve without the errors of pairs.
pub fn value(curve: &Curve, levels: &[Level]) -> Value {
    let choices: Vec<Value> = curve
        .choices
        .iter()
        .map(|choice| {
            let options: Vec<&str> = choice.options.iter().map(|option| option.label.as_str()).collect();
            json!({ "name": choice.name, "label": choice.label, "control": choice.is_control, "options": options })
        })
        .collect();
    json!({
        "name": curve.name,
        "effect": curve.effect_label,
        "share": crate::figure::curve::is_share(curve),
        "alpha": alpha(curve),
        "choices": choices,
        "levels": levels,
        "numbers": curve.numbers.len(),
        "baseline": curve.baseline,
        "specs": curve.specifications.iter().map(|one| specification(curve, one, levels)).collect::<Vec<Value>>(),
        "joint": curve.joint.as_ref().map(joint),
    })
}

/// The level of tests.
pub fn alpha(curve: &Curve) -> f64 {
    curve.joint.as_ref().map_or(0.05, |joint| joint.alpha)
}

/// The curve's errors of pairs.
pub fn pairs(packed: &[Option<Packed>], positions: usize) -> Value {
    json!({ "positions": positions, "numbers": packed })
}

/// One specification: `o` options, `f` formula, `c` command, `p` planned; `x` reason of a failure, or `e` effect, `r` rates
/// by position of the level, `n` rows, `u` users, `k` cells, `v` overlap, `q` family-wise p-value, `d` difference from the
/// baseline, `h` p-value of all contrasts of rates being its own, `b` errors of all numbers' differences from it, `i` position, `w` warnings.
fn specification(curve: &Curve, one: &Specification, levels: &[Level]) -> Value {
    let mut value = json!({ "id": one.id, "o": one.options, "f": one.formula, "c": one.command, "p": one.planned });
    let outcome = match &one.outcome {
        Ok(outcome) => outcome,
        Err(failure) => {
            value["x"] = json!(failure.reason);
            return value;
        }
    };
    let rates: Vec<Value> = levels
        .iter()
        .map(|level| match outcome.rates.iter().find(|point| point.level == level.name) {
            Some(point) => json!([point.estimate, point.std_error, point.conf_low, point.conf_high].map(short)),
            None => Value::Null,
        })
        .collect();
    value["e"] = estimate(&outcome.effect);
    if !outcome.rates.is_empty() {
        value["r"] = json!(rates);
    }
    value["n"] = json!(outcome.rows);
    value["u"] = json!(outcome.users);
    value["k"] = json!(outcome.cells);
    value["v"] = json!(short(outcome.overlap));
    value["q"] = json!(short(outcome.family_p_value));
    value["h"] = json!(short(outcome.hausman_p_value));
    value["i"] = json!(outcome.position);
    if outcome.difference.estimate.is_finite() {
        value["d"] = estimate(&outcome.difference);
    }
    if let Some(Ok(baseline)) = curve.specifications.get(curve.baseline).map(|one| &one.outcome) {
        let errors: Vec<Option<f64>> = (0..curve.numbers.len())
            .map(|number| short(curve.error_of_difference(number, outcome.position, baseline.position)))
            .collect();
        value["b"] = json!(errors);
    }
    if !outcome.warnings.is_empty() {
        value["w"] = json!(outcome.warnings);
    }
    value
}

/// Estimate, standard error, interval, p-value.
fn estimate(estimate: &Estimate) -> Value {
    json!([estimate.estimate, estimate.std_error, estimate.conf_low, estimate.conf_high, estimate.p_value].map(short))
}

/// Nine digits, which is more than a page shows; `None` if there is no number.
fn short(value: f64) -> Option<f64> {
    if value.is_finite() { format!("{value:.8e}").parse().ok() } else { None }
}

fn joint(joint: &Joint) -> Value {
    json!({ "critical": short(joint.critical) })
}
