//! Hypotheses against full dummy expansion, statsmodels and R (`hypotheses.py`).
//!
//! Tolerances: 1e-9 relative for statistics and errors (double precision on both sides, p-values with the exponent of the
//! statistic: 1e-8); simultaneous numbers within five Monte Carlo errors, both sides' where both draw.

use crate::support::{close, floats, json, sessions};
use metier::estimate::{Fitted, Options, fit};
use metier::expr::parse;
use metier::formula::Formula;
use metier::hypothesis::family::{JointDraws, holm};
use metier::hypothesis::monotone::monotone;
use metier::hypothesis::{
    Adjustment, HypothesisError, Parameters, Source, TestOptions, TestRun, Tested, test as run_tests,
};
use metier::inference::distributions::{normal_tail, student_tail};
use metier::model::{MissingCluster, MissingControl, Request, Workspace, prepare};
use metier::result::{Family, Reference, VcovKind};
use metier::table::Table;

/// A fit with the numbers of its clusters in the table.
struct One {
    fitted: Fitted,
    ids: Vec<u32>,
}

fn one(table: &Table, model: &str, outcome: &str, sample: Option<&str>, options: Options) -> One {
    let workspace = Workspace::new(table);
    let clusters = match options.vcov {
        VcovKind::Cr1 => vec![vec![parse("user_id").unwrap()]],
        _ => Vec::new(),
    };
    let request = Request {
        formula: Formula::parse(&format!("{outcome} ~ i(expertise, ref = 1) + log(prompts) | work_mode + band"))
            .unwrap(),
        filter: sample.map(|text| parse(text).unwrap()),
        sample: None,
        clusters,
        weights: None,
        missing_control: MissingControl::Level,
        missing_cluster: MissingCluster::Refuse,
        min_users: 0,
        rates: Some(String::from("expertise")),
        target: None,
        shares: None,
    };
    let prepared = prepare(&workspace, &request).unwrap().remove(0);
    let options = Options { keep_influence: true, ..options };
    let mut fitted = fit(&prepared.sample, &options).remove(0).unwrap();
    fitted.fit.model = model.to_owned();
    let mut ids = Vec::new();
    if let Some(cluster) = prepared.sample.clusters.first() {
        let levels = workspace.levels(&request.clusters[0]).unwrap();
        ids = vec![0; cluster.n_clusters];
        for (at, &code) in cluster.codes.iter().enumerate() {
            ids[code as usize] = levels.codes[prepared.rows.get(at).unwrap()];
        }
    }
    One { fitted, ids }
}

fn ols() -> Options {
    Options { vcov: VcovKind::Cr1, ..Options::default() }
}

fn named(table: &Table, name: &str) -> One {
    match name {
        "ols" => one(table, "ols", "verified", None, ols()),
        "logit" => one(table, "logit", "verified", None, Options { family: Family::Logit, ..ols() }),
        "partial" => one(table, "partial_model", "partial", None, ols()),
        "software" => one(table, "software", "verified", Some("software == 1"), ols()),
        _ => panic!("{name}"),
    }
}

fn parameters(ones: &[&One]) -> Parameters {
    let source = |one: &&One| -> (Vec<f64>, Option<metier::estimate::Influence>, Vec<u32>) {
        (one.fitted.joint.clone().unwrap(), one.fitted.influence.clone(), one.ids.clone())
    };
    let parts: Vec<_> = ones.iter().map(source).collect();
    let sources: Vec<Source> = ones
        .iter()
        .zip(&parts)
        .map(|(one, (joint, influence, ids))| Source {
            fit: &one.fitted.fit,
            joint,
            influence: influence.as_ref(),
            cluster_ids: ids,
        })
        .collect();
    Parameters::new(&sources)
}

fn tested(text: &str, parameters: &Parameters) -> Result<TestRun, HypothesisError> {
    run_tests(&[text.to_owned()], parameters, &TestOptions { draws: 20_000, ..TestOptions::default() })
}

fn only(text: &str, parameters: &Parameters) -> Tested {
    let mut run = tested(text, parameters).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(run.tests.len(), 1, "{text}");
    run.tests.remove(0)
}

