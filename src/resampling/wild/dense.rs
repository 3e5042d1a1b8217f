//! One pass per draw where all columns, groups of the eliminated effect included, are few.
//!
//! With B the generalised inverse of the normal matrix of all columns, Q = sum_g q_g q_g' and c* = sum_g v_g P_g q_g:
//! sum_g s*_g^2 = sum_g v_g^2 P_g^2 - 2 (B r*)'c* + (B r*)'Q (B r*).
//!
//! r* and c* are sums over cells by column. Cells of a group are taken in the order of their slots, and sums are handed from
//! slot to slot only where the next cell differs ([`Dense::hand_up`]): most cells touch one column, not all of theirs.

use super::direct::{group_sums, inverse};
use super::forms::{Draw, Residuals, Scratch, Sums, add, add_products, by_cell, cluster_of_entry};
use crate::design::layout::Layout;
use crate::linalg::blocks::sum_blocks;
use crate::resampling::problem::Linear;
use crate::resampling::weights::{LANES, Lanes, Pass};

/// An entry in the order of cells.
#[derive(Debug, Clone, Copy)]
struct Entry<const N: usize> {
    cluster: u32,
    residual: [f64; N],
    /// w a P_g.
    score: [f64; N],
}

/// A cell in the order of slots.
#[derive(Debug, Clone, Copy)]
struct Visit {
    cell: u32,
    group: u32,
    /// First slot that differs from the cell before in the group; 0 at the first cell of a group.
    differs: u32,
    /// End of its entries.
    end: u32,
    a: f64,
}

/// The pass of a hypothesis.
#[derive(Debug)]
pub struct Dense<'a, const N: usize> {
    layout: &'a Layout,
    cells: Vec<Visit>,
    entries: Vec<Entry<N>>,
    cluster: Vec<[f64; N]>,
    /// sum_g P_g P_g': 00, 01, 11.
    square: [f64; 3],
    groups: usize,
    /// B, of groups then columns.
    inverse: Vec<f64>,
    /// Q.
    products: Vec<f64>,
}

impl<'a, const N: usize> Dense<'a, N> {
    pub fn new(linear: &'a Linear, residuals: &Residuals<N>) -> Self {
        let layout = linear.layout;
        let (order, starts) = by_cell(linear);
        let cluster = cluster_of_entry(linear);
        let entry = |i: usize| {
            let g = cluster[i];
            let weight = linear.entries.weight[i] * residuals.a[linear.entries.cell[i] as usize];
            let score = residuals.cluster[g as usize].map(|p| weight * p);
            Entry { cluster: g, residual: residuals.entry[i], score }
        };
        let mut cells = visits(layout, &residuals.a);
        let mut entries = Vec::with_capacity(order.len());
        for visit in &mut cells {
            let own = starts[visit.cell as usize] as usize..starts[visit.cell as usize + 1] as usize;
            entries.extend(order[own].iter().map(|&i| entry(i as usize)));
            visit.end = entries.len() as u32;
        }
        let product = |x: usize, y: usize| residuals.cluster.iter().map(|p| p[x] * p[y]).sum::<f64>();
        Dense {
            layout,
            cells,
            entries,
            cluster: residuals.cluster.clone(),
            square: [product(0, 0), product(0, N - 1), product(N - 1, N - 1)],
            groups: linear.solver.group_inverse().len(),
            inverse: full_inverse(linear),
            products: score_products(linear, &residuals.a),
        }
    }

    fn columns(&self) -> usize {
        self.groups + self.layout.k
    }

    pub fn scratch(&self) -> Scratch {
        // sums r and c of every column and the one that stands for none, for each basis
        let width = self.columns() + 1;
        Scratch { sums: vec![[0.0; LANES]; 2 * N * width], more: vec![[0.0; LANES]; 2 * N * self.columns()] }
    }

