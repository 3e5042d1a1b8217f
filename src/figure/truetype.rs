//! What a PDF needs of a TrueType font: its measures, and the font with only the outlines that are used.
//!
//! Glyphs keep their numbers, so that a subset needs no other table changed: an unused glyph has an empty outline. Only
//! the fonts of this crate are read, so a table that is missing is an error of the build and not of a user; still nothing
//! here panics.

use std::collections::BTreeSet;

/// Tables that an embedded font keeps (PDF 32000-1:2008, 9.9), beside `glyf` and `loca`.
const KEPT: [&[u8; 4]; 7] = [b"cvt ", b"fpgm", b"head", b"hhea", b"hmtx", b"maxp", b"prep"];

/// A font file.
#[derive(Debug, Clone, Copy)]
pub struct TrueType<'a> {
    data: &'a [u8],
}

/// Measures in units of the font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measures {
    /// Units per em.
    pub units_per_em: u16,
    /// Left, bottom, right and top of all glyphs together.
    pub bounds: [i16; 4],
    /// Height above the baseline.
    pub ascent: i16,
    /// Depth below it, negative.
    pub descent: i16,
}

impl<'a> TrueType<'a> {
    /// A font file.
    pub fn new(data: &'a [u8]) -> Self {
        TrueType { data }
    }

    fn table(&self, tag: &[u8; 4]) -> Option<&'a [u8]> {
        let n = usize::from(u16_at(self.data, 4)?);
        (0..n).find_map(|entry| {
            let record = self.data.get(12 + 16 * entry..28 + 16 * entry)?;
            let (start, length) = (u32_at(record, 8)? as usize, u32_at(record, 12)? as usize);
            (record[..4] == *tag).then(|| self.data.get(start..start + length)).flatten()
        })
    }

    /// Its measures.
    pub fn measures(&self) -> Option<Measures> {
        let (head, hhea) = (self.table(b"head")?, self.table(b"hhea")?);
        let bound = |at: usize| Some(u16_at(head, at)?.cast_signed());
        Some(Measures {
            units_per_em: u16_at(head, 18)?,
            bounds: [bound(36)?, bound(38)?, bound(40)?, bound(42)?],
            ascent: u16_at(hhea, 4)?.cast_signed(),
            descent: u16_at(hhea, 6)?.cast_signed(),
        })
    }

    /// Advance width of a glyph.
    pub fn advance(&self, glyph: u16) -> Option<u16> {
        let (hhea, hmtx) = (self.table(b"hhea")?, self.table(b"hmtx")?);
        let last = u16_at(hhea, 34)?.checked_sub(1)?;
        u16_at(hmtx, 4 * usize::from(glyph.min(last)))
    }

    /// Where each outline begins in `glyf`, and where the last ends.
    fn offsets(&self) -> Option<Vec<usize>> {
        let (head, loca, maxp) = (self.table(b"head")?, self.table(b"loca")?, self.table(b"maxp")?);
        let n = usize::from(u16_at(maxp, 4)?);
        let is_long = u16_at(head, 50)? == 1;
        (0..=n)
            .map(|glyph| match is_long {
                true => u32_at(loca, 4 * glyph).map(|offset| offset as usize),
                false => u16_at(loca, 2 * glyph).map(|offset| 2 * usize::from(offset)),
            })
            .collect()
    }

    /// The font file with the outlines of these glyphs, and of those they are composed of.
    pub fn subset(&self, used: &BTreeSet<u16>) -> Option<Vec<u8>> {
        let (glyf, offsets) = (self.table(b"glyf")?, self.offsets()?);
        let outline = |glyph: u16| {
            let (start, end) = (*offsets.get(usize::from(glyph))?, *offsets.get(usize::from(glyph) + 1)?);
            glyf.get(start..end)
        };
        // glyph 0 stands for a character the font does not have
        let mut wanted: BTreeSet<u16> = used.iter().copied().chain([0]).collect();
        let mut open: Vec<u16> = wanted.iter().copied().collect();
        while let Some(glyph) = open.pop() {
            open.extend(
                outline(glyph).map(components).unwrap_or_default().into_iter().filter(|part| wanted.insert(*part)),
            );
        }
        let (mut new_glyf, mut new_loca) = (Vec::new(), Vec::new());
        for glyph in 0..offsets.len() - 1 {
            new_loca.extend((new_glyf.len() as u32).to_be_bytes());
            let glyph = glyph as u16;
            if let Some(outline) = outline(glyph).filter(|_| wanted.contains(&glyph)) {
                new_glyf.extend_from_slice(outline);
                new_glyf.resize(new_glyf.len().next_multiple_of(4), 0);
            }
        }
        new_loca.extend((new_glyf.len() as u32).to_be_bytes());
        let mut tables: Vec<([u8; 4], Vec<u8>)> = Vec::new();
        for tag in KEPT {
            let Some(table) = self.table(tag) else { continue };
            let mut table = table.to_vec();
            if tag == b"head" {
                table.get_mut(50..52)?.copy_from_slice(&[0, 1]); // long offsets
            }
            tables.push((*tag, table));
        }
        tables.push((*b"glyf", new_glyf));
        tables.push((*b"loca", new_loca));
        tables.sort_by_key(|(tag, _)| *tag);
        Some(assembled(&tables))
    }
}

