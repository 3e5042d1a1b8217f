//! Text with a delimiter: blocks of whole records go to polars as text columns; numbers are recognised afterwards.

use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::*;
use rayon::prelude::*;

use super::accumulator::Accumulator;
use super::blocks::{Blocks, last_line_end, last_unquoted_line_end};
use super::error::LoadError;
use super::input::Input;
use super::reader::{Reader, fault_error};

/// An opened text table.
pub(super) struct CsvTable {
    input: Input,
    names: Vec<String>,
    delimiter: u8,
    blocks: Blocks,
    /// What the first block holds after the header.
    first: Vec<u8>,
}

impl CsvTable {
    /// Reads the first block and the header.
    pub(super) fn open(input: Input, block_bytes: usize) -> Result<Self, LoadError> {
        let mut blocks = Blocks::open(&input, block_bytes)?;
        let Some(mut first) = blocks.next_block(last_unquoted_line_end)? else {
            return Err(LoadError::NoRows { file: input.name });
        };
        let header_end = header_end(&first);
        let rest = first.split_off(header_end);
        let header = std::str::from_utf8(&first).map_err(|_| input.broken("the header is not UTF-8"))?;
        let header = header.trim_end_matches(['\n', '\r']);
        let delimiter = delimiter_of(header, &input.name);
        let names = split_record(header, delimiter);
        if names.iter().all(|name| name.is_empty()) {
            return Err(LoadError::NoColumns { file: input.name });
        }
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                return Err(LoadError::DuplicateColumn { file: input.name, column: name.clone() });
            }
        }
        Ok(CsvTable { input, names, delimiter, blocks, first: rest })
    }

    /// Parses the wanted columns of a block as text.
    fn parse(&self, block: &[u8], places: Vec<usize>) -> PolarsResult<DataFrame> {
        let fields = (0..self.names.len()).map(|place| Field::new(format!("{place}").into(), DataType::String));
        let schema: Schema = fields.collect();
        CsvReadOptions::default()
            .with_has_header(false)
            .with_schema(Some(Arc::new(schema)))
            .with_projection(Some(Arc::new(places)))
            .map_parse_options(|options| options.with_separator(self.delimiter).with_missing_is_null(true))
            .into_reader_with_file_handle(Cursor::new(block))
            .finish()
    }

    /// The error of a block that polars refuses.
    fn parse_error(&self, block: &[u8], first_row: usize, error: &PolarsError) -> LoadError {
        match std::str::from_utf8(block) {
            Err(invalid) => {
                let lines = block[..invalid.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                LoadError::BadRow {
                    file: self.input.name.clone(),
                    row: first_row + lines + 1,
                    message: String::from("the text is not UTF-8: save the file in that encoding"),
                }
            }
            Ok(_) => self.input.broken(format!("rows from {}: {error}", first_row + 1)),
        }
    }

    fn read_block(
        &self,
        block: &[u8],
        first_row: usize,
        columns: &mut [(usize, &mut Accumulator)],
    ) -> Result<usize, LoadError> {
        let rows = count_records(block, self.delimiter, self.names.len()).map_err(|fault| {
            let file = self.input.name.clone();
            match fault {
                RecordFault::Ragged { row, found } => {
                    LoadError::RaggedRow { file, row: first_row + row + 1, found, expected: self.names.len() }
                }
                RecordFault::Unclosed { row } => LoadError::BadRow {
                    file,
                    row: first_row + row + 1,
                    message: String::from("a double quote is never closed"),
                },
            }
        })?;
        if rows == 0 {
            return Ok(0);
        }
        let mut places: Vec<usize> = columns.iter().map(|(place, _)| *place).collect();
        places.sort_unstable();
        places.dedup();
        let frame = self.parse(block, places).map_err(|error| self.parse_error(block, first_row, &error))?;
        if frame.height() != rows {
            return Err(self.input.broken(format!("rows from {}: unbalanced quotes", first_row + 1)));
        }
        let input = &self.input;
        columns.par_iter_mut().try_for_each(|(place, accumulator)| {
            let column = frame.column(&place.to_string()).map_err(|error| input.broken(error.to_string()))?;
            accumulator
                .push(column.as_materialized_series(), true)
                .map_err(|fault| fault_error(&input.name, &accumulator.column, first_row, fault))
        })?;
        Ok(rows)
    }
}