    pub fn pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch) -> [Draw; LANES] {
        let mut sums = Sums::<N>::new();
        self.add_up(weights, scratch, &mut sums.n);
        if P::UNIT {
            sums.scale = self.square.map(|square| [square; LANES]);
        } else {
            for (g, p) in self.cluster.iter().enumerate() {
                let v = weights.lanes(g);
                let own = p.map(|p| v.map(|v| p * v));
                add_products(&mut sums.scale, &own, &own, 1.0);
            }
        }
        sums.v = sums.scale;
        let columns = self.columns();
        let (coefficients, through) = scratch.more.split_at_mut(columns * N);
        for b in 0..N {
            multiply(
                &self.inverse,
                columns,
                |column| scratch.sums[2 * (column * N + b)],
                |row| row * N + b,
                coefficients,
            );
        }
        for b in 0..N {
            multiply(&self.products, columns, |column| coefficients[column * N + b], |row| row * N + b, through);
        }
        for column in 0..columns {
            let d: [Lanes; N] = std::array::from_fn(|b| coefficients[column * N + b]);
            let q: [Lanes; N] = std::array::from_fn(|b| through[column * N + b]);
            let c: [Lanes; N] = std::array::from_fn(|b| scratch.sums[2 * (column * N + b) + 1]);
            add_products(&mut sums.v, &d, &c, -2.0);
            add_products(&mut sums.v, &d, &q, 1.0);
        }
        sums.draws()
    }

    /// Numerators, and r* and c* by group and column.
    fn add_up<P: Pass>(&self, weights: &P, scratch: &mut Scratch, numerator: &mut [Lanes; N]) {
        scratch.sums.fill([0.0; LANES]);
        // sums of the cells seen since a slot last changed; the first is that of the group
        let mut open = vec![[[[0.0; LANES]; 2]; N]; self.layout.n_slots + 1];
        let mut first = 0;
        for (at, visit) in self.cells.iter().enumerate() {
            // r and c side by side, basis by basis
            let mut drawn = [[[0.0; LANES]; 2]; N];
            for entry in &self.entries[first..visit.end as usize] {
                let v = weights.lanes(entry.cluster as usize);
                for (sums, (residual, score)) in drawn.iter_mut().zip(entry.residual.iter().zip(&entry.score)) {
                    add(&mut sums[0], *residual, &v);
                    add(&mut sums[1], *score, &v);
                }
            }
            first = visit.end as usize;
            (0..N).for_each(|b| add(&mut numerator[b], visit.a, &drawn[b][0]));
            let last = self.layout.n_slots;
            open[last].as_flattened_mut().iter_mut().zip(drawn.as_flattened()).for_each(|(sum, x)| add(sum, 1.0, x));
            let next = self.cells.get(at + 1);
            let ends = next.is_none_or(|next| next.group != visit.group);
            self.hand_up(
                visit,
                if ends { 0 } else { next.map_or(0, |next| next.differs as usize) },
                &mut open,
                &mut scratch.sums,
            );
            if ends {
                let slots = &mut scratch.sums[2 * N * visit.group as usize..2 * N * (visit.group as usize + 1)];
                let sums = std::mem::replace(&mut open[0], [[[0.0; LANES]; 2]; N]);
                if self.groups > 0 {
                    slots.copy_from_slice(sums.as_flattened());
                }
            }
        }
    }

    /// Closes the slots from `from` on after a cell: each adds its sums to its column and to the slot before.
    #[inline(always)]
    fn hand_up(&self, visit: &Visit, from: usize, open: &mut [[[Lanes; 2]; N]], columns: &mut [Lanes]) {
        let first = visit.cell as usize * self.layout.n_slots;
        for slot in (from..self.layout.n_slots).rev() {
            let column = self.groups + self.layout.column[first + slot] as usize;
            let value = self.layout.value.as_ref().map_or(1.0, |value| value[first + slot]);
            let (before, own) = open.split_at_mut(slot + 1);
            let (before, own) = (before[slot].as_flattened_mut(), own[0].as_flattened_mut());
            let slots = &mut columns[2 * N * column..2 * N * (column + 1)];
            for ((sum, before), own) in slots.iter_mut().zip(before).zip(own) {
                add(sum, value, own);
                add(before, 1.0, own);
                *own = [0.0; LANES];
            }
        }
    }
}

