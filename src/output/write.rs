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
    /// A folder of that name is in the way.
    #[error("cannot write `{path}`: it is a folder")]
    IsFolder {
        /// The file asked for.
        path: PathBuf,
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

/// Whether a file could be written at all, before the work that fills it; `None` and `-` are standard output.
///
/// # Errors
/// If its folder is missing, or it is a folder itself.
pub fn check_target(path: Option<&Path>) -> Result<(), WriteError> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(()) };
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(WriteError::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    if path.is_dir() {
        return Err(WriteError::IsFolder { path: path.to_owned() });
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file by way of a temporary one in the same folder; the old file stays until the new one is complete.
///
/// # Errors
/// If the folder is missing or the system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    check_target(Some(path))?;
    let folder = folder_of(path);
    let failed = |source| WriteError::File { path: path.to_owned(), source };
    let failed_temporary = |error: io::Error| failed(error.raw_os_error().map_or(error, io::Error::from_raw_os_error));
    // a symbolic link stays a link, a pipe or device is written to as it is
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = std::fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(|file| !file.is_file()) {
        return std::fs::write(&target, bytes).map_err(failed);
    }
    let mut temporary = temporary_file(target.parent().unwrap_or(folder)).map_err(failed_temporary)?;
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
        assert!(matches!(write_atomic(folder.path(), b""), Err(WriteError::IsFolder { .. })));
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
