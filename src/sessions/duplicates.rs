//! Sessions that occur twice.

use rayon::prelude::*;

use super::accumulator::{Accumulator, Values};

/// Two rows (from 0) whose hashes are equal, the earliest second row first. Equal hashes need not be equal ids.
pub(super) fn equal_hashes(accumulator: &Accumulator) -> Option<(usize, usize)> {
    let Values::Hashes(hashes) = &accumulator.values else { return None };
    let mut rows: Vec<(u64, usize)> =
        hashes.iter().enumerate().filter(|(_, hash)| **hash != 0).map(|(row, hash)| (*hash, row)).collect();
    rows.par_sort_unstable();
    let pairs = rows.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| (pair[0].1, pair[1].1)).min_by_key(|pair| pair.1)
}

/// Two rows (from 0) with one label, the earliest second row first.
pub(super) fn equal_codes(codes: &[u32], missing: u32) -> Option<(usize, usize)> {
    let most = codes.iter().filter(|code| **code != missing).max()?;
    let mut first = vec![usize::MAX; *most as usize + 1];
    for (row, &code) in codes.iter().enumerate().filter(|(_, code)| **code != missing) {
        let seen = &mut first[code as usize];
        if *seen != usize::MAX {
            return Some((*seen, row));
        }
        *seen = row;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pair_is_found() {
        assert_eq!(equal_codes(&[3, 1, 9, 9, 1, 3], 9), Some((1, 4)));
        assert_eq!(equal_codes(&[0, 1, 9, 9], 9), None);
        assert_eq!(equal_codes(&[], 9), None);
    }
}
