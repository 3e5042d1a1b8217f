//! A curve made by hand, for tests of what reads curves: choices, gaps, failures, and influences that everything else
//! follows from, so that its covariances are those of some sample.

use crate::curve::{Choice, ChoiceOption, Curve, Failure, Joint, Outcome, RatePoint, Specification, Statement};
use crate::result::Estimate;

/// Levels of the factor, with their labels.
const LEVELS: [(&str, &str); 5] =
    [("1", "Novice"), ("2", "Beginner"), ("3", "Intermediate"), ("4", "Advanced"), ("5", "Expert")];

/// Groups of clusters that influences are kept for.
const GROUPS: usize = 30;

/// Two-sided 5 percent point of the normal distribution.
const CRITICAL: f64 = 1.959_963_984_540_054;

/// Uniform numbers in (-1, 1) (Steele, Lea and Flood 2014, SplitMix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn vector(&mut self, scale: f64) -> Vec<f64> {
        (0..GROUPS).map(|_| scale * self.next()).collect()
    }
}

/// About 200 specifications; `wide` of them per combination more, for tests of size.
pub fn curve(wide: usize) -> Curve {
    let choices = choices(wide);
    let combinations = combinations(&choices);
    let mut draws = Draws(20_261_121);
    // the influence of every cluster group on the rates, and what each option adds to it
    let base: Vec<Vec<f64>> =
        (0..LEVELS.len()).map(|level| draws.vector([0.007, 0.0035, 0.003, 0.003, 0.005][level])).collect();
    let parts: Vec<Vec<Vec<Vec<f64>>>> = choices
        .iter()
        .map(|choice| {
            let option = |at: usize, draws: &mut Draws| {
                let scale = if at == 0 { 0.0 } else { 0.001_6 };
                (0..LEVELS.len()).map(|_| draws.vector(scale)).collect()
            };
            (0..choice.options.len()).map(|at| option(at, &mut draws)).collect()
        })
        .collect();
    let mut influences: Vec<Vec<Vec<f64>>> = Vec::new();
    let mut specifications = Vec::new();
    for (position, options) in combinations.iter().enumerate() {
        let influence: Vec<Vec<f64>> = (0..LEVELS.len())
            .map(|level| {
                let own = draws.vector(0.000_5);
                (0..GROUPS)
                    .map(|group| {
                        let added: f64 =
                            parts.iter().zip(options).map(|(part, &option)| part[option][level][group]).sum();
                        base[level][group] + added + own[group]
                    })
                    .collect()
            })
            .collect();
        let outcome = match failure(&choices, options) {
            Some(reason) => Err(Failure { reason }),
            None => {
                influences.push(numbers_of(&choices, options, &influence));
                Ok(outcome(&choices, options, &influence, influences.len() - 1))
            }
        };
        let formula = formula(&choices, options);
        specifications.push(Specification {
            id: format!("{:012x}", (position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16),
            command: format!(
                "metier fit '{formula}' --data sessions.parquet --cluster user_id --where 'month <= \"2026-04\"'"
            ),
            formula,
            planned: Some(options.iter().filter(|option| **option > 0).count() <= 3),
            options: options.clone(),
            outcome,
        });
    }
    finished(choices, specifications, &influences)
}

fn choices(wide: usize) -> Vec<Choice> {
    let choice = |name: &str, label: &str, is_control: bool, options: &[(&str, &str)]| Choice {
        name: name.to_owned(),
        label: label.to_owned(),
        is_control,
        options: options
            .iter()
            .map(|(name, label)| ChoiceOption { name: (*name).to_owned(), label: (*label).to_owned() })
            .collect(),
    };
    let mut choices = vec![
        choice(
            "sample",
            "Sample",
            false,
            &[("all", "All sessions"), ("five", "Users with five sessions or more & a clear goal")],
        ),
        choice(
            "estimator",
            "Estimator",
            false,
            &[("ols", "Linear probability"), ("logit", "Logit"), ("common", "Common weights")],
        ),
        // the large curves have every rate of every specification
        choice(
            "coding",
            "Coding of expertise",
            false,
            &[("levels", "Five levels"), if wide > 1 { ("top", "Top versus rest") } else { ("linear", "Linear") }],
        ),
        choice("month", "Calendar month", true, &[("out", "Out"), ("additive", "Additive")]),
        choice("work_mode", "Work mode", true, &[("out", "Out"), ("additive", "Additive"), ("cell", "In the cell")]),
        choice(
            "task_value",
            "Task value",
            true,
            &[("out", "Out"), ("additive", "Additive"), ("cell", "In the cell with mode <5 bands>")],
        ),
    ];
    if wide > 1 {
        let names: Vec<String> = (0..wide).map(|at| format!("{}", 50 * (at + 1))).collect();
        let options: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
        choices.push(choice("cut", "Top cut point of value", false, &options));
    }
    choices.push(choice("outcome", "Outcome", false, &[("verified_success", "Verified success")]));
    choices
}

/// Every combination but those with a value cell without a mode cell, the last choice fastest.
fn combinations(choices: &[Choice]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for choice in choices {
        all = all
            .iter()
            .flat_map(|chosen| (0..choice.options.len()).map(|option| [chosen.clone(), vec![option]].concat()))
            .collect();
    }
    let place = |name: &str| choices.iter().position(|choice| choice.name == name);
    if let (Some(mode), Some(value)) = (place("work_mode"), place("task_value")) {
        all.retain(|options: &Vec<usize>| options[value] != 2 || options[mode] == 2);
    }
    all
}

fn chosen<'a>(choices: &'a [Choice], options: &[usize], name: &str) -> &'a str {
    let at = choices.iter().position(|choice| choice.name == name);
    at.map_or("", |at| choices[at].options[options[at]].name.as_str())
}

