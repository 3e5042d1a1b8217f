//! Counts of the sample frame: sessions, users, months, labels.

use crate::compare::SampleCounts;
use crate::table::{ColumnData, MISSING, Table};

/// Counts sessions and users; what a table has no column for stays unknown.
pub fn sample_counts(table: &Table) -> SampleCounts {
    let n = table.n_rows();
    let mut counts = SampleCounts { sessions: Some(n), ..SampleCounts::default() };
    if let Some(column) = table.get("user_id") {
        let factor = column.to_factor();
        let mut sessions = vec![0u32; factor.n_levels()];
        factor.codes.iter().filter(|&&code| code != MISSING).for_each(|&code| sessions[code as usize] += 1);
        let above = |limit: u32| Some(sessions.iter().filter(|&&count| count > limit).count());
        (counts.users, counts.users_gt1, counts.users_gt5, counts.users_gt10) = (above(0), above(1), above(5), above(10));
    }
    counts.months = table.get("month").map(|column| {
        let factor = column.to_factor();
        let mut present = vec![false; factor.n_levels()];
        factor.codes.iter().filter(|&&code| code != MISSING).for_each(|&code| present[code as usize] = true);
        present.iter().filter(|&&present| present).count()
    });
    if let Some(ColumnData::Number(clear)) = table.get("clear_goal").map(|column| &column.data) {
        counts.no_clear_goal_share = Some(clear.iter().filter(|&&clear| clear == 0.0).count() as f64 / n as f64);
    }
    if let Some(column) = table.get("user_occupation") {
        let factor = column.to_factor();
        let unclear = factor.code_of("Unclear");
        let rows = factor.codes.iter().filter(|&&code| Some(code) == unclear || code == MISSING).count();
        counts.unclear_user_occupation_share = Some(rows as f64 / n as f64);
    }
    if let Some(column) = table.get("expertise") {
        counts.rated_sessions = Some((0..n).filter(|&row| !column.is_missing(row)).count());
    }
    counts
}
