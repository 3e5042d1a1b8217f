//! Quartile boxes with whiskers from the 5th to the 95th percentile on a logarithmic axis, the geometric mean as a dot.

use super::super::page::Area;
use super::super::palette::look;
use super::super::scale::{Scale, log_ticks};
use super::super::surface::{Anchor, Surface, TextStyle};
use super::{
    AXIS, AXIS_TITLE, Format, GRID, INK, MIDDLE, NOTE, SUPPRESSED, TICK, VALUE, draw_positions, extent, positions_room,
};

const HEIGHT: f64 = 330.0;
const AXIS_ROOM: f64 = 72.0;
const BOX: f64 = 34.0;

/// The box of one position.
#[derive(Debug, Clone, PartialEq)]
pub struct FiveNumbers {
    /// Label below.
    pub label: String,
    /// 5th, 25th, 50th, 75th and 95th percentile.
    pub quantiles: [f64; 5],
    /// Geometric mean, with its interval.
    pub mean: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// Whether it may not be shown.
    pub suppressed: bool,
}

/// Boxes side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoxPlot {
    /// The boxes from left to right.
    pub boxes: Vec<FiveNumbers>,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// Title of the vertical axis.
    pub y_title: String,
}

impl BoxPlot {
    fn step(&self, width: f64) -> f64 {
        (width - AXIS_ROOM - 10.0) / self.boxes.len().max(1) as f64
    }

    fn labels(&self) -> Vec<&str> {
        self.boxes.iter().map(|found| found.label.as_str()).collect()
    }

    /// Height at a width.
    pub fn height(&self, width: f64) -> f64 {
        HEIGHT + positions_room(&self.labels(), self.step(width)) + 28.0
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Surface, area: Area) {
        let (left, right) = (area.left + AXIS_ROOM, area.left + area.width - 10.0);
        let (top, bottom) = (area.top + 8.0, area.top + HEIGHT);
        let all = self.boxes.iter().flat_map(|found| found.quantiles.into_iter().chain([found.mean]));
        let (low, high) = extent(all.filter(|value| *value > 0.0));
        let axis = log_ticks(low, high);
        let log =
            Scale { data_min: axis[0].ln(), data_max: axis[axis.len() - 1].ln(), page_min: bottom, page_max: top };
        // below the axis there is only zero: it is drawn at the axis
        let y = |value: f64| if value > 0.0 { log.at(value.ln()).min(bottom) } else { bottom };
        for &tick in &axis {
            page.line((left, y(tick)), (right, y(tick)), GRID, 1.0);
            page.text((left - 8.0, y(tick) + TICK.size * MIDDLE), &Format::Number.value(tick), TICK);
        }
        page.line((left, bottom), (right, bottom), AXIS, 1.2);
        page.turned_text((area.left + 10.0, (top + bottom) / 2.0), &self.y_title, AXIS_TITLE, -90.0);
        let step = self.step(area.width);
        let x = |position: usize| left + (position as f64 + 0.42) * step;
        let half = (BOX / 2.0).min(step * 0.24);
        for (position, found) in self.boxes.iter().enumerate() {
            let at = x(position);
            let [q05, q25, q50, q75, q95] = found.quantiles.map(y);
            if !found.quantiles.iter().all(|value| value.is_finite()) {
                if found.suppressed {
                    page.turned_text((at + 4.0, bottom - 8.0), SUPPRESSED, NOTE, -90.0);
                }
                continue;
            }
            let look = look(0);
            let [lowest, lower, median, upper, highest] = found.quantiles.map(|value| Format::Number.value(value));
            let mean = Format::Number.mark("geometric mean", found.mean, found.lo, found.hi);
            page.begin_mark(&format!(
                "{}: median {median}, quartiles {lower} and {upper}, 5th and 95th percentile {lowest} and {highest}, {mean}",
                found.label
            ));
            page.line((at, q05), (at, q25), look.colour, 1.6);
            page.line((at, q75), (at, q95), look.colour, 1.6);
            [q05, q95]
                .into_iter()
                .for_each(|end| page.line((at - half / 2.0, end), (at + half / 2.0, end), look.colour, 1.6));
            page.rectangle((at - half, q75), (2.0 * half, (q25 - q75).max(1.0)), look.colour);
            page.line((at - half, q50), (at + half, q50), "#ffffff", 2.0);
            if found.mean.is_finite() {
                page.ring((at, y(found.mean)), 4.5, INK);
                let style = TextStyle { anchor: Anchor::Start, ..VALUE };
                let text = Format::Number.value(found.mean);
                page.text_on_lines((at + half + 5.0, y(found.mean) + VALUE.size * MIDDLE), &text, style);
            }
            page.end_group();
        }
        draw_positions(page, &self.labels(), x, step, bottom);
        let below = bottom + positions_room(&self.labels(), step) + 16.0;
        page.text(((left + right) / 2.0, below), &self.x_title, AXIS_TITLE);
    }
}
