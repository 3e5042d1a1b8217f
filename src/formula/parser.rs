//! Text to [`Formula`]: a recursive descent over the formula's own signs; operands are left to [`crate::expr`].

use super::{Formula, FormulaError, FormulaTerm, LevelsTerm, With};
use crate::expr::{BinaryOp, Expr, ExprKind, parse_operand};

/// A position in the text of a formula.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// Parses a whole formula.
pub fn parse(text: &str) -> Result<Formula, FormulaError> {
    let mut parser = Parser { text, at: 0 };
    let outcomes = parser.outcomes()?;
    let (terms, intercept) = parser.terms()?;
    let effects = if parser.eat('|') { parser.effects()? } else { Vec::new() };
    match parser.peek() {
        None => Ok(Formula { outcomes, terms, intercept, effects }),
        Some('[') if effects.is_empty() => Err(parser.slopes_of_regressors()),
        Some(_) => Err(parser.unexpected("the end of the formula")),
    }
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.text[self.at..].chars().next()
    }

    pub(super) fn eat(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    pub(super) fn unexpected(&mut self, expected: &str) -> FormulaError {
        let found = match self.peek() {
            Some(sign) => format!("`{sign}`"),
            None => String::from("the end of the formula"),
        };
        let width = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        let hint = match self.peek() {
            Some('<' | '>' | '=' | '!') => Some("put a comparison in parentheses: `(x >= 1)`"),
            Some('/' | '%') => Some("put arithmetic in parentheses: `(x / 100)`"),
            Some('|') if expected == "the end of the formula" => {
                Some("fixed effects are joined by `+`, their combinations by `^`")
            }
            _ => None,
        };
        FormulaError {
            span: self.at..self.at + width,
            message: format!("expected {expected}, found {found}"),
            expected: Some(expected.to_owned()),
            hint: hint.map(str::to_owned),
        }
    }

    fn slopes_of_regressors(&mut self) -> FormulaError {
        FormulaError {
            span: self.at..self.at + 1,
            message: String::from("varying slopes `f[x]` belong to the fixed effects, behind `|`"),
            expected: None,
            hint: Some(String::from("slopes by level as regressors are written `i(f, x)`")),
        }
    }

    /// Bytes of the text that are read, up to the next sign.
    pub(super) fn position(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// An expression with operators of its own, as far as it goes.
    pub(super) fn prefix(&mut self) -> Result<Expr, FormulaError> {
        let (expr, end) = crate::expr::parse_prefix(self.text, self.at)?;
        self.at = end;
        Ok(expr)
    }

    pub(super) fn operand(&mut self, expected: &str) -> Result<Expr, FormulaError> {
        match self.peek() {
            None | Some('+' | '~' | '|' | ')' | ',' | ':' | '*' | '^') => return Err(self.unexpected(expected)),
            _ => {}
        }
        let (expr, end) = parse_operand(self.text, self.at)?;
        self.at = end;
        Ok(expr)
    }

    fn outcomes(&mut self) -> Result<Vec<Expr>, FormulaError> {
        let mut outcomes = Vec::new();
        if self.word("c") {
            loop {
                outcomes.push(self.operand("an outcome")?);
                if !self.eat(',') {
                    break;
                }
            }
            if !self.eat(')') {
                return Err(self.unexpected("`,` or `)`"));
            }
        } else {
            loop {
                outcomes.push(self.operand("an outcome")?);
                if !self.eat('+') {
                    break;
                }
            }
        }
        if self.eat('~') {
            return Ok(outcomes);
        }
        if self.peek().is_none() {
            return Err(FormulaError {
                span: self.text.len()..self.text.len(),
                message: String::from("the formula has no `~` between outcomes and regressors"),
                expected: Some(String::from("`~`")),
                hint: Some(String::from("write `outcome ~ regressors | fixed effects`")),
            });
        }
        Err(self.unexpected("`+` or `~`"))
    }

    /// Whether `name(` stands here; steps behind the parenthesis if so.
    pub(super) fn word(&mut self, name: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('('));
        if found {
            self.at += name.len();
            self.eat('(');
        }
        found
    }

    fn terms(&mut self) -> Result<(Vec<FormulaTerm>, bool), FormulaError> {
        let mut terms: Vec<FormulaTerm> = Vec::new();
        let mut intercept = true;
        let mut negative = self.eat('-');
        loop {
            let start = self.at;
            for term in self.term()? {
                match constant(&term) {
                    Some(value) if value == 0.0 || value == 1.0 => intercept = (value == 1.0) != negative,
                    _ if negative => {
                        return Err(FormulaError {
                            span: start..self.at,
                            message: String::from("only the intercept can be taken out with `-`"),
                            expected: Some(String::from("`-1`")),
                            hint: Some(String::from("leave the term out of the formula instead")),
                        });
                    }
                    Some(_) => {
                        return Err(FormulaError {
                            span: start..self.at,
                            message: String::from("a number is no regressor"),
                            expected: Some(String::from("a column, `1` or `0`")),
                            hint: None,
                        });
                    }
                    None if terms.contains(&term) => {}
                    None => terms.push(term),
                }
            }
            match self.peek() {
                Some('+') => negative = false,
                Some('-') => negative = true,
                _ => return Ok((terms, intercept)),
            }
            self.at += 1;
        }
    }

    /// One term with its products expanded: `a*b` gives `a`, `b`, `a:b`.
    fn term(&mut self) -> Result<Vec<FormulaTerm>, FormulaError> {
        let mut expanded = vec![self.factor()?];
        loop {
            let crossed = match self.peek() {
                Some(':') => false,
                Some('*') => true,
                _ => return Ok(expanded),
            };
            self.at += 1;
            let next = self.factor()?;
            let products: Vec<FormulaTerm> = expanded.iter().map(|term| product(term, &next)).collect();
            if crossed {
                expanded.push(next);
                expanded.extend(products);
            } else {
                expanded = products;
            }
        }
    }

    fn factor(&mut self) -> Result<FormulaTerm, FormulaError> {
        self.skip_space();
        let start = self.at;
        for name in ["i", "factor", "C"] {
            if self.word(name) {
                return self.levels(start);
            }
        }
        if self.word("I") {
            let expr = self.prefix()?;
            if !self.eat(')') {
                return Err(self.unexpected("`)`"));
            }
            return Ok(FormulaTerm::Plain(expr));
        }
        for name in ["sw", "sw0", "csw", "csw0", "mvsw"] {
            if self.word(name) {
                return Err(FormulaError {
                    span: start..self.at,
                    message: format!("stepwise `{name}()` is not available"),
                    expected: Some(String::from("a term")),
                    hint: Some(String::from("write one `[[model]]` per specification in a model file")),
                });
            }
        }
        let base = self.operand("a term")?;
        if self.eat('^') {
            let exponent = self.operand("a number")?;
            if !matches!(exponent.kind, ExprKind::Number(_)) {
                return Err(FormulaError {
                    span: exponent.span,
                    message: String::from("a regressor is raised to a number"),
                    expected: Some(String::from("a number")),
                    hint: Some(String::from(
                        "interactions of regressors are written `a:b`; `^` joins fixed effects, after `|`",
                    )),
                });
            }
            let span = base.span.start..exponent.span.end;
            let kind = ExprKind::Binary(BinaryOp::Power, Box::new(base), Box::new(exponent));
            return Ok(FormulaTerm::Plain(Expr { kind, span }));
        }
        Ok(FormulaTerm::Plain(base))
    }

    /// The arguments of `i(`, up to and with the closing parenthesis.
    fn levels(&mut self, start: usize) -> Result<FormulaTerm, FormulaError> {
        let factor = self.operand("a column")?;
        let mut term =
            LevelsTerm { factor, with: None, reference: vec![], keep: vec![], drop: vec![], span: start..start };
        while self.eat(',') {
            self.skip_space();
            let name_start = self.at;
            match self.argument_name() {
                Some(name) => {
                    let levels = self.level_list()?;
                    match name.as_str() {
                        "ref" => term.reference = levels,
                        "keep" => term.keep = levels,
                        "drop" => term.drop = levels,
                        "ref2" => match &mut term.with {
                            Some(With::Factor(_, reference)) => *reference = levels,
                            _ => {
                                return Err(self.bad_argument(
                                    name_start,
                                    "ref2",
                                    "`ref2` needs a second factor `i.g`",
                                ));
                            }
                        },
                        other => {
                            let message = format!("`i()` has no argument `{other}`");
                            return Err(self.bad_argument(name_start, other, &message));
                        }
                    }
                }
                None if term.with.is_none() => {
                    let as_factor = self.text[self.at..].starts_with("i.");
                    self.at += if as_factor { 2 } else { 0 };
                    let expr = self.operand("a column")?;
                    term.with = Some(if as_factor { With::Factor(expr, Vec::new()) } else { With::Number(expr) });
                }
                None => return Err(self.unexpected("`ref = ...`, `keep = ...` or `drop = ...`")),
            }
        }
        if !self.eat(')') {
            return Err(self.unexpected("`,` or `)`"));
        }
        term.span = start..self.at;
        Ok(FormulaTerm::Levels(term))
    }

    fn bad_argument(&self, start: usize, name: &str, message: &str) -> FormulaError {
        FormulaError {
            span: start..start + name.len(),
            message: message.to_owned(),
            expected: Some(String::from("`ref`, `keep` or `drop`")),
            hint: Some(String::from("for example `i(expertise, ref = \"1\")`")),
        }
    }

    /// A name followed by `=` (not `==`); steps behind the sign.
    fn argument_name(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let after = rest[length..].trim_start();
        if length == 0 || !after.starts_with('=') || after.starts_with("==") {
            return None;
        }
        let name = rest[..length].to_owned();
        self.at = self.text.len() - after.len() + 1;
        Some(name)
    }

    /// A level, `c(a, b)` or `[a, b]`; levels are texts or numbers.
    fn level_list(&mut self) -> Result<Vec<String>, FormulaError> {
        let close = if self.word("c") {
            Some(')')
        } else if self.eat('[') {
            Some(']')
        } else {
            None
        };
        let mut levels = vec![self.level()?];
        let Some(close) = close else { return Ok(levels) };
        while self.eat(',') {
            levels.push(self.level()?);
        }
        if self.eat(close) { Ok(levels) } else { Err(self.unexpected(&format!("`,` or `{close}`"))) }
    }

    fn level(&mut self) -> Result<String, FormulaError> {
        let expr = self.operand("a level")?;
        match expr.kind {
            ExprKind::Text(text) => Ok(text),
            ExprKind::Number(number) => Ok(number.to_string()),
            ExprKind::Truth(truth) => Ok(u8::from(truth).to_string()),
            ref other => {
                let name = if let ExprKind::Name(name) = other { name.as_str() } else { "..." };
                Err(FormulaError {
                    span: expr.span.clone(),
                    message: String::from("a level is a text or a number"),
                    expected: Some(String::from("a level")),
                    hint: Some(format!("write it in quotes: \"{name}\"")),
                })
            }
        }
    }
}

/// The number a term consists of.
fn constant(term: &FormulaTerm) -> Option<f64> {
    match term {
        FormulaTerm::Plain(Expr { kind: ExprKind::Number(value), .. }) => Some(*value),
        _ => None,
    }
}

/// `a:b`, flattened.
fn product(a: &FormulaTerm, b: &FormulaTerm) -> FormulaTerm {
    let mut parts = match a {
        FormulaTerm::Product(parts) => parts.clone(),
        single => vec![single.clone()],
    };
    parts.push(b.clone());
    FormulaTerm::Product(parts)
}
