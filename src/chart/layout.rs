//! From numbers to a page.

use super::cells::{Cell, PanelCells, capitalised};
use super::data::rounded;
use super::spec::{ChartName, UnitName};
use super::{Figure, Tested};
use crate::figure::plots::{
    Bar, BarPlot, BoxPlot, DotPlot, DotRow, DotSeries, FiveNumbers, Format, HistogramPlot, LinePlot,
};
use crate::figure::{Page, PagePanel, Plot, Point, Series};
use crate::output::notes::percent_level;
use crate::output::number::{counted, p_value};

/// The page of a figure, with everything a reader must know under it.
pub fn page(figure: &Figure, data_note: Option<&str>) -> Page {
    let panels = figure
        .panels
        .iter()
        .map(|panel| PagePanel { title: panel.spec.title.clone(), plot: plot(panel, figure.options.round) })
        .collect();
    Page {
        title: figure.file.title.clone(),
        subtitle: figure.file.subtitle.clone(),
        // a picture has no face for literals
        note: note(figure, data_note).replace('`', ""),
        columns: figure.file.columns,
        panels,
    }
}

/// What stands under the picture.
pub(super) fn note(figure: &Figure, data_note: Option<&str>) -> String {
    let mut notes: Vec<String> = data_note.map(|note| format!("Data: {note}.")).into_iter().collect();
    let mut sizes: Vec<(usize, usize)> = Vec::new();
    for panel in &figure.panels {
        let size = (panel.n_rows, panel.n_users);
        let is_small = figure.options.min_users > 1 && panel.n_users < figure.options.min_users;
        if !sizes.contains(&size) && !is_small {
            sizes.push(size);
        }
    }
    let sized: Vec<String> = sizes
        .iter()
        .map(|(rows, users)| {
            format!("{} of {}", counted(*rows, "session", "sessions"), counted(*users, "user", "users"))
        })
        .collect();
    notes.extend((!sized.is_empty()).then(|| format!("{}.", sized.join("; "))));
    let level = percent_level(figure.options.conf_level);
    notes.push(format!("Intervals: {level}, errors clustered by user."));
    notes.extend(Some(figure.file.notes.clone()).filter(|notes| !notes.is_empty()));
    notes.extend(figure.tests.iter().filter(|test| is_told(test)).map(|test| sentence(figure, test)));
    if figure.options.min_users > 1 {
        let anything = figure.panels.iter().flat_map(|panel| &panel.cells).any(|cell| cell.suppressed);
        notes.push(format!(
            "Cells of fewer than {} users are suppressed{}.",
            figure.options.min_users,
            if anything { ", and those that would give one away" } else { "; there are none" }
        ));
    }
    notes.extend(figure.left_out.iter().map(|(panel, why)| format!("Left out: {panel} ({why}).")));
    notes.join(" ")
}

/// Effects and trends are told under the figure; steps are in the table of tests.
fn is_told(test: &Tested) -> bool {
    test.test != "step" && test.test != "gap" && test.estimate.is_finite()
}

fn sentence(figure: &Figure, test: &Tested) -> String {
    let p = p_value(test.p_value);
    let p = match p.strip_prefix('<') {
        _ if !test.p_value.is_finite() => String::from("no test: too few users"),
        Some(bound) => format!("p < {bound}"),
        None => format!("p = {p}"),
    };
    let panel = figure.panels.iter().find(|panel| panel.spec.name == test.panel);
    let label = panel.and_then(|panel| panel.series.iter().find(|(name, _)| *name == test.series));
    let series = match (panel, label) {
        (Some(panel), Some((_, label))) if label.is_empty() => panel.spec.title.clone(),
        (_, Some((_, label))) => label.clone(),
        _ => capitalised(&test.series),
    };
    match (test.test.as_str(), test.relative.is_finite()) {
        ("effect", true) => format!(
            "{series}: {} per unit of {} (standard error {:.1} points; {p}).",
            Format::Change.value(test.relative),
            test.to,
            100.0 * test.relative_std_error
        ),
        ("effect", false) => format!("{series}: {:.4} (standard error {:.4}; {p}).", test.estimate, test.std_error),
        (name, true) => format!("{series}, {name}: {} per step ({p}).", Format::Change.value(test.relative)),
        (name, false) if panel.is_some_and(|panel| panel.spec.unit == UnitName::Percent) => {
            format!("{series}, {name}: {} points per step ({p}).", Format::Points.value(test.estimate))
        }
        (name, false) => format!("{series}, {name}: {} per step ({p}).", Format::Number.value(test.estimate)),
    }
}