fn compare(what: &str, found: &Tested, expected: &serde_json::Value) {
    let joint = found.joint.as_ref().expect("a joint test");
    assert_eq!(joint.df as u64, expected["df"].as_u64().unwrap(), "{what}");
    close(&format!("{what} statistic"), joint.statistic, expected["statistic"].as_f64().unwrap(), 1e-9, 0.0);
    close(&format!("{what} p"), joint.p_value, expected["p"].as_f64().unwrap(), 1e-8, 1e-290);
    let (estimates, errors) = (floats(&expected["estimate"]), floats(&expected["se"]));
    for (row, (estimate, error)) in found.restrictions.iter().zip(estimates.iter().zip(&errors)) {
        close(&format!("{what}: {}", row.text), row.estimate, *estimate, 1e-9, 1e-3);
        close(&format!("{what}: error of {}", row.text), row.std_error, *error, 1e-9, 0.0);
    }
}

#[test]
fn one_fit() {
    let (table, reference) = (sessions(usize::MAX), json("hypotheses.json"));
    for name in ["ols", "logit"] {
        let one = named(&table, name);
        let parameters = parameters(&[&one]);
        let errors = floats(&reference["fits"][name]["se"]);
        for (at, error) in errors.iter().enumerate() {
            let found = parameters.vcov[at * errors.len() + at].sqrt();
            close(&format!("{name} error {at}"), found, *error, 1e-9, 0.0);
        }
        for (text, expected) in reference["single"][name].as_object().unwrap() {
            let found = only(text, &parameters);
            compare(&format!("{name} {text}"), &found, expected);
            // one restriction: the t test is the joint test
            if let ([row], Some(joint)) = (found.restrictions.as_slice(), &found.joint) {
                close(text, row.p_value, joint.p_value, 1e-10, 1e-290);
                close(text, row.statistic * row.statistic, joint.statistic, 1e-10, 0.0);
            }
        }
    }
}

#[test]
fn across_fits() {
    let (table, reference) = (sessions(usize::MAX), json("hypotheses.json"));
    for case in reference["across"].as_array().unwrap() {
        let (left, right) = (case["left"].as_str().unwrap(), case["right"].as_str().unwrap());
        let (a, b) = (named(&table, left), named(&table, right));
        let parameters = parameters(&[&a, &b]);
        let (l, r) = (a.fitted.fit.model.as_str(), b.fitted.fit.model.as_str());
        let expertise: Vec<String> = (2..6).map(|k| format!("{l}:expertise::{k} = {r}:expertise::{k}")).collect();
        for (key, text) in [
            ("coefficient", format!("{l}:expertise::2 = {r}:expertise::2")),
            ("expertise", expertise.join(", ")),
            ("rate", format!("{l}:level 5 = {r}:rate 5")),
        ] {
            let found = only(&text, &parameters);
            assert_eq!(found.fits, [0, 1]);
            compare(&format!("{left} {right} {key}"), &found, &case["tests"][key]);
        }
    }
}

#[test]
fn simultaneous_numbers_equal_those_of_r() {
    for case in json("hypotheses.json")["family"].as_array().unwrap() {
        let t = floats(&case["t"]);
        let m = t.len();
        let correlation: Vec<f64> = case["correlation"].as_array().unwrap().iter().flat_map(floats).collect();
        let reference = case["df"].as_f64().map_or(Reference::Normal, Reference::StudentT);
        let single: Vec<f64> = t
            .iter()
            .map(|t| match reference {
                Reference::StudentT(df) => 2.0 * student_tail(t.abs(), df),
                Reference::Normal => 2.0 * normal_tail(t.abs()),
            })
            .collect();
        let n = 400_000;
        let found = JointDraws::new(&correlation, m, reference, 1).simultaneous(&t, &single, 0.95, n);
        let critical = case["critical"].as_f64().unwrap();
        let gap = (found.critical - critical).abs();
        // R integrates to 1e-5, worth 1e-4 in the point
        assert!(gap < 5.0 * found.critical_error + 2e-4, "{m} {reference:?}: {found:?} {critical}");
        let limit = |p: f64, n: f64| 5.0 * (p * (1.0 - p) / n).sqrt() + 2e-5;
        for (j, expected) in floats(&case["single_step"]).iter().enumerate() {
            let gap = (found.single_step[j] - expected).abs();
            assert!(gap < limit(*expected, n as f64), "{m} single {j}: {} {expected}", found.single_step[j]);
        }
        for (j, expected) in floats(&case["romano_wolf"]).iter().enumerate() {
            let gap = (found.step_down[j] - expected).abs();
            assert!(gap < 1.6 * limit(*expected, n as f64), "{m} step down {j}: {} {expected}", found.step_down[j]);
            assert!(found.step_down[j] >= single[j] && found.step_down[j] <= found.single_step[j] + 1e-12);
        }
        for (found, expected) in holm(&single).iter().zip(floats(&case["holm"])) {
            close("holm", *found, expected, 1e-10, 1e-12);
        }
        let low = monotone(&t, &correlation, reference, n, 1).unwrap();
        let expected = case["p_min"].as_f64().unwrap();
        assert!((low.p_falls_somewhere - expected).abs() < limit(expected, n as f64), "{m}: {low:?} {expected}");
    }
}

