//! Every variable of a run, evaluated once for the whole table.

use super::ModelError;
use crate::design::codes::{combine, every_level_has_rows, is_ascending, sort_by_code};
use crate::expr::{Expr, ExprKind};
use crate::formula::effect_name;
use crate::table::{Column, ColumnData, Factor, MISSING, Table, coding};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A variable as codes over labels.
#[derive(Debug)]
pub struct CodedVariable<'t> {
    /// Codes over levels, [`MISSING`] for missing. Borrowed where the table has it: user ids are large.
    pub factor: Cow<'t, Factor>,
}

/// A variable as codes alone: effects and clusters need no labels.
#[derive(Debug)]
pub struct Codes {
    /// One per row, shared with the table where it has them; [`MISSING`] for missing.
    pub codes: Arc<Vec<u32>>,
    /// Number of levels.
    pub n_levels: usize,
    /// Whether any row is missing.
    pub has_missing: bool,
    /// Whether codes never fall from one row to the next, missing ones last.
    pub is_ascending: bool,
    /// Whether every level has rows.
    pub every_level_has_rows: bool,
}

/// A variable as numbers.
#[derive(Debug)]
pub struct NumberVariable {
    /// Values, `NaN` for missing; shared with the table where it has them.
    pub values: Arc<Vec<f64>>,
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
    codes: Mutex<HashMap<String, Arc<Codes>>>,
    levels: Mutex<HashMap<String, Arc<Codes>>>,
    numbers: Mutex<HashMap<String, Arc<NumberVariable>>>,
    filters: Mutex<HashMap<String, Arc<Vec<bool>>>>,
    orders: Mutex<HashMap<String, Arc<Vec<u32>>>>,
    missing: Mutex<HashMap<String, Arc<bool>>>,
}

/// Looks up or computes; the lock is not held while computing, and the first result wins.
fn cached<T, E>(
    cache: &Mutex<HashMap<String, Arc<T>>>,
    key: &str,
    compute: impl FnOnce() -> Result<Arc<T>, E>,
) -> Result<Arc<T>, E> {
    let lock = || cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = lock().get(key) {
        return Ok(Arc::clone(found));
    }
    let computed = compute()?;
    Ok(Arc::clone(lock().entry(key.to_owned()).or_insert(computed)))
}

impl<'t> Workspace<'t> {
    /// Starts with nothing evaluated.
    pub fn new(table: &'t Table) -> Self {
        Workspace {
            table,
            columns: Mutex::default(),
            coded: Mutex::default(),
            codes: Mutex::default(),
            levels: Mutex::default(),
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
        let column = cached(&self.columns, &key, || expr.eval_column(&key, self.table).map(Arc::new))?;
        Ok(f(&column))
    }

    /// Whether an expression is missing in any row.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn has_missing(&self, expr: &Expr) -> Result<bool, ModelError> {
        let found = cached(&self.missing, &expr.to_string(), || {
            let found = self.with_column(expr, |column| match &column.data {
                ColumnData::Number(values) => coding::any_missing(values),
                ColumnData::Factor(factor) => factor.codes.contains(&MISSING),
            });
            found.map(Arc::new)
        });
        found.map(|found| *found)
    }

