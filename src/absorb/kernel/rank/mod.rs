//! How many parameters fixed effects absorb: the exact rank of their dummies, for any number of effects.
//!
//! One effect: its levels. Two: one less for every connected component of their bipartite graph (Abowd, Creecy and
//! Kramarz 2002). Three and more: let N span the left null space of the dummies [D1 D2] of the two largest. Then
//!
//! rank[D1 D2 D3 ..] = rank[D1 D2] + rank(N [D3 ..]).
//!
//! The rows that close a cycle over a spanning forest of the graph ([`forest`]) give such an N, a vector each. Their
//! products with the remaining dummies are eliminated modulo a large prime ([`modular`]): first the cycles of a few rows
//! of every level, then random combinations of all cycles, until these bring nothing new. A combination misses a
//! dimension that is left with probability 2^-61.

mod forest;
mod modular;
#[cfg(test)]
mod tests;

use forest::Forest;
use modular::Echelon;

/// Levels of the third and later effects up to which the rank is found: elimination takes their cube, seconds at
/// the limit and milliseconds below a thousand.
pub const MAX_REMAINING: usize = 4_000;
/// Rows whose cycle is looked at, for each level of the remaining effects.
const ROWS_PER_LEVEL: u8 = 8;
/// Random combinations in a row that must bring nothing.
const IDLE_COMBINATIONS: usize = 3;
/// Marks a level or vertex without a row.
const NONE: u32 = u32::MAX;

/// Parameters that effects absorb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// Rank of all dummies together.
    pub rank: usize,
    /// Whether that is exact; if not, it is an upper bound from pairs of effects.
    pub exact: bool,
    /// Levels of each effect (those with rows) that the larger effects span: levels - redundant sums to the rank.
    pub redundant: Vec<usize>,
}

/// Finds the rank of the dummies of `effects`, each `(level of each row, number of levels)`.
///
/// Three and more effects are counted exactly if the third and later ones have at most `max_remaining` levels
/// ([`MAX_REMAINING`] is reasonable). Levels without rows do not count. Effects are taken by size, the largest first; `redundant` keeps the order given.
pub fn rank(effects: &[(&[u32], usize)], n_rows: usize, max_remaining: usize) -> Rank {
    let present: Vec<usize> = effects.iter().map(|&(codes, n)| count_present(&codes[..n_rows], n)).collect();
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by_key(|&e| std::cmp::Reverse(present[e]));
    let sorted: Vec<(&[u32], usize)> = order.iter().map(|&e| (&effects[e].0[..n_rows], effects[e].1)).collect();
    let sizes: Vec<usize> = order.iter().map(|&e| present[e]).collect();
    let (by_size, exact) = match sorted.len() {
        _ if n_rows == 0 => (vec![0; sorted.len()], true),
        0 | 1 => (vec![0; sorted.len()], true),
        2 => (vec![0, components(sorted[0], sorted[1], sizes[1])], true),
        _ if sizes[2..].iter().sum::<usize>() > max_remaining => (pairwise(&sorted, &sizes), false),
        _ => (exactly(&sorted, &sizes), true),
    };
    let mut redundant = vec![0; effects.len()];
    order.iter().zip(by_size).for_each(|(&e, r)| redundant[e] = r);
    Rank { rank: present.iter().sum::<usize>() - redundant.iter().sum::<usize>(), exact, redundant }
}

/// Values of the levels of two effects that sum to `sums` in every row, where these are such sums.
pub fn two_levels(a: (&[u32], usize), b: (&[u32], usize), sums: &[f64]) -> [Vec<f64>; 2] {
    let mut values = Forest::new(a, b).potentials(sums);
    let of_b = values.split_off(a.1);
    [values, of_b]
}

/// Levels with rows.
fn count_present(codes: &[u32], n_levels: usize) -> usize {
    let mut seen = vec![false; n_levels];
    codes.iter().for_each(|&code| seen[code as usize] = true);
    seen.into_iter().filter(|&seen| seen).count()
}

/// Connected components of the graph of two effects; `present` levels of `b` have rows.
///
/// Every level of `a` joins the levels of `b` that it meets: a union-find over `b` alone, which ends when all are joined.
fn components(a: (&[u32], usize), b: (&[u32], usize), present: usize) -> usize {
    let mut parent: Vec<u32> = (0..b.1 as u32).collect();
    let mut first = vec![NONE; a.1];
    let mut left = present;
    for (&a, &b) in a.0.iter().zip(b.0) {
        if left <= 1 {
            break;
        }
        let known = &mut first[a as usize];
        if *known == NONE || *known == b {
            *known = b;
            continue;
        }
        let (x, y) = (find(&mut parent, *known), find(&mut parent, b));
        if x != y {
            parent[x.max(y) as usize] = x.min(y);
            left -= 1;
        }
        *known = x.min(y);
    }
    left
}

