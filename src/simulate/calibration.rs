//! The parameters of the synthetic table, as they stand in `data/calibration.toml`.
//!
//! Every group carries its `source` (the published number it comes from) and what is `assumed` in it.
//! Arrays by expertise have six entries: Unclear first, then levels 1 to 5. Arrays by outcome are named tables.

use super::SimulateError;
use serde::Deserialize;

/// Number of expertise classes: Unclear and five levels.
pub const LEVELS: usize = 6;

/// All parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Reference size.
    pub size: Size,
    /// Sessions per user.
    pub users: UserCounts,
    /// Months.
    pub calendar: Calendar,
    /// Kinds of work.
    pub work: Work,
    /// Task values.
    pub value: Value,
    /// Occupations of users.
    pub occupation: Occupations,
    /// Occupations that tasks belong to.
    pub task: Tasks,
    /// Relation of the work to a codebase.
    pub codebase: Codebase,
    /// Which sessions are rated, and how many at each level.
    pub rating: Rating,
    /// What moves the expertise of a session.
    pub expertise: Expertise,
    /// Verified success.
    pub verified: Success,
    /// Outcomes of sessions that are not verified successes.
    pub judged: Judged,
    /// Failure signals.
    pub failure_signal: FailureSignal,
    /// Success signals.
    pub success_signal: SuccessSignal,
    /// Counts, words, lines, models and shares.
    pub telemetry: Telemetry,
    /// How the published analysis cuts the columns: nothing is drawn from it.
    pub analysis: Analysis,
}

/// Defines a parameter group: its fields, then the two sentences every group must carry.
macro_rules! group {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
            /// Where the published part comes from.
            pub source: String,
            /// What is not published and was chosen.
            pub assumed: String,
        }
    };
}

group! {
    /// The size at which counts are exact.
    Size {
        /// Sessions.
        sessions: usize,
        /// Users.
        users: usize,
    }
}
group! {
    /// Distribution of sessions over users: `number[i]` users have `sessions[i]` sessions.
    UserCounts {
        /// Sessions of a user, ascending.
        sessions: Vec<usize>,
        /// Users with that many.
        number: Vec<usize>,
    }
}
group! {
    /// Months covered.
    Calendar {
        /// Labels `YYYY-MM`.
        months: Vec<String>,
        /// Days of each.
        days: Vec<u32>,
        /// Share of sessions in each.
        share: Vec<f64>,
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Kinds of work.
    Work {
        /// Labels.
        modes: Vec<String>,
        /// Share of each mode, one row per month.
        share: Vec<Vec<f64>>,
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Task value in USD: log-normal by mode, growing over the months.
    Value {
        /// Median by mode in the middle of the period.
        median: Vec<f64>,
        /// Growth from the first to the last month by mode.
        growth: Vec<f64>,
        /// Standard deviation of the logarithm.
        log_sd: f64,
        /// Shift of the logarithm for software users, against all others.
        software: f64,
        /// Lowest and highest price.
        range: [f64; 2],
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Occupations of users.
    Occupations {
        /// The major groups; the first is the software group.
        groups: Vec<Occupation>,
        /// Share of sessions whose user's occupation does not show.
        unclear: f64,
        /// Part of the variance of showing it that sessions of a user share.
        user_share: f64,
    }
}

/// One major group of occupations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occupation {
    /// Short title.
    pub title: String,
    /// Share of users.
    pub users: f64,
    /// Shift of verified success, in standard deviations.
    pub verified: f64,
    /// Shift of the outcome without verification, in standard deviations.
    pub judged: f64,
}

group! {
    /// Occupation that a task belongs to: the software group, unless the work mode has clusters of other tasks.
    Tasks {
        /// Share of sessions with a task of any group at all, spread evenly: the long thin tail.
        background: f64,
        /// Factor on the clusters' shares for software users.
        software: f64,
        /// Factor on them for all others.
        others: f64,
        /// Chance that a cluster's task is of the user's own group, where the mode has that cluster.
        own: f64,
        /// The clusters.
        clusters: Vec<Cluster>,
    }
}

/// Share of one mode's sessions whose task belongs to one occupation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Work mode.
    pub mode: String,
    /// Title of the occupation.
    pub occupation: String,
    /// Share of the mode's sessions.
    pub share: f64,
}

group! {
    /// Relation to a codebase.
    Codebase {
        /// Labels: modify, explore, create, none.
        contexts: Vec<String>,
        /// Share of each context, one row per mode.
        share: Vec<Vec<f64>>,
    }
}
group! {
    /// Rated sessions, at the reference size.
    Rating {
        /// Sessions with neither a clear goal nor a clear expertise.
        neither: usize,
        /// Sessions with a goal but Unclear expertise.
        unclear_with_goal: usize,
        /// Rated sessions without a clear goal, by level 1 to 5.
        rated_without_goal: [usize; 5],
        /// Sessions of the analysis, by level 1 to 5.
        levels: [usize; 5],
        /// Part of the variance of thinness that sessions of a user share.
        user_share: f64,
        /// Weight of an Unclear occupation in it.
        unclear_occupation: f64,
    }
}
group! {
    /// Score whose rank gives the level: skill plus circumstances.
    Expertise {
        /// Part of the skill's variance that belongs to the user.
        user_share: f64,
        /// Effect of the log number of the user's sessions, on users of little skill.
        activity: f64,
        /// Effect of one standard deviation of the log value.
        value: f64,
        /// Effect of one month.
        month: f64,
        /// Effect of a software user.
        software: f64,
        /// Effects of the modes.
        mode: Vec<f64>,
        /// Growth of the month and software effects with squared skill, below the middle.
        lower_tail: f64,
        /// The same above the middle.
        upper_tail: f64,
    }
}

/// Shifts of a success score, in standard deviations of its random part.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// By work mode.
    pub mode: Vec<f64>,
    /// By value band.
    pub value_band: Vec<f64>,
    /// Per month.
    pub month: f64,
    /// Unclear user occupation; the named ones stand with the occupations.
    pub unclear_occupation: f64,
    /// Per standard deviation of the log number of prompts.
    pub turns: f64,
    /// Per standard deviation of the log actions per prompt.
    pub actions: f64,
}

