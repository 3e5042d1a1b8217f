//! A difference of two rates: how much of it is between cells, how much within them (Kitagawa 1955, JASA 50).
//!
//! With shares p_gc and rates r_gc of the cells c that both groups g = a, b have,
//!
//! ```text
//! R_b - R_a = sum_c (p_bc + p_ac)/2 (r_bc - r_ac)      rates differ within cells
//!           + sum_c (r_bc + r_ac)/2 (p_bc - p_ac)      the composition differs
//!           + (R_b - R_b in common cells) - (R_a - R_a in common cells)
//! ```
//!
//! The last line is what rows in cells of one group only add; it is zero where there are none (as in Nopo 2008). A cell's
//! own part of the composition takes rates as deviations from the mean of both groups, which changes no sum.
//!
//! Every part is a function T of the cells' weights W_gc and sums S_gc; the influence of a row in cell c of group g is
//! w (dT/dW_gc + y dT/dS_gc).

use super::error::ExplainError;
use super::summed::{Summed, Tests, std_error};
use crate::design::codes::combine;
use crate::design::{Effect, Sample};
use crate::result::{Estimate, Reference};

/// Two groups of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoGroups {
    /// Their names, a and b: differences are b less a.
    pub labels: [String; 2],
    /// Group of each row: whether it is b.
    pub is_b: Vec<bool>,
}

/// Sizes of both groups.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GroupSize {
    /// Rows.
    pub rows: usize,
    /// Rows in cells that the other group does not have.
    pub rows_alone: usize,
    /// Mean of the outcome.
    pub mean: f64,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellPart {
    /// Code of the cell's level in the effect.
    pub code: u32,
    /// Share of each group's rows (by weight); zero if it has none.
    pub shares: [f64; 2],
    /// Rate in each group; missing if it has no rows.
    pub rates: [f64; 2],
    /// What different rates add; missing for a cell of one group.
    pub rate: f64,
    /// What different shares add; missing for a cell of one group.
    pub composition: f64,
}

/// A difference taken apart by the cells of one effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Kitagawa {
    /// The effect whose levels are the cells.
    pub by: String,
    /// Both groups.
    pub sizes: [GroupSize; 2],
    /// Rate of b less rate of a.
    pub total: Estimate,
    /// Rates within cells.
    pub rate: Estimate,
    /// Composition.
    pub composition: Estimate,
    /// Cells of a only (what they take away from its rate), cells of b only; `None` without such cells.
    pub alone: [Option<Estimate>; 2],
    /// Cells, in the order of their codes.
    pub cells: Vec<CellPart>,
}

/// Weights and sums of one group by cell.
struct Totals {
    weight: Vec<f64>,
    sum: Vec<f64>,
}

/// How a part changes with the weight and the sum of each cell, by group.
struct Gradient {
    weight: [Vec<f64>; 2],
    sum: [Vec<f64>; 2],
}

/// Small-sample factor G/(G - 1) and t(G - 1), as for averages within cells; rows where there are no clusters.
pub(super) fn tests_of(sample: &Sample, conf_level: f64, what: &'static str) -> Result<Tests, ExplainError> {
    let g = match sample.clusters.as_slice() {
        [] => sample.n_rows,
        [one] => one.n_clusters,
        several => {
            let clusters = several.iter().map(|cluster| cluster.name.clone()).collect();
            return Err(ExplainError::Multiway { what, clusters });
        }
    };
    if g < 2 {
        let cluster = sample.clusters.first().map_or_else(|| String::from("row"), |cluster| cluster.name.clone());
        return Err(crate::estimate::FitError::TooFewClusters { cluster, count: g }.into());
    }
    let g = g as f64;
    Ok(Tests { factor: g / (g - 1.0), reference: Reference::StudentT(g - 1.0), conf_level })
}

/// Sums rows' influence by cluster; rows are in the order of the first cluster variable.
pub(super) fn sum_rows(sample: &Sample, len: usize, of_row: impl Fn(usize, &mut [f64])) -> Summed {
    let n_clusters = sample.clusters.first().map_or(sample.n_rows, |cluster| cluster.n_clusters);
    let mut values = vec![0.0; n_clusters * len];
    let mut phi = vec![0.0; len];
    for row in 0..sample.n_rows {
        phi.fill(0.0);
        of_row(row, &mut phi);
        let g = sample.clusters.first().map_or(row, |cluster| cluster.codes[row] as usize);
        values[g * len..][..len].iter_mut().zip(&phi).for_each(|(sum, phi)| *sum += phi);
    }
    Summed { len, values }
}

