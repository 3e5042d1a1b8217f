//! From the [JSON document](super::json) back to a [`Run`], for the verbs that start from saved results.
//!
//! Keys that this version does not know are skipped, and those that came after the first documents of the schema may be
//! absent; everything else must be there. Reading what was written gives the same records, bit by bit (a number that
//! does not exist, or was infinite, is `NaN`).

use serde_json::Value;

use crate::result::{
    AbsorbedRank, ClusterDiagnostics, ClusterInfo, Composition, ContrastKind, ContrastRow, DegreesOfFreedom,
    DroppedTerm, EffectInfo, Estimate, FitStats, Flow, FlowStep, ModelFit, NumberDiagnostics, Overlap, R2Step, RateRow,
    Rates, Reference, Run, SeparatedSide, Separation, SmallSample, TermFactor,
};

use super::long::{SCHEMA_VERSION, missing_note};
use super::names;

/// A document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The text is no JSON.
    #[error("this is no JSON: {message} at line {line}, column {column}")]
    NotJson {
        /// What the parser says.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON of something else.
    #[error("this is JSON, but not a document of fitted models: {lacks}")]
    NotOurs {
        /// What is missing.
        lacks: String,
    },
    /// A document of another version.
    #[error("the document has schema version {found}, this program reads {SCHEMA_VERSION}")]
    Version {
        /// The version found.
        found: String,
    },
    /// A key that is missing or holds something else.
    #[error("`{path}` is {found}, expected {expected}")]
    Key {
        /// Where, e.g. `models[0].coefficients[2].estimate`.
        path: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
}

impl ReadError {
    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            ReadError::NotJson { .. } | ReadError::NotOurs { .. } => {
                String::from("save the models with `metier fit ... --format json --output FILE.json`")
            }
            ReadError::Version { .. } => {
                String::from("fit the models again, or use the version of Metier that wrote it")
            }
            ReadError::Key { .. } => {
                String::from("the file was changed by hand, or written by a newer version: fit the models again")
            }
        }
    }
}

/// What a document holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The program's version when it was written.
    pub metier_version: String,
    /// The fits.
    pub run: Run,
}

/// Reads the text of a document; also of a lock file, which holds one under `results`.
///
/// # Errors
/// [`ReadError`] with the place of what is wrong.
pub fn parse(text: &str) -> Result<Saved, ReadError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        ReadError::NotJson { message, line: error.line(), column: error.column() }
    })?;
    match value.get("lock_version").and(value.get("results")) {
        Some(results) => document(results),
        None => document(&value),
    }
}

/// Reads a document.
///
/// # Errors
/// As [`parse`].
pub fn document(value: &Value) -> Result<Saved, ReadError> {
    let Some(keys) = value.as_object() else {
        return Err(ReadError::NotOurs { lacks: format!("it is {}, not an object", kind_of(Some(value))) });
    };
    for key in ["schema_version", "models"] {
        if !keys.contains_key(key) {
            return Err(ReadError::NotOurs { lacks: format!("the key `{key}` is missing") });
        }
    }
    if value["schema_version"].as_u64() != Some(SCHEMA_VERSION as u64) {
        return Err(ReadError::Version { found: value["schema_version"].to_string() });
    }
    let root = At { value, path: String::new() };
    let texts = |key: &str| root.list_or_empty(key)?.iter().map(At::text).collect::<Result<Vec<_>, _>>();
    let timings = root.list_or_empty("timings")?;
    let run = Run {
        fits: root.get("models")?.list()?.iter().map(model).collect::<Result<_, _>>()?,
        data_note: root.text_of("data_note")?,
        sources: texts("sources")?,
        timings: timings
            .iter()
            .map(|timing| Ok((timing.get("stage")?.text()?, timing.get("seconds")?.number()?)))
            .collect::<Result<_, ReadError>>()?,
    };
    Ok(Saved { metier_version: root.text_of("metier_version")?.unwrap_or_default(), run })
}

