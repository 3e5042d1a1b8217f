//! Likelihoods of one parameter per row: from a linear predictor and an outcome to what a step of scoring needs.
//!
//! With mu = F(eta), f = F', V the variance of y at mu, all per unit of weight:
//!
//! * information f^2 / V, the weight of a row in the least squares of a step;
//! * working response eta + (y - mu) / f, the outcome of that least squares;
//! * score factor k = f / V: the score of eta is k (y - mu). It is one where the link is canonical (logit, Poisson).
//!
//! Everything is linear in y, so y may be one row's outcome or the mean of a cell whose rows share eta; only the terms
//! of the saturated model need the rows themselves ([`Glm::saturated`], [`Glm::likelihood_constant`]).
//! The binary links expect outcomes 0 and 1 (or means of them), Poisson any number from 0 on: its scores are right
//! wherever the mean is, whatever the distribution (Gourieroux, Monfort and Trognon 1984).
//! Source of the formulas: McCullagh and Nelder (1989), sections 2.2 and 2.5.

use crate::inference::distributions::{normal_density, normal_log_tail, normal_mills, normal_tail};
use crate::result::Family;

/// Smallest information of a row: keeps a step defined where a prediction is certain.
const LEAST_INFORMATION: f64 = 1e-300;
/// Largest mean of a Poisson; beyond it a step has failed, and its deviance says so.
const LARGEST_MEAN: f64 = 1e300;
/// The probit's start: the point with upper tail probability 1/4, and the density there.
const QUARTILE: (f64, f64) = (0.674_489_750_196_081_7, 0.317_776_572_684_107);

/// A family with its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glm {
    /// Binomial with F(eta) = 1 / (1 + exp(-eta)).
    Logit,
    /// Binomial with F the standard normal distribution function.
    Probit,
    /// Poisson with F(eta) = exp(eta).
    Poisson,
}

/// One row (or cell) at its linear predictor, per unit of weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Local {
    /// F(eta).
    pub mu: f64,
    /// f^2 / V.
    pub information: f64,
    /// eta + (y - mu) / f.
    pub working: f64,
    /// Twice the log likelihood that is missing; see [`Glm::step`].
    pub deviance: f64,
}

impl Glm {
    /// The likelihood of a family; `None` for least squares.
    pub fn of(family: Family) -> Option<Glm> {
        match family {
            // the conditional likelihood has no mean of a row alone
            Family::Ols | Family::Clogit => None,
            Family::Logit => Some(Glm::Logit),
            Family::Poisson => Some(Glm::Poisson),
            Family::Probit => Some(Glm::Probit),
        }
    }

    /// Whether outcomes must be 0 or 1.
    pub fn is_binary(self) -> bool {
        self != Glm::Poisson
    }

    /// F(eta), the mean.
    #[inline]
    pub fn mean(self, eta: f64) -> f64 {
        match self {
            Glm::Logit => 1.0 / (1.0 + (-eta).exp()),
            Glm::Probit => normal_tail(-eta),
            Glm::Poisson => eta.exp(),
        }
    }

    /// f = dmu/deta.
    #[inline]
    pub fn slope(self, eta: f64) -> f64 {
        match self {
            Glm::Logit => {
                let e = (-eta.abs()).exp();
                e / ((1.0 + e) * (1.0 + e))
            }
            Glm::Probit => normal_density(eta),
            Glm::Poisson => eta.exp(),
        }
    }

    /// F(eta) and f at once: one exponential where one is enough.
    #[inline]
    pub fn mean_and_slope(self, eta: f64) -> (f64, f64) {
        let mu = self.mean(eta);
        match self {
            Glm::Logit => (mu, mu * (1.0 - mu)),
            Glm::Probit => (mu, normal_density(eta)),
            Glm::Poisson => (mu, mu),
        }
    }

    /// d2mu/deta2.
    #[inline]
    pub fn curvature(self, eta: f64) -> f64 {
        match self {
            Glm::Logit => self.slope(eta) * -(0.5 * eta).tanh(), // 1 - 2 mu
            Glm::Probit => -eta * normal_density(eta),
            Glm::Poisson => eta.exp(),
        }
    }

