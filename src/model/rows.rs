//! Which rows enter, and why the others do not; then everything gathered in cluster order.

use super::absorbed::{clusters, effects, levels};
use super::rates::rates_factor;
use super::selection::Selection;
use super::target::target;
use super::terms::{build, variables};
use super::variables::NumberVariable;
use super::{MissingCluster, MissingControl, ModelError, Origin, Request, Rows, Workspace};
use crate::design::codes::{is_ascending, sort_by_code};
use crate::design::{Outcome, Sample};
use crate::expr::{Expr, ExprKind, parse};
use crate::result::{DroppedTerm, Flow};
use crate::table::MISSING;
use std::sync::Arc;

/// A sample with what happened on the way to it.
#[derive(Debug)]
pub struct Prepared {
    /// Rows ready for estimation; outcomes share them.
    pub sample: Sample,
    /// Rows read and dropped so far.
    pub flow: Flow,
    /// Columns without rows.
    pub absent: Vec<DroppedTerm>,
    /// Row of the table behind each row of the sample.
    pub rows: Rows,
    /// Rows of the table that belong to the target of adjusted rates, but not to the sample.
    pub target_outside: usize,
}

impl Prepared {
    /// The table's number of each cluster of the first variable: a sample numbers those it has anew. Empty without clusters.
    ///
    /// # Errors
    /// If the cluster variable cannot be evaluated.
    pub fn cluster_ids(&self, workspace: &Workspace, request: &Request) -> Result<Vec<u32>, ModelError> {
        let (Some(parts), Some(cluster)) = (request.clusters.first(), self.sample.clusters.first()) else {
            return Ok(Vec::new());
        };
        let levels = workspace.levels(parts)?;
        let mut ids = vec![0; cluster.n_clusters];
        for (at, &code) in cluster.codes.iter().enumerate() {
            if let Some(row) = self.rows.get(at) {
                ids[code as usize] = levels.codes[row];
            }
        }
        Ok(ids)
    }

    /// Gives the levels of the rates' factor their display labels, by factor and level.
    pub fn label(&mut self, labels: &dyn Fn(&str, &str) -> String) {
        if let Some(rates) = &mut self.sample.rates {
            rates.labels = rates.levels.iter().map(|level| labels(&rates.name, level)).collect();
        }
    }
}

/// Selects rows and gathers the sample of each group of outcomes that are missing in the same rows.
///
/// # Errors
/// [`ModelError`]; every one names its variable.
pub fn prepare(workspace: &Workspace, request: &Request) -> Result<Vec<Prepared>, ModelError> {
    let mut selection = Selection::new(workspace.table.n_rows());
    if let Some((name, expr)) = &request.sample {
        let keep = workspace.filter(expr).map_err(|error| error.of(Origin::Sample))?;
        selection.drop_where(&format!("not in sample {name}"), |row| !keep[row]);
    }
    if let Some(filter) = &request.filter {
        let keep = workspace.filter(filter).map_err(|error| error.of(Origin::Filter))?;
        selection.drop_where(&format!("filter {filter}"), |row| !keep[row]);
    }
    let groups = group_by_missing(workspace, &request.formula.outcomes)?;
    // the last group needs no copy of what the filters left
    let copies = std::iter::repeat_n(selection, groups.len());
    let mut prepared = Vec::with_capacity(groups.len());
    for (outcomes, mut selection) in groups.into_iter().zip(copies) {
        selection.drop_missing(workspace, outcomes[0])?;
        prepared.push(prepare_group(workspace, request, &outcomes, selection)?);
    }
    Ok(prepared)
}

