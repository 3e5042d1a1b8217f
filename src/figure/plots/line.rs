//! Lines over positions in order, each labelled where it ends.

use super::super::Series;
use super::super::labels::spread;
use super::super::page::Area;
use super::super::palette::{Look, look};
use super::super::scale::{Scale, range_of_points, ticks};
use super::super::surface::{Anchor, Surface, TextStyle};
use super::super::text_width::{text_width, wrap};
use super::{
    AXIS_TITLE, Format, LABEL, MIDDLE, NOTE, VALUE, draw_positions, line_height, lines, positions_room, vertical_axis,
};

const HEIGHT: f64 = 330.0;
const AXIS_ROOM: f64 = 68.0;
const LABEL_ROOM: f64 = 158.0;
const RADIUS: f64 = 3.8;
/// Length from which intervals of several lines would hide each other.
const LONG: f64 = 40.0;

/// Lines that share positions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinePlot {
    /// Labels of the positions from left to right.
    pub positions: Vec<String>,
    /// The lines; the point of a line at a position is the one with that label.
    pub series: Vec<Series>,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// Title of the vertical axis.
    pub y_title: String,
    /// How numbers are written.
    pub format: Format,
}

impl LinePlot {
    fn step(&self, width: f64) -> f64 {
        let room = width - AXIS_ROOM - LABEL_ROOM - 34.0;
        room / (self.positions.len().max(2) - 1) as f64
    }

    fn labels(&self) -> Vec<&str> {
        self.positions.iter().map(String::as_str).collect()
    }

    /// Height at a width.
    pub fn height(&self, width: f64) -> f64 {
        HEIGHT + positions_room(&self.labels(), self.step(width)) + 28.0
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Surface, area: Area) {
        let (left, right) = (area.left + AXIS_ROOM, area.left + area.width - LABEL_ROOM);
        let (top, bottom) = (area.top + 8.0, area.top + HEIGHT);
        let points = || self.series.iter().flat_map(|series| &series.points);
        let heights: Vec<f64> = points().map(|point| point.y).collect();
        let ends: Vec<f64> = points().flat_map(|point| [point.lo, point.hi]).collect();
        let (low, high) = range_of_points(&heights, &ends);
        let mut axis = if low < high { ticks(low, high) } else { ticks(0.0, 0.1) };
        if self.format == Format::Change && axis[0] < -1.0 {
            // nothing falls by more than all of it
            axis.retain(|tick| *tick > -1.0);
            axis.insert(0, -1.0);
        }
        let y = Scale { data_min: axis[0], data_max: axis[axis.len() - 1], page_min: bottom, page_max: top };
        vertical_axis(page, y, &axis, (left, right), self.format);
        page.turned_text((area.left + 10.0, (top + bottom) / 2.0), &self.y_title, AXIS_TITLE, -90.0);
        let step = self.step(area.width);
        let alone = if self.positions.len() == 1 { step / 2.0 } else { 0.0 };
        // intervals of several lines stand beside each other
        let n = self.series.len();
        let long = points().any(|point| y.at(point.lo) - y.at(point.hi) > LONG);
        let beside = if n > 1 && long { (0.5 * step / n as f64).min(3.0) } else { 0.0 };
        let shift = |order: usize| beside * (order as f64 - (n - 1) as f64 / 2.0);
        let x = |position: usize| left + 17.0 + alone + position as f64 * step;
        let mut is_cut = false;
        let mut ends: Vec<(f64, f64, String, Vec<String>, Look)> = Vec::new();
        for (order, series) in self.series.iter().enumerate() {
            let look = look(order);
            let at: Vec<Option<&super::super::Point>> = self
                .positions
                .iter()
                .map(|label| series.points.iter().find(|point| point.label == *label && point.y.is_finite()))
                .collect();
            for (position, point) in at.iter().enumerate() {
                let Some(point) = point else { continue };
                let here = (x(position) + shift(order), y.at(point.y));
                if let Some(Some(next)) = at.get(position + 1) {
                    page.polyline(&[here, (x(position + 1) + shift(order), y.at(next.y))], look.colour, 2.0);
                }
                let name = match self.series.len() {
                    1 => point.label.clone(),
                    _ => format!("{}, {}", series.name, point.label),
                };
                page.begin_mark(&self.format.mark(&name, point.y, point.lo, point.hi));
                if point.lo.is_finite() && point.hi.is_finite() {
                    let inside = |value: f64| value.clamp(y.data_min, y.data_max);
                    is_cut |= inside(point.lo) != point.lo || inside(point.hi) != point.hi;
                    page.line((here.0, y.at(inside(point.lo))), (here.0, y.at(inside(point.hi))), look.colour, 1.2);
                }
                page.marker(look.marker, here, RADIUS, look.colour);
                page.end_group();
            }
            let last = at.iter().enumerate().rev().find_map(|(position, point)| point.map(|point| (position, point)));
            // a line that ends early is named where it ends: its name has no value to stand beside
            if let Some((position, point)) = last {
                let is_whole = position + 1 == self.positions.len();
                let value = if is_whole { self.format.value(point.y) } else { String::from("–") };
                let room = LABEL_ROOM - 24.0 - text_width(&value, VALUE.size, VALUE.weight);
                let name = wrap(&series.name, room, LABEL.size, LABEL.weight);
                ends.push((if is_whole { x(position) } else { f64::NAN }, y.at(point.y), value, name, look));
            }
        }
        self.draw_ends(page, &ends, right, (top, bottom));
        if is_cut {
            let style = TextStyle { anchor: Anchor::End, ..NOTE };
            page.text_on_lines((right - 4.0, top - 2.0 + NOTE.size), "longer intervals are cut", style);
        }
        if ends.is_empty() {
            let style = TextStyle { anchor: Anchor::Middle, ..NOTE };
            page.text(((left + right) / 2.0, (top + bottom) / 2.0), "nothing to draw", style);
        }
        draw_positions(page, &self.labels(), x, step, bottom);
        let below = bottom + positions_room(&self.labels(), step) + 16.0;
        page.text(((left + right) / 2.0, below), &self.x_title, AXIS_TITLE);
    }

    /// The names at the ends of the lines, moved apart.
    fn draw_ends(
        &self,
        page: &mut Surface,
        ends: &[(f64, f64, String, Vec<String>, Look)],
        right: f64,
        (top, bottom): (f64, f64),
    ) {
        let heights: Vec<f64> =
            ends.iter().map(|(_, _, _, name, _)| name.len().max(1) as f64 * line_height(LABEL) + 2.0).collect();
        let wanted: Vec<f64> = ends.iter().map(|(_, y, ..)| *y).collect();
        for ((x, y, value, name, look), centre) in ends.iter().zip(spread(&wanted, &heights, top - 8.0, bottom + 30.0))
        {
            let left = right + 12.0;
            if x.is_finite() && ((centre - y).abs() > 1.0 || left - x > 36.0) {
                page.polyline(&[(x + RADIUS + 2.0, *y), (left - 3.0, centre)], look.colour, 0.8);
            }
            let first = centre - (name.len().max(1) - 1) as f64 * line_height(LABEL) / 2.0 + LABEL.size * MIDDLE;
            page.text((left, first), value, TextStyle { colour: look.text, ..VALUE });
            let name_left = left + text_width(value, VALUE.size, VALUE.weight) + 6.0;
            lines(page, (name_left, first), name, TextStyle { colour: look.text, ..LABEL });
        }
    }
}
