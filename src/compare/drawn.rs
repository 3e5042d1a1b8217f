//! Where our counterpart of a published number is found among the numbers of figures.

use crate::chart::{Cell, Figure, PanelCells, Tested};

use super::ours::Ours;
use super::published::Published;
use super::tolerance;

/// The kinds of work that the report's label `communicate` of Figure 4 stands for, by the sum of its April labels.
const COMMUNICATE: &str = "Analyze+Communicate";

/// Our counterpart of a number of Figures 1 to 4, 6 and A1 or of the text beside them; `None` if the row is about something
/// else.
pub(super) fn drawn(figures: &[Figure], row: &Published) -> Option<Ours> {
    let find = Numbers { figures };
    let (figure, panel) = (row.figure.as_str(), row.panel.as_str());
    let (outcome, group, statistic) = (row.outcome.as_str(), row.group.as_str(), row.statistic.as_str());
    let share = |panel: &str, position: &str| find.value("figure1", panel, "", position);
    Some(match (figure, panel) {
        ("Figure 1", "work modes") => number(share("modes", group), tolerance::SHARE),
        ("Figure 1", _) => number(sum(group.split('+').map(|mode| share("modes", mode))), tolerance::SHARE),
        ("text sec 2.1", "telemetry check") => {
            number(find.value("label_checks", "creating", "", "creating"), tolerance::SHARE)
        }
        ("text sec 2.1", _) => number(share("codebase", codebase_context(group)?), tolerance::SHARE),
        ("Figure 2", "means") => {
            let panel = if outcome.contains("planning") { "planning" } else { "execution" };
            number(find.mean("figure2", panel).map(|agent| 1.0 - agent), tolerance::READ_FROM_IMAGE)
        }
        ("Figure 2", _) => {
            let panel = if panel.starts_with("planning") { "planning" } else { "execution" };
            number(find.value("figure2", panel, "", &bin(group)?), tolerance::READ_FROM_IMAGE)
        }
        ("text sec 2.2", _) => {
            let (panel, position) = per_turn(outcome, group)?;
            let ours = find.value("figure2", panel, "", position);
            number(ours, tolerance::PER_PROMPT_SHARE * row.value.unwrap_or_default())
        }
        ("text fn 6", _) => {
            let position =
                ["100", "200", "500"].into_iter().find(|limit| outcome.contains(&format!("than {limit} ")))?;
            let ours = find.value("figure2", "tail", "", &format!("above_{position}"));
            number(ours, tolerance::TAIL_SHARE * row.value.unwrap_or_default())
        }
        ("Figure 3", "regression") => {
            let effect = if outcome.starts_with("actions") { "actions_per_prompt" } else { "words_per_prompt" };
            let test = find.effect("figure3", &format!("log_{effect}"));
            match statistic {
                "relative_effect" => number(test.map(|test| test.relative), tolerance::RELATIVE_EFFECT),
                _ => number(test.map(|test| test.p_value), 0.0),
            }
        }
        ("Figure 3", _) => {
            let panel = if outcome.starts_with("actions") { "actions" } else { "words" };
            let ours = find.value("figure3", panel, "", group);
            number(ours, tolerance::PER_PROMPT_SHARE * row.value.unwrap_or_default())
        }
        ("Figure 4", "left: composition") => {
            let (modes, month) = group.split_once(" @")?;
            let modes = if modes.starts_with("series labelled") { COMMUNICATE } else { modes };
            let of = |mode: &str| find.value("figure4", "composition", mode, month);
            number(sum(modes.split('+').map(of)), tolerance::MONTHLY_SHARE)
        }
        ("Figure 4", _) => {
            let series = match group {
                "all" => "all",
                "Build" => "build",
                "Operate" => "operate",
                "Fix" => "fix",
                _ => "analyze_communicate",
            };
            number(find.value("figure4", "value", series, "2026-04"), tolerance::VALUE_CHANGE)
        }
        ("key findings", _) => number(find.value("figure4", "means", "geometric", "2026-04"), tolerance::VALUE_CHANGE),
        ("Figure 6", _) if statistic == "max_abs_gap" => number(find.largest_gap(), tolerance::OCCUPATION_RATE),
        ("Figure 6", _) => {
            number(find.labelled("figure6", "raw", series_of(outcome)?, group), tolerance::OCCUPATION_RATE)
        }
        ("text sec 4.2", _) if statistic == "difference" => {
            let of = |position: &str| find.value("figure6", "software", "verified", position);
            number(difference(of("software_code"), of("other_code")), tolerance::OCCUPATION_RATE)
        }
        ("text sec 4.2", _) => {
            let who = if group.starts_with("software") { "software" } else { "other" };
            let which = if panel.starts_with("all") { "all" } else { "code" };
            let ours = find.value("figure6", "software", series_of(outcome)?, &format!("{who}_{which}"));
            number(ours, tolerance::OCCUPATION_RATE)
        }
        ("Figure A1", _) => {
            let panel = if panel.starts_with("success") { "success" } else { "failure" };
            number(find.value("figure_a1", panel, "Succeeded", group), tolerance::SIGNAL_SHARE)
        }
        _ => return None,
    })
}

struct Numbers<'a> {
    figures: &'a [Figure],
}

