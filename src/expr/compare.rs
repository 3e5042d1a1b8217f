//! Comparisons and membership in lists.

use std::borrow::Cow;
use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::error::ExprError;
use super::value::{Series, Truth, Value, numeric_levels};
use super::{BinaryOp, Expr, ExprKind};
use crate::nearest::nearest_name;
use crate::table::{Factor, MISSING};

/// An operand and its value.
type Side<'e, 't> = (&'e Expr, Value<'t>);

/// Compares two values row by row.
pub(super) fn compare<'t>(op: BinaryOp, a: Side<'_, 't>, b: Side<'_, 't>) -> Result<Series<'t, Truth>, ExprError> {
    for (expr, value) in [&a, &b] {
        if matches!((value, &expr.kind), (Value::Missing, ExprKind::Missing)) {
            return Err(never_true(expr));
        }
    }
    match (&a.1, &b.1) {
        (Value::Factor(factor), Value::Text(text)) => factor_with_text(op, a.0, factor, b.0, text),
        (Value::Text(text), Value::Factor(factor)) => factor_with_text(mirrored(op), b.0, factor, a.0, text),
        (Value::Factor(left), Value::Factor(right)) => Ok(factor_with_factor(op, left, right)),
        (Value::Text(left), Value::Text(right)) => Ok(Series::One(Truth::from(holds(op, left.cmp(right))))),
        (Value::Text(text), other) if !matches!(other, Value::Text(_)) => {
            numbers_with_text(mirrored(op), &b, a.0, text)
        }
        (_, Value::Text(text)) => numbers_with_text(op, &a, b.0, text),
        _ => match (a.1.to_numbers(), b.1.to_numbers()) {
            (Some(left), Some(right)) => Ok(left.zip(&right, |x, y| number_truth(op, x, y))),
            (None, _) => Err(text_against_number(&a, &b)),
            (_, None) => Err(text_against_number(&b, &a)),
        },
    }
}

/// Whether each row of `item` is one of the literals of `list`.
pub(super) fn membership<'t>(item: &Expr, value: Value<'t>, list: &[Expr]) -> Result<Series<'t, Truth>, ExprError> {
    let mut found: Series<'t, Truth> = is_any(&value);
    for literal in list {
        let other = match &literal.kind {
            ExprKind::Text(text) => Value::Text(text.clone()),
            ExprKind::Number(number) => Value::Number(Series::One(*number)),
            ExprKind::Truth(truth) => Value::Truth(Series::One(Truth::from(*truth))),
            _ => continue, // the parser lets literals through only
        };
        // a factor is decided once per level, so a long list costs levels, not rows
        if let (Value::Factor(factor), Some(label)) = (&value, literal_label(literal))
            && let Some(code) = factor.code_of(&label)
            && let Series::Each(rows) = &mut found
        {
            let rows = rows.to_mut();
            for (row, _) in factor.codes.iter().enumerate().filter(|(_, found)| **found == code) {
                rows[row] = Truth::True;
            }
            continue;
        }
        found = found.zip(&compare(BinaryOp::Equal, (item, value.clone()), (literal, other))?, Truth::or);
    }
    Ok(found)
}

/// The label a literal stands for in a factor of text.
fn literal_label(literal: &Expr) -> Option<String> {
    match &literal.kind {
        ExprKind::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// False where the value is present, unknown where it is missing.
fn is_any<'t>(value: &Value<'t>) -> Series<'t, Truth> {
    let truth = |missing: bool| if missing { Truth::Unknown } else { Truth::False };
    match value {
        Value::Number(series) => series.map(|v| truth(v.is_nan())),
        Value::Truth(series) => series.map(|v| truth(v == Truth::Unknown)),
        Value::Factor(factor) => Series::Each(factor.codes.iter().map(|&code| truth(code == MISSING)).collect()),
        Value::Text(_) => Series::One(Truth::False),
        Value::Missing => Series::One(Truth::Unknown),
    }
}

/// `5 < x` is `x > 5`.
fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        other => other,
    }
}

fn holds(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Equal => order == Ordering::Equal,
        BinaryOp::NotEqual => order != Ordering::Equal,
        BinaryOp::Less => order == Ordering::Less,
        BinaryOp::LessOrEqual => order != Ordering::Greater,
        BinaryOp::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }
}

