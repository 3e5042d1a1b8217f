//! One struct per verb; the help text lives on the fields.

use super::coverage::CoverageArguments;
use crate::simulate::SimulateOptions;
use crate::spec::{
    AbsorbName, CompositionName, DfName, FamilyName, MissingClusterName, ModelEntry, MultiwayName, NaName, OneOrMany,
    SingletonsName, VcovName,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Fixed-effects regressions with clustered standard errors and adjusted rates, for tables of labeled sessions.
#[derive(Debug, Parser)]
#[command(name = "metier", version, max_term_width = 100, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  metier reproduce                                  Figure 5 and Tables A1, A2 from the embedded synthetic table
  metier fit 'verified_success ~ i(expertise, ref = 1) | work_mode^month' --data s.parquet --cluster user_id --rates expertise
  metier fit --model models/table_a1.toml --data s.csv
  metier check s.csv                                does the table fit the codebook, what would be dropped

Exit codes: 0 done, 1 done with findings (check, verify), 2 usage or input, 3 estimation failed";

/// The verbs.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one of them in a run
pub enum Command {
    /// Fit regressions and print coefficients, standard errors and adjusted rates
    Fit(FitArguments),
    /// Take standard errors apart: every part of the small-sample factor, and what other programs report
    ExplainSe(super::explain_se::ExplainArguments),
    /// Test hypotheses about coefficients and adjusted rates, one at a time, jointly, or across models
    Test(super::test::TestArguments),
    /// Test coefficients by resampling: wild cluster and score bootstraps, bootstrap of users, permutations
    Bootstrap(super::bootstrap::BootstrapArguments),
    /// Compare levels within cells: least squares, common weights, direct standardisation, contamination
    Estimators(super::estimators::EstimatorsArguments),
    /// Average marginal effects of every term, on the scale of the outcome
    Margins(super::margins::MarginsArguments),
    /// Take an estimate apart: what each control moved
    Decompose(super::decompose::DecomposeArguments),
    /// Fit without one control, one level, a few users at a time, and say what changes
    LeaveOut(super::leave_out::LeaveOutArguments),
    /// How strong what is not observed would have to be: robustness values, Oster's bounds, E-values
    Sensitivity(super::sensitivity::SensitivityArguments),
    /// Estimate many specifications at once: a grid of choices, or a stepwise formula, with joint statements
    Curve(super::curve::CurveArguments),
    /// Write down the specifications of a grid before outcomes are looked at
    Plan(super::plan::PlanArguments),
    /// Make the whole study from one table: a page with every figure and table, and a folder of their files
    Report(ReproduceArguments),
    /// The same from the embedded synthetic table: the report's figures and tables, next to the published numbers
    Reproduce(ReproduceArguments),
    /// Put saved models side by side in a table for a paper
    Table(super::table::TableArguments),
    /// Draw saved models: coefficients, or adjusted rates
    Plot(super::plot::PlotArguments),
    /// Repeat a run from its lock file, and say what differs and why
    Verify(super::verify::VerifyArguments),
    /// Write a folder for replication from a lock file
    Package(super::package::PackageArguments),
    /// Make the report's other figures, or figures of your own: picture, numbers, tests
    Figure(super::figure::FigureArguments),
    /// Tell whether a table fits the codebook, what is wrong, and what would be dropped
    Check(CheckArguments),
    /// Draw a synthetic session table whose analysis gives the published numbers
    Simulate(SimulateArguments),
    /// Draw panels whose true values are known, and count how often intervals hold them
    Coverage(CoverageArguments),
    /// List the embedded model files, or print one
    Models(ModelsArguments),
    /// Print the codebook: variables, levels, derived variables, settings
    Codebook(CodebookArguments),
    /// Print the JSON Schema of model files
    Schema,
    /// Print shell completions
    Completions(CompletionsArguments),
}

/// How a table is read.
#[derive(Debug, Clone, Args)]
pub struct SourceArguments {
    /// Column names: `expertise=exp_rating`, or a TOML file of such lines
    #[arg(long, value_name = "NAME=COLUMN|FILE")]
    pub map: Vec<String>,
    /// Settings of derived variables, e.g. `trouble_threshold=4` (see `metier codebook`)
    #[arg(long, value_name = "SETTING=VALUE")]
    pub set: Vec<String>,
    /// Whether levels and names of the codebook apply
    #[arg(long, value_enum, default_value = "auto")]
    pub codebook: CodebookChoice,
    /// Accept a session id that occurs twice
    #[arg(long)]
    pub allow_duplicates: bool,
    /// Format of the input, where name and content do not tell
    #[arg(long, value_enum)]
    pub input_format: Option<InputFormat>,
    /// Number of threads; results do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// No progress, warnings or other decoration
    #[arg(long, short)]
    pub quiet: bool,
}

/// Use of the codebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CodebookChoice {
    /// Where a column has the name of a codebook variable
    Auto,
    /// Not at all: every column is what it says
    Off,
}

