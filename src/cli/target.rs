//! Targets of adjusted rates that are files: shares of a population, or another table whose rows are counted.

use super::Failure;
use super::args::SourceArguments;
use crate::codebook::Settings;
use crate::expr::{Expr, ExprKind, parse};
use crate::model::{ShareCell, Shares, Workspace};
use crate::sessions::{self, Wanted};
use crate::spec::Resolved;
use crate::table::{ColumnData, MISSING, Table};
use std::collections::BTreeMap;

/// The column of a file of shares.
const SHARE: &str = "share";
/// Columns that outputs add, and that are no variables.
const IGNORED: [&str; 1] = ["data_note"];
/// How far a sum of shares may be from one.
const TOLERANCE: f64 = 1e-6;

/// The shares of a model whose target is a file; `None` for others.
///
/// # Errors
/// A file that cannot be read, lacks the variables, or holds no shares.
pub fn shares(source: &SourceArguments, model: &Resolved) -> Result<Option<Shares>, Failure> {
    let Some(file) = &model.target_file else { return Ok(None) };
    let columns = sessions::schema_of(&file.path, None)?;
    let has_shares = columns.iter().any(|name| name == SHARE);
    let variables: Vec<Expr> = match (has_shares, file.by.is_empty()) {
        (true, false) => {
            let hint =
                String::from("leave out `--target-by`: the file\u{2019}s own columns say what its shares are of");
            return Err(Failure::input(format!("`{}` has a column `{SHARE}`", file.path), Some(hint)));
        }
        (true, true) => {
            let own = columns.iter().filter(|name| *name != SHARE && !IGNORED.contains(&name.as_str()));
            own.map(|name| name_of(name)).collect()
        }
        (false, false) => file.by.clone(),
        (false, true) => effects_of(model),
    };
    if variables.is_empty() {
        let hint = match has_shares {
            true => String::from("add a column for each variable that the shares are of"),
            false => String::from("name variables, e.g. `--target-by work_mode+month`: the model has no fixed effects"),
        };
        return Err(Failure::input(format!("the target `{}` has no variables", file.path), Some(hint)));
    }
    let mut names: Vec<String> = variables.iter().flat_map(Expr::names).collect();
    names.extend(has_shares.then(|| SHARE.to_owned()));
    names.sort();
    names.dedup();
    let mut request = source.request(std::slice::from_ref(&file.path), Wanted::Names(names), Settings::default())?;
    // a file of shares is no table of sessions, and its format is its own
    (request.allow_duplicates, request.input_format) = (true, None);
    let table = sessions::load(&request)?;
    let weights = if has_shares { Some(share_column(&table, &file.path)?) } else { None };
    let cells = count(&table, &variables, weights.as_deref(), &file.path)?;
    Ok(Some(Shares { name: file.path.clone(), rows: table.n_rows(), variables, cells }))
}

fn name_of(name: &str) -> Expr {
    parse(name)
        .ok()
        .filter(|expr| matches!(expr.kind, ExprKind::Name(_)))
        .unwrap_or_else(|| Expr { kind: ExprKind::Name(name.to_owned()), span: 0..name.len() })
}

/// Variables of the fixed effects, each once, without the factor of the rates.
fn effects_of(model: &Resolved) -> Vec<Expr> {
    let rates = model.request.rates.as_deref();
    let mut found: Vec<Expr> = Vec::new();
    for part in model.request.formula.effects.iter().flat_map(|effect| &effect.parts) {
        let text = part.to_string();
        if rates != Some(text.as_str()) && !found.iter().any(|known| known.to_string() == text) {
            found.push(part.clone());
        }
    }
    found
}

/// The shares, which must be shares.
fn share_column(table: &Table, path: &str) -> Result<Vec<f64>, Failure> {
    let column = table.columns().iter().find(|column| column.name == SHARE);
    let Some(ColumnData::Number(values)) = column.map(|column| &column.data) else {
        let hint = Some(String::from("shares are numbers between 0 and 1 that sum to 1"));
        return Err(Failure::input(format!("the column `{SHARE}` of `{path}` holds no numbers"), hint));
    };
    if let Some(row) = values.iter().position(|share| !(0.0..=1.0 + TOLERANCE).contains(share)) {
        let (file, line) = table.locate(row);
        let hint = Some(String::from("shares are numbers between 0 and 1 that sum to 1"));
        return Err(Failure::input(format!("{file}, row {line}: the share is {}", values[row]), hint));
    }
    let total: f64 = values.iter().sum();
    if (total - 1.0).abs() > TOLERANCE {
        let hint = Some(String::from("divide them by their sum, or add what is missing"));
        return Err(Failure::input(format!("the shares of `{path}` sum to {total}, not to 1"), hint));
    }
    Ok(values.to_vec())
}

/// Shares of the combinations of levels: given ones, or of the rows.
fn count(table: &Table, variables: &[Expr], weights: Option<&[f64]>, path: &str) -> Result<Vec<ShareCell>, Failure> {
    let workspace = Workspace::new(table);
    let coded = variables.iter().map(|variable| workspace.coded(variable));
    let coded =
        coded.collect::<Result<Vec<_>, _>>().map_err(|error| Failure::input(format!("{path}: {error}"), None))?;
    let mut cells: BTreeMap<Vec<u32>, (f64, usize)> = BTreeMap::new();
    for row in 0..table.n_rows() {
        let key: Vec<u32> = coded.iter().map(|variable| variable.factor.codes[row]).collect();
        let cell = cells.entry(key).or_insert((0.0, row));
        if weights.is_some() && cell.0 > 0.0 {
            let (file, line) = table.locate(row);
            let (_, first) = table.locate(cell.1);
            let hint = Some(String::from("every combination of levels stands once in a file of shares"));
            return Err(Failure::input(format!("{file}, row {line}: the combination of row {first} again"), hint));
        }
        cell.0 += weights.map_or(1.0 / table.n_rows() as f64, |weights| weights[row]);
    }
    let label = |(variable, &code): (usize, &u32)| {
        (code != MISSING).then(|| coded[variable].factor.levels[code as usize].clone())
    };
    Ok(cells.into_iter().map(|(key, (share, _))| (key.iter().enumerate().map(label).collect(), share)).collect())
}
