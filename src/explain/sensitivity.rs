//! How strong what is not observed would have to be to change a conclusion.
//!
//! Partial R2 and robustness values (Cinelli and Hazlett 2020, JRSS B 82) rest on the ratio of a coefficient to its error
//! under independent errors of equal variance, |t| / sqrt(df): a fact about variances, not about sampling. With q the share
//! of the estimate to be explained away,
//!
//! ```text
//! f = q |t| / sqrt(df)        RV_q = (sqrt(f^4 + 4 f^2) - f^2) / 2
//! RV_{q,a}: f less t_{a/2, df-1} / sqrt(df - 1); (f^2 - f_a^2) / (1 + f^2) where f > 1 / f_a
//! bias = se sqrt(df) sqrt(R2_y R2_d / (1 - R2_d))
//! se   = se sqrt(df / (df - 1)) sqrt((1 - R2_y) / (1 - R2_d))
//! ```
//!
//! and a confounder k_d and k_y times as strong as an observed control has the partial R2 of [`bound`]. Partial R2 of
//! controls come from sums of squares with and without them; that of the regressor with its controls from
//! RSS_d = RSS_y / (df se^2), so every number is from regressions of the outcome.

use super::error::ExplainError;
use super::gelbach::{Group, Roles};
use super::oster::Selection;
use super::summed::Tests;
use super::{check_linear, keep_rows};
use crate::design::Sample;
use crate::estimate::{Options, fit};
use crate::inference::distributions::student_quantile_upper;
use crate::result::{ContrastKind, Estimate, ModelFit, Reference, VcovKind};

const WHAT: &str = "this sensitivity analysis";

/// What to ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Questions {
    /// Share of the estimate to be explained away.
    pub q: f64,
    /// Significance level.
    pub alpha: f64,
    /// Strengths of confounders relative to each control: (k_d, k_y).
    pub strengths: Vec<(f64, f64)>,
    /// Largest R2, if not 1.3 times that of the long regression (at most 1).
    pub r_max: Option<f64>,
    /// Selection on unobserved relative to observed controls.
    pub delta: f64,
    /// The coefficient that [`Oster::delta`] is for.
    pub beta: f64,
}

impl Default for Questions {
    fn default() -> Self {
        let strengths = [1.0, 2.0, 3.0].map(|k| (k, k)).to_vec();
        Questions { q: 1.0, alpha: 0.05, strengths, r_max: None, delta: 1.0, beta: 0.0 }
    }
}

/// A coefficient with a confounder as strong as a multiple of an observed control.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// The control.
    pub group: String,
    /// How much more of the regressor it explains.
    pub kd: f64,
    /// How much more of the outcome.
    pub ky: f64,
    /// Partial R2 of the confounder with the regressor; missing if no confounder can be that strong.
    pub r2_regressor: f64,
    /// Partial R2 with the outcome.
    pub r2_outcome: f64,
    /// The coefficient less the bias, towards zero, with its error under equal variance.
    pub adjusted: Estimate,
}

/// Oster's bounds of one coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct Oster {
    /// What the regressions say.
    pub selection: Selection,
    /// Largest R2.
    pub r_max: f64,
    /// Selection for which the coefficient would be [`Questions::beta`].
    pub delta: f64,
    /// Coefficients under the selection asked about, the one to report first; none if there is no solution.
    pub adjusted: Vec<f64>,
}

/// How sensitive one coefficient is.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// The coefficient, as fitted.
    pub value: Estimate,
    /// Its error under equal variance.
    pub iid_error: f64,
    /// Residual degrees of freedom.
    pub df: f64,
    /// Share of the outcome's residual variance that the regressor explains.
    pub partial_r2: f64,
    /// Robustness value.
    pub robustness: f64,
    /// Robustness value of significance.
    pub robustness_alpha: f64,
    /// By control and strength.
    pub benchmarks: Vec<Benchmark>,
    /// Oster's bounds.
    pub oster: Oster,
}

/// The E-value of a ratio of adjusted rates (VanderWeele and Ding 2017).
#[derive(Debug, Clone, PartialEq)]
pub struct EValue {
    /// What is compared.
    pub contrast: String,
    /// Ratio of rates.
    pub ratio: f64,
    /// Its interval.
    pub interval: (f64, f64),
    /// The risk ratio that a confounder would need with both to explain the ratio away.
    pub value: f64,
    /// The same for the end of the interval nearer to one; 1 if the interval holds one.
    pub limit: f64,
}

