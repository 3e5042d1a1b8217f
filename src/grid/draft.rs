//! One specification of a grid, as text: what its options add up to.

use super::{ChoiceEntry, ControlEntry, EstimatorName, GridError, GridFile, OptionEntry};
use crate::lock::hash::of_json;
use crate::spec::{FamilyName, ModelEntry, VcovName};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The effect of interest as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectText {
    /// `5 - 1`.
    Rates {
        /// Level.
        high: String,
        /// Level it is compared with.
        low: String,
    },
    /// A coefficient.
    Coefficient(String),
}

/// A specification as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Twelve hexadecimal digits: a hash of everything below but the outcome's place in the grid.
    pub id: String,
    /// Option of every choice, controls after choices.
    pub options: Vec<usize>,
    /// The regression.
    pub entry: ModelEntry,
    /// Estimator.
    pub estimator: EstimatorName,
    /// Settings of the codebook.
    pub settings: BTreeMap<String, Value>,
    /// The effect of interest.
    pub effect: EffectText,
}

impl EffectText {
    /// Reads `5 - 1` as a difference of rates, and anything else as a coefficient.
    pub fn parse(text: &str) -> Self {
        match text.split_once(" - ") {
            Some((high, low)) if !high.trim().is_empty() && !low.trim().is_empty() => {
                EffectText::Rates { high: high.trim().to_owned(), low: low.trim().to_owned() }
            }
            _ => EffectText::Coefficient(text.trim().to_owned()),
        }
    }
}

impl std::fmt::Display for EffectText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EffectText::Rates { high, low } => write!(f, "{high} - {low}"),
            EffectText::Coefficient(term) => write!(f, "{term}"),
        }
    }
}

/// What the chosen options set, before it is checked.
#[derive(Debug, Default)]
struct Parts<'a> {
    outcome: Option<&'a str>,
    term: Option<&'a str>,
    effect: Option<&'a str>,
    estimator: Option<EstimatorName>,
    filters: Vec<&'a str>,
    effects: Vec<&'a str>,
    regressors: Vec<&'a str>,
}

impl Draft {
    /// The specification of one combination of options.
    ///
    /// # Errors
    /// Two choices that set the same key, or no outcome.
    pub fn new(file: &GridFile, combination: &[usize]) -> Result<Self, GridError> {
        let (of_choices, of_controls) = combination.split_at(file.choice.len());
        let mut entry = file.defaults.clone();
        let mut settings = file.settings.clone();
        let mut parts = Parts::default();
        let mut owner: BTreeMap<&'static str, &str> = BTreeMap::new();
        for (choice, &at) in file.choice.iter().zip(of_choices) {
            let option = &choice.options[at];
            set(choice, option, &mut entry, &mut parts, &mut owner)?;
            settings.extend(option.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let estimator = parts.estimator.unwrap_or(EstimatorName::Lpm);
        entry.family = Some(match estimator {
            EstimatorName::Logit => FamilyName::Logit,
            EstimatorName::Probit => FamilyName::Probit,
            EstimatorName::Poisson => FamilyName::Poisson,
            _ => FamilyName::Ols,
        });
        let Some(outcome) = parts.outcome else {
            return Err(GridError::plain(
                format!("the grid `{}` has no outcome", file.name),
                "add a choice with `outcome = \"...\"` in its options",
            ));
        };
        let effect = EffectText::parse(parts.effect.or(file.effect.as_deref()).ok_or_else(|| {
            GridError::plain(
                format!("the grid `{}` does not say which effect is of interest", file.name),
                "add `effect = \"5 - 1\"` for a difference of adjusted rates, or the name of a coefficient",
            )
        })?);
        if matches!(effect, EffectText::Rates { .. }) {
            entry.rates = Some(file.focal.clone());
        }
        if entry.cluster.is_some() && entry.vcov.is_none() {
            entry.vcov = Some(VcovName::Cr1);
        }
        if entry.weights.as_deref() == Some("none") {
            entry.weights = None;
        }
        let base = file.defaults.filter.as_deref();
        let filters: Vec<&str> = base.into_iter().chain(parts.filters.iter().copied()).collect();
        entry.filter = match filters.as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            // brackets keep the meaning of each
            several => Some(several.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" and ")),
        };
        let (regressors, effects) = controls(&file.control, of_controls, estimator, &parts);
        let default_term = format!("i({})", file.focal);
        let mut formula = format!("{outcome} ~ {}", parts.term.unwrap_or(&default_term));
        regressors.iter().for_each(|regressor| formula += &format!(" + {regressor}"));
        if !effects.is_empty() {
            formula += &format!(" | {}", effects.join(" + "));
        }
        entry.formula = Some(formula);
        let mut draft = Draft { id: String::new(), options: combination.to_vec(), entry, estimator, settings, effect };
        draft.id = draft.identity();
        Ok(draft)
    }

    /// A hash of what is estimated: names of choices and the order of the grid have no part in it.
    pub fn identity(&self) -> String {
        let entry = serde_json::to_value(&self.entry).unwrap_or_default();
        let value = json!({
            "model": entry,
            "estimator": self.estimator,
            "settings": self.settings,
            "effect": self.effect.to_string(),
        });
        of_json(&value)[..12].to_owned()
    }

    /// Text that is the same for specifications that differ in their outcome and likelihood only.
    pub fn design_key(&self) -> String {
        let formula = self.entry.formula.as_deref().unwrap_or_default();
        let design = formula.split_once('~').map_or(formula, |(_, design)| design);
        let entry = ModelEntry { formula: None, family: None, vcov: None, bias_correction: None, ..self.entry.clone() };
        let rest = serde_json::to_string(&entry).unwrap_or_default();
        format!("{design}\n{rest}\n{}", json!(self.settings))
    }

