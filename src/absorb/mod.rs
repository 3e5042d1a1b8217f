//! Weighted least squares on cells with absorbed effects: the one kernel under OLS, logit and adjusted rates.
//!
//! Minimises sum_c w_c (v_c - alpha_{e(c)} - z_c' g)^2, where alpha are the levels of the effect with most levels
//! (eliminated exactly) and z the remaining effects' dummies and the regressors.
//! [`Exact`](exact::ExactSolver) factorises the Schur complement over z; when that is too wide (two or more huge
//! effects), [`Iterative`](iterative::IterativeSolver) absorbs the effects with the [`kernel`]. Small or nearly collinear
//! least-squares problems are factorised with twice the digits ([`Precise`](precise::PreciseSolver)).

pub mod exact;
pub mod iterative;
pub mod kernel;
mod leverage;
pub mod precise;

use crate::design::layout::Layout;

/// Widest Schur complement that is factorised densely: 2/3 of a billion operations.
pub const DENSE_LIMIT: usize = 1_200;

/// How to absorb effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// By structure: exact while the remaining levels fit a dense factor.
    #[default]
    Auto,
    /// Count cells, eliminate the largest effect and factorise the rest densely.
    Cells,
    /// Eliminate the largest effect and factorise the Schur complement of the rest.
    Schur,
    /// Eliminate the largest effect, and conjugate gradients on the rest.
    Cg,
    /// Alternating projections.
    Map,
}

/// Absorption that did not reach its tolerance.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("absorbing {effects} did not converge in {iterations} iterations (residual {residual:.1e})")]
pub struct NotConverged {
    /// The effects, as written.
    pub effects: String,
    /// Iterations made.
    pub iterations: usize,
    /// Relative residual reached.
    pub residual: f64,
}

/// The solution of one weighted least-squares problem on the cells.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Coefficients of the regressor columns on the layout's standardised scale; dropped columns are zero.
    pub coef: Vec<f64>,
    /// Fitted value of each estimation cell.
    pub fitted: Vec<f64>,
    /// Weighted sum of squares that the regressors explain beyond the effects.
    pub explained: f64,
    /// The intercept to all digits, where the solver has it.
    pub intercept: Option<precise::Intercept>,
}

