//! Conjugate gradients on the Schur complement, all columns of a block at once, with an estimate of the error itself.
//!
//! The error of a column is the part of it that the effects still explain; its weighted norm is the S-norm of the error
//! in the coefficients. Hestenes and Stiefel (1952): it falls by `alpha rz` in a step, so the largest `alpha` seen times
//! the next `rz` bounds it (with the contraction seen for the steps to come). The rule is free of units: the error is
//! compared with the column that is left, not with the last step.

/// Contraction per step that is assumed at worst when none was seen.
const WORST_CONTRACTION: f64 = 0.9;
/// A column whose square is less than this share of what it was is spanned by the effects.
pub const SPANNED: f64 = 1e-13;

/// The system.
pub trait System<const C: usize> {
    /// `out = S v`.
    fn apply(&mut self, v: &[[f64; C]], out: &mut [[f64; C]]);
    /// `z = M^{-1} r`.
    fn precondition(&self, r: &[[f64; C]], z: &mut [[f64; C]]);
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Rule<const C: usize> {
    /// Norm of the error relative to the column that is left.
    pub tolerance: f64,
    /// Weighted sum of squares of each column before.
    pub squares: [f64; C],
    /// Weighted sum of squares of each column before anything was taken out.
    pub raw: [f64; C],
    /// Steps allowed.
    pub limit: usize,
    /// Steps after which slow progress ends the solution.
    pub patience: usize,
    /// Steps that may be expected still, after those of patience.
    pub affordable: usize,
}

/// Where a solution ended.
#[derive(Debug, Clone)]
pub struct Solved<const C: usize> {
    /// Coefficients of the levels.
    pub a: Vec<[f64; C]>,
    /// Steps made.
    pub iterations: usize,
    /// Estimated error relative to the column left.
    pub error: [f64; C],
    /// Whether every column reached the tolerance.
    pub converged: bool,
}

/// Solves `S a = r`.
pub fn solve<const C: usize>(system: &mut impl System<C>, mut r: Vec<[f64; C]>, rule: &Rule<C>) -> Solved<C> {
    let n = r.len();
    let mut a = vec![[0.0; C]; n];
    let mut z = vec![[0.0; C]; n];
    let mut sp = vec![[0.0; C]; n];
    system.precondition(&r, &mut z);
    let mut direction = z.clone();
    let mut rz = dot(&r, &z);
    let mut left = rule.squares;
    let mut alpha_largest = [1.0f64; C];
    let mut last_fall = [f64::INFINITY; C];
    let mut first_fall = [0.0; C];
    let mut error = [f64::INFINITY; C];
    let mut done = [false; C];
    for c in 0..C {
        if rz[c] <= 0.0 || is_spanned(left[c], rule.raw[c]) || rz[c] <= rule.tolerance * rule.tolerance * 1e-4 * left[c]
        {
            done[c] = true;
            error[c] = 0.0;
        }
    }
    let mut iterations = 0;
    while !done.iter().all(|&d| d) && iterations < rule.limit {
        system.apply(&direction, &mut sp);
        let curvature = dot(&direction, &sp);
        let mut alpha = [0.0; C];
        for c in 0..C {
            if done[c] {
                continue;
            }
            if !curvature[c].is_finite() || rz[c].is_nan() {
                // a preconditioner that failed
                return Solved { a, iterations, error: [f64::INFINITY; C], converged: false };
            }
            if curvature[c] <= 0.0 {
                // nothing left but rounding
                done[c] = true;
                continue;
            }
            alpha[c] = rz[c] / curvature[c];
            alpha_largest[c] = alpha_largest[c].max(alpha[c]);
            let fall = alpha[c] * rz[c];
            left[c] = (left[c] - fall).max(0.0);
            if iterations == 0 {
                first_fall[c] = fall;
            }
        }
        for i in 0..n {
            for c in 0..C {
                a[i][c] += alpha[c] * direction[i][c];
                r[i][c] -= alpha[c] * sp[i][c];
            }
        }
        system.precondition(&r, &mut z);
        let next = dot(&r, &z);
        iterations += 1;
        let mut expected = 0.0f64;
        let mut beta = [0.0; C];
        for c in 0..C {
            if done[c] {
                continue;
            }
            let fall = alpha[c] * rz[c];
            let seen = if iterations == 1 { next[c] / rz[c] } else { (fall / last_fall[c]).max(next[c] / rz[c]) };
            let contraction = seen.clamp(0.0, WORST_CONTRACTION);
            let estimate = next[c].max(0.0) * alpha_largest[c] / (1.0 - contraction);
            let target = rule.tolerance * rule.tolerance * left[c];
            if is_spanned(left[c], rule.raw[c]) {
                done[c] = true;
                error[c] = 0.0;
                continue;
            }
            error[c] = (estimate / left[c]).sqrt();
            if estimate <= target {
                done[c] = true;
            } else {
                let rate = (fall / first_fall[c]).powf(1.0 / (iterations as f64 - 1.0).max(1.0)).clamp(1e-9, 0.999_999);
                expected = expected.max((target / estimate).ln() / rate.ln());
            }
            beta[c] = next[c] / rz[c];
            last_fall[c] = fall;
        }
        if iterations >= rule.patience && expected > rule.affordable as f64 {
            break;
        }
        rz = next;
        for i in 0..n {
            for c in 0..C {
                direction[i][c] = z[i][c] + beta[c] * direction[i][c];
            }
        }
    }
    Solved { a, iterations, error, converged: done.iter().all(|&d| d) }
}

/// Whether rounding is most of what is left.
fn is_spanned(left: f64, raw: f64) -> bool {
    left <= 0.01 * SPANNED * raw
}

fn dot<const C: usize>(a: &[[f64; C]], b: &[[f64; C]]) -> [f64; C] {
    let mut sum = [0.0; C];
    for (a, b) in a.iter().zip(b) {
        (0..C).for_each(|c| sum[c] += a[c] * b[c]);
    }
    sum
}
