//! The cassette format, version 1: concatenated JSON events. A recording in progress holds one event a
//! line; white space between events does not matter to a reader.
//!
//! | event | holds |
//! |---|---|
//! | `cassette` | first: version, program, and what the run was made from |
//! | `request` | scope, ordinal, endpoint, hash, method, target, headers, body |
//! | `response` | scope, ordinal, status, headers, body |
//! | `resolved` | the same: the answer that stands for a write which was in doubt and is known to have taken effect |
//! | `error` | scope, ordinal, how the request or its answer was lost |
//! | `value` | scope, ordinal, a value that the script got from outside |
//! | `again` | a scope of which the failures so far do not count any more |
//! | `order` | what the run is made from, from here on |
//! | `row` | scope, and how the row ended |
//! | `pace` | service, and how fast it was really called |
//! | `end` | last: the number of interactions, so that a cut-off file is noticed |
//!
//! `again`, `order`, `row` and `pace` are a [journal](crate::journal)'s; a cassette's reader passes over them. So are
//! `resolved`, a request that repeats another, and the time since when an answer leaves a write in doubt: a sealed
//! cassette has each write once, with the answer that it came to. Recorders
//! close each event with the field `sum`, a checksum of all before it on its line; in a journal, whose header has
//! version 2, it is a hash of that and of the sum before. A reader refuses an event that does not have the sum it
//! claims; events of a cassette without one, as written by hand, are taken as they are, and white space does not
//! count.
//!
//! [`Sanitizer`] makes of a recording what can be shared: in an order that does not depend on which row was
//! faster, laid out for people, and with pseudonyms in the place of people and secrets.
//!
//! A body is JSON inline where that gives back the same bytes, else text as text, and base64 where it is
//! neither. No event has a place for a credential: recorders sit above the transport that adds it.
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

mod body;
mod identity;
mod linearize;
mod mask_secrets;
mod sanitize;
mod sealed;
mod tape;

pub use body::Body;
pub use identity::identity;
pub(crate) use identity::sorted;
use identity::{content_type, hash, in_order, is_form};
pub use linearize::linearize;
pub use mask_secrets::mask_secrets;
pub(crate) use sanitize::masked_response;
pub use sanitize::{Sanitizer, SealError};
pub use sealed::SealedCassette;
pub(crate) use sealed::beside;
pub use tape::{Damage, Interaction, Tape, parse};
pub(crate) use tape::{Part, answer_at, event_at, header, layout, read, without_sum};

use drillmaster_models::{Method, endpoint, wire};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, NetworkError};
use crate::redact::{ApiKeys, Scheme};
use crate::request::{Purpose, Request, Response, is_open, line};

/// The version of a cassette. A [journal](crate::journal::VERSION) has another: its events are the same, and its lines
/// answer for each other.
pub const VERSION: u32 = 1;

/// What is told about a request of which the outcome was not waited for.
const UNANSWERED: &str = "no answer was recorded";

/// One event of a cassette.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum Event {
    /// The first event.
    Cassette(Header),
    /// A request, as it travelled less the credential.
    Request(RequestEvent),
    /// Its answer.
    Response(ResponseEvent),
    /// Its loss.
    Error(ErrorEvent),
    /// The answer that stands for a write which was in doubt and is known to have taken effect.
    Resolved(ResponseEvent),
    /// A value from outside.
    Value(ValueEvent),
    /// What failed in a scope is to be tried again.
    Again {
        /// The scope.
        scope: String,
    },
    /// What the run is made from, from here on.
    Order(Header),
    /// How a row ended.
    Row(RowEvent),
    /// How fast a service was called.
    RateLimit(PaceEvent),
    /// The last event.
    End {
        /// How many requests were answered or lost.
        interactions: usize,
    },
}

