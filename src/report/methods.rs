//! What was done, in words, from the regressions that were really run.

use crate::output::names::cluster;
use crate::output::notes::percent_level;
use crate::output::number::count;
use crate::result::{Composition, Family, ModelFit, Reference, VcovKind};

/// One paragraph per specification, in the order of the fits: name of the models and the text.
pub fn paragraphs(fits: &[ModelFit]) -> Vec<(String, String)> {
    let mut grouped: Vec<(String, String, Vec<String>)> = Vec::new();
    for fit in fits {
        let text = paragraph(fit);
        let name = series_name(fit);
        match grouped.iter_mut().find(|(spec, known, _)| *spec == fit.spec_id && *known == text) {
            Some((_, _, names)) => names.push(name),
            None => grouped.push((fit.spec_id.clone(), text, vec![name])),
        }
    }
    grouped.into_iter().map(|(spec, text, names)| (format!("{spec}: {}", names.join("; ")), text)).collect()
}

fn series_name(fit: &ModelFit) -> String {
    let sample = if fit.sample == "all" { String::new() } else { format!(" among {}", fit.sample) };
    format!("{} {}{sample}", fit.model, fit.outcome).trim().to_owned()
}

/// The specification of a fit without its outcome and sample.
fn paragraph(fit: &ModelFit) -> String {
    let mut sentences = vec![estimator(fit)];
    sentences.extend(effects(fit));
    sentences.push(errors(fit));
    sentences.extend(rates(fit));
    sentences.join(" ")
}

fn estimator(fit: &ModelFit) -> String {
    let name = match fit.family {
        Family::Ols => "Ordinary least squares",
        Family::Logit => "Logit by maximum likelihood",
        Family::Probit => "Probit by maximum likelihood",
        Family::Clogit => "Conditional logit given the number of ones in each cell of the fixed effects",
        Family::Poisson => "Poisson pseudo maximum likelihood",
    };
    let right = fit.formula.split_once('~').map_or(fit.formula.as_str(), |(_, right)| right.trim());
    let weights = fit.weights.as_ref().map_or_else(String::new, |weights| format!(", weighted by `{weights}`"));
    format!("{name} on `{right}`{weights}.")
}

fn effects(fit: &ModelFit) -> Option<String> {
    let names: Vec<String> = fit.effects.iter().map(|effect| format!("`{}`", effect.name)).collect();
    match names.as_slice() {
        [] => None,
        [one] if one.contains('^') => Some(format!(
            "Rows are compared within cells of {one}: one fixed effect for every combination that occurs."
        )),
        _ => Some(format!("Fixed effects of {} are absorbed.", names.join(" and "))),
    }
}

fn errors(fit: &ModelFit) -> String {
    let by = cluster(fit).map_or_else(String::new, |names| format!(" by `{names}`"));
    let errors = match fit.vcov_kind {
        VcovKind::Iid => String::from("Standard errors take the errors for independent, with one variance"),
        VcovKind::Cr1 => format!("Standard errors are clustered{by}"),
        kind if kind.is_clustered() => format!("Standard errors are clustered{by} ({})", kind.name()),
        kind => format!("Standard errors are robust to unequal variances ({})", kind.name()),
    };
    let reference = match fit.reference {
        Reference::StudentT(_) => "Student's t",
        Reference::Normal => "the normal distribution",
    };
    format!("{errors}; {} intervals are from {reference}.", percent_level(fit.conf_level))
}

fn rates(fit: &ModelFit) -> Option<String> {
    let rates = fit.rates.as_ref()?;
    let composition = match rates.composition {
        Composition::Sampled => "their errors include the sampling of those rows",
        Composition::Fixed => "those rows are held fixed",
    };
    Some(format!(
        "Adjusted rates set `{}` to each level for every row of the target, singletons{} included, and average the \
         predictions; {composition}.",
        rates.factor,
        if fit.family == Family::Ols { "" } else { " and separated cells" }
    ))
}

/// A sentence on the rows of a fit.
pub fn rows(fit: &ModelFit) -> String {
    format!(
        "{} of {} rows, {} clusters, {} cells",
        count(fit.flow.rows_used),
        count(fit.flow.rows_read),
        count(fit.flow.users),
        count(fit.flow.cells)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    #[test]
    fn fits_that_differ_in_their_outcome_share_a_paragraph() {
        let mut fits = sample_run().fits[..1].to_vec();
        fits.push(ModelFit { outcome: String::from("judged_success"), ..fits[0].clone() });
        let paragraphs = paragraphs(&fits);
        assert_eq!(paragraphs.len(), 1);
        let (names, text) = &paragraphs[0];
        assert!(names.contains("judged_success"), "{names}");
        for wanted in ["Ordinary least squares on `", "clustered by `user", "95% intervals", "Adjusted rates set"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }

    #[test]
    fn a_likelihood_says_so() {
        let paragraphs = paragraphs(&sample_run().fits);
        assert!(paragraphs.iter().any(|(_, text)| text.contains("Logit by maximum likelihood")), "{paragraphs:?}");
    }
}
