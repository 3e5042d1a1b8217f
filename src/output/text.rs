//! Documents as aligned plain text for a terminal or a log; colours only where asked for.

use super::document::{Block, Cell, Document, Grid};

/// Space between columns.
const GAP: &str = "  ";

/// The document as text with lines of at most `width` characters where tables allow it.
pub fn render(document: &Document, width: usize, ansi: bool) -> String {
    let style = Style { width: width.max(40), ansi };
    let mut parts = Vec::new();
    if !document.title.is_empty() {
        parts.push(style.bold(&document.title));
    }
    parts.extend(document.notices.iter().map(|notice| wrapped(notice, style.width, "")));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => style.bold(text),
        Block::Paragraph(text) => wrapped(text, style.width, ""),
        Block::Grid(grid) => table(grid, &style),
        Block::Lines { heading, lines } => {
            let lines: Vec<String> =
                lines.iter().map(|line| format!("  {}", wrapped(line, style.width - 2, "    "))).collect();
            format!("{}\n{}", style.bold(heading), lines.join("\n"))
        }
    }));
    parts.join("\n\n") + "\n"
}

/// Characters of the widest line of the document's tables.
pub fn widest_table(document: &Document) -> usize {
    let grids = document.blocks.iter().filter_map(|block| match block {
        Block::Grid(grid) => Some(Layout::of(grid).total()),
        _ => None,
    });
    grids.max().unwrap_or(0)
}

struct Style {
    width: usize,
    ansi: bool,
}

impl Style {
    fn bold(&self, text: &str) -> String {
        if self.ansi { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        if self.ansi { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A number cut at its decimal point: what stands before it, from it on, and the mark after the digits.
struct Parts {
    before: String,
    after: String,
    mark: String,
}

impl Parts {
    /// The parts of a number with a decimal point; other cells are aligned at their last character.
    fn of(cell: &Cell) -> Option<Self> {
        let (open, text, mark) = match cell {
            Cell::Empty | Cell::Text(_) | Cell::Interval(..) => return None,
            Cell::Number { text, stars } => ("", text, stars.as_str()),
            Cell::Error(text) => ("(", text, ")"),
        };
        let point = text.find('.')?;
        Some(Parts {
            before: format!("{open}{}", &text[..point]),
            after: text[point..].to_owned(),
            mark: mark.to_owned(),
        })
    }
}

/// Widths of one column: before the decimal point, from it on, and of the marks after the digits.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    before: usize,
    after: usize,
    mark: usize,
    total: usize,
    words: bool,
}

impl Column {
    /// A text at the edge that the column is aligned at.
    fn aligned(self, text: &str) -> String {
        if self.words { pad_right(text, self.total) } else { pad_left(text, self.total) }
    }
}

/// Widths of a table's columns.
struct Layout {
    stub: usize,
    columns: Vec<Column>,
}

impl Layout {
    fn of(grid: &Grid) -> Self {
        let mut layout =
            Layout { stub: display_width(&grid.corner), columns: vec![Column::default(); grid.n_columns()] };
        let rows = || grid.sections.iter().flatten();
        for row in rows().filter(|row| !row.is_title()) {
            layout.stub = layout.stub.max(display_width(&row.stub));
            for (column, parts) in layout.columns.iter_mut().zip(row.cells.iter().map(Parts::of)) {
                if let Some(parts) = parts {
                    column.before = column.before.max(display_width(&parts.before));
                    column.after = column.after.max(display_width(&parts.after));
                    column.mark = column.mark.max(display_width(&parts.mark));
                }
            }
        }
        for column in &mut layout.columns {
            column.total = column.before + column.after + column.mark;
        }
        // words and whole numbers end where the digits end
        for row in rows() {
            for (column, cell) in
                layout.columns.iter_mut().zip(&row.cells).filter(|(_, cell)| Parts::of(cell).is_none())
            {
                column.total = column.total.max(display_width(&cell.plain()) + column.mark);
            }
        }
        for (position, column) in layout.columns.iter_mut().enumerate() {
            column.words = grid.holds_words(position);
        }
        for (column, text) in grid.header.iter().flat_map(|line| line.iter().enumerate()) {
            layout.columns[column].total = layout.columns[column].total.max(display_width(text));
        }
        layout
    }

    fn total(&self) -> usize {
        self.stub + self.columns.iter().map(|column| GAP.len() + column.total).sum::<usize>()
    }

    /// A cell padded to its column: numbers stand under each other's decimal point.
    fn cell(&self, column: usize, cell: &Cell) -> String {
        let column = self.columns[column];
        match Parts::of(cell) {
            Some(parts) => {
                let tail = pad_right(&format!("{}{}", parts.after, parts.mark), column.after + column.mark);
                pad_left(&format!("{}{tail}", parts.before), column.total)
            }
            None => column.aligned(&format!("{}{}", cell.plain(), " ".repeat(column.mark))),
        }
    }
}

fn table(grid: &Grid, style: &Style) -> String {
    let layout = Layout::of(grid);
    let rule = "─".repeat(layout.total());
    let mut lines = vec![style.bold(&wrapped(&grid.caption, style.width, "")), rule.clone()];
    if grid.caption.is_empty() {
        lines.remove(0);
    }
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { grid.corner.as_str() } else { "" };
        let cells = header.iter().enumerate().map(|(column, text)| layout.columns[column].aligned(text));
        lines.push(joined(pad_right(corner, layout.stub), cells));
    }
    for rows in &grid.sections {
        lines.push(rule.clone());
        for row in rows {
            if row.is_title() {
                lines.push(style.bold(&row.stub));
                continue;
            }
            let cells = row.cells.iter().enumerate().map(|(column, cell)| layout.cell(column, cell));
            lines.push(joined(pad_right(&row.stub, layout.stub), cells));
        }
    }
    lines.push(rule);
    let notes = grid.notes.iter().map(|note| style.dim(&wrapped(note, style.width, "  ")));
    lines.extend(notes);
    lines.join("\n")
}

fn joined(stub: String, cells: impl Iterator<Item = String>) -> String {
    let mut line = stub;
    for cell in cells {
        line.push_str(GAP);
        line.push_str(&cell);
    }
    line.trim_end().to_owned()
}

fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(display_width(text))))
}

