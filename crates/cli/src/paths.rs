//! Paths on the command line: how they are shown, where files can be written, and which name the same file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::fs::folder_of;
use drillmaster_runner::run_spec::RunSpec;
use drillmaster_transport::files;

/// The longest chain of links that is followed.
const MAX_LINKS: usize = 16;
/// How much of an existing file is read to see what it is.
const START: u64 = 1024;

/// The path as a user in the current folder would write it.
pub(crate) fn display_path(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    relative.filter(|path| *path != Path::new("")).unwrap_or_else(|| path.to_owned())
}

/// The path from the root: a run can be resumed from any folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Diagnostic> {
    std::path::absolute(path).map_err(|error| {
        Diagnostic::usage(format!("cannot find the full path of {}: {error}", path.display()))
    })
}

/// The path to write a file to, with links followed. Fails early, before any request is sent, on a folder, a
/// device, and a folder that is missing or cannot be written to.
pub(crate) fn output_path(file: &Path) -> Result<PathBuf, Diagnostic> {
    let refuse = |why: &str, help: &str| {
        Err(Diagnostic::usage(format!("cannot write {}: {why}", file.display())).with_help(help))
    };
    if let Some(folder) =
        file.parent().filter(|folder| *folder != Path::new("") && !folder.is_dir())
    {
        return refuse(
            &format!("the folder {} does not exist", folder.display()),
            "create the folder first",
        );
    }
    if file == Path::new("-") {
        return refuse("`-` is not a file", "standard output belongs to the script; name a file");
    }
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    // A rename would replace a link such as /dev/stdout by a regular file.
    let is_device = ["/dev", "/proc"].iter().any(|folder| file.starts_with(folder));
    if is_device || (path.exists() && !path.is_file()) {
        return refuse("it is not a regular file", "name a file");
    }
    // Files are written next to their path and renamed, so the folder must accept a new file.
    match tempfile::tempfile_in(folder_of(&path)) {
        Ok(_) => Ok(path),
        Err(error) => refuse(
            &format!("no file can be created in its folder: {error}"),
            "name a file in another folder",
        ),
    }
}

/// The path to write a cassette to. Neither the cassette nor the roster of pseudonyms next to it may replace
/// another kind of file.
pub(crate) fn cassette_output_path(file: &Path) -> Result<PathBuf, Diagnostic> {
    let path = output_path(file)?;
    let roster = output_path(&path.with_extension("roster.csv"))?;
    check_replaceable(&path, "cassette", "\"cassette\"")?;
    check_replaceable(&roster, "roster of made-up people", "learner-0001")?;
    Ok(path)
}

/// Refuses to replace a file that does not have the `sign` of its `kind` near its beginning.
pub(crate) fn check_replaceable(path: &Path, kind: &str, sign: &str) -> Result<(), Diagnostic> {
    let mut start = Vec::new();
    let read = files::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    let is_same_kind = start.is_empty() || String::from_utf8_lossy(&start).contains(sign);
    if read.is_ok() && !is_same_kind {
        let message = format!("{} already exists and is not a {kind}", path.display());
        return Err(Diagnostic::usage(message).with_help("name another file, or remove this one"));
    }
    Ok(())
}

/// The files that a command reads and writes, each with the flag or words that name it. No file may be written
/// and named twice.
#[derive(Debug, Default)]
pub(crate) struct Paths(Vec<NamedPath>);

#[derive(Debug)]
struct NamedPath {
    name: String,
    path: PathBuf,
    is_written: bool,
}

impl Paths {
    /// The files of a run.
    pub(crate) fn for_run(spec: &RunSpec) -> Self {
        let RunSpec { script, roster, results, reports, approved, .. } = spec;
        let reads = Self::default()
            .read("the script", Some(script))
            .read("--roster", roster.as_ref())
            .read("--template", reports.template.as_ref())
            .read("--approved", approved.as_ref().map(|approved| &approved.plan))
            .write("--results", results.as_ref());
        reports.files.iter().fold(reads, |all, file| all.write("--report", Some(file)))
    }

    /// Adds a file that is read, if there is one.
    pub(crate) fn read(self, name: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.with(name, path, false)
    }

    /// Adds a file that is written, if there is one.
    pub(crate) fn write(self, name: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.with(name, path, true)
    }

    /// Adds a cassette that is written, and the roster of pseudonyms next to it.
    pub(crate) fn write_cassette(self, name: &str, path: Option<impl AsRef<Path>>) -> Self {
        let roster = path.as_ref().map(|path| path.as_ref().with_extension("roster.csv"));
        self.write(name, path).write(&format!("the roster next to {name}"), roster)
    }

