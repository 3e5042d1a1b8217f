//! Arithmetic on code vectors: interactions, compact numbering, counting sort.

use super::buckets;
use crate::table::MISSING;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU8, Ordering};

/// Address space that is always numbered through a table: 16 MiB of `u32`.
const DIRECT_MIN: u64 = 1 << 22;

/// Slots of such a table for each row, beyond the minimum.
const DIRECT_PER_ROW: u64 = 4;

/// Rows that one task works on; results do not depend on it.
const BLOCK: usize = 1 << 16;

/// Numbers the distinct combinations of several code vectors `0..n` in ascending order of (first, second, ...).
///
/// Returns one number per row and how many there are. Each input is `(codes, number of levels)`.
/// With no input every row gets number 0.
pub fn combine(inputs: &[(&[u32], usize)], n_rows: usize) -> (Vec<u32>, usize) {
    let direct = direct_limit(n_rows);
    let mut current: Vec<u32> = Vec::new();
    let mut levels = u64::from(n_rows > 0);
    // multiply keys up as long as they stay cheap to number; compact when they would not
    let mut first = 0;
    while first < inputs.len() {
        let mut bound = levels.saturating_mul(width(&inputs[first]));
        let mut end = first + 1;
        while end < inputs.len() && bound.saturating_mul(width(&inputs[end])) <= direct {
            bound = bound.saturating_mul(width(&inputs[end]));
            end += 1;
        }
        let group = &inputs[first..end];
        let start = |row: usize| if first == 0 { 0 } else { u64::from(current[row]) };
        let key = |row: usize| group.iter().fold(start(row), |key, input| key * width(input) + u64::from(input.0[row]));
        (current, levels) = compact(&key, n_rows, bound);
        first = end;
    }
    if inputs.is_empty() {
        current = vec![0; n_rows];
    }
    (current, levels as usize)
}

/// Keys an input multiplies the address space by.
fn width(input: &(&[u32], usize)) -> u64 {
    input.1.max(1) as u64
}

fn direct_limit(n_rows: usize) -> u64 {
    DIRECT_MIN.max(DIRECT_PER_ROW * n_rows as u64)
}

/// Numbers the distinct keys of the rows (all below `bound`) in ascending order.
fn compact(key: &(impl Fn(usize) -> u64 + Sync + Send), n_rows: usize, bound: u64) -> (Vec<u32>, u64) {
    if bound > direct_limit(n_rows) {
        let (codes, n) = buckets::number(key, n_rows, bound);
        return (codes, n as u64);
    }
    let marks = marks(bound as usize);
    let mut codes = vec![0u32; n_rows];
    each_row(&mut codes, |row| {
        let key = key(row);
        mark(&marks[key as usize]);
        key as u32
    });
    let n_present = marks.iter().filter(|slot| slot.load(Ordering::Relaxed) != 0).count();
    if n_present < marks.len() {
        let mut next = 0;
        let rank: Vec<u32> = marks
            .iter()
            .map(|slot| {
                let rank = next;
                next += u32::from(slot.load(Ordering::Relaxed));
                rank
            })
            .collect();
        codes.par_chunks_mut(BLOCK).for_each(|codes| codes.iter_mut().for_each(|code| *code = rank[*code as usize]));
    }
    (codes, n_present as u64)
}

/// Fills `out` with a value for each row, in parallel.
fn each_row(out: &mut [u32], value: impl Fn(usize) -> u32 + Sync) {
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        out.iter_mut().enumerate().for_each(|(at, out)| *out = value(block * BLOCK + at));
    });
}

/// A mark for each of `n` codes, not set.
fn marks(n: usize) -> Vec<AtomicU8> {
    vec![0u8; n].into_iter().map(AtomicU8::new).collect()
}

/// Sets a mark; most are set already, and reading is cheaper than writing what is there.
fn mark(slot: &AtomicU8) {
    if slot.load(Ordering::Relaxed) == 0 {
        slot.store(1, Ordering::Relaxed);
    }
}

/// Whether each of `0..n_levels` is the code of some row; codes that are [`MISSING`] do not count.
pub fn every_level_has_rows(codes: &[u32], n_levels: usize) -> bool {
    let marks = marks(n_levels);
    codes.par_chunks(BLOCK).for_each(|codes| {
        codes.iter().filter(|&&code| code != MISSING).for_each(|&code| mark(&marks[code as usize]));
    });
    marks.iter().all(|slot| slot.load(Ordering::Relaxed) != 0)
}

/// Whether codes never fall from one row to the next.
pub fn is_ascending(codes: &[u32]) -> bool {
    let blocks = codes.len().div_ceil(BLOCK);
    // a block reads the first row of the next one, too
    let ascends = |block: usize| codes[block * BLOCK..((block + 1) * BLOCK + 1).min(codes.len())].is_sorted();
    (0..blocks).into_par_iter().all(ascends)
}

