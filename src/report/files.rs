//! The files of an exhibit: pictures, values for readers, values for scripts.

use super::Exhibit;
use crate::figure::{Picture, PictureError, pdf};
use crate::output::{json_text, latex, markdown};

/// Pixels of a picture per unit of its SVG.
const SHARP: f32 = 2.0;

/// Name and content of every file; none for an exhibit that was not made.
///
/// # Errors
/// A picture that cannot be drawn.
pub fn files_of(exhibit: &Exhibit) -> Result<Vec<(String, Vec<u8>)>, PictureError> {
    if exhibit.missing.is_some() {
        return Ok(Vec::new());
    }
    let id = &exhibit.id;
    let mut files = Vec::new();
    if let Some(svg) = &exhibit.drawing {
        let picture = Picture::new(svg)?;
        files.push((format!("{id}.png"), picture.png(SHARP)?));
        files.push((format!("{id}.pdf"), pdf(&[&picture])));
        files.push((format!("{id}.svg"), svg.clone().into_bytes()));
    }
    for (end, table) in &exhibit.data {
        files.push((format!("{id}{end}.csv"), table.to_csv().into_bytes()));
        if exhibit.has_json {
            files.push((format!("{id}{end}.json"), json_text::indented(&table.to_json()).into_bytes()));
        }
    }
    files.push((format!("{id}.md"), markdown::render(&exhibit.document).into_bytes()));
    files.push((format!("{id}.tex"), latex::render(&exhibit.document).into_bytes()));
    Ok(files)
}

/// Names of the files that [`files_of`] makes, as the page lists them.
pub fn names_of(exhibit: &Exhibit) -> Vec<String> {
    let id = &exhibit.id;
    let mut names: Vec<String> = Vec::new();
    if exhibit.missing.is_some() {
        return names;
    }
    names.extend(exhibit.drawing.iter().flat_map(|_| ["svg", "png", "pdf"].map(|end| format!("{id}.{end}"))));
    for (end, _) in &exhibit.data {
        names.push(format!("{id}{end}.csv"));
        names.extend(exhibit.has_json.then(|| format!("{id}{end}.json")));
    }
    names.extend(["md", "tex"].map(|end| format!("{id}.{end}")));
    names
}

#[cfg(test)]
mod tests {
    use super::super::exhibits::of_figure_5;
    use super::*;
    use crate::result::Run;
    use crate::study::fixture::study_fits;
    use std::collections::BTreeSet;

    #[test]
    fn the_files_are_those_that_are_listed() {
        let run = Run { fits: study_fits(), ..Run::default() };
        let exhibit = of_figure_5(&run, String::new(), &[]);
        let made: BTreeSet<String> = files_of(&exhibit).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(made, names_of(&exhibit).into_iter().collect());
        assert_eq!(made.len(), 6);
        let none = of_figure_5(&Run::default(), String::new(), &[]);
        assert!(files_of(&none).unwrap().is_empty() && names_of(&none).is_empty());
    }
}
