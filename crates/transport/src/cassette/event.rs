//! The events of a recording.

use drillmaster_models::{Metadata, Method, endpoint, wire};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::identity::{content_type, hash, in_order, is_form};
use super::{Body, VERSION, identity};
use crate::error::{Error, NetworkError};
use crate::redact::{ApiKeys, Scheme};
use crate::request::{Purpose, Request, Response, is_open, line};

/// The detail of a request whose outcome is not known.
const UNANSWERED: &str = "no answer was recorded";

/// One event of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum Event {
    /// The first event.
    Cassette(Header),
    /// A request as it was sent, without the credential.
    Request(RequestEvent),
    /// The response to a request.
    Response(ResponseEvent),
    /// How a request or its response was lost.
    Error(ErrorEvent),
    /// The response that stands for an in-doubt write which turned out to have taken effect.
    Resolved(ResponseEvent),
    /// A value from outside.
    Value(ValueEvent),
    /// Failures in a scope no longer count, because it is retried.
    #[serde(rename = "again")]
    Retry {
        /// The scope.
        scope: String,
    },
    /// The run was resumed, and is made from this from here on.
    #[serde(rename = "order")]
    Resumed(Header),
    /// How a row ended.
    Row(RowEvent),
    /// How fast a service was called.
    #[serde(rename = "pace")]
    Rate(RateEvent),
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
    /// The version of the format.
    pub version: u32,
    /// The program that wrote it.
    pub program: String,
    /// The hash of the script, if a script ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The hash of the roster, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<String>,
    /// Whether in-doubt writes are resolved by events of their own. Older recordings have the list requests and the
    /// repeats that resolved them among the requests of the rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resolved: bool,
    /// How it was sealed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Scheme>,
    /// Fingerprints of the API keys in use, so that no cassette is written that contains one. Only journals have
    /// them.
    #[serde(default, skip_serializing_if = "ApiKeys::is_empty")]
    pub keys: ApiKeys,
    /// What else the program needs to resume the run. Transports ignore it; sealing keeps what a replay needs.
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
    /// The [identity] of the request: a hash of method, target and body.
    pub hash: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names and values, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, absent if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The number of the in-doubt write that this request repeats. Its response becomes that of the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u64>,
}

/// A recorded response.
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
    /// The body, absent if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// If it leaves a write in doubt: when it arrived, in milliseconds since the epoch.
    #[serde(rename = "unclear_at", default, skip_serializing_if = "Option::is_none")]
    pub in_doubt_since: Option<u64>,
}

/// A recorded loss of a request or its response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorEvent {
    /// The scope of its request.
    pub scope: String,
    /// The number of its request.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// `unreachable`, `timeout`, `reset` or `invalid-body`; `unsent` if the request was not sent because of the
    /// configuration.
    pub kind: String,
    /// The error message.
    pub detail: String,
    /// If it leaves a write in doubt: when it was noticed, in milliseconds since the epoch.
    #[serde(rename = "unclear_at", default, skip_serializing_if = "Option::is_none")]
    pub in_doubt_since: Option<u64>,
}

/// A recorded value from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueEvent {
    /// The row that asked for it, or `main`.
    pub scope: String,
    /// Its number within the scope.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: u64,
    /// What was asked for, such as `now`.
    pub name: String,
    /// The value.
    pub value: Value,
}

impl ValueEvent {
    /// The name of values that the script does not see: the keys of rows that do not come from a roster, in order.
    /// From them a replay knows which pseudonym stands for whom.
    pub const ROWS: &'static str = "each";

    /// The keys, if this is such a value.
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
    /// The reason, for people to read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What the row returned.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub returned: Map<String, Value>,
    /// The line of the script at which it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// How fast a service was called in one part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateEvent {
    /// The name of the service.
    pub service: String,
    /// How many requests were sent to it, retries included.
    pub requests: u64,
    /// How many responses asked to slow down.
    pub throttled: u64,
    /// From the first request to the last response, in seconds.
    pub seconds: f64,
}

fn status<'de, D: Deserializer<'de>>(input: D) -> Result<u16, D::Error> {
    let given = Value::deserialize(input)?;
    let status = given.as_u64().and_then(|status| u16::try_from(status).ok());
    status
        .filter(|status| is_status(*status))
        .ok_or_else(|| D::Error::custom(format!("the status is {given}; it must be 100 to 999")))
}

/// Whether this is a possible status of an HTTP response.
pub fn is_status(status: u16) -> bool {
    (100..1000).contains(&status)
}

fn ordinal<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    let given = Value::deserialize(input)?;
    given.as_u64().ok_or_else(|| {
        D::Error::custom(format!("the ordinal is {given}; it must be a whole number from 0"))
    })
}

/// Reads the outcome of a request as its caller does: a refusal or an unreadable response is an error too.
pub fn decode_outcome(
    metadata: &Metadata,
    outcome: &Result<Response, Error>,
) -> Result<Value, Error> {
    let response = outcome.as_ref().map_err(|error| error.clone().about(metadata))?;
    let endpoint = endpoint(metadata.name).map_err(|error| Error::setup(error.to_string()))?;
    endpoint
        .answer(response, metadata.dialect)
        .map_err(|failure| Error::answer(failure).about(metadata))
}

