//! What a specification curve is: plain records that the runner fills and every output reads.

use crate::result::Estimate;

/// One question with its answers, e.g. whether the month is controlled for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Name in conditions and columns, e.g. `month`.
    pub name: String,
    /// Name for people, e.g. `Calendar month`.
    pub label: String,
    /// Whether it is about a control (its options are `out`, `additive` or cells it is interacted in).
    pub is_control: bool,
    /// The answers, in the order of the grid.
    pub options: Vec<ChoiceOption>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceOption {
    /// Name in conditions and columns.
    pub name: String,
    /// Name for people.
    pub label: String,
}

/// An adjusted rate of a specification.
#[derive(Debug, Clone, PartialEq)]
pub struct RatePoint {
    /// Level of the factor.
    pub level: String,
    /// Its display label.
    pub label: String,
    /// Estimate.
    pub estimate: f64,
    /// Standard error.
    pub std_error: f64,
    /// Lower end of the interval.
    pub conf_low: f64,
    /// Upper end of the interval.
    pub conf_high: f64,
}

/// What a specification gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The effect of interest, e.g. the rate of the highest level less that of the lowest.
    pub effect: Estimate,
    /// Adjusted rates, in level order; empty where the coding has none.
    pub rates: Vec<RatePoint>,
    /// Estimation rows.
    pub rows: usize,
    /// Distinct clusters among them.
    pub users: usize,
    /// Cells of the absorbed effects.
    pub cells: usize,
    /// Share of the rows in cells with more than one level of the factor; not a number where it is not known.
    pub overlap: f64,
    /// The effect less that of the baseline, with its own error; not a number for the baseline itself.
    pub difference: Estimate,
    /// P-value of all contrasts of the rates being those of the baseline (a Hausman test with clustered errors); not a
    /// number without rates, and for the baseline itself.
    pub hausman_p_value: f64,
    /// Step-down p-value of the effect among all specifications of the curve.
    pub family_p_value: f64,
    /// Position of its numbers in [`Curve::covariances`].
    pub position: usize,
    /// Sentences the reader must see.
    pub warnings: Vec<String>,
}

/// Why a specification gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong.
    pub reason: String,
}

/// One specification.
#[derive(Debug, Clone, PartialEq)]
pub struct Specification {
    /// Twelve hexadecimal digits of a hash of what is estimated: the same in every grid and run.
    pub id: String,
    /// The option of every choice, in the order of [`Curve::choices`].
    pub options: Vec<usize>,
    /// Formula.
    pub formula: String,
    /// Whether a plan that was locked before the outcomes were read names it; `None` without a plan.
    pub planned: Option<bool>,
    /// Command that estimates it alone.
    pub command: String,
    /// What it gave.
    pub outcome: Result<Outcome, Failure>,
}

/// Statements about the whole curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// Specifications that gave an estimate.
    pub specifications: usize,
    /// Groups of clusters that signs were drawn for.
    pub groups: usize,
    /// Whether every group is one cluster.
    pub groups_are_clusters: bool,
    /// Sign flips drawn.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Level of tests, e.g. 0.05.
    pub alpha: f64,
    /// Statements, with their value and p-value under no effect in any specification.
    pub statements: Vec<Statement>,
    /// Half width of simultaneous intervals in standard errors.
    pub critical: f64,
}

/// A number about the whole curve, with its distribution under no effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// E.g. `median effect`, `share significant with the dominant sign`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Median under no effect.
    pub null_median: f64,
    /// 95th percentile of its size under no effect.
    pub null_high: f64,
    /// Share of draws at least as large (Phipson and Smyth: the data count as a draw).
    pub p_value: f64,
}

/// A specification curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Identifier, e.g. `curve_fig5`.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Focal factor, e.g. `expertise`.
    pub focal: String,
    /// What the effect is in words.
    pub effect_label: String,
    /// The choices.
    pub choices: Vec<Choice>,
    /// The specifications, in the order of the grid.
    pub specifications: Vec<Specification>,
    /// Combinations of the grid that mean the same as an earlier one.
    pub duplicates: usize,
    /// Position of the baseline among the specifications.
    pub baseline: usize,
    /// Names of the numbers in [`Curve::covariances`]: `effect`, then `rate::<level>` of every level.
    pub numbers: Vec<String>,
    /// For each of the numbers, the covariance between specifications: lower triangle with diagonal, row by row, over
    /// [`Outcome::position`]; not a number where a specification lacks the number.
    pub covariances: Vec<Vec<f64>>,
    /// Statements about the whole curve; `None` for fewer than two specifications, or without clusters.
    pub joint: Option<Joint>,
    /// Sentence that every output carries when the table is simulated.
    pub data_note: Option<String>,
    /// Names of the files read.
    pub sources: Vec<String>,
    /// Command that made the curve.
    pub command: String,
}

impl Curve {
    /// Standard error of the difference of a number between two specifications, by their [`Outcome::position`].
    pub fn error_of_difference(&self, number: usize, a: usize, b: usize) -> f64 {
        let at = |i: usize, j: usize| {
            let (i, j) = if i < j { (j, i) } else { (i, j) };
            self.covariances[number][i * (i + 1) / 2 + j]
        };
        (at(a, a) + at(b, b) - 2.0 * at(a, b)).max(0.0).sqrt()
    }
}