fn number_truth(op: BinaryOp, x: f64, y: f64) -> Truth {
    x.partial_cmp(&y).map_or(Truth::Unknown, |order| Truth::from(holds(op, order)))
}

/// Decides once per level, then looks the rows up.
fn by_level(factor: &Factor, verdicts: &[Truth]) -> Series<'static, Truth> {
    let row = |&code: &u32| if code == MISSING { Truth::Unknown } else { verdicts[code as usize] };
    Series::Each(factor.codes.iter().map(row).collect())
}

/// Equality by label; `<` and `>` by the order of the levels, or as numbers or text if those are in their own order.
fn factor_with_text<'t>(
    op: BinaryOp,
    factor_expr: &Expr,
    factor: &Cow<'t, Factor>,
    text_expr: &Expr,
    text: &str,
) -> Result<Series<'t, Truth>, ExprError> {
    let ordered = !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
    let verdicts: Vec<Truth> = if let Some(place) = factor.code_of(text) {
        (0..factor.n_levels()).map(|code| Truth::from(holds(op, code.cmp(&(place as usize))))).collect()
    } else if let (Some(levels), Ok(number)) = (numeric_levels(factor), text.trim().parse::<f64>())
        && (ordered || levels.contains(&number))
    {
        levels.iter().map(|&level| number_truth(op, level, number)).collect()
    } else if ordered && factor.levels.is_sorted() {
        factor.levels.iter().map(|level| Truth::from(holds(op, level.as_str().cmp(text)))).collect()
    } else {
        return Err(unknown_level(factor_expr, factor, text_expr, text));
    };
    Ok(by_level(factor, &verdicts))
}

fn unknown_level(factor_expr: &Expr, factor: &Factor, literal: &Expr, value: &str) -> ExprError {
    ExprError::UnknownLevel {
        span: literal.span.clone(),
        column: factor_expr.to_string().trim_matches('`').to_owned(),
        value: literal.to_string(),
        nearest: nearest_name(value, factor.levels.iter().map(String::as_str)).map(str::to_owned),
        accepted: factor.levels.clone(),
    }
}

/// Labels against labels; as numbers if all levels of both are numbers.
fn factor_with_factor<'t>(op: BinaryOp, left: &Cow<'t, Factor>, right: &Cow<'t, Factor>) -> Series<'t, Truth> {
    let a = Value::Factor(left.clone()).to_numbers();
    let b = Value::Factor(right.clone()).to_numbers();
    if let (Some(a), Some(b)) = (a, b) {
        return a.zip(&b, |x, y| number_truth(op, x, y));
    }
    // ranks in the common order of all labels
    let mut labels: Vec<&str> = left.levels.iter().chain(&right.levels).map(String::as_str).collect();
    labels.sort_unstable();
    labels.dedup();
    let rank: FxHashMap<&str, usize> = labels.iter().enumerate().map(|(rank, label)| (*label, rank)).collect();
    let ranks = |factor: &Factor| factor.levels.iter().map(|level| rank[level.as_str()]).collect::<Vec<_>>();
    let (left_ranks, right_ranks) = (ranks(left), ranks(right));
    let row = |(&a, &b): (&u32, &u32)| {
        if a == MISSING || b == MISSING {
            return Truth::Unknown;
        }
        Truth::from(holds(op, left_ranks[a as usize].cmp(&right_ranks[b as usize])))
    };
    Series::Each(left.codes.iter().zip(right.codes.iter()).map(row).collect())
}

/// A text that reads as a number compares as one, so that `x == "5"` works whichever way the file was typed.
fn numbers_with_text<'t>(
    op: BinaryOp,
    numbers: &Side<'_, 't>,
    text_expr: &Expr,
    text: &str,
) -> Result<Series<'t, Truth>, ExprError> {
    match (numbers.1.to_numbers(), text.trim().parse::<f64>()) {
        (Some(values), Ok(number)) if number.is_finite() => Ok(values.map(|value| number_truth(op, value, number))),
        _ => Err(ExprError::WrongType {
            span: text_expr.span.clone(),
            context: format!("a comparison with `{}`", numbers.0),
            expected: "a number",
            found: format!("the text {text_expr}"),
            hint: None,
        }),
    }
}

