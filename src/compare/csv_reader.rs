//! A small reader of comma-separated text with quoted fields, for the table that ships inside the program.

/// A text that is not comma-separated values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// A quoted field has no end.
    #[error("line {line}: the quoted field has no end")]
    OpenQuote {
        /// Line where it starts, from 1.
        line: usize,
    },
}

/// The records of a text; empty lines are left out.
///
/// # Errors
/// If a quoted field has no end.
pub fn records(text: &str) -> Result<Vec<Vec<String>>, CsvError> {
    let mut records = Vec::new();
    let mut record = vec![String::new()];
    let mut line = 1;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let at = record.len() - 1;
        let field = &mut record[at];
        match c {
            '"' if field.is_empty() => {
                let start = line;
                loop {
                    match characters.next() {
                        None => return Err(CsvError::OpenQuote { line: start }),
                        Some('"') if characters.peek() == Some(&'"') => {
                            characters.next();
                            field.push('"');
                        }
                        Some('"') => break,
                        Some(other) => {
                            line += usize::from(other == '\n');
                            field.push(other);
                        }
                    }
                }
            }
            ',' => record.push(String::new()),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                line += 1;
                end_record(&mut records, &mut record);
            }
            other => field.push(other),
        }
    }
    end_record(&mut records, &mut record);
    Ok(records)
}

fn end_record(records: &mut Vec<Vec<String>>, record: &mut Vec<String>) {
    let finished = std::mem::replace(record, vec![String::new()]);
    if finished.len() > 1 || !finished[0].is_empty() {
        records.push(finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_ends() {
        let text = "a,b\r\n\"x, \"\"y\"\"\",\n\n1,\"two\nlines\"";
        let read = records(text).unwrap();
        assert_eq!(read, [vec!["a", "b"], vec!["x, \"y\"", ""], vec!["1", "two\nlines"]]);
    }

    #[test]
    fn an_open_quote_names_its_line() {
        assert_eq!(records("a\n\"b"), Err(CsvError::OpenQuote { line: 2 }));
    }
}
