//! Evaluates derived variables on a table.

use super::plan::PlannedDerived;
use crate::expr::{Expr, ExprError, ExprKind, Function};
use crate::table::{Column, ColumnData, MISSING, MissingReasons, Table};
use std::sync::Arc;

/// Computes a derived variable: its values, and why they are missing where they are.
///
/// # Errors
/// As [`Expr::eval`]; the error is about [`PlannedDerived::expression`].
pub fn evaluate(derived: &PlannedDerived, table: &Table) -> Result<Column, ExprError> {
    let expression =
        if derived.quantiles { quantile_cuts(&derived.expression, table)? } else { derived.expression.clone() };
    let mut column = expression.eval_column(&derived.name, table)?;
    if let Some(condition) = &derived.missing_when {
        let rows = condition.eval_filter(table)?;
        set_missing(&mut column, &rows, derived.reason.as_deref().unwrap_or("not defined"));
    }
    Ok(column)
}

/// Makes rows missing, for a named reason that goes before any other.
fn set_missing(column: &mut Column, rows: &[bool], reason: &str) {
    let chosen = || rows.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(row, _)| row);
    if chosen().next().is_none() {
        return;
    }
    match &mut column.data {
        ColumnData::Number(values) => {
            let values = Arc::make_mut(values);
            chosen().for_each(|row| values[row] = f64::NAN);
        }
        ColumnData::Factor(factor) => {
            let codes = Arc::make_mut(&mut factor.codes);
            chosen().for_each(|row| codes[row] = MISSING);
        }
    }
    let empty = || MissingReasons { codes: vec![0; rows.len()], names: Vec::new() };
    let reasons = column.reasons.get_or_insert_with(empty);
    let known = reasons.names.iter().position(|name| name == reason);
    let code = known.unwrap_or_else(|| {
        reasons.names.truncate(usize::from(u8::MAX) - 1);
        reasons.names.push(reason.to_owned());
        reasons.names.len() - 1
    }) as u8
        + 1;
    chosen().for_each(|row| reasons.codes[row] = code);
}

/// The same `cut(x, ...)` with as many cut points, but at the quantiles of the data that split it into equal parts.
fn quantile_cuts(expression: &Expr, table: &Table) -> Result<Expr, ExprError> {
    let ExprKind::Call(Function::Cut, arguments) = &expression.kind else {
        return Ok(expression.clone());
    };
    let ColumnData::Number(values) = arguments[0].eval(table)? else {
        return Ok(expression.clone());
    };
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let parts = arguments.len();
    let mut cuts: Vec<f64> = (1..parts).filter_map(|part| sorted.get(sorted.len() * part / parts).copied()).collect();
    cuts.dedup();
    if cuts.is_empty() {
        return Ok(expression.clone());
    }
    let number = |value| Expr { kind: ExprKind::Number(value), span: expression.span.clone() };
    let new = std::iter::once(arguments[0].clone()).chain(cuts.into_iter().map(number)).collect();
    Ok(Expr { kind: ExprKind::Call(Function::Cut, new), span: expression.span.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codebook::{Codebook, CodebookMode, Mapping};
    use crate::table::Factor;

    fn table() -> Table {
        let mut table = Table::new(5);
        let outcomes = ["Succeeded", "Succeeded", "Failed", "No clear goal", "Partially Succeeded"].map(Some);
        table.insert(Column::factor("outcome", Factor::from_labels(&outcomes)));
        table.insert(Column::number("success_signal", vec![4.0, f64::NAN, f64::NAN, 5.0, 5.0]));
        table.insert(Column::number("task_value", vec![1.0, 2.0, 3.0, 4.0, f64::NAN]));
        table
    }

    fn derive(name: &str, settings: &[(&str, &str)]) -> Column {
        let codebook = Codebook::embedded();
        let mut changed = codebook.settings().clone();
        settings.iter().for_each(|(name, value)| changed.set(name, value).unwrap());
        let available: Vec<String> = table().names().map(str::to_owned).collect();
        let plan =
            codebook.plan(&[name.to_owned()], &available, &Mapping::default(), &changed, CodebookMode::Auto).unwrap();
        evaluate(plan.derived.last().unwrap(), &table()).unwrap()
    }

    #[test]
    fn reasons_are_named() {
        let column = derive("verified_success", &[]);
        let ColumnData::Number(values) = &column.data else { panic!("a number") };
        assert_eq!((values[0], values[2], values[4]), (1.0, 0.0, 0.0));
        assert!(values[1].is_nan() && values[3].is_nan());
        assert_eq!(column.missing_reason(1), "missing success_signal");
        assert_eq!(column.missing_reason(3), "no clear goal");
    }

    #[test]
    fn value_bands_by_tiers_and_quantiles() {
        let levels = |column: Column| match column.data {
            ColumnData::Factor(factor) => (factor.levels, factor.codes),
            ColumnData::Number(_) => panic!("a factor"),
        };
        assert_eq!(levels(derive("value_band", &[])).0, ["<200", "200-1000", "1000-5000", ">=5000"]);
        let (names, codes) = levels(derive("value_band", &[("value_band_method", "quantiles")]));
        assert_eq!(names, ["<2", "2-3", "3-4", ">=4"]);
        assert_eq!(*codes, [0, 1, 2, 3, MISSING]);
    }
}
