//! Exact shares: rows sorted by a score within groups, then cut where the cumulative share says.
//!
//! A quota keeps the randomness of *which* rows are taken and removes that of *how many*, so published counts hold
//! exactly at the published size and to the nearest row at any other.

use rayon::prelude::*;

/// Most groups one quota can hold: the group takes the top bits of the sort key.
const GROUP_BITS: u32 = 6;

/// Splits the rows of each group, in ascending order of score, into classes with the given shares.
///
/// `rows` yields (row, group, score); `shares[group]` need not sum to one. `assign` receives (row, class).
pub fn split_by_rank(
    rows: impl Iterator<Item = (u32, usize, f64)>,
    shares: &[Vec<f64>],
    mut assign: impl FnMut(usize, usize),
) {
    debug_assert!(shares.len() <= 1 << GROUP_BITS);
    let mut keys: Vec<(u64, u32)> = rows.map(|(row, group, score)| (key(group, score), row)).collect();
    keys.par_sort_unstable(); // rows are distinct, so the order is unique
    let mut rest = keys.as_slice();
    for (group, shares) in shares.iter().enumerate() {
        let size = rest.partition_point(|&(key, _)| (key >> (64 - GROUP_BITS)) as usize <= group);
        let (members, others) = rest.split_at(size);
        rest = others;
        let mut first = 0;
        for (class, end) in cumulative(size, shares).into_iter().enumerate() {
            members[first..end].iter().for_each(|&(_, row)| assign(row as usize, class));
            first = end;
        }
    }
}

/// Ends of the classes among `size` rows: cumulative shares rounded to the nearest row, the last one is `size`.
pub fn cumulative(size: usize, shares: &[f64]) -> Vec<usize> {
    let total: f64 = shares.iter().sum();
    let mut sum = 0.0;
    let mut ends: Vec<usize> = shares
        .iter()
        .map(|share| {
            sum += share;
            ((size as f64 * (sum / total)).round() as usize).min(size)
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = size;
    }
    ends
}

/// Sort key: the group above, the score's bits in ascending order below.
fn key(group: usize, score: f64) -> u64 {
    let bits = score.to_bits();
    let ascending = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
    ((group as u64) << (64 - GROUP_BITS)) | (ascending >> GROUP_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_hold_to_the_row_and_the_lowest_scores_come_first() {
        let rows = (0..10u32).map(|row| (row, (row % 2) as usize, -f64::from(row)));
        let mut class = [9; 10];
        split_by_rank(rows, &[vec![1.0, 4.0], vec![3.0, 2.0]], |row, k| class[row] = k);
        assert_eq!(class, [1, 1, 1, 1, 1, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn counts_as_shares_are_reproduced() {
        let counts = [5_911.0, 73_858.0, 96_516.0, 146_879.0, 36_422.0];
        assert_eq!(cumulative(359_586, &counts), [5_911, 79_769, 176_285, 323_164, 359_586]);
        assert_eq!(cumulative(0, &counts), [0; 5]);
    }
}
