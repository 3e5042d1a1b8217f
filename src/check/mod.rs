//! Checks a table against the codebook and collects everything that is wrong, instead of stopping at the first.

mod render;
mod values;

use crate::codebook::{Codebook, CodebookMode, Kind, Mapping};
use crate::nearest::nearest_name;
use crate::sessions::{LoadError, LoadRequest, Wanted, columns_of, load};
use crate::table::{ColumnData, Table};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Loading or estimating will fail, or be wrong.
    Problem,
    /// Worth knowing.
    Note,
}

/// Something found in the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The column of the file it is about, if it is about one.
    pub column: Option<String>,
    /// What was found.
    pub message: String,
    /// How many rows it concerns, 0 if none in particular.
    pub rows: usize,
    /// File and data row (from 1) of the first.
    pub first: Option<(String, usize)>,
    /// The way out, if it is known.
    pub hint: Option<String>,
}

/// Where a variable comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A column of the file.
    Column(String),
    /// Computed from these columns.
    Derived(Vec<String>),
    /// Not there; the reason, if it could be derived.
    Absent(Option<String>),
}

/// What a table has of one variable of the codebook.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableReport {
    /// Its name.
    pub name: String,
    /// Its kind; `None` for derived variables.
    pub kind: Option<Kind>,
    /// Whether a table of sessions must have it.
    pub required: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// Rows without a value, abstentions not counted.
    pub n_missing: usize,
    /// Levels in order with their numbers of rows, for variables with a fixed list.
    pub levels: Vec<(String, usize)>,
    /// Number of distinct values, for ids and text.
    pub n_distinct: Option<usize>,
    /// Least and greatest value, for numbers.
    pub range: Option<(f64, f64)>,
}

/// What was found in a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Files with their number of rows.
    pub files: Vec<(String, usize)>,
    /// Number of rows.
    pub n_rows: usize,
    /// Every variable of the codebook, in its order.
    pub variables: Vec<VariableReport>,
    /// Every derived variable of the codebook, in its order.
    pub derived: Vec<VariableReport>,
    /// Columns of the file that no variable of the codebook uses.
    pub other_columns: Vec<String>,
    /// What is wrong or worth knowing, problems first.
    pub findings: Vec<Finding>,
    /// Rows that a model of verified success by expertise would drop, by reason, in the order they are dropped.
    pub dropped: Vec<(String, usize)>,
    /// Rows such a model would keep, if it can be fitted.
    pub kept: Option<usize>,
}

impl Report {
    /// Whether nothing is wrong; notes may be there.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Note)
    }

    fn problem(&mut self, column: Option<&str>, message: String, hint: Option<String>) {
        let column = column.map(str::to_owned);
        self.findings.push(Finding { severity: Severity::Problem, column, message, rows: 0, first: None, hint });
    }
}

/// Checks the sources of a request; which columns it wants does not matter.
///
/// # Errors
/// If the sources cannot be read at all. Everything about single columns and values is in the report.
pub fn check(request: &LoadRequest) -> Result<Report, LoadError> {
    let codebook = Codebook::embedded();
    let mut request = request.clone();
    request.keep_standard_input()?;
    let request = &request;
    let available = columns_of(request)?;
    let mut report = Report::default();
    let mut found: Vec<(String, String)> = Vec::new();
    for variable in codebook.variables() {
        if let Some(column) = codebook.find_column(&variable.name, &available, &request.mapping) {
            found.push((variable.name.clone(), column));
        }
    }
    unknown_mappings(&mut report, &available, &request.mapping);
    found.retain(|(_, column)| available.contains(column));
    let table = load_what_loads(request, &mut found, &mut report)?;
    report.n_rows = table.n_rows();
    report.files = files_of(&table);
    for variable in codebook.variables() {
        let column = found.iter().find(|(name, _)| *name == variable.name).map(|(_, column)| column.as_str());
        let entry = match column {
            Some(column) => values::examine(variable, column, &table, &mut report),
            None => absent(&variable.name, Some(variable.kind), variable.required),
        };
        report.variables.push(entry);
    }
    values::relations(&table, &mut report);
    derived_variables(request, &available, &mut report);
    absent_required(&mut report);
    report.other_columns =
        available.iter().filter(|column| !found.iter().any(|(_, used)| used == *column)).cloned().collect();
    what_models_drop(request, &mut report);
    report.findings.sort_by_key(|finding| finding.severity);
    Ok(report)
}

