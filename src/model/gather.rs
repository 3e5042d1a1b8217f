//! Columns of the table to columns of a sample: shared if the sample is the table, else gathered in the sample's order.

use rayon::prelude::*;
use std::sync::Arc;

/// Rows that one task gathers at least; results do not depend on it.
const BLOCK: usize = 1 << 14;

/// The row of the table behind each row of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// All of that many rows, in the table's order.
    All(usize),
    /// These rows.
    Listed(Arc<Vec<u32>>),
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::All(n) => *n,
            Rows::Listed(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The table's row behind a row of the sample.
    pub fn get(&self, at: usize) -> Option<usize> {
        match self {
            Rows::All(n) => (at < *n).then_some(at),
            Rows::Listed(rows) => rows.get(at).map(|&row| row as usize),
        }
    }

    /// A column of the table on these rows: itself, if they are all of them.
    pub fn gather<T: Copy + Send + Sync>(&self, column: &Arc<Vec<T>>) -> Arc<Vec<T>> {
        match self {
            Rows::All(_) => Arc::clone(column),
            Rows::Listed(_) => Arc::new(self.map(|row| column[row])),
        }
    }

    /// `f` of the table's row behind each row.
    pub fn map<T: Send>(&self, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        match self {
            Rows::All(n) => (0..*n).into_par_iter().with_min_len(BLOCK).map(f).collect(),
            Rows::Listed(rows) => rows.par_iter().with_min_len(BLOCK).map(|&row| f(row as usize)).collect(),
        }
    }
}

impl From<Vec<u32>> for Rows {
    fn from(rows: Vec<u32>) -> Self {
        Rows::Listed(Arc::new(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_share_and_listed_rows_copy() {
        let column = Arc::new(vec![5.0, 6.0, 7.0]);
        assert!(Arc::ptr_eq(&Rows::All(3).gather(&column), &column));
        let rows = Rows::from(vec![2, 0]);
        assert_eq!(*rows.gather(&column), [7.0, 5.0]);
        assert_eq!((rows.len(), rows.get(0), rows.get(2)), (2, Some(2), None));
        assert_eq!((Rows::All(3).get(2), Rows::All(3).get(3)), (Some(2), None));
        assert_eq!(Rows::All(2).map(|row| row * 2), [0, 2]);
    }
}
