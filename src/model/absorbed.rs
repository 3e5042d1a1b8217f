//! Effects, their slopes and clusters: codes on the rows of a sample.

use super::rows::{gather_numbers, not_numeric, plain_name};
use super::{ModelError, Request, Rows, Workspace};
use crate::design::codes::{combine, number_runs};
use crate::design::{Cluster, Effect, Slope};
use crate::expr::Expr;
use crate::formula::{EffectTerm, effect_name};
use std::sync::Arc;

/// Codes of one column or of several joined; a missing value is a level of its own, the last one.
///
/// Levels without rows may be among those of a single column.
///
/// # Errors
/// If a part cannot be evaluated.
pub fn levels(workspace: &Workspace, parts: &[Expr], rows: &Rows) -> Result<(Arc<Vec<u32>>, usize), ModelError> {
    if let (Rows::All(_), _) | (_, [_]) = (rows, parts) {
        let levels = workspace.levels(parts)?;
        return Ok((rows.gather(&levels.codes), levels.n_levels));
    }
    let mut gathered = Vec::with_capacity(parts.len());
    for part in parts {
        let levels = workspace.levels(std::slice::from_ref(part))?;
        gathered.push((rows.gather(&levels.codes), levels.n_levels));
    }
    let inputs: Vec<(&[u32], usize)> = gathered.iter().map(|(codes, n)| (codes.as_slice(), *n)).collect();
    let (codes, n_levels) = combine(&inputs, rows.len());
    Ok((Arc::new(codes), n_levels))
}

/// Cluster codes, numbered densely; the first variable ascends with the rows.
///
/// # Errors
/// If a variable cannot be evaluated.
pub fn clusters(workspace: &Workspace, request: &Request, rows: &Rows) -> Result<Vec<Cluster>, ModelError> {
    let build = |(position, parts): (usize, &Vec<Expr>)| {
        let name = effect_name(parts);
        if let Rows::All(_) = rows {
            let levels = workspace.levels(parts)?;
            if levels.every_level_has_rows {
                return Ok(Cluster { name, codes: Arc::clone(&levels.codes), n_clusters: levels.n_levels });
            }
        }
        let (codes, n_levels) = levels(workspace, parts, rows)?;
        let (codes, n_clusters) = if position == 0 {
            let (numbered, n_clusters) = number_runs(&codes, n_levels);
            (numbered.map_or(codes, Arc::new), n_clusters)
        } else {
            let (numbered, n_clusters) = combine(&[(&codes, n_levels)], rows.len());
            (Arc::new(numbered), n_clusters)
        };
        Ok(Cluster { name, codes, n_clusters })
    };
    request.clusters.iter().enumerate().map(build).collect()
}

/// Absorbed effects; one that is also a cluster shares its codes.
///
/// # Errors
/// If a variable cannot be evaluated, or a slope is text.
pub fn effects(
    workspace: &Workspace,
    request: &Request,
    rows: &Rows,
    clusters: &[Cluster],
) -> Result<Vec<Effect>, ModelError> {
    let build = |term: &EffectTerm| {
        let same = request.clusters.iter().position(|parts| *parts == term.parts);
        let (codes, n_levels) = match same.and_then(|position| clusters.get(position)) {
            Some(cluster) => (Arc::clone(&cluster.codes), cluster.n_clusters),
            None => levels(workspace, &term.parts, rows)?,
        };
        let mut effect = Effect::new(term.to_string(), codes, n_levels);
        effect.constant = term.constant;
        for slope in &term.slopes {
            let Some(values) = gather_numbers(workspace, slope, rows)? else {
                return Err(not_numeric(workspace, "the slope variable", slope)?);
            };
            effect.slopes.push(Slope { name: plain_name(slope), values });
        }
        Ok(effect)
    };
    request.formula.effects.iter().map(build).collect()
}
