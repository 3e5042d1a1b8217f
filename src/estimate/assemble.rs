//! From a point estimate to a [`ModelFit`]: influence, covariance, rates, fit statistics.

use super::adjusted::{Scale, adjusted_rates, describe_overlap};
use super::diagnostics::{self, Reported};
use super::doubts;
use super::effects::FittedRows;
use super::leveraged::Design;
use super::link::Glm;
use super::outcome::RowConstants;
use super::parameters::Absorbed;
use super::shared::Shared;
use super::statistics::fit_statistics;
use super::sums;
use super::variance::blank;
use super::{FitError, Fitted, Influence, Options};
use super::{implied, incidental};
use crate::absorb::Solver;
use crate::absorb::precise::Intercept;
use crate::aggregate::{Aggregator, Rows, ScoreQuery};
use crate::design::cells::CellOutcome;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::design::{RatesFactor, Sample};
use crate::inference::intervals::estimate;
use crate::linalg::cholesky::COLLINEARITY_TOLERANCE;
use crate::rates::contrasts;
use crate::rates::counterfactual::Counterfactual;
use crate::rates::functionals::{FittedCells, Functionals, Scoring, coefficients, glm, linear};
use crate::rates::margins;
use crate::result::*;
use crate::vcov::combine_linear;
use crate::vcov::multiway::settle;
use crate::vcov::small_sample::{AbsorbedEffect, Sizes};
use std::borrow::Cow;
use std::sync::OnceLock;

/// A solved regression on its cells.
#[derive(Debug)]
pub struct Point<'a> {
    /// Coefficients of the regressor columns on the layout's standardised scale.
    pub coef: Vec<f64>,
    /// The intercept, where the solver has it to all digits.
    pub intercept: Option<&'a Intercept>,
    /// Fitted mean of each estimation cell (shifted).
    pub fitted: &'a [f64],
    /// Linear predictor, for a likelihood.
    pub eta: Option<&'a [f64]>,
    /// Weight of each estimation cell in the last least-squares problem.
    pub information: &'a [f64],
    /// Sum of squares explained by the regressors beyond the effects.
    pub explained: f64,
    /// Influence rows on the standardised scale, estimation cells x p; the score factor is in them.
    pub influence: &'a [f64],
    /// Newton steps or absorption iterations.
    pub iterations: usize,
}

/// What a likelihood has beyond least squares.
#[derive(Debug, Default)]
pub struct Extra<'a> {
    /// The likelihood.
    pub glm: Option<Glm>,
    /// Score factor k of each estimation cell; `None` where it is one.
    pub factor: Option<&'a [f64]>,
    /// What is added to the reported coefficients, on the layout's standardised scale.
    pub correction: Option<Vec<f64>>,
    /// Rows that were left out, and why.
    pub separations: Vec<Separation>,
    /// Terms of the likelihood that only rows know.
    pub constants: RowConstants,
}

impl Extra<'_> {
    /// Score factor of an estimation cell.
    pub fn factor(&self, i: usize) -> f64 {
        self.factor.map_or(1.0, |factor| factor[i])
    }
}

/// Coefficients on the scale of the data, with the intercept first where there is one.
struct Coefficients<'a> {
    names: Vec<String>,
    values: Vec<f64>,
    /// Influence rows, estimation cells x names.
    slope: Cow<'a, [f64]>,
    /// All regressor columns, dropped ones zero.
    all: Vec<f64>,
    /// Reported position of each regressor column.
    position: Vec<Option<usize>>,
    dropped: Vec<DroppedTerm>,
}

/// One outcome of a sample, with what all outcomes share.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// What to fit.
    pub options: &'a Options,
    /// Its rows.
    pub rows: &'a Rows<'a>,
    /// Facts about the sample.
    pub shared: &'a Shared,
    /// Position of the outcome.
    pub o: usize,
}

/// Assembles the result of one outcome of a linear model.
///
/// # Errors
/// Nothing estimable, no degrees of freedom, too few clusters.
pub fn assemble(
    problem: Problem,
    outcome: &CellOutcome,
    exact: &[Exact],
    layout: &Layout,
    solver: &Solver,
    point: Point,
) -> Result<Fitted, FitError> {
    assemble_with(problem, outcome, exact, layout, solver, point, Extra::default())
}

