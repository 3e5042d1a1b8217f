//! What can be wrong with an expression, with the place in its text.

use std::ops::Range;

use thiserror::Error;

/// Bytes of the source text.
pub type Span = Range<usize>;

/// An error in an expression. [`ExprError::span`] says where, [`ExprError::hint`] the way out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExprError {
    /// A character that belongs to no token.
    #[error("unexpected character `{found}`")]
    BadCharacter {
        /// Where.
        span: Span,
        /// Which.
        found: char,
    },
    /// A quote that is never closed.
    #[error("the {what} that starts here is never closed")]
    Unclosed {
        /// Where it opens.
        span: Span,
        /// `text`, `name`, `parenthesis` or `list`.
        what: &'static str,
        /// The closing character.
        close: char,
    },
    /// Digits that form no number.
    #[error("`{text}` is not a number")]
    BadNumber {
        /// Where.
        span: Span,
        /// As written.
        text: String,
    },
    /// A token at a place where another was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        span: Span,
        /// What stands there.
        found: String,
        /// What could have stood there.
        expected: &'static str,
        /// The way out, if it is known.
        hint: Option<String>,
    },
    /// Nesting beyond the limit.
    #[error("the expression has more than {limit} nested levels or operators")]
    TooDeep {
        /// Where the limit was passed.
        span: Span,
        /// The limit.
        limit: usize,
    },
    /// A function that does not exist.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// Where.
        span: Span,
        /// As written.
        name: String,
        /// The nearest function.
        nearest: Option<&'static str>,
    },
    /// The wrong number of arguments.
    #[error("`{function}` takes {expected}, found {found}")]
    WrongArguments {
        /// Where.
        span: Span,
        /// Which function.
        function: &'static str,
        /// How many it takes.
        expected: &'static str,
        /// How many were given.
        found: usize,
    },
    /// A column the table does not have.
    #[error("there is no column `{name}`")]
    UnknownColumn {
        /// Where.
        span: Span,
        /// As written.
        name: String,
        /// Nearest columns, best first.
        nearest: Vec<String>,
    },
    /// A text that is not a level of the factor it is compared with.
    #[error("{value} is not a level of `{column}`")]
    UnknownLevel {
        /// Where.
        span: Span,
        /// The factor.
        column: String,
        /// The literal as written.
        value: String,
        /// The nearest level.
        nearest: Option<String>,
        /// All levels.
        accepted: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("{context} needs {expected}, found {found}")]
    WrongType {
        /// Where the value comes from.
        span: Span,
        /// What it was used for.
        context: String,
        /// What is needed.
        expected: &'static str,
        /// What it is.
        found: String,
        /// The way out, if it is known.
        hint: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{message}")]
    BadValue {
        /// Where.
        span: Span,
        /// What is wrong.
        message: String,
        /// The way out, if it is known.
        hint: Option<String>,
    },
}

impl ExprError {
    /// Bytes of the source text the error is about.
    pub fn span(&self) -> Span {
        match self {
            ExprError::BadCharacter { span, .. }
            | ExprError::Unclosed { span, .. }
            | ExprError::BadNumber { span, .. }
            | ExprError::Unexpected { span, .. }
            | ExprError::TooDeep { span, .. }
            | ExprError::UnknownFunction { span, .. }
            | ExprError::WrongArguments { span, .. }
            | ExprError::UnknownColumn { span, .. }
            | ExprError::UnknownLevel { span, .. }
            | ExprError::WrongType { span, .. }
            | ExprError::BadValue { span, .. } => span.clone(),
        }
    }

    /// What could have stood there, for the label under the caret.
    pub fn expected(&self) -> Option<&str> {
        match self {
            ExprError::Unexpected { expected, .. }
            | ExprError::WrongArguments { expected, .. }
            | ExprError::WrongType { expected, .. } => Some(expected),
            _ => None,
        }
    }

    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            ExprError::Unclosed { close, .. } => Some(format!("close it with `{close}`")),
            ExprError::BadNumber { text, .. } => {
                let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
                let (number, name) = text.split_at(digits);
                Some(match number.parse::<f64>() {
                    Ok(_) => format!("multiply with `{number} * {name}`, or write the name as `` `{text}` ``"),
                    Err(_) => String::from("numbers look like `1500`, `0.5`, `1e-3`"),
                })
            }
            ExprError::Unexpected { hint, .. }
            | ExprError::WrongType { hint, .. }
            | ExprError::BadValue { hint, .. } => hint.clone(),
            ExprError::TooDeep { .. } => {
                Some(String::from("use a list such as `x in [\"a\", \"b\"]` for long alternatives"))
            }
            ExprError::UnknownFunction { nearest, .. } => {
                Some(nearest.map_or_else(super::Function::list, |name| format!("did you mean `{name}`?")))
            }
            ExprError::UnknownColumn { nearest, .. } => did_you_mean(nearest),
            ExprError::UnknownLevel { nearest, accepted, .. } => Some(level_hint(nearest.as_deref(), accepted)),
            ExprError::BadCharacter { .. } | ExprError::WrongArguments { .. } => None,
        }
    }

    /// The same error with its place moved by `offset` bytes, for an expression inside a larger text.
    pub fn shifted(mut self, offset: usize) -> Self {
        match &mut self {
            ExprError::BadCharacter { span, .. }
            | ExprError::Unclosed { span, .. }
            | ExprError::BadNumber { span, .. }
            | ExprError::Unexpected { span, .. }
            | ExprError::TooDeep { span, .. }
            | ExprError::UnknownFunction { span, .. }
            | ExprError::WrongArguments { span, .. }
            | ExprError::UnknownColumn { span, .. }
            | ExprError::UnknownLevel { span, .. }
            | ExprError::WrongType { span, .. }
            | ExprError::BadValue { span, .. } => {
                *span = span.start + offset..span.end + offset;
            }
        }
        self
    }
}

/// `did you mean` with one or several names, nothing without any.
fn did_you_mean(nearest: &[String]) -> Option<String> {
    let quoted: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

/// The nearest level and the list of all, cut if it is long.
fn level_hint(nearest: Option<&str>, accepted: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut list: Vec<String> = accepted.iter().take(SHOWN).map(|level| format!("`{level}`")).collect();
    if accepted.len() > SHOWN {
        list.push(format!("and {} more", accepted.len() - SHOWN));
    }
    let levels = if list.is_empty() { String::from("it has no level") } else { format!("levels: {}", list.join(", ")) };
    match nearest {
        Some(name) => format!("did you mean `{name}`? ({levels})"),
        None => levels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_nearest_and_cut_long_lists() {
        let accepted: Vec<String> = (0..40).map(|i| format!("l{i}")).collect();
        let hint = level_hint(Some("l1"), &accepted);
        assert!(hint.starts_with("did you mean `l1`?") && hint.ends_with("and 10 more)"), "{hint}");
        assert_eq!(did_you_mean(&[]), None);
    }

    #[test]
    fn shifting_moves_the_place() {
        let error = ExprError::BadCharacter { span: 2..3, found: '?' };
        assert_eq!(error.shifted(10).span(), 12..13);
    }
}
