//! What a fitted regression is: plain records that the estimator fills and every output reads.
//!
//! Numbers are in the units of the outcome. A number that does not exist is `NaN`, and the record says why
//! in a `note`; outputs print it as null with that reason.

/// The estimator of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Ordinary (or weighted) least squares; for a 0/1 outcome the linear probability model.
    Ols,
    /// Binomial maximum likelihood with the logit link.
    Logit,
    /// Poisson (pseudo) maximum likelihood with the log link, for any outcome that is not negative.
    Poisson,
    /// Binomial maximum likelihood with the probit link.
    Probit,
    /// Binomial likelihood with the logit link, given the number of ones in each cell of the effects.
    Clogit,
}

/// The estimator of the covariance of the coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VcovKind {
    /// Homoskedastic errors.
    Iid,
    /// Heteroskedasticity-robust, factor n/(n - K).
    Hc1,
    /// Heteroskedasticity-robust, squared residuals over 1 - leverage.
    Hc2,
    /// Heteroskedasticity-robust, residuals over 1 - leverage: the jackknife over rows.
    Hc3,
    /// Cluster-robust (Liang-Zeger), one way or multiway, factor G/(G-1) (n-1)/(n-K).
    Cr1,
    /// Cluster-robust, residuals corrected for the leverage of their cluster (Bell and McCaffrey 2002).
    Cr2,
    /// Cluster jackknife about the estimate.
    Cr3,
    /// Cluster jackknife about the mean of the estimates without one cluster.
    Cr3j,
}

impl VcovKind {
    /// Whether it sums over clusters.
    pub fn is_clustered(self) -> bool {
        matches!(self, VcovKind::Cr1 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j)
    }

    /// Whether it needs the hat matrix of the whole design.
    pub fn uses_leverage(self) -> bool {
        matches!(self, VcovKind::Hc2 | VcovKind::Hc3 | VcovKind::Cr2 | VcovKind::Cr3 | VcovKind::Cr3j)
    }

    /// The usual name, `iid`, `HC1` or `CR3J`.
    pub fn name(self) -> &'static str {
        match self {
            VcovKind::Iid => "iid",
            VcovKind::Hc1 => "HC1",
            VcovKind::Hc2 => "HC2",
            VcovKind::Hc3 => "HC3",
            VcovKind::Cr1 => "CR1",
            VcovKind::Cr2 => "CR2",
            VcovKind::Cr3 => "CR3",
            VcovKind::Cr3j => "CR3J",
        }
    }
}

/// Distribution that p-values and intervals refer to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// Student t with these degrees of freedom.
    StudentT(f64),
    /// Standard normal.
    Normal,
}

/// Which uncertainty an adjusted rate carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Composition {
    /// The target rows are a sample too (unconditional standard errors).
    Sampled,
    /// The target rows are held fixed (conditional standard errors).
    Fixed,
}

/// What a clustered covariance rests on, by one cluster variable.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterDiagnostics {
    /// The variable.
    pub cluster: String,
    /// Clusters with a row in the estimation.
    pub clusters: usize,
    /// Estimation rows of the smallest cluster.
    pub smallest: usize,
    /// Median of the rows.
    pub median: f64,
    /// Mean of the rows.
    pub mean: f64,
    /// Rows of the largest.
    pub largest: usize,
    /// Coefficients, rates, differences of rates.
    pub numbers: Vec<NumberDiagnostics>,
}

/// What one number rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberDiagnostics {
    /// Term, `rate::<level>`, or a difference such as `2 - 1`.
    pub name: String,
    /// Largest share of a cluster in the squares of the influence weights (partial leverage).
    pub largest_leverage: f64,
    /// Coefficient of variation of the partial leverage.
    pub leverage_variation: f64,
    /// G* = G / (1 + variation^2).
    pub effective_clusters: f64,
    /// The same with errors correlated at 1/2 within clusters.
    pub effective_correlated: f64,
    /// Bell-McCaffrey degrees of freedom, with CR2.
    pub df: Option<f64>,
    /// Largest absolute change when one cluster is left out; `NaN` if it is not known.
    pub largest_change: f64,
    /// The same in standard errors.
    pub change_in_errors: f64,
}

