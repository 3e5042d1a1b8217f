//! Evaluation, a whole column at a time.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::compare::{compare, membership};
use super::error::{ExprError, Span};
use super::functions::Function;
use super::logic::choose;
use super::text;
use super::value::{Series, Truth, Value};
use super::{BinaryOp, Expr, ExprKind, UnaryOp};
use crate::nearest::nearest_names;
use crate::table::{Column, ColumnData, MissingReasons, Table};

impl Expr {
    /// The value for every row of the table; truth values become 0 and 1, missing ones `NaN`.
    ///
    /// # Errors
    /// If a column does not exist, or types do not fit the operators.
    pub fn eval(&self, table: &Table) -> Result<ColumnData, ExprError> {
        Ok(self.value(table)?.into_data(table.n_rows()))
    }

    /// Which rows satisfy the expression; rows where it is missing do not.
    ///
    /// # Errors
    /// As [`Expr::eval`], and if the expression is not a condition.
    pub fn eval_filter(&self, table: &Table) -> Result<Vec<bool>, ExprError> {
        let truths = truths(self, self.value(table)?, "a filter")?;
        Ok((0..table.n_rows()).map(|row| truths.get(row) == Truth::True).collect())
    }

    /// A new column with the reasons why rows are missing: those of the first column used that is missing in the
    /// row, or that the expression is not defined there (`log(0)`).
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn eval_column(&self, name: &str, table: &Table) -> Result<Column, ExprError> {
        let mut column = Column { name: name.to_owned(), data: self.eval(table)?, reasons: None };
        let used: Vec<&Column> = self.names().iter().filter_map(|used| table.get(used)).collect();
        let mut reasons = MissingReasons { codes: vec![0; table.n_rows()], names: Vec::new() };
        // the reason depends on which input is missing and on its own code for why: few combinations, many rows
        let mut known: FxHashMap<(usize, u8), u8> = FxHashMap::default();
        for row in (0..table.n_rows()).filter(|&row| column.is_missing(row)) {
            let input = used.iter().position(|input| input.is_missing(row));
            let why = input.and_then(|input| used[input].reasons.as_ref()).map_or(0, |inner| inner.codes[row]);
            reasons.codes[row] = *known.entry((input.unwrap_or(used.len()), why)).or_insert_with(|| {
                let reason = match input {
                    Some(input) => used[input].missing_reason(row),
                    None => format!("`{self}` is undefined"),
                };
                reason_code(&mut reasons.names, reason)
            });
        }
        if !reasons.names.is_empty() {
            column.reasons = Some(reasons);
        }
        Ok(column)
    }

    pub(super) fn value<'t>(&self, table: &'t Table) -> Result<Value<'t>, ExprError> {
        match &self.kind {
            ExprKind::Number(value) => Ok(Value::Number(Series::One(*value))),
            ExprKind::Text(text) => Ok(Value::Text(text.clone())),
            ExprKind::Truth(value) => Ok(Value::Truth(Series::One(Truth::from(*value)))),
            ExprKind::Missing => Ok(Value::Missing),
            ExprKind::Name(name) => lookup(name, &self.span, table),
            ExprKind::Unary(UnaryOp::Negate, operand) => {
                let value = numbers(operand, operand.value(table)?, "unary `-`")?;
                Ok(Value::Number(value.map(|v| -v)))
            }
            ExprKind::Unary(UnaryOp::Not, operand) => {
                Ok(Value::Truth(truths(operand, operand.value(table)?, "`not`")?.map(Truth::not)))
            }
            ExprKind::Binary(op, left, right) => binary(*op, left, right, table),
            ExprKind::In { item, list, negated } => {
                let found = membership(item, item.value(table)?, list)?;
                Ok(Value::Truth(if *negated { found.map(Truth::not) } else { found }))
            }
            ExprKind::Call(function, arguments) => call(*function, arguments, &self.span, table),
        }
    }
}

/// Code of a reason, adding it to the names if there is room (`u8` holds 254 names and "none").
fn reason_code(names: &mut Vec<String>, reason: String) -> u8 {
    if let Some(place) = names.iter().position(|name| *name == reason) {
        return place as u8 + 1;
    }
    if names.len() == usize::from(u8::MAX) {
        return 0;
    }
    names.push(reason);
    names.len() as u8
}

fn lookup<'t>(name: &str, span: &Span, table: &'t Table) -> Result<Value<'t>, ExprError> {
    match table.get(name) {
        Some(Column { data: ColumnData::Number(values), .. }) => {
            Ok(Value::Number(Series::Each(Cow::Borrowed(values.as_slice()))))
        }
        Some(Column { data: ColumnData::Factor(factor), .. }) => Ok(Value::Factor(Cow::Borrowed(factor))),
        None => Err(ExprError::UnknownColumn {
            span: span.clone(),
            name: name.to_owned(),
            nearest: nearest_names(name, table.names(), 3).into_iter().map(str::to_owned).collect(),
        }),
    }
}

