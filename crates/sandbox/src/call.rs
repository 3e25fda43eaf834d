//! A call to a simulated endpoint, and the refusal of one.

use drillmaster_models::{Dialect, Endpoint};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A received call, in the terms of the current dialect.
#[derive(Debug)]
pub(crate) struct Call {
    /// The fields, unchecked: texts if they were sent in the path, the query or a form, JSON values if they were
    /// sent as JSON. The handler refuses invalid ones in the service's words.
    pub(crate) fields: Map<String, Value>,
    /// When the call was received.
    pub(crate) now: Timestamp,
    /// The dialect of the request. A few lists are shorter in the legacy dialect.
    pub(crate) dialect: Dialect,
}

impl Call {
    /// A field, if it is a non-empty text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        let text = self.fields.get(field)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }
}

/// The answer to a call, as JSON.
pub(crate) type Answer = Result<Value, Refusal>;

/// A refusal by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The documented HTTP status.
    pub(crate) status: u16,
    /// The documented message.
    pub(crate) words: String,
}

impl Refusal {
    /// A refusal with this message.
    pub(crate) fn new(status: u16, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }
}

/// The answer of endpoint `E`, as JSON.
pub(crate) fn answer<E: Endpoint>(answer: &E::Response) -> Answer {
    serde_json::to_value(answer)
        .map_err(|error| Refusal::new(500, format!("the sandbox cannot write its answer: {error}")))
}
