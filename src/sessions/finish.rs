//! Values as read to columns as formulas see them: missing spellings, numbers in text, levels of the codebook.

use rayon::prelude::*;

use super::accumulator::{Accumulator, Origin, Values};
use super::error::{BadValue, LoadError};
use super::interner::Interner;
use crate::codebook::{Canonical, Kind, Variable};
use crate::expr::text::month_of;
use crate::table::{Column, Factor, MISSING, MissingReasons};

/// Spellings of "no value" in text.
const MISSING_SPELLINGS: [&str; 8] = ["", "NA", "N/A", "null", "NULL", "None", "NaN", "nan"];

/// Largest integer up to which every integer is a floating-point number.
const LARGEST_EXACT: u64 = 1 << 53;

/// Finds the file and the row in it (from 1) of a row of the table (from 0).
pub(super) type Locate<'a> = &'a (dyn Fn(usize) -> (String, usize) + Sync);

/// Makes the column `name` of the table; `variable` is its codebook variable, if the codebook applies to it.
pub(super) fn finish(
    accumulator: Accumulator,
    name: &str,
    variable: Option<&Variable>,
    locate: Locate<'_>,
) -> Result<Column, LoadError> {
    let source = accumulator.column;
    match (accumulator.values, variable) {
        (Values::Nothing | Values::Hashes(_), variable) => {
            let values = vec![f64::NAN; accumulator.rows];
            match variable {
                Some(variable) => numbers_in_codebook(values, name, &source, variable, locate),
                None => Ok(Column::number(name, values)),
            }
        }
        (Values::Numbers(values), None) => Ok(Column::number(name, values)),
        (Values::Numbers(values), Some(variable)) => numbers_in_codebook(values, name, &source, variable, locate),
        (Values::Labels { codes, texts, origin }, None) => plain_labels(codes, &texts, origin, name, &source, locate),
        (Values::Labels { codes, texts, .. }, Some(variable)) => {
            labels_in_codebook(codes, &texts, name, &source, variable, locate)
        }
    }
}

fn is_missing(text: &str) -> bool {
    MISSING_SPELLINGS.contains(&text.trim())
}

/// What to do with each distinct text.
enum Verdict {
    Missing,
    Abstained(usize),
    Number(f64),
    Label(u32),
}

/// A column without codebook. Text files hold everything as text: what is all numbers becomes numbers, what is all
/// `true` and `false` becomes 1 and 0.
fn plain_labels(
    codes: Vec<u32>,
    texts: &Interner,
    origin: Origin,
    name: &str,
    source: &str,
    locate: Locate<'_>,
) -> Result<Column, LoadError> {
    if origin == Origin::Untyped {
        let parsed: Option<Vec<f64>> = texts.iter().map(number_or_missing).collect();
        let parsed = parsed.or_else(|| texts.iter().map(truth_or_missing).collect());
        if let Some(numbers) = parsed.filter(|numbers| numbers.iter().any(|number| !number.is_nan())) {
            if let Some(code) = numbers.iter().position(|number| number.is_infinite()) {
                return Err(infinite(texts.get(code as u32), &codes, code, source, locate));
            }
            return Ok(Column::number(name, lookup(&codes, &numbers)));
        }
    }
    Ok(Column::factor(name, sorted_factor(codes, texts)))
}

/// A number that a floating-point number holds exactly if it is an integer; `NaN` for missing; `None` for other text.
fn number_or_missing(text: &str) -> Option<f64> {
    if is_missing(text) {
        return Some(f64::NAN);
    }
    let text = text.trim();
    let value = text.parse::<f64>().ok()?;
    let digits = text.trim_start_matches(['-', '+']);
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.parse().is_ok_and(|whole: u64| whole <= LARGEST_EXACT)
    {
        return None;
    }
    Some(value)
}

fn truth_or_missing(text: &str) -> Option<f64> {
    match text.trim() {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        other => is_missing(other).then_some(f64::NAN),
    }
}

