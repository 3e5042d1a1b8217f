//! From choices to specifications: the product of the options, the rules, every specification once.

use super::draft::Draft;
use super::{ControlEntry, GridError, GridFile, MOST, MOST_COMBINATIONS};
use crate::curve::{Choice, ChoiceOption};
use crate::expr::parse;
use crate::nearest::nearest_name;
use crate::spec::SourceError;
use crate::table::{Column, Factor, Table};
use std::collections::BTreeSet;
use std::collections::HashSet;

/// A grid written out.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    /// Choices, controls last.
    pub choices: Vec<Choice>,
    /// Specifications, the last choice running fastest.
    pub drafts: Vec<Draft>,
    /// Combinations of options before the rules.
    pub combinations: usize,
    /// Combinations that the rules leave out.
    pub excluded: usize,
    /// Combinations that mean the same as an earlier one.
    pub duplicates: usize,
    /// Position of the baseline.
    pub baseline: usize,
}

/// Writes a grid out.
///
/// # Errors
/// Names that do not exist, rules that cannot be read, more specifications than allowed, none at all.
pub fn expand(file: &GridFile) -> Result<Expanded, GridError> {
    let choices = choices(file)?;
    let sizes: Vec<usize> = choices.iter().map(|choice| choice.options.len()).collect();
    let combinations = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let combinations = combinations.filter(|&n| n <= MOST_COMBINATIONS).ok_or_else(|| {
        let sizes: Vec<String> = choices.iter().map(|c| format!("{} {}", c.name, c.options.len())).collect();
        GridError::plain(
            format!("the choices multiply to more than {MOST_COMBINATIONS} combinations ({})", sizes.join(", ")),
            "take options out, or put choices that belong together into one",
        )
    })?;
    let kept = keep(file, &choices, &sizes, combinations)?;
    let excluded = combinations - kept.len();
    let mut seen = HashSet::new();
    let mut drafts = Vec::new();
    for &at in &kept {
        let draft = Draft::new(file, &options_of(at, &sizes))?;
        if seen.insert(draft.id.clone()) {
            drafts.push(draft);
        }
    }
    let most = file.max.unwrap_or(MOST);
    if drafts.len() > most {
        return Err(GridError::plain(
            format!("the grid `{}` has {} specifications, more than {most}", file.name, drafts.len()),
            format!("allow them with `max = {}` (or `--max {}`), or exclude some", drafts.len(), drafts.len()),
        ));
    }
    if drafts.is_empty() {
        return Err(GridError::plain(
            format!("the rules of the grid `{}` leave no specification of {combinations} combinations", file.name),
            "loosen `include` or `exclude`",
        ));
    }
    let wanted = baseline(file, &choices)?;
    let id = Draft::new(file, &wanted)?.id;
    let Some(baseline) = drafts.iter().position(|draft| draft.id == id) else {
        return Err(GridError::plain(
            format!("the baseline of the grid `{}` is excluded by its rules", file.name),
            "name another one in `[baseline]`: `choice = \"option\"`; the first option holds where a choice is left out",
        ));
    };
    let duplicates = kept.len() - drafts.len();
    if file.common_sample {
        use_common_sample(&mut drafts);
    }
    Ok(Expanded { choices, drafts, combinations, excluded, duplicates, baseline })
}

/// Choices of the file, then its controls.
fn choices(file: &GridFile) -> Result<Vec<Choice>, GridError> {
    let of_entry = |choice: &super::ChoiceEntry| Choice {
        name: choice.name.clone(),
        label: choice.label.clone().unwrap_or_else(|| choice.name.clone()),
        is_control: false,
        options: choice
            .options
            .iter()
            .map(|option| ChoiceOption {
                name: option.name.clone(),
                label: option.label.clone().unwrap_or_else(|| option.name.clone()),
            })
            .collect(),
    };
    let of_control = |control: &ControlEntry| Choice {
        name: control.name.clone(),
        label: control.label.clone().unwrap_or_else(|| control.name.clone()),
        is_control: true,
        options: control.state_names().into_iter().map(|name| ChoiceOption { label: name.clone(), name }).collect(),
    };
    for control in &file.control {
        if control.effect.is_none() && control.regressor.is_none() {
            return Err(GridError::plain(
                format!("the control `{}` names no variable", control.name),
                format!("add `effect = \"{}\"`, or `regressor = \"...\"` for a number", control.name),
            ));
        }
        let cells = control.state_names().iter().any(|state| state != "out" && state != "additive");
        if control.effect.is_none() && cells {
            return Err(GridError::plain(
                format!("the control `{}` is a regressor, and cannot be part of a cell", control.name),
                "give it `effect = \"cut(...)\"`, or the states `out` and `additive`",
            ));
        }
    }
    let all: Vec<Choice> = file.choice.iter().map(of_entry).chain(file.control.iter().map(of_control)).collect();
    let mut names = BTreeSet::new();
    for choice in &all {
        let is_word = choice.name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && choice.name.chars().next().is_some_and(|c| !c.is_numeric());
        if !is_word {
            return Err(GridError::plain(
                format!("`{}` is no name for a choice", choice.name),
                "use letters, digits and `_`: conditions and columns need a word; `label` says it for people",
            ));
        }
        if !names.insert(choice.name.as_str()) {
            return Err(GridError::plain(format!("two choices are called `{}`", choice.name), "rename one of them"));
        }
        let mut options = BTreeSet::new();
        if let Some(twice) = choice.options.iter().find(|option| !options.insert(option.name.as_str())) {
            return Err(GridError::plain(
                format!("the choice `{}` has two options `{}`", choice.name, twice.name),
                "rename one of them",
            ));
        }
        if choice.options.is_empty() {
            return Err(GridError::plain(format!("the choice `{}` has no options", choice.name), "name at least one"));
        }
    }
    Ok(all)
}

