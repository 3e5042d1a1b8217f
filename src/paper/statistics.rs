//! Statistics under the estimates: what the models are about, how many rows they have, how well they fit.

use super::{Column, Labels};
use crate::output::names;
use crate::output::regression_table::{distinct, family_name};
use crate::result::ModelFit;

/// A statistic that a table can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Statistic {
    /// Which fixed effects a model absorbs, Yes or No, one line each
    Fe,
    /// Rows that entered the estimation
    N,
    /// Rows of the table that did not
    Dropped,
    /// Clusters, one line for each variable
    Clusters,
    /// Cells of the fixed effects
    Cells,
    /// Mean of the outcome
    Mean,
    /// R2, fixed effects included
    R2,
    /// R2 adjusted for the parameters
    AdjR2,
    /// R2 within the fixed effects
    WithinR2,
    /// McFadden's R2 of a likelihood
    PseudoR2,
    /// Residual standard error
    Sigma,
    /// Log likelihood
    Loglik,
    /// Parameters counted
    K,
    /// Estimator
    Estimator,
    /// Kind of the standard errors
    SeType,
    /// Weights
    Weights,
    /// Sample
    Sample,
}

/// What is shown if nothing is asked for; lines that no model fills are left out.
const USUAL: [Statistic; 9] = [
    Statistic::Fe,
    Statistic::Estimator,
    Statistic::N,
    Statistic::Clusters,
    Statistic::Cells,
    Statistic::Mean,
    Statistic::R2,
    Statistic::WithinR2,
    Statistic::PseudoR2,
];

/// A value of a statistic.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Words.
    Words(String),
    /// A count.
    Count(usize),
    /// A number.
    Number(f64),
    /// The model has none.
    Absent,
}

/// One line of statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct FactLine {
    /// Which statistic.
    pub statistic: &'static str,
    /// The effect or cluster variable it is about, where there are several.
    pub about: Option<String>,
    /// What stands before it.
    pub label: String,
    /// One for each column.
    pub facts: Vec<Fact>,
}

/// The lines of the statistics asked for, or of the usual ones that any model has.
pub fn fact_lines(columns: &[Column], asked: Option<&[Statistic]>, labels: &Labels) -> Vec<FactLine> {
    let lines = |statistics: &[Statistic]| -> Vec<FactLine> {
        statistics.iter().flat_map(|statistic| statistic.lines(columns, labels)).collect()
    };
    match asked {
        Some(asked) => lines(asked),
        None => {
            let single = distinct(columns.iter().map(|column| family_name(column.fit.family))).len() < 2;
            let mut found = lines(&USUAL);
            found.retain(|line| line.facts.iter().any(|fact| *fact != Fact::Absent));
            // one estimator for all is said in the notes
            found.retain(|line| !(single && line.statistic == "estimator"));
            found
        }
    }
}

fn finite(value: f64) -> Fact {
    if value.is_finite() { Fact::Number(value) } else { Fact::Absent }
}

