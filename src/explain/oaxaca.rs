//! A difference of two means by a regression in each group: what differs in the regressors, what in their coefficients
//! (Oaxaca 1973; Blinder 1973).
//!
//! With means x_g and coefficients b_g of the groups g = a, b, and reference coefficients b*,
//!
//! ```text
//! y_b - y_a = (x_b - x_a)'b*                            explained by the regressors
//!           + x_b'(b_b - b*) + x_a'(b* - b_a)           unexplained
//! ```
//!
//! both the sum of a part for every variable. The levels of a factor are normalised (Yun 2005): its coefficients are
//! deviations from their mean over levels, which goes to the intercept, so that no part depends on a reference level.
//!
//! Coefficients and means are both estimated. A part has gradient g_f in the coefficients of each regression f and m_g in
//! the means of each group; with M_f the cross-product matrix and u the residual, a row of group g and of every
//! regression that has it adds
//!
//! ```text
//! phi_i = w_i sum_f u_fi x_i'M_f^-1 g_f + w_i / W_g (x_i - x_g)'m_g
//! ```

use super::error::ExplainError;
use super::kitagawa::{TwoGroups, sum_rows, tests_of};
use super::summed::{Summed, Tests, std_error};
use super::term_name;
use crate::design::{NO_COLUMN, Sample};
use crate::linalg::cholesky::{COLLINEARITY_TOLERANCE, Cholesky};
use crate::result::{Estimate, Family};

const WHAT: &str = "the decomposition";
/// Most columns of the written-out design.
const WIDEST: usize = 600;

/// Reference coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceCoefficients {
    /// Those of group a.
    A,
    /// Those of group b.
    B,
    /// Of both groups together, without a dummy of the group (Neumark 1988).
    Pooled,
    /// Of both groups together, with a dummy of the group (Jann 2008).
    PooledWithDummy,
}

/// One variable's parts.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableParts {
    /// The variable; `(Intercept)` for the constant.
    pub name: String,
    /// Explained by its means.
    pub explained: Estimate,
    /// Unexplained: its coefficients.
    pub unexplained: Estimate,
}

/// A decomposition of a difference of means.
#[derive(Debug, Clone, PartialEq)]
pub struct Oaxaca {
    /// Mean outcome of each group.
    pub means: [Estimate; 2],
    /// Rows of each group.
    pub rows: [usize; 2],
    /// Mean of b less that of a.
    pub total: Estimate,
    /// Explained.
    pub explained: Estimate,
    /// Unexplained.
    pub unexplained: Estimate,
    /// By variable, in the order of the formula.
    pub variables: Vec<VariableParts>,
    /// Clusters.
    pub clusters: Option<usize>,
}

/// A variable of the design: one column, or one per level.
struct Variable {
    name: String,
    /// First column of the full design.
    first: usize,
    /// Columns of the full design: all levels.
    width: usize,
    /// Level of each row; `None` for a number.
    codes: Option<Vec<u32>>,
    values: Vec<f64>,
}

/// The full design: a constant, numbers, and every level of every factor.
struct Full {
    variables: Vec<Variable>,
    width: usize,
}

impl Full {
    /// Columns and values of a row.
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        std::iter::once((0, 1.0)).chain(self.variables.iter().map(move |variable| match &variable.codes {
            Some(codes) => (variable.first + codes[row] as usize, 1.0),
            None => (variable.first, variable.values[row]),
        }))
    }

    /// Whether a column is the first level of a factor, which the estimated design leaves out.
    fn is_reference(&self, column: usize) -> bool {
        self.variables.iter().any(|variable| variable.codes.is_some() && variable.first == column)
    }

    /// Coefficients with those of each factor as deviations from their mean, which goes to the constant.
    fn normalised(&self, raw: &[f64]) -> Vec<f64> {
        let mut out = raw.to_vec();
        for variable in self.variables.iter().filter(|variable| variable.codes.is_some()) {
            let levels = variable.first..variable.first + variable.width;
            let mean = raw[levels.clone()].iter().sum::<f64>() / variable.width as f64;
            out[0] += mean;
            levels.for_each(|j| out[j] -= mean);
        }
        out
    }

    /// Its transpose: a gradient in normalised coefficients as one in raw ones.
    fn normalised_gradient(&self, gradient: &[f64]) -> Vec<f64> {
        let mut out = gradient.to_vec();
        for variable in self.variables.iter().filter(|variable| variable.codes.is_some()) {
            let levels = variable.first..variable.first + variable.width;
            let sum: f64 = gradient[levels.clone()].iter().sum();
            levels.for_each(|j| out[j] += (gradient[0] - sum) / variable.width as f64);
        }
        out
    }
}

