//! The table as a whole: reproducible, right at the edges, consistent by the report's own definitions, and near the
//! published rates. The exact fit at full size is a matter of `metier reproduce`, not of these tests.

use super::*;
use crate::table::{ColumnData, Table};
use rustc_hash::FxHashMap;

fn draw(sessions: usize, seed: u64) -> Table {
    simulate(&SimulateOptions { sessions, users: None, seed }, &Calibration::published()).expect("valid options")
}

fn numbers<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    match &table.get(name).expect("a column of the table").data {
        ColumnData::Number(values) => values,
        ColumnData::Factor(_) => panic!("`{name}` is not a number"),
    }
}

fn labels<'a>(table: &'a Table, name: &str) -> Vec<&'a str> {
    match &table.get(name).expect("a column of the table").data {
        ColumnData::Factor(factor) => factor.codes.iter().map(|&code| factor.levels[code as usize].as_str()).collect(),
        ColumnData::Number(_) => panic!("`{name}` is not a factor"),
    }
}

/// FNV-1a over every value of the first rows, as text and bits.
fn hash_rows(table: &Table, rows: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut write = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for column in table.columns() {
        write(column.name.as_bytes());
        for row in 0..rows.min(table.n_rows()) {
            match &column.data {
                ColumnData::Number(values) => write(&values[row].to_bits().to_le_bytes()),
                ColumnData::Factor(factor) => write(factor.levels[factor.codes[row] as usize].as_bytes()),
            }
        }
    }
    hash
}

#[test]
fn the_table_is_pinned_and_does_not_depend_on_threads() {
    let on_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| draw(10_000, 1))
    };
    let table = on_threads(1);
    assert_eq!(table, on_threads(3));
    assert_eq!(
        hash_rows(&table, 1_000),
        6_056_213_030_228_793_185,
        "the table of seed 1 has changed: say so in the changelog"
    );
    assert_ne!(hash_rows(&table, 1_000), hash_rows(&draw(10_000, 2), 1_000));
}

#[test]
fn any_size_works_and_nonsense_is_refused() {
    for sessions in [1, 2, 7, 60, 1_001] {
        let table = draw(sessions, 5);
        assert_eq!(table.n_rows(), sessions);
        assert_eq!(table.names().count(), 24);
    }
    let with = |sessions, users| {
        simulate(&SimulateOptions { sessions, users, seed: 1 }, &Calibration::published()).map(|table| table.n_rows())
    };
    assert!(matches!(with(0, None), Err(SimulateError::NoSessions)));
    assert!(matches!(with(5, Some(6)), Err(SimulateError::Users { users: 6, sessions: 5 })));
    assert!(matches!(with(5, Some(0)), Err(SimulateError::Users { .. })));
    assert!(matches!(with(usize::MAX, None), Err(SimulateError::TooManySessions { .. })));
    assert_eq!(with(500, Some(3)).expect("three busy users"), 500);
}

#[test]
fn signals_outcomes_and_counts_are_consistent() {
    let table = draw(20_000, 3);
    let outcome = labels(&table, "outcome");
    let (success, failure) = (numbers(&table, "success_signal"), numbers(&table, "failure_signal"));
    let (turns, calls) = (numbers(&table, "human_turns"), numbers(&table, "model_calls"));
    let (added, removed) = (numbers(&table, "lines_added"), numbers(&table, "lines_removed"));
    let (month, timestamp) = (labels(&table, "month"), labels(&table, "timestamp"));
    for row in 0..table.n_rows() {
        assert!((0.0..=5.0).contains(&success[row]) && (0.0..=5.0).contains(&failure[row]));
        assert!(turns[row] >= 1.0 && calls[row] >= turns[row] && numbers(&table, "tool_calls")[row] >= 1.0);
        assert!(added[row] > 0.0 || removed[row] == 0.0);
        assert!(timestamp[row].starts_with(month[row]));
        for name in ["planning_share", "execution_share"] {
            assert!((0.0..=1.0).contains(&numbers(&table, name)[row]));
        }
    }
    let share = |select: &dyn Fn(usize) -> bool, of: &dyn Fn(usize) -> bool| {
        let rows: Vec<usize> = (0..table.n_rows()).filter(|&row| select(row)).collect();
        rows.iter().filter(|&&row| of(row)).count() as f64 / rows.len() as f64
    };
    let succeeded = |row: usize| outcome[row] == "Succeeded";
    let near = |found: f64, published: f64| assert!((found - published).abs() < 0.04, "{found} against {published}");
    near(share(&|row| success[row] == 1.0, &succeeded), 0.13);
    near(share(&|row| success[row] == 5.0, &succeeded), 0.90);
    near(share(&|row| failure[row] == 1.0, &succeeded), 0.85);
    near(share(&|row| failure[row] == 5.0, &succeeded), 0.03);
    let context = labels(&table, "codebase_context");
    let changes_code = |row: usize| matches!(context[row], "modify existing" | "create new");
    assert!(share(&changes_code, &|row| added[row] > 0.0) > 0.9);
    let all = |_: usize| true;
    near(share(&all, &|row| labels_unclear(&table, row)), 0.30);
    near(numbers(&table, "planning_share").iter().sum::<f64>() / 20_000.0, 0.70);
    near(numbers(&table, "execution_share").iter().sum::<f64>() / 20_000.0, 0.20);
}

