//! Our numbers beside the published ones: every row that a table of sessions can speak to gets a verdict, every other one
//! says in `data/published_scope.csv` why not.

pub mod csv_reader;
mod drawn;
pub mod ours;
pub mod published;
pub mod render;
pub mod scope;
pub mod tolerance;

pub use ours::{Lookup, SampleCounts};
pub use published::{PUBLISHED_CSV, Published, PublishedError, parse_published};

pub use scope::{OutOfScope, SCOPE_CSV, parse_scope};

use ours::Ours;

/// How near ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Equal within the published rounding.
    Match,
    /// Within the stated tolerance.
    Close,
    /// Further away.
    Differs,
    /// Ours does not exist; the note says why.
    NotComputed,
}

impl Verdict {
    /// All verdicts from best to worst.
    pub const ALL: [Verdict; 4] = [Verdict::Match, Verdict::Close, Verdict::Differs, Verdict::NotComputed];

    /// The verdict in words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::Close => "close",
            Verdict::Differs => "differs",
            Verdict::NotComputed => "not computed",
        }
    }
}

/// A published number beside ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The published number.
    pub published: Published,
    /// Ours; of several for a range, the one furthest outside or else the first.
    pub ours: Option<f64>,
    /// Ours minus published; for a range the distance outside it, 0 inside.
    pub difference: Option<f64>,
    /// Largest difference that counts as close.
    pub tolerance: Option<f64>,
    /// How near ours is.
    pub verdict: Verdict,
    /// Why ours is missing, or the numbers behind a range.
    pub note: Option<String>,
}

/// Figures and tables that are compared, in the order of the comparison.
pub const COMPARED: [&str; 15] = [
    "sample",
    "Figure 1",
    "text sec 2.1",
    "Figure 2",
    "text sec 2.2",
    "text fn 6",
    "Figure 3",
    "Figure 4",
    "key findings",
    "Figure 5",
    "Figure 6",
    "text sec 4.2",
    "Figure A1",
    "Table A1",
    "Table A2",
];

/// Compares the published rows of [`COMPARED`] with ours; rows that are out of scope are left out.
pub fn compare(published: &[Published], scope: &[OutOfScope], ours: Lookup<'_>) -> Vec<Comparison> {
    let of = |figure: &'static str| {
        published.iter().filter(move |row| row.figure == figure && !scope.iter().any(|out| out.is_about(row)))
    };
    COMPARED.into_iter().flat_map(of).map(|row| compared(row, ours.find(row))).collect()
}

fn compared(published: &Published, ours: Ours) -> Comparison {
    let published = published.clone();
    let (values, tolerance) = match ours {
        Ours::Numbers { values, tolerance } => (values, tolerance),
        Ours::Missing(reason) => {
            let (ours, difference, tolerance) = (None, None, None);
            let note = Some(reason);
            return Comparison { published, ours, difference, tolerance, verdict: Verdict::NotComputed, note };
        }
    };
    let worst = values
        .iter()
        .map(|(_, value)| (*value, difference(&published, *value)))
        .reduce(|worst, next| if next.1.abs() > worst.1.abs() { next } else { worst });
    let note = (values.len() > 1).then(|| {
        let parts: Vec<String> = values.iter().map(|(level, value)| format!("{level}: {value:.3}")).collect();
        format!("levels {}", parts.join(", "))
    });
    let verdict = match worst {
        None => Verdict::NotComputed,
        Some((_, off)) if off.abs() <= published.precision + tolerance::LAST_BITS => Verdict::Match,
        Some((_, off)) if off.abs() <= tolerance + tolerance::LAST_BITS => Verdict::Close,
        Some(_) => Verdict::Differs,
    };
    Comparison {
        published,
        ours: worst.map(|(value, _)| value),
        difference: worst.map(|(_, off)| off),
        tolerance: Some(tolerance),
        verdict,
        note,
    }
}

