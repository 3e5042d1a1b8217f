//! The page as HTML, from the templates beside this file.

use super::Report;
use crate::figure::png::{BOLD, REGULAR};
use crate::output::html::running;
use base64::prelude::{BASE64_STANDARD, Engine};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("templates/report.html");
const STYLE: &str = include_str!("templates/report.css");
const SCRIPT: &str = include_str!("templates/report.js");

/// The report as one HTML document that needs nothing else.
///
/// # Errors
/// If the template and the report do not fit together, which no input can bring about.
pub fn html(report: &Report) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let exhibits = report
        .exhibits
        .iter()
        .map(|exhibit| super::Exhibit {
            picture: exhibit.picture.as_deref().map(inline),
            notes: exhibit.notes.iter().map(|note| running(note)).collect(),
            missing: exhibit.missing.as_deref().map(running),
            ..exhibit.clone()
        })
        .collect();
    let notices = report.notices.iter().map(|notice| running(notice)).collect();
    let report = Report { exhibits, notices, ..report.clone() };
    environment.render_str(
        TEMPLATE,
        Serde(Page { version: env!("CARGO_PKG_VERSION"), css: &style(), script: SCRIPT, report: &report }),
    )
}

/// What the template knows.
#[derive(Serialize)]
struct Page<'a> {
    version: &'static str,
    css: &'a str,
    script: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

/// The style sheet with the fonts of the figures: another font has other widths, and texts would run into each other.
fn style() -> String {
    let face = |weight: u16, font: &[u8]| {
        let data = BASE64_STANDARD.encode(font);
        format!(
            "@font-face {{ font-family: 'Open Sans'; font-weight: {weight}; src: url(data:font/ttf;base64,{data}) format('truetype'); }}\n"
        )
    };
    face(400, REGULAR) + &face(700, BOLD) + STYLE
}

/// An SVG document as a part of a page: its title would show wherever a pointer rests, and its values can be reached.
fn inline(svg: &str) -> String {
    let mut text = svg.replacen(r#" role="img""#, r#" role="group""#, 1);
    if let (Some(start), Some(end)) = (text.find("<title>"), text.find("</title>")) {
        let title = text[start + "<title>".len()..end].to_owned();
        text.replace_range(start..end + "</title>".len(), "");
        text = text.replacen("<svg ", &format!(r#"<svg aria-label="{title}" "#), 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Exhibit, Fact, Section};
    use super::*;

    fn report() -> Report {
        let svg = crate::figure::svg(&crate::figure::fixture::figure());
        Report {
            title: String::from("A <study>"),
            notices: vec![String::from("simulated & marked")],
            facts: vec![Fact { name: String::from("Sessions"), value: String::from("1,960") }],
            exhibits: vec![
                Exhibit {
                    id: String::from("figure5"),
                    name: String::from("Figure 5"),
                    title: String::from("Success"),
                    picture: Some(svg),
                    table: String::from("<table><tr><td>1</td></tr></table>"),
                    files: vec![String::from("figure5.svg")],
                    command: String::from("metier figure figure5 --data 'a b.csv'"),
                    ..Exhibit::default()
                },
                Exhibit {
                    id: String::from("figure4"),
                    name: String::from("Figure 4"),
                    missing: Some(String::from("the table has no `month`")),
                    ..Exhibit::default()
                },
            ],
            sections: vec![Section {
                id: String::from("methods"),
                title: String::from("Methods"),
                html: String::from("<p>OLS.</p>"),
            }],
            command: String::from("metier report"),
        }
    }

    #[test]
    fn the_page_is_whole_and_escapes_what_is_not_markup() {
        let text = html(&report()).unwrap();
        assert!(text.contains("<title>A &lt;study&gt;</title>"), "{}", &text[..400]);
        assert!(text.contains("simulated &amp; marked"));
        assert!(text.contains("<p>OLS.</p>") && text.contains("the table has no <code>month</code>"));
        assert!(
            !text.contains("http://") || text.matches("http://").count() == text.matches("http://www.w3.org").count()
        );
        assert!(!text.contains("https://"), "the page loads nothing");
        assert!(text.trim_end().ends_with("</html>"));
    }

    #[test]
    fn a_picture_inside_the_page_has_values_but_no_title_of_its_own() {
        let text = html(&report()).unwrap();
        let picture = &text[text.find("<svg").unwrap()..text.find("</svg>").unwrap()];
        assert!(picture.contains(r#"class="mark""#) && picture.contains(r#"role="group""#));
        assert!(!picture[..600].contains("<title>"), "{}", &picture[..600]);
    }
}