/// Cells group by group, in the order of their slots.
fn visits(layout: &Layout, a: &[f64]) -> Vec<Visit> {
    let width = layout.n_slots;
    let slot = |cell: u32, slot: usize| {
        let at = cell as usize * width + slot;
        (layout.column[at], layout.value.as_ref().map_or(0, |value| value[at].to_bits()))
    };
    let mut all: Vec<Visit> = Vec::with_capacity(layout.n());
    let mut add_group = |group: usize, cells: std::ops::Range<usize>| {
        let mut cells: Vec<u32> = cells.map(|cell| cell as u32).collect();
        cells.sort_by(|&x, &y| (0..width).map(|s| slot(x, s)).cmp((0..width).map(|s| slot(y, s))));
        for (at, &cell) in cells.iter().enumerate() {
            let differs = match at {
                0 => 0,
                _ => (0..width).position(|s| slot(cell, s) != slot(cells[at - 1], s)).unwrap_or(width),
            };
            all.push(Visit { cell, group: group as u32, differs: differs as u32, end: 0, a: a[cell as usize] });
        }
    };
    if layout.has_groups() {
        layout.for_groups(&mut add_group);
    } else {
        add_group(0, 0..layout.n());
    }
    all
}

/// `out[at(row)] = sum_column matrix[row, column] values(column)` for a square matrix.
fn multiply(matrix: &[f64], n: usize, values: impl Fn(usize) -> Lanes, at: impl Fn(usize) -> usize, out: &mut [Lanes]) {
    for row in 0..n {
        let mut sum = [0.0; LANES];
        (0..n).for_each(|column| add(&mut sum, matrix[row * n + column], &values(column)));
        out[at(row)] = sum;
    }
}

/// B: coefficients of groups and dense columns that unit right-hand sides have.
fn full_inverse(linear: &Linear) -> Vec<f64> {
    let (k, groups) = (linear.layout.k, linear.solver.group_inverse().len());
    let (sums, inverse, group_inverse) = (group_sums(linear.layout), inverse(linear), linear.solver.group_inverse());
    let n = groups + k;
    let mut out = vec![0.0; n * n];
    for j in 0..n {
        let mut rhs = vec![0.0; k];
        if j < groups {
            sums[j].iter().for_each(|&(column, t)| rhs[column as usize] -= t * group_inverse[j]);
        } else {
            rhs[j - groups] = 1.0;
        }
        let d: Vec<f64> =
            (0..k).map(|row| rhs.iter().zip(&inverse[row * k..]).map(|(r, entry)| r * entry).sum()).collect();
        for (group, sums) in sums.iter().enumerate() {
            let through: f64 = sums.iter().map(|&(column, t)| t * d[column as usize]).sum();
            out[group * n + j] = (f64::from(group == j) - through) * group_inverse[group];
        }
        (0..k).for_each(|row| out[(groups + row) * n + j] = d[row]);
    }
    out
}

/// Q = sum_g q_g q_g' with q_g = sum_{i in g} w a_i z_i over groups and dense columns.
fn score_products(linear: &Linear, a: &[f64]) -> Vec<f64> {
    let (layout, groups) = (linear.layout, linear.solver.group_inverse().len());
    let n = groups + layout.k;
    let mut group_of = vec![0usize; layout.n()];
    layout.for_groups(|group, cells| group_of[cells].fill(group));
    sum_blocks(linear.clusters.len(), n * n, |clusters| {
        let mut total = vec![0.0; n * n];
        let mut q = vec![0.0; n];
        let mut touched: Vec<usize> = Vec::new();
        for g in clusters {
            for i in linear.clusters.starts[g] as usize..linear.clusters.starts[g + 1] as usize {
                let cell = linear.entries.cell[i] as usize;
                let weight = linear.entries.weight[i] * a[cell];
                let mut put = |column: usize, value: f64| {
                    touched.push(column);
                    q[column] += weight * value;
                };
                if groups > 0 {
                    put(group_of[cell], 1.0);
                }
                layout.slots(cell).filter(|&(c, _)| c < layout.k).for_each(|(c, value)| put(groups + c, value));
            }
            touched.sort_unstable();
            touched.dedup();
            for &row in &touched {
                touched.iter().for_each(|&column| total[row * n + column] += q[row] * q[column]);
            }
            touched.drain(..).for_each(|column| q[column] = 0.0);
        }
        total
    })
}