/// Degrees of freedom of every number, where each has its own (CR2).
#[derive(Debug, Clone, PartialEq)]
pub struct DegreesOfFreedom {
    /// Of the coefficients, in their order.
    pub coefficients: Vec<f64>,
    /// Of the levels of [`ModelFit::rates`].
    pub rates: Vec<f64>,
    /// Of their contrasts.
    pub contrasts: Vec<f64>,
    /// Of the average marginal effects, if they were asked for.
    pub margins: Vec<f64>,
}

/// One coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Name as fixest writes it, e.g. `expertise::2`, `log(prompts)`, `(Intercept)`.
    pub term: String,
    /// Point estimate.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// `estimate / std_error`.
    pub statistic: f64,
    /// Two-sided p-value under [`ModelFit::reference`].
    pub p_value: f64,
    /// Lower end of the confidence interval.
    pub conf_low: f64,
    /// Upper end of the confidence interval.
    pub conf_high: f64,
}

/// A regressor that could not be estimated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTerm {
    /// Its name.
    pub term: String,
    /// Why, e.g. `absorbed by the fixed effects`, `collinear with the terms before it`.
    pub reason: String,
}

/// The outcomes that separated rows have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeparatedSide {
    /// All zero: the combination is negative there, or positive after a change of sign.
    Zero,
    /// All one.
    One,
    /// Zero where the combination has one sign, one where it has the other.
    Both,
}

/// Rows that a combination of terms predicts perfectly, left out of the estimation (Correia, Guimaraes and Zylkin 2021).
///
/// The combination is zero in every row that stays, and away from zero in the rows that go.
#[derive(Debug, Clone, PartialEq)]
pub struct Separation {
    /// Rows that were left out.
    pub rows: usize,
    /// Terms and their coefficients in the combination, the first of them 1.
    pub terms: Vec<(String, f64)>,
    /// Whether levels of the absorbed effects are part of it.
    pub involves_effects: bool,
    /// Outcomes of the rows left out.
    pub side: SeparatedSide,
}

impl Separation {
    /// The combination as a formula, e.g. `x1 - 2 z + fixed effects` or `1 - g::b`.
    pub fn combination(&self) -> String {
        let mut text = String::new();
        let effects = self.involves_effects.then_some(("fixed effects", 1.0));
        for (term, value) in self.terms.iter().map(|(term, value)| (term.as_str(), *value)).chain(effects) {
            match (text.is_empty(), value < 0.0) {
                (true, true) => text += "-",
                (true, false) => {}
                (false, true) => text += " - ",
                (false, false) => text += " + ",
            }
            let size = (value.abs() * 1e6).round() / 1e6;
            match (term == "(Intercept)", size == 1.0) {
                (true, _) => text += &size.to_string(),
                (false, true) => text += term,
                (false, false) => text += &format!("{size} {term}"),
            }
        }
        text
    }

    /// What it says of the outcome: `predicts `y` = 0 in 12 rows`.
    pub fn prediction(&self, outcome: &str) -> String {
        let value = match self.side {
            SeparatedSide::Zero => " = 0",
            SeparatedSide::One => " = 1",
            SeparatedSide::Both => "",
        };
        let rows = if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", self.rows) };
        format!("predicts `{outcome}`{value} perfectly in {rows}")
    }
}

/// One absorbed fixed effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectInfo {
    /// As written, e.g. `work_mode^month`.
    pub name: String,
    /// Levels in the estimation sample, whatever each of them has.
    pub levels: usize,
    /// Parameters it adds to K: intercepts and slopes.
    pub counted: usize,
    /// The cluster variable it is nested in, if any.
    pub nested_in: Option<String>,
    /// Levels that the larger effects span (the constant among them); unknown where effects have slopes.
    pub redundant: Option<usize>,
}

/// Parameters of all absorbed effects together, without slopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsorbedRank {
    /// Rank of their dummies: levels less those redundant.
    pub rank: usize,
    /// Whether that is exact; if not, it is an upper bound from pairs of effects.
    pub exact: bool,
    /// What the effects that are not nested would add to K; 1 if all are nested.
    pub counted: usize,
    /// Whether K has that count rather than the nominal one.
    pub in_k: bool,
}

