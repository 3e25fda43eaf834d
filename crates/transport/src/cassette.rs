//! The cassette format, version 1: concatenated JSON events. A recording in progress holds one event a
//! line; white space between events does not matter to a reader.
//!
//! | event | holds |
//! |---|---|
//! | `cassette` | first: version, program, and what the run was made from |
//! | `request` | scope, ordinal, entry, hash, method, target, headers, body |
//! | `response` | scope, ordinal, status, headers, body |
//! | `error` | scope, ordinal, how the request or its answer was lost |
//! | `value` | scope, ordinal, a value that the script got from outside |
//! | `end` | last: the number of interactions, so that a cut-off file is noticed |
//!
//! A body is JSON inline, text as text, and base64 where it is neither. No event has a place for a
//! credential: recorders sit above the transport that adds it.
//!
//! ```
//! use drillmaster_transport::cassette::{Body, Event, Header, parse};
//!
//! let header = serde_json::to_string(&Event::Cassette(Header::default())).unwrap();
//! let tape = format!("{header}\n{{\"event\": \"end\", \"interactions\": 0}}");
//! assert!(parse(&tape).unwrap().interactions.is_empty());
//!
//! let error = parse(&header).unwrap_err();
//! assert!(error.to_string().contains("cut off"));
//! assert_eq!(Body::of(b"{\"a\":1}"), Body::Json(serde_json::json!({ "a": 1 })));
//! ```

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use drillmaster_models::{Method, wire};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Lost};
use crate::request::{Request, Response};

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// One event of a cassette.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The first event.
    Cassette(Header),
    /// A request, as it travelled less the credential.
    Request(RequestEvent),
    /// Its answer.
    Response(ResponseEvent),
    /// Its loss.
    Error(ErrorEvent),
    /// A value from outside.
    Value(ValueEvent),
    /// The last event.
    End {
        /// How many requests were answered or lost.
        interactions: usize,
    },
}

/// What a run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The format's version.
    pub version: u32,
    /// What wrote it.
    pub program: String,
    /// The hash of the script, where one ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The hash of the roster, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<String>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            version: VERSION,
            program: concat!("drillmaster ", env!("CARGO_PKG_VERSION")).to_owned(),
            script: None,
            roster: None,
        }
    }
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestEvent {
    /// The row it belongs to, or `main`.
    pub scope: String,
    /// Its number within the scope.
    pub ordinal: u64,
    /// The entry that was called.
    pub entry: String,
    /// The hash of what is matched: method, target and body.
    pub hash: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, absent where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseEvent {
    /// The scope of its request.
    pub scope: String,
    /// The number of its request.
    pub ordinal: u64,
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, absent where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// A recorded loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorEvent {
    /// The scope of its request.
    pub scope: String,
    /// The number of its request.
    pub ordinal: u64,
    /// `unreachable`, `timeout` or `reset`.
    pub kind: String,
    /// What was told about it.
    pub detail: String,
}

/// A recorded value from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueEvent {
    /// The row in which it was asked for, or `main`.
    pub scope: String,
    /// Its number within the scope.
    pub ordinal: u64,
    /// What was asked for, such as `now`.
    pub name: String,
    /// What was given.
    pub value: Value,
}

/// A body as a cassette holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// JSON, inline.
    Json(Value),
    /// UTF-8 text.
    Text(String),
    /// Anything else, as base64.
    Base64(String),
}

impl Body {
    /// Takes a body in the most readable form that holds it.
    pub fn of(bytes: &[u8]) -> Self {
        match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
            (Ok(json), _) => Self::Json(json),
            (_, Ok(text)) => Self::Text(text.to_owned()),
            _ => Self::Base64(BASE64_STANDARD.encode(bytes)),
        }
    }

    /// The bytes again. JSON comes back compact.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Self::Json(json) => Ok(json.to_string().into_bytes()),
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Base64(text) => BASE64_STANDARD.decode(text),
        }
    }

    fn of_message(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self::of(bytes))
    }
}

impl RequestEvent {
    /// Writes a request down.
    pub fn of(request: &Request) -> Self {
        Self {
            scope: request.scope.to_string(),
            ordinal: request.ordinal,
            entry: request.spec.name.to_owned(),
            hash: identity(&request.wire),
            method: request.wire.method.to_string(),
            target: request.wire.target.clone(),
            headers: request.wire.headers.clone(),
            body: Body::of_message(&request.wire.body),
        }
    }
}

impl ResponseEvent {
    /// Writes an answer down.
    pub fn of(scope: &str, ordinal: u64, answer: &Response) -> Self {
        Self {
            scope: scope.to_owned(),
            ordinal,
            status: answer.status,
            headers: answer.headers.clone(),
            body: Body::of_message(&answer.body),
        }
    }

    fn into_response(self) -> Result<Response, base64::DecodeError> {
        let body = self.body.map_or(Ok(Vec::new()), |body| body.bytes())?;
        Ok(Response {
            status: self.status,
            headers: self.headers,
            body,
        })
    }
}

