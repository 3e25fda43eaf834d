//! How an endpoint is simulated: a function of the state and the call.

use drillmaster_models::{Dialect, Endpoint};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::academy::Academy;

/// A call that arrived, in the current dialect's terms.
#[derive(Debug)]
pub(crate) struct Call {
    /// The fields as they came: texts where they travelled in the path, the query or a form, JSON values
    /// where they travelled in a JSON body. Nothing is checked yet: the handler refuses in the service's words.
    pub(crate) fields: Map<String, Value>,
    /// When it arrived.
    pub(crate) now: Timestamp,
    /// The dialect in which it arrived, for the few lists that are shorter in the legacy one.
    pub(crate) dialect: Dialect,
}

impl Call {
    /// A field that is a text and not an empty one.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        let text = self.fields.get(field)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }
}

/// The service says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The documented HTTP status.
    pub(crate) status: u16,
    /// The documented words.
    pub(crate) words: String,
}

impl Refusal {
    /// A refusal in these words.
    pub(crate) fn new(status: u16, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }
}

/// What an endpoint does, with its types erased.
#[derive(Debug)]
pub(crate) struct Handler {
    /// The endpoint's name.
    pub(crate) endpoint: &'static str,
    /// Carries the call out.
    pub(crate) run: fn(&mut Academy, &Call) -> Result<Value, Refusal>,
    /// The HTTP status of a success, where the answer is not a redirect.
    pub(crate) status: fn(&Academy) -> u16,
}

impl Handler {
    /// The handler of `E`. `run` makes its [`answer`] from `E::Response`.
    pub(crate) const fn of<E: Endpoint>(
        run: fn(&mut Academy, &Call) -> Result<Value, Refusal>,
    ) -> Self {
        Self { endpoint: E::METADATA.name, run, status: |_| 200 }
    }

    /// The same with another status for its successes.
    pub(crate) const fn with_status(self, status: fn(&Academy) -> u16) -> Self {
        Self { status, ..self }
    }
}

/// The answer of `E` as JSON.
pub(crate) fn answer<E: Endpoint>(answer: &E::Response) -> Result<Value, Refusal> {
    serde_json::to_value(answer)
        .map_err(|error| Refusal::new(500, format!("the sandbox cannot write its answer: {error}")))
}
