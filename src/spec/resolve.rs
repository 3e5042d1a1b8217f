//! From what was written to what it means: every default filled, every text parsed, every error with its place.

use super::*;
use crate::absorb::Method;
use crate::estimate::Options;
use crate::expr::{Expr, ExprError, ExprKind, Span, parse, parse_operand};
use crate::formula::steps::{Variant, expand, has_steps};
use crate::formula::{EffectTerm, Formula, FormulaError};
use crate::model::{MissingCluster, MissingControl, Request};
use crate::result::{Composition, Family, VcovKind};
use crate::vcov::convention::{Shared, Ssc, SscError};
use crate::vcov::multiway::Multiway;

/// A regression ready to meet rows.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Name of the file, or `fit`.
    pub spec_id: String,
    /// Name of the model.
    pub model: String,
    /// Formula as written, for messages.
    pub formula_text: String,
    /// Request without its sample.
    pub request: Request,
    /// Named samples; empty for all rows.
    pub samples: Vec<(String, Option<Expr>)>,
    /// Variable whose levels are samples.
    pub split: Option<Expr>,
    /// Estimator options.
    pub options: Options,
    /// Weights as written.
    pub weights_text: Option<String>,
    /// Filter as written.
    pub filter_text: Option<String>,
    /// Target of adjusted rates as written.
    pub target_text: Option<String>,
    /// File of shares, or other table, that the target is read from; [`Request::shares`] has its content.
    pub target_file: Option<TargetFile>,
    /// Filters of the samples as written.
    pub sample_texts: Vec<(String, String)>,
}

/// A text of the user with an error at a place in it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Where the text stands: `the formula`, `--where`, a file.
    pub origin: String,
    /// The text.
    pub text: String,
    /// Bytes of the text.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

/// A specification that means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A text with an error at a place.
    #[error(transparent)]
    Source(#[from] Box<SourceError>),
    /// Something else.
    #[error("{message}")]
    Plain {
        /// What is wrong.
        message: String,
        /// The way out.
        hint: String,
    },
}

impl SourceError {
    /// An error in an expression.
    pub fn expression(origin: &str, text: &str, error: &ExprError) -> Self {
        SourceError {
            origin: origin.to_owned(),
            text: text.to_owned(),
            span: error.span(),
            message: error.to_string(),
            expected: error.expected().map(str::to_owned),
            hint: error.hint(),
        }
    }

    /// An error in a formula.
    pub fn formula(origin: &str, text: &str, error: FormulaError) -> Self {
        SourceError {
            origin: origin.to_owned(),
            text: text.to_owned(),
            span: error.span,
            message: error.message,
            expected: error.expected,
            hint: error.hint,
        }
    }
}

fn expression(origin: &str, text: &str) -> Result<Expr, SpecError> {
    parse(text).map_err(|error| Box::new(SourceError::expression(origin, text, &error)).into())
}

/// Variables joined by `^`.
fn interaction(origin: &str, text: &str) -> Result<Vec<Expr>, SpecError> {
    let fail = |error: ExprError| SpecError::from(Box::new(SourceError::expression(origin, text, &error)));
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let (part, end) = parse_operand(text, at).map_err(fail)?;
        parts.push(part);
        let rest = text[end..].trim_start();
        match rest.strip_prefix('^') {
            Some(after) => at = text.len() - after.len(),
            None if rest.is_empty() => return Ok(parts),
            None => {
                let start = text.len() - rest.len();
                let found = &rest[..rest.chars().next().map_or(0, char::len_utf8)];
                return Err(Box::new(SourceError {
                    origin: origin.to_owned(),
                    text: text.to_owned(),
                    span: start..start + found.len(),
                    message: format!("expected `^`, `+` or the end, found `{found}`"),
                    expected: None,
                    hint: Some(String::from("`a+b` clusters two ways, `a^b` by combinations")),
                })
                .into());
            }
        }
    }
}

