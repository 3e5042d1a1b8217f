//! Residuals of a cluster's rows at the estimates made without that cluster.
//!
//! With H = sqrt(W) Z (Z'WZ)^{-1} Z' sqrt(W) and u the residuals, all restricted to the rows of cluster g:
//!
//! ```text
//! sqrt(W) (y - Z b(-g)) = (I - H)^{-1} sqrt(W) u
//! ```
//!
//! and b(-g) = b - (Z'WZ)^{-1} Z_g' W_g (y - Z b(-g))_g (MacKinnon, Nielsen and Webb 2023, equation 11 and appendix). Rows
//! of one cell have the same design and count as one: H does not touch their deviations from the mean. Two ways to the
//! same numbers:
//!
//! * few rows: the linear system above, as large as the cluster has cells;
//! * many rows: the normal equations without the cluster, as large as there are dense columns. With v_i the whitened
//!   design, S_e = sum w v and U_e = sum w u over the cluster's rows in level e of the eliminated effect, and
//!   w_e - w_ge the weight left there,
//!
//! ```text
//! [ I - sum w v v' - sum_e S_e S_e' / (w_e - w_ge) ] d = - sum w v u - sum_e S_e U_e / (w_e - w_ge)
//! y - Z b(-g) = u - v'd - (S_e'd - U_e) / (w_e - w_ge)
//! ```
//!
//! A level that lies within the cluster makes I - H singular. u is orthogonal to the null space, so the system has
//! solutions; the one orthogonal to the null space is taken (the level keeps its mean), and the null space is handed on:
//! what is not orthogonal to it is not identified without the cluster.

use super::leverage::Leverage;
use crate::linalg::Cholesky;
use nalgebra::DMatrixView;
use std::ops::Range;

/// Pivot of I - H, whose eigenvalues lie between 0 and 1, that counts as zero.
pub const SINGULAR: f64 = 1e-9;
/// Share of a level's weight that counts as nothing left.
const EMPTIED: f64 = 1e-11;
/// Entries of the whitened design from which a blocked product pays.
const BLOCKED: usize = 1 << 12;

/// The rows of one cluster that are in the estimation, by cell.
#[derive(Debug, Default)]
pub struct Piece {
    /// Cell of each entry, ascending.
    pub cell: Vec<u32>,
    /// Weight in the least-squares problem that the leverage belongs to.
    pub weight: Vec<f64>,
    /// Mean residual.
    pub residual: Vec<f64>,
}

/// Working space and results for one cluster after the other.
#[derive(Debug, Default)]
pub struct Deletion {
    /// Mean of y - Z b(-g) of each entry.
    pub residual: Vec<f64>,
    /// Orthonormal vectors x with (I - H) x = 0, one entry per entry of the piece, in rows times sqrt(weight).
    pub null: Vec<Vec<f64>>,
    /// sqrt(weight) of each entry.
    pub root: Vec<f64>,
    /// sqrt(weight) v of each entry.
    design: Vec<f64>,
    matrix: Vec<f64>,
    ones: Vec<f64>,
}

/// A run of entries in one level of the eliminated effect.
struct Run {
    entries: Range<usize>,
    /// 1 / (w_e - w_ge); zero if nothing is left.
    inverse: f64,
    /// S_e = sum w v.
    design: Vec<f64>,
    /// U_e = sum w u.
    residual: f64,
}

impl Deletion {
    /// Fills [`Self::residual`] and [`Self::null`] for a cluster.
    pub fn delete(&mut self, leverage: &Leverage, piece: &Piece) {
        self.null.clear();
        self.residual.clear();
        self.root.clear();
        self.root.extend(piece.weight.iter().map(|w| w.sqrt()));
        if let ([cell], [weight], [residual]) = (&piece.cell[..], &piece.weight[..], &piece.residual[..]) {
            let left = 1.0 - weight * leverage.own(*cell as usize);
            let singular = left <= SINGULAR;
            self.residual.push(if singular { 0.0 } else { residual / left });
            self.null.extend(singular.then(|| vec![1.0]));
            return;
        }
        let (m, rank) = (piece.cell.len(), leverage.rank());
        self.design.resize(m * rank, 0.0);
        for (a, &cell) in piece.cell.iter().enumerate() {
            let row = &mut self.design[a * rank..(a + 1) * rank];
            leverage.write(cell as usize, row);
            row.iter_mut().for_each(|v| *v *= self.root[a]);
        }
        if m <= rank {
            self.by_rows(leverage, piece)
        } else {
            self.by_columns(leverage, piece)
        }
        self.make_orthogonal();
    }

    /// Solves (I - H) x = sqrt(W) u.
    fn by_rows(&mut self, leverage: &Leverage, piece: &Piece) {
        let m = piece.cell.len();
        gram(&self.design, m, leverage.rank(), false, &mut self.matrix);
        for a in 0..m {
            let group = leverage.group(piece.cell[a] as usize);
            let scaled = self.root[a] * leverage.group_inverse(group);
            for b in 0..=a {
                let same = leverage.group(piece.cell[b] as usize) == group;
                let shared = if same { scaled * self.root[b] } else { 0.0 };
                let entry = &mut self.matrix[a * m + b];
                *entry = f64::from(a == b) - *entry - shared;
            }
        }
        let factor = self.factorise(m);
        self.residual.extend(piece.residual.iter().zip(&self.root).map(|(u, root)| u * root));
        factor.solve(&mut self.residual);
        self.residual.iter_mut().zip(&self.root).for_each(|(x, root)| *x /= root);
        self.null = null_vectors(&self.matrix, m, &factor);
    }

