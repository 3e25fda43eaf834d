//! The kinds of faults, and what each does to an answer.

use std::time::Duration;

use drillmaster_models::{Metadata, Reply};
use serde_json::{Value, json};

use crate::request::Response;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection breaks before the service gets the request.
    ResetBefore,
    /// The connection breaks after the request took effect.
    ResetAfter,
    /// The service asks to slow down, and may say for how long.
    Throttled(Option<Duration>),
    /// The service answers with a 500 and the request does not take effect.
    ErrorBefore,
    /// The service answers with a 500 after the request took effect.
    ErrorAfter,
    /// The answer ends in the middle.
    Truncated,
    /// The answer says that it is JSON, and is not.
    Garbage,
    /// The answer is an HTML page.
    Html,
    /// The service fails now, with this status or by breaking the connection, and the request takes effect later.
    LateEffect {
        /// The status. Without one, the connection breaks.
        status: Option<u16>,
        /// When the request takes effect.
        after: Duration,
    },
    /// The request takes effect, and is answered, only after this time.
    SlowEffect {
        /// The status of a failure. Without one, the real answer comes.
        status: Option<u16>,
        /// When the request takes effect and is answered.
        after: Duration,
    },
    /// The answer of a list comes without the list.
    Listless {
        /// What comes instead.
        shape: Shape,
        /// The status.
        status: u16,
    },
}

/// What comes instead of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No body.
    Empty,
    /// `{}`.
    Object,
    /// `{"message": "maintenance"}`.
    Message,
    /// The real answer with a null in place of the list.
    Null,
    /// The real answer with an item that is a number.
    Kind,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Empty, Self::Object, Self::Message, Self::Null, Self::Kind];

    /// The name in a [`FaultPlan`](super::FaultPlan).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Object => "object",
            Self::Message => "message",
            Self::Null => "null",
            Self::Kind => "kind",
        }
    }

    /// The body of the answer, made from the real one.
    fn body(self, real: &[u8], metadata: Option<&Metadata>) -> Vec<u8> {
        let list = metadata.and_then(|metadata| metadata.list);
        let text = |value: Value| value.to_string().into_bytes();
        match self {
            Self::Empty => Vec::new(),
            Self::Object => text(json!({})),
            Self::Message => text(json!({ "message": "maintenance" })),
            Self::Null | Self::Kind => {
                let mut answer: Value = serde_json::from_slice(real).unwrap_or_default();
                let mut place = &mut answer;
                let steps = [
                    metadata.filter(|metadata| metadata.reply == Reply::Data).map(|_| "data"),
                    list.map(|list| list.items).filter(|items| !items.is_empty()),
                ];
                for step in steps.into_iter().flatten() {
                    if !place.is_object() {
                        *place = json!({});
                    }
                    place = &mut place[step];
                }
                match (self, place.as_array_mut()) {
                    (Self::Kind, Some(items)) if !items.is_empty() => items[0] = 7.into(),
                    (Self::Kind, _) => *place = json!([7]),
                    _ => *place = Value::Null,
                }
                text(answer)
            }
        }
    }
}

/// When a request with a fault takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesEffect {
    /// Never: the service does not get it.
    Never,
    /// Before it is answered.
    BeforeAnswer,
    /// This long after it was answered.
    AfterAnswer(Duration),
    /// After this time, and then it is answered.
    WithSlowAnswer(Duration),
}

/// What arrives of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultyAnswer {
    /// This answer.
    Answer(Response),
    /// Nothing: the connection breaks.
    Reset,
    /// Half of this answer, then the connection ends.
    Cut(Response),
}

impl FaultKind {
    /// When the request takes effect.
    pub fn takes_effect(self) -> TakesEffect {
        match self {
            Self::ResetBefore | Self::Throttled(_) | Self::ErrorBefore => TakesEffect::Never,
            Self::LateEffect { after, .. } => TakesEffect::AfterAnswer(after),
            Self::SlowEffect { after, .. } => TakesEffect::WithSlowAnswer(after),
            Self::ResetAfter
            | Self::ErrorAfter
            | Self::Truncated
            | Self::Garbage
            | Self::Html
            | Self::Listless { .. } => TakesEffect::BeforeAnswer,
        }
    }

    /// Turns the real answer into the faulty one. There is a real answer where the request
    /// [takes effect](Self::takes_effect) before it is answered. `metadata` is that of the call, if it is known.
    pub fn apply(self, real: Option<Response>, metadata: Option<&Metadata>) -> FaultyAnswer {
        let failed = |status| match status {
            204 | 304 => Response { status, headers: Vec::new(), body: Vec::new() },
            _ => Response::json(status, &json!({ "message": "unknown error" })),
        };
        let server_error = || failed(500);
        let replaced = |kind: &str, body: &str| Response {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        FaultyAnswer::Answer(match self {
            Self::ResetBefore | Self::ResetAfter | Self::LateEffect { status: None, .. } => {
                return FaultyAnswer::Reset;
            }
            Self::LateEffect { status: Some(status), .. }
            | Self::SlowEffect { status: Some(status), .. } => failed(status),
            Self::SlowEffect { status: None, .. } => real.unwrap_or_else(server_error),
            Self::Listless { shape, status } => {
                let real = real.unwrap_or_else(server_error);
                // A refusal has no list.
                if real.status >= 300 {
                    return FaultyAnswer::Answer(real);
                }
                let body =
                    if status == 204 { Vec::new() } else { shape.body(&real.body, metadata) };
                Response { status, body, ..real }
            }
            Self::Truncated => return FaultyAnswer::Cut(real.unwrap_or_else(server_error)),
            Self::ErrorBefore | Self::ErrorAfter => server_error(),
            Self::Garbage => replaced("application/json", "{\"status\": \"succ\u{fffd}, ]"),
            Self::Html => replaced("text/html", "<!DOCTYPE html><title>Be right back</title>"),
            Self::Throttled(retry_after) => {
                let mut answer = Response::json(429, &json!({ "message": "Too many requests." }));
                // The header has whole seconds only: rounded up, so that nobody comes too early.
                let seconds = retry_after.map(|time| time.as_millis().div_ceil(1000).to_string());
                answer.headers.extend(seconds.map(|seconds| ("retry-after".to_owned(), seconds)));
                answer
            }
        })
    }
}
