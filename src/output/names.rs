//! The fixed words that outputs use for the kinds of the result records.

use crate::result::{Composition, ContrastKind, Family, ModelFit, Reference, SeparatedSide, VcovKind};

/// Every family.
pub const FAMILIES: [Family; 5] = [Family::Ols, Family::Logit, Family::Poisson, Family::Probit, Family::Clogit];

/// Every kind of covariance.
pub const VCOV_KINDS: [VcovKind; 8] = [
    VcovKind::Iid,
    VcovKind::Hc1,
    VcovKind::Hc2,
    VcovKind::Hc3,
    VcovKind::Cr1,
    VcovKind::Cr2,
    VcovKind::Cr3,
    VcovKind::Cr3j,
];

/// `ols`, `logit`, `poisson`, `probit` or `clogit`.
pub fn estimator(family: Family) -> &'static str {
    match family {
        Family::Ols => "ols",
        Family::Logit => "logit",
        Family::Poisson => "poisson",
        Family::Probit => "probit",
        Family::Clogit => "clogit",
    }
}

/// `iid`, `HC1` to `HC3`, `CR1` to `CR3`, `CR3J`.
pub fn se_type(kind: VcovKind) -> &'static str {
    kind.name()
}

/// `sampled` or `fixed`.
pub fn composition(composition: Composition) -> &'static str {
    match composition {
        Composition::Sampled => "sampled",
        Composition::Fixed => "fixed",
    }
}

/// `contrast_reference`, `contrast_adjacent`, `ratio` or `odds_ratio`.
pub fn contrast(kind: ContrastKind) -> &'static str {
    match kind {
        ContrastKind::Reference => "contrast_reference",
        ContrastKind::Adjacent => "contrast_adjacent",
        ContrastKind::Ratio => "ratio",
        ContrastKind::OddsRatio => "odds_ratio",
    }
}

/// Scale of a contrast's interval: `identity`, or `log` for ratios.
pub fn contrast_scale(kind: ContrastKind) -> &'static str {
    match kind {
        ContrastKind::Reference | ContrastKind::Adjacent => "identity",
        ContrastKind::Ratio | ContrastKind::OddsRatio => "log",
    }
}

/// Scale of the coefficients: `identity`, `logit` for log odds, `log` for logarithms of means, or `probit`.
pub fn coefficient_scale(family: Family) -> &'static str {
    match family {
        Family::Ols => "identity",
        Family::Logit | Family::Clogit => "logit",
        Family::Poisson => "log",
        Family::Probit => "probit",
    }
}

/// `zero`, `one` or `both`.
pub fn separated_side(side: SeparatedSide) -> &'static str {
    match side {
        SeparatedSide::Zero => "zero",
        SeparatedSide::One => "one",
        SeparatedSide::Both => "both",
    }
}

/// Degrees of freedom of the reference distribution; `None` for the normal.
pub fn degrees_of_freedom(reference: Reference) -> Option<f64> {
    match reference {
        Reference::StudentT(df) => Some(df),
        Reference::Normal => None,
    }
}

/// Cluster variables joined by ` + `, intersections left out; `None` without clusters.
pub fn cluster(fit: &ModelFit) -> Option<String> {
    let variables: Vec<&str> =
        fit.clusters.iter().map(|cluster| cluster.name.as_str()).filter(|name| !name.contains(':')).collect();
    (!variables.is_empty()).then(|| variables.join(" + "))
}

/// Clusters of the first cluster variable; `None` without clusters.
pub fn first_cluster_count(fit: &ModelFit) -> Option<usize> {
    fit.clusters.first().map(|cluster| cluster.count)
}

/// Whether a fit belongs to a model file: its identifier is the file's name, or that with a series after a mark.
pub fn belongs_to(fit: &ModelFit, spec: &str) -> bool {
    fit.spec_id.strip_prefix(spec).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::*;

    #[test]
    fn a_series_belongs_to_its_model_file() {
        let mut fit = sample_run().fits[0].clone();
        for (spec_id, expected) in [("table_a2", true), ("table_a2/logit", true), ("table_a21", false), ("fit", false)]
        {
            fit.spec_id = spec_id.to_owned();
            assert_eq!(belongs_to(&fit, "table_a2"), expected, "{spec_id}");
        }
    }
}
