//! Snapshot tests of scripts: each recorded run is replayed, and its outcome compared with the accepted one.
//!
//! | next to `onboard.rhai`, or in `recordings/` | is |
//! |---|---|
//! | `onboard.cassette`, `onboard.empty-class.cassette` | a recorded run: one test |
//! | `onboard.roster.csv`, `onboard.empty-class.roster.csv` | the roster for that test, written with the cassette |
//! | `onboard.accepted`, `onboard.empty-class.accepted` | the outcome that a person has accepted |
//!
//! A test replays its cassette. Its [`Snapshot`] holds the script's output, messages, results and writes, and the exit
//! code.
//!
//! ```
//! use drillmaster_runner::snapshot::find;
//!
//! let folder = tempfile::tempdir().unwrap();
//! std::fs::write(folder.path().join("rooms.rhai"), "print(1)").unwrap();
//! std::fs::create_dir(folder.path().join("recordings")).unwrap();
//! std::fs::write(folder.path().join("recordings/rooms.none.cassette"), "").unwrap();
//! let found = find(folder.path()).unwrap();
//! assert_eq!(found.tests[0].name(), "rooms.none");
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::guards::PlannedWrite;
use async_trait::async_trait;
use drillmaster_transport::{
    Connection, Error, Replay, Request, Response, Scope, Source, Transport,
};
use serde_json::Value;
use tokio::runtime::Handle;
use walkdir::WalkDir;

use crate::diagnostic::Diagnostic;
use crate::fs::folder_of;
use crate::fs::{Visibility, write_atomic};
use crate::output::Captured;
use crate::roster::Roster;
use crate::run::{Job, RunSummary, run};
use crate::run_spec::ReplaySpec;
use crate::script::Script;
use drillmaster_transport::files;

/// Begins the heading of each part of a snapshot.
const HEADING: &str = "== ";
/// How many rows that need attention a snapshot lists at most.
const MAX_LISTED: usize = 50;
/// The folder below a script's that may hold its cassettes.
const RECORDINGS: &str = "recordings";

/// The tests in a folder and its subfolders.
#[derive(Debug)]
pub struct Found {
    /// In the order of their names.
    pub tests: Vec<SnapshotTest>,
    /// Cassettes that belong to no script.
    pub orphans: Vec<PathBuf>,
}

/// A recorded run of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotTest {
    name: String,
    script: PathBuf,
    cassette: PathBuf,
}

/// Finds the tests in a folder. Hidden folders are skipped.
pub fn find(folder: &Path) -> Result<Found, Diagnostic> {
    let is_hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let files = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    let mut found = Found { tests: Vec::new(), orphans: Vec::new() };
    for file in files {
        let file = file.map_err(|error| {
            let path = error.path().unwrap_or(folder).display().to_string();
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Diagnostic::usage(format!("cannot search for tests in {path}: {reason}"))
        })?;
        let path = file.into_path();
        if path.extension().is_none_or(|extension| extension != "cassette") {
            continue;
        }
        match script_of(&path) {
            Some(script) => {
                let name = test_name(path.strip_prefix(folder).unwrap_or(&path));
                found.tests.push(SnapshotTest { name, script, cassette: path });
            }
            None => found.orphans.push(path),
        }
    }
    found.tests.sort_by(|one, other| Path::new(&one.name).cmp(Path::new(&other.name)));
    Ok(found)
}

/// The name of a cassette's test: its path without the extension and the folder of recordings.
fn test_name(cassette: &Path) -> String {
    let folder = cassette.parent().filter(|folder| folder.ends_with(RECORDINGS));
    let name = match (folder.and_then(Path::parent), cassette.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => cassette.to_owned(),
    };
    name.with_extension("").to_string_lossy().into_owned()
}

/// The script that a cassette belongs to: the one with its name, or with its name up to a dot.
fn script_of(cassette: &Path) -> Option<PathBuf> {
    let whole = cassette.file_stem()?.to_str()?;
    let folder = cassette.parent()?;
    let folders = [Some(folder.to_owned()), folder_above(folder)];
    folders.into_iter().flatten().find_map(|folder| {
        let mut name = whole;
        loop {
            let script = folder.join(format!("{name}.rhai"));
            if script.is_file() {
                return Some(script);
            }
            (name, _) = name.rsplit_once('.')?;
        }
    })
}

