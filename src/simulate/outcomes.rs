//! How a session ended: outcome, success signal and failure signal, consistent with each other by construction.
//!
//! Within each expertise class the sessions with the highest scores are verified successes, as many as the rate
//! says; a second score splits the others into succeeded, partial and failed; a third one, within expertise and
//! outcome, orders the failure signals. What moves a score (work, value, month, occupation, user) moves who is
//! taken, hence the association of rates with everything but expertise; the rates by expertise are given.

use super::calibration::{ByOutcome, Calibration, Effects, LEVELS};
use super::labels::Session;
use super::quota::split_by_rank;
use super::random::{Draws, Mix, Purpose};
use super::users::User;
use rayon::prelude::*;

/// What became of a session, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Succeeded, with a success signal of 4 or 5.
    Verified,
    /// Succeeded, with less evidence.
    Succeeded,
    /// Partially Succeeded.
    Partial,
    /// Failed.
    Failed,
    /// No clear goal.
    #[default]
    NoGoal,
}

/// Ending and signals of one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// What became of it.
    pub ending: Ending,
    /// 0 (NONE) to 5.
    pub success_signal: u8,
    /// 0 (NONE) to 5.
    pub failure_signal: u8,
}

impl Outcome {
    /// Whether the session hit trouble: failure signal of 3 or more.
    pub fn in_trouble(&self) -> bool {
        self.failure_signal >= 3
    }
}

/// Scores of one session, and the numbers its signals are read from.
#[derive(Clone, Copy)]
struct Scores {
    verified: f64,
    judged: f64,
    trouble: f64,
    success_signal: f64,
    failure_signal: f64,
}

/// Draws the outcomes of all sessions.
pub fn draw_outcomes(calibration: &Calibration, users: &[User], sessions: &[Session], seed: u64) -> Vec<Outcome> {
    let scores: Vec<Scores> = sessions
        .par_iter()
        .enumerate()
        .with_min_len(1024)
        .map_init(
            || Draws::open(seed, Purpose::Outcomes),
            |draws, (row, session)| score(calibration, draws.seek(row), session, &users[session.user as usize]),
        )
        .collect();
    let mut outcomes = vec![Outcome::default(); sessions.len()];
    split_endings(calibration, sessions, &scores, &mut outcomes);
    split_failure_signals(calibration, sessions, &scores, &mut outcomes);
    read_success_signals(calibration, &scores, &mut outcomes);
    outcomes
}

fn score(calibration: &Calibration, draws: &mut Draws, session: &Session, user: &User) -> Scores {
    let (verified, judged, signal) = (&calibration.verified, &calibration.judged, &calibration.failure_signal);
    let group = session.user_occupation.map(|code| &calibration.occupation.groups[code as usize]);
    let last_month = (calibration.calendar.months.len() - 1) as f64;
    let shift = |effects: &Effects, occupation: Option<f64>| {
        effects.mode[session.mode as usize]
            + effects.value_band[session.value_band as usize]
            + effects.month * (f64::from(session.month) - last_month / 2.0)
            + occupation.unwrap_or(effects.unclear_occupation)
            + effects.turns * session.turns
            + effects.actions * session.actions
    };
    let user_share = verified.user_share[session.expertise as usize];
    Scores {
        verified: shift(&verified.effects, group.map(|g| g.verified)) + draws.correlated(user.success, user_share),
        judged: shift(&judged.effects, group.map(|g| g.judged)) + draws.correlated(user.success, judged.user_share),
        trouble: signal.turns * session.turns + signal.value * session.value_score + draws.normal(),
        success_signal: draws.uniform(),
        failure_signal: draws.uniform(),
    }
}

