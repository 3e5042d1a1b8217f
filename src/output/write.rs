//! Files that are either complete or not there: bytes go to a temporary file beside the target, then it is renamed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder does not exist or is not a folder.
    #[error("cannot write `{path}`: there is no folder `{folder}`")]
    NoFolder {
        /// The file asked for.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The system refused.
    #[error("cannot write `{path}`")]
    File {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Standard output refused.
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
}

/// Writes the bytes to the file, or to standard output for `None` and `-`.
///
/// # Errors
/// If the folder is missing or the system refuses; a reader of standard output that went away is not an error.
pub fn write(path: Option<&Path>, bytes: &[u8]) -> Result<(), WriteError> {
    match path {
        Some(path) if path != Path::new("-") => write_atomic(path, bytes),
        _ => write_stdout(bytes),
    }
}

/// Writes a file by way of a temporary one in the same folder; the old file stays until the new one is complete.
///
/// # Errors
/// If the folder is missing or the system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(WriteError::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    let failed = |source| WriteError::File { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    // a symbolic link stays a link, a pipe or device is written to as it is
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = std::fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(|file| !file.is_file()) {
        return std::fs::write(&target, bytes).map_err(failed);
    }
    let mut temporary = temporary_file(target.parent().unwrap_or(folder)).map_err(failed)?;
    temporary.write_all(bytes).map_err(failed)?;
    if let Some(file) = existing {
        temporary.as_file().set_permissions(file.permissions()).map_err(failed)?;
    }
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file with the permissions of an ordinary new one.
fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".metier-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666)); // the process's mask applies
    }
    builder.tempfile_in(folder)
}

fn write_stdout(bytes: &[u8]) -> Result<(), WriteError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(WriteError::Stdout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no").join("out.csv");
        let message = write_atomic(&path, b"").unwrap_err().to_string();
        assert!(message.contains("there is no folder `") && message.ends_with("no`"), "{message}");
    }

    #[test]
    fn a_folder_in_the_way_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(write_atomic(folder.path(), b""), Err(WriteError::File { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }
}
