//! Documents as LaTeX that needs only the package `booktabs`.

use super::document::{Block, Cell, Document, Grid, Inline, inlines};

/// What a LaTeX table may have beyond `booktabs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style<'a> {
    /// Columns of numbers by `siunitx` (version 3), aligned at their decimal points.
    pub siunitx: bool,
    /// Name of the first table for `\ref`; empty for none.
    pub label: &'a str,
}

/// The document as a fragment to `\input`.
pub fn render(document: &Document) -> String {
    render_as(document, &Style::default())
}

/// The document in a style.
pub fn render_as(document: &Document, style: &Style) -> String {
    let packages = if style.siunitx { "booktabs,siunitx" } else { "booktabs" };
    let mut parts = vec![format!("% needs \\usepackage{{{packages}}}")];
    let mut label = style.label;
    if !document.title.is_empty() {
        parts.push(format!("\\section*{{{}}}", running(&document.title)));
    }
    parts.extend(document.notices.iter().map(|notice| format!("\\noindent\\emph{{{}}}", running(notice))));
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("\\subsection*{{{}}}", running(text)),
        Block::Paragraph(text) => format!("\\noindent {}", running(text)),
        Block::Grid(grid) => table_as(grid, &Style { label: std::mem::take(&mut label), ..*style }),
        Block::Lines { heading, lines } => {
            let items: Vec<String> = lines.iter().map(|line| format!("  \\item {}", running(line))).collect();
            format!("\\paragraph{{{}}}\n\\begin{{itemize}}\n{}\n\\end{{itemize}}", running(heading), items.join("\n"))
        }
    }));
    parts.join("\n\n") + "\n"
}

/// A floating table with its notes beneath.
pub fn table(grid: &Grid) -> String {
    table_as(grid, &Style::default())
}

/// A floating table in a style.
fn table_as(grid: &Grid, style: &Style) -> String {
    let mut lines = vec![String::from("\\begin{table}[htbp]"), String::from("\\centering")];
    if !grid.caption.is_empty() {
        lines.push(format!("\\caption{{{}}}", running(&grid.caption)));
    }
    if !style.label.is_empty() {
        lines.push(format!("\\label{{{}}}", style.label));
    }
    lines.push(format!("\\begin{{tabular}}{{l{}}}", columns(grid, style)));
    lines.push(String::from("\\toprule"));
    for (position, header) in grid.header.iter().enumerate() {
        let corner = if position == 0 { running(&grid.corner) } else { String::new() };
        let cells = header.iter().enumerate().map(|(at, text)| {
            let place = if grid.holds_words(at) { 'l' } else { 'c' };
            format!("\\multicolumn{{1}}{{{place}}}{{{}}}", running(text))
        });
        lines.push(row(corner, cells));
    }
    // an invisible parenthesis keeps the digits of estimates and errors under each other
    let framed = |cell: &Cell| matches!(cell, Cell::Error(_) | Cell::Interval(..));
    let errors = grid.sections.iter().flatten().flat_map(|row| &row.cells).any(framed);
    let hang = if errors { "\\phantom{)}" } else { "" };
    let n_columns = grid.n_columns() + 1;
    for rows in &grid.sections {
        lines.push(String::from("\\midrule"));
        lines.extend(rows.iter().map(|entry| match entry.is_title() {
            true => format!("\\multicolumn{{{n_columns}}}{{l}}{{\\emph{{{}}}}} \\\\", running(&entry.stub)),
            false => {
                let cells = entry.cells.iter();
                row(
                    running(&entry.stub),
                    cells.map(|value| if style.siunitx { aligned(value) } else { cell(value, hang) }),
                )
            }
        }));
    }
    lines.push(String::from("\\bottomrule"));
    lines.push(String::from("\\end{tabular}"));
    if !grid.notes.is_empty() {
        let notes: Vec<String> = grid.notes.iter().map(|note| running(&sentence(note))).collect();
        lines.push(String::from("\\par\\smallskip"));
        lines.push(String::from("\\begin{minipage}{0.95\\linewidth}\\footnotesize"));
        lines.push(format!("\\emph{{Notes:}} {}", notes.join(" ")));
        lines.push(String::from("\\end{minipage}"));
    }
    lines.push(String::from("\\end{table}"));
    lines.join("\n")
}

/// Types of the columns beside the first.
fn columns(grid: &Grid, style: &Style) -> String {
    let column = |at: usize| match (grid.holds_words(at), style.siunitx) {
        (true, _) => String::from("l"),
        (false, false) => String::from("r"),
        (false, true) => {
            let cells = || grid.sections.iter().flatten().filter_map(|row| row.cells.get(at));
            let parts = cells().filter_map(digits);
            let (whole, decimals) = parts.fold((1, 0), |(w, d), (whole, decimals)| (w.max(whole), d.max(decimals)));
            let signed = cells()
                .any(|cell| matches!(cell, Cell::Number { text, .. } | Cell::Error(text) if text.starts_with('-')));
            let sign = if signed { "-" } else { "" };
            // room for what stands around the digits, which are aligned without it
            let framed = cells().any(|cell| matches!(cell, Cell::Error(_)));
            let stars = cells().filter_map(|cell| match cell {
                Cell::Number { stars, .. } => Some(stars.as_str()),
                _ => None,
            });
            let before = if framed { "{(}" } else { "" };
            let after = match (stars.max_by_key(|stars| stars.len()).filter(|stars| !stars.is_empty()), framed) {
                (Some(stars), _) => format!("{{$^{{{stars}}}$}}"),
                (None, true) => String::from("{)}"),
                (None, false) => String::new(),
            };
            format!(
                "S[table-format={before}{sign}{whole}.{decimals}{after},table-align-text-before=false,table-align-text-after=false]"
            )
        }
    };
    (0..grid.n_columns()).map(column).collect()
}

/// Digits before and after the decimal point of a number that `siunitx` aligns.
fn digits(cell: &Cell) -> Option<(usize, usize)> {
    let (Cell::Number { text, .. } | Cell::Error(text)) = cell else { return None };
    let plain = plain_number(text)?;
    let (whole, decimals) = plain.split_once('.')?;
    Some((whole.trim_start_matches('-').len(), decimals.len()))
}

/// A number without separators; `None` for what is none, e.g. a dash or `<0.0001`.
fn plain_number(text: &str) -> Option<String> {
    let plain = text.replace(',', "");
    plain.parse::<f64>().is_ok().then_some(plain)
}

/// A cell for a column of `siunitx`: what is no number with decimals is set as text, in braces.
fn aligned(cell: &Cell) -> String {
    let decimal = |text: &str| plain_number(text).filter(|plain| plain.contains('.') && !plain.contains('e'));
    match cell {
        Cell::Empty => String::new(),
        Cell::Number { text, stars } => match (decimal(text), stars.is_empty()) {
            (Some(plain), true) => plain,
            (Some(plain), false) => format!("{plain}{{$^{{{stars}}}$}}"),
            (None, _) => format!("{{{}}}", self::cell(cell, "")),
        },
        Cell::Error(text) => match decimal(text) {
            Some(plain) => format!("{{(}}{plain}{{)}}"),
            None => format!("{{({})}}", number(text)),
        },
        Cell::Text(_) | Cell::Interval(..) => format!("{{{}}}", self::cell(cell, "")),
    }
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
        Cell::Interval(low, high) => format!("[{}, {}]", number(low), number(high)),
    }
}

/// A note as a sentence; one that starts with a literal or a name in parentheses starts as it is.
pub(super) fn sentence(note: &str) -> String {
    let mut characters = note.chars();
    let mut text =
        characters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), characters.as_str()));
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
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