impl ErrorEvent {
    /// Writes a loss down; `None` where the error is not one.
    pub fn of(scope: &str, ordinal: u64, error: &Error) -> Option<Self> {
        let how = error.lost_how()?;
        Some(Self {
            scope: scope.to_owned(),
            ordinal,
            kind: how.name().to_owned(),
            detail: error.lost_detail().unwrap_or_default().to_owned(),
        })
    }
}

/// What two requests must have in common to be the same: method, path, the query's pairs in any order, and
/// the body, in which the order of JSON keys and of form fields does not matter. As 32 hex digits.
pub fn identity(request: &wire::Request) -> String {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let body = match (Body::of(&request.body), request.header("content-type")) {
        (Body::Json(json), _) => sorted(&json).to_string(),
        (Body::Text(form), Some("application/x-www-form-urlencoded")) => sorted_pairs(&form),
        (Body::Text(text) | Body::Base64(text), _) => text,
    };
    let mut hasher = blake3::Hasher::new();
    for part in [request.method.as_str(), path, &sorted_pairs(query), &body] {
        // The length keeps `a` + `bc` apart from `ab` + `c`.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

fn sorted_pairs(text: &str) -> String {
    let mut pairs: Vec<_> = text.split('&').collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn sorted(json: &Value) -> Value {
    match json {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// A request with what became of it.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// The request.
    pub request: RequestEvent,
    /// The answer, or how it was lost.
    pub outcome: Result<Response, (Lost, String)>,
}

/// A cassette that was read.
#[derive(Debug, Clone)]
pub struct Tape {
    /// Its header.
    pub header: Header,
    /// Its interactions, in the order of their requests.
    pub interactions: Vec<Interaction>,
    /// The values from outside, in order.
    pub values: Vec<ValueEvent>,
}

/// A cassette that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not begin with a cassette's header.
    #[error("this is no cassette: it does not begin with a `cassette` event")]
    NotACassette,
    /// It is of another version.
    #[error(
        "the cassette has version {0}, and only version {VERSION} is understood; record it again"
    )]
    Version(u32),
    /// An event cannot be read.
    #[error("the cassette is damaged at byte {byte}: {problem}; record it again")]
    At {
        /// Where the event begins.
        byte: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no end.
    #[error("the cassette is cut off at byte {0}; record it again")]
    CutOff(usize),
}

/// Reads a whole cassette.
pub fn parse(text: &str) -> Result<Tape, Damage> {
    let mut events = serde_json::Deserializer::from_str(text).into_iter::<Event>();
    let header = match events.next() {
        Some(Ok(Event::Cassette(header))) if header.version == VERSION => header,
        Some(Ok(Event::Cassette(header))) => return Err(Damage::Version(header.version)),
        _ => return Err(Damage::NotACassette),
    };
    let mut tape = Tape {
        header,
        interactions: Vec::new(),
        values: Vec::new(),
    };
    let mut open = std::collections::HashMap::new();
    loop {
        let byte = events.byte_offset();
        let damaged = |problem: String| Damage::At { byte, problem };
        let event = match events.next() {
            None => return Err(Damage::CutOff(text.len())),
            Some(Err(error)) if error.is_eof() => return Err(Damage::CutOff(text.len())),
            Some(Err(error)) => return Err(damaged(error.to_string())),
            Some(Ok(event)) => event,
        };
        match event {
            Event::Cassette(_) => return Err(damaged("a second header".to_owned())),
            Event::Value(value) => tape.values.push(value),
            Event::Request(request) => {
                if Method::parse(&request.method).is_none() {
                    return Err(damaged(format!("`{}` is no method", request.method)));
                }
                let place = (request.scope.clone(), request.ordinal);
                if open.insert(place, tape.interactions.len()).is_some() {
                    return Err(damaged(
                        "a request with the scope and number of another".to_owned(),
                    ));
                }
                let lost = Err((Lost::Reset, "no answer was recorded".to_owned()));
                tape.interactions.push(Interaction {
                    request,
                    outcome: lost,
                });
            }
            Event::Response(answer) => {
                let place = (answer.scope.clone(), answer.ordinal);
                let Some(index) = open.get(&place) else {
                    return Err(damaged("an answer without a request".to_owned()));
                };
                let answer = answer
                    .into_response()
                    .map_err(|error| damaged(error.to_string()))?;
                tape.interactions[*index].outcome = Ok(answer);
            }
            Event::Error(lost) => {
                let place = (lost.scope.clone(), lost.ordinal);
                let Some(index) = open.get(&place) else {
                    return Err(damaged("an error without a request".to_owned()));
                };
                let how = Lost::ALL.into_iter().find(|how| how.name() == lost.kind);
                let how = how.ok_or_else(|| damaged(format!("`{}` is no error", lost.kind)))?;
                tape.interactions[*index].outcome = Err((how, lost.detail));
            }
            Event::End { interactions } if interactions != tape.interactions.len() => {
                let found = tape.interactions.len();
                return Err(damaged(format!(
                    "{interactions} interactions are due, {found} are here"
                )));
            }
            Event::End { .. } => break,
        }
    }
    let end = events.byte_offset();
    match text[end..].trim() {
        "" => Ok(tape),
        _ => Err(Damage::At {
            byte: end,
            problem: "something follows the end".to_owned(),
        }),
    }
}
