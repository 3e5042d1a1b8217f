//! What each way of making intervals says about a panel.

use super::population::{Panel, Population, Truth};
use crate::design::Sample;
use crate::estimate::{FitError, Options, fit};
use crate::inference::intervals::{log_interval, logit_interval};
use crate::resampling::{Null, WildOptions, wild};
use crate::result::{Composition, ContrastKind, Family, ModelFit, Rates, Reference, VcovKind};
use crate::standardise::{CellOptions, CellRates, Estimators, estimators};

/// Draws of a wild bootstrap: alpha (B + 1) is whole for the usual levels.
const WILD_DRAWS: usize = 399;

/// A way to make intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// What a fit does unasked: CR1, or CR3 where few clusters matter or parameters are many.
    Default,
    /// CR1 whatever the clusters are like: every parameter counted, a sampled composition.
    Cr1,
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
    /// Residuals corrected for the leverage of their user, with degrees of freedom of every number.
    Cr2,
    /// Delete-one-user jackknife about the estimate.
    Cr3,
    /// Delete-one-user jackknife about its mean.
    Cr3j,
    /// Restricted wild cluster bootstrap of the coefficients, Rademacher weights.
    Wild,
    /// Common weights within cells: the same contrasts if effects are the same in every cell.
    CommonWeights,
    /// With the errors of the delete-one-user jackknife.
    CommonWeightsJackknife,
    /// Direct standardisation within cells.
    Direct,
    /// With the errors of the delete-one-user jackknife.
    DirectJackknife,
}

/// What a method asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A fit.
    Fit(VcovKind, Composition),
    /// A fit that may choose between CR1 and CR3.
    Unasked,
    /// A wild bootstrap.
    Wild,
    /// Cell estimators.
    Cells,
}

