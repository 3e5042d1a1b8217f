//! Normal and t draws that depend on a seed and a number alone, so that any thread may make any of them.
//!
//! The generator is [`philox`]: the n-th block of numbers is a function of
//! (seed, draw, n). Normals by the polar form of Box and Muller, chi-squares by Marsaglia and Tsang (2000). Functions are
//! those of `libm`, so that bits do not depend on the platform either.

use crate::resampling::philox::philox;

/// Numbers of one draw.
#[derive(Debug, Clone)]
pub struct Stream {
    seed: u64,
    draw: u64,
    block: u32,
    spare: Option<f64>,
}

impl Stream {
    /// The stream of a draw.
    pub fn new(seed: u64, draw: u64) -> Self {
        Stream { seed, draw, block: 0, spare: None }
    }

    fn next_block(&mut self) -> [u32; 4] {
        let counter = [self.draw as u32, (self.draw >> 32) as u32, self.block, 0];
        self.block += 1;
        philox(self.seed, counter)
    }

    /// Two independent uniforms in (0, 1), with 53 bits.
    fn uniforms(&mut self) -> (f64, f64) {
        let [a, b, c, d] = self.next_block();
        let join = |high: u32, low: u32| ((u64::from(high) << 32 | u64::from(low)) >> 11) as f64;
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        ((join(a, b) + 0.5) * UNIT, (join(c, d) + 0.5) * UNIT)
    }

    /// A standard normal.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (u, v) = self.uniforms();
        let radius = (-2.0 * libm::log(u)).sqrt();
        let (sin, cos) = libm::sincos(2.0 * std::f64::consts::PI * v);
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// A chi-square with `df` degrees of freedom.
    pub fn chi_square(&mut self, df: f64) -> f64 {
        let shape = 0.5 * df;
        // below one: of shape + 1, times a power of a uniform
        let boost = if shape < 1.0 { libm::pow(self.uniforms().0, 1.0 / shape) } else { 1.0 };
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = self.uniforms().0;
            if libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return 2.0 * d * v * boost;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_numbers_of_its_authors() {
        // known answers of the Random123 distribution
        assert_eq!(philox(0, [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox(u64::MAX, [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let known = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
        assert_eq!(philox(0x299f_31d0_a409_3822, pi), known);
    }

    #[test]
    fn moments_of_normals_and_chi_squares() {
        let n = 20_000;
        let mut sums = [0.0; 5];
        for draw in 0..n {
            let mut stream = Stream::new(7, draw);
            let (x, y) = (stream.normal(), stream.normal());
            let (few, many) = (stream.chi_square(1.0), stream.chi_square(30.0));
            [x, x * x, x * y, few, many].iter().zip(&mut sums).for_each(|(value, sum)| *sum += value);
        }
        let means = sums.map(|sum| sum / n as f64);
        // five standard errors of each mean
        let (limits, expected) =
            ([1.0, std::f64::consts::SQRT_2, 1.0, std::f64::consts::SQRT_2, 7.746], [0.0, 1.0, 0.0, 1.0, 30.0]);
        for ((mean, limit), expected) in means.iter().zip(limits).zip(expected) {
            assert!((mean - expected).abs() < 5.0 * limit / (n as f64).sqrt(), "{mean} {expected}");
        }
    }
}
