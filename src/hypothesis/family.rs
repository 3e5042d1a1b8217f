//! Many statements at once: simultaneous bands, step-down p-values, Holm, Bonferroni.
//!
//! With t_j the statistics of m restrictions and Z from N(0, C), C their estimated correlation (over the root of an
//! independent chi-square / df where the reference is t):
//!
//! * sup-t band (Montiel Olea and Plagborg-Moller 2019, algorithm 1): estimate +- c se, c the quantile of max |Z_j|;
//!   p-value of one restriction within the family: P(max |Z| >= |t_j|), "single step";
//! * Romano and Wolf (2005) step down: by falling |t|, P(max over those not yet passed of |Z| >= |t_j|), made monotone.
//!
//! Both use the same draws. Parametric draws from the limit replace the bootstrap of the original step-down.

use super::draws::Stream;
use crate::result::Reference;
use rayon::prelude::*;

/// Draws that one task makes; results do not depend on it.
const BLOCK: usize = 1 << 10;

/// How p-values of several restrictions are adjusted for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adjustment {
    /// Not at all.
    #[default]
    None,
    /// Holm (1979): step down with Bonferroni bounds.
    Holm,
    /// Romano and Wolf (2005): step down with the joint distribution.
    RomanoWolf,
    /// Times the number of restrictions.
    Bonferroni,
}

/// What the joint draws of a family say.
#[derive(Debug, Clone, PartialEq)]
pub struct Simultaneous {
    /// Two-sided critical value of the sup-t band.
    pub critical: f64,
    /// Monte Carlo standard error of the critical value.
    pub critical_error: f64,
    /// Single-step p-values.
    pub single_step: Vec<f64>,
    /// Romano-Wolf p-values.
    pub step_down: Vec<f64>,
}

/// Holm's adjusted p-values; those that do not exist stay so and do not count.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&j| !p[j].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut out = vec![f64::NAN; p.len()];
    let mut floor = 0.0f64;
    for (step, &j) in order.iter().enumerate() {
        floor = floor.max(((order.len() - step) as f64 * p[j]).min(1.0));
        out[j] = floor;
    }
    out
}

/// Bonferroni's adjusted p-values.
pub fn bonferroni(p: &[f64]) -> Vec<f64> {
    let count = p.iter().filter(|p| !p.is_nan()).count() as f64;
    p.iter().map(|p| if p.is_nan() { f64::NAN } else { (count * p).min(1.0) }).collect()
}

/// Draws of m numbers with a correlation matrix that may be singular.
#[derive(Debug, Clone)]
pub struct JointDraws {
    m: usize,
    /// Rows of the factor without its zero columns, `m x rank`.
    factor: Vec<f64>,
    rank: usize,
    df: f64,
    seed: u64,
}

impl JointDraws {
    /// Of N(0, `correlation`), or of the t with the reference's degrees of freedom; row-major `m x m`.
    pub fn new(correlation: &[f64], m: usize, reference: Reference, seed: u64) -> Self {
        let (factor, rank) = factorise(correlation, m);
        JointDraws { m, factor, rank, df: reference.df(), seed }
    }

    fn draw(&self, at: u64, z: &mut [f64], out: &mut [f64]) {
        let mut stream = Stream::new(self.seed, at);
        z.iter_mut().for_each(|z| *z = stream.normal());
        let scale = if self.df.is_finite() { (stream.chi_square(self.df) / self.df).sqrt() } else { 1.0 };
        for (value, row) in out.iter_mut().zip(self.factor.chunks(self.rank.max(1))) {
            *value = row.iter().zip(z.iter()).map(|(l, z)| l * z).sum::<f64>() / scale;
        }
    }

    /// One number of each of `n` draws, in order.
    pub fn map(&self, n: usize, of: impl Fn(&[f64]) -> f64 + Sync) -> Vec<f64> {
        let mut values = vec![0.0; n];
        values.par_chunks_mut(BLOCK).enumerate().for_each(|(block, values)| {
            let (mut z, mut out) = (vec![0.0; self.rank], vec![0.0; self.m]);
            for (at, value) in values.iter_mut().enumerate() {
                self.draw((block * BLOCK + at) as u64, &mut z, &mut out);
                *value = of(&out);
            }
        });
        values
    }

