//! Sixteen regressions by R fixest 0.14.2 with tolerances of 1e-11 (`fixest.R`).
//!
//! Tolerance: 1e-9 relative; fixest's own iterations leave about 1e-11 in designs with several effects. Standard errors
//! of logits and the Poisson: 5e-6, because fixest evaluates the information one Newton step before its last.
//! `brute.rs` compares two of the three logits with a fully converged reference to 1e-10.

use crate::support::{close, json, model, run, sessions};
use metier::result::{Family, VcovKind};

const TOLERANCE: f64 = 1e-9;
const SCORING_ERROR_TOLERANCE: f64 = 5e-6;

#[test]
fn every_reference_case_agrees() {
    let reference = json("fixest.json");
    let table = sessions(usize::MAX);
    let mut checked = 0;
    for (id, case) in reference.as_object().unwrap() {
        if id == "about" {
            continue;
        }
        let text = case["model"].as_str().unwrap();
        let (family, text) = match text.split_once(" ; ") {
            Some(("logit", rest)) => (Family::Logit, rest),
            Some(("poisson", rest)) => (Family::Poisson, rest),
            _ => (Family::Ols, text),
        };
        let formula = text.split(" ; ").next().unwrap().replace("level", "expertise");
        let mut spec = model(&formula);
        spec.options.family = family;
        spec.options.drop_singletons = !id.ends_with("_keep");
        match id.as_str() {
            "ols_iid" => {
                spec.cluster.clear();
                spec.options.vcov = VcovKind::Iid;
            }
            "ols_hc1" => {
                spec.cluster.clear();
                spec.options.vcov = VcovKind::Hc1;
            }
            "ols_twoway" => spec.cluster = vec!["user_id", "task_occupation"],
            "ols_weights" => spec.weights = Some("weight"),
            _ => {}
        }
        let fit = run(&table, &spec).fit;
        assert_eq!(fit.flow.rows_used as u64, case["n"].as_u64().unwrap(), "{id}: rows");
        let coef = case["coef"].as_object().unwrap();
        assert_eq!(fit.coefficients.len(), coef.len(), "{id}: {:?}", fit.coefficients);
        for ours in &fit.coefficients {
            let name = if ours.term == "expertise" { "level" } else { &ours.term };
            let expected = coef.get(name).unwrap_or_else(|| panic!("{id}: no {name}")).as_f64().unwrap();
            close(&format!("{id} {name}"), ours.estimate, expected, TOLERANCE, 0.0);
            let tolerance = if family == Family::Ols { TOLERANCE } else { SCORING_ERROR_TOLERANCE };
            close(&format!("{id} se {name}"), ours.std_error, case["se"][name].as_f64().unwrap(), tolerance, 0.0);
            checked += 1;
        }
    }
    assert_eq!(checked, 58);
}
