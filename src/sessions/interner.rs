//! Distinct texts to dense codes, in order of first appearance, without one allocation per row.

use std::hash::Hasher;

use rayon::prelude::*;
use rustc_hash::FxHasher;

use crate::table::MISSING;

/// A set of texts, each with a dense code.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    /// All texts, one after the other.
    arena: String,
    /// End of each text in the arena.
    ends: Vec<usize>,
    /// Hash of each text, so that growing does not read the arena.
    hashes: Vec<u64>,
    /// Open addressing: half of the hash and the code, [`MISSING`] where free. The length is a power of two.
    slots: Vec<(u32, u32)>,
}

impl Interner {
    /// Number of distinct texts.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a code.
    pub(super) fn get(&self, code: u32) -> &str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.arena[start..self.ends[code]]
    }

    /// All texts in order of their codes.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.get(code))
    }

    /// The code of a text, adding it if it is new.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if self.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash_text(text);
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & mask;
        loop {
            match self.slots[at] {
                (_, MISSING) => break,
                (found, code) if found == tag && self.get(code) == text => return code,
                _ => at = (at + 1) & mask,
            }
        }
        let code = self.len() as u32;
        self.slots[at] = (tag, code);
        self.arena.push_str(text);
        self.ends.push(self.arena.len());
        self.hashes.push(hash);
        code
    }

    fn grow(&mut self) {
        const SMALLEST: usize = 64;
        let length = (self.slots.len() * 4).max(SMALLEST);
        let mut slots = vec![(0, MISSING); length];
        for (code, &hash) in self.hashes.iter().enumerate() {
            let mut at = hash as usize & (length - 1);
            while slots[at].1 != MISSING {
                at = (at + 1) & (length - 1);
            }
            slots[at] = ((hash >> 32) as u32, code as u32);
        }
        self.slots = slots;
    }

    /// Codes in the order of their texts by code point.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let shared = self.shared_prefix();
        // eight bytes after the common beginning decide nearly every comparison without touching the arena
        let mut keyed: Vec<(u64, u32)> =
            (0..self.len() as u32).map(|code| (key(&self.get(code).as_bytes()[shared..]), code)).collect();
        keyed.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1).cmp(self.get(b.1))));
        keyed.into_iter().map(|(_, code)| code).collect()
    }

    /// Number of bytes all texts begin with.
    fn shared_prefix(&self) -> usize {
        let mut texts = self.iter();
        let Some(first) = texts.next() else { return 0 };
        let first = first.as_bytes();
        texts.fold(first.len(), |shared, text| {
            first[..shared].iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count()
        })
    }
}

/// Hash of a text.
pub(super) fn hash_text(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The first eight bytes as a number that sorts like them.
fn key(bytes: &[u8]) -> u64 {
    let mut head = [0u8; 8];
    let length = bytes.len().min(8);
    head[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_dense_and_stable_while_growing() {
        let mut interner = Interner::default();
        let texts: Vec<String> = (0..5000).map(|i| format!("user-{}", i % 1700)).collect();
        for (row, text) in texts.iter().enumerate() {
            assert_eq!(interner.intern(text), (row % 1700) as u32);
        }
        assert_eq!(interner.len(), 1700);
        assert_eq!(interner.get(42), "user-42");
    }

    #[test]
    fn sorting_is_by_code_point_with_and_without_a_common_beginning() {
        for texts in
            [vec!["b", "", "a\0", "a", "ab"], vec!["user-000000012", "user-000000001", "user-0000000011", "user"]]
        {
            let mut interner = Interner::default();
            for text in &texts {
                interner.intern(text);
            }
            let sorted: Vec<&str> = interner.sorted().into_iter().map(|code| interner.get(code)).collect();
            let mut expected = texts.clone();
            expected.sort_unstable();
            assert_eq!(sorted, expected);
        }
    }
}
