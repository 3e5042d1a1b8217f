//! The second pass with the clusters apart that have one entry: most users of a large table have.
//!
//! With s*_g = v_g P_g - sum_{i in g} w a_i f_i, f the fitted value of a draw's regression, a cluster of one entry of weight one
//! in cell c has P_g = a_c u_g, and over all of them
//!
//! ```text
//! sum_g s*_g^2 = sum_g v_g^2 P_g^2 - 2 sum_c f_c a_c^2 D_c + sum_c n_c a_c^2 f_c^2,     D_c = sum_g v_g u_g
//! ```
//!
//! D_c is a part of what the first pass sums anyway, and f_c = alpha_e + z_c'd turns the sums over cells into sums over groups
//! e and dense columns: those clusters are met once, in the order of cells, and their signs lie in that order too. The
//! others are met twice as in [`super::direct`], by group, so that neighbours share what they look up.

use super::direct::{group_sums, inverse};
use super::forms::{Draw, Residuals, Scratch, Sums, add, add_products};
use crate::design::layout::Layout;
use crate::resampling::problem::Linear;
use crate::resampling::weights::{LANES, Lanes, Pass};

/// Entries whose groups are fetched ahead: they fit the first-level cache.
const WINDOW: usize = 64;

/// An entry of a cluster with several, in the order of cells.
#[derive(Debug, Clone, Copy)]
struct Shared<const N: usize> {
    cluster: u32,
    residual: [f64; N],
}

/// A cell in the first pass.
#[derive(Debug, Clone, Copy)]
struct Visit {
    /// End of its clusters of one entry, and of its other entries.
    ends: [u32; 2],
    group: u32,
    a: f64,
}

/// A group of the eliminated effect.
#[derive(Debug, Clone, Default)]
struct Group {
    /// 1 / w_e.
    inverse: f64,
    /// sum of n_c a_c^2.
    square: f64,
    /// Columns with sum of w z, and with sum of n_c a_c^2 z.
    columns: Vec<(u32, f64, f64)>,
}

/// A cluster of several entries.
#[derive(Debug, Clone, Copy)]
struct Several<const N: usize> {
    /// P_g.
    score: [f64; N],
    /// End of its groups, and of its dense columns.
    ends: [u32; 2],
}

/// The passes of a hypothesis.
#[derive(Debug)]
pub struct Apart<'a, const N: usize> {
    layout: &'a Layout,
    /// Clusters in the order of their weights: those of one entry by cell, then the others.
    identity: Vec<u32>,
    cells: Vec<Visit>,
    /// u of the clusters of one entry.
    singles: Vec<[f64; N]>,
    /// P of the same, where weights are not signs.
    single_scores: Vec<[f64; N]>,
    shared: Vec<Shared<N>>,
    several: Vec<Several<N>>,
    /// Groups with sum of w a, and dense columns with sum of w a z, of the clusters of several entries.
    of_groups: Vec<(u32, f64)>,
    of_columns: Vec<(u32, f64)>,
    groups: Vec<Group>,
    /// sum_c n_c a_c^2 z_c z_c', k x k.
    products: Vec<f64>,
    /// A^{-1}, k x k.
    inverse: Vec<f64>,
    /// sum_g P_g P_g': 00, 01, 11.
    square: [f64; 3],
}

