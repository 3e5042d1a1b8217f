//! Documents as LaTeX that needs only the package `booktabs`.

use super::document::{Block, Cell, Document, Grid, Inline, inlines};

/// The document as a fragment to `\input`.
pub fn render(document: &Document) -> String {
    let mut parts = vec![String::from("% needs \\usepackage{booktabs}")];
    if !document.title.is_empty() {
        parts.push(format!("\\section*{{{}}}", running(&document.title)));
    }
    parts.extend(document.notices.iter().map(|notice| format!("\\noindent\\emph{{{}}}", running(notice))));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("\\subsection*{{{}}}", running(text)),
        Block::Paragraph(text) => format!("\\noindent {}", running(text)),
        Block::Grid(grid) => table(grid),
        Block::Lines { heading, lines } => {
            let items: Vec<String> = lines.iter().map(|line| format!("  \\item {}", running(line))).collect();
            format!("\\paragraph{{{}}}\n\\begin{{itemize}}\n{}\n\\end{{itemize}}", running(heading), items.join("\n"))
        }
    }));
    parts.join("\n\n") + "\n"
}

/// A floating table with its notes beneath.
pub fn table(grid: &Grid) -> String {
    let column = |at| if grid.holds_words(at) { 'l' } else { 'r' };
    let mut lines = vec![
        String::from("\\begin{table}[htbp]"),
        String::from("\\centering"),
        format!("\\caption{{{}}}", running(&grid.caption)),
        format!("\\begin{{tabular}}{{l{}}}", (0..grid.n_columns()).map(column).collect::<String>()),
        String::from("\\toprule"),
    ];
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { running(&grid.corner) } else { String::new() };
        let cells = header.iter().enumerate().map(|(at, text)| {
            let place = if grid.holds_words(at) { 'l' } else { 'c' };
            format!("\\multicolumn{{1}}{{{place}}}{{{}}}", running(text))
        });
        lines.push(row(corner, cells));
    }
    // an invisible parenthesis keeps the digits of estimates and errors under each other
    let errors = grid.sections.iter().flatten().flat_map(|row| &row.cells).any(|cell| matches!(cell, Cell::Error(_)));
    let hang = if errors { "\\phantom{)}" } else { "" };
    for rows in &grid.sections {
        lines.push(String::from("\\midrule"));
        lines.extend(
            rows.iter().map(|entry| row(running(&entry.stub), entry.cells.iter().map(|value| cell(value, hang)))),
        );
    }
    lines.push(String::from("\\bottomrule"));
    lines.push(String::from("\\end{tabular}"));
    if !grid.notes.is_empty() {
        let notes: Vec<String> = grid.notes.iter().map(|note| running(&capitalised(note))).collect();
        lines.push(String::from("\\par\\smallskip"));
        lines.push(String::from("\\begin{minipage}{0.95\\linewidth}\\footnotesize"));
        lines.push(format!("\\emph{{Notes:}} {}.", notes.join(". ")));
        lines.push(String::from("\\end{minipage}"));
    }
    lines.push(String::from("\\end{table}"));
    lines.join("\n")
}

fn row(stub: String, cells: impl Iterator<Item = String>) -> String {
    // a line that starts with a bracket would be read as the option of the `\\` before it
    let guarded = if stub.starts_with(['[', '*']) { format!("{{}}{stub}") } else { stub };
    std::iter::once(guarded).chain(cells).collect::<Vec<_>>().join(" & ") + " \\\\"
}

/// A cell; stars take no room, so that they do not move the digits.
fn cell(cell: &Cell, hang: &str) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => format!("{}{hang}", running(text)),
        Cell::Number { text, stars } if stars.is_empty() => format!("{}{hang}", number(text)),
        Cell::Number { text, stars } => format!("{}\\rlap{{$^{{{stars}}}$}}{hang}", number(text)),
        Cell::Error(text) => format!("({})", number(text)),
    }
}

/// A note as a sentence; one that starts with a literal or a name in parentheses stays as it is.
fn capitalised(note: &str) -> String {
    let mut characters = note.chars();
    characters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), characters.as_str()))
}

/// A number with a true minus sign.
fn number(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(size) => format!("$-${}", escaped(size)),
        None => escaped(text),
    }
}

fn running(text: &str) -> String {
    inlines(text)
        .iter()
        .map(|piece| match piece {
            Inline::Plain(plain) => escaped(plain),
            Inline::Literal(literal) => format!("\\texttt{{{}}}", escaped(literal)),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '–' => escaped.push_str("--"),
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::document::Row;
    use super::*;

    #[test]
    fn specials_are_escaped() {
        assert_eq!(
            running("50% of a_b & `y ~ x^2` {\\}"),
            "50\\% of a\\_b \\& \\texttt{y \\textasciitilde{} x\\textasciicircum{}2} \\{\\textbackslash{}\\}"
        );
    }

    #[test]
    fn a_table_needs_only_booktabs() {
        let grid = Grid {
            caption: String::from("T"),
            header: vec![vec![String::from("(1)")]],
            sections: vec![vec![
                Row::new("x", vec![Cell::Number { text: String::from("-0.1"), stars: String::from("*") }]),
                Row::new("", vec![Cell::Error(String::from("0.2"))]),
            ]],
            ..Grid::default()
        };
        let text = table(&grid);
        assert!(text.contains("x & $-$0.1\\rlap{$^{*}$}\\phantom{)} \\\\"), "{text}");
        assert!(text.contains(" & (0.2) \\\\"));
        assert_eq!(text.matches("\\begin{").count(), text.matches("\\end{").count());
    }
}
