//! A specification curve as text, and as tables for scripts.

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::number;
use crate::curve::{Curve, Outcome, Specification};
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;

/// The long table: one row per specification, choices first.
pub fn specifications(curve: &Curve) -> DataTable {
    const AFTER: [&str; 24] = [
        "formula",
        "status",
        "effect",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
        "family_p_value",
        "difference",
        "difference_std_error",
        "difference_p_value",
        "hausman_p_value",
        "rows",
        "users",
        "cells",
        "overlap",
        "is_baseline",
        "planned",
        "warnings",
        "reason",
        "grid",
        "command",
    ];
    let mut table = DataTable::new(&["id"]);
    table.columns.extend(curve.choices.iter().map(|choice| Cow::Owned(format!("choice_{}", choice.name))));
    table.columns.extend(AFTER.map(Cow::Borrowed));
    for (at, one) in curve.specifications.iter().enumerate() {
        let mut row: Vec<Value> = vec![one.id.clone().into()];
        let options = curve.choices.iter().zip(&one.options);
        row.extend(options.map(|(choice, &option)| Value::from(choice.options[option].name.clone())));
        row.push(one.formula.clone().into());
        row.extend(numbers(one));
        row.push((if at == curve.baseline { "true" } else { "false" }).into());
        row.push(one.planned.map(|planned| if planned { "true" } else { "false" }).into());
        row.push(one.outcome.as_ref().map_or_else(|_| String::new(), |found| found.warnings.join("; ")).into());
        row.push(one.outcome.as_ref().err().map(|failure| failure.reason.clone()).into());
        row.push(curve.name.clone().into());
        row.push(one.command.clone().into());
        table.rows.push(row);
    }
    table.with_data_note(curve.data_note.as_deref())
}

/// From `status` to `overlap`.
fn numbers(one: &Specification) -> Vec<Value> {
    let Ok(found) = &one.outcome else {
        let mut nulls = vec![Value::Null; 17];
        nulls[0] = "failed".into();
        return nulls;
    };
    let (effect, difference) = (&found.effect, &found.difference);
    vec![
        "estimated".into(),
        effect.term.clone().into(),
        effect.estimate.into(),
        effect.std_error.into(),
        effect.statistic.into(),
        effect.p_value.into(),
        effect.conf_low.into(),
        effect.conf_high.into(),
        found.family_p_value.into(),
        difference.estimate.into(),
        difference.std_error.into(),
        difference.p_value.into(),
        found.hausman_p_value.into(),
        found.rows.into(),
        found.users.into(),
        found.cells.into(),
        found.overlap.into(),
    ]
}

/// One row per specification and level.
pub fn rates(curve: &Curve) -> DataTable {
    let mut table = DataTable::new(&["id", "level", "label", "estimate", "std_error", "conf_low", "conf_high"]);
    for (one, found) in estimated(curve) {
        for rate in &found.rates {
            table.rows.push(vec![
                one.id.clone().into(),
                rate.level.clone().into(),
                rate.label.clone().into(),
                rate.estimate.into(),
                rate.std_error.into(),
                rate.conf_low.into(),
                rate.conf_high.into(),
            ]);
        }
    }
    table.with_data_note(curve.data_note.as_deref())
}

/// Everything but the covariances.
pub fn json(curve: &Curve) -> Json {
    let choices: Vec<Json> = curve
        .choices
        .iter()
        .map(|choice| {
            let options: Vec<Json> =
                choice.options.iter().map(|o| json!({ "name": o.name, "label": o.label })).collect();
            json!({ "name": choice.name, "label": choice.label, "is_control": choice.is_control, "options": options })
        })
        .collect();
    let joint = curve.joint.as_ref().map(|joint| {
        let statements: Vec<Json> = joint
            .statements
            .iter()
            .map(|s| {
                json!({ "name": s.name, "value": s.value, "null_median": s.null_median, "null_high": s.null_high,
                    "p_value": s.p_value })
            })
            .collect();
        json!({
            "specifications": joint.specifications, "groups": joint.groups,
            "groups_are_clusters": joint.groups_are_clusters, "draws": joint.draws, "seed": joint.seed,
            "alpha": joint.alpha, "critical": joint.critical, "statements": statements,
        })
    });
    let mut by_level: Map<String, Json> = Map::new();
    for (one, found) in estimated(curve) {
        let of_rate = |rate: &crate::curve::RatePoint| {
            json!({ "level": rate.level, "label": rate.label, "estimate": rate.estimate, "std_error": rate.std_error,
                "conf_low": rate.conf_low, "conf_high": rate.conf_high })
        };
        by_level.insert(one.id.clone(), Json::Array(found.rates.iter().map(of_rate).collect()));
    }
    json!({
        "schema_version": super::long::SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "name": curve.name, "title": curve.title, "focal": curve.focal, "effect": curve.effect_label,
        "command": curve.command, "data_note": curve.data_note, "sources": curve.sources,
        "baseline": curve.specifications.get(curve.baseline).map(|one| one.id.clone()),
        "duplicates": curve.duplicates, "choices": choices, "joint": joint,
        "specifications": specifications(curve).to_json(), "rates": by_level,
    })
}

