//! Standard errors of the differences between all pairs of specifications, small enough for a page.
//!
//! A pair's error is kept as a whole number on a logarithmic scale, so that its relative rounding is the same for small
//! and large ones: code 0 where there is none, 1 where it is next to nothing, and 2 + k for
//! `low * exp(k * step)`. Codes are stored as differences from the one before in the row, bytes of one rank together,
//! which compress well (zlib), and as base64 text.

use std::io::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::ZlibEncoder};
use rayon::prelude::*;
use serde::Serialize;

use crate::curve::Curve;

/// Codes that are not errors.
const RESERVED: u32 = 2;
const NONE: u16 = 0;
const TINY: u16 = 1;

/// How many bits the codes of the effect and those of a rate have, the best first; no bits: they are left out.
const LADDER: [(u32, u32); 9] = [(16, 16), (16, 14), (16, 12), (14, 11), (14, 10), (12, 9), (12, 8), (10, 0), (8, 0)];

/// The errors of one number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Packed {
    /// Bits of a code.
    pub bits: u32,
    /// Smallest error that has a code.
    pub low: f64,
    /// Natural logarithm of the ratio of neighbouring errors.
    pub step: f64,
    /// Base64 of the zlib stream: for each position from 1 the codes with the positions before it; low bytes, then high
    /// bytes where there are more than eight bits.
    pub data: String,
}

impl Packed {
    /// Largest relative rounding.
    pub fn rounding(&self) -> f64 {
        (self.step / 2.0).exp_m1()
    }
}

/// The errors of all numbers within a budget of bytes; `None` where a number had to be left out.
pub fn pack(curve: &Curve, positions: usize, budget: usize) -> Vec<Option<Packed>> {
    let errors: Vec<Vec<f64>> =
        (0..curve.numbers.len()).into_par_iter().map(|number| errors(curve, number, positions)).collect();
    for (effect, rate) in LADDER {
        let bits = |number: usize| if number == 0 { effect } else { rate };
        let coded: Vec<Option<Coded>> = errors
            .par_iter()
            .enumerate()
            .map(|(number, errors)| (bits(number) > 0).then(|| Coded::new(errors, positions, bits(number))))
            .collect();
        if coded.iter().flatten().map(Coded::expected_size).sum::<f64>() > 1.02 * budget as f64 {
            continue;
        }
        let packed: Vec<Option<Packed>> = coded.into_par_iter().map(|coded| coded.map(Coded::packed)).collect();
        if packed.iter().flatten().map(|packed| packed.data.len()).sum::<usize>() <= budget {
            return packed;
        }
    }
    vec![None; curve.numbers.len()]
}

/// Errors below the diagonal, row by row: not a number where there is none, zero where it is too small to tell.
fn errors(curve: &Curve, number: usize, positions: usize) -> Vec<f64> {
    /// Differences with an error below this share of the larger of the two own errors are the same number but for
    /// rounding; a scale that reached down to them would be coarse for all others.
    const SMALLEST: f64 = 1e-4;
    let covariances = &curve.covariances[number];
    let at = |i: usize, j: usize| covariances[i * (i + 1) / 2 + j];
    (1..positions)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| {
            let (a, b) = (at(i, i), at(j, j));
            let variance = a + b - 2.0 * at(i, j);
            let least = SMALLEST * SMALLEST * a.max(b);
            if variance.is_nan() || variance > least { variance.sqrt() } else { 0.0 }
        })
        .collect()
}

/// Codes as differences, in bytes of one rank.
struct Coded {
    bits: u32,
    low: f64,
    step: f64,
    ranks: Vec<Vec<u8>>,
}

