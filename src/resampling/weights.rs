//! Weights of the wild and score bootstraps: mean zero, variance one, one per draw and cluster.
//!
//! Rademacher (Davidson and Flachaire 2008): -1 or 1. Webb (2023): six points, for few clusters, where signs repeat.
//! Mammen (1993): two points with third moment one.

use super::philox::{Purpose, philox};

/// Draws handled side by side.
pub const LANES: usize = 16;
/// Draws whose signs one call of the generator gives.
pub const BLOCK: usize = 128;
/// Passes of [`LANES`] draws in a block.
pub const PASSES: usize = BLOCK / LANES;

/// One number per draw of a pass.
pub type Lanes = [f64; LANES];

/// Distribution of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// -1 and 1, each with probability 1/2.
    #[default]
    Rademacher,
    /// -sqrt(3/2), -1, -sqrt(1/2) and their opposites, each with probability 1/6.
    Webb,
    /// (1 - sqrt 5)/2 with probability (sqrt 5 + 1)/(2 sqrt 5), else (1 + sqrt 5)/2.
    Mammen,
}

impl Weights {
    /// The values a weight may take; codes are positions in it.
    pub fn support(self) -> &'static [f64] {
        const ROOT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
        const ROOT_THREE_HALVES: f64 = 1.224_744_871_391_589;
        const ROOT_FIVE: f64 = 2.236_067_977_499_79;
        match self {
            Weights::Rademacher => &[1.0, -1.0],
            Weights::Webb => &[-ROOT_THREE_HALVES, -1.0, -ROOT_HALF, ROOT_HALF, 1.0, ROOT_THREE_HALVES],
            Weights::Mammen => &[0.5 * (1.0 - ROOT_FIVE), 0.5 * (1.0 + ROOT_FIVE)],
        }
    }

    /// Position in the support that 32 random bits stand for.
    #[inline]
    fn code(self, bits: u32) -> u8 {
        // (sqrt 5 + 1)/(2 sqrt 5) of 2^32
        const MAMMEN: u32 = 3_107_867_532;
        match self {
            Weights::Rademacher => (bits & 1) as u8,
            Weights::Webb => ((u64::from(bits) * 6) >> 32) as u8,
            Weights::Mammen => u8::from(bits >= MAMMEN),
        }
    }
}

/// Where the weights of a bootstrap come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Distribution.
    pub weights: Weights,
    /// Seed.
    pub seed: u64,
    /// Whether the draws are all sign vectors in turn, rather than random.
    pub enumerate: bool,
}

impl Source {
    /// Weights for `draws` draws of `n_clusters` clusters, and the number of draws to make: signs are enumerated when
    /// there are no more vectors than draws.
    pub fn new(weights: Weights, seed: u64, draws: usize, n_clusters: usize) -> (Self, usize) {
        let vectors = u32::try_from(n_clusters).ok().and_then(|g| 1usize.checked_shl(g)).filter(|_| n_clusters < 60);
        let enumerate = weights == Weights::Rademacher && vectors.is_some_and(|vectors| vectors <= draws);
        (Source { weights, seed, enumerate }, if enumerate { vectors.unwrap_or(draws) } else { draws })
    }

    /// The weights of all clusters for the draws of a block. `identity` numbers the clusters by what they are.
    pub fn block(&self, block: usize, identity: &[u32]) -> Drawn {
        if self.weights == Weights::Rademacher {
            let mut bits: Vec<Vec<u16>> = vec![vec![0; identity.len()]; PASSES];
            for (position, &cluster) in identity.iter().enumerate() {
                let words = if self.enumerate {
                    self.vector_bits(block, position)
                } else {
                    philox(self.seed, [cluster, block as u32, Purpose::Rademacher as u32, 0])
                };
                for (pass, bits) in bits.iter_mut().enumerate() {
                    bits[position] = (words[pass / 2] >> (16 * (pass % 2))) as u16;
                }
            }
            return Drawn::Signs(bits);
        }
        let mut codes: Vec<Vec<[u8; LANES]>> = vec![vec![[0; LANES]; identity.len()]; PASSES];
        for (position, &cluster) in identity.iter().enumerate() {
            for (pass, codes) in codes.iter_mut().enumerate() {
                for (quad, slots) in codes[position].chunks_exact_mut(4).enumerate() {
                    let counter = (block * (BLOCK / 4) + pass * (LANES / 4) + quad) as u32;
                    let words = philox(self.seed, [cluster, counter, Purpose::Weight as u32, 0]);
                    slots.iter_mut().zip(words).for_each(|(slot, bits)| *slot = self.weights.code(bits));
                }
            }
        }
        let mut values = [0.0; 8];
        values[..self.weights.support().len()].copy_from_slice(self.weights.support());
        Drawn::Codes { codes, values }
    }

