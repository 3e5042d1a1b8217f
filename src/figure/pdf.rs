//! SVG pages as a PDF document: shapes as paths, texts as text in the embedded fonts, so that they can be searched.

use super::png::{BOLD, Picture, REGULAR};
use super::truetype::TrueType;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{
    CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, TextRenderingMode, UnicodeCmap,
};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use resvg::tiny_skia::{PathSegment, Transform};
use resvg::usvg;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

/// Points of a page per unit of an SVG: a unit is a CSS pixel, 1/96 inch; a point is 1/72.
const POINTS: f32 = 0.75;

/// A font of the document: its name, its file, and the glyphs used with the text each stands for.
struct Font {
    resource: Name<'static>,
    name: &'static str,
    data: &'static [u8],
    used: BTreeMap<u16, String>,
}

/// Each drawing as a page of its own size.
pub fn pdf(pages: &[&Picture]) -> Vec<u8> {
    let mut fonts = [
        Font { resource: Name(b"F0"), name: "OpenSans", data: REGULAR, used: BTreeMap::new() },
        Font { resource: Name(b"F1"), name: "OpenSans-Bold", data: BOLD, used: BTreeMap::new() },
    ];
    let mut drawn: Vec<(f32, f32, Vec<u8>)> = Vec::new();
    for Picture(tree) in pages {
        let (width, height) = (tree.size().width() * POINTS, tree.size().height() * POINTS);
        let mut content = Content::new();
        // from the upper left corner downwards to the lower left corner upwards
        content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height]);
        group(&mut content, tree.root(), tree.fontdb(), &mut fonts);
        drawn.push((width, height, content.finish().to_vec()));
    }
    document(&drawn, &fonts)
}

/// Numbers objects in order.
struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

fn document(pages: &[(f32, f32, Vec<u8>)], fonts: &[Font]) -> Vec<u8> {
    let mut numbers = Numbers(0);
    let (catalog, tree, info) = (numbers.next(), numbers.next(), numbers.next());
    let page_ids: Vec<Ref> = pages.iter().map(|_| numbers.next()).collect();
    let used: Vec<(&Font, Ref)> =
        fonts.iter().filter(|font| !font.used.is_empty()).map(|font| (font, numbers.next())).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids(page_ids.iter().copied()).count(pages.len() as i32);
    pdf.document_info(info).producer(TextStr(concat!("metier ", env!("CARGO_PKG_VERSION"))));
    for ((width, height, content), id) in pages.iter().zip(&page_ids) {
        let contents = numbers.next();
        let mut page = pdf.page(*id);
        page.parent(tree).media_box(Rect::new(0.0, 0.0, *width, *height)).contents(contents);
        let mut resources = page.resources();
        let mut listed = resources.fonts();
        used.iter().for_each(|(font, id)| {
            listed.pair(font.resource, *id);
        });
        listed.finish();
        resources.finish();
        page.finish();
        pdf.stream(contents, &deflated(content)).filter(Filter::FlateDecode);
    }
    for (font, id) in used {
        embed(&mut pdf, font, id, &mut numbers);
    }
    pdf.finish()
}

/// A font with two-byte codes that are the numbers of its glyphs.
fn embed(pdf: &mut Pdf, font: &Font, id: Ref, numbers: &mut Numbers) {
    let file = TrueType::new(font.data);
    let glyphs: BTreeSet<u16> = font.used.keys().copied().collect();
    // the fonts are part of the program: a test reads their measures
    let (Some(measures), Some(subset)) = (file.measures(), file.subset(&glyphs)) else { return };
    let (descendant, descriptor, data, to_unicode) = (numbers.next(), numbers.next(), numbers.next(), numbers.next());
    // six letters mark a subset
    let name = format!("METIER+{}", font.name);
    let base = Name(name.as_bytes());
    let scaled = |value: i16| 1000.0 * f32::from(value) / f32::from(measures.units_per_em);
    let info = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
    pdf.type0_font(id)
        .base_font(base)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(to_unicode);
    let mut cid = pdf.cid_font(descendant);
    cid.subtype(CidFontType::Type2).base_font(base).system_info(info).font_descriptor(descriptor).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for glyph in &glyphs {
        let width = f32::from(file.advance(*glyph).unwrap_or(0)) * 1000.0 / f32::from(measures.units_per_em);
        widths.consecutive(*glyph, [width]);
    }
    widths.finish();
    cid.finish();
    let [left, bottom, right, top] = measures.bounds.map(scaled);
    pdf.font_descriptor(descriptor)
        .name(base)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(scaled(measures.ascent))
        .descent(scaled(measures.descent))
        .cap_height(scaled(measures.ascent))
        .stem_v(80.0)
        .font_file2(data);
    let compressed = deflated(&subset);
    let mut stream = pdf.stream(data, &compressed);
    stream.filter(Filter::FlateDecode).pair(Name(b"Length1"), subset.len() as i32);
    stream.finish();
    let mut cmap = UnicodeCmap::new(Name(b"Custom"), info);
    for (glyph, text) in &font.used {
        cmap.pair_with_multiple(*glyph, text.chars());
    }
    let cmap = cmap.finish();
    pdf.stream(to_unicode, &deflated(&cmap)).filter(Filter::FlateDecode);
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // writing to memory cannot fail
    let _ = encoder.write_all(data);
    encoder.finish().unwrap_or_default()
}

