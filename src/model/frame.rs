//! Samples of many designs on the same rows: selected and gathered once, given their effects one design at a time.
//!
//! Rows that agree in every variable of all designs are one fine cell: cells of a design are joined from those. The order
//! of clusters is free, so those of one row stand by fine cell and outcome: what is the same is met in a row.

use super::absorbed::levels;
use super::rows::{Prepared, prepare};
use super::{MissingControl, ModelError, Request, Rows, Workspace};
use crate::design::cells::{FineCells, is_binary};
use crate::design::codes::{code_numbers, combine};
use crate::design::{Cluster, Effect, Outcome, Sample};
use crate::expr::Expr;
use crate::formula::EffectTerm;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Codes of one variable on the rows of a sample, and its number of levels.
type Coded = (Arc<Vec<u32>>, usize);

/// The rows of a request without its effects.
#[derive(Debug)]
pub struct Frame {
    groups: Vec<Group>,
}

/// Rows that some outcomes share.
#[derive(Debug)]
struct Group {
    prepared: Prepared,
    single: Mutex<HashMap<String, Coded>>,
    fine: Option<FineCells>,
}

impl Frame {
    /// Whether the rows of a request do not depend on its effects, so that a frame can hold them.
    pub fn can_hold(request: &Request) -> bool {
        let formula = &request.formula;
        request.min_users <= 1
            && (formula.intercept || formula.effects.is_empty())
            && request.missing_control == MissingControl::Level
            && formula.effects.iter().all(|effect| effect.slopes.is_empty() && effect.constant)
    }

    /// Text that requests with the same frame share, but for their outcomes.
    pub fn key(request: &Request) -> String {
        let mut without = request.clone();
        without.formula.effects.clear();
        without.formula.outcomes.clear();
        let clusters: Vec<String> = request.clusters.iter().map(|parts| crate::formula::effect_name(parts)).collect();
        let text = |expr: &Option<Expr>| expr.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(
            "{}\n{}\n{:?}\n{clusters:?}\n{}\n{:?}\n{:?}\n{}\n{:?}",
            without.formula,
            text(&request.filter),
            request.sample.as_ref().map(|(name, expr)| (name, expr.to_string())),
            text(&request.weights),
            request.missing_cluster,
            request.rates,
            text(&request.target),
            request.shares
        )
    }

    /// Selects and gathers; `effects` are the variables of all designs to come.
    ///
    /// # Errors
    /// As [`prepare`].
    pub fn new(workspace: &Workspace, request: &Request, effects: &[Expr]) -> Result<Self, ModelError> {
        let mut without = request.clone();
        without.formula.effects.clear();
        let groups = prepare(workspace, &without)?;
        let group = |mut prepared: Prepared| {
            let fine = fine_cells(workspace, &prepared, effects)?.map(|fine| arrange(&mut prepared, fine));
            Ok(Group { prepared, single: Mutex::default(), fine })
        };
        Ok(Frame { groups: groups.into_iter().map(group).collect::<Result<_, ModelError>>()? })
    }

    /// The fine cells of a group.
    pub fn fine(&self, group: usize) -> Option<&FineCells> {
        self.groups[group].fine.as_ref()
    }

    /// The prepared rows without effects, by groups of outcomes.
    pub fn groups(&self) -> impl Iterator<Item = &Prepared> {
        self.groups.iter().map(|group| &group.prepared)
    }

    /// The samples of a design on these rows: what [`prepare`] gives for the request. Only `outcomes` (names) are kept;
    /// each sample comes with the position of its group.
    ///
    /// # Errors
    /// If an effect cannot be evaluated.
    pub fn design(
        &self,
        workspace: &Workspace,
        request: &Request,
        outcomes: &[String],
    ) -> Result<Vec<(usize, Prepared)>, ModelError> {
        let holds =
            |group: &Group| group.prepared.sample.outcomes.iter().any(|outcome| outcomes.contains(&outcome.name));
        let groups = self.groups.iter().enumerate().filter(|(_, group)| holds(group));
        groups.map(|(at, group)| Ok((at, group.design(workspace, request, outcomes)?))).collect()
    }
}

impl Group {
    fn design(&self, workspace: &Workspace, request: &Request, outcomes: &[String]) -> Result<Prepared, ModelError> {
        let Prepared { sample, flow, absent, rows, target_outside } = &self.prepared;
        let build = |term: &EffectTerm| {
            let same = request.clusters.iter().position(|parts| *parts == term.parts);
            let (codes, n_levels) = match same.and_then(|position| sample.clusters.get(position)) {
                Some(cluster) => (Arc::clone(&cluster.codes), cluster.n_clusters),
                None => self.levels(workspace, &term.parts, rows)?,
            };
            Ok(Effect::new(term.to_string(), codes, n_levels))
        };
        let effects = request.formula.effects.iter().map(build).collect::<Result<_, ModelError>>()?;
        let own = sample.outcomes.iter().filter(|outcome| outcomes.contains(&outcome.name)).cloned().collect();
        Ok(Prepared {
            sample: Sample { effects, outcomes: own, ..sample.clone() },
            flow: flow.clone(),
            absent: absent.clone(),
            rows: rows.clone(),
            target_outside: *target_outside,
        })
    }

