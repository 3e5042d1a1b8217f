//! Samples of many designs on the same rows: selected and gathered once, given their effects one design at a time.

use super::absorbed::levels;
use super::rows::{Prepared, prepare};
use super::{MissingControl, ModelError, Request, Rows, Workspace};
use crate::design::codes::combine;
use crate::design::{Effect, Sample};
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

    /// Selects and gathers.
    ///
    /// # Errors
    /// As [`prepare`].
    pub fn new(workspace: &Workspace, request: &Request) -> Result<Self, ModelError> {
        let mut without = request.clone();
        without.formula.effects.clear();
        let groups = prepare(workspace, &without)?;
        Ok(Frame { groups: groups.into_iter().map(|prepared| Group { prepared, single: Mutex::default() }).collect() })
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
