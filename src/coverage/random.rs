//! Random numbers of the study: one stream per draw, the same for any number of threads.
//!
//! SplitMix64 (Steele, Lea and Flood 2014); streams start at mixed positions of the seed and the draw.

/// A stream.
#[derive(Debug, Clone)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a draw.
    pub fn new(seed: u64, draw: u64) -> Self {
        let mut stream =
            Stream { state: mix(seed ^ 0x6A09_E667_F3BC_C909) ^ mix(draw.wrapping_add(0xBB67_AE85_84CA_A73B)) };
        stream.next();
        stream
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Uniform on (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) * 2f64.powi(-53)
    }

    /// Position in cumulated shares that end with 1.
    pub fn pick(&mut self, cumulated: &[f64]) -> usize {
        let u = self.uniform();
        cumulated.partition_point(|&share| share < u).min(cumulated.len() - 1)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn uniforms_have_their_moments_and_streams_differ() {
        let mut stream = Stream::new(7, 3);
        let draws: Vec<f64> = (0..100_000).map(|_| stream.uniform()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let square = draws.iter().map(|u| (u - 0.5).powi(2)).sum::<f64>() / 1e5;
        let lag = draws.windows(2).map(|pair| (pair[0] - 0.5) * (pair[1] - 0.5)).sum::<f64>() / 1e5;
        // four standard errors
        assert!((mean - 0.5).abs() < 4.0 * 0.2887 / 316.0, "{mean}");
        assert!((square - 1.0 / 12.0).abs() < 4.0 * 0.0745 / 316.0, "{square}");
        assert!(lag.abs() < 4.0 / 12.0 / 316.0, "{lag}");
        let other: Vec<f64> = (0..4).map(|draw| Stream::new(7, draw).uniform()).collect();
        assert!(other.windows(2).all(|pair| (pair[0] - pair[1]).abs() > 1e-6));
        assert_eq!(Stream::new(7, 3).uniform(), draws[0]);
    }
}
