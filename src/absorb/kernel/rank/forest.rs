//! A spanning forest of the graph of two effects, and the cycles that the other rows close over it.
//!
//! A row is an edge between its levels a and b. A vector of row weights is in the left null space of both effects'
//! dummies when the weights at every level sum to zero. Rows outside the forest may have any weight; those inside then
//! follow, from the leaves to the root. A row's own cycle is the case with weight 1 for it and 0 for the others: the
//! weights alternate +1, -1 along the cycle.

use super::modular::{PRIME, add, subtract};
use super::{NONE, Remaining, SplitMix};

/// Combinations of all cycles formed in one pass.
const LANES: usize = 4;

/// A spanning forest; vertices are the levels of a, then those of b.
#[derive(Debug)]
pub struct Forest<'a> {
    a: &'a [u32],
    b: &'a [u32],
    n_a: usize,
    /// Row to the vertex above, [`NONE`] for a root.
    up: Vec<u32>,
    /// Rows between a vertex and its root.
    depth: Vec<u32>,
    /// Vertices from the roots down.
    order: Vec<u32>,
    /// Whether a row is part of the forest.
    tree: Vec<bool>,
    /// Trees: connected components.
    pub components: usize,
}

impl<'a> Forest<'a> {
    /// Searches breadth first, which keeps cycles short; from the level of b with most rows.
    pub fn new(a: (&'a [u32], usize), b: (&'a [u32], usize)) -> Self {
        let (by_a, by_b) = (Adjacency::new(a.0, a.1), Adjacency::new(b.0, b.1));
        let n = a.1 + b.1;
        let mut forest = Forest {
            a: a.0,
            b: b.0,
            n_a: a.1,
            up: vec![NONE; n],
            depth: vec![NONE; n],
            order: Vec::with_capacity(n),
            tree: vec![false; a.0.len()],
            components: 0,
        };
        let hub = (0..b.1).max_by_key(|&level| by_b.rows(level).len()).unwrap_or(0);
        let mut at = 0;
        for level in std::iter::once(hub).chain(0..b.1) {
            if by_b.rows(level).is_empty() || forest.depth[a.1 + level] != NONE {
                continue;
            }
            forest.components += 1;
            forest.depth[a.1 + level] = 0;
            forest.order.push((a.1 + level) as u32);
            while let Some(&vertex) = forest.order.get(at) {
                at += 1;
                let depth = forest.depth[vertex as usize] + 1;
                let rows = match (vertex as usize).checked_sub(a.1) {
                    None => by_a.rows(vertex as usize),
                    Some(level) => by_b.rows(level),
                };
                for &row in rows {
                    let other = forest.other(row as usize, vertex);
                    if forest.depth[other] == NONE {
                        forest.depth[other] = depth;
                        forest.up[other] = row;
                        forest.tree[row as usize] = true;
                        forest.order.push(other as u32);
                    }
                }
            }
        }
        forest
    }

    /// Values of all vertices that sum to `sums` in every row, if there are such; roots are zero.
    pub fn potentials(&self, sums: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.up.len()];
        for &vertex in self.order.iter().filter(|&&vertex| self.up[vertex as usize] != NONE) {
            let row = self.up[vertex as usize] as usize;
            values[vertex as usize] = sums[row] - values[self.other(row, vertex)];
        }
        values
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.a.len()
    }

    /// Whether a row is part of the forest.
    pub fn is_tree(&self, row: usize) -> bool {
        self.tree[row]
    }

    /// The vertex at the other end of a row.
    #[inline]
    fn other(&self, row: usize, vertex: u32) -> usize {
        if (vertex as usize) < self.n_a { self.n_a + self.b[row] as usize } else { self.a[row] as usize }
    }

    /// Adds the remaining effects' dummies over the cycle that a row closes; returns the cycle's length.
    pub fn cycle(&self, row: usize, remaining: &Remaining, vector: &mut [u64]) -> usize {
        let mut put = |row: usize, positive: bool| {
            let sign = if positive { 1 } else { PRIME - 1 };
            remaining.of(row).for_each(|level| vector[level] = add(vector[level], sign));
        };
        put(row, true);
        // the two ends climb to where they meet, each with its own sign: next to the row it is -1
        let mut ends = [(self.a[row], false), ((self.n_a as u32 + self.b[row]), false)];
        let mut length = 1;
        while ends[0].0 != ends[1].0 {
            let deeper = usize::from(self.depth[ends[1].0 as usize] > self.depth[ends[0].0 as usize]);
            let (vertex, positive) = &mut ends[deeper];
            let up = self.up[*vertex as usize] as usize;
            put(up, *positive);
            *vertex = self.other(up, *vertex) as u32;
            *positive = !*positive;
            length += 1;
        }
        length
    }

    /// The remaining effects' dummies under random weights of the null space, [`LANES`] times.
    pub fn combinations(&self, remaining: &Remaining, random: &mut SplitMix) -> Vec<Vec<u64>> {
        let mut out = vec![[0u64; LANES]; remaining.width()];
        // weights at each vertex that its row upwards must balance
        let mut sums = vec![[0u64; LANES]; self.up.len()];
        for row in (0..self.n_rows()).filter(|&row| !self.tree[row]) {
            let weight: [u64; LANES] = std::array::from_fn(|_| random.next() % PRIME);
            remaining.of(row).for_each(|level| add_lanes(&mut out[level], &weight));
            add_lanes(&mut sums[self.a[row] as usize], &weight);
            add_lanes(&mut sums[self.n_a + self.b[row] as usize], &weight);
        }
        for &vertex in self.order.iter().rev().filter(|&&vertex| self.up[vertex as usize] != NONE) {
            let row = self.up[vertex as usize] as usize;
            let weight = sums[vertex as usize].map(|sum| subtract(0, sum));
            remaining.of(row).for_each(|level| add_lanes(&mut out[level], &weight));
            add_lanes(&mut sums[self.other(row, vertex)], &weight);
        }
        (0..LANES).map(|lane| out.iter().map(|level| level[lane]).collect()).collect()
    }
}

#[inline]
fn add_lanes(sum: &mut [u64; LANES], other: &[u64; LANES]) {
    sum.iter_mut().zip(other).for_each(|(sum, &other)| *sum = add(*sum, other));
}

/// Rows of each level.
struct Adjacency {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Adjacency {
    fn new(codes: &[u32], n_levels: usize) -> Self {
        let mut starts = vec![0u32; n_levels + 1];
        codes.iter().for_each(|&code| starts[code as usize + 1] += 1);
        (0..n_levels).for_each(|level| starts[level + 1] += starts[level]);
        let mut next = starts.clone();
        let mut rows = vec![0u32; codes.len()];
        for (row, &code) in codes.iter().enumerate() {
            let place = &mut next[code as usize];
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        Adjacency { starts, rows }
    }

    fn rows(&self, level: usize) -> &[u32] {
        &self.rows[self.starts[level] as usize..self.starts[level + 1] as usize]
    }
}