    /// The band and both kinds of p-values of statistics `t` from `n` draws. `single` are the p-values of each alone,
    /// below which no adjusted one goes.
    pub fn simultaneous(&self, t: &[f64], single: &[f64], conf_level: f64, n: usize) -> Simultaneous {
        let mut order: Vec<usize> = (0..self.m).collect();
        order.sort_by(|&a, &b| t[b].abs().total_cmp(&t[a].abs()).then(a.cmp(&b)));
        let mut largest = self.map(n, |z| z.iter().fold(0.0, |max: f64, z| max.max(z.abs())));
        // draws that pass the statistic of each step with what is left by then: counts of whole numbers
        let blocks: Vec<Vec<u64>> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut counts = vec![0u64; self.m];
                let (mut z, mut out) = (vec![0.0; self.rank], vec![0.0; self.m]);
                for at in block * BLOCK..((block + 1) * BLOCK).min(n) {
                    self.draw(at as u64, &mut z, &mut out);
                    let mut max = 0.0f64;
                    for (&j, count) in order.iter().zip(&mut counts).rev() {
                        max = max.max(out[j].abs());
                        *count += u64::from(max >= t[j].abs());
                    }
                }
                counts
            })
            .collect();
        let mut step_down = vec![0.0; self.m];
        let mut floor = 0.0f64;
        for (step, &j) in order.iter().enumerate() {
            let count: u64 = blocks.iter().map(|counts| counts[step]).sum();
            floor = floor.max(share(count as usize, n)).max(single[j]);
            step_down[j] = floor;
        }
        largest.sort_by(f64::total_cmp);
        let above = |t: f64| n - largest.partition_point(|&max| max < t);
        let single_step = (0..self.m).map(|j| share(above(t[j].abs()), n).max(single[j])).collect();
        let (critical, critical_error) = quantile(&largest, conf_level);
        Simultaneous { critical, critical_error, single_step, step_down }
    }
}

/// (1 + count) / (1 + n): never zero.
pub fn share(count: usize, n: usize) -> f64 {
    (1 + count) as f64 / (1 + n) as f64
}

/// A quantile of sorted values, with its standard error from the order statistics one binomial error to either side.
fn quantile(sorted: &[f64], level: f64) -> (f64, f64) {
    let n = sorted.len();
    let at = |position: f64| sorted[(position.max(0.0) as usize).min(n - 1)];
    let position = (level * n as f64).ceil() - 1.0;
    let spread = (n as f64 * level * (1.0 - level)).sqrt().ceil();
    (at(position), 0.5 * (at(position + spread) - at(position - spread)))
}

/// L with L L' = C for a semidefinite C, zero columns left out: `m x rank`.
fn factorise(c: &[f64], m: usize) -> (Vec<f64>, usize) {
    /// Pivot (of a correlation) that counts as zero.
    const ZERO: f64 = 1e-10;
    let mut lower = vec![0.0; m * m];
    for j in 0..m {
        for i in 0..j {
            let pivot = lower[i * m + i];
            if pivot > 0.0 {
                let dot: f64 = (0..i).map(|k| lower[j * m + k] * lower[i * m + k]).sum();
                lower[j * m + i] = (c[j * m + i] - dot) / pivot;
            }
        }
        let left = c[j * m + j] - (0..j).map(|k| lower[j * m + k] * lower[j * m + k]).sum::<f64>();
        lower[j * m + j] = if left > ZERO { left.sqrt() } else { 0.0 };
    }
    let columns: Vec<usize> = (0..m).filter(|&j| lower[j * m + j] > 0.0).collect();
    let factor = (0..m).flat_map(|i| columns.iter().map(move |&j| (i, j))).map(|(i, j)| lower[i * m + j]).collect();
    (factor, columns.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::distributions::normal_quantile_upper;

    #[test]
    fn holm_and_bonferroni_as_in_p_adjust() {
        // R: p.adjust(c(.01, .04, .03, .005), "holm") and "bonferroni"
        let p = [0.01, 0.04, 0.03, 0.005];
        let close =
            |found: Vec<f64>, expected: [f64; 4]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(holm(&p), [0.03, 0.06, 0.06, 0.02]));
        assert!(close(bonferroni(&p), [0.04, 0.16, 0.12, 0.02]));
        let with_missing = holm(&[0.01, f64::NAN, 0.04]);
        assert!(with_missing[1].is_nan() && with_missing[0] == 0.02);
    }

    #[test]
    fn independent_and_identical_numbers_have_known_critical_values() {
        let draws = |c: &[f64], m| {
            JointDraws::new(c, m, Reference::Normal, 1).simultaneous(&vec![1.0; m], &vec![0.0; m], 0.95, 100_000)
        };
        let found = draws(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3);
        let exact = normal_quantile_upper(0.5 * (1.0 - 0.95f64.powf(1.0 / 3.0)));
        assert!((found.critical - exact).abs() < 5.0 * found.critical_error, "{found:?} {exact}");
        assert!(found.critical_error > 1e-4 && found.critical_error < 0.02);
        let same = draws(&[1.0, 1.0, 1.0, 1.0], 2);
        assert!((same.critical - normal_quantile_upper(0.025)).abs() < 5.0 * same.critical_error);
        assert_eq!(same.single_step[0], same.single_step[1]);
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let c = [1.0, 0.3, 0.3, 1.0];
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                JointDraws::new(&c, 2, Reference::StudentT(5.5), 3).simultaneous(&[2.0, 1.0], &[0.0; 2], 0.9, 5000)
            })
        };
        assert_eq!(of(1), of(3));
    }
}
