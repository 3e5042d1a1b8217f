//! Covariances that weigh residuals by their leverage, against refits, clubSandwich and sandwich.

use crate::support::{Model, close, csv, floats, json, matrix, model, run, run_all, sessions};
use metier::absorb::Method;
use metier::expr::parse;
use metier::result::{Composition, Family, ModelFit, NumberDiagnostics, VcovKind};
use metier::table::Table;
use serde_json::Value;

fn all_close(what: &str, ours: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        close(&format!("{what}[{i}]"), *a, *b, tolerance, scale);
    }
}

fn with(base: &Model, vcov: VcovKind) -> Model {
    let mut spec = base.clone();
    spec.options.vcov = vcov;
    spec
}

/// Every user deleted and everything refitted in 80-bit arithmetic (`brute.py`): coefficients and rates, 1e-10.
#[test]
fn the_cluster_jackknife_equals_refits() {
    let reference = json("brute.json");
    let mut seen = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        let Some(jackknife) = case.get("jackknife") else { continue };
        let mut spec = model(case["spec"].as_str().unwrap().split(" ; ").next().unwrap());
        spec.rates = Some("expertise");
        let table = sessions(case["rows_read"].as_u64().unwrap() as usize);
        let fit = |kind| -> ModelFit { run(&table, &with(&spec, kind)).fit };
        let (cr3, cr3j) = (fit(VcovKind::Cr3), fit(VcovKind::Cr3j));
        // there G counts users without a row in the estimation as well: its factor and centre are put on ours
        let (theirs, ours) = (jackknife["G"].as_f64().unwrap(), case["G"].as_f64().unwrap());
        let convert = |number: &str| {
            let of = |kind: &str| matrix(&jackknife[number][kind]);
            let (about, mean) = (of("cv3"), of("cv3j"));
            let bare = |entry: f64| entry * theirs / (theirs - 1.0);
            let q = (ours - 1.0) / ours;
            let squares: Vec<f64> = about.iter().map(|entry| q * bare(*entry)).collect();
            let centred = about.iter().zip(&mean).map(|(a, m)| q * (bare(*a) - bare(a - m) * theirs / ours)).collect();
            (squares, centred)
        };
        let (squares, centred): (Vec<f64>, Vec<f64>) = convert("coef");
        all_close(&format!("{id} cr3"), &cr3.vcov, &squares, 1e-10);
        all_close(&format!("{id} cr3j"), &cr3j.vcov, &centred, 1e-10);
        let (squares, centred) = convert("rates");
        all_close(&format!("{id} rates cr3"), &cr3.rates.unwrap().vcov, &squares, 1e-10);
        all_close(&format!("{id} rates cr3j"), &cr3j.rates.unwrap().vcov, &centred, 1e-10);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// The model that a case of `refits.json` describes.
fn refit_spec(case: &Value) -> Model {
    let spec = &case["spec"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |key: &str| spec[key].as_array().map_or_else(Vec::new, |list| list.iter().map(text).collect::<Vec<_>>());
    let mut terms = vec![String::from("i(expertise, ref=1)")];
    if spec["slopes"] == true {
        terms.push(String::from("i(expertise, log(prompts), ref=1)"));
    }
    terms.extend(list("extra"));
    let outcome = spec["outcome"].as_str().unwrap_or("verified");
    let effects = list("fe").join(" + ");
    let bar = if effects.is_empty() { "" } else { " | " };
    let mut model = model(&format!("{outcome} ~ {}{bar}{effects}", terms.join(" + ")));
    model.rates = Some("expertise");
    model.weights = (spec["weighted"] == true).then_some("weight");
    model.cluster = match spec.get("cluster") {
        None => vec!["user_id"],
        Some(Value::Null) => vec![],
        Some(name) if name == "month" => vec!["month"],
        Some(_) => vec!["work_mode"],
    };
    model.options.family = match spec["family"].as_str() {
        Some("logit") => Family::Logit,
        Some("probit") => Family::Probit,
        Some("poisson") => Family::Poisson,
        _ => Family::Ols,
    };
    model
}

/// Refits with dummies of least squares, and one step of scoring of likelihoods (`variance.py`): weights, singletons,
/// nested and interacted effects, slopes, few large clusters, rows. 1e-9 of the largest entry.
#[test]
fn deletions_equal_refits_and_steps() {
    let reference = json("refits.json");
    for (id, case) in reference["cases"].as_object().unwrap() {
        let spec = refit_spec(case);
        let table = sessions(case["spec"]["rows"].as_u64().unwrap() as usize);
        let kinds: &[(VcovKind, &str)] = match spec.cluster.is_empty() {
            true => &[(VcovKind::Hc3, "hc3")],
            false => &[(VcovKind::Cr3, "cr3"), (VcovKind::Cr3j, "cr3j")],
        };
        for &(kind, key) in kinds {
            let fit = run(&table, &with(&spec, kind)).fit;
            assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}");
            let coef: Vec<f64> = fit.coefficients.iter().map(|c| c.estimate).collect();
            all_close(&format!("{id} coef"), &coef, &floats(&case["coef"]), 1e-9);
            all_close(&format!("{id} {key}"), &fit.vcov, &matrix(&case["coef_cov"][key]), 1e-9);
            let rates = fit.rates.unwrap();
            let points: Vec<f64> = rates.levels.iter().map(|level| level.estimate).collect();
            all_close(&format!("{id} rates"), &points, &floats(&case["rates"]), 1e-9);
            all_close(&format!("{id} rates {key}"), &rates.vcov, &matrix(&case["rates_sampled_cov"][key]), 1e-9);
            if let Some(fixed) = case.get("rates_fixed_cov") {
                let mut spec = with(&spec, kind);
                spec.options.composition = Composition::Fixed;
                let rates = run(&table, &spec).fit.rates.unwrap();
                all_close(&format!("{id} fixed rates {key}"), &rates.vcov, &matrix(&fixed[key]), 1e-9);
            }
        }
    }
}

/// Contrasts of rates have the errors of coefficients, whatever weighs the residuals.
#[test]
fn differences_of_rates_have_the_errors_of_coefficients() {
    let table = sessions(1500);
    for kind in [VcovKind::Hc2, VcovKind::Hc3, VcovKind::Cr2, VcovKind::Cr3, VcovKind::Cr3j] {
        let mut spec = with(&model("verified ~ i(expertise, ref=1) | work_mode^band + month"), kind);
        spec.rates = Some("expertise");
        let fit = run(&table, &spec).fit;
        let rates = fit.rates.unwrap();
        for (contrast, coefficient) in rates.contrasts.iter().zip(&fit.coefficients) {
            close(&format!("{kind:?}"), contrast.std_error, coefficient.std_error, 1e-11, 0.0);
            close(&format!("{kind:?} p"), contrast.p_value, coefficient.p_value, 1e-8, 1e-12);
        }
    }
}

/// The numbers of a value of R, which writes a vector of one as a number and a missing one as text.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    let list = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
    list.into_iter().map(Value::as_f64).collect()
}

