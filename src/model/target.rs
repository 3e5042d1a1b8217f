//! Rows that adjusted rates are averaged over: some of the sample, or the sample reweighted to given shares.

use super::rows::gather_numbers;
use super::{ModelError, Origin, Request, Rows, Workspace};
use crate::design::Target;
use crate::expr::Expr;
use crate::table::MISSING;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Shares of a population by levels of some variables, which sum to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// Where they come from, for messages and outputs.
    pub name: String,
    /// Rows they were read or counted from.
    pub rows: usize,
    /// The variables.
    pub variables: Vec<Expr>,
    /// A level of each variable (`None` for missing), and the share of their combination.
    pub cells: Vec<ShareCell>,
}

/// Levels, and the share of their combination.
pub type ShareCell = (Vec<Option<String>>, f64);

/// The target of a request, and how many rows of the table that belong to it are not in the sample.
pub(super) fn target(
    workspace: &Workspace,
    request: &Request,
    rows: &Rows,
    sample: &str,
) -> Result<(Option<Target>, usize), ModelError> {
    if let Some(shares) = &request.shares {
        return Ok((Some(reweighted(workspace, request, shares, rows)?), 0));
    }
    let Some(expr) = &request.target else { return Ok((None, 0)) };
    let keep = workspace.filter(expr).map_err(|error| error.of(Origin::Target))?;
    let codes = rows.gather(&Arc::new(keep.iter().map(|&keep| u32::from(keep)).collect::<Vec<_>>()));
    let in_table = keep.iter().filter(|&&keep| keep).count();
    let kept = codes.iter().filter(|&&code| code == 1).count();
    if kept == 0 {
        return Err(ModelError::EmptyTarget { target: expr.to_string(), sample: sample.to_owned(), in_table });
    }
    let target = Target { name: expr.to_string(), codes: Arc::unwrap_or_clone(codes), multipliers: vec![0.0, 1.0] };
    Ok((Some(target), in_table - kept))
}

/// Rows of a combination of levels count with its share over their weight in the sample (post-stratification); rows of
/// combinations without a share count nothing.
fn reweighted(workspace: &Workspace, request: &Request, shares: &Shares, rows: &Rows) -> Result<Target, ModelError> {
    // the code of a combination in mixed radix, the last digit of each variable for missing values
    let mut key = vec![0u64; rows.len()];
    let mut of_cell = vec![0u64; shares.cells.len()];
    for (v, expr) in shares.variables.iter().enumerate() {
        let coded = workspace.coded(expr).map_err(|error| error.of(Origin::Other))?;
        let factor = &coded.factor;
        let radix = factor.n_levels() as u64 + 1;
        let codes = rows.gather(&Arc::new(factor.codes.to_vec()));
        for (key, &code) in key.iter_mut().zip(codes.iter()) {
            *key = *key * radix + if code == MISSING { radix - 1 } else { u64::from(code) };
        }
        let positions: FxHashMap<&str, u64> =
            factor.levels.iter().enumerate().map(|(code, level)| (level.as_str(), code as u64)).collect();
        for (key, (levels, share)) in of_cell.iter_mut().zip(&shares.cells) {
            let code = match &levels[v] {
                None => radix - 1,
                Some(level) => match positions.get(level.as_str()) {
                    Some(&code) => code,
                    None if *share == 0.0 => radix - 1,
                    None => {
                        return Err(ModelError::UnknownShare {
                            target: shares.name.clone(),
                            factor: expr.to_string(),
                            level: level.clone(),
                            accepted: factor.levels.to_vec(),
                        });
                    }
                },
            };
            *key = *key * radix + code;
        }
    }
    let cells: FxHashMap<u64, u32> = of_cell
        .iter()
        .enumerate()
        .filter(|&(cell, _)| shares.cells[cell].1 > 0.0)
        .map(|(c, &key)| (key, c as u32))
        .collect();
    let outside = shares.cells.len() as u32;
    let codes: Vec<u32> = key.iter().map(|key| cells.get(key).copied().unwrap_or(outside)).collect();
    let weights = match &request.weights {
        Some(expr) => gather_numbers(workspace, expr, rows)?,
        None => None,
    };
    let mut total = vec![0.0; shares.cells.len() + 1];
    for (row, &code) in codes.iter().enumerate() {
        total[code as usize] += weights.as_ref().map_or(1.0, |weights| weights[row]);
    }
    let uncovered: Vec<&ShareCell> = shares
        .cells
        .iter()
        .zip(&total)
        .filter(|((_, share), total)| *share > 0.0 && **total == 0.0)
        .map(|(cell, _)| cell)
        .collect();
    if let Some((levels, _)) = uncovered.first() {
        let level = |level: &Option<String>| level.clone().unwrap_or_else(|| String::from("NA"));
        return Err(ModelError::Uncovered {
            target: shares.name.clone(),
            cells: uncovered.len(),
            share: uncovered.iter().map(|(_, share)| share).sum(),
            first: shares
                .variables
                .iter()
                .zip(levels)
                .map(|(name, own)| format!("{name} = {}", level(own)))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    let mut multipliers: Vec<f64> = shares
        .cells
        .iter()
        .zip(&total)
        .map(|((_, share), total)| if *total > 0.0 { share / total } else { 0.0 })
        .collect();
    multipliers.push(0.0);
    Ok(Target { name: shares.name.clone(), codes, multipliers })
}