    /// Codes of one variable or of several joined.
    fn levels(&self, workspace: &Workspace, parts: &[Expr], rows: &Rows) -> Result<Coded, ModelError> {
        if matches!(rows, Rows::All(_)) {
            // the workspace keeps them
            return levels(workspace, parts, rows);
        }
        let single = |part: &Expr| -> Result<Coded, ModelError> {
            let key = part.to_string();
            let lock = || self.single.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((codes, n)) = lock().get(&key) {
                return Ok((Arc::clone(codes), *n));
            }
            let found = levels(workspace, std::slice::from_ref(part), rows)?;
            Ok(lock().entry(key).or_insert(found).clone())
        };
        if let [one] = parts {
            return single(one);
        }
        let all = parts.iter().map(single).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<(&[u32], usize)> = all.iter().map(|(codes, n)| (codes.as_slice(), *n)).collect();
        let (codes, n_levels) = combine(&inputs, rows.len());
        Ok((Arc::new(codes), n_levels))
    }
}

/// Cells of all variables, if they are much fewer than rows.
fn fine_cells(workspace: &Workspace, prepared: &Prepared, effects: &[Expr]) -> Result<Option<FineCells>, ModelError> {
    let sample = &prepared.sample;
    if sample.weights.is_some() || sample.clusters.is_empty() {
        return Ok(None);
    }
    let mut inputs: Vec<Coded> = Vec::new();
    for effect in effects {
        inputs.push(levels(workspace, std::slice::from_ref(effect), &prepared.rows)?);
    }
    for values in sample.terms.iter().filter_map(|term| term.values.as_ref()) {
        match code_numbers(values, 256) {
            Some((codes, distinct)) => inputs.push((Arc::new(codes), distinct.len())),
            None => return Ok(None),
        }
    }
    let mut keys: Vec<(&[u32], usize)> = inputs.iter().map(|(codes, n)| (codes.as_slice(), *n)).collect();
    for levels in sample.terms.iter().filter_map(|term| term.levels.as_ref()) {
        keys.push((&levels.codes, levels.column_of_level.len()));
    }
    keys.extend(sample.rates.iter().map(|rates| (rates.codes.as_slice(), rates.levels.len())));
    keys.extend(sample.target.iter().map(|target| (target.codes.as_slice(), target.multipliers.len())));
    let (of_row, n) = combine(&keys, sample.n_rows);
    Ok((n < sample.n_rows / 4).then(|| FineCells::new(of_row, n)))
}

/// Puts clusters of one row first, by fine cell and outcomes, and gives the fine cells in that order.
fn arrange(prepared: &mut Prepared, fine: FineCells) -> FineCells {
    let sample = &prepared.sample;
    let codes = &sample.clusters[0].codes;
    let alone = |i: usize| (i == 0 || codes[i - 1] != codes[i]) && (i + 1 == codes.len() || codes[i + 1] != codes[i]);
    let (mut singles, rest): (Vec<u32>, Vec<u32>) = (0..sample.n_rows as u32).partition(|&row| alone(row as usize));
    let binary: Vec<&Outcome> = sample.outcomes.iter().filter(|outcome| is_binary(&outcome.values)).take(32).collect();
    let key = |row: usize| {
        let outcomes = binary.iter().fold(0u64, |bits, outcome| bits << 1 | u64::from(outcome.values[row] == 1.0));
        u64::from(fine.of_row[row]) << 32 | outcomes
    };
    singles.sort_by_cached_key(|&row| key(row as usize));
    singles.extend(rest);
    let order = singles;
    let table_rows = order.iter().filter_map(|&row| prepared.rows.get(row as usize)).map(|row| row as u32).collect();
    reorder(&mut prepared.sample, &order);
    prepared.rows = Rows::from(Arc::new(table_rows));
    let of_row = order.iter().map(|&row| fine.of_row[row as usize]).collect();
    FineCells::new(of_row, fine.rows.len())
}

/// Puts rows into another order that keeps clusters of the first variable together, and numbers those anew.
fn reorder(sample: &mut Sample, order: &[u32]) {
    let codes = |codes: &[u32]| order.iter().map(|&row| codes[row as usize]).collect::<Vec<u32>>();
    let numbers = |values: &[f64]| order.iter().map(|&row| values[row as usize]).collect::<Vec<f64>>();
    for term in &mut sample.terms {
        if let Some(levels) = &mut term.levels {
            levels.codes = codes(&levels.codes);
        }
        term.values = term.values.as_ref().map(|values| Arc::new(numbers(values)));
    }
    sample.weights = sample.weights.as_deref().map(numbers);
    for outcome in &mut sample.outcomes {
        outcome.values = Arc::new(numbers(&outcome.values));
    }
    for (position, cluster) in sample.clusters.iter_mut().enumerate() {
        let mut moved = codes(&cluster.codes);
        if position == 0 {
            number_in_order(&mut moved);
        }
        *cluster = Cluster { codes: Arc::new(moved), ..cluster.clone() };
    }
    if let Some(rates) = &mut sample.rates {
        rates.codes = codes(&rates.codes);
    }
    if let Some(target) = &mut sample.target {
        target.codes = codes(&target.codes);
    }
}

/// Numbers runs of equal codes 0, 1, ...
fn number_in_order(codes: &mut [u32]) {
    let (mut last, mut number) = (None, 0u32);
    for code in codes {
        if last.is_some_and(|last| last != *code) {
            number += 1;
        }
        last = Some(*code);
        *code = number;
    }
}
