//! Fixed-effects regressions with clustered standard errors and adjusted rates.
//!
//! # What is solved
//!
//! Rows i = 1..n of a table have an outcome y_i, regressors x_i (p numbers, most of them indicators of a factor's
//! levels), levels of absorbed fixed effects, a cluster g(i) and a weight w_i. The linear model minimises
//!
//! ```text
//! sum_i w_i (y_i - x_i'b - alpha_{e1(i)} - alpha_{e2(i)} - ...)^2          X: n x p,  b: p,  alpha: one per level
//! ```
//!
//! and logit, probit and Poisson maximise a likelihood with the same predictor, by a sequence of such problems. The alphas
//! may be thousands and are never wanted one by one; b and its covariance are, and so are the **adjusted rates**
//!
//! ```text
//! R_k = (1/W) sum_i w_i m_i(k)        m_i(k): prediction of row i with the factor of interest set to level k
//! ```
//!
//! Three facts make this cheap and exact:
//!
//! 1. Rows with the same design are one *cell* with a weight and a mean ([`design::cells`]): hundreds of thousands of
//!    sessions become some thousand cells, and every outcome and further specification works on these.
//! 2. The effect with most levels is eliminated in closed form, the others and x are factorised together
//!    ([`absorb`]): A = Z'WZ - sum_e t_e t_e' / w_e, a dense k x k matrix.
//! 3. Coefficients and rates are functionals with an influence phi_i = w_i [(y_i - mu_c) h_c + t_c] that depends on the
//!    row only through its cell c and its outcome ([`aggregate`]). Their joint covariance is one sum over clusters,
//!    V = q sum_g phi_g phi_g' ([`vcov`]), with no dummy written out ([`rates`]).
//!
//! The formulas are derived in `docs/adjusted-rates.md` and `docs/standard-errors.md`.
//!
//! # Modules
//!
//! The data flow from top to bottom; the core compiles without default features and knows nothing of files, terminals
//! or polars.
//!
//! ```text
//! cli          arguments, verbs, messages, exit codes                                     shell
//! spec         model files and flags to resolved specifications                           shell
//! formula      y ~ x + i(f) | a + b^c                                                     core
//! expr         conditions and arithmetic over columns                                     core
//! sessions     files to a table; the only module that names polars                        shell
//! codebook     what the columns of a session table mean; derived variables                shell
//! check        everything wrong with a table, in one report                               shell
//! simulate     the synthetic session table                                                shell
//! table        named columns: numbers and factors                                         core
//! model        table and formula to samples, with the flow of rows                        core
//! design       samples: coded terms, effects, clusters; cells, singletons, layout         core
//! aggregate    the boundary between what touches rows and what never does                 core
//! absorb       weighted least squares with absorbed effects: exact, or by the kernel      core
//! estimate     OLS, likelihoods, separation; from a point estimate to a fit               core
//! vcov         sums of influence by cluster; small-sample factor                          core
//! rates        adjusted rates: influence, contrasts, overlap                              core
//! standardise  cell estimators beside least squares: common weights, direct standardisation   core
//! inference    distributions, tests, intervals                                            core
//! resampling   wild and score bootstraps, bootstrap of users, permutation tests            core
//! hypothesis   linear hypotheses as text, joint and simultaneous, across models           core
//! linalg       ordered parallel sums, Cholesky                                            core
//! explain      what moved an estimate: decompositions, leave-out, sensitivity              core
//! curve        many specifications with what joins them                                  core
//! coverage     how often intervals hold the truth: draws with known values                core
//! result       what a fitted regression is: plain records                                 core
//! nearest      "did you mean"                                                             core
//! pipeline     specifications and a table to fits, in parallel and in order               shell
//! output       text, Markdown, LaTeX, HTML, Typst, CSV, JSON, and back from JSON          shell
//! paper        tables for papers from saved fits                                          shell
//! lock         what a run read, was asked and found; verification; replication folders     shell
//! grid         choices and stepwise formulas to lists of specifications                    shell
//! figure       adjusted rates as SVG and PNG                                              shell
//! study        the report's Tables A1 and A2 and Figure 5, laid out as published          shell
//! report       the study as one HTML page                                                  shell
//! compare      our numbers beside the published ones                                      shell
//! ```
//!
//! # Where to start
//!
//! * To use the program: `README.md`, then `docs/`.
//! * To understand the numbers: [`rates::functionals`], then [`estimate`], then [`absorb::exact`].
//! * To embed the core: build a [`design::Sample`] and call [`estimate::fit`], as below; or start from a
//!   [`table::Table`] and a [`formula::Formula`] with [`model::prepare`], which also counts what is dropped.
//! * To see what of the estimation touches rows: [`aggregate::Aggregator`], a few questions with small answers. Today
//!   only [`aggregate::Rows`] in memory answers them.
//!
//! # Example
//!
//! Success of twelve tasks of four users, at two levels of experience, within three kinds of work:
//!
//! ```
//! use metier::design::{Cluster, Effect, NO_COLUMN, Outcome, RatesFactor, Sample, Term, TermLevels};
//! use metier::estimate::{FitError, Options, fit};
//!
//! let experience: Vec<u32> = vec![0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0];
//! let sample = Sample {
//!     n_rows: 12,
//!     terms: vec![Term {
//!         names: vec![String::from("experience::high")],
//!         levels: Some(TermLevels {
//!             factor: String::from("experience"),
//!             codes: experience.clone(),
//!             column_of_level: vec![NO_COLUMN, 0], // low is the reference
//!         }),
//!         values: None,
//!         variable: None,
//!     }],
//!     intercept: true,
//!     effects: vec![Effect::new("work", vec![0, 0, 1, 1, 2, 2, 0, 1, 2, 0, 1, 2], 3)],
//!     weights: None,
//!     // rows are sorted by the first cluster variable
//!     clusters: vec![Cluster {
//!         name: String::from("user"),
//!         codes: vec![0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3].into(),
//!         n_clusters: 4,
//!     }],
//!     outcomes: vec![Outcome {
//!         name: String::from("success"),
//!         values: vec![0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0].into(),
//!     }],
//!     rates: Some(RatesFactor {
//!         name: String::from("experience"),
//!         levels: vec![String::from("low"), String::from("high")],
//!         labels: vec![String::from("low experience"), String::from("high experience")],
//!         numbers: vec![f64::NAN; 2], // used as levels only, never as a number
//!         codes: experience,
//!         term_codes: vec![0, 1], // the same codes as in the term
//!         reference: 0,
//!     }),
//!     target: None,
//! };
//!
//! let fitted = fit(&sample, &Options::default()).remove(0)?; // one result per outcome
//! let rates = fitted.fit.rates.as_ref().expect("asked for");
//! for row in &rates.levels {
//!     println!("{:<16} {:.3} ({:.3})", row.label, row.estimate, row.std_error);
//! }
//!
//! // the difference between the rates is the coefficient, and the rates average to the overall rate
//! let (low, high) = (rates.levels[0].estimate, rates.levels[1].estimate);
//! assert!((high - low - fitted.fit.coefficients[0].estimate).abs() < 1e-12);
//! assert!((0.5 * low + 0.5 * high - fitted.fit.fit.mean_outcome).abs() < 1e-12);
//! # Ok::<(), FitError>(())
//! ```

pub mod absorb;
pub mod aggregate;
pub mod coverage;
pub mod curve;
pub mod describe;
pub mod design;
pub mod estimate;
pub mod explain;
pub mod expr;
pub mod formula;
pub mod hypothesis;
pub mod inference;
pub mod linalg;
pub mod model;
pub mod nearest;
pub mod rates;
pub mod resampling;
pub mod result;
pub mod standardise;
pub mod table;
pub mod vcov;

#[cfg(feature = "cli")]
pub mod chart;
#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod codebook;
#[cfg(feature = "cli")]
pub mod compare;
#[cfg(feature = "cli")]
pub mod explorer;
#[cfg(feature = "cli")]
pub mod figure;
#[cfg(feature = "cli")]
pub mod grid;
#[cfg(feature = "cli")]
pub mod lock;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "cli")]
pub mod paper;
#[cfg(feature = "cli")]
pub mod pipeline;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod sessions;
#[cfg(feature = "cli")]
pub mod simulate;
#[cfg(feature = "cli")]
pub mod spec;
#[cfg(feature = "cli")]
pub mod study;
