//! `metier table`: a table for a paper from saved fits.

use super::args::OutputFormat;
use super::fit::format_of;
use super::{Failure, exit, printer};
use crate::output::read::{self, Saved};
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, json_text, render_document};
use crate::paper::{AutoNotes, Errors, Labels, PaperError, PaperOptions, SavedFit, Statistic, data, panels, table};
use clap::Args;
use std::io::Read;
use std::path::PathBuf;

/// `metier table`.
#[derive(Debug, Args)]
#[command(after_help = TABLE_HELP)]
pub struct TableArguments {
    #[command(flatten)]
    pub saved: SavedArguments,
    /// Tables under each other, `PATTERN=Title`, each of the models or files that fit the pattern
    #[arg(long, value_name = "PATTERN=TITLE")]
    pub panel: Vec<String>,
    /// Terms that come first, by name or pattern with `*`; may be repeated
    #[arg(long, value_name = "TERM")]
    pub order: Vec<String>,
    #[command(flatten)]
    pub terms: TermArguments,
    /// What stands under an estimate
    #[arg(long, value_enum, default_value = "se")]
    pub errors: Errors,
    /// Significance stars at these p-values, e.g. `0.1,0.05,0.01`; none by default
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub stars: Option<Vec<f64>>,
    /// Statistics under the estimates, in this order
    #[arg(long, value_enum, value_delimiter = ',')]
    pub statistics: Option<Vec<Statistic>>,
    /// Adjusted rates instead of coefficients
    #[arg(long)]
    pub rates: bool,
    /// Rates as percentages
    #[arg(long)]
    pub percent: bool,
    /// Decimals
    #[arg(long, default_value_t = 3, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub digits: u8,
    /// Sentence under the table; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub notes: Vec<String>,
    /// What the table says of itself
    #[arg(long, value_enum, default_value = "short")]
    pub auto_notes: AutoNotes,
    /// Caption
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub caption: String,
    /// Name for references in LaTeX and Typst, e.g. `tab:main`
    #[arg(long, value_name = "NAME", default_value = "")]
    pub label: String,
    /// LaTeX columns of numbers by the package siunitx
    #[arg(long)]
    pub siunitx: bool,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const TABLE_HELP: &str = "\
Example:
  metier fit 'y ~ x' --data s.csv --format json --output a.json
  metier fit 'y ~ x | fe' --data s.csv --format json --output b.json
  metier table a.json b.json --rename 'x=Treatment' --models 'a:(1)=OLS' --models 'b:(1)=FE' --output table.tex";

/// Which saved models, and their names.
#[derive(Debug, Clone, Args)]
pub struct SavedArguments {
    /// Files of `metier fit --format json`, or lock files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Models in this order, by name or pattern, with a heading if given; all by default; may be repeated
    #[arg(long, value_name = "NAME[=LABEL]")]
    pub models: Vec<String>,
}

/// Which terms, and their names.
#[derive(Debug, Clone, Args)]
pub struct TermArguments {
    /// Terms to keep, by name or pattern with `*`; may be repeated
    #[arg(long, value_name = "TERM")]
    pub keep: Vec<String>,
    /// Terms to leave out, by name or pattern with `*`; may be repeated
    #[arg(long, value_name = "TERM")]
    pub drop: Vec<String>,
    /// Label of a term, effect, outcome or cluster variable, or a TOML file of labels; may be repeated
    #[arg(long, value_name = "TERM=LABEL|FILE")]
    pub rename: Vec<String>,
}

impl From<PaperError> for Failure {
    fn from(error: PaperError) -> Self {
        let PaperError { message, hint } = error;
        Failure::input(message, Some(hint))
    }
}

/// Prints or writes the table.
///
/// # Errors
/// Files that are not ours, names that fit nothing, a file that cannot be written.
pub fn run(arguments: &TableArguments) -> Result<u8, Failure> {
    check_stars(arguments.stars.as_deref())?;
    let format = format_of(arguments.format, arguments.output.as_deref());
    if arguments.siunitx && format != Format::Latex {
        let hint = Some(String::from("add `--format latex`, or leave it out"));
        return Err(Failure::input("`--siunitx` is for LaTeX", hint));
    }
    check_target(arguments.output.as_deref())?;
    let (fits, notices) = arguments.saved.read()?;
    let options = PaperOptions {
        order: arguments.order.clone(),
        keep: arguments.terms.keep.clone(),
        drop: arguments.terms.drop.clone(),
        labels: arguments.terms.labels()?,
        errors: arguments.errors,
        stars: arguments.stars.clone(),
        digits: usize::from(arguments.digits),
        statistics: arguments.statistics.clone(),
        rates: arguments.rates,
        percent: arguments.percent,
        notes: arguments.notes.clone(),
        auto_notes: arguments.auto_notes,
        caption: arguments.caption.clone(),
    };
    let laid = table::lay(panels(fits, &arguments.saved.models, &arguments.panel)?, &options)?;
    let exact = || data::table(&laid).with_data_note(notices.first().map(String::as_str));
    let text = match format {
        Format::Csv => exact().to_csv(),
        Format::Json => json_text::indented(&exact().to_json()),
        readable => {
            let notices = notices.iter().map(|note| format!("Data: {note}")).collect();
            let style = RenderOptions {
                siunitx: arguments.siunitx,
                label: arguments.label.clone(),
                ansi: arguments.output.is_none() && printer::stdout_ansi(),
                ..RenderOptions::default()
            };
            render_document(&table::document(&laid, notices, &options), readable, &style)
        }
    };
    write(arguments.output.as_deref(), text.as_bytes())?;
    Ok(exit::DONE)
}

/// Refuses limits of stars that are no p-values.
pub fn check_stars(stars: Option<&[f64]>) -> Result<(), Failure> {
    match stars.unwrap_or_default().iter().find(|p| !(0.0..=1.0).contains(*p)) {
        None => Ok(()),
        Some(wrong) => {
            let hint = String::from("stars stand for p-values, e.g. `--stars 0.1,0.05,0.01`");
            Err(Failure::input(format!("{wrong} is no p-value"), Some(hint)))
        }
    }
}

impl SavedArguments {
    /// The fits of all files, and what their data are if they are simulated.
    ///
    /// # Errors
    /// Files that cannot be read, or hold something else.
    pub fn read(&self) -> Result<(Vec<SavedFit>, Vec<String>), Failure> {
        let mut fits = Vec::new();
        let mut notices: Vec<String> = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            if self.files[..at].contains(file) {
                let hint = Some(String::from("name every file once"));
                return Err(Failure::input(format!("`{file}` is given twice"), hint));
            }
            let saved = read_saved(file)?;
            if let Some(note) = saved.run.data_note.filter(|note| !notices.contains(note)) {
                notices.push(note);
            }
            fits.extend(saved.run.fits.into_iter().map(|fit| SavedFit { file: file.clone(), fit }));
        }
        Ok((fits, notices))
    }
}

