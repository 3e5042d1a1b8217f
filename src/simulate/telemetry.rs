//! What a machine would have counted: prompts, calls, words, lines, the model, and who decided.

use super::calibration::{Calibration, PerPrompt};
use super::labels::{Session, UNCLEAR};
use super::outcomes::{Ending, Outcome};
use super::quota::split_by_rank;
use super::random::{Draws, Mix, Purpose, normal_probability};
use super::users::User;
use rayon::prelude::*;

/// Counts of one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Human prompts, at least 1.
    pub human_turns: f64,
    /// Requests to the model.
    pub model_calls: f64,
    /// Successful tool calls, at least 1.
    pub tool_calls: f64,
    /// Tokens written by the model.
    pub output_tokens: f64,
    /// Words written by the model.
    pub output_words: f64,
    /// Lines added.
    pub lines_added: f64,
    /// Lines removed.
    pub lines_removed: f64,
    /// User's share of planning decisions.
    pub planning_share: f64,
    /// User's share of execution decisions.
    pub execution_share: f64,
    /// Age of the account in days.
    pub account_age_days: f64,
    /// Model family.
    pub family: u8,
    /// Positive where no line was added; the higher, the more like a session without code.
    without_code: f64,
}

/// Distributions of the counts, built once.
struct Distributions<'a> {
    calibration: &'a Calibration,
    families: Mix,
    planning: Mix,
    execution: Mix,
}

/// Draws the telemetry of all sessions.
pub fn draw_counts(
    calibration: &Calibration,
    users: &[User],
    sessions: &[Session],
    outcomes: &[Outcome],
    seed: u64,
) -> Vec<Counts> {
    let distributions = Distributions {
        calibration,
        families: Mix::new(calibration.telemetry.model.share.iter().copied()),
        planning: Mix::new(calibration.telemetry.decisions.planning),
        execution: Mix::new(calibration.telemetry.decisions.execution),
    };
    let mut counts: Vec<Counts> = sessions
        .par_iter()
        .enumerate()
        .with_min_len(1024)
        .map_init(
            || Draws::open(seed, Purpose::Telemetry),
            |draws, (row, session)| {
                let user = &users[session.user as usize];
                distributions.counts(draws.seek(row), session, user, outcomes[row].ending)
            },
        )
        .collect();
    abandon(calibration, sessions, outcomes, &mut counts);
    for (count, session) in counts.iter_mut().zip(sessions) {
        if count.without_code > 0.0 {
            count.lines_added = 0.0;
            count.lines_removed = 0.0;
        } else {
            let ratio = calibration.telemetry.lines.removed[session.context as usize];
            count.lines_removed = (count.lines_added * ratio * count.lines_removed).round();
        }
    }
    counts
}