fn se(fit: &ModelFit) -> Vec<f64> {
    fit.coefficients.iter().map(|c| c.std_error).collect()
}

/// The models of `variance.R`: data, formula, cluster, weights.
fn clubsandwich(id: &str) -> (Table, Model) {
    let expertise = "verified ~ i(expertise, ref=1)";
    let (data, formula, cluster, weights) = match id {
        "petersen_firm" => ("petersen.csv", String::from("y ~ x"), "firm", None),
        "petersen_year" => ("petersen.csv", String::from("y ~ x"), "year", None),
        "fatalities_year_effects" => ("fatalities.csv", String::from("frate ~ beertax | year"), "state", None),
        "fatalities_state_effects" => ("fatalities.csv", String::from("frate ~ beertax | state"), "state", None),
        "fatalities_two_effects" => {
            ("fatalities.csv", String::from("frate ~ beertax + unemp | state + year"), "state", None)
        }
        "grunfeld_firm" => ("grunfeld.csv", String::from("inv ~ value + capital | firm"), "firm", None),
        "grunfeld_two" => ("grunfeld.csv", String::from("inv ~ value + capital | firm + year"), "firm", None),
        "wagepan_years" => ("wagepan.csv", String::from("lwage ~ married + union + expersq | year"), "nr", None),
        "sessions_weighted" => {
            ("sessions.csv", format!("{expertise} + log(prompts) | work_mode + month"), "user_id", Some("weight"))
        }
        "sessions_month" => ("sessions.csv", format!("{expertise} | work_mode"), "month", None),
        "sessions_month_weighted" => {
            ("sessions.csv", format!("{expertise} + log(prompts) | work_mode"), "month", Some("weight"))
        }
        other => panic!("no model for {other}"),
    };
    let table = if data == "sessions.csv" { sessions(400) } else { csv(data, usize::MAX) };
    let mut spec = model(&formula);
    spec.cluster = vec![cluster];
    spec.weights = weights;
    (table, spec)
}

