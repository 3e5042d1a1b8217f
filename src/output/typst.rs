//! Documents as Typst, to `#include` in a paper.

use super::document::{Block, Cell, Document, Grid, Inline, inlines};
use super::latex::sentence;

/// The document as Typst markup; the first table has the label, if there is one.
pub fn render(document: &Document, label: &str) -> String {
    let mut label = label;
    let mut parts = Vec::new();
    if !document.title.is_empty() {
        parts.push(format!("= {}", running(&document.title)));
    }
    parts.extend(document.notices.iter().map(|notice| format!("#emph[{}]", running(notice))));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("== {}", running(text)),
        Block::Paragraph(text) => running(text),
        Block::Grid(grid) => table(grid, std::mem::take(&mut label)),
        Block::Lines { heading, lines } => {
            let items: Vec<String> = lines.iter().map(|line| format!("- {}", running(line))).collect();
            format!("*{}*\n{}", running(heading), items.join("\n"))
        }
    }));
    parts.join("\n\n") + "\n"
}

/// A figure with a table and its notes beneath.
pub fn table(grid: &Grid, label: &str) -> String {
    let n_columns = grid.n_columns() + 1;
    let align: Vec<&str> =
        (0..grid.n_columns()).map(|at| if grid.holds_words(at) { "left" } else { "right" }).collect();
    let mut lines = vec![
        String::from("#figure("),
        String::from("  kind: table,"),
        String::from("  [#table("),
        format!("    columns: {n_columns},"),
        format!("    align: (left, {}),", align.join(", ")),
        String::from("    stroke: none,"),
        String::from("    inset: (x: 0.5em, y: 0.25em),"),
        String::from("    table.hline(stroke: 0.08em),"),
        String::from("    table.header("),
    ];
    if align.is_empty() {
        lines[4] = String::from("    align: (left,),");
    }
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { running(&grid.corner) } else { String::new() };
        let cells = header.iter().map(|text| running(text));
        lines.push(format!("      {}", row(std::iter::once(corner).chain(cells))));
    }
    lines.push(String::from("    ),"));
    for rows in &grid.sections {
        lines.push(String::from("    table.hline(stroke: 0.05em),"));
        lines.extend(rows.iter().map(|entry| match entry.is_title() {
            true => format!("    table.cell(colspan: {n_columns}, emph[{}]),", running(&entry.stub)),
            false => {
                let cells = entry.cells.iter().map(cell);
                format!("    {}", row(std::iter::once(running(&entry.stub)).chain(cells)))
            }
        }));
    }
    lines.push(String::from("    table.hline(stroke: 0.08em),"));
    lines.push(String::from("  )"));
    if !grid.notes.is_empty() {
        let notes: Vec<String> = grid.notes.iter().map(|note| running(&sentence(note))).collect();
        lines.push(format!("  #align(left, text(size: 0.8em)[_Notes:_ {}])", notes.join(" ")));
    }
    lines.push(String::from("  ],"));
    if !grid.caption.is_empty() {
        lines.push(format!("  caption: figure.caption(position: top)[{}],", running(&grid.caption)));
    }
    lines.push(if label.is_empty() { String::from(")") } else { format!(") <{label}>") });
    lines.join("\n")
}

fn row(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| format!("[{cell}],")).collect::<Vec<_>>().join(" ")
}

/// A cell; stars and parentheses take no room, so that they do not move the digits.
fn cell(cell: &Cell) -> String {
    // the semicolon ends the expression: what follows is text again
    let hanging = |text: &str| format!("#box(width: 0pt, align(left)[{text}]);");
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => running(text),
        Cell::Number { text, stars } if stars.is_empty() => number(text),
        Cell::Number { text, stars } => {
            let marks = format!("#super[{}];", escaped(stars));
            format!("{}{}", number(text), hanging(&marks))
        }
        Cell::Error(text) => format!("({}{}", number(text), hanging(")")),
        Cell::Interval(low, high) => format!("\\[{}, {}{}", number(low), number(high), hanging("\\]")),
    }
}

/// A number with a true minus sign.
fn number(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(size) => format!("\u{2212}{}", escaped(size)),
        None => escaped(text),
    }
}

fn running(text: &str) -> String {
    inlines(text)
        .iter()
        .map(|piece| match piece {
            Inline::Plain(plain) => escaped(plain),
            Inline::Literal(literal) => format!("#raw(\"{}\");", literal.replace('\\', "\\\\").replace('"', "\\\"")),
        })
        .collect()
}

/// Text in which no character means markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (position, c) in text.char_indices() {
        let starts = position == 0 && matches!(c, '=' | '-' | '+' | '/');
        // two of these in a row are a comment or a dash
        let repeats = matches!(c, '/' | '-') && text[..position].ends_with(c);
        if starts
            || repeats
            || matches!(c, '\\' | '*' | '_' | '`' | '#' | '$' | '<' | '>' | '@' | '[' | ']' | '~' | '"' | '\'')
        {
            escaped.push('\\');
        }
        escaped.push(if c == '\n' { ' ' } else { c });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::document::Row;
    use super::*;

    #[test]
    fn marks_of_the_language_are_escaped() {
        assert_eq!(
            running("a_b * `x\"y` #1 $2 @c // - = <d> [e] ~"),
            "a\\_b \\* #raw(\"x\\\"y\"); \\#1 \\$2 \\@c /\\/ - = \\<d\\> \\[e\\] \\~"
        );
        assert_eq!(escaped("- x"), "\\- x");
    }

    #[test]
    fn a_table_has_rules_notes_and_a_label() {
        let grid = Grid {
            caption: String::from("T"),
            header: vec![vec![String::from("(1)")]],
            sections: vec![vec![
                Row::title("Panel A"),
                Row::new("x", vec![Cell::Number { text: String::from("-0.1"), stars: String::from("*") }]),
                Row::new("", vec![Cell::Interval(String::from("-0.3"), String::from("0.1"))]),
            ]],
            notes: vec![String::from("note")],
            ..Grid::default()
        };
        let text = table(&grid, "tab:x");
        for wanted in [
            "table.cell(colspan: 2, emph[Panel A])",
            "[x], [\u{2212}0.1#box(width: 0pt, align(left)[#super[\\*];]);],",
            "[], [\\[\u{2212}0.3, 0.1#box(width: 0pt, align(left)[\\]]);],",
            ") <tab:x>",
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
    }
}
