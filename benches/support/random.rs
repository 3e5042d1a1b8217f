//! What benchmarks and studies draw their tables with.

/// A small deterministic generator (splitmix64): benchmarks need no statistical quality.
pub struct Random(pub u64);

impl Random {
    /// A number in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A level below `n`; with a `skew` above one lower ones come more often.
    pub fn level(&mut self, n: usize, skew: f64) -> u32 {
        (self.uniform().powf(skew) * n as f64) as u32
    }
}
