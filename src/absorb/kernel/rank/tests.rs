//! The rank against elimination of the dummies written out.

use super::modular::Echelon;
use super::{MAX_REMAINING, Rank, SplitMix, count_present, pairwise, rank};

/// Rank of the dummies, all written out.
fn dense(effects: &[(Vec<u32>, usize)], n_rows: usize) -> usize {
    let width: usize = effects.iter().map(|effect| effect.1).sum();
    let mut echelon = Echelon::new(width);
    for row in 0..n_rows {
        let mut vector = vec![0; width];
        let mut start = 0;
        for (codes, n_levels) in effects {
            vector[start + codes[row] as usize] = 1;
            start += n_levels;
        }
        echelon.insert(&mut vector);
    }
    echelon.rank()
}

fn check(effects: &[(Vec<u32>, usize)], n_rows: usize) -> Rank {
    let borrowed: Vec<(&[u32], usize)> = effects.iter().map(|(codes, n)| (codes.as_slice(), *n)).collect();
    let found = rank(&borrowed, n_rows, MAX_REMAINING);
    assert!(found.exact);
    assert_eq!(found.rank, dense(effects, n_rows), "{effects:?}");
    let present: usize =
        effects.iter().map(|(codes, n)| (0..*n as u32).filter(|level| codes[..n_rows].contains(level)).count()).sum();
    assert_eq!(present - found.redundant.iter().sum::<usize>(), found.rank);
    found
}

fn below(random: &mut SplitMix, n: usize) -> u32 {
    (random.next() % n as u64) as u32
}

#[test]
fn random_graphs() {
    let mut random = SplitMix(1);
    for _ in 0..3_000 {
        let n_rows = 1 + below(&mut random, 40) as usize;
        let mut effects: Vec<(Vec<u32>, usize)> = Vec::new();
        for e in 0..1 + below(&mut random, 5) as usize {
            let n_levels = 1 + below(&mut random, 12) as usize;
            let codes = match (below(&mut random, 6), e) {
                // nested in an effect before, or tied to it in part
                (0, 1..) => effects[e - 1].0.iter().map(|&code| code % n_levels as u32).collect(),
                (1, 1..) => effects[0].0.iter().map(|&code| (code + below(&mut random, 2)) % n_levels as u32).collect(),
                // two blocks of rows that never meet
                (2, _) => (0..n_rows)
                    .map(|row| (2 * below(&mut random, n_levels) + (row % 2) as u32) % n_levels as u32)
                    .collect(),
                _ => (0..n_rows).map(|_| below(&mut random, n_levels)).collect(),
            };
            effects.push((codes, n_levels));
        }
        check(&effects, n_rows);
    }
}

#[test]
fn known_cases() {
    // a year whose parity is that of the firm: one level more goes
    let (mut worker, mut firm, mut year) = (Vec::new(), Vec::new(), Vec::new());
    let mut random = SplitMix(2);
    for row in 0..600u32 {
        let f = below(&mut random, 8);
        worker.push(row % 60);
        firm.push(f);
        year.push(2 * below(&mut random, 5) + f % 2);
    }
    let found = check(&[(year.clone(), 10), (worker.clone(), 60), (firm.clone(), 8)], 600);
    assert_eq!(found.redundant, [1, 0, 2]);
    // the same effect twice, and one without effect
    let found = check(&[(worker.clone(), 60), (firm.clone(), 8), (firm, 8), (vec![3; 600], 4)], 600);
    assert_eq!(found.redundant, [0, 1, 8, 1]);
    // two tables that never meet
    let half: Vec<u32> = (0..600).map(|row| u32::from(row >= 300)).collect();
    let halved: Vec<u32> = worker.iter().zip(&half).map(|(w, h)| w + 60 * h).collect();
    let years: Vec<u32> = year.iter().zip(&half).map(|(y, h)| y + 10 * h).collect();
    assert_eq!(check(&[(halved.clone(), 120), (years, 20)], 600).redundant, [0, 2]);
    assert_eq!(check(&[(halved, 120), (half, 2)], 600).redundant, [0, 2]);
    assert_eq!(rank(&[], 0, MAX_REMAINING), Rank { rank: 0, exact: true, redundant: vec![] });
    assert_eq!(rank(&[(&[], 0), (&[], 3), (&[], 2)], 0, MAX_REMAINING).rank, 0);
}

/// A long chain: worker i at firms i and i + 1.
#[test]
fn chains_have_long_cycles() {
    let n = 4_000u32;
    let worker: Vec<u32> = (0..3 * n).map(|row| row / 3).collect();
    let firm: Vec<u32> = (0..3 * n).map(|row| (row / 3 + u32::from(row % 3 > 0)) % n).collect();
    let year: Vec<u32> = (0..3 * n).map(|row| (row * 7 + row / 5) % 11).collect();
    let found = rank(&[(&worker, n as usize), (&firm, n as usize), (&year, 11)], 3 * n as usize, MAX_REMAINING);
    assert_eq!((found.rank, found.exact), (2 * n as usize - 1 + 10, true));
}

#[test]
fn pairs_bound_what_is_too_wide() {
    let mut random = SplitMix(3);
    let n = 20_000;
    let mut code = |n_levels: usize| -> Vec<u32> { (0..n).map(|_| below(&mut random, n_levels)).collect() };
    let (a, b, c) = (code(6_000), code(5_500), code(5_000));
    let effects = [(a.as_slice(), 6_000), (b.as_slice(), 5_500), (c.as_slice(), 5_000)];
    let found = rank(&effects, n, MAX_REMAINING);
    assert!(!found.exact);
    let present = effects.map(|(codes, n_levels)| count_present(codes, n_levels));
    assert_eq!(found.redundant, pairwise(&effects, &present));
}
