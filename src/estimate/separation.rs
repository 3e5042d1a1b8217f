//! Separation of a likelihood by its regressors: rows that a combination of columns predicts perfectly.
//!
//! The combination z = X gamma + effects is zero wherever the outcome is mixed and points the right way wherever it is at
//! the end of its range (0 or 1 of a binary outcome, 0 of a Poisson). The likelihood rises along gamma for ever, and has
//! its maximum in the limit, where rows with z other than zero are fitted perfectly and the others are unaffected
//! (Correia, Guimaraes and Zylkin 2021, proposition 2): those rows are left out, with z as the certificate.
//!
//! Separation by the effects alone is handled before (see [`crate::design::singletons`]). Single factor levels are
//! tested directly; the general case by the iterative rectifier of the same paper, on both sides of a binary outcome.
//! A large weight keeps z near zero on the interior, and multipliers make it exactly zero there.

use super::FitError;
use super::link::Glm;
use crate::absorb::{Method, NotConverged, Solver};
use crate::design::cells::Cells;
use crate::design::layout::Layout;
use crate::design::singletons::{Exact, is_separated};
use crate::design::{NO_COLUMN, Sample};
use crate::result::{SeparatedSide, Separation};

/// Largest weight of the rows that a direction must not touch, relative to the others.
const INTERIOR_WEIGHT: f64 = 1e6;
/// Cells times interior weight: beyond it, a direction of one cell would pass for collinear.
const WEIGHT_BUDGET: f64 = 1e7;
/// Size below which a direction in the making counts as zero.
const ZERO: f64 = 1e-5;
/// Size, relative to the largest, below which a finished direction counts as zero.
const EXACT_ZERO: f64 = 1e-9;
/// Largest value below which a direction in the making vanishes: the nearest separating direction to the start reaches 1.
const VANISHED: f64 = 1e-3;
/// Iterations after which a finished direction is tried first; then after twice as many, and so on.
const FIRST_TRY: usize = 4;
/// Multiple of the worst violation below which a cell does not count as separated yet.
const MARGIN: f64 = 3.0;
/// Rectifier iterations.
const MAX_ITERATIONS: usize = 500;
/// Iterations that make a finished direction exact.
const MAX_POLISH: usize = 100;

/// A direction along which the likelihood rises for ever.
#[derive(Debug, Clone)]
pub struct Direction {
    /// Its coefficients on the layout's standardised scale.
    coef: Vec<f64>,
    /// Its value in each estimation cell, exactly zero where it does not separate.
    value: Vec<f64>,
}

/// Marks the levels of single factors whose outcomes are all zero or (for a binary outcome) all one.
///
/// # Errors
/// The separation, if the factor is that of the rates: its coefficients are not finite, and neither is what is made
/// of them.
pub fn drop_separated_levels(
    sample: &Sample,
    cells: &Cells,
    mean: &[f64],
    glm: Glm,
    exact: &mut [Exact],
    separations: &mut Vec<Separation>,
) -> Result<(), Box<Separation>> {
    for term in sample.terms.iter().filter(|term| term.values.is_none()) {
        let Some(levels) = &term.levels else { continue };
        let p = term.names.len();
        // levels without a column share the last slot: the constant stands for them
        let slot = |cell: usize| match levels.column_of_level[levels.codes[cells.row[cell] as usize] as usize] {
            NO_COLUMN => p,
            column => column as usize,
        };
        let mut sums = vec![(0.0, 0.0, 0usize); p + 1];
        for cell in (0..cells.len()).filter(|&cell| exact[cell] == Exact::No) {
            let sum = &mut sums[slot(cell)];
            sum.0 += cells.weight[cell];
            sum.1 += cells.weight[cell] * mean[cell];
            sum.2 += cells.rows[cell] as usize;
        }
        let has_constant = sample.intercept || sample.absorbs_constant();
        let gone: Vec<bool> = (0..=p)
            .map(|j| sums[j].2 > 0 && (j < p || has_constant) && is_separated(sums[j].0, sums[j].1, glm.is_binary()))
            .collect();
        let own = (0..p).filter(|&j| gone[j]);
        let one = |j: usize| sums[j].1 > 0.0;
        let mut found: Vec<Separation> = Vec::new();
        if let Some(first) = own.clone().next() {
            let sign = |j: usize| if one(j) == one(first) { 1.0 } else { -1.0 };
            found.push(Separation {
                rows: own.clone().map(|j| sums[j].2).sum(),
                terms: own.clone().map(|j| (term.names[j].clone(), sign(j))).collect(),
                involves_effects: false,
                side: match (own.clone().any(one), own.clone().all(one)) {
                    (true, true) => SeparatedSide::One,
                    (false, _) => SeparatedSide::Zero,
                    _ => SeparatedSide::Both,
                },
            });
        }
        if gone[p] {
            let mut terms: Vec<(String, f64)> = term.names.iter().map(|name| (name.clone(), -1.0)).collect();
            if sample.has_intercept() {
                terms.insert(0, (String::from("(Intercept)"), 1.0));
            }
            let side = if one(p) { SeparatedSide::One } else { SeparatedSide::Zero };
            found.push(Separation { rows: sums[p].2, terms, involves_effects: sample.absorbs_constant(), side });
        }
        if found.is_empty() {
            continue;
        }
        if sample.rates.as_ref().is_some_and(|rates| rates.name == levels.factor) {
            return Err(Box::new(found.swap_remove(0)));
        }
        for cell in 0..cells.len() {
            if exact[cell] == Exact::No && gone[slot(cell)] {
                exact[cell] = Exact::Separated;
            }
        }
        separations.append(&mut found);
    }
    Ok(())
}

