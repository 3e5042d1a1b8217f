//! Codes and numbers to the named columns of a [`Table`].

use super::calibration::{Calendar, Calibration};
use super::labels::Session;
use super::outcomes::{Ending, Outcome};
use super::telemetry::Counts;
use crate::table::{Column, Factor, MISSING, Table};
use std::sync::Arc;

/// Label of an occupation or expertise that does not show.
const UNCLEAR_LABEL: &str = "Unclear";

/// Builds the table; columns stand in the order of the codebook.
pub fn to_table(
    calibration: &Calibration,
    users: usize,
    sessions: &[Session],
    outcomes: &[Outcome],
    counts: &[Counts],
) -> Table {
    let mut table = Table::new(sessions.len());
    let mut titles: Vec<String> = calibration.occupation.groups.iter().map(|group| group.title.clone()).collect();
    let unclear = titles.len() as u32;
    titles.push(UNCLEAR_LABEL.into());
    let levels = [UNCLEAR_LABEL, "1", "2", "3", "4", "5"];
    let model = &calibration.telemetry.model;
    let families = model.share.len() as u32;
    let versions: Vec<&String> = model.names.iter().flatten().collect();

    let mut factor = |name: &str, factor: Factor| table.insert(Column::factor(name, factor));
    factor("session_id", Factor::new((0..sessions.len() as u32).collect(), ids('s', sessions.len())));
    factor("user_id", Factor::new(sessions.iter().map(|s| s.user).collect(), ids('u', users)));
    factor("timestamp", timestamps(&calibration.calendar, sessions));
    factor("month", labeled(sessions.iter().map(|s| s.month.into()), &calibration.calendar.months));
    factor("work_mode", labeled(sessions.iter().map(|s| s.mode.into()), &calibration.work.modes));
    factor("expertise", labeled(sessions.iter().map(|s| s.expertise.into()), &levels));
    factor("user_occupation", labeled(sessions.iter().map(|s| s.user_occupation.map_or(unclear, u32::from)), &titles));
    factor("task_occupation", labeled(sessions.iter().map(|s| s.task_occupation.into()), &titles));
    factor("outcome", labeled(outcomes.iter().map(|o| outcome_code(o.ending)), &OUTCOMES));
    factor("codebase_context", labeled(sessions.iter().map(|s| s.context.into()), &calibration.codebase.contexts));
    let version = sessions.iter().zip(counts).map(|(s, c)| u32::from(s.month) * families + u32::from(c.family));
    factor("model", labeled(version, &versions));

    let mut number = |name: &str, values: Vec<f64>| table.insert(Column::number(name, values));
    number("success_signal", outcomes.iter().map(|o| o.success_signal.into()).collect());
    number("failure_signal", outcomes.iter().map(|o| o.failure_signal.into()).collect());
    number("task_value", sessions.iter().map(|s| s.value).collect());
    let mut count = |name: &str, of: fn(&Counts) -> f64| number(name, counts.iter().map(of).collect());
    count("planning_share", |c| c.planning_share);
    count("execution_share", |c| c.execution_share);
    count("human_turns", |c| c.human_turns);
    count("model_calls", |c| c.model_calls);
    count("tool_calls", |c| c.tool_calls);
    count("output_tokens", |c| c.output_tokens);
    count("output_words", |c| c.output_words);
    count("lines_added", |c| c.lines_added);
    count("lines_removed", |c| c.lines_removed);
    count("account_age_days", |c| c.account_age_days);
    table
}

const OUTCOMES: [&str; 4] = ["Succeeded", "Partially Succeeded", "Failed", "No clear goal"];

fn outcome_code(ending: Ending) -> u32 {
    match ending {
        Ending::Verified | Ending::Succeeded => 0,
        Ending::Partial => 1,
        Ending::Failed => 2,
        Ending::NoGoal => 3,
    }
}

/// A factor of the labels that occur, in the field's order; equal labels are one level.
fn labeled<S: AsRef<str>>(codes: impl Iterator<Item = u32>, labels: &[S]) -> Factor {
    let codes: Vec<u32> = codes.collect();
    let mut new_code = vec![MISSING; labels.len()];
    let mut factor = Factor::default();
    let codes: Vec<u32> = codes
        .into_iter()
        .map(|code| {
            if new_code[code as usize] == MISSING {
                let label = labels[code as usize].as_ref();
                new_code[code as usize] = factor.code_of(label).unwrap_or_else(|| {
                    factor.levels.push(label.to_owned());
                    factor.levels.len() as u32 - 1
                });
            }
            new_code[code as usize]
        })
        .collect();
    factor.codes = Arc::new(codes);
    factor.sort_levels();
    factor
}

/// `count` names of equal width, so that their order as text is their order as numbers.
fn ids(letter: char, count: usize) -> Vec<String> {
    let width = count.to_string().len().max(6);
    (0..count).map(|number| format!("{letter}{:0width$}", number + 1)).collect()
}

/// `YYYY-MM-DDTHH:MM:SS` of every session; the levels are the instants that occur.
fn timestamps(calendar: &Calendar, sessions: &[Session]) -> Factor {
    let mut order: Vec<u64> =
        sessions.iter().enumerate().map(|(row, s)| u64::from(s.second) << 32 | row as u64).collect();
    order.sort_unstable();
    let mut codes = vec![MISSING; sessions.len()];
    let mut levels = Vec::new();
    let mut last = None;
    for entry in order {
        let (second, row) = ((entry >> 32) as u32, entry as u32 as usize);
        if last != Some(second) {
            levels.push(instant(calendar, second));
            last = Some(second);
        }
        codes[row] = levels.len() as u32 - 1;
    }
    Factor::new(codes, levels)
}

/// The instant `second` seconds after the first month began.
fn instant(calendar: &Calendar, second: u32) -> String {
    let (mut day, time) = (second / 86_400, second % 86_400);
    let mut month = 0;
    while month + 1 < calendar.days.len() && day >= calendar.days[month] {
        day -= calendar.days[month];
        month += 1;
    }
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{}-{:02}T{hour:02}:{minute:02}:{second:02}", calendar.months[month], day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_fall_into_their_month() {
        let calendar = Calibration::published().calendar;
        assert_eq!(instant(&calendar, 0), "2025-10-01T00:00:00");
        assert_eq!(instant(&calendar, 31 * 86_400 - 1), "2025-10-31T23:59:59");
        assert_eq!(instant(&calendar, 31 * 86_400 + 3_661), "2025-11-01T01:01:01");
        assert_eq!(instant(&calendar, 212 * 86_400 - 1), "2026-04-30T23:59:59");
    }

    #[test]
    fn levels_that_occur_are_kept_and_equal_labels_merge() {
        let factor = labeled([3, 0, 1].into_iter(), &["b", "a", "unused", "b"]);
        assert_eq!((factor.levels, factor.codes.to_vec()), (vec!["a".to_owned(), "b".to_owned()], vec![1, 1, 0]));
        assert_eq!(ids('u', 2), ["u000001", "u000002"]);
    }
}
