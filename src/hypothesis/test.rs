//! From texts to tested hypotheses.

use super::HypothesisError;
use super::family::{Adjustment, JointDraws, bonferroni, holm};
use super::monotone::{Monotone, monotone};
use super::parameters::{Kind, Parameters};
use super::shorthands::Shorthand;
use super::text::{Item, NameKey, parse};
use super::wald::{Linear, NoTest};
use crate::expr::Span;
use crate::inference::intervals::{log_interval, logit_interval};
use crate::result::Reference;

/// What to do with several restrictions, and how to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestOptions {
    /// Adjustment of p-values.
    pub adjustment: Adjustment,
    /// Whether bands hold for all restrictions at once.
    pub simultaneous: bool,
    /// Draws from the joint distribution.
    pub draws: usize,
    /// Their seed.
    pub seed: u64,
}

impl Default for TestOptions {
    fn default() -> Self {
        TestOptions { adjustment: Adjustment::None, simultaneous: false, draws: 200_000, seed: 1 }
    }
}

/// One restriction, tested alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Restriction {
    /// The combination of parameters, e.g. `level 3 - level 2`.
    pub text: String,
    /// What it is under the null hypothesis; `NaN` where nothing is tested.
    pub value: f64,
    /// Its estimate.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// (estimate - value) / standard error: t, or z for likelihoods.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Interval of the combination alone.
    pub conf_low: f64,
    /// Interval of the combination alone.
    pub conf_high: f64,
    /// p-value adjusted for the other restrictions of the run; `NaN` if not asked for.
    pub p_adjusted: f64,
    /// Single-step p-value of the sup-t band; `NaN` if not asked for.
    pub p_simultaneous: f64,
    /// Simultaneous band; `NaN` if not asked for.
    pub band_low: f64,
    /// Simultaneous band; `NaN` if not asked for.
    pub band_high: f64,
    /// Scale of interval and band: `identity`, or `logit` and `log` for rates themselves.
    pub scale: &'static str,
}

/// The joint test of all restrictions of a hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// F (W / q), or chi-square (W).
    pub statistic: f64,
    /// Restrictions that count, q.
    pub df: usize,
    /// Denominator degrees of freedom of F; `None` for chi-square.
    pub df_denominator: Option<f64>,
    /// p-value.
    pub p_value: f64,
    /// p-value adjusted for the other hypotheses of the run; `NaN` if not asked for.
    pub p_adjusted: f64,
}

/// A hypothesis with its tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// As written.
    pub hypothesis: String,
    /// Fits it is about (positions).
    pub fits: Vec<usize>,
    /// Reference distribution.
    pub reference: Reference,
    /// Its restrictions.
    pub restrictions: Vec<Restriction>,
    /// The joint test; `None` where nothing is tested.
    pub joint: Option<Joint>,
    /// Tests of monotony; the restrictions are then the steps.
    pub monotone: Option<Monotone>,
    /// What the reader must know.
    pub notes: Vec<String>,
}

/// The restrictions that bands and adjusted p-values are about.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Distinct restrictions.
    pub size: usize,
    /// Critical value of the sup-t band; `NaN` without draws.
    pub critical: f64,
    /// Its Monte Carlo standard error.
    pub critical_error: f64,
    /// The critical value of one interval alone.
    pub pointwise: f64,
    /// Level.
    pub conf_level: f64,
    /// Reference distribution.
    pub reference: Reference,
    /// Draws.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
}

/// All hypotheses of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRun {
    /// The hypotheses in order; one about no named fit occurs once per fit.
    pub tests: Vec<Tested>,
    /// The family, if several restrictions were looked at together.
    pub family: Option<Family>,
    /// What the reader must know.
    pub notes: Vec<String>,
}

