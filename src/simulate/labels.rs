//! What a session is about: month, work mode, value, occupations, codebase; then who is rated, and at which level.

use super::calibration::Calibration;
use super::quota::split_by_rank;
use super::random::{Draws, Mix, Purpose, normal_probability};
use super::users::User;
use rayon::prelude::*;

/// Expertise class of a session whose expertise is Unclear; levels are 1 to 5.
pub const UNCLEAR: u8 = 0;

/// One session's labels, as codes into the lists of the calibration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session {
    /// Whose it is.
    pub user: u32,
    /// Seconds since the first instant of the first month.
    pub second: u32,
    /// Month.
    pub month: u8,
    /// Work mode.
    pub mode: u8,
    /// Value band of the published analysis.
    pub value_band: u8,
    /// Occupation of the user; `None` if it does not show.
    pub user_occupation: Option<u8>,
    /// Occupation of the task.
    pub task_occupation: u8,
    /// Relation to a codebase.
    pub context: u8,
    /// Whether the session has a clear goal.
    pub has_goal: bool,
    /// [`UNCLEAR`] or the level.
    pub expertise: u8,
    /// Task value in USD and cents.
    pub value: f64,
    /// Its logarithm in standard deviations around the middle of all sessions.
    pub value_score: f64,
    /// Log prompts and log actions per prompt before all effects, in standard deviations.
    pub turns: f64,
    /// See `turns`; independent of it.
    pub actions: f64,
    /// How much the transcript tells: the thinnest sessions have no goal or no rating.
    substance: f64,
    /// Rank of expertise.
    skill: f64,
}

impl Session {
    /// Whether the user is of the software group.
    pub fn is_software(&self) -> bool {
        self.user_occupation == Some(0)
    }
}

/// Distributions of the labels, built once.
struct Distributions<'a> {
    calibration: &'a Calibration,
    months: Mix,
    first_second: Vec<u32>,
    modes: Vec<Mix>,
    contexts: Vec<Mix>,
    log_median: Vec<f64>,
    log_growth: Vec<f64>,
    value_centre: f64,
    tasks: Vec<Clusters>,
}

/// Occupations of one mode's tasks outside the software group.
struct Clusters {
    share: f64,
    occupations: Vec<u8>,
    mix: Option<Mix>,
}

/// Draws the labels of every session but rating and expertise, then ranks those.
pub fn draw_sessions(calibration: &Calibration, users: &[User], rows: &[u32], seed: u64) -> Vec<Session> {
    let distributions = Distributions::new(calibration);
    let mut sessions: Vec<Session> = rows
        .par_iter()
        .enumerate()
        .with_min_len(1024)
        .map_init(
            || Draws::open(seed, Purpose::Labels),
            |draws, (row, &user)| distributions.session(draws.seek(row), user, &users[user as usize]),
        )
        .collect();
    rate(calibration, &mut sessions);
    sessions
}

impl<'a> Distributions<'a> {
    fn new(calibration: &'a Calibration) -> Self {
        let log_median: Vec<f64> = calibration.value.median.iter().map(|&median| libm::log(median)).collect();
        let mut day = 0;
        let first_second = (calibration.calendar.days.iter())
            .map(|days| {
                let first = day * 86_400;
                day += days;
                first
            })
            .collect();
        let months = Mix::new(calibration.calendar.share.iter().copied());
        let value_centre = log_median.iter().sum::<f64>() / log_median.len() as f64;
        let tasks = calibration.work.modes.iter().map(|mode| Clusters::of_mode(calibration, mode)).collect();
        Distributions {
            calibration,
            months,
            first_second,
            modes: calibration.work.share.iter().map(|row| Mix::new(row.iter().copied())).collect(),
            contexts: calibration.codebase.share.iter().map(|row| Mix::new(row.iter().copied())).collect(),
            log_growth: calibration.value.growth.iter().map(|&growth| libm::log(1.0 + growth)).collect(),
            log_median,
            value_centre,
            tasks,
        }
    }

    /// One session. The order of draws is fixed: changing it changes every table.
    fn session(&self, draws: &mut Draws, code: u32, user: &User) -> Session {
        let calibration = self.calibration;
        let last_month = (self.modes.len() - 1).max(1) as f64;
        let calendar = &calibration.calendar;
        let month = self.months.draw(normal_probability(draws.correlated(user.period, calendar.user_share)));
        let length = f64::from(calendar.days[month as usize]) * 86_400.0;
        let second = self.first_second[month as usize] + (draws.uniform() * length) as u32;
        let taste = normal_probability(draws.correlated(user.work, calibration.work.user_share));
        let mode = self.modes[month as usize].draw(taste);

        let occupation = &calibration.occupation;
        let clarity = draws.correlated(user.clarity, occupation.user_share);
        let user_occupation = (normal_probability(clarity) >= occupation.unclear).then_some(user.occupation);
        let software = f64::from(u8::from(user_occupation == Some(0)));

        let value = &calibration.value;
        let trend = self.log_growth[mode as usize] * (f64::from(month) / last_month - 0.5);
        let log_value = self.log_median[mode as usize]
            + trend
            + value.software * (software - 0.45)
            + value.log_sd * draws.correlated(user.value, value.user_share);
        let price = (libm::exp(log_value).clamp(value.range[0], value.range[1]) * 100.0).round() / 100.0;
        let value_score = (libm::log(price) - self.value_centre) / value.log_sd;

        let task_occupation = self.task(draws, mode, user_occupation);
        let context = self.contexts[mode as usize].draw(draws.uniform());
        let telemetry = &calibration.telemetry;
        let turns = draws.correlated(user.turns, telemetry.turns.user_share);
        let actions = draws.correlated(user.actions, telemetry.actions.user_share);

        let rating = &calibration.rating;
        let unclear = f64::from(u8::from(user_occupation.is_none()));
        let substance = draws.correlated(user.clarity, rating.user_share) - rating.unclear_occupation * unclear;
        let expertise = &calibration.expertise;
        let skill = draws.correlated(user.skill, expertise.user_share);
        let tail = if skill < 0.0 { expertise.lower_tail } else { expertise.upper_tail };
        let circumstances =
            expertise.month * (f64::from(month) - last_month / 2.0) + expertise.software * (software - 0.45);
        let skill = skill
            + circumstances * (1.0 + tail * skill * skill)
            + expertise.activity * user.activity * user.skill.min(0.0)
            + expertise.value * value_score
            + expertise.mode[mode as usize];

        Session {
            user: code,
            second,
            month,
            mode,
            value_band: calibration.analysis.value_cuts.iter().filter(|&&cut| cut <= price).count() as u8,
            user_occupation,
            task_occupation,
            context,
            has_goal: true,
            expertise: UNCLEAR,
            value: price,
            value_score,
            turns,
            actions,
            substance,
            skill,
        }
    }

