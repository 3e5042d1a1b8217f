//! Values during evaluation: a whole column, or one value for all rows.

use std::borrow::Cow;
use std::sync::Arc;

use crate::table::{ColumnData, Factor, MISSING};

/// Three-valued truth of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    True,
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}

impl Truth {
    pub(super) fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::True => Truth::False,
            Truth::Unknown => Truth::Unknown,
        }
    }

    pub(super) fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::True, Truth::True) => Truth::True,
            _ => Truth::Unknown,
        }
    }

    pub(super) fn or(self, other: Truth) -> Truth {
        self.not().and(other.not()).not()
    }

    /// 0, 1 or `NaN`.
    pub(super) fn number(self) -> f64 {
        match self {
            Truth::False => 0.0,
            Truth::True => 1.0,
            Truth::Unknown => f64::NAN,
        }
    }
}

/// One value for all rows, or one per row.
#[derive(Debug, Clone)]
pub(super) enum Series<'t, T: Clone> {
    One(T),
    Each(Cow<'t, [T]>),
}

impl<T: Copy> Series<'_, T> {
    pub(super) fn get(&self, row: usize) -> T {
        match self {
            Series::One(value) => *value,
            Series::Each(values) => values[row],
        }
    }

    /// One result per row, or one for all.
    pub(super) fn map<U: Clone>(&self, f: impl Fn(T) -> U) -> Series<'static, U> {
        match self {
            Series::One(value) => Series::One(f(*value)),
            Series::Each(values) => Series::Each(values.iter().map(|&value| f(value)).collect()),
        }
    }

    /// Row by row with another series of the same table.
    pub(super) fn zip<V: Copy, U: Clone>(&self, other: &Series<'_, V>, f: impl Fn(T, V) -> U) -> Series<'static, U> {
        match (self, other) {
            (Series::One(a), _) => other.map(|b| f(*a, b)),
            (_, Series::One(b)) => self.map(|a| f(a, *b)),
            (Series::Each(a), Series::Each(b)) => {
                Series::Each(a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect())
            }
        }
    }
}

/// The value of a node.
#[derive(Debug, Clone)]
pub(super) enum Value<'t> {
    Number(Series<'t, f64>),
    Truth(Series<'t, Truth>),
    Factor(Cow<'t, Factor>),
    Text(String),
    Missing,
}

impl<'t> Value<'t> {
    /// The type in a message.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Value::Number(_) => "a number",
            Value::Truth(_) => "true or false",
            Value::Factor(factor) if numeric_levels(factor).is_some() => "a factor with numeric levels",
            Value::Factor(_) => "a factor of text labels",
            Value::Text(_) => "a text",
            Value::Missing => "`missing`",
        }
    }

    /// Numbers, truth values as 0 and 1, factors whose levels are all numbers by their value.
    pub(super) fn to_numbers(&self) -> Option<Series<'t, f64>> {
        match self {
            Value::Number(series) => Some(series.clone()),
            Value::Truth(series) => Some(series.map(Truth::number)),
            Value::Factor(factor) => {
                let values = numeric_levels(factor)?;
                let number = |code: &u32| if *code == MISSING { f64::NAN } else { values[*code as usize] };
                Some(Series::Each(factor.codes.iter().map(number).collect()))
            }
            Value::Missing => Some(Series::One(f64::NAN)),
            Value::Text(_) => None,
        }
    }

    /// Truth values, or numbers that are all 0, 1 or missing.
    pub(super) fn to_truths(&self) -> Option<Series<'t, Truth>> {
        let truth = |value: f64| match value {
            1.0 => Some(Truth::True),
            0.0 => Some(Truth::False),
            _ if value.is_nan() => Some(Truth::Unknown),
            _ => None,
        };
        match self {
            Value::Truth(series) => Some(series.clone()),
            Value::Missing => Some(Series::One(Truth::Unknown)),
            Value::Number(Series::One(value)) => truth(*value).map(Series::One),
            Value::Number(Series::Each(values)) => {
                values.iter().map(|&value| truth(value)).collect::<Option<Vec<_>>>().map(|v| Series::Each(v.into()))
            }
            Value::Factor(_) | Value::Text(_) => None,
        }
    }

    /// The value as a column of `n_rows` rows.
    pub(super) fn into_data(self, n_rows: usize) -> ColumnData {
        let numbers = |series: Series<'t, f64>| match series {
            Series::One(value) => vec![value; n_rows],
            Series::Each(values) => values.into_owned(),
        };
        match self {
            Value::Number(series) => ColumnData::Number(Arc::new(numbers(series))),
            Value::Truth(series) => ColumnData::Number(Arc::new(numbers(series.map(Truth::number)))),
            Value::Missing => ColumnData::Number(Arc::new(vec![f64::NAN; n_rows])),
            Value::Factor(factor) => ColumnData::Factor(factor.into_owned()),
            Value::Text(text) => ColumnData::Factor(Factor::new(vec![0; n_rows], vec![text])),
        }
    }
}

/// The levels as numbers, if there is one at least and all are finite numbers.
pub(super) fn numeric_levels(factor: &Factor) -> Option<Vec<f64>> {
    if factor.levels.is_empty() {
        return factor.codes.iter().all(|&code| code == MISSING).then(Vec::new);
    }
    factor.levels.iter().map(|level| level.trim().parse().ok().filter(|value: &f64| value.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};
    use super::*;

    #[test]
    fn three_valued_logic() {
        assert_eq!(False.and(Unknown), False);
        assert_eq!(True.and(Unknown), Unknown);
        assert_eq!(True.or(Unknown), True);
        assert_eq!(False.or(Unknown), Unknown);
        assert_eq!(Unknown.not(), Unknown);
    }

    #[test]
    fn factors_of_numbers_are_numbers() {
        let factor = Factor::new(vec![1, MISSING, 0], vec!["2".into(), "10".into()]);
        let series = Value::Factor(Cow::Owned(factor)).to_numbers().unwrap();
        assert_eq!((series.get(0), series.get(2)), (10.0, 2.0));
        assert!(series.get(1).is_nan());
        assert!(Value::Text("1".into()).to_numbers().is_none());
    }
}
