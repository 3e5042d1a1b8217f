//! Colours and markers that stay apart for colour-blind readers and on grey printers.

/// Okabe and Ito's colours (2008), those dark enough for thin lines first.
const COLOURS: [&str; 7] = ["#0072b2", "#009e73", "#d55e00", "#aa4499", "#444444", "#b07c00", "#3a8fc4"];

/// The same hues darkened until their text has a contrast of at least 4.5 on white.
const TEXT_COLOURS: [&str; 7] = ["#005f95", "#00704f", "#a84a00", "#8a3379", "#333333", "#7d5800", "#256d9a"];

/// Shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Filled circle.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle, point up.
    Triangle,
    /// Filled square on its corner.
    Diamond,
    /// Filled triangle, point down.
    TriangleDown,
}

const MARKERS: [Marker; 5] = [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::TriangleDown];

/// Look of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour of line, marker and whisker.
    pub colour: &'static str,
    /// Colour of its text.
    pub text: &'static str,
    /// Shape of its points.
    pub marker: Marker,
}

/// The look of the series at this position among the figure's series; colours and markers repeat with
/// different periods, so 35 series differ.
pub fn look(position: usize) -> Look {
    Look {
        colour: COLOURS[position % COLOURS.len()],
        text: TEXT_COLOURS[position % TEXT_COLOURS.len()],
        marker: MARKERS[position % MARKERS.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of `#rrggbb` (WCAG 2).
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn text_can_be_read_on_white() {
        for colour in TEXT_COLOURS {
            let contrast = 1.05 / (luminance(colour) + 0.05);
            assert!(contrast >= 4.5, "{colour}: {contrast:.2}");
        }
    }
}