/// Sensitivity of the coefficients of one fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivities {
    /// The fit.
    pub fit: ModelFit,
    /// By coefficient; empty for a likelihood.
    pub coefficients: Vec<Sensitivity>,
    /// By ratio of adjusted rates; empty without rates.
    pub e_values: Vec<EValue>,
}

/// RV_q from a t under equal variance.
pub fn robustness_value(t: f64, df: f64, q: f64) -> f64 {
    let f = q * t.abs() / df.sqrt();
    of_f(f)
}

/// RV_{q,alpha}.
pub fn robustness_value_of_significance(t: f64, df: f64, q: f64, alpha: f64) -> f64 {
    let f = q * t.abs() / df.sqrt();
    let critical = student_quantile_upper(0.5 * alpha, df - 1.0) / (df - 1.0).sqrt();
    if f <= critical {
        0.0
    } else if f * critical > 1.0 {
        (f * f - critical * critical) / (1.0 + f * f)
    } else {
        of_f(f - critical)
    }
}

fn of_f(f: f64) -> f64 {
    // (sqrt(f^4 + 4 f^2) - f^2) / 2 without cancellation
    2.0 * f / ((f * f + 4.0).sqrt() + f)
}

/// Partial R2 of a confounder k_d and k_y times as strong as a control, with the regressor and with the outcome (Cinelli
/// and Hazlett 2020, section 4.4); missing where none can be that strong, and at most one for the outcome.
pub fn bound(control_regressor: f64, control_outcome: f64, kd: f64, ky: f64) -> (f64, f64) {
    let regressor = kd * control_regressor / (1.0 - control_regressor);
    let shared =
        kd * control_regressor * control_regressor / ((1.0 - kd * control_regressor) * (1.0 - control_regressor));
    if !(regressor < 1.0 && (0.0..1.0).contains(&shared)) {
        return (f64::NAN, f64::NAN);
    }
    let eta = (ky.sqrt() + shared.sqrt()) / (1.0 - shared).sqrt();
    (regressor, (eta * eta * control_outcome / (1.0 - control_outcome)).min(1.0))
}

/// The coefficient and its error with a confounder of these partial R2, the bias towards zero.
pub fn adjusted(estimate: f64, iid_error: f64, df: f64, regressor: f64, outcome: f64) -> (f64, f64) {
    let bias = iid_error * df.sqrt() * (outcome * regressor / (1.0 - regressor)).sqrt();
    let std_error = iid_error * (df / (df - 1.0) * (1.0 - outcome) / (1.0 - regressor)).sqrt();
    (estimate.signum() * (estimate.abs() - bias), std_error)
}

/// RR + sqrt(RR (RR - 1)), of the inverse where the ratio is below one.
pub fn e_value(ratio: f64) -> f64 {
    let ratio = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    ratio + (ratio * (ratio - 1.0)).sqrt()
}

/// E-values of the ratios of a fit's adjusted rates.
pub fn e_values(fit: &ModelFit) -> Vec<EValue> {
    let ratios = fit.rates.iter().flat_map(|rates| &rates.contrasts).filter(|row| row.kind == ContrastKind::Ratio);
    let one = |row: &crate::result::ContrastRow| {
        let nearer = if row.estimate < 1.0 { row.conf_high } else { row.conf_low };
        let holds_one = row.conf_low <= 1.0 && row.conf_high >= 1.0;
        EValue {
            contrast: row.contrast.clone(),
            ratio: row.estimate,
            interval: (row.conf_low, row.conf_high),
            value: e_value(row.estimate),
            limit: if holds_one { 1.0 } else { e_value(nearer) },
        }
    };
    ratios.map(one).collect()
}

/// A regression under equal variance: sum of squares, degrees of freedom, R2, and rows of coefficients.
struct Plain {
    rss: f64,
    df: f64,
    r2: f64,
    rows: Vec<Estimate>,
}

impl Plain {
    fn of(sample: &Sample, options: &Options) -> Result<Self, ExplainError> {
        let fit = fit(sample, options).into_iter().next().ok_or(ExplainError::NoFocal)??.fit;
        let df = (fit.small_sample.n - fit.small_sample.k) as f64;
        Ok(Plain { rss: fit.fit.deviance, df, r2: fit.fit.r2, rows: fit.coefficients })
    }

