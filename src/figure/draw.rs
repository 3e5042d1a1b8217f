//! Layout of a [`PanelFigure`]: where every line, point and label stands.

use super::labels::spread;
use super::palette::{Look, look};
use super::scale::{Scale, tick_label, ticks};
use super::surface::{Anchor, Surface, TextStyle};
use super::text_width::{Weight, text_width, wrap};
use super::{Panel, PanelFigure, Point, Series, Unit};

const MARGIN: f64 = 28.0;
/// Room for the ticks and title of the vertical axis.
const AXIS_ROOM: f64 = 58.0;
/// Lines and points of a panel are drawn in a box of this size.
const PLOT_WIDTH: f64 = 308.0;
const PLOT_HEIGHT: f64 = 380.0;
/// Room right of the box for the labels of the lines.
const LABEL_ROOM: f64 = 132.0;
const PANEL_GAP: f64 = 16.0;
/// Room inside the box, left of the first level for its values and right of the last level.
const FIRST_LEVEL: f64 = 38.0;
const LAST_LEVEL: f64 = 12.0;
const MARKER_RADIUS: f64 = 4.6;
const CAP: f64 = 3.5;

const INK: &str = "#1a1a1a";
const SOFT: &str = "#555555";
const GRID: &str = "#e4e4e4";
const AXIS: &str = "#8c8c8c";

const TITLE: TextStyle = style(21.0, Weight::Bold, INK, Anchor::Start);
const SUBTITLE: TextStyle = style(14.0, Weight::Regular, SOFT, Anchor::Start);
const PANEL_TITLE: TextStyle = style(14.0, Weight::Bold, INK, Anchor::Start);
const TICK: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::End);
const LEVEL: TextStyle = style(11.0, Weight::Regular, SOFT, Anchor::Middle);
const AXIS_TITLE: TextStyle = style(12.5, Weight::Regular, INK, Anchor::Middle);
const NOTE: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::Start);
const LABEL: TextStyle = style(12.0, Weight::Regular, INK, Anchor::Start);
const VALUE: TextStyle = style(12.0, Weight::Bold, INK, Anchor::End);
/// Height of a line of text relative to its size.
const LEADING: f64 = 1.3;
/// Where the middle of small letters lies above the baseline, relative to the size.
const MIDDLE: f64 = 0.35;

const fn style(size: f64, weight: Weight, colour: &'static str, anchor: Anchor) -> TextStyle {
    TextStyle { size, weight, colour, anchor }
}

/// The figure as an SVG document.
pub fn svg(figure: &PanelFigure) -> String {
    let n_panels = figure.panels.len().max(1) as f64;
    let width = 2.0 * MARGIN + AXIS_ROOM + n_panels * (PLOT_WIDTH + LABEL_ROOM) + (n_panels - 1.0) * PANEL_GAP;
    let text_width = width - 2.0 * MARGIN;
    let title = wrap(&figure.title, text_width, TITLE.size, TITLE.weight);
    let subtitle = wrap(&figure.subtitle, text_width, SUBTITLE.size, SUBTITLE.weight);
    let note = wrap(&figure.note, text_width, NOTE.size, NOTE.weight);
    let panel_titles: Vec<Vec<String>> = figure
        .panels
        .iter()
        .map(|panel| wrap(&panel.title, PLOT_WIDTH + LABEL_ROOM, PANEL_TITLE.size, PANEL_TITLE.weight))
        .collect();
    let levels: Vec<Vec<&str>> = figure.panels.iter().map(level_names).collect();
    let turned = levels.iter().any(|levels| must_turn(levels));

    let title_room = if title.is_empty() { 0.0 } else { 12.0 + title.len() as f64 * line_height(TITLE) };
    let subtitle_room = subtitle.len() as f64 * line_height(SUBTITLE);
    let panel_title_room = panel_titles.iter().map(Vec::len).max().unwrap_or(0) as f64 * line_height(PANEL_TITLE);
    let top = MARGIN + title_room + subtitle_room + 14.0 + panel_title_room + 10.0;
    let bottom = top + PLOT_HEIGHT;
    let level_room = if turned { 62.0 } else { 22.0 };
    let x_title = bottom + level_room + 20.0;
    let note_top = x_title + 34.0;
    let height = note_top + note.len() as f64 * line_height(NOTE) + MARGIN - 14.0;

    let mut page = Surface::new(width.round(), height.round());
    lines(&mut page, (MARGIN, MARGIN + TITLE.size * 0.8), &title, TITLE);
    lines(&mut page, (MARGIN, MARGIN + title_room + SUBTITLE.size * 0.3), &subtitle, SUBTITLE);
    let axis_ticks = y_ticks(figure);
    let (low, high) = (axis_ticks[0], axis_ticks[axis_ticks.len() - 1]);
    let y = Scale { data_min: low, data_max: high, page_min: bottom, page_max: top };
    page.turned_text((MARGIN + 10.0, (top + bottom) / 2.0), &figure.y_title, AXIS_TITLE, -90.0);

    let names = figure.series_names();
    for (position, panel) in figure.panels.iter().enumerate() {
        let left = MARGIN + AXIS_ROOM + position as f64 * (PLOT_WIDTH + LABEL_ROOM + PANEL_GAP);
        let frame = Frame { left, y, levels: &levels[position], unit: figure.unit };
        page.begin_group(&panel.title);
        let title_top = top - 10.0 - panel_titles[position].len() as f64 * line_height(PANEL_TITLE);
        lines(&mut page, (left, title_top + PANEL_TITLE.size), &panel_titles[position], PANEL_TITLE);
        frame.draw_axes(&mut page, &axis_ticks, position == 0, turned);
        page.text((left + PLOT_WIDTH / 2.0, x_title), &figure.x_title, AXIS_TITLE);
        let looks: Vec<Look> = panel
            .series
            .iter()
            .map(|series| look(names.iter().position(|name| *name == series.name).unwrap_or(0)))
            .collect();
        frame.draw_series(&mut page, &panel.series, &looks);
        page.end_group();
    }
    lines(&mut page, (MARGIN, note_top), &note, NOTE);
    page.finish(&figure.title, &format!("{} {}", figure.subtitle, figure.note))
}

