//! Rows in the order of their users.

use crate::expr::Expr;
use crate::model::{ModelError, Origin, Workspace};
use crate::table::MISSING;

/// Some rows of a table, ordered by user, then as in the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sample {
    rows: Vec<u32>,
    users: Vec<u32>,
}

impl Sample {
    /// The rows that a condition keeps (all without one). Rows without a user are refused.
    ///
    /// # Errors
    /// If an expression cannot be evaluated, or a row that is kept has no user.
    pub fn new(workspace: &Workspace, user: &Expr, filter: Option<&Expr>) -> Result<Self, ModelError> {
        let order = workspace.order(user)?;
        let codes = workspace.codes(user)?;
        let kept = filter.map(|filter| workspace.filter(filter)).transpose()?;
        let is_kept = |row: u32| kept.as_ref().is_none_or(|kept| kept[row as usize]);
        let rows: Vec<u32> = order.iter().copied().filter(|&row| is_kept(row)).collect();
        let users: Vec<u32> = rows.iter().map(|&row| codes.codes[row as usize]).collect();
        let nobody: Vec<u32> =
            rows.iter().zip(&users).filter(|(_, user)| **user == MISSING).map(|(row, _)| *row).collect();
        match nobody.iter().min() {
            Some(&first) => {
                let (file, row) = workspace.table.locate(first as usize);
                Err(ModelError::MissingCluster {
                    name: user.to_string(),
                    rows: nobody.len(),
                    place: format!("{file}, row {row}"),
                })
            }
            None => Ok(Sample { rows, users }),
        }
    }

    /// Rows and their users, given in ascending order of users.
    ///
    /// # Panics
    /// If the lengths differ or users descend: a programming error.
    pub fn of(rows: Vec<u32>, users: Vec<u32>) -> Self {
        assert_eq!(rows.len(), users.len(), "one user per row");
        assert!(users.is_sorted(), "rows in the order of their users");
        Sample { rows, users }
    }

    /// The rows `keep` says.
    pub fn keep(&self, keep: impl Fn(usize) -> bool) -> Sample {
        let kept = self.entries().filter(|(row, _)| keep(*row));
        let (rows, users) = kept.map(|(row, user)| (row as u32, user)).unzip();
        Sample { rows, users }
    }

    /// One sample for each code below `n`; rows with another code are in none.
    pub fn split(&self, codes: &[u32], n: usize) -> Vec<Sample> {
        let mut parts = vec![Sample::default(); n];
        for (row, user) in self.entries() {
            if let Some(part) = parts.get_mut(codes[row] as usize) {
                part.rows.push(row as u32);
                part.users.push(user);
            }
        }
        parts
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of distinct users.
    pub fn n_users(&self) -> usize {
        self.users.chunk_by(|a, b| a == b).count()
    }

    /// Distinct users, ascending.
    pub fn distinct_users(&self) -> Vec<u32> {
        self.users.chunk_by(|a, b| a == b).map(|run| run[0]).collect()
    }

    /// Rows with their users.
    pub fn entries(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.rows.iter().zip(&self.users).map(|(&row, &user)| (row as usize, user))
    }

    /// An expression as numbers, for messages about what it must be.
    ///
    /// # Errors
    /// If it cannot be evaluated or is text.
    pub fn numbers(workspace: &Workspace, expr: &Expr) -> Result<std::sync::Arc<Vec<f64>>, ModelError> {
        match workspace.numbers(expr).map_err(|error| error.of(Origin::Other))? {
            Some(found) => Ok(std::sync::Arc::clone(&found.values)),
            None => {
                let coded = workspace.coded(expr)?;
                let first = coded.factor.codes.iter().position(|code| *code != MISSING);
                let place = first.map(|row| workspace.table.locate(row));
                let example = first.map(|row| coded.factor.levels[coded.factor.codes[row] as usize].clone());
                Err(ModelError::NotNumeric {
                    role: "the variable",
                    name: expr.to_string(),
                    example: example.unwrap_or_default(),
                    place: place.map(|(file, row)| format!("{file}, row {row}")),
                    mixed: false,
                })
            }
        }
    }
}
