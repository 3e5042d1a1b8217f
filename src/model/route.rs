//! A way to gather many rows out of order that reads neighbours together.
//!
//! Reading a long column in random order waits for memory at every row. In two steps it does not: first the rows of
//! one block of the table after the other, which stays in the cache, then from there to their places, reading one
//! stream for each block.

use rayon::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bits of a row within its block: 2^17 numbers are a megabyte.
const BLOCK_BITS: u32 = 17;

/// Rows that one task sends; results do not depend on it.
const TASK: usize = 1 << 17;

/// Row `at` of the sample is `sources[places[at]]`; sources come block by block.
#[derive(Debug)]
pub struct Route {
    /// Rows of the table, block by block, in the sample's order within each.
    pub sources: Vec<u32>,
    /// Where in `sources` each row of the sample is.
    pub places: Vec<u32>,
}

impl Route {
    /// The route of rows.
    pub fn of(rows: &[u32]) -> Self {
        let block = |row: u32| (row >> BLOCK_BITS) as usize;
        let n_blocks = rows.par_iter().max().map_or(0, |&row| block(row) + 1);
        let count = |rows: &[u32]| {
            let mut counts = vec![0u32; n_blocks];
            rows.iter().for_each(|&row| counts[block(row)] += 1);
            counts
        };
        let mut starts: Vec<Vec<u32>> = rows.par_chunks(TASK).map(count).collect();
        let mut next = 0;
        for block in 0..n_blocks {
            for task in &mut starts {
                next += std::mem::replace(&mut task[block], next);
            }
        }
        let sources: Vec<AtomicU32> = vec![0u32; rows.len()].into_iter().map(AtomicU32::new).collect();
        let mut places = vec![0u32; rows.len()];
        let tasks = places.par_chunks_mut(TASK).zip(rows.par_chunks(TASK)).zip(starts);
        tasks.for_each(|((places, rows), mut next)| {
            for (place, &row) in places.iter_mut().zip(rows) {
                let next = &mut next[block(row)];
                sources[*next as usize].store(row, Ordering::Relaxed);
                *place = *next;
                *next += 1;
            }
        });
        Route { sources: sources.into_iter().map(AtomicU32::into_inner).collect(), places }
    }
}
