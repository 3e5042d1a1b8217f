//! Counting parameters and clusters for the small-sample factor, as fixest does by default (`K.exact = FALSE`).
//!
//! K = p + sum_f L_f - (F - 1) - sum_{nested f} (L_f - 1) + sum_{f not nested} L_f S_f, with L_f the levels of absorbed
//! effect f, S_f its slopes, F and the first sums over the effects with intercepts, and p the estimated coefficients (the
//! intercept among them if no effect has one). An effect is nested when each of its levels lies in one cluster; nested
//! effects count only for covariances that are not clustered.
//! Factors: cluster G/(G-1) (n-1)/(n-K) with the smallest G; HC1 n/(n-K); iid none for OLS, where
//! sigma^2 = RSS/(n-K), and (n-1)/(n-K) for a likelihood (logit, probit, Poisson).

use crate::design::Sample;
use crate::result::{EffectInfo, Family, SmallSample, VcovKind};

/// The effects with the parameters each contributes, and their total (without the regressors).
pub fn count_effects(
    sample: &Sample,
    levels: &[usize],
    nested_in: &[Option<String>],
    clustered: bool,
) -> (Vec<EffectInfo>, usize) {
    let counts = |e: usize| !(clustered && nested_in[e].is_some());
    let constant = |e: usize| sample.effects[e].constant;
    let first = (0..levels.len()).find(|&e| counts(e) && constant(e));
    let first_constant = (0..levels.len()).find(|&e| constant(e));
    let effects: Vec<EffectInfo> = sample
        .effects
        .iter()
        .enumerate()
        .map(|(e, effect)| {
            let own = match (counts(e), effect.constant) {
                (true, true) => levels[e].saturating_sub(usize::from(first != Some(e))),
                _ => 0,
            };
            let slopes = if counts(e) { levels[e] * effect.slopes.len() } else { 0 };
            // all effects nested: one parameter is left for the constant
            let constant = usize::from(first.is_none() && first_constant == Some(e));
            EffectInfo {
                name: effect.name.clone(),
                levels: levels[e],
                counted: own + slopes + constant,
                nested_in: if clustered { nested_in[e].clone() } else { None },
                redundant: None,
            }
        })
        .collect();
    let total = effects.iter().map(|effect| effect.counted).sum();
    (effects, total)
}

/// The factor for `n` rows, `k` parameters and (for clusters) the smallest number of clusters.
pub fn small_sample(family: Family, kind: VcovKind, n: usize, k: usize, smallest_g: usize) -> SmallSample {
    let (rows, parameters, g) = (n as f64, k as f64, smallest_g as f64);
    let (k_factor, g_factor) = match kind {
        VcovKind::Iid if family == Family::Ols => (1.0, 1.0),
        VcovKind::Iid => ((rows - 1.0) / (rows - parameters), 1.0),
        VcovKind::Hc1 => (rows / (rows - parameters), 1.0),
        VcovKind::Cr1 => ((rows - 1.0) / (rows - parameters), g / (g - 1.0)),
        // their factors are part of their definitions
        VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 => (1.0, 1.0),
        VcovKind::Cr3 | VcovKind::Cr3j => (1.0, (g - 1.0) / g),
    };
    SmallSample { n, k, k_factor, g_factor, factor: k_factor * g_factor }
}
