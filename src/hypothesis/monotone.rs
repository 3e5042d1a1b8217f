//! Whether every step goes up.
//!
//! Two questions about steps d_k with errors se_k and correlation C, t_k = d_k / se_k:
//!
//! * *strictly increasing everywhere*: the null hypothesis is that some d_k <= 0. It is rejected where every one-sided test
//!   rejects, p = max_k P(T > t_k); the size is exact without any correction (intersection-union test, Berger 1982).
//! * *falls somewhere*: the null hypothesis is that all d_k >= 0. The statistic is the smallest t_k, and its distribution is
//!   taken where the null is least favourable, at d = 0: p = P(min_k Z_k <= min_k t_k), Z from N(0, C) or the t.

use super::family::{JointDraws, share};
use crate::inference::distributions::{normal_tail, student_tail};
use crate::result::Reference;

/// The answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Monotone {
    /// Step with the smallest t.
    pub smallest: usize,
    /// Its t.
    pub statistic: f64,
    /// p-value against "some step does not rise".
    pub p_rises_everywhere: f64,
    /// p-value against "no step falls".
    pub p_falls_somewhere: f64,
    /// Monte Carlo standard error of the latter.
    pub p_error: f64,
}

/// Both tests from the statistics of the steps and their correlation; `None` without steps or with one without an error.
pub fn monotone(t: &[f64], correlation: &[f64], reference: Reference, draws: usize, seed: u64) -> Option<Monotone> {
    if t.iter().any(|t| !t.is_finite()) {
        return None;
    }
    let smallest = (0..t.len()).min_by(|&a, &b| t[a].total_cmp(&t[b]))?;
    let tail = |t: f64| match reference {
        Reference::StudentT(df) => student_tail(t, df),
        Reference::Normal => normal_tail(t),
    };
    let least = t[smallest];
    let (p, p_error) = if t.len() == 1 {
        (tail(-least), 0.0)
    } else {
        let minima = JointDraws::new(correlation, t.len(), reference, seed)
            .map(draws, |z| z.iter().copied().fold(f64::INFINITY, f64::min));
        let p = share(minima.iter().filter(|&&min| min <= least).count(), draws);
        (p, (p * (1.0 - p) / draws as f64).sqrt())
    };
    Some(Monotone {
        smallest,
        statistic: least,
        p_rises_everywhere: tail(least),
        p_falls_somewhere: p.max(tail(-least)),
        p_error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_steps_have_a_closed_form() {
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let found = monotone(&[2.0, -1.0, 0.5], &identity, Reference::Normal, 50_000, 1).unwrap();
        assert_eq!(found.smallest, 1);
        assert!((found.p_rises_everywhere - normal_tail(-1.0)).abs() < 1e-15);
        let exact = 1.0 - (1.0 - normal_tail(1.0)).powi(3);
        assert!((found.p_falls_somewhere - exact).abs() < 5.0 * found.p_error, "{found:?} {exact}");
        assert_eq!(monotone(&[f64::NAN], &[1.0], Reference::Normal, 10, 1), None);
    }
}
