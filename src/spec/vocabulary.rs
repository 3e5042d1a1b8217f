//! The codebook's words in a specification: `ref = "Novice"` and `expertise == "Expert"` mean levels 1 and 5.

use super::Resolved;
use crate::codebook::{Canonical, Codebook};
use crate::expr::{Expr, ExprKind};
use crate::formula::{EffectTerm, FormulaTerm, LevelsTerm, With};

impl Resolved {
    /// Rewrites labels and other spellings of codebook levels to the levels themselves.
    pub fn use_codebook(&mut self, codebook: &Codebook) {
        let request = &mut self.request;
        let formula = &mut request.formula;
        let exprs = formula.outcomes.iter_mut().chain(formula.effects.iter_mut().flat_map(EffectTerm::exprs_mut));
        let exprs = exprs.chain(request.clusters.iter_mut().flatten());
        let exprs = exprs.chain(&mut request.filter).chain(&mut request.weights);
        let samples = self.samples.iter_mut().filter_map(|(_, filter)| filter.as_mut());
        exprs.chain(samples).chain(&mut self.split).for_each(|expr| codebook.canonical_levels(expr));
        formula.terms.iter_mut().for_each(|term| rewrite(codebook, term));
    }
}

fn rewrite(codebook: &Codebook, term: &mut FormulaTerm) {
    match term {
        FormulaTerm::Plain(expr) => codebook.canonical_levels(expr),
        FormulaTerm::Product(parts) => parts.iter_mut().for_each(|part| rewrite(codebook, part)),
        FormulaTerm::Levels(LevelsTerm { factor, with, reference, keep, drop, .. }) => {
            [reference, keep, drop].into_iter().flatten().for_each(|level| rewrite_level(codebook, factor, level));
            match with {
                Some(With::Factor(factor, reference)) => {
                    reference.iter_mut().for_each(|level| rewrite_level(codebook, factor, level));
                }
                Some(With::Number(expr)) => codebook.canonical_levels(expr),
                None => {}
            }
        }
    }
}

fn rewrite_level(codebook: &Codebook, factor: &Expr, level: &mut String) {
    let ExprKind::Name(name) = &factor.kind else { return };
    let Some(variable) = codebook.variable(name).filter(|variable| variable.is_closed()) else { return };
    if let Some(Canonical::Level(place)) = variable.canonical(level) {
        variable.levels[place].level.clone_into(level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ModelEntry, ModelFile, resolve};

    #[test]
    fn labels_become_levels_in_references_and_conditions() {
        let entry = ModelEntry {
            formula: Some(String::from("judged_success ~ i(expertise, ref = \"Novice\") | month")),
            filter: Some(String::from("expertise != \"expert\" and outcome == \"succeeded\"")),
            ..ModelEntry::default()
        };
        let file = ModelFile { name: String::from("fit"), model: vec![entry], ..ModelFile::default() };
        let mut resolved = resolve(&file, &ModelEntry::default()).unwrap().remove(0);
        resolved.use_codebook(Codebook::embedded());
        assert_eq!(resolved.request.formula.to_string(), "judged_success ~ i(expertise, ref = \"1\") | month");
        let filter = resolved.request.filter.unwrap().to_string();
        assert!(filter.contains("!= \"5\"") && filter.contains("\"Succeeded\""), "{filter}");
    }
}
