//! Exact absorption: eliminate the effect with most levels, factorise the dense Schur complement over the rest.
//!
//! With W = diag(w), groups e of the eliminated effect, z the dense columns:
//! A = Z'WZ - sum_e t_e t_e' / w_e,   t_e = sum_{c in e} w_c z_c,   w_e = sum_{c in e} w_c,
//! the normal matrix of the group-demeaned columns (Frisch-Waugh-Lovell). The solution is refined once against the
//! normal equations evaluated on the demeaned cells, which removes the rounding of forming A.

use super::Projection;
use crate::design::layout::Layout;
use crate::linalg::blocks::sum_blocks;
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};
use rayon::prelude::*;

/// Largest `groups x columns` table that every block of cells fills on its own.
const SMALL_TABLE: usize = 1 << 14;

/// A factorised problem.
#[derive(Debug, Clone)]
pub struct ExactSolver<'a> {
    pub(super) layout: &'a Layout,
    pub(super) weight: Vec<f64>,
    /// 1 / w_e, zero for an empty group.
    pub(super) group_inverse: Vec<f64>,
    pub(super) factor: Cholesky,
    /// Whether the effects alone span each regressor column.
    absorbed: Vec<bool>,
}

impl<'a> ExactSolver<'a> {
    /// Forms and factorises the normal equations.
    pub fn new(layout: &'a Layout, weight: &[f64]) -> Self {
        let group_weight = group_sums(layout, |i| weight[i]);
        let group_inverse: Vec<f64> = group_weight.iter().map(|&w| if w > 0.0 { 1.0 / w } else { 0.0 }).collect();
        let width = layout.k + 1;
        let small = group_inverse.len() * width <= SMALL_TABLE;
        let mut table = if small {
            cell_blocks(layout, weight, group_inverse.len())
        } else {
            group_blocks(layout, weight, &group_inverse)
        };
        // the column's own length, before the group means are taken out, is what a pivot is compared with
        let scale: Vec<f64> = (0..layout.k).map(|j| table[width * width + j]).collect();
        if small {
            let (square, sums) = table.split_at_mut(width * width + width);
            for (group, inverse) in group_inverse.iter().enumerate() {
                subtract_outer(square, width, &sums[group * width..(group + 1) * width], *inverse);
            }
        }
        let a: Vec<f64> = (0..layout.k).flat_map(|j| table[j * width..j * width + layout.k].iter().copied()).collect();
        let effects = layout.n_effect_columns;
        let factor = Cholesky::new(&a, layout.k, &scale, COLLINEARITY_TOLERANCE);
        let absorbed = (effects..layout.k)
            .map(|j| {
                // length left of column j after groups and effect columns: diagonal minus the leading entries
                let mut row: Vec<f64> = a[j * layout.k..j * layout.k + effects].to_vec();
                row.resize(layout.k, 0.0);
                factor.forward(&mut row);
                let left = a[j * layout.k + j] - row[..effects].iter().map(|x| x * x).sum::<f64>();
                left <= COLLINEARITY_TOLERANCE * scale[j] || scale[j] == 0.0
            })
            .collect();
        ExactSolver { layout, weight: weight.to_vec(), group_inverse, factor, absorbed }
    }

    /// See [`super::Solver::regress`].
    pub fn regress(&self, v: &[f64]) -> Projection {
        let layout = self.layout;
        let centred = self.demean(v.to_vec());
        let mut rhs = self.cross(&centred);
        let mut forward = rhs.clone();
        self.factor.forward(&mut forward);
        let explained = forward[layout.n_effect_columns..].iter().map(|x| x * x).sum();
        self.factor.solve(&mut rhs);
        let mut coef = rhs;
        let mut fitted = self.linear(&coef);
        let residual: Vec<f64> = centred.iter().zip(&fitted).map(|(v, f)| v - f).collect();
        let mut correction = self.cross(&residual);
        self.factor.solve(&mut correction);
        coef.iter_mut().zip(&correction).for_each(|(g, step)| *g += step);
        fitted = self.linear(&coef);
        // back to the level of v: add the group means
        for i in 0..layout.n() {
            fitted[i] += v[i] - centred[i];
        }
        Projection { coef: coef.split_off(layout.n_effect_columns), fitted, explained, intercept: None }
    }

    /// See [`super::Solver::project`].
    pub fn project(&self, v: &[f64]) -> Vec<f64> {
        let mut fitted = self.demean(v.to_vec());
        let mut coef = self.cross(&fitted);
        self.factor.solve(&mut coef);
        coef.push(0.0);
        // v - (demeaned v) are the group means; they stay, the demeaned part is replaced by its fit
        let linear = self.linear_padded(&coef);
        for i in 0..v.len() {
            fitted[i] = v[i] - fitted[i] + linear[i];
        }
        fitted
    }

