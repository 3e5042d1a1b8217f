//! What a pass over the draws needs of a hypothesis, laid out for it.

use super::apart::Apart;
use super::dense::Dense;
use super::direct::Direct;
use crate::resampling::problem::Linear;
use crate::resampling::weights::{LANES, Lanes, Pass};

/// Columns (groups of the absorbed effect and dense columns) up to which quadratic forms are written out.
const DENSE_COLUMNS: usize = 256;
/// Clusters below which sign vectors may be enumerated by position, so that their order is part of the result.
const FEW_CLUSTERS: usize = 64;
/// Entries below which the second pass costs nothing and loses no digits to cancellation.
const FEW_ENTRIES: usize = 10_000;

/// The residuals that draws multiply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bases {
    /// Residuals u, and the partial regressor x~: any null value can be had from the draws.
    Both,
    /// u + delta x~ for one delta.
    At(f64),
}

/// One draw: b* - r = n0 + delta n1, squared error v0 + 2 delta v1 + delta^2 v2.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Draw {
    /// Numerator.
    pub n: [f64; 2],
    /// Squared error.
    pub v: [f64; 3],
    /// The same with v_g P_g alone, which says when the squared error is nothing but rounding.
    pub scale: [f64; 3],
}

impl Draw {
    /// t* at a delta; `NaN` where the error is zero.
    pub fn statistic(&self, delta: f64) -> f64 {
        /// Squared error, relative to its first part, that is rounding of the subtraction.
        const ROUNDING: f64 = 1e-13;
        let at = |v: &[f64; 3]| v[0] + 2.0 * delta * v[1] + delta * delta * v[2];
        let error = at(&self.v);
        if error > ROUNDING * at(&self.scale) { (self.n[0] + delta * self.n[1]) / error.sqrt() } else { f64::NAN }
    }
}

/// Residuals of the entries and of the clusters, for one or two bases.
#[derive(Debug)]
pub struct Residuals<const N: usize> {
    /// Weighted sum of residuals of each entry.
    pub entry: Vec<[f64; N]>,
    /// P_g.
    pub cluster: Vec<[f64; N]>,
    /// a of each cell.
    pub a: Vec<f64>,
}

impl<const N: usize> Residuals<N> {
    fn new(linear: &Linear, regressor: &[f64], length: f64, of: impl Fn(f64, f64) -> [f64; N]) -> Self {
        let entries = &linear.entries;
        let a: Vec<f64> = regressor.iter().map(|x| x / length).collect();
        let residual = |i: usize| of(linear.residual[i], entries.weight[i] * regressor[entries.cell[i] as usize]);
        let entry: Vec<[f64; N]> = (0..entries.cell.len()).map(residual).collect();
        let mut cluster = vec![[0.0; N]; linear.clusters.len()];
        for (g, sum) in cluster.iter_mut().enumerate() {
            for i in linear.clusters.starts[g] as usize..linear.clusters.starts[g + 1] as usize {
                (0..N).for_each(|b| sum[b] += a[entries.cell[i] as usize] * entry[i][b]);
            }
        }
        Residuals { entry, cluster, a }
    }
}

/// How a pass is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// [`super::dense`].
    Dense,
    /// [`super::direct`].
    Direct,
    /// [`super::apart`].
    Apart,
}

