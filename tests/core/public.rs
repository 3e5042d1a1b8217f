//! Public data sets against other software and textbooks (`public.py`, `oracles.R`).
//!
//! Tolerance: 1e-9 relative for coefficients and standard errors (the fatalities' dummies with log income are
//! ill-conditioned: about 1e-12 is lost), 1e-10 for rates; Longley against NIST's certified digits to 1e-9.

use crate::support::{Model, close, csv, floats, json, matrix, model, run};
use metier::expr::parse;
use metier::result::{Composition, Family, ModelFit, VcovKind};
use metier::table::Table;
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

fn derive(table: &mut Table, name: &str, expression: &str) {
    let column = parse(expression).unwrap().eval_column(name, table).unwrap();
    table.insert(column);
}

fn fatalities() -> Table {
    let mut table = csv("fatalities.csv", usize::MAX);
    let laws = csv("fatalities_laws.csv", usize::MAX);
    for column in laws.columns().iter().filter(|c| ["drinkage", "jail", "service", "miles"].contains(&c.name.as_str()))
    {
        table.insert(column.clone());
    }
    derive(&mut table, "law", "floor(drinkage)");
    derive(&mut table, "punish", "jail == \"yes\" or service == \"yes\"");
    table
}

fn with(base: &Model, cluster: &[&'static str], vcov: VcovKind) -> Model {
    let mut spec = base.clone();
    spec.cluster = cluster.to_vec();
    spec.options.vcov = vcov;
    spec
}

fn term<'a>(fit: &'a ModelFit, name: &str) -> &'a metier::result::Estimate {
    let plain = |text: &str| text.replace(' ', "");
    fit.coefficients.iter().find(|c| plain(&c.term) == plain(name)).unwrap_or_else(|| panic!("no term {name}"))
}

/// Compares coefficients and every covariance that a case lists; covariances are named by their cluster variables.
fn check(id: &str, table: &Table, spec: &Model, case: &Value) {
    for (kind, errors) in case["se"].as_object().unwrap() {
        let clusters: Vec<&'static str> = match kind.as_str() {
            "iid" | "hc1" => vec![],
            "firm+year" => vec!["firm", "year"],
            "state" => vec!["state"],
            "educ" => vec!["educ"],
            "firm" => vec!["firm"],
            "year" => vec!["year"],
            "cyl" => vec!["cyl"],
            "nr" => vec!["nr"],
            // other software's conventions, not ours
            _ => continue,
        };
        let vcov = match kind.as_str() {
            "iid" => VcovKind::Iid,
            "hc1" => VcovKind::Hc1,
            _ => VcovKind::Cr1,
        };
        let fit = run(table, &with(spec, &clusters, vcov)).fit;
        assert_eq!(fit.coefficients.len(), case["coef"].as_object().unwrap().len(), "{id}");
        for (name, expected) in case["coef"].as_object().unwrap() {
            let ours = term(&fit, name);
            close(&format!("{id} {name}"), ours.estimate, expected.as_f64().unwrap(), TOLERANCE, 0.0);
            let expected = errors[name].as_f64().unwrap();
            // "iid" of a logit is the plain inverse information there; ours carries fixest's (n-1)/(n-K)
            let ours = if kind == "iid" { ours.std_error / fit.small_sample.factor.sqrt() } else { ours.std_error };
            close(&format!("{id} {kind} se {name}"), ours, expected, TOLERANCE, 0.0);
        }
        if let Some(r2) = case.get("r2") {
            close(&format!("{id} r2"), fit.fit.r2, r2.as_f64().unwrap(), TOLERANCE, 0.0);
            close(&format!("{id} adj r2"), fit.fit.adj_r2, case["adj_r2"].as_f64().unwrap(), TOLERANCE, 0.0);
        }
        if let Some(expected) = case.get("loglik") {
            close(&format!("{id} log likelihood"), fit.fit.log_likelihood, expected.as_f64().unwrap(), TOLERANCE, 0.0);
        }
    }
}

fn check_rates(id: &str, table: &Table, spec: &Model, case: &Value, factor: &'static str, cluster: &'static str) {
    for (composition, key) in [(Composition::Fixed, "fixed"), (Composition::Sampled, "sampled")] {
        let mut spec = with(spec, &[cluster], VcovKind::Cr1);
        spec.rates = Some(factor);
        spec.options.composition = composition;
        let fit = run(table, &spec).fit;
        let rates = fit.rates.unwrap();
        for (row, expected) in rates.levels.iter().zip(floats(&case["rates"]["rate"])) {
            close(&format!("{id} rate {}", row.level), row.estimate, expected, 1e-10, 0.0);
        }
        let expected = matrix(&case["rates"][format!("vcov_{key}.{cluster}")]);
        let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        for (ours, expected) in rates.vcov.iter().zip(expected) {
            close(&format!("{id} {key} vcov"), *ours, expected, 1e-9, scale);
        }
    }
}

