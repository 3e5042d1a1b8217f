//! Where a standard error comes from, and what other programs report: a document, a table for scripts and JSON.

use serde_json::{Value as Json, json};

use crate::result::{Family, ModelFit, VcovKind};
use crate::vcov::Bare;
use crate::vcov::convention::{EffectsInK, KFactor, Rule, Shared, Ssc};
use crate::vcov::programs::{Report, reports};
use crate::vcov::small_sample::{AbsorbedEffect, count_effects};

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::long::SCHEMA_VERSION;
use super::names;
use super::notes::percent_level;
use super::number::{count, p_value, rounded};
use super::options::RenderOptions;
use super::regression_table::family_name;

/// Decimals of factors.
const FACTOR_DIGITS: usize = 6;

/// A fit with its bare covariance, and what programs report for it; Metier itself comes first.
#[derive(Debug, Clone)]
pub struct Explained {
    fit: ModelFit,
    bare: Bare,
    rule: Rule,
    reports: Vec<Report>,
}

impl Explained {
    /// Computes every program's report.
    pub fn new(fit: ModelFit, bare: Bare) -> Self {
        let convention = Ssc::parse(&fit.small_sample.convention).unwrap_or_default();
        let exact = fit.absorbed_rank.is_some_and(|rank| rank.in_k);
        let convention = if exact { convention.with_df(Shared::Exact) } else { convention };
        let rule = convention.rule(fit.family, fit.vcov_kind);
        let has_intercept = fit.coefficients.first().is_some_and(|first| first.term == "(Intercept)");
        let ours = Report {
            program: String::from("Metier, as asked"),
            ssc: Some(convention.to_string()),
            small_sample: fit.small_sample.clone(),
            reference: fit.reference,
            std_errors: fit.coefficients.iter().map(|coefficient| coefficient.std_error).collect(),
            notes: Vec::new(),
        };
        let others = reports(&bare, fit.family, fit.vcov_kind, has_intercept);
        let reports = std::iter::once(ours).chain(others).collect();
        Explained { fit, bare, rule, reports }
    }

    /// Position of the coefficient asked for, or of the first that is not the intercept.
    fn position(&self, term: Option<&str>) -> usize {
        let is_wanted = |name: &str| term.map_or(name != "(Intercept)", |term| name == term);
        self.fit.coefficients.iter().position(|coefficient| is_wanted(&coefficient.term)).unwrap_or(0)
    }

    /// Standard error of a coefficient without any factor.
    fn bare_error(&self, position: usize) -> f64 {
        let m = self.bare.coefficients;
        let used = self.fit.clusters.len().max(1);
        let terms = self.bare.terms[..used].iter();
        terms.map(|term| term.sign * term.matrix[position * m + position]).sum::<f64>().sqrt()
    }

    fn critical(&self, report: &Report) -> f64 {
        report.reference.critical(self.fit.conf_level)
    }
}

/// Everything to show.
pub fn document(all: &[Explained], term: Option<&str>, data_note: Option<&str>, options: &RenderOptions) -> Document {
    let blocks = all.iter().flat_map(|one| {
        let position = one.position(term);
        [Block::Grid(parts_grid(one, position, options)), Block::Grid(programs_grid(one, position, options))]
    });
    let notices = data_note.map(|note| format!("Data: {note}")).into_iter().collect();
    Document { title: String::new(), notices, blocks: blocks.collect() }
}

