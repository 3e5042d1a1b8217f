//! Names of formulas to columns of the file and derived variables in order.

use super::levels::plain;
use super::{Codebook, CodebookError, CodebookMode, Derived, Kind, Mapping, Settings};
use crate::expr::{Expr, ExprKind, Function, parse};
use crate::nearest::nearest_names;

/// A column of the file that must be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedColumn {
    /// Its name in the table.
    pub name: String,
    /// Its name in the file.
    pub source: String,
    /// Whether the codebook variable of its name applies.
    pub in_codebook: bool,
    /// Whether only the month of it is needed.
    pub month_only: bool,
}

/// A derived variable that must be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedDerived {
    /// Its name.
    pub name: String,
    /// How it is computed, settings filled in.
    pub expression: Expr,
    /// Where it is missing.
    pub missing_when: Option<Expr>,
    /// Why it is missing there.
    pub reason: Option<String>,
    /// Whether the cut points are quantiles of the data.
    pub quantiles: bool,
}

/// What must be read and computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadPlan {
    /// The names asked for, each once.
    pub wanted: Vec<String>,
    /// Columns to read.
    pub columns: Vec<PlannedColumn>,
    /// Derived variables in an order in which each finds its inputs.
    pub derived: Vec<PlannedDerived>,
    /// The column of session ids, if the file has one.
    pub session_id: Option<String>,
}

impl Codebook {
    /// Plans the reading of `names` from a file with the columns `available`.
    ///
    /// A name is looked up among the mapping, the file's own columns, the other names of codebook columns, and last
    /// the derived variables: a file that already has `verified_success` uses its own.
    ///
    /// # Errors
    /// If a name, or a column a derived variable needs, is found nowhere.
    pub fn plan(
        &self,
        names: &[String],
        available: &[String],
        mapping: &Mapping,
        settings: &Settings,
        mode: CodebookMode,
    ) -> Result<LoadPlan, CodebookError> {
        for (name, column) in mapping.iter() {
            if !available.iter().any(|known| known == column) {
                return Err(CodebookError::UnknownMapped {
                    name: name.to_owned(),
                    column: column.to_owned(),
                    nearest: owned(nearest_names(column, available.iter().map(String::as_str), 3)),
                });
            }
        }
        let mut planner =
            Planner { codebook: self, available, mapping, settings, mode, plan: LoadPlan::default(), open: Vec::new() };
        for name in names {
            planner.require(name, None)?;
            if !planner.plan.wanted.contains(name) {
                planner.plan.wanted.push(name.clone());
            }
        }
        let session_id = planner.find_column("session_id").map(|(source, _)| source);
        let mut plan = planner.plan;
        plan.session_id = session_id.filter(|_| mode == CodebookMode::Auto);
        self.mark_months(&mut plan);
        Ok(plan)
    }

    /// The column of the file for a codebook variable: mapped, of the same name, or of another known name.
    pub fn find_column(&self, variable: &str, available: &[String], mapping: &Mapping) -> Option<String> {
        if let Some(column) = mapping.get(variable) {
            return Some(column.to_owned());
        }
        if available.iter().any(|column| column == variable) {
            return Some(variable.to_owned());
        }
        let known = self.variable(variable)?;
        let spellings = std::iter::once(&known.name).chain(&known.columns).map(|name| plain(name));
        let found = spellings.into_iter().find_map(|name| available.iter().find(|column| plain(column) == name));
        found.cloned()
    }

    /// The expression and the condition of a derived variable, settings filled in.
    pub(super) fn expressions_of(
        &self,
        derived: &Derived,
        settings: &Settings,
    ) -> Result<(Expr, Option<Expr>), CodebookError> {
        let read = |text: &String| {
            let mut expr = parse(text).map_err(|source| CodebookError::Expression {
                name: derived.name.clone(),
                expression: text.clone(),
                source: Box::new(source),
            })?;
            settings.substitute(&mut expr);
            Ok(expr)
        };
        let missing_when = derived.missing_when.as_ref().map(read).transpose()?;
        Ok((read(&derived.expression)?, missing_when))
    }

    /// Timestamps that only ever stand inside `month(...)` are read as months: seven levels instead of one per row.
    fn mark_months(&self, plan: &mut LoadPlan) {
        for column in &mut plan.columns {
            let is_time = self.variable(&column.name).is_some_and(|variable| variable.kind == Kind::Timestamp);
            if !is_time || plan.wanted.contains(&column.name) {
                continue;
            }
            let expressions = plan.derived.iter().flat_map(|d| std::iter::once(&d.expression).chain(&d.missing_when));
            column.month_only = expressions.into_iter().all(|expr| uses_outside_month(expr, &column.name) == 0);
        }
    }
}

/// How often a name stands anywhere but as the argument of `month`.
fn uses_outside_month(expr: &Expr, name: &str) -> usize {
    match &expr.kind {
        ExprKind::Name(found) => usize::from(found == name),
        ExprKind::Call(Function::Month, arguments) if matches!(arguments[0].kind, ExprKind::Name(_)) => 0,
        _ => expr.children().into_iter().map(|child| uses_outside_month(child, name)).sum(),
    }
}

struct Planner<'a> {
    codebook: &'a Codebook,
    available: &'a [String],
    mapping: &'a Mapping,
    settings: &'a Settings,
    mode: CodebookMode,
    plan: LoadPlan,
    /// Derived variables whose inputs are being looked up.
    open: Vec<String>,
}

