//! Which rows are still in, and why the others are not.

use super::{ModelError, Workspace};
use crate::expr::Expr;
use crate::result::{Flow, FlowStep};
use rayon::prelude::*;

/// Rows that one task works on; results do not depend on it.
const BLOCK: usize = 1 << 16;

/// Rows still in, and the reasons of those that are not.
#[derive(Debug, Clone)]
pub struct Selection {
    n_rows: usize,
    /// 0 = in, else reason + 1. Empty as long as nothing was looked at: all rows are in.
    state: Vec<u16>,
    reasons: Vec<String>,
}

impl Selection {
    /// All rows are in.
    pub fn new(n_rows: usize) -> Self {
        Selection { n_rows, state: Vec::new(), reasons: Vec::new() }
    }

    /// Whether a row is in.
    pub fn has(&self, row: usize) -> bool {
        self.state.is_empty() || self.state[row] == 0
    }

    /// Whether every row is in.
    pub fn is_full(&self) -> bool {
        self.state.is_empty() || !self.state.par_chunks(BLOCK).any(|block| block.iter().any(|&state| state != 0))
    }

    /// The rows that are in, in the order of the table.
    pub fn rows(&self) -> Vec<u32> {
        self.kept(self.n_rows, |at| at as u32)
    }

    /// Those of `rows` that are in, in their order.
    pub fn among(&self, rows: &[u32]) -> Vec<u32> {
        self.kept(rows.len(), |at| rows[at])
    }

    /// Those of `n` rows that are in: counted first, so that blocks can write to their places at once.
    fn kept(&self, n: usize, row: impl Fn(usize) -> u32 + Sync) -> Vec<u32> {
        let of_block = |block: usize| {
            let rows = (block * BLOCK..((block + 1) * BLOCK).min(n)).map(&row);
            rows.filter(|&row| self.has(row as usize))
        };
        let counts: Vec<usize> = (0..n.div_ceil(BLOCK)).into_par_iter().map(|block| of_block(block).count()).collect();
        let mut kept = vec![0u32; counts.iter().sum()];
        let mut places = Vec::with_capacity(counts.len());
        let mut rest = kept.as_mut_slice();
        for count in counts {
            let (place, behind) = rest.split_at_mut(count);
            places.push(place);
            rest = behind;
        }
        places.into_par_iter().enumerate().for_each(|(block, place)| {
            place.iter_mut().zip(of_block(block)).for_each(|(place, row)| *place = row);
        });
        kept
    }

    /// The code of a reason.
    pub fn reason(&mut self, text: String) -> u16 {
        let at = self.reasons.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.reasons.push(text);
            self.reasons.len() - 1
        });
        at as u16 + 1
    }

    /// Drops one row.
    pub fn drop_row(&mut self, row: usize, reason: u16) {
        self.states()[row] = reason;
    }

    /// Drops the rows still in that `out` says.
    pub fn drop_where(&mut self, reason: &str, out: impl Fn(usize) -> bool + Sync) {
        let code = self.reason(reason.to_owned());
        self.drop_by(|row| if out(row) { code } else { 0 });
    }

    /// Drops rows where a variable is missing, by its named reasons.
    pub fn drop_missing(&mut self, workspace: &Workspace, expr: &Expr) -> Result<(), ModelError> {
        if !workspace.has_missing(expr)? {
            return Ok(());
        }
        workspace.with_column(expr, |column| {
            let plain = self.reason(format!("missing {}", column.name));
            let reasons = column.reasons.as_ref();
            let named: Vec<u16> = match reasons {
                Some(reasons) => reasons.names.iter().map(|name| self.reason(name.clone())).collect(),
                None => Vec::new(),
            };
            self.drop_by(|row| {
                if !column.is_missing(row) {
                    return 0;
                }
                let code = reasons.map_or(0, |reasons| reasons.codes[row]);
                if code == 0 { plain } else { named[code as usize - 1] }
            });
        })
    }

    /// Gives the rows still in the state `state` says; 0 keeps.
    fn drop_by(&mut self, state: impl Fn(usize) -> u16 + Sync) {
        self.states().par_chunks_mut(BLOCK).enumerate().for_each(|(block, states)| {
            let rows = states.iter_mut().enumerate().filter(|(_, known)| **known == 0);
            rows.for_each(|(at, known)| *known = state(block * BLOCK + at));
        });
    }

    fn states(&mut self) -> &mut [u16] {
        if self.state.is_empty() {
            self.state = vec![0; self.n_rows];
        }
        &mut self.state
    }

    /// Rows read, dropped for each reason, and used.
    pub fn flow(&self) -> Flow {
        let count = |states: &[u16]| {
            let mut counts = vec![0usize; self.reasons.len() + 1];
            states.iter().for_each(|&state| counts[state as usize] += 1);
            counts
        };
        let blocks: Vec<Vec<usize>> = self.state.par_chunks(BLOCK).map(count).collect();
        let rows = |code: usize| blocks.iter().map(|counts| counts[code]).sum::<usize>();
        let dropped: Vec<FlowStep> = self
            .reasons
            .iter()
            .enumerate()
            .map(|(at, reason)| FlowStep { reason: reason.clone(), rows: rows(at + 1) })
            .filter(|step| step.rows > 0)
            .collect();
        let rows_used = self.n_rows - dropped.iter().map(|step| step.rows).sum::<usize>();
        Flow { rows_read: self.n_rows, dropped, rows_used, ..Flow::default() }
    }
}