/// Ours minus the published number, or the signed distance outside the published range.
fn difference(published: &Published, ours: f64) -> f64 {
    // a bound is a range with one end, whatever number stands beside it
    let (value, lo, hi) = match published.statistic.as_str() {
        "share_lower_bound" => (None, published.value, None),
        "p_value_upper_bound" | "max_abs_gap" => (None, None, published.value),
        _ => (published.value, published.lo, published.hi),
    };
    match (value, lo, hi) {
        (Some(value), _, _) => ours - value,
        (None, lo, hi) => {
            let below = lo.map_or(0.0, |lo| (ours - lo).min(0.0));
            let above = hi.map_or(0.0, |hi| (ours - hi).max(0.0));
            if above > 0.0 { above } else { below }
        }
    }
}

/// Number of comparisons with a verdict.
pub fn count(comparisons: &[Comparison], verdict: Verdict) -> usize {
    comparisons.iter().filter(|row| row.verdict == verdict).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    fn row(value: Option<f64>, lo: Option<f64>, hi: Option<f64>, precision: f64) -> Published {
        Published {
            figure: String::from("Table A2"),
            panel: String::new(),
            outcome: String::new(),
            group: String::from("1"),
            statistic: String::from("adjusted_rate"),
            value,
            lo,
            hi,
            unit: String::new(),
            precision,
        }
    }

    fn verdict(published: &Published, ours: f64, tolerance: f64) -> Verdict {
        compared(published, Ours::Numbers { values: vec![(String::new(), ours)], tolerance }).verdict
    }

    #[test]
    fn verdicts_follow_rounding_then_tolerance() {
        let published = row(Some(0.145), None, None, 0.0005);
        assert_eq!(verdict(&published, 0.1455, 0.006), Verdict::Match);
        assert_eq!(verdict(&published, 0.1505, 0.006), Verdict::Close);
        assert_eq!(verdict(&published, 0.1391, 0.006), Verdict::Close);
        assert_eq!(verdict(&published, 0.1389, 0.006), Verdict::Differs);
    }

    #[test]
    fn a_range_is_matched_inside_and_measured_from_its_ends() {
        let published = row(None, Some(0.28), Some(0.33), 0.005);
        let values = [0.31, 0.29, 0.342].map(|value| (String::from("3"), value)).to_vec();
        let compared = compared(&published, Ours::Numbers { values, tolerance: 0.015 });
        assert_eq!(compared.verdict, Verdict::Close);
        assert!((compared.difference.unwrap() - 0.012).abs() < 1e-12);
        assert_eq!(compared.ours, Some(0.342));
        assert!(compared.note.unwrap().contains("0.290"));
    }

    #[test]
    fn numbers_are_looked_up_and_what_is_missing_says_why() {
        let run = sample_run();
        let published = parse_published(PUBLISHED_CSV).unwrap();
        let counts = SampleCounts { sessions: Some(398_198), ..SampleCounts::default() };
        let scope = parse_scope(SCOPE_CSV).unwrap();
        let all = compare(&published, &scope, Lookup { fits: &run.fits, not_fitted: &[], counts, figures: &[] });
        let of = |figure: &str, group: &str, statistic: &str| {
            all.iter()
                .find(|row| {
                    let name = &row.published;
                    name.figure == figure && name.group == group && name.statistic == statistic
                })
                .unwrap()
        };
        assert_eq!(of("Table A2", "1", "adjusted_rate").verdict, Verdict::Match);
        assert_eq!(of("Table A2", "2", "coefficient_vs_novice").verdict, Verdict::Match);
        assert_eq!(of("Table A2", "1", "n_sessions").verdict, Verdict::Differs);
        assert_eq!(of("sample", "all", "count").verdict, Verdict::Match);
        let missing = of("Table A1", "column 1", "coefficient");
        assert_eq!(missing.note.as_deref(), Some("no fit of Table A1 is called `(1)`"));
        assert!(all.iter().all(|row| row.verdict != Verdict::NotComputed || row.note.is_some()));
    }
}
