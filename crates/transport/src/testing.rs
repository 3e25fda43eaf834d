//! Transports for tests.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::error::Error;
use crate::request::{Request, Response, Scope, Source, Transport};

/// Sends requests over another transport and keeps a copy of each, for a test to check.
///
/// ```
/// use drillmaster_models::thm::ShowScoreboard;
/// use drillmaster_transport::{Capture, Connection, RejectAll};
/// use std::sync::Arc;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let capture = Arc::new(Capture::new(RejectAll));
/// let request = ShowScoreboard { room_code: "linux1".to_owned() };
/// let _ = Connection::new(capture.clone()).send(&request).await;
/// assert_eq!(capture.requests()[0].line(), "GET /api/v2/external/scoreboard?roomCode=linux1");
/// # });
/// ```
pub struct Capture<T> {
    inner: T,
    requests: Mutex<Vec<Request>>,
}

impl<T> Capture<T> {
    /// Captures the requests to `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, requests: Mutex::default() }
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl<T: Transport> Transport for Capture<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        self.inner.send(request).await
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

/// Rejects every request, to test that nothing is sent.
///
/// ```
/// use drillmaster_models::thm::ListUsers;
/// use drillmaster_transport::{Connection, RejectAll};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let error = Connection::new(RejectAll).send(&ListUsers {}).await.unwrap_err();
/// assert!(error.is_setup());
/// # });
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RejectAll;

#[async_trait]
impl Transport for RejectAll {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let problem = format!("this transport rejects all requests: {}", request.line());
        Err(Error::setup(problem).for_request(&request))
    }
}
