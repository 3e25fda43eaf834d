//! One error type for all reasons why a call has no answer.

use drillmaster_models::{EndpointDef, Failure, Means, Metadata};

/// Why a call has no answer. Its methods say what happened; it has no public fields.
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
    /// Whether no more files can be opened.
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

/// How a request or its answer got lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The connection never opened, so the request was not sent.
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

/// The guard that stopped a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// It is not in the approved plan.
    Unapproved,
    /// It would remove something from more people than allowed.
    Removals,
    /// It cannot be undone, and was not allowed explicitly.
    Irreversible,
    /// It names a person by a pseudonym of a cassette, which the service does not know.
    Pseudonym,
}

/// How a recording and a run differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A request was never recorded.
    Missing,
    /// A request was sent more often than it was recorded.
    Consumed,
    /// A recorded request was not sent.
    Unused,
    /// The service's answer has changed.
    Drifted,
}

/// The name in a recording of a request that was not sent, because of the configuration or a guard.
const UNSENT: &str = "unsent";

impl NetworkError {
    /// All of them.
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

    /// The request or its answer got lost.
    pub fn network(how: NetworkError, detail: impl Into<String>) -> Self {
        Self::new(Kind::NetworkError(how, detail.into()))
    }

    /// The configuration is wrong, so requests cannot be sent.
    pub fn setup(problem: impl Into<String>) -> Self {
        Self::new(Kind::Setup(problem.into()))
    }

    /// A file cannot be written: the disk is full, or no more files can be opened. A request that could not be
    /// recorded is not sent.
    ///
    /// ```
    /// use drillmaster_transport::Error;
    /// let error = Error::unwritten("the journal cannot be written: no space left on device");
    /// assert!(error.is_unwritten() && !error.is_setup() && !error.is_in_doubt());
    /// ```
    pub fn unwritten(problem: impl Into<String>) -> Self {
        Self::new(Kind::Unwritten(problem.into()))
    }

    /// A recording and a run differ.
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

    /// A guard stopped a write.
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

    /// Says that no more files can be opened, which includes connections.
    #[must_use]
    pub(crate) fn out_of_files(mut self) -> Self {
        self.0.out_of_files = true;
        self
    }

    /// An answer came, and it is a failure.
    pub fn answer(failure: Failure) -> Self {
        Self::new(Kind::Answer(failure))
    }

    /// Says which endpoint the error is about.
    #[must_use]
    pub fn for_endpoint(self, endpoint: &EndpointDef) -> Self {
        self.about(&endpoint.metadata)
    }

    pub(crate) fn about(mut self, metadata: &Metadata) -> Self {
        self.0.endpoint = Some(metadata.name);
        self.0.writes = !metadata.effect.is_read();
        self
    }

    /// Changes the text, unless it is the service's own.
    pub(crate) fn reworded(mut self, words: impl FnOnce(&str) -> String) -> Self {
        match &mut self.0.kind {
            Kind::NetworkError(_, detail) | Kind::Setup(detail) | Kind::Unwritten(detail) => {
                *detail = words(detail);
            }
            Kind::Answer(_) | Kind::Replay(..) | Kind::Stopped(..) => {}
        }
        self
    }

