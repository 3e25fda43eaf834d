//! Comparing a service with what was recorded of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use drillmaster_models::wire;
use serde_json::Value;

use super::foreign;
use crate::cassette::masked_response;
use crate::diff::{answer_lines, diff};
use crate::error::{Error, Mismatch};
use crate::replay::Replay;
use crate::request::{Purpose, Request, Response, Scope, Source, Transport, is_open};
use drillmaster_models::json;

/// How many interactions are shown.
const MOST_SHOWN: usize = 10;

/// Sends what was recorded, and nothing else: a request that is missing in the recording may write what nobody
/// has foreseen. The caller gets the service's answers, or the requests to come would not fit the service.
pub(super) struct Verify {
    recorded: Replay,
    live: Arc<dyn Transport>,
    writes: Writes,
    writes_left_out: AtomicUsize,
    drifts: Mutex<Vec<Drift>>,
}

/// What a verification does with the writes that were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writes {
    /// Makes them, and compares what the service answers.
    #[default]
    Made,
    /// Answers them from the recording: the service is read, and nothing in it is changed.
    LeftOut,
}

struct Drift {
    scope: Arc<str>,
    ordinal: u64,
    lines: Vec<String>,
}

impl Verify {
    pub(super) fn of(recorded: Replay, live: Arc<dyn Transport>, writes: Writes) -> Self {
        let writes_left_out = AtomicUsize::new(0);
        Self { recorded, live, writes, writes_left_out, drifts: Mutex::default() }
    }

    pub(super) fn recorded(&self) -> &Replay {
        &self.recorded
    }

    pub(super) fn writes_left_out(&self) -> usize {
        self.writes_left_out.load(Ordering::Relaxed)
    }

    fn leaves_out(&self, request: &Request) -> bool {
        self.writes == Writes::LeftOut && !request.metadata.effect.is_read()
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
        let mut lines = vec![format!("{} {verb} drifted (- recorded, + answered):", drifts.len())];
        lines.extend(drifts.iter().take(MOST_SHOWN).flat_map(|drift| drift.lines.clone()));
        if drifts.len() > MOST_SHOWN {
            lines.push(format!("and {} more", drifts.len() - MOST_SHOWN));
        }
        lines.extend(unused.err().map(|error| error.to_string()));
        Err(Error::replay(Mismatch::Drifted, lines.join("\n")))
    }
}

/// What an answer says, apart from how it is laid out: status, type, and the body, as data where it is JSON.
fn says(answer: &Response) -> (u16, Option<&str>, Result<Value, &[u8]>) {
    let body = json::read(&answer.body).map_err(|_| answer.body.as_slice());
    (answer.status, answer.header("content-type"), body)
}

/// How an answer differs from the recorded one; `None` where it says the same.
fn drift(
    request: &Request,
    recorded: &wire::Response,
    now: &Result<Response, Error>,
) -> Option<Vec<String>> {
    let open = is_open(request.metadata);
    let now_lines = match now {
        Ok(answer) if says(answer) == says(recorded) => return None,
        Ok(answer) => answer_lines(answer, open),
        Err(error) => vec![error.to_string()],
    };
    let mut lines = vec![format!("{} in `{}`", request.line(), request.scope)];
    let shown = diff(&answer_lines(recorded, open), &now_lines);
    if shown.is_empty() {
        lines.push("  in what is not shown".to_owned());
    }
    lines.extend(shown);
    Some(lines)
}

#[async_trait]
impl Transport for Verify {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // No recording has what it takes to resolve a write in doubt.
        if request.purpose != Purpose::Call {
            return self.live.send(request).await;
        }
        let recorded = self.recorded.recorded(&request)?;
        if self.leaves_out(&request) {
            self.writes_left_out.fetch_add(1, Ordering::Relaxed);
            return recorded.map_err(|error| error.for_request(&request));
        }
        if let Some(pseudonym) = self.recorded.stranger(&request) {
            return Err(foreign(&pseudonym).for_request(&request));
        }
        let answer = self.live.send(request.clone()).await;
        // A loss that was recorded says nothing about the service.
        // Of a sealed one, people and secrets say nothing either.
        let masked = |answer: &Response| match self.recorded.sealing() {
            Some(scheme) => masked_response(request.message().response(answer), scheme),
            None => answer.clone(),
        };
        let now = answer.as_ref().map(masked).map_err(Clone::clone);
        // Told as it was recorded: who reads of drift need not learn whom it was about.
        let told = self.recorded.asked(&request);
        let lines = recorded.ok().and_then(|recorded| drift(&told, &masked(&recorded), &now));
        if let Some(lines) = lines {
            let drift = Drift { scope: told.scope.clone(), ordinal: told.ordinal, lines };
            self.drifts.lock().unwrap_or_else(PoisonError::into_inner).push(drift);
        }
        answer
    }

    /// As it was recorded: other values would make other requests.
    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.recorded.value(scope, name, fresh)
    }

    fn source(&self, request: &Request) -> Source {
        if self.leaves_out(request) { Source::Recording } else { self.live.source(request) }
    }

    fn resolved(&self, request: &Request, answer: &Response) {
        self.live.resolved(request, answer);
    }
}