fn binary<'t>(op: BinaryOp, left: &Expr, right: &Expr, table: &'t Table) -> Result<Value<'t>, ExprError> {
    let (a, b) = (left.value(table)?, right.value(table)?);
    if op.is_comparison() {
        return Ok(Value::Truth(compare(op, (left, a), (right, b))?));
    }
    let context = format!("`{}`", op.symbol());
    if let BinaryOp::And | BinaryOp::Or = op {
        let (a, b) = (truths(left, a, &context)?, truths(right, b, &context)?);
        return Ok(Value::Truth(a.zip(&b, if op == BinaryOp::And { Truth::and } else { Truth::or })));
    }
    let (a, b) = (numbers(left, a, &context)?, numbers(right, b, &context)?);
    let result = match op {
        BinaryOp::Add => a.zip(&b, |x, y| finite(x + y)),
        BinaryOp::Subtract => a.zip(&b, |x, y| finite(x - y)),
        BinaryOp::Multiply => a.zip(&b, |x, y| finite(x * y)),
        BinaryOp::Divide => a.zip(&b, |x, y| finite(x / y)),
        _ => a.zip(&b, power),
    };
    Ok(Value::Number(result))
}

/// `x ^ y`; unlike `powf`, missing to the power of zero stays missing.
fn power(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() { f64::NAN } else { finite(x.powf(y)) }
}

/// A number that is not finite is missing.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

fn call<'t>(function: Function, arguments: &[Expr], span: &Span, table: &'t Table) -> Result<Value<'t>, ExprError> {
    let first = &arguments[0];
    let value = first.value(table)?;
    let context = format!("`{}`", function.name());
    let by_row = |f: fn(f64) -> f64| -> Result<Value<'t>, ExprError> {
        Ok(Value::Number(numbers(first, value.clone(), &context)?.map(|v| finite(f(v)))))
    };
    match function {
        Function::Log => by_row(f64::ln),
        Function::Log2 => by_row(f64::log2),
        Function::Log10 => by_row(f64::log10),
        Function::Log1p => by_row(f64::ln_1p),
        Function::Exp => by_row(f64::exp),
        Function::Sqrt => by_row(f64::sqrt),
        Function::Abs => by_row(f64::abs),
        Function::Floor => by_row(f64::floor),
        Function::Ceil => by_row(f64::ceil),
        Function::Number => by_row(|v| v),
        Function::Round => round(first, value, arguments.get(1)),
        Function::Min | Function::Max => extreme(function, arguments, table),
        Function::If => {
            let condition = truths(first, value, "the condition of `if`")?;
            let (yes, no) = (arguments[1].value(table)?, arguments[2].value(table)?);
            choose(&condition, (&arguments[1], yes), (&arguments[2], no), span, table.n_rows())
        }
        Function::IsMissing => Ok(Value::Truth(is_missing(&value))),
        Function::Cut => text::cut(numbers(first, value, &context)?, &arguments[1..], table.n_rows()),
        Function::Month => text::month(first, value, table),
        Function::Prefix => text::prefix(first, value, &arguments[1]),
        Function::Lower => text::lower(first, value),
        Function::Contains => text::contains(first, value, &arguments[1]),
    }
}

fn round<'t>(first: &Expr, value: Value<'t>, decimals: Option<&Expr>) -> Result<Value<'t>, ExprError> {
    const MOST_DECIMALS: f64 = 15.0;
    let digits = match decimals.map(|expr| (expr, &expr.kind)) {
        None => 0.0,
        Some((_, ExprKind::Number(digits))) if digits.fract() == 0.0 && digits.abs() <= MOST_DECIMALS => *digits,
        Some((expr, _)) => {
            return Err(ExprError::BadValue {
                span: expr.span.clone(),
                message: format!("the decimals of `round` are a whole number from -15 to 15, found `{expr}`"),
                hint: None,
            });
        }
    };
    let scale = 10f64.powi(digits as i32);
    Ok(Value::Number(numbers(first, value, "`round`")?.map(|v| finite((v * scale).round() / scale))))
}

/// The least or greatest of several values; missing if one is missing.
fn extreme<'t>(function: Function, arguments: &[Expr], table: &'t Table) -> Result<Value<'t>, ExprError> {
    let pick = |x: f64, y: f64| match function {
        _ if x.is_nan() || y.is_nan() => f64::NAN,
        Function::Min => x.min(y),
        _ => x.max(y),
    };
    let mut result: Option<Series<'t, f64>> = None;
    for argument in arguments {
        let values = numbers(argument, argument.value(table)?, &format!("`{}`", function.name()))?;
        result = Some(match result {
            None => values,
            Some(so_far) => so_far.zip(&values, pick),
        });
    }
    Ok(result.map_or(Value::Missing, Value::Number))
}

