//! The explorer in a real browser: by keyboard and pointer, wide and narrow, light and dark.

use std::path::Path;
use std::process::Command;

use metier::curve::{Curve, Outcome};
use metier::explorer::page;
use serde_json::json;

use crate::curve_fixture::curve;
use crate::report::browser;
use crate::support::Folder;

/// What a reader does, appended to the page.
const READER: &str = include_str!("explorer.js");

/// A page as wide as a telephone, which no window of the browser is: it takes the verdict as its title.
const TELEPHONE: &str = "<!doctype html><title>no verdict</title><style>body { margin: 0 }</style>\
    <iframe src='read.html' style='border: 0; width: 400px; height: 860px'></iframe>\
    <script>addEventListener('message', (event) => { document.title = event.data; });</script>";

/// Opens a page and returns its title once nothing moves any more, and the messages of the browser.
fn open(browser: &Path, page: &Path, width: usize, dark: bool) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=60000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"));
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    let document = String::from_utf8_lossy(&output.stdout).into_owned();
    let title = document.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    (title.unwrap_or_default().to_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The differences between two specifications in percentage points, rates first, and their errors from the covariance.
fn pair(curve: &Curve, from: (&str, &Outcome), to: (&str, &Outcome)) -> serde_json::Value {
    let mut differences: Vec<f64> =
        to.1.rates.iter().zip(&from.1.rates).map(|(to, from)| 100.0 * (to.estimate - from.estimate)).collect();
    differences.push(100.0 * (to.1.effect.estimate - from.1.effect.estimate));
    let numbers =
        (1..curve.numbers.len()).chain([0]).skip(if differences.len() == 1 { curve.numbers.len() - 1 } else { 0 });
    let errors: Vec<f64> =
        numbers.map(|number| 100.0 * curve.error_of_difference(number, to.1.position, from.1.position)).collect();
    json!({ "from": from.0, "to": to.0, "differences": differences, "errors": errors })
}

fn expected(curve: &Curve, dark: bool) -> serde_json::Value {
    let done: Vec<(&str, &Outcome)> =
        curve.specifications.iter().filter_map(|one| Some((one.id.as_str(), one.outcome.as_ref().ok()?))).collect();
    let rated: Vec<(&str, &Outcome)> = done.iter().copied().filter(|(_, outcome)| !outcome.rates.is_empty()).collect();
    let failed = curve.specifications.iter().find_map(|one| Some((&one.id, one.outcome.as_ref().err()?)));
    let (id, failure) = failed.expect("the fixture has failures");
    let last = rated.len() - 1;
    let baseline = &curve.specifications[curve.baseline];
    let baseline = (baseline.id.as_str(), baseline.outcome.as_ref().expect("the baseline has an estimate"));
    json!({
        "pairs": [
            pair(curve, rated[3], rated[last]),
            pair(curve, rated[last / 2], rated[1]),
            pair(curve, rated[last - 4], rated[last / 3]),
            pair(curve, baseline, rated[7]),
        ],
        "failed": { "id": id, "reason": failure.reason },
        "done": done.len(),
        "ids": [rated[5].0],
        "dark": dark,
    })
}

/// Without a browser this test says so and checks the page's text only.
#[test]
fn the_explorer_serves_a_reader() {
    let curve = curve(1);
    let text = page(&curve).unwrap();
    assert!(text.contains("id=\"curve\"") && text.contains("id=\"table-button\""));
    let Some(browser) = browser() else {
        eprintln!("no browser found: the page was not opened");
        return;
    };
    for (width, dark) in [(1280, false), (1280, true), (400, false)] {
        let reader = format!("<script>window.EXPECTED = {};\n{READER}</script></body>", expected(&curve, dark));
        let folder =
            Folder::new().with("read.html", text.replace("</body>", &reader)).with("telephone.html", TELEPHONE);
        let name = if width < 500 { "telephone.html" } else { "read.html" };
        let (title, messages) = open(&browser, &folder.path(name), width, dark);
        assert_eq!(title, "A READER IS CONTENT", "at {width}, dark {dark}: {messages}");
        assert!(!messages.contains("CONSOLE"), "at {width}, dark {dark}: {messages}");
    }
}

/// A page of 2,000 specifications draws its first picture soon; the bound is loose, since machines differ.
#[test]
fn many_specifications_are_drawn_soon() {
    let Some(browser) = browser() else {
        eprintln!("no browser found: the page was not opened");
        return;
    };
    let text = page(&curve(12)).unwrap();
    let timed = "<script>document.title = document.querySelectorAll('#curve path').length > 10 && performance.now() < 10000 \
        ? 'DRAWN in ' + Math.round(performance.now()) : 'SLOW ' + performance.now();</script></body>";
    let folder = Folder::new().with("read.html", text.replace("</body>", timed));
    let (title, messages) = open(&browser, &folder.path("read.html"), 1280, false);
    assert!(title.starts_with("DRAWN"), "{title}: {messages}");
    assert!(!messages.contains("CONSOLE"), "{messages}");
}
