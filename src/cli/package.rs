//! `metier package`: a folder for replication.

use super::verify::read_lock;
use super::{Failure, exit, printer};
use crate::lock::hash;
use crate::lock::package::{Package, package};
use crate::output::write::write_atomic;
use clap::Args;
use std::path::{Path, PathBuf};

/// `metier package`.
#[derive(Debug, Args)]
#[command(after_help = PACKAGE_HELP)]
pub struct PackageArguments {
    /// Lock file
    #[arg(value_name = "FILE")]
    pub lock: PathBuf,
    /// Folder to write; it must be new or empty
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Copy the data files too, if you may give them away; else they are described by their hashes
    #[arg(long)]
    pub with_data: bool,
    /// Title of the README
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub title: String,
    /// No message
    #[arg(long, short)]
    pub quiet: bool,
}

const PACKAGE_HELP: &str = "\
Example:
  metier fit --model models.toml --data s.csv --lock metier.lock.json
  metier package metier.lock.json --out replication --with-data
  sh replication/run.sh";

/// Writes the folder.
///
/// # Errors
/// A file that is no lock file, a folder that holds something, data that are not those that were locked.
pub fn run(arguments: &PackageArguments) -> Result<u8, Failure> {
    let lock = read_lock(&arguments.lock)?;
    let mut package = package(&lock, &arguments.title, arguments.with_data)?;
    check_folder(&arguments.out)?;
    let copied = if arguments.with_data { checked_data(&package, &lock)? } else { Vec::new() };
    package.finish(&copied);
    for file in &package.files {
        let path = arguments.out.join(&file.path);
        create(path.parent().unwrap_or(&arguments.out))?;
        write_atomic(&path, &file.bytes)?;
    }
    if arguments.with_data {
        create(&arguments.out.join("data"))?;
        for copy in &package.data {
            let failed = |error| Failure::input(format!("cannot copy `{}`: {error}", copy.file), None);
            std::fs::copy(&copy.file, arguments.out.join(&copy.path)).map_err(failed)?;
        }
    }
    if !arguments.quiet {
        let n = package.files.len() + copied.len();
        printer::note(&format!(
            "wrote {n} files to {}: fill in the places in README.md marked `To be filled in`, then `sh {}/run.sh`",
            arguments.out.display(),
            arguments.out.display()
        ));
    }
    Ok(exit::DONE)
}

/// Refuses a folder that holds something already: its files would not be in the manifest.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(Failure::input(format!("cannot use the folder `{}`: {error}", folder.display()), None));
        }
    };
    if taken {
        let hint = Some(String::from("name a new one, or empty it: everything in the folder is listed with checksums"));
        return Err(Failure::input(format!("the folder `{}` is not empty", folder.display()), hint));
    }
    Ok(())
}

fn create(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::input(format!("cannot create the folder `{}`: {error}", folder.display()), None))
}

/// Paths and hashes of the data files, which must be those that were locked.
fn checked_data(package: &Package, lock: &crate::lock::Lock) -> Result<Vec<(String, String)>, Failure> {
    let check = |(copy, locked): (&crate::lock::package::DataCopy, &crate::lock::DataFile)| {
        let hint = || Some(String::from("package where the locked files are, or lock the run again"));
        let (sha256, _) = hash::of_file(copy.file.as_ref())
            .map_err(|error| Failure::input(format!("cannot read `{}`: {error}", copy.file), hint()))?;
        if sha256 != locked.sha256 {
            return Err(Failure::input(format!("`{}` is not the file that was locked", copy.file), hint()));
        }
        Ok((copy.path.clone(), sha256))
    };
    package.data.iter().zip(lock.data.files.iter().chain(&lock.data.targets)).map(check).collect()
}