    /// V(mu), the variance of an outcome with this mean.
    #[inline]
    pub fn variance(self, mu: f64) -> f64 {
        if self.is_binary() { mu * (1.0 - mu) } else { mu }
    }

    /// k = f / V: one for a canonical link. For the probit phi/(Phi (1 - Phi)) = phi/Phi + phi/(1 - Phi).
    #[inline]
    pub fn score_factor(self, eta: f64) -> f64 {
        match self {
            Glm::Logit | Glm::Poisson => 1.0,
            Glm::Probit => 1.0 / normal_mills(-eta) + 1.0 / normal_mills(eta),
        }
    }

    /// Information of a row alone.
    #[inline]
    pub fn information(self, eta: f64) -> f64 {
        let information = match self {
            Glm::Logit | Glm::Poisson => self.slope(eta),
            Glm::Probit => 1.0 / (normal_mills(-eta) * normal_mills(eta)),
        };
        information.max(LEAST_INFORMATION)
    }

    /// Everything a step needs of a row.
    #[inline]
    pub fn at(self, eta: f64, y: f64) -> Local {
        match self {
            Glm::Logit => logit(eta, y),
            Glm::Probit => probit(eta, y),
            Glm::Poisson => poisson(eta, y),
        }
    }

    /// Fills `information` (with `weight` in it) and `working` at `eta`, and returns the weighted deviance.
    ///
    /// All slices have one entry per row or cell. The deviance of a binary family is minus twice the log likelihood of
    /// the rows; that of a Poisson compares with the values given, 2 sum w (y ln(y/mu) - y + mu), and the deviance of
    /// the rows is larger by a constant (see [`Self::saturated`]).
    /// It is not finite where a step went too far.
    pub fn step(self, eta: &[f64], y: &[f64], weight: &[f64], information: &mut [f64], working: &mut [f64]) -> f64 {
        // one loop per family: nothing but arithmetic and one exponential is left inside
        match self {
            Glm::Logit => fill(logit, eta, y, weight, information, working),
            Glm::Probit => fill(probit, eta, y, weight, information, working),
            Glm::Poisson => fill(poisson, eta, y, weight, information, working),
        }
    }

    /// Information and working response of the first step, per unit of weight.
    ///
    /// Where R's `glm` starts: mu = (y + 1/2)/2 in every row of a binary outcome. Rows of a cell then share the
    /// information, and their working responses are opposite, so a cell's is that of a one times (2 y - 1).
    /// Poisson: mu = y + 0.1 at the mean of the cell. A common start at the overall mean overshoots in cells far from it.
    #[inline]
    pub fn start(self, y: f64) -> (f64, f64) {
        match self {
            Glm::Logit => (3.0 / 16.0, (2.0 * y - 1.0) * (3.0_f64.ln() + 4.0 / 3.0)),
            Glm::Probit => {
                let (point, density) = QUARTILE;
                (density * density * 16.0 / 3.0, (2.0 * y - 1.0) * (point + 0.25 / density))
            }
            Glm::Poisson => (y + 0.1, (y + 0.1).ln() - 0.1 / (y + 0.1)),
        }
    }

    /// Log likelihood of a row or cell but for [`Self::likelihood_constant`].
    #[inline]
    pub fn log_likelihood(self, eta: f64, y: f64) -> f64 {
        match self {
            // log(1 + e^eta) = max(eta, 0) + log1p(e^-|eta|)
            Glm::Logit => y * eta - eta.max(0.0) - (-eta.abs()).exp().ln_1p(),
            Glm::Probit => times(y, normal_log_tail(-eta)) + times(1.0 - y, normal_log_tail(eta)),
            Glm::Poisson => y * eta - eta.exp(),
        }
    }

    /// [`Self::log_likelihood`] of a row or cell whose mean is predicted exactly.
    #[inline]
    pub fn log_likelihood_at_mean(self, y: f64) -> f64 {
        if self.is_binary() { y_log_y(y) + y_log_y(1.0 - y) } else { y_log_y(y) - y }
    }

