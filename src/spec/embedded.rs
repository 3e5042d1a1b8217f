//! The model files that ship inside the program.

/// `(name, text)` of every embedded model file.
pub const EMBEDDED: [(&str, &str); 6] = [
    ("table_a1", include_str!("../../models/table_a1.toml")),
    ("table_a2", include_str!("../../models/table_a2.toml")),
    ("figure3", include_str!("../../models/figure3.toml")),
    ("figure5", include_str!("../../models/figure5.toml")),
    ("figure5_logit", include_str!("../../models/figure5_logit.toml")),
    ("figure6", include_str!("../../models/figure6.toml")),
];

/// Those that `metier reproduce` fits; the others belong to figures.
pub const REPRODUCED: [&str; 4] = ["table_a1", "table_a2", "figure5", "figure5_logit"];

/// An embedded model file by its name, with or without `.toml` and folder.
pub fn embedded(name: &str) -> Option<(&'static str, &'static str)> {
    let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".toml");
    EMBEDDED.into_iter().find(|(known, _)| *known == stem)
}
