//! What each control moved a coefficient, from a short regression to a long one (Gelbach 2016, JOLE 34, eq. 6-8).
//!
//! With X1 the focal regressors and what else stays in both regressions, and C_f = Z_f theta_f the fitted component of
//! each group f of controls in the long one,
//!
//! ```text
//! y = X1 b + sum_f C_f + u         b_short - b = sum_f Gamma_f,     Gamma_f = (X1'W X1)^-1 X1'W C_f
//! ```
//!
//! whatever the order of the groups: Gamma_f is the coefficient of a regression of C_f on the short design. With a_i the
//! row of the short regression's influence weights, (X1'W X1)^-1 x_i, and r_f the residual of that regression,
//!
//! ```text
//! phi_i(Gamma_f) = w_i u_i h_f(i) + w_i a_i r_f(i)
//! ```
//!
//! The first term is the uncertainty of theta_f: h_f is the vector in the span of the long design with Z_g'W h_f = 0 for
//! g != f (X1 among them) and Z_f'W h_f = Z_f'W a. The second is that of the short design as a sample; `Composition::Fixed`
//! leaves it out. Both sum to the influence of b_short - b. Contributions of effects that repeat each other are not in the
//! data: h_f then misses its conditions, which is checked.

use super::error::ExplainError;
use super::summed::{Summed, Tests, std_error};
use super::{OnRows, fit_rows};
use crate::absorb::{DENSE_LIMIT, Method, Solver};
use crate::aggregate::{Aggregator, Records, Rows, ScoreQuery};
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::design::{Cluster, Sample};
use crate::estimate::effects::{FittedRows, recover};
use crate::estimate::{Options, fit};
use crate::result::{Composition, Estimate, ModelFit};

const WHAT: &str = "the decomposition";
/// Error of the conditions of h, relative to the sum of |w a|, from which a contribution is not identified.
const IDENTIFIED: f64 = 1e-7;

/// Controls whose contribution is one number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Positions among the terms.
    pub terms: Vec<usize>,
    /// Positions among the effects.
    pub effects: Vec<usize>,
}

/// What each part of the formula is; every part has one role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    /// Terms whose coefficients are explained.
    pub focal: Vec<usize>,
    /// What else stays in both regressions.
    pub base: Group,
    /// Controls, in order.
    pub groups: Vec<Group>,
}

/// How one coefficient moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// Its name.
    pub term: String,
    /// In the short regression, with the error of that regression.
    pub short: Estimate,
    /// In the long one.
    pub long: Estimate,
    /// Short less long.
    pub total: Estimate,
    /// What each group moved: their sum is the total.
    pub parts: Vec<Estimate>,
}

/// A decomposition.
#[derive(Debug, Clone, PartialEq)]
pub struct Gelbach {
    /// One per focal coefficient.
    pub movements: Vec<Movement>,
    /// Covariance of the parts: coefficients, within them groups; row-major.
    pub vcov: Vec<f64>,
    /// The short regression.
    pub short: ModelFit,
    /// The long one.
    pub long: ModelFit,
    /// Whether errors count the design as a sample.
    pub composition: Composition,
}

/// A regression on all rows of a sample, solved on its cells.
struct Design<'a> {
    sample: &'a Sample,
    rows: &'a Rows<'a>,
    layout: &'a Layout,
    solver: Solver<'a>,
}

