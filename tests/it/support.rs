//! A folder of its own for every test, and the program run inside it, so that messages name files by short names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Standard output of a run that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out
    }

    /// Standard output of a run that succeeded, as JSON.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }
}

/// A temporary folder that the program runs in.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("temporary folder"))
    }

    /// A folder that holds `s.csv`, the sessions of [`sessions_csv`].
    pub fn with_sessions() -> Self {
        Folder::new().with("s.csv", sessions_csv())
    }

    /// Adds a file; its folder is made if needed.
    pub fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, content).expect("file");
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names of all files in the folder and below it.
    pub fn files(&self) -> BTreeSet<String> {
        let (mut found, mut folders) = (BTreeSet::new(), vec![self.0.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("folder") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(self.0.path()).expect("inside").display().to_string());
                }
            }
        }
        found
    }

    /// Runs the program in the folder.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, Vec::new())
    }

    /// Runs the program in the folder with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Ran {
        run_in(self.0.path(), arguments, input)
    }
}

/// Runs the program in any folder.
pub fn run_in(folder: &Path, arguments: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("metier");
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
    let output = command.write_stdin(input).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
}

/// 300 sessions of the users with the smallest ids, so that users have several sessions each.
pub fn sessions_csv() -> String {
    let all = std::fs::read_to_string(root().join("tests/data/sessions.csv")).expect("sessions");
    let mut lines = all.lines();
    let header = lines.next().expect("header");
    let mut rows: Vec<&str> = lines.collect();
    rows.sort_by_key(|row| row.split(',').nth(1));
    rows.truncate(300);
    rows.sort_unstable();
    std::iter::once(header).chain(rows).flat_map(|line| [line, "\n"]).collect()
}

/// A CSV of these lines.
pub fn csv(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// Eight rows with everything a small model needs: outcomes, a number, a factor, users.
pub const SMALL: &str = "\
id,user,y,z,x,g,w,note
1,u1,1,0.5,1,a,1,n
2,u1,0,0.25,2,a,2,n
3,u2,1,0.75,3,b,1,m
4,u2,0,1.5,4,b,2,n
5,u3,1,2.5,5,a,1,m
6,u3,1,0.125,6,b,2,n
7,u4,0,3.5,7,a,1,n
8,u4,0,1.25,8,b,2,m
";