/// The ways of a pass, for one and two bases.
#[derive(Debug)]
enum Way<'a> {
    DenseOne(Dense<'a, 1>),
    DenseTwo(Dense<'a, 2>),
    DirectOne(Direct<'a, 1>),
    DirectTwo(Direct<'a, 2>),
    ApartOne(Apart<'a, 1>),
    ApartTwo(Apart<'a, 2>),
}

/// A hypothesis ready for draws.
#[derive(Debug)]
pub struct Forms<'a> {
    way: Way<'a>,
    /// Standard error of the estimate without small-sample factor: sqrt(sum_g P_g^2) at delta = 0.
    pub error: f64,
    identity: &'a [u32],
}

/// Room for one pass.
#[derive(Debug)]
pub struct Scratch {
    /// Sums by group and column, per basis.
    pub sums: Vec<Lanes>,
    /// More sums (dense) or fitted values of cells (direct).
    pub more: Vec<Lanes>,
}

impl<'a> Forms<'a> {
    /// Chooses the way by the size of the problem.
    pub fn new(linear: &'a Linear, regressor: &[f64], length: f64, bases: Bases) -> Self {
        let groups = linear.solver.group_inverse().len();
        let how = match linear.entries.cell.len() < FEW_ENTRIES {
            true => How::Direct,
            false if groups + linear.layout.k <= DENSE_COLUMNS => How::Dense,
            false if groups == 0 || linear.clusters.len() < FEW_CLUSTERS => How::Direct,
            false => How::Apart,
        };
        Forms::with(linear, regressor, length, bases, how)
    }

    /// The same with the way given.
    pub fn with(linear: &'a Linear, regressor: &[f64], length: f64, bases: Bases, how: How) -> Self {
        let a = |cell: u32| regressor[cell as usize] / length;
        let starts = linear.clusters.starts.windows(2);
        let of_cluster = |run: &[u32]| -> f64 {
            (run[0] as usize..run[1] as usize).map(|i| a(linear.entries.cell[i]) * linear.residual[i]).sum()
        };
        let error = starts.map(|run| of_cluster(run).powi(2)).sum::<f64>().sqrt();
        let way = match bases {
            Bases::Both => {
                let residuals = Residuals::<2>::new(linear, regressor, length, |u, x| [u, x]);
                match how {
                    How::Dense => Way::DenseTwo(Dense::new(linear, &residuals)),
                    How::Direct => Way::DirectTwo(Direct::new(linear, &residuals)),
                    How::Apart => Way::ApartTwo(Apart::new(linear, &residuals)),
                }
            }
            Bases::At(delta) => {
                let residuals = Residuals::<1>::new(linear, regressor, length, |u, x| [u + delta * x]);
                match how {
                    How::Dense => Way::DenseOne(Dense::new(linear, &residuals)),
                    How::Direct => Way::DirectOne(Direct::new(linear, &residuals)),
                    How::Apart => Way::ApartOne(Apart::new(linear, &residuals)),
                }
            }
        };
        Forms { way, error, identity: &linear.clusters.identity }
    }

    /// What each cluster is, in the order in which a pass asks for its weights.
    pub fn identity(&self) -> &[u32] {
        match &self.way {
            Way::ApartOne(apart) => apart.identity(),
            Way::ApartTwo(apart) => apart.identity(),
            _ => self.identity,
        }
    }

    /// Room for a pass.
    pub fn scratch(&self) -> Scratch {
        match &self.way {
            Way::DenseOne(dense) => dense.scratch(),
            Way::DenseTwo(dense) => dense.scratch(),
            Way::DirectOne(direct) => direct.scratch(),
            Way::DirectTwo(direct) => direct.scratch(),
            Way::ApartOne(apart) => apart.scratch(),
            Way::ApartTwo(apart) => apart.scratch(),
        }
    }

    /// Sixteen draws.
    pub fn pass<P: Pass>(&self, weights: &P, scratch: &mut Scratch) -> [Draw; LANES] {
        match &self.way {
            Way::DenseOne(dense) => dense.pass(weights, scratch),
            Way::DenseTwo(dense) => dense.pass(weights, scratch),
            Way::DirectOne(direct) => direct.pass(weights, scratch),
            Way::DirectTwo(direct) => direct.pass(weights, scratch),
            Way::ApartOne(apart) => apart.pass(weights, scratch),
            Way::ApartTwo(apart) => apart.pass(weights, scratch),
        }
    }
}

/// Numerators and squared errors of a pass, to be filled.
#[derive(Debug, Clone, Copy)]
pub struct Sums<const N: usize> {
    /// b* - r.
    pub n: [Lanes; N],
    /// Squared error: 00, 01, 11.
    pub v: [Lanes; 3],
    /// Its first part.
    pub scale: [Lanes; 3],
}

impl<const N: usize> Sums<N> {
    pub fn new() -> Self {
        Sums { n: [[0.0; LANES]; N], v: [[0.0; LANES]; 3], scale: [[0.0; LANES]; 3] }
    }

    /// The draws one by one.
    pub fn draws(&self) -> [Draw; LANES] {
        std::array::from_fn(|lane| Draw {
            n: [self.n[0][lane], if N > 1 { self.n[N - 1][lane] } else { 0.0 }],
            v: self.v.map(|v| v[lane]),
            scale: self.scale.map(|v| v[lane]),
        })
    }
}

/// `sum += factor * values`.
#[inline(always)]
pub fn add(sum: &mut Lanes, factor: f64, values: &Lanes) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

/// Adds the products of two bases: 00, 01, 11.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // seven vectors side by side
pub fn add_products<const N: usize>(sums: &mut [Lanes; 3], x: &[Lanes; N], y: &[Lanes; N], sign: f64) {
    for lane in 0..LANES {
        sums[0][lane] += sign * x[0][lane] * y[0][lane];
        if N > 1 {
            // symmetric: half of x0 y1 + x1 y0
            sums[1][lane] += 0.5 * sign * (x[0][lane] * y[N - 1][lane] + x[N - 1][lane] * y[0][lane]);
            sums[2][lane] += sign * x[N - 1][lane] * y[N - 1][lane];
        }
    }
}

/// Entries in the order of cells, and where each cell's begin.
pub fn by_cell(linear: &Linear) -> (Vec<u32>, Vec<u32>) {
    let n = linear.layout.n();
    let mut starts = vec![0u32; n + 1];
    linear.entries.cell.iter().for_each(|&cell| starts[cell as usize + 1] += 1);
    (0..n).for_each(|i| starts[i + 1] += starts[i]);
    let mut next = starts.clone();
    let mut order = vec![0u32; linear.entries.cell.len()];
    for (entry, &cell) in linear.entries.cell.iter().enumerate() {
        order[next[cell as usize] as usize] = entry as u32;
        next[cell as usize] += 1;
    }
    (order, starts)
}

/// Position of the cluster of each entry.
pub fn cluster_of_entry(linear: &Linear) -> Vec<u32> {
    let mut of = vec![0u32; linear.entries.cell.len()];
    for (g, run) in linear.clusters.starts.windows(2).enumerate() {
        of[run[0] as usize..run[1] as usize].fill(g as u32);
    }
    of
}