    fn with(mut self, name: &str, path: Option<impl AsRef<Path>>, is_written: bool) -> Self {
        if let Some(path) = path {
            let (name, path) = (name.to_owned(), path.as_ref().to_owned());
            self.0.push(NamedPath { name, path, is_written });
        }
        self
    }

    /// Fails if a file is named twice and written. Call it before anything is sent or written.
    pub(crate) fn check(self) -> Result<(), Diagnostic> {
        let mut known: Vec<(PathBuf, NamedPath)> = Vec::new();
        for named in self.write("--log", crate::event_log::path()).0 {
            // Folders and devices are refused elsewhere, and a terminal may be shared.
            if named.path.exists() && !named.path.is_file() {
                continue;
            }
            let real = real_path(&named.path);
            let clash = known
                .iter()
                .find(|(path, other)| *path == real && (other.is_written || named.is_written));
            if let Some((_, other)) = clash {
                let path = display_path(&named.path);
                let path = path.display();
                let message = if other.name == named.name {
                    format!("{} names the same file twice: {path}", named.name)
                } else {
                    format!("{} and {} name the same file: {path}", other.name, named.name)
                };
                return Err(
                    Diagnostic::usage(message).with_help("name another file for one of them")
                );
            }
            known.push((real, named));
        }
        Ok(())
    }
}

/// The canonical path of a file, links followed, whether the file exists or not.
fn real_path(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        // A link to a file that does not exist yet cannot be canonicalized.
        match path.read_link() {
            Ok(to) => path = folder_of(&path).join(to),
            Err(_) => break,
        }
    }
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (folder_of(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with files, links, and a link to a folder.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("class.csv"), "email\n").unwrap();
        std::fs::create_dir(at("inner")).unwrap();
        #[cfg(unix)]
        for (to, link) in [
            ("class.csv", "link.csv"),
            ("link.csv", "link of link.csv"),
            ("new.csv", "link to be.csv"),
            ("inner", "outer"),
            ("round", "round"),
        ] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        folder
    }

    /// The error for two named files, the second one written.
    fn clash(folder: &Path, first: &str, second: &str, first_is_written: bool) -> Option<String> {
        let (one, other) = (folder.join(first), folder.join(second));
        let paths = if first_is_written {
            Paths::default().write("--one", Some(one))
        } else {
            Paths::default().read("--one", Some(one))
        };
        paths.write("--other", Some(other)).check().err().map(|error| error.message)
    }

    #[cfg(unix)]
    #[test]
    fn different_names_of_one_file_are_recognized() {
        let folder = folder();
        for (first, second, is_same) in [
            ("class.csv", "class.csv", true),
            ("class.csv", "./class.csv", true),
            ("class.csv", "inner/../class.csv", true),
            ("class.csv", "link.csv", true),
            ("link of link.csv", "link.csv", true),
            ("new.csv", "new.csv", true),
            ("new.csv", "./new.csv", true),
            ("new.csv", "inner/../new.csv", true),
            ("new.csv", "link to be.csv", true),
            ("inner/new.csv", "outer/new.csv", true),
            ("class.csv", "new.csv", false),
            ("inner/new.csv", "new.csv", false),
            ("round", "class.csv", false),
            ("nowhere/new.csv", "new.csv", false),
            ("inner", "inner", false),
            ("/dev/null", "/dev/null", false),
        ] {
            for (one, other) in [(first, second), (second, first)] {
                for is_written in [true, false] {
                    let error = clash(folder.path(), one, other, is_written);
                    assert_eq!(error.is_some(), is_same, "{one} {other}: {error:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_may_be_read_twice() {
        let folder = folder();
        let path = folder.path().join("class.csv");
        let both = Paths::default().read("--one", Some(&path)).read("--other", Some(&path));
        assert!(both.check().is_ok());
    }

    #[test]
    fn a_repeated_flag_cannot_name_a_file_twice() {
        let folder = folder();
        let path = folder.path().join("a.html");
        let twice = Paths::default().write("--report", Some(&path)).write("--report", Some(&path));
        assert!(
            twice.check().unwrap_err().message.starts_with("--report names the same file twice")
        );
    }

    #[test]
    fn the_roster_next_to_a_cassette_counts_as_written() {
        let folder = folder();
        let at = |name: &str| Some(folder.path().join(name));
        let paths = Paths::default().write("--results", at("class.roster.csv"));
        let error = paths.write_cassette("--record", at("class.cassette")).check().unwrap_err();
        assert!(error.message.starts_with("--results and the roster next to --record name"));
    }
}
