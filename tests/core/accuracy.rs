//! NIST's Statistical Reference Datasets: how many certified digits come out, beside R and statsmodels (`nist.py`).
//!
//! The table in `docs/accuracy.md` is what this test computes; `METIER_BLESS=1` writes it anew.

use crate::support::{Model, csv, json, model, path, run};
use metier::result::{Family, ModelFit, VcovKind};
use metier::table::{Column, Factor, Table};
use serde_json::Value;

/// Constant in front of the generated analyses of variance, and rows at each treatment.
const SIMON_LESAGE: [(&str, u64, usize); 9] = [
    ("SmLs01", 1, 21),
    ("SmLs02", 1, 201),
    ("SmLs03", 1, 2001),
    ("SmLs04", 1_000_000, 21),
    ("SmLs05", 1_000_000, 201),
    ("SmLs06", 1_000_000, 2001),
    ("SmLs07", 1_000_000_000_000, 21),
    ("SmLs08", 1_000_000_000_000, 201),
    ("SmLs09", 1_000_000_000_000, 2001),
];

/// Correct digits of the five things that NIST certifies; `None` where it certifies nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Digits {
    coef: Option<f64>,
    se: Option<f64>,
    sigma: Option<f64>,
    r2: Option<f64>,
    f: Option<f64>,
}

impl Digits {
    fn all(&self) -> [Option<f64>; 5] {
        [self.coef, self.se, self.r2, self.sigma, self.f]
    }

    fn of_peer(value: &Value) -> Self {
        let get = |key: &str| value.get(key).and_then(Value::as_f64);
        Digits { coef: get("coef"), se: get("se"), sigma: get("sigma"), r2: get("r2"), f: get("f") }
    }
}

/// Log relative error, or log absolute error where the certified value is zero; 15 at most.
fn lre(ours: f64, certified: f64) -> f64 {
    let error = if certified == 0.0 { ours.abs() } else { ((ours - certified) / certified).abs() };
    match error {
        0.0 => 15.0,
        _ if error.is_nan() => 0.0,
        _ => (-error.log10()).clamp(0.0, 15.0),
    }
}

fn number(value: &Value) -> f64 {
    value.as_str().expect("certified values are text").parse().unwrap()
}

fn worst<'a>(ours: impl Iterator<Item = f64>, certified: impl IntoIterator<Item = &'a Value>) -> Option<f64> {
    let mut certified = certified.into_iter();
    let least = ours.map(|ours| certified.next().map_or(0.0, |c| lre(ours, number(c)))).fold(15.0, f64::min);
    Some(if certified.next().is_some() { 0.0 } else { least })
}

fn iid(formula: &str) -> Model {
    let mut spec = model(formula);
    spec.cluster = Vec::new();
    spec.options.family = Family::Ols;
    spec.options.vcov = VcovKind::Iid;
    spec
}

fn regression(name: &str, case: &Value) -> (ModelFit, Digits) {
    let mut table = match name {
        "Longley" => csv("longley.csv", usize::MAX),
        "Norris" => norris(),
        _ => csv(&format!("nist/{name}.csv"), usize::MAX),
    };
    let mut formula = case["formula"].as_str().unwrap().to_owned();
    if name == "Longley" {
        // the file has R's units, NIST's are people, thousands of dollars and tenths
        for (column, unit) in
            [("GNP", 1e3), ("Unemployed", 10.0), ("Armed.Forces", 10.0), ("Population", 1e3), ("Employed", 1e3)]
        {
            let scaled = table.columns().iter().find(|c| c.name == column).expect("column");
            let metier::table::ColumnData::Number(values) = &scaled.data else { panic!("{column} is a number") };
            // decimals times a power of ten: the nearest double of the product's decimal digits
            let values = values.iter().map(|v| (v * unit).round()).collect();
            table.insert(Column::number(column, values));
        }
        formula = formula.replace("y ~", "Employed ~").replace("GNP.deflator", "`GNP.deflator`");
        formula = formula.replace("Armed.Forces", "`Armed.Forces`");
    }
    let fit = run(&table, &iid(&formula)).fit;
    let digits = Digits {
        coef: worst(fit.coefficients.iter().map(|c| c.estimate), case["coef"].as_array().unwrap()),
        se: worst(fit.coefficients.iter().map(|c| c.std_error), case["se"].as_array().unwrap()),
        sigma: Some(lre(fit.fit.sigma, number(&case["sigma"]))),
        r2: Some(lre(fit.fit.r2, number(&case["r2"]))),
        f: (!case["f"].is_null()).then(|| lre(fit.fit.f_statistic, number(&case["f"]))),
    };
    (fit, digits)
}

/// Pairs of numbers behind the header of one of NIST's files.
fn pairs(name: &str, first: usize) -> Vec<(String, f64)> {
    let text = std::fs::read_to_string(path(&format!("data/nist/{name}.dat"))).unwrap();
    let rows = text.lines().skip(first).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() == 2).map(|row| (row[0].to_owned(), row[1].parse().unwrap())).collect()
}

fn norris() -> Table {
    let rows = pairs("Norris", 60);
    let mut table = Table::new(rows.len());
    table.insert(Column::number("y", rows.iter().map(|row| row.0.parse().unwrap()).collect()));
    table.insert(Column::number("x", rows.iter().map(|row| row.1).collect()));
    table
}

