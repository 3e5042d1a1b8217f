//! Adjusted rates and the per-cell ingredients of their influence.
//!
//! Every rate is a linear combination of functionals with influence w_i [(y_i - mu_c) h_c + t_c]; see
//! [`crate::aggregate`]. With W the weight of the target rows, D_c(k) = (x_c(k) - x_c)'b, d(k) the mean of x(k) - x over
//! the target, and psi the influence of the coefficients:
//!
//! * linear: R_k = mean(mu) + d(k)'b;  phi(k) = w (y - mu) h1 + [w (mu_c + D_c(k) - R_k) / W] + d(k)'psi,
//!   h1 = 1/W when constants are in the span of the design, else the fit of 1/W on it;
//! * likelihood with mean F and score factor kappa = F'/V: m_c(k) = F(eta_c + D_c(k)), g = F'(eta_c + D_c(k));
//!   R_k = mean(m(k));
//!   phi(k) = w (y - mu) [kappa_c h_c(k) + delta_k'q_c] + [w (m_c(k) - R_k) / W], h(k) the fit of g / (W I) on the
//!   design with weights w I, I = F'^2 / V the information, delta_k = sum w g (x(k) - x) / W, and kappa in q already.
//!
//! The second: R_k moves with eta by g/W and with the coefficients by delta_k; eta moves by the fit of the score
//! kappa_i (y_i - mu_i) on the design, and the fit of a sum is the sum with the fit (the projection is its own adjoint).
//! For logit and Poisson kappa is one.
//!
//! With a target of its own, w / W is the row's share pi in it: means, d(k) and delta_k are over the target, the bracket
//! is pi (m - R), h1 is the fit of pi / w, and h(k) that of pi g / (w I).
//!
//! The bracketed term is the sampling of the composition. Rows that the effects fit exactly have mu = y in the linear
//! model. In a likelihood they have their limit: m(k) = y for every k in a binary one, where the effect is infinite,
//! and m(k) = y exp(D(k)) in a Poisson, where it is infinite for y = 0 only.

use super::counterfactual::Counterfactual;
use crate::absorb::{NotConverged, Solver};
use crate::aggregate::Records;
use crate::estimate::link::Glm;
use crate::result::Composition;

/// What the functionals are built from: one fitted outcome on its cells.
#[derive(Debug)]
pub struct FittedCells<'a> {
    /// Number of cells, estimation or not.
    pub n_cells: usize,
    /// Weight of each cell.
    pub weight: &'a [f64],
    /// Share of each cell in the target.
    pub target: &'a [f64],
    /// Whether the target is the sample itself.
    pub is_sample: bool,
    /// Outcome mean of each cell (shifted).
    pub mean: &'a [f64],
    /// Estimation cells.
    pub cell: &'a [u32],
    /// Fitted mean mu of each estimation cell (shifted).
    pub fitted: &'a [f64],
    /// Linear predictor of each estimation cell; `None` in a linear model.
    pub eta: Option<&'a [f64]>,
    /// Coefficients of all regressor columns, dropped ones zero.
    pub coef: &'a [f64],
    /// Influence rows of the reported coefficients, estimation cells x `n_coef`.
    pub slope: &'a [f64],
    /// Number of reported coefficients.
    pub n_coef: usize,
    /// Reported position of each regressor column.
    pub position: &'a [Option<usize>],
    /// Whether constants are in the span of the design.
    pub has_constant: bool,
}

/// Functionals of coefficients and rates, on all cells.
///
/// mu_c of a cell that the effects fit exactly is the outcome itself in a linear model (no residual), and zero in a
/// likelihood (the whole outcome is in the slope).
#[derive(Debug, Clone)]
pub struct Functionals {
    /// mu_c, h_c, t_c: the coefficients first.
    pub records: Records,
    /// Rates on the shifted scale.
    pub rates: Vec<f64>,
    /// Each rate as a combination of the functionals.
    pub combination: Vec<Vec<f64>>,
}

/// The coefficients alone.
pub fn coefficients(fit: &FittedCells) -> Functionals {
    spread(fit, fit.n_coef, fit.n_coef)
}