    /// Half the deviance that a row adds beyond its cell: sum this over rows, subtract the same of the cell means, both
    /// weighted, double it and add it to the deviance of [`Self::step`]. Zero for binary families.
    #[inline]
    pub fn saturated(self, y: f64) -> f64 {
        if self.is_binary() { 0.0 } else { y_log_y(y) }
    }

    /// The part of a row's log likelihood that holds no parameter: -ln y! of a Poisson, by the gamma function.
    #[inline]
    pub fn likelihood_constant(self, y: f64) -> f64 {
        if self.is_binary() { 0.0 } else { -libm::lgamma(y + 1.0) }
    }
}

/// y ln y, with its limit at 0.
#[inline]
fn y_log_y(y: f64) -> f64 {
    if y > 0.0 { y * y.ln() } else { 0.0 }
}

/// A product in which zero times anything is zero.
#[inline]
fn times(share: f64, value: f64) -> f64 {
    if share == 0.0 { 0.0 } else { share * value }
}

#[inline(always)]
fn fill(
    local: impl Fn(f64, f64) -> Local,
    eta: &[f64],
    y: &[f64],
    weight: &[f64],
    information: &mut [f64],
    working: &mut [f64],
) -> f64 {
    let mut deviance = 0.0;
    let inputs = eta.iter().zip(y).zip(weight);
    for (((&eta, &y), &weight), (information, working)) in inputs.zip(information.iter_mut().zip(working)) {
        let at = local(eta, y);
        *information = weight * at.information;
        *working = at.working;
        deviance += weight * at.deviance;
    }
    deviance
}

/// One exponential and one logarithm serve everything.
#[inline(always)]
fn logit(eta: f64, y: f64) -> Local {
    let e = (-eta.abs()).exp();
    let inverse = 1.0 / (1.0 + e);
    let mu = if eta >= 0.0 { inverse } else { e * inverse };
    let information = (e * inverse * inverse).max(LEAST_INFORMATION);
    let deviance = 2.0 * (eta.max(0.0) + e.ln_1p() - y * eta);
    Local { mu, information, working: eta + (y - mu) / information, deviance }
}

/// By the Mills ratios of both tails, m(-eta) = Phi/phi and m(eta) = (1 - Phi)/phi: the information is the inverse of
/// their product, and (y - Phi)/phi = y m(eta) - (1 - y) m(-eta), with nothing that cancels.
#[inline(always)]
fn probit(eta: f64, y: f64) -> Local {
    let (below, above) = (normal_mills(-eta), normal_mills(eta));
    let information = (1.0 / below / above).max(LEAST_INFORMATION);
    let working = eta + times(y, above) - times(1.0 - y, below);
    Local { mu: normal_tail(-eta), information, working, deviance: -2.0 * Glm::Probit.log_likelihood(eta, y) }
}

