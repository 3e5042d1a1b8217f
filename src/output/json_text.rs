//! Indented JSON in which an array of plain values stays on one line, so that matrices read as matrices.

use serde_json::Value;

const INDENT: &str = "  ";

/// The value as indented text, ending in a line feed.
pub fn indented(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if items.iter().any(is_nested) => {
            bracketed(text, depth, ['[', ']'], items.iter(), |text, item| write(text, item, depth + 1));
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(Value::to_string).collect();
            text.push('[');
            text.push_str(&parts.join(", "));
            text.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            bracketed(text, depth, ['{', '}'], entries.iter(), |text, (key, item)| {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                write(text, item, depth + 1);
            });
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn is_nested(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// Writes the items one per line between the brackets.
fn bracketed<T>(
    text: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut write_item: impl FnMut(&mut String, T),
) {
    text.push(open);
    for (position, item) in items.enumerate() {
        text.push_str(if position == 0 { "\n" } else { ",\n" });
        text.push_str(&INDENT.repeat(depth + 1));
        write_item(text, item);
    }
    text.push('\n');
    text.push_str(&INDENT.repeat(depth));
    text.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_arrays_stay_on_one_line_and_the_value_is_unchanged() {
        let value = json!({"a": [[1.0, 2.5], [null, "x, \"y\""]], "b": [], "c": {}, "d": {"e": true}});
        let text = indented(&value);
        assert_eq!(
            text,
            "{\n  \"a\": [\n    [1.0, 2.5],\n    [null, \"x, \\\"y\\\"\"]\n  ],\n  \"b\": [],\n  \"c\": {},\n  \"d\": {\n    \"e\": true\n  }\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
