//! The numbers of a panel: one cell for every series and position.

use super::plan::{PanelPlan, SeriesPlan};
use super::spec::{GroupSpec, PanelSpec, SeriesSpec, StatisticName};
use super::{ChartError, Labels, Options, Plan, protect};
use crate::describe::{
    Number, Sample, Scale, geometric_mean, mean, mean_log, quantile, quantile_of_mixture, ratio, share, standardised,
};
use crate::expr::{Expr, ExprKind};
use crate::model::{ModelError, Workspace};
use crate::result::ModelFit;
use crate::table::MISSING;
use rayon::prelude::*;
use std::sync::Arc;

/// One number of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is, e.g. `share`, `geometric_mean`, `p25`.
    pub statistic: String,
    /// The number; `NaN` if it does not exist or may not be shown.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Lower end of its interval.
    pub conf_low: f64,
    /// Upper end of its interval.
    pub conf_high: f64,
    /// The number with its influence; `None` for adjusted rates, which have theirs in the fit.
    pub number: Option<Number>,
}

/// The numbers of a series at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Which of the panel's series.
    pub series: usize,
    /// Which of its positions.
    pub position: usize,
    /// Its numbers.
    pub values: Vec<Value>,
    /// Sessions in the cell: for shares of positions or series those that count as successes.
    pub n_rows: usize,
    /// Sessions that the numbers are computed from.
    pub n_total: usize,
    /// Distinct users of the cell, ascending codes.
    pub users: Vec<u32>,
    /// Rows of the cell, kept for groups and for shares of positions: groups may hold each other or other positions.
    pub rows: Vec<u32>,
    /// The user of each of those.
    pub row_users: Vec<u32>,
    /// Whether a part of it is too small to be shown, whatever its own size.
    pub has_small_part: bool,
    /// Whether it may not be shown.
    pub suppressed: bool,
}

/// A panel with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelCells {
    /// What was asked for.
    pub spec: PanelSpec,
    /// Names and labels of the series; one without a name if there is only one.
    pub series: Vec<(String, String)>,
    /// Levels and labels of the positions.
    pub positions: Vec<(String, String)>,
    /// Series by series, positions in order.
    pub cells: Vec<Cell>,
    /// Mean of the variable of a histogram.
    pub mean: Option<Cell>,
    /// Sessions of the panel: those at a position, or all that shares are of.
    pub n_rows: usize,
    /// Their users.
    pub n_users: usize,
}

/// Rows by position or series: levels, labels, and for each the rows (of the whole table).
struct Parts {
    names: Vec<(String, String)>,
    masks: Vec<Arc<Vec<bool>>>,
}

/// Computes every panel of a plan.
///
/// # Errors
/// Expressions that the table cannot evaluate, rows without a user.
pub fn compute(
    plan: &Plan,
    workspace: &Workspace,
    fits: &[ModelFit],
    labels: Labels,
    options: &Options,
) -> Result<Vec<PanelCells>, ChartError> {
    let wrong = |error: ModelError| ChartError::Table { figure: plan.file.name.clone(), error: Box::new(error) };
    let mut panels = Vec::new();
    for panel in &plan.panels {
        let context = Context { workspace, panel, labels, options, fits };
        panels.push(context.compute(&plan.user).map_err(wrong)?);
    }
    protect::protect(&mut panels, options.min_users);
    panels.iter_mut().for_each(finish);
    Ok(panels)
}