/// Restrictions of a hypothesis with their names and places.
struct Rows {
    linear: Linear,
    names: Vec<String>,
    spans: Vec<Span>,
    /// Whether a row is a rate itself.
    plain_rate: Vec<Option<&'static str>>,
    question: Question,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Question {
    Equal,
    Monotone,
    Nothing,
}

/// Tests every hypothesis.
///
/// # Errors
/// [`HypothesisError`] with the place in the text.
pub fn test(texts: &[String], parameters: &Parameters, options: &TestOptions) -> Result<TestRun, HypothesisError> {
    let mut run = TestRun { tests: Vec::new(), family: None, notes: Vec::new() };
    let mut all = Vec::new();
    for (position, text) in texts.iter().enumerate() {
        let of = |error: HypothesisError| error.of(position);
        let items = parse(text, parameters).map_err(of)?;
        for (fits, rows) in expand(&items, text, parameters, &mut run.notes).map_err(of)? {
            run.tests.push(one(text, fits, &rows, parameters, options).map_err(of)?);
            all.push(rows);
        }
    }
    adjust(&mut run, &all, parameters, options).map_err(|error| error.of(texts.len().saturating_sub(1)))?;
    Ok(run)
}

/// The restrictions of a hypothesis: once if fits are named, else for every fit that has the parameters.
fn expand(
    items: &[Item],
    text: &str,
    parameters: &Parameters,
    notes: &mut Vec<String>,
) -> Result<Vec<(Vec<usize>, Rows)>, HypothesisError> {
    let names = || {
        items.iter().flat_map(|item| match item {
            Item::Row(row) => row.terms.iter().map(|(key, _)| (key.fit, &row.span)).collect::<Vec<_>>(),
            Item::Shorthand(_, fit, span) => vec![(*fit, span)],
        })
    };
    let is_named = names().any(|(fit, _)| fit.is_some());
    if is_named && let Some((_, span)) = names().find(|(fit, _)| fit.is_none()) {
        let fits: Vec<String> =
            (0..parameters.fits.len()).map(|fit| format!("`{}:`", parameters.fit_label(fit))).take(6).collect();
        return Err(HypothesisError::new(
            span.clone(),
            "some parameters of this hypothesis have a fit, and some have none",
        )
        .hint(format!("put the fit before each of them: {}", fits.join(", "))));
    }
    if is_named || parameters.fits.len() == 1 {
        let rows = rows_of(items, 0, parameters)?;
        let mut fits: Vec<usize> = rows.linear.rows.iter().flatten().map(|&(at, _)| parameters.fit_of(at)).collect();
        fits.sort_unstable();
        fits.dedup();
        if let (Err(reason), Some(span)) = (&parameters.linked, rows.spans.first())
            && fits.len() > 1
        {
            return Err(HypothesisError::new(
                span.clone(),
                format!("the estimates of these fits have no joint covariance: {reason}"),
            )
            .hint("cluster all of them by one variable, with `--cluster`"));
        }
        return Ok(vec![(fits, rows)]);
    }
    let mut found = Vec::new();
    let mut without = Vec::new();
    let mut first_error = None;
    for fit in 0..parameters.fits.len() {
        match rows_of(items, fit, parameters) {
            Ok(rows) => found.push((vec![fit], rows)),
            Err(error) => {
                without.push(parameters.fit_label(fit));
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error),
        Some(_) => {
            notes.push(format!("`{text}` was not tested in {}, which lack a parameter of it", without.join(", ")));
            Ok(found)
        }
        None => Ok(found),
    }
}

/// The restrictions about one fit, or about those they name.
fn rows_of(items: &[Item], fit: usize, parameters: &Parameters) -> Result<Rows, HypothesisError> {
    let mut rows = Rows {
        linear: Linear::default(),
        names: Vec::new(),
        spans: Vec::new(),
        plain_rate: Vec::new(),
        question: Question::Equal,
    };
    for item in items {
        match item {
            Item::Row(row) => {
                let mut terms = Vec::new();
                for (key, factor) in &row.terms {
                    let at = resolve(key, fit, parameters, &row.span)?;
                    terms.push((at, *factor));
                }
                rows.push(terms, row.value, None, &row.span, parameters);
            }
            Item::Shorthand(shorthand, named, span) => {
                let fit = named.unwrap_or(fit);
                let question = match shorthand {
                    Shorthand::Increasing | Shorthand::Decreasing => Question::Monotone,
                    Shorthand::Rates => Question::Nothing,
                    _ => Question::Equal,
                };
                if question != Question::Equal && items.len() > 1 {
                    return Err(HypothesisError::new(span.clone(), "this is no equation and stands alone")
                        .hint("give it a `-H` of its own"));
                }
                let short = shorthand.rows(parameters, fit).map_err(|reason| {
                    let error = HypothesisError::new(span.clone(), reason);
                    if shorthand.needs_rates() && parameters.fits[fit].rates.is_none() {
                        error.hint("ask for them with `--rates FACTOR`")
                    } else {
                        error
                    }
                })?;
                rows.question = question;
                for row in short {
                    rows.push(row.terms, 0.0, row.name, span, parameters);
                }
            }
        }
    }
    Ok(rows)
}

impl Rows {
    fn push(
        &mut self,
        terms: Vec<(usize, f64)>,
        value: f64,
        name: Option<String>,
        span: &Span,
        parameters: &Parameters,
    ) {
        let alone = match terms.as_slice() {
            [(at, factor)] if *factor == 1.0 => {
                let block = &parameters.fits[parameters.fit_of(*at)];
                block.rates.as_ref().filter(|rates| *at >= rates.first).map(|rates| rates.scale)
            }
            _ => None,
        };
        self.names.push(name.unwrap_or_else(|| describe(&terms, parameters)));
        self.linear.rows.push(terms);
        self.linear.values.push(value);
        self.spans.push(span.clone());
        self.plain_rate.push(alone);
    }
}

fn resolve(key: &NameKey, fit: usize, parameters: &Parameters, span: &Span) -> Result<usize, HypothesisError> {
    let fit = key.fit.unwrap_or(fit);
    parameters.find(fit, key.kind, &key.name).ok_or_else(|| {
        let what = if key.kind == Kind::Rate { "level" } else { "coefficient" };
        let label = parameters.fit_label(fit);
        HypothesisError::new(span.clone(), format!("`{label}` has no {what} `{}`", key.name))
            .hint("no fit has all parameters of this hypothesis; name the fit of each, e.g. `(1):x = (2):x`")
    })
}

/// A combination as text, e.g. `x - 2 z`, `level 3 - level 2`, `(1):x - (5):x`.
fn describe(terms: &[(usize, f64)], parameters: &Parameters) -> String {
    let fits: Vec<usize> = terms.iter().map(|&(at, _)| parameters.fit_of(at)).collect();
    let several = fits.iter().any(|fit| *fit != fits[0]);
    let mut text = String::new();
    for (&(at, factor), &fit) in terms.iter().zip(&fits) {
        match (text.is_empty(), factor < 0.0) {
            (true, true) => text += "-",
            (true, false) => {}
            (false, true) => text += " - ",
            (false, false) => text += " + ",
        }
        let size = (factor.abs() * 1e6).round() / 1e6;
        if size != 1.0 {
            text += &format!("{size} ");
        }
        if several {
            text += &format!("{}:", parameters.fit_label(fit));
        }
        let parameter = &parameters.list[at];
        if parameter.kind == Kind::Rate {
            text += "level ";
        }
        text += &parameter.name;
    }
    text
}

fn one(
    text: &str,
    fits: Vec<usize>,
    rows: &Rows,
    parameters: &Parameters,
    options: &TestOptions,
) -> Result<Tested, HypothesisError> {
    let n = parameters.list.len();
    let theta: Vec<f64> = parameters.list.iter().map(|parameter| parameter.estimate).collect();
    let reference = parameters.reference(&fits);
    let conf_level = fits.iter().map(|&fit| parameters.fits[fit].conf_level).fold(0.0, f64::max);
    let critical = reference.critical(conf_level);
    let errors = rows.linear.errors(&parameters.vcov, n);
    let tests = rows.question != Question::Nothing;
    let restrictions: Vec<Restriction> = (0..rows.names.len())
        .map(|row| {
            let estimate = rows.linear.estimate(row, |at| theta[at]);
            let scale = rows.plain_rate[row].filter(|_| !tests).unwrap_or("identity");
            let (value, std_error) = (if tests { rows.linear.values[row] } else { f64::NAN }, errors[row]);
            let statistic = if std_error > 0.0 { (estimate - value) / std_error } else { f64::NAN };
            let (scale, (conf_low, conf_high)) = interval(scale, estimate, std_error, critical);
            Restriction {
                text: rows.names[row].clone(),
                value,
                estimate,
                std_error,
                statistic,
                p_value: reference.p_value(statistic),
                conf_low,
                conf_high,
                p_adjusted: f64::NAN,
                p_simultaneous: f64::NAN,
                band_low: f64::NAN,
                band_high: f64::NAN,
                scale,
            }
        })
        .collect();
    let mut tested = Tested {
        hypothesis: text.to_owned(),
        fits,
        reference,
        restrictions,
        joint: None,
        monotone: None,
        notes: Vec::new(),
    };
    match rows.question {
        Question::Nothing => {}
        Question::Equal => {
            let wald = rows.linear.test(&theta, &parameters.vcov, reference);
            let wald = wald.map_err(|why| no_test(&why, rows, &tested, parameters))?;
            if !wald.redundant.is_empty() {
                let names: Vec<String> = wald.redundant.iter().map(|&row| format!("`{}`", rows.names[row])).collect();
                tested.notes.push(format!(
                    "{} follow{} from the other restrictions: {} count",
                    names.join(", "),
                    if names.len() == 1 { "s" } else { "" },
                    wald.df
                ));
            }
            tested.joint = Some(Joint {
                statistic: wald.statistic,
                df: wald.df,
                df_denominator: wald.df_denominator,
                p_value: wald.p_value,
                p_adjusted: f64::NAN,
            });
        }
        Question::Monotone => {
            let t: Vec<f64> = tested.restrictions.iter().map(|row| row.statistic).collect();
            let correlation = correlation(&rows.linear, &parameters.vcov, n);
            tested.monotone = monotone(&t, &correlation, reference, options.draws, options.seed);
            if tested.monotone.is_none() {
                tested.notes.push(String::from("a step has no standard error: no test of all of them"));
            }
        }
    }
    Ok(tested)
}

/// Why a hypothesis has no test, at its place.
fn no_test(why: &NoTest, rows: &Rows, tested: &Tested, parameters: &Parameters) -> HypothesisError {
    let start = rows.spans.iter().map(|span| span.start).min().unwrap_or(0);
    let end = rows.spans.iter().map(|span| span.end).max().unwrap_or(0);
    let whole = start..end;
    match why {
        NoTest::Contradiction(row) => {
            HypothesisError::new(rows.spans[*row].clone(), "this contradicts the restrictions before it")
                .hint("no parameters satisfy all of them: take one out")
        }
        NoTest::Empty => HypothesisError::new(whole, "this holds whatever the data are: there is nothing to test")
            .hint("both sides are the same estimate, e.g. a difference of rates and the coefficient it is made of"),
        NoTest::NoVariance(row) => HypothesisError::new(
            rows.spans[*row].clone(),
            format!("`{}` has no standard error: its variance is negative", rows.names[*row]),
        )
        .hint("a multiway variance can be negative; cluster by fewer variables"),
        NoTest::Singular(rank, count) => {
            let clusters = tested.fits.iter().filter_map(|&fit| parameters.fits[fit].clusters).min();
            let because = match clusters {
                Some(clusters) if clusters <= *count => format!(" (there are {clusters} clusters)"),
                _ => String::new(),
            };
            HypothesisError::new(
                whole,
                format!("{count} restrictions cannot be tested jointly: their covariance has rank {rank}{because}"),
            )
            .hint("test fewer at once, or each alone with `--adjust holm`")
        }
    }
}

/// An interval on a scale, or on the plain one where the estimate has no place on it.
fn interval(scale: &'static str, estimate: f64, error: f64, critical: f64) -> (&'static str, (f64, f64)) {
    match scale {
        "logit" if estimate > 0.0 && estimate < 1.0 => (scale, logit_interval(estimate, error, critical)),
        "log" if estimate > 0.0 => (scale, log_interval(estimate, error, critical)),
        _ => ("identity", (estimate - critical * error, estimate + critical * error)),
    }
}

fn correlation(linear: &Linear, vcov: &[f64], n: usize) -> Vec<f64> {
    let m = linear.rows.len();
    let covariance = linear.covariance(vcov, n);
    let scale: Vec<f64> = (0..m).map(|a| covariance[a * m + a].sqrt()).collect();
    let entry = |at: usize| if at / m == at % m { 1.0 } else { covariance[at] / (scale[at / m] * scale[at % m]) };
    (0..m * m).map(entry).collect()
}

/// Bands and adjusted p-values over all restrictions of the run.
fn adjust(
    run: &mut TestRun,
    all: &[Rows],
    parameters: &Parameters,
    options: &TestOptions,
) -> Result<(), HypothesisError> {
    if options.adjustment == Adjustment::None && !options.simultaneous {
        return Ok(());
    }
    // distinct restrictions, and where each was written
    let mut linear = Linear::default();
    let mut places: Vec<Vec<(usize, usize)>> = Vec::new();
    for (t, rows) in all.iter().enumerate() {
        for row in 0..rows.names.len() {
            let error = run.tests[t].restrictions[row].std_error;
            if error.is_nan() || error <= 0.0 {
                continue;
            }
            let (terms, value) = normalised(&rows.linear, row);
            match (0..places.len()).find(|&known| is_same((&linear.rows[known], linear.values[known]), (&terms, value)))
            {
                Some(known) => places[known].push((t, row)),
                None => {
                    linear.rows.push(terms);
                    linear.values.push(value);
                    places.push(vec![(t, row)]);
                }
            }
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let mut fits: Vec<usize> = run.tests.iter().flat_map(|tested| tested.fits.iter().copied()).collect();
    fits.sort_unstable();
    fits.dedup();
    let reference = parameters.reference(&fits);
    let conf_level = fits.iter().map(|&fit| parameters.fits[fit].conf_level).fold(0.0, f64::max);
    let statistic = |known: usize| {
        let (t, row) = places[known][0];
        run.tests[t].restrictions[row].statistic
    };
    // a restriction that is only estimated takes part in the band, but tests nothing
    let t: Vec<f64> =
        (0..places.len()).map(|known| Some(statistic(known)).filter(|t| !t.is_nan()).unwrap_or(0.0)).collect();
    let p: Vec<f64> = places.iter().map(|at| run.tests[at[0].0].restrictions[at[0].1].p_value).collect();
    let mut family = Family {
        size: places.len(),
        critical: f64::NAN,
        critical_error: f64::NAN,
        pointwise: reference.critical(conf_level),
        conf_level,
        reference,
        draws: 0,
        seed: options.seed,
    };
    let mut adjusted = match options.adjustment {
        Adjustment::None | Adjustment::RomanoWolf => vec![f64::NAN; p.len()],
        Adjustment::Holm => holm(&p),
        Adjustment::Bonferroni => bonferroni(&p),
    };
    if options.simultaneous || options.adjustment == Adjustment::RomanoWolf {
        if let (Err(reason), true) = (&parameters.linked, fits.len() > 1) {
            let what = if options.simultaneous { "`--simultaneous`" } else { "`--adjust romano-wolf`" };
            return Err(HypothesisError::new(
                0..0,
                format!("{what} needs the joint covariance of all fits, and there is none: {reason}"),
            )
            .hint("cluster all fits by one variable, test one fit, or use `--adjust holm`"));
        }
        let single: Vec<f64> = p.iter().map(|p| if p.is_nan() { 0.0 } else { *p }).collect();
        let n = parameters.list.len();
        let joint = if places.len() == 1 {
            let (critical, critical_error) = (family.pointwise, 0.0);
            super::Simultaneous { critical, critical_error, single_step: single.clone(), step_down: single }
        } else {
            family.draws = options.draws;
            JointDraws::new(&correlation(&linear, &parameters.vcov, n), places.len(), reference, options.seed)
                .simultaneous(&t, &single, conf_level, options.draws)
        };
        if options.adjustment == Adjustment::RomanoWolf {
            adjusted = joint.step_down.clone();
        }
        if options.simultaneous {
            (family.critical, family.critical_error) = (joint.critical, joint.critical_error);
            for (known, &(t, row)) in places.iter().enumerate().flat_map(|(k, at)| at.iter().map(move |at| (k, at))) {
                let found = &mut run.tests[t].restrictions[row];
                let (_, band) = interval(found.scale, found.estimate, found.std_error, joint.critical);
                (found.band_low, found.band_high) = band;
                found.p_simultaneous = if found.p_value.is_nan() { f64::NAN } else { joint.single_step[known] };
            }
        }
    }
    for (known, at) in places.iter().enumerate() {
        for &(t, row) in at {
            let found = &mut run.tests[t].restrictions[row];
            found.p_adjusted = if found.p_value.is_nan() { f64::NAN } else { adjusted[known] };
        }
    }
    let p: Vec<f64> =
        run.tests.iter().map(|tested| tested.joint.as_ref().map_or(f64::NAN, |joint| joint.p_value)).collect();
    let adjusted = match options.adjustment {
        Adjustment::Holm => holm(&p),
        Adjustment::Bonferroni => bonferroni(&p),
        Adjustment::None | Adjustment::RomanoWolf => vec![f64::NAN; p.len()],
    };
    for (tested, p) in run.tests.iter_mut().zip(adjusted) {
        tested.joint.iter_mut().for_each(|joint| joint.p_adjusted = p);
    }
    run.family = Some(family);
    Ok(())
}

/// A restriction with its terms in order and the first factor one.
fn normalised(linear: &Linear, row: usize) -> (Vec<(usize, f64)>, f64) {
    let mut terms = linear.rows[row].clone();
    terms.sort_by_key(|&(at, _)| at);
    let first = terms.first().map_or(1.0, |&(_, factor)| factor);
    terms.iter_mut().for_each(|(_, factor)| *factor /= first);
    (terms, linear.values[row] / first)
}

fn is_same(a: (&[(usize, f64)], f64), b: (&[(usize, f64)], f64)) -> bool {
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-12 * x.abs().max(y.abs());
    a.0.len() == b.0.len() && near(a.1, b.1) && a.0.iter().zip(b.0).all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
}