/// A regression on the estimated columns of the design.
struct Regression {
    /// Raw coefficients of the full design (and the group dummy, last); zero for reference levels.
    coefficients: Vec<f64>,
    factor: Cholesky,
    /// Estimated columns of the full design.
    columns: Vec<usize>,
    /// Whether a row is in it.
    of: [bool; 2],
    /// Whether the group dummy is a column.
    dummy: bool,
}

/// Takes the difference of two groups' means apart.
///
/// # Errors
/// [`ExplainError`]: another estimator, an empty group, levels or variables that a group does not identify.
pub fn oaxaca(
    sample: &Sample,
    outcome: usize,
    groups: &TwoGroups,
    reference: ReferenceCoefficients,
    family: Family,
    conf_level: f64,
) -> Result<Oaxaca, ExplainError> {
    if family != Family::Ols {
        return Err(ExplainError::NotLinear { what: WHAT, family });
    }
    let tests = tests_of(sample, conf_level, WHAT)?;
    let full = full_design(sample, groups)?;
    let y = &sample.outcomes[outcome].values;
    let fit = |of: [bool; 2], dummy: bool| regression(sample, y, groups, &full, of, dummy);
    let a = fit([true, false], false)?;
    let b = fit([false, true], false)?;
    let pooled = match reference {
        ReferenceCoefficients::A | ReferenceCoefficients::B => None,
        ReferenceCoefficients::Pooled => Some(fit([true, true], false)?),
        ReferenceCoefficients::PooledWithDummy => Some(fit([true, true], true)?),
    };
    let star = match (&pooled, reference) {
        (Some(pooled), _) => pooled,
        (None, ReferenceCoefficients::B) => &b,
        (None, _) => &a,
    };
    let means = means(sample, groups, &full);
    let of = |regression: &Regression| full.normalised(&regression.coefficients[..full.width]);
    let (beta_a, beta_b, beta_star) = (of(&a), of(&b), of(star));
    let mut parts = vec![("(Intercept)".to_owned(), 0..1)];
    parts.extend(
        full.variables.iter().map(|variable| (variable.name.clone(), variable.first..variable.first + variable.width)),
    );

    let mut found = Functionals { full: &full, regressions: vec![&a, &b, star], list: Vec::new() };
    let zeros = || vec![0.0; full.width];
    for (_, range) in &parts {
        let (mut mean_a, mut mean_b, mut in_star) = (zeros(), zeros(), zeros());
        for j in range.clone() {
            (mean_b[j], mean_a[j]) = (beta_star[j], -beta_star[j]);
            in_star[j] = means[1][j] - means[0][j];
        }
        found.add([mean_a, mean_b], [zeros(), zeros(), in_star]);
        let (mut mean_a, mut mean_b) = (zeros(), zeros());
        let mut in_fits = [zeros(), zeros(), zeros()];
        for j in range.clone() {
            (mean_b[j], mean_a[j]) = (beta_b[j] - beta_star[j], beta_star[j] - beta_a[j]);
            (in_fits[0][j], in_fits[1][j], in_fits[2][j]) = (-means[0][j], means[1][j], means[0][j] - means[1][j]);
        }
        found.add([mean_a, mean_b], in_fits);
    }
    let summed = found.summed(sample, y, groups, &means);
    let explained = |range: &std::ops::Range<usize>| -> f64 {
        range.clone().map(|j| (means[1][j] - means[0][j]) * beta_star[j]).sum()
    };
    let unexplained = |range: &std::ops::Range<usize>| -> f64 {
        let part = |j: usize| means[1][j] * (beta_b[j] - beta_star[j]) + means[0][j] * (beta_star[j] - beta_a[j]);
        range.clone().map(part).sum()
    };
    let n = parts.len();
    let every = |offset: usize| -> Vec<f64> { (0..2 * n).map(|at| f64::from(u8::from(at % 2 == offset))).collect() };
    let overall = summed.combined(&[every(0), every(1), vec![1.0; 2 * n]]);
    let (vcov, totals) = (summed.covariance(tests.factor), overall.covariance(tests.factor));
    let whole = 0..full.width;
    let (explained_all, unexplained_all) = (explained(&whole), unexplained(&whole));
    let variables = parts.iter().enumerate().map(|(at, (name, range))| VariableParts {
        explained: tests.number(name.clone(), explained(range), std_error(&vcov, 2 * n, 2 * at)),
        unexplained: tests.number(name.clone(), unexplained(range), std_error(&vcov, 2 * n, 2 * at + 1)),
        name: name.clone(),
    });
    let (group_means, rows) = group_means(sample, y, groups, &tests);
    Ok(Oaxaca {
        total: tests.number("difference", group_means[1].estimate - group_means[0].estimate, std_error(&totals, 3, 2)),
        explained: tests.number("explained", explained_all, std_error(&totals, 3, 0)),
        unexplained: tests.number("unexplained", unexplained_all, std_error(&totals, 3, 1)),
        variables: variables.collect(),
        means: group_means,
        rows,
        clusters: sample.clusters.first().map(|cluster| cluster.n_clusters),
    })
}