fn analysis(name: &str, case: &Value) -> Digits {
    let rows = match SIMON_LESAGE.iter().find(|set| set.0 == name) {
        Some(&(_, constant, replicates)) => {
            let tenths = |row: usize| match (row, row % 2) {
                (0, _) => 0,
                (_, 1) => -1,
                _ => 1,
            };
            let mean = [4, 3, 5, 3, 5, 3, 5, 3, 5];
            let row = |t: usize, row: usize| {
                (t.to_string(), format!("{constant}.{}", mean[t] + tenths(row)).parse::<f64>().unwrap())
            };
            (0..9).flat_map(|t| (0..replicates).map(move |r| row(t, r))).collect()
        }
        None => pairs(name, 60),
    };
    assert_eq!(rows.len(), case["n"].as_u64().unwrap() as usize, "{name}");
    let mut table = Table::new(rows.len());
    let labels: Vec<Option<&str>> = rows.iter().map(|row| Some(row.0.as_str())).collect();
    table.insert(Column::factor("treatment", Factor::from_labels(&labels)));
    table.insert(Column::number("y", rows.iter().map(|row| row.1).collect()));
    let fit = run(&table, &iid("y ~ i(treatment)")).fit;
    Digits {
        coef: None,
        se: None,
        sigma: Some(lre(fit.fit.sigma, number(&case["sigma"]))),
        r2: Some(lre(fit.fit.r2, number(&case["r2"]))),
        f: Some(lre(fit.fit.f_statistic, number(&case["f"]))),
    }
}

/// Entries by name: whether a JSON object keeps its order depends on the features of the build.
fn sorted(value: &Value) -> std::collections::BTreeMap<&str, &Value> {
    value.as_object().unwrap().iter().map(|(name, case)| (name.as_str(), case)).collect()
}

/// One row of the table: ours / R / statsmodels.
fn row(name: &str, n: &Value, ours: Digits, r: Digits, statsmodels: Digits) -> String {
    let text = |digits: Option<f64>| digits.map_or(String::from("-"), |digits| format!("{digits:.1}"));
    let cell = |at: usize| match ours.all()[at] {
        None => String::new(),
        own => format!("**{}** / {} / {}", text(own), text(r.all()[at]), text(statsmodels.all()[at])),
    };
    format!("| {name} | {n} | {} | {} | {} | {} | {} |\n", cell(0), cell(1), cell(2), cell(3), cell(4))
}

#[test]
fn certified_digits_are_those_of_the_documentation() {
    let reference = json("nist.json");
    let (r, statsmodels) = (&reference["peers"]["R"], &reference["peers"]["statsmodels"]);
    let version = |peer: &Value| peer["version"].as_str().unwrap().to_owned();
    let peer = |peer: &Value, name: &str| Digits::of_peer(&peer["digits"][name]);
    let mut text = format!(
        "Correct digits: **Metier** / R {} `lm` / statsmodels {} `OLS`.\n\n\
         | set | n | coefficients | standard errors | R² | residual SD | F |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        version(r),
        version(statsmodels)
    );
    let mut behind = Vec::new();
    let mut judge = |name: &str, ours: Digits, theirs: Digits, case: &Value| {
        let attainable = Digits::of_peer(&case["attainable"]).all();
        for (at, what) in ["coefficients", "errors", "R2", "sigma", "F"].iter().enumerate() {
            // more than the exact solution of the rounded data has is luck, from 14.5 digits on the rounding of the result
            // decides, and a tenth of a digit is a quarter of the error
            if let (Some(ours), Some(theirs), Some(limit)) = (ours.all()[at], theirs.all()[at], attainable[at])
                && (ours < theirs.min(limit).min(14.5) - 0.1 || ours < limit.min(14.5) - 0.3)
            {
                behind.push(format!("{name} {what}: {ours:.2} digits, R {theirs:.2}, attainable {limit:.2}"));
            }
        }
    };
    for (name, case) in sorted(&reference["regressions"]) {
        let (fit, ours) = regression(name, case);
        assert!(fit.dropped_terms.is_empty(), "{name} drops {:?}", fit.dropped_terms);
        let key = if name == "Filip" { "Filip_tol" } else { name };
        judge(name, ours, peer(r, key), case);
        let label = if name == "Filip" { "Filip ¹" } else { name };
        text += &row(label, &case["n"], ours, peer(r, key), peer(statsmodels, name));
    }
    for (name, case) in sorted(&reference["analyses"]) {
        let ours = analysis(name, case);
        judge(name, ours, peer(r, name), case);
        text += &row(name, &case["n"], ours, peer(r, name), peer(statsmodels, name));
    }
    println!("{text}");
    assert!(behind.is_empty(), "{behind:#?}");
    let file = path("../docs/accuracy.md");
    let page = std::fs::read_to_string(&file).expect("docs/accuracy.md");
    let (begin, end) = ("<!-- digits: begin -->\n", "<!-- digits: end -->");
    let (from, to) = (page.find(begin).expect("marker") + begin.len(), page.find(end).expect("marker"));
    if std::env::var_os("METIER_BLESS").is_some() {
        std::fs::write(&file, format!("{}{text}{}", &page[..from], &page[to..])).unwrap();
    } else {
        assert_eq!(&page[from..to], text, "docs/accuracy.md is out of date; METIER_BLESS=1 writes it anew");
    }
}
