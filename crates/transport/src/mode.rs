//! A cassette for a test or a program: replayed, recorded, extended or verified, depending on the mode.

mod append;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use self::append::Append;
use self::verify::Verify;
pub use self::verify::VerifyWrites;
use crate::cassette::index::EventKey;
use crate::cassette::{Header, Sanitizer, SealError, identity};
use crate::error::{Error, Stopped};
use crate::record::Record;
use crate::redact::{Policy, Rows, Warnings};
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

/// What is done with a cassette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Answers from the cassette and refuses all other requests. The service is never called.
    #[default]
    Replay,
    /// Calls the service and replaces the cassette.
    Record,
    /// Answers from the cassette, calls the service for the rest, and adds that to the cassette.
    Append,
    /// Sends recorded requests to the service and reports where its responses have changed.
    Verify,
    /// Records if the file does not exist, else replays.
    Once,
}

impl Mode {
    /// The variable that [`from_env`](Self::from_env) reads.
    pub const VARIABLE: &'static str = "DRILLMASTER_CASSETTE";

    /// Every mode by its name, and by the names that VCR and similar tools use.
    const NAMES: [(&'static str, Self); 8] = [
        ("replay", Self::Replay),
        ("record", Self::Record),
        ("append", Self::Append),
        ("verify", Self::Verify),
        ("once", Self::Once),
        ("none", Self::Replay),
        ("all", Self::Record),
        ("new_episodes", Self::Append),
    ];

    /// The mode that the variable `DRILLMASTER_CASSETTE` names; `Replay` if it is not set or empty.
    pub fn from_env() -> Result<Self, Error> {
        match std::env::var_os(Self::VARIABLE) {
            Some(name) if !name.is_empty() => name
                .to_string_lossy()
                .parse()
                .map_err(|error| Error::setup(format!("{}: {error}", Self::VARIABLE))),
            _ => Ok(Self::Replay),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, mode)| mode == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

/// A word that is not the name of a [`Mode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cassette mode; use replay, record, append, verify or once")]
pub struct ModeError(String);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(name: &str) -> Result<Self, ModeError> {
        let known = Self::NAMES.into_iter().find(|(own, _)| *own == name);
        known.map(|(_, mode)| mode).ok_or_else(|| ModeError(name.to_owned()))
    }
}

/// The service behind a cassette, connected when it is first needed: a replay needs no credential.
type Service = LazyLock<Connected, Box<dyn FnOnce() -> Connected + Send>>;
type Connected = Result<Arc<dyn Transport>, Error>;

/// A cassette in use: a [`Transport`] that records, replays, extends or verifies, depending on its [`Mode`]. Clones
/// share the cassette. Two recorders share nothing, so that tests can run in parallel; if two record to the same file,
/// the one that finishes last wins.
///
/// [`run`](RecorderBuilder::run) opens a cassette, uses it and [finishes](Self::finish) it:
///
/// ```
/// use drillmaster_models::thm::ShowScoreboard;
/// use drillmaster_transport::{Recorder, Connection, Error, Mode, RejectAll};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("empty.cassette");
/// let done: Result<(), Error> = Recorder::builder(&path)
///     .mode(Mode::Record) // in a test: `Mode::from_env()?`
///     .run(|| Ok(RejectAll), async |cassette| {
///         let connection = Connection::new(cassette);
///         let request = ShowScoreboard { room_code: "linux1".to_owned() };
///         assert!(connection.send(&request).await.is_err(), "nothing answers");
///         Ok(())
///     })
///     .await;
/// done.unwrap();
/// assert!(path.exists());
/// # });
/// ```
///
/// After [`open`](RecorderBuilder::open), call [`finish`](Self::finish) at the end: it reports unused interactions and
/// drift, and writes the file. Dropping an unfinished cassette panics, so that no test passes because this was
/// forgotten. It does not panic if the thread is already panicking, or if a request was refused as a mismatch. A
/// program that may end early uses [`allow_unfinished`](RecorderBuilder::allow_unfinished).
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    path: PathBuf,
    work: Work,
    /// Each connection numbers the requests of `main` by itself; a cassette has one sequence for each scope.
    scopes: Mutex<HashMap<Arc<str>, Arc<Scope>>>,
    /// The number of each write, for its later resolution.
    writes: Mutex<HashMap<EventKey, u64>>,
    /// Whether it may be dropped.
    finished: AtomicBool,
    warnings: OnceLock<Warnings>,
}

enum Work {
    Replay(Box<Replay>),
    Record(Box<Record<Arc<dyn Transport>>>),
    Append(Box<Append>),
    Verify(Box<Verify>),
}

/// Options of a cassette that is about to be opened.
#[must_use]
pub struct RecorderBuilder {
    path: PathBuf,
    mode: Mode,
    header: Header,
    unused: Unused,
    unfinished: Unfinished,
    policy: Policy,
    roster: Option<Rows>,
    writes: VerifyWrites,
}

enum Unused {
    Refused,
    Allowed,
}

enum Unfinished {
    Panics,
    Allowed,
}

impl Recorder {
    /// Sets up a cassette, which is replayed unless another [mode](RecorderBuilder::mode) is set.
    pub fn builder(path: impl AsRef<Path>) -> RecorderBuilder {
        RecorderBuilder {
            path: path.as_ref().to_owned(),
            mode: Mode::default(),
            header: Header::default(),
            unused: Unused::Refused,
            unfinished: Unfinished::Panics,
            policy: Policy::default(),
            roster: None,
            writes: VerifyWrites::default(),
        }
    }

