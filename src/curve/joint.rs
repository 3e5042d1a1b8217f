//! Statements about a whole curve, and what they would be if no specification had an effect.
//!
//! The null distribution comes from sign flips of groups of clusters: with v_j = +-1, the statistics of all
//! specifications under no effect are T(s) = sum_j v_j Phi_j(s) / se(s), dependent among each other as the estimates are.
//! Nothing is fitted again. Three statements follow Simonsohn, Simmons and Nelson (2020): the median effect, the share of
//! specifications that are significant with the dominant sign, and the mean of the statistics (Stouffer). P-values of
//! single specifications step down over the largest statistics (Romano and Wolf 2005).

use super::record::{Joint, Statement};
use super::stack::Stack;
use crate::hypothesis::family::share;
use crate::resampling::philox::philox;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Draws that one task makes; results do not depend on it.
const BLOCK: usize = 128;

/// An estimate that enters joint statements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Effect.
    pub estimate: f64,
    /// Its statistic.
    pub statistic: f64,
    /// Its own p-value: no joint one goes below.
    pub p_value: f64,
    /// Two-sided critical value of its own test at the level of the statements.
    pub critical: f64,
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawOptions {
    /// Sign flips.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Level of tests.
    pub alpha: f64,
}

/// The three statements of one set of statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Summary {
    median: f64,
    share: f64,
    mean: f64,
}

/// Statements, and the step-down p-value of each specification.
pub fn joint(stack: &Stack, entries: &[Entry], groups_are_clusters: bool, options: DrawOptions) -> (Joint, Vec<f64>) {
    let n = entries.len();
    let observed = summary(entries, |s| entries[s].statistic, |s| entries[s].estimate);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| entries[b].statistic.abs().total_cmp(&entries[a].statistic.abs()).then(a.cmp(&b)));
    let blocks: Vec<(Vec<Summary>, Vec<f64>, Vec<u64>)> = (0..options.draws.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let draws = block * BLOCK..((block + 1) * BLOCK).min(options.draws);
            let flipped = stack.signed(&signs(options.seed, draws.clone(), stack.groups()));
            let mut passed = vec![0u64; n];
            let (mut summaries, mut largest) = (Vec::new(), Vec::new());
            for draw in 0..draws.len() {
                let t = |s: usize| flipped[(draw, s)];
                summaries.push(summary(entries, t, |s| t(s) * stack.errors()[s]));
                let mut max = 0.0f64;
                for (&s, count) in order.iter().zip(&mut passed).rev() {
                    max = max.max(t(s).abs());
                    *count += u64::from(max >= entries[s].statistic.abs());
                }
                largest.push(max);
            }
            (summaries, largest, passed)
        })
        .collect();
    let mut family = vec![f64::NAN; n];
    let mut floor = 0.0f64;
    for (step, &s) in order.iter().enumerate() {
        let count: u64 = blocks.iter().map(|(_, _, passed)| passed[step]).sum();
        floor = floor.max(share(count as usize, options.draws)).max(entries[s].p_value);
        family[s] = floor;
    }
    let null: Vec<Summary> = blocks.iter().flat_map(|(summaries, _, _)| summaries.iter().copied()).collect();
    let mut largest: Vec<f64> = blocks.iter().flat_map(|(_, largest, _)| largest.iter().copied()).collect();
    largest.sort_by(f64::total_cmp);
    let statement = |name: &str, of: fn(&Summary) -> f64| {
        let values: Vec<f64> = null.iter().map(of).collect();
        let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let value = of(&observed);
        let as_large = sizes.len() - sizes.partition_point(|&size| size < value.abs());
        Statement {
            name: name.to_owned(),
            value,
            null_median: median(values),
            null_high: quantile(&sizes, 1.0 - options.alpha),
            p_value: share(as_large, sizes.len()),
        }
    };
    let joint = Joint {
        specifications: n,
        groups: stack.groups(),
        groups_are_clusters,
        draws: options.draws,
        seed: options.seed,
        alpha: options.alpha,
        statements: vec![
            statement("median effect", |summary| summary.median),
            statement("share significant with the dominant sign", |summary| summary.share),
            statement("mean statistic", |summary| summary.mean),
        ],
        critical: quantile(&largest, 1.0 - options.alpha),
    };
    (joint, family)
}