/// The options of a combination by its number.
fn options_of(mut at: usize, sizes: &[usize]) -> Vec<usize> {
    let mut options = vec![0; sizes.len()];
    for (option, &size) in options.iter_mut().zip(sizes).rev() {
        *option = at % size;
        at /= size;
    }
    options
}

/// Combinations that the rules keep.
fn keep(file: &GridFile, choices: &[Choice], sizes: &[usize], combinations: usize) -> Result<Vec<usize>, GridError> {
    let mut kept = vec![file.include.is_empty(); combinations];
    if file.include.is_empty() && file.exclude.is_empty() {
        return Ok((0..combinations).collect());
    }
    // a table with a column per choice and a row per combination: rules are conditions like all others
    let mut table = Table::new(combinations);
    let mut stride = combinations;
    for (choice, &size) in choices.iter().zip(sizes) {
        stride /= size;
        let codes = (0..combinations).map(|at| (at / stride % size) as u32).collect();
        let names = choice.options.iter().map(|option| option.name.clone()).collect();
        table.insert(Column::factor(&choice.name, Factor::new(codes, names)));
    }
    let rules = file.include.iter().map(|text| (text, true)).chain(file.exclude.iter().map(|text| (text, false)));
    for (text, includes) in rules {
        let origin = format!("the rule of `{}`", file.name);
        let fail = |error| GridError::Spec(Box::new(SourceError::expression(&origin, text, &error)).into());
        let expr = parse(text).map_err(fail)?;
        check_names(file, choices, text, &expr)?;
        for (kept, met) in kept.iter_mut().zip(expr.eval_filter(&table).map_err(fail)?) {
            *kept = if includes { *kept || met } else { *kept && !met };
        }
    }
    Ok((0..combinations).filter(|&at| kept[at]).collect())
}

/// Refuses a rule that names an option that does not exist: it would never hold.
fn check_names(file: &GridFile, choices: &[Choice], text: &str, expr: &crate::expr::Expr) -> Result<(), GridError> {
    let mut texts: Vec<String> = Vec::new();
    expr.visit(&mut |node| {
        if let crate::expr::ExprKind::Text(value) = &node.kind {
            texts.push(value.clone());
        }
    });
    let used = expr.names();
    let known: Vec<&str> = choices
        .iter()
        .filter(|choice| used.contains(&choice.name))
        .flat_map(|choice| choice.options.iter().map(|option| option.name.as_str()))
        .collect();
    match texts.iter().find(|value| !known.contains(&value.as_str())) {
        Some(wrong) if !known.is_empty() => {
            let hint = match nearest_name(wrong, known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("its options are: {}", known.join(", ")),
            };
            let message =
                format!("the rule `{text}` of `{}` names the option `{wrong}`, which does not exist", file.name);
            Err(GridError::plain(message, hint))
        }
        _ => Ok(()),
    }
}

/// Options of the baseline.
fn baseline(file: &GridFile, choices: &[Choice]) -> Result<Vec<usize>, GridError> {
    let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
    if let Some(wrong) = file.baseline.keys().find(|name| !names.contains(&name.as_str())) {
        let hint = match nearest_name(wrong, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the choices are: {}", names.join(", ")),
        };
        return Err(GridError::plain(format!("the baseline names the choice `{wrong}`, which does not exist"), hint));
    }
    choices
        .iter()
        .map(|choice| {
            let Some(name) = file.baseline.get(&choice.name) else { return Ok(0) };
            choice.options.iter().position(|option| option.name == *name).ok_or_else(|| {
                let options: Vec<&str> = choice.options.iter().map(|option| option.name.as_str()).collect();
                GridError::plain(
                    format!("the baseline has `{name}` for `{}`, which is none of its options", choice.name),
                    format!("its options are: {}", options.join(", ")),
                )
            })
        })
        .collect()
}

