//! How often intervals hold the truth: a Monte Carlo study of the estimators on panels whose true values are known.
//!
//! [`run`] draws panels from a [`population`], lets every [method](methods) make its intervals, and counts. Draws have
//! their own streams of random numbers and are tallied in order: results depend on the seed alone.

pub mod methods;
pub mod population;
mod random;

use crate::result::Family;
use methods::{Failure, Method, Quantity, Said, statements};
use population::{Design, Population};
use random::Stream;
use rayon::prelude::*;

/// Draws whose statements are held at once.
const WAVE: u64 = 256;

/// What to study.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// How panels are drawn.
    pub design: Design,
    /// Users per panel.
    pub clusters: usize,
    /// Panels.
    pub draws: u64,
    /// Seed.
    pub seed: u64,
    /// Level of the intervals.
    pub conf_level: f64,
    /// Ways of making them.
    pub methods: Vec<Method>,
}

/// What a method says about one number, over all draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// How panels were drawn.
    pub design: Design,
    /// Users per panel.
    pub clusters: usize,
    /// Estimator.
    pub family: Family,
    /// Way of making intervals.
    pub method: Method,
    /// Kind of number.
    pub quantity: Quantity,
    /// Term, level or contrast.
    pub term: String,
    /// True value; the mean of those of the panels where each has its own.
    pub truth: f64,
    /// Panels that gave an interval, and those that did not.
    pub draws: u64,
    /// Panels without one: a level without rows, a fit without an end.
    pub failed: u64,
    /// Mean of estimate less truth (of ratios on the log scale).
    pub bias: f64,
    /// Its Monte Carlo error.
    pub bias_error: f64,
    /// Standard deviation of estimate less truth.
    pub std_deviation: f64,
    /// Mean standard error.
    pub mean_std_error: f64,
    /// Share of intervals that hold the truth.
    pub coverage: f64,
    /// Its Monte Carlo error.
    pub coverage_error: f64,
    /// Mean length of the intervals.
    pub mean_width: f64,
    /// Share of panels where the default took another covariance than CR1.
    pub switched: f64,
}

impl Row {
    /// Mean standard error over the standard deviation it should have.
    pub fn ratio(&self) -> f64 {
        self.mean_std_error / self.std_deviation
    }
}

/// Sums over draws.
#[derive(Debug, Clone, Default)]
struct Tally {
    draws: u64,
    truth: f64,
    deviation: f64,
    square: f64,
    std_error: f64,
    covered: u64,
    width: f64,
}

/// A cell of the table: family, method, and its statements' tallies.
#[derive(Debug, Clone, Default)]
struct Board {
    terms: Vec<(Quantity, String)>,
    tallies: Vec<Tally>,
    failed: u64,
    switched: u64,
}

impl Board {
    fn add(&mut self, said: Result<Said, Failure>) {
        let Ok(Said { rows: said, switched }) = said else {
            self.failed += 1;
            return;
        };
        self.switched += u64::from(switched);
        if self.terms.is_empty() {
            self.terms = said.iter().map(|row| (row.quantity, row.term.clone())).collect();
            self.tallies = vec![Tally::default(); said.len()];
        }
        for (tally, row) in self.tallies.iter_mut().zip(&said) {
            tally.draws += 1;
            tally.truth += row.truth;
            tally.deviation += row.deviation;
            tally.square += row.deviation * row.deviation;
            tally.std_error += row.std_error;
            tally.covered += u64::from(row.covers);
            tally.width += row.width;
        }
    }
}

/// Runs a study; `progress` is told of every finished draw.
///
/// A draw that gives no interval is counted as failed, and is in no mean.
pub fn run(study: &Study, progress: &(dyn Fn() + Sync)) -> Vec<Row> {
    let population = Population::new(study.design, study.clusters);
    let families = [Family::Ols, Family::Logit];
    let mut boards = vec![Board::default(); families.len() * study.methods.len()];
    for first in (0..study.draws).step_by(WAVE as usize) {
        let draws = first..(first + WAVE).min(study.draws);
        let said: Vec<Vec<_>> = draws
            .into_par_iter()
            .map(|draw| {
                let panel = population.draw(&mut Stream::new(study.seed, draw));
                let own = study.seed.wrapping_add(draw);
                let of_family =
                    |&family: &Family| statements(&study.methods, &population, &panel, family, study.conf_level, own);
                let said = families.iter().flat_map(of_family).collect();
                progress();
                said
            })
            .collect();
        for said in said {
            boards.iter_mut().zip(said).for_each(|(board, said)| board.add(said));
        }
    }
    let at = |b: usize| (families[b / study.methods.len()], study.methods[b % study.methods.len()]);
    boards.iter().enumerate().flat_map(|(b, board)| rows(study, at(b), board)).collect()
}

fn rows(study: &Study, (family, method): (Family, Method), board: &Board) -> Vec<Row> {
    let row = |((quantity, term), tally): (&(Quantity, String), &Tally)| {
        let n = tally.draws as f64;
        let bias = tally.deviation / n;
        let variance = (tally.square - n * bias * bias) / (n - 1.0);
        let coverage = tally.covered as f64 / n;
        Row {
            design: study.design,
            clusters: study.clusters,
            family,
            method,
            quantity: *quantity,
            term: term.clone(),
            truth: tally.truth / n,
            draws: tally.draws,
            failed: board.failed,
            bias,
            bias_error: (variance / n).sqrt(),
            std_deviation: variance.sqrt(),
            mean_std_error: tally.std_error / n,
            coverage,
            coverage_error: (coverage * (1.0 - coverage) / n).sqrt(),
            mean_width: tally.width / n,
            switched: board.switched as f64 / n,
        }
    };
    board.terms.iter().zip(&board.tallies).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(draws: u64) -> Study {
        Study {
            design: Design::HeavyTailed,
            clusters: 150,
            draws,
            seed: 3,
            conf_level: 0.95,
            methods: Method::ALL.to_vec(),
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let run_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| format!("{:?}", run(&study(6), &|| ())))
        };
        assert_eq!(run_with(1), run_with(3));
    }

    #[test]
    fn errors_that_ignore_clusters_are_too_small_and_cover_too_rarely() {
        let rows = run(&study(60), &|| ());
        let mean = |method: Method, f: &dyn Fn(&Row) -> f64| {
            let rates: Vec<f64> = rows
                .iter()
                .filter(|row| row.method == method && row.quantity == Quantity::Rate && row.family == Family::Ols)
                .map(f)
                .collect();
            rates.iter().sum::<f64>() / rates.len() as f64
        };
        let (ours, iid) = (mean(Method::Cr1, &Row::ratio), mean(Method::Iid, &Row::ratio));
        assert!(ours > 0.8 && ours < 1.2, "{ours}");
        assert!(iid < 0.85 * ours, "{iid} against {ours}");
        assert!(mean(Method::Cr1, &|row| row.coverage) > mean(Method::Iid, &|row| row.coverage));
        // potential outcomes are known exactly: no bias beyond four Monte Carlo errors
        for row in rows.iter().filter(|row| row.family == Family::Ols && row.quantity != Quantity::Ratio) {
            assert!(row.bias.abs() < 4.0 * row.bias_error, "{row:?}");
        }
    }
}
