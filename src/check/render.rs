//! The report as text.

use std::fmt;

use super::{Finding, Origin, Report, Severity, VariableReport};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, rows) in &self.files {
            writeln!(f, "{file}: {} rows", grouped(*rows))?;
        }
        writeln!(f, "\nVariables")?;
        for variable in &self.variables {
            write_variable(f, variable, self.n_rows)?;
        }
        writeln!(f, "\nDerived variables")?;
        for variable in &self.derived {
            write_derived(f, variable)?;
        }
        if !self.other_columns.is_empty() {
            writeln!(f, "\nOther columns: {}", self.other_columns.join(", "))?;
        }
        if let Some(kept) = self.kept {
            writeln!(f, "\nRows for a model of verified success by expertise")?;
            writeln!(f, "  {:>12}  in the table", grouped(self.n_rows))?;
            for (reason, rows) in &self.dropped {
                writeln!(f, "  {:>12}  {reason}", format!("-{}", grouped(*rows)))?;
            }
            writeln!(f, "  {:>12}  kept", grouped(kept))?;
        }
        writeln!(f)?;
        if self.findings.is_empty() {
            return writeln!(f, "Nothing to report");
        }
        self.findings.iter().try_for_each(|finding| write_finding(f, finding))
    }
}

fn write_variable(f: &mut fmt::Formatter<'_>, variable: &VariableReport, n_rows: usize) -> fmt::Result {
    let kind = variable.kind.map_or("", |kind| kind.name());
    write!(f, "  {:<18} {kind:<10}", variable.name)?;
    let Origin::Column(column) = &variable.origin else {
        return writeln!(f, " {}", if variable.required { "absent, required" } else { "absent" });
    };
    if *column != variable.name {
        write!(f, " from `{column}`")?;
    }
    if let Some(distinct) = variable.n_distinct {
        write!(f, " {} distinct", grouped(distinct))?;
    }
    if let Some((low, high)) = variable.range {
        write!(f, " {low} to {high}")?;
    }
    if variable.n_missing > 0 {
        let share = 100.0 * variable.n_missing as f64 / n_rows.max(1) as f64;
        write!(f, " {} missing ({share:.1}%)", grouped(variable.n_missing))?;
    }
    writeln!(f)?;
    for (level, count) in &variable.levels {
        writeln!(f, "    {:>12}  {level}", grouped(*count))?;
    }
    Ok(())
}

fn write_derived(f: &mut fmt::Formatter<'_>, variable: &VariableReport) -> fmt::Result {
    match &variable.origin {
        Origin::Column(column) => writeln!(f, "  {:<24} the file's own column `{column}`", variable.name),
        Origin::Derived(columns) => writeln!(f, "  {:<24} from {}", variable.name, columns.join(", ")),
        Origin::Absent(reason) => {
            writeln!(f, "  {:<24} not possible: {}", variable.name, reason.as_deref().unwrap_or("no column"))
        }
    }
}

fn write_finding(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    let word = match finding.severity {
        Severity::Problem => "problem",
        Severity::Note => "note",
    };
    write!(f, "{word}: {}", finding.message)?;
    if let Some((file, row)) = &finding.first {
        let column = finding.column.as_ref().map(|column| format!(", column `{column}`")).unwrap_or_default();
        let plural = if finding.rows == 1 { "" } else { "s" };
        write!(f, " ({} row{plural}, first: {file}, row {row}{column})", grouped(finding.rows))?;
    }
    writeln!(f)?;
    match &finding.hint {
        Some(hint) => writeln!(f, "  hint: {hint}"),
        None => Ok(()),
    }
}

/// `398,198`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut result = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            result.push(',');
        }
        result.push(digit);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 398_198].map(grouped), ["0", "999", "1,000", "398,198"]);
    }
}