    fn row(&self, term: &str, regression: &'static str) -> Result<&Estimate, ExplainError> {
        let reason = "the other terms determine it";
        let missing = || ExplainError::Dropped { term: term.to_owned(), regression, reason };
        self.rows.iter().find(|row| row.term == term).ok_or_else(missing)
    }

    /// Sum of squares of a regressor, residual of the other terms.
    fn regressor_rss(&self, term: &str, regression: &'static str) -> Result<f64, ExplainError> {
        let row = self.row(term, regression)?;
        Ok(self.rss / self.df / (row.std_error * row.std_error))
    }
}

/// How sensitive the focal coefficients of one outcome are: robustness values, benchmarks by the groups of controls,
/// Oster's bounds with `base` in the short regression.
///
/// # Errors
/// [`ExplainError`]: not least squares, a coefficient that cannot be estimated, or a regression that fails.
pub fn sensitivity(
    sample: &Sample,
    outcome: usize,
    options: &Options,
    roles: &Roles,
    questions: &Questions,
) -> Result<Vec<Sensitivity>, ExplainError> {
    check_linear(sample, options, WHAT)?;
    let one = Sample { outcomes: vec![sample.outcomes[outcome].clone()], rates: None, target: None, ..sample.clone() };
    let found = keep_rows(one, options)?;
    let rows = Sample { clusters: Vec::new(), ..found.rows };
    let plain = Options {
        vcov: VcovKind::Iid,
        exact_df: true,
        drop_singletons: false,
        method: options.method,
        ..Options::default()
    };
    let without = |groups: &[&Group]| {
        let gone = |t: usize| groups.iter().any(|group| group.terms.contains(&t));
        let gone_effect = |e: usize| groups.iter().any(|group| group.effects.contains(&e));
        Sample {
            terms: (0..rows.terms.len()).filter(|&t| !gone(t)).map(|t| rows.terms[t].clone()).collect(),
            effects: (0..rows.effects.len()).filter(|&e| !gone_effect(e)).map(|e| rows.effects[e].clone()).collect(),
            intercept: rows.intercept || rows.absorbs_constant(),
            ..rows.clone()
        }
    };
    let long = Plain::of(&rows, &plain)?;
    let short = Plain::of(&without(&roles.groups.iter().collect::<Vec<_>>()), &plain)?;
    let partial = roles.groups.iter().map(|group| Ok((group, Plain::of(&without(&[group]), &plain)?)));
    let partial: Vec<(&Group, Plain)> = partial.collect::<Result<_, ExplainError>>()?;
    let terms = roles.focal.iter().flat_map(|&t| &rows.terms[t].names);
    terms.map(|term| one_coefficient(term, &found.fitted.fit, &long, &short, &partial, questions)).collect()
}