/// A solver prepared for one set of weights.
#[derive(Debug)]
pub enum Solver<'a> {
    /// Dense factor of the Schur complement.
    Exact(exact::ExactSolver<'a>),
    /// The same in double-double arithmetic.
    Precise(Box<precise::PreciseSolver<'a>>),
    /// The kernel.
    Iterative(Box<iterative::IterativeSolver<'a>>),
}

impl<'a> Solver<'a> {
    /// Prepares a solver for weights `weight` (one per estimation cell, zero allowed).
    ///
    /// # Errors
    /// [`NotConverged`] if the regressors could not be absorbed iteratively.
    pub fn new(layout: &'a Layout, weight: &[f64], method: Method, effects: &str) -> Result<Self, NotConverged> {
        let exact = match method {
            Method::Auto => layout.n_effect_columns <= DENSE_LIMIT,
            Method::Cells => true,
            Method::Schur | Method::Cg | Method::Map => layout.n_effect_columns == 0,
        };
        Ok(if exact {
            Solver::Exact(exact::ExactSolver::new(layout, weight))
        } else {
            Solver::Iterative(Box::new(iterative::IterativeSolver::new(layout, weight, method, effects)?))
        })
    }

    /// [`Self::new`], and again with twice the digits where the problem is small or a numeric regressor nearly collinear.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn careful(layout: &'a Layout, weight: &[f64], method: Method, effects: &str) -> Result<Self, NotConverged> {
        let solver = Self::new(layout, weight, method, effects)?;
        let Solver::Exact(exact) = &solver else { return Ok(solver) };
        let suspect = || {
            let regressors = exact.left().iter().zip(&layout.numeric).zip(exact.dropped());
            // what effects span, or zeros and ones, doubles judge well
            regressors
                .into_iter()
                .any(|((&left, &numeric), dropped)| numeric && left < precise::SUSPECT && dropped != Some(true))
        };
        let (n, k) = (layout.n(), layout.k);
        if precise::is_cheap(n, k) || (precise::is_possible(n, k) && suspect()) {
            return Ok(Solver::Precise(Box::new(precise::PreciseSolver::new(layout, weight))));
        }
        Ok(solver)
    }

    /// Regresses `v` (one value per estimation cell) on effects and regressors.
    ///
    /// # Errors
    /// [`NotConverged`] if `v` could not be absorbed iteratively.
    pub fn regress(&self, v: &[f64]) -> Result<Projection, NotConverged> {
        match self {
            Solver::Exact(solver) => Ok(solver.regress(v)),
            Solver::Precise(solver) => Ok(solver.regress(v)),
            Solver::Iterative(solver) => solver.regress(v),
        }
    }

    /// Fitted values of `v` alone, without the refinement of [`Self::regress`]: for steps that are corrected later and
    /// for influence, where the rounding of the factor does no harm.
    ///
    /// # Errors
    /// [`NotConverged`] if `v` could not be absorbed iteratively.
    pub fn project(&self, v: &[f64]) -> Result<Vec<f64>, NotConverged> {
        match self {
            Solver::Exact(solver) => Ok(solver.project(v)),
            Solver::Precise(solver) => Ok(solver.project(v)),
            Solver::Iterative(solver) => Ok(solver.regress(v)?.fitted),
        }
    }

    /// Influence weights of the regressor coefficients: row `i` is `(X~'W X~)^{-1} x~_i`, `n x p`, row-major,
    /// where x~ is residual of the effects. Dropped columns are zero.
    pub fn influence(&self) -> Vec<f64> {
        match self {
            Solver::Exact(solver) => solver.influence(),
            Solver::Precise(solver) => solver.influence(),
            Solver::Iterative(solver) => solver.influence(),
        }
    }

    /// Inverse of the cross-product of the residualised regressors, `p x p`, row-major; dropped columns zero.
    pub fn inverse(&self) -> Vec<f64> {
        match self {
            Solver::Exact(solver) => solver.inverse(),
            Solver::Precise(solver) => solver.inverse(),
            Solver::Iterative(solver) => solver.inverse(),
        }
    }

    /// `Z~ A^{-1} m`, one value per estimation cell: the influence weights of `m' g`, with g the coefficients of all dense
    /// columns (effects first) and Z~, A as in [`exact`]. `None` if effects are absorbed iteratively.
    pub fn combination(&self, m: &[f64]) -> Option<Vec<f64>> {
        match self {
            Solver::Exact(solver) => Some(solver.combination(m)),
            Solver::Precise(solver) => Some(solver.combination(m)),
            Solver::Iterative(_) => None,
        }
    }

    /// Which regressor columns were dropped as spanned by the effects (`Some(true)`) or by earlier columns
    /// (`Some(false)`).
    pub fn dropped(&self) -> Vec<Option<bool>> {
        match self {
            Solver::Exact(solver) => solver.dropped(),
            Solver::Precise(solver) => solver.dropped(),
            Solver::Iterative(solver) => solver.dropped(),
        }
    }

    /// Share of each regressor's squared length that effects and earlier columns leave.
    pub fn left(&self) -> &[f64] {
        match self {
            Solver::Exact(solver) => solver.left(),
            Solver::Precise(solver) => solver.left(),
            Solver::Iterative(solver) => solver.left(),
        }
    }

    /// Iterations made so far to prepare; 0 for a direct solution.
    pub fn iterations(&self) -> usize {
        match self {
            Solver::Exact(_) | Solver::Precise(_) => 0,
            Solver::Iterative(solver) => solver.iterations,
        }
    }
}