/// One cluster dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Variable, or `a:b` for an intersection.
    pub name: String,
    /// Clusters with at least one estimation row.
    pub count: usize,
}

/// The small-sample factor and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallSample {
    /// Convention, as asked for.
    pub convention: String,
    /// Estimation rows.
    pub n: usize,
    /// Parameters counted.
    pub k: usize,
    /// (n - 1)/(n - K), n/(n - K), or 1.
    pub k_factor: f64,
    /// G/(G - 1); 1 without clusters, `NaN` where terms of a multiway covariance differ.
    pub g_factor: f64,
    /// Their product: what the bare sandwich is multiplied by; `NaN` where terms differ.
    pub factor: f64,
    /// The terms of a clustered covariance.
    pub terms: Vec<TermFactor>,
}

/// The factor of one term of a clustered covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct TermFactor {
    /// Cluster variable, or `a:b` for an intersection.
    pub name: String,
    /// 1, or -1 for a term that is subtracted.
    pub sign: f64,
    /// Clusters with at least one estimation row.
    pub groups: usize,
    /// G/(G - 1), or 1.
    pub g_factor: f64,
    /// Times the factor of K.
    pub factor: f64,
}

/// The adjusted rate of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct RateRow {
    /// Level of the factor.
    pub level: String,
    /// Its display label, e.g. `Novice` (the level itself where there is none).
    pub label: String,
    /// Mean prediction over the target rows with everyone set to this level.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// Interval on [`Rates::scale`], transformed back.
    pub conf_low: f64,
    /// Interval on [`Rates::scale`], transformed back.
    pub conf_high: f64,
    /// Target rows at this level.
    pub n_obs: usize,
    /// Distinct clusters of the first cluster dimension at this level (0 without clusters).
    pub n_clusters: usize,
    /// Unadjusted (weighted) mean of the outcome at this level.
    pub raw_rate: f64,
    /// (sum h)^2 / sum h^2 of the implied weights of this rate.
    pub effective_n: f64,
    /// Why a number is missing or falls back, if so.
    pub note: Option<String>,
}

/// Kind of a contrast of adjusted rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContrastKind {
    /// Level minus the reference level.
    Reference,
    /// Level minus the one before it.
    Adjacent,
    /// Level over the reference level; interval on the log scale.
    Ratio,
    /// Odds of the level's rate over the odds of the reference's; interval on the log scale.
    OddsRatio,
}

/// A difference or ratio of adjusted rates.
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastRow {
    /// What is compared, e.g. `2 - 1`, `3 / 1`.
    pub contrast: String,
    /// How.
    pub kind: ContrastKind,
    /// Estimate; for ratios the ratio itself.
    pub estimate: f64,
    /// Standard error; for ratios that of the ratio's logarithm.
    pub std_error: f64,
    /// Test of no difference (ratio 1).
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Lower end of the interval.
    pub conf_low: f64,
    /// Upper end of the interval.
    pub conf_high: f64,
}

/// What an average marginal effect averages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginKind {
    /// The slope of the mean in a number: F'(eta) b.
    Slope,
    /// The same, over the rows at one level of a factor.
    SlopeAtLevel,
    /// The change of the mean when a factor is set to a level instead of its reference.
    Change,
}

/// The average marginal effect of one term.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginRow {
    /// What is averaged.
    pub kind: MarginKind,
    /// Effect on the mean of the outcome, with its test; the term is the coefficient's.
    pub value: Estimate,
    /// Rows averaged over.
    pub rows: usize,
}

/// Average marginal effects of one fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Margins {
    /// One per estimated coefficient but the intercept, in order.
    pub rows: Vec<MarginRow>,
    /// Their covariance, row-major.
    pub vcov: Vec<f64>,
    /// Which uncertainty the errors carry.
    pub composition: Composition,
}

