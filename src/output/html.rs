//! Documents as one HTML page that needs no other file, readable on light and dark screens and on paper.

use super::document::{Block, Cell, Document, Grid, Inline, inlines};

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #5c5c5c; --paper: #fff; --line: #bbb; --note: #f4f1e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #a6a6a6; --paper: #16181b; --line: #4a4d52; --note: #26241c; }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
.notice { background: var(--note); border-left: 4px solid #d55e00; padding: .5rem .8rem; }
.wide { overflow-x: auto; margin: 2rem 0; }
table { border-collapse: collapse; border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink);
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .12rem .9rem .12rem 0; text-align: right; white-space: nowrap; font-weight: 400; }
th[scope=row], .corner { text-align: left; padding-right: 1.6rem; }
thead th { font-weight: 600; }
.words { text-align: left; }
tbody { border-top: 1px solid var(--line); }
th.panel { text-align: left; font-style: italic; padding-top: .4rem; }
td.error { padding-right: .56rem; color: var(--soft); }
td sup { position: absolute; }
.notes { color: var(--soft); font-size: .85rem; max-width: 60rem; margin: .5rem 0 0; padding: 0; list-style: none; }
code { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: .92em; }
@media print { body { margin: 0; max-width: none; } .wide { break-inside: avoid; } }
";

/// The document as a page.
pub fn render(document: &Document) -> String {
    let title = if document.title.is_empty() { "Metier" } else { &document.title };
    let mut parts = vec![
        String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"),
        String::from("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"),
        format!("<title>{}</title>", escaped(title)),
        format!("<style>\n{STYLE}</style>\n</head>\n<body>"),
    ];
    parts.push(body(document));
    parts.push(String::from("</body>\n</html>"));
    parts.join("\n") + "\n"
}

/// The document's content without the page around it.
pub fn body(document: &Document) -> String {
    let mut parts = Vec::new();
    if !document.title.is_empty() {
        parts.push(format!("<h1>{}</h1>", running(&document.title)));
    }
    parts.extend(document.notices.iter().map(|notice| format!("<p class=\"notice\">{}</p>", running(notice))));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("<h2>{}</h2>", running(text)),
        Block::Paragraph(text) => format!("<p>{}</p>", running(text)),
        Block::Grid(grid) => table(grid),
        Block::Lines { heading, lines } => {
            let items: Vec<String> = lines.iter().map(|line| format!("<li>{}</li>", running(line))).collect();
            format!("<h3>{}</h3>\n<ul>\n{}\n</ul>", running(heading), items.join("\n"))
        }
    }));
    parts.join("\n")
}

/// A table in a box that scrolls sideways, with its notes beneath.
pub fn table(grid: &Grid) -> String {
    let caption = match grid.caption.as_str() {
        "" => String::new(),
        caption => format!("<caption>{}</caption>\n", running(caption)),
    };
    let mut lines = vec![format!("<div class=\"wide\">\n<table>\n{caption}<thead>")];
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { running(&grid.corner) } else { String::new() };
        let cells: String = header
            .iter()
            .enumerate()
            .map(|(column, text)| format!("<th scope=\"col\"{}>{}</th>", words(grid, column), running(text)))
            .collect();
        lines.push(format!("<tr><td class=\"corner\">{corner}</td>{cells}</tr>"));
    }
    lines.push(String::from("</thead>"));
    for rows in &grid.sections {
        lines.push(String::from("<tbody>"));
        for row in rows {
            if row.is_title() {
                let span = grid.n_columns() + 1;
                let title = running(&row.stub);
                lines.push(format!("<tr><th class=\"panel\" scope=\"rowgroup\" colspan=\"{span}\">{title}</th></tr>"));
                continue;
            }
            let cells: String = row.cells.iter().enumerate().map(|(at, value)| cell(value, words(grid, at))).collect();
            lines.push(format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", running(&row.stub)));
        }
        lines.push(String::from("</tbody>"));
    }
    lines.push(String::from("</table>"));
    if !grid.notes.is_empty() {
        let notes: String = grid.notes.iter().map(|note| format!("<li>{}</li>\n", running(note))).collect();
        lines.push(format!("<ul class=\"notes\">\n{notes}</ul>"));
    }
    lines.push(String::from("</div>"));
    lines.join("\n")
}

/// Attribute of the cells of a column of words.
fn words(grid: &Grid, column: usize) -> &'static str {
    if grid.holds_words(column) { " class=\"words\"" } else { "" }
}

fn cell(cell: &Cell, words: &str) -> String {
    match cell {
        Cell::Empty => String::from("<td></td>"),
        Cell::Text(text) => format!("<td{words}>{}</td>", running(text)),
        Cell::Number { text, stars } if stars.is_empty() => format!("<td>{}</td>", number(text)),
        Cell::Number { text, stars } => format!("<td>{}<sup>{stars}</sup></td>", number(text)),
        Cell::Error(text) => format!("<td class=\"error\">({})</td>", number(text)),
        Cell::Interval(low, high) => format!("<td class=\"error\">[{}, {}]</td>", number(low), number(high)),
    }
}

/// A number with a true minus sign.
fn number(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(size) => format!("\u{2212}{}", escaped(size)),
        None => escaped(text),
    }
}

/// Running text with its literals, and nothing else that means markup.
pub fn running(text: &str) -> String {
    inlines(text)
        .iter()
        .map(|piece| match piece {
            Inline::Plain(plain) => escaped(plain),
            Inline::Literal(literal) => format!("<code>{}</code>", escaped(literal)),
        })
        .collect()
}

/// Text in which no character means markup; also safe inside SVG and attribute values.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML 1.0 has no place for other control characters
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(running("<b> & `\"x\"`"), "&lt;b&gt; &amp; <code>&quot;x&quot;</code>");
        assert_eq!(escaped("a\u{0}b"), "a\u{fffd}b");
    }

    #[test]
    fn the_page_needs_no_other_file() {
        let page = render(&Document { title: String::from("<T>"), ..Document::default() });
        assert!(page.contains("<title>&lt;T&gt;</title>"));
        assert!(!page.contains("http") && !page.contains("src="));
    }
}