/// Every part of the factor.
fn parts_grid(one: &Explained, position: usize, options: &RenderOptions) -> Grid {
    let (fit, rule) = (&one.fit, &one.rule);
    let row = |stub: &str, value: String, how: String| Row::new(stub, vec![Cell::number(value), Cell::Text(how)]);
    let parts = &fit.small_sample;
    let coefficient = &fit.coefficients[position];
    let mut counts = vec![
        row("n", count(parts.n), String::from("rows in the estimation")),
        row("p", count(one.bare.coefficients), String::from("estimated coefficients")),
    ];
    if rule.k != KFactor::None {
        for (effect, parameters) in one.bare.effects.iter().zip(count_effects(&one.bare.effects, rule)) {
            counts.push(row(&format!("`{}`", effect.name), count(parameters), of_effect(effect, parameters, rule)));
        }
        counts.push(row("K", count(parts.k), String::from("p and the parameters of the fixed effects")));
    }
    let clusters = parts.terms.iter().map(|term| {
        let what = if term.name.contains(':') { "combinations" } else { "clusters" };
        let sign = if term.sign < 0.0 { ", subtracted" } else { "" };
        row(&format!("G `{}`", term.name), count(term.groups), format!("{what} with a row in the estimation{sign}"))
    });
    let mut factors = Vec::new();
    let shown = |value: f64| rounded(value, FACTOR_DIGITS);
    let of_k = match rule.k {
        KFactor::None => "none",
        KFactor::NMinusOne if fit.vcov_kind != VcovKind::Hc1 => "(n - 1)/(n - K)",
        _ => "n/(n - K)",
    };
    let in_sigma = fit.vcov_kind == VcovKind::Iid && fit.family == Family::Ols;
    let of_k = if in_sigma { "on top of RSS/(n - K)" } else { of_k };
    factors.push(row("factor of K", shown(parts.k_factor), of_k.to_owned()));
    if parts.factor.is_nan() {
        for term in &parts.terms {
            factors.push(row(
                &format!("factor of `{}`", term.name),
                shown(term.factor),
                String::from("times G/(G - 1) with its own G"),
            ));
        }
    } else {
        if !parts.terms.is_empty() {
            let how = match parts.g_factor == 1.0 {
                true => "none",
                false if parts.terms.len() > 1 => "G/(G - 1), the smallest G for all terms",
                false => "G/(G - 1)",
            };
            factors.push(row("factor of G", shown(parts.g_factor), how.to_owned()));
        }
        factors.push(row("factor", shown(parts.factor), String::from("of the variance")));
        factors.push(row("its root", shown(parts.factor.sqrt()), String::from("of the standard error")));
    }
    let df = match names::degrees_of_freedom(fit.reference) {
        Some(df) => (format!("t({})", rounded(df, 0)), reference_words(one)),
        None => (String::from("normal"), String::from("the convention's")),
    };
    let number = |value: f64| rounded(value, options.digits.max(FACTOR_DIGITS));
    let results = vec![
        row("without factor", number(one.bare_error(position)), format!("standard error of `{}`", coefficient.term)),
        row("with it", number(coefficient.std_error), format!("standard error of `{}`", coefficient.term)),
        Row::new("reference", vec![Cell::Text(df.0), Cell::Text(df.1)]),
        row(
            "critical value",
            number(one.critical(&one.reports[0])),
            format!("of {} intervals", percent_level(fit.conf_level)),
        ),
    ];
    let mut notes = vec![format!("convention `{}`", one.reports[0].ssc.clone().unwrap_or_default())];
    notes.extend(fit.warnings.iter().map(|warning| format!("warning: {warning}")));
    let mut sections = vec![counts, clusters.collect(), factors, results];
    sections.retain(|section: &Vec<Row>| !section.is_empty());
    Grid {
        caption: format!("Standard errors ({}) of {}", names::se_type(fit.vcov_kind), described(fit)),
        corner: fit.outcome.clone(),
        header: vec![vec![String::from("Value"), String::from("What it is")]],
        sections,
        notes,
    }
}

fn described(fit: &ModelFit) -> String {
    let sample = if fit.sample == "all" { String::new() } else { format!(", sample `{}`", fit.sample) };
    format!("{} `{}`{sample}", family_name(fit.family), fit.formula)
}

/// Where the degrees of freedom come from.
fn reference_words(one: &Explained) -> String {
    use crate::vcov::convention::TDf;
    let words = match (one.rule.t, one.fit.clusters.is_empty()) {
        (TDf::Groups, false) => "the smallest G - 1",
        (TDf::GroupsOrResidual, false) => "the smaller of G - 1 and the residual degrees of freedom",
        (TDf::Residual, _) => "n less all parameters, nested effects too",
        _ => "n - K",
    };
    words.to_owned()
}

