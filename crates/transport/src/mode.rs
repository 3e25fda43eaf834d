//! A cassette for a test or a program: replayed, recorded, added to or compared with the service, as the mode
//! has it.

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
pub use self::verify::Writes;
use crate::cassette::{Header, Sanitizer, SealError, identity};
use crate::error::{Error, Stopped};
use crate::guard::{Key, key};
use crate::record::Record;
use crate::redact::{Policy, Rows, Warnings};
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};

/// What is done with a cassette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Answers from it, and refuses anything else. The service is never called.
    #[default]
    Replay,
    /// Calls the service, and writes a new cassette in the place of the old one.
    Record,
    /// Answers what is recorded, calls the service for the rest, and adds that.
    Append,
    /// Calls the service with what is recorded and with nothing else, and tells where it answers otherwise.
    Verify,
    /// Records where there is no file, else replays.
    Once,
}

impl Mode {
    /// The variable that [`from_env`](Self::from_env) reads.
    pub const VARIABLE: &'static str = "DRILLMASTER_CASSETTE";

    /// Every mode by its name, and then by the names that VCR and those after it use.
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

    /// The mode that `DRILLMASTER_CASSETTE` names; replay where it is not set or empty.
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

/// A word that names no [`Mode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mode of a cassette; use replay, record, append, verify or once")]
pub struct ModeError(String);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(name: &str) -> Result<Self, ModeError> {
        let known = Self::NAMES.into_iter().find(|(own, _)| *own == name);
        known.map(|(_, mode)| mode).ok_or_else(|| ModeError(name.to_owned()))
    }
}

/// The service behind a cassette, made when it is first needed: a replay needs no credential.
type Live = LazyLock<Result<Arc<dyn Transport>, Error>, Box<dyn FnOnce() -> Made + Send>>;
type Made = Result<Arc<dyn Transport>, Error>;

/// A cassette in use: a [`Transport`] that does what its [`Mode`] says. Cloning is cheap, and clones are the
/// same cassette. Nothing is shared with another one, so that tests run at the same time; of two that record
/// into one file, the later stands there as a whole.
///
/// A test says what it does, and the cassette is [finished](Self::finish) behind it:
///
/// ```
/// use drillmaster_models::thm::ShowScoreboard;
/// use drillmaster_transport::{Recorder, Connection, Error, Mode, RejectAll};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("empty.cassette");
/// let done: Result<(), Error> = Recorder::open(&path)
///     .mode(Mode::Record) // in a test: `Mode::from_env()?`
///     .play(|| Ok(RejectAll), async |cassette| {
///         let connection = Connection::new(cassette);
///         let request = ShowScoreboard { room_code: "linux1".to_owned() };
///         assert!(connection.send(&request).await.is_err(), "there is nobody to answer");
///         Ok(())
///     })
///     .await;
/// done.unwrap();
/// assert!(path.exists());
/// # });
/// ```
///
/// Whoever opens one with [`over`](RecorderBuilder::over) calls [`finish`](Self::finish) at the end: only then are
/// unused interactions and drift told, and what was recorded is in its file. So that no test passes because
/// this was forgotten, dropping an unfinished cassette panics, unless the thread panics already or a request
/// was refused as a mismatch, which the caller knows of. A program that ends early for reasons of its
/// own says so with [`unwatched`](RecorderBuilder::unwatched).
#[derive(Clone)]
pub struct Recorder(Arc<Running>);

struct Running {
    path: PathBuf,
    way: Way,
    /// Whoever calls over several connections numbers `main` on each of them: a cassette has one of each scope.
    scopes: Mutex<HashMap<Arc<str>, Arc<Scope>>>,
    /// By scope and identity: the number of each write, for what becomes of it later.
    writes: Mutex<HashMap<Key, u64>>,
    /// Nothing is left to be told to the caller.
    settled: AtomicBool,
    warnings: OnceLock<Warnings>,
}

enum Way {
    Replay(Box<Replay>),
    Record(Box<Record<Arc<dyn Transport>>>),
    Append(Box<Append>),
    Verify(Box<Verify>),
}

/// A cassette that is about to be opened.
#[must_use]
pub struct RecorderBuilder {
    path: PathBuf,
    mode: Mode,
    header: Header,
    unused: Unused,
    watch: Watch,
    policy: Policy,
    roster: Option<Rows>,
    writes: Writes,
}

