//! A report without a format: captions, tables of cells and lines of text, which every renderer lays out its own way.
//!
//! Text between backticks is a literal; a renderer sets it in its fixed-width face.

/// What a cell holds, which decides how it is aligned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words, e.g. `Yes`.
    Text(String),
    /// A rounded number, aligned at its decimal point, with significance stars if asked for.
    Number {
        /// The number.
        text: String,
        /// Stars after it, empty by default.
        stars: String,
    },
    /// A standard error, shown in parentheses.
    Error(String),
    /// Ends of an interval, shown in brackets.
    Interval(String, String),
}

impl Cell {
    /// A number without stars.
    pub fn number(text: impl Into<String>) -> Self {
        Cell::Number { text: text.into(), stars: String::new() }
    }

    /// The characters of the cell, parentheses and stars included.
    pub fn plain(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number { text, stars } => format!("{text}{stars}"),
            Cell::Error(text) => format!("({text})"),
            Cell::Interval(low, high) => format!("[{low}, {high}]"),
        }
    }
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the line is about.
    pub stub: String,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A line of cells.
    pub fn new(stub: impl Into<String>, cells: Vec<Cell>) -> Self {
        Row { stub: stub.into(), cells }
    }

    /// A line with a title that runs across all columns.
    pub fn title(text: impl Into<String>) -> Self {
        Row { stub: text.into(), cells: Vec::new() }
    }

    /// Whether the line is a title across all columns.
    pub fn is_title(&self) -> bool {
        self.cells.is_empty()
    }
}

/// A table: header lines, sections of rows set off from each other, notes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grid {
    /// What the table shows.
    pub caption: String,
    /// Heading of the first column.
    pub corner: String,
    /// Header lines, one text per column each.
    pub header: Vec<Vec<String>>,
    /// Sections of rows; renderers separate them.
    pub sections: Vec<Vec<Row>>,
    /// Notes under the table.
    pub notes: Vec<String>,
}

impl Grid {
    /// Number of columns beside the first.
    pub fn n_columns(&self) -> usize {
        self.header.first().map_or(0, Vec::len)
    }

    /// Whether a column holds words only; it is then aligned at its left edge.
    pub fn holds_words(&self, column: usize) -> bool {
        let mut cells = self.sections.iter().flatten().filter_map(|row| row.cells.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| matches!(cell, Cell::Empty | Cell::Text(_)))
    }
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A section heading.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// A table.
    Grid(Grid),
    /// A list of lines under a short heading.
    Lines {
        /// What the lines are about.
        heading: String,
        /// The lines.
        lines: Vec<String>,
    },
}

/// A report: notices that every reader must see first, then its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Title; empty for none.
    pub title: String,
    /// What must be seen first, e.g. that the data are simulated.
    pub notices: Vec<String>,
    /// The parts in order.
    pub blocks: Vec<Block>,
}

/// A piece of running text.
#[derive(Debug, PartialEq, Eq)]
pub enum Inline<'a> {
    /// Ordinary text.
    Plain(&'a str),
    /// A literal, which stood between backticks.
    Literal(&'a str),
}

/// Splits text at its backticks; an unmatched backtick stays a character.
pub fn inlines(text: &str) -> Vec<Inline<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((literal, remainder)) = after.split_once('`') else { break };
        if !before.is_empty() {
            pieces.push(Inline::Plain(before));
        }
        pieces.push(Inline::Literal(literal));
        rest = remainder;
    }
    if !rest.is_empty() {
        pieces.push(Inline::Plain(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_stand_between_backticks() {
        assert_eq!(
            inlines("by `user` and `a"),
            [Inline::Plain("by "), Inline::Literal("user"), Inline::Plain(" and `a")]
        );
    }
}
