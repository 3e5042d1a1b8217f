//! The commands that remake the study and its parts, as a reader would type them.

use super::args::ReproduceArguments;
use crate::lock::readme::shell;
use crate::simulate::SimulateOptions;

/// Name of the file of a synthetic table that is not the embedded one.
const DRAWN: &str = "sessions.parquet";

/// The arguments that decide the numbers, as a command.
pub fn whole(arguments: &ReproduceArguments, verb: &str) -> String {
    let mut words = vec![verb.to_owned()];
    match arguments.data.is_empty() {
        true => words.extend(["--sessions", &arguments.sessions.to_string()].map(str::to_owned)),
        false => words.extend(data_words(arguments)),
    }
    if arguments.data.is_empty() {
        words.extend(["--seed", &arguments.seed.to_string()].map(str::to_owned));
    }
    words.extend(setting_words(arguments));
    words.extend(protection_words(arguments));
    format!("metier {}", shell(&words))
}

/// Words of the command that makes one part alone from the table: `what` is verb and name.
pub fn alone(arguments: &ReproduceArguments, what: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = what.iter().map(|word| (*word).to_owned()).collect();
    words.extend(data_words(arguments));
    words.extend(setting_words(arguments));
    if what.first() == Some(&"figure") {
        words.extend(protection_words(arguments));
    }
    words
}

/// Such a command as text, after the one that draws the table if it is not the embedded one.
pub fn text(arguments: &ReproduceArguments, words: &[String]) -> String {
    let drawn = drawn_first(arguments).map_or_else(String::new, |draw| format!("{draw} && "));
    format!("{drawn}metier {}", shell(words))
}

/// The command that draws the table, if it is not the embedded one.
pub fn drawn_first(arguments: &ReproduceArguments) -> Option<String> {
    let (sessions, seed) = (arguments.sessions, arguments.seed);
    let is_embedded = (sessions, seed) == (SimulateOptions::EMBEDDED.sessions, SimulateOptions::EMBEDDED.seed);
    (arguments.data.is_empty() && !is_embedded)
        .then(|| format!("metier simulate --sessions {sessions} --seed {seed} --out {DRAWN}"))
}

fn data_words(arguments: &ReproduceArguments) -> Vec<String> {
    let mut words = vec![String::from("--data")];
    match (arguments.data.is_empty(), drawn_first(arguments)) {
        (true, None) => words.push(String::from("synthetic")),
        (true, Some(_)) => words.push(DRAWN.to_owned()),
        (false, _) => words.extend(arguments.data.iter().cloned()),
    }
    words
}

fn setting_words(arguments: &ReproduceArguments) -> Vec<String> {
    let flagged = |flag: &'static str| move |text: &String| [flag.to_owned(), text.clone()];
    let maps = arguments.source.map.iter().flat_map(flagged("--map"));
    maps.chain(arguments.source.set.iter().flat_map(flagged("--set"))).collect()
}

fn protection_words(arguments: &ReproduceArguments) -> Vec<String> {
    let min_users = arguments.min_users.map(|n| [String::from("--min-users"), n.to_string()]);
    let round = arguments.round.map(|n| [String::from("--round"), n.to_string()]);
    min_users.into_iter().chain(round).flatten().collect()
}