fn one_coefficient(
    term: &str,
    fit: &ModelFit,
    long: &Plain,
    short: &Plain,
    partial: &[(&Group, Plain)],
    questions: &Questions,
) -> Result<Sensitivity, ExplainError> {
    let reason = "the other terms determine it";
    let missing = || ExplainError::Dropped { term: term.to_owned(), regression: "long", reason };
    let value = fit.coefficients.iter().find(|row| row.term == term).cloned().ok_or_else(missing)?;
    let row = long.row(term, "long")?;
    let df = long.df;
    let t = row.estimate / row.std_error;
    let own = long.regressor_rss(term, "long")?;
    let tests = Tests { factor: 1.0, reference: Reference::StudentT(df - 1.0), conf_level: 1.0 - questions.alpha };
    let mut benchmarks = Vec::new();
    for (group, without) in partial {
        let r2_outcome = (without.rss - long.rss).max(0.0) / without.rss;
        let of_regressor = without.regressor_rss(term, "shorter")?;
        let r2_regressor = (of_regressor - own).max(0.0) / of_regressor;
        for &(kd, ky) in &questions.strengths {
            let (regressor, outcome) = bound(r2_regressor, r2_outcome, kd, ky);
            let (estimate, error) = adjusted(row.estimate, row.std_error, df, regressor, outcome);
            benchmarks.push(Benchmark {
                group: group.name.clone(),
                kd,
                ky,
                r2_regressor: regressor,
                r2_outcome: outcome,
                adjusted: tests.number(term, estimate, error),
            });
        }
    }
    let before = short.row(term, "short")?;
    let selection = Selection {
        beta_short: before.estimate,
        beta_long: row.estimate,
        r2_short: short.r2,
        r2_long: long.r2,
        outcome_variance: long.rss / (1.0 - long.r2),
        short_variance: short.regressor_rss(term, "short")?,
        long_variance: own,
    };
    let r_max = questions.r_max.unwrap_or((1.3 * long.r2).min(1.0));
    if !(r_max >= long.r2 && r_max <= 1.0) {
        return Err(ExplainError::RMax { r_max, r2: long.r2 });
    }
    Ok(Sensitivity {
        iid_error: row.std_error,
        df,
        partial_r2: t * t / (t * t + df),
        robustness: robustness_value(t, df, questions.q),
        robustness_alpha: robustness_value_of_significance(t, df, questions.q, questions.alpha),
        benchmarks,
        oster: Oster {
            selection,
            r_max,
            delta: selection.delta(questions.beta, r_max),
            adjusted: selection.adjusted(questions.delta, r_max),
        },
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by the authors for the Darfur example: t = 4.18445 with 783 degrees of freedom, and one to three times
    /// `female` (Cinelli, Ferwerda and Hazlett 2020, table 1 and section 5).
    #[test]
    fn published_numbers_of_the_darfur_example() {
        let (estimate, error, df): (f64, f64, f64) = (0.09731582, 0.02325654, 783.0);
        let t = estimate / error;
        assert!((t * t / (t * t + df) - 0.02187).abs() < 5e-6);
        assert!((robustness_value(t, df, 1.0) - 0.13878).abs() < 5e-6);
        assert!((robustness_value_of_significance(t, df, 1.0, 0.05) - 0.07626).abs() < 5e-6);
        let printed =
            [(0.0092, 0.1246, 0.0752, 3.4389), (0.0183, 0.2493, 0.0529, 2.6002), (0.0275, 0.3741, 0.0304, 1.6281)];
        // partial R2 are printed with four digits
        for (regressor, outcome, value, t) in printed {
            let (adjusted, error) = adjusted(estimate, error, df, regressor, outcome);
            assert!((adjusted - value).abs() < 3e-4 && (adjusted / error - t).abs() < 2e-2, "{adjusted} {error}");
        }
        // 1x female: 0.0091643 and 0.1246 imply what 2x and 3x must be
        let of_control = 0.0092 / 1.0092;
        let (one, _) = bound(of_control, 0.1, 1.0, 1.0);
        let (three, _) = bound(of_control, 0.1, 3.0, 3.0);
        assert!((one - 0.0092).abs() < 1e-12 && (three - 3.0 * one).abs() < 1e-12);
        assert!(bound(0.6, 0.1, 1.0, 1.0).0.is_nan());
    }

    /// VanderWeele and Ding (2017): 3.9 (1.8 to 8.7) has 7.26 and 3.0.
    #[test]
    fn published_e_values() {
        assert!((e_value(3.9) - 7.26).abs() < 5e-3 && (e_value(1.8) - 3.0).abs() < 5e-3);
        assert!((e_value(1.0 / 3.9) - e_value(3.9)).abs() < 1e-12 && e_value(1.0) == 1.0);
    }

    #[test]
    fn a_robustness_value_is_where_the_bias_equals_the_estimate() {
        for (estimate, error, df) in [(0.5, 0.1, 40.0), (3.0, 0.02, 12.0), (0.01, 0.2, 900.0)] {
            let rv = robustness_value(estimate / error, df, 1.0);
            let (left, _) = adjusted(estimate, error, df, rv, rv);
            assert!(left.abs() < 1e-12, "{left}");
            let rv = robustness_value_of_significance(estimate / error, df, 1.0, 0.05);
            if rv > 0.0 && estimate / error < df.sqrt() {
                let (left, error) = adjusted(estimate, error, df, rv, rv);
                let critical = student_quantile_upper(0.025, df - 1.0);
                assert!((left / error - critical).abs() < 1e-9, "{}", left / error);
            }
        }
    }
}