fn labels_unclear(table: &Table, row: usize) -> bool {
    table.get("user_occupation").and_then(|column| column.text(row)).as_deref() == Some("Unclear")
}

/// Adjusted rates by level: level indicators and absorbed cells by repeated centring of the normal equations' rows.
fn adjusted_rates(cells: &[u64], levels: &[usize], success: &[f64]) -> [f64; 5] {
    let mut code = FxHashMap::default();
    let cells: Vec<usize> = cells
        .iter()
        .map(|&cell| {
            let next = code.len();
            *code.entry(cell).or_insert(next)
        })
        .collect();
    let mut sums = vec![[0.0; 7]; code.len()]; // levels 1 to 5, success, count
    for ((&cell, &level), &success) in cells.iter().zip(levels).zip(success) {
        sums[cell][level - 1] += 1.0;
        sums[cell][5] += success;
        sums[cell][6] += 1.0;
    }
    let mut normal = [[0.0; 5]; 4]; // within-cell cross products of levels 2 to 5, then with success
    for ((&cell, &level), &success) in cells.iter().zip(levels).zip(success) {
        let sum = &sums[cell];
        let centred: [f64; 4] = std::array::from_fn(|k| f64::from(u8::from(level == k + 2)) - sum[k + 1] / sum[6]);
        for (i, row) in normal.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value += centred[i] * if j < 4 { centred[j] } else { success - sum[5] / sum[6] };
            }
        }
    }
    let coef = solve(normal);
    let size = success.len() as f64;
    let share = |level: usize| levels.iter().filter(|&&of| of == level).count() as f64 / size;
    let mean = success.iter().sum::<f64>() / size;
    let constant = mean - (0..4).map(|k| share(k + 2) * coef[k]).sum::<f64>();
    std::array::from_fn(|k| constant + if k == 0 { 0.0 } else { coef[k - 1] })
}

/// Gauss-Jordan elimination of a small positive definite system.
fn solve(mut rows: [[f64; 5]; 4]) -> [f64; 4] {
    for pivot in 0..4 {
        let scale = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|value| *value /= scale);
        let by = rows[pivot];
        for (_, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
            let factor = row[pivot];
            row.iter_mut().zip(by).for_each(|(value, by)| *value -= factor * by);
        }
    }
    rows.map(|row| row[4])
}

#[test]
fn adjusted_rates_come_near_the_published_ones() {
    let table = draw(40_000, 1);
    let expertise = labels(&table, "expertise");
    let outcome = labels(&table, "outcome");
    let [mode, month, task, occupation] = ["work_mode", "month", "task_occupation", "user_occupation"]
        .map(|name| table.get(name).expect("there").to_factor());
    let software = occupation.code_of("Computer and Mathematical");
    let value = numbers(&table, "task_value");
    let rows: Vec<usize> =
        (0..table.n_rows()).filter(|&row| expertise[row] != "Unclear" && outcome[row] != "No clear goal").collect();
    assert_eq!(rows.len(), 36_121);
    let cells: Vec<u64> = rows
        .iter()
        .map(|&row| {
            let band = [200.0, 1_000.0, 5_000.0].iter().filter(|&&cut| cut <= value[row]).count() as u64;
            let of = |factor: &crate::table::Factor| u64::from(factor.codes[row]);
            let is_software = u64::from(Some(occupation.codes[row]) == software);
            (((of(&mode) * 4 + band) * 7 + of(&month)) * 32 + of(&task)) * 2 + is_software
        })
        .collect();
    let levels: Vec<usize> = rows.iter().map(|&row| expertise[row].parse().expect("a level")).collect();
    let rates = |succeeds: &dyn Fn(usize) -> bool| {
        let success: Vec<f64> = rows.iter().map(|&row| f64::from(u8::from(succeeds(row)))).collect();
        adjusted_rates(&cells, &levels, &success)
    };
    let near = |found: [f64; 5], published: [f64; 5], tolerance: [f64; 5]| {
        for ((found, published), tolerance) in found.into_iter().zip(published).zip(tolerance) {
            assert!((found - published).abs() < tolerance, "{found} against {published}");
        }
    };
    // Three standard errors at a tenth of the published size, less what the quotas remove.
    let tolerance = [0.035, 0.010, 0.008, 0.008, 0.018];
    let signal = numbers(&table, "success_signal");
    let verified = rates(&|row| outcome[row] == "Succeeded" && signal[row] >= 4.0);
    near(verified, [0.145, 0.209, 0.283, 0.295, 0.329], tolerance);
    let judged = rates(&|row| outcome[row] == "Succeeded");
    near([judged[0], 0.0, 0.0, 0.0, judged[4]], [0.39, 0.0, 0.0, 0.0, 0.65], tolerance);
    let partial = rates(&|row| outcome[row] != "Failed");
    near(partial, [0.77, 0.86, 0.915, 0.917, 0.91], tolerance);
}