/// Input formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Apache Parquet
    Parquet,
    /// Text with a delimiter
    Csv,
    /// One JSON object per line
    Ndjson,
    /// Arrow IPC (Feather)
    Arrow,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Tables for a terminal
    Text,
    /// Everything, one document
    Json,
    /// The long table, one row per number
    Csv,
    /// Tables in Markdown
    Markdown,
    /// Tables in LaTeX (booktabs)
    Latex,
    /// One page
    Html,
    /// Tables in Typst
    Typst,
}

/// `metier fit`.
#[derive(Debug, Args)]
#[command(after_help = FIT_HELP)]
pub struct FitArguments {
    /// Formula: `y1 + y2 ~ x + log(z) + i(level, ref = "1") | fe1 + fe2^fe3`
    pub formula: Option<String>,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub data: Vec<String>,
    /// Model files, or names of embedded ones; flags override what they say
    #[arg(long, value_name = "FILE")]
    pub model: Vec<String>,
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// File to write with the estimate of every level of the fixed effects: .csv or .json
    #[arg(long, value_name = "FILE")]
    pub save_effects: Option<PathBuf>,
    /// File to write with the fitted value of every row used: .csv or .json
    #[arg(long, value_name = "FILE")]
    pub save_fitted: Option<PathBuf>,
    /// File to write with the weight of every row's outcome in every coefficient and adjusted rate of a linear model: .csv
    /// or .json
    #[arg(long, value_name = "FILE")]
    pub save_weights: Option<PathBuf>,
    /// File to write with everything that `metier verify` needs to repeat the run
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Decimals of printed tables
    #[arg(long, default_value_t = 4, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub digits: u8,
    /// Significance stars at these p-values, e.g. `0.1,0.05,0.01`
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub stars: Option<Vec<f64>>,
    #[command(flatten)]
    pub source: SourceArguments,
}

const FIT_HELP: &str = "\
Example:
  metier fit 'verified_success ~ i(expertise, ref = 1) | work_mode^value_band^month' \\
         --data synthetic --cluster user_id --rates expertise

Operators in conditions: and or not == != < <= > >= in [..]; functions: log exp sqrt if cut month is_missing ...";

/// The keys of a model, as flags.
#[derive(Debug, Clone, Default, Args)]
pub struct EntryArguments {
    /// Estimator
    #[arg(long, value_enum)]
    pub family: Option<FamilyName>,
    /// Cluster variables: `a`, `a+b` for two ways, `a^b` for combinations
    #[arg(long)]
    pub cluster: Option<String>,
    /// Covariance; without it iid, and with clusters cr1, or cr3 where few of them matter or parameters are many
    #[arg(long, value_enum)]
    pub vcov: Option<VcovName>,
    /// Parameters that fixed effects count in K: nominal (default), or their exact rank
    #[arg(long, value_enum)]
    pub df: Option<DfName>,
    /// Small-sample convention: fixest (default), stata, reghdfe, statsmodels, linearmodels, sandwich, none; with parts
    /// changed, `stata(g = min)`; or `custom(k = n-1, effects = full, g = each, t = g)`
    #[arg(long, value_name = "CONVENTION")]
    pub ssc: Option<String>,
    /// Several cluster variables: how their terms become one covariance; eigen if left out
    #[arg(long, value_enum)]
    pub multiway: Option<MultiwayName>,
    /// Weights: a column or an expression
    #[arg(long)]
    pub weights: Option<String>,
    /// Rows to keep, e.g. `trouble and month >= "2026-01"`
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<String>,
    /// One fit for each level of this variable
    #[arg(long)]
    pub split: Option<String>,
    /// Missing controls: a level of their own (default), or dropped
    #[arg(long, value_enum)]
    pub na: Option<NaName>,
    /// Rows without a cluster: refused (default), or dropped
    #[arg(long, value_enum)]
    pub missing_cluster: Option<MissingClusterName>,
    /// Singletons: dropped (default), or kept
    #[arg(long, value_enum)]
    pub singletons: Option<SingletonsName>,
    /// Leave out cells of the fixed effects with fewer distinct clusters
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub min_users: Option<usize>,
    /// Adjusted rates by this factor
    #[arg(long, value_name = "FACTOR")]
    pub rates: Option<String>,
    /// What adjusted rates are averaged over: rows of the sample, e.g. `month == "2026-04"`, a file of shares, another table
    #[arg(long, value_name = "CONDITION|FILE")]
    pub target: Option<String>,
    /// Variables whose shares are taken from another table: `work_mode+month`; those of the fixed effects if left out
    #[arg(long, value_name = "VARIABLES")]
    pub target_by: Option<String>,
    /// Composition of the target: a sample (default), or held fixed
    #[arg(long, value_enum)]
    pub composition: Option<CompositionName>,
    /// Level of the confidence intervals
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub conf_level: Option<f64>,
    /// How fixed effects are absorbed
    #[arg(long, value_enum)]
    pub absorb: Option<AbsorbName>,
    /// Correct coefficients of a logit or probit for the bias that many fixed effects give them
    #[arg(long)]
    pub bias_correction: bool,
    /// Firth's penalised likelihood of a logit: finite where regressors separate rows
    #[arg(long)]
    pub firth: bool,
    /// R2 after each fixed effect added in the formula's order, then with the regressors
    #[arg(long)]
    pub r2_steps: bool,
    /// What clustered errors rest on: sizes, leverage and influence of clusters
    #[arg(long)]
    pub diagnostics: bool,
}