/// Assembles the result of one outcome.
///
/// # Errors
/// Nothing estimable, no degrees of freedom, too few clusters.
pub fn assemble_with(
    problem: Problem,
    outcome: &CellOutcome,
    exact: &[Exact],
    layout: &Layout,
    solver: &Solver,
    point: Point,
    extra: Extra,
) -> Result<Fitted, FitError> {
    let Problem { sample, options, rows, o, .. } = problem;
    let cells = rows.cells();
    let name = &sample.outcomes[o].name;
    let coef = unstandardise(sample, layout, solver, &point, outcome.shift, &extra);
    if coef.values.is_empty() && !coef.dropped.is_empty() {
        let reasons: Vec<String> = coef.dropped.iter().map(|d| format!("`{}` ({})", d.term, d.reason)).collect();
        return Err(FitError::NothingEstimable { outcome: name.clone(), reasons: reasons.join(", ") });
    }
    let counts = count_rows(problem, layout, exact, coef.values.len(), &extra.separations);
    if counts.n <= counts.k {
        return Err(FitError::NoDegreesOfFreedom { outcome: name.clone(), rows: counts.n, parameters: counts.k });
    }

    let fit = FittedCells {
        n_cells: cells.len(),
        weight: &cells.weight,
        target: &cells.target,
        is_sample: sample.target.is_none(),
        mean: &outcome.mean,
        cell: &layout.cell,
        fitted: point.fitted,
        eta: point.eta,
        coef: &coef.all,
        slope: &coef.slope,
        n_coef: coef.values.len(),
        position: &coef.position,
        has_constant: layout.has_groups(),
    };
    let setting = sample.rates.as_ref().map(|factor| (factor, Counterfactual::new(sample, cells, factor)));
    let mut functionals = match &setting {
        None => coefficients(&fit),
        Some((factor, setting)) if !setting.is_used() => {
            return Err(FitError::RatesNotInModel { factor: factor.name.clone() });
        }
        Some((factor, setting)) => match extra.glm {
            None => linear(&fit, setting, factor.levels.len(), options.composition, solver)?,
            Some(family) => {
                let scoring = Scoring { glm: family, information: point.information, factor: extra.factor };
                glm(&fit, setting, factor.levels.len(), options.composition, solver, scoring)?
            }
        },
    };
    let only_rates = sums::only_rates(sample, options);
    if only_rates {
        functionals = sums::rates_alone(functionals, cells.len());
    }
    let scoring = extra.glm.map(|glm| Scoring { glm, information: point.information, factor: extra.factor });
    let first_margin = functionals.records.len();
    let effects = match options.margins {
        false => Vec::new(),
        true => margins::extend(sample, cells, &fit, options.composition, solver, scoring, &mut functionals)?,
    };
    let stats = fit_statistics(problem, layout, outcome, &point, &counts, &extra.constants);
    let len = functionals.records.len();
    let query = ScoreQuery { outcome: o, shift: outcome.shift, records: &functionals.records };
    let n_levels = sample.rates.as_ref().map_or(0, |factor| factor.levels.len());
    let mut combinations = combinations(sample, options, &functionals, coef.values.len(), outcome.shift);
    if only_rates {
        combinations[..coef.values.len()].fill(vec![0.0; len]);
    }
    let unit = |j: usize| (0..len).map(|m| f64::from(m == j)).collect::<Vec<f64>>();
    combinations.extend((first_margin..len).map(unit));
    let design = Design {
        layout,
        solver,
        n_coef: coef.values.len(),
        n_rates: first_margin.saturating_sub(coef.values.len()),
        position: &coef.position,
        setting: setting.as_ref().map(|(_, setting)| (setting, n_levels)),
        combinations: &combinations,
    };
    let labels = labels(&coef.names, sample.rates.as_ref());
    let facts = (&point, &counts, &extra);
    let (variance, vcov_kind, doubt) = doubts::trusted(problem, &query, exact, design, facts, stats.sigma, &labels)?;
    let options = &Options { vcov: vcov_kind, ..options.clone() };
    let problem = Problem { options, ..problem };
    let reference = variance.reference;
    let critical = reference.critical(options.conf_level);
    let df = variance.degrees_of_freedom(coef.values.len(), n_levels, len - first_margin);

    let n_coef = coef.values.len();
    let picks = &combinations[..n_coef];
    let mut vcov = combine_linear(picks, &variance.matrix, len);
    let bare = variance.bare(&counts, n_coef, |matrix| combine_linear(picks, matrix, len));
    let is_multiway = variance.clusters.len() > 1;
    let mut settled = Vec::new();
    if is_multiway {
        let names: Vec<&str> = coef.names.iter().map(String::as_str).collect();
        settled = settle(options.multiway, "coefficients", &names, &mut vcov);
    }
    variance.mask(&mut vcov, 0..n_coef);
    if only_rates {
        vcov.fill(f64::NAN);
    }
    let errors: Vec<f64> = (0..n_coef).map(|j| vcov[j * n_coef + j].sqrt()).collect();
    let mut warnings: Vec<String> = extra
        .separations
        .iter()
        .map(|found| format!("`{}` {}: left out", found.combination(), found.prediction(name)))
        .collect();
    warnings.extend(nearly_collinear(layout, solver));
    if !options.firth {
        warnings.extend(incidental::note(options.family, extra.correction.is_some(), &counts));
    }
    warnings.extend(counts.warning.clone());
    warnings.extend(settled);
    warnings.extend(doubt);
    if !only_rates {
        warnings.extend(diagnostics::warning(options, design, &counts, n_coef));
    }
    for (j, term) in coef.names.iter().enumerate() {
        warnings.extend(variance.reason(j, options.vcov).map(|reason| format!("`{term}` {reason}")));
    }
    let coefficients: Vec<Estimate> = coef
        .names
        .iter()
        .zip(&coef.values)
        .zip(&errors)
        .enumerate()
        .map(|(j, ((term, &value), &se))| {
            let own = df.as_ref().map(|df| Reference::StudentT(df.coefficients[j]));
            let critical = own.map_or(critical, |own| own.critical(options.conf_level));
            estimate(term.clone(), value, se, own.unwrap_or(reference), critical)
        })
        .collect();
    let (rates, overlap) = match &setting {
        None => (None, None),
        Some((factor, _)) => {
            let mut vcov = combine_linear(&functionals.combination, &variance.matrix, len);
            if is_multiway {
                let names: Vec<&str> = factor.levels.iter().map(String::as_str).collect();
                warnings.extend(settle(options.multiway, "adjusted rates", &names, &mut vcov));
            }
            variance.mask(&mut vcov, n_coef..n_coef + n_levels);
            let scale = Scale { outcome, reference, critical, df: df.as_ref() };
            let mut rates = adjusted_rates(problem, factor, &functionals, vcov, scale);
            for (k, row) in rates.levels.iter_mut().enumerate() {
                row.note = variance.reason(n_coef + k, options.vcov).or(row.note.take());
            }
            let overlap = describe_overlap(problem, factor, &functionals, &mut rates, exact, layout, &counts);
            let notes =
                rates.levels.iter().filter_map(|row| Some(format!("level `{}`: {}", row.level, row.note.as_ref()?)));
            warnings.extend(notes);
            (Some(rates), Some(overlap))
        }
    };
    let joint = options.keep_influence.then(|| {
        let rates = if rates.is_some() { functionals.combination.as_slice() } else { &[] };
        let all: Vec<Vec<f64>> = picks.iter().chain(rates).cloned().collect();
        let mut joint = combine_linear(&all, &variance.matrix, len);
        if is_multiway {
            // what happened is told of its blocks already
            settle(options.multiway, "estimates", &vec![""; all.len()], &mut joint);
        }
        joint
    });
    let influence = (options.keep_influence && !sample.clusters.is_empty()).then(|| {
        let raw = rows.influence(&query, 0);
        let mut names = coef.names.clone();
        let mut combos = picks.to_vec();
        if let Some(rates) = &rates {
            names.extend(rates.levels.iter().map(|row| format!("rate::{}", row.level)));
            combos.extend(functionals.combination.iter().cloned());
        }
        let values = raw
            .chunks(len)
            .flat_map(|phi| {
                combos.iter().map(|c| c.iter().zip(phi).map(|(c, phi)| c * phi).sum::<f64>()).collect::<Vec<_>>()
            })
            .collect();
        Influence { cluster: sample.clusters[0].name.clone(), names, values }
    });
    let sums = options.sums.as_ref().filter(|_| !sample.clusters.is_empty()).map(|request| {
        let rate_names = rates.iter().flat_map(|rates| rates.levels.iter().map(|row| format!("rate::{}", row.level)));
        let names: Vec<String> = coef.names.iter().cloned().chain(rate_names).collect();
        let all: Vec<Vec<f64>> = picks.iter().chain(&functionals.combination).cloned().collect();
        match &variance.grouped {
            Some(summed) => sums::chosen(summed, request, &names, &all),
            None => sums::sums(rows, &query, request, &names, &all, exact),
        }
    });
    let margins = options.margins.then(|| {
        let picks = &combinations[combinations.len() - (len - first_margin)..];
        let mut vcov = combine_linear(picks, &variance.matrix, len);
        for (j, effect) in effects.iter().enumerate() {
            let missing = |term: &String| coef.names.iter().position(|name| name == term);
            if missing(&effect.term).is_some_and(|at| variance.reason(at, options.vcov).is_some()) {
                blank(&mut vcov, effects.len(), j);
            }
        }
        if is_multiway {
            let names: Vec<&str> = effects.iter().map(|effect| effect.term.as_str()).collect();
            warnings.extend(settle(options.multiway, "average marginal effects", &names, &mut vcov));
        }
        let error = |j: usize| vcov[j * effects.len() + j].sqrt();
        let own = |j: usize| df.as_ref().map_or(reference, |df| Reference::StudentT(df.margins[j]));
        let row = |(j, effect): (usize, &margins::Effect)| MarginRow {
            kind: effect.kind,
            value: estimate(effect.term.clone(), effect.value, error(j), own(j), own(j).critical(options.conf_level)),
            rows: effect.rows,
        };
        Margins { rows: effects.iter().enumerate().map(row).collect(), composition: options.composition, vcov }
    });
    let diagnostics = match options.diagnostics && !sample.clusters.is_empty() {
        false => Vec::new(),
        true => {
            let reported = reported(&coefficients, rates.as_ref(), &combinations, df.as_ref());
            diagnostics::diagnose(problem, &query, exact, design, &point, &extra, &reported)
        }
    };
    let fitted_rows = options.keep_fitted.then(|| fitted_rows(problem, layout, &coef, &point, outcome.shift));
    let weights = options.keep_weights.then(|| {
        let names = [coef.names.as_slice(), &labels[n_coef..n_coef + n_levels]].concat();
        implied::weights(sample, cells, &functionals.records, names, &combinations)
    });
    let mut flow = counts.flow;
    flow.users = variance.clusters.first().map_or(0, |cluster| cluster.count);
    let fit = ModelFit {
        spec_id: String::new(),
        model: String::new(),
        outcome: name.clone(),
        sample: String::from("all"),
        family: options.family,
        formula: String::new(),
        coefficients,
        vcov,
        dropped_terms: coef.dropped,
        separations: extra.separations,
        vcov_kind: options.vcov,
        clusters: variance.clusters,
        small_sample: variance.small_sample,
        reference,
        df,
        conf_level: options.conf_level,
        weights: None,
        effects: counts.effects,
        absorbed_rank: counts.rank,
        rates,
        flow,
        overlap,
        fit: stats,
        r2_steps: Vec::new(),
        penalty: None,
        diagnostics,
        warnings,
    };
    Ok(Fitted { fit, influence, joint, rows: fitted_rows, effects: None, bare, margins, weights, sums })
}