/// The folder of the scripts, for a folder of recordings.
fn folder_above(folder: &Path) -> Option<PathBuf> {
    if folder.ends_with(RECORDINGS) {
        return folder.parent().map(Path::to_owned);
    }
    // The folder may be the working directory.
    let absolute = std::path::absolute(folder).ok()?;
    absolute.ends_with(RECORDINGS).then(|| folder.join(".."))
}

/// The outcome of running a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What is compared with the accepted snapshot.
    pub text: String,
    /// Why this snapshot must not be accepted: the script no longer matches its recording.
    pub mismatch: Option<String>,
}

impl SnapshotTest {
    /// The test that a cassette makes, if there is a script for it.
    pub fn from_cassette(cassette: &Path) -> Option<Self> {
        let name = cassette.file_stem()?.to_string_lossy().into_owned();
        Some(Self { name, script: script_of(cassette)?, cassette: cassette.to_owned() })
    }

    /// The cassette's name, with its path below the searched folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The script under test.
    pub fn script(&self) -> &Path {
        &self.script
    }

    /// The file of the accepted snapshot.
    pub fn accepted(&self) -> PathBuf {
        self.cassette.with_extension("accepted")
    }

    /// All files of the test, whether they exist or not.
    pub fn files(&self) -> [PathBuf; 5] {
        let [own, shared] = self.rosters();
        [self.script.clone(), self.cassette.clone(), self.accepted(), own, shared]
    }

    /// Where the roster may be: the test's own, or one that all tests of the script share.
    fn rosters(&self) -> [PathBuf; 2] {
        let mut shared = self.script.file_stem().unwrap_or_default().to_owned();
        shared.push(".roster.csv");
        [self.cassette.with_extension("roster.csv"), self.cassette.with_file_name(shared)]
    }