impl Numbers<'_> {
    fn panel(&self, figure: &str, panel: &str) -> Result<&PanelCells, String> {
        let found = self.figures.iter().find(|known| known.file.name == figure);
        let found = found.ok_or_else(|| format!("`{figure}` was not made"))?;
        match found.left_out.iter().find(|(name, _)| *name == format!("panel `{panel}`")) {
            Some((_, why)) => Err(why.clone()),
            None => {
                let made = found.panels.iter().find(|known| known.spec.name == panel);
                made.ok_or_else(|| format!("`{figure}` has no panel `{panel}`"))
            }
        }
    }

    fn value(&self, figure: &str, panel: &str, series: &str, position: &str) -> Result<f64, String> {
        self.cell(figure, panel, series, |(level, _)| level == position, position)
    }

    fn labelled(&self, figure: &str, panel: &str, series: &str, label: &str) -> Result<f64, String> {
        self.cell(figure, panel, series, |(_, known)| known == label, label)
    }

    fn cell(
        &self,
        figure: &str,
        panel: &str,
        series: &str,
        is_wanted: impl Fn(&(String, String)) -> bool,
        wanted: &str,
    ) -> Result<f64, String> {
        let panel = self.panel(figure, panel)?;
        let absent = |what: &str| format!("`{what}` does not occur in `{figure}`, panel `{}`", panel.spec.name);
        let series_at = panel.series.iter().position(|(name, _)| name == series).ok_or_else(|| absent(series))?;
        let position = panel.positions.iter().position(is_wanted).ok_or_else(|| absent(wanted))?;
        let found = panel.cells.iter().find(|cell| cell.series == series_at && cell.position == position);
        shown(found.ok_or_else(|| absent(wanted))?)
    }

    fn mean(&self, figure: &str, panel: &str) -> Result<f64, String> {
        shown(self.panel(figure, panel)?.mean.as_ref().ok_or("the panel has no mean")?)
    }

    fn effect(&self, figure: &str, outcome: &str) -> Result<&Tested, String> {
        let found = self.figures.iter().find(|known| known.file.name == figure);
        let found = found.ok_or_else(|| format!("`{figure}` was not made"))?;
        let effect = found.file.effects.iter().find(|effect| effect.outcome == outcome && effect.relative);
        let label = effect.map(|effect| effect.label.as_str());
        let test = found.tests.iter().find(|test| test.test == "effect" && Some(test.series.as_str()) == label);
        test.ok_or_else(|| {
            let why = found.left_out.iter().find(|(what, _)| what == "the regressions").map(|(_, why)| why.clone());
            why.unwrap_or_else(|| format!("`{figure}` has no effect on `{outcome}`"))
        })
    }

    /// Largest distance of another occupation's verified success from that of software.
    fn largest_gap(&self) -> Result<f64, String> {
        let software = self.labelled("figure6", "raw", "verified", "Software & math")?;
        let panel = self.panel("figure6", "raw")?;
        let others = panel.cells.iter().filter(|cell| panel.series[cell.series].0 == "verified");
        Ok(others.filter_map(|cell| shown(cell).ok()).map(|rate| (rate - software).abs()).fold(0.0, f64::max))
    }
}

fn shown(cell: &Cell) -> Result<f64, String> {
    match cell.values.first() {
        _ if cell.suppressed => Err(String::from("suppressed: too few users")),
        Some(value) => Ok(value.estimate),
        None => Err(String::from("there is no number")),
    }
}

fn sum(parts: impl Iterator<Item = Result<f64, String>>) -> Result<f64, String> {
    parts.sum()
}

fn difference(a: Result<f64, String>, b: Result<f64, String>) -> Result<f64, String> {
    Ok(a? - b?)
}

fn number(ours: Result<f64, String>, tolerance: f64) -> Ours {
    match ours {
        Ok(value) if value.is_finite() => Ours::Numbers { values: vec![(String::new(), value)], tolerance },
        Ok(_) => Ours::Missing(String::from("our estimate is not a finite number")),
        Err(reason) => Ours::Missing(reason),
    }
}

fn codebase_context(group: &str) -> Option<&'static str> {
    Some(match group {
        "modify existing code" => "Modify existing",
        "explore code" => "Explore",
        "create new code" => "Create new",
        "no codebase" => "Not in a codebase",
        _ => return None,
    })
}

/// The name of a bin: `10-20` percent is `0.1-0.2`.
fn bin(group: &str) -> Option<String> {
    let (from, to) = group.split_once('-')?;
    let share = |percent: &str| percent.parse::<f64>().ok().map(|percent| percent / 100.0);
    Some(format!("{}-{}", share(from)?, share(to)?))
}

fn per_turn(outcome: &str, group: &str) -> Option<(&'static str, &'static str)> {
    Some(match (outcome, group) {
        ("turns per session", _) => ("prompts", "all"),
        ("output words per prompt", _) => ("words", "all"),
        ("actions per prompt", "all") => ("actions", "all"),
        ("actions per prompt", group) if group.contains("execution") => ("actions", "user_execution"),
        ("actions per prompt", group) if group.contains("planning") => ("actions", "agent_planning"),
        _ => return None,
    })
}

fn series_of(outcome: &str) -> Option<&'static str> {
    Some(match outcome {
        "verified success" => "verified",
        "judged success" => "judged",
        "at least partial success" => "partial",
        _ => return None,
    })
}
