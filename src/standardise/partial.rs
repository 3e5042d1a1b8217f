//! The partially linear estimator (least squares of the formula) on some of the cells, with its influence by design cell,
//! and the parts of its contrasts.
//!
//! With x~_k the residual of level k's dummy from the rest of the design, a contrast is
//! b_k = sum_i w_i x~_ki y_i / sum_i w_i x~_ki D_ki. Write the mean of cell c at level l as m_c0 + t_l(c), t_l(c) the
//! contrast with the reference within the cell. The regression is linear in what it explains, so
//!
//! ```text
//! b_k = own_k + contamination_k + between_k        the coefficient of level k when the outcome is
//!       own:            D_k t_k(c)                 effects of level k itself
//!       contamination:  sum_{l != k} D_l t_l(c)    effects of other levels; zero if they do not vary over cells
//!       between:        m_c0                       what the controls leave of the reference level; zero if cells are absorbed
//! ```
//!
//! (Goldsmith-Pinkham, Hull and Kolesar 2024, equation 9 and section 4.2). The influence of own_k is that of the coefficient
//! for a known outcome, w_i q_k(i) (T_i - fit of T), and that of the estimated t_k(c): each cell's
//! lambda_k(c) = sum_{i in c, level k} w_i q_k(i) times the influence of its two means.

use super::table::CellTable;
use crate::absorb::{NotConverged, Solver};
use crate::aggregate::Aggregator;
use crate::aggregate::Rows;
use crate::design::cells::CellOutcome;
use crate::design::layout::Layout;
use crate::design::singletons::Exact;
use crate::design::{NO_COLUMN, RatesFactor, Sample};
use crate::estimate::Options;

/// What the cells of the formula's regression are.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// Its factor.
    pub factor: &'a RatesFactor,
    /// How to absorb.
    pub options: &'a Options,
    /// Its rows.
    pub rows: &'a Rows<'a>,
    /// Totals by cell and level.
    pub table: &'a CellTable,
    /// Entry means of the outcome.
    pub mean: &'a [f64],
    /// Cell means of the outcome.
    pub outcome: &'a CellOutcome,
}

/// Slope h and constant t of each design cell's influence w [(y - m_ck) h + t] on some numbers.
#[derive(Debug, Clone)]
pub struct Influences {
    /// Numbers.
    pub len: usize,
    /// Design cells x numbers.
    pub slope: Vec<f64>,
    /// Design cells x numbers.
    pub constant: Vec<f64>,
}

/// Contrasts of every level but the reference, in the order of levels.
#[derive(Debug, Clone)]
pub struct Partial {
    /// b_k; not a number where the level's column was dropped.
    pub contrast: Vec<f64>,
    /// own_k.
    pub own: Vec<f64>,
    /// between_k.
    pub between: Vec<f64>,
    /// Of the contrasts, own parts and between parts, in this order.
    pub influence: Influences,
}

/// Column of each level among the regressor columns, if it has one.
pub fn level_columns(sample: &Sample, factor: &RatesFactor) -> Vec<Option<usize>> {
    let mut columns = vec![None; factor.levels.len()];
    let mut first = 0;
    for term in &sample.terms {
        if let Some(levels) = term.levels.as_ref().filter(|levels| levels.factor == factor.name) {
            for (column, &code) in columns.iter_mut().zip(&factor.term_codes) {
                let own = levels.column_of_level[code as usize];
                *column = (own != NO_COLUMN).then(|| first + own as usize);
            }
        }
        first += term.n_columns();
    }
    columns
}

