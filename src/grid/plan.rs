//! Plans: the specifications of a grid, written down before outcomes are looked at.

use super::{Expanded, GridFile};
use crate::lock::hash::of_json;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of plan files.
pub const PLAN_VERSION: usize = 1;

/// A locked plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this layout.
    pub plan_version: usize,
    /// Version of the program.
    pub metier_version: String,
    /// Grid.
    pub name: String,
    /// Moment of locking, UTC, e.g. `2026-11-21T18:16:13Z`.
    pub locked: String,
    /// Id of the baseline.
    pub baseline: String,
    /// The specifications.
    pub specifications: Vec<Planned>,
    /// SHA-256 of the canonical text of all of the above: a changed plan is no plan.
    pub seal: String,
}

/// A planned specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Id.
    pub id: String,
    /// Formula, for readers.
    pub formula: String,
}

/// Why a file is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a plan file at all.
    #[error("it is no plan: {0}")]
    Unreadable(String),
    /// Its seal does not fit.
    #[error("it was changed after it was locked")]
    Changed,
}

impl Plan {
    /// Locks the specifications of a grid at a moment.
    pub fn lock(file: &GridFile, expanded: &Expanded, now: SystemTime) -> Self {
        let planned = expanded
            .drafts
            .iter()
            .map(|draft| Planned { id: draft.id.clone(), formula: draft.entry.formula.clone().unwrap_or_default() });
        let mut plan = Plan {
            plan_version: PLAN_VERSION,
            metier_version: env!("CARGO_PKG_VERSION").to_owned(),
            name: file.name.clone(),
            locked: utc(now),
            baseline: expanded.drafts[expanded.baseline].id.clone(),
            specifications: planned.collect(),
            seal: String::new(),
        };
        plan.seal = plan.expected_seal();
        plan
    }

    /// Reads a plan and checks its seal.
    ///
    /// # Errors
    /// Not a plan, or changed.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| PlanError::Unreadable(error.to_string()))?;
        if plan.seal == plan.expected_seal() { Ok(plan) } else { Err(PlanError::Changed) }
    }

    /// The plan as a file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Ids of the planned specifications.
    pub fn ids(&self) -> HashSet<&str> {
        self.specifications.iter().map(|one| one.id.as_str()).collect()
    }

    fn expected_seal(&self) -> String {
        let unsealed = Plan { seal: String::new(), ..self.clone() };
        of_json(&json!(unsealed))
    }
}

/// A moment as `2026-11-21T18:16:13Z` (days to dates after Hinnant, "chrono-compatible low-level date algorithms").
fn utc(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, time) = ((seconds / 86_400) as i64, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_dates() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_795_285_173), "2026-11-21T18:19:33Z");
    }

    #[test]
    fn a_changed_plan_is_refused() {
        let text = "name = 'g'\nfocal = 'x'\neffect = 'x'\n[[choice]]\nname = 'y'\noptions = [{ name = 'y', outcome = 'y' }]\n";
        let file: GridFile = toml::from_str(text).unwrap();
        let plan = Plan::lock(&file, &super::super::expand(&file).unwrap(), UNIX_EPOCH);
        assert_eq!(Plan::read(&plan.to_text()), Ok(plan.clone()));
        assert_eq!(Plan::read(&plan.to_text().replace("y ~", "z ~")), Err(PlanError::Changed));
        assert!(matches!(Plan::read("{}"), Err(PlanError::Unreadable(_))));
    }
}
