//! Residuals corrected for the leverage of their cluster: CR2 (Bell and McCaffrey 2002), and HC2 where rows are clusters.
//!
//! With the working model Var(y) = Phi, Phi = sigma^2 diag(1/w), the residuals of cluster g have the variance
//! Phi_g - K_gg, K the kernel of [`super::leverage`]. A_g is symmetric and makes A_g u_g vary as the model says
//! (Pustejovsky and Tipton 2018, equations 6 and 7):
//!
//! ```text
//! A_g = D B^{-1/2} D,     B = D (Phi_g - K_gg) D,     D = Phi_g^{1/2}
//! ```
//!
//! with the pseudo-inverse root where an effect's level lies in the cluster. Without weights A_g = (I - H_gg)^{-1/2}. Rows
//! of one cell and one weight count as one entry: A_g leaves their deviations alone.

use super::delete::SINGULAR;
use super::jackknife::Scoring;
use super::leverage::Leverage;
use crate::aggregate::{ClusterCells, Records};
use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

/// Eigenvalue of B, relative to the largest possible, that counts as zero.
const RELATIVE: f64 = 1e-11;
/// Size of the largest eigenproblem: half a minute.
pub const LARGEST: usize = 2_000;

/// Corrected influence of every cluster.
#[derive(Debug)]
pub struct Corrected {
    /// sum_g [w h' A u + w t], clusters x functionals, row-major.
    pub values: Vec<f64>,
    /// Number of functionals.
    pub len: usize,
    /// Clusters with a row in the estimation.
    pub clusters: usize,
    /// A'W h by entry, for degrees of freedom.
    pub weights: Weights,
}

/// a_g = A_g'W_g h_g of every functional: what multiplies the residuals.
#[derive(Debug, Default)]
pub struct Weights {
    /// First entry of each cluster, and the end.
    pub bounds: Vec<usize>,
    /// Cell of each entry.
    pub cell: Vec<u32>,
    /// Rows of each entry.
    pub rows: Vec<f64>,
    /// Weight of each of them.
    pub weight: Vec<f64>,
    /// a times sqrt(rows), entries x functionals.
    pub values: Vec<f64>,
}

/// A cluster too large for its eigenproblem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge(pub usize);

/// The influence of `records` on clusters.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Entries of one weight each.
    pub table: &'a ClusterCells,
    /// The hat matrix.
    pub leverage: &'a Leverage<'a>,
    /// mu, h and t of every cell.
    pub records: &'a Records,
    /// Local weights of a likelihood; rows are then the clusters.
    pub scoring: Option<Scoring<'a>>,
}

/// One cluster's share.
#[derive(Default)]
struct Share {
    sum: Vec<f64>,
    cell: Vec<u32>,
    rows: Vec<f64>,
    weight: Vec<f64>,
    values: Vec<f64>,
}

impl Corrected {
    /// Corrects every cluster.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn new(inputs: Inputs) -> Result<Self, TooLarge> {
        let len = inputs.records.len();
        let n = inputs.table.len();
        let shares: Vec<Share> =
            (0..n).into_par_iter().with_min_len(64).map(|g| share(inputs, g)).collect::<Result<_, _>>()?;
        let mut all = Corrected { values: vec![], len, clusters: 0, weights: Weights::default() };
        all.weights.bounds.push(0);
        for share in shares {
            all.clusters += usize::from(!share.cell.is_empty());
            all.values.extend(share.sum);
            all.weights.cell.extend(share.cell);
            all.weights.rows.extend(share.rows);
            all.weights.weight.extend(share.weight);
            all.weights.values.extend(share.values);
            all.weights.bounds.push(all.weights.cell.len());
        }
        Ok(all)
    }
}

fn share(inputs: Inputs, g: usize) -> Result<Share, TooLarge> {
    let Inputs { table, leverage, records, scoring } = inputs;
    let l = records.len();
    let mut out = Share { sum: vec![0.0; l], ..Share::default() };
    // columns: residuals, then W h of every functional, all times sqrt(rows)
    let mut columns: Vec<f64> = Vec::new();
    for entry in table.entries(g) {
        let cell = table.cell[entry] as usize;
        let (w, u) = (table.weight[entry], table.mean[entry] - records.fitted(cell));
        let constants = out.sum[records.first_constant()..].iter_mut().zip(records.constant(cell));
        constants.for_each(|(sum, t)| *sum += w * t);
        if !leverage.is_estimated(cell) {
            out.sum.iter_mut().zip(records.slope(cell)).for_each(|(sum, h)| *sum += w * u * h);
            continue;
        }
        let (information, slope) = Scoring::at(&scoring, cell);
        let rows = f64::from(table.rows[entry]);
        out.cell.push(cell as u32);
        out.rows.push(rows);
        out.weight.push(w / rows * information);
        columns.push(rows.sqrt() * u / slope);
        columns.extend(records.slope(cell).iter().map(|h| h * w / rows.sqrt() * slope));
    }
    let m = out.cell.len();
    if m == 0 {
        return Ok(out);
    }
    let scores: Vec<f64> = columns.chunks_exact(l + 1).flat_map(|row| row[1..].to_vec()).collect();
    correct(leverage, &out, &mut columns, l + 1)?;
    for (row, score) in columns.chunks_exact(l + 1).zip(scores.chunks_exact(l)) {
        out.sum.iter_mut().zip(score).for_each(|(sum, h)| *sum += h * row[0]);
        out.values.extend_from_slice(&row[1..]);
    }
    Ok(out)
}

