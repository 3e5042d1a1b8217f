//! A hash of what a table says, whatever the order of its rows and columns and whatever the format of its files.
//!
//! Every variable that a model uses has a value in every row: a number as `n` and the 16 hexadecimal digits of its 64
//! bits (minus zero is zero), a label as `t` and its text, a missing value as `m`. The text of a row is, for every
//! variable in the order of its name's bytes, `<length>:<name>` and `<length>:<value>`, lengths in bytes of UTF-8. The
//! hash of a row is SHA-256 of that. `sum` is the sum of all rows' hashes, as 256-bit numbers with the highest byte first,
//! modulo 2^256: it does not depend on the order of rows. `ordered` is SHA-256 of the rows' hashes one after the other.

use super::hash::{bits, hex};
use crate::table::{Column, ColumnData, MISSING, Table};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The content of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Rows.
    pub rows: usize,
    /// Variables, sorted by name.
    pub variables: Vec<Variable>,
    /// Sum of the rows' hashes.
    pub sum: String,
    /// Hash of the rows' hashes in their order.
    pub ordered: String,
}

/// A variable that models use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// `number` or `label`.
    pub kind: String,
}

/// Rows hashed by one thread at a time.
const BLOCK: usize = 4096;

/// Hashes the columns of a table.
pub fn content(table: &Table) -> Content {
    let mut columns: Vec<&Column> = table.columns().iter().collect();
    columns.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let writers: Vec<Writer> = columns.iter().map(|column| Writer::new(column)).collect();
    let n = table.n_rows();
    let blocks: Vec<Vec<[u8; 32]>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut text = Vec::new();
            let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
            rows.map(|row| {
                text.clear();
                writers.iter().for_each(|writer| writer.write(&mut text, row));
                Sha256::digest(&text).into()
            })
            .collect()
        })
        .collect();
    let mut sum = [0u8; 32];
    let mut ordered = Sha256::new();
    for hash in blocks.iter().flatten() {
        add(&mut sum, hash);
        ordered.update(hash);
    }
    let variable = |column: &&Column| {
        let kind = if matches!(column.data, ColumnData::Number(_)) { "number" } else { "label" };
        Variable { name: column.name.clone(), kind: kind.to_owned() }
    };
    Content {
        rows: n,
        variables: columns.iter().map(variable).collect(),
        sum: hex(&sum),
        ordered: hex(&ordered.finalize()),
    }
}

/// Adds modulo 2^256, highest byte first.
fn add(sum: &mut [u8; 32], hash: &[u8; 32]) {
    let mut carry = 0u16;
    for (a, b) in sum.iter_mut().zip(hash).rev() {
        let total = u16::from(*a) + u16::from(*b) + carry;
        *a = (total & 0xff) as u8;
        carry = total >> 8;
    }
}

/// Writes the values of one column.
struct Writer<'t> {
    /// Length and name.
    name: Vec<u8>,
    column: &'t Column,
    /// Length and value of every level.
    levels: Vec<Vec<u8>>,
}

/// A text with its length before it.
fn framed(text: &str) -> Vec<u8> {
    format!("{}:{text}", text.len()).into_bytes()
}

impl<'t> Writer<'t> {
    fn new(column: &'t Column) -> Self {
        let levels = match &column.data {
            ColumnData::Number(_) => Vec::new(),
            ColumnData::Factor(factor) => factor.levels.iter().map(|level| framed(&format!("t{level}"))).collect(),
        };
        Writer { name: framed(&column.name), column, levels }
    }

    fn write(&self, text: &mut Vec<u8>, row: usize) {
        text.extend_from_slice(&self.name);
        match &self.column.data {
            ColumnData::Number(values) if values[row].is_nan() => text.extend_from_slice(b"1:m"),
            ColumnData::Number(values) => {
                text.extend_from_slice(b"17:n");
                text.extend_from_slice(bits(values[row]).as_bytes());
            }
            ColumnData::Factor(factor) if factor.codes[row] == MISSING => text.extend_from_slice(b"1:m"),
            ColumnData::Factor(factor) => text.extend_from_slice(&self.levels[factor.codes[row] as usize]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Factor;

    fn table(order: &[usize], flip: bool) -> Table {
        let x = [1.5, f64::NAN, -0.0];
        let g = [Some("é"), Some("b"), None];
        let mut table = Table::new(order.len());
        let labels: Vec<Option<&str>> = order.iter().map(|&row| g[row]).collect();
        let mut columns = vec![
            Column::number("x", order.iter().map(|&row| x[row]).collect()),
            Column::factor("g", Factor::from_labels(&labels)),
        ];
        if flip {
            columns.reverse();
        }
        columns.into_iter().for_each(|column| table.insert(column));
        table
    }

    #[test]
    fn the_order_of_rows_and_columns_does_not_matter_but_every_value_does() {
        let first = content(&table(&[0, 1, 2], false));
        let moved = content(&table(&[2, 0, 1], true));
        assert_eq!((&first.sum, &first.variables), (&moved.sum, &moved.variables));
        assert_ne!(first.ordered, moved.ordered);
        assert_ne!(first.sum, content(&table(&[0, 1, 1], false)).sum);
        assert_eq!(first.ordered, content(&table(&[0, 1, 2], true)).ordered);
    }

    #[test]
    fn the_hash_is_what_the_documentation_says() {
        // computed by tests/oracles/content_hash.py
        let one = content(&table(&[0], false));
        let text = "1:g3:té1:x17:n3ff8000000000000".as_bytes();
        assert_eq!(one.sum, super::super::hash::of_bytes(text));
        let expected: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/oracles/content_hash.json")).unwrap();
        let three = content(&table(&[0, 1, 2], false));
        assert_eq!(three.sum, expected["small"]["sum"]);
        assert_eq!(three.ordered, expected["small"]["ordered"]);
    }

    #[test]
    fn sums_wrap_around() {
        let mut sum = [0xff; 32];
        let mut one = [0; 32];
        one[31] = 2;
        add(&mut sum, &one);
        let mut expected = [0; 32];
        expected[31] = 1;
        assert_eq!(sum, expected);
    }
}