/// Lays `flags` over every model of a file over its defaults, and parses the result.
///
/// # Errors
/// [`SpecError`] with the place of what is wrong.
pub fn resolve(file: &ModelFile, flags: &ModelEntry) -> Result<Vec<Resolved>, SpecError> {
    if file.model.is_empty() {
        return Err(SpecError::Plain {
            message: format!("`{}` has no `[[model]]`", file.name),
            hint: String::from("add one: `[[model]]` with `formula = \"y ~ x | fe\"`"),
        });
    }
    let mut entries = Vec::new();
    for entry in &file.model {
        entries.extend(steps(flags.over(&entry.over(&file.defaults)))?);
    }
    entries.iter().enumerate().map(|(position, entry)| one(file, entry, position)).collect()
}

/// The models of an entry: several, if its formula is stepwise.
fn steps(entry: ModelEntry) -> Result<Vec<ModelEntry>, SpecError> {
    let Some(text) = entry.formula.as_ref().filter(|text| has_steps(text)) else { return Ok(vec![entry]) };
    let fail = |error| SpecError::from(Box::new(SourceError::formula("the formula", text, error)));
    let variants = expand(text).map_err(fail)?;
    let named = |(at, variant): (usize, Variant)| ModelEntry {
        name: entry.name.as_ref().map(|name| format!("{name} ({})", at + 1)),
        formula: Some(variant.text),
        ..entry.clone()
    };
    Ok(variants.into_iter().enumerate().map(named).collect())
}