/// R clubSandwich with dummies: CR2 to 1e-9, its degrees of freedom and p-values to 1e-7, and CR3 times (G - 1)/G to 1e-9.
/// Both sides are in double precision; degrees of freedom are ratios of sums that cancel.
#[test]
fn cr2_and_its_degrees_of_freedom_equal_clubsandwich() {
    let reference = json("variance.json");
    for (id, case) in reference["clustered"].as_object().unwrap() {
        let (table, spec) = clubsandwich(id);
        let cr2 = run(&table, &with(&spec, VcovKind::Cr2)).fit;
        let g = case["G"].as_f64().unwrap();
        assert_eq!(cr2.clusters[0].count as f64, g, "{id}");
        all_close(&format!("{id} cr2"), &se(&cr2), &numbers(&case["cr2"]).unwrap(), 1e-9);
        let df = cr2.df.as_ref().unwrap();
        for (j, (ours, theirs)) in df.coefficients.iter().zip(numbers(&case["df"]).unwrap()).enumerate() {
            close(&format!("{id} df[{j}]"), *ours, theirs, 1e-7, 0.0);
            let p = cr2.coefficients[j].p_value;
            close(&format!("{id} p[{j}]"), p, numbers(&case["p"]).unwrap()[j], 1e-7, 1e-10);
        }
        // clubSandwich inverts without a pseudo-inverse: no CR3 where an effect is nested in the clusters
        if let Some(raw) = numbers(&case["cr3_raw"]) {
            let cr3 = run(&table, &with(&spec, VcovKind::Cr3)).fit;
            let expected: Vec<f64> = raw.iter().map(|se| se * ((g - 1.0) / g).sqrt()).collect();
            all_close(&format!("{id} cr3"), &se(&cr3), &expected, 1e-9);
        }
    }
}

/// R sandwich with dummies: HC2 and HC3, weighted and of a logit, to 1e-9 (the logit to 1e-8, its fit ends there).
#[test]
fn hc2_and_hc3_equal_sandwich() {
    let reference = json("variance.json");
    for (id, case) in reference["rows"].as_object().unwrap() {
        let (data, formula, weights) = match id.as_str() {
            "petersen" => ("petersen.csv", "y ~ x | year", None),
            "fatalities" => ("fatalities.csv", "frate ~ beertax | state + year", None),
            "wagepan" => ("wagepan.csv", "lwage ~ married + union + expersq | year", None),
            "sessions_weighted" => {
                ("sessions.csv", "verified ~ i(expertise, ref=1) + log(prompts) | work_mode", Some("weight"))
            }
            _ => ("mroz.csv", "inlf ~ kidslt6 + educ + age | city", None),
        };
        let table = if data == "sessions.csv" { sessions(400) } else { csv(data, usize::MAX) };
        let mut spec = model(formula);
        spec.cluster = vec![];
        spec.weights = weights;
        let is_logit = data == "mroz.csv";
        spec.options.family = if is_logit { Family::Logit } else { Family::Ols };
        for (kind, key) in [(VcovKind::Hc2, "hc2"), (VcovKind::Hc3, "hc3")] {
            let ours = se(&run(&table, &with(&spec, kind)).fit);
            let tolerance = if is_logit { 1e-8 } else { 1e-9 };
            all_close(&format!("{id} {key}"), &ours, &numbers(&case[key]).unwrap(), tolerance);
        }
    }
}

#[test]
fn what_a_cluster_alone_identifies_has_no_error() {
    let mut table = sessions(600);
    let only = parse("if(user_id == \"u02989\", 1, 0)").unwrap().eval_column("only", &table).unwrap();
    table.insert(only);
    for kind in [VcovKind::Cr3, VcovKind::Cr3j] {
        let fit = run(&table, &with(&model("verified ~ only + i(expertise, ref=1) | work_mode"), kind)).fit;
        assert!(fit.coefficients[0].std_error.is_nan());
        assert!(fit.coefficients[1..].iter().all(|c| c.std_error > 0.0));
        let warned = "`only` is not identified without one cluster of `user_id`: CR3";
        assert!(fit.warnings.iter().any(|warning| warning.starts_with(warned)), "{:?}", fit.warnings);
    }
}

