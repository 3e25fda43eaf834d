//! Tests of script projects: a cassette beside a script is a test of it.
//!
//! | beside `onboard.rhai` | is |
//! |---|---|
//! | `onboard.cassette`, `onboard.empty-class.cassette` | a run that was recorded: a case |
//! | `onboard.roster.csv`, `onboard.empty-class.roster.csv` | the roster of that case, which sealing wrote |
//! | `onboard.accepted`, `onboard.empty-class.accepted` | what somebody looked at and found right |
//!
//! A case is run by replaying its cassette. Its [picture](Snapshot) holds what the script printed and told, what
//! became of the rows, what it wrote and how it ended; it is compared with the one that was accepted.
//!
//! ```
//! use drillmaster_runner::cases::find;
//!
//! let folder = tempfile::tempdir().unwrap();
//! std::fs::write(folder.path().join("rooms.rhai"), "print(1)").unwrap();
//! std::fs::write(folder.path().join("rooms.none.cassette"), "").unwrap();
//! let found = find(folder.path()).unwrap();
//! assert_eq!(found.cases[0].name(), "rooms.none");
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_transport::{
    Connection, Error, Replay, Request, Response, Scope, Source, Transport,
};
use serde_json::Value;
use tokio::runtime::Handle;
use walkdir::WalkDir;

use crate::console::Console;
use crate::diagnostic::Diagnostic;
use crate::fs::{Readers, put};
use crate::guards::PlannedWrite;
use crate::language::engine::folder_of;
use crate::roster::Roster;
use crate::run::{Job, RunSummary, run};
use crate::run_spec::Recorded;
use crate::script::Script;
use drillmaster_transport::files;

/// How the lines are called that part a picture.
const PARTS: &str = "== ";
/// The most lines in which a picture tells of rows.
const TOLD: usize = 50;

/// The cases of a folder and of those in it.
#[derive(Debug)]
pub struct Found {
    /// In the order of their paths.
    pub cases: Vec<SnapshotTest>,
    /// Cassettes beside which there is no script: somebody else's.
    pub strangers: Vec<PathBuf>,
}

/// A recorded run of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotTest {
    name: String,
    script: PathBuf,
    cassette: PathBuf,
}

/// Looks for cases. Hidden folders are passed over.
pub fn find(folder: &Path) -> Result<Found, Diagnostic> {
    let is_hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let files = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|endpoint| endpoint.depth() == 0 || !is_hidden(endpoint.file_name()));
    let mut found = Found { cases: Vec::new(), strangers: Vec::new() };
    for endpoint in files {
        let endpoint = endpoint.map_err(|error| {
            let path = error.path().unwrap_or(folder).display().to_string();
            let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Diagnostic::usage(format!("cannot look for tests in {path}: {why}"))
        })?;
        let path = endpoint.into_path();
        if path.extension().is_none_or(|extension| extension != "cassette") {
            continue;
        }
        match script_of(&path) {
            Some(script) => {
                let inside = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
                let name = inside.to_string_lossy().into_owned();
                found.cases.push(SnapshotTest { name, script, cassette: path });
            }
            None => found.strangers.push(path),
        }
    }
    Ok(found)
}

/// The script that a cassette is of: its name, as far as there is one that is called so.
fn script_of(cassette: &Path) -> Option<PathBuf> {
    let mut name = cassette.file_stem()?.to_str()?;
    loop {
        let script = cassette.with_file_name(format!("{name}.rhai"));
        if script.is_file() {
            return Some(script);
        }
        (name, _) = name.rsplit_once('.')?;
    }
}

/// What came of running a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The picture itself.
    pub text: String,
    /// Why it is not one to be accepted: the script and its recording do not go together.
    pub mismatch: Option<String>,
}

impl SnapshotTest {
    /// The case of a cassette that lies beside its script.
    pub fn of(cassette: &Path) -> Option<Self> {
        let name = cassette.file_stem()?.to_string_lossy().into_owned();
        Some(Self { name, script: script_of(cassette)?, cassette: cassette.to_owned() })
    }

    /// What it is called: its cassette's name, with its folders within the one that was looked through.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The script that it runs.
    pub fn script(&self) -> &Path {
        &self.script
    }

    /// Where its accepted picture is kept.
    pub fn accepted(&self) -> PathBuf {
        self.cassette.with_extension("accepted")
    }

    /// Every file that it is made of, those that are not there among them.
    pub fn files(&self) -> [PathBuf; 5] {
        let [own, shared] = self.rosters();
        [self.script.clone(), self.cassette.clone(), self.accepted(), own, shared]
    }

    /// Where its roster is looked for: its own, and that of all cases of the script.
    fn rosters(&self) -> [PathBuf; 2] {
        [&self.cassette, &self.script].map(|path| path.with_extension("roster.csv"))
    }

    /// The picture that was accepted, if one was.
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

    /// Accepts a picture: written beside its place and renamed.
    pub fn accept(&self, picture: &str) -> Result<(), Diagnostic> {
        let path = self.accepted();
        let written = put(&path, Readers::Everybody, |out| out.write_all(picture.as_bytes()));
        written.map_err(|error| Diagnostic::cannot_write(&path, &error))
    }

