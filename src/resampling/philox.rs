//! Random bits as a function of what they are for: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011).
//!
//! A stream is a function of a key and a counter, so any draw of any cluster can be had on its own, in any order, by any
//! thread, and two programs that agree on the counters agree on the draws.

const MULTIPLIERS: (u32, u32) = (0xD251_1F53, 0xCD9E_8D57);
const WEYL: (u32, u32) = (0x9E37_79B9, 0xBB67_AE85);
const ROUNDS: usize = 10;

/// 128 random bits of a key and a counter.
#[inline]
pub fn philox(key: u64, counter: [u32; 4]) -> [u32; 4] {
    let (mut k0, mut k1) = (key as u32, (key >> 32) as u32);
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for _ in 0..ROUNDS {
        let a = u64::from(MULTIPLIERS.0) * u64::from(c0);
        let b = u64::from(MULTIPLIERS.1) * u64::from(c2);
        (c0, c1, c2, c3) = ((b >> 32) as u32 ^ c1 ^ k0, b as u32, (a >> 32) as u32 ^ c3 ^ k1, a as u32);
        k0 = k0.wrapping_add(WEYL.0);
        k1 = k1.wrapping_add(WEYL.1);
    }
    [c0, c1, c2, c3]
}

/// A number in (0, 1) with 52 bits, never 0 or 1.
#[inline]
pub fn uniform(high: u32, low: u32) -> f64 {
    let bits = (u64::from(high) << 20) | u64::from(low >> 12);
    (bits as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// What a stream of bits is for: part of the counter, so that no two uses share draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Signs of clusters.
    Rademacher = 1,
    /// Other weights of clusters.
    Weight = 2,
    /// How often a cluster is drawn.
    Count = 3,
    /// Order of a permutation.
    Order = 4,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // the known-answer vectors published with the generator (Random123, philox4x32, 10 rounds)
        assert_eq!(philox(0, [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox(u64::MAX, [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox(0x299f_31d0_a409_3822, counter), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn uniform_numbers_stay_inside() {
        assert!(uniform(0, 0) > 0.0 && uniform(u32::MAX, u32::MAX) < 1.0);
    }
}