/// Numbers of the glyphs that a composite outline consists of.
fn components(outline: &[u8]) -> Vec<u16> {
    let mut parts = Vec::new();
    if u16_at(outline, 0).is_none_or(|contours| contours.cast_signed() >= 0) {
        return parts;
    }
    let mut at = 10;
    while let (Some(flags), Some(glyph)) = (u16_at(outline, at), u16_at(outline, at + 2)) {
        parts.push(glyph);
        at += 4 + if flags & 0x0001 != 0 { 4 } else { 2 };
        at += match flags {
            flags if flags & 0x0008 != 0 => 2,
            flags if flags & 0x0040 != 0 => 4,
            flags if flags & 0x0080 != 0 => 8,
            _ => 0,
        };
        if flags & 0x0020 == 0 {
            break;
        }
    }
    parts
}

/// A font file of these tables, in the order of their tags.
fn assembled(tables: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let n = tables.len() as u16;
    let power = 1u16 << n.ilog2();
    let mut file = vec![0, 1, 0, 0];
    for value in [n, 16 * power, power.ilog2() as u16, 16 * (n - power)] {
        file.extend(value.to_be_bytes());
    }
    let mut start = 12 + 16 * tables.len();
    for (tag, table) in tables {
        file.extend(tag);
        file.extend(checksum(table).to_be_bytes());
        file.extend((start as u32).to_be_bytes());
        file.extend((table.len() as u32).to_be_bytes());
        start += table.len().next_multiple_of(4);
    }
    for (_, table) in tables {
        file.extend_from_slice(table);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

fn checksum(table: &[u8]) -> u32 {
    table
        .chunks(4)
        .map(|word| (0..4).fold(0u32, |sum, at| sum << 8 | u32::from(word.get(at).copied().unwrap_or(0))))
        .fold(0, u32::wrapping_add)
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::png::{BOLD, REGULAR};
    use super::*;

    #[test]
    fn measures_are_those_of_open_sans() {
        let font = TrueType::new(REGULAR);
        let measures = font.measures().unwrap();
        assert_eq!(measures.units_per_em, 2048);
        assert!(measures.ascent > 1500 && measures.descent < -400, "{measures:?}");
        // glyph 3 is the space, 532 units wide as in the table of text widths
        assert_eq!(font.advance(3), Some(532));
        assert_eq!(TrueType::new(b"no font").measures(), None);
    }

    #[test]
    fn a_subset_has_the_outlines_used_and_what_they_consist_of() {
        for data in [REGULAR, BOLD] {
            let font = TrueType::new(data);
            let (glyf, offsets) = (font.table(b"glyf").unwrap(), font.offsets().unwrap());
            let composite = (0..offsets.len() - 1)
                .find(|glyph| !components(&glyf[offsets[*glyph]..offsets[*glyph + 1]]).is_empty())
                .unwrap() as u16;
            let used = BTreeSet::from([36, composite]);
            let small = font.subset(&used).unwrap();
            assert!(small.len() < data.len() / 3, "{} of {}", small.len(), data.len());
            let subset = TrueType::new(&small);
            let (new_glyf, new_offsets) = (subset.table(b"glyf").unwrap(), subset.offsets().unwrap());
            assert_eq!(new_offsets.len(), offsets.len());
            let outline = |glyf: &[u8], offsets: &[usize], glyph: u16| {
                glyf[offsets[usize::from(glyph)]..offsets[usize::from(glyph) + 1]].to_vec()
            };
            let parts = components(&outline(glyf, &offsets, composite));
            for glyph in parts.into_iter().chain([36, composite]) {
                let (old, new) = (outline(glyf, &offsets, glyph), outline(new_glyf, &new_offsets, glyph));
                assert!(!old.is_empty() && new.starts_with(&old), "glyph {glyph}");
                assert_eq!(subset.advance(glyph), font.advance(glyph));
            }
            let unused = (0..100).find(|glyph| !used.contains(glyph) && *glyph > 40).unwrap();
            assert!(outline(new_glyf, &new_offsets, unused).is_empty());
        }
    }
}