/// Variables of the design; every level must occur in both groups.
fn full_design(sample: &Sample, groups: &TwoGroups) -> Result<Full, ExplainError> {
    for (g, label) in groups.labels.iter().enumerate() {
        if !groups.is_b.contains(&(g == 1)) {
            return Err(ExplainError::EmptyGroup { group: label.clone() });
        }
    }
    let mut full = Full { variables: Vec::new(), width: 1 };
    for term in &sample.terms {
        let name = term_name(term);
        match (&term.levels, &term.values) {
            (None, Some(values)) => full.add(name, None, values.to_vec(), 1),
            // a full set of levels but one: the factor itself
            (Some(levels), None) if levels.column_of_level.iter().any(|&column| column != NO_COLUMN) => {
                full.add_levels(name, &levels.codes, levels.column_of_level.len(), groups)?;
            }
            _ => return Err(ExplainError::Product { term: name }),
        }
    }
    for effect in &sample.effects {
        if !effect.slopes.is_empty() {
            return Err(ExplainError::Slopes { what: WHAT, effect: effect.name.clone() });
        }
        full.add_levels(effect.name.clone(), &effect.codes, effect.n_levels, groups)?;
    }
    if full.width > WIDEST {
        return Err(ExplainError::TooWide { what: WHAT, columns: full.width, limit: WIDEST });
    }
    Ok(full)
}

impl Full {
    fn add(&mut self, name: String, codes: Option<Vec<u32>>, values: Vec<f64>, width: usize) {
        self.variables.push(Variable { name, first: self.width, width, codes, values });
        self.width += width;
    }

    /// Adds the levels that have rows.
    fn add_levels(&mut self, name: String, codes: &[u32], n: usize, groups: &TwoGroups) -> Result<(), ExplainError> {
        let mut rows = vec![[0usize; 2]; n];
        codes.iter().zip(&groups.is_b).for_each(|(&code, &is_b)| rows[code as usize][usize::from(is_b)] += 1);
        let one_sided = rows.iter().filter(|rows| (rows[0] == 0) != (rows[1] == 0));
        let (levels, alone) = one_sided.fold((0, 0), |(levels, sum), rows| (levels + 1, sum + rows[0] + rows[1]));
        if levels > 0 {
            return Err(ExplainError::OneSided { name, levels, rows: alone });
        }
        let mut number = vec![0; n];
        let mut next = 0;
        for (number, _) in number.iter_mut().zip(&rows).filter(|(_, rows)| rows[0] > 0) {
            *number = next;
            next += 1;
        }
        let codes = codes.iter().map(|&code| number[code as usize]).collect();
        self.add(name, Some(codes), Vec::new(), next as usize);
        Ok(())
    }
}