    /// The bits of one cluster in sign vectors `block * 128 ..`: bit g of the vector's number.
    fn vector_bits(&self, block: usize, position: usize) -> [u32; 4] {
        let mut words = [0u32; 4];
        for lane in 0..BLOCK {
            let bit = ((block * BLOCK + lane) as u64 >> position) & 1;
            words[lane / 32] |= (bit as u32) << (lane % 32);
        }
        words
    }
}

/// The weights of all clusters in a block of draws.
#[derive(Debug, Clone)]
pub enum Drawn {
    /// A bit per draw, set for -1; one vector per pass.
    Signs(Vec<Vec<u16>>),
    /// A code per draw; one vector per pass.
    Codes {
        /// Positions in the support.
        codes: Vec<Vec<[u8; LANES]>>,
        /// The support.
        values: [f64; 8],
    },
}

/// Weights of clusters in one pass.
pub trait Pass: Sync {
    /// The weights of the cluster at this position, one per draw.
    fn lanes(&self, cluster: usize) -> Lanes;
    /// Whether every weight squared is one.
    const UNIT: bool;
}

/// [`Drawn::Signs`] in one pass.
#[derive(Debug)]
pub struct Signs<'a>(pub &'a [u16]);

/// [`Drawn::Codes`] in one pass.
#[derive(Debug)]
pub struct Codes<'a>(pub &'a [[u8; LANES]], pub &'a [f64; 8]);

/// Four signs of every nibble.
const NIBBLES: [[f64; 4]; 16] = {
    let mut table = [[1.0; 4]; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut bit = 0;
        while bit < 4 {
            if (nibble >> bit) & 1 == 1 {
                table[nibble][bit] = -1.0;
            }
            bit += 1;
        }
        nibble += 1;
    }
    table
};

impl Pass for Signs<'_> {
    const UNIT: bool = true;

    #[inline(always)]
    fn lanes(&self, cluster: usize) -> Lanes {
        let bits = usize::from(self.0[cluster]);
        let mut lanes = [0.0; LANES];
        for quad in 0..LANES / 4 {
            lanes[4 * quad..4 * quad + 4].copy_from_slice(&NIBBLES[(bits >> (4 * quad)) & 15]);
        }
        lanes
    }
}

