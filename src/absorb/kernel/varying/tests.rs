//! Slopes against least squares on all columns written out.

use super::super::columns::Columns;
use super::super::{Kernel, TOLERANCE};
use super::{Incidence, Sloped, Varying};
use crate::absorb::Method;
use nalgebra::{DMatrix, DVector};
use std::borrow::Cow;

/// Numbers between 0 and 1 without a pattern.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

fn codes(n: usize, n_levels: usize, state: &mut u64) -> Vec<u32> {
    (0..n).map(|_| (draw(state) * n_levels as f64) as u32).collect()
}

/// Residual of `v` on the columns of all effects, by eigenvalues.
fn dense(effects: &[&Sloped], weight: &[f64], v: &[f64]) -> Vec<f64> {
    let n = v.len();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for effect in effects {
        for level in 0..effect.n_levels as u32 {
            let here = |row: usize| f64::from(effect.codes[row] == level);
            if effect.constant {
                columns.push((0..n).map(here).collect());
            }
            effect.slopes.iter().for_each(|z| columns.push((0..n).map(|row| here(row) * z[row]).collect()));
        }
    }
    let z = DMatrix::from_fn(n, columns.len(), |i, j| weight[i].sqrt() * columns[j][i]);
    let y = DVector::from_fn(n, |i, _| weight[i].sqrt() * v[i]);
    let size = DVector::from_fn(columns.len(), |j, _| z.column(j).norm().max(1e-300));
    let unit = DMatrix::from_fn(n, columns.len(), |i, j| z[(i, j)] / size[j]);
    let eigen = (unit.transpose() * &unit).symmetric_eigen();
    let reciprocal = eigen.eigenvalues.map(|value| if value > 1e-10 { 1.0 / value } else { 0.0 });
    let solve = |y: &DVector<f64>| {
        let right = eigen.eigenvectors.transpose() * (unit.transpose() * y);
        &unit * (&eigen.eigenvectors * right.component_mul(&reciprocal))
    };
    let left = &y - solve(&y);
    let left = &left - solve(&left);
    (0..n).map(|i| left[i] / weight[i].sqrt()).collect()
}

#[track_caller]
fn check(own: Sloped, others: Vec<Sloped>, weight: Vec<f64>, state: &mut u64) {
    let n = own.codes.len();
    let mut kernel = Varying::new(own.clone(), others.clone(), None, "f");
    for weight in [vec![1.0; n], weight] {
        kernel.set_weights(Some(Cow::Owned(weight.clone())));
        let v: Vec<Vec<f64>> = (0..3).map(|_| (0..n).map(|_| 10.0 + draw(state)).collect()).collect();
        let mut columns = Columns::new(n, 3, kernel.n_levels());
        (0..3).for_each(|j| columns.fill(j, |i| v[j][i]));
        let raw: Vec<f64> = v.iter().map(|v| v.iter().zip(&weight).map(|(v, w)| w * v * v).sum()).collect();
        kernel.absorb(&mut columns, &raw, 1e-11, None).unwrap();
        let effects: Vec<&Sloped> = std::iter::once(&own).chain(&others).collect();
        for (j, v) in v.iter().enumerate() {
            let expected = dense(&effects, &weight, v);
            for (row, (ours, expected)) in columns.column(j).iter().zip(&expected).enumerate() {
                assert!((ours - expected).abs() < 1e-8, "column {j} row {row}: {ours} {expected}");
            }
        }
    }
}

#[test]
fn slopes_everywhere() {
    let n = 300;
    let mut state = 7;
    for case in 0..12 {
        let mut own = codes(n, 25, &mut state);
        own.sort_unstable();
        let mut z: Vec<f64> = (0..n).map(|_| 3.0 + draw(&mut state)).collect();
        let x: Vec<f64> = (0..n).map(|_| draw(&mut state) - 0.5).collect();
        // a level where the variable does not vary, and one where it is zero
        (0..n).filter(|&i| own[i] == 3).for_each(|i| z[i] = 3.5);
        (0..n).filter(|&i| own[i] == 4).for_each(|i| z[i] = 0.0);
        let t: Vec<f64> = z.iter().map(|z| z * z).collect();
        let slopes = |which: &[&Vec<f64>]| which.iter().map(|z| Cow::Owned(z.to_vec())).collect::<Vec<_>>();
        let sloped = |codes: Vec<u32>, n_levels, constant, which: &[&Vec<f64>]| Sloped {
            codes: codes.into(),
            n_levels,
            constant,
            slopes: slopes(which),
        };
        let (g, h) = (codes(n, 8, &mut state), codes(n, 5, &mut state));
        let (own, others) = match case % 6 {
            0 => (sloped(own, 25, true, &[&z]), vec![]),
            1 => (sloped(own, 25, true, &[]), vec![sloped(g, 8, true, &[&z])]),
            2 => (sloped(own, 25, true, &[&x]), vec![sloped(g, 8, true, &[&z, &t]), sloped(h, 5, true, &[])]),
            3 => (sloped(own, 25, true, &[&z, &z]), vec![sloped(g, 8, false, &[&x])]),
            4 => (sloped(own, 25, true, &[&z]), vec![sloped(g, 8, true, &[&z]), sloped(h, 5, false, &[&x, &z])]),
            _ => (sloped(own, 25, false, &[&z]), vec![sloped(g, 8, false, &[&z])]),
        };
        let weight = (0..n).map(|_| 0.2 + draw(&mut state)).collect();
        check(own, others, weight, &mut state);
    }
}

/// Without slopes it is the kernel itself.
#[test]
fn no_slopes_equal_the_kernel() {
    let n = 2_000;
    let mut state = 11;
    let mut f = codes(n, 300, &mut state);
    f.sort_unstable();
    let (g, h) = (codes(n, 250, &mut state), codes(n, 12, &mut state));
    let plain = |codes: &Vec<u32>, n_levels| Sloped {
        codes: Cow::Owned(codes.clone()),
        n_levels,
        constant: true,
        slopes: vec![],
    };
    let varying = Varying::new(plain(&f, 300), vec![plain(&g, 250), plain(&h, 12)], None, "f");
    let levels: Vec<u32> = g.iter().zip(&h).flat_map(|(g, h)| [*g, 250 + h]).collect();
    let starts = varying.incidence.starts.to_vec();
    let incidence =
        Incidence { q: 2, starts: starts.into(), levels: levels.into(), n_levels: 262, first: vec![0, 250] };
    let kernel = Kernel::new(incidence, None, Method::Auto, "f");
    let mut ours = Columns::new(n, 1, 262);
    ours.fill(0, |i| (i as f64).sin());
    let mut theirs = ours.clone();
    let raw = [ours.column(0).iter().map(|v| v * v).sum()];
    varying.absorb(&mut ours, &raw, TOLERANCE * 1e-2, None).unwrap();
    kernel.absorb(&mut theirs, &raw, TOLERANCE * 1e-2, None).unwrap();
    for (a, b) in ours.column(0).iter().zip(theirs.column(0)) {
        assert!((a - b).abs() < 1e-9);
    }
}
