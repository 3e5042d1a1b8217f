//! Columns side by side, a few per block, so that one look at a row's levels serves all of a block.

use rayon::prelude::*;
use std::ops::Range;

/// Bytes of coefficients of a block of four columns beyond which blocks are of two: they should stay in cache.
const WIDE_BYTES: usize = 1 << 20;

/// A block of one, two or four columns, row-major.
#[derive(Debug, Clone)]
pub enum Block {
    /// One column.
    One(Vec<[f64; 1]>),
    /// Two columns.
    Two(Vec<[f64; 2]>),
    /// Four columns.
    Four(Vec<[f64; 4]>),
}

/// Calls a generic body with the rows of a block.
macro_rules! with_block {
    ($block:expr, $rows:ident => $body:expr) => {
        match $block {
            $crate::absorb::kernel::columns::Block::One($rows) => $body,
            $crate::absorb::kernel::columns::Block::Two($rows) => $body,
            $crate::absorb::kernel::columns::Block::Four($rows) => $body,
        }
    };
}
pub(crate) use with_block;

/// Columns of equal length in blocks.
#[derive(Debug, Clone)]
pub struct Columns {
    n_rows: usize,
    /// The blocks, in column order.
    pub blocks: Vec<Block>,
    /// Block and lane of each column.
    place: Vec<(usize, usize)>,
}

impl Columns {
    /// Columns of zeros, for coefficients of `n_levels` levels.
    pub fn new(n_rows: usize, n_columns: usize, n_levels: usize) -> Self {
        let widest = if n_levels * 4 * size_of::<f64>() <= WIDE_BYTES { 4 } else { 2 };
        let (mut blocks, mut place) = (Vec::new(), Vec::new());
        let mut left = n_columns;
        while left > 0 {
            let width = if left >= widest {
                widest
            } else if left >= 2 {
                2
            } else {
                1
            };
            (0..width).for_each(|lane| place.push((blocks.len(), lane)));
            blocks.push(match width {
                1 => Block::One(vec![[0.0; 1]; n_rows]),
                2 => Block::Two(vec![[0.0; 2]; n_rows]),
                _ => Block::Four(vec![[0.0; 4]; n_rows]),
            });
            left -= width;
        }
        Columns { n_rows, blocks, place }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.place.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.place.is_empty()
    }

    /// Fills a column.
    pub fn fill(&mut self, column: usize, value: impl Fn(usize) -> f64 + Sync) {
        let (block, lane) = self.place[column];
        with_block!(&mut self.blocks[block], rows => {
            rows.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, rows)| {
                for (i, row) in rows.iter_mut().enumerate() {
                    row[lane] = value(chunk * CHUNK + i);
                }
            });
        });
    }

    /// Calls `f` with each row of a range and its values of all columns.
    #[inline]
    pub fn for_rows(&self, range: Range<usize>, mut f: impl FnMut(usize, &[f64])) {
        match self.blocks.as_slice() {
            [] => range.for_each(|i| f(i, &[])),
            // one block is the common case: its rows are met as they are
            [block] => with_block!(block, rows => {
                rows[range.clone()].iter().zip(range).for_each(|(row, i)| f(i, row));
            }),
            blocks => {
                let mut row = vec![0.0; self.len()];
                for i in range {
                    let mut slots = row.iter_mut();
                    for block in blocks {
                        with_block!(block, rows => {
                            rows[i].iter().zip(&mut slots).for_each(|(value, slot)| *slot = *value);
                        });
                    }
                    f(i, &row);
                }
            }
        }
    }

    /// A column on its own.
    pub fn column(&self, column: usize) -> Vec<f64> {
        let (block, lane) = self.place[column];
        with_block!(&self.blocks[block], rows => rows.iter().map(|row| row[lane]).collect())
    }
}

/// Rows per task.
const CHUNK: usize = 1 << 15;
