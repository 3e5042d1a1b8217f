//! What each way of making intervals says about a panel.

use super::population::{Panel, Population, Truth};
use crate::estimate::{FitError, Options, fit};
use crate::inference::intervals::{log_interval, logit_interval};
use crate::result::{Composition, ContrastKind, Family, ModelFit, Reference, VcovKind};

/// A way to make intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// What a fit does unasked: clusters, every parameter counted, a sampled composition.
    Default,
    /// The same for the very rows of the panel.
    Fixed,
    /// [`Method::Fixed`] read as if it were about the population.
    FixedForPopulation,
    /// Parameters do not count in the small-sample factor.
    NoParameters,
    /// Normal critical values in place of t(G - 1), or t(G - 1) in place of the normal's.
    OtherReference,
    /// Heteroskedastic and independent rows.
    Hc1,
    /// Homoskedastic and independent rows.
    Iid,
}

impl Method {
    /// All methods, the default first.
    pub const ALL: [Method; 7] = [
        Method::Default,
        Method::Fixed,
        Method::FixedForPopulation,
        Method::NoParameters,
        Method::OtherReference,
        Method::Hc1,
        Method::Iid,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Default => "cr1",
            Method::Fixed => "cr1_fixed_composition",
            Method::FixedForPopulation => "cr1_fixed_for_population",
            Method::NoParameters => "cr1_k_not_counted",
            Method::OtherReference => "cr1_other_reference",
            Method::Hc1 => "hc1",
            Method::Iid => "iid",
        }
    }

    /// Words in tables.
    pub fn label(self, family: Family) -> &'static str {
        match self {
            Method::Default => "cr1 (default)",
            Method::Fixed => "cr1, fixed composition, of these rows",
            Method::FixedForPopulation => "cr1, fixed composition, of the population",
            Method::NoParameters => "cr1, parameters not counted",
            Method::OtherReference if family == Family::Ols => "cr1, normal for t(G - 1)",
            Method::OtherReference => "cr1, t(G - 1) for normal",
            Method::Hc1 => "hc1",
            Method::Iid => "iid",
        }
    }

    /// The fit it needs.
    fn fit(self) -> (VcovKind, Composition) {
        match self {
            Method::Fixed | Method::FixedForPopulation => (VcovKind::Cr1, Composition::Fixed),
            Method::Hc1 => (VcovKind::Hc1, Composition::Sampled),
            Method::Iid => (VcovKind::Iid, Composition::Sampled),
            _ => (VcovKind::Cr1, Composition::Sampled),
        }
    }

    /// Whether coefficients differ from the default's.
    fn has_coefficients(self) -> bool {
        !matches!(self, Method::Fixed | Method::FixedForPopulation)
    }
}

/// Kind of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Coefficient of a level.
    Coefficient,
    /// Adjusted rate.
    Rate,
    /// Step from a level to the next.
    Difference,
    /// Ratio to the reference level; bias and errors on the log scale.
    Ratio,
}

impl Quantity {
    /// All quantities.
    pub const ALL: [Quantity; 4] = [Quantity::Coefficient, Quantity::Rate, Quantity::Difference, Quantity::Ratio];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Coefficient => "coefficient",
            Quantity::Rate => "rate",
            Quantity::Difference => "difference",
            Quantity::Ratio => "ratio",
        }
    }
}

/// What an interval says, and what is true.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Kind.
    pub quantity: Quantity,
    /// Term, level or contrast.
    pub term: String,
    /// True value.
    pub truth: f64,
    /// Estimate less truth, of ratios on the log scale.
    pub deviation: f64,
    /// Standard error on that scale.
    pub std_error: f64,
    /// Whether the interval holds the truth.
    pub covers: bool,
    /// Length of the interval.
    pub width: f64,
}

