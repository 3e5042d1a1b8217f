//! Horizontal bars with intervals, the value at the end.

use super::super::page::Area;
use super::super::palette::look;
use super::super::scale::{Scale, range_of_points, ticks};
use super::super::surface::{Anchor, Surface, TextStyle};
use super::super::text_width::{text_width, wrap};
use super::{
    AXIS, AXIS_TITLE, Format, INK, LABEL, MIDDLE, NOTE, NOTHING, SUPPRESSED, VALUE, horizontal_axis, line_height, lines,
};

/// Most of the width that labels may take.
const LABEL_SHARE: f64 = 0.46;
const BAR: f64 = 15.0;
const SPACE: f64 = 11.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Label left of it.
    pub label: String,
    /// Its length; not finite draws words that say why.
    pub value: f64,
    /// Lower end of the interval; not finite draws none.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
    /// Whether the value may not be shown.
    pub suppressed: bool,
}

/// Bars below each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarPlot {
    /// The bars from top to bottom.
    pub bars: Vec<Bar>,
    /// Title of the axis.
    pub title: String,
    /// How numbers are written.
    pub format: Format,
}

impl BarPlot {
    fn labels(&self, width: f64) -> Vec<Vec<String>> {
        self.bars.iter().map(|bar| wrap(&bar.label, width * LABEL_SHARE, LABEL.size, LABEL.weight)).collect()
    }

    fn row_height(label: &[String]) -> f64 {
        (label.len() as f64 * line_height(LABEL)).max(BAR) + SPACE
    }

    /// Height at a width.
    pub fn height(&self, width: f64) -> f64 {
        self.labels(width).iter().map(|label| Self::row_height(label)).sum::<f64>() + 44.0
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Surface, area: Area) {
        let labels = self.labels(area.width);
        let widest =
            labels.iter().flatten().map(|line| text_width(line, LABEL.size, LABEL.weight)).fold(40.0, f64::max);
        let left = area.left + widest + 10.0;
        let value_room = self
            .bars
            .iter()
            .map(|bar| text_width(&self.format.value(bar.value), VALUE.size, VALUE.weight))
            .fold(text_width(SUPPRESSED, NOTE.size, NOTE.weight), f64::max);
        let right = area.left + area.width - value_room - 12.0;
        let values: Vec<f64> = self.bars.iter().map(|bar| bar.value).collect();
        let ends: Vec<f64> = self.bars.iter().flat_map(|bar| [bar.lo, bar.hi]).collect();
        let (low, high) = range_of_points(&values, &ends);
        let axis = ticks(low, if high > 0.0 { high } else { 0.1 });
        let x = Scale { data_min: axis[0], data_max: axis[axis.len() - 1], page_min: left, page_max: right };
        let bottom = area.top + labels.iter().map(|label| Self::row_height(label)).sum::<f64>();
        horizontal_axis(page, x, &axis, (area.top, bottom), self.format);
        let mut top = area.top;
        let look = look(0);
        for (bar, label) in self.bars.iter().zip(&labels) {
            let height = Self::row_height(label);
            let middle = top + height / 2.0;
            let first = middle - (label.len() - 1) as f64 * line_height(LABEL) / 2.0 + LABEL.size * MIDDLE;
            lines(page, (left - 10.0, first), label, TextStyle { anchor: Anchor::End, ..LABEL });
            if bar.value.is_finite() {
                let (from, to) = (x.at(bar.value.min(0.0)), x.at(bar.value.max(0.0)));
                page.begin_mark(&self.format.mark(&bar.label, bar.value, bar.lo, bar.hi));
                page.rectangle((from, middle - BAR / 2.0), (to - from, BAR), look.colour);
                let mut end = to;
                if bar.lo.is_finite() && bar.hi.is_finite() {
                    let inside = |value: f64| value.clamp(x.data_min, x.data_max);
                    let (lo, hi) = (x.at(inside(bar.lo)), x.at(inside(bar.hi)));
                    page.line((lo, middle), (hi, middle), INK, 1.4);
                    // an end that leaves the picture has no cap
                    let caps = [bar.lo, bar.hi].into_iter().filter(|end| inside(*end) == *end).map(|end| x.at(end));
                    caps.for_each(|at| page.line((at, middle - 3.5), (at, middle + 3.5), INK, 1.4));
                    end = end.max(hi);
                }
                page.end_group();
                page.text_on_lines((end + 6.0, middle + VALUE.size * MIDDLE), &self.format.value(bar.value), VALUE);
            } else {
                let text = if bar.suppressed { SUPPRESSED } else { NOTHING };
                page.text_on_lines((x.at(0.0) + 6.0, middle + NOTE.size * MIDDLE), text, NOTE);
            }
            top += height;
        }
        page.line((x.at(0.0), area.top), (x.at(0.0), bottom), AXIS, 1.2);
        page.text(((left + right) / 2.0, bottom + 36.0), &self.title, AXIS_TITLE);
    }
}
