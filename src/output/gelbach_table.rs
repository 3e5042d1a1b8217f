//! What each control moved: the waterfall from the short to the long regression.

use serde_json::{Map, Value as Json, json};

use crate::explain::gelbach::{Gelbach, Movement};
use crate::result::Composition;

use super::data_table::DataTable;
use super::document::{Block, Document, Grid, Row};
use super::explained::{self, About, Explained, Line, cells, sample_of, share};
use super::notes::{estimation_notes, is_t, percent_level};
use super::options::RenderOptions;

/// Everything to show.
pub fn document(found: &[Gelbach], note: Option<&str>, sources: &[String], options: &RenderOptions) -> Document {
    explained::document(found.iter().map(|one| Block::Grid(grid(one, options))).collect(), note, sources)
}

fn grid(found: &Gelbach, options: &RenderOptions) -> Grid {
    let level = percent_level(found.long.conf_level);
    let statistic = if is_t(&found.long) { "t value" } else { "z value" };
    let (low, high) = (format!("{level} low"), format!("{level} high"));
    let header = ["Estimate", "Std. error", statistic, "p value", &low, &high, "Share"];
    let section = |movement: &Movement| {
        let mut rows = vec![
            Row::title(movement.term.clone()),
            Row::new("short regression", cells(&movement.short, None, options)),
        ];
        for part in &movement.parts {
            rows.push(Row::new(format!("- {}", part.term), cells(part, share(part, &movement.total), options)));
        }
        rows.push(Row::new("= long regression", cells(&movement.long, None, options)));
        rows.push(Row::new("short - long", cells(&movement.total, share(&movement.total, &movement.total), options)));
        rows
    };
    let errors = match found.composition {
        Composition::Sampled => {
            "errors of what was moved count both the controls' coefficients and the regressors as a sample"
        }
        Composition::Fixed => {
            "errors of what was moved hold the regressors fixed: the controls' coefficients alone are uncertain"
        }
    };
    let mut notes = vec![
        String::from(
            "Gelbach (2016): each control's part is the coefficient of its fitted component in a regression on the short design; the order of controls does not matter, and the parts add to short - long",
        ),
        format!("{errors}; they have the factor of the long regression, the short one that of its own"),
    ];
    notes.extend(
        estimation_notes(std::slice::from_ref(&found.long)).into_iter().map(|note| format!("long regression: {note}")),
    );
    Grid {
        caption: format!("What moved the estimate: `{}`{}", found.long.formula, sample_of(&found.long)),
        corner: found.long.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: found.movements.iter().map(section).collect(),
        notes,
    }
}

fn explained(found: &[Gelbach]) -> Vec<Explained> {
    let one = |found: &Gelbach| -> Vec<Line> {
        let rows = found.long.flow.rows_used;
        let of = |movement: &Movement| {
            let term = movement.term.as_str();
            let mut lines = vec![Line::tested("short", term, None, &movement.short, rows)];
            for part in &movement.parts {
                let line = Line::tested("part", term, Some(&part.term), part, rows);
                lines.push(Line { share: share(part, &movement.total), ..line });
            }
            lines.push(Line::tested("total", term, None, &movement.total, rows));
            lines.push(Line::tested("long", term, None, &movement.long, rows));
            lines
        };
        found.movements.iter().flat_map(of).collect()
    };
    let more = |found: &Gelbach| -> Map<String, Json> {
        let names = |movement: &Movement| -> Vec<String> {
            movement.parts.iter().map(|part| format!("{}/{}", movement.term, part.term)).collect()
        };
        let parts: Vec<String> = found.movements.iter().flat_map(names).collect();
        let matrix: Vec<&[f64]> = found.vcov.chunks(parts.len().max(1)).collect();
        Map::from_iter([(String::from("vcov"), json!({"parts": parts, "matrix": matrix}))])
    };
    let all = found.iter().map(|found| Explained {
        about: About::fit(&found.long),
        analysis: "gelbach",
        composition: Some(found.composition),
        lines: one(found),
        more: more(found),
    });
    all.collect()
}

/// One row per number.
pub fn table(found: &[Gelbach], note: Option<&str>) -> DataTable {
    explained::table(&explained(found), note)
}

/// The same as records, with the covariance of the parts.
pub fn json(found: &[Gelbach], note: Option<&str>, sources: &[String]) -> Json {
    explained::json(&explained(found), note, sources)
}