/// What a run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Whether writes in doubt are resolved in it by events of their own. Older recordings have the looks and
    /// repeats among the requests of the rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resolved: bool,
    /// How it was sealed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Scheme>,
    /// What tells the keys of the services, so that no cassette is made of it in which one stands. A journal has
    /// them.
    #[serde(default, skip_serializing_if = "ApiKeys::is_empty")]
    pub keys: ApiKeys,
    /// What else the program that ran it needs to go on with it. The transports do not look at it; sealing
    /// keeps what a replay needs.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub run: Map<String, Value>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            version: VERSION,
            program: concat!("drillmaster ", env!("CARGO_PKG_VERSION")).to_owned(),
            script: None,
            roster: None,
            resolved: true,
            sealed: None,
            keys: ApiKeys::default(),
            run: Map::new(),
        }
    }
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestEvent {
    /// The row it belongs to, or `main`.
    pub scope: String,
    /// Its number within the scope.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// The endpoint that was called.
    #[serde(rename = "entry")]
    pub endpoint: String,
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
    /// The number of the write in doubt that it sends once more. Its answer is that of the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u64>,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseEvent {
    /// The scope of its request.
    pub scope: String,
    /// The number of its request.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// The HTTP status.
    #[serde(deserialize_with = "status")]
    pub status: u16,
    /// Names and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, absent where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Where it leaves a write in doubt: when it came, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear_at: Option<u64>,
}

/// A recorded loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorEvent {
    /// The scope of its request.
    pub scope: String,
    /// The number of its request.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// `unreachable`, `timeout` or `reset`; `unsent` where the configuration kept it from being sent.
    pub kind: String,
    /// What was told about it.
    pub detail: String,
    /// Where it leaves a write in doubt: when it was noticed, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear_at: Option<u64>,
}

/// A recorded value from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueEvent {
    /// The row in which it was asked for, or `main`.
    pub scope: String,
    /// Its number within the scope.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// What was asked for, such as `now`.
    pub name: String,
    /// What was given.
    pub value: Value,
}

impl ValueEvent {
    /// The name of the values that are not for the script: the keys of the rows that it goes over, in their order,
    /// where they come from no roster. They tell a replay who stands for whom.
    pub const ROWS: &'static str = "each";

    /// The keys, where it is one of these.
    pub(crate) fn rows(&self) -> Option<impl Iterator<Item = &str>> {
        let keys = self.value.as_array().filter(|_| self.name == Self::ROWS)?;
        Some(keys.iter().filter_map(Value::as_str))
    }
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowEvent {
    /// The row's scope.
    pub scope: String,
    /// The row's key.
    pub key: String,
    /// The name of its state, such as `done`.
    pub state: String,
    /// Why, in words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What the row returned.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub returned: Map<String, Value>,
    /// The script's line that it ended at, where one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// How fast a service was called in a part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaceEvent {
    /// The name of the service.
    pub service: String,
    /// How many requests were sent to it, those that were sent again among them.
    pub requests: u64,
    /// How many answers asked to slow down.
    pub throttled: u64,
    /// From the first request to the last answer, in seconds.
    pub seconds: f64,
}

/// What no service can answer with is no recording of one.
fn status<'de, D: Deserializer<'de>>(input: D) -> Result<u16, D::Error> {
    let given = Value::deserialize(input)?;
    let status = given.as_u64().and_then(|status| u16::try_from(status).ok());
    let problem = || format!("the status is {given}, and a number from 100 to 999 is due");
    status.filter(|status| is_status(*status)).ok_or_else(|| D::Error::custom(problem()))
}

/// Whether an HTTP answer can have this status.
pub fn is_status(status: u16) -> bool {
    (100..1000).contains(&status)
}

fn ordinal<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    let given = Value::deserialize(input)?;
    let problem = || format!("the ordinal is {given}, and a whole number from 0 is due");
    given.as_u64().ok_or_else(|| D::Error::custom(problem()))
}

impl Event {
    /// What became of a request; `None` where its error is none that happens on the way.
    pub(crate) fn outcome(
        scope: &str,
        ordinal: u64,
        outcome: &Result<Response, Error>,
    ) -> Option<Self> {
        match outcome {
            Ok(answer) => Some(Self::Response(ResponseEvent::of(scope, ordinal, answer))),
            Err(error) => ErrorEvent::of(scope, ordinal, error).map(Self::Error),
        }
    }

    /// The same where it leaves a write in doubt from this moment on.
    pub(crate) fn unclear_since(mut self, at: Option<u64>) -> Self {
        match &mut self {
            Self::Response(answer) => answer.unclear_at = at,
            Self::Error(lost) => lost.unclear_at = at,
            _ => {}
        }
        self
    }
}

