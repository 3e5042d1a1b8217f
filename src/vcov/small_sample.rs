//! Counting parameters and clusters for the small-sample factor, by a [`Rule`].
//!
//! K = p + sum over the effects f that count of (L_f - M_f + L_f S_f), with p the estimated coefficients (the intercept
//! among them if no effect has one), L_f the levels of effect f, S_f its slopes, and M_f the levels that it shares with
//! others: 0 for the first effect with an intercept and 1 for further ones, or more ([`Shared`]). An effect is nested
//! when each of its levels lies in one cluster; where nested effects do not count and all are, one parameter stays for
//! the constant (fixest, Stata's `xtreg, fe`; reghdfe's `nested_adj`).
//!
//! HC1 is clustering by rows: (n-1)/(n-K) G/(G-1) with G = n. iid has sigma^2 = RSS/(n-K) for OLS, and the factor of K
//! alone for a likelihood.

use super::convention::{EffectsInK, GFactor, KFactor, Rule, Shared, TDf};
use crate::result::{Family, Reference, SmallSample, TermFactor, VcovKind};

/// What is known of an absorbed effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AbsorbedEffect {
    /// As written.
    pub name: String,
    /// Levels in the estimation.
    pub levels: usize,
    /// Whether it has intercepts.
    pub constant: bool,
    /// Its slopes by level.
    pub slopes: usize,
    /// The cluster variable it is nested in.
    pub nested_in: Option<String>,
    /// Connected components with each earlier effect; empty where not counted.
    pub components: Vec<usize>,
    /// Levels that the larger effects span.
    pub redundant: Option<usize>,
    /// The same among the effects that are not nested.
    pub redundant_unnested: Option<usize>,
}

/// Parameters of each effect in K; their sum is what the effects add to it.
///
/// Shared levels fall back to the nominal count where the facts asked for are missing.
pub fn count_effects(effects: &[AbsorbedEffect], rule: &Rule) -> Vec<usize> {
    let nested = |e: usize| effects[e].nested_in.is_some();
    let counts = |e: usize| match rule.effects {
        EffectsInK::None => false,
        EffectsInK::Full => true,
        EffectsInK::Nonnested => !nested(e),
        EffectsInK::UnlessOnly => !(effects.len() == 1 && nested(e)),
    };
    let counted: Vec<usize> = (0..effects.len()).filter(|&e| counts(e)).collect();
    let all = counted.len() == effects.len();
    let first = counted.iter().copied().find(|&e| effects[e].constant);
    let exact = |e: usize| if all { effects[e].redundant } else { effects[e].redundant_unnested };
    let is_exact = rule.df == Shared::Exact && counted.iter().all(|&e| exact(e).is_some());
    let shared = |e: usize| -> usize {
        if let Some(redundant) = exact(e).filter(|_| is_exact) {
            return redundant;
        }
        let nominal = usize::from(first != Some(e));
        if rule.df != Shared::Pairs || nominal == 0 {
            return nominal;
        }
        let earlier = effects[e].components.iter().enumerate().filter(|(other, _)| counted.contains(other));
        earlier.map(|(_, &components)| components).max().unwrap_or(1).max(1)
    };
    let mut parameters = vec![0; effects.len()];
    for &e in &counted {
        let effect = &effects[e];
        let own = if effect.constant { effect.levels.saturating_sub(shared(e)) } else { 0 };
        parameters[e] = own + effect.levels * effect.slopes;
    }
    // all effects nested: one parameter is left for the constant
    if let (EffectsInK::Nonnested, None, Some(e)) =
        (rule.effects, first, (0..effects.len()).find(|&e| effects[e].constant))
    {
        parameters[e] += 1;
    }
    parameters
}

/// Sizes that a factor is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Estimation rows.
    pub n: usize,
    /// Parameters in K.
    pub k: usize,
    /// Parameters with every effect counted, for the residual degrees of freedom.
    pub k_all: usize,
    /// Whether an effect is nested in the clusters.
    pub any_nested: bool,
}

