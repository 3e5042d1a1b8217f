//! Randomisation inference: the factor of interest permuted, and everything estimated anew.
//!
//! Within the cells of the absorbed effects rows exchange their levels; or users exchange their whole sequences of levels
//! (with users of as many rows, unless every user has one level). Under the sharp null that the factor moves no outcome, all such
//! tables were as likely as the one seen, and (1 + #{|t*| >= |t|}) / (1 + B) is a p-value that is never too small
//! (Phipson and Smyth 2010). The statistics are each coefficient's t and the joint Wald statistic, which keep their level
//! when the null is that of no average effect (DiCiccio and Romano 2017).

use super::ResamplingError;
use super::philox::{Purpose, philox};
use crate::design::Sample;
use crate::design::codes::{combine, sort_by_code};
use crate::estimate::{Options, fit};
use crate::linalg::Cholesky;
use crate::linalg::cholesky::COLLINEARITY_TOLERANCE;
use crate::nearest::nearest_name;
use crate::result::ModelFit;
use rayon::prelude::*;

/// Statistics closer than this, relative to their size, are equal: ties count as no smaller.
const TIE: f64 = 1e-9;

/// Who exchanges levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exchange {
    /// Rows of a cell of the absorbed effects.
    #[default]
    Rows,
    /// Clusters, their whole sequences.
    Users,
}

/// How a permutation test is made.
#[derive(Debug, Clone, PartialEq)]
pub struct PermuteOptions {
    /// Permutations.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Who exchanges levels.
    pub exchange: Exchange,
    /// Whether the statistics of every permutation are returned.
    pub keep_draws: bool,
}

/// A statistic and its permutation p-value.
#[derive(Debug, Clone, PartialEq)]
pub struct Permuted {
    /// Coefficient, or `Wald` for all of the factor.
    pub name: String,
    /// Estimate; `NaN` for the Wald statistic.
    pub estimate: f64,
    /// Standard error of the fit.
    pub std_error: f64,
    /// t, or the Wald statistic.
    pub statistic: f64,
    /// (1 + permutations no less extreme) / (1 + permutations).
    pub p_value: f64,
    /// Permutations with this statistic.
    pub draws: usize,
    /// The statistic of each permutation, if asked for.
    pub statistics: Vec<f64>,
}

/// A permutation test.
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationTest {
    /// The fit itself.
    pub fit: ModelFit,
    /// Each coefficient of the factor, then the joint test.
    pub tests: Vec<Permuted>,
    /// Permutations whose fit failed, and why the first of them did. They count as no less extreme.
    pub failed: (usize, Option<String>),
    /// Rows that can exchange their level with another one.
    pub movable: usize,
}

/// Permutes a factor (or number) of the formula.
///
/// # Errors
/// [`ResamplingError`]: a variable that is not in the formula, no row that could move.
pub fn permute(
    sample: &Sample,
    options: &Options,
    factor: &str,
    how: &PermuteOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<PermutationTest, ResamplingError> {
    let options = Options {
        keep_influence: false,
        keep_fitted: false,
        keep_effects: false,
        keep_weights: false,
        ..options.clone()
    };
    let mut plain = sample.clone();
    plain.rates = None;
    let columns = columns_of(&plain, factor)?;
    let blocks = match how.exchange {
        Exchange::Rows => Blocks::of_rows(&plain),
        Exchange::Users => Blocks::of_users(&plain, factor)?,
    };
    let movable = blocks.movable();
    if movable == 0 {
        return Err(ResamplingError::NothingToExchange { factor: factor.to_owned() });
    }
    let fitted = fit(&plain, &options).swap_remove(0)?.fit;
    let names: Vec<String> = columns.into_iter().filter(|name| row_of(&fitted, name).is_some()).collect();
    let observed = statistics(&fitted, &names);
    let drawn: Vec<Result<Vec<f64>, String>> = (0..how.draws)
        .into_par_iter()
        .map(|draw| {
            let result = match fit(&blocks.permuted(&plain, factor, how.seed, draw), &options).swap_remove(0) {
                Ok(fitted) => Ok(statistics(&fitted.fit, &names)),
                Err(error) => Err(error.to_string()),
            };
            done(1);
            result
        })
        .collect();
    let failures: Vec<&String> = drawn.iter().filter_map(|draw| draw.as_ref().err()).collect();
    let failed = (failures.len(), failures.first().map(|reason| (*reason).clone()));
    let tests = (0..=names.len()).filter(|&at| at < names.len() || names.len() > 1).map(|at| {
        let values: Vec<f64> = drawn.iter().map(|draw| draw.as_ref().map_or(f64::NAN, |values| values[at])).collect();
        let bar = observed[at].abs() * (1.0 - TIE);
        // a permutation without a statistic counts against the test: the p-value stays valid
        let extreme = values.iter().filter(|value| value.is_nan() || value.abs() >= bar).count();
        let row = names.get(at).and_then(|name| row_of(&fitted, name));
        Permuted {
            name: names.get(at).cloned().unwrap_or_else(|| String::from("Wald")),
            estimate: row.map_or(f64::NAN, |row| row.estimate),
            std_error: row.map_or(f64::NAN, |row| row.std_error),
            statistic: observed[at],
            p_value: (1 + extreme) as f64 / (1 + values.len()) as f64,
            draws: values.iter().filter(|value| !value.is_nan()).count(),
            statistics: if how.keep_draws { values } else { Vec::new() },
        }
    });
    Ok(PermutationTest { tests: tests.collect(), failed, movable, fit: fitted })
}

fn row_of<'f>(fit: &'f ModelFit, name: &str) -> Option<&'f crate::result::Estimate> {
    fit.coefficients.iter().find(|row| row.term == name)
}

