//! Formula terms to design columns, on the rows of one sample.

use super::rows::{gather_numbers, plain_name};
use super::{ModelError, Rows, Workspace};
use crate::design::{NO_COLUMN, Term, TermLevels};
use crate::expr::{Expr, ExprKind};
use crate::formula::{FormulaTerm, LevelsTerm, With};
use crate::result::DroppedTerm;
use crate::table::Factor;
use std::sync::Arc;

/// Design columns and the levels that have no rows.
#[derive(Debug, Default)]
pub struct BuiltTerms {
    /// Terms in formula order.
    pub terms: Vec<Term>,
    /// Columns that would exist if their level had rows.
    pub absent: Vec<DroppedTerm>,
}

/// A term's variables, each with the numbers or codes it needs, before rows are chosen.
pub fn variables(term: &FormulaTerm) -> Vec<&Expr> {
    match term {
        FormulaTerm::Plain(expr) => vec![expr],
        FormulaTerm::Levels(levels) => {
            let with = levels.with.as_ref().map(|with| match with {
                With::Number(expr) | With::Factor(expr, _) => expr,
            });
            std::iter::once(&levels.factor).chain(with).collect()
        }
        FormulaTerm::Product(parts) => parts.iter().flat_map(variables).collect(),
    }
}

/// Builds the columns of all terms on `rows`.
///
/// # Errors
/// Unknown reference levels, text where numbers are needed.
pub fn build(
    workspace: &Workspace,
    terms: &[FormulaTerm],
    rows: &Rows,
    sample: &str,
    intercept: bool,
) -> Result<BuiltTerms, ModelError> {
    let mut out = BuiltTerms::default();
    for term in terms {
        one(workspace, term, rows, sample, intercept, &mut out)?;
    }
    Ok(out)
}

fn one(
    workspace: &Workspace,
    term: &FormulaTerm,
    rows: &Rows,
    sample: &str,
    intercept: bool,
    out: &mut BuiltTerms,
) -> Result<(), ModelError> {
    match term {
        FormulaTerm::Plain(expr) => match gather_numbers(workspace, expr, rows)? {
            Some(values) => {
                let variable = if let ExprKind::Name(name) = &expr.kind { Some(name.clone()) } else { None };
                out.terms.push(Term { names: vec![plain_name(expr)], levels: None, values: Some(values), variable });
            }
            None => {
                let levels = LevelsTerm {
                    factor: expr.clone(),
                    with: None,
                    reference: vec![],
                    keep: vec![],
                    drop: vec![],
                    span: expr.span.clone(),
                };
                // without a constant in the model the first level has its own column
                levels_term(workspace, &levels, rows, sample, intercept, out)?;
            }
        },
        FormulaTerm::Levels(levels) => levels_term(workspace, levels, rows, sample, intercept, out)?,
        FormulaTerm::Product(parts) => product_term(workspace, parts, rows, out)?,
    }
    Ok(())
}

/// `i(f)`, `i(f, x)`, `i(f, i.g)`.
fn levels_term(
    workspace: &Workspace,
    term: &LevelsTerm,
    rows: &Rows,
    sample: &str,
    intercept: bool,
    out: &mut BuiltTerms,
) -> Result<(), ModelError> {
    let factor = workspace.coded(&term.factor)?;
    let factor = &factor.factor;
    let name = plain_name(&term.factor);
    let code_of = |level: &str| {
        find_level(factor, level).ok_or_else(|| ModelError::UnknownLevel {
            factor: name.clone(),
            level: level.to_owned(),
            span: term.span.clone(),
            accepted: factor.levels.clone(),
        })
    };
    let codes = Arc::unwrap_or_clone(rows.gather(&factor.codes));
    let mut present = vec![false; factor.n_levels()];
    codes.iter().for_each(|&code| present[code as usize] = true);

    let mut wanted = vec![true; factor.n_levels()];
    if !term.keep.is_empty() {
        wanted.fill(false);
        for level in &term.keep {
            wanted[code_of(level)?] = true;
        }
    }
    for level in term.drop.iter().chain(&term.reference) {
        wanted[code_of(level)?] = false;
    }
    for level in &term.reference {
        if !present[code_of(level)?] && term.keep.is_empty() {
            return Err(ModelError::EmptyReference { factor: name, level: level.clone(), sample: sample.to_owned() });
        }
    }
    let default_reference = term.with.is_none() && term.reference.is_empty() && term.keep.is_empty() && intercept;
    if default_reference && let Some(first) = present.iter().position(|&p| p) {
        wanted[first] = false;
    }
    let label = |code: usize| format!("{name}::{}", factor.levels[code]);
    match &term.with {
        None => {
            for code in (0..factor.n_levels()).filter(|&code| wanted[code] && !present[code]) {
                out.absent.push(DroppedTerm { term: label(code), reason: String::from("no rows at this level") });
            }
            let (column_of_level, names) = number_columns(factor.n_levels(), |c| wanted[c] && present[c], label);
            let levels = TermLevels { factor: name, codes, column_of_level };
            out.terms.push(Term { names, levels: Some(levels), values: None, variable: None });
        }
        Some(With::Number(expr)) => {
            let Some(values) = gather_numbers(workspace, expr, rows)? else {
                // a text variable as second argument can only be a factor
                let with = With::Factor(expr.clone(), Vec::new());
                let term = LevelsTerm { with: Some(with), ..term.clone() };
                return levels_term(workspace, &term, rows, sample, intercept, out);
            };
            let number_name = plain_name(expr);
            let (column_of_level, names) = number_columns(
                factor.n_levels(),
                |c| wanted[c] && present[c],
                |c| format!("{}:{number_name}", label(c)),
            );
            let levels = TermLevels { factor: name, codes, column_of_level };
            out.terms.push(Term { names, levels: Some(levels), values: Some(values), variable: None });
        }
        Some(With::Factor(expr, reference)) => {
            let second = workspace.coded(expr)?;
            let second = &second.factor;
            let second_name = plain_name(expr);
            let mut wanted2 = vec![true; second.n_levels()];
            for level in reference {
                let code = find_level(second, level).ok_or_else(|| ModelError::UnknownLevel {
                    factor: second_name.clone(),
                    level: level.clone(),
                    span: term.span.clone(),
                    accepted: second.levels.clone(),
                })?;
                wanted2[code] = false;
            }
            let second_codes = rows.gather(&second.codes);
            let crossed = Crossed { first: &codes, second: &second_codes, n_second: second.n_levels() };
            let keep = |c: usize| wanted[c / second.n_levels()] && wanted2[c % second.n_levels()];
            let name_of = |c: usize| {
                format!("{}:{second_name}::{}", label(c / second.n_levels()), second.levels[c % second.n_levels()])
            };
            out.terms.push(crossed.term(format!("{name}:{second_name}"), factor.n_levels(), keep, name_of));
        }
    }
    Ok(())
}