/// Coefficients, rates and differences of rates with their errors.
fn reported(
    coefficients: &[Estimate],
    rates: Option<&Rates>,
    combinations: &[Vec<f64>],
    df: Option<&DegreesOfFreedom>,
) -> Vec<Reported> {
    let mut names: Vec<(String, f64)> = coefficients.iter().map(|row| (row.term.clone(), row.std_error)).collect();
    let mut own: Vec<f64> = df.map_or_else(Vec::new, |df| df.coefficients.clone());
    if let Some(rates) = rates {
        names.extend(rates.levels.iter().map(|row| (format!("rate::{}", row.level), row.std_error)));
        let is_difference = |row: &&ContrastRow| matches!(row.kind, ContrastKind::Reference | ContrastKind::Adjacent);
        // differences come before ratios
        let differences = rates.contrasts.iter().take_while(is_difference);
        names.extend(differences.map(|row| (row.contrast.clone(), row.std_error)));
        own.extend(df.iter().flat_map(|df| df.rates.iter().chain(&df.contrasts)));
    }
    let number = |(at, (name, std_error)): (usize, (String, f64))| Reported {
        name,
        std_error,
        combination: combinations[at].clone(),
        df: own.get(at).copied(),
    };
    names.into_iter().enumerate().map(number).collect()
}