group! {
    /// Verified success: the highest scores of each level, as many as the rate says.
    Success {
        /// Unadjusted rate by expertise.
        rate: [f64; LEVELS],
        /// Part of the random variance that belongs to the user, by expertise.
        user_share: [f64; LEVELS],
        /// What else moves it.
        effects: Effects,
    }
}
group! {
    /// Outcomes of the others: failed, partial, succeeded by ascending score.
    Judged {
        /// Unadjusted rate of Succeeded (verified or not) by expertise.
        succeeded: [f64; LEVELS],
        /// Unadjusted rate of at least partial success by expertise.
        at_least_partial: [f64; LEVELS],
        /// Part of the random variance that belongs to the user.
        user_share: f64,
        /// What else moves it.
        effects: Effects,
    }
}

/// A rate by expertise for each outcome.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByOutcome<T> {
    /// Verified successes.
    pub verified: T,
    /// Successes without hard evidence.
    pub succeeded: T,
    /// Partial successes.
    pub partial: T,
    /// Failures.
    pub failed: T,
}

group! {
    /// Failure signal 0 to 5, by rank of a score within expertise and outcome.
    FailureSignal {
        /// Share in trouble (3 or more) by expertise.
        trouble: ByOutcome<[f64; LEVELS]>,
        /// Share of 4 or 5 among failures in trouble, by expertise.
        verified_failure: [f64; LEVELS],
        /// Weights of 0, 1, 2 outside trouble.
        outside: ByOutcome<[f64; 3]>,
        /// Weights of 3, 4, 5 in trouble; for failures only the last two count.
        inside: ByOutcome<[f64; 3]>,
        /// Weights of 0 to 5 without a clear goal.
        no_goal: [f64; 6],
        /// Weight of the log number of prompts in the score.
        turns: f64,
        /// Weight of the log value in the score.
        value: f64,
    }
}
group! {
    /// Success signal 0 to 5; verified successes have 4 or 5, other successes less.
    SuccessSignal {
        /// Weights of 0 to 5 by outcome.
        weight: ByOutcome<[f64; 6]>,
        /// Weights of 0 to 5 without a clear goal.
        no_goal: [f64; 6],
    }
}

