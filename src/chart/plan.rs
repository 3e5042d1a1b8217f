//! The texts of a figure file as expressions, and the columns they name.

use super::ChartError;
use super::spec::{ChartName, FigureFile, PanelSpec, StatisticName};
use crate::codebook::Codebook;
use crate::expr::{BinaryOp, Expr, ExprKind, parse};

/// A figure whose texts are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The file.
    pub file: FigureFile,
    /// Whose errors are clustered.
    pub user: Expr,
    /// The panels that are to be made, in the file's order.
    pub panels: Vec<PanelPlan>,
}

/// A panel whose texts are read.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelPlan {
    /// The panel.
    pub spec: PanelSpec,
    /// Its rows.
    pub filter: Option<Expr>,
    /// Its variable.
    pub variable: Option<Expr>,
    /// What a ratio is per.
    pub per: Option<Expr>,
    /// The variable of its positions.
    pub by: Option<Expr>,
    /// The variable of its series.
    pub each: Option<Expr>,
    /// Conditions of its groups.
    pub groups: Vec<Expr>,
    /// Rows, variable, positions and held composition of its series.
    pub series: Vec<SeriesPlan>,
}

/// A series whose texts are read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesPlan {
    /// Its rows.
    pub filter: Option<Expr>,
    /// Its variable.
    pub variable: Option<Expr>,
    /// The variable of its positions.
    pub by: Option<Expr>,
    /// The variable whose composition is held.
    pub hold: Option<Expr>,
}

/// Reads the texts of a figure; labels of the codebook are understood where `codebook` is given.
///
/// # Errors
/// Texts that are no expressions, keys that do not go together.
pub fn plan(file: &FigureFile, codebook: Option<&Codebook>) -> Result<Plan, ChartError> {
    let read = |place: String, text: &str| {
        let mut expr = parse(text).map_err(|error| ChartError::Expression {
            figure: file.name.clone(),
            place,
            text: text.to_owned(),
            error: Box::new(error),
        })?;
        if let Some(codebook) = codebook {
            codebook.canonical_levels(&mut expr);
        }
        Ok(expr)
    };
    let optional = |place: String, text: &Option<String>| text.as_ref().map(|text| read(place, text)).transpose();
    let all = optional(String::from("`where`"), &file.filter)?;
    let panels = file.panels.iter().map(|panel| {
        check(file, panel)?;
        let place = |key: &str| format!("`{key}` of panel `{}`", panel.name);
        let own = optional(place("where"), &panel.filter)?;
        let filter = match (all.clone(), own) {
            (Some(all), Some(own)) => Some(both(all, own)),
            (all, own) => all.or(own),
        };
        let groups = panel.groups.iter().map(|group| read(place("group"), &group.filter)).collect::<Result<_, _>>()?;
        let series = panel.series.iter().map(|series| {
            Ok(SeriesPlan {
                filter: optional(place("series.where"), &series.filter)?,
                variable: optional(place("series.variable"), &series.variable)?,
                by: optional(place("series.by"), &series.by)?,
                hold: optional(place("series.hold"), &series.hold)?,
            })
        });
        Ok(PanelPlan {
            spec: panel.clone(),
            filter,
            variable: optional(place("variable"), &panel.variable)?,
            per: optional(place("per"), &panel.per)?,
            by: optional(place("by"), &panel.by)?,
            each: optional(place("each"), &panel.each)?,
            groups,
            series: series.collect::<Result<_, _>>()?,
        })
    });
    let panels = panels.collect::<Result<_, _>>()?;
    Ok(Plan { file: file.clone(), user: read(String::from("`user`"), &file.user)?, panels })
}

/// Both conditions.
fn both(a: Expr, b: Expr) -> Expr {
    let span = a.span.clone();
    Expr { kind: ExprKind::Binary(BinaryOp::And, Box::new(a), Box::new(b)), span }
}

/// Refuses keys that do not go together.
fn check(file: &FigureFile, panel: &PanelSpec) -> Result<(), ChartError> {
    let positions = usize::from(panel.bins.is_some())
        + usize::from(!panel.groups.is_empty())
        + usize::from(panel.by.is_some() || panel.series.iter().any(|series| series.by.is_some()));
    let needs_variable =
        |statistic: StatisticName| !matches!(statistic, StatisticName::Distribution | StatisticName::Composition);
    let has_variable = panel.variable.is_some()
        || (!panel.series.is_empty() && panel.series.iter().all(|series| series.variable.is_some()));
    let message = if positions != 1 {
        "positions come from exactly one of `by`, `bins` and `group`"
    } else if needs_variable(panel.statistic) && !has_variable {
        "this statistic needs a `variable`"
    } else if (panel.statistic == StatisticName::Ratio) != panel.per.is_some() {
        "the statistic `ratio` needs `per`, and nothing else does"
    } else if panel.each.is_some() && !panel.series.is_empty() {
        "series come from `each` or from `series`, not both"
    } else if panel.statistic == StatisticName::Composition && panel.each.is_none() && panel.series.is_empty() {
        "a composition needs `each` or `series`"
    } else if panel.bins.is_some() && panel.variable.is_none() {
        "`bins` are of a `variable`"
    } else if panel.bins.as_ref().is_some_and(|bins| bins.len() < 2 || !bins.is_sorted_by(|a, b| a < b)) {
        "`bins` need at least two edges in ascending order"
    } else if panel.chart == ChartName::Histogram && panel.bins.is_none() {
        "a histogram needs `bins`"
    } else if (panel.chart == ChartName::Boxes) != (panel.statistic == StatisticName::Box) {
        "boxes draw the statistic `box`, and nothing else does"
    } else if panel.adjusted && (file.models.is_none() || panel.by.is_none()) {
        "adjusted rates need `models` in the figure and `by` in the panel"
    } else if panel
        .series
        .iter()
        .any(|series| series.hold.is_some() && !can_hold(series.statistic.unwrap_or(panel.statistic)))
    {
        "`hold` is for means, geometric means and medians"
    } else if panel
        .series
        .iter()
        .any(|series| matches!(series.statistic, Some(StatisticName::Ratio | StatisticName::Box)))
    {
        "a series may be a mean, geometric mean, median or share"
    } else if panel.top == Some(0) {
        "`top` is at least 1"
    } else {
        return Ok(());
    };
    Err(ChartError::Panel { figure: file.name.clone(), panel: panel.name.clone(), message: message.to_owned() })
}

/// Whether a statistic can be averaged over strata.
fn can_hold(statistic: StatisticName) -> bool {
    matches!(statistic, StatisticName::Mean | StatisticName::GeometricMean | StatisticName::Median)
}

impl PanelPlan {
    /// The columns it needs, `user` among them.
    pub fn names(&self, user: &Expr) -> Vec<String> {
        let series = self.series.iter().flat_map(|series| [&series.filter, &series.variable, &series.by, &series.hold]);
        let own = [&self.filter, &self.variable, &self.per, &self.by, &self.each];
        let all = own.into_iter().chain(series).flatten().chain(&self.groups).chain([user]);
        let mut names: Vec<String> = all.flat_map(Expr::names).collect();
        names.sort();
        names.dedup();
        names
    }
}