/// Least squares of some groups' rows on the estimated columns.
fn regression(
    sample: &Sample,
    y: &[f64],
    groups: &TwoGroups,
    full: &Full,
    of: [bool; 2],
    dummy: bool,
) -> Result<Regression, ExplainError> {
    let columns: Vec<usize> = (0..full.width).filter(|&j| !full.is_reference(j)).collect();
    let k = columns.len() + usize::from(dummy);
    let mut place = vec![usize::MAX; full.width];
    columns.iter().enumerate().for_each(|(at, &j)| place[j] = at);
    let slots = |row: usize| {
        let group = (dummy && groups.is_b[row]).then_some((k - 1, 1.0));
        let design = full.row(row).map(|(j, value)| (place[j], value)).filter(|(at, _)| *at != usize::MAX);
        design.chain(group).collect::<Vec<(usize, f64)>>()
    };
    let rows = || (0..sample.n_rows).filter(|&row| of[usize::from(groups.is_b[row])]);
    let (mut cross, mut right) = (vec![0.0; k * k], vec![0.0; k]);
    for row in rows() {
        let (slots, w) = (slots(row), sample.weight(row));
        for &(i, x) in &slots {
            right[i] += w * x * y[row];
            slots.iter().for_each(|&(j, z)| cross[i * k + j] += w * x * z);
        }
    }
    let scale: Vec<f64> = (0..k).map(|j| cross[j * k + j]).collect();
    let factor = Cholesky::new(&cross, k, &scale, COLLINEARITY_TOLERANCE);
    if let Some(at) = factor.dropped.iter().position(|dropped| *dropped) {
        let name = match columns.get(at) {
            Some(&j) => full.variables.iter().rev().find(|v| v.first <= j).map(|v| v.name.clone()).unwrap_or_default(),
            None => String::from("the group"),
        };
        let group = match of {
            [true, false] => groups.labels[0].clone(),
            [false, true] => groups.labels[1].clone(),
            _ => String::from("both together"),
        };
        return Err(ExplainError::NotIdentified { name, group });
    }
    let mut beta = right;
    factor.solve(&mut beta);
    // what rounding left of the residual's products
    let mut step = vec![0.0; k];
    for row in rows() {
        let slots = slots(row);
        let residual = y[row] - slots.iter().map(|&(at, value)| beta[at] * value).sum::<f64>();
        slots.iter().for_each(|&(at, value)| step[at] += sample.weight(row) * residual * value);
    }
    factor.solve(&mut step);
    beta.iter_mut().zip(&step).for_each(|(beta, step)| *beta += step);
    let mut coefficients = vec![0.0; full.width + usize::from(dummy)];
    columns.iter().zip(&beta).for_each(|(&j, beta)| coefficients[j] = *beta);
    if dummy {
        coefficients[full.width] = beta[k - 1];
    }
    Ok(Regression { coefficients, factor, columns, of, dummy })
}

/// Means of the full design in each group.
fn means(sample: &Sample, groups: &TwoGroups, full: &Full) -> [Vec<f64>; 2] {
    let mut sums = [vec![0.0; full.width], vec![0.0; full.width]];
    for row in 0..sample.n_rows {
        let sum = &mut sums[usize::from(groups.is_b[row])];
        full.row(row).for_each(|(j, value)| sum[j] += sample.weight(row) * value);
    }
    sums.map(|sum| {
        let total = sum[0];
        sum.into_iter().map(|sum| sum / total).collect()
    })
}

