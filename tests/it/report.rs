//! The page of the study: whole, without a network, and alive in a browser.

use crate::support::{Folder, root};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a reader does, appended to the page; the outcome becomes its title, which the browser prints.
const READER: &str = r#"
<script>
window.addEventListener('load', () => {
  const wrong = [];
  const check = (what, good) => { if (!good) wrong.push(what); };
  const key = (target, name) => target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  const tip = document.getElementById('tip');
  const pictures = [...document.querySelectorAll('.picture')];
  check('pictures', pictures.length > 0);
  pictures.forEach((picture, i) => {
    const marks = picture.querySelectorAll('.mark');
    check('marks of picture ' + i, marks.length > 1);
    picture.focus();
    check('focus ' + i, document.activeElement === picture);
    key(picture, 'ArrowRight');
    const first = tip.textContent;
    check('tip ' + i, !tip.hidden && first === marks[0].getAttribute('aria-label') && /\d/.test(first));
    key(picture, 'ArrowRight');
    check('next tip ' + i, tip.textContent === marks[1].getAttribute('aria-label'));
    key(picture, 'Escape');
    check('closed tip ' + i, tip.hidden);
    marks[0].dispatchEvent(new PointerEvent('pointerenter'));
    check('pointer ' + i, !tip.hidden && tip.textContent === first);
    marks[0].dispatchEvent(new PointerEvent('pointerleave'));
    const svg = picture.querySelector('svg').getBoundingClientRect();
    check('size ' + i, svg.width > 300 && svg.height > 150);
    picture.querySelectorAll('text').forEach((text) => {
      const box = text.getBoundingClientRect();
      check('clipped text: ' + text.textContent,
        box.left >= svg.left - 1 && box.right <= svg.right + 1 && box.top >= svg.top - 1 && box.bottom <= svg.bottom + 1);
    });
  });
  document.querySelectorAll('details').forEach((details, i) => {
    const summary = details.querySelector('summary');
    summary.focus();
    check('summary focus ' + i, document.activeElement === summary);
    summary.click();
    check('table ' + i, details.open && details.querySelectorAll('tbody tr').length > 0);
    summary.click();
  });
  window.dispatchEvent(new Event('beforeprint'));
  check('printed open', [...document.querySelectorAll('details')].every((details) => details.open));
  window.dispatchEvent(new Event('afterprint'));
  check('closed again', [...document.querySelectorAll('details')].every((details) => !details.open));
  document.querySelectorAll('nav a').forEach((link) => check('link ' + link.hash, document.querySelector(link.hash)));
  check('no wider than the screen', document.documentElement.scrollWidth <= window.innerWidth + 1);
  document.title = wrong.length ? 'WRONG: ' + wrong.slice(0, 12).join(' | ') : 'A READER IS CONTENT';
});
</script>
"#;