fn pad_right(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

/// Columns a terminal gives the text: two for wide East Asian characters, none for combining marks.
fn display_width(text: &str) -> usize {
    let wide = |c: u32| {
        matches!(c, 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
            | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
    };
    let combining = |c: u32| matches!(c, 0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f);
    text.chars().map(u32::from).map(|c| if wide(c) { 2 } else { usize::from(!combining(c)) }).sum()
}

/// Breaks text at spaces into lines of at most `width`; later lines are indented.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.trim().is_empty() {
            line.push_str(word);
        } else if display_width(line) + 1 + display_width(word) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::document::Row;
    use super::*;

    fn grid(cells: Vec<Cell>) -> Grid {
        Grid {
            caption: String::from("caption"),
            header: vec![vec![String::from("(1)")]],
            sections: vec![cells.into_iter().map(|cell| Row::new("row", vec![cell])).collect()],
            ..Grid::default()
        }
    }

    #[test]
    fn numbers_stand_under_their_decimal_point() {
        let grid = grid(vec![
            Cell::Number { text: String::from("0.0426"), stars: String::from("***") },
            Cell::Error(String::from("0.0008")),
            Cell::number("359,586"),
            Cell::Text(String::from("Yes")),
        ]);
        let text = table(&grid, &Style { width: 80, ansi: false });
        let rows: Vec<&str> = text.lines().skip(4).take(4).collect();
        assert_eq!(rows, ["row   0.0426***", "row  (0.0008)", "row  359,586", "row      Yes"], "{text}");
    }

    #[test]
    fn long_notes_are_wrapped_and_wide_letters_counted() {
        assert_eq!(wrapped("aa bb cc", 5, "  "), "aa bb\n  cc");
        assert_eq!(display_width("专家"), 4);
    }

    #[test]
    fn colours_only_where_asked_for() {
        let document = Document { title: String::from("t"), ..Document::default() };
        assert!(!render(&document, 80, false).contains('\u{1b}'));
        assert!(render(&document, 80, true).contains("\u{1b}[1mt"));
    }
}
