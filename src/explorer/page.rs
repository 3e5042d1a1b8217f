//! The page as HTML, from the templates beside this file.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::data::{self, Level};
use super::pairs::{self, Packed};
use super::words::{self, Fact};
use crate::curve::Curve;
use crate::output::number::count;

const TEMPLATE: &str = include_str!("templates/explorer.html");
const STYLE: &str = include_str!("templates/explorer.css");
/// The script in parts, each about one thing; together they are one function.
const SCRIPT: [&str; 5] = [
    include_str!("templates/core.js"),
    include_str!("templates/charts.js"),
    include_str!("templates/curve.js"),
    include_str!("templates/views.js"),
    include_str!("templates/page.js"),
];

/// Most bytes of a page, so that it can be sent by mail and opens at once.
const LARGEST: usize = 4_900_000;

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExplorerError {
    /// The curve contradicts itself.
    #[error("the curve cannot be explored: {0}")]
    Curve(String),
    /// The numbers could not be written.
    #[error("the numbers of the curve could not be written")]
    Data(#[from] serde_json::Error),
    /// The template and the curve do not fit together.
    #[error("the page could not be written")]
    Template(#[from] minijinja::Error),
}

/// What the template knows.
#[derive(Serialize)]
struct Page<'a> {
    version: &'static str,
    css: &'static str,
    script: String,
    title: &'a str,
    effect: &'a str,
    notice: Option<&'a str>,
    facts: Vec<Fact>,
    statements: Vec<String>,
    levels: &'a [Level],
    planned: bool,
    failures: usize,
    rounding: String,
    sources: &'a [String],
    command: &'a str,
    data: String,
    pairs: String,
}

/// The explorer of a curve: one HTML document that needs nothing else, under 5 MB.
///
/// Standard errors of differences between any two specifications are inside: to 16 bits where they fit, else with fewer,
/// and for more than about 2,000 specifications those of the effect only, or only those from the baseline; the page says
/// how far they are rounded.
///
/// # Errors
/// If the curve contradicts itself, e.g. a specification has an option that its choice lacks.
pub fn page(curve: &Curve) -> Result<String, ExplorerError> {
    checked(curve)?;
    let levels = data::levels(curve);
    let data = for_script(&serde_json::to_string(&data::value(curve, &levels))?);
    let positions = data::outcomes(curve).count();
    let empty = rendered(curve, &levels, data.clone(), &[], positions)?;
    let packed = pairs::pack(curve, positions, LARGEST.saturating_sub(empty.len()));
    rendered(curve, &levels, data, &packed, positions)
}

fn rendered(
    curve: &Curve,
    levels: &[Level],
    data: String,
    packed: &[Option<Packed>],
    positions: usize,
) -> Result<String, ExplorerError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        css: STYLE,
        script: SCRIPT.concat(),
        title: &curve.title,
        effect: &curve.effect_label,
        notice: curve.data_note.as_deref(),
        facts: words::facts(curve),
        statements: words::statements(curve),
        levels,
        planned: curve.specifications.iter().any(|one| one.planned.is_some()),
        failures: curve.specifications.len() - positions,
        rounding: rounding(curve, packed),
        sources: &curve.sources,
        command: &curve.command,
        data,
        pairs: for_script(&serde_json::to_string(&data::pairs(packed, positions))?),
    };
    Ok(environment.render_str(TEMPLATE, Serde(page))?)
}

/// JSON that may stand inside a script: nothing in it can end the element.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// How far the errors of pairs are rounded.
fn rounding(curve: &Curve, packed: &[Option<Packed>]) -> String {
    let shown = |part: &[Option<Packed>]| {
        let all = part.iter().flatten().map(Packed::rounding);
        let largest = all.fold(f64::NAN, f64::max);
        largest.is_finite().then(|| format!("{}%", rounded_up(100.0 * largest)))
    };
    let (effect, rates) = packed.split_at(packed.len().min(1));
    let groups = curve.joint.as_ref().filter(|joint| !joint.groups_are_clusters).map(|joint| count(joint.groups));
    let over = groups.map_or(String::from("clusters"), |groups| format!("{groups} groups of clusters"));
    let errors = format!(
        "Standard errors of differences come from influence functions: of the effect from the baseline summed over clusters, \
         of all others over {over}."
    );
    match (shown(effect), shown(rates)) {
        (Some(effect), Some(rates)) => format!(
            "{errors} Between specifications that are both not the baseline they are rounded to fit this file, by at most \
             {effect} of their size (effect) and {rates} (rates)."
        ),
        (Some(effect), None) => format!(
            "{errors} Between specifications that are both not the baseline, those of the effect are rounded to fit this \
             file, by at most {effect} of their size, and those of rates are left out."
        ),
        (None, _) => {
            format!("{errors} This file has those from the baseline; those of other pairs did not fit.")
        }
    }
}

/// Two significant digits, never less than the value.
fn rounded_up(value: f64) -> String {
    if value <= 0.0 {
        return String::from("0");
    }
    let decimals = (1 - value.log10().floor() as i32).max(0);
    let unit = 10f64.powi(-decimals);
    format!("{:.*}", decimals as usize, (value / unit).ceil() * unit)
}