impl<'a, const N: usize> Apart<'a, N> {
    pub fn new(linear: &'a Linear, residuals: &Residuals<N>) -> Self {
        let (layout, entries) = (linear.layout, &linear.entries);
        let mut group_of = vec![0u32; layout.n()];
        layout.for_groups(|group, cells| group_of[cells].fill(group as u32));
        let run = |g: usize| linear.clusters.starts[g] as usize..linear.clusters.starts[g + 1] as usize;
        let is_single = |g: usize| run(g).len() == 1 && entries.weight[run(g).start] == 1.0;
        let (mut alone, mut others): (Vec<usize>, Vec<usize>) = (0..linear.clusters.len()).partition(|&g| is_single(g));
        let first_cell = |g: &usize| entries.cell[run(*g).start];
        alone.sort_by_key(first_cell);
        others.sort_by_key(first_cell);

        let mut counts = vec![0u32; layout.n()];
        alone.iter().for_each(|g| counts[first_cell(g) as usize] += 1);
        let mut by_cell: Vec<Vec<Shared<N>>> = vec![Vec::new(); layout.n()];
        let (mut several, mut of_groups, mut of_columns) = (Vec::new(), Vec::new(), Vec::new());
        for (at, &g) in others.iter().enumerate() {
            let (first_group, first_column) = (of_groups.len(), of_columns.len());
            for i in run(g) {
                let cell = entries.cell[i] as usize;
                let weighted = entries.weight[i] * residuals.a[cell];
                by_cell[cell].push(Shared { cluster: (alone.len() + at) as u32, residual: residuals.entry[i] });
                gather(&mut of_groups, first_group, group_of[cell], weighted);
                for (column, value) in layout.slots(cell).filter(|&(column, _)| column < layout.k) {
                    gather(&mut of_columns, first_column, column as u32, weighted * value);
                }
            }
            let ends = [of_groups.len() as u32, of_columns.len() as u32];
            several.push(Several { score: residuals.cluster[g], ends });
        }
        let mut cells = Vec::with_capacity(layout.n());
        let mut ends = [0u32; 2];
        for cell in 0..layout.n() {
            ends = [ends[0] + counts[cell], ends[1] + by_cell[cell].len() as u32];
            cells.push(Visit { ends, group: group_of[cell], a: residuals.a[cell] });
        }
        let (groups, products) = squares(linear, &counts, &residuals.a);
        let product = |x: usize, y: usize| residuals.cluster.iter().map(|p| p[x] * p[y]).sum::<f64>();
        let last = N - 1;
        Apart {
            layout,
            identity: alone.iter().chain(&others).map(|&g| linear.clusters.identity[g]).collect(),
            cells,
            singles: alone.iter().map(|&g| residuals.entry[run(g).start]).collect(),
            single_scores: alone.iter().map(|&g| residuals.cluster[g]).collect(),
            shared: by_cell.into_iter().flatten().collect(),
            several,
            of_groups,
            of_columns,
            groups,
            products,
            inverse: inverse(linear),
            square: if last == 0 {
                [product(0, 0), 0.0, 0.0]
            } else {
                [product(0, 0), product(0, last), product(last, last)]
            },
        }
    }

    /// What each cluster is, in the order in which a pass asks for its weights.
    pub fn identity(&self) -> &[u32] {
        &self.identity
    }

    pub fn scratch(&self) -> Scratch {
        // sums of all entries and of the clusters of one, by group, then by column with one that stands for none
        let width = self.groups.len() + self.layout.k + 1;
        Scratch { sums: vec![[0.0; LANES]; width * N], more: vec![[0.0; LANES]; width * N] }
    }

