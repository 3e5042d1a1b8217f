//! Functions that make labels: `cut`, `month`, `prefix`, `lower`.

use std::borrow::Cow;

use super::error::ExprError;
use super::value::{Series, Truth, Value};
use super::{Expr, ExprKind};
use crate::table::{Factor, MISSING, Table};

/// Left-closed bands: `cut(x, 10, 20)` has the levels `<10`, `10-20`, `>=20`, in this order.
pub(super) fn cut<'t>(values: Series<'t, f64>, points: &[Expr], n_rows: usize) -> Result<Value<'t>, ExprError> {
    let mut cuts: Vec<f64> = Vec::with_capacity(points.len());
    for point in points {
        let ExprKind::Number(value) = point.kind else {
            return Err(bad_cut(point, "a cut point is a number"));
        };
        if cuts.last().is_some_and(|last| *last >= value) {
            return Err(bad_cut(point, "cut points ascend"));
        }
        cuts.push(value);
    }
    let band = |value: f64| {
        if value.is_nan() { MISSING } else { cuts.partition_point(|cut| *cut <= value) as u32 }
    };
    let codes = (0..n_rows).map(|row| band(values.get(row))).collect();
    Ok(Value::Factor(Cow::Owned(Factor::new(codes, band_labels(&cuts)))))
}

/// Labels of the bands between ascending cut points.
fn band_labels(cuts: &[f64]) -> Vec<String> {
    let first = cuts.first().map(|cut| format!("<{cut}"));
    let last = cuts.last().map(|cut| format!(">={cut}"));
    let between = cuts.windows(2).map(|pair| format!("{}-{}", pair[0], pair[1]));
    first.into_iter().chain(between).chain(last).collect()
}

fn bad_cut(point: &Expr, message: &str) -> ExprError {
    ExprError::BadValue {
        span: point.span.clone(),
        message: format!("{message}, found `{point}`"),
        hint: Some(String::from("for instance `cut(x, 200, 1000, 5000)`")),
    }
}

/// The labels `2025-10` of timestamps such as `2025-10-03T12:00:00Z`.
pub(super) fn month<'t>(expr: &Expr, value: Value<'t>, table: &Table) -> Result<Value<'t>, ExprError> {
    let factor = labels(expr, value, "`month`", "a timestamp as text")?;
    let mut months = Vec::with_capacity(factor.n_levels());
    for (code, level) in factor.levels.iter().enumerate() {
        months.push(month_of(level).ok_or_else(|| unreadable_month(expr, &factor, code as u32, table))?);
    }
    Ok(relabeled(&factor, months))
}

fn unreadable_month(expr: &Expr, factor: &Factor, code: u32, table: &Table) -> ExprError {
    let row = factor.codes.iter().position(|found| *found == code).unwrap_or(0);
    let (file, row) = table.locate(row);
    ExprError::BadValue {
        span: expr.span.clone(),
        message: format!("`{}` is not a date ({file}, row {row})", factor.levels[code as usize]),
        hint: Some(String::from("dates start with year, month and day: `2025-10-03` or `2025-10-03T12:00:00Z`")),
    }
}

/// Year and month at the start of a date, `None` if it does not start like one.
pub fn month_of(date: &str) -> Option<String> {
    let bytes = date.trim().as_bytes();
    let digits = |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let separated = matches!(bytes.get(4), Some(b'-' | b'/')) && digits(0..4) && digits(5..7);
    let ends_well = bytes.get(7).is_none_or(|b| !b.is_ascii_digit());
    if !separated || !ends_well {
        return None;
    }
    let month = (bytes[5] - b'0') * 10 + (bytes[6] - b'0');
    (1..=12).contains(&month).then(|| format!("{}-{}", &date.trim()[0..4], &date.trim()[5..7]))
}

/// The first characters of each label.
pub(super) fn prefix<'t>(expr: &Expr, value: Value<'t>, count: &Expr) -> Result<Value<'t>, ExprError> {
    let factor = labels(expr, value, "`prefix`", "a text")?;
    let length = match count.kind {
        ExprKind::Number(number) if number >= 1.0 && number.fract() == 0.0 => number as usize,
        _ => {
            return Err(ExprError::BadValue {
                span: count.span.clone(),
                message: format!("the length of a prefix is a whole number from 1, found `{count}`"),
                hint: None,
            });
        }
    };
    let starts = factor.levels.iter().map(|level| level.chars().take(length).collect()).collect();
    Ok(relabeled(&factor, starts))
}

