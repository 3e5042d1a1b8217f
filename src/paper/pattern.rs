//! Names by pattern: `*` stands for any characters, `?` for one; everything else is itself.

/// Whether a name is the pattern, or fits it.
pub fn matches(pattern: &str, name: &str) -> bool {
    pattern == name || captured(pattern, name).is_some()
}

/// Whether a text has characters that stand for others.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// What each `*` of the pattern stands for in the name; `None` if it does not fit.
///
/// The first `*` takes as few characters as possible, then the second, and so on.
pub fn captured<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let Some(first) = pattern.chars().next() else { return name.is_empty().then(Vec::new) };
    let rest = &pattern[first.len_utf8()..];
    if first == '*' {
        let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
        return ends.into_iter().find_map(|end| {
            let mut found = captured(rest, &name[end..])?;
            found.insert(0, &name[..end]);
            Some(found)
        });
    }
    let next = name.chars().next().filter(|next| first == '?' || *next == first)?;
    captured(rest, &name[next.len_utf8()..])
}

/// Splits `name=label` at the first `=` that is not part of a comparison such as `==` or `>=`.
pub fn split_label(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_sign = |at: usize| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        !matches!(before, Some(b'=' | b'<' | b'>' | b'!')) && bytes.get(at + 1) != Some(&b'=')
    };
    let at = (0..bytes.len()).find(|&at| bytes[at] == b'=' && is_sign(at))?;
    Some((text[..at].trim(), text[at + 1..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters_and_brackets_for_themselves() {
        assert!(matches("expertise::*", "expertise::2") && !matches("expertise::*", "expertise"));
        assert!(matches("(1)", "(1)") && matches("f[z]", "f[z]") && matches("*log(*)", "log(prompts)"));
        assert!(matches("??", "né") && !matches("?", "né") && matches("*", ""));
        assert_eq!(captured("a*b*", "aXbbY"), Some(vec!["X", "bY"]));
        assert_eq!(captured("a*b", "ac"), None);
    }

    #[test]
    fn comparisons_are_no_labels() {
        assert_eq!(split_label("x=Label = 1"), Some(("x", "Label = 1")));
        assert_eq!(split_label("(y >= 1)=Success"), Some(("(y >= 1)", "Success")));
        assert_eq!(split_label("a == b"), None);
        assert_eq!(split_label("x="), Some(("x", "")));
    }
}
