//! Formulas as fixest writes them: `y1 + y2 ~ x + log(z) + i(level, ref = "...") | a + b^c`.
//!
//! ```text
//! formula  = outcomes "~" terms [ "|" effects ]
//! outcomes = operand { "+" operand }            also c(y1, y2)
//! terms    = [sign] term { ("+" | "-") term }   0, 1, -1 switch the intercept
//! term     = factor { (":" | "*") factor }      a*b is a + b + a:b
//! factor   = i(f [, x | i.g] [, ref = ...] [, keep = ...] [, drop = ...]) | operand [ "^" number ]
//! effects  = effect { "+" effect }              0 for none
//! effect   = operand { "^" operand } [ slopes ]  interacted fixed effect
//! slopes   = "[" expr { "," expr } "]"           slopes of each by level; "[[" ... "]]" without intercepts
//! ```
//! An operand is a name, a `` `quoted name` ``, a number, a parenthesis or a function of columns (see [`crate::expr`]).

mod effects;
mod parser;
pub mod steps;

pub use effects::{EffectTerm, effect_name};

use crate::expr::{Expr, ExprError, ExprKind, Span};

/// A parsed formula.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// Outcomes; they share the design.
    pub outcomes: Vec<Expr>,
    /// Regressors in order, products expanded.
    pub terms: Vec<FormulaTerm>,
    /// Whether an intercept is wanted (without effects).
    pub intercept: bool,
    /// Absorbed effects.
    pub effects: Vec<EffectTerm>,
}

/// A regressor.
#[derive(Debug, Clone, PartialEq)]
pub enum FormulaTerm {
    /// A column or function of columns: numeric, or a factor that gets a column per level.
    Plain(Expr),
    /// `i(...)`.
    Levels(LevelsTerm),
    /// `a:b:...`.
    Product(Vec<FormulaTerm>),
}

/// `i(factor, with, ref = ..., keep = ..., drop = ...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelsTerm {
    /// The factor.
    pub factor: Expr,
    /// What its dummies are multiplied by.
    pub with: Option<With>,
    /// Reference levels of the factor: no column.
    pub reference: Vec<String>,
    /// Levels that get a column; empty for all.
    pub keep: Vec<String>,
    /// Levels without a column, besides the reference.
    pub drop: Vec<String>,
    /// Bytes of the whole term.
    pub span: Span,
}

/// The second variable of `i()`.
#[derive(Debug, Clone, PartialEq)]
pub enum With {
    /// A number: slopes by level.
    Number(Expr),
    /// `i.g`: a second factor, fully interacted.
    Factor(Expr, Vec<String>),
}

/// An error in a formula, with the place in its text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct FormulaError {
    /// Bytes of the formula the error is about.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What was expected there, for the label under the caret.
    pub expected: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl From<ExprError> for FormulaError {
    fn from(error: ExprError) -> Self {
        FormulaError {
            span: error.span(),
            message: error.to_string(),
            expected: error.expected().map(str::to_owned),
            hint: error.hint(),
        }
    }
}

impl Formula {
    /// Parses a formula.
    ///
    /// # Errors
    /// [`FormulaError`] with the place and what was expected.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        parser::parse(text)
    }

    /// Names of all columns used, each once, in order of first use.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |expr: &Expr| {
            for name in expr.names() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        };
        self.outcomes.iter().for_each(&mut add);
        self.terms.iter().for_each(|term| term.visit(&mut add));
        self.effects.iter().flat_map(EffectTerm::exprs).for_each(&mut add);
        names
    }
}

impl FormulaTerm {
    /// Calls `f` on every expression of the term.
    pub fn visit(&self, f: &mut impl FnMut(&Expr)) {
        match self {
            FormulaTerm::Plain(expr) => f(expr),
            FormulaTerm::Levels(levels) => {
                f(&levels.factor);
                match &levels.with {
                    Some(With::Number(expr) | With::Factor(expr, _)) => f(expr),
                    None => {}
                }
            }
            FormulaTerm::Product(terms) => terms.iter().for_each(|term| term.visit(f)),
        }
    }
}