/// Coefficients and adjusted rates of a linear model.
///
/// # Errors
/// [`NotConverged`] if a design without a constant is absorbed iteratively and fails.
pub fn linear(
    fit: &FittedCells,
    setting: &Counterfactual,
    n_levels: usize,
    composition: Composition,
    solver: &Solver,
) -> Result<Functionals, NotConverged> {
    // one composition functional serves all levels unless the factor has its own slopes
    let n_extra = if setting.is_common() { 1 } else { n_levels };
    let l = fit.n_coef + n_extra;
    let sampled = composition == Composition::Sampled;
    let mut out = spread(fit, l, if sampled { fit.n_coef } else { l });
    let mut mean = 0.0;
    let mut in_estimation = vec![false; fit.n_cells];
    for (i, &cell) in fit.cell.iter().enumerate() {
        mean += fit.target[cell as usize] * fit.fitted[i];
        in_estimation[cell as usize] = true;
    }
    for cell in (0..fit.n_cells).filter(|&cell| !in_estimation[cell]) {
        mean += fit.target[cell] * fit.mean[cell];
    }
    let shares = || fit.target.iter().copied().enumerate();
    let changes: Vec<Vec<f64>> = (0..n_levels).map(|k| setting.sum_changes(k, shares())).collect();
    out.rates =
        changes.iter().map(|change| mean + change.iter().zip(fit.coef).map(|(d, b)| d * b).sum::<f64>()).collect();
    let per_weight = |cell: usize| fit.target[cell] / fit.weight[cell];
    let unit = match fit.is_sample && fit.has_constant {
        true => None,
        false => Some(solver.project(&fit.cell.iter().map(|&cell| per_weight(cell as usize)).collect::<Vec<_>>())?),
    };
    let shift = setting.shifts(n_extra, fit.coef);
    for (i, &cell) in fit.cell.iter().enumerate() {
        let cell = cell as usize;
        for extra in 0..n_extra {
            out.records.slope_mut(cell)[fit.n_coef + extra] = unit.as_ref().map_or(per_weight(cell), |unit| unit[i]);
            if sampled {
                out.records.constant_mut(cell)[extra] =
                    (fit.fitted[i] + shift.at(cell, extra) - out.rates[extra]) * per_weight(cell);
            }
        }
    }
    for cell in (0..fit.n_cells).filter(|&cell| !in_estimation[cell]) {
        out.records.set_fitted(cell, fit.mean[cell]);
        for extra in 0..n_extra {
            out.records.slope_mut(cell)[fit.n_coef + extra] = per_weight(cell);
            if sampled {
                out.records.constant_mut(cell)[extra] =
                    (fit.mean[cell] + shift.at(cell, extra) - out.rates[extra]) * per_weight(cell);
            }
        }
    }
    for (k, change) in changes.iter().enumerate() {
        let mut combination = vec![0.0; l];
        combination[fit.n_coef + if n_extra == 1 { 0 } else { k }] = 1.0;
        add_coefficients(fit, change, &mut combination);
        out.combination.push(combination);
    }
    Ok(out)
}

/// A likelihood at its maximum.
#[derive(Debug, Clone, Copy)]
pub struct Scoring<'a> {
    /// The likelihood.
    pub glm: Glm,
    /// w I of each estimation cell, the weights the solver was prepared with.
    pub information: &'a [f64],
    /// kappa of each estimation cell; `None` where it is one.
    pub factor: Option<&'a [f64]>,
}

