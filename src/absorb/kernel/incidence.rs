//! Who meets whom: rows in groups of the eliminated effect, and the levels of the other effects that each row has.
//!
//! Levels of all other effects share one numbering `0..n_levels`, effect after effect, largest first. A row's levels
//! stand side by side. Rows of a group with the same levels can be merged into one *pair* (a weight sums the rows):
//! the Schur complement is the same, and a panel whose workers stay at their firm shrinks several times.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::ops::Range;

/// Rows below which work is not divided.
const PART_ROWS: usize = 1 << 14;
/// Most parts that work is divided into.
const MAX_PARTS: usize = 16;
/// Groups looked at to guess whether merging pays.
const PROBED_GROUPS: usize = 2_000;
/// Repeated groups among those looked at below which twins are not looked for.
const FEWEST_REPEATED: usize = 20;
/// Share of rows left, at most, for merging to pay.
const WORTH_MERGING: f64 = 0.8;

/// Groups of rows with their levels.
#[derive(Debug, Clone)]
pub struct Incidence<'a> {
    /// Effects besides the eliminated one.
    pub q: usize,
    /// First row of each group, and the end.
    pub starts: Cow<'a, [u32]>,
    /// Levels, `q` per row.
    pub levels: Cow<'a, [u32]>,
    /// Levels of all effects.
    pub n_levels: usize,
    /// First level of each effect.
    pub first: Vec<usize>,
}

/// Rows merged into pairs.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Groups with at least two pairs; the others have no part in the Schur complement.
    pub incidence: Incidence<'static>,
    /// Pair of each row, `u32::MAX` for rows of groups left out.
    pub of_row: Vec<u32>,
}

/// Groups with the same levels row by row, kept once: without weights they add the same to the Schur complement.
#[derive(Debug, Clone)]
pub struct Twins {
    /// The distinct groups.
    pub incidence: Incidence<'static>,
    /// How often each occurs, row by row.
    pub weight: Vec<f64>,
}