/// Outcomes that are missing in exactly the same rows.
fn group_by_missing<'e>(workspace: &Workspace, outcomes: &'e [Expr]) -> Result<Vec<Vec<&'e Expr>>, ModelError> {
    let mut groups: Vec<(Arc<NumberVariable>, Vec<&Expr>)> = Vec::new();
    for outcome in outcomes {
        let Some(numbers) = workspace.numbers(outcome)? else {
            return Err(not_numeric(workspace, "the outcome", outcome)?);
        };
        match groups.iter_mut().find(|(known, _)| known.is_missing_like(&numbers)) {
            Some((_, group)) => group.push(outcome),
            None => groups.push((numbers, vec![outcome])),
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

fn prepare_group(
    workspace: &Workspace,
    request: &Request,
    outcomes: &[&Expr],
    mut selection: Selection,
) -> Result<Prepared, ModelError> {
    let formula = &request.formula;
    let rates_expr = request.rates.as_ref().map(|name| name_expr(name));
    for expr in formula.terms.iter().flat_map(variables) {
        selection.drop_missing(workspace, expr)?;
    }
    for slope in formula.effects.iter().flat_map(|effect| &effect.slopes) {
        selection.drop_missing(workspace, slope)?;
    }
    if let Some(expr) = &rates_expr {
        selection.drop_missing(workspace, expr).map_err(|error| error.of(Origin::Other))?;
    }
    if let Some(weights) = &request.weights {
        drop_weights(workspace, weights, &mut selection).map_err(|error| error.of(Origin::Weights))?;
    }
    if request.missing_control == MissingControl::Drop {
        for expr in formula.effects.iter().flat_map(|effect| &effect.parts) {
            selection.drop_missing(workspace, expr)?;
        }
    }
    for expr in request.clusters.iter().flatten() {
        drop_clusters(workspace, expr, request.missing_cluster, &mut selection)
            .map_err(|error| error.of(Origin::Other))?;
    }
    let sample_name = request.sample.as_ref().map_or("all", |(name, _)| name.as_str());
    let mut rows = rows_in_order(workspace, request, &selection)?;
    if request.min_users > 1 && !formula.effects.is_empty() {
        suppress(workspace, request, &mut rows, &mut selection)?;
    }
    let flow = selection.flow();
    if rows.is_empty() {
        return Err(ModelError::NoRows { outcome: outcomes[0].to_string(), sample: sample_name.to_owned(), flow });
    }
    let has_constant = formula.intercept || formula.effects.iter().any(|effect| effect.constant);
    let built = build(workspace, &formula.terms, &rows, sample_name, has_constant)?;
    let rates = match &rates_expr {
        Some(expr) => Some(rates_factor(workspace, request, expr, &rows)?),
        None => None,
    };
    let clusters = clusters(workspace, request, &rows)?;
    let (target, target_outside) = target(workspace, request, &rows, sample_name)?;
    let sample = Sample {
        n_rows: rows.len(),
        terms: built.terms,
        intercept: formula.intercept,
        effects: effects(workspace, request, &rows, &clusters)?,
        weights: match &request.weights {
            None => None,
            Some(expr) => gather_numbers(workspace, expr, &rows)?.map(Arc::unwrap_or_clone),
        },
        clusters,
        outcomes: outcomes
            .iter()
            .map(|expr| {
                let values = gather_numbers(workspace, expr, &rows)?.unwrap_or_default();
                Ok(Outcome { name: plain_name(expr), values })
            })
            .collect::<Result<_, ModelError>>()?,
        rates,
        target,
    };
    Ok(Prepared { sample, flow, absent: built.absent, rows: rows.gathered(), target_outside })
}

/// Name of a variable: backticks are for parsing only.
pub fn plain_name(expr: &Expr) -> String {
    if let ExprKind::Name(name) = &expr.kind { name.clone() } else { expr.to_string() }
}

/// A column name as an expression.
fn name_expr(name: &str) -> Expr {
    parse(name).unwrap_or_else(|_| Expr { kind: ExprKind::Name(name.to_owned()), span: 0..name.len() })
}

/// A variable's numbers on the rows of a sample, `None` for text.
pub fn gather_numbers(workspace: &Workspace, expr: &Expr, rows: &Rows) -> Result<Option<Arc<Vec<f64>>>, ModelError> {
    Ok(workspace.numbers(expr)?.map(|numbers| rows.gather(&numbers.values)))
}

fn place(workspace: &Workspace, row: usize) -> String {
    let (file, row) = workspace.table.locate(row);
    format!("{file}, row {row}")
}

/// The error for text where numbers are needed, with the first text that is no number.
pub fn not_numeric(workspace: &Workspace, role: &'static str, expr: &Expr) -> Result<ModelError, ModelError> {
    let (example, row, mixed) = workspace.with_column(expr, |column| {
        let factor = column.to_factor();
        let text: Vec<bool> = factor.levels.iter().map(|level| level.parse::<f64>().is_err()).collect();
        let row = factor.codes.iter().position(|&code| code != MISSING && text[code as usize]);
        let example = row.map(|row| factor.levels[factor.codes[row] as usize].clone());
        (example.unwrap_or_default(), row, text.contains(&false))
    })?;
    let place = row.map(|row| place(workspace, row));
    Ok(ModelError::NotNumeric { role, name: plain_name(expr), example, place, mixed })
}

/// Drops missing and zero weights, refuses negative ones.
fn drop_weights(workspace: &Workspace, weights: &Expr, selection: &mut Selection) -> Result<(), ModelError> {
    selection.drop_missing(workspace, weights)?;
    let Some(numbers) = workspace.numbers(weights)? else {
        return Err(not_numeric(workspace, "the weights", weights)?);
    };
    let negative = (0..numbers.values.len()).find(|&row| numbers.values[row] < 0.0 && selection.has(row));
    if let Some(row) = negative {
        let (name, value) = (weights.to_string(), numbers.values[row]);
        return Err(ModelError::NegativeWeight { name, value, place: place(workspace, row) });
    }
    selection.drop_where("zero weight", |row| numbers.values[row] == 0.0);
    Ok(())
}

/// Drops rows without a cluster, or refuses them.
fn drop_clusters(
    workspace: &Workspace,
    expr: &Expr,
    policy: MissingCluster,
    selection: &mut Selection,
) -> Result<(), ModelError> {
    let variable = workspace.codes(expr)?;
    if !variable.has_missing {
        return Ok(());
    }
    let codes = &variable.codes;
    if policy == MissingCluster::Refuse {
        let missing: Vec<usize> = (0..codes.len()).filter(|&row| codes[row] == MISSING && selection.has(row)).collect();
        if let Some(&first) = missing.first() {
            let (name, rows) = (expr.to_string(), missing.len());
            return Err(ModelError::MissingCluster { name, rows, place: place(workspace, first) });
        }
    }
    selection.drop_missing(workspace, expr)
}

/// The rows still in, sorted by the first cluster variable; as they are, if they are sorted.
fn rows_in_order(workspace: &Workspace, request: &Request, selection: &Selection) -> Result<Rows, ModelError> {
    let n_rows = workspace.table.n_rows();
    let full = selection.is_full();
    let in_table_order = || if full { Rows::All(n_rows) } else { Rows::from(selection.rows()) };
    let Some(parts) = request.clusters.first() else { return Ok(in_table_order()) };
    if let [single] = parts.as_slice() {
        if workspace.levels(parts)?.is_ascending {
            return Ok(in_table_order());
        }
        let order = workspace.order(single)?;
        return Ok(if full { Rows::from(order) } else { Rows::from(selection.among(&order)) });
    }
    let rows = in_table_order();
    let (codes, n_levels) = levels(workspace, parts, &rows)?;
    if is_ascending(&codes) {
        return Ok(rows);
    }
    let order = Arc::new(sort_by_code(&codes, n_levels).0);
    Ok(match rows {
        Rows::All(_) => Rows::from(order),
        // the rows are a column as well
        Rows::Listed(_) => Rows::from(Rows::from(order).gather(&Arc::new(selection.rows()))),
    })
}

/// Leaves out cells of all effects with fewer distinct users than asked for.
fn suppress(
    workspace: &Workspace,
    request: &Request,
    rows: &mut Rows,
    selection: &mut Selection,
) -> Result<(), ModelError> {
    let parts: Vec<Expr> = request.formula.effects.iter().flat_map(|effect| &effect.parts).cloned().collect();
    let (cell, n_cells) = levels(workspace, &parts, rows)?;
    let users = match request.clusters.first() {
        Some(cluster) => levels(workspace, cluster, rows)?.0,
        None => Arc::new((0..rows.len() as u32).collect()),
    };
    // rows ascend by user: a cell meets a user anew when its last one changes
    let mut last = vec![u32::MAX; n_cells];
    let mut count = vec![0usize; n_cells];
    for (&cell, &user) in cell.iter().zip(users.iter()) {
        if last[cell as usize] != user {
            last[cell as usize] = user;
            count[cell as usize] += 1;
        }
    }
    let code = selection.reason(format!("cell below {} users", request.min_users));
    let mut kept = Vec::with_capacity(rows.len());
    for (at, &cell) in cell.iter().enumerate() {
        let Some(row) = rows.get(at) else { continue };
        if count[cell as usize] < request.min_users {
            selection.drop_row(row, code);
        } else {
            kept.push(row as u32);
        }
    }
    if kept.len() < rows.len() {
        *rows = Rows::from(kept);
    }
    Ok(())
}