fn line_height(style: TextStyle) -> f64 {
    (style.size * LEADING).ceil()
}

/// Lines of text from a first baseline downwards.
fn lines(page: &mut Surface, (x, y): (f64, f64), lines: &[String], style: TextStyle) {
    for (position, line) in lines.iter().enumerate() {
        page.text((x, y + position as f64 * line_height(style)), line, style);
    }
}

/// Labels of the horizontal axis in order of first appearance.
fn level_names(panel: &Panel) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for point in panel.series.iter().flat_map(|series| &series.points) {
        if !names.contains(&point.label.as_str()) {
            names.push(&point.label);
        }
    }
    names
}

/// Whether neighbouring level names would touch if they were horizontal.
fn must_turn(levels: &[&str]) -> bool {
    let step = level_step(levels.len());
    levels.windows(2).any(|pair| {
        let widths = pair.iter().map(|name| text_width(name, LEVEL.size, LEVEL.weight));
        widths.sum::<f64>() / 2.0 + 3.0 > step
    })
}

/// Distance between neighbouring levels.
fn level_step(n_levels: usize) -> f64 {
    (PLOT_WIDTH - FIRST_LEVEL - LAST_LEVEL) / (n_levels.max(2) - 1) as f64
}

/// Ticks of the shared vertical axis.
fn y_ticks(figure: &PanelFigure) -> Vec<f64> {
    let points = figure.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
    let values = points.flat_map(|point| [point.y, point.lo, point.hi]).filter(|value| value.is_finite());
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match figure.unit {
        Unit::Percent if low > high => ticks(0.0, 1.0),
        Unit::Percent => ticks(low.min(0.0), if high <= 1.0 { high.max(0.05) } else { high }),
        Unit::Number => ticks(low, high),
    }
}

/// A value beside a point: whole percent, or three significant digits.
fn value_label(value: f64, unit: Unit) -> String {
    let text = match unit {
        Unit::Percent => format!("{:.0}%", 100.0 * value),
        Unit::Number if value == 0.0 => String::from("0"),
        Unit::Number => {
            let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
            format!("{value:.decimals$}")
        }
    };
    text.replace('-', "\u{2212}")
}

/// Where one panel lies.
struct Frame<'a> {
    left: f64,
    y: Scale,
    levels: &'a [&'a str],
    unit: Unit,
}