/// Applies A_g to `width` columns, in entries times sqrt(rows).
fn correct(leverage: &Leverage, share: &Share, columns: &mut [f64], width: usize) -> Result<(), TooLarge> {
    let m = share.cell.len();
    if m == 1 {
        let left = 1.0 - share.weight[0] * share.rows[0] * leverage.own(share.cell[0] as usize);
        let root = if left > SINGULAR { 1.0 / left.sqrt() } else { 0.0 };
        columns.iter_mut().for_each(|x| *x *= root);
        return Ok(());
    }
    let design = factor(leverage, share);
    let d = design.ncols();
    let x = DMatrix::from_row_slice(m, width, columns);
    let equal = share.weight.iter().all(|weight| *weight == share.weight[0]);
    let corrected = if equal && d < m {
        if d > LARGEST {
            return Err(TooLarge(d));
        }
        // H = F F': its roots come from F'F
        let eigen = SymmetricEigen::new(design.tr_mul(&design));
        let mut through = eigen.eigenvectors.tr_mul(&design.tr_mul(&x));
        for (i, &value) in eigen.eigenvalues.iter().enumerate() {
            let left = 1.0 - value;
            let root = if left > SINGULAR { 1.0 / left.sqrt() } else { 0.0 };
            let share = if value > SINGULAR { (root - 1.0) / value } else { 0.5 };
            through.row_mut(i).iter_mut().for_each(|x| *x *= share);
        }
        x + design * (eigen.eigenvectors * through)
    } else {
        if m > LARGEST {
            return Err(TooLarge(m));
        }
        // D = w^{-1/2}: B = w^{-1} (I - H) w^{-1} in rows times sqrt(w)
        let inverse: Vec<f64> = share.weight.iter().map(|weight| share.weight[0] / weight).collect();
        let mut b = &design * design.transpose();
        for i in 0..m {
            for j in 0..m {
                b[(i, j)] = (f64::from(i == j) - b[(i, j)]) * inverse[i] * inverse[j];
            }
        }
        let top = inverse.iter().fold(0.0, |top: f64, inverse| top.max(inverse * inverse));
        let least = if equal { SINGULAR } else { RELATIVE * top };
        let eigen = SymmetricEigen::new(b);
        let mut right = x;
        for (i, inverse) in inverse.iter().enumerate() {
            right.row_mut(i).iter_mut().for_each(|x| *x *= inverse.sqrt());
        }
        let mut through = eigen.eigenvectors.tr_mul(&right);
        for (i, &value) in eigen.eigenvalues.iter().enumerate() {
            let root = if value > least { 1.0 / value.sqrt() } else { 0.0 };
            through.row_mut(i).iter_mut().for_each(|x| *x *= root);
        }
        let mut out = eigen.eigenvectors * through;
        for (i, inverse) in inverse.iter().enumerate() {
            out.row_mut(i).iter_mut().for_each(|x| *x *= inverse.sqrt());
        }
        out
    };
    columns.copy_from_slice(corrected.transpose().as_slice());
    Ok(())
}

/// F with H = F F' in rows times sqrt(weight): whitened columns, then one for each level of the eliminated effect.
fn factor(leverage: &Leverage, share: &Share) -> DMatrix<f64> {
    let (m, rank) = (share.cell.len(), leverage.rank());
    let group = |a: usize| leverage.group(share.cell[a] as usize);
    let runs = if leverage.n_groups() == 0 { 0 } else { 1 + (1..m).filter(|&a| group(a) != group(a - 1)).count() };
    let mut design = DMatrix::zeros(m, rank + runs);
    let mut v = vec![0.0; rank];
    let mut run = 0;
    for a in 0..m {
        let root = (share.weight[a] * share.rows[a]).sqrt();
        leverage.write(share.cell[a] as usize, &mut v);
        v.iter().enumerate().for_each(|(j, v)| design[(a, j)] = root * v);
        if runs > 0 {
            run += usize::from(a > 0 && group(a) != group(a - 1));
            design[(a, rank + run)] = root * leverage.group_inverse(group(a)).sqrt();
        }
    }
    design
}