enum Unused {
    Refused,
    Allowed,
}

enum Watch {
    On,
    Off,
}

impl Recorder {
    /// Begins to open a cassette, to be replayed unless told otherwise.
    pub fn open(path: impl AsRef<Path>) -> RecorderBuilder {
        RecorderBuilder {
            path: path.as_ref().to_owned(),
            mode: Mode::default(),
            header: Header::default(),
            unused: Unused::Refused,
            watch: Watch::On,
            policy: Policy::default(),
            roster: None,
            writes: Writes::default(),
        }
    }

    /// How many writes a verification left out.
    pub fn writes_left_out(&self) -> usize {
        match &self.0.way {
            Way::Verify(verify) => verify.writes_left_out(),
            Way::Replay(_) | Way::Record(_) | Way::Append(_) => 0,
        }
    }

    /// A text as it may be told to whoever may read the recording: with pseudonyms, where that has them.
    pub fn told(&self, text: &str) -> String {
        self.0.recorded().map_or_else(|| text.to_owned(), |recorded| recorded.told(text))
    }

    /// The key of a row as it may be told to them.
    pub fn told_key(&self, key: &str) -> String {
        self.0.recorded().map_or_else(|| key.to_owned(), |recorded| recorded.told_key(key))
    }

    /// Ends it. Fails where something recorded was not asked for or where the service answers otherwise than
    /// it did; puts what was recorded in its place.
    pub fn finish(&self) -> Result<(), Error> {
        self.0.settle();
        let nothing = |()| Warnings::default();
        let warnings = match &self.0.way {
            Way::Replay(replay) => replay.finish().map(nothing),
            Way::Record(record) => record.finish().map_err(|error| {
                let path = self.0.path.display();
                let problem = format!("cannot write the cassette {path}: {error}");
                // What may not be written is no matter of the disk.
                if error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<SealError>)
                {
                    Error::setup(problem)
                } else {
                    Error::unwritten(problem)
                }
            }),
            Way::Append(append) => append.finish(&self.0.path),
            Way::Verify(verify) => verify.finish().map(nothing),
        }
        .map_err(|error| match error.mismatch() {
            Some(how) => Error::replay(how, format!("{}: {error}", self.0.path.display())),
            None => error,
        })?;
        // The first one tells.
        let _ = self.0.warnings.set(warnings);
        Ok(())
    }

    /// What whoever recorded should know, once it is finished; nothing where nothing was written.
    pub fn warnings(&self) -> Warnings {
        self.0.warnings.get().cloned().unwrap_or_default()
    }
}

impl RecorderBuilder {
    /// What to do with it; in a test mostly [`Mode::from_env`].
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// What a new cassette says it was made from.
    pub fn header(self, header: Header) -> Self {
        Self { header, ..self }
    }

    /// Takes more for private than the declarations do. This can only be added to.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The people that it is about. Their pseudonyms have the numbers of their rows, so that they are found again.
    /// Without a roster a replay learns from the requests who is who, and appending sends anew whatever names
    /// somebody.
    pub fn roster(self, roster: Rows) -> Self {
        Self { roster: Some(roster), ..self }
    }

    /// Lets be what was recorded and is not asked for.
    pub fn allow_unused(self) -> Self {
        Self { unused: Unused::Allowed, ..self }
    }

    /// What a verification does with recorded writes; it makes them unless told otherwise.
    pub fn writes(self, writes: Writes) -> Self {
        Self { writes, ..self }
    }

    /// Lets it be dropped unfinished.
    pub fn unwatched(self) -> Self {
        Self { watch: Watch::Off, ..self }
    }

