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