/// A value with its place in the document.
struct At<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> At<'a> {
    fn wrong(&self, expected: &str) -> ReadError {
        ReadError::Key {
            path: self.path.clone(),
            found: kind_of(Some(self.value)).to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key; null counts as there.
    fn get(&self, key: &str) -> Result<At<'a>, ReadError> {
        let entries = self.value.as_object().ok_or_else(|| self.wrong("an object"))?;
        let path = self.path_of(key);
        match entries.get(key) {
            Some(value) => Ok(At { value, path }),
            None => Err(ReadError::Key { path, found: kind_of(None).to_owned(), expected: String::from("a value") }),
        }
    }

    /// The value of a key that may be absent or null.
    fn find(&self, key: &str) -> Option<At<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(At { value, path: self.path_of(key) })
    }

    fn text(&self) -> Result<String, ReadError> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("a text"))
    }

    fn text_of(&self, key: &str) -> Result<Option<String>, ReadError> {
        self.find(key).map(|found| found.text()).transpose()
    }

    /// A number; null is one that does not exist.
    fn number(&self) -> Result<f64, ReadError> {
        match self.value {
            Value::Null => Ok(f64::NAN),
            value => value.as_f64().ok_or_else(|| self.wrong("a number or null")),
        }
    }

    fn number_of(&self, key: &str) -> Result<f64, ReadError> {
        self.get(key)?.number()
    }

    fn count(&self) -> Result<usize, ReadError> {
        let count = self.value.as_u64().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.wrong("a whole number, 0 or more"))
    }

    fn count_of(&self, key: &str) -> Result<usize, ReadError> {
        self.get(key)?.count()
    }

    fn truth_of(&self, key: &str) -> Result<bool, ReadError> {
        let found = self.get(key)?;
        found.value.as_bool().ok_or_else(|| found.wrong("true or false"))
    }

    fn list(&self) -> Result<Vec<At<'a>>, ReadError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let item = |(at, value)| At { value, path: format!("{}[{at}]", self.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The items of a key that may be absent or null.
    fn list_or_empty(&self, key: &str) -> Result<Vec<At<'a>>, ReadError> {
        self.find(key).map_or_else(|| Ok(Vec::new()), |found| found.list())
    }

    /// One of a set of words, by the function that writes them.
    fn word<T: Copy>(&self, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, ReadError> {
        let text = self.text()?;
        all.iter().copied().find(|item| name(*item) == text).ok_or_else(|| ReadError::Key {
            path: self.path.clone(),
            found: format!("`{text}`"),
            expected: format!("one of {}", all.iter().map(|item| name(*item)).collect::<Vec<_>>().join(", ")),
        })
    }

    /// A square matrix as one list of its rows.
    fn matrix(&self) -> Result<Vec<f64>, ReadError> {
        let rows = self.get("matrix")?.list()?;
        let mut entries = Vec::with_capacity(rows.len() * rows.len());
        for row in &rows {
            let row_entries = row.list()?;
            if row_entries.len() != rows.len() {
                return Err(row.wrong("a row as long as the matrix is high"));
            }
            for entry in &row_entries {
                entries.push(entry.number()?);
            }
        }
        Ok(entries)
    }
}