impl Frame<'_> {
    fn x(&self, level: usize) -> f64 {
        let single = if self.levels.len() == 1 { (PLOT_WIDTH - FIRST_LEVEL - LAST_LEVEL) / 2.0 } else { 0.0 };
        self.left + FIRST_LEVEL + single + level as f64 * level_step(self.levels.len())
    }

    fn draw_axes(&self, page: &mut Surface, ticks: &[f64], labelled: bool, turned: bool) {
        let right = self.left + PLOT_WIDTH;
        let step = ticks[1] - ticks[0];
        for &tick in ticks {
            let y = self.y.at(tick);
            page.line((self.left, y), (right, y), GRID, 1.0);
            if labelled {
                let label = match self.unit {
                    Unit::Percent => format!("{}%", tick_label(100.0 * tick, 100.0 * step)),
                    Unit::Number => tick_label(tick, step),
                };
                page.text((self.left - 8.0, y + TICK.size * MIDDLE), &label, TICK);
            }
        }
        let base = self.y.page_min;
        page.line((self.left, base), (right, base), AXIS, 1.2);
        for (position, level) in self.levels.iter().enumerate() {
            let x = self.x(position);
            page.line((x, base), (x, base + 4.0), AXIS, 1.2);
            if turned {
                let style = TextStyle { anchor: Anchor::End, ..LEVEL };
                page.turned_text((x + 4.0, base + 16.0), level, style, -35.0);
            } else {
                page.text((x, base + 18.0), level, LEVEL);
            }
        }
    }

    /// Lines first, then whiskers and markers above all lines, then the labels.
    fn draw_series(&self, page: &mut Surface, series: &[Series], looks: &[Look]) {
        for (series, look) in series.iter().zip(looks) {
            for run in self.runs(series) {
                page.polyline(&run, look.colour, 2.0);
            }
        }
        for (series, look) in series.iter().zip(looks) {
            for (x, point) in self.placed(series) {
                page.begin_mark(&self.mark_label(series, point));
                if point.lo.is_finite() && point.hi.is_finite() {
                    self.draw_whisker(page, x, point, look);
                }
                page.marker(look.marker, (x, self.y.at(point.y)), MARKER_RADIUS, look.colour);
                page.end_group();
            }
        }
        self.draw_first_values(page, series, looks);
        self.draw_end_labels(page, series, looks);
    }

    /// What a pointer on the point shows: `Judged success, Expert: 65.1% [64.2%, 66.0%]`.
    fn mark_label(&self, series: &Series, point: &Point) -> String {
        let shown = |value: f64| match self.unit {
            Unit::Percent => format!("{:.1}%", 100.0 * value),
            Unit::Number => value_label(value, self.unit),
        };
        let interval = match point.lo.is_finite() && point.hi.is_finite() {
            true => format!(" [{}, {}]", shown(point.lo), shown(point.hi)),
            false => String::new(),
        };
        format!("{}, {}: {}{interval}", series.name, point.label, shown(point.y))
    }

    /// The points that have a value, with their place on the horizontal axis.
    fn placed<'s>(&self, series: &'s Series) -> Vec<(f64, &'s Point)> {
        let place = |point: &Point| self.levels.iter().position(|level| *level == point.label).map(|at| self.x(at));
        let finite = series.points.iter().filter(|point| point.y.is_finite());
        finite.filter_map(|point| Some((place(point)?, point))).collect()
    }

    /// Stretches of a line between missing points.
    fn runs(&self, series: &Series) -> Vec<Vec<(f64, f64)>> {
        let stretches = series.points.split(|point| !point.y.is_finite());
        stretches
            .map(|points| {
                let part = Series { name: String::new(), points: points.to_vec() };
                self.placed(&part).into_iter().map(|(x, point)| (x, self.y.at(point.y))).collect()
            })
            .filter(|run: &Vec<_>| run.len() > 1)
            .collect()
    }

    fn draw_whisker(&self, page: &mut Surface, x: f64, point: &Point, look: &Look) {
        let (low, high) = (self.y.at(point.lo), self.y.at(point.hi));
        page.line((x, low), (x, high), look.colour, 1.4);
        page.line((x - CAP, low), (x + CAP, low), look.colour, 1.4);
        page.line((x - CAP, high), (x + CAP, high), look.colour, 1.4);
    }

    /// Values left of the first points, moved apart where they would touch.
    fn draw_first_values(&self, page: &mut Surface, series: &[Series], looks: &[Look]) {
        let firsts: Vec<(f64, f64, String, &Look)> = series
            .iter()
            .zip(looks)
            .filter_map(|(series, look)| {
                let placed = self.placed(series);
                let (x, point) = placed.first().filter(|_| placed.len() > 1)?;
                Some((*x, self.y.at(point.y), value_label(point.y, self.unit), look))
            })
            .collect();
        let wanted: Vec<f64> = firsts.iter().map(|(_, y, _, _)| *y).collect();
        let heights = vec![line_height(VALUE); firsts.len()];
        let centres = spread(&wanted, &heights, self.y.page_max - 8.0, self.y.page_min + 4.0);
        for ((x, _, text, look), centre) in firsts.iter().zip(centres) {
            let style = TextStyle { colour: look.text, ..VALUE };
            page.text_on_lines((x - 9.0, centre + VALUE.size * MIDDLE), text, style);
        }
    }

    /// Value and name right of the last points, moved apart where they would touch and then tied to their point.
    fn draw_end_labels(&self, page: &mut Surface, series: &[Series], looks: &[Look]) {
        let ends: Vec<EndLabel<'_>> = series
            .iter()
            .zip(looks)
            .filter_map(|(series, look)| {
                let placed = self.placed(series);
                let (x, point) = placed.last()?;
                Some(EndLabel::new(*x, self.y.at(point.y), &value_label(point.y, self.unit), &series.name, look))
            })
            .collect();
        let wanted: Vec<f64> = ends.iter().map(|end| end.point.1).collect();
        let heights: Vec<f64> = ends.iter().map(EndLabel::height).collect();
        let centres = spread(&wanted, &heights, self.y.page_max - 16.0, self.y.page_min + 8.0);
        for (end, centre) in ends.iter().zip(centres) {
            end.draw(page, self.left + PLOT_WIDTH + 10.0, centre);
        }
    }
}

