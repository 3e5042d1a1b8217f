//! A specification curve: effects in order of size above, the options that made them below.

use super::palette::Marker;
use super::plots::{
    AXIS, Format, GRID, INK, MIDDLE, NOTE, SOFT, SUBTITLE, TICK, TITLE, extent, line_height, lines, style,
};
use super::scale::{Scale, ticks};
use super::surface::{Anchor, Surface, TextStyle};
use super::text_width::{Weight, shortened, text_width, wrap};
use crate::curve::{Curve, Outcome, Specification};
use crate::output::number::{count, counted};

const MARGIN: f64 = 28.0;
/// Width of the effects, and height of their panel.
const PLOT_WIDTH: f64 = 820.0;
const EFFECT_HEIGHT: f64 = 300.0;
/// Most room for the names of choices and of options.
const CHOICE_ROOM: f64 = 150.0;
const OPTION_ROOM: f64 = 240.0;
/// Height of the row of an option, and room between choices.
const ROW: f64 = 16.0;
const GAP: f64 = 9.0;
/// Height of the mark of an option.
const STROKE: f64 = 9.0;

const STRIPE: &str = "#f6f6f6";
const SIGNIFICANT: &str = "#0072b2";
const OTHER: &str = "#767676";
const PALE_SIGNIFICANT: &str = "#9cc7e2";
const PALE_OTHER: &str = "#c9c9c9";
const BASELINE: &str = "#d55e00";

const CHOICE: TextStyle = style(12.0, Weight::Bold, INK, Anchor::Start);
const OPTION: TextStyle = style(11.5, Weight::Regular, INK, Anchor::End);
const KEY: TextStyle = style(12.0, Weight::Regular, INK, Anchor::Start);
const MARK: TextStyle = style(11.5, Weight::Bold, "#a84a00", Anchor::Middle);

/// Whether the numbers of a curve are shares: every rate of it lies where those of 0/1 outcomes can lie.
///
/// Linear probability models may leave 0 to 1 a little. Without rates there is nothing to tell by, and numbers stay as
/// they are.
pub fn is_share(curve: &Curve) -> bool {
    let outcomes = curve.specifications.iter().filter_map(|one| one.outcome.as_ref().ok());
    let mut rates =
        outcomes.flat_map(|outcome| &outcome.rates).map(|point| point.estimate).filter(|x| x.is_finite()).peekable();
    rates.peek().is_some() && rates.all(|rate| (-0.25..=1.25).contains(&rate))
}

/// One effect on the curve.
struct Point<'a> {
    specification: &'a Specification,
    outcome: &'a Outcome,
    is_baseline: bool,
}

/// Rows of marks: the options of one choice.
struct Block {
    label: Vec<String>,
    rows: Vec<(String, Vec<usize>)>, // label, places on the curve
}

impl Block {
    fn height(&self) -> f64 {
        (self.rows.len() as f64 * ROW).max(self.label.len() as f64 * line_height(CHOICE)) + GAP
    }
}

/// The curve as an SVG document.
pub fn curve_figure(curve: &Curve) -> String {
    let points = sorted(curve);
    let blocks = blocks(curve, &points);
    let choice_room = widest(blocks.iter().flat_map(|block| &block.label), CHOICE);
    let option_room = widest(blocks.iter().flat_map(|block| &block.rows).map(|(label, _)| label), OPTION);
    let left = MARGIN + (choice_room + 16.0 + option_room + 10.0).max(64.0);
    let width = left + PLOT_WIDTH + MARGIN;
    let text_room = width - 2.0 * MARGIN;
    let title = wrap(&curve.title, text_room, TITLE.size, TITLE.weight);
    let subtitle = wrap(&subtitle(curve), text_room, SUBTITLE.size, SUBTITLE.weight);
    let note = wrap(&note(curve, &points), text_room, NOTE.size, NOTE.weight);

    let title_room = if title.is_empty() { 0.0 } else { 8.0 + title.len() as f64 * line_height(TITLE) };
    let subtitle_top = MARGIN + title_room;
    let key_top = subtitle_top + subtitle.len() as f64 * line_height(SUBTITLE) + 10.0;
    let top = key_top + 42.0;
    let bottom = top + EFFECT_HEIGHT;
    let rows_top = bottom + 16.0;
    let rows_bottom = rows_top + blocks.iter().map(Block::height).sum::<f64>();
    let note_top = rows_bottom + 14.0 + NOTE.size;
    let height = note_top + note.len() as f64 * line_height(NOTE) + MARGIN - 14.0;

    let mut page = Surface::new(width.round(), height.round());
    lines(&mut page, (MARGIN, MARGIN + TITLE.size * 0.8), &title, TITLE);
    lines(&mut page, (MARGIN, subtitle_top + SUBTITLE.size * 0.6), &subtitle, SUBTITLE);
    let places = Places { left, count: points.len() };
    draw_key(&mut page, (left, key_top), alpha(curve));
    if points.is_empty() {
        let text = wrap("No specification gave an estimate.", PLOT_WIDTH, NOTE.size, NOTE.weight);
        lines(&mut page, (left, top + 20.0), &text, NOTE);
    } else {
        draw_blocks(&mut page, &blocks, &points, places, rows_top);
        draw_baseline(&mut page, &points, places, (top, rows_bottom - GAP));
        draw_effects(&mut page, curve, &points, places, (top, bottom));
    }
    lines(&mut page, (MARGIN, note_top), &note, NOTE);
    page.finish(&curve.title, &format!("{} {}", self::subtitle(curve), self::note(curve, &points)))
}

