//! `if(condition, a, b)`.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::Expr;
use super::error::{ExprError, Span};
use super::value::{Series, Truth, Value};
use crate::table::{Factor, MISSING};

/// Row by row `yes`, `no`, or missing where the condition is missing.
pub(super) fn choose<'t>(
    condition: &Series<'_, Truth>,
    yes: (&Expr, Value<'t>),
    no: (&Expr, Value<'t>),
    span: &Span,
    n_rows: usize,
) -> Result<Value<'t>, ExprError> {
    if is_label(&yes.1) || is_label(&no.1) {
        let mut merged = Merged::default();
        let from_yes = merged.codes(&yes.1, n_rows);
        let from_no = merged.codes(&no.1, n_rows);
        if let (Some(from_yes), Some(from_no)) = (from_yes, from_no) {
            let codes = (0..n_rows).map(|row| pick(condition.get(row), from_yes.get(row), from_no.get(row), MISSING));
            let factor = Factor::new(codes.collect(), merged.levels);
            return Ok(Value::Factor(Cow::Owned(used_levels(factor))));
        }
    } else if let (Value::Truth(a), Value::Truth(b)) = (&yes.1, &no.1) {
        let chosen = (0..n_rows).map(|row| pick(condition.get(row), a.get(row), b.get(row), Truth::Unknown));
        return Ok(Value::Truth(Series::Each(chosen.collect())));
    } else if let (Some(a), Some(b)) = (yes.1.to_numbers(), no.1.to_numbers()) {
        let chosen = (0..n_rows).map(|row| pick(condition.get(row), a.get(row), b.get(row), f64::NAN));
        return Ok(Value::Number(Series::Each(chosen.collect())));
    }
    Err(ExprError::WrongType {
        span: span.clone(),
        context: String::from("`if`"),
        expected: "two values of one type",
        found: format!("{} (`{}`) and {} (`{}`)", yes.1.describe(), yes.0, no.1.describe(), no.0),
        hint: None,
    })
}

fn pick<T>(condition: Truth, yes: T, no: T, missing: T) -> T {
    match condition {
        Truth::True => yes,
        Truth::False => no,
        Truth::Unknown => missing,
    }
}

fn is_label(value: &Value<'_>) -> bool {
    matches!(value, Value::Factor(_) | Value::Text(_))
}

/// Common levels of two factors, in order of the first, then of the second.
#[derive(Default)]
struct Merged {
    levels: Vec<String>,
    index: FxHashMap<String, u32>,
}

impl Merged {
    fn code(&mut self, label: &str) -> u32 {
        if let Some(&code) = self.index.get(label) {
            return code;
        }
        let code = self.levels.len() as u32;
        self.levels.push(label.to_owned());
        self.index.insert(label.to_owned(), code);
        code
    }

    /// Codes of a factor or text in the common levels; `None` for a number.
    fn codes(&mut self, value: &Value<'_>, n_rows: usize) -> Option<Series<'static, u32>> {
        match value {
            Value::Text(text) => Some(Series::One(self.code(text))),
            Value::Missing => Some(Series::One(MISSING)),
            Value::Factor(factor) => {
                let common: Vec<u32> = factor.levels.iter().map(|level| self.code(level)).collect();
                let code = |row: usize| match factor.codes[row] {
                    MISSING => MISSING,
                    code => common[code as usize],
                };
                Some(Series::Each((0..n_rows).map(code).collect()))
            }
            Value::Number(_) | Value::Truth(_) => None,
        }
    }
}

/// Drops the levels no row has.
pub(super) fn used_levels(factor: Factor) -> Factor {
    let mut used = vec![false; factor.levels.len()];
    for &code in factor.codes.iter().filter(|&&code| code != MISSING) {
        used[code as usize] = true;
    }
    let mut new_codes = vec![MISSING; factor.levels.len()];
    let mut levels = Vec::new();
    for (old, level) in factor.levels.into_iter().enumerate().filter(|(old, _)| used[*old]) {
        new_codes[old] = levels.len() as u32;
        levels.push(level);
    }
    let renumbered = |code: u32| if code == MISSING { MISSING } else { new_codes[code as usize] };
    Factor::new(factor.codes.iter().map(|&code| renumbered(code)).collect(), levels)
}

#[cfg(test)]
mod tests {
    use crate::expr::parse;
    use crate::table::{Column, ColumnData, Factor, Table};

    #[test]
    fn labels_of_both_sides_become_one_factor() {
        let mut table = Table::new(3);
        table.insert(Column::factor("a", Factor::from_labels(&[Some("p"), Some("q"), None])));
        table.insert(Column::number("x", vec![1.0, 2.0, f64::NAN]));
        let data = parse("if(a == \"p\", a, \"other\")").unwrap().eval(&table).unwrap();
        let ColumnData::Factor(factor) = data else { panic!("a factor") };
        assert_eq!(factor.levels, ["p", "other"]);
        assert_eq!(*factor.codes, [0, 1, u32::MAX]);
        assert!(parse("if(a == \"p\", a, x)").unwrap().eval(&table).is_err());
        assert!(parse("if(a == \"p\", x, missing)").unwrap().eval(&table).is_ok());
    }
}
