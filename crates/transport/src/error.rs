//! One error for everything that can keep a call from its answer.

use drillmaster_models::{EndpointDef, Failure, Means, Metadata};

use crate::request::Request;

/// Why a call has no answer. Ask it questions; its insides may change.
///
/// ```
/// use drillmaster_transport::{Error, NetworkError};
/// let error = Error::network(NetworkError::Timeout, "no answer within 60 s");
/// assert!(error.is_retryable());
/// assert!(!error.is_refusal());
/// ```
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    endpoint: Option<&'static str>,
    writes: bool,
    /// No more files can be opened.
    out_of_files: bool,
    kind: Kind,
}

#[derive(Debug, Clone, thiserror::Error)]
enum Kind {
    #[error("{0}")]
    Answer(Failure),
    #[error("{0}: {1}")]
    NetworkError(NetworkError, String),
    #[error("{0}")]
    Setup(String),
    #[error("{0}")]
    Unwritten(String),
    #[error("{1}")]
    Replay(Mismatch, String),
    #[error("{1}")]
    Stopped(Stopped, String),
}

/// How a request or its answer was lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The connection never opened: the request was not sent.
    #[error("cannot connect")]
    Connect,
    /// The request was sent and no answer came in time.
    #[error("timed out")]
    Timeout,
    /// The connection broke after the request was, or may have been, sent.
    #[error("the connection broke")]
    ConnectionLost,
    /// An answer came, and its body is too large or cannot be decompressed. It would be the same the next time.
    #[error("the answer cannot be read")]
    InvalidBody,
}

/// What kept a write from being sent, though it could have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The approved plan does not have it.
    Unapproved,
    /// It would take something away from more than were to lose something.
    Removals,
    /// It cannot be undone, and nobody said that it may be done all the same.
    Irreversible,
    /// It names somebody by the pseudonym of a cassette, whom the service does not know by it.
    Pseudonym,
}

/// How a recording and what was asked of it differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// Something was asked for that was never recorded.
    Missing,
    /// Something was asked for more often than it was recorded.
    Consumed,
    /// Something was recorded and not asked for.
    Unused,
    /// The service answers otherwise than it was recorded.
    Drifted,
}

/// How a recording calls a request that the configuration or a guard kept from being sent.
const UNSENT: &str = "unsent";

impl NetworkError {
    /// Every kind, for readers of recordings.
    pub const ALL: [Self; 4] =
        [Self::Connect, Self::Timeout, Self::ConnectionLost, Self::InvalidBody];

