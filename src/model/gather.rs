//! Columns of the table to columns of a sample: shared if the sample is the table, else gathered in the sample's order.

use super::route::Route;
use crate::design::codes::is_ascending;
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};

/// Rows that one task gathers at least; results do not depend on it.
const BLOCK: usize = 1 << 14;

/// Rows below which a column fits into the caches, so that any order of reading is as good.
const ROUTE_MIN: usize = 1 << 20;

/// The row of the table behind each row of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// All of that many rows, in the table's order.
    All(usize),
    /// These rows.
    Listed(Arc<Listing>),
}

/// Rows in any order, with the way to gather them once that was asked for.
#[derive(Debug)]
pub struct Listing {
    rows: Arc<Vec<u32>>,
    /// `None` inside if rows ascend or are few.
    route: OnceLock<Option<Route>>,
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::All(n) => *n,
            Rows::Listed(listing) => listing.rows.len(),
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
            Rows::Listed(listing) => listing.rows.get(at).map(|&row| row as usize),
        }
    }

    /// A column of the table on these rows: itself, if they are all of them.
    pub fn gather<T: Copy + Send + Sync>(&self, column: &Arc<Vec<T>>) -> Arc<Vec<T>> {
        match self {
            Rows::All(_) => Arc::clone(column),
            Rows::Listed(listing) => Arc::new(match listing.route() {
                Some(route) => take(&take(column, &route.sources), &route.places),
                None => take(column, &listing.rows),
            }),
        }
    }

    /// The same rows without what only gathering needs.
    #[must_use]
    pub fn gathered(&self) -> Self {
        match self {
            Rows::All(n) => Rows::All(*n),
            Rows::Listed(listing) => Rows::from(Arc::clone(&listing.rows)),
        }
    }
}

impl Listing {
    fn route(&self) -> Option<&Route> {
        let route = || (self.rows.len() >= ROUTE_MIN && !is_ascending(&self.rows)).then(|| Route::of(&self.rows));
        self.route.get_or_init(route).as_ref()
    }
}

impl From<Arc<Vec<u32>>> for Rows {
    fn from(rows: Arc<Vec<u32>>) -> Self {
        Rows::Listed(Arc::new(Listing { rows, route: OnceLock::new() }))
    }
}

impl From<Vec<u32>> for Rows {
    fn from(rows: Vec<u32>) -> Self {
        Rows::from(Arc::new(rows))
    }
}

/// The values at some places.
fn take<T: Copy + Send + Sync>(values: &[T], places: &[u32]) -> Vec<T> {
    places.par_iter().with_min_len(BLOCK).map(|&place| values[place as usize]).collect()
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
        assert_eq!(rows.gathered(), rows);
    }

    #[test]
    fn many_rows_out_of_order_take_the_route() {
        let n = ROUTE_MIN + 77;
        let column: Arc<Vec<u32>> = Arc::new((0..n as u32).map(|row| row ^ 5).collect());
        // every row but the last ten, with a step that has no factor in common with their number
        let rows: Vec<u32> = (0..n - 10).map(|at| (at * 7919 % (n - 10)) as u32).collect();
        let expected: Vec<u32> = rows.iter().map(|&row| row ^ 5).collect();
        let listed = Rows::from(rows);
        assert_eq!(*listed.gather(&column), expected);
        assert!(matches!(&listed, Rows::Listed(listing) if listing.route().is_some()));
    }
}
