//! Failures as people read them: what, where (with a caret), and the way out.

use super::exit;
use crate::pipeline::RunError;
use crate::result::Flow;
use crate::spec::{SourceError, SpecError};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A failure ready to print.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// What is wrong.
    pub message: String,
    /// The text it is about.
    pub source: Option<Box<SourceError>>,
    /// Where the rows went.
    pub flow: Option<Box<Flow>>,
    /// The way out.
    pub hint: Option<String>,
    /// The name of a column that does not exist, whose place in the formula is still to be found.
    pub unknown_name: Option<String>,
}

impl Failure {
    /// A failure of usage or input.
    pub fn input(message: impl std::fmt::Display, hint: Option<String>) -> Self {
        Failure { code: exit::INPUT, message: message.to_string(), source: None, flow: None, hint, unknown_name: None }
    }

    /// The text for the terminal, with the last line ended.
    pub fn render(&self, ansi: bool) -> String {
        let renderer = if ansi { Renderer::styled() } else { Renderer::plain() };
        let mut out = match &self.source {
            Some(source) => {
                let label = source.expected.as_ref().map(|expected| format!("expected {expected}"));
                let end = source.text.len();
                let span = source.span.start.min(end)..source.span.end.clamp(source.span.start.min(end), end);
                let mut annotation = AnnotationKind::Primary.span(span);
                if let Some(label) = &label {
                    annotation = annotation.label(label.as_str());
                }
                let snippet = Snippet::source(source.text.as_str()).path(source.origin.as_str()).annotation(annotation);
                let group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
                format!("{}\n", renderer.render(&[group]))
            }
            None => format!("{}error:{} {}\n", bold_red(ansi), reset(ansi), self.message),
        };
        if let Some(flow) = &self.flow {
            out += &format!("  rows read: {}\n", flow.rows_read);
            for step in &flow.dropped {
                out += &format!("  {}: -{}\n", step.reason, step.rows);
            }
            out += &format!("  rows left: {}\n", flow.rows_used);
        }
        if let Some(hint) = &self.hint {
            out += &format!("hint: {hint}\n");
        }
        out
    }
}

fn bold_red(ansi: bool) -> &'static str {
    if ansi { "\u{1b}[1;31m" } else { "" }
}

fn reset(ansi: bool) -> &'static str {
    if ansi { "\u{1b}[0m" } else { "" }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        match error {
            SpecError::Source(source) => Failure {
                code: exit::INPUT,
                message: source.message.clone(),
                hint: source.hint.clone(),
                source: Some(source),
                flow: None,
                unknown_name: None,
            },
            SpecError::Plain { message, hint } => Failure::input(message, Some(hint)),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        use crate::model::ModelError;
        let code = if error.is_input() { exit::INPUT } else { exit::ESTIMATION };
        let (source, flow) = match &error {
            RunError::Model { source_text, error, .. } => {
                let flow = match &**error {
                    ModelError::NoRows { flow, .. } => Some(Box::new(flow.clone())),
                    _ => None,
                };
                (source_text.clone(), flow)
            }
            RunError::Fit { .. } | RunError::Cells { .. } | RunError::Explain { .. } => (None, None),
        };
        Failure { code, message: error.to_string(), source, flow, hint: error.hint(), unknown_name: None }
    }
}

impl From<crate::output::write::WriteError> for Failure {
    fn from(error: crate::output::write::WriteError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let hint = match error {
            crate::output::write::WriteError::IsFolder { .. } => "name a file in it",
            _ => "choose a folder that exists and may be written to",
        };
        Failure::input(format!("{error}{cause}"), Some(hint.to_owned()))
    }
}