/// Names of the first of [`combinations`]: coefficients, rates, differences of rates.
fn labels(coefficients: &[String], rates: Option<&RatesFactor>) -> Vec<String> {
    let mut labels = coefficients.to_vec();
    let Some(factor) = rates else { return labels };
    let level = |k: usize| factor.levels[k].as_str();
    labels.extend((0..factor.levels.len()).map(|k| format!("rate::{}", level(k))));
    let others = (0..factor.levels.len()).filter(|&k| k != factor.reference);
    labels.extend(others.map(|k| format!("{} - {}", level(k), level(factor.reference))));
    labels.extend((1..factor.levels.len()).map(|k| format!("{} - {}", level(k), level(k - 1))));
    labels
}

/// The reported numbers as combinations of the functionals: coefficients, rates, contrasts.
fn combinations(
    sample: &Sample,
    options: &Options,
    functionals: &Functionals,
    n_coef: usize,
    shift: f64,
) -> Vec<Vec<f64>> {
    let len = functionals.records.len();
    let unit = |j: usize| (0..len).map(|m| f64::from(m == j)).collect::<Vec<f64>>();
    let mut all: Vec<Vec<f64>> = (0..n_coef).map(unit).collect();
    all.extend(functionals.combination.iter().cloned());
    let Some(factor) = &sample.rates else { return all };
    let rates: Vec<f64> = functionals.rates.iter().map(|rate| rate + shift).collect();
    for (kind, gradient) in contrasts::gradients(&rates, factor.reference) {
        if kind == ContrastKind::OddsRatio && options.family == Family::Poisson {
            continue;
        }
        let of = |m: usize| gradient.iter().zip(&functionals.combination).map(|(g, c)| g * c[m]).sum();
        all.push((0..len).map(of).collect());
    }
    all
}