fn failure(choices: &[Choice], options: &[usize]) -> Option<String> {
    let is = |name: &str, option: &str| chosen(choices, options, name) == option;
    if is("estimator", "common") && is("work_mode", "out") {
        return Some(String::from("common weights compare within cells, and no control forms a cell"));
    }
    let separated =
        is("estimator", "logit") && is("task_value", "cell") && is("sample", "five") && is("month", "additive");
    separated.then(|| String::from("the likelihood has no maximum: `expertise::5` is separated in 3 cells"))
}

fn formula(choices: &[Choice], options: &[usize]) -> String {
    let mut effects = Vec::new();
    for (choice, &option) in choices.iter().zip(options).filter(|(choice, _)| choice.is_control) {
        match choice.options[option].name.as_str() {
            "out" => {}
            "additive" => effects.push(choice.name.clone()),
            _ => effects.push(format!("work_mode^{}", choice.name)),
        }
    }
    let effects = if effects.is_empty() { String::new() } else { format!(" | {}", effects.join(" + ")) };
    format!("verified_success ~ i(expertise){effects}")
}

/// The influences of the effect and of every rate; a linear coding has no rates.
fn numbers_of(choices: &[Choice], options: &[usize], influence: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let effect = influence[4].iter().zip(&influence[0]).map(|(top, bottom)| top - bottom).collect();
    let rates = if chosen(choices, options, "coding") == "linear" { &[] } else { influence };
    std::iter::once(effect).chain(rates.iter().cloned()).collect()
}

fn estimate(term: &str, value: f64, std_error: f64) -> Estimate {
    let statistic = value / std_error;
    Estimate {
        term: term.to_owned(),
        estimate: value,
        std_error,
        statistic,
        p_value: libm::erfc(statistic.abs() / 2f64.sqrt()),
        conf_low: value - CRITICAL * std_error,
        conf_high: value + CRITICAL * std_error,
    }
}

