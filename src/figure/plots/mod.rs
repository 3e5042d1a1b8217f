//! The plots of a [`Page`](super::Page), and what they share: text styles, number formats, axes.

mod bars;
mod boxes;
mod dots;
mod histogram;
mod line;

pub use bars::{Bar, BarPlot};
pub use boxes::{BoxPlot, FiveNumbers};
pub use dots::{DotPlot, DotRow, DotSeries};
pub use histogram::HistogramPlot;
pub use line::LinePlot;

use super::scale::{Scale, tick_label};
use super::surface::{Anchor, Surface, TextStyle};
use super::text_width::{Weight, text_width, wrap};

pub(super) const INK: &str = "#1a1a1a";
pub(super) const SOFT: &str = "#555555";
pub(super) const GRID: &str = "#e4e4e4";
pub(super) const AXIS: &str = "#8c8c8c";

pub(super) const TITLE: TextStyle = style(21.0, Weight::Bold, INK, Anchor::Start);
pub(super) const SUBTITLE: TextStyle = style(14.0, Weight::Regular, SOFT, Anchor::Start);
pub(super) const PANEL_TITLE: TextStyle = style(14.0, Weight::Bold, INK, Anchor::Start);
pub(super) const TICK: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::End);
pub(super) const LABEL: TextStyle = style(12.0, Weight::Regular, INK, Anchor::Start);
pub(super) const VALUE: TextStyle = style(12.0, Weight::Bold, INK, Anchor::Start);
pub(super) const AXIS_TITLE: TextStyle = style(12.5, Weight::Regular, INK, Anchor::Middle);
pub(super) const NOTE: TextStyle = style(11.5, Weight::Regular, SOFT, Anchor::Start);

/// Where the middle of small letters lies above the baseline, relative to the size.
pub(super) const MIDDLE: f64 = 0.35;
/// Height of a line of text relative to its size.
const LEADING: f64 = 1.3;

/// What stands where a number may not be shown.
pub(super) const SUPPRESSED: &str = "suppressed";

/// What stands where there is no number.
pub(super) const NOTHING: &str = "no sessions";

pub(super) const fn style(size: f64, weight: Weight, colour: &'static str, anchor: Anchor) -> TextStyle {
    TextStyle { size, weight, colour, anchor }
}

pub(super) fn line_height(style: TextStyle) -> f64 {
    (style.size * LEADING).ceil()
}

/// Lines of text from a first baseline downwards.
pub(super) fn lines(page: &mut Surface, (x, y): (f64, f64), lines: &[String], style: TextStyle) {
    for (position, line) in lines.iter().enumerate() {
        page.text((x, y + position as f64 * line_height(style)), line, style);
    }
}

/// How numbers of a plot are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A share as whole percent; one decimal below ten percent where `fine`.
    #[default]
    Percent,
    /// A relative change in percent with its sign.
    Change,
    /// A difference of shares in percentage points with its sign.
    Points,
    /// A plain number with three significant digits.
    Number,
}

impl Format {
    /// A value beside its mark.
    pub fn value(self, value: f64) -> String {
        let text = match self {
            Format::Percent if value != 0.0 && value.abs() < 0.000_95 => format!("{:.2}%", 100.0 * value),
            Format::Percent if value != 0.0 && value.abs() < 0.009_5 => format!("{:.1}%", 100.0 * value),
            Format::Percent => format!("{:.0}%", 100.0 * value),
            Format::Change => signed(100.0 * value, 0, "%"),
            Format::Points => signed(100.0 * value, 1, ""),
            Format::Number => plain(value),
        };
        text.replace('-', "\u{2212}")
    }

    /// What a pointer on a mark shows: `Fix: 26.1% [25.7%, 26.5%]`.
    pub fn mark(self, label: &str, value: f64, lo: f64, hi: f64) -> String {
        let shown = |value: f64| match self {
            Format::Percent => format!("{:.1}%", 100.0 * value).replace('-', "\u{2212}"),
            _ => self.value(value),
        };
        let interval = match lo.is_finite() && hi.is_finite() {
            true => format!(" [{}, {}]", shown(lo), shown(hi)),
            false => String::new(),
        };
        format!("{label}: {}{interval}", shown(value))
    }

    /// A tick of an axis with this step.
    pub fn tick(self, value: f64, step: f64) -> String {
        match self {
            Format::Percent => format!("{}%", tick_label(100.0 * value, 100.0 * step)),
            // many times as much, where percent have too many digits
            Format::Change if step >= 10.0 => format!("×{}", plain(1.0 + value)),
            Format::Change if value > step * 1e-6 => format!("+{}%", tick_label(100.0 * value, 100.0 * step)),
            Format::Change => format!("{}%", tick_label(100.0 * value, 100.0 * step)),
            Format::Points => tick_label(100.0 * value, 100.0 * step),
            Format::Number if value.abs() >= 1e3 => plain(value).replace('-', "\u{2212}"),
            Format::Number => tick_label(value, step),
        }
    }
}

fn signed(value: f64, decimals: usize, unit: &str) -> String {
    let text = format!("{value:+.decimals$}");
    let zero = text.chars().all(|c| matches!(c, '+' | '-' | '0' | '.'));
    format!("{}{unit}", if zero { text.trim_start_matches(['+', '-']) } else { &text })
}

