//! The Schur complement of few levels, written out densely and factorised with its rank revealed.
//!
//! S = sum_rows w d d' - sum_groups t t' / w_g, with d a row's dummies and t their weighted sum in the group. Groups of one
//! row cancel and are passed over.

use super::incidence::Incidence;
use crate::linalg::blocks::sum_blocks;
use crate::linalg::cholesky::Cholesky;

/// Levels up to which S is always written out: its factor costs less than a few passes over the rows.
pub const FEW_LEVELS: usize = 192;
/// Pivot, relative to the level's weight, below which it has no information of its own.
const NULL_PIVOT: f64 = 1e-11;

/// Factorises S.
pub fn factorise(incidence: &Incidence, weight: Option<&[f64]>, diagonal: &[f64]) -> Cholesky {
    Cholesky::new(&table(incidence, weight, 0), incidence.n_levels, diagonal, NULL_PIVOT)
}

/// S of the levels from `first` on, row-major, the lower triangle.
pub fn table(incidence: &Incidence, weight: Option<&[f64]>, first: usize) -> Vec<f64> {
    let (k, q) = (incidence.n_levels - first, incidence.q);
    let skipped = incidence.first.iter().filter(|&&start| start < first).count();
    sum_blocks(incidence.n_groups(), k * k, |groups| {
        let mut table = vec![0.0; k * k];
        let mut sums = vec![0.0; k];
        let mut touched: Vec<u32> = Vec::new();
        for group in groups {
            let rows = incidence.rows(group);
            if rows.len() < 2 {
                continue;
            }
            let mut total = 0.0;
            for row in rows {
                let w = weight.map_or(1.0, |weight| weight[row]);
                total += w;
                let levels = &incidence.levels[row * q + skipped..row * q + q];
                for z in levels.iter().map(|&z| z - first as u32) {
                    let line = &mut table[z as usize * k..(z as usize + 1) * k];
                    // levels of later effects have higher numbers: the lower triangle
                    let others = levels.iter().map(|&other| other - first as u32).filter(|&other| other <= z);
                    others.for_each(|other| line[other as usize] += w);
                    if sums[z as usize] == 0.0 {
                        touched.push(z);
                    }
                    sums[z as usize] += w;
                }
            }
            touched.sort_unstable();
            touched.dedup();
            let inverse = if total > 0.0 { 1.0 / total } else { 0.0 };
            for (at, &z) in touched.iter().enumerate() {
                let scaled = sums[z as usize] * inverse;
                let line = &mut table[z as usize * k..(z as usize + 1) * k];
                touched[..=at].iter().for_each(|&other| line[other as usize] -= scaled * sums[other as usize]);
            }
            touched.drain(..).for_each(|z| sums[z as usize] = 0.0);
        }
        table
    })
}