    /// Occupation of the task; always takes four numbers.
    fn task(&self, draws: &mut Draws, mode: u8, user_occupation: Option<u8>) -> u8 {
        let [anything, any, clustered, own] = std::array::from_fn(|_| draws.uniform());
        let task = &self.calibration.task;
        let clusters = &self.tasks[mode as usize];
        if anything < task.background {
            let groups = self.calibration.occupation.groups.len();
            return ((any * groups as f64) as usize).min(groups - 1) as u8;
        }
        let factor = if user_occupation == Some(0) { task.software } else { task.others };
        let share = clusters.share * factor;
        match &clusters.mix {
            Some(mix) if clustered < share => match user_occupation {
                Some(group) if own < task.own && clusters.occupations.contains(&group) => group,
                _ => clusters.occupations[mix.draw(clustered / share) as usize],
            },
            _ => 0,
        }
    }
}

impl Clusters {
    fn of_mode(calibration: &Calibration, mode: &str) -> Self {
        let groups = &calibration.occupation.groups;
        let clusters: Vec<(u8, f64)> = (calibration.task.clusters.iter())
            .filter(|cluster| cluster.mode == mode)
            .filter_map(|cluster| {
                let code = groups.iter().position(|group| group.title == cluster.occupation)?;
                Some((code as u8, cluster.share))
            })
            .collect();
        Clusters {
            share: clusters.iter().map(|(_, share)| share).sum(),
            occupations: clusters.iter().map(|&(code, _)| code).collect(),
            mix: (!clusters.is_empty()).then(|| Mix::new(clusters.iter().map(|&(_, share)| share))),
        }
    }
}

/// Decides by rank which sessions lack a goal or a rating, and the level of the others.
fn rate(calibration: &Calibration, sessions: &mut [Session]) {
    let rating = &calibration.rating;
    let levels = rating.levels.map(|count| count as f64).to_vec();
    let levels_without_goal = rating.rated_without_goal.map(|count| count as f64).to_vec();
    let thin = [rating.neither as f64, levels_without_goal.iter().sum(), rating.unclear_with_goal as f64];
    let classes = vec![thin[0], thin[1], thin[2], levels.iter().sum()];

    let mut class_of = vec![0u8; sessions.len()];
    let by_substance = sessions.iter().enumerate().map(|(row, session)| (row as u32, 0, session.substance));
    split_by_rank(by_substance, &[classes], |row, class| class_of[row] = class as u8);
    let rated = |&(row, _): &(usize, &Session)| matches!(class_of[row], 1 | 3);
    let by_skill: Vec<(u32, usize, f64)> = (sessions.iter().enumerate().filter(rated))
        .map(|(row, session)| (row as u32, usize::from(class_of[row] == 3), session.skill))
        .collect();
    for (session, class) in sessions.iter_mut().zip(&class_of) {
        session.has_goal = *class >= 2;
    }
    split_by_rank(by_skill.into_iter(), &[levels_without_goal, levels], |row, level| {
        sessions[row].expertise = level as u8 + 1;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(count: usize) -> Vec<Session> {
        let calibration = Calibration::published();
        let rows: Vec<u32> = (0..count as u32).collect();
        draw_sessions(&calibration, &vec![User::default(); count], &rows, 1)
    }

    #[test]
    fn levels_follow_the_published_counts_at_any_size() {
        let drawn = sessions(40_000);
        let count = |level: u8| drawn.iter().filter(|s| s.has_goal && s.expertise == level).count() as f64;
        for (level, published) in [(0, 7_951.0), (1, 5_911.0), (2, 73_858.0), (4, 146_879.0), (5, 36_422.0)] {
            let expected = published * 40_000.0 / 398_198.0;
            assert!((count(level) - expected).abs() <= 2.0, "level {level}: {} against {expected}", count(level));
        }
    }

    #[test]
    fn skilled_users_do_more_valuable_work_and_prices_stay_in_range() {
        let drawn = sessions(20_000);
        let mean = |level: u8| {
            let of: Vec<f64> = drawn.iter().filter(|s| s.expertise == level).map(|s| s.value_score).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        assert!(mean(2) < mean(4) && mean(4) < mean(5));
        assert!(drawn.iter().all(|s| (10.0..=50_000.0).contains(&s.value)));
        assert!(drawn.iter().all(|s| ((s.value * 100.0).round() - s.value * 100.0).abs() < 1e-6));
    }
}
