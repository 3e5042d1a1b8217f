//! Where our counterpart of a published number is found among the fits.

use crate::chart::Figure;
use crate::output::names::belongs_to;
use crate::result::{Estimate, ModelFit, NotFitted, RateRow};
use crate::study::protect::{SUPPRESSED, is_suppressed};

use super::drawn::drawn;
use super::published::Published;
use super::tolerance;

/// Counts of the sample before any model; what is not known stays `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SampleCounts {
    /// Sessions.
    pub sessions: Option<usize>,
    /// Distinct users.
    pub users: Option<usize>,
    /// Users with more than one session.
    pub users_gt1: Option<usize>,
    /// Users with more than five sessions.
    pub users_gt5: Option<usize>,
    /// Users with more than ten sessions.
    pub users_gt10: Option<usize>,
    /// Distinct months.
    pub months: Option<usize>,
    /// Share of sessions without a clear goal.
    pub no_clear_goal_share: Option<f64>,
    /// Share of sessions whose user's occupation is unclear.
    pub unclear_user_occupation_share: Option<f64>,
    /// Sessions with a rating of expertise, whether or not they have a clear goal.
    pub rated_sessions: Option<usize>,
}

/// Our side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Ours {
    /// Numbers (several for a published range) and the tolerance they are held to.
    Numbers {
        /// What they belong to and the number, e.g. `("3", 0.283)`.
        values: Vec<(String, f64)>,
        /// Largest difference that counts as close.
        tolerance: f64,
    },
    /// No counterpart, and why.
    Missing(String),
}

/// The fits and counts that published numbers are looked up in.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// Fits of `table_a1` (models `(1)` to `(6)`), `table_a2` and `figure5`.
    pub fits: &'a [ModelFit],
    /// Regressions that do not exist, and why.
    pub not_fitted: &'a [NotFitted],
    /// Counts of the sample frame.
    pub counts: SampleCounts,
    /// Figures 1 to 4, 6 and A1 and the label checks; those that were not made are missing.
    pub figures: &'a [Figure],
}

impl Lookup<'_> {
    /// Our counterpart of a published number.
    pub fn find(&self, row: &Published) -> Ours {
        match row.figure.as_str() {
            "Table A1" => self.table_a1(row),
            "Table A2" => self.table_a2(row),
            "Figure 5" => self.figure_5(row),
            "sample" => self.frame(row),
            _ => drawn(self.figures, row)
                .unwrap_or_else(|| Ours::Missing(format!("`{}` has no counterpart", row.outcome))),
        }
    }

    /// Why a fit is missing.
    fn missing(&self, is_it: impl Fn(&&NotFitted) -> bool, otherwise: impl Fn() -> String) -> Ours {
        Ours::Missing(self.not_fitted.iter().find(is_it).map_or_else(otherwise, |row| row.reason.clone()))
    }

    fn table_a1(&self, row: &Published) -> Ours {
        let Some(column) = row.group.strip_prefix("column ") else {
            let reason = "no count of rated sessions was given";
            return count(self.counts.rated_sessions, 0.0, reason);
        };
        let name = format!("({column})");
        let Some(fit) = self.fits.iter().find(|fit| belongs_to(fit, "table_a1") && fit.model == name) else {
            let is_it = |row: &&NotFitted| row.spec_id == "table_a1" && row.model == name;
            return self.missing(is_it, || format!("no fit of Table A1 is called `{name}`"));
        };
        let suppressed = matches!(column, "4" | "5" | "6");
        let published = row.value.unwrap_or_default();
        let slack = if suppressed { tolerance::SUPPRESSED_COUNT_SHARE * published } else { 0.0 };
        let slope = || coefficient(fit, "expertise");
        match row.statistic.as_str() {
            "coefficient" if column == "1" => {
                number(slope().map(|found| found.estimate), tolerance::TABLE_A1_FIRST_SLOPE)
            }
            "coefficient" => number(slope().map(|found| found.estimate), tolerance::TABLE_A1_SLOPE),
            "se_clustered_by_user" => number(slope().map(|found| found.std_error), tolerance::TABLE_A1_STD_ERROR),
            "n_sessions" => number(Ok(fit.flow.rows_used as f64), slack),
            "n_cells" => number(Ok(fit.flow.cells as f64), slack),
            "r_squared" => number(Ok(fit.fit.r2), tolerance::R_SQUARED),
            other => Ours::Missing(format!("`{other}` has no counterpart")),
        }
    }

    fn table_a2(&self, row: &Published) -> Ours {
        let Some(fit) = self.fits.iter().find(|fit| belongs_to(fit, "table_a2")) else {
            return self.missing(|row| row.spec_id == "table_a2", || String::from("no fit of Table A2"));
        };
        let term = format!("expertise::{}", row.group);
        let level = || level(fit, &row.group);
        match row.statistic.as_str() {
            "n_sessions" => number(level().map(|found| found.n_obs as f64), 0.0),
            "unadjusted_rate" => number(level().map(|found| found.raw_rate), tolerance::TABLE_A2_RATE),
            "adjusted_rate" => number(level().map(|found| found.estimate), tolerance::TABLE_A2_RATE),
            "coefficient_vs_novice" => {
                number(coefficient(fit, &term).map(|found| found.estimate), tolerance::TABLE_A2_COEFFICIENT)
            }
            "se_clustered_by_user" => {
                number(coefficient(fit, &term).map(|found| found.std_error), tolerance::TABLE_A2_STD_ERROR)
            }
            other => Ours::Missing(format!("`{other}` has no counterpart")),
        }
    }

    fn figure_5(&self, row: &Published) -> Ours {
        let sample = if row.panel == "all sessions" { "all" } else { "trouble" };
        let outcome = row.outcome.replace(' ', "_");
        let found =
            self.fits.iter().find(|fit| belongs_to(fit, "figure5") && fit.sample == sample && fit.outcome == outcome);
        let Some(fit) = found else {
            let is_it = |row: &&NotFitted| {
                let about = |wanted: &str, known: &str| known.is_empty() || known == wanted;
                row.spec_id == "figure5" && about(&outcome, &row.outcome) && about(sample, &row.sample)
            };
            return self.missing(is_it, || format!("no fit of Figure 5 for `{outcome}` on sample `{sample}`"));
        };
        let levels = match level_range(&row.group) {
            Some(levels) => levels,
            None => return Ours::Missing(format!("`{}` is not a level", row.group)),
        };
        let values: Result<Vec<(String, f64)>, String> =
            levels.into_iter().map(|name| level(fit, &name).map(|found| (name, found.estimate))).collect();
        match values {
            Ok(values) => finite(values, tolerance::FIGURE_5_RATE),
            Err(reason) => Ours::Missing(reason),
        }
    }

    fn frame(&self, row: &Published) -> Ours {
        let counts = &self.counts;
        let missing = "the table does not tell, or too few users";
        let share = |value: Option<f64>| number(value.ok_or(missing.to_owned()), tolerance::FRAME_SHARE);
        match (row.outcome.as_str(), row.group.as_str()) {
            ("sessions", "all") => count(counts.sessions, 0.0, missing),
            ("users", "all") => count(counts.users, 0.0, missing),
            ("users", "more than 1 session") => count(counts.users_gt1, 0.0, missing),
            ("users", "more than 5 sessions") => count(counts.users_gt5, 0.0, missing),
            ("users", "more than 10 sessions") => count(counts.users_gt10, 0.0, missing),
            ("months", _) => count(counts.months, 0.0, missing),
            ("no clear goal", _) => share(counts.no_clear_goal_share),
            ("occupation inferred", _) => share(counts.unclear_user_occupation_share.map(|unclear| 1.0 - unclear)),
            ("user-profile occupation unclear", _) => share(counts.unclear_user_occupation_share),
            _ => Ours::Missing(format!("`{}` has no counterpart", row.outcome)),
        }
    }
}

