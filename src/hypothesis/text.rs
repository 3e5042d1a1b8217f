//! Text to statements.
//!
//! ```text
//! hypothesis = item , item , ...                       all of them jointly
//! item       = shorthand | sum = sum = ... | sum       a sum alone is zero
//! sum        = product + product - ...
//! product    = factor * factor / factor ...            linear: at most one factor is not a number
//! factor     = number | name | ( sum ) | - factor
//! name       = coefficient | level L | rate L | FIT:coefficient | FIT:level L
//! ```
//!
//! Names of coefficients hold any sign (`log(prompts)`, `i::2:x`, `(Intercept)`), so they are not cut out by rules: at
//! every place the longest name that the fits have wins. Backticks set a name off where that is ambiguous.

use super::HypothesisError;
use super::parameters::{Kind, Parameters};
use super::shorthands::Shorthand;
use crate::expr::Span;
use crate::nearest::nearest_names;

/// A parameter by its name; of every fit where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameKey {
    /// The fit named.
    pub fit: Option<usize>,
    /// Coefficient or rate.
    pub kind: Kind,
    /// Term or level.
    pub name: String,
}

/// A restriction: the sum of the terms is `value`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRow {
    /// Names with their factors, each name once.
    pub terms: Vec<(NameKey, f64)>,
    /// Right side.
    pub value: f64,
    /// Place in the text.
    pub span: Span,
}

/// A part of a hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A restriction written out.
    Row(NamedRow),
    /// A word that stands for several.
    Shorthand(Shorthand, Option<usize>, Span),
}

/// Parses one hypothesis.
///
/// # Errors
/// With the place, and the nearest name for one that does not exist.
pub fn parse(text: &str, parameters: &Parameters) -> Result<Vec<Item>, HypothesisError> {
    let mut parser = Parser { text, at: 0, depth: 0, vocabulary: Vocabulary::of(parameters) };
    let mut items = Vec::new();
    loop {
        parser.item(&mut items)?;
        match parser.peek() {
            None => return Ok(items),
            Some(',') => parser.at += 1,
            Some(_) => return Err(parser.unexpected("`=`, `,`, an operator or the end")),
        }
    }
}

/// Deepest nesting of parentheses.
const DEEPEST: usize = 100;

/// Every way to write a name.
struct Vocabulary {
    /// Spellings of parameters by fit.
    names: Vec<Vec<(String, NameKey)>>,
    /// Names of factors by fit.
    factors: Vec<Vec<String>>,
    /// Names of fits.
    fits: Vec<(String, Result<usize, ()>)>,
}

impl Vocabulary {
    fn of(parameters: &Parameters) -> Self {
        let mut names = Vec::new();
        let mut factors = Vec::new();
        let mut fits: Vec<(String, Result<usize, ()>)> = Vec::new();
        for (fit, block) in parameters.fits.iter().enumerate() {
            let mut spellings = Vec::new();
            let mut of_fit: Vec<String> = Vec::new();
            for parameter in &parameters.list[block.range.clone()] {
                let key = NameKey { fit: None, kind: parameter.kind, name: parameter.name.clone() };
                match parameter.kind {
                    Kind::Coefficient => {
                        spellings.push((parameter.name.clone(), key));
                        if let Some((factor, _)) = parameter.name.split_once("::")
                            && !of_fit.iter().any(|known| known == factor)
                        {
                            of_fit.push(factor.to_owned());
                        }
                    }
                    Kind::Rate => {
                        for word in ["level ", "rate ", "rate::"] {
                            spellings.push((format!("{word}{}", parameter.name), key.clone()));
                            if parameter.label != parameter.name {
                                spellings.push((format!("{word}{}", parameter.label), key.clone()));
                            }
                        }
                    }
                }
            }
            names.push(spellings);
            factors.push(of_fit);
            for way in block.name.ways() {
                match fits.iter_mut().find(|(known, _)| *known == way) {
                    Some((_, known)) if *known != Ok(fit) => *known = Err(()),
                    Some(_) => {}
                    None => fits.push((way, Ok(fit))),
                }
            }
        }
        Vocabulary { names, factors, fits }
    }

    /// All spellings, each once, for messages.
    fn spellings(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for (spelling, _) in self.names.iter().flatten() {
            if !all.contains(&spelling.as_str()) && !spelling.starts_with("rate") {
                all.push(spelling);
            }
        }
        all
    }
}

/// Terms and a constant.
#[derive(Debug, Clone, Default)]
struct Sum {
    terms: Vec<(NameKey, f64)>,
    constant: f64,
}

