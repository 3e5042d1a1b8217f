//! The sentences under a table: how its numbers were computed and what was left out.

use crate::result::{EffectInfo, Family, ModelFit, Reference, VcovKind};
use crate::vcov::convention::{GFactor, KFactor, Ssc};

use super::number::{count, rounded};

/// Notes on several regressions; a note that does not hold for all names the models it holds for.
pub fn estimation_notes(fits: &[ModelFit]) -> Vec<String> {
    let mut grouped: Vec<(String, Vec<&ModelFit>)> = Vec::new();
    for fit in fits {
        for note in notes_of(fit) {
            match grouped.iter_mut().find(|(text, _)| *text == note) {
                Some((_, holders)) => holders.push(fit),
                None => grouped.push((note, vec![fit])),
            }
        }
    }
    grouped
        .into_iter()
        .map(
            |(note, holders)| {
                if holders.len() == fits.len() { note } else { format!("{}: {note}", names(&holders, fits)) }
            },
        )
        .collect()
}

/// Models, with samples and outcomes where these tell them apart.
fn names(holders: &[&ModelFit], fits: &[ModelFit]) -> String {
    let mut names: Vec<String> = Vec::new();
    for fit in holders {
        let same_model = || fits.iter().filter(|other| other.model == fit.model);
        let mut name = fit.model.clone();
        if same_model().any(|other| other.sample != fit.sample) {
            name += &format!(" {}", fit.sample);
        }
        if same_model().any(|other| other.sample == fit.sample && other.outcome != fit.outcome) {
            name += &format!(" {}", fit.outcome);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn notes_of(fit: &ModelFit) -> Vec<String> {
    let mut notes = vec![covariance_note(fit), small_sample_note(fit)];
    notes.extend(fit.weights.iter().map(|weights| format!("weighted by `{weights}`")));
    notes.extend(fit.effects.iter().filter_map(nested_note));
    notes.extend(rank_note(fit));
    notes.extend(fit.penalty.map(|penalty| {
        let penalised = fit.fit.log_likelihood + penalty;
        format!(
            "Firth's penalised likelihood: log likelihood {} with half the log determinant of the information",
            rounded(penalised, 4)
        )
    }));
    notes.extend(fit.dropped_terms.iter().map(|dropped| format!("`{}` dropped: {}", dropped.term, dropped.reason)));
    notes.extend(fit.warnings.iter().map(|warning| format!("warning: {warning}")));
    notes
}

/// The covariance and what its intervals refer to.
fn covariance_note(fit: &ModelFit) -> String {
    let clusters: Vec<String> = fit
        .clusters
        .iter()
        .filter(|cluster| !cluster.name.contains(':'))
        .map(|cluster| format!("`{}`", cluster.name))
        .collect();
    let errors = match fit.vcov_kind {
        VcovKind::Iid => String::from("standard errors for independent errors of equal variance (iid)"),
        kind if kind.is_clustered() => {
            format!("cluster-robust standard errors ({}) by {}", kind.name(), clusters.join(" and "))
        }
        kind => format!("heteroskedasticity-robust standard errors ({})", kind.name()),
    };
    let reference = match fit.reference {
        _ if fit.df.is_some() => String::from("t with the Bell-McCaffrey degrees of freedom of each number"),
        Reference::StudentT(df) => format!("t({})", rounded(df, 0)),
        Reference::Normal => String::from("the normal distribution"),
    };
    format!("{errors}; p-values and {} intervals from {reference}", percent_level(fit.conf_level))
}

/// The small-sample factor with its parts, and the convention where it is not the default.
fn small_sample_note(fit: &ModelFit) -> String {
    let parts = &fit.small_sample;
    let ssc = Ssc::parse(&parts.convention).unwrap_or_default();
    if let Some(note) = defined_factor(fit) {
        return note;
    }
    let rule = ssc.rule(fit.family, fit.vcov_kind);
    let by = if ssc == Ssc::default() { String::new() } else { format!(" (convention `{ssc}`)") };
    let (n, k) = (count(parts.n), count(parts.k));
    let formula = rule.formula(fit.family, fit.vcov_kind);
    if fit.vcov_kind == VcovKind::Iid && fit.family == Family::Ols {
        return match formula.is_empty() {
            true => format!("error variance RSS/(n - K) with n = {n}, K = {k}{by}"),
            false => format!("error variance RSS/n with n = {n}{by}"),
        };
    }
    if formula.is_empty() {
        return format!("no small-sample factor{by}");
    }
    let of_k = if rule.k == KFactor::None { String::new() } else { format!(", K = {k}") };
    if parts.factor.is_nan() {
        let terms: Vec<String> = parts
            .terms
            .iter()
            .map(|term| format!("`{}` {:.6} (G = {})", term.name, term.factor, count(term.groups)))
            .collect();
        return format!("small-sample factor {formula}, each term its own G: {}; n = {n}{of_k}{by}", terms.join(", "));
    }
    let groups = match (fit.vcov_kind, fit.clusters.iter().map(|cluster| cluster.count).min()) {
        (VcovKind::Cr1, Some(groups)) if rule.g != GFactor::None => format!(", G = {}", count(groups)),
        _ => String::new(),
    };
    format!("small-sample factor {formula} = {:.6} with n = {n}{of_k}{groups}{by}", parts.factor)
}

/// What stands in for a factor where the covariance is defined without K.
fn defined_factor(fit: &ModelFit) -> Option<String> {
    let about = match fit.vcov_kind {
        VcovKind::Iid | VcovKind::Hc1 | VcovKind::Cr1 => return None,
        VcovKind::Hc2 | VcovKind::Cr2 => {
            return Some(String::from("residuals are corrected for their leverage: no small-sample factor"));
        }
        VcovKind::Hc3 => return Some(String::from("every row left out in turn: no small-sample factor")),
        VcovKind::Cr3 => "estimate",
        VcovKind::Cr3j => "mean of the estimates without one",
    };
    let step = if fit.family == Family::Ols { "" } else { ", each by one step of scoring" };
    let groups = fit.clusters.iter().map(|cluster| cluster.count).min().map_or_else(String::new, count);
    Some(format!("every cluster left out in turn{step}, squares about the {about}, factor (G - 1)/G with G = {groups}"))
}

/// A nested effect that does not count in K (but for the constant).
fn nested_note(effect: &EffectInfo) -> Option<String> {
    let cluster = effect.nested_in.as_ref().filter(|_| effect.counted <= 1)?;
    Some(format!("`{}` is nested in the clusters `{cluster}` and does not count in K", effect.name))
}

/// What the fixed effects add to K, where the exact count is not the nominal one.
fn rank_note(fit: &ModelFit) -> Option<String> {
    let absorbed = fit.absorbed_rank?;
    if absorbed.in_k {
        return Some(format!("K counts the rank of the fixed effects: {} parameters", count(absorbed.counted)));
    }
    let nominal = fit.effects.iter().map(|effect| effect.counted).sum::<usize>();
    let most = if absorbed.exact { "" } else { "at most " };
    (absorbed.counted < nominal).then(|| {
        format!(
            "the fixed effects have {most}{} parameters, K counts {}: `--df exact`",
            count(absorbed.counted),
            count(nominal)
        )
    })
}

/// `95%`, `99.5%`.
pub fn percent_level(level: f64) -> String {
    let percent = (level * 1e6).round() / 1e4;
    format!("{percent}%")
}

/// Whether the reference distribution is Student's.
pub fn is_t(fit: &ModelFit) -> bool {
    matches!(fit.reference, Reference::StudentT(_))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    #[test]
    fn a_note_that_differs_names_its_model() {
        let notes = estimation_notes(&sample_run().fits);
        assert!(notes.iter().any(|note| note.starts_with("logit: warning: 1 cell")), "{notes:?}");
        let mut twice = sample_run().fits[..1].to_vec();
        twice.push(twice[0].clone());
        assert!(estimation_notes(&twice).iter().all(|note| !note.starts_with("(5)")));
    }

    #[test]
    fn levels_print_without_noise() {
        assert_eq!(percent_level(0.95), "95%");
        assert_eq!(percent_level(0.995), "99.5%");
    }
}