    /// An expression as codes over labels.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn coded(&self, expr: &Expr) -> Result<Arc<CodedVariable<'t>>, ModelError> {
        cached(&self.coded, &expr.to_string(), || {
            let factor = match self.in_table(expr).map(|column| &column.data) {
                Some(ColumnData::Factor(factor)) => Cow::Borrowed(factor),
                _ => Cow::Owned(self.with_column(expr, Column::to_factor)?),
            };
            Ok(Arc::new(CodedVariable { factor }))
        })
    }

    /// An expression as codes alone, ascending with its values.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn codes(&self, expr: &Expr) -> Result<Arc<Codes>, ModelError> {
        cached(&self.codes, &expr.to_string(), || {
            let codes = self.with_column(expr, |column| match &column.data {
                ColumnData::Number(values) => {
                    let coded = coding::code(values);
                    Codes {
                        is_ascending: is_ascending(&coded.codes),
                        codes: Arc::new(coded.codes),
                        n_levels: coded.values.len(),
                        has_missing: coded.has_missing,
                        every_level_has_rows: true,
                    }
                }
                ColumnData::Factor(factor) => Codes {
                    codes: Arc::clone(&factor.codes),
                    n_levels: factor.n_levels(),
                    has_missing: factor.codes.contains(&MISSING),
                    is_ascending: is_ascending(&factor.codes),
                    every_level_has_rows: every_level_has_rows(&factor.codes, factor.n_levels()),
                },
            })?;
            Ok(Arc::new(codes))
        })
    }

    /// One expression or several joined as codes on all rows; a missing value is a level of its own, the last one.
    ///
    /// # Errors
    /// If one cannot be evaluated.
    pub fn levels(&self, parts: &[Expr]) -> Result<Arc<Codes>, ModelError> {
        cached(&self.levels, &effect_name(parts), || {
            if let [single] = parts {
                let codes = self.codes(single)?;
                return Ok(if codes.has_missing { Arc::new(codes.with_missing_as_level()) } else { codes });
            }
            let parts: Vec<Arc<Codes>> =
                parts.iter().map(|part| self.levels(std::slice::from_ref(part))).collect::<Result<_, _>>()?;
            let inputs: Vec<(&[u32], usize)> =
                parts.iter().map(|part| (part.codes.as_slice(), part.n_levels)).collect();
            let (codes, n_levels) = combine(&inputs, self.table.n_rows());
            let is_ascending = is_ascending(&codes);
            let codes = Arc::new(codes);
            Ok(Arc::new(Codes { codes, n_levels, has_missing: false, is_ascending, every_level_has_rows: true }))
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
    pub fn numbers(&self, expr: &Expr) -> Result<Option<Arc<NumberVariable>>, ModelError> {
        if self.with_column(expr, |column| !is_numeric(column))? {
            return Ok(None);
        }
        let found = cached(&self.numbers, &expr.to_string(), || {
            let values = self.with_column(expr, to_numbers)?;
            Ok(Arc::new(NumberVariable { values, has_missing: self.has_missing(expr)? }))
        });
        found.map(Some)
    }

    /// A filter: true keeps.
    ///
    /// # Errors
    /// If it cannot be evaluated or is no condition.
    pub fn filter(&self, expr: &Expr) -> Result<Arc<Vec<bool>>, ModelError> {
        cached(&self.filters, &expr.to_string(), || {
            expr.eval_filter(self.table).map(Arc::new).map_err(ModelError::from)
        })
    }

    /// Rows in ascending order of a variable's codes (missing last), stable.
    ///
    /// # Errors
    /// If it cannot be evaluated.
    pub fn order(&self, expr: &Expr) -> Result<Arc<Vec<u32>>, ModelError> {
        let levels = self.levels(std::slice::from_ref(expr))?;
        cached(&self.orders, &expr.to_string(), || Ok(Arc::new(sort_by_code(&levels.codes, levels.n_levels).0)))
    }
}

impl NumberVariable {
    /// Whether another variable is missing in exactly the same rows.
    pub fn is_missing_like(&self, other: &NumberVariable) -> bool {
        self.has_missing == other.has_missing
            && (!self.has_missing || self.values.iter().zip(other.values.iter()).all(|(a, b)| a.is_nan() == b.is_nan()))
    }
}

impl Codes {
    /// The same codes with a level behind the last one for missing values.
    fn with_missing_as_level(&self) -> Codes {
        let level = self.n_levels as u32;
        Codes {
            codes: Arc::new(self.codes.iter().map(|&code| code.min(level)).collect()),
            n_levels: self.n_levels + 1,
            has_missing: false,
            ..*self
        }
    }
}

/// Numbers of a column; levels count by their value.
fn to_numbers(column: &Column) -> Arc<Vec<f64>> {
    match &column.data {
        ColumnData::Number(values) => Arc::clone(values),
        ColumnData::Factor(factor) => {
            let levels: Vec<f64> = factor.levels.iter().map(|level| level.parse().unwrap_or(f64::NAN)).collect();
            let value = |&code: &u32| levels.get(code as usize).copied().unwrap_or(f64::NAN);
            Arc::new(factor.codes.iter().map(value).collect())
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