#[test]
fn what_cannot_be_had_is_refused_with_a_way_out() {
    let table = sessions(600);
    let refused = |spec: &Model| run_all(&table, spec).remove(0).unwrap_err().to_string();
    let mut logit = with(&model("verified ~ i(expertise, ref=1) | work_mode"), VcovKind::Cr2);
    logit.options.family = Family::Logit;
    assert_eq!(refused(&logit), "CR2 is for least squares: use `cr3`, one step of a jackknife");
    let mut two = with(&model("verified ~ i(expertise, ref=1) | work_mode"), VcovKind::Cr2);
    two.cluster = vec!["user_id", "month"];
    assert!(refused(&two).starts_with("CR2 has one cluster variable"));
    let mut iterative = with(&model("verified ~ i(expertise, ref=1) | work_mode + month"), VcovKind::Cr3);
    iterative.options.method = Method::Cg;
    assert!(refused(&iterative).ends_with("use `cr1`, which needs none"));
}

/// Two-way CR3 is the sum over subsets, each with its own factor.
#[test]
fn two_ways_are_added_and_subtracted() {
    let table = sessions(900);
    let of = |cluster: &[&'static str]| {
        let mut spec = with(&model("verified ~ i(expertise, ref=1) | work_mode"), VcovKind::Cr3);
        spec.cluster = cluster.to_vec();
        run(&table, &spec).fit
    };
    let (occupations, software) = (of(&["task_occupation"]), of(&["software"]));
    let both = of(&["task_occupation", "software"]);
    let crossed = of(&["software * 1000 + task_occupation"]);
    let sum: Vec<f64> =
        (0..both.vcov.len()).map(|i| occupations.vcov[i] + software.vcov[i] - crossed.vcov[i]).collect();
    all_close("two-way", &both.vcov, &sum, 1e-11);
    assert_eq!(both.reference, metier::result::Reference::StudentT(1.0));
}

/// The same bits on one and on several threads, and the same numbers in any order of rows.
#[test]
fn threads_and_order_do_not_matter() {
    let table = sessions(4000);
    for kind in [VcovKind::Hc2, VcovKind::Hc3, VcovKind::Cr2, VcovKind::Cr3] {
        let mut spec = with(&model("verified ~ i(expertise, ref=1) + log(prompts) | work_mode^band + month"), kind);
        spec.rates = Some("expertise");
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let fit = pool.install(|| run(&table, &spec).fit);
            (fit.vcov, fit.rates.unwrap().vcov, fit.df.map(|df| df.contrasts))
        };
        let one = of(1);
        assert_eq!(one, of(2), "{kind:?}");
        assert_eq!(one, of(5), "{kind:?}");
    }
}

