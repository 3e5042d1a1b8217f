//! Which cells of a printed table must stay empty so that none that is too small can be found out.
//!
//! Primary: a cell with fewer than the minimum of distinct users. Complementary: what remains must not give a suppressed
//! cell away. Printed cells are tied by [`Line`]s, sums that hold exactly (the shares of all modes are one; a month's
//! cells add up to the month). The suppressed cells solve the linear system of all lines with the printed cells known;
//! a cell is found out exactly if the system determines it (Cox 1980), so lines with two empty cells each are not always
//! enough, and this module decides by elimination, not by counting. A line also must not give away the sum of its empty
//! cells if these together hold fewer users than the minimum.
//!
//! While either happens, the printed cell with the fewest users of a line at fault is emptied too (ties: the first).

use rustc_hash::FxHashSet;

/// A sum that ties printed cells: the signed sum of cells is a number that the reader knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Cells and their signs, e.g. the parts with 1 and the total with -1.
    pub cells: Vec<(usize, i8)>,
}

/// Which cells stay empty and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suppression {
    /// Cells with too few users.
    pub primary: Vec<bool>,
    /// Cells that would give one of those away.
    pub complementary: Vec<bool>,
}

impl Line {
    /// Parts that add up to a number the reader knows without a cell, such as shares to one.
    pub fn of_parts(parts: impl IntoIterator<Item = usize>) -> Self {
        Line { cells: parts.into_iter().map(|cell| (cell, 1)).collect() }
    }

    /// Parts that add up to the cell `total`.
    pub fn with_total(parts: impl IntoIterator<Item = usize>, total: usize) -> Self {
        let mut line = Line::of_parts(parts);
        line.cells.push((total, -1));
        line
    }
}

impl Suppression {
    /// Whether a cell stays empty.
    pub fn has(&self, cell: usize) -> bool {
        self.primary[cell] || self.complementary[cell]
    }
}

/// Decides for cells of which the distinct users are known (ascending codes), tied by `lines`.
///
/// Cells without any row are not suppressed: that nobody is there is no one's secret, and an empty cell takes part in
/// lines as a known zero.
pub fn suppress(users: &[Vec<u32>], lines: &[Line], min_users: usize) -> Suppression {
    let n = users.len();
    let primary: Vec<bool> = users.iter().map(|users| !users.is_empty() && users.len() < min_users).collect();
    let mut found = Suppression { primary, complementary: vec![false; n] };
    if min_users < 2 {
        return found;
    }
    loop {
        let empty: Vec<bool> = (0..n).map(|cell| found.has(cell)).collect();
        let known = determined(&empty, lines);
        let at_fault = |line: &Line| {
            let gone = || line.cells.iter().filter(|(cell, _)| empty[*cell]);
            let tells_one = gone().any(|(cell, _)| known[*cell]);
            let together: FxHashSet<u32> = gone().flat_map(|(cell, _)| users[*cell].iter().copied()).collect();
            tells_one || (gone().count() > 0 && together.len() < min_users)
        };
        let candidates = lines.iter().filter(|line| at_fault(line)).flat_map(|line| &line.cells);
        let next = candidates
            .map(|(cell, _)| *cell)
            .filter(|cell| !empty[*cell] && !users[*cell].is_empty())
            .min_by_key(|cell| (users[*cell].len(), *cell));
        match next {
            Some(cell) => found.complementary[cell] = true,
            None => return found,
        }
    }
}

