//! What can be wrong with a figure file or between it and a table.

use crate::expr::ExprError;
use crate::model::ModelError;

/// A figure that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// A text that is no expression.
    #[error("{place} of figure `{figure}`: {error}")]
    Expression {
        /// Figure.
        figure: String,
        /// Key of the file.
        place: String,
        /// The text.
        text: String,
        /// What is wrong with it.
        error: Box<ExprError>,
    },
    /// Keys that do not go together.
    #[error("panel `{panel}` of figure `{figure}`: {message}")]
    Panel {
        /// Figure.
        figure: String,
        /// Panel.
        panel: String,
        /// What is wrong.
        message: String,
    },
    /// The table does not fit.
    #[error("figure `{figure}`: {error}")]
    Table {
        /// Figure.
        figure: String,
        /// What is wrong.
        error: Box<ModelError>,
    },
}

impl ChartError {
    /// The way out, if it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            ChartError::Expression { error, .. } => error.hint(),
            ChartError::Panel { .. } => Some(String::from("docs/figures.md lists the keys and what goes together")),
            ChartError::Table { error, .. } => match &**error {
                ModelError::MissingCluster { .. } => {
                    Some(String::from("leave these rows out in the file, or name another `user` in the figure file"))
                }
                other => other.hint(),
            },
        }
    }
}
