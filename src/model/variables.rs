//! Every variable of a run, evaluated once for the whole table.

use super::ModelError;
use crate::design::codes::sort_by_code;
use crate::expr::{Expr, ExprKind};
use crate::table::{Column, ColumnData, Factor, MISSING, Table};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A variable as codes.
#[derive(Debug)]
pub struct CodedVariable<'t> {
    /// Codes over levels, [`MISSING`] for missing. Borrowed where the table has it: user ids are large.
    pub factor: Cow<'t, Factor>,
    /// Whether any row is missing.
    pub has_missing: bool,
}

/// A variable as numbers.
#[derive(Debug)]
pub struct NumberVariable<'t> {
    /// Values, `NaN` for missing.
    pub values: Cow<'t, [f64]>,
    /// Whether any row is missing.
    pub has_missing: bool,
}

/// A table with the variables that models have asked for so far; shared between threads.
#[derive(Debug)]
pub struct Workspace<'t> {
    /// The rows.
    pub table: &'t Table,
    columns: Mutex<HashMap<String, Arc<Column>>>,
    coded: Mutex<HashMap<String, Arc<CodedVariable<'t>>>>,
    numbers: Mutex<HashMap<String, Arc<NumberVariable<'t>>>>,
    filters: Mutex<HashMap<String, Arc<Vec<bool>>>>,
    orders: Mutex<HashMap<String, Arc<Vec<u32>>>>,
    missing: Mutex<HashMap<String, Arc<bool>>>,
}

/// Looks up or computes; the lock is not held while computing, and the first result wins.
fn cached<T, E>(
    cache: &Mutex<HashMap<String, Arc<T>>>,
    key: &str,
    compute: impl FnOnce() -> Result<T, E>,
) -> Result<Arc<T>, E> {
    let lock = || cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = lock().get(key) {
        return Ok(Arc::clone(found));
    }
    let computed = Arc::new(compute()?);
    Ok(Arc::clone(lock().entry(key.to_owned()).or_insert(computed)))
}

impl<'t> Workspace<'t> {
    /// Starts with nothing evaluated.
    pub fn new(table: &'t Table) -> Self {
        Workspace {
            table,
            columns: Mutex::default(),
            coded: Mutex::default(),
            numbers: Mutex::default(),
            filters: Mutex::default(),
            orders: Mutex::default(),
            missing: Mutex::default(),
        }
    }

    /// Calls `f` with the column of an expression.
    pub fn with_column<T>(&self, expr: &Expr, f: impl FnOnce(&Column) -> T) -> Result<T, ModelError> {
        if let Some(column) = self.in_table(expr) {
            return Ok(f(column));
        }
        let key = expr.to_string();
        let column = cached(&self.columns, &key, || expr.eval_column(&key, self.table))?;
        Ok(f(&column))
    }

    /// Whether an expression is missing in any row.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn has_missing(&self, expr: &Expr) -> Result<bool, ModelError> {
        let found = cached(&self.missing, &expr.to_string(), || {
            self.with_column(expr, |column| match &column.data {
                ColumnData::Number(values) => values.iter().any(|value| value.is_nan()),
                ColumnData::Factor(factor) => factor.codes.contains(&MISSING),
            })
        });
        found.map(|found| *found)
    }

    /// An expression as codes.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn coded(&self, expr: &Expr) -> Result<Arc<CodedVariable<'t>>, ModelError> {
        cached(&self.coded, &expr.to_string(), || {
            let factor = match self.in_table(expr).map(|column| &column.data) {
                Some(ColumnData::Factor(factor)) => Cow::Borrowed(factor),
                _ => Cow::Owned(self.with_column(expr, Column::to_factor)?),
            };
            let has_missing = factor.codes.contains(&MISSING);
            Ok(CodedVariable { factor, has_missing })
        })
    }

    /// The table's own column of that name.
    fn in_table(&self, expr: &Expr) -> Option<&'t Column> {
        if let ExprKind::Name(name) = &expr.kind { self.table.get(name) } else { None }
    }

    /// An expression as numbers; factors whose levels are all numbers count as such. `None` for text.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn numbers(&self, expr: &Expr) -> Result<Option<Arc<NumberVariable<'t>>>, ModelError> {
        let key = expr.to_string();
        if self.with_column(expr, |column| !is_numeric(column))? {
            return Ok(None);
        }
        let found = cached(&self.numbers, &key, || {
            let values = match self.in_table(expr).map(|column| &column.data) {
                Some(ColumnData::Number(values)) => Cow::Borrowed(values.as_slice()),
                _ => Cow::Owned(self.with_column(expr, to_numbers)?),
            };
            let has_missing = values.iter().any(|value| value.is_nan());
            Ok(NumberVariable { values, has_missing })
        });
        found.map(Some)
    }

    /// A filter: true keeps.
    ///
    /// # Errors
    /// If it cannot be evaluated or is no condition.
    pub fn filter(&self, expr: &Expr) -> Result<Arc<Vec<bool>>, ModelError> {
        cached(&self.filters, &expr.to_string(), || expr.eval_filter(self.table).map_err(ModelError::from))
    }

    /// Rows in ascending order of a variable's codes (missing last), stable.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn order(&self, expr: &Expr) -> Result<Arc<Vec<u32>>, ModelError> {
        let variable = self.coded(expr)?;
        cached(&self.orders, &expr.to_string(), || {
            let n_levels = variable.factor.n_levels();
            let codes: Vec<u32> = variable.factor.codes.iter().map(|&code| code.min(n_levels as u32)).collect();
            Ok(sort_by_code(&codes, n_levels + 1).0)
        })
    }
}

/// Numbers of a column; levels count by their value.
fn to_numbers(column: &Column) -> Vec<f64> {
    match &column.data {
        ColumnData::Number(values) => values.clone(),
        ColumnData::Factor(factor) => {
            let levels: Vec<f64> = factor.levels.iter().map(|level| level.parse().unwrap_or(f64::NAN)).collect();
            factor.codes.iter().map(|&code| levels.get(code as usize).copied().unwrap_or(f64::NAN)).collect()
        }
    }
}

/// Whether a column is numbers, or a factor whose levels are all numbers.
pub fn is_numeric(column: &Column) -> bool {
    match &column.data {
        ColumnData::Number(_) => true,
        ColumnData::Factor(factor) => {
            !factor.levels.is_empty()
                && factor.levels.iter().all(|level| level.parse::<f64>().is_ok_and(f64::is_finite))
        }
    }
}
