//! Small-sample conventions: what other programs multiply a sandwich by, and which distribution they refer to.
//!
//! A convention is a [`Rule`] for every estimator and kind of covariance. Its parts follow fixest's
//! `ssc(K.adj, K.fixef, K.exact, G.adj, G.df, t.df)` (Berge, "On standard-errors", fixest vignette):
//!
//! * `k`: (n-1)/(n-K), n/(n-K) or nothing;
//! * `effects`: which absorbed effects count in K, `df`: how the levels they share are counted;
//! * `g`: G/(G-1) with the smallest G for all terms of a multiway sandwich, or with each term's own, or nothing;
//! * `t`: Student's t with G - 1 or with the residual degrees of freedom, or the normal distribution.
//!
//! [`Ssc`] is a named convention with parts changed, written `stata` or `stata(g = min)`, or `custom(k = .., ..)`.

use crate::result::{Family, VcovKind};
use std::fmt;

/// A program whose convention is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Convention {
    /// R fixest and pyfixest, by default (`K.fixef = "nonnested"`, `G.df = "min"`).
    #[default]
    Fixest,
    /// Stata's `regress`, `areg`, `logit`, `poisson`; two ways as the commands around them do (`vcemway`).
    Stata,
    /// Stata's reghdfe and ppmlhdfe.
    Reghdfe,
    /// Python statsmodels with dummies written out.
    Statsmodels,
    /// Python linearmodels `PanelOLS`, by default (debiased, no group adjustment).
    Linearmodels,
    /// R `sandwich::vcovCL` on `lm` and `glm` with dummies written out.
    Sandwich,
    /// No factor, normal distribution.
    None,
    /// Every part as written.
    Custom,
}

/// What n and K multiply by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KFactor {
    /// Nothing.
    None,
    /// (n - 1)/(n - K).
    NMinusOne,
    /// n/(n - K).
    N,
}

/// Which absorbed effects count in K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectsInK {
    /// None.
    None,
    /// Those that are not nested in a cluster variable; one parameter for the constant if all are.
    Nonnested,
    /// All.
    Full,
    /// All, but nothing for a nested effect that is the only one (linearmodels' `auto_df`).
    UnlessOnly,
}

/// How the levels that effects share are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// One for each effect but the first.
    Nominal,
    /// The connected components with an earlier effect, the most there are (Abowd, Creecy and Kramarz 2002; reghdfe's
    /// `dofadjustments(pairwise)`).
    Pairs,
    /// The rank of the effects.
    Exact,
}

/// What the number of clusters G multiplies by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GFactor {
    /// Nothing.
    None,
    /// Every term of a multiway sandwich by its own G/(G - 1).
    Each,
    /// All terms by G/(G - 1) with the smallest G.
    Min,
    /// G/(G - K), clubSandwich's CR1p.
    LessK,
}

/// What p-values and intervals refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TDf {
    /// Student's t with G - 1, G the smallest number of clusters; without clusters n - K.
    Groups,
    /// The smaller of the two (reghdfe).
    GroupsOrResidual,
    /// Student's t with n - (all parameters).
    Residual,
    /// The normal distribution.
    Normal,
}

/// What a convention means for one estimator and kind of covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Factor of n and K.
    pub k: KFactor,
    /// Effects in K.
    pub effects: EffectsInK,
    /// Levels that effects share.
    pub df: Shared,
    /// Factor of G.
    pub g: GFactor,
    /// Reference distribution.
    pub t: TDf,
}

impl Rule {
    const fn new(k: KFactor, effects: EffectsInK, df: Shared, g: GFactor, t: TDf) -> Self {
        Rule { k, effects, df, g, t }
    }
}

impl Rule {
    /// The factor as a formula; empty where there is none.
    pub fn formula(&self, family: Family, kind: VcovKind) -> String {
        let of_k = match self.k {
            KFactor::None => "",
            KFactor::NMinusOne => "(n - 1)/(n - K)",
            KFactor::N => "n/(n - K)",
        };
        let of_g = match (kind, self.g) {
            (VcovKind::Iid, _) | (_, GFactor::None) => "",
            (VcovKind::Hc1, _) if self.k == KFactor::NMinusOne => return String::from("n/(n - K)"),
            (VcovKind::Hc1, _) => "n/(n - 1)",
            (_, GFactor::LessK) => "G/(G - K)",
            (_, GFactor::Each | GFactor::Min) => "G/(G - 1)",
        };
        if kind == VcovKind::Iid && family == Family::Ols {
            return String::from(if self.k == KFactor::None { "(n - K)/n" } else { "" });
        }
        [of_g, of_k].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" x ")
    }
}