/// Fits the formula on the cells not marked, and takes its contrasts apart if asked to (every cell must hold all levels).
///
/// # Errors
/// [`NotConverged`] if effects are absorbed iteratively and fail.
pub fn partial(setting: Setting, exact: &[Exact], parts: bool) -> Result<Partial, NotConverged> {
    let Setting { sample, factor, options, rows, table, mean, outcome } = setting;
    let cells = rows.cells();
    let names = sample.effects.iter().map(|effect| effect.name.as_str()).collect::<Vec<_>>().join(" + ");
    let layout = Layout::new(sample, cells, exact);
    let solver = Solver::new(&layout, &layout.weight, options.method, &names)?;
    let weights = solver.influence();
    let p = layout.p();
    let columns = level_columns(sample, factor);
    let dropped = solver.dropped();
    let column = |k: usize| columns[k].filter(|&j| dropped[j].is_none());
    let base = factor.reference;
    let others: Vec<usize> = (0..factor.levels.len()).filter(|&k| k != base).collect();
    // a level without a column is a reference, unless its column was dropped
    let missing: Vec<bool> = others.iter().map(|&k| columns[k].is_some() && column(k).is_none()).collect();
    let of_level = |values: &[f64], k: usize| column(k).map_or(0.0, |j| values[j]);
    let contrast = |values: &[f64], k: usize| of_level(values, k) - of_level(values, base);

    let m = others.len();
    let len = if parts { 3 * m } else { m };
    let (mut slope, mut constant) = (vec![0.0; cells.len() * len], vec![0.0; cells.len() * len]);
    let n = layout.n();
    let q = |i: usize, k: usize| if p == 0 { 0.0 } else { contrast(&weights[i * p..(i + 1) * p], k) };
    let observed: Vec<f64> = layout.cell.iter().map(|&cell| outcome.mean[cell as usize]).collect();
    let projection = solver.regress(&observed)?;
    let mut estimates: Vec<f64> = others.iter().map(|&k| contrast(&projection.coef, k)).collect();
    for i in 0..n {
        let cell = layout.cell[i] as usize;
        for (position, &k) in others.iter().enumerate() {
            slope[cell * len + position] = q(i, k);
            constant[cell * len + position] = q(i, k) * (mean[table.entry(cell)] - projection.fitted[i]);
        }
    }
    estimates.iter_mut().zip(&missing).filter(|(_, missing)| **missing).for_each(|(value, _)| *value = f64::NAN);
    let mut out = Partial {
        contrast: estimates,
        own: Vec::new(),
        between: Vec::new(),
        influence: Influences { len, slope: Vec::new(), constant: Vec::new() },
    };
    if parts {
        let base_mean = |cell: usize| mean[table.of[cell] as usize * table.n_levels + base];
        let at_base: Vec<f64> = layout.cell.iter().map(|&cell| base_mean(cell as usize)).collect();
        let between = solver.regress(&at_base)?;
        out.between = others.iter().map(|&k| contrast(&between.coef, k)).collect();
        for (position, &k) in others.iter().enumerate() {
            let at_level = |cell: usize| table.level[cell] as usize == k;
            let effect = |cell: usize| {
                if at_level(cell) { mean[table.entry(cell)] - base_mean(cell) } else { 0.0 }
            };
            let effects: Vec<f64> = layout.cell.iter().map(|&cell| effect(cell as usize)).collect();
            let own = solver.regress(&effects)?;
            out.own.push(contrast(&own.coef, k));
            // weight of each control cell in own and between
            let (mut of_level, mut of_all) = (vec![0.0; table.n_cells], vec![0.0; table.n_cells]);
            for i in 0..n {
                let cell = layout.cell[i] as usize;
                let weighted = layout.weight[i] * q(i, k);
                of_all[table.of[cell] as usize] += weighted;
                of_level[table.of[cell] as usize] += if at_level(cell) { weighted } else { 0.0 };
            }
            for i in 0..n {
                let cell = layout.cell[i] as usize;
                let c = table.of[cell] as usize;
                let (level, entry) = (table.level[cell] as usize, table.entry(cell));
                let (own_at, between_at) = (cell * len + m + position, cell * len + 2 * m + position);
                constant[own_at] = q(i, k) * (effects[i] - own.fitted[i]);
                constant[between_at] = q(i, k) * (at_base[i] - between.fitted[i]);
                if level == k {
                    slope[own_at] = of_level[c] / table.weight[entry];
                } else if level == base {
                    slope[own_at] = -of_level[c] / table.weight[entry];
                    slope[between_at] = of_all[c] / table.weight[entry];
                }
            }
        }
    }
    out.influence.slope = slope;
    out.influence.constant = constant;
    Ok(out)
}