    pub fn pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch) -> [Draw; LANES] {
        let mut sums = Sums::<N>::new();
        self.first_pass(weights, scratch, &mut sums.n);
        if P::UNIT {
            sums.scale = self.square.map(|square| [square; LANES]);
        } else {
            for (g, p) in self.single_scores.iter().chain(self.several.iter().map(|own| &own.score)).enumerate() {
                let v = weights.lanes(g);
                let own = p.map(|p| v.map(|v| p * v));
                add_products(&mut sums.scale, &own, &own, 1.0);
            }
        }
        // the clusters of several entries add squares of their own, what stays are the others
        sums.v = sums.scale;
        self.solve(scratch, &mut sums);
        self.second_pass(weights, scratch, &mut sums);
        sums.draws()
    }

    /// Numerators, sums of the drawn residuals by group and dense column, and those of a^2 times the drawn residuals of
    /// the clusters of one entry.
    fn first_pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch, numerator: &mut [Lanes; N]) {
        let Scratch { sums, more } = scratch;
        sums.fill([0.0; LANES]);
        more.fill([0.0; LANES]);
        let columns = self.groups.len();
        let mut first = [0usize; 2];
        for (cell, visit) in self.cells.iter().enumerate() {
            let ends = visit.ends.map(|end| end as usize);
            let mut alone = [[0.0; LANES]; N];
            for (g, residual) in (first[0]..ends[0]).zip(&self.singles[first[0]..ends[0]]) {
                let v = weights.lanes(g);
                (0..N).for_each(|b| add(&mut alone[b], residual[b], &v));
            }
            let mut drawn = alone;
            for entry in &self.shared[first[1]..ends[1]] {
                let v = weights.lanes(entry.cluster as usize);
                (0..N).for_each(|b| add(&mut drawn[b], entry.residual[b], &v));
            }
            let (at, square) = (visit.group as usize * N, visit.a * visit.a);
            for b in 0..N {
                add(&mut numerator[b], visit.a, &drawn[b]);
                add(&mut sums[at + b], 1.0, &drawn[b]);
                for (column, value) in self.layout.slots(cell) {
                    add(&mut sums[(columns + column) * N + b], value, &drawn[b]);
                }
                if ends[0] > first[0] {
                    add(&mut more[at + b], square, &alone[b]);
                    for (column, value) in self.layout.slots(cell) {
                        add(&mut more[(columns + column) * N + b], square * value, &alone[b]);
                    }
                }
            }
            first = ends;
        }
    }

    /// Sums become coefficients, in place; squared errors of the clusters of one entry.
    fn solve(&self, scratch: &mut Scratch, sums: &mut Sums<N>) {
        let (groups, k) = (self.groups.len(), self.layout.k);
        let (of_groups, of_columns) = scratch.sums.split_at_mut(groups * N);
        let (alone_groups, alone_columns) = scratch.more.split_at(groups * N);
        for (group, levels) in self.groups.iter().zip(of_groups.chunks_exact_mut(N)) {
            for (b, level) in levels.iter_mut().enumerate() {
                level.iter_mut().for_each(|r| *r *= group.inverse);
                for &(column, t, _) in &group.columns {
                    add(&mut of_columns[column as usize * N + b], -t, level);
                }
            }
        }
        let mut d = vec![[0.0; LANES]; k * N];
        for row in 0..k {
            for column in 0..k {
                let factor = self.inverse[row * k + column];
                (0..N).for_each(|b| add(&mut d[row * N + b], factor, &of_columns[column * N + b]));
            }
        }
        for (at, group) in self.groups.iter().enumerate() {
            let mut through = [[0.0; LANES]; N];
            let mut level = [[0.0; LANES]; N];
            level.copy_from_slice(&of_groups[at * N..(at + 1) * N]);
            for &(column, t, square) in &group.columns {
                for b in 0..N {
                    let d = &d[column as usize * N + b];
                    add(&mut level[b], -t * group.inverse, d);
                    add(&mut through[b], 2.0 * square, d);
                }
            }
            of_groups[at * N..(at + 1) * N].copy_from_slice(&level);
            // alpha (alpha W + 2 t'd) - 2 alpha C, with the cross term of two bases in halves
            for b in 0..N {
                add(&mut through[b], group.square, &level[b]);
                add(&mut through[b], -2.0, &alone_groups[at * N + b]);
            }
            add_half_products(&mut sums.v, &level, &through);
        }
        for row in 0..k {
            let mut through = [[0.0; LANES]; N];
            for b in 0..N {
                for column in 0..k {
                    add(&mut through[b], self.products[row * k + column], &d[column * N + b]);
                }
                add(&mut through[b], -2.0, &alone_columns[row * N + b]);
            }
            let own: [Lanes; N] = std::array::from_fn(|b| d[row * N + b]);
            add_half_products(&mut sums.v, &own, &through);
        }
        of_columns[..k * N].copy_from_slice(&d);
    }

    /// Clusters of several entries.
    fn second_pass<P: Pass>(&self, weights: &P, scratch: &Scratch, sums: &mut Sums<N>) {
        let (of_groups, of_columns) = scratch.sums.split_at(self.groups.len() * N);
        let mut first = [0usize; 2];
        // groups are met at random: a tight loop fetches those of a window of entries, so that cache misses overlap
        let mut near = [[[0.0; LANES]; N]; WINDOW];
        let (mut base, mut filled) = (0, 0);
        for (g, cluster) in (self.singles.len()..).zip(&self.several) {
            let ends = cluster.ends.map(|end| end as usize);
            let mut fitted = [[0.0; LANES]; N];
            for at in first[0]..ends[0] {
                if at == filled {
                    base = at;
                    filled = (at + WINDOW).min(self.of_groups.len());
                    for (near, &(group, _)) in near.iter_mut().zip(&self.of_groups[base..filled]) {
                        near.copy_from_slice(&of_groups[group as usize * N..(group as usize + 1) * N]);
                    }
                }
                let (near, weighted) = (&near[at - base], self.of_groups[at].1);
                (0..N).for_each(|b| add(&mut fitted[b], weighted, &near[b]));
            }
            for &(column, weighted) in &self.of_columns[first[1]..ends[1]] {
                (0..N).for_each(|b| add(&mut fitted[b], weighted, &of_columns[column as usize * N + b]));
            }
            // q (q - 2 v P)
            let v = weights.lanes(g);
            let mut through = fitted;
            (0..N).for_each(|b| add(&mut through[b], -2.0 * cluster.score[b], &v));
            add_half_products(&mut sums.v, &fitted, &through);
            first = ends;
        }
    }
}

