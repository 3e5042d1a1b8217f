//! Numbers of groups beside each other: steps, trends, another composition.

use super::Number;

/// The differences of neighbours: second minus first, third minus second and so on.
pub fn adjacent_steps(groups: &[&Number]) -> Vec<Number> {
    groups.windows(2).map(|pair| pair[1].minus(pair[0])).collect()
}

/// The least-squares slope of the groups' numbers on `scores`, each group counting once: sum_k c_k theta_k with
/// c_k = (s_k - mean s) / sum (s - mean s)^2, the linear contrast of analysis of variance per unit of the score.
///
/// The groups' sizes do not weigh, so that the slope describes the picture and not where the rows are; a regression of
/// rows on the score weighs by rows. `None` if fewer than two scores differ.
pub fn trend(groups: &[&Number], scores: &[f64]) -> Option<Number> {
    let n = groups.len() as f64;
    let centre = scores.iter().sum::<f64>() / n;
    let spread: f64 = scores.iter().map(|score| (score - centre) * (score - centre)).sum();
    let parts: Vec<(f64, &Number)> =
        groups.iter().zip(scores).map(|(number, score)| ((score - centre) / spread, *number)).collect();
    (groups.len() >= 2 && spread > 0.0).then(|| Number::linear(&parts))
}

/// The mean over groups with given weights, which need not sum to one: direct standardisation, weights held fixed.
pub fn standardised(groups: &[(f64, &Number)]) -> Number {
    let total: f64 = groups.iter().map(|(weight, _)| weight).sum();
    let parts: Vec<(f64, &Number)> = groups.iter().map(|(weight, number)| (weight / total, *number)).collect();
    Number::linear(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(user: u32, value: f64) -> Number {
        Number::from_rows(value, [(user, 0.1), (user + 1, -0.1)].into_iter())
    }

    #[test]
    fn slopes_and_steps() {
        let numbers = [number(0, 1.0), number(2, 3.0), number(4, 5.0)];
        let groups: Vec<&Number> = numbers.iter().collect();
        let slope = trend(&groups, &[1.0, 2.0, 3.0]).unwrap();
        assert!((slope.value - 2.0).abs() < 1e-15);
        // (theta_3 - theta_1) / 2 with independent groups
        let expected = (numbers[0].variance() + numbers[2].variance()).sqrt() / 2.0;
        assert!((slope.std_error() - expected).abs() < 1e-15);
        assert_eq!(adjacent_steps(&groups).iter().map(|step| step.value).collect::<Vec<_>>(), [2.0, 2.0]);
        assert!(trend(&groups[..1], &[1.0]).is_none() && trend(&groups, &[1.0; 3]).is_none());
    }

    #[test]
    fn standardising_by_own_shares_changes_nothing() {
        let (a, b) = (number(0, 1.0), number(2, 4.0));
        assert!((standardised(&[(2.0, &a), (1.0, &b)]).value - 2.0).abs() < 1e-15);
    }
}