/// A convention as asked for: a named one, with parts changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ssc {
    base: Convention,
    k: Option<KFactor>,
    effects: Option<EffectsInK>,
    df: Option<Shared>,
    g: Option<GFactor>,
    t: Option<TDf>,
}

impl From<Convention> for Ssc {
    fn from(base: Convention) -> Self {
        Ssc { base, ..Ssc::default() }
    }
}

/// A text that is no convention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SscError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl Convention {
    /// All of them.
    pub const ALL: [Convention; 8] = [
        Convention::Fixest,
        Convention::Stata,
        Convention::Reghdfe,
        Convention::Statsmodels,
        Convention::Linearmodels,
        Convention::Sandwich,
        Convention::None,
        Convention::Custom,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Convention::Fixest => "fixest",
            Convention::Stata => "stata",
            Convention::Reghdfe => "reghdfe",
            Convention::Statsmodels => "statsmodels",
            Convention::Linearmodels => "linearmodels",
            Convention::Sandwich => "sandwich",
            Convention::None => "none",
            Convention::Custom => "custom",
        }
    }

    /// Its parts. Sources: fixest `R/VCOV.R`; reghdfe `Regression.mata`, `DoF.mata`; Stata [P] _robust; statsmodels
    /// `stats/sandwich_covariance.py`; linearmodels `panel/covariance.py`; sandwich `R/vcovCL.R`.
    fn rule(self, family: Family, kind: VcovKind) -> Rule {
        use {EffectsInK as E, GFactor as G, KFactor as K, Shared as S, TDf as T};
        let ols = family == Family::Ols;
        let (t, normal) = (if ols { T::Groups } else { T::Normal }, T::Normal);
        match self {
            Convention::Fixest => Rule::new(K::NMinusOne, E::Nonnested, S::Nominal, G::Min, t),
            Convention::Reghdfe if ols => Rule::new(K::NMinusOne, E::Nonnested, S::Pairs, G::Min, T::GroupsOrResidual),
            Convention::Reghdfe => Rule::new(K::None, E::Nonnested, S::Pairs, G::Min, normal),
            Convention::Stata if ols => Rule::new(K::NMinusOne, E::Full, S::Exact, G::Each, t),
            Convention::Stata => Rule::new(K::None, E::Full, S::Exact, G::Each, normal),
            Convention::Statsmodels => match (kind, ols) {
                (VcovKind::Iid, true) => Rule::new(K::NMinusOne, E::Full, S::Nominal, G::Each, T::Residual),
                (VcovKind::Iid | VcovKind::Hc1, false) => Rule::new(K::None, E::Full, S::Nominal, G::None, normal),
                _ => Rule::new(K::NMinusOne, E::Full, S::Nominal, G::Each, normal),
            },
            Convention::Linearmodels => Rule::new(K::N, E::UnlessOnly, S::Nominal, G::None, T::Residual),
            Convention::Sandwich => {
                let k = if ols || kind == VcovKind::Hc1 { K::NMinusOne } else { K::None };
                Rule::new(k, E::Full, S::Exact, G::Each, if ols { T::Residual } else { normal })
            }
            Convention::None | Convention::Custom => Rule::new(K::None, E::Full, S::Nominal, G::None, normal),
        }
    }
}

impl Ssc {
    /// The named convention it starts from.
    pub fn base(&self) -> Convention {
        self.base
    }

    /// The same with shared levels counted as said, unless it says how itself.
    pub fn with_df(self, df: Shared) -> Self {
        Ssc { df: self.df.or(Some(df)), ..self }
    }

    /// What it means.
    pub fn rule(&self, family: Family, kind: VcovKind) -> Rule {
        let base = self.base.rule(family, kind);
        Rule {
            k: self.k.unwrap_or(base.k),
            effects: self.effects.unwrap_or(base.effects),
            df: self.df.unwrap_or(base.df),
            g: self.g.unwrap_or(base.g),
            t: self.t.unwrap_or(base.t),
        }
    }