/// Adds `x y` of one basis, or 00, the mean of 01 and 10, and 11 of two.
#[inline(always)]
fn add_half_products<const N: usize>(sums: &mut [Lanes; 3], x: &[Lanes; N], y: &[Lanes; N]) {
    let mut put = |at: usize, factor: f64, x: &Lanes, y: &Lanes| {
        for lane in 0..LANES {
            sums[at][lane] += factor * x[lane] * y[lane];
        }
    };
    put(0, 1.0, &x[0], &y[0]);
    if N > 1 {
        put(1, 0.5, &x[0], &y[N - 1]);
        put(1, 0.5, &x[N - 1], &y[0]);
        put(2, 1.0, &x[N - 1], &y[N - 1]);
    }
}

/// Adds to the value of a key among those from `first` on.
fn gather(list: &mut Vec<(u32, f64)>, first: usize, key: u32, value: f64) {
    match list[first..].iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum += value,
        None => list.push((key, value)),
    }
}

/// What squared fitted values of the clusters of one entry need: by group, and by pairs of dense columns.
fn squares(linear: &Linear, counts: &[u32], a: &[f64]) -> (Vec<Group>, Vec<f64>) {
    let (layout, k) = (linear.layout, linear.layout.k);
    let mut groups: Vec<Group> = group_sums(layout)
        .into_iter()
        .zip(linear.solver.group_inverse())
        .map(|(sums, &inverse)| Group {
            inverse,
            square: 0.0,
            columns: sums.into_iter().map(|(column, t)| (column, t, 0.0)).collect(),
        })
        .collect();
    let mut products = vec![0.0; k * k];
    layout.for_groups(|group, cells| {
        let own = &mut groups[group];
        for cell in cells.filter(|&cell| counts[cell] > 0) {
            let square = f64::from(counts[cell]) * a[cell] * a[cell];
            own.square += square;
            for (column, value) in layout.slots(cell).filter(|&(column, _)| column < k) {
                if let Ok(at) = own.columns.binary_search_by_key(&(column as u32), |&(column, ..)| column) {
                    own.columns[at].2 += square * value;
                }
                for (other, factor) in layout.slots(cell).filter(|&(other, _)| other < k) {
                    products[column * k + other] += square * value * factor;
                }
            }
        }
    });
    (groups, products)
}