fn one(file: &ModelFile, entry: &ModelEntry, position: usize) -> Result<Resolved, SpecError> {
    let model = entry.name.clone().unwrap_or_else(|| format!("({})", position + 1));
    let Some(formula_text) = &entry.formula else {
        return Err(SpecError::Plain {
            message: format!("model `{model}` of `{}` has no formula", file.name),
            hint: String::from("add `formula = \"y ~ x | fe\"`"),
        });
    };
    // a file holds many formulas: say whose it is
    let name = model.clone();
    let origin = |what: &str| match file.name.as_str() {
        "fit" => format!("the {what}"),
        file => format!("the {what} of model `{name}` of `{file}`"),
    };
    let formula = Formula::parse(formula_text)
        .map_err(|error| SpecError::from(Box::new(SourceError::formula(&origin("formula"), formula_text, error))))?;
    let clusters = match &entry.cluster {
        None => Vec::new(),
        Some(names) => {
            names.names().iter().map(|name| interaction(&origin("cluster"), name)).collect::<Result<Vec<_>, _>>()?
        }
    };
    let vcov = match entry.vcov {
        Some(name) if VcovKind::from(name).is_clustered() && clusters.is_empty() => {
            return Err(SpecError::Plain {
                message: format!("`{}` needs a cluster variable", VcovKind::from(name).name().to_lowercase()),
                hint: String::from("name it, e.g. `--cluster user_id`"),
            });
        }
        Some(name) => name.into(),
        None if clusters.is_empty() => VcovKind::Iid,
        None => VcovKind::Cr1,
    };
    if entry.split.is_some() && entry.samples.is_some() {
        return Err(SpecError::Plain {
            message: format!("model `{model}` has both `split` and `samples`"),
            hint: String::from("keep one of them"),
        });
    }
    if let (Some(target), None) = (&entry.target, &entry.rates) {
        return Err(SpecError::Plain {
            message: format!("model `{model}` has the target `{target}`, but no adjusted rates"),
            hint: String::from("name the factor of the rates, e.g. `--rates expertise`"),
        });
    }
    let target_file = target_file(&model, entry)?;
    let conf_level = entry.conf_level.unwrap_or(0.95);
    if !(conf_level > 0.0 && conf_level < 1.0) {
        return Err(SpecError::Plain {
            message: format!("the confidence level is {conf_level}"),
            hint: String::from("it is a share between 0 and 1, e.g. `0.95`"),
        });
    }
    let samples = entry.samples.iter().flatten().map(|sample| {
        let filter = sample.filter.as_ref().map(|text| expression(&origin(&format!("sample `{}`", sample.name)), text));
        Ok((sample.name.clone(), filter.transpose()?))
    });
    let samples = samples.collect::<Result<Vec<_>, SpecError>>()?;
    let request = Request {
        formula,
        filter: entry.filter.as_ref().map(|text| expression(&origin("filter"), text)).transpose()?,
        sample: None,
        clusters,
        weights: entry.weights.as_ref().map(|text| expression(&origin("weights"), text)).transpose()?,
        missing_control: match entry.na {
            Some(NaName::Drop) => MissingControl::Drop,
            _ => MissingControl::Level,
        },
        missing_cluster: match entry.missing_cluster {
            Some(MissingClusterName::Drop) => MissingCluster::Drop,
            _ => MissingCluster::Refuse,
        },
        min_users: entry.min_users.unwrap_or(0),
        rates: entry.rates.clone(),
        target: match &target_file {
            Some(_) => None,
            None => entry.target.as_ref().map(|text| expression(&origin("target"), text)).transpose()?,
        },
        shares: None,
    };
    let family = match entry.family {
        Some(FamilyName::Logit) => Family::Logit,
        Some(FamilyName::Poisson) => Family::Poisson,
        Some(FamilyName::Probit) => Family::Probit,
        Some(FamilyName::Clogit) => Family::Clogit,
        Some(FamilyName::Ols) | None => Family::Ols,
    };
    // a convention is of CR1: who names one asks for it
    let unnamed = entry.vcov.is_none() && entry.ssc.is_none() && entry.df.is_none();
    let options = Options {
        family,
        vcov,
        few_clusters: (unnamed && vcov == VcovKind::Cr1).then_some(VcovKind::Cr3),
        ssc: convention(entry, family)?,
        multiway: match entry.multiway {
            Some(MultiwayName::Cgm) => Multiway::Cgm,
            Some(MultiwayName::Sum) => Multiway::Sum,
            Some(MultiwayName::Eigen) | None => Multiway::Eigen,
        },
        method: match entry.absorb {
            Some(AbsorbName::Cells) => Method::Cells,
            Some(AbsorbName::Schur) => Method::Schur,
            Some(AbsorbName::Cg) => Method::Cg,
            Some(AbsorbName::Map) => Method::Map,
            _ => Method::Auto,
        },
        drop_singletons: entry.singletons != Some(SingletonsName::Keep),
        composition: match entry.composition {
            Some(CompositionName::Fixed) => Composition::Fixed,
            // shares are given, not drawn with the rows
            _ if target_file.is_some() => Composition::Fixed,
            _ => Composition::Sampled,
        },
        conf_level,
        keep_influence: false,
        bias_correction: entry.bias_correction.unwrap_or(false),
        r2_steps: entry.r2_steps.unwrap_or(false),
        diagnostics: entry.diagnostics.unwrap_or(false),
        exact_df: entry.df == Some(DfName::Exact),
        keep_fitted: false,
        keep_weights: false,
        keep_effects: false,
        keep_bare: false,
        firth: entry.firth.unwrap_or(false),
        margins: false,
        count_clusters: true,
        sums: None,
    };
    Ok(Resolved {
        spec_id: file.name.clone(),
        model,
        formula_text: formula_text.clone(),
        request,
        samples,
        split: entry.split.as_ref().map(|text| expression(&origin("split"), text)).transpose()?,
        options,
        weights_text: entry.weights.clone(),
        filter_text: entry.filter.clone(),
        target_text: entry.target.clone().filter(|_| target_file.is_none()),
        target_file,
        sample_texts: entry
            .samples
            .iter()
            .flatten()
            .filter_map(|sample| Some((sample.name.clone(), sample.filter.clone()?)))
            .collect(),
    })
}

/// The small-sample convention; `df` changes how it counts shared levels.
/// A target that is a file.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetFile {
    /// Its path.
    pub path: String,
    /// Variables whose shares are counted in it, where it has none of its own; empty for those of the effects.
    pub by: Vec<Expr>,
}

