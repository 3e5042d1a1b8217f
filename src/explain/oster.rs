//! Bias from selection on what is not observed, in proportion to selection on what is (Oster 2019, JBES 37).
//!
//! With beta0 and R0 of the short regression, beta and R of the long one, s the variance of the regressor (given what is
//! in both) and t its variance given all controls, and v the variance of the outcome, the bias nu = beta - beta* under
//! selection delta and a largest R2 of Rmax solves (proposition 3)
//!
//! ```text
//! nu (R - R0) v t + nu s t d^2 + 2 nu^2 s t d + nu^3 (s t - t^2)
//!     = delta [ (Rmax - R) v (s d + nu (s - t)) + nu^2 s t d + nu^3 (s t - t^2) ]        d = beta0 - beta
//! ```
//!
//! a cubic in nu, a quadratic where delta is one. Read the other way it gives the delta of a hypothetical beta*.

/// What the two regressions say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// Coefficient of the short regression.
    pub beta_short: f64,
    /// Coefficient of the long one.
    pub beta_long: f64,
    /// R2 of the short regression.
    pub r2_short: f64,
    /// R2 of the long one.
    pub r2_long: f64,
    /// Variance of the outcome.
    pub outcome_variance: f64,
    /// Variance of the regressor, residual of what is in both regressions.
    pub short_variance: f64,
    /// Variance of the regressor, residual of all controls.
    pub long_variance: f64,
}

impl Selection {
    /// Both sides of the equation as (left, per unit of delta), by power of nu from 0 to 3.
    fn sides(&self, r_max: f64) -> ([f64; 4], [f64; 4]) {
        let (s, t, d) = (self.short_variance, self.long_variance, self.beta_short - self.beta_long);
        let gained = (self.r2_long - self.r2_short) * self.outcome_variance;
        let left = (r_max - self.r2_long) * self.outcome_variance;
        let cubic = t * (s - t);
        ([0.0, gained * t + s * t * d * d, 2.0 * s * t * d, cubic], [left * s * d, left * (s - t), s * t * d, cubic])
    }

    /// The selection on unobserved relative to observed controls for which the coefficient would be `beta`.
    pub fn delta(&self, beta: f64, r_max: f64) -> f64 {
        let nu = self.beta_long - beta;
        let (left, right) = self.sides(r_max);
        polynomial(&left, nu) / polynomial(&right, nu)
    }

    /// The bias-adjusted coefficients under a selection, the one to report first: of those that go on in the direction from
    /// the short to the long regression, the nearest to the long one; the nearest of all if there is none.
    pub fn adjusted(&self, delta: f64, r_max: f64) -> Vec<f64> {
        let (left, right) = self.sides(r_max);
        let coefficients: [f64; 4] = std::array::from_fn(|power| left[power] - delta * right[power]);
        let mut roots = real_roots(coefficients);
        let onwards = (self.beta_long - self.beta_short).signum();
        let goes_back = |nu: &f64| *nu != 0.0 && (-nu).signum() != onwards;
        roots.sort_by(|a, b| goes_back(a).cmp(&goes_back(b)).then(a.abs().total_cmp(&b.abs())));
        roots.into_iter().map(|nu| self.beta_long - nu).collect()
    }
}

fn polynomial(coefficients: &[f64; 4], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Real roots of c0 + c1 x + c2 x^2 + c3 x^3, each polished by Newton steps; none if all coefficients are zero.
fn real_roots(c: [f64; 4]) -> Vec<f64> {
    // scale x by the size of the roots, so that what counts as zero has no unit
    let scale = if c[2] != 0.0 && c[1] != 0.0 { (c[1] / c[2]).abs() } else { 1.0 };
    let c: [f64; 4] = std::array::from_fn(|power| c[power] * scale.powi(power as i32));
    let size = c.iter().fold(0.0f64, |most, c| most.max(c.abs()));
    if size == 0.0 {
        return Vec::new();
    }
    let negligible = |c: f64| c.abs() <= 1e-14 * size;
    let roots = match (negligible(c[3]), negligible(c[2])) {
        (true, true) if negligible(c[1]) => Vec::new(),
        (true, true) => vec![-c[0] / c[1]],
        (true, false) => quadratic(c[2], c[1], c[0]),
        (false, _) => cubic(c[2] / c[3], c[1] / c[3], c[0] / c[3]),
    };
    let polish = |mut x: f64| {
        for _ in 0..4 {
            let slope = c[1] + x * (2.0 * c[2] + x * 3.0 * c[3]);
            let step = polynomial(&c, x) / slope;
            if step.is_finite() {
                x -= step;
            }
        }
        x * scale
    };
    roots.into_iter().map(polish).collect()
}

fn quadratic(a: f64, b: f64, c: f64) -> Vec<f64> {
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return Vec::new();
    }
    // the sum without cancellation
    let q = -0.5 * (b + b.signum() * discriminant.sqrt());
    if q == 0.0 { vec![0.0] } else { vec![q / a, c / q] }
}