/// Empties what may not be shown and puts positions in their final order.
fn finish(panel: &mut PanelCells) {
    let n_positions = panel.positions.len();
    for cell in panel.cells.iter_mut().chain(&mut panel.mean).filter(|cell| cell.suppressed) {
        for value in &mut cell.values {
            let none = f64::NAN;
            (value.estimate, value.std_error, value.conf_low, value.conf_high) = (none, none, none, none);
            value.number = None;
        }
    }
    if !panel.spec.sorted || panel.cells.is_empty() {
        return;
    }
    // those that may not be shown stand last, in the order of levels: their place tells nothing
    let size = |position: usize| Some(panel.cells[position].values.first()?.estimate).filter(|value| value.is_finite());
    let mut order: Vec<usize> = (0..n_positions).collect();
    order.sort_by(|&a, &b| match (size(a), size(b)) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let place: Vec<usize> = (0..n_positions).map(|old| order.iter().position(|at| *at == old).unwrap_or(old)).collect();
    panel.positions = order.iter().map(|&old| panel.positions[old].clone()).collect();
    panel.cells.iter_mut().for_each(|cell| cell.position = place[cell.position]);
    panel.cells.sort_by_key(|cell| (cell.series, cell.position));
}

struct Context<'a, 't> {
    workspace: &'a Workspace<'t>,
    panel: &'a PanelPlan,
    labels: Labels<'a>,
    options: &'a Options,
    fits: &'a [ModelFit],
}

impl Context<'_, '_> {
    fn compute(&self, user: &Expr) -> Result<PanelCells, ModelError> {
        let spec = &self.panel.spec;
        let sample = Sample::new(self.workspace, user, self.panel.filter.as_ref())?;
        let series = self.series(&sample)?;
        let mut positions = self.positions(&sample)?;
        if let Some(top) = spec.top {
            keep_largest(&mut positions, &sample, top);
        }
        let n_series = series.names.len();
        let all: Vec<(usize, usize)> =
            (0..n_series).flat_map(|s| (0..positions[0].names.len()).map(move |p| (s, p))).collect();
        let cells: Vec<Result<Cell, ModelError>> = all
            .par_iter()
            .map(|&(s, p)| self.cell(&sample, &series, &positions[s.min(positions.len() - 1)], s, p))
            .collect();
        let mut cells: Vec<Cell> = cells.into_iter().collect::<Result<_, _>>()?;
        if spec.change {
            relative_to_first(&mut cells, self.options.conf_level);
        }
        let mean = match (&spec.bins, &self.panel.variable) {
            (Some(_), Some(variable)) => {
                let values = Sample::numbers(self.workspace, variable)?;
                let number = mean(&sample, &values);
                let value = self.value("mean", number, Scale::Plain);
                let users = sample.distinct_users();
                let n = value.number.as_ref().map_or(0, |number| number.n_rows);
                Some(Cell {
                    series: 0,
                    position: 0,
                    values: vec![value],
                    n_rows: n,
                    n_total: n,
                    users,
                    rows: Vec::new(),
                    row_users: Vec::new(),
                    has_small_part: false,
                    suppressed: false,
                })
            }
            _ => None,
        };
        let is_in = |parts: &Parts, row: usize| parts.masks.iter().any(|mask| mask[row]);
        let is_base = spec.statistic == StatisticName::Distribution && !spec.groups.is_empty();
        let used =
            sample.keep(|row| is_in(&series, row) && (is_base || positions.iter().any(|parts| is_in(parts, row))));
        Ok(PanelCells {
            spec: spec.clone(),
            series: series.names,
            positions: positions.swap_remove(0).names,
            cells,
            mean,
            n_rows: used.n_rows(),
            n_users: used.n_users(),
        })
    }

    /// The series: levels of a variable, those listed, or one.
    fn series(&self, sample: &Sample) -> Result<Parts, ModelError> {
        let everything = || Arc::new(vec![true; self.workspace.table.n_rows()]);
        if let Some(each) = &self.panel.each {
            let mut parts = self.levels(each)?;
            occurring(&mut parts, sample);
            return Ok(parts);
        }
        if self.panel.series.is_empty() {
            return Ok(Parts { names: vec![(String::new(), String::new())], masks: vec![everything()] });
        }
        let masks = self.panel.series.iter().map(|series| match &series.filter {
            Some(filter) => self.workspace.filter(filter),
            None => Ok(everything()),
        });
        let named = |series: &SeriesSpec| {
            let name = series.name.as_ref().unwrap_or(&series.label);
            (name.clone(), series.label.clone())
        };
        let names = self.panel.spec.series.iter().map(named);
        Ok(Parts { masks: masks.collect::<Result<_, _>>()?, names: names.collect() })
    }

    /// The positions, of every series where these have their own.
    fn positions(&self, sample: &Sample) -> Result<Vec<Parts>, ModelError> {
        let spec = &self.panel.spec;
        if let (Some(edges), Some(variable)) = (&spec.bins, &self.panel.variable) {
            let values = Sample::numbers(self.workspace, variable)?;
            return Ok(vec![bins(edges, &values)]);
        }
        if !self.panel.groups.is_empty() {
            let masks = self.panel.groups.iter().map(|group| self.workspace.filter(group)).collect::<Result<_, _>>()?;
            let named = |group: &GroupSpec| {
                let name = group.name.as_ref().unwrap_or(&group.label);
                (name.clone(), group.label.clone())
            };
            let names = spec.groups.iter().map(named).collect();
            return Ok(vec![Parts { names, masks }]);
        }
        let own: Vec<&Expr> = self.panel.series.iter().filter_map(|series| series.by.as_ref()).collect();
        let variables: Vec<&Expr> = if own.is_empty() { self.panel.by.iter().collect() } else { own };
        let mut found: Vec<Parts> = Vec::new();
        for variable in variables {
            let mut parts = self.levels(variable)?;
            if let Some(first) = found.first() {
                parts = in_order_of(parts, &first.names, self.workspace.table.n_rows());
            } else {
                occurring(&mut parts, sample);
            }
            found.push(parts);
        }
        Ok(found)
    }

    /// One part for every level of an expression.
    fn levels(&self, expr: &Expr) -> Result<Parts, ModelError> {
        let coded = self.workspace.coded(expr)?;
        let factor = &coded.factor;
        let mut masks = vec![vec![false; factor.codes.len()]; factor.n_levels()];
        for (row, &code) in factor.codes.iter().enumerate().filter(|(_, code)| **code != MISSING) {
            masks[code as usize][row] = true;
        }
        let label = |level: &String| match &expr.kind {
            ExprKind::Name(name) if !self.panel.spec.plain_labels => {
                let label = (self.labels)(name, level);
                // the codebook's labels are words in a sentence; levels stay as they are
                if label == *level { label } else { capitalised(&label) }
            }
            _ => level.clone(),
        };
        let names = factor.levels.iter().map(|level| (level.clone(), label(level))).collect();
        Ok(Parts { names, masks: masks.into_iter().map(Arc::new).collect() })
    }

    fn cell(&self, sample: &Sample, series: &Parts, positions: &Parts, s: usize, p: usize) -> Result<Cell, ModelError> {
        let spec = &self.panel.spec;
        let none = SeriesPlan::default();
        let own = self.panel.series.get(s).unwrap_or(&none);
        let statistic = spec.series.get(s).and_then(|series| series.statistic).unwrap_or(spec.statistic);
        let (is_series, is_position) = (&series.masks[s], &positions.masks[p]);
        let part = sample.keep(|row| is_series[row] && is_position[row]);
        let mut has_small_part = false;
        let variable = || own.variable.as_ref().or(self.panel.variable.as_ref());
        let numbers = || match variable() {
            Some(variable) => Sample::numbers(self.workspace, variable),
            None => Ok(Arc::new(Vec::new())),
        };
        let values = match statistic {
            _ if spec.adjusted => self.adjusted(own, &positions.names[p].0),
            StatisticName::Distribution => {
                let is_any = |row: usize| positions.masks.iter().any(|mask| mask[row]);
                // groups may leave rows out; levels and bins leave out only what is missing
                let base = sample.keep(|row| is_series[row] && (!spec.groups.is_empty() || is_any(row)));
                vec![self.value("share", share(&base, |row| Some(is_position[row])), Scale::Logit)]
            }
            StatisticName::Composition => {
                let is_any = |row: usize| series.masks.iter().any(|mask| mask[row]);
                let base = sample.keep(|row| is_position[row] && is_any(row));
                vec![self.value("share", share(&base, |row| Some(is_series[row])), Scale::Logit)]
            }
            StatisticName::Share => {
                let values = numbers()?;
                let is = |row: usize| (!values[row].is_nan()).then(|| values[row] != 0.0);
                vec![self.value("share", share(&part, is), Scale::Logit)]
            }
            StatisticName::Ratio => {
                let values = numbers()?;
                let per = self.panel.per.as_ref().map(|per| Sample::numbers(self.workspace, per)).transpose()?;
                let per = per.unwrap_or_default();
                vec![self.value("ratio", ratio(&part, &values, &per), Scale::Plain)]
            }
            _ => {
                let values = numbers()?;
                let strata = match &own.hold {
                    Some(hold) => Some(self.strata(hold, sample, is_series, positions, p, &mut has_small_part)?),
                    None => None,
                };
                self.located(statistic, &part, strata.as_deref(), &values)
            }
        };
        let is_kept =
            self.options.min_users > 1 && (statistic == StatisticName::Distribution || !spec.groups.is_empty());
        let kept = part.entries().filter(|_| is_kept).map(|(row, user)| (row as u32, user));
        let (rows, row_users) = kept.unzip();
        let number = values.first().and_then(|value| value.number.as_ref());
        let n_total = number.map_or(part.n_rows(), |number| number.n_rows);
        Ok(Cell {
            series: s,
            position: p,
            n_rows: part.n_rows(),
            n_total,
            users: part.distinct_users(),
            rows,
            row_users,
            values,
            has_small_part,
            suppressed: false,
        })
    }

    /// Means and quantiles of a part, or of its strata with given weights.
    fn located(
        &self,
        statistic: StatisticName,
        part: &Sample,
        strata: Option<&[(f64, Sample)]>,
        values: &[f64],
    ) -> Vec<Value> {
        let averaged = |of: fn(&Sample, &[f64]) -> Number| match strata {
            None => of(part, values),
            Some(strata) => {
                let numbers: Vec<(f64, Number)> = strata.iter().map(|(w, sample)| (*w, of(sample, values))).collect();
                standardised(&numbers.iter().map(|(weight, number)| (*weight, number)).collect::<Vec<_>>())
            }
        };
        let conf_level = self.options.conf_level;
        let percentile = |name: &str, p: f64| {
            let found = match strata {
                None => quantile(part, values, p, conf_level),
                Some(strata) => {
                    let parts: Vec<(f64, &Sample)> = strata.iter().map(|(weight, sample)| (*weight, sample)).collect();
                    quantile_of_mixture(&parts, values, p, conf_level)
                }
            };
            Value {
                statistic: name.to_owned(),
                estimate: found.number.value,
                std_error: found.number.std_error(),
                conf_low: found.conf_low,
                conf_high: found.conf_high,
                number: Some(found.number),
            }
        };
        match statistic {
            StatisticName::GeometricMean if strata.is_none() => {
                vec![self.value("geometric_mean", geometric_mean(part, values), Scale::Log)]
            }
            StatisticName::GeometricMean => {
                vec![self.value("geometric_mean", averaged(mean_log).exp(), Scale::Log)]
            }
            StatisticName::Median => vec![percentile("median", 0.5)],
            StatisticName::Box => {
                let mut all = vec![self.value("geometric_mean", geometric_mean(part, values), Scale::Log)];
                all.extend(PERCENTILES.map(|(name, p)| percentile(name, p)));
                all
            }
            _ => vec![self.value("mean", averaged(mean), Scale::Plain)],
        }
    }

    /// The levels of `hold` at a position with their shares at the first one.
    fn strata(
        &self,
        hold: &Expr,
        sample: &Sample,
        is_series: &[bool],
        positions: &Parts,
        p: usize,
        has_small_part: &mut bool,
    ) -> Result<Vec<(f64, Sample)>, ModelError> {
        let levels = self.levels(hold)?;
        let at = |mask: &[bool]| sample.keep(|row| is_series[row] && mask[row]);
        let (first, here) = (at(&positions.masks[0]), at(&positions.masks[p]));
        let small = |sample: &Sample| sample.n_rows() > 0 && sample.n_users() < self.options.min_users;
        let mut strata = Vec::new();
        for level in &levels.masks {
            let before = first.keep(|row| level[row]);
            if before.n_rows() > 0 {
                let now = here.keep(|row| level[row]);
                *has_small_part |= small(&before) || small(&now);
                strata.push((before.n_rows() as f64 / first.n_rows() as f64, now));
            }
        }
        Ok(strata)
    }

    /// The adjusted rate of a level from the fit of a series' variable.
    fn adjusted(&self, series: &SeriesPlan, level: &str) -> Vec<Value> {
        let outcome = series.variable.as_ref().or(self.panel.variable.as_ref()).map(ToString::to_string);
        let fit = self.fits.iter().find(|fit| Some(&fit.outcome) == outcome.as_ref() && fit.rates.is_some());
        let row = fit.and_then(|fit| fit.rates.as_ref()?.levels.iter().find(|row| row.level == level));
        let none = f64::NAN;
        let (estimate, std_error, conf_low, conf_high) =
            row.map_or((none, none, none, none), |row| (row.estimate, row.std_error, row.conf_low, row.conf_high));
        vec![Value { statistic: String::from("adjusted_rate"), estimate, std_error, conf_low, conf_high, number: None }]
    }

    fn value(&self, statistic: &str, number: Number, scale: Scale) -> Value {
        let (conf_low, conf_high) = number.interval(scale, self.options.conf_level);
        Value {
            statistic: statistic.to_owned(),
            estimate: number.value,
            std_error: number.std_error(),
            conf_low,
            conf_high,
            number: Some(number),
        }
    }
}

/// Percentiles of a box.
const PERCENTILES: [(&str, f64); 5] = [("p5", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95)];

/// Turns values into relative changes from the first position of their series; intervals on the log scale of the ratio.
fn relative_to_first(cells: &mut [Cell], conf_level: f64) {
    let mut first: Option<(usize, Option<Number>)> = None;
    for cell in cells {
        let Some(value) = cell.values.first_mut() else { continue };
        if first.as_ref().is_none_or(|(series, _)| *series != cell.series) {
            first = Some((cell.series, value.number.clone()));
        }
        let base = first.as_ref().and_then(|(_, number)| number.as_ref());
        let (Some(number), Some(base)) = (&value.number, base) else { continue };
        let change = number.relative_to(base);
        let (low, high) = change.map(change.value + 1.0, 1.0).interval(Scale::Log, conf_level);
        (value.estimate, value.std_error) = (change.value, change.std_error());
        (value.conf_low, value.conf_high) = (low - 1.0, high - 1.0);
        value.statistic = format!("change_of_{}", value.statistic);
        value.number = Some(change);
    }
}

/// Bins of numbers; a number within rounding below an edge counts as on it (100 * (1 - 0.8) is less than 20).
fn bins(edges: &[f64], values: &[f64]) -> Parts {
    let n = edges.len() - 1;
    let slack = 1e-9 * (edges[n] - edges[0]);
    let bin = |value: f64| {
        let above = edges.iter().filter(|edge| value >= **edge - slack).count();
        match above {
            0 => None,
            above if above <= n => Some(above - 1),
            _ => (value <= edges[n] + slack).then_some(n - 1),
        }
    };
    let mut masks = vec![vec![false; values.len()]; n];
    for (row, value) in values.iter().enumerate() {
        if let Some(bin) = bin(*value) {
            masks[bin][row] = true;
        }
    }
    let names = edges.windows(2).map(|pair| format!("{}-{}", pair[0], pair[1])).map(|name| (name.clone(), name));
    Parts { names: names.collect(), masks: masks.into_iter().map(Arc::new).collect() }
}

/// Leaves out positions without any row of the sample.
fn occurring(parts: &mut Parts, sample: &Sample) {
    let counts = counts(parts, sample);
    let mut kept = counts.iter().map(|count| *count > 0);
    parts.names.retain(|_| kept.next().unwrap_or(true));
    let mut kept = counts.iter().map(|count| *count > 0);
    parts.masks.retain(|_| kept.next().unwrap_or(true));
}

fn counts(parts: &Parts, sample: &Sample) -> Vec<usize> {
    parts.masks.iter().map(|mask| sample.entries().filter(|(row, _)| mask[*row]).count()).collect()
}

/// The parts with these names, in their order; a name without rows is an empty part.
fn in_order_of(mut parts: Parts, names: &[(String, String)], n_rows: usize) -> Parts {
    let masks = names.iter().map(|(level, _)| {
        let found = parts.names.iter().position(|(known, _)| known == level);
        found.map_or_else(|| Arc::new(vec![false; n_rows]), |at| std::mem::take(&mut parts.masks[at]))
    });
    Parts { masks: masks.collect(), names: names.to_vec() }
}

/// Keeps the positions with the most sessions, the largest first.
fn keep_largest(positions: &mut [Parts], sample: &Sample, top: usize) {
    let Some(first) = positions.first() else { return };
    let counts = counts(first, sample);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(counts[at]));
    order.truncate(top);
    for parts in positions {
        parts.names = order.iter().map(|&at| parts.names[at].clone()).collect();
        parts.masks = order.iter().map(|&at| Arc::clone(&parts.masks[at])).collect();
    }
}

/// The text with a capital first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
