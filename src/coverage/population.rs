//! The populations that panels are drawn from, and their true values.
//!
//! A user has a type (one of five levels of expertise), a number of sessions, a favourite cell and a mood u. A session has a
//! level, mostly the user's type, and a cell, often the favourite; types differ in the cells they work in, which is what
//! controls are for. Its outcome is 1 if a uniform number lies below p(level, cell): the user's u with probability
//! [`SHARED`], else one of its own. So outcomes, levels and cells are correlated within users, and yet
//! P(y = 1 | level, cell) = p exactly, and the session's cell has known shares: coefficients and rates are known without
//! simulation.

use super::random::Stream;
use crate::design::{Cluster, Effect, NO_COLUMN, Outcome, RatesFactor, Sample, Term, TermLevels};
use crate::result::Family;

/// Levels of expertise.
pub const LEVELS: usize = 5;
/// Shares of the types.
const TYPES: [f64; LEVELS] = [0.10, 0.20, 0.30, 0.25, 0.15];
/// Effects of the levels on the probability (linear) and on the log odds (logit).
const LINEAR: [f64; LEVELS] = [0.0, 0.06, 0.11, 0.15, 0.18];
const LOGIT: [f64; LEVELS] = [0.0, 0.30, 0.55, 0.75, 0.90];
/// Probability that a session's level is the user's type.
const STICK: f64 = 0.7;
/// Probability that a session is in the user's favourite cell.
const FAVOURITE: f64 = 0.5;
/// Probability that a session shares the user's mood: the correlation of two outcomes is about its square.
pub const SHARED: f64 = 0.6;
/// How much types differ in their cells.
const TILT: f64 = 0.6;
/// Most sessions of a user.
const MOST: f64 = 400.0;

/// How panels are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// Sessions per user 3 U^(-1/2) rounded down: mean 5.5, a Pareto tail of index 2.
    HeavyTailed,
    /// Six sessions for every user.
    Balanced,
    /// Heavy-tailed, and all sessions of a user have the level of its type.
    UserLevel,
    /// Heavy-tailed, with a cell for every other user: parameters are about a tenth of the rows.
    FineCells,
}

impl Design {
    /// All designs.
    pub const ALL: [Design; 4] = [Design::HeavyTailed, Design::Balanced, Design::UserLevel, Design::FineCells];

    /// Name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Design::HeavyTailed => "heavy-tailed",
            Design::Balanced => "balanced",
            Design::UserLevel => "user-level",
            Design::FineCells => "fine-cells",
        }
    }

    /// One sentence for the reader.
    pub fn describe(self) -> &'static str {
        match self {
            Design::HeavyTailed => "sessions per user with a Pareto tail of index 2 (mean 5.5), 20 cells",
            Design::Balanced => "six sessions for every user, 20 cells",
            Design::UserLevel => "as heavy-tailed, but a user's sessions all have one level",
            Design::FineCells => "as heavy-tailed, with a cell for every other user",
        }
    }

    fn cells(self, clusters: usize) -> usize {
        match self {
            Design::FineCells => (clusters / 2).max(2),
            _ => 20,
        }
    }
}

/// A population: a design and a number of users.
#[derive(Debug, Clone)]
pub struct Population {
    design: Design,
    clusters: usize,
    /// Cumulated shares of the cells, by type.
    cells: Vec<Vec<f64>>,
    /// Position of each cell between -1/2 and 1/2.
    position: Vec<f64>,
    /// Shares of the cells over all sessions.
    share: Vec<f64>,
}

/// A drawn panel.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Rows by user, with the linear and the logit outcome.
    samples: [Sample; 2],
    /// Cell of each row.
    cell: Vec<u32>,
}

/// True values: effects of levels 2 to 5, and the five rates.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Coefficients.
    pub effects: Vec<f64>,
    /// Adjusted rates.
    pub rates: Vec<f64>,
}

impl Population {
    /// A population of `clusters` users.
    pub fn new(design: Design, clusters: usize) -> Self {
        let n = design.cells(clusters);
        let position: Vec<f64> = (0..n).map(|c| (c as f64 + 0.5) / n as f64 - 0.5).collect();
        let of_type = |t: usize| {
            let tilt: Vec<f64> = position.iter().map(|z| (TILT * (t as f64 - 2.0) * z).exp()).collect();
            let total: f64 = tilt.iter().sum();
            tilt.into_iter().map(|weight| weight / total).collect::<Vec<f64>>()
        };
        let shares: Vec<Vec<f64>> = (0..LEVELS).map(of_type).collect();
        let share = (0..n).map(|c| (0..LEVELS).map(|t| TYPES[t] * shares[t][c]).sum()).collect();
        let cells = shares.iter().map(|shares| cumulate(shares)).collect();
        Population { design, clusters, cells, position, share }
    }

    /// P(y = 1) at a level in a cell.
    fn probability(&self, family: Family, level: usize, cell: usize) -> f64 {
        let z = self.position[cell];
        match family {
            Family::Ols => 0.3 + 0.3 * z + LINEAR[level],
            _ => 1.0 / (1.0 + (0.8 - 1.2 * z - LOGIT[level]).exp()),
        }
    }

    /// The values that another draw of users would be about.
    pub fn truth(&self, family: Family) -> Truth {
        let cells = || self.share.iter().enumerate();
        self.truth_over(family, |level| cells().map(|(c, share)| share * self.probability(family, level, c)).sum())
    }

