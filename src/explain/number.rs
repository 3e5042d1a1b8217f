//! One number of a fit, as a combination of its coefficients and adjusted rates.

use crate::estimate::Fitted;
use crate::result::{Estimate, ModelFit};

use super::summed::Tests;

/// A linear combination of coefficients and rates, by the names of [`crate::estimate::Influence`]: a term, or
/// `rate::<level>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// What it is called.
    pub label: String,
    /// Names and weights.
    pub weights: Vec<(String, f64)>,
}

impl Combination {
    /// A coefficient.
    pub fn coefficient(term: &str) -> Self {
        Combination { label: term.to_owned(), weights: vec![(term.to_owned(), 1.0)] }
    }

    /// The last level's adjusted rate less the first's; `None` without two levels.
    pub fn top_less_bottom(fit: &ModelFit) -> Option<Self> {
        let levels = &fit.rates.as_ref()?.levels;
        let (first, last) = (levels.first()?, levels.last()?);
        (levels.len() > 1).then(|| Combination {
            label: format!("rate {} - rate {}", last.level, first.level),
            weights: vec![(format!("rate::{}", last.level), 1.0), (format!("rate::{}", first.level), -1.0)],
        })
    }

    /// `a`, `a - b`, `rate 5`, `rate 5 - rate 1`: coefficients by their names, rates by their levels.
    ///
    /// # Errors
    /// The name that the fit does not have.
    pub fn parse(text: &str, fit: &ModelFit) -> Result<Self, String> {
        let names = names(fit);
        let one = |text: &str| -> Result<String, String> {
            let text = text.trim();
            let rate = text.strip_prefix("rate ").map(|level| format!("rate::{}", level.trim()));
            let found = |name: &String| names.contains(name);
            Some(text.to_owned()).filter(found).or(rate.filter(found)).ok_or_else(|| text.to_owned())
        };
        let label = text.trim().to_owned();
        if let Ok(name) = one(text) {
            return Ok(Combination { label, weights: vec![(name, 1.0)] });
        }
        // a name may itself hold a minus: split where both sides are known
        let places = text.match_indices('-').map(|(at, _)| (&text[..at], &text[at + 1..]));
        for (left, right) in places {
            if let (Ok(left), Ok(right)) = (one(left), one(right)) {
                return Ok(Combination { label, weights: vec![(left, 1.0), (right, -1.0)] });
            }
        }
        Err(label)
    }

    /// Its weights over coefficients, then rates, of a fit.
    ///
    /// # Errors
    /// The first name that the fit does not have.
    pub fn vector(&self, fit: &ModelFit) -> Result<Vec<f64>, String> {
        let names = names(fit);
        let mut vector = vec![0.0; names.len()];
        for (name, weight) in &self.weights {
            let at = names.iter().position(|known| known == name).ok_or_else(|| name.clone())?;
            vector[at] += weight;
        }
        Ok(vector)
    }

    /// Its value in a fit.
    ///
    /// # Errors
    /// The first name that the fit does not have.
    pub fn value(&self, fit: &ModelFit) -> Result<f64, String> {
        let (vector, estimates) = (self.vector(fit)?, estimates(fit));
        Ok(dot(&vector, &estimates))
    }

    /// Its value and test, from the joint covariance of coefficients and rates.
    ///
    /// # Errors
    /// The first name that the fit does not have.
    pub fn estimate(&self, fit: &ModelFit, joint: &[f64]) -> Result<Estimate, String> {
        let vector = self.vector(fit)?;
        let value = dot(&vector, &estimates(fit));
        Ok(Tests::of(fit).number(self.label.clone(), value, quadratic(&vector, joint).max(0.0).sqrt()))
    }

    /// The same of a fit that kept its influence.
    ///
    /// # Errors
    /// The first name that the fit does not have.
    pub fn of(&self, fitted: &Fitted) -> Result<Estimate, String> {
        self.estimate(&fitted.fit, fitted.joint.as_deref().unwrap_or(&[]))
    }
}

/// Coefficients, then rates, as [`crate::estimate::Influence`] names them.
pub fn names(fit: &ModelFit) -> Vec<String> {
    let coefficients = fit.coefficients.iter().map(|row| row.term.clone());
    let rates = fit.rates.iter().flat_map(|rates| &rates.levels).map(|row| format!("rate::{}", row.level));
    coefficients.chain(rates).collect()
}

fn estimates(fit: &ModelFit) -> Vec<f64> {
    let rates = fit.rates.iter().flat_map(|rates| &rates.levels).map(|row| row.estimate);
    fit.coefficients.iter().map(|row| row.estimate).chain(rates).collect()
}

/// a'b.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // what has no weight may be missing
    a.iter().zip(b).filter(|(a, _)| **a != 0.0).map(|(a, b)| a * b).sum()
}

/// v'Mv.
pub fn quadratic(v: &[f64], matrix: &[f64]) -> f64 {
    v.iter().zip(matrix.chunks(v.len().max(1))).filter(|(a, _)| **a != 0.0).map(|(a, row)| a * dot(v, row)).sum()
}
