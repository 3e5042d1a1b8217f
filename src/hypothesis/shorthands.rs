//! Words that stand for common hypotheses, written out as restrictions.

use super::parameters::{Kind, Parameters, RatesBlock};

/// A word for several restrictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shorthand {
    /// All coefficients but the intercept are zero.
    All,
    /// All coefficients of a factor are zero.
    Factor(String),
    /// Rates do not differ from one level to the next: one restriction per step.
    Adjacent,
    /// Rates do not differ between any two levels: one restriction per pair.
    Pairs,
    /// No linear trend of the rates over the scores of the levels.
    Trend,
    /// Rates are linear in the scores: no departure from the line.
    Linear,
    /// Whether rates rise from level to level.
    Increasing,
    /// Whether rates fall from level to level.
    Decreasing,
    /// The rates themselves, for their bands; nothing is tested.
    Rates,
}

impl Shorthand {
    /// The words.
    pub const WORDS: [(&'static str, Shorthand); 9] = [
        ("all", Shorthand::All),
        ("adjacent", Shorthand::Adjacent),
        ("pairs", Shorthand::Pairs),
        ("trend", Shorthand::Trend),
        ("linear", Shorthand::Linear),
        ("monotone", Shorthand::Increasing),
        ("increasing", Shorthand::Increasing),
        ("decreasing", Shorthand::Decreasing),
        ("rates", Shorthand::Rates),
    ];

    /// The words in a sentence.
    pub fn list() -> String {
        let words = Shorthand::WORDS.iter().map(|(word, _)| format!("`{word}`"));
        words.chain([String::from("the name of a factor")]).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is about adjusted rates.
    pub fn needs_rates(&self) -> bool {
        !matches!(self, Shorthand::All | Shorthand::Factor(_))
    }

    /// The restrictions on a fit, with what each is called where its terms do not say it.
    ///
    /// # Errors
    /// Why there are none.
    pub fn rows(&self, parameters: &Parameters, fit: usize) -> Result<Vec<ShortRow>, String> {
        let block = &parameters.fits[fit];
        let of_rates = |rows: fn(&RatesBlock, usize) -> Vec<ShortRow>, least: usize| {
            let rates = block.rates.as_ref().ok_or("there are no adjusted rates")?;
            let levels = block.range.end - rates.first;
            if levels < least {
                return Err(format!("`{}` has {levels} levels, and this needs {least}", rates.factor));
            }
            Ok(rows(rates, levels))
        };
        match self {
            Shorthand::All | Shorthand::Factor(_) => {
                let is_part = |name: &str| match self {
                    Shorthand::Factor(factor) => name.split_once("::").is_some_and(|(found, _)| found == factor),
                    _ => name != "(Intercept)",
                };
                let found = block.range.clone().filter(|&at| {
                    let parameter = &parameters.list[at];
                    parameter.kind == Kind::Coefficient && is_part(&parameter.name)
                });
                let rows: Vec<ShortRow> = found.map(|at| ShortRow { terms: vec![(at, 1.0)], name: None }).collect();
                if rows.is_empty() { Err(String::from("there is no such coefficient")) } else { Ok(rows) }
            }
            Shorthand::Adjacent | Shorthand::Increasing => of_rates(|r, n| steps(r, n, 1.0), 2),
            Shorthand::Decreasing => of_rates(|r, n| steps(r, n, -1.0), 2),
            Shorthand::Pairs => of_rates(pairs, 2),
            Shorthand::Trend => of_rates(trend, 2),
            Shorthand::Linear => of_rates(departures, 3),
            Shorthand::Rates => of_rates(|r, n| (0..n).map(|k| ShortRow::of(vec![(r.first + k, 1.0)])).collect(), 1),
        }
    }
}

/// A restriction: the sum of the terms is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct ShortRow {
    /// Parameters and factors.
    pub terms: Vec<(usize, f64)>,
    /// What it is called, where not by its terms.
    pub name: Option<String>,
}

impl ShortRow {
    fn of(terms: Vec<(usize, f64)>) -> Self {
        ShortRow { terms, name: None }
    }
}

/// R_{k+1} - R_k, or its negative.
fn steps(rates: &RatesBlock, levels: usize, sign: f64) -> Vec<ShortRow> {
    (1..levels).map(|k| ShortRow::of(vec![(rates.first + k, sign), (rates.first + k - 1, -sign)])).collect()
}

/// R_k - R_l for k > l.
fn pairs(rates: &RatesBlock, levels: usize) -> Vec<ShortRow> {
    let pairs = (1..levels).flat_map(|k| (0..k).map(move |l| (k, l)));
    pairs.map(|(k, l)| ShortRow::of(vec![(rates.first + k, 1.0), (rates.first + l, -1.0)])).collect()
}

/// Slope of the least-squares line through the rates: sum (s_k - mean s) R_k / sum (s_k - mean s)^2.
fn trend(rates: &RatesBlock, levels: usize) -> Vec<ShortRow> {
    let mean = rates.scores.iter().sum::<f64>() / levels as f64;
    let square: f64 = rates.scores.iter().map(|s| (s - mean) * (s - mean)).sum();
    let terms = rates.scores.iter().enumerate().map(|(k, s)| (rates.first + k, (s - mean) / square));
    let scores = if rates.scores_are_levels { "level" } else { "step" };
    vec![ShortRow { terms: terms.filter(|(_, c)| *c != 0.0).collect(), name: Some(format!("trend per {scores}")) }]
}

/// Change of the slope at each inner level: (R_{k+1} - R_k)/(s_{k+1} - s_k) - (R_k - R_{k-1})/(s_k - s_{k-1}).
fn departures(rates: &RatesBlock, levels: usize) -> Vec<ShortRow> {
    let bend = |k: usize| {
        let (before, after) = (rates.scores[k] - rates.scores[k - 1], rates.scores[k + 1] - rates.scores[k]);
        let at = rates.first + k;
        vec![(at + 1, 1.0 / after), (at, -1.0 / after - 1.0 / before), (at - 1, 1.0 / before)]
    };
    (1..levels - 1).map(|k| ShortRow::of(bend(k))).collect()
}