fn lookup(codes: &[u32], values: &[f64]) -> Vec<f64> {
    codes.iter().map(|&code| if code == MISSING { f64::NAN } else { values[code as usize] }).collect()
}

/// A factor with the levels in their usual order, spellings of missing dropped.
fn sorted_factor(mut codes: Vec<u32>, texts: &Interner) -> Factor {
    let any_text = texts.iter().any(|text| !is_missing(text) && text.parse::<f64>().is_err());
    if !any_text {
        // all numbers: the order is by value; there are few of them
        let levels = texts.iter().map(str::to_owned).collect();
        let missing: Vec<bool> = texts.iter().map(is_missing).collect();
        codes.iter_mut().filter(|code| **code != MISSING && missing[**code as usize]).for_each(|code| *code = MISSING);
        let mut factor = Factor::new(codes, levels);
        factor.sort_levels();
        return without_missing_spellings(factor);
    }
    let order: Vec<u32> = texts.sorted().into_iter().filter(|&code| !is_missing(texts.get(code))).collect();
    let mut position = vec![MISSING; texts.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old as usize] = new as u32;
    }
    codes.iter_mut().filter(|code| **code != MISSING).for_each(|code| *code = position[*code as usize]);
    Factor::new(codes, order.par_iter().map(|&code| texts.get(code).to_owned()).collect())
}

/// Drops levels that spell missing; no row has them.
fn without_missing_spellings(factor: Factor) -> Factor {
    if !factor.levels.iter().any(|level| is_missing(level)) {
        return factor;
    }
    let mut position = vec![MISSING; factor.levels.len()];
    let mut levels = Vec::new();
    for (old, level) in factor.levels.into_iter().enumerate() {
        if !is_missing(&level) {
            position[old] = levels.len() as u32;
            levels.push(level);
        }
    }
    let new = |code: u32| if code == MISSING { MISSING } else { position[code as usize] };
    Factor::new(factor.codes.iter().map(|&code| new(code)).collect(), levels)
}

/// A column of text under the codebook.
fn labels_in_codebook(
    codes: Vec<u32>,
    texts: &Interner,
    name: &str,
    source: &str,
    variable: &Variable,
    locate: Locate<'_>,
) -> Result<Column, LoadError> {
    if !variable.is_closed() && !variable.is_number() {
        let factor = sorted_factor(codes, texts);
        return Ok(Column::factor(name, if variable.kind == Kind::Month { months(factor) } else { factor }));
    }
    let mut verdicts = Vec::with_capacity(texts.len());
    for (code, text) in texts.iter().enumerate() {
        let verdict =
            verdict(variable, text).filter(|verdict| !matches!(verdict, Verdict::Number(v) if v.is_infinite()));
        verdicts.push(verdict.ok_or_else(|| {
            let row = first_row(&codes, code);
            foreign_value(format!("`{text}`"), Some(text), row, source, variable, locate)
        })?);
    }
    Ok(from_verdicts(&codes, &verdicts, name, variable))
}

/// What a text means under the codebook; `None` if it is foreign.
fn verdict(variable: &Variable, text: &str) -> Option<Verdict> {
    match variable.canonical(text) {
        Some(Canonical::Level(place)) if variable.is_number() => {
            variable.levels[place].level.parse().ok().map(Verdict::Number)
        }
        Some(Canonical::Level(place)) => Some(Verdict::Label(place as u32)),
        Some(Canonical::Abstained(place)) => Some(Verdict::Abstained(place)),
        None if is_missing(text) => Some(Verdict::Missing),
        None if variable.is_closed() => None,
        None => text.trim().parse().ok().filter(|value: &f64| !value.is_nan()).map(Verdict::Number),
    }
}

