//! Some rows of a sample, as a sample.

use super::{Cluster, Effect, Outcome, RatesFactor, Sample, Slope, Target, Term, TermLevels};
use std::sync::Arc;

impl Sample {
    /// The sample with these rows, in this order; they must stay sorted by the first cluster variable.
    ///
    /// Codes of effects, terms and rates are kept, so that a level means the same in both; clusters are numbered anew,
    /// without gaps.
    pub fn subset(&self, rows: &[u32]) -> Sample {
        let codes = |codes: &[u32]| -> Vec<u32> { rows.iter().map(|&row| codes[row as usize]).collect() };
        let numbers = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row as usize]).collect() };
        let term = |term: &Term| Term {
            names: term.names.clone(),
            levels: term.levels.as_ref().map(|levels| TermLevels {
                factor: levels.factor.clone(),
                codes: codes(&levels.codes),
                column_of_level: levels.column_of_level.clone(),
            }),
            values: term.values.as_ref().map(|values| Arc::new(numbers(values))),
            variable: term.variable.clone(),
        };
        let slope = |slope: &Slope| Slope { name: slope.name.clone(), values: numbers(&slope.values).into() };
        let effect = |effect: &Effect| Effect {
            constant: effect.constant,
            slopes: effect.slopes.iter().map(slope).collect(),
            ..Effect::new(effect.name.clone(), codes(&effect.codes), effect.n_levels)
        };
        let cluster = |cluster: &Cluster| {
            let (codes, n_clusters) = compact(codes(&cluster.codes), cluster.n_clusters);
            Cluster { name: cluster.name.clone(), codes: codes.into(), n_clusters }
        };
        let outcome =
            |outcome: &Outcome| Outcome { name: outcome.name.clone(), values: numbers(&outcome.values).into() };
        Sample {
            n_rows: rows.len(),
            terms: self.terms.iter().map(term).collect(),
            intercept: self.intercept,
            effects: self.effects.iter().map(effect).collect(),
            weights: self.weights.as_ref().map(|weights| numbers(weights)),
            clusters: self.clusters.iter().map(cluster).collect(),
            outcomes: self.outcomes.iter().map(outcome).collect(),
            rates: self.rates.as_ref().map(|rates| RatesFactor { codes: codes(&rates.codes), ..rates.clone() }),
            target: self.target.as_ref().map(|target| Target { codes: codes(&target.codes), ..target.clone() }),
        }
    }
}

/// Codes numbered without gaps, in their order.
fn compact(mut codes: Vec<u32>, n: usize) -> (Vec<u32>, usize) {
    let mut number = vec![u32::MAX; n];
    codes.iter().for_each(|&code| number[code as usize] = 0);
    let mut next = 0;
    for slot in number.iter_mut().filter(|slot| **slot == 0) {
        *slot = next;
        next += 1;
    }
    codes.iter_mut().for_each(|code| *code = number[*code as usize]);
    (codes, next as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_levels_and_clusters_lose_their_gaps() {
        let sample = Sample {
            n_rows: 4,
            effects: vec![Effect::new("f", vec![0, 2, 1, 2], 3)],
            clusters: vec![Cluster { name: "u".into(), codes: vec![0, 1, 2, 2].into(), n_clusters: 3 }],
            outcomes: vec![Outcome { name: "y".into(), values: vec![1.0, 2.0, 3.0, 4.0].into() }],
            ..Sample::default()
        };
        let part = sample.subset(&[0, 2, 3]);
        assert_eq!((part.n_rows, part.effects[0].codes.as_slice(), part.effects[0].n_levels), (3, &[0, 1, 2][..], 3));
        assert_eq!((part.clusters[0].codes.as_slice(), part.clusters[0].n_clusters), (&[0, 1, 1][..], 2));
        assert_eq!(part.outcomes[0].values.as_slice(), [1.0, 3.0, 4.0]);
    }
}
