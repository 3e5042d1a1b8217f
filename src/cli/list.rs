//! Verbs that print what the program knows: models, codebook, schema, completions.

use super::args::{CodebookArguments, CompletionsArguments, ModelsArguments};
use super::fit::parse_model;
use super::{Arguments, Failure, exit, printer};
use crate::codebook::Codebook;
use crate::spec::{EMBEDDED, embedded, json_schema};
use clap::CommandFactory;

/// `metier models`.
///
/// # Errors
/// A name that is not embedded.
pub fn models(arguments: &ModelsArguments) -> Result<u8, Failure> {
    let Some(name) = &arguments.name else {
        for (name, text) in EMBEDDED {
            let file = parse_model(name, text)?;
            printer::data(&format!("{name:<16} {}\n", file.title.unwrap_or_default()));
        }
        return Ok(exit::DONE);
    };
    match embedded(name) {
        Some((_, text)) => {
            printer::data(text);
            Ok(exit::DONE)
        }
        None => {
            let nearest = crate::nearest::nearest_name(name, EMBEDDED.iter().map(|(name, _)| *name));
            let hint = nearest.map_or_else(
                || String::from("`metier models` lists them"),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            Err(Failure::input(format!("there is no embedded model file `{name}`"), Some(hint)))
        }
    }
}

/// `metier codebook`.
///
/// # Errors
/// None.
pub fn codebook(arguments: &CodebookArguments) -> Result<u8, Failure> {
    let codebook = Codebook::embedded();
    printer::data(&if arguments.toml { Codebook::embedded_text().to_owned() } else { codebook.describe() });
    Ok(exit::DONE)
}

/// `metier schema`.
///
/// # Errors
/// None.
pub fn schema() -> Result<u8, Failure> {
    printer::data(&json_schema());
    Ok(exit::DONE)
}

/// `metier completions`.
///
/// # Errors
/// None.
pub fn completions(arguments: &CompletionsArguments) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "metier", &mut text);
    printer::data(&String::from_utf8_lossy(&text));
    Ok(exit::DONE)
}