impl Pass for Codes<'_> {
    const UNIT: bool = false;

    #[inline(always)]
    fn lanes(&self, cluster: usize) -> Lanes {
        self.0[cluster].map(|code| self.1[usize::from(code & 7)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(source: &Source, blocks: usize, identity: &[u32]) -> Vec<f64> {
        let mut all = Vec::new();
        for block in 0..blocks {
            let drawn = source.block(block, identity);
            for pass in 0..PASSES {
                for cluster in 0..identity.len() {
                    all.extend(match &drawn {
                        Drawn::Signs(bits) => Signs(&bits[pass]).lanes(cluster),
                        Drawn::Codes { codes, values } => Codes(&codes[pass], values).lanes(cluster),
                    });
                }
            }
        }
        all
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let identity: Vec<u32> = (0..500).collect();
        // third and fourth moments of the exact distributions
        for (weights, third, fourth) in
            [(Weights::Rademacher, 0.0, 1.0), (Weights::Webb, 0.0, 7.0 / 6.0), (Weights::Mammen, 1.0, 2.0)]
        {
            let source = Source { weights, seed: 11, enumerate: false };
            let drawn = values(&source, 8, &identity);
            let n = drawn.len() as f64;
            let moment = |power: i32| drawn.iter().map(|v| v.powi(power)).sum::<f64>() / n;
            // standard errors of the sample moments are below 2.5/sqrt(n); five of them
            let allowed = 5.0 * 2.5 / n.sqrt();
            for (power, expected) in [(1, 0.0), (2, 1.0), (3, third), (4, fourth)] {
                let found = moment(power);
                assert!((found - expected).abs() < allowed, "{weights:?} moment {power}: {found}");
            }
            assert!(drawn.iter().all(|v| weights.support().contains(v)));
            assert!(weights.support().iter().all(|v| drawn.contains(v)), "{weights:?}: the whole support occurs");
            let clusters_apart = |a: usize, b: usize| {
                let pair = |pass: usize| (0..LANES).map(move |l| (pass * 500 * LANES, l));
                let products =
                    (0..8 * PASSES).flat_map(pair).map(|(at, l)| drawn[at + a * LANES + l] * drawn[at + b * LANES + l]);
                products.sum::<f64>() / 1024.0
            };
            assert!(
                (0..40).all(|a| clusters_apart(a, a + 1).abs() < 5.0 * 2.0 / 32.0),
                "{weights:?}: clusters are independent"
            );
        }
    }

    #[test]
    fn exact_supports_have_mean_zero_and_variance_one() {
        let root_five = 5.0_f64.sqrt();
        let low = (root_five + 1.0) / (2.0 * root_five);
        for (weights, probability) in [
            (Weights::Rademacher, vec![0.5; 2]),
            (Weights::Webb, vec![1.0 / 6.0; 6]),
            (Weights::Mammen, vec![low, 1.0 - low]),
        ] {
            let moment = |power: i32| -> f64 {
                weights.support().iter().zip(&probability).map(|(v, p)| p * v.powi(power)).sum()
            };
            assert!(moment(1).abs() < 1e-15 && (moment(2) - 1.0).abs() < 1e-15, "{weights:?}");
        }
        // the threshold of 32 bits is the probability to their precision
        let below = (0..1u64 << 20).filter(|i| Weights::Mammen.code((i << 12) as u32) == 0).count() as f64;
        assert!((below / (1u64 << 20) as f64 - low).abs() < 1e-6);
    }

    #[test]
    fn a_weight_belongs_to_its_cluster_and_its_seed() {
        for weights in [Weights::Rademacher, Weights::Webb, Weights::Mammen] {
            let source = Source { weights, seed: 3, enumerate: false };
            let (all, some) = (source.block(2, &[4, 9, 7]), source.block(2, &[7, 4]));
            let at = |drawn: &Drawn, pass: usize, cluster: usize| match drawn {
                Drawn::Signs(bits) => Signs(&bits[pass]).lanes(cluster),
                Drawn::Codes { codes, values } => Codes(&codes[pass], values).lanes(cluster),
            };
            let same = |a: usize, b: usize| (0..PASSES).all(|pass| at(&all, pass, a) == at(&some, pass, b));
            assert!(same(2, 0) && same(0, 1) && !same(1, 0));
            let other = Source { seed: 4, ..source }.block(2, &[4, 9, 7]);
            assert!((0..PASSES).any(|pass| at(&other, pass, 0) != at(&all, pass, 0)));
        }
    }

    #[test]
    fn few_clusters_are_enumerated() {
        let (source, draws) = Source::new(Weights::Rademacher, 1, 100, 6);
        assert!(source.enumerate && draws == 64);
        assert!(!Source::new(Weights::Rademacher, 1, 63, 6).0.enumerate);
        assert!(!Source::new(Weights::Webb, 1, 1000, 6).0.enumerate);
        assert!(!Source::new(Weights::Rademacher, 1, 1000, 200_000).0.enumerate);
        let Drawn::Signs(bits) = source.block(0, &[5, 6, 7, 8, 9, 10]) else { panic!("signs") };
        let mut vectors: Vec<u32> =
            (0..64).map(|draw| (0..6).map(|g| u32::from(bits[draw / 16][g] >> (draw % 16) & 1) << g).sum()).collect();
        vectors.sort_unstable();
        assert_eq!(vectors, (0..64).collect::<Vec<u32>>());
    }
}