/// Why an effect adds so many parameters to K.
fn of_effect(effect: &AbsorbedEffect, parameters: usize, rule: &Rule) -> String {
    let levels = format!("{} levels", count(effect.levels));
    let nested = effect.nested_in.as_ref().map(|cluster| format!(", nested in `{cluster}`")).unwrap_or_default();
    let spanned = match effect.redundant {
        Some(redundant) if redundant > 0 => format!("; larger effects span {}", count(redundant)),
        _ => String::new(),
    };
    let why = match (rule.effects, parameters) {
        (EffectsInK::None, _) => String::from("fixed effects do not count"),
        (_, 0) if effect.nested_in.is_some() => String::from("does not count"),
        (EffectsInK::Nonnested, 1) if effect.nested_in.is_some() => String::from("one counts, for the constant"),
        (_, all) if all == effect.levels && effect.slopes == 0 => String::from("all count"),
        (_, some) if effect.slopes > 0 => format!("{} with slopes", count(some)),
        (_, some) => {
            let shared = effect.levels - some;
            let by = match rule.df {
                Shared::Nominal => "taken as shared with other effects",
                Shared::Pairs => "shared with an effect before it",
                Shared::Exact => "spanned by other effects",
            };
            return format!(
                "{levels}{nested}: {} {by}{}",
                count(shared),
                if rule.df == Shared::Nominal { spanned } else { String::new() }
            );
        }
    };
    format!("{levels}{nested}: {why}")
}

/// What every program reports for one coefficient.
fn programs_grid(one: &Explained, position: usize, options: &RenderOptions) -> Grid {
    let coefficient = &one.fit.coefficients[position];
    let header = ["Std. error", "Factor", "K", "p value", "From", "`--ssc`"].map(str::to_owned).to_vec();
    let digits = options.digits.max(FACTOR_DIGITS);
    let row = |report: &Report| {
        let std_error = report.std_errors[position];
        let factor = match report.small_sample.factor.is_nan() {
            true => Cell::Text(String::from("by term")),
            false => Cell::number(rounded(report.small_sample.factor, FACTOR_DIGITS)),
        };
        let from = match names::degrees_of_freedom(report.reference) {
            Some(df) => format!("t({})", rounded(df, 0)),
            None => String::from("normal"),
        };
        let p = report.reference.p_value(coefficient.estimate / std_error);
        let ssc = report.ssc.as_ref().map_or(Cell::Empty, |ssc| Cell::Text(ssc.clone()));
        let numbers = [Cell::number(rounded(std_error, digits)), factor, Cell::number(count(report.small_sample.k))];
        let cells = numbers.into_iter().chain([Cell::number(p_value(p)), Cell::Text(from), ssc]);
        Row::new(report.program.clone(), cells.collect())
    };
    let mut rows = one.reports.iter().map(row);
    let ours = rows.by_ref().take(1).collect();
    Grid {
        caption: format!("What programs report for `{}` = {}", coefficient.term, rounded(coefficient.estimate, digits)),
        corner: String::from("Program"),
        header: vec![header],
        sections: vec![ours, rows.collect()],
        notes: program_notes(&one.reports),
    }
}

/// Each note once, behind the programs it is about.
fn program_notes(reports: &[Report]) -> Vec<String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for report in reports {
        for note in &report.notes {
            match found.iter_mut().find(|(text, _)| text == note) {
                Some((_, programs)) => programs.push(&report.program),
                None => found.push((note, vec![&report.program])),
            }
        }
    }
    found.into_iter().map(|(note, programs)| format!("{}: {note}", programs.join(", "))).collect()
}

const COLUMNS: [&str; 26] = [
    "schema_version",
    "spec_id",
    "model",
    "outcome",
    "sample",
    "estimator",
    "se_type",
    "cluster",
    "term",
    "program",
    "ssc",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "conf_low",
    "conf_high",
    "conf_level",
    "critical_value",
    "n_obs",
    "k",
    "k_factor",
    "g_factor",
    "factor",
    "note",
];