impl Sum {
    fn add(&mut self, other: Sum, sign: f64) {
        self.constant += sign * other.constant;
        for (key, factor) in other.terms {
            match self.terms.iter_mut().find(|(known, _)| *known == key) {
                Some((_, sum)) => *sum += sign * factor,
                None => self.terms.push((key, sign * factor)),
            }
        }
    }

    fn times(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.terms.iter_mut().for_each(|(_, value)| *value *= factor);
        self
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    vocabulary: Vocabulary,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn eat(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn unexpected(&mut self, expected: &str) -> HypothesisError {
        let found = match self.peek() {
            Some(sign) => format!("`{sign}`"),
            None => String::from("the end of the hypothesis"),
        };
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        let error = HypothesisError::new(self.at..self.at + width, format!("expected {expected}, found {found}"));
        match self.peek() {
            Some('<' | '>') => error.hint(
                "a hypothesis is an equation; a one-sided p-value is half the two-sided one on the side of the estimate, \
                 and `increasing` tests that rates rise",
            ),
            Some('!') => error.hint("a hypothesis is an equation, which the test speaks against"),
            _ => error.expected(expected),
        }
    }

    fn item(&mut self, items: &mut Vec<Item>) -> Result<(), HypothesisError> {
        if self.peek().is_none() {
            return Err(HypothesisError::new(self.at..self.at, "a hypothesis is missing here")
                .expected("an equation or a shorthand")
                .hint(format!("e.g. `x = 0`, `level 2 = level 3`, or one of {}", Shorthand::list())));
        }
        if let Some(found) = self.shorthand()? {
            items.push(found);
            return Ok(());
        }
        let start = self.at;
        let mut left = self.sum()?;
        let mut alone = true;
        loop {
            if !self.eat('=') {
                break;
            }
            self.eat('='); // `==` is meant as `=`
            alone = false;
            let right = self.sum()?;
            let mut row = left;
            row.add(right.clone(), -1.0);
            items.push(self.row(row, start)?);
            left = right;
        }
        if alone {
            items.push(self.row(left, start)?);
        }
        Ok(())
    }

    fn row(&self, mut sum: Sum, start: usize) -> Result<Item, HypothesisError> {
        let end = start + self.text[start..self.at].trim_end().len();
        sum.terms.retain(|(_, factor)| *factor != 0.0);
        if sum.terms.is_empty() {
            let verb = if sum.constant == 0.0 { "always holds" } else { "never holds" };
            return Err(HypothesisError::new(start..end, format!("this {verb}, whatever the estimates are"))
                .hint("compare coefficients or rates, e.g. `x = 0`"));
        }
        let value = if sum.constant == 0.0 { 0.0 } else { -sum.constant };
        Ok(Item::Row(NamedRow { terms: sum.terms, value, span: start..end }))
    }

    fn sum(&mut self) -> Result<Sum, HypothesisError> {
        let mut sum = self.product()?;
        loop {
            let sign = match self.peek() {
                Some('+') => 1.0,
                Some('-') => -1.0,
                _ => return Ok(sum),
            };
            self.at += 1;
            sum.add(self.product()?, sign);
        }
    }

    fn product(&mut self) -> Result<Sum, HypothesisError> {
        self.peek();
        let start = self.at;
        let mut product = self.factor()?;
        loop {
            let divide = match self.peek() {
                Some('*') => false,
                Some('/') => true,
                _ => return Ok(product),
            };
            self.at += 1;
            let next = self.factor()?;
            let span = start..self.at;
            product = match (divide, product.terms.is_empty(), next.terms.is_empty()) {
                (true, _, true) if next.constant == 0.0 => {
                    return Err(HypothesisError::new(span, "this divides by zero"));
                }
                (true, _, true) => product.times(1.0 / next.constant),
                (false, _, true) => product.times(next.constant),
                (false, true, false) => next.times(product.constant),
                _ => {
                    return Err(HypothesisError::new(span, "this is not linear in the parameters")
                        .hint("multiply and divide by numbers only"));
                }
            };
        }
    }

    fn factor(&mut self) -> Result<Sum, HypothesisError> {
        let what = "a coefficient, a rate or a number";
        let Some(first) = self.peek() else { return Err(self.unexpected(what)) };
        if first == '-' || first == '+' {
            self.at += 1;
            return self.nested(|parser| parser.factor()).map(|sum| sum.times(if first == '-' { -1.0 } else { 1.0 }));
        }
        if let Some((key, length)) = self.longest(self.at)? {
            self.at += length;
            return Ok(Sum { terms: vec![(key, 1.0)], constant: 0.0 });
        }
        if first.is_ascii_digit() || first == '.' {
            return self.number();
        }
        if first == '(' {
            self.at += 1;
            let sum = self.nested(|parser| parser.sum())?;
            if !self.eat(')') {
                return Err(self.unexpected("`)`"));
            }
            return Ok(sum);
        }
        if matches!(first, '=' | ',' | ')' | '*' | '/' | '<' | '>' | '!') {
            return Err(self.unexpected(what));
        }
        Err(self.unknown())
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, HypothesisError>) -> Result<T, HypothesisError> {
        if self.depth >= DEEPEST {
            return Err(HypothesisError::new(self.at..self.at, "too many nested parentheses"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn number(&mut self) -> Result<Sum, HypothesisError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let is_part = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
        while is_part(self.at)
            || (matches!(bytes.get(self.at), Some(b'+' | b'-'))
                && self.at > start
                && matches!(bytes[self.at - 1], b'e' | b'E')
                && bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit))
        {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        match text.replace('_', "").parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Sum { terms: Vec::new(), constant: value }),
            _ => {
                let error = HypothesisError::new(start..self.at, format!("`{text}` is not a number"));
                let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
                Err(error.hint(format!("multiply with `{} * {}`", &text[..digits], &text[digits..])))
            }
        }
    }

    /// The longest name at a place, with its length.
    fn longest(&self, at: usize) -> Result<Option<(NameKey, usize)>, HypothesisError> {
        let text = &self.text[at..];
        let mut best: Option<(NameKey, usize)> = None;
        let mut take = |key: NameKey, length: usize| {
            if best.as_ref().is_none_or(|(_, known)| length > *known) {
                best = Some((key, length));
            }
        };
        for (spelling, key) in self.vocabulary.names.iter().flatten() {
            matched(text, spelling).into_iter().for_each(|length| take(key.clone(), length));
        }
        let mut ambiguous: Option<(&str, usize)> = None;
        for (way, fit) in &self.vocabulary.fits {
            let Some(behind) = fit_prefix(text, way) else { continue };
            match fit {
                Ok(fit) => {
                    for (spelling, key) in &self.vocabulary.names[*fit] {
                        if let Some(length) = matched(&text[behind..], spelling) {
                            take(NameKey { fit: Some(*fit), ..key.clone() }, behind + length);
                        }
                    }
                }
                Err(()) => ambiguous = Some((way, behind)),
            }
        }
        match (best, ambiguous) {
            (None, Some((way, behind))) => Err(self.ambiguous(way, at..at + behind)),
            (best, _) => Ok(best),
        }
    }

    fn ambiguous(&self, way: &str, span: Span) -> HypothesisError {
        let full: Vec<String> = self
            .vocabulary
            .fits
            .iter()
            .filter(|(name, fit)| fit.is_ok() && name.split('/').any(|part| part == way))
            .map(|(name, _)| format!("`{name}:`"))
            .take(6)
            .collect();
        HypothesisError::new(span, format!("several fits are called `{way}`"))
            .hint(format!("name one by model, outcome and sample: {}", full.join(", ")))
    }

    /// A shorthand that stands alone at this place.
    fn shorthand(&mut self) -> Result<Option<Item>, HypothesisError> {
        self.peek();
        let start = self.at;
        let name = self.longest(start).ok().flatten().map_or(0, |(_, length)| length);
        let mut candidates: Vec<(usize, Option<usize>, Shorthand)> = Vec::new();
        let text = &self.text[start..];
        let mut look = |from: usize, fit: Option<usize>, factors: &mut dyn Iterator<Item = &String>| {
            for (word, shorthand) in Shorthand::WORDS {
                matched(&text[from..], word)
                    .into_iter()
                    .for_each(|length| candidates.push((from + length, fit, shorthand.clone())));
            }
            for factor in factors {
                if let Some(length) = matched(&text[from..], factor) {
                    candidates.push((from + length, fit, Shorthand::Factor(factor.clone())));
                }
            }
        };
        look(0, None, &mut self.vocabulary.factors.iter().flatten());
        for (way, fit) in &self.vocabulary.fits {
            if let (Some(behind), Ok(fit)) = (fit_prefix(text, way), fit) {
                look(behind, Some(*fit), &mut self.vocabulary.factors[*fit].iter());
            }
        }
        let ends = |length: usize| matches!(text[length..].trim_start().chars().next(), None | Some(','));
        let found = candidates.into_iter().filter(|(length, ..)| *length > name && ends(*length));
        let Some((length, fit, shorthand)) = found.max_by_key(|(length, ..)| *length) else { return Ok(None) };
        self.at += length;
        Ok(Some(Item::Shorthand(shorthand, fit, start..start + length)))
    }

    /// The error for a name that does not exist.
    fn unknown(&self) -> HypothesisError {
        let text = self.rest();
        let mut end = text.len();
        let (mut depth, mut quote) = (0usize, false);
        for (at, sign) in text.char_indices() {
            match sign {
                '`' => quote = !quote,
                '(' => depth += 1,
                ')' if depth > 0 => depth -= 1,
                '=' | ',' | '+' | '-' | '*' | '/' | ')' | '<' | '>' if depth == 0 && !quote => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let word = text[..end].trim_end();
        let span = self.at..self.at + word.len();
        let plain = word.trim_matches('`');
        let spellings = self.vocabulary.spellings();
        let words = Shorthand::WORDS.iter().map(|(word, _)| *word);
        let factors = self.vocabulary.factors.iter().flatten().map(String::as_str);
        let fits = self.vocabulary.fits.iter().map(|(name, _)| name.as_str());
        let (error, mut near) = match plain.split_once(':').filter(|(_, rest)| !rest.starts_with(':')) {
            // a fit that exists with a name that it does not have, or the other way round
            Some((fit, rest)) if self.vocabulary.fits.iter().any(|(name, _)| name == fit) => (
                format!("`{fit}` has no coefficient or rate `{rest}`"),
                nearest_names(rest, spellings.iter().copied(), 3),
            ),
            Some((fit, rest)) if spellings.contains(&rest) => {
                (format!("there is no fit `{fit}`"), nearest_names(fit, fits, 3))
            }
            _ => (
                format!("there is no coefficient, rate or shorthand `{plain}`"),
                nearest_names(plain, spellings.iter().copied().chain(words).chain(factors), 3),
            ),
        };
        near.dedup();
        let listed = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let hint = if near.is_empty() {
            let more = if spellings.len() > 12 { ", ..." } else { "" };
            format!("there are {}{more}", listed(&spellings[..spellings.len().min(12)]))
        } else {
            format!("did you mean {}?", listed(&near))
        };
        let is_level = plain.starts_with("level ") || plain.starts_with("rate ");
        let no_rates = is_level && !spellings.iter().any(|name| name.starts_with("level "));
        HypothesisError::new(span, error).hint(if no_rates {
            String::from("levels are those of adjusted rates: ask for them with `--rates FACTOR`")
        } else {
            hint
        })
    }
}

/// Bytes of `FIT:` at the start of a text.
fn fit_prefix(text: &str, way: &str) -> Option<usize> {
    let behind = text.strip_prefix(way)?.strip_prefix(':')?;
    // `a::b` is a level
    (!behind.starts_with(':')).then(|| text.len() - behind.len())
}

/// Bytes of a spelling at the start of a text: blanks count between words only, and the name must end there.
fn matched(text: &str, spelling: &str) -> Option<usize> {
    if let Some(rest) = text.strip_prefix('`') {
        let quoted = rest.strip_prefix(spelling)?;
        return quoted.starts_with('`').then_some(spelling.len() + 2);
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut place = text.char_indices().peekable();
    let mut before: Option<char> = None;
    let mut end = 0;
    for wanted in spelling.chars() {
        if wanted.is_whitespace() {
            // at least one blank between words, any number elsewhere
            let mut blanks = 0;
            while let Some(&(at, found)) = place.peek().filter(|(_, c)| c.is_whitespace()) {
                blanks += 1;
                end = at + found.len_utf8();
                place.next();
            }
            let next = place.peek().map(|&(_, c)| c);
            if blanks == 0 && before.is_some_and(is_word) && next.is_some_and(is_word) {
                return None;
            }
            continue;
        }
        while let Some(&(_, found)) = place.peek() {
            let between_words = before.is_none_or(is_word) && is_word(wanted);
            if found.is_whitespace() && !between_words {
                place.next();
            } else {
                break;
            }
        }
        let (at, found) = place.next()?;
        if found != wanted {
            return None;
        }
        end = at + found.len_utf8();
        before = Some(wanted);
    }
    let next = text[end..].chars().next();
    let goes_on = next.is_some_and(|c| is_word(c) || matches!(c, ':' | '^' | '(' | '['));
    (!(goes_on && before.is_some_and(|c| is_word(c) || c == ')'))).then_some(end)
}
