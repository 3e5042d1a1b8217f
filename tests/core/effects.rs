//! Estimates of absorbed effects: known ones come back, sums are those of the fit, and the normalisation is as stated.

use crate::support::close;
use metier::absorb::Method;
use metier::design::{Effect, Outcome, Sample, Slope, Term};
use metier::estimate::effects::{EffectEstimates, FittedRows};
use metier::estimate::{FitError, Options, fit};
use metier::result::{Family, VcovKind};
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

/// Sums equal the linear predictor less the regressors, and in each component of a later effect the first level is zero.
#[track_caller]
fn check(id: &str, sample: &Sample, effects: &EffectEstimates, rows: &FittedRows) {
    let value = |e: usize, code: u32| effects.levels[e].iter().find(|level| level.code == code).unwrap().estimate;
    for (i, &row) in rows.row.iter().enumerate() {
        let sum: f64 = (0..sample.effects.len()).map(|e| value(e, sample.effects[e].codes[row as usize])).sum();
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
    let mut slopes = plain.clone();
    slopes.effects[0].slopes = vec![Slope { name: "x".into(), values: plain.terms[0].values.clone().unwrap() }];
    let message = refused(&slopes, Options { vcov: VcovKind::Iid, ..Options::default() });
    assert_eq!(message, "the fixed effects cannot be saved: `f0` has slopes by level");
    let without = Sample { effects: Vec::new(), ..plain };
    let message = refused(&without, Options { vcov: VcovKind::Iid, ..Options::default() });
    assert_eq!(message, "the fixed effects cannot be saved: the formula has none");
}