fn group(content: &mut Content, parent: &usvg::Group, database: &usvg::fontdb::Database, fonts: &mut [Font]) {
    for node in parent.children() {
        match node {
            usvg::Node::Group(child) => group(content, child, database, fonts),
            usvg::Node::Path(found) => path(content, found),
            usvg::Node::Text(found) => text(content, found, database, fonts),
            // figures have no pictures inside
            usvg::Node::Image(_) => {}
        }
    }
}

/// A shape, filled and then stroked.
fn path(content: &mut Content, path: &usvg::Path) {
    if !path.is_visible() {
        return;
    }
    content.save_state();
    content.transform(matrix(path.abs_transform()));
    let fill = path.fill().and_then(|fill| colour(fill.paint()));
    let stroke = path.stroke().and_then(|stroke| Some((stroke, colour(stroke.paint())?)));
    if let Some([r, g, b]) = fill {
        content.set_fill_rgb(r, g, b);
    }
    if let Some((stroke, [r, g, b])) = stroke {
        content.set_stroke_rgb(r, g, b).set_line_width(stroke.width().get());
        content.set_line_cap(match stroke.linecap() {
            usvg::LineCap::Butt => LineCapStyle::ButtCap,
            usvg::LineCap::Round => LineCapStyle::RoundCap,
            usvg::LineCap::Square => LineCapStyle::ProjectingSquareCap,
        });
        content.set_line_join(match stroke.linejoin() {
            usvg::LineJoin::Round => LineJoinStyle::RoundJoin,
            usvg::LineJoin::Bevel => LineJoinStyle::BevelJoin,
            usvg::LineJoin::Miter | usvg::LineJoin::MiterClip => LineJoinStyle::MiterJoin,
        });
        if let Some(dashes) = stroke.dasharray() {
            content.set_dash_pattern(dashes.iter().copied(), stroke.dashoffset());
        }
    }
    outline(content, path.data());
    match (fill.is_some(), stroke.is_some()) {
        (true, true) => content.fill_nonzero_and_stroke(),
        (true, false) => content.fill_nonzero(),
        (false, true) => content.stroke(),
        (false, false) => content.end_path(),
    };
    content.restore_state();
}

fn outline(content: &mut Content, path: &resvg::tiny_skia::Path) {
    let mut at = (0.0, 0.0);
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(p) => {
                content.move_to(p.x, p.y);
                at = (p.x, p.y);
            }
            PathSegment::LineTo(p) => {
                content.line_to(p.x, p.y);
                at = (p.x, p.y);
            }
            PathSegment::QuadTo(c, p) => {
                // a quadratic curve as a cubic one
                let near = |from: f32, control: f32| from + 2.0 / 3.0 * (control - from);
                content.cubic_to(near(at.0, c.x), near(at.1, c.y), near(p.x, c.x), near(p.y, c.y), p.x, p.y);
                at = (p.x, p.y);
            }
            PathSegment::CubicTo(a, b, p) => {
                content.cubic_to(a.x, a.y, b.x, b.y, p.x, p.y);
                at = (p.x, p.y);
            }
            PathSegment::Close => {
                content.close_path();
            }
        }
    }
}

/// A text glyph by glyph where its letters are in the embedded fonts, else as shapes.
fn text(content: &mut Content, text: &usvg::Text, database: &usvg::fontdb::Database, fonts: &mut [Font]) {
    let font_of = |id: usvg::fontdb::ID| {
        let name = &database.face(id)?.post_script_name;
        fonts.iter().position(|font| font.name == name)
    };
    let glyphs = || text.layouted().iter().flat_map(|span| &span.positioned_glyphs);
    if glyphs().any(|glyph| font_of(glyph.font).is_none()) {
        let mut none: [Font; 0] = [];
        return group(content, text.flattened(), database, &mut none);
    }
    let places: Vec<Vec<usize>> = text
        .layouted()
        .iter()
        .map(|span| span.positioned_glyphs.iter().filter_map(|glyph| font_of(glyph.font)).collect())
        .collect();
    for (span, places) in text.layouted().iter().zip(&places) {
        // an edge goes under its letters
        if let Some((stroke, [r, g, b])) = span.stroke.as_ref().and_then(|s| Some((s, colour(s.paint())?))) {
            content.save_state();
            content
                .set_stroke_rgb(r, g, b)
                .set_line_width(stroke.width().get())
                .set_line_join(LineJoinStyle::RoundJoin);
            glyph_run(content, text, span, places, fonts, TextRenderingMode::Stroke);
            content.restore_state();
        }
        if let Some([r, g, b]) = span.fill.as_ref().and_then(|fill| colour(fill.paint())) {
            content.set_fill_rgb(r, g, b);
            glyph_run(content, text, span, places, fonts, TextRenderingMode::Fill);
        }
    }
}