/// Takes the movement of the focal coefficients apart.
///
/// # Errors
/// [`ExplainError`]: not least squares, a focal coefficient that cannot be estimated, contributions that the data do not
/// tell apart, or a regression that fails.
pub fn gelbach(
    sample: &Sample,
    outcome: usize,
    options: &Options,
    roles: &Roles,
    composition: Composition,
) -> Result<Gelbach, ExplainError> {
    if roles.focal.is_empty() {
        return Err(ExplainError::NoFocal);
    }
    if roles.groups.is_empty() {
        return Err(ExplainError::NoControl);
    }
    let OnRows { fitted, rows } = fit_rows(sample, outcome, options, WHAT)?;
    let long_sample = with_clusters(rows);
    let short_sample = short_of(&long_sample, roles);
    let short_options = Options { drop_singletons: false, ..options.clone() };
    let short_fit = match options.vcov.is_clustered() {
        true => fit(&short_sample, &short_options),
        // the rows are no clusters of the reader's
        false => fit(&Sample { clusters: Vec::new(), ..short_sample.clone() }, &short_options),
    };
    let short_fit = short_fit.into_iter().next().ok_or(ExplainError::NoFocal)??.fit;

    let (long_rows, short_rows) = (Rows::new(&long_sample), Rows::new(&short_sample));
    let layout_of =
        |sample: &Sample, rows: &Rows| Layout::new(sample, rows.cells(), &vec![Exact::No; rows.cells().len()]);
    let (long_layout, short_layout) = (layout_of(&long_sample, &long_rows), layout_of(&short_sample, &short_rows));
    let long = Design::new(&long_sample, &long_rows, &long_layout)?;
    let short = Design::new(&short_sample, &short_rows, &short_layout)?;
    let focal = focal_columns(&long_sample, &long, &short_sample, &short, roles)?;
    let found = contributions(&long, &short, roles, &focal, composition)?;

    let (k, f) = (focal.len(), roles.groups.len());
    let tests = Tests::of(&fitted.fit);
    let vcov = found.summed.covariance(tests.factor);
    let to_total: Vec<Vec<f64>> =
        (0..k).map(|at| (0..k * f).map(|j| f64::from(u8::from(j / f == at))).collect()).collect();
    let totals = found.summed.combined(&to_total).covariance(tests.factor);
    let row_of = |fit: &ModelFit, name: &str| fit.coefficients.iter().find(|row| row.term == name).cloned();
    let mut movements = Vec::with_capacity(k);
    for (at, column) in focal.iter().enumerate() {
        let name = &column.name;
        let (Some(before), Some(after)) = (row_of(&short_fit, name), row_of(&fitted.fit, name)) else {
            let reason = "it is not among the coefficients";
            return Err(ExplainError::Dropped { term: name.clone(), regression: "long", reason });
        };
        let part = |(g, group): (usize, &Group)| {
            let j = at * f + g;
            tests.number(group.name.clone(), found.values[j], std_error(&vcov, k * f, j))
        };
        movements.push(Movement {
            term: name.clone(),
            total: tests.number("short - long", before.estimate - after.estimate, std_error(&totals, k, at)),
            parts: roles.groups.iter().enumerate().map(part).collect(),
            short: before,
            long: after,
        });
    }
    Ok(Gelbach { movements, vcov, short: short_fit, long: fitted.fit, composition })
}

/// The sample with every row its own cluster, where it has none.
fn with_clusters(mut sample: Sample) -> Sample {
    if sample.clusters.is_empty() {
        let codes: Vec<u32> = (0..sample.n_rows as u32).collect();
        sample.clusters = vec![Cluster { name: String::from("row"), codes: codes.into(), n_clusters: sample.n_rows }];
    }
    sample
}

/// The short regression: focal terms, and what stays in both; a constant where the long one spans it.
fn short_of(long: &Sample, roles: &Roles) -> Sample {
    let terms = (0..long.terms.len()).filter(|t| roles.focal.contains(t) || roles.base.terms.contains(t));
    Sample {
        terms: terms.map(|t| long.terms[t].clone()).collect(),
        effects: roles.base.effects.iter().map(|&e| long.effects[e].clone()).collect(),
        intercept: long.intercept || long.absorbs_constant(),
        ..long.clone()
    }
}

impl<'a> Design<'a> {
    fn new(sample: &'a Sample, rows: &'a Rows<'a>, layout: &'a Layout) -> Result<Self, ExplainError> {
        if layout.n_effect_columns > DENSE_LIMIT {
            let columns = layout.n_effect_columns;
            return Err(ExplainError::TooWide { what: WHAT, columns, limit: DENSE_LIMIT });
        }
        let solver = Solver::careful(layout, &layout.weight, Method::Cells, "the effects")?;
        Ok(Design { sample, rows, layout, solver })
    }

    /// First regressor column of each term, and the end.
    fn first_columns(&self) -> Vec<usize> {
        let mut first = vec![0];
        first.extend(self.sample.terms.iter().scan(0, |end, term| {
            *end += term.n_columns();
            Some(*end)
        }));
        first
    }

    /// Columns of the influence weights of some regressors, cells x columns, on the scale of the data.
    fn weights(&self, columns: &[usize]) -> Vec<f64> {
        let (all, p) = (self.solver.influence(), self.layout.p());
        let scaled = |i: usize, j: usize| all[i * p + j] / self.layout.scale[j];
        (0..self.layout.n()).flat_map(|i| columns.iter().map(move |&j| (i, j))).map(|(i, j)| scaled(i, j)).collect()
    }
}