    /// The name in a recording.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "unreachable",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "reset",
            Self::InvalidBody => "invalid-body",
        }
    }
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { endpoint: None, writes: false, out_of_files: false, kind }))
    }

    /// The request or its answer was lost.
    pub fn network(how: NetworkError, detail: impl Into<String>) -> Self {
        Self::new(Kind::NetworkError(how, detail.into()))
    }

    /// Something about the configuration keeps requests from being sent.
    pub fn setup(problem: impl Into<String>) -> Self {
        Self::new(Kind::Setup(problem.into()))
    }

    /// A file of ours cannot be written: the disk is full, or no file can be opened any more. Nothing is sent that could
    /// not be written down.
    ///
    /// ```
    /// use drillmaster_transport::Error;
    /// let error = Error::unwritten("the journal cannot be written: no space left on device");
    /// assert!(error.is_unwritten() && !error.is_setup() && !error.is_in_doubt());
    /// ```
    pub fn unwritten(problem: impl Into<String>) -> Self {
        Self::new(Kind::Unwritten(problem.into()))
    }

    /// A recording and what was asked of it differ.
    ///
    /// ```
    /// use drillmaster_transport::{Error, Mismatch};
    /// let error = Error::replay(Mismatch::Missing, "GET /rooms in `main` was not recorded");
    /// assert!(error.is_replay_mismatch());
    /// assert_eq!(error.mismatch(), Some(Mismatch::Missing));
    /// ```
    pub fn replay(how: Mismatch, problem: impl Into<String>) -> Self {
        Self::new(Kind::Replay(how, problem.into()))
    }

    /// A guard kept a write from being sent.
    ///
    /// ```
    /// use drillmaster_transport::{Error, Stopped};
    /// let error = Error::stopped(Stopped::Irreversible, "it cannot be undone");
    /// assert_eq!(error.stopped_by(), Some(Stopped::Irreversible));
    /// assert!(!error.is_in_doubt() && !error.is_retryable() && !error.is_setup());
    /// ```
    pub fn stopped(by: Stopped, problem: impl Into<String>) -> Self {
        Self::new(Kind::Stopped(by, problem.into()))
    }

    /// Says that no more files can be opened, connections among them.
    #[must_use]
    pub(crate) fn out_of_files(mut self) -> Self {
        self.0.out_of_files = true;
        self
    }

    /// An answer came and was not the one asked for.
    pub fn answer(failure: Failure) -> Self {
        Self::new(Kind::Answer(failure))
    }

    /// Says which request it was about.
    #[must_use]
    pub fn for_request(self, request: &Request) -> Self {
        self.about(request.metadata)
    }

    /// Says which endpoint it was about.
    #[must_use]
    pub fn for_endpoint(self, endpoint: &EndpointDef) -> Self {
        self.about(&endpoint.metadata)
    }

    pub(crate) fn about(mut self, metadata: &Metadata) -> Self {
        self.0.endpoint = Some(metadata.name);
        self.0.writes = !metadata.effect.is_read();
        self
    }

    /// The same in other words, where they are not the service's own.
    pub(crate) fn reworded(mut self, words: impl FnOnce(&str) -> String) -> Self {
        match &mut self.0.kind {
            Kind::NetworkError(_, detail) | Kind::Setup(detail) | Kind::Unwritten(detail) => {
                *detail = words(detail);
            }
            Kind::Answer(_) | Kind::Replay(..) | Kind::Stopped(..) => {}
        }
        self
    }

    /// The endpoint that was called.
    pub fn endpoint(&self) -> Option<&'static str> {
        self.0.endpoint
    }

    /// The service said no. Its words are in [`words`](Self::words).
    pub fn is_refusal(&self) -> bool {
        matches!(self.failure(), Some(Failure::Refused { .. })) && !self.is_credential()
    }

    /// The credential was refused: no further request can succeed.
    pub fn is_credential(&self) -> bool {
        self.means() == Some(Means::Credential)
    }

    /// The refusal says that the wanted state holds already.
    pub fn is_already(&self) -> bool {
        self.means() == Some(Means::Already)
    }

    /// The refusal says that no further call of this endpoint can succeed, such as "no seats left".
    pub fn is_exhausted(&self) -> bool {
        self.means() == Some(Means::Exhausted)
    }

    /// A write was sent, and whether it took effect is unknown.
    pub fn is_in_doubt(&self) -> bool {
        self.0.writes
            && match &self.0.kind {
                Kind::NetworkError(how, _) => *how != NetworkError::Connect,
                Kind::Answer(failure) => matches!(
                    failure,
                    Failure::Broken { .. }
                        | Failure::Shape(_)
                        // Some servers answer a write that was done with a page, or send its caller on to one.
                        | Failure::NotAnApi {
                            status: 200..300 | 302 | 303,
                            ..
                        }
                ),
                Kind::Setup(_) | Kind::Unwritten(_) | Kind::Replay(..) | Kind::Stopped(..) => false,
            }
    }

    /// Sending the same request again may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::NetworkError(NetworkError::Connect, _)
            | Kind::Answer(Failure::Throttled { .. }) => true,
            Kind::NetworkError(NetworkError::InvalidBody, _) => false,
            Kind::NetworkError(..) | Kind::Answer(Failure::Broken { .. }) => !self.0.writes,
            _ => false,
        }
    }

    /// The service asked to be asked less often.
    pub fn is_throttled(&self) -> bool {
        matches!(self.failure(), Some(Failure::Throttled { .. }))
    }

    /// The service could not take the request yet, and it is not known to have done anything: it asked to slow down, or
    /// could not be reached, until nobody waited any longer.
    pub fn is_wait_over(&self) -> bool {
        self.is_throttled() || self.network_error() == Some(NetworkError::Connect)
    }

    /// The request was wrong by itself and was not sent.
    pub fn is_invalid(&self) -> bool {
        matches!(self.failure(), Some(Failure::Field(_)))
    }

    /// The dialect has no such endpoint; nothing was sent.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.failure(), Some(Failure::Unsupported(_)))
    }

    /// Something about the configuration kept the request from being sent.
    pub fn is_setup(&self) -> bool {
        matches!(self.0.kind, Kind::Setup(_))
    }

    /// A file of ours cannot be written, or no more can be opened, be it for a connection: this machine kept the request
    /// from being sent, and will keep others.
    pub fn is_unwritten(&self) -> bool {
        self.0.out_of_files || matches!(self.0.kind, Kind::Unwritten(_))
    }

    /// A recording and what was asked of it differ.
    pub fn is_replay_mismatch(&self) -> bool {
        self.mismatch().is_some()
    }

    /// How a recording and what was asked of it differ, if they do.
    pub fn mismatch(&self) -> Option<Mismatch> {
        match self.0.kind {
            Kind::Replay(how, _) => Some(how),
            _ => None,
        }
    }

    /// A guard kept the write from being sent: no further one will be.
    pub fn is_stopped(&self) -> bool {
        self.stopped_by().is_some()
    }

    /// Which guard kept the write from being sent, if one did.
    pub fn stopped_by(&self) -> Option<Stopped> {
        match self.0.kind {
            Kind::Stopped(by, _) => Some(by),
            _ => None,
        }
    }

    /// How the request or its answer was lost, if it was.
    pub fn network_error(&self) -> Option<NetworkError> {
        match self.0.kind {
            Kind::NetworkError(how, _) => Some(how),
            _ => None,
        }
    }

    /// How a recording calls it, and what was told about it.
    pub(crate) fn recorded(&self) -> Option<(&'static str, &str)> {
        match &self.0.kind {
            Kind::NetworkError(how, detail) => Some((how.name(), detail)),
            Kind::Setup(problem) | Kind::Unwritten(problem) | Kind::Stopped(_, problem) => {
                Some((UNSENT, problem))
            }
            Kind::Answer(_) | Kind::Replay(..) => None,
        }
    }

    /// The error that a recording calls so.
    pub(crate) fn of_record(kind: &str, detail: String) -> Option<Self> {
        if kind == UNSENT {
            return Some(Self::setup(detail));
        }
        let how = NetworkError::ALL.into_iter().find(|how| how.name() == kind)?;
        Some(Self::network(how, detail))
    }

    /// What the answer was, if one came.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.0.kind {
            Kind::Answer(failure) => Some(failure),
            _ => None,
        }
    }

    /// The service's own words.
    pub fn words(&self) -> Option<&str> {
        match self.failure()? {
            Failure::Refused { words, .. }
            | Failure::Throttled { words, .. }
            | Failure::Broken { words, .. } => Some(words),
            _ => None,
        }
    }

    /// The HTTP status, where the service answered with a failure.
    pub fn status(&self) -> Option<u16> {
        match self.failure()? {
            Failure::Refused { status, .. }
            | Failure::Throttled { status, .. }
            | Failure::Broken { status, .. }
            | Failure::NotAnApi { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What a refusal means, as its endpoint declares it.
    pub fn means(&self) -> Option<Means> {
        match self.failure()? {
            Failure::Refused { means, .. } => Some(*means),
            _ => None,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names_entry =
            matches!(self.failure(), Some(Failure::Field(_) | Failure::Unsupported(_)));
        match self.0.endpoint {
            Some(endpoint) if !names_entry => write!(f, "{endpoint}: {}", self.0.kind),
            _ => self.0.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
