//! Events about calls, for subscribers of `tracing`. Without a subscriber they cost almost nothing.
//!
//! They have an endpoint's declaration and how the call went, but no body, query, header or value in a path. The
//! field `scope` alone says whom a call is about; a subscriber can look the row up by it. It contains a row's key, so
//! it must not be logged itself.
//!
//! | target | level | event | fields besides `endpoint` and `scope` |
//! |---|---|---|---|
//! | [`CALL`] | info | a request was sent, and answered or lost | `method`, `path` as declared, `status` or `lost`, `ms`, `attempt`, `source` |
//! | [`RETRY`] | warn | a request is sent again | `attempt`, the number of the next one, `wait_ms` |
//! | [`WAIT`] | debug | a request waited for the rate limit | `wait_ms` |
//! | [`RESOLVE`] | warn | an attempt to resolve a write in doubt | `round`, `outcome` |
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
//! assert!(rooms.is_ok()); // and `tracing` has an event
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
/// A request waited for the rate limit.
pub const WAIT: &str = "drillmaster::wait";
/// An attempt to resolve a write in doubt. The name of the event is older than the word.
pub const RESOLVE: &str = "drillmaster::settle";

/// Whether there is a subscriber for any event.
pub fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

tokio::task_local! {
    static ATTEMPT: u32;
}

/// Sends a request as the nth attempt.
pub(crate) async fn as_attempt<T>(nth: u32, sent: impl Future<Output = T>) -> T {
    if is_on() { ATTEMPT.scope(nth, sent).await } else { sent.await }
}

/// A time in the unit of log fields.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Emits an event for each request over another transport. Put it below [`Retry`](crate::Retry) and
/// [`RateLimit`](crate::RateLimit), so that each attempt has an event with its own time.
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

/// In our words: an error's own text may contain what was sent.
fn lost(error: &Error) -> String {
    match error.network_error() {
        Some(lost) => lost.to_string(),
        None if error.is_replay_mismatch() => "not recorded".to_owned(),
        None => "not sent".to_owned(),
    }
}