/// What every method says of a panel, in the order of [`Method::ALL`].
///
/// # Errors
/// Those of the fit; [`Incomplete`](Failure::Incomplete) if a level has no coefficient.
pub fn statements(
    population: &Population,
    panel: &Panel,
    family: Family,
    conf_level: f64,
) -> Vec<Result<Vec<Statement>, Failure>> {
    let mut fits: Vec<((VcovKind, Composition), Result<ModelFit, FitError>)> = Vec::new();
    let (all, rows) = (population.truth(family), population.truth_of_rows(family, panel));
    Method::ALL
        .iter()
        .map(|&method| {
            let kind = method.fit();
            let at = fits.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
                let options = Options { family, vcov: kind.0, composition: kind.1, conf_level, ..Options::default() };
                let fitted = fit(panel.sample(family), &options).remove(0);
                fits.push((kind, fitted.map(|fitted| fitted.fit)));
                fits.len() - 1
            });
            let fit = fits[at].1.as_ref().map_err(|error| Failure::Fit(error.to_string()))?;
            let truth = if method == Method::Fixed { &rows } else { &all };
            describe(fit, method, truth)
        })
        .collect()
}

/// Why a panel says nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It could not be fitted.
    #[error("{0}")]
    Fit(String),
    /// A level without rows, or fitted exactly.
    #[error("not every level has a coefficient")]
    Incomplete,
    /// No interval.
    #[error("a standard error is missing")]
    NoError,
}

fn describe(fit: &ModelFit, method: Method, truth: &Truth) -> Result<Vec<Statement>, Failure> {
    let rates = fit.rates.as_ref().ok_or(Failure::Incomplete)?;
    if fit.coefficients.len() != truth.effects.len() {
        return Err(Failure::Incomplete);
    }
    // how much longer errors, and what critical value
    let (stretch, reference) = match method {
        Method::NoParameters => ((fit.small_sample.g_factor / fit.small_sample.factor).sqrt(), fit.reference),
        Method::OtherReference => (1.0, other_reference(fit)),
        _ => (1.0, fit.reference),
    };
    let critical = reference.critical(fit.conf_level);
    let mut said = Vec::new();
    let mut say = |quantity, term: String, truth: f64, deviation: f64, std_error: f64, (low, high): (f64, f64)| {
        let covers = low <= truth && truth <= high;
        said.push(Statement { quantity, term, truth, deviation, std_error, covers, width: high - low });
    };
    if method.has_coefficients() {
        for (row, &truth) in fit.coefficients.iter().zip(&truth.effects) {
            let (b, se) = (row.estimate, row.std_error * stretch);
            say(Quantity::Coefficient, row.term.clone(), truth, b - truth, se, (b - critical * se, b + critical * se));
        }
    }
    for (row, &truth) in rates.levels.iter().zip(&truth.rates) {
        let (rate, se) = (row.estimate, row.std_error * stretch);
        let interval = match row.note {
            None => logit_interval(rate, se, critical),
            Some(_) => (rate - critical * se, rate + critical * se),
        };
        say(Quantity::Rate, row.level.clone(), truth, rate - truth, se, interval);
    }
    let steps = rates.contrasts.iter().filter(|row| row.kind == ContrastKind::Adjacent);
    for (row, pair) in steps.zip(truth.rates.windows(2)) {
        let (step, se, truth) = (row.estimate, row.std_error * stretch, pair[1] - pair[0]);
        let interval = (step - critical * se, step + critical * se);
        say(Quantity::Difference, row.contrast.clone(), truth, step - truth, se, interval);
    }
    let ratios = rates.contrasts.iter().filter(|row| row.kind == ContrastKind::Ratio);
    for (row, rate) in ratios.zip(&truth.rates[1..]) {
        let (ratio, se, truth) = (row.estimate, row.std_error * stretch, rate / truth.rates[0]);
        let interval = log_interval(ratio, se * ratio, critical);
        say(Quantity::Ratio, row.contrast.clone(), truth, (ratio / truth).ln(), se, interval);
    }
    match said.iter().all(|row| row.std_error.is_finite() && row.deviation.is_finite()) {
        true => Ok(said),
        false => Err(Failure::NoError),
    }
}

fn other_reference(fit: &ModelFit) -> Reference {
    match fit.reference {
        Reference::StudentT(_) => Reference::Normal,
        Reference::Normal => Reference::StudentT(fit.clusters.first().map_or(f64::INFINITY, |c| c.count as f64 - 1.0)),
    }
}