impl RequestEvent {
    /// Writes a request down.
    pub fn of(request: &Request) -> Self {
        Self {
            scope: request.scope.to_string(),
            ordinal: request.ordinal,
            endpoint: request.metadata.name.to_owned(),
            hash: identity(&request.wire),
            method: request.wire.method.to_string(),
            target: request.wire.target.clone(),
            headers: request.wire.headers.clone(),
            body: Body::of_message(&request.wire.body),
            repeats: match request.purpose {
                Purpose::Repeat { of } => Some(of),
                Purpose::Call | Purpose::Look => None,
            },
        }
    }

    /// The same request for people, as [`Request::line`] has it.
    pub fn line(&self) -> String {
        line(&self.method, &self.target, self.is_open())
    }

    /// Whether its values may be shown: those of an endpoint that is not known may not.
    pub fn is_open(&self) -> bool {
        endpoint(&self.endpoint).is_ok_and(|endpoint| is_open(&endpoint.metadata))
    }

    /// Whether its hash is that of what it holds. An `Err` says what of it cannot be read.
    fn has_its_hash(&self) -> Result<bool, String> {
        // Mostly the body need not be written and read again.
        let method = Method::parse(&self.method);
        let quick = method.zip(self.body.as_ref()).and_then(|(method, body)| match body {
            Body::Json(json) if !is_form(content_type(&self.headers)) => {
                Some(hash(method, &self.target, &in_order(json)))
            }
            _ => None,
        });
        Ok(quick.is_some_and(|hash| hash == self.hash) || identity(&self.wire()?) == self.hash)
    }

    /// Says of the request that this travelled.
    pub(crate) fn carry(&mut self, wire: &wire::Request) {
        self.hash = identity(wire);
        self.target.clone_from(&wire.target);
        self.headers.clone_from(&wire.headers);
        self.body = Body::of_message(&wire.body);
    }

    /// The request as it travelled. An `Err` says what of it cannot be read.
    pub fn wire(&self) -> Result<wire::Request, String> {
        let method =
            Method::parse(&self.method).ok_or_else(|| format!("`{}` is no method", self.method))?;
        Ok(wire::Request {
            method,
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: Body::into_message(self.body.clone()).map_err(|error| error.to_string())?,
        })
    }
}

impl ResponseEvent {
    /// Whether its body can be decoded.
    fn check(&self) -> Result<(), base64::DecodeError> {
        match &self.body {
            Some(body @ Body::Base64(_)) => body.bytes().map(drop),
            _ => Ok(()),
        }
    }

    /// Writes an answer down.
    pub fn of(scope: &str, ordinal: u64, answer: &Response) -> Self {
        Self {
            scope: scope.to_owned(),
            ordinal,
            status: answer.status,
            headers: answer.headers.clone(),
            body: Body::of_message(&answer.body),
            unclear_at: None,
        }
    }

    pub(crate) fn into_response(self) -> Result<Response, base64::DecodeError> {
        Ok(Response {
            status: self.status,
            headers: self.headers,
            body: Body::into_message(self.body)?,
        })
    }
}

impl ErrorEvent {
    /// The loss again. An `Err` says what of it cannot be read.
    pub fn into_error(self) -> Result<Error, String> {
        Error::of_record(&self.kind, self.detail)
            .ok_or_else(|| format!("`{}` is no error", self.kind))
    }

    /// Writes down that whoever waited for the answer gave up: it may have been on its way.
    pub(crate) fn unanswered(scope: &str, ordinal: u64) -> Self {
        Self {
            scope: scope.to_owned(),
            ordinal,
            kind: NetworkError::ConnectionLost.name().to_owned(),
            detail: UNANSWERED.to_owned(),
            unclear_at: None,
        }
    }

    /// Writes down why there is no answer; `None` where the error is none that happens on the way.
    pub fn of(scope: &str, ordinal: u64, error: &Error) -> Option<Self> {
        let (kind, detail) = error.recorded()?;
        Some(Self {
            scope: scope.to_owned(),
            ordinal,
            kind: kind.to_owned(),
            detail: detail.to_owned(),
            unclear_at: None,
        })
    }
}