/// Root of a level in a union-find forest, halving the path to it.
pub fn find(parent: &mut [u32], mut level: u32) -> u32 {
    while parent[level as usize] != level {
        let above = parent[parent[level as usize] as usize];
        parent[level as usize] = above;
        level = above;
    }
    level
}

/// Redundant levels as pairs of effects tell: at least the components of each effect with any before it.
fn pairwise(effects: &[(&[u32], usize)], sizes: &[usize]) -> Vec<usize> {
    let of = |e: usize| (0..e).map(|f| components(effects[f], effects[e], sizes[e])).max().unwrap_or(0);
    (0..effects.len()).map(of).collect()
}

/// Redundant levels of three or more effects, the two largest first.
fn exactly(effects: &[(&[u32], usize)], sizes: &[usize]) -> Vec<usize> {
    let forest = Forest::new(effects[0], effects[1]);
    let remaining = Remaining::new(&effects[2..]);
    let mut echelon = Echelon::new(remaining.width());
    // each further effect's dummies sum to the constant, which is spanned
    let mut bound: usize = sizes[2..].iter().map(|size| size - 1).sum();
    few_rows(&forest, &remaining, &mut echelon, bound);
    if echelon.rank() < bound {
        let known = pairwise(effects, sizes);
        bound = (2..effects.len()).map(|e| sizes[e] - known[e]).sum();
        let mut random = SplitMix(0x6d65_7469_6572);
        let mut idle = 0;
        while echelon.rank() < bound && idle < IDLE_COMBINATIONS {
            for mut vector in forest.combinations(&remaining, &mut random) {
                idle = if echelon.insert(&mut vector) { 0 } else { idle + 1 };
            }
        }
    }
    let mut redundant = vec![0, forest.components];
    redundant.extend((2..effects.len()).map(|e| sizes[e] - echelon.rank_of(remaining.levels_of(e - 2))));
    redundant
}

/// Eliminates the cycles of a few rows of every level, from all over the table, until the rank is `bound`.
fn few_rows(forest: &Forest, remaining: &Remaining, echelon: &mut Echelon, bound: usize) {
    /// Rows that are looked at together.
    const BLOCK: usize = 64;
    let n = forest.n_rows();
    let mut seen = vec![0u8; remaining.width()];
    let mut vector = vec![0u64; remaining.width()];
    // a long chain of levels has long cycles: random combinations are cheaper then
    let mut steps_left = 4 * n;
    for block in scattered(n.div_ceil(BLOCK)) {
        for row in block * BLOCK..((block + 1) * BLOCK).min(n) {
            if echelon.rank() == bound || steps_left == 0 {
                return;
            }
            if forest.is_tree(row) || remaining.of(row).all(|level| seen[level] >= ROWS_PER_LEVEL) {
                continue;
            }
            remaining.of(row).for_each(|level| seen[level] = seen[level].saturating_add(1));
            vector.fill(0);
            steps_left = steps_left.saturating_sub(forest.cycle(row, remaining, &mut vector));
            echelon.insert(&mut vector);
        }
    }
}

/// Every number below `n` once, far apart.
fn scattered(n: usize) -> impl Iterator<Item = usize> {
    let gcd = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // the golden section
    let mut stride = (n as f64 * 0.618_033_988_75) as usize + 1;
    while gcd(stride, n.max(1)) != 1 {
        stride += 1;
    }
    (0..n).scan(0, move |at, _| {
        let this = *at;
        *at = (*at + stride) % n;
        Some(this)
    })
}

/// The third and later effects, their levels in one numbering.
#[derive(Debug)]
struct Remaining<'a> {
    codes: Vec<&'a [u32]>,
    starts: Vec<usize>,
}

impl<'a> Remaining<'a> {
    fn new(effects: &[(&'a [u32], usize)]) -> Self {
        let mut starts = vec![0];
        effects.iter().for_each(|effect| starts.push(starts[starts.len() - 1] + effect.1));
        Remaining { codes: effects.iter().map(|effect| effect.0).collect(), starts }
    }

    /// Levels of all of them.
    fn width(&self) -> usize {
        self.starts[self.codes.len()]
    }

    fn levels_of(&self, effect: usize) -> std::ops::Range<usize> {
        self.starts[effect]..self.starts[effect + 1]
    }

    /// A row's levels.
    fn of(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        self.codes.iter().zip(&self.starts).map(move |(codes, start)| start + codes[row] as usize)
    }
}

/// Random numbers: SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