/// What a reader wants first: how many, what they say together, and what each option does.
pub fn document(curve: &Curve) -> Document {
    let mut blocks = vec![Block::Paragraph(counts(curve))];
    let effects: Vec<f64> = estimated(curve).map(|(_, found)| found.effect.estimate).collect();
    if let Some((one, found)) =
        curve.specifications.get(curve.baseline).and_then(|one| Some((one, one.outcome.as_ref().ok()?)))
    {
        blocks.push(Block::Paragraph(format!(
            "Baseline `{}`: {} = {} ({}), from {} rows of {} users.",
            one.id,
            found.effect.term,
            fixed(found.effect.estimate),
            fixed(found.effect.std_error),
            found.rows,
            found.users
        )));
        if !found.warnings.is_empty() {
            let heading = String::from("Of the baseline");
            blocks.push(Block::Lines { heading, lines: found.warnings.clone() });
        }
    }
    if !effects.is_empty() {
        blocks.push(Block::Grid(statements(curve)));
        blocks.push(Block::Grid(by_option(curve)));
        blocks.push(Block::Grid(extremes(curve)));
    }
    let lines = failures(curve);
    if !lines.is_empty() {
        blocks.push(Block::Lines { heading: String::from("Not estimated"), lines });
    }
    Document { title: curve.title.clone(), notices: curve.data_note.iter().cloned().collect(), blocks }
}

/// Reasons of specifications without estimate, each once.
fn failures(curve: &Curve) -> Vec<String> {
    let mut reasons: Vec<(&str, &Specification, usize)> = Vec::new();
    for one in &curve.specifications {
        let Err(failure) = &one.outcome else { continue };
        match reasons.iter_mut().find(|(reason, _, _)| *reason == failure.reason) {
            Some((_, _, count)) => *count += 1,
            None => reasons.push((&failure.reason, one, 1)),
        }
    }
    let line = |(reason, one, count): &(&str, &Specification, usize)| {
        format!("{reason}: {}, e.g. {}", number::counted(*count, "specification", "specifications"), one.formula)
    };
    let more = reasons.len().saturating_sub(10);
    let mut lines: Vec<String> = reasons.iter().take(10).map(line).collect();
    if more > 0 {
        lines.push(format!("and {more} more reasons: see `reason` in the table of specifications"));
    }
    lines
}

fn counts(curve: &Curve) -> String {
    let failed = curve.specifications.iter().filter(|one| one.outcome.is_err()).count();
    let mut text = format!(
        "{} specifications of {} choices; the effect is: {}.",
        curve.specifications.len(),
        curve.choices.len(),
        curve.effect_label
    );
    if curve.duplicates > 0 {
        text += &format!(" {} further combinations mean the same as one of them.", curve.duplicates);
    }
    if failed > 0 {
        text += &format!(" {failed} could not be estimated.");
    }
    text
}