/// The outcome of a request if none was recorded.
pub(crate) fn unanswered() -> Error {
    Error::network(NetworkError::ConnectionLost, UNANSWERED)
}

impl Event {
    /// Records the outcome of a request. `None` if its error says nothing about the request, such as a replay's
    /// mismatch.
    pub fn from_outcome(
        scope: &str,
        ordinal: u64,
        outcome: &Result<Response, Error>,
    ) -> Option<Self> {
        match outcome {
            Ok(answer) => {
                Some(Self::Response(ResponseEvent::from_response(scope, ordinal, answer)))
            }
            Err(error) => ErrorEvent::from_error(scope, ordinal, error).map(Self::Error),
        }
    }

    /// The same event, if it is an outcome, with the time since when it leaves a write in doubt: milliseconds since
    /// the epoch.
    #[must_use]
    pub fn with_in_doubt_since(mut self, at: Option<u64>) -> Self {
        match &mut self {
            Self::Response(answer) => answer.in_doubt_since = at,
            Self::Error(lost) => lost.in_doubt_since = at,
            _ => {}
        }
        self
    }
}

impl RequestEvent {
    /// Records a request.
    pub fn from_request(request: &Request) -> Self {
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
                Purpose::Call | Purpose::Probe => None,
            },
        }
    }

    /// The request in one line, as [`Request::line`] shows it.
    pub fn line(&self) -> String {
        line(&self.method, &self.target, self.is_open())
    }

    /// Whether its values may be shown. Those of an unknown endpoint may not.
    pub fn is_open(&self) -> bool {
        endpoint(&self.endpoint).is_ok_and(|endpoint| is_open(&endpoint.metadata))
    }

    /// Whether its hash is right. An `Err` says what of the request cannot be read.
    pub(super) fn has_its_hash(&self) -> Result<bool, String> {
        // Most bodies need not be written and parsed again.
        let method = Method::parse(&self.method);
        let quick = method.zip(self.body.as_ref()).and_then(|(method, body)| match body {
            Body::Json(json) if !is_form(content_type(&self.headers)) => {
                Some(hash(method, &self.target, &in_order(json)))
            }
            _ => None,
        });
        Ok(quick.is_some_and(|hash| hash == self.hash) || identity(&self.wire()?) == self.hash)
    }

    /// Replaces the message.
    pub(crate) fn set_message(&mut self, wire: &wire::Request) {
        self.hash = identity(wire);
        self.target.clone_from(&wire.target);
        self.headers.clone_from(&wire.headers);
        self.body = Body::of_message(&wire.body);
    }

    /// The request as it was sent. An `Err` says what of it cannot be read.
    pub fn wire(&self) -> Result<wire::Request, String> {
        let method = Method::parse(&self.method)
            .ok_or_else(|| format!("`{}` is not an HTTP method", self.method))?;
        Ok(wire::Request {
            method,
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: Body::into_message(self.body.clone()).map_err(|error| error.to_string())?,
        })
    }
}

impl ResponseEvent {
    /// Checks that its body can be decoded.
    pub(super) fn check(&self) -> Result<(), base64::DecodeError> {
        match &self.body {
            Some(body @ Body::Base64(_)) => body.bytes().map(drop),
            _ => Ok(()),
        }
    }

    /// Records a response.
    pub fn from_response(scope: &str, ordinal: u64, answer: &Response) -> Self {
        Self {
            scope: scope.to_owned(),
            ordinal,
            status: answer.status,
            headers: answer.headers.clone(),
            body: Body::of_message(&answer.body),
            in_doubt_since: None,
        }
    }

    /// The response as it arrived.
    pub fn into_response(self) -> Result<Response, base64::DecodeError> {
        Ok(Response {
            status: self.status,
            headers: self.headers,
            body: Body::into_message(self.body)?,
        })
    }
}

impl ErrorEvent {
    /// The error as the caller got it. An `Err` says what of it cannot be read.
    pub fn into_error(self) -> Result<Error, String> {
        Error::from_recorded(&self.kind, self.detail)
            .ok_or_else(|| format!("`{}` is not a kind of error", self.kind))
    }

    /// Records that the caller stopped waiting: the response may have been on its way.
    pub(crate) fn unanswered(scope: &str, ordinal: u64) -> Self {
        Self {
            scope: scope.to_owned(),
            ordinal,
            kind: NetworkError::ConnectionLost.name().to_owned(),
            detail: UNANSWERED.to_owned(),
            in_doubt_since: None,
        }
    }

    /// Records why there is no response. `None` if the error says nothing about the request.
    pub fn from_error(scope: &str, ordinal: u64, error: &Error) -> Option<Self> {
        let (kind, detail) = error.recorded()?;
        Some(Self {
            scope: scope.to_owned(),
            ordinal,
            kind: kind.to_owned(),
            detail: detail.to_owned(),
            in_doubt_since: None,
        })
    }
}