/// y ln(y/mu) by the linear predictor; a deviance of a mean too large to hold is infinite.
#[inline(always)]
fn poisson(eta: f64, y: f64) -> Local {
    let mu = eta.exp().clamp(LEAST_INFORMATION, LARGEST_MEAN);
    let deviance = if eta < 690.0 { 2.0 * (y_log_y(y) - y * eta - (y - mu)) } else { f64::INFINITY };
    Local { mu, information: mu, working: eta + (y - mu) / mu, deviance }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [Glm; 3] = [Glm::Logit, Glm::Probit, Glm::Poisson];

    /// A derivative by central differences.
    fn derivative(f: impl Fn(f64) -> f64, x: f64) -> f64 {
        let h = 1e-5;
        (f(x + h) - f(x - h)) / (2.0 * h)
    }

    #[test]
    fn derivatives_and_moments_belong_together() {
        for glm in FAMILIES {
            for eta in [-6.0, -2.0, -0.3, 0.0, 0.7, 3.0, 5.5] {
                let what = format!("{glm:?} at {eta}");
                let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-8 * (1e-3 + b.abs()) + 1e-9, "{what}: {a} {b}");
                let (mu, f) = (glm.mean(eta), glm.slope(eta));
                near(derivative(|x| glm.mean(x), eta), f);
                near(glm.mean_and_slope(eta).0, mu);
                near(glm.mean_and_slope(eta).1, f);
                near(derivative(|x| glm.slope(x), eta), glm.curvature(eta));
                for y in [0.0, 0.3, 1.0] {
                    let at = glm.at(eta, y);
                    near(at.mu, mu);
                    near(at.information, f * f / glm.variance(mu));
                    near(at.information, glm.information(eta));
                    near((at.working - eta) * f, y - mu);
                    near(glm.score_factor(eta) * glm.variance(mu), f);
                    // the score is the derivative of the log likelihood, and half the deviance's with the other sign
                    let score = glm.score_factor(eta) * (y - mu);
                    let slope = derivative(|x| glm.log_likelihood(x, y), eta);
                    assert!((slope - score).abs() < 1e-6 * (1.0 + score.abs()), "{what}: {slope} {score}");
                    let slope = derivative(|x| -0.5 * glm.at(x, y).deviance, eta);
                    assert!((slope - score).abs() < 1e-6 * (1.0 + score.abs()), "{what}: {slope} {score}");
                }
            }
        }
    }

    #[test]
    fn tails_stay_finite_and_right() {
        for glm in [Glm::Logit, Glm::Probit] {
            for (eta, y) in [(-40.0, 0.0), (40.0, 1.0), (-40.0, 1.0), (40.0, 0.0), (-1e3, 0.0), (-1e3, 1.0)] {
                let at = glm.at(eta, y);
                let all = [at.mu, at.information, at.working, at.deviance, glm.score_factor(eta)];
                assert!(all.iter().all(|v| v.is_finite()), "{glm:?} {eta} {y}: {at:?}");
            }
        }
        // far out the probit's working response of a zero is eta - m(-eta)
        let at = Glm::Probit.at(-10.0, 0.0);
        assert!((at.working + 10.0 + 0.099_028_596_471_731_93).abs() < 1e-14 && at.deviance < 1e-20);
        assert!((Glm::Probit.score_factor(-30.0) / 30.033_259_667_433_675 - 1.0).abs() < 1e-12);
        assert!(!Glm::Poisson.at(800.0, 1.0).deviance.is_finite());
    }

    #[test]
    fn the_start_is_that_of_rows_averaged() {
        for glm in [Glm::Logit, Glm::Probit] {
            // mu = 3/4 for a one: working response eta + (1/4)/f
            let eta = if glm == Glm::Logit { 3.0_f64.ln() } else { 0.674_489_750_196_081_7 };
            let one = glm.at(eta, 1.0);
            let (information, working) = glm.start(1.0);
            assert!((information - one.information).abs() < 1e-14 && (working - one.working).abs() < 1e-14);
            let (_, zero) = glm.start(0.0);
            let (_, mixed) = glm.start(0.25);
            assert!((mixed - (0.25 * working + 0.75 * zero)).abs() < 1e-14);
        }
        let (information, working) = Glm::Poisson.start(3.0);
        let at = Glm::Poisson.at(3.1_f64.ln(), 3.0);
        assert!((information - at.information).abs() < 1e-14 && (working - at.working).abs() < 1e-14);
    }

    #[test]
    fn a_step_over_cells_is_the_step_over_rows() {
        let (eta, y) = (0.4, [0.0, 1.0, 1.0, 5.0]);
        let rows: f64 = y.iter().map(|&y| Glm::Poisson.at(eta, y).deviance).sum();
        let (mut information, mut working) = ([0.0], [0.0]);
        let cell = Glm::Poisson.step(&[eta], &[7.0 / 4.0], &[4.0], &mut information, &mut working);
        let saturated = |y: f64| Glm::Poisson.saturated(y);
        let constant = 2.0 * (y.iter().map(|&y| saturated(y)).sum::<f64>() - 4.0 * saturated(7.0 / 4.0));
        assert!((rows - (cell + constant)).abs() < 1e-12);
        assert!((Glm::Poisson.likelihood_constant(5.0) + 120.0_f64.ln()).abs() < 1e-13);
    }
}
