//! The figure files that ship inside the program.

/// `(name, text)` of every embedded figure file, in the order of the report.
pub const FIGURES: [(&str, &str); 8] = [
    ("figure1", include_str!("../../models/figures/figure1.toml")),
    ("figure2", include_str!("../../models/figures/figure2.toml")),
    ("figure3", include_str!("../../models/figures/figure3.toml")),
    ("figure4", include_str!("../../models/figures/figure4.toml")),
    ("figure6", include_str!("../../models/figures/figure6.toml")),
    ("figure_a1", include_str!("../../models/figures/figure_a1.toml")),
    ("figure_a2", include_str!("../../models/figures/figure_a2.toml")),
    ("label_checks", include_str!("../../models/figures/label_checks.toml")),
];

/// An embedded figure file by its name, with or without `.toml` and folder.
pub fn embedded(name: &str) -> Option<(&'static str, &'static str)> {
    let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".toml");
    FIGURES.into_iter().find(|(known, _)| *known == stem)
}