impl EntryArguments {
    /// The flags as a model entry.
    pub fn entry(&self) -> ModelEntry {
        ModelEntry {
            name: None,
            formula: None,
            family: self.family,
            cluster: self.cluster.clone().map(OneOrMany::One),
            vcov: self.vcov,
            df: self.df,
            ssc: self.ssc.clone(),
            multiway: self.multiway,
            weights: self.weights.clone(),
            filter: self.filter.clone(),
            split: self.split.clone(),
            samples: None,
            na: self.na,
            missing_cluster: self.missing_cluster,
            singletons: self.singletons,
            min_users: self.min_users,
            rates: self.rates.clone(),
            target: self.target.clone(),
            target_by: self.target_by.clone(),
            composition: self.composition,
            conf_level: self.conf_level,
            absorb: self.absorb,
            bias_correction: self.bias_correction.then_some(true),
            firth: self.firth.then_some(true),
            r2_steps: self.r2_steps.then_some(true),
            diagnostics: self.diagnostics.then_some(true),
        }
    }
}

/// `metier report` and `metier reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceArguments {
    /// Files, folders or patterns; the embedded synthetic table if left out
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub data: Vec<String>,
    /// Folder to write; `report` or, for `reproduce`, `results` if left out
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Seed of the synthetic table
    #[arg(long, default_value_t = 1, conflicts_with = "data", allow_negative_numbers = true)]
    pub seed: u64,
    /// Sessions of the synthetic table
    #[arg(long, default_value_t = SimulateOptions::EMBEDDED.sessions, conflicts_with = "data", allow_negative_numbers = true)]
    pub sessions: usize,
    /// Distinct users that every published cell needs; in Table A1 also the cells of the fixed effects
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub min_users: Option<usize>,
    /// Round published numbers to so many decimals
    #[arg(long, value_name = "DECIMALS", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub round: Option<u8>,
    #[command(flatten)]
    pub source: SourceArguments,
}

/// `metier check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Files, folders or patterns; `-` is standard input
    #[arg(required = true)]
    pub data: Vec<String>,
    #[command(flatten)]
    pub source: SourceArguments,
}

/// `metier simulate`.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Number of sessions
    #[arg(long, default_value_t = SimulateOptions::EMBEDDED.sessions, allow_negative_numbers = true)]
    pub sessions: usize,
    /// Number of users; in the published proportion if left out
    #[arg(long, allow_negative_numbers = true)]
    pub users: Option<usize>,
    /// Seed; the same seed gives the same table anywhere
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    pub seed: u64,
    /// File to write: .parquet, .csv or .ndjson
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// No message
    #[arg(long, short)]
    pub quiet: bool,
}

/// `metier models`.
#[derive(Debug, Args)]
pub struct ModelsArguments {
    /// Model file to print
    pub name: Option<String>,
}

/// `metier codebook`.
#[derive(Debug, Args)]
pub struct CodebookArguments {
    /// Print the TOML file itself
    #[arg(long)]
    pub toml: bool,
}

/// `metier completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// Shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