    /// Refuses a convention of a program that has no such estimator.
    ///
    /// # Errors
    /// linearmodels with a likelihood.
    pub fn check(&self, family: Family) -> Result<(), SscError> {
        if self.base == Convention::Linearmodels && family != Family::Ols {
            return Err(SscError {
                message: String::from("linearmodels fits linear models only: it has no convention for a likelihood"),
                hint: String::from(
                    "`--ssc statsmodels`, or say what you mean: `--ssc 'custom(k = .., g = .., t = ..)'`",
                ),
            });
        }
        Ok(())
    }

    /// Reads `fixest`, `stata(g = min)`, `custom(k = n-1, effects = full, g = each, t = g)`.
    ///
    /// # Errors
    /// An unknown convention or part, a part twice, parts that mean nothing together, `custom` without its parts.
    pub fn parse(text: &str) -> Result<Self, SscError> {
        let fail = |message: String, hint: String| Err(SscError { message, hint });
        let text = text.trim();
        let (name, inside) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => match rest.trim_end().strip_suffix(')') {
                Some(inside) => (name.trim(), Some(inside)),
                None => return fail(format!("`{text}` has no closing parenthesis"), String::from(EXAMPLE)),
            },
        };
        let Some(base) = Convention::ALL.into_iter().find(|known| known.name() == name) else {
            let names = Convention::ALL.map(Convention::name);
            let nearest = crate::nearest::nearest_name(name, names);
            let known = format!("conventions are {}", names.join(", "));
            let hint = nearest.map_or_else(|| known.clone(), |nearest| format!("did you mean `{nearest}`? {known}"));
            return fail(format!("`{name}` is no small-sample convention"), hint);
        };
        let mut ssc = Ssc::from(base);
        for part in inside.unwrap_or_default().split(',').map(str::trim) {
            if part.is_empty() && inside.is_none_or(|inside| inside.trim().is_empty()) {
                break;
            }
            ssc.set(part)?;
        }
        ssc.check_parts()?;
        Ok(ssc)
    }

    /// Sets one part, `name = value`.
    fn set(&mut self, part: &str) -> Result<(), SscError> {
        let Some((name, value)) = part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
            let message = format!("`{part}` is no part of a convention");
            return Err(SscError { message, hint: String::from(EXAMPLE) });
        };
        match name {
            "k" => choose(name, value, &mut self.k, &K_NAMES),
            "effects" => choose(name, value, &mut self.effects, &EFFECTS_NAMES),
            "df" => choose(name, value, &mut self.df, &DF_NAMES),
            "g" => choose(name, value, &mut self.g, &G_NAMES),
            "t" => choose(name, value, &mut self.t, &T_NAMES),
            _ => Err(SscError {
                message: format!("a convention has no part `{name}`"),
                hint: String::from("its parts are k, effects, df, g and t, see docs/standard-errors.md"),
            }),
        }
    }

    /// Refuses parts that say nothing, and a `custom` that leaves something open.
    fn check_parts(&self) -> Result<(), SscError> {
        let fail = |message: &str, hint: &str| {
            Err(SscError { message: message.to_owned(), hint: format!("{hint}, e.g. {EXAMPLE}") })
        };
        let no_k = self.k == Some(KFactor::None) || (self.base == Convention::None && self.k.is_none());
        if no_k && (self.effects.is_some() || self.df.is_some()) {
            return fail("without a factor of K there is nothing to count in it", "leave out `effects` and `df`");
        }
        if self.effects == Some(EffectsInK::None) && self.df.is_some() {
            return fail("effects that do not count in K share no levels there", "leave out `df`");
        }
        if self.base != Convention::Custom {
            return Ok(());
        }
        if self.k.is_none() || self.g.is_none() || self.t.is_none() {
            return fail("`custom` needs its parts k, g and t", "nothing stands in for them");
        }
        if !no_k && self.effects.is_none() {
            return fail("`custom` with a factor of K needs `effects`", "say which fixed effects count");
        }
        Ok(())
    }
}

const EXAMPLE: &str = "`custom(k = n-1, effects = full, g = each, t = g)`, or a convention with a part changed: \
                       `stata(g = min)`";
