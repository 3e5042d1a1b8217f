//! Which models are columns, what stands above them, and which of them make a panel.

use std::path::Path;

use super::PaperError;
use super::pattern::{is_pattern, matches, split_label};
use crate::nearest::nearest_name;
use crate::result::ModelFit;

/// A fit and the file it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedFit {
    /// The file as given.
    pub file: String,
    /// The fit.
    pub fit: ModelFit,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The file of the fit.
    pub file: String,
    /// What stands above it.
    pub heading: String,
    /// The fit.
    pub fit: ModelFit,
}

/// Columns under a title.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Title; empty for the only one.
    pub title: String,
    /// Columns.
    pub columns: Vec<Column>,
}

impl SavedFit {
    /// Every name the fit answers to: the model with or without outcome and sample, the specification, the file, and the
    /// file before a colon with any of the former.
    fn names(&self) -> Vec<String> {
        let ModelFit { model, outcome, sample, spec_id, .. } = &self.fit;
        let inner = [
            model.clone(),
            format!("{model}/{outcome}"),
            format!("{model}/{outcome}/{sample}"),
            spec_id.clone(),
            format!("{spec_id}/{model}"),
        ];
        let files = file_names(&self.file);
        let joined = files.iter().flat_map(|file| inner.iter().map(move |inner| format!("{file}:{inner}")));
        inner.iter().cloned().chain(files.iter().cloned()).chain(joined).collect()
    }

    fn answers_to(&self, pattern: &str) -> bool {
        self.names().iter().any(|name| matches(pattern, name))
    }

    /// The name that no other fit of another file, outcome or sample has.
    fn full_name(&self) -> String {
        format!("{}:{}/{}/{}", self.file, self.fit.model, self.fit.outcome, self.fit.sample)
    }
}

/// The file as given, its name, and that without the extension.
fn file_names(file: &str) -> Vec<String> {
    let path = Path::new(file);
    let parts = [path.file_name(), path.file_stem()].map(|part| part.map(|part| part.to_string_lossy().into_owned()));
    let mut names = vec![file.to_owned()];
    names.extend(parts.into_iter().flatten().filter(|part| part != file));
    names
}

/// The columns that `models` choose (all of them if empty), in panels if any are asked for.
///
/// An item of `models` is `name`, `pattern` or `name=Label`; one of `panels` is `pattern=Title`.
///
/// # Errors
/// Names that fit no model, labels that fit several, columns that cannot be told apart.
pub fn panels(fits: Vec<SavedFit>, models: &[String], panels: &[String]) -> Result<Vec<Panel>, PaperError> {
    if fits.is_empty() {
        return Err(PaperError::new(
            "the files hold no models",
            "save some with `metier fit ... --format json --output FILE.json`",
        ));
    }
    let columns = choose(fits, models)?;
    if panels.is_empty() {
        return Ok(vec![Panel { title: String::new(), columns: told_apart(columns)? }]);
    }
    let mut found: Vec<Panel> = Vec::new();
    for text in panels {
        let Some((pattern, title)) = split_label(text).filter(|(pattern, _)| !pattern.is_empty()) else {
            return Err(PaperError::new(
                format!("`{text}` gives no panel"),
                "write `--panel 'a.json=All sessions'`: a model, file or pattern, and the title",
            ));
        };
        let members: Vec<(SavedFit, Option<String>)> =
            columns.iter().filter(|(saved, _)| saved.answers_to(pattern)).cloned().collect();
        if members.is_empty() {
            return Err(no_model(pattern, columns.iter().map(|(saved, _)| saved)));
        }
        found.push(Panel { title: title.to_owned(), columns: told_apart(members)? });
    }
    let widths: Vec<usize> = found.iter().map(|panel| panel.columns.len()).collect();
    if widths.iter().any(|width| *width != widths[0]) {
        let each: Vec<String> =
            found.iter().map(|panel| format!("{} in `{}`", panel.columns.len(), panel.title)).collect();
        return Err(PaperError::new(
            format!("the panels have different numbers of models: {}", each.join(", ")),
            "panels share their columns: choose as many models for each, in the same order",
        ));
    }
    Ok(found)
}

/// The fits that are asked for, each once, with the labels given to them.
fn choose(fits: Vec<SavedFit>, models: &[String]) -> Result<Vec<(SavedFit, Option<String>)>, PaperError> {
    if models.is_empty() {
        return Ok(fits.into_iter().map(|saved| (saved, None)).collect());
    }
    let mut chosen: Vec<(usize, Option<String>)> = Vec::new();
    for text in models {
        // a name that is there as it stands is no `name=label`
        let whole = fits.iter().any(|saved| saved.answers_to(text));
        let (pattern, label) = match split_label(text).filter(|_| !whole) {
            Some((pattern, label)) => (pattern, Some(label.to_owned())),
            None => (text.as_str(), None),
        };
        let found: Vec<usize> = (0..fits.len()).filter(|&at| fits[at].answers_to(pattern)).collect();
        match (found.as_slice(), &label) {
            ([], _) => return Err(no_model(pattern, fits.iter())),
            ([_, _, ..], Some(label)) => return Err(ambiguous(pattern, label, found.iter().map(|&at| &fits[at]))),
            _ => {}
        }
        for at in found {
            match chosen.iter_mut().find(|(known, _)| *known == at) {
                Some((_, known)) => *known = known.take().or_else(|| label.clone()),
                None => chosen.push((at, label.clone())),
            }
        }
    }
    Ok(chosen.into_iter().map(|(at, label)| (fits[at].clone(), label)).collect())
}