/// What clustered errors rest on, from dummies written out in 80-bit arithmetic (`variance.py`): leverage, effective
/// clusters with independent and correlated errors, largest changes. 1e-8.
#[test]
fn diagnostics_are_those_of_the_dummies() {
    let reference = json("refits.json");
    let mut seen = 0;
    for (id, case) in reference["cases"].as_object().unwrap() {
        let mut spec = refit_spec(case);
        // slopes by level are no differences of rates, rows no clusters
        if spec.cluster.is_empty() {
            continue;
        }
        spec.options.diagnostics = true;
        let table = sessions(case["spec"]["rows"].as_u64().unwrap() as usize);
        let fit = run(&table, &with(&spec, VcovKind::Cr3)).fit;
        let found = &fit.diagnostics[0];
        assert_eq!(found.clusters as u64, case["G"].as_u64().unwrap(), "{id}");
        let expected = &case["diagnostics"];
        let of = |f: fn(&NumberDiagnostics) -> f64| found.numbers.iter().map(f).collect::<Vec<f64>>();
        all_close(&format!("{id} largest"), &of(|n| n.largest_leverage), &floats(&expected["largest"]), 1e-8);
        all_close(&format!("{id} variation"), &of(|n| n.leverage_variation), &floats(&expected["variation"]), 1e-8);
        all_close(&format!("{id} effective"), &of(|n| n.effective_clusters), &floats(&expected["effective"]), 1e-8);
        all_close(&format!("{id} correlated"), &of(|n| n.effective_correlated), &floats(&expected["correlated"]), 1e-8);
        all_close(&format!("{id} change"), &of(|n| n.largest_change), &floats(&expected["change"]), 1e-8);
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// A model that may choose its covariance.
fn unnamed(formula: &str) -> Model {
    let mut spec = model(formula);
    spec.options.few_clusters = Some(VcovKind::Cr3);
    spec
}

#[test]
fn the_default_takes_cr3_where_few_clusters_matter_and_says_why() {
    let table = sessions(4000);
    let formula = "verified ~ i(expertise, ref=1) | work_mode";
    for (family, cluster) in
        [(Family::Ols, vec!["month"]), (Family::Logit, vec!["month"]), (Family::Ols, vec!["user_id", "month"])]
    {
        let mut spec = unnamed(formula);
        (spec.options.family, spec.cluster) = (family, cluster.clone());
        spec.rates = Some("expertise");
        let chosen = run(&table, &spec).fit;
        let named = run(&table, &with(&model(formula), VcovKind::Cr3).like(&spec)).fit;
        assert_eq!((chosen.vcov_kind, &chosen.vcov), (VcovKind::Cr3, &named.vcov), "{family:?} {cluster:?}");
        assert_eq!(chosen.rates, named.rates);
        let said: Vec<&String> = chosen.warnings.iter().filter(|w| w.contains("the default is CR3 then")).collect();
        assert!(said.len() == 1 && said[0].contains("effective clusters of `month` ("), "{:?}", chosen.warnings);
        assert_eq!(cluster.len() > 1, said[0].contains("`month` has"), "{said:?}");
        // by name it never changes, and the same doubts are told
        let kept = run(&table, &with(&model(formula), VcovKind::Cr1).like(&spec)).fit;
        assert_eq!(kept.vcov_kind, VcovKind::Cr1);
        assert!(kept.warnings.iter().any(|w| w.contains("CR1 tends to be too small then")), "{:?}", kept.warnings);
    }
}

impl Model {
    /// The same covariance for the model of another.
    fn like(mut self, other: &Model) -> Model {
        (self.cluster, self.rates, self.options.family) = (other.cluster.clone(), other.rates, other.options.family);
        self
    }
}

#[test]
fn the_default_is_cr1_where_clusters_are_many_and_of_like_size() {
    // every row a cluster of its own
    let mut table = sessions(4000);
    let n = table.n_rows();
    table.insert(metier::table::Column::number("pair", (0..n).map(|row| (row / 2) as f64).collect()));
    let mut spec = unnamed("verified ~ i(expertise, ref=1) | work_mode");
    spec.cluster = vec!["pair"];
    let fit = run(&table, &spec).fit;
    assert_eq!(fit.vcov_kind, VcovKind::Cr1);
    assert!(fit.warnings.iter().all(|warning| !warning.contains("CR1")), "{:?}", fit.warnings);
    // many parameters are another reason
    let mut fine = unnamed("verified ~ i(expertise, ref=1) | work_mode^month^band^task_occupation");
    fine.cluster = vec!["pair"];
    let fit = run(&table, &fine).fit;
    let per_row = fit.small_sample.k as f64 / fit.small_sample.n as f64;
    assert_eq!(fit.vcov_kind == VcovKind::Cr3, per_row > 0.1, "{per_row}");
    assert!(per_row > 0.1 && fit.warnings.iter().any(|w| w.contains("parameters for")), "{:?}", fit.warnings);
}

#[test]
fn where_cr3_cannot_be_had_the_default_stays_and_says_so() {
    let table = sessions(600);
    let stays = |spec: &Model, reason: &str| {
        let fit = run(&table, spec).fit;
        assert_eq!(fit.vcov_kind, VcovKind::Cr1);
        let said = |w: &String| w.contains("CR1 tends to be too small then, but") && w.contains(reason);
        assert!(fit.warnings.iter().any(said), "{:?}", fit.warnings);
    };
    let mut firth = unnamed("verified ~ i(expertise, ref=1)");
    (firth.options.family, firth.options.firth) = (Family::Logit, true);
    stays(&firth, "has no form for a penalised likelihood");
    let mut iterative = unnamed("verified ~ i(expertise, ref=1) | work_mode + month");
    iterative.options.method = Method::Cg;
    stays(&iterative, "needs the leverage of every row");
    let mut strata = unnamed("verified ~ i(expertise, ref=1) | work_mode");
    (strata.options.family, strata.cluster) = (Family::Clogit, vec!["month"]);
    stays(&strata, "has no form for a conditional likelihood");
}

/// Fits on rows that are small enough are made again on cells.
#[test]
fn a_fit_on_rows_is_made_again_on_cells_for_cr3() {
    let table = sessions(2000);
    let formula = "verified ~ i(expertise, ref=1) + task_value | work_mode + month";
    let mut spec = unnamed(formula);
    (spec.options.family, spec.cluster) = (Family::Logit, vec!["month"]);
    let chosen = run(&table, &spec).fit;
    let mut named = with(&model(formula), VcovKind::Cr3);
    (named.options.family, named.cluster) = (Family::Logit, vec!["month"]);
    assert_eq!((chosen.vcov_kind, &chosen.vcov), (VcovKind::Cr3, &run(&table, &named).fit.vcov));
    assert!(chosen.warnings.iter().any(|w| w.contains("the default is CR3 then")), "{:?}", chosen.warnings);
}