impl Method {
    /// All methods, the default first.
    pub const ALL: [Method; 16] = [
        Method::Default,
        Method::Cr1,
        Method::Fixed,
        Method::FixedForPopulation,
        Method::NoParameters,
        Method::OtherReference,
        Method::Hc1,
        Method::Iid,
        Method::Cr2,
        Method::Cr3,
        Method::Cr3j,
        Method::Wild,
        Method::CommonWeights,
        Method::CommonWeightsJackknife,
        Method::Direct,
        Method::DirectJackknife,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Default => "default",
            Method::Cr1 => "cr1",
            Method::Fixed => "cr1_fixed_composition",
            Method::FixedForPopulation => "cr1_fixed_for_population",
            Method::NoParameters => "cr1_k_not_counted",
            Method::OtherReference => "cr1_other_reference",
            Method::Hc1 => "hc1",
            Method::Iid => "iid",
            Method::Cr2 => "cr2",
            Method::Cr3 => "cr3",
            Method::Cr3j => "cr3j",
            Method::Wild => "wild_bootstrap",
            Method::CommonWeights => "common_weights",
            Method::CommonWeightsJackknife => "common_weights_jackknife",
            Method::Direct => "direct",
            Method::DirectJackknife => "direct_jackknife",
        }
    }

    /// Words in tables.
    pub fn label(self, family: Family) -> &'static str {
        match self {
            Method::Default => "default: cr1 or cr3",
            Method::Cr1 => "cr1",
            Method::Fixed => "cr1, fixed composition, of these rows",
            Method::FixedForPopulation => "cr1, fixed composition, of the population",
            Method::NoParameters => "cr1, parameters not counted",
            Method::OtherReference if family == Family::Ols => "cr1, normal for t(G - 1)",
            Method::OtherReference => "cr1, t(G - 1) for normal",
            Method::Hc1 => "hc1",
            Method::Iid => "iid",
            Method::Cr2 => "cr2",
            Method::Cr3 => "cr3",
            Method::Cr3j => "cr3j",
            Method::Wild => "wild bootstrap, 399 draws",
            Method::CommonWeights => "common weights",
            Method::CommonWeightsJackknife => "common weights, jackknife",
            Method::Direct => "direct standardisation",
            Method::DirectJackknife => "direct standardisation, jackknife",
        }
    }

    /// What it needs.
    fn source(self) -> Source {
        let sampled = Composition::Sampled;
        match self {
            Method::Default => Source::Unasked,
            Method::Cr1 | Method::NoParameters | Method::OtherReference => Source::Fit(VcovKind::Cr1, sampled),
            Method::Fixed | Method::FixedForPopulation => Source::Fit(VcovKind::Cr1, Composition::Fixed),
            Method::Hc1 => Source::Fit(VcovKind::Hc1, sampled),
            Method::Iid => Source::Fit(VcovKind::Iid, sampled),
            Method::Cr2 => Source::Fit(VcovKind::Cr2, sampled),
            Method::Cr3 => Source::Fit(VcovKind::Cr3, sampled),
            Method::Cr3j => Source::Fit(VcovKind::Cr3j, sampled),
            Method::Wild => Source::Wild,
            Method::CommonWeights | Method::CommonWeightsJackknife | Method::Direct | Method::DirectJackknife => {
                Source::Cells
            }
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

/// What a method says of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its statements.
    pub rows: Vec<Statement>,
    /// Whether the default took another covariance than CR1.
    pub switched: bool,
}

impl From<Vec<Statement>> for Said {
    fn from(rows: Vec<Statement>) -> Self {
        Said { rows, switched: false }
    }
}

/// What methods say of a panel, in their order; `seed` is for those that draw themselves.
pub fn statements(
    methods: &[Method],
    population: &Population,
    panel: &Panel,
    family: Family,
    conf_level: f64,
    seed: u64,
) -> Vec<Result<Said, Failure>> {
    let mut fits: Vec<(Source, Result<ModelFit, FitError>)> = Vec::new();
    let mut cells: Option<Result<Estimators, Failure>> = None;
    let (all, rows) = (population.truth(family), population.truth_of_rows(family, panel));
    let sample = panel.sample(family);
    let options = Options { family, conf_level, ..Options::default() };
    let say = |&method: &Method| match method.source() {
        source @ (Source::Fit(..) | Source::Unasked) => {
            let at = fits.iter().position(|(known, _)| *known == source).unwrap_or_else(|| {
                let options = match source {
                    Source::Fit(vcov, composition) => Options { vcov, composition, ..options.clone() },
                    _ => Options { few_clusters: Some(VcovKind::Cr3), ..options.clone() },
                };
                fits.push((source, fit(sample, &options).remove(0).map(|fitted| fitted.fit)));
                fits.len() - 1
            });
            let fit = fits[at].1.as_ref().map_err(|error| Failure::Fit(error.to_string()))?;
            let rows = describe(fit, method, if method == Method::Fixed { &rows } else { &all })?;
            Ok(Said { rows, switched: source == Source::Unasked && fit.vcov_kind != VcovKind::Cr1 })
        }
        _ if family != Family::Ols => Err(Failure::Family),
        Source::Wild => bootstrap(sample, &options, &all, seed).map(Said::from),
        Source::Cells => {
            let found = cells.get_or_insert_with(|| {
                let found = estimators(sample, &options, CellOptions::default()).remove(0);
                found.map_err(|error| Failure::Fit(error.to_string()))
            });
            of_cells(found.as_ref().map_err(Clone::clone)?, method, &all, conf_level).map(Said::from)
        }
    };
    methods.iter().map(say).collect()
}

/// Tests of the true coefficients: an interval holds the truth if its test is not rejected.
fn bootstrap(sample: &Sample, options: &Options, truth: &Truth, seed: u64) -> Result<Vec<Statement>, Failure> {
    let names = &sample.terms[0].names;
    let nulls: Vec<Null> =
        names.iter().zip(&truth.effects).map(|(term, &value)| Null { term: term.clone(), value }).collect();
    let how = WildOptions { draws: WILD_DRAWS, seed, conf_level: None, ..WildOptions::default() };
    let found = wild(sample, options, &nulls, &how, &|_| {}).map_err(|error| Failure::Fit(error.to_string()))?;
    let statement = |test: &crate::resampling::ClusterTest| Statement {
        quantity: Quantity::Coefficient,
        term: test.term.clone(),
        truth: test.null,
        deviation: test.estimate - test.null,
        std_error: test.std_error,
        covers: test.p_value > 1.0 - options.conf_level,
        width: f64::NAN,
    };
    Ok(found.1.iter().map(statement).collect())
}

/// Steps between levels: effects are the same in every cell of the linear populations, so that all weights agree on them.
fn of_cells(found: &Estimators, method: Method, truth: &Truth, conf_level: f64) -> Result<Vec<Statement>, Failure> {
    let CellRates { rates, jackknife, .. } = match method {
        Method::CommonWeights | Method::CommonWeightsJackknife => &found.common,
        _ => &found.direct,
    };
    let uses_jackknife = matches!(method, Method::CommonWeightsJackknife | Method::DirectJackknife);
    let vcov = if uses_jackknife { jackknife.as_ref().ok_or(Failure::NoError)? } else { &rates.vcov };
    if rates.levels.len() != truth.rates.len() {
        return Err(Failure::Incomplete);
    }
    let critical = found.reference.critical(conf_level);
    let n = rates.levels.len();
    let step = |k: usize, row: &crate::result::ContrastRow| {
        let variance = vcov[k * n + k] + vcov[(k - 1) * n + k - 1] - 2.0 * vcov[k * n + k - 1];
        let (truth, se) = (truth.rates[k] - truth.rates[k - 1], variance.sqrt());
        let deviation = row.estimate - truth;
        let covers = deviation.abs() <= critical * se;
        let (quantity, term, width) = (Quantity::Difference, row.contrast.clone(), 2.0 * critical * se);
        Statement { quantity, term, truth, deviation, std_error: se, covers, width }
    };
    let said: Vec<Statement> = adjacent(rates).enumerate().map(|(k, row)| step(k + 1, row)).collect();
    finite(said)
}

fn adjacent(rates: &Rates) -> impl Iterator<Item = &crate::result::ContrastRow> {
    rates.contrasts.iter().filter(|row| row.kind == ContrastKind::Adjacent)
}

/// Statements that all have an error.
fn finite(said: Vec<Statement>) -> Result<Vec<Statement>, Failure> {
    match said.iter().all(|row| row.std_error.is_finite() && row.deviation.is_finite()) {
        true => Ok(said),
        false => Err(Failure::NoError),
    }
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
    /// A method for linear models.
    #[error("not for this family")]
    Family,
    /// No interval.
    #[error("a standard error is missing")]
    NoError,
}

fn describe(fit: &ModelFit, method: Method, truth: &Truth) -> Result<Vec<Statement>, Failure> {
    let rates = fit.rates.as_ref().ok_or(Failure::Incomplete)?;
    if fit.coefficients.len() != truth.effects.len() {
        return Err(Failure::Incomplete);
    }
    // what differs from the printed intervals: how much longer errors, or what critical value
    let changed = match method {
        Method::NoParameters => Some(((fit.small_sample.g_factor / fit.small_sample.factor).sqrt(), fit.reference)),
        Method::OtherReference => Some((1.0, other_reference(fit))),
        _ => None,
    };
    let changed = changed.map(|(stretch, reference)| (stretch, reference.critical(fit.conf_level)));
    let symmetric = |value: f64, se: f64, critical: f64| (value - critical * se, value + critical * se);
    let mut said = Vec::new();
    // an interval as printed, or made anew by `anew` from error and critical value
    let mut say = |quantity,
                   term: &str,
                   truth: f64,
                   deviation: f64,
                   std_error: f64,
                   printed,
                   anew: &dyn Fn(f64, f64) -> (f64, f64)| {
        let (std_error, (low, high)) = match changed {
            None => (std_error, printed),
            Some((stretch, critical)) => (std_error * stretch, anew(std_error * stretch, critical)),
        };
        let (term, covers, width) = (term.to_owned(), low <= truth && truth <= high, high - low);
        said.push(Statement { quantity, term, truth, deviation, std_error, covers, width });
    };
    if method.has_coefficients() {
        for (row, &truth) in fit.coefficients.iter().zip(&truth.effects) {
            let (b, se, printed) = (row.estimate, row.std_error, (row.conf_low, row.conf_high));
            say(Quantity::Coefficient, &row.term, truth, b - truth, se, printed, &|se, c| symmetric(b, se, c));
        }
    }
    for (row, &truth) in rates.levels.iter().zip(&truth.rates) {
        let (rate, se, printed) = (row.estimate, row.std_error, (row.conf_low, row.conf_high));
        let anew = |se: f64, critical: f64| match row.note {
            None => logit_interval(rate, se, critical),
            Some(_) => symmetric(rate, se, critical),
        };
        say(Quantity::Rate, &row.level, truth, rate - truth, se, printed, &anew);
    }
    for (row, pair) in adjacent(rates).zip(truth.rates.windows(2)) {
        let (step, se, truth) = (row.estimate, row.std_error, pair[1] - pair[0]);
        let printed = (row.conf_low, row.conf_high);
        say(Quantity::Difference, &row.contrast, truth, step - truth, se, printed, &|se, c| symmetric(step, se, c));
    }
    let ratios = rates.contrasts.iter().filter(|row| row.kind == ContrastKind::Ratio);
    for (row, rate) in ratios.zip(&truth.rates[1..]) {
        let (ratio, se, truth) = (row.estimate, row.std_error, rate / truth.rates[0]);
        let printed = (row.conf_low, row.conf_high);
        let anew = |se: f64, critical: f64| log_interval(ratio, se * ratio, critical);
        say(Quantity::Ratio, &row.contrast, truth, (ratio / truth).ln(), se, printed, &anew);
    }
    finite(said)
}

fn other_reference(fit: &ModelFit) -> Reference {
    match fit.reference {
        Reference::StudentT(_) => Reference::Normal,
        Reference::Normal => Reference::StudentT(fit.clusters.first().map_or(f64::INFINITY, |c| c.count as f64 - 1.0)),
    }
}
