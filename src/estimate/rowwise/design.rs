//! A sample laid out for the kernel: rows kept, in groups of the largest effect, with compact levels of the others.

use super::super::link::Glm;
use crate::absorb::kernel::columns::Columns;
use crate::absorb::kernel::incidence::Incidence;
use crate::design::codes::{is_ascending, sort_by_code};
use crate::design::{Effect, NO_COLUMN, Sample, Term};
use rayon::prelude::*;
use std::borrow::Cow;

/// Which rows stay, and why the others do not.
#[derive(Debug, Default)]
pub struct Kept {
    /// Whether each row stays; empty if all do.
    keep: Vec<bool>,
    /// Rows alone in a level.
    pub singletons: usize,
    /// Rows of levels whose outcome does not vary.
    pub separated: usize,
    /// Rows at each level of each effect.
    counts: Vec<Vec<u32>>,
}

/// The rows of a fit, ready for the kernel.
#[derive(Debug)]
pub struct Design<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// Number of rows kept.
    pub n: usize,
    /// Row of the sample behind each row; `None` if they are the same.
    rows: Option<Vec<u32>>,
    /// Groups and levels.
    pub incidence: Incidence<'a>,
    /// Position of the eliminated effect in the sample.
    pub eliminated: usize,
    /// Distinct levels of each effect of the sample.
    pub effect_levels: Vec<usize>,
    /// Weights, if there are any.
    pub weight: Option<Cow<'a, [f64]>>,
    /// Sum of the weights.
    pub total: f64,
    /// Term and column within it of each regressor.
    pub regressors: Vec<(usize, u32)>,
}

/// A column as the kernel gets it: standardised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Subtracted.
    pub centre: f64,
    /// Divided by, after that.
    pub scale: f64,
    /// Weighted sum of squares of the standardised column.
    pub raw: f64,
}

impl Kept {
    /// Drops singletons and, for a likelihood, levels that an outcome separates, until neither is left.
    pub fn new(sample: &Sample, drop_singletons: bool, outcome: Option<(Glm, &[f64])>) -> Self {
        let mut kept = Kept::default();
        loop {
            let before = kept.singletons + kept.separated;
            if let Some((glm, values)) = outcome {
                kept.drop_separated(sample, glm, values);
            }
            kept.count(sample);
            if drop_singletons {
                kept.drop_singletons(sample);
            }
            if outcome.is_none() || kept.singletons + kept.separated == before {
                return kept;
            }
        }
    }

    /// Counts the rows at each level.
    fn count(&mut self, sample: &Sample) {
        let count = |effect: &Effect| {
            let mut counts = vec![0u32; effect.n_levels];
            match self.keep.is_empty() {
                true => effect.codes.iter().for_each(|&code| counts[code as usize] += 1),
                false => {
                    let rows = effect.codes.iter().zip(&self.keep).filter(|(_, keep)| **keep);
                    rows.for_each(|(&code, _)| counts[code as usize] += 1);
                }
            }
            counts
        };
        self.counts = sample.effects.par_iter().map(count).collect();
    }

    fn stays(&self, row: usize) -> bool {
        self.keep.is_empty() || self.keep[row]
    }

    fn drop_row(&mut self, n: usize, row: usize) {
        if self.keep.is_empty() {
            self.keep = vec![true; n];
        }
        self.keep[row] = false;
    }

    /// Takes levels of one row away one after the other: each level knows its count and the exclusive or of its rows, so
    /// that the last row of a level is found without a search.
    fn drop_singletons(&mut self, sample: &Sample) {
        let n = sample.n_rows;
        if self.counts.iter().flatten().all(|&count| count != 1) {
            return;
        }
        let mut levels: Vec<Vec<(u32, u32)>> = Vec::with_capacity(self.counts.len());
        for (effect, counts) in sample.effects.iter().zip(&self.counts) {
            let mut own: Vec<(u32, u32)> = counts.iter().map(|&count| (count, 0)).collect();
            (0..n).filter(|&row| self.stays(row)).for_each(|row| own[effect.codes[row] as usize].1 ^= row as u32);
            levels.push(own);
        }
        // a row that is zero in all slopes of an effect without intercepts is not fitted by it
        let is_alone = |effect: &Effect, &(count, row): &(u32, u32)| {
            let moved = || effect.slopes.iter().any(|slope| slope.values[row as usize] != 0.0);
            count == 1 && (effect.constant || moved())
        };
        let mut queue: Vec<u32> = Vec::new();
        for (effect, levels) in sample.effects.iter().zip(&levels) {
            queue.extend(levels.iter().filter(|level| is_alone(effect, level)).map(|&(_, row)| row));
        }
        while let Some(row) = queue.pop() {
            let row = row as usize;
            if !self.stays(row) {
                continue;
            }
            self.drop_row(n, row);
            self.singletons += 1;
            for (effect, levels) in sample.effects.iter().zip(&mut levels) {
                let level = &mut levels[effect.codes[row] as usize];
                level.0 -= 1;
                level.1 ^= row as u32;
                if is_alone(effect, level) {
                    queue.push(level.1);
                }
            }
        }
        for (counts, levels) in self.counts.iter_mut().zip(&levels) {
            counts.iter_mut().zip(levels).for_each(|(count, level)| *count = level.0);
        }
    }