    /// The values for the rows of a panel.
    pub fn truth_of_rows(&self, family: Family, panel: &Panel) -> Truth {
        let mut count = vec![0usize; self.position.len()];
        panel.cell.iter().for_each(|&cell| count[cell as usize] += 1);
        let n = panel.cell.len() as f64;
        let cells = || count.iter().enumerate();
        let mean = |level| cells().map(|(c, &rows)| rows as f64 * self.probability(family, level, c)).sum::<f64>() / n;
        self.truth_over(family, mean)
    }

    fn truth_over(&self, family: Family, mean: impl Fn(usize) -> f64) -> Truth {
        let effects = if family == Family::Ols { LINEAR } else { LOGIT };
        Truth { effects: effects[1..].to_vec(), rates: (0..LEVELS).map(mean).collect() }
    }

    /// Draws a panel.
    pub fn draw(&self, stream: &mut Stream) -> Panel {
        let types = cumulate(&TYPES);
        let (mut user, mut level, mut cell) = (Vec::new(), Vec::new(), Vec::new());
        let mut outcomes = [Vec::new(), Vec::new()];
        for g in 0..self.clusters {
            let own = stream.pick(&types);
            let favourite = stream.pick(&self.cells[own]);
            let mood = stream.uniform();
            let sessions = match self.design {
                Design::Balanced => 6,
                _ => (3.0 / stream.uniform().sqrt()).floor().min(MOST) as usize,
            };
            for _ in 0..sessions {
                let at = if stream.uniform() < FAVOURITE { favourite } else { stream.pick(&self.cells[own]) };
                let shown = self.level(own, stream);
                let luck = if stream.uniform() < SHARED { mood } else { stream.uniform() };
                user.push(g as u32);
                level.push(shown as u32);
                cell.push(at as u32);
                for (outcome, family) in outcomes.iter_mut().zip([Family::Ols, Family::Logit]) {
                    outcome.push(f64::from(luck < self.probability(family, shown, at)));
                }
            }
        }
        let samples = outcomes.map(|values| self.sample(&user, &level, &cell, values));
        Panel { samples, cell }
    }

    /// Level of a session: the type, or a neighbour of it.
    fn level(&self, own: usize, stream: &mut Stream) -> usize {
        if self.design == Design::UserLevel || stream.uniform() < STICK {
            return own;
        }
        match own {
            0 => 1,
            _ if own == LEVELS - 1 => own - 1,
            _ if stream.uniform() < 0.5 => own - 1,
            _ => own + 1,
        }
    }

    fn sample(&self, user: &[u32], level: &[u32], cell: &[u32], values: Vec<f64>) -> Sample {
        let labels: Vec<String> = (1..=LEVELS).map(|level| level.to_string()).collect();
        let term = Term {
            names: (2..=LEVELS).map(|level| format!("expertise::{level}")).collect(),
            levels: Some(TermLevels {
                factor: String::from("expertise"),
                codes: level.to_vec(),
                column_of_level: std::iter::once(NO_COLUMN).chain(0..LEVELS as u32 - 1).collect(),
            }),
            values: None,
            variable: None,
        };
        Sample {
            n_rows: user.len(),
            terms: vec![term],
            intercept: true,
            effects: vec![Effect::new("cell", cell.to_vec(), self.position.len())],
            weights: None,
            clusters: vec![Cluster {
                name: String::from("user"),
                codes: user.to_vec().into(),
                n_clusters: self.clusters,
            }],
            outcomes: vec![Outcome { name: String::from("success"), values: values.into() }],
            rates: Some(RatesFactor {
                name: String::from("expertise"),
                levels: labels.clone(),
                labels,
                numbers: vec![f64::NAN; LEVELS],
                codes: level.to_vec(),
                term_codes: (0..LEVELS as u32).collect(),
                reference: 0,
            }),
            target: None,
        }
    }
}

impl Panel {
    /// The sample with the outcome of a family.
    pub fn sample(&self, family: Family) -> &Sample {
        &self.samples[usize::from(family != Family::Ols)]
    }
}

/// Running sums, ending with 1.
fn cumulate(shares: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut cumulated: Vec<f64> = shares
        .iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    if let Some(last) = cumulated.last_mut() {
        *last = 1.0;
    }
    cumulated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_panel_shows_the_known_values() {
        for design in Design::ALL {
            let population = Population::new(design, 40_000);
            let panel = population.draw(&mut Stream::new(1, 0));
            for family in [Family::Ols, Family::Logit] {
                let sample = panel.sample(family);
                // frequency at every level over its mean probability: the same rows, so only the draw of y differs
                let codes = &sample.rates.as_ref().unwrap().codes;
                for level in 0..LEVELS {
                    let rows: Vec<usize> = (0..sample.n_rows).filter(|&i| codes[i] as usize == level).collect();
                    let n = rows.len() as f64;
                    let seen = rows.iter().map(|&i| sample.outcomes[0].values[i]).sum::<f64>() / n;
                    let chance = rows
                        .iter()
                        .map(|&i| population.probability(family, level, panel.cell[i] as usize))
                        .sum::<f64>()
                        / n;
                    // users of a level are correlated: four errors of 0.5 / sqrt(users), generously
                    assert!((seen - chance).abs() < 4.0 * 0.5 / (0.1f64 * 40_000.0).sqrt() * 1.5, "{design:?} {level}");
                }
                let (all, rows) = (population.truth(family), population.truth_of_rows(family, &panel));
                for (a, b) in all.rates.iter().zip(&rows.rates) {
                    assert!((a - b).abs() < 0.005, "{design:?}: {a} {b}");
                }
            }
        }
    }
}