/// Names of the columns that use the factor.
fn columns_of(sample: &Sample, factor: &str) -> Result<Vec<String>, ResamplingError> {
    let uses = |term: &&crate::design::Term| {
        term.variable.as_deref() == Some(factor) || term.levels.as_ref().is_some_and(|levels| levels.factor == factor)
    };
    let found: Vec<String> = sample.terms.iter().filter(uses).flat_map(|term| term.names.iter().cloned()).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut known: Vec<String> = Vec::new();
    for term in &sample.terms {
        let name = term.levels.as_ref().map(|levels| levels.factor.clone()).or_else(|| term.variable.clone());
        known.extend(name.filter(|name| !known.contains(name)));
    }
    let nearest = nearest_name(factor, known.iter().map(String::as_str)).map(str::to_owned);
    Err(ResamplingError::UnknownFactor { factor: factor.to_owned(), nearest, known })
}

/// Each coefficient's t, then the joint Wald statistic; `NaN` where a coefficient was dropped.
fn statistics(fit: &ModelFit, names: &[String]) -> Vec<f64> {
    let at: Vec<Option<usize>> =
        names.iter().map(|name| fit.coefficients.iter().position(|row| row.term == *name)).collect();
    let mut all: Vec<f64> = at.iter().map(|at| at.map_or(f64::NAN, |at| fit.coefficients[at].statistic)).collect();
    let positions: Option<Vec<usize>> = at.into_iter().collect();
    all.push(positions.map_or(f64::NAN, |positions| wald(fit, &positions)));
    all
}

/// b'V^{-1}b.
fn wald(fit: &ModelFit, positions: &[usize]) -> f64 {
    let (p, k) = (fit.coefficients.len(), positions.len());
    let entry = |a: usize, b: usize| fit.vcov[positions[a] * p + positions[b]];
    let matrix: Vec<f64> = (0..k * k).map(|i| entry(i / k, i % k)).collect();
    let scale: Vec<f64> = (0..k).map(|i| entry(i, i)).collect();
    let factor = Cholesky::new(&matrix, k, &scale, COLLINEARITY_TOLERANCE);
    if factor.rank() < k {
        return f64::NAN;
    }
    let mut forward: Vec<f64> = positions.iter().map(|&at| fit.coefficients[at].estimate).collect();
    factor.forward(&mut forward);
    forward.iter().map(|x| x * x).sum()
}

/// Runs of rows that move together, and the blocks within which runs exchange places.
struct Blocks {
    /// Rows of each run.
    runs: Vec<std::ops::Range<u32>>,
    /// Runs in the order of blocks.
    order: Vec<u32>,
    /// Start of each block in `order`, and the end.
    starts: Vec<u32>,
    /// Whether a run gives its first row's level to all rows of another, which may be longer or shorter.
    whole: bool,
}

impl Blocks {
    /// Rows within the cells of all effects.
    fn of_rows(sample: &Sample) -> Self {
        let inputs: Vec<(&[u32], usize)> =
            sample.effects.iter().map(|effect| (effect.codes.as_slice(), effect.n_levels)).collect();
        let (codes, n) = if inputs.is_empty() { (vec![0; sample.n_rows], 1) } else { combine(&inputs, sample.n_rows) };
        let (order, starts) = sort_by_code(&codes, n);
        Blocks { runs: (0..sample.n_rows as u32).map(|row| row..row + 1).collect(), order, starts, whole: false }
    }