/// Reads a document from a file, or from standard input for `-`.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn read_saved(file: &str) -> Result<Saved, Failure> {
    let mut text = String::new();
    let done = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        path => std::fs::read_to_string(path).map(|found| text = found),
    };
    done.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let nearest = crate::sessions::nearest_file(file.as_ref()).map(|name| format!("did you mean `{name}`?"));
            let usual = String::from("save the models with `metier fit ... --format json --output FILE.json`");
            Failure::input(format!("there is no file `{file}`"), Some(nearest.unwrap_or(usual)))
        }
        _ => Failure::input(format!("cannot read `{file}`: {error}"), None),
    })?;
    read::parse(&text).map_err(|error| Failure::input(format!("`{file}`: {error}"), Some(error.hint())))
}

impl TermArguments {
    /// The labels, from arguments and files.
    ///
    /// # Errors
    /// Files that cannot be read or hold something else.
    pub fn labels(&self) -> Result<Labels, Failure> {
        let mut labels = Labels::default();
        for text in &self.rename {
            if text.contains('=') || !text.ends_with(".toml") {
                labels.add(text)?;
                continue;
            }
            let content = std::fs::read_to_string(text)
                .map_err(|error| Failure::input(format!("cannot read the labels `{text}`: {error}"), None))?;
            labels
                .add_toml(&content)
                .map_err(|error| Failure::input(format!("`{text}`: {error}"), Some(error.hint)))?;
        }
        Ok(labels)
    }
}
