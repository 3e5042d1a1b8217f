//! A page of panels in a grid; each panel is a plot with its own axes.

use super::plots::{BarPlot, BoxPlot, DotPlot, HistogramPlot, LinePlot, lines};
use super::plots::{NOTE, PANEL_TITLE, SUBTITLE, TITLE, line_height};
use super::surface::Surface;
use super::text_width::wrap;

const MARGIN: f64 = 28.0;
/// Width of a panel with everything that belongs to it.
const PANEL_WIDTH: f64 = 520.0;
const GAP: f64 = 36.0;
const ROW_GAP: f64 = 30.0;

/// A picture of several panels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Title; empty for none.
    pub title: String,
    /// A sentence under the title; empty for none.
    pub subtitle: String,
    /// Note at the bottom.
    pub note: String,
    /// Panels beside each other.
    pub columns: usize,
    /// The panels, row by row.
    pub panels: Vec<PagePanel>,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePanel {
    /// Title above it.
    pub title: String,
    /// What is drawn.
    pub plot: Plot,
}

/// The kinds of plots.
#[derive(Debug, Clone, PartialEq)]
pub enum Plot {
    /// Horizontal bars with intervals.
    Bars(BarPlot),
    /// Shares of bins, with the mean.
    Histogram(HistogramPlot),
    /// Quartile boxes with whiskers on a logarithmic axis.
    Boxes(BoxPlot),
    /// Lines over positions in order, labelled where they end.
    Lines(LinePlot),
    /// Rows of dots, one for each series.
    Dots(DotPlot),
    /// A sentence where there is nothing to draw.
    Empty(String),
}

/// Where a plot goes.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
}

impl Plot {
    fn height(&self, width: f64) -> f64 {
        match self {
            Plot::Bars(plot) => plot.height(width),
            Plot::Histogram(plot) => plot.height(),
            Plot::Boxes(plot) => plot.height(width),
            Plot::Lines(plot) => plot.height(width),
            Plot::Dots(plot) => plot.height(width),
            Plot::Empty(text) => 20.0 + wrap(text, width, NOTE.size, NOTE.weight).len() as f64 * line_height(NOTE),
        }
    }

    fn draw(&self, page: &mut Surface, area: Area) {
        match self {
            Plot::Bars(plot) => plot.draw(page, area),
            Plot::Histogram(plot) => plot.draw(page, area),
            Plot::Boxes(plot) => plot.draw(page, area),
            Plot::Lines(plot) => plot.draw(page, area),
            Plot::Dots(plot) => plot.draw(page, area),
            Plot::Empty(text) => {
                let text = wrap(text, area.width, NOTE.size, NOTE.weight);
                lines(page, (area.left, area.top + 20.0), &text, NOTE);
            }
        }
    }
}

impl Page {
    /// The page as an SVG document.
    pub fn svg(&self) -> String {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let width = 2.0 * MARGIN + columns as f64 * PANEL_WIDTH + (columns - 1) as f64 * GAP;
        let text = width - 2.0 * MARGIN;
        let title = wrap(&self.title, text, TITLE.size, TITLE.weight);
        let subtitle = wrap(&self.subtitle, text, SUBTITLE.size, SUBTITLE.weight);
        let note = wrap(&self.note, text, NOTE.size, NOTE.weight);
        let titles: Vec<Vec<String>> = self
            .panels
            .iter()
            .map(|panel| wrap(&panel.title, PANEL_WIDTH, PANEL_TITLE.size, PANEL_TITLE.weight))
            .collect();
        let title_room = if title.is_empty() { 0.0 } else { 8.0 + title.len() as f64 * line_height(TITLE) };
        let head = MARGIN + title_room + subtitle.len() as f64 * line_height(SUBTITLE) + 14.0;

        let mut tops = Vec::new();
        let mut at = head;
        for (row, panels) in self.panels.chunks(columns).enumerate() {
            let titles = &titles[row * columns..row * columns + panels.len()];
            let room = titles.iter().map(Vec::len).max().unwrap_or(0) as f64 * line_height(PANEL_TITLE) + 6.0;
            let tallest = panels.iter().map(|panel| panel.plot.height(PANEL_WIDTH)).fold(0.0, f64::max);
            tops.push((at, room));
            at += room + tallest + ROW_GAP;
        }
        let note_top = at + NOTE.size;
        let height = note_top + note.len() as f64 * line_height(NOTE) + MARGIN - 14.0;

        let mut page = Surface::new(width.round(), height.round());
        lines(&mut page, (MARGIN, MARGIN + TITLE.size * 0.8), &title, TITLE);
        lines(&mut page, (MARGIN, MARGIN + title_room + SUBTITLE.size * 0.6), &subtitle, SUBTITLE);
        for (position, panel) in self.panels.iter().enumerate() {
            let (top, room) = tops[position / columns];
            let left = MARGIN + (position % columns) as f64 * (PANEL_WIDTH + GAP);
            page.begin_group(&panel.title);
            lines(&mut page, (left, top + PANEL_TITLE.size), &titles[position], PANEL_TITLE);
            panel.plot.draw(&mut page, Area { left, top: top + room, width: PANEL_WIDTH });
            page.end_group();
        }
        lines(&mut page, (MARGIN, note_top), &note, NOTE);
        page.finish(&self.title, &format!("{} {}", self.subtitle, self.note))
    }
}
