//! The fewest users whose removal changes a conclusion (Broderick, Giordano and Meager 2020).
//!
//! With phi_g the influence of user g on a number, removing a set S changes it by about -sum_{g in S} phi_g, and its
//! variance q sum phi_g^2 by about -q sum_{g in S} phi_g^2. Sorted by what each user adds to the margin of a conclusion,
//! the first m users whose sum exceeds it are the approximate most influential set. That is a first-order answer: the
//! model is then fitted without them, and the smallest number along the same order is found for which the refit confirms.
//! The order is not searched: another set could be smaller still.

use super::error::ExplainError;
use super::number::{Combination, dot};
use crate::design::Sample;
use crate::estimate::{Fitted, Options, fit};
use crate::result::{Estimate, VcovKind};

const WHAT: &str = "the search for influential users";

/// A conclusion that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The number changes its sign.
    Sign,
    /// A significant number is no longer that.
    Insignificant,
    /// An insignificant number becomes significant, with the sign it has.
    Significant,
    /// It becomes significant with the other sign.
    Opposite,
}

impl Goal {
    /// As a value in tables.
    pub fn name(self) -> &'static str {
        match self {
            Goal::Sign => "sign",
            Goal::Insignificant => "insignificant",
            Goal::Significant => "significant",
            Goal::Opposite => "significant_opposite",
        }
    }

    /// Whether a number has reached it; `sign` is that of the number before.
    fn reached(self, value: f64, std_error: f64, sign: f64, critical: f64) -> bool {
        let (value, margin) = (sign * value, critical * std_error);
        match self {
            Goal::Sign => value < 0.0,
            Goal::Insignificant => value.abs() <= margin,
            Goal::Significant => value > margin,
            Goal::Opposite => value < -margin,
        }
    }

    /// What removing a user adds towards it, to first order.
    fn gain(self, phi: f64, std_error: f64, factor: f64, critical: f64) -> f64 {
        let shrinks = critical * factor * phi * phi / (2.0 * std_error);
        match self {
            Goal::Sign => phi,
            Goal::Insignificant => phi - shrinks,
            Goal::Significant => shrinks - phi,
            Goal::Opposite => phi + shrinks,
        }
    }
}

/// A number after users were removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Without {
    /// Users removed.
    pub users: usize,
    /// Rows they had.
    pub rows: usize,
    /// What the refit gives; `None` if it fails or no longer has the number.
    pub refit: Option<Estimate>,
    /// Whether the refit reaches the goal.
    pub confirmed: bool,
}

/// How few users carry one conclusion.
#[derive(Debug, Clone, PartialEq)]
pub struct Fragility {
    /// The conclusion.
    pub goal: Goal,
    /// By influence: the number of users, with the refit without them; `None` if no number up to the limit suffices.
    pub predicted: Option<Without>,
    /// The smallest number of users along the same order for which the refit confirms; `None` if none up to the limit does.
    pub verified: Option<Without>,
    /// Clusters in the order of removal: those of `verified`, else of `predicted`.
    pub clusters: Vec<u32>,
}

/// How few users carry the conclusions about one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Influential {
    /// The number with everyone.
    pub number: Estimate,
    /// Users.
    pub users: usize,
    /// Most users removed.
    pub limit: usize,
    /// Clusters with the largest influence on the number, and that influence: the change if the user were left out has the
    /// opposite sign.
    pub largest: Vec<(u32, f64)>,
    /// By conclusion.
    pub fragility: Vec<Fragility>,
}

/// What one search has in hand.
struct Search<'a> {
    sample: &'a Sample,
    options: &'a Options,
    number: &'a Combination,
    sign: f64,
    critical: f64,
}