impl std::fmt::Display for LevelsTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "i({}", self.factor)?;
        match &self.with {
            Some(With::Number(expr)) => write!(f, ", {expr}")?,
            Some(With::Factor(expr, _)) => write!(f, ", i.{expr}")?,
            None => {}
        }
        let list = |levels: &[String]| match levels {
            [one] => format!("{one:?}"),
            many => format!("c({})", many.iter().map(|level| format!("{level:?}")).collect::<Vec<_>>().join(", ")),
        };
        for (name, levels) in [("ref", &self.reference), ("keep", &self.keep), ("drop", &self.drop)] {
            if !levels.is_empty() {
                write!(f, ", {name} = {}", list(levels))?;
            }
        }
        if let Some(With::Factor(_, reference)) = &self.with
            && !reference.is_empty()
        {
            write!(f, ", ref2 = {}", list(reference))?;
        }
        write!(f, ")")
    }
}

impl std::fmt::Display for FormulaTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormulaTerm::Plain(expr) => write!(f, "{}", operand(expr, "I")),
            FormulaTerm::Levels(levels) => write!(f, "{levels}"),
            FormulaTerm::Product(terms) => {
                let parts: Vec<String> = terms.iter().map(ToString::to_string).collect();
                write!(f, "{}", parts.join(":"))
            }
        }
    }
}

impl std::fmt::Display for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let join = |items: Vec<String>| items.join(" + ");
        write!(f, "{} ~ ", join(self.outcomes.iter().map(|expr| operand(expr, "")).collect()))?;
        let mut terms: Vec<String> = self.terms.iter().map(ToString::to_string).collect();
        if !self.intercept {
            terms.insert(0, String::from("0"));
        } else if terms.is_empty() {
            terms.push(String::from("1"));
        }
        write!(f, "{}", join(terms))?;
        if !self.effects.is_empty() {
            let effects = self.effects.iter().map(ToString::to_string).collect();
            write!(f, " | {}", join(effects))?;
        }
        Ok(())
    }
}

/// An expression as an operand of a formula: with parentheses, after `prefix`, where it has operators of its own.
fn operand(expr: &Expr, prefix: &str) -> String {
    match expr.kind {
        ExprKind::Unary(..) | ExprKind::Binary(..) | ExprKind::In { .. } => format!("{prefix}({expr})"),
        _ => expr.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Formula::parse(text).unwrap().to_string()
    }

    #[test]
    fn formulas_print_as_they_mean() {
        assert_eq!(shown("y~x"), "y ~ x");
        assert_eq!(shown("c(y1,y2) ~ a*b | f + g^h"), "y1 + y2 ~ a + b + a:b | f + g^h");
        assert_eq!(
            shown("y ~ i(level, ref = 'a') + i(g, x) | `odd name`"),
            "y ~ i(level, ref = \"a\") + i(g, x) | `odd name`"
        );
        assert_eq!(shown("log(y + 1) ~ log((a + 1) / b) - 1"), "log(y + 1) ~ 0 + log((a + 1) / b)");
        assert_eq!(shown("y ~ 1 | f"), "y ~ 1 | f");
        assert_eq!(shown("y ~ x^2 + i(e, ref = 1)"), "y ~ I(x ^ 2) + i(e, ref = \"1\")");
    }

    #[test]
    fn errors_point_at_the_place() {
        let error = |text: &str| {
            let e = Formula::parse(text).unwrap_err();
            (text.get(e.span.clone()).unwrap_or("").to_owned(), e.message)
        };
        assert_eq!(error("y + x").1, "the formula has no `~` between outcomes and regressors");
        assert_eq!(error("y ~ x | f |").1, "expected the end of the formula, found `|`");
        assert_eq!(error("y ~ x + ").1, "expected a term, found the end of the formula");
        assert_eq!(error("y ~ i(level, reff = 'a')"), ("reff".into(), "`i()` has no argument `reff`".into()));
        let misplaced = "varying slopes `f[x]` belong to the fixed effects, behind `|`";
        assert_eq!(error("y ~ f[z]"), ("[".into(), misplaced.into()));
        assert_eq!(error("y ~ logg(x)").0, "logg");
    }

    #[test]
    fn names_come_from_every_part() {
        assert_eq!(Formula::parse("y ~ i(a, x) + log(z) | f^g").unwrap().names(), ["y", "a", "x", "z", "f", "g"]);
    }
}