impl Reader for CsvTable {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, columns: &mut [(usize, &mut Accumulator)]) -> Result<usize, LoadError> {
        let first = std::mem::take(&mut self.first);
        let mut rows = self.read_block(&first, 0, columns)?;
        drop(first);
        while let Some(block) = self.blocks.next_block(last_unquoted_line_end)? {
            rows += self.read_block(&block, rows, columns)?;
        }
        Ok(rows)
    }
}

/// End of the first record that is not empty.
fn header_end(block: &[u8]) -> usize {
    let mut quoted = false;
    let mut anything = false;
    for (at, byte) in block.iter().enumerate() {
        match byte {
            b'"' => {
                quoted = !quoted;
                anything = true;
            }
            b'\n' if !quoted && anything => return at + 1,
            byte => anything |= !byte.is_ascii_whitespace(),
        }
    }
    last_line_end(block).unwrap_or(block.len())
}

/// The delimiter that occurs most often outside quotes; a comma if none does.
fn delimiter_of(header: &str, file: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0usize), (b'\t', 0), (b';', 0), (b'|', 0)];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let Some(count) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte && !quoted) {
            count.1 += 1;
        }
    }
    let named = file.to_ascii_lowercase();
    if (named.contains(".tsv") || named.contains(".tab")) && counts[1].1 > 0 {
        return b'\t';
    }
    // the first of equals wins, hence the reversal
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// The fields of one record, quotes undone.
fn split_record(record: &str, delimiter: u8) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = record.trim_start_matches(['\n', '\r']).chars().peekable();
    while let Some(character) = characters.next() {
        let Some(field) = fields.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            _ if !quoted && character == char::from(delimiter) => fields.push(String::new()),
            _ => field.push(character),
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

/// A record (row from 0) that is no row of the table.
#[derive(Debug, PartialEq, Eq)]
enum RecordFault {
    /// It has more or fewer fields than the header.
    Ragged { row: usize, found: usize },
    /// A quote opens in it and is never closed.
    Unclosed { row: usize },
}

/// Number of records of a block, each of which must have `expected` fields.
fn count_records(block: &[u8], delimiter: u8, expected: usize) -> Result<usize, RecordFault> {
    let (mut rows, mut fields, mut quoted, mut blank) = (0, 1, false, true);
    let mut field_start = true;
    for &byte in block {
        if quoted {
            quoted = byte != b'"';
        } else if byte == b'\n' {
            // polars skips empty lines, except in a table of one column
            if !blank || expected == 1 {
                if fields != expected {
                    return Err(RecordFault::Ragged { row: rows, found: fields });
                }
                rows += 1;
            }
            (fields, blank, field_start) = (1, true, true);
            continue;
        } else if byte == delimiter {
            fields += 1;
            (blank, field_start) = (false, true);
            continue;
        } else if byte == b'"' {
            quoted = field_start || !blank;
        }
        blank &= byte == b'\r';
        field_start = false;
    }
    if quoted {
        return Err(RecordFault::Unclosed { row: rows });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found_in_the_header() {
        assert_eq!(delimiter_of("a,b;c,d", "x.csv"), b',');
        assert_eq!(delimiter_of("a;\"b,c,d\";e", "x.csv"), b';');
        assert_eq!(delimiter_of("a\tb, c, d", "x.tsv"), b'\t');
        assert_eq!(delimiter_of("a|b", "x.txt"), b'|');
        assert_eq!(delimiter_of("a", "x.txt"), b',');
    }

    #[test]
    fn header_fields_lose_their_quotes() {
        assert_eq!(split_record("a,\"b \"\"x\"\", c\", d ", b','), ["a", "b \"x\", c", "d"]);
    }

    #[test]
    fn records_are_counted_and_ragged_ones_found() {
        assert_eq!(count_records(b"1,2\n\"a\nb\",3\r\n\n4,\"x\"\"y,\"\n", b',', 2), Ok(3));
        assert_eq!(count_records(b"1,2\n3\n", b',', 2), Err(RecordFault::Ragged { row: 1, found: 1 }));
        assert_eq!(count_records(b"1,2,3\n", b',', 2), Err(RecordFault::Ragged { row: 0, found: 3 }));
        assert_eq!(count_records(b"1\n\n2\n", b',', 1), Ok(3));
        assert_eq!(count_records(b"1\n\"2\n3\n", b',', 1), Err(RecordFault::Unclosed { row: 1 }));
    }
}
