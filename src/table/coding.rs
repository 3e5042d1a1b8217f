//! Numbers to codes: each distinct value its rank among them.
//!
//! Integers of a moderate range are coded by address, in three passes that run in parallel: the range, the offsets
//! with a mark for each that occurs, and their ranks if some do not occur. Everything else goes through a hash map.
//! Codes ascend with the values either way, so that they do not depend on the order of rows.

use super::MISSING;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU8, Ordering};

/// Rows that one task works on; results do not depend on it.
const BLOCK: usize = 1 << 16;

/// Rows whose codes and values stay in the nearest cache.
const STRETCH: usize = 1 << 11;

/// Slots of the address space that are always granted: 4 MiB of marks.
const MIN_SLOTS: usize = 1 << 22;

/// Numbers up to which adding and subtracting [`ROUNDING`] rounds to an integer.
const INTEGER_LIMIT: f64 = 2_251_799_813_685_248.0; // 2^51

/// 1.5 * 2^52: a sum with it has no bits left for a fraction.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// 2^52: the low bits of a sum with it are the other summand, if that is an integer from 0.
const LOW_BITS: f64 = 4_503_599_627_370_496.0;

/// Codes of a column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    /// One per row: the place in `values`, or [`MISSING`].
    pub codes: Vec<u32>,
    /// Distinct values, ascending; every one occurs.
    pub values: Vec<f64>,
    /// Whether any row is missing.
    pub has_missing: bool,
}

/// Codes numbers; `NaN` is missing, and `-0` is `0`.
pub fn code(values: &[f64]) -> Coded {
    let range = Range::of(values);
    match range.slots(values.len()) {
        Some(slots) => by_address(values, &range, slots),
        None => by_hash(values, range.has_missing),
    }
}

/// Whether any number is missing.
pub fn any_missing(values: &[f64]) -> bool {
    values.par_chunks(BLOCK).any(|block| block.iter().fold(false, |found, value| found | value.is_nan()))
}

/// What a look at all numbers tells.
struct Range {
    least: f64,
    greatest: f64,
    integers: bool,
    has_missing: bool,
}

impl Range {
    fn of(values: &[f64]) -> Self {
        let blocks: Vec<Range> = values.par_chunks(BLOCK).map(Range::of_block).collect();
        let empty = Range { least: f64::INFINITY, greatest: f64::NEG_INFINITY, integers: true, has_missing: false };
        blocks.into_iter().fold(empty, |a, b| Range {
            least: a.least.min(b.least),
            greatest: a.greatest.max(b.greatest),
            integers: a.integers && b.integers,
            has_missing: a.has_missing || b.has_missing,
        })
    }

    /// One block; lanes instead of single values let the compiler use vector instructions.
    fn of_block(values: &[f64]) -> Self {
        const LANES: usize = 8;
        let mut least = [f64::INFINITY; LANES];
        let mut greatest = [f64::NEG_INFINITY; LANES];
        let (mut other, mut missing) = ([0u64; LANES], [0u64; LANES]);
        let mut look = |at: usize, value: f64| {
            least[at] = if value < least[at] { value } else { least[at] };
            greatest[at] = if value > greatest[at] { value } else { greatest[at] };
            let nan = value.is_nan();
            missing[at] |= u64::from(nan);
            other[at] |= u64::from(!nan & ((value + ROUNDING) - ROUNDING != value));
        };
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        chunks.for_each(|chunk| (0..LANES).for_each(|at| look(at, chunk[at])));
        rest.iter().enumerate().for_each(|(at, &value)| look(at, value));
        Range {
            least: least.into_iter().fold(f64::INFINITY, f64::min),
            greatest: greatest.into_iter().fold(f64::NEG_INFINITY, f64::max),
            integers: other.iter().all(|&found| found == 0),
            has_missing: missing.iter().any(|&found| found != 0),
        }
    }

    /// Size of the address space, if the numbers are integers and it is not far larger than the rows.
    fn slots(&self, n_rows: usize) -> Option<usize> {
        let within = self.integers && self.least > -INTEGER_LIMIT && self.greatest < INTEGER_LIMIT;
        let limit = n_rows.saturating_mul(4).clamp(MIN_SLOTS, u32::MAX as usize);
        (within && self.greatest - self.least < limit as f64).then(|| (self.greatest - self.least) as usize + 1)
    }
}

