//! SVG to PNG with the fonts of this crate, so that no font of the machine is needed or used.

use std::sync::{Arc, OnceLock};

use resvg::{tiny_skia, usvg};

/// Open Sans, the font of all figures.
pub const REGULAR: &[u8] = include_bytes!("../../data/fonts/OpenSans-Regular.ttf");
/// Its bold weight.
pub const BOLD: &[u8] = include_bytes!("../../data/fonts/OpenSans-Bold.ttf");

/// Name of the embedded font.
const FAMILY: &str = "Open Sans";

/// A picture that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The SVG could not be read back.
    #[error("the figure is not a valid SVG")]
    Svg(#[from] usvg::Error),
    /// The picture would be empty or too large for memory.
    #[error("a picture of {width} x {height} pixels is not possible")]
    Size {
        /// Pixels across.
        width: f32,
        /// Pixels down.
        height: f32,
    },
    /// The encoder refused.
    #[error("the picture could not be encoded: {0}")]
    Encode(String),
}

/// Draws SVG text as a PNG with `scale` pixels per unit; 2 is sharp on paper and screens.
///
/// # Errors
/// If the text is not SVG or the picture has no or too large a size.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PictureError> {
    Picture::new(svg)?.png(scale)
}

/// A drawing that was read once, to be written in several formats.
#[derive(Debug)]
pub struct Picture(pub(super) usvg::Tree);

impl Picture {
    /// Reads SVG text.
    ///
    /// # Errors
    /// If the text is not SVG.
    pub fn new(svg: &str) -> Result<Self, PictureError> {
        Ok(Picture(usvg::Tree::from_str(svg, &options())?))
    }

    /// As [`png`].
    ///
    /// # Errors
    /// If the picture has no or too large a size.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, PictureError> {
        encoded(&self.0, scale)
    }
}

fn encoded(tree: &usvg::Tree, scale: f32) -> Result<Vec<u8>, PictureError> {
    let size = tree.size();
    let (width, height) = ((size.width() * scale).ceil(), (size.height() * scale).ceil());
    let mut pixels = tiny_skia::Pixmap::new(width as u32, height as u32).ok_or(PictureError::Size { width, height })?;
    resvg::render(tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PictureError::Encode(error.to_string()))
}

fn options() -> usvg::Options<'static> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(BOLD.to_vec());
        fonts.set_sans_serif_family(FAMILY);
        Arc::new(fonts)
    });
    usvg::Options { font_family: FAMILY.to_owned(), fontdb: Arc::clone(fonts), ..usvg::Options::default() }
}

#[cfg(test)]
mod tests {
    use super::super::text_width::{Weight, text_width};
    use super::*;

    /// Width of a drawn text.
    fn drawn_width(text: &str, weight: u32) -> f64 {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="900" height="50"><text x="10" y="30" font-size="20" font-family="Open Sans" font-weight="{weight}">{text}</text></svg>"#
        );
        let tree = usvg::Tree::from_str(&svg, &options()).unwrap();
        f64::from(tree.root().bounding_box().width())
    }

    #[test]
    fn texts_are_as_wide_as_assumed() {
        for text in ["At least partial success", "Sessions that hit trouble: end in failure", "359,586"] {
            for (number, weight) in [(400, Weight::Regular), (700, Weight::Bold)] {
                let (drawn, assumed) = (drawn_width(text, number), text_width(text, 20.0, weight));
                assert!((drawn - assumed).abs() < 0.03 * assumed, "{text}: {drawn} drawn, {assumed} assumed");
            }
        }
    }

    #[test]
    fn a_picture_has_the_size_asked_for() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="6"/>"#;
        let bytes = png(svg, 2.0).unwrap();
        assert_eq!(&bytes[1..4], b"PNG");
        assert_eq!(bytes[16..24], [0, 0, 0, 20, 0, 0, 0, 12]);
    }

    #[test]
    fn text_that_is_not_svg_is_an_error() {
        assert!(matches!(png("no", 1.0), Err(PictureError::Svg(_))));
    }
}