/// Turns standardised coefficients and influence into those of the data's scale, and adds the intercept.
///
/// With x standardised as (x - c)/s: b = g/s. The intercept is mean(y) - mean(x)'b with influence
/// k/W - mean(x)'q (k the score factor), means weighted by the information of the last least-squares problem.
fn unstandardise<'a>(
    sample: &Sample,
    layout: &Layout,
    solver: &Solver,
    point: &Point<'a>,
    shift: f64,
    extra: &Extra,
) -> Coefficients<'a> {
    let p = layout.p();
    let n = layout.n();
    let flags = solver.dropped();
    let has_intercept = sample.has_intercept();
    let mut position = vec![None; p];
    let mut names: Vec<String> = has_intercept.then(|| String::from("(Intercept)")).into_iter().collect();
    let mut dropped = Vec::new();
    for j in 0..p {
        match flags[j] {
            None => {
                position[j] = Some(names.len());
                names.push(layout.names[j].clone());
            }
            Some(absorbed) => {
                let separated = separated_reason(&layout.names[j], &extra.separations);
                let reason = match (absorbed, sample.effects.is_empty()) {
                    _ if separated.is_some() => separated.unwrap_or_default(),
                    (true, false) => "absorbed by the fixed effects",
                    (true, true) => "constant, or zero in every row",
                    (false, _) => "collinear with the terms before it",
                };
                dropped.push(DroppedTerm { term: layout.names[j].clone(), reason: reason.to_owned() });
            }
        }
    }
    let all: Vec<f64> =
        (0..p).map(|j| if position[j].is_some() { point.coef[j] / layout.scale[j] } else { 0.0 }).collect();
    let n_coef = names.len();
    let unchanged = n_coef == p && !has_intercept && layout.scale.iter().all(|&scale| scale == 1.0);
    let mut slope = if unchanged { Cow::Borrowed(point.influence) } else { Cow::Owned(vec![0.0; n * n_coef]) };
    if !unchanged {
        let kept: Vec<(usize, usize)> = (0..p).filter_map(|j| Some((j, position[j]?))).collect();
        let slope = slope.to_mut();
        for i in 0..n {
            for &(j, at) in &kept {
                slope[i * n_coef + at] = point.influence[i * p + j] / layout.scale[j];
            }
        }
    }
    let correction = |j: usize| extra.correction.as_ref().map_or(0.0, |step| step[j] / layout.scale[j]);
    let mut values: Vec<f64> = (0..p).filter(|&j| position[j].is_some()).map(|j| all[j] + correction(j)).collect();
    if let (true, Some(found)) = (has_intercept, point.intercept) {
        values.insert(0, (found.value + shift.into()).high);
        let slope = slope.to_mut();
        (0..n).for_each(|i| slope[i * n_coef] = found.influence[i]);
    } else if has_intercept {
        let total: f64 = point.information.iter().sum();
        let mut mean = vec![0.0; layout.k + 1];
        for i in 0..n {
            layout.slots(i).for_each(|(column, value)| mean[column] += point.information[i] * value / total);
        }
        let x_mean: Vec<f64> =
            (0..p).map(|j| layout.centre[j] + layout.scale[j] * mean[layout.n_effect_columns + j]).collect();
        let level = point.eta.unwrap_or(point.fitted);
        let level_mean = level.iter().zip(point.information).map(|(v, w)| v * w).sum::<f64>() / total;
        let slope = slope.to_mut();
        if !sample.effects.is_empty() {
            // slopes by level move with it: the prediction where all columns are zero
            let mut at_mean = mean[..layout.k].to_vec();
            (0..p).for_each(|j| at_mean[layout.n_effect_columns + j] = x_mean[j] / layout.scale[j]);
            let through = solver.combination(&at_mean).expect("slopes by level are absorbed exactly");
            let weighted = through.iter().zip(point.information).zip(level).map(|((u, w), v)| u * w * v);
            values.insert(0, level_mean - weighted.sum::<f64>() + shift);
            (0..n).for_each(|i| slope[i * n_coef] = extra.factor(i) * (1.0 / total - through[i]));
            return Coefficients { names, values, slope: Cow::Owned(std::mem::take(slope)), all, position, dropped };
        }
        let intercept = level_mean - x_mean.iter().zip(&all).map(|(x, b)| x * b).sum::<f64>() + shift;
        values.insert(0, intercept);
        for i in 0..n {
            let through: f64 = (0..p).filter_map(|j| position[j].map(|at| x_mean[j] * slope[i * n_coef + at])).sum();
            slope[i * n_coef] = extra.factor(i) / total - through;
        }
    }
    Coefficients { names, values, slope, all, position, dropped }
}