/// Adjusted rates of one factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// The factor, e.g. `expertise`.
    pub factor: String,
    /// Reference level of the contrasts.
    pub reference_level: String,
    /// Which uncertainty the errors carry.
    pub composition: Composition,
    /// Scale of the intervals: `logit`, `log` or `identity`.
    pub scale: &'static str,
    /// The target as written; `None` for the sample.
    pub target: Option<String>,
    /// Rows averaged over: those of the target among estimation rows and those fitted exactly (singletons, separated
    /// cells).
    pub target_rows: usize,
    /// One row per level, in level order.
    pub levels: Vec<RateRow>,
    /// Contrasts against the reference, adjacent steps, ratios.
    pub contrasts: Vec<ContrastRow>,
    /// Covariance of the rates, `levels x levels`, row-major.
    pub vcov: Vec<f64>,
}

/// One reason and the rows it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowStep {
    /// E.g. `no clear goal`, `singleton`.
    pub reason: String,
    /// Rows dropped.
    pub rows: usize,
}

/// The flow of rows from file to estimate: `rows_read - sum(dropped) = rows_used`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// Rows of the table.
    pub rows_read: usize,
    /// What was dropped, in order.
    pub dropped: Vec<FlowStep>,
    /// Rows that enter estimation.
    pub rows_used: usize,
    /// Distinct clusters of the first cluster variable among them.
    pub users: usize,
    /// Distinct cells of the absorbed fixed effects among them (combinations, 0 without effects, and where a fit on rows
    /// does not count those of several effects).
    pub cells: usize,
}

/// How far levels are compared within cells (section "overlap" of the docs).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overlap {
    /// Combinations of the absorbed effects that hold target rows.
    pub cells: usize,
    /// Target rows alone in their cell.
    pub rows_in_singleton_cells: usize,
    /// Target rows in cells with at least two levels of the rates factor.
    pub rows_in_two_level_cells: usize,
    /// Target rows in cells with every level.
    pub rows_in_all_level_cells: usize,
    /// Target rows.
    pub target_rows: usize,
    /// Largest share, over levels, of target rows whose implied weight is negative.
    pub negative_weight_share: f64,
    /// Most negative sum, over levels, of the negative implied weights.
    pub negative_weight_sum: f64,
    /// Largest cluster's share of the total weight.
    pub largest_cluster_share: f64,
    /// Rows in separated cells (logit, probit, Poisson).
    pub rows_separated: usize,
    /// Absorbed parameters over estimation rows.
    pub parameters_per_row: f64,
    /// Sentences on what to be wary of, empty if nothing.
    pub warnings: Vec<String>,
}

/// Statistics of fit; `NaN` where a family has none.
#[derive(Debug, Clone, PartialEq)]
pub struct FitStats {
    /// Overall R2, effects included (OLS).
    pub r2: f64,
    /// Adjusted for K.
    pub adj_r2: f64,
    /// R2 within the effects.
    pub within_r2: f64,
    /// McFadden's, against the constant (logit, probit, Poisson).
    pub pseudo_r2: f64,
    /// Residual standard error sqrt(RSS / (n - K)).
    pub sigma: f64,
    /// F of all regressors and effects against the constant alone (against nothing without one), with homoskedastic errors.
    pub f_statistic: f64,
    /// Log likelihood.
    pub log_likelihood: f64,
    /// Residual sum of squares, or twice the log likelihood missing to a perfect fit of every row.
    pub deviance: f64,
    /// (Weighted) mean of the outcome in the estimation rows.
    pub mean_outcome: f64,
    /// Newton steps or absorption iterations; 0 for a direct solution.
    pub iterations: usize,
    /// Largest scale-free residual of the normal (score) equations at the solution.
    pub residual: f64,
}

/// The R2 of a regression on the effects up to one of them, or with the regressors too.
#[derive(Debug, Clone, PartialEq)]
pub struct R2Step {
    /// What is new in this step: an effect as written, or `regressors`.
    pub added: String,
    /// R2 so far (a likelihood's pseudo R2).
    pub r2: f64,
}

