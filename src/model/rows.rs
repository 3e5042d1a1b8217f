//! Which rows enter, and why the others do not; then everything gathered in cluster order.

use super::terms::{build, find_level, variables};
use super::variables::is_numeric;
use super::{MissingCluster, MissingControl, ModelError, Origin, Request, Workspace};
use crate::design::codes::combine;
use crate::design::{Cluster, Effect, Outcome, RatesFactor, Sample};
use crate::expr::{Expr, ExprKind, parse};
use crate::formula::{FormulaTerm, effect_name};
use crate::result::{DroppedTerm, Flow, FlowStep};
use crate::table::MISSING;

/// Values up to which a numeric variable has adjusted rates.
const RATE_LEVELS: usize = 50;

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
    pub rows: Vec<u32>,
}

/// Rows still in, and the reasons of those that are not.
struct Selection {
    /// 0 = in, else reason + 1.
    state: Vec<u16>,
    reasons: Vec<String>,
}

impl Selection {
    fn reason(&mut self, text: String) -> u16 {
        let at = self.reasons.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.reasons.push(text);
            self.reasons.len() - 1
        });
        at as u16 + 1
    }

    /// Drops the rows still in that `keep` refuses.
    fn drop_where(&mut self, reason: &str, out: impl Fn(usize) -> bool) {
        let code = self.reason(reason.to_owned());
        for (row, state) in self.state.iter_mut().enumerate() {
            if *state == 0 && out(row) {
                *state = code;
            }
        }
    }

    /// Drops rows where a variable is missing, by its named reasons.
    fn drop_missing(&mut self, workspace: &Workspace, expr: &Expr) -> Result<(), ModelError> {
        if !workspace.has_missing(expr)? {
            return Ok(());
        }
        workspace.with_column(expr, |column| {
            let plain = self.reason(format!("missing {}", column.name));
            let named: Vec<u16> = match &column.reasons {
                Some(reasons) => reasons.names.iter().map(|name| self.reason(name.clone())).collect(),
                None => Vec::new(),
            };
            for row in 0..self.state.len() {
                if self.state[row] == 0 && column.is_missing(row) {
                    let code = column.reasons.as_ref().map_or(0, |reasons| reasons.codes[row]);
                    self.state[row] = if code == 0 { plain } else { named[code as usize - 1] };
                }
            }
        })
    }

    fn flow(&self) -> Flow {
        let mut counts = vec![0usize; self.reasons.len() + 1];
        self.state.iter().for_each(|&state| counts[state as usize] += 1);
        let dropped = self.reasons.iter().zip(&counts[1..]).filter(|(_, rows)| **rows > 0);
        Flow {
            rows_read: self.state.len(),
            dropped: dropped.map(|(reason, &rows)| FlowStep { reason: reason.clone(), rows }).collect(),
            rows_used: counts[0],
            ..Flow::default()
        }
    }
}

/// Selects rows and gathers the sample of each group of outcomes that are missing in the same rows.
///
/// # Errors
/// [`ModelError`]; every one names its variable.
pub fn prepare(workspace: &Workspace, request: &Request) -> Result<Vec<Prepared>, ModelError> {
    let n = workspace.table.n_rows();
    let mut selection = Selection { state: vec![0; n], reasons: Vec::new() };
    if let Some((name, expr)) = &request.sample {
        let keep = workspace.filter(expr).map_err(|error| error.of(Origin::Sample))?;
        selection.drop_where(&format!("not in sample {name}"), |row| !keep[row]);
    }
    if let Some(filter) = &request.filter {
        let keep = workspace.filter(filter).map_err(|error| error.of(Origin::Filter))?;
        selection.drop_where(&format!("filter {filter}"), |row| !keep[row]);
    }
    let mut prepared = Vec::new();
    for outcomes in group_by_missing(workspace, &request.formula.outcomes)? {
        let mut selection = Selection { state: selection.state.clone(), reasons: selection.reasons.clone() };
        selection.drop_missing(workspace, outcomes[0])?;
        prepared.push(prepare_group(workspace, request, &outcomes, selection)?);
    }
    Ok(prepared)
}

