//! Tested hypotheses as tables for readers, and as records for scripts (`docs/hypotheses.md` lists their columns).

use super::data_table::{DataTable, Value};
use super::document::{Block, Cell, Document, Grid, Row};
use super::long::SCHEMA_VERSION;
use super::names;
use super::notes::percent_level;
use super::number::{count, counted, p_value, rounded};
use super::options::RenderOptions;
use crate::hypothesis::{Adjustment, Family, Parameters, Restriction, TestRun, Tested};
use crate::result::{ModelFit, Reference};
use serde_json::{Value as Json, json};

/// Hypotheses with what they are about.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The tests.
    pub run: &'a TestRun,
    /// The parameters they are about.
    pub parameters: &'a Parameters,
    /// The fits, in the order of the parameters' blocks.
    pub fits: &'a [ModelFit],
    /// How p-values were adjusted.
    pub adjustment: Adjustment,
    /// What must be said of the data.
    pub data_note: Option<&'a str>,
    /// Names of the files read.
    pub sources: &'a [String],
}

impl Report<'_> {
    /// The fits of a test as texts name them.
    fn fits_of(&self, tested: &Tested) -> String {
        let labels = tested.fits.iter().map(|&fit| self.parameters.fit_label(fit));
        labels.collect::<Vec<_>>().join(" and ")
    }

    fn adjustment_name(&self) -> Option<&'static str> {
        match self.adjustment {
            Adjustment::None => None,
            Adjustment::Holm => Some("holm"),
            Adjustment::RomanoWolf => Some("romano-wolf"),
            Adjustment::Bonferroni => Some("bonferroni"),
        }
    }

    fn family(&self) -> Option<&Family> {
        self.run.family.as_ref()
    }

    fn has_bands(&self) -> bool {
        self.family().is_some_and(|family| family.critical.is_finite())
    }
}

/// The tables of a run in reading order.
pub fn document(report: &Report, options: &RenderOptions) -> Document {
    let mut blocks = vec![Block::Grid(restrictions(report, options))];
    let joint = joint_tests(report, options);
    if !joint.sections.is_empty() {
        blocks.push(Block::Grid(joint));
    }
    let monotone = monotone_tests(report);
    if !monotone.sections.is_empty() {
        blocks.push(Block::Grid(monotone));
    }
    if !report.run.notes.is_empty() {
        blocks.push(Block::Lines { heading: String::from("Notes"), lines: report.run.notes.clone() });
    }
    let sources: Vec<String> = report.sources.iter().map(|source| format!("`{source}`")).collect();
    blocks.push(Block::Paragraph(format!("Read from {}", sources.join(", "))));
    let notices = report.data_note.iter().map(|note| format!("Data: {note}")).collect();
    Document { title: String::new(), notices, blocks }
}

/// Every restriction alone.
fn restrictions(report: &Report, options: &RenderOptions) -> Grid {
    let level = percent_level(report.parameters.conf_level());
    let bands = report.has_bands();
    let adjusted = report.adjustment_name().is_some();
    let mut header: Vec<String> = ["Estimate", "Std. error", "Statistic", "p value"].map(str::to_owned).to_vec();
    header.extend(adjusted.then(|| String::from("p adjusted")));
    header.extend(bands.then(|| String::from("p in band")));
    let kind = if bands { " band" } else { "" };
    header.extend([format!("{level}{kind} low"), format!("{level}{kind} high")]);
    let number = |value: f64| Cell::number(rounded(value, options.digits));
    let row = |row: &Restriction| {
        let stub = if row.value.is_nan() || row.value == 0.0 {
            row.text.clone()
        } else {
            format!("{} = {}", row.text, row.value)
        };
        let mut cells = vec![number(row.estimate), number(row.std_error)];
        cells.extend([Cell::number(rounded(row.statistic, 2)), Cell::number(p_value(row.p_value))]);
        cells.extend(adjusted.then(|| Cell::number(p_value(row.p_adjusted))));
        cells.extend(bands.then(|| Cell::number(p_value(row.p_simultaneous))));
        let ends = if bands { [row.band_low, row.band_high] } else { [row.conf_low, row.conf_high] };
        cells.extend(ends.map(number));
        Row::new(stub, cells)
    };
    let several = report.run.tests.iter().any(|tested| tested.fits != report.run.tests[0].fits);
    let sections = report.run.tests.iter().map(|tested| {
        let mut rows: Vec<Row> = tested.restrictions.iter().map(row).collect();
        if several && tested.fits.len() == 1 {
            rows.iter_mut().for_each(|row| row.stub = format!("{}: {}", report.fits_of(tested), row.stub));
        }
        rows
    });
    Grid {
        caption: match report.fits {
            [fit] => format!("Restrictions, `{}`", fit.formula),
            _ => String::from("Restrictions"),
        },
        corner: String::from("Combination"),
        header: vec![header],
        sections: sections.filter(|rows| !rows.is_empty()).collect(),
        notes: restriction_notes(report),
    }
}