    /// Solves the normal equations without the cluster.
    fn by_columns(&mut self, leverage: &Leverage, piece: &Piece) {
        let (m, rank) = (piece.cell.len(), leverage.rank());
        gram(&self.design, m, rank, true, &mut self.matrix);
        let runs = self.runs(leverage, piece);
        let mut step = vec![0.0; rank];
        for j in 0..rank {
            let row = &mut self.matrix[j * rank..j * rank + j + 1];
            row.iter_mut().for_each(|entry| *entry = -*entry);
            row[j] += 1.0;
            for run in runs.iter().filter(|run| run.inverse > 0.0) {
                let scaled = run.design[j] * run.inverse;
                row.iter_mut().zip(&run.design).for_each(|(entry, s)| *entry -= scaled * s);
                step[j] -= scaled * run.residual;
            }
        }
        for (a, u) in piece.residual.iter().enumerate() {
            let scaled = self.root[a] * u;
            let row = &self.design[a * rank..(a + 1) * rank];
            step.iter_mut().zip(row).for_each(|(sum, v)| *sum -= scaled * v);
        }
        let factor = self.factorise(rank);
        factor.solve(&mut step);
        self.residual.resize(m, 0.0);
        for run in &runs {
            let level = (dot(&run.design, &step) - run.residual) * run.inverse;
            for a in run.entries.clone() {
                let through = dot(&self.design[a * rank..(a + 1) * rank], &step) / self.root[a];
                self.residual[a] = piece.residual[a] - through - level;
            }
        }
        for vector in null_vectors(&self.matrix, rank, &factor) {
            let mut rows = vec![0.0; m];
            for run in &runs {
                let level = dot(&run.design, &vector) * run.inverse;
                for a in run.entries.clone() {
                    rows[a] = dot(&self.design[a * rank..(a + 1) * rank], &vector) + self.root[a] * level;
                }
            }
            self.null.push(rows);
        }
    }

    /// The runs of equal levels of the eliminated effect; cells ascend by it.
    fn runs(&self, leverage: &Leverage, piece: &Piece) -> Vec<Run> {
        let rank = leverage.rank();
        let group = |a: usize| leverage.group(piece.cell[a] as usize);
        let mut runs = Vec::new();
        let mut start = 0;
        while start < piece.cell.len() {
            let own = group(start);
            let end = (start..piece.cell.len()).find(|&a| group(a) != own).unwrap_or(piece.cell.len());
            let (mut weight, mut residual, mut design) = (0.0, 0.0, vec![0.0; rank]);
            for a in start..end {
                weight += piece.weight[a];
                residual += piece.weight[a] * piece.residual[a];
                let row = &self.design[a * rank..(a + 1) * rank];
                design.iter_mut().zip(row).for_each(|(sum, v)| *sum += self.root[a] * v);
            }
            let inverse = leverage.group_inverse(own);
            let left = 1.0 - weight * inverse;
            let inverse = if left > EMPTIED { inverse / left } else { 0.0 };
            runs.push(Run { entries: start..end, inverse, design, residual });
            start = end;
        }
        runs
    }

    fn factorise(&mut self, n: usize) -> Cholesky {
        self.ones.resize(n.max(self.ones.len()), 1.0);
        Cholesky::new(&self.matrix, n, &self.ones[..n], SINGULAR)
    }

    /// Makes the null vectors orthonormal, and the solution orthogonal to them.
    fn make_orthogonal(&mut self) {
        let vectors = std::mem::take(&mut self.null);
        for mut vector in vectors {
            let length = norm(&vector);
            for known in &self.null {
                let share = dot(known, &vector);
                vector.iter_mut().zip(known).for_each(|(x, y)| *x -= share * y);
            }
            let left = norm(&vector);
            if left > 1e-6 * length {
                vector.iter_mut().for_each(|x| *x /= left);
                self.null.push(vector);
            }
        }
        for vector in &self.null {
            let rows = || vector.iter().zip(&self.root);
            let share: f64 = rows().zip(&self.residual).map(|((x, root), u)| x * root * u).sum();
            self.residual.iter_mut().zip(rows()).for_each(|(u, (x, root))| *u -= share * x / root);
        }
    }
}

/// `x x'` of the rows (or `x'x` of the columns) of a row-major `m x rank` matrix, at least its lower triangle.
fn gram(x: &[f64], m: usize, rank: usize, columns: bool, out: &mut Vec<f64>) {
    let n = if columns { rank } else { m };
    out.clear();
    out.resize(n * n, 0.0);
    if m * rank >= BLOCKED {
        let x = DMatrixView::from_slice(x, rank, m);
        let product = if columns { x * x.transpose() } else { x.tr_mul(&x) };
        out.copy_from_slice(product.as_slice());
    } else if columns {
        for row in x.chunks_exact(rank.max(1)) {
            for (j, scaled) in row.iter().enumerate() {
                out[j * n..j * n + j + 1].iter_mut().zip(row).for_each(|(entry, v)| *entry += scaled * v);
            }
        }
    } else {
        for a in 0..m {
            let of_a = &x[a * rank..(a + 1) * rank];
            (0..=a).for_each(|b| out[a * n + b] = dot(of_a, &x[b * rank..(b + 1) * rank]));
        }
    }
}

/// Solutions of M x = 0, one for each pivot left out of the factor of M (lower triangle given).
fn null_vectors(matrix: &[f64], n: usize, factor: &Cholesky) -> Vec<Vec<f64>> {
    let of = |j: usize| {
        let mut vector: Vec<f64> = (0..n).map(|i| matrix[i.max(j) * n + i.min(j)]).collect();
        factor.solve(&mut vector);
        vector.iter_mut().for_each(|x| *x = -*x);
        vector[j] = 1.0;
        vector
    };
    (0..n).filter(|&j| factor.dropped[j]).map(of).collect()
}

#[inline]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}
