//! A grid from one stepwise formula: every outcome and every stepwise term is a choice.

use super::{ChoiceEntry, EstimatorName, GridError, GridFile, OptionEntry};
use crate::formula::Formula;
use crate::formula::steps::expand;
use crate::spec::{FamilyName, ModelEntry, SourceError, SpecError};

/// What the command line says beside the formula.
#[derive(Debug, Clone, Default)]
pub struct StepwiseRequest {
    /// The formula.
    pub formula: String,
    /// Flags.
    pub entry: ModelEntry,
    /// The effect of interest: `5 - 1`, or a coefficient; the first regressor if left out.
    pub effect: Option<String>,
}

/// The grid of a stepwise formula.
///
/// # Errors
/// A formula that cannot be read.
pub fn stepwise_grid(request: &StepwiseRequest) -> Result<GridFile, GridError> {
    let text = &request.formula;
    let fail = |error, text: &str| {
        GridError::Spec(SpecError::Source(Box::new(SourceError::formula("the formula", text, error))))
    };
    let variants = expand(text).map_err(|error| fail(error, text))?;
    let first = Formula::parse(&variants[0].text).map_err(|error| fail(error, &variants[0].text))?;
    let outcomes: Vec<String> = first.outcomes.iter().map(ToString::to_string).collect();
    let mut options = Vec::new();
    for variant in &variants {
        Formula::parse(&variant.text).map_err(|error| fail(error, &variant.text))?;
        let design = variant.text.split_once('~').map_or("", |(_, design)| design.trim());
        let (terms, effects) = match design.split_once('|') {
            Some((terms, effects)) => (terms.trim(), Some(effects.trim().to_owned())),
            None => (design, None),
        };
        let name = if variant.steps.is_empty() { String::from("as written") } else { variant.steps.join("; ") };
        options.push(OptionEntry { name, term: Some(terms.to_owned()), effects, ..OptionEntry::default() });
    }
    let focal = request.entry.rates.clone();
    let effect = request.effect.clone().or_else(|| first_term(&first)).ok_or_else(|| {
        GridError::plain(
            "the formula has no regressor",
            "name the effect of interest, e.g. `--effect '5 - 1' --rates expertise`",
        )
    })?;
    let estimator = match request.entry.family {
        None | Some(FamilyName::Ols) => EstimatorName::Lpm,
        Some(FamilyName::Logit) => EstimatorName::Logit,
        Some(FamilyName::Probit) => EstimatorName::Probit,
        Some(FamilyName::Poisson) => EstimatorName::Poisson,
        Some(FamilyName::Clogit) => {
            return Err(GridError::plain("a curve has no conditional logit", "use `--family logit`"));
        }
    };
    let of_outcome = |outcome: &String| OptionEntry {
        name: outcome.clone(),
        outcome: Some(outcome.clone()),
        estimator: Some(estimator),
        ..OptionEntry::default()
    };
    let choice = |name: &str, options| ChoiceEntry { name: name.to_owned(), label: None, options };
    Ok(GridFile {
        name: String::from("curve"),
        title: Some(text.clone()),
        focal: focal.unwrap_or_else(|| effect.split("::").next().unwrap_or_default().to_owned()),
        effect: Some(effect),
        defaults: request.entry.clone(),
        choice: vec![choice("outcome", outcomes.iter().map(of_outcome).collect()), choice("steps", options)],
        ..GridFile::default()
    })
}

/// Name of the coefficient of the first regressor, where it is a number.
fn first_term(formula: &Formula) -> Option<String> {
    match formula.terms.first()? {
        crate::formula::FormulaTerm::Plain(expr) => Some(expr.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::expand as expand_grid;
    use super::*;

    #[test]
    fn the_six_columns_of_table_a1_are_one_line() {
        let formula = "verified_success ~ expertise | csw0(work_mode^value_band, ^month, ^task_occupation, ^software, \
                       ^model_tier^session_length_band + terms(log_model_calls + log_human_turns))";
        let request = StepwiseRequest { formula: formula.to_owned(), ..StepwiseRequest::default() };
        let found = expand_grid(&stepwise_grid(&request).unwrap()).unwrap();
        let table: crate::spec::ModelFile = toml::from_str(include_str!("../../models/table_a1.toml")).unwrap();
        let ours: Vec<&str> = found.drafts.iter().map(|draft| draft.entry.formula.as_deref().unwrap()).collect();
        let theirs: Vec<&str> = table.model.iter().map(|model| model.formula.as_deref().unwrap()).collect();
        assert_eq!(ours, theirs);
    }
}