fn by_address(values: &[f64], range: &Range, slots: usize) -> Coded {
    let mut codes = vec![0u32; values.len()];
    let marks: Vec<AtomicU8> = vec![0u8; slots].into_iter().map(AtomicU8::new).collect();
    let offset = |value: f64| (value - range.least + LOW_BITS).to_bits() as u32;
    let mark = |code: u32| {
        let slot = &marks[code as usize];
        // most values have been met before: reading is cheaper than writing what is there
        if slot.load(Ordering::Relaxed) == 0 {
            slot.store(1, Ordering::Relaxed);
        }
    };
    // two loops over a stretch that stays in the cache: the first one has no branches
    let part = |codes: &mut [u32], values: &[f64]| {
        let rows = codes.iter_mut().zip(values);
        if range.has_missing {
            rows.for_each(|(code, &value)| *code = if value.is_nan() { MISSING } else { offset(value) });
            codes.iter().filter(|&&code| code != MISSING).for_each(|&code| mark(code));
        } else {
            rows.for_each(|(code, &value)| *code = offset(value));
            codes.iter().for_each(|&code| mark(code));
        }
    };
    codes.par_chunks_mut(BLOCK).zip(values.par_chunks(BLOCK)).for_each(|(codes, values)| {
        codes.chunks_mut(STRETCH).zip(values.chunks(STRETCH)).for_each(|(codes, values)| part(codes, values));
    });
    let present = |slot: &AtomicU8| slot.load(Ordering::Relaxed) != 0;
    let n_present = marks.iter().filter(|slot| present(slot)).count();
    let mut distinct = Vec::with_capacity(n_present);
    if n_present < slots {
        let mut rank = vec![0u32; slots];
        for (offset, _) in marks.iter().enumerate().filter(|(_, slot)| present(slot)) {
            rank[offset] = distinct.len() as u32;
            distinct.push(range.least + offset as f64 + 0.0);
        }
        codes.par_chunks_mut(BLOCK).for_each(|codes| {
            codes.iter_mut().filter(|code| **code != MISSING).for_each(|code| *code = rank[*code as usize]);
        });
    } else {
        distinct.extend((0..slots).map(|offset| range.least + offset as f64 + 0.0));
    }
    Coded { codes, values: distinct, has_missing: range.has_missing }
}

fn by_hash(values: &[f64], has_missing: bool) -> Coded {
    let mut first_seen: FxHashMap<u64, u32> = FxHashMap::default();
    let mut distinct: Vec<f64> = Vec::new();
    let mut last = (f64::NAN.to_bits(), MISSING);
    let mut codes: Vec<u32> = values
        .iter()
        .map(|&value| {
            if value.is_nan() {
                return MISSING;
            }
            let bits = (value + 0.0).to_bits(); // -0.0 and 0.0 are one level
            if bits != last.0 {
                let code = *first_seen.entry(bits).or_insert_with(|| {
                    distinct.push(value + 0.0);
                    (distinct.len() - 1) as u32
                });
                last = (bits, code);
            }
            last.1
        })
        .collect();
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_by(|&a, &b| distinct[a as usize].total_cmp(&distinct[b as usize]));
    super::renumber(&mut codes, &order);
    Coded { codes, values: order.iter().map(|&old| distinct[old as usize]).collect(), has_missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_hash_agree() {
        let mut values: Vec<f64> = (0..200_000).map(|i| f64::from((i * 7919) % 30_011) * 3.0 - 1000.0).collect();
        values[77] = f64::NAN;
        values[78] = -0.0;
        let range = Range::of(&values);
        assert!(range.slots(values.len()).is_some());
        assert_eq!(code(&values), by_hash(&values, true));
        let dense: Vec<f64> = values.iter().map(|value| (value.abs() / 3.0).floor()).collect();
        assert_eq!(code(&dense), by_hash(&dense, true));
        let least: Vec<f64> = (0..9).map(|i| f64::from(i % 4) - 9e9).collect();
        assert_eq!(code(&least), by_hash(&least, false));
    }

    #[test]
    fn fractions_wide_ranges_and_infinities_are_hashed() {
        for values in [vec![0.5, 1.0], vec![0.0, 1e12], vec![f64::INFINITY, 1.0], vec![1e300, 2e300]] {
            assert!(Range::of(&values).slots(values.len()).is_none(), "{values:?}");
        }
        let coded = code(&[1e12, f64::NAN, 0.5, 1e12]);
        assert_eq!((coded.codes, coded.values, coded.has_missing), (vec![1, MISSING, 0, 1], vec![0.5, 1e12], true));
        assert_eq!(code(&[f64::NAN]).codes, [MISSING]);
        assert!(any_missing(&[1.0, f64::NAN]) && !any_missing(&[1.0]));
    }
}