/// Telemetry groups.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Human prompts.
    pub turns: Turns,
    /// Actions per prompt.
    pub actions: PerPrompt,
    /// Words per prompt.
    pub words: PerPrompt,
    /// Model calls and output tokens.
    pub calls: Calls,
    /// Lines of code.
    pub lines: Lines,
    /// Models.
    pub model: Models,
    /// Decision shares.
    pub decisions: Decisions,
    /// Account age.
    pub account_age: AccountAge,
}

group! {
    /// Human prompts per session, at least one.
    Turns {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm.
        log_sd: f64,
        /// Shift of the logarithm without a goal or with Unclear expertise.
        thin: f64,
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// A quantity per human prompt: log-normal around effects.
    PerPrompt {
        /// Centre of the logarithm by expertise.
        level: [f64; LEVELS],
        /// Effects of the modes.
        mode: Vec<f64>,
        /// Effect of one standard deviation of the log value.
        value: f64,
        /// Effect of one month.
        month: f64,
        /// Effect of a software user.
        software: f64,
        /// Standard deviation of the rest.
        log_sd: f64,
        /// Correlation of the rest: with the number of prompts for actions, with the actions for words.
        correlation: f64,
        /// Part of its own variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Model calls and output tokens.
    Calls {
        /// Tool calls that one model call makes on average.
        tools_per_call: f64,
        /// Tokens per word.
        tokens_per_word: f64,
        /// Standard deviation of the logarithm of both ratios.
        log_sd: f64,
    }
}
group! {
    /// Lines added and removed.
    Lines {
        /// Chance of no added line by codebase context.
        none: Vec<f64>,
        /// Shift of the log odds of no added line for verified successes.
        verified: f64,
        /// The same for failures.
        failed: f64,
        /// The same without a clear goal.
        no_goal: f64,
        /// Share without added lines among failures in trouble, by expertise.
        abandoned: [f64; LEVELS],
        /// Centre of the logarithm of lines added.
        log_centre: f64,
        /// Its change with the logarithm of tool calls.
        tool_calls: f64,
        /// Standard deviation of the rest.
        log_sd: f64,
        /// Lines removed per line added by codebase context.
        removed: Vec<f64>,
    }
}
group! {
    /// Models: a family by rank, a version by month.
    Models {
        /// Share of each family.
        share: Vec<f64>,
        /// Version of each family, one row per month.
        names: Vec<Vec<String>>,
        /// Effect of one month towards the first family.
        month: f64,
        /// Effect of one level of expertise towards the first family.
        expertise: f64,
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Decisions: shares of sessions by tenth of the model's share.
    Decisions {
        /// Planning.
        planning: [f64; 10],
        /// Execution.
        execution: [f64; 10],
        /// Correlation of the model's planning with the actions per prompt.
        planning_actions: f64,
        /// The same for execution.
        execution_actions: f64,
        /// Part of the variance that sessions of a user share.
        user_share: f64,
    }
}
group! {
    /// Account age in days.
    AccountAge {
        /// Mean of the exponential distribution behind it.
        mean_days: f64,
        /// How long after the first day the newest accounts may begin.
        newest_days: i32,
    }
}
group! {
    /// Cuts and limit of the analysis that returns the published tables.
    Analysis {
        /// Left-closed limits of the value bands.
        value_cuts: Vec<f64>,
        /// Left-closed limits of the session-length bands, in prompts.
        turn_cuts: Vec<f64>,
        /// Least number of distinct users of a cell.
        min_users: usize,
    }
}

impl Calibration {
    /// The parameters that ship with the program.
    pub fn published() -> Self {
        Self::from_toml(include_str!("../../data/calibration.toml")).expect("the embedded parameters are tested")
    }

    /// Reads parameters of one's own.
    pub fn from_toml(text: &str) -> Result<Self, SimulateError> {
        let calibration: Calibration = toml::from_str(text)?;
        calibration.check()?;
        Ok(calibration)
    }

    /// Refuses tables of the wrong shape and names that nothing stands behind.
    fn check(&self) -> Result<(), SimulateError> {
        let months = self.calendar.months.len();
        let modes = self.work.modes.len();
        let contexts = self.codebase.contexts.len();
        let families = self.telemetry.model.share.len();
        let bands = self.analysis.value_cuts.len() + 1;
        let lengths = [
            ("users.number", self.users.number.len(), self.users.sessions.len()),
            ("calendar.days", self.calendar.days.len(), months),
            ("calendar.share", self.calendar.share.len(), months),
            ("work.share", self.work.share.len(), months),
            ("value.median", self.value.median.len(), modes),
            ("value.growth", self.value.growth.len(), modes),
            ("codebase.share", self.codebase.share.len(), modes),
            ("expertise.mode", self.expertise.mode.len(), modes),
            ("verified.effects.mode", self.verified.effects.mode.len(), modes),
            ("judged.effects.mode", self.judged.effects.mode.len(), modes),
            ("verified.effects.value_band", self.verified.effects.value_band.len(), bands),
            ("judged.effects.value_band", self.judged.effects.value_band.len(), bands),
            ("telemetry.actions.mode", self.telemetry.actions.mode.len(), modes),
            ("telemetry.words.mode", self.telemetry.words.mode.len(), modes),
            ("telemetry.lines.none", self.telemetry.lines.none.len(), contexts),
            ("telemetry.lines.removed", self.telemetry.lines.removed.len(), contexts),
            ("telemetry.model.names", self.telemetry.model.names.len(), months),
        ];
        let rows = (self.work.share.iter().map(|row| ("work.share", row.len(), modes)))
            .chain(self.codebase.share.iter().map(|row| ("codebase.share", row.len(), contexts)))
            .chain(self.telemetry.model.names.iter().map(|row| ("telemetry.model.names", row.len(), families)));
        if let Some((parameter, found, expected)) =
            lengths.into_iter().chain(rows).find(|(_, found, expected)| found != expected || *expected == 0)
        {
            return Err(SimulateError::Length { parameter, expected, found });
        }
        if self.occupation.groups.is_empty() || self.occupation.groups.len() > 64 {
            let found = self.occupation.groups.len();
            return Err(SimulateError::Length { parameter: "occupation.groups", expected: 23, found });
        }
        for cluster in &self.task.clusters {
            if !self.work.modes.contains(&cluster.mode) {
                return Err(SimulateError::Name { parameter: "work mode", name: cluster.mode.clone() });
            }
            if self.occupation.groups.iter().all(|group| group.title != cluster.occupation) {
                return Err(SimulateError::Name { parameter: "occupation", name: cluster.occupation.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_parameters_are_complete() {
        let calibration = Calibration::published();
        let sessions: usize =
            calibration.users.sessions.iter().zip(&calibration.users.number).map(|(s, n)| s * n).sum();
        assert_eq!(sessions, calibration.size.sessions);
        assert_eq!(calibration.users.number.iter().sum::<usize>(), calibration.size.users);
        let rating = &calibration.rating;
        let rated: usize = rating.levels.iter().sum::<usize>() + rating.rated_without_goal.iter().sum::<usize>();
        assert_eq!(rating.levels.iter().sum::<usize>(), 359_586);
        assert_eq!(rated, 375_687);
        assert_eq!(rated + rating.neither + rating.unclear_with_goal, calibration.size.sessions);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        let text = include_str!("../../data/calibration.toml");
        let unknown = text.replacen("[size]", "[size]\ncolour = 1", 1);
        assert!(matches!(Calibration::from_toml(&unknown), Err(SimulateError::Parameters(_))));
        let misnamed = text.replacen("mode = \"Communicate\"", "mode = \"Converse\"", 1);
        let error = Calibration::from_toml(&misnamed).unwrap_err();
        assert_eq!(error.to_string(), "the parameters name the work mode `Converse`, which they do not define");
    }
}
