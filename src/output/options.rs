//! What a reader may choose about the rendered tables.

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned text for a terminal.
    Text,
    /// GitHub-flavoured Markdown.
    Markdown,
    /// LaTeX tables that need only the package `booktabs`.
    Latex,
    /// One self-contained HTML page.
    Html,
    /// Typst tables.
    Typst,
    /// The long table.
    Csv,
    /// The JSON document.
    Json,
}

impl Format {
    /// Every format with the name users call it by.
    pub const NAMES: [(&'static str, Format); 7] = [
        ("text", Format::Text),
        ("markdown", Format::Markdown),
        ("latex", Format::Latex),
        ("html", Format::Html),
        ("typst", Format::Typst),
        ("csv", Format::Csv),
        ("json", Format::Json),
    ];

    /// The format a file name asks for by its extension.
    pub fn from_extension(path: &std::path::Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Format::Text),
            "md" | "markdown" => Some(Format::Markdown),
            "tex" => Some(Format::Latex),
            "html" | "htm" => Some(Format::Html),
            "typ" => Some(Format::Typst),
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            _ => None,
        }
    }
}

/// Options of the rendered tables; CSV and JSON are exact and ignore them.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderOptions {
    /// Decimals of estimates.
    pub digits: usize,
    /// p-value limits of the stars, largest first; `None` prints no stars.
    pub stars: Option<Vec<f64>>,
    /// Most specifications side by side.
    pub columns_per_table: usize,
    /// Characters per line of text output.
    pub width: usize,
    /// Bold and dim text in a terminal.
    pub ansi: bool,
    /// LaTeX columns of numbers by the package `siunitx`, aligned at their decimal points.
    pub siunitx: bool,
    /// Name by which a LaTeX or Typst text refers to the first table, e.g. `tab:main`; empty for none.
    pub label: String,
}

impl Default for RenderOptions {
    fn default() -> Self {
        RenderOptions {
            digits: 4,
            stars: None,
            columns_per_table: 6,
            width: 100,
            ansi: false,
            siunitx: false,
            label: String::new(),
        }
    }
}

impl RenderOptions {
    /// Stars of a p-value: one for each limit it lies under.
    pub fn stars_of(&self, p_value: f64) -> String {
        let limits = self.stars.as_deref().unwrap_or_default();
        "*".repeat(limits.iter().filter(|limit| p_value < **limit).count())
    }

    /// The note that explains the stars; `None` without stars.
    pub fn stars_note(&self) -> Option<String> {
        let mut limits = self.stars.clone().filter(|limits| !limits.is_empty())?;
        limits.sort_by(|a, b| b.total_cmp(a));
        let parts: Vec<String> =
            limits.iter().enumerate().map(|(rank, limit)| format!("{} p < {limit}", "*".repeat(rank + 1))).collect();
        Some(parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_off_by_default_and_follow_the_limits() {
        assert_eq!(RenderOptions::default().stars_of(0.001), "");
        let options = RenderOptions { stars: Some(vec![0.05, 0.01]), ..RenderOptions::default() };
        assert_eq!(options.stars_of(0.001), "**");
        assert_eq!(options.stars_of(0.03), "*");
        assert_eq!(options.stars_of(f64::NAN), "");
        assert_eq!(options.stars_note().as_deref(), Some("* p < 0.05, ** p < 0.01"));
    }

    #[test]
    fn a_file_name_tells_its_format() {
        assert_eq!(Format::from_extension("a/b.TEX".as_ref()), Some(Format::Latex));
        assert_eq!(Format::from_extension("b.xlsx".as_ref()), None);
    }
}