const K_NAMES: [(&str, KFactor); 3] = [("none", KFactor::None), ("n-1", KFactor::NMinusOne), ("n", KFactor::N)];
const EFFECTS_NAMES: [(&str, EffectsInK); 3] =
    [("none", EffectsInK::None), ("nonnested", EffectsInK::Nonnested), ("full", EffectsInK::Full)];
const DF_NAMES: [(&str, Shared); 3] =
    [("nominal", Shared::Nominal), ("pairs", Shared::Pairs), ("exact", Shared::Exact)];
const G_NAMES: [(&str, GFactor); 3] = [("none", GFactor::None), ("each", GFactor::Each), ("min", GFactor::Min)];
const T_NAMES: [(&str, TDf); 3] = [("g", TDf::Groups), ("n", TDf::Residual), ("z", TDf::Normal)];

/// Sets a part by the name of its value.
fn choose<T: Copy>(part: &str, value: &str, slot: &mut Option<T>, names: &[(&str, T)]) -> Result<(), SscError> {
    if slot.is_some() {
        let hint = String::from("keep one of the two");
        return Err(SscError { message: format!("`{part}` is set twice"), hint });
    }
    let Some((_, chosen)) = names.iter().find(|(name, _)| *name == value) else {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let hint = format!("`{part}` is {}", known.join(", "));
        return Err(SscError { message: format!("`{value}` is no value of `{part}`"), hint });
    };
    *slot = Some(*chosen);
    Ok(())
}

/// The name of a part's value.
fn written<T: PartialEq>(value: Option<T>, names: &[(&'static str, T)]) -> Option<&'static str> {
    let value = value?;
    names.iter().find(|(_, known)| *known == value).map(|(name, _)| *name)
}

impl fmt::Display for Ssc {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let parts = [
            ("k", written(self.k, &K_NAMES)),
            ("effects", written(self.effects, &EFFECTS_NAMES)),
            ("df", written(self.df, &DF_NAMES)),
            ("g", written(self.g, &G_NAMES)),
            ("t", written(self.t, &T_NAMES)),
        ];
        let parts: Vec<String> =
            parts.iter().filter_map(|(name, value)| Some(format!("{name} = {}", (*value)?))).collect();
        f.write_str(self.base.name())?;
        if !parts.is_empty() {
            write!(f, "({})", parts.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convention_reads_back_what_it_prints() {
        for text in ["fixest", "none", "stata(g = min)", "custom(k = n-1, effects = full, df = exact, g = each, t = g)"]
        {
            assert_eq!(Ssc::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Ssc::parse(" custom( k=none,g=min , t=z ) ").unwrap().to_string(),
            "custom(k = none, g = min, t = z)"
        );
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, message) in [
            ("fixst", "`fixst` is no small-sample convention"),
            ("", "`` is no small-sample convention"),
            ("stata(g = min", "no closing parenthesis"),
            ("stata(g)", "`g` is no part"),
            ("stata(c = 1)", "no part `c`"),
            ("stata(g = all)", "`all` is no value of `g`"),
            ("stata(g = min, g = each)", "`g` is set twice"),
            ("stata(g = min,)", "`` is no part"),
            ("none(effects = full)", "nothing to count"),
            ("fixest(k = none, df = exact)", "nothing to count"),
            ("fixest(effects = none, df = exact)", "share no levels"),
            ("custom", "needs its parts"),
            ("custom()", "needs its parts"),
            ("custom(k = n, g = min)", "needs its parts"),
            ("custom(k = n, g = min, t = z)", "needs `effects`"),
        ] {
            let error = Ssc::parse(text).expect_err(text);
            assert!(error.message.contains(message), "{text}: {error}");
            assert!(!error.hint.is_empty());
        }
        assert!(Ssc::parse("fixst").unwrap_err().hint.contains("did you mean `fixest`"));
        assert!(Ssc::from(Convention::Linearmodels).check(Family::Logit).is_err());
    }

    #[test]
    fn a_change_holds_for_every_estimator() {
        let ssc = Ssc::parse("stata(t = g)").unwrap();
        assert_eq!(ssc.rule(Family::Logit, VcovKind::Cr1).t, TDf::Groups);
        assert_eq!(ssc.rule(Family::Logit, VcovKind::Cr1).k, KFactor::None);
        assert_eq!(ssc.rule(Family::Ols, VcovKind::Cr1).k, KFactor::NMinusOne);
    }
}