    /// The accepted snapshot, if there is one.
    pub fn last_accepted(&self) -> Result<Option<String>, Diagnostic> {
        let path = self.accepted();
        match files::read_text(&path, files::BY_HAND) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(Diagnostic::usage(format!("cannot read {}: {error}", path.display())))
            }
        }
    }

    /// Saves a snapshot as the accepted one.
    pub fn accept(&self, snapshot: &str) -> Result<(), Diagnostic> {
        let path = self.accepted();
        let written =
            write_atomic(&path, Visibility::Everyone, |out| out.write_all(snapshot.as_bytes()));
        written.map_err(|error| Diagnostic::cannot_write(&path, &error))
    }

    /// Replays the cassette. An error means that the test cannot be run at all.
    pub fn run(&self, runtime: &Handle) -> Result<Snapshot, Diagnostic> {
        let script = Script::open(&self.script)?;
        if let Err(problems) = script.check() {
            return Err(problems.into_iter().next().unwrap_or_else(|| {
                Diagnostic::script(format!("{} has errors", self.script.display()))
            }));
        }
        let replay = Replay::open(&self.cassette).map_err(|error| Diagnostic::call(&error))?;
        let recorded = self.recorded(&replay)?;
        let roster = self.roster(&script, recorded.key.as_deref())?;
        let replay = Arc::new(match &roster {
            Some(roster) => {
                let with_roster = replay.with_roster(&roster.people()?);
                with_roster.map_err(|error| Diagnostic::call(&error))?
            }
            None => replay,
        });
        let writes = Arc::new(WriteLog { inner: replay.clone(), writes: Mutex::default() });
        let output = Arc::new(Captured::default());
        let folder = tempfile::tempdir().map_err(|error| {
            Diagnostic::usage(format!("cannot create a temporary folder: {error}"))
        })?;
        let results = folder.path().join("results.csv");
        let job = Job {
            inputs: script.read_inputs(&recorded.set)?,
            roster,
            max_rows: recorded.max_rows,
            results: Some(results.clone()),
            ..Job::new(
                Connection::new(writes.clone()).with_dialect(recorded.dialect),
                output.clone(),
            )
        };
        let summary = run(&script, job, runtime);
        let unused = match &summary.problem {
            None => replay.finish().err().map(|error| error.to_string()),
            Some(_) => None,
        };
        let results = if summary.is_empty() {
            String::new()
        } else {
            files::read_text(&results, files::BY_PROGRAM).unwrap_or_default()
        };
        let messages = self.messages(&summary, output.warnings());
        let mut text = format!("exit {}\n", summary.exit() as u8);
        // The headings are part of the file format: `told` holds the messages.
        let parts = [
            ("output", output.printed()),
            ("told", messages),
            ("results", results),
            ("writes", writes.lines()),
        ];
        for (name, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
            let _ = write!(text, "\n{HEADING}{name}\n{part}");
        }
        Ok(Snapshot { text, mismatch: mismatch(&summary).or(unused) })
    }

    fn recorded(&self, replay: &Replay) -> Result<ReplaySpec, Diagnostic> {
        ReplaySpec::from_header(replay.header()).map_err(|error| {
            let cassette = self.cassette.display();
            Diagnostic::usage(format!("{cassette}: cannot read how it was recorded: {error}"))
                .with_help("record it again")
        })
    }

    /// The test's own roster, or the one that all tests of the script share.
    fn roster(&self, script: &Script, key: Option<&str>) -> Result<Option<Roster>, Diagnostic> {
        if !script.uses_roster() {
            return Ok(None);
        }
        let candidates = self.rosters();
        let Some(path) = candidates.iter().find(|path| path.is_file()) else {
            let problem = format!("{} needs a roster", self.name());
            let place = candidates[0].display();
            return Err(Diagnostic::usage(problem)
                .with_help(format!("{place} is missing; recording writes it with the cassette")));
        };
        let roster = Roster::open(path, key)?;
        script.check_roster(&roster)?;
        Ok(Some(roster))
    }

    /// Everything that the run said on standard error: messages, the error that stopped it, the summary, and the rows
    /// that need attention.
    fn messages(&self, summary: &RunSummary, mut messages: String) -> String {
        if let Some(problem) = &summary.problem {
            let _ = writeln!(messages, "{}", problem.render(false, 100));
        }
        let needs = summary.needs_a_person(MAX_LISTED).needs;
        let needs = needs.iter().map(ToString::to_string);
        for line in summary.summary().into_iter().chain(needs) {
            let _ = writeln!(messages, "{line}");
        }
        // The snapshot must not depend on the folder in which the test runs.
        let folder = format!("{}{}", folder_of(&self.script).display(), std::path::MAIN_SEPARATOR);
        messages.replace(&folder, "")
    }
}

/// Why the script no longer matches its recording.
fn mismatch(summary: &RunSummary) -> Option<String> {
    let fatal = summary.fatal.as_ref().filter(|error| error.is_replay_mismatch())?;
    Some(fatal.to_string())
}

/// Notes the writes that a script makes.
struct WriteLog {
    inner: Arc<Replay>,
    writes: Mutex<Vec<PlannedWrite>>,
}

impl WriteLog {
    /// One line per write. Those of the script come first, then those of each row, in an order that does not depend on
    /// which row was faster.
    fn lines(&self) -> String {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        writes
            .sort_by_key(|write| (write.scope != Scope::MAIN, write.scope.clone(), write.ordinal));
        writes.iter().fold(String::new(), |mut text, write| {
            let _ = writeln!(text, "{}: {} {}", write.scope, write.endpoint, write.fields);
            text
        })
    }
}

#[async_trait]
impl Transport for WriteLog {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let write = PlannedWrite::from_request(&request)?;
        let answer = self.inner.send(request).await;
        // A request that was not recorded is not a write of the recorded run.
        if answer.as_ref().err().is_none_or(|error| !error.is_replay_mismatch()) {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            writes.extend(write);
        }
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.inner.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        self.inner.source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.inner.resolved(request, answer);
    }
}
