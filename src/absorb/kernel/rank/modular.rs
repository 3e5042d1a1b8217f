//! Gaussian elimination of vectors, one after the other, modulo the prime 2^61 - 1.

use std::ops::Range;

/// The prime.
pub const PRIME: u64 = (1 << 61) - 1;

/// `a + b`.
#[inline]
pub fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

/// `a - b`.
#[inline]
pub fn subtract(a: u64, b: u64) -> u64 {
    add(a, PRIME - b)
}

/// `a b`.
#[inline]
pub fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    add((product as u64) & PRIME, (product >> 61) as u64)
}

/// `1 / a`, by Fermat.
fn inverse(a: u64) -> u64 {
    let (mut result, mut base, mut exponent) = (1, a, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    result
}

/// Independent vectors in echelon form: each begins further right than those that pivot before it.
///
/// The vectors that begin within the first k columns are as many as the rank of these columns.
#[derive(Debug)]
pub struct Echelon {
    /// The vector that begins at each column, from there on, its first number 1.
    rows: Vec<Option<Vec<u64>>>,
    rank: usize,
}

impl Echelon {
    /// No vector yet, of `width` columns.
    pub fn new(width: usize) -> Self {
        Echelon { rows: vec![None; width], rank: 0 }
    }

    /// Number of vectors.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of vectors that begin in these columns.
    pub fn rank_of(&self, columns: Range<usize>) -> usize {
        self.rows[columns].iter().flatten().count()
    }

    /// Adds a vector if it is independent of the others; says whether it was. `vector` is overwritten.
    pub fn insert(&mut self, vector: &mut [u64]) -> bool {
        for column in 0..vector.len() {
            let first = vector[column];
            if first == 0 {
                continue;
            }
            let Some(row) = &self.rows[column] else {
                let scale = inverse(first);
                self.rows[column] = Some(vector[column..].iter().map(|&value| multiply(value, scale)).collect());
                self.rank += 1;
                return true;
            };
            let minus = PRIME - first;
            for (value, &other) in vector[column..].iter_mut().zip(row) {
                *value = add(*value, multiply(other, minus));
            }
        }
        false
    }
}
