//! Estimates of the absorbed effects, level by level, from the rows of a fit.
//!
//! In every row the levels of the effects sum to s_i = eta_i - x_i'b, whatever solver absorbed them. Levels are recovered
//! from these sums alone: one effect has them; two are walked through, row after row of a spanning forest of their graph;
//! three and more, and effects with slopes ([`sloped`]), are the least-squares solution of the kernel. Then they are
//! normalised, which leaves every sum as it is: for each later effect, in each connected component of its graph with the
//! first effect, the first level is zero, and the first effect carries the difference. The same holds for the slopes of
//! effects that share a variable.

mod sloped;

use super::{FitError, Options};
use crate::absorb::kernel::Kernel;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::kernel::incidence::Incidence;
use crate::absorb::kernel::rank::{MAX_REMAINING, find, rank, two_levels};
use crate::absorb::{Method, NotConverged};
use crate::design::Sample;
use crate::design::codes::{combine, sort_by_code};
use sloped::Values;

/// Tolerance of a solution for three and more effects.
const ACCURATE: f64 = 1e-12;
/// Times that what is left of the sums is solved for again.
const ROUNDS: usize = 4;
/// Error of the sums, relative to the largest, from which a warning is due.
const WARN: f64 = 1e-6;
/// Error of the sums, relative to the largest, that is rounding.
const ROUNDING: f64 = 1e-13;

/// The estimation rows of a fit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FittedRows {
    /// Row of the sample.
    pub row: Vec<u32>,
    /// Regressors (and intercept, where there is one) times coefficients: the prediction without effects.
    pub linear: Vec<f64>,
    /// Linear predictor with effects; for OLS the fitted value.
    pub predictor: Vec<f64>,
}

/// One level of an effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelEstimate {
    /// Code of the level in the sample.
    pub code: u32,
    /// Position among the effect's slopes; `None` for the intercept.
    pub slope: Option<usize>,
    /// Levels of an effect are comparable within a component; numbered from 1.
    pub component: usize,
    /// Its effect.
    pub estimate: f64,
    /// Estimation rows.
    pub rows: usize,
    /// A row of the sample that has it.
    pub example: u32,
}

/// Levels of all effects.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectEstimates {
    /// By effect, in the formula's order; intercepts, then each slope, levels in the order of their codes.
    pub levels: Vec<Vec<LevelEstimate>>,
    /// Levels that the normalisation leaves open; not counted where effects have slopes.
    pub open: usize,
    /// Slopes that the rows of their level do not determine: zero before the normalisation.
    pub undetermined: usize,
    /// Largest error of a row's sum, relative to the largest sum.
    pub error: f64,
}

impl EffectEstimates {
    /// What a reader of the estimates must know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.open > 0 {
            let levels = if self.open == 1 { "1 level" } else { &format!("{} levels", self.open) };
            warnings.push(format!(
                "the effects repeat each other: at least {levels} beyond those set to zero cannot be told apart, and the estimates saved are one solution of many"
            ));
        }
        if self.undetermined > 0 {
            let slopes = if self.undetermined == 1 { "1 slope" } else { &format!("{} slopes", self.undetermined) };
            warnings.push(format!(
                "{slopes} saved cannot be told from their level's intercept, or have nothing to vary with"
            ));
        }
        if self.error > WARN {
            warnings
                .push(format!("the effects saved miss the fitted values by up to {:.0e} of the largest", self.error));
        }
        warnings
    }
}

/// Refuses what has no estimates to save.
///
/// # Errors
/// [`FitError::NoEffects`] with the reason.
pub fn check(sample: &Sample, options: &Options) -> Result<(), FitError> {
    let reason = match sample.effects.is_empty() {
        true => "the formula has none",
        false if options.bias_correction => "they do not belong to corrected coefficients",
        false => return Ok(()),
    };
    Err(FitError::NoEffects { reason: reason.to_owned() })
}

/// An effect on the estimation rows, with levels numbered without gaps.
struct Compact {
    codes: Vec<u32>,
    /// Code in the sample of each level.
    of: Vec<u32>,
    rows: Vec<usize>,
    example: Vec<u32>,
}

