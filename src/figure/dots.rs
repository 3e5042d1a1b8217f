//! Dots with whiskers: a band for every term, a dot in it for every model.

use super::palette::{Look, look};
use super::plots::Format;
use super::scale::{Scale, tick_label, ticks};
use super::surface::{Anchor, Surface, TextStyle};
use super::text_width::{Weight, shortened, text_width, wrap};

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Position of its model in [`DotFigure::models`].
    pub model: usize,
    /// The estimate; not finite draws nothing.
    pub x: f64,
    /// Lower end of the whisker; not finite draws none.
    pub lo: f64,
    /// Upper end of the whisker; not finite draws none.
    pub hi: f64,
}

/// A term.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Its name.
    pub label: String,
    /// Its dots, in the order of the models.
    pub dots: Vec<Dot>,
}

/// Terms from top to bottom, with the dots of several models.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DotFigure {
    /// Title; empty for none.
    pub title: String,
    /// Note at the bottom.
    pub note: String,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// Names of the models, printed beside their first dot.
    pub models: Vec<String>,
    /// Terms.
    pub bands: Vec<Band>,
}

const MARGIN: f64 = 28.0;
/// Width of the box of dots.
const PLOT_WIDTH: f64 = 420.0;
/// Most room for the names of terms and of models.
const LABEL_ROOM: f64 = 250.0;
const MODEL_ROOM: f64 = 190.0;
/// Distance between the dots of a band, and room between bands.
const DOT_STEP: f64 = 16.0;
const BAND_GAP: f64 = 12.0;
const RADIUS: f64 = 4.4;
const CAP: f64 = 3.2;
/// Least width of the page, so that short figures have room for their notes.
const LEAST_WIDTH: f64 = 560.0;

const INK: &str = "#1a1a1a";
const SOFT: &str = "#555555";
const GRID: &str = "#e4e4e4";
const STRIPE: &str = "#f6f6f6";
const AXIS: &str = "#8c8c8c";

const TITLE: TextStyle = style(19.0, Weight::Bold, INK, Anchor::Start);
const TERM: TextStyle = style(12.5, Weight::Regular, INK, Anchor::End);
const MODEL: TextStyle = style(12.0, Weight::Regular, INK, Anchor::Start);
const TICK: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::Middle);
const AXIS_TITLE: TextStyle = style(12.5, Weight::Regular, INK, Anchor::Middle);
const NOTE: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::Start);
/// Height of a line of text relative to its size.
const LEADING: f64 = 1.3;
/// Where the middle of small letters lies above the baseline, relative to the size.
const MIDDLE: f64 = 0.35;

const fn style(size: f64, weight: Weight, colour: &'static str, anchor: Anchor) -> TextStyle {
    TextStyle { size, weight, colour, anchor }
}

fn line_height(style: TextStyle) -> f64 {
    (style.size * LEADING).ceil()
}