fn kind_of(value: Option<&Value>) -> &'static str {
    match value {
        None => "missing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

fn model(at: &At) -> Result<ModelFit, ReadError> {
    let reference = at.get("reference")?;
    let reference = match reference.get("distribution")?.text()?.as_str() {
        "t" => Reference::StudentT(reference.number_of("df")?),
        "normal" => Reference::Normal,
        _ => return Err(reference.get("distribution")?.wrong("`t` or `normal`")),
    };
    let fit = at.get("fit")?;
    Ok(ModelFit {
        spec_id: at.get("spec_id")?.text()?,
        model: at.get("model")?.text()?,
        outcome: at.get("outcome")?.text()?,
        sample: at.get("sample")?.text()?,
        family: at.get("family")?.word(&names::FAMILIES, names::estimator)?,
        formula: at.get("formula")?.text()?,
        coefficients: at.get("coefficients")?.list()?.iter().map(coefficient).collect::<Result<_, _>>()?,
        vcov: at.get("vcov")?.matrix()?,
        dropped_terms: at
            .get("dropped_terms")?
            .list()?
            .iter()
            .map(|row| Ok(DroppedTerm { term: row.get("term")?.text()?, reason: row.get("reason")?.text()? }))
            .collect::<Result<_, ReadError>>()?,
        separations: at.list_or_empty("separations")?.iter().map(separation).collect::<Result<_, _>>()?,
        vcov_kind: at.get("se_type")?.word(&names::VCOV_KINDS, names::se_type)?,
        clusters: clusters(&at.get("clusters")?)?,
        small_sample: small_sample(&at.get("small_sample")?)?,
        reference,
        df: degrees_of_freedom(at)?,
        conf_level: at.number_of("conf_level")?,
        weights: at.text_of("weights")?,
        effects: at.get("effects")?.list()?.iter().map(effect).collect::<Result<_, _>>()?,
        absorbed_rank: at.find("absorbed_rank").map(|found| absorbed_rank(&found)).transpose()?,
        rates: rates(at)?,
        flow: flow(&at.get("flow")?)?,
        overlap: at.find("overlap").map(|found| overlap(&found)).transpose()?,
        r2_steps: fit
            .list_or_empty("r2_steps")?
            .iter()
            .map(|step| Ok(R2Step { added: step.get("added")?.text()?, r2: step.number_of("r2")? }))
            .collect::<Result<_, ReadError>>()?,
        fit: statistics(&fit)?,
        penalty: at.find("penalty").map(|found| found.number()).transpose()?,
        diagnostics: at.list_or_empty("diagnostics")?.iter().map(diagnostics).collect::<Result<_, _>>()?,
        warnings: at.get("warnings")?.list()?.iter().map(At::text).collect::<Result<_, _>>()?,
    })
}

/// Degrees of freedom of every number, where the coefficients have their own.
fn degrees_of_freedom(at: &At) -> Result<Option<DegreesOfFreedom>, ReadError> {
    let of = |key: &str| -> Result<Option<Vec<f64>>, ReadError> {
        let rows = at.list_or_empty(key)?;
        if !rows.iter().any(|row| row.value.get("df").is_some()) {
            return Ok(None);
        }
        rows.iter().map(|row| row.number_of("df")).collect::<Result<_, _>>().map(Some)
    };
    let Some(coefficients) = of("coefficients")? else { return Ok(None) };
    let (rates, contrasts) = (of("rates")?.unwrap_or_default(), of("contrasts")?.unwrap_or_default());
    // average marginal effects are no part of the document
    Ok(Some(DegreesOfFreedom { coefficients, rates, contrasts, margins: Vec::new() }))
}

fn diagnostics(at: &At) -> Result<ClusterDiagnostics, ReadError> {
    let rows = at.get("rows")?;
    let number = |at: &At| {
        Ok(NumberDiagnostics {
            name: at.get("name")?.text()?,
            largest_leverage: at.number_of("largest_leverage")?,
            leverage_variation: at.number_of("leverage_variation")?,
            effective_clusters: at.number_of("effective_clusters")?,
            effective_correlated: at.find("effective_correlated").map_or(Ok(f64::NAN), |found| found.number())?,
            df: at.find("df").map(|found| found.number()).transpose()?,
            largest_change: at.number_of("largest_change")?,
            change_in_errors: at.number_of("change_in_errors")?,
        })
    };
    Ok(ClusterDiagnostics {
        cluster: at.get("cluster")?.text()?,
        clusters: at.count_of("clusters")?,
        smallest: rows.count_of("smallest")?,
        median: rows.number_of("median")?,
        mean: rows.number_of("mean")?,
        largest: rows.count_of("largest")?,
        numbers: at.get("numbers")?.list()?.iter().map(number).collect::<Result<_, ReadError>>()?,
    })
}

fn coefficient(at: &At) -> Result<Estimate, ReadError> {
    Ok(Estimate {
        term: at.get("term")?.text()?,
        estimate: at.number_of("estimate")?,
        std_error: at.number_of("std_error")?,
        statistic: at.number_of("statistic")?,
        p_value: at.number_of("p_value")?,
        conf_low: at.number_of("conf_low")?,
        conf_high: at.number_of("conf_high")?,
    })
}

fn separation(at: &At) -> Result<Separation, ReadError> {
    let terms = at.get("terms")?.list()?;
    Ok(Separation {
        rows: at.count_of("rows")?,
        terms: terms
            .iter()
            .map(|row| Ok((row.get("term")?.text()?, row.number_of("coefficient")?)))
            .collect::<Result<_, ReadError>>()?,
        involves_effects: at.truth_of("involves_effects")?,
        side: at
            .get("side")?
            .word(&[SeparatedSide::Zero, SeparatedSide::One, SeparatedSide::Both], names::separated_side)?,
    })
}

fn clusters(at: &At) -> Result<Vec<ClusterInfo>, ReadError> {
    let entries = at.value.as_object().ok_or_else(|| at.wrong("an object"))?;
    entries.keys().map(|name| Ok(ClusterInfo { name: name.clone(), count: at.count_of(name)? })).collect()
}

fn small_sample(at: &At) -> Result<SmallSample, ReadError> {
    Ok(SmallSample {
        convention: at.text_of("convention")?.unwrap_or_else(|| String::from("fixest")),
        n: at.count_of("n")?,
        k: at.count_of("k")?,
        k_factor: at.number_of("k_factor")?,
        g_factor: at.number_of("g_factor")?,
        factor: at.number_of("factor")?,
        terms: at.list_or_empty("terms")?.iter().map(term_factor).collect::<Result<_, _>>()?,
    })
}

fn term_factor(at: &At) -> Result<TermFactor, ReadError> {
    Ok(TermFactor {
        name: at.get("name")?.text()?,
        sign: at.number_of("sign")?,
        groups: at.count_of("n_clusters")?,
        g_factor: at.number_of("g_factor")?,
        factor: at.number_of("factor")?,
    })
}

fn effect(at: &At) -> Result<EffectInfo, ReadError> {
    Ok(EffectInfo {
        name: at.get("name")?.text()?,
        levels: at.count_of("levels")?,
        counted: at.count_of("counted")?,
        nested_in: at.text_of("nested_in")?,
        redundant: at.find("redundant").map(|found| found.count()).transpose()?,
    })
}

fn absorbed_rank(at: &At) -> Result<AbsorbedRank, ReadError> {
    Ok(AbsorbedRank {
        rank: at.count_of("rank")?,
        exact: at.truth_of("exact")?,
        counted: at.count_of("counted")?,
        in_k: at.truth_of("in_k")?,
    })
}

/// The rates of a model, which stand in four keys.
fn rates(at: &At) -> Result<Option<Rates>, ReadError> {
    let Some(info) = at.find("rates_info") else { return Ok(None) };
    let levels = at.get("rates")?.list()?;
    let contrasts = at.get("contrasts")?.list()?;
    Ok(Some(Rates {
        factor: info.get("factor")?.text()?,
        reference_level: info.get("reference_level")?.text()?,
        composition: info.get("composition")?.word(&[Composition::Sampled, Composition::Fixed], names::composition)?,
        scale: info.get("scale")?.word(&["logit", "log", "identity"], |scale| scale)?,
        target: info.text_of("target")?,
        target_rows: info.count_of("target_rows")?,
        levels: levels.iter().map(level).collect::<Result<_, _>>()?,
        contrasts: contrasts.iter().map(contrast).collect::<Result<_, _>>()?,
        vcov: at.get("rates_vcov")?.matrix()?,
    }))
}

fn level(at: &At) -> Result<RateRow, ReadError> {
    let (estimate, std_error) = (at.number_of("estimate")?, at.number_of("std_error")?);
    // the note on a missing number is made when writing
    let made = missing_note(&[("estimate", estimate), ("std_error", std_error)]);
    Ok(RateRow {
        level: at.get("level")?.text()?,
        label: at.get("label")?.text()?,
        estimate,
        std_error,
        conf_low: at.number_of("conf_low")?,
        conf_high: at.number_of("conf_high")?,
        n_obs: at.count_of("n_obs")?,
        n_clusters: at.count_of("n_clusters")?,
        raw_rate: at.number_of("raw_rate")?,
        effective_n: at.number_of("effective_n")?,
        note: at.text_of("note")?.filter(|note| Some(note) != made.as_ref()),
    })
}

fn contrast(at: &At) -> Result<ContrastRow, ReadError> {
    let kinds = [ContrastKind::Reference, ContrastKind::Adjacent, ContrastKind::Ratio, ContrastKind::OddsRatio];
    Ok(ContrastRow {
        contrast: at.get("contrast")?.text()?,
        kind: at.get("kind")?.word(&kinds, names::contrast)?,
        estimate: at.number_of("estimate")?,
        std_error: at.number_of("std_error")?,
        statistic: at.number_of("statistic")?,
        p_value: at.number_of("p_value")?,
        conf_low: at.number_of("conf_low")?,
        conf_high: at.number_of("conf_high")?,
    })
}

fn flow(at: &At) -> Result<Flow, ReadError> {
    let dropped = at.get("dropped")?.list()?;
    Ok(Flow {
        rows_read: at.count_of("rows_read")?,
        dropped: dropped
            .iter()
            .map(|step| Ok(FlowStep { reason: step.get("reason")?.text()?, rows: step.count_of("rows")? }))
            .collect::<Result<_, ReadError>>()?,
        rows_used: at.count_of("rows_used")?,
        users: at.count_of("users")?,
        cells: at.count_of("cells")?,
    })
}

fn overlap(at: &At) -> Result<Overlap, ReadError> {
    Ok(Overlap {
        cells: at.count_of("cells")?,
        rows_in_singleton_cells: at.count_of("rows_in_singleton_cells")?,
        rows_in_two_level_cells: at.count_of("rows_in_two_level_cells")?,
        rows_in_all_level_cells: at.count_of("rows_in_all_level_cells")?,
        target_rows: at.count_of("target_rows")?,
        negative_weight_share: at.number_of("negative_weight_share")?,
        negative_weight_sum: at.number_of("negative_weight_sum")?,
        largest_cluster_share: at.number_of("largest_cluster_share")?,
        rows_separated: at.count_of("rows_separated")?,
        parameters_per_row: at.number_of("parameters_per_row")?,
        warnings: at.get("warnings")?.list()?.iter().map(At::text).collect::<Result<_, _>>()?,
    })
}

fn statistics(at: &At) -> Result<FitStats, ReadError> {
    Ok(FitStats {
        r2: at.number_of("r2")?,
        adj_r2: at.number_of("adj_r2")?,
        within_r2: at.number_of("within_r2")?,
        pseudo_r2: at.number_of("pseudo_r2")?,
        sigma: at.number_of("sigma")?,
        f_statistic: at.find("f_statistic").map_or(Ok(f64::NAN), |found| found.number())?,
        log_likelihood: at.number_of("log_likelihood")?,
        deviance: at.number_of("deviance")?,
        mean_outcome: at.number_of("mean_outcome")?,
        iterations: at.count_of("iterations")?,
        residual: at.number_of("residual")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample_run;
    use super::super::json;
    use super::*;

    fn awkward_run() -> Run {
        let mut run = sample_run();
        let mut fit = run.fits[1].clone();
        fit.coefficients[0].std_error = f64::NAN;
        fit.coefficients[0].estimate = -0.0;
        fit.coefficients[0].p_value = f64::MIN_POSITIVE;
        fit.separations.push(Separation {
            rows: 3,
            terms: vec![(String::from("x"), 1.0), (String::from("ä\"b"), -2.0 / 3.0)],
            involves_effects: true,
            side: SeparatedSide::Both,
        });
        fit.r2_steps = vec![R2Step { added: String::from("regressors"), r2: 0.1 + 0.2 }];
        fit.weights = Some(String::from("w"));
        fit.penalty = Some(1.0 / 3.0);
        fit.fit.f_statistic = 12.5;
        fit.clusters.push(ClusterInfo { name: String::from("a:b"), count: 7 });
        run.fits.push(fit);
        if let Some(rates) = &mut run.fits[0].rates {
            rates.levels[1].std_error = f64::NAN;
            rates.target = Some(String::from("month == \"2026-01\""));
            let df = |n: usize| (0..n).map(|at| 20.0 / (at as f64 + 3.0)).collect::<Vec<_>>();
            let (levels, contrasts) = (rates.levels.len(), rates.contrasts.len());
            let coefficients = df(run.fits[0].coefficients.len());
            let own =
                DegreesOfFreedom { coefficients, rates: df(levels), contrasts: df(contrasts), margins: Vec::new() };
            run.fits[0].df = Some(own);
        }
        run
    }

    #[test]
    fn what_was_written_reads_back_bit_by_bit() {
        let run = awkward_run();
        let text = json::render(&run);
        let saved = parse(&text).unwrap();
        // debug text tells every bit of a finite number, and -0.0 from 0.0
        assert_eq!(format!("{:?}", saved.run), format!("{run:?}"));
        assert_eq!(json::render(&saved.run), text);
        assert_eq!(saved.metier_version, env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn unknown_keys_are_skipped_and_late_ones_may_be_absent() {
        let mut value = json::document(&sample_run());
        value["models"][0]["something_new"] = serde_json::json!({"a": 1});
        value["models"][0]["coefficients"][0]["new"] = 12.5.into();
        for key in ["separations", "absorbed_rank"] {
            value["models"][1].as_object_mut().unwrap().shift_remove(key);
        }
        let saved = document(&value).unwrap();
        assert_eq!(saved.run.fits.len(), 2);
        assert_eq!(saved.run.fits[1].absorbed_rank, None);
    }

    #[test]
    fn a_lock_file_holds_a_document() {
        let text = serde_json::json!({"lock_version": 1, "results": json::document(&sample_run())}).to_string();
        assert_eq!(parse(&text).unwrap().run.fits.len(), 2);
    }

    #[test]
    fn every_wrong_document_says_what_is_wrong() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(message("{\n  nope"), "this is no JSON: key must be a string at line 2, column 3");
        assert_eq!(message("[1]"), "this is JSON, but not a document of fitted models: it is a list, not an object");
        assert!(message("{\"a\": 1}").ends_with("the key `schema_version` is missing"));
        let with = |change: &dyn Fn(&mut Value)| {
            let mut value = json::document(&sample_run());
            change(&mut value);
            document(&value).unwrap_err().to_string()
        };
        let version = with(&|value| value["schema_version"] = 2.into());
        assert_eq!(version, "the document has schema version 2, this program reads 1");
        let text = with(&|value| value["models"][1]["coefficients"][0]["estimate"] = "x".into());
        assert_eq!(text, "`models[1].coefficients[0].estimate` is a text, expected a number or null");
        let family = with(&|value| value["models"][0]["family"] = "tobit".into());
        assert!(family.starts_with("`models[0].family` is `tobit`, expected one of ols, logit"), "{family}");
        let gone = with(&|value| drop(value["models"][0]["flow"].as_object_mut().unwrap().shift_remove("rows_read")));
        assert_eq!(gone, "`models[0].flow.rows_read` is missing, expected a value");
        let ragged = with(&|value| value["models"][0]["vcov"]["matrix"][0] = serde_json::json!([1.0]));
        assert!(ragged.contains("vcov.matrix[0]"), "{ragged}");
    }
}