/// Labels in lower case.
pub(super) fn lower<'t>(expr: &Expr, value: Value<'t>) -> Result<Value<'t>, ExprError> {
    let factor = labels(expr, value, "`lower`", "a text")?;
    let lowered = factor.levels.iter().map(|level| level.to_lowercase()).collect();
    Ok(relabeled(&factor, lowered))
}

/// Whether each label contains a text.
pub(super) fn contains<'t>(expr: &Expr, value: Value<'t>, part: &Expr) -> Result<Value<'t>, ExprError> {
    let factor = labels(expr, value, "`contains`", "a text")?;
    let ExprKind::Text(part) = &part.kind else {
        return Err(ExprError::BadValue {
            span: part.span.clone(),
            message: format!("the part to look for is a text in quotes, found `{part}`"),
            hint: None,
        });
    };
    let verdicts: Vec<Truth> = factor.levels.iter().map(|level| Truth::from(level.contains(part.as_str()))).collect();
    let row = |&code: &u32| if code == MISSING { Truth::Unknown } else { verdicts[code as usize] };
    Ok(Value::Truth(Series::Each(factor.codes.iter().map(row).collect())))
}

fn labels<'t>(
    expr: &Expr,
    value: Value<'t>,
    context: &str,
    expected: &'static str,
) -> Result<Cow<'t, Factor>, ExprError> {
    match value {
        Value::Factor(factor) => Ok(factor),
        other => Err(ExprError::WrongType {
            span: expr.span.clone(),
            context: context.to_owned(),
            expected,
            found: format!("{} (`{expr}`)", other.describe()),
            hint: None,
        }),
    }
}

/// The factor with new labels for its levels; equal labels become one level, sorted.
fn relabeled(factor: &Factor, labels: Vec<String>) -> Value<'static> {
    let per_level: Vec<Option<&str>> = labels.iter().map(|label| Some(label.as_str())).collect();
    let merged = Factor::from_labels(&per_level);
    let code = |&code: &u32| if code == MISSING { MISSING } else { merged.codes[code as usize] };
    let codes = factor.codes.iter().map(code).collect();
    Value::Factor(Cow::Owned(Factor::new(codes, merged.levels)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;
    use crate::table::{Column, ColumnData};

    fn factor(text: &str, table: &Table) -> Factor {
        match parse(text).unwrap().eval(table).unwrap_or_else(|error| panic!("{text}: {error}")) {
            ColumnData::Factor(factor) => factor,
            ColumnData::Number(values) => panic!("{values:?}"),
        }
    }

    #[test]
    fn bands_are_closed_on_the_left() {
        let mut table = Table::new(5);
        table.insert(Column::number("v", vec![199.9, 200.0, 5000.0, f64::NAN, 999.0]));
        let bands = factor("cut(v, 200, 1000, 5000)", &table);
        assert_eq!(bands.levels, ["<200", "200-1000", "1000-5000", ">=5000"]);
        assert_eq!(*bands.codes, [0, 1, 3, MISSING, 1]);
        for text in ["cut(v, 5, 5)", "cut(v, v)", "cut(v, 5, 2)"] {
            assert!(parse(text).unwrap().eval(&table).is_err(), "{text}");
        }
    }

    #[test]
    fn months_prefixes_and_lower_case() {
        let mut table = Table::new(4);
        let times = [Some("2026-01-31T10:00:00Z"), Some("2025-12-01"), None, Some("2026-01-02 08:00")];
        table.insert(Column::factor("t", Factor::from_labels(&times)));
        let months = factor("month(t)", &table);
        assert_eq!(months.levels, ["2025-12", "2026-01"]);
        assert_eq!(*months.codes, [1, 0, MISSING, 1]);
        assert_eq!(factor("prefix(t, 4)", &table).levels, ["2025", "2026"]);
        assert_eq!(factor("lower(t)", &table).levels[1], "2026-01-02 08:00");
        let kept = parse("contains(t, '2026-01')").unwrap().eval_filter(&table).unwrap();
        assert_eq!(kept, [true, false, false, true]);
        assert_eq!(month_of("2026-13-01"), None);
        assert_eq!(month_of("03.10.2025"), None);
        assert_eq!(month_of("2026-1-1"), None);
        assert_eq!(month_of("ü"), None);
        assert_eq!(month_of("2025-10").as_deref(), Some("2025-10"));
    }

    #[test]
    fn an_unreadable_date_is_located() {
        let mut table = Table::new(2);
        table.sources = vec![("a.csv".into(), 0)];
        table.insert(Column::factor("t", Factor::from_labels(&[Some("2026-01-31"), Some("soon")])));
        let error = parse("month(t)").unwrap().eval(&table).unwrap_err();
        assert_eq!(error.to_string(), "`soon` is not a date (a.csv, row 2)");
    }
}
