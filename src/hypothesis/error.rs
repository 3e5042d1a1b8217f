//! What can be wrong with a hypothesis, with the place in its text.

use crate::expr::Span;

/// An error in a hypothesis.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct HypothesisError {
    /// Which of the hypotheses, from 0.
    pub position: usize,
    /// Bytes of its text.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What could have stood there.
    pub expected: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl HypothesisError {
    /// An error of a place.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        HypothesisError { position: 0, span, message: message.into(), expected: None, hint: None }
    }

    /// With what could have stood there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// With the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As an error of another hypothesis.
    #[must_use]
    pub fn of(mut self, position: usize) -> Self {
        self.position = position;
        self
    }
}