    /// See [`super::Solver::influence`].
    pub fn influence(&self) -> Vec<f64> {
        let (n, p) = (self.layout.n(), self.layout.p());
        let mut rows = vec![0.0; n * p];
        for j in 0..p {
            let column = self.linear(&self.factor.inverse_column(self.layout.n_effect_columns + j));
            (0..n).for_each(|i| rows[i * p + j] = column[i]);
        }
        rows
    }

    /// See [`super::Solver::combination`].
    pub fn combination(&self, m: &[f64]) -> Vec<f64> {
        let mut coef = m.to_vec();
        self.factor.solve(&mut coef);
        self.linear(&coef)
    }

    /// See [`super::Solver::inverse`].
    pub fn inverse(&self) -> Vec<f64> {
        let first = self.layout.n_effect_columns;
        (first..self.layout.k).flat_map(|j| self.factor.inverse_column(j).split_off(first)).collect()
    }

    /// See [`super::Solver::dropped`].
    pub fn dropped(&self) -> Vec<Option<bool>> {
        let flags = &self.factor.dropped[self.layout.n_effect_columns..];
        flags.iter().zip(&self.absorbed).map(|(&dropped, &absorbed)| dropped.then_some(absorbed)).collect()
    }

    /// The cells and columns.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// Weight of each estimation cell.
    pub fn weight(&self) -> &[f64] {
        &self.weight
    }

    /// See [`super::Solver::left`].
    pub fn left(&self) -> &[f64] {
        &self.factor.left[self.layout.n_effect_columns..]
    }

    /// Solves `A x = b` in place, effect columns first; entries of dropped columns become zero.
    pub fn solve(&self, b: &mut [f64]) {
        self.factor.solve(b);
    }

    /// 1 / w_e of every group of the eliminated effect; zero for an empty one.
    pub fn group_inverse(&self) -> &[f64] {
        &self.group_inverse
    }

    /// Rank r of A = L L', and the columns of L^{-1} without the rows of dropped columns, each of length r; `k` columns,
    /// and one of zeros for "no column".
    pub fn whitening(&self) -> (usize, Vec<f64>) {
        let k = self.layout.k;
        let kept: Vec<usize> = (0..k).filter(|&j| !self.factor.dropped[j]).collect();
        let rank = kept.len();
        let mut columns = vec![0.0; (k + 1) * rank];
        if rank > 0 {
            columns[..k * rank].par_chunks_mut(rank).enumerate().for_each(|(j, column)| {
                let mut unit = vec![0.0; k];
                unit[j] = 1.0;
                self.factor.forward(&mut unit);
                column.iter_mut().zip(&kept).for_each(|(entry, &row)| *entry = unit[row]);
            });
        }
        (rank, columns)
    }

    /// Subtracts weighted group means.
    fn demean(&self, mut v: Vec<f64>) -> Vec<f64> {
        self.layout.for_groups(|group, cells| {
            let sum: f64 = cells.clone().map(|i| self.weight[i] * v[i]).sum();
            let mean = sum * self.group_inverse[group];
            v[cells].iter_mut().for_each(|value| *value -= mean);
        });
        v
    }

    /// `Z'W v` for a group-demeaned `v`.
    fn cross(&self, v: &[f64]) -> Vec<f64> {
        let layout = self.layout;
        let mut sums = sum_blocks(layout.n(), layout.k + 1, |cells| {
            let mut sums = vec![0.0; layout.k + 1];
            let width = layout.n_slots;
            for i in cells {
                let weighted = self.weight[i] * v[i];
                let columns = &layout.column[i * width..(i + 1) * width];
                match &layout.value {
                    None => columns.iter().for_each(|&column| sums[column as usize] += weighted),
                    Some(values) => {
                        let values = &values[i * width..(i + 1) * width];
                        columns.iter().zip(values).for_each(|(&c, value)| sums[c as usize] += weighted * value);
                    }
                }
            }
            sums
        });
        sums.truncate(layout.k);
        sums
    }

    /// Group-demeaned `Z g`.
    fn linear(&self, g: &[f64]) -> Vec<f64> {
        let mut padded = g.to_vec();
        padded.push(0.0);
        self.linear_padded(&padded)
    }