/// One fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFit {
    /// Identifier of the specification: model file or `fit`, and series.
    pub spec_id: String,
    /// Short name for a table's column, e.g. `(5)`.
    pub model: String,
    /// Outcome variable.
    pub outcome: String,
    /// Sample name, `all` if not split.
    pub sample: String,
    /// Family.
    pub family: Family,
    /// Formula, normalised.
    pub formula: String,
    /// Coefficients in design order.
    pub coefficients: Vec<Estimate>,
    /// Covariance of the coefficients, row-major.
    pub vcov: Vec<f64>,
    /// Regressors left out.
    pub dropped_terms: Vec<DroppedTerm>,
    /// Combinations of terms that predict rows perfectly, and whose rows were left out.
    pub separations: Vec<Separation>,
    /// Kind of covariance.
    pub vcov_kind: VcovKind,
    /// Cluster dimensions (with intersections after the variables themselves).
    pub clusters: Vec<ClusterInfo>,
    /// Small-sample factor.
    pub small_sample: SmallSample,
    /// Reference distribution.
    pub reference: Reference,
    /// Degrees of freedom of every number, where they differ; the reference is then that of joint tests.
    pub df: Option<DegreesOfFreedom>,
    /// Level of the intervals, e.g. 0.95.
    pub conf_level: f64,
    /// Weight variable.
    pub weights: Option<String>,
    /// Absorbed effects.
    pub effects: Vec<EffectInfo>,
    /// Their parameters; `None` without effects, or where they have slopes.
    pub absorbed_rank: Option<AbsorbedRank>,
    /// Adjusted rates, if asked for.
    pub rates: Option<Rates>,
    /// Flow of rows.
    pub flow: Flow,
    /// Overlap, where rates were asked for.
    pub overlap: Option<Overlap>,
    /// Fit statistics.
    pub fit: FitStats,
    /// R2 after each effect added in the formula's order, and after the regressors; empty unless asked for.
    pub r2_steps: Vec<R2Step>,
    /// Half the log determinant of the information, which Firth's penalised log likelihood adds; `None` without it.
    pub penalty: Option<f64>,
    /// What clustered errors rest on, by cluster variable; empty unless asked for.
    pub diagnostics: Vec<ClusterDiagnostics>,
    /// Sentences the reader must see, e.g. `2 cells of work_mode predict the outcome perfectly`.
    pub warnings: Vec<String>,
}

/// A regression that was asked for and could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotFitted {
    /// Name of the model file.
    pub spec_id: String,
    /// Name of the model.
    pub model: String,
    /// Outcome; empty if it is about all of them.
    pub outcome: String,
    /// Sample; empty if it is about all of them.
    pub sample: String,
    /// Why.
    pub reason: String,
}

impl NotFitted {
    /// Which regression it is, as a part of its file: model, outcome, sample.
    pub fn name(&self) -> String {
        let outcome = if self.outcome.is_empty() { String::new() } else { format!(", `{}`", self.outcome) };
        let sample = match self.sample.as_str() {
            "" | "all" => String::new(),
            sample => format!(" among `{sample}`"),
        };
        format!("`{}`{outcome}{sample}", self.model)
    }
}

/// The same with regressions together that differ in their outcome and fail for one reason.
pub fn grouped_reasons(rows: &[NotFitted]) -> Vec<NotFitted> {
    let mut grouped: Vec<NotFitted> = Vec::new();
    for row in rows {
        let reason = match row.outcome.as_str() {
            "" => row.reason.clone(),
            outcome => row.reason.replace(&format!("`{outcome}`"), "the outcome"),
        };
        let row = NotFitted { reason, ..row.clone() };
        let is_alike = |other: &NotFitted| {
            (&other.spec_id, &other.model, &other.sample, &other.reason)
                == (&row.spec_id, &row.model, &row.sample, &row.reason)
        };
        match grouped.iter_mut().find(|other| is_alike(other)) {
            Some(known) => known.outcome += &format!("`, `{}", row.outcome),
            None => grouped.push(row),
        }
    }
    grouped
}

/// All fits of a run, and where they came from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Every fitted regression, in the order asked for.
    pub fits: Vec<ModelFit>,
    /// Sentence that every output carries when the table is simulated.
    pub data_note: Option<String>,
    /// Names of the files read.
    pub sources: Vec<String>,
    /// `(stage, seconds)`.
    pub timings: Vec<(String, f64)>,
}