#[test]
fn stock_and_watson_table_10_1() {
    let reference = json("public.json");
    let all = &reference["cases"]["fatalities"];
    for (id, case) in all.as_object().unwrap().iter().filter(|(id, _)| id.starts_with('c')) {
        let mut table = fatalities();
        if id == "c7" {
            let years = parse("year == 1982 or year == 1988").unwrap().eval_filter(&table).unwrap();
            let rows: Vec<usize> = (0..table.n_rows()).filter(|&row| years[row]).collect();
            let mut kept = Table::new(rows.len());
            for column in table.columns() {
                use metier::table::{Column, ColumnData, Factor};
                kept.insert(match &column.data {
                    ColumnData::Number(v) => Column::number(&column.name, rows.iter().map(|&r| v[r]).collect()),
                    ColumnData::Factor(f) => Column::factor(
                        &column.name,
                        Factor::new(rows.iter().map(|&r| f.codes[r]).collect(), f.levels.clone()),
                    ),
                });
            }
            table = kept;
        }
        let formula = case["spec"].as_str().unwrap().replace("miles/1000", "I(miles/1000)");
        let mut spec = model(&formula);
        // California 1988 is missing: in column 7 California 1982 stands alone, and the reference keeps it
        spec.options.drop_singletons = false;
        check(id, &table, &spec, case);
        if case.get("rates").is_some() {
            check_rates(id, &table, &spec, case, "law", "state");
        }
        // the printed digits: the book's errors are clustered by state, column 1's robust
        let (cluster, vcov) = if id == "c1" { (vec![], VcovKind::Hc1) } else { (vec!["state"], VcovKind::Cr1) };
        let fit = run(&table, &with(&spec, &cluster, vcov)).fit;
        for (name, printed) in case["published"].as_object().unwrap() {
            let ours = term(&fit, name);
            for (value, text) in [(ours.estimate, &printed[0]), (ours.std_error, &printed[1])] {
                let text = text.as_str().unwrap();
                let decimals = text.split('.').nth(1).map_or(0, str::len) as i32;
                let off = (value - text.parse::<f64>().unwrap()).abs();
                // half a unit of the last digit, and a little: the book prints one error of .02152 as .021
                assert!(off <= 0.53 * 10f64.powi(-decimals), "{id} {name}: {value} is not {text}");
            }
        }
    }
}

#[test]
fn mroz_labour_force_participation() {
    let reference = json("public.json");
    let mut table = csv("mroz.csv", usize::MAX);
    derive(&mut table, "kids", "min(kidslt6, 2)");
    for (id, family) in [("mroz_lpm", Family::Ols), ("mroz_logit", Family::Logit)] {
        let case = &reference["cases"][id];
        let mut spec = model(case["spec"].as_str().unwrap());
        spec.options.family = family;
        check(id, &table, &spec, case);
        let id = id.replace("mroz_", "mroz_rates_");
        let case = &reference["cases"][&id];
        let mut spec = model(case["spec"].as_str().unwrap().split(" ; ").next().unwrap());
        spec.options.family = family;
        check(&id, &table, &spec, case);
        check_rates(&id, &table, &spec, case, "kids", "educ");
    }
}

#[test]
fn petersen_grunfeld_wagepan_mtcars() {
    let reference = json("public.json");
    let petersen = csv("petersen.csv", usize::MAX);
    let grunfeld = csv("grunfeld.csv", usize::MAX);
    let wagepan = csv("wagepan.csv", usize::MAX);
    let mtcars = csv("mtcars.csv", usize::MAX);
    let cases = [
        ("petersen", &petersen, "y ~ x", Family::Ols),
        ("petersen_firm_fe", &petersen, "y ~ x | firm", Family::Ols),
        ("petersen_year_fe", &petersen, "y ~ x | year", Family::Ols),
        ("petersen_logit", &petersen, "(y > 0) ~ x", Family::Logit),
        ("grunfeld_firm", &grunfeld, "inv ~ value + capital | firm", Family::Ols),
        ("grunfeld_two_way", &grunfeld, "inv ~ value + capital | firm + year", Family::Ols),
        ("wagepan", &wagepan, "lwage ~ married + union + expersq | nr + year", Family::Ols),
        ("mtcars_lm", &mtcars, "mpg ~ i(am, ref=0) + hp + wt", Family::Ols),
        ("mtcars_logit", &mtcars, "vs ~ i(am, ref=0) + hp + wt", Family::Logit),
    ];
    for (id, table, formula, family) in cases {
        let mut spec = model(formula);
        spec.options.family = family;
        check(id, table, &spec, &reference["cases"][id]);
    }
    check_rates(
        "mtcars_lm",
        &mtcars,
        &model("mpg ~ i(am, ref=0) + hp + wt"),
        &reference["cases"]["mtcars_lm"],
        "am",
        "cyl",
    );
    // Stata's margins, vce(unconditional): single-precision data, hence 1e-7
    let published = &reference["cases"]["mtcars_lm"]["published"];
    let mut spec = with(&model("mpg ~ i(am, ref=0) + hp + wt"), &["cyl"], VcovKind::Cr1);
    spec.rates = Some("am");
    let rates = run(&mtcars, &spec).fit.rates.unwrap();
    for (row, expected) in rates.levels.iter().zip(floats(&published["se_sampled.cyl"])) {
        close("Stata margins", row.std_error, expected, 1e-7, 0.0);
    }
}

#[test]
fn longley_to_nine_certified_digits() {
    let reference = json("public.json");
    let case = &reference["cases"]["longley"];
    let mut table = csv("longley.csv", usize::MAX);
    let units = case["units"].as_object().unwrap();
    for (name, unit) in units {
        derive(&mut table, name, &format!("`{name}` * {unit}"));
    }
    let formula = "Employed ~ `GNP.deflator` + GNP + Unemployed + `Armed.Forces` + Population + Year";
    let fit = run(&table, &with(&model(formula), &[], VcovKind::Iid)).fit;
    let certified = &case["certified"];
    let (coef, errors) = match (certified.get("coef"), certified.get("se")) {
        (Some(coef), Some(se)) => (floats(coef), floats(se)),
        _ => panic!("certified values: {certified}"),
    };
    for ((ours, coef), se) in fit.coefficients.iter().zip(coef).zip(errors) {
        close(&format!("longley {}", ours.term), ours.estimate, coef, 1e-9, 0.0);
        close(&format!("longley se {}", ours.term), ours.std_error, se, 1e-9, 0.0);
    }
}