/// Verified first, then the others from failed to succeeded.
fn split_endings(calibration: &Calibration, sessions: &[Session], scores: &[Scores], outcomes: &mut [Outcome]) {
    let with_goal = |&(_, session): &(usize, &Session)| session.has_goal;
    let verified_shares: Vec<Vec<f64>> = calibration.verified.rate.iter().map(|&rate| vec![1.0 - rate, rate]).collect();
    let by_evidence = (sessions.iter().enumerate().filter(with_goal))
        .map(|(row, session)| (row as u32, session.expertise as usize, scores[row].verified));
    split_by_rank(by_evidence, &verified_shares, |row, class| {
        outcomes[row].ending = if class == 1 { Ending::Verified } else { Ending::Failed };
    });

    let other_shares: Vec<Vec<f64>> = (0..LEVELS)
        .map(|level| {
            let verified = calibration.verified.rate[level];
            let succeeded = calibration.judged.succeeded[level];
            let partial = calibration.judged.at_least_partial[level];
            vec![1.0 - partial, partial - succeeded, succeeded - verified]
        })
        .collect();
    let by_judgement: Vec<(u32, usize, f64)> = (sessions.iter().enumerate())
        .filter(|&(row, _)| outcomes[row].ending == Ending::Failed)
        .map(|(row, session)| (row as u32, session.expertise as usize, scores[row].judged))
        .collect();
    split_by_rank(by_judgement.into_iter(), &other_shares, |row, class| {
        outcomes[row].ending = [Ending::Failed, Ending::Partial, Ending::Succeeded][class];
    });
}

/// Failure signals by rank within expertise and ending; at random without a clear goal.
fn split_failure_signals(calibration: &Calibration, sessions: &[Session], scores: &[Scores], outcomes: &mut [Outcome]) {
    const ENDINGS: usize = 4;
    let signal = &calibration.failure_signal;
    let shares: Vec<Vec<f64>> = (0..LEVELS * ENDINGS)
        .map(|group| {
            let (level, ending) = (group / ENDINGS, group % ENDINGS);
            let trouble = by_ending(&signal.trouble, ending)[level];
            let outside = Mix::new(*by_ending(&signal.outside, ending));
            let mut inside = *by_ending(&signal.inside, ending);
            if ending == Ending::Failed as usize {
                let hard = signal.verified_failure[level];
                let split = inside[2] / (inside[1] + inside[2]);
                inside = [1.0 - hard, hard * (1.0 - split), hard * split];
            }
            let inside = Mix::new(inside);
            let mut shares: Vec<f64> = outside.weights().map(|weight| weight * (1.0 - trouble)).collect();
            shares.extend(inside.weights().map(|weight| weight * trouble));
            shares
        })
        .collect();
    let ranked: Vec<(u32, usize, f64)> = (sessions.iter().enumerate())
        .filter(|&(row, _)| outcomes[row].ending != Ending::NoGoal)
        .map(|(row, session)| {
            let group = session.expertise as usize * ENDINGS + outcomes[row].ending as usize;
            (row as u32, group, scores[row].trouble)
        })
        .collect();
    split_by_rank(ranked.into_iter(), &shares, |row, class| outcomes[row].failure_signal = class as u8);
    let no_goal = Mix::new(signal.no_goal);
    for (outcome, score) in outcomes.iter_mut().zip(scores).filter(|(outcome, _)| outcome.ending == Ending::NoGoal) {
        outcome.failure_signal = no_goal.draw(score.failure_signal);
    }
}

/// Success signals from the table of their ending.
fn read_success_signals(calibration: &Calibration, scores: &[Scores], outcomes: &mut [Outcome]) {
    let signal = &calibration.success_signal;
    let mut mixes: Vec<Mix> = (0..4).map(|ending| Mix::new(*by_ending(&signal.weight, ending))).collect();
    mixes.push(Mix::new(signal.no_goal));
    for (outcome, score) in outcomes.iter_mut().zip(scores) {
        outcome.success_signal = mixes[outcome.ending as usize].draw(score.success_signal);
    }
}

/// The entry of an ending, by its number.
fn by_ending<T>(table: &ByOutcome<T>, ending: usize) -> &T {
    [&table.verified, &table.succeeded, &table.partial, &table.failed][ending]
}