    /// How many writes a verification skipped.
    pub fn skipped_writes(&self) -> usize {
        match &self.0.work {
            Work::Verify(verify) => verify.skipped_writes(),
            Work::Replay(_) | Work::Record(_) | Work::Append(_) => 0,
        }
    }

    /// A text with the pseudonyms of the recording, so that it reveals no more than the recording does.
    pub fn redacted_text(&self, text: &str) -> String {
        self.0.recorded().map_or_else(|| text.to_owned(), |recorded| recorded.redacted_text(text))
    }

    /// The key of a row with the pseudonyms of the recording.
    pub fn redacted_key(&self, key: &str) -> String {
        self.0.recorded().map_or_else(|| key.to_owned(), |recorded| recorded.redacted_key(key))
    }

    /// Finishes the cassette: writes what was recorded. Fails if something recorded was not used, or if the service's
    /// responses have changed.
    pub fn finish(&self) -> Result<(), Error> {
        self.0.set_finished();
        let nothing = |()| Warnings::default();
        let warnings = match &self.0.work {
            Work::Replay(replay) => replay.finish().map(nothing),
            Work::Record(record) => record.finish().map_err(|error| {
                let path = self.0.path.display();
                let problem = format!("cannot write the cassette {path}: {error}");
                // A recording that must not be written is not a disk error.
                if error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<SealError>)
                {
                    Error::setup(problem)
                } else {
                    Error::unwritten(problem)
                }
            }),
            Work::Append(append) => append.finish(&self.0.path),
            Work::Verify(verify) => verify.finish().map(nothing),
        }
        .map_err(|error| match error.mismatch() {
            Some(how) => Error::replay(how, format!("{}: {error}", self.0.path.display())),
            None => error,
        })?;
        // Only the first call has something to say.
        let _ = self.0.warnings.set(warnings);
        Ok(())
    }

    /// What the user should know about the sealing, once the cassette is finished.
    pub fn warnings(&self) -> Warnings {
        self.0.warnings.get().cloned().unwrap_or_default()
    }
}

impl RecorderBuilder {
    /// Sets what is done with the cassette. Tests use [`Mode::from_env`].
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the header of a new cassette.
    pub fn header(self, header: Header) -> Self {
        Self { header, ..self }
    }

    /// Sets what else is private, besides what the endpoints declare.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the roster. The pseudonyms of its people are numbered by row, so that they are found again. Without a
    /// roster, a replay learns from the requests who is who, and `append` sends every request about a person again.
    pub fn roster(self, roster: Rows) -> Self {
        Self { roster: Some(roster), ..self }
    }

    /// Ignores recorded interactions that are not used.
    pub fn allow_unused(self) -> Self {
        Self { unused: Unused::Allowed, ..self }
    }

    /// Sets what a verification does with recorded writes. By default it sends them.
    pub fn writes(self, writes: VerifyWrites) -> Self {
        Self { writes, ..self }
    }

    /// Allows it to be dropped without being finished.
    pub fn allow_unfinished(self) -> Self {
        Self { unfinished: Unfinished::Allowed, ..self }
    }