/// One term of a clustered covariance, without its factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Cluster variable, or `a:b` for an intersection.
    pub name: String,
    /// 1 or -1.
    pub sign: f64,
    /// Clusters with at least one estimation row.
    pub groups: usize,
    /// The matrix, row-major.
    pub matrix: Vec<f64>,
}

/// The factor of a covariance of kind `kind`; `terms` of a clustered one.
///
/// Kinds whose factor is part of their definition do not come here: see [`by_definition`].
pub fn small_sample(rule: &Rule, family: Family, kind: VcovKind, sizes: &Sizes, terms: &[Term]) -> SmallSample {
    let Sizes { n, k, k_all, .. } = *sizes;
    let rows = n as f64;
    let k_factor = match rule.k {
        KFactor::None => 1.0,
        KFactor::NMinusOne => (rows - 1.0) / (rows - k as f64),
        KFactor::N => rows / (rows - k as f64),
    };
    let of_groups = |g: f64| g / (g - 1.0);
    let single = |k_factor: f64, g_factor: f64| SmallSample {
        convention: String::new(),
        n,
        k,
        k_factor,
        g_factor,
        factor: k_factor * g_factor,
        terms: Vec::new(),
    };
    match kind {
        // sigma^2 has n - k_all already
        VcovKind::Iid if family == Family::Ols => {
            let parameters = if rule.k == KFactor::None { 0.0 } else { k as f64 };
            single((rows - k_all as f64) / (rows - parameters), 1.0)
        }
        VcovKind::Iid => single(k_factor, 1.0),
        VcovKind::Hc1 => match (rule.k, rule.g) {
            (_, GFactor::None) => single(k_factor, 1.0),
            (KFactor::NMinusOne, _) => single(rows / (rows - k as f64), 1.0),
            _ => single(k_factor, of_groups(rows)),
        },
        VcovKind::Cr1 => {
            let smallest = terms.iter().map(|term| term.groups).min().unwrap_or(0) as f64;
            let of_term = |term: &Term| match rule.g {
                GFactor::None => 1.0,
                GFactor::Min => of_groups(smallest),
                GFactor::Each => of_groups(term.groups as f64),
                GFactor::LessK => term.groups as f64 / (term.groups as f64 - k as f64),
            };
            let factors = terms.iter().map(|term| {
                let g_factor = of_term(term);
                let (name, sign) = (term.name.clone(), term.sign);
                TermFactor { name, sign, groups: term.groups, g_factor, factor: k_factor * g_factor }
            });
            let factors: Vec<TermFactor> = factors.collect();
            let first = factors.first().map_or(1.0, |term| term.g_factor);
            let same = factors.iter().all(|term| term.g_factor == first);
            SmallSample { terms: factors, ..single(k_factor, if same { first } else { f64::NAN }) }
        }
        // their factors are part of their definitions
        VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j => single(1.0, 1.0),
    }
}

/// The factor of a covariance that is defined with it, as those that weigh residuals by their leverage are.
pub fn by_definition(n: usize, k: usize, factor: f64) -> SmallSample {
    SmallSample { convention: String::new(), n, k, k_factor: 1.0, g_factor: 1.0, factor, terms: Vec::new() }
}

/// What p-values and intervals refer to; `smallest` is the smallest number of clusters, if there are any.
pub fn reference(rule: &Rule, sizes: &Sizes, smallest: Option<usize>) -> Reference {
    let residual = sizes.n as f64 - sizes.k_all as f64;
    match (rule.t, smallest) {
        (TDf::Normal, _) => Reference::Normal,
        (TDf::Residual, _) => Reference::StudentT(residual),
        (_, None) => Reference::StudentT(sizes.n as f64 - sizes.k as f64),
        (TDf::Groups, Some(groups)) => Reference::StudentT(groups as f64 - 1.0),
        (TDf::GroupsOrResidual, Some(groups)) => {
            // the constant of nested effects does not take one here
            let left = sizes.n as f64 - sizes.k as f64 + f64::from(u8::from(sizes.any_nested));
            Reference::StudentT((groups as f64 - 1.0).min(left))
        }
    }
}
