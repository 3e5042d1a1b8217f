//! Random small designs against dense dummy expansion by a pseudo-inverse: disconnected graphs, nested and redundant
//! effects, singletons, weights, rare levels.
//!
//! Tolerance: 1e-7 relative to the outcome's scale. The pseudo-inverse squares the condition number; the designs are
//! drawn without regard to it.

use crate::support::{Model, model, run_all};
use metier::absorb::Method;
use metier::table::{Column, Factor, Table};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Drawn {
    y: Vec<f64>,
    x: Vec<f64>,
    level: Vec<usize>,
    f: Vec<usize>,
    g: Vec<usize>,
    user: Vec<usize>,
    weight: Vec<f64>,
}

fn designs() -> impl Strategy<Value = Drawn> {
    (12usize..60, 2usize..9, 2usize..7).prop_flat_map(|(n, n_f, n_g)| {
        let codes = |m: usize| proptest::collection::vec(0..m, n);
        let reals = || proptest::collection::vec(-3.0..3.0f64, n);
        (reals(), reals(), codes(3), codes(n_f), codes(n_g), codes(n / 3), proptest::collection::vec(0.2..3.0f64, n))
            .prop_map(|(y, x, level, f, g, user, weight)| Drawn { y, x, level, f, g, user, weight })
    })
}

fn table(drawn: &Drawn) -> Table {
    let mut table = Table::new(drawn.y.len());
    let factor = |name: &str, codes: &[usize]| {
        let labels: Vec<Option<String>> = codes.iter().map(|code| Some(format!("l{code}"))).collect();
        Column::factor(name, Factor::from_labels(&labels))
    };
    table.insert(Column::number("y", drawn.y.clone()));
    table.insert(Column::number("x", drawn.x.clone()));
    table.insert(Column::number("w", drawn.weight.clone()));
    for (name, codes) in [("level", &drawn.level), ("f", &drawn.f), ("g", &drawn.g), ("user_id", &drawn.user)] {
        table.insert(factor(name, codes));
    }
    table
}

/// Coefficients of the leading columns and their bare clustered covariance, by dummies and a pseudo-inverse.
fn dense(drawn: &Drawn, lead: &[Vec<f64>], weighted: bool) -> (Vec<f64>, DMatrix<f64>) {
    let n = drawn.y.len();
    let one_hot = |codes: &[usize]| -> Vec<Vec<f64>> {
        let m = codes.iter().max().map_or(0, |&c| c + 1);
        (0..m).map(|level| codes.iter().map(|&c| f64::from(c == level)).collect()).collect()
    };
    let columns: Vec<Vec<f64>> = lead.iter().cloned().chain(one_hot(&drawn.f)).chain(one_hot(&drawn.g)).collect();
    let z = DMatrix::from_fn(n, columns.len(), |i, j| columns[j][i]);
    let w = |i: usize| if weighted { drawn.weight[i] } else { 1.0 };
    let wz = DMatrix::from_fn(n, columns.len(), |i, j| w(i) * z[(i, j)]);
    // by eigenvalues: the singular value decomposition behind `pseudo_inverse` is at times off in the third digit
    let eigen = (z.transpose() * &wz).symmetric_eigen();
    let cutoff = 1e-9 * eigen.eigenvalues.max();
    let reciprocal = eigen.eigenvalues.map(|value| if value > cutoff { 1.0 / value } else { 0.0 });
    let inverse = &eigen.eigenvectors * DMatrix::from_diagonal(&reciprocal) * eigen.eigenvectors.transpose();
    let coef = &inverse * wz.transpose() * DVector::from_row_slice(&drawn.y);
    let residual = DVector::from_row_slice(&drawn.y) - &z * &coef;
    let mut meat = DMatrix::zeros(columns.len(), columns.len());
    for user in 0..=drawn.user.iter().copied().max().unwrap_or(0) {
        let mut score = DVector::zeros(columns.len());
        for i in (0..n).filter(|&i| drawn.user[i] == user) {
            score += wz.row(i).transpose() * residual[i];
        }
        meat += &score * score.transpose();
    }
    (coef.as_slice()[..lead.len()].to_vec(), &inverse * meat * inverse.transpose())
}

fn check(drawn: &Drawn, weighted: bool, method: Method) -> Result<(), TestCaseError> {
    let mut spec: Model = model("y ~ x + i(level, ref = \"l0\") | f + g");
    // a level that is not there cannot be the reference
    if !drawn.level.contains(&0) {
        return Ok(());
    }
    spec.weights = weighted.then_some("w");
    spec.options.method = method;
    let Ok(fitted) = run_all(&table(drawn), &spec).remove(0) else {
        return Ok(()); // nothing estimable, or no degrees of freedom: refused, not wrong
    };
    let fit = fitted.fit;
    let dummy = |level: usize| drawn.level.iter().map(|&l| f64::from(l == level)).collect::<Vec<f64>>();
    let mut lead: Vec<Vec<f64>> = Vec::new();
    for term in &fit.coefficients {
        lead.push(match term.term.as_str() {
            "x" => drawn.x.clone(),
            "level::l1" => dummy(1),
            "level::l2" => dummy(2),
            other => panic!("unexpected term {other}"),
        });
    }
    let (coef, vcov) = dense(drawn, &lead, weighted);
    for (j, ours) in fit.coefficients.iter().enumerate() {
        // a nearly singular direction makes both answers noise
        if ours.std_error > 100.0 {
            continue;
        }
        prop_assert!(
            (ours.estimate - coef[j]).abs() < 1e-7 * (1.0 + coef[j].abs()),
            "{}: {} {}",
            ours.term,
            ours.estimate,
            coef[j]
        );
        let expected = (vcov[(j, j)] * fit.small_sample.factor).max(0.0).sqrt();
        prop_assert!(
            (ours.std_error - expected).abs() < 1e-7 * (1.0 + expected),
            "se {}: {} {expected}",
            ours.term,
            ours.std_error
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exact_absorption_equals_dummies(drawn in designs(), weighted in any::<bool>()) {
        check(&drawn, weighted, Method::Cells)?;
    }

    #[test]
    fn iterative_absorption_equals_dummies(drawn in designs(), weighted in any::<bool>()) {
        check(&drawn, weighted, Method::Cg)?;
    }
}