/// Coefficients and adjusted rates of a likelihood.
///
/// # Errors
/// [`NotConverged`] if the auxiliary regressions are absorbed iteratively and fail.
pub fn glm(
    fit: &FittedCells,
    setting: &Counterfactual,
    n_levels: usize,
    composition: Composition,
    solver: &Solver,
    scoring: Scoring,
) -> Result<Functionals, NotConverged> {
    let family = scoring.glm;
    let per_weight = |cell: usize| fit.target[cell] / fit.weight[cell];
    let eta = fit.eta.unwrap_or(&[]);
    let l = fit.n_coef + n_levels;
    let sampled = composition == Composition::Sampled;
    let mut out = spread(fit, l, if sampled { fit.n_coef } else { l });
    let shift = setting.shifts(n_levels, fit.coef);
    let mut in_estimation = vec![false; fit.n_cells];
    fit.cell.iter().for_each(|&cell| in_estimation[cell as usize] = true);
    let exact: Vec<usize> = (0..fit.n_cells).filter(|&cell| !in_estimation[cell]).collect();
    // a finite effect goes along with the factor, an infinite one does not
    let moves = |cell: usize, k: usize| if family.is_binary() { 1.0 } else { shift.at(cell, k).exp() };
    for k in 0..n_levels {
        let cells = fit.cell.iter().zip(eta);
        let (predicted, slope): (Vec<f64>, Vec<f64>) =
            cells.map(|(&cell, eta)| family.mean_and_slope(eta + shift.at(cell as usize, k))).unzip();
        let sum: f64 = fit.cell.iter().zip(&predicted).map(|(&cell, m)| fit.target[cell as usize] * m).sum();
        let of_exact: Vec<f64> = exact.iter().map(|&cell| moves(cell, k)).collect();
        let exact_sum: f64 =
            exact.iter().zip(&of_exact).map(|(&cell, moves)| fit.target[cell] * (fit.mean[cell] * moves)).sum();
        let rate = sum + exact_sum;
        let gradient: Vec<f64> = fit.cell.iter().zip(&slope).map(|(&cell, f)| fit.target[cell as usize] * f).collect();
        let ratio: Vec<f64> =
            gradient.iter().zip(scoring.information).map(|(g, w)| if *w > 0.0 { g / w } else { 0.0 }).collect();
        let mut moved: Vec<(usize, f64)> = fit.cell.iter().map(|&cell| cell as usize).zip(gradient).collect();
        if !family.is_binary() {
            let slope = |(&cell, moves): (&usize, &f64)| (cell, fit.target[cell] * fit.mean[cell] * moves);
            moved.extend(exact.iter().zip(&of_exact).map(slope));
        }
        let delta = setting.sum_changes(k, moved.into_iter());
        let projected = solver.project(&ratio)?;
        let mut coefficients = vec![0.0; fit.n_coef];
        add_coefficients(fit, &delta, &mut coefficients);
        for (i, &cell) in fit.cell.iter().enumerate() {
            let cell = cell as usize;
            let q = &fit.slope[i * fit.n_coef..(i + 1) * fit.n_coef];
            let through_coef: f64 = q.iter().zip(&coefficients).map(|(q, d)| q * d).sum();
            let factor = scoring.factor.map_or(1.0, |factor| factor[i]);
            out.records.slope_mut(cell)[fit.n_coef + k] = factor * projected[i] + through_coef;
            if sampled {
                out.records.constant_mut(cell)[k] = (predicted[i] - rate) * per_weight(cell);
            }
        }
        if sampled {
            for (&cell, moves) in exact.iter().zip(&of_exact) {
                out.records.slope_mut(cell)[fit.n_coef + k] = moves * per_weight(cell);
                out.records.constant_mut(cell)[k] = -rate * per_weight(cell);
            }
        }
        let mut combination = vec![0.0; l];
        combination[fit.n_coef + k] = 1.0;
        out.combination.push(combination);
        out.rates.push(rate);
    }
    Ok(out)
}

/// The coefficients' functionals with room for more.
fn spread(fit: &FittedCells, l: usize, first_constant: usize) -> Functionals {
    let mut records = Records::new(fit.n_cells, l, first_constant);
    let width = fit.n_coef;
    for (i, &cell) in fit.cell.iter().enumerate() {
        records.slope_mut(cell as usize)[..width].copy_from_slice(&fit.slope[i * width..(i + 1) * width]);
        records.set_fitted(cell as usize, fit.fitted[i]);
    }
    Functionals { records, rates: Vec::new(), combination: Vec::new() }
}

/// Adds `sum_j d_j (coefficient of column j)` to a combination; dropped columns have no influence.
fn add_coefficients(fit: &FittedCells, change: &[f64], combination: &mut [f64]) {
    for (column, &d) in change.iter().enumerate() {
        if let Some(position) = fit.position[column] {
            combination[position] += d;
        }
    }
}