/// One row per program and coefficient.
pub fn table(all: &[Explained], data_note: Option<&str>) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for one in all {
        for position in 0..one.fit.coefficients.len() {
            table.rows.extend(one.reports.iter().map(|report| record(one, report, position)));
        }
    }
    table.with_data_note(data_note)
}

fn record(one: &Explained, report: &Report, position: usize) -> Vec<Value> {
    let fit = &one.fit;
    let coefficient = &fit.coefficients[position];
    let (estimate, std_error) = (coefficient.estimate, report.std_errors[position]);
    let (statistic, critical) = (estimate / std_error, one.critical(report));
    let parts = &report.small_sample;
    let notes = (!report.notes.is_empty()).then(|| report.notes.join("; "));
    vec![
        SCHEMA_VERSION.into(),
        fit.spec_id.as_str().into(),
        fit.model.as_str().into(),
        fit.outcome.as_str().into(),
        fit.sample.as_str().into(),
        names::estimator(fit.family).into(),
        names::se_type(fit.vcov_kind).into(),
        names::cluster(fit).into(),
        coefficient.term.as_str().into(),
        report.program.as_str().into(),
        report.ssc.clone().into(),
        estimate.into(),
        std_error.into(),
        statistic.into(),
        names::degrees_of_freedom(report.reference).into(),
        report.reference.p_value(statistic).into(),
        (estimate - critical * std_error).into(),
        (estimate + critical * std_error).into(),
        fit.conf_level.into(),
        critical.into(),
        parts.n.into(),
        parts.k.into(),
        parts.k_factor.into(),
        parts.g_factor.into(),
        parts.factor.into(),
        notes.into(),
    ]
}

/// Everything as one document.
pub fn json(all: &[Explained], data_note: Option<&str>, sources: &[String]) -> Json {
    let models: Vec<Json> = all.iter().map(model).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": data_note,
        "sources": sources,
        "models": models,
    })
}

fn model(one: &Explained) -> Json {
    let (fit, rule) = (&one.fit, &one.rule);
    let counted = count_effects(&one.bare.effects, rule);
    let effects: Vec<Json> = one
        .bare
        .effects
        .iter()
        .zip(counted)
        .map(|(effect, counted)| {
            json!({
                "name": effect.name,
                "levels": effect.levels,
                "slopes": effect.slopes,
                "counted": counted,
                "nested_in": effect.nested_in,
                "redundant": effect.redundant,
                "components": effect.components,
                "how": of_effect(effect, counted, rule),
            })
        })
        .collect();
    let parts = &fit.small_sample;
    let terms: Vec<Json> = parts
        .terms
        .iter()
        .map(|term| {
            json!({
                "name": term.name,
                "sign": term.sign,
                "n_clusters": term.groups,
                "g_factor": term.g_factor,
                "factor": term.factor,
            })
        })
        .collect();
    let bare: Vec<Json> = (0..fit.coefficients.len())
        .map(|j| json!({"term": fit.coefficients[j].term, "std_error": one.bare_error(j)}))
        .collect();
    json!({
        "spec_id": fit.spec_id,
        "model": fit.model,
        "outcome": fit.outcome,
        "sample": fit.sample,
        "estimator": names::estimator(fit.family),
        "formula": fit.formula,
        "se_type": names::se_type(fit.vcov_kind),
        "cluster": names::cluster(fit),
        "parts": {
            "convention": one.reports[0].ssc,
            "formula": rule.formula(fit.family, fit.vcov_kind),
            "n": parts.n,
            "p": one.bare.coefficients,
            "effects": effects,
            "k": parts.k,
            "terms": terms,
            "k_factor": parts.k_factor,
            "g_factor": parts.g_factor,
            "factor": parts.factor,
            "bare": bare,
            "df": names::degrees_of_freedom(fit.reference),
            "conf_level": fit.conf_level,
            "critical_value": one.critical(&one.reports[0]),
        },
        "programs": table(std::slice::from_ref(one), None).to_json(),
        "warnings": fit.warnings,
    })
}
