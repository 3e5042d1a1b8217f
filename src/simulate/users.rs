//! Users: how many sessions each one has, and what lasts from one session to the next.

use super::calibration::Calibration;
use super::random::{Draws, Mix, Purpose};
use rayon::prelude::*;

/// Lasting traits of a user; unless said otherwise standard normal and independent.
#[derive(Debug, Clone, Copy, Default)]
pub struct User {
    /// Share of the distribution of months: when the user was active.
    pub period: f64,
    /// Taste for kinds of work.
    pub work: f64,
    /// Taste for large tasks.
    pub value: f64,
    /// How much of the user's circumstances shows in the text.
    pub clarity: f64,
    /// Skill, behind the expertise level.
    pub skill: f64,
    /// What makes the user's sessions succeed beyond expertise and kind of work.
    pub success: f64,
    /// Length of sessions in prompts.
    pub turns: f64,
    /// Actions per prompt.
    pub actions: f64,
    /// Logarithm of the number of sessions.
    pub activity: f64,
    /// Taste for model families.
    pub model: f64,
    /// Taste for leaving decisions to the model.
    pub delegation: f64,
    /// Code of the occupation, whether or not it shows.
    pub occupation: u8,
    /// Account age in days at the first day of the first month; negative: signed up later.
    pub age_at_start: i32,
}

/// Number of sessions of each user in ascending order of the reference distribution.
///
/// The sessions beyond a user's first are spread by cumulative rounding of the reference counts, which is the
/// identity at the reference size and keeps the total exact at any other.
pub fn session_counts(calibration: &Calibration, users: usize, sessions: usize) -> Vec<u32> {
    let distribution = &calibration.users;
    let reference_users: usize = distribution.number.iter().sum();
    let mut steps = distribution.sessions.iter().zip(&distribution.number);
    let (mut count, mut end) = (1, 0);
    let beyond_first: Vec<u64> = (0..users)
        .map(|user| {
            while (user as u128 * reference_users as u128 / users as u128) as usize >= end {
                let Some((&sessions, &number)) = steps.next() else { break };
                (count, end) = (sessions, end + number);
            }
            count as u64 - 1
        })
        .collect();
    let reference_total: u64 = beyond_first.iter().sum();
    let total = (sessions - users) as u64;
    if reference_total == 0 {
        return spread_evenly(users, total);
    }
    let mut sum = 0u64;
    let mut given = 0u64;
    beyond_first
        .into_iter()
        .map(|beyond| {
            sum += beyond;
            let due = (u128::from(sum) * u128::from(total) / u128::from(reference_total)) as u64;
            let own = due - given;
            given = due;
            own as u32 + 1
        })
        .collect()
}

/// One session each, and the remaining ones as evenly as they go.
fn spread_evenly(users: usize, beyond_first: u64) -> Vec<u32> {
    (0..users as u64)
        .map(|user| {
            let upto = |n: u64| (u128::from(beyond_first) * u128::from(n) / users as u128) as u64;
            (1 + upto(user + 1) - upto(user)) as u32
        })
        .collect()
}

/// The user of each row, and the sessions of each user: the counts are dealt to users, then to rows, at random.
pub fn assign_rows(counts: &[u32], seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut rows: Vec<u32> = Vec::with_capacity(counts.iter().map(|&count| count as usize).sum());
    let mut draws = Draws::open(seed, Purpose::Order);
    // The counts ascend with the position, so positions are shuffled first: a user's code says nothing.
    let mut codes: Vec<u32> = (0..counts.len() as u32).collect();
    shuffle(&mut codes, &mut draws);
    let mut sessions = vec![0; counts.len()];
    for (&code, &count) in codes.iter().zip(counts) {
        rows.extend(std::iter::repeat_n(code, count as usize));
        sessions[code as usize] = count;
    }
    shuffle(&mut rows, &mut draws);
    (rows, sessions)
}

/// Fisher-Yates.
fn shuffle(values: &mut [u32], draws: &mut Draws) {
    for last in (1..values.len()).rev() {
        values.swap(last, draws.below(last + 1));
    }
}

/// Draws the traits of all users; `sessions[user]` is how many sessions each has.
pub fn draw_users(calibration: &Calibration, sessions: &[u32], seed: u64) -> Vec<User> {
    let occupations = Mix::new(calibration.occupation.groups.iter().map(|group| group.users));
    let account = &calibration.telemetry.account_age;
    sessions
        .par_iter()
        .enumerate()
        .with_min_len(1024)
        .map_init(
            || Draws::open(seed, Purpose::User),
            |draws, (index, &sessions)| {
                draws.seek(index);
                User {
                    period: draws.normal(),
                    work: draws.normal(),
                    value: draws.normal(),
                    clarity: draws.normal(),
                    skill: draws.normal(),
                    success: draws.normal(),
                    turns: draws.normal(),
                    actions: draws.normal(),
                    activity: libm::log(f64::from(sessions)),
                    model: draws.normal(),
                    delegation: draws.normal(),
                    occupation: occupations.draw(draws.uniform()),
                    age_at_start: (-account.mean_days * libm::log(draws.uniform())) as i32 - account.newest_days,
                }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users_above(counts: &[u32], limit: u32) -> usize {
        counts.iter().filter(|&&count| count > limit).count()
    }

    #[test]
    fn the_published_tail_is_exact() {
        let counts = session_counts(&Calibration::published(), 234_751, 398_198);
        assert_eq!(counts.iter().map(|&count| count as usize).sum::<usize>(), 398_198);
        assert_eq!([1, 5, 10].map(|limit| users_above(&counts, limit)), [73_066, 6_382, 1_413]);
    }

    #[test]
    fn totals_hold_at_any_size() {
        let calibration = Calibration::published();
        for (users, sessions) in [(1, 1), (1, 60), (35, 60), (60, 60), (2, 3), (20_000, 40_000), (500_000, 900_000)] {
            let counts = session_counts(&calibration, users, sessions);
            assert_eq!((counts.len(), counts.iter().sum::<u32>() as usize), (users, sessions));
            assert!(counts.iter().all(|&count| count >= 1));
        }
    }

    #[test]
    fn rows_give_every_user_the_count_of_some_position() {
        let (rows, sessions) = assign_rows(&[1, 1, 2, 5], 3);
        let mut counts = [0; 4];
        rows.iter().for_each(|&user| counts[user as usize] += 1);
        assert_eq!(sessions, counts);
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 2, 5]);
        assert_ne!(rows, assign_rows(&[1, 1, 2, 5], 4).0);
    }
}