fn format_of(unit: UnitName) -> Format {
    match unit {
        UnitName::Percent => Format::Percent,
        UnitName::Change => Format::Change,
        UnitName::Number => Format::Number,
    }
}

fn bar(cell: &Cell, label: &str, round: Option<usize>) -> Bar {
    let value = cell.values.first();
    let of = |number: Option<f64>| number.map_or(f64::NAN, |number| rounded(number, round));
    Bar {
        label: label.to_owned(),
        value: of(value.map(|value| value.estimate)),
        lo: of(value.map(|value| value.conf_low)),
        hi: of(value.map(|value| value.conf_high)),
        suppressed: cell.suppressed,
    }
}

fn plot(panel: &PanelCells, round: Option<usize>) -> Plot {
    let spec = &panel.spec;
    if panel.cells.is_empty() || panel.n_rows == 0 {
        return Plot::Empty(String::from("No session belongs here."));
    }
    let format = format_of(spec.unit);
    let label = |cell: &Cell| panel.positions[cell.position].1.as_str();
    let several = panel.series.len() > 1;
    match spec.chart {
        ChartName::Bars => Plot::Bars(BarPlot {
            bars: panel
                .cells
                .iter()
                .map(|cell| {
                    let text = match several {
                        true => format!("{}: {}", panel.series[cell.series].1, label(cell)),
                        false => label(cell).to_owned(),
                    };
                    bar(cell, &text, round)
                })
                .collect(),
            title: spec.y_title.clone(),
            format,
        }),
        ChartName::Histogram => Plot::Histogram(HistogramPlot {
            bins: panel.cells.iter().map(|cell| bar(cell, label(cell), round)).collect(),
            edges: spec.bins.clone().unwrap_or_default(),
            edge_format: format,
            mean: panel.mean.as_ref().map_or(f64::NAN, |cell| bar(cell, "", round).value),
            x_title: spec.x_title.clone(),
            y_title: spec.y_title.clone(),
        }),
        ChartName::Boxes => Plot::Boxes(BoxPlot {
            boxes: panel.cells.iter().map(|cell| five_numbers(cell, label(cell), round)).collect(),
            x_title: spec.x_title.clone(),
            y_title: spec.y_title.clone(),
        }),
        ChartName::Lines => Plot::Lines(LinePlot {
            positions: panel.positions.iter().map(|(_, label)| label.clone()).collect(),
            series: (0..panel.series.len()).map(|series| line(panel, series, round)).collect(),
            x_title: spec.x_title.clone(),
            y_title: spec.y_title.clone(),
            format,
        }),
        ChartName::Dots => Plot::Dots(DotPlot {
            series: panel.series.iter().map(|(_, name)| DotSeries { name: name.clone() }).collect(),
            rows: (0..panel.positions.len())
                .map(|position| DotRow {
                    label: panel.positions[position].1.clone(),
                    dots: panel
                        .cells
                        .iter()
                        .filter(|cell| cell.position == position)
                        .map(|cell| bar(cell, "", round))
                        .collect(),
                })
                .collect(),
            title: spec.y_title.clone(),
            format,
        }),
    }
}

fn line(panel: &PanelCells, series: usize, round: Option<usize>) -> Series {
    let points = panel.cells.iter().filter(|cell| cell.series == series).map(|cell| {
        let label = panel.positions[cell.position].1.clone();
        let drawn = bar(cell, "", round);
        Point { label, y: drawn.value, lo: drawn.lo, hi: drawn.hi }
    });
    Series { name: panel.series[series].1.clone(), points: points.collect() }
}

fn five_numbers(cell: &Cell, label: &str, round: Option<usize>) -> FiveNumbers {
    let of = |name: &str| {
        let found = cell.values.iter().find(|value| value.statistic == name);
        found.map_or(f64::NAN, |value| rounded(value.estimate, round))
    };
    let mean = bar(cell, label, round);
    FiveNumbers {
        label: label.to_owned(),
        quantiles: ["p5", "p25", "p50", "p75", "p95"].map(of),
        mean: mean.value,
        lo: mean.lo,
        hi: mean.hi,
        suppressed: cell.suppressed,
    }
}