/// Everything that the page refers to by position is there.
fn checked(curve: &Curve) -> Result<(), ExplorerError> {
    let wrong = |what: String| Err(ExplorerError::Curve(what));
    if curve.specifications.is_empty() {
        return wrong(String::from("it has no specification"));
    }
    if curve.baseline >= curve.specifications.len() {
        return wrong(format!(
            "its baseline is specification {} of {}",
            count(curve.baseline + 1),
            curve.specifications.len()
        ));
    }
    if curve.numbers.len() != curve.covariances.len() || curve.numbers.first().is_none_or(|first| first != "effect") {
        return wrong(String::from("its numbers and covariances do not fit together"));
    }
    let positions = data::outcomes(curve).count();
    for (number, covariances) in curve.numbers.iter().zip(&curve.covariances) {
        if covariances.len() != positions * (positions + 1) / 2 {
            return wrong(format!("{} covariances of `{number}` for {positions} specifications", covariances.len()));
        }
    }
    for one in &curve.specifications {
        let fits = one.options.len() == curve.choices.len()
            && one.options.iter().zip(&curve.choices).all(|(option, choice)| *option < choice.options.len());
        if !fits {
            return wrong(format!("the options of specification {} are not among the choices", one.id));
        }
        if one.outcome.as_ref().is_ok_and(|outcome| outcome.position >= positions) {
            return wrong(format!("specification {} has no covariances", one.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::fixture::curve;

    #[test]
    fn the_page_is_whole_and_escapes_what_is_not_markup() {
        let mut curve = curve(1);
        curve.title = String::from("A <curve>");
        curve.specifications[3].formula = String::from("y ~ x </script><b>");
        let text = page(&curve).unwrap();
        assert!(text.contains("<title>A &lt;curve&gt;</title>"));
        assert!(!text.contains("</script><b>") && text.contains("\\u003c/script>\\u003cb>"));
        assert!(text.contains("Users with five sessions or more & a clear goal"), "data is not markup");
        assert_eq!(
            text.matches("http://").count(),
            text.matches("http://www.w3.org").count(),
            "the page loads nothing"
        );
        assert!(!text.contains("https://") && text.trim_end().ends_with("</html>"));
        assert!(!text.contains("NaN,") && !text.contains("{{") && !text.contains("{%"));
    }

    /// Pages to look at: `METIER_PICTURES=folder cargo test --lib explorer`.
    #[test]
    fn a_thousand_specifications_are_under_five_megabytes() {
        for (wide, least, effect_bits) in [(1, 160, 16), (6, 1_000, 10), (12, 2_000, 8)] {
            let curve = curve(wide);
            assert!(curve.specifications.len() >= least && curve.numbers.len() == 6);
            let text = page(&curve).unwrap();
            assert!(text.len() < 5_000_000, "{} bytes for {}", text.len(), curve.specifications.len());
            let bits = text.split("\"bits\":").skip(1).filter_map(|rest| rest.split(',').next()?.parse::<u32>().ok());
            let bits: Vec<u32> = bits.collect();
            assert!(bits.first().is_some_and(|bits| *bits >= effect_bits), "{bits:?}");
            assert!(wide > 6 || bits.len() == 6, "{bits:?}");
            if let Some(folder) = std::env::var_os("METIER_PICTURES") {
                println!("{} specifications: {} bytes, {bits:?} bits", curve.specifications.len(), text.len());
                std::fs::write(std::path::Path::new(&folder).join(format!("explorer_{wide}.html")), text).unwrap();
            }
        }
    }

    #[test]
    fn a_curve_that_contradicts_itself_is_refused() {
        let mut one = curve(1);
        one.specifications[5].options[0] = 9;
        assert!(matches!(page(&one), Err(ExplorerError::Curve(what)) if what.contains("not among the choices")));
        let mut one = curve(1);
        one.covariances[2].pop();
        assert!(matches!(page(&one), Err(ExplorerError::Curve(what)) if what.contains("`rate::2`")));
        let mut one = curve(1);
        one.baseline = 10_000;
        assert!(page(&one).is_err());
    }

    #[test]
    fn rounding_is_stated_upwards() {
        assert_eq!(rounded_up(0.0), "0");
        assert_eq!(rounded_up(0.01234), "0.013");
        assert_eq!(rounded_up(1.61), "1.7");
        assert_eq!(rounded_up(23.2), "24");
        assert!(
            rounding(&curve(1), &[]).contains("over 4,096 groups of clusters. This file has those from the baseline;")
        );
    }

    #[test]
    fn a_curve_of_one_specification_has_a_page() {
        let mut one = curve(1);
        let kept = one.specifications[one.baseline].clone();
        one.specifications = vec![kept];
        if let Ok(outcome) = &mut one.specifications[0].outcome {
            outcome.position = 0;
        }
        one.covariances.iter_mut().for_each(|covariances| covariances.truncate(1));
        (one.baseline, one.joint) = (0, None);
        assert!(page(&one).unwrap().contains("There is no joint test"));
    }
}