    /// Words of the command that estimates it alone; `source` are the words that name the table.
    pub fn command(&self, source: &[String]) -> Vec<String> {
        let entry = &self.entry;
        let verb = match self.estimator {
            EstimatorName::Cw | EstimatorName::Ds => "estimators",
            _ => "fit",
        };
        let mut words = vec![verb.to_owned(), entry.formula.clone().unwrap_or_default()];
        words.extend(source.iter().cloned());
        let mut add = |flag: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([format!("--{flag}"), value]);
            }
        };
        let text = |value: Value| value.as_str().map(str::to_owned);
        let named = |value: &Option<_>| value.as_ref().and_then(|name| text(json!(name)));
        if verb == "fit" && entry.family != Some(FamilyName::Ols) {
            add("family", named(&entry.family));
        }
        add("cluster", entry.cluster.as_ref().map(|names| names.names().join("+")));
        add("vcov", entry.vcov.and_then(|name| text(json!(name))));
        add("df", entry.df.and_then(|name| text(json!(name))));
        add("ssc", entry.ssc.clone());
        add("multiway", entry.multiway.and_then(|name| text(json!(name))));
        add("weights", entry.weights.clone());
        add("where", entry.filter.clone());
        add("na", entry.na.and_then(|name| text(json!(name))));
        add("missing-cluster", entry.missing_cluster.and_then(|name| text(json!(name))));
        add("singletons", entry.singletons.and_then(|name| text(json!(name))));
        add("min-users", entry.min_users.map(|n| n.to_string()));
        add("rates", entry.rates.clone());
        add("target", entry.target.clone());
        add("target-by", entry.target_by.clone());
        add("composition", entry.composition.and_then(|name| text(json!(name))));
        add("conf-level", entry.conf_level.map(|level| level.to_string()));
        add("absorb", entry.absorb.and_then(|name| text(json!(name))));
        for (name, value) in &self.settings {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            add("set", Some(format!("{name}={value}")));
        }
        if entry.bias_correction == Some(true) {
            words.push(String::from("--bias-correction"));
        }
        words
    }
}

/// Adds what an option sets; a key belongs to one choice.
fn set<'a>(
    choice: &'a ChoiceEntry,
    option: &'a OptionEntry,
    entry: &mut ModelEntry,
    parts: &mut Parts<'a>,
    owner: &mut BTreeMap<&'static str, &'a str>,
) -> Result<(), GridError> {
    let mut claim = |key: &'static str| match owner.insert(key, &choice.name) {
        Some(other) if other != choice.name => Err(GridError::plain(
            format!("the choices `{other}` and `{}` both set `{key}`", choice.name),
            "let one choice decide it, or name the combinations as options of one choice",
        )),
        _ => Ok(()),
    };
    macro_rules! take {
        ($($key:literal $from:expr => $to:expr;)*) => {
            $(if let Some(value) = $from {
                claim($key)?;
                $to = Some(value);
            })*
        };
    }
    take! {
        "outcome" option.outcome.as_deref() => parts.outcome;
        "term" option.term.as_deref() => parts.term;
        "effect" option.effect.as_deref() => parts.effect;
        "estimator" option.estimator => parts.estimator;
        "min_users" option.min_users => entry.min_users;
        "weights" option.weights.clone() => entry.weights;
        "cluster" option.cluster.clone() => entry.cluster;
        "vcov" option.vcov => entry.vcov;
        "na" option.na => entry.na;
        "missing_cluster" option.missing_cluster => entry.missing_cluster;
        "singletons" option.singletons => entry.singletons;
        "target" option.target.clone() => entry.target;
        "composition" option.composition => entry.composition;
        "bias_correction" option.bias_correction => entry.bias_correction;
    }
    parts.filters.extend(option.filter.as_deref());
    parts.effects.extend(option.effects.as_deref());
    parts.regressors.extend(option.regressors.as_deref());
    Ok(())
}

/// Regressors and fixed effects of the controls in their states: a cell stands where its first member does, and cell
/// estimators have one cell of everything.
fn controls(
    entries: &[ControlEntry],
    states: &[usize],
    estimator: EstimatorName,
    parts: &Parts,
) -> (Vec<String>, Vec<String>) {
    let mut regressors: Vec<String> = parts.regressors.iter().map(|text| (*text).to_owned()).collect();
    let mut effects: Vec<(Option<String>, String)> =
        parts.effects.iter().map(|text| (None, (*text).to_owned())).collect();
    for (control, &state) in entries.iter().zip(states) {
        let state = control.state_names()[state].clone();
        if state == "out" {
            continue;
        }
        if let Some(regressor) = &control.regressor {
            regressors.push(regressor.clone());
        }
        let Some(effect) = &control.effect else { continue };
        let cell = (state != "additive").then_some(state);
        match effects.iter_mut().find(|(known, _)| cell.is_some() && *known == cell) {
            Some((_, text)) => *text += &format!("^{effect}"),
            None => effects.push((cell, effect.clone())),
        }
    }
    let mut effects: Vec<String> = effects.into_iter().map(|(_, text)| text).collect();
    if matches!(estimator, EstimatorName::Cw | EstimatorName::Ds) && effects.len() > 1 {
        effects = vec![effects.join("^")];
    }
    (regressors, effects)
}

impl ControlEntry {
    /// The states, `out` and `additive` if none are named.
    pub fn state_names(&self) -> Vec<String> {
        self.states.clone().unwrap_or_else(|| vec![String::from("out"), String::from("additive")])
    }
}