fn size(influence: &[f64]) -> f64 {
    influence.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Estimates lie where a weighted sum of their influences puts them, so that differences are of the size of their errors.
fn outcome(choices: &[Choice], options: &[usize], influence: &[Vec<f64>], position: usize) -> Outcome {
    let shift = |influence: &[f64]| {
        influence.iter().enumerate().map(|(at, value)| value * [1.5, -0.5, 0.3][at % 3]).sum::<f64>()
    };
    let controls = options.iter().sum::<usize>() as f64;
    let heights = [0.145, 0.209, 0.283, 0.295, 0.329];
    let rate = |level: usize| {
        let shrunk = 0.27 + (heights[level] - 0.27) * (1.0 - 0.11 * controls.min(9.0));
        shrunk + shift(&influence[level])
    };
    let effect: Vec<f64> = influence[4].iter().zip(&influence[0]).map(|(top, bottom)| top - bottom).collect();
    let rates: Vec<RatePoint> = (0..LEVELS.len())
        .map(|level| {
            let made = estimate("", rate(level), size(&influence[level]));
            RatePoint {
                level: LEVELS[level].0.to_owned(),
                label: LEVELS[level].1.to_owned(),
                estimate: made.estimate,
                std_error: made.std_error,
                conf_low: made.conf_low,
                conf_high: made.conf_high,
            }
        })
        .collect();
    let effect = estimate("5 - 1", rates[4].estimate - rates[0].estimate, size(&effect));
    let is_linear = chosen(choices, options, "coding") == "linear";
    let is_cell = chosen(choices, options, "task_value") == "cell";
    Outcome {
        family_p_value: (40.0 * effect.p_value).min(1.0),
        rates: if is_linear { Vec::new() } else { rates },
        rows: 359_586 - 1_000 * options[0],
        users: 220_114 - 90_000 * options[0],
        cells: if is_cell { 315 } else { 1 + 9 * options[4] },
        overlap: if is_cell { 0.972 } else { 1.0 },
        difference: estimate("5 - 1", f64::NAN, f64::NAN),
        hausman_p_value: f64::NAN,
        position,
        warnings: if is_cell {
            vec![String::from("41 cells hold one level only and do not count")]
        } else {
            Vec::new()
        },
        effect,
    }
}

fn finished(choices: Vec<Choice>, specifications: Vec<Specification>, influences: &[Vec<Vec<f64>>]) -> Curve {
    let numbers: Vec<String> = std::iter::once(String::from("effect"))
        .chain(LEVELS.iter().map(|(level, _)| format!("rate::{level}")))
        .collect();
    let covariance = |number: usize, a: usize, b: usize| match (influences[a].get(number), influences[b].get(number)) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>(),
        _ => f64::NAN,
    };
    let covariances = (0..numbers.len())
        .map(|number| {
            (0..influences.len())
                .flat_map(|a| (0..=a).map(move |b| (a, b)))
                .map(|(a, b)| covariance(number, a, b))
                .collect()
        })
        .collect();
    // the fullest design of five levels by least squares
    let baseline = specifications.iter().position(|spec| spec.options[..6] == [0, 0, 0, 1, 2, 2]).unwrap_or(0);
    let done = influences.len();
    let mut curve = Curve {
        name: String::from("curve_fig5"),
        title: String::from("Does the gradient of expertise survive?"),
        focal: String::from("expertise"),
        effect_label: String::from("Verified success: experts less novices"),
        choices,
        specifications,
        duplicates: 7,
        baseline,
        numbers,
        covariances,
        joint: Some(joint(done)),
        data_note: Some(String::from("These are simulated sessions: no number says anything about people.")),
        sources: vec![String::from("sessions.parquet")],
        command: String::from("metier curve models/curve_fig5.toml --data sessions.parquet"),
    };
    let Ok(Outcome { effect, position: from, .. }) = curve.specifications[baseline].outcome.clone() else {
        return curve;
    };
    for at in 0..curve.specifications.len() {
        let Ok(Outcome { effect: own, position, .. }) = &curve.specifications[at].outcome else { continue };
        let made = estimate("5 - 1", own.estimate - effect.estimate, curve.error_of_difference(0, *position, from));
        if at != baseline
            && let Ok(outcome) = &mut curve.specifications[at].outcome
        {
            outcome.hausman_p_value = if outcome.rates.is_empty() { f64::NAN } else { made.p_value.sqrt() };
            outcome.difference = made;
        }
    }
    curve
}

fn joint(specifications: usize) -> Joint {
    let statement = |name: &str, value: f64, null_median: f64, null_high: f64, p_value: f64| Statement {
        name: name.to_owned(),
        value,
        null_median,
        null_high,
        p_value,
    };
    Joint {
        specifications,
        groups: 4_096,
        groups_are_clusters: false,
        draws: 9_999,
        seed: 1,
        alpha: 0.05,
        statements: vec![
            statement("median effect", 0.081, 0.0001, 0.0091, 0.0001),
            statement("share significant with the dominant sign", 0.86, 0.0, 0.21, 0.0004),
        ],
        critical: 2.91,
    }
}