impl Coded {
    fn new(errors: &[f64], positions: usize, bits: u32) -> Self {
        let sizes = errors.iter().copied().filter(|error| *error > 0.0 && error.is_finite());
        let (low, high) =
            sizes.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), error| (low.min(error), high.max(error)));
        let low = if low.is_finite() { low } else { 1.0 };
        let last = (1u32 << bits) - 1 - RESERVED;
        let step = if high > low { (high / low).ln() / f64::from(last) } else { 0.0 };
        let code = |error: f64| {
            if !error.is_finite() {
                NONE
            } else if error <= 0.0 {
                TINY
            } else if step == 0.0 {
                RESERVED as u16
            } else {
                (RESERVED + (((error / low).ln() / step).round() as u32).min(last)) as u16
            }
        };
        let mask = ((1u32 << bits) - 1) as u16;
        let mut ranks = vec![Vec::with_capacity(errors.len()); if bits > 8 { 2 } else { 1 }];
        let mut rest = errors.iter();
        for row in 1..positions {
            let mut before = 0u16;
            for error in rest.by_ref().take(row) {
                let own = code(*error);
                let difference = own.wrapping_sub(before) & mask;
                before = own;
                for (rank, bytes) in ranks.iter_mut().enumerate() {
                    bytes.push((difference >> (8 * rank)) as u8);
                }
            }
        }
        Coded { bits, low, step, ranks }
    }

    /// Bytes of the text, by the entropy of single bytes (Shannon 1948): what compression will about reach.
    fn expected_size(&self) -> f64 {
        let entropy = |bytes: &[u8]| {
            let mut counts = [0u32; 256];
            bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
            let total = bytes.len() as f64;
            let seen = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count));
            seen.map(|count| -count * (count / total).log2()).sum::<f64>() / 8.0
        };
        self.ranks.iter().map(|bytes| entropy(bytes)).sum::<f64>() * 4.0 / 3.0
    }

    fn packed(self) -> Packed {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        // writing to memory cannot fail
        let written = self.ranks.iter().try_for_each(|bytes| encoder.write_all(bytes)).and_then(|()| encoder.finish());
        let data = BASE64_STANDARD.encode(written.unwrap_or_default());
        Packed { bits: self.bits, low: self.low, step: self.step, data }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::curve::fixture::curve;

    /// The codes of a number, as the page reads them.
    fn unpacked(packed: &Packed, positions: usize) -> Vec<u16> {
        let bytes = BASE64_STANDARD.decode(&packed.data).unwrap();
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        let pairs = positions * (positions - 1) / 2;
        assert_eq!(plain.len(), pairs * if packed.bits > 8 { 2 } else { 1 });
        let mask = ((1u32 << packed.bits) - 1) as u16;
        let mut codes = Vec::new();
        for row in 1..positions {
            let mut before = 0u16;
            for _ in 0..row {
                let at = codes.len();
                let high = if packed.bits > 8 { u16::from(plain[pairs + at]) << 8 } else { 0 };
                before = before.wrapping_add(u16::from(plain[at]) | high) & mask;
                codes.push(before);
            }
        }
        codes
    }

    fn positions(curve: &Curve) -> usize {
        curve.specifications.iter().filter(|specification| specification.outcome.is_ok()).count()
    }

    #[test]
    fn every_error_comes_back_within_the_rounding_that_is_stated() {
        let curve = curve(1);
        let positions = positions(&curve);
        for budget in [10_000_000, 60_000] {
            let packed = pack(&curve, positions, budget);
            let mut seen = 0;
            for (number, packed) in
                packed.iter().enumerate().filter_map(|(number, packed)| Some((number, packed.as_ref()?)))
            {
                let rounding = packed.rounding() + 1e-12;
                let codes = unpacked(packed, positions);
                let pairs = (1..positions).flat_map(|i| (0..i).map(move |j| (i, j)));
                for ((i, j), code) in pairs.zip(codes) {
                    let error = curve.error_of_difference(number, i, j);
                    match code {
                        NONE => assert!(error.is_nan()),
                        TINY => assert!(
                            error * error <= 1.01e-8 * curve.covariances[number].iter().copied().fold(0.0, f64::max)
                        ),
                        _ => {
                            let read = packed.low * (packed.step * f64::from(u32::from(code) - RESERVED)).exp();
                            assert!((read / error - 1.0).abs() <= rounding, "{number} {i} {j}: {read} {error}");
                            seen += 1;
                        }
                    }
                }
            }
            assert!(seen > 1_000);
        }
    }

    #[test]
    fn a_smaller_budget_costs_digits_and_then_the_rates() {
        let curve = curve(1);
        let positions = positions(&curve);
        let packed = |budget: usize| pack(&curve, positions, budget);
        let size = |packed: &[Option<Packed>]| packed.iter().flatten().map(|packed| packed.data.len()).sum::<usize>();
        let bits = |packed: &[Option<Packed>]| -> Vec<u32> {
            packed.iter().map(|packed| packed.as_ref().map_or(0, |packed| packed.bits)).collect()
        };
        let whole = packed(usize::MAX / 2);
        assert_eq!(bits(&whole), [16; 6]);
        let mut seen = vec![bits(&whole)];
        let mut budget = size(&whole);
        while budget > 100 {
            let fitting = packed(budget);
            assert!(size(&fitting) <= budget);
            seen.push(bits(&fitting));
            budget = budget * 9 / 10;
        }
        assert!(
            seen.windows(2).all(|pair| pair[0].iter().zip(&pair[1]).all(|(before, after)| after <= before)),
            "{seen:?}"
        );
        assert!(seen.iter().all(|bits| bits[1..].iter().all(|rate| *rate == bits[1] && *rate <= bits[0])), "{seen:?}");
        assert!(seen.iter().any(|bits| bits[0] > bits[1] && bits[1] >= 8), "{seen:?}");
        assert!(seen.iter().any(|bits| bits[0] >= 8 && bits[1] == 0), "{seen:?}");
        assert_eq!(seen.last(), Some(&vec![0; 6]));
    }
}