/// The rows of the estimation cells.
fn fitted_rows(problem: Problem, layout: &Layout, coef: &Coefficients, point: &Point, shift: f64) -> FittedRows {
    let cells = problem.rows.cells();
    let intercept = if problem.sample.has_intercept() { coef.values[0] } else { 0.0 };
    // columns are standardised: x b = (c + s z) b
    let centre: f64 = intercept + coef.all.iter().zip(&layout.centre).map(|(b, c)| b * c).sum::<f64>();
    let linear: Vec<f64> = (0..layout.n())
        .map(|i| {
            let slots = layout.slots(i).filter(|&(column, _)| (layout.n_effect_columns..layout.k).contains(&column));
            let slots = slots.map(|(column, value)| (column - layout.n_effect_columns, value));
            centre + slots.map(|(j, value)| coef.all[j] * layout.scale[j] * value).sum::<f64>()
        })
        .collect();
    let predictor = |i: usize| point.eta.map_or_else(|| point.fitted[i] + shift, |eta| eta[i]);
    let mut place = vec![usize::MAX; cells.len()];
    layout.cell.iter().enumerate().for_each(|(i, &cell)| place[cell as usize] = i);
    let mut rows = FittedRows::default();
    for (row, &cell) in cells.of_row.iter().enumerate() {
        let i = place[cell as usize];
        if i != usize::MAX {
            rows.row.push(row as u32);
            rows.linear.push(linear[i]);
            rows.predictor.push(predictor(i));
        }
    }
    rows
}

/// Terms that stay although the usual rule on squares would drop them: only twice the digits tell them from collinear ones.
fn nearly_collinear(layout: &Layout, solver: &Solver) -> Vec<String> {
    let terms = layout.names.iter().zip(solver.left()).zip(solver.dropped());
    let kept = terms.filter(|((_, left), dropped)| dropped.is_none() && **left <= COLLINEARITY_TOLERANCE);
    kept.map(|((name, left), _)| {
        let share = left.sqrt();
        format!("`{name}` is nearly collinear with the terms before it: {share:.0e} of its length is its own")
    })
    .collect()
}

