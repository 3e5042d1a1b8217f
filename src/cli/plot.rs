//! `metier plot`: figures from saved fits.

use super::table::{SavedArguments, TermArguments};
use super::{Failure, exit};
use crate::figure::{self, dots};
use crate::output::write::{check_target, write};
use crate::paper::plot::{Texts, coefficients, rates};
use crate::paper::{PaperOptions, data, panels, table};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Formats of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PictureFormat {
    /// Vector graphics
    Svg,
    /// A picture, with the program's own font
    Png,
    /// The numbers that are drawn
    Csv,
}

/// `metier plot`.
#[derive(Debug, Args)]
#[command(after_help = PLOT_HELP)]
pub struct PlotArguments {
    #[command(flatten)]
    pub saved: SavedArguments,
    /// Adjusted rates instead of coefficients: a panel for every sample, a line for every outcome and model
    #[arg(long)]
    pub rates: bool,
    /// With `--rates`: panels, `PATTERN=Title`, each of the models or files that fit the pattern
    #[arg(long, value_name = "PATTERN=TITLE", requires = "rates")]
    pub panel: Vec<String>,
    /// Terms that come first, by name or pattern with `*`; may be repeated
    #[arg(long, value_name = "TERM")]
    pub order: Vec<String>,
    #[command(flatten)]
    pub terms: TermArguments,
    /// Title
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub title: String,
    /// Sentence under the figure; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub notes: Vec<String>,
    /// Pixels of a PNG for every unit of the SVG
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    pub scale: f32,
    /// Format; by default what the output's extension says, or SVG
    #[arg(long, value_enum)]
    pub format: Option<PictureFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const PLOT_HELP: &str = "\
Example:
  metier fit 'y ~ i(level) | fe' --data s.csv --rates level --format json --output a.json
  metier plot a.json --drop '(Intercept)' --output coefficients.png
  metier plot a.json --rates --output rates.svg";

/// Largest scale of a PNG: beyond it a picture takes gigabytes.
const LARGEST_SCALE: f32 = 10.0;

/// Draws and writes.
///
/// # Errors
/// Files that are not ours, names that fit nothing, a file that cannot be written.
pub fn run(arguments: &PlotArguments) -> Result<u8, Failure> {
    let format = format_of(arguments)?;
    if !(arguments.scale > 0.0 && arguments.scale <= LARGEST_SCALE) {
        let hint = Some(format!("use a number up to {LARGEST_SCALE}, e.g. `--scale 3`"));
        return Err(Failure::input(format!("the scale is {}", arguments.scale), hint));
    }
    check_target(arguments.output.as_deref())?;
    let (fits, data_notes) = arguments.saved.read()?;
    let options = PaperOptions {
        order: arguments.order.clone(),
        keep: arguments.terms.keep.clone(),
        drop: arguments.terms.drop.clone(),
        labels: arguments.terms.labels()?,
        rates: arguments.rates,
        statistics: Some(Vec::new()),
        ..PaperOptions::default()
    };
    let laid = table::lay(panels(fits, &arguments.saved.models, &arguments.panel)?, &options)?;
    let exact = data::table(&laid).with_data_note(data_notes.first().map(String::as_str));
    let texts = Texts { title: arguments.title.clone(), notes: arguments.notes.clone(), data_notes };
    let svg = || match arguments.rates {
        true => figure::svg(&rates(&laid, &options.labels, &texts)),
        false => dots::svg(&coefficients(&laid[0], &options.labels, &texts)),
    };
    let bytes = match format {
        PictureFormat::Csv => exact.to_csv().into_bytes(),
        PictureFormat::Svg => svg().into_bytes(),
        PictureFormat::Png => figure::png(&svg(), arguments.scale).map_err(|error| Failure::input(&error, None))?,
    };
    write(arguments.output.as_deref(), &bytes)?;
    Ok(exit::DONE)
}

fn format_of(arguments: &PlotArguments) -> Result<PictureFormat, Failure> {
    if let Some(format) = arguments.format {
        return Ok(format);
    }
    let Some(output) = &arguments.output else { return Ok(PictureFormat::Svg) };
    let extension = output.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("svg") => Ok(PictureFormat::Svg),
        Some("png") => Ok(PictureFormat::Png),
        Some("csv") => Ok(PictureFormat::Csv),
        _ => {
            let hint = Some(String::from("name a file .svg, .png or .csv, or say `--format`"));
            Err(Failure::input(format!("`{}` tells no format of a figure", output.display()), hint))
        }
    }
}
