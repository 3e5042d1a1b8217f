//! What a fit leaves beside its record: estimates of the effects by their labels, and fitted values by rows of the table.

use crate::estimate::effects::{EffectEstimates, FittedRows};
use crate::estimate::implied::ImpliedWeights;
use crate::estimate::link::Glm;
use crate::estimate::{Fitted, Influence};
use crate::model::{ModelError, Prepared, Request, Workspace};
use crate::result::Margins;
use crate::table::MISSING;
use crate::vcov::Bare;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Saved {
    /// Levels of all effects, in the formula's order.
    pub effects: Vec<SavedLevel>,
    /// Estimation rows, in the table's order.
    pub rows: Vec<SavedRow>,
    /// The covariance without its factor.
    pub bare: Option<Bare>,
    /// Average marginal effects.
    pub margins: Option<Margins>,
    /// Weights of outcomes, in the table's order of rows.
    pub weights: Option<SavedWeights>,
    /// What hypotheses need.
    pub covariance: Option<SavedCovariance>,
}

/// How the estimates of a fit vary together, and with those of other fits of the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavedCovariance {
    /// Covariance of coefficients and rates together, row-major.
    pub joint: Vec<f64>,
    /// Summed influence by the first cluster variable.
    pub influence: Option<Influence>,
    /// Number of each cluster in the table: the same in every fit that has it.
    pub cluster_ids: Vec<u32>,
}

/// What a linear model makes of outcomes: every number is the sum over rows of weight times outcome.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavedWeights {
    /// Coefficients, then `rate::<level>`.
    pub names: Vec<String>,
    /// Row of the table from 1, through all files, and the outcome in it; rows outside the sample have no weight.
    pub rows: Vec<(usize, f64)>,
    /// Weights, rows x names.
    pub values: Vec<f64>,
}

/// One level of an absorbed effect.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedLevel {
    /// The effect, as written.
    pub effect: String,
    /// The variable whose slope it is; `None` for an intercept.
    pub variable: Option<String>,
    /// Label of each of its variables; `None` for missing values, which are a level.
    pub labels: Vec<Option<String>>,
    /// Levels of an effect are comparable within a component.
    pub component: usize,
    /// Its effect on the scale of the linear predictor, per unit of the variable.
    pub estimate: f64,
    /// Estimation rows.
    pub rows: usize,
}

/// One estimation row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SavedRow {
    /// Row of the table, from 1, through all files.
    pub row: usize,
    /// Outcome.
    pub outcome: f64,
    /// Mean that the model predicts.
    pub fitted: f64,
    /// Regressors times coefficients (with the intercept, where there is one): the linear predictor without effects.
    pub linear: f64,
    /// Linear predictor.
    pub predictor: f64,
    /// Outcome less fitted.
    pub residual: f64,
    /// Weight.
    pub weight: f64,
}

/// Collects what a fit of one outcome has to save.
///
/// # Errors
/// If a variable of an effect cannot be evaluated.
pub fn save(
    workspace: &Workspace,
    request: &Request,
    group: &Prepared,
    fitted: &Fitted,
    keep_rows: bool,
) -> Result<Saved, ModelError> {
    let mut saved = Saved { bare: fitted.bare.clone(), margins: fitted.margins.clone(), ..Saved::default() };
    if let Some(estimates) = &fitted.effects {
        saved.effects = levels(workspace, request, group, estimates)?;
    }
    if let Some(rows) = fitted.rows.as_ref().filter(|_| keep_rows) {
        saved.rows = self::rows(group, fitted, rows);
    }
    saved.weights = fitted.weights.as_ref().and_then(|weights| self::weights(group, fitted, weights));
    if let Some(joint) = &fitted.joint {
        saved.covariance = Some(SavedCovariance {
            joint: joint.clone(),
            influence: fitted.influence.clone(),
            cluster_ids: group.cluster_ids(workspace, request)?,
        });
    }
    Ok(saved)
}

fn levels(
    workspace: &Workspace,
    request: &Request,
    group: &Prepared,
    estimates: &EffectEstimates,
) -> Result<Vec<SavedLevel>, ModelError> {
    let mut saved = Vec::new();
    let effects = request.formula.effects.iter().zip(&group.sample.effects);
    for ((term, effect), levels) in effects.zip(&estimates.levels) {
        let parts = term.parts.iter().map(|part| workspace.coded(part)).collect::<Result<Vec<_>, _>>()?;
        for level in levels {
            // any row of the level has its labels
            let row = group.rows.get(level.example as usize);
            let label = |factor: &crate::table::Factor| {
                let code = factor.codes[row?];
                (code != MISSING).then(|| factor.levels[code as usize].clone())
            };
            saved.push(SavedLevel {
                effect: term.to_string(),
                variable: level.slope.map(|slope| effect.slopes[slope].name.clone()),
                labels: parts.iter().map(|part| label(&part.factor)).collect(),
                component: level.component,
                estimate: level.estimate,
                rows: level.rows,
            });
        }
    }
    Ok(saved)
}

/// Weights by rows of the table.
fn weights(group: &Prepared, fitted: &Fitted, weights: &ImpliedWeights) -> Option<SavedWeights> {
    let outcome = group.sample.outcomes.iter().find(|outcome| outcome.name == fitted.fit.outcome)?;
    let mut order: Vec<(usize, usize)> =
        (0..group.sample.n_rows).filter_map(|at| Some((group.rows.get(at)? + 1, at))).collect();
    order.sort_unstable();
    let width = weights.names.len();
    Some(SavedWeights {
        names: weights.names.clone(),
        rows: order.iter().map(|&(row, at)| (row, outcome.values[at])).collect(),
        values: order.iter().flat_map(|&(_, at)| weights.values[at * width..(at + 1) * width].to_vec()).collect(),
    })
}

fn rows(group: &Prepared, fitted: &Fitted, rows: &FittedRows) -> Vec<SavedRow> {
    let sample = &group.sample;
    let Some(outcome) = sample.outcomes.iter().find(|outcome| outcome.name == fitted.fit.outcome) else {
        return Vec::new();
    };
    let glm = Glm::of(fitted.fit.family);
    let mut saved: Vec<SavedRow> = (0..rows.row.len())
        .filter_map(|i| {
            let at = rows.row[i] as usize;
            let (value, predictor) = (outcome.values[at], rows.predictor[i]);
            let mean = glm.map_or(predictor, |glm| glm.mean(predictor));
            Some(SavedRow {
                row: group.rows.get(at)? + 1,
                outcome: value,
                fitted: mean,
                linear: rows.linear[i],
                predictor,
                residual: value - mean,
                weight: sample.weight(at),
            })
        })
        .collect();
    saved.sort_by_key(|saved| saved.row);
    saved
}
