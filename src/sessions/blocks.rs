//! Text in blocks of whole records.

use std::io::Read;

use super::error::LoadError;
use super::input::Input;

/// Reads blocks that end at the end of a record.
pub(super) struct Blocks {
    input: Input,
    reader: Box<dyn Read + Send>,
    size: usize,
    /// Bytes after the last whole record.
    rest: Vec<u8>,
    finished: bool,
    first: bool,
}

/// Finds the end of the last whole record, `None` if there is none.
pub(super) type LastRecordEnd = fn(&[u8]) -> Option<usize>;

impl Blocks {
    pub(super) fn open(input: &Input, size: usize) -> Result<Self, LoadError> {
        let reader = input.open()?;
        Ok(Blocks { input: input.clone(), reader, size: size.max(16), rest: Vec::new(), finished: false, first: true })
    }

    /// The next block, `None` at the end. The last record ends with a line break even if the file does not.
    pub(super) fn next_block(&mut self, last_end: LastRecordEnd) -> Result<Option<Vec<u8>>, LoadError> {
        let mut block = std::mem::take(&mut self.rest);
        let mut wanted = self.size;
        while !self.finished {
            let before = block.len();
            let missing = wanted.saturating_sub(before).max(1);
            let read = self
                .reader
                .by_ref()
                .take(missing as u64)
                .read_to_end(&mut block)
                .map_err(|source| self.input.unreadable(source))?;
            if self.first && block.len() >= 3 {
                self.check_encoding(&mut block)?;
                self.first = false;
            }
            if read < missing {
                self.finished = true;
                break;
            }
            if let Some(end) = last_end(&block) {
                self.rest = block.split_off(end);
                return Ok(Some(block));
            }
            wanted *= 2; // one record is longer than a block
        }
        if !block.is_empty() && block.last() != Some(&b'\n') {
            block.push(b'\n');
        }
        Ok((!block.is_empty()).then_some(block))
    }

    /// Drops the mark of UTF-8 and refuses UTF-16.
    fn check_encoding(&self, block: &mut Vec<u8>) -> Result<(), LoadError> {
        if block.starts_with(&[0xef, 0xbb, 0xbf]) {
            block.drain(..3);
        }
        if block.starts_with(&[0xff, 0xfe]) || block.starts_with(&[0xfe, 0xff]) {
            return Err(self.input.broken("it is in UTF-16; save it as UTF-8"));
        }
        Ok(())
    }
}

/// End of the last line.
pub(super) fn last_line_end(block: &[u8]) -> Option<usize> {
    block.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1)
}

/// End of the last line break that is not inside double quotes; the block starts outside.
pub(super) fn last_unquoted_line_end(block: &[u8]) -> Option<usize> {
    // quotes in total and from the end: a line break is outside if the number of quotes before it is even
    let mut quotes_before = block.iter().filter(|byte| **byte == b'"').count();
    for (at, byte) in block.iter().enumerate().rev() {
        match byte {
            b'"' => quotes_before -= 1,
            b'\n' if quotes_before.is_multiple_of(2) => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::input::{Format, Place};
    use super::*;

    fn blocks(text: &str, size: usize) -> Vec<String> {
        let place = Place::Memory(Arc::new(text.as_bytes().to_vec()));
        let input = Input { name: "t".into(), place, format: Format::Csv };
        let mut blocks = Blocks::open(&input, size).unwrap();
        let mut all = Vec::new();
        while let Some(block) = blocks.next_block(last_unquoted_line_end).unwrap() {
            all.push(String::from_utf8(block).unwrap());
        }
        all
    }

    #[test]
    fn records_stay_whole_whatever_the_size() {
        let text = "a,b\n1,\"x\ny\"\n2,\"q\"\"\n\"\n3,z";
        for size in 1..40 {
            let all = blocks(text, size);
            assert_eq!(all.concat(), format!("{text}\n"), "size {size}");
            assert!(all.iter().all(|block| block.matches('"').count() % 2 == 0), "size {size}: {all:?}");
        }
    }

    #[test]
    fn the_mark_of_utf8_is_dropped() {
        assert_eq!(blocks("\u{feff}a\n1\n", 100), ["a\n1\n"]);
    }
}