/// Three significant digits; thousands with commas.
fn plain(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return String::from("0");
    }
    let digits = value.abs().log10().floor() as i32;
    if digits >= 3 {
        let unit = 10f64.powi(digits - 2);
        let rounded = (value.abs() / unit).round() * unit;
        let text = crate::output::number::count(rounded as usize);
        return if value < 0.0 { format!("-{text}") } else { text };
    }
    let decimals = (2 - digits).clamp(0, 6) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The smallest and largest of the finite numbers.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// A vertical axis at `left` with grid lines to `right`.
pub(super) fn vertical_axis(page: &mut Surface, y: Scale, ticks: &[f64], (left, right): (f64, f64), format: Format) {
    let step = ticks.get(1).map_or(1.0, |second| second - ticks[0]);
    for &tick in ticks {
        let at = y.at(tick);
        page.line((left, at), (right, at), GRID, 1.0);
        page.text((left - 8.0, at + TICK.size * MIDDLE), &format.tick(tick, step), TICK);
    }
    if ticks.first().is_some_and(|first| *first < 0.0) {
        page.line((left, y.at(0.0)), (right, y.at(0.0)), AXIS, 1.0);
    }
    page.line((left, y.page_min), (right, y.page_min), AXIS, 1.2);
}

/// A horizontal axis below with grid lines up to `top`.
pub(super) fn horizontal_axis(page: &mut Surface, x: Scale, ticks: &[f64], (top, bottom): (f64, f64), format: Format) {
    let step = ticks.get(1).map_or(1.0, |second| second - ticks[0]);
    for &tick in ticks {
        let at = x.at(tick);
        page.line((at, top), (at, bottom), GRID, 1.0);
        page.text((at, bottom + 16.0), &format.tick(tick, step), TextStyle { anchor: Anchor::Middle, ..TICK });
    }
}

/// Labels of positions below a horizontal axis: months as `Oct` with the year below, others in as many lines as fit.
pub(super) fn position_labels(labels: &[&str], width: f64) -> Vec<Vec<String>> {
    let months: Option<Vec<(usize, &str)>> = labels.iter().map(|label| month_of(label)).collect();
    match months {
        Some(months) if !months.is_empty() => months
            .iter()
            .enumerate()
            .map(|(at, (month, year))| {
                let name = MONTHS[month - 1].to_owned();
                if at == 0 || *month == 1 { vec![name, (*year).to_owned()] } else { vec![name] }
            })
            .collect(),
        _ => labels.iter().map(|label| wrap(label, width.max(24.0), TICK.size, TICK.weight)).collect(),
    }
}

/// Whether labels in lines of their own fit side by side.
pub(super) fn labels_fit(labels: &[Vec<String>], width: f64) -> bool {
    labels.iter().flatten().all(|line| text_width(line, TICK.size, TICK.weight) <= width)
}

/// Draws position labels centred at `at`, or turned if they do not fit; returns the room they need.
pub(super) fn draw_positions(page: &mut Surface, labels: &[&str], at: impl Fn(usize) -> f64, step: f64, base: f64) {
    let wrapped = position_labels(labels, step - 6.0);
    let fits = labels_fit(&wrapped, step - 2.0);
    for (position, label) in labels.iter().enumerate() {
        let x = at(position);
        page.line((x, base), (x, base + 4.0), AXIS, 1.2);
        if fits {
            let style = TextStyle { anchor: Anchor::Middle, ..TICK };
            lines(page, (x, base + 18.0), &wrapped[position], style);
        } else {
            page.turned_text((x + 4.0, base + 14.0), &shortened(label), TICK, -35.0);
        }
    }
}

/// Room that position labels need below the axis.
pub(super) fn positions_room(labels: &[&str], step: f64) -> f64 {
    let wrapped = position_labels(labels, step - 6.0);
    if labels_fit(&wrapped, step - 2.0) {
        10.0 + wrapped.iter().map(Vec::len).max().unwrap_or(1) as f64 * line_height(TICK)
    } else {
        let widest =
            labels.iter().map(|label| text_width(&shortened(label), TICK.size, TICK.weight)).fold(0.0, f64::max);
        22.0 + 0.58 * widest
    }
}

/// A label cut so that it can be turned.
fn shortened(label: &str) -> String {
    const LONGEST: usize = 22;
    if label.chars().count() <= LONGEST {
        label.to_owned()
    } else {
        label.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Month and year of `2025-10`.
fn month_of(label: &str) -> Option<(usize, &str)> {
    let (year, month) = label.split_once('-')?;
    let month: usize = month.parse().ok()?;
    (year.len() == 4 && year.parse::<u32>().is_ok() && (1..=12).contains(&month)).then_some((month, year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_readers_expect() {
        assert_eq!(Format::Percent.value(0.256), "26%");
        assert_eq!(Format::Percent.value(0.0042), "0.4%");
        assert_eq!(Format::Percent.value(0.0004), "0.04%");
        assert_eq!(Format::Change.value(0.27), "+27%");
        assert_eq!(Format::Change.value(-0.001), "0%");
        assert_eq!(Format::Points.value(-0.0521), "\u{2212}5.2");
        assert_eq!(Format::Number.value(3204.7), "3,200");
        assert_eq!(Format::Number.value(4.9), "4.9");
        assert_eq!(Format::Number.value(0.0), "0");
    }

    #[test]
    fn months_get_names_and_years() {
        let labels = position_labels(&["2025-12", "2026-01", "2026-02"], 30.0);
        assert_eq!(labels, [vec!["Dec", "2025"], vec!["Jan", "2026"], vec!["Feb"]]);
        assert_eq!(position_labels(&["2025-13"], 100.0), [vec!["2025-13"]]);
    }
}