fn no_model<'a>(pattern: &str, fits: impl Iterator<Item = &'a SavedFit>) -> PaperError {
    let mut names: Vec<String> = Vec::new();
    for saved in fits {
        if !names.contains(&saved.fit.model) {
            names.push(saved.fit.model.clone());
        }
    }
    let nearest = nearest_name(pattern, names.iter().map(String::as_str)).filter(|_| !is_pattern(pattern));
    let list = format!("models are: {}; `FILE:MODEL/OUTCOME/SAMPLE` names one exactly", names.join(", "));
    PaperError::new(
        format!("no model matches `{pattern}`"),
        nearest.map_or_else(|| list.clone(), |nearest| format!("did you mean `{nearest}`? {list}")),
    )
}

fn ambiguous<'a>(pattern: &str, label: &str, fits: impl Iterator<Item = &'a SavedFit>) -> PaperError {
    let names: Vec<String> = fits.map(|saved| format!("`{}`", saved.full_name())).collect();
    PaperError::new(
        format!("`{pattern}` is the name of {} models, and the label `{label}` is for one", names.len()),
        format!("name one of {}", names.join(", ")),
    )
}

/// Headings of columns: labels, names of the models, and numbers through where names are numbers that occur twice.
fn told_apart(columns: Vec<(SavedFit, Option<String>)>) -> Result<Vec<Column>, PaperError> {
    let numbered = |name: &str| {
        name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    let key = |(saved, label): &(SavedFit, Option<String>)| {
        let heading = label.clone().unwrap_or_else(|| saved.fit.model.clone());
        (heading, saved.fit.outcome.clone(), saved.fit.sample.clone())
    };
    let twin = columns.iter().enumerate().find_map(|(at, column)| {
        let other = columns[..at].iter().find(|other| key(other) == key(column))?;
        Some((other, column))
    });
    let renumber = twin.is_some() && columns.iter().all(|(saved, label)| label.is_none() && numbered(&saved.fit.model));
    if let Some((first, second)) = twin.filter(|_| !renumber) {
        let (heading, outcome, sample) = key(first);
        return Err(PaperError::new(
            format!("two models are called `{heading}`, of outcome `{outcome}` and sample `{sample}`"),
            format!(
                "give them labels: `--models '{}=First'`, `--models '{}=Second'`",
                first.0.full_name(),
                second.0.full_name()
            ),
        ));
    }
    let column = |(at, (saved, label)): (usize, (SavedFit, Option<String>))| Column {
        heading: match label {
            Some(label) => label,
            None if renumber => format!("({})", at + 1),
            None => saved.fit.model.clone(),
        },
        file: saved.file,
        fit: saved.fit,
    };
    Ok(columns.into_iter().enumerate().map(column).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture::sample_run;

    fn saved(file: &str, model: &str) -> SavedFit {
        let mut fit = sample_run().fits[0].clone();
        fit.model = model.to_owned();
        SavedFit { file: file.to_owned(), fit }
    }

    fn headings(fits: Vec<SavedFit>, models: &[&str]) -> Result<Vec<String>, PaperError> {
        let models: Vec<String> = models.iter().map(|&model| model.to_owned()).collect();
        let panels = panels(fits, &models, &[])?;
        Ok(panels[0].columns.iter().map(|column| column.heading.clone()).collect())
    }

    #[test]
    fn numbers_that_occur_twice_are_numbered_through() {
        let fits = vec![saved("a.json", "(1)"), saved("b.json", "(1)")];
        assert_eq!(headings(fits, &[]).unwrap(), ["(1)", "(2)"]);
        assert_eq!(headings(vec![saved("a.json", "(1)"), saved("a.json", "(4)")], &[]).unwrap(), ["(1)", "(4)"]);
    }

    #[test]
    fn two_models_of_one_name_are_refused_with_the_way_out() {
        let fits = || vec![saved("x/a.json", "LPM"), saved("b.json", "LPM")];
        let error = headings(fits(), &[]).unwrap_err();
        assert!(error.message.starts_with("two models are called `LPM`"), "{error}");
        assert!(error.hint.contains("x/a.json:LPM/verified_success/all=First"), "{}", error.hint);
        let error = headings(fits(), &["LPM=Linear"]).unwrap_err();
        assert!(error.message.contains("`LPM` is the name of 2 models"), "{error}");
        assert_eq!(headings(fits(), &["b:LPM=B", "a.json:LPM=A"]).unwrap(), ["B", "A"]);
        assert_eq!(
            headings(fits(), &["b=B", "*=A"]).unwrap_err().message,
            "`*` is the name of 2 models, and the label `A` is for one"
        );
    }

    #[test]
    fn a_name_that_fits_no_model_is_refused_with_the_nearest() {
        let error = headings(vec![saved("a.json", "LPM"), saved("a.json", "logit")], &["logti"]).unwrap_err();
        assert_eq!(error.message, "no model matches `logti`");
        assert!(error.hint.starts_with("did you mean `logit`? models are: LPM, logit;"), "{}", error.hint);
        assert!(headings(Vec::new(), &[]).unwrap_err().message.contains("no models"));
    }

    #[test]
    fn panels_have_the_same_number_of_columns() {
        let fits = || vec![saved("a.json", "LPM"), saved("a.json", "logit"), saved("b.json", "LPM")];
        let of = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            panels(fits(), &[], &texts)
        };
        let error = of(&["a.json=First", "b.json=Second"]).unwrap_err();
        assert!(error.message.contains("2 in `First`, 1 in `Second`"), "{error}");
        let found = of(&["a:LPM=First", "b=Second"]).unwrap();
        assert_eq!((found.len(), found[1].title.as_str(), found[1].columns.len()), (2, "Second", 1));
        assert!(of(&["c=Third"]).is_err() && of(&["no title"]).is_err());
    }
}
