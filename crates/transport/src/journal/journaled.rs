//! Answering from the history, and writing down the rest.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{History, Journal};
use crate::cassette::{Event, RequestEvent, ValueEvent};
use crate::error::Error;
use crate::request::{Request, Response, Scope, Transport};

/// Answers each request that the history holds an answer for, and passes the others on, written down. With
/// an empty history it is the first part of a run, with that of an earlier part it goes on with the run.
///
/// | the history holds of a request | what becomes of it |
/// |---|---|
/// | an answer | that answer; nothing is sent, nothing is written down |
/// | a write that was sent, or may have been, and no answer | an error that is [in doubt](Error::is_in_doubt), for the caller to settle |
/// | a write that was certainly not sent | it is sent |
/// | a read without an answer | it is sent |
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
}

#[async_trait]
impl<T: Transport> Transport for Journaled<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        match self.history.take(&request)? {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(lost)) if lost.is_in_doubt() => return Err(lost),
            // A read, or a write that was not sent: nothing is lost by sending it now.
            Some(Err(_)) | None => {}
        }
        let event = Event::Request(RequestEvent::of(&request));
        let noted = if request.spec.effect.is_read() {
            self.journal.append(&event)
        } else {
            self.journal.append_durably(&event).await
        };
        noted.map_err(|error| unwritten(&error).for_request(&request))?;
        let (scope, ordinal) = (request.scope.clone(), request.ordinal);
        let outcome = self.inner.send(request).await;
        if let Some(event) = Event::outcome(&scope, ordinal, &outcome) {
            // The answer is true even if it cannot be written down; the next request will be refused.
            let _ = self.journal.append(&event);
        }
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
}

fn unwritten(error: &io::Error) -> Error {
    Error::setup(format!(
        "nothing was sent, because the journal cannot be written: {error}; mend that, then resume the run"
    ))
}
