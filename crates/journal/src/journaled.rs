//! The transport that keeps a journal.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use drillmaster_models::Metadata;
use drillmaster_transport::cassette::{
    Event, RequestEvent, ResponseEvent, ValueEvent, decode_outcome,
};
use drillmaster_transport::{Error, Purpose, Request, Response, Scope, Source, Transport};
use serde_json::Value;

use crate::crash_point::crash_point;
use crate::history::{History, Recorded};
use crate::journal::Journal;

/// Answers requests from the history where it can, and sends and records the others. With an empty history it is the
/// first part of a run; with that of an earlier part it resumes the run.
///
/// | recorded for a request | result |
/// |---|---|
/// | a response, or a refusal | that response; nothing is sent or recorded |
/// | a write that was, or may have been, sent, without a clear response | an error that is [in doubt](Error::is_in_doubt), for the caller to resolve |
/// | a write that was certainly not carried out: not sent, or throttled | the request is sent |
/// | a read without a clear response | the request is sent |
/// | a refused credential | the request is sent: the credential may be right now |
/// | nothing | the request is sent |
///
/// Requests are equal if their scopes and their [identities](drillmaster_transport::cassette::identity) are. Equal
/// requests are answered in the order of their numbers, each once.
///
/// See the [crate](crate) for an example.
pub struct Journaled<T> {
    inner: T,
    journal: Arc<Journal>,
    history: Arc<History>,
}

impl<T> Journaled<T> {
    /// Answers from the history, and sends and records the rest over `inner`.
    pub fn new(inner: T, journal: Arc<Journal>, history: Arc<History>) -> Self {
        Self { inner, journal, history }
    }

    /// Records a request; returns when it may be sent.
    async fn record(&self, request: &Request) -> Result<(), Error> {
        let event = Event::Request(RequestEvent::from_request(request));
        let recorded = if request.metadata.effect.is_read() {
            self.journal.append(&event)
        } else {
            self.journal.append_durably(&event).await
        };
        recorded.map_err(|error| unwritten(&error).for_request(request))
    }
}

#[async_trait]
impl<T: Transport> Transport for Journaled<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // Resolving an in-doubt write needs a fresh response of the service.
        if request.purpose == Purpose::Call
            && let Some(recorded) = self.history.take(&request)?
            && is_valid(request.metadata, &recorded.outcome)
        {
            return recorded.outcome;
        }
        let late = cfg!(drillmaster_break = "unsynced").then(|| request.clone());
        if late.is_none() {
            self.record(&request).await?;
        }
        crash_point("noted");
        let (scope, ordinal, metadata) = (request.scope.clone(), request.ordinal, request.metadata);
        let outcome = self.inner.send(request).await;
        crash_point("sent");
        if let Some(request) = late {
            self.record(&request).await?;
        }
        if let Some(event) = Event::from_outcome(&scope, ordinal, &outcome) {
            let event = event.with_in_doubt_since(in_doubt_since(metadata, &outcome));
            // The outcome is valid even if it cannot be recorded; the next request will be refused.
            let _ = self.journal.append(&event);
        }
        crash_point("answered");
        outcome
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        if let Some(value) = self.history.take_value(scope.name(), name)? {
            // It had a number in the earlier part, too.
            let _ = scope.next();
            return Ok(value);
        }
        let value = self.inner.value(scope, name, fresh)?;
        let event = Event::Value(ValueEvent {
            scope: scope.name().to_string(),
            ordinal: scope.next(),
            name: name.to_owned(),
            value: value.clone(),
        });
        // No need to wait for the disk: a write that depends on this value is added after it, and making the write safe
        // makes the value safe.
        self.journal.append(&event).map_err(|error| unwritten(&error))?;
        Ok(value)
    }

    fn source(&self, request: &Request) -> Source {
        let recorded = self.history.peek(request);
        match recorded.filter(|recorded| is_valid(request.metadata, &recorded.outcome)) {
            Some(Recorded { ordinal, since, .. }) => Source::History { ordinal, since },
            None => self.inner.source(request),
        }
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        let event = ResponseEvent::from_response(&request.scope, request.ordinal, answer);
        // It is true even if it cannot be recorded; the next request will be refused.
        let _ = self.journal.append(&Event::Resolved(event));
        self.inner.resolved(request, answer);
    }
}

/// When the outcome came, in milliseconds since the epoch, if it leaves a write in doubt.
fn in_doubt_since(metadata: &Metadata, outcome: &Result<Response, Error>) -> Option<u64> {
    if metadata.effect.is_read() {
        return None;
    }
    decode_outcome(metadata, outcome).err().filter(Error::is_in_doubt)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).ok()
}

/// Whether a recorded outcome still counts. It does not if sending the request again is harmless and may get a better
/// one, or if the credential was refused.
fn is_valid(metadata: &Metadata, outcome: &Result<Response, Error>) -> bool {
    match decode_outcome(metadata, outcome) {
        Ok(_) => true,
        Err(error) => error.is_refusal() || error.is_in_doubt(),
    }
}

fn unwritten(error: &io::Error) -> Error {
    Error::unwritten(format!("nothing was sent, because the journal cannot be written: {error}"))
}
