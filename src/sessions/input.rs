//! Sources to files: patterns, folders, standard input, formats, compression.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::error::LoadError;
use crate::nearest::nearest_name;

/// A format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Text with a delimiter (comma, tab, semicolon or bar: found from the header).
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// Arrow IPC files, also called Feather version 2.
    Arrow,
}

impl Format {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Csv => "CSV",
            Format::Ndjson => "NDJSON",
            Format::Arrow => "Arrow",
        }
    }

    fn from_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(Format::Parquet),
            "csv" | "tsv" | "txt" | "tab" => Some(Format::Csv),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "arrow" | "ipc" | "feather" => Some(Format::Arrow),
            _ => None,
        }
    }

    /// From the first bytes; `None` if they say nothing.
    fn from_magic(head: &[u8]) -> Option<Format> {
        if head.starts_with(b"PAR1") {
            return Some(Format::Parquet);
        }
        if head.starts_with(b"ARROW1") {
            return Some(Format::Arrow);
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Some(Format::Ndjson),
            Some(byte) if *byte >= b' ' => Some(Format::Csv),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Format::from_extension(text).ok_or_else(|| format!("`{text}` is no format: parquet, csv, tsv, ndjson, arrow"))
    }
}

/// Where the bytes of a table are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    Memory(Arc<Vec<u8>>),
}

/// One file, or standard input, with its format.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Name in messages.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) format: Format,
}

impl Input {
    /// Opens the bytes, decompressed if they are compressed text.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>, LoadError> {
        let raw: Box<dyn Read + Send> = match &self.place {
            Place::File(path) => Box::new(File::open(path).map_err(|source| self.unreadable(source))?),
            Place::Memory(bytes) => Box::new(std::io::Cursor::new(SharedBytes(Arc::clone(bytes)))),
        };
        decompressed(raw).map_err(|source| self.unreadable(source))
    }

    /// The error for a failed read.
    pub(super) fn unreadable(&self, source: std::io::Error) -> LoadError {
        LoadError::Io { action: "read", file: self.name.clone(), source }
    }

    /// The error for content that breaks the format.
    pub(super) fn broken(&self, message: impl Into<String>) -> LoadError {
        LoadError::Unreadable { file: self.name.clone(), format: self.format.name(), message: message.into() }
    }
}

/// Bytes of standard input, kept once.
#[derive(Debug, Clone)]
pub(super) struct SharedBytes(pub(super) Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Undoes gzip or zstandard, found from the first bytes.
fn decompressed(mut raw: Box<dyn Read + Send>) -> std::io::Result<Box<dyn Read + Send>> {
    let head = read_head(&mut raw, 4)?;
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    let is_zstd = head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let whole = std::io::Cursor::new(head).chain(raw);
    Ok(if is_gzip {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else if is_zstd {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    } else {
        Box::new(whole)
    })
}

/// The first `length` bytes, fewer at the end.
fn read_head(reader: &mut dyn Read, length: u64) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(length).read_to_end(&mut head)?;
    Ok(head)
}

/// Finds the files of all sources, in order; a folder or pattern gives its files in sorted order.
pub(super) fn resolve(
    sources: &[String],
    format: Option<Format>,
    stdin: Option<&Arc<Vec<u8>>>,
) -> Result<Vec<Input>, LoadError> {
    let mut inputs = Vec::new();
    for source in sources {
        if source == "-" {
            inputs.push(standard_input(format, stdin)?);
            continue;
        }
        let paths = expand(source)?;
        let found = paths.iter().map(|path| file_input(path, format)).collect::<Result<Vec<_>, _>>()?;
        one_format(source, &found)?;
        inputs.extend(found);
    }
    match sources {
        [] => Err(LoadError::NoTables { source_name: String::new() }),
        _ => Ok(inputs),
    }
}

/// Name of standard input in messages.
const STANDARD_INPUT: &str = "standard input";

/// Everything standard input holds; a second call finds nothing.
pub(super) fn read_standard_input() -> Result<Arc<Vec<u8>>, LoadError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|source| LoadError::Io { action: "read", file: String::from(STANDARD_INPUT), source })?;
    Ok(Arc::new(bytes))
}

fn standard_input(format: Option<Format>, given: Option<&Arc<Vec<u8>>>) -> Result<Input, LoadError> {
    let name = String::from("standard input");
    let bytes = match given {
        Some(bytes) => Arc::clone(bytes),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|source| LoadError::Io {
                action: "read",
                file: name.clone(),
                source,
            })?;
            Arc::new(bytes)
        }
    };
    if bytes.is_empty() {
        return Err(LoadError::NoRows { file: name });
    }
    let place = Place::Memory(bytes);
    let format = match format {
        Some(format) => format,
        None => sniff(&name, &place)?,
    };
    Ok(Input { name, place, format })
}

/// The format from the first bytes, behind compression if there is any.
fn sniff(name: &str, place: &Place) -> Result<Format, LoadError> {
    let probe = Input { name: name.to_owned(), place: place.clone(), format: Format::Csv };
    let head = read_head(&mut *probe.open()?, 256).map_err(|source| probe.unreadable(source))?;
    Format::from_magic(&head).ok_or_else(|| LoadError::UnknownFormat { file: name.to_owned() })
}