/// Finds the users that carry the conclusions about a number. `fitted` is the fit of the sample's only outcome, with
/// influence; at most `max_share` of the users are removed.
///
/// # Errors
/// [`ExplainError`]: errors that are not clustered one way, or a number that the fit does not have.
pub fn influential(
    sample: &Sample,
    options: &Options,
    fitted: &Fitted,
    number: &Combination,
    max_share: f64,
    n_largest: usize,
) -> Result<Influential, ExplainError> {
    if options.vcov != VcovKind::Cr1 {
        return Err(ExplainError::Vcov { what: WHAT, kind: options.vcov });
    }
    let (1, Some(influence)) = (sample.clusters.len(), &fitted.influence) else {
        let clusters = sample.clusters.iter().map(|cluster| cluster.name.clone()).collect();
        return Err(ExplainError::Multiway { what: WHAT, clusters });
    };
    let missing = |name: String| ExplainError::Unknown { name, accepted: super::number::names(&fitted.fit) };
    let vector = number.vector(&fitted.fit).map_err(missing)?;
    let estimate = number.of(fitted).map_err(missing)?;
    let sign = if estimate.estimate < 0.0 { -1.0 } else { 1.0 };
    let phi: Vec<f64> = influence.values.chunks(vector.len()).map(|phi| sign * dot(&vector, phi)).collect();
    let critical = fitted.fit.reference.critical(fitted.fit.conf_level);
    let factor = fitted.fit.small_sample.factor;
    let search = Search { sample, options, number, sign, critical };
    let users = fitted.fit.flow.users;
    let limit = ((max_share * users as f64) as usize).clamp(1, users.saturating_sub(2).max(1));

    let significant = estimate.estimate.abs() > critical * estimate.std_error;
    let about = if significant { Goal::Insignificant } else { Goal::Significant };
    let goals = [Goal::Sign, about, Goal::Opposite];
    let fragility = goals.map(|goal| {
        let gain = |g: usize| goal.gain(phi[g], estimate.std_error, factor, critical);
        let mut order: Vec<u32> = (0..phi.len() as u32).collect();
        order.sort_by(|&a, &b| gain(b as usize).total_cmp(&gain(a as usize)).then(a.cmp(&b)));
        order.truncate(limit);
        // users that work against the goal are of no use
        let useful = order.iter().take_while(|&&g| gain(g as usize) > 0.0).count();
        order.truncate(useful);
        let predicted = predict(goal, &estimate, &order, &phi, factor, sign, critical);
        search.fragility(goal, order, predicted)
    });
    let mut largest: Vec<(u32, f64)> = phi.iter().enumerate().map(|(g, phi)| (g as u32, sign * phi)).collect();
    largest.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    largest.truncate(n_largest);
    Ok(Influential { number: estimate, users, limit, largest, fragility: fragility.into() })
}

/// The fewest users along the order that suffice by their influence; `phi` has the sign of the number.
fn predict(
    goal: Goal,
    estimate: &Estimate,
    order: &[u32],
    phi: &[f64],
    factor: f64,
    sign: f64,
    critical: f64,
) -> Option<usize> {
    let (mut value, mut variance) = (sign * estimate.estimate, estimate.std_error * estimate.std_error);
    for (at, &g) in order.iter().enumerate() {
        let phi = phi[g as usize];
        value -= phi;
        variance = (variance - factor * phi * phi).max(0.0);
        if goal.reached(value, variance.sqrt(), 1.0, critical) {
            return Some(at + 1);
        }
    }
    None
}

impl Search<'_> {
    /// Checks a prediction by refits, and finds the smallest number that they confirm: outwards in doubling steps, then by
    /// halving.
    fn fragility(&self, goal: Goal, order: Vec<u32>, predicted: Option<usize>) -> Fragility {
        let first = predicted.map(|users| self.without(goal, &order[..users]));
        let mut known: Option<Without> = first.clone().filter(|found| found.confirmed);
        let mut fails = 0;
        if known.is_none() {
            let mut step = first.as_ref().map_or(1, |found| found.users).max(1);
            fails = first.as_ref().map_or(0, |found| found.users);
            while known.is_none() && fails < order.len() {
                let users = (fails + step).min(order.len());
                let found = self.without(goal, &order[..users]);
                if found.confirmed {
                    known = Some(found);
                } else {
                    fails = users;
                    step *= 2;
                }
            }
        }
        while let Some(most) = known.as_ref().map(|found| found.users).filter(|&users| users > fails + 1) {
            let users = fails + (most - fails) / 2;
            let found = self.without(goal, &order[..users]);
            if found.confirmed {
                known = Some(found);
            } else {
                fails = users;
            }
        }
        let users = known.as_ref().or(first.as_ref()).map_or(0, |found| found.users);
        Fragility { goal, predicted: first, verified: known, clusters: order[..users].to_vec() }
    }

    /// Fits without some users.
    fn without(&self, goal: Goal, users: &[u32]) -> Without {
        let cluster = &self.sample.clusters[0];
        let mut gone = vec![false; cluster.n_clusters];
        users.iter().for_each(|&g| gone[g as usize] = true);
        let kept: Vec<u32> =
            (0..self.sample.n_rows as u32).filter(|&row| !gone[cluster.codes[row as usize] as usize]).collect();
        let rows = self.sample.n_rows - kept.len();
        let options = Options { keep_influence: true, ..self.options.clone() };
        let part = self.sample.subset(&kept);
        // a level of the rates without rows has none
        let has_levels = part
            .rates
            .as_ref()
            .is_none_or(|rates| (0..rates.levels.len() as u32).all(|level| rates.codes.contains(&level)));
        let refit = has_levels.then(|| fit(&part, &options)).and_then(|fits| fits.into_iter().next()?.ok());
        let refit = refit.and_then(|fitted| self.number.of(&fitted).ok());
        let refit = refit.filter(|value| value.estimate.is_finite() && value.std_error.is_finite());
        let reached = |value: &Estimate| goal.reached(value.estimate, value.std_error, self.sign, self.critical);
        let confirmed = refit.as_ref().is_some_and(reached);
        Without { users: users.len(), rows, refit, confirmed }
    }
}
