//! The files that a command names: no two of them may be one, if one of the two is written.

use std::path::{Path, PathBuf};

use crate::execute::near;
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::fs::folder_of;
use drillmaster_runner::run_spec::RunSpec;

/// How many links to links are followed.
const LINKS: usize = 16;

/// The files that a command reads and writes, each by what names it: a flag, or a word for it.
#[derive(Debug, Default)]
pub(crate) struct Paths(Vec<Named>);

#[derive(Debug)]
struct Named {
    by: String,
    path: PathBuf,
    is_written: bool,
}

impl Paths {
    /// Those of a run.
    pub(crate) fn of(order: &RunSpec) -> Self {
        let RunSpec { script, roster, results, reports, approved, .. } = order;
        let reads = Self::default()
            .read("the script", Some(script))
            .read("--roster", roster.as_ref())
            .read("--template", reports.template.as_ref())
            .read("--approved", approved.as_ref().map(|approval| &approval.plan))
            .write("--results", results.as_ref());
        reports.files.iter().fold(reads, |all, file| all.write("--report", Some(file)))
    }

    /// With one that is read, if there is one.
    pub(crate) fn read(self, by: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.with(by, path, false)
    }

    /// With one that is written, if there is one.
    pub(crate) fn write(self, by: &str, path: Option<impl AsRef<Path>>) -> Self {
        self.with(by, path, true)
    }

    /// With a cassette that is written, and the roster of made-up people beside it.
    pub(crate) fn write_cassette(self, by: &str, path: Option<impl AsRef<Path>>) -> Self {
        let beside = path.as_ref().map(|path| path.as_ref().with_extension("roster.csv"));
        self.write(by, path).write(&format!("the roster beside {by}"), beside)
    }

    fn with(mut self, by: &str, path: Option<impl AsRef<Path>>, is_written: bool) -> Self {
        if let Some(path) = path {
            let (by, path) = (by.to_owned(), path.as_ref().to_owned());
            self.0.push(Named { by, path, is_written });
        }
        self
    }

    /// Refuses a file that is named twice, if it is written. To be asked before anything is sent or written.
    pub(crate) fn check(self) -> Result<(), Diagnostic> {
        let mut known: Vec<(PathBuf, Named)> = Vec::new();
        for named in self.write("--log", crate::event_log::file()).0 {
            // What is no plain file is for others to refuse, and may well be shared: a terminal.
            if named.path.exists() && !named.path.is_file() {
                continue;
            }
            let real = real(&named.path);
            let clash = known
                .iter()
                .find(|(own, other)| *own == real && (other.is_written || named.is_written));
            if let Some((_, other)) = clash {
                let place = near(&named.path);
                let place = place.display();
                let problem = if other.by == named.by {
                    format!("{} names the same file twice: {place}", named.by)
                } else {
                    format!("{} and {} name the same file: {place}", other.by, named.by)
                };
                return Err(
                    Diagnostic::usage(problem).with_help("name another file for one of them")
                );
            }
            known.push((real, named));
        }
        Ok(())
    }
}

/// The one path of a file, links followed, whether it is there or not.
fn real(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        // A link to a file that is still to be made.
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

    /// A folder with files, links and a folder that is a link.
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

    /// What is said of two files that are named, the second one written.
    fn said(folder: &Path, first: &str, second: &str, first_is_written: bool) -> Option<String> {
        let (one, other) = (folder.join(first), folder.join(second));
        let paths = if first_is_written {
            Paths::default().write("--one", Some(one))
        } else {
            Paths::default().read("--one", Some(one))
        };
        paths.write("--other", Some(other)).check().err().map(|problem| problem.message)
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_the_same_however_it_is_named() {
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
                    let told = said(folder.path(), one, other, is_written);
                    assert_eq!(told.is_some(), is_same, "{one} {other}: {told:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_only_read_may_be_read_twice() {
        let folder = folder();
        let path = folder.path().join("class.csv");
        let both = Paths::default().read("--one", Some(&path)).read("--other", Some(&path));
        assert!(both.check().is_ok());
    }

    #[test]
    fn a_flag_that_may_be_given_again_may_not_name_a_file_again() {
        let folder = folder();
        let path = folder.path().join("a.html");
        let twice = Paths::default().write("--report", Some(&path)).write("--report", Some(&path));
        assert!(
            twice.check().unwrap_err().message.starts_with("--report names the same file twice")
        );
    }

    #[test]
    fn the_roster_beside_a_cassette_is_written_too() {
        let folder = folder();
        let at = |name: &str| Some(folder.path().join(name));
        let paths = Paths::default().write("--results", at("class.roster.csv"));
        let problem = paths.write_cassette("--record", at("class.cassette")).check().unwrap_err();
        assert!(problem.message.starts_with("--results and the roster beside --record name"));
    }
}
