//! What an estimate is without one control, one level, some users.

use serde_json::{Map, Value as Json};

use crate::explain::influential::{Fragility, Goal, Influential, Without};
use crate::pipeline::{Change, LeaveOut, LeftOut};
use crate::result::Estimate;

use super::data_table::DataTable;
use super::document::{Block, Cell, Document, Grid, Row};
use super::explained::{self, About, Explained, Line, sample_of};
use super::notes::{estimation_notes, percent_level};
use super::number::{count, counted, p_value, rounded};
use super::options::RenderOptions;

/// Everything to show.
pub fn document(found: &[LeaveOut], note: Option<&str>, sources: &[String], options: &RenderOptions) -> Document {
    let mut blocks = Vec::new();
    for one in found {
        if !one.left.is_empty() {
            blocks.extend((0..one.numbers.len()).map(|at| Block::Grid(grid(one, at, options))));
        }
        blocks.extend(one.users.iter().flat_map(|users| {
            [Block::Grid(fragility_grid(one, users, options)), Block::Grid(largest_grid(one, users, options))]
        }));
    }
    explained::document(blocks, note, sources)
}

/// What was left out, sorted by the size of the change; failures last.
fn sorted(found: &LeaveOut, at: usize) -> Vec<&LeftOut> {
    let size = |left: &&LeftOut| left.numbers[at].as_ref().map_or(-1.0, |change| change.change.estimate.abs());
    let mut all: Vec<&LeftOut> = found.left.iter().collect();
    all.sort_by(|a, b| size(b).total_cmp(&size(a)));
    all
}

fn grid(found: &LeaveOut, at: usize, options: &RenderOptions) -> Grid {
    let shown = |value: f64| Cell::number(rounded(value, options.digits));
    let header = ["Estimate", "Std. error", "Change", "Std. error", "p value", "Rows"];
    let cells = |change: &Change, rows: usize| {
        vec![
            shown(change.value.estimate),
            Cell::Error(rounded(change.value.std_error, options.digits)),
            shown(change.change.estimate),
            Cell::Error(rounded(change.change.std_error, options.digits)),
            Cell::number(p_value(change.change.p_value)),
            Cell::number(count(rows)),
        ]
    };
    let full = &found.numbers[at];
    let mut whole =
        vec![shown(full.estimate), Cell::Error(rounded(full.std_error, options.digits)), Cell::Empty, Cell::Empty];
    whole.extend([Cell::Empty, Cell::number(count(found.full.flow.rows_used))]);
    let label = |left: &LeftOut| match left.kind.as_str() {
        "control" => format!("without {}", left.part),
        kind => format!("without {kind} {}", left.part),
    };
    let mut notes = vec![String::from(
        "sorted by the size of the change; its error counts that both fits share users (influence summed by user)",
    )];
    let mut rows = Vec::new();
    for left in sorted(found, at) {
        match &left.numbers[at] {
            Ok(change) => rows.push(Row::new(label(left), cells(change, left.rows))),
            Err(reason) => notes.push(format!("{}: {reason}", label(left))),
        }
    }
    notes.extend(found.unlinked.iter().map(|reason| format!("changes have no standard error: {reason}")));
    notes.extend(estimation_notes(std::slice::from_ref(&found.full)).into_iter().map(|note| format!("full: {note}")));
    let sections = vec![vec![Row::new("full", whole)], rows].into_iter().filter(|rows| !rows.is_empty());
    Grid {
        caption: format!("One left out, `{}`: `{}`{}", full.term, found.full.formula, sample_of(&found.full)),
        corner: found.full.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: sections.collect(),
        notes,
    }
}

/// A conclusion in words.
fn goal_text(goal: Goal) -> &'static str {
    match goal {
        Goal::Sign => "change the sign",
        Goal::Insignificant => "make it insignificant",
        Goal::Significant => "make it significant",
        Goal::Opposite => "make it significant with the other sign",
    }
}