    /// The name of the endpoint that was called.
    pub fn endpoint(&self) -> Option<&'static str> {
        self.0.endpoint
    }

    /// Whether the service refused the request. Its message is in [`words`](Self::words).
    pub fn is_refusal(&self) -> bool {
        matches!(self.failure(), Some(Failure::Refused { .. })) && !self.is_credential()
    }

    /// Whether the service refused the credential. No other request can succeed either.
    pub fn is_credential(&self) -> bool {
        self.means() == Some(Means::Credential)
    }

    /// Whether the refusal says that nothing had to be done, such as "already has a seat".
    pub fn is_already(&self) -> bool {
        self.means() == Some(Means::Already)
    }

    /// Whether the refusal says that no other call of this endpoint can succeed, such as "no seats left".
    pub fn is_exhausted(&self) -> bool {
        self.means() == Some(Means::Exhausted)
    }

    /// Whether a write was sent, or may have been, and it is unknown whether it took effect.
    pub fn is_in_doubt(&self) -> bool {
        self.0.writes
            && match &self.0.kind {
                Kind::NetworkError(how, _) => *how != NetworkError::Connect,
                Kind::Answer(failure) => matches!(
                    failure,
                    Failure::Broken { .. }
                        | Failure::Shape(_)
                        // Some servers answer a successful write with a page or a redirect to one.
                        | Failure::NotAnApi {
                            status: 200..300 | 302 | 303,
                            ..
                        }
                ),
                Kind::Setup(_) | Kind::Unwritten(_) | Kind::Replay(..) | Kind::Stopped(..) => false,
            }
    }

    /// Whether sending the same request again may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::NetworkError(NetworkError::Connect, _)
            | Kind::Answer(Failure::Throttled { .. }) => true,
            Kind::NetworkError(NetworkError::InvalidBody, _) => false,
            Kind::NetworkError(..) | Kind::Answer(Failure::Broken { .. }) => !self.0.writes,
            _ => false,
        }
    }

    /// Whether the service asked to slow down.
    pub fn is_throttled(&self) -> bool {
        matches!(self.failure(), Some(Failure::Throttled { .. }))
    }

    /// Whether the request was not carried out because the service asked to slow down or could not be reached for
    /// longer than the [wait policy](crate::WaitPolicy) allows.
    pub fn is_wait_over(&self) -> bool {
        self.is_throttled() || self.network_error() == Some(NetworkError::Connect)
    }

    /// Whether a field of the request is invalid. Nothing was sent.
    pub fn is_invalid(&self) -> bool {
        matches!(self.failure(), Some(Failure::Field(_)))
    }

    /// Whether the dialect lacks the endpoint. Nothing was sent.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.failure(), Some(Failure::Unsupported(_)))
    }

    /// Whether the configuration is wrong. Nothing was sent.
    pub fn is_setup(&self) -> bool {
        matches!(self.0.kind, Kind::Setup(_))
    }

    /// Whether a file cannot be written, or no more files or connections can be opened. Nothing was sent, and the
    /// same will happen to other requests.
    pub fn is_unwritten(&self) -> bool {
        self.0.out_of_files || matches!(self.0.kind, Kind::Unwritten(_))
    }

    /// Whether a recording and the run differ.
    pub fn is_replay_mismatch(&self) -> bool {
        self.mismatch().is_some()
    }

    /// How a recording and the run differ, if they do.
    pub fn mismatch(&self) -> Option<Mismatch> {
        match self.0.kind {
            Kind::Replay(how, _) => Some(how),
            _ => None,
        }
    }

    /// Whether a guard stopped the write. It will stop others, too.
    pub fn is_stopped(&self) -> bool {
        self.stopped_by().is_some()
    }

    /// Which guard stopped the write, if one did.
    pub fn stopped_by(&self) -> Option<Stopped> {
        match self.0.kind {
            Kind::Stopped(by, _) => Some(by),
            _ => None,
        }
    }

    /// How the request or its answer got lost, if it did.
    pub fn network_error(&self) -> Option<NetworkError> {
        match self.0.kind {
            Kind::NetworkError(how, _) => Some(how),
            _ => None,
        }
    }

    /// Its name and its text in a recording.
    pub(crate) fn recorded(&self) -> Option<(&'static str, &str)> {
        match &self.0.kind {
            Kind::NetworkError(how, detail) => Some((how.name(), detail)),
            Kind::Setup(problem) | Kind::Unwritten(problem) | Kind::Stopped(_, problem) => {
                Some((UNSENT, problem))
            }
            Kind::Answer(_) | Kind::Replay(..) => None,
        }
    }

    /// The error with this name and text in a recording.
    pub(crate) fn from_recorded(kind: &str, detail: String) -> Option<Self> {
        if kind == UNSENT {
            return Some(Self::setup(detail));
        }
        let how = NetworkError::ALL.into_iter().find(|how| how.name() == kind)?;
        Some(Self::network(how, detail))
    }

    /// The failure that the service answered with, if it answered.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.0.kind {
            Kind::Answer(failure) => Some(failure),
            _ => None,
        }
    }

    /// The service's own message.
    pub fn words(&self) -> Option<&str> {
        match self.failure()? {
            Failure::Refused { words, .. }
            | Failure::Throttled { words, .. }
            | Failure::Broken { words, .. } => Some(words),
            _ => None,
        }
    }

    /// The HTTP status of the failure, if the service answered.
    pub fn status(&self) -> Option<u16> {
        match self.failure()? {
            Failure::Refused { status, .. }
            | Failure::Throttled { status, .. }
            | Failure::Broken { status, .. }
            | Failure::NotAnApi { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What the refusal means, as its endpoint declares it.
    pub fn means(&self) -> Option<Means> {
        match self.failure()? {
            Failure::Refused { means, .. } => Some(*means),
            _ => None,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names_endpoint =
            matches!(self.failure(), Some(Failure::Field(_) | Failure::Unsupported(_)));
        match self.0.endpoint {
            Some(endpoint) if !names_endpoint => write!(f, "{endpoint}: {}", self.0.kind),
            _ => self.0.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