impl Compact {
    fn new(codes: &[u32], n_levels: usize, rows: &[u32]) -> Self {
        let mut number = vec![u32::MAX; n_levels];
        rows.iter().for_each(|&row| number[codes[row as usize] as usize] = 0);
        let of: Vec<u32> = (0..n_levels as u32).filter(|&code| number[code as usize] == 0).collect();
        of.iter().enumerate().for_each(|(level, &code)| number[code as usize] = level as u32);
        let codes: Vec<u32> = rows.iter().map(|&row| number[codes[row as usize] as usize]).collect();
        let (mut count, mut example) = (vec![0; of.len()], vec![0; of.len()]);
        for (&level, &row) in codes.iter().zip(rows).rev() {
            count[level as usize] += 1;
            example[level as usize] = row;
        }
        Compact { codes, of, rows: count, example }
    }

    fn len(&self) -> usize {
        self.of.len()
    }

    fn coded(&self) -> (&[u32], usize) {
        (&self.codes, self.len())
    }
}

/// Recovers the levels of all effects.
///
/// # Errors
/// If the system of three and more effects could not be solved.
pub fn recover(sample: &Sample, fitted: &FittedRows) -> Result<EffectEstimates, NotConverged> {
    let n = fitted.row.len();
    let effects: Vec<Compact> =
        sample.effects.iter().map(|effect| Compact::new(&effect.codes, effect.n_levels, &fitted.row)).collect();
    let sums: Vec<f64> = fitted.predictor.iter().zip(&fitted.linear).map(|(eta, linear)| eta - linear).collect();
    let (mut values, undetermined) = if sample.has_slopes() {
        sloped::solve(sample, &effects, &fitted.row, &sums)?
    } else {
        let constants = match effects.as_slice() {
            [one] => vec![means(one, &sums)],
            [a, b] => two_levels(a.coded(), b.coded(), &sums).into(),
            _ => least_squares(&effects, &sums)?,
        };
        (constants.into_iter().map(|values| vec![values]).collect(), 0)
    };
    let components = normalise_all(sample, &effects, &mut values);
    let coded: Vec<(&[u32], usize)> = effects.iter().map(Compact::coded).collect();
    let open = if sample.has_slopes() {
        0
    } else {
        let redundant = rank(&coded, n, MAX_REMAINING).redundant.iter().sum::<usize>();
        let last = |labels: &Vec<Vec<usize>>| labels[0].iter().max().map_or(0, |&last| last + 1);
        redundant.saturating_sub(components[1..].iter().map(last).sum())
    };
    let largest = sums.iter().fold(f64::MIN_POSITIVE, |most, sum| most.max(sum.abs()));
    let error = errors(sample, &effects, &values, &fitted.row, &sums).fold(0.0, f64::max) / largest;
    let level = |e: usize, j: usize, l: usize| LevelEstimate {
        code: effects[e].of[l],
        slope: j.checked_sub(usize::from(sample.effects[e].constant)),
        component: components[e][j][l] + 1,
        estimate: values[e][j][l],
        rows: effects[e].rows[l],
        example: effects[e].example[l],
    };
    let of_effect = |e: usize| {
        (0..values[e].len())
            .flat_map(|j| (0..effects[e].len()).map(move |l| (j, l)))
            .map(|(j, l)| level(e, j, l))
            .collect()
    };
    Ok(EffectEstimates { levels: (0..effects.len()).map(of_effect).collect(), open, undetermined, error })
}

/// Sizes of what levels and slopes leave of the sums.
fn errors<'v>(
    sample: &'v Sample,
    effects: &'v [Compact],
    values: &'v Values,
    rows: &'v [u32],
    sums: &'v [f64],
) -> impl Iterator<Item = f64> + 'v {
    let part = |e: usize, i: usize| -> f64 {
        let (effect, level) = (&sample.effects[e], effects[e].codes[i] as usize);
        let constants = effect.constant.then_some(1.0).into_iter();
        let variables = constants.chain(effect.slopes.iter().map(|slope| slope.values[rows[i] as usize]));
        variables.zip(&values[e]).map(|(z, values)| z * values[level]).sum()
    };
    sums.iter().enumerate().map(move |(i, sum)| (sum - (0..effects.len()).map(|e| part(e, i)).sum::<f64>()).abs())
}