/// A focal coefficient: its column in both designs.
struct Focal {
    name: String,
    long: usize,
    short: usize,
}

fn focal_columns(
    long_sample: &Sample,
    long: &Design,
    short_sample: &Sample,
    short: &Design,
    roles: &Roles,
) -> Result<Vec<Focal>, ExplainError> {
    let (in_long, in_short) = (long.first_columns(), short.first_columns());
    let (gone_long, gone_short) = (long.solver.dropped(), short.solver.dropped());
    let mut found = Vec::new();
    let kept = (0..long_sample.terms.len()).filter(|t| roles.focal.contains(t) || roles.base.terms.contains(t));
    for (at, t) in kept.enumerate().filter(|(_, t)| roles.focal.contains(t)) {
        debug_assert_eq!(long_sample.terms[t].names, short_sample.terms[at].names);
        for (j, name) in long_sample.terms[t].names.iter().enumerate() {
            let column = Focal { name: name.clone(), long: in_long[t] + j, short: in_short[at] + j };
            for (gone, regression) in [(gone_short[column.short], "short"), (gone_long[column.long], "long")] {
                if let Some(absorbed) = gone {
                    let reason = match absorbed {
                        true => "the fixed effects determine it",
                        false => "it is collinear with other regressors",
                    };
                    return Err(ExplainError::Dropped { term: name.clone(), regression, reason });
                }
            }
            found.push(column);
        }
    }
    Ok(found)
}

/// Gamma of every focal coefficient and group, and its influence.
struct Contributions {
    /// Coefficients, within them groups.
    values: Vec<f64>,
    summed: Summed,
}

fn contributions(
    long: &Design,
    short: &Design,
    roles: &Roles,
    focal: &[Focal],
    composition: Composition,
) -> Result<Contributions, ExplainError> {
    let (n, k, f) = (long.layout.n(), focal.len(), roles.groups.len());
    let outcome = long.rows.outcome(0);
    let solution = long.solver.regress(&outcome.mean)?;
    let components = components(long, roles, &solution.coef, &solution.fitted)?;

    // the short design is coarser: every cell of the long one lies in one of it
    let of_short = |i: usize| short.rows.cells().of_row[long.rows.cells().row[i] as usize] as usize;
    let cell: Vec<usize> = (0..n).map(of_short).collect();
    let in_short = short.weights(&focal.iter().map(|column| column.short).collect::<Vec<_>>());
    let a: Vec<f64> = cell.iter().flat_map(|&c| in_short[c * k..][..k].iter().copied()).collect();
    let in_long = long.weights(&focal.iter().map(|column| column.long).collect::<Vec<_>>());

    let mut values = vec![0.0; k * f];
    let mut residuals = Vec::with_capacity(f);
    for (g, component) in components.iter().enumerate() {
        let mut mean = vec![0.0; short.layout.n()];
        (0..n).for_each(|i| mean[cell[i]] += long.layout.weight[i] * component[i]);
        mean.iter_mut().zip(&short.layout.weight).for_each(|(sum, weight)| *sum /= weight);
        let auxiliary = short.solver.regress(&mean)?;
        for (at, column) in focal.iter().enumerate() {
            values[at * f + g] = auxiliary.coef[column.short] / short.layout.scale[column.short];
        }
        residuals.push((0..n).map(|i| component[i] - auxiliary.fitted[cell[i]]).collect::<Vec<f64>>());
    }
    let h = directions(long, roles, &a, &in_long, k)?;
    let mut records = Records::new(n, k * f, 0);
    for i in 0..n {
        records.set_fitted(i, solution.fitted[i]);
        for at in 0..k {
            for g in 0..f {
                records.slope_mut(i)[at * f + g] = h[at * f + g][i];
                if composition == Composition::Sampled {
                    records.constant_mut(i)[at * f + g] = a[i * k + at] * residuals[g][i];
                }
            }
        }
    }
    let query = ScoreQuery { outcome: 0, shift: outcome.shift, records: &records };
    Ok(Contributions { values, summed: Summed { len: k * f, values: long.rows.influence(&query, 0) } })
}