/// The statements of statistics `t` and effects `b`.
fn summary(entries: &[Entry], t: impl Fn(usize) -> f64, b: impl Fn(usize) -> f64) -> Summary {
    let n = entries.len();
    let side = |sign: f64| (0..n).filter(|&s| sign * t(s) > 0.0).count();
    let dominant = if side(1.0) >= side(-1.0) { 1.0 } else { -1.0 };
    let significant = (0..n).filter(|&s| dominant * t(s) > entries[s].critical).count();
    Summary {
        median: median((0..n).map(b).collect()),
        share: significant as f64 / n as f64,
        mean: (0..n).map(&t).sum::<f64>() / n as f64,
    }
}

/// Signs of the groups for some draws, a row each: bits of counters, the same for any thread.
fn signs(seed: u64, draws: std::ops::Range<usize>, groups: usize) -> DMatrix<f64> {
    /// Marks the counters of curves.
    const CURVE: u32 = 0x6375_7276;
    let mut signs = DMatrix::zeros(draws.len(), groups);
    for (row, draw) in draws.enumerate() {
        for word in 0..groups.div_ceil(128) {
            let bits = philox(seed, [draw as u32, word as u32, 0, CURVE]);
            for (at, group) in (word * 128..((word + 1) * 128).min(groups)).enumerate() {
                let bit = bits[at / 32] >> (at % 32) & 1;
                signs[(row, group)] = if bit == 1 { 1.0 } else { -1.0 };
            }
        }
    }
    signs
}

/// The middle value, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let n = values.len();
    0.5 * (values[(n - 1) / 2] + values[n / 2])
}

/// The smallest value with at least this share at or below it.
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let position = (level * sorted.len() as f64).ceil() as usize;
    sorted.get(position.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypothesis::draws::Stream;

    fn entry(statistic: f64) -> Entry {
        Entry { estimate: statistic, statistic, p_value: 0.0, critical: 1.959964 }
    }

    /// Columns of normals with a part in common.
    fn stack(groups: usize, specifications: usize, common: f64) -> Stack {
        let sums: Vec<Vec<f64>> = (0..specifications)
            .map(|s| {
                let own = |j: usize| Stream::new(s as u64 + 1, j as u64).normal();
                let shared = |j: usize| Stream::new(0, j as u64).normal();
                (0..groups).map(|j| common * shared(j) + (1.0 - common) * own(j)).collect()
            })
            .collect();
        let columns: Vec<Option<&[f64]>> = sums.iter().map(|s| Some(s.as_slice())).collect();
        Stack::new(groups, &columns, &vec![1.0; specifications])
    }

    const OPTIONS: DrawOptions = DrawOptions { draws: 4000, seed: 1, alpha: 0.05 };

    #[test]
    fn one_specification_has_the_p_value_of_its_statistic() {
        let (joint, family) = joint(&stack(400, 1, 0.0), &[entry(1.959964)], true, OPTIONS);
        assert!((family[0] - 0.05).abs() < 5.0 * (0.05f64 * 0.95 / 4000.0).sqrt(), "{family:?}");
        assert!((joint.critical - 1.96).abs() < 0.08, "{}", joint.critical);
    }

    #[test]
    fn independent_specifications_multiply_and_equal_ones_do_not() {
        let independent = joint(&stack(400, 20, 0.0), &vec![entry(2.5); 20], true, OPTIONS).1;
        // 1 - (1 - .01242)^20
        assert!((independent[0] - 0.2211).abs() < 5.0 * (0.22f64 * 0.78 / 4000.0).sqrt(), "{independent:?}");
        let equal = joint(&stack(400, 20, 1.0), &vec![entry(2.5); 20], true, OPTIONS).1;
        assert!((equal[0] - 0.0124).abs() < 5.0 * (0.0124f64 / 4000.0).sqrt(), "{equal:?}");
    }

    #[test]
    fn p_values_fall_with_the_statistic_and_bits_do_not_depend_on_threads() {
        let stack = stack(300, 8, 0.5);
        let entries: Vec<Entry> = (0..8).map(|s| entry(0.6 * s as f64)).collect();
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| joint(&stack, &entries, true, OPTIONS))
        };
        let (found, family) = of(1);
        assert_eq!((found.clone(), family.clone()), of(3));
        assert!(family.windows(2).all(|pair| pair[1] <= pair[0]), "{family:?}");
        assert_eq!(found.statements[1].value, 0.5);
        assert!((found.statements[0].value - 2.1).abs() < 1e-12);
    }
}
