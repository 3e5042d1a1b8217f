//! Shares of bins with intervals, and the mean of the variable.

use super::super::page::Area;
use super::super::palette::look;
use super::super::scale::{Scale, ticks};
use super::super::surface::{Anchor, Surface, TextStyle};
use super::super::text_width::text_width;
use super::{AXIS, AXIS_TITLE, Bar, Format, INK, LABEL, NOTE, SUPPRESSED, TICK, VALUE, extent, vertical_axis};

const HEIGHT: f64 = 250.0;
const AXIS_ROOM: f64 = 62.0;

/// Bars of bins side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramPlot {
    /// The bins; labels are not drawn, edges are.
    pub bins: Vec<Bar>,
    /// Edges, one more than bins.
    pub edges: Vec<f64>,
    /// How edges are written.
    pub edge_format: Format,
    /// Mean of the variable; not finite draws none.
    pub mean: f64,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// Title of the vertical axis.
    pub y_title: String,
}

impl HistogramPlot {
    /// Height.
    pub fn height(&self) -> f64 {
        HEIGHT + 46.0
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Surface, area: Area) {
        let (left, right) = (area.left + AXIS_ROOM, area.left + area.width - 10.0);
        let (top, bottom) = (area.top + 36.0, area.top + HEIGHT);
        let (_, high) = extent(self.bins.iter().flat_map(|bin| [bin.value, bin.hi]));
        let axis = ticks(0.0, if high > 0.0 { high } else { 0.1 });
        let y = Scale { data_min: 0.0, data_max: axis[axis.len() - 1], page_min: bottom, page_max: top };
        vertical_axis(page, y, &axis, (left, right), Format::Percent);
        page.turned_text((area.left + 10.0, (top + bottom) / 2.0), &self.y_title, AXIS_TITLE, -90.0);
        let (Some(&first), Some(&last)) = (self.edges.first(), self.edges.last()) else { return };
        let x = Scale { data_min: first, data_max: last, page_min: left, page_max: right };
        let look = look(0);
        for (bin, edges) in self.bins.iter().zip(self.edges.windows(2)) {
            let (from, to) = (x.at(edges[0]) + 1.5, x.at(edges[1]) - 1.5);
            let middle = (from + to) / 2.0;
            if bin.value.is_finite() {
                page.begin_mark(&Format::Percent.mark(&bin.label, bin.value, bin.lo, bin.hi));
                page.rectangle((from, y.at(bin.value)), (to - from, bottom - y.at(bin.value)), look.colour);
                let mut end = y.at(bin.value);
                if bin.lo.is_finite() && bin.hi.is_finite() {
                    page.line((middle, y.at(bin.lo)), (middle, y.at(bin.hi)), INK, 1.3);
                    end = end.min(y.at(bin.hi));
                }
                page.end_group();
                let style = TextStyle { anchor: Anchor::Middle, ..VALUE };
                page.text_on_lines((middle, end - 5.0), &Format::Percent.value(bin.value), style);
            } else if bin.suppressed {
                page.turned_text((middle + 4.0, bottom - 6.0), SUPPRESSED, NOTE, -90.0);
            }
        }
        let step = self.edges.get(1).map_or(1.0, |second| second - first);
        for &edge in &self.edges {
            let style = TextStyle { anchor: Anchor::Middle, ..TICK };
            page.text((x.at(edge), bottom + 17.0), &self.edge_format.tick(edge, step), style);
        }
        if self.mean.is_finite() {
            let at = x.at(self.mean);
            page.dashes((at, area.top + 4.0), (at, bottom), INK, 1.4);
            let text = format!("mean {}", self.edge_format.value(self.mean));
            let fits_right = at + 8.0 + text_width(&text, LABEL.size, LABEL.weight) < right;
            let (x, anchor) = if fits_right { (at + 6.0, Anchor::Start) } else { (at - 6.0, Anchor::End) };
            page.text_on_lines((x, area.top + 13.0), &text, TextStyle { anchor, ..LABEL });
        }
        page.line((left, bottom), (right, bottom), AXIS, 1.2);
        page.text(((left + right) / 2.0, bottom + 38.0), &self.x_title, AXIS_TITLE);
    }
}