impl Distributions<'_> {
    /// One session. The order of draws is fixed: changing it changes every table.
    fn counts(&self, draws: &mut Draws, session: &Session, user: &User, ending: Ending) -> Counts {
        let telemetry = &self.calibration.telemetry;
        let is_thin = !session.has_goal || session.expertise == UNCLEAR;
        let turns = &telemetry.turns;
        let log_turns = libm::log(turns.median) + turns.log_sd * session.turns + if is_thin { turns.thin } else { 0.0 };
        let human_turns = libm::exp(log_turns).round().max(1.0);

        let actions_rest = mixed(session.turns, session.actions, telemetry.actions.correlation);
        let actions = self.centre(&telemetry.actions, session) + telemetry.actions.log_sd * actions_rest;
        let tool_calls = (human_turns * libm::exp(actions)).round().max(1.0);
        let words_rest = mixed(actions_rest, draws.normal(), telemetry.words.correlation);
        let words = self.centre(&telemetry.words, session) + telemetry.words.log_sd * words_rest;
        let output_words = (human_turns * libm::exp(words)).round().max(1.0);
        let calls = &telemetry.calls;
        let tools_per_call = calls.tools_per_call * libm::exp(calls.log_sd * draws.normal());
        let tokens_per_word = calls.tokens_per_word * libm::exp(calls.log_sd * draws.normal());

        let lines = &telemetry.lines;
        let none = lines.none[session.context as usize];
        let shift = match ending {
            Ending::Verified => lines.verified,
            Ending::Failed => lines.failed,
            Ending::NoGoal => lines.no_goal,
            Ending::Succeeded | Ending::Partial => 0.0,
        };
        let without_code = libm::log(none / (1.0 - none)) + shift + draws.logistic();
        let log_lines = lines.log_centre + lines.tool_calls * libm::log(tool_calls) + lines.log_sd * draws.normal();
        let removed = libm::exp(0.8 * draws.normal());

        let model = &telemetry.model;
        let middle = (self.calibration.calendar.months.len() - 1) as f64 / 2.0;
        let level = if session.expertise == UNCLEAR { 3.0 } else { f64::from(session.expertise) };
        let family = draws.correlated(user.model, model.user_share)
            - model.month * (f64::from(session.month) - middle)
            - model.expertise * (level - 3.0);
        let decisions = &telemetry.decisions;
        let delegation = draws.correlated(user.delegation, decisions.user_share);
        let planning = mixed(actions_rest, delegation, decisions.planning_actions);
        let execution = mixed(actions_rest, draws.normal(), decisions.execution_actions);
        Counts {
            human_turns,
            model_calls: human_turns + (tool_calls / tools_per_call).round(),
            tool_calls,
            output_tokens: (output_words * tokens_per_word).round().max(1.0),
            output_words,
            lines_added: libm::exp(log_lines).round().clamp(1.0, 1e6),
            lines_removed: removed,
            planning_share: users_share(&self.planning, normal_probability(planning)),
            execution_share: users_share(&self.execution, normal_probability(execution)),
            account_age_days: f64::from((user.age_at_start + (session.second / 86_400) as i32).max(0)),
            family: self.families.draw(normal_probability(family)),
            without_code,
        }
    }

    /// Centre of a log quantity per prompt.
    fn centre(&self, quantity: &PerPrompt, session: &Session) -> f64 {
        let middle = (self.calibration.calendar.months.len() - 1) as f64 / 2.0;
        quantity.level[session.expertise as usize]
            + quantity.mode[session.mode as usize]
            + quantity.value * session.value_score
            + quantity.month * (f64::from(session.month) - middle)
            + quantity.software * f64::from(u8::from(session.is_software()))
    }
}

/// A variable of variance one with the given correlation to the first of two independent ones.
fn mixed(first: f64, second: f64, correlation: f64) -> f64 {
    correlation * first + (1.0 - correlation * correlation).sqrt() * second
}

/// One minus the model's share, which is uniform within its tenth; two decimals.
fn users_share(tenths: &Mix, probability: f64) -> f64 {
    let (tenth, within) = tenths.draw_within(probability);
    (100.0 - 10.0 * (f64::from(tenth) + within)).round() / 100.0
}

/// Failures in trouble are without code as often as the calibration says, those first that are most like it.
fn abandon(calibration: &Calibration, sessions: &[Session], outcomes: &[Outcome], counts: &mut [Counts]) {
    let shares: Vec<Vec<f64>> =
        calibration.telemetry.lines.abandoned.iter().map(|&share| vec![1.0 - share, share]).collect();
    let ranked: Vec<(u32, usize, f64)> = (sessions.iter().zip(outcomes).zip(counts.iter()).enumerate())
        .filter(|(_, ((_, outcome), _))| outcome.ending == Ending::Failed && outcome.in_trouble())
        .map(|(row, ((session, _), count))| (row as u32, session.expertise as usize, count.without_code))
        .collect();
    split_by_rank(ranked.into_iter(), &shares, |row, class| {
        counts[row].without_code = if class == 1 { 1.0 } else { -1.0 }
    });
}