/// Normalises the intercepts, and the slopes of each variable; returns components like the values.
fn normalise_all(sample: &Sample, effects: &[Compact], values: &mut Values) -> Vec<Vec<Vec<usize>>> {
    let mut components: Vec<Vec<Vec<usize>>> = values.iter().map(|own| vec![Vec::new(); own.len()]).collect();
    let name = |e: usize, j: usize| {
        let effect = &sample.effects[e];
        j.checked_sub(usize::from(effect.constant)).map(|slope| effect.slopes[slope].name.as_str())
    };
    let places: Vec<(usize, usize)> =
        (0..values.len()).flat_map(|e| (0..values[e].len()).map(move |j| (e, j))).collect();
    for (at, &(e, j)) in places.iter().enumerate() {
        if places[..at].iter().any(|&(e0, j0)| name(e0, j0) == name(e, j)) {
            continue;
        }
        let alike: Vec<(usize, usize)> =
            places[at..].iter().copied().filter(|&(e1, j1)| name(e1, j1) == name(e, j)).collect();
        let who: Vec<&Compact> = alike.iter().map(|&(e, _)| &effects[e]).collect();
        let mut own: Vec<Vec<f64>> = alike.iter().map(|&(e, j)| std::mem::take(&mut values[e][j])).collect();
        let found = normalise(&who, &mut own);
        for ((&(e, j), own), found) in alike.iter().zip(own).zip(found) {
            values[e][j] = own;
            components[e][j] = found;
        }
    }
    components
}

/// Mean of the values at each level.
fn means(effect: &Compact, values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; effect.len()];
    effect.codes.iter().zip(values).for_each(|(&level, value)| sums[level as usize] += value);
    sums.iter().zip(&effect.rows).map(|(sum, &rows)| sum / rows as f64).collect()
}

/// What the levels leave of the sums.
fn left(effects: &[Compact], values: &[Vec<f64>], sums: &[f64]) -> Vec<f64> {
    let of_row = |i: usize| effects.iter().zip(values).map(move |(effect, values)| values[effect.codes[i] as usize]);
    sums.iter().enumerate().map(|(i, sum)| sum - of_row(i).sum::<f64>()).collect()
}

