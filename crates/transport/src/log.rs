//! What a log is told of calls: events of `tracing`, which cost next to nothing where nobody listens.
//!
//! Told is what is declared of a call, and how it went: never a body, a query, a header, or what stands in a path.
//! Whom a call is about is in the field `scope` alone, for a listener that knows rows by it; it holds a row's key,
//! so that it is not to be written down.
//!
//! | target | level | tells | fields besides `endpoint` and `scope` |
//! |---|---|---|---|
//! | [`CALL`] | info | a request was sent, and answered or lost | `method`, `path` as declared, `status` or `lost`, `ms`, `attempt`, `source` |
//! | [`RETRY`] | warn | a request is sent again | `attempt`, the one to come, `wait_ms` |
//! | [`WAIT`] | debug | a request waited for its turn | `wait_ms` |
//! | [`SETTLE`] | warn | somebody looked into a doubtful write | `round`, `outcome` |
//!
//! ```
//! use drillmaster_models::endpoint;
//! use drillmaster_sandbox::Sandbox;
//! use drillmaster_transport::{Connection, log::Logged};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let connection = Connection::new(Logged::new(Sandbox::default()));
//! let rooms = connection.call(endpoint("thm.rooms").unwrap(), &serde_json::json!({})).await;
//! assert!(rooms.is_ok()); // and a subscriber of `tracing` was told
//! # });
//! ```

use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::error::Error;
use crate::request::{Request, Response, Scope, Source, Transport};

/// A request was sent, and answered or lost.
pub const CALL: &str = "drillmaster::call";
/// A request is sent again.
pub const RETRY: &str = "drillmaster::retry";
/// A request waited for its turn.
pub const WAIT: &str = "drillmaster::wait";
/// Somebody looked into a doubtful write.
pub const SETTLE: &str = "drillmaster::settle";

/// Whether anybody listens, to anything.
pub fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

tokio::task_local! {
    static ATTEMPT: u32;
}

/// Sends something as the nth attempt.
pub(crate) async fn as_attempt<T>(nth: u32, sent: impl Future<Output = T>) -> T {
    if is_on() { ATTEMPT.scope(nth, sent).await } else { sent.await }
}

/// A time as logs have it.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells of each request that goes through, and of what became of it. Its place is below
/// [`Retry`](crate::Retry) and [`RateLimit`](crate::RateLimit): then each attempt is told, with the time that it took.
pub struct Logged<T> {
    inner: T,
}

impl<T> Logged<T> {
    /// Sends over `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<T: Transport> Transport for Logged<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let (metadata, scope) = (request.metadata, request.scope.clone());
        let source = match self.inner.source(&request) {
            Source::Service => "service",
            Source::History { .. } => "history",
            Source::Recording | Source::OldRecording => "recording",
        };
        let begun = Instant::now();
        let sent = self.inner.send(request).await;
        tracing::info!(
            target: CALL,
            endpoint = metadata.name,
            method = metadata.method.as_str(),
            path = metadata.path,
            status = sent.as_ref().ok().map(|answer| answer.status),
            lost = sent.as_ref().err().map(lost),
            ms = millis(begun.elapsed()),
            attempt = ATTEMPT.try_with(|nth| *nth).unwrap_or(1),
            source,
            scope = &*scope,
        );
        sent
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

/// In words of ours: an error's own may quote what was sent.
fn lost(error: &Error) -> String {
    match error.network_error() {
        Some(lost) => lost.to_string(),
        None if error.is_replay_mismatch() => "not recorded".to_owned(),
        None => "not sent".to_owned(),
    }
}