    /// Runs it. An `Err` is a case that cannot be run at all.
    pub fn run(&self, runtime: &Handle) -> Result<Snapshot, Diagnostic> {
        let script = Script::open(&self.script)?;
        if let Err(problems) = script.check() {
            return Err(problems.into_iter().next().unwrap_or_else(|| {
                Diagnostic::script(format!("{} has mistakes", self.script.display()))
            }));
        }
        let replay = Replay::open(&self.cassette).map_err(|error| Diagnostic::call(&error))?;
        let begun = self.begun(&replay)?;
        let roster = self.roster(&script, begun.key.as_deref())?;
        let replay = Arc::new(match &roster {
            Some(roster) => {
                let with = replay.with_roster(&roster.people()?);
                with.map_err(|error| Diagnostic::call(&error))?
            }
            None => replay,
        });
        let made = Arc::new(Made { inner: replay.clone(), writes: Mutex::default() });
        let (data, people) = (Stream::default(), Stream::default());
        let desk = tempfile::tempdir().map_err(|error| {
            Diagnostic::usage(format!("no temporary folder can be made: {error}"))
        })?;
        let results = desk.path().join("results.csv");
        let job = Job {
            inputs: script.read_inputs(&begun.set)?,
            roster,
            max_rows: begun.max_rows,
            results: Some(results.clone()),
            ..Job::new(
                Connection::new(made.clone()).with_dialect(begun.dialect),
                Console::to(data.clone(), people.clone()),
            )
        };
        let report = run(&script, job, runtime);
        let used_up = match &report.problem {
            None => replay.finish().err().map(|error| error.to_string()),
            Some(_) => None,
        };
        let results = if report.is_empty() {
            String::new()
        } else {
            files::read_text(&results, files::BY_PROGRAM).unwrap_or_default()
        };
        Ok(Snapshot {
            text: self.draw(&report, &text_of(&data), &text_of(&people), &results, &made),
            mismatch: mismatch(&report).or(used_up),
        })
    }

    fn begun(&self, replay: &Replay) -> Result<Recorded, Diagnostic> {
        Recorded::of(replay.header()).map_err(|error| {
            let cassette = self.cassette.display();
            Diagnostic::usage(format!("{cassette}: how it was run cannot be read: {error}"))
                .with_help("record it again")
        })
    }

    /// The case's own roster, or that of all cases of the script.
    fn roster(&self, script: &Script, key: Option<&str>) -> Result<Option<Roster>, Diagnostic> {
        if !script.uses_roster() {
            return Ok(None);
        }
        let places = self.rosters();
        let Some(path) = places.iter().find(|path| path.is_file()) else {
            let problem = format!("{} needs a roster", self.name());
            let place = places[0].display();
            return Err(Diagnostic::usage(problem)
                .with_help(format!("it is looked for in {place}, where sealing puts it")));
        };
        let roster = Roster::open(path, key)?;
        script.check_roster(&roster)?;
        Ok(Some(roster))
    }

    fn draw(
        &self,
        report: &RunSummary,
        data: &str,
        people: &str,
        results: &str,
        made: &Made,
    ) -> String {
        let mut told = people.to_owned();
        if let Some(problem) = &report.problem {
            let _ = writeln!(told, "{}", problem.draw(false, 100));
        }
        let needs = report.needs_a_person(TOLD).needs;
        let needs = needs.iter().map(ToString::to_string);
        for line in report.summary().into_iter().chain(needs) {
            let _ = writeln!(told, "{line}");
        }
        // From whatever folder the test is run.
        let folder = format!("{}{}", folder_of(&self.script).display(), std::path::MAIN_SEPARATOR);
        let told = told.replace(&folder, "");
        let mut text = format!("exit {}\n", report.exit() as u8);
        let parts =
            [("output", data), ("told", &told), ("results", results), ("writes", &made.drawn())];
        for (name, part) in parts {
            if !part.is_empty() {
                let _ = write!(text, "\n{PARTS}{name}\n{part}");
            }
        }
        text
    }
}

/// Why the script and its recording do not go together.
fn mismatch(report: &RunSummary) -> Option<String> {
    let fatal = report.fatal.as_ref().filter(|error| error.is_replay_mismatch())?;
    Some(fatal.to_string())
}

type Stream = Arc<Mutex<Vec<u8>>>;

fn text_of(stream: &Stream) -> String {
    let bytes = stream.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Takes note of the writes that a script makes.
struct Made {
    inner: Arc<Replay>,
    writes: Mutex<Vec<PlannedWrite>>,
}

impl Made {
    /// A write a line, the script's own first and then row by row, whichever ran first.
    fn drawn(&self) -> String {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let place =
            |write: &PlannedWrite| (write.scope != Scope::MAIN, write.scope.clone(), write.ordinal);
        writes.sort_by_key(place);
        writes.iter().fold(String::new(), |mut text, write| {
            let _ = writeln!(text, "{}: {} {}", write.scope, write.endpoint, write.fields);
            text
        })
    }
}

#[async_trait]
impl Transport for Made {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let write = PlannedWrite::from_request(&request)?;
        let answer = self.inner.send(request).await;
        // What was not recorded is no write of the run.
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
