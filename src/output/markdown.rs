//! Documents as GitHub-flavoured Markdown; every table stays readable as source.

use super::document::{Block, Cell, Document, Grid, Inline, inlines};

/// The document as Markdown.
pub fn render(document: &Document) -> String {
    let mut parts = Vec::new();
    if !document.title.is_empty() {
        parts.push(format!("# {}", running(&document.title)));
    }
    parts.extend(document.notices.iter().map(|notice| format!("> {}", running(notice))));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("## {}", running(text)),
        Block::Paragraph(text) => running(text),
        Block::Grid(grid) => table(grid),
        Block::Lines { heading, lines } => format!("**{}**\n\n{}", running(heading), list(lines)),
    }));
    parts.join("\n\n") + "\n"
}

/// A table in pipes, with its caption before and its notes after it.
pub fn table(grid: &Grid) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    // Markdown knows one header line: further ones become the first rows
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { grid.corner.as_str() } else { "" };
        rows.push(std::iter::once(corner).chain(header.iter().map(String::as_str)).map(cell_text).collect());
    }
    let n_columns = grid.n_columns() + 1;
    rows.extend(grid.sections.iter().flatten().map(|row| {
        let stub = if row.is_title() { format!("**{}**", cell_text(&row.stub)) } else { cell_text(&row.stub) };
        let cells = row.cells.iter().map(Cell::plain).map(|text| cell_text(&text));
        std::iter::once(stub).chain(cells.chain(std::iter::repeat(String::new()))).take(n_columns).collect()
    }));
    let widths: Vec<usize> = (0..n_columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3))
        .collect();
    let left: Vec<bool> = (0..n_columns).map(|column| column == 0 || grid.holds_words(column - 1)).collect();
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths, &left)).collect();
    let rule: Vec<String> = widths
        .iter()
        .zip(&left)
        .map(|(width, left)| if *left { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) })
        .collect();
    lines.insert(1, line(&rule, &widths, &left));
    let mut parts = vec![format!("**{}**", running(&grid.caption)), lines.join("\n")];
    if grid.caption.is_empty() {
        parts.remove(0);
    }
    if !grid.notes.is_empty() {
        parts.push(list(&grid.notes));
    }
    parts.join("\n\n")
}

fn line(cells: &[String], widths: &[usize], left: &[bool]) -> String {
    let padded = cells.iter().zip(widths).zip(left).map(|((cell, width), left)| {
        let space = " ".repeat(width.saturating_sub(cell.chars().count()));
        if *left { format!(" {cell}{space} |") } else { format!(" {space}{cell} |") }
    });
    format!("|{}", padded.collect::<String>())
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {}", running(line))).collect::<Vec<_>>().join("\n")
}

/// Running text: literals stay literals, everything else is escaped.
fn running(text: &str) -> String {
    inlines(text)
        .iter()
        .map(|piece| match piece {
            Inline::Plain(plain) => escaped(plain),
            Inline::Literal(literal) => format!("`{literal}`"),
        })
        .collect()
}

/// Text of a table cell, in which a pipe would end the cell even inside a literal.
fn cell_text(text: &str) -> String {
    running(text).replace('|', "\\|").replace('\n', " ")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (position, c) in text.char_indices() {
        let opens_word = c == '_' && !text[..position].ends_with(char::is_alphanumeric);
        if matches!(c, '*' | '\\' | '<' | '~' | '`') || opens_word {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::document::Row;
    use super::*;

    #[test]
    fn marks_of_the_language_are_escaped() {
        assert_eq!(running("a_b * `x*y` <1 ~ _c"), "a_b \\* `x*y` \\<1 \\~ \\_c");
        assert_eq!(cell_text("`a | b`"), "`a \\| b`");
    }

    #[test]
    fn a_table_has_one_header_line_and_right_aligned_numbers() {
        let grid = Grid {
            caption: String::from("T"),
            corner: String::from("term"),
            header: vec![vec![String::from("(1)")], vec![String::from("y")]],
            sections: vec![vec![Row::new("x", vec![Cell::number("0.1000")])]],
            notes: vec![String::from("note")],
        };
        assert_eq!(
            table(&grid),
            "**T**\n\n| term |    (1) |\n| ---- | -----: |\n|      |      y |\n| x    | 0.1000 |\n\n- note"
        );
    }
}