/// Takes the difference of two groups' rates apart by the cells of one effect.
///
/// # Errors
/// [`ExplainError`]: a group without rows, no cell that both groups have, several cluster variables.
pub fn kitagawa(
    sample: &Sample,
    outcome: usize,
    groups: &TwoGroups,
    effect: &Effect,
    conf_level: f64,
) -> Result<Kitagawa, ExplainError> {
    const WHAT: &str = "the decomposition";
    let tests = tests_of(sample, conf_level, WHAT)?;
    if !effect.slopes.is_empty() {
        return Err(ExplainError::Slopes { what: WHAT, effect: effect.name.clone() });
    }
    let (cell, n_cells) = combine(&[(effect.codes.as_slice(), effect.n_levels)], sample.n_rows);
    let mut code = vec![0; n_cells];
    cell.iter().zip(effect.codes.iter()).for_each(|(&cell, &of)| code[cell as usize] = of);
    let values = &sample.outcomes[outcome].values;
    let mut totals = [0, 1].map(|_| Totals { weight: vec![0.0; n_cells], sum: vec![0.0; n_cells] });
    let mut rows = [vec![0usize; n_cells], vec![0usize; n_cells]];
    for (row, &cell) in cell.iter().enumerate() {
        let (g, cell, w) = (usize::from(groups.is_b[row]), cell as usize, sample.weight(row));
        totals[g].weight[cell] += w;
        totals[g].sum[cell] += w * values[row];
        rows[g][cell] += 1;
    }
    for (g, rows) in rows.iter().enumerate() {
        if rows.iter().all(|&rows| rows == 0) {
            return Err(ExplainError::EmptyGroup { group: groups.labels[g].clone() });
        }
    }
    let common: Vec<bool> = (0..n_cells).map(|c| rows[0][c] > 0 && rows[1][c] > 0).collect();
    if !common.contains(&true) {
        return Err(ExplainError::NoCommonCell { by: effect.name.clone() });
    }
    let parts = Parts::new(&totals, &common);
    let alone = [0, 1].map(|g: usize| (0..n_cells).any(|c| rows[g][c] > 0 && !common[c]));
    let gradients = parts.gradients();
    let summed = sum_rows(sample, gradients.len(), |row, phi| {
        let (g, cell, w) = (usize::from(groups.is_b[row]), cell[row] as usize, sample.weight(row));
        for (phi, gradient) in phi.iter_mut().zip(&gradients) {
            *phi = w * (gradient.weight[g][cell] + values[row] * gradient.sum[g][cell]);
        }
    });
    let (vcov, l) = (summed.covariance(tests.factor), gradients.len());
    let number = |name: &str, at: usize, value: f64| tests.number(name, value, std_error(&vcov, l, at));
    let of_cell = |c: usize| {
        let present = |g: usize| rows[g][c] > 0;
        let rate = |g: usize| if present(g) { totals[g].sum[c] / totals[g].weight[c] } else { f64::NAN };
        let total = |g: usize| totals[g].weight.iter().sum::<f64>();
        let both = common[c];
        CellPart {
            code: code[c],
            shares: [0, 1].map(|g| totals[g].weight[c] / total(g)),
            rates: [rate(0), rate(1)],
            rate: if both { parts.mean_share(c) * (parts.rate[1][c] - parts.rate[0][c]) } else { f64::NAN },
            composition: if both {
                (parts.mean_rate(c) - 0.5 * (parts.inside[0] + parts.inside[1])) * parts.step(c)
            } else {
                f64::NAN
            },
        }
    };
    let mut cells: Vec<CellPart> = (0..n_cells).map(of_cell).collect();
    cells.sort_by_key(|cell| cell.code);
    let size = |g: usize| GroupSize {
        rows: rows[g].iter().sum(),
        rows_alone: (0..n_cells).filter(|&c| !common[c]).map(|c| rows[g][c]).sum(),
        mean: parts.mean[g],
    };
    Ok(Kitagawa {
        by: effect.name.clone(),
        sizes: [size(0), size(1)],
        total: number("difference", 0, parts.mean[1] - parts.mean[0]),
        rate: number("rates within cells", 1, parts.within()),
        composition: number("composition", 2, parts.between()),
        alone: [
            alone[0].then(|| number("cells of one group", 3, parts.inside[0] - parts.mean[0])),
            alone[1].then(|| number("cells of one group", 4, parts.mean[1] - parts.inside[1])),
        ],
        cells,
    })
}

