//! The keys of a figure file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file that describes one figure.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Metier figure file")]
pub struct FigureFile {
    /// Identifier, and the stem of the files written, e.g. `figure1`.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// A sentence under the title.
    #[serde(default)]
    pub subtitle: String,
    /// Where the figure comes from.
    pub source: Option<String>,
    /// What a reader should know; goes under the figure.
    #[serde(default)]
    pub notes: String,
    /// Settings of the codebook, e.g. `trouble_threshold = 3`.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Rows of all panels: a condition on the columns.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Whose errors are clustered; a column.
    #[serde(default = "user_id")]
    pub user: String,
    /// Panels beside each other.
    #[serde(default = "two")]
    pub columns: usize,
    /// A model file, embedded or beside this one, that panels and effects refer to.
    pub models: Option<String>,
    /// The panels in reading order.
    #[serde(rename = "panel")]
    pub panels: Vec<PanelSpec>,
    /// Coefficients of the models that go into the table of tests.
    #[serde(default, rename = "effect")]
    pub effects: Vec<EffectSpec>,
}

fn user_id() -> String {
    String::from("user_id")
}

fn two() -> usize {
    2
}

/// One panel.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelSpec {
    /// Identifier within the figure.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// What is drawn.
    pub chart: ChartName,
    /// What is computed in every cell.
    pub statistic: StatisticName,
    /// The variable of the statistic: an expression; for `share` a condition.
    pub variable: Option<String>,
    /// What a `ratio` is per: an expression whose sum is the denominator.
    pub per: Option<String>,
    /// Rows of this panel, besides those of the figure.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Positions: the levels of a variable or expression.
    pub by: Option<String>,
    /// Positions: bins of `variable`, closed on the left, the last one on both sides. In ascending order.
    pub bins: Option<Vec<f64>>,
    /// Positions: conditions with labels.
    #[serde(default, rename = "group")]
    pub groups: Vec<GroupSpec>,
    /// Series: the levels of a variable or expression.
    pub each: Option<String>,
    /// Series: conditions, variables or statistics with labels.
    #[serde(default)]
    pub series: Vec<SeriesSpec>,
    /// Whether positions are sorted by the value of the first series, largest first, instead of by level.
    #[serde(default)]
    pub sorted: bool,
    /// Only the positions with the most sessions, the largest first.
    pub top: Option<usize>,
    /// Whether numbers are relative changes from the first position.
    #[serde(default)]
    pub change: bool,
    /// Values are the adjusted rates of this model file's fits of each series' `variable`, by the variable `by`.
    #[serde(default)]
    pub adjusted: bool,
    /// Differences and trends to test.
    #[serde(default)]
    pub tests: Vec<TestName>,
    /// How numbers are written.
    #[serde(default)]
    pub unit: UnitName,
    /// Title of the axis of positions.
    #[serde(default)]
    pub x_title: String,
    /// Title of the axis of values.
    #[serde(default)]
    pub y_title: String,
    /// Whether positions show their levels as they are instead of the codebook's labels.
    #[serde(default)]
    pub plain_labels: bool,
}

/// A position that is a condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Identifier; the label if left out.
    pub name: Option<String>,
    /// Label for people.
    pub label: String,
    /// Its rows.
    #[serde(rename = "where")]
    pub filter: String,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesSpec {
    /// Identifier; the label if left out.
    pub name: Option<String>,
    /// Label for people.
    pub label: String,
    /// Its rows.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Its variable instead of the panel's.
    pub variable: Option<String>,
    /// Its variable `by` instead of the panel's; all series need the same levels.
    pub by: Option<String>,
    /// Its statistic instead of the panel's.
    pub statistic: Option<StatisticName>,
    /// A variable whose composition is held as in the first position: cells are averaged with its shares there.
    pub hold: Option<String>,
}

/// A coefficient of the models.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectSpec {
    /// Label for people.
    pub label: String,
    /// Name of the model in the model file.
    pub model: String,
    /// Outcome of the model.
    pub outcome: String,
    /// Its term.
    pub term: String,
    /// Whether the coefficient is of a logarithm and means exp(b) - 1.
    #[serde(default)]
    pub relative: bool,
}

/// An enum of names that serde and the JSON Schema agree on.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_text:literal $(, $(#[$variant_doc:meta])* $variant:ident = $text:literal)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { #[default] $(#[$first_doc])* $first $(, $(#[$variant_doc])* $variant)* }
        impl $name {
            /// The name in files.
            pub fn name(self) -> &'static str {
                match self { $name::$first => $first_text $(, $name::$variant => $text)* }
            }
        }
    };
}

names! {
    /// Kinds of charts.
    ChartName {
        /// Horizontal bars with intervals
        Bars = "bars",
        /// Shares of bins, with the mean
        Histogram = "histogram",
        /// Quartile boxes on a logarithmic axis
        Boxes = "boxes",
        /// Lines over positions
        Lines = "lines",
        /// Rows of dots
        Dots = "dots",
    }
}
names! {
    /// Statistics.
    StatisticName {
        /// Share of the panel's rows that are at the position
        Distribution = "distribution",
        /// Share of the position's rows that are in the series
        Composition = "composition",
        /// Share of rows for which the variable is true
        Share = "share",
        /// Arithmetic mean
        Mean = "mean",
        /// Sum of the variable by the sum of `per`
        Ratio = "ratio",
        /// Geometric mean of the values above zero
        GeometricMean = "geometric_mean",
        /// Median
        Median = "median",
        /// Percentiles 5, 25, 50, 75, 95 and the geometric mean
        Box = "box",
    }
}
names! {
    /// Tests within a panel.
    TestName {
        /// Every position against the one before it
        Steps = "steps",
        /// Slope over positions
        Trend = "trend",
        /// First series minus second at every position, and the slope of that over positions
        Gap = "gap",
    }
}
names! {
    /// How numbers are written.
    UnitName {
        /// Shares in percent
        Percent = "percent",
        /// Relative changes in percent with their sign
        Change = "change",
        /// Plain numbers
        Number = "number",
    }
}

impl FigureFile {
    /// Reads a figure file.
    ///
    /// # Errors
    /// TOML that is no figure file, with its place.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// The JSON Schema of [`FigureFile`], for editors.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(FigureFile);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