/// Mean outcomes with their tests, and rows.
fn group_means(sample: &Sample, y: &[f64], groups: &TwoGroups, tests: &Tests) -> ([Estimate; 2], [usize; 2]) {
    let (mut weight, mut sum, mut rows) = ([0.0; 2], [0.0; 2], [0; 2]);
    for (row, &is_b) in groups.is_b.iter().enumerate() {
        let g = usize::from(is_b);
        weight[g] += sample.weight(row);
        sum[g] += sample.weight(row) * y[row];
        rows[g] += 1;
    }
    let mean = [sum[0] / weight[0], sum[1] / weight[1]];
    let summed = sum_rows(sample, 2, |row, phi| {
        let g = usize::from(groups.is_b[row]);
        phi[g] = sample.weight(row) * (y[row] - mean[g]) / weight[g];
    });
    let vcov = summed.covariance(tests.factor);
    ([0, 1].map(|g| tests.number(groups.labels[g].clone(), mean[g], std_error(&vcov, 2, g))), rows)
}

/// Gradients of all parts.
struct Functionals<'a> {
    full: &'a Full,
    /// Of a, of b, of the reference.
    regressions: Vec<&'a Regression>,
    list: Vec<Functional>,
}

/// Gradient of one part.
struct Functional {
    /// In the means of each group.
    means: [Vec<f64>; 2],
    /// M^-1 times that in the coefficients of each regression.
    weights: Vec<Vec<f64>>,
}

impl Functionals<'_> {
    /// Adds a part by its gradients in means and in normalised coefficients.
    fn add(&mut self, means: [Vec<f64>; 2], coefficients: [Vec<f64>; 3]) {
        let weights = |(regression, gradient): (&&Regression, &Vec<f64>)| {
            let raw = self.full.normalised_gradient(gradient);
            let mut right: Vec<f64> = regression.columns.iter().map(|&j| raw[j]).collect();
            right.extend(regression.dummy.then_some(0.0));
            regression.factor.solve(&mut right);
            let mut out = vec![0.0; self.full.width + usize::from(regression.dummy)];
            regression.columns.iter().zip(&right).for_each(|(&j, value)| out[j] = *value);
            if regression.dummy {
                out[self.full.width] = right[right.len() - 1];
            }
            out
        };
        let weights = self.regressions.iter().zip(&coefficients).map(weights).collect();
        self.list.push(Functional { means, weights });
    }

    fn summed(&self, sample: &Sample, y: &[f64], groups: &TwoGroups, means: &[Vec<f64>; 2]) -> Summed {
        let mut weight = [0.0; 2];
        (0..sample.n_rows).for_each(|row| weight[usize::from(groups.is_b[row])] += sample.weight(row));
        // the mean of each group along each gradient
        let centre: Vec<f64> = self
            .list
            .iter()
            .flat_map(|part| [0, 1].map(|g| part.means[g].iter().zip(&means[g]).map(|(m, x)| m * x).sum()))
            .collect();
        sum_rows(sample, self.list.len(), |row, phi| {
            let (is_b, w) = (groups.is_b[row], sample.weight(row));
            let g = usize::from(is_b);
            let along = |vector: &[f64], dummy: bool| -> f64 {
                let group = if dummy && is_b { vector[self.full.width] } else { 0.0 };
                self.full.row(row).map(|(j, value)| vector[j] * value).sum::<f64>() + group
            };
            let residual = |regression: &&Regression| match regression.of[g] {
                true => y[row] - along(&regression.coefficients, regression.dummy),
                false => 0.0,
            };
            let residuals: Vec<f64> = self.regressions.iter().map(residual).collect();
            for (at, (part, phi)) in self.list.iter().zip(phi).enumerate() {
                *phi = w / weight[g] * (along(&part.means[g], false) - centre[2 * at + g]);
                for ((regression, u), h) in self.regressions.iter().zip(&residuals).zip(&part.weights) {
                    if *u != 0.0 {
                        *phi += w * u * along(h, regression.dummy);
                    }
                }
            }
        })
    }
}