    /// Opens the cassette. The service is connected when it is first needed: never for a replay, at once for a
    /// recording or a verification.
    pub fn open<T, F>(self, service: F) -> Result<Recorder, Error>
    where
        T: Transport + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let service: Service = LazyLock::new(Box::new(|| {
            service().map(|service| Arc::new(service) as Arc<dyn Transport>)
        }));
        let work = match self.mode {
            Mode::Once if self.path.exists() => Work::Replay(Box::new(self.recorded()?)),
            Mode::Replay => Work::Replay(Box::new(self.recorded()?)),
            Mode::Record | Mode::Once => {
                let seal = self.seal();
                let record = Record::to_file(&self.path, self.header, connected(&service)?.clone());
                let record = record.map(|record| record.sealed_by(seal));
                Work::Record(Box::new(record.map_err(|error| {
                    let path = self.path.display();
                    Error::setup(format!("cannot write the cassette {path}: {error}"))
                })?))
            }
            Mode::Append if self.path.exists() => {
                Work::Append(Box::new(Append::new(self.recorded()?, self.seal(), service)))
            }
            Mode::Append => {
                let seal = self.seal();
                Work::Append(Box::new(Append::create(self.header, seal, service)?))
            }
            Mode::Verify => {
                let recorded = self.recorded()?;
                let service = connected(&service)?.clone();
                Work::Verify(Box::new(Verify::new(recorded, service, self.writes)))
            }
        };
        let finished = AtomicBool::new(matches!(self.unfinished, Unfinished::Allowed));
        let (path, scopes, writes) = (self.path, Mutex::default(), Mutex::default());
        let warnings = OnceLock::new();
        Ok(Recorder(Arc::new(Inner { path, work, scopes, writes, finished, warnings })))
    }

    /// Opens the cassette, does the work, and finishes the cassette if the work succeeds.
    pub async fn run<T, F, R, E>(
        self,
        service: F,
        work: impl AsyncFnOnce(Recorder) -> Result<R, E>,
    ) -> Result<R, E>
    where
        T: Transport + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
        E: From<Error>,
    {
        let cassette = self.open(service)?;
        match work(cassette.clone()).await {
            Ok(done) => {
                cassette.finish()?;
                Ok(done)
            }
            // The caller gets this error, which matters more than an unfinished cassette.
            Err(error) => {
                cassette.0.set_finished();
                Err(error)
            }
        }
    }

    fn seal(&self) -> Sanitizer {
        let seal = Sanitizer::default().policy(self.policy.clone());
        match &self.roster {
            Some(roster) => seal.roster(roster.clone()),
            None => seal,
        }
    }

    fn recorded(&self) -> Result<Replay, Error> {
        if !self.path.exists() {
            let (path, variable) = (self.path.display(), Mode::VARIABLE);
            return Err(Error::setup(format!(
                "the cassette {path} does not exist; record it, in a test with {variable}=record"
            )));
        }
        let mut replay = Replay::open(&self.path)?;
        if let Some(roster) = &self.roster {
            replay = match self.mode {
                Mode::Append => replay.with_longer_roster(roster)?,
                _ => replay.with_roster(roster)?,
            };
        }
        Ok(match self.unused {
            Unused::Refused => replay,
            Unused::Allowed => replay.allow_unused(),
        })
    }
}

/// The error if a pseudonym was about to be sent.
fn pseudonym_error(pseudonym: &str) -> Error {
    let problem = format!(
        "`{pseudonym}` is a pseudonym in the cassette that the service does not know; nothing was sent. Use the real \
         roster, or record again"
    );
    Error::stopped(Stopped::Pseudonym, problem)
}

/// The service, or why it cannot be connected.
fn connected(service: &Service) -> Result<&Arc<dyn Transport>, Error> {
    (**service).as_ref().map_err(Clone::clone)
}

impl Inner {
    fn set_finished(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }

    /// The recording that the service is compared with.
    fn recorded(&self) -> Option<&Replay> {
        match &self.work {
            Work::Verify(verify) => Some(verify.recorded()),
            Work::Replay(_) | Work::Record(_) | Work::Append(_) => None,
        }
    }

    fn scope(&self, name: &Arc<str>) -> Arc<Scope> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.entry(name.clone()).or_insert_with(|| Arc::new(Scope::new(name.clone()))).clone()
    }

    /// The request with a number of the cassette, because several clients may share it.
    fn numbered(&self, request: Request) -> Request {
        let ordinal = self.scope(&request.scope).next();
        let purpose = match request.purpose {
            Purpose::Repeat { of } => {
                Purpose::Repeat { of: self.number_of(&request).unwrap_or(of) }
            }
            purpose => purpose,
        };
        if purpose == Purpose::Call && !request.metadata.effect.is_read() {
            self.writes().insert(key(&request), ordinal);
        }
        Request { ordinal, purpose, ..request }
    }

    /// The number of this write in the cassette.
    fn number_of(&self, request: &Request) -> Option<u64> {
        self.writes().get(&key(request)).copied()
    }

    fn writes(&self) -> MutexGuard<'_, HashMap<EventKey, u64>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A caller that got a mismatch need not finish the cassette.
    fn checked<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.as_ref().is_err_and(Error::is_replay_mismatch) {
            self.set_finished();
        }
        outcome
    }
}

fn key(request: &Request) -> EventKey {
    EventKey::request(&request.scope, &identity(&request.wire)).unwrap_or_default()
}

impl Work {
    fn transport(&self) -> &dyn Transport {
        match self {
            Self::Replay(replay) => &**replay,
            Self::Record(record) => &**record,
            Self::Append(append) => &**append,
            Self::Verify(verify) => &**verify,
        }
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let request = self.0.numbered(request);
        let answer = self.0.work.transport().send(request).await;
        self.0.checked(answer)
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        let scope = self.0.scope(scope.name());
        self.0.checked(self.0.work.transport().value(&scope, name, fresh))
    }

    fn source(&self, request: &Request) -> Source {
        self.0.work.transport().source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        let ordinal = self.0.number_of(request).unwrap_or(request.ordinal);
        let request = Request { ordinal, ..request.clone() };
        self.0.work.transport().resolved(&request, answer);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        assert!(
            self.finished.load(Ordering::Relaxed) || std::thread::panicking(),
            "the cassette {} was dropped without `finish`: nothing was checked, and nothing was written. If a `?` \
             ended the test early, use `RecorderBuilder::run` or `allow_unfinished` to see its error",
            self.path.display()
        );
    }
}
