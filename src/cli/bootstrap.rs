//! `metier bootstrap`.

use super::args::{EntryArguments, OutputFormat, SourceArguments};
use super::fit::{format_of, sources};
use super::progress::Progress;
use super::source::{SYNTHETIC, label_of};
use super::{Failure, exit, printer};
use crate::design::Sample;
use crate::model::Workspace;
use crate::output::bootstrap::{Body, Report, Resampling, Settings, data_table, document, draws_table, json};
use crate::output::saved::text_for;
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, render_document};
use crate::pipeline::{fit_failure, name_fit, outcome_position, prepare_samples};
use crate::resampling::weights::Weights;
use crate::resampling::{
    Exchange, Null, PValue, PermuteOptions, ResamplingError, Scheme, UserOptions, WildOptions, permute, score, users,
    wild, with_outcome,
};
use crate::spec::{ModelEntry, ModelFile, Resolved, VcovName};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Draws of the bootstraps that do not fit anew.
const MANY_DRAWS: usize = 9_999;
/// Draws where each is a fit.
const FEW_DRAWS: usize = 999;
/// Most draws: their statistics are kept.
const MOST_DRAWS: usize = 10_000_000;

/// `metier bootstrap`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct BootstrapArguments {
    /// Formula: `y1 + y2 ~ x + i(level, ref = "1") | fe1 + fe2^fe3`
    pub formula: String,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub data: Vec<String>,
    /// What is resampled
    #[arg(long, value_enum, default_value = "wild")]
    pub method: Method,
    /// Number of draws: 9999 for wild and score, 999 for users and permute, where each is a fit
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub draws: Option<usize>,
    /// Seed; the same seed gives the same draws anywhere
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    pub seed: u64,
    /// Weights of the wild and score bootstraps
    #[arg(long, value_enum)]
    pub weights_type: Option<WeightsName>,
    /// How often a user is drawn, with `--method users`
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeName>,
    /// Coefficient to test against zero; may be repeated; all of them if left out
    #[arg(long, value_name = "TERM")]
    pub term: Vec<String>,
    /// Hypothesis to test, e.g. `expertise::5 = 0.1`; may be repeated
    #[arg(long, value_name = "TERM=VALUE")]
    pub null: Vec<String>,
    /// Two-sided p-value and interval of the wild and score bootstraps
    #[arg(long, value_enum)]
    pub p_value: Option<PValueName>,
    /// No interval by test inversion: half the time
    #[arg(long)]
    pub no_interval: bool,
    /// Factor or number to permute, with `--method permute`; the only regressor if left out
    #[arg(long, value_name = "VARIABLE")]
    pub permute: Option<String>,
    /// Who exchanges levels, with `--method permute`
    #[arg(long, value_enum)]
    pub exchange: Option<ExchangeName>,
    /// File to write with every draw: .csv or .json
    #[arg(long, value_name = "FILE")]
    pub save_draws: Option<PathBuf>,
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Decimals of printed tables
    #[arg(long, default_value_t = 4, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub digits: u8,
    #[command(flatten)]
    pub source: SourceArguments,
}

const HELP: &str = "\
Examples:
  metier bootstrap 'frate ~ beertax | state + year' --data data/fatalities.csv --cluster state
  metier bootstrap 'verified_success ~ i(expertise, ref = 1) | work_mode' --data s.csv --cluster user_id \\
         --null 'expertise::5 = 0.1' --weights-type webb --draws 99999
  metier bootstrap 'verified_success ~ i(expertise, ref = 1) | work_mode' --data s.csv --cluster user_id \\
         --method users --rates expertise";

/// What is resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Wild cluster bootstrap with the null imposed (WCR), linear models
    Wild,
    /// Wild cluster bootstrap without the null (WCU), linear models
    WildUnrestricted,
    /// Bootstrap of cluster scores with the null imposed, every family
    Score,
    /// Clusters drawn with replacement, everything fitted anew
    Users,
    /// Permutations of a regressor, everything fitted anew
    Permute,
}

/// Weights of the wild and score bootstraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightsName {
    /// -1 or 1 (default)
    Rademacher,
    /// Six points, for fewer than about ten clusters
    Webb,
    /// Two points with third moment one
    Mammen,
}

/// How often a user is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemeName {
    /// As many as there are, with replacement (default)
    Multinomial,
    /// Weights from the exponential distribution: nobody is ever left out
    Exponential,
    /// Independent Poisson counts
    Poisson,
}

