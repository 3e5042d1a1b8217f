//! Numbering keys too wide for a table with a slot for each: rows go into buckets by the high bits of their key, then
//! each bucket is sorted by the rest, in the cache and in parallel.
//!
//! An entry holds the rest of the key above the row: entries of equal keys are neighbours once sorted.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows that one task spreads over the buckets; results do not depend on it.
const BLOCK: usize = 1 << 18;

/// Bits that choose the bucket: 2048 of them.
const BUCKET_BITS: u32 = 11;

/// Bits of a key that fit into an entry above the row.
const REST_BITS: u32 = 32;

/// Numbers the distinct keys of the rows (all below `bound`) in ascending order; says how many there are.
pub fn number(key: &(impl Fn(usize) -> u64 + Sync + Send), n_rows: usize, bound: u64) -> (Vec<u32>, usize) {
    let Some(buckets) = sorted(key, n_rows, bound) else { return by_hash(key, n_rows) };
    let distinct: Vec<u32> =
        buckets.par_iter().map(|bucket| numbered(bucket).last().map_or(0, |(number, _)| number + 1)).collect();
    let before: Vec<u32> = distinct.iter().scan(0, |sum, &n| Some(std::mem::replace(sum, *sum + n))).collect();
    let numbers: Vec<AtomicU32> = vec![0u32; n_rows].into_iter().map(AtomicU32::new).collect();
    buckets.par_iter().zip(before).for_each(|(bucket, before)| {
        numbered(bucket).for_each(|(number, row)| numbers[row].store(before + number, Ordering::Relaxed));
    });
    let n = distinct.iter().map(|&n| n as usize).sum();
    (numbers.into_iter().map(AtomicU32::into_inner).collect(), n)
}

/// Number of the key within its bucket, and row, of each entry.
fn numbered(bucket: &[u64]) -> impl Iterator<Item = (u32, usize)> + '_ {
    let mut number = 0;
    bucket.iter().enumerate().map(move |(at, &entry)| {
        if at > 0 && bucket[at - 1] >> 32 != entry >> 32 {
            number += 1;
        }
        (number, entry as u32 as usize)
    })
}

/// Entries in buckets that ascend, sorted within each.
fn sorted(key: &(impl Fn(usize) -> u64 + Sync + Send), n_rows: usize, bound: u64) -> Option<Vec<Vec<u64>>> {
    let bits = u64::BITS - bound.saturating_sub(1).leading_zeros();
    let shift = bits.saturating_sub(BUCKET_BITS);
    if shift > REST_BITS {
        return None;
    }
    let n_buckets = (bound.saturating_sub(1) >> shift) as usize + 1;
    let spread = |block: usize| {
        let rows = block * BLOCK..((block + 1) * BLOCK).min(n_rows);
        let mut starts = vec![0u32; n_buckets + 1];
        let keys: Vec<u64> = rows.clone().map(key).collect();
        keys.iter().for_each(|&key| starts[(key >> shift) as usize + 1] += 1);
        (0..n_buckets).for_each(|bucket| starts[bucket + 1] += starts[bucket]);
        let mut next = starts.clone();
        let mut entries = vec![0u64; rows.len()];
        for (row, key) in rows.zip(keys) {
            let place = &mut next[(key >> shift) as usize];
            entries[*place as usize] = (key & ((1 << shift) - 1)) << 32 | row as u64;
            *place += 1;
        }
        (starts, entries)
    };
    let blocks: Vec<(Vec<u32>, Vec<u64>)> = (0..n_rows.div_ceil(BLOCK)).into_par_iter().map(spread).collect();
    let collect = |bucket: usize| {
        let part = |(starts, _): &(Vec<u32>, Vec<u64>)| starts[bucket] as usize..starts[bucket + 1] as usize;
        let mut all = Vec::with_capacity(blocks.iter().map(|block| part(block).len()).sum());
        blocks.iter().for_each(|block| all.extend_from_slice(&block.1[part(block)]));
        all.sort_unstable(); // entries are distinct: they hold the row
        all
    };
    Some((0..n_buckets).into_par_iter().map(collect).collect())
}

/// Keys too wide even for buckets.
fn by_hash(key: &impl Fn(usize) -> u64, n_rows: usize) -> (Vec<u32>, usize) {
    let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
    let mut distinct = Vec::new();
    let first_seen: Vec<u32> = (0..n_rows)
        .map(|row| {
            let key = key(row);
            *seen.entry(key).or_insert_with(|| {
                distinct.push(key);
                (distinct.len() - 1) as u32
            })
        })
        .collect();
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by_key(|&i| distinct[i as usize]);
    let mut rank = vec![0u32; distinct.len()];
    order.iter().enumerate().for_each(|(position, &i)| rank[i as usize] = position as u32);
    (first_seen.iter().map(|&i| rank[i as usize]).collect(), distinct.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_hash_agree() {
        let n = 600_000;
        let keys: Vec<u64> =
            (0..n as u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 90_000 * 1_000_003).collect();
        let bound = 90_000 * 1_000_003;
        let key = |row: usize| keys[row];
        assert!(sorted(&key, n, bound).is_some());
        assert_eq!(number(&key, n, bound), by_hash(&key, n));
    }

    #[test]
    fn ends_of_the_range_are_kept() {
        let keys = [u64::MAX - 1, 0, u64::MAX - 1, 5];
        assert_eq!(number(&|row| keys[row], 4, u64::MAX), (vec![2, 0, 2, 1], 3));
        let narrow = [(1 << 43) - 1, 0, 1 << 32];
        assert_eq!(number(&|row| narrow[row], 3, 1 << 43), (vec![2, 0, 1], 3));
        assert_eq!(number(&|_| 0, 0, 1), (vec![], 0));
    }
}