    /// [`Self::linear`] of coefficients that end with the zero for "no column".
    fn linear_padded(&self, padded: &[f64]) -> Vec<f64> {
        let width = self.layout.n_slots;
        let columns = self.layout.column.chunks_exact(width.max(1));
        let values: Vec<f64> = match &self.layout.value {
            _ if width == 0 => vec![0.0; self.layout.n()],
            None => columns.map(|columns| columns.iter().map(|&column| padded[column as usize]).sum()).collect(),
            Some(values) => columns
                .zip(values.chunks_exact(width))
                .map(|(columns, values)| columns.iter().zip(values).map(|(&c, v)| padded[c as usize] * v).sum())
                .collect(),
        };
        self.demean(values)
    }
}

/// Sum of `f` over the cells of each group.
fn group_sums(layout: &Layout, f: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; layout.starts.len() - 1];
    layout.for_groups(|group, cells| sums[group] = cells.map(&f).sum());
    sums
}

/// Adds one cell's outer product; slots ascend, so the lower triangle is filled (rows and columns `k` are scrap).
fn add_cell(layout: &Layout, i: usize, weight: f64, square: &mut [f64]) {
    let width = layout.k + 1;
    let slots = i * layout.n_slots..(i + 1) * layout.n_slots;
    let columns = &layout.column[slots.clone()];
    match &layout.value {
        None => {
            for (a, &row) in columns.iter().enumerate() {
                let row = &mut square[row as usize * width..(row as usize + 1) * width];
                columns[..=a].iter().for_each(|&column| row[column as usize] += weight);
            }
        }
        Some(values) => {
            let values = &values[slots];
            for (a, &row) in columns.iter().enumerate() {
                let row = &mut square[row as usize * width..(row as usize + 1) * width];
                let scaled = weight * values[a];
                columns[..=a].iter().zip(values).for_each(|(&column, value)| row[column as usize] += scaled * value);
            }
        }
    }
}

/// `square -= sums sums' * inverse` on the lower triangle.
fn subtract_outer(square: &mut [f64], width: usize, sums: &[f64], inverse: f64) {
    for j in (0..width).filter(|&j| sums[j] != 0.0) {
        let scaled = sums[j] * inverse;
        let row = &mut square[j * width..j * width + j + 1];
        row.iter_mut().zip(sums).for_each(|(entry, sum)| *entry -= scaled * sum);
    }
}

/// Few groups: blocks of cells fill `[Z'WZ | diagonal | t_e of every group]`.
fn cell_blocks(layout: &Layout, weight: &[f64], n_groups: usize) -> Vec<f64> {
    let width = layout.k + 1;
    let head = width * width + width;
    let mut table = sum_blocks(layout.n(), head + n_groups * width, |cells| {
        let mut table = vec![0.0; head + n_groups * width];
        let (square, sums) = table.split_at_mut(head);
        let mut group = layout.starts.partition_point(|&start| start as usize <= cells.start).saturating_sub(1);
        for i in cells {
            while n_groups > 0 && layout.starts[group + 1] as usize <= i {
                group += 1;
            }
            add_cell(layout, i, weight[i], square);
            if n_groups > 0 {
                let sums = &mut sums[group * width..(group + 1) * width];
                layout.slots(i).for_each(|(column, value)| sums[column] += weight[i] * value);
            }
        }
        table
    });
    (0..layout.k).for_each(|j| table[width * width + j] = table[j * width + j]);
    table
}

/// Many groups: blocks of whole groups fill `[A | diagonal of Z'WZ]`, subtracting each group's outer product at once.
fn group_blocks(layout: &Layout, weight: &[f64], group_inverse: &[f64]) -> Vec<f64> {
    let width = layout.k + 1;
    let head = width * width + width;
    sum_blocks(group_inverse.len(), head, |groups| {
        let mut table = vec![0.0; head];
        let mut sums = vec![0.0; width];
        let mut touched: Vec<usize> = Vec::new();
        for group in groups {
            let cells = layout.starts[group] as usize..layout.starts[group + 1] as usize;
            for i in cells.filter(|&i| weight[i] > 0.0) {
                add_cell(layout, i, weight[i], &mut table);
                for (column, value) in layout.slots(i) {
                    table[width * width + column] += weight[i] * value * value;
                    if sums[column] == 0.0 {
                        touched.push(column);
                    }
                    sums[column] += weight[i] * value;
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for (a, &row) in touched.iter().enumerate() {
                let scaled = sums[row] * group_inverse[group];
                let row = &mut table[row * width..(row + 1) * width];
                touched[..=a].iter().for_each(|&column| row[column] -= scaled * sums[column]);
            }
            touched.drain(..).for_each(|column| sums[column] = 0.0);
        }
        table
    })
}
