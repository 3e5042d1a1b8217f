//! Second pass over the clusters: s*_g = v_g P_g - sum_{i in g} w a_i (fitted value of the draw's regression at i).
//!
//! For effects with thousands of levels, where quadratic forms would not fit, and for small problems, where it is the
//! more exact way. With groups e of the eliminated effect and dense columns z:
//! d = A^{-1} (r_z - sum_e t_e r_e / w_e),  alpha_e = (r_e - t_e'd) / w_e,  fitted value alpha_e + z'd.

use super::forms::{Draw, Residuals, Scratch, Sums, add, add_products, by_cell, cluster_of_entry};
use crate::design::layout::Layout;
use crate::resampling::problem::Linear;
use crate::resampling::weights::{LANES, Lanes, Pass};

/// An entry in the order of cells.
#[derive(Debug, Clone, Copy)]
struct First<const N: usize> {
    cluster: u32,
    residual: [f64; N],
}

/// The two passes of a hypothesis.
#[derive(Debug)]
pub struct Direct<'a, const N: usize> {
    layout: &'a Layout,
    linear: &'a Linear<'a>,
    starts: Vec<u32>,
    first: Vec<First<N>>,
    a: Vec<f64>,
    /// P_g.
    cluster: Vec<[f64; N]>,
    /// w a of each entry, in the order of clusters.
    second: Vec<f64>,
    /// t_e of each group: columns and sums.
    sums: Vec<Vec<(u32, f64)>>,
    /// A^{-1}, k x k.
    inverse: Vec<f64>,
}

impl<'a, const N: usize> Direct<'a, N> {
    pub fn new(linear: &'a Linear, residuals: &Residuals<N>) -> Self {
        let layout = linear.layout;
        let (order, starts) = by_cell(linear);
        let cluster = cluster_of_entry(linear);
        let entry = |&i: &u32| First { cluster: cluster[i as usize], residual: residuals.entry[i as usize] };
        let weighted = linear.entries.cell.iter().zip(&linear.entries.weight);
        Direct {
            layout,
            linear,
            starts,
            first: order.iter().map(entry).collect(),
            a: residuals.a.clone(),
            cluster: residuals.cluster.clone(),
            second: weighted.map(|(&cell, weight)| weight * residuals.a[cell as usize]).collect(),
            sums: group_sums(layout),
            inverse: inverse(linear),
        }
    }

    pub fn scratch(&self) -> Scratch {
        let columns = self.sums.len() + self.layout.k + 1;
        Scratch { sums: vec![[0.0; LANES]; columns * N], more: vec![[0.0; LANES]; self.layout.n() * N] }
    }

    pub fn pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch) -> [Draw; LANES] {
        let mut sums = Sums::<N>::new();
        self.first_pass(weights, scratch, &mut sums.n);
        self.solve(scratch);
        self.fitted(scratch);
        for (g, run) in self.linear.clusters.starts.windows(2).enumerate() {
            let v = weights.lanes(g);
            let mut own = [[0.0; LANES]; N];
            (0..N).for_each(|b| add(&mut own[b], self.cluster[g][b], &v));
            add_products(&mut sums.scale, &own, &own, 1.0);
            for i in run[0] as usize..run[1] as usize {
                let cell = self.linear.entries.cell[i] as usize;
                (0..N).for_each(|b| add(&mut own[b], -self.second[i], &scratch.more[cell * N + b]));
            }
            add_products(&mut sums.v, &own, &own, 1.0);
        }
        sums.draws()
    }

    /// Numerators, and sums of the drawn residuals by group and dense column.
    fn first_pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch, numerator: &mut [Lanes; N]) {
        let groups = self.sums.len();
        scratch.sums.fill([0.0; LANES]);
        let mut group = 0;
        for cell in 0..self.layout.n() {
            while group < groups && self.layout.starts[group + 1] as usize <= cell {
                group += 1;
            }
            let mut drawn = [[0.0; LANES]; N];
            for entry in &self.first[self.starts[cell] as usize..self.starts[cell + 1] as usize] {
                let v = weights.lanes(entry.cluster as usize);
                (0..N).for_each(|b| add(&mut drawn[b], entry.residual[b], &v));
            }
            for b in 0..N {
                add(&mut numerator[b], self.a[cell], &drawn[b]);
                if groups > 0 {
                    add(&mut scratch.sums[group * N + b], 1.0, &drawn[b]);
                }
                for (column, value) in self.layout.slots(cell) {
                    add(&mut scratch.sums[(groups + column) * N + b], value, &drawn[b]);
                }
            }
        }
    }

    /// Sums become coefficients, in place.
    fn solve(&self, scratch: &mut Scratch) {
        let (groups, k) = (self.sums.len(), self.layout.k);
        let (of_groups, of_columns) = scratch.sums.split_at_mut(groups * N);
        let mut coefficients = vec![[0.0; LANES]; k * N];
        for b in 0..N {
            for (group, sums) in self.sums.iter().enumerate() {
                let mean = of_groups[group * N + b].map(|r| r * self.linear.solver.group_inverse()[group]);
                sums.iter().for_each(|&(column, t)| add(&mut of_columns[column as usize * N + b], -t, &mean));
            }
            for row in 0..k {
                for column in 0..k {
                    add(&mut coefficients[row * N + b], self.inverse[row * k + column], &of_columns[column * N + b]);
                }
            }
            for (group, sums) in self.sums.iter().enumerate() {
                let level = &mut of_groups[group * N + b];
                sums.iter().for_each(|&(column, t)| add(level, -t, &coefficients[column as usize * N + b]));
                level.iter_mut().for_each(|r| *r *= self.linear.solver.group_inverse()[group]);
            }
        }
        of_columns[..k * N].copy_from_slice(&coefficients);
        of_columns[k * N..].fill([0.0; LANES]); // the column that stands for none
    }

    /// Fitted values of all cells from the coefficients.
    fn fitted(&self, scratch: &mut Scratch) {
        let groups = self.sums.len();
        let mut group = 0;
        for cell in 0..self.layout.n() {
            while group < groups && self.layout.starts[group + 1] as usize <= cell {
                group += 1;
            }
            for b in 0..N {
                let mut value = if groups > 0 { scratch.sums[group * N + b] } else { [0.0; LANES] };
                for (column, x) in self.layout.slots(cell) {
                    add(&mut value, x, &scratch.sums[(groups + column) * N + b]);
                }
                scratch.more[cell * N + b] = value;
            }
        }
    }
}

/// t_e = sum of w z over the cells of each group; columns ascend.
pub fn group_sums(layout: &Layout) -> Vec<Vec<(u32, f64)>> {
    let mut all = Vec::with_capacity(layout.starts.len().saturating_sub(1));
    let mut dense = vec![0.0; layout.k + 1];
    layout.for_groups(|_, cells| {
        let mut touched: Vec<u32> = Vec::new();
        for i in cells {
            for (column, value) in layout.slots(i).filter(|&(column, _)| column < layout.k) {
                touched.push(column as u32);
                dense[column] += layout.weight[i] * value;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        all.push(touched.iter().map(|&column| (column, std::mem::take(&mut dense[column as usize]))).collect());
    });
    all
}

/// A^{-1}, row-major; rows and columns of dropped columns are zero.
pub fn inverse(linear: &Linear) -> Vec<f64> {
    let k = linear.layout.k;
    (0..k)
        .flat_map(|j| {
            let mut unit = vec![0.0; k];
            unit[j] = 1.0;
            linear.solver.solve(&mut unit);
            unit
        })
        .collect()
}