/// Levels of a group: `3` is one, `3-5` are three.
fn level_range(group: &str) -> Option<Vec<String>> {
    let (first, last) = group.split_once('-').unwrap_or((group, group));
    let (first, last): (u8, u8) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..=last).map(|level| level.to_string()).collect())
}

fn coefficient<'a>(fit: &'a ModelFit, term: &str) -> Result<&'a Estimate, String> {
    let found = fit.coefficients.iter().find(|row| row.term == term);
    let hides = fit.rates.iter().flat_map(|rates| &rates.levels).any(is_suppressed);
    if hides && found.is_some_and(|row| row.estimate.is_nan()) {
        return Err(SUPPRESSED.to_owned());
    }
    found.ok_or_else(|| {
        let dropped = fit.dropped_terms.iter().find(|row| row.term == term);
        dropped
            .map_or_else(|| format!("the fit has no term `{term}`"), |row| format!("`{term}` dropped: {}", row.reason))
    })
}

fn level<'a>(fit: &'a ModelFit, name: &str) -> Result<&'a RateRow, String> {
    let rates = fit.rates.as_ref().ok_or_else(|| format!("`{}` has no adjusted rates", fit.outcome))?;
    let found = rates.levels.iter().find(|row| row.level == name);
    match found.ok_or_else(|| format!("there is no level `{name}`"))? {
        row if is_suppressed(row) => Err(SUPPRESSED.to_owned()),
        row => Ok(row),
    }
}

fn count(value: Option<usize>, tolerance: f64, reason: &str) -> Ours {
    number(value.map(|count| count as f64).ok_or_else(|| reason.to_owned()), tolerance)
}

fn number(value: Result<f64, String>, tolerance: f64) -> Ours {
    match value {
        Ok(value) => finite(vec![(String::new(), value)], tolerance),
        Err(reason) => Ours::Missing(reason),
    }
}

fn finite(values: Vec<(String, f64)>, tolerance: f64) -> Ours {
    if values.iter().all(|(_, value)| value.is_finite()) {
        Ours::Numbers { values, tolerance }
    } else {
        Ours::Missing(String::from("our estimate is not a finite number"))
    }
}