impl Planner<'_> {
    /// Plans one name and everything it needs.
    fn require(&mut self, name: &str, needed_by: Option<&str>) -> Result<(), CodebookError> {
        let known = self.plan.columns.iter().any(|column| column.name == name)
            || self.plan.derived.iter().any(|derived| derived.name == name);
        if known {
            return Ok(());
        }
        if let Some((source, in_codebook)) = self.find_column(name) {
            self.plan.columns.push(PlannedColumn { name: name.to_owned(), source, in_codebook, month_only: false });
            return Ok(());
        }
        let codebook = self.codebook;
        match codebook.derived_variable(name).filter(|_| self.mode == CodebookMode::Auto) {
            Some(derived) => self.require_derived(derived),
            None => Err(self.unknown(name, needed_by)),
        }
    }

    fn require_derived(&mut self, derived: &Derived) -> Result<(), CodebookError> {
        if self.open.contains(&derived.name) {
            return Err(CodebookError::Cycle { name: derived.name.clone() });
        }
        let (expression, missing_when) = self.codebook.expressions_of(derived, self.settings)?;
        self.open.push(derived.name.clone());
        let mut needed = expression.names();
        needed.extend(missing_when.iter().flat_map(Expr::names));
        for name in needed {
            self.require(&name, Some(&derived.name))?;
        }
        self.open.pop();
        let method = derived.method.as_ref().and_then(|setting| self.settings.get(setting));
        let quantiles = method.is_some_and(|method| method.to_string() == "quantiles");
        self.plan.derived.push(PlannedDerived {
            name: derived.name.clone(),
            expression,
            missing_when,
            reason: derived.reason.clone(),
            quantiles,
        });
        Ok(())
    }

    /// The column of the file for a name and whether the codebook applies to it.
    fn find_column(&self, name: &str) -> Option<(String, bool)> {
        let in_codebook = self.mode == CodebookMode::Auto && self.codebook.variable(name).is_some();
        if in_codebook {
            return self.codebook.find_column(name, self.available, self.mapping).map(|source| (source, true));
        }
        if let Some(column) = self.mapping.get(name) {
            return Some((column.to_owned(), false));
        }
        self.available.iter().any(|column| column == name).then(|| (name.to_owned(), false))
    }

    fn unknown(&self, name: &str, needed_by: Option<&str>) -> CodebookError {
        let columns = self.available.iter().map(String::as_str);
        let derived = self.codebook.derived.iter().map(|derived| derived.name.as_str());
        let derived = if self.mode == CodebookMode::Auto { nearest_names(name, derived, 2) } else { Vec::new() };
        CodebookError::UnknownName {
            name: name.to_owned(),
            needed_by: needed_by.map(str::to_owned),
            columns: owned(nearest_names(name, columns, 3)),
            derived: owned(derived),
            available: self.available.to_vec(),
        }
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(names: &[&str], available: &[&str], mapping: &Mapping) -> Result<LoadPlan, CodebookError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let available: Vec<String> = available.iter().map(|name| (*name).to_owned()).collect();
        let codebook = Codebook::embedded();
        codebook.plan(&names, &available, mapping, codebook.settings(), CodebookMode::Auto)
    }

    #[test]
    fn derived_variables_bring_their_inputs_and_only_these() {
        let available = ["session_id", "outcome", "success_signal", "user", "extra"];
        let plan = plan(&["verified_success", "user_id"], &available, &Mapping::default()).unwrap();
        let read: Vec<&str> = plan.columns.iter().map(|column| column.source.as_str()).collect();
        assert_eq!(read, ["outcome", "success_signal", "user"]);
        assert_eq!(plan.derived[0].reason.as_deref(), Some("no clear goal"));
        assert_eq!(plan.session_id.as_deref(), Some("session_id"));
    }

    #[test]
    fn the_file_wins_over_derived_variables_and_the_mapping_over_the_file() {
        let mut mapping = Mapping::default();
        mapping.insert("expertise", "rating");
        let plan =
            plan(&["verified_success", "expertise"], &["verified_success", "expertise", "rating"], &mapping).unwrap();
        assert!(plan.derived.is_empty());
        assert_eq!(plan.columns[1].source, "rating");
        assert!(plan.columns[1].in_codebook && !plan.columns[0].in_codebook);
    }

    #[test]
    fn months_are_read_as_months_unless_the_time_itself_is_wanted() {
        assert!(plan(&["month"], &["timestamp"], &Mapping::default()).unwrap().columns[0].month_only);
        assert!(!plan(&["month", "timestamp"], &["timestamp"], &Mapping::default()).unwrap().columns[0].month_only);
    }

    #[test]
    fn unknown_names_have_neighbours() {
        let error = plan(&["verified_sucess"], &["outcome", "verified"], &Mapping::default()).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `verified` or `verified_success`?");
        let error = plan(&["verified_success"], &["outcome"], &Mapping::default()).unwrap_err();
        assert_eq!(error.to_string(), "there is no column `success_signal`, which `verified_success` is derived from");
        assert!(error.hint().unwrap().contains("--map success_signal=COLUMN"));
        let mut mapping = Mapping::default();
        mapping.insert("expertise", "ratng");
        let error = plan(&["expertise"], &["rating"], &mapping).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `rating`?");
    }

    #[test]
    fn derived_from_itself_is_an_error() {
        let text = "[settings]\n[[derived]]\nname='a'\nexpression='b+1'\nmeaning=''\n[[derived]]\nname='b'\nexpression='a+1'\nmeaning=''";
        let codebook = Codebook::from_toml(text).unwrap();
        let names = [String::from("a")];
        let error = codebook.plan(&names, &[], &Mapping::default(), codebook.settings(), CodebookMode::Auto);
        assert!(matches!(error, Err(CodebookError::Cycle { .. })));
    }
}
