//! The effects part of a formula: `a + b^c + f[x]`, text to [`EffectTerm`]s.

use super::parser::Parser;
use super::{FormulaError, operand};
use crate::expr::{Expr, ExprKind, Span};

/// An absorbed effect: intercepts, slopes, or both, by the levels of a factor or of several joined.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectTerm {
    /// The factors; their combinations are the levels.
    pub parts: Vec<Expr>,
    /// Variables with a slope for each level.
    pub slopes: Vec<Expr>,
    /// Whether each level has an intercept: not with `f[[x]]`.
    pub constant: bool,
}

impl EffectTerm {
    /// All expressions: the factors, then the slope variables.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().chain(&self.slopes)
    }

    /// All expressions, to be changed.
    pub fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.parts.iter_mut().chain(&mut self.slopes)
    }

    /// Adds the effect to others. Of one factor there is one effect, with the slopes of all: `f + f[x]` is `f[x]`.
    fn join(self, effects: &mut Vec<EffectTerm>) {
        match effects.iter_mut().find(|known| known.parts == self.parts) {
            None => effects.push(self),
            Some(known) => {
                known.constant |= self.constant;
                for slope in self.slopes {
                    if !known.slopes.contains(&slope) {
                        known.slopes.push(slope);
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for EffectTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", effect_name(&self.parts))?;
        if self.slopes.is_empty() {
            return Ok(());
        }
        let slopes = self.slopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if self.constant { write!(f, "[{slopes}]") } else { write!(f, "[[{slopes}]]") }
    }
}

/// Joined factors as written: `a^b`.
pub fn effect_name(parts: &[Expr]) -> String {
    parts.iter().map(|part| operand(part, "")).collect::<Vec<_>>().join("^")
}

impl Parser<'_> {
    /// What stands behind `|`.
    pub(super) fn effects(&mut self) -> Result<Vec<EffectTerm>, FormulaError> {
        let mut effects = Vec::new();
        loop {
            let mut parts = vec![self.operand("a fixed effect")?];
            while self.eat('^') {
                parts.push(self.operand("a fixed effect")?);
            }
            let none = matches!(parts.as_slice(), [Expr { kind: ExprKind::Number(zero), .. }] if *zero == 0.0);
            let start = self.position();
            if self.eat('[') {
                if none {
                    return Err(slope_error(start..start + 1, "slopes need a factor whose levels they differ by"));
                }
                let (slopes, constant) = self.slopes(start)?;
                EffectTerm { parts, slopes, constant }.join(&mut effects);
            } else if !none {
                EffectTerm { parts, slopes: Vec::new(), constant: true }.join(&mut effects);
            }
            if !self.eat('+') {
                return Ok(effects);
            }
        }
    }

    /// `x, z]` or `[x, z]]` behind the first bracket, and whether there are intercepts.
    fn slopes(&mut self, start: usize) -> Result<(Vec<Expr>, bool), FormulaError> {
        let constant = !self.eat('[');
        let mut slopes: Vec<Expr> = Vec::new();
        loop {
            if matches!(self.peek(), Some(']' | ',')) {
                return Err(slope_error(start..self.position() + 1, "there is no slope variable in the brackets"));
            }
            let slope = self.slope()?;
            if slope.names().is_empty() {
                return Err(slope_error(slope.span.clone(), &format!("`{slope}` is no slope variable")));
            }
            if !slopes.contains(&slope) {
                slopes.push(slope);
            }
            if !self.eat(',') {
                break;
            }
        }
        let closed = self.eat(']') && (constant || self.eat(']'));
        if closed { Ok((slopes, constant)) } else { Err(self.unclosed(constant)) }
    }

    /// A whole expression: brackets end it. `I()` is not needed here, but is what fixest wants.
    fn slope(&mut self) -> Result<Expr, FormulaError> {
        if self.peek().is_none() {
            return Err(self.unexpected("a slope variable"));
        }
        if self.word("I") {
            let expr = self.prefix()?;
            return if self.eat(')') { Ok(expr) } else { Err(self.unexpected("`)`")) };
        }
        self.prefix()
    }

    fn unclosed(&mut self, constant: bool) -> FormulaError {
        let (close, form) = if constant { ("`]`", "`f[x]` or `f[x, z]`") } else { ("`]]`", "`f[[x]]` or `f[[x, z]]`") };
        let mut error = self.unexpected(&format!("`,` or {close}"));
        error.hint = Some(format!("slopes by level are written {form}"));
        error
    }
}

fn slope_error(span: Span, message: &str) -> FormulaError {
    FormulaError {
        span,
        message: message.to_owned(),
        expected: Some(String::from("a slope variable")),
        hint: Some(String::from(
            "`f[x]` has intercepts and slopes of `x` by `f`, `f[[x]]` only slopes, `f` only intercepts",
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::formula::Formula;

    fn effects(text: &str) -> Vec<String> {
        let formula = Formula::parse(&format!("y ~ x | {text}")).unwrap_or_else(|error| panic!("{text}: {error}"));
        formula.effects.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn slopes_are_read_and_printed() {
        assert_eq!(effects("f[x]"), ["f[x]"]);
        assert_eq!(effects("f [ x,z , x ] + g"), ["f[x, z]", "g"]);
        assert_eq!(effects("f[[x]] + a^b[log(x), I(z / 10)]"), ["f[[x]]", "a^b[log(x), z / 10]"]);
        assert_eq!(effects("`odd f`[`odd x`]"), ["`odd f`[`odd x`]"]);
        for text in ["f[x]", "f[[x, z]] + g", "a^b[log(x), z / 10]"] {
            assert_eq!(effects(&effects(text).join(" + ")), effects(text));
        }
        let formula = Formula::parse("y ~ x | f[z] + g[[w]]").unwrap();
        assert_eq!(formula.names(), ["y", "x", "f", "z", "g", "w"]);
        assert!(formula.effects[0].constant && !formula.effects[1].constant);
    }

    #[test]
    fn one_factor_is_one_effect() {
        assert_eq!(effects("f + f[x]"), ["f[x]"]);
        assert_eq!(effects("f[x] + g + f"), ["f[x]", "g"]);
        assert_eq!(effects("f[[x]] + f"), ["f[x]"]);
        assert_eq!(effects("f[[x]] + f[[z]]"), ["f[[x, z]]"]);
        assert_eq!(effects("f[x] + f[[z, x]]"), ["f[x, z]"]);
        assert_eq!(effects("f^g[x] + f + f^g"), ["f^g[x]", "f"]);
    }

    #[test]
    fn what_is_no_slope_is_refused() {
        let error = |text: &str| {
            let text = format!("y ~ x | {text}");
            let error = Formula::parse(&text).unwrap_err();
            (text.get(error.span.clone()).unwrap_or("").to_owned(), error.message)
        };
        assert_eq!(error("f[]"), ("[]".into(), "there is no slope variable in the brackets".into()));
        assert_eq!(error("f[[x,]]"), ("[[x,]".into(), "there is no slope variable in the brackets".into()));
        assert_eq!(error("f[1]"), ("1".into(), "`1` is no slope variable".into()));
        assert_eq!(error("0[x]"), ("[".into(), "slopes need a factor whose levels they differ by".into()));
        assert_eq!(error("f[x").1, "expected `,` or `]`, found the end of the formula");
        assert_eq!(error("f[[x]").1, "expected `,` or `]]`, found the end of the formula");
        assert_eq!(error("f[x z]"), ("z".into(), "expected `,` or `]`, found `z`".into()));
        assert_eq!(error("f[x]]"), ("]".into(), "expected the end of the formula, found `]`".into()));
        assert_eq!(error("f[").1, "expected a slope variable, found the end of the formula");
    }
}
