//! How strong what is not observed would have to be.

use serde_json::{Map, Value as Json};

use crate::explain::sensitivity::{Benchmark, EValue, Questions, Sensitivities, Sensitivity};

use super::data_table::DataTable;
use super::document::{Block, Cell, Document, Grid, Row};
use super::explained::{self, About, Explained, Line, sample_of};
use super::notes::{estimation_notes, percent_level};
use super::number::rounded;
use super::options::RenderOptions;

/// Everything to show.
pub fn document(
    found: &[Sensitivities],
    questions: &Questions,
    note: Option<&str>,
    sources: &[String],
    options: &RenderOptions,
) -> Document {
    let mut blocks = Vec::new();
    for one in found {
        if !one.coefficients.is_empty() {
            blocks.push(Block::Grid(robustness_grid(one, questions, options)));
            blocks.push(Block::Grid(benchmark_grid(one, questions, options)));
            blocks.push(Block::Grid(oster_grid(one, questions, options)));
        }
        if !one.e_values.is_empty() {
            blocks.push(Block::Grid(e_value_grid(one, options)));
        }
    }
    explained::document(blocks, note, sources)
}

fn shown(value: f64, options: &RenderOptions) -> Cell {
    Cell::number(rounded(value, options.digits))
}

/// `2x`, or `2x and 3x` with the regressor and the outcome.
fn strength(benchmark: &Benchmark) -> String {
    match benchmark.kd == benchmark.ky {
        true => format!("{}x", benchmark.kd),
        false => format!("{}x and {}x", benchmark.kd, benchmark.ky),
    }
}

fn robustness_grid(found: &Sensitivities, questions: &Questions, options: &RenderOptions) -> Grid {
    let header =
        ["Estimate", "Std. error", "Iid std. error", "Iid t", "Partial R2", "RV", &format!("RV, {}", questions.alpha)];
    let row = |one: &Sensitivity| {
        let cells = vec![
            shown(one.value.estimate, options),
            shown(one.value.std_error, options),
            shown(one.iid_error, options),
            Cell::number(rounded(one.oster.selection.beta_long / one.iid_error, 2)),
            shown(one.partial_r2, options),
            shown(one.robustness, options),
            shown(one.robustness_alpha, options),
        ];
        Row::new(one.value.term.clone(), cells)
    };
    let away = if questions.q == 1.0 { String::from("all") } else { format!("{} times", questions.q) };
    let mut notes = vec![
        format!(
            "RV: the partial R2 that a confounder would need with both regressor and outcome to explain {away} of the estimate away; RV, {}: to make it insignificant at that level (Cinelli and Hazlett 2020)",
            questions.alpha
        ),
        String::from(
            "from t under independent errors of equal variance, whatever the errors of the fit: partial R2 are facts about variances",
        ),
    ];
    if found.coefficients.len() > 1 {
        notes.push(String::from("each coefficient for itself, the others of the formula as controls"));
    }
    notes.extend(estimation_notes(std::slice::from_ref(&found.fit)).into_iter().map(|note| format!("fit: {note}")));
    Grid {
        caption: format!("Robustness of `{}`{}", found.fit.formula, sample_of(&found.fit)),
        corner: found.fit.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![found.coefficients.iter().map(row).collect()],
        notes,
    }
}

fn benchmark_grid(found: &Sensitivities, questions: &Questions, options: &RenderOptions) -> Grid {
    let level = percent_level(1.0 - questions.alpha);
    let (low, high) = (format!("{level} low"), format!("{level} high"));
    let header = ["R2 regressor", "R2 outcome", "Adjusted", "Std. error", "t value", &low, &high];
    let mut impossible = false;
    let mut row = |one: &Benchmark| {
        impossible |= one.r2_regressor.is_nan();
        let value = &one.adjusted;
        let numbers = [one.r2_regressor, one.r2_outcome, value.estimate, value.std_error];
        let mut cells: Vec<Cell> = numbers.iter().map(|&value| shown(value, options)).collect();
        cells.push(Cell::number(rounded(value.statistic, 2)));
        cells.extend([shown(value.conf_low, options), shown(value.conf_high, options)]);
        Row::new(format!("{} {}", strength(one), one.group), cells)
    };
    let mut sections = Vec::new();
    for one in &found.coefficients {
        let mut rows = vec![Row::title(one.value.term.clone())];
        rows.extend(one.benchmarks.iter().map(&mut row));
        sections.push(rows);
    }
    let mut notes = vec![String::from(
        "the coefficient if a confounder existed that explains as many times what the control does, of regressor and outcome; several columns or levels of a control count together; errors under equal variance",
    )];
    if impossible {
        notes.push(String::from("without numbers: no confounder can be that strong, the control explains too much"));
    }
    Grid {
        caption: String::from("Confounders as strong as observed controls"),
        corner: found.fit.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections,
        notes,
    }
}