fn restriction_notes(report: &Report) -> Vec<String> {
    let mut notes = vec![format!(
        "each row: estimate of the combination, and the test that it is {}; {}",
        if report.run.tests.iter().flat_map(|t| &t.restrictions).any(|row| row.value != 0.0 && !row.value.is_nan()) {
            "zero, or the value given"
        } else {
            "zero"
        },
        references(report)
    )];
    if let Some(family) = report.family() {
        let restrictions = counted(family.size, "distinct restriction", "distinct restrictions");
        match report.adjustment {
            Adjustment::None => {}
            Adjustment::Holm => notes.push(format!("p adjusted: Holm, {restrictions}")),
            Adjustment::Bonferroni => notes.push(format!("p adjusted: Bonferroni, {restrictions}")),
            Adjustment::RomanoWolf => {
                notes.push(format!("p adjusted: Romano-Wolf step-down, {restrictions}, {}", drawn(family)))
            }
        }
        if family.critical.is_finite() {
            notes.push(format!(
                "sup-t band over {restrictions}: critical value {:.4} (Monte Carlo error {:.4}) instead of {:.4}, {}",
                family.critical,
                family.critical_error,
                family.pointwise,
                drawn(family)
            ));
        }
    }
    let scales = report.run.tests.iter().flat_map(|tested| &tested.restrictions).map(|row| row.scale);
    if let Some(scale) = scales.into_iter().find(|scale| *scale != "identity") {
        notes.push(format!("intervals of the rates themselves on the {scale} scale"));
    }
    for tested in &report.run.tests {
        notes.extend(tested.notes.iter().map(|note| format!("`{}`: {note}", tested.hypothesis)));
    }
    notes
}

fn drawn(family: &Family) -> String {
    match (family.draws, family.reference) {
        (0, _) => String::from("exact for one restriction"),
        (draws, Reference::Normal) => format!("{} joint normal draws, seed {}", count(draws), family.seed),
        (draws, Reference::StudentT(df)) => {
            format!("{} joint t({}) draws, seed {}", count(draws), degrees(df), family.seed)
        }
    }
}

fn degrees(df: f64) -> String {
    if df.fract() == 0.0 { count(df as usize) } else { format!("{df:.1}") }
}