impl Statistic {
    /// Its name on the command line and in exact data.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Fe => "fe",
            Statistic::N => "n",
            Statistic::Dropped => "dropped",
            Statistic::Clusters => "clusters",
            Statistic::Cells => "cells",
            Statistic::Mean => "mean",
            Statistic::R2 => "r2",
            Statistic::AdjR2 => "adj_r2",
            Statistic::WithinR2 => "within_r2",
            Statistic::PseudoR2 => "pseudo_r2",
            Statistic::Sigma => "sigma",
            Statistic::Loglik => "loglik",
            Statistic::K => "k",
            Statistic::Estimator => "estimator",
            Statistic::SeType => "se_type",
            Statistic::Weights => "weights",
            Statistic::Sample => "sample",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Statistic::Fe => "Fixed effects",
            Statistic::N => "Observations",
            Statistic::Dropped => "Rows dropped",
            Statistic::Clusters => "Clusters",
            Statistic::Cells => "Cells",
            Statistic::Mean => "Mean of outcome",
            Statistic::R2 => "R2",
            Statistic::AdjR2 => "Adjusted R2",
            Statistic::WithinR2 => "Within R2",
            Statistic::PseudoR2 => "Pseudo R2",
            Statistic::Sigma => "Residual standard error",
            Statistic::Loglik => "Log likelihood",
            Statistic::K => "Parameters",
            Statistic::Estimator => "Estimator",
            Statistic::SeType => "Standard errors",
            Statistic::Weights => "Weights",
            Statistic::Sample => "Sample",
        }
    }

    fn lines(self, columns: &[Column], labels: &Labels) -> Vec<FactLine> {
        match self {
            Statistic::Fe => {
                let effects = |fit: &ModelFit| fit.effects.iter().map(|effect| effect.name.clone()).collect();
                self.lines_about(
                    columns,
                    &effects,
                    &|fit, name| {
                        let absorbs = fit.effects.iter().any(|effect| effect.name == name);
                        Fact::Words(String::from(if absorbs { "Yes" } else { "No" }))
                    },
                    &|name| format!("{} fixed effects", labels.of_joined(name, '^', " × ")),
                )
            }
            Statistic::Clusters => {
                let clusters = |fit: &ModelFit| fit.clusters.iter().map(|cluster| cluster.name.clone()).collect();
                self.lines_about(
                    columns,
                    &clusters,
                    &|fit, name| {
                        let found = fit.clusters.iter().find(|cluster| cluster.name == name);
                        found.map_or(Fact::Absent, |found| Fact::Count(found.count))
                    },
                    &|name| format!("Clusters ({})", labels.of_joined(name, ':', " × ")),
                )
            }
            _ => vec![FactLine {
                statistic: self.name(),
                about: None,
                label: labels.find(self.name()).unwrap_or_else(|| self.label().to_owned()),
                facts: columns.iter().map(|column| self.fact(&column.fit)).collect(),
            }],
        }
    }

    /// A line for each name that any model has.
    fn lines_about(
        self,
        columns: &[Column],
        names: &dyn Fn(&ModelFit) -> Vec<String>,
        fact: &dyn Fn(&ModelFit, &str) -> Fact,
        label: &dyn Fn(&str) -> String,
    ) -> Vec<FactLine> {
        let all: Vec<String> = columns.iter().flat_map(|column| names(&column.fit)).collect();
        let line = |name: &str| FactLine {
            statistic: self.name(),
            about: Some(name.to_owned()),
            label: label(name),
            facts: columns.iter().map(|column| fact(&column.fit, name)).collect(),
        };
        distinct(all.iter().map(String::as_str)).into_iter().map(line).collect()
    }

    fn fact(self, fit: &ModelFit) -> Fact {
        let absorbs = !fit.effects.is_empty();
        match self {
            Statistic::Fe | Statistic::Clusters => Fact::Absent, // lines of their own
            Statistic::N => Fact::Count(fit.flow.rows_used),
            Statistic::Dropped => Fact::Count(fit.flow.rows_read.saturating_sub(fit.flow.rows_used)),
            Statistic::Cells if fit.flow.cells == 0 => Fact::Absent,
            Statistic::Cells => Fact::Count(fit.flow.cells),
            Statistic::Mean => finite(fit.fit.mean_outcome),
            Statistic::R2 => finite(fit.fit.r2),
            Statistic::AdjR2 => finite(fit.fit.adj_r2),
            Statistic::WithinR2 => finite(if absorbs { fit.fit.within_r2 } else { f64::NAN }),
            Statistic::PseudoR2 => finite(fit.fit.pseudo_r2),
            Statistic::Sigma => finite(fit.fit.sigma),
            Statistic::Loglik => finite(fit.fit.log_likelihood),
            Statistic::K => Fact::Count(fit.small_sample.k),
            Statistic::Estimator => Fact::Words(family_name(fit.family).to_owned()),
            Statistic::SeType => Fact::Words(names::se_type(fit.vcov_kind).to_owned()),
            Statistic::Weights => fit.weights.clone().map_or(Fact::Absent, Fact::Words),
            Statistic::Sample => Fact::Words(fit.sample.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    fn columns() -> Vec<Column> {
        let fits = sample_run().fits;
        fits.into_iter().map(|fit| Column { file: String::new(), heading: fit.model.clone(), fit }).collect()
    }

    fn labels_of(lines: &[FactLine]) -> Vec<&str> {
        lines.iter().map(|line| line.label.as_str()).collect()
    }

    #[test]
    fn usual_statistics_are_those_that_any_model_has() {
        let columns = columns();
        let lines = fact_lines(&columns, None, &Labels::default());
        let expected = [
            "work_mode^value_band^month fixed effects",
            "work_mode fixed effects",
            "Estimator",
            "Observations",
            "Clusters (user)",
            "Cells",
            "Mean of outcome",
            "R2",
            "Within R2",
            "Pseudo R2",
        ];
        assert_eq!(labels_of(&lines), expected);
        let one = fact_lines(&columns[..1], None, &Labels::default());
        assert!(!labels_of(&one).contains(&"Estimator") && !labels_of(&one).contains(&"Pseudo R2"));
    }

    #[test]
    fn statistics_asked_for_are_all_there_in_that_order() {
        let mut labels = Labels::default();
        labels.add("work_mode=Mode").unwrap();
        let asked = [Statistic::Weights, Statistic::N, Statistic::Fe];
        let lines = fact_lines(&columns(), Some(&asked), &labels);
        let expected = ["Weights", "Observations", "Mode × value_band × month fixed effects", "Mode fixed effects"];
        assert_eq!(labels_of(&lines), expected);
        assert_eq!(lines[0].facts, [Fact::Absent, Fact::Absent]);
        assert_eq!(lines[1].facts, [Fact::Count(1_960), Fact::Count(1_920)]);
        assert_eq!(lines[3].facts, [Fact::Words("No".into()), Fact::Words("Yes".into())]);
    }
}