/// The figure as an SVG document.
pub fn svg(figure: &DotFigure) -> String {
    let labels: Vec<Vec<String>> = figure.bands.iter().map(|band| broken(&band.label, LABEL_ROOM, TERM)).collect();
    let label_width = widest(labels.iter().flatten(), TERM);
    let named = figure.models.len() > 1;
    let models: Vec<String> =
        figure.models.iter().map(|name| shortened(name, MODEL_ROOM, MODEL.size, MODEL.weight)).collect();
    let model_width = if named { widest(models.iter(), MODEL) + 14.0 } else { 0.0 };
    let left = MARGIN + label_width + 14.0;
    let width = (left + PLOT_WIDTH + model_width + MARGIN).max(LEAST_WIDTH);
    let text_room = width - 2.0 * MARGIN;
    let title = wrap(&figure.title, text_room, TITLE.size, TITLE.weight);
    let note = wrap(&figure.note, text_room, NOTE.size, NOTE.weight);

    let title_room = if title.is_empty() { 0.0 } else { 10.0 + title.len() as f64 * line_height(TITLE) };
    let top = MARGIN + title_room;
    let heights: Vec<f64> = figure.bands.iter().zip(&labels).map(|(band, label)| band_height(band, label)).collect();
    let bottom = top + heights.iter().sum::<f64>();
    let x_title = bottom + 44.0;
    let note_top = x_title + 30.0;
    let height = note_top + note.len() as f64 * line_height(NOTE) + MARGIN - 14.0;

    let mut page = Surface::new(width.round(), height.round());
    for (at, line) in title.iter().enumerate() {
        page.text((MARGIN, MARGIN + TITLE.size * 0.8 + at as f64 * line_height(TITLE)), line, TITLE);
    }
    let axis_ticks = x_ticks(figure);
    let (low, high) = (axis_ticks[0], axis_ticks[axis_ticks.len() - 1]);
    let x = Scale { data_min: low, data_max: high, page_min: left, page_max: left + PLOT_WIDTH };
    draw_stripes(&mut page, (left, left + PLOT_WIDTH), top, &heights);
    draw_axis(&mut page, &axis_ticks, x, top, bottom);
    page.text((left + PLOT_WIDTH / 2.0, x_title), &figure.x_title, AXIS_TITLE);

    let mut band_top = top;
    let mut seen = vec![!named; models.len()];
    for ((band, label), height) in figure.bands.iter().zip(&labels).zip(&heights) {
        let middle = band_top + height / 2.0;
        page.begin_group(&band.label);
        let first = middle - (label.len() as f64 - 1.0) * line_height(TERM) / 2.0 + TERM.size * MIDDLE;
        for (at, line) in label.iter().enumerate() {
            page.text((left - 12.0, first + at as f64 * line_height(TERM)), line, TERM);
        }
        let drawn: Vec<&Dot> = band.dots.iter().filter(|dot| dot.x.is_finite()).collect();
        for (at, dot) in drawn.iter().enumerate() {
            let y = middle + (at as f64 - (drawn.len() as f64 - 1.0) / 2.0) * DOT_STEP;
            let look = look(dot.model);
            page.begin_mark(&mark_label(figure, band, dot));
            draw_dot(&mut page, dot, x, y, &look);
            page.end_group();
            if !std::mem::replace(&mut seen[dot.model], true) {
                let style = TextStyle { colour: look.text, ..MODEL };
                page.text((left + PLOT_WIDTH + 12.0, y + MODEL.size * MIDDLE), &models[dot.model], style);
            }
        }
        page.end_group();
        band_top += height;
    }
    for (at, line) in note.iter().enumerate() {
        page.text((MARGIN, note_top + at as f64 * line_height(NOTE)), line, NOTE);
    }
    page.finish(&figure.title, &figure.note)
}

fn widest<'a>(lines: impl Iterator<Item = &'a String>, style: TextStyle) -> f64 {
    lines.map(|line| text_width(line, style.size, style.weight)).fold(0.0, f64::max)
}

fn band_height(band: &Band, label: &[String]) -> f64 {
    let dots = band.dots.iter().filter(|dot| dot.x.is_finite()).count().max(1) as f64 * DOT_STEP;
    dots.max(label.len() as f64 * line_height(TERM)) + BAND_GAP
}

/// Lines that are never wider than the room: words that are too long are broken, where they can after a sign.
fn broken(text: &str, room: f64, style: TextStyle) -> Vec<String> {
    let width = |text: &str| text_width(text, style.size, style.weight);
    let mut lines = Vec::new();
    for line in wrap(text, room, style.size, style.weight) {
        let mut rest = line.as_str();
        while width(rest) > room {
            let ends: Vec<usize> = rest.char_indices().skip(1).map(|(at, _)| at).collect();
            let fitting = ends.iter().copied().take_while(|&at| width(&rest[..at]) <= room);
            let last = fitting.last().unwrap_or(ends.first().copied().unwrap_or(rest.len()));
            let sign = rest[..last].rfind([':', '_', '^', '-', '/', ',']).map(|at| at + 1);
            // a sign near the end is a better place than the middle of a word
            let at = sign.filter(|at| *at > last / 2).unwrap_or(last);
            lines.push(rest[..at].to_owned());
            rest = &rest[at..];
        }
        lines.push(rest.to_owned());
    }
    lines
}