fn glyph_run(
    content: &mut Content,
    text: &usvg::Text,
    span: &usvg::layout::Span,
    places: &[usize],
    fonts: &mut [Font],
    mode: TextRenderingMode,
) {
    content.begin_text();
    content.set_text_rendering_mode(mode);
    let em = |place: usize| {
        TrueType::new(fonts[place].data).measures().map_or(1000.0, |measures| f32::from(measures.units_per_em))
    };
    let units: Vec<f32> = (0..fonts.len()).map(em).collect();
    let glyphs: Vec<(usize, u16, Transform)> = span
        .positioned_glyphs
        .iter()
        .zip(places)
        .map(|(glyph, &place)| {
            let em = units[place];
            let at = text.abs_transform().pre_concat(glyph.outline_transform()).pre_scale(em, em);
            let number = u16::try_from(glyph.id.0).unwrap_or(0);
            fonts[place].used.entry(number).or_insert_with(|| glyph.text.clone());
            (place, number, at)
        })
        .collect();
    // glyphs of a font that stand in a line are one run, so that readers find words and not letters
    for run in glyphs.chunk_by(|(place, _, a), (next, _, b)| place == next && is_turned_alike(a, b)) {
        let Some((place, _, first)) = run.first() else { continue };
        content.set_font(fonts[*place].resource, 1.0).set_text_matrix(matrix(*first));
        let file = TrueType::new(fonts[*place].data);
        let mut line = content.show_positioned();
        let mut items = line.items();
        // where the next glyph would stand, in ems from the first
        let mut pen = 0.0;
        for (_, number, at) in run {
            let (dx, dy) = (at.tx - first.tx, at.ty - first.ty);
            let wanted = (dx * first.sx + dy * first.ky) / (first.sx * first.sx + first.ky * first.ky);
            if (wanted - pen).abs() > 1e-4 {
                items.adjust(1000.0 * (pen - wanted));
            }
            items.show(Str(&number.to_be_bytes()));
            pen = wanted + f32::from(file.advance(*number).unwrap_or(0)) / units[*place];
        }
    }
    content.end_text();
}

/// Whether two glyphs have the same size and direction.
fn is_turned_alike(a: &Transform, b: &Transform) -> bool {
    let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * (1.0 + a.abs());
    near(a.sx, b.sx) && near(a.kx, b.kx) && near(a.ky, b.ky) && near(a.sy, b.sy)
}

fn matrix(transform: Transform) -> [f32; 6] {
    [transform.sx, transform.ky, transform.kx, transform.sy, transform.tx, transform.ty]
}

/// Red, green and blue from 0 to 1; figures have no gradients.
fn colour(paint: &usvg::Paint) -> Option<[f32; 3]> {
    match paint {
        usvg::Paint::Color(colour) => Some([colour.red, colour.green, colour.blue].map(|part| f32::from(part) / 255.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::fixture::figure;
    use crate::figure::svg;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    /// Every compressed stream of the document, as text where it is.
    fn streams(pdf: &[u8]) -> Vec<String> {
        let starts = pdf.windows(7).enumerate().filter(|(_, window)| *window == b"stream\n").map(|(at, _)| at + 7);
        starts
            .filter_map(|start| {
                let mut text = Vec::new();
                ZlibDecoder::new(&pdf[start..]).read_to_end(&mut text).ok()?;
                Some(String::from_utf8_lossy(&text).into_owned())
            })
            .collect()
    }

    #[test]
    fn a_document_has_a_page_for_each_picture_and_its_text_as_text() {
        let picture = svg(&figure());
        let picture = Picture::new(&picture).unwrap();
        let document = pdf(&[&picture, &picture]);
        assert!(document.starts_with(b"%PDF-1.") && document.trim_ascii_end().ends_with(b"%%EOF"));
        let plain = String::from_utf8_lossy(&document);
        assert_eq!(plain.matches("/MediaBox").count(), 2);
        assert!(plain.contains("/METIER+OpenSans\n") && plain.contains("/METIER+OpenSans-Bold\n"));
        let streams = streams(&document);
        assert!(streams.iter().any(|text| text.contains("BT\n") && text.contains("] TJ\n")));
        // the letter N of Novice is mapped back
        assert!(streams.iter().any(|text| text.contains("beginbfchar") && text.contains("> <004E>")));
        assert_eq!(document, pdf(&[&picture, &picture]));
        assert!(document.len() < 120_000, "{}", document.len());
    }

    #[test]
    fn letters_of_other_scripts_do_not_break_the_document() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30" font-family="Open Sans"><text x="5" y="20">小さい é</text></svg>"#;
        assert!(pdf(&[&Picture::new(svg).unwrap()]).starts_with(b"%PDF"));
    }
}
