//! What an interrupted curve had estimated, on disk: a file per batch, written whole or not at all.
//!
//! ```text
//! 8 bytes  length of the header, little endian
//! header   JSON: fingerprint, and the specifications with their numbers as bits
//! rest     influence by group, 8 bytes a number, in the order of the header
//! ```

use crate::curve::RatePoint;
use crate::curve::run::Estimated;
use crate::output::write_atomic;
use crate::result::{Estimate, Reference};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A batch.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    entries: Vec<Entry>,
}

/// One specification; numbers are bits, so that they come back as they were.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    term: String,
    /// Effect: estimate, error, statistic, p-value, interval.
    effect: [u64; 6],
    /// Level, label; estimate, error, interval.
    rates: Vec<(String, String, [u64; 4])>,
    counts: [usize; 3],
    /// Overlap, degrees of freedom (infinite: normal), covariance with the baseline, bare variance.
    numbers: [u64; 4],
    /// Groups of each number, 0 for none.
    sums: Vec<usize>,
    warnings: Vec<String>,
}

/// Writes what was estimated.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, fingerprint: &str, estimated: &[(&str, &Estimated)]) -> Result<(), crate::output::WriteError> {
    let entries = estimated.iter().map(|(id, found)| entry(id, found)).collect();
    let header = Header { fingerprint: fingerprint.to_owned(), entries };
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    for sums in estimated.iter().flat_map(|(_, found)| &found.sums).flatten() {
        bytes.extend(sums.iter().flat_map(|value| value.to_le_bytes()));
    }
    write_atomic(path, &bytes)
}

/// Reads a batch; `None` if it is of another run, or no batch.
pub fn load(path: &Path, fingerprint: &str) -> Option<Vec<(String, Estimated)>> {
    let bytes = std::fs::read(path).ok()?;
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (header, mut numbers) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    if header.fingerprint != fingerprint {
        return None;
    }
    let mut found = Vec::with_capacity(header.entries.len());
    for entry in header.entries {
        let mut sums = Vec::with_capacity(entry.sums.len());
        for &groups in &entry.sums {
            let (own, after) = numbers.split_at_checked(groups.checked_mul(8)?)?;
            numbers = after;
            let values = own.chunks_exact(8).filter_map(|chunk| Some(f64::from_le_bytes(chunk.try_into().ok()?)));
            sums.push((groups > 0).then(|| values.collect::<Vec<f64>>()));
        }
        found.push((entry.id.clone(), estimated(entry, sums)));
    }
    Some(found)
}

fn entry(id: &str, found: &Estimated) -> Entry {
    let e = &found.effect;
    let of_rate = |rate: &RatePoint| {
        let numbers = [rate.estimate, rate.std_error, rate.conf_low, rate.conf_high].map(f64::to_bits);
        (rate.level.clone(), rate.label.clone(), numbers)
    };
    Entry {
        id: id.to_owned(),
        term: e.term.clone(),
        effect: [e.estimate, e.std_error, e.statistic, e.p_value, e.conf_low, e.conf_high].map(f64::to_bits),
        rates: found.rates.iter().map(of_rate).collect(),
        counts: [found.rows, found.users, found.cells],
        numbers: [found.overlap, found.reference.df(), found.with_baseline, found.bare_variance].map(f64::to_bits),
        sums: found.sums.iter().map(|sums| sums.as_ref().map_or(0, Vec::len)).collect(),
        warnings: found.warnings.clone(),
    }
}

fn estimated(entry: Entry, sums: Vec<Option<Vec<f64>>>) -> Estimated {
    let [estimate, std_error, statistic, p_value, conf_low, conf_high] = entry.effect.map(f64::from_bits);
    let [overlap, df, with_baseline, bare_variance] = entry.numbers.map(f64::from_bits);
    let of_rate = |(level, label, numbers): (String, String, [u64; 4])| {
        let [estimate, std_error, conf_low, conf_high] = numbers.map(f64::from_bits);
        RatePoint { level, label, estimate, std_error, conf_low, conf_high }
    };
    let [rows, users, cells] = entry.counts;
    Estimated {
        effect: Estimate { term: entry.term, estimate, std_error, statistic, p_value, conf_low, conf_high },
        rates: entry.rates.into_iter().map(of_rate).collect(),
        rows,
        users,
        cells,
        overlap,
        reference: if df.is_finite() { Reference::StudentT(df) } else { Reference::Normal },
        sums,
        with_baseline,
        bare_variance,
        warnings: entry.warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_estimated_comes_back_to_the_bit() {
        let found = Estimated {
            effect: Estimate {
                term: String::from("5 - 1"),
                estimate: 0.1 + 0.2,
                std_error: 1e-300,
                statistic: f64::NAN,
                p_value: 0.0,
                conf_low: -0.0,
                conf_high: f64::INFINITY,
            },
            rates: vec![RatePoint {
                level: String::from("1"),
                label: String::from("Novice"),
                estimate: 0.3,
                std_error: 0.01,
                conf_low: 0.28,
                conf_high: 0.32,
            }],
            rows: 10,
            users: 5,
            cells: 3,
            overlap: f64::NAN,
            reference: Reference::StudentT(4.0),
            sums: vec![Some(vec![1.0 / 3.0, -2.5]), None],
            with_baseline: 0.5,
            bare_variance: 0.25,
            warnings: vec![String::from("beware")],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batch");
        save(&path, "data", &[("abc", &found), ("def", &found)]).unwrap();
        let back = load(&path, "data").unwrap();
        assert_eq!(back.len(), 2);
        // not a number is not equal to itself: texts are
        assert_eq!(format!("{:?}", back[1]), format!("{:?}", (String::from("def"), found)));
        assert!(load(&path, "other data").is_none());
        std::fs::write(&path, b"cut").unwrap();
        assert!(load(&path, "data").is_none());
    }
}