    /// Opens it, over a service that is made when it is first needed. A replay never needs it; recording and
    /// verifying need it at once.
    pub fn over<T, F>(self, live: F) -> Result<Recorder, Error>
    where
        T: Transport + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let live: Live =
            LazyLock::new(Box::new(|| live().map(|live| Arc::new(live) as Arc<dyn Transport>)));
        let way = match self.mode {
            Mode::Once if self.path.exists() => Way::Replay(Box::new(self.recorded()?)),
            Mode::Replay => Way::Replay(Box::new(self.recorded()?)),
            Mode::Record | Mode::Once => {
                let seal = self.seal();
                let record = Record::to_file(&self.path, self.header, reached(&live)?.clone());
                let record = record.map(|record| record.sealed_by(seal));
                Way::Record(Box::new(record.map_err(|error| {
                    let path = self.path.display();
                    Error::setup(format!("cannot write the cassette {path}: {error}"))
                })?))
            }
            Mode::Append if self.path.exists() => {
                Way::Append(Box::new(Append::to(self.recorded()?, self.seal(), live)))
            }
            Mode::Append => {
                let seal = self.seal();
                Way::Append(Box::new(Append::anew(self.header, seal, live)?))
            }
            Mode::Verify => {
                let recorded = self.recorded()?;
                Way::Verify(Box::new(Verify::of(recorded, reached(&live)?.clone(), self.writes)))
            }
        };
        let settled = AtomicBool::new(matches!(self.watch, Watch::Off));
        let (path, scopes, writes) = (self.path, Mutex::default(), Mutex::default());
        let warnings = OnceLock::new();
        Ok(Recorder(Arc::new(Running { path, way, scopes, writes, settled, warnings })))
    }

    /// Opens it, does the work over it, and finishes it where the work succeeds. So nobody can forget to.
    pub async fn play<T, F, R, E>(
        self,
        live: F,
        work: impl AsyncFnOnce(Recorder) -> Result<R, E>,
    ) -> Result<R, E>
    where
        T: Transport + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
        E: From<Error>,
    {
        let cassette = self.over(live)?;
        match work(cassette.clone()).await {
            Ok(done) => {
                cassette.finish()?;
                Ok(done)
            }
            // The caller is told of this one.
            Err(error) => {
                cassette.0.settle();
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
                "there is no cassette {path}; record it, in a test with {variable}=record"
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

/// A pseudonym that was about to be sent.
fn foreign(pseudonym: &str) -> Error {
    let problem = format!(
        "`{pseudonym}` stands for somebody in the cassette, and the service does not know it: nothing was sent; \
         give the real roster, or record anew"
    );
    Error::stopped(Stopped::Pseudonym, problem)
}

/// The service, or why there is none.
fn reached(live: &Live) -> Result<&Arc<dyn Transport>, Error> {
    (**live).as_ref().map_err(Clone::clone)
}

impl Running {
    fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// What it compares the service with.
    fn recorded(&self) -> Option<&Replay> {
        match &self.way {
            Way::Verify(verify) => Some(verify.recorded()),
            Way::Replay(_) | Way::Record(_) | Way::Append(_) => None,
        }
    }

    fn scope(&self, name: &Arc<str>) -> Arc<Scope> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.entry(name.clone()).or_insert_with(|| Arc::new(Scope::new(name.clone()))).clone()
    }

    /// The request under a number of the cassette's own, for several clients may share it.
    fn numbered(&self, request: Request) -> Request {
        let ordinal = self.scope(&request.scope).next();
        let purpose = match request.purpose {
            Purpose::Repeat { of } => {
                Purpose::Repeat { of: self.number_of(&request).unwrap_or(of) }
            }
            purpose => purpose,
        };
        if purpose == Purpose::Call && !request.metadata.effect.is_read() {
            self.writes().insert(key(&request.scope, &identity(&request.wire)), ordinal);
        }
        Request { ordinal, purpose, ..request }
    }

    /// Under which number the cassette has this write.
    fn number_of(&self, request: &Request) -> Option<u64> {
        self.writes().get(&key(&request.scope, &identity(&request.wire))).copied()
    }

    fn writes(&self) -> MutexGuard<'_, HashMap<Key, u64>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noticed<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.as_ref().is_err_and(Error::is_replay_mismatch) {
            self.settle();
        }
        outcome
    }
}

impl Way {
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
        let answer = self.0.way.transport().send(request).await;
        self.0.noticed(answer)
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        let scope = self.0.scope(scope.name());
        self.0.noticed(self.0.way.transport().value(&scope, name, fresh))
    }

    fn source(&self, request: &Request) -> Source {
        self.0.way.transport().source(request)
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        let ordinal = self.0.number_of(request).unwrap_or(request.ordinal);
        let request = Request { ordinal, ..request.clone() };
        self.0.way.transport().resolved(&request, answer);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        assert!(
            self.settled.load(Ordering::Relaxed) || std::thread::panicking(),
            "the cassette {} was dropped without `finish`: what it was to check is not checked, and what it \
             recorded is lost. Where a `?` ended the test early, its error comes to light with \
             `Opening::play` or `unwatched`",
            self.path.display()
        );
    }
}
