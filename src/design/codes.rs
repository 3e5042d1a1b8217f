//! Arithmetic on code vectors: interactions, compact numbering, counting sort.

use rustc_hash::FxHashMap;

/// Largest address space numbered through a table instead of a hash map: 16 MiB of `u32`.
const DIRECT_LIMIT: u64 = 1 << 22;

/// Numbers the distinct combinations of several code vectors `0..n` in ascending order of (first, second, ...).
///
/// Returns one number per row and how many there are. Each input is `(codes, number of levels)`.
/// With no input every row gets number 0.
pub fn combine(inputs: &[(&[u32], usize)], n_rows: usize) -> (Vec<u32>, usize) {
    let mut current: Vec<u32> = vec![0; n_rows];
    let mut levels = u64::from(n_rows > 0);
    let mut key: Vec<u64> = Vec::new();
    let mut pending = false;
    // multiply keys up as long as they stay cheap to number; compact when they would not
    for (codes, n_levels) in inputs {
        let width = (*n_levels).max(1) as u64;
        if pending && levels.saturating_mul(width) > DIRECT_LIMIT {
            (current, levels) = compact(&key, levels);
            pending = false;
        }
        if pending {
            key.iter_mut().zip(*codes).for_each(|(key, &code)| *key = *key * width + u64::from(code));
        } else {
            key = current.iter().zip(*codes).map(|(&high, &code)| u64::from(high) * width + u64::from(code)).collect();
        }
        levels = levels.saturating_mul(width);
        pending = true;
    }
    if pending {
        (current, levels) = compact(&key, levels);
    }
    (current, levels as usize)
}

/// Numbers the distinct keys (all below `bound`) in ascending order.
fn compact(keys: &[u64], bound: u64) -> (Vec<u32>, u64) {
    if bound <= DIRECT_LIMIT {
        let mut table = vec![0u32; bound as usize];
        keys.iter().for_each(|&key| table[key as usize] = 1);
        let mut next = 0;
        for slot in &mut table {
            let present = *slot;
            *slot = next;
            next += present;
        }
        return (keys.iter().map(|&key| table[key as usize]).collect(), u64::from(next));
    }
    let mut number: FxHashMap<u64, u32> = FxHashMap::default();
    let mut distinct = Vec::new();
    let first_seen: Vec<u32> = keys
        .iter()
        .map(|&key| {
            *number.entry(key).or_insert_with(|| {
                distinct.push(key);
                (distinct.len() - 1) as u32
            })
        })
        .collect();
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by_key(|&i| distinct[i as usize]);
    let mut rank = vec![0u32; distinct.len()];
    order.iter().enumerate().for_each(|(position, &i)| rank[i as usize] = position as u32);
    (first_seen.iter().map(|&i| rank[i as usize]).collect(), distinct.len() as u64)
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
    fn wide_spaces_are_hashed_with_the_same_result() {
        let a: Vec<u32> = (0..5000).map(|i| (i * 7919) % 4001).collect();
        let b: Vec<u32> = (0..5000).map(|i| (i * 104_729) % 3001).collect();
        let (hashed, n) = combine(&[(&a, 4001), (&b, 3001)], 5000);
        let mut pairs: Vec<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(n, pairs.len());
        for row in 0..5000 {
            assert_eq!(pairs[hashed[row] as usize], (a[row], b[row]));
        }
    }

    #[test]
    fn counting_sort_is_stable() {
        let (rows, starts) = sort_by_code(&[1, 0, 1, 0], 2);
        assert_eq!((rows, starts), (vec![1, 3, 0, 2], vec![0, 2, 4]));
    }
}
