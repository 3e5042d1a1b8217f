//! Figures: rates by level as panels of lines with intervals, labelled where they end; coefficients as [`dots`].
//!
//! [`PanelFigure`] says what to show; [`svg`] draws it as SVG text and [`png`](png::png) turns that into a picture with
//! the fonts of this crate, so that it looks the same on every machine.

pub mod curve;
pub mod dots;
pub mod draw;
mod grid;
pub mod labels;
pub mod of_rates;
pub mod page;
pub mod palette;
pub mod pdf;
pub mod plots;
pub mod png;
pub mod scale;
pub mod surface;
pub mod text_width;
mod truetype;

pub use curve::curve_figure;
pub use draw::svg;
pub use grid::grid_svg;
pub use page::{Page, PagePanel, Plot};
pub use pdf::pdf;
pub use png::{Picture, PictureError, png};

/// One level of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Label on the horizontal axis; points of a panel with the same label stand above each other.
    pub label: String,
    /// Height; not finite leaves a gap in the line.
    pub y: f64,
    /// Lower end of the whisker; not finite draws none.
    pub lo: f64,
    /// Upper end of the whisker; not finite draws none.
    pub hi: f64,
}

/// One line of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name, printed where the line ends; one name has one colour and marker throughout the figure.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<Point>,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Title above it.
    pub title: String,
    /// Its lines.
    pub series: Vec<Series>,
}

/// Unit of the vertical axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Shares, printed as percentages; the axis starts at 0 and ends at 100 or less.
    #[default]
    Percent,
    /// Plain numbers; the axis covers the points and whiskers.
    Number,
}

/// A figure of panels side by side that share their vertical axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PanelFigure {
    /// Title; empty for none.
    pub title: String,
    /// A sentence under the title; empty for none.
    pub subtitle: String,
    /// Note at the bottom: data, sample sizes, what the whiskers are.
    pub note: String,
    /// Title of the horizontal axes.
    pub x_title: String,
    /// Title of the vertical axis, with its unit.
    pub y_title: String,
    /// Unit of the vertical axis.
    pub unit: Unit,
    /// The panels from left to right.
    pub panels: Vec<Panel>,
}

impl PanelFigure {
    /// Distinct names of the series, in order of first appearance.
    pub fn series_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for series in self.panels.iter().flat_map(|panel| &panel.series) {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        names
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// Three panels with lines that lie close together where they end.
    pub(crate) fn figure() -> PanelFigure {
        const LEVELS: [&str; 5] = ["Novice", "Beginner", "Intermediate", "Advanced", "Expert"];
        let series = |name: &str, rates: [f64; 5], half: f64| Series {
            name: name.to_owned(),
            points: LEVELS
                .iter()
                .zip(rates)
                .enumerate()
                .map(|(at, (label, y))| {
                    let half = half * [3.0, 1.0, 1.0, 0.8, 1.7][at];
                    Point { label: (*label).to_owned(), y, lo: y - half, hi: y + half }
                })
                .collect(),
        };
        let panel = |title: &str, series: Vec<Series>| Panel { title: title.to_owned(), series };
        PanelFigure {
            title: String::from("Success and failure by expertise"),
            subtitle: String::from(
                "Adjusted rates from comparisons within work mode x value band x month x task subject x software-related or not",
            ),
            note: String::from(
                "Simulated sessions. 359,586 sessions of 220,114 users; sessions that hit trouble: 71,204 of 60,018 users. Whiskers: 95% intervals of the adjusted rates, standard errors clustered by user. Sessions without a clear goal are left out.",
            ),
            x_title: String::from("Expertise in the task"),
            y_title: String::from("Adjusted rate (% of sessions)"),
            unit: Unit::Percent,
            panels: vec![
                panel(
                    "All sessions",
                    vec![
                        series("At least partial success", [0.77, 0.86, 0.91, 0.92, 0.91], 0.004),
                        series("Judged success", [0.39, 0.50, 0.58, 0.61, 0.65], 0.004),
                        series("Verified success", [0.145, 0.209, 0.283, 0.295, 0.329], 0.003),
                    ],
                ),
                panel(
                    "Sessions that hit trouble: still succeed",
                    vec![
                        series("At least partial success", [0.60, 0.72, 0.80, 0.81, 0.80], 0.008),
                        series("Judged success", [0.10, 0.16, 0.21, 0.24, 0.27], 0.007),
                        series("Verified success", [0.04, 0.08, 0.11, 0.13, 0.15], 0.006),
                    ],
                ),
                panel(
                    "Sessions that hit trouble: end in failure",
                    vec![
                        series("Judged failure", [0.40, 0.28, 0.20, 0.19, 0.20], 0.008),
                        series("Verified failure", [0.30, 0.22, 0.17, 0.17, 0.18], 0.007),
                        series("Abandoned", [0.19, 0.07, 0.06, 0.06, 0.07], 0.005),
                    ],
                ),
            ],
        }
    }
}
