//! Parallel sums with the same bits for any number of threads.
//!
//! Work is cut into blocks whose size is part of the result's definition, never derived from the thread count;
//! each block is summed in order, and the block results are combined in order.
//! Every parallel floating-point reduction of the crate goes through here.

use rayon::prelude::*;

/// Rows per block. Large enough that a block amortises its scheduling, small enough to balance two threads.
pub const BLOCK: usize = 32_768;

/// Blocks summed before their results are combined; bounds memory, and does not change the result.
const WAVE: usize = 16;

/// Maps each block `start..end` of `0..n` and adds the resulting vectors (all of length `len`) in block order.
pub fn sum_blocks<F>(n: usize, len: usize, map: F) -> Vec<f64>
where
    F: Fn(std::ops::Range<usize>) -> Vec<f64> + Sync,
{
    sum_blocks_of(BLOCK, n, len, map)
}

/// [`sum_blocks`] with blocks of another size, which must follow from the problem alone.
pub fn sum_blocks_of<F>(block: usize, n: usize, len: usize, map: F) -> Vec<f64>
where
    F: Fn(std::ops::Range<usize>) -> Vec<f64> + Sync,
{
    if n <= block {
        return if n == 0 { vec![0.0; len] } else { map(0..n) };
    }
    let n_blocks = n.div_ceil(block);
    let mut total = vec![0.0; len];
    // a wave at a time: the parts of all blocks of a large table would not fit in memory
    for first in (0..n_blocks).step_by(WAVE) {
        let blocks = first..(first + WAVE).min(n_blocks);
        let parts: Vec<Vec<f64>> = blocks.into_par_iter().map(|b| map(b * block..((b + 1) * block).min(n))).collect();
        for part in parts {
            total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let values: Vec<f64> = (0..200_000).map(|i| ((i * 7919) % 1000) as f64 * 1e-3 + 1e-9 * i as f64).collect();
        let total = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sum_blocks(values.len(), 1, |rows| vec![values[rows].iter().sum::<f64>()])[0].to_bits())
        };
        assert!([2, 3, 8].iter().all(|&threads| total(threads) == total(1)));
    }
}