/// Whether a target is a file rather than a condition.
fn names_a_file(text: &str) -> bool {
    const ENDINGS: [&str; 7] = [".csv", ".tsv", ".parquet", ".arrow", ".feather", ".ndjson", ".jsonl"];
    ENDINGS.iter().any(|ending| text.trim_end().to_lowercase().ends_with(ending))
}

fn target_file(model: &str, entry: &ModelEntry) -> Result<Option<TargetFile>, SpecError> {
    let Some(path) = entry.target.as_ref().filter(|text| names_a_file(text)) else {
        return match &entry.target_by {
            None => Ok(None),
            Some(by) => Err(SpecError::Plain {
                message: format!("model `{model}` has `target_by` (`{by}`), but no table for the target"),
                hint: String::from("name the table, e.g. `--target other.csv`"),
            }),
        };
    };
    if entry.composition == Some(CompositionName::Sampled) {
        return Err(SpecError::Plain {
            message: format!("the shares of the target `{path}` are no sample with the rows"),
            hint: String::from("leave out `--composition sampled`: shares are held fixed"),
        });
    }
    let by = match &entry.target_by {
        None => Vec::new(),
        Some(text) => OneOrMany::One(text.clone())
            .names()
            .iter()
            .map(|name| expression("`--target-by`", name))
            .collect::<Result<_, _>>()?,
    };
    Ok(Some(TargetFile { path: path.trim().to_owned(), by }))
}

fn convention(entry: &ModelEntry, family: Family) -> Result<Ssc, SpecError> {
    let plain = |error: SscError| SpecError::Plain { message: error.message, hint: error.hint };
    let ssc = entry.ssc.as_deref().map_or_else(|| Ok(Ssc::default()), Ssc::parse).map_err(plain)?;
    ssc.check(family).map_err(plain)?;
    Ok(match entry.df {
        Some(DfName::Nominal) => ssc.with_df(Shared::Nominal),
        _ => ssc,
    })
}

impl Resolved {
    /// The first place that uses a column, if it is in a formula or a condition.
    pub fn place_of(&self, name: &str) -> Option<(String, String, Span)> {
        let formula = &self.request.formula;
        let mut found: Option<(String, String, Span)> = None;
        let mut look = |origin: &str, text: Option<&String>, expr: &Expr| {
            expr.visit(&mut |expr| {
                if let (None, ExprKind::Name(known), Some(text)) = (&found, &expr.kind, text)
                    && known == name
                {
                    found = Some((origin.to_owned(), text.clone(), expr.span.clone()));
                }
            });
        };
        let in_formula = Some(&self.formula_text);
        formula.outcomes.iter().for_each(|expr| look("the formula", in_formula, expr));
        formula.terms.iter().for_each(|term| term.visit(&mut |expr| look("the formula", in_formula, expr)));
        formula.effects.iter().flat_map(EffectTerm::exprs).for_each(|expr| look("the formula", in_formula, expr));
        self.request.filter.iter().for_each(|expr| look("the filter", self.filter_text.as_ref(), expr));
        self.request.target.iter().for_each(|expr| look("the target", self.target_text.as_ref(), expr));
        self.request.weights.iter().for_each(|expr| look("the weights", self.weights_text.as_ref(), expr));
        for (sample, expr) in self.samples.iter().filter_map(|(sample, expr)| Some((sample, expr.as_ref()?))) {
            let text = self.sample_texts.iter().find(|(name, _)| name == sample).map(|(_, text)| text);
            look(&format!("sample `{sample}`"), text, expr);
        }
        found
    }

    /// Names of every column the model needs, each once.
    pub fn names(&self) -> Vec<String> {
        let request = &self.request;
        let mut names = request.formula.names();
        let samples = self.samples.iter().filter_map(|(_, filter)| filter.as_ref());
        let exprs =
            request.clusters.iter().flatten().chain(&request.weights).chain(&request.filter).chain(&request.target);
        let shares = request.shares.iter().flat_map(|shares| &shares.variables);
        names.extend(exprs.chain(&self.split).chain(samples).chain(shares).flat_map(Expr::names));
        names.extend(request.rates.clone());
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}
