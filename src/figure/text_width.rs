//! How wide a text is in the figures' font, needed to break lines and keep labels apart.

/// Weight of the font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Regular.
    Regular,
    /// Bold.
    Bold,
}

/// Units of the advance widths per font size.
const UNITS_PER_EM: f64 = 2048.0;

/// First character of the tables below.
const FIRST: u32 = 32;

/// Advance widths of U+0020 to U+007E in Open Sans Regular.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    532, 547, 821, 1323, 1171, 1686, 1495, 453, 606, 606, 1130, 1171, 502, 659, 545, 752, 1171, 1171, 1171,
    1171, 1171, 1171, 1171, 1171, 1171, 1171, 545, 545, 1171, 1171, 1171, 879, 1841, 1296, 1327, 1292, 1493,
    1139, 1057, 1491, 1511, 571, 547, 1257, 1063, 1849, 1544, 1595, 1233, 1595, 1266, 1124, 1133, 1491, 1219,
    1896, 1182, 1147, 1169, 674, 752, 674, 1110, 918, 1182, 1139, 1255, 975, 1255, 1149, 694, 1122, 1257, 518,
    518, 1075, 518, 1905, 1257, 1237, 1255, 1255, 836, 977, 723, 1257, 1026, 1593, 1073, 1032, 958, 776, 1128,
    776, 1171,
];

/// Advance widths of U+0020 to U+007E in Open Sans Bold.
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    532, 586, 967, 1323, 1169, 1845, 1536, 545, 694, 694, 1116, 1169, 594, 659, 584, 846, 1169, 1169, 1169,
    1169, 1169, 1169, 1169, 1169, 1169, 1169, 584, 594, 1169, 1169, 1169, 977, 1837, 1413, 1376, 1305, 1516,
    1147, 1124, 1483, 1567, 678, 678, 1360, 1157, 1931, 1665, 1630, 1286, 1630, 1352, 1128, 1186, 1548, 1331,
    1980, 1366, 1278, 1186, 678, 846, 678, 1090, 842, 1243, 1237, 1296, 1053, 1296, 1210, 793, 1157, 1346,
    625, 625, 1270, 625, 2011, 1346, 1268, 1296, 1296, 930, 1018, 889, 1346, 1165, 1753, 1184, 1165, 999, 807,
    1128, 807, 1169,
];

/// Advance width assumed of any other character: that of a wide letter, so that labels keep apart.
const OTHER: u16 = 1_500;

/// Width of the text at a font size, without kerning.
pub fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    let advance = |c: char| match u32::from(c).checked_sub(FIRST).and_then(|at| table.get(at as usize)) {
        Some(width) => f64::from(*width),
        None if u32::from(c) >= 0x2e80 => UNITS_PER_EM,
        None => f64::from(OTHER),
    };
    text.chars().map(advance).sum::<f64>() * size / UNITS_PER_EM
}

/// Breaks a text at spaces into lines no wider than `width`; a single word may be wider.
pub fn wrap(text: &str, width: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size, weight) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text, or its beginning and an ellipsis.
pub fn shortened(text: &str, room: f64, size: f64, weight: Weight) -> String {
    if text_width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    while !kept.is_empty() && text_width(&format!("{kept}…"), size, weight) > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up_and_bold_is_wider() {
        let regular = text_width("Verified success", 12.0, Weight::Regular);
        assert!((80.0..100.0).contains(&regular), "{regular}");
        assert!(text_width("Verified success", 12.0, Weight::Bold) > regular);
        assert_eq!(text_width("", 12.0, Weight::Bold), 0.0);
    }

    #[test]
    fn lines_stay_within_the_width() {
        let lines = wrap("at least partial success", 90.0, 12.0, Weight::Regular);
        assert_eq!(lines, ["at least partial", "success"]);
        assert!(wrap("", 10.0, 12.0, Weight::Regular).is_empty());
    }
}