fn statements(curve: &Curve) -> Grid {
    let mut effects: Vec<f64> = estimated(curve).map(|(_, found)| found.effect.estimate).collect();
    effects.sort_by(f64::total_cmp);
    let range = format!("effects run from {} to {}", fixed(effects[0]), fixed(effects[effects.len() - 1]));
    let Some(joint) = &curve.joint else {
        let notes =
            vec![range, String::from("No joint statements: they need two specifications and clustered errors.")];
        let header = vec![vec![String::from("Value")]];
        let row = Row::new("median effect", vec![Cell::number(fixed(crate::curve::joint::median(effects)))]);
        return Grid {
            caption: String::from("The curve"),
            header,
            sections: vec![vec![row]],
            notes,
            ..Grid::default()
        };
    };
    let names = ["Value", "Median without effect", "95th percentile of its size", "p"].map(str::to_owned);
    let row = |s: &crate::curve::record::Statement| {
        let cells = [s.value, s.null_median, s.null_high].map(|value| Cell::number(fixed(value)));
        Row::new(s.name.clone(), cells.into_iter().chain([Cell::number(number::p_value(s.p_value))]).collect())
    };
    let groups = match joint.groups_are_clusters {
        true => format!("{} clusters", joint.groups),
        false => format!("{} random groups of clusters", joint.groups),
    };
    Grid {
        caption: String::from("The curve"),
        header: vec![names.to_vec()],
        sections: vec![joint.statements.iter().map(row).collect()],
        notes: vec![
            range,
            format!("Without effect: {} sign flips of {groups}, seed {}.", joint.draws, joint.seed),
            format!(
                "Simultaneous {:.0} % intervals: estimate +- {} standard errors.",
                100.0 * (1.0 - joint.alpha),
                fixed(joint.critical)
            ),
        ],
        ..Grid::default()
    }
}

/// Median effect and share significant under each option.
fn by_option(curve: &Curve) -> Grid {
    let alpha = curve.joint.as_ref().map_or(0.05, |joint| joint.alpha);
    let mut sections = Vec::new();
    for (c, choice) in curve.choices.iter().enumerate().filter(|(_, choice)| choice.options.len() > 1) {
        let mut rows = vec![Row::title(choice.label.clone())];
        for (o, option) in choice.options.iter().enumerate() {
            let found: Vec<&Outcome> =
                estimated(curve).filter(|(one, _)| one.options[c] == o).map(|(_, found)| found).collect();
            if found.is_empty() {
                continue;
            }
            let median = crate::curve::joint::median(found.iter().map(|one| one.effect.estimate).collect());
            let significant = found.iter().filter(|one| one.effect.p_value < alpha).count() as f64 / found.len() as f64;
            rows.push(Row::new(
                format!("  {}", option.label),
                vec![
                    Cell::number(found.len().to_string()),
                    Cell::number(fixed(median)),
                    Cell::number(format!("{:.0}", 100.0 * significant)),
                ],
            ));
        }
        sections.push(rows);
    }
    Grid {
        caption: String::from("By option"),
        header: vec![["Specifications", "Median effect", "Significant, %"].map(str::to_owned).to_vec()],
        sections,
        ..Grid::default()
    }
}

/// The three smallest and the three largest effects.
fn extremes(curve: &Curve) -> Grid {
    let mut order: Vec<(&Specification, &Outcome)> = estimated(curve).collect();
    order.sort_by(|a, b| a.1.effect.estimate.total_cmp(&b.1.effect.estimate));
    let row = |(one, found): &(&Specification, &Outcome)| {
        let base = &curve.specifications[curve.baseline].options;
        let options: Vec<String> = curve
            .choices
            .iter()
            .zip(one.options.iter().zip(base))
            .filter(|(_, (option, base))| option != base)
            .map(|(choice, (&option, _))| format!("{}: {}", choice.label, choice.options[option].label))
            .collect();
        let cells = vec![
            Cell::number(fixed(found.effect.estimate)),
            Cell::Error(fixed(found.effect.std_error)),
            Cell::number(fixed(found.difference.estimate)),
            Cell::Error(fixed(found.difference.std_error)),
            Cell::Text(options.join(", ")),
        ];
        Row::new(one.id.clone(), cells)
    };
    let few = order.len().min(3);
    let mut sections = vec![order[..few].iter().map(row).collect::<Vec<Row>>()];
    if order.len() > few {
        sections.push(order[order.len().saturating_sub(3).max(few)..].iter().map(row).collect());
    }
    Grid {
        caption: String::from("Smallest and largest effects"),
        header: vec![["Effect", "", "Less baseline", "", "Other than the baseline"].map(str::to_owned).to_vec()],
        sections,
        ..Grid::default()
    }
}

fn estimated(curve: &Curve) -> impl Iterator<Item = (&Specification, &Outcome)> {
    curve.specifications.iter().filter_map(|one| Some((one, one.outcome.as_ref().ok()?)))
}

fn fixed(value: f64) -> String {
    if value.is_finite() { number::rounded(value, 4) } else { String::from("-") }
}