/// Shares and rates of common cells.
struct Parts<'a> {
    common: &'a [bool],
    totals: &'a [Totals; 2],
    /// Weight of each group, and of its rows in common cells.
    weight: [f64; 2],
    weight_inside: [f64; 2],
    /// Mean of each group, and of its rows in common cells.
    mean: [f64; 2],
    inside: [f64; 2],
    /// Share among common cells, by group; zero elsewhere.
    share: [Vec<f64>; 2],
    rate: [Vec<f64>; 2],
}

impl<'a> Parts<'a> {
    fn new(totals: &'a [Totals; 2], common: &'a [bool]) -> Self {
        let inside = |values: &[f64]| -> f64 { values.iter().zip(common).filter(|(_, c)| **c).map(|(v, _)| v).sum() };
        let weight = [0, 1].map(|g: usize| totals[g].weight.iter().sum::<f64>());
        let weight_inside = [0, 1].map(|g: usize| inside(&totals[g].weight));
        let per = |values: &[f64], by: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..common.len()).map(|c| if common[c] { values[c] / by(c) } else { 0.0 }).collect()
        };
        Parts {
            common,
            totals,
            weight,
            weight_inside,
            mean: [0, 1].map(|g: usize| totals[g].sum.iter().sum::<f64>() / weight[g]),
            inside: [0, 1].map(|g: usize| inside(&totals[g].sum) / weight_inside[g]),
            share: [0, 1].map(|g: usize| per(&totals[g].weight, &|_| weight_inside[g])),
            rate: [0, 1].map(|g: usize| per(&totals[g].sum, &|c| totals[g].weight[c])),
        }
    }

    fn mean_share(&self, c: usize) -> f64 {
        0.5 * (self.share[0][c] + self.share[1][c])
    }

    fn mean_rate(&self, c: usize) -> f64 {
        0.5 * (self.rate[0][c] + self.rate[1][c])
    }

    fn step(&self, c: usize) -> f64 {
        self.share[1][c] - self.share[0][c]
    }

    fn within(&self) -> f64 {
        (0..self.common.len()).map(|c| self.mean_share(c) * (self.rate[1][c] - self.rate[0][c])).sum()
    }

    fn between(&self) -> f64 {
        (0..self.common.len()).map(|c| self.mean_rate(c) * self.step(c)).sum()
    }

    /// Of the difference, the two parts, and the cells of one group, in the order of the results.
    fn gradients(&self) -> [Gradient; 5] {
        let half = |c: usize| 0.5 * (self.rate[1][c] - self.rate[0][c]);
        let sign = |g: usize| if g == 1 { 1.0 } else { -1.0 };
        let rate = self.through(|g, c| sign(g) * self.mean_share(c), |_, c| half(c));
        let composition = self.through(|_, c| 0.5 * self.step(c), |g, c| sign(g) * self.mean_rate(c));
        [
            self.of_means(|g| (sign(g), 0.0)),
            rate,
            composition,
            self.of_means(|g| if g == 0 { (-1.0, 1.0) } else { (0.0, 0.0) }),
            self.of_means(|g| if g == 1 { (1.0, -1.0) } else { (0.0, 0.0) }),
        ]
    }

    /// Of a part with these derivatives in rates and shares of common cells.
    fn through(&self, rate: impl Fn(usize, usize) -> f64, share: impl Fn(usize, usize) -> f64) -> Gradient {
        let cells = || (0..self.common.len()).filter(|&c| self.common[c]);
        let mut found = self.zeros();
        for g in 0..2 {
            let mean: f64 = cells().map(|c| share(g, c) * self.share[g][c]).sum();
            for c in cells() {
                let by_sum = rate(g, c) / self.totals[g].weight[c];
                found.sum[g][c] = by_sum;
                found.weight[g][c] = (share(g, c) - mean) / self.weight_inside[g] - by_sum * self.rate[g][c];
            }
        }
        found
    }

    /// Of a combination of each group's mean and its mean in common cells.
    fn of_means(&self, weights: impl Fn(usize) -> (f64, f64)) -> Gradient {
        let mut found = self.zeros();
        for g in 0..2 {
            let (all, inside) = weights(g);
            for c in 0..self.common.len() {
                let inside = if self.common[c] { inside / self.weight_inside[g] } else { 0.0 };
                let all = all / self.weight[g];
                found.sum[g][c] = all + inside;
                found.weight[g][c] = -(all * self.mean[g] + inside * self.inside[g]);
            }
        }
        found
    }

    fn zeros(&self) -> Gradient {
        let zeros = || vec![0.0; self.common.len()];
        Gradient { weight: [zeros(), zeros()], sum: [zeros(), zeros()] }
    }
}