fn oster_grid(found: &Sensitivities, questions: &Questions, options: &RenderOptions) -> Grid {
    let (delta_of, adjusted_at) =
        (format!("Delta for {}", questions.beta), format!("Adjusted, delta {}", questions.delta));
    let header = ["Short", "R2", "Long", "R2", "Largest R2", &delta_of, &adjusted_at];
    let row = |one: &Sensitivity| {
        let (oster, selection) = (&one.oster, &one.oster.selection);
        let adjusted = oster.adjusted.first().map_or(Cell::Empty, |value| shown(*value, options));
        let numbers = [
            selection.beta_short,
            selection.r2_short,
            selection.beta_long,
            selection.r2_long,
            oster.r_max,
            oster.delta,
        ];
        let mut cells: Vec<Cell> = numbers.iter().map(|&value| shown(value, options)).collect();
        cells.push(adjusted);
        Row::new(one.value.term.clone(), cells)
    };
    let mut notes = vec![String::from(
        "Oster (2019), exact: delta is how much more the regressor would have to be selected on what is not observed than on the controls; the adjusted coefficient is the root of the cubic nearest to the long regression, in the direction from the short one",
    )];
    for one in found.coefficients.iter().filter(|one| one.oster.adjusted.len() > 1) {
        let others: Vec<String> = one.oster.adjusted[1..].iter().map(|value| rounded(*value, options.digits)).collect();
        notes.push(format!("`{}`: other roots {}", one.value.term, others.join(", ")));
    }
    Grid {
        caption: String::from("Selection on what is not observed"),
        corner: found.fit.outcome.clone(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![found.coefficients.iter().map(row).collect()],
        notes,
    }
}

fn e_value_grid(found: &Sensitivities, options: &RenderOptions) -> Grid {
    let level = percent_level(found.fit.conf_level);
    let (low, high) = (format!("{level} low"), format!("{level} high"));
    let header = ["Ratio of rates", &low, &high, "E-value", "E-value, interval"];
    let row = |one: &EValue| {
        let numbers = [one.ratio, one.interval.0, one.interval.1, one.value, one.limit];
        Row::new(one.contrast.clone(), numbers.iter().map(|&value| shown(value, options)).collect())
    };
    Grid {
        caption: format!("E-values of adjusted rates, `{}`{}", found.fit.formula, sample_of(&found.fit)),
        corner: found.fit.rates.as_ref().map(|rates| rates.factor.clone()).unwrap_or_default(),
        header: vec![header.map(str::to_owned).to_vec()],
        sections: vec![found.e_values.iter().map(row).collect()],
        notes: vec![String::from(
            "the ratio of rates that a confounder would need with both the level and the outcome to explain the ratio away, or to move the interval to one (VanderWeele and Ding 2017); 1 where the interval holds one",
        )],
    }
}

fn lines(found: &Sensitivities, questions: &Questions) -> Vec<Line> {
    let rows = found.fit.flow.rows_used;
    let mut lines = Vec::new();
    for one in &found.coefficients {
        let term = one.value.term.as_str();
        lines.push(Line::tested("coefficient", term, None, &one.value, rows));
        let plain = |kind, part: Option<&str>, value| Line::plain(kind, term, part, value, rows);
        let rv = format!("q = {}", questions.q);
        let alpha = format!("q = {}, alpha = {}", questions.q, questions.alpha);
        let iid = "from t under independent errors of equal variance";
        let noted = |line: Line| Line { note: Some(iid.to_owned()), ..line };
        lines.push(plain("iid_std_error", None, one.iid_error));
        lines.push(plain("residual_df", None, one.df));
        lines.push(noted(plain("partial_r2", None, one.partial_r2)));
        lines.push(noted(plain("robustness_value", Some(&rv), one.robustness)));
        lines.push(noted(plain("robustness_value_alpha", Some(&alpha), one.robustness_alpha)));
        for benchmark in &one.benchmarks {
            let part = match benchmark.kd == benchmark.ky {
                true => format!("{} k = {}", benchmark.group, benchmark.kd),
                false => format!("{} kd = {}, ky = {}", benchmark.group, benchmark.kd, benchmark.ky),
            };
            let part = Some(part.as_str());
            lines.push(plain("benchmark_r2_regressor", part, benchmark.r2_regressor));
            lines.push(plain("benchmark_r2_outcome", part, benchmark.r2_outcome));
            // errors, distribution and level are not those of the fit
            let line = plain("benchmark_adjusted", part, benchmark.adjusted.estimate);
            lines.push(noted(Line { value: benchmark.adjusted.clone(), ..line }));
        }
        let oster = &one.oster;
        lines.push(plain("oster_short", None, oster.selection.beta_short));
        lines.push(plain("oster_short_r2", None, oster.selection.r2_short));
        lines.push(plain("oster_long_r2", None, oster.selection.r2_long));
        lines.push(plain("oster_r_max", None, oster.r_max));
        lines.push(plain("oster_delta", Some(&format!("beta = {}", questions.beta)), oster.delta));
        for (at, value) in oster.adjusted.iter().enumerate() {
            let kind = if at == 0 { "oster_adjusted" } else { "oster_other_root" };
            lines.push(plain(kind, Some(&format!("delta = {}", questions.delta)), *value));
        }
    }
    for one in &found.e_values {
        let part = Some(one.contrast.as_str());
        let factor = found.fit.rates.as_ref().map(|rates| rates.factor.as_str()).unwrap_or_default();
        lines.push(Line::plain("ratio", factor, part, one.ratio, rows));
        lines.push(Line::plain("e_value", factor, part, one.value, rows));
        lines.push(Line::plain("e_value_interval", factor, part, one.limit, rows));
    }
    lines
}

fn explained(found: &[Sensitivities], questions: &Questions) -> Vec<Explained> {
    let one = |found: &Sensitivities| Explained {
        about: About::fit(&found.fit),
        analysis: "sensitivity",
        composition: None,
        lines: lines(found, questions),
        more: Map::new(),
    };
    found.iter().map(one).collect()
}

/// One row per number.
pub fn table(found: &[Sensitivities], questions: &Questions, note: Option<&str>) -> DataTable {
    explained::table(&explained(found, questions), note)
}

/// The same as records.
pub fn json(found: &[Sensitivities], questions: &Questions, note: Option<&str>, sources: &[String]) -> Json {
    explained::json(&explained(found, questions), note, sources)
}