/// Which of the empty cells the lines determine, given all others.
///
/// Gauss-Jordan elimination of the lines' rows on the empty cells: a cell is determined exactly if some row of the
/// reduced form holds it alone.
pub fn determined(empty: &[bool], lines: &[Line]) -> Vec<bool> {
    const ZERO: f64 = 1e-9;
    let columns: Vec<usize> = (0..empty.len()).filter(|cell| empty[*cell]).collect();
    let mut rows: Vec<Vec<f64>> = lines
        .iter()
        .map(|line| {
            let mut row = vec![0.0; columns.len()];
            for (cell, sign) in &line.cells {
                if let Ok(at) = columns.binary_search(cell) {
                    row[at] += f64::from(*sign);
                }
            }
            row
        })
        .filter(|row| row.iter().any(|entry| *entry != 0.0))
        .collect();
    let mut rank = 0;
    for column in 0..columns.len() {
        let Some(pivot) = (rank..rows.len()).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))
        else {
            break;
        };
        if rows[pivot][column].abs() < ZERO {
            continue;
        }
        rows.swap(rank, pivot);
        let scale = rows[rank][column];
        rows[rank].iter_mut().for_each(|entry| *entry /= scale);
        let leading = rows[rank].clone();
        for (at, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if at != rank && factor != 0.0 {
                row.iter_mut().zip(&leading).for_each(|(entry, lead)| *entry -= factor * lead);
            }
        }
        rank += 1;
    }
    let mut known = vec![false; empty.len()];
    for row in &rows {
        let mut entries = row.iter().enumerate().filter(|(_, entry)| entry.abs() > ZERO);
        if let (Some((column, _)), None) = (entries.next(), entries.next()) {
            known[columns[column]] = true;
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells with these numbers of users, no user in two cells.
    fn users(counts: &[usize]) -> Vec<Vec<u32>> {
        let mut next = 0;
        let mut take = |count: usize| {
            next += count;
            ((next - count) as u32..next as u32).collect()
        };
        counts.iter().map(|count| take(*count)).collect()
    }

    #[test]
    fn one_small_share_takes_the_next_smallest_with_it() {
        let found = suppress(&users(&[40, 3, 25, 60]), &[Line::of_parts(0..4)], 10);
        assert_eq!(found.primary, [false, true, false, false]);
        assert_eq!(found.complementary, [false, false, true, false]);
    }

    #[test]
    fn two_small_cells_are_not_enough_if_their_sum_is_small() {
        let found = suppress(&users(&[40, 3, 2, 60]), &[Line::of_parts(0..4)], 10);
        assert_eq!(found.complementary, [true, false, false, false]);
        assert_eq!(suppress(&users(&[40, 6, 7, 60]), &[Line::of_parts(0..4)], 10).complementary, [false; 4]);
    }

    #[test]
    fn nothing_is_emptied_without_need_and_empty_cells_are_no_secret() {
        let none = suppress(&users(&[40, 3]), &[], 10);
        assert_eq!((none.primary, none.complementary), (vec![false, true], vec![false, false]));
        assert_eq!(suppress(&users(&[40, 0, 30]), &[Line::of_parts(0..3)], 10).primary, [false; 3]);
        assert_eq!(suppress(&users(&[1, 2]), &[Line::of_parts(0..2)], 0).primary, [false; 2]);
    }

    #[test]
    fn cells_between_two_cycles_are_found_out_though_every_line_has_two() {
        // rows of a 4 x 4 table; empty: a square of four cells, a square of four, and one cell that links them
        let cell = |row: usize, column: usize| 4 * row + column;
        let gone = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)];
        let mut empty = vec![false; 16];
        gone.iter().for_each(|(row, column)| empty[cell(*row, *column)] = true);
        let mut lines: Vec<Line> = (0..4).map(|row| Line::of_parts((0..4).map(|column| cell(row, column)))).collect();
        lines.extend((0..4).map(|column| Line::of_parts((0..4).map(|row| cell(row, column)))));
        let known = determined(&empty, &lines);
        assert_eq!((0..16).filter(|at| known[*at]).collect::<Vec<_>>(), [cell(1, 2)]);
    }

    #[test]
    fn tables_with_margins_never_give_a_cell_away() {
        // 3 x 4 cells, row totals, column totals, grand total, with users that overlap
        let mut state = 12_345u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let mut cells: Vec<Vec<u32>> = Vec::new();
            for _ in 0..12 {
                let count = [0, 2, 4, 8, 20, 50][next(6) as usize];
                let mut members: Vec<u32> = (0..count).map(|_| next(120) as u32).collect();
                members.sort_unstable();
                members.dedup();
                cells.push(members);
            }
            let union = |parts: &[usize], cells: &[Vec<u32>]| {
                let mut all: Vec<u32> = parts.iter().flat_map(|part| cells[*part].clone()).collect();
                all.sort_unstable();
                all.dedup();
                all
            };
            let mut lines = Vec::new();
            for row in 0..3 {
                let parts: Vec<usize> = (0..4).map(|column| 4 * row + column).collect();
                lines.push(Line::with_total(parts.clone(), cells.len()));
                cells.push(union(&parts, &cells));
            }
            for column in 0..4 {
                let parts: Vec<usize> = (0..3).map(|row| 4 * row + column).collect();
                lines.push(Line::with_total(parts.clone(), cells.len()));
                cells.push(union(&parts, &cells));
            }
            lines.push(Line::with_total(12..15, cells.len()));
            lines.push(Line::with_total(15..19, cells.len()));
            cells.push(union(&[12, 13, 14], &cells));
            let found = suppress(&cells, &lines, 6);
            let empty: Vec<bool> = (0..cells.len()).map(|cell| found.has(cell)).collect();
            let known = determined(&empty, &lines);
            let printable = (0..cells.len()).any(|cell| !empty[cell] && !cells[cell].is_empty());
            assert!(!printable || !known.iter().any(|known| *known), "{cells:?}\n{found:?}");
            (0..cells.len()).for_each(|cell| assert!(empty[cell] || cells[cell].is_empty() || cells[cell].len() >= 6));
        }
    }
}