fn from_verdicts(codes: &[u32], verdicts: &[Verdict], name: &str, variable: &Variable) -> Column {
    let of = |code: u32| if code == MISSING { &Verdict::Missing } else { &verdicts[code as usize] };
    let mut column = if variable.is_number() {
        let number = |&code: &u32| if let Verdict::Number(value) = of(code) { *value } else { f64::NAN };
        Column::number(name, codes.iter().map(number).collect())
    } else {
        let label = |&code: &u32| if let Verdict::Label(level) = of(code) { *level } else { MISSING };
        let levels = variable.levels.iter().map(|level| level.level.clone()).collect();
        Column::factor(name, Factor::new(codes.iter().map(label).collect(), levels))
    };
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Abstained(_))) {
        let reason = |&code: &u32| if let Verdict::Abstained(place) = of(code) { *place as u8 + 1 } else { 0 };
        let names = variable.abstain.iter().map(|abstention| abstention.reason.clone()).collect();
        column.reasons = Some(MissingReasons { codes: codes.iter().map(reason).collect(), names });
    }
    column
}

/// A column of numbers under the codebook.
fn numbers_in_codebook(
    values: Vec<f64>,
    name: &str,
    source: &str,
    variable: &Variable,
    locate: Locate<'_>,
) -> Result<Column, LoadError> {
    if variable.is_number() && !variable.is_closed() {
        return Ok(Column::number(name, values));
    }
    let factor = Factor::from_numbers(&values);
    if !variable.is_closed() {
        return Ok(Column::factor(name, factor));
    }
    adopt_factor(&factor, name, source, variable, locate)
}

/// A factor in memory under a codebook variable with known levels.
pub(super) fn adopt_factor(
    factor: &Factor,
    name: &str,
    source: &str,
    variable: &Variable,
    locate: Locate<'_>,
) -> Result<Column, LoadError> {
    let mut verdicts = Vec::with_capacity(factor.levels.len());
    for (code, level) in factor.levels.iter().enumerate() {
        verdicts.push(verdict(variable, level).ok_or_else(|| {
            let row = first_row(&factor.codes, code);
            foreign_value(format!("`{level}`"), Some(level), row, source, variable, locate)
        })?);
    }
    Ok(from_verdicts(&factor.codes, &verdicts, name, variable))
}

/// Months from dates and months; labels that are neither stay, since tables name their periods in many ways.
fn months(factor: Factor) -> Factor {
    let months: Option<Vec<String>> = factor.levels.iter().map(|level| month_of(level)).collect();
    let Some(months) = months else { return factor };
    let per_level: Vec<Option<String>> = months.into_iter().map(Some).collect();
    let merged = Factor::from_labels(&per_level);
    let new = |&code: &u32| if code == MISSING { MISSING } else { merged.codes[code as usize] };
    Factor::new(factor.codes.iter().map(new).collect(), merged.levels)
}

fn first_row(codes: &[u32], code: usize) -> usize {
    codes.iter().position(|found| *found as usize == code).unwrap_or(0)
}

/// The error for a value the codebook does not know.
fn foreign_value(
    found: String,
    text: Option<&str>,
    row: usize,
    source: &str,
    variable: &Variable,
    locate: Locate<'_>,
) -> LoadError {
    let (file, row) = locate(row);
    let way_out = format!(
        "if the column is something else, name the right one with `--map {}=COLUMN`, or switch the codebook off with `--codebook off`",
        variable.name
    );
    let expected = if variable.is_closed() {
        format!("a level of {}: {}", variable.name, variable.accepted().join(", "))
    } else {
        format!("a number, as {} demands", variable.name)
    };
    let nearest = text.and_then(|text| variable.nearest_level(text));
    let hint = nearest.map_or_else(|| way_out.clone(), |level| format!("did you mean `{level}`? {way_out}"));
    BadValue { file, row, column: source.to_owned(), found, expected, hint }.into()
}

fn infinite(text: &str, codes: &[u32], code: usize, source: &str, locate: Locate<'_>) -> LoadError {
    let (file, row) = locate(first_row(codes, code));
    BadValue {
        file,
        row,
        column: source.to_owned(),
        found: format!("`{text}`"),
        expected: String::from("a finite number"),
        hint: String::from("leave the value empty if it is missing"),
    }
    .into()
}
