//! Journals: writing, reading and resuming, with cuts, flipped bits, full disks and a second process.

#[path = "../../../transport/tests/all/scripted.rs"]
mod scripted;

mod changes;
mod cuts;
mod history;
mod resolving;
mod resume;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use drillmaster_journal::{History, Journal, Journaled};
use drillmaster_models::thm::{AddSeat, ShowScoreboard};
use drillmaster_transport::cassette::{Event, Header, RequestEvent, ResponseEvent, RowEvent};
use drillmaster_transport::{Request, Response, Transport};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::scripted::request;

/// A temporary folder, and a path for a journal in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.journal");
    (folder, path)
}

fn numbered(mut request: Request, scope: &str, ordinal: u64) -> Request {
    request.scope = scope.into();
    request.ordinal = ordinal;
    request
}

/// A write.
fn seat(scope: &str, ordinal: u64) -> Request {
    numbered(request(&AddSeat { email: format!("{scope}@example.com") }), scope, ordinal)
}

/// A read.
fn scores(scope: &str, ordinal: u64) -> Request {
    numbered(request(&ShowScoreboard { room_code: "linux1".to_owned() }), scope, ordinal)
}

/// A scoreboard with this user on it.
fn scoreboard(username: &str) -> Value {
    json!({ "status": "success", "data": [{ "username": username }] })
}

fn saying(username: &str) -> Response {
    Response::json(200, &scoreboard(username))
}

fn refusing() -> Response {
    Response::json(400, &json!({ "status": "error", "message": "Email not found." }))
}

fn asked(request: &Request) -> Event {
    Event::Request(RequestEvent::from_request(request))
}

fn answered(request: &Request, answer: &Response) -> Event {
    Event::Response(ResponseEvent::from_response(&request.scope, request.ordinal, answer))
}

fn again(scope: &str) -> Event {
    Event::Retry { scope: scope.to_owned() }
}

fn row(scope: &str, state: &str) -> Event {
    let returned = Map::from_iter([("link".to_owned(), json!(["a", 1]))]);
    Event::Row(RowEvent {
        scope: scope.to_owned(),
        key: scope.to_owned(),
        state: state.to_owned(),
        detail: "said so \u{2013} twice".to_owned(),
        returned,
        line: Some(7),
    })
}

/// Writes a journal with these events, as a killed process leaves it.
fn left(path: &Path, events: &[Event]) {
    let journal = Journal::create(path, Header::default()).unwrap();
    for event in events {
        journal.append(event).unwrap();
    }
}

/// Resumes a journal over this transport.
fn going_on<T: Transport>(path: &Path, inner: T) -> (Arc<Journal>, Arc<History>, Journaled<T>) {
    let (journal, history) = Journal::open(path).unwrap();
    let (journal, history) = (Arc::new(journal), Arc::new(history));
    let transport = Journaled::new(inner, journal.clone(), history.clone());
    (journal, history, transport)
}