/// Ticks that cover every dot and whisker, and zero: what differs from nothing is what such a figure is read for.
fn x_ticks(figure: &DotFigure) -> Vec<f64> {
    let dots = figure.bands.iter().flat_map(|band| &band.dots).filter(|dot| dot.x.is_finite());
    let values = dots.flat_map(|dot| [dot.x, dot.lo, dot.hi]).filter(|value| value.is_finite());
    let (low, high) = values.fold((0.0, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    ticks(low, high)
}

fn draw_stripes(page: &mut Surface, (left, right): (f64, f64), top: f64, heights: &[f64]) {
    let mut y = top;
    for (at, height) in heights.iter().enumerate() {
        if at % 2 == 1 {
            // a wide line is a rectangle
            page.line((left, y + height / 2.0), (right, y + height / 2.0), STRIPE, *height);
        }
        y += height;
    }
}

fn draw_axis(page: &mut Surface, ticks: &[f64], x: Scale, top: f64, bottom: f64) {
    let step = ticks[1] - ticks[0];
    for &tick in ticks {
        let at = x.at(tick);
        let is_zero = tick.abs() < 1e-9 * step;
        page.line((at, top), (at, bottom), if is_zero { AXIS } else { GRID }, if is_zero { 1.4 } else { 1.0 });
        page.line((at, bottom), (at, bottom + 4.0), AXIS, 1.2);
        page.text((at, bottom + 18.0), &tick_label(tick, step), TICK);
    }
    page.line((x.page_min, bottom), (x.page_max, bottom), AXIS, 1.2);
}

/// What a pointer on the dot shows.
fn mark_label(figure: &DotFigure, band: &Band, dot: &Dot) -> String {
    let name = match figure.models.get(dot.model).filter(|_| figure.models.len() > 1) {
        Some(model) => format!("{}, {model}", band.label),
        None => band.label.clone(),
    };
    Format::Number.mark(&name, dot.x, dot.lo, dot.hi)
}

fn draw_dot(page: &mut Surface, dot: &Dot, x: Scale, y: f64, look: &Look) {
    if dot.lo.is_finite() && dot.hi.is_finite() {
        let (low, high) = (x.at(dot.lo), x.at(dot.hi));
        page.line((low, y), (high, y), look.colour, 1.6);
        page.line((low, y - CAP), (low, y + CAP), look.colour, 1.6);
        page.line((high, y - CAP), (high, y + CAP), look.colour, 1.6);
    }
    page.marker(look.marker, (x.at(dot.x), y), RADIUS, look.colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(terms: usize, models: usize) -> DotFigure {
        let band = |term: usize| Band {
            label: match term % 4 {
                0 => format!("expertise::{term}"),
                1 => String::from("Erfahrung in der Aufgabe × сложность задачи"),
                2 => String::from("i(work_mode_with_a_long_name)::Build:task_value_band::500_to_1000:month::2026-01"),
                _ => String::from("Size"),
            },
            dots: (0..models)
                .map(|model| {
                    let x = (term as f64 * 0.7).sin() * 0.2 + model as f64 * 0.05;
                    Dot { model, x, lo: x - 0.1, hi: x + 0.12 }
                })
                .collect(),
        };
        DotFigure {
            title: String::from("Coefficients"),
            note: String::from("Whiskers: 95% intervals, standard errors clustered by user."),
            x_title: String::from("Estimate"),
            models: (0..models).map(|model| format!("Model {model}")).collect(),
            bands: (0..terms).map(band).collect(),
        }
    }

    #[test]
    fn snapshot() {
        insta::assert_snapshot!(svg(&figure(3, 2)));
    }

    /// Pictures to look at: `METIER_PICTURES=folder cargo test --lib figure::dots`.
    #[test]
    fn any_number_of_terms_and_models_becomes_a_picture() {
        for (terms, models) in [(0, 0), (1, 1), (3, 2), (5, 6), (30, 1), (30, 3)] {
            let bytes = super::super::png(&svg(&figure(terms, models)), 1.0).unwrap();
            if let Some(folder) = std::env::var_os("METIER_PICTURES") {
                let path = std::path::Path::new(&folder).join(format!("dots_{terms}_{models}.png"));
                std::fs::write(path, bytes).unwrap();
            }
        }
    }

    #[test]
    fn names_stay_within_their_room() {
        let long = "i(work_mode_with_a_long_name)::Build:task_value_band::500_to_1000:month::2026-01";
        let lines = broken(long, 150.0, TERM);
        assert_eq!(lines.concat(), long);
        assert!(lines.iter().all(|line| text_width(line, TERM.size, TERM.weight) <= 150.0), "{lines:?}");
        let short = shortened(long, 100.0, MODEL.size, MODEL.weight);
        assert!(short.ends_with('…') && text_width(&short, MODEL.size, MODEL.weight) <= 100.0);
    }

    #[test]
    fn what_does_not_exist_is_not_drawn() {
        let mut figure = figure(1, 2);
        figure.bands[0].dots[1].x = f64::NAN;
        figure.bands[0].dots[0].hi = f64::NAN;
        let text = svg(&figure);
        assert!(!text.contains("NaN") && text.matches("<circle").count() == 1);
    }
}