/// A browser, if the machine has one.
pub fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders = std::env::var_os("PATH").map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    folders.into_iter().flatten().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// Opens a page and returns what the browser says: the document, then its messages.
fn open(browser: &Path, page: &Path, width: usize) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Without a browser this test says so and checks the page's text only.
#[test]
fn the_page_serves_a_reader_with_a_keyboard() {
    let folder = Folder::new();
    let data = root().join("data/example_sessions.csv");
    let data = data.to_str().unwrap();
    let ran = folder.run(&["report", "--data", data, "--map", "task_value=price", "--out", "r", "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let page = folder.read("r/report.html");
    assert!(page.contains("Figure 5") && page.contains("id=\"methods\"") && page.contains("id=\"comparison\""));
    assert!(page.contains("<code>metier fit --model table_a2"));
    assert!(!page.contains("https://"), "the page needs a network");
    let Some(browser) = browser() else {
        eprintln!("no browser found: the page was not opened");
        return;
    };
    let folder = folder.with("read.html", page.replace("</body>", &format!("{READER}</body>")));
    for width in [1280, 500] {
        let (document, messages) = open(&browser, &folder.path("read.html"), width);
        let title = document.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
        assert_eq!(title, Some("A READER IS CONTENT"), "at {width}: {messages}");
        assert!(!messages.contains("CONSOLE"), "at {width}: {messages}");
    }
}

/// Rows of the synthetic table as CSV lines, header first.
fn drawn(folder: &Folder, sessions: &str) -> Vec<String> {
    folder.run(&["simulate", "--sessions", sessions, "--out", "s.csv", "--quiet"]).ok();
    folder.read("s.csv").lines().map(str::to_owned).collect()
}

/// A page that is whole: no number that does not exist, and every exhibit drawn or its absence explained.
fn check_page(page: &str, name: &str) {
    for wrong in [">NaN<", ">inf<", "\"NaN", "NaN%", "`"] {
        let body = &page[page.find("<body>").expect("a body")..page.find("<script>").expect("a script")];
        assert!(!body.contains(wrong), "{name}: {wrong}");
    }
    let parts = page.split("class=\"exhibit\"").skip(1);
    let exhibits: Vec<&str> = parts.map(|part| part.split("</section>").next().expect("its end")).collect();
    assert_eq!(exhibits.len(), 11, "{name}");
    for exhibit in exhibits {
        let is_made = exhibit.contains("<svg") || exhibit.contains("<table>");
        assert!(is_made != exhibit.contains("Not made: "), "{name}: {}", &exhibit[..300]);
    }
}

#[test]
fn odd_tables_are_reported_as_far_as_they_go() {
    let folder = Folder::new();
    let lines = drawn(&folder, "400");
    let header: Vec<&str> = lines[0].split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let of = |lines: &[String]| lines.join("\n") + "\n";
    let few: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(row, line)| {
            // no column before these holds a comma
            let fields: Vec<&str> = line.split(',').collect();
            let outcome = match row {
                0 => "verified_success",
                row if row % 3 == 0 => "1",
                _ => "0",
            };
            format!("{},{},{outcome}", fields[at("user_id")], fields[at("expertise")])
        })
        .collect();
    // nobody to compare with
    let known = lines.iter().filter(|line| line.split(',').nth(at("expertise")) != Some("1"));
    let sixty: Vec<String> = known.take(61).cloned().collect();
    let folder = folder.with("few.csv", of(&few)).with("one.csv", of(&lines[..2])).with("sixty.csv", of(&sixty));
    for (name, made, absent) in [
        ("few", "Table A1", "there is no column <code>work_mode</code>"),
        ("one", "Figure 1", "a change needs two positions"),
        ("sixty", "Figure 4", "has no rows in the sample"),
    ] {
        let ran = folder.run(&["report", "--data", &format!("{name}.csv"), "--out", name]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        assert!(ran.err.contains("left out "), "{name}: {}", ran.err);
        let page = folder.read(&format!("{name}/report.html"));
        check_page(&page, name);
        assert!(page.contains(made) && page.contains(absent), "{name}");
        assert!(!folder.path(&format!("{name}/figure5.svg")).exists(), "{name}");
        let compared = folder.read(&format!("{name}/comparison.csv"));
        assert!(compared.contains("not computed,") && !compared.contains("NaN"), "{name}");
    }
    assert!(folder.path("few/table_a1.tex").exists() && !folder.path("few/table_a2.csv").exists());
    let nothing = folder.with("nothing.csv", "a,b\n1,2\n");
    let ran = nothing.run(&["report", "--data", "nothing.csv", "--out", "n"]);
    assert!(ran.code == 2 && !nothing.path("n").exists(), "{}", ran.err);
}

#[test]
fn small_cells_are_hidden_in_every_file() {
    let folder = Folder::new();
    drawn(&folder, "2500");
    let ran = folder.run(&["report", "--data", "s.csv", "--out", "r", "--min-users", "60", "--round", "3"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let files = folder.files();
    assert!(files.contains("r/table_a2.csv") && files.contains("r/figure5.csv"), "{files:?}");
    assert!(files.iter().all(|name| !name.contains("results.") && !name.contains("_fits.")), "{files:?}");
    // 2,500 sessions hold some 40 novices: they and the next smallest level are gone, wherever they stand
    let levels = folder.read("r/table_a2.csv");
    let gone: Vec<&str> = levels.lines().filter(|line| line.contains("suppressed: ")).collect();
    assert!(gone.len() >= 2, "{levels}");
    for line in &gone {
        assert!(line.contains(",,,,,,,,,,,\"suppressed: "), "{line}");
    }
    assert!(folder.read("r/table_a2.md").contains("suppressed"));
    let points = folder.read("r/figure5.csv");
    for level in gone.iter().map(|line| line.split(',').next().expect("a level")) {
        let of_level: Vec<&str> = points.lines().filter(|line| line.contains(&format!(",all,{level},"))).collect();
        assert!(!of_level.is_empty() && of_level.iter().all(|line| line.contains("suppressed: ")), "{level}: {points}");
    }
    let compared = folder.read("r/comparison.csv");
    assert!(compared.lines().any(|line| line.starts_with("Table A2") && line.contains("suppressed: ")), "{compared}");
    // the lock file and the page hold no more than the tables
    let lock: serde_json::Value = serde_json::from_str(&folder.read("r/metier.lock.json")).expect("JSON");
    assert_eq!(lock["results"]["models"], serde_json::json!([]));
    let kept = lock["exhibits"].as_array().expect("exhibits").iter().find(|row| row["file"] == "table_a2.csv");
    assert!(kept.expect("Table A2")["rows"].to_string().contains("suppressed: "));
    assert!(
        folder.read("r/report.html").contains("<td class=\"words\">suppressed</td>")
            || folder.read("r/report.html").contains("<td>suppressed</td>")
    );
    // three decimals at most
    let rates = levels.lines().skip(1).filter(|line| !line.contains("suppressed")).flat_map(|line| line.split(','));
    for number in rates.filter(|field| field.starts_with("0.")) {
        assert!(number.len() <= 5, "{number}");
    }
}