fn is_missing(value: &Value<'_>) -> Series<'static, Truth> {
    match value {
        Value::Number(series) => series.map(|v| Truth::from(v.is_nan())),
        Value::Truth(series) => series.map(|v| Truth::from(v == Truth::Unknown)),
        Value::Factor(factor) => {
            Series::Each(factor.codes.iter().map(|&code| Truth::from(code == crate::table::MISSING)).collect())
        }
        Value::Text(_) => Series::One(Truth::False),
        Value::Missing => Series::One(Truth::True),
    }
}

/// The value as numbers, or the error that says what needed them.
pub(super) fn numbers<'t>(expr: &Expr, value: Value<'t>, context: &str) -> Result<Series<'t, f64>, ExprError> {
    value.to_numbers().ok_or_else(|| ExprError::WrongType {
        span: expr.span.clone(),
        context: context.to_owned(),
        expected: "a number",
        found: format!("{} (`{expr}`)", value.describe()),
        hint: None,
    })
}

/// The value as truths, or the error that says what needed them.
pub(super) fn truths<'t>(expr: &Expr, value: Value<'t>, context: &str) -> Result<Series<'t, Truth>, ExprError> {
    value.to_truths().ok_or_else(|| ExprError::WrongType {
        span: expr.span.clone(),
        context: context.to_owned(),
        expected: "true or false",
        found: format!("{} (`{expr}`)", value.describe()),
        hint: Some(match value {
            Value::Factor(_) | Value::Text(_) => format!("compare it, for instance `{expr} == \"...\"`"),
            _ => format!("compare it, for instance `{expr} > 0`"),
        }),
    })
}

#[cfg(test)]
mod tests {
    use crate::expr::parse;
    use crate::table::{Column, ColumnData, Factor, Table};

    fn table() -> Table {
        let mut table = Table::new(4);
        table.insert(Column::number("x", vec![1.0, 0.0, f64::NAN, 4.0]));
        table.insert(Column::number("flag", vec![1.0, 0.0, f64::NAN, 1.0]));
        table.insert(Column::factor("mode", Factor::from_labels(&[Some("Build"), Some("Fix"), None, Some("Fix")])));
        table.insert(Column::factor("level", Factor::from_labels(&[Some("1"), Some("10"), Some("2"), None])));
        table
    }

    /// Numbers with `-9` for missing.
    fn eval(text: &str) -> Vec<f64> {
        match parse(text).unwrap().eval(&table()).unwrap_or_else(|error| panic!("{text}: {error}")) {
            ColumnData::Number(values) => values.iter().map(|v| if v.is_nan() { -9.0 } else { *v }).collect(),
            ColumnData::Factor(factor) => panic!("{factor:?}"),
        }
    }

    #[test]
    fn arithmetic_carries_missing_and_infinite_is_missing() {
        assert_eq!(eval("x * 2 + 1"), [3.0, 1.0, -9.0, 9.0]);
        assert_eq!(eval("log2(x)"), [0.0, -9.0, -9.0, 2.0]);
        assert_eq!(eval("1 / x"), [1.0, -9.0, -9.0, 0.25]);
        assert_eq!(eval("x ^ 0"), [1.0, 1.0, -9.0, 1.0]);
        assert_eq!(eval("max(x, 2, -level)"), [2.0, 2.0, -9.0, -9.0]);
        assert_eq!(eval("round(x / 3, 2)"), [0.33, 0.0, -9.0, 1.33]);
        assert_eq!(eval("level + 1"), [2.0, 11.0, 3.0, -9.0]);
    }

    #[test]
    fn filters_keep_what_is_true() {
        let keep = |text: &str| parse(text).unwrap().eval_filter(&table()).unwrap();
        assert_eq!(keep("x > 0"), [true, false, false, true]);
        assert_eq!(keep("not x > 0"), [false, true, false, false]);
        assert_eq!(keep("flag"), [true, false, false, true]);
        assert_eq!(keep("flag or is_missing(mode)"), [true, false, true, true]);
        assert_eq!(keep("true"), [true; 4]);
        assert_eq!(keep("if(is_missing(x), true, x == 0)"), [false, true, true, false]);
    }

    #[test]
    fn wrong_types_and_names_are_located() {
        let error = |text: &str| parse(text).unwrap().eval_filter(&table()).unwrap_err();
        assert_eq!(error("1 + mode > 2").span(), 4..8);
        assert_eq!(error("x").to_string(), "a filter needs true or false, found a number (`x`)");
        assert!(error("mode and flag").hint().unwrap().contains("mode == "));
        assert_eq!(error("flga").hint().unwrap(), "did you mean `flag`?");
        assert!(error("round(x, 0.5) > 1").to_string().contains("whole number"));
    }

    #[test]
    fn reasons_name_the_input_or_the_undefined_value() {
        let column = parse("log(x) + level").unwrap().eval_column("y", &table()).unwrap();
        assert_eq!(column.missing_reason(1), "`log(x) + level` is undefined");
        assert_eq!(column.missing_reason(2), "missing x");
        assert_eq!(column.missing_reason(3), "missing level");
    }
}