impl Incidence<'_> {
    /// First level from which on all effects have few levels.
    pub fn tail(&self, few: usize) -> usize {
        let few_from = |&&first: &&usize| self.n_levels - first <= few;
        self.first.iter().find(few_from).copied().unwrap_or(self.n_levels)
    }

    /// Number of groups.
    pub fn n_groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        *self.starts.last().unwrap_or(&0) as usize
    }

    /// Rows of a group.
    #[inline]
    pub fn rows(&self, group: usize) -> Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }

    /// Ranges of groups with about equal numbers of rows; they depend on the design, never on the threads.
    pub fn parts(&self, columns: usize) -> Vec<Range<usize>> {
        let n = self.n_rows();
        // every part sums into a table of its own: the tables must not outweigh the rows
        let affordable = (2 * n / (self.n_levels * columns).max(1)).max(2);
        let wanted = (n / PART_ROWS).clamp(1, MAX_PARTS.min(affordable));
        let mut parts = Vec::with_capacity(wanted);
        let mut first = 0;
        for part in 1..=wanted {
            let target = (n as u64 * part as u64 / wanted as u64) as u32;
            let end = if part == wanted { self.n_groups() } else { self.starts.partition_point(|&s| s < target) };
            let end = end.clamp(first, self.n_groups());
            if end > first {
                parts.push(first..end);
                first = end;
            }
        }
        if parts.is_empty() {
            parts.push(0..self.n_groups());
        }
        parts
    }

    /// Merges rows of a group with the same levels, if that leaves clearly fewer; `None` if not.
    pub fn merge(&self) -> Option<Merged> {
        let step = (self.n_groups() / PROBED_GROUPS).max(1);
        let (mut seen, mut left) = (0, 0);
        let mut order = Vec::new();
        for group in (0..self.n_groups()).step_by(step) {
            let rows = self.rows(group);
            seen += rows.len();
            let distinct = self.sort_group(rows.clone(), &mut order);
            left += if distinct > 1 { distinct } else { 0 };
        }
        if left as f64 > WORTH_MERGING * seen as f64 {
            return None;
        }
        let parts = self.parts(1);
        let pieces: Vec<Piece> = parts.par_iter().map(|groups| self.merge_part(groups.clone())).collect();
        let mut merged = Merged {
            incidence: Incidence {
                q: self.q,
                starts: vec![0].into(),
                levels: Vec::new().into(),
                n_levels: self.n_levels,
                first: self.first.clone(),
            },
            of_row: Vec::with_capacity(self.n_rows()),
        };
        let (starts, levels) = (merged.incidence.starts.to_mut(), merged.incidence.levels.to_mut());
        for piece in pieces {
            let base = starts.last().copied().unwrap_or(0);
            starts.extend(piece.ends.iter().map(|end| base + end));
            levels.extend(piece.levels);
            merged.of_row.extend(piece.of_row.iter().map(|&p| if p == u32::MAX { p } else { base + p }));
        }
        Some(merged)
    }

    /// Keeps one of several groups with the same levels, if a sample of groups says that most have such twins.
    pub fn twins(&self) -> Option<Twins> {
        let q = self.q;
        let levels = |group: usize| {
            let rows = self.rows(group);
            &self.levels[rows.start * q..rows.end * q]
        };
        let mut seen: FxHashMap<&[u32], ()> = FxHashMap::default();
        let probed = PROBED_GROUPS.min(self.n_groups());
        // scattered draws: groups may repeat with a period that regular steps would miss
        let drawn = (0..probed as u64).map(|i| (scatter(i) % self.n_groups().max(1) as u64) as usize);
        let repeated = drawn.filter(|&g| seen.insert(levels(g), ()).is_some()).count();
        // m draws from k kinds meet about m^2 / 2k times
        let kinds = (probed * probed) as f64 / (2 * repeated.max(1)) as f64;
        if repeated < FEWEST_REPEATED || kinds > self.n_groups() as f64 / 3.0 {
            return None;
        }
        let mut number: FxHashMap<&[u32], u32> = FxHashMap::default();
        let (mut starts, mut all, mut count) = (vec![0u32], Vec::new(), Vec::new());
        for group in 0..self.n_groups() {
            let own = levels(group);
            let next = count.len() as u32;
            let kind = *number.entry(own).or_insert(next);
            if kind == next {
                all.extend_from_slice(own);
                starts.push((all.len() / q.max(1)) as u32);
                count.push(0.0);
            }
            count[kind as usize] += 1.0;
        }
        let mut weight = Vec::with_capacity(all.len() / q.max(1));
        for (kind, count) in count.iter().enumerate() {
            weight.extend((starts[kind]..starts[kind + 1]).map(|_| *count));
        }
        let incidence = Incidence {
            q,
            starts: starts.into(),
            levels: all.into(),
            n_levels: self.n_levels,
            first: self.first.clone(),
        };
        Some(Twins { incidence, weight })
    }

    fn merge_part(&self, groups: Range<usize>) -> Piece {
        let q = self.q;
        let mut piece = Piece::default();
        let mut order = Vec::new();
        let mut next = 0u32;
        for group in groups {
            let rows = self.rows(group);
            let base = piece.of_row.len();
            piece.of_row.resize(base + rows.len(), u32::MAX);
            if self.sort_group(rows.clone(), &mut order) < 2 {
                continue;
            }
            let mut last = usize::MAX;
            for &row in &order {
                let row = row as usize;
                if last == usize::MAX || self.levels[row * q..row * q + q] != self.levels[last * q..last * q + q] {
                    piece.levels.extend_from_slice(&self.levels[row * q..row * q + q]);
                    next += 1;
                    last = row;
                }
                piece.of_row[base + row - rows.start] = next - 1;
            }
            piece.ends.push(next);
        }
        piece
    }

    /// Rows of a group ordered by their levels, into `order`; returns how many are distinct.
    fn sort_group(&self, rows: Range<usize>, order: &mut Vec<u32>) -> usize {
        let q = self.q;
        let key = |row: u32| &self.levels[row as usize * q..row as usize * q + q];
        order.clear();
        order.extend(rows.start as u32..rows.end as u32);
        order.sort_by(|&a, &b| key(a).cmp(key(b)));
        usize::from(!order.is_empty()) + order.windows(2).filter(|pair| key(pair[0]) != key(pair[1])).count()
    }
}

/// A well-mixed function of a number (the finaliser of splitmix64, Steele, Lea and Flood 2014).
fn scatter(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Merged rows of one part.
#[derive(Debug, Default)]
struct Piece {
    ends: Vec<u32>,
    levels: Vec<u32>,
    of_row: Vec<u32>,
}
