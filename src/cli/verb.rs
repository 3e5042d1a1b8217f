//! What verbs that fit models and print one kind of table have in common: arguments, reading, writing.

use super::args::{EntryArguments, OutputFormat, SourceArguments};
use super::fit::{format_of, model_files, sources};
use super::progress::Progress;
use super::source::SYNTHETIC;
use super::{Failure, printer};
use crate::output::data_table::DataTable;
use crate::output::document::Document;
use crate::output::write::{check_target, write};
use crate::output::{Format, RenderOptions, json_text, render_document};
use crate::spec::Resolved;
use crate::table::Table;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `metier fit` that other verbs share.
#[derive(Debug, Args)]
pub struct VerbArguments {
    /// Formula: `y1 + y2 ~ x + log(z) + i(level, ref = "1") | fe1 + fe2^fe3`
    pub formula: Option<String>,
    /// Files, folders or patterns; `-` is standard input, `synthetic` the embedded table
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub data: Vec<String>,
    /// Model files, or names of embedded ones; flags override what they say
    #[arg(long, value_name = "FILE")]
    pub model: Vec<String>,
    #[command(flatten)]
    pub entry: EntryArguments,
    /// Output format; by default text, or what the output's extension says
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
    /// File to write, atomically; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Decimals of printed tables
    #[arg(long, default_value_t = 4, allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(..=17))]
    pub digits: u8,
    #[command(flatten)]
    pub source: SourceArguments,
}

/// Specifications and the table they are about.
pub struct Loaded {
    /// By model file.
    pub groups: Vec<(String, Vec<Resolved>)>,
    /// The table.
    pub table: Table,
    /// Sentence that every output carries when the table is simulated.
    pub data_note: Option<String>,
    /// Files read.
    pub sources: Vec<String>,
}

impl VerbArguments {
    /// Resolves the specifications, has them adjusted, and reads what they need.
    ///
    /// # Errors
    /// Whatever is wrong with arguments, files or values.
    pub fn load(
        &self,
        verb: &str,
        progress: &mut Progress,
        adjust: impl FnMut(&mut Resolved) -> Result<(), Failure>,
    ) -> Result<Loaded, Failure> {
        self.load_with(verb, progress, &[], adjust)
    }

    /// [`Self::load`], with columns that no specification names.
    ///
    /// # Errors
    /// Whatever is wrong with arguments, files or values.
    pub fn load_with(
        &self,
        verb: &str,
        progress: &mut Progress,
        columns: &[String],
        mut adjust: impl FnMut(&mut Resolved) -> Result<(), Failure>,
    ) -> Result<Loaded, Failure> {
        self.source.apply_threads()?;
        let files = model_files(verb, self.formula.as_deref(), &self.model)?;
        let flags = self.entry.entry();
        let mut groups: Vec<(String, Vec<Resolved>)> = files
            .iter()
            .map(|file| Ok((file.name.clone(), self.source.resolve(file, &flags)?)))
            .collect::<Result<_, Failure>>()?;
        groups.iter_mut().flat_map(|(_, specs)| specs).try_for_each(&mut adjust)?;
        let settings: Vec<_> = files.iter().map(|file| file.settings.clone()).collect();
        let settings = self.source.settings(&settings)?;
        check_target(self.output.as_deref())?;
        progress.stage("read");
        let mut names: Vec<String> = groups.iter().flat_map(|(_, specs)| specs).flat_map(Resolved::names).collect();
        names.extend(columns.iter().cloned());
        names.sort();
        names.dedup();
        let specs = groups.iter().flat_map(|(_, specs)| specs);
        let (table, is_synthetic) = self.source.table(&self.data, names, settings, specs)?;
        Ok(Loaded {
            groups,
            data_note: is_synthetic.then(|| SYNTHETIC.to_owned()),
            sources: sources(&table, &self.data),
            table,
        })
    }

    /// Refuses another target than the sample, where a verb has none.
    ///
    /// # Errors
    /// If the specification has a target.
    pub fn refuse_target(&self, verb: &str, spec: &Resolved) -> Result<(), Failure> {
        let file = spec.target_file.as_ref().map(|file| &file.path);
        match spec.target_text.as_ref().or(file) {
            None => Ok(()),
            Some(target) => Err(Failure::input(
                format!("`metier {verb}` averages over the sample, not over the target `{target}`"),
                Some(String::from("leave the target out, or fit the part alone with `--where`")),
            )),
        }
    }

    /// Writes the result in the format asked for.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(
        &self,
        document: impl FnOnce(&RenderOptions) -> Document,
        table: impl FnOnce() -> DataTable,
        json: impl FnOnce() -> serde_json::Value,
    ) -> Result<(), Failure> {
        let options = RenderOptions {
            digits: usize::from(self.digits),
            ansi: !self.source.quiet && self.output.is_none() && printer::stdout_ansi(),
            ..RenderOptions::default()
        };
        let text = match format_of(self.format, self.output.as_deref()) {
            Format::Csv => table().to_csv(),
            Format::Json => json_text::indented(&json()),
            readable => render_document(&document(&options), readable, &options),
        };
        write(self.output.as_deref(), text.as_bytes())?;
        Ok(())
    }
}
