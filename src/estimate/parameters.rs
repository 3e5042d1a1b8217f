//! Parameters of the absorbed effects: the nominal count of [`crate::vcov::small_sample`], and the exact one.
//!
//! The nominal count takes one level from every effect but the first. The exact one takes the levels that the larger
//! effects span: as many as the graph of two effects has components, more where three effects repeat each other
//! ([`crate::absorb::kernel::rank`]). Slopes by level have no exact count.

use super::Options;
use crate::absorb::kernel::rank::{MAX_REMAINING, Rank, rank};
use crate::design::Sample;
use crate::result::{AbsorbedRank, EffectInfo};
use crate::vcov::small_sample::count_effects;
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
    /// Parameters in K.
    pub counted: usize,
    /// The same with nested effects.
    pub counted_all: usize,
    /// The exact count, without slopes.
    pub rank: Option<AbsorbedRank>,
    /// Why an exact count that was asked for is not there.
    pub warning: Option<String>,
}

impl<'a, C: Fn(usize) -> Cow<'a, [u32]>> Absorbed<'a, C> {
    /// Counts; `known` is filled once for outcomes with the same rows.
    pub fn count(&self, known: &OnceLock<Ranks>) -> Parameters {
        let Absorbed { sample, options, levels, nested_in, .. } = *self;
        let clustered = options.vcov.is_clustered();
        let (mut effects, mut counted) = count_effects(sample, levels, nested_in, clustered);
        let (_, mut counted_all) = count_effects(sample, levels, nested_in, false);
        // an exact count that nobody asked for must not cost what the fit costs
        if sample.effects.is_empty() || (!options.exact_df && self.n > QUICK_ROWS) {
            return Parameters { effects, counted, counted_all, rank: None, warning: None };
        }
        if sample.has_slopes() {
            let warning = "slopes by level have no exact count of parameters: K counts them in the nominal way";
            let warning = options.exact_df.then(|| warning.to_owned());
            return Parameters { effects, counted, counted_all, rank: None, warning };
        }
        let counts: Vec<usize> = (0..levels.len()).filter(|&e| nested_in[e].is_none()).collect();
        let ranks = known.get_or_init(|| {
            let all = self.rank((0..levels.len()).collect());
            let counted = if counts.len() == levels.len() { all.clone() } else { self.rank(counts.clone()) };
            Ranks { all, counted }
        });
        for (effect, &redundant) in effects.iter_mut().zip(&ranks.all.redundant) {
            effect.redundant = Some(redundant);
        }
        let exact = ranks.all.exact && ranks.counted.exact;
        // all effects nested: one parameter is left for the constant
        let own = if counts.is_empty() { 1 } else { ranks.counted.rank };
        if options.exact_df {
            for (&e, redundant) in counts.iter().zip(&ranks.counted.redundant) {
                effects[e].counted = levels[e] - redundant;
            }
            (counted, counted_all) = (own, ranks.all.rank);
        }
        let rank = AbsorbedRank { rank: ranks.all.rank, exact, counted: own, in_k: options.exact_df };
        let warning = (options.exact_df && !exact).then(|| {
            format!("three effects with more than {MAX_REMAINING} further levels: K counts an upper bound from pairs")
        });
        Parameters { effects, counted, counted_all, rank: Some(rank), warning }
    }

    /// Rank of some effects.
    fn rank(&self, effects: Vec<usize>) -> Rank {
        if effects.len() <= 1 {
            let rank = effects.iter().map(|&e| self.levels[e]).sum();
            return Rank { rank, exact: true, redundant: vec![0; effects.len()] };
        }
        let codes: Vec<Cow<[u32]>> = effects.iter().map(|&e| (self.codes)(e)).collect();
        let n_levels = |e: usize| self.sample.effects[e].n_levels;
        let of: Vec<(&[u32], usize)> = codes.iter().zip(&effects).map(|(codes, &e)| (&**codes, n_levels(e))).collect();
        let limit = if self.options.exact_df { MAX_REMAINING } else { QUICK_REMAINING };
        rank(&of, self.n, limit)
    }
}
