//! The grids that ship inside the program.

/// `(name, text)` of every embedded grid.
pub const EMBEDDED_GRIDS: [(&str, &str); 1] = [("curve_fig5", include_str!("../../models/curve_fig5.toml"))];

/// An embedded grid by its name, with or without `.toml` and folder.
pub fn embedded_grid(name: &str) -> Option<(&'static str, &'static str)> {
    let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".toml");
    EMBEDDED_GRIDS.into_iter().find(|(known, _)| *known == stem)
}
