//! Estimates of absorbed effects: known ones come back, sums are those of the fit, and the normalisation is as stated.

use crate::support::{close, csv, json, model, run_all};
use metier::absorb::Method;
use metier::design::{Effect, Outcome, Sample, Slope, Term};
use metier::estimate::effects::{EffectEstimates, FittedRows};
use metier::estimate::{FitError, Options, fit};
use metier::result::{Family, VcovKind};
use metier::table::ColumnData;
use std::sync::Arc;

/// Sums and normalised levels, relative to outcomes of size ten.
const TOLERANCE: f64 = 1e-8;

/// Numbers between 0 and 1 that look random.
fn noise(i: usize, stream: usize) -> f64 {
    let mut z =
        (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (stream as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A value of its own for each level of each effect.
fn truth(effect: usize, level: u32) -> f64 {
    10.0 * noise(level as usize, 100 + effect) - 5.0
}

/// Two islands of levels that never meet, `sizes` levels of each effect in each; a regressor with coefficient 2.
fn islands(n: usize, sizes: &[usize], error: f64) -> Sample {
    let code = |i: usize, e: usize| ((i % 2) * sizes[e] + (noise(i, e) * sizes[e] as f64) as usize) as u32;
    let x: Vec<f64> = (0..n).map(|i| noise(i, 50)).collect();
    let effects: Vec<Vec<u32>> = (0..sizes.len()).map(|e| (0..n).map(|i| code(i, e)).collect()).collect();
    let y = (0..n)
        .map(|i| {
            let sum: f64 = effects.iter().enumerate().map(|(e, codes)| truth(e, codes[i])).sum();
            2.0 * x[i] + sum + error * (noise(i, 60) - 0.5)
        })
        .collect();
    let named = effects.into_iter().enumerate();
    Sample {
        n_rows: n,
        terms: vec![Term {
            names: vec!["x".into()],
            levels: None,
            values: Some(Arc::new(x)),
            variable: Some("x".into()),
        }],
        intercept: true,
        effects: named.map(|(e, codes)| Effect::new(format!("f{e}"), codes, 2 * sizes[e])).collect(),
        outcomes: vec![Outcome { name: "y".into(), values: Arc::new(y) }],
        ..Sample::default()
    }
}

fn estimates(sample: &Sample, family: Family, method: Method) -> (EffectEstimates, FittedRows, Vec<String>) {
    let options = Options { family, method, vcov: VcovKind::Iid, keep_effects: true, ..Options::default() };
    let fitted = fit(sample, &options).remove(0).unwrap();
    (fitted.effects.unwrap(), fitted.rows.unwrap(), fitted.fit.warnings)
}

/// The sum that the saved levels and slopes give a row.
fn sum_of_row(sample: &Sample, effects: &EffectEstimates, row: usize) -> f64 {
    let of_effect = |e: usize| -> f64 {
        let effect = &sample.effects[e];
        let own = effects.levels[e].iter().filter(|level| level.code == effect.codes[row]);
        own.map(|level| level.estimate * level.slope.map_or(1.0, |slope| effect.slopes[slope].values[row])).sum()
    };
    (0..sample.effects.len()).map(of_effect).sum()
}

/// Sums equal the linear predictor less the regressors, and in each component of a later effect the first level is zero.
#[track_caller]
fn check(id: &str, sample: &Sample, effects: &EffectEstimates, rows: &FittedRows) {
    for (i, &row) in rows.row.iter().enumerate() {
        let sum = sum_of_row(sample, effects, row as usize);
        close(&format!("{id} row {row}"), sum + rows.linear[i], rows.predictor[i], TOLERANCE, 0.1);
    }
    for levels in &effects.levels[1..] {
        let mut seen = Vec::new();
        for level in levels {
            if !seen.contains(&level.component) {
                seen.push(level.component);
                assert_eq!(level.estimate, 0.0, "{id}");
            }
        }
    }
    let total = |e: usize| effects.levels[e].iter().map(|level| level.rows).sum::<usize>();
    (0..sample.effects.len()).for_each(|e| assert_eq!(total(e), rows.row.len(), "{id}"));
    assert!(effects.error < 1e-9, "{id}: {}", effects.error);
}

#[test]
fn known_effects_come_back() {
    for sizes in [&[15][..], &[12, 8], &[9, 14], &[14, 6, 5], &[5, 4, 13]] {
        for method in [Method::Auto, Method::Cells, Method::Cg] {
            let sample = islands(600, sizes, 0.0);
            let (effects, rows, warnings) = estimates(&sample, Family::Ols, method);
            let id = format!("{sizes:?} {method:?}");
            check(&id, &sample, &effects, &rows);
            for (e, levels) in effects.levels.iter().enumerate() {
                // differences within a component are identified
                for level in levels {
                    let first = levels.iter().find(|other| other.component == level.component).unwrap();
                    let expected = truth(e, level.code) - truth(e, first.code);
                    close(&format!("{id} {e} {level:?}"), level.estimate - first.estimate, expected, TOLERANCE, 0.1);
                }
                assert_eq!(levels.iter().map(|level| level.component).max(), Some(sizes.len().min(2)), "{id}");
            }
            assert_eq!((effects.open, warnings.len()), (0, 0), "{id}: {warnings:?}");
        }
    }
}

#[test]
fn residuals_sum_to_zero_at_every_level() {
    for family in [Family::Ols, Family::Poisson, Family::Logit] {
        for method in [Method::Auto, Method::Cells] {
            let mut sample = islands(900, &[12, 7, 4], 6.0);
            let y: Vec<f64> = sample.outcomes[0]
                .values
                .iter()
                .map(|&y| match family {
                    Family::Logit => f64::from(y > 0.0),
                    Family::Poisson => (y + 8.0).max(0.0).floor(),
                    _ => y,
                })
                .collect();
            sample.outcomes[0].values = Arc::new(y);
            let (effects, rows, _) = estimates(&sample, family, method);
            check(&format!("{family:?} {method:?}"), &sample, &effects, &rows);
            let mean = |eta: f64| match family {
                Family::Logit => 1.0 / (1.0 + (-eta).exp()),
                Family::Poisson => eta.exp(),
                _ => eta,
            };
            for (e, levels) in effects.levels.iter().enumerate() {
                for level in levels {
                    let of = |row: u32| sample.effects[e].codes[row as usize] == level.code;
                    let rows = rows.row.iter().zip(&rows.predictor).filter(|(row, _)| of(**row));
                    let sum: f64 = rows.map(|(&row, &eta)| sample.outcomes[0].values[row as usize] - mean(eta)).sum();
                    close(&format!("{family:?} {method:?} {e} {level:?}"), 1.0 + sum, 1.0, 1e-6, 1.0);
                }
            }
        }
    }
}

#[test]
fn effects_that_repeat_each_other_warn() {
    // the third effect is a coarser first one
    let mut sample = islands(400, &[12, 7], 1.0);
    let coarse: Vec<u32> = sample.effects[0].codes.iter().map(|code| code / 3).collect();
    sample.effects.insert(1, Effect::new("coarse", coarse, 8));
    let (effects, rows, warnings) = estimates(&sample, Family::Ols, Method::Auto);
    // every level of the coarse effect is its own component with the first one: zero, and nothing is open
    check("coarse", &sample, &effects, &rows);
    assert!(effects.levels[1].iter().all(|level| level.estimate == 0.0));
    assert_eq!((effects.open, warnings.len()), (0, 0), "{warnings:?}");
    // the other way round its levels are zero only where they start one
    sample.effects.swap(0, 2);
    let (effects, rows, warnings) = estimates(&sample, Family::Ols, Method::Auto);
    check("coarse and last", &sample, &effects, &rows);
    assert!(effects.open > 0 && warnings.iter().any(|warning| warning.contains("repeat each other")), "{warnings:?}");
}

#[test]
fn what_cannot_be_saved_is_refused() {
    let plain = islands(200, &[6], 1.0);
    let refused =
        |sample: &Sample, options: Options| match fit(sample, &Options { keep_effects: true, ..options }).remove(0) {
            Err(error @ FitError::NoEffects { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        };
    let without = Sample { effects: Vec::new(), ..plain };
    let message = refused(&without, Options { vcov: VcovKind::Iid, ..Options::default() });
    assert_eq!(message, "the fixed effects cannot be saved: the formula has none");
}

#[test]
fn known_slopes_come_back() {
    let slope = |e: usize, code: u32| 3.0 * noise(code as usize, 200 + e) - 1.5;
    for (sizes, constant) in [(&[11][..], true), (&[9, 6], true), (&[7, 12, 4], true), (&[8, 5], false)] {
        let mut sample = islands(900, sizes, 0.0);
        let z: Vec<f64> = (0..900).map(|i| 4.0 * noise(i, 70) + 1.0).collect();
        let z = Arc::new(z);
        // the first two effects have slopes of one variable; the last may lack intercepts
        let sloped = sizes.len().min(2);
        let mut y = sample.outcomes[0].values.to_vec();
        for e in 0..sloped {
            sample.effects[e].slopes = vec![Slope { name: "z".into(), values: z.clone() }];
            let codes = sample.effects[e].codes.clone();
            (0..900).for_each(|i| y[i] += slope(e, codes[i]) * z[i]);
        }
        if !constant {
            let last = sizes.len() - 1;
            sample.effects[last].constant = false;
            let codes = sample.effects[last].codes.clone();
            (0..900).for_each(|i| y[i] -= truth(last, codes[i]));
        }
        sample.outcomes[0].values = Arc::new(y);
        for method in [Method::Auto, Method::Cg] {
            let (effects, rows, warnings) = estimates(&sample, Family::Ols, method);
            let id = format!("{sizes:?} {constant} {method:?}");
            for (i, &row) in rows.row.iter().enumerate() {
                let sum = sum_of_row(&sample, &effects, row as usize);
                close(&format!("{id} row {row}"), sum + rows.linear[i], rows.predictor[i], TOLERANCE, 0.1);
            }
            for (e, levels) in effects.levels.iter().enumerate() {
                for level in levels {
                    let truth = |code: u32| level.slope.map_or_else(|| truth(e, code), |_| slope(e, code));
                    let alike = |other: &&metier::estimate::effects::LevelEstimate| {
                        (other.slope, other.component) == (level.slope, level.component)
                    };
                    let first = levels.iter().find(alike).unwrap();
                    let expected = truth(level.code) - truth(first.code);
                    close(&format!("{id} {e} {level:?}"), level.estimate - first.estimate, expected, TOLERANCE, 0.1);
                    // a later effect's first level is zero in each component
                    if e > 0 && (level.slope.is_none() && sample.effects[0].constant || level.slope.is_some()) {
                        assert_eq!(first.estimate, 0.0, "{id} {e}");
                    }
                }
            }
            assert_eq!((effects.undetermined, warnings.len()), (0, 0), "{id}: {warnings:?}");
        }
    }
}

#[test]
fn slopes_that_do_not_vary_within_a_level_are_counted() {
    let mut sample = islands(300, &[6], 1.0);
    let codes = sample.effects[0].codes.clone();
    let z: Vec<f64> = (0..300).map(|i| if codes[i] == 2 { 1.5 } else { noise(i, 70) }).collect();
    sample.effects[0].slopes = vec![Slope { name: "z".into(), values: Arc::new(z) }];
    let (effects, rows, warnings) = estimates(&sample, Family::Ols, Method::Auto);
    assert_eq!(effects.undetermined, 1);
    assert!(warnings.iter().any(|warning| warning.contains("1 slope saved")), "{warnings:?}");
    for (i, &row) in rows.row.iter().enumerate() {
        let sum = sum_of_row(&sample, &effects, row as usize);
        close(&format!("row {row}"), sum + rows.linear[i], rows.predictor[i], TOLERANCE, 0.1);
    }
}

#[test]
fn r2_steps_are_those_of_regressions_on_dummies() {
    let mut sample = islands(400, &[7, 5, 3], 6.0);
    sample.weights = Some((0..400).map(|i| 0.5 + noise(i, 80)).collect());
    for method in [Method::Auto, Method::Cells, Method::Cg] {
        let options = Options { method, vcov: VcovKind::Iid, r2_steps: true, ..Options::default() };
        let fitted = fit(&sample, &options).remove(0).unwrap();
        assert!(fitted.rows.is_none());
        let steps = &fitted.fit.r2_steps;
        assert_eq!(steps.iter().map(|step| step.added.as_str()).collect::<Vec<_>>(), ["f0", "f1", "f2", "regressors"]);
        let x = sample.terms[0].values.clone().unwrap();
        for (at, step) in steps.iter().enumerate() {
            let mut columns: Vec<Vec<f64>> = Vec::new();
            for effect in &sample.effects[..(at + 1).min(3)] {
                let dummy = |level| effect.codes.iter().map(|&code| f64::from(code == level)).collect();
                columns.extend((0..effect.n_levels as u32).map(dummy));
            }
            if at == 3 {
                columns.push(x.to_vec());
            }
            let expected = dense_r2(&columns, &sample.outcomes[0].values, sample.weights.as_ref().unwrap());
            close(&format!("{method:?} {}", step.added), step.r2, expected, 1e-10, 0.1);
        }
        assert_eq!(steps[3].r2, fitted.fit.fit.r2);
    }
    // a likelihood: the first step of a logit on one effect is the entropy of the levels' shares
    let binary: Vec<f64> = sample.outcomes[0].values.iter().map(|&y| f64::from(y > 0.0)).collect();
    let coarse: Vec<u32> = sample.effects[0].codes.iter().map(|code| code / 7).collect();
    sample.effects = vec![Effect::new("island", coarse, 2)];
    sample.weights = None;
    sample.outcomes[0].values = Arc::new(binary.clone());
    let options = Options { family: Family::Logit, vcov: VcovKind::Iid, r2_steps: true, ..Options::default() };
    let fitted = fit(&sample, &options).remove(0).unwrap().fit;
    let entropy = |rows: Vec<f64>| {
        let (n, share) = (rows.len() as f64, rows.iter().sum::<f64>() / rows.len() as f64);
        n * (share * share.ln() + (1.0 - share) * (1.0 - share).ln())
    };
    let island = |which: usize| binary.iter().skip(which).step_by(2).copied().collect::<Vec<f64>>();
    let expected = 1.0 - (entropy(island(0)) + entropy(island(1))) / entropy(binary.clone());
    close("pseudo R2 of the effect", fitted.r2_steps[0].r2, expected, 1e-10, 0.01);
    assert_eq!(fitted.r2_steps[1].r2, fitted.fit.pseudo_r2);
}

/// R2 of a weighted regression on columns that may repeat each other, by Gram and Schmidt.
fn dense_r2(columns: &[Vec<f64>], y: &[f64], weights: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(weights).map(|((a, b), w)| a * b * w).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for column in columns {
        let mut rest = column.clone();
        for _ in 0..2 {
            for unit in &basis {
                let along = dot(&rest, unit);
                rest.iter_mut().zip(unit).for_each(|(rest, unit)| *rest -= along * unit);
            }
        }
        let length = dot(&rest, &rest).sqrt();
        if length > 1e-9 {
            basis.push(rest.iter().map(|rest| rest / length).collect());
        }
    }
    let one = vec![1.0; y.len()];
    let mean = dot(y, &one) / dot(&one, &one);
    let centred: Vec<f64> = y.iter().map(|y| y - mean).collect();
    basis.iter().map(|unit| dot(&centred, unit).powi(2)).sum::<f64>() / dot(&centred, &centred)
}

#[test]
fn differences_of_levels_are_those_of_pyfixest() {
    // its least squares stop at 1e-14 relative to the system, which leaves about 1e-10 of a level
    let table = csv("petersen.csv", usize::MAX);
    for case in json("effects.json")["cases"].as_array().unwrap() {
        let names: Vec<&str> = case["effects"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let mut spec = model(&format!("y ~ x | {}", names.join(" + ")));
        spec.cluster = vec!["firm"];
        spec.options.keep_effects = true;
        let fitted = run_all(&table, &spec).remove(0).unwrap();
        let id = format!("{names:?} {}", case["effect"]);
        close(&id, fitted.fit.coefficients[0].estimate, case["coefficient"].as_f64().unwrap(), 1e-9, 0.1);
        let effect = names.iter().position(|name| Some(*name) == case["effect"].as_str()).unwrap();
        let column = table.columns().iter().find(|column| column.name == names[effect]).unwrap();
        let ColumnData::Number(values) = &column.data else { panic!() };
        let level = |label: &str| {
            let found = &fitted.effects.as_ref().unwrap().levels[effect];
            // the table is sorted by firm: rows of the sample are rows of the table
            found.iter().find(|level| values[level.example as usize].to_string() == label).unwrap().estimate
        };
        let base = level(case["base"].as_str().unwrap());
        for (label, expected) in case["differences"].as_object().unwrap() {
            close(&format!("{id} {label}"), level(label) - base, expected.as_f64().unwrap(), 1e-9, 1.0);
        }
    }
}