/// x^3 + a x^2 + b x + c.
fn cubic(a: f64, b: f64, c: f64) -> Vec<f64> {
    let (q, r) = ((a * a - 3.0 * b) / 9.0, (2.0 * a * a * a - 9.0 * a * b + 27.0 * c) / 54.0);
    if r * r < q * q * q {
        let angle = (r / (q * q * q).sqrt()).clamp(-1.0, 1.0).acos();
        let root = |turn: f64| -2.0 * q.sqrt() * ((angle + turn * std::f64::consts::TAU) / 3.0).cos() - a / 3.0;
        return [0.0, 1.0, -1.0].map(root).to_vec();
    }
    let big = -r.signum() * (r.abs() + (r * r - q * q * q).sqrt()).cbrt();
    let small = if big == 0.0 { 0.0 } else { q / big };
    vec![big + small - a / 3.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Population moments with y = beta x + w + u + e, where the index u of what is not observed has selection delta times
    /// that of w: cov(x, u) / var(u) = delta cov(x, w) / var(w), and w and u are uncorrelated.
    fn population(beta: f64, delta: f64) -> (Selection, f64) {
        let (var_w, var_u, var_e, cov_w, var_x) = (1.3f64, 0.4, 2.0, 0.5, 1.7);
        let cov_u = delta * cov_w / var_w * var_u;
        let cov_xy = beta * var_x + cov_w + cov_u;
        let var_y = beta * beta * var_x + var_w + var_u + var_e + 2.0 * beta * (cov_w + cov_u);
        let short = cov_xy / var_x;
        // the long regression is on x and w
        let cov_wy = beta * cov_w + var_w;
        let left_x = var_x - cov_w * cov_w / var_w;
        let long = (cov_xy - cov_w * cov_wy / var_w) / left_x;
        let r2_long = (cov_wy * cov_wy / var_w + long * long * left_x) / var_y;
        let selection = Selection {
            beta_short: short,
            beta_long: long,
            r2_short: cov_xy * cov_xy / (var_x * var_y),
            r2_long,
            outcome_variance: var_y,
            short_variance: var_x,
            long_variance: left_x,
        };
        (selection, 1.0 - var_e / var_y)
    }

    #[test]
    fn proportional_selection_is_recovered() {
        for (beta, delta) in [(0.8, 1.0), (0.8, 0.5), (-0.3, 1.0), (0.2, 1.6), (0.0, -0.7)] {
            let (selection, r_max) = population(beta, delta);
            let found = selection.adjusted(delta, r_max);
            let nearest = found.iter().map(|b| (b - beta).abs()).fold(f64::INFINITY, f64::min);
            assert!(nearest < 1e-12, "{beta} {delta}: {found:?}");
            assert!((selection.delta(beta, r_max) - delta).abs() < 1e-11, "{}", selection.delta(beta, r_max));
        }
        let (selection, r_max) = population(0.8, 1.0);
        assert!((selection.adjusted(1.0, r_max)[0] - 0.8).abs() < 1e-12);
    }

    #[test]
    fn roots_are_those_of_the_polynomial() {
        let near = |found: Vec<f64>, expected: &[f64]| {
            let mut found = found;
            found.sort_by(f64::total_cmp);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        near(real_roots([-6.0, 11.0, -6.0, 1.0]), &[1.0, 2.0, 3.0]);
        near(real_roots([-2.0, 1.0, -2.0, 1.0]), &[2.0]);
        near(real_roots([6.0, -5.0, 1.0, 0.0]), &[2.0, 3.0]);
        near(real_roots([-4.0, 2.0, 0.0, 0.0]), &[2.0]);
        near(real_roots([1.0, 0.0, 1.0, 0.0]), &[]);
    }
}
