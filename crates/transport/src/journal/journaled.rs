//! Answering from the history, and writing down the rest.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use drillmaster_models::{Metadata, endpoint};
use serde_json::Value;

use super::history::Told;
use super::{History, Journal};
use crate::cassette::{Event, RequestEvent, ResponseEvent, ValueEvent};
use crate::error::Error;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport};
use crate::torture;

/// Answers each request that the history holds an answer for, and passes the others on, written down. With
/// an empty history it is the first part of a run, with that of an earlier part it goes on with the run.
///
/// | the history holds of a request | what becomes of it |
/// |---|---|
/// | a good answer, or a refusal | that answer; nothing is sent, nothing is written down |
/// | a write that was sent, or may have been, and no clear answer | the same again, an error that is [in doubt](Error::is_in_doubt), for the caller to settle |
/// | a write that was certainly not carried out: not sent, or throttled | it is sent |
/// | a read without a clear answer | it is sent |
/// | that the credential was refused | it is sent: it may have been put right since |
/// | nothing | it is sent |
///
/// A request is the same when its scope and its [identity](crate::cassette::identity) are; equal requests
/// of a scope are answered in the order of their numbers, each once.
///
/// See the [module](super) for an example.
pub struct Journaled<T> {
    inner: T,
    journal: Arc<Journal>,
    history: Arc<History>,
}

impl<T> Journaled<T> {
    /// Writes down what goes to `inner`, and answers what the history holds.
    pub fn new(inner: T, journal: Arc<Journal>, history: Arc<History>) -> Self {
        Self { inner, journal, history }
    }

    /// Writes a request down; returns when it may be sent.
    async fn note(&self, request: &Request) -> Result<(), Error> {
        let event = Event::Request(RequestEvent::of(request));
        let noted = if request.metadata.effect.is_read() {
            self.journal.append(&event)
        } else {
            self.journal.append_durably(&event).await
        };
        noted.map_err(|error| unwritten(&error).for_request(request))
    }
}

#[async_trait]
impl<T: Transport> Transport for Journaled<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // Who looks into a write in doubt, or sends it once more, wants to hear from the service.
        if request.purpose == Purpose::Call
            && let Some(told) = self.history.take(&request)?
            && stands(request.metadata, &told.outcome)
        {
            return told.outcome;
        }
        let late = cfg!(feature = "torture-unsynced").then(|| request.clone());
        if late.is_none() {
            self.note(&request).await?;
        }
        torture::point("noted");
        let (scope, ordinal, metadata) = (request.scope.clone(), request.ordinal, request.metadata);
        let outcome = self.inner.send(request).await;
        torture::point("sent");
        if let Some(request) = late {
            self.note(&request).await?;
        }
        if let Some(event) = Event::outcome(&scope, ordinal, &outcome) {
            let event = event.unclear_since(unclear_at(metadata, &outcome));
            // The answer is true even if it cannot be written down; the next request will be refused.
            let _ = self.journal.append(&event);
        }
        torture::point("answered");
        outcome
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        if let Some(value) = self.history.take_value(scope.name(), name)? {
            // The number that it took in the earlier part.
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
        // No need to wait for the disk: a write that is made from this value is added behind it, and what
        // makes the write safe makes safe all that stands before it.
        self.journal.append(&event).map_err(|error| unwritten(&error))?;
        Ok(value)
    }

    fn source(&self, request: &Request) -> Source {
        let told = self.history.peek(request);
        match told.filter(|told| stands(request.metadata, &told.outcome)) {
            Some(Told { ordinal, since, .. }) => Source::History { ordinal, since },
            None => self.inner.source(request),
        }
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        let event = ResponseEvent::of(&request.scope, request.ordinal, answer);
        // It is true even if it cannot be written down; the next request will be refused.
        let _ = self.journal.append(&Event::Resolved(event));
        self.inner.resolved(request, answer);
    }
}

/// When the outcome came that leaves a write in doubt; `None` where it does not.
fn unclear_at(metadata: &Metadata, outcome: &Result<Response, Error>) -> Option<u64> {
    if metadata.effect.is_read() {
        return None;
    }
    let told = outcome.clone().map_err(|error| error.about(metadata));
    read(metadata, &told).err().filter(Error::is_in_doubt)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).ok()
}

/// Whether what was told of a request counts still: only what its sender could read does. Where sending it again is harmless and may get more than
/// trouble, it does not; and a credential that was refused may have been put right since.
fn stands(metadata: &Metadata, told: &Result<Response, Error>) -> bool {
    match read(metadata, told) {
        Ok(_) => true,
        Err(error) => error.is_refusal() || error.is_in_doubt(),
    }
}

/// What was told, as its sender reads it.
pub(crate) fn read(metadata: &Metadata, told: &Result<Response, Error>) -> Result<Value, Error> {
    let answer = told.as_ref().map_err(Clone::clone)?;
    let endpoint = endpoint(metadata.name).map_err(|error| Error::setup(error.to_string()))?;
    endpoint
        .answer(answer, metadata.dialect)
        .map_err(|failure| Error::answer(failure).about(metadata))
}

fn unwritten(error: &io::Error) -> Error {
    Error::unwritten(format!("nothing was sent, because the journal cannot be written: {error}"))
}
