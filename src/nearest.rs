//! Nearest names, for the hints of error messages.

/// Names of `candidates` close to `name`, best first, at most `limit`.
///
/// Close means few edits (insertion, deletion, substitution, swap of neighbours; a third of the length at most,
/// letter case ignored) or that one name contains the other.
pub fn nearest_names<'a, I>(name: &str, candidates: I, limit: usize) -> Vec<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let mut scored: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| closeness(&wanted, candidate).map(|score| (score, candidate)))
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(limit).map(|(_, candidate)| candidate).collect()
}

/// The single nearest name, if any is close.
pub fn nearest_name<'a, I>(name: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    nearest_names(name, candidates, 1).into_iter().next()
}

/// Number of edits, or `None` if the names are too far apart; containment counts as a third of the length.
fn closeness(wanted: &[char], candidate: &str) -> Option<usize> {
    const LONGEST: usize = 200; // a label longer than this is prose: comparing it costs time and helps nobody
    let other: Vec<char> = candidate.to_lowercase().chars().take(LONGEST + 1).collect();
    if wanted.len() > LONGEST || other.len() > LONGEST {
        return None;
    }
    let allowed = wanted.len().max(other.len()).div_ceil(3);
    let distance = edit_distance(wanted, &other);
    if distance <= allowed && distance < wanted.len().max(1) {
        return Some(distance);
    }
    let (short, long) = if wanted.len() <= other.len() { (wanted, &other[..]) } else { (&other[..], wanted) };
    (short.len() >= 3 && long.windows(short.len()).any(|part| part == short)).then_some(allowed)
}

/// Edit distance with swaps of neighbouring letters (optimal string alignment).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut previous: Vec<usize> = (0..width).collect();
    let mut current = vec![0; width];
    for i in 1..=a.len() {
        current[0] = i;
        for j in 1..width {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (previous[j] + 1).min(current[j - 1] + 1).min(previous[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            current[j] = best;
        }
        std::mem::swap(&mut before, &mut previous);
        std::mem::swap(&mut previous, &mut current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_swaps_case_and_parts_are_found() {
        let names = ["expertise", "task_value", "user_id", "month"];
        assert_eq!(nearest_name("expertsie", names), Some("expertise"));
        assert_eq!(nearest_name("Month", names), Some("month"));
        assert_eq!(nearest_name("value", names), Some("task_value"));
        assert_eq!(nearest_name("zzz", names), None);
        assert_eq!(nearest_name("", names), None);
    }

    #[test]
    fn best_come_first_and_the_limit_holds() {
        assert_eq!(nearest_names("bild", ["Build", "Guild", "Test"], 2), ["Build", "Guild"]);
    }
}
