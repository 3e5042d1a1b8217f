//! From names of parts of a formula to their roles.

use super::error::ExplainError;
use super::gelbach::{Group, Roles};
use super::term_name;
use crate::design::Sample;

/// A named group of controls: its name and its members, as written.
pub type NamedGroup = (String, Vec<String>);

/// Where a name is in the formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Term(usize),
    Effect(usize),
}

impl Roles {
    /// Roles by names: `focal` (the first regressor if none is named), `base`, and groups; every other part is a group of its own.
    ///
    /// # Errors
    /// A name that is not in the formula, or has two roles; no focal regressor; no control.
    pub fn from_names(
        sample: &Sample,
        focal: &[String],
        base: &[String],
        groups: &[NamedGroup],
    ) -> Result<Self, ExplainError> {
        let mut taken: Vec<(Place, String)> = Vec::new();
        let mut focal_places = Vec::new();
        if focal.is_empty() {
            if sample.terms.is_empty() {
                return Err(ExplainError::NoFocal);
            }
            focal_places.push(Place::Term(0));
            taken.push((Place::Term(0), String::from("a focal regressor")));
        }
        let mut take = |name: &String, role: String| -> Result<Place, ExplainError> {
            let place = find(sample, name)?;
            if let Some((_, first)) = taken.iter().find(|(other, _)| *other == place) {
                return Err(ExplainError::Twice { name: name.clone(), first: first.clone(), second: role });
            }
            taken.push((place, role));
            Ok(place)
        };
        for name in focal {
            focal_places.push(take(name, String::from("a focal regressor"))?);
        }
        let mut roles = Roles::default();
        let effect = focal.iter().zip(&focal_places).find(|(_, place)| matches!(place, Place::Effect(_)));
        if let Some((name, _)) = effect {
            let accepted = sample.terms.iter().map(term_name).collect();
            return Err(ExplainError::NoCoefficient { name: name.clone(), accepted });
        }
        for name in base {
            roles.base.add(take(name, String::from("a part of both regressions"))?);
        }
        for (name, members) in groups {
            let mut group = Group { name: name.clone(), ..Group::default() };
            for member in members {
                group.add(take(member, format!("in group `{name}`"))?);
            }
            roles.groups.push(group);
        }
        for place in focal_places {
            if let Place::Term(t) = place {
                roles.focal.push(t);
            }
        }
        roles.focal.sort_unstable();
        roles.add_others(sample);
        if roles.groups.is_empty() { Err(ExplainError::NoControl) } else { Ok(roles) }
    }

    /// Every part without a role becomes a group; groups are then in the order of the formula.
    fn add_others(&mut self, sample: &Sample) {
        let has = |place: Place| match place {
            Place::Term(t) => {
                self.focal.contains(&t)
                    || std::iter::once(&self.base).chain(&self.groups).any(|group| group.terms.contains(&t))
            }
            Place::Effect(e) => std::iter::once(&self.base).chain(&self.groups).any(|group| group.effects.contains(&e)),
        };
        let places = (0..sample.terms.len()).map(Place::Term).chain((0..sample.effects.len()).map(Place::Effect));
        let others: Vec<Place> = places.filter(|&place| !has(place)).collect();
        for place in others {
            let name = match place {
                Place::Term(t) => term_name(&sample.terms[t]),
                Place::Effect(e) => sample.effects[e].name.clone(),
            };
            let mut group = Group { name, ..Group::default() };
            group.add(place);
            self.groups.push(group);
        }
        let n_terms = sample.terms.len();
        self.groups.sort_by_key(|group| {
            let terms = group.terms.iter().copied();
            terms.chain(group.effects.iter().map(|e| n_terms + e)).min()
        });
    }
}

impl Group {
    fn add(&mut self, place: Place) {
        match place {
            Place::Term(t) => self.terms.push(t),
            Place::Effect(e) => self.effects.push(e),
        }
    }
}

/// The only part of the formula with a name; `i(f, ...)` is the term of `f`.
fn find(sample: &Sample, name: &str) -> Result<Place, ExplainError> {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '`').collect::<String>();
    let wanted = plain(name);
    let of_levels = wanted.strip_prefix("i(").and_then(|rest| rest.split([',', ')']).next());
    let is = |other: &str| plain(other) == wanted || of_levels == Some(plain(other).as_str());
    let term = sample.terms.iter().position(|term| is(&term_name(term)));
    let effect = sample.effects.iter().position(|effect| is(&effect.name));
    term.map(Place::Term).or(effect.map(Place::Effect)).ok_or_else(|| {
        let terms = sample.terms.iter().map(term_name);
        let accepted = terms.chain(sample.effects.iter().map(|effect| effect.name.clone())).collect();
        ExplainError::Unknown { name: name.to_owned(), accepted }
    })
}

/// Names joined by `+`, as written; a `+` in parentheses belongs to a name.
pub fn split_names(text: &str) -> Vec<String> {
    let (mut names, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match (c, names.last_mut()) {
            ('+', _) if depth == 0 => names.push(String::new()),
            (c, Some(name)) => name.push(c),
            (_, None) => {}
        }
    }
    names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Effect, Term, TermLevels};

    fn sample() -> Sample {
        let plain = |name: &str| Term {
            names: vec![name.to_owned()],
            levels: None,
            values: Some(vec![0.0].into()),
            variable: None,
        };
        let levels = TermLevels { factor: "f".into(), codes: vec![0], column_of_level: vec![0] };
        let factor = Term { names: vec!["f::b".into()], levels: Some(levels), values: None, variable: None };
        let effects = vec![Effect::new("a^b", vec![0], 1), Effect::new("m", vec![0], 1)];
        Sample { n_rows: 1, terms: vec![factor, plain("log(x + 1)"), plain("z")], effects, ..Sample::default() }
    }

    #[test]
    fn every_part_has_one_role_in_the_order_of_the_formula() {
        let names = |text: &str| split_names(text);
        let roles = Roles::from_names(&sample(), &[], &names("z"), &[("g".into(), names("m + log(x+1)"))]).unwrap();
        assert_eq!((roles.focal, roles.base.terms), (vec![0], vec![2]));
        let groups: Vec<(&str, &[usize], &[usize])> =
            roles.groups.iter().map(|g| (g.name.as_str(), &g.terms[..], &g.effects[..])).collect();
        assert_eq!(groups, [("g", &[1][..], &[1][..]), ("a^b", &[], &[0])]);
        let roles = Roles::from_names(&sample(), &names("i(f, ref = 1)+z"), &[], &[]).unwrap();
        assert_eq!((roles.focal, roles.groups.len()), (vec![0, 2], 3));
    }

    #[test]
    fn names_without_a_place_or_with_two_are_refused() {
        let error = |focal: &str, base: &str| {
            Roles::from_names(&sample(), &split_names(focal), &split_names(base), &[]).unwrap_err()
        };
        assert!(matches!(error("q", ""), ExplainError::Unknown { .. }));
        assert!(matches!(error("m", ""), ExplainError::NoCoefficient { .. }));
        assert!(matches!(error("f", "f"), ExplainError::Twice { .. }));
        assert!(matches!(error("f", "z+log(x+1)+a^b+m"), ExplainError::NoControl));
        assert_eq!(split_names(" a + log(x+1)+ b^c"), ["a", "log(x+1)", "b^c"]);
    }
}