#[test]
fn a_run_adjusts_for_all_its_restrictions_once() {
    let table = sessions(4000);
    let one = named(&table, "ols");
    let parameters = parameters(&[&one]);
    let run = |texts: &[&str], adjustment| {
        let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
        let options = TestOptions { adjustment, simultaneous: true, draws: 20_000, seed: 1 };
        run_tests(&texts, &parameters, &options).unwrap()
    };
    // the steps are among the pairs, and one of them is a coefficient written as a difference of rates
    let both = run(&["pairs", "adjacent", "2*level 2 - 2*level 1"], Adjustment::Holm);
    let family = both.family.as_ref().unwrap();
    assert_eq!(family.size, 10);
    assert!(family.critical > family.pointwise && family.critical_error > 0.0);
    let p: Vec<f64> = both.tests[0].restrictions.iter().map(|row| row.p_value).collect();
    for (row, expected) in both.tests[0].restrictions.iter().zip(holm(&p)) {
        close(&row.text, row.p_adjusted, expected, 1e-14, 1e-14);
        let half = 0.5 * (row.band_high - row.band_low);
        close(&row.text, half, family.critical * row.std_error, 1e-12, 0.0);
        assert!(row.p_simultaneous >= row.p_value);
    }
    assert_eq!(both.tests[0].joint.as_ref().unwrap().df, 4, "ten pairs have four independent ones");
    assert!(both.tests[0].notes[0].contains("follow from the other restrictions"));
    close("same row", both.tests[2].restrictions[0].p_adjusted, both.tests[1].restrictions[0].p_adjusted, 1e-10, 1e-12);
    let alone = run(&["trend"], Adjustment::RomanoWolf);
    let family = alone.family.unwrap();
    assert_eq!((family.size, family.critical_error), (1, 0.0));
    close("one", family.critical, family.pointwise, 0.0, 0.0);
    // the band of a rate stays between 0 and 1
    let rates = run(&["rates"], Adjustment::None);
    for row in &rates.tests[0].restrictions {
        assert!(
            row.band_low > 0.0 && row.band_low < row.conf_low && row.conf_high < row.band_high && row.band_high < 1.0
        );
        assert!(row.statistic.is_nan() && row.p_simultaneous.is_nan() && row.scale == "logit");
    }
    assert!(rates.tests[0].joint.is_none());
}

#[test]
fn threads_do_not_change_a_bit() {
    let table = sessions(3000);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (a, b) = (named(&table, "ols"), named(&table, "partial"));
            let parameters = parameters(&[&a, &b]);
            let options = TestOptions { adjustment: Adjustment::RomanoWolf, simultaneous: true, draws: 5000, seed: 3 };
            let texts = ["ols:level 2 = partial_model:level 2", "pairs"].map(str::to_owned);
            format!("{:?}", run_tests(&texts, &parameters, &options).unwrap())
        })
    };
    assert_eq!(of(1), of(3));
}