    fn drop_separated(&mut self, sample: &Sample, glm: Glm, values: &[f64]) {
        let n = sample.n_rows;
        loop {
            let mut changed = false;
            // what slopes alone separate depends on their values
            for effect in sample.effects.iter().filter(|effect| effect.constant) {
                // whether a level has an outcome above the lower end, and one below the upper end
                let mut seen = vec![0u8; effect.n_levels];
                for row in (0..n).filter(|&row| self.stays(row)) {
                    let above = u8::from(values[row] > 0.0);
                    let below = if glm.is_binary() { u8::from(values[row] < 1.0) } else { 1 };
                    seen[effect.codes[row] as usize] |= above | (below << 1);
                }
                if seen.iter().all(|&seen| seen == 3 || seen == 0) {
                    continue;
                }
                for row in 0..n {
                    if self.stays(row) && seen[effect.codes[row] as usize] != 3 {
                        self.drop_row(n, row);
                        self.separated += 1;
                        changed = true;
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }
}

impl<'a> Design<'a> {
    /// Lays out the rows kept. The sample has at least one effect with intercepts.
    pub fn new(sample: &'a Sample, kept: &Kept) -> Self {
        let effects = &sample.effects;
        let constant = (0..effects.len()).filter(|&e| effects[e].constant);
        let eliminated = constant.max_by_key(|&e| (effects[e].n_levels, std::cmp::Reverse(e))).unwrap_or(0);
        let rows = order(sample, eliminated, kept);
        let n = rows.as_ref().map_or(sample.n_rows, Vec::len);
        let row = |i: usize| rows.as_ref().map_or(i, |rows| rows[i] as usize);
        let mut effect_levels = vec![0; effects.len()];
        let starts = group_starts(n, |i| effects[eliminated].codes[row(i)]);
        effect_levels[eliminated] = starts.len() - 1;

        let mut order: Vec<usize> = (0..effects.len()).filter(|&e| e != eliminated).collect();
        order.sort_by_key(|&e| std::cmp::Reverse(effects[e].n_levels));
        let mut numbers: Vec<Vec<u32>> = Vec::new();
        let mut others = Vec::new();
        let mut n_levels = 0;
        for &e in &order {
            let codes = &effects[e].codes;
            let mut number = vec![u32::MAX; effects[e].n_levels];
            let first = n_levels;
            for (slot, _) in number.iter_mut().zip(&kept.counts[e]).filter(|(_, count)| **count > 0) {
                *slot = n_levels as u32;
                n_levels += 1;
            }
            effect_levels[e] = n_levels - first;
            // an effect that is constant in every group is spanned by the eliminated one
            let code = |i: usize| codes[row(i)];
            if is_constant_in_groups(&starts, code) {
                n_levels = first;
                continue;
            }
            others.push((e, first));
            numbers.push(number);
        }
        let q = others.len();
        let every = |e: usize| effect_levels[e] == effects[e].n_levels;
        let levels: Cow<'a, [u32]> = match others.as_slice() {
            [(e, _)] if rows.is_none() && every(*e) => Cow::Borrowed(effects[*e].codes.as_slice()),
            _ => {
                let mut levels = vec![0u32; n * q];
                levels.par_chunks_mut(CHUNK * q.max(1)).enumerate().for_each(|(chunk, levels)| {
                    for (i, slots) in levels.chunks_exact_mut(q).enumerate() {
                        let row = row(chunk * CHUNK + i);
                        for (slot, ((e, _), number)) in slots.iter_mut().zip(others.iter().zip(&numbers)) {
                            *slot = number[effects[*e].codes[row] as usize];
                        }
                    }
                });
                Cow::Owned(levels)
            }
        };
        let weight: Option<Cow<'a, [f64]>> = sample.weights.as_ref().map(|weights| match &rows {
            None => Cow::Borrowed(weights.as_slice()),
            Some(rows) => Cow::Owned(rows.iter().map(|&row| weights[row as usize]).collect()),
        });
        let total = weight.as_ref().map_or(n as f64, |weight| weight.iter().sum());
        let regressors = sample.terms.iter().enumerate();
        let regressors = regressors.flat_map(|(t, term)| (0..term.n_columns() as u32).map(move |c| (t, c))).collect();
        let first = others.iter().map(|&(_, first)| first).collect();
        let incidence = Incidence { q, starts: starts.into(), levels, n_levels, first };
        Design { sample, n, rows, incidence, eliminated, effect_levels, weight, total, regressors }
    }

    /// Row of the sample behind a row.
    #[inline]
    pub fn row(&self, i: usize) -> usize {
        self.rows.as_ref().map_or(i, |rows| rows[i] as usize)
    }

    /// Weight of a row.
    #[inline]
    pub fn weight(&self, i: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |weight| weight[i])
    }