fn references(report: &Report) -> String {
    let mut names: Vec<String> = Vec::new();
    for tested in &report.run.tests {
        let name = match tested.reference {
            Reference::Normal => String::from("standard normal"),
            Reference::StudentT(df) => format!("t({})", degrees(df)),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let clusters: Option<String> = report.fits.first().and_then(names::cluster);
    let clusters = clusters.map_or(String::new(), |name| format!(", clusters by `{name}`"));
    format!("{}{clusters}", names.join(", "))
}

/// The joint test of every hypothesis with several restrictions.
fn joint_tests(report: &Report, options: &RenderOptions) -> Grid {
    let adjusted = matches!(report.adjustment, Adjustment::Holm | Adjustment::Bonferroni);
    let mut header: Vec<String> = ["Statistic", "Distribution", "p value"].map(str::to_owned).to_vec();
    header.extend(adjusted.then(|| String::from("p adjusted")));
    let several = report.fits.len() > 1;
    let mut rows = Vec::new();
    for tested in &report.run.tests {
        let Some(joint) = tested.joint.as_ref().filter(|_| tested.restrictions.len() > 1) else { continue };
        let distribution = match joint.df_denominator {
            Some(df) => format!("F({}, {})", joint.df, degrees(df)),
            None => format!("chi2({})", joint.df),
        };
        let statistic = Cell::number(rounded(joint.statistic, options.digits.min(2)));
        let mut cells = vec![statistic, Cell::Text(distribution), Cell::number(p_value(joint.p_value))];
        cells.extend(adjusted.then(|| Cell::number(p_value(joint.p_adjusted))));
        let fits = if several { format!("{}: ", report.fits_of(tested)) } else { String::new() };
        rows.push(Row::new(format!("{fits}{}", tested.hypothesis), cells));
    }
    Grid {
        caption: String::from("Joint tests"),
        corner: String::from("Hypothesis"),
        header: vec![header],
        sections: if rows.is_empty() { Vec::new() } else { vec![rows] },
        notes: vec![String::from("Wald tests that all restrictions of a hypothesis hold")],
    }
}

/// Both questions about the steps.
fn monotone_tests(report: &Report) -> Grid {
    let mut rows = Vec::new();
    let several = report.fits.len() > 1;
    let mut error = 0.0f64;
    for tested in &report.run.tests {
        let Some(found) = &tested.monotone else { continue };
        let fits = if several { format!("{}: ", report.fits_of(tested)) } else { String::new() };
        let step = tested.restrictions.get(found.smallest).map_or_else(String::new, |row| row.text.clone());
        let mut row = |null: &str, p: f64| {
            let cells =
                vec![Cell::Text(step.clone()), Cell::number(rounded(found.statistic, 2)), Cell::number(p_value(p))];
            rows.push(Row::new(format!("{fits}{null}"), cells));
        };
        let falling = tested.hypothesis.contains("decreasing");
        row(if falling { "some step does not fall" } else { "some step does not rise" }, found.p_rises_everywhere);
        row(if falling { "no step rises" } else { "no step falls" }, found.p_falls_somewhere);
        error = error.max(found.p_error);
    }
    Grid {
        caption: String::from("Monotony"),
        corner: String::from("Null hypothesis"),
        header: vec![["Smallest step", "Statistic", "p value"].map(str::to_owned).to_vec()],
        sections: if rows.is_empty() { Vec::new() } else { vec![rows] },
        notes: vec![
            String::from(
                "a small p-value of the first line: every step has the sign; largest one-sided p-value (Berger 1982)",
            ),
            format!(
                "a small p-value of the second: some step has the other sign; smallest t under equal rates (Monte Carlo error {error:.4})"
            ),
        ],
    }
}

/// One row per restriction, joint test and test of monotony.
pub fn data_table(report: &Report) -> DataTable {
    let mut table = DataTable::new(&COLUMNS);
    for (position, tested) in report.run.tests.iter().enumerate() {
        let names: Vec<String> = tested
            .fits
            .iter()
            .map(|&fit| {
                let name = &report.parameters.fits[fit].name;
                format!("{}/{}/{}", name.model, name.outcome, name.sample)
            })
            .collect();
        let df = names::degrees_of_freedom(tested.reference);
        let distribution = if df.is_some() { "t" } else { "normal" };
        let head = |kind: &str| -> Vec<Value> {
            vec![
                SCHEMA_VERSION.into(),
                (position + 1).into(),
                tested.hypothesis.as_str().into(),
                names.join(" and ").into(),
                kind.into(),
            ]
        };
        let level = report.parameters.conf_level();
        let adjustment = report.adjustment_name();
        for row in &tested.restrictions {
            let mut values = head("restriction");
            values.push(row.text.as_str().into());
            values.extend([row.value, row.estimate, row.std_error, row.statistic].map(Value::from));
            values.extend([distribution.into(), 1_usize.into(), df.into(), row.p_value.into(), row.p_adjusted.into()]);
            values.push(adjustment.into());
            values.extend(
                [row.conf_low, row.conf_high, level, row.p_simultaneous, row.band_low, row.band_high].map(Value::from),
            );
            values.push(row.scale.into());
            table.rows.push(values);
        }
        let mut whole = |kind: &str,
                         text: Option<&str>,
                         statistic: f64,
                         distribution: &str,
                         df1: Option<usize>,
                         df2: Option<f64>,
                         p: f64,
                         adjusted: f64| {
            let mut values = head(kind);
            values.push(text.into());
            values.extend([Value::Null, Value::Null, Value::Null]);
            values.extend([statistic.into(), distribution.into(), df1.into(), df2.into(), p.into(), adjusted.into()]);
            values.push(adjustment.into());
            values.extend([Value::Null, Value::Null, level.into(), Value::Null, Value::Null, Value::Null, Value::Null]);
            table.rows.push(values);
        };
        if let Some(joint) = &tested.joint {
            let distribution = if joint.df_denominator.is_some() { "F" } else { "chi2" };
            let (df1, df2) = (Some(joint.df), joint.df_denominator);
            whole("joint", None, joint.statistic, distribution, df1, df2, joint.p_value, joint.p_adjusted);
        }
        if let Some(found) = &tested.monotone {
            let step = tested.restrictions.get(found.smallest).map(|row| row.text.as_str());
            whole(
                "strict_everywhere",
                step,
                found.statistic,
                distribution,
                None,
                df,
                found.p_rises_everywhere,
                f64::NAN,
            );
            whole("violated_somewhere", step, found.statistic, "min", None, df, found.p_falls_somewhere, f64::NAN);
        }
    }
    table.with_data_note(report.data_note)
}

const COLUMNS: [&str; 23] = [
    "schema_version",
    "position",
    "hypothesis",
    "fits",
    "kind",
    "combination",
    "null_value",
    "estimate",
    "std_error",
    "statistic",
    "distribution",
    "df1",
    "df2",
    "p_value",
    "p_adjusted",
    "adjustment",
    "conf_low",
    "conf_high",
    "conf_level",
    "p_simultaneous",
    "band_low",
    "band_high",
    "scale",
];

/// The JSON document.
pub fn json(report: &Report) -> Json {
    let family = report.family().map(|family| {
        json!({
            "restrictions": family.size,
            "critical": family.critical,
            "critical_error": family.critical_error,
            "pointwise": family.pointwise,
            "conf_level": family.conf_level,
            "df": names::degrees_of_freedom(family.reference),
            "draws": family.draws,
            "seed": family.seed,
        })
    });
    json!({
        "schema_version": SCHEMA_VERSION,
        "metier_version": env!("CARGO_PKG_VERSION"),
        "data_note": report.data_note,
        "sources": report.sources,
        "adjustment": report.adjustment_name(),
        "family": family,
        "tests": data_table(report).to_json(),
        "notes": report.run.tests.iter().flat_map(|tested| &tested.notes).chain(&report.run.notes).collect::<Vec<_>>(),
    })
}