/// Outcomes that are missing in exactly the same rows.
fn group_by_missing<'e>(workspace: &Workspace, outcomes: &'e [Expr]) -> Result<Vec<Vec<&'e Expr>>, ModelError> {
    let mut groups: Vec<(Vec<bool>, Vec<&Expr>)> = Vec::new();
    for outcome in outcomes {
        let Some(numbers) = workspace.numbers(outcome)? else {
            return Err(not_numeric(workspace, "the outcome", outcome)?);
        };
        let missing: Vec<bool> =
            if numbers.has_missing { numbers.values.iter().map(|value| value.is_nan()).collect() } else { Vec::new() };
        match groups.iter_mut().find(|(known, _)| *known == missing) {
            Some((_, group)) => group.push(outcome),
            None => groups.push((missing, vec![outcome])),
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
    if let Some(expr) = &rates_expr {
        selection.drop_missing(workspace, expr).map_err(|error| error.of(Origin::Other))?;
    }
    if let Some(weights) = &request.weights {
        drop_weights(workspace, weights, &mut selection).map_err(|error| error.of(Origin::Weights))?;
    }
    if request.missing_control == MissingControl::Drop {
        for expr in formula.effects.iter().flatten() {
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
    let has_constant = formula.intercept || !formula.effects.is_empty();
    let built = build(workspace, &formula.terms, &rows, sample_name, has_constant)?;
    let rates = match &rates_expr {
        Some(expr) => Some(rates_factor(workspace, request, expr, &rows)?),
        None => None,
    };
    let sample = Sample {
        n_rows: rows.len(),
        terms: built.terms,
        intercept: formula.intercept,
        effects: effects(workspace, request, &rows)?,
        weights: match &request.weights {
            None => None,
            Some(expr) => Some(gather_numbers(workspace, expr, &rows)?),
        },
        clusters: clusters(workspace, request, &rows)?,
        outcomes: outcomes
            .iter()
            .map(|expr| Ok(Outcome { name: plain_name(expr), values: gather_numbers(workspace, expr, &rows)?.into() }))
            .collect::<Result<_, ModelError>>()?,
        rates,
    };
    Ok(Prepared { sample, flow, absent: built.absent, rows })
}

fn plain_name(expr: &Expr) -> String {
    if let ExprKind::Name(name) = &expr.kind { name.clone() } else { expr.to_string() }
}

/// A column name as an expression.
fn name_expr(name: &str) -> Expr {
    parse(name).unwrap_or_else(|_| Expr { kind: ExprKind::Name(name.to_owned()), span: 0..name.len() })
}

fn gather_numbers(workspace: &Workspace, expr: &Expr, rows: &[u32]) -> Result<Vec<f64>, ModelError> {
    let numbers = workspace.numbers(expr)?;
    Ok(numbers.map(|numbers| rows.iter().map(|&row| numbers.values[row as usize]).collect()).unwrap_or_default())
}

fn place(workspace: &Workspace, row: usize) -> String {
    let (file, row) = workspace.table.locate(row);
    format!("{file}, row {row}")
}

/// The error for text where numbers are needed, with the first text that is no number.
fn not_numeric(workspace: &Workspace, role: &'static str, expr: &Expr) -> Result<ModelError, ModelError> {
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
    let negative = (0..selection.state.len()).find(|&row| selection.state[row] == 0 && numbers.values[row] < 0.0);
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
    let variable = workspace.coded(expr)?;
    if !variable.has_missing {
        return Ok(());
    }
    let codes = &variable.factor.codes;
    if policy == MissingCluster::Refuse {
        let missing: Vec<usize> =
            (0..codes.len()).filter(|&row| selection.state[row] == 0 && codes[row] == MISSING).collect();
        if let Some(&first) = missing.first() {
            let (name, rows) = (expr.to_string(), missing.len());
            return Err(ModelError::MissingCluster { name, rows, place: place(workspace, first) });
        }
    }
    selection.drop_missing(workspace, expr)
}

/// The rows still in, sorted by the first cluster variable (its first part, if it is an interaction).
fn rows_in_order(workspace: &Workspace, request: &Request, selection: &Selection) -> Result<Vec<u32>, ModelError> {
    let kept = |row: &u32| selection.state[*row as usize] == 0;
    match request.clusters.first().map(Vec::as_slice) {
        None => Ok((0..selection.state.len() as u32).filter(kept).collect()),
        Some([single]) => Ok(workspace.order(single)?.iter().copied().filter(kept).collect()),
        Some(parts) => {
            let rows: Vec<u32> = (0..selection.state.len() as u32).filter(kept).collect();
            let (codes, n) = interaction(workspace, parts, &rows)?;
            let (order, _) = crate::design::codes::sort_by_code(&codes, n);
            Ok(order.iter().map(|&i| rows[i as usize]).collect())
        }
    }
}

/// Codes of an interaction on `rows`, dense; a missing part is a level of its own.
fn interaction(workspace: &Workspace, parts: &[Expr], rows: &[u32]) -> Result<(Vec<u32>, usize), ModelError> {
    let mut gathered: Vec<(Vec<u32>, usize)> = Vec::with_capacity(parts.len());
    for part in parts {
        let variable = workspace.coded(part)?;
        let n_levels = variable.factor.n_levels();
        let codes = &variable.factor.codes;
        let gather: Vec<u32> = rows.iter().map(|&row| codes[row as usize].min(n_levels as u32)).collect();
        gathered.push((gather, n_levels + usize::from(variable.has_missing)));
    }
    if let [_] = parts {
        let (codes, n_levels) = gathered.swap_remove(0);
        return Ok((codes, n_levels));
    }
    let inputs: Vec<(&[u32], usize)> = gathered.iter().map(|(codes, n)| (codes.as_slice(), *n)).collect();
    Ok(combine(&inputs, rows.len()))
}

fn effects(workspace: &Workspace, request: &Request, rows: &[u32]) -> Result<Vec<Effect>, ModelError> {
    let build = |parts: &Vec<Expr>| {
        let (codes, n_levels) = interaction(workspace, parts, rows)?;
        Ok(Effect::new(effect_name(parts), codes, n_levels))
    };
    request.formula.effects.iter().map(build).collect()
}

/// Cluster codes, numbered densely; the first variable ascends with the rows.
fn clusters(workspace: &Workspace, request: &Request, rows: &[u32]) -> Result<Vec<Cluster>, ModelError> {
    let build = |(position, parts): (usize, &Vec<Expr>)| {
        let (codes, n_levels) = interaction(workspace, parts, rows)?;
        let (codes, n_clusters) = if position == 0 {
            let mut run = 0u32;
            let mut dense = Vec::with_capacity(codes.len());
            for i in 0..codes.len() {
                run += u32::from(i > 0 && codes[i] != codes[i - 1]);
                dense.push(run);
            }
            (dense, if codes.is_empty() { 0 } else { run as usize + 1 })
        } else {
            combine(&[(&codes, n_levels)], rows.len())
        };
        Ok(Cluster { name: effect_name(parts), codes: codes.into(), n_clusters })
    };
    request.clusters.iter().enumerate().map(build).collect()
}

/// Leaves out cells of all effects with fewer distinct users than asked for.
fn suppress(
    workspace: &Workspace,
    request: &Request,
    rows: &mut Vec<u32>,
    selection: &mut Selection,
) -> Result<(), ModelError> {
    let parts: Vec<Expr> = request.formula.effects.iter().flatten().cloned().collect();
    let (cell, n_cells) = interaction(workspace, &parts, rows)?;
    let users: Vec<u32> = match request.clusters.first() {
        Some(cluster) => interaction(workspace, cluster, rows)?.0,
        None => (0..rows.len() as u32).collect(),
    };
    // rows ascend by user: a cell meets a user anew when its last one changes
    let mut last = vec![u32::MAX; n_cells];
    let mut count = vec![0usize; n_cells];
    for (&cell, &user) in cell.iter().zip(&users) {
        if last[cell as usize] != user {
            last[cell as usize] = user;
            count[cell as usize] += 1;
        }
    }
    let code = selection.reason(format!("cell below {} users", request.min_users));
    let mut kept = Vec::with_capacity(rows.len());
    for (&row, &cell) in rows.iter().zip(&cell) {
        if count[cell as usize] < request.min_users {
            selection.state[row as usize] = code;
        } else {
            kept.push(row);
        }
    }
    *rows = kept;
    Ok(())
}

/// The factor of the adjusted rates with the levels that have rows.
fn rates_factor(
    workspace: &Workspace,
    request: &Request,
    expr: &Expr,
    rows: &[u32],
) -> Result<RatesFactor, ModelError> {
    let name = plain_name(expr);
    for effect in &request.formula.effects {
        if effect.iter().any(|part| part == expr) {
            return Err(ModelError::RatesAbsorbed { factor: name, effect: effect_name(effect) });
        }
    }
    for term in &request.formula.terms {
        let crossed = match term {
            FormulaTerm::Product(parts) => parts.len() > 1,
            FormulaTerm::Levels(levels) => match &levels.with {
                Some(crate::formula::With::Factor(..)) => true,
                Some(crate::formula::With::Number(other)) => *other == *expr || workspace.numbers(other)?.is_none(),
                None => false,
            },
            FormulaTerm::Plain(plain) => plain != expr && plain.names().contains(&name),
        };
        if crossed && variables(term).iter().any(|variable| variable.names().contains(&name)) {
            return Err(ModelError::RatesInteracted { factor: name, term: term.to_string() });
        }
    }
    let variable = workspace.coded(expr)?;
    let factor = &variable.factor;
    let numeric = workspace.with_column(expr, is_numeric)?;
    let mut present = vec![false; factor.n_levels()];
    rows.iter().for_each(|&row| present[factor.codes[row as usize] as usize] = true);
    let kept: Vec<usize> = (0..factor.n_levels()).filter(|&code| present[code]).collect();
    if kept.len() > RATE_LEVELS {
        return Err(ModelError::TooManyRateLevels { factor: name, found: kept.len(), limit: RATE_LEVELS });
    }
    let mut position = vec![0u32; factor.n_levels()];
    kept.iter().enumerate().for_each(|(new, &old)| position[old] = new as u32);
    let levels: Vec<String> = kept.iter().map(|&code| factor.levels[code].clone()).collect();
    // contrasts refer to the formula's reference level
    let mut reference = 0;
    for term in &request.formula.terms {
        if let FormulaTerm::Levels(term) = term
            && term.factor == *expr
            && let Some(level) = term.reference.first()
            && let Some(code) = find_level(factor, level)
            && present[code]
        {
            reference = position[code] as usize;
        }
    }
    Ok(RatesFactor {
        name,
        labels: levels.clone(),
        numbers: levels
            .iter()
            .map(|level| if numeric { level.parse().unwrap_or(f64::NAN) } else { f64::NAN })
            .collect(),
        levels,
        term_codes: kept.iter().map(|&code| code as u32).collect(),
        codes: rows.iter().map(|&row| position[factor.codes[row as usize] as usize]).collect(),
        reference,
    })
}
