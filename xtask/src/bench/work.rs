//! The call of each row, and the folder that the bench works in.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use drillmaster_sandbox::THM_KEY;
use tempfile::TempDir;

use super::process::program;
use crate::{Outcome, repository};

/// The sandbox's key.
pub(super) const KEY: &str = THM_KEY;

/// The call that each row makes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Read,
    Write,
}

impl Work {
    pub(super) const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
        }
    }

    /// Its name on a command line, and the script's name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub(super) fn script(self) -> PathBuf {
        script(self.word())
    }
}

/// A script of the bench.
pub(super) fn script(name: &str) -> PathBuf {
    repository::root().join(format!("xtask/bench/{name}.rhai"))
}

/// A folder on the disk of the build. A temporary folder may be in memory, where syncing costs nothing.
pub(super) struct Workdir(TempDir);

impl Workdir {
    pub(super) fn new() -> Outcome<Self> {
        let beside = program("drillmaster")?;
        let folder = beside.parent().unwrap_or(Path::new("."));
        let folder = TempDir::with_prefix_in("bench-", folder)
            .map_err(|error| format!("cannot make a folder in {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A roster of this many learners.
    pub(super) fn roster(&self, rows: u32) -> Outcome<PathBuf> {
        let path = self.path().join(format!("roster-{rows}.csv"));
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            writeln!(file, "id,email")?;
            for row in 0..rows {
                // The other clients use the same names.
                writeln!(file, "learner-{row:07},learner-{row:07}@example.com")?;
            }
            file.flush()
        };
        if !path.exists() {
            write().map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(path)
    }

    /// `drillmaster run` with a script over this many learners and a new journal.
    pub(super) fn run(&self, script: &Path, rows: u32) -> Outcome<Command> {
        let mut command = Command::new(program("drillmaster")?);
        command.arg("run").arg(script).arg("--roster").arg(self.roster(rows)?).arg("-q");
        let journal = self.path().join("journal");
        // It may not exist yet.
        let _ = std::fs::remove_file(&journal);
        command.arg("--journal").arg(journal);
        // Runs of the bench stay out of the user's list of runs, and do not use the user's profile.
        command.env("XDG_STATE_HOME", self.path().join("state"));
        command.env("XDG_CONFIG_HOME", self.path().join("config"));
        Ok(command)
    }

    /// The same against a server.
    pub(super) fn run_at(
        &self,
        url: &str,
        script: &Path,
        rows: u32,
        concurrency: u32,
    ) -> Outcome<Command> {
        let mut command = self.run(script, rows)?;
        command.args(["--on", "live", "--thm-url", url, "--concurrency", &concurrency.to_string()]);
        command.env("DRILLMASTER_THM_KEY", KEY);
        Ok(command)
    }
}