/// The fitted component of every group, by cell of the long design.
fn components(long: &Design, roles: &Roles, coef: &[f64], fitted: &[f64]) -> Result<Vec<Vec<f64>>, ExplainError> {
    let (layout, cells) = (long.layout, long.rows.cells());
    let n = layout.n();
    let first = long.first_columns();
    let of_columns = |range: std::ops::Range<usize>| -> Vec<f64> {
        let slots = |i: usize| layout.slots(i).filter(|&(column, _)| column < layout.k);
        let column = |column: usize| column.checked_sub(layout.n_effect_columns).filter(|j| range.contains(j));
        (0..n).map(|i| slots(i).filter_map(|(c, value)| Some(coef[column(c)?] * value)).sum()).collect()
    };
    let levels = if long.sample.effects.is_empty() {
        Vec::new()
    } else {
        let linear = of_columns(0..layout.p());
        let rows = FittedRows { row: cells.row.clone(), linear, predictor: fitted.to_vec() };
        recover(long.sample, &rows)?.levels
    };
    let of_group = |group: &Group| {
        let mut sum = vec![0.0; n];
        for &t in &group.terms {
            let part = of_columns(first[t]..first[t + 1]);
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        for &e in &group.effects {
            let mut value = vec![0.0; long.sample.effects[e].n_levels];
            levels[e].iter().for_each(|level| value[level.code as usize] = level.estimate);
            let codes = &cells.effect_codes[e];
            sum.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += value[code as usize]);
        }
        sum
    };
    Ok(roles.groups.iter().map(of_group).collect())
}

/// h of every focal coefficient and group, by cell: the group of the eliminated effect has what the others leave of the
/// whole, a less the long regression's weights.
fn directions(
    long: &Design,
    roles: &Roles,
    a: &[f64],
    in_long: &[f64],
    k: usize,
) -> Result<Vec<Vec<f64>>, ExplainError> {
    let (layout, f) = (long.layout, roles.groups.len());
    let n = layout.n();
    let absorbed = long.rows.cells().absorbed;
    let rest = roles.groups.iter().position(|group| absorbed.is_some_and(|e| group.effects.contains(&e)));
    let group_of = groups_of_columns(long, roles);
    let mut all = Vec::with_capacity(k * f);
    for at in 0..k {
        let cross = |v: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; layout.k + 1];
            for i in 0..n {
                layout.slots(i).for_each(|(column, value)| sums[column] += layout.weight[i] * v(i) * value);
            }
            sums.truncate(layout.k);
            sums
        };
        let wanted = cross(&|i| a[i * k + at]);
        let mut left: Vec<f64> = (0..n).map(|i| a[i * k + at] - in_long[i * k + at]).collect();
        let mut own: Vec<Vec<f64>> = vec![Vec::new(); f];
        for g in (0..f).filter(|&g| Some(g) != rest) {
            let m: Vec<f64> =
                wanted.iter().zip(&group_of).map(|(m, of)| if *of == Some(g) { *m } else { 0.0 }).collect();
            let none = || ExplainError::TooWide { what: WHAT, columns: layout.n_effect_columns, limit: DENSE_LIMIT };
            own[g] = long.solver.combination(&m).ok_or_else(none)?;
            left.iter_mut().zip(&own[g]).for_each(|(left, h)| *left -= h);
        }
        if let Some(rest) = rest {
            own[rest] = left;
        }
        let size: f64 = (0..n).map(|i| layout.weight[i] * a[i * k + at].abs()).sum();
        for (g, h) in own.iter().enumerate() {
            let found = cross(&|i| h[i]);
            let misses = |(column, (found, wanted)): (usize, (&f64, &f64))| {
                let wanted = if group_of[column] == Some(g) { *wanted } else { 0.0 };
                (found - wanted).abs() > IDENTIFIED * size
            };
            if found.iter().zip(&wanted).enumerate().any(misses) {
                return Err(ExplainError::NotSeparate { group: roles.groups[g].name.clone() });
            }
        }
        all.extend(own);
    }
    Ok(all)
}

/// The group of every dense column; none for focal and base columns.
fn groups_of_columns(long: &Design, roles: &Roles) -> Vec<Option<usize>> {
    let absorbed = long.rows.cells().absorbed;
    let mut of = Vec::with_capacity(long.layout.k);
    for e in (0..long.sample.effects.len()).filter(|&e| Some(e) != absorbed) {
        let group = roles.groups.iter().position(|group| group.effects.contains(&e));
        of.extend(std::iter::repeat_n(group, long.layout.effect_levels[e]));
    }
    for (t, term) in long.sample.terms.iter().enumerate() {
        let group = roles.groups.iter().position(|group| group.terms.contains(&t));
        of.extend(std::iter::repeat_n(group, term.n_columns()));
    }
    of
}