/// Three and more effects: the kernel solves for the sums, then for what is left of them.
fn least_squares(effects: &[Compact], sums: &[f64]) -> Result<Vec<Vec<f64>>, NotConverged> {
    let n = sums.len();
    let largest = (0..effects.len()).max_by_key(|&e| (effects[e].len(), std::cmp::Reverse(e))).unwrap_or(0);
    let (order, _) = sort_by_code(&effects[largest].codes, effects[largest].len());
    let row = |i: usize| order[i] as usize;
    let group = |i: usize| effects[largest].codes[row(i)];
    let mut starts: Vec<u32> = (0..n).filter(|&i| i == 0 || group(i) != group(i - 1)).map(|i| i as u32).collect();
    starts.push(n as u32);
    // an effect that is constant in every group is spanned
    let varies =
        |e: usize| (1..n).any(|i| group(i) == group(i - 1) && effects[e].codes[row(i)] != effects[e].codes[row(i - 1)]);
    let mut others: Vec<usize> = (0..effects.len()).filter(|&e| e != largest && varies(e)).collect();
    others.sort_by_key(|&e| std::cmp::Reverse(effects[e].len()));
    let (mut first, mut n_levels) = (Vec::new(), 0);
    for &e in &others {
        first.push(n_levels);
        n_levels += effects[e].len();
    }
    let mut levels = Vec::with_capacity(n * others.len());
    for i in 0..n {
        levels.extend(others.iter().zip(&first).map(|(&e, &first)| first as u32 + effects[e].codes[row(i)]));
    }
    let incidence = Incidence { q: others.len(), starts: starts.into(), levels: levels.into(), n_levels, first };
    let kernel = Kernel::new(incidence, None, Method::Auto, "the effects to save");

    let mut values: Vec<Vec<f64>> = effects.iter().map(|effect| vec![0.0; effect.len()]).collect();
    let largest_sum = sums.iter().fold(0.0f64, |most, sum| most.max(sum.abs()));
    let mut rest = sums.to_vec();
    for _ in 0..ROUNDS {
        let raw: f64 = rest.iter().map(|value| value * value).sum();
        let mut columns = Columns::new(n, 1, n_levels);
        columns.fill(0, |i| rest[row(i)]);
        let mut solved = Vec::new();
        kernel.absorb(&mut columns, &[raw], ACCURATE, Some(&mut solved))?;
        for (&e, &first) in others.iter().zip(&kernel.rows().first) {
            let own = &solved[0][first..first + effects[e].len()];
            values[e].iter_mut().zip(own).for_each(|(value, step)| *value += step);
        }
        values[largest].fill(0.0);
        values[largest] = means(&effects[largest], &left(effects, &values, sums));
        rest = left(effects, &values, sums);
        if rest.iter().all(|value| value.abs() <= ROUNDING * largest_sum) {
            break;
        }
    }
    Ok(values)
}

/// Moves the first level of every component of each later effect into the first effect; returns the component of every
/// level, from 0.
fn normalise(effects: &[&Compact], values: &mut [Vec<f64>]) -> Vec<Vec<usize>> {
    let Some((first, later)) = effects.split_first() else { return Vec::new() };
    let mut of_first: Vec<Vec<u32>> = Vec::new();
    let mut components: Vec<Vec<usize>> = vec![Vec::new()];
    for (e, effect) in later.iter().enumerate() {
        let (in_first, own) = connect(first, effect);
        let mut base = vec![f64::NAN; effect.len()];
        for (value, &component) in values[e + 1].iter_mut().zip(&own) {
            if base[component].is_nan() {
                base[component] = *value;
            }
            *value -= base[component];
        }
        values[0].iter_mut().zip(&in_first).for_each(|(value, &component)| *value += base[component]);
        of_first.push(in_first.iter().map(|&component| component as u32).collect());
        components.push(own);
    }
    // levels of the first effect are comparable where they share a component with every other effect
    let joined = match of_first.as_slice() {
        [] => vec![0; first.len()],
        [one] => one.clone(),
        several => {
            let inputs: Vec<(&[u32], usize)> = several
                .iter()
                .map(|codes| {
                    (codes.as_slice(), first.len().max(codes.iter().max().map_or(0, |&last| last as usize + 1)))
                })
                .collect();
            combine(&inputs, first.len()).0
        }
    };
    components[0] = joined.into_iter().map(|component| component as usize).collect();
    components
}

/// Components of the graph of two effects, for the levels of each; numbered by the first level of `b`.
fn connect(a: &Compact, b: &Compact) -> (Vec<usize>, Vec<usize>) {
    let mut parent: Vec<u32> = (0..b.len() as u32).collect();
    let mut known = vec![u32::MAX; a.len()];
    for (&from, &to) in a.codes.iter().zip(&b.codes) {
        let slot = &mut known[from as usize];
        if *slot == u32::MAX {
            *slot = to;
        }
        let (x, y) = (find(&mut parent, *slot), find(&mut parent, to));
        // the first level is the root
        parent[x.max(y) as usize] = x.min(y);
    }
    let mut number = vec![0; b.len()];
    let mut next = 0;
    let own: Vec<usize> = (0..b.len() as u32)
        .map(|level| {
            let root = find(&mut parent, level);
            if root == level {
                number[level as usize] = next;
                next += 1;
            }
            number[root as usize]
        })
        .collect();
    (known.iter().map(|&level| own[level as usize]).collect(), own)
}
