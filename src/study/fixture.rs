//! Fits as the model files of the report would give them, for the tests.

use crate::output::fixture::sample_run;
use crate::result::{EffectInfo, ModelFit};

/// Six columns of Table A1, Table A2, and eight of the nine series of Figure 5.
pub(crate) fn study_fits() -> Vec<ModelFit> {
    let base = sample_run().fits[0].clone();
    let steps = ["work_mode^value_band", "^month", "^task_occupation", "^software_user", "^model_tier^length_band"];
    let mut fits: Vec<ModelFit> = (0..6)
        .map(|column| {
            let mut fit = base.clone();
            let slope = 0.0426 - 0.001 * column as f64;
            fit.spec_id = String::from("table_a1");
            fit.model = format!("({})", column + 1);
            fit.rates = None;
            fit.overlap = None;
            fit.coefficients.truncate(1);
            fit.coefficients[0].term = String::from("expertise");
            fit.coefficients[0].estimate = slope;
            fit.coefficients[0].std_error = 0.0008;
            fit.effects.clear();
            fit.flow.cells = 0;
            if column > 0 {
                let name = steps[..column].concat();
                fit.flow.cells = 36 * column;
                let (levels, counted) = (36 * column, 36 * column);
                fit.effects.push(EffectInfo { name, levels, counted, nested_in: None, redundant: None });
            }
            if column == 5 {
                let mut control = fit.coefficients[0].clone();
                control.term = String::from("log(model_calls)");
                fit.coefficients.push(control);
            }
            fit
        })
        .collect();
    fits.push(base.clone());
    let series = [
        ("all", "at_least_partial_success"),
        ("all", "judged_success"),
        ("all", "verified_success"),
        ("trouble", "at_least_partial_success"),
        ("trouble", "judged_success"),
        ("trouble", "verified_success"),
        ("trouble", "judged_failure"),
        ("trouble", "verified_failure"),
    ];
    fits.extend(series.map(|(sample, outcome)| ModelFit {
        spec_id: String::from("figure5"),
        sample: sample.to_owned(),
        outcome: outcome.to_owned(),
        ..base.clone()
    }));
    fits
}
