//! Comparing a service with a cassette.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_models::wire;
use serde_json::Value;

use super::pseudonym_error;
use crate::cassette::masked_response;
use crate::diff::{answer_lines, diff};
use crate::error::{Error, Mismatch};
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport, is_open};
use drillmaster_models::json;

/// How many interactions an error shows.
const MOST_SHOWN: usize = 10;

/// Sends recorded requests and refuses all others, which might write something unexpected. The caller gets the
/// service's responses, because later requests may depend on them.
pub(super) struct Verify {
    recorded: Replay,
    service: Arc<dyn Transport>,
    writes: VerifyWrites,
    skipped_writes: AtomicUsize,
    drifts: Mutex<Vec<Drift>>,
}

/// What a verification does with recorded writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyWrites {
    /// Sends them, and compares the responses.
    #[default]
    Send,
    /// Answers them from the recording, so that nothing in the service changes.
    Skip,
}

struct Drift {
    scope: Arc<str>,
    ordinal: u64,
    lines: Vec<String>,
}

impl Verify {
    pub(super) fn new(recorded: Replay, service: Arc<dyn Transport>, writes: VerifyWrites) -> Self {
        let skipped_writes = AtomicUsize::new(0);
        Self { recorded, service, writes, skipped_writes, drifts: Mutex::default() }
    }

    pub(super) fn recorded(&self) -> &Replay {
        &self.recorded
    }

    pub(super) fn skipped_writes(&self) -> usize {
        self.skipped_writes.load(Ordering::Relaxed)
    }

    fn skips(&self, request: &Request) -> bool {
        self.writes == VerifyWrites::Skip && !request.metadata.effect.is_read()
    }

    pub(super) fn finish(&self) -> Result<(), Error> {
        let mut drifts = self.drifts.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = self.recorded.finish();
        if drifts.is_empty() {
            return unused;
        }
        let order =
            |drift: &Drift| (*drift.scope != *Scope::MAIN, drift.scope.clone(), drift.ordinal);
        drifts.sort_by_key(order);
        let verb = if drifts.len() == 1 { "interaction has" } else { "interactions have" };
        let mut lines = vec![format!("{} {verb} drifted (- recorded, + now):", drifts.len())];
        lines.extend(drifts.iter().take(MOST_SHOWN).flat_map(|drift| drift.lines.clone()));
        if drifts.len() > MOST_SHOWN {
            lines.push(format!("and {} more", drifts.len() - MOST_SHOWN));
        }
        lines.extend(unused.err().map(|error| error.to_string()));
        Err(Error::replay(Mismatch::Drifted, lines.join("\n")))
    }
}

/// The parts of a response that are compared: status, content type, and the body, as data if it is JSON.
fn content(answer: &Response) -> (u16, Option<&str>, Result<Value, &[u8]>) {
    let body = json::read(&answer.body).map_err(|_| answer.body.as_slice());
    (answer.status, answer.header("content-type"), body)
}

/// How a response differs from the recorded one; `None` if it does not.
fn drift(
    request: &Request,
    recorded: &wire::Response,
    now: &Result<Response, Error>,
) -> Option<Vec<String>> {
    let open = is_open(request.metadata);
    let now_lines = match now {
        Ok(answer) if content(answer) == content(recorded) => return None,
        Ok(answer) => answer_lines(answer, open),
        Err(error) => vec![error.to_string()],
    };
    let mut lines = vec![format!("{} in `{}`", request.line(), request.scope)];
    let shown = diff(&answer_lines(recorded, open), &now_lines);
    if shown.is_empty() {
        lines.push("  the difference contains secrets and is not shown".to_owned());
    }
    lines.extend(shown);
    Some(lines)
}

#[async_trait]
impl Transport for Verify {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // A recording cannot resolve an in-doubt write.
        if request.purpose != Purpose::Call {
            return self.service.send(request).await;
        }
        let recorded = self.recorded.recorded(&request)?;
        if self.skips(&request) {
            self.skipped_writes.fetch_add(1, Ordering::Relaxed);
            return recorded.map_err(|error| error.for_request(&request));
        }
        if let Some(pseudonym) = self.recorded.unknown_pseudonym(&request) {
            return Err(pseudonym_error(&pseudonym).for_request(&request));
        }
        let answer = self.service.send(request.clone()).await;
        // A recorded error says nothing about the service. In a sealed recording, people and secrets do not count.
        let masked = |answer: &Response| match self.recorded.sealing() {
            Some(scheme) => masked_response(request.message().response(answer), scheme),
            None => answer.clone(),
        };
        let now = answer.as_ref().map(masked).map_err(Clone::clone);
        // Shown with pseudonyms: the reader of a report need not learn whom it is about.
        let shown = self.recorded.redacted(&request);
        let lines = recorded.ok().and_then(|recorded| drift(&shown, &masked(&recorded), &now));
        if let Some(lines) = lines {
            let drift = Drift { scope: shown.scope.clone(), ordinal: shown.ordinal, lines };
            self.drifts.lock().unwrap_or_else(PoisonError::into_inner).push(drift);
        }
        answer
    }

    /// Returns the recorded value: another value would lead to other requests.
    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.recorded.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        if self.skips(request) { Source::Recording } else { self.service.source(request) }
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.service.resolved(request, answer);
    }
}