fn text_against_number(text: &Side<'_, '_>, number: &Side<'_, '_>) -> ExprError {
    let hint = match &text.1 {
        Value::Factor(factor) => {
            let level = factor.levels.first().map_or("...", String::as_str);
            Some(format!("compare with a label in quotes, for instance `{} == \"{level}\"`", text.0))
        }
        _ => None,
    };
    ExprError::WrongType {
        span: number.0.span.clone(),
        context: format!("a comparison with `{}`", text.0),
        expected: "a text",
        found: format!("{} (`{}`)", number.1.describe(), number.0),
        hint,
    }
}

fn never_true(expr: &Expr) -> ExprError {
    ExprError::BadValue {
        span: expr.span.clone(),
        message: String::from("a comparison with `missing` is never true"),
        hint: Some(String::from("test with `is_missing(x)` or `not is_missing(x)`")),
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::{ExprError, parse};
    use crate::table::{Column, Factor, Table};

    fn table() -> Table {
        let mut table = Table::new(4);
        let modes = [Some("Build"), Some("Fix"), None, Some("Test")];
        table.insert(Column::factor("mode", Factor::from_labels(&modes)));
        table.insert(Column::factor("other", Factor::from_labels(&[Some("Build"), Some("Test"), Some("Fix"), None])));
        table.insert(Column::factor("level", Factor::from_labels(&[Some("1"), Some("10"), Some("2"), None])));
        table.insert(Column::factor(
            "month",
            Factor::from_labels(&["2025-11", "2025-12", "2026-01", "2026-02"].map(Some)),
        ));
        table.insert(Column::number("x", vec![1.0, 5.0, f64::NAN, 2.0]));
        let band = Factor::new(vec![0, 1, 2, 1], vec!["<200".into(), "200-1000".into(), ">=1000".into()]);
        table.insert(Column::factor("band", band));
        table
    }

    fn keep(text: &str) -> Vec<usize> {
        let kept = parse(text).unwrap().eval_filter(&table()).unwrap_or_else(|error| panic!("{text}: {error}"));
        (0..4).filter(|&row| kept[row]).collect()
    }

    #[test]
    fn factors_compare_by_label_number_and_order() {
        assert_eq!(keep("mode == 'Fix'"), [1]);
        assert_eq!(keep("'Fix' != mode"), [0, 3]);
        assert_eq!(keep("level >= 2"), [1, 2]);
        assert_eq!(keep("level < '10'"), [0, 2]);
        assert_eq!(keep("level == '2.0'"), [2]);
        assert_eq!(keep("month >= '2025-12-15'"), [2, 3]);
        assert_eq!(keep("band >= '200-1000'"), [1, 2, 3]);
        assert_eq!(keep("'200-1000' > band"), [0]);
        assert_eq!(keep("mode == other"), [0]);
        assert_eq!(keep("mode < other"), [1]);
        assert_eq!(keep("x == '5'"), [1]);
        assert_eq!(keep("(x > 1) == true"), [1, 3]);
    }

    #[test]
    fn lists() {
        assert_eq!(keep("mode in ['Fix', 'Build']"), [0, 1]);
        assert_eq!(keep("mode not in ['Fix', 'Build']"), [3]);
        assert_eq!(keep("level in [1, '10']"), [0, 1]);
        assert_eq!(keep("x in [5, 1.0]"), [0, 1]);
        assert_eq!(keep("x not in []"), [0, 1, 3]);
    }

    #[test]
    fn unknown_levels_are_errors_with_the_nearest() {
        for text in ["mode == 'Bild'", "mode in ['Fix', 'Bild']", "'Bild' == mode", "band > 'Bild'"] {
            let error = parse(text).unwrap().eval_filter(&table()).unwrap_err();
            assert!(matches!(error, ExprError::UnknownLevel { .. }), "{text}: {error}");
            assert_eq!(&text[error.span()], "'Bild'");
        }
        let error = parse("mode == 'Bild'").unwrap().eval_filter(&table()).unwrap_err();
        assert_eq!(error.to_string(), "\"Bild\" is not a level of `mode`");
        assert_eq!(error.hint().unwrap(), "did you mean `Build`? (levels: `Build`, `Fix`, `Test`)");
    }

    #[test]
    fn types_that_do_not_compare() {
        for text in ["mode == 1", "1 < mode", "x == 'abc'", "x == missing", "mode in [1]"] {
            assert!(parse(text).unwrap().eval_filter(&table()).is_err(), "{text}");
        }
        let error = parse("x != missing").unwrap().eval_filter(&table()).unwrap_err();
        assert!(error.hint().unwrap().contains("is_missing"));
    }
}
