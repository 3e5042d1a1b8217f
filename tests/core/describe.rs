//! Descriptive statistics with clustered errors against statsmodels and numpy (`describe.py`).
//!
//! Tolerance: 1e-10 relative for values and errors; 1e-8 for p-values, which scipy's far tails give to less. The jackknife
//! is another estimator of the same error and agrees to a few percent at 1,500 rows.

use crate::support::{close, floats, json, sessions};
use metier::describe::{Number, Sample, adjacent_steps, geometric_mean, mean, mean_log, quantile, ratio, share, trend};
use metier::expr::parse;
use metier::model::Workspace;
use metier::table::{ColumnData, Table};

const TOLERANCE: f64 = 1e-10;

fn sample(table: &Table, condition: Option<&str>) -> Sample {
    let workspace = Workspace::new(table);
    let filter = condition.map(|condition| parse(condition).unwrap());
    Sample::new(&workspace, &parse("user_id").unwrap(), filter.as_ref()).unwrap()
}

fn numbers(table: &Table, text: &str) -> Vec<f64> {
    match parse(text).unwrap().eval(table).unwrap() {
        ColumnData::Number(values) => values.to_vec(),
        ColumnData::Factor(_) => panic!("numbers"),
    }
}

fn same(what: &str, ours: &Number, expected: &[f64]) {
    close(what, ours.value, expected[0], TOLERANCE, 1e-12);
    close(&format!("{what}, error"), ours.std_error(), expected[1], TOLERANCE, 1e-12);
}

#[test]
fn statistics_by_group_equal_statsmodels_and_numpy() {
    let table = sessions(usize::MAX);
    let per_prompt = numbers(&table, "actions / prompts");
    let (actions, prompts) = (numbers(&table, "actions"), numbers(&table, "prompts"));
    let expected = json("describe.json");
    let mut logs = Vec::new();
    for level in expected["levels"].as_array().unwrap() {
        let name = level["level"].to_string();
        let rows = sample(&table, Some(&format!("expertise == {name}")));
        assert_eq!(
            (rows.n_rows() as u64, rows.n_users() as u64),
            (level["rows"].as_u64().unwrap(), level["users"].as_u64().unwrap())
        );
        same("mean", &mean(&rows, &per_prompt), &floats(&level["mean"]));
        same("geometric mean", &geometric_mean(&rows, &per_prompt), &floats(&level["geometric"]));
        same("ratio", &ratio(&rows, &actions, &prompts), &floats(&level["ratio"]));
        let log = mean_log(&rows, &per_prompt);
        same("mean logarithm", &log, &floats(&level["log_mean"]));
        assert_eq!(log.n_rows as u64, level["positive"].as_u64().unwrap());
        logs.push(log);
        for row in level["quantiles"].as_array().unwrap() {
            let [p, value, error, low, high] = floats(row).try_into().unwrap();
            let found = quantile(&rows, &per_prompt, p, 0.95);
            same(&format!("quantile {p}"), &found.number, &[value, error]);
            close("low", found.conf_low, low, TOLERANCE, 1e-12);
            close("high", found.conf_high, high, TOLERANCE, 1e-12);
        }
    }
    let logs: Vec<&Number> = logs.iter().collect();
    let mut found = adjacent_steps(&logs);
    found.push(trend(&logs, &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap());
    let mut wanted = expected["steps"].as_array().unwrap().clone();
    wanted.push(expected["trend"].clone());
    for (ours, row) in found.iter().zip(wanted) {
        let row = floats(&row);
        same("step or trend", ours, &row);
        let test = ours.test(0.95);
        close("p-value", test.p_value, row[2], 1e-8, 1e-30);
        assert_eq!(test.df, row[3]);
    }
}

#[test]
fn shares_equal_statsmodels() {
    let table = sessions(usize::MAX);
    let rows = sample(&table, None);
    for (mode, expected) in json("describe.json")["modes"].as_object().unwrap() {
        let is = numbers(&table, &format!("if(work_mode == \"{mode}\", 1, 0)"));
        same(mode, &share(&rows, |row| Some(is[row] == 1.0)), &floats(expected));
    }
}

#[test]
fn errors_are_near_the_jackknife() {
    let table = sessions(1_500);
    let rows = sample(&table, None);
    let per_prompt = numbers(&table, "actions / prompts");
    let (actions, prompts) = (numbers(&table, "actions"), numbers(&table, "prompts"));
    let is_fix = numbers(&table, "if(work_mode == \"Fix\", 1, 0)");
    let expected = &json("describe.json")["jackknife"];
    let near = |name: &str, ours: &Number| {
        let other = expected[name].as_f64().unwrap();
        assert!((ours.std_error() / other - 1.0).abs() < 0.02, "{name}: {} against {other}", ours.std_error());
    };
    near("mean", &mean(&rows, &per_prompt));
    near("geometric", &geometric_mean(&rows, &per_prompt));
    near("ratio", &ratio(&rows, &actions, &prompts));
    near("share", &share(&rows, |row| Some(is_fix[row] == 1.0)));
}