    /// Whether rows are those of the sample, in its order.
    pub fn is_whole(&self) -> bool {
        self.rows.is_none()
    }

    /// Name of a regressor.
    pub fn name(&self, regressor: usize) -> &str {
        let (term, column) = self.regressors[regressor];
        &self.sample.terms[term].names[column as usize]
    }

    /// Value of a regressor in a row.
    pub fn regressor(&self, regressor: usize, i: usize) -> f64 {
        let (term, column) = self.regressors[regressor];
        term_value(&self.sample.terms[term], column, self.row(i))
    }

    /// Standardises a regressor and stores it in `columns`.
    pub fn standardise_regressor(&self, columns: &mut Columns, regressor: usize) -> Scaling {
        let (term, column) = self.regressors[regressor];
        let term = &self.sample.terms[term];
        match &term.values {
            Some(values) if term.levels.is_none() => self.standardise_values(columns, regressor, values),
            _ => self.standardise(columns, regressor, |i| term_value(term, column, self.row(i))),
        }
    }

    /// Standardises a column of the sample and stores it in `columns`.
    pub fn standardise_values(&self, columns: &mut Columns, at: usize, values: &[f64]) -> Scaling {
        match &self.rows {
            None => self.standardise(columns, at, |i| values[i]),
            Some(rows) => self.standardise(columns, at, |i| values[rows[i] as usize]),
        }
    }

    /// Standardises a column and stores it in `columns`.
    fn standardise(&self, columns: &mut Columns, at: usize, value: impl Fn(usize) -> f64 + Sync) -> Scaling {
        let first = if self.n > 0 { value(0) } else { 0.0 };
        let moments = crate::linalg::blocks::sum_blocks(self.n, 2, |rows| {
            // several sums side by side: one alone waits for every addition
            let mut sums = [[0.0; 2]; LANES];
            let weight = self.weight.as_deref();
            for i in rows {
                let v = value(i) - first;
                let wv = weight.map_or(v, |weight| weight[i] * v);
                let sum = &mut sums[i % LANES];
                sum[0] += wv;
                sum[1] += wv * v;
            }
            (0..2).map(|m| sums.iter().map(|sum| sum[m]).sum()).collect()
        });
        let mean = moments[0] / self.total;
        let centre = first + mean;
        let square = moments[1] / self.total - mean * mean;
        let deviation = square.max(0.0).sqrt();
        // a constant, up to the rounding of its own size
        let varies = deviation > 1e-14 * centre.abs() && deviation > 1e-8 * mean.abs();
        let scale = if varies { deviation } else { 1.0 };
        let inverse = 1.0 / scale;
        columns.fill(at, |i| if varies { (value(i) - centre) * inverse } else { 0.0 });
        Scaling { centre, scale, raw: if varies { self.total } else { 0.0 } }
    }
}

/// A column of a term in a row of the sample.
#[inline]
fn term_value(term: &Term, column: u32, row: usize) -> f64 {
    let there = match &term.levels {
        None => true,
        Some(levels) => {
            let own = levels.column_of_level[levels.codes[row] as usize];
            own != NO_COLUMN && own == column
        }
    };
    if !there {
        return 0.0;
    }
    term.values.as_ref().map_or(1.0, |values| values[row])
}

/// Rows kept in ascending order of the eliminated effect; `None` if that is all of them as they are.
fn order(sample: &Sample, eliminated: usize, kept: &Kept) -> Option<Vec<u32>> {
    let effect = &sample.effects[eliminated];
    let ascending = is_ascending(&effect.codes);
    if ascending && kept.keep.is_empty() {
        return None;
    }
    let all =
        if ascending { (0..sample.n_rows as u32).collect() } else { sort_by_code(&effect.codes, effect.n_levels).0 };
    if kept.keep.is_empty() {
        return Some(all);
    }
    Some(all.into_iter().filter(|&row| kept.keep[row as usize]).collect())
}

fn group_starts(n: usize, code: impl Fn(usize) -> u32) -> Vec<u32> {
    let mut starts: Vec<u32> = Vec::new();
    let mut last = u32::MAX;
    for i in 0..n {
        let code = code(i);
        if i == 0 || code != last {
            starts.push(i as u32);
            last = code;
        }
    }
    starts.push(n as u32);
    starts
}

fn is_constant_in_groups(starts: &[u32], code: impl Fn(usize) -> u32) -> bool {
    starts.windows(2).all(|pair| {
        let (first, end) = (pair[0] as usize, pair[1] as usize);
        (first + 1..end).all(|i| code(i) == code(first))
    })
}

/// Sums side by side.
const LANES: usize = 8;
/// Rows per task.
const CHUNK: usize = 1 << 15;
