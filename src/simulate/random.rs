//! Random numbers that are the same on every machine: ChaCha streams addressed by (seed, purpose, index).
//!
//! Each row of each purpose owns a fixed block of [`DRAWS_PER_INDEX`] numbers of one ChaCha8 stream, found by seeking.
//! No row depends on how many numbers another one took, so neither the number of threads nor the order of work matters.
//! Every function of a real number comes from `libm` or from the polynomials below, never from the platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Numbers one (purpose, index) may take; a test of the widest purpose guards it.
pub const DRAWS_PER_INDEX: usize = 32;

/// 32-bit words of ChaCha output per index.
const WORDS_PER_INDEX: u128 = 2 * DRAWS_PER_INDEX as u128;

/// What a stream is for; its number is part of the address and must never be reused for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which user each row belongs to.
    Order = 1,
    /// Lasting traits of users.
    User = 2,
    /// Month, work, value, occupations and expertise of sessions.
    Labels = 3,
    /// Outcome and the two signals.
    Outcomes = 4,
    /// Telemetry and decision shares.
    Telemetry = 5,
}

/// The numbers of one (seed, purpose, index), in a fixed order.
pub struct Draws {
    generator: ChaCha8Rng,
}

impl Draws {
    /// Opens a purpose; [`Draws::seek`] moves to an index. Starts at index 0.
    pub fn open(seed: u64, purpose: Purpose) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..24].copy_from_slice(b"metier simulate ");
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(purpose as u64);
        Draws { generator }
    }

    /// Moves to the block of an index.
    pub fn seek(&mut self, index: usize) -> &mut Self {
        self.generator.set_word_pos(index as u128 * WORDS_PER_INDEX);
        self
    }

    /// A uniform number in the open interval (0, 1), with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        ((self.generator.next_u64() >> 11) as f64 + 0.5) * STEP
    }

    /// A standard normal number: one uniform through the inverse distribution function.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// A normal number of variance one that shares the part `share` of its variance with the given trait.
    pub fn correlated(&mut self, common: f64, share: f64) -> f64 {
        share.sqrt() * common + (1.0 - share).sqrt() * self.normal()
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.generator.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A logistic number.
    pub fn logistic(&mut self) -> f64 {
        let uniform = self.uniform();
        libm::log(uniform / (1.0 - uniform))
    }
}

/// A discrete distribution, drawn by inversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    ends: Vec<f64>,
}

impl Mix {
    /// Normalizes the weights.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let mut ends: Vec<f64> = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        ends.iter_mut().for_each(|end| *end /= sum);
        Mix { ends }
    }

    /// The class that a uniform number falls into.
    pub fn draw(&self, uniform: f64) -> u8 {
        self.ends.iter().take(self.ends.len() - 1).filter(|&&end| end <= uniform).count() as u8
    }

    /// Probabilities of the classes.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.ends.iter().scan(0.0, |start, &end| {
            let weight = end - *start;
            *start = end;
            Some(weight)
        })
    }

    /// The class, and how far into it the uniform number lies, from 0 to 1.
    pub fn draw_within(&self, uniform: f64) -> (u8, f64) {
        let class = self.draw(uniform);
        let start = if class == 0 { 0.0 } else { self.ends[class as usize - 1] };
        (class, (uniform - start) / (self.ends[class as usize] - start))
    }
}

/// Distribution function of the standard normal.
pub fn normal_probability(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Inverse of [`normal_probability`], relative error about 1e-16 (Wichura 1988, algorithm AS 241, PPND16).
pub fn normal_quantile(probability: f64) -> f64 {
    let centered = probability - 0.5;
    if centered.abs() <= 0.425 {
        let r = 0.180625 - centered * centered;
        return centered * ratio(&CENTRAL, r);
    }
    let tail = if centered < 0.0 { probability } else { 1.0 - probability };
    let r = (-libm::log(tail)).sqrt();
    let magnitude = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    if centered < 0.0 { -magnitude } else { magnitude }
}

/// Ratio of two polynomials of degree seven, coefficients from the constant up.
fn ratio(coefficients: &[[f64; 8]; 2], r: f64) -> f64 {
    let [above, below] = coefficients.map(|c| c.iter().rev().fold(0.0, |sum, &coefficient| sum * r + coefficient));
    above / below
}

const CENTRAL: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_545e3,
    ],
];

const MIDDLE: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_inverts_the_probability() {
        for step in 1..2000 {
            let z = -8.0 + 16.0 * f64::from(step) / 2000.0;
            if z < 5.0 {
                let back = normal_quantile(normal_probability(z));
                assert!((back - z).abs() < 1e-9 * (1.0 + libm::exp(z * z / 2.0) * 1e-6), "{z} {back}");
            }
        }
        assert_eq!(normal_quantile(0.5), 0.0);
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    #[test]
    fn an_index_does_not_depend_on_what_was_drawn_before() {
        let mut draws = Draws::open(7, Purpose::Labels);
        let direct: Vec<f64> = (0..3).map(|_| draws.seek(5).uniform()).collect();
        assert_eq!(direct[0], direct[2]);
        draws.seek(4);
        for _ in 0..DRAWS_PER_INDEX {
            draws.uniform();
        }
        assert_eq!(draws.uniform(), direct[0], "blocks are adjacent");
        assert_ne!(Draws::open(7, Purpose::User).seek(5).uniform(), direct[0]);
    }

    #[test]
    fn a_mix_is_drawn_by_inversion() {
        let mix = Mix::new([1.0, 0.0, 3.0]);
        assert_eq!([0.1, 0.25, 0.99].map(|uniform| mix.draw(uniform)), [0, 2, 2]);
        assert_eq!(mix.draw_within(0.625), (2, 0.5));
    }
}
