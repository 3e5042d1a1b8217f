//! Statements about the whole curve, in words.

use serde::Serialize;

use super::data::outcomes;
use crate::curve::{Curve, Joint, Statement};
use crate::figure::curve::is_share;
use crate::output::number::{count, p_value, percent};

/// A fact in the head of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// The facts.
pub fn facts(curve: &Curve) -> Vec<Fact> {
    let mut effects: Vec<f64> =
        outcomes(curve).map(|outcome| outcome.effect.estimate).filter(|x| x.is_finite()).collect();
    effects.sort_by(f64::total_cmp);
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    let mut facts = vec![fact("Specifications", count(curve.specifications.len()))];
    let planned = curve.specifications.iter().filter(|one| one.planned == Some(true)).count();
    if curve.specifications.iter().any(|one| one.planned.is_some()) {
        facts.push(fact("Planned", count(planned)));
    }
    if let (Some(least), Some(most)) = (effects.first(), effects.last()) {
        let middle = (effects[(effects.len() - 1) / 2] + effects[effects.len() / 2]) / 2.0;
        facts.push(fact("Median effect", in_units(curve, middle)));
        facts.push(fact("Smallest to largest", format!("{} to {}", in_units(curve, *least), in_units(curve, *most))));
    }
    let failed = curve.specifications.len() - outcomes(curve).count();
    if failed > 0 {
        facts.push(fact("Without an estimate", count(failed)));
    }
    if curve.duplicates > 0 {
        facts.push(fact("Left out as the same", count(curve.duplicates)));
    }
    facts
}

/// An effect with its unit.
pub fn in_units(curve: &Curve, value: f64) -> String {
    let text =
        if is_share(curve) { format!("{:.2} points", 100.0 * value) } else { crate::output::number::rounded(value, 4) };
    text.replace('-', "\u{2212}")
}

/// What holds for the curve as a whole.
pub fn statements(curve: &Curve) -> Vec<String> {
    let Some(joint) = &curve.joint else {
        return vec![String::from(
            "There is no joint test: it needs at least two specifications with an estimate, and clusters.",
        )];
    };
    let mut sentences: Vec<String> =
        joint.statements.iter().map(|statement| sentence(curve, joint, statement)).collect();
    sentences.push(format!(
        "Intervals that hold for all {} specifications at once ({} of 100 samples) reach {:.2} standard errors to either side.",
        count(joint.specifications),
        whole(100.0 * (1.0 - joint.alpha)),
        joint.critical
    ));
    sentences.push(format!(
        "Under no effect: {} draws (seed {}) that flip the sign of the influence of {} on all specifications together; \
         family-wise p-values step down through the specifications from the one with the largest statistic.",
        count(joint.draws),
        joint.seed,
        if joint.groups_are_clusters {
            format!("each of {} clusters", count(joint.groups))
        } else {
            format!("each of {} groups of clusters", count(joint.groups))
        }
    ));
    sentences
}

fn sentence(curve: &Curve, joint: &Joint, statement: &Statement) -> String {
    let shown = |value: f64| {
        if !value.is_finite() {
            String::from("not known")
        } else if statement.name.contains("share") {
            format!("{}%", percent(value, 1))
        } else if statement.name.contains("effect") {
            in_units(curve, value)
        } else {
            format!("{value:.3}").replace('-', "\u{2212}")
        }
    };
    let mut name = statement.name.chars();
    let name = name.next().map_or_else(String::new, |first| first.to_uppercase().chain(name).collect());
    let p = p_value(statement.p_value);
    let p = p.strip_prefix('<').map_or(format!("p = {p}"), |least| format!("p < {least}"));
    format!(
        "{name}: {}. With no effect in any specification it would be about {}, and beyond {} in {} of 100 samples; {p}.",
        shown(statement.value),
        shown(statement.null_median),
        shown(statement.null_high),
        whole(100.0 * joint.alpha)
    )
}

fn whole(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::fixture::curve;

    #[test]
    fn the_whole_curve_in_words() {
        let mut curve = curve(1);
        let said = statements(&curve);
        assert_eq!(
            said[0],
            "Median effect: 8.10 points. With no effect in any specification it would be about 0.01 points, and beyond 0.91 \
             points in 5 of 100 samples; p = 0.0001."
        );
        assert!(said[1].starts_with("Share significant with the dominant sign: 86.0%."), "{}", said[1]);
        assert!(said[3].contains("each of 4,096 groups of clusters"), "{}", said[3]);
        curve.joint = None;
        assert!(statements(&curve)[0].starts_with("There is no joint test"));
    }

    #[test]
    fn facts_count_what_failed() {
        let facts = facts(&curve(1));
        let value = |name: &str| facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
        assert_eq!(value("Specifications"), Some("168"));
        assert_eq!(value("Left out as the same"), Some("7"));
        assert!(value("Without an estimate").is_some() && value("Planned").is_some());
    }
}