/// Gives every specification the conditions of all, and the rows where no outcome is missing.
fn use_common_sample(drafts: &mut [Draft]) {
    let mut conditions: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !conditions.contains(&text) {
            conditions.push(text);
        }
    };
    drafts.iter().filter_map(|draft| draft.entry.filter.clone()).for_each(&mut add);
    for draft in drafts.iter() {
        let formula = draft.entry.formula.as_deref().unwrap_or_default();
        let outcome = formula.split_once('~').map_or("", |(outcome, _)| outcome.trim());
        add(format!("not is_missing({outcome})"));
    }
    let filter = conditions.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" and ");
    for draft in drafts {
        draft.entry.filter = Some(filter.clone());
        draft.id = draft.identity();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> GridFile {
        let head = "name = 'g'\nfocal = 'expertise'\neffect = '5 - 1'\n";
        toml::from_str(&format!("{head}{text}")).unwrap()
    }

    const CHOICES: &str = "
        [[choice]]
        name = 'outcome'
        options = [{ name = 'a', outcome = 'ya' }, { name = 'b', outcome = 'yb' }]
        [[choice]]
        name = 'sample'
        options = [{ name = 'all' }, { name = 'late', where = 'month > 3' }, { name = 'hard', where = 'x == 1 or x == 2' }]
        [[control]]
        name = 'mode'
        effect = 'work_mode'
        states = ['out', 'additive', 'cell']
        [[control]]
        name = 'month'
        effect = 'month'
        states = ['out', 'additive', 'cell']
    ";

    fn formulas(expanded: &Expanded) -> Vec<&str> {
        expanded.drafts.iter().map(|draft| draft.entry.formula.as_deref().unwrap()).collect()
    }

    #[test]
    fn options_multiply_and_the_same_specification_counts_once() {
        let found = expand(&grid(CHOICES)).unwrap();
        assert_eq!((found.combinations, found.excluded), (54, 0));
        // of 9 states: a cell of one is additive, so out/cell, additive/cell, cell/out, cell/additive repeat others
        assert_eq!((found.drafts.len(), found.duplicates), (6 * 5, 6 * 4));
        let first: Vec<&str> = formulas(&found)[..5].to_vec();
        let term = "ya ~ i(expertise)";
        let expected = ["", " | month", " | work_mode", " | work_mode + month", " | work_mode^month"];
        assert_eq!(first, expected.map(|effects| format!("{term}{effects}")));
        assert_eq!(found.drafts[5].entry.filter.as_deref(), Some("month > 3"));
        assert_eq!(found.baseline, 0);
    }

    #[test]
    fn rules_leave_out_and_the_baseline_is_named() {
        let rules = "exclude = ['sample == \"hard\" and mode == \"out\"', 'month == \"cell\"']\n";
        let text = format!("{rules}{CHOICES}[baseline]\nmode = 'additive'\noutcome = 'b'\n");
        let found = expand(&grid(&text)).unwrap();
        assert_eq!(formulas(&found)[found.baseline], "yb ~ i(expertise) | work_mode");
        assert!(found.excluded > 0 && !formulas(&found).iter().any(|f| f.contains('^')));
        let included =
            expand(&grid(&format!("include = ['outcome == \"b\"']\n{CHOICES}[baseline]\noutcome = 'b'"))).unwrap();
        assert_eq!(included.drafts.len(), 15);
    }

    #[test]
    fn ids_depend_on_what_is_estimated_alone() {
        let found = expand(&grid(CHOICES)).unwrap();
        let renamed = expand(&grid(&CHOICES.replace("name = 'late'", "name = 'later'"))).unwrap();
        let ids = |expanded: &Expanded| expanded.drafts.iter().map(|d| d.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&renamed));
        let other = expand(&grid(&CHOICES.replace("month > 3", "month > 4"))).unwrap();
        let same = ids(&found).iter().zip(ids(&other)).filter(|(a, b)| *a == b).count();
        assert_eq!(same, 20);
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text: &str| expand(&grid(text)).unwrap_err().to_string();
        assert!(message(&format!("exclude = ['sample == \"lat\"']\n{CHOICES}")).contains("names the option `lat`"));
        assert!(message(&format!("{CHOICES}[baseline]\nmod = 'out'")).contains("names the choice `mod`"));
        assert!(message(&format!("max = 3\n{CHOICES}")).contains("30 specifications, more than 3"));
        assert!(message(&format!("exclude = ['month == \"out\"']\n{CHOICES}")).contains("baseline"));
        let twice = CHOICES.replace("name = 'all' }", "name = 'all', outcome = 'z' }");
        assert!(message(&twice).contains("both set `outcome`"));
        let huge: String = (0..8)
            .map(|i| {
                format!("[[control]]\nname = 'c{i}'\neffect = 'x'\nstates = ['a', 'b', 'c', 'd', 'e', 'f', 'g']\n")
            })
            .collect();
        assert!(message(&format!("{CHOICES}{huge}")).contains("more than 2000000 combinations"));
    }

    #[test]
    fn a_common_sample_joins_all_conditions() {
        let found = expand(&grid(&format!("common_sample = true\n{CHOICES}"))).unwrap();
        let filter = "(month > 3) and (x == 1 or x == 2) and (not is_missing(ya)) and (not is_missing(yb))";
        assert!(found.drafts.iter().all(|draft| draft.entry.filter.as_deref() == Some(filter)));
    }
}
