//! Stepwise formulas, as fixest writes them: one text for many formulas.
//!
//! ```text
//! sw(a, b)     a; b                      sw0(a, b)     nothing; a; b
//! csw(a, b)    a; a + b                  csw0(a, b)    nothing; a; a + b
//! mvsw(a, b)   nothing; a; b; a + b      every subset, small ones first
//! ```
//! They stand between `+` in any part of the formula; several of them give every combination, the last running fastest.
//! Two additions: a step of `csw` that starts with `^` is interacted with what stands before it (`csw(a, ^b)` is `a`,
//! `a^b`), and `terms(x + z)` in a step of the fixed effects adds regressors with it.

use super::FormulaError;
use crate::expr::Span;

/// The words.
const WORDS: [&str; 5] = ["mvsw", "csw0", "csw", "sw0", "sw"];

/// One formula of a stepwise text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The formula.
    pub text: String,
    /// What each stepwise term became, in the order of the text; `none` for nothing.
    pub steps: Vec<String>,
}

/// The formulas that a text stands for: itself, if it has no stepwise term.
///
/// # Errors
/// A stepwise term that is not closed, is empty, or does not stand between `+`.
pub fn expand(text: &str) -> Result<Vec<Variant>, FormulaError> {
    if !has_steps(text) {
        return Ok(vec![Variant { text: text.to_owned(), steps: Vec::new() }]);
    }
    let parts = split(text, 0..text.len(), &['~', '|'])?;
    let separators: Vec<char> = parts.windows(2).filter_map(|pair| text[pair[0].end..].chars().next()).collect();
    // every formula so far: items of each part, and what the steps were
    let mut drafts: Vec<(Vec<Vec<String>>, Vec<String>)> = vec![(vec![Vec::new(); parts.len()], Vec::new())];
    for (at, part) in parts.iter().enumerate() {
        for item in split(text, part.clone(), &['+'])? {
            let steps = match steps_of(text, &item)? {
                None => {
                    let plain = text[item].trim().to_owned();
                    drafts.iter_mut().for_each(|(items, _)| items[at].push(plain.clone()));
                    continue;
                }
                Some(steps) => steps,
            };
            let terms = separators.iter().position(|&c| c == '~').map_or(at, |tilde| tilde + 1);
            let mut next = Vec::with_capacity(drafts.len() * steps.len());
            for (items, names) in &drafts {
                for step in &steps {
                    let (mut items, mut names) = (items.clone(), names.clone());
                    items[at].extend(step.items.iter().cloned());
                    items[terms].extend(step.terms.iter().cloned());
                    names.push(step.name());
                    next.push((items, names));
                }
            }
            drafts = next;
        }
    }
    Ok(drafts.into_iter().map(|(items, steps)| Variant { text: join(&items, &separators), steps }).collect())
}

/// Whether a text has a stepwise term.
pub fn has_steps(text: &str) -> bool {
    let mut quote = None;
    text.char_indices().any(|(at, c)| {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None => return word_at(text, at).is_some(),
        }
        false
    })
}

/// One choice of a stepwise term.
#[derive(Debug, Clone, Default)]
struct Step {
    items: Vec<String>,
    terms: Vec<String>,
}

impl Step {
    fn name(&self) -> String {
        let all: Vec<&str> = self.items.iter().chain(&self.terms).map(String::as_str).collect();
        if all.is_empty() { String::from("none") } else { all.join(" + ") }
    }

    /// What comes with a further step.
    fn then(&self, element: &Step) -> Step {
        let mut next = self.clone();
        for item in &element.items {
            match (item.strip_prefix('^'), next.items.last_mut()) {
                (Some(part), Some(last)) => *last = format!("{last}^{}", part.trim()),
                (Some(part), None) => next.items.push(part.trim().to_owned()),
                (None, _) => next.items.push(item.clone()),
            }
        }
        next.terms.extend(element.terms.iter().cloned());
        next
    }
}

/// The stepwise word at a byte, if one starts there: word and the place behind its bracket.
fn word_at(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    if text[..at].chars().next_back().is_some_and(is_name) {
        return None;
    }
    WORDS.iter().find_map(|word| {
        let rest = text[at..].strip_prefix(word)?;
        let open = rest.trim_start();
        open.starts_with('(').then_some((*word, text.len() - open.len() + 1))
    })
}

/// Cuts a range at separators outside brackets and quotes.
fn split(text: &str, range: Span, separators: &[char]) -> Result<Vec<Span>, FormulaError> {
    let (mut depth, mut quote, mut start) = (0usize, None, range.start);
    let mut parts = Vec::new();
    for (offset, c) in text[range.clone()].char_indices() {
        let at = range.start + offset;
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '(' | '[' => depth += 1,
                ')' | ']' if depth == 0 => return Err(error(at..at + 1, "a bracket is closed that was not opened")),
                ')' | ']' => depth -= 1,
                _ if depth == 0 && separators.contains(&c) => {
                    parts.push(start..at);
                    start = at + c.len_utf8();
                }
                _ => {}
            },
        }
    }
    if depth > 0 {
        return Err(error(range, "a bracket is not closed"));
    }
    parts.push(start..range.end);
    Ok(parts)
}

