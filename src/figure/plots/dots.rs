//! Rows with one dot for each series, on a common horizontal axis.

use super::super::labels::spread;
use super::super::page::Area;
use super::super::palette::look;
use super::super::scale::{Scale, ticks};
use super::super::surface::{Anchor, Surface, TextStyle};
use super::super::text_width::{Weight, text_width, wrap};
use super::{
    AXIS, AXIS_TITLE, Bar, Format, GRID, LABEL, MIDDLE, NOTE, SUPPRESSED, extent, horizontal_axis, line_height, lines,
    style,
};

const LABEL_SHARE: f64 = 0.34;
const ROW: f64 = 31.0;
const HEAD: f64 = 24.0;
const RADIUS: f64 = 4.4;

/// Distance of dots that would hide each other.
const BESIDE: f64 = 8.0;

/// Values of a series, one per row.
#[derive(Debug, Clone, PartialEq)]
pub struct DotSeries {
    /// Name, printed above its first dot.
    pub name: String,
}

/// A row: its label and one dot per series.
#[derive(Debug, Clone, PartialEq)]
pub struct DotRow {
    /// Label at the left.
    pub label: String,
    /// One dot per series; labels of these bars are not drawn.
    pub dots: Vec<Bar>,
}

/// Rows of dots.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DotPlot {
    /// The series.
    pub series: Vec<DotSeries>,
    /// The rows from top to bottom.
    pub rows: Vec<DotRow>,
    /// Title of the axis.
    pub title: String,
    /// How numbers are written.
    pub format: Format,
}

/// Whether a dot of a row would lie on another one, or an interval on another series' dot.
fn crowded(row: &DotRow, x: Scale) -> bool {
    let reach = |dot: &Bar| {
        let end = |end: f64, otherwise: f64| if end.is_finite() { x.at(end) } else { x.at(otherwise) };
        (end(dot.lo, dot.value), end(dot.hi, dot.value))
    };
    let covers = |dot: &Bar, other: &Bar| {
        let (from, to) = reach(dot);
        (from - 2.0 * RADIUS..to + 2.0 * RADIUS).contains(&x.at(other.value))
    };
    let drawn: Vec<&Bar> = row.dots.iter().filter(|dot| dot.value.is_finite()).collect();
    drawn
        .iter()
        .enumerate()
        .any(|(at, dot)| drawn.iter().enumerate().any(|(other, there)| at != other && covers(dot, there)))
}