    /// Clusters: all together if each has one level, else among those with as many rows.
    fn of_users(sample: &Sample, factor: &str) -> Result<Self, ResamplingError> {
        super::problem::one_cluster(sample)?;
        let codes = &sample.clusters[0].codes;
        let mut runs: Vec<std::ops::Range<u32>> = Vec::new();
        for row in 0..sample.n_rows as u32 {
            match runs.last_mut() {
                Some(run) if codes[run.start as usize] == codes[row as usize] => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        let differs = |a: u32, b: u32| {
            sample.terms.iter().any(|term| {
                let levels = term.levels.as_ref().filter(|levels| levels.factor == factor);
                let values = term.values.as_ref().filter(|_| term.variable.as_deref() == Some(factor));
                levels.is_some_and(|levels| levels.codes[a as usize] != levels.codes[b as usize])
                    || values.is_some_and(|values| values[a as usize] != values[b as usize])
            })
        };
        let whole = runs.iter().all(|run| run.clone().all(|row| !differs(run.start, row)));
        let length: Vec<u32> = runs.iter().map(|run| if whole { 0 } else { run.end - run.start }).collect();
        let longest = length.iter().max().map_or(1, |&longest| longest as usize + 1);
        let (order, starts) = sort_by_code(&length, longest);
        Ok(Blocks { runs, order, starts, whole })
    }

    /// Rows in blocks of at least two runs.
    fn movable(&self) -> usize {
        let blocks = self.starts.windows(2).filter(|block| block[1] - block[0] > 1);
        let runs = blocks.flat_map(|block| &self.order[block[0] as usize..block[1] as usize]);
        runs.map(|&run| self.runs[run as usize].len()).sum()
    }

    /// For each row, the row whose level it gets.
    fn sources(&self, n_rows: usize, seed: u64, draw: usize) -> Vec<u32> {
        let mut source: Vec<u32> = (0..n_rows as u32).collect();
        let mut shuffled = self.order.clone();
        for (block, ends) in self.starts.windows(2).enumerate() {
            let runs = &mut shuffled[ends[0] as usize..ends[1] as usize];
            // Fisher and Yates (Durstenfeld 1964)
            for last in (1..runs.len()).rev() {
                let counter = [block as u32, draw as u32, Purpose::Order as u32, last as u32];
                let [a, b, ..] = philox(seed, counter);
                let wide = u128::from((u64::from(a) << 32) | u64::from(b)) * (last as u128 + 1);
                runs.swap(last, (wide >> 64) as usize);
            }
        }
        for (&to, &from) in self.order.iter().zip(&shuffled) {
            let (to, from) = (&self.runs[to as usize], &self.runs[from as usize]);
            for (position, row) in to.clone().enumerate() {
                source[row as usize] = from.start + if self.whole { 0 } else { position as u32 };
            }
        }
        source
    }

    /// The sample with the factor permuted.
    fn permuted(&self, sample: &Sample, factor: &str, seed: u64, draw: usize) -> Sample {
        let source = self.sources(sample.n_rows, seed, draw);
        let mut permuted = sample.clone();
        for term in &mut permuted.terms {
            if let Some(levels) = term.levels.as_mut().filter(|levels| levels.factor == factor) {
                levels.codes = source.iter().map(|&row| levels.codes[row as usize]).collect();
            }
            if term.variable.as_deref() == Some(factor) {
                let move_values = |values: &std::sync::Arc<Vec<f64>>| -> std::sync::Arc<Vec<f64>> {
                    source.iter().map(|&row| values[row as usize]).collect::<Vec<f64>>().into()
                };
                term.values = term.values.as_ref().map(move_values);
            }
        }
        permuted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_stay_in_their_blocks_and_are_equally_frequent() {
        let blocks = Blocks {
            runs: (0..7).map(|row| row..row + 1).collect(),
            order: vec![0, 3, 5, 1, 2, 4, 6],
            starts: vec![0, 3, 7],
            whole: false,
        };
        let mut seen = std::collections::BTreeMap::new();
        for draw in 0..14_400 {
            let source = blocks.sources(7, 9, draw);
            let mut block: Vec<u32> = [0, 3, 5].iter().map(|&row| source[row]).collect();
            block.sort_unstable();
            assert_eq!(block, [0, 3, 5]);
            *seen.entry(source).or_insert(0usize) += 1;
        }
        // 3! 4! permutations, 100 times each: five standard deviations
        assert_eq!(seen.len(), 144);
        assert!(seen.values().all(|&count| (50..=150).contains(&count)));
    }

    #[test]
    fn sequences_of_users_move_whole() {
        let blocks = Blocks {
            runs: vec![0..2, 2..3, 3..5, 5..6],
            order: vec![1, 3, 0, 2],
            starts: vec![0, 0, 2, 4],
            whole: false,
        };
        assert_eq!(blocks.movable(), 6);
        for draw in 0..50 {
            let source = blocks.sources(6, 1, draw);
            assert!(source[0] + 1 == source[1] && [0, 3].contains(&source[0]) && [2, 5].contains(&source[2]));
        }
    }
}