#[test]
fn monotony_in_both_directions() {
    let table = sessions(usize::MAX);
    let one = named(&table, "ols");
    let parameters = parameters(&[&one]);
    let (up, down) = (only("increasing", &parameters), only("decreasing", &parameters));
    let (a, b) = (up.monotone.unwrap(), down.monotone.unwrap());
    let steps: Vec<f64> = up.restrictions.iter().map(|row| row.statistic).collect();
    assert_eq!(a.statistic, steps.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(b.statistic, -steps.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    assert!((a.p_rises_everywhere - student_tail(a.statistic, up.reference.df())).abs() < 1e-15);
    assert!(b.p_falls_somewhere < a.p_falls_somewhere);
    assert!(up.joint.is_none());
}

#[test]
fn texts_are_read_as_meant() {
    let table = sessions(3000);
    let (a, b) = (named(&table, "ols"), named(&table, "software"));
    let single = parameters(&[&a]);
    let text = |text: &str| -> Vec<String> {
        only(text, &single).restrictions.iter().map(|row| format!("{} = {}", row.text, row.value)).collect()
    };
    assert_eq!(text("log( prompts ) = 0"), ["log(prompts) = 0"]);
    assert_eq!(text("`log(prompts)`"), ["log(prompts) = 0"]);
    assert_eq!(text("expertise::3==expertise::2"), ["expertise::3 - expertise::2 = 0"]);
    assert_eq!(text("-(expertise::3 - 2e-1)*2 = 1"), ["-2 expertise::3 = 0.6"]);
    assert_eq!(text("ols:level 3 = rate::2".replace("rate::2", "ols:rate::2").as_str()), ["level 3 - level 2 = 0"]);
    assert_eq!(text("level 1 = level 2 = level 3").len(), 2);
    assert_eq!(text("all").len(), 5);
    assert_eq!(text("expertise, log(prompts)").len(), 5);
    let both = parameters(&[&a, &b]);
    let run = tested("expertise::2 = 0", &both).unwrap();
    assert_eq!(run.tests.iter().map(|tested| tested.fits[0]).collect::<Vec<_>>(), [0, 1]);
    let across = only("ols/verified:log(prompts) = software:log(prompts)", &both);
    assert_eq!(across.restrictions[0].text, "ols:log(prompts) - software:log(prompts)");
    assert_eq!(only("software:trend", &both).fits, [1]);
}

#[test]
fn errors_point_at_their_place_and_show_the_way_out() {
    let table = sessions(3000);
    let (a, b) = (named(&table, "ols"), named(&table, "software"));
    let single = parameters(&[&a]);
    let error = |text: &str, parameters: &Parameters| {
        let error = tested(text, parameters).expect_err(text);
        (text[error.span.clone()].to_owned(), error.message.clone(), error.hint.clone().unwrap_or_default())
    };
    for (text, place, message, hint) in [
        ("expertise::2 = expertize::3", "expertize::3", "there is no coefficient, rate or shorthand", "`expertise::3`"),
        ("level 9 = level 2", "level 9", "there is no coefficient", "`level"),
        ("trnd", "trnd", "there is no coefficient", "`trend`"),
        ("expertise::2 * log(prompts) = 0", "expertise::2 * log(prompts)", "not linear", "by numbers only"),
        ("expertise::2 / 0 = 1", "expertise::2 / 0", "divides by zero", ""),
        ("expertise::2 > 0", ">", "expected", "increasing"),
        ("1 = 1", "1 = 1", "always holds", ""),
        ("expertise::2 = expertise::2 + 1", "expertise::2 = expertise::2 + 1", "never holds", ""),
        ("expertise::2 = 0, 2*expertise::2 = 1", "2*expertise::2 = 1", "contradicts", "take one out"),
        ("level 2 - level 1 = expertise::2", "level 2 - level 1 = expertise::2", "whatever the data are", ""),
        ("expertise::2 = ", "", "expected a coefficient", ""),
        ("expertise::2,", "", "missing here", "`trend`"),
        ("2expertise::2 = 0", "2expertise", "is not a number", "2 * expertise"),
        ("trend, increasing", "increasing", "stands alone", "-H"),
        ("(expertise::2 = 0", "=", "expected `)`", ""),
    ] {
        let (at, what, way) = error(text, &single);
        assert!(at == place && what.contains(message) && way.contains(hint), "{text}: [{at}] {what} | {way}");
    }
    let both = parameters(&[&a, &b]);
    for (text, place, message, hint) in [
        ("ols:expertise::2 = expertise::3", "ols:expertise::2 = expertise::3", "some parameters", "`software:`"),
        ("ols:expertise::2 = softwar:expertise::2", "softwar:expertise::2", "there is no fit `softwar`", "`software`"),
        ("verified:expertise::2 = 0", "verified:", "several fits are called `verified`", "`ols/verified:`"),
        ("ols:expertise::7 = 0", "ols:expertise::7", "has no coefficient or rate", "expertise::"),
    ] {
        let (at, what, way) = error(text, &both);
        assert!(at == place && what.contains(message) && way.contains(hint), "{text}: [{at}] {what} | {way}");
    }
    let unlinked = parameters(&[&a, &one(&table, "h", "verified", None, Options { vcov: VcovKind::Hc1, ..ols() })]);
    let (_, what, way) = error("ols:expertise::2 = h:expertise::2", &unlinked);
    assert!(what.contains("no joint covariance: the errors are not clustered") && way.contains("--cluster"), "{what}");
    let few = tested("all", &unlinked).unwrap();
    assert_eq!(few.tests.len(), 2);
}