/// Numbers the runs of equal codes from 0, and says how many there are; no numbers if ascending codes below
/// `n_levels` are such numbers already.
pub fn number_runs(codes: &[u32], n_levels: usize) -> (Option<Vec<u32>>, usize) {
    let starts_run = |row: usize| u32::from(row > 0 && codes[row] != codes[row - 1]);
    let blocks = codes.len().div_ceil(BLOCK);
    let rows = |block: usize| block * BLOCK..((block + 1) * BLOCK).min(codes.len());
    let count = |block: usize| rows(block).map(starts_run).sum::<u32>();
    let starts: Vec<u32> = (0..blocks).into_par_iter().map(count).collect();
    let n_runs = if codes.is_empty() { 0 } else { starts.iter().sum::<u32>() as usize + 1 };
    if n_runs == n_levels {
        return (None, n_runs);
    }
    let before: Vec<u32> = starts.iter().scan(0, |sum, &n| Some(std::mem::replace(sum, *sum + n))).collect();
    let mut numbers = vec![0u32; codes.len()];
    numbers.par_chunks_mut(BLOCK).zip(before).enumerate().for_each(|(block, (numbers, mut run))| {
        for (number, row) in numbers.iter_mut().zip(rows(block)) {
            run += starts_run(row);
            *number = run;
        }
    });
    (Some(numbers), n_runs)
}

/// Rows in ascending order of their code (stable), and where each code starts (`n_levels + 1` entries).
pub fn sort_by_code(codes: &[u32], n_levels: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; n_levels + 1];
    codes.iter().for_each(|&code| starts[code as usize + 1] += 1);
    for level in 0..n_levels {
        starts[level + 1] += starts[level];
    }
    let mut next = starts.clone();
    let mut rows = vec![0u32; codes.len()];
    for (row, &code) in codes.iter().enumerate() {
        rows[next[code as usize] as usize] = row as u32;
        next[code as usize] += 1;
    }
    (rows, starts)
}

/// Codes of a numeric column with at most `limit` distinct values, and those values ascending; `None` if more.
pub fn code_numbers(values: &[f64], limit: usize) -> Option<(Vec<u32>, Vec<f64>)> {
    let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
    let mut distinct: Vec<f64> = Vec::new();
    let mut codes = Vec::with_capacity(values.len());
    for &value in values {
        let next = distinct.len() as u32;
        let code = *seen.entry((value + 0.0).to_bits()).or_insert(next);
        if code == next {
            if distinct.len() == limit {
                return None;
            }
            distinct.push(value + 0.0);
        }
        codes.push(code);
    }
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_by(|&a, &b| distinct[a as usize].total_cmp(&distinct[b as usize]));
    let mut rank = vec![0u32; distinct.len()];
    order.iter().enumerate().for_each(|(position, &i)| rank[i as usize] = position as u32);
    codes.iter_mut().for_each(|code| *code = rank[*code as usize]);
    Some((codes, order.iter().map(|&i| distinct[i as usize]).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_numbered_in_ascending_order() {
        let (codes, n) = combine(&[(&[1, 0, 1, 1], 2), (&[0, 2, 0, 1], 3)], 4);
        assert_eq!((codes, n), (vec![1, 0, 1, 2], 3));
        assert_eq!(combine(&[], 3), (vec![0, 0, 0], 1));
        assert_eq!(combine(&[], 0), (vec![], 0));
    }

    #[test]
    fn runs_are_numbered_unless_they_are() {
        assert_eq!(number_runs(&[0, 0, 1, 2, 2], 3), (None, 3));
        assert_eq!(number_runs(&[1, 1, 4, 6, 6], 7), (Some(vec![0, 0, 1, 2, 2]), 3));
        assert_eq!(number_runs(&[], 0), (None, 0));
        let long: Vec<u32> = (0..200_000).map(|i| i / 3 * 2).collect();
        let expected: Vec<u32> = (0..200_000).map(|i| i / 3).collect();
        assert_eq!(number_runs(&long, 200_000), (Some(expected), 66_667));
    }

    #[test]
    fn order_and_use_of_levels_are_seen() {
        let mut codes: Vec<u32> = (0..200_000).collect();
        assert!(is_ascending(&codes) && is_ascending(&[]) && is_ascending(&[0, 0, MISSING]));
        assert!(every_level_has_rows(&codes, 200_000) && !every_level_has_rows(&[0, MISSING, 2], 3));
        codes.swap(BLOCK - 1, BLOCK);
        assert!(!is_ascending(&codes));
    }

    #[test]
    fn wide_spaces_are_numbered_with_the_same_result() {
        let a: Vec<u32> = (0..5000).map(|i| (i * 7919) % 4001).collect();
        let b: Vec<u32> = (0..5000).map(|i| (i * 104_729) % 3001).collect();
        let (numbers, n) = combine(&[(&a, 4001), (&b, 3001)], 5000);
        let mut pairs: Vec<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(n, pairs.len());
        for row in 0..5000 {
            assert_eq!(pairs[numbers[row] as usize], (a[row], b[row]));
        }
    }

    #[test]
    fn counting_sort_is_stable() {
        let (rows, starts) = sort_by_code(&[1, 0, 1, 0], 2);
        assert_eq!((rows, starts), (vec![1, 3, 0, 2], vec![0, 2, 4]));
    }
}
