//! Parameters of the absorbed effects: facts for [`crate::vcov::small_sample`], which counts them by a convention.
//!
//! The nominal count takes one level from every effect but the first. The one by pairs takes the connected components
//! with an earlier effect. The exact one takes the levels that the larger effects span: as many as the graph of two
//! effects has components, more where three effects repeat each other ([`crate::absorb::kernel::rank`]). Slopes by level
//! have no exact count.

use super::Options;
use crate::absorb::kernel::rank::{MAX_REMAINING, Rank, rank};
use crate::design::Sample;
use crate::result::{AbsorbedRank, EffectInfo};
use crate::vcov::convention::{EffectsInK, Rule, Shared};
use crate::vcov::small_sample::{AbsorbedEffect, count_effects};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Levels of the third and later effects up to which the exact count is looked for unasked: milliseconds.
const QUICK_REMAINING: usize = 1_000;
/// Rows up to which it is looked for unasked.
const QUICK_ROWS: usize = 200_000;

/// Effects on the rows (or cells) of an estimation.
pub struct Absorbed<'a, C> {
    pub sample: &'a Sample,
    pub options: &'a Options,
    /// Distinct levels of each effect.
    pub levels: &'a [usize],
    /// Cluster variable that an effect is nested in.
    pub nested_in: &'a [Option<String>],
    /// Number of rows.
    pub n: usize,
    /// Level of each row, by effect.
    pub codes: C,
}

/// Ranks of the same rows, for all outcomes.
#[derive(Debug)]
pub struct Ranks {
    /// Of all effects.
    all: Rank,
    /// Of those that are not nested.
    counted: Rank,
}

/// What effects add to K.
pub struct Parameters {
    pub effects: Vec<EffectInfo>,
    /// What the count was made from.
    pub facts: Vec<AbsorbedEffect>,
    /// Parameters in K.
    pub counted: usize,
    /// The same with every effect.
    pub counted_all: usize,
    /// The exact count, without slopes.
    pub rank: Option<AbsorbedRank>,
    /// Why a count that was asked for is not there.
    pub warning: Option<String>,
}

impl<'a, C: Fn(usize) -> Cow<'a, [u32]>> Absorbed<'a, C> {
    /// Counts; `known` is filled once for outcomes with the same rows.
    pub fn count(&self, known: &OnceLock<Ranks>) -> Parameters {
        let Absorbed { sample, options, levels, nested_in, .. } = *self;
        let rule = options.rule();
        // an exact count that nobody asked for must not cost what the fit costs
        let asked = rule.df == Shared::Exact || options.keep_bare;
        let looks = !sample.effects.is_empty() && (asked || self.n <= QUICK_ROWS);
        let unnested: Vec<usize> = (0..levels.len()).filter(|&e| nested_in[e].is_none()).collect();
        let ranks = (looks && !sample.has_slopes()).then(|| known.get_or_init(|| self.ranks(&unnested, asked)));
        let mut facts = self.facts(rule.df == Shared::Pairs || options.keep_bare);
        if let Some(ranks) = ranks {
            facts.iter_mut().zip(&ranks.all.redundant).for_each(|(fact, &shared)| fact.redundant = Some(shared));
            for (&e, &shared) in unnested.iter().zip(&ranks.counted.redundant) {
                facts[e].redundant_unnested = Some(shared);
            }
        }
        let counted = count_effects(&facts, &rule);
        let all = count_effects(&facts, &Rule { effects: EffectsInK::Full, ..rule });
        let effects = facts.iter().zip(&counted).map(|(fact, &counted)| EffectInfo {
            name: fact.name.clone(),
            levels: fact.levels,
            counted,
            nested_in: fact.nested_in.clone(),
            redundant: fact.redundant,
        });
        let rank = ranks.map(|ranks| {
            let exact = ranks.all.exact && ranks.counted.exact;
            // all effects nested: one parameter is left for the constant
            let own = match rule.effects {
                EffectsInK::Full => ranks.all.rank,
                _ if unnested.is_empty() => 1,
                _ => ranks.counted.rank,
            };
            AbsorbedRank { rank: ranks.all.rank, exact, counted: own, in_k: rule.df == Shared::Exact }
        });
        Parameters {
            effects: effects.collect(),
            counted: counted.iter().sum(),
            counted_all: all.iter().sum(),
            warning: self.warning(&rule, rank.as_ref()),
            facts,
            rank,
        }
    }

    /// Effects with levels, nesting and, if asked for, the components of every pair.
    fn facts(&self, components: bool) -> Vec<AbsorbedEffect> {
        let of_pair = |a: usize, b: usize| {
            let rank = self.rank(vec![a, b], MAX_REMAINING).rank;
            self.levels[a] + self.levels[b] - rank
        };
        let effects = &self.sample.effects;
        let fact = |e: usize| AbsorbedEffect {
            name: effects[e].name.clone(),
            levels: self.levels[e],
            constant: effects[e].constant,
            slopes: effects[e].slopes.len(),
            nested_in: self.nested_in[e].clone(),
            components: match components && effects[e].constant {
                true => (0..e).map(|a| if effects[a].constant { of_pair(a, e) } else { 0 }).collect(),
                false => Vec::new(),
            },
            redundant: None,
            redundant_unnested: None,
        };
        (0..effects.len()).map(fact).collect()
    }

    /// Ranks of all effects and of those that are not nested.
    fn ranks(&self, unnested: &[usize], asked: bool) -> Ranks {
        let limit = if asked { MAX_REMAINING } else { QUICK_REMAINING };
        let all = self.rank((0..self.levels.len()).collect(), limit);
        let counted =
            if unnested.len() == self.levels.len() { all.clone() } else { self.rank(unnested.to_vec(), limit) };
        Ranks { all, counted }
    }

    /// Why K is not counted as the convention wants it.
    fn warning(&self, rule: &Rule, rank: Option<&AbsorbedRank>) -> Option<String> {
        let Absorbed { sample, .. } = *self;
        if sample.effects.is_empty() || rule.effects == EffectsInK::None || rule.df == Shared::Nominal {
            return None;
        }
        if sample.has_slopes() {
            let count = if rule.df == Shared::Exact { "exact count" } else { "count by pairs" };
            return Some(format!("slopes by level have no {count} of parameters: K counts them in the nominal way"));
        }
        let exact = rank.is_none_or(|rank| rank.exact);
        (rule.df == Shared::Exact && !exact).then(|| {
            format!("three effects with more than {MAX_REMAINING} further levels: K counts an upper bound from pairs")
        })
    }

    /// Rank of some effects.
    fn rank(&self, effects: Vec<usize>, limit: usize) -> Rank {
        if effects.len() <= 1 {
            let rank = effects.iter().map(|&e| self.levels[e]).sum();
            return Rank { rank, exact: true, redundant: vec![0; effects.len()] };
        }
        let codes: Vec<Cow<[u32]>> = effects.iter().map(|&e| (self.codes)(e)).collect();
        let n_levels = |e: usize| self.sample.effects[e].n_levels;
        let of: Vec<(&[u32], usize)> = codes.iter().zip(&effects).map(|(codes, &e)| (&**codes, n_levels(e))).collect();
        rank(&of, self.n, limit)
    }
}
