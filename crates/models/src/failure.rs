//! Why a call has no result.

use crate::error_spec::Means;
use crate::field_error::FieldError;

/// Why a call has no result, as far as the request and the answer show. Network errors belong to the
/// transport.
///
/// ```
/// use drillmaster_models::{Dialect, Failure, Means, endpoint, wire::Response};
/// use serde_json::json;
///
/// let full = Response::json(400, &json!({ "status": "error", "message": "No available seats in dashboard" }));
/// let failure = endpoint("thm.add_seat").unwrap().answer(&full, Dialect::Current).unwrap_err();
/// assert!(matches!(failure, Failure::Refused { means: Means::Exhausted, .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request is invalid and was not sent.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The dialect has no such endpoint; nothing was sent.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The service refused the request.
    #[error("{words}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's own text.
        words: String,
        /// What the text means, as declared.
        means: Means,
    },
    /// The service limits the rate of requests.
    #[error("the service asks to slow down ({status}: {words})")]
    Throttled {
        /// The HTTP status, 429 or 403.
        status: u16,
        /// The service's own text.
        words: String,
    },
    /// The service failed. It is unknown whether a write took effect.
    #[error("the service failed ({status}: {words})")]
    Broken {
        /// The HTTP status, 500 or above.
        status: u16,
        /// The service's own text.
        words: String,
    },
    /// The answer is an HTML page or a redirect instead of JSON.
    #[error("not an API answer ({status}, {what}): is the base URL right, is the key accepted?")]
    NotAnApi {
        /// The HTTP status.
        status: u16,
        /// What came instead of JSON.
        what: String,
    },
    /// The answer does not have the documented shape.
    #[error("the answer does not match the service's documentation: {0}")]
    Shape(String),
}

impl Failure {
    /// An answer with a value that does not have the documented shape.
    pub(crate) fn from_mismatch(error: &FieldError) -> Self {
        Self::Shape(format!("`{}` {}", error.field, error.problem))
    }
}

/// The legacy dialect has no such endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: the legacy dialect has no such endpoint")]
pub struct Unsupported {
    /// The endpoint that was asked for.
    pub endpoint: &'static str,
}