/// Where the effects stand from left to right.
#[derive(Clone, Copy)]
struct Places {
    left: f64,
    count: usize,
}

impl Places {
    fn slot(self) -> f64 {
        PLOT_WIDTH / self.count.max(1) as f64
    }

    fn x(self, place: usize) -> f64 {
        self.left + (place as f64 + 0.5) * self.slot()
    }
}

/// The specifications with an effect from the smallest to the largest; ties in the order of the grid.
fn sorted(curve: &Curve) -> Vec<Point<'_>> {
    let mut points: Vec<Point<'_>> = curve
        .specifications
        .iter()
        .enumerate()
        .filter_map(|(at, specification)| {
            let outcome = specification.outcome.as_ref().ok().filter(|outcome| outcome.effect.estimate.is_finite())?;
            Some(Point { specification, outcome, is_baseline: at == curve.baseline })
        })
        .collect();
    points.sort_by(|a, b| a.outcome.effect.estimate.total_cmp(&b.outcome.effect.estimate));
    points
}

/// The choices that differ between the specifications drawn, and whether they were planned.
fn blocks(curve: &Curve, points: &[Point<'_>]) -> Vec<Block> {
    let row = |label: &str, holds: &dyn Fn(&Point<'_>) -> bool| {
        let places = points.iter().enumerate().filter(|(_, point)| holds(point)).map(|(place, _)| place).collect();
        (shortened(label, OPTION_ROOM, OPTION.size, OPTION.weight), places)
    };
    let alpha = alpha(curve);
    // rows say what colours say, for readers who do not see them
    let mut tests = vec![row(&format!("p < {alpha}"), &|point| is_significant(point, alpha))];
    if curve.joint.is_some() {
        tests.push(row(&format!("family-wise p < {alpha}"), &|point| point.outcome.family_p_value < alpha));
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (at, choice) in curve.choices.iter().enumerate() {
        let rows = choice
            .options
            .iter()
            .enumerate()
            .map(|(option, named)| row(&named.label, &|point| point.specification.options[at] == option))
            .collect();
        blocks.push(Block { label: heading(&choice.label), rows });
    }
    if points.iter().any(|point| point.specification.planned.is_some()) {
        let rows = [("Planned", true), ("Exploratory", false)]
            .map(|(label, planned)| row(label, &|point| point.specification.planned == Some(planned)));
        blocks.push(Block { label: heading("Plan"), rows: rows.into() });
    }
    for block in &mut blocks {
        block.rows.retain(|(_, places)| !places.is_empty());
    }
    blocks.retain(|block| block.rows.len() > 1);
    blocks.insert(0, Block { label: heading("Test"), rows: tests });
    blocks
}

fn heading(label: &str) -> Vec<String> {
    let lines = wrap(label, CHOICE_ROOM, CHOICE.size, CHOICE.weight);
    lines.iter().map(|line| shortened(line, CHOICE_ROOM, CHOICE.size, CHOICE.weight)).collect()
}

fn widest<'a>(lines: impl Iterator<Item = &'a String>, style: TextStyle) -> f64 {
    lines.map(|line| text_width(line, style.size, style.weight)).fold(0.0, f64::max)
}

fn alpha(curve: &Curve) -> f64 {
    curve.joint.as_ref().map_or(0.05, |joint| joint.alpha)
}

fn is_significant(point: &Point<'_>, alpha: f64) -> bool {
    point.outcome.effect.p_value < alpha
}

fn format(curve: &Curve) -> Format {
    if is_share(curve) { Format::Points } else { Format::Number }
}

fn subtitle(curve: &Curve) -> String {
    let unit = if is_share(curve) { ", percentage points" } else { "" };
    format!(
        "{}{unit}, under {}",
        curve.effect_label,
        counted(curve.specifications.len(), "specification", "specifications")
    )
}

/// What the marks are, what failed and why, and what the table is.
fn note(curve: &Curve, points: &[Point<'_>]) -> String {
    let alpha = alpha(curve);
    let significant = points.iter().filter(|point| is_significant(point, alpha)).count();
    let mut parts = vec![format!(
        "Specifications from the smallest effect to the largest; whiskers: intervals of each alone. {} of {} have p below {alpha}.",
        count(significant),
        count(points.len())
    )];
    let failures = failures(curve);
    let failed: usize = failures.iter().map(|(_, count)| count).sum();
    if failed > 0 {
        const SHOWN: usize = 3;
        let shown: Vec<String> =
            failures.iter().take(SHOWN).map(|(reason, failed)| format!("{} ({})", reason, count(*failed))).collect();
        let more = failures.len().saturating_sub(SHOWN);
        let more =
            if more > 0 { format!("; {}", counted(more, "other reason", "other reasons")) } else { String::new() };
        parts.push(format!(
            "{} without an estimate: {}{more}.",
            counted(failed, "specification", "specifications"),
            shown.join("; ")
        ));
    }
    if !points.iter().any(|point| point.is_baseline) {
        parts.push(String::from("The baseline has no estimate and is not marked."));
    }
    let ticks = effect_ticks(points);
    let inside = |end: f64| !end.is_finite() || (ticks[0]..=ticks[ticks.len() - 1]).contains(&end);
    if !points.iter().all(|point| inside(point.outcome.effect.conf_low) && inside(point.outcome.effect.conf_high)) {
        parts.push(String::from("Whiskers that leave the picture are cut."));
    }
    parts.extend(curve.data_note.clone());
    parts.join(" ")
}

/// Reasons of failures, the most frequent first.
fn failures(curve: &Curve) -> Vec<(&str, usize)> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for failure in curve.specifications.iter().filter_map(|one| one.outcome.as_ref().err()) {
        match reasons.iter_mut().find(|(reason, _)| *reason == failure.reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((&failure.reason, 1)),
        }
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

fn draw_key(page: &mut Surface, (left, top): (f64, f64), alpha: f64) {
    let y = top + 6.0;
    let mut x = left + 5.0;
    for (label, kind) in [(format!("p < {alpha}"), 0), (String::from("not so"), 1), (String::from("baseline"), 2)] {
        draw_marker(page, (x, y), kind, 4.0);
        page.text((x + 11.0, y + KEY.size * MIDDLE), &label, KEY);
        x += 11.0 + text_width(&label, KEY.size, KEY.weight) + 26.0;
    }
}

/// Significant, not significant, baseline.
fn draw_marker(page: &mut Surface, at: (f64, f64), kind: usize, radius: f64) {
    match kind {
        0 => page.marker(Marker::Circle, at, radius, SIGNIFICANT),
        1 => page.ring(at, radius * 0.85, OTHER),
        _ => page.marker(Marker::Diamond, at, (radius * 1.25).max(4.5), BASELINE),
    }
}

/// A line through both panels, with its name above.
fn draw_baseline(page: &mut Surface, points: &[Point<'_>], places: Places, (top, bottom): (f64, f64)) {
    if let Some(place) = points.iter().position(|point| point.is_baseline) {
        let x = places.x(place);
        page.dashes((x, top - 4.0), (x, bottom), BASELINE, 1.2);
        let half = text_width("baseline", MARK.size, MARK.weight) / 2.0;
        let x = x.clamp(places.left + half, places.left + PLOT_WIDTH - half);
        page.text((x, top - 10.0), "baseline", MARK);
    }
}

/// Ticks that cover zero, every effect, and every whisker unless a few wild ones would flatten the rest.
fn effect_ticks(points: &[Point<'_>]) -> Vec<f64> {
    const WILD: f64 = 3.0;
    let mut ends: Vec<f64> =
        points.iter().flat_map(|point| [point.outcome.effect.conf_low, point.outcome.effect.conf_high]).collect();
    ends.retain(|end| end.is_finite());
    ends.sort_by(f64::total_cmp);
    let cut = ends.len().div_ceil(100);
    let most = ends.get(cut..ends.len().saturating_sub(cut)).unwrap_or_default();
    let width = |ends: &[f64]| ends.last().zip(ends.first()).map_or(0.0, |(last, first)| last - first);
    let ends = if width(most) > 0.0 && width(&ends) > WILD * width(most) { most } else { &ends };
    let (low, high) =
        extent(points.iter().map(|point| point.outcome.effect.estimate).chain(ends.iter().copied()).chain([0.0]));
    ticks(low, high)
}

fn draw_effects(page: &mut Surface, curve: &Curve, points: &[Point<'_>], places: Places, (top, bottom): (f64, f64)) {
    let ticks = effect_ticks(points);
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let y = Scale { data_min: low, data_max: high, page_min: bottom, page_max: top };
    let right = places.left + PLOT_WIDTH;
    let format = format(curve);
    for &tick in &ticks {
        let at = y.at(tick);
        let is_zero = tick.abs() < 1e-9 * (ticks[1] - ticks[0]);
        page.line((places.left, at), (right, at), if is_zero { AXIS } else { GRID }, if is_zero { 1.4 } else { 1.0 });
        page.text((places.left - 8.0, at + TICK.size * MIDDLE), &format.tick(tick, ticks[1] - ticks[0]), TICK);
    }
    let alpha = alpha(curve);
    // markers shrink with their number, whiskers become a band
    let radius = (places.slot() * 0.42).clamp(1.1, 4.0);
    let whisker = (places.slot() * 0.5).clamp(0.3, 1.4);
    // the baseline last, above its neighbours
    let (others, baseline): (Vec<_>, Vec<_>) = points.iter().enumerate().partition(|(_, point)| !point.is_baseline);
    for (place, point) in others.into_iter().chain(baseline) {
        let (x, effect) = (places.x(place), &point.outcome.effect);
        let significant = is_significant(point, alpha);
        page.begin_mark(&format.mark(&point.specification.formula, effect.estimate, effect.conf_low, effect.conf_high));
        if effect.conf_low.is_finite() && effect.conf_high.is_finite() {
            let colour = match (point.is_baseline, significant) {
                (true, _) => BASELINE,
                (false, true) => PALE_SIGNIFICANT,
                (false, false) => PALE_OTHER,
            };
            let end = |value: f64| (x, y.at(value.clamp(low, high)));
            page.line(end(effect.conf_low), end(effect.conf_high), colour, whisker);
        }
        let at = (x, y.at(effect.estimate));
        match (point.is_baseline, radius < 2.0) {
            (true, _) => draw_marker(page, at, 2, radius),
            // an edge would cover a small marker
            (false, true) => page.dot(at, radius, if significant { SIGNIFICANT } else { OTHER }),
            (false, false) => draw_marker(page, at, usize::from(!significant), radius),
        }
        page.end_group();
    }
}

fn draw_blocks(page: &mut Surface, blocks: &[Block], points: &[Point<'_>], places: Places, top: f64) {
    let right = places.left + PLOT_WIDTH;
    let baseline = points.iter().position(|point| point.is_baseline);
    let mut y = top;
    for block in blocks {
        page.begin_group(&block.label.join(" "));
        lines(page, (MARGIN, y + ROW / 2.0 + CHOICE.size * MIDDLE), &block.label, CHOICE);
        for (at, (label, marks)) in block.rows.iter().enumerate() {
            let middle = y + (at as f64 + 0.5) * ROW;
            if at % 2 == 0 {
                page.rectangle((places.left, middle - ROW / 2.0), (PLOT_WIDTH, ROW), STRIPE);
            }
            page.text((places.left - 8.0, middle + OPTION.size * MIDDLE), label, OPTION);
            let middles: Vec<(f64, f64)> = marks.iter().map(|place| (places.x(*place), middle)).collect();
            page.strokes(&middles, STROKE, SOFT, (places.slot() * 0.7).clamp(0.5, 2.4));
            if let Some(place) = baseline.filter(|place| marks.contains(place)) {
                page.strokes(&[(places.x(place), middle)], ROW - 3.0, BASELINE, 3.0);
            }
        }
        y += block.height();
        page.line((MARGIN, y - GAP / 2.0), (right, y - GAP / 2.0), GRID, 1.0);
        page.end_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::fixture::curve;

    /// Pictures to look at: `METIER_PICTURES=folder cargo test --lib figure::curve`.
    #[test]
    fn curves_of_any_size_become_pictures() {
        let mut few = curve(1);
        few.specifications.iter_mut().filter(|one| one.options[1..4] != [0, 0, 1]).for_each(|one| {
            one.outcome = Err(crate::curve::Failure { reason: String::from("left out of this picture") });
        });
        let mut none = curve(1);
        for one in &mut none.specifications {
            one.outcome = Err(crate::curve::Failure { reason: String::from("no rows are left") });
        }
        let folder = std::env::var_os("METIER_PICTURES");
        for (name, curve) in [("none", &none), ("few", &few), ("200", &curve(1)), ("2000", &curve(12))] {
            let text = curve_figure(curve);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
            let bytes = crate::figure::png(&text, if folder.is_some() { 2.0 } else { 0.5 }).unwrap();
            if let Some(folder) = &folder {
                std::fs::write(std::path::Path::new(folder).join(format!("curve_{name}.png")), bytes).unwrap();
            }
        }
    }

    /// The values of the marks, as a pointer shows them: from smallest to largest, the baseline last.
    #[test]
    fn snapshot_of_the_values() {
        let text = curve_figure(&curve(1));
        let marks: Vec<&str> = text
            .split(r#"<g class="mark" role="img" aria-label=""#)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(marks.len(), curve(1).specifications.iter().filter(|one| one.outcome.is_ok()).count());
        insta::assert_snapshot!(marks.join("\n"));
    }

    #[test]
    fn every_specification_has_one_mark_in_every_choice() {
        let curve = curve(1);
        let points = sorted(&curve);
        let blocks = blocks(&curve, &points);
        // tests and the plan are blocks too; the outcome has one option only and is none
        assert_eq!(blocks.len(), curve.choices.len() + 1);
        for block in &blocks[1..] {
            assert_eq!(
                block.rows.iter().map(|(_, places)| places.len()).sum::<usize>(),
                points.len(),
                "{:?}",
                block.label
            );
        }
        assert!(points.windows(2).all(|pair| pair[0].outcome.effect.estimate <= pair[1].outcome.effect.estimate));
    }

    #[test]
    fn failures_and_the_baseline_are_said() {
        let mut curve = curve(1);
        let text = curve_figure(&curve);
        let failed = curve.specifications.iter().filter(|one| one.outcome.is_err()).count();
        assert!(
            text.contains(&format!("{failed} specifications without an estimate: common weights")),
            "{}",
            text.len()
        );
        assert!(text.contains(">baseline</text>"));
        let baseline = curve.baseline;
        curve.specifications[baseline].outcome = Err(crate::curve::Failure { reason: String::from("a < b & c") });
        let text = curve_figure(&curve);
        assert!(text.contains("The baseline has no estimate") && text.contains("a &lt; b &amp; c"));
        assert_eq!(text.matches(">baseline</text>").count(), 1, "in the key only");
    }

    #[test]
    fn a_wild_interval_is_cut_and_said() {
        let mut curve = curve(1);
        assert!(!curve_figure(&curve).contains("are cut"));
        let wild = curve.specifications.iter_mut().find_map(|one| one.outcome.as_mut().ok());
        if let Some(outcome) = wild {
            (outcome.effect.conf_low, outcome.effect.conf_high) = (-80.0, 90.0);
        }
        let ticks = effect_ticks(&sorted(&curve));
        assert!(ticks[0] > -1.0 && ticks[ticks.len() - 1] < 1.0, "{ticks:?}");
        assert!(curve_figure(&curve).contains("Whiskers that leave the picture are cut."));
    }

    #[test]
    fn shares_are_told_by_the_rates() {
        let mut curve = curve(1);
        assert!(is_share(&curve));
        if let Ok(outcome) = &mut curve.specifications[curve.baseline].outcome {
            outcome.rates[0].estimate = 3.2;
        }
        assert!(!is_share(&curve));
        curve
            .specifications
            .iter_mut()
            .filter_map(|one| one.outcome.as_mut().ok())
            .for_each(|outcome| outcome.rates.clear());
        assert!(!is_share(&curve));
    }
}