/// Refuses a direction that moves the factor of the rates: setting it would move rows along the direction.
///
/// # Errors
/// [`FitError::Separated`].
pub fn refuse_rates(
    sample: &Sample,
    layout: &Layout,
    direction: &Direction,
    outcome: &str,
    found: &Separation,
) -> Result<(), FitError> {
    let Some(rates) = &sample.rates else { return Ok(()) };
    let mut first = 0;
    for term in &sample.terms {
        let columns = first..first + term.names.len();
        first = columns.end;
        let uses = term.levels.as_ref().is_some_and(|levels| levels.factor == rates.name)
            || term.variable.as_deref() == Some(&rates.name);
        if uses && columns.clone().any(|j| direction.raw(layout, j) != 0.0) {
            return Err(FitError::separated(outcome, found, Some(rates)));
        }
    }
    Ok(())
}

/// Looks for a separating direction; `Ok(None)` if there is none.
///
/// `mean` is the outcome's mean in each estimation cell.
///
/// # Errors
/// [`NotConverged`] if an iterative absorption fails.
pub fn find_direction(
    glm: Glm,
    layout: &Layout,
    mean: &[f64],
    method: Method,
    effects: &str,
) -> Result<Option<Direction>, NotConverged> {
    let at_one = |mean: f64| glm.is_binary() && mean >= 1.0 - 1e-14;
    let side: Vec<f64> = mean.iter().map(|&m| f64::from(at_one(m)) - f64::from(m <= 0.0)).collect();
    if side.iter().all(|&side| side == 0.0) {
        return Ok(None);
    }
    let inside: Vec<bool> = side.iter().map(|&side| side == 0.0).collect();
    let solver = Solver::new(layout, &interior_weight(&inside), method, effects)?;
    let mut target = side.clone();
    let mut next_try = FIRST_TRY;
    for iteration in 1..=MAX_ITERATIONS {
        let fitted = solver.project(&target)?;
        let values = || fitted.iter().zip(&side).map(|(f, s)| f * s);
        let (worst, best) = values().fold((0.0, 0.0), |(low, high), v: f64| (v.min(low), v.max(high)));
        if best < VANISHED {
            return Ok(None);
        }
        let within =
            fitted.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(f, _)| f.abs()).fold(0.0, f64::max);
        let is_done = worst > -ZERO && within < ZERO;
        // the iteration slows down near its end: whether the support is known already is cheap to find out
        if is_done || iteration == next_try {
            next_try *= 2;
            let margin = ZERO.max(MARGIN * -worst);
            let outside = values().map(|v| v <= margin).collect();
            if let Some(direction) = make_exact(layout, &fitted, &side, outside, method, effects)? {
                return Ok(Some(direction));
            }
            if is_done {
                return Ok(None);
            }
        }
        for (target, (f, s)) in target.iter_mut().zip(fitted.iter().zip(&side)) {
            *target = if *s == 0.0 { *target - f } else { s * (f * s).max(0.0) };
        }
    }
    Ok(None)
}

