//! A page that is drawn on with lines, shapes and text, and becomes SVG.

use std::fmt::Write as _;

use crate::output::html::escaped;

use super::palette::Marker;
use super::text_width::Weight;

/// Font of every text: the embedded one, else what a viewer has.
const FONT: &str = "'Open Sans', 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It starts there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// Look of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextStyle {
    /// Font size.
    pub size: f64,
    /// Weight.
    pub weight: Weight,
    /// Colour.
    pub colour: &'static str,
    /// Where it stands.
    pub anchor: Anchor,
}

/// The page.
#[derive(Debug)]
pub struct Surface {
    width: f64,
    height: f64,
    body: String,
}

impl Surface {
    /// An empty white page.
    pub fn new(width: f64, height: f64) -> Self {
        Surface { width, height, body: String::new() }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line x1="{x1:.2}" y1="{y1:.2}" x2="{x2:.2}" y2="{y2:.2}" stroke="{colour}" stroke-width="{width}"/>"#
        ));
    }

    /// A rectangle with its upper left corner.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
        self.push(format_args!(
            r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" fill="{fill}"/>"#
        ));
    }

    /// A dashed line.
    pub fn dashes(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line x1="{x1:.2}" y1="{y1:.2}" x2="{x2:.2}" y2="{y2:.2}" stroke="{colour}" stroke-width="{width}" stroke-dasharray="5 3"/>"#
        ));
    }

    /// A white circle with an edge.
    pub fn ring(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.push(format_args!(
            r##"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" fill="#fff" stroke="{colour}" stroke-width="1.8"/>"##
        ));
    }

    /// A line through several points.
    pub fn polyline(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect();
        self.push(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            path.join(" ")
        ));
    }

    /// A circle without an edge.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.push(format_args!(r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius:.2}" fill="{colour}"/>"#));
    }

    /// Upright strokes of one height, each around its middle: one element for all, since there may be thousands.
    pub fn strokes(&mut self, middles: &[(f64, f64)], height: f64, colour: &str, width: f64) {
        let path: Vec<String> =
            middles.iter().map(|(x, y)| format!("M{x:.2} {:.2}v{height:.2}", y - height / 2.0)).collect();
        self.push(format_args!(r#"<path d="{}" stroke="{colour}" stroke-width="{width:.2}"/>"#, path.concat()));
    }

    /// A point's marker, with a thin white edge that sets it off from lines beneath.
    pub fn marker(&mut self, marker: Marker, at: (f64, f64), radius: f64, colour: &str) {
        let (x, y) = at;
        let corners: Vec<(f64, f64)> = match marker {
            Marker::Circle => {
                self.push(format_args!(
                    r##"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" fill="{colour}" stroke="#fff" stroke-width="1"/>"##
                ));
                return;
            }
            // shapes of about the same area as the circle
            Marker::Square => vec![(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Marker::Diamond => vec![(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            Marker::Triangle => vec![(0.0, -1.3), (1.2, 0.85), (-1.2, 0.85)],
            Marker::TriangleDown => vec![(0.0, 1.3), (1.2, -0.85), (-1.2, -0.85)],
        };
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{:.2},{:.2}", x + radius * dx, y + radius * dy)).collect();
        self.push(format_args!(
            r##"<polygon points="{}" fill="{colour}" stroke="#fff" stroke-width="1"/>"##,
            points.join(" ")
        ));
    }

    /// A line of text on its baseline.
    pub fn text(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        self.any_text(at, text, style, "");
    }

    /// A line of text with a white edge, to stand on grid lines.
    pub fn text_on_lines(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        self.any_text(at, text, style, r##" stroke="#fff" stroke-width="4" paint-order="stroke""##);
    }

    /// A line of text turned by degrees around its point.
    pub fn turned_text(&mut self, at: (f64, f64), text: &str, style: TextStyle, degrees: f64) {
        let (x, y) = at;
        self.any_text(at, text, style, &format!(r#" transform="rotate({degrees} {x:.2} {y:.2})""#));
    }

    fn any_text(&mut self, at: (f64, f64), text: &str, style: TextStyle, more: &str) {
        let (x, y) = at;
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if style.weight == Weight::Bold { r#" font-weight="700""# } else { "" };
        let (size, colour) = (style.size, style.colour);
        self.push(format_args!(
            r#"<text x="{x:.2}" y="{y:.2}" font-size="{size}" fill="{colour}"{anchor}{weight}{more}>{}</text>"#,
            escaped(text)
        ));
    }

    /// Names the shapes that follow for readers who cannot see them; ends with [`Surface::end_group`].
    pub fn begin_group(&mut self, label: &str) {
        self.push(format_args!(r#"<g role="group" aria-label="{}">"#, escaped(label)));
    }

    /// The shapes of one value: viewers show `label` when they are pointed at; ends with [`Surface::end_group`].
    pub fn begin_mark(&mut self, label: &str) {
        let label = escaped(label);
        self.push(format_args!(r#"<g class="mark" role="img" aria-label="{label}"><title>{label}</title>"#));
    }

    /// Ends a group.
    pub fn end_group(&mut self) {
        self.push(format_args!("</g>"));
    }

    /// The page as an SVG document.
    pub fn finish(self, title: &str, description: &str) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" "#,
                r#"viewBox="0 0 {width} {height}" role="img" font-family="{font}">"#,
                "\n<title>{title}</title>\n<desc>{description}</desc>\n",
                r##"<rect width="100%" height="100%" fill="#fff"/>"##,
                "\n{body}</svg>\n"
            ),
            width = width,
            height = height,
            font = FONT,
            title = escaped(title),
            description = escaped(description),
            body = self.body,
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // writing to a string cannot fail
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }
}