/// A request for columns as they are, under the names of their variables.
fn plain_request(request: &LoadRequest, found: &[(String, String)]) -> LoadRequest {
    let mut mapping = Mapping::default();
    found.iter().for_each(|(name, column)| mapping.insert(name, column));
    let names = found.iter().map(|(name, _)| name.clone()).collect();
    LoadRequest {
        wanted: Wanted::Names(names),
        mapping,
        codebook: CodebookMode::Off,
        allow_duplicates: true,
        ..request.clone()
    }
}

/// Loads the columns; one that cannot be loaded becomes a finding and is left out.
fn load_what_loads(
    request: &LoadRequest,
    found: &mut Vec<(String, String)>,
    report: &mut Report,
) -> Result<Table, LoadError> {
    loop {
        let error = match load(&plain_request(request, found)) {
            Ok(table) => return Ok(table),
            Err(error) => error,
        };
        let column = match &error {
            LoadError::BadValue(value) => value.column.clone(),
            LoadError::UnsupportedType { column, .. }
            | LoadError::TypesDiffer { column, .. }
            | LoadError::MissingInFile { column, .. } => column.clone(),
            _ => return Err(error),
        };
        let before = found.len();
        found.retain(|(_, used)| *used != column);
        if found.len() == before {
            return Err(error);
        }
        report.problem(Some(&column), error.to_string(), error.hint());
    }
}

fn files_of(table: &Table) -> Vec<(String, usize)> {
    let ends = table.sources.iter().skip(1).map(|(_, first)| *first).chain([table.n_rows()]);
    table.sources.iter().zip(ends).map(|((file, first), end)| (file.clone(), end - first)).collect()
}

fn unknown_mappings(report: &mut Report, available: &[String], mapping: &Mapping) {
    for (name, column) in mapping.iter().filter(|(_, column)| !available.iter().any(|known| known == column)) {
        let nearest = nearest_name(column, available.iter().map(String::as_str));
        let hint = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
        report.problem(Some(column), format!("the mapping `{name}={column}` names no column of the file"), hint);
    }
}

fn absent(name: &str, kind: Option<Kind>, required: bool) -> VariableReport {
    VariableReport {
        name: name.to_owned(),
        kind,
        required,
        origin: Origin::Absent(None),
        n_missing: 0,
        levels: Vec::new(),
        n_distinct: None,
        range: None,
    }
}

fn derived_variables(request: &LoadRequest, available: &[String], report: &mut Report) {
    let codebook = Codebook::embedded();
    for derived in codebook.derived() {
        let mut entry = absent(&derived.name, None, false);
        let names = [derived.name.clone()];
        let plan = codebook.plan(&names, available, &request.mapping, &request.settings, CodebookMode::Auto);
        entry.origin = match plan {
            Ok(plan) if plan.derived.is_empty() => Origin::Column(plan.columns[0].source.clone()),
            Ok(plan) => Origin::Derived(plan.columns.into_iter().map(|column| column.source).collect()),
            Err(error) => Origin::Absent(Some(error.to_string())),
        };
        report.derived.push(entry);
    }
}

fn absent_required(report: &mut Report) {
    let derived: Vec<&str> = report
        .derived
        .iter()
        .filter(|entry| !matches!(entry.origin, Origin::Absent(_)))
        .map(|entry| entry.name.as_str())
        .collect();
    let lacking: Vec<String> = report
        .variables
        .iter()
        .filter(|v| v.required && matches!(v.origin, Origin::Absent(_)) && !derived.contains(&v.name.as_str()))
        .map(|variable| variable.name.clone())
        .collect();
    for name in lacking {
        let hint = format!("name its column with `--map {name}=COLUMN`");
        report.problem(None, format!("there is no column for `{name}`, which models of sessions need"), Some(hint));
    }
}

/// Rows a model of verified success by expertise drops, each row under its first reason.
fn what_models_drop(request: &LoadRequest, report: &mut Report) {
    const NAMES: [&str; 3] = ["user_id", "verified_success", "expertise"];
    let model = LoadRequest { allow_duplicates: true, ..request.clone().with_names(NAMES) };
    let Ok(table) = load(&model) else { return };
    let columns: Vec<_> = NAMES.iter().filter_map(|name| table.get(name)).collect();
    let mut kept = 0;
    for row in 0..table.n_rows() {
        let Some(column) = columns.iter().find(|column| column.is_missing(row)) else {
            kept += 1;
            continue;
        };
        let reason = column.missing_reason(row);
        match report.dropped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => report.dropped.push((reason, 1)),
        }
    }
    report.dropped.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    report.kept = Some(kept);
}

/// Number of missing values.
fn n_missing(data: &ColumnData) -> usize {
    match data {
        ColumnData::Number(values) => values.iter().filter(|value| value.is_nan()).count(),
        ColumnData::Factor(factor) => factor.codes.iter().filter(|code| **code == crate::table::MISSING).count(),
    }
}