/// Why a term went that is part of a separating combination.
fn separated_reason(term: &str, separations: &[Separation]) -> Option<&'static str> {
    let found = separations.iter().filter(|found| found.terms.iter().any(|(name, _)| name == term));
    let alone = |found: &Separation| {
        !found.involves_effects && found.terms.iter().all(|(name, _)| name == term || is_level(name, term))
    };
    found.map(alone).max().map(|alone| match alone {
        true => "separated: predicts the outcome perfectly",
        false => "separated: predicts the outcome perfectly with other terms",
    })
}

/// Whether two terms are levels of one factor.
fn is_level(a: &str, b: &str) -> bool {
    let factor = |name: &str| name.split_once("::").map(|(factor, _)| factor.to_owned());
    factor(a).is_some() && factor(a) == factor(b)
}

/// Rows, parameters and the part of the flow that the estimator knows.
pub(super) struct Counts {
    /// Estimation rows.
    pub n: usize,
    /// Parameters of the small-sample factor.
    pub k: usize,
    /// Parameters with every effect counted, for degrees of freedom of the residuals.
    pub k_all: usize,
    pub effects: Vec<EffectInfo>,
    /// What K was counted from.
    pub facts: Vec<AbsorbedEffect>,
    pub rank: Option<AbsorbedRank>,
    /// Why K has no exact count.
    pub warning: Option<String>,
    pub flow: Flow,
    /// Rows in separated cells.
    pub n_separated: usize,
}

impl Counts {
    /// What factors are made of.
    pub fn sizes(&self) -> Sizes {
        let any_nested = self.effects.iter().any(|effect| effect.nested_in.is_some());
        Sizes { n: self.n, k: self.k, k_all: self.k_all, any_nested }
    }

    /// Name and levels of the effect with most levels.
    pub fn most_levels(&self) -> Option<(&str, usize)> {
        self.effects.iter().map(|effect| (effect.name.as_str(), effect.levels)).max_by_key(|&(_, levels)| levels)
    }

    /// Intercepts of all effects together.
    pub fn absorbed(&self) -> usize {
        let levels: usize = self.effects.iter().map(|effect| effect.levels).sum();
        (levels + 1).saturating_sub(self.effects.len())
    }
}

fn count_rows(problem: Problem, layout: &Layout, exact: &[Exact], n_coef: usize, separations: &[Separation]) -> Counts {
    let Problem { sample, options, rows, shared, .. } = problem;
    let cells = rows.cells();
    let rows_in = |mark: Exact| -> usize {
        exact.iter().zip(&cells.rows).filter(|(e, _)| **e == mark).map(|(_, &rows)| rows as usize).sum()
    };
    let n = rows_in(Exact::No);
    let (n_singletons, n_separated) = (rows_in(Exact::Singleton), rows_in(Exact::Separated));
    let clustered = options.vcov.is_clustered();
    let nested_in = if clustered { rows.nesting(exact) } else { vec![None; sample.effects.len()] };
    let codes = |e: usize| layout.cell.iter().map(|&cell| cells.effect_codes[e][cell as usize]).collect();
    let (levels, nested_in) = (layout.effect_levels.as_slice(), nested_in.as_slice());
    // the rows of a likelihood depend on its outcome
    let own = OnceLock::new();
    let known = if options.family == Family::Ols { &shared.ranks } else { &own };
    let parameters = Absorbed { sample, options, levels, nested_in, n: layout.n(), codes }.count(known);
    let mut flow = Flow { rows_read: sample.n_rows, rows_used: n, ..Flow::default() };
    if n_singletons > 0 {
        flow.dropped.push(FlowStep { reason: String::from("singleton"), rows: n_singletons });
    }
    let by_terms: usize = separations.iter().map(|found| found.rows).sum();
    if n_separated > by_terms {
        flow.dropped.push(FlowStep {
            reason: String::from("separated (outcome constant within an effect)"),
            rows: n_separated - by_terms,
        });
    }
    flow.dropped.extend(
        separations
            .iter()
            .map(|found| FlowStep { reason: format!("separated by `{}`", found.combination()), rows: found.rows }),
    );
    if !sample.effects.is_empty() {
        let mut present = vec![false; shared.n_effect_cells];
        layout.cell.iter().for_each(|&cell| present[shared.effect_cell[cell as usize] as usize] = true);
        flow.cells = present.iter().filter(|&&present| present).count();
    }
    Counts {
        n,
        k: n_coef + parameters.counted,
        k_all: n_coef + parameters.counted_all,
        effects: parameters.effects,
        facts: parameters.facts,
        rank: parameters.rank,
        warning: parameters.warning,
        flow,
        n_separated,
    }
}
