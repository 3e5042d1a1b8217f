//! Two groups of a sample's rows, by a condition or by the first and last level of a variable.

use super::RunError;
use crate::design::Sample;
use crate::explain::kitagawa::TwoGroups;
use crate::expr::{Expr, ExprKind, UnaryOp};
use crate::model::{ModelError, Origin, Prepared, Workspace};
use crate::spec::Resolved;
use crate::table::MISSING;

/// The rows of both groups as a sample of their own.
#[derive(Debug)]
pub struct Grouped {
    /// Rows of both groups.
    pub sample: Sample,
    /// Which group each is in.
    pub groups: TwoGroups,
    /// Rows of the sample in neither.
    pub rows_neither: usize,
    /// Row of the table behind each row.
    pub rows: Vec<usize>,
}

/// Finds the groups: of a condition the rows where it holds (b) and where it does not (a); of a variable those at its last
/// (b) and first (a) level.
///
/// # Errors
/// If the condition or variable cannot be evaluated.
pub fn grouped(
    workspace: &Workspace,
    spec: &Resolved,
    sample_name: &str,
    prepared: &Prepared,
    by: &Expr,
) -> Result<Grouped, RunError> {
    let fail = |error: ModelError| RunError::model(spec, sample_name, error.of(Origin::Other));
    let n = prepared.sample.n_rows;
    let row_of = |at: usize| prepared.rows.get(at).unwrap_or(0);
    let (labels, group): ([String; 2], Vec<Option<bool>>) = if matches!(by.kind, ExprKind::Name(_)) {
        let coded = workspace.coded(by).map_err(fail)?;
        let factor = &coded.factor;
        let codes = || (0..n).map(|at| factor.codes[row_of(at)]).filter(|&code| code != MISSING);
        let (first, last) = (codes().min().unwrap_or(0), codes().max().unwrap_or(0));
        let label = |code: u32| factor.levels.get(code as usize).cloned().unwrap_or_default();
        let of = |at: usize| match factor.codes[row_of(at)] {
            code if code == last && last != first => Some(true),
            code if code == first => Some(false),
            _ => None,
        };
        ([format!("{by} {}", label(first)), format!("{by} {}", label(last))], (0..n).map(of).collect())
    } else {
        let not = Expr { kind: ExprKind::Unary(UnaryOp::Not, Box::new(by.clone())), span: by.span.clone() };
        let (yes, no) = (workspace.filter(by).map_err(fail)?, workspace.filter(&not).map_err(fail)?);
        let of = |at: usize| match (yes[row_of(at)], no[row_of(at)]) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        ([format!("not {by}"), by.to_string()], (0..n).map(of).collect())
    };
    let kept: Vec<u32> = (0..n as u32).filter(|&at| group[at as usize].is_some()).collect();
    Ok(Grouped {
        sample: prepared.sample.subset(&kept),
        groups: TwoGroups { labels, is_b: group.into_iter().flatten().collect() },
        rows_neither: n - kept.len(),
        rows: kept.iter().map(|&at| row_of(at as usize)).collect(),
    })
}
