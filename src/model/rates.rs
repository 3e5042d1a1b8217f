//! The factor of the adjusted rates: its levels, their numbers and labels.

use super::rows::plain_name;
use super::terms::{find_level, variables};
use super::variables::is_numeric;
use super::{ModelError, Request, Rows, Workspace};
use crate::design::RatesFactor;
use crate::expr::Expr;
use crate::formula::{FormulaTerm, With};

/// Values up to which a numeric variable has adjusted rates.
const RATE_LEVELS: usize = 50;

/// The factor of the adjusted rates with the levels that have rows.
///
/// # Errors
/// If its rates are not identified, or it has too many levels.
pub fn rates_factor(
    workspace: &Workspace,
    request: &Request,
    expr: &Expr,
    rows: &Rows,
) -> Result<RatesFactor, ModelError> {
    let name = plain_name(expr);
    for effect in &request.formula.effects {
        if effect.exprs().any(|used| used == expr) {
            return Err(ModelError::RatesAbsorbed { factor: name, effect: effect.to_string() });
        }
    }
    for term in &request.formula.terms {
        let crossed = match term {
            FormulaTerm::Product(parts) => parts.len() > 1,
            FormulaTerm::Levels(levels) => match &levels.with {
                Some(With::Factor(..)) => true,
                Some(With::Number(other)) => *other == *expr || workspace.numbers(other)?.is_none(),
                None => false,
            },
            FormulaTerm::Plain(plain) => plain != expr && plain.names().contains(&name),
        };
        if crossed && variables(term).iter().any(|variable| variable.names().contains(&name)) {
            return Err(ModelError::RatesInteracted { factor: name, term: term.to_string() });
        }
    }
    let variable = workspace.coded(expr)?;
    let factor = &variable.factor;
    let numeric = workspace.with_column(expr, is_numeric)?;
    let mut present = vec![false; factor.n_levels()];
    let codes = rows.gather(&factor.codes);
    codes.iter().for_each(|&code| present[code as usize] = true);
    let kept: Vec<usize> = (0..factor.n_levels()).filter(|&code| present[code]).collect();
    if kept.len() > RATE_LEVELS {
        return Err(ModelError::TooManyRateLevels { factor: name, found: kept.len(), limit: RATE_LEVELS });
    }
    let mut position = vec![0u32; factor.n_levels()];
    kept.iter().enumerate().for_each(|(new, &old)| position[old] = new as u32);
    let levels: Vec<String> = kept.iter().map(|&code| factor.levels[code].clone()).collect();
    // contrasts refer to the formula's reference level
    let mut reference = 0;
    for term in &request.formula.terms {
        if let FormulaTerm::Levels(term) = term
            && term.factor == *expr
            && let Some(level) = term.reference.first()
            && let Some(code) = find_level(factor, level)
            && present[code]
        {
            reference = position[code] as usize;
        }
    }
    Ok(RatesFactor {
        name,
        labels: levels.clone(),
        numbers: levels
            .iter()
            .map(|level| if numeric { level.parse().unwrap_or(f64::NAN) } else { f64::NAN })
            .collect(),
        levels,
        term_codes: kept.iter().map(|&code| code as u32).collect(),
        codes: codes.iter().map(|&code| position[code as usize]).collect(),
        reference,
    })
}