fn file_input(path: &Path, format: Option<Format>) -> Result<Input, LoadError> {
    let name = path.display().to_string();
    let place = Place::File(path.to_owned());
    let metadata =
        std::fs::metadata(path).map_err(|source| LoadError::Io { action: "read", file: name.clone(), source })?;
    if metadata.len() == 0 && metadata.is_file() {
        return Err(LoadError::NoRows { file: name });
    }
    if !metadata.is_file() && !metadata.is_dir() {
        // a pipe such as `<(command)` can be read once only
        let bytes =
            std::fs::read(path).map_err(|source| LoadError::Io { action: "read", file: name.clone(), source })?;
        let place = Place::Memory(Arc::new(bytes));
        let format = format.map_or_else(|| sniff(&name, &place), Ok)?;
        return Ok(Input { name, place, format });
    }
    let sniffed = sniff(&name, &place);
    let format = match (format, format_of(path), sniffed) {
        (Some(format), _, _) => format,
        // the content of a binary file wins over a wrong extension
        (None, _, Ok(format @ (Format::Parquet | Format::Arrow))) => format,
        (None, Some(format), _) => format,
        (None, None, sniffed) => sniffed?,
    };
    Ok(Input { name, place, format })
}

/// The format of a file name, `.gz` and `.zst` ignored.
fn format_of(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    Format::from_extension(name.rsplit_once('.')?.1)
}

/// The files of one source.
fn expand(source: &str) -> Result<Vec<PathBuf>, LoadError> {
    let path = Path::new(source);
    let no_tables = || LoadError::NoTables { source_name: source.to_owned() };
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| LoadError::Io {
            action: "read",
            file: source.into(),
            source: error,
        })?;
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.is_file() && !is_hidden(path) && format_of(path).is_some())
            .collect();
        files.sort();
        return if files.is_empty() { Err(no_tables()) } else { Ok(files) };
    }
    if path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    if source.contains(['*', '?', '[']) {
        let mut files: Vec<PathBuf> = glob::glob(source)
            .map_err(|_| no_tables())?
            .filter_map(Result::ok)
            .filter(|path| path.is_file() && !is_hidden(path))
            .collect();
        files.sort();
        return if files.is_empty() { Err(no_tables()) } else { Ok(files) };
    }
    Err(LoadError::NoSuchFile { path: path.to_owned(), nearest: nearest_file(path) })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(['.', '_']))
}

/// The file of the same folder with the nearest name.
fn nearest_file(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|n| !n.starts_with('.'))
        .collect();
    let nearest = nearest_name(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(folder.map_or_else(|| nearest.to_owned(), |folder| folder.join(nearest).display().to_string()))
}

fn one_format(source: &str, inputs: &[Input]) -> Result<(), LoadError> {
    let mut counts: BTreeMap<Format, usize> = BTreeMap::new();
    for input in inputs {
        *counts.entry(input.format).or_default() += 1;
    }
    if counts.len() <= 1 {
        return Ok(());
    }
    let formats: Vec<String> = counts.iter().map(|(format, count)| format!("{count} {}", format.name())).collect();
    Err(LoadError::SeveralFormats { source_name: source.to_owned(), formats: formats.join(", ") })
}

/// Writes through a temporary file in the same folder, so that a file is complete or not there.
pub(super) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let io = |source| LoadError::Io { action: "write", file: path.display().to_string(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".metier-").tempfile_in(folder).map_err(io)?;
    {
        let mut buffered = std::io::BufWriter::new(file.as_file_mut());
        write(&mut buffered)?;
        buffered.flush().map_err(io)?;
    }
    set_usual_permissions(file.as_file()).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Temporary files are private; results are readable as any other file.
#[cfg(unix)]
fn set_usual_permissions(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Temporary files are private; results are readable as any other file.
#[cfg(not(unix))]
fn set_usual_permissions(_file: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_from_names_and_bytes() {
        assert_eq!(format_of(Path::new("a/b.csv.gz")), Some(Format::Csv));
        assert_eq!(format_of(Path::new("b.JSONL")), Some(Format::Ndjson));
        assert_eq!(format_of(Path::new("b.docx")), None);
        assert_eq!(Format::from_magic(b"PAR1...."), Some(Format::Parquet));
        assert_eq!(Format::from_magic(b"\xef\xbb\xbf {\"a\":1}"), Some(Format::Ndjson));
        assert_eq!(Format::from_magic(b"a,b\n"), Some(Format::Csv));
        assert_eq!(Format::from_magic(&[0, 1, 2]), None);
        assert_eq!("feather".parse::<Format>(), Ok(Format::Arrow));
        assert!("xlsx".parse::<Format>().is_err());
    }

    #[test]
    fn a_missing_file_names_its_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sessions.csv"), "a\n1\n").unwrap();
        let wrong = folder.path().join("session.csv");
        let error = expand(wrong.to_str().unwrap()).unwrap_err();
        assert!(error.hint().unwrap().ends_with("sessions.csv`?"), "{error:?}");
    }

    #[test]
    fn an_interrupted_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(LoadError::NoRows { file: String::new() })
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