/// Two factors interacted.
struct Crossed<'a> {
    first: &'a [u32],
    second: &'a [u32],
    n_second: usize,
}

impl Crossed<'_> {
    fn term(
        &self,
        factor: String,
        n_first: usize,
        keep: impl Fn(usize) -> bool,
        name: impl Fn(usize) -> String,
    ) -> Term {
        let codes: Vec<u32> = self.first.iter().zip(self.second).map(|(&a, &b)| a * self.n_second as u32 + b).collect();
        let n_levels = n_first * self.n_second;
        let mut present = vec![false; n_levels];
        codes.iter().for_each(|&code| present[code as usize] = true);
        let (column_of_level, names) = number_columns(n_levels, |c| keep(c) && present[c], name);
        Term { names, levels: Some(TermLevels { factor, codes, column_of_level }), values: None, variable: None }
    }
}

/// `a:b:...`: numbers multiply, factors get a column per level (or combination); collinear ones are dropped later.
fn product_term(
    workspace: &Workspace,
    parts: &[FormulaTerm],
    rows: &Rows,
    out: &mut BuiltTerms,
) -> Result<(), ModelError> {
    let mut values: Option<Arc<Vec<f64>>> = None;
    let mut number_names: Vec<String> = Vec::new();
    let mut factor: Option<(String, Vec<u32>, Vec<String>)> = None;
    for part in parts {
        let expr = match part {
            FormulaTerm::Plain(expr) => expr,
            FormulaTerm::Levels(levels) => &levels.factor,
            FormulaTerm::Product(_) => continue, // the parser flattens products
        };
        let plain = matches!(part, FormulaTerm::Plain(_));
        if let Some(gathered) = if plain { gather_numbers(workspace, expr, rows)? } else { None } {
            number_names.push(plain_name(expr));
            values = Some(match values {
                None => gathered,
                Some(values) => Arc::new(values.iter().zip(gathered.iter()).map(|(a, b)| a * b).collect()),
            });
            continue;
        }
        let variable = workspace.coded(expr)?;
        let name = plain_name(expr);
        let codes = Arc::unwrap_or_clone(rows.gather(&variable.factor.codes));
        let labels: Vec<String> = variable.factor.levels.iter().map(|level| format!("{name}::{level}")).collect();
        factor = Some(match factor {
            None => (name, codes, labels),
            Some((first, first_codes, first_labels)) => {
                let n = labels.len() as u32;
                let codes = first_codes.iter().zip(&codes).map(|(&a, &b)| a * n + b).collect();
                let both = first_labels.iter().flat_map(|a| labels.iter().map(move |b| format!("{a}:{b}"))).collect();
                (format!("{first}:{name}"), codes, both)
            }
        });
    }
    let suffix = number_names.join(":");
    match factor {
        None => out.terms.push(Term { names: vec![suffix], levels: None, values, variable: None }),
        Some((name, codes, labels)) => {
            let mut present = vec![false; labels.len()];
            codes.iter().for_each(|&code| present[code as usize] = true);
            let named =
                |c: usize| if suffix.is_empty() { labels[c].clone() } else { format!("{}:{suffix}", labels[c]) };
            let (column_of_level, names) = number_columns(labels.len(), |c| present[c], named);
            let levels = TermLevels { factor: name, codes, column_of_level };
            out.terms.push(Term { names, levels: Some(levels), values, variable: None });
        }
    }
    Ok(())
}

/// Numbers the wanted levels and names their columns.
fn number_columns(
    n_levels: usize,
    wanted: impl Fn(usize) -> bool,
    name: impl Fn(usize) -> String,
) -> (Vec<u32>, Vec<String>) {
    let mut names = Vec::new();
    let columns = (0..n_levels)
        .map(|level| {
            if !wanted(level) {
                return NO_COLUMN;
            }
            names.push(name(level));
            (names.len() - 1) as u32
        })
        .collect();
    (columns, names)
}

/// A level by its label; numbers match by value, so that `ref = 1` finds `1.0`.
pub fn find_level(factor: &Factor, label: &str) -> Option<usize> {
    factor.code_of(label).map(|code| code as usize).or_else(|| {
        let value: f64 = label.parse().ok()?;
        factor.levels.iter().position(|level| level.parse::<f64>().is_ok_and(|v| v == value))
    })
}
