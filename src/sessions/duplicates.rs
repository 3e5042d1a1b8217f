//! Sessions that occur twice.

use rayon::prelude::*;

use super::accumulator::{Accumulator, Values};

/// Whether two rows have equal hashes; their ids need not be equal.
pub(super) fn equal_hashes(accumulator: &Accumulator) -> bool {
    let Values::Hashes(hashes) = &accumulator.values else { return false };
    let mut sorted: Vec<u64> = hashes.iter().copied().filter(|hash| *hash != 0).collect();
    sorted.par_sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
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
