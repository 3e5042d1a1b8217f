//! Numbers of about 32 digits as unevaluated sums of two doubles.
//!
//! Sums after Knuth (1969, section 4.2.2), products with a fused multiply-add (Dekker 1971; Ogita, Rump and Oishi 2005).
//! A sum or product has a relative error below 2^-103. Used where a regression is so nearly collinear, or so small, that
//! digits are worth more than time.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// `high + low`, with `|low|` at most half a unit in the last place of `high`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Double2 {
    /// The nearest double.
    pub high: f64,
    /// What is missing.
    pub low: f64,
}

/// What a factorisation needs of its numbers.
pub trait Real:
    Copy
    + Default
    + From<f64>
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + SubAssign
{
    /// Square root of a number that is not negative.
    fn root(self) -> Self;
    /// The nearest double.
    fn double(self) -> f64;
}

impl Real for f64 {
    fn root(self) -> Self {
        self.sqrt()
    }

    fn double(self) -> f64 {
        self
    }
}

impl Real for Double2 {
    fn root(self) -> Self {
        if self.high <= 0.0 {
            return Double2::default();
        }
        // one Newton step doubles the digits of the hardware's root
        let first = self.high.sqrt();
        let rest = self - Double2::product(first, first);
        Double2::sum(first, rest.high / (2.0 * first))
    }

    fn double(self) -> f64 {
        self.high
    }
}

impl Double2 {
    /// `a + b`, exactly.
    pub fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let other = high - a;
        Double2 { high, low: (a - (high - other)) + (b - other) }
    }

    /// `a b`, exactly.
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Double2 { high, low: a.mul_add(b, -high) }
    }

    /// Renormalises `a + b` with `|a| >= |b|`.
    fn quick(a: f64, b: f64) -> Self {
        let high = a + b;
        Double2 { high, low: b - (high - a) }
    }

    /// Sum of doubles.
    pub fn total(values: impl IntoIterator<Item = f64>) -> Self {
        values.into_iter().fold(Double2::default(), |sum, value| sum + Double2::from(value))
    }
}

impl From<f64> for Double2 {
    fn from(high: f64) -> Self {
        Double2 { high, low: 0.0 }
    }
}

impl Add for Double2 {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let high = Double2::sum(self.high, other.high);
        let low = Double2::sum(self.low, other.low);
        let first = Double2::quick(high.high, high.low + low.high);
        Double2::quick(first.high, first.low + low.low)
    }
}

impl Neg for Double2 {
    type Output = Self;

    fn neg(self) -> Self {
        Double2 { high: -self.high, low: -self.low }
    }
}

impl Sub for Double2 {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double2 {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = Double2::product(self.high, other.high);
        Double2::quick(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Double2 {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Double2::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Double2::from(second);
        Double2::quick(first, second) + Double2::from(rest.high / other.high)
    }
}

impl AddAssign for Double2 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Double2 {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_double_loses_is_kept() {
        // (1 + 2^-60)^2 - 1 = 2^-59 + 2^-120
        let x = Double2::sum(1.0, 2f64.powi(-60));
        let square = x * x - Double2::from(1.0);
        assert_eq!(square.high, 2f64.powi(-59));
        assert!((square.low - 2f64.powi(-120)).abs() <= 2f64.powi(-105));
        assert_eq!(Double2::total([1e16, 1.0, -1e16]).double(), 1.0);
    }

    #[test]
    fn quotients_and_roots_invert_products() {
        for (a, b) in [(2.0, 3.0), (1e300, 7.0), (-5.0, 1e-200), (0.1, 1.1)] {
            let (a, b) = (Double2::from(a), Double2::from(b));
            let back = (a / b) * b - a;
            assert!(back.double().abs() <= 1e-31 * a.double().abs(), "{back:?}");
        }
        let root = Double2::from(2.0).root();
        // 1.41421356237309504880168872420969807857: the tail beyond the double
        assert!((root * root - Double2::from(2.0)).double().abs() < 1e-31);
        assert!((root.low - -9.667_293_313_452_913e-17).abs() < 1e-31);
        assert_eq!(Double2::from(0.0).root(), Double2::default());
    }
}
