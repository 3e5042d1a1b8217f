//! Levels of the study's tables that may not be shown: those with too few users, and those that would give one away.
//!
//! The cells are the levels of the factor of every sample of every regression with adjusted rates; the same rows in two
//! tables are one cell. They are tied by sums: the levels of a sample add up to the sample, and a level of a sample that
//! lies in another one leaves a rest, which counts as a cell although nobody prints it.

use crate::describe::{Line, suppress};
use crate::result::{ModelFit, RateRow};

/// What stands in the note of a level that may not be shown.
pub const SUPPRESSED: &str = "suppressed: too few users, or it would give away a level with too few";

/// The rows behind the rates of some fits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelRows {
    /// Model file.
    pub spec_id: String,
    /// Model.
    pub model: String,
    /// Sample.
    pub sample: String,
    /// Outcomes that have these rows.
    pub outcomes: Vec<String>,
    /// Row of the table and its user, ascending rows, for each level of the factor in its order.
    pub levels: Vec<Vec<(u32, u32)>>,
}

/// Whether the rates of a level were taken away.
pub fn is_suppressed(row: &RateRow) -> bool {
    row.note.as_deref() == Some(SUPPRESSED)
}

/// Which levels of which rows may not be shown.
pub fn hidden(groups: &[LevelRows], min_users: usize) -> Vec<Vec<bool>> {
    let mut cells: Vec<&Vec<(u32, u32)>> = Vec::new();
    let mut at: Vec<Vec<usize>> = Vec::new();
    for group in groups {
        let place = |rows| {
            cells.iter().position(|known| *known == rows).unwrap_or_else(|| {
                cells.push(rows);
                cells.len() - 1
            })
        };
        at.push(group.levels.iter().map(place).collect());
    }
    let mut users: Vec<Vec<u32>> = cells.iter().map(|rows| distinct_users(rows.iter())).collect();
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |line: Line| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    };
    at.iter().for_each(|levels| add(Line::of_parts(levels.iter().copied())));
    for whole in 0..cells.len() {
        for part in 0..cells.len() {
            if cells[part].is_empty() || cells[part].len() >= cells[whole].len() || !lies_in(cells[part], cells[whole])
            {
                continue;
            }
            let rest = cells[whole].iter().filter(|entry| cells[part].binary_search(entry).is_err());
            add(Line::with_total([part, users.len()], whole));
            users.push(distinct_users(rest));
        }
    }
    let found = suppress(&users, &lines, min_users);
    at.iter().map(|levels| levels.iter().map(|cell| found.has(*cell)).collect()).collect()
}

fn distinct_users<'a>(rows: impl Iterator<Item = &'a (u32, u32)>) -> Vec<u32> {
    let mut users: Vec<u32> = rows.map(|(_, user)| *user).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// Whether ascending rows are all among other ascending rows.
fn lies_in(part: &[(u32, u32)], whole: &[(u32, u32)]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|wanted| rest.any(|entry| entry == wanted))
}

/// Takes the numbers of hidden levels out of a fit: rates, counts and coefficients. Contrasts and covariances go too,
/// because they hold the same numbers.
pub fn hide(fit: &mut ModelFit, hidden: &[bool]) {
    let Some(rates) = &mut fit.rates else { return };
    if !hidden.contains(&true) {
        return;
    }
    let none = f64::NAN;
    let gone: Vec<String> =
        rates.levels.iter().zip(hidden).filter(|(_, hidden)| **hidden).map(|(row, _)| row.level.clone()).collect();
    for row in rates.levels.iter_mut().filter(|row| gone.contains(&row.level)) {
        (row.estimate, row.std_error, row.conf_low, row.conf_high) = (none, none, none, none);
        (row.raw_rate, row.effective_n) = (none, none);
        (row.n_obs, row.n_clusters) = (0, 0);
        row.note = Some(SUPPRESSED.to_owned());
    }
    rates.contrasts.clear();
    rates.vcov.fill(none);
    fit.vcov.fill(none);
    // a coefficient is a difference from the reference: it tells the reference if that one is hidden
    let all = gone.contains(&rates.reference_level);
    let prefix = format!("{}::", rates.factor);
    for row in &mut fit.coefficients {
        let Some(level) = row.term.strip_prefix(&prefix) else { continue };
        if all || gone.iter().any(|gone| gone == level) {
            (row.estimate, row.std_error, row.statistic) = (none, none, none);
            (row.p_value, row.conf_low, row.conf_high) = (none, none, none);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::study_fits;
    use super::*;

    /// One session for each user: level k has the rows from `starts[k]` up to the next start.
    fn group(sample: &str, starts: &[u32], step: usize) -> LevelRows {
        let levels = starts.windows(2).map(|pair| (pair[0]..pair[1]).step_by(step).map(|row| (row, row)).collect());
        LevelRows { sample: sample.to_owned(), levels: levels.collect(), ..LevelRows::default() }
    }

    #[test]
    fn one_small_level_takes_the_next_smallest_with_it() {
        let found = hidden(&[group("all", &[0, 5, 25, 55, 155], 1)], 10);
        assert_eq!(found, [[true, true, false, false]]);
        assert_eq!(hidden(&[group("all", &[0, 5, 25, 55, 155], 1)], 1), [[false; 4]]);
        assert_eq!(hidden(&[group("all", &[0, 5, 9, 55, 155], 1)], 10), [[true, true, true, false]]);
    }

    #[test]
    fn the_same_rows_are_hidden_everywhere() {
        let groups = [group("all", &[0, 5, 25, 55], 1), group("all", &[0, 5, 25, 55], 1)];
        assert_eq!(hidden(&groups, 10), [[true, true, false], [true, true, false]]);
    }

    #[test]
    fn a_part_that_leaves_a_small_rest_goes() {
        // every level of the part leaves half of the whole, but the first leaves five sessions
        let (whole, mut part) = (group("all", &[0, 40, 140, 240], 1), group("trouble", &[0, 40, 140, 240], 2));
        part.levels[0] = (0..35).map(|row| (row, row)).collect();
        let found = hidden(&[whole, part], 10);
        // the rest of five is the difference of two printed numbers: one of them goes, and one more in its sum
        assert!(found[0][0] || found[1][0], "{found:?}");
        let gone = |levels: &Vec<bool>| levels.iter().filter(|gone| **gone).count();
        assert!(found.iter().all(|levels| gone(levels) != 1), "{found:?}");
    }

    #[test]
    fn hiding_leaves_no_number_of_the_level() {
        let mut fit = study_fits().into_iter().find(|fit| fit.spec_id == "table_a2").unwrap();
        let before = fit.clone();
        hide(&mut fit, &[false, false, false, true, true]);
        let rates = fit.rates.as_ref().unwrap();
        assert!(rates.levels[3..].iter().all(|row| is_suppressed(row) && row.estimate.is_nan() && row.n_obs == 0));
        assert_eq!(rates.levels[..3], before.rates.as_ref().unwrap().levels[..3]);
        let of = |level: &str| fit.coefficients.iter().find(|row| row.term == format!("expertise::{level}")).unwrap();
        assert!(of("5").estimate.is_nan() && of("3").estimate.is_finite());
        hide(&mut fit, &[true, false, false, true, true]);
        assert!(fit.coefficients.iter().all(|row| !row.term.starts_with("expertise::") || row.estimate.is_nan()));
    }
}