fn fragility_grid(found: &LeaveOut, users: &Influential, options: &RenderOptions) -> Grid {
    let header = ["By influence", "Refit", "Confirmed", "By refits", "Refit", "Std. error", "Rows"];
    let number = |value: f64| Cell::number(rounded(value, options.digits));
    let none = |empty: usize| {
        let mut cells = vec![Cell::Text(String::from("none"))];
        cells.extend(std::iter::repeat_n(Cell::Empty, empty));
        cells
    };
    let estimate = |without: &Without| without.refit.as_ref().map_or(Cell::Empty, |value| number(value.estimate));
    let error = |without: &Without| {
        let shown = |value: &Estimate| Cell::Error(rounded(value.std_error, options.digits));
        without.refit.as_ref().map_or(Cell::Empty, shown)
    };
    let row = |one: &Fragility| {
        let mut cells = one.predicted.as_ref().map_or_else(
            || none(2),
            |without| {
                let confirmed = if without.confirmed { "yes" } else { "no" };
                vec![Cell::number(count(without.users)), estimate(without), Cell::Text(confirmed.to_owned())]
            },
        );
        cells.extend(one.verified.as_ref().map_or_else(
            || none(3),
            |found| {
                vec![Cell::number(count(found.users)), estimate(found), error(found), Cell::number(count(found.rows))]
            },
        ));
        Row::new(goal_text(one.goal), cells)
    };
    let level = percent_level(found.full.conf_level);
    Grid {
        caption: format!("Fewest users whose removal would ..., `{}`", users.number.term),
        corner: String::from("Removal to"),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![users.fragility.iter().map(row).collect()],
        notes: vec![
            format!(
                "of {}; at most {} are removed; `none`: no number up to that suffices",
                counted(users.users, "user", "users"),
                count(users.limit)
            ),
            String::from(
                "by influence: the first-order answer (Broderick, Giordano and Meager 2020) and a refit without these users; by refits: the fewest along the same order that a refit confirms. Other sets may be smaller",
            ),
            format!("significant: the {level} interval of the fit holds no zero"),
        ],
    }
}

fn user_name(found: &LeaveOut, cluster: u32) -> String {
    found.user_names.get(cluster as usize).cloned().unwrap_or_default()
}

fn largest_grid(found: &LeaveOut, users: &Influential, options: &RenderOptions) -> Grid {
    let row = |&(cluster, phi): &(u32, f64)| {
        Row::new(user_name(found, cluster), vec![Cell::number(rounded(-phi, options.digits))])
    };
    Grid {
        caption: format!("Most influential users, `{}`", users.number.term),
        corner: found.full.clusters.first().map(|cluster| cluster.name.clone()).unwrap_or_default(),
        header: vec![vec![String::from("Change without, by influence")]],
        sections: vec![users.largest.iter().map(row).collect()],
        notes: Vec::new(),
    }
}

fn explained(found: &[LeaveOut]) -> Vec<Explained> {
    let one = |found: &LeaveOut| -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, full) in found.numbers.iter().enumerate() {
            let term = full.term.as_str();
            lines.push(Line::tested("full", term, None, full, found.full.flow.rows_used));
            for left in sorted(found, at) {
                let part = format!("{}:{}", left.kind, left.part);
                match &left.numbers[at] {
                    Ok(change) => {
                        lines.push(Line::tested("without", term, Some(&part), &change.value, left.rows));
                        lines.push(Line::tested("change", term, Some(&part), &change.change, left.rows));
                    }
                    Err(reason) => {
                        let line = Line::plain("without", term, Some(&part), f64::NAN, left.rows);
                        lines.push(Line { note: Some(reason.clone()), ..line });
                    }
                }
            }
        }
        for users in &found.users {
            lines.extend(user_lines(found, users));
        }
        lines
    };
    let all = found.iter().map(|found| Explained {
        about: About::fit(&found.full),
        analysis: "leave_out",
        composition: found.full.rates.as_ref().map(|rates| rates.composition),
        lines: one(found),
        more: Map::new(),
    });
    all.collect()
}

fn user_lines(found: &LeaveOut, users: &Influential) -> Vec<Line> {
    let term = users.number.term.as_str();
    let rows = found.full.flow.rows_used;
    let mut lines = Vec::new();
    for one in &users.fragility {
        for (kind, refit_kind, without) in
            [("users_by_influence", "refit_by_influence", &one.predicted), ("users_by_refit", "refit", &one.verified)]
        {
            let goal = Some(one.goal.name());
            let Some(without) = without else {
                let line = Line::plain(kind, term, goal, f64::NAN, rows);
                lines.push(Line { note: Some(format!("no number of users up to {} suffices", users.limit)), ..line });
                continue;
            };
            let line = Line::plain(kind, term, goal, without.users as f64, rows - without.rows.min(rows));
            let confirmed = if without.confirmed { "the refit confirms" } else { "the refit does not confirm" };
            let share = Some(without.users as f64 / users.users.max(1) as f64);
            lines.push(Line { note: Some(confirmed.to_owned()), share, ..line });
            if let Some(value) = &without.refit {
                lines.push(Line::tested(refit_kind, term, goal, value, rows - without.rows.min(rows)));
            }
        }
    }
    for &(cluster, phi) in &users.largest {
        lines.push(Line::plain("user_change", term, Some(&user_name(found, cluster)), -phi, rows));
    }
    lines
}

/// One row per number.
pub fn table(found: &[LeaveOut], note: Option<&str>) -> DataTable {
    explained::table(&explained(found), note)
}

/// The same as records.
pub fn json(found: &[LeaveOut], note: Option<&str>, sources: &[String]) -> Json {
    explained::json(&explained(found), note, sources)
}