/// The choices of an item, if it is a stepwise term.
fn steps_of(text: &str, item: &Span) -> Result<Option<Vec<Step>>, FormulaError> {
    let inner = &text[item.clone()];
    let start = item.start + inner.len() - inner.trim_start().len();
    let end = item.start + inner.trim_end().len();
    let Some((word, open)) = word_at(text, start) else {
        if has_steps(inner) {
            let hint = "`sw()` and its kind stand alone between `+`";
            return Err(FormulaError {
                hint: Some(hint.to_owned()),
                ..error(item.clone(), "a stepwise term inside another term")
            });
        }
        return Ok(None);
    };
    if !text[start..end].ends_with(')') {
        return Err(error(start..end, "a stepwise term is part of a larger one"));
    }
    let elements = split(text, open..end - 1, &[','])?;
    let elements = elements.into_iter().map(|element| element_of(text, element)).collect::<Result<Vec<Step>, _>>()?;
    let cumulated = || {
        let mut so_far = Step::default();
        elements
            .iter()
            .map(|element| {
                so_far = so_far.then(element);
                so_far.clone()
            })
            .collect::<Vec<Step>>()
    };
    let first = |zero: bool| if zero { vec![Step::default()] } else { Vec::new() };
    Ok(Some(match word {
        "csw" | "csw0" => first(word == "csw0").into_iter().chain(cumulated()).collect(),
        "mvsw" => subsets(&elements),
        _ => first(word == "sw0").into_iter().chain(elements.iter().map(|e| Step::default().then(e))).collect(),
    }))
}

/// Every subset, small ones first.
fn subsets(elements: &[Step]) -> Vec<Step> {
    let mut masks: Vec<u32> = (0..1u32 << elements.len().min(20)).collect();
    let members = |mask: u32| (0..elements.len()).filter(move |i| mask & (1 << i) != 0);
    masks.sort_by_key(|&mask| (mask.count_ones(), members(mask).collect::<Vec<_>>()));
    let joined = |mask: u32| members(mask).fold(Step::default(), |step, i| step.then(&elements[i]));
    masks.into_iter().map(joined).collect()
}

/// What an element adds: items of its part, and regressors in `terms()`.
fn element_of(text: &str, range: Span) -> Result<Step, FormulaError> {
    let mut step = Step::default();
    for item in split(text, range.clone(), &['+'])? {
        let item = text[item].trim();
        if item.is_empty() {
            return Err(error(range, "a step is empty"));
        }
        match item.strip_prefix("terms(").and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) => step.terms.extend(inner.split('+').map(|term| term.trim().to_owned())),
            None => step.items.push(item.to_owned()),
        }
    }
    Ok(step)
}

fn join(parts: &[Vec<String>], separators: &[char]) -> String {
    let mut text = parts[0].join(" + ");
    for (items, separator) in parts[1..].iter().zip(separators) {
        match (items.is_empty(), separator) {
            (true, '~') => text += " ~ 1",
            (true, _) => {}
            (false, separator) => text += &format!(" {separator} {}", items.join(" + ")),
        }
    }
    text
}

fn error(span: Span, message: &str) -> FormulaError {
    FormulaError { span, message: message.to_owned(), expected: None, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(formula: &str) -> Vec<String> {
        expand(formula).unwrap().into_iter().map(|variant| variant.text).collect()
    }

    #[test]
    fn words_of_fixest() {
        assert_eq!(texts("y ~ sw(a, b) + x"), ["y ~ a + x", "y ~ b + x"]);
        assert_eq!(texts("y ~ x | sw0(a, b^c)"), ["y ~ x", "y ~ x | a", "y ~ x | b^c"]);
        assert_eq!(texts("y ~ csw(x, z)"), ["y ~ x", "y ~ x + z"]);
        assert_eq!(texts("y ~ csw0(x, log(z))"), ["y ~ 1", "y ~ x", "y ~ x + log(z)"]);
        let mvsw = [
            "y ~ x",
            "y ~ x | a",
            "y ~ x | b",
            "y ~ x | c",
            "y ~ x | a + b",
            "y ~ x | a + c",
            "y ~ x | b + c",
            "y ~ x | a + b + c",
        ];
        assert_eq!(texts("y ~ x | mvsw(a, b, c)"), mvsw);
        assert_eq!(texts("y ~ sw(x, z) | sw(a, b)"), ["y ~ x | a", "y ~ x | b", "y ~ z | a", "y ~ z | b"]);
        assert_eq!(texts("y1 + y2 ~ x | a"), ["y1 + y2 ~ x | a"]);
    }

    #[test]
    fn steps_may_interact_and_bring_regressors() {
        let found = texts("y ~ e | csw0(a^b, ^c, ^d + terms(log(x) + z))");
        assert_eq!(found, ["y ~ e", "y ~ e | a^b", "y ~ e | a^b^c", "y ~ e + log(x) + z | a^b^c^d"]);
        let names = expand("y ~ e | csw0(a, ^b)").unwrap();
        assert_eq!(names[2].steps, ["a^b"]);
        assert_eq!(names[0].steps, ["none"]);
    }

    #[test]
    fn names_in_quotes_and_longer_names_are_no_steps() {
        assert!(!has_steps("y ~ answ(x) + `sw(a)` + i(z, ref = \"sw(\")"));
        assert_eq!(texts("y ~ i(f, ref = \"a, b | c\") + sw(x, i(g, ref = \"d, e\"))").len(), 2);
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(expand("y ~ sw(a, b").unwrap_err().message, "a bracket is not closed");
        assert_eq!(expand("y ~ sw(a, )").unwrap_err().message, "a step is empty");
        assert_eq!(expand("y ~ log(sw(a, b))").unwrap_err().message, "a stepwise term inside another term");
        assert_eq!(expand("y ~ sw(a, b):c").unwrap_err().message, "a stepwise term is part of a larger one");
    }
}