/// The label at the end of a line.
struct EndLabel<'a> {
    point: (f64, f64),
    value: String,
    value_width: f64,
    name: Vec<String>,
    look: &'a Look,
}

impl<'a> EndLabel<'a> {
    fn new(x: f64, y: f64, value: &str, name: &str, look: &'a Look) -> Self {
        let value_width = text_width(value, VALUE.size, VALUE.weight) + 6.0;
        let name = wrap(name, LABEL_ROOM - 10.0 - value_width, LABEL.size, LABEL.weight);
        EndLabel { point: (x, y), value: value.to_owned(), value_width, name, look }
    }

    fn height(&self) -> f64 {
        self.name.len().max(1) as f64 * line_height(LABEL) + 3.0
    }

    /// Draws the label around a height; a thin line ties it to its point if it had to move.
    fn draw(&self, page: &mut Surface, left: f64, centre: f64) {
        const MOVED: f64 = 1.0;
        let (x, y) = self.point;
        if (centre - y).abs() > MOVED || left - x > 40.0 {
            let start = x + MARKER_RADIUS + 2.0;
            page.polyline(&[(start, y), (start + 3.0, y), (left - 3.0, centre)], self.look.colour, 0.8);
        }
        let first = centre - (self.name.len().max(1) - 1) as f64 * line_height(LABEL) / 2.0 + LABEL.size * MIDDLE;
        let value = TextStyle { colour: self.look.text, anchor: Anchor::Start, ..VALUE };
        page.text((left, first), &self.value, value);
        lines(page, (left + self.value_width, first), &self.name, TextStyle { colour: self.look.text, ..LABEL });
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::figure;
    use super::*;

    #[test]
    fn snapshot() {
        insta::assert_snapshot!(svg(&figure()));
    }

    #[test]
    fn the_drawing_is_valid_and_becomes_a_picture() {
        let bytes = super::super::png(&svg(&figure()), 2.0).unwrap();
        if let Ok(path) = std::env::var("METIER_TEST_PNG") {
            std::fs::write(path, &bytes).unwrap();
        }
        assert!(bytes.len() > 20_000);
    }

    #[test]
    fn names_are_text_and_missing_points_are_gaps() {
        let mut figure = figure();
        figure.panels.truncate(1);
        figure.panels[0].series[0].name = String::from("<x> & y");
        figure.panels[0].series[0].points[2].y = f64::NAN;
        figure.panels[0].series[1].points.iter_mut().for_each(|point| point.y = f64::NAN);
        let text = svg(&figure);
        assert!(text.contains("&lt;x&gt; &amp; y") && !text.contains("NaN"), "{text}");
        let bytes = super::super::png(&text, 2.0).unwrap();
        if let Ok(path) = std::env::var("METIER_TEST_PNG") {
            std::fs::write(path + ".one.png", bytes).unwrap();
        }
    }

    #[test]
    fn an_empty_figure_is_a_picture_too() {
        assert!(super::super::png(&svg(&PanelFigure::default()), 1.0).is_ok());
    }

    #[test]
    fn values_keep_three_digits() {
        assert_eq!(value_label(0.1449, Unit::Percent), "14%");
        assert_eq!(value_label(-2.3456, Unit::Number), "\u{2212}2.35");
        assert_eq!(value_label(1234.5, Unit::Number), "1234");
    }
}