/// Kinds of two-sided p-values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PValueName {
    /// Share of draws with |t*| > |t| (default)
    Symmetric,
    /// Twice the smaller of the two tails
    EqualTail,
}

/// Who exchanges levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExchangeName {
    /// Rows of a cell of the fixed effects (default)
    Rows,
    /// Users, their whole sequences
    Users,
}

/// Resamples and prints.
///
/// # Errors
/// Whatever is wrong with the options, the table or the estimation.
pub fn run(arguments: &BootstrapArguments) -> Result<u8, Failure> {
    arguments.source.apply_threads()?;
    check(arguments)?;
    let nulls = nulls(arguments)?;
    let model = ModelEntry { formula: Some(arguments.formula.clone()), ..ModelEntry::default() };
    let file = ModelFile { name: String::from("fit"), model: vec![model], ..ModelFile::default() };
    let mut specs = arguments.source.resolve(&file, &arguments.entry.entry())?;
    // statistics are over CR1 errors, in the data as in every draw
    specs.iter_mut().for_each(|spec| spec.options.few_clusters = None);
    let settings = arguments.source.settings(&[])?;
    let format = format_of(arguments.format, arguments.output.as_deref());

    let mut progress = Progress::new(arguments.source.quiet);
    progress.stage("read");
    let names: Vec<String> = specs.iter().flat_map(Resolved::names).collect();
    let (table, is_synthetic) = arguments.source.table(&arguments.data, names, settings, specs.iter())?;
    let workspace = Workspace::new(&table);
    let mut results = Vec::new();
    for spec in &specs {
        for sample in prepare_samples(&workspace, spec, &label_of)? {
            let mut of_sample = Vec::new();
            for group in &sample.groups {
                for outcome in 0..group.sample.outcomes.len() {
                    let alone = with_outcome(&group.sample, outcome);
                    progress.stage(&format!("resample {}", alone.outcomes[0].name));
                    let mut result = resample(arguments, spec, &alone, &nulls, &progress)
                        .map_err(|error| failure(error, spec, &sample.name))?;
                    name_fit(&mut result.fit, spec, &sample.name, group);
                    of_sample.push(result);
                }
            }
            of_sample.sort_by_key(|result| outcome_position(&spec.request.formula, &result.fit.outcome));
            results.extend(of_sample);
        }
    }
    progress.finish();
    let report = Report {
        settings: settings_of(arguments, specs.first().map_or(0.95, |spec| spec.options.conf_level)),
        results,
        data_note: is_synthetic.then(|| SYNTHETIC.to_owned()),
        sources: sources(&table, &arguments.data),
    };
    if let Some(path) = &arguments.save_draws {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        write(Some(path), text_for(&draws_table(&report), is_json).as_bytes())?;
    }
    let options = RenderOptions {
        digits: usize::from(arguments.digits),
        ansi: !arguments.source.quiet && arguments.output.is_none() && printer::stdout_ansi(),
        ..RenderOptions::default()
    };
    let text = match format {
        Format::Csv => data_table(&report).to_csv(),
        Format::Json => json(&report),
        readable => render_document(&document(&report, options.digits), readable, &options),
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

/// Refuses options that the method has no use for, and files that could not be written.
fn check(arguments: &BootstrapArguments) -> Result<(), Failure> {
    use Method::{Permute, Score, Users, Wild, WildUnrestricted};
    let method = arguments.method;
    let tests = [Wild, WildUnrestricted, Score].contains(&method);
    let unused = [
        ("--weights-type", arguments.weights_type.is_some(), tests, "`wild`, `wild-unrestricted` and `score`"),
        ("--p-value", arguments.p_value.is_some(), tests, "`wild`, `wild-unrestricted` and `score`"),
        ("--term", !arguments.term.is_empty(), tests, "`wild`, `wild-unrestricted` and `score`"),
        ("--null", !arguments.null.is_empty(), tests, "`wild`, `wild-unrestricted` and `score`"),
        ("--no-interval", arguments.no_interval, method == Wild, "`wild`"),
        ("--scheme", arguments.scheme.is_some(), method == Users, "`users`"),
        ("--rates", arguments.entry.rates.is_some(), method == Users, "`users`"),
        ("--permute", arguments.permute.is_some(), method == Permute, "`permute`"),
        ("--exchange", arguments.exchange.is_some(), method == Permute, "`permute`"),
    ];
    if let Some((flag, _, _, methods)) = unused.into_iter().find(|(_, given, used, _)| *given && !used) {
        let method = method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let hint = format!("leave it out, or use it with `--method` {methods}");
        return Err(Failure::input(format!("`{flag}` has no meaning with `--method {method}`"), Some(hint)));
    }
    if method != Permute && !matches!(arguments.entry.vcov, None | Some(VcovName::Cr1)) {
        let hint = String::from("leave out `--vcov`: clusters are resampled and errors clustered");
        return Err(Failure::input("a bootstrap of clusters has cluster-robust errors", Some(hint)));
    }
    if let Some(draws) = arguments.draws.filter(|draws| !(1..=MOST_DRAWS).contains(draws)) {
        let hint = format!("use 1 to {MOST_DRAWS}, e.g. `--draws {MANY_DRAWS}`");
        return Err(Failure::input(format!("{draws} draws cannot be made"), Some(hint)));
    }
    if let Some(path) = &arguments.save_draws {
        if !matches!(path.extension().and_then(|extension| extension.to_str()), Some("csv" | "json")) {
            let hint = String::from("e.g. `--save-draws draws.csv`");
            return Err(Failure::input(format!("`{}` is neither .csv nor .json", path.display()), Some(hint)));
        }
        if arguments.output.as_ref() == Some(path) {
            let hint = Some(String::from("give every file a name of its own"));
            return Err(Failure::input(format!("`{}` would be written twice", path.display()), hint));
        }
    }
    check_target(arguments.output.as_deref())?;
    check_target(arguments.save_draws.as_deref())?;
    Ok(())
}

/// Hypotheses of `--term` and `--null`.
fn nulls(arguments: &BootstrapArguments) -> Result<Vec<Null>, Failure> {
    let mut all: Vec<Null> =
        arguments.term.iter().map(|term| Null { term: term.trim().to_owned(), value: 0.0 }).collect();
    for text in &arguments.null {
        // a term may hold an equals sign of its own: the value stands behind the last one
        let parsed = text.rsplit_once('=').and_then(|(term, value)| {
            let value: f64 = value.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
            let term = term.trim().trim_end_matches('=').trim();
            (!term.is_empty()).then(|| Null { term: term.to_owned(), value })
        });
        all.push(parsed.ok_or_else(|| {
            let hint = String::from("write a term and a number, e.g. `--null 'expertise::5 = 0.1'`");
            Failure::input(format!("`{text}` is no hypothesis about one coefficient"), Some(hint))
        })?);
    }
    Ok(all)
}

fn draws_of(arguments: &BootstrapArguments) -> usize {
    arguments.draws.unwrap_or(match arguments.method {
        Method::Wild | Method::WildUnrestricted | Method::Score => MANY_DRAWS,
        Method::Users | Method::Permute => FEW_DRAWS,
    })
}

/// One outcome of one sample.
fn resample(
    arguments: &BootstrapArguments,
    spec: &Resolved,
    sample: &Sample,
    nulls: &[Null],
    progress: &Progress,
) -> Result<Resampling, ResamplingError> {
    let (draws, seed, options) = (draws_of(arguments), arguments.seed, &spec.options);
    let columns: usize = sample.terms.iter().map(|term| term.n_columns()).sum();
    let tests = if nulls.is_empty() { columns } else { nulls.len() };
    let keep_draws = arguments.save_draws.is_some();
    let how = WildOptions {
        draws,
        seed,
        weights: weights_of(arguments),
        restricted: arguments.method != Method::WildUnrestricted,
        p_value: p_value_of(arguments),
        conf_level: (!arguments.no_interval).then_some(options.conf_level),
        keep_draws,
    };
    let (fit, body) = match arguments.method {
        Method::Wild | Method::WildUnrestricted => {
            let (fit, tests) = wild(sample, options, nulls, &how, &progress.counter(tests * draws))?;
            (fit, Body::Tests(tests))
        }
        Method::Score => {
            let how = WildOptions { conf_level: None, ..how };
            let (fit, tests) = score(sample, options, nulls, &how, &progress.counter(tests * draws))?;
            (fit, Body::Tests(tests))
        }
        Method::Users => {
            let scheme = scheme_of(arguments);
            let how = UserOptions { draws, seed, scheme, conf_level: options.conf_level, keep_draws };
            let drawn = users(sample, options, &how, &progress.counter(draws))?;
            (drawn.fit.clone(), Body::Users(Box::new(drawn)))
        }
        Method::Permute => {
            let exchange = exchange_of(arguments);
            let factor = factor_of(arguments, sample)?;
            let how = PermuteOptions { draws, seed, exchange, keep_draws };
            let test = permute(sample, options, &factor, &how, &progress.counter(draws))?;
            (test.fit.clone(), Body::Permuted(factor, Box::new(test)))
        }
    };
    Ok(Resampling { fit, body })
}

/// The variable to permute: the one named, or the only one of the formula.
fn factor_of(arguments: &BootstrapArguments, sample: &Sample) -> Result<String, ResamplingError> {
    if let Some(name) = &arguments.permute {
        return Ok(name.clone());
    }
    let mut known: Vec<String> = Vec::new();
    for term in &sample.terms {
        let name = term.levels.as_ref().map(|levels| levels.factor.clone()).or_else(|| term.variable.clone());
        known.extend(name.filter(|name| !known.contains(name)));
    }
    match known.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(ResamplingError::WhichFactor { known }),
    }
}

fn weights_of(arguments: &BootstrapArguments) -> Weights {
    match arguments.weights_type {
        None | Some(WeightsName::Rademacher) => Weights::Rademacher,
        Some(WeightsName::Webb) => Weights::Webb,
        Some(WeightsName::Mammen) => Weights::Mammen,
    }
}

fn p_value_of(arguments: &BootstrapArguments) -> PValue {
    match arguments.p_value {
        None | Some(PValueName::Symmetric) => PValue::Symmetric,
        Some(PValueName::EqualTail) => PValue::EqualTail,
    }
}

fn scheme_of(arguments: &BootstrapArguments) -> Scheme {
    match arguments.scheme {
        None | Some(SchemeName::Multinomial) => Scheme::Multinomial,
        Some(SchemeName::Exponential) => Scheme::Exponential,
        Some(SchemeName::Poisson) => Scheme::Poisson,
    }
}

fn exchange_of(arguments: &BootstrapArguments) -> Exchange {
    match arguments.exchange {
        None | Some(ExchangeName::Rows) => Exchange::Rows,
        Some(ExchangeName::Users) => Exchange::Users,
    }
}

fn settings_of(arguments: &BootstrapArguments, conf_level: f64) -> Settings {
    let has_interval = !arguments.no_interval && !matches!(arguments.method, Method::Score | Method::Permute);
    let weights = weights_of(arguments);
    Settings {
        method: match arguments.method {
            Method::Wild => "wild",
            Method::WildUnrestricted => "wild_unrestricted",
            Method::Score => "score",
            Method::Users => "users",
            Method::Permute => "permute",
        },
        drawn_by: match arguments.method {
            Method::Users => match scheme_of(arguments) {
                Scheme::Multinomial => "multinomial",
                Scheme::Exponential => "exponential",
                Scheme::Poisson => "poisson",
            },
            Method::Permute => match exchange_of(arguments) {
                Exchange::Rows => "rows",
                Exchange::Users => "users",
            },
            _ => match weights {
                Weights::Rademacher => "rademacher",
                Weights::Webb => "webb",
                Weights::Mammen => "mammen",
            },
        },
        p_value: match (arguments.method, p_value_of(arguments)) {
            (Method::Users, _) => None,
            (Method::Permute, _) => Some("permutation"),
            (_, PValue::Symmetric) => Some("symmetric"),
            (_, PValue::EqualTail) => Some("equal_tail"),
        },
        draws: draws_of(arguments),
        seed: arguments.seed,
        conf_level: has_interval.then_some(conf_level),
    }
}

/// An error with its specification.
fn failure(error: ResamplingError, spec: &Resolved, sample: &str) -> Failure {
    match error {
        ResamplingError::Fit(error) => fit_failure(spec, sample, error).into(),
        error => {
            let of_sample = if sample == "all" { String::new() } else { format!("sample `{sample}`: ") };
            let code = match error {
                ResamplingError::TooFewClusters { .. } | ResamplingError::NothingToExchange { .. } => exit::ESTIMATION,
                _ => exit::INPUT,
            };
            Failure { code, ..Failure::input(format!("{of_sample}{error}"), error.hint()) }
        }
    }
}