/// A direction near `fitted` that is zero in the cells `outside`, to [`EXACT_ZERO`]; `None` if there is none.
///
/// Cells where it points the wrong way are held at zero as well, and it is sought again.
fn make_exact(
    layout: &Layout,
    fitted: &[f64],
    side: &[f64],
    mut outside: Vec<bool>,
    method: Method,
    effects: &str,
) -> Result<Option<Direction>, NotConverged> {
    let mut start = fitted.to_vec();
    while outside.iter().any(|outside| !outside) {
        let solver = Solver::new(layout, &interior_weight(&outside), method, effects)?;
        let mut target: Vec<f64> = start.iter().zip(&outside).map(|(f, out)| if *out { 0.0 } else { *f }).collect();
        let mut found = None;
        let mut last = f64::INFINITY;
        for _ in 0..MAX_POLISH {
            let projection = solver.regress(&target)?;
            let largest = |of: bool| {
                let chosen = projection.fitted.iter().zip(&outside).filter(|(_, out)| **out == of);
                chosen.map(|(f, _)| f.abs()).fold(0.0, f64::max)
            };
            let (left, size) = (largest(true), largest(false));
            if left <= EXACT_ZERO * size {
                found = Some((projection, size));
                break;
            }
            if left > 0.9 * last {
                break;
            }
            last = left;
            for ((target, f), _) in target.iter_mut().zip(&projection.fitted).zip(&outside).filter(|(_, out)| **out) {
                *target -= f;
            }
        }
        let Some((projection, size)) = found.filter(|(_, size)| *size > VANISHED) else { return Ok(None) };
        let mut value = projection.fitted;
        let mut is_valid = true;
        for ((f, s), out) in value.iter_mut().zip(side).zip(&mut outside) {
            if *out || f.abs() <= EXACT_ZERO * size {
                *f = 0.0;
            } else if *f * s < 0.0 {
                *out = true;
                is_valid = false;
            }
        }
        if is_valid {
            return Ok(Some(Direction { coef: projection.coef, value }));
        }
        start = value;
    }
    Ok(None)
}

/// Weights that hold the marked cells near zero.
fn interior_weight(inside: &[bool]) -> Vec<f64> {
    let weight = (WEIGHT_BUDGET / inside.len() as f64).clamp(10.0, INTERIOR_WEIGHT);
    inside.iter().map(|&inside| if inside { weight } else { 1.0 }).collect()
}

impl Direction {
    /// Marks the cells it separates.
    pub fn mark(&self, layout: &Layout, exact: &mut [Exact]) {
        for (&cell, _) in layout.cell.iter().zip(&self.value).filter(|(_, value)| **value != 0.0) {
            exact[cell as usize] = Exact::Separated;
        }
    }

    /// Coefficient of a regressor column on the scale of the data; what is rounding counts as zero.
    fn raw(&self, layout: &Layout, j: usize) -> f64 {
        let largest = self.coef.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        if self.coef[j].abs() > 1e-7 * largest { self.coef[j] / layout.scale[j] } else { 0.0 }
    }

    /// The direction as a certificate: its first term has coefficient one, whole numbers are written as such.
    pub fn record(&self, sample: &Sample, cells: &Cells, layout: &Layout) -> Separation {
        let raw: Vec<f64> = (0..layout.p()).map(|j| self.raw(layout, j)).collect();
        let separated = || (0..layout.n()).filter(|&i| self.value[i] != 0.0);
        let rows = separated().map(|i| cells.rows[layout.cell[i] as usize] as usize).sum();
        // what the regressors leave of it is the part of effects or intercept
        let rest: Vec<f64> = (0..layout.n())
            .map(|i| {
                let slots = layout.slots(i).filter(|&(c, _)| c >= layout.n_effect_columns && c < layout.k);
                let own: f64 = slots.map(|(c, v)| self.coef[c - layout.n_effect_columns] * v).sum();
                self.value[i] - own
            })
            .collect();
        let centred: f64 = (0..layout.p()).map(|j| raw[j] * layout.centre[j]).sum();
        let size = self.value.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let has_rest = rest.iter().any(|r| (r - centred).abs() > 1e-6 * size.max(centred.abs()));
        let mut terms: Vec<(String, f64)> =
            layout.names.iter().zip(&raw).filter(|(_, b)| **b != 0.0).map(|(name, b)| (name.clone(), *b)).collect();
        if has_rest && sample.effects.is_empty() {
            terms.push((String::from("(Intercept)"), rest[0] - centred));
        }
        let lead = terms.first().map_or(1.0, |(_, b)| *b);
        for (_, value) in &mut terms {
            *value /= lead;
            if (*value - value.round()).abs() < 1e-6 {
                *value = value.round();
            }
        }
        let (low, high) = (separated().any(|i| self.value[i] < 0.0), separated().any(|i| self.value[i] > 0.0));
        let side = match (low, high) {
            (true, true) => SeparatedSide::Both,
            (true, false) => SeparatedSide::Zero,
            _ => SeparatedSide::One,
        };
        Separation { rows, terms, involves_effects: has_rest && !sample.effects.is_empty(), side }
    }
}