impl DotPlot {
    fn labels(&self, width: f64) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| wrap(&row.label, width * LABEL_SHARE, LABEL.size, LABEL.weight)).collect()
    }

    fn row_height(label: &[String]) -> f64 {
        (label.len() as f64 * line_height(LABEL) + 6.0).max(ROW)
    }

    /// Height at a width.
    pub fn height(&self, width: f64) -> f64 {
        HEAD + self.labels(width).iter().map(|label| Self::row_height(label)).sum::<f64>() + 44.0
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Surface, area: Area) {
        let labels = self.labels(area.width);
        let widest =
            labels.iter().flatten().map(|line| text_width(line, LABEL.size, LABEL.weight)).fold(40.0, f64::max);
        let (left, right) = (area.left + widest + 14.0, area.left + area.width - 34.0);
        let top = area.top + HEAD;
        let bottom = top + labels.iter().map(|label| Self::row_height(label)).sum::<f64>();
        let (low, high) =
            extent(self.rows.iter().flat_map(|row| &row.dots).flat_map(|dot| [dot.value, dot.lo, dot.hi]));
        // shares end at 1; what a linear model makes of them may not
        let high = if self.format == Format::Percent && (0.8..1.0).contains(&high) { 1.0 } else { high };
        let axis = if low > high { ticks(0.0, 1.0) } else { ticks(low.min(0.0), high) };
        let x = Scale { data_min: axis[0], data_max: axis[axis.len() - 1], page_min: left, page_max: right };
        horizontal_axis(page, x, &axis, (top, bottom), self.format);
        self.draw_names(page, x, area.top + 13.0, (left, right + 30.0));
        let mut at = top;
        for (row, label) in self.rows.iter().zip(&labels) {
            let middle = at + Self::row_height(label) / 2.0;
            let first = middle - (label.len() - 1) as f64 * line_height(LABEL) / 2.0 + LABEL.size * MIDDLE;
            lines(page, (left - 12.0, first), label, TextStyle { anchor: Anchor::End, ..LABEL });
            page.line((left, middle), (right, middle), GRID, 1.0);
            self.draw_row(page, row, x, middle);
            at += Self::row_height(label);
        }
        page.line((left, top), (left, bottom), AXIS, 1.2);
        page.text(((left + right) / 2.0, bottom + 36.0), &self.title, AXIS_TITLE);
    }

    fn draw_row(&self, page: &mut Surface, row: &DotRow, x: Scale, middle: f64) {
        let ends: Vec<f64> =
            row.dots.iter().map(|dot| if dot.hi.is_finite() { x.at(dot.hi) } else { x.at(dot.value) }).collect();
        let crowded = crowded(row, x);
        let n = row.dots.len();
        for (order, dot) in row.dots.iter().enumerate() {
            let look = look(order);
            if !dot.value.is_finite() {
                continue;
            }
            let shift = if crowded { BESIDE * (order as f64 - (n - 1) as f64 / 2.0) } else { 0.0 };
            let middle = middle + shift;
            let name = match self.series.get(order).filter(|_| self.series.len() > 1) {
                Some(series) => format!("{}, {}", row.label, series.name),
                None => row.label.clone(),
            };
            page.begin_mark(&self.format.mark(&name, dot.value, dot.lo, dot.hi));
            if dot.lo.is_finite() && dot.hi.is_finite() {
                page.line((x.at(dot.lo), middle), (x.at(dot.hi), middle), look.colour, 1.6);
            }
            page.marker(look.marker, (x.at(dot.value), middle), RADIUS, look.colour);
            page.end_group();
            // the value stands right of its dot where nothing else does
            let text = self.format.value(dot.value);
            let value = style(11.0, Weight::Regular, look.text, Anchor::Start);
            let from = ends[order].max(x.at(dot.value) + RADIUS) + 4.0;
            let to = from + text_width(&text, value.size, value.weight) + 4.0;
            let is_free = !crowded
                && row.dots.iter().enumerate().all(|(other, there)| {
                    let begin = if there.lo.is_finite() { x.at(there.lo) } else { x.at(there.value) } - RADIUS;
                    other == order || !there.value.is_finite() || begin > to || x.at(there.value) + RADIUS < from - 4.0
                });
            if is_free {
                page.text_on_lines((from, middle + value.size * MIDDLE), &text, value);
            }
        }
        if row.dots.iter().any(|dot| dot.suppressed) && row.dots.iter().all(|dot| !dot.value.is_finite()) {
            page.text_on_lines((x.page_min + 6.0, middle + NOTE.size * MIDDLE), SUPPRESSED, NOTE);
        }
    }

    /// Names of the series above their first dots, moved apart.
    fn draw_names(&self, page: &mut Surface, x: Scale, baseline: f64, (left, right): (f64, f64)) {
        let first = |order: usize| {
            self.rows.iter().filter_map(|row| row.dots.get(order)).map(|dot| dot.value).find(|value| value.is_finite())
        };
        let named: Vec<(usize, f64)> =
            (0..self.series.len()).filter_map(|order| Some((order, x.at(first(order)?)))).collect();
        let width = |order: usize| text_width(&self.series[order].name, LABEL.size, Weight::Bold) + 24.0;
        let widths: Vec<f64> = named.iter().map(|(order, _)| width(*order)).collect();
        let wanted: Vec<f64> = named.iter().map(|(_, at)| *at).collect();
        for ((order, _), centre) in named.iter().zip(spread(&wanted, &widths, left - 40.0, right)) {
            let look = look(*order);
            let start = centre - (width(*order) - 24.0) / 2.0;
            page.marker(look.marker, (start - 4.0, baseline - LABEL.size * MIDDLE), RADIUS, look.colour);
            let style = TextStyle { colour: look.text, weight: Weight::Bold, ..LABEL };
            page.text((start + 4.0, baseline), &self.series[*order].name, style);
        }
    }
}
